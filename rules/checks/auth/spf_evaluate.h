// check_host() of RFC 7208 section 4 as a pure function over answers.
//
// Terms are judged strictly left to right, as the RFC says, so that a record costs only the
// questions up to its match. Includes and redirects are frames of an explicit stack; its depth is
// bounded by the limit on look-ups. Nothing is kept between calls: while an answer is open the
// result is `waiting`, and the next call walks the same way again through answers that are there.
//
// Limits (4.6.4): look-ups are include, a, mx, ptr, exists and redirect terms; a void look-up is
// such a term whose first question found nothing; an mx of more than 10 names is an error, names of
// a ptr over 10 are not looked at. Unknown answers are temporary errors, never "no such name";
// only ptr ignores them (5.5).
#pragma once

#include <string>
#include <string_view>

#include "engine/score/judgement.h"
#include "rules/checks/auth/dns_name.h"

namespace winnow {

struct SpfLimits {
  uint32_t lookups_max = 10;
  uint32_t void_lookups_max = 2;
  uint32_t nesting_max = 10;                    // includes and redirects that lead to a record
  bool asks_ipv6 = true;                        // else no name has an address of IPv6
  bool explain = false;                         // look the explanation of a failure up
  static constexpr uint32_t kLookupsHard = 64;  // whatever is configured: depth of the stack
  static constexpr uint32_t kNamesMax = 10;     // of one mx or ptr
};

struct SpfInput {
  IpAddress ip;  // REQUIRED: valid
  std::string_view sender_local;
  std::string_view sender_domain;
  std::string_view helo;
  std::string_view receiver = "unknown";  // this host, for explanations
  int64_t now_s = 0;                      // the same
};

enum class SpfCode : uint8_t { kNone, kNeutral, kPass, kFail, kSoftFail, kTempError, kPermError };

struct SpfResult {
  SpfCode code = SpfCode::kNone;
  bool waiting = false;
  bool unasked = false;             // nobody was there to be asked
  bool by_all = false;              // the mechanism that matched was `all`
  char qualifier = '?';             // the one that decided, of the outermost include
  std::string_view mechanism = {};  // as written; empty where none matched. Points into an answer
  std::string explanation = {};     // of a failure (6.2); empty where the domain gives none
};

SpfResult evaluate_spf(const SpfInput& input, const SpfLimits& limits, Judgement& judgement);

}  // namespace winnow
