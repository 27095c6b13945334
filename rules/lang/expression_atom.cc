#include "rules/lang/expression_atom.h"

#include "engine/ascii.h"

namespace winnow {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
bool is_name(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; }

tl::unexpected<Error> at(size_t column, std::string what) {
  return fail(Error{.what = std::move(what), .column = static_cast<unsigned>(column + 1)});
}

char closing_of(char c) {
  switch (c) {
    case '{':
      return '}';
    case '/':
    case '!':
    case '#':
    case '%':
    case '@':
    case ',':
      return c;
    default:
      return 0;
  }
}

// One past the quote that closes the one at `begin`.
Result<size_t> scan_quoted(std::string_view text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == text[begin]) {
      return i + 1;
    }
  }
  return at(begin, "a quote is not closed");
}

// One past the bracket `close` that belongs to the one at `begin`. `nests`: brackets of the same
// kind inside count. Regexps begin after the bracket or a comma; quotes only where `quotes`.
Result<size_t> scan_list(std::string_view text, size_t begin, char close, bool nests, bool quotes) {
  const char open = text[begin];
  size_t depth = 1;
  bool item_begins = true;
  for (size_t i = begin + 1; i < text.size();) {
    const char c = text[i];
    if (item_begins && c == '/') {
      Result<size_t> end = scan_regexp(text, i);
      if (!end) return end;
      i = *end;
      item_begins = false;
      continue;
    }
    if (quotes && (c == '"' || c == '\'')) {
      Result<size_t> end = scan_quoted(text, i);
      if (!end) return end;
      i = *end;
      item_begins = false;
      continue;
    }
    if (c == close && --depth == 0) return i + 1;
    if (nests && c == open) ++depth;
    if (!is_blank(c)) item_begins = c == ',' || (nests && c == open);
    ++i;
  }
  return at(begin, std::string("'") + open + "' is not closed");
}

Result<size_t> scan_regexp_atom(std::string_view text, size_t begin) {
  size_t i = begin;
  Result<size_t> whole = scan_regexp(text, begin);
  if (!whole || *whole != begin) return whole;
  while (i < text.size()) {
    const char c = text[i];
    if (is_blank(c) || c == ')' || c == '&' || c == '|' || c == '!' || c == '<' || c == '>' ||
        c == '+' || c == '*' || c == '/') {
      break;
    }
    if (c == '-' && (i + 1 == text.size() || !is_name(text[i + 1]))) break;
    if (c == '(') {
      Result<size_t> end = scan_list(text, i, ')', true, true);
      if (!end) return end;
      i = *end;
    } else if (c == '=') {
      if (i + 1 < text.size() && text[i + 1] == '=') break;
      const size_t value = i + (i + 1 < text.size() && text[i + 1] == '~' ? 2 : 1);
      Result<size_t> end = scan_regexp(text, value);
      if (!end) return end;
      if (*end == value) return at(value, "a regexp such as /.../ must follow '='");
      return end;
    } else {
      ++i;
    }
  }
  return i;
}

Result<size_t> scan_composite_atom(std::string_view text, size_t begin) {
  size_t i = begin;
  while (i < text.size() && (text[i] == '~' || text[i] == '-' || text[i] == '^')) ++i;
  const size_t name = i;
  while (i < text.size()) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : ' ';
    if (c == '[') {
      if (i == name) break;
      return scan_list(text, i, ']', false, false);
    }
    if (c == '+' && !(next == ':' && text.substr(name, i - name) == "g")) break;
    if (c == '-' && !is_name(next) && next != ':') break;
    if (is_blank(c) || std::string_view("()&|!<>=*/~^]").find(c) != std::string_view::npos) break;
    ++i;
  }
  if (i == name) return at(begin, "the name of a symbol is missing");
  return i;
}

}  // namespace

Result<size_t> scan_regexp(std::string_view text, size_t begin) {
  size_t i = begin;
  if (i < text.size() && text[i] == 'm' && i + 1 < text.size() && closing_of(text[i + 1]) &&
      text[i + 1] != '/') {
    ++i;
  } else if (i >= text.size() || text[i] != '/') {
    return begin;
  }
  const char open = text[i];
  const char close = closing_of(open);
  size_t depth = 1;
  for (++i;; ++i) {
    if (i >= text.size()) return at(begin, "a regexp is not closed");
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == close) {
      if (--depth == 0) break;
    } else if (text[i] == open) {
      ++depth;
    }
  }
  ++i;
  while (i < text.size() && is_letter(text[i])) ++i;
  if (i < text.size() && text[i] == '$') ++i;
  if (i < text.size() && text[i] == '{') {
    const size_t end = text.find('}', i);
    if (end == std::string_view::npos) return at(i, "'{' is not closed");
    i = end + 1;
    // Flags may stand behind the type as well; an operator that is written close to it is none.
    size_t flags = i;
    while (flags < text.size() && is_letter(text[flags])) ++flags;
    const std::string_view word = text.substr(i, flags - i);
    if (!equal_caseless(word, "and") && !equal_caseless(word, "or")) i = flags;
  }
  return i;
}

Result<size_t> scan_atom(std::string_view text, size_t begin, ExpressionDialect dialect) {
  Result<size_t> end = dialect == ExpressionDialect::kRegexp ? scan_regexp_atom(text, begin)
                                                             : scan_composite_atom(text, begin);
  if (end && *end == begin) return at(begin, "an atom, '(' or a negation must stand here");
  return end;
}

}  // namespace winnow
