// CPU microseconds a message of what classifying adds, by both tokenizers: its tokens, their counts
// among a million learnt tokens, the opinion; and all of it, with the question and the answer
// between. Beside the rows of the limits: counts 7.2, combining 0.9, and 10 of which all of it is
// possible (25 is the bound). Words and stems are a stage of their own (text_bench).
//
// tokenizer:3 is osb with the counts in a Redis of its own, on a unix socket, where redis-server is
// installed; 60 is the bound. What is asked for again is in memory, as with a service.
//
// Of the mail every other message is learnt, by the folder it lies in, and the rest is judged. The
// answers are checked against counts in a plain map.
//
// WINNOW_MAIL=folder build/bench/bench/micro/classify_bench
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/micro/mail.h"
#include "engine/classify/bayes.h"
#include "engine/classify/features.h"
#include "engine/classify/osb.h"
#include "engine/content/content.h"
#include "engine/mime/parse.h"
#include "engine/text/texts.h"
#include "engine/text/words.h"
#include "engine/url/urls.h"
#include "pipeline/learn/count_table.h"
#include "pipeline/learn/redis_statistics.h"
#include "pipeline/learn/statistics.h"
#include "tests/unit/own_folder.h"
#include "tests/unit/store/redis_process.h"

namespace winnow {
namespace {

constexpr uint32_t kRows = 32;
constexpr size_t kLearntTokens = 1'000'000;
constexpr int64_t kOsbInRedis = 3;  // beside the numbers of tokenizers
constexpr double kCountsRow = 7.2, kOpinionRow = 0.9, kAllRow = 10;

std::string made_up(int number) {
  std::string text = "Subject: number " + std::to_string(number % 7) +
                     "\r\nFrom: Someone <a@b.example>\r\nContent-Type: text/plain; "
                     "charset=utf-8\r\n\r\n";
  for (int line = 0; line < 60; ++line)
    text += (number % 4 < 2 ? "The meeting decided on item " : "Claim the prize of lottery ") +
            std::to_string(line * number % 1'000) + ".\r\n";
  return text;
}

struct Maker {
  Tokenizer tokenizer;
  OsbScratch osb = {};
  FeatureScratch features = {};

  void make(const Batch& batch, uint32_t row, TokenList& out) {
    out.clear();
    if (tokenizer == Tokenizer::kOsb)
      osb_tokens({}, osb, batch, row, out);
    else
      feature_tokens(features, batch, row, out);
  }
};

struct World {
  std::vector<std::string> paths;
  std::vector<std::string> mail = bench::load_mail(256, made_up, &paths);
  HeaderNames names;
  ParsePlan parse_plan{names, {}};
  ParseScratch parse_scratch;
  Limits limits;
  TextPlan text_plan;
  TextScratch text_scratch;
  UrlScratch url_scratch;
  WordScratch word_scratch;
  Batch batch;

  // The batch of mail[from, ...) as the classifier finds it.
  void fill(size_t from) {
    batch.clear();
    for (size_t i = from; i < std::min(mail.size(), from + kRows); ++i)
      batch.add({mail[i].data(), mail[i].size() - Batch::kPadding}, i, {}, {});
    parse(parse_plan, parse_scratch, batch);
    content({&limits}, batch);
    texts(text_plan, text_scratch, batch);
    urls({}, url_scratch, batch);
    words(text_plan, word_scratch, batch);
  }
  // Calls each(number, row) for every message of a side: 0 is learnt, 1 is judged.
  template <class Each>
  void rows(size_t side, const Each& each) {
    for (size_t from = 0; from < mail.size(); from += kRows) {
      fill(from);
      for (uint32_t row = 0; row < batch.rows; ++row)
        if ((from + row) % 2 == side) each(from + row, row);
    }
  }
};

World& world() {
  static World instance;
  return instance;
}

Tokenizer tokenizer_of(int64_t what) {
  return what == kOsbInRedis ? Tokenizer::kOsb : static_cast<Tokenizer>(what);
}

// What one tokenizer has learnt.
struct Learnt {
  OwnFolder folder;
  std::unique_ptr<RedisProcess> redis;
  std::unique_ptr<SiteStatistics> statistics;
  std::unordered_map<uint64_t, TokenCount> plain;
  LearnCount learns;
  std::vector<TokenList> judged;
  std::vector<TokenCounts> answers;  // of each judged one
  const BayesOptions options{.min_token_hits = 1, .min_learns = 1};

  std::unique_ptr<SiteStatistics> open(bool in_redis) {
    if (!in_redis) {
      auto opened = TokenStatistics::open({.folder = folder.path()});
      if (!opened) std::abort();
      return std::move(*opened);
    }
    redis = std::make_unique<RedisProcess>();
    RedisOptions servers = redis->options();
    servers.timeout_ms = 60'000;
    auto opened =
        RedisStatistics::open(RedisClient::make(servers).value(),
                              {.layout = {}, .folder = folder.path(), .cache_ms = 3'600'000});
    if (!opened) std::abort();
    return std::move(*opened);
  }

  explicit Learnt(int64_t what) {
    const Tokenizer tokenizer = tokenizer_of(what);
    CountTable table;
    table.tokenizer = tokenizer;
    Maker maker{.tokenizer = tokenizer};
    TokenList tokens;
    world().rows(0, [&](size_t number, uint32_t row) {
      maker.make(world().batch, row, tokens);
      const bool spam = world().paths[number].empty()
                            ? number % 4 >= 2
                            : world().paths[number].find("/spam/") != std::string::npos;
      ++(spam ? table.learns.spam : table.learns.ham);
      for (size_t i = 0; i < tokens.hashes.size(); ++i) {
        CountTable::Count& count = table.counts[tokens.hashes[i]];
        ++(spam ? count.spam : count.ham);
        count.kind = tokens.kinds[i];
      }
    });
    std::mt19937_64 random(1);
    while (table.counts.size() < kLearntTokens) table.counts[random()].ham = 1;
    learns = table.learns;
    for (const auto& [hash, count] : table.counts)
      plain[hash] = {static_cast<uint32_t>(count.spam), static_cast<uint32_t>(count.ham)};

    statistics = open(what == kOsbInRedis);
    std::vector<LearnRecord> records;
    append_counts_records(table, records);
    for (size_t at = 0; at < records.size(); at += 64)
      if (!statistics->learn(
              std::span(records).subspan(at, std::min<size_t>(64, records.size() - at))))
        std::abort();

    world().rows(1, [&](size_t, uint32_t row) {
      maker.make(world().batch, row, tokens);
      judged.push_back(tokens);
      TokenCounts counts{.learns = learns, .counts = {}};
      for (const uint64_t hash : tokens.hashes) {
        const auto found = plain.find(hash);
        counts.counts.push_back(found == plain.end() ? TokenCount{} : found->second);
      }
      answers.push_back(std::move(counts));
    });
    warm();
  }

  // Asks until the counts are in memory.
  void warm() {
    for (size_t asked = 0; asked < 300'000;)
      for (const TokenList& tokens : judged) {
        if (!statistics->counts(tokens)) std::abort();
        asked += tokens.hashes.size() + 1;
      }
  }
};

Learnt& learnt(const benchmark::State& state) {
  static std::array<std::unique_ptr<Learnt>, kOsbInRedis + 1> instances;
  std::unique_ptr<Learnt>& one = instances[static_cast<size_t>(state.range(0))];
  if (!one) one = std::make_unique<Learnt>(state.range(0));
  return *one;
}

uint64_t bits(const Opinion& opinion) {
  return opinion.known ? std::bit_cast<uint64_t>(opinion.odds) : 1;
}

void tokens(benchmark::State& state) {
  Maker maker{.tokenizer = tokenizer_of(state.range(0))};
  TokenList list;
  bench::Passes passes(state);
  size_t messages = 0;
  for (auto _ : state) {
    double seconds = 0;
    uint64_t sum = 0;
    messages = 0;
    for (size_t from = 0; from < world().mail.size(); from += kRows) {
      world().fill(from);
      const double begin = bench::cpu_seconds();
      for (uint32_t row = 0; row < world().batch.rows; ++row, ++messages) {
        maker.make(world().batch, row, list);
        sum += list.hashes.size();
      }
      seconds += bench::cpu_seconds() - begin;
    }
    passes.add(seconds, sum);
    state.counters["tokens"] = static_cast<double>(sum) / static_cast<double>(messages);
  }
  passes.report(messages, 0);
}

void counts(benchmark::State& state) {
  const Learnt& known = learnt(state);
  for (size_t i = 0; i < known.judged.size(); ++i)
    if (known.statistics->counts(known.judged[i])->counts != known.answers[i].counts)
      state.SkipWithError("other counts");
  bench::run_passes(state, known.judged.size(), kCountsRow, [&] {
    uint64_t seen = 1;
    for (const TokenList& one : known.judged) {
      const Result<TokenCounts> found = known.statistics->counts(one);
      if (!found) return uint64_t{0};
      seen += found->counts[0].ham + found->learns.spam;
    }
    return seen;
  });
}

void opinion(benchmark::State& state) {
  const Learnt& known = learnt(state);
  OpinionScratch scratch;
  bench::run_passes(state, known.judged.size(), kOpinionRow, [&] {
    uint64_t sum = 1;
    for (size_t i = 0; i < known.judged.size(); ++i)
      sum += bits(opinion_of(known.options, known.judged[i], known.answers[i], scratch));
    return sum;
  });
}

// From a batch with words to what each message is, with the bytes of question and answer; as a
// service does it: the whole batch asks, then each message is answered and judged.
void all(benchmark::State& state) {
  const Learnt& known = learnt(state);
  Maker maker{.tokenizer = tokenizer_of(state.range(0))};
  TokenList asked, read;
  TokenCounts answer;
  OpinionScratch scratch, plain_scratch;
  std::vector<std::string> questions(kRows);
  std::string bytes;
  bench::Passes passes(state);
  for (auto _ : state) {
    double seconds = 0;
    uint64_t sum = 1;
    size_t at = 0;
    for (size_t from = 0; from < world().mail.size(); from += kRows) {
      world().fill(from);
      std::array<uint64_t, kRows> said{};
      const double begin = bench::cpu_seconds();
      for (uint32_t row = 1; row < world().batch.rows; row += 2) {
        maker.make(world().batch, row, asked);
        questions[row].clear();
        append_token_question(asked, questions[row]);
      }
      for (uint32_t row = 1; row < world().batch.rows; row += 2) {
        bytes.clear();
        if (!read_token_question(questions[row], read)) std::abort();
        const Result<TokenCounts> found = known.statistics->counts(read);
        if (!found) std::abort();
        append_token_answer(*found, bytes);
        if (!read_token_question(questions[row], read) || !read_token_answer(bytes, read, answer))
          std::abort();
        said[row] = bits(opinion_of(known.options, read, answer, scratch));
      }
      seconds += bench::cpu_seconds() - begin;
      for (uint32_t row = 1; row < world().batch.rows; row += 2, ++at) {
        sum += said[row];
        if (said[row] !=
            bits(opinion_of(known.options, known.judged[at], known.answers[at], plain_scratch)))
          state.SkipWithError("another opinion");
      }
    }
    passes.add(seconds, sum);
  }
  passes.report(known.judged.size(), kAllRow);
}

void both(benchmark::internal::Benchmark* one) {
  one->ArgName("tokenizer")
      ->Arg(static_cast<int>(Tokenizer::kOsb))
      ->Arg(static_cast<int>(Tokenizer::kWinnow))
      ->UseManualTime()
      ->Iterations(5);
}
void all_three(benchmark::internal::Benchmark* one) {
  both(one);
  if (RedisProcess::installed()) one->Arg(kOsbInRedis);
}
BENCHMARK(tokens)->Apply(both);
BENCHMARK(counts)->Apply(all_three);
BENCHMARK(opinion)->Apply(both);
BENCHMARK(all)->Apply(all_three);

}  // namespace
}  // namespace winnow
