#include "ingest/envelope_address.h"

#include <algorithm>

#include "engine/url/bytes.h"

namespace winnow {

namespace {

// First place of `what` outside of quotes, or the size.
size_t find_unquoted(std::string_view text, char what) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == what && !quoted)
      return i;
  }
  return text.size();
}

// RFC 5321 4.1.2: Dot-string.
bool is_dot_string(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '.'
            ? text[i + 1] == '.'
            : static_cast<uint8_t>(text[i]) < 128 && !url_bytes::is(text[i], url_bytes::kLocal))
      return false;
  return true;
}

}  // namespace

std::string envelope_address(std::string_view path) {
  if (path.starts_with('<')) path = path.substr(1, find_unquoted(path, '>') - 1);
  if (const size_t colon = path.find(':'); path.starts_with('@') && colon != path.npos)
    path.remove_prefix(colon + 1);
  const size_t at = path.rfind("\"@");
  if (!path.starts_with('"') || at == path.npos || at == 0) return std::string(path);
  std::string local;
  for (size_t i = 1; i < at; ++i) {
    if (path[i] == '\\' && i + 1 < at) ++i;
    local.push_back(path[i]);
  }
  if (!is_dot_string(local)) return std::string(path);
  return local.append(path.substr(at + 1));
}

std::string_view take_address(std::string_view& list) {
  constexpr size_t kAheadMax = 1024;
  bool quoted = false, bracketed = false;
  size_t end = 0;
  for (; end < list.size(); ++end) {
    if ((quoted || bracketed) && end >= kAheadMax) break;
    const char c = list[end];
    if (c == '\\')
      ++end;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '<' || c == '>'))
      bracketed = c == '<';
    else if (c == ',' && !quoted && !bracketed)
      break;
  }
  if (quoted || bracketed) end = list.find(',');  // what never closes opens nothing
  const std::string_view one = list.substr(0, std::min(end, list.size()));
  list.remove_prefix(std::min(one.size() + 1, list.size()));
  return one;
}

}  // namespace winnow
