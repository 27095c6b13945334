#include <gtest/gtest.h>

#include "tests/unit/score/model_builder.h"

namespace winnow {
namespace {

using namespace test;

constexpr ActionId kNoAction{0}, kGreylist{1}, kAddHeader{2}, kReject{3}, kSoft{4}, kDiscard{5};

struct Row {
  const char* name;
  double score;
  std::vector<PreResult> results;
  const char* expected;  // "action score forced_by"
};
class Actions : public ::testing::TestWithParam<Row> {};

TEST_P(Actions, chosen) {
  const ScoreModel model = base_model();
  Board board;
  board.begin(model);
  const Decision d = decide(model, board, GetParam().results, points(GetParam().score));
  EXPECT_EQ(fmt::format("{} {} {}", model.actions[index(d.action)].name, score_text(d.score),
                        d.forced_by == kNoIndex ? "-" : fmt::format("{}", d.forced_by)),
            GetParam().expected);
}

PreResult force(ActionId action, uint8_t priority = 1) {
  return {.action = action, .priority = priority};
}
PreResult force_score(ActionId action, double score, uint8_t priority = 1) {
  return {.action = action, .priority = priority, .has_score = true, .score = points(score)};
}
PreResult least(ActionId action) { return {.action = action, .least = true}; }
PreResult least_score(ActionId action, double score) {
  return {.action = action, .least = true, .has_score = true, .score = points(score)};
}

INSTANTIATE_TEST_SUITE_P(
    Decide, Actions,
    ::testing::Values(
        Row{"below", 3.999999, {}, "no action 3.999999 -"}, Row{"reaches", 4, {}, "greylist 4 -"},
        Row{"highest_reached", 14.99, {}, "add header 14.99 -"}, Row{"over", 99, {}, "reject 99 -"},
        Row{"negative", -99, {}, "no action -99 -"},
        Row{"forced", 1, {force(kReject)}, "reject 1 0"},
        Row{"forced_score", 1, {force_score(kReject, 15)}, "reject 15 0"},
        Row{"forced_no_action_takes_the_minimum", 20, {force_score(kNoAction, 0)}, "no action 0 0"},
        Row{"forced_no_action_keeps_lower", -3, {force_score(kNoAction, 0)}, "no action -3 0"},
        Row{"first_of_a_priority", 1, {force(kSoft), force(kReject)}, "soft reject 1 0"},
        Row{"priority_wins", 1, {force(kSoft), force(kReject, 3)}, "reject 1 1"},
        Row{"least_lifts", 1, {least(kAddHeader)}, "add header 6 0"},
        Row{"least_with_score", 1, {least_score(kAddHeader, 7)}, "add header 7 0"},
        Row{"least_under_a_higher_action", 16, {least(kAddHeader)}, "reject 16 -"},
        Row{"least_on_the_same_action", 8, {least(kAddHeader)}, "add header 8 0"},
        Row{"least_without_threshold_beats", 8, {least(kSoft)}, "soft reject 8 0"},
        Row{"least_without_threshold_not_reject", 16, {least(kSoft)}, "reject 16 -"},
        Row{"not_least_wins_over_least", 1, {least(kReject), force(kGreylist)}, "greylist 1 1"},
        Row{"discard_may_be_forced", 1, {force(kDiscard)}, "discard 1 0"}));

TEST(Actions, what_is_off_neither_wins_nor_forces) {
  ScoreModel model = base_model();
  Overlay overlay;
  overlay.actions_off = {false, false, true, true};
  Board board;
  board.begin(model, &overlay);
  const PreResult results[] = {force(kReject, 3), force(kAddHeader)};
  const Decision d = decide(model, board, results, points(100));
  EXPECT_EQ(d.action, kGreylist);
  EXPECT_EQ(d.forced_by, kNoIndex);
  EXPECT_EQ(board.highest_threshold(), points(4));
}

// A site without a reject action, or with one of its own above it, reads the score against that.
TEST(Actions, required_is_the_highest_threshold_of_what_is_on) {
  ScoreModel model = base_model();
  const auto required = [&] {
    Arena slab;
    Verdict verdict{};
    Board board;
    board.begin(model);
    board.finish(slab, verdict);
    EXPECT_EQ(verdict.required, highest_threshold(model));
    return verdict.required;
  };
  EXPECT_EQ(required(), points(15));
  model.actions.push_back({.name = "drop", .threshold = points(24)});
  EXPECT_EQ(required(), points(24));
  for (const ActionId off : {kReject, ActionId{6}})
    model.actions[index(off)].flags = static_cast<uint8_t>(ActionFlag::kDisabled);
  EXPECT_EQ(required(), points(6));
  model.actions.resize(1);
  EXPECT_EQ(required(), kNoThreshold);
}

TEST(Actions, custom_ham_and_threshold_only) {
  ScoreModel model = base_model();
  model.actions.push_back({.name = "quarantine", .threshold = points(20)});
  model.actions.push_back(
      {.name = "good", .threshold = points(30), .flags = static_cast<uint8_t>(ActionFlag::kHam)});
  model.actions.push_back({.name = "tag",
                           .threshold = points(2),
                           .flags = static_cast<uint8_t>(ActionFlag::kThresholdOnly)});
  Board board;
  board.begin(model);
  EXPECT_EQ(decide(model, board, {}, points(40)).action, ActionId{6});
  EXPECT_EQ(decide(model, board, {}, points(3)).action, ActionId{8});
  const PreResult results[] = {force(ActionId{8}, 3), force(kSoft)};
  EXPECT_EQ(decide(model, board, results, points(0)).action, kSoft);
}

}  // namespace
}  // namespace winnow
