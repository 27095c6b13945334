// Which action a message gets: thresholds, and the pre-results that overrule them.
// Facts: facts/scoring.md, "Pre-results", "Action".
#include "engine/score/board.h"

namespace winnow {

namespace {

bool has_flag(const Action& action, ActionFlag flag) {
  return action.flags & static_cast<uint8_t>(flag);
}

Micro threshold_of(const ScoreModel& model, const Overlay* overlay, ActionId action) {
  const uint32_t id = index(action);
  if (overlay && id < overlay->thresholds.size()) return overlay->thresholds[id];
  return id < model.actions.size() ? model.actions[id].threshold : kNoThreshold;
}

bool is_on(const ScoreModel& model, const Overlay* overlay, ActionId action) {
  const uint32_t id = index(action);
  if (id >= model.actions.size() || has_flag(model.actions[id], ActionFlag::kDisabled))
    return false;
  return !overlay || id >= overlay->actions_off.size() || !overlay->actions_off[id];
}

bool may_force(const ScoreModel& model, const Board& board, ActionId id) {
  return board.is_action_enabled(id) &&
         !has_flag(model.actions[index(id)], ActionFlag::kThresholdOnly);
}

// The action with the highest threshold that `score` reaches.
ActionId by_score(const ScoreModel& model, const Board& board, Micro score) {
  ActionId best = model.no_action;
  Micro best_threshold = -kNoThreshold;
  for (uint32_t i = 0; i < model.actions.size(); ++i) {
    const auto id = static_cast<ActionId>(i);
    const Action& action = model.actions[i];
    const Micro threshold = board.threshold(id);
    if (id == model.no_action || threshold == kNoThreshold || threshold > score ||
        threshold <= best_threshold || !board.is_action_enabled(id) ||
        has_flag(action, ActionFlag::kWithoutThreshold) || has_flag(action, ActionFlag::kHam)) {
      continue;
    }
    best = id;
    best_threshold = threshold;
  }
  return best;
}

// First index, by falling priority and then by insertion, of the pre-results that count.
uint32_t first_result(const ScoreModel& model, const Board& board,
                      std::span<const PreResult> results, bool least) {
  uint32_t best = kNoIndex;
  for (uint32_t i = 0; i < results.size(); ++i) {
    if (results[i].least != least || !may_force(model, board, results[i].action)) continue;
    if (best == kNoIndex || results[i].priority > results[best].priority) best = i;
  }
  return best;
}

bool is_discard(const Action& action) {
  return has_flag(action, ActionFlag::kDiscard) || action.name == "discard";
}

}  // namespace

Micro Board::threshold(ActionId action) const { return threshold_of(*model_, overlay_, action); }

bool Board::is_action_enabled(ActionId action) const { return is_on(*model_, overlay_, action); }

Micro highest_threshold(const ScoreModel& model, const Overlay* overlay) {
  Micro highest = -kNoThreshold;
  for (uint32_t i = 0; i < model.actions.size(); ++i) {
    const auto id = static_cast<ActionId>(i);
    const Micro limit = threshold_of(model, overlay, id);
    if (limit != kNoThreshold && limit > highest && is_on(model, overlay, id) &&
        !has_flag(model.actions[i], ActionFlag::kWithoutThreshold))
      highest = limit;
  }
  return highest == -kNoThreshold ? kNoThreshold : highest;
}

bool Board::is_forced() const {
  for (const PreResult& result : pre_results_)
    if (!result.least && !result.process_all && may_force(*model_, *this, result.action))
      return true;
  return false;
}

Decision decide(const ScoreModel& model, const Board& board, std::span<const PreResult> results,
                Micro score) {
  const uint32_t forced = first_result(model, board, results, false);
  if (forced != kNoIndex) {
    const PreResult& result = results[forced];
    if (result.has_score)
      score = result.action == model.no_action ? std::min(score, result.score) : result.score;
    return {result.action, score, forced};
  }
  const ActionId chosen = by_score(model, board, score);
  const uint32_t least = first_result(model, board, results, true);
  if (least == kNoIndex) return {chosen, score, kNoIndex};
  const PreResult& result = results[least];
  const Action& action = model.actions[index(result.action)];
  const Micro candidate = result.has_score ? result.score : board.threshold(result.action);
  if (has_flag(action, ActionFlag::kWithoutThreshold) || candidate == kNoThreshold) {
    const bool stays = chosen == model.reject || is_discard(model.actions[index(chosen)]);
    return stays ? Decision{chosen, score, kNoIndex} : Decision{result.action, score, least};
  }
  const Micro chosen_threshold = board.threshold(chosen);
  if (chosen != model.no_action && chosen_threshold > candidate) return {chosen, score, kNoIndex};
  return {result.action, std::max(score, candidate), least};
}

}  // namespace winnow
