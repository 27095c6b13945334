// The file of records: what is appended is there, a torn tail is cut off, damage is said.
#include "pipeline/learn/learning_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "make_record.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

class LearningLogTest : public testing::Test {
 protected:
  LearningLogTest() : path_(folder_.path() + "/learn.log") {}

  std::unique_ptr<LearningLog> open() {
    auto log = LearningLog::open(path_, LearningLog::Mode::kCreate);
    EXPECT_TRUE(log.has_value()) << log.error().text();
    return std::move(*log);
  }
  std::string bytes() const {
    std::ifstream in(path_, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }
  void write(const std::string& content) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }
  // "ok N" with the number of records read, or the error.
  std::string read_all() const {
    const auto log = LearningLog::open(path_, LearningLog::Mode::kRead);
    if (!log) return log.error().what;
    size_t n = 0;
    for (uint64_t at = kLearningLogHead, next = 0;; at = next, ++n) {
      LearnRecord record;
      const Result<bool> there = (*log)->read(at, record, next);
      if (!there) return there.error().what;
      if (!*there) return "ok " + std::to_string(n);
    }
  }
  // Three records; returns where each begins.
  std::vector<uint64_t> three() {
    const auto log = open();
    const std::vector<LearnRecord> records{make_record(LearnLabel::kSpam, 1, {1, 2, 3}),
                                           make_record(LearnLabel::kHam, 2, {}), make_forget(1)};
    return log->append(records, kLearningLogHead).value();
  }

  OwnFolder folder_;
  const std::string path_;
};

TEST_F(LearningLogTest, records_come_back_as_they_were) {
  const auto log = open();
  std::vector<LearnRecord> records{make_record(LearnLabel::kSpam, 1, {1, 2, 3}),
                                   make_record(LearnLabel::kHam, 2, {7}, 99), make_forget(1),
                                   make_record(*LearnLabel::of("news"), 3, {8, 9})};
  records[0].who = std::string(kLearnWhoMax, 'w');
  const std::vector<uint64_t> offsets = log->append(records, kLearningLogHead).value();
  for (size_t i = 0; i < records.size(); ++i) {
    LearnRecord record;
    uint64_t next = 0;
    ASSERT_TRUE(log->read(offsets[i], record, next).value());
    EXPECT_EQ(record, records[i]);
    EXPECT_EQ(i + 1 < offsets.size() ? offsets[i + 1] : next, next);
  }
}

TEST_F(LearningLogTest, who_is_cut_and_a_record_too_large_is_refused) {
  const auto log = open();
  LearnRecord record = make_forget(1);
  record.who = std::string(kLearnWhoMax + 1, 'w');
  ASSERT_TRUE(log->append({&record, 1}, kLearningLogHead).has_value());
  LearnRecord read;
  uint64_t next = 0;
  ASSERT_TRUE(log->read(kLearningLogHead, read, next).value());
  EXPECT_EQ(read.who.size(), kLearnWhoMax);
  record.tokens = std::string(kLearnRecordMax, 'x');
  EXPECT_FALSE(log->append({&record, 1}, next).has_value());
  EXPECT_EQ(read_all(), "ok 1");
}

TEST_F(LearningLogTest, a_tail_torn_at_any_byte_is_left_out_and_then_cut_off) {
  const std::vector<uint64_t> offsets = three();
  const std::string whole = bytes();
  for (uint64_t cut = offsets[1]; cut < whole.size(); ++cut) {
    write(whole.substr(0, cut));
    const size_t there = cut >= offsets[2] ? 2 : 1;
    ASSERT_EQ(read_all(), "ok " + std::to_string(there)) << cut;
    // The length is there and the bytes are not.
    write(whole.substr(0, cut) + std::string(whole.size() - cut, '\0'));
    const std::string seen = read_all();
    ASSERT_TRUE(seen == "ok " + std::to_string(there) || seen == "ok 2" || seen == "ok 3" ||
                seen.find("damaged") != std::string::npos)
        << cut << seen;
    ASSERT_NE(seen, "ok 0") << cut;
  }
  write(whole.substr(0, whole.size() - 1));
  const auto log = open();
  const LearnRecord record = make_record(LearnLabel::kHam, 9, {5});
  ASSERT_TRUE(log->append({&record, 1}, offsets[2]).has_value());
  EXPECT_EQ(read_all(), "ok 3");
}

TEST_F(LearningLogTest, zeros_at_the_end_are_a_torn_tail) {
  three();
  write(bytes() + std::string(100'000, '\0'));
  EXPECT_EQ(read_all(), "ok 3");
}

TEST_F(LearningLogTest, damage_in_the_middle_is_an_error_at_every_byte) {
  const std::vector<uint64_t> offsets = three();
  const std::string whole = bytes();
  for (uint64_t at = offsets[0]; at < offsets[1]; ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x40);
    write(broken);
    ASSERT_NE(read_all().find("the learning log is damaged at byte 32"), std::string::npos)
        << at << ": " << read_all();
  }
}

TEST_F(LearningLogTest, a_record_copied_to_another_place_is_no_record) {
  const std::vector<uint64_t> offsets = three();
  const std::string whole = bytes();
  write(whole + whole.substr(offsets[0], offsets[1] - offsets[0]) + whole.substr(offsets[2]));
  EXPECT_NE(read_all().find("damaged"), std::string::npos);
}

TEST_F(LearningLogTest, what_is_no_log_of_this_version_is_said) {
  write("something else, long enough to be a head");
  EXPECT_EQ(read_all(), "this is no learning log");
  std::filesystem::remove(path_);
  three();
  std::string newer = bytes();
  newer[8] = 2;
  write(newer);
  EXPECT_EQ(read_all(),
            "the learning log has version 2, this program knows 1: use the newer program");
}

TEST_F(LearningLogTest, a_maker_that_died_left_half_a_head) {
  write("WINNOWLL");
  three();
  EXPECT_EQ(read_all(), "ok 3");
}

}  // namespace
}  // namespace winnow
