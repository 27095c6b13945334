#include "ingest/commands/scan_options.h"

#include <fmt/format.h>
#include <sched.h>

#include <fstream>
#include <iostream>

#include "ingest/commands/command.h"
#include "ingest/rfc3339.h"

namespace winnow {

std::string data_folder(const RulesOptions& options) {
  for (const auto& [name, value] : options.variables)
    if (name == "DBDIR") return value;
  return default_variables(options.config)["DBDIR"];
}

std::string statistics_folder(const std::string& given, const RulesOptions& options) {
  return given.empty() ? data_folder(options) + "/statistics" : given;
}

unsigned default_threads() {
  cpu_set_t set;
  unsigned count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = static_cast<unsigned>(CPU_COUNT(&set));
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  double limit = 0, period = 0;
  if (quota >> limit >> period && period > 0 && limit > 0)
    count = std::min(count, static_cast<unsigned>(std::max(1.0, limit / period)));
  return std::max(1u, count);
}

void add_variables(CLI::App& app, RulesOptions& options) {
  app.add_option_function<std::vector<std::string>>(
         "--var",
         [&options](const std::vector<std::string>& list) {
           for (const std::string& one : list) {
             const size_t equals = one.find('=');
             if (equals == std::string::npos)
               throw CLI::ValidationError("--var", "takes NAME=VALUE, not " + one);
             options.variables.emplace_back(one.substr(0, equals), one.substr(equals + 1));
           }
         },
         "variable of the configuration, NAME=VALUE; once for each")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  app.add_flag("-T,--skip-template", options.skip_template, "files of the site are no templates");
}

void add_place_options(CLI::App& app, RulesOptions& options) {
  app.add_option("-c,--config", options.config,
                 "the site's main file or its folder, e.g. /etc/rspamd/rspamd.conf");
  app.add_option("--policy", options.policy, "directory of the shipped policy");
  add_variables(app, options);
}

void ScanOptions::add_to(CLI::App& app) {
  flow.threads = default_threads();
  app.add_option("-c,--config", load.config, "site configuration, e.g. /etc/rspamd/rspamd.conf");
  app.add_option("--policy", load.policy, "directory of the shipped policy (default: built in)");
  app.add_option("--cache", load.cache, "directory of pattern databases and copies of maps");
  add_variables(app, load);
  app.add_flag("--strict", load.strict, "any warning about the configuration is an error");
  app.add_option("--threads", flow.threads, "worker threads")
      ->check(CLI::Range(1u, 1024u))
      ->capture_default_str();
  app.add_option("--batch-rows", flow.rows_max, "messages of one batch at most")
      ->check(CLI::Range(1u, 65536u))
      ->capture_default_str();
  app.add_option("--memory", flow.byte_budget, "bytes of mail in the flow at most")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_option("--now", now, "clock of the run, RFC 3339 (default: now)");
  app.add_option("--ip-from-received", ip_from_received,
                 "take the client's IP from the N-th Received header, 1 = topmost");
  app.add_option("--read-as", read_as, "how to take files")
      ->check(CLI::IsMember({"guess", "message", "mbox", "tar", "jsonl"}))
      ->capture_default_str();
}

Result<void> ScanOptions::finish() {
  using Format = ReadOptions::Format;
  read.format = read_as == "message" ? Format::kMessage
                : read_as == "mbox"  ? Format::kMbox
                : read_as == "tar"   ? Format::kTar
                : read_as == "jsonl" ? Format::kJsonLines
                                     : Format::kGuess;
  now_ms = clock_ms();
  if (!now.empty()) {
    const std::optional<int64_t> parsed = parse_rfc3339(now);
    if (!parsed)
      return fail(fmt::format(
          "--now takes an RFC 3339 time such as 2026-11-24T15:00:00Z, not \"{}\"", now));
    now_ms = *parsed;
  }
  return {};
}

std::optional<int> parse_arguments(CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return kExitGood;
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: {}; {} --help lists the options\n", app.get_name(), error.what(),
               app.get_name());
    return kExitUsage;
  }
  return std::nullopt;
}

}  // namespace winnow
