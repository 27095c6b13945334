// Documents that the binary prints: the manual page (`winnow help --man`), the reference of
// options.
#pragma once

#include <string_view>

namespace winnow {

void print_manual();

// The reference of options on standard output: of one section or module, or of all where `section`
// is empty. False: there is no such section.
bool print_options(std::string_view section);

}  // namespace winnow
