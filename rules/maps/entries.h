// The lines of a map: what Rspamd's users write in their map files and inline lists.
//
//   line    := blank* [ key [ blank+ value ] ] [ comment ]
//   comment := "#" to the line's end, at its beginning or after a blank
//   key     := '"' characters with \" for a quote '"'
//            | "/" pattern "/" flags         (also m{...}, m!...! where patterns are asked for)
//            | bytes without blanks
//   value   := the rest of the line, without blanks at its ends
// Lines end with LF, CRLF or CR. One pass, nothing is recursive; a line's key and value are views
// of the text but for a quoted key with escapes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/batch.h"

namespace winnow {

struct MapLine {
  std::string_view key;
  std::string_view value;
  uint32_t line = 0;      // 1-based
  bool unclosed = false;  // a quoted key without its closing quote
};

class MapLines {
 public:
  explicit MapLines(std::string_view text) : text_(text) {}
  // The next entry; false at the end. Its views live until the next call.
  bool next(MapLine& entry);

 private:
  bool read_line(std::string_view line, MapLine& entry);
  std::string_view quoted_key(std::string_view line, size_t& end, bool& unclosed);

  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 0;
  std::string unescaped_;
};

// Where a key that is a delimited pattern ends (behind its flags), 0 where `text` begins with
// none.
size_t pattern_end(std::string_view text);

struct MapNetwork {
  IpAddress ip;
  unsigned bits = 0;
};
// "192.0.2.1", "192.0.2.0/24", "[2001:db8::]/32", "[2001:db8::/32]", "2001:db8::/32".
std::optional<MapNetwork> parse_network(std::string_view text);

// A glob as a regexp that matches anywhere in a text, as Rspamd's does: "*" is any bytes of a line,
// "?" one byte, and all else stands for itself, brackets too.
std::string glob_regex(std::string_view glob);

}  // namespace winnow
