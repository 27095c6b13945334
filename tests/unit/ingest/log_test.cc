// The log as a file: which lines are written, and which are folded.
#include "ingest/serve/log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "ingest/serve/log_line.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

class LogTest : public ::testing::Test {
 protected:
  LogOptions options(LogLevel level = LogLevel::kInfo) const {
    LogOptions out;
    out.type = LogType::kFile;
    out.path = folder_ + "/log";
    out.level = level;
    out.stamps = false;
    return out;
  }
  // Lines without the process they are of.
  std::vector<std::string> lines() const {
    std::ifstream file(folder_ + "/log");
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);)
      out.push_back(line.substr(line.find(' ') + 1));
    return out;
  }

  const OwnFolder own_folder_;
  const std::string& folder_ = own_folder_.path();
};

using Lines = std::vector<std::string>;

TEST_F(LogTest, RepeatedEventsAreOneLineAndACount) {
  Log log(options());
  ASSERT_TRUE(log.open());
  for (int i = 0; i < 5; ++i) log.event(LogLevel::kWarning, "dns", "no answer");
  EXPECT_EQ(lines(), Lines{"dns; no answer"});
  log.event(LogLevel::kWarning, "dns", "answers again");
  EXPECT_EQ(lines(), (Lines{"dns; no answer", "log; the last event was there 4 more times",
                            "dns; answers again"}));
}

TEST_F(LogTest, TheSameTextOfAnotherModuleIsNoRepetition) {
  Log log(options());
  ASSERT_TRUE(log.open());
  log.event(LogLevel::kInfo, "dns", "gone");
  log.event(LogLevel::kInfo, "map", "gone");
  EXPECT_EQ(lines(), (Lines{"dns; gone", "map; gone"}));
}

TEST_F(LogTest, LinesOfMessagesAreNeverFolded) {
  Log log(options());
  ASSERT_TRUE(log.open());
  log.event(LogLevel::kInfo, "main", "busy");
  for (int i = 0; i < 3; ++i) {
    log.message("a1", "same line");
    log.event(LogLevel::kInfo, "main", "busy");
  }
  EXPECT_EQ(lines(), (Lines{"main; busy", "<a1>; task; same line", "<a1>; task; same line",
                            "<a1>; task; same line"}));
}

TEST_F(LogTest, AFloodIsToldOfWhileItLastsAndAtItsEnd) {
  {
    Log log(options());
    ASSERT_TRUE(log.open());
    for (int i = 0; i < 2'010; ++i) log.event(LogLevel::kInfo, "main", "flood");
  }
  EXPECT_EQ(lines(), (Lines{"main; flood", "log; the last event was there 1000 more times",
                            "log; the last event was there 1000 more times",
                            "log; the last event was there 9 more times"}));
}

TEST_F(LogTest, ALevelLeavesOutWhatIsBelowIt) {
  Log log(options(LogLevel::kWarning));
  ASSERT_TRUE(log.open());
  log.event(LogLevel::kInfo, "main", "chatter");
  log.message("a1", "a message is a notice");
  log.event(LogLevel::kError, "main", "grave");
  EXPECT_EQ(lines(), Lines{"main; grave"});
}

TEST_F(LogTest, ALineIsOneLineAndBounded) {
  Log log(options());
  ASSERT_TRUE(log.open());
  log.event(LogLevel::kInfo, "main", "a\nb");
  log.event(LogLevel::kInfo, "main", std::string(40'000, 'x'));
  const Lines got = lines();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0], "main; a b");
  EXPECT_EQ(got[1].size(), 6 + 32u * 1024);
}

TEST_F(LogTest, LinesOfABatchAreKeptForItsEndAndStayInOrder) {
  Log log(options());
  ASSERT_TRUE(log.open());
  log.message_later("a1", "one");
  log.debug_later("a1", "dns", "more");
  EXPECT_EQ(lines(), Lines{});
  log.flush();
  EXPECT_EQ(lines(), (Lines{"<a1>; task; one", "<a1>; dns; more"}));
  log.message_later("b2", "two");
  log.event(LogLevel::kInfo, "main", "an event");
  EXPECT_EQ(lines().size(), 4u);
  EXPECT_EQ(lines()[2], "<b2>; task; two");
  log.message_later("c3", "before rotation");
  std::filesystem::rename(folder_ + "/log", folder_ + "/log.1");
  ASSERT_TRUE(log.open());
  EXPECT_EQ(lines(), Lines{});
}

// A pipe takes so much at once (PIPE_BUF) without lines of others between.
TEST_F(LogTest, WhatIsKeptIsBounded) {
  Log log(options());
  ASSERT_TRUE(log.open());
  for (int i = 0; i < 3; ++i) log.message_later("a1", std::string(1000, 'x'));
  EXPECT_EQ(lines().size(), 0u);
  for (int i = 0; i < 3; ++i) log.message_later("a1", std::string(1000, 'x'));
  EXPECT_EQ(lines().size(), 3u);
  log.message_later("a1", std::string(9000, 'x'));
  EXPECT_EQ(lines().size(), 6u);
  log.flush();
  EXPECT_EQ(lines().size(), 7u);
}

TEST_F(LogTest, RotationOpensItAgain) {
  Log log(options());
  ASSERT_TRUE(log.open());
  log.event(LogLevel::kInfo, "main", "before");
  std::filesystem::rename(folder_ + "/log", folder_ + "/log.1");
  ASSERT_TRUE(log.open());
  log.event(LogLevel::kInfo, "main", "after");
  EXPECT_EQ(lines(), Lines{"main; after"});
}

TEST_F(LogTest, ErrorsAreKeptUpToTheirLimit) {
  LogOptions some = options();
  some.errors_max = 2;
  some.error_bytes_max = 5;
  Log log(some);
  ASSERT_TRUE(log.open());
  for (const char* text : {"one", "second", "third"}) log.event(LogLevel::kError, "main", text);
  std::string out;
  log.append_errors(out);
  EXPECT_EQ(out.find("one"), std::string::npos);
  EXPECT_LT(out.find("\"third\""), out.find("\"secon\""));
}

TEST_F(LogTest, AnErrorThatRepeatsLeavesTheOthersKept) {
  LogOptions some = options();
  some.errors_max = 2;
  Log log(some);
  ASSERT_TRUE(log.open());
  log.event(LogLevel::kError, "main", "first");
  for (int i = 0; i < 5; ++i) log.event(LogLevel::kWarning, "http", "refused");
  std::string out;
  log.append_errors(out);
  EXPECT_NE(out.find("\"first\""), std::string::npos);
  EXPECT_LT(out.find("\"refused\""), out.find("\"first\""));
}

TEST(LogText, isUtf8OnOneLine) {
  const struct {
    std::string text, shown;
  } rows[] = {
      {"", ""},
      {"caf\xc3\xa9", "caf\xc3\xa9"},
      {"caf\xe9 \xc3\xa9", "caf\\xe9 \\xc3\\xa9"},
      {"a\r\nb\x7f", "a\\x0d\\x0ab\\x7f"},
      {std::string(255, 'a') + "\xc3\xa9", std::string(255, 'a')},
      {std::string(254, 'a') + "\xc3\xa9", std::string(254, 'a') + "\xc3\xa9"},
      {std::string(257, 'a'), std::string(256, 'a')},
  };
  for (const auto& row : rows) {
    std::string out;
    append_log_text(row.text, out);
    EXPECT_EQ(out, row.shown);
  }
}

TEST(LogOptionsTest, NamesOfFacilities) {
  EXPECT_EQ(log_facility("mail"), 2);
  EXPECT_EQ(log_facility("LOG_LOCAL7"), 23);
  EXPECT_EQ(log_facility("nothing"), -1);
  EXPECT_EQ(log_facility(""), -1);
}

}  // namespace
}  // namespace winnow
