#include "pipeline/learn/redis_expiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/crypt/digest.h"
#include "engine/crypt/hex_text.h"
#include "pipeline/learn/rspamd_dump.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr std::string_view kPattern = "RS*_*";

std::string state_key(std::string_view what) {
  const Digest digest(DigestKind::kSha1, kPattern);
  std::string out;
  append_hex(digest.view(), out);
  return out.append("_").append(what);
}

// Where a scan is: how far in which master of a Cluster; of a single server the number alone, as
// Rspamd has it.
struct Cursor {
  std::vector<std::string> masters;  // a key of each; none: no Cluster
  size_t master = 0;
  std::string at = "0";

  Cursor(const RedisClient& client, std::string_view text) : masters(client.keys_of_masters()) {
    const size_t blank = text.find(' ');
    if (masters.empty() || blank == std::string_view::npos) {
      if (masters.empty() && !text.empty()) at = text;
      return;
    }
    size_t number = 0;
    std::from_chars(text.data(), text.data() + blank, number);
    if (number >= masters.size()) return;
    master = number;
    at = text.substr(blank + 1);
  }
  std::string_view key() const { return masters.empty() ? std::string_view() : masters[master]; }
  // As it is kept, once the server has said where to go on.
  std::string next(std::string_view said) const {
    if (masters.empty()) return std::string(said);
    const size_t where = said == "0" ? (master + 1) % masters.size() : master;
    return fmt::format("{} {}", where, said);
  }
};

Result<std::vector<RedisReply>> ask(RedisClient& client, const RedisBatch& batch) {
  auto replies = client.run(batch, RedisUse::kWrite);
  if (!replies) return replies;
  for (const RedisReply& reply : *replies)
    if (reply.is_error() && !reply.text.starts_with("WRONGTYPE"))
      return fail(fmt::format("redis: {}", reply.text));
  return replies;
}

}  // namespace

RedisExpiryOptions redis_expiry_options(const UclObject& root) {
  RedisExpiryOptions out;
  const UclObject* const section = root.find("bayes_expiry");
  if (!section) return out;
  const auto number = [&](const char* key, double least, double most, auto& to) {
    const double value = section->number(key, static_cast<double>(to));
    if (value >= least && value <= most)
      to = static_cast<std::remove_reference_t<decltype(to)>>(value);
  };
  number("interval", 1, 1e6, out.interval_s);
  number("count", 1, 1e6, out.count);
  number("epsilon_common", 0, 0.5, out.epsilon_common);
  number("common_ttl", 1, 1e10, out.common_ttl_s);
  number("significant_factor", 0, 1, out.significant_factor);
  return out;
}

std::optional<int64_t> token_life(const RedisExpiryOptions& options, int64_t expire_s,
                                  std::span<const uint64_t> counts, double mean, int64_t ttl_s) {
  const double even = 1 / static_cast<double>(counts.size());
  double total = 0, most = 0;
  for (const uint64_t count : counts) {
    total += static_cast<double>(count);
    most = std::max(most, static_cast<double>(count));
  }
  const double share = total > 0 ? most / total : even;
  if (share <= even + options.epsilon_common) {
    if (ttl_s >= 0 && ttl_s <= options.common_ttl_s) return std::nullopt;
    return options.common_ttl_s;
  }
  const bool stays = expire_s < 0 || (total >= mean && share > options.significant_factor);
  if (stays) return ttl_s < 0 ? std::nullopt : std::optional<int64_t>(-1);
  return ttl_s < 0 || ttl_s > expire_s ? std::optional(expire_s) : std::nullopt;
}

Result<ExpiryStep> expire_step(RedisClient& client, const RedisLayout& layout,
                               const RedisExpiryOptions& options) {
  ExpiryStep out;
  const std::string lock = state_key("lock"), cursor_key = state_key("cursor");
  RedisBatch begin;
  begin.add(lock, {"SET", lock, "1", "NX", "EX", std::to_string(options.interval_s)});
  begin.add(cursor_key, {"GET", cursor_key});
  const auto begun = ask(client, begin);
  if (!begun) return fail(begun.error());
  if ((*begun)[0].text != "OK") return out;
  out.ran = true;
  const Cursor cursor(client, (*begun)[1].text);
  RedisBatch scan;
  scan.add(cursor.key(),
           {"SCAN", cursor.at, "MATCH", kPattern, "COUNT", std::to_string(options.count)});
  const auto found = ask(client, scan);
  if (!found) return fail(found.error());
  if (found->front().items.size() != 2) return fail("redis: SCAN answers what it should not");
  std::vector<std::string_view> names;
  for (const RedisReply& name : found->front().items[1].items) {
    std::string whose;
    uint64_t token = 0;
    if (split_token_key(name.text, whose, token)) names.push_back(name.text);
  }
  RedisBatch look;
  std::vector<std::string_view> words{"HMGET", ""};
  for (const RedisLayout::Class& one : layout.classes) words.push_back(one.field);
  const size_t classes = layout.classes.size();
  for (const std::string_view name : names) {
    words[1] = name;
    look.add(name, words);
    look.add(name, {"TTL", name});
  }
  const auto seen = ask(client, look);
  if (!seen) return fail(seen.error());
  std::vector<std::vector<uint64_t>> counts(names.size(), std::vector<uint64_t>(classes));
  double sum = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::vector<RedisReply>& items = (*seen)[i * 2].items;
    if (items.size() != classes) continue;
    for (size_t one = 0; one < classes; ++one) {
      counts[i][one] = static_cast<uint64_t>(std::max<int64_t>(0, items[one].number()));
      sum += static_cast<double>(counts[i][one]);
    }
  }
  const double mean = names.empty() ? 0 : sum / static_cast<double>(names.size());
  RedisBatch change;
  for (size_t i = 0; i < names.size(); ++i) {
    const RedisReply& ttl = (*seen)[i * 2 + 1];
    if ((*seen)[i * 2].items.size() != classes || ttl.integer == -2) continue;  // no hash, or gone
    const auto life = token_life(options, layout.expire_s, counts[i], mean, ttl.integer);
    if (!life) continue;
    if (*life < 0)
      change.add(names[i], {"PERSIST", names[i]});
    else
      change.add(names[i], {"EXPIRE", names[i], std::to_string(*life)});
    ++(*life < 0 ? out.made_to_stay : out.made_to_end);
  }
  change.add(cursor_key, {"SET", cursor_key, cursor.next(found->front().items[0].text)});
  if (const auto done = ask(client, change); !done) return fail(done.error());
  out.tokens = names.size();
  return out;
}

}  // namespace winnow
