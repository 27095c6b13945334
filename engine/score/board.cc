#include "engine/score/board.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace winnow {

namespace {

constexpr uint32_t kOptionBytesMax = 4096;         // of one symbol's options (facts/scoring.md)
constexpr Micro kScoreMax = 100'000'000 * kMicro;  // sums of all symbols stay far inside int64

bool has_flag(const Symbol& symbol, SymbolFlag flag) {
  return symbol.flags & static_cast<uint16_t>(flag);
}

Micro rounded(double value) {
  if (!std::isfinite(value)) return 0;
  const auto max = static_cast<double>(kScoreMax);
  return std::llround(std::clamp(value, -max, max));
}

bool same_sign(Micro a, Micro b) { return a == 0 || b == 0 || (a > 0) == (b > 0); }

}  // namespace

void Board::begin(const ScoreModel& model, const Overlay* overlay, bool headerless) {
  if (slot_.size() == model.symbols.size()) {
    for (const Entry& entry : entries_) slot_[index(entry.symbol)] = 0;
  } else {
    slot_.assign(model.symbols.size(), 0);
  }
  group_sums_.assign(model.groups.size(), 0);
  model_ = &model;
  overlay_ = overlay;
  disabling_ = static_cast<uint16_t>(SymbolFlag::kDisabled);
  if (headerless) disabling_ |= static_cast<uint16_t>(SymbolFlag::kMimeOnly);
  arena_.reset();
  entries_.clear();
  options_.clear();
  pre_results_.clear();
  edits_.clear();
  effects_.clear();
  total_ = 0;
  closed_ = ends_ = false;
}

bool Board::is_enabled(SymbolId symbol) const {
  const uint32_t id = index(symbol);
  if (id >= model_->symbols.size()) return false;
  if (model_->symbols[id].flags & disabling_) return false;
  return !overlay_ || id >= overlay_->symbols_off.size() || !overlay_->symbols_off[id];
}

const Board::Entry* Board::find(SymbolId symbol) const {
  const uint32_t id = index(symbol);
  return id < slot_.size() && slot_[id] != 0 ? &entries_[slot_[id] - 1] : nullptr;
}

Micro Board::static_weight(SymbolId symbol) const {
  if (overlay_ && !overlay_->scores.empty()) {
    const auto at = std::lower_bound(overlay_->scores.begin(), overlay_->scores.end(), symbol,
                                     [](const auto& row, SymbolId id) { return row.first < id; });
    if (at != overlay_->scores.end() && at->first == symbol) return at->second;
  }
  return model_->symbols[index(symbol)].score;
}

uint32_t Board::shots_limit(const Symbol& symbol) const {
  if (has_flag(symbol, SymbolFlag::kOneShot)) return 1;
  if (symbol.shots_max <= 1) return symbol.shots_max;
  for (const GroupId group : symbol.groups)
    if (model_->groups[index(group)].one_shot) return 1;
  return symbol.shots_max;
}

// Each of the symbol's groups in turn cuts what is left of the weight.
Micro Board::cap(const Symbol& symbol, Micro weight) {
  for (const GroupId id : symbol.groups) {
    const Group& group = model_->groups[index(id)];
    Micro& sum = group_sums_[index(id)];
    if (sum + weight >= 0) {
      if (group.max_score != kNoThreshold && weight > 0)
        weight = std::min(weight, std::max<Micro>(group.max_score - sum, 0));
    } else if (group.min_score != -kNoThreshold && weight < 0) {
      weight = std::max(weight, std::min<Micro>(group.min_score - sum, 0));
    }
    sum += weight;
  }
  return weight;
}

void Board::insert(SymbolId symbol, double weight, std::string_view option, Where where) {
  if (closed_ || !is_enabled(symbol)) return;
  const Symbol& known = model_->symbols[index(symbol)];
  if (!std::isfinite(weight)) weight = 0;
  const Micro score = rounded(static_cast<double>(static_weight(symbol)) * weight);
  uint32_t& slot = slot_[index(symbol)];
  if (slot == 0) {
    entries_.push_back({.symbol = symbol, .shots_max = shots_limit(known), .where = where});
    slot = static_cast<uint32_t>(entries_.size());
  }
  Entry& entry = entries_[slot - 1];
  Micro delta = 0;
  if (entry.shots == 0 || entry.shots_max == 0 || entry.shots < entry.shots_max) {
    ++entry.shots;
    delta = score;
    entry.score_before = std::clamp(entry.score_before + score, -kScoreMax, kScoreMax);
    entry.weight = weight;
  } else if (same_sign(score, entry.score) && std::abs(score) > std::abs(entry.score)) {
    delta = score - entry.score;
    entry.score_before = score;
    entry.weight = weight;
  }
  if (delta != 0) {
    delta = std::clamp(entry.score + delta, -kScoreMax, kScoreMax) - entry.score;
    delta = cap(known, delta);
    entry.score += delta;
    if (!entry.weight_removed) total_ += delta;
  }
  if (!option.empty() && !has_flag(known, SymbolFlag::kOneParam)) add_option(entry, option);
}

void Board::add_option(Entry& entry, std::string_view option) {
  if (entry.options_full) return;
  const uint64_t hash = XXH3_64bits(option.data(), option.size());
  for (uint32_t i = entry.option_first; i != kNoIndex; i = options_[i].next)
    if (options_[i].hash == hash && options_[i].text == option) return;
  if (option.size() > kOptionBytesMax - entry.option_bytes) {
    entry.options_full = true;
    append_option(entry, "...", 0);
    return;
  }
  entry.option_bytes += static_cast<uint32_t>(option.size());
  append_option(entry, printable(option), hash);
}

// Control characters become U+FFFD, as Rspamd shows them: no option breaks a header or a log line.
std::string_view Board::printable(std::string_view option) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (std::none_of(option.begin(), option.end(), is_control)) return arena_.copy(option);
  ArenaText out(arena_, option.size());
  for (const char c : option) {
    if (is_control(c)) {
      out.append("\xEF\xBF\xBD");
    } else {
      out.push(c);
    }
  }
  return out.finish();
}

void Board::append_option(Entry& entry, std::string_view text, uint64_t hash) {
  const auto at = static_cast<uint32_t>(options_.size());
  options_.push_back({text, hash, kNoIndex});
  if (entry.option_first == kNoIndex) {
    entry.option_first = at;
  } else {
    options_[entry.option_last].next = at;
  }
  entry.option_last = at;
  ++entry.options;
}

void Board::pre_result(const PreResult& result) {
  if (index(result.action) >= model_->actions.size()) return;
  // Once the verdict stands mail may still be told to come again; nothing else of it changes.
  if (closed_ && result.action != model_->soft_reject) return;
  pre_results_.push_back(result);
  pre_results_.back().message = arena_.copy(result.message);
  pre_results_.back().module = arena_.copy(result.module);
  if (result.takes_threshold && threshold(result.action) != kNoThreshold) {
    pre_results_.back().has_score = true;
    pre_results_.back().score = threshold(result.action);
  }
  ends_ |= result.ends;
}

void Board::edit(const Edit& edit) {
  edits_.push_back(edit);
  edits_.back().name = arena_.copy(edit.name);
}

void Board::effect(const Effect& effect) {
  effects_.push_back(effect);
  effects_.back().key = arena_.copy(effect.key);
}

void Board::remove(SymbolId symbol, bool take_symbol, bool take_weight, SymbolId by) {
  const uint32_t slot = slot_[index(symbol)];
  if (slot == 0) return;
  Entry& entry = entries_[slot - 1];
  if (take_weight && !entry.weight_removed) {
    entry.weight_removed = true;
    total_ -= entry.score;
  }
  entry.removed |= take_symbol;
  if ((take_symbol || take_weight) && entry.removed_by == kNoId<SymbolId>) entry.removed_by = by;
}

// Products are taken in the order of symbol ids, so that the last bit does not depend on the
// order of insertion.
void Board::grow() {
  const Micro limit = highest_threshold();
  if (closed_ || model_->grow_factor <= 1 || limit <= 0 || limit == kNoThreshold) return;
  order_.clear();
  for (uint32_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].score > 0 && !entries_[i].weight_removed) order_.push_back(i);
  std::sort(order_.begin(), order_.end(),
            [&](uint32_t a, uint32_t b) { return entries_[a].symbol < entries_[b].symbol; });
  double factor = model_->grow_factor;
  for (const uint32_t i : order_)
    factor *= 1 + (model_->grow_factor - 1) * static_cast<double>(entries_[i].score) /
                      static_cast<double>(limit);
  for (const uint32_t i : order_) {
    const Micro grown = rounded(static_cast<double>(entries_[i].score) * factor);
    total_ += grown - entries_[i].score;
    entries_[i].score = grown;
  }
}

void Board::write_symbol(const Entry& entry, Arena& slab, VerdictSymbol& out) const {
  out = {.symbol = entry.symbol,
         .score = entry.score,
         .score_before = entry.score_before,
         .weight = entry.weight,
         .shots = entry.shots,
         .removed = entry.removed,
         .weight_removed = entry.weight_removed,
         .removed_by = entry.removed_by,
         .where = entry.where,
         .options = {}};
  if (entry.options == 0) return;
  const std::span<std::string_view> texts = slab.alloc<std::string_view>(entry.options);
  size_t n = 0;
  for (uint32_t i = entry.option_first; i != kNoIndex; i = options_[i].next)
    texts[n++] = slab.copy(options_[i].text);
  out.options = texts;
}

void Board::note(SymbolId symbol, std::string_view option) {
  if (index(symbol) >= model_->symbols.size() || static_weight(symbol) != 0) return;
  const bool closed = std::exchange(closed_, false);
  insert(symbol, 0, option);
  closed_ = closed;
}

ActionId Board::action() const { return decide(*model_, *this, pre_results_, total_).action; }

void Board::finish(Arena& slab, Verdict& out) {
  out.clear();
  out.symbols.resize(entries_.size());
  size_t n = 0;
  for (const bool composites : {false, true}) {
    for (const Entry& entry : entries_) {
      const SymbolKind kind = model_->symbols[index(entry.symbol)].kind;
      if ((kind == SymbolKind::kComposite) == composites)
        write_symbol(entry, slab, out.symbols[n++]);
    }
  }
  const Decision decision = decide(*model_, *this, pre_results_, total_);
  out.action = decision.action;
  out.score = decision.score;
  out.forced_by = decision.forced_by;
  out.required = highest_threshold();
  out.pre_results.assign(pre_results_.begin(), pre_results_.end());
  for (PreResult& result : out.pre_results) {
    result.message = slab.copy(result.message);
    result.module = slab.copy(result.module);
  }
  out.edits.swap(edits_);
  for (Edit& edit : out.edits) edit.name = slab.copy(edit.name);
  out.effects.swap(effects_);
  for (Effect& effect : out.effects) effect.key = slab.copy(effect.key);
}

}  // namespace winnow
