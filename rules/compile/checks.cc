// Checks: their symbols are declared first, their options are compiled last.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "rules/compile/compile.h"

namespace winnow {

namespace {

bool is_enabled(const Check& check, const UclObject* section) {
  return section ? section->flag("enabled", check.default_enabled) : check.default_enabled;
}

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

}  // namespace

void declare_checks(Compiler& compiler) {
  for (const Check* const check : all_checks()) {
    for (const SymbolDecl& decl : check->symbols) {
      const SymbolId id = compiler.symbol(decl.name);
      Symbol& symbol = compiler.set.model.symbols[index(id)];
      symbol.description = decl.description;
      symbol.score = std::llround(decl.score * static_cast<double>(kMicro));
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
  }
}

void compile_checks(Compiler& compiler, const UclObject& root) {
  RuleSet& set = compiler.set;
  set.seal.headers.assign(set.headers.size(), false);
  for (uint32_t i = 0; i < all_checks().size(); ++i) {
    const Check& check = *all_checks()[i];
    const UclObject* const section = root.find(check.name);
    if (!is_enabled(check, section)) continue;
    CompileContext context{
        .options = section,
        .headers = set.headers,
        .limits = set.limits,
        .map = [](std::string_view) { return nullptr; },
        .warn =
            [&](std::string_view option, std::string sentence) {
              const UclObject* const at = section ? section->find(option) : nullptr;
              compiler.warn(at ? compiler.place(*at) : Place{},
                            fmt::format("{}.{}: {}", check.name, option, sentence));
            },
        .symbol = [&](std::string_view name) { return compiler.find_symbol(name); },
        .action = [&](std::string_view name) { return set.model.find_action(name); },
    };
    EnabledCheck enabled;
    enabled.check = &check;
    enabled.id = static_cast<CheckId>(i);
    enabled.plan = check.compile ? check.compile(context) : std::make_unique<CheckPlan>();
    if (!enabled.plan) continue;
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
                                  .skips_trusted = check.local_skip});
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
    for (RuleInfo& info : set.rules)
      if (info.symbol == id) {
        read_tests(compiler, object.last_value(), info);
        break;
      }
  }
}

}  // namespace winnow
