// One message's header block run through the parser, for row tables.
#pragma once

#include <string>

#include "engine/mime/header_block.h"
#include "engine/mime/header_facts.h"
#include "engine/mime/header_names.h"

namespace winnow {

struct ParsedHeaders {
  explicit ParsedHeaders(std::string block, const Limits& parse_limits = {})
      : text(std::move(block)), limits(parse_limits) {
    batch.add(text, 0, {}, {});
    count = parse_header_block(names, limits, scratch, text, 0, 0, batch);
    read_header_facts(limits, scratch, 0, count, batch);
    batch.headers.end_row();
    batch.addresses.end_row();
    batch.received.end_row();
  }
  const Header& header(uint32_t i) const { return batch.headers.row(0)[i]; }
  std::span<const Address> addresses() const { return batch.addresses.row(0); }
  bool has(Fault fault) const { return batch.facts[0].faults.has(fault); }

  std::string text;
  Limits limits;
  HeaderNames names;
  HeaderScratch scratch;
  Batch batch;
  uint32_t count = 0;
};

// Every line end of `text` (LF) as `line_end`.
inline std::string with_line_ends(std::string_view text, std::string_view line_end) {
  std::string out;
  for (char c : text) {
    if (c == '\n')
      out += line_end;
    else
      out += c;
  }
  return out;
}

}  // namespace winnow
