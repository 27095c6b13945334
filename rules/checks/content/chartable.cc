// Words that switch between scripts: Latin letters with Cyrillic or Greek look-alikes among them.
#include <algorithm>
#include <array>

#include "engine/text/script.h"
#include "engine/text/utf8.h"
#include "rules/checks/check.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"R_MIXED_CHARSET", "chartable", 5, "Words mix letters of scripts that look alike."},
}};

struct Plan : CheckPlan {
  double threshold = 0.3;
};

constexpr std::array<OptionDecl, 1> kOptions{{
    {"threshold", OptionType::kNumber, "0.3", "Mean badness of words, from 0 to 1.", 0, 1},
}};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  if (context.options) plan->threshold = context.options->number("threshold", 0.3);
  return plan;
}

bool looks_alike(Script script) {
  return script == Script::kLatin || script == Script::kCyrillic || script == Script::kGreek;
}

// Switches between look-alike scripts within the word, at most 1.
double badness(std::string_view word, const CharTable& table, bool& letters) {
  uint8_t high = 0;
  for (const char c : word) {
    high |= static_cast<uint8_t>(c);
    letters |= lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z';
  }
  if (high < 0x80) return 0;
  Script last = Script::kCommon;
  uint32_t switches = 0;
  const char* at = word.data();
  const char* const end = at + word.size();
  while (at < end) {
    const CharInfo info = table[next_point(at)];
    if (!info.is(CharBit::kAlpha)) continue;
    letters = true;
    if (!looks_alike(info.script)) return 0;
    if (last != Script::kCommon && info.script != last) ++switches;
    last = info.script;
  }
  return switches == 0 ? 0 : 1;
}

// Mean over the words of `text`; 0 where a word has no letters.
double mean(std::string_view text, std::span<const Word> words, const CharTable& table) {
  double sum = 0;
  uint32_t count = 0;
  for (const Word& word : words) {
    if (static_cast<size_t>(word.offset) + word.length > text.size()) continue;
    const std::string_view raw = text.substr(word.offset, word.length);
    // Its own normal form, where it stands: a word of lower-case ASCII, as most are.
    if (word.normal.data() == raw.data() && word.normal.size() == raw.size()) {
      count += word.script == static_cast<uint8_t>(Script::kLatin);
      continue;
    }
    bool letters = false;
    const double bad = badness(raw, table, letters);
    count += letters;
    sum += bad;
  }
  return count == 0 ? 0 : sum / count;
}

// Words of a Subject, by blanks: it has no words of its own in the batch that name its bytes.
double mean_of_subject(std::string_view text, const CharTable& table) {
  double sum = 0;
  uint32_t count = 0;
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    bool letters = false;
    sum += badness(text.substr(0, blank), table, letters);
    count += letters;
    if (blank == std::string_view::npos) break;
    text.remove_prefix(blank + 1);
  }
  return count == 0 ? 0 : sum / count;
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  const CharTable table;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    for (const Text& text : batch.texts.row(row)) {
      if (text.non_ascii == 0) continue;
      const double bad = mean(
          text.plain, batch.words.row(row).subspan(text.words.begin, text.words.size()), table);
      if (bad > plan.threshold) insert(plan, batch, row, 0, {}, std::min(bad, 1.0));
    }
    const uint32_t subject = batch.facts[row].subject;
    if (subject == kNoIndex) continue;
    const std::string_view text = batch.headers.row(row)[subject].decoded;
    if (is_ascii(text)) continue;
    const double bad = mean_of_subject(text, table);
    if (bad > plan.threshold) insert(plan, batch, row, 0, "subject", std::min(bad, 0.25));
  }
}

}  // namespace

extern constexpr Check kChartable{
    .name = "chartable",
    .text = "Looks for words that mix scripts.",
    .options = kOptions,
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
