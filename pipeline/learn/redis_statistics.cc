#include "pipeline/learn/redis_statistics.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/crypt/base32.h"
#include "engine/crypt/digest.h"
#include "engine/little_endian.h"

namespace winnow {

namespace {

constexpr std::string_view kMarkSeconds = "604800";
constexpr size_t kIdsKeysMax = 16;
// A pipeline of learning is so long that Redis needs some tens of milliseconds for it.
constexpr size_t kStepRecords = 64, kStepTokens = 20'000;
constexpr size_t kFetchTokens = 20'000;
constexpr size_t kLearnsKept = 100'000;  // users whose learnt messages are kept in memory

// decide(ids): what this record does to the message: two letters, the class it has and the one it
// gets (S, H, - for none). KEYS[1] is the mark. ARGV: seconds, id, short id, wanted class, ids a
// key.
constexpr std::string_view kDecide = R"lua(
local function decide(first, last)
  local said = redis.call('GET', KEYS[1])
  if said then return said, true end
  local id, short, want, most = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
  local from, where = '-', nil
  for i = first, last do
    local class = redis.call('HGET', KEYS[i], id) or redis.call('HGET', KEYS[i], short)
    if class then
      if class == '1' or class == 'spam' or class == 'S' then from = 'S' else from = 'H' end
      where = KEYS[i]
      break
    end
  end
  if want == '-' then
    if where then redis.call('HDEL', where, id, short) end
  elseif want ~= from then
    if where and where ~= KEYS[first] then redis.call('HDEL', where, id, short) end
    if last > first and redis.call('HLEN', KEYS[first]) >= 2 * most then
      for i = last - 1, first, -1 do
        if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('RENAME', KEYS[i], KEYS[i + 1]) end
      end
    end
    if want == 'S' then redis.call('HSET', KEYS[first], id, '1', short, '1')
    else redis.call('HSET', KEYS[first], id, '-1', short, '0') end
  end
  said = from .. want
  redis.call('SET', KEYS[1], said, 'EX', ARGV[1])
  return said, false
end
)lua";

// change(key, from, to, n): n less of one field, n more of another. `low`: what is at or below it
// is gone; in a Cluster the more of another record may come after its less.
constexpr std::string_view kChange = R"lua(
local function change(key, from, to, n, low)
  if from == to then return end
  if from then
    local left = redis.call('HINCRBY', key, from, -n)
    if left == 0 or left < low then redis.call('HDEL', key, from) end
  end
  if to then redis.call('HINCRBY', key, to, n) end
end
local fields = { S = 'S', H = 'H' }
local learns = { S = 'learns_spam', H = 'learns_ham' }
)lua";

// All in one, where all keys are on one server.
// KEYS: mark, ids, KEY, spam keys, ham keys, tokens. ARGV: as decide, then a count for each token.
constexpr std::string_view kLearnEnd = R"lua(
local ids = tonumber(ARGV[6])
local said, again = decide(2, ids + 1)
if again then return said end
local from, to = string.sub(said, 1, 1), string.sub(said, 2, 2)
if from == to then return said end
local key = KEYS[ids + 2]
for i = ids + 5, #KEYS do
  change(KEYS[i], fields[from], fields[to], tonumber(ARGV[i - ids + 2]), 0)
end
change(key, learns[from], learns[to], 1, 0)
redis.call('HSET', key, 'version', '2')
if to == 'S' then redis.call('SADD', KEYS[ids + 3], key) end
if to == 'H' then redis.call('SADD', KEYS[ids + 4], key) end
return said
)lua";

// KEYS: mark, ids. ARGV: as decide.
constexpr std::string_view kDecideEnd = R"lua(
local said = decide(2, 2)
return said
)lua";

// KEYS: mark, then keys of one slot. ARGV: seconds, field that gets less, field that gets more (""
// for none), a count for each key.
constexpr std::string_view kCountEnd = R"lua(
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return 0 end
local from, to = ARGV[2], ARGV[3]
if from == '' then from = nil end
if to == '' then to = nil end
for i = 2, #KEYS do change(KEYS[i], from, to, tonumber(ARGV[i + 2]), -9007199254740992) end
return 1
)lua";

std::string script(std::initializer_list<std::string_view> pieces) {
  std::string out;
  for (const std::string_view piece : pieces) out += piece;
  return out;
}
const std::string& learn_script() {
  static const std::string text = script({kDecide, kChange, kLearnEnd});
  return text;
}
const std::string& decide_script() {
  static const std::string text = script({kDecide, kDecideEnd});
  return text;
}
const std::string& count_script() {
  static const std::string text = script({kChange, kCountEnd});
  return text;
}

std::string_view base_of(Tokenizer tokenizer) { return tokenizer == Tokenizer::kOsb ? "RS" : "WN"; }

std::string_view wanted(const LearnRecord& record) {
  if (record.kind == LearnKind::kForget) return "-";
  return record.label == LearnLabel::kSpam ? "S" : "H";
}

Learnt outcome(std::string_view said) {
  const char from = said.empty() ? '-' : said[0], to = said.size() < 2 ? '-' : said[1];
  if (to == '-') return from == '-' ? Learnt::kUnknown : Learnt::kForgotten;
  return from == '-' ? Learnt::kNew : from == to ? Learnt::kSame : Learnt::kMoved;
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

std::string ids_key(const RedisLayout& layout, size_t number) {
  return layout.ids + std::string(number, 'X');
}

bool wrong(const RedisReply& reply, Error& error) {
  if (!reply.is_error()) return false;
  error = {.what = fmt::format("redis: {}", reply.text)};
  return true;
}

}  // namespace

std::string redis_learning_log_path(const std::string& folder) {
  return folder + "/redis-learn.log";
}

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
  std::error_code problem;
  std::filesystem::create_directories(options.folder, problem);
  if (problem)
    return fail({.what = fmt::format("the folder of the learning log cannot be made: {}",
                                     problem.message()),
                 .file = options.folder});
  auto log = LearningLog::open(redis_learning_log_path(options.folder), LearningLog::Mode::kCreate);
  if (!log) return fail(log.error());
  out->log_ = std::move(*log);
  for (const uint8_t byte : out->log_->name()) out->log_name_ += fmt::format("{:02x}", byte);
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
  out.counts.resize(tokens.hashes.size());
  {
    const std::lock_guard lock(mutex_);
    const auto found = learns_.find(key);
    learns_known = found != learns_.end() && found->second.first == now;
    if (learns_known) out.learns = found->second.second;
  }
  std::vector<uint32_t> missing;
  cache_.find(now, tokens.scope * 4 + static_cast<uint64_t>(tokens.tokenizer), tokens.hashes,
              out.counts, missing);
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

  void ask(RedisBatch& batch) const {
    batch.add(key, {"HMGET", key, "learns_spam", "learns_ham"});
    std::string name = key + "_";
    const size_t stem = name.size();
    for (const uint32_t i : missing) {
      name.resize(stem);
      name += std::to_string(tokens->hashes[i]);
      batch.add(name, {"HMGET", name, "S", "H"});
    }
  }
  // False where Redis says no.
  bool take(std::span<const RedisReply> replies, Error& error) {
    for (const RedisReply& reply : replies) {
      if (wrong(reply, error)) return false;
      if (reply.items.size() == 2) continue;
      error = {.what = "redis: HMGET answers what it should not"};
      return false;
    }
    const auto number = [&](size_t i, size_t item) {
      return std::max<int64_t>(0, replies[i].items[item].number());
    };
    counts.learns = {static_cast<uint64_t>(number(0, 0)), static_cast<uint64_t>(number(0, 1))};
    for (size_t i = 0; i < missing.size(); ++i)
      counts.counts[missing[i]] = {clamped(number(i + 1, 0)), clamped(number(i + 1, 1))};
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
      one.ask(batch);
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
      cache_.keep(one.now, one.tokens->scope * 4 + static_cast<uint64_t>(one.tokens->tokenizer),
                  one.tokens->hashes, one.counts.counts, one.missing);
      {
        const std::lock_guard lock(mutex_);
        if (learns_.size() >= kLearnsKept) learns_.clear();
        if (one.now == state_) learns_[one.key] = {one.now, one.counts.learns};
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
  TokenList none;
  none.tokenizer = tokenizer;
  std::optional<LearnCount> before;
  {
    const std::lock_guard lock(mutex_);
    if (const auto kept = learns_.find(key_of(none)); kept != learns_.end())
      before = kept->second.second;
  }
  // Who asks for this draws a page: what was is enough, and what is will be there the next time.
  if (before) {
    if (!counts_at_hand(none)) ask_counts(std::move(none), [](Result<TokenCounts>&&) {});
    return *before;
  }
  const Result<TokenCounts> found = counts(none);
  if (!found) return fail(found.error());
  return found->learns;
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

struct RedisStatistics::Pending {
  std::vector<std::pair<uint64_t, LearnRecord>> records;  // with their offsets
  uint64_t next = 0;                                      // behind the last of them
  uint64_t end = 0;  // of the log; beyond `next` where there are more of them
};

Result<RedisStatistics::Pending> RedisStatistics::pending() const {
  Pending out;
  out.end = kLearningLogHead;
  std::ifstream file(options_.folder + "/redis-learn.done", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() == 24 && std::memcmp(bytes.data(), log_->name().data(), 16) == 0)
    out.end = read_little<uint64_t>(bytes.data() + 16);
  out.next = out.end;
  for (size_t taken = 0;;) {
    LearnRecord record;
    uint64_t next = 0;
    const Result<bool> there = log_->read(out.end, record, next);
    if (!there) return fail(there.error());
    if (!*there) return out;
    taken += record.tokens.size();
    if (taken <= options_.pending_bytes_max || out.records.empty()) {
      out.records.emplace_back(out.end, std::move(record));
      out.next = next;
    } else {
      taken = options_.pending_bytes_max;  // only the log's end is of interest now
    }
    out.end = next;
  }
}

// A position that is lost, or old, is no harm: what is delivered again finds its mark.
Result<void> RedisStatistics::write_position(uint64_t offset) const {
  const std::string path = options_.folder + "/redis-learn.done", fresh = path + ".new";
  std::string bytes(reinterpret_cast<const char*>(log_->name().data()), 16);
  append_little<uint64_t>(bytes, offset);
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0)
    return fail({.what = "how far the learning log is delivered cannot be written", .file = path});
  return {};
}

std::string RedisStatistics::mark(std::string_view key, uint64_t offset) const {
  return fmt::format("{{{}}}:winnow:{}:{}", redis_slot_text(key), log_name_, offset);
}

Result<std::vector<std::optional<LearnLabel>>> RedisStatistics::known(
    std::span<const LearnRecord> records) const {
  RedisBatch batch;
  const size_t keys = options_.layout.ids_keys;
  for (const LearnRecord& record : records) {
    TokenList tokens;
    read_token_question(record.tokens, tokens);
    const std::string id = redis_learn_id(tokens);
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
      const bool spam = item.text == "1" || item.text == "spam" || item.text == "S";
      out[i / (keys + 1)] = spam ? LearnLabel::kSpam : LearnLabel::kHam;
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

Result<std::vector<std::string>> RedisStatistics::decide(
    std::span<const std::pair<uint64_t, LearnRecord>> step, bool cluster) {
  const RedisLayout& layout = options_.layout;
  const size_t ids = cluster ? 1 : layout.ids_keys + 1;
  RedisBatch batch;
  batch.repeatable = true;
  const std::string most = std::to_string(layout.ids_max), ids_count = std::to_string(ids);
  for (const auto& [offset, record] : step) {
    TokenList tokens;
    read_token_question(record.tokens, tokens);
    const std::string id = redis_learn_id(tokens), key = key_of(tokens);
    std::vector<std::string> keys{mark(layout.ids, offset)}, counts;
    for (size_t i = 0; i < ids; ++i) keys.push_back(ids_key(layout, i));
    if (!cluster) {
      keys.insert(keys.end(), {key, layout.spam_symbol + "_keys", layout.ham_symbol + "_keys"});
      for (const auto& [hash, count] : counted(tokens)) {
        keys.push_back(fmt::format("{}_{}", key, hash));
        counts.push_back(std::to_string(count));
      }
    }
    const std::string key_count = std::to_string(keys.size());
    std::vector<std::string_view> words{"EVAL", cluster ? decide_script() : learn_script(),
                                        key_count};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), {kMarkSeconds, id, std::string_view(id).substr(0, 32), wanted(record),
                               most, ids_count});
    words.insert(words.end(), counts.begin(), counts.end());
    batch.add(layout.ids, words);
  }
  auto replies = client_->run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  std::vector<std::string> out;
  for (RedisReply& reply : *replies) {
    Error error;
    if (wrong(reply, error)) return fail(std::move(error));
    out.push_back(std::move(reply.text));
  }
  return out;
}

Result<void> RedisStatistics::count_slots(std::span<const std::pair<uint64_t, LearnRecord>> step,
                                          std::span<const std::string> said) {
  RedisBatch batch;
  batch.repeatable = true;
  const auto field = [](char letter, std::string_view spam, std::string_view ham) {
    return letter == 'S' ? spam : letter == 'H' ? ham : std::string_view();
  };
  using Keys = std::vector<std::pair<std::string, uint32_t>>;
  for (size_t i = 0; i < step.size(); ++i) {
    const char from = said[i][0], to = said[i][1];
    if (from == to) continue;
    const auto& [offset, record] = step[i];
    TokenList tokens;
    read_token_question(record.tokens, tokens);
    const std::string key = key_of(tokens);
    const auto add = [&, at = offset](const Keys& keys, std::string_view less,
                                      std::string_view more) {
      std::vector<std::string> texts{mark(keys.front().first, at)}, counts;
      for (const auto& [name, count] : keys) {
        texts.push_back(name);
        counts.push_back(std::to_string(count));
      }
      const std::string n = std::to_string(texts.size());
      std::vector<std::string_view> words{"EVAL", count_script(), n};
      words.insert(words.end(), texts.begin(), texts.end());
      words.insert(words.end(), {kMarkSeconds, less, more});
      words.insert(words.end(), counts.begin(), counts.end());
      batch.add(keys.front().first, words);
    };
    std::map<uint16_t, Keys> slots;
    for (const auto& [hash, count] : counted(tokens)) {
      std::string name = fmt::format("{}_{}", key, hash);
      slots[redis_slot(name)].emplace_back(std::move(name), count);
    }
    for (const auto& [slot, keys] : slots) add(keys, field(from, "S", "H"), field(to, "S", "H"));
    add({{key, 1}}, field(from, "learns_spam", "learns_ham"),
        field(to, "learns_spam", "learns_ham"));
    batch.add(key, {"HSET", key, "version", "2"});
    const std::string set =
        (to == 'S' ? options_.layout.spam_symbol : options_.layout.ham_symbol) + "_keys";
    if (to != '-') batch.add(set, {"SADD", set, key});
  }
  const auto replies = client_->run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  Error error;
  for (const RedisReply& reply : *replies)
    if (wrong(reply, error)) return fail(std::move(error));
  return {};
}

Result<std::vector<Learnt>> RedisStatistics::deliver_step(
    std::span<const std::pair<uint64_t, LearnRecord>> step) {
  bool cluster = client_->is_cluster();
  Result<std::vector<std::string>> said = decide(step, cluster);
  if (!said && !cluster && said.error().what.find("CROSSSLOT") != std::string::npos)
    said = decide(step, cluster = true);
  if (!said) return fail(said.error());
  if (cluster)
    if (Result<void> good = count_slots(step, *said); !good) return fail(good.error());
  std::vector<Learnt> out;
  for (const std::string& one : *said) out.push_back(outcome(one));
  return out;
}

Result<void> RedisStatistics::deliver(const Pending& what, std::vector<Learnt>* outcomes,
                                      uint64_t& done) {
  const std::span<const std::pair<uint64_t, LearnRecord>> all = what.records;
  done = 0;
  Result<void> good;
  while (done < all.size() && good) {
    size_t n = 0, bytes = 0;
    while (done + n < all.size() && n < kStepRecords && bytes < kStepTokens * 9)
      bytes += all[done + n++].second.tokens.size();
    const Result<std::vector<Learnt>> step = deliver_step(all.subspan(done, n));
    if (!step) {
      good = fail(step.error());
      break;
    }
    if (outcomes) outcomes->insert(outcomes->end(), step->begin(), step->end());
    done += n;
  }
  if (done > 0) {
    const uint64_t next = done < all.size() ? all[done].first : what.next;
    if (Result<void> written = write_position(next); !written) return written;
    const std::lock_guard lock(mutex_);
    state_until_ = {};  // what was kept is of before
  }
  undelivered_ = all.size() - done + (what.next < what.end ? 1 : 0);
  return good;
}

Result<std::vector<Learnt>> RedisStatistics::learn(std::span<const LearnRecord> records) {
  if (!log_) return fail("nothing can be learnt: the learning log was opened to be read alone");
  const Result<LearningLog::Lock> lock = log_->lock();
  if (!lock) return fail(lock.error());
  Result<Pending> waiting = pending();
  if (!waiting) return fail(waiting.error());
  uint64_t done = 0;
  const bool there = deliver(*waiting, nullptr, done).has_value() && waiting->next == waiting->end;
  // What is known already need not be written down; where Redis cannot say, all is.
  std::vector<Learnt> out(records.size(), Learnt::kLater);
  std::vector<size_t> which;
  std::vector<LearnRecord> fresh;
  Result<std::vector<Learnt>> expected = fail("");
  if (there) expected = try_learn(records);
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
  const Result<std::vector<uint64_t>> offsets = log_->append(fresh, waiting->end);
  if (!offsets) return fail(offsets.error());
  undelivered_ = waiting->records.size() - done + fresh.size();
  if (!expected) return out;
  Pending mine;
  for (size_t i = 0; i < fresh.size(); ++i)
    mine.records.emplace_back((*offsets)[i], std::move(fresh[i]));
  struct stat status {};
  stat(redis_learning_log_path(options_.folder).c_str(), &status);
  mine.next = mine.end = static_cast<uint64_t>(status.st_size);
  std::vector<Learnt> outcomes;
  static_cast<void>(deliver(mine, &outcomes, done));  // what it could not is for later
  for (size_t i = 0; i < outcomes.size(); ++i) out[which[i]] = outcomes[i];
  return out;
}

void RedisStatistics::tend() {
  if (!log_) return;
  const Result<LearningLog::Lock> lock = log_->lock();
  if (!lock) return;
  const Result<Pending> waiting = pending();
  if (!waiting || waiting->records.empty()) return;
  uint64_t done = 0;
  static_cast<void>(deliver(*waiting, nullptr, done));
}

}  // namespace winnow
