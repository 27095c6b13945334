// Values of bayes.md: token hashes and probabilities that were seen on Rspamd 3.4.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <random>

#include "engine/classify/bayes.h"
#include "engine/classify/logarithm.h"
#include "engine/classify/lowered_value.h"
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

TEST(Logarithm, many_at_once_have_the_same_bits) {
  std::mt19937_64 random(3);
  for (size_t n = 0; n < 40; ++n)
    for (int round = 0; round < 200; ++round) {
      std::vector<double> numbers(n), one_by_one;
      for (double& x : numbers)
        x = std::ldexp(
            1 + static_cast<double>(random() >> 11) * 0x1p-53,
            static_cast<int>(random() % (round % 2 ? 4 : 2'000)) - (round % 2 ? 2 : 1'000));
      for (const double x : numbers) one_by_one.push_back(natural_log(x));
      natural_logs(numbers);
      for (size_t i = 0; i < n; ++i)
        ASSERT_EQ(std::bit_cast<uint64_t>(numbers[i]), std::bit_cast<uint64_t>(one_by_one[i]));
    }
}

// The words of a value as features.cc says them, byte by byte.
std::vector<std::pair<std::string, size_t>> slow_words(std::string_view value) {
  const auto is = [](char c, bool joiner) {
    return std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) > 127 ||
           (joiner && (c == '.' || c == '-' || c == '_'));
  };
  std::vector<std::pair<std::string, size_t>> out;
  for (size_t at = 0; at < value.size(); ++at) {
    if (!is(value[at], false)) continue;
    std::string word;
    size_t digits = 0;
    for (; at < value.size() && is(value[at], at + 1 < value.size()); ++at) {
      word += value[at] >= 'A' && value[at] <= 'Z' ? static_cast<char>(value[at] + 32) : value[at];
      digits += value[at] >= '0' && value[at] <= '9';
    }
    out.emplace_back(word, word.size() < 12 || word.size() > 64 ? 0 : digits);
  }
  return out;
}

TEST(LoweredValueTest, has_the_words_of_a_walk_by_bytes) {
  std::mt19937_64 random(5);
  LoweredValue value;
  for (int round = 0; round < 20'000; ++round) {
    // Of long words and of short ones, of all lengths around the sixteen and sixty-four at once.
    const std::string_view bytes = round % 3 == 0 ? "aZ09.-_@[`{/: \xC3\x80\xFF" : "abcXYZ019.-";
    std::string text;
    for (size_t n = random() % (round % 7 ? 140 : 700); n > 0; --n)
      text += random() % 40 == 0 ? ' ' : bytes[random() % bytes.size()];
    value.begin(text);
    std::string first = text.substr(0, 64);
    for (char& c : first)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    ASSERT_EQ(value.first(), first);
    LoweredValue::Word word;
    for (const auto& [slow, digits] : slow_words(text)) {
      ASSERT_TRUE(value.next(word)) << text;
      ASSERT_EQ(word.text, slow) << text;
      ASSERT_EQ(word.digits, digits) << text;
    }
    ASSERT_FALSE(value.next(word)) << text;
  }
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

// Forty tokens, eight of each of five kinds: all of them count, whatever they say.
TEST(Winnow, DoesNotSaturate) {
  OpinionScratch scratch;
  TokenList tokens;
  for (uint32_t i = 0; i < 40; ++i) tokens.add(i, static_cast<TokenKind>(i % 5));
  double before = -1e9;
  for (uint32_t spam = 0; spam <= 40; spam += 4) {
    TokenCounts counts{{500, 500}, {}};
    for (uint32_t i = 0; i < 40; ++i)
      counts.counts.push_back(i < spam ? TokenCount{100 + i, 1} : TokenCount{1, 100 + i});
    const Opinion opinion = winnow_opinion({}, tokens, counts, scratch);
    EXPECT_GT(opinion.odds, before) << spam;
    EXPECT_EQ(opinion.tokens, 40u);
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
  EXPECT_EQ(opinion.tokens, 24u);
}

// The strongest count: clear tokens are not drowned by hundreds of doubtful ones.
// Tokens with the same counts were mostly seen in the same messages: they prove less than others.
TEST(Winnow, TokensWithTheSameCountsAreWorthLess) {
  OpinionScratch scratch;
  TokenList tokens;
  TokenCounts same{{500, 500}, {}}, apart = same;
  for (uint32_t i = 0; i < 16; ++i) {
    tokens.add(i, static_cast<TokenKind>(i % 4));
    same.counts.push_back({20, 0});
    apart.counts.push_back({20 - i % 2 * 8 + i / 2, 0});  // half of them with fewer counts
  }
  const Opinion together = winnow_opinion({}, tokens, same, scratch);
  EXPECT_EQ(together.tokens, 16u);
  EXPECT_LT(together.odds, winnow_opinion({}, tokens, apart, scratch).odds);
}

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
  ASSERT_TRUE(read_token_answer(value, tokens, back));
  EXPECT_EQ(back.learns, counts.learns);
  EXPECT_EQ(back.counts, counts.counts);
  tokens.add(7, 0);
  EXPECT_FALSE(read_token_answer(value, tokens, back));
}

// The combination as README.md says it, token by token and with a sort of all: what the fast one
// must equal, bit for bit.
Opinion slow_opinion(const BayesOptions& options, const TokenList& tokens,
                     const TokenCounts& counts) {
  const LearnCount learns = counts.learns;
  Opinion out;
  if (tokens.hashes.size() < options.min_tokens || learns.spam < options.min_learns ||
      learns.ham < options.min_learns || learns.spam == 0 || learns.ham == 0)
    return out;
  const auto less = static_cast<double>(std::min(learns.spam, learns.ham));
  const double spam_scale = less / static_cast<double>(learns.spam);
  const double ham_scale = less / static_cast<double>(learns.ham);
  struct Token {
    double distance, ratio;
    size_t index;
  };
  std::vector<Token> all;
  for (size_t i = 0; i < tokens.hashes.size(); ++i) {
    const TokenCount count = counts.counts[i];
    const double spam = count.spam * spam_scale + 0.05, ham = count.ham * ham_scale + 0.05;
    if (uint64_t{count.spam} + count.ham < std::max(1u, options.min_token_hits)) continue;
    all.push_back({std::min(8104.0, std::max(spam, ham) / std::min(spam, ham)), spam / ham, i});
  }
  std::ranges::sort(all, [&](const Token& a, const Token& b) {
    return a.distance != b.distance ? a.distance > b.distance
                                    : tokens.hashes[a.index] < tokens.hashes[b.index];
  });
  std::array<int, 256> of_kind{};
  double sum = 0, worth = 0;
  std::array<double, 2> last_ratio{};  // for ham, for spam
  std::array<int, 2> alike{};
  const auto together = [](int n) { return n == 0 ? 0 : exponential(0.8 * natural_log(n)); };
  for (const Token& one : all) {
    int& taken = of_kind[tokens.kinds[one.index]];
    if (out.tokens == 40) break;
    if (taken == 8) continue;
    const double odds = natural_log(one.ratio);
    if (odds > -1 && odds < 1) break;
    ++taken;
    ++out.tokens;
    const size_t side = odds > 0;
    alike[side] = last_ratio[side] == one.ratio ? alike[side] + 1 : 1;
    last_ratio[side] = one.ratio;
    const double own = together(alike[side]) - together(alike[side] - 1);
    sum += own * std::clamp(odds, -9.0, 9.0);
    worth += own;
  }
  if (out.tokens == 0) return out;
  out.known = true;
  out.odds = 0.25 * sum / std::sqrt(worth);
  out.probability = 1 / (1 + exponential(-out.odds));
  return out;
}

TEST(WinnowTest, equals_a_slow_one_bit_for_bit) {
  std::mt19937_64 random(7);
  OpinionScratch scratch;
  int known = 0;
  for (int round = 0; round < 3'000; ++round) {
    BayesOptions options;
    options.min_learns = 1;
    options.min_token_hits = static_cast<uint32_t>(random() % 4);
    options.min_tokens = 0;
    TokenList tokens;
    TokenCounts counts;
    counts.learns = {1 + random() % 3'000, 1 + random() % 3'000};
    const size_t n = random() % 300;
    // Few values, so that many are equal; some at the limits of what is counted.
    const uint64_t most = random() % 3 == 0 ? 3 : random() % 2 ? 60 : 5'000;
    for (size_t i = 0; i < n; ++i) {
      tokens.add(random(), static_cast<TokenKind>(random() % (round % 2 ? 11 : 2)));
      const auto count = [&] {
        const uint64_t one = random();
        return one % 4 == 0     ? 0u
               : one % 997 == 1 ? UINT32_MAX
                                : static_cast<uint32_t>(random() % most);
      };
      counts.counts.push_back({count(), count()});
    }
    const Opinion fast = winnow_opinion(options, tokens, counts, scratch);
    const Opinion slow = slow_opinion(options, tokens, counts);
    ASSERT_EQ(fast.known, slow.known) << round;
    ASSERT_EQ(fast.tokens, slow.tokens) << round;
    ASSERT_EQ(std::bit_cast<uint64_t>(fast.odds), std::bit_cast<uint64_t>(slow.odds)) << round;
    ASSERT_EQ(fast.probability, slow.probability) << round;
    known += fast.known;
  }
  EXPECT_GT(known, 2'000);
}

TEST(TokensTest, questions_with_classes) {
  TokenList tokens;
  tokens.add(1, 2);
  tokens.add(5, 3);
  tokens.user = "me@x.example";
  tokens.classes = {"spam", "ham", "news"};
  std::string key;
  append_token_question(tokens, key);
  TokenList read;
  ASSERT_TRUE(read_token_question(key, read));
  EXPECT_EQ(read.classes, tokens.classes);
  EXPECT_EQ(read.user, tokens.user);
  EXPECT_EQ(token_question_bytes(key + "more"), key.size());
  for (size_t n = 0; n < key.size(); ++n)
    EXPECT_FALSE(read_token_question(std::string_view(key).substr(0, n), read)) << n;
  EXPECT_FALSE(read_token_question(key + "x", read));

  TokenCounts counts;
  resize_counts(tokens, counts);
  for (size_t one = 0; one < 3; ++one) {
    counts.set_learnt(one, 10 + one);
    for (size_t i = 0; i < 2; ++i) counts.set_count(one, i, static_cast<uint32_t>(one * 2 + i));
  }
  std::string value;
  append_token_answer(counts, value);
  TokenCounts back;
  ASSERT_TRUE(read_token_answer(value, tokens, back));
  for (size_t one = 0; one < 3; ++one) {
    EXPECT_EQ(back.learnt(one), 10 + one);
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(back.count(one, i), one * 2 + i);
  }
  EXPECT_EQ(back.learnt(3), 0u);  // beside the last
  tokens.classes.push_back("ads");
  EXPECT_TRUE(read_token_answer(value, tokens, back));
  for (const char* const more : {"a", "b"}) tokens.classes.push_back(more);
  EXPECT_FALSE(read_token_answer(value, tokens, back));
}

TEST(TokensTest, as_many_classes_as_there_may_be) {
  TokenList tokens;
  tokens.add(1, 2);
  for (size_t i = 0; i < kClassesMax; ++i) tokens.classes.push_back("c" + std::to_string(i));
  std::string key;
  append_token_question(tokens, key);
  TokenList read;
  EXPECT_TRUE(read_token_question(key, read));
  EXPECT_EQ(read.classes, tokens.classes);
  tokens.classes.push_back("over");
  key.clear();
  append_token_question(tokens, key);
  EXPECT_FALSE(read_token_question(key, read));

  EXPECT_TRUE(is_class_name(std::string(kClassNameMax, 'x')));
  EXPECT_FALSE(is_class_name(std::string(kClassNameMax + 1, 'x')));
  for (const char* const name : {"", "1x", "-", "_a", "a b", "a=b", "a:b", "\xC3\xA4"})
    EXPECT_FALSE(is_class_name(name)) << name;
  EXPECT_TRUE(is_class_name("News.letter-2_x"));
}

// Three classes that each have ten tokens of their own, and ten that all share.
struct ThreeClasses {
  TokenList tokens;
  TokenCounts counts;
  explicit ThreeClasses(Tokenizer tokenizer, size_t own_of, uint64_t learnt = 50) {
    tokens.tokenizer = tokenizer;
    tokens.classes = {"spam", "ham", "news"};
    for (uint64_t i = 0; i < 20; ++i) tokens.add(i + 1, 1);
    tokens.text_tokens = 20;
    resize_counts(tokens, counts);
    for (size_t one = 0; one < 3; ++one) {
      counts.set_learnt(one, learnt);
      for (size_t i = 0; i < 20; ++i)
        counts.set_count(one, i, i >= 10 ? 30 : one == own_of ? 40 : 0);
    }
  }
  ClassOpinion opinion(uint32_t min_learns = 50) const {
    BayesOptions options;
    options.min_learns = min_learns;
    OpinionScratch scratch;
    return class_opinion(options, tokens, counts, scratch);
  }
};

TEST(ClassesTest, the_class_whose_tokens_they_are) {
  for (const Tokenizer tokenizer : {Tokenizer::kOsb, Tokenizer::kWinnow})
    for (uint32_t one = 0; one < 3; ++one) {
      const ClassOpinion opinion = ThreeClasses(tokenizer, one).opinion();
      EXPECT_TRUE(opinion.known);
      EXPECT_EQ(opinion.best, one);
      EXPECT_GT(opinion.probability, 0.85);
    }
}

TEST(ClassesTest, classes_of_which_too_little_is_learnt) {
  for (const Tokenizer tokenizer : {Tokenizer::kOsb, Tokenizer::kWinnow}) {
    ThreeClasses three(tokenizer, 2);
    EXPECT_FALSE(three.opinion(51).known);
    three.counts.set_learnt(2, 49);  // of the third not enough: it is not chosen
    EXPECT_NE(three.opinion().best, 2u);
    three.counts.set_learnt(1, 49);  // one alone has nothing beside it
    EXPECT_FALSE(three.opinion().known);
  }
}

// Worked out from facts/bayes.md: ten tokens of distance 4 (weight 1), seen 40 times in the third
// of three classes, and ten that each class has 30 times; each has 50 messages.
TEST(ClassesTest, the_sums_of_osb) {
  ThreeClasses three(Tokenizer::kOsb, 2);
  std::ranges::fill(three.tokens.kinds, TokenKind{4});
  // A share of 0.6 is further than 0.05 from a third: what all share is not left out.
  const double w = 40.0 / 41, own = (w / 3 + 40 * 0.8) / (w + 40), other = (w / 3) / (w + 40);
  const double w90 = 90.0 / 91, shared = (w90 / 3 + 90 * 0.6) / (w90 + 90);
  const double all = 10 * std::log(own) + 10 * std::log(shared);
  double term = std::exp(all), by_chance = term;
  for (int i = 1; i < 20; ++i) by_chance += term *= -all / i;
  EXPECT_LT(10 * std::log(other) + 10 * std::log(shared), all);
  const ClassOpinion opinion = three.opinion();
  EXPECT_EQ(opinion.best, 2u);
  EXPECT_NEAR(opinion.probability, by_chance > 0.999 ? 0.90 : 1 - by_chance, 1e-9);
}

}  // namespace
}  // namespace winnow
