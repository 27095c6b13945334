#include "engine/text/language.h"

#include <cld2/public/compact_lang_det.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

#include "engine/text/script.h"

namespace winnow {

namespace {

struct LanguageRow {
  std::string_view code;
  const char* stemmer;  // empty = none
  std::string_view words;
};
constexpr LanguageRow kLanguages[] = {
#include "engine/text/stopwords.inc"
};
constexpr size_t kLanguageCount = std::size(kLanguages);
constexpr std::string_view kStopStems =
#include "engine/text/stop_stems.inc"
    ;
static_assert(kLanguageCount <= 32);

// Snowball languages without a stop word list.
struct StemmerRow {
  std::string_view code;
  const char* stemmer;
};
constexpr StemmerRow kStemmers[] = {
    {"nb", "norwegian"},  {"nn", "norwegian"}, {"el", "greek"},   {"hy", "armenian"},
    {"ta", "tamil"},      {"eu", "basque"},    {"ca", "catalan"}, {"ga", "irish"},
    {"lt", "lithuanian"}, {"ne", "nepali"},    {"sr", "serbian"}, {"yi", "yiddish"},
};

// Hashes of words, each with a number from 1, in an open-addressed table of fixed size. A slot is
// eight bytes: the high 48 bits of the hash, whose low ones say where it stands, and the number.
template <size_t kSlots>
class HashTable {
 public:
  // The number of a word; REQUIRED: `number` is not 0 and the word is not there yet.
  void add(uint64_t hash, uint16_t number) {
    filter_[bit_of(hash) / 64] |= uint64_t{1} << bit_of(hash) % 64;
    size_t at = hash % kSlots;
    while (slots_[at] != 0) at = (at + 1) % kSlots;
    slots_[at] = (hash & ~kNumber) | number;
  }
  // Most words are none of ours: a filter says so without leaving the first-level cache.
  bool may_have(uint64_t hash) const {
    return (filter_[bit_of(hash) / 64] >> bit_of(hash) % 64 & 1) != 0;
  }
  uint16_t find(uint64_t hash) const {  // 0: none of ours
    for (size_t at = hash % kSlots; slots_[at] != 0; at = (at + 1) % kSlots)
      if (((slots_[at] ^ hash) & ~kNumber) == 0) return static_cast<uint16_t>(slots_[at]);
    return 0;
  }

 private:
  static constexpr uint64_t kNumber = 0xFFFF;
  static_assert(kSlots <= kNumber + 1);
  static size_t bit_of(uint64_t hash) { return (hash >> 32) % (8 * kSlots); }

  std::array<uint64_t, kSlots / 8> filter_{};
  std::array<uint64_t, kSlots> slots_{};
};

template <class Use>
void each_word(std::string_view words, Use use) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (end > 0) use(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

struct StopWords {
  HashTable<8192> words;  // its order among all, from 1
  HashTable<8192> stems;
  std::vector<uint32_t> languages{0};  // of each stop word by its order: bit per row of kLanguages

  StopWords() {
    for (size_t i = 0; i < kLanguageCount; ++i)
      each_word(kLanguages[i].words, [&](std::string_view word) {
        uint16_t order = words.find(word_hash(word));
        if (order == 0) {
          order = static_cast<uint16_t>(languages.size());
          words.add(word_hash(word), order);
          languages.push_back(0);
        }
        languages[order] |= 1u << i;
      });
    each_word(kStopStems, [&](std::string_view stem) {
      if (stems.find(word_hash(stem)) == 0) stems.add(word_hash(stem), 1);
    });
  }
};

const StopWords& stop_words() {
  static const StopWords instance;
  return instance;
}

std::string_view language_of_script(Script script) {
  switch (script) {
    case Script::kGreek:
      return "el";
    case Script::kArmenian:
      return "hy";
    case Script::kHebrew:
      return "he";
    case Script::kThaana:
      return "dv";
    case Script::kBengali:
      return "bn";
    case Script::kGurmukhi:
      return "pa";
    case Script::kGujarati:
      return "gu";
    case Script::kOriya:
      return "or";
    case Script::kTamil:
      return "ta";
    case Script::kTelugu:
      return "te";
    case Script::kKannada:
      return "kn";
    case Script::kMalayalam:
      return "ml";
    case Script::kSinhala:
      return "si";
    case Script::kThai:
      return "th";
    case Script::kLao:
      return "lo";
    case Script::kTibetan:
      return "bo";
    case Script::kMyanmar:
      return "my";
    case Script::kGeorgian:
      return "ka";
    case Script::kHangul:
      return "ko";
    case Script::kEthiopic:
      return "am";
    case Script::kKhmer:
      return "km";
    case Script::kMongolian:
      return "mn";
    case Script::kHan:
      return "zh";
    case Script::kHiragana:
    case Script::kKatakana:
      return "ja";
    default:
      return {};
  }
}

using ScriptCounts = std::array<uint32_t, static_cast<size_t>(Script::kCount)>;

uint32_t count_of(const ScriptCounts& counts, Script script) {
  return counts[static_cast<size_t>(script)];
}

// The script of most words; kana beside Han is Japanese, whatever their numbers.
Script main_script(const ScriptCounts& counts) {
  size_t best = 0;
  for (size_t i = 1; i < counts.size(); ++i) {
    if (best == 0 || counts[i] > counts[best]) best = i;
  }
  if (counts[best] == 0) return Script::kCommon;
  const auto script = static_cast<Script>(best);
  const uint32_t kana = count_of(counts, Script::kHiragana) + count_of(counts, Script::kKatakana);
  const uint32_t han = count_of(counts, Script::kHan);
  if (script == Script::kHan && kana * 10 >= han) return Script::kHiragana;
  return script;
}

// Counts the scripts of words, and puts the hashes of those that may be stop words in
// scratch.maybe. A word in three is one, and no branch could be foretold.
ScriptCounts look_at(std::span<const Word> words, LanguageScratch& scratch) {
  const StopWords& stops = stop_words();
  ScriptCounts counts{};
  scratch.maybe.resize(words.size());
  uint64_t* to = scratch.maybe.data();
  for (const Word& word : words) {
    ++counts[word.script];
    *to = word.hash;
    to += stops.words.may_have(word.hash);
  }
  scratch.maybe.resize(static_cast<size_t>(to - scratch.maybe.data()));
  return counts;
}

// The language of the stop words in scratch.maybe, -1 if they do not decide.
int by_stop_words(LanguageScratch& scratch) {
  const StopWords& stops = stop_words();
  scratch.times.resize(stops.languages.size());
  scratch.stops.clear();
  for (const uint64_t hash : scratch.maybe) {
    const uint16_t order = stops.words.find(hash);
    if (order != 0 && scratch.times[order]++ == 0) scratch.stops.push_back(order);
  }
  std::array<uint32_t, kLanguageCount> hits{}, distinct{};
  for (const uint16_t order : scratch.stops) {
    for (uint32_t set = stops.languages[order]; set != 0; set &= set - 1) {
      const auto i = static_cast<size_t>(__builtin_ctz(set));
      hits[i] += scratch.times[order];
      ++distinct[i];
    }
    scratch.times[order] = 0;
  }
  // A language with as many different stop words as kFewWords is strong: it is preferred to one
  // that repeats a few.
  int best = -1;
  const auto rank = [&](size_t i) {
    return uint64_t{distinct[i] >= kFewWords} << 32 | (uint64_t{hits[i]} + distinct[i]);
  };
  for (size_t i = 0; i < kLanguageCount; ++i) {
    if (distinct[i] < kStopDistinct) continue;
    if (best < 0 || rank(i) > rank(static_cast<size_t>(best))) best = static_cast<int>(i);
  }
  return best;
}

std::string_view by_statistics(std::span<const Word> words, Script script,
                               LanguageScratch& scratch) {
  scratch.sample.clear();
  const size_t count = std::min<size_t>(words.size(), kSampleWords);
  for (size_t i = 0; i < count; ++i) {
    const Word& word = words[i * words.size() / count];
    if (word.normal.size() > 64) continue;
    scratch.sample.append(word.normal).push_back(' ');
  }
  bool reliable = false;
  const CLD2::Language language = CLD2::DetectLanguage(
      scratch.sample.data(), static_cast<int>(scratch.sample.size()), true, &reliable);
  if (reliable && language != CLD2::UNKNOWN_LANGUAGE) {
    const std::string_view code = CLD2::LanguageCode(language);
    if (code.size() == 2) return code;
    if (code.starts_with("zh")) return "zh";
  }
  return script == Script::kLatin ? "en" : std::string_view{};
}

}  // namespace

uint64_t word_hash(std::string_view word) {
  const char* const bytes = word.data();
  const size_t size = word.size();
  assert(bytes || size == 0);
  return XXH64(bytes, size, 0xdeadbabe);
}

bool is_stop_stem(uint64_t hash) {
  const StopWords& stops = stop_words();
  return stops.stems.may_have(hash) && stops.stems.find(hash) != 0;
}

const char* stemmer_name(std::string_view language) {
  for (const LanguageRow& row : kLanguages) {
    if (row.code == language) return *row.stemmer == 0 ? nullptr : row.stemmer;
  }
  for (const StemmerRow& row : kStemmers) {
    if (row.code == language) return row.stemmer;
  }
  return nullptr;
}

std::string_view detect_language(std::span<const Word> words, LanguageScratch& scratch) {
  ScriptCounts counts = look_at(words, scratch);
  counts[static_cast<size_t>(Script::kCommon)] = 0;
  const Script script = main_script(counts);
  if (script == Script::kCommon) return {};
  if (const std::string_view only = language_of_script(script); !only.empty()) return only;
  if (const int best = by_stop_words(scratch); best >= 0) {
    return kLanguages[static_cast<size_t>(best)].code;
  }
  if (words.size() < kFewWords) {
    switch (script) {
      case Script::kLatin:
        return "en";
      case Script::kCyrillic:
        return "ru";
      case Script::kDevanagari:
        return "hi";
      case Script::kArabic:
        return "ar";
      default:
        return {};
    }
  }
  return by_statistics(words, script, scratch);
}

}  // namespace winnow
