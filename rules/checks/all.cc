// Every check there is, one line each, in the order in which they run within their phase.
#include <array>

#include "rules/checks/check.h"

namespace winnow {

extern const Check kDmarc;
extern const Check kFromCheck;
extern const Check kHtmlShape;
extern const Check kMessageIdCheck;
extern const Check kMimeStructure;
extern const Check kPartsDiffer;
extern const Check kReceivedCheck;
extern const Check kRecipients;
extern const Check kReplyToCheck;
extern const Check kSpf;
extern const Check kUniqueHeaders;
extern const Check kUrlSuspect;

std::span<const Check* const> all_checks() {
  static constexpr std::array kChecks{
      &kUniqueHeaders,
      &kFromCheck,
      &kReplyToCheck,
      &kRecipients,
      &kReceivedCheck,
      &kMessageIdCheck,
      &kMimeStructure,
      &kHtmlShape,
      &kPartsDiffer,
      &kUrlSuspect,
      // Who sent it.
      &kSpf,
      &kDmarc,
  };
  return kChecks;
}

}  // namespace winnow
