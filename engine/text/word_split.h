// Splitting text into words: UAX #29 over a class table, without ICU's break iterator (25 times
// as slow) but for scripts that write no blanks between words.
//
// The rules, on classes (WordClass) with marks, format characters and joiners seen through:
//   letter|digit|connector  ×  letter|digit|connector
//   letter ' . : · letter and digit ' . , ; digit hold together; else punctuation parts
//   a currency sign is a word of its own
//   a run of dictionary characters goes to ICU, at most kDictionaryUnits UTF-16 units at once
// Zero-width characters part nothing: they are dropped from the word, which is flagged.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/text/script.h"

namespace winnow {

constexpr size_t kWordBytesMax = 16 * 1024;  // a longer one is cut into words of this size
constexpr size_t kDictionaryUnits = 4096;

// One word as it stands. `plain_ascii`: bytes a-z, 0-9 and _ only, its own normal form;
// `cased_ascii`: A-Z as well, so that its normal form is its lower case; `ascii`: no byte over 127.
struct WordPiece {
  uint32_t begin = 0;
  uint32_t end = 0;
  Script script = Script::kCommon;  // of the first letter
  bool plain_ascii = false;
  bool cased_ascii = false;
  bool ascii = false;
  bool invisible = false;  // holds zero-width characters
  bool broken = false;     // holds U+FFFD
};

// ICU's break iterator, opened at first use, and room for a run. One thread at a time.
class DictionaryScratch {
 public:
  DictionaryScratch() = default;
  ~DictionaryScratch();
  DictionaryScratch(const DictionaryScratch&) = delete;
  DictionaryScratch& operator=(const DictionaryScratch&) = delete;

  void* iterator = nullptr;       // UBreakIterator*
  std::vector<char16_t> units;    // the run
  std::vector<uint32_t> offsets;  // byte offset of each unit, and of the end
};

// Appends the words of text[begin, end) to `out` until it holds `enough` of them (a few more where
// one step finds several). Returns where to go on: `end`, or a place between words before it; going
// on there finds what one call without bound finds. REQUIRED: valid UTF-8, begin and end between
// code points.
uint32_t split_words(std::string_view text, uint32_t begin, uint32_t end,
                     DictionaryScratch& scratch, std::vector<WordPiece>& out,
                     size_t enough = SIZE_MAX);

// The same for texts whose charset is unknown: parted at ASCII blanks and punctuation; words
// longer than 40 bytes are dropped.
uint32_t split_raw_words(std::string_view text, uint32_t begin, uint32_t end,
                         std::vector<WordPiece>& out, size_t enough = SIZE_MAX);

}  // namespace winnow
