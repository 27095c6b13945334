#include "engine/html/css_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/ascii.h"
#include "engine/html/css_value.h"
#include "engine/html/packed_name.h"
#include "engine/html/scan.h"

namespace winnow {

namespace {

constexpr auto kSpecial = [] {
  std::array<bool, 256> table{};
  for (const char c : {'"', '\'', '\\', '(', ')', '[', ']', '{', '}', ';', ','}) {
    table[static_cast<uint8_t>(c)] = true;
  }
  return table;
}();

bool opens_comment(const char* at, const char* end) {
  return end - at > 1 && at[0] == '/' && at[1] == '*';
}

const char* past_escape(const char* at, const char* end) {
  return at + std::min<std::ptrdiff_t>(2, end - at);
}

// Behind the string that opens at `at`. A line end ends one that is not closed.
const char* past_string(const char* at, const char* end) {
  const char quote = *at++;
  while (at < end && *at != quote && *at != '\n' && *at != '\r' && *at != '\f') {
    at = *at == '\\' ? past_escape(at, end) : at + 1;
  }
  return at < end ? at + 1 : end;
}

// Behind the bare url(...) whose bracket is at `at`, in which no string, comment or bracket opens
// (4.3.6); nullptr if it is no such thing. The text starts at `begin`.
const char* past_url(const char* begin, const char* at, const char* end) {
  if (at - begin < 3 || !same_folded({at - 3, 3}, "url")) return nullptr;
  if (at - begin > 3 && is_css_name_char(at[-4])) return nullptr;
  ++at;
  while (at < end && is_css_blank(*at)) ++at;
  if (at < end && (*at == '"' || *at == '\'')) return nullptr;
  while (at < end && *at != ')') at = *at == '\\' ? past_escape(at, end) : at + 1;
  return at < end ? at + 1 : end;
}

// What the backslash escape at `at` stands for (4.3.7); moves `at` behind it.
char read_escape(const char*& at, const char* end) {
  ++at;
  unsigned value = 0;
  int digits = 0;
  for (; at < end && digits < 6; ++at, ++digits) {
    const char c = static_cast<char>(*at | 0x20);
    if (is_css_digit(*at))
      value = value * 16 + static_cast<unsigned>(*at - '0');
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
    else
      break;
  }
  if (digits == 0)
    value = static_cast<uint8_t>(*at++);
  else if (at < end && is_css_blank(*at))
    ++at;
  const char c = static_cast<char>(value);
  return value < 0x80 && is_css_name_char(c) ? c : '?';
}

// Whether `text` holds "/*" or, with `escapes`, a backslash.
bool needs_cleaning(std::string_view text, bool escapes) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); (at = find_either(at, end, '/', escapes ? '\\' : '/')) != end;
       ++at) {
    if (*at == '\\' || opens_comment(at, end)) return true;
  }
  return false;
}

}  // namespace

std::string_view clean_css(std::string_view css, bool escapes, std::vector<char>& scratch) {
  if (!needs_cleaning(css, escapes)) return css;
  scratch.clear();
  const char* const begin = css.data();
  const char* const end = begin + css.size();
  const auto copy_to = [&](const char*& at, const char* to) {
    scratch.insert(scratch.end(), at, to);
    at = to;
  };
  for (const char* at = begin; at < end;) {
    if (opens_comment(at, end)) {
      const size_t close = css.find("*/", static_cast<size_t>(at - begin) + 2);
      scratch.push_back(' ');
      if (close == std::string_view::npos) break;
      at = begin + close + 2;
    } else if (*at == '"' || *at == '\'') {
      copy_to(at, past_string(at, end));
    } else if (*at == '(') {
      const char* const past = past_url(begin, at, end);
      copy_to(at, past != nullptr ? past : at + 1);
    } else if (*at == '\\' && end - at > 1) {
      if (escapes)
        scratch.push_back(read_escape(at, end));
      else
        copy_to(at, at + 2);
    } else {
      const char* to = at + 1;
      while (to < end && *to != '/' && !kSpecial[static_cast<uint8_t>(*to)]) ++to;
      copy_to(at, to);
    }
  }
  return {scratch.data(), scratch.size()};
}

const char* find_css(const char* at, const char* end, std::string_view stops) {
  constexpr int kDepthMax = 32;  // what is nested deeper takes all the rest
  const char* const begin = at;
  uint64_t open = 0;  // the brackets around `at`, two bits each
  int depth = 0;
  while (at < end) {
    const char c = *at;
    if (!kSpecial[static_cast<uint8_t>(c)]) {
      ++at;
      continue;
    }
    if (depth == 0 && stops.find(c) != std::string_view::npos) return at;
    if (c == '"' || c == '\'') {
      at = past_string(at, end);
      continue;
    }
    if (c == '\\') {
      at = past_escape(at, end);
      continue;
    }
    if (c == '(') {
      if (const char* const past = past_url(begin, at, end); past != nullptr) {
        at = past;
        continue;
      }
    }
    constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (const size_t kind = kOpen.find(c); kind != std::string_view::npos) {
      if (++depth > kDepthMax) return end;
      open = open << 2 | kind;
    } else if (depth > 0 && kClose.find(c) == (open & 3)) {
      --depth;
      open >>= 2;
    }
    ++at;
  }
  return end;
}

}  // namespace winnow
