// The one place that asks the outside: questions of all messages, by whichever thread, merged,
// cached, carried out, answered.
//
//   worker: ask(evidence) ─ cache ─ all there? → true, go on judging
//                             └ else: a flight for each name that nobody asks yet; the case waits
//   lookup thread: flights → servers → replies → cache → cases → ready()
//
// A case that waits holds no batch and no worker. Its evidence belongs to the lookup from when
// ask() said false until `ready` is called: nobody else touches it. At its deadline a case gets
// back what there is; what is open stays kOpen, and the flight goes on for the cache.
//
// A flight tries servers one after the other, up to 1 + retransmits times; a server that says that
// it cannot tell (SERVFAIL, REFUSED, rubbish) is no reason to give up while there is another. What
// then is still not known is unknown, with the last reason, and not asked again for a few seconds.
//
// A packet that has no reply after a time in which this server nearly always replies (RFC 6298:
// mean and deviation of its replies) was probably lost: the first try is sent again then, up to
// kResendsMax times, each time after twice as long, without giving up the packets before. The next
// try begins when the first packet of the one before has had its time. The first reply counts.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/evidence.h"
#include "pipeline/histogram.h"
#include "pipeline/lookup/answer_cache.h"
#include "pipeline/lookup/dns_client.h"
#include "pipeline/lookup/dns_reply.h"
#include "pipeline/lookup/dns_servers.h"
#include "pipeline/lookup/hosts.h"
#include "pipeline/lookup/list_watch.h"

namespace winnow {

struct LookupOptions {
  DnsClientOptions dns;
  uint32_t retransmits = 5;
  std::chrono::milliseconds probe = ListWatch::kProbe;  // between probes of a list
  uint32_t in_flight_max = 4'096;  // names asked at once; the others wait for their turn
  CacheBounds cache;
  HostTable hosts;  // names that are not asked
  bool operator==(const LookupOptions&) const = default;
};

// What became of one question, for people: `winnow dns`, logs.
struct LookupTrace {
  bool cached = false;
  std::chrono::seconds age{};
  std::shared_ptr<const KeptAnswer> answer;
};

// How long a server takes to reply (RFC 6298 2), to tell a lost packet from a slow reply.
class ReplyTime {
 public:
  using Duration = std::chrono::microseconds;
  static constexpr uint32_t kRepliesMin = 8;  // before which nothing is said
  static constexpr Duration kLeast{100'000};  // less, and a busy machine looks like loss

  void add(Duration took);
  // After which a packet is taken for lost; max() where too little is known.
  Duration patience() const;

 private:
  int64_t mean_us_ = 0, deviation_us_ = 0;
  uint32_t replies_ = 0;
};

// Counts since the start, for /metrics.
struct LookupCounts {
  struct Server {
    std::string name;
    std::atomic<uint64_t> sent{0}, resent{0}, replies{0}, timeouts{0}, failures{0};
    Histogram latency;
  };
  std::atomic<uint64_t> questions{0}, cached{0}, merged{0}, unknown{0}, late{0};
};

class Lookup {
 public:
  using Clock = std::chrono::steady_clock;
  using Ready = std::function<void()>;

  // REQUIRED: there is a server.
  explicit Lookup(const LookupOptions& options);
  ~Lookup();  // what is open becomes unknown, and every case that waits is ready
  static constexpr uint32_t kResendsMax = 3;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  // Answers every open question of kind DNS; others become unknown (kNoTable). True: all are
  // answered, `ready` is never called. False: it is called once, from the lookup's thread.
  // `traces`, where given, gets one entry a question and lives as long. Thread-safe.
  bool ask(Evidence& evidence, Clock::time_point deadline, Ready ready,
           std::vector<LookupTrace>* traces = nullptr);

  // The lists to watch from now on (list_watch.h); `tell` is called from any thread, must not call
  // back, and lives as long as this.
  void watch(const std::vector<DnsList>& lists, std::function<void(const std::string&)> tell);
  std::vector<ListWatch::Counts> lists() const;

  const LookupOptions& options() const { return options_; }
  const LookupCounts& counts() const { return counts_; }
  const std::deque<LookupCounts::Server>& servers() const { return servers_; }
  bool server_alive(size_t server) const;
  // As it is configured; empty where no server said it.
  std::string_view server_name(const KeptAnswer& answer) const;
  size_t cache_bytes() const;
  size_t cache_entries() const;

 private:
  struct Wait;
  struct Waiter {
    std::shared_ptr<Wait> wait;
    size_t question;
  };
  struct Flight;

  void work();
  void start(Flight& flight);
  bool send(Flight& flight);
  void resend(Clock::time_point now);
  void forget_packets(Flight& flight);
  void arrived(uint64_t token, Arrival what, std::span<const uint8_t> packet);
  void settle(Flight& flight, const DnsReply& reply);
  bool can_try_again(const Flight& flight, UnknownReason reason) const;
  void again_or_unknown(Flight& flight, UnknownReason reason);
  void land(Flight& flight, KeptAnswer&& answer);
  void end_late(Clock::time_point now);
  int next_deadline_ms(Clock::time_point now) const;
  void start_probes(Clock::time_point now);

  const LookupOptions options_;
  LookupCounts counts_;
  std::deque<LookupCounts::Server> servers_;

  mutable std::mutex mutex_;  // guards what follows
  AnswerCache cache_;
  ServerHealth health_;
  ListWatch watch_;
  std::unordered_map<std::string, std::unique_ptr<Flight>> flights_;  // by key
  std::deque<Flight*> queue_;                                         // not sent yet
  struct Late {
    Clock::time_point deadline;
    std::shared_ptr<Wait> wait;
    bool operator>(const Late& other) const { return deadline > other.deadline; }
  };
  std::priority_queue<Late, std::vector<Late>, std::greater<>> deadlines_;
  std::vector<Ready> ready_;  // to be called without the mutex
  bool stop_ = false;

  // The lookup thread's own.
  struct Sent {
    Flight* flight;
    size_t server;
    Clock::time_point at;
    unsigned opens = 0;  // number of the try whose first packet it is; 0: it is another
  };
  std::unordered_map<uint64_t, Sent> sent_;  // by token
  struct Resend {
    Clock::time_point due;
    uint64_t token;
    bool operator>(const Resend& other) const { return due > other.due; }
  };
  std::priority_queue<Resend, std::vector<Resend>, std::greater<>> resends_;
  std::vector<ReplyTime> reply_times_;  // by server
  uint64_t next_token_ = 1;
  std::mt19937_64 probe_random_{std::random_device{}()};
  size_t in_flight_ = 0;
  DnsClient client_;
  std::thread thread_;
};

}  // namespace winnow
