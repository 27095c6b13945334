// Tokens as Rspamd's classifier makes them (facts/bayes.md), so that what Rspamd learnt counts here
// and the other way round.
//
// Three passes share one hash space: the words of each text, the words of Subject and of From's
// name, then words made of the message's structure ("stat tokens"). A pass slides a window over
// its words: token = h[0] + h[i] * prime[2i] for i = 1 .. window - 1, h[0] being the newest word.
// Stop words do not enter; a URL enters, and is never the older word of a pair.
#pragma once

#include <span>
#include <string_view>

#include "engine/batch.h"
#include "engine/classify/tokens.h"

namespace winnow {

struct OsbOptions {
  uint32_t window = 2;          // words; 5 up to Rspamd 3.8. Over 8 it counts as 2
  bool filename_pieces = true;  // words of attachments' names, since 4.1
};

struct OsbScratch {
  std::vector<uint64_t> words;
  std::vector<bool> exceptions;  // same length
  std::string text;
};

// One pass over words: appends its tokens. `exceptions` may be empty: none is.
void osb_window(std::span<const uint64_t> words, const std::vector<bool>& exceptions,
                uint32_t window, TokenList& out);

// The hash of one word: of the stem of a word in a text, else of its bytes as they stand.
uint64_t osb_hash(std::string_view word);

// Appends the tokens of a row to `out`. REQUIRED: the words stage ran with stems.
void osb_tokens(const OsbOptions& options, OsbScratch& scratch, const Batch& batch, uint32_t row,
                TokenList& out);

// The third pass's words, in their order (osb_structure.cc).
void osb_structure_words(const OsbOptions& options, OsbScratch& scratch, const Batch& batch,
                         uint32_t row, std::vector<uint64_t>& out);

}  // namespace winnow
