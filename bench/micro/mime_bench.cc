// Microseconds a message (counter us_per_message) of cutting and decoding mail, beside the rows of
// the physical limit: newlines 1.2, MIME split 1.6, base64 0.6, quoted-printable 0.9.
//
// WINNOW_MAIL=folder build/bench/bench/micro/mime_bench
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/hash/message_digest.h"
#include "engine/mime/base64.h"
#include "engine/mime/line_scan.h"
#include "engine/mime/parse.h"
#include "engine/mime/quoted_printable.h"

namespace winnow {
namespace {

constexpr uint32_t kRows = 32;

std::string made_up(int number) {
  std::string text = "Subject: number " + std::to_string(number) +
                     "\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
  for (int line = 0; line < 40; ++line)
    text += "what the meeting decided, na=C3=AFve as it may be, and this line goes =\r\non\r\n";
  text += "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  for (int line = 0; line < 40; ++line)
    text += "PHA+d2hhdCB0aGUgbWVldGluZyBkZWNpZGVkLCBhcyBpdCBtYXkgYmU8L3A+PHA+d2hhdCB0aGUg\r\n";
  return text + "--b--\r\n";
}

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
  for (int i = 0; mail.empty() || (mail.size() < 64 && i < 64); ++i) mail.push_back(made_up(i));
  for (std::string& message : mail) message.append(Batch::kPadding, '\0');
  return mail;
}

struct Body {
  std::string_view raw;
  TransferEncoding encoding;
  size_t decoded;
};

struct Corpus {
  std::vector<std::string> mail = load_mail();
  HeaderNames names;
  ParsePlan plan{names, {}};
  ParseScratch scratch;
  Batch batch;
  std::vector<Body> bodies;  // encoded parts whose bytes are in `mail`

  Corpus() {
    for (size_t i = 0; i < mail.size(); i += kRows) {
      fill(i);
      parse(plan, scratch, batch);
      for (const Part& part : batch.parts.values)
        if (part.kind != PartKind::kMultipart && part.kind != PartKind::kMessage &&
            (part.encoding == TransferEncoding::kBase64 ||
             part.encoding == TransferEncoding::kQuotedPrintable))
          bodies.push_back({part.raw, part.encoding, part.decoded.size()});
    }
    // Only what lies in the messages outlives the batch.
    std::erase_if(bodies, [&](const Body& body) {
      for (const std::string& message : mail)
        if (body.raw.data() >= message.data() &&
            body.raw.data() + body.raw.size() <= message.data() + message.size())
          return false;
      return true;
    });
  }
  std::string_view text(size_t i) const {
    return {mail[i].data(), mail[i].size() - Batch::kPadding};
  }
  void fill(size_t first) {
    batch.clear();
    for (size_t i = first; i < mail.size() && i < first + kRows; ++i)
      batch.add(text(i), i, Envelope{}, {});
  }
};

Corpus& corpus() {
  static Corpus one;
  return one;
}

void report(benchmark::State& state) {
  state.counters["us_per_message"] = benchmark::Counter(
      static_cast<double>(corpus().mail.size()) * 1e-6,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// `f(text)` over every message; the answers must be the same each time.
template <class F>
void each_message(benchmark::State& state, F f) {
  Corpus& all = corpus();
  size_t expected = 0;
  for (size_t i = 0; i < all.mail.size(); ++i) expected += f(all.text(i));
  for (auto _ : state) {
    size_t sum = 0;
    for (size_t i = 0; i < all.mail.size(); ++i) sum += f(all.text(i));
    if (sum != expected) state.SkipWithError("another answer");
  }
  report(state);
}

void newlines(benchmark::State& state) {
  each_message(state, [](std::string_view text) {
    const LineCounts lines = count_lines(text);
    return lines.lf + lines.crlf + lines.cr;
  });
}

void dash_lines(benchmark::State& state) {
  each_message(state, [](std::string_view text) {
    size_t count = 0;
    for (size_t at = find_dash_line(text, 0); at != std::string_view::npos;
         at = find_dash_line(text, at + 2))
      ++count;
    return count;
  });
}

template <class F>
void decode_bodies(benchmark::State& state, TransferEncoding encoding, F decode) {
  Arena arena;
  for (auto _ : state) {
    for (const Body& body : corpus().bodies) {
      if (body.encoding != encoding) continue;
      arena.reset();
      if (decode(body.raw, arena).bytes.size() != body.decoded) state.SkipWithError("another size");
    }
  }
  report(state);
}

void base64(benchmark::State& state) {
  decode_bodies(state, TransferEncoding::kBase64,
                [](std::string_view in, Arena& arena) { return decode_base64(in, arena); });
}
void base64_scalar(benchmark::State& state) {
  decode_bodies(state, TransferEncoding::kBase64,
                [](std::string_view in, Arena& arena) { return decode_base64_scalar(in, arena); });
}
void quoted_printable(benchmark::State& state) {
  decode_bodies(state, TransferEncoding::kQuotedPrintable, decode_quoted_printable);
}
void quoted_printable_scalar(benchmark::State& state) {
  decode_bodies(state, TransferEncoding::kQuotedPrintable, decode_quoted_printable_scalar);
}

void whole_stage(benchmark::State& state) {
  Corpus& all = corpus();
  for (auto _ : state) {
    for (size_t i = 0; i < all.mail.size(); i += kRows) {
      all.fill(i);
      parse(all.plan, all.scratch, all.batch);
      if (all.batch.parts.rows() != all.batch.rows) state.SkipWithError("rows");
    }
  }
  report(state);
}

void structure_and_headers(benchmark::State& state) {
  Corpus& all = corpus();
  for (auto _ : state) {
    for (size_t i = 0; i < all.mail.size(); i += kRows) {
      all.fill(i);
      for (uint32_t row = 0; row < all.batch.rows; ++row) {
        read_structure({all.names, all.plan.limits, all.scratch.headers, all.scratch.structure, row,
                        all.batch, false});
        all.batch.headers.end_row();
        all.batch.parts.end_row();
      }
    }
  }
  report(state);
}

void digest(benchmark::State& state) {
  each_message(state, [](std::string_view text) -> size_t {
    MessageDigest digest;
    digest.add(text);
    uint8_t bytes[16];
    digest.finish(bytes);
    return bytes[0];
  });
}

BENCHMARK(newlines)->Unit(benchmark::kMillisecond);
BENCHMARK(dash_lines)->Unit(benchmark::kMillisecond);
BENCHMARK(base64)->Unit(benchmark::kMillisecond);
BENCHMARK(base64_scalar)->Unit(benchmark::kMillisecond);
BENCHMARK(quoted_printable)->Unit(benchmark::kMillisecond);
BENCHMARK(quoted_printable_scalar)->Unit(benchmark::kMillisecond);
BENCHMARK(structure_and_headers)->Unit(benchmark::kMillisecond);
BENCHMARK(digest)->Unit(benchmark::kMillisecond);
BENCHMARK(whole_stage)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace winnow
