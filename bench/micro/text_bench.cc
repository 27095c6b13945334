// CPU microseconds a message of what engine/text does, beside the rows of the limits: validation
// 0.5, charset 1.0, HTML 3.6, lower_and_nfkc 1.1, splitting 8.1 (ICU for CJK and Thai),
// hashing 2.0, stemming 6; and three rows of bench/README.md, measured here as bare_*: the least
// that counting, folding and languages can cost. Each checks that every pass gives the same answer.
//
// WINNOW_MAIL=folder build/bench/bench/micro/text_bench
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "bench/micro/mail.h"
#include "engine/mime/parse.h"
#include "engine/text/fold.h"
#include "engine/text/language.h"
#include "engine/text/normalise.h"
#include "engine/text/texts.h"
#include "engine/text/utf8.h"
#include "engine/text/words.h"

namespace winnow {
namespace {

constexpr uint32_t kRows = 32;

std::string made_up(int number) {
  std::string text = "Subject: number " + std::to_string(number) +
                     "\r\nFrom: Someone <a@b.example>\r\nContent-Type: text/plain; "
                     "charset=utf-8\r\n\r\n";
  for (int line = 0; line < 60; ++line) {
    text += "This is what the meeting decided, na\u00efve as it may be: item " +
            std::to_string(line * number) + ".\r\n";
  }
  return text;
}

struct Corpus {
  std::vector<std::string> mail = bench::load_mail(64, made_up);
  HeaderNames names;
  ParsePlan parse_plan{names, {}};
  ParseScratch parse_scratch;
  TextPlan plan;
  TextScratch text_scratch;
  WordScratch word_scratch;
  Batch batch;

  // The batch of mail[from, ...) as the text stage finds it.
  void fill(size_t from) {
    batch.clear();
    for (size_t i = from; i < std::min(mail.size(), from + kRows); ++i) {
      const std::string_view message(mail[i].data(), mail[i].size() - Batch::kPadding);
      batch.add(message, i, {}, {});
    }
    parse(parse_plan, parse_scratch, batch);
  }
};

Corpus& corpus() {
  static Corpus instance;
  return instance;
}

// Runs `work` over every batch after `prepare`; only `work` is timed.
template <class Prepare, class Work>
void measure(benchmark::State& state, double row_us, Prepare prepare, Work work) {
  Corpus& all = corpus();
  bench::Passes passes(state);
  for (auto _ : state) {
    double seconds = 0;
    uint64_t sum = 0;
    for (size_t from = 0; from < all.mail.size(); from += kRows) {
      all.fill(from);
      prepare(all);
      const double begin = bench::cpu_seconds();
      sum += work(all);
      seconds += bench::cpu_seconds() - begin;
    }
    passes.add(seconds, sum);
  }
  passes.report(all.mail.size(), row_us);
}

const auto nothing = [](Corpus&) {};
const auto have_texts = [](Corpus& all) { texts(all.plan, all.text_scratch, all.batch); };
const auto have_words = [](Corpus& all) {
  have_texts(all);
  words(all.plan, all.word_scratch, all.batch);
};

void validation(benchmark::State& state) {
  measure(state, 0.5, nothing, [](Corpus& all) {
    uint64_t valid = 0;
    for (const Part& part : all.batch.parts.values) {
      if (part.kind == PartKind::kText || part.kind == PartKind::kHtml) {
        valid += is_utf8(part.decoded);
      }
    }
    return valid;
  });
}

void charset(benchmark::State& state) {
  measure(state, 1.0, nothing, [](Corpus& all) {
    uint64_t bytes = 0;
    for (const Part& part : all.batch.parts.values) {
      if (part.kind != PartKind::kText && part.kind != PartKind::kHtml) continue;
      const Charset* found = find_charset(part.charset);
      bool fits;
      bytes += utf8_view(found == nullptr ? utf8_charset() : *found, part.decoded,
                         all.text_scratch.charsets, all.batch.arena, fits)
                   .size();
    }
    return bytes;
  });
}

void counting(benchmark::State& state) {
  measure(state, bench::kCountingRow, have_texts, [](Corpus& all) {
    uint64_t letters = 0;
    for (Text& text : all.batch.texts.values) {
      letters -= text.letters;  // counting adds to what the stage has counted
      benchmark::DoNotOptimize(count_text(text));
      letters += text.letters;
    }
    return letters;
  });
}

void lower_and_nfkc(benchmark::State& state) {
  measure(state, 1.1, have_texts, [](Corpus& all) {
    uint64_t bytes = 0;
    for (const Text& text : all.batch.texts.values) {
      ArenaText out(all.batch.arena, text.plain.size() + 16);
      normalise(text.plain, out);
      bytes += out.finish().size();
    }
    return bytes;
  });
}

void folding(benchmark::State& state) {
  measure(state, bench::kFoldingRow, have_texts, [](Corpus& all) {
    uint64_t bytes = 0;
    for (const Text& text : all.batch.texts.values) {
      bytes += fold_text(text.plain, all.batch.arena).size();
    }
    return bytes;
  });
}

void splitting(benchmark::State& state) {
  measure(state, 8.1, have_texts, [](Corpus& all) {
    uint64_t pieces = 0;
    for (const Text& text : all.batch.texts.values) {
      all.word_scratch.pieces.clear();
      split_words(text.plain, 0, static_cast<uint32_t>(text.plain.size()),
                  all.word_scratch.dictionary, all.word_scratch.pieces);
      pieces += all.word_scratch.pieces.size();
    }
    return pieces;
  });
}

void hashing(benchmark::State& state) {
  measure(state, 2.0, have_words, [](Corpus& all) {
    uint64_t sum = 0;
    for (const Word& word : all.batch.words.values) sum += word_hash(word.normal);
    return sum;
  });
}

void languages(benchmark::State& state) {
  measure(state, bench::kLanguageRow, have_words, [](Corpus& all) {
    uint64_t known = 0;
    for (uint32_t row = 0; row < all.batch.rows; ++row) {
      for (const Text& text : all.batch.texts.row(row)) {
        const auto of_text = all.batch.words.row(row).subspan(text.words.begin, text.words.size());
        known += detect_language(of_text, all.word_scratch.language).size();
      }
    }
    return known;
  });
}

void stemming(benchmark::State& state) {
  measure(state, 6, have_words, [](Corpus& all) {
    uint64_t bytes = 0;
    all.word_scratch.stemmer.use("en");
    for (const Word& word : all.batch.words.values) {
      bytes += all.word_scratch.stemmer.stem(word.normal, word_hash(word.normal), all.batch.arena)
                   .text.size();
    }
    return bytes;
  });
}

void texts_stage(benchmark::State& state) {
  measure(state, 0.5 + 1.0 + 3.6 + bench::kCountingRow, nothing, [](Corpus& all) {
    have_texts(all);
    return uint64_t{all.batch.texts.values.size()};
  });
}

void words_stage(benchmark::State& state) {
  measure(state, 8.1 + 1.1 + 2.0 + 6 + bench::kFoldingRow + bench::kLanguageRow, have_texts,
          [](Corpus& all) {
            words(all.plan, all.word_scratch, all.batch);
            return uint64_t{all.batch.words.values.size()};
          });
}

// Row "counting": every byte adds to packed counters by one table look-up.
void bare_counting(benchmark::State& state) {
  std::array<uint64_t, 256> increments{};
  for (unsigned c = 'a'; c <= 'z'; ++c) increments[c] = 1, increments[c - 32] = 1 << 8 | 1;
  for (unsigned c = '0'; c <= '9'; ++c) increments[c] = 1 << 16;
  increments[' '] = 1 << 24;
  measure(state, 0, have_texts, [&](Corpus& all) {
    uint64_t letters = 0;
    for (const Text& text : all.batch.texts.values) {
      for (size_t at = 0; at < text.plain.size();) {
        const size_t stop = std::min(text.plain.size(), at + 255);
        uint64_t sum = 0;
        for (; at < stop; ++at) sum += increments[static_cast<uint8_t>(text.plain[at])];
        letters += sum & 0xFF;
      }
    }
    return letters;
  });
}

// Row "folding": every byte to lower case by a table into a copy, and the copy once more without
// blanks that follow a blank: the two passes that undoing case and spacing takes.
void bare_folding(benchmark::State& state) {
  std::array<char, 256> low{};
  for (unsigned c = 0; c < 256; ++c) {
    low[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  measure(state, 0, have_texts, [&](Corpus& all) {
    uint64_t bytes = 0;
    for (const Text& text : all.batch.texts.values) {
      char* const copy = all.batch.arena.alloc_bytes(text.plain.size() + 1);
      for (size_t i = 0; i < text.plain.size(); ++i) {
        copy[i] = low[static_cast<uint8_t>(text.plain[i])];
      }
      char* to = copy;
      for (size_t i = 0; i < text.plain.size(); ++i) {
        *to = copy[i];
        to += i == 0 || copy[i] != ' ' || copy[i - 1] != ' ';
      }
      bytes += static_cast<uint64_t>(to - copy);
    }
    return bytes;
  });
}

// Row "language": every word's hash asked of a filter of stop words, its script counted.
void bare_languages(benchmark::State& state) {
  std::array<uint64_t, 1024> filter{};
  for (uint64_t i = 0; i < 2500; ++i) {
    const uint64_t bit = i * 0x9E3779B97F4A7C15u >> 48;
    filter[bit / 64] |= uint64_t{1} << bit % 64;
  }
  measure(state, 0, have_words, [&](Corpus& all) {
    uint64_t found = 0;
    std::array<uint64_t, 256> scripts{};
    for (const Word& word : all.batch.words.values) {
      const uint64_t bit = word.hash >> 32 & 0xFFFF;
      found += filter[bit / 64] >> bit % 64 & 1;
      ++scripts[word.script];
    }
    return found + scripts[0];
  });
}

BENCHMARK(bare_counting)->UseManualTime();
BENCHMARK(bare_folding)->UseManualTime();
BENCHMARK(bare_languages)->UseManualTime();
BENCHMARK(validation)->UseManualTime();
BENCHMARK(charset)->UseManualTime();
BENCHMARK(texts_stage)->UseManualTime();
BENCHMARK(counting)->UseManualTime();
BENCHMARK(lower_and_nfkc)->UseManualTime();
BENCHMARK(folding)->UseManualTime();
BENCHMARK(splitting)->UseManualTime();
BENCHMARK(hashing)->UseManualTime();
BENCHMARK(languages)->UseManualTime();
BENCHMARK(stemming)->UseManualTime();
BENCHMARK(words_stage)->UseManualTime();

}  // namespace
}  // namespace winnow
