// configtest, confighelp, and `config why|diff`: what is wrong with a configuration, what options
// mean, where values come from.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "ingest/commands/command.h"
#include "ingest/commands/output.h"
#include "ingest/commands/scan_options.h"
#include "ingest/serve/settings.h"
#include "rules/config/dump.h"
#include "rules/config/options.h"

namespace winnow {

namespace {

void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

int configtest_command(const std::vector<std::string>& arguments) {
  CLI::App app("Loads the configuration and says what is wrong with it.", "winnow configtest");
  RulesOptions options;
  bool quiet = false;
  add_place_options(app, options);
  app.add_flag("-s,--strict", options.strict, "warnings make it fail");
  app.add_flag("-q,--quiet", quiet, "no word unless something is wrong");
  if (const std::optional<int> over = parse_arguments(app, arguments)) return *over;
  const bool strict = options.strict;
  options.strict = false;  // every warning is to be shown, not the first alone
  Result<Loaded> loaded = load_rules(options);
  if (!loaded) {
    complain("configtest", loaded.error().text());
    return kExitUsage;
  }
  for (const ConfigWarning& warning : loaded->rules->warnings)
    complain("configtest", warning.text());
  // What front ends alone read.
  const std::vector<Warning> front = read_serve_settings(loaded->config->root()).warnings;
  for (const Warning& warning : front) complain("configtest", warning.text());
  if (!quiet)
    for (const std::string& note : loaded->rules->notes) complain("configtest", "note: " + note);
  const size_t count = loaded->rules->warnings.size() + front.size();
  if (!quiet || count > 0)
    fmt::print("syntax OK, {} symbols, {} rules, {} composites, {} warning{}\n",
               loaded->rules->model.symbols.size(), loaded->rules->judge.rules.size(),
               loaded->rules->model.composites.size(), count, count == 1 ? "" : "s");
  return strict && count > 0 ? kExitFindings : kExitGood;
}

int confighelp_command(const std::vector<std::string>& arguments) {
  CLI::App app("Says what options mean: by path, or by word with -k.", "winnow confighelp");
  std::vector<std::string> paths;
  std::string keyword;
  bool json = false;
  app.add_option("PATH", paths, "e.g. options.dns or rbl.rbls.*");
  app.add_option("-k,--keyword", keyword, "options whose name or text has this word");
  app.add_flag("-j,--json", json, "as JSON");
  if (const std::optional<int> over = parse_arguments(app, arguments)) return *over;
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

// A symbol that a rule of a module inserts, as multimap's and rbl's: where its weight stands.
bool why_symbol(const RulesOptions& options, const std::string& what) {
  const Result<Loaded> loaded = load_rules(options);
  const SymbolId id = loaded ? loaded->rules->model.find_symbol(what) : kNoId<SymbolId>;
  if (id == kNoId<SymbolId>) return false;
  const ScoreModel& model = loaded->rules->model;
  const Symbol& symbol = model.symbols[index(id)];
  if (symbol.flags & static_cast<uint16_t>(SymbolFlag::kUndefined)) return false;
  const Place& place = symbol.score_place.file.empty() ? symbol.place : symbol.score_place;
  std::string groups;
  for (const GroupId group : symbol.groups)
    groups += (groups.empty() ? "" : ", ") + model.groups[index(group)].name;
  fmt::print("= {}  score {} in group {}\n", place.file.empty() ? "a rule" : place.text(),
             score_text(symbol.score), groups.empty() ? "(none)" : groups);
  return true;
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
  for (const SymbolDefinition& definition : symbol_definitions(config.root(), what)) {
    found = true;
    fmt::print("{}  group {}: {}\n", definition.body->place().text(),
               definition.group.empty() ? "(none)" : definition.group,
               dump(*definition.body, {.format = DumpFormat::kJsonCompact}));
  }
  // A path as it stands, or the score of a rule or composite of that name.
  for (const std::string& path :
       {what, "regexp." + what + ".score", "composites." + what + ".score"}) {
    for (const Origin& origin : origins(config.root(), path)) {
      found = true;
      fmt::print("{} {}  {} (priority {})\n", origin.effective ? "=" : " ", origin.place.text(),
                 origin.value, origin.priority);
    }
  }
  if (!found) found = why_symbol(options, what);
  if (!found) {
    const std::string places = places_of_option(what);
    complain("config", fmt::format("nothing sets {}{}{}", what,
                                   places.empty() ? "" : "; options of that name: ", places));
  }
  return found ? kExitGood : kExitFindings;
}

}  // namespace

int config_command(const std::vector<std::string>& arguments) {
  CLI::App app("Answers questions about the configuration.", "winnow config");
  app.require_subcommand(1);
  app.fallthrough();  // options stand before or after the subcommand
  RulesOptions options;
  add_place_options(app, options);
  std::string what, left, right;
  CLI::App* const why_app = app.add_subcommand("why", "where a value comes from, winner first");
  why_app->add_option("SYMBOL_OR_PATH", what)->required();
  CLI::App* const diff_app = app.add_subcommand("diff", "what two trees set differently");
  diff_app->add_option("TREE_A", left, "main file or its directory")->required();
  diff_app->add_option("TREE_B", right, "main file or its directory")->required();
  if (const std::optional<int> over = parse_arguments(app, arguments)) return *over;
  if (why_app->parsed()) {
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
