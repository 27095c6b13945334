#include "rules/lang/regexp.h"

#include <algorithm>

#include "engine/match/regex.h"
#include "engine/text/folded_subject.h"
#include "fmt/format.h"
#include "rules/lang/expression_atom.h"

namespace winnow {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

tl::unexpected<Error> at(size_t column, std::string what) {
  return fail(Error{.what = std::move(what), .column = static_cast<unsigned>(column + 1)});
}

// Flags that are no type; 0 = none.
uint32_t flag_of(char c) {
  switch (c) {
    case 'i':
      return bit(PatternFlag::kIgnoreCase);
    case 'm':
      return bit(PatternFlag::kMultiLine);
    case 's':
      return bit(PatternFlag::kDotAll);
    case 'x':
      return bit(PatternFlag::kExtended);
    case 'u':
      return bit(PatternFlag::kUtf);
    case 'r':
      return bit(PatternFlag::kRaw);
    case 'O':
    case 'o':
      return bit(PatternFlag::kUnoptimised);
    case 'L':
      return bit(PatternFlag::kLeftmost);
    case 'A':
      return bit(PatternFlag::kCountAll);
    case 'T':
      return bit(PatternFlag::kTrace);
    default:
      return 0;
  }
}

// Reads flags and type from `i` to the end.
Result<void> read_flags(std::string_view atom, size_t i, bool types, PatternSpec& spec) {
  for (; i < atom.size(); ++i) {
    const char c = atom[i];
    if (const uint32_t flag = flag_of(c); flag != 0) {
      spec.flags |= flag;
      continue;
    }
    if (!types) return at(i, fmt::format("'{}' is no flag of a regexp here", c));
    if (c == 'S') {
      spec.strict_case = true;
    } else if (c == '{') {
      const size_t end = atom.find('}', i);
      if (end == std::string_view::npos) return at(i, "'{' is not closed");
      const std::string_view name = atom.substr(i + 1, end - i - 1);
      spec.scope = name.size() > 1 ? scope_from_name(name) : ScopeKind::kNowhere;
      if (spec.scope == ScopeKind::kNowhere) {
        return at(i + 1, fmt::format("'{{{}}}' is no type of a regexp", name));
      }
      i = end;
    } else if (const ScopeKind scope = scope_from_name(atom.substr(i, 1));
               scope != ScopeKind::kNowhere) {
      spec.scope = scope;
    } else {
      return at(i, fmt::format("'{}' is no flag of a regexp", c));
    }
  }
  return {};
}

// Reads the regexp that begins at `begin` and must end with the atom; fills regex and flags.
Result<void> read_regexp(std::string_view atom, size_t begin, bool types, PatternSpec& spec) {
  const size_t open = atom[begin] == 'm' ? begin + 1 : begin;
  const char close = atom[open] == '{' ? '}' : atom[open];
  size_t end = open + 1, depth = 1;
  for (; end < atom.size(); ++end) {
    if (atom[end] == '\\') {
      ++end;
    } else if (atom[end] == close) {
      if (--depth == 0) break;
    } else if (atom[end] == atom[open]) {
      ++depth;
    }
  }
  if (end >= atom.size()) return at(begin, "a regexp is not closed");
  spec.regex = atom.substr(open + 1, end - open - 1);
  if (Result<void> flags = read_flags(atom, end + 1, types, spec); !flags) return flags;
  Result<Regex> regex = Regex::compile(spec.regex, spec.flags);
  if (regex) return {};
  Error error = regex.error();
  error.column += static_cast<unsigned>(open + 1);
  return fail(std::move(error));
}

// Where the regexp of an atom begins: 0, or after NAME=; npos = it has none.
size_t regexp_begin(std::string_view atom) {
  const auto begins = [&](size_t i) {
    const Result<size_t> end = scan_regexp(atom, i);
    return !end || *end != i;
  };
  if (begins(0)) return 0;
  const size_t equals = atom.find('=');
  if (equals == std::string_view::npos || atom.substr(0, equals).find('(') != atom.npos) {
    return std::string_view::npos;
  }
  return equals + 1;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_subject(std::string_view name) {
  constexpr std::string_view kSubject = "subject";
  return std::ranges::equal(name, kSubject, {}, [](char c) { return static_cast<char>(c | 0x20); });
}

// A field name of RFC 5322 3.6.8.
bool is_header_name(std::string_view name) {
  for (unsigned char c : name) {
    if (c <= ' ' || c >= 127 || c == ':') return false;
  }
  return !name.empty();
}

}  // namespace

bool is_regexp_atom(std::string_view atom) { return regexp_begin(atom) != std::string_view::npos; }

Result<PatternSpec> parse_regexp_atom(std::string_view given, HeaderNames& headers) {
  const std::string_view atom = trim(given);
  const size_t begin = regexp_begin(atom);
  if (atom.starts_with("lua:")) {
    return at(0, "functions of Lua files ('lua:NAME') cannot be used in expressions yet");
  }
  if (begin == std::string_view::npos) {
    return at(0, fmt::format("'{}' is neither a regexp nor a function", atom));
  }
  if (begin < atom.size() && begin > 0 && atom[begin] == '~') {
    return at(begin, "write NAME=/.../; NAME=~/.../ is the language of SpamAssassin");
  }
  if (const Result<size_t> end = scan_regexp(atom, begin); !end || *end == begin) {
    return end ? at(begin, "a regexp such as /.../ must follow '='")
               : tl::unexpected<Error>(end.error());
  }
  PatternSpec spec;
  if (begin > 0) spec.name = atom.substr(0, begin - 1);
  if (Result<void> read = read_regexp(atom, begin, true, spec); !read) {
    return tl::unexpected<Error>(read.error());
  }
  if (spec.scope == ScopeKind::kNowhere) {
    if (begin == 0) {
      return at(atom.size() - 1,
                "the regexp does not say where it looks: add a type, e.g. {mime}, or NAME=");
    }
    spec.scope = spec.name.starts_with('$') ? ScopeKind::kSelector : ScopeKind::kHeader;
  }
  if (spec.scope == ScopeKind::kFolded && begin > 0) {
    if (!is_subject(spec.name)) {
      return at(0, fmt::format("of headers the Subject alone is folded, not '{}'", spec.name));
    }
    spec.scope = ScopeKind::kSelector;
    spec.selector = kFoldedSubject;
  }
  if (spec.scope == ScopeKind::kSelector && spec.name.empty()) {
    return at(0, "a regexp on a selector needs it in front: SELECTOR=/.../$");
  }
  if (is_header_scope(spec.scope)) {
    if (!is_header_name(spec.name)) {
      return at(0, fmt::format("'{}' is no name of a header; write NAME=/.../", spec.name));
    }
    spec.header = headers.add(spec.name);
  }
  return spec;
}

Result<PatternSpec> parse_plain_regexp(std::string_view text) {
  const Result<size_t> end = scan_regexp(text, 0);
  if (!end) return tl::unexpected<Error>(end.error());
  if (*end == 0) return at(0, "a regexp such as /.../ must stand here");
  PatternSpec spec;
  if (Result<void> read = read_regexp(text, 0, false, spec); !read) {
    return tl::unexpected<Error>(read.error());
  }
  return spec;
}

}  // namespace winnow
