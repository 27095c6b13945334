// Strings of UCL: the four ways to write one, escapes and variables.
#include "rules/config/ucl_parser.h"

namespace winnow {
namespace {

// The value of four hex digits at `at`, or -1.
int hex4(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Appends what the escape at `raw[at]` (a backslash) stands for; returns its length. An unknown
// escape is the character itself, as Rspamd reads it: "\." is ".".
size_t unescape(std::string_view raw, size_t at, std::string& out) {
  if (at + 1 >= raw.size()) {
    out += '\\';
    return 1;
  }
  const char c = raw[at + 1];
  switch (c) {
    case 'n':
      out += '\n';
      return 2;
    case 't':
      out += '\t';
      return 2;
    case 'r':
      out += '\r';
      return 2;
    case 'b':
      out += '\b';
      return 2;
    case 'f':
      out += '\f';
      return 2;
    case 'u':
      break;
    default:
      out += c;
      return 2;
  }
  const int first = hex4(raw, at + 2);
  if (first < 0) {
    out += 'u';
    return 2;
  }
  if (first >= 0xD800 && first < 0xDC00 && raw.substr(std::min(raw.size(), at + 6), 2) == "\\u") {
    const int second = hex4(raw, at + 8);
    if (second >= 0xDC00 && second < 0xE000) {
      append_utf8(out, 0x10000u + (static_cast<uint32_t>(first - 0xD800) << 10) +
                           static_cast<uint32_t>(second - 0xDC00));
      return 12;
    }
  }
  append_utf8(out, first >= 0xD800 && first < 0xE000 ? 0xFFFD : static_cast<uint32_t>(first));
  return 6;
}

bool tag_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// Appends the value of the variable at `raw[at]` (a dollar) and returns its length; 0 = none.
// `${NAME}` is exact; `$NAME` takes the longest name that is known, so that "$DBDIRx" works as
// in Rspamd. `$$` keeps both and protects what follows.
size_t variable(const UclOptions& options, const UclChunk& chunk, std::string_view raw, size_t at,
                std::string& out) {
  const auto value_of = [&](std::string_view name) -> const std::string* {
    if (name == "CURDIR") return &chunk.folder;
    if (name == "FILENAME") return &chunk.path;
    const auto found = options.variables.find(name);
    return found == options.variables.end() ? nullptr : &found->second;
  };
  const char next = at + 1 < raw.size() ? raw[at + 1] : '\0';
  if (next == '$') {
    out += "$$";
    // The name after it stays as it is: its own `{` or letters are no dollar.
    return 2;
  }
  if (next == '{') {
    const size_t close = raw.substr(0, at + 66).find('}', at + 2);
    if (close == std::string_view::npos) return 0;
    const std::string* value = value_of(raw.substr(at + 2, close - at - 2));
    if (!value) return 0;
    out += *value;
    return close + 1 - at;
  }
  size_t end = at + 1;
  while (end < raw.size() && tag_char(raw[end]) && end - at < 64) ++end;
  for (size_t length = end - at - 1; length > 0; --length)
    if (const std::string* value = value_of(raw.substr(at + 1, length))) {
      out += *value;
      return length + 1;
    }
  return 0;
}

std::string cook(const UclOptions& options, const UclChunk& chunk, std::string_view raw,
                 bool escapes, bool variables = true) {
  std::string out;
  out.reserve(raw.size());
  for (size_t at = 0; at < raw.size();) {
    const char c = raw[at];
    if (c == '\\' && escapes) {
      at += unescape(raw, at, out);
    } else if (c == '$') {
      const size_t length = variables && chunk.macros ? variable(options, chunk, raw, at, out) : 0;
      if (length == 0) out += '$';
      at += std::max<size_t>(length, 1);
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

}  // namespace

std::string UclParser::expand(const UclChunk& chunk, std::string_view text) const {
  return cook(options, chunk, text, false);
}

Result<std::string> UclParser::quoted(UclChunk& chunk, bool variables) {
  const UclSpot opened = spot(chunk);
  const size_t first = ++chunk.at;
  while (!chunk.end() && chunk.peek() != '"') {
    if (chunk.peek() == '\n')
      return error(chunk, opened,
                   "the quote is not closed on its line; close it, or use <<EOD "
                   "for text of several lines");
    // An escaped newline is text as well.
    if (chunk.peek() == '\\' && chunk.at + 1 < chunk.text.size()) chunk.step();
    chunk.step();
  }
  if (chunk.end()) return error(chunk, opened, "the quote is never closed");
  const std::string_view raw = chunk.text.substr(first, chunk.at - first);
  ++chunk.at;
  return cook(options, chunk, raw, true, variables);
}

Result<std::string> UclParser::single_quoted(UclChunk& chunk) {
  const UclSpot opened = spot(chunk);
  ++chunk.at;
  std::string out;
  while (!chunk.end() && chunk.peek() != '\'') {
    if (chunk.peek() == '\\' && chunk.peek(1) == '\'') {
      out += '\'';
      chunk.step(2);
    } else if (chunk.peek() == '\\' && chunk.peek(1) == '\n') {
      chunk.step(2);
    } else if (chunk.peek() == '\\' && chunk.peek(1) == '\\') {
      out += "\\\\";  // both stay, but the second one escapes no quote
      chunk.step(2);
    } else {
      out += chunk.peek();
      chunk.step();
    }
  }
  if (chunk.end()) return error(chunk, opened, "the single quote is never closed");
  ++chunk.at;
  return out;
}

bool UclParser::heredoc_here(const UclChunk& chunk) const {
  if (chunk.peek() != '<' || chunk.peek(1) != '<') return false;
  size_t at = chunk.at + 2;
  const size_t first = at;
  while (at < chunk.text.size() && tag_char(chunk.text[at])) ++at;
  if (at == first) return false;
  while (at < chunk.text.size() &&
         (chunk.text[at] == ' ' || chunk.text[at] == '\t' || chunk.text[at] == '\r'))
    ++at;
  return at < chunk.text.size() && chunk.text[at] == '\n';
}

Result<std::string> UclParser::heredoc(UclChunk& chunk) {
  const UclSpot opened = spot(chunk);
  chunk.at += 2;
  const size_t tag_start = chunk.at;
  while (tag_char(chunk.peek())) ++chunk.at;
  const std::string tag(chunk.text.substr(tag_start, chunk.at - tag_start));
  while (chunk.peek() != '\n') ++chunk.at;
  chunk.step();
  const size_t first = chunk.at;
  while (!chunk.end()) {
    // At the start of a line.
    const size_t after = chunk.at + tag.size();
    if (chunk.text.substr(chunk.at, tag.size()) == tag) {
      const char next = after < chunk.text.size() ? chunk.text[after] : '\n';
      if (next == '\n' || next == '\r' || next == ';' || next == ',') {
        size_t last = chunk.at > first ? chunk.at - 1 : first;
        if (last > first && chunk.text[last - 1] == '\r') --last;
        const std::string_view raw = chunk.text.substr(first, last - first);
        chunk.step(tag.size());
        return cook(options, chunk, raw, false);
      }
    }
    while (!chunk.end() && chunk.peek() != '\n') ++chunk.at;
    if (!chunk.end()) chunk.step();
  }
  return error(chunk, opened,
               "the text is never closed; write " + tag + " alone at the start of a line after it");
}

Result<std::string> UclParser::unquoted(UclChunk& chunk) {
  const size_t first = chunk.at;
  size_t braces = 0, brackets = 0;
  while (!chunk.end()) {
    const char c = chunk.peek();
    if (c == '\\' && chunk.at + 1 < chunk.text.size()) {
      chunk.step(2);
      continue;
    }
    if (c == '\n' || c == ';' || c == ',' || c == '#') break;
    if (c == '/' && chunk.peek(1) == '*') break;
    if (c == '{') ++braces;
    if (c == '[') ++brackets;
    if (c == '}' && braces-- == 0) break;
    if (c == ']' && brackets-- == 0) break;
    chunk.step();
  }
  size_t last = chunk.at;
  const auto trimmed = [&](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\0'; };
  while (last > first && trimmed(chunk.text[last - 1])) --last;
  return cook(options, chunk, chunk.text.substr(first, last - first), true);
}

}  // namespace winnow
