#include "pipeline/lookup/store/redis_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <utility>

#include "pipeline/lookup/store/table.h"

namespace winnow {

namespace {

// ARGV: now, then five of each write: kind, key, number, score or field, value. First it is seen
// whether the guards will hold, over what the writes before them will have put there; a script
// cannot be undone.
constexpr std::string_view kApply = R"lua(
local p = KEYS[1]
local now = tonumber(ARGV[1])
local ahead = {}
local function value(key)
  if ahead[key] ~= nil then return ahead[key] end
  local bytes = redis.call('GET', p .. 'v' .. key)
  if not bytes then return false end
  local expires = 0
  for i = 1, 8 do expires = expires * 256 + string.byte(bytes, i) end
  if expires ~= 0 and expires <= now then return false end
  return string.sub(bytes, 9)
end
for i = 2, #ARGV, 5 do
  local kind, key = ARGV[i], ARGV[i + 1]
  if kind == 'set' then
    local expires = tonumber(ARGV[i + 2])
    if expires ~= 0 and expires <= now then ahead[key] = false else ahead[key] = ARGV[i + 4] end
  elseif kind == 'erase' then ahead[key] = false
  elseif kind == 'absent' then if value(key) then return 0 end
  elseif kind == 'value' then if value(key) ~= ARGV[i + 4] then return 0 end
  end
end
for i = 2, #ARGV, 5 do
  local kind, key, number, score, text = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if kind == 'add' then
    local at = p .. 'c' .. key
    local count = tonumber(redis.call('HGET', at, score) or '0') + tonumber(number)
    if count > 4294967295 then count = 4294967295 end
    if count > 0 then redis.call('HSET', at, score, string.format('%.0f', count))
    else redis.call('HDEL', at, score) end
  elseif kind == 'set' then
    local expires, bytes = tonumber(number), ''
    local rest = expires
    for _ = 1, 8 do
      bytes = string.char(rest % 256) .. bytes
      rest = math.floor(rest / 256)
    end
    redis.call('SET', p .. 'v' .. key, bytes .. text)
    if expires ~= 0 then redis.call('ZADD', p .. 'x', number, key)
    else redis.call('ZREM', p .. 'x', key) end
  elseif kind == 'erase' then
    redis.call('DEL', p .. 'v' .. key, p .. 'c' .. key, p .. 'l' .. key, p .. 's' .. key)
    redis.call('ZREM', p .. 'x', key)
  elseif kind == 'push' then
    redis.call('LPUSH', p .. 'l' .. key, text)
    if number == '0' then redis.call('DEL', p .. 'l' .. key)
    else redis.call('LTRIM', p .. 'l' .. key, 0, tonumber(number) - 1) end
  elseif kind == 'sorted_add' then redis.call('ZADD', p .. 's' .. key, score, text)
  elseif kind == 'sorted_erase' then redis.call('ZREM', p .. 's' .. key, text)
  elseif kind == 'sorted_trim' then
    redis.call('ZREMRANGEBYSCORE', p .. 's' .. key, '-inf', '(' .. score)
  end
end
redis.call('INCR', p .. 'n')
return 1
)lua";

// ARGV: now, how many.
constexpr std::string_view kExpire = R"lua(
local p = KEYS[1]
local due = redis.call('ZRANGEBYSCORE', p .. 'x', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, key in ipairs(due) do
  redis.call('DEL', p .. 'v' .. key)
  redis.call('ZREM', p .. 'x', key)
end
if #due > 0 then redis.call('INCR', p .. 'n') end
return #due
)lua";

constexpr size_t kExpiryBytes = 8;

std::string_view kind_name(StoreWriteKind kind) {
  switch (kind) {
    case StoreWriteKind::kAdd:
    case StoreWriteKind::kAddMany:
      return "add";
    case StoreWriteKind::kSet:
      return "set";
    case StoreWriteKind::kErase:
      return "erase";
    case StoreWriteKind::kExpectValue:
      return "value";
    case StoreWriteKind::kExpectAbsent:
      return "absent";
    case StoreWriteKind::kPush:
      return "push";
    case StoreWriteKind::kSortedAdd:
      return "sorted_add";
    case StoreWriteKind::kSortedErase:
      return "sorted_erase";
    case StoreWriteKind::kSortedTrim:
      return "sorted_trim";
  }
  return {};
}

std::string score_text(double score) { return fmt::format("{:.17g}", score == 0 ? 0.0 : score); }

double score_of(std::string_view text) {
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// The value, unless it expired.
std::optional<std::string> value_of(const RedisReply& reply, int64_t now_ms) {
  if (reply.kind != RedisReply::Kind::kText || reply.text.size() < kExpiryBytes)
    return std::nullopt;
  uint64_t expires = 0;
  for (size_t i = 0; i < kExpiryBytes; ++i)
    expires = expires << 8 | static_cast<uint8_t>(reply.text[i]);
  if (expires != 0 && static_cast<int64_t>(expires) <= now_ms) return std::nullopt;
  return reply.text.substr(kExpiryBytes);
}

// `text` as MATCH takes it for exactly these bytes.
std::string literal_pattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '^') out += '\\';
    out += c;
  }
  return out;
}

class RedisStore final : public Store {
 public:
  RedisStore(std::shared_ptr<RedisClient> client, std::string prefix)
      : client_(std::move(client)), prefix_(std::move(prefix)) {}

  Result<std::vector<std::optional<std::string>>> get(std::span<const std::string_view> keys,
                                                      int64_t now_ms) const override {
    RedisBatch batch;
    for (const std::string_view key : keys) batch.add(prefix_, {"GET", named('v', key)});
    const auto replies = read(batch);
    if (!replies) return fail(replies.error());
    std::vector<std::optional<std::string>> out;
    for (const RedisReply& reply : *replies) out.push_back(value_of(reply, now_ms));
    return out;
  }

  Result<std::vector<uint64_t>> counts(std::span<const std::string_view> keys,
                                       unsigned fields) const override {
    RedisBatch batch;
    for (const std::string_view key : keys) {
      const std::string name = named('c', key);
      std::vector<std::string_view> words{"HMGET", name};
      for (unsigned i = 0; i < fields; ++i) words.push_back(kDigits.substr(i, 1));
      batch.add(prefix_, words);
    }
    const auto replies = read(batch);
    if (!replies) return fail(replies.error());
    std::vector<uint64_t> out;
    for (const RedisReply& reply : *replies)
      for (unsigned i = 0; i < fields; ++i)
        out.push_back(i < reply.items.size() ? static_cast<uint64_t>(reply.items[i].number()) : 0);
    return out;
  }

  Result<std::vector<std::string>> list(std::string_view key, uint32_t skip,
                                        uint32_t count) const override {
    std::vector<std::string> out;
    if (count == 0) return out;
    RedisBatch batch;
    batch.add(prefix_, {"LRANGE", named('l', key), std::to_string(skip),
                        std::to_string(uint64_t{skip} + count - 1)});
    auto replies = read(batch);
    if (!replies) return fail(replies.error());
    for (RedisReply& entry : replies->front().items) out.push_back(std::move(entry.text));
    return out;
  }

  Result<std::vector<SortedMember>> window(std::string_view key, double min, double max,
                                           uint32_t count) const override {
    RedisBatch batch;
    batch.add(prefix_, {"ZRANGEBYSCORE", named('s', key), score_text(min), score_text(max),
                        "WITHSCORES", "LIMIT", "0", std::to_string(count)});
    auto replies = read(batch);
    if (!replies) return fail(replies.error());
    std::vector<SortedMember> out;
    std::vector<RedisReply>& items = replies->front().items;
    for (size_t i = 0; i + 1 < items.size(); i += 2)
      out.push_back({std::move(items[i].text), score_of(items[i + 1].text)});
    return out;
  }

  Result<std::vector<CounterRow>> scan(std::string_view prefix, std::string_view after,
                                       uint32_t count) const override {
    const auto keys = keys_of('c', prefix, after);
    if (!keys) return fail(keys.error());
    std::vector<CounterRow> out;
    const size_t n = std::min<size_t>(keys->size(), count);
    const std::vector<std::string_view> names(keys->begin(),
                                              keys->begin() + static_cast<ptrdiff_t>(n));
    const auto values = counts(names, kStoreFieldsMax);
    if (!values) return fail(values.error());
    for (size_t i = 0; i < n; ++i) {
      const auto first = values->begin() + static_cast<ptrdiff_t>(i * kStoreFieldsMax);
      std::vector<uint64_t> row(first, first + kStoreFieldsMax);
      while (!row.empty() && row.back() == 0) row.pop_back();
      out.push_back({(*keys)[i], std::move(row)});
    }
    return out;
  }

  Result<std::vector<std::pair<std::string, std::string>>> scan_values(
      std::string_view prefix, std::string_view after, uint32_t count,
      int64_t now_ms) const override {
    const auto keys = keys_of('v', prefix, after);
    if (!keys) return fail(keys.error());
    std::vector<std::pair<std::string, std::string>> out;
    constexpr size_t kStep = 1'024;
    for (size_t at = 0; at < keys->size() && out.size() < count; at += kStep) {
      const size_t end = std::min(keys->size(), at + kStep);
      const std::vector<std::string_view> names(keys->begin() + static_cast<ptrdiff_t>(at),
                                                keys->begin() + static_cast<ptrdiff_t>(end));
      auto values = get(names, now_ms);
      if (!values) return fail(values.error());
      for (size_t i = 0; i < names.size() && out.size() < count; ++i)
        if ((*values)[i]) out.emplace_back(std::string(names[i]), std::move(*(*values)[i]));
    }
    return out;
  }

  Result<bool> apply(const StoreBatch& batch, int64_t now_ms) override {
    std::vector<std::string> words{std::to_string(now_ms)};
    const auto add = [&](const StoreWrite& write) {
      const bool counter = write.kind == StoreWriteKind::kAdd;
      const bool push = write.kind == StoreWriteKind::kPush;
      words.emplace_back(kind_name(write.kind));
      words.push_back(write.key);
      words.push_back(std::to_string(push ? write.keep
                                     : write.kind == StoreWriteKind::kSet
                                         ? std::max<int64_t>(0, write.number)
                                         : write.number));
      words.push_back(counter ? std::to_string(write.field) : score_text(write.score));
      words.push_back(write.value);
    };
    for (const StoreWrite& write : batch.writes) {
      if (Result<void> good = check_write(write); !good) return fail(good.error());
      if (write.kind == StoreWriteKind::kAddMany)
        for (const StoreWrite& one : single_adds(write)) add(one);
      else
        add(write);
    }
    const auto done = script(kApply, words);
    if (!done) return fail(done.error());
    return done->integer == 1;
  }

  Result<uint64_t> expire(int64_t now_ms, uint64_t max) override {
    const auto gone =
        script(kExpire, {std::to_string(now_ms), std::to_string(std::min<uint64_t>(max, 100'000))});
    if (!gone) return fail(gone.error());
    return static_cast<uint64_t>(gone->integer);
  }

  Result<StoreSize> size() const override {
    RedisBatch batch;
    batch.add(prefix_, {"INFO", "memory"});
    const auto replies = read(batch);
    if (!replies) return fail(replies.error());
    const auto value = [&](std::string_view name) {
      const std::string& text = replies->front().text;
      const size_t at = text.find(name);
      uint64_t out = 0;
      if (at != std::string::npos)
        std::from_chars(text.data() + at + name.size(), text.data() + text.size(), out);
      return out;
    };
    return StoreSize{value("\nused_memory:"), value("\nmaxmemory:")};
  }

  // One question to the server. Where it is away nothing that was kept may be used.
  uint64_t version() const override {
    RedisBatch batch;
    batch.add(prefix_, {"GET", prefix_ + "n"});
    const auto replies = read(batch);
    return replies ? static_cast<uint64_t>(replies->front().number()) : --away_;
  }

 private:
  static constexpr std::string_view kDigits = "01234567";

  std::string named(char kind, std::string_view key) const {
    std::string out = prefix_;
    out += kind;
    return out.append(key);
  }

  // Replies without errors.
  Result<std::vector<RedisReply>> run(const RedisBatch& batch, RedisUse use) const {
    auto replies = client_->run(batch, use);
    if (!replies) return replies;
    for (const RedisReply& reply : *replies)
      if (reply.is_error()) return fail(fmt::format("redis: {}", reply.text));
    return replies;
  }
  Result<std::vector<RedisReply>> read(const RedisBatch& batch) const {
    return run(batch, RedisUse::kRead);
  }

  Result<RedisReply> script(std::string_view text, const std::vector<std::string>& arguments) {
    std::vector<std::string_view> words{"EVAL", text, "1", prefix_};
    words.insert(words.end(), arguments.begin(), arguments.end());
    RedisBatch batch;
    batch.add(prefix_, words);
    auto replies = run(batch, RedisUse::kWrite);
    if (!replies) return fail(replies.error());
    return std::move(replies->front());
  }

  // Sorted, each once, without prefix and kind.
  Result<std::vector<std::string>> keys_of(char kind, std::string_view prefix,
                                           std::string_view after) const {
    const std::string pattern = literal_pattern(named(kind, prefix)) + "*";
    const size_t skip = prefix_.size() + 1;
    std::vector<std::string> out;
    std::string cursor = "0";
    do {
      RedisBatch batch;
      batch.add(prefix_, {"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"});
      const auto replies = read(batch);
      if (!replies) return fail(replies.error());
      const RedisReply& reply = replies->front();
      if (reply.items.size() != 2) return fail("redis: SCAN answers what it should not");
      cursor = reply.items[0].text;
      for (const RedisReply& key : reply.items[1].items) {
        if (key.text.size() < skip) continue;
        std::string name = key.text.substr(skip);
        if (after.empty() || name > after) out.push_back(std::move(name));
      }
    } while (cursor != "0");
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  const std::shared_ptr<RedisClient> client_;
  const std::string prefix_;
  mutable std::atomic<uint64_t> away_{0};
};

}  // namespace

std::unique_ptr<Store> redis_store(std::shared_ptr<RedisClient> client, std::string prefix) {
  return std::make_unique<RedisStore>(std::move(client), std::move(prefix));
}

}  // namespace winnow
