// A name server that costs next to nothing: says of every name that it does not exist, after a
// while, and loses some questions. For comparisons, where the server must not be what is measured.
//
//   name_server DELAY_MS LOST_PERCENT [DEAD]    (g++ -O2 -I SOURCE name_server.cc)
//
// DEAD is a top-level domain (up to 63 small letters) below which no question is answered. Prints
// "port N", then for each line of its input "asked N lost N"; ends with its input. One thread;
// answers leave in the order in which they came. Which questions are lost follows from their number
// alone: every tenth for 10 %.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>

#include "bench/udp_socket.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Waiting {
  Clock::time_point due;
  sockaddr_in to;
  uint16_t size;
  std::array<uint8_t, 1024> packet;
};

// Header and question stay, the rest is cut; NXDOMAIN with the SOA of "." that bounds its life.
bool make_reply(Waiting& one, size_t size) {
  constexpr uint8_t kSoa[] = {0, 0, 6,  0,  1, 0, 0, 14,  16, 0, 22, 0,   0, 0, 0,  0, 1,
                              0, 0, 14, 16, 0, 0, 3, 132, 0,  9, 58, 128, 0, 0, 14, 16};
  if (size < 17) return false;
  size_t at = 12;
  while (at < size && one.packet[at] != 0) at += one.packet[at] + 1u;
  at += 5;
  if (at > size || at + sizeof kSoa > one.packet.size()) return false;
  one.packet[2] = 0x81;
  one.packet[3] = 0x83;
  std::memset(one.packet.data() + 6, 0, 6);
  one.packet[9] = 1;  // one record of authority
  std::memcpy(one.packet.data() + at, kSoa, sizeof kSoa);
  one.size = static_cast<uint16_t>(at + sizeof kSoa);
  return true;
}

// Whether the last label of the question is `top`.
bool is_below(const Waiting& one, size_t size, std::string_view top) {
  size_t at = 12, last = 0;
  while (at < size && one.packet[at] != 0) {
    last = at;
    at += one.packet[at] + 1u;
  }
  return at < size && last > 0 && !top.empty() && one.packet[last] == top.size() &&
         std::memcmp(one.packet.data() + last + 1, top.data(), top.size()) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: name_server DELAY_MS LOST_PERCENT [DEAD]\n");
    return 2;
  }
  const std::string_view dead = argc == 4 ? argv[3] : "";
  const unsigned long delay_ms = std::strtoul(argv[1], nullptr, 10);
  const unsigned long lose = std::strtoul(argv[2], nullptr, 10);

  uint16_t port = 0;
  const int fd = winnow::open_udp_socket(SOCK_NONBLOCK, port);
  if (fd < 0) {
    std::perror("name_server");
    return 1;
  }
  std::printf("port %u\n", port);
  std::fflush(stdout);

  std::deque<Waiting> waiting;
  uint64_t asked = 0, lost = 0, owed = 0;
  for (;;) {
    const Clock::time_point now = Clock::now();
    while (!waiting.empty() && waiting.front().due <= now) {
      const Waiting& one = waiting.front();
      sendto(fd, one.packet.data(), one.size, 0, reinterpret_cast<const sockaddr*>(&one.to),
             sizeof one.to);
      waiting.pop_front();
    }
    int wait_ms = -1;
    if (!waiting.empty())
      wait_ms = static_cast<int>(
          std::chrono::ceil<std::chrono::milliseconds>(waiting.front().due - now).count());
    pollfd watched[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    poll(watched, 2, wait_ms);
    if (watched[1].revents != 0) {
      char line[256];
      const ssize_t got = read(STDIN_FILENO, line, sizeof line);
      if (got <= 0) return 0;
      std::printf("asked %llu lost %llu\n", static_cast<unsigned long long>(asked),
                  static_cast<unsigned long long>(lost));
      std::fflush(stdout);
    }
    for (;;) {
      Waiting one;
      socklen_t size = sizeof one.to;
      const ssize_t got = recvfrom(fd, one.packet.data(), one.packet.size(), 0,
                                   reinterpret_cast<sockaddr*>(&one.to), &size);
      if (got <= 0) break;
      ++asked;
      owed += lose;
      if (owed >= 100) {
        owed -= 100;
        ++lost;
        continue;
      }
      if (is_below(one, static_cast<size_t>(got), dead)) continue;
      if (!make_reply(one, static_cast<size_t>(got))) continue;
      one.due = Clock::now() + std::chrono::milliseconds(delay_ms);
      waiting.push_back(one);
    }
  }
}
