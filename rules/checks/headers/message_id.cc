// The Message-ID: its shape, and whose names it carries.
#include <array>

#include "engine/mime/comment.h"
#include "engine/mime/ip.h"
#include "engine/url/suffix.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kInvalid,
  kBareIp,
  kIpLiteral,
  kNoBrackets,
  kNotFqdn,
  kContainsFrom,
  kContainsTo,
  kMatchFrom,
  kMatchFromTld,
  kMatchTo,
  kEndsInUser,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"INVALID_MSGID", "headers", 1.7, "Message-ID is not of the form local@domain.", true},
    {"MID_BARE_IP", "Message ID", 2, "Message-ID ends in an IP address.", false, true},
    {"MID_RHS_IP_LITERAL", "Message ID", 0.5, "Message-ID ends in an address literal.", false,
     true},
    {"MID_MISSING_BRACKETS", "Message ID", 0.5, "Message-ID lacks its angle brackets.", false,
     true},
    {"MID_RHS_NOT_FQDN", "Message ID", 0.5, "Message-ID ends in a name without a dot.", false,
     true},
    {"MID_CONTAINS_FROM", "Message ID", 1, "Message-ID holds the From address.", false, true},
    {"MID_CONTAINS_TO", "Message ID", 1, "Message-ID holds the recipient's address.", false, true},
    {"MID_RHS_MATCH_FROM", "Message ID", 0, "Message-ID is of From's domain.", false, true},
    {"MID_RHS_MATCH_FROMTLD", "Message ID", 0, "Message-ID is of From's organisation.", false,
     true},
    {"MID_RHS_MATCH_TO", "Message ID", 1, "Message-ID is of the recipient's domain.", false, true},
    {"MID_END_EQ_FROM_USER_PART", "mid", 1, "Message-ID ends in From's local part.", false, true},
}};

// local@domain without blanks, brackets, backslashes or bytes over 127 (RFC 5322 3.6.4, loosely).
bool is_well_formed(std::string_view id) {
  const size_t at = id.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == id.size()) return false;
  for (const char c : id)
    if (static_cast<uint8_t>(c) <= ' ' || static_cast<uint8_t>(c) >= 127 || c == '<' || c == '>' ||
        c == '\\')
      return false;
  return true;
}

// What follows the comments and blanks at the front; all of it where a comment does not end.
std::string_view after_comments(std::string_view text) {
  for (text = trimmed(text); text.starts_with('('); text = trimmed(text)) {
    const size_t after = past_comment(text, 0);
    if (after == std::string_view::npos) break;
    text.remove_prefix(after);
  }
  return text;
}

// Comments may stand on both sides of the brackets (RFC 5322 3.6.4); they are none of the ID.
std::string_view without_comments(std::string_view value) {
  const std::string_view id = after_comments(value);
  const size_t close = id.find('>');
  if (!id.starts_with('<') || close == std::string_view::npos) return value;
  return after_comments(id.substr(close + 1)).empty() ? id.substr(0, close + 1) : id;
}

bool all_lower_letters(std::string_view text) {
  for (const char c : text)
    if (c < 'a' || c > 'z') return false;
  return !text.empty();
}

// `value` is the ID with its brackets, `id` without.
void shape(const CheckPlan& plan, Batch& batch, uint32_t row, std::string_view value,
           std::string_view id, bool commented) {
  const bool bracketed = value.size() > 1 && value.front() == '<' && value.back() == '>';
  if (!bracketed || id.find_first_of("<>") != std::string_view::npos)
    insert(plan, batch, row, kNoBrackets);
  if (!commented && !is_well_formed(id)) insert(plan, batch, row, kInvalid);
  const std::string_view right = domain_of(id);
  if (right.empty()) {
    if (id.ends_with('@')) insert(plan, batch, row, kNotFqdn);
    return;
  }
  if (right.front() == '[') {
    const size_t close = right.find(']');
    if (close != std::string_view::npos && parse_ip(right.substr(1, close - 1)))
      insert(plan, batch, row, kIpLiteral);
  } else if (const auto ip = parse_ip(right); ip && ip->family == 4) {
    insert(plan, batch, row, kBareIp);
  }
  if (right.find('.') == std::string_view::npos) insert(plan, batch, row, kNotFqdn);
}

void names(const CheckPlan& plan, Batch& batch, uint32_t row, std::string_view id) {
  const std::string_view right = domain_of(id);
  const Address* const from = find_address(batch, row, AddressField::kFrom);
  const Address* const to = find_address(batch, row, AddressField::kTo);
  if (from) {
    if (find_caseless(id, from->address) != std::string_view::npos)
      insert(plan, batch, row, kContainsFrom);
    else if (!right.empty() && equal_caseless(right, from->domain))
      insert(plan, batch, row, kMatchFrom);
    else if (!right.empty() && !from->domain.empty() &&
             equal_caseless(find_suffix(right).domain, find_suffix(from->domain).domain))
      insert(plan, batch, row, kMatchFromTld);
    if (all_lower_letters(right) && right == from->local) insert(plan, batch, row, kEndsInUser);
  }
  if (!to || (from && equal_caseless(to->domain, from->domain))) return;
  if (find_caseless(id, to->address) != std::string_view::npos)
    insert(plan, batch, row, kContainsTo);
  else if (!right.empty() && equal_caseless(right, to->domain))
    insert(plan, batch, row, kMatchTo);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Header* const header = find_header(batch, row, known::kMessageId);
    if (!header) continue;
    const std::string_view whole = trimmed(header->unfolded);
    const bool commented = whole.starts_with('(') || whole.ends_with(')');
    const std::string_view value = without_comments(whole);
    std::string_view id = value;
    if (id.starts_with('<')) id.remove_prefix(1);
    if (id.ends_with('>')) id.remove_suffix(1);
    shape(plan, batch, row, value, id, commented);
    names(plan, batch, row, id);
  }
}

}  // namespace

extern constexpr Check kMessageIdCheck{
    .name = "mid",
    .text = "Looks at the shape of the Message-ID and at the names in it.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
