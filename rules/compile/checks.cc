// Checks: their symbols are declared first, their options are compiled last.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/score/micro.h"
#include "rules/compile/compile.h"

namespace winnow {

namespace {

bool is_enabled(const Check& check, const UclObject* section) {
  return section ? section->flag("enabled", check.default_enabled) : check.default_enabled;
}

// check_local or check_authed of a module, else of options { }.
bool reads_mail_of(const UclObject& root, const UclObject* section, std::string_view option) {
  const UclObject* const all = root.find("options");
  const bool by_default = all && all->flag(option, false);
  return section ? section->flag(option, by_default) : by_default;
}

// What the options name a symbol of the check; nothing where they say nothing of it.
std::optional<std::string_view> given_name(const Check& check, const UclObject* section,
                                           std::string_view symbol) {
  const auto row = std::ranges::find(check.names, symbol, &SymbolName::symbol);
  if (!section || row == check.names.end()) return std::nullopt;
  const size_t dot = row->option.find('.');
  if (dot != std::string_view::npos) section = section->find(row->option.substr(0, dot));
  const std::string_view key = row->option.substr(dot == std::string_view::npos ? 0 : dot + 1);
  const UclObject* const value = section && section->is_object() ? section->find(key) : nullptr;
  if (!value || value->is_container()) return std::nullopt;
  return section->string(key, symbol);
}

// Of judges that run when the filters of all other checks have: higher than any chain of `after`.
constexpr uint16_t kLateLevel = 60'000;

// A judge stands one level above those whose symbols it reads, in its phase.
void level_judges(JudgePlan& plan) {
  for (size_t round = 0; round < plan.checks.size(); ++round) {
    bool moved = false;
    for (CheckJudge& later : plan.checks) {
      const Check& check = *all_checks()[index(later.check)];
      for (const CheckJudge& earlier : plan.checks) {
        const std::string_view name = all_checks()[index(earlier.check)]->name;
        if (earlier.phase != later.phase ||
            std::ranges::find(check.after, name) == check.after.end())
          continue;
        if (later.level > earlier.level) continue;
        later.level = static_cast<uint16_t>(earlier.level + 1);
        moved = true;
      }
    }
    if (!moved) return;
  }
}

// Where the table of options has what stands in a rule of the check.
std::string_view rules_section(const Check& check) {
  constexpr std::pair<std::string_view, std::string_view> kInside[] = {
      {"multimap", "multimap.*"}, {"rbl", "rbl.rbls.*"}, {"whitelist", "whitelist.rules.*"}};
  for (const auto& [name, section] : kInside)
    if (check.name == name) return section;
  return check.name;
}

// A symbol that a rule of a check's section defines.
SymbolId declare(Compiler& compiler, const Check& check, std::string_view name,
                 const UclObject* body, double score, std::string_view group,
                 std::string expression) {
  const bool known = compiler.find_symbol(name) != kNoId<SymbolId>;
  const SymbolId id = compiler.inserted(name);
  if (!known) {
    Symbol& symbol = compiler.set.model.symbols[index(id)];
    symbol.score = to_micro(score);
    if (body) symbol.place = symbol.score_place = compiler.place(*body);
    RuleInfo info;
    info.symbol = id;
    info.check = check.name;
    info.expression = std::move(expression);
    compiler.set.rules.push_back(std::move(info));
  }
  if (body) read_symbol(compiler, *body, id, rules_section(check));
  if (compiler.set.model.symbols[index(id)].groups.empty()) compiler.join_group(id, group);
  return id;
}

// A new atom; `pattern` is null where a check sets it.
Result<AtomId> new_atom(Compiler& compiler, const PatternSpec* pattern, std::string text) {
  const auto fresh = static_cast<AtomId>(compiler.set.atoms.size());
  Result<AtomId> id = fresh;
  if (pattern) id = compiler.patterns.add(*pattern, fresh);
  if (id && *id == fresh) compiler.set.atoms.push_back({std::move(text), pattern != nullptr});
  return id;
}

CompileContext make_context(Compiler& compiler, const Check& check, const UclObject* section) {
  RuleSet& set = compiler.set;
  CompileContext context{.options = section, .headers = set.headers, .limits = set.limits};
  context.map = [&compiler, section](std::string_view option) -> std::shared_ptr<const Map> {
    const UclObject* const value = section ? section->find(option) : nullptr;
    return value ? compiler.maps.load(*value, MapKind::kHash) : nullptr;
  };
  context.map_of = [&compiler](const UclObject& value, MapKind kind) {
    return compiler.maps.load(value, kind);
  };
  context.warn = [&compiler, &check, section](std::string_view option, std::string sentence) {
    const UclObject* const at = section ? section->find(option) : nullptr;
    compiler.warn(at ? compiler.place(*at) : Place{},
                  fmt::format("{}.{}: {}", check.name, option, sentence));
  };
  context.warn_at = [&compiler](const UclObject& at, std::string sentence) {
    compiler.warn(at, std::move(sentence));
  };
  context.symbol = [&compiler](std::string_view name) { return compiler.find_symbol(name); };
  context.declare = [&compiler, &check](std::string_view name, const UclObject* body, double score,
                                        std::string_view group, std::string expression) {
    return declare(compiler, check, name, body, score, group, std::move(expression));
  };
  context.action = [&set](std::string_view name) {
    if (name == "accept" || name == "noaction") name = "no action";
    const ActionId id = set.model.find_action(name);
    if (id != kNoId<ActionId>) return id;
    std::string spaced(name);
    std::ranges::replace(spaced, '_', ' ');
    return set.model.find_action(spaced);
  };
  context.symbol_phase = [&set](SymbolId symbol, Phase phase) {
    std::vector<Phase>& phases = set.judge.symbol_phases;
    if (phases.size() <= index(symbol)) phases.resize(index(symbol) + 1, Phase::kFilter);
    phases[index(symbol)] = phase;
  };
  context.pattern = [&compiler](const PatternSpec& spec, std::string text) {
    return new_atom(compiler, &spec, std::move(text));
  };
  context.fact = [&compiler](std::string text) {
    return *new_atom(compiler, nullptr, std::move(text));
  };
  context.own = set.own;
  context.list_questions_max = set.list_questions_max;
  if (FileSource* const files = compiler.options.files) {
    context.read_file = [files](std::string_view path) { return files->read(path); };
    context.glob = [files](std::string_view pattern) { return files->glob(pattern); };
  }
  context.selector = [&compiler] { return compiler.selectors++; };
  context.wants_languages = [&compiler] { compiler.languages = true; };
  return context;
}

}  // namespace

void declare_checks(Compiler& compiler, const UclObject& root) {
  for (const Check* const check : all_checks()) {
    const UclObject* const section = root.find(section_of(*check));
    for (const SymbolDecl& decl : check->symbols) {
      const std::optional<std::string_view> given = given_name(*check, section, decl.name);
      const SymbolId id = compiler.inserted(given && !given->empty() ? *given : decl.name);
      if (given && given->empty())
        compiler.set.model.symbols[index(id)].flags |= static_cast<uint16_t>(SymbolFlag::kDisabled);
      // Whoever asks for the name that it has by default means it still.
      compiler.symbol_ids.insert_or_assign(std::string(decl.name), id);
      Symbol& symbol = compiler.set.model.symbols[index(id)];
      symbol.description = decl.description;
      symbol.score = to_micro(decl.score);
      symbol.place.file = symbol.score_place.file =
          compiler.set.intern(fmt::format("check {}", check->name));
      // Without a description it is a fact that content() leaves for judge(): sealed like others,
      // and off, so that it never counts nor shows.
      if (decl.description.empty()) symbol.flags |= static_cast<uint16_t>(SymbolFlag::kDisabled);
      if (decl.one_shot) symbol.shots_max = 1;
      if (decl.mime_only) symbol.flags |= static_cast<uint16_t>(SymbolFlag::kMimeOnly);
      compiler.join_group(id, decl.group);
      if (decl.description.empty()) continue;
      RuleInfo info;
      info.symbol = id;
      info.check = check->name;
      compiler.set.rules.push_back(std::move(info));
    }
    if (!check->declare || !is_enabled(*check, section)) continue;
    CompileContext context = make_context(compiler, *check, section);
    context.warn = [](std::string_view, const std::string&) {};
    context.warn_at = [](const UclObject&, const std::string&) {};
    check->declare(context);
  }
}

void compile_checks(Compiler& compiler, const UclObject& root) {
  RuleSet& set = compiler.set;
  set.seal.headers.assign(set.headers.size(), false);
  for (uint32_t i = 0; i < all_checks().size(); ++i) {
    const Check& check = *all_checks()[i];
    const UclObject* const section = root.find(section_of(check));
    if (!is_enabled(check, section)) continue;
    CompileContext context = make_context(compiler, check, section);
    EnabledCheck enabled;
    enabled.check = &check;
    enabled.id = static_cast<CheckId>(i);
    enabled.plan = check.compile ? check.compile(context) : std::make_unique<CheckPlan>();
    if (!enabled.plan) continue;
    if (check.local_skip) {
      enabled.plan->skips_local = !reads_mail_of(root, section, "check_local");
      enabled.plan->skips_users = !reads_mail_of(root, section, "check_authed");
    }
    for (const SymbolDecl& decl : check.symbols) {
      const SymbolId id = compiler.find_symbol(decl.name);
      const bool off =
          set.model.symbols[index(id)].flags & static_cast<uint16_t>(SymbolFlag::kDisabled);
      enabled.plan->symbols.push_back(off ? kNoId<SymbolId> : id);
    }
    if (check.judge)
      set.judge.checks.push_back({.check = enabled.id,
                                  .plan = enabled.plan.get(),
                                  .judge = check.judge,
                                  .phase = check.phase,
                                  .skips_local = enabled.plan->skips_local,
                                  .skips_users = enabled.plan->skips_users});
    if (check.judge_late)
      set.judge.checks.push_back({.check = enabled.id,
                                  .plan = enabled.plan.get(),
                                  .judge = check.judge_late,
                                  .phase = Phase::kFilter,
                                  .level = kLateLevel,
                                  .skips_local = enabled.plan->skips_local,
                                  .skips_users = enabled.plan->skips_users});
    if (check.judge_last)
      set.judge.checks.push_back({.check = enabled.id,
                                  .plan = enabled.plan.get(),
                                  .judge = check.judge_last,
                                  .phase = Phase::kIdempotent});
    set.seal.seals |= check.seals;
    set.checks.push_back(std::move(enabled));
  }
  level_judges(set.judge);
  // Tests of symbols that checks insert stand in tests.d, as tests { SYMBOL { test { … } } }.
  if (!compiler.options.keep_tests) return;
  const UclObject* const tests = root.find("tests");
  if (!tests) return;
  for (const UclObject& object : tests->children()) {
    const SymbolId id = compiler.find_symbol(object.key());
    if (id == kNoId<SymbolId>) {
      compiler.warn(object, fmt::format("tests of {}, which nothing here inserts", object.key()));
      continue;
    }
    for (const UclObject& value : object.values())
      if (value.is_object() && value.find("weight"))
        set.expected_weights.push_back({id, value.number("weight", 0), compiler.place(value)});
    for (RuleInfo& info : set.rules)
      if (info.symbol == id) {
        for (const UclObject& value : object.values())
          if (value.is_object()) read_tests(compiler, value, info);
        break;
      }
  }
}

}  // namespace winnow
