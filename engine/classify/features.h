// The tokens of Winnow's own classifier: what a message has, not only what it says. Each feature is
// counted once a message; its hash holds its kind, so that "free" in Subject and in the body
// differ.
//
// No feature is of one mailbox or of what other filters said: their verdict headers are left out,
// and what is different in every message (ids, boundaries, time stamps) counts by its shape.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/classify/lowered_value.h"
#include "engine/classify/tokens.h"

namespace winnow {

enum class FeatureKind : uint8_t {
  kWord,        // of a text, as its stem
  kPair,        // two words that follow one another
  kSubject,     // word, or pair of words, of Subject
  kAddress,     // name, domain, local part of From, Reply-To, To …
  kHeaderName,  // that it is there, and which one follows it
  kHeader,      // word of a header's value
  kReceived,    // host names, networks, protocol of a hop
  kHtml,        // tags, hidden text, sizes
  kUrl,         // host, domain, words of the path
  kPart,        // types, names, sizes, charsets of parts
  kShape,       // of texts and ids: lengths, share of capitals
  kCount
};

struct FeatureScratch {
  std::string text;
  LoweredValue value;
  // Features, as often as they stand there: room for all that are ever found, which the system
  // gives page by page as it is written to. Growing would copy what a message has so far.
  std::unique_ptr<uint64_t[]> hashes;
  std::unique_ptr<FeatureKind[]> kinds;
  std::vector<uint32_t> seen;  // which of them were there before
};

// The hash of a feature as feature_tokens() makes it, for who has words without a message: that of
// a stem (kWord, kSubject), and that of a named value in lower case (the others).
uint64_t stem_feature(FeatureKind kind, uint64_t stem_hash);
uint64_t named_feature(FeatureKind kind, std::string_view name, std::string_view value);
// The name within kAddress of an address' part: 'd' domain, 'l' local part, 'a' all of it.
std::string address_feature_name(AddressField field, char part);

// Appends the features of a row in the order in which they stand there, each once. REQUIRED: the
// words stage ran with stems; `out` is empty.
void feature_tokens(FeatureScratch& scratch, const Batch& batch, uint32_t row, TokenList& out);

}  // namespace winnow
