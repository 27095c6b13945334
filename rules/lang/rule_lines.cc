#include "rules/lang/rule_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/ascii.h"
#include "rules/lang/expression_atom.h"

namespace winnow {

namespace {

constexpr std::string_view kBlanks = " \t\r\f";
constexpr bool is_blank(char c) { return kBlanks.find(c) != kBlanks.npos; }
constexpr bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trim(std::string_view text) { return trimmed(text, kBlanks); }

std::string_view without_comment(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || is_blank(text[i - 1]))) return trim(text.substr(0, i));
  return trim(text);
}

std::string_view next_word(std::string_view& rest) {
  rest = trim(rest);
  size_t end = 0;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  const std::string_view word = rest.substr(0, end);
  rest = trim(rest.substr(end));
  return word;
}

struct Body {
  std::string_view directive, scope;
};
constexpr Body kBodies[] = {
    {"body", "sa_body"}, {"rawbody", "sa_raw_body"}, {"uri", "url"}, {"full", "body"}};

// A whole regexp with `scope` as its type. What follows may be a comment or [if-unset: …] alone.
Result<std::string> typed(std::string_view text, std::string_view scope) {
  const Result<size_t> end = scan_regexp(text, 0);
  if (!end) return fail(end.error());
  if (*end == 0) return fail(fmt::format("\"{}\" is no /pattern/", text));
  if (text[*end - 1] == '$' || (text[*end - 1] == '}' && !text.starts_with("m{")))
    return fail(fmt::format("\"{}\" has a type of its own", text.substr(0, *end)));
  const std::string_view rest = without_comment(text.substr(*end));
  if (!rest.empty() && !rest.starts_with("[if-unset:"))
    return fail(fmt::format("\"{}\" after the pattern is not known", rest));
  return fmt::format("{}{{{}}}", text.substr(0, *end), scope);
}

Result<std::string> header(std::string_view rest) {
  std::string_view field = next_word(rest);
  if (field.starts_with("exists:"))
    return fmt::format("header_exists({})", field.substr(std::string_view("exists:").size()));
  const std::string_view compare = next_word(rest);
  if (compare != "=~" && compare != "!~") return fail("=~ or !~ is missing");
  const char* const negation = compare == "!~" ? "!" : "";
  std::string_view scope = "header";
  if (const size_t colon = field.find(':'); colon != field.npos) {
    if (field.substr(colon) != ":raw")
      return fail(fmt::format("the modifier {} is not there yet", field.substr(colon)));
    scope = "raw_header";
    field = field.substr(0, colon);
  }
  if (field.empty()) return fail("the header's name is missing");
  if (field == "ALL") scope = "all_header";
  Result<std::string> regexp = typed(rest, scope);
  if (!regexp) return regexp;
  return field == "ALL" ? negation + *regexp : fmt::format("{}{}={}", negation, field, *regexp);
}

}  // namespace

Result<RuleLine> parse_rule_line(std::string_view line) {
  RuleLine out;
  std::string_view rest = trim(line);
  if (rest.empty() || rest[0] == '#') return out;
  const std::string_view directive = next_word(rest);
  const std::string_view name = next_word(rest);
  if (name.empty() || !std::ranges::all_of(name, is_name) || (name[0] >= '0' && name[0] <= '9'))
    return fail(fmt::format("\"{}\" is no name of a rule", name));
  out.name = name;
  const auto take = [&](RuleLine::Kind kind, Result<std::string> text) -> Result<RuleLine> {
    if (!text) return fail(fmt::format("{}: {}", name, text.error().what));
    out.kind = kind;
    out.text = std::move(*text);
    return out;
  };
  if (directive == "header") return take(RuleLine::Kind::kPattern, header(rest));
  for (const Body& one : kBodies)
    if (directive == one.directive) return take(RuleLine::Kind::kPattern, typed(rest, one.scope));
  if (directive == "describe") return take(RuleLine::Kind::kDescription, std::string(trim(rest)));
  rest = without_comment(rest);
  if (directive == "meta") {
    if (rest.empty()) return fail(fmt::format("{}: the expression is missing", name));
    return take(RuleLine::Kind::kMeta, std::string(rest));
  }
  if (directive != "score") return fail(fmt::format("\"{}\" is not known here", directive));
  const std::string_view number = next_word(rest);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.score,
                                            std::chars_format::fixed);
  if (error != std::errc() || end != number.data() + number.size() || number.empty() ||
      !(out.score > -1e9 && out.score < 1e9))
    return fail(fmt::format("{}: \"{}\" is no number", name, number));
  out.kind = RuleLine::Kind::kScore;
  return out;
}

}  // namespace winnow
