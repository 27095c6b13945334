// Recipients: how many, how they are named, and how they relate to sender and envelope.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/headers/count_band.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kZero,
  kOne,
  kTwo,
  kThree,
  kFive,
  kSeven,
  kTwelve,
  kGt50,
  kDnNone,
  kDnAll,
  kDnSome,
  kDnEqAll,
  kDnEqSome,
  kDnRecipients,
  kEqFrom,
  kDomEqFrom,
  kMatchAll,
  kMatchSome,
  kAlike,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"RCPT_COUNT_ZERO", "headers", 0, "No recipient in To, Cc or Bcc."},
    {"RCPT_COUNT_ONE", "headers", 0, "One recipient."},
    {"RCPT_COUNT_TWO", "headers", 0, "Two recipients."},
    {"RCPT_COUNT_THREE", "headers", 0, "Three or four recipients."},
    {"RCPT_COUNT_FIVE", "headers", 0, "Five or six recipients."},
    {"RCPT_COUNT_SEVEN", "headers", 0, "7 to 11 recipients."},
    {"RCPT_COUNT_TWELVE", "headers", 0, "12 to 49 recipients."},
    {"RCPT_COUNT_GT_50", "headers", 0, "50 recipients or more."},
    {"TO_DN_NONE", "headers", 0, "No recipient has a display name."},
    {"TO_DN_ALL", "headers", 0, "Every recipient has a display name of its own."},
    {"TO_DN_SOME", "headers", 0, "Some recipients have a display name."},
    {"TO_DN_EQ_ADDR_ALL", "headers", 0, "Every display name repeats the address."},
    {"TO_DN_EQ_ADDR_SOME", "headers", 0, "Some display names repeat the address."},
    {"TO_DN_RECIPIENTS", "headers", 2, "A recipient is called \"recipients\"."},
    {"TO_EQ_FROM", "headers", 0, "The only recipient is the sender."},
    {"TO_DOM_EQ_FROM_DOM", "headers", 0, "The only recipient is in the sender's domain."},
    {"TO_MATCH_ENVRCPT_ALL", "headers", 0, "Every recipient is one of the envelope."},
    {"TO_MATCH_ENVRCPT_SOME", "headers", 0, "Some recipients are ones of the envelope."},
    {"CC_MANY_ALIKE", "headers", 1,
     "Three recipients or more share the first letters of their mailboxes.", true},
}};

constexpr uint32_t kBands = kGt50 - kZero + 1;

bool has_field(const Batch& batch, uint32_t row) {
  return find_header(batch, row, known::kTo) || find_header(batch, row, known::kCc);
}

constexpr uint32_t kAlikeRun = 3;    // addresses one after the other
constexpr size_t kAlikeLetters = 3;  // of the same, none of them a separator

// Do two mailboxes of one field begin alike, as those a dictionary was tried on?
bool begin_alike(const Address& a, const Address& b) {
  if (a.field != b.field || a.local.size() < kAlikeLetters) return false;
  const std::string_view begin = a.local.substr(0, kAlikeLetters);
  return equal_caseless(begin, b.local.substr(0, kAlikeLetters)) &&
         begin.find_first_of(".-+=") == std::string_view::npos;
}

// Facts of one row's recipients, gathered in one pass.
struct Seen {
  uint32_t count = 0;
  uint32_t named = 0;        // display name that is not the address
  uint32_t named_equal = 0;  // display name that repeats the address
  uint32_t in_envelope = 0;
  bool named_recipients = false;
  bool alike = false;  // kAlikeRun in a row whose mailboxes begin alike
  const Address* only = nullptr;
  const Address* from = nullptr;
};

Seen look(const Batch& batch, uint32_t row) {
  Seen seen;
  const auto envelope = batch.recipients.row(row);
  uint32_t run = 0;
  for (const Address& address : batch.addresses.row(row)) {
    if (address.field == AddressField::kFrom && !seen.from) seen.from = &address;
    if (!is_recipient(address)) continue;
    ++seen.count;
    run = seen.only && begin_alike(*seen.only, address) ? run + 1 : 1;
    seen.alike |= run == kAlikeRun;
    seen.only = &address;
    if (!address.name.empty())
      ++(equal_caseless(address.name, address.address) ? seen.named_equal : seen.named);
    seen.named_recipients |=
        equal_caseless(address.name, "recipient") || equal_caseless(address.name, "recipients");
    seen.in_envelope += std::ranges::any_of(
        envelope, [&](std::string_view rcpt) { return equal_caseless(rcpt, address.address); });
  }
  return seen;
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Seen seen = look(batch, row);
    if (seen.count == 0 && !has_field(batch, row)) continue;
    insert(plan, batch, row, kZero + count_band(seen.count, kBands),
           number_text(batch.arena, seen.count));
    if (seen.count == 0) continue;
    if (seen.named_recipients) insert(plan, batch, row, kDnRecipients);
    if (seen.alike && !find_header(batch, row, known::kListId)) insert(plan, batch, row, kAlike);
    if (seen.named_equal > 0)
      insert(plan, batch, row, seen.named_equal == seen.count ? kDnEqAll : kDnEqSome);
    if (seen.named > 0)
      insert(plan, batch, row, seen.named == seen.count ? kDnAll : kDnSome);
    else if (seen.named_equal == 0)
      insert(plan, batch, row, kDnNone);
    if (seen.in_envelope > 0)
      insert(plan, batch, row, seen.in_envelope == seen.count ? kMatchAll : kMatchSome);
    if (seen.count != 1 || !seen.from || seen.from->address.empty()) continue;
    if (equal_caseless(seen.only->address, seen.from->address))
      insert(plan, batch, row, kEqFrom);
    else if (seen.only->domain == seen.from->domain)
      insert(plan, batch, row, kDomEqFrom);
  }
}

}  // namespace

extern constexpr Check kRecipients{
    .name = "recipients",
    .text = "Counts recipients and compares them with sender and envelope.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
