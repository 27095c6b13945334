// Letters that know of their reader nothing but the address: they greet a mailbox ("Dear
// bob.smith7,"), speak in the name of its domain, or put it into the Subject or their own name.
//
// The reader is each recipient of To and of the envelope. Role names that are words (info, sales)
// are greeted so by honest strangers too and do not count. Honest services name in the Subject
// whose account, ticket or host they mean: that is no wording of thieves, and the group is one of
// its own.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kGreeted, kDomainSpeaks, kSubjectNames, kSubjectDomain, kFromNames, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"READER_GREETED_BY_ADDRESS", "reader", 2.2, "Greets the reader by the mailbox or its address.",
     true},
    {"READER_DOMAIN_SPEAKS", "reader", 0.7,
     "Speaks in the name of the reader's domain, from elsewhere.", true},
    {"READER_IN_SUBJECT", "reader", 0.9, "The Subject names the reader's mailbox.", true},
    {"READER_DOMAIN_IN_SUBJECT", "reader", 0.7,
     "The Subject names the reader's domain, and the sender is elsewhere.", true},
    {"READER_IN_FROM_NAME", "reader", 2.0,
     "The sender's name holds the reader's address or domain, and the sender is elsewhere.", true},
}};

// Letters greet at their beginning; who speaks is said soon after.
constexpr size_t kReadersMax = 8, kGreetingBytes = 2048, kSpeechBytes = 1 << 14, kLocalLeast = 4;

constexpr std::array<std::string_view, 18> kGreetings{
    "dear ",       "hello ", "hi ",      "hey ",       "hallo ", "attention ",
    "attention: ", "attn: ", "bonjour ", "hola ",      "ola ",   "greetings ",
    "welcome ",    "ciao ",  "beste ",   "guten tag ", "user: ", "email: ",
};
constexpr std::array<std::string_view, 14> kRoles{
    "info",    "sales",  "office", "contact", "support", "admin", "team",
    "members", "friend", "list",   "users",   "mail",    "hello", "webmaster",
};
constexpr std::array<std::string_view, 10> kOfDomain{
    " support",  " team",   " admin",    " webmail",   " mail server",
    " security", " server", " helpdesk", " help desk", " email",
};

struct Reader {
  std::string_view local, address, domain;
};

struct Readers {
  std::array<Reader, kReadersMax> all;
  size_t count = 0;

  // In lower case, in the arena.
  void add(Arena& arena, std::string_view address) {
    if (count == kReadersMax || address.find('@') == std::string_view::npos) return;
    char* const to = arena.alloc_bytes(address.size());
    std::ranges::transform(address, to, lower_ascii);
    const std::string_view lower(to, address.size());
    all[count++] = {local_of(lower), lower, domain_of(lower)};
  }
  std::span<const Reader> list() const { return {all.data(), count}; }
};

Readers readers_of(Batch& batch, uint32_t row) {
  Readers readers;
  for (const Address& address : batch.addresses.row(row))
    if (address.field == AddressField::kTo && !address.address.empty())
      readers.add(batch.arena, address.address);
  for (const std::string_view rcpt : batch.recipients.row(row)) readers.add(batch.arena, rcpt);
  return readers;
}

bool is_name(const Reader& reader) {
  return reader.local.size() >= kLocalLeast &&
         std::ranges::find(kRoles, reader.local) == kRoles.end();
}

bool is_word_end(std::string_view text, size_t at) {
  const char c = at < text.size() ? text[at] : ' ';
  return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
}

bool is_greeted(std::string_view text, const Reader& reader) {
  if (!is_name(reader)) return false;
  for (size_t at = 0; (at = text.find(reader.local, at)) != std::string_view::npos; ++at) {
    const bool ends =
        is_word_end(text, at + reader.local.size()) || text.substr(at).starts_with(reader.address);
    const std::string_view before = text.substr(0, at);
    if (ends && std::ranges::any_of(kGreetings, [&](std::string_view greeting) {
          return before.ends_with(greeting);
        }))
      return true;
  }
  return false;
}

// "site.example support": the domain, and right after it who would speak for it.
bool speaks_for(std::string_view text, std::string_view domain) {
  if (domain.size() < kLocalLeast) return false;
  for (size_t at = 0; (at = text.find(domain, at)) != std::string_view::npos; ++at) {
    const std::string_view after = text.substr(at + domain.size());
    if ((at == 0 || (text[at - 1] != '@' && is_word_end(text, at - 1))) &&
        std::ranges::any_of(kOfDomain,
                            [&](std::string_view who) { return after.starts_with(who); }))
      return true;
  }
  return false;
}

// Folded text is there where a pattern reads it, as the shipped rules do; else greetings are found
// where they are written in small letters.
std::string_view lower_text(const Text& text) {
  return text.folded.empty() ? text.plain : text.folded;
}

bool holds(std::string_view text, std::string_view what) {
  return what.size() >= kLocalLeast && find_caseless(text, what) != std::string_view::npos;
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Readers readers = readers_of(batch, row);
    const Address* const from = find_address(batch, row, AddressField::kFrom);
    const std::string_view sender = from ? from->domain : std::string_view();
    const uint32_t subject = batch.facts[row].subject;
    const std::string_view title =
        subject == kNoIndex ? std::string_view() : batch.headers.row(row)[subject].decoded;
    const std::string_view name = from ? from->name : std::string_view();
    bool said[kCount] = {};
    for (const Reader& reader : readers.list()) {
      const bool stranger = !equal_caseless(reader.domain, sender);
      for (const Text& text : batch.texts.row(row)) {
        const std::string_view words = lower_text(text);
        said[kGreeted] |= is_greeted(words.substr(0, kGreetingBytes), reader);
        said[kDomainSpeaks] |= stranger && speaks_for(words.substr(0, kSpeechBytes), reader.domain);
      }
      said[kSubjectNames] |= is_name(reader) && holds(title, reader.address);
      said[kSubjectDomain] |= stranger && holds(title, reader.domain);
      said[kFromNames] |= stranger && !sender.empty() && holds(name, reader.domain);
    }
    for (uint32_t symbol = 0; symbol < kCount; ++symbol)
      if (said[symbol]) insert(plan, batch, row, symbol);
  }
}

}  // namespace

extern constexpr Check kReader{
    .name = "reader",
    .text = "Looks for letters that know of their reader nothing but the address.",
    .symbols = kSymbols,
    .local_skip = true,
    .content = content,
};

}  // namespace winnow
