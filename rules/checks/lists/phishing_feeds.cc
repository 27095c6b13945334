// phishing: feeds of pages that steal accounts (facts/lists.md). PhishTank's is asked by DNS under
// a digest of host and path; OpenPhish's and the site's own are maps of URLs.
//
// content() packs the digests of each URL into a fact that never shows, with what a hit weighs, so
// that neither URLs nor columns need to be sealed; where nobody answers it does not.
#include <array>

#include "engine/crypt/digest.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kPhishTank, kOpenPhish, kGeneric, kExcluded, kFact, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"PHISHED_PHISHTANK", "phishing", 7, "PhishTank knows a link."},
    {"PHISHED_OPENPHISH", "phishing", 7, "OpenPhish knows a link."},
    {"PHISHED_GENERIC_SERVICE", "phishing", 0, "The site's own feed of phishing knows a link."},
    {"PHISHED_EXCLUDED", "phishing", 0, "A link is exempt from feeds of phishing."},
    {"PHISHTANK_ITEM", "phishing", 0, ""},  // "3DIGEST" or "XDIGEST": what a hit weighs, name
}};

constexpr std::array<OptionDecl, 10> kOptions{{
    {"phishtank_enabled", OptionType::kBool, "true", "Asks PhishTank's DNS zone."},
    {"phishtank_suffix", OptionType::kString, "phishtank.rspamd.com", "That zone."},
    {"openphish_enabled", OptionType::kBool, "false", "Reads OpenPhish's feed."},
    {"openphish_map", OptionType::kMap, "", "That feed: a URL a line."},
    {"generic_service_enabled", OptionType::kBool, "false", "Reads a feed of the site."},
    {"generic_service_map", OptionType::kMap, "", "That feed: a URL a line."},
    {"generic_service_name", OptionType::kString, "generic service", "Its name in logs."},
    {"phishing_feed_exclusion_enabled", OptionType::kBool, "false", "Exempts hosts from feeds."},
    {"phishing_feed_exclusion_map", OptionType::kMap, "", "Those hosts."},
    {"symbol", OptionType::kString, "PHISHING", "Name of the check of shown links; read there."},
}};

constexpr size_t kUrlsMax = 64;    // of one message
constexpr double kOnlyPath = 0.3;  // the feed's page without the query that the link has

struct Plan final : CheckPlan {
  std::string zone;  // empty: PhishTank is not asked
  std::shared_ptr<const Map> open_phish, generic, excluded;
  SymbolId fact = kNoId<SymbolId>;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->fact = context.symbol(kSymbols[kFact].name);
  const UclObject* const options = context.options;
  const auto flag = [&](const char* key, bool other) {
    return options ? options->flag(key, other) : other;
  };
  if (flag("phishtank_enabled", true))
    plan->zone = options ? options->string("phishtank_suffix", kOptions[1].default_text)
                         : kOptions[1].default_text;
  const auto map = [&](const char* enabled, const char* key) -> std::shared_ptr<const Map> {
    const UclObject* const value = flag(enabled, false) ? options->find(key) : nullptr;
    return value ? context.map_of(*value, MapKind::kSet) : nullptr;
  };
  plan->open_phish = map("openphish_enabled", "openphish_map");
  plan->generic = map("generic_service_enabled", "generic_service_map");
  plan->excluded = map("phishing_feed_exclusion_enabled", "phishing_feed_exclusion_map");
  return plan;
}

bool is_page(const Url& url) {
  return (url.scheme == UrlScheme::kHttp || url.scheme == UrlScheme::kHttps) && !url.host.empty();
}

// What the feed's map says: all of the URL, or its page.
double listed(const Map& map, const Url& url, Arena& arena) {
  const std::string_view page = url.query.empty() || url.normal.size() < url.query.size() + 1
                                    ? url.normal
                                    : url.normal.substr(0, url.normal.rfind('?'));
  const auto knows = [&](std::string_view text) {
    if (map.find(text) != kNoIndex) return true;
    return !text.ends_with('/') && map.find(join_text(arena, text, "/")) != kNoIndex;
  };
  if (knows(url.normal)) return 1;
  return !url.query.empty() && knows(page) ? kOnlyPath : 0;
}

void give_digest(const Plan& plan, Batch& batch, uint32_t row, char weight, std::string_view text) {
  const Digest digest(DigestKind::kBlake2b512, text);
  const std::string written = write_digest(digest.view(), DigestForm::kBase32);
  const std::string_view mark(&weight, 1);
  batch.symbols.push_back({row,
                           plan.fact,
                           1,
                           join_text(batch.arena, mark, std::string_view(written).substr(0, 32)),
                           {}});
}

void look_at(const Plan& plan, Batch& batch, uint32_t row, const Url& url, bool ask) {
  if (plan.excluded && plan.excluded->find(url.host) != kNoIndex)
    return insert(plan, batch, row, kExcluded, url.host);
  for (const auto& [map, symbol] :
       {std::pair(&plan.open_phish, kOpenPhish), std::pair(&plan.generic, kGeneric)})
    if (*map)
      if (const double weight = listed(**map, url, batch.arena); weight > 0)
        insert(plan, batch, row, symbol, url.host, weight);
  // Of pages that somebody opens: a host alone is none, an image neither.
  const bool is_image = (url.flags & static_cast<uint32_t>(UrlFlag::kImage)) != 0;
  if (!ask || plan.zone.empty() || url.path.empty() || is_image) return;
  const std::string_view page = join_text(batch.arena, url.host, url.path);
  give_digest(plan, batch, row, url.query.empty() ? 'X' : '3', page);
  if (!url.query.empty())
    give_digest(plan, batch, row, 'X', join_text(batch.arena, page, url.query));
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  const bool ask = !is_unanswered(batch);
  if (!ask && !plan.open_phish && !plan.generic) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    size_t count = 0;
    for (const Url& url : batch.urls.row(row))
      if (is_page(url) && count++ < kUrlsMax) look_at(plan, batch, row, url, ask);
  }
}

DnsName name_of(const Plan& plan, std::string_view packed) {
  DnsName name;
  name.append(packed.substr(1));
  name.append(".");
  name.append(plan.zone);
  name.close();
  return name;
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const auto& plan = static_cast<const Plan&>(base);
  if (plan.zone.empty()) return;
  for (const SymbolHit& hit : batch.symbols) {
    if (hit.symbol != plan.fact || hit.option.size() < 2) continue;
    const DnsName name = name_of(plan, hit.option);
    if (!name.empty()) asker.ask(hit.row, QuestionKind::kDns, rr::kTxt, name.view());
  }
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  if (plan.zone.empty()) return Judged::kDone;
  bool waiting = false;
  for (const SymbolFact& fact : evidence.symbols) {
    if (fact.symbol != plan.fact || fact.option.size() < 2) continue;
    const DnsName name = name_of(plan, fact.option);
    const Answer* const answer =
        name.empty() ? nullptr : judgement.ask(QuestionKind::kDns, rr::kTxt, name.view());
    waiting |= !name.empty() && !answer;
    if (!answer || plan.symbols[kPhishTank] == kNoId<SymbolId>) continue;
    for (const std::string_view text : answer->values)
      judgement.insert(plan.symbols[kPhishTank], fact.option[0] == '3' ? kOnlyPath : 1, text);
  }
  return waiting ? Judged::kWaiting : Judged::kDone;
}

}  // namespace

extern constexpr Check kPhishingFeeds{
    .name = "phishing",
    .text = "Looks for links that feeds of phishing know.",
    .options = kOptions,
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
