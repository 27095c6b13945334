// CPU microseconds a message of the header side of engine/mime: the end of the block, the block,
// the block and what the headers say. Each checks its answer: the headers found are the same in
// every pass, and none is lost. Limit: "MIME split" 1.6 us; headers have no row of their own.
//
// WINNOW_MAIL=folder build/bench/bench/micro/headers_bench
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "engine/mime/header_block.h"
#include "engine/mime/header_facts.h"
#include "engine/mime/header_names.h"

namespace winnow {
namespace {

constexpr size_t kRows = 64;

std::string made_up(int i) {
  std::string text;
  for (int hop = 0; hop < 5; ++hop)
    text += "Received: from h" + std::to_string(hop) + ".example.com (r.example.com [192.0.2." +
            std::to_string(hop) +
            "])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4F1B2C3D4E\r\n\tfor "
            "<user@example.org>; Mon, 25 Mar 2024 10:00:00 +0100 (CET)\r\n";
  text += "Subject: =?utf-8?Q?number_" + std::to_string(i) +
          "?=\r\nFrom: \"Some One\" <some.one@example.com>\r\nTo: user@example.org\r\n"
          "Date: Mon, 25 Mar 2024 10:00:00 +0100\r\nMessage-ID: <1@example.com>\r\n"
          "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nbody\r\n";
  return text;
}

// Every message is followed by the zero bytes that a batch asks for.
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
  for (int i = 0; mail.size() < kRows; ++i) mail.push_back(made_up(i));
  for (std::string& text : mail) text.append(Batch::kPadding, '\0');
  return mail;
}

enum class Depth { kEnd, kBlock, kFacts };

size_t run(Depth depth, const HeaderNames& names, HeaderScratch& scratch, Batch& batch) {
  const Limits limits;
  size_t headers = 0;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const HeaderEnd end = find_header_end(batch.raw[row]);
    benchmark::DoNotOptimize(end);
    uint32_t count = 0;
    if (depth != Depth::kEnd)
      count = parse_header_block(names, limits, scratch, batch.raw[row].substr(0, end.block), row,
                                 0, batch);
    if (depth == Depth::kFacts) read_header_facts(limits, scratch, row, count, batch);
    headers += count;
    batch.headers.end_row();
    batch.addresses.end_row();
    batch.received.end_row();
  }
  return headers;
}

void headers(benchmark::State& state, Depth depth) {
  static const std::vector<std::string> mail = load_mail();
  const HeaderNames names;
  HeaderScratch scratch;
  Batch batch;
  size_t expected = 0, messages = 0;
  for (auto _ : state) {
    size_t found = 0;
    for (size_t first = 0; first < mail.size(); first += kRows) {
      batch.clear();
      for (size_t i = first; i < std::min(first + kRows, mail.size()); ++i)
        batch.add({mail[i].data(), mail[i].size() - Batch::kPadding}, i, {}, {});
      found += run(depth, names, scratch, batch);
    }
    messages += mail.size();
    if (expected == 0) expected = found;
    if (found != expected) state.SkipWithError("headers differ between passes");
  }
  if (depth != Depth::kEnd && expected == 0) state.SkipWithError("no headers");
  state.SetItemsProcessed(static_cast<int64_t>(messages));
  state.counters["us_per_message"] =
      benchmark::Counter(static_cast<double>(messages) / 1e6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(headers, end, Depth::kEnd);
BENCHMARK_CAPTURE(headers, block, Depth::kBlock);
BENCHMARK_CAPTURE(headers, facts, Depth::kFacts);

}  // namespace
}  // namespace winnow
