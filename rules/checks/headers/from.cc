// The From header: its display name, its address, and the envelope sender beside it.
#include <array>

#include "engine/mime/addresses.h"
#include "engine/text/utf8.h"
#include "engine/url/bytes.h"
#include "engine/url/host.h"
#include "rules/checks/check.h"
#include "rules/checks/organisation.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kHasDn,
  kNoDn,
  kDnEqAddr,
  kInvalid,
  kEnvInvalid,
  kEqEnv,
  kNeqEnv,
  kExcessSpace,
  kTitle,
  kMultiple,
  kInvalid8Bit,
  kRcptInvalid8Bit,
  kSpoofName,
  kNeqName,
  kPrvs,
  kVerp,
  kForgedSender,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"FROM_HAS_DN", "headers", 0, "From has a display name."},
    {"FROM_NO_DN", "headers", 0, "From has no display name."},
    {"FROM_DN_EQ_ADDR", "headers", 1, "From's display name repeats its address."},
    {"FROM_INVALID", "headers", 2, "From's address breaks the address grammar."},
    {"ENVFROM_INVALID", "headers", 2, "The envelope sender breaks the address grammar."},
    {"FROM_EQ_ENVFROM", "headers", 0, "From is the envelope sender."},
    {"FROM_NEQ_ENVFROM", "headers", 0, "From is not the envelope sender."},
    {"FROM_NAME_EXCESS_SPACE", "headers", 1, "From's display name has runs of blanks."},
    {"FROM_NAME_HAS_TITLE", "headers", 1, "From's display name begins with a title."},
    {"MULTIPLE_FROM", "headers", 8, "From has more than one address."},
    {"INVALID_FROM_8BIT", "headers", 6, "From's address has bytes over 127."},
    {"INVALID_RCPT_8BIT", "headers", 6, "A recipient's address has bytes over 127."},
    {"SPOOF_DISPLAY_NAME", "headers", 8,
     "From's display name holds an address in a recipient's domain.", false, true},
    {"FROM_NEQ_DISPLAY_NAME", "headers", 4,
     "From's display name holds an address of another domain.", false, true},
    {"ENVFROM_PRVS", "headers", 0, "The envelope sender is From with a bounce tag."},
    {"ENVFROM_VERP", "headers", 0, "The envelope sender carries the recipient's address."},
    {"FORGED_SENDER", "headers", 0.3, "From differs from the envelope sender."},
}};

// "Mr. ", "Mrs ", "Dr." at the beginning of a name; the title, or empty.
std::string_view title_of(std::string_view name) {
  for (const std::string_view title : {"mr", "mrs", "dr"})
    if (starts_caseless(name, title) && name.size() > title.size() &&
        (name[title.size()] == '.' || name[title.size()] == ' '))
      return name.substr(0, title.size());
  return {};
}

bool has_run_of_blanks(std::string_view name) {
  for (size_t i = 1; i < name.size(); ++i)
    if ((name[i] == ' ' || name[i] == '\t') && (name[i - 1] == ' ' || name[i - 1] == '\t'))
      return true;
  return false;
}

// The host at the start of `text` as a reader sees it: letters of any script belong to it, quotes
// and dashes end it, what has no width is left out.
std::string_view host_at_start(std::string_view text, Arena& arena) {
  ArenaText host(arena, text.size());
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    const char* bytes = text.data();
    const uint32_t point = length == 0 ? 0 : next_point(bytes);
    const bool is_mark =
        point < 0xC0 || (point >= 0x2000 && point < 0x2070) || (point >= 0x3000 && point < 0x3004);
    const bool is_hidden = point >= 0x80 && is_zero_width(point);
    const bool is_host = point < 0x80 ? url_bytes::is(text[0], url_bytes::kHost) : !is_mark;
    if (!is_host && !is_hidden) break;
    if (!is_hidden) host.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  return host.finish();
}

struct NamedDomain {
  std::string_view name;  // lower case; empty where no address was found
  bool spaced = false;    // a blank stood behind the "@"
};

// The domain of the first address in a display name, whatever stands around it: "ann@bank.com!"
// and "ann @ bank.com" are read as that address. "Ann @ann.example.com" is a handle; behind "@" and
// a blank people write places and times, too ("@ St.Louis", "@ 12.30Uhr"): there it takes a
// top-level domain that exists.
NamedDomain domain_in_name(std::string_view name, Arena& arena) {
  constexpr std::string_view kBlanks = " \t", kStop = "@<>()[],;:\"'";
  for (size_t at = name.find('@'); at != name.npos; at = name.find('@', at + 1)) {
    const size_t user = name.substr(0, at).find_last_not_of(kBlanks);
    const size_t begin = name.find_first_not_of(kBlanks, at + 1);
    if (user == name.npos || begin == name.npos || kStop.find(name[user]) != kStop.npos) continue;
    const bool spaced = begin > at + 1;
    if (user + 1 < at && !spaced) continue;
    const std::string_view rest = name.substr(begin, name.find('@', begin) - begin);
    std::string_view domain = host_at_start(rest, arena);
    domain = domain.substr(0, domain.find_last_not_of(".-") + 1);
    const size_t word = domain.find_last_not_of("0123456789");  // "@ 19.30" is a time
    if (word == domain.npos || domain[word] == '.') continue;
    if (domain.starts_with('.') || domain.find("..") != domain.npos) continue;
    if (domain.find('.') == domain.npos) continue;
    domain = lowered(domain, arena);
    if (!spaced || find_suffix(domain).known) return {domain, spaced};
  }
  return {};
}

void display_name(const CheckPlan& plan, Batch& batch, uint32_t row, const Address& from) {
  const auto [shown, spaced] = domain_in_name(from.name, batch.arena);
  if (shown.empty() || equal_caseless(shown, from.domain)) return;
  // "Dan @ Monday.com" names a company, whichever of its hosts sends.
  if (spaced && organisation(shown) == organisation(lowered(from.domain, batch.arena))) return;
  bool recipient = false;
  for (const Address& address : batch.addresses.row(row))
    recipient |= address.field == AddressField::kTo && equal_caseless(address.domain, shown);
  for (const std::string_view rcpt : batch.recipients.row(row))
    recipient |= equal_caseless(domain_of(rcpt), shown);
  const Sym symbol = recipient ? kSpoofName : kNeqName;
  insert(plan, batch, row, symbol, from.domain);
  insert(plan, batch, row, symbol, shown, 0);
}

// BATV: prvs=TAG=user@domain, prvs=user=TAG@domain, btv1==TAG==user@domain, msprvs1=TAG=user@...
bool is_bounce_tagged(std::string_view envelope, std::string_view from) {
  for (const std::string_view prefix : {"prvs=", "msprvs1=", "btv1=="}) {
    if (!starts_caseless(envelope, prefix)) continue;
    const std::string_view rest = envelope.substr(prefix.size());
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return false;
    const size_t skip = rest.find_first_not_of('=', equals);
    if (skip != std::string_view::npos && equal_caseless(rest.substr(skip), from)) return true;
    const size_t at = rest.find('@', equals);
    return at != std::string_view::npos && equal_caseless(rest.substr(0, equals), local_of(from)) &&
           equal_caseless(rest.substr(at + 1), domain_of(from));
  }
  return false;
}

// The only recipient stands in the sender's local part with '=' for '@'.
bool is_verp(std::string_view envelope, std::span<const std::string_view> recipients) {
  if (recipients.size() != 1 || starts_caseless(envelope, "srs")) return false;
  const std::string_view local = local_of(envelope);
  const std::string_view user = local_of(recipients[0]), host = domain_of(recipients[0]);
  if (user.empty() || host.empty() || find_caseless(local, "+caf_=") != std::string_view::npos)
    return false;
  const size_t at = find_caseless(local, user);
  return at != std::string_view::npos && local.size() > at + user.size() &&
         local[at + user.size()] == '=' &&
         starts_caseless(local.substr(at + user.size() + 1), host);
}

void envelope_sender(const CheckPlan& plan, Batch& batch, uint32_t row, const Address* from) {
  const std::string_view sender = batch.envelopes[row].from;
  if (sender.empty()) return;
  const Address parsed = parse_one_address(sender, batch.arena);
  if (!parsed.valid) insert(plan, batch, row, kEnvInvalid);
  if (!from) return;
  // `"ann"@host` is ann@host (RFC 5321 4.1.2), as it is in From.
  const bool equal = equal_caseless(parsed.valid ? parsed.address : sender, from->address);
  insert(plan, batch, row, equal ? kEqEnv : kNeqEnv, equal ? std::string_view{} : from->address);
  if (!equal) insert(plan, batch, row, kNeqEnv, sender, 0);
  if (is_bounce_tagged(sender, from->address)) insert(plan, batch, row, kPrvs);
  if (is_verp(sender, batch.recipients.row(row))) insert(plan, batch, row, kVerp);
  if (!equal && !batch.recipients.row(row).empty() && find_address(batch, row, AddressField::kTo)) {
    insert(plan, batch, row, kForgedSender, from->address);
    insert(plan, batch, row, kForgedSender, sender, 0);
  }
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    uint32_t count = 0;
    const Address* first = nullptr;
    bool rcpt_8bit = false;
    for (const Address& address : batch.addresses.row(row)) {
      if (address.field == AddressField::kFrom) {
        if (!first) first = &address;
        count += !address.address.empty();
      } else if (address.field == AddressField::kTo || address.field == AddressField::kCc ||
                 address.field == AddressField::kBcc) {
        rcpt_8bit |= has_8bit(address.address);
      }
    }
    if (rcpt_8bit) insert(plan, batch, row, kRcptInvalid8Bit);
    envelope_sender(plan, batch, row, first);
    if (!first) continue;
    if (count > 1)
      for (const Address& address : batch.addresses.row(row))
        if (address.field == AddressField::kFrom)
          insert(plan, batch, row, kMultiple, address.raw, &address == first ? 1 : 0);
    if (!first->valid) insert(plan, batch, row, kInvalid);
    if (has_8bit(first->address)) insert(plan, batch, row, kInvalid8Bit);
    if (first->name.empty()) {
      insert(plan, batch, row, kNoDn);
      continue;
    }
    if (equal_caseless(first->name, first->address)) {
      insert(plan, batch, row, kDnEqAddr);
    } else {
      insert(plan, batch, row, kHasDn);
      if (has_run_of_blanks(first->name)) insert(plan, batch, row, kExcessSpace);
      if (const std::string_view title = title_of(first->name); !title.empty())
        insert(plan, batch, row, kTitle, title);
    }
    display_name(plan, batch, row, *first);
  }
}

}  // namespace

extern constexpr Check kFromCheck{
    .name = "from",
    .text = "Looks at From's name and address and compares them with the envelope.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
