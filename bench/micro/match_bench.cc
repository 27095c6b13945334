// Microseconds a message of the match stage: 100 and 300 body patterns, header patterns, words,
// folded literals, and URL patterns (microseconds a URL). Patterns are ours, of the shapes rules
// have: four of five hold a literal of four bytes or more. Limits: "Hyperscan" 100 body rules 24,
// 300 rules 77, 587 header rules 33, 128 URI rules 15 (about 5 a URL).
//
// WINNOW_MAIL=folder build/bench/bench/micro/match_bench
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/micro/mail.h"
#include "engine/match/match.h"
#include "engine/mime/parse.h"
#include "engine/text/texts.h"
#include "engine/text/words.h"
#include "fmt/format.h"

namespace winnow {
namespace {

constexpr uint32_t kRows = 32;

constexpr std::string_view kWords[] = {
    "account",   "verify",    "urgent",  "invoice",     "payment", "discount",  "pharmacy",
    "winner",    "lottery",   "claim",   "password",    "expired", "suspended", "bitcoin",
    "transfer",  "million",   "dollars", "unsubscribe", "click",   "limited",   "offer",
    "exclusive", "guarantee", "refund",  "security",    "update",  "confirm",   "delivery",
    "package",   "customs",   "inherit", "investment"};

constexpr std::string_view kPlainShapes[] = {
    "{}\\s+{}", "\\b{}\\b.{{0,20}}\\b{}\\b", "(?:your|the)\\s+{}\\s+(?:is|was|has)\\s+{}",
    "{}(?:ed|ing|s)?\\s+(?:now|today).*{}", "^{}[:!]\\s*{}"};
constexpr std::string_view kHardShapes[] = {"\\b[A-Z]{{{0},}}\\s+[A-Z]{{{0},}}\\b",
                                            "\\$\\s?\\d{{{0},}}(?:,\\d{{3}})*",
                                            "\\b\\w(?:[\\s._-]\\w){{{0},}}\\b",
                                            "[\\w.]+@[\\w.]+\\.[a-z]{{{0}}}\\b",
                                            "(?:[^\\s]{{{0}}}){{5}}",
                                            "\\d{{{0}}}%"};

std::vector<std::string> patterns(size_t count) {
  std::vector<std::string> out;
  for (size_t i = 0; i < count; ++i) {
    if (i % 5 == 4) {
      out.push_back(fmt::format(fmt::runtime(kHardShapes[i / 5 % std::size(kHardShapes)]),
                                2 + i / 5 / std::size(kHardShapes)));
    } else {
      out.push_back(fmt::format(fmt::runtime(kPlainShapes[i % std::size(kPlainShapes)]),
                                kWords[i * 7 % std::size(kWords)],
                                kWords[(i * 13 + i / 32) % std::size(kWords)]));
    }
  }
  return out;
}

std::string made_up(int number) {
  std::string text = fmt::format(
      "Subject: number {}\r\nFrom: Someone <a@b.example>\r\nReceived: from a\r\n\r\n", number);
  for (int line = 0; line < 60; ++line) {
    text += fmt::format("What the meeting said of your {} offer, item {}.\r\n",
                        kWords[(number + line) % std::size(kWords)], line * number);
  }
  return text;
}

const std::vector<std::string>& mail() {
  static const std::vector<std::string> loaded = bench::load_mail(64, made_up);
  return loaded;
}

// Runs one pass over all mail; only the match stage is timed.
void measure(benchmark::State& state, const std::vector<PatternSpec>& specs, bool per_url = false,
             Databases databases = Databases::kAll) {
  MatchPlanBuilder builder;
  for (uint32_t i = 0; i < specs.size(); ++i) {
    if (!builder.add(specs[i], AtomId(i))) return state.SkipWithError(specs[i].regex.c_str());
  }
  const auto plan = builder.build({.databases = databases});
  const auto slow = plan->with_databases({.databases = Databases::kNone});
  HeaderNames names;
  const ParsePlan parse_plan{names, {}};
  ParseScratch parse_scratch;
  const TextPlan text_plan{};
  TextScratch text_scratch;
  WordScratch word_scratch;
  MatchScratch scratch, slow_scratch;
  Batch batch;
  uint64_t messages = 0, urls = 0, hits = 0;
  bool checked = false;
  for (auto _ : state) {
    double seconds = 0;
    for (size_t from = 0; from < mail().size(); from += kRows) {
      batch.clear();
      for (size_t i = from; i < std::min(mail().size(), from + kRows); ++i) {
        batch.add(std::string_view(mail()[i]).substr(0, mail()[i].size() - Batch::kPadding), i, {},
                  {});
      }
      parse(parse_plan, parse_scratch, batch);
      texts(text_plan, text_scratch, batch);
      words(text_plan, word_scratch, batch);
      for (uint32_t row = 0; row < batch.rows; ++row) {
        for (int i = 0; i < 3; ++i) {
          Url url;
          url.normal = batch.arena.copy(std::string_view(
              fmt::format("https://www.example{}.test/path/to/{}?id={}", row, row * i, i)));
          batch.urls.values.push_back(url);
          ++urls;
        }
        batch.urls.end_row();
      }
      const double begin = bench::cpu_seconds();
      match(*plan, scratch, batch);
      seconds += bench::cpu_seconds() - begin;
      messages += batch.rows;
      hits += batch.atoms.size();
      if (checked) continue;
      // The first batch is checked against PCRE2 alone.
      checked = true;
      const size_t found = batch.atoms.size();
      batch.atoms.clear();
      match(*slow, slow_scratch, batch);
      if (batch.atoms.size() != found) return state.SkipWithError("databases and PCRE2 differ");
    }
    state.SetIterationTime(seconds);
  }
  const auto rate = [&](uint64_t units) {
    return benchmark::Counter(static_cast<double>(units) / 1e6,
                              benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  };
  state.counters[per_url ? "us_per_url" : "us_per_message"] = rate(per_url ? urls : messages);
  state.counters["hits_per_message"] = static_cast<double>(hits) / static_cast<double>(messages);
  state.counters["database_KiB"] = static_cast<double>(plan->report().database_bytes) / 1024;
}

std::vector<PatternSpec> in_scope(ScopeKind scope, size_t count, bool literals = false) {
  std::vector<PatternSpec> specs;
  for (std::string& regex : patterns(count)) {
    PatternSpec spec;
    spec.regex = std::move(regex);
    if (literals) {
      const size_t i = specs.size();
      spec.regex = fmt::format("{} {}", kWords[i % std::size(kWords)],
                               kWords[(i + 1 + i / std::size(kWords)) % std::size(kWords)]);
    }
    spec.flags = bit(PatternFlag::kIgnoreCase);
    spec.scope = scope;
    specs.push_back(std::move(spec));
  }
  return specs;
}

void BM_Body(benchmark::State& state) {
  measure(state, in_scope(ScopeKind::kPart, static_cast<size_t>(state.range(0))));
}
BENCHMARK(BM_Body)->Arg(100)->Arg(300)->UseManualTime()->Unit(benchmark::kMillisecond);

void BM_SaBody(benchmark::State& state) { measure(state, in_scope(ScopeKind::kSaBody, 100)); }
BENCHMARK(BM_SaBody)->UseManualTime()->Unit(benchmark::kMillisecond);

void BM_FoldedLiterals(benchmark::State& state) {
  measure(state, in_scope(ScopeKind::kFolded, 300, true));
}
BENCHMARK(BM_FoldedLiterals)->UseManualTime()->Unit(benchmark::kMillisecond);

void BM_Headers(benchmark::State& state) {
  constexpr known::Known kNames[] = {known::kReceived, known::kMessageId,  known::kXMailer,
                                     known::kSubject,  known::kFrom,       known::kUserAgent,
                                     known::kTo,       known::kContentType};
  std::vector<PatternSpec> specs = in_scope(ScopeKind::kHeader, 300);
  for (size_t i = 0; i < specs.size(); ++i) {
    specs[i].header = header_id(kNames[i % std::size(kNames)]);
    if (i % 4 == 0) specs[i].scope = ScopeKind::kRawHeader;
  }
  measure(state, specs);
}
BENCHMARK(BM_Headers)->UseManualTime()->Unit(benchmark::kMillisecond);

void BM_Words(benchmark::State& state) {
  std::vector<PatternSpec> specs;
  for (std::string_view regex :
       {"^(?:account|verify)$", "^[a-z]{3}\\d{3}$", "^ur+gent", "(.)\\1{4}", "^million$"}) {
    specs.push_back({.regex = std::string(regex), .scope = ScopeKind::kWord});
  }
  measure(state, specs);
}
BENCHMARK(BM_Words)->UseManualTime()->Unit(benchmark::kMillisecond);

void BM_Urls(benchmark::State& state) {
  std::vector<PatternSpec> specs = in_scope(ScopeKind::kUrl, 128);
  measure(state, specs, true);
}
BENCHMARK(BM_Urls)->UseManualTime()->Unit(benchmark::kMillisecond);

void BM_BodyStandIn(benchmark::State& state) {
  measure(state, in_scope(ScopeKind::kPart, 100), false, Databases::kNone);
}
BENCHMARK(BM_BodyStandIn)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace winnow
