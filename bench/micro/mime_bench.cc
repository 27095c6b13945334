// CPU microseconds a message of cutting and decoding mail, beside the rows of the limits: newlines
// 1.2, MIME split 1.6, base64 0.6, quoted-printable 0.9, and of bench/README.md: digest, headers.
//
// WINNOW_MAIL=folder build/bench/bench/micro/mime_bench
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/micro/mail.h"
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

struct Body {
  std::string_view raw;
  TransferEncoding encoding;
};

struct Corpus {
  std::vector<std::string> mail = bench::load_mail(64, made_up);
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
          bodies.push_back({part.raw, part.encoding});
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

// `f(text)` over every message.
template <class F>
void each_message(benchmark::State& state, double row_us, F f) {
  Corpus& all = corpus();
  bench::run_passes(state, all.mail.size(), row_us, [&] {
    uint64_t sum = 0;
    for (size_t i = 0; i < all.mail.size(); ++i) sum += f(all.text(i));
    return sum;
  });
}

void newlines(benchmark::State& state) {
  each_message(state, 1.2, [](std::string_view text) {
    const LineCounts lines = count_lines(text);
    return lines.lf + lines.crlf + lines.cr;
  });
}

void dash_lines(benchmark::State& state) {
  each_message(state, 1.6, [](std::string_view text) {
    size_t count = 0;
    for (size_t at = find_dash_line(text, 0); at != std::string_view::npos;
         at = find_dash_line(text, at + 2))
      ++count;
    return count;
  });
}

template <class F>
void decode_bodies(benchmark::State& state, double row_us, TransferEncoding encoding, F decode) {
  Arena arena;
  bench::run_passes(state, corpus().mail.size(), row_us, [&] {
    uint64_t bytes = 0;
    for (const Body& body : corpus().bodies) {
      if (body.encoding != encoding) continue;
      arena.reset();
      bytes += decode(body.raw, arena).bytes.size();
    }
    return bytes;
  });
}

void base64(benchmark::State& state) {
  decode_bodies(state, 0.6, TransferEncoding::kBase64,
                [](std::string_view in, Arena& arena) { return decode_base64(in, arena); });
}
void base64_scalar(benchmark::State& state) {
  decode_bodies(state, 3.3, TransferEncoding::kBase64,
                [](std::string_view in, Arena& arena) { return decode_base64_scalar(in, arena); });
}
void quoted_printable(benchmark::State& state) {
  decode_bodies(state, 0.9, TransferEncoding::kQuotedPrintable, decode_quoted_printable);
}
void quoted_printable_scalar(benchmark::State& state) {
  decode_bodies(state, 1.5, TransferEncoding::kQuotedPrintable, decode_quoted_printable_scalar);
}

// The rows above, and of bench/README.md the header block and what headers say.
void whole_stage(benchmark::State& state) {
  Corpus& all = corpus();
  all.plan.digest = false;
  bench::run_passes(state, all.mail.size(), bench::kParseRow, [&] {
    uint64_t parts = 0;
    for (size_t i = 0; i < all.mail.size(); i += kRows) {
      all.fill(i);
      parse(all.plan, all.scratch, all.batch);
      parts += all.batch.parts.values.size();
    }
    return parts;
  });
}

void structure_and_headers(benchmark::State& state) {
  Corpus& all = corpus();
  bench::run_passes(state, all.mail.size(), 0, [&] {
    uint64_t parts = 0;
    for (size_t i = 0; i < all.mail.size(); i += kRows) {
      all.fill(i);
      for (uint32_t row = 0; row < all.batch.rows; ++row) {
        read_structure({all.names, all.plan.limits, all.scratch.headers, all.scratch.structure, row,
                        all.batch, false});
        all.batch.headers.end_row();
        all.batch.parts.end_row();
      }
      parts += all.batch.parts.values.size();
    }
    return parts;
  });
}

// Every byte of the message, as the digest of a text without markup is; measures a row.
void digest(benchmark::State& state) {
  each_message(state, 0, [](std::string_view text) -> size_t {
    MessageDigest digest;
    digest.add(text);
    uint8_t bytes[16];
    digest.finish(bytes);
    return bytes[0];
  });
}

BENCHMARK(newlines)->UseManualTime();
BENCHMARK(dash_lines)->UseManualTime();
BENCHMARK(base64)->UseManualTime();
BENCHMARK(base64_scalar)->UseManualTime();
BENCHMARK(quoted_printable)->UseManualTime();
BENCHMARK(quoted_printable_scalar)->UseManualTime();
BENCHMARK(structure_and_headers)->UseManualTime();
BENCHMARK(digest)->UseManualTime();
BENCHMARK(whole_stage)->UseManualTime();

}  // namespace
}  // namespace winnow
