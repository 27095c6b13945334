// What the path of a message says of its sender: whose hosts it came through, under whose names
// they greeted, who wrote the Message-ID, and whether its times agree.
//
// An outer hop is one whose client has a public address: there mail changed hands. What stands
// below it was written by strangers and may be forged; so names are compared, never believed.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "engine/mime/ip.h"
#include "rules/checks/check.h"
#include "rules/checks/headers/client_name.h"
#include "rules/checks/organisation.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kSenderThere,
  kSenderAbsent,
  kHeloForgesFrom,
  kHeloProvider,
  kHeloOther,
  kHeloBare,
  kNoReverseName,
  kMidOfRelay,
  kMidOfNobody,
  kSenderIsFrom,
  kDateOffPath,
  kTimeRunsBack,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"PATH_OF_SENDER", "path", -0.6, "A host of From's organisation is on the path.", true},
    {"PATH_WITHOUT_SENDER", "path", 0.1, "No host of From's organisation is on the path.", true},
    {"PATH_HELO_FORGES_FROM", "path", 0,
     "A client greets in From's domain, which its verified name does not bear out.", true},
    {"PATH_HELO_PROVIDER", "path", 2.1, "A client greets as a large provider and is not there.",
     true},
    {"PATH_HELO_DIFFERS", "path", 0,
     "A client greets under another organisation than its verified name's.", true},
    {"PATH_HELO_ONE_WORD", "path", 0, "A client from outside greets with a name without a dot.",
     true},
    {"PATH_NO_REVERSE_NAME", "path", 0, "A client from outside has no verified name.", true},
    {"PATH_MID_OF_RELAY", "path", 0.3,
     "The Message-ID was added by a host that had the mail from outside.", true},
    {"PATH_MID_OF_NOBODY", "path", 0.1,
     "Message-ID's organisation is neither the sender's nor on the path.", true},
    {"SENDER_REPEATS_FROM", "path", 0.4,
     "Sender repeats From, which RFC 5322 3.6.2 advises against.", true},
    {"PATH_DATE_DIFFERS", "path", 0.3, "Date is half a day or more from the time of the first hop.",
     true},
    {"PATH_TIME_RUNS_BACK", "path", 0, "A hop is an hour or more older than the one before it.",
     true},
}};

constexpr int64_t kHalfDay = 12 * 3600, kHour = 3600;

// Providers whose names strangers like to greet under: organisational domains.
constexpr std::array<std::string_view, 16> kProviders{
    "aol.com", "att.net",     "comcast.net", "gmail.com", "gmx.net",  "google.com",
    "gmx.de",  "hotmail.com", "icloud.com",  "juno.com",  "live.com", "mail.ru",
    "msn.com", "outlook.com", "yahoo.com",   "yandex.ru",
};

// Mail of a domain leaves through hosts of another one of the same owner.
struct SameOwner {
  std::string_view mail, host;
};
constexpr std::array<SameOwner, 16> kSameOwner{{
    {"gmail.com", "google.com"},
    {"googlemail.com", "google.com"},
    {"hotmail.com", "outlook.com"},
    {"hotmail.com", "msn.com"},
    {"hotmail.com", "phx.gbl"},
    {"live.com", "outlook.com"},
    {"msn.com", "hotmail.com"},
    {"msn.com", "outlook.com"},
    {"outlook.com", "hotmail.com"},
    {"outlook.com", "office365.com"},
    {"outlook.com", "microsoft.com"},
    {"icloud.com", "apple.com"},
    {"me.com", "apple.com"},
    {"mac.com", "apple.com"},
    {"gmx.de", "gmx.net"},
    {"web.de", "gmx.net"},
}};

// A provider owns a label under several suffixes: yahoo.com, yahoo.co.uk.
std::string_view first_label(std::string_view domain) { return domain.substr(0, domain.find('.')); }

bool is_same_owner(std::string_view mail, std::string_view host) {
  if (mail.empty() || host.empty()) return false;
  if (mail == host || first_label(mail) == first_label(host)) return true;
  return std::ranges::any_of(
      kSameOwner, [&](const SameOwner& pair) { return pair.mail == mail && pair.host == host; });
}

bool is_provider(std::string_view domain) {
  return std::ranges::any_of(kProviders, [&](std::string_view provider) {
    return first_label(provider) == first_label(domain);
  });
}

bool has(const Received& hop, ReceivedFlag flag) { return hop.flags & static_cast<uint8_t>(flag); }

bool is_outer(const Received& hop) {
  return hop.real_ip.valid() && !is_local_ip(hop.real_ip) && !has(hop, ReceivedFlag::kArtificial);
}

bool is_address(std::string_view name) {
  return name.starts_with('[') || name.find_first_not_of("0123456789.") == std::string_view::npos;
}

struct Path {
  std::span<const Received> hops;
  std::string_view from;  // From's organisation
  bool any_outer = false;

  bool has_host_of(std::string_view domain) const {
    return std::ranges::any_of(hops, [&](const Received& hop) {
      return is_same_owner(domain, organisation(hop.real_hostname)) ||
             is_same_owner(domain, organisation(hop.by_hostname)) ||
             (hop.real_hostname.empty() && is_same_owner(domain, organisation(hop.from_hostname)));
    });
  }
};

void greetings(const CheckPlan& plan, Batch& batch, uint32_t row, const Path& path) {
  bool said[kCount] = {};
  const auto say = [&](Sym symbol, std::string_view option) {
    if (!said[symbol]) insert(plan, batch, row, symbol, option);
    said[symbol] = true;
  };
  for (const Received& hop : path.hops) {
    if (!is_outer(hop) || has(hop, ReceivedFlag::kAuthenticated) || hop.header == kNoIndex)
      continue;
    const std::string_view helo = hop.from_hostname, name = hop.real_hostname;
    const std::string_view greeted = organisation(helo), owner = organisation(name);
    // Between hosts of one owner names are what they like.
    if (is_same_owner(greeted, organisation(hop.by_hostname))) continue;
    const bool nameless = is_nameless(batch, row, hop);
    if (nameless) say(kNoReverseName, helo);
    if (helo.empty() || is_address(helo)) continue;
    if (helo.find('.') == std::string_view::npos) say(kHeloBare, helo);
    if (greeted.empty() || is_same_owner(greeted, owner) || (owner.empty() && !nameless)) continue;
    if (!owner.empty()) say(kHeloOther, helo);
    if (is_provider(greeted)) say(kHeloProvider, helo);
    if (is_same_owner(path.from, greeted)) say(kHeloForgesFrom, helo);
  }
}

void message_id(const CheckPlan& plan, Batch& batch, uint32_t row, const Path& path) {
  const std::string_view id = batch.facts[row].message_id_value;
  const std::string_view right = domain_of(id);
  if (right.empty()) return;
  for (const Received& hop : path.hops)
    if (is_outer(hop) && !has(hop, ReceivedFlag::kAuthenticated) && hop.id.size() >= 6 &&
        equal_caseless(right, hop.by_hostname) &&
        find_caseless(id, hop.id) != std::string_view::npos) {
      insert(plan, batch, row, kMidOfRelay, hop.by_hostname);
      return;
    }
  char lower[256];
  if (right.size() > sizeof lower) return;
  std::ranges::transform(right, lower, lower_ascii);
  const std::string_view domain = organisation({lower, right.size()});
  if (!domain.empty() && !is_same_owner(domain, path.from) && !is_same_owner(path.from, domain) &&
      !path.has_host_of(domain))
    insert(plan, batch, row, kMidOfNobody, batch.arena.copy(domain));
}

void times(const CheckPlan& plan, Batch& batch, uint32_t row, const Path& path) {
  int64_t above = 0, oldest = 0;
  bool back = false;
  for (const Received& hop : path.hops) {
    if (hop.time == 0) continue;
    back |= above != 0 && hop.time > above + kHour;
    above = oldest = hop.time;
  }
  if (back) insert(plan, batch, row, kTimeRunsBack);
  const Facts& facts = batch.facts[row];
  if (facts.date != 0 && oldest != 0 && std::abs(facts.date - oldest) >= kHalfDay)
    insert(plan, batch, row, kDateOffPath);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Address* const from = find_address(batch, row, AddressField::kFrom);
    const Address* const sender = find_address(batch, row, AddressField::kSender);
    if (from && sender && equal_caseless(from->address, sender->address))
      insert(plan, batch, row, kSenderIsFrom);
    Path path{batch.received.row(row), from ? organisation(from->domain) : std::string_view()};
    if (path.hops.empty() || plan.skips(batch.envelopes[row])) continue;
    path.any_outer = std::ranges::any_of(path.hops, is_outer);
    if (path.any_outer && !path.from.empty())
      insert(plan, batch, row, path.has_host_of(path.from) ? kSenderThere : kSenderAbsent);
    greetings(plan, batch, row, path);
    message_id(plan, batch, row, path);
    times(plan, batch, row, path);
  }
}

}  // namespace

extern constexpr Check kPath{
    .name = "path",
    .text = "Compares the sender with the hosts, greetings and times of the path.",
    .symbols = kSymbols,
    .local_skip = true,
    .content = content,
};

}  // namespace winnow
