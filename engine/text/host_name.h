// A host's name as browsers read it, through ICU.
#pragma once

#include <span>
#include <string_view>

namespace winnow {

// The A-labels of a name in UTF-8, written into `to`: UTS 46 as the WHATWG's URL standard asks for
// it (non-transitional, bidi and joiners checked, lengths and hyphens not), which takes symbols
// that IDNA 2008 refuses ("☃.net"). Empty where it fails or `to` is too short. ICU allocates.
std::string_view host_name_of_browsers(std::string_view name, std::span<char> to);

}  // namespace winnow
