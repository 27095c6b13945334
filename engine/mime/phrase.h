// Texts for headers that we write: display names (RFC 5322 3.2.5 phrase, RFC 2047 5 rule 3) and
// what is unstructured, as a subject (rule 1).
#pragma once

#include <string>
#include <string_view>

namespace winnow {

// A name in UTF-8 as a phrase: as it is where it is of atoms, else as a quoted string, else, where
// it is not ASCII or has control characters, as encoded words, folded by "\n\t". Bytes that are no
// UTF-8 stay bytes of the encoded word.
std::string write_phrase(std::string_view name);

// Text in UTF-8 for an unstructured header: as it is where it is ASCII that nobody would decode,
// else as encoded words with blanks between.
std::string write_unstructured(std::string_view text);

// The same text with "\n" before blanks so that no line is over 78 bytes (RFC 5322 2.1.1, 2.2.3)
// where it has blanks to be folded at; `taken` bytes stand before it in its first line.
std::string fold_unstructured(std::string_view text, size_t taken);

}  // namespace winnow
