#include "pipeline/exports/senders.h"

#include <fmt/format.h>

#include "pipeline/dmarc_report.h"
#include "pipeline/http_call.h"
#include "pipeline/smtp_send.h"

namespace winnow {

namespace {

constexpr size_t kReplyMax = 1 << 20;  // nothing in it is read

Result<void> post(const ExportRule& rule, const ExportText& text, const Exporter::Means& means) {
  HttpServer server;
  server.url = rule.url;
  server.user = rule.user;
  server.password = rule.password;
  server.any_certificate = rule.any_certificate;
  server.connect_timeout_s = rule.connect_timeout_ms / 1e3;
  server.timeout_s = static_cast<double>(means.timeout_ms) / 1e3;
  HttpCall call;
  call.given_up = means.given_up;
  call.post = true;
  call.body = text.body;
  call.headers = {"Content-Type: " + text.type, "User-Agent: winnow/" WINNOW_VERSION,
                  "Connection: close"};
  // An empty value is written so for libcurl.
  for (const auto& [name, value] : text.headers)
    call.headers.push_back(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  std::string packed;
  if (rule.gzip) {
    packed = gzip(text.body);
    if (packed.empty()) return fail("it cannot be packed");
    call.body = packed;
    call.headers.emplace_back("Content-Encoding: gzip");
  }
  const Result<HttpReply> reply = call_http(server, call, kReplyMax);
  if (!reply) return fail(reply.error());
  if (reply->status < 200 || reply->status > 299)
    return fail(fmt::format("the server answers {}", reply->status));
  return {};
}

Result<void> command(RedisClient& redis, std::string_view key,
                     const std::vector<std::string_view>& words) {
  RedisBatch batch;
  batch.add(key, words);
  const Result<std::vector<RedisReply>> replies = redis.run(batch, RedisUse::kWrite);
  if (!replies) return fail(replies.error());
  if (replies->at(0).is_error()) return fail(fmt::format("Redis says {}", replies->at(0).text));
  return {};
}

Result<void> add_entry(const ExportRule& rule, const std::string& key, std::string_view body,
                       RedisClient& redis) {
  const std::string length = fmt::format("{}", rule.length_max);
  std::vector<std::string_view> words{"XADD", key};
  if (rule.length_max > 0) words.insert(words.end(), {"MAXLEN", "~", length});
  words.insert(words.end(), {"*", "data", body});
  return command(redis, key, words);
}

}  // namespace

Result<void> send_export(const ExportRule& rule, const ExportText& text,
                         const Exporter::Means& means) {
  RedisClient* const redis = means.redis;
  switch (rule.backend) {
    case ExportBackend::kHttp:
      return post(rule, text, means);
    case ExportBackend::kSendMail:
      return send_mail({.host = rule.smtp,
                        .port = rule.smtp_port,
                        .helo = rule.helo,
                        .timeout_ms = means.timeout_ms,
                        .some_suffice = true,
                        .given_up = means.given_up},
                       rule.mail_from, text.mail_to, text.body);
    case ExportBackend::kRedisPubsub:
      if (!redis) break;
      return command(*redis, rule.channel, {"PUBLISH", rule.channel, text.body});
    case ExportBackend::kRedisStream:
      if (!redis) break;
      if (!rule.per_recipient) return add_entry(rule, rule.channel, text.body, *redis);
      for (const std::string& one : text.recipients)
        if (Result<void> done = add_entry(rule, rule.channel + ":" + one, text.body, *redis); !done)
          return done;
      return {};
  }
  return fail("there is no Redis that could be asked");
}

}  // namespace winnow
