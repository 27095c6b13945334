#include "pipeline/learn/statistics.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <filesystem>
#include <map>

#include "engine/crypt/hex_text.h"
#include "engine/little_endian.h"
#include "pipeline/learn/canaries.h"
#include "pipeline/lookup/store/lmdb_store.h"

namespace winnow {

namespace {

// A step of the model holds so many tokens at most, so that its memory is bounded.
constexpr size_t kStepTokensMax = 2 << 20;  // 24 bytes each

uint64_t space_of(Tokenizer tokenizer, uint64_t scope, uint8_t plane = 0) {
  return (scope * 4 + static_cast<uint64_t>(tokenizer)) ^ plane * 0xC2B2AE3D27D4EB4Fu;
}

std::string position_value(const LearningLog::Name& name, uint64_t offset) {
  std::string value(reinterpret_cast<const char*>(name.data()), name.size());
  append_little<uint64_t>(value, offset);
  return value;
}

uint32_t clamped(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
}

// By how much counters change, gathered in any order.
class Deltas {
 public:
  void add(uint64_t number, int64_t spam, int64_t ham) {
    all_.push_back({number, {spam, ham}});
    settled_ = false;
  }
  // Ascending, each number once.
  std::span<const CounterDelta> settle() {
    if (settled_) return all_;
    sort();
    size_t n = 0;
    for (size_t i = 0; i < all_.size(); ++i) {
      if (n > 0 && all_[n - 1].number == all_[i].number)
        for (size_t field = 0; field < 2; ++field) all_[n - 1].by[field] += all_[i].by[field];
      else
        all_[n++] = all_[i];
    }
    all_.resize(n);
    settled_ = true;
    return all_;
  }
  const CounterDelta* find(uint64_t number) {
    settle();
    const auto found = std::ranges::lower_bound(all_, number, {}, &CounterDelta::number);
    return found != all_.end() && found->number == number ? &*found : nullptr;
  }

 private:
  // Hashes are even: into buckets by their upper bits, then each bucket's few in order.
  void sort() {
    constexpr unsigned kBits = 12;
    constexpr size_t kBuckets = 1 << kBits;
    const auto by_number = [](auto begin, auto end) {
      std::sort(begin, end,
                [](const CounterDelta& a, const CounterDelta& b) { return a.number < b.number; });
    };
    if (all_.size() < kBuckets) return by_number(all_.begin(), all_.end());
    std::vector<size_t> next(kBuckets + 1);
    const auto bucket = [](const CounterDelta& one) { return one.number >> (64 - kBits); };
    for (const CounterDelta& one : all_) ++next[bucket(one) + 1];
    for (size_t i = 0; i < kBuckets; ++i) next[i + 1] += next[i];
    std::vector<CounterDelta> sorted(all_.size());
    for (const CounterDelta& one : all_) sorted[next[bucket(one)]++] = one;
    auto begin = sorted.begin();
    for (size_t i = 0; i < kBuckets; ++i) {
      const auto end = sorted.begin() + static_cast<ptrdiff_t>(next[i]);
      by_number(begin, end);
      begin = end;
    }
    all_ = std::move(sorted);
  }
  std::vector<CounterDelta> all_;
  bool settled_ = true;
};

// The first class of a record that there are too many with; it numbers the others.
std::optional<LearnLabel> first_over(StoreClasses& classes, const LearnRecord& record) {
  if (record.kind == LearnKind::kLearn)
    return classes.number(record.label) ? std::nullopt : std::optional(record.label);
  TokenList list;
  TokenCounts counts;
  if (record.kind == LearnKind::kCounts) read_counts(record, list, counts);
  for (const std::string& name : list.classes)
    if (const auto label = LearnLabel::of(name); label && !classes.number(*label)) return label;
  return std::nullopt;
}

Error too_many_classes(LearnLabel label) {
  return {.what = fmt::format("class {}: these statistics have {} classes already, which is the "
                              "most they can have",
                              label.name(), kStoreClassesMax)};
}

}  // namespace

// Records are gathered into one batch of the store: marks as they will be, and by how much each
// counter goes up or down.
class TokenStatistics::Step {
 public:
  Step(const LearningLog& log, const Store& store) : log_(log), store_(store) {}

  // What a record does; takes its part in the batch.
  Result<Learnt> add(uint64_t offset, const LearnRecord& record) {
    if (Result<void> good = classes_.read(store_); !good) return fail(good.error());
    const std::string key = mark_key(record);
    Result<std::optional<Mark>*> found = mark(key);
    if (!found) return fail(found.error());
    std::optional<Mark>& known = **found;
    const bool learn = record.kind != LearnKind::kForget;
    if (learn && known && known->label == record.label) return Learnt::kSame;
    if (!learn && !known) return Learnt::kUnknown;
    if (known) {
      // Its own tokens, not those that it would have today, are taken away: exactly what was added.
      LearnRecord before;
      uint64_t next = 0;
      const Result<bool> there = log_.read(known->offset, before, next);
      if (!there) return fail(there.error());
      if (!*there) return fail(fmt::format("the learning log has no record at {}", known->offset));
      if (Result<void> good = count(before, known->label, -1); !good) return fail(good.error());
    }
    const Learnt what = !learn ? Learnt::kForgotten : known ? Learnt::kMoved : Learnt::kNew;
    known.reset();
    if (learn) {
      if (Result<void> good = count(record, record.label, 1); !good) return fail(good.error());
      known = Mark{record.label, offset};
    }
    return what;
  }
  size_t tokens() const { return tokens_; }

  // Adds to counts what the step will. REQUIRED: they are those of `list`, of spam and ham.
  void add_to(TokenCounts& counts, const TokenList& list) {
    const auto more = [](auto& to, int64_t delta) {
      to = static_cast<std::remove_reference_t<decltype(to)>>(
          std::max<int64_t>(0, static_cast<int64_t>(to) + delta));
    };
    const auto learns = counters_.find(learns_head(list.tokenizer, list.scope, 0));
    if (learns != counters_.end())
      if (const CounterDelta* const own = learns->second.find(list.scope)) {
        more(counts.learns.spam, own->by[0]);
        more(counts.learns.ham, own->by[1]);
      }
    const auto deltas = counters_.find(token_head(list.tokenizer, list.scope, 0));
    if (deltas == counters_.end()) return;
    for (size_t i = 0; i < list.hashes.size(); ++i)
      if (const CounterDelta* const one = deltas->second.find(list.hashes[i])) {
        more(counts.counts[i].spam, one->by[0]);
        more(counts.counts[i].ham, one->by[1]);
      }
  }

  // The counts that it changes.
  std::vector<CountCache::Change> changed() {
    std::vector<CountCache::Change> out;
    for (auto& [head, deltas] : counters_) {
      const std::optional<CounterKey> key = CounterKey::of(head + std::string(8, '\0'));
      assert(key);
      const uint64_t space = space_of(key->tokenizer, key->scope, key->plane);
      for (const CounterDelta& delta : deltas.settle())
        out.push_back(key->learns
                          ? CountCache::learnt(space_of(key->tokenizer, delta.number, key->plane),
                                               delta.by[0], delta.by[1])
                          : CountCache::Change{space, delta.number, delta.by[0], delta.by[1]});
    }
    return out;
  }

  // The store comes from `before` (0: it knows nothing yet) to `after` in the log.
  Result<void> finish(Store& store, uint64_t before, uint64_t after) {
    StoreBatch batch;
    if (before != 0)
      batch.expect_value(kPositionKey, position_value(log_.name(), before));
    else
      batch.expect_absent(kPositionKey);
    batch.set(kPositionKey, position_value(log_.name(), after));
    if (classes_.has_new()) batch.set(kClassesKey, classes_.value());
    for (const auto& [key, known] : marks_) {
      if (!known) {
        batch.erase(key);
        continue;
      }
      std::string value(1, static_cast<char>(*classes_.number(known->label) + 1));
      append_little<uint64_t>(value, known->offset);
      batch.set(key, value);
    }
    for (auto& [head, deltas] : counters_) batch.add_many(head, deltas.settle());
    const Result<bool> done = store.apply(batch, 0);
    if (!done) return fail(done.error());
    if (!*done) return fail("the model was changed by somebody who does not keep the log's lock");
    return {};
  }

 private:
  struct Mark {
    LearnLabel label;
    uint64_t offset;
  };

  static std::string token_head(Tokenizer tokenizer, uint64_t scope, uint8_t plane) {
    return CounterKey{.tokenizer = tokenizer, .plane = plane, .scope = scope}.head();
  }
  // The scope is no part of it: it is the number of the row.
  static std::string learns_head(Tokenizer tokenizer, uint64_t scope, uint8_t plane) {
    return CounterKey{.tokenizer = tokenizer, .learns = true, .plane = plane, .scope = scope}
        .head();
  }

  Result<std::optional<Mark>*> mark(const std::string& key) {
    const auto known = marks_.find(key);
    if (known != marks_.end()) return &known->second;
    const std::string_view name = key;
    const auto values = store_.get({&name, 1}, 0);
    if (!values) return fail(values.error());
    std::optional<Mark> found;
    const std::optional<std::string>& value = (*values)[0];
    if (const std::optional<LearnLabel> label = classes_.of_mark(value))
      found = Mark{*label, read_little<uint64_t>(value->data() + 1)};
    return &marks_.emplace(key, found).first->second;
  }

  // What was taken over from elsewhere, or gives it back.
  Result<void> count_taken(const LearnRecord& record, int32_t sign) {
    TokenList list;
    TokenCounts taken;
    read_counts(record, list, taken);
    const auto bounded = [sign](uint64_t count) {
      return sign * static_cast<int64_t>(std::min<uint64_t>(count, INT32_MAX));
    };
    const size_t classes = list.classes.empty() ? 2 : list.classes.size();
    for (size_t one = 0; one < classes; ++one) {
      const auto label = list.classes.empty()
                             ? one == 0 ? LearnLabel::kSpam : LearnLabel::kHam
                             : LearnLabel::of(list.classes[one]).value_or(LearnLabel::kSpam);
      const Result<uint8_t> number = number_of(label);
      if (!number) return fail(number.error());
      const auto plane = static_cast<uint8_t>(*number / 2);
      Deltas& deltas = counters_[token_head(record.tokenizer, record.scope, plane)];
      const auto add = [&](Deltas& to, uint64_t row, int64_t by) {
        to.add(row, *number % 2 == 0 ? by : 0, *number % 2 == 0 ? 0 : by);
      };
      for (size_t i = 0; i < list.hashes.size(); ++i)
        if (const uint32_t count = taken.count(one, i); count > 0)
          add(deltas, list.hashes[i], bounded(count));
      add(counters_[learns_head(record.tokenizer, record.scope, plane)], record.scope,
          bounded(taken.learnt(one)));
    }
    tokens_ += list.hashes.size();
    return {};
  }

  Result<void> count(const LearnRecord& record, LearnLabel label, int32_t delta) {
    if (record.kind == LearnKind::kCounts) return count_taken(record, delta);
    TokenList list;
    if (!read_token_question(record.tokens, list)) return {};
    const Result<uint8_t> number = number_of(label);
    if (!number) return fail(number.error());
    const auto plane = static_cast<uint8_t>(*number / 2);
    const int64_t first = *number % 2 == 0 ? delta : 0, second = delta - first;
    Deltas& deltas = counters_[token_head(record.tokenizer, record.scope, plane)];
    for (const uint64_t hash : list.hashes) deltas.add(hash, first, second);
    counters_[learns_head(record.tokenizer, record.scope, plane)].add(record.scope, first, second);
    tokens_ += list.hashes.size();
    return {};
  }

  Result<uint8_t> number_of(LearnLabel label) {
    const std::optional<uint8_t> number = classes_.number(label);
    if (!number) return fail(too_many_classes(label));
    return *number;
  }

  const LearningLog& log_;
  const Store& store_;
  StoreClasses classes_;
  std::map<std::string, std::optional<Mark>> marks_;
  std::map<std::string, Deltas> counters_;
  size_t tokens_ = 0;
};

std::string learning_log_path(const std::string& folder) { return folder + "/learn.log"; }

bool TokenStatistics::exists(const std::string& folder) {
  struct stat status;
  return lmdb_store_exists(folder) && stat(learning_log_path(folder).c_str(), &status) == 0;
}

Result<std::unique_ptr<TokenStatistics>> TokenStatistics::open(
    const TokenStatisticsOptions& options) {
  if (!options.read_only) {
    std::error_code problem;
    std::filesystem::create_directories(options.folder, problem);
    if (problem)
      return fail(
          {.what = fmt::format("the folder of statistics cannot be made: {}", problem.message()),
           .file = options.folder});
  }
  using Mode = LearningLog::Mode;
  auto log = LearningLog::open(learning_log_path(options.folder),
                               options.read_only ? Mode::kRead : Mode::kCreate);
  if (!log) return fail(log.error());
  auto store = open_lmdb_store({.folder = options.folder,
                                .limit_bytes = options.limit_bytes,
                                .read_only = options.read_only,
                                .packed = kTokenFamilies});
  if (!store) return fail(store.error());
  std::unique_ptr<TokenStatistics> out(
      new TokenStatistics(options.folder, std::move(*log), std::move(*store)));
  if (Result<void> good = out->read_canaries(); !good) return fail(good.error());
  if (Result<uint64_t> at = out->position(); !at) return fail(at.error());
  if (options.read_only) return out;
  // What a writer that died had written down and not yet counted.
  const Result<LearningLog::Lock> lock = out->log_->lock();
  if (!lock) return fail(lock.error());
  const Result<uint64_t> at = out->position();
  if (!at) return fail(at.error());
  if (Result<uint64_t> end = out->catch_up(*at); !end) return fail(end.error());
  return out;
}

// 0: the store has not begun yet.
Result<uint64_t> TokenStatistics::position() const {
  const auto values = store_->get({&kPositionKey, 1}, 0);
  if (!values) return fail(values.error());
  const std::optional<std::string>& value = (*values)[0];
  if (!value) return 0;
  if (value->size() != 24 || std::memcmp(value->data(), log_->name().data(), 16) != 0)
    return fail(
        "the model was made from another learning log: move the model (data.mdb) away, and run "
        "`winnow learn-log rebuild`");
  return read_little<uint64_t>(value->data() + 16);
}

// Counts what stands in the log behind `position`; returns the log's end. REQUIRED: the lock.
Result<uint64_t> TokenStatistics::catch_up(uint64_t position) {
  uint64_t at = position == 0 ? kLearningLogHead : position;
  for (;;) {
    Step step(*log_, *store_);
    const uint64_t begin = at;
    while (step.tokens() < kStepTokensMax) {
      LearnRecord record;
      uint64_t next = 0;
      const Result<bool> there = log_->read(at, record, next);
      if (!there) return fail(there.error());
      if (!*there) break;
      if (Result<Learnt> what = step.add(at, record); !what) return fail(what.error());
      at = next;
    }
    if (at == begin && position != 0) return at;
    const uint64_t version = store_->version();
    cache_.announce(version + 1);
    const Result<void> done = step.finish(*store_, position, at);
    // Nobody else wrote in between: all but what this step changed is as it was.
    const bool ours = done && store_->version() == version + 1;
    std::vector<CountCache::Change> changed;
    if (ours && !cache_.is_empty()) changed = step.changed();
    cache_.advance(version, ours ? version + 1 : version, changed);
    if (!done) return fail(done.error());
    position = at;
  }
}

// All tokens there are, as of one version: where it moves on meanwhile they are not taken.
void TokenStatistics::fill_cache(uint64_t version) const {
  CountCache::Filling all;
  for (const char& kind : kCounterKinds) {
    const Result<void> walked = store_->walk({&kind, 1}, [&](std::string_view name,
                                                             std::span<const uint64_t> row) {
      const std::optional<CounterKey> key = CounterKey::of(name);
      if (!key) return true;
      const auto count = [&](size_t field) { return field < row.size() ? clamped(row[field]) : 0; };
      const TokenCount counts{count(0), count(1)};
      const uint64_t space = space_of(key->tokenizer, key->scope, key->plane);
      if (key->learns)
        all.add_learnt(space, counts);
      else
        all.add(space, key->hash, counts);
      return true;
    });
    if (!walked) return;
  }
  if (store_->version() == version) cache_.fill(version, std::move(all));
}

Result<LearnCount> TokenStatistics::learns(Tokenizer tokenizer, uint64_t scope) const {
  const std::string key = CounterKey{.tokenizer = tokenizer, .learns = true, .scope = scope}.text();
  const std::string_view name = key;
  const auto counts = store_->counts({&name, 1}, 2);
  if (!counts) return fail(counts.error());
  return LearnCount{(*counts)[0], (*counts)[1]};
}

Result<TokenCounts> TokenStatistics::learns_of(Tokenizer tokenizer,
                                               std::span<const std::string> classes) const {
  TokenList none;
  none.tokenizer = tokenizer;
  none.classes.assign(classes.begin(), classes.end());
  return counts(none);
}

Result<TokenCounts> TokenStatistics::counts(const TokenList& tokens) const {
  if (tokens.classes.empty()) return pair_counts(tokens, 0);
  const Result<ClassNames> names = read_class_names(*store_);
  if (!names) return fail(names.error());
  std::map<uint8_t, TokenCounts> planes;
  TokenCounts out;
  resize_counts(tokens, out);
  for (size_t one = 0; one < tokens.classes.size(); ++one) {
    const auto found = std::ranges::find(*names, tokens.classes[one], &LearnLabel::name);
    if (found == names->end()) continue;  // nothing was learnt of it
    const auto number = static_cast<size_t>(found - names->begin());
    const auto plane = static_cast<uint8_t>(number / 2);
    if (!planes.contains(plane)) {
      Result<TokenCounts> counted = pair_counts(tokens, plane);
      if (!counted) return fail(counted.error());
      planes[plane] = std::move(*counted);
    }
    const TokenCounts& from = planes[plane];
    out.set_learnt(one, from.learnt(number % 2));
    for (size_t i = 0; i < tokens.hashes.size(); ++i)
      out.set_count(one, i, from.count(number % 2, i));
  }
  return out;
}

// Of two classes.
Result<TokenCounts> TokenStatistics::pair_counts(const TokenList& tokens, uint8_t plane) const {
  const uint64_t now = store_->version();
  const uint64_t space = space_of(tokens.tokenizer, tokens.scope, plane);
  TokenCounts out;
  out.counts.resize(tokens.hashes.size());
  std::vector<uint32_t> missing;
  if (cache_.wants_filling(now)) fill_cache(now);
  std::optional<LearnCount> learnt;
  cache_.find(now, space, tokens.hashes, out.counts, learnt, missing);
  if (learnt && missing.empty()) {
    out.learns = *learnt;
    return out;
  }

  // In order of their keys: neighbours are read together.
  std::ranges::sort(missing, {}, [&](uint32_t i) { return tokens.hashes[i]; });
  CounterKey key{.tokenizer = tokens.tokenizer, .plane = plane, .scope = tokens.scope};
  const std::string head = key.head();
  const size_t width = head.size() + 8;
  std::string bytes;
  bytes.reserve(missing.size() * width);
  for (const uint32_t i : missing) {
    bytes += head;
    put_big(bytes, tokens.hashes[i]);
  }
  key.learns = true;
  const std::string learns = key.text();
  std::vector<std::string_view> keys;
  keys.reserve(missing.size() + 1);
  keys.push_back(learns);
  for (size_t i = 0; i < missing.size(); ++i)
    keys.push_back(std::string_view(bytes).substr(i * width, width));
  const auto found = store_->counts(keys, 2);
  if (!found) return fail(found.error());
  out.learns = {(*found)[0], (*found)[1]};
  for (size_t i = 0; i < missing.size(); ++i)
    out.counts[missing[i]] = {clamped((*found)[2 * i + 2]), clamped((*found)[2 * i + 3])};
  if (!missing.empty()) cache_.keep(now, space, tokens.hashes, out.counts, missing);
  return out;
}

Result<std::vector<TokenCounts>> TokenStatistics::counts_with(
    std::span<const LearnRecord> records, std::span<const TokenList> lists) const {
  Step step(*log_, *store_);
  for (const LearnRecord& record : records) {
    if (canaries_.contains(record.digest)) continue;
    if (Result<Learnt> what = step.add(0, record); !what) return fail(what.error());
  }
  std::vector<TokenCounts> out;
  for (const TokenList& list : lists) {
    Result<TokenCounts> one = counts(list);
    if (!one) return fail(one.error());
    step.add_to(*one, list);
    out.push_back(std::move(*one));
  }
  return out;
}

Result<void> TokenStatistics::read_canaries() {
  if (!LearningLog::exists(canaries_path(folder_))) return {};
  const auto log = LearningLog::open(canaries_path(folder_), LearningLog::Mode::kRead);
  if (!log) return fail(log.error());
  LearnRecord record;
  for (uint64_t at = kLearningLogHead, next = 0;; at = next) {
    const Result<bool> there = (*log)->read(at, record, next);
    if (!there) return fail(there.error());
    if (!*there) return {};
    canaries_.insert(record.digest);
  }
}

Result<std::vector<Learnt>> TokenStatistics::try_learn(std::span<const LearnRecord> records) const {
  Step step(*log_, *store_);
  std::vector<Learnt> out;
  for (const LearnRecord& record : records) {
    if (record.kind == LearnKind::kLearn && canaries_.contains(record.digest)) {
      out.push_back(Learnt::kHeldOut);
      continue;
    }
    // Of one that is repeated within `records` the log has nothing yet; its label is what counts.
    const Result<Learnt> what = step.add(0, record);
    if (!what) return fail(what.error());
    out.push_back(*what);
  }
  return out;
}

Result<std::vector<Learnt>> TokenStatistics::learn(std::span<const LearnRecord> records) {
  const Result<LearningLog::Lock> lock = log_->lock();
  if (!lock) return fail(lock.error());
  const Result<uint64_t> begun = position();
  if (!begun) return fail(begun.error());
  const Result<uint64_t> end = catch_up(*begun);
  if (!end) return fail(end.error());
  // First which of them say anything new, then these into the log, then into the model.
  std::vector<Learnt> out;
  std::vector<LearnRecord> fresh;
  std::map<std::string, std::optional<LearnLabel>> known;
  StoreClasses classes;
  if (Result<void> good = classes.read(*store_); !good) return fail(good.error());
  for (const LearnRecord& record : records) {
    if (record.kind == LearnKind::kLearn && canaries_.contains(record.digest)) {
      out.push_back(Learnt::kHeldOut);
      continue;
    }
    // A record that the model has no room for may not come into the log.
    if (const std::optional<LearnLabel> over = first_over(classes, record))
      return fail(too_many_classes(*over));
    const std::string key = mark_key(record);
    auto found = known.find(key);
    if (found == known.end()) {
      const std::string_view name = key;
      const auto values = store_->get({&name, 1}, 0);
      if (!values) return fail(values.error());
      found = known.emplace(key, classes.of_mark((*values)[0])).first;
    }
    std::optional<LearnLabel>& label = found->second;
    if (record.kind == LearnKind::kForget) {
      out.push_back(label ? Learnt::kForgotten : Learnt::kUnknown);
      if (label) {
        fresh.push_back(record);  // what is taken away is what was learnt, whatever it says
        fresh.back().tokens.clear();
        fresh.back().symbols.clear();
      }
      label.reset();
    } else {
      out.push_back(!label                   ? Learnt::kNew
                    : *label == record.label ? Learnt::kSame
                                             : Learnt::kMoved);
      if (label != record.label) fresh.push_back(record);
      label = record.label;
    }
  }
  if (fresh.empty()) return out;
  const Result<std::vector<uint64_t>> offsets = log_->append(fresh, *end);
  if (!offsets) return fail(offsets.error());
  if (Result<uint64_t> done = catch_up(*end); !done) return fail(done.error());
  return out;
}

uint64_t TokenStatistics::used_bytes() const {
  const Result<StoreSize> size = store_->size();
  return size ? size->used_bytes : 0;
}

Result<void> TokenStatistics::mend(const StoreBatch& batch) {
  const Result<bool> done = store_->apply(batch, 0);
  if (!done) return fail(done.error());
  return {};
}

Result<uint64_t> rebuild_model(const LearningLog& log, Store& store,
                               std::optional<int64_t> until_ms) {
  uint64_t at = kLearningLogHead, records = 0;
  uint64_t position = 0;
  for (bool more = true; more;) {
    TokenStatistics::Step step(log, store);
    while (step.tokens() < kStepTokensMax) {
      LearnRecord record;
      uint64_t next = 0;
      const Result<bool> there = log.read(at, record, next);
      if (!there) return fail(there.error());
      if (!*there) {
        more = false;
        break;
      }
      if (!until_ms || record.time_ms <= *until_ms) {
        if (Result<Learnt> what = step.add(at, record); !what) return fail(what.error());
        ++records;
      }
      at = next;
    }
    if (Result<void> done = step.finish(store, position, at); !done) return fail(done.error());
    position = at;
  }
  return records;
}

Result<void> dump_model(const Store& store, const std::function<void(std::string_view)>& take) {
  constexpr uint32_t kStep = 4096;
  std::string line, after;
  const auto hex = [&](std::string_view bytes) { append_hex(bytes, line); };
  for (bool more = true; more;) {
    const auto rows = store.scan("", after, kStep);
    if (!rows) return fail(rows.error());
    line.clear();
    for (const CounterRow& row : *rows) {
      hex(row.key);
      for (const uint64_t count : row.counts)
        fmt::format_to(std::back_inserter(line), " {}", count);
      line += '\n';
    }
    take(line);
    more = rows->size() == kStep;
    if (more) after = rows->back().key;
  }
  after.clear();
  for (bool more = true; more;) {
    const auto values = store.scan_values("", after, kStep, 0);
    if (!values) return fail(values.error());
    line.clear();
    for (const auto& [key, value] : *values) {
      hex(key);
      line += " = ";
      hex(value);
      line += '\n';
    }
    take(line);
    more = values->size() == kStep;
    if (more) after = values->back().first;
  }
  return {};
}

}  // namespace winnow
