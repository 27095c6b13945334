#include "rules/lang/composite.h"

#include <cmath>
#include <map>
#include <queue>

#include "engine/ascii.h"
#include "engine/score/evaluate.h"
#include "rules/lang/expression.h"
#include "rules/lang/expression_atom.h"

namespace winnow {

namespace {

// "a, /b,c/i" -> a | /b,c/i. The brackets are already off.
Result<void> split_options(std::string_view text, const CompositeNames& names,
                           CompositeAtom& atom) {
  for (size_t i = 0; i < text.size();) {
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
    Result<size_t> regexp_end = scan_regexp(text, i);
    if (!regexp_end) return fail(std::move(regexp_end.error()));
    const bool is_regexp = *regexp_end != i && text[i] == '/';
    const size_t end = std::min(text.find(',', is_regexp ? *regexp_end : i), text.size());
    const std::string_view option = trimmed(text.substr(i, end - i));
    i = end + 1;
    if (option.empty()) continue;
    uint32_t compiled = kNoIndex;
    if (is_regexp) {
      if (!names.regexp) return fail("regexps cannot be used in options here");
      Result<uint32_t> id = names.regexp(option);
      if (!id) return fail(std::move(id.error()));
      compiled = *id;
    }
    atom.options.emplace_back(option);
    atom.regexps.push_back(compiled);
  }
  return {};
}

Result<CompositeAtom> parse_atom(std::string_view text, size_t column,
                                 const CompositeNames& names) {
  CompositeAtom atom;
  atom.text = text;
  size_t i = 0;
  for (;; ++i) {
    if (text[i] == '~') {
      atom.keep_symbol = true;
    } else if (text[i] == '-') {
      atom.keep_all = true;
    } else if (text[i] == '^') {
      atom.force_remove = true;
    } else {
      break;
    }
  }
  std::string_view name = text.substr(i);
  if (const size_t open = name.find('['); open != std::string_view::npos) {
    Result<void> options =
        split_options(name.substr(open + 1, name.size() - open - 2), names, atom);
    if (!options) return fail(std::move(options.error()));
    name = name.substr(0, open);
  }
  const auto group_prefix = [&](std::string_view prefix) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    return true;
  };
  bool is_group = true;
  if (group_prefix("g+:")) {
    atom.group_sign = 1;
  } else if (group_prefix("g-:")) {
    atom.group_sign = -1;
  } else {
    is_group = group_prefix("g:");
  }
  if (is_group) {
    if (names.group) atom.group = names.group(name);
  } else if (names.symbol) {
    atom.symbol = names.symbol(name);
  }
  if (atom.group == kNoId<GroupId> && atom.symbol == kNoId<SymbolId> && names.unknown)
    names.unknown(name, column + i);
  return atom;
}

// Marks the atoms inside negations: each value of the stack knows where its instructions begin.
// The work is bounded by the size times the depth, which the parser bounds.
void mark_negated(Composite& composite) {
  std::vector<uint32_t> begins;
  for (uint32_t i = 0; i < composite.program.size(); ++i) {
    const Instruction& in = composite.program[i];
    uint32_t begin = i;
    for (uint32_t k = 0; k < in.arity; ++k) {
      begin = begins.back();
      begins.pop_back();
    }
    begins.push_back(begin);
    if (in.op != Op::kNot) continue;
    for (uint32_t j = i; j-- > begin;) {
      if (composite.program[j].op == Op::kAtom)
        composite.atoms[composite.program[j].atom].under_not = true;
    }
  }
}

}  // namespace

Result<Composite> parse_composite(SymbolId symbol, std::string_view expression, Removal policy,
                                  const CompositeNames& names) {
  Composite composite{.symbol = symbol};
  composite.policy = policy;
  composite.expression = expression;
  Result<Program> program =
      parse_expression(expression, ExpressionDialect::kComposite,
                       [&](std::string_view text, size_t column) -> Result<uint32_t> {
                         Result<CompositeAtom> atom = parse_atom(text, column, names);
                         if (!atom) {
                           atom.error().column = 0;  // it counted within the atom
                           return fail(std::move(atom.error()));
                         }
                         composite.atoms.push_back(std::move(*atom));
                         return static_cast<uint32_t>(composite.atoms.size() - 1);
                       });
  if (!program) return fail(std::move(program.error()));
  composite.program = std::move(*program);
  for (Instruction& in : composite.program)
    if (in.op == Op::kNumber) in.number = std::round(in.number * static_cast<double>(kMicro));
  mark_negated(composite);
  return composite;
}

Result<Removal> parse_removal(std::string_view name) {
  constexpr std::pair<std::string_view, Removal> kNames[] = {
      {"default", Removal::kRemove},
      {"remove", Removal::kRemove},
      {"remove_all", Removal::kRemove},
      {"remove_weight", Removal::kRemoveWeight},
      {"remove_symbol", Removal::kRemoveSymbol},
      {"leave", Removal::kLeave},
      {"remove_none", Removal::kLeave}};
  for (const auto& [known, removal] : kNames)
    if (name == known) return removal;
  return fail("policy '" + std::string(name) +
              "' is none of remove_all, remove_weight, remove_symbol, remove_none, leave");
}

std::vector<SymbolId> order_composites(ScoreModel& model,
                                       const std::function<bool(SymbolId)>& is_post) {
  const size_t n = model.composites.size();
  std::map<SymbolId, size_t> by_symbol;
  for (size_t i = 0; i < n; ++i) by_symbol.emplace(model.composites[i].symbol, i);
  std::vector<std::vector<size_t>> readers(n);
  std::vector<size_t> open(n, 0);  // composites it reads that are not placed yet
  for (size_t i = 0; i < n; ++i) {
    Composite& composite = model.composites[i];
    composite.second_pass = false;
    const auto reads = [&](SymbolId symbol) {
      composite.second_pass |= is_post(symbol);
      const auto at = by_symbol.find(symbol);
      if (at == by_symbol.end()) return;
      readers[at->second].push_back(i);
      ++open[i];
    };
    for (const CompositeAtom& atom : composite.atoms) {
      if (atom.symbol != kNoId<SymbolId>) reads(atom.symbol);
      if (atom.group == kNoId<GroupId>) continue;
      for (const SymbolId symbol : model.groups[index(atom.group)].symbols)
        if (symbol != composite.symbol) reads(symbol);  // it may stand in the group it reads
    }
  }
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < n; ++i)
    if (open[i] == 0) ready.push(i);
  std::vector<Composite> sorted;
  std::vector<bool> placed(n, false);
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    placed[i] = true;
    for (const size_t reader : readers[i]) {
      model.composites[reader].second_pass |= model.composites[i].second_pass;
      if (--open[reader] == 0) ready.push(reader);
    }
    sorted.push_back(std::move(model.composites[i]));
  }
  std::vector<SymbolId> circular;
  for (size_t i = 0; i < n; ++i)
    if (!placed[i]) circular.push_back(model.composites[i].symbol);
  model.composites = std::move(sorted);
  return circular;
}

}  // namespace winnow
