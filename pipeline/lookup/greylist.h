// Who answers takes of greylisting (rules/checks/state/greylist_take.h): tells what is known of a
// message and notes it in the same step, in the module's store; Redis with the keys and values of
// Rspamd, so that both may share it, or the embedded one.
//
// All messages that wait are one round: what is known of them is read in one pipeline, then they
// are judged one after the other, so that the second of two that came together sees what the first
// left, then what is new is written in one pipeline. Nothing is merged, kept or tried again. An
// answer is given when it is written: a store that cannot be read or written leaves it unknown, and
// the message passes, for what is not noted would be put off again and again. Nobody waits longer
// than the store's own time-outs.
//
// The same take once more does no harm: it finds what the first left.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/evidence.h"
#include "engine/result.h"
#include "pipeline/lookup/rounds.h"
#include "pipeline/lookup/store/site_store.h"
#include "pipeline/once_a_minute.h"

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
  using Ready = Rounds::Ready;
  using Tell = std::function<void(const std::string&)>;
  static constexpr size_t kRoundMax = 512;  // messages

  // `tell`: that messages pass for want of an answer, once a minute at most; from its thread.
  // When it ends, every case that waits is ready.
  Greylist(std::unique_ptr<GreylistRecords> records, Tell tell);

  // Answers the open takes. As Lookup::ask(): true: there are none, `ready` is never called.
  // The deadline is not looked at: stores have their own. Thread-safe.
  bool ask(Evidence& evidence, Ready ready);

 private:
  void answer(std::span<const Rounds::Waiting> round);
  void complain(const Error& why, size_t messages);

  const std::unique_ptr<GreylistRecords> records_;
  const Tell tell_;
  // The rounds' own.
  OnceAMinute complaint_;
  uint64_t untold_ = 0;

  Rounds rounds_;
};

// What the configuration wants; null where nobody is to be put off: the check is off, or neither
// names the site servers of Redis nor has it a section greylist { }. Errors: what opening the store
// says.
Result<std::shared_ptr<Greylist>> open_greylist(const Loaded& loaded, SiteStores& stores,
                                                Greylist::Tell tell);

}  // namespace winnow
