// CPU microseconds a message of the header side of engine/mime: the end of the block, the block,
// the block and what the headers say; and two rows of bench/README.md, the least that the block and
// that headers' values can cost. Each checks that every pass finds the same.
//
// WINNOW_MAIL=folder build/bench/bench/micro/headers_bench
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "bench/micro/mail.h"
#include "engine/mime/addresses.h"
#include "engine/mime/date.h"
#include "engine/mime/header_block.h"
#include "engine/mime/header_facts.h"
#include "engine/mime/header_line.h"
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

struct Corpus {
  std::vector<std::string> mail = bench::load_mail(kRows, made_up);
  HeaderNames names;
  HeaderScratch scratch;
  Batch batch;

  // use() over every batch of messages.
  template <class Use>
  uint64_t each_batch(Use use) {
    uint64_t sum = 0;
    for (size_t first = 0; first < mail.size(); first += kRows) {
      batch.clear();
      for (size_t i = first; i < std::min(first + kRows, mail.size()); ++i)
        batch.add({mail[i].data(), mail[i].size() - Batch::kPadding}, i, {}, {});
      sum += use();
    }
    return sum;
  }
};

Corpus& corpus() {
  static Corpus one;
  return one;
}

void headers(benchmark::State& state, Depth depth, double row_us) {
  Corpus& all = corpus();
  bench::run_passes(state, all.mail.size(), row_us, [&] {
    // Of the end alone nothing is counted: one more than nothing says that it ran.
    return 1 + all.each_batch([&] { return run(depth, all.names, all.scratch, all.batch); });
  });
}

// Row "header block": every line's end found, every name looked up, every value copied once.
void bare_block(benchmark::State& state) {
  Corpus& all = corpus();
  bench::run_passes(state, all.mail.size(), 0, [&] {
    return all.each_batch([&] {
      uint64_t known = 0;
      for (uint32_t row = 0; row < all.batch.rows; ++row) {
        const std::string_view raw = all.batch.raw[row];
        const std::string_view block = raw.substr(0, find_header_end(raw).block);
        for (size_t at = 0; at < block.size();) {
          const HeaderLine line = next_header_line(block, at);
          const std::string_view text = block.substr(at, line.end - at);
          const size_t colon = std::min(text.find(':'), text.size());
          known += all.names.find(text.substr(0, colon)) != kNoId<HeaderId>;
          known += all.batch.arena.copy(text.substr(colon)).size();
          at = line.next;
        }
      }
      return known;
    });
  });
}

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> table{};
  for (const char c : std::string_view(" \t()<>@,;:\\\"[]=")) table[static_cast<uint8_t>(c)] = 1;
  return table;
}();

// Row "what headers say": every byte of Received and of address headers classified by a table,
// every token counted, every date read.
void bare_values(benchmark::State& state) {
  Corpus& all = corpus();
  bench::Passes passes(state);
  for (auto _ : state) {
    double seconds = 0;
    uint64_t tokens = 0;
    all.each_batch([&] {
      run(Depth::kBlock, all.names, all.scratch, all.batch);
      const double begin = bench::cpu_seconds();
      for (const Header& header : all.batch.headers.values) {
        const bool received = header.id == header_id(known::kReceived);
        const bool date = header.id == header_id(known::kDate);
        if (!received && !date && address_field(header.id) == AddressField::kCount) continue;
        const std::string_view text = header.unfolded;
        if (received || date) {
          const size_t semicolon = received ? text.rfind(';') : std::string_view::npos;
          tokens += parse_date(text.substr(semicolon + 1)).has_value();
        }
        if (date) continue;
        uint8_t last = 1;
        for (const char c : text) {
          const uint8_t now = kClasses[static_cast<uint8_t>(c)];
          tokens += last & ~now;
          last = now;
        }
      }
      seconds += bench::cpu_seconds() - begin;
      return 0;
    });
    passes.add(seconds, tokens);
  }
  passes.report(all.mail.size(), 0);
}

BENCHMARK(bare_block)->UseManualTime();
BENCHMARK(bare_values)->UseManualTime();
BENCHMARK_CAPTURE(headers, end, Depth::kEnd, 0)->UseManualTime();
BENCHMARK_CAPTURE(headers, block, Depth::kBlock, bench::kHeaderBlockRow)->UseManualTime();
BENCHMARK_CAPTURE(headers, facts, Depth::kFacts, bench::kHeaderBlockRow + bench::kHeaderValuesRow)
    ->UseManualTime();

}  // namespace
}  // namespace winnow
