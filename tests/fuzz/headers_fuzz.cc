// Any bytes as a header block: what comes out is valid UTF-8 on one line, and the fast scans agree
// with their scalar twins.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/mime/encoded_word.h"
#include "engine/mime/header_block.h"
#include "engine/mime/header_facts.h"
#include "engine/mime/header_line.h"
#include "engine/mime/header_names.h"
#include "engine/mime/parameters.h"
#include "engine/text/utf8.h"
#include "tests/fuzz/require.h"

using namespace winnow;

namespace {

bool one_line(std::string_view text) {
  return is_utf8(text) && text.find('\0') == std::string_view::npos;
}

void check_lines(std::string_view text) {
  require(find_empty_line(text, 0) == find_empty_line_scalar(text, 0));
  for (size_t at = 0; at < text.size();) {
    const HeaderLine fast = next_header_line(text, at);
    const HeaderLine slow = next_header_line_scalar(text, at);
    require(fast.end == slow.end && fast.next == slow.next && fast.seen == slow.seen);
    require(fast.next > at);
    at = fast.next;
  }
}

void check_header(const Header& header, const Limits& limits, HeaderScratch& scratch,
                  Batch& batch) {
  require(one_line(header.decoded));
  require(header.unfolded.find_first_of("\r\n") == std::string_view::npos);
  require(header.decoded.find_first_of("\r\n") == std::string_view::npos);
  Faults faults;
  const MimeValue type = parse_content_type(header.unfolded, limits, scratch, batch.arena, faults);
  (void)parse_disposition(header.unfolded, limits, scratch, batch.arena, faults);
  for (const MimeParameter& parameter : type.parameters) {
    require(one_line(parameter.value));
    require(type.has(parameter.name));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const HeaderNames names;
  static HeaderScratch scratch;
  const Limits limits;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_lines(text);
  Batch batch;
  batch.add(text, 0, {}, {});
  const HeaderEnd end = find_header_end(text);
  require(end.block <= end.body && end.body <= size);
  const std::string_view block = text.substr(0, end.block);
  const uint32_t count = parse_header_block(names, limits, scratch, block, 0, 0, batch);
  require(count == batch.headers.open_row().size());
  read_header_facts(limits, scratch, 0, count, batch);
  batch.headers.end_row();
  batch.addresses.end_row();
  batch.received.end_row();
  for (const Header& header : batch.headers.row(0)) check_header(header, limits, scratch, batch);
  for (const Address& address : batch.addresses.row(0)) {
    require(one_line(address.name));
    require(one_line(address.address));
    require(address.header < count);
  }
  for (const Received& hop : batch.received.row(0)) {
    require(is_utf8(hop.from_hostname));
    require(is_utf8(hop.real_hostname));
  }
  return 0;
}
