// One text part (first line: charset and flags; the rest: its bytes) through texts() and words().
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/text/fold.h"
#include "engine/text/normalise.h"
#include "engine/text/texts.h"
#include "engine/text/utf8.h"
#include "engine/text/words.h"
#include "tests/fuzz/require.h"

namespace {

using namespace winnow;

struct State {
  Batch batch{1 << 16};
  TextScratch text;
  WordScratch word{1 << 8};
  WordScratch other{1};  // another cache: the same stems
};

void add_part(Batch& batch, std::string_view line, std::string_view bytes) {
  batch.add(bytes, 0, {}, {});
  Part part;
  part.kind = line.ends_with('h') ? PartKind::kHtml : PartKind::kText;
  if (line.ends_with('f')) part.flags = static_cast<uint16_t>(PartFlag::kFlowed);
  part.charset = line.substr(0, line.size() - (line.empty() ? 0 : 1));
  part.decoded = bytes;
  batch.parts.values.push_back(part);
  batch.parts.end_row();
  batch.headers.end_row();
  batch.addresses.end_row();
}

void check_text(const Text& text, const std::span<const Word> words) {
  require(is_utf8(text.utf8) && is_utf8(text.plain) && is_utf8(text.folded));
  require(text.folded.size() <= text.plain.size() * 9);
  uint32_t at = 0;
  for (const Word& word : words) {
    require(word.offset >= at && word.offset + word.length <= text.plain.size());
    at = word.offset + word.length;
    require(is_utf8(text.plain.substr(word.offset, word.length)));
    require(is_utf8(word.normal));
    require(word.hash == word_hash(word.stem));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static State state;
  // Followed by zeros, as a message in a batch is.
  static std::string buffer;
  buffer.assign(reinterpret_cast<const char*>(data), size);
  buffer.append(Batch::kPadding, '\0');
  const std::string_view input = std::string_view(buffer).substr(0, size);
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string_view bytes = input.substr(std::min(line + 1, input.size()));

  TextPlan plan;
  plan.limits.words_decay = 50;
  plan.limits.words_max = 200;
  Batch& batch = state.batch;
  batch.clear();
  add_part(batch, input.substr(0, line), bytes);
  texts(plan, state.text, batch);
  words(plan, state.word, batch);
  require(batch.texts.rows() == 1 && batch.words.rows() == 1);
  const Text& text = batch.texts.row(0)[0];
  const std::span<const Word> all = batch.words.row(0);
  check_text(text, all.subspan(text.words.begin, text.words.size()));

  for (const Word& word : all) {
    state.other.stemmer.use(text.language);
    if (word.flags & static_cast<uint8_t>(WordFlag::kBroken)) continue;
    const Stem stem = state.other.stemmer.stem(word.normal, word_hash(word.normal), batch.arena);
    require(stem.text == word.stem && stem.hash == word.hash);
  }
  ArenaText normal(batch.arena, 16);
  normalise(text.plain, normal);
  require(is_utf8(normal.view()));
  return 0;
}
