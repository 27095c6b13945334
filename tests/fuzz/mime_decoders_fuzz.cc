// Decoders of bodies over any bytes: SIMD and scalar twins agree, nothing grows beyond its bound.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "engine/mime/base64.h"
#include "engine/mime/flowed.h"
#include "engine/mime/line_scan.h"
#include "engine/mime/pkcs7.h"
#include "engine/mime/quoted_printable.h"
#include "engine/mime/rtf.h"
#include "engine/mime/tnef.h"
#include "engine/mime/uuencode.h"
#include "engine/mime/yenc.h"
#include "tests/fuzz/require.h"

namespace {

using namespace winnow;

void twins(std::string_view in, Arena& arena) {
  const DecodedBody base64 = decode_base64(in, arena);
  const DecodedBody base64_slow = decode_base64_scalar(in, arena);
  require(base64.bytes == base64_slow.bytes && base64.broken == base64_slow.broken);
  require(base64.bytes.size() <= in.size() / 4 * 3 + 2);
  const DecodedBody printable = decode_quoted_printable(in, arena);
  const DecodedBody printable_slow = decode_quoted_printable_scalar(in, arena);
  require(printable.bytes == printable_slow.bytes && printable.broken == printable_slow.broken);
  require(printable.bytes.size() <= in.size());
  require(find_dash_line(in, 0) == find_dash_line_scalar(in, 0));
  require(find_inline_mark(in, 0) == find_inline_mark_scalar(in, 0));
  const LineCounts fast = count_lines(in);
  const LineCounts slow = count_lines_scalar(in);
  require(fast.lf == slow.lf && fast.crlf == slow.crlf && fast.cr == slow.cr &&
          fast.nul == slow.nul);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Arena arena;
  static Tnef tnef;
  arena.reset();
  // A copy of exact size: a sanitizer sees a vector load beyond it.
  const auto bytes = std::make_unique<char[]>(size);
  std::copy(data, data + size, bytes.get());
  const std::string_view in(bytes.get(), size);
  twins(in, arena);
  EncodedBlock block;
  if (find_uuencode(in, arena, block)) require(block.bytes.size() <= size + 65'536 + 72);
  if (find_yenc(in, arena, block)) require(block.bytes.size() <= size);
  require(unflow(in, false, arena).size() <= 2 * size + 1);
  require(unflow(in, true, arena).size() <= 2 * size + 1);
  require(read_pkcs7(in, arena).content.size() <= size);
  require(decompress_rtf(in, 1 << 20, arena).bytes.size() <= (1 << 20) + 17);
  read_tnef(in, 100, 1 << 20, arena, tnef);
  require(tnef.items.size() <= 100);
  return 0;
}
