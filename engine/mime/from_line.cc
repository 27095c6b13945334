#include "engine/mime/from_line.h"

namespace winnow {

namespace {

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool digit(char c) { return c >= '0' && c <= '9'; }

// Whether the hour that ends before line[colon] follows a number: "1 10:", "2001-01-01T10:".
bool follows_number(std::string_view line, size_t colon) {
  size_t at = colon;
  while (at > 0 && digit(line[at - 1])) --at;
  if (at == colon || at < 2) return false;
  if (line[at - 1] == 'T') return digit(line[at - 2]);
  if (!blank(line[at - 1])) return false;
  while (at > 0 && blank(line[at - 1])) --at;
  while (at > 0 && !blank(line[at - 1])) --at;
  return digit(line[at]);
}

}  // namespace

bool begins_as_from_line(std::string_view line) {
  if (!line.starts_with("From ")) return false;
  const size_t next = line.find_first_not_of(" \t", 5);
  return next == std::string_view::npos || line[next] != ':';
}

bool is_from_line(std::string_view line) {
  if (!begins_as_from_line(line)) return false;
  // Each step looks back over one word, so that the line is walked twice at most.
  for (size_t colon = line.find(':'); colon != std::string_view::npos;
       colon = line.find(':', colon + 1))
    if (colon + 1 < line.size() && digit(line[colon + 1]) && follows_number(line, colon))
      return true;
  return false;
}

}  // namespace winnow
