// The pieces of engine/url on text like mail: search, parse, public suffix, the whole stage.
// Limit: "URL candidates" 0.7 us a message (3,770 MB/s); parsing has no row.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/url/suffix.h"
#include "engine/url/urls.h"

namespace winnow {
namespace {

// About 2.6 KB with four URLs and an address, the mean of the corpus (facts: limits).
std::string sample_text() {
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text +=
        "Dear customer, your order of the 3rd (no. 4711) has left our house; it will be with "
        "you in about two days. Questions? Write to us, we answer fast.\n";
    if (i % 5 == 0) text += "https://shop.example.com/orders/" + std::to_string(i) + "?lang=en\n";
    if (i == 7) text += "mail help@example.com\n";
  }
  return text;
}

void find(benchmark::State& state) {
  const std::string text = sample_text();
  UrlFinder finder;
  finder.candidates_max = 1 << 20;
  for (auto _ : state) {
    finder.candidates = 0;
    benchmark::DoNotOptimize(find_urls(text, finder));
    if (finder.found.size() != 5) state.SkipWithError("wrong answer");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(find);

void parse(benchmark::State& state) {
  UrlParser parser;
  Arena arena;
  Url url;
  for (auto _ : state) {
    arena.reset();
    const bool good = parse_url("https://www.shop.example.co.uk/orders/17?lang=en", UrlGuess::kNone,
                                parser, arena, url);
    if (!good || url.domain != "example.co.uk") state.SkipWithError("wrong answer");
  }
}
BENCHMARK(parse);

void suffix(benchmark::State& state) {
  const SuffixTable& table = shipped_suffixes();
  for (auto _ : state) {
    std::string_view host = "www.shop.example.co.uk";
    benchmark::DoNotOptimize(host);
    if (table.find(host).domain.size() != 13) state.SkipWithError("wrong answer");
  }
}
BENCHMARK(suffix);

void stage(benchmark::State& state) {
  const std::string text = sample_text();
  UrlPlan plan;
  UrlScratch scratch;
  Batch batch;
  for (auto _ : state) {
    batch.clear();
    for (int row = 0; row < 64; ++row) {
      batch.add("", 0, {}, {});
      batch.headers.end_row(), batch.htmls.end_row(), batch.html_links.end_row();
      auto& added_part = batch.parts.values.emplace_back();
      added_part.type = "text";
      added_part.subtype = "plain";
      batch.parts.end_row();
      auto& added_text = batch.texts.values.emplace_back();
      added_text.utf8 = text;
      added_text.plain = text;
      batch.texts.end_row();
    }
    urls(plan, scratch, batch);
    if (batch.urls.values.size() != 4 * 64) state.SkipWithError("wrong answer");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 64);
}
BENCHMARK(stage);

}  // namespace
}  // namespace winnow
