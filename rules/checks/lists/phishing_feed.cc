#include "rules/checks/lists/phishing_feed.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/checks/auth/tag_list.h"
#include "rules/checks/text.h"
#include "rules/config/ucl_parse.h"

namespace winnow {

namespace {

constexpr double kOnlyPath = 0.3, kOnlyHost = 0.1;
constexpr size_t kEntriesMax = 1'000'000;

// "url" of an object of JSON; empty where the line is none.
std::string url_of(std::string_view line) {
  UclOptions options;
  options.limits = {.text_bytes_max = 1 << 16, .nodes_max = 1'000, .depth_max = 8};
  const Result<UclResult> parsed = parse_ucl(line, "feed", options);
  return parsed ? std::string(parsed->document->root().string("url", "")) : std::string();
}

std::string lower_text(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower_ascii);
  return out;
}

}  // namespace

PhishingFeed::PhishingFeed(CompileContext& context, const UclObject& where, bool is_json) {
  const std::shared_ptr<const Map> lines = context.map_of(where, MapKind::kLines);
  if (lines->kind() != MapKind::kLines) {
    keys_ = lines;
    return;
  }
  size_t broken = 0;
  for (const MapPattern& line : lines->patterns()) {
    const std::string_view text = trimmed(std::string_view(line.regex));
    if (text.empty() || text.starts_with('#') || urls_.size() >= kEntriesMax) continue;
    if (!is_json) {
      add(text.substr(0, text.find_first_of(" \t")));
      continue;
    }
    const std::string url = url_of(text);
    broken += url.empty();
    if (!url.empty()) add(url);
  }
  if (broken > 0)
    context.warn_at(where, fmt::format("{} lines of the feed are no JSON with an \"url\"", broken));
}

void PhishingFeed::add(std::string_view url) {
  std::string text = lower_text(url);
  const size_t scheme = text.find("://");
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  std::string_view host = std::string_view(text).substr(begin);
  host = host.substr(0, host.find_first_of("/?#"));
  host.remove_prefix(std::min(host.rfind('@') + 1, host.size()));
  hosts_.emplace(host.substr(0, host.find(':')));
  urls_.insert(std::move(text));
}

double PhishingFeed::weight(const Url& url, Arena& arena) const {
  const auto knows = [&](std::string_view text) {
    const auto holds = [&](std::string_view one) {
      return keys_ ? keys_->find(one) != kNoIndex : urls_.contains(lower_text(one));
    };
    return holds(text) || (!text.ends_with('/') && holds(join_text(arena, text, "/")));
  };
  if (knows(url.normal)) return 1;
  if (!url.query.empty() && knows(url.normal.substr(0, url.normal.rfind('?')))) return kOnlyPath;
  const bool is_phished = url.flags & static_cast<uint32_t>(UrlFlag::kPhished);
  return is_phished && hosts_.contains(lower_text(url.host)) ? kOnlyHost : 0;
}

}  // namespace winnow
