// Admission: the budget at its limit and beyond, the one that may always finish, lanes and shares.
#include "pipeline/admit.h"

#include <gtest/gtest.h>

#include <thread>

namespace winnow {
namespace {

Message message(size_t bytes) {
  Message out;
  out.bytes = MessageBytes(std::string(bytes, 'x'));
  return out;
}

void put(Admission& admission, size_t bytes) {
  admission.put(message(bytes), std::make_unique<Case>(), {});
}

TEST(Admission, TheBudgetIsExact) {
  Admission admission({.byte_budget = 1000});
  Hold first, second, third;
  EXPECT_TRUE(admission.try_reserve(600, first));
  EXPECT_FALSE(admission.try_reserve(401, second));
  EXPECT_EQ(second.bytes, 0u);
  EXPECT_TRUE(admission.try_reserve(400, second));
  EXPECT_FALSE(admission.try_reserve(0 + 1, third));
  EXPECT_EQ(admission.held_bytes(), 1000u);
  admission.release(first);
  EXPECT_EQ(first.bytes, 0u);
  EXPECT_TRUE(admission.try_reserve(600, third));
  admission.release(second);
  admission.release(third);
  admission.release(third);  // holds nothing: nothing happens
  EXPECT_EQ(admission.held_bytes(), 0u);
}

TEST(Admission, OneMessageIsAlwaysLetIn) {
  Admission admission({.byte_budget = 10});
  Hold big, small;
  EXPECT_TRUE(admission.try_reserve(1'000'000, big));
  EXPECT_FALSE(admission.try_reserve(1, small));
  admission.release(big);
  EXPECT_TRUE(admission.try_reserve(1, small));
  admission.release(small);
}

TEST(Admission, NoMoreMessagesAtOnceThanAllowed) {
  Admission admission({.byte_budget = 1000, .messages_max = 2});
  Hold holds[3];
  EXPECT_TRUE(admission.try_reserve(1, holds[0]));
  EXPECT_TRUE(admission.try_reserve(1, holds[1]));
  EXPECT_FALSE(admission.try_reserve(1, holds[2]));
  admission.release(holds[0]);
  EXPECT_TRUE(admission.try_reserve(1, holds[2]));
  for (Hold& hold : holds) admission.release(hold);
}

TEST(Admission, WaitsForRoomAndForTheEnd) {
  Admission admission({.byte_budget = 10});
  Hold first, second;
  admission.reserve(10, first);
  std::thread waits([&] {
    admission.reserve(5, second);
    EXPECT_EQ(admission.held_bytes(), 5u);
    admission.release(second);
  });
  admission.release(first);
  waits.join();
  admission.wait_empty();
  EXPECT_EQ(admission.held_bytes(), 0u);
}

// Who submits waits once enough lies in the lanes, and until half of it is taken. What is scanned
// alone counts for nothing: reading goes on behind it.
TEST(Admission, ReadsOnlySoFarAhead) {
  Admission admission({.bytes_max = 200, .ahead_max = 1000});
  put(admission, kLargeBytes + 1);
  Hold holds[5];
  for (Hold& hold : holds) {
    admission.reserve(1, hold);
    put(admission, 200);
  }
  EXPECT_TRUE(admission.far_ahead());
  Hold sixth;
  std::thread submits([&] { admission.reserve(1, sixth); });
  Share share;
  for (int i = 0; i < 2; ++i) {
    share.clear();
    ASSERT_TRUE(admission.take(false, false, share));
    ASSERT_EQ(share.cases.size(), 1u);
  }
  EXPECT_EQ(admission.waiting(), 4u);  // 600 bytes and the large one: more than half
  EXPECT_TRUE(admission.far_ahead());
  EXPECT_EQ(admission.held_bytes(), 5u);  // the sixth has not come
  share.clear();
  ASSERT_TRUE(admission.take(false, false, share));
  EXPECT_FALSE(admission.far_ahead());
  submits.join();
  EXPECT_EQ(admission.held_bytes(), 6u);
  admission.release(sixth);
  for (Hold& hold : holds) admission.release(hold);
}

// Connections that hold the whole budget with halves of messages: one goes on, then the next.
TEST(Admission, OneConnectionCanAlwaysFinish) {
  Admission admission({.byte_budget = 1000});
  Hold a, b, c;
  for (Hold* one : {&a, &b}) {
    ASSERT_TRUE(admission.may_read(*one));
    admission.set(*one, 499, false);
  }
  ASSERT_TRUE(admission.may_read(b));  // 998 of 1000: one read may go over
  admission.set(b, 501, false);
  EXPECT_TRUE(admission.may_read(a));  // the first to ask has the overdraft
  EXPECT_TRUE(a.overdraft);
  EXPECT_FALSE(admission.may_read(b));
  EXPECT_FALSE(admission.may_read(c));
  admission.set(a, 70'000, true);  // whole, and on its way to a worker
  EXPECT_TRUE(admission.may_read(a));
  EXPECT_FALSE(admission.may_read(b));
  admission.release(a);
  EXPECT_TRUE(admission.may_read(b));
  EXPECT_FALSE(b.overdraft);  // there is room again
  EXPECT_TRUE(admission.may_read(c));
  // A connection that holds nothing any more loses it.
  admission.set(b, 2000, false);
  EXPECT_TRUE(admission.may_read(b));
  EXPECT_TRUE(b.overdraft);
  EXPECT_FALSE(admission.may_read(c));
  admission.set(b, 0, false);
  EXPECT_FALSE(b.overdraft);
  EXPECT_TRUE(admission.may_read(c));
  EXPECT_FALSE(c.overdraft);
  for (Hold* one : {&a, &b, &c}) admission.release(*one);
  admission.wait_empty();
}

TEST(Admission, WhoWasRefusedIsCalledOnce) {
  Admission admission({.byte_budget = 100});
  int calls = 0;
  admission.on_room([&] { ++calls; });
  Hold a, b, c;
  admission.set(a, 150, false);
  ASSERT_TRUE(admission.may_read(b));  // the overdraft
  admission.set(b, 200, false);
  EXPECT_FALSE(admission.may_read(c));
  admission.release(a);  // 200 of 100, and overdrawn
  EXPECT_EQ(calls, 0);
  admission.release(b);
  EXPECT_EQ(calls, 1);
  admission.set(c, 1, false);
  admission.release(c);
  EXPECT_EQ(calls, 1);  // nobody was refused since
}

TEST(Admission, NobodyReadsWhileAsManyAreScannedAsMay) {
  Admission admission({.byte_budget = 1000, .messages_max = 1});
  Hold a, b;
  ASSERT_TRUE(admission.may_read(a));
  admission.set(a, 10, false);
  admission.set(b, 10, false);
  EXPECT_TRUE(admission.may_read(b));
  admission.set(a, 10, true);
  EXPECT_FALSE(admission.may_read(b));
  EXPECT_FALSE(b.overdraft);
  admission.release(a);
  EXPECT_TRUE(admission.may_read(b));
  admission.release(b);
}

TEST(Admission, SharesAreFairAndBounded) {
  Admission admission({.workers = 2, .rows_max = 4, .bytes_max = 1000});
  Share share;
  EXPECT_FALSE(admission.take(false, true, share));
  for (int i = 0; i < 11; ++i) put(admission, 100);
  EXPECT_EQ(admission.waiting(), 11u);
  for (const size_t rows : {4u, 4u, 2u, 1u}) {  // a half of what waits, 4 at most
    ASSERT_TRUE(admission.take(false, true, share));
    EXPECT_EQ(share.messages.size(), rows);
    share.clear();
  }
  EXPECT_FALSE(admission.take(false, true, share));
  for (int i = 0; i < 8; ++i) put(admission, 400);
  ASSERT_TRUE(admission.take(false, true, share));
  EXPECT_EQ(share.messages.size(), 2u);  // a third would go over bytes_max
}

TEST(Admission, LanesTakeTurnsAndTheLargestGoAlone) {
  Admission admission({.workers = 1});
  for (int i = 0; i < 3; ++i) {
    put(admission, 100);
    put(admission, kSmallBytes + 1);
    put(admission, kLargeBytes + 1);
  }
  Share share;
  std::vector<size_t> sizes;
  while (admission.take(false, true, share)) {
    for (const Message& one : share.messages) sizes.push_back(one.bytes.size());
    sizes.push_back(0);
    share.clear();
  }
  const size_t s = 100, l = kSmallBytes + 1, a = kLargeBytes + 1;
  EXPECT_EQ(sizes, (std::vector<size_t>{s, s, s, 0, l, l, l, 0, a, 0, a, 0, a, 0}));
  put(admission, kLargeBytes + 1);
  EXPECT_FALSE(admission.take(false, false, share));  // not for this worker
  put(admission, kLargeBytes);
  EXPECT_TRUE(admission.take(false, false, share));
}

TEST(Admission, StopEndsThoseWhoWait) {
  Admission admission({});
  std::thread waits([&] {
    Share share;
    EXPECT_FALSE(admission.take(true, true, share));
  });
  admission.stop();
  waits.join();
}

}  // namespace
}  // namespace winnow
