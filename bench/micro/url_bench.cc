// The pieces of engine/url on text like mail: search, parse, public suffix, the whole stage.
// Limit: "URL candidates" 0.7 us a message (3,770 MB/s); parsing has a row in bench/README.md.
#include <benchmark/benchmark.h>
#include <xxhash.h>

#include <string>

#include "bench/micro/mail.h"
#include "engine/url/bytes.h"
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

constexpr std::string_view kUrl = "https://www.shop.example.co.uk/orders/17?lang=en";
constexpr size_t kTimes = 1000;

void find(benchmark::State& state) {
  const std::string text = sample_text();
  UrlFinder finder;
  finder.candidates_max = 1 << 20;
  bench::run_passes(state, 100, 0.7, [&]() -> uint64_t {
    size_t found = 0;
    for (int i = 0; i < 100; ++i) {
      finder.candidates = 0;
      benchmark::DoNotOptimize(find_urls(text, finder));
      found += finder.found.size();
    }
    return found == 500 ? found : 0;
  });
}
BENCHMARK(find)->UseManualTime();

// Row "URL": every byte classified by a table and copied, the copy hashed, its domain looked up.
void bare_parse(benchmark::State& state) {
  Arena arena;
  bench::run_passes(state, kTimes, 0, [&] {
    uint64_t sum = 0;
    for (size_t time = 0; time < kTimes; ++time) {
      arena.reset();
      std::string_view url = kUrl;
      benchmark::DoNotOptimize(url);
      char* const copy = arena.alloc_bytes(url.size());
      size_t slash = 0;
      for (size_t i = 0; i < url.size(); ++i) {
        const char c = url[i];
        copy[i] = url_bytes::is(c, url_bytes::kPathEncode) ? '%' : lower_ascii(c);
        if (c == '/' && i > 7 && slash == 0) slash = i;
      }
      sum += XXH3_64bits(copy, url.size()) & 1;
      sum += find_suffix({copy + 8, slash - 8}).domain.size();
    }
    return sum;
  });
}
BENCHMARK(bare_parse)->UseManualTime();

// Microseconds a URL.
void parse(benchmark::State& state) {
  UrlParser parser;
  Arena arena;
  Url url;
  bench::run_passes(state, kTimes, bench::kUrlRow, [&] {
    uint64_t sum = 0;
    for (size_t time = 0; time < kTimes; ++time) {
      arena.reset();
      if (parse_url(kUrl, UrlGuess::kNone, parser, arena, url)) sum += url.domain.size();
    }
    return sum == kTimes * std::string_view("example.co.uk").size() ? sum : 0;
  });
}
BENCHMARK(parse)->UseManualTime();

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
