#include "engine/text/host_name.h"

#include <unicode/uidna.h>

namespace winnow {

std::string_view host_name_of_browsers(std::string_view name, std::span<char> to) {
  UErrorCode status = U_ZERO_ERROR;
  static const UIDNA* const idna = uidna_openUTS46(
      UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII, &status);
  if (idna == nullptr) return {};
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  const int32_t size =
      uidna_nameToASCII_UTF8(idna, name.data(), static_cast<int32_t>(name.size()), to.data(),
                             static_cast<int32_t>(to.size()), &info, &status);
  constexpr uint32_t kIgnored = UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG |
                                UIDNA_ERROR_DOMAIN_NAME_TOO_LONG | UIDNA_ERROR_LEADING_HYPHEN |
                                UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4;
  if (U_FAILURE(status) || (info.errors & ~kIgnored) != 0) return {};
  return {to.data(), static_cast<size_t>(size)};
}

}  // namespace winnow
