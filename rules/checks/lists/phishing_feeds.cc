// phishing: links that show another domain than they open, and feeds of pages that steal accounts
// (facts/lists.md). PhishTank's is asked by DNS under a digest of host and path; OpenPhish's and
// the site's own are maps of URLs.
//
// content() packs the digests of each URL into a fact that never shows, with what a hit weighs, so
// that neither URLs nor columns need to be sealed; where nobody answers it does not.
#include <array>

#include "engine/crypt/digest.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/check.h"
#include "rules/checks/lists/phishing_feed.h"
#include "rules/checks/option_map.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kShown, kPhishTank, kOpenPhish, kGeneric, kExcluded, kFact, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"PHISHING", "phishing", 4, "A link shows another domain than it opens.", true},
    {"PHISHED_PHISHTANK", "phishing", 7, "PhishTank knows a link."},
    {"PHISHED_OPENPHISH", "phishing", 7, "OpenPhish knows a link."},
    {"PHISHED_GENERIC_SERVICE", "phishing", 0, "The site's own feed of phishing knows a link."},
    {"PHISHED_EXCLUDED", "phishing", 0, "A link is exempt from feeds of phishing."},
    {"PHISHTANK_ITEM", "phishing", 0, ""},  // "3DIGEST" or "XDIGEST": what a hit weighs, name
}};

constexpr std::array<OptionDecl, 14> kOptions{{
    {"phishtank_enabled", OptionType::kBool, "true", "Asks PhishTank's DNS zone."},
    {"phishtank_suffix", OptionType::kString, "phishtank.rspamd.com", "That zone."},
    {"openphish_enabled", OptionType::kBool, "false", "Reads OpenPhish's feed."},
    {"openphish_map", OptionType::kMap, "", "That feed: a URL a line."},
    {"generic_service_enabled", OptionType::kBool, "false", "Reads a feed of the site."},
    {"generic_service_map", OptionType::kMap, "", "That feed: a URL a line."},
    {"generic_service_name", OptionType::kString, "generic service", "Its name in logs."},
    {"phishing_feed_exclusion_enabled", OptionType::kBool, "false", "Exempts hosts from feeds."},
    {"phishing_feed_exclusion_map", OptionType::kMap, "", "Those hosts."},
    {"openphish_premium", OptionType::kBool, "false", "That feed has a JSON object a line."},
    {"domains", OptionType::kMap, "", "Shown domains that matter; without it all do."},
    {"exceptions", OptionType::kObject, "", "Symbols for opened domains, each with its map."},
    {"phishing_exceptions", OptionType::kObject, "",
     "Symbols for shown domains, each with its map."},
    {"strict_domains", OptionType::kObject, "",
     "Symbols for shown domains that are often imitated, each with its map."},
}};

constexpr std::array<SymbolName, 3> kNames{
    {{"symbol", "PHISHING"},
     {"generic_service_symbol", "PHISHED_GENERIC_SERVICE"},
     {"phishing_feed_exclusion_symbol", "PHISHED_EXCLUDED"}}};

constexpr size_t kUrlsMax = 64;    // of one message
constexpr double kOnlyPath = 0.3;  // the feed's page without the query that the link has

// A symbol of the configuration, for links of these domains.
struct SymbolOfDomains {
  SymbolId symbol;
  std::shared_ptr<const Map> domains;
};

struct Plan final : CheckPlan {
  std::string zone;                                         // empty: PhishTank is not asked
  std::unique_ptr<const PhishingFeed> open_phish, generic;  // may be null, and the maps
  std::shared_ptr<const Map> excluded, shown_only;
  std::vector<SymbolOfDomains> opened_exempt, shown_exempt, strict;
  SymbolId fact = kNoId<SymbolId>;
};

constexpr std::array<const char*, 3> kLists{"exceptions", "phishing_exceptions", "strict_domains"};

void declare(CompileContext& context) {
  for (const char* const list : kLists)
    if (const UclObject* const given = context.options ? context.options->find(list) : nullptr;
        given && given->is_object())
      for (const UclObject* const one : given->named())
        context.declare(one->key(), nullptr, 0, "phishing", list);
}

std::vector<SymbolOfDomains> read_list(CompileContext& context, const char* name) {
  std::vector<SymbolOfDomains> out;
  const UclObject* const given = context.options->find(name);
  if (!given || !given->is_object()) return out;
  for (const UclObject* const one : given->named())
    out.push_back({context.symbol(one->key()), context.map_of(*one, MapKind::kSet)});
  return out;
}

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
  if (!options) return plan;
  const auto feed = [&](const char* enabled, const char* key,
                        bool is_json) -> std::unique_ptr<const PhishingFeed> {
    const UclObject* const value = flag(enabled, false) ? options->find(key) : nullptr;
    return value ? std::make_unique<PhishingFeed>(context, *value, is_json) : nullptr;
  };
  plan->open_phish = feed("openphish_enabled", "openphish_map", flag("openphish_premium", false));
  plan->generic = feed("generic_service_enabled", "generic_service_map", false);
  const auto set = [&](const char* key) {
    return option_map(context, options, key, MapKind::kSet);
  };
  if (flag("phishing_feed_exclusion_enabled", false))
    plan->excluded = set("phishing_feed_exclusion_map");
  plan->shown_only = set("domains");
  plan->opened_exempt = read_list(context, kLists[0]);
  plan->shown_exempt = read_list(context, kLists[1]);
  plan->strict = read_list(context, kLists[2]);
  return plan;
}

bool is_page(const Url& url) {
  return (url.scheme == UrlScheme::kHttp || url.scheme == UrlScheme::kHttps) && !url.host.empty();
}

// Edits that turn one label into the other; labels are at most 63 bytes, so at most 63 * 63 steps.
uint32_t edit_distance(std::string_view a, std::string_view b) {
  constexpr size_t kLabelMax = 63;
  a = a.substr(0, kLabelMax);
  b = b.substr(0, kLabelMax);
  std::array<uint32_t, kLabelMax + 1> line;
  for (size_t j = 0; j <= b.size(); ++j) line[j] = static_cast<uint32_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    uint32_t diagonal = line[0];
    line[0] = static_cast<uint32_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const uint32_t above = line[j];
      line[j] = std::min({above + 1, line[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return line[b.size()];
}

// How much a shown domain that is not the opened one weighs: names that are nearly the same are
// meant to be taken for each other. tanh(3 (1.1 - d)) by its rational form, good to 2 %.
double phishing_weight(std::string_view shown, std::string_view opened) {
  const std::string_view a = shown.substr(0, shown.find('.'));
  const std::string_view b = opened.substr(0, opened.find('.'));
  if (a.empty() || b.empty()) return 0.5;
  const double d = edit_distance(a, b) / static_cast<double>(std::max(a.size(), b.size()));
  if (d > 0.5) return 0.5;
  const double x = 3 * (1.1 - d);
  return std::min(1.0, x * (27 + x * x) / (27 + 9 * x * x));
}

// A link that shows another domain. The first that applies: an exempt domain that it opens or
// shows, one that is often imitated, PHISHING.
void look_at_shown(const Plan& plan, Batch& batch, uint32_t row, const Url& url) {
  const std::string_view option = join_text(batch.arena, url.shown_domain, "->", url.domain);
  for (const auto& [lists, domain] :
       {std::pair(&plan.opened_exempt, url.domain), std::pair(&plan.shown_exempt, url.shown_domain),
        std::pair(&plan.strict, url.shown_domain)})
    for (const SymbolOfDomains& one : *lists)
      if (one.symbol != kNoId<SymbolId> && one.domains->find(domain) != kNoIndex) {
        batch.symbols.push_back({row, one.symbol, 1, option, {}});
        return;
      }
  if (plan.shown_only && plan.shown_only->find(url.shown_domain) == kNoIndex) return;
  insert(plan, batch, row, kShown, option, phishing_weight(url.shown_domain, url.domain));
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
      if (const double weight = (*map)->weight(url, batch.arena); weight > 0)
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
  for (uint32_t row = 0; row < batch.rows; ++row) {
    for (const Url& url : batch.urls.row(row))
      if ((url.flags & static_cast<uint32_t>(UrlFlag::kPhished)) && !url.shown_domain.empty())
        look_at_shown(plan, batch, row, url);
    if (!ask && !plan.open_phish && !plan.generic) continue;
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
    .text = "Looks for links that show another domain, or that feeds of phishing know.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .declare = declare,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
