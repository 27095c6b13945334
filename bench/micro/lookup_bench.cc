// Questions through the lookup service: CPU of this process for a name that nobody asked before,
// from the case to its answer, and for one that the cache has. The name server is a process of its
// own, so that its time is not counted. Wanted: 10,000 a second on one core.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/udp_socket.h"
#include "engine/score/questions.h"
#include "pipeline/lookup/lookup.h"

namespace winnow {
namespace {

// Answers every question with 127.0.0.2.
class NameServer {
 public:
  NameServer() {
    const int fd = open_udp_socket(0, port);
    if (fd < 0) std::abort();
    child_ = fork();
    if (child_ == 0) work(fd);
    close(fd);
  }
  ~NameServer() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  uint16_t port = 0;

 private:
  [[noreturn]] static void work(int fd) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    constexpr uint8_t kAnswer[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 127, 0, 0, 2};
    uint8_t packet[1024];
    for (;;) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      const ssize_t got = recvfrom(fd, packet, 512, 0, reinterpret_cast<sockaddr*>(&peer), &size);
      if (got < 17) continue;
      size_t at = 12;
      while (at < 512 && packet[at] != 0) at += packet[at] + 1u;
      at += 5;
      packet[2] = 0x81;
      packet[3] = 0x80;
      packet[7] = 1;
      packet[10] = packet[11] = 0;
      std::copy(std::begin(kAnswer), std::end(kAnswer), packet + at);
      sendto(fd, packet, at + sizeof kAnswer, 0, reinterpret_cast<sockaddr*>(&peer), size);
    }
  }
  pid_t child_;
};

constexpr uint32_t kCases = 250, kQuestions = 40;  // what a message with lists on asks

// Asks kCases x kQuestions names that begin with `round`, and waits for all of them.
void ask_all(Lookup& lookup, const std::string& round, std::vector<std::unique_ptr<Evidence>>& to) {
  std::atomic<uint32_t> open{kCases};
  for (uint32_t i = 0; i < kCases; ++i) {
    Evidence& evidence = *to[i];
    evidence.clear();
    for (uint32_t k = 0; k < kQuestions; ++k)
      append_question(evidence,
                      {.kind = QuestionKind::kDns,
                       .type = 1,
                       .key = round + std::to_string(i * kQuestions + k) + ".list.example"},
                      {});
    if (lookup.ask(evidence, Lookup::Clock::time_point::max(), [&] {
          open.fetch_sub(1);
          open.notify_one();
        })) {
      open.fetch_sub(1);
    }
  }
  for (uint32_t left = open; left > 0; left = open) open.wait(left);
  for (const auto& one : to)
    for (const Answer& answer : one->answers)
      if (answer.state != AnswerState::kValue) std::abort();
}

void questions(benchmark::State& state) {
  const bool fresh = state.range(0) != 0;
  NameServer server;
  LookupOptions options;
  options.dns.servers.list.push_back({.address = "127.0.0.1", .port = server.port});
  Lookup lookup(options);
  std::vector<std::unique_ptr<Evidence>> cases;
  for (uint32_t i = 0; i < kCases; ++i) cases.push_back(std::make_unique<Evidence>());
  uint32_t round = 0;
  if (!fresh) ask_all(lookup, "r", cases);
  for (auto _ : state) ask_all(lookup, fresh ? "r" + std::to_string(++round) + "x" : "r", cases);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kCases * kQuestions);
  state.SetLabel(fresh ? "asked" : "cached");
}
BENCHMARK(questions)->Arg(1)->Arg(0)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace winnow
