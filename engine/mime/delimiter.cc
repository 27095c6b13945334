#include "engine/mime/delimiter.h"

#include "engine/mime/line_scan.h"

namespace winnow {

namespace {

std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Where a line that is seen to end at `end` (a CR or LF) ends if only LF ends lines: blanks and CR
// before the LF are passed over. False where text follows the CR.
bool ends_with_lf(std::string_view text, size_t end, size_t& after) {
  size_t at = end;
  while (at < text.size() && (text[at] == '\r' || text[at] == ' ' || text[at] == '\t')) ++at;
  if (at < text.size() && text[at] != '\n') return false;
  after = at < text.size() ? at + 1 : at;
  return true;
}

bool starts_with_content(std::string_view text) {
  constexpr std::string_view kContent = "content-";
  if (text.size() < kContent.size()) return false;
  for (size_t i = 0; i < kContent.size(); ++i)
    if ((text[i] | 0x20) != (kContent[i] | 0x20)) return false;
  return true;
}

}  // namespace

Delimiter find_delimiter(std::string_view text, size_t from, std::string_view boundary,
                         const DelimiterRules& rules, DelimiterDoubts& doubts) {
  for (size_t at = find_dash_line(text, from); at != std::string_view::npos;
       at = find_dash_line(text, at + 2)) {
    if (!text.substr(at + 2).starts_with(boundary)) continue;
    const size_t begin = at + 2 + boundary.size();
    const size_t end = line_end(text, begin);
    const std::string_view rest = trim_right(text.substr(begin, end - begin));
    Delimiter delimiter{at, past_line_end(text, end), rest == "--"};
    const bool exact = rest.empty() || delimiter.closing;
    if (!rules.cr_lines) {
      const bool after_cr = at > 0 && text[at - 1] == '\r';
      if (after_cr || !ends_with_lf(text, end, delimiter.after)) {
        doubts.bare_cr |= exact;
        continue;
      }
    }
    if (!exact) {
      if (!rules.prefix) {
        doubts.prefix = true;
        continue;
      }
      delimiter.closing = rest.starts_with("--");
    }
    return delimiter;
  }
  return {};
}

size_t before_delimiter(std::string_view text, size_t begin, size_t line) {
  size_t end = line;
  if (end > begin && text[end - 1] == '\n') --end;
  if (end > begin && text[end - 1] == '\r') --end;
  return end;
}

std::string_view guess_boundary(std::string_view body) {
  constexpr int kCandidatesMax = 64;
  constexpr size_t kBoundaryMax = 200;
  size_t at = find_dash_line(body, 0);
  for (int i = 0; i < kCandidatesMax && at != std::string_view::npos; ++i) {
    const size_t end = line_end(body, at);
    const std::string_view boundary = trim_right(body.substr(at + 2, end - at - 2));
    const bool usable = !boundary.empty() && boundary.size() <= kBoundaryMax &&
                        boundary.find_first_of(" \t") == std::string_view::npos &&
                        boundary.find_first_not_of('-') != std::string_view::npos;
    if (usable && starts_with_content(body.substr(past_line_end(body, end)))) return boundary;
    at = find_dash_line(body, at + 2);
  }
  return {};
}

}  // namespace winnow
