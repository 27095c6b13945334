#include "engine/classify/features.h"

#define XXH_INLINE_ALL
#include <emmintrin.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "engine/mime/header_names.h"

namespace winnow {

namespace {

// What a byte is, and how it is written in lower case, by table: texts are walked byte by byte.
enum : uint8_t { kLetter = 1, kDigit = 2, kJoiner = 4, kCapital = 8 };
struct Bytes {
  std::array<uint8_t, 256> is{};
  std::array<char, 256> low{}, form{};  // form: a for letters, A for capitals, 0 for digits
};
constexpr Bytes kBytes = [] {
  Bytes out;
  for (size_t i = 0; i < 256; ++i) {
    const bool capital = i >= 'A' && i <= 'Z', digit = i >= '0' && i <= '9';
    const bool letter = capital || (i >= 'a' && i <= 'z') || i >= 0x80;
    out.is[i] = static_cast<uint8_t>((letter ? kLetter : 0) | (digit ? kDigit : 0) |
                                     (capital ? kCapital : 0) |
                                     (i == '.' || i == '-' || i == '_' ? kJoiner : 0));
    out.low[i] = static_cast<char>(capital ? i + 32 : i);
    out.form[i] = digit ? '0' : capital ? 'A' : letter ? 'a' : static_cast<char>(i);
  }
  return out;
}();
uint8_t what_is(char c) { return kBytes.is[static_cast<uint8_t>(c)]; }
char lower_ascii(char c) { return kBytes.low[static_cast<uint8_t>(c)]; }
bool is_digit(char c) { return what_is(c) & kDigit; }
bool is_letter(char c) { return what_is(c) & kLetter; }

// The first four bytes in lower case, for text of at least four letters, digits and hyphens.
constexpr uint32_t first_four(std::string_view text) {
  uint32_t out = 0;
  for (size_t i = 0; i < 4; ++i) out = out << 8 | (static_cast<uint8_t>(text[i]) | 0x20);
  return out;
}

bool starts_caseless(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i)
    if (lower_ascii(text[i]) != prefix[i]) return false;
  return true;
}

inline uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  return x ^ x >> 32;
}

// Headers that filters and mailboxes write after the fact, or that hold nothing but an id.
constexpr std::array<std::string_view, 19> kLeftOut{
    "x-spam", "x-bogosity", "x-rspamd",  "x-virus",        "x-winnow",  "x-status",    "status",
    "x-uid",  "x-keywords", "x-mozilla", "lines",          "content-l", "x-evolution", "x-pyzor",
    "arc-",   "x-dspam",    "x-amavis",  "x-gmail-labels", "x-label"};

constexpr auto kLeftOutFirst = [] {
  std::array<uint32_t, (kLeftOut.size() + 3) / 4 * 4> out{};
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = first_four(kLeftOut[std::min(i, kLeftOut.size() - 1)]);
  return out;
}();

bool is_left_out(std::string_view name) {
  if (name.size() < 4) return false;
  const __m128i first = _mm_set1_epi32(static_cast<int>(first_four(name)));
  __m128i any = _mm_setzero_si128();
  for (size_t i = 0; i < kLeftOutFirst.size(); i += 4)
    any = _mm_or_si128(
        any, _mm_cmpeq_epi32(first,
                             _mm_loadu_si128(reinterpret_cast<const __m128i*>(&kLeftOutFirst[i]))));
  return _mm_movemask_epi8(any) != 0 && std::ranges::any_of(kLeftOut, [&](std::string_view prefix) {
           return starts_caseless(name, prefix);
         });
}

constexpr size_t kWordsOfHeaderMax = 24;
constexpr size_t kHeaderWordMax = 40;
constexpr size_t kWholeValueMax = 64;
constexpr size_t kNamedMax = 256;  // bytes of a value; what comes after them does not count
constexpr size_t kHopsMax = 8;
constexpr size_t kUrlsMax = 64;
constexpr size_t kPathWordsMax = 8;
constexpr size_t kFoundMax = size_t{8} * kTokensMax;  // features, before each counts once

// 0, 1, 2, 3-4, 5-8 …: which power of two holds it.
uint64_t bucket(uint64_t n) { return n < 3 ? n : 2 + std::bit_width(n - 1) - 1; }
// The share of `part` in `whole` in eighths; 9 where there is no whole.
uint64_t share(uint64_t part, uint64_t whole) { return whole == 0 ? 9 : part * 8 / whole; }

inline uint64_t mixed_stem(FeatureKind kind, uint64_t stem_hash) {
  return mix(stem_hash + static_cast<TokenKind>(kind) * 0x9E3779B97F4A7C15u);
}
// Not inlined: in dozens of places they would push one another out of the cache of instructions.
[[gnu::noinline]] uint64_t hash_of(std::string_view name) {
  return XXH3_64bits(name.data(), name.size());
}
// A value below a name, which may be hashed once for many values. Long ones apart: the many short
// ones need not save the registers that those need.
[[gnu::noinline]] uint64_t mixed_long_value(FeatureKind kind, uint64_t name,
                                            std::string_view value) {
  return mixed_stem(kind, XXH3_64bits_withSeed(value.data(), value.size(), name));
}
[[gnu::noinline]] uint64_t mixed_value(FeatureKind kind, uint64_t name, std::string_view value) {
  if (value.size() > 16) return mixed_long_value(kind, name, value);
  return mixed_stem(kind, XXH3_64bits_withSeed(value.data(), value.size(), name));
}

// The same of the eight bytes of a number: without a look at their size.
[[gnu::noinline]] uint64_t mixed_number(FeatureKind kind, uint64_t name, uint64_t value) {
  return mixed_stem(kind, XXH3_64bits_withSeed(&value, sizeof value, name));
}

// Names that are known here are hashed once, at the start.
template <size_t N>
struct Literal {
  char text[N];
  constexpr Literal(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT
};
template <Literal kName>
const uint64_t kHashOf = hash_of({kName.text, sizeof kName.text - 1});

// Calls use(bit) for each bit that is set, the lowest first.
template <class Use>
void each_bit(uint64_t bits, const Use& use) {
  for (; bits != 0; bits &= bits - 1) use(static_cast<uint32_t>(std::countr_zero(bits)));
}

// A header's name in lower case, and what is made of it alone.
struct HeaderName {
  std::string with_sign;  // "=subject"
  uint64_t hash = 0;      // of the name
  uint64_t whole = 0;     // of the name with its sign: below it stand values as a whole
  uint64_t there = 0;     // the feature that it is there
  bool left_out = false;

  void read(std::string_view name) {
    with_sign.assign("=").append(name.substr(0, kNamedMax));
    for (char& c : with_sign) c = lower_ascii(c);
    hash = hash_of(text());
    whole = hash_of(with_sign);
    there = mixed_value(FeatureKind::kHeaderName, kHashOf<"there">, text());
  }
  std::string_view text() const { return std::string_view(with_sign).substr(1); }
};

// By their ids.
const std::vector<HeaderName>& known_names() {
  static const std::vector<HeaderName> names = [] {
    std::vector<HeaderName> out(kKnownHeaders);
    const HeaderNames known;
    for (uint32_t id = 0; id < kKnownHeaders; ++id) {
      out[id].read(known.name(static_cast<HeaderId>(id)));
      out[id].left_out = is_left_out(known.name(static_cast<HeaderId>(id)));
    }
    return out;
  }();
  return names;
}

// Of the parts of an address in one field.
struct AddressNames {
  uint64_t all, domain, local, display, end, valid;
};
using AllAddressNames = std::array<AddressNames, static_cast<size_t>(AddressField::kCount)>;
const AllAddressNames& address_names() {
  static const AllAddressNames names = [] {
    AllAddressNames out;
    for (size_t i = 0; i < out.size(); ++i) {
      const auto of = [i](char part) {
        return hash_of(address_feature_name(static_cast<AddressField>(i), part));
      };
      out[i] = {of('a'), of('d'), of('l'), of('n'), of('e'), of('v')};
    }
    return out;
  }();
  return names;
}

class Features {
 public:
  // REQUIRED: `out` is empty.
  Features(FeatureScratch& scratch, const Batch& batch, uint32_t row, TokenList& out)
      : scratch_(scratch), batch_(batch), row_(row), out_(out) {
    if (!scratch_.hashes) {
      scratch_.hashes = std::make_unique_for_overwrite<uint64_t[]>(kFoundMax);
      scratch_.kinds = std::make_unique_for_overwrite<FeatureKind[]>(kFoundMax);
    }
    hashes_ = scratch_.hashes.get();
    kinds_ = scratch_.kinds.get();
  }

  void run() {
    add_texts();
    add_headers();
    add_addresses();
    add_hops();
    add_html();
    add_urls();
    add_parts();
    keep_first_ones();
  }

 private:
  // What was not there before, in a loop of its own, so that the looks into the table overlap. A
  // place of the table holds the lower half of a hash, whose upper half says which place; as wide
  // as what is read of it, for a wider read waits until what was just written is in the cache. A
  // hash is taken for another one once in some ten million messages.
  void keep_first_ones() {
    // So few are taken that one in a dozen looks goes on to the next place. No power of two: a
    // little more mail would cost twice as much.
    const size_t n = n_, places = 6 * n + 1;
    scratch_.seen.assign(places, 0);
    uint32_t* const seen = scratch_.seen.data();
    uint64_t* const hashes = hashes_;
    FeatureKind* const kinds = kinds_;
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      const uint64_t hash = hashes[i];
      const uint32_t half = static_cast<uint32_t>(hash) | 1;  // 0: a free place
      size_t at = (hash >> 32) * places >> 32;
      // 0 where the place is free or holds the hash: one branch, that seldom goes astray.
      uint32_t there = seen[at];
      while (uint64_t{there} * (there ^ half) != 0) [[unlikely]] {
          at = at + 1 == places ? 0 : at + 1;
          there = seen[at];
        }
      const bool is_new = there == 0;
      seen[at] = half;
      hashes[kept] = hash;
      kinds[kept] = kinds[i];
      kept += static_cast<size_t>(is_new);
    }
    kept = std::min<size_t>(kept, kTokensMax);
    out_.tokenizer = Tokenizer::kWinnow;
    out_.hashes.assign(hashes, hashes + kept);
    out_.kinds.resize(kept);
    static_assert(sizeof(TokenKind) == sizeof(FeatureKind));
    if (kept > 0) std::memcpy(out_.kinds.data(), kinds, kept);
    out_.text_tokens = static_cast<uint32_t>(kept);
  }

  void put(FeatureKind kind, uint64_t hash) {
    if (n_ == kFoundMax) return;
    hashes_[n_] = hash;
    kinds_[n_++] = kind;
  }

  void add(FeatureKind kind, uint64_t hash) { put(kind, mixed_stem(kind, hash)); }
  // A feature that has a name within its kind, by its hash, and a text or number as its value.
  void add(FeatureKind kind, uint64_t name, std::string_view value) {
    put(kind, mixed_value(kind, name, value));
  }
  void add(FeatureKind kind, uint64_t name, uint64_t value) {
    put(kind, mixed_number(kind, name, value));
  }
  // Words and pairs of words of one run of text.
  void add_words(Range range, FeatureKind word_kind, FeatureKind pair_kind) {
    const std::span<const Word> words = batch_.words.row(row_).subspan(range.begin, range.size());
    uint64_t before = 0;
    for (const Word& word : words) {
      if (word.stem.empty() || word.stem.size() > kHeaderWordMax) continue;
      add(word_kind, word.hash);
      if (before != 0) add(pair_kind, before * 0x9E3779B97F4A7C15u + word.hash + 1);
      before = word.hash;
    }
  }

  void add_texts() {
    const std::span<const Text> texts = batch_.texts.row(row_);
    for (const Text& text : texts) {
      add_words(text.words, FeatureKind::kWord, FeatureKind::kPair);
      const uint64_t side = text.html == kNoIndex ? kHashOf<"plain"> : kHashOf<"html">;
      add(FeatureKind::kShape, side, bucket(text.words.size()));
      add(FeatureKind::kShape, kHashOf<"capitals">, share(text.capitals, text.letters));
      add(FeatureKind::kShape, kHashOf<"digits">, share(text.digits, text.letters + text.digits));
      add(FeatureKind::kShape, kHashOf<"eight-bit">, share(text.non_ascii, text.letters));
      add(FeatureKind::kShape, kHashOf<"empty lines">, share(text.empty_lines, text.lines));
      add(FeatureKind::kShape, kHashOf<"links in text">, share(text.url_bytes, text.plain.size()));
      add(FeatureKind::kShape, kHashOf<"flags">, text.flags);
      add(FeatureKind::kShape, kHashOf<"language">, text.language);
    }
    add(FeatureKind::kShape, kHashOf<"texts">, texts.size());
    const Range meta = batch_.meta_words[row_];
    add_words(meta, FeatureKind::kSubject, FeatureKind::kSubject);
    const Facts& facts = batch_.facts[row_];
    if (facts.subject == kNoIndex) return;
    const std::string_view subject = batch_.headers.row(row_)[facts.subject].decoded;
    size_t capitals = 0, letters = 0, marks = 0, digits = 0;
    for (const char c : subject) {
      letters += is_letter(c);
      capitals += c >= 'A' && c <= 'Z';
      marks += c == '!' || c == '?' || c == '$' || c == '%';
      digits += is_digit(c);
    }
    add(FeatureKind::kSubject, kHashOf<"length">, bucket(subject.size()));
    add(FeatureKind::kSubject, kHashOf<"capitals">, share(capitals, letters));
    add(FeatureKind::kSubject, kHashOf<"marks">, bucket(marks));
    add(FeatureKind::kSubject, kHashOf<"digits">, bucket(digits));
    add(FeatureKind::kSubject, kHashOf<"blanks">, subject.find("   ") != std::string_view::npos);
    if (starts_caseless(subject, "re:")) add(FeatureKind::kSubject, kHashOf<"begins">, "re");
    if (starts_caseless(subject, "fw")) add(FeatureKind::kSubject, kHashOf<"begins">, "fwd");
  }

  // The words of a header's value, each with the header's name: split where neither letters nor
  // digits stand, but . - _ inside a word hold it together. Long mixtures of letters and digits are
  // ids and count by their length. REQUIRED: scratch_.value has begun.
  void add_value(FeatureKind kind, uint64_t name) {
    LoweredValue::Word word;
    for (size_t words = 0; words < kWordsOfHeaderMax && scratch_.value.next(word); ++words) {
      const size_t size = word.text.size();
      if (size > kHeaderWordMax || (word.digits > 4 && size > 11))
        add(kind, name, size + 1000);
      else
        add(kind, name, word.text);
    }
  }
  void add_named(FeatureKind kind, uint64_t name, std::string_view word) {
    std::array<char, kNamedMax + 16> low;
    const size_t n = std::min(word.size(), kNamedMax);
    lower_into(word.substr(0, n), low.data());
    put(kind, mixed_value(kind, name, {low.data(), n}));
  }

  // What stands behind each of the first `most` dots of a name.
  void add_ends(FeatureKind kind, uint64_t name, std::string_view text, size_t most) {
    std::array<char, kNamedMax + 16> low;
    const bool short_one = text.size() <= kNamedMax;
    if (short_one) lower_into(text, low.data());
    for (size_t dot = text.find('.'); dot != std::string_view::npos && most > 0;
         dot = text.find('.', dot + 1), --most)
      if (short_one)
        add(kind, name, std::string_view(low.data() + dot + 1, text.size() - dot - 1));
      else
        add_named(kind, name, text.substr(dot + 1));
  }

  void add_headers() {
    const std::vector<HeaderName>& known = known_names();
    const std::span<const Header> all = batch_.headers.row(row_);
    uint64_t before = kHashOf<"">;  // of the name of the header before
    const Header* last = nullptr;
    HeaderName other;
    for (uint32_t i = 0; i < batch_.facts[row_].root_headers; ++i) {
      const Header& header = all[i];
      const bool is_known = index(header.id) < known.size();
      if (is_known ? known[index(header.id)].left_out : is_left_out(header.name)) continue;
      if (!is_known) other.read(header.name);
      const HeaderName& name = is_known ? known[index(header.id)] : other;
      put(FeatureKind::kHeaderName, name.there);
      if (header.id != header_id(known::kReceived)) {
        add(FeatureKind::kHeaderName, before, name.text());
        before = name.hash;
        last = &header;
      }
      if (header.flags != 0) {
        add(FeatureKind::kHeaderName, kHashOf<"flags">, uint64_t{header.flags});
        add(FeatureKind::kHeaderName, name.hash, uint64_t{header.flags});
      }
      add_header(header, name);
    }
    add_named(FeatureKind::kHeaderName, kHashOf<"last">, last ? last->name : std::string_view());
  }

  void add_header(const Header& header, const HeaderName& header_name) {
    const uint64_t name = header_name.hash;
    if (header.id == header_id(known::kReceived) || header.id == header_id(known::kSubject)) return;
    if (header.id == header_id(known::kMessageId) || header.id == header_id(known::kReferences) ||
        header.id == header_id(known::kInReplyTo))
      return add_id(header.decoded, name);
    if (header.id == header_id(known::kDate)) {
      // The clock differs in every message; how it is written does not.
      add(FeatureKind::kHeader, kHashOf<"zone">,
          static_cast<uint64_t>(batch_.facts[row_].date_zone_min));
      return add_form(header.decoded, name);
    }
    if (header.id == header_id(known::kThreadIndex)) return;
    if (header.id == header_id(known::kDkimSignature)) {
      for (size_t at = 0; at < header.decoded.size();) {
        const size_t end = std::min(header.decoded.find(';', at), header.decoded.size());
        std::string_view tag = header.decoded.substr(at, end - at);
        while (tag.starts_with(' ')) tag.remove_prefix(1);
        if (tag.starts_with("d=") || tag.starts_with("a=") || tag.starts_with("c=") ||
            tag.starts_with("h="))
          add(FeatureKind::kHeader, kHashOf<"dkim">, tag.substr(0, kWholeValueMax * 2));
        at = end + 1;
      }
      return;
    }
    scratch_.value.begin(header.decoded);
    if (header.decoded.size() <= kWholeValueMax)
      add(FeatureKind::kHeader, header_name.whole, scratch_.value.first());
    add_value(FeatureKind::kHeader, name);
  }

  // An id: its domain, and the form of what stands before.
  void add_id(std::string_view id, uint64_t name) {
    const size_t at = id.find('@');
    if (at == std::string_view::npos) return add(FeatureKind::kShape, name, bucket(id.size()));
    std::string_view domain = id.substr(at + 1);
    domain = domain.substr(0, domain.find_first_of("> \t"));
    add_named(FeatureKind::kHeader, name, domain);
    add_form(id.substr(0, at), name);
  }

  // Letters as a, capitals as A, digits as 0, each run once; the rest as it stands.
  void add_form(std::string_view text, uint64_t name) {
    constexpr size_t kMost = 48;
    std::array<char, kMost> form;
    size_t n = 0;
    int before = -1;
    for (const char c : text) {
      const int kind = static_cast<uint8_t>(kBytes.form[static_cast<uint8_t>(c)]);
      form[n] = static_cast<char>(kind);
      n += static_cast<size_t>(kind != before);
      before = kind;
      if (n == kMost) break;
    }
    add(FeatureKind::kShape, name, std::string_view(form.data(), n));
  }

  void add_addresses() {
    for (const Address& address : batch_.addresses.row(row_)) {
      const AddressNames& names = address_names()[static_cast<size_t>(address.field)];
      const auto named = [&](uint64_t name, std::string_view value) {
        if (!value.empty()) add_named(FeatureKind::kAddress, name, value);
      };
      named(names.all, address.address);
      named(names.domain, address.domain);
      named(names.local, address.local);
      named(names.display, address.name);
      // The domain's end, and each name above it.
      add_ends(FeatureKind::kAddress, names.end, address.domain, SIZE_MAX);
      add(FeatureKind::kAddress, names.valid, uint64_t{address.valid} * 2 + address.name.empty());
    }
    add(FeatureKind::kAddress, kHashOf<"recipients">,
        bucket(static_cast<uint64_t>(
            std::ranges::count_if(batch_.addresses.row(row_), [](const Address& one) {
              return one.field == AddressField::kTo || one.field == AddressField::kCc;
            }))));
  }

  void add_host(uint64_t name, std::string_view host) {
    if (host.empty()) return add(FeatureKind::kReceived, name, "none");
    if (host.size() <= 128) add_named(FeatureKind::kReceived, name, host);
    // The last labels: mx1.mail.example.com → mail.example.com …
    add_ends(FeatureKind::kReceived, name, host, 3);
    add_form(host, name);
  }

  void add_hops() {
    const std::span<const Received> hops = batch_.received.row(row_);
    add(FeatureKind::kReceived, kHashOf<"hops">, hops.size());
    for (size_t i = 0; i < hops.size() && i < kHopsMax; ++i) {
      const Received& hop = hops[i];
      add_host(kHashOf<"from">, hop.from_hostname);
      add_host(kHashOf<"real">, hop.real_hostname);
      add_host(kHashOf<"by">, hop.by_hostname);
      add(FeatureKind::kReceived, kHashOf<"protocol">, hop.protocol);
      add(FeatureKind::kReceived, kHashOf<"flags">, uint64_t{hop.flags});
      add(FeatureKind::kReceived, kHashOf<"same">,
          uint64_t{hop.from_hostname == hop.real_hostname} * 2 + hop.real_hostname.empty());
      if (!hop.real_ip.valid()) continue;
      const auto* const bytes = reinterpret_cast<const char*>(hop.real_ip.bytes);
      const size_t skip = hop.real_ip.family == 4 ? 12 : 0;
      for (const size_t n : {size_t{1}, size_t{2}, size_t{3}, size_t{4}})
        add(FeatureKind::kReceived, kHashOf<"net">, std::string_view(bytes + skip, n));
    }
    if (!hops.empty() && hops.back().time > 0 && batch_.facts[row_].has_date) {
      const int64_t late = hops.back().time - batch_.facts[row_].date;
      add(FeatureKind::kReceived, late < 0 ? kHashOf<"before its date"> : kHashOf<"after its date">,
          bucket(static_cast<uint64_t>(late < 0 ? -late : late)) / 3);
    }
  }

  void add_html() {
    const std::span<const Html> htmls = batch_.htmls.row(row_);
    for (const Html& html : htmls) {
      for (uint32_t word = 0; word < 3; ++word)
        each_bit(html.tags_seen[word], [&](uint32_t bit) {
          add(FeatureKind::kHtml, kHashOf<"tag">, uint64_t{word} * 64 + bit);
        });
      each_bit(html.flags,
               [&](uint32_t bit) { add(FeatureKind::kHtml, kHashOf<"flag">, uint64_t{bit}); });
      add(FeatureKind::kHtml, kHashOf<"tags">, bucket(html.tags));
      add(FeatureKind::kHtml, kHashOf<"unknown">, bucket(html.unknown_tags));
      add(FeatureKind::kHtml, kHashOf<"comments">, bucket(html.comments));
      add(FeatureKind::kHtml, kHashOf<"hidden">, bucket(html.invisible_bytes));
      add(FeatureKind::kHtml, kHashOf<"blocks">, bucket(html.invisible_blocks));
      add(FeatureKind::kHtml, kHashOf<"zero">, bucket(html.zero_font_blocks));
      add(FeatureKind::kHtml, kHashOf<"style">, bucket(html.style_bytes) / 2);
      add(FeatureKind::kHtml, kHashOf<"depth">, bucket(html.depth_max));
      add(FeatureKind::kHtml, kHashOf<"links">, bucket(html.links.size()));
      add(FeatureKind::kHtml, kHashOf<"images">, bucket(html.images.size()));
      add(FeatureKind::kHtml, kHashOf<"forms">, bucket(html.forms.size()));
      add(FeatureKind::kHtml, kHashOf<"text">,
          share(html.visible_bytes, batch_.texts.row(row_)[html.text].utf8.size()));
    }
    for (const HtmlImage& image : batch_.html_images.row(row_)) {
      add(FeatureKind::kHtml, kHashOf<"image">,
          uint64_t{image.embedded} * 2 + image.linked + (image.width == 1 ? 4 : 0));
      add(FeatureKind::kHtml, kHashOf<"size">,
          static_cast<uint64_t>(image.width) << 32 | static_cast<uint32_t>(image.height));
    }
    for (const HtmlLink& link : batch_.html_links.row(row_))
      add(FeatureKind::kHtml, kHashOf<"link">,
          uint64_t{link.tag} * 4 + link.invisible * 2 + link.text.empty());
  }

  void add_urls() {
    const std::span<const Url> urls = batch_.urls.row(row_);
    add(FeatureKind::kUrl, kHashOf<"count">, bucket(urls.size()));
    for (const Url& url : urls.first(std::min(urls.size(), kUrlsMax))) {
      add_named(FeatureKind::kUrl, kHashOf<"host">, url.host);
      add_named(FeatureKind::kUrl, kHashOf<"domain">, url.domain);
      add(FeatureKind::kUrl, kHashOf<"end">, url.tld);
      add(FeatureKind::kUrl, kHashOf<"scheme">, static_cast<uint64_t>(url.scheme) << 16 | url.port);
      each_bit(url.flags & 0x7FFFFFFF,
               [&](uint32_t bit) { add(FeatureKind::kUrl, kHashOf<"flag">, uint64_t{bit}); });
      add_form(url.path.substr(0, 256), kHashOf<"path">);
      size_t words = 0;
      for (size_t at = 0; at < url.path.size() && words < kPathWordsMax; ++words) {
        size_t end = at;
        while (end < url.path.size() && (is_letter(url.path[end]) || is_digit(url.path[end])))
          ++end;
        if (end - at >= 2 && end - at <= 20)
          add_named(FeatureKind::kUrl, kHashOf<"path">, url.path.substr(at, end - at));
        at = end + 1;
      }
      if (!url.query.empty()) add(FeatureKind::kUrl, kHashOf<"query">, bucket(url.query.size()));
    }
    for (const Email& email : batch_.emails.row(row_)) {
      add_named(FeatureKind::kUrl, kHashOf<"mail">, email.address);
      add_named(FeatureKind::kUrl, kHashOf<"mail domain">, email.domain);
    }
  }

  void add_parts() {
    const std::span<const Part> parts = batch_.parts.row(row_);
    add(FeatureKind::kPart, kHashOf<"count">, bucket(parts.size()));
    for (const Part& part : parts) {
      scratch_.text.assign(part.type).append("/").append(part.subtype);
      add(FeatureKind::kPart, kHashOf<"type">, scratch_.text);
      add(FeatureKind::kPart, kHashOf<"charset">, part.charset);
      add(FeatureKind::kPart, kHashOf<"encoding">, part.encoding_label);
      add(FeatureKind::kPart, kHashOf<"flags">,
          uint64_t{part.flags} << 8 | static_cast<uint8_t>(part.disposition));
      if (!part.boundary.empty()) add_form(part.boundary, kHashOf<"boundary">);
      if (part.kind == PartKind::kMultipart) continue;
      add(FeatureKind::kPart, hash_of(part.detected.type), bucket(part.decoded.size()));
      if (part.filename.empty()) continue;
      add_named(FeatureKind::kPart, kHashOf<"name">, part.filename);
      const size_t dot = part.filename.rfind('.');
      add_named(FeatureKind::kPart, kHashOf<"extension">,
                dot == std::string_view::npos ? "" : part.filename.substr(dot + 1));
    }
    for (const ArchiveMember& member : batch_.archive_members.row(row_)) {
      const size_t dot = member.name.rfind('.');
      if (dot != std::string_view::npos)
        add_named(FeatureKind::kPart, kHashOf<"inside">, member.name.substr(dot + 1));
    }
  }

  FeatureScratch& scratch_;
  // Features so far, with room for more. Types that differ from one another, and no bytes: else the
  // compiler takes each that is written for a change of their number.
  uint32_t n_ = 0;
  uint64_t* hashes_ = nullptr;
  FeatureKind* kinds_ = nullptr;
  const Batch& batch_;
  const uint32_t row_;
  TokenList& out_;
};

}  // namespace

uint64_t stem_feature(FeatureKind kind, uint64_t stem_hash) { return mixed_stem(kind, stem_hash); }

uint64_t named_feature(FeatureKind kind, std::string_view name, std::string_view value) {
  return mixed_value(kind, hash_of(name), value);
}

std::string address_feature_name(AddressField field, char part) {
  return {static_cast<char>('A' + static_cast<int>(field)), part};
}

void feature_tokens(FeatureScratch& scratch, const Batch& batch, uint32_t row, TokenList& out) {
  Features(scratch, batch, row, out).run();
}

}  // namespace winnow
