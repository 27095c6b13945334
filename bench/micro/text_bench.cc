// CPU microseconds a message of what engine/text does; counter us_per_message, best pass. Each
// checks that every pass gives the same answer. Limits, by benchmark: validation 0.5, charset 1.0,
// lower_and_nfkc 1.1, splitting 1.9, hashing 2.0, stemming 6, texts_stage 3.6 (HTML) + 1.5;
// words to stems in one chain 28.4; counting, folding and languages have no row.
//
// WINNOW_MAIL=folder build/bench/bench/micro/text_bench
#include <benchmark/benchmark.h>
#include <time.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

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

std::vector<std::string> load_mail() {
  namespace fs = std::filesystem;
  std::vector<std::string> mail;
  if (const char* folder = std::getenv("WINNOW_MAIL")) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      mail.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>{});
    }
  }
  for (int i = 0; mail.empty() || (mail.size() < 64 && i < 64); ++i) {
    std::string text = "Subject: number " + std::to_string(i) +
                       "\r\nFrom: Someone <a@b.example>\r\nContent-Type: text/plain; "
                       "charset=utf-8\r\n\r\n";
    for (int line = 0; line < 60; ++line) {
      text += "This is what the meeting decided, na\u00efve as it may be: item " +
              std::to_string(line * i) + ".\r\n";
    }
    mail.push_back(std::move(text));
  }
  for (std::string& message : mail) message.append(Batch::kPadding, '\0');
  return mail;
}

struct Corpus {
  std::vector<std::string> mail = load_mail();
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

// CPU time of this thread: neighbours on the machine do not count.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Runs `work` over every batch after `prepare`; only `work` is timed, the best pass counts. What
// `work` returns is added up: every pass must come to the same sum, and not to nothing.
template <class Prepare, class Work>
void measure(benchmark::State& state, Prepare prepare, Work work) {
  Corpus& all = corpus();
  double least = 0;
  uint64_t expected = 0;
  for (auto _ : state) {
    double seconds = 0;
    uint64_t sum = 0;
    for (size_t from = 0; from < all.mail.size(); from += kRows) {
      all.fill(from);
      prepare(all);
      const double begin = cpu_seconds();
      sum += work(all);
      seconds += cpu_seconds() - begin;
    }
    if (expected == 0) expected = sum;
    if (sum != expected || sum == 0) state.SkipWithError("another answer");
    state.SetIterationTime(seconds);
    if (least == 0 || seconds < least) least = seconds;
  }
  state.counters["us_per_message"] = least * 1e6 / static_cast<double>(all.mail.size());
}

const auto nothing = [](Corpus&) {};
const auto have_texts = [](Corpus& all) { texts(all.plan, all.text_scratch, all.batch); };
const auto have_words = [](Corpus& all) {
  have_texts(all);
  words(all.plan, all.word_scratch, all.batch);
};

void validation(benchmark::State& state) {
  measure(state, nothing, [](Corpus& all) {
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
  measure(state, nothing, [](Corpus& all) {
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
  measure(state, have_texts, [](Corpus& all) {
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
  measure(state, have_texts, [](Corpus& all) {
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
  measure(state, have_texts, [](Corpus& all) {
    uint64_t bytes = 0;
    for (const Text& text : all.batch.texts.values) {
      ArenaText out(all.batch.arena, text.plain.size() + 16);
      fold_text(text.plain, all.word_scratch.fold, out);
      bytes += out.finish().size();
    }
    return bytes;
  });
}

void splitting(benchmark::State& state) {
  measure(state, have_texts, [](Corpus& all) {
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
  measure(state, have_words, [](Corpus& all) {
    uint64_t sum = 0;
    for (const Word& word : all.batch.words.values) sum += word_hash(word.normal);
    return sum;
  });
}

void languages(benchmark::State& state) {
  measure(state, have_words, [](Corpus& all) {
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
  measure(state, have_words, [](Corpus& all) {
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
  measure(state, nothing, [](Corpus& all) {
    have_texts(all);
    return uint64_t{all.batch.texts.values.size()};
  });
}

void words_stage(benchmark::State& state) {
  measure(state, have_texts, [](Corpus& all) {
    words(all.plan, all.word_scratch, all.batch);
    return uint64_t{all.batch.words.values.size()};
  });
}

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
