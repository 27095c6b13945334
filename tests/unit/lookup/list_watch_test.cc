// Which lists are believed: probes, answers that cannot be, sudden jumps. The clock is the test's.
#include "pipeline/lookup/list_watch.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Watch : public testing::Test {
 protected:
  Watch() {
    watch.tell_to([this](const std::string& what) { told.push_back(what); });
    watch.use({{.zone = "ip.example", .probe = "1.0.0.127"},
               {.zone = "name.example", .probe = ""},
               {.zone = "own.example", .monitored = false, .also = {{0x0A000001, 0x0A000002}}}},
              now);
  }
  KeptAnswer value(std::string address) {
    KeptAnswer answer;
    answer.state = AnswerState::kValue;
    answer.values = {std::move(address)};
    return answer;
  }
  KeptAnswer none() {
    KeptAnswer answer;
    answer.state = AnswerState::kNone;
    return answer;
  }
  std::string due() {
    const std::optional<ListWatch::Probe> probe = watch.next_probe(now, 1);
    return probe ? probe->name : "";
  }

  ListWatch::Clock::time_point now{};
  ListWatch watch;
  std::vector<std::string> told;
};

TEST_F(Watch, FindsTheListOfAName) {
  EXPECT_EQ(watch.find("1.2.0.192.ip.example"), 0u);
  EXPECT_EQ(watch.find("shop.example.name.example"), 1u);
  EXPECT_EQ(watch.find("name.example"), kNoIndex);
  EXPECT_EQ(watch.find("xname.example"), kNoIndex);
  EXPECT_EQ(watch.find("example"), kNoIndex);
  EXPECT_EQ(watch.find(""), kNoIndex);
}

TEST_F(Watch, Probes) {
  EXPECT_EQ(due(), "");
  now += ListWatch::kProbe / 10;
  EXPECT_EQ(due(), "1.0.0.127.ip.example");
  EXPECT_TRUE(due().ends_with(".name.example"));
  EXPECT_EQ(due(), "");  // both are under way; the third list is not watched
  watch.probed("ip.example", none(), now);
  now += ListWatch::kProbe - milliseconds(1);
  EXPECT_EQ(due(), "");
  now += milliseconds(1);
  EXPECT_EQ(due(), "1.0.0.127.ip.example");
  // All is well: less and less often, to 32 times.
  for (unsigned factor = 2; factor < 200; factor *= 2) {
    watch.probed("ip.example", none(), now);
    now += ListWatch::kProbe * std::min(factor, ListWatch::kProbeFactorMax) - milliseconds(1);
    EXPECT_EQ(due(), "") << factor;
    now += milliseconds(1);
    EXPECT_EQ(due(), "1.0.0.127.ip.example");
  }
  EXPECT_TRUE(told.empty());
}

TEST_F(Watch, TwoBadProbesTakeItOutOfUse) {
  now += ListWatch::kProbe;
  EXPECT_NE(due(), "");
  watch.probed("ip.example", value("127.0.0.2"), now);
  EXPECT_TRUE(watch.in_use(0));
  EXPECT_NE(due(), "");  // name.example
  now += ListWatch::kProbe / 10;
  EXPECT_EQ(due(), "1.0.0.127.ip.example");
  watch.probed("ip.example", value("127.0.0.2"), now);
  EXPECT_FALSE(watch.in_use(0));
  EXPECT_FALSE(watch.all_in_use());
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], "list ip.example is out of use: it knows a name that nobody listed");
  watch.refused(0);
  // Tried again; a good probe brings it back. Between, nothing more is told.
  now += ListWatch::kProbe;
  EXPECT_EQ(due(), "1.0.0.127.ip.example");
  watch.probed("ip.example", KeptAnswer{.reason = UnknownReason::kTimeout}, now);
  now += ListWatch::kProbe;
  EXPECT_EQ(due(), "1.0.0.127.ip.example");
  watch.probed("ip.example", none(), now);
  EXPECT_TRUE(watch.all_in_use());
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1], "list ip.example is in use again");
  EXPECT_EQ(watch.counts()[0].refused, 1u);
  EXPECT_EQ(watch.counts()[0].trips, 1u);
}

TEST_F(Watch, AnswersThatCannotBe) {
  KeptAnswer good = value("127.0.0.2");
  watch.check(0, good, now);
  EXPECT_EQ(good.state, AnswerState::kValue);
  KeptAnswer own = value("10.0.0.2");
  watch.check(2, own, now);
  EXPECT_EQ(own.state, AnswerState::kValue);
  KeptAnswer other = value("10.0.0.3");
  watch.check(2, other, now);
  EXPECT_EQ(other.state, AnswerState::kUnknown);
  EXPECT_TRUE(other.values.empty());
  EXPECT_FALSE(watch.in_use(2));
  KeptAnswer parked = value("192.0.2.1");
  watch.check(0, parked, now);
  EXPECT_EQ(parked.reason, UnknownReason::kBroken);
  EXPECT_EQ(told.size(), 2u);
  // A list without probes is tried again, too.
  now += ListWatch::kProbe;
  std::string probes;
  for (std::string name = due(); !name.empty(); name = due()) probes += name + " ";
  EXPECT_NE(probes.find(".own.example"), std::string::npos);
  watch.probed("own.example", none(), now);
  EXPECT_TRUE(watch.in_use(2));
}

TEST_F(Watch, AJumpOfItsHits) {
  const auto answers = [&](uint32_t hits) {
    for (uint32_t i = 0; i < ListWatch::kWindow; ++i) {
      KeptAnswer answer = i < hits ? value("127.0.0.2") : none();
      watch.check(1, answer, now);
    }
  };
  answers(ListWatch::kWindow / 10);
  answers(ListWatch::kWindow * 8 / 10);  // at the limit
  EXPECT_TRUE(watch.in_use(1));
  answers(ListWatch::kWindow / 10);
  answers(ListWatch::kWindow * 9 / 10);
  EXPECT_FALSE(watch.in_use(1));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], "list name.example is out of use: it knows 90 % of the names, before 10 %");
}

TEST_F(Watch, AReloadKeepsWhatIsKnown) {
  KeptAnswer parked = value("192.0.2.1");
  watch.check(0, parked, now);
  watch.use({{.zone = "new.example"}, {.zone = "ip.example", .probe = "1.0.0.127"}}, now);
  EXPECT_FALSE(watch.in_use(1));
  EXPECT_TRUE(watch.in_use(0));
  EXPECT_FALSE(watch.all_in_use());
  watch.probed("gone.example", none(), now);
  watch.use({}, now);
  EXPECT_TRUE(watch.all_in_use());
  EXPECT_EQ(watch.find("1.ip.example"), kNoIndex);
}

}  // namespace
}  // namespace winnow
