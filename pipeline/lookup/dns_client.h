// Carries DNS questions to servers and replies back: sockets, retries over TCP and time-outs are
// c-ares'; what a packet says is read elsewhere (dns_reply.h). One thread calls everything but
// wake().
//
// Against forged replies (RFC 5452): ids from the kernel's random numbers, some sockets a server,
// chosen at random and closed whenever nothing is open on them, so that ports change; the sender's
// address, the id and the question must be those of what was asked.
//
// Rejected: one channel of c-ares with all servers: it hides which of them answered, and knows no
// order but its own. c-ares' own encoder: it cannot write a label that holds a dot or a NUL.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/lookup/dns_servers.h"

namespace winnow {

struct DnsClientOptions {
  DnsServers servers;
  uint32_t timeout_ms = 1'000;  // of one try
  uint32_t sockets = 16;        // a server
  bool dnssec = false;          // ask for the AD flag (RFC 6840 5.7)
  bool operator==(const DnsClientOptions&) const = default;
};

enum class Arrival : uint8_t {
  kReply,    // a packet with the right id, question and sender; its rcode may be any
  kTimeout,  // nothing came
  kFailed,   // the server cannot be reached
};

class DnsClient {
 public:
  // Called by run(), never by send(). The packet lives until it returns.
  using Done = std::function<void(uint64_t token, Arrival, std::span<const uint8_t> packet)>;

  DnsClient(const DnsClientOptions& options, Done done);
  ~DnsClient();
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;

  // False where `name` cannot be a name in DNS: an empty label, one of more than 63 bytes, more
  // than 255 in all. Else `token` arrives once.
  bool send(size_t server, uint64_t token, std::string_view name, uint16_t type);
  // Waits up to `wait_ms` (-1: no limit) for something to arrive or for wake(), and hands it out.
  void run(int wait_ms);
  // run() returns. Thread-safe.
  void wake();

 private:
  struct Channel;
  struct Arrived {
    uint64_t token;
    Arrival what;
    std::vector<uint8_t> packet;
  };
  Channel& channel(size_t server);
  void check_timeouts();
  int wait_for(int wait_ms) const;
  uint16_t random();

  const DnsClientOptions options_;
  const Done done_;
  int epoll_ = -1, wake_ = -1;
  std::vector<std::unique_ptr<Channel>> channels_;  // server x socket, made when needed
  std::vector<bool> plain_;  // servers that do not understand EDNS (RFC 6891 7)
  std::vector<Arrived> arrived_;
  std::vector<uint16_t> random_;
};

// The packet of a question with recursion desired; false as send(). `edns`: with an OPT record.
bool write_dns_query(std::string_view name, uint16_t type, uint16_t id, bool authentic, bool edns,
                     std::vector<uint8_t>& packet);

}  // namespace winnow
