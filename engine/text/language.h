// Languages: which one a text is in, and its stemmer and stop words.
//
// In this order, the first that decides (facts "Language"):
//   1. a script that one language writes (Greek, Hangul, Thai, kana, Hebrew, ...);
//   2. stop words: at least kStopDistinct different ones of a language, and the best share of
//      hits; a tie goes to the first row of the table (English first);
//   3. fewer than kFewWords words: by script, en, ru, hi, ar;
//   4. CLD2 over at most kSampleWords words, spread evenly. It costs 100 us and allocates, so it
//      is the last resort; not sure of its answer, Latin script is English.
// Everything counts words, nothing depends on what was seen before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"

namespace winnow {

constexpr uint32_t kStopDistinct = 4;
constexpr uint32_t kFewWords = 10;
constexpr uint32_t kSampleWords = 80;

struct LanguageScratch {
  std::vector<uint64_t> maybe;  // hashes of words that may be stop words
  std::vector<uint32_t> times;  // for each stop word how often it was seen; zeros between calls
  std::vector<uint16_t> stops;  // those seen, each once
  std::string sample;
};

// The language of `words` (normal forms with their hash in Word::hash); ISO 639-1, static
// storage; empty = not known.
std::string_view detect_language(std::span<const Word> words, LanguageScratch& scratch);

// Snowball's name for the stemmer of a language (ISO 639-1), null if there is none.
const char* stemmer_name(std::string_view language);

// Whether a stem is a stop word of any language; `hash` is word_hash() of the stem.
bool is_stop_stem(uint64_t hash);

// The one hash of a word: XXH64, seed 0xdeadbabe, which Rspamd's classifier stores too.
uint64_t word_hash(std::string_view word);

}  // namespace winnow
