#include "engine/classify/osb.h"

#include <array>

#include "engine/text/language.h"

namespace winnow {

namespace {

// prime[2i] of the pair's distance i.
constexpr std::array<uint64_t, 8> kPrimes{1, 3, 5, 11, 23, 47, 97, 197};
constexpr uint32_t kWindowMax = 8;

bool has(const Word& word, WordFlag flag) { return word.flags & static_cast<uint8_t>(flag); }
bool has(const Text& text, TextFlag flag) { return text.flags & static_cast<uint16_t>(flag); }

void take_words(std::span<const Word> words, OsbScratch& scratch) {
  scratch.words.clear();
  scratch.exceptions.clear();
  for (const Word& word : words) {
    if (has(word, WordFlag::kStop) || word.stem.empty()) continue;
    scratch.words.push_back(word.hash);
    scratch.exceptions.push_back(has(word, WordFlag::kException));
  }
}

// Whether the second of two texts says what the first says (facts, "Words").
bool are_twins(const Batch& batch, uint32_t row, const Text& a, const Text& b) {
  const std::span<const Part> parts = batch.parts.row(row);
  const uint32_t parent = parts[a.part].parent;
  if (parent == kNoIndex || parts[b.part].parent != parent ||
      parts[parent].subtype != "alternative" || has(a, TextFlag::kHtml) == has(b, TextFlag::kHtml))
    return false;
  const uint64_t n1 = a.words.size(), n2 = b.words.size();
  const uint64_t difference = n1 > n2 ? n1 - n2 : n2 - n1;
  return n1 + n2 > 0 && difference * 5 < n1 + n2;
}

}  // namespace

uint64_t osb_hash(std::string_view word) { return word_hash(word); }

void osb_window(std::span<const uint64_t> words, const std::vector<bool>& exceptions,
                uint32_t window, TokenList& out) {
  if (window < 1 || window > kWindowMax) window = 2;
  const size_t n = words.size();
  const auto pairs = [&](size_t newest, size_t oldest) {
    for (size_t i = 1; i <= newest - oldest; ++i) {
      if (!exceptions.empty() && exceptions[newest - i]) continue;
      out.add(words[newest] + words[newest - i] * kPrimes[i], static_cast<TokenKind>(i));
    }
  };
  // The first words only fill the window; where no more come, the last of them is dropped.
  if (n <= window) {
    if (n >= 3) pairs(n - 2, 0);
    return;
  }
  for (size_t at = window; at < n && !out.full(); ++at) pairs(at, at - (window - 1));
}

void osb_tokens(const OsbOptions& options, OsbScratch& scratch, const Batch& batch, uint32_t row,
                TokenList& out) {
  out.tokenizer = Tokenizer::kOsb;
  const std::span<const Word> words = batch.words.row(row);
  const std::span<const Text> texts = batch.texts.row(row);
  for (size_t i = 0; i < texts.size(); ++i) {
    const Text& text = texts[i];
    if (text.words.empty()) continue;
    bool said = false;
    for (size_t k = 0; k < i && !said; ++k)
      said = !texts[k].words.empty() && are_twins(batch, row, texts[k], text);
    if (said) continue;
    take_words(words.subspan(text.words.begin, text.words.size()), scratch);
    osb_window(scratch.words, scratch.exceptions, options.window, out);
  }
  if (const Range meta = batch.meta_words[row]; !meta.empty()) {
    take_words(words.subspan(meta.begin, meta.size()), scratch);
    osb_window(scratch.words, scratch.exceptions, options.window, out);
  }
  out.text_tokens = static_cast<uint32_t>(out.hashes.size());
  scratch.words.clear();
  osb_structure_words(options, scratch, batch, row, scratch.words);
  osb_window(scratch.words, {}, options.window, out);
}

}  // namespace winnow
