#include "engine/text/stem.h"

#include <libstemmer.h>

#include <cstdlib>
#include <cstring>

#include "engine/text/language.h"

namespace winnow {

namespace {

// A language's index, which separates cache entries, is its position here.
constexpr const char* kNames[] = {
    "english", "german",     "french",    "spanish",    "italian",   "portuguese", "dutch",
    "swedish", "danish",     "norwegian", "finnish",    "hungarian", "romanian",   "turkish",
    "russian", "indonesian", "arabic",    "hindi",      "greek",     "armenian",   "tamil",
    "basque",  "catalan",    "irish",     "lithuanian", "nepali",    "serbian",    "yiddish"};

size_t shared_bytes(std::string_view a, std::string_view b) {
  const size_t most = a.size() < b.size() ? a.size() : b.size();
  size_t at = 0;
  while (at < most && a[at] == b[at]) ++at;
  return at;
}

}  // namespace

Stemmer::Stemmer(size_t entries)
    : memory_(std::calloc(entries + 1, sizeof(Entry))), mask_(entries - 1) {
  if (memory_ == nullptr) std::abort();
  const uintptr_t at = reinterpret_cast<uintptr_t>(memory_);
  entries_ = reinterpret_cast<Entry*>((at + sizeof(Entry) - 1) & ~(sizeof(Entry) - 1));
}

Stemmer::~Stemmer() {
  for (void* stemmer : stemmers_) {
    if (stemmer != nullptr) sb_stemmer_delete(static_cast<sb_stemmer*>(stemmer));
  }
  std::free(memory_);
}

void Stemmer::use(std::string_view language) {
  static_assert(std::size(kNames) <= kLanguagesMax);
  language_ = 0;
  const char* name = stemmer_name(language);
  if (name == nullptr) return;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (std::string_view(kNames[i]) != name) continue;
    if (stemmers_[i] == nullptr) stemmers_[i] = sb_stemmer_new(name, "UTF_8");
    if (stemmers_[i] != nullptr) language_ = static_cast<uint8_t>(i + 1);
    return;
  }
}

Stem Stemmer::stem(std::string_view word, uint64_t hash, Arena& arena) {
  if (language_ == 0 || word.size() > kStemBytesMax) return {word, hash, is_stop_stem(hash)};
  if (word.size() > sizeof(Entry::bytes)) return stem_anew(word, hash, arena);
  Entry& entry = entry_of(hash);
  if (entry.language == language_ && entry.word_bytes == word.size() &&
      std::memcmp(entry.bytes, word.data(), word.size()) == 0) {
    if (entry.tail == 0) return {word.substr(0, entry.shared), entry.hash, entry.stop != 0};
    char* to = arena.alloc_bytes(size_t{entry.shared} + entry.tail);
    std::memcpy(to, word.data(), entry.shared);
    std::memcpy(to + entry.shared, entry.bytes + word.size(), entry.tail);
    return {{to, size_t{entry.shared} + entry.tail}, entry.hash, entry.stop != 0};
  }
  const Stem stem = stem_anew(word, hash, arena);
  const size_t shared = shared_bytes(word, stem.text);
  const size_t tail = stem.text.size() - shared;
  if (word.size() + tail > sizeof(Entry::bytes)) return stem;
  entry.hash = stem.hash;
  entry.language = language_;
  entry.word_bytes = static_cast<uint8_t>(word.size());
  entry.shared = static_cast<uint8_t>(shared);
  entry.tail = static_cast<uint8_t>(tail);
  entry.stop = stem.stop;
  std::memcpy(entry.bytes, word.data(), word.size());
  std::memcpy(entry.bytes + word.size(), stem.text.data() + shared, tail);
  return stem;
}

Stem Stemmer::stem_anew(std::string_view word, uint64_t hash, Arena& arena) {
  auto* stemmer = static_cast<sb_stemmer*>(stemmers_[language_ - 1u]);
  const sb_symbol* symbols = sb_stemmer_stem(
      stemmer, reinterpret_cast<const sb_symbol*>(word.data()), static_cast<int>(word.size()));
  if (symbols == nullptr) return {word, hash, is_stop_stem(hash)};
  const std::string_view text(reinterpret_cast<const char*>(symbols),
                              static_cast<size_t>(sb_stemmer_length(stemmer)));
  if (text == word) return {word, hash, is_stop_stem(hash)};
  const uint64_t stem_hash = word_hash(text);
  const std::string_view kept =
      word.starts_with(text) ? word.substr(0, text.size()) : arena.copy(text);
  return {kept, stem_hash, is_stop_stem(stem_hash)};
}

}  // namespace winnow
