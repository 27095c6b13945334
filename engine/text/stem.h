// Snowball stems behind a cache, for libstemmer takes ten times as long as everything else that
// happens to a word.
//
// Cache: direct-mapped, kEntries cache lines of 64 bytes, chosen by word hash and language. An
// entry holds the whole word, so a hit is a comparison and never a guess: results are the same
// whatever the cache holds. A stem is stored as the length it shares with the word plus its own
// tail. Words that do not fit an entry are stemmed anew each time; words over kStemBytesMax are
// their own stem.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/arena.h"

namespace winnow {

constexpr size_t kStemBytesMax = 256;

struct Stem {
  std::string_view text;  // `word` itself, a prefix of it, or in the arena
  uint64_t hash = 0;      // word_hash() of it
  bool stop = false;      // a stop word of some language
};

class Stemmer {
 public:
  static constexpr size_t kEntries = 1 << 18;  // 16 MiB, one a worker; pages touched when used

  explicit Stemmer(size_t entries = kEntries);  // REQUIRED: a power of two
  ~Stemmer();
  Stemmer(const Stemmer&) = delete;
  Stemmer& operator=(const Stemmer&) = delete;

  // Chooses the language (ISO 639-1) of the stems that follow; one without a stemmer leaves
  // words as they are.
  void use(std::string_view language);

  // Begins to fetch the cache's entry of a word that will be asked for soon.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&entry_of(hash)); }

  // The stem of `word` (normalised), whose word_hash() is `hash`. Views live as long as `word`
  // and `arena`.
  Stem stem(std::string_view word, uint64_t hash, Arena& arena);

 private:
  struct alignas(64) Entry {
    uint64_t hash;     // of the stem
    uint8_t language;  // index + 1; 0 = empty
    uint8_t word_bytes;
    uint8_t shared;  // bytes of the stem that are the word's own first ones
    uint8_t tail;    // further bytes of the stem
    uint8_t stop;
    char bytes[51];  // the word, then the tail
  };
  static_assert(sizeof(Entry) == 64);

  Entry& entry_of(uint64_t hash) const {
    return entries_[(hash + language_ * 0x9E3779B97F4A7C15u) >> 7 & mask_];
  }
  Stem stem_anew(std::string_view word, uint64_t hash, Arena& arena);

  void* memory_;    // from calloc: pages of a worker that sees little mail are never touched
  Entry* entries_;  // in memory_, on a cache line
  size_t mask_;
  static constexpr size_t kLanguagesMax = 40;
  std::array<void*, kLanguagesMax> stemmers_{};  // sb_stemmer*, by language index
  uint8_t language_ = 0;                         // index + 1; 0 = none
};

}  // namespace winnow
