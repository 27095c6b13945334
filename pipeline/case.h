// A message that left its batch: evidence, and the verdict once it is there.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/evidence.h"
#include "engine/verdict.h"
#include "pipeline/message.h"

namespace winnow {

// What a connection or message holds of the budget of mail (admit.h); Admission alone changes it.
struct Hold {
  uint64_t bytes = 0;
  bool message = false;    // counts as one of messages_max
  bool overdraft = false;  // may go over the budget
};

struct Case {
  Evidence evidence;
  Verdict verdict;
  Message message;  // bytes are kept only where the flow was told so
  Hold hold;
};

// Cases are recycled: their slabs and vectors keep some capacity. Thread-safe.
class CasePool {
 public:
  static constexpr size_t kKept = 256;  // more were used by a rush that is over
  std::unique_ptr<Case> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Case>();
    std::unique_ptr<Case> one = std::move(free_.back());
    free_.pop_back();
    return one;
  }
  void give(std::unique_ptr<Case> one) {
    one->evidence.clear();
    one->verdict.clear();
    one->message = {};
    const std::lock_guard lock(mutex_);
    if (free_.size() < kKept) free_.push_back(std::move(one));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Case>> free_;
};

}  // namespace winnow
