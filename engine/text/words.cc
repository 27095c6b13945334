#include "engine/text/words.h"

#include <algorithm>

#include "engine/pages.h"
#include "engine/text/fold.h"
#include "engine/text/normalise.h"

namespace winnow {

namespace {

constexpr std::string_view kException = "!!EX!!";

uint8_t bit(WordFlag flag) { return static_cast<uint8_t>(flag); }
bool has(const Text& text, TextFlag flag) { return text.flags & static_cast<uint16_t>(flag); }

// Which words of a long text are kept: all until words_decay, then a share that falls as the
// text grows, in tenths. The choice hangs on the words so far and on nothing else.
class Decay {
 public:
  explicit Decay(uint32_t words) : words_(words) {}

  bool keep(std::string_view word) {
    bytes_ += word.size();
    if (kept_ < words_) return ++kept_, true;
    mix_ = (mix_ ^ word_hash(word)) * 0x9E3779B97F4A7C15u;
    // A word is taken for six bytes: share = words_ / (bytes / 6), rounded down to a tenth.
    const uint64_t tenths = std::min<uint64_t>(10, uint64_t{words_} * 60 / bytes_);
    return (mix_ >> 32) % 10 < tenths;
  }

 private:
  uint64_t words_;
  uint64_t kept_ = 0;
  uint64_t bytes_ = 0;
  uint64_t mix_ = 0;
};

class WordsOfRow {
 public:
  WordsOfRow(const TextPlan& plan, WordScratch& scratch, Batch& batch, uint32_t row)
      : plan_(plan),
        scratch_(scratch),
        batch_(batch),
        row_(row),
        spans_(row < batch.url_spans.rows() ? batch.url_spans.row(row)
                                            : std::span<const UrlSpan>{}) {}

  void run() {
    const std::span<Text> texts = batch_.texts.row(row_);
    if (plan_.folded) {
      for (Text& text : texts) fold(text);
    }
    if (plan_.words) {
      add_all(texts);
    } else {
      batch_.meta_words.push_back({});
    }
    batch_.words.end_row();
  }

 private:
  void add_all(std::span<Text> texts) {
    for (uint32_t i = 0; i < texts.size(); ++i) add_text(i, texts[i]);
    if (plan_.stems) {
      find_languages(texts);
      for (Text& text : texts) stem_words(text.words, text.language);
    }
    const uint32_t meta = count();
    add_meta();
    const Range meta_words{meta, count()};
    if (plan_.stems) stem_words(meta_words, texts.empty() ? "" : texts.front().language);
    batch_.meta_words.push_back(meta_words);
  }

  uint32_t count() const { return static_cast<uint32_t>(batch_.words.open_row().size()); }
  std::span<Word> words_of(Range range) {
    return batch_.words.open_row().subspan(range.begin, range.size());
  }

  void add_text(uint32_t index, Text& text) {
    while (span_ < spans_.size() && spans_[span_].text < index) ++span_;
    text.words = {count(), count()};
    if (has(text, TextFlag::kAttached) && !plan_.words_of_attached) return;
    Decay decay(plan_.limits.words_decay);
    const auto size = static_cast<uint32_t>(within_budget(text.plain));
    uint32_t at = 0;
    for (; span_ < spans_.size() && spans_[span_].text == index; ++span_) {
      const UrlSpan& span = spans_[span_];
      if (span.begin < at || span.end < span.begin || span.end > size) continue;
      add_pieces(text, at, span.begin, decay);
      add_url(text, span, decay);
      at = span.end;
    }
    add_pieces(text, at, size, decay);
    text.words.end = count();
  }

  // Bytes of `plain` that are split, up to a code point; what is left of the message's budget.
  size_t within_budget(std::string_view plain) {
    const size_t left = plan_.limits.words_text_bytes_max - bytes_;
    size_t size = plain.size();
    if (size > left) {
      over_limit();
      for (size = left; size > 0 && (static_cast<uint8_t>(plain[size]) & 0xC0) == 0x80;) --size;
    }
    bytes_ += size;
    return size;
  }
  void over_limit() { batch_.facts[row_].faults.set(Fault::kLimitWords); }

  void add_pieces(const Text& text, uint32_t begin, uint32_t end, Decay& decay) {
    constexpr size_t kPieces = 2048;  // at a time: 32 KB, which stay in the nearest cache
    const bool raw = has(text, TextFlag::kRaw);
    while (begin < end) {
      scratch_.pieces.clear();
      begin =
          raw ? split_raw_words(text.plain, begin, end, scratch_.pieces, kPieces)
              : split_words(text.plain, begin, end, scratch_.dictionary, scratch_.pieces, kPieces);
      add_words(text.plain, bit(WordFlag::kText), &decay);
    }
  }

  // Appends the pieces of `text` as words.
  void add_words(std::string_view text, uint8_t flags, Decay* decay) {
    reserve_pages(batch_.words.values,
                  std::min<size_t>(scratch_.pieces.size(), plan_.limits.words_max - count()));
    for (const WordPiece& piece : scratch_.pieces) {
      const std::string_view raw = text.substr(piece.begin, piece.end - piece.begin);
      if (decay != nullptr && !decay->keep(raw)) continue;
      if (count() >= plan_.limits.words_max) return over_limit();
      const std::string_view normal = piece.plain_ascii   ? raw
                                      : piece.cased_ascii ? lower_of(raw)
                                                          : normal_of(raw, piece.ascii);
      Word& word = batch_.words.values.emplace_back();
      word.offset = piece.begin;
      word.length = static_cast<uint16_t>(raw.size());
      word.script = static_cast<uint8_t>(piece.script);
      word.flags = flags;
      if (piece.invisible) word.flags |= bit(WordFlag::kInvisible);
      if (piece.broken) word.flags |= bit(WordFlag::kBroken);
      word.normal = normal;
      word.stem = normal;
      if (plan_.stems) word.hash = word_hash(normal);
    }
  }

  std::string_view lower_of(std::string_view raw) {
    char* const to = batch_.arena.alloc_bytes(raw.size());
    for (size_t i = 0; i < raw.size(); ++i) {
      const bool upper = raw[i] >= 'A' && raw[i] <= 'Z';
      to[i] = static_cast<char>(raw[i] | (upper ? 0x20 : 0));
    }
    return {to, raw.size()};
  }

  std::string_view normal_of(std::string_view raw, bool ascii) {
    if (!ascii) {
      ArenaText out(batch_.arena, raw.size() + 16);
      normalise_word(raw, out);
      return out.finish();
    }
    char* const begin = batch_.arena.alloc_bytes(raw.size());
    char* to = begin;
    for (const char c : raw) {
      const bool upper = c >= 'A' && c <= 'Z';
      *to = upper ? static_cast<char>(c | 0x20) : c;
      to += upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
    }
    batch_.arena.shrink_to(to);
    return {begin, static_cast<size_t>(to - begin)};
  }

  void add_url(const Text& text, const UrlSpan& span, Decay& decay) {
    const std::span<const Url> urls =
        row_ < batch_.urls.rows() ? batch_.urls.row(row_) : std::span<const Url>{};
    std::string_view name = kException;
    if (span.url < urls.size() && !urls[span.url].domain.empty()) name = urls[span.url].domain;
    if (!decay.keep(text.plain.substr(span.begin, span.end - span.begin))) return;
    if (count() >= plan_.limits.words_max) return over_limit();
    Word word;
    word.offset = span.begin;
    word.length = static_cast<uint16_t>(std::min<uint32_t>(span.end - span.begin, 0xFFFF));
    word.flags = bit(WordFlag::kException);
    word.normal = word.stem = name;
    if (plan_.stems) word.hash = word_hash(name);
    batch_.words.values.push_back(word);
  }

  void find_languages(std::span<Text> texts) {
    for (Text& text : texts) {
      text.language = detect_language(words_of(text.words), scratch_.language);
    }
    // The HTML of a multipart/alternative speaks for its plain twin: it is what is shown.
    const std::span<const Part> parts = batch_.parts.row(row_);
    for (const Text& html : texts) {
      if (!has(html, TextFlag::kHtml) || html.language.empty()) continue;
      const uint32_t parent = parts[html.part].parent;
      if (parent == kNoIndex || parts[parent].subtype != "alternative") continue;
      for (Text& twin : texts) {
        if (!has(twin, TextFlag::kHtml) && parts[twin.part].parent == parent) {
          twin.language = html.language;
        }
      }
    }
  }

  void stem_words(Range range, std::string_view language) {
    constexpr size_t kAhead = 12;  // about the words that pass while memory answers
    scratch_.stemmer.use(language);
    const std::span<Word> words = words_of(range);
    for (size_t i = 0; i < words.size(); ++i) {
      if (i + kAhead < words.size()) scratch_.stemmer.prefetch(words[i + kAhead].hash);
      Word& word = words[i];
      if (word.flags & (bit(WordFlag::kException) | bit(WordFlag::kBroken))) continue;
      const Stem stem = scratch_.stemmer.stem(word.normal, word.hash, batch_.arena);
      word.stem = stem.text;
      word.hash = stem.hash;
      if (stem.stop) word.flags |= bit(WordFlag::kStop);
    }
  }

  void add_meta() {
    const std::span<const Header> headers = batch_.headers.row(row_);
    const uint32_t subject = batch_.facts[row_].subject;
    if (subject < headers.size()) add_meta_text(headers[subject].decoded, 0);
    for (const Address& address : batch_.addresses.row(row_)) {
      if (address.field != AddressField::kFrom) continue;
      return add_meta_text(address.name, bit(WordFlag::kName));
    }
  }

  void add_meta_text(std::string_view text, uint8_t flags) {
    const auto size = static_cast<uint32_t>(within_budget(text));
    scratch_.pieces.clear();
    split_words(text, 0, size, scratch_.dictionary, scratch_.pieces);
    add_words(text, flags | bit(WordFlag::kText) | bit(WordFlag::kHeader), nullptr);
  }

  void fold(Text& text) { text.folded = fold_text(text.plain, batch_.arena); }

  const TextPlan& plan_;
  WordScratch& scratch_;
  Batch& batch_;
  const uint32_t row_;
  std::span<const UrlSpan> spans_;
  size_t span_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

void words(const TextPlan& plan, WordScratch& scratch, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    WordsOfRow(plan, scratch, batch, row).run();
  }
}

}  // namespace winnow
