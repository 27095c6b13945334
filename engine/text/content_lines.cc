#include "engine/text/content_lines.h"

namespace winnow {

namespace {

// Bytes of the fold at `at`: a line break and the blank behind it; 0 if there is none.
size_t fold_bytes(std::string_view text, size_t at) {
  const size_t line = text[at] == '\r' && at + 1 < text.size() ? at + 1 : at;
  const bool fold = text[line] == '\n' && line + 1 < text.size() &&
                    (text[line + 1] == ' ' || text[line + 1] == '\t');
  return fold ? line + 2 - at : 0;
}

}  // namespace

std::string_view read_content_lines(std::string_view text, Arena& arena) {
  if (text.find('\\') == text.npos && text.find("\n ") == text.npos &&
      text.find("\n\t") == text.npos) {
    return text;
  }
  ArenaText out(arena, text.size());
  bool escaped = false;  // a fold may part the backslash from what follows it
  for (size_t at = 0; at < text.size();) {
    if (const size_t fold = fold_bytes(text, at); fold != 0) {
      at += fold;
      continue;
    }
    const char c = text[at++];
    if (!escaped && c == '\\') {
      escaped = true;
      continue;
    }
    if (escaped && c != 'n' && c != 'N' && c != ',' && c != ';' && c != '\\') out.push('\\');
    out.push(escaped && (c == 'n' || c == 'N') ? '\n' : c);
    escaped = false;
  }
  if (escaped) out.push('\\');
  return out.finish();
}

}  // namespace winnow
