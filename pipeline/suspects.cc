#include "pipeline/suspects.h"

#include <utility>
#include <vector>

#include "pipeline/load.h"

namespace winnow {

namespace {
constexpr std::chrono::seconds kIdle(5);
}  // namespace

Suspects::Suspects(const SuspectsOptions& options, Back back)
    : options_(options), back_(std::move(back)) {
  if (options_.marks) thread_ = std::thread([this] { work(); });
}

Suspects::~Suspects() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Suspects::begin(uint32_t worker, Share& share, std::vector<uint64_t>& scratch) {
  Marks* const marks = options_.marks;
  if (!marks) return;
  scratch.clear();
  const bool look = marks->any();
  for (size_t i = 0; i < share.messages.size(); ++i) {
    const uint64_t digest = marks->digest(share.messages[i].bytes.view());
    const bool condemned = look && marks->condemned(digest);
    if (!condemned && !(look && marks->suspect(digest))) {
      const size_t to = scratch.size();
      scratch.push_back(digest);
      if (to == i) continue;
      share.messages[to] = std::move(share.messages[i]);
      share.cases[to] = std::move(share.cases[i]);
      share.clients[to] = std::move(share.clients[i]);
    } else if (condemned) {
      back_(Fate::kDies, std::move(share.messages[i]), std::move(share.cases[i]),
            std::move(share.clients[i]));
    } else {
      const std::lock_guard lock(mutex_);
      queue_.push_back({digest, std::move(share.messages[i]), std::move(share.cases[i]),
                        std::move(share.clients[i])});
      wake_.notify_all();
    }
  }
  share.messages.resize(scratch.size());
  share.cases.resize(scratch.size());
  share.clients.resize(scratch.size());
  if (!scratch.empty()) marks->begin(options_.side, worker, scratch, clock_ms());
}

void Suspects::end(uint32_t worker) {
  if (options_.marks) options_.marks->end(options_.side, worker);
}

void Suspects::work() {
  for (;;) {
    OnTrial one;
    {
      std::unique_lock lock(mutex_);
      const auto come = [&] { return stop_ || !queue_.empty(); };
      if (!wake_.wait_for(lock, kIdle, come)) {
        lock.unlock();
        if (options_.trial) options_.trial->idle();
        lock.lock();
        wake_.wait(lock, come);
      }
      if (queue_.empty()) return;
      one = std::move(queue_.front());
      queue_.pop_front();
    }
    Fate fate = Fate::kLives;  // another copy of it may have been tried meanwhile
    if (options_.marks->condemned(one.digest))
      fate = Fate::kDies;
    else if (options_.marks->suspect(one.digest))
      fate = options_.trial ? options_.trial->scan(one.message) : Fate::kUnknown;
    if (fate == Fate::kDies) options_.marks->condemn(one.digest);
    if (fate == Fate::kLives) options_.marks->clear(one.digest);
    back_(fate, std::move(one.message), std::move(one.one), std::move(one.client));
  }
}

}  // namespace winnow
