// Log and model together: counts are exact whatever is learnt, moved and forgotten in which steps,
// and a death between log and model loses and doubles nothing.
#include "pipeline/learn/statistics.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "make_record.h"
#include "pipeline/lookup/store/lmdb_store.h"
#include "pipeline/lookup/store/memory_store.h"
#include "tests/unit/killed_child.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

std::unique_ptr<TokenStatistics> open(const std::string& folder) {
  auto opened = TokenStatistics::open({.folder = folder, .limit_bytes = 256 << 20});
  EXPECT_TRUE(opened.has_value()) << opened.error().text();
  return std::move(*opened);
}

std::vector<Learnt> learn(TokenStatistics& statistics, std::vector<LearnRecord> records) {
  const auto done = statistics.learn(records);
  EXPECT_TRUE(done.has_value()) << done.error().text();
  return done ? *done : std::vector<Learnt>{};
}

// "spam/ham token:spam/ham …"
std::string shown(const TokenStatistics& statistics, std::vector<uint64_t> tokens,
                  uint64_t scope = 0) {
  TokenList list;
  list.scope = scope;
  for (const uint64_t token : tokens) list.add(token, 0);
  const TokenCounts counts = statistics.counts(list).value();
  std::string out = std::to_string(counts.learns.spam) + "/" + std::to_string(counts.learns.ham);
  for (size_t i = 0; i < tokens.size(); ++i)
    out += " " + std::to_string(tokens[i]) + ":" + std::to_string(counts.counts[i].spam) + "/" +
           std::to_string(counts.counts[i].ham);
  return out;
}

std::string dump(const Store& store) {
  std::string out;
  EXPECT_TRUE(dump_model(store, [&](std::string_view piece) { out += piece; }).has_value());
  return out;
}

std::string rebuilt(const TokenStatistics& statistics) {
  const std::unique_ptr<Store> store = memory_store();
  EXPECT_TRUE(rebuild_model(statistics.log(), *store).has_value());
  return dump(*store);
}

TEST(StatisticsTest, learns_each_message_once) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  const std::vector<LearnRecord> records{
      make_record(kSpam, 1, {1, 2}), make_record(kHam, 2, {2, 3}), make_record(kSpam, 1, {1, 2})};
  EXPECT_EQ(learn(*statistics, records), (std::vector{Learnt::kNew, Learnt::kNew, Learnt::kSame}));
  EXPECT_EQ(learn(*statistics, records),
            (std::vector{Learnt::kSame, Learnt::kSame, Learnt::kSame}));
  EXPECT_EQ(shown(*statistics, {1, 2, 3, 4}), "1/1 1:1/0 2:1/1 3:0/1 4:0/0");
  EXPECT_EQ(learn(*statistics, std::vector(1'000, make_record(kSpam, 1, {1, 2}))),
            std::vector(1'000, Learnt::kSame));
  EXPECT_EQ(shown(*statistics, {1, 2, 3, 4}), "1/1 1:1/0 2:1/1 3:0/1 4:0/0");
}

TEST(StatisticsTest, moving_and_forgetting_take_away_what_was_added) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  learn(*statistics, {make_record(kSpam, 1, {1, 2}), make_record(kSpam, 2, {2, 3})});
  // The same message with other tokens than it had: the old ones go, the new ones come.
  EXPECT_EQ(learn(*statistics, {make_record(kHam, 1, {2, 9})}), std::vector{Learnt::kMoved});
  EXPECT_EQ(shown(*statistics, {1, 2, 3, 9}), "1/1 1:0/0 2:1/1 3:1/0 9:0/1");
  EXPECT_EQ(learn(*statistics, {make_forget(1), make_forget(1), make_forget(7)}),
            (std::vector{Learnt::kForgotten, Learnt::kUnknown, Learnt::kUnknown}));
  EXPECT_EQ(shown(*statistics, {1, 2, 3, 9}), "1/0 1:0/0 2:1/0 3:1/0 9:0/0");
  // All within one step.
  EXPECT_EQ(learn(*statistics, {make_record(kHam, 5, {4}), make_record(kSpam, 5, {4, 5}),
                                make_forget(5), make_record(kHam, 5, {5})}),
            (std::vector{Learnt::kNew, Learnt::kMoved, Learnt::kForgotten, Learnt::kNew}));
  EXPECT_EQ(shown(*statistics, {4, 5}), "1/1 4:0/0 5:0/1");
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));
}

// Each answer is that of a store that is asked for the first time, whatever was asked before.
TEST(StatisticsTest, what_was_asked_before_does_not_show) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  const std::vector<uint64_t> tokens{1, 2, 3, uint64_t{1} << 63};
  EXPECT_EQ(shown(*statistics, tokens).substr(0, 7), "0/0 1:0");
  for (uint8_t message = 1; message < 20; ++message) {
    learn(*statistics, {make_record(kSpam, message, {1, 2, message + uint64_t{100}}),
                        make_record(kHam, message, {1, uint64_t{1} << 63}, 42)});
    const std::string n = std::to_string(message);
    for (int again = 0; again < 3; ++again) {
      EXPECT_EQ(shown(*statistics, tokens),
                n + "/0 1:" + n + "/0 2:" + n + "/0 3:0/0 9223372036854775808:0/0");
      EXPECT_EQ(shown(*statistics, tokens, 42),
                "0/" + n + " 1:0/" + n + " 2:0/0 3:0/0 9223372036854775808:0/" + n);
    }
  }
  StoreBatch harm;  // a rebuild that mends moves nothing in the log
  harm.add(std::string("t2") + std::string(7, '\0') + '\3', 0, 5);
  ASSERT_TRUE(statistics->mend(harm).has_value());
  EXPECT_EQ(shown(*statistics, {3}), "19/0 3:5/0");
}

// "class: learnt token:count …; …" of classes that are asked for together.
std::string of_classes(const TokenStatistics& statistics, const std::vector<std::string>& classes,
                       const std::vector<uint64_t>& tokens, uint64_t scope = 0) {
  TokenList list;
  list.scope = scope;
  list.classes = classes;
  for (const uint64_t token : tokens) list.add(token, 0);
  const TokenCounts counts = statistics.counts(list).value();
  std::string out;
  for (size_t one = 0; one < classes.size(); ++one) {
    out += classes[one] + ": " + std::to_string(counts.learnt(one));
    for (size_t i = 0; i < tokens.size(); ++i)
      out += " " + std::to_string(tokens[i]) + ":" + std::to_string(counts.count(one, i));
    out += "; ";
  }
  return out;
}

TEST(StatisticsTest, more_classes_than_two) {
  const LearnLabel news = *LearnLabel::of("news"), ads = *LearnLabel::of("ads"),
                   bills = *LearnLabel::of("bills");
  const OwnFolder folder;
  auto statistics = open(folder.path());
  const std::vector<LearnRecord> records{
      make_record(news, 1, {1, 2}), make_record(kSpam, 2, {2, 3}), make_record(ads, 3, {2, 4}),
      make_record(bills, 4, {2, 5}, 77), make_record(bills, 5, {2, 2, 6})};
  EXPECT_EQ(learn(*statistics, records), std::vector(5, Learnt::kNew));
  EXPECT_EQ(learn(*statistics, records), std::vector(5, Learnt::kSame));
  const std::vector<std::string> classes{"spam", "ham", "bills", "ads", "news", "nothing"};
  const std::string expected =
      "spam: 1 1:0 2:1 3:1 4:0 5:0 6:0; ham: 0 1:0 2:0 3:0 4:0 5:0 6:0; "
      "bills: 1 1:0 2:2 3:0 4:0 5:0 6:1; ads: 1 1:0 2:1 3:0 4:1 5:0 6:0; "
      "news: 1 1:1 2:1 3:0 4:0 5:0 6:0; nothing: 0 1:0 2:0 3:0 4:0 5:0 6:0; ";
  const std::vector<uint64_t> tokens{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(of_classes(*statistics, classes, tokens), expected);
  EXPECT_EQ(of_classes(*statistics, classes, tokens), expected);  // now from memory
  EXPECT_EQ(of_classes(*statistics, {"bills", "news"}, {2, 5}, 77),
            "bills: 1 2:1 5:1; news: 0 2:0 5:0; ");
  EXPECT_EQ(shown(*statistics, {2, 3}), "1/0 2:1/0 3:1/0");  // who asks for two sees no others
  EXPECT_EQ(statistics->learns_of(Tokenizer::kWinnow, classes).value().learnt(2), 1u);
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));

  // Across classes, both ways, and out again.
  EXPECT_EQ(learn(*statistics, {make_record(bills, 1, {1, 2})}), (std::vector{Learnt::kMoved}));
  EXPECT_EQ(of_classes(*statistics, {"bills", "news"}, {1, 2}),
            "bills: 2 1:1 2:3; news: 0 1:0 2:0; ");
  EXPECT_EQ(learn(*statistics, {make_record(kSpam, 1, {1, 2})}), (std::vector{Learnt::kMoved}));
  EXPECT_EQ(of_classes(*statistics, {"spam", "bills"}, {1, 2}),
            "spam: 2 1:1 2:2; bills: 1 1:0 2:2; ");
  EXPECT_EQ(learn(*statistics, {make_forget(5), make_forget(5)}),
            (std::vector{Learnt::kForgotten, Learnt::kUnknown}));
  EXPECT_EQ(of_classes(*statistics, {"spam", "bills"}, {2, 6}),
            "spam: 2 2:2 6:0; bills: 0 2:0 6:0; ");
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));
  statistics = open(folder.path());
  EXPECT_EQ(of_classes(*statistics, {"ads", "spam"}, {2}), "ads: 1 2:1; spam: 2 2:2; ");
}

TEST(StatisticsTest, as_many_classes_as_there_may_be) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  std::vector<LearnRecord> records;
  std::vector<std::string> last;
  for (size_t i = 2; i < kStoreClassesMax; ++i) {
    const std::string name = "class" + std::to_string(i);
    last.push_back(name);
    records.push_back(make_record(*LearnLabel::of(name), static_cast<uint8_t>(i), {1, i}));
  }
  EXPECT_EQ(learn(*statistics, records), std::vector(records.size(), Learnt::kNew));
  last.erase(last.begin(), last.end() - 3);
  EXPECT_EQ(of_classes(*statistics, last, {1, 253}),
            "class251: 1 1:1 253:0; class252: 1 1:1 253:0; class253: 1 1:1 253:1; ");
  // One more has no room; nothing of it comes into the log, and the others are learnt on.
  const uint64_t size = statistics->log().size();
  const auto over =
      statistics->learn(std::vector{make_record(*LearnLabel::of("over"), 255, {1, 2})});
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(
      over.error().what,
      "class over: these statistics have 254 classes already, which is the most they can have");
  EXPECT_EQ(statistics->log().size(), size);
  EXPECT_EQ(learn(*statistics, {make_record(kHam, 255, {9})}), (std::vector{Learnt::kNew}));
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));
}

TEST(StatisticsTest, counts_of_other_classes_are_taken_over) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  TokenList tokens;
  tokens.classes = {"spam", "news", "ads"};
  for (const uint64_t hash : {5u, 6u}) tokens.add(hash, 0);
  TokenCounts counts;
  resize_counts(tokens, counts);
  for (size_t one = 0; one < 3; ++one) {
    counts.set_learnt(one, 100 + one);
    counts.set_count(one, 1, static_cast<uint32_t>(7 + one));
  }
  LearnRecord record = make_counts_record(tokens, counts);
  EXPECT_EQ(learn(*statistics, {record}), (std::vector{Learnt::kNew}));
  EXPECT_EQ(of_classes(*statistics, tokens.classes, {5, 6}),
            "spam: 100 5:0 6:7; news: 101 5:0 6:8; ads: 102 5:0 6:9; ");
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));
  record.kind = LearnKind::kForget;
  record.tokens.clear();
  EXPECT_EQ(learn(*statistics, {record}), (std::vector{Learnt::kForgotten}));
  EXPECT_EQ(of_classes(*statistics, tokens.classes, {5, 6}),
            "spam: 0 5:0 6:0; news: 0 5:0 6:0; ads: 0 5:0 6:0; ");
}

TEST(StatisticsTest, users_have_their_own) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  learn(*statistics, {make_record(kSpam, 1, {1}), make_record(kHam, 1, {1}, 42)});
  EXPECT_EQ(shown(*statistics, {1}), "1/0 1:1/0");
  EXPECT_EQ(shown(*statistics, {1}, 42), "0/1 1:0/1");
  EXPECT_EQ(shown(*statistics, {1}, 43), "0/0 1:0/0");
}

TEST(StatisticsTest, a_dry_run_says_the_same_and_changes_nothing) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  learn(*statistics, {make_record(kSpam, 1, {1})});
  const std::string before = dump(statistics->store());
  const std::vector<LearnRecord> records{make_record(kSpam, 1, {1}), make_record(kHam, 1, {1}),
                                         make_record(kHam, 2, {2}), make_record(kHam, 2, {2})};
  const std::vector<Learnt> said = statistics->try_learn(records).value();
  EXPECT_EQ(dump(statistics->store()), before);
  EXPECT_EQ(learn(*statistics, records), said);
}

// Random learning in steps of random size; the counts against a plain map, the model against one
// that is rebuilt in one go.
TEST(StatisticsTest, agrees_with_a_naive_model_and_with_its_rebuild) {
  const OwnFolder folder;
  auto statistics = open(folder.path());
  std::mt19937 random(3);
  const std::vector<std::string> classes{"spam", "ham", "news", "ads", "bills"};
  std::map<std::pair<uint64_t, uint8_t>, std::pair<LearnLabel, std::vector<uint64_t>>> truth;
  for (int round = 0; round < 60; ++round) {
    std::vector<LearnRecord> records;
    for (unsigned n = random() % 12; n > 0; --n) {
      const auto message = static_cast<uint8_t>(random() % 20);
      const uint64_t scope = random() % 3 == 0 ? 42 : 0;
      if (random() % 5 == 0) {
        records.push_back(make_forget(message, scope));
        truth.erase({scope, message});
        continue;
      }
      std::vector<uint64_t> tokens;
      for (uint64_t token = 0; token < 16; ++token)
        if (random() % 3 == 0) tokens.push_back(token);
      const LearnLabel label = *LearnLabel::of(classes[random() % classes.size()]);
      records.push_back(make_record(label, message, tokens, scope));
      const auto known = truth.find({scope, message});
      if (known == truth.end() || known->second.first != label)
        truth[{scope, message}] = {label, tokens};
    }
    learn(*statistics, records);
    if (random() % 8 == 0) statistics.reset(), statistics = open(folder.path());
  }
  std::vector<uint64_t> tokens(16);
  for (uint64_t token = 0; token < 16; ++token) tokens[token] = token;
  for (const uint64_t scope : {0, 42}) {
    std::string expected;
    for (const std::string& name : classes) {
      uint64_t learns = 0, counts[16] = {};
      for (const auto& [key, value] : truth) {
        if (key.first != scope || value.first.name() != name) continue;
        ++learns;
        for (const uint64_t token : value.second) ++counts[token];
      }
      expected += name + ": " + std::to_string(learns);
      for (const uint64_t token : tokens)
        expected += " " + std::to_string(token) + ":" + std::to_string(counts[token]);
      expected += "; ";
    }
    EXPECT_EQ(of_classes(*statistics, classes, tokens, scope), expected);
  }
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));
}

TEST(StatisticsTest, what_was_written_down_before_a_death_is_counted_at_the_next_start) {
  const OwnFolder folder;
  { learn(*open(folder.path()), {make_record(kSpam, 1, {1})}); }
  {
    // As a writer leaves it that dies between log and model.
    const auto log = LearningLog::open(learning_log_path(folder.path()), LearningLog::Mode::kCreate)
                         .value()
                         .release();
    LearnRecord record;
    uint64_t end = 0;
    ASSERT_TRUE(log->read(kLearningLogHead, record, end).value());
    const std::vector<LearnRecord> more{make_record(kHam, 2, {2}), make_record(kHam, 1, {1})};
    ASSERT_TRUE(log->append(more, end).has_value());
    delete log;
  }
  const auto statistics = open(folder.path());
  EXPECT_EQ(shown(*statistics, {1, 2}), "0/2 1:0/1 2:0/1");
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));
}

TEST(StatisticsTest, the_model_as_it_was_at_a_time) {
  const OwnFolder folder;
  const auto statistics = open(folder.path());
  learn(*statistics, {make_record(kSpam, 1, {1}), make_record(kHam, 2, {2})});
  const std::string then = dump(statistics->store());
  learn(*statistics, {make_record(kHam, 3, {3})});
  const std::unique_ptr<Store> store = memory_store();
  EXPECT_EQ(rebuild_model(statistics->log(), *store, 1'700'000'000'002).value(), 2u);
  std::string expected;  // but for how far in the log it has come
  for (std::string* text : {&expected})
    EXPECT_TRUE(dump_model(*store, [&](std::string_view piece) { *text += piece; }).has_value());
  EXPECT_EQ(expected.substr(0, expected.rfind("70 = ")), then.substr(0, then.rfind("70 = ")));
}

TEST(StatisticsTest, a_model_of_another_log_is_refused) {
  const OwnFolder folder, other;
  { learn(*open(folder.path()), {make_record(kSpam, 1, {1})}); }
  { learn(*open(other.path()), {make_record(kSpam, 1, {1})}); }
  std::filesystem::copy_file(learning_log_path(other.path()), learning_log_path(folder.path()),
                             std::filesystem::copy_options::overwrite_existing);
  const auto opened = TokenStatistics::open({.folder = folder.path()});
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().what.find("another learning log"), std::string::npos);
}

TEST(StatisticsTest, two_trainers_at_once) {
  const OwnFolder folder;
  { open(folder.path()); }
  std::vector<pid_t> children;
  for (uint8_t trainer = 0; trainer < 3; ++trainer) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto statistics = open(folder.path());
      for (uint8_t i = 0; i < 40; ++i)  // each message by two of the three
        if (i % 3 != trainer)
          if (!statistics->learn(std::vector{make_record(kSpam, i, {1, 2})})) _exit(1);
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  const auto statistics = open(folder.path());
  EXPECT_EQ(shown(*statistics, {1, 2}), "40/0 1:40/0 2:40/0");
  EXPECT_EQ(dump(statistics->store()), rebuilt(*statistics));
}

// kill -9 while learning: what learn() said is kept, and the model is that of the log. 12 times,
// 100 with WINNOW_DEEP=1.
TEST(StatisticsTest, killed_while_learning) {
  const OwnFolder folder;
  std::mt19937 random(5);
  uint64_t known = 0;
  const int kills = std::getenv("WINNOW_DEEP") ? 100 : 12;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    const uint64_t acknowledged =
        acknowledged_when_killed(1 + random() % 6, 0, [&](int acknowledge) {
          const auto statistics = open(folder.path());
          for (uint64_t n = known * 16 + static_cast<uint64_t>(kill_number) * 100'000;; ++n) {
            LearnRecord record = make_record(n % 2 ? kSpam : kHam, 0, {1, n + 10, n + 11});
            for (int i = 0; i < 8; ++i) record.digest[1 + i] = static_cast<uint8_t>(n >> (8 * i));
            if (!statistics->learn({&record, 1}) || write(acknowledge, "+", 1) != 1) _exit(3);
          }
        });
    ASSERT_GT(acknowledged, 0u);
    const pid_t reader = fork();
    if (reader == 0) {
      const auto statistics = open(folder.path());
      if (dump(statistics->store()) != rebuilt(*statistics)) _exit(101);
      TokenList list;
      list.add(1, 0);
      const TokenCounts counts = statistics->counts(list).value();
      const uint64_t all = counts.learns.spam + counts.learns.ham;
      if (counts.counts[0].spam + uint64_t{counts.counts[0].ham} != all) _exit(102);
      const uint64_t more = all - known;
      _exit(more >= acknowledged && more <= acknowledged + 1 ? static_cast<int>(more - acknowledged)
                                                             : 103);
    }
    int status = 0;
    ASSERT_EQ(waitpid(reader, &status, 0), reader);
    ASSERT_LE(WEXITSTATUS(status), 1) << "kill " << kill_number;
    known += acknowledged + static_cast<uint64_t>(WEXITSTATUS(status));
  }
}

}  // namespace
}  // namespace winnow
