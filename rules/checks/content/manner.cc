// The manner in which a text is written: cries, capitals, prices, and the marks of letters between
// people. Ratios over the whole text that no pattern can say.
#include <algorithm>
#include <array>
#include <bit>

#include "engine/bytes16.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kCapitalsSome,
  kCapitalsMany,
  kExclaimSome,
  kExclaimMany,
  kExclaimRuns,
  kMoneySome,
  kMoneyMany,
  kPercents,
  kPhone,
  kGaps,
  kQuotes,
  kSignature,
  kLongLines,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"TEXT_CAPITALS_SOME", "manner", 0.1,
     "Between an eighth and a third of the letters are capitals.", true},
    {"TEXT_CAPITALS_MANY", "manner", 0.8, "A third of the letters or more are capitals.", true},
    {"TEXT_EXCLAIMS_SOME", "manner", 0, "Three to nine exclamation marks.", true},
    {"TEXT_EXCLAIMS_MANY", "manner", 0.2, "Ten exclamation marks or more.", true},
    {"TEXT_EXCLAIMS_RUN", "manner", 0.6, "Two exclamation marks or more in a row.", true},
    {"TEXT_PRICES_SOME", "manner", 0, "Two to four sums of money.", true},
    {"TEXT_PRICES_MANY", "manner", 0, "Five sums of money or more.", true},
    {"TEXT_PERCENTS", "manner", 0, "Two percentages or more.", true},
    {"TEXT_FREE_CALL", "manner", 0.4, "A telephone number that costs the caller nothing.", true},
    {"TEXT_GAPS", "manner", 0.2, "Words are spaced out letter by letter.", true},
    {"TEXT_QUOTES_MAIL", "manner", -1.2, "Quotes lines of another letter.", true},
    {"TEXT_SIGNATURE", "manner", -0.6, "Ends in a signature under two dashes.", true},
    {"TEXT_LINES_LONG", "manner", 0, "Plain text whose lines were never broken.", true},
}};

// At most so many bytes of one message are looked at.
constexpr size_t kBytesMax = 1 << 18;
constexpr uint32_t kLettersLeast = 80, kLineLong = 500;

struct Manner {
  uint32_t exclaims = 0, exclaim_runs = 0, prices = 0, percents = 0, phones = 0, gaps = 0;
  uint32_t quoted_lines = 0, long_lines = 0;
  uint64_t letters = 0, capitals = 0;
  bool signature = false;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

char at(std::string_view text, size_t i) { return i < text.size() ? text[i] : '\0'; }

// A digit after one blank at most: $ 20.
bool is_sum_after(std::string_view text, size_t i) {
  return is_digit(at(text, i)) || (at(text, i) == ' ' && is_digit(at(text, i + 1)));
}

// 800 and its kin, between brackets or separators, before seven digits in two groups.
bool is_free_call(std::string_view text, size_t i) {
  constexpr std::array<std::string_view, 7> kCodes{"800", "844", "855", "866", "877", "888", "833"};
  if (i > 0 && is_digit(text[i - 1])) return false;
  if (std::ranges::find(kCodes, text.substr(i, 3)) == kCodes.end()) return false;
  uint32_t digits = 0, between = 0;
  for (size_t k = i + 3; k < text.size() && digits < 7; ++k) {
    if (is_digit(text[k])) {
      ++digits;
      between = 0;
    } else if (digits == 0 || digits == 3) {
      if ((text[k] != '-' && text[k] != '.' && text[k] != ' ' && text[k] != ')') || ++between > 2)
        return false;
    } else {
      return false;
    }
  }
  return digits == 7;
}

// Five single letters with a blank between them, seen from the first blank: f r e e d om.
bool is_gap_run(std::string_view line, size_t blank) {
  if (blank == 0 || !is_letter(line[blank - 1])) return false;
  if (blank > 1 && (is_letter(line[blank - 2]) ||
                    (blank > 2 && is_blank(line[blank - 2]) && is_letter(line[blank - 3]) &&
                     (blank < 4 || !is_letter(line[blank - 4])))))
    return false;
  for (size_t k = 1; k < 5; ++k)
    if (!is_letter(at(line, blank + 2 * k - 1)) || !is_blank(at(line, blank + 2 * k))) return false;
  return true;
}

// What is looked for lies within one line: the bytes that end lines are none of what it is made of,
// so that `text` may be more than that line.
void look_at_mark(std::string_view text, size_t i, Manner& manner) {
  switch (text[i]) {
    case ' ':
    case '\t':
      manner.gaps += is_gap_run(text, i);
      break;
    case '!':
      ++manner.exclaims;
      manner.exclaim_runs += at(text, i + 1) == '!' && (i == 0 || text[i - 1] != '!');
      break;
    case '%':
      manner.percents += i > 0 && (is_digit(text[i - 1]) ||
                                   (i > 1 && text[i - 1] == ' ' && is_digit(text[i - 2])));
      break;
    case '8':
      manner.phones += is_free_call(text, i);
      break;
    case '$':
      manner.prices += is_sum_after(text, i + 1);
      break;
    case '\xa3':  // the last byte of a pound sign
      manner.prices += i > 0 && text[i - 1] == '\xc2' && is_sum_after(text, i + 1);
      break;
    case '\xac':  // the last byte of a euro sign
      manner.prices +=
          i > 1 && text[i - 1] == '\x82' && text[i - 2] == '\xe2' && is_sum_after(text, i + 1);
      break;
    default:
      break;
  }
}

void look_at_line(std::string_view line, bool html, Manner& manner) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  manner.quoted_lines += line.starts_with('>') && line.size() > 2;
  manner.signature |= line == "-- ";
  manner.long_lines += !html && line.size() > kLineLong;
}

// Bits of the sixteen bytes at `at`: where a line ends, where something is to be looked at. Blanks
// are that only where another follows the byte after them; reads 18 bytes.
struct Marks {
  uint32_t ends = 0, marks = 0;

  explicit Marks(const char* at) {
    using namespace bytes16;
    const __m128i bytes = load(at);
    const auto blanks = [](__m128i v) { return any(is(v, ' '), is(v, '\t')); };
    __m128i found = _mm_and_si128(blanks(bytes), blanks(load(at + 2)));
    for (const char c : {'!', '$', '%', '8', '\xa3', '\xac'}) found = any(found, is(bytes, c));
    marks = mask(found);
    ends = mask(is(bytes, '\n'));
  }
};

void look_at_bytes(std::string_view text, bool html, Manner& manner) {
  size_t line = 0;  // where the line begins that is being read
  const auto end_line = [&](size_t end) {
    look_at_line(text.substr(line, end - line), html, manner);
    line = end + 1;
  };
  size_t i = 0;
  for (; i + 18 <= text.size(); i += 16) {
    const Marks found(text.data() + i);
    for (uint32_t bits = found.marks; bits != 0; bits &= bits - 1)
      look_at_mark(text, i + static_cast<size_t>(std::countr_zero(bits)), manner);
    for (uint32_t bits = found.ends; bits != 0; bits &= bits - 1)
      end_line(i + static_cast<size_t>(std::countr_zero(bits)));
  }
  for (; i < text.size(); ++i) {
    look_at_mark(text, i, manner);
    if (text[i] == '\n') end_line(i);
  }
  if (line < text.size()) end_line(text.size());
}

void look_at_text(const Text& text, size_t& left, Manner& manner) {
  const std::string_view bytes = text.plain.substr(0, left);
  left -= bytes.size();
  manner.letters += text.letters;
  manner.capitals += text.capitals;
  look_at_bytes(bytes, text.flags & static_cast<uint16_t>(TextFlag::kHtml), manner);
}

void say(const CheckPlan& plan, Batch& batch, uint32_t row, const Manner& manner) {
  const auto if_true = [&](bool condition, Sym symbol) {
    if (condition) insert(plan, batch, row, symbol);
  };
  if (manner.letters >= kLettersLeast) {
    if_true(manner.capitals * 3 >= manner.letters, kCapitalsMany);
    if_true(manner.capitals * 3 < manner.letters && manner.capitals * 8 >= manner.letters,
            kCapitalsSome);
  }
  if_true(manner.exclaims >= 3 && manner.exclaims < 10, kExclaimSome);
  if_true(manner.exclaims >= 10, kExclaimMany);
  if_true(manner.exclaim_runs > 0, kExclaimRuns);
  if_true(manner.prices >= 2 && manner.prices < 5, kMoneySome);
  if_true(manner.prices >= 5, kMoneyMany);
  if_true(manner.percents >= 2, kPercents);
  if_true(manner.phones > 0, kPhone);
  if_true(manner.gaps > 0, kGaps);
  if_true(manner.quoted_lines >= 2, kQuotes);
  if_true(manner.signature, kSignature);
  if_true(manner.long_lines > 0, kLongLines);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    Manner manner;
    size_t left = kBytesMax;
    const std::span<const Text> texts = batch.texts.row(row);
    const std::span<const Part> parts = batch.parts.row(row);
    const auto is_kind = [parts](const Text& text, bool html) {
      return !(text.flags & static_cast<uint16_t>(TextFlag::kAttached)) &&
             is_prose(parts[text.part]) &&
             html == static_cast<bool>(text.flags & static_cast<uint16_t>(TextFlag::kHtml));
    };
    // An alternative says the same again: the page counts where there is one, else the plain text.
    const bool html = std::ranges::any_of(texts, [&](const Text& t) { return is_kind(t, true); });
    for (const Text& text : texts)
      if (is_kind(text, html)) look_at_text(text, left, manner);
    say(plan, batch, row, manner);
  }
}

}  // namespace

extern constexpr Check kManner{
    .name = "manner",
    .text = "Looks at how a text is written: cries, capitals, sums, marks of letters.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
