// Exports beside mail: order, bounds, cases that wait, reloads. What is sent goes to the test.
#include "pipeline/exports/exporter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "engine/score/questions.h"

namespace winnow {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const ExportRule> rule(const char* name, uint32_t timeout_ms = 60'000) {
  ExportRule out;
  out.name = name;
  out.url = "http://h/";
  out.timeout_ms = timeout_ms;
  return std::make_shared<const ExportRule>(out);
}

// Sends what opens; keeps the order.
class Gate {
 public:
  Result<void> send(const ExportRule& rule, const ExportText& text) {
    std::unique_lock lock(mutex_);
    begun_ += rule.name + ":" + text.body.substr(0, 8) + " ";
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || opened_.contains(rule.name); });
    if (fails_) return fail("it is closed");
    return {};
  }
  void open(const std::string& rule = "") {
    const std::lock_guard lock(mutex_);
    if (rule.empty())
      open_ = true;
    else
      opened_.insert(rule);
    changed_.notify_all();
  }
  void fail_all() { fails_ = true; }
  void wait_for(const std::string& text) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_.find(text) != std::string::npos; });
  }
  std::string begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string begun_;
  std::set<std::string> opened_;
  bool open_ = false;
  std::atomic<bool> fails_{false};
};

class ExporterTest : public testing::Test {
 protected:
  ExporterTest() { model.actions = {{.name = "no action"}}; }
  ~ExporterTest() override { gate.open(); }

  std::unique_ptr<Exporter> make(const std::vector<std::shared_ptr<const ExportRule>>& rules) {
    plan.rules = rules;
    auto out = std::make_unique<Exporter>(
        "h", [this](const std::string& what) { told.push_back(what); },
        [this](const ExportRule& one, const ExportText& text, const Exporter::Means&) {
          return gate.send(one, text);
        });
    out->use(rules, nullptr);
    return out;
  }
  static std::unique_ptr<Case> mail(const std::string& text,
                                    std::vector<std::string_view> rules = {}) {
    auto one = std::make_unique<Case>();
    one->message.bytes = MessageBytes(text);
    one->verdict.action = static_cast<ActionId>(0);
    for (const std::string_view name : rules)
      one->verdict.effects.push_back({EffectKind::kExport, name, {}});
    return one;
  }
  static std::unique_ptr<Case> waiting(std::vector<std::string> rules,
                                       const std::string& text = "m") {
    auto one = mail(text);
    for (const std::string& name : rules)
      append_question(one->evidence,
                      {.kind = QuestionKind::kTake, .type = kExportTake, .key = "export " + name},
                      {});
    return one;
  }
  // Values of its answers; "open", "unknown".
  static std::string answers(const Case& one) {
    std::string out;
    for (const Answer& answer : one.evidence.answers)
      out += (out.empty() ? "" : ", ") + (answer.state == AnswerState::kOpen ? std::string("open")
                                          : answer.state == AnswerState::kUnknown
                                              ? std::string("unknown")
                                              : std::string(answer.values[0]));
    return out;
  }
  static void wait_for(const Exporter& exporter,
                       const std::function<bool(const Exporter::Counts&)>& f) {
    while (!f(exporter.counts().at(0))) std::this_thread::yield();
  }

  Gate gate;
  ExportPlan plan;
  ScoreModel model;
  std::vector<std::string> told;
};

TEST_F(ExporterTest, a_rule_that_is_slow_holds_up_no_other) {
  const auto exporter = make({rule("SLOW"), rule("FAST")});
  gate.open("FAST");
  for (int i = 0; i < 10; ++i)
    exporter->carry_out(plan, model, *mail(fmt::format("{}", i), {"SLOW", "FAST", "NONE"}));
  gate.wait_for("FAST:9");
  wait_for(*exporter,
           [](const Exporter::Counts& one) { return one.rule == "FAST" && one.sent == 10; });
  EXPECT_EQ(exporter->counts()[1].sent, 0u);
  // Not more than its threads are at it.
  const std::string begun = gate.begun();
  size_t slow = 0;
  for (size_t at = begun.find("SLOW"); at != begun.npos; at = begun.find("SLOW", at + 1)) ++slow;
  EXPECT_LE(slow, Exporter::kSendersMax);
  gate.open();
}

TEST_F(ExporterTest, what_finds_no_room_is_dropped) {
  const auto exporter = make({rule("A"), rule("B")});
  const size_t share = Exporter::kWaitingBytesMax / 2;
  const auto take = [&](const char* name, size_t bytes) {
    exporter->carry_out(plan, model, *mail(std::string(bytes, 'x'), {name}));
    const auto counts = exporter->counts();
    return counts[name[0] == 'A' ? 0 : 1].dropped;
  };
  constexpr size_t kBeside = 64 * 1024;  // what a job holds beside its text
  EXPECT_EQ(take("A", share - kBeside), 0u);
  EXPECT_EQ(take("A", kBeside), 1u);
  EXPECT_LE(exporter->counts()[0].waiting_bytes, share);
  // One that is over its share waits alone.
  EXPECT_EQ(take("B", share + 1), 0u);
  EXPECT_EQ(take("B", 1), 1u);
  gate.open();
  wait_for(*exporter, [](const Exporter::Counts& one) { return one.sent == 1; });
  while (exporter->counts()[1].waiting_bytes > 0) std::this_thread::yield();
  EXPECT_EQ(take("B", Exporter::kLargeBytesMax), 2u);  // with what it holds beside
  EXPECT_EQ(take("A", share + 1), 1u);
  while (exporter->counts()[0].waiting_bytes > 0) std::this_thread::yield();
  // Told once a minute.
  EXPECT_EQ(told, (std::vector<std::string>{"export A: 0 failed, 1 dropped: no room",
                                            "export B: 0 failed, 1 dropped: no room"}));
}

TEST_F(ExporterTest, cases_that_wait) {
  const auto exporter = make({rule("A"), rule("B")});
  auto one = waiting({"A", "B"});
  EXPECT_TRUE(Exporter::has_open(one->evidence));
  std::promise<void> ready;
  const auto never = Exporter::Clock::time_point::max();
  EXPECT_FALSE(exporter->ask(plan, model, *one, never, [&] { ready.set_value(); }));
  gate.open("A");
  gate.wait_for("B:m");
  gate.open("B");
  ready.get_future().wait();
  EXPECT_EQ(answers(*one), "sent, sent");
  EXPECT_FALSE(Exporter::has_open(one->evidence));
  // A rule that is gone: nobody sends.
  one = waiting({"X"});
  EXPECT_TRUE(exporter->ask(plan, model, *one, never, [] { ADD_FAILURE(); }));
  EXPECT_EQ(answers(*one), "unknown");
  gate.fail_all();
  one = waiting({"A"});
  std::promise<void> failed;
  EXPECT_FALSE(exporter->ask(plan, model, *one, never, [&] { failed.set_value(); }));
  failed.get_future().wait();
  EXPECT_EQ(answers(*one), "failed: it is closed");
}

TEST_F(ExporterTest, a_message_over_each_share_waits_for_all_its_rules) {
  const auto exporter = make({rule("A"), rule("B")});
  gate.open();
  auto one = waiting({"A", "B"}, std::string(Exporter::kWaitingBytesMax / 2 + 1, 'x'));
  std::promise<void> ready;
  EXPECT_FALSE(exporter->ask(plan, model, *one, Exporter::Clock::time_point::max(),
                             [&] { ready.set_value(); }));
  ready.get_future().wait();
  EXPECT_EQ(answers(*one), "sent, sent");
}

TEST_F(ExporterTest, time_that_is_over) {
  // The rule's: it is answered. The case's own: it goes back as it is.
  const auto exporter = make({rule("SHORT", 1), rule("LONG")});
  for (const auto& [name, deadline, expected] :
       {std::tuple{"SHORT", Exporter::Clock::time_point::max(), "failed: no answer in time"},
        std::tuple{"LONG", Exporter::Clock::now(), "open"}}) {
    auto one = waiting({name});
    std::promise<void> ready;
    EXPECT_FALSE(exporter->ask(plan, model, *one, deadline, [&] { ready.set_value(); }));
    ready.get_future().wait();
    EXPECT_EQ(answers(*one), expected);
  }
  // No room: at once.
  auto one = waiting({"LONG"}, std::string(Exporter::kLargeBytesMax, 'x'));
  EXPECT_TRUE(exporter->ask(plan, model, *one, Exporter::Clock::time_point::max(), [] {}));
  EXPECT_EQ(answers(*one), "failed: there is no room for it");
  gate.open();
}

TEST_F(ExporterTest, a_reload_takes_nothing_from_what_waits) {
  const auto exporter = make({rule("A")});
  for (int i = 0; i < 10; ++i) exporter->carry_out(plan, model, *mail(fmt::format("{}", i), {"A"}));
  exporter->use({rule("B")}, nullptr);
  gate.open();
  wait_for(*exporter,
           [](const Exporter::Counts& one) { return one.rule == "A" && one.sent == 10; });
  exporter->use({rule("A")}, nullptr);
  exporter->carry_out(plan, model, *mail("again", {"A"}));
  gate.wait_for("A:again");
}

TEST_F(ExporterTest, the_end_waits_for_no_server) {
  std::promise<void> asked;
  plan.rules = {rule("A")};
  const auto silent = [&](const ExportRule&, const ExportText&, const Exporter::Means& means) {
    asked.set_value();
    while (!*means.given_up) std::this_thread::yield();
    return Result<void>(fail("given up"));
  };
  auto exporter = std::make_unique<Exporter>(
      "h", [](const std::string&) {}, silent);
  exporter->use(plan.rules, nullptr);
  exporter->carry_out(plan, model, *mail("m", {"A"}));
  asked.get_future().wait();
  exporter = nullptr;
}

TEST_F(ExporterTest, the_end_sends_what_waits) {
  auto exporter = make({rule("A")});
  gate.open();
  for (int i = 0; i < 100; ++i) exporter->carry_out(plan, model, *mail("m", {"A"}));
  exporter = nullptr;
  const std::string begun = gate.begun();
  EXPECT_EQ(begun.size(), 100 * std::string("A:m ").size());
}

}  // namespace
}  // namespace winnow
