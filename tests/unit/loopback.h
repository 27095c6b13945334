// Sockets of tests: loopback, a port that the kernel chose.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace winnow {

// A bound socket of this type (SOCK_STREAM …); the caller closes it.
inline int bound_socket(int type, uint16_t& port) {
  const int fd = ::socket(AF_INET, type, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port = ntohs(address.sin_port);
  return fd;
}

// A port that nobody has; somebody else may take it before it is used.
inline uint16_t free_port() {
  uint16_t port = 0;
  ::close(bound_socket(SOCK_STREAM, port));
  return port;
}

}  // namespace winnow
