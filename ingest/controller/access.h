// Who may ask the controller, and what. Pure but for the random key of its memory of passwords.
//
//   trusted    the peer's address is in secure_ip, or it came over a unix socket; and where a proxy
//              says for whom it asks (X-Forwarded-For, its last element; else X-Real-IP), that
//              address is in secure_ip, too; an empty header names nobody
//   password   else: enable_password gives everything; `password` gives everything where there is
//              no enable_password, reading where there is one
//
// It fails closed: an address that cannot be read is not trusted, a stored hash that cannot be read
// matches nothing, without any password only trusted peers are let in, and the passwords that stand
// in examples ("q1", "q2") never are. A source that failed max_failures times in a window is
// refused without a look at its password until the window is over; sources are IPv4 addresses and
// IPv6 /64s, at most kSourcesMax of them: while all are taken by failures, new sources are refused.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/batch.h"
#include "rules/maps/map.h"

namespace winnow {

struct ControllerSettings {
  std::string password, enable_password;  // plain or hashed; empty = none
  std::shared_ptr<const Map> secure_ip;   // of kind ip; null = nobody
  uint32_t failures_max = 10;             // 0 = any number
  int64_t failure_window_ms = 60'000;
};

struct AccessRequest {
  IpAddress peer;
  bool unix_socket = false;
  std::optional<std::string_view> forwarded_for, real_ip;  // headers
  std::string_view password;
};

enum class Access : uint8_t { kRefused, kTooManyFailures, kRead, kAll };

class Gatekeeper {
 public:
  static constexpr size_t kSourcesMax = 10'000;

  Gatekeeper();

  struct First {
    bool decided = true;
    Access access = Access::kRefused;
  };
  // What is known without hashing a password. Where it is not decided: verify(), then remember().
  First look(const ControllerSettings& settings, const AccessRequest& request, int64_t now_ms);
  // Slow (30 ms for each hash), touches no state: for another thread.
  static Access verify(const ControllerSettings& settings, std::string_view password);
  // Takes the result over: failures are counted, good passwords need no hashing the next time.
  void remember(const ControllerSettings& settings, const AccessRequest& request, Access result,
                int64_t now_ms);

 private:
  struct Source {
    uint32_t failures = 0;
    int64_t since_ms = 0;
  };
  struct Known {
    std::array<uint8_t, 32> mark;  // keyed hash of the stored passwords and the one given
    Access access;
  };
  static std::string source_of(const ControllerSettings& settings, const AccessRequest& request);
  std::array<uint8_t, 32> mark(const ControllerSettings& settings, std::string_view password) const;

  std::array<uint8_t, 32> key_;
  std::unordered_map<std::string, Source> sources_;
  std::vector<Known> known_;  // the latest few
};

// True where these headers and this peer need no password.
bool is_trusted_peer(const ControllerSettings& settings, const AccessRequest& request);

}  // namespace winnow
