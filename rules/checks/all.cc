// Every check there is, one line each, in the order in which they run within their phase.
#include <array>

#include "rules/checks/check.h"

namespace winnow {

extern const Check kRecipients;

std::span<const Check* const> all_checks() {
  static constexpr std::array kChecks{
      &kRecipients,
  };
  return kChecks;
}

}  // namespace winnow
