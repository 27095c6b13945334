// Lines of a header block: where each ends, and what is in it that costs more work later. One
// pass of SSE2 with a scalar twin that gives the same answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace winnow {

struct HeaderLine {
  enum Seen : uint8_t {
    kEight = 1,  // a byte over 127
    kNul = 2,
    kWord = 4,  // "=?", the start of an encoded word
  };
  size_t end = 0;    // offset of the line end
  size_t next = 0;   // offset of the next line; == end only at the end of the text
  uint8_t seen = 0;  // Seen bits of the bytes before `end`
};

// The line that begins at `at`. Line ends are LF, CRLF, CR CR LF and CR. `at` <= text.size().
HeaderLine next_header_line(std::string_view text, size_t at);
HeaderLine next_header_line_scalar(std::string_view text, size_t at);

// The first empty line at or after the line that begins at `at`: its offset, or npos.
size_t find_empty_line(std::string_view text, size_t at);
size_t find_empty_line_scalar(std::string_view text, size_t at);

}  // namespace winnow
