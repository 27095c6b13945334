// configtest, confighelp, and `config why|diff`: what is wrong with a configuration, what options
// mean, where values come from.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/output.h"
#include "ingest/commands/scan_options.h"
#include "ingest/serve/settings.h"
#include "pipeline/lookup/settings.h"
#include "pipeline/stock_files.h"
#include "rules/config/dump.h"
#include "rules/config/nearest.h"
#include "rules/config/options.h"

namespace winnow {

namespace {

void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

int configtest_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Loads the configuration and says what is wrong with it.",
                        "winnow configtest");
  RulesOptions options;
  bool quiet = false;
  add_place_options(parser, options);
  parser.add_flag("-s,--strict", options.strict, "warnings make it fail");
  parser.add_flag("-q,--quiet", quiet, "no word unless something is wrong");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  const bool strict = options.strict;
  options.strict = false;  // every warning is to be shown, not the first alone
  Result<Loaded> loaded = load_rules(options);
  if (!loaded) {
    complain("configtest", loaded.error().text());
    return kExitUsage;
  }
  for (const ConfigWarning& warning : loaded->rules->warnings)
    complain("configtest", warning.text());
  // What would stop a service at its start.
  ServeSettings service = read_serve_settings(loaded->config->root());
  std::vector<std::string> stops;
  std::vector<Listening> sockets;
  const auto check = [&](const std::vector<std::string>& places, Front front, const char* worker) {
    for (std::string where : places) {
      if (const Result<void> good = check_listening(where, front); !good)
        stops.push_back(fmt::format("worker.{}.bind_socket: {}", worker, good.error().text()));
      const bool tls = take_ssl(where);
      sockets.push_back({.front = front, .name = where, .tls = tls});
    }
  };
  check(service.milter, Front::kMilter, "rspamd_proxy");
  check(service.http, Front::kHttp, "normal");
  check(service.controller, Front::kController, "controller");
  if (Result<ServeSettings> whole = load_serve_settings(loaded->config->root(), sockets); whole)
    service = std::move(*whole);
  else
    stops.push_back(whole.error().text());
  if (!loaded->rules->dns.nameservers.empty())
    if (const auto servers = lookup_options(loaded->rules->dns); !servers)
      stops.push_back(servers.error().text());
  for (const std::string& what : stops) complain("configtest", what);
  // What front ends alone read; and what nothing reads, though somebody wrote it.
  std::vector<Warning> more = service.warnings;
  for (Warning& warning : edited_stock_files(options.config)) more.push_back(std::move(warning));
  for (const Warning& warning : more) complain("configtest", warning.text());
  if (!quiet)
    for (const std::string& note : loaded->rules->notes) complain("configtest", "note: " + note);
  const size_t count = loaded->rules->warnings.size() + more.size();
  if (!stops.empty()) return kExitUsage;
  if (!quiet || count > 0)
    fmt::print("syntax OK, {} symbols, {} rules, {} composites, {} warning{}\n",
               loaded->rules->model.symbols.size(), loaded->rules->judge.rules.size(),
               loaded->rules->model.composites.size(), count, count == 1 ? "" : "s");
  return strict && count > 0 ? kExitFindings : kExitGood;
}

int confighelp_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Says what options mean: by path, or by word with -k.",
                        "winnow confighelp");
  std::vector<std::string> paths;
  std::string keyword;
  bool json = false;
  parser.add_option("PATH", paths, "e.g. options.dns or rbl.rbls.*");
  parser.add_option("-k,--keyword", keyword, "options whose name or text has this word");
  parser.add_flag("-j,--json", json, "as JSON");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (!keyword.empty()) {
    const std::string text = option_search(keyword, json);
    put(text);
    return text.empty() ? kExitFindings : kExitGood;
  }
  if (paths.empty()) {
    complain("confighelp", "name a path such as options.dns, or a word with -k");
    return kExitUsage;
  }
  int code = kExitGood;
  for (const std::string& path : paths) {
    const std::string text = option_help(path, json);
    if (text.empty()) {
      complain("confighelp", fmt::format("there is no option {}", path));
      code = kExitFindings;
    }
    put(text);
  }
  return code;
}

namespace {

// What a symbol weighs once all is put together, and where that stands: of a weight that no file
// gives, the check or rule that has it built in.
bool why_symbol(const Loaded& loaded, const std::string& what, Place& winner) {
  const RuleSet& rules = *loaded.rules;
  const SymbolId id = rules.model.find_symbol(what);
  if (id == kNoId<SymbolId>) return false;
  const Symbol& symbol = rules.model.symbols[index(id)];
  if (symbol.flags & static_cast<uint16_t>(SymbolFlag::kUndefined)) return false;
  winner = symbol.score_place.file.empty() ? symbol.place : symbol.score_place;
  std::string where = winner.file.empty() ? "a rule" : winner.text();
  if (winner.line == 0) where += ", built in";
  std::string groups;
  for (const GroupId group : symbol.groups)
    groups += (groups.empty() ? "" : ", ") + rules.model.groups[index(group)].name;
  fmt::print("= {}  score {} in group {}\n", where, score_text(symbol.score),
             groups.empty() ? "(none)" : groups);
  return true;
}

// "config why actions.rejct": the nearest of what does exist.
std::string nearest_thing(const ScoreModel& model, const std::string& what) {
  std::vector<std::string_view> known;
  for (const Symbol& symbol : model.symbols) known.push_back(symbol.name);
  std::vector<std::string> paths;
  for (const OptionRow& row : option_rows())
    if (row.section.find_first_of("* ") == std::string_view::npos)
      paths.push_back(fmt::format("{}.{}", row.section, row.key));
  known.insert(known.end(), paths.begin(), paths.end());
  const std::string near = did_you_mean(what, known);
  return near.empty() ? near : ". " + near;
}

// Weights that a module's own rule gives (multimap.NAME.score, rbl.rbls.X.…), and those of groups:
// all that name the symbol, but for the winner.
void print_losers(const UclObject& root, const std::string& what, const Place& winner) {
  const auto same = [&](const Place& place) {
    return place.file == winner.file && place.line == winner.line;
  };
  for (const SymbolDefinition& definition : symbol_definitions(root, what)) {
    const UclObject* weight = definition.body->find("score");
    if (!weight) weight = definition.body->find("weight");
    const Place place = weight ? weight->last_value().place() : definition.body->place();
    if (!same(place))
      fmt::print("  {}  group {}: {}\n", place.text(),
                 definition.group.empty() ? "(none)" : definition.group,
                 dump(*definition.body, {.format = DumpFormat::kJsonCompact}));
  }
  for (const char* const section : {"multimap.", "regexp.", "composites."})
    for (const char* const key : {".score", ".weight"})
      for (const Origin& origin : origins(root, section + what + key))
        if (!same(origin.place))
          fmt::print("  {}  {} (priority {})\n", origin.place.text(), origin.value,
                     origin.priority);
}

// Where an option of that name stands, for who left out its section.
std::string places_of_option(std::string_view name) {
  constexpr size_t kShown = 3;
  std::string out;
  size_t count = 0;
  for (const OptionRow& row : option_rows())
    if (row.key == name && row.section.find_first_of("* ") == std::string_view::npos &&
        count++ < kShown)
      out += fmt::format("{}{}.{}", out.empty() ? "" : ", ", row.section, row.key);
  return out;
}

int why(const Config& config, const RulesOptions& options, const std::string& what) {
  bool found = false;
  for (const Origin& origin : origins(config.root(), what)) {
    found = true;
    fmt::print("{} {}  {} (priority {})\n", origin.effective ? "=" : " ", origin.place.text(),
               origin.value, origin.priority);
  }
  if (found) return kExitGood;
  const Result<Loaded> loaded = load_rules(options);
  if (!loaded) {
    complain("config", loaded.error().text());
    return kExitUsage;
  }
  Place winner;
  if (why_symbol(*loaded, what, winner)) {
    print_losers(config.root(), what, winner);
    return kExitGood;
  }
  const std::string places = places_of_option(what);
  complain("config", fmt::format("nothing sets {}{}{}{}", what,
                                 places.empty() ? "" : "; options of that name: ", places,
                                 places.empty() ? nearest_thing(loaded->rules->model, what) : ""));
  return kExitFindings;
}

}  // namespace

int config_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Answers questions about the configuration.", "winnow config");
  parser.require_subcommand();
  RulesOptions options;
  add_place_options(parser, options);
  std::string what, left, right;
  ArgumentParser why_parser =
      parser.add_subcommand("why", "where a value comes from, winner first");
  why_parser.add_option("SYMBOL_OR_PATH", what, "e.g. actions.reject or SUBJ_ALL_CAPS").required();
  ArgumentParser diff_parser = parser.add_subcommand("diff", "what two trees set differently");
  diff_parser.add_option("TREE_A", left, "main file or its directory").required();
  diff_parser.add_option("TREE_B", right, "main file or its directory").required();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (why_parser.parsed()) {
    Result<Config> config = load_configuration(options);
    if (config) return why(*config, options, what);
    complain("config", config.error().text());
    return kExitUsage;
  }
  std::optional<Config> trees[2];
  for (int i = 0; i < 2; ++i) {
    options.config = i == 0 ? left : right;
    if (!options.config.ends_with(".conf")) options.config += "/rspamd.conf";
    Result<Config> config = load_configuration(options);
    if (!config) {
      complain("config", config.error().text());
      return kExitUsage;
    }
    trees[i].emplace(std::move(*config));
  }
  const std::vector<std::string> lines = config_diff(trees[0]->root(), trees[1]->root());
  for (const std::string& line : lines) fmt::print("{}\n", line);
  return lines.empty() ? kExitGood : kExitFindings;
}

}  // namespace winnow
