#include "engine/mime/received.h"

#include <algorithm>
#include <array>

#include "engine/ascii.h"
#include "engine/mime/comment.h"
#include "engine/mime/date.h"
#include "engine/mime/ip.h"

namespace winnow {

namespace {

constexpr size_t kNpos = std::string_view::npos;

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }

bool same(std::string_view text, std::string_view lower_text) {
  return text.size() == lower_text.size() &&
         std::equal(text.begin(), text.end(), lower_text.begin(),
                    [](char a, char b) { return lower_ascii(a) == b; });
}
bool starts(std::string_view text, std::string_view lower_text) {
  return text.size() >= lower_text.size() && same(text.substr(0, lower_text.size()), lower_text);
}

enum class Clause : uint8_t { kNone, kFrom, kBy, kVia, kWith, kId, kFor };

Clause clause_of(std::string_view word) {
  if (word.size() < 2 || word.size() > 4) return Clause::kNone;
  if (same(word, "from")) return Clause::kFrom;
  if (same(word, "by")) return Clause::kBy;
  if (same(word, "with")) return Clause::kWith;
  if (same(word, "id")) return Clause::kId;
  if (same(word, "for")) return Clause::kFor;
  if (same(word, "via")) return Clause::kVia;
  return Clause::kNone;
}

// What a protocol's name says (RFC 3848, RFC 6531): "s" for TLS, "a" for
// authentication.
struct Protocol {
  std::string_view name;
  uint8_t flags;
};
constexpr uint8_t kTls =
    static_cast<uint8_t>(ReceivedFlag::kTls) | static_cast<uint8_t>(ReceivedFlag::kSsl);
constexpr uint8_t kAuth = static_cast<uint8_t>(ReceivedFlag::kAuthenticated);
constexpr std::array kProtocols{
    Protocol{"smtp", 0},
    Protocol{"esmtp", 0},
    Protocol{"esmtps", kTls},
    Protocol{"esmtpsa", kTls | kAuth},
    Protocol{"esmtpa", kAuth},
    Protocol{"smtps", kTls},
    Protocol{"smtpsa", kTls | kAuth},
    Protocol{"smtpa", kAuth},
    Protocol{"asmtp", kAuth},
    Protocol{"lmtp", 0},
    Protocol{"lmtps", kTls},
    Protocol{"lmtpsa", kTls | kAuth},
    Protocol{"lmtpa", kAuth},
    Protocol{"utf8smtp", 0},
    Protocol{"utf8smtps", kTls},
    Protocol{"utf8smtpsa", kTls | kAuth},
    Protocol{"utf8smtpa", kAuth},
    Protocol{"utf8lmtp", 0},
    Protocol{"utf8lmtps", kTls},
    Protocol{"utf8lmtpsa", kTls | kAuth},
    Protocol{"utf8lmtpa", kAuth},
    Protocol{"local", 0},
    Protocol{"http", 0},
    Protocol{"https", kTls},
    Protocol{"mapi", 0},
    Protocol{"imap", 0},
    Protocol{"uucp", 0},
};

const Protocol* find_protocol(std::string_view word) {
  for (const Protocol& protocol : kProtocols)
    if (same(word, protocol.name)) return &protocol;
  return nullptr;
}

// "user@host", "IDENT:user@host.", "host[192.0.2.1]:25" to "host".
std::string_view host_of(std::string_view word) {
  word = word.substr(0, std::min(word.find('['), word.size()));
  const size_t at = word.rfind('@');
  if (at != kNpos) word.remove_prefix(at + 1);
  while (word.ends_with('.') || word.ends_with(',')) word.remove_suffix(1);
  return same(word, "unknown") ? std::string_view() : word;
}

// What a byte may be to a word: a word's bits are or-ed, so that most tests
// need no search.
enum Byte : uint8_t {
  kEnd = 1,
  kOpen = 2,
  kEquals = 4,
  kAt = 8,
  kColon = 16,
  kDot = 32,
  kStop = 64
};
constexpr std::array<uint8_t, 256> kBytes = [] {
  std::array<uint8_t, 256> table{};
  table[' '] = table['\t'] = kEnd | kStop;
  table[';'] = kStop;
  table['('] = kEnd | kStop;
  table[')'] = kEnd;
  table['['] = kOpen;
  table['='] = kEquals;
  table['@'] = kAt;
  table[':'] = kColon;
  table['.'] = kDot;
  return table;
}();
constexpr uint8_t byte_of(char c) { return kBytes[static_cast<uint8_t>(c)]; }

class Reader {
 public:
  Reader(std::string_view text, Arena& arena) : text_(text), arena_(arena) {}
  Received read();

 private:
  size_t last_semicolon() const;
  size_t past_comment(size_t at);
  void word(std::string_view word);
  void comment(std::string_view inside);
  void from_comment(std::string_view inside);
  void from_word(std::string_view word, bool first);
  bool take_ip(std::string_view word);
  void finish_names();

  std::string_view text_;
  Arena& arena_;
  bool comments_off_ = false;  // a comment never closes: "(" is a letter from there on
  Clause clause_ = Clause::kNone;
  uint32_t seen_ = 0;        // clauses that have their value, one bit each
  bool value_next_ = false;  // the next word is the clause's value
  bool commented_ = false;   // a comment stands where it should: "from ([192.0.2.1]) by ..."
  IpAddress literal_;        // address written as the client's name
  IpAddress comment_ip_;
  std::string_view name_, helo_, rdns_;
  Received received_;
};

size_t Reader::past_comment(size_t at) {
  const size_t after = winnow::past_comment(text_, at);
  if (after != std::string_view::npos) return after;
  comments_off_ = true;
  return at + 1;
}

// An address in `word`: bare, in brackets (a port may follow), or after
// "user@".
bool Reader::take_ip(std::string_view word) {
  const size_t open = word.find('[');
  if (open != kNpos) {
    const size_t close = word.find(']', open);
    if (close == kNpos) return false;
    word = word.substr(open + 1, close - open - 1);
  } else {
    const size_t at = word.rfind('@');
    if (at != kNpos) word.remove_prefix(at + 1);
    while (word.ends_with(',') || word.ends_with(';')) word.remove_suffix(1);
  }
  std::optional<IpAddress> ip = parse_ip(word);
  // "192.0.2.1:2525"
  const size_t colon = word.find(':');
  if (!ip && colon != kNpos && colon == word.rfind(':')) ip = parse_ip(word.substr(0, colon));
  if (!ip) return false;
  comment_ip_ = *ip;
  return true;
}

// A comment of the from clause, in the layouts "RDNS [IP]", "[IP] helo=HELO",
// "HELO NAME", "user@IP", "IP", "RDNS [IP] (may be forged)".
void Reader::from_comment(std::string_view inside) {
  bool first = true, helo_next = false;
  size_t at = 0;
  while (at < inside.size()) {
    if (byte_of(inside[at]) & kEnd) {
      ++at;
      continue;
    }
    const size_t begin = at;
    uint8_t bits = 0;
    while (at < inside.size() && (byte_of(inside[at]) & kEnd) == 0) bits |= byte_of(inside[at++]);
    const std::string_view word = inside.substr(begin, at - begin);
    if (helo_next) {
      if (helo_.empty()) helo_ = word;
      helo_next = false;
    } else if (word.size() == 4 && (same(word, "helo") || same(word, "ehlo"))) {
      helo_next = true;
    } else if (bits & kEquals) {
      // "ident=", "port=", "envelope-from=", "account=": nothing of the host.
      if (helo_.empty() && (starts(word, "helo=") || starts(word, "ehlo="))) helo_ = word.substr(5);
    } else if (!comment_ip_.valid() && (bits & (kOpen | kDot | kColon)) && take_ip(word)) {
      // "host[192.0.2.1]" has both.
      if (first && word.front() != '[' && word.find('[') != kNpos && rdns_.empty())
        rdns_ = host_of(word);
    } else if (first && rdns_.empty() && helo_.empty()) {
      const std::string_view host = host_of(word);
      if (host.find('.') != kNpos || same(host, "localhost")) rdns_ = host;
    }
    first = false;
  }
}

void Reader::comment(std::string_view inside) {
  while (!inside.empty() && blank(inside.front())) inside.remove_prefix(1);
  if (inside.empty()) return;
  if (starts(inside, "using tls") || starts(inside, "version=tls") || starts(inside, "tls") ||
      starts(inside, "using ssl") || starts(inside, "version=ssl") || starts(inside, "encrypted")) {
    received_.flags |= static_cast<uint8_t>(ReceivedFlag::kTls);
    return;
  }
  if (starts(inside, "authenticated") || starts(inside, "account ") ||
      starts(inside, "smtp-auth") || starts(inside, "squirrelmail authenticated"))
    received_.flags |= kAuth;
  if (starts(inside, "authenticated")) return;
  if (starts(inside, "client ") || starts(inside, "no client") || starts(inside, "envelope-"))
    return;
  if (clause_ != Clause::kFrom) return;
  commented_ |= value_next_;
  from_comment(inside);
}

void Reader::from_word(std::string_view word, bool first) {
  const IpAddress before = comment_ip_;
  if (!literal_.valid() && (word.find('[') != kNpos || first) && word.find('@') == kNpos &&
      take_ip(word)) {
    literal_ = comment_ip_;
    comment_ip_ = before;
  }
  if (first) name_ = word;
}

void Reader::word(std::string_view word) {
  if (!value_next_ || (commented_ && clause_of(word) == Clause::kBy)) {
    commented_ = false;
    const Clause next = clause_of(word);
    if (next != Clause::kNone) {
      clause_ = next;
      // Of a clause that stands twice the first counts.
      value_next_ = (seen_ >> static_cast<unsigned>(next) & 1) == 0;
      if (!value_next_) clause_ = Clause::kNone;
      return;
    }
  }
  const bool first = value_next_;
  value_next_ = false;
  seen_ |= 1u << static_cast<unsigned>(clause_);
  switch (clause_) {
    case Clause::kFrom:
      from_word(word, first);
      break;
    case Clause::kBy:
      if (first) received_.by_hostname = lowered(host_of(word), arena_);
      break;
    case Clause::kVia:
    case Clause::kWith:
      if (const Protocol* protocol = find_protocol(word)) {
        if (!first && find_protocol(received_.protocol) != nullptr) break;
        received_.protocol = protocol->name;
        received_.flags |= protocol->flags;
      } else if (first && received_.protocol.empty()) {
        received_.protocol = lowered(word, arena_);
      }
      break;
    case Clause::kId:
      if (first) {
        if (word.starts_with('<') && word.ends_with('>')) word = word.substr(1, word.size() - 2);
        received_.id = word;
      }
      break;
    case Clause::kFor:
      if (!first || word.find('@') == kNpos) break;
      while (word.ends_with(',')) word.remove_suffix(1);
      if (word.starts_with('<')) word.remove_prefix(1);
      if (word.ends_with('>')) word.remove_suffix(1);
      received_.for_address = word;
      break;
    case Clause::kNone:
      break;
  }
}

// Who is who: with a HELO in a comment (Exim, qmail, CommuniGate) the clause's
// own name is the one by reverse lookup; else (Postfix, Sendmail, Gmail) it is
// the HELO.
void Reader::finish_names() {
  std::string_view helo = helo_, rdns = rdns_;
  const bool name_is_ip = literal_.valid() && (name_.starts_with('[') || name_.find('[') == kNpos);
  const std::string_view host = name_is_ip ? std::string_view() : host_of(name_);
  if (helo.empty()) {
    helo = name_.starts_with('[') ? name_ : host_of(name_);
  } else if (rdns.empty()) {
    rdns = host;
  }
  if (helo.starts_with('?') && helo.ends_with('?') && helo.size() > 1)
    helo = helo.substr(1, helo.size() - 2);
  while (helo.ends_with('.')) helo.remove_suffix(1);
  received_.from_hostname = lowered(helo, arena_);
  received_.real_hostname = lowered(rdns, arena_);
  received_.real_ip = comment_ip_.valid() ? comment_ip_ : literal_;
  received_.from_ip = received_.real_ip;
}

// Where the date begins: behind the last ";" that stands in no comment at the end of the text.
size_t Reader::last_semicolon() const {
  size_t semicolon = text_.rfind(';');
  const size_t open = text_.find('(', text_.find(';'));
  if (semicolon == kNpos || open == kNpos || open > semicolon) return semicolon;
  semicolon = kNpos;
  for (size_t at = 0; at < text_.size();) {
    const size_t after = text_[at] == '(' ? winnow::past_comment(text_, at) : at + 1;
    if (after == kNpos) return text_.rfind(';');
    if (text_[at] == ';') semicolon = at;
    at = after;
  }
  return semicolon == kNpos ? text_.rfind(';') : semicolon;
}

Received Reader::read() {
  const size_t semicolon = last_semicolon();
  const size_t end = std::min(semicolon, text_.size());
  size_t at = 0;
  while (at < end) {
    const char c = text_[at];
    if (blank(c) || c == ';') {
      ++at;
    } else if (c == '(' && !comments_off_) {
      const size_t after = past_comment(at);
      if (after > at + 1) comment(text_.substr(at + 1, after - at - 2));
      at = after;
    } else {
      const size_t begin = at++;
      while (at < end && (byte_of(text_[at]) & kStop) == 0) ++at;
      word(text_.substr(begin, at - begin));
    }
  }
  finish_names();
  if (semicolon != kNpos && at <= semicolon)
    if (const std::optional<MailDate> date = parse_date(text_.substr(semicolon + 1)))
      received_.time = date->time;
  return received_;
}

}  // namespace

Received parse_received(std::string_view value, Arena& arena) {
  return Reader(value, arena).read();
}

}  // namespace winnow
