#include "engine/text/language.h"

#include <cld2/public/compact_lang_det.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>

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

// Hashes of words in an open-addressed table of fixed size. Colliding 64-bit hashes would merge
// two words of our own lists; a test says that there are none.
template <class Value, size_t kSlots>
class HashTable {
 public:
  Value* insert(uint64_t hash) {
    filter_[bit_of(hash) / 64] |= uint64_t{1} << bit_of(hash) % 64;
    size_t at = hash % kSlots;
    while (slots_[at].hash != 0 && slots_[at].hash != hash) at = (at + 1) % kSlots;
    slots_[at].hash = hash;
    return &slots_[at].value;
  }
  const Value* find(uint64_t hash) const {
    // Most words are none of ours: the filter says so without leaving the first-level cache.
    if ((filter_[bit_of(hash) / 64] >> bit_of(hash) % 64 & 1) == 0) return nullptr;
    for (size_t at = hash % kSlots; slots_[at].hash != 0; at = (at + 1) % kSlots) {
      if (slots_[at].hash == hash) return &slots_[at].value;
    }
    return nullptr;
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    Value value{};
  };
  static size_t bit_of(uint64_t hash) { return (hash >> 32) % (8 * kSlots); }

  std::array<uint64_t, kSlots / 8> filter_{};
  std::array<Slot, kSlots> slots_{};
};

struct StopWord {
  uint32_t languages = 0;  // bit per row of kLanguages
  uint32_t order = 0;      // 0-based among all stop words
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
  HashTable<StopWord, 8192> words;
  HashTable<bool, 8192> stems;
  uint32_t count = 0;

  StopWords() {
    for (size_t i = 0; i < kLanguageCount; ++i)
      each_word(kLanguages[i].words, [&](std::string_view word) {
        StopWord* stop = words.insert(word_hash(word));
        if (stop->languages == 0) stop->order = count++;
        stop->languages |= 1u << i;
      });
    each_word(kStopStems, [&](std::string_view stem) { *stems.insert(word_hash(stem)) = true; });
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

// The language of the stop words, -1 if they do not decide.
int by_stop_words(std::span<const Word> words, LanguageScratch& scratch) {
  const StopWords& stops = stop_words();
  scratch.seen.assign((stops.count + 63) / 64, 0);
  std::array<uint32_t, kLanguageCount> hits{}, distinct{};
  for (const Word& word : words) {
    const StopWord* stop = stops.words.find(word.hash);
    if (stop == nullptr) continue;
    uint64_t& seen = scratch.seen[stop->order / 64];
    const uint64_t bit = uint64_t{1} << stop->order % 64;
    const bool fresh = (seen & bit) == 0;
    seen |= bit;
    for (uint32_t set = stop->languages; set != 0; set &= set - 1) {
      const auto i = static_cast<size_t>(__builtin_ctz(set));
      ++hits[i];
      distinct[i] += fresh;
    }
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

uint64_t word_hash(std::string_view word) { return XXH64(word.data(), word.size(), 0xdeadbabe); }

bool is_stop_stem(uint64_t hash) { return stop_words().stems.find(hash) != nullptr; }

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
  ScriptCounts counts{};
  for (const Word& word : words) ++counts[word.script];
  counts[static_cast<size_t>(Script::kCommon)] = 0;
  const Script script = main_script(counts);
  if (script == Script::kCommon) return {};
  if (const std::string_view only = language_of_script(script); !only.empty()) return only;
  if (const int best = by_stop_words(words, scratch); best >= 0) {
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
