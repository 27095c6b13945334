// A socket for a name server of a benchmark: loopback, a port that the kernel chose, room for much
// at once.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdint>

namespace winnow {

// -1 with errno where there is none; else the caller closes it. `flags`: as socket() takes them.
inline int open_udp_socket(int flags, uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | flags, 0);
  if (fd < 0) return -1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return -1;
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace winnow
