// Who answers takes of greylisting (rules/checks/state/greylist_take.h): tells what is known of a
// message and notes it in the same step, in the module's store; Redis with the keys and values of
// Rspamd, so that both may share it, or the embedded one.
//
// One thread, all messages that wait in one round: what is known of them is read in one pipeline,
// then they are judged one after the other, so that the second of two that came together sees what
// the first left, then what is new is written in one pipeline. Nothing is merged, kept or tried
// again. An answer is given when it is written: a store that cannot be read or written leaves it
// unknown, and the message passes, for what is not noted would be put off again and again. Nobody
// waits longer than the store's own time-outs.
//
// The same take once more does no harm: it finds what the first left.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/evidence.h"
#include "engine/result.h"
#include "pipeline/lookup/store/site_store.h"

namespace winnow {

class RedisClient;

// Values by key, each for a time.
class GreylistRecords {
 public:
  struct Record {
    std::string key, value;
    int64_t now_ms = 0;  // when it is written, Unix time
    uint32_t life_s = 0;
  };
  virtual ~GreylistRecords() = default;
  // Values in the order of the keys; empty: not known, or no longer.
  virtual Result<std::vector<std::string>> get(std::span<const std::string> keys,
                                               int64_t now_ms) = 0;
  virtual Result<void> set(std::span<const Record> records) = 0;
};
std::unique_ptr<GreylistRecords> greylist_records(std::shared_ptr<Store> store);
// GET and SETEX, of the servers that are written to: copies may be late.
std::unique_ptr<GreylistRecords> greylist_records(std::unique_ptr<RedisClient> client);

class Greylist {
 public:
  using Ready = std::function<void()>;
  using Tell = std::function<void(const std::string&)>;
  static constexpr size_t kRoundMax = 512;  // messages

  // `tell`: that messages pass for want of an answer, once a minute at most; from its thread.
  Greylist(std::unique_ptr<GreylistRecords> records, Tell tell);
  ~Greylist();  // every case that waits is ready
  Greylist(const Greylist&) = delete;
  Greylist& operator=(const Greylist&) = delete;

  // Answers the open takes. As Lookup::ask(): true: there are none, `ready` is never called.
  // The deadline is not looked at: stores have their own. Thread-safe.
  bool ask(Evidence& evidence, Ready ready);

 private:
  struct Waiting {
    Evidence* evidence;
    Ready ready;
  };
  void work();
  void answer(std::span<const Waiting> round);
  void complain(const Error& why, size_t messages);

  const std::unique_ptr<GreylistRecords> records_;
  const Tell tell_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;
  bool stop_ = false;

  // The thread's own.
  std::chrono::steady_clock::time_point told_{};
  uint64_t untold_ = 0;
  std::thread thread_;
};

// What the configuration wants; null where nobody is to be put off: the check is off, or neither
// names the site servers of Redis nor has it a section greylist { }. Errors: what opening the store
// says.
Result<std::shared_ptr<Greylist>> open_greylist(const Loaded& loaded, SiteStores& stores,
                                                Greylist::Tell tell);

}  // namespace winnow
