#include "pipeline/dmarc_redis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "engine/ascii.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr size_t kFields = 12;
constexpr int64_t kDay_ms = 86'400'000;
// ARGV: row, how often, most rows, life in seconds. 1: it counts.
constexpr std::string_view kAdd =
    "if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and "
    "redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end "
    "redis.call('ZINCRBY', KEYS[1], ARGV[2], ARGV[1]) "
    "redis.call('EXPIRE', KEYS[1], ARGV[4]) return 1";

// Results of signatures, in the order of their fields.
constexpr std::array<std::string_view, 4> kResults{"pass", "fail", "temperror", "permerror"};

std::string clean(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c == ',' || c == '|' || static_cast<uint8_t>(c) < ' ' || c == 0x7f) c = '?';
  return out;
}

std::string_view cut(std::string_view& text, char end) {
  const std::string_view out = text.substr(0, text.find(end));
  text.remove_prefix(std::min(out.size() + 1, text.size()));
  return out;
}

Error error_of(const RedisReply& reply) { return {fmt::format("redis: {}", reply.text)}; }

// Writes all of it; the first error, where one comes.
Result<void> write(RedisClient& client, const RedisBatch& batch) {
  const auto replies = client.run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  for (const RedisReply& reply : *replies)
    if (reply.is_error()) return fail(error_of(reply));
  return {};
}

}  // namespace

std::string write_rspamd_dmarc_row(const DmarcReportRow& row) {
  std::string out = fmt::format("{},{},{},{},{},{}", clean(row.ip), clean(row.spf), clean(row.dkim),
                                clean(row.disposition), clean(row.reason), clean(row.header_from));
  for (const std::string_view result : kResults) {
    out += ',';
    bool first = true;
    for (const DmarcReportRow::Signature& one : row.signatures) {
      if (one.result != result) continue;
      if (!std::exchange(first, false)) out += '|';
      out += clean(one.domain);
    }
  }
  return out + fmt::format(",{},{}", clean(row.spf_domain), clean(row.spf_result));
}

bool read_rspamd_dmarc_row(std::string_view text, DmarcReportRow& row) {
  row = {};
  if (text.size() > kDmarcRowBytesMax ||
      static_cast<size_t>(std::ranges::count(text, ',')) != kFields - 1)
    return false;
  row.method = "psl";
  for (std::string* const field :
       {&row.ip, &row.spf, &row.dkim, &row.disposition, &row.reason, &row.header_from})
    *field = cut(text, ',');
  for (const std::string_view result : kResults) {
    std::string_view domains = cut(text, ',');
    while (!domains.empty() && row.signatures.size() < kDmarcRowSignaturesMax)
      row.signatures.push_back({std::string(cut(domains, '|')), "", std::string(result)});
  }
  row.spf_domain = cut(text, ',');
  row.spf_result = text;
  return !row.ip.empty() && !row.header_from.empty();
}

std::string DmarcRedis::report_key(std::string_view day, std::string_view domain,
                                   std::string_view rua) const {
  return fmt::format("{1}{0}{2}{0}{3}{0}{4}", keys_.join, keys_.report, domain, rua, day);
}

std::optional<DmarcRows::Pile> DmarcRedis::pile_of(std::string_view key,
                                                   std::string_view day) const {
  const std::string begin = keys_.report + keys_.join, end = keys_.join + std::string(day);
  if (key.size() < begin.size() + end.size() || !key.starts_with(begin) || !key.ends_with(end))
    return std::nullopt;
  std::string_view rest = key.substr(begin.size(), key.size() - begin.size() - end.size());
  const size_t join = rest.find(keys_.join);
  if (join == std::string_view::npos || join == 0) return std::nullopt;
  Pile out;
  out.day = day;
  out.domain = rest.substr(0, join);
  out.rua = rest.substr(join + keys_.join.size());
  return out;
}

Result<void> DmarcRedis::add(std::span<const std::string> rows, int64_t now_ms,
                             const DmarcStoreOptions& options) {
  const std::string day = dmarc_day(now_ms);
  std::map<std::pair<std::string, std::string>, uint64_t> counts;  // key and row
  for (const std::string& text : rows) {
    DmarcReportRow row;
    if (!read_dmarc_row(text, row)) continue;
    std::string rua;  // Rspamd's are in lower case; blanks belong to no URI
    for (const char c : row.rua)
      if (c != ' ' && c != '\t') rua += lower_ascii(c);
    ++counts[{report_key(day, row.policy_domain, rua), write_rspamd_dmarc_row(row)}];
  }
  if (counts.empty()) return {};
  const std::string index = index_key(day), most = fmt::format("{}", options.rows_max),
                    life = fmt::format("{}", options.expires_ms / 1'000);
  RedisBatch batch;
  for (const auto& [at, count] : counts)
    batch.add(at.first,
              {"EVAL", kAdd, "1", at.first, at.second, fmt::format("{}", count), most, life});
  for (const auto& [at, count] : counts) batch.add(index, {"SADD", index, at.first});
  batch.add(index, {"EXPIRE", index, life});
  return write(*client_, batch);
}

Result<std::vector<DmarcRows::Pile>> DmarcRedis::piles(int64_t now_ms) const {
  std::vector<std::string> days;
  for (int64_t at = now_ms - expires_ms_ - kDay_ms; at < now_ms + kDay_ms; at += kDay_ms)
    days.push_back(dmarc_day(at));
  RedisBatch batch;
  batch.repeatable = true;
  for (const std::string& day : days) batch.add(index_key(day), {"SMEMBERS", index_key(day)});
  const auto replies = client_->run(batch, RedisUse::kRead);
  if (!replies) return fail(replies.error());
  std::vector<Pile> out;
  for (size_t i = 0; i < days.size(); ++i) {
    if ((*replies)[i].is_error()) return fail(error_of((*replies)[i]));
    for (const RedisReply& key : (*replies)[i].items)
      if (std::optional<Pile> pile = pile_of(key.text, days[i])) out.push_back(std::move(*pile));
  }
  std::ranges::sort(out, [](const Pile& a, const Pile& b) {
    return std::tie(a.day, a.domain, a.rua) < std::tie(b.day, b.domain, b.rua);
  });
  return out;
}

Result<DmarcRows::Rows> DmarcRedis::rows(const Pile& pile, int64_t) const {
  const std::string key = report_key(pile.day, pile.domain, pile.rua);
  RedisBatch batch;
  batch.repeatable = true;
  batch.add(key, {"ZRANGE", key, "0", "-1", "WITHSCORES"});
  const auto replies = client_->run(batch, RedisUse::kRead);
  if (!replies) return fail(replies.error());
  const RedisReply& reply = (*replies)[0];
  if (reply.is_error()) return fail(error_of(reply));
  Rows out;
  for (size_t i = 0; i + 1 < reply.items.size(); i += 2) {
    DmarcReportRow row;
    const int64_t count = reply.items[i + 1].number();
    if (count <= 0 || !read_rspamd_dmarc_row(reply.items[i].text, row)) continue;
    row.policy_domain = pile.domain;
    row.rua = pile.rua;
    out.emplace_back(std::move(row), static_cast<uint64_t>(count));
  }
  std::ranges::sort(out, {}, [](const auto& one) { return write_rspamd_dmarc_row(one.first); });
  return out;
}

Result<void> DmarcRedis::erase(const Pile& pile, int64_t) {
  const std::string key = report_key(pile.day, pile.domain, pile.rua), index = index_key(pile.day);
  RedisBatch batch;
  batch.repeatable = true;
  batch.add(key, {"DEL", key});
  batch.add(index, {"SREM", index, key});
  return write(*client_, batch);
}

Result<std::shared_ptr<DmarcRows>> open_dmarc_rows(const Loaded& loaded, SiteStores& stores) {
  const UclObject& root = loaded.config->root();
  const UclObject* const section = root.find("dmarc");
  const bool walks = section && section->string("discovery_method", "psl") == "treewalk";
  if (!walks && names_redis_servers(root, section)) {
    const Result<RedisOptions> options = redis_options(root, section, "dmarc");
    if (!options) return fail(options.error());
    auto client = RedisClient::make(*options);
    if (!client) return fail(client.error());
    DmarcRedisKeys keys;
    const UclObject* const reporting = section ? section->find("reporting") : nullptr;
    const UclObject* const names =
        reporting && reporting->is_object() ? reporting->find("redis_keys") : nullptr;
    if (names && names->is_object()) {
      keys.index = names->string("index_prefix", keys.index);
      keys.report = names->string("report_prefix", keys.report);
      keys.join = names->string("join_char", keys.join);
      if (keys.join.empty()) return fail("dmarc.reporting.redis_keys.join_char is empty");
    }
    return std::make_shared<DmarcRedis>(std::move(*client), std::move(keys),
                                        dmarc_store_options(root).expires_ms);
  }
  Result<std::shared_ptr<Store>> store = stores.of(loaded, "dmarc");
  if (!store) return fail(store.error());
  return std::make_shared<DmarcStore>(std::move(*store));
}

}  // namespace winnow
