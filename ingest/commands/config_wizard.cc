// configwizard: the first files of a site, one step at a time. Each step reads one line of answer
// from standard input (an empty line leaves all as it is), so that a script can feed it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"
#include "rules/config/dump.h"

namespace winnow {

namespace {

namespace fs = std::filesystem;

struct Step {
  std::string_view name;
  std::string_view question;
  std::string_view file;  // in local.d
  std::string_view key;
  std::string_view path;  // of the merged configuration: where it is set already
};

constexpr std::array kSteps{
    Step{"controller", "Password of the controller (a hash as `rspamadm pw` prints it)",
         "worker-controller.inc", "password", "worker.controller.password"},
    Step{"redis", "Redis server (HOST:PORT or the path of a socket)", "redis.conf", "servers",
         "redis.servers"},
    Step{"reject", "Score from which mail is rejected", "actions.conf", "reject", "actions.reject"},
    Step{"dns", "DNS resolver (an IP address)", "options.inc", "dns.nameserver",
         "options.dns.nameserver"},
};

// What is wrong with an answer; empty = nothing.
std::string objection(const Step& step, std::string_view answer) {
  if (answer.find_first_of("\"\\\n") != std::string_view::npos)
    return "quotes and backslashes do not belong here";
  if (step.name == "controller" && !answer.starts_with('$'))
    return "this is no hash; a password is not kept as it is";
  if (step.name == "reject") {
    UclDocument document;
    const std::optional<double> score = document.make_scalar(answer)->as_number();
    if (!score || !(*score > 0)) return "this is no number above 0";
  }
  return {};
}

std::string line_of(const Step& step, std::string_view answer) {
  const std::string value =
      step.name == "reject" ? std::string(answer) : fmt::format("\"{}\"", answer);
  const size_t dot = step.key.find('.');
  if (dot == std::string_view::npos) return fmt::format("{} = {};\n", step.key, value);
  return fmt::format("{} {{\n  {} = [{}];\n}}\n", step.key.substr(0, dot), step.key.substr(dot + 1),
                     value);
}

// False: something is wrong with the answer or the file.
bool take(const Step& step, const Config& config, const fs::path& folder) {
  if (const UclObject* const set = config.root().get(step.path);
      set && !set->place().file.starts_with("policy:/")) {
    fmt::print("{}: set already at {}\n", step.name, set->place().text());
    return true;
  }
  fmt::print("{}: {}? ", step.name, step.question);
  std::fflush(stdout);
  std::string answer;
  if (!std::getline(std::cin, answer) || answer.empty()) {
    fmt::print("\n{}: left as it is\n", step.name);
    return true;
  }
  if (const std::string wrong = objection(step, answer); !wrong.empty()) {
    complain("configwizard", fmt::format("{}: {}", step.name, wrong));
    return false;
  }
  const fs::path file = folder / "local.d" / step.file;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  std::ofstream out(file, std::ios::app);
  out << line_of(step, answer);
  if (!out.flush()) {
    complain("configwizard", fmt::format("cannot write {}", file.string()));
    return false;
  }
  fmt::print("\n{}: written to {}\n", step.name, file.string());
  return true;
}

}  // namespace

int configwizard_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Writes the first files of a site; asks on standard output, reads answers from\n"
      "standard input, a line each; an empty line leaves all as it is.",
      "winnow configwizard");
  RulesOptions options;
  std::vector<std::string> names;
  add_place_options(parser, options);
  parser.add_option("CHECK", names,
                    "steps to take, in this order; `list` names them (default: all)");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (names == std::vector<std::string>{"list"}) {
    for (const Step& step : kSteps) fmt::print("{:<12} {}\n", step.name, step.question);
    return kExitGood;
  }
  if (names.empty())
    for (const Step& step : kSteps) names.emplace_back(step.name);
  if (options.config.empty()) {
    complain("configwizard", "name the site's main file with --config");
    return kExitUsage;
  }
  const fs::path given(options.config);
  std::error_code error;
  const bool is_file = given.extension() == ".conf" && !fs::is_directory(given, error);
  const fs::path folder = is_file ? given.parent_path() : given;
  // A site begins as a folder with nothing in it; one that holds something else is no site.
  if (!folder.empty() && (!fs::exists(folder, error) || fs::is_empty(folder, error))) {
    fs::create_directories(folder / "local.d", error);
    if (error) {
      complain("configwizard",
               fmt::format("cannot make {}: {}", (folder / "local.d").string(), error.message()));
      return kExitUsage;
    }
    fmt::print("{}: made\n", (folder / "local.d").string());
  }
  for (const std::string& name : names) {
    const auto step = std::ranges::find(kSteps, name, &Step::name);
    if (step == kSteps.end()) {
      complain("configwizard",
               fmt::format("there is no step {}; `configwizard list` names them", name));
      return kExitUsage;
    }
    // Read again each time: a step may have written what the next one asks for.
    Result<Config> config = load_configuration(options);
    if (!config) {
      complain("configwizard", config.error().text());
      return kExitUsage;
    }
    if (!take(*step, *config, folder)) return kExitFindings;
  }
  return kExitGood;
}

}  // namespace winnow
