// The tree walk of RFC 9989 4.10: which DMARC records stand at a domain and above it, and which of
// those names is the organisational domain.
//
// Names that are asked: the domain; then, labels dropped from the left, those above it down to the
// top-level domain; of a domain of eight and more labels its last seven come second. All of a walk
// is asked at once: eight names at most.
#pragma once

#include <array>
#include <string_view>

#include "engine/score/judgement.h"
#include "rules/checks/auth/dmarc_record.h"
#include "rules/checks/auth/dns_name.h"

namespace winnow {

constexpr size_t kDmarcWalkMax = 8;

enum class WalkState : uint8_t { kWaiting, kUnknown, kDone };

struct DmarcStep {
  std::string_view domain;
  bool has_record = false;
  DmarcRecord record = {};
};

struct DmarcWalk {
  WalkState state = WalkState::kWaiting;
  bool unasked = false;  // where state is kUnknown: nobody was there to be asked
  std::array<DmarcStep, kDmarcWalkMax> steps;
  size_t count = 0;               // steps until the walk stopped
  std::string_view organisation;  // where state is kDone
  size_t policy = kDmarcWalkMax;  // step whose record holds for the domain; count_max: none
};

// Domains that are walked, longest first; views into `domain`. Returns how many.
size_t walk_names(std::string_view domain, std::array<std::string_view, kDmarcWalkMax>& names);

// Walks up from `domain`: lower case, no trailing dot; it outlives the result. kUnknown: a name on
// the way could not be looked up.
DmarcWalk walk_dmarc(std::string_view domain, Judgement& judgement);

}  // namespace winnow
