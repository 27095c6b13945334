// The lookup against a name server within the test: what is merged, kept, sent again, given up.
#include "pipeline/lookup/lookup.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <map>

#include "engine/score/questions.h"
#include "tests/unit/loopback.h"

namespace winnow {
namespace {

using namespace std::chrono_literals;
constexpr uint16_t kA = 1;

// Answers by the first byte of a name: 'd' is dead, 'f' fails, 'r' refuses, 'n' does not exist,
// 'l' is lost once, 'h' is held until release(), 'c' an alias of the same name with 'a'; all others
// have the address 192.0.2.7.
class NameServer {
 public:
  NameServer() : socket_(bound_socket(SOCK_DGRAM, port)) {
    thread_ = std::thread([this] { work(); });
  }
  ~NameServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  int count(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return asked_[name];
  }
  void wait_for(const std::string& name) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return asked_[name] > 0; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    for (const auto& [packet, peer] : held_) send(packet, peer);
    held_.clear();
  }
  uint16_t port = 0;

 private:
  using Packet = std::vector<uint8_t>;
  void send(const Packet& packet, const sockaddr_in& peer) {
    sendto(socket_, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&peer),
           sizeof peer);
  }
  void work() {
    for (;;) {
      Packet packet(512);
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      const ssize_t got = recvfrom(socket_, packet.data(), packet.size(), 0,
                                   reinterpret_cast<sockaddr*>(&peer), &size);
      if (got < 17) return;
      std::string name;
      size_t at = 12;
      for (; packet[at] != 0; at += 1u + packet[at]) {
        if (!name.empty()) name += '.';
        name.append(packet.begin() + static_cast<ptrdiff_t>(at) + 1,
                    packet.begin() + static_cast<ptrdiff_t>(at) + 1 + packet[at]);
      }
      packet.resize(at + 5);
      const std::lock_guard lock(mutex_);
      const int times = ++asked_[name];
      came_.notify_all();
      const char what = name[0];
      if (what == 'd' || (what == 'l' && times == 1)) continue;
      packet[2] = 0x81;
      packet[3] = static_cast<uint8_t>(0x80 | (what == 'f'   ? 2
                                               : what == 'r' ? 5
                                               : what == 'n' ? 3
                                                             : 0));
      packet[10] = packet[11] = 0;
      if (what == 'c') {
        packet[7] = 1;
        packet.insert(packet.end(), {0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0});
        packet.push_back(static_cast<uint8_t>(name.size() + 2));
        Packet target(packet.begin() + 12, packet.begin() + static_cast<ptrdiff_t>(at) + 1);
        target[1] = 'a';
        packet.insert(packet.end(), target.begin(), target.end());
      } else if (what != 'f' && what != 'r' && what != 'n') {
        packet[7] = 1;
        packet.insert(packet.end(), {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7});
      }
      if (what == 'h')
        held_.emplace_back(packet, peer);
      else
        send(packet, peer);
    }
  }

  const int socket_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable came_;
  std::map<std::string, int> asked_;
  std::vector<std::pair<Packet, sockaddr_in>> held_;
  std::thread thread_;
};

LookupOptions options_for(std::initializer_list<uint16_t> ports, uint32_t timeout_ms = 50) {
  LookupOptions options;
  for (const uint16_t port : ports)
    options.dns.servers.list.push_back({.address = "127.0.0.1", .port = port});
  options.dns.timeout_ms = timeout_ms;
  options.retransmits = 2;
  return options;
}

// A case that asks some names.
struct Asking {
  explicit Asking(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
      append_question(evidence, {.kind = QuestionKind::kDns, .type = kA, .key = name}, {});
  }
  bool ask(Lookup& lookup, Lookup::Clock::time_point deadline = Lookup::Clock::time_point::max()) {
    return lookup.ask(evidence, deadline, [this] { ready.set_value(); });
  }
  void finish(Lookup& lookup) {
    if (!ask(lookup)) ready.get_future().wait();
  }
  const Answer& answer(size_t i = 0) const { return evidence.answers[i]; }
  Evidence evidence;
  std::promise<void> ready;
};

TEST(Lookup, values_none_and_unknown_with_its_reason) {
  NameServer server;
  Lookup lookup(options_for({server.port}));
  Asking one({"a.example", "nothing.example", "fails.example", "refused.example", "dead.example",
              "lost.example", "chain.example"});
  one.finish(lookup);
  EXPECT_EQ(one.answer(0).state, AnswerState::kValue);
  ASSERT_EQ(one.answer(0).values.size(), 1u);
  EXPECT_EQ(one.answer(0).values[0], "192.0.2.7");
  EXPECT_EQ(one.answer(0).ttl_s, 60u);
  EXPECT_EQ(one.answer(1).state, AnswerState::kNone);
  EXPECT_FALSE(one.answer(1).name_exists);
  const std::pair<size_t, UnknownReason> unknown[] = {{2, UnknownReason::kServerFailure},
                                                      {3, UnknownReason::kRefused},
                                                      {4, UnknownReason::kTimeout}};
  for (const auto& [i, reason] : unknown) {
    EXPECT_EQ(one.answer(i).state, AnswerState::kUnknown) << i;
    EXPECT_EQ(one.answer(i).reason, reason) << i;
  }
  EXPECT_EQ(server.count("dead.example"), 3);  // one try and two more
  EXPECT_EQ(one.answer(5).state, AnswerState::kValue);
  EXPECT_EQ(server.count("lost.example"), 2);
  EXPECT_EQ(one.answer(6).state, AnswerState::kValue);
  EXPECT_EQ(server.count("ahain.example"), 1);
}

TEST(Lookup, what_was_answered_is_not_asked_again) {
  NameServer server;
  Lookup lookup(options_for({server.port}));
  for (int i = 0; i < 3; ++i) {
    Asking one({"a.example", "nothing.example", "dead.example"});
    EXPECT_EQ(one.ask(lookup), i > 0);
    if (i == 0) one.ready.get_future().wait();
    EXPECT_EQ(one.answer(0).state, AnswerState::kValue);
    EXPECT_EQ(one.answer(2).state, AnswerState::kUnknown);
  }
  EXPECT_EQ(server.count("a.example"), 1);
  EXPECT_EQ(server.count("nothing.example"), 1);
  EXPECT_EQ(server.count("dead.example"), 3);
}

TEST(Lookup, identical_questions_in_flight_are_one) {
  NameServer server;
  Lookup lookup(options_for({server.port}, 30'000));
  constexpr int kCases = 50;
  std::vector<std::unique_ptr<Asking>> cases;
  for (int i = 0; i < kCases; ++i) {
    cases.push_back(
        std::make_unique<Asking>(std::initializer_list<std::string_view>{"held.example"}));
    EXPECT_FALSE(cases.back()->ask(lookup));
  }
  server.wait_for("held.example");
  server.release();
  for (const auto& one : cases) {
    one->ready.get_future().wait();
    EXPECT_EQ(one->answer().state, AnswerState::kValue);
  }
  EXPECT_EQ(server.count("held.example"), 1);
  EXPECT_EQ(lookup.counts().merged.load(), kCases - 1u);
}

TEST(Lookup, at_its_deadline_a_case_gets_back_what_there_is) {
  NameServer server;
  Lookup lookup(options_for({server.port}, 30'000));
  Asking one({"a.example", "held.example"});
  EXPECT_FALSE(one.ask(lookup, Lookup::Clock::now() + 300ms));
  one.ready.get_future().wait();
  EXPECT_EQ(one.answer(1).state, AnswerState::kOpen);
  EXPECT_EQ(lookup.counts().late.load(), 1u);
  // The flight goes on: who asks next joins it.
  Asking next({"held.example"});
  EXPECT_FALSE(next.ask(lookup));
  server.wait_for("held.example");
  server.release();
  next.ready.get_future().wait();
  EXPECT_EQ(next.answer().state, AnswerState::kValue);
  EXPECT_EQ(server.count("held.example"), 1);
}

// Nobody waits for the dead zone but who asked it: while all its questions are open, all others
// end.
TEST(Lookup, a_dead_zone_costs_the_others_nothing) {
  NameServer server;
  Lookup lookup(options_for({server.port}, 30'000));
  std::vector<std::unique_ptr<Asking>> dead;
  constexpr int kCases = 500;
  for (int i = 0; i < kCases; ++i) {
    const std::string name = "a" + std::to_string(i) + ".example";
    if (i % 100 == 0) {
      const std::string none = "h" + name;
      dead.push_back(std::make_unique<Asking>(std::initializer_list<std::string_view>{none}));
      EXPECT_FALSE(dead.back()->ask(lookup));
    }
    Asking one({name});
    one.finish(lookup);
    EXPECT_EQ(one.answer().state, AnswerState::kValue);
  }
  // What is open belongs to the lookup: it is not looked into.
  std::vector<std::future<void>> ends;
  for (const auto& one : dead) ends.push_back(one->ready.get_future());
  for (const auto& end : ends)
    EXPECT_EQ(end.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  server.release();
  for (const auto& end : ends) end.wait();
}

TEST(Lookup, a_lost_packet_is_sent_again_before_its_time_is_up) {
  NameServer server;
  Lookup lookup(options_for({server.port}, 30'000));
  for (uint32_t i = 0; i < ReplyTime::kRepliesMin; ++i) {
    const std::string name = "a" + std::to_string(i) + ".example";
    Asking one({name});
    one.finish(lookup);
  }
  Asking lost({"lost.example"});
  lost.finish(lookup);
  EXPECT_EQ(lost.answer().state, AnswerState::kValue);
  EXPECT_GE(server.count("lost.example"), 2);
  EXPECT_GE(lookup.servers()[0].resent.load(), 1u);
  // Never more than that, and no other try before the first is over.
  Asking dead({"dead.example"});
  EXPECT_FALSE(dead.ask(lookup, Lookup::Clock::now() + 2s));
  dead.ready.get_future().wait();
  EXPECT_EQ(dead.answer().state, AnswerState::kOpen);
  EXPECT_LE(server.count("dead.example"), 1 + static_cast<int>(Lookup::kResendsMax));
}

// Its probes are answered as if everything were listed, then as they must be.
TEST(Lookup, a_list_whose_probes_fail_is_not_asked_until_they_are_well) {
  NameServer server;
  LookupOptions options = options_for({server.port}, 5'000);
  options.probe = 10ms;
  Lookup lookup(options);
  std::promise<std::string> out, in;
  const auto tell = [&](std::promise<std::string>& to) {
    return [&to](const std::string& what) { to.set_value(what); };
  };
  lookup.watch({{.zone = "list.example", .probe = "a"}}, tell(out));
  EXPECT_EQ(out.get_future().get(),
            "list list.example is out of use: it knows a name that nobody "
            "listed");
  Asking one({"x.list.example", "x.other.example"});
  one.finish(lookup);
  EXPECT_EQ(one.answer(0).reason, UnknownReason::kNotAllowed);
  EXPECT_EQ(one.answer(1).state, AnswerState::kValue);
  EXPECT_EQ(server.count("x.list.example"), 0);
  EXPECT_EQ(lookup.lists()[0].refused, 1u);
  EXPECT_FALSE(lookup.lists()[0].in_use);
  lookup.watch({{.zone = "list.example", .probe = "n"}}, tell(in));
  EXPECT_EQ(in.get_future().get(), "list list.example is in use again");
  // What it says now is looked at: 192.0.2.7 is no list's answer.
  lookup.watch({{.zone = "list.example", .probe = "n"}}, [](const std::string&) {});
  Asking again({"x.list.example"});
  again.finish(lookup);
  EXPECT_EQ(again.answer().reason, UnknownReason::kBroken);
}

TEST(Lookup, patience_follows_the_replies) {
  using std::chrono::microseconds;
  ReplyTime time;
  for (uint32_t i = 0; i < ReplyTime::kRepliesMin; ++i) {
    EXPECT_EQ(time.patience(), microseconds::max());
    time.add(microseconds(5'000));
  }
  EXPECT_EQ(time.patience(), ReplyTime::kLeast);
  for (int i = 0; i < 100; ++i) time.add(microseconds(400'000));
  EXPECT_GT(time.patience(), microseconds(395'000));
  EXPECT_LT(time.patience(), microseconds(500'000));
}

TEST(Lookup, another_server_is_asked_where_one_fails_or_is_gone) {
  NameServer good;
  uint16_t gone = 0;
  {
    NameServer closed;
    gone = closed.port;
  }
  Lookup lookup(options_for({gone, good.port}));
  for (int i = 0; i < 20; ++i) {
    const std::string name = "a" + std::to_string(i) + ".example";
    Asking one({name});
    one.finish(lookup);
    EXPECT_EQ(one.answer().state, AnswerState::kValue) << name;
  }
  EXPECT_FALSE(lookup.server_alive(0));
  EXPECT_TRUE(lookup.server_alive(1));
}

TEST(Lookup, a_name_that_dns_cannot_hold_does_not_exist) {
  NameServer server;
  Lookup lookup(options_for({server.port}));
  const std::string long_label(64, 'a');
  Asking one({"a..example", long_label, std::string_view(".")});
  one.finish(lookup);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(one.answer(i).state, AnswerState::kNone) << i;
}

TEST(Lookup, the_end_frees_everybody) {
  NameServer server;
  Asking one({"held.example"});
  {
    Lookup lookup(options_for({server.port}, 30'000));
    EXPECT_FALSE(one.ask(lookup));
    server.wait_for("held.example");
  }
  one.ready.get_future().wait();
  EXPECT_EQ(one.answer().state, AnswerState::kUnknown);
}

}  // namespace
}  // namespace winnow
