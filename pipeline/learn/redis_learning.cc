// How what is learnt comes into Redis; counts that are asked for are redis_statistics.cc.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/crypt/hex_text.h"
#include "pipeline/learn/redis_scripts.h"
#include "pipeline/learn/redis_statistics.h"

namespace winnow {

namespace {

constexpr std::string_view kMarkSeconds = "604800";
// A pipeline of learning is so long that Redis needs some tens of milliseconds for it.
constexpr size_t kStepRecords = 64, kStepTokens = 20'000;

std::string_view wanted(const LearnRecord& record) {
  return record.kind == LearnKind::kForget ? "-" : record.label.name();
}

// Names of classes with their fields, as the scripts take them: "spam=S:learns_spam ".
std::string fields_text(const RedisLayout& layout) {
  std::string out;
  for (const RedisLayout::Class& one : layout.classes)
    out += fmt::format("{}={}:{} ", one.name, one.field, one.learns_field());
  return out;
}

// Errors that are of Redis as it is now, and not of what it was asked: it is asked again later.
bool is_for_later(std::string_view error) {
  for (const std::string_view word :
       {"OOM", "NOPERM", "BUSY", "LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "NOAUTH",
        "MISCONF", "CLUSTERDOWN", "TRYAGAIN", "CROSSSLOT", "MOVED", "ASK ", "unknown command"})
    if (error.find(word) != std::string_view::npos) return true;
  return false;
}

// Each token with how often it is there, sorted.
std::vector<std::pair<uint64_t, uint32_t>> counted(const TokenList& tokens) {
  std::vector<uint64_t> hashes = tokens.hashes;
  std::ranges::sort(hashes);
  std::vector<std::pair<uint64_t, uint32_t>> out;
  for (const uint64_t hash : hashes) {
    if (out.empty() || out.back().first != hash) out.emplace_back(hash, 0);
    ++out.back().second;
  }
  return out;
}

using CountedKeys = std::vector<std::pair<std::string, uint32_t>>;

// Keys of one slot (all, where there is one server): less of one field, more of another, once.
void add_count(const std::string& mark, const CountedKeys& keys, std::string_view less,
               std::string_view more, RedisBatch& to) {
  std::vector<std::string> texts{mark}, counts;
  for (const auto& [name, count] : keys) {
    texts.push_back(name);
    counts.push_back(std::to_string(count));
  }
  const std::string n = std::to_string(texts.size());
  std::vector<std::string_view> words{"EVAL", redis_count_script(), n};
  words.insert(words.end(), texts.begin(), texts.end());
  words.insert(words.end(), {kMarkSeconds, less, more});
  words.insert(words.end(), counts.begin(), counts.end());
  to.add(keys.front().first, words);
}

std::string ids_key(const RedisLayout& layout, size_t number) {
  return layout.ids + std::string(number, 'X');
}

}  // namespace

std::string RedisStatistics::mark(std::string_view key, uint64_t offset) const {
  return fmt::format("{{{}}}:winnow:{}:{}", redis_slot_text(key), journal_->name(), offset);
}

Result<std::vector<std::optional<LearnLabel>>> RedisStatistics::known(
    std::span<const LearnRecord> records) const {
  RedisBatch batch;
  const size_t keys = options_.layout.ids_keys;
  for (const LearnRecord& record : records) {
    TokenList tokens;
    read_token_question(record.tokens, tokens);
    const std::string id = redis_learn_id(tokens);
    batch.shard(redis_key_of(options_.layout, tokens));
    for (size_t i = 0; i <= keys; ++i) {
      const std::string key = ids_key(options_.layout, i);
      batch.add(key, {"HMGET", key, id, std::string_view(id).substr(0, options_.layout.ids_chars)});
    }
  }
  const auto replies = client_->run(batch, RedisUse::kWrite);  // what a copy knows may be old
  if (!replies) return fail(replies.error());
  std::vector<std::optional<LearnLabel>> out(records.size());
  for (size_t i = 0; i < replies->size(); ++i) {
    Error error;
    if (redis_refuses((*replies)[i], error)) return fail(std::move(error));
    for (const RedisReply& item : (*replies)[i].items) {
      if (item.kind != RedisReply::Kind::kText || out[i / (keys + 1)]) continue;
      const bool spam = item.text == "1" || item.text == "S", ham = item.text == "H";
      out[i / (keys + 1)] = spam  ? LearnLabel::kSpam
                            : ham ? LearnLabel::kHam
                                  : LearnLabel::of(item.text).value_or(LearnLabel::kHam);
    }
  }
  return out;
}

Result<std::vector<Learnt>> RedisStatistics::try_learn(std::span<const LearnRecord> records) const {
  const auto labels = known(records);
  if (!labels) return fail(labels.error());
  std::map<std::string, std::optional<LearnLabel>> now;
  std::vector<Learnt> out;
  for (size_t i = 0; i < records.size(); ++i) {
    auto& label = now.emplace(records[i].tokens, (*labels)[i]).first->second;
    if (records[i].kind == LearnKind::kCounts) {
      out.push_back(Learnt::kNew);
      continue;
    }
    const bool forget = records[i].kind == LearnKind::kForget;
    out.push_back(forget                       ? label ? Learnt::kForgotten : Learnt::kUnknown
                  : !label                     ? Learnt::kNew
                  : *label == records[i].label ? Learnt::kSame
                                               : Learnt::kMoved);
    if (forget)
      label.reset();
    else
      label = records[i].label;
  }
  return out;
}

// The class' set of KEYs; of what is to be forgotten none is asked for.
std::string RedisStatistics::set_of(std::string_view label) const {
  return redis_class_of(options_.layout, label == "-" ? "ham" : label).symbol + "_keys";
}

// "spam ham 3": what a script did to a message, and how many tokens it passed over.
void RedisStatistics::Decided::read(std::string_view said) {
  const size_t blank = said.find(' '), second = said.find(' ', blank + 1);
  if (blank == std::string_view::npos) return;
  from = said.substr(0, blank);
  to = said.substr(blank + 1, second - blank - 1);
  if (second != std::string_view::npos)
    std::from_chars(said.data() + second + 1, said.data() + said.size(), passed);
}

Learnt RedisStatistics::Decided::outcome() const {
  if (!refused.empty()) return Learnt::kRefused;
  if (to == "-") return from == "-" ? Learnt::kUnknown : Learnt::kForgotten;
  return from == "-" ? Learnt::kNew : from == to ? Learnt::kSame : Learnt::kMoved;
}

Result<std::vector<RedisReply>> RedisStatistics::decide(Step step, bool cluster) {
  const RedisLayout& layout = options_.layout;
  const size_t ids = cluster ? 1 : layout.ids_keys + 1;
  RedisBatch batch;
  batch.repeatable = true;
  const std::string most = std::to_string(layout.ids_max), ids_count = std::to_string(ids);
  const std::string fields = fields_text(layout);
  for (const auto* const one : step) {
    const auto& [offset, record] = *one;
    TokenList tokens;
    read_token_question(record.tokens, tokens);
    const std::string id = redis_learn_id(tokens), key = redis_key_of(options_.layout, tokens);
    std::vector<std::string> keys{mark(layout.ids, offset)}, counts;
    for (size_t i = 0; i < ids; ++i) keys.push_back(ids_key(layout, i));
    if (!cluster) {
      keys.insert(keys.end(), {key, set_of(wanted(record))});
      for (const auto& [hash, count] : counted(tokens)) {
        keys.push_back(fmt::format("{}_{}", key, hash));
        counts.push_back(std::to_string(count));
      }
    }
    const std::string key_count = std::to_string(keys.size());
    std::vector<std::string_view> words{
        "EVAL", cluster ? redis_decide_script() : redis_learn_script(), key_count};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), {kMarkSeconds, id, std::string_view(id).substr(0, layout.ids_chars),
                               wanted(record), most, ids_count, fields});
    words.insert(words.end(), counts.begin(), counts.end());
    batch.shard(key);
    batch.add(layout.ids, words);
  }
  return client_->run(batch, RedisUse::kWrite);
}

// In a Cluster no script sees all keys: which records could not count is asked first.
Result<void> RedisStatistics::find_refusals(Step step, std::span<Decided> out) {
  RedisBatch batch;
  for (const auto* const one : step) {
    TokenList tokens;
    read_token_question(one->second.tokens, tokens);
    for (const std::string& key :
         {redis_key_of(options_.layout, tokens), options_.layout.ids, set_of(wanted(one->second))})
      batch.add(key, {"TYPE", key});
  }
  const auto replies = client_->run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  for (size_t i = 0; i < replies->size(); ++i) {
    const std::string& type = (*replies)[i].text;
    const std::string_view kind = i % 3 == 2 ? "set" : "hash";
    if (type != "none" && type != kind)
      out[i / 3].refused = fmt::format("a key of the statistics is a {} and no {}", type, kind);
  }
  return {};
}

Result<void> RedisStatistics::count_slots(Step step, std::span<const size_t> which,
                                          std::span<Decided> said) {
  RedisBatch batch;
  batch.repeatable = true;
  std::vector<size_t> whose;  // command by command
  for (size_t i = 0; i < step.size(); ++i) {
    const std::string& from = said[which[i]].from;
    const std::string& to = said[which[i]].to;
    if (from == to || !said[which[i]].refused.empty()) continue;
    const auto& [offset, record] = *step[i];
    TokenList tokens;
    read_token_question(record.tokens, tokens);
    const std::string key = redis_key_of(options_.layout, tokens);
    const auto stands = [&](std::string_view label) {
      return label == "-" ? RedisLayout::Class{} : redis_class_of(options_.layout, label);
    };
    const RedisLayout::Class was = stands(from), is = stands(to);
    const auto learns = [](const RedisLayout::Class& of) {
      return of.name.empty() ? std::string() : of.learns_field();
    };
    const auto add = [&, at = offset](const CountedKeys& keys, std::string_view less,
                                      std::string_view more) {
      add_count(mark(keys.front().first, at), keys, less, more, batch);
      whose.push_back(which[i]);
    };
    std::map<uint16_t, CountedKeys> slots;
    for (const auto& [hash, count] : counted(tokens)) {
      std::string name = fmt::format("{}_{}", key, hash);
      slots[redis_slot(name)].emplace_back(std::move(name), count);
    }
    for (const auto& [slot, keys] : slots) add(keys, was.field, is.field);
    add({{key, 1}}, learns(was), learns(is));
    batch.add(key, {"HSET", key, "version", "2"});
    whose.push_back(which[i]);
    if (to == "-") continue;
    batch.add(set_of(to), {"SADD", set_of(to), key});
    whose.push_back(which[i]);
  }
  const auto replies = client_->run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  for (size_t i = 0; i < replies->size(); ++i) {
    const RedisReply& reply = (*replies)[i];
    Error error;
    if (redis_refuses(reply, error) && is_for_later(reply.text)) return fail(std::move(error));
    if (batch.command(i).find("EVAL") != std::string_view::npos)
      said[whose[i]].passed += static_cast<uint32_t>(std::max<int64_t>(0, reply.integer));
  }
  return {};
}

// Decides and counts; what is written to `out` is of the first records, up to one that has to wait.
Result<void> RedisStatistics::carry_out(Step step, bool cluster, std::vector<Decided>& out) {
  std::vector<Decided> said(step.size());
  if (cluster)
    if (Result<void> good = find_refusals(step, said); !good) return good;
  std::vector<Records::value_type const*> open;
  std::vector<size_t> which;
  for (size_t i = 0; i < step.size(); ++i)
    if (said[i].refused.empty()) {
      open.push_back(step[i]);
      which.push_back(i);
    }
  const auto replies = decide(open, cluster);
  if (!replies) return fail(replies.error());
  Result<void> good;
  size_t decided = 0;
  for (; decided < open.size(); ++decided) {
    const RedisReply& reply = (*replies)[decided];
    Decided& one = said[which[decided]];
    if (reply.is_error() && is_for_later(reply.text)) {
      good = fail("redis: " + reply.text);
      break;
    }
    if (reply.is_error())
      one.refused = reply.text;
    else
      one.read(reply.text);
  }
  if (cluster)
    if (Result<void> counted =
            count_slots(std::span(open).first(decided), std::span(which).first(decided), said);
        !counted)
      return counted;
  if (!good) said.resize(which[decided]);
  out = std::move(said);
  return good;
}

// Counts that were taken over from elsewhere. Their mark is named by what they are, so that taking
// over the same file again changes nothing while marks last.
Result<Learnt> RedisStatistics::take_over(const LearnRecord& record, bool cluster) {
  TokenList tokens;
  TokenCounts counts;
  read_counts(record, tokens, counts);
  const std::string key = redis_key_of(options_.layout, tokens);
  std::string name;
  append_hex(record.digest, name);
  RedisBatch batch;
  batch.repeatable = true;
  batch.shard(key);
  const auto add = [&](const CountedKeys& keys, std::string_view field) {
    if (keys.empty()) return;
    const std::string& first = keys.front().first;
    add_count(fmt::format("{{{}}}:winnow:counts:{}:{}", redis_slot_text(first), name, field), keys,
              "", field, batch);
  };
  const std::vector<std::string> classes = redis_classes_of(tokens);
  std::map<uint16_t, std::vector<CountedKeys>> slots;
  for (size_t i = 0; i < tokens.hashes.size(); ++i) {
    const std::string token = fmt::format("{}_{}", key, tokens.hashes[i]);
    std::vector<CountedKeys>& of = slots[cluster ? redis_slot(token) : uint16_t{0}];
    of.resize(classes.size());
    for (size_t one = 0; one < classes.size(); ++one)
      if (const uint32_t count = counts.count(one, i); count > 0)
        of[one].emplace_back(token, count);
  }
  for (const auto& [slot, keys] : slots)
    for (size_t one = 0; one < classes.size(); ++one)
      add(keys[one], redis_class_of(options_.layout, classes[one]).field);
  const size_t marked = batch.size();
  for (size_t one = 0; one < classes.size(); ++one)
    if (const uint64_t learnt = counts.learnt(one); learnt > 0)
      add({{key, redis_count(static_cast<int64_t>(learnt))}},
          redis_class_of(options_.layout, classes[one]).learns_field());
  batch.add(key, {"HSET", key, "version", "2"});
  for (const std::string& label : classes) batch.add(set_of(label), {"SADD", set_of(label), key});
  const auto replies = client_->run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  bool fresh = marked == 0;
  int64_t passed = 0;
  for (size_t i = 0; i < replies->size(); ++i) {
    const RedisReply& reply = (*replies)[i];
    Error error;
    if (redis_refuses(reply, error) && is_for_later(reply.text)) return fail(std::move(error));
    if (i >= marked) continue;
    fresh |= reply.integer >= 0;
    passed += std::max<int64_t>(0, reply.integer);
  }
  if (passed > 0)
    note(fmt::format("{} tokens were not counted: their keys in Redis hold no counts", passed));
  return fresh ? Learnt::kNew : Learnt::kSame;
}

// Outcomes of the first records, up to one that has to wait: then `later` says why.
std::vector<Learnt> RedisStatistics::deliver_step(Step step, std::optional<Error>& later) {
  if (step.front()->second.kind == LearnKind::kCounts) {
    const LearnRecord& record = step.front()->second;
    Result<Learnt> taken = take_over(record, client_->is_cluster());
    if (!taken && taken.error().what.find("CROSSSLOT") != std::string::npos)
      taken = take_over(record, true);
    if (taken) return {*taken};
    later = taken.error();
    return {};
  }
  std::vector<Decided> said;
  Result<void> good = carry_out(step, client_->is_cluster(), said);
  if (!good && good.error().what.find("CROSSSLOT") != std::string::npos)
    good = carry_out(step, true, said);
  if (!good) later = good.error();
  std::vector<Learnt> out;
  std::vector<LearnRecord> aside;
  uint32_t passed = 0;
  std::string why;
  for (size_t i = 0; i < said.size(); ++i) {
    passed += said[i].passed;
    out.push_back(said[i].outcome());
    if (said[i].refused.empty()) continue;
    why = said[i].refused;
    aside.push_back(step[i]->second);
  }
  if (passed > 0)
    note(fmt::format("{} tokens were not counted: their keys in Redis hold no counts", passed));
  if (aside.empty()) return out;
  if (Result<void> kept = journal_->put_aside(aside); !kept) {
    later = kept.error();
    out.resize(static_cast<size_t>(std::ranges::find(out, Learnt::kRefused) - out.begin()));
  } else {
    note(
        fmt::format("Redis refuses {} messages that were to be learnt ({}); they are kept: mend "
                    "the key, then run `winnow learn-log retry`",
                    aside.size(), why));
  }
  return out;
}

// What could not be delivered is for later.
void RedisStatistics::deliver(const RedisJournal::Pending& what, std::vector<Learnt>* outcomes,
                              uint64_t& done) {
  const Records& all = what.records;
  done = 0;
  std::optional<Error> later;
  while (done < all.size() && !later) {
    std::vector<Records::value_type const*> step;
    // Counts that are taken over are a step of their own.
    const auto alone = [&](size_t i) { return all[i].second.kind == LearnKind::kCounts; };
    for (size_t bytes = 0, next = done;
         next < all.size() && step.size() < kStepRecords && bytes < kStepTokens * 9;) {
      if (!step.empty() && (alone(done) || alone(next))) break;
      bytes += all[next].second.tokens.size();
      step.push_back(&all[next++]);
    }
    const std::vector<Learnt> some = deliver_step(step, later);
    if (outcomes) outcomes->insert(outcomes->end(), some.begin(), some.end());
    done += some.size();
  }
  undelivered_ = all.size() - done + (what.next < what.end ? 1 : 0);
  if (done == 0) return;
  const Result<void> written = journal_->delivered(done < all.size() ? all[done].first : what.next);
  if (!written) note(written.error().text());
  const std::lock_guard lock(mutex_);
  state_until_ = {};  // what was kept is of before
}

void RedisStatistics::note(std::string text) {
  const std::lock_guard lock(mutex_);
  problem_ = std::move(text);
}

std::string RedisStatistics::take_problem() {
  const std::lock_guard lock(mutex_);
  return std::exchange(problem_, {});
}

Result<std::vector<Learnt>> RedisStatistics::learn(std::span<const LearnRecord> records) {
  if (!journal_) return fail("nothing can be learnt: the learning log was opened to be read alone");
  const Result<LearningLog::Lock> lock = journal_->lock();
  if (!lock) return fail(lock.error());
  uint64_t waiting = 0;
  Result<uint64_t> end = deliver_waiting(waiting);
  if (!end) return fail(end.error());
  // What is known already need not be written down; where Redis cannot say, all is.
  std::vector<Learnt> out(records.size(), Learnt::kLater);
  std::vector<size_t> which;
  std::vector<LearnRecord> fresh;
  Result<std::vector<Learnt>> expected = fail("");
  if (waiting == 0) expected = try_learn(records);
  for (size_t i = 0; i < records.size(); ++i) {
    const bool useless =
        expected && ((*expected)[i] == Learnt::kSame || (*expected)[i] == Learnt::kUnknown);
    if (useless) {
      out[i] = (*expected)[i];
    } else {
      which.push_back(i);
      fresh.push_back(records[i]);
    }
  }
  if (fresh.empty()) return out;
  const Result<std::vector<uint64_t>> offsets = journal_->append(fresh, *end);
  if (!offsets) return fail(offsets.error());
  undelivered_ = waiting + fresh.size();
  if (!expected) return out;
  RedisJournal::Pending mine;
  for (size_t i = 0; i < fresh.size(); ++i)
    mine.records.emplace_back((*offsets)[i], std::move(fresh[i]));
  mine.next = mine.end = journal_->end();
  std::vector<Learnt> outcomes;
  uint64_t done = 0;
  deliver(mine, &outcomes, done);
  for (size_t i = 0; i < outcomes.size(); ++i) out[which[i]] = outcomes[i];
  return out;
}

// Delivers what waits; `left` is how many still do. Returns the log's end. REQUIRED: the lock.
Result<uint64_t> RedisStatistics::deliver_waiting(uint64_t& left) {
  const Result<RedisJournal::Pending> waiting = journal_->pending();
  if (!waiting) return fail(waiting.error());
  left = 0;
  if (waiting->records.empty()) return waiting->end;
  uint64_t done = 0;
  deliver(*waiting, nullptr, done);
  left = undelivered_;
  return left == 0 ? journal_->end() : waiting->end;  // all delivered, it may begin anew
}

void RedisStatistics::tend() {
  if (!journal_) return;
  {
    const Result<LearningLog::Lock> lock = journal_->lock();
    uint64_t left = 0;
    if (lock) static_cast<void>(deliver_waiting(left));
  }
  expire();
}

void RedisStatistics::expire() {
  if (options_.layout.expire_s == 0 || RedisClock::now() < expiry_due_) return;
  expiry_due_ = RedisClock::now() + std::chrono::seconds(options_.expiry.interval_s);
  const auto done = expire_step(*client_, options_.layout, options_.expiry);
  if (!done) note(fmt::format("tokens are not made to expire: {}", done.error().text()));
}

Result<uint64_t> RedisStatistics::retry() {
  if (!journal_) return 0;
  const Result<LearningLog::Lock> lock = journal_->lock();
  if (!lock) return fail(lock.error());
  Result<uint64_t> taken = journal_->take_back();
  if (!taken) return taken;
  uint64_t left = 0;
  if (Result<uint64_t> end = deliver_waiting(left); !end) return fail(end.error());
  return taken;
}

}  // namespace winnow
