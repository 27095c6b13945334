// URLs in plain text.
//
// A scan (SSE2, 16 bytes a step) stops only at '.' and '@' between two non-blank bytes and at ':'
// before a slash. Each such place is looked at once, from there outwards:
//   ':'  a scheme to the left, then everything to the right up to a blank, quote or bracket
//        that was not opened inside;
//   '.'  a run of host characters around it whose last label is a top-level domain, or that
//        starts with "www." or "ftp."; then port and path;
//   '@'  a local part to the left, a host to the right.
// Closing punctuation at the end of a sentence is cut. Walks to the left stop where the last
// accepted URL ended, and a run of host characters is walked once however many dots it has: so
// the work is linear in the text.
//
// What has no scheme is a guess, and file names, abbreviations and missing blanks between
// sentences look the same: see reject_bare() for what is not taken.
#include "engine/url/find.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>

#include "engine/ascii.h"
#include "engine/text/utf8.h"
#include "engine/url/bytes.h"
#include "engine/url/suffix.h"

namespace winnow {

namespace {

using url_bytes::is;
using url_bytes::kAlpha;
using url_bytes::kDigit;

constexpr size_t kLocalBytesMax = 320;
constexpr size_t kTagBytesMax = 64;
constexpr size_t kSchemeBytesMax = 48;     // with zero-width characters between the letters
constexpr size_t kWrappedBytesMax = 2048;  // of a <URL broken over lines>
constexpr size_t kLabelBytesMax = 252;     // 63 code points
constexpr uint32_t kWide = 0x2E80;         // scripts written without blanks start here

bool is_blank(char c) { return static_cast<uint8_t>(c) <= ' '; }
bool is_high(char c) { return static_cast<uint8_t>(c) > 127; }
bool is_slash(char c) { return c == '/' || c == '\\'; }
bool ends_authority(char c) { return is_slash(c) || c == '?' || c == '#'; }

// Punctuation, blanks and symbols of Unicode that end a URL in running text.
bool is_break(uint32_t p) {
  if (p <= 0xA0) return p >= 0x7F;
  if (p < 0x2000) return p == 0xAB || p == 0xBB || p == 0x1680;
  if (p <= 0x200A || (p >= 0x2010 && p <= 0x2023) || (p >= 0x2025 && p <= 0x2029)) return true;
  if (p == 0x202F || (p >= 0x2030 && p <= 0x205F)) return true;
  if (p >= 0x2190 && p <= 0x2BFF) return true;
  if (p >= 0x3000 && p <= 0x301F) return p != 0x3002 && p != 0x3005 && p != 0x3007;
  if (p >= 0xFF00 && p <= 0xFF65) {
    return p == 0xFF01 || p == 0xFF08 || p == 0xFF09 || p == 0xFF0C || p == 0xFF1A || p == 0xFF1B ||
           p == 0xFF1F || p == 0xFF3B || p == 0xFF3D || p == 0xFF5B || (p >= 0xFF5D && p != 0xFF61);
  }
  return p >= 0x1F000 && p < 0x20000;
}

// What of is_break() stands in names that browsers open ("i❤.ws"): pictures and letters in
// circles; no arrows, boxes, bullets and brackets.
bool is_symbol(uint32_t p) {
  if (p >= 0x1F000) return p < 0x1F800 || (p >= 0x1F900 && p < 0x1FB00);
  if (p >= 0x2600 && p <= 0x27BF) {
    return !(p >= 0x2768 && p <= 0x2775) && p != 0x2794 &&
           (p < 0x2798 || p == 0x27B0 || p == 0x27BF);
  }
  return (p >= 0x231A && p <= 0x23FF && p != 0x2329 && p != 0x232A) ||
         (p >= 0x2460 && p <= 0x24FF) || (p >= 0x2B50 && p <= 0x2B55);
}

bool is_ideographic_dot(uint32_t p) { return p == 0x3002 || p == 0xFF61; }

class Search {
 public:
  Search(std::string_view text, UrlFinder& finder) : text_(text), finder_(finder) {}

  bool scan_simd();
  bool scan_scalar() { return scan_range(0, text_.size()); }

 private:
  struct Point {
    uint32_t value;  // a code point; of a broken byte U+FFFD
    uint32_t bytes;
  };
  Point point_at(size_t at) const;
  Point point_before(size_t at) const;

  bool interesting(size_t at) const;
  bool scan_range(size_t begin, size_t end);
  bool look(size_t at);
  void look_at_colon(size_t at);
  void look_at_dot(size_t at);
  void look_at_at(size_t at);
  size_t mailto_before(size_t at) const;

  size_t scheme_before(size_t colon) const;
  size_t host_begin(size_t at);
  size_t host_end(size_t at);
  size_t url_end(size_t at, size_t begin, bool in_host);
  bool symbol_in_host(size_t host, size_t at) const;
  size_t authority_end(size_t begin, size_t end) const;
  size_t trim_end(size_t begin, size_t end) const;
  bool wraps(size_t at) const;
  bool known_tld(std::string_view label) const;
  bool local_part_goes_on(size_t end);
  bool reject_bare(std::string_view host, bool more) const;
  void add(size_t begin, size_t end, UrlGuess guess);

  std::string_view text_;
  UrlFinder& finder_;
  size_t floor_ = 0;       // nothing before it is looked at again
  size_t dots_floor_ = 0;  // nor are dots before this
  size_t mailto_end_ = 0;  // of the last address behind "mailto:"; 0 if there was none
};

Search::Point Search::point_at(size_t at) const {
  if (!is_high(text_[at])) return {static_cast<uint8_t>(text_[at]), 1};
  const std::string_view rest = text_.substr(at, 4);
  const size_t length = sequence_length(rest);
  if (length == 0) return {kReplacement, 1};
  const char* from = rest.data();
  return {next_point(from), static_cast<uint32_t>(length)};
}

Search::Point Search::point_before(size_t at) const {
  if (!is_high(text_[at - 1])) return {static_cast<uint8_t>(text_[at - 1]), 1};
  for (size_t back = 2; back <= 4 && back <= at; ++back) {
    const std::string_view tail = text_.substr(at - back, back);
    if (sequence_length(tail) == back) {
      const char* from = tail.data();
      return {next_point(from), static_cast<uint32_t>(back)};
    }
  }
  return {kReplacement, 1};
}

bool Search::interesting(size_t at) const {
  const char c = text_[at];
  if ((c != '.' && c != '@' && c != ':') || at == 0 || at + 1 == text_.size()) return false;
  if (is_blank(text_[at - 1]) || is_blank(text_[at + 1])) return false;
  return c != ':' || is_slash(text_[at + 1]) || is_high(text_[at + 1]);
}

bool Search::scan_range(size_t begin, size_t end) {
  for (size_t at = begin; at < end; ++at) {
    if (interesting(at) && !look(at)) return false;
  }
  return true;
}

bool Search::scan_simd() {
  if (text_.size() < 34) return scan_scalar();
  const auto load = [&](size_t at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text_.data() + at));
  };
  const auto equal = [](__m128i v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); };
  const __m128i zero = _mm_setzero_si128();
  const __m128i blank_max = _mm_set1_epi8(' ');
  size_t at = 1;
  for (; at + 17 <= text_.size(); at += 16) {
    const __m128i here = load(at);
    const __m128i colon = equal(here, ':');
    const __m128i any = _mm_or_si128(colon, _mm_or_si128(equal(here, '.'), equal(here, '@')));
    if (_mm_movemask_epi8(any) == 0) continue;
    const __m128i next = load(at + 1);
    const __m128i blank = _mm_or_si128(_mm_cmpeq_epi8(_mm_subs_epu8(load(at - 1), blank_max), zero),
                                       _mm_cmpeq_epi8(_mm_subs_epu8(next, blank_max), zero));
    const __m128i slash =
        _mm_or_si128(_mm_or_si128(equal(next, '/'), equal(next, '\\')), _mm_cmplt_epi8(next, zero));
    const __m128i idle = _mm_or_si128(blank, _mm_andnot_si128(slash, colon));
    auto mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_andnot_si128(idle, any)));
    for (; mask != 0; mask &= mask - 1) {
      if (!look(at + static_cast<size_t>(std::countr_zero(mask)))) return false;
    }
  }
  return scan_range(at, text_.size());
}

// False: too many candidates.
bool Search::look(size_t at) {
  const char c = text_[at];
  if (at < floor_ || (c == '.' && at < dots_floor_)) return true;
  if (finder_.candidates >= finder_.candidates_max) return false;
  ++finder_.candidates;
  if (c == ':') {
    look_at_colon(at);
  } else if (c == '@') {
    look_at_at(at);
  } else {
    look_at_dot(at);
  }
  return true;
}

void Search::add(size_t begin, size_t end, UrlGuess guess) {
  finder_.found.push_back({.begin = static_cast<uint32_t>(begin),
                           .end = static_cast<uint32_t>(end),
                           .kind = FoundKind::kUrl,
                           .guess = guess});
  floor_ = dots_floor_ = end;
}

// Where the scheme's name that ends at `colon` starts; `colon` if there is none. A known name may
// stand right behind other letters ("seehttp://"), an unknown one may not.
size_t Search::scheme_before(size_t colon) const {
  constexpr std::string_view kNames[] = {"https", "hxxps", "http", "hxxp", "sftp",
                                         "ftps",  "ftp",   "file", "git",  "webcal"};
  char name[17];
  size_t begins[17];
  size_t count = 0;
  size_t at = colon;
  const size_t stop = std::max(floor_, colon > kSchemeBytesMax ? colon - kSchemeBytesMax : 0);
  bool boundary = true;
  while (at > stop) {
    const Point before = point_before(at);
    if (before.bytes > at - stop) break;
    if (before.value > 127) {
      if (!is_zero_width(before.value)) break;
      at -= before.bytes;
      continue;
    }
    const char c = text_[at - 1];
    if (!is(c, kAlpha | kDigit) && c != '+' && c != '-' && c != '.') break;
    if (count == sizeof name - 1) {
      boundary = false;
      break;
    }
    name[sizeof name - 1 - count] = c;
    begins[count++] = --at;
  }
  const std::string_view run(name + sizeof name - count, count);
  for (const std::string_view known : kNames) {
    if (count < known.size() || !equal_caseless(run.substr(count - known.size()), known)) continue;
    if (count > known.size() && run[count - known.size() - 1] == '+') break;  // "svn+http"
    return begins[known.size() - 1];
  }
  const bool good = boundary && count >= 2 && is(run[0], kAlpha);
  return good && text_.substr(colon + 1).starts_with("//") ? begins[count - 1] : colon;
}

// Where the user, host and port that start at `begin` end, at the latest at `end`: a text goes on
// behind a byte that no host has ("http://example.com's page"). Before an "@" it is a user's.
// Blanks are what wraps() let pass.
size_t Search::authority_end(size_t begin, size_t end) const {
  const std::string_view all = text_.substr(begin, end - begin);
  const char* const stop = all.data() + all.size();
  const size_t user = all.rfind('@');
  const size_t host = user == all.npos ? 0 : user + 1;
  size_t at = host;
  if (all.substr(host).starts_with('[')) {
    at = std::min(all.find(']', host), all.size() - 1) + 1;
  } else {
    while (at < all.size() &&
           (is(all[at], url_bytes::kHost) || is_high(all[at]) || is_blank(all[at]) ||
            url_bytes::escape_at(all.data() + at, stop) >= 0)) {
      ++at;
    }
  }
  if (at < all.size() && all[at] == ':') {
    for (++at; at < all.size() && (is(all[at], url_bytes::kDigit) || is_blank(all[at]));) ++at;
  }
  // "_http://example.com_"; a path behind it says that the host was meant so.
  const bool last = at < all.size() || end == text_.size() || !ends_authority(text_[end]);
  const auto loose = [](char c) { return c == '.' || c == '-' || c == '_'; };
  while (last && at > host && loose(all[at - 1])) --at;
  return begin + at;
}

void Search::look_at_colon(size_t at) {
  size_t slashes = at + 1;
  while (slashes < text_.size() && is_high(text_[slashes])) {
    const Point p = point_at(slashes);
    if (!is_zero_width(p.value)) return;
    slashes += p.bytes;
  }
  const size_t first = slashes;
  while (slashes < text_.size() && is_slash(text_[slashes])) ++slashes;
  finder_.steps += slashes - at;
  const size_t begin = scheme_before(at);
  if (equal_caseless(text_.substr(begin, at - begin), "mailto")) return;  // look_at_at() takes it
  if (slashes == first || begin == at) {
    floor_ = std::max(floor_, slashes);
    return;
  }
  const size_t end = url_end(slashes, begin, true);
  if (end <= slashes) {
    floor_ = std::max(floor_, slashes);
    return;
  }
  add(begin, end, UrlGuess::kNone);
}

// Whether the line break at `at` is inside <...> and only wraps a long URL: text without blanks
// follows up to '>'.
bool Search::wraps(size_t at) const {
  size_t next = at;
  while (next < text_.size() && next < at + 4 && is_blank(text_[next])) ++next;
  const size_t limit = std::min(text_.size(), next + kWrappedBytesMax);
  for (size_t i = next; i < limit; ++i) {
    if (text_[i] == '>') return i > next;
    if (text_[i] == '<' || text_[i] == ' ' || text_[i] == '"') return false;
  }
  return false;
}

// Bytes that url_end() passes over without a question.
constexpr std::array<bool, 256> kPlainInUrl = [] {
  std::array<bool, 256> table{};
  for (size_t c = '!'; c < 127; ++c) table[c] = true;
  for (const char c : std::string_view("<>\"`'()[]{}:/\\?#"))
    table[static_cast<uint8_t>(c)] = false;
  return table;
}();

// End of the URL that starts at `begin`, read on from `at`, which is in its host or behind it.
size_t Search::url_end(size_t at, size_t begin, bool in_host) {
  const size_t from = at;
  const size_t host = at;
  const char before = begin > 0 ? text_[begin - 1] : ' ';
  const bool angle =
      before == '<' || (begin >= 5 && equal_caseless(text_.substr(begin - 5, 5), "<url:"));
  int round = 0, square = 0, curly = 0;
  bool ascii_host = true;
  bool wrap_known = false;
  while (at < text_.size()) {
    const char c = text_[at];
    if (kPlainInUrl[static_cast<uint8_t>(c)]) {
      ++at;
      continue;
    }
    if (is_high(c)) {
      const Point p = point_at(at);
      if (is_break(p.value)) {
        if (!in_host || !symbol_in_host(host, at)) break;
        at += p.bytes;
        continue;
      }
      if (in_host && ascii_host && p.value >= kWide && !is_zero_width(p.value)) {
        const std::string_view name = text_.substr(host, at - host);
        const size_t dot = name.rfind('.');
        const bool next_ascii = at + p.bytes < text_.size() && !is_high(text_[at + p.bytes]);
        const bool continues = is_ideographic_dot(p.value) && next_ascii;
        if (dot != name.npos && known_tld(name.substr(dot + 1)) && !continues) break;
        ascii_host = false;
      }
      at += p.bytes;
      continue;
    }
    if (is_blank(c)) {
      if (!angle || (c != '\n' && c != '\r')) break;
      if (!wrap_known && !wraps(at)) break;
      wrap_known = true;  // nothing but the URL up to '>'
      while (at < text_.size() && is_blank(text_[at])) ++at;
      continue;
    }
    if (c == '<' || c == '>' || c == '"' || c == '`' || c == 127) break;
    if (c == '\'' && before == '\'') break;
    if (c == '(') ++round;
    if (c == '[') ++square;
    if (c == '{') ++curly;
    if ((c == ')' && --round < 0) || (c == ']' && --square < 0) || (c == '}' && --curly < 0)) break;
    if (in_host && c == ':' && at > host && at + 2 < text_.size() && is_slash(text_[at + 1])) {
      const size_t second = scheme_before(at);  // "http://a.examplehttp://b.example"
      if (second > host && second < at) {
        at = second;
        break;
      }
    }
    if (in_host && ends_authority(c)) {
      if (authority_end(host, at) < at) break;
      in_host = false;
    }
    ++at;
  }
  finder_.steps += at - from;
  return trim_end(from, in_host ? authority_end(host, at) : at);
}

// Cuts punctuation that belongs to the sentence, and opening brackets with nothing behind.
size_t Search::trim_end(size_t begin, size_t end) const {
  while (end > begin) {
    const Point p = point_before(end);
    if (p.value < 128) {
      if (std::string_view(".,;:!?'*([{").find(static_cast<char>(p.value)) ==
          std::string_view::npos) {
        break;
      }
    } else if (!is_ideographic_dot(p.value) && p.value != 0x2024 && !is_zero_width(p.value)) {
      break;
    }
    end -= p.bytes;
  }
  return end;
}

bool is_host_point(uint32_t p) {
  if (p < 128) return is(static_cast<char>(p), url_bytes::kHost);
  return !is_break(p) && p != kReplacement && !is_ideographic_dot(p);
}

// Whether what stands at `at` is a symbol in the name that starts at `host` ("http://i❤.ws")
// and does not decorate what follows a whole one: a dot is still to come, and no known top-level
// domain stands before it.
bool Search::symbol_in_host(size_t host, size_t at) const {
  const size_t from = std::max(host, at - std::min(at, kLabelBytesMax));
  const std::string_view name = text_.substr(from, at - from);
  const size_t dot = name.rfind('.');
  if (!is_symbol(point_at(at).value)) return false;
  if (dot != name.npos && known_tld(name.substr(dot + 1))) return false;
  const auto in_name = [](uint32_t p) { return is_host_point(p) || is_symbol(p); };
  const size_t begin = at;
  const size_t stop = std::min(text_.size(), at + kLabelBytesMax);
  bool dot_follows = false;
  while (at < stop && !dot_follows) {
    const Point p = point_at(at);
    if (!in_name(p.value)) break;
    at += p.bytes;
    dot_follows = p.value == '.';
  }
  finder_.steps += at - begin;
  return dot_follows && at < text_.size() && in_name(point_at(at).value);
}

// Start of the run of host characters before `at`.
size_t Search::host_begin(size_t at) {
  const size_t from = at;
  const bool wide = at > floor_ && point_before(at).value >= kWide;
  while (at > floor_) {
    const Point p = point_before(at);
    if (p.bytes > at - floor_ || !is_host_point(p.value)) break;
    if (!wide && p.value >= kWide && !is_zero_width(p.value)) break;
    at -= p.bytes;
  }
  finder_.steps += from - at;
  return at;
}

size_t Search::host_end(size_t at) {
  const size_t from = at;
  bool ascii = true;
  size_t label = at;
  while (at < text_.size()) {
    const Point p = point_at(at);
    if (!is_host_point(p.value)) break;
    if (p.value >= kWide && ascii && !is_zero_width(p.value)) {
      if (known_tld(text_.substr(label, at - label))) break;
      ascii = false;
    }
    at += p.bytes;
    if (p.value == '.') label = at;
  }
  finder_.steps += at - from;
  dots_floor_ = std::max(dots_floor_, at);
  while (at > from && (text_[at - 1] == '.' || text_[at - 1] == '-' || text_[at - 1] == '_')) --at;
  return at;
}

// `label` may hold capitals and zero-width characters.
bool Search::known_tld(std::string_view label) const {
  char name[64];
  size_t size = 0;
  if (label.size() > sizeof name) return false;
  for (size_t at = 0; at < label.size();) {
    if (!is_high(label[at])) {
      name[size++] = lower_ascii(label[at++]);
      continue;
    }
    const std::string_view rest = label.substr(at);
    const size_t length = sequence_length(rest);
    if (length == 0) return false;
    const char* from = rest.data();
    if (!is_zero_width(next_point(from))) {
      rest.copy(name + size, length);
      size += length;
    }
    at += length;
  }
  return shipped_suffixes().is_tld({name, size});
}

// What looks like a host but is rather a file name, an abbreviation, or two sentences without a
// blank between them. `more`: a port or a path follows, which none of these has.
bool Search::reject_bare(std::string_view host, bool more) const {
  const size_t dot = host.rfind('.');
  const std::string_view tld = host.substr(dot + 1);
  std::string_view owner = host.substr(0, dot);
  owner = owner.substr(owner.rfind('.') + 1);
  if (owner.empty() || more) return owner.empty();
  constexpr std::string_view kExtensions[] = {"zip", "mov", "py", "pl", "sh",
                                              "rs",  "md",  "cc", "ps", "so"};
  for (const std::string_view extension : kExtensions) {
    if (equal_caseless(tld, extension)) return true;
  }
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (tld.size() > 1 && is_upper(tld[0]) && is_lower(tld[1]) && is_lower(owner[0])) return true;
  if (tld.size() == 2) {  // "3.am", "i.am"
    const bool digits =
        std::all_of(owner.begin(), owner.end(), [](char c) { return is(c, kDigit); });
    if (digits || owner.size() == 1) return true;
  }
  return false;
}

// Four decimal numbers.
bool looks_numeric(std::string_view host) {
  size_t dots = 0, digits = 0;
  for (const char c : host) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots, digits = 0;
    } else if (!is(c, kDigit) || ++digits > 3) {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

// Whether what ends at `end` is the start of "first.last+tag@".
bool Search::local_part_goes_on(size_t end) {
  size_t at = end;
  while (at < text_.size() && at < end + kTagBytesMax && is(text_[at], url_bytes::kLocal) &&
         text_[at] != '/' && text_[at] != '?' && text_[at] != '#') {
    ++at;
  }
  finder_.steps += at - end;
  return at < text_.size() && at > end && text_[at] == '@';
}

void Search::look_at_dot(size_t at) {
  if (!is_host_point(point_before(at).value) || !is_host_point(point_at(at + 1).value)) return;
  size_t begin = host_begin(at);
  size_t end = std::max(at, host_end(at));
  const std::string_view run = text_.substr(begin, end - begin);
  if (const size_t gap = run.rfind(".."); gap != run.npos) begin += gap + 2;
  while (begin < end) {
    const Point p = point_at(begin);
    if (text_[begin] != '.' && text_[begin] != '-' && !is_zero_width(p.value)) break;
    begin += p.bytes;
  }
  std::string_view host = text_.substr(begin, end - begin);
  size_t dot = host.rfind('.');
  if (dot == host.npos || dot == 0) return;
  const auto next = [&](size_t i) { return end + i < text_.size() ? text_[end + i] : ' '; };
  const char before = begin > 0 ? text_[begin - 1] : ' ';
  if (next(0) == '@' || before == '@' || before == '%' || before == '&') return;
  if (next(0) == ':' && is_slash(next(1))) return;
  if (local_part_goes_on(end)) return;
  bool scheme = false;
  size_t first = begin;
  if (before == ':') {  // "http:example.com"
    first = scheme_before(begin - 1);
    scheme = first < begin - 1;
    if (!scheme) first = begin;
  }
  if (is_slash(before)) return;
  const bool www = starts_caseless(host, "www.") && dot > 4;
  const bool ftp = starts_caseless(host, "ftp.") && dot > 4;
  const bool numeric = looks_numeric(host);
  bool tld = known_tld(host.substr(dot + 1));
  while ((www || ftp) && !tld && dot > 4) {  // "www.example.com.Please"
    const size_t cut = host.rfind('.', dot - 1);
    if (cut == host.npos || cut < 4) break;
    if (known_tld(host.substr(cut + 1, dot - cut - 1))) {
      host = host.substr(0, dot), end = begin + dot, dot = cut, tld = true;
    } else {
      dot = cut;
    }
  }
  size_t port_end = end;
  if (next(0) == ':' && is(next(1), kDigit)) {
    for (++port_end; port_end < text_.size() && is(text_[port_end], kDigit);) ++port_end;
  }
  const char after = port_end < text_.size() ? text_[port_end] : ' ';
  const char after2 = port_end + 1 < text_.size() ? text_[port_end + 1] : ' ';
  const bool path = after == '/' || ((after == '?' || after == '#') && is(after2, kAlpha | kDigit));
  const bool more = path || port_end > end;
  if (numeric) {
    if (!path || is(after2, kDigit) || is_blank(after2)) return;  // a version, or 192.0.2.0/24
  } else if (!www && !ftp && !scheme && (!tld || reject_bare(host, more))) {
    return;
  }
  const size_t last = path ? url_end(port_end, first, false) : port_end;
  add(first, std::max(last, end),
      scheme ? UrlGuess::kNone
      : ftp  ? UrlGuess::kFtp
             : UrlGuess::kHttp);
}

// Where "mailto:", perhaps with slashes behind it, starts that ends at `at`; `at` if there is none.
size_t Search::mailto_before(size_t at) const {
  size_t colon = at;
  while (colon > floor_ && colon + 2 > at && text_[colon - 1] == '/') --colon;
  if (colon < floor_ + 7) return at;
  return equal_caseless(text_.substr(colon - 7, 7), "mailto:") ? colon - 7 : at;
}

void Search::look_at_at(size_t at) {
  size_t begin = at;
  const size_t stop = std::max(floor_, at > kLocalBytesMax ? at - kLocalBytesMax : 0);
  while (begin > stop) {
    const Point p = point_before(begin);
    if (p.bytes > begin - stop) break;
    const bool local = p.value < 128 ? is(static_cast<char>(p.value), url_bytes::kLocal)
                                     : !is_break(p.value) && p.value < kWide;
    if (!local) break;
    begin -= p.bytes;
  }
  finder_.steps += at - begin;
  const auto starts_local = [&](char c) {
    return is(c, kAlpha | kDigit) || c == '_' || is_high(c);
  };
  if (text_[begin] == '?') {  // "mailto:?to=me@example.com"
    if (const size_t mailto = mailto_before(begin); mailto < begin) {
      const size_t query_end = std::max(at + 1, url_end(begin, mailto, false));
      finder_.found.push_back({.begin = static_cast<uint32_t>(mailto),
                               .end = static_cast<uint32_t>(query_end),
                               .kind = FoundKind::kEmail,
                               .address = static_cast<uint32_t>(begin),
                               .address_end = static_cast<uint32_t>(begin)});
      floor_ = dots_floor_ = query_end;
      return;
    }
  }
  while (begin < at && !starts_local(text_[begin])) ++begin;
  if (begin == at) return;
  size_t end = host_end(at + 1);
  std::string_view host = text_.substr(at + 1, end - at - 1);
  while (true) {  // "me@example.com.Please"
    const size_t dot = host.rfind('.');
    if (dot == host.npos || dot == 0) return;
    if (known_tld(host.substr(dot + 1))) break;
    host = host.substr(0, dot);
  }
  end = at + 1 + host.size();
  FoundUrl mail{.begin = static_cast<uint32_t>(begin),
                .end = static_cast<uint32_t>(end),
                .kind = FoundKind::kEmail,
                .guess = UrlGuess::kNone,
                .address = static_cast<uint32_t>(begin),
                .address_end = static_cast<uint32_t>(end)};
  const size_t mailto = mailto_before(begin);
  mail.begin = static_cast<uint32_t>(mailto);
  if (mailto < begin ||
      (mailto_end_ > 0 && begin == mailto_end_ + 1 && text_[mailto_end_] == ',')) {
    mailto_end_ = end;
    if (end + 1 < text_.size() && text_[end] == '?' && !is_blank(text_[end + 1])) {
      end = std::max(end, url_end(end, mail.begin, false));
      mail.end = static_cast<uint32_t>(end);
    }
  }
  finder_.found.push_back(mail);
  floor_ = dots_floor_ = end;
}

}  // namespace

bool find_urls(std::string_view text, UrlFinder& finder) {
  finder.found.clear();
  return Search(text, finder).scan_simd();
}

bool find_urls_scalar(std::string_view text, UrlFinder& finder) {
  finder.found.clear();
  return Search(text, finder).scan_scalar();
}

}  // namespace winnow
