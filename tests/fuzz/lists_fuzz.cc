// Lists: items as evidence files bring them, return codes as operators write them. Calls to mail
// servers: questions as evidence files bring them, greetings as servers say them.
// Takes of greylisting, and what a store says.
#include <cstdlib>
#include <string_view>

#include "rules/checks/lists/list_items.h"
#include "rules/checks/lists/mx_probe.h"
#include "rules/checks/lists/return_codes.h"
#include "rules/checks/state/greylist_take.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size > 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const std::optional<ListItem> item = unpack_item(text)) {
    // Packed again it is an item that packs to the same.
    Arena arena{1024, 64 * 1024};
    const std::string_view packed = pack_item(*item, arena);
    const std::optional<ListItem> again = unpack_item(packed);
    if (!again || pack_item(*again, arena) != packed) std::abort();
  }
  if (const std::optional<MxProbe> probe = read_mx_probe(text)) {
    const std::string written = write_mx_probe(*probe);
    const std::optional<MxProbe> again = read_mx_probe(written);
    if (!again || write_mx_probe(*again) != written) std::abort();
  }
  if (mx_greeting_outcome(text).empty()) std::abort();
  if (const std::optional<GreylistTake> take = read_greylist_take(text)) {
    const std::string written = write_greylist_take(*take);
    const std::optional<GreylistTake> again = read_greylist_take(written);
    if (!again || write_greylist_take(*again) != written) std::abort();
  }
  if (judge_greylist(text, "", 0, 300).state == GreylistState::kPassed) std::abort();
  for (const CodeMatcher matcher :
       {CodeMatcher::kEquality, CodeMatcher::kLuaPattern, CodeMatcher::kRadix, CodeMatcher::kGlob,
        CodeMatcher::kRegexp}) {
    ReturnCodes codes;
    if (!codes.add_code(text, matcher, 7)) continue;
    for (const std::string_view address : {"127.0.0.2", "255.255.255.255", "127.0.10.99"})
      codes.match(address, [](uint32_t symbol) {
        if (symbol != 7) std::abort();
      });
  }
  return 0;
}
