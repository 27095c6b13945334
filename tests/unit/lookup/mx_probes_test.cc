// Calls to mail servers within the test: what each outcome is, what is merged, remembered, cut.
#include "pipeline/lookup/mx_probes.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "engine/mime/ip.h"
#include "engine/score/questions.h"
#include "pipeline/lookup/store/memory_store.h"
#include "tests/unit/loopback.h"

namespace winnow {
namespace {

using namespace std::chrono_literals;
using Clock = MxProbes::Clock;

// Listens on a free port of loopback and greets whoever connects; an empty greeting: says nothing.
class MailServer {
 public:
  explicit MailServer(std::string greeting, bool hangs_up = false)
      : greeting_(std::move(greeting)), hangs_up_(hangs_up), fd_(bound_socket(SOCK_STREAM, port)) {
    EXPECT_EQ(listen(fd_, 64), 0);
    thread_ = std::thread([this] { work(); });
  }
  ~MailServer() { stop(); }
  // Nobody listens at the port any more.
  void stop() {
    if (fd_ < 0) return;
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
    for (const int fd : open_) ::close(fd);
    fd_ = -1;
  }
  int calls() const { return calls_; }
  std::string heard() {
    heard_.get_future().wait();
    return text_;
  }
  uint16_t port = 0;

 private:
  void work() {
    for (;;) {
      const int fd = ::accept(fd_, nullptr, nullptr);
      if (fd < 0) return;
      ++calls_;
      // Byte by byte; who has heard enough hangs up.
      for (const char c : greeting_)
        if (::send(fd, &c, 1, MSG_NOSIGNAL) != 1) break;
      if (hangs_up_) {
        ::close(fd);
        continue;
      }
      open_.push_back(fd);
      if (!listens_) continue;
      char bytes[100];
      const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
      text_.assign(bytes, got > 0 ? static_cast<size_t>(got) : 0);
      heard_.set_value();
    }
  }
  const std::string greeting_;
  const bool hangs_up_;
  int fd_;
  std::vector<int> open_;
  std::atomic<int> calls_{0};
  std::string text_;
  std::promise<void> heard_;
  std::thread thread_;

 public:
  std::atomic<bool> listens_{false};
};

MxProbe probe_of(uint16_t port, bool greeting = true) {
  MxProbe out;
  out.ip = parse_ip("127.0.0.1").value();
  out.port = port;
  out.greeting = greeting;
  out.connect_ms = out.read_ms = 20'000;
  return out;
}

struct Asked {
  explicit Asked(const std::string& key, uint16_t type = kMxProbe) {
    append_question(evidence, {.kind = QuestionKind::kDialog, .type = type, .key = key}, {});
  }
  // Its value, "unknown", or "open".
  std::string text() const {
    const Answer& answer = evidence.answers[0];
    return answer.state == AnswerState::kOpen      ? "open"
           : answer.state == AnswerState::kUnknown ? "unknown"
                                                   : std::string(answer.values[0]);
  }
  Evidence evidence;
};

std::string ask(MxProbes& probes, const std::string& key,
                Clock::time_point deadline = Clock::time_point::max()) {
  Asked one(key);
  std::promise<void> ready;
  if (!probes.ask(one.evidence, deadline, [&] { ready.set_value(); })) ready.get_future().wait();
  return one.text();
}

TEST(MxProbe, text) {
  MxProbe probe = probe_of(2525);
  probe.quit = true;
  const std::string text = write_mx_probe(probe);
  EXPECT_EQ(text, "127.0.0.1 2525 20000 20000 gq 86400 14400 7200");
  const std::optional<MxProbe> read = read_mx_probe(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(write_mx_probe(*read), text);
  for (const char* const bad :
       {"", "127.0.0.1", "x 25 1 1 g 1 1 1", "127.0.0.1 0 1 1 g 1 1 1",
        "127.0.0.1 65536 1 1 g 1 1 1", "127.0.0.1 25 1 1 x 1 1 1", "127.0.0.1 25 1 1 g 1 1",
        "127.0.0.1 25 1 1 g 1 1 1 1", "127.0.0.1 25 -1 1 g 1 1 1"})
    EXPECT_FALSE(read_mx_probe(bad)) << bad;
}

TEST(MxProbe, greetings) {
  const struct {
    const char *line, *outcome;
  } rows[] = {{"220 mx.example ESMTP\r\n", "gd"},
              {"220-mx.example\r\n", "gd"},
              {"220\r\n", "gd"},
              {"220", "gd"},
              {"2200 x\r\n", "inv"},
              {"22 x\r\n", "inv"},
              {"421 busy\r\n", "err:421"},
              {"554 no\r\n", "err:554"},
              {"250 x\r\n", "inv"},
              {"SSH-2.0\r\n", "inv"},
              {"", "inv"},
              {"+OK\r\n", "inv"}};
  for (const auto& row : rows) EXPECT_EQ(mx_greeting_outcome(row.line), row.outcome) << row.line;
}

TEST(MxProbes, outcomes) {
  MailServer good("220 mx.example\r\n"), busy("421 later\r\n"), other("SSH-2.0-x\r\n"), silent(""),
      gone("", true), endless(std::string(600, 'x')), closed("");
  closed.stop();
  MxProbes probes;
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(good.port))), "gd");
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(silent.port, false))), "gd");
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(busy.port))), "err:421");
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(other.port))), "inv");
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(gone.port))), "inv");
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(endless.port))), "inv");
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(closed.port))), "rf");
  MxProbe hurried = probe_of(silent.port);
  hurried.read_ms = 1;
  EXPECT_EQ(ask(probes, write_mx_probe(hurried)), "tr");
  EXPECT_EQ(ask(probes, "nonsense"), "unknown");
  Asked strange("x", kMxProbe + 1);
  EXPECT_TRUE(probes.ask(strange.evidence, Clock::time_point::max(), nullptr));
  EXPECT_EQ(strange.text(), "unknown");
}

TEST(MxProbes, quit_is_said) {
  MailServer server("220 mx.example\r\n");
  server.listens_ = true;
  MxProbes probes;
  MxProbe probe = probe_of(server.port);
  probe.quit = true;
  EXPECT_EQ(ask(probes, write_mx_probe(probe)), "gd");
  EXPECT_EQ(server.heard(), "QUIT\r\n");
}

TEST(MxProbes, one_call_for_all_who_ask) {
  MailServer server("220 mx.example\r\n");
  const std::string key = write_mx_probe(probe_of(server.port));
  MxProbes probes;
  std::vector<std::unique_ptr<Asked>> asked;
  std::vector<std::promise<void>> ready(20);
  for (size_t i = 0; i < ready.size(); ++i) {
    asked.push_back(std::make_unique<Asked>(key));
    if (probes.ask(asked[i]->evidence, Clock::time_point::max(), [&, i] { ready[i].set_value(); }))
      ready[i].set_value();
  }
  for (size_t i = 0; i < ready.size(); ++i) {
    ready[i].get_future().wait();
    EXPECT_EQ(asked[i]->text(), "gd");
  }
  EXPECT_EQ(ask(probes, key), "gd");
  EXPECT_EQ(probes.calls(), 1u);
  EXPECT_EQ(server.calls(), 1);
}

TEST(MxProbes, more_than_may_be_open_take_turns) {
  MailServer server("220 mx.example\r\n");
  MxProbes probes(nullptr, {.calls_max = 2});
  std::vector<std::unique_ptr<Asked>> asked;
  std::vector<std::promise<void>> ready(30);
  for (size_t i = 0; i < ready.size(); ++i) {
    MxProbe probe = probe_of(server.port);
    probe.connect_ms += static_cast<uint32_t>(i);  // another question
    asked.push_back(std::make_unique<Asked>(write_mx_probe(probe)));
    EXPECT_FALSE(
        probes.ask(asked[i]->evidence, Clock::time_point::max(), [&, i] { ready[i].set_value(); }));
  }
  for (size_t i = 0; i < ready.size(); ++i) {
    ready[i].get_future().wait();
    EXPECT_EQ(asked[i]->text(), "gd");
  }
  EXPECT_EQ(probes.calls(), ready.size());
}

TEST(MxProbes, at_the_deadline_the_case_comes_back_open) {
  MailServer silent("");
  MxProbes probes;
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(silent.port)), Clock::now() + 1ms), "open");
}

TEST(MxProbes, the_end_leaves_nobody_waiting) {
  MailServer silent("");
  Asked one(write_mx_probe(probe_of(silent.port)));
  std::promise<void> ready;
  {
    MxProbes probes;
    EXPECT_FALSE(probes.ask(one.evidence, Clock::time_point::max(), [&] { ready.set_value(); }));
  }
  ready.get_future().wait();
  EXPECT_EQ(one.text(), "unknown");
}

TEST(MxProbes, the_store_outlives_the_process) {
  const std::shared_ptr<Store> store = memory_store();
  MailServer server("220 mx.example\r\n");
  const std::string key = write_mx_probe(probe_of(server.port));
  {
    MxProbes probes(store);
    EXPECT_EQ(ask(probes, key), "gd");
  }
  server.stop();
  MxProbes probes(store);
  EXPECT_EQ(ask(probes, key), "gd");
  EXPECT_EQ(probes.calls(), 0u);
  // Another way of calling is another question.
  EXPECT_EQ(ask(probes, write_mx_probe(probe_of(server.port, false))), "rf");
}

}  // namespace
}  // namespace winnow
