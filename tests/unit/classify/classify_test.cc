// Values of bayes.md: token hashes and probabilities that were seen on Rspamd 3.4.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "engine/classify/bayes.h"
#include "engine/classify/logarithm.h"
#include "engine/classify/osb.h"

namespace winnow {
namespace {

std::vector<uint64_t> hashes(std::initializer_list<std::string_view> words) {
  std::vector<uint64_t> out;
  for (const std::string_view word : words) out.push_back(osb_hash(word));
  return out;
}

TEST(Logarithm, AgreesWithLibm) {
  for (double x = 1e-300; x < 1e300; x *= 1.37)
    EXPECT_NEAR(natural_log(x), std::log(x), 4e-16 * std::max(1.0, std::fabs(std::log(x)))) << x;
  for (double x = 0.25; x < 4; x += 0.0001) EXPECT_NEAR(natural_log(x), std::log(x), 3e-16) << x;
  EXPECT_EQ(natural_log(1), 0);
  for (double x = -708; x < 709; x += 0.37)
    EXPECT_NEAR(exponential(x) / std::exp(x), 1, 1e-15) << x;
  EXPECT_EQ(exponential(-709), 0);
  EXPECT_EQ(exponential(710), std::numeric_limits<double>::infinity());
}

TEST(Osb, HashesOfRspamd) {
  TokenList tokens;
  osb_window(hashes({"hello", "bob", "quarter", "meet", "are", "happen"}), {}, 5, tokens);
  ASSERT_EQ(tokens.hashes.size(), 4u);
  const std::vector<uint64_t> seen{18123587569763488254u, 11237206416146261952u,
                                   16690292729024715276u, 3093194986905504894u};
  EXPECT_EQ(tokens.hashes, seen);
  EXPECT_EQ(tokens.kinds, (std::vector<TokenKind>{1, 2, 3, 4}));
}

TEST(Osb, Windows) {
  struct Row {
    uint32_t window;
    size_t words, tokens;
  };
  // Window 2: n words make n - 2 tokens. Up to `window` words: the last is dropped.
  for (const Row& row : {Row{2, 0, 0}, Row{2, 1, 0}, Row{2, 2, 0}, Row{2, 3, 1}, Row{2, 10, 8},
                         Row{5, 2, 0}, Row{5, 3, 1}, Row{5, 5, 3}, Row{5, 6, 4}, Row{5, 7, 8},
                         Row{8, 9, 7}, Row{9, 10, 8}, Row{0, 10, 8}}) {
    TokenList tokens;
    osb_window(std::vector<uint64_t>(row.words, 7), {}, row.window, tokens);
    EXPECT_EQ(tokens.hashes.size(), row.tokens) << row.window << ' ' << row.words;
  }
}

TEST(Osb, LinkIsNeverTheOlderWord) {
  TokenList tokens;
  osb_window(hashes({"a", "b", "example.com", "c"}), {false, false, true, false}, 2, tokens);
  ASSERT_EQ(tokens.hashes.size(), 1u);
  EXPECT_EQ(tokens.hashes[0], osb_hash("example.com") + 3 * osb_hash("b"));
}

TEST(Osb, TokensHaveALimit) {
  TokenList tokens;
  osb_window(std::vector<uint64_t>(kTokensMax + 1, 1), {}, 2, tokens);
  EXPECT_EQ(tokens.hashes.size(), kTokensMax - 1u);
  osb_window(std::vector<uint64_t>(100, 1), {}, 2, tokens);
  EXPECT_EQ(tokens.hashes.size(), kTokensMax);
}

// 70 tokens, all seen in three spam messages and no ham: weights of pairs, 99.99 %.
TEST(Osb, ProbabilityOfRspamd) {
  OpinionScratch scratch;
  TokenList tokens;
  tokens.tokenizer = Tokenizer::kOsb;
  for (uint32_t i = 0; i < 70; ++i) tokens.add(i, 1);
  tokens.text_tokens = 70;
  TokenCounts counts{{3, 3}, std::vector<TokenCount>(70, TokenCount{3, 0})};
  const BayesOptions options{.min_learns = 1};
  const Opinion spam = osb_opinion(options, tokens, counts, scratch);
  EXPECT_TRUE(spam.known);
  EXPECT_GT(spam.probability, 0.9999);
  // B = .875 for a pair at distance 1, three times seen: ln .875 * 70 = -9.35, ln .125 * 70 =
  // -145.6.
  EXPECT_NEAR(spam.odds, 70 * (std::log(0.875) - std::log(0.125)), 0.01);
  counts.counts.assign(70, TokenCount{0, 3});
  EXPECT_LT(osb_opinion(options, tokens, counts, scratch).probability, 0.0001);
  counts.learns.ham = 0;
  EXPECT_FALSE(osb_opinion(options, tokens, counts, scratch).known);
}

// Once the sums leave a double's range the larger decides.
TEST(Osb, ManyTokens) {
  OpinionScratch scratch;
  TokenList tokens;
  for (uint32_t i = 0; i < 3000; ++i) tokens.add(i, 1);
  tokens.text_tokens = 3000;
  const TokenCounts counts{{300, 300}, std::vector<TokenCount>(3000, TokenCount{2, 200})};
  const Opinion opinion = osb_opinion({}, tokens, counts, scratch);
  EXPECT_TRUE(opinion.known);
  EXPECT_LT(opinion.probability, 1e-9);
}

// Sixty tokens, a dozen of each of five kinds: all of them count, whatever they say.
TEST(Winnow, DoesNotSaturate) {
  OpinionScratch scratch;
  TokenList tokens;
  for (uint32_t i = 0; i < 60; ++i) tokens.add(i, static_cast<TokenKind>(i % 5));
  double before = -1e9;
  for (uint32_t spam = 0; spam <= 60; spam += 4) {
    TokenCounts counts{{500, 500}, {}};
    for (uint32_t i = 0; i < 60; ++i)
      counts.counts.push_back(i < spam ? TokenCount{100, 1} : TokenCount{1, 100});
    const Opinion opinion = winnow_opinion({}, tokens, counts, scratch);
    EXPECT_GT(opinion.odds, before) << spam;
    EXPECT_EQ(opinion.tokens, 60u);
    before = opinion.odds;
  }
  EXPECT_GT(before, 5);
}

TEST(Winnow, OneKindDoesNotOutvoteTheOthers) {
  OpinionScratch scratch;
  TokenList tokens;
  TokenCounts counts{{500, 500}, {}};
  for (uint32_t i = 0; i < 500; ++i) {  // hundreds of words of spam
    tokens.add(i, 0);
    counts.counts.push_back({100, 1});
  }
  for (uint32_t i = 0; i < 24; ++i) {  // two dozens of ham elsewhere
    tokens.add(1'000 + i, static_cast<TokenKind>(1 + i % 2));
    counts.counts.push_back({1, 100});
  }
  const Opinion opinion = winnow_opinion({}, tokens, counts, scratch);
  EXPECT_LT(opinion.odds, 0);
  EXPECT_EQ(opinion.tokens, 36u);
}

// The strongest count: sixty clear tokens are not drowned by hundreds of doubtful ones.
TEST(Winnow, StrongTokensDecide) {
  OpinionScratch scratch;
  TokenList tokens;
  TokenCounts counts{{500, 500}, {}};
  for (uint32_t i = 0; i < 600; ++i) {
    tokens.add(i, static_cast<TokenKind>(i % 10));
    counts.counts.push_back(i < 60 ? TokenCount{20, 0} : TokenCount{1, 4});
  }
  const Opinion opinion = winnow_opinion({}, tokens, counts, scratch);
  EXPECT_GT(opinion.probability, 0.99);
}

TEST(Winnow, ClassesAreAlike) {
  OpinionScratch scratch;
  TokenList tokens;
  for (uint32_t i = 0; i < 50; ++i) tokens.add(i, 0);
  TokenCounts counts{{400, 400}, std::vector<TokenCount>(50, TokenCount{40, 4})};
  const double spam = winnow_opinion({}, tokens, counts, scratch).odds;
  counts.counts.assign(50, TokenCount{4, 40});
  EXPECT_EQ(winnow_opinion({}, tokens, counts, scratch).odds, -spam);
  counts.learns = {199, 400};
  EXPECT_FALSE(winnow_opinion({}, tokens, counts, scratch).known);
}

TEST(Tokens, QuestionAndAnswer) {
  TokenList tokens;
  tokens.tokenizer = Tokenizer::kOsb;
  tokens.scope = 77;
  tokens.add(0x0123456789abcdefu, 3);
  tokens.add(5, 1);
  tokens.text_tokens = 1;
  std::string key;
  append_token_question(tokens, key);
  TokenList read;
  ASSERT_TRUE(read_token_question(key, read));
  EXPECT_EQ(read.hashes, tokens.hashes);
  EXPECT_EQ(read.kinds, tokens.kinds);
  EXPECT_EQ(read.scope, 77u);
  EXPECT_EQ(read.text_tokens, 1u);
  for (size_t n = 0; n < key.size(); ++n)
    EXPECT_FALSE(read_token_question(std::string_view(key).substr(0, n), read)) << n;
  EXPECT_FALSE(read_token_question(key + "x", read));

  const TokenCounts counts{{9, 1u << 20}, {{1, 2}, {4000000000u, 0}}};
  std::string value;
  append_token_answer(counts, value);
  TokenCounts back;
  ASSERT_TRUE(read_token_answer(value, 2, back));
  EXPECT_EQ(back.learns, counts.learns);
  EXPECT_EQ(back.counts, counts.counts);
  EXPECT_FALSE(read_token_answer(value, 3, back));
}

}  // namespace
}  // namespace winnow
