#include "rules/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/hash/fingerprint.h"
#include "engine/html/tags.h"
#include "engine/score/micro.h"
#include "engine/text/folded_subject.h"
#include "rules/config/options.h"
#include "rules/lang/function_atom.h"
#include "rules/lang/regexp.h"

namespace winnow {

std::string ConfigWarning::text() const {
  if (place.file.empty()) return what;
  return place.line == 0 ? fmt::format("{}: {}", place.file, what)
                         : fmt::format("{}:{}: {}", place.file, place.line, what);
}

std::string_view RuleSet::intern(std::string_view text) {
  for (auto at = strings_.rbegin(); at != strings_.rend() && at - strings_.rbegin() < 8; ++at)
    if (*at == text) return *at;
  strings_.emplace_back(text);
  return strings_.back();
}

uint32_t RuleSet::add_option_regexp(Regex regex) {
  option_regexps_.push_back(std::move(regex));
  judge.option_regexps = {.context = this, .matches = option_matches};
  return static_cast<uint32_t>(option_regexps_.size() - 1);
}

bool RuleSet::option_matches(const void* context, uint32_t regexp, std::string_view option) {
  thread_local RegexScratch scratch;
  const auto& set = *static_cast<const RuleSet*>(context);
  return set.option_regexps_[regexp].find_in_bytes(scratch, option) == Find::kFound;
}

Compiler::Compiler(RuleSet& rules, const CompileOptions& how)
    : set(rules),
      options(how),
      patterns(how.match.before),
      file_supply(how.files),
      maps(
          how.supply ? *how.supply : file_supply,
          [this](const Place& at, std::string what) {
            Place kept = at;
            kept.file = set.intern(at.file);
            warn(kept, std::move(what));
          },
          how.before ? &how.before->map_shelf : nullptr),
      selectors(kFoldedSubject + 1) {}

Place Compiler::place(const UclObject& value) {
  Place at = value.place();
  at.file = set.intern(at.file);
  return at;
}

void Compiler::warn(const UclObject& at, std::string what) { warn(place(at), std::move(what)); }

void Compiler::warn(const Place& at, std::string what) {
  set.warnings.push_back({at, std::move(what)});
}

SymbolId Compiler::symbol(std::string_view name) {
  const auto [at, fresh] =
      symbol_ids.try_emplace(std::string(name), static_cast<SymbolId>(set.model.symbols.size()));
  if (fresh) {
    Symbol one;
    one.name = name;
    one.flags = static_cast<uint16_t>(SymbolFlag::kUndefined);
    one.shots_max = shots_max;
    set.model.symbols.push_back(std::move(one));
  }
  return at->second;
}

SymbolId Compiler::inserted(std::string_view name) {
  const SymbolId id = symbol(name);
  set.model.symbols[index(id)].flags &=
      static_cast<uint16_t>(~static_cast<uint16_t>(SymbolFlag::kUndefined));
  return id;
}

SymbolId Compiler::find_symbol(std::string_view name) const {
  const auto at = symbol_ids.find(std::string(name));
  return at == symbol_ids.end() ? kNoId<SymbolId> : at->second;
}

GroupId Compiler::group(std::string_view name) {
  const auto [at, fresh] =
      group_ids.try_emplace(std::string(name), static_cast<GroupId>(set.model.groups.size()));
  if (fresh) {
    Group one;
    one.name = name;
    set.model.groups.push_back(std::move(one));
  }
  return at->second;
}

void Compiler::join_group(SymbolId id, std::string_view name) {
  const GroupId into = group(name);
  Symbol& what = set.model.symbols[index(id)];
  if (std::ranges::find(what.groups, into) != what.groups.end()) return;
  what.groups.push_back(into);
  set.model.groups[index(into)].symbols.push_back(id);
}

Result<AtomId> Compiler::atom(std::string_view text) {
  if (const auto known = atom_ids.find(std::string(text)); known != atom_ids.end())
    return known->second;
  const auto fresh = static_cast<AtomId>(set.atoms.size());
  Result<AtomId> id = fresh;
  bool is_pattern = false;
  if (is_regexp_atom(text)) {
    Result<PatternSpec> spec = parse_regexp_atom(text, set.headers);
    if (!spec) return fail(spec.error());
    id = patterns.add(*spec, fresh);
    is_pattern = true;
  } else if (is_function_atom(text)) {
    Result<FunctionSpec> spec =
        parse_function_atom(text, {.headers = set.headers, .html_tag = [](std::string_view tag) {
                                     return static_cast<uint32_t>(html_tag(tag));
                                   }});
    if (!spec) return fail(spec.error());
    if (spec->kind == FunctionKind::kHasSymbol) {
      set.judge.symbol_atoms.emplace_back(fresh, symbol(spec->arguments[0].text));
    } else {
      id = set.functions.add(std::move(*spec), fresh);
    }
  } else {
    return fail(fmt::format("\"{}\" is neither a pattern, nor a function, nor defined here", text));
  }
  if (!id) return fail(id.error());
  if (*id == fresh) set.atoms.push_back({std::string(text), is_pattern});
  atom_ids.emplace(std::string(text), *id);
  return *id;
}

namespace {

// The layer of higher priority wins, of equal ones the later. Two weights of the site's in one
// layer are most likely a mistake: the one that lost is named.
void weigh(Compiler& compiler, const UclObject& value, double number, SymbolId id) {
  Symbol& symbol = compiler.set.model.symbols[index(id)];
  std::vector<unsigned>& priorities = compiler.weight_priorities;
  if (priorities.size() <= index(id)) priorities.resize(index(id) + 1);
  if (value.priority() < priorities[index(id)]) return;
  const Micro score = to_micro(number);
  const Place old = symbol.score_place;
  const Place place = compiler.place(value);
  const auto of_site = [](const Place& at) {
    return at.line > 0 && !at.file.starts_with("policy:/");
  };
  // One line may give a weight twice: a rule's own score is also that of its symbol.
  const bool same_line = old.file == place.file && old.line == place.line;
  if (value.priority() == priorities[index(id)] && of_site(old) && of_site(place) &&
      score != symbol.score && !same_line)
    compiler.warn(old, fmt::format("This weight of {} is hidden by the one at {}:{}. Keep one.",
                                   symbol.name, place.file, place.line));
  priorities[index(id)] = value.priority();
  symbol.score = score;
  symbol.score_place = place;
}

}  // namespace

void read_symbol(Compiler& compiler, const UclObject& object, SymbolId id,
                 std::string_view section) {
  Symbol& symbol = compiler.set.model.symbols[index(id)];
  const auto given = [&](std::string_view key) {
    return find_option(section, key) ? object.find(key) : nullptr;
  };
  // Of both, what is read last counts: a regexp rule's weight, everywhere else the score.
  std::array<std::string_view, 2> points{"weight", "score"};
  if (section == "regexp.*") std::ranges::reverse(points);
  for (const std::string_view key : points) {
    const UclObject* const value = given(key);
    if (!value) continue;
    const std::optional<double> number = value->last_value().as_number();
    if (!number || std::abs(*number) > kPointsMax) {
      compiler.warn(*value, fmt::format("{} of {} is no number; it is ignored", key, symbol.name));
      continue;
    }
    weigh(compiler, value->last_value(), *number, id);
  }
  if (const std::string_view text = object.string("description", "");
      !text.empty() && given("description"))
    symbol.description = text;
  for (const char* const key : {"group", "groups"})
    if (given(key))
      for (const std::string_view name : object.strings(key)) compiler.join_group(id, name);
  const auto set_flag = [&](const char* key, SymbolFlag flag) {
    if (!given(key)) return;
    const auto bit = static_cast<uint16_t>(flag);
    symbol.flags =
        static_cast<uint16_t>(object.flag(key, false) ? symbol.flags | bit : symbol.flags & ~bit);
  };
  set_flag("one_shot", SymbolFlag::kOneShot);
  set_flag("one_param", SymbolFlag::kOneParam);
  set_flag("mime_only", SymbolFlag::kMimeOnly);
  set_flag("disabled", SymbolFlag::kDisabled);
  if (given("enabled") && !object.flag("enabled", true))
    symbol.flags |= static_cast<uint16_t>(SymbolFlag::kDisabled);
  if (symbol.flags & static_cast<uint16_t>(SymbolFlag::kOneShot)) symbol.shots_max = 1;
  if (given("any_shot") && object.flag("any_shot", false)) symbol.shots_max = 0;
  if (given("nshots"))
    symbol.shots_max =
        static_cast<uint32_t>(std::clamp<int64_t>(object.integer("nshots", 100), 0, 1'000'000));
}

namespace {

// Everything that decides goes into the identity; order matters and is the model's.
void compute_identity(RuleSet& set) {
  Fingerprint print;
  print.add(WINNOW_VERSION);
  print.add(match_library_versions());
  for (const Symbol& symbol : set.model.symbols) {
    print.add(symbol.name);
    print.add(symbol.score);
    print.add(symbol.flags);
    print.add(symbol.shots_max);
    for (const GroupId group : symbol.groups) print.add(index(group));
  }
  for (const Group& group : set.model.groups) {
    print.add(group.name);
    print.add(group.max_score);
    print.add(group.min_score);
  }
  for (const Action& action : set.model.actions) {
    print.add(action.name);
    print.add(action.threshold);
    print.add(action.flags);
  }
  for (const AtomInfo& atom : set.atoms) print.add(atom.text);
  for (const RuleInfo& rule : set.rules) print.add(rule.expression);
  for (const MapInfo& map : set.maps) print.add(map.map->identity());
  for (const Composite& composite : set.model.composites) {
    print.add(composite.expression);
    print.add(static_cast<uint64_t>(composite.policy));
  }
  set.identity = print.value();
  set.seal.rules_identity = set.identity;
}

// Columns of texts that nobody reads are not filled. Patterns alone read stems and folded text,
// selectors languages as well (a check that comes to do so must be asked here too); words are
// counted by checks.
void plan_texts(RuleSet& set, bool languages, const MatchOptions& options) {
  TextPlan& plan = set.text_plan;
  plan.limits = set.limits;
  plan.stems = languages || set.match->reads(ScopeKind::kStemWord);
  plan.folded = set.match->reads(ScopeKind::kFolded);
  plan.words_of_attached = options.attached_texts;
}

void name_faults(Compiler& compiler) {
  for (const FaultInfo& info : fault_table()) {
    const SymbolId id = compiler.inserted(info.symbol);
    Symbol& symbol = compiler.set.model.symbols[index(id)];
    if (symbol.description.empty()) symbol.description = info.text;
    if (symbol.groups.empty()) compiler.join_group(id, "faults");
    if (symbol.kind == SymbolKind::kNormal) symbol.kind = SymbolKind::kFault;
    compiler.set.judge.fault_symbols[static_cast<size_t>(info.fault)] = id;
  }
}

}  // namespace

Result<std::shared_ptr<RuleSet>> compile_rules(const UclObject& root,
                                               const CompileOptions& options) {
  auto set = std::make_shared<RuleSet>();
  Compiler compiler(*set, options);

  collect_accepted(compiler, root);
  // Names first: what later steps refer to by name has an id.
  compile_options(compiler, root);
  if (Result<void> good = compile_actions(compiler, root); !good) return fail(good.error());
  declare_checks(compiler, root);
  name_faults(compiler);
  compile_regexp_rules(compiler, root);
  compile_regexp_maps(compiler, root);
  declare_composites(compiler, root);

  // Beyond this point no symbol is new: groups only weigh and sort them.
  compile_groups(compiler, root);
  compile_checks(compiler, root);
  compile_composites(compiler, root);  // they read groups, so last

  check_names(compiler, root);

  compiler.maps.finish();
  set->maps = compiler.maps.take();
  set->map_shelf = compiler.maps.take_shelf();
  for (MapInfo& map : set->maps) map.place.file = set->intern(map.place.file);

  MatchOptions match = options.match;
  match.limits = set->limits;
  set->match = compiler.patterns.build(match);
  for (const std::string& warning : set->match->report().warnings) compiler.warn(Place{}, warning);
  plan_texts(*set, compiler.languages, match);

  set->judge.model = &set->model;
  set->judge.atoms = static_cast<uint32_t>(set->atoms.size());
  set->judge.limits = set->limits;
  if (Result<void> good = index_judge_plan(set->judge); !good) return fail(good.error());
  set->seal.limits = set->limits;
  compute_identity(*set);
  return set;
}

}  // namespace winnow
