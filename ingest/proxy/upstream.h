// Where messages are scanned instead of here, and where copies go: upstream and mirror sections of
// the proxy worker, and the choice among their hosts. Pure but for names, which are looked up when
// the configuration is read.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/result.h"
#include "rules/config/ucl.h"

namespace winnow {

constexpr size_t kMirrorBytes = 16u << 20;  // of copies that wait, for each mirror

struct UpstreamHost {
  std::string name;     // as written: for logs
  std::string address;  // "127.0.0.1", "::1"
  uint16_t port = 11333;
  uint32_t weight = 1;
};

struct Upstream {
  std::string name;
  std::vector<UpstreamHost> hosts;
  bool in_order = false;  // the first that works, instead of one after the other
  std::string settings_id;
  std::vector<std::pair<std::string, std::string>> headers;  // added to requests
  std::string
      key;  // public, of 32 bytes: requests are sealed for it (HTTPCrypt); empty: they are not
  int64_t timeout_ms = 120'000;
  double share = 1;  // of mail that is copied; mirrors only
};

struct ProxySettings {
  std::optional<Upstream> upstream;  // nothing: messages are scanned here …
  std::string settings_id;           // … and this is said of them by an upstream with self_scan,
  std::vector<std::pair<std::string, std::string>> headers;  // with these, names in lower case
  std::vector<Upstream> mirrors;
  unsigned tries_max = 5;
  unsigned errors_max = 4;
  int64_t error_time_ms = 10'000, revive_ms = 60'000;
};

// Reads the proxy worker that speaks milter. Errors: no host, a host that is none, encryption that
// is asked for. What is odd is appended to `warnings`. Looks names up: may take seconds.
Result<ProxySettings> read_proxy_settings(const UclObject& root, std::vector<Warning>& warnings);

// Reads "[round-robin:]host[:port[:weight]], …" of `given` into `to`. Errors as above.
Result<void> read_hosts(const UclObject& given, std::string_view text, Upstream& to,
                        std::vector<Warning>& warnings);

// Which host is next. Not thread-safe. Times are of one steady clock.
class HostChoice {
 public:
  HostChoice(const Upstream& upstream, const ProxySettings& settings);
  // An index into the hosts; `tried` are not taken while there are others. REQUIRED: a host.
  size_t next(int64_t now_ms, const std::vector<bool>& tried);
  void worked(size_t host) { states_[host] = {}; }
  void failed(size_t host, int64_t now_ms);
  bool usable(size_t host, int64_t now_ms) const { return states_[host].out_until_ms <= now_ms; }

 private:
  struct State {
    std::deque<int64_t> errors_ms;  // within error_time
    int64_t out_until_ms = 0;
  };
  std::vector<State> states_;
  std::vector<size_t> turns_;  // hosts, each as often as it weighs
  size_t turn_ = 0;
  bool in_order_;
  unsigned errors_max_;
  int64_t error_time_ms_, revive_ms_;
};

}  // namespace winnow
