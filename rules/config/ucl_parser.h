// The parser's inside, shared by ucl_parse.cc (grammar), ucl_text.cc (strings) and
// ucl_macro.cc (includes and other macros).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/config/ucl_parse.h"

namespace winnow {

// One text being read: a file, or the arguments of a macro.
struct UclChunk {
  std::string_view text;
  size_t at = 0;
  uint32_t file = 0;
  uint32_t line = 1;
  size_t line_start = 0;
  unsigned priority = 0;
  UclDuplicate duplicate = UclDuplicate::kAppend;
  bool macros = true;
  std::vector<uint32_t> lines;  // source lines, where the template pass moved them
  std::string folder;           // $CURDIR while this chunk is read
  std::string path;             // $FILENAME

  bool end() const { return at >= text.size(); }
  char peek() const { return at < text.size() ? text[at] : '\0'; }
  char peek(size_t ahead) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }
  // Moves over one byte and counts lines.
  void step() {
    if (text[at] == '\n') {
      ++line;
      line_start = at + 1;
    }
    ++at;
  }
  void step(size_t count) {
    for (; count > 0 && at < text.size(); --count) step();
  }
};

struct UclSpot {
  uint32_t line = 0;
  uint32_t column = 0;
};

struct UclParser {
  UclParser(const UclOptions& with, UclResult& into)
      : options(with), result(into), document(*into.document) {}

  const UclOptions& options;
  UclResult& result;
  UclDocument& document;
  size_t text_bytes = 0;
  std::vector<UclChunk*> chunks;  // the files being read, outermost first

  // An open brace or bracket.
  struct Frame {
    UclObject* container = nullptr;
    bool base = false;    // of the chunk: closed by its end
    bool braced = false;  // a base that was opened with { or [
    bool merged = false;  // container stood before: its repetitions are searched as well
    uint32_t names = 0;   // how many more frames this one closes with it (named sections)
    UclSpot opened = {};
  };

  // ucl_parse.cc
  [[nodiscard]] Result<void> parse_chunk(UclChunk& chunk, UclObject& into);
  // Reads `text` as a file: template pass, then parse into `into`.
  [[nodiscard]] Result<void> parse_text(std::string_view text, std::string_view path,
                                        unsigned priority, UclDuplicate duplicate, UclObject& into);
  Result<void> skip_space(UclChunk& chunk, bool newlines);
  UclSpot spot(const UclChunk& chunk) const { return spot(chunk, chunk.at); }
  UclSpot spot(const UclChunk& chunk, size_t at) const;
  tl::unexpected<Error> error(const UclChunk& chunk, UclSpot where, std::string what) const;
  void warn(const UclChunk& chunk, UclSpot where, std::string what, std::string advice);
  Result<UclObject*> attach(UclChunk& chunk, const Frame& frame, UclObject* value);

  // ucl_text.cc
  Result<std::string> quoted(UclChunk& chunk, bool variables = true);  // at '"'
  Result<std::string> single_quoted(UclChunk& chunk);                  // at '\''
  Result<std::string> heredoc(UclChunk& chunk);                        // at "<<TAG"
  Result<std::string> unquoted(UclChunk& chunk);                       // up to the end of the value
  std::string expand(const UclChunk& chunk, std::string_view text) const;
  bool heredoc_here(const UclChunk& chunk) const;

  // ucl_macro.cc
  Result<void> macro(UclChunk& chunk, const Frame& frame);  // at '.'
};

bool ucl_key_char(char c);
bool ucl_key_start(char c);

}  // namespace winnow
