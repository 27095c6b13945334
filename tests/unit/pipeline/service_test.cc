// The service: each admitted message has exactly one answer, whatever its size, the threads, the
// swaps of rules under load.
#include "pipeline/service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "engine/mime/ip.h"
#include "pipeline/lookup/answers.h"

namespace winnow {
namespace {

std::shared_ptr<LiveRules> load() {
  static const std::shared_ptr<const RuleSet> rules = [] {
    Result<Loaded> loaded = load_rules({});
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().text());
    return loaded->rules;
  }();
  return std::make_shared<LiveRules>(rules, std::make_unique<TableAnswers>(*rules));
}

Message message(size_t number, size_t bytes) {
  Message out;
  std::string text = "From: a@example.org\r\nMessage-ID: <" + std::to_string(number) +
                     "@example.org>\r\nSubject: hello\r\n\r\n";
  while (text.size() < bytes) text += "plain words of a letter\r\n";
  out.bytes = MessageBytes(text);
  out.now_ms = 1'700'000'000'000;
  return out;
}

TEST(Service, EachMessageHasItsOwnAnswerOnce) {
  for (const unsigned threads : {1u, 3u}) {
    Service service(load(), {.threads = threads, .byte_budget = 1ull << 30});
    std::vector<std::atomic<int>> answers(300);
    for (size_t i = 0; i < answers.size(); ++i) {
      Message one = message(i, i % 50 == 7 ? 100'000 : i == 9 ? 3'000'000 : 300);
      ASSERT_TRUE(service.submit(one, [&answers, i](const Scanned& scanned) {
        EXPECT_EQ(scanned.one.evidence.message_id, std::to_string(i) + "@example.org");
        EXPECT_FALSE(scanned.too_late);
        ++answers[i];
      }));
      if (i % 40 == 0) service.use(load());
    }
    service.finish();
    for (const std::atomic<int>& count : answers) EXPECT_EQ(count, 1);
    Message late = message(1, 10);
    EXPECT_FALSE(service.submit(late, {}));
    EXPECT_GT(late.bytes.size(), 0u);
  }
}

// Messages until one is left to this thread: a worker that starts is not idle yet.
Service::Taken submit_until_here(Service& service, std::atomic<int>& answers, size_t& sent) {
  for (; sent < 100'000; ++sent) {
    Message one = message(sent, 300);
    Hold hold;
    const Service::Taken taken =
        service.submit_here(one, hold, [&answers](const Scanned&) { ++answers; });
    if (taken != Service::Taken::kByWorkers) return ++sent, taken;
    while (service.waiting() > 0) std::this_thread::yield();
  }
  return Service::Taken::kByWorkers;
}

TEST(Service, ALoneSmallMessageIsScannedByWhoBringsIt) {
  Service service(load(), {.threads = 2});
  std::atomic<int> answers = 0;
  size_t sent = 0;
  ASSERT_EQ(submit_until_here(service, answers, sent), Service::Taken::kHere);
  while (answers + 1 < static_cast<int>(sent)) std::this_thread::yield();
  EXPECT_EQ(service.waiting(), 1u);  // nobody was woken
  service.scan_here();
  EXPECT_EQ(service.waiting(), 0u);
  EXPECT_EQ(answers, static_cast<int>(sent));
  // A large one keeps the sockets' thread for too long.
  Hold hold;
  Message large = message(0, kSmallBytes + 1);
  EXPECT_EQ(service.submit_here(large, hold, [](const Scanned&) {}), Service::Taken::kByWorkers);
}

TEST(Service, WhereOneWorkerIsAllWhatComesMeanwhileIsScannedHereToo) {
  for (const uint32_t bytes_max : {1u << 20, 1000u}) {  // of a batch: three messages
    Service service(load(), {.threads = 1, .bytes_max = bytes_max});
    std::atomic<int> answers = 0;
    size_t sent = 0;
    ASSERT_EQ(submit_until_here(service, answers, sent), Service::Taken::kHere);
    while (answers + 1 < static_cast<int>(sent)) std::this_thread::yield();
    const uint64_t batches = service.batches();
    const auto submit = [&] {
      Message one = message(sent++, 300);
      Hold hold;
      EXPECT_EQ(service.submit_here(one, hold, [&answers](const Scanned&) { ++answers; }),
                Service::Taken::kByWorkers);
    };
    for (uint32_t i = 1; i < kHereRows; ++i) submit();
    EXPECT_EQ(service.waiting(), kHereRows);  // nobody was woken
    service.scan_here();
    if (bytes_max > 1000) {
      EXPECT_EQ(answers, static_cast<int>(sent));
      EXPECT_EQ(service.batches(), batches + 1);
    }
    service.finish();  // what does not fit into a batch is the worker's
    EXPECT_EQ(answers, static_cast<int>(sent));
  }
}

TEST(Service, MoreThanIsScannedHereAtOnceWakesTheWorker) {
  Service service(load(), {.threads = 1});
  std::atomic<int> answers = 0;
  size_t sent = 0;
  ASSERT_EQ(submit_until_here(service, answers, sent), Service::Taken::kHere);
  for (uint32_t i = 0; i < kHereRows; ++i) {
    Message one = message(sent++, 300);
    Hold hold;
    EXPECT_EQ(service.submit_here(one, hold, [&answers](const Scanned&) { ++answers; }),
              Service::Taken::kByWorkers);
  }
  while (answers < static_cast<int>(sent)) std::this_thread::yield();  // all of them, by the worker
  service.scan_here();
  EXPECT_EQ(answers, static_cast<int>(sent));
}

TEST(Service, WhatWasLeftHereIsNotLostWhereNobodyScansIt) {
  std::atomic<int> answers = 0;
  size_t sent = 0;
  Service service(load(), {.threads = 2});
  ASSERT_EQ(submit_until_here(service, answers, sent), Service::Taken::kHere);
  service.finish();
  EXPECT_EQ(answers, static_cast<int>(sent));
  service.scan_here();  // too late, and no harm
}

TEST(Service, OneThreadScansHereBesideTheWorkers) {
  Service service(load(), {.threads = 2, .byte_budget = 1ull << 30});
  std::vector<std::atomic<int>> answers(600);
  std::thread other([&] {
    for (size_t i = 1; i < answers.size(); i += 2) {
      Message one = message(i, 300);
      ASSERT_TRUE(service.submit(one, [&answers, i](const Scanned&) { ++answers[i]; }));
    }
  });
  for (size_t i = 0; i < answers.size(); i += 2) {
    Message one = message(i, 300);
    Hold hold;
    if (service.submit_here(one, hold, [&answers, i](const Scanned&) { ++answers[i]; }) ==
        Service::Taken::kHere)
      service.scan_here();
    if (i % 60 == 0) service.use(load());
  }
  other.join();
  service.finish();
  for (const std::atomic<int>& count : answers) EXPECT_EQ(count, 1);
}

TEST(Service, SomeAnswersAreHandedOutTogetherAndNoneIsForgotten) {
  size_t done = 0;                   // on the one worker's thread, as is what follows
  std::vector<size_t> handed_after;  // how many were done by then
  {
    Service service(load(), {.threads = 1, .rows_max = 64, .byte_budget = 1ull << 30});
    service.on_share([&] { handed_after.push_back(done); });
    std::latch blocked(1), entered(1);
    Message first = message(0, 10);
    ASSERT_TRUE(service.submit(first, [&](const Scanned&) {
      ++done;
      entered.count_down();
      blocked.wait();
    }));
    entered.wait();
    for (size_t i = 1; i <= 40; ++i) {
      Message one = message(i, 10);
      ASSERT_TRUE(service.submit(one, [&](const Scanned&) { ++done; }));
    }
    blocked.count_down();
  }
  EXPECT_EQ(handed_after, (std::vector<size_t>{1, 17, 33, 41}));
}

TEST(Service, ABatchIsTheShareOfWhatWaits) {
  Service service(load(), {.threads = 1, .rows_max = 8, .byte_budget = 1ull << 30});
  std::latch blocked(1), entered(1);
  Message first = message(0, 10);
  ASSERT_TRUE(service.submit(first, [&](const Scanned&) {
    entered.count_down();
    blocked.wait();
  }));
  entered.wait();  // an idle worker took one message at once
  for (size_t i = 1; i <= 16; ++i) {
    Message one = message(i, 10);
    ASSERT_TRUE(service.submit(one, [](const Scanned&) {}));
  }
  EXPECT_EQ(service.waiting(), 16u);
  blocked.count_down();
  service.finish();
  EXPECT_EQ(service.batches(), 3u);
}

TEST(Service, TheBudgetRefusesButAlwaysAdmitsOne) {
  Service service(load(), {.threads = 1, .byte_budget = 1000});
  std::latch blocked(1);
  Message big = message(0, 50'000);
  ASSERT_TRUE(service.submit(big, [&](const Scanned&) { blocked.wait(); }));
  Message second = message(1, 10);
  EXPECT_FALSE(service.submit(second, [](const Scanned&) { FAIL(); }));
  EXPECT_GT(second.bytes.size(), 0u);
  blocked.count_down();
  service.finish();
}

TEST(Service, WhatAConnectionReadIsNeverRefusedAndMovesItsPartOfTheBudget) {
  Service service(load(), {.threads = 1, .byte_budget = 1000});
  Hold hold, other;
  service.admission().set(hold, 5'000 + kCaseBytes, true);
  Message one = message(0, 5'000);
  const size_t bytes = one.bytes.size();
  std::latch blocked(1);
  ASSERT_TRUE(service.submit(one, hold, [&](const Scanned&) { blocked.wait(); }));
  EXPECT_EQ(hold.bytes, 0u);
  EXPECT_FALSE(hold.message);
  EXPECT_EQ(service.admission().held_bytes(), bytes + kCaseBytes);
  blocked.count_down();
  service.finish();
  EXPECT_EQ(service.admission().held_bytes(), 0u);
  service.admission().set(other, 1, true);
  Message late = message(1, 10);
  EXPECT_FALSE(service.submit(late, other, {}));
  EXPECT_EQ(other.bytes, 1u);  // the caller still has it
  service.admission().release(other);
}

TEST(Service, WhatIsOpenAtTheDeadlineStaysUnknown) {
  const std::string text =
      "From: a@example.org\r\nSubject: hello\r\n\r\nplain words of a letter\r\n";
  for (const bool cut : {false, true}) {
    Service service(load(), {.threads = 1, .task_timeout_ms = cut ? -1 : 100'000});
    Message one;
    one.bytes = MessageBytes(text);
    one.from = "a@example.org";
    one.ip = *parse_ip("192.0.2.1");
    bool was_cut = !cut;
    size_t unknown = 0;
    ASSERT_TRUE(service.submit(one, [&](const Scanned& scanned) {
      ASSERT_GT(scanned.one.evidence.questions.size(), 0u);  // SPF asks
      was_cut = scanned.one.evidence.cut_by_deadline;
      unknown = scanned.one.verdict.unknown.size();
    }));
    service.finish();
    EXPECT_EQ(was_cut, cut);
    EXPECT_GT(unknown, 0u);
  }
}

TEST(Service, IsNotReadyWhileSomethingWaitsTooLong) {
  Service service(load(), {.threads = 1, .queue_wait_max_ms = 0});
  EXPECT_TRUE(service.ready());
  std::latch blocked(1), entered(1);
  Message first = message(0, 10), second = message(1, 10);
  // With 0 ms, what a worker does not take at once is late.
  std::atomic<int> late{0};
  ASSERT_TRUE(service.submit(first, [&](const Scanned&) {
    entered.count_down();
    blocked.wait();
  }));
  entered.wait();
  ASSERT_TRUE(service.submit(second, [&](const Scanned& scanned) { late += scanned.too_late; }));
  while (service.ready()) std::this_thread::yield();
  blocked.count_down();
  service.admission().wait_empty();
  EXPECT_EQ(late, 1);
  EXPECT_FALSE(service.ready());  // for a while
  service.finish();
  EXPECT_FALSE(service.ready());
}

TEST(Service, WhatWaitedTooLongIsNotScanned) {
  Service service(load(), {.threads = 1, .queue_wait_max_ms = -1000});
  Message one = message(0, 10);
  int late = 0;
  ASSERT_TRUE(service.submit(one, [&](const Scanned& scanned) { late += scanned.too_late; }));
  service.finish();
  EXPECT_EQ(late, 1);
}

}  // namespace
}  // namespace winnow
