// Splits a header block into Header values.
//
// Lines end with LF, CRLF, CR or CR CR LF (what a double conversion leaves), each line as it is. A
// line that begins with a blank or tab continues the header before it (RFC 5322 2.2.3). A line
// without a colon, or with a control character or inner blank before it, is no header: it is
// skipped with its continuations, Fault::kHeaderMalformed is set, and parsing goes on with the
// next line, as mail clients do. The lines of mbox files above a header block (from_line.h) are no
// part of it.
//
// Of each header there are three readings (batch.h): raw, unfolded, decoded. Most headers need
// one copy or none: without a fold `unfolded` is a view into `raw`; without an encoded word, NUL
// or wrong 8-bit bytes `decoded` is `unfolded`.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/batch.h"
#include "engine/limits.h"
#include "engine/mime/header_names.h"
#include "engine/mime/header_scratch.h"

namespace winnow {

struct HeaderEnd {
  size_t block = 0;         // bytes of the header block, the line end of its last line included
  size_t body = 0;          // offset of the first byte after the empty line
  bool terminated = false;  // an empty line ends the block; else block == body == text.size()
  size_t malformed = npos;  // only if not terminated: offset of the first line that is no header
                            // (a part that lost its empty line: its body may begin there)
  static constexpr size_t npos = static_cast<size_t>(-1);
};

// Offset of the first line that is no "From " line of an mbox, with '>' before it or without: where
// the header block of `text` begins. One without a date is such a line only above a `message`, and
// only if a header follows it.
size_t past_from_lines(std::string_view text, bool message);

// Whether a header stands at the start of `text`, or below its "From " lines.
bool begins_with_header(std::string_view text);

// Finds the end of the header block at the start of `text` (a message, or a MIME part's bytes).
// A text that begins with an empty line has no headers. Linear; allocates nothing.
HeaderEnd find_header_end(std::string_view text);

// Appends the headers of `block` to the open row of batch.headers (not closing it) and sets faults
// on batch.facts[row]; `row` is the row being filled, `part` the index of the part the block
// belongs to (0 = the message's own: resets the counters of the message in `scratch`). Headers over
// headers_max or header_block_bytes_max are dropped, a value over header_bytes_max is cut, each
// with Fault::kLimitHeaders. Views point into `block` or the arena. Returns the number of headers
// appended.
uint32_t parse_header_block(const HeaderNames& names, const Limits& limits, HeaderScratch& scratch,
                            std::string_view block, uint32_t row, uint32_t part, Batch& batch);

// Sets scratch.raw_charset, what bytes over 127 that are not UTF-8 are read as, for one header
// block: the charset that its Content-Type or `text`, the first text below it (null: not known
// yet), declares, but not windows-1252 of a text that is ASCII; else what statistics over
// `scratch.eight_bit` (indices into `headers`) and the text say, if they have enough to say
// anything.
void choose_raw_charset(std::span<const Header> headers, const Part* text, const Limits& limits,
                        HeaderScratch& scratch, Arena& arena);

// Decodes the message's own headers again that wait for what its first text says: raw bytes over
// 127 without a charset of their own, and raw ISO-2022. REQUIRED: the structure was read.
void decode_by_text(std::span<Header> headers, std::span<const Part> parts, const Limits& limits,
                    HeaderScratch& scratch, Arena& arena, Faults& faults);

}  // namespace winnow
