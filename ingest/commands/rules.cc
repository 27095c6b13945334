// winnow rules: lists the rules, shows one, runs the tests that stand beside them.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "engine/match/plan.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/output.h"
#include "ingest/commands/rule_tests.h"
#include "ingest/commands/rules_cost.h"
#include "ingest/commands/scan_options.h"
#include "rules/config/nearest.h"

namespace winnow {

namespace {

constexpr size_t kFewSymbols = 8;

struct RulesCommand {
  RulesOptions load;
  std::string format = "table";
  std::string symbol;
  std::vector<std::string> symbols;
  std::vector<std::string> paths;
};

Result<Loaded> load(RulesCommand& options) {
  options.load.keep_tests = true;
  Result<Loaded> loaded = load_rules(options.load);
  if (loaded)
    for (const ConfigWarning& warning : loaded->rules->warnings) complain("rules", warning.text());
  return loaded;
}

std::string groups_of(const RuleSet& rules, const Symbol& symbol) {
  std::string out;
  for (const GroupId group : symbol.groups) {
    if (!out.empty()) out += ',';
    out += rules.model.groups[index(group)].name;
  }
  return out;
}

const RuleInfo* info_of(const RuleSet& rules, SymbolId id) {
  const auto at = std::ranges::find(rules.rules, id, &RuleInfo::symbol);
  return at == rules.rules.end() ? nullptr : &*at;
}

uint64_t pattern_bytes(const RuleSet& rules) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < rules.atoms.size(); ++i)
    if (const PatternSpec* const pattern = rules.match->pattern(static_cast<AtomId>(i)))
      sum += pattern->regex.size();
  return sum;
}

int list(RulesCommand& options) {
  Result<Loaded> loaded = load(options);
  if (!loaded) {
    complain("rules", loaded.error().text());
    return kExitUsage;
  }
  const RuleSet& rules = *loaded->rules;
  std::vector<const Symbol*> symbols;
  for (const Symbol& symbol : rules.model.symbols) symbols.push_back(&symbol);
  std::ranges::sort(symbols, {}, &Symbol::name);
  if (options.format == "json") {
    const MatchReport& report = rules.match->report();
    fmt::print(
        "{{\"symbols\":{},\"rules\":{},\"composites\":{},\"atoms\":{},\"patterns\":{},"
        "\"pattern_bytes\":{},\"exact\":{},\"prefilter\":{},\"pcre_alone\":{}}}\n",
        symbols.size(), rules.judge.rules.size(), rules.model.composites.size(), rules.atoms.size(),
        report.patterns, pattern_bytes(rules), report.exact, report.prefilter, report.alone);
    return kExitGood;
  }
  for (const Symbol* const symbol : symbols)
    fmt::print("{:<36} {:>7}  {:<18} {}\n", symbol->name, score_text(symbol->score),
               groups_of(rules, *symbol), symbol->description);
  return kExitGood;
}

SymbolId find_or_complain(const RuleSet& rules, const std::string& name) {
  const SymbolId id = rules.model.find_symbol(name);
  if (id == kNoId<SymbolId>) {
    std::vector<std::string_view> known;
    for (const Symbol& symbol : rules.model.symbols) known.push_back(symbol.name);
    const std::string near = did_you_mean(name, known);
    complain("rules",
             fmt::format("there is no symbol {}{}{}", name, near.empty() ? "" : ". ", near));
  }
  return id;
}

int show(RulesCommand& options) {
  Result<Loaded> loaded = load(options);
  if (!loaded) {
    complain("rules", loaded.error().text());
    return kExitUsage;
  }
  const RuleSet& rules = *loaded->rules;
  const SymbolId id = find_or_complain(rules, options.symbol);
  if (id == kNoId<SymbolId>) return kExitFindings;
  const Symbol& symbol = rules.model.symbols[index(id)];
  fmt::print("{}\n  {}\n  weight {} from {}\n  groups {}\n", symbol.name, symbol.description,
             score_text(symbol.score),
             symbol.score_place.file.empty() ? "nowhere" : symbol.score_place.text(),
             groups_of(rules, symbol));
  fmt::print("  {} insertions count\n",
             symbol.shots_max == 0 ? std::string("all") : std::to_string(symbol.shots_max));
  if (const RuleInfo* const info = info_of(rules, id)) {
    if (!info->check.empty()) fmt::print("  inserted by check {}\n", info->check);
    if (!info->expression.empty())
      fmt::print("  {} at {}\n", info->expression, symbol.place.text());
    fmt::print("  {} tests\n", info->tests.size());
  }
  for (const Composite& composite : rules.model.composites)
    if (composite.symbol == id ||
        std::ranges::find(composite.atoms, id, &CompositeAtom::symbol) != composite.atoms.end())
      fmt::print("  {} composite {}: {}\n", composite.symbol == id ? "is" : "read by",
                 rules.model.symbols[index(composite.symbol)].name, composite.expression);
  return kExitGood;
}

int test(RulesCommand& options) {
  Result<Loaded> loaded = load(options);
  if (!loaded) {
    complain("rules", loaded.error().text());
    return kExitUsage;
  }
  const bool shipped = options.load.config.empty() && options.load.variables.empty();
  for (const std::string& name : options.symbols)
    if (find_or_complain(*loaded->rules, name) == kNoId<SymbolId>) return kExitFindings;
  // The tests of a few symbols are over before databases would be there.
  const bool few = !options.symbols.empty() && options.symbols.size() <= kFewSymbols;
  const RuleTestReport report = run_rule_tests(
      loaded->rules, loaded->build_databases && !few ? loaded->build_databases() : nullptr,
      options.symbols, shipped);
  for (const std::string& failure : report.failures) fmt::print("{}\n", failure);
  fmt::print("{} symbols with tests, {} hits and {} near misses checked, {} failed\n",
             report.symbols, report.hits, report.misses, report.failures.size());
  if (report.symbols == 0) complain("rules", "no test was run");
  return report.failures.empty() && report.symbols > 0 ? kExitGood : kExitFindings;
}

int cost(RulesCommand& options) {
  Result<Loaded> loaded = load(options);
  if (!loaded) {
    complain("rules", loaded.error().text());
    return kExitUsage;
  }
  return print_rules_cost(loaded->rules, options.paths);
}

}  // namespace

int rules_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Lists, shows and tests rules.", "winnow rules");
  parser.require_subcommand();
  RulesCommand options;
  parser.add_option("-c,--config", options.load.config, "site configuration");
  parser.add_option("--policy", options.load.policy, "directory of the shipped policy");
  parser.add_option("--cache", options.load.cache, "directory of compiled pattern databases");
  add_variables(parser, options.load);
  ArgumentParser list_parser = parser.add_subcommand("list", "every symbol with its weight");
  list_parser.add_option("--format", options.format, "table for people, json for programs")
      .one_of({"table", "json"});
  ArgumentParser show_parser =
      parser.add_subcommand("show", "one symbol: weight, place, expression");
  show_parser.add_option("SYMBOL", options.symbol, "its name").required();
  ArgumentParser test_parser = parser.add_subcommand("test", "run the tests beside the rules");
  test_parser.add_option("SYMBOL", options.symbols, "of these (default: of all)");
  ArgumentParser cost_parser =
      parser.add_subcommand("cost", "what each pattern costs on your mail, beside its hits");
  cost_parser.add_option("PATH", options.paths, "mail to measure on").required();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (cost_parser.parsed()) return cost(options);
  if (list_parser.parsed()) return list(options);
  return show_parser.parsed() ? show(options) : test(options);
}

}  // namespace winnow
