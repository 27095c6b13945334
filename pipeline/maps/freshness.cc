// How long a fetched map may be used without asking again.
#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/ascii.h"
#include "engine/mime/date.h"
#include "pipeline/maps/http_fetch.h"

namespace winnow {

namespace {

constexpr int64_t kLongestMs = 7 * 86'400'000ll;

// The value of a directive of Cache-Control; empty where it has none.
std::optional<std::string_view> directive(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const size_t comma = std::min(header.find(','), header.size());
    const std::string_view one = trimmed(header.substr(0, comma), " \t");
    header.remove_prefix(std::min(comma + 1, header.size()));
    const size_t equals = std::min(one.find('='), one.size());
    if (!equal_caseless(one.substr(0, equals), name)) continue;
    std::string_view value = one.substr(std::min(equals + 1, one.size()));
    if (value.size() > 1 && value.starts_with('"') && value.ends_with('"'))
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return std::nullopt;
}

}  // namespace

bool forbids_storing(const FetchReply& reply) {
  return directive(reply.cache_control, "no-store").has_value();
}

int64_t fresh_until(const FetchReply& reply, int64_t now_ms) {
  const std::string_view control(reply.cache_control);
  if (directive(control, "no-cache") || directive(control, "no-store")) return 0;
  if (const std::optional<std::string_view> age = directive(control, "max-age")) {
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(age->data(), age->data() + age->size(), seconds);
    if (error == std::errc::result_out_of_range) return now_ms + kLongestMs;
    if (error != std::errc() || end != age->data() + age->size() || seconds <= 0) return 0;
    return now_ms + std::min(seconds, kLongestMs / 1000) * 1000;
  }
  const std::optional<MailDate> expires = parse_date(reply.expires);
  if (!expires) return 0;
  // By the server's own clock, where it tells it.
  const std::optional<MailDate> date = parse_date(reply.date);
  const int64_t span = expires->time * 1000 - (date ? date->time * 1000 : now_ms);
  return span <= 0 ? 0 : now_ms + std::min(span, kLongestMs);
}

}  // namespace winnow
