// The words stage: words of every text with offsets, their normal forms, stems and hashes; the
// language and the folded form of each text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/text/language.h"
#include "engine/text/stem.h"
#include "engine/text/texts.h"
#include "engine/text/word_split.h"

namespace winnow {

// What one worker keeps from batch to batch.
struct WordScratch {
  explicit WordScratch(size_t stem_entries = Stemmer::kEntries) : stemmer(stem_entries) {}
  Stemmer stemmer;
  DictionaryScratch dictionary;
  LanguageScratch language;
  std::vector<WordPiece> pieces;
};

// REQUIRED: texts() ran, and the URL stage (url_spans; a row it did not close counts as without
// URLs). Fills and closes words, meta_words, texts[].words, language and folded of every row.
//
// Words are as facts/received-and-text.md "Words" says: split as UAX #29 does (ICU's dictionary
// for Han, kana, Thai, Lao, Khmer, Burmese), kept if the first character is a letter, digit,
// connector, currency sign or mark; a URL is one word, its organisational domain, else !!EX!!,
// flagged kException. After words_decay words of a text a sample is kept, chosen by hashes of the
// words. Past words_max or words_text_bytes_max of the message: fault kLimitWords.
//
// Meta words are those of the Subject, then of the first From's name, flagged kHeader, those of the
// name kName as well; the offset is into Header::decoded or Address::name. Their stems are of the
// first text's language.
void words(const TextPlan& plan, WordScratch& scratch, Batch& batch);

}  // namespace winnow
