#include "pipeline/learn/redis_statistics.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "engine/crypt/base32.h"
#include "engine/crypt/digest.h"
#include "engine/little_endian.h"
#include "pipeline/learn/redis_scripts.h"

namespace winnow {

namespace {

constexpr std::string_view kMarkSeconds = "604800";
// A pipeline of learning is so long that Redis needs some tens of milliseconds for it.
constexpr size_t kStepRecords = 64, kStepTokens = 20'000;
constexpr size_t kFetchTokens = 20'000;
constexpr size_t kLearnsKept = 100'000;  // users whose learnt messages are kept in memory

std::string_view base_of(Tokenizer tokenizer) { return tokenizer == Tokenizer::kOsb ? "RS" : "WN"; }

// Classes whose counts a question asks for.
std::vector<std::string> classes_of(const TokenList& tokens) {
  return tokens.classes.empty() ? std::vector<std::string>{"spam", "ham"} : tokens.classes;
}

// The spaces of the cache, one for each two classes.
std::vector<uint64_t> spaces_of(const TokenList& tokens) {
  const uint64_t base = tokens.scope * 4 + static_cast<uint64_t>(tokens.tokenizer);
  std::vector<uint64_t> out;
  for (size_t i = 0; i < tokens.classes.size(); i += 2) {
    std::string names = tokens.classes[i];
    if (i + 1 < tokens.classes.size()) (names += ' ') += tokens.classes[i + 1];
    out.push_back(base ^ XXH3_64bits(names.data(), names.size()));
  }
  if (out.empty()) out.push_back(base);
  return out;
}

std::string_view wanted(const LearnRecord& record) {
  return record.kind == LearnKind::kForget ? "-" : record.label.name();
}

// How a class stands in Redis. One that the site has no more, of which something is to be taken
// away, is as it would be without a label.
RedisLayout::Class class_of(const RedisLayout& layout, std::string_view name) {
  const auto found = std::ranges::find(layout.classes, name, &RedisLayout::Class::name);
  if (found != layout.classes.end()) return *found;
  const std::string_view field = name == "spam" ? "S" : name == "ham" ? "H" : name;
  return {std::string(name), fmt::format("BAYES_{}", name), std::string(field)};
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

uint32_t clamped(int64_t count) {
  return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, UINT32_MAX));
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

bool wrong(const RedisReply& reply, Error& error) {
  if (!reply.is_error()) return false;
  error = {.what = fmt::format("redis: {}", reply.text)};
  return true;
}

}  // namespace

std::string redis_learn_id(const TokenList& tokens) {
  std::string bytes = tokens.user;
  for (const uint64_t hash : tokens.hashes) append_little(bytes, hash);
  return base32_encode(Digest(DigestKind::kBlake2b512, bytes).view());
}

std::string redis_statistics_key(const RedisLayout& layout, std::string_view base,
                                 std::string_view user) {
  std::string out;
  const std::string_view form = layout.prefix;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '%' || i + 1 == form.size()) {
      out += form[i];
      continue;
    }
    switch (form[++i]) {
      case 's':
        out += base;
        break;
      case 'l':
        out += layout.label;
        break;
      case 'r':
      case 'u':
        out += user;
        break;
      default:
        (out += '%') += form[i];
    }
  }
  return out;
}

RedisStatistics::RedisStatistics(std::unique_ptr<RedisClient> client,
                                 RedisStatisticsOptions options)
    : client_(std::move(client)), options_(std::move(options)) {}

Result<std::unique_ptr<RedisStatistics>> RedisStatistics::open(
    std::unique_ptr<RedisClient> client, const RedisStatisticsOptions& options) {
  std::unique_ptr<RedisStatistics> out(new RedisStatistics(std::move(client), options));
  if (options.folder.empty()) return out;
  auto journal = RedisJournal::open({.folder = options.folder,
                                     .pending_bytes_max = options.pending_bytes_max,
                                     .kept_bytes = options.kept_bytes});
  if (!journal) return fail(journal.error());
  out->journal_ = std::move(*journal);
  return out;
}

RedisStatistics::~RedisStatistics() {
  {
    const std::lock_guard lock(asked_mutex_);
    stop_ = true;
  }
  asked_wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string RedisStatistics::key_of(const TokenList& tokens) const {
  return redis_statistics_key(options_.layout, base_of(tokens.tokenizer), tokens.user);
}

// --- counts ---

uint64_t RedisStatistics::state() const {
  const std::lock_guard lock(mutex_);
  const RedisDeadline now = RedisClock::now();
  if (now >= state_until_) {
    ++state_;
    state_until_ = now + std::chrono::milliseconds(options_.cache_ms);
  }
  return state_;
}

std::vector<uint32_t> RedisStatistics::fill(const TokenList& tokens, const std::string& key,
                                            uint64_t now, TokenCounts& out,
                                            bool& learns_known) const {
  resize_counts(tokens, out);
  {
    const std::lock_guard lock(mutex_);
    const auto found = learns_.find({key, tokens.classes});
    learns_known = found != learns_.end() && found->second.first == now;
    for (size_t i = 0; learns_known && i < found->second.second.size(); ++i)
      out.set_learnt(i, found->second.second[i]);
  }
  std::vector<uint32_t> missing;
  const std::vector<uint64_t> spaces = spaces_of(tokens);
  for (size_t i = 0; i < spaces.size(); ++i)
    cache_.find(now, spaces[i], tokens.hashes, i == 0 ? out.counts : out.more[i - 1].counts,
                missing);
  if (spaces.size() > 1) {
    std::ranges::sort(missing);
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  }
  return missing;
}

std::optional<TokenCounts> RedisStatistics::counts_at_hand(const TokenList& tokens) const {
  TokenCounts out;
  bool learns_known = false;
  const std::vector<uint32_t> missing = fill(tokens, key_of(tokens), state(), out, learns_known);
  if (!learns_known || !missing.empty()) return std::nullopt;
  return out;
}

// One message of a pipeline: its learns, then its missing tokens.
struct RedisStatistics::Fetch {
  const TokenList* tokens;
  std::string key;
  uint64_t now = 0;
  TokenCounts counts = {};
  std::vector<uint32_t> missing = {};
  size_t classes = 2;

  void ask(const RedisLayout& layout, RedisBatch& batch) {
    std::vector<std::string> fields, learns;
    for (const std::string& one : classes_of(*tokens)) {
      const RedisLayout::Class stands = class_of(layout, one);
      fields.push_back(stands.field);
      learns.push_back(stands.learns_field());
    }
    classes = fields.size();
    batch.shard(key);
    std::vector<std::string_view> words{"HMGET", key};
    words.insert(words.end(), learns.begin(), learns.end());
    batch.add(key, words);
    std::string name = key + "_";
    const size_t stem = name.size();
    std::ranges::copy(fields, words.begin() + 2);
    for (const uint32_t i : missing) {
      name.resize(stem);
      name += std::to_string(tokens->hashes[i]);
      words[1] = name;
      batch.add(name, words);
    }
  }
  // False where Redis says no.
  bool take(std::span<const RedisReply> replies, Error& error) {
    for (const RedisReply& reply : replies) {
      // A key of somebody else's is a token that nobody has learnt.
      if (&reply != &replies[0] && reply.is_error() && reply.text.starts_with("WRONGTYPE"))
        continue;
      if (wrong(reply, error)) return false;
      if (reply.items.size() == classes) continue;
      error = {.what = "redis: HMGET answers what it should not"};
      return false;
    }
    const auto number = [&](size_t i, size_t item) {
      const std::vector<RedisReply>& items = replies[i].items;
      return items.empty() ? 0 : std::max<int64_t>(0, items[item].number());
    };
    for (size_t one = 0; one < classes; ++one) {
      counts.set_learnt(one, static_cast<uint64_t>(number(0, one)));
      for (size_t i = 0; i < missing.size(); ++i)
        counts.set_count(one, missing[i], clamped(number(i + 1, one)));
    }
    return true;
  }
};

std::vector<Result<TokenCounts>> RedisStatistics::fetch(
    std::span<const TokenList* const> lists) const {
  std::vector<Result<TokenCounts>> out;
  for (size_t at = 0; at < lists.size();) {
    RedisBatch batch;
    std::vector<Fetch> step;
    for (; at < lists.size() && batch.size() < kFetchTokens; ++at) {
      Fetch one{.tokens = lists[at], .key = key_of(*lists[at])};
      one.now = state();
      bool learns_known = false;
      one.missing = fill(*one.tokens, one.key, one.now, one.counts, learns_known);
      one.ask(options_.layout, batch);
      step.push_back(std::move(one));
    }
    const auto replies = client_->run(batch, RedisUse::kRead);
    size_t begin = 0;
    for (Fetch& one : step) {
      if (!replies) {
        out.push_back(fail(replies.error()));
        continue;
      }
      const size_t n = one.missing.size() + 1;
      Error error;
      const bool good = one.take(std::span(*replies).subspan(begin, n), error);
      begin += n;
      if (!good) {
        out.push_back(fail(std::move(error)));
        continue;
      }
      const std::vector<uint64_t> spaces = spaces_of(*one.tokens);
      for (size_t i = 0; i < spaces.size(); ++i)
        cache_.keep(one.now, spaces[i], one.tokens->hashes,
                    i == 0 ? one.counts.counts : one.counts.more[i - 1].counts, one.missing);
      std::vector<uint64_t> learns;
      for (size_t i = 0; i < one.classes; ++i) learns.push_back(one.counts.learnt(i));
      {
        const std::lock_guard lock(mutex_);
        if (learns_.size() >= kLearnsKept) learns_.clear();
        if (one.now == state_)
          learns_[{one.key, one.tokens->classes}] = {one.now, std::move(learns)};
      }
      out.push_back(std::move(one.counts));
    }
  }
  return out;
}

Result<TokenCounts> RedisStatistics::counts(const TokenList& tokens) const {
  if (std::optional<TokenCounts> there = counts_at_hand(tokens)) return std::move(*there);
  const TokenList* const one = &tokens;
  return std::move(fetch({&one, 1}).front());
}

Result<LearnCount> RedisStatistics::learns(Tokenizer tokenizer, uint64_t) const {
  const Result<TokenCounts> found = learns_of(tokenizer, {});
  if (!found) return fail(found.error());
  return found->learns;
}

Result<TokenCounts> RedisStatistics::learns_of(Tokenizer tokenizer,
                                               std::span<const std::string> classes) const {
  TokenList none;
  none.tokenizer = tokenizer;
  none.classes.assign(classes.begin(), classes.end());
  std::optional<TokenCounts> before;
  {
    const std::lock_guard lock(mutex_);
    if (const auto kept = learns_.find({key_of(none), none.classes}); kept != learns_.end()) {
      resize_counts(none, before.emplace());
      for (size_t i = 0; i < kept->second.second.size(); ++i)
        before->set_learnt(i, kept->second.second[i]);
    }
  }
  if (!before) return counts(none);
  // Who asks for this draws a page: what was is enough, and what is will be there the next time.
  if (!counts_at_hand(none)) ask_counts(std::move(none), [](Result<TokenCounts>&&) {});
  return std::move(*before);
}

void RedisStatistics::ask_counts(TokenList&& tokens, Done done) const {
  {
    const std::lock_guard lock(asked_mutex_);
    asked_.push_back({std::move(tokens), std::move(done)});
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  asked_wake_.notify_one();
}

// Whoever asks while Redis answers goes together into the next pipeline.
void RedisStatistics::work() const {
  for (;;) {
    std::vector<Asked> asked;
    bool stop = false;
    {
      std::unique_lock lock(asked_mutex_);
      asked_wake_.wait(lock, [&] { return stop_ || !asked_.empty(); });
      asked.swap(asked_);
      stop = stop_;
    }
    if (asked.empty()) return;
    std::vector<const TokenList*> lists;
    for (const Asked& one : asked) lists.push_back(&one.tokens);
    std::vector<Result<TokenCounts>> found;
    if (!stop) found = fetch(lists);
    for (size_t i = 0; i < asked.size(); ++i)
      asked[i].done(stop ? Result<TokenCounts>(fail("the service ends")) : std::move(found[i]));
  }
}

// --- learning ---

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
    batch.shard(key_of(tokens));
    for (size_t i = 0; i <= keys; ++i) {
      const std::string key = ids_key(options_.layout, i);
      batch.add(key, {"HMGET", key, id, std::string_view(id).substr(0, 32)});
    }
  }
  const auto replies = client_->run(batch, RedisUse::kWrite);  // what a copy knows may be old
  if (!replies) return fail(replies.error());
  std::vector<std::optional<LearnLabel>> out(records.size());
  for (size_t i = 0; i < replies->size(); ++i) {
    Error error;
    if (wrong((*replies)[i], error)) return fail(std::move(error));
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
  return class_of(options_.layout, label == "-" ? "ham" : label).symbol + "_keys";
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
    const std::string id = redis_learn_id(tokens), key = key_of(tokens);
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
    words.insert(words.end(), {kMarkSeconds, id, std::string_view(id).substr(0, 32), wanted(record),
                               most, ids_count, fields});
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
         {key_of(tokens), options_.layout.ids, set_of(wanted(one->second))})
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
    const std::string key = key_of(tokens);
    const auto stands = [&](std::string_view label) {
      return label == "-" ? RedisLayout::Class{} : class_of(options_.layout, label);
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
    if (wrong(reply, error) && is_for_later(reply.text)) return fail(std::move(error));
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
  const std::string key = key_of(tokens);
  std::string name;
  for (const uint8_t byte : record.digest) name += fmt::format("{:02x}", byte);
  RedisBatch batch;
  batch.repeatable = true;
  batch.shard(key);
  const auto add = [&](const CountedKeys& keys, std::string_view field) {
    if (keys.empty()) return;
    const std::string& first = keys.front().first;
    add_count(fmt::format("{{{}}}:winnow:counts:{}:{}", redis_slot_text(first), name, field), keys,
              "", field, batch);
  };
  const std::vector<std::string> classes = classes_of(tokens);
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
      add(keys[one], class_of(options_.layout, classes[one]).field);
  const size_t marked = batch.size();
  for (size_t one = 0; one < classes.size(); ++one)
    if (const uint64_t learnt = counts.learnt(one); learnt > 0)
      add({{key, clamped(static_cast<int64_t>(learnt))}},
          class_of(options_.layout, classes[one]).learns_field());
  batch.add(key, {"HSET", key, "version", "2"});
  for (const std::string& label : classes) batch.add(set_of(label), {"SADD", set_of(label), key});
  const auto replies = client_->run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  bool fresh = marked == 0;
  int64_t passed = 0;
  for (size_t i = 0; i < replies->size(); ++i) {
    const RedisReply& reply = (*replies)[i];
    Error error;
    if (wrong(reply, error) && is_for_later(reply.text)) return fail(std::move(error));
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
  const Result<uint64_t> taken = journal_->take_back();
  if (!taken) return taken;
  uint64_t left = 0;
  if (Result<uint64_t> end = deliver_waiting(left); !end) return fail(end.error());
  return taken;
}

}  // namespace winnow
