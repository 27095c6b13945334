// Macros of SPF (RFC 7208 section 7): "%{" letter [digits] ["r"] [delimiters] "}", "%%", "%_",
// "%-".
#pragma once

#include <string>
#include <string_view>

#include "engine/batch.h"
#include "rules/checks/auth/dns_name.h"

namespace winnow {

// What the letters stand for.
struct SpfMacroValues {
  std::string_view sender_local;   // l
  std::string_view sender_domain;  // o; s is l@o
  std::string_view domain;         // d: the domain whose record is judged
  std::string_view helo;           // h
  std::string_view validated;      // p: name of the client that leads back to it, or "unknown"
  IpAddress ip;                    // i, v; c in an explanation
  // Only explanations name these (7.2).
  std::string_view receiver = "unknown";  // r: this host
  int64_t now_s = 0;                      // t: Unix time
};

// Literals and macros only; all letters may stand in it, c, r and t too.
bool is_macro_string(std::string_view text);
// A macro-string without c, r and t that ends in a macro or in "." and a label that may be a
// top-level domain.
bool is_domain_spec(std::string_view text);
// Whether it has the letter p, whose value must be looked up.
bool uses_validated_name(std::string_view text);

// The name that a domain-spec stands for; labels are dropped from the left until it fits in 253
// bytes. Empty where the result is no name that DNS can hold. REQUIRED: is_domain_spec(text).
// Writes at most what the macros of `text` expand to; no heap.
DnsName expand_domain_spec(std::string_view text, const SpfMacroValues& values);

constexpr size_t kSpfExplanationMax = 400;  // bytes of an explanation; what follows is cut
// What an explanation says (6.2): macros of all letters, blanks between words. Empty where it
// breaks the grammar, or where what it becomes is not printable ASCII.
std::string expand_explanation(std::string_view text, const SpfMacroValues& values);

}  // namespace winnow
