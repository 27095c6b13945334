// Word lists of other filters as counts of Winnow's own tokens (engine/classify/features.h):
//
//   bogofilter   `bogoutil -d`: "word spam ham date" a line, .MSG_COUNT the messages. Words of
//   texts,
//                of Subject (subj:), of From, To and Return-Path, of Received (rcvd:) and names of
//                headers (head:) have a token here.
//   SpamAssassin `sa-learn --backup`: "t spam ham time hash" with the last 5 bytes of each word's
//   SHA-1.
//                A hash is of use where the word is known: `vocabulary` has those to try.
//
// Texts here are stemmed by their language, which a list does not say: the caller does.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/result.h"
#include "pipeline/learn/count_table.h"

namespace winnow {

enum class WordListForm : uint8_t { kNone, kBogofilter, kSpamAssassin };

// What a file is, by its first line.
WordListForm word_list_form(std::string_view first_line);

// Words to try, in lower case.
using Vocabulary = std::unordered_set<std::string>;
// Adds the words of any text: a dictionary, a word list, mail. Over 10 million no more are taken.
void add_vocabulary(std::istream& text, Vocabulary& to);

// Errors: what is not of that form, with its line; a list of another version.
Result<CountTable> read_bogofilter(std::istream& in, std::string_view language);
Result<CountTable> read_sa_learn(std::istream& in, std::string_view language,
                                 const Vocabulary& vocabulary);

}  // namespace winnow
