// The whole parse stage over any bytes, as they are and with CRLF for LF: columns hold together,
// every view can be read, and the same bytes give the same parts twice.
#include <cstdio>
#include <cstdlib>

#include "tests/unit/mime/parsed.h"

namespace {

using namespace winnow;

// Reads every byte, for the sanitizer to see.
void touch(std::string_view text) {
  unsigned sum = 0;
  for (char c : text) sum += static_cast<unsigned char>(c);
  if (sum == 0xFFFFFFFF) std::abort();
}

void check(Parsed& parsed, std::string_view message) {
  const std::string first = parsed.tree(message);
  if (const std::string problem = parsed.problem(); !problem.empty()) {
    std::fprintf(stderr, "%s\n", problem.c_str());
    std::abort();
  }
  for (const Part& part : parsed.batch.parts.row(0)) {
    for (std::string_view text :
         {part.content_type, part.charset, part.boundary, part.filename, part.content_id,
          part.encoding_label, part.raw_headers, part.raw, part.decoded})
      touch(text);
  }
  for (const Header& header : parsed.batch.headers.row(0)) {
    for (std::string_view text : {header.name, header.raw, header.unfolded, header.decoded})
      touch(text);
  }
  if (parsed.tree(message) != first) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Parsed parsed;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  check(parsed, message);
  check(parsed, with_crlf(message));
  return 0;
}
