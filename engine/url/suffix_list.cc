// The public suffix list as bytes of the binary. WINNOW_SUFFIX_LIST is its path at build time.
#include "engine/url/suffix.h"

// An assembler include costs nothing to compile; the same bytes as an array take seconds.
asm(".section .rodata\n"
    ".global winnow_suffix_list_begin\n.hidden winnow_suffix_list_begin\n"
    ".global winnow_suffix_list_end\n.hidden winnow_suffix_list_end\n"
    "winnow_suffix_list_begin:\n.incbin \"" WINNOW_SUFFIX_LIST
    "\"\n"
    "winnow_suffix_list_end:\n.byte 0\n"
    ".text\n");

extern "C" {
__attribute__((visibility("hidden"))) extern const char winnow_suffix_list_begin[];
__attribute__((visibility("hidden"))) extern const char winnow_suffix_list_end[];
}

namespace winnow {

std::string_view shipped_suffix_list() {
  return {winnow_suffix_list_begin,
          static_cast<size_t>(winnow_suffix_list_end - winnow_suffix_list_begin)};
}

const SuffixTable& shipped_suffixes() {
  static const SuffixTable table(shipped_suffix_list());
  return table;
}

}  // namespace winnow
