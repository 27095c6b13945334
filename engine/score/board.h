// The scoreboard of one message: what was inserted, what it adds up to, what was forced.
//
// Facts: facts/scoring.md, "Score", "Repeats", "Groups", "grow_factor". Scores are micro-points:
// static weight x dynamic weight is rounded once, when it is inserted; every sum is exact. The
// total is always the sum of the entries' scores without those whose weight was removed.
//
// Layout. entries_ in insertion order; slot_[symbol] is 1 + its index, 0 where it is absent; the
// options of an entry are a linked list through options_. begin() undoes the last message by
// walking its entries, so a message costs what it inserts. Nothing allocates after warm-up.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "engine/score/model.h"

namespace winnow {

// What settings change for one message; cached by content by those who make it. Empty = nothing.
struct Overlay {
  std::vector<std::pair<SymbolId, Micro>> scores;  // sorted by symbol: replaces the static weight
  std::vector<bool> symbols_off;                   // by symbol; may be shorter than all
  std::vector<Micro> thresholds;                   // by action: replaces all; empty = the model's
  std::vector<bool> actions_off;                   // by action; may be shorter than all
};

// The highest threshold of an action that is on: what a score is shown against.
// kNoThreshold where no action has one.
Micro highest_threshold(const ScoreModel& model, const Overlay* overlay = nullptr);

class Board {
 public:
  struct Entry {
    SymbolId symbol;
    Micro score = 0;         // after shots and caps
    Micro score_before = 0;  // without caps
    double weight = 1;       // dynamic weight of the deciding insertion
    uint32_t shots = 0;
    uint32_t shots_max = 0;  // 0 = no limit
    bool removed = false;
    bool weight_removed = false;
    bool options_full = false;
    SymbolId removed_by = kNoId<SymbolId>;
    Where where;
    uint32_t option_first = kNoIndex;
    uint32_t option_last = kNoIndex;
    uint32_t options = 0;
    uint32_t option_bytes = 0;
  };

  // Starts a message. `model` and `overlay` must outlive it. `headerless`: symbols for mail alone
  // are disabled.
  void begin(const ScoreModel& model, const Overlay* overlay = nullptr, bool headerless = false);

  // Inserts a symbol; ignored where it is disabled or the board is closed. `weight` that is not
  // finite counts as 0. Copies `option`.
  void insert(SymbolId symbol, double weight, std::string_view option, Where where = {});
  void pre_result(const PreResult& result);  // copies its texts
  void edit(const Edit& edit);
  void effect(const Effect& effect);
  // From now on insert() and pre_result() are ignored: idempotent checks may not change anything.
  void close() { closed_ = true; }
  bool is_closed() const { return closed_; }
  // Inserts in spite of that, where the symbol weighs nothing.
  void note(SymbolId symbol, std::string_view option);
  ActionId action() const;  // as it stands

  // Inserted; also where a composite has removed it since, as in Rspamd.
  bool has(SymbolId symbol) const { return find(symbol) != nullptr; }
  const Entry* find(SymbolId symbol) const;
  bool is_enabled(SymbolId symbol) const;
  Micro total() const { return total_; }
  std::span<const Entry> entries() const { return entries_; }
  // Calls f(text) for each option in order until it returns true; returns whether one did.
  template <class F>
  bool any_option(const Entry& entry, F f) const {
    for (uint32_t i = entry.option_first; i != kNoIndex; i = options_[i].next)
      if (f(options_[i].text)) return true;
    return false;
  }

  // Takes an entry's symbol and/or weight out of the result. Group sums stay as they are.
  void remove(SymbolId symbol, bool take_symbol, bool take_weight, SymbolId by);
  // Multiplies positive scores by the grow factor; once, after post-filters.
  void grow();

  // An enabled pre-result that is not `least` and lets no later filter run.
  bool is_forced() const;
  // Only idempotent checks still run.
  bool ends() const { return ends_; }
  // The total is over the highest threshold.
  bool is_over() const { return total_ > highest_threshold(); }
  Micro threshold(ActionId action) const;
  bool is_action_enabled(ActionId action) const;
  Micro highest_threshold() const { return winnow::highest_threshold(*model_, overlay_); }

  // Writes the verdict; texts are copied into `slab`. The unknown questions are the caller's.
  void finish(Arena& slab, Verdict& out);

 private:
  struct Option {
    std::string_view text;
    uint64_t hash;
    uint32_t next;
  };
  Micro static_weight(SymbolId symbol) const;
  uint32_t shots_limit(const Symbol& symbol) const;
  Micro cap(const Symbol& symbol, Micro weight);
  void add_option(Entry& entry, std::string_view option);
  std::string_view printable(std::string_view option);
  void append_option(Entry& entry, std::string_view text, uint64_t hash);
  void write_symbol(const Entry& entry, Arena& slab, VerdictSymbol& out) const;

  const ScoreModel* model_ = nullptr;
  const Overlay* overlay_ = nullptr;
  uint16_t disabling_ = 0;  // SymbolFlag bits
  Arena arena_{16 * 1024, 256 * 1024};
  std::vector<uint32_t> slot_;  // by symbol
  std::vector<Entry> entries_;
  std::vector<Option> options_;
  std::vector<Micro> group_sums_;  // by group
  std::vector<uint32_t> order_;    // grow(): entries by symbol
  std::vector<PreResult> pre_results_;
  std::vector<Edit> edits_;
  std::vector<Effect> effects_;
  Micro total_ = 0;
  bool closed_ = false;
  bool ends_ = false;
};

// The action of a message and why.
struct Decision {
  ActionId action;
  Micro score;                    // a pre-result may set or lift it
  uint32_t forced_by = kNoIndex;  // index into the pre-results
};

// Facts: facts/scoring.md, "Pre-results", "Action".
Decision decide(const ScoreModel& model, const Board& board, std::span<const PreResult> results,
                Micro score);

}  // namespace winnow
