// Statistics in Redis: what stands there, key by key, and that no death of anybody loses or doubles
// what was learnt.
#include "pipeline/learn/redis_statistics.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "pipeline/learn/count_table.h"
#include "tests/unit/learn/make_record.h"
#include "tests/unit/own_folder.h"
#include "tests/unit/store/redis_process.h"

namespace winnow {
namespace {

constexpr uint64_t kFirst = 18123587569763488254u, kSecond = 12u;

LearnRecord osb_record(LearnLabel label, std::vector<uint64_t> hashes, std::string user = "") {
  LearnRecord record;
  record.label = label;
  record.tokenizer = Tokenizer::kOsb;
  record.who = "test";
  TokenList list;
  list.tokenizer = Tokenizer::kOsb;
  for (const uint64_t hash : hashes) list.add(hash, 1);
  list.user = std::move(user);
  list.scope = list.user.empty() ? 0 : 7;
  record.scope = list.scope;
  append_token_question(list, record.tokens);
  return record;
}

LearnRecord forget(LearnRecord record) {
  record.kind = LearnKind::kForget;
  return record;
}

RedisLayout layout() {
  RedisLayout out;
  out.classes = {{"spam", "BAYES_SPAM", "S"}, {"ham", "BAYES_HAM", "H"}};
  return out;
}

class RedisStatisticsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!RedisProcess::installed()) GTEST_SKIP() << "redis-server is not installed";
    server_ = std::make_unique<RedisProcess>();
  }
  std::unique_ptr<RedisStatistics> open(RedisOptions options, RedisLayout keys = layout()) {
    options.timeout_ms = std::min(options.timeout_ms, 10'000u);
    auto opened = RedisStatistics::open(RedisClient::make(options).value(),
                                        {.layout = std::move(keys), .folder = folder_.path()});
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    return std::move(*opened);
  }
  std::unique_ptr<RedisStatistics> open() { return open(server_->options()); }
  RedisReply ask(std::vector<std::string_view> words) {
    RedisBatch batch;
    batch.add("", words);
    const auto client = RedisClient::make(server_->options()).value();
    return client->run(batch, RedisUse::kWrite).value().front();
  }
  // Everything there is but marks, as "key field=value …", sorted.
  std::string all() {
    std::map<std::string, std::string> keys;
    for (const RedisReply& key : ask({"KEYS", "*"}).items) {
      if (key.text.find(":winnow:") != std::string::npos) continue;
      const std::string type = ask({"TYPE", key.text}).text;
      std::map<std::string, std::string> fields;
      const RedisReply value = ask({type == "set" ? "SMEMBERS" : "HGETALL", key.text});
      for (size_t i = 0; i < value.items.size(); i += type == "set" ? 1 : 2)
        fields[value.items[i].text] = type == "set" ? "" : "=" + value.items[i + 1].text;
      for (const auto& [name, text] : fields) keys[key.text] += " " + name + text;
    }
    std::string out;
    for (const auto& [key, text] : keys) out += key + text + "\n";
    return out;
  }
  static std::vector<Learnt> learn(RedisStatistics& statistics, std::vector<LearnRecord> records) {
    auto done = statistics.learn(records);
    EXPECT_TRUE(done.has_value()) << done.error().text();
    return done ? *done : std::vector<Learnt>();
  }

  OwnFolder folder_;
  std::unique_ptr<RedisProcess> server_;
};

TEST(RedisLearnIdTest, an_id_is_103_letters_of_rspamds_base32) {
  TokenList none;
  const std::string id = redis_learn_id(none);
  EXPECT_EQ(id.size(), 103u);
  // BLAKE2b-512 of nothing begins 78 6a 02 f7: bits from the lowest up, five a letter.
  EXPECT_EQ(id.substr(0, 8), "au4ro5me");
  TokenList user;
  user.user = "bob";
  EXPECT_NE(redis_learn_id(user), id);
}

TEST(RedisKeyTest, templates) {
  RedisLayout keys;
  keys.label = "lab";
  keys.prefix = "%s%l%r";
  EXPECT_EQ(redis_statistics_key(keys, "RS", "bob@example.net"), "RSlabbob@example.net");
  keys.prefix = "x%z%%s%";
  EXPECT_EQ(redis_statistics_key(keys, "RS", "u"), "x%z%%s%");
  keys.prefix = "";
  EXPECT_EQ(redis_statistics_key(keys, "RS", "u"), "");
}

TEST_F(RedisStatisticsTest, the_layout_is_rspamds) {
  const auto statistics = open();
  const LearnRecord spam = osb_record(LearnLabel::kSpam, {kFirst, kSecond, kSecond});
  EXPECT_EQ(learn(*statistics, {spam}), (std::vector{Learnt::kNew}));
  TokenList tokens;
  ASSERT_TRUE(read_token_question(spam.tokens, tokens));
  const std::string id = redis_learn_id(tokens), brief = id.substr(0, 32);
  EXPECT_EQ(all(),
            "BAYES_SPAM_keys RS\nRS learns_spam=1 version=2\nRS_12 S=2\n"
            "RS_18123587569763488254 S=1\nlearned_ids " +
                brief + "=1 " + id + "=1\n");
  EXPECT_EQ(learn(*statistics, {spam}), (std::vector{Learnt::kSame}));
  LearnRecord ham = spam;
  ham.label = LearnLabel::kHam;
  EXPECT_EQ(learn(*statistics, {ham}), (std::vector{Learnt::kMoved}));
  EXPECT_EQ(all(),
            "BAYES_HAM_keys RS\nBAYES_SPAM_keys RS\nRS learns_ham=1 version=2\nRS_12 H=2\n"
            "RS_18123587569763488254 H=1\nlearned_ids " +
                brief + "=0 " + id + "=-1\n");
  EXPECT_EQ(learn(*statistics, {forget(ham)}), (std::vector{Learnt::kForgotten}));
  EXPECT_EQ(all(), "BAYES_HAM_keys RS\nBAYES_SPAM_keys RS\nRS version=2\n");
  EXPECT_EQ(learn(*statistics, {forget(ham)}), (std::vector{Learnt::kUnknown}));
}

TEST_F(RedisStatisticsTest, more_classes_than_two) {
  RedisLayout keys = layout();
  keys.classes.push_back({"news", "BAYES_NEWS", "N"});
  keys.classes.push_back({"bills", "BAYES_BILLS", "bills"});
  const auto statistics = open(server_->options(), keys);
  LearnRecord one = osb_record(*LearnLabel::of("news"), {kSecond, 13, 13});
  EXPECT_EQ(learn(*statistics, {one}), (std::vector{Learnt::kNew}));
  TokenList tokens;
  ASSERT_TRUE(read_token_question(one.tokens, tokens));
  const std::string id = redis_learn_id(tokens), brief = id.substr(0, 32);
  EXPECT_EQ(all(),
            "BAYES_NEWS_keys RS\nRS learns_n=1 version=2\nRS_12 N=1\nRS_13 N=2\nlearned_ids " +
                brief + "=news " + id + "=news\n");
  EXPECT_EQ(learn(*statistics, {one}), (std::vector{Learnt::kSame}));
  learn(*statistics, {osb_record(LearnLabel::kSpam, {13, 14})});
  const auto shown = [&] {
    TokenList asked;
    asked.tokenizer = Tokenizer::kOsb;
    asked.classes = {"spam", "ham", "news", "bills"};
    for (const uint64_t hash : {12u, 13u, 14u}) asked.add(hash, 1);
    const TokenCounts counts = statistics->counts(asked).value();
    std::string out;
    for (size_t k = 0; k < asked.classes.size(); ++k) {
      out += std::to_string(counts.learnt(k)) + ":";
      for (size_t i = 0; i < 3; ++i) out += " " + std::to_string(counts.count(k, i));
      out += "; ";
    }
    return out;
  };
  EXPECT_EQ(shown(), "1: 0 1 1; 0: 0 0 0; 1: 1 2 0; 0: 0 0 0; ");
  EXPECT_EQ(shown(), "1: 0 1 1; 0: 0 0 0; 1: 1 2 0; 0: 0 0 0; ");  // from memory
  one.label = *LearnLabel::of("bills");
  EXPECT_EQ(learn(*statistics, {one}), (std::vector{Learnt::kMoved}));
  EXPECT_EQ(shown(), "1: 0 1 1; 0: 0 0 0; 0: 0 0 0; 1: 1 2 0; ");
  one.label = LearnLabel::kHam;
  EXPECT_EQ(learn(*statistics, {one}), (std::vector{Learnt::kMoved}));
  EXPECT_EQ(shown(), "1: 0 1 1; 1: 1 2 0; 0: 0 0 0; 0: 0 0 0; ");
  EXPECT_EQ(statistics->learns_of(Tokenizer::kOsb, std::vector<std::string>{"ham", "news", "spam"})
                .value()
                .learnt(0),
            1u);
  // Who has the class no more takes away what it had all the same.
  one.label = *LearnLabel::of("bills");
  learn(*statistics, {one});
  EXPECT_EQ(learn(*open(), {forget(one)}), (std::vector{Learnt::kForgotten}));
  EXPECT_EQ(ask({"HGET", "RS_13", "bills"}).text, "");
  EXPECT_EQ(ask({"HGET", "RS", "learns_bills"}).text, "");
}

TEST_F(RedisStatisticsTest, counts_are_what_stands_there) {
  ask({"HSET", "RS_12", "S", "3", "H", "4"});
  ask({"HSET", "RS_13", "S", "-5", "H", "99999999999"});
  ask({"HSET", "RS", "learns_spam", "10", "learns_ham", "20"});
  const auto statistics = open();
  TokenList tokens;
  tokens.tokenizer = Tokenizer::kOsb;
  for (const uint64_t hash : {12u, 13u, 14u}) tokens.add(hash, 1);
  EXPECT_FALSE(statistics->counts_at_hand(tokens).has_value());
  const TokenCounts found = statistics->counts(tokens).value();
  EXPECT_EQ(found.learns, (LearnCount{10, 20}));
  EXPECT_EQ(found.counts, (std::vector<TokenCount>{{3, 4}, {0, UINT32_MAX}, {0, 0}}));
  // They are at hand now; what this process learns is seen at once.
  ASSERT_TRUE(statistics->counts_at_hand(tokens).has_value());
  learn(*statistics, {osb_record(LearnLabel::kSpam, {12})});
  EXPECT_FALSE(statistics->counts_at_hand(tokens).has_value());
  EXPECT_EQ(statistics->counts(tokens).value().counts[0], (TokenCount{4, 4}));
  EXPECT_EQ(statistics->learns(Tokenizer::kOsb, 0).value(), (LearnCount{11, 20}));
}

TEST_F(RedisStatisticsTest, many_who_ask_at_once_are_all_answered) {
  ask({"HSET", "RS_12", "S", "3", "H", "4"});
  const auto statistics = open();
  std::atomic<int> answered = 0, right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < 100; ++n) {
        TokenList tokens;
        tokens.tokenizer = Tokenizer::kOsb;
        tokens.add(12, 1);
        tokens.add(static_cast<uint64_t>(1'000 + i * 100 + n), 1);
        statistics->ask_counts(std::move(tokens), [&](Result<TokenCounts>&& found) {
          right += found && found->counts[0] == TokenCount{3, 4};
          ++answered;
        });
      }
    });
  for (std::thread& thread : threads) thread.join();
  while (answered < 400) std::this_thread::yield();
  EXPECT_EQ(right.load(), 400);
}

TEST_F(RedisStatisticsTest, users_have_keys_of_their_own) {
  RedisLayout keys = layout();
  keys.prefix = "%s%l%r";
  const auto statistics = open(server_->options(), keys);
  learn(*statistics, {osb_record(LearnLabel::kHam, {12}, "bob@x.example")});
  EXPECT_EQ(ask({"HGET", "RSbob@x.example_12", "H"}).text, "1");
  EXPECT_EQ(ask({"HGET", "RSbob@x.example", "learns_ham"}).text, "1");
}

TEST_F(RedisStatisticsTest, ids_of_either_version_are_known_and_full_keys_move_on) {
  RedisLayout keys = layout();
  keys.ids_max = 2;
  keys.ids_keys = 2;
  const auto statistics = open(server_->options(), keys);
  const auto id = [](uint64_t hash) {
    TokenList tokens;
    tokens.tokenizer = Tokenizer::kOsb;
    tokens.add(hash, 1);
    return redis_learn_id(tokens);
  };
  ask({"HSET", "learned_idsX", id(1).substr(0, 32), "spam"});
  ask({"HSET", "learned_ids", id(2), "-1"});
  EXPECT_EQ(
      learn(*statistics, {osb_record(LearnLabel::kSpam, {1}), osb_record(LearnLabel::kHam, {2}),
                          osb_record(LearnLabel::kHam, {1})}),
      (std::vector{Learnt::kSame, Learnt::kSame, Learnt::kMoved}));
  EXPECT_EQ(ask({"HLEN", "learned_idsX"}).integer, 0);
  for (uint64_t hash = 10; hash < 20; ++hash)
    learn(*statistics, {osb_record(LearnLabel::kSpam, {hash})});
  for (const char* key : {"learned_ids", "learned_idsX", "learned_idsXX"}) {
    EXPECT_GE(ask({"HLEN", key}).integer, 2) << key;
    EXPECT_LE(ask({"HLEN", key}).integer, 6) << key;
  }
  EXPECT_EQ(ask({"EXISTS", "learned_idsXXX"}).integer, 0);
  EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kSpam, {19})}),
            (std::vector{Learnt::kSame}));
}

TEST_F(RedisStatisticsTest, what_is_learnt_while_redis_is_away_comes_later_and_once) {
  server_->kill();
  {
    const auto statistics = open();
    EXPECT_EQ(learn(*statistics,
                    {osb_record(LearnLabel::kSpam, {12}), osb_record(LearnLabel::kHam, {13})}),
              (std::vector{Learnt::kLater, Learnt::kLater}));
    EXPECT_EQ(statistics->undelivered(), 2u);
    TokenList tokens;
    tokens.tokenizer = Tokenizer::kOsb;
    tokens.add(12, 1);
    EXPECT_FALSE(statistics->counts(tokens).has_value());
  }
  server_->start();
  const auto statistics = open();  // another process, later
  statistics->tend();
  EXPECT_EQ(statistics->undelivered(), 0u);
  EXPECT_EQ(ask({"HGET", "RS", "learns_spam"}).text + ask({"HGET", "RS", "learns_ham"}).text, "11");
  const std::string before = all();
  // How far it came is lost: all is delivered again, and finds its marks.
  std::filesystem::remove(folder_.path() + "/redis-learn.done");
  statistics->tend();
  EXPECT_EQ(all(), before);
}

TEST_F(RedisStatisticsTest, a_long_backlog_is_delivered_in_pieces_and_in_order) {
  const LearnRecord one = osb_record(LearnLabel::kSpam, {1});
  RedisStatisticsOptions options{.layout = layout(), .folder = folder_.path()};
  options.pending_bytes_max = 2 * one.tokens.size();
  server_->kill();
  RedisOptions away = server_->options();
  auto statistics = RedisStatistics::open(RedisClient::make(away).value(), options).value();
  for (uint64_t hash = 1; hash <= 5; ++hash)
    EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kSpam, {hash})}),
              (std::vector{Learnt::kLater}));
  server_->start();
  statistics = RedisStatistics::open(RedisClient::make(away).value(), options).value();
  const auto spam = [&] { return ask({"HGET", "RS", "learns_spam"}).text; };
  statistics->tend();
  EXPECT_EQ(spam(), "2");
  EXPECT_GT(statistics->undelivered(), 0u);
  // What is new waits for its turn.
  EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kSpam, {6})}),
            (std::vector{Learnt::kLater}));
  EXPECT_EQ(spam(), "4");
  statistics->tend();
  EXPECT_EQ(spam(), "6");
  EXPECT_EQ(statistics->undelivered(), 0u);
  EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kSpam, {7})}), (std::vector{Learnt::kNew}));
}

TEST_F(RedisStatisticsTest, a_repeat_after_others_learnt_changes_nothing) {
  const auto statistics = open();
  const LearnRecord spam = osb_record(LearnLabel::kSpam, {12});
  LearnRecord ham = spam;
  ham.label = LearnLabel::kHam;
  learn(*statistics, {spam});
  std::filesystem::remove(folder_.path() + "/redis-learn.done");
  // Somebody else moves it meanwhile.
  OwnFolder elsewhere;
  auto other = RedisStatistics::open(RedisClient::make(server_->options()).value(),
                                     {.layout = layout(), .folder = elsewhere.path()});
  EXPECT_EQ(learn(**other, {ham}), (std::vector{Learnt::kMoved}));
  const std::string before = all();
  statistics->tend();
  EXPECT_EQ(all(), before);
}

TEST_F(RedisStatisticsTest, what_redis_refuses_holds_nobody_up) {
  RedisLayout keys = layout();
  keys.prefix = "%s%r";
  const auto statistics = open(server_->options(), keys);
  ask({"SET", "RSbad", "text"});      // a user whose KEY is no hash
  ask({"SET", "RSgood_13", "text"});  // a token that holds no counts
  ask({"HSET", "RSgood_14", "S", "text"});
  EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kSpam, {12}, "bad"),
                                osb_record(LearnLabel::kSpam, {12, 13, 14, 15}, "good"),
                                osb_record(LearnLabel::kSpam, {16}, "bad")}),
            (std::vector{Learnt::kRefused, Learnt::kNew, Learnt::kRefused}));
  EXPECT_EQ(statistics->undelivered(), 0u);
  EXPECT_EQ(ask({"HGET", "RSgood_12", "S"}).text + ask({"HGET", "RSgood_15", "S"}).text, "11");
  EXPECT_EQ(ask({"HGET", "RSgood", "learns_spam"}).text, "1");
  EXPECT_EQ(ask({"HLEN", "learned_ids"}).integer, 2);  // of the one alone, both forms
  const std::string problem = statistics->take_problem();
  EXPECT_NE(problem.find("refuses 2 messages"), std::string::npos) << problem;
  EXPECT_NE(problem.find("RSbad is a string and no hash"), std::string::npos) << problem;
  EXPECT_EQ(statistics->take_problem(), "");
  // Still refused, it is kept again; mended, it counts, once.
  EXPECT_EQ(statistics->retry().value(), 2u);
  EXPECT_EQ(statistics->retry().value(), 2u);
  ask({"DEL", "RSbad"});
  EXPECT_EQ(statistics->retry().value(), 2u);
  EXPECT_EQ(statistics->retry().value(), 0u);
  EXPECT_EQ(ask({"HGET", "RSbad", "learns_spam"}).text, "2");
  EXPECT_EQ(ask({"HGET", "RSbad_16", "S"}).text, "1");
}

TEST_F(RedisStatisticsTest, counts_that_are_taken_over) {
  const auto statistics = open();
  CountTable table;
  table.tokenizer = Tokenizer::kOsb;
  table.learns = {7, 3};
  for (uint64_t token = 1; token <= 5'000; ++token) table.counts[token] = {token % 3, 1, 0};
  std::vector<LearnRecord> records;
  append_counts_records(table, records);
  records.insert(records.begin() + 1, osb_record(LearnLabel::kSpam, {1, 2}));
  EXPECT_EQ(learn(*statistics, records), std::vector(3, Learnt::kNew));
  EXPECT_EQ(ask({"HGET", "RS", "learns_spam"}).text + ask({"HGET", "RS", "learns_ham"}).text, "83");
  EXPECT_EQ(ask({"HGET", "RS_2", "S"}).text + ask({"HGET", "RS_2", "H"}).text, "31");
  EXPECT_EQ(ask({"HGET", "RS_5000", "S"}).text + ask({"HGET", "RS_5000", "H"}).text, "21");
  EXPECT_EQ(ask({"HLEN", "RS_3"}).integer, 1);
  const std::string before = all();
  EXPECT_EQ(learn(*statistics, records), std::vector(3, Learnt::kSame));
  EXPECT_EQ(all(), before);
}

constexpr int64_t kDay = 86'400, kExpire = 100 * kDay;

TEST(TokenLifeTest, what_a_token_is_worth) {
  const RedisExpiryOptions options;
  const auto life = [&](uint64_t spam, uint64_t ham, int64_t ttl, int64_t expire = kExpire) {
    return token_life(options, expire, std::array{spam, ham}, 10, ttl).value_or(-9);
  };
  EXPECT_EQ(life(50, 50, -1), 10 * kDay);  // even: ten days, whatever it had
  EXPECT_EQ(life(50, 50, 50 * kDay), 10 * kDay);
  EXPECT_EQ(life(50, 50, 5 * kDay), -9);
  EXPECT_EQ(life(0, 0, -1), 10 * kDay);
  EXPECT_EQ(life(9, 1, -1), -9);  // clear and frequent: stays
  EXPECT_EQ(life(9, 1, kDay), -1);
  EXPECT_EQ(life(7, 3, -1), kExpire);  // frequent, not clear
  EXPECT_EQ(life(3, 0, -1), kExpire);  // clear, rare
  EXPECT_EQ(life(3, 0, kDay), -9);
  const auto three = [&](std::array<uint64_t, 3> counts) {
    return token_life(options, kExpire, counts, 10, -1).value_or(-9);
  };
  EXPECT_EQ(three({50, 50, 50}), 10 * kDay);  // even: a third each
  EXPECT_EQ(three({50, 50, 0}), kExpire);
  EXPECT_EQ(three({1, 1, 20}), -9);
  EXPECT_EQ(life(3, 0, 200 * kDay), kExpire);
  EXPECT_EQ(life(3, 0, kDay, -1), -1);
  EXPECT_EQ(life(3, 0, -1, -1), -9);
}

TEST_F(RedisStatisticsTest, tokens_expire) {
  RedisLayout keys = layout();
  keys.expire_s = 1'000;
  const auto statistics = open(server_->options(), keys);
  ask({"HSET", "RS_1", "S", "100", "H", "1"});
  ask({"EXPIRE", "RS_1", "50"});
  ask({"HSET", "RS_2", "S", "1"});
  ask({"HSET", "RSbob@x_3", "S", "1", "H", "1"});
  ask({"SET", "RS_4", "text"});
  ask({"HSET", "RS", "learns_spam", "1"});
  ask({"HSET", "RSx_y", "S", "1"});
  statistics->tend();
  EXPECT_EQ(ask({"TTL", "RS_1"}).integer, -1);
  const auto near = [&](const char* key, int64_t seconds) {
    const int64_t left = ask({"TTL", key}).integer;
    return left <= seconds && left > seconds - 100;
  };
  EXPECT_TRUE(near("RS_2", 1'000));
  EXPECT_TRUE(near("RSbob@x_3", 864'000));
  for (const char* key : {"RS", "RS_4", "RSx_y"}) EXPECT_EQ(ask({"TTL", key}).integer, -1) << key;
  EXPECT_EQ(statistics->take_problem(), "");
  // Within the period nobody does it again, neither this one nor another.
  ask({"PERSIST", "RS_2"});
  statistics->tend();
  OwnFolder elsewhere;
  const auto other = RedisStatistics::open(RedisClient::make(server_->options()).value(),
                                           {.layout = keys, .folder = elsewhere.path()});
  (*other)->tend();
  EXPECT_EQ(ask({"TTL", "RS_2"}).integer, -1);
  bool found = false;
  for (const RedisReply& key : ask({"KEYS", "*_lock"}).items)
    found |= ask({"TTL", key.text}).integer > 0;
  EXPECT_TRUE(found);
}

TEST_F(RedisStatisticsTest, a_redis_that_is_full_is_asked_again_later) {
  const auto statistics = open();
  ask({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kSpam, {12})}),
            (std::vector{Learnt::kLater}));
  ask({"CONFIG", "SET", "maxmemory", "0"});
  statistics->tend();
  EXPECT_EQ(statistics->undelivered(), 0u);
  EXPECT_EQ(ask({"HGET", "RS", "learns_spam"}).text, "1");
}

TEST_F(RedisStatisticsTest, the_journal_begins_anew_once_it_is_delivered) {
  RedisStatisticsOptions options{.layout = layout(), .folder = folder_.path(), .kept_bytes = 4'000};
  const auto open_one = [&] {
    return RedisStatistics::open(RedisClient::make(server_->options()).value(), options).value();
  };
  const auto one = open_one(), other = open_one();  // two processes, as far as files go
  const auto size = [&] {
    return std::filesystem::file_size(redis_learning_log_path(folder_.path()));
  };
  uint64_t hash = 0, largest = 0;
  for (int i = 0; i < 100; ++i)
    for (const auto& statistics : {one.get(), other.get()}) {
      EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kSpam, {++hash, 1'000 + hash})}),
                (std::vector{Learnt::kNew}));
      largest = std::max(largest, size());
    }
  EXPECT_LT(largest, 4'500u);
  EXPECT_EQ(ask({"HGET", "RS", "learns_spam"}).text, "200");
  // What is not delivered stays, however much it is.
  server_->kill();
  for (int i = 0; i < 60; ++i)
    EXPECT_EQ(learn(i % 2 ? *one : *other, {osb_record(LearnLabel::kHam, {++hash})}),
              (std::vector{Learnt::kLater}));
  EXPECT_GT(size(), 5'000u);
  server_->start();
  open_one()->tend();
  EXPECT_EQ(ask({"HGET", "RS", "learns_ham"}).text, "60");
  EXPECT_EQ(size(), kLearningLogHead);
}

TEST_F(RedisStatisticsTest, a_death_while_the_journal_begins_anew) {
  const auto statistics = open();
  learn(*statistics, {osb_record(LearnLabel::kSpam, {12})});
  // It died behind the first of the two writes: no records, and the old name.
  std::filesystem::resize_file(redis_learning_log_path(folder_.path()), kLearningLogHead);
  // The new record would have the offset of the old one, whose mark is in Redis.
  EXPECT_EQ(learn(*statistics, {osb_record(LearnLabel::kHam, {13})}), (std::vector{Learnt::kNew}));
  EXPECT_EQ(ask({"HGET", "RS", "learns_ham"}).text, "1");
  EXPECT_EQ(ask({"HGET", "RS_13", "H"}).text, "1");
}

TEST_F(RedisStatisticsTest, killed_in_the_middle_of_a_thousand_learns) {
  // Redis keeps what it acknowledged (appendonly, each write to the disk) and is killed again and
  // again; so are connections with answers on their way. In the end each message counts once.
  server_ = std::make_unique<RedisProcess>(
      std::vector<std::string>{"--appendonly", "yes", "--appendfsync", "always"});
  RedisOptions options = server_->options();
  options.timeout_ms = 2'000;
  const auto statistics = open(options);
  std::atomic<bool> over = false;
  std::thread killer([&] {
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(15 + 11 * i));
      server_->kill();
      server_->start();
    }
    over = true;
  });
  uint64_t number = 0, later = 0;
  while (number < 1'000 || !over) {
    std::vector<LearnRecord> records;
    for (int i = 0; i < 20; ++i, ++number)
      records.push_back(osb_record(number % 2 ? LearnLabel::kSpam : LearnLabel::kHam,
                                   {kFirst, 1'000'000 + number}));
    for (const Learnt what : learn(*statistics, records)) later += what == Learnt::kLater;
  }
  killer.join();
  const auto until = RedisClock::now() + std::chrono::seconds(60);
  do {
    statistics->tend();
  } while (statistics->undelivered() > 0 && RedisClock::now() < until);
  EXPECT_EQ(statistics->undelivered(), 0u);
  const std::string half = std::to_string(number / 2);
  EXPECT_EQ(ask({"HGET", "RS", "learns_spam"}).text, half);
  EXPECT_EQ(ask({"HGET", "RS", "learns_ham"}).text, half);
  EXPECT_EQ(ask({"HGET", "RS_18123587569763488254", "S"}).text, half);
  EXPECT_EQ(ask({"HGET", "RS_18123587569763488254", "H"}).text, half);
  for (uint64_t i = 0; i < number; ++i)
    ASSERT_EQ(ask({"HGET", "RS_" + std::to_string(1'000'000 + i), i % 2 ? "S" : "H"}).text, "1")
        << i << " of " << number << ", " << later << " came later";
}

}  // namespace
}  // namespace winnow
