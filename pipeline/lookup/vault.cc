#include "pipeline/lookup/vault.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace winnow {

namespace {

constexpr size_t kReplyBytesMax = 1 << 20;
constexpr int kPollMs = 100;

FetchLimits limits_of(const VaultOptions& options) {
  return {.connect_timeout_ms = options.timeout_ms,
          .read_timeout_ms = options.timeout_ms,
          .total_timeout_ms = options.timeout_ms,
          .bytes_max = kReplyBytesMax,
          .redirects_max = 0,  // the token is for this server alone
          .at_once = 1,
          .ca_path = {},
          .any_certificate = options.any_certificate};
}

// Absent: no bound.
bool is_valid(const simdjson::dom::element& entry, int64_t now_s) {
  int64_t when = 0;
  if (entry["valid_start"].get(when) == simdjson::SUCCESS && now_s < when) return false;
  return entry["valid_end"].get(when) != simdjson::SUCCESS || now_s <= when;
}

}  // namespace

Result<VaultOptions> vault_options(const UclObject& section, std::string_view module) {
  VaultOptions out;
  out.url = section.string("vault_url", "");
  out.token = section.string("vault_token", "");
  out.path = section.string("vault_path", out.path);
  const int64_t version = section.integer("vault_kv_version", 1);
  out.any_certificate = section.flag("no_ssl_verify", false);
  while (out.url.ends_with('/')) out.url.pop_back();
  if (!out.url.starts_with("http://") && !out.url.starts_with("https://"))
    return fail(fmt::format("{}.vault_url is no address: write http:// or https://", module));
  if (out.token.empty() || std::ranges::any_of(out.token, [](char c) { return c < ' '; }))
    return fail(fmt::format("{}.vault_token is missing", module));
  if (version != 1 && version != 2)
    return fail(fmt::format("{}.vault_kv_version is 1 or 2", module));
  out.version = static_cast<int>(version);
  if (const UclObject* const timeout = section.find("http_timeout"))
    if (const std::optional<double> seconds = timeout->as_seconds())
      out.timeout_ms = static_cast<int64_t>(std::clamp(*seconds, 0.01, 60.0) * 1'000);
  return out;
}

Result<std::vector<VaultKey>> read_vault_reply(std::string_view body, int version, int64_t now_s) {
  simdjson::dom::parser parser;
  simdjson::dom::element root, data;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS)
    return fail("is no JSON");
  if (root["data"].get(data) != simdjson::SUCCESS ||
      (version == 2 && data["data"].get(data) != simdjson::SUCCESS))
    return fail("holds no data");
  simdjson::dom::array selectors;
  if (data["selectors"].get(selectors) != simdjson::SUCCESS) return fail("holds no selectors");
  std::vector<VaultKey> out;
  for (const simdjson::dom::element entry : selectors) {
    std::string_view selector, key;
    if (entry["selector"].get(selector) == simdjson::SUCCESS &&
        entry["key"].get(key) == simdjson::SUCCESS && is_valid(entry, now_s))
      out.push_back({std::string(selector), std::string(key)});
  }
  return out;
}

Vault::Vault(VaultOptions options) : options_(std::move(options)), fetcher_(limits_of(options_)) {}

Result<std::vector<VaultKey>> Vault::keys(std::string_view domain, int64_t now_s) {
  // The name comes from mail: it may not lead elsewhere in Vault.
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  if (!std::ranges::all_of(domain, is_plain)) return fail("is not asked for such a name");
  FetchRequest request;
  request.url = fmt::format("{}/v1/{}/{}{}", options_.url, options_.path,
                            options_.version == 2 ? "data/" : "", domain);
  request.headers.push_back("X-Vault-Token: " + options_.token);
  std::optional<FetchReply> reply;
  fetcher_.start(std::move(request), [&](FetchReply&& one) { reply = std::move(one); });
  while (!reply && fetcher_.busy()) fetcher_.poll(kPollMs);
  if (!reply || reply->kind != FetchReply::Kind::kBody)
    return fail(reply ? reply->error : "is not asked");
  return read_vault_reply(reply->body, options_.version, now_s);
}

}  // namespace winnow
