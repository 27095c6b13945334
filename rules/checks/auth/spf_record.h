// SPF records as text (RFC 7208 section 12), read term by term where they stand: nothing is
// stored, so a record of any size costs no memory.
//
//   record    = "v=spf1" *( 1*SP ( [qualifier] mechanism / modifier ) )
//   mechanism = all / include / a / mx / ptr / ip4 / ip6 / exists
//   modifier  = redirect / exp / name "=" macro-string
//
// A record is checked whole before any of it is judged (4.6): one bad term spoils all.
#pragma once

#include <string_view>

#include "engine/batch.h"

namespace winnow {

enum class SpfKind : uint8_t {
  kAll,
  kInclude,
  kA,
  kMx,
  kPtr,
  kIp4,
  kIp6,
  kExists,
  kRedirect,
  kExp,
  kOtherModifier
};

struct SpfTerm {
  SpfKind kind = SpfKind::kAll;
  char qualifier = '+';
  uint8_t bits4 = 32;            // prefix length for IPv4 clients
  uint8_t bits6 = 128;           // and for IPv6 ones
  std::string_view text = {};    // as written, without its qualifier
  std::string_view domain = {};  // domain-spec with its macros; empty = the current domain
  IpAddress ip = {};             // of ip4 and ip6
};

enum class SpfStep : uint8_t { kTerm, kEnd, kBad };

// Whether a TXT record is an SPF record of version 1 (4.5).
bool is_spf_record(std::string_view text);

class SpfReader {
 public:
  SpfReader() = default;
  // REQUIRED: is_spf_record(text).
  explicit SpfReader(std::string_view text) : text_(text) {}
  SpfStep next(SpfTerm& term);

 private:
  std::string_view text_;
  size_t at_ = 6;  // behind "v=spf1"
};

// Domain-specs of a record's modifiers; empty where there are none.
struct SpfModifiers {
  std::string_view redirect;  // empty also where a mechanism `all` makes it void (6.1)
  std::string_view exp;
};

// Reads the whole record. False where it breaks the grammar.
bool check_spf_record(std::string_view text, SpfModifiers& modifiers);

}  // namespace winnow
