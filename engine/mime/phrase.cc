#include "engine/mime/phrase.h"

#include <algorithm>

#include "engine/crypt/base64_text.h"

namespace winnow {

namespace {

bool is_atom_text(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// What looks like an encoded word would be read as one.
bool needs_words(std::string_view text) {
  return !std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }) ||
         text.find("=?") != std::string_view::npos;
}

std::string encoded_words(std::string_view text, std::string_view between) {
  constexpr size_t kBytesMax = 45;  // 60 digits, and 12 around them: a word has at most 75
  std::string out;
  while (!text.empty()) {
    size_t size = std::min(kBytesMax, text.size());
    // No character in two words (RFC 2047 5); one of more than 4 bytes is none.
    for (size_t back = 0; back < 3 && size < text.size() && size > 4 && is_continuation(text[size]);
         ++back)
      --size;
    if (!out.empty()) out += between;
    out += "=?UTF-8?B?" + encode_base64_text(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace

std::string write_unstructured(std::string_view text) {
  return needs_words(text) ? encoded_words(text, " ") : std::string(text);
}

std::string fold_unstructured(std::string_view text, size_t taken) {
  constexpr size_t kLineMax = 78;
  std::string out;
  const size_t last = text.find_last_not_of(' ');  // a line of blanks is none (RFC 5322 4.2)
  size_t begin = 0, fold = 0;                      // of the line; where it may end, 0: nowhere yet
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool may_fold = i == text.size() || (text[i] == ' ' && i > 0 && text[i - 1] != ' ');
    if (!may_fold) continue;
    if (fold > begin && fold < last && taken + (i - begin) > kLineMax) {
      out.append(text.substr(begin, fold - begin)) += '\n';
      begin = fold;
      taken = 0;
    }
    fold = i;
  }
  return out.append(text.substr(begin));
}

std::string write_phrase(std::string_view name) {
  if (needs_words(name)) return encoded_words(name, "\n\t");
  const bool atoms = !name.empty() && name.front() != ' ' && name.back() != ' ' &&
                     std::ranges::all_of(name, [](char c) { return is_atom_text(c) || c == ' '; });
  if (atoms) return std::string(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace winnow
