// Whose pages a message links to: the sender's own, or others'.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/organisation.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kAllOwn, kSomeOwn, kNoneOwn, kOneOther, kRepeated, kMany, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"LINKS_ALL_OWN", "links", -0.6, "Every link leads to the sender's organisation.", true},
    {"LINKS_SOME_OWN", "links", -0.6, "Some links lead to the sender's organisation.", true},
    {"LINKS_NONE_OWN", "links", -0.2, "No link leads to the sender's organisation.", true},
    {"LINKS_ONE_OTHER", "links", 0.2, "All links lead to one organisation, not the sender's.",
     true},
    {"LINKS_REPEATED", "links", 0, "One page is linked three times or more, and no other.", true},
    {"LINKS_MANY_OWNERS", "links", -0.2, "Links lead to five organisations or more.", true},
}};

constexpr size_t kOwnersMax = 64;

bool is_link(const Url& url) {
  constexpr uint32_t kNoLink =
      static_cast<uint32_t>(UrlFlag::kImage) | static_cast<uint32_t>(UrlFlag::kHeader) |
      static_cast<uint32_t>(UrlFlag::kSubject) | static_cast<uint32_t>(UrlFlag::kQuery);
  return (url.scheme == UrlScheme::kHttp || url.scheme == UrlScheme::kHttps) &&
         !(url.flags & kNoLink) && !url.domain.empty();
}

// The organisations of From, Reply-To and the envelope sender.
struct Owners {
  std::array<std::string_view, 3> domains;
  bool has(std::string_view domain) const {
    return std::ranges::find(domains, domain) != domains.end();
  }
};

Owners owners_of(const Batch& batch, uint32_t row) {
  Owners owners;
  const Address* const from = find_address(batch, row, AddressField::kFrom);
  const Address* const reply = find_address(batch, row, AddressField::kReplyTo);
  if (from) owners.domains[0] = organisation(from->domain);
  if (reply) owners.domains[1] = organisation(reply->domain);
  owners.domains[2] = organisation(domain_of(batch.envelopes[row].from));
  return owners;
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Owners owners = owners_of(batch, row);
    std::array<std::string_view, kOwnersMax> others;
    size_t other_count = 0;
    uint32_t links = 0, own = 0, most = 0;
    for (const Url& url : batch.urls.row(row)) {
      if (!is_link(url)) continue;
      ++links;
      most = std::max(most, url.count);
      if (owners.has(url.domain)) {
        ++own;
      } else if (other_count < kOwnersMax &&
                 std::ranges::find(others.begin(), others.begin() + other_count, url.domain) ==
                     others.begin() + other_count) {
        others[other_count++] = url.domain;
      }
    }
    if (links == 0) continue;
    insert(plan, batch, row, own == links ? kAllOwn : own > 0 ? kSomeOwn : kNoneOwn);
    if (own == 0 && other_count == 1) insert(plan, batch, row, kOneOther, others[0]);
    if (links == 1 && most >= 3) insert(plan, batch, row, kRepeated);
    if (other_count >= 5) insert(plan, batch, row, kMany);
  }
}

}  // namespace

extern constexpr Check kLinkOwner{
    .name = "link_owner",
    .text = "Compares the organisations of links with the sender's.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
