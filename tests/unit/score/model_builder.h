// A small model for tests, written in a line a symbol, and the text of a verdict.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/score/board.h"

namespace winnow::test {

inline Micro points(double value) {
  return static_cast<Micro>(value * 1e6 + (value < 0 ? -0.5 : 0.5));
}

// Actions: no action, greylist 4, add header 6, reject 15, soft reject (no threshold), discard.
inline ScoreModel base_model() {
  ScoreModel model;
  model.actions = {{.name = "no action"},
                   {.name = "greylist", .threshold = points(4)},
                   {.name = "add header", .threshold = points(6)},
                   {.name = "reject", .threshold = points(15)},
                   {.name = "soft reject", .flags = 1},
                   {.name = "discard", .flags = 1}};
  model.no_action = ActionId{0};
  model.reject = ActionId{3};
  model.soft_reject = ActionId{4};
  return model;
}

inline GroupId add_group(ScoreModel& model, std::string name, Micro max = kNoThreshold,
                         Micro min = -kNoThreshold) {
  model.groups.push_back({.name = std::move(name), .max_score = max, .min_score = min});
  return static_cast<GroupId>(model.groups.size() - 1);
}

inline SymbolId add_symbol(ScoreModel& model, std::string name, double score, uint16_t flags = 0,
                           std::vector<GroupId> groups = {}) {
  const auto id = static_cast<SymbolId>(model.symbols.size());
  for (const GroupId group : groups) model.groups[index(group)].symbols.push_back(id);
  model.symbols.push_back({.name = std::move(name),
                           .flags = flags,
                           .score = points(score),
                           .groups = std::move(groups)});
  return id;
}

inline std::string score_text(Micro micro) {
  return fmt::format("{}", static_cast<double>(micro) / 1e6);
}

// "action score; SYM(score)[o,o] -GONE(...) ~WEIGHTLESS(...)": one line for a verdict.
inline std::string dump(const ScoreModel& model, const Verdict& verdict) {
  std::string out =
      fmt::format("{} {};", model.actions[index(verdict.action)].name, score_text(verdict.score));
  for (const VerdictSymbol& symbol : verdict.symbols) {
    out += fmt::format(" {}{}{}({})", symbol.removed ? "-" : "", symbol.weight_removed ? "~" : "",
                       model.symbols[index(symbol.symbol)].name, score_text(symbol.score));
    if (!symbol.options.empty()) out += fmt::format("[{}]", fmt::join(symbol.options, ","));
  }
  return out;
}

}  // namespace winnow::test
