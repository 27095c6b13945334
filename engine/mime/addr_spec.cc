#include "engine/mime/addr_spec.h"

#include <algorithm>
#include <array>

namespace winnow {

namespace {

constexpr size_t kNone = std::string_view::npos;

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool upper(char c) { return c >= 'A' && c <= 'Z'; }

// RFC 5322 3.2.3 atext, with RFC 6532 every byte over 127; and the dot.
constexpr std::array<bool, 256> kAtom = [] {
  std::array<bool, 256> table{};
  for (size_t c = 128; c < 256; ++c) table[c] = true;
  for (char c = '0'; c <= '9'; ++c) table[static_cast<uint8_t>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<uint8_t>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<uint8_t>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-/=?^_`{|}~.")) table[static_cast<uint8_t>(c)] = true;
  return table;
}();

// Not find_first_of(), which calls memchr for each character.
bool plain(std::string_view text) {
  for (char c : text)
    if (blank(c) || c == '(') return false;
  return true;
}

bool dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  char before = '\0';
  for (char c : text) {
    if (!kAtom[static_cast<uint8_t>(c)] || (c == '.' && before == '.')) return false;
    before = c;
  }
  return true;
}

bool domain_text(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    return std::all_of(text.begin() + 1, text.end() - 1, [](char c) {
      return static_cast<uint8_t>(c) > 32 && c != '[' && c != ']' && c != '\\' && c != 127;
    });
  if (!dot_atom(text)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || static_cast<uint8_t>(c) > 127;
  });
}

// The text without comments, and without blanks outside of quotes; `clean`
// turns false where a blank separated what the grammar does not let it
// separate.
std::string_view squeeze(std::string_view text, Arena& arena, bool& clean) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  if (plain(text)) return text;
  ArenaText out(arena, text.size());
  bool quoted = false, gap = false;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (depth > 0) {
      if (c == '\\')
        ++i;
      else if (c == '(')
        ++depth;
      else if (c == ')')
        --depth;
      gap = true;
      continue;
    }
    if (!quoted && c == '(') {
      depth = 1;
      continue;
    }
    if (!quoted && blank(c)) {
      gap = true;
      continue;
    }
    const char before = out.size() > 0 ? out.view().back() : '@';
    if (gap && before != '@' && before != '.' && c != '@' && c != '.') clean = false;
    gap = false;
    if (c == '"') quoted = !quoted;
    out.push(c);
    if (quoted && c == '\\' && i + 1 < text.size()) out.push(text[++i]);
  }
  if (depth > 0) clean = false;
  return out.finish();
}

// RFC 5322 4.4: "@relay,@relay:" before the address.
std::string_view without_route(std::string_view text, bool& clean) {
  if (!text.starts_with('@')) return text;
  const size_t colon = text.find(':');
  if (colon == kNone) {
    clean = false;
    return text;
  }
  return text.substr(colon + 1);
}

// Last "@" outside of a quoted local part; `several` if there are more.
size_t find_at(std::string_view text, bool& several) {
  size_t from = 0;
  if (text.starts_with('"')) {
    size_t i = 1;
    while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
    if (i < text.size()) from = i;
  }
  const size_t last = text.rfind('@');
  if (last == kNone || last < from) return kNone;
  several = text.find('@', from) != last;
  return last;
}

// Content of a quoted string; false if it is not one.
bool unquote(std::string_view text, Arena& arena, std::string_view& content) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  content = text;
  if (text.find_first_of("\\\"") == kNone) return true;
  ArenaText out(arena, text.size());
  bool good = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') good = false;
    if (text[i] == '\\' && ++i == text.size()) {
      good = false;
      break;
    }
    out.push(text[i]);
  }
  content = out.finish();
  return good;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 32 || c == 127; });
}

}  // namespace

void parse_addr_spec(std::string_view text, Arena& arena, Address& address) {
  bool clean = true, several = false;
  text = without_route(squeeze(text, arena, clean), clean);
  if (text.size() > 7 && text[6] == ':' &&
      std::equal(text.begin(), text.begin() + 6, "mailto",
                 [](char a, char b) { return (a | 0x20) == b; })) {
    clean = false;
    text.remove_prefix(7);
  }
  const size_t at = find_at(text, several);
  address.valid = false;
  address.address = address.local = text;
  if (at == kNone) return;
  std::string_view local = text.substr(0, at);
  std::string_view domain = text.substr(at + 1);
  if (domain.ends_with('.')) clean = false;
  while (domain.ends_with('.')) domain.remove_suffix(1);
  std::string_view written = local;  // as it stands in the address
  bool local_good = dot_atom(local);
  if (!local_good && unquote(local, arena, local)) {
    local_good = !has_control(local);
    if (dot_atom(local)) written = local;
  }
  address.valid = clean && !several && local_good && domain_text(domain);
  address.local = local;
  const bool as_it_stands =
      written.data() == text.data() && std::none_of(domain.begin(), domain.end(), upper);
  if (as_it_stands) {
    address.domain = domain;
    address.address = text.substr(0, at + 1 + domain.size());
    return;
  }
  ArenaText out(arena, text.size() + 1);
  out.append(written);
  out.push('@');
  for (char c : domain) out.push(upper(c) ? static_cast<char>(c + 32) : c);
  address.address = out.finish();
  address.domain = address.address.substr(written.size() + 1);
}

}  // namespace winnow
