#include "pipeline/learn/redis_dump.h"

#include <fmt/format.h>

#include <algorithm>

namespace winnow {

namespace {

// Of a name that is to be found literally by SCAN's MATCH.
std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

Result<std::vector<RedisReply>> ask(RedisClient& client, const RedisBatch& batch, RedisUse use) {
  auto replies = client.run(batch, use);
  if (!replies) return replies;
  for (const RedisReply& reply : *replies)
    if (reply.is_error()) return fail(fmt::format("redis: {}", reply.text));
  return replies;
}

Result<void> take_hashes(RedisClient& client, std::span<const std::string> names,
                         const std::function<void(const DumpedKey&)>& take) {
  RedisBatch batch;
  for (const std::string& name : names) batch.add(name, {"HGETALL", name});
  const auto replies = ask(client, batch, RedisUse::kRead);
  if (!replies) return fail(replies.error());
  for (size_t i = 0; i < names.size(); ++i) {
    DumpedKey key{.key = names[i], .fields = {}, .members = {}};
    const std::vector<RedisReply>& items = (*replies)[i].items;
    for (size_t k = 0; k + 1 < items.size(); k += 2)
      key.fields.emplace_back(items[k].text, items[k + 1].text);
    if (!key.fields.empty()) take(key);
  }
  return {};
}

}  // namespace

Result<void> dump_redis(RedisClient& client, const RedisLayout& layout, size_t step,
                        const std::function<void(const DumpedKey&)>& take) {
  std::vector<std::string> keys;
  for (const RedisLayout::Class& one : layout.classes) {
    DumpedKey set{.key = one.symbol + "_keys", .set = true, .fields = {}, .members = {}};
    RedisBatch batch;
    batch.add(set.key, {"SMEMBERS", set.key});
    const auto replies = ask(client, batch, RedisUse::kRead);
    if (!replies) return fail(replies.error());
    for (const RedisReply& member : replies->front().items) set.members.push_back(member.text);
    std::ranges::sort(set.members);
    if (!set.members.empty()) take(set);
    keys.insert(keys.end(), set.members.begin(), set.members.end());
  }
  if (client.is_cluster())
    return fail("redis: the nodes of a Cluster are not walked; dump each by rspamadm");
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const std::string& key : keys) {
    if (Result<void> good = take_hashes(client, {&key, 1}, take); !good) return good;
    std::string cursor = "0";
    const std::string pattern = escaped(key) + "_*", count = std::to_string(step);
    do {
      RedisBatch batch;
      batch.add("", {"SCAN", cursor, "MATCH", pattern, "COUNT", count});
      const auto replies = ask(client, batch, RedisUse::kWrite);  // one server, and no other
      if (!replies) return fail(replies.error());
      const RedisReply& reply = replies->front();
      if (reply.items.size() != 2) return fail("redis: SCAN answers what it should not");
      cursor = reply.items[0].text;
      std::vector<std::string> names;
      for (const RedisReply& name : reply.items[1].items) {
        std::string whose;
        uint64_t token = 0;
        if (split_token_key(name.text, whose, token) && whose == key) names.push_back(name.text);
      }
      if (Result<void> good = take_hashes(client, names, take); !good) return good;
    } while (cursor != "0");
  }
  return {};
}

std::vector<RedisWords> restore_commands(const DumpedKey& key, RestoreMode mode) {
  std::vector<RedisWords> out;
  if (key.set) {
    if (key.members.empty()) return out;
    out.push_back({"SADD", key.key});
    out.back().insert(out.back().end(), key.members.begin(), key.members.end());
    return out;
  }
  for (const auto& [field, value] : key.fields) {
    // A version is no count, and what store_tokens keeps neither.
    const bool counts = value.find_first_not_of("0123456789.-") == std::string::npos;
    if (mode == RestoreMode::kReplace || field == "version" || !counts) {
      out.push_back({"HSET", key.key, field, value});
      continue;
    }
    const bool whole = value.find('.') == std::string::npos;
    const bool less = value.starts_with('-');
    const std::string number = mode == RestoreMode::kAppend ? value
                               : less                       ? value.substr(1)
                                                            : "-" + value;
    out.push_back({whole ? "HINCRBY" : "HINCRBYFLOAT", key.key, field, number});
  }
  return out;
}

Result<void> run_commands(RedisClient& client, std::span<const RedisWords> commands) {
  RedisBatch batch;
  for (const RedisWords& words : commands) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    batch.add(words[1], views);
  }
  const auto replies = ask(client, batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  return {};
}

}  // namespace winnow
