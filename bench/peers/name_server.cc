// A name server that costs next to nothing: says of every name that it does not exist, after a
// while, and loses some questions. For comparisons, where the server must not be what is measured.
//
//   name_server DELAY_MS LOST_PERCENT       (g++ -O2 name_server.cc)
//
// prints "port N", then for each line of its input "asked N lost N"; ends with its input. One
// thread; answers leave in the order in which they came. Which questions are lost follows from
// their number alone: every tenth for 10 %.
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: name_server DELAY_MS LOST_PERCENT\n");
    return 2;
  }
  const unsigned long delay_ms = std::strtoul(argv[1], nullptr, 10);
  const unsigned long lose = std::strtoul(argv[2], nullptr, 10);

  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("name_server");
    return 1;
  }
  std::printf("port %u\n", ntohs(address.sin_port));
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
      if (!make_reply(one, static_cast<size_t>(got))) continue;
      one.due = Clock::now() + std::chrono::milliseconds(delay_ms);
      waiting.push_back(one);
    }
  }
}
