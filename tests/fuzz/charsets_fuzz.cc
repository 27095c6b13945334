// First line: a charset label (empty = detect); the rest: bytes in it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/text/charset.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  static CharsetScratch scratch;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string_view label = input.substr(0, line);
  const std::string_view bytes = input.substr(std::min(line + 1, input.size()));
  require(is_utf8(bytes) == is_utf8_scalar(bytes));

  const Charset* charset = find_charset(label);
  if (charset == nullptr) charset = detect_charset(bytes, scratch);
  if (charset == nullptr) charset = &utf8_charset();
  Arena arena(4096, 1 << 20);
  bool in_place_fits = false;
  const std::string_view view = utf8_view(*charset, bytes, scratch, arena, in_place_fits);
  require(is_utf8(view));
  ArenaText out(arena, 4);
  const bool fits = to_utf8(*charset, bytes, scratch, out);
  require(out.view() == view && fits == in_place_fits);
  require(out.size() <= bytes.size() * 6 + 16);
  return 0;
}
