#include "engine/score/board.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "engine/score/micro.h"
#include "tests/unit/score/model_builder.h"

namespace winnow {
namespace {

using namespace test;

constexpr auto kOneShot = static_cast<uint16_t>(SymbolFlag::kOneShot);

std::string finish(Board& board, const ScoreModel& model) {
  static Arena slab;
  slab.reset();
  static Verdict verdict;
  board.finish(slab, verdict);
  return dump(model, verdict);
}

struct RepeatRow {
  const char* name;
  uint16_t flags;
  uint32_t shots_max;
  std::vector<double> weights;
  const char* expected;
};
class Repeats : public ::testing::TestWithParam<RepeatRow> {};

TEST(Points, AsMicro) {
  EXPECT_EQ(to_micro(1.5), 1'500'000);
  EXPECT_EQ(to_micro(-0.0000004), 0);
  EXPECT_EQ(to_micro(kPointsMax), 1'000'000'000'000'000);
  EXPECT_EQ(to_micro(1e300), to_micro(kPointsMax));
  EXPECT_EQ(to_micro(-std::numeric_limits<double>::infinity()), to_micro(-kPointsMax));
  EXPECT_EQ(to_micro(std::numeric_limits<double>::quiet_NaN()), 0);
}

TEST_P(Repeats, add_up) {
  ScoreModel model = base_model();
  const SymbolId symbol = add_symbol(model, "A", 2, GetParam().flags);
  model.symbols[0].shots_max = GetParam().shots_max;
  Board board;
  board.begin(model);
  for (const double weight : GetParam().weights) board.insert(symbol, weight, {});
  EXPECT_EQ(finish(board, model), GetParam().expected);
}

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();
INSTANTIATE_TEST_SUITE_P(
    Board, Repeats,
    ::testing::Values(
        RepeatRow{"adds", 0, 100, {1, 1, 0.5}, "greylist 5; A(5)"},
        RepeatRow{"limit", 0, 2, {0.5, 0.5, 0.5}, "no action 2; A(2)"},
        RepeatRow{"larger_replaces_at_limit", 0, 2, {0.5, 0.5, 1.5}, "no action 3; A(3)"},
        RepeatRow{"other_sign_does_not", 0, 2, {0.5, 0.5, -5}, "no action 2; A(2)"},
        RepeatRow{"one_shot", kOneShot, 100, {1, 1, 1}, "no action 2; A(2)"},
        RepeatRow{"one_shot_takes_the_largest", kOneShot, 100, {0.5, 2, 1}, "greylist 4; A(4)"},
        RepeatRow{"one_shot_negative", kOneShot, 100, {-1, -2, 3}, "no action -4; A(-4)"},
        RepeatRow{"any_shot", 0, 0, std::vector<double>(200, 0.01), "greylist 4; A(4)"},
        RepeatRow{"nan_and_infinity_are_zero", 0, 100, {kNan, kInf, -kInf}, "no action 0; A(0)"},
        RepeatRow{"rounded_once", 0, 100, {1e-7, 3e-7}, "no action 1e-06; A(1e-06)"},
        RepeatRow{"huge_is_bounded", 0, 0, {1e300, 1e300}, "reject 100000000; A(100000000)"}));

TEST(Board, caps_of_groups_cut_in_turn_and_never_bite_the_other_sign) {
  ScoreModel model = base_model();
  const GroupId outer = add_group(model, "outer", points(5), points(-3));
  const GroupId inner = add_group(model, "inner", points(2));
  const SymbolId both = add_symbol(model, "BOTH", 3, 0, {outer, inner});
  const SymbolId only = add_symbol(model, "ONLY", 4, 0, {outer});
  const SymbolId good = add_symbol(model, "GOOD", -6, 0, {outer});
  Board board;
  board.begin(model);
  board.insert(both, 1, {});
  EXPECT_EQ(board.total(), points(2)) << "cut by the inner group";
  board.insert(only, 1, {});
  EXPECT_EQ(board.total(), points(4)) << "the outer group had 3 of 5";
  board.insert(both, 1, {});
  EXPECT_EQ(board.total(), points(4)) << "full: stays with what it has";
  board.insert(good, 1, {});
  EXPECT_EQ(board.total(), points(-2)) << "from 5 down to -1: no limit passed";
  board.insert(good, 1, {});
  EXPECT_EQ(board.total(), points(-4)) << "from -1 to the limit of -3";
  EXPECT_EQ(finish(board, model), "no action -4; BOTH(2) ONLY(2) GOOD(-8)");
}

TEST(Board, a_full_group_keeps_the_symbol_with_nothing) {
  ScoreModel model = base_model();
  const GroupId group = add_group(model, "g", points(1));
  const SymbolId a = add_symbol(model, "A", 1, 0, {group});
  const SymbolId b = add_symbol(model, "B", 1, 0, {group});
  Board board;
  board.begin(model);
  board.insert(a, 1, {});
  board.insert(b, 1, "o");
  EXPECT_EQ(finish(board, model), "no action 1; A(1) B(0)[o]");
}

TEST(Board, composite_removal_leaves_the_sum_of_the_group) {
  ScoreModel model = base_model();
  const GroupId group = add_group(model, "g", points(1));
  const SymbolId a = add_symbol(model, "A", 1, 0, {group});
  const SymbolId b = add_symbol(model, "B", 1, 0, {group});
  Board board;
  board.begin(model);
  board.insert(a, 1, {});
  board.remove(a, true, true, kNoId<SymbolId>);
  board.insert(b, 1, {});
  EXPECT_TRUE(board.has(a) && board.find(a)->removed);
  EXPECT_EQ(finish(board, model), "no action 0; -~A(1) B(0)");
}

TEST(Board, a_group_that_shoots_once_limits_its_symbols) {
  ScoreModel model = base_model();
  const GroupId group = add_group(model, "g");
  model.groups[0].one_shot = true;
  const SymbolId a = add_symbol(model, "A", 1, 0, {group});
  Board board;
  board.begin(model);
  board.insert(a, 1, {});
  board.insert(a, 1, {});
  EXPECT_EQ(board.total(), points(1));
}

TEST(Board, options_are_unique_bounded_and_kept_beyond_the_shots) {
  ScoreModel model = base_model();
  const SymbolId a = add_symbol(model, "A", 1, kOneShot);
  const SymbolId mute = add_symbol(model, "M", 1, static_cast<uint16_t>(SymbolFlag::kOneParam));
  Board board;
  board.begin(model);
  for (const char* option : {"x", "y", "x", "", "z"}) board.insert(a, 1, option);
  board.insert(mute, 1, "x");
  EXPECT_EQ(finish(board, model), "no action 2; A(1)[x,y,z] M(1)");

  board.begin(model);
  for (char c = 'a'; c <= 'd'; ++c) board.insert(a, 1, std::string(1024, c));
  board.insert(a, 1, "e");
  board.insert(a, 1, "f");
  const Board::Entry* entry = board.find(a);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->options, 5u) << "four of 1024 bytes and the dots";
  EXPECT_TRUE(board.any_option(*entry, [](std::string_view o) { return o == "..."; }));
  EXPECT_FALSE(board.any_option(*entry, [](std::string_view o) { return o == "e"; }));
}

TEST(Board, disabled_symbols_and_overlays) {
  ScoreModel model = base_model();
  const SymbolId off = add_symbol(model, "OFF", 1, static_cast<uint16_t>(SymbolFlag::kDisabled));
  const SymbolId a = add_symbol(model, "A", 1);
  const SymbolId b = add_symbol(model, "B", 1);
  Overlay overlay;
  overlay.scores = {{a, points(20)}};
  overlay.symbols_off = {false, false, true};
  overlay.thresholds = {kNoThreshold, points(30), kNoThreshold, points(25)};
  Board board;
  board.begin(model, &overlay);
  for (const SymbolId symbol : {off, a, b}) board.insert(symbol, 1, {});
  board.insert(static_cast<SymbolId>(77), 1, {});
  EXPECT_EQ(finish(board, model), "no action 20; A(20)");
  board.begin(model);
  for (const SymbolId symbol : {off, a, b}) board.insert(symbol, 1, {});
  EXPECT_EQ(finish(board, model), "no action 2; A(1) B(1)");
}

TEST(Board, grow_factor_multiplies_what_is_positive) {
  ScoreModel model = base_model();
  model.grow_factor = 1.1;
  const SymbolId a = add_symbol(model, "A", 3);
  const SymbolId b = add_symbol(model, "B", 1.5);
  const SymbolId c = add_symbol(model, "C", -1);
  Board board;
  board.begin(model);
  for (const SymbolId symbol : {a, b, c}) board.insert(symbol, 1, {});
  board.grow();
  const double factor = 1.1 * (1 + 0.1 * 3 / 15) * (1 + 0.1 * 1.5 / 15);
  EXPECT_EQ(board.find(a)->score, std::llround(3e6 * factor));
  EXPECT_EQ(board.find(b)->score, std::llround(1.5e6 * factor));
  EXPECT_EQ(board.find(c)->score, points(-1));
  EXPECT_EQ(board.total(), board.find(a)->score + board.find(b)->score + points(-1));
}

// Symbols of no capped group: scores, total and action do not depend on the order in which
// different symbols came; and the total is the sum of what stands on the board.
TEST(Board, the_order_of_different_symbols_does_not_matter_without_caps) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    ScoreModel model = base_model();
    model.grow_factor = round % 2 ? 1.05 : 1;
    std::vector<std::pair<SymbolId, double>> facts;
    for (int i = 0; i < 40; ++i) {
      const SymbolId id =
          add_symbol(model, fmt::format("S{}", i), static_cast<double>(random() % 700) / 100 - 3);
      if (random() % 2) facts.emplace_back(id, static_cast<double>(random() % 100) / 37);
    }
    const auto run = [&] {
      Board board;
      board.begin(model);
      for (const auto& [symbol, weight] : facts) board.insert(symbol, weight, {});
      board.grow();
      Micro sum = 0;
      std::vector<std::pair<uint32_t, Micro>> scores;
      for (const Board::Entry& entry : board.entries()) {
        sum += entry.score;
        scores.emplace_back(index(entry.symbol), entry.score);
      }
      EXPECT_EQ(sum, board.total());
      std::sort(scores.begin(), scores.end());
      return std::pair(board.total(), scores);
    };
    const auto first = run();
    std::shuffle(facts.begin(), facts.end(), random);
    EXPECT_EQ(run(), first);
  }
}

}  // namespace
}  // namespace winnow
