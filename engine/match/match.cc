#include "engine/match/match.h"

#include <algorithm>

#include "engine/match/letters.h"
#include "engine/match/plan_data.h"
#include "engine/match/scope_texts.h"
#include "engine/match/utf8_valid.h"

namespace winnow {

namespace {

// Hits of one pattern with kEachText in a row. More repeats of a symbol add nothing (max_shots),
// and hits_max is for the patterns together: who writes many links must not use it up with one.
constexpr uint32_t kEachTextHitsMax = 100;

struct HeaderItem {
  uint32_t scope;
  uint32_t row;
  uint32_t item;
};

struct WordItem {
  std::string_view text;
  uint32_t item;
  uint32_t end;  // of the word in the joined text
};

struct Candidate {
  uint32_t listed;  // index into the group's listed patterns
  uint32_t word;    // index into the row's word items
};

template <class T>
void reach(std::vector<T>& values, size_t size) {
  if (values.size() < size) values.resize(size);
}

}  // namespace

struct MatchScratch::State {
  explicit State(const Limits& limits) : regex(limits) {}

  uint64_t plan_serial = 0;
  DatabaseScratch database;
  RegexScratch regex;
  // A pattern has hit the current row in the current scope if its stamp is the current epoch.
  uint64_t epoch = 0;
  std::vector<uint64_t> stamps;      // [pattern]
  std::vector<uint32_t> slots;       // [pattern] its last place in `row`
  std::vector<uint32_t> repeats;     // [pattern] hits of it in `row` but the first
  std::vector<uint32_t> last_items;  // [pattern] item of the last text that it hit
  std::vector<AtomHit> row;          // hits of the current row and scope
  std::vector<uint32_t> hits;        // [row of the batch] hits so far
  std::vector<uint32_t> found;       // reports of one scan
  std::vector<HeaderItem> items;     // in message order
  std::vector<HeaderItem> sorted;    // by scope
  std::vector<uint32_t> scope_ends;  // [header scope]
  TextRoom room;
  TextRoom joined;
  std::vector<WordItem> words;
  std::vector<Candidate> candidates;
  std::vector<uint32_t> last_word;  // [listed] word of its last candidate
  MatchCounters counters;
};

MatchScratch::MatchScratch(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
MatchScratch::~MatchScratch() = default;
MatchScratch::MatchScratch(MatchScratch&&) noexcept = default;
MatchScratch& MatchScratch::operator=(MatchScratch&&) noexcept = default;

MatchCounters MatchScratch::take_counters() {
  return std::exchange(state_->counters, MatchCounters{});
}

class Matcher {
 public:
  Matcher(const MatchPlan& plan, MatchScratch& scratch, Batch& batch, Locate locate)
      : plan_(plan.data()), state_(*scratch.state_), batch_(batch), locate_(locate) {
    if (state_.plan_serial != plan_.serial) {
      state_.database = plan_.scratch.clone();
      state_.plan_serial = plan_.serial;
    }
    reach(state_.stamps, plan_.patterns.size());
    reach(state_.slots, plan_.patterns.size());
    reach(state_.repeats, plan_.patterns.size());
    reach(state_.last_items, plan_.patterns.size());
    state_.hits.assign(batch.rows, 0);
  }

  void headers();
  void texts(const PlanScope& scope);
  void words(const PlanScope& scope);

 private:
  void sort_headers();
  void begin(const PlanScope& scope, uint32_t row);
  void end();
  void text(uint32_t item, std::string_view text);
  void group(const PlanGroup& group, uint32_t item, std::string_view text);
  void ask_shorter(const PlanGroup& group, uint32_t item, std::string_view shorter);
  std::string_view join_words(bool only_valid);
  void word_group(const PlanGroup& group, std::string_view joined);
  void word_candidates(const PlanGroup& group, std::string_view joined);
  void accept(PatternId id, uint32_t item, std::string_view text);
  void ask(PatternId id, uint32_t item, std::string_view text);
  uint32_t count(const PlanPattern& pattern, std::string_view text, bool known);
  // May the database's answer about `text` differ from PCRE2's for the group's folding patterns?
  static bool folds_newer(const PlanGroup& group, std::string_view text) {
    return group.database != nullptr && !group.folding.empty() && has_new_letter(text);
  }
  bool settled(PatternId id) const {
    const PlanPattern& pattern = plan_.patterns[index(id)];
    return state_.stamps[index(id)] == state_.epoch && !pattern.counts && !pattern.each_text;
  }
  void record(PatternId id, uint32_t item, std::string_view text, uint32_t count);
  void limit() { batch_.facts[row_].faults.set(Fault::kLimitMatch); }

  const PlanData& plan_;
  MatchScratch::State& state_;
  Batch& batch_;
  Locate locate_;
  const PlanScope* scope_ = nullptr;
  uint32_t row_ = 0;
  uint32_t other_form_ = kNoIndex;  // item of which the current text is another form
};

void Matcher::begin(const PlanScope& scope, uint32_t row) {
  scope_ = &scope;
  row_ = row;
  other_form_ = kNoIndex;
  ++state_.epoch;
  state_.row.clear();
}

// Databases report in an order of their own: hits of a row are put into the order of atoms.
void Matcher::end() {
  if (state_.row.empty()) return;
  std::ranges::sort(state_.row, {}, [](const AtomHit& hit) {
    return uint64_t{index(hit.atom)} << 32 | hit.where.item;
  });
  for (AtomHit& hit : state_.row) {
    if (hit.count > plan_.limits.match_count_max) {
      hit.count = plan_.limits.match_count_max;
      limit();
    }
    if (state_.hits[row_] >= plan_.limits.hits_max) {
      batch_.facts[row_].faults.set(Fault::kLimitHits);
      break;
    }
    ++state_.hits[row_];
    ++state_.counters.hits;
    batch_.atoms.push_back(hit);
  }
}

void Matcher::record(PatternId id, uint32_t item, std::string_view text, uint32_t count) {
  const PlanPattern& pattern = plan_.patterns[index(id)];
  const bool again = state_.stamps[index(id)] == state_.epoch;
  // What hits both forms of a URL has hit it once.
  if (again && state_.last_items[index(id)] == other_form_) return;
  state_.last_items[index(id)] = item;
  if (again) {
    AtomHit& hit = state_.row[state_.slots[index(id)]];
    if (!pattern.each_text || hit.where.item == item) {
      if (pattern.counts) hit.count += count;
      return;
    }
    if (++state_.repeats[index(id)] >= kEachTextHitsMax) {
      hit.count = std::min(hit.count + count, plan_.limits.match_count_max);
      return;
    }
  } else {
    state_.repeats[index(id)] = 0;
  }
  state_.stamps[index(id)] = state_.epoch;
  state_.slots[index(id)] = static_cast<uint32_t>(state_.row.size());
  AtomHit hit{row_, pattern.atom, count, {scope_->kind, item, 0, 0}};
  if (locate_ == Locate::kYes) {
    RegexMatch place;
    ++state_.counters.pcre_runs;
    if (pattern.regex.find(state_.regex, text, 0, &place) == Find::kFound) {
      hit.where.begin = static_cast<uint32_t>(place.begin);
      hit.where.end = static_cast<uint32_t>(place.end);
    }
  }
  state_.row.push_back(hit);
}

// Matches of `pattern` in `text`; `known`: that there is one is known already.
uint32_t Matcher::count(const PlanPattern& pattern, std::string_view text, bool known) {
  bool limited = false;
  // One more than the limit tells that it was passed.
  const uint32_t max = pattern.counts ? plan_.limits.match_count_max + 1 : 1;
  uint32_t matches = pattern.regex.count(state_.regex, text, max, limited);
  ++state_.counters.pcre_runs;
  if (matches == 0 && limited && !known && pattern.how == PatternClass::kExact) {
    const Find found = pattern.regex.test_without_backtracking(state_.regex, text);
    known = found == Find::kFound;
    limited = found == Find::kLimit || pattern.counts;
  }
  if (limited) limit();
  return std::max(matches, known ? 1u : 0u);
}

// A database says that the pattern matches.
void Matcher::accept(PatternId id, uint32_t item, std::string_view text) {
  if (settled(id)) return;
  const PlanPattern& pattern = plan_.patterns[index(id)];
  if (pattern.how != PatternClass::kExact) return ask(id, item, text);
  record(id, item, text, pattern.counts ? count(pattern, text, true) : 1);
}

// PCRE2 decides.
void Matcher::ask(PatternId id, uint32_t item, std::string_view text) {
  if (settled(id)) return;
  const PlanPattern& pattern = plan_.patterns[index(id)];
  const uint32_t matches = count(pattern, text, false);
  if (matches > 0) record(id, item, text, matches);
}

namespace {

// The longest prefix of at most `max` bytes that ends with a whole character.
std::string_view cut(std::string_view text, size_t max) {
  if (text.size() <= max) return text;
  size_t end = max;
  while (end > 0 && max - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

void Matcher::text(uint32_t item, std::string_view text) {
  if (text.size() > plan_.limits.match_bytes_max) {
    text = cut(text, plan_.limits.match_bytes_max);
    limit();
  }
  ++state_.counters.texts;
  state_.counters.bytes += text.size();
  if (!scope_->bytes.empty()) group(scope_->bytes, item, text);
  if (!scope_->utf.empty() && is_valid_utf8(text)) group(scope_->utf, item, text);
}

// One text through one group. Patterns that PCRE2 must confirm see a shorter text where it is
// very long; they are then asked directly, as the database's answer is about the whole of it.
void Matcher::group(const PlanGroup& group, uint32_t item, std::string_view text) {
  const std::string_view shorter = cut(text, plan_.limits.pcre_bytes_max);
  const bool is_long = shorter.size() < text.size();
  // May this pattern's answer come from the whole text?
  const auto whole = [&](PatternId id) {
    return !is_long || plan_.patterns[index(id)].how == PatternClass::kExact;
  };
  const bool newer = folds_newer(group, text);
  const auto as_pcre2 = [&](PatternId id) {
    return whole(id) && !(newer && plan_.patterns[index(id)].folds);
  };
  if (group.database != nullptr) {
    state_.found.clear();
    ++state_.counters.scans;
    group.database->scan(
        state_.database, text,
        [](void* found, uint32_t id, size_t) {
          static_cast<std::vector<uint32_t>*>(found)->push_back(id);
        },
        &state_.found);
    state_.counters.candidates += state_.found.size();
    for (uint32_t listed : state_.found) {
      if (as_pcre2(group.listed[listed])) accept(group.listed[listed], item, text);
    }
  }
  for (PatternId id : group.database != nullptr ? group.refused : group.listed) {
    if (as_pcre2(id)) ask(id, item, text);
  }
  if (newer) {
    for (PatternId id : group.folding)
      if (whole(id)) ask(id, item, text);
  }
  for (PatternId id : group.alone) ask(id, item, shorter);
  if (is_long) ask_shorter(group, item, shorter);
}

void Matcher::ask_shorter(const PlanGroup& group, uint32_t item, std::string_view shorter) {
  if (!group.alone.empty()) limit();
  for (PatternId id : group.listed) {
    if (plan_.patterns[index(id)].how == PatternClass::kExact) continue;
    ask(id, item, shorter);
    limit();
  }
}

void Matcher::sort_headers() {
  const PlanData& plan = plan_;
  state_.items.clear();
  state_.scope_ends.assign(plan.header_scopes + 1, 0);
  for (uint32_t row = 0; row < batch_.rows; ++row) {
    const std::span<const Header> headers = batch_.headers.row(row);
    for (uint32_t i = 0; i < headers.size(); ++i) {
      const Header& header = headers[i];
      if (header.id == kNoId<HeaderId> || index(header.id) + 1 >= plan.header_begin.size())
        continue;
      const uint32_t last = plan.header_begin[index(header.id) + 1];
      for (uint32_t at = plan.header_begin[index(header.id)]; at < last; ++at) {
        const PlanScope& scope = plan.scopes[at];
        if ((scope.kind == ScopeKind::kMimeHeader) != (header.part != 0)) continue;
        if (!scope.strict_name.empty() && scope.strict_name != header.name) continue;
        state_.items.push_back({at, row, i});
        ++state_.scope_ends[at + 1];
      }
    }
  }
  // Stable counting sort: after it, scope_ends[s] is where scope s ends.
  for (uint32_t at = 1; at <= plan.header_scopes; ++at) {
    state_.scope_ends[at] += state_.scope_ends[at - 1];
  }
  state_.sorted.resize(state_.items.size());
  for (const HeaderItem& item : state_.items) {
    state_.sorted[state_.scope_ends[item.scope]++] = item;
  }
}

void Matcher::headers() {
  if (plan_.header_scopes == 0 || !scope_is_filled(ScopeKind::kHeader, batch_)) return;
  sort_headers();
  for (size_t at = 0; at < state_.sorted.size();) {
    const uint32_t scope = state_.sorted[at].scope;
    const uint32_t row = state_.sorted[at].row;
    begin(plan_.scopes[scope], row);
    const std::span<const Header> headers = batch_.headers.row(row);
    for (; at < state_.sorted.size() && state_.sorted[at].scope == scope &&
           state_.sorted[at].row == row;
         ++at) {
      const uint32_t item = state_.sorted[at].item;
      text(item, header_text(scope_->kind, headers[item]));
    }
    end();
  }
}

void Matcher::texts(const PlanScope& scope) {
  for (uint32_t row = 0; row < batch_.rows; ++row) {
    begin(scope, row);
    if (scope.kind == ScopeKind::kSelector) {
      const std::span<const DerivedText> derived = batch_.derived.row(row);
      for (uint32_t i = 0; i < derived.size(); ++i)
        if (derived[i].selector == scope.selector) text(i, derived[i].text);
    }
    const size_t urls = scope.kind == ScopeKind::kUrl ? batch_.urls.row(row).size() : kNoIndex;
    each_text(scope.kind, batch_, row, plan_.attached_texts, state_.room,
              [&](uint32_t item, std::string_view bytes) {
                other_form_ = item >= urls ? static_cast<uint32_t>(item - urls) : kNoIndex;
                text(item, bytes);
              });
    end();
  }
}

// Words are many and short. A scan costs more to start than a word costs to read, so the words
// of a row are joined by newlines and scanned at once; what the database reports are candidate
// words, which PCRE2 confirms one by one.
void Matcher::words(const PlanScope& scope) {
  for (uint32_t row = 0; row < batch_.rows; ++row) {
    begin(scope, row);
    const std::string_view joined = join_words(false);
    state_.counters.texts += state_.words.size();
    state_.counters.bytes += joined.size();
    if (!scope.bytes.empty()) word_group(scope.bytes, joined);
    if (!scope.utf.empty()) {
      // One broken word must not hide the others.
      word_group(scope.utf, is_valid_utf8(joined) ? joined : join_words(true));
    }
    end();
  }
}

std::string_view Matcher::join_words(bool only_valid) {
  state_.words.clear();
  state_.joined.clear();
  each_word(scope_->kind, batch_, row_, [&](uint32_t item, std::string_view word) {
    if (only_valid && !is_valid_utf8(word)) return;
    state_.joined.insert(state_.joined.end(), word.begin(), word.end());
    state_.words.push_back({word, item, static_cast<uint32_t>(state_.joined.size())});
    state_.joined.push_back('\n');
  });
  return {state_.joined.data(), state_.joined.size()};
}

void Matcher::word_group(const PlanGroup& group, std::string_view joined) {
  if (joined.empty()) return;
  const auto ask_every_word = [this](PatternId id) {
    for (const WordItem& word : state_.words) {
      if (settled(id)) break;
      ask(id, word.item, word.text);
    }
  };
  if (group.database != nullptr) {
    const bool newer = folds_newer(group, joined);
    const auto as_pcre2 = [&](PatternId id) { return !newer || !plan_.patterns[index(id)].folds; };
    word_candidates(group, joined);
    for (const Candidate& candidate : state_.candidates) {
      const WordItem& word = state_.words[candidate.word];
      const PatternId id = group.listed[candidate.listed];
      if (as_pcre2(id)) ask(id, word.item, word.text);
    }
    for (const PatternId id : group.refused)
      if (as_pcre2(id)) ask_every_word(id);
    if (newer) std::ranges::for_each(group.folding, ask_every_word);
  } else {
    std::ranges::for_each(group.listed, ask_every_word);
  }
  std::ranges::for_each(group.alone, ask_every_word);
}

// Fills state_.candidates, each word once a pattern, words in order.
void Matcher::word_candidates(const PlanGroup& group, std::string_view joined) {
  MatchScratch::State& state = state_;
  state.candidates.clear();
  state.last_word.assign(group.listed.size(), kNoIndex);
  ++state.counters.scans;
  group.database->scan(
      state.database, joined,
      [](void* context, uint32_t listed, size_t end) {
        auto& to = *static_cast<MatchScratch::State*>(context);
        ++to.counters.candidates;
        // A pattern that matches at every byte reports the same word again and again.
        const uint32_t last = to.last_word[listed];
        if (last != kNoIndex && end <= to.words[last].end &&
            end > (last == 0 ? 0 : to.words[last - 1].end)) {
          return;
        }
        const auto at = std::ranges::lower_bound(to.words, end, {}, &WordItem::end);
        if (at == to.words.end()) return;
        const auto word = static_cast<uint32_t>(at - to.words.begin());
        to.last_word[listed] = word;
        to.candidates.push_back({listed, word});
      },
      &state);
  const auto order = [](const Candidate& c) { return uint64_t{c.listed} << 32 | c.word; };
  std::ranges::sort(state.candidates, {}, order);
  const auto same = [&](const Candidate& a, const Candidate& b) { return order(a) == order(b); };
  state.candidates.erase(std::unique(state.candidates.begin(), state.candidates.end(), same),
                         state.candidates.end());
}

void match(const MatchPlan& plan, MatchScratch& scratch, Batch& batch, Locate locate) {
  Matcher matcher(plan, scratch, batch, locate);
  matcher.headers();
  const PlanData& data = plan.data();
  for (size_t i = data.header_scopes; i < data.scopes.size(); ++i) {
    const PlanScope& scope = data.scopes[i];
    if (!scope_is_filled(scope.kind, batch)) continue;
    if (is_word_scope(scope.kind)) {
      matcher.words(scope);
    } else {
      matcher.texts(scope);
    }
  }
}

}  // namespace winnow
