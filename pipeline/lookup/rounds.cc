#include "pipeline/lookup/rounds.h"

#include <algorithm>
#include <utility>

namespace winnow {

Rounds::Rounds(size_t cases_max, Answer answer)
    : cases_max_(cases_max), answer_(std::move(answer)), thread_([this] { work(); }) {}

Rounds::~Rounds() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Rounds::add(Evidence& evidence, Ready ready) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({&evidence, std::move(ready)});
  }
  wake_.notify_all();
}

void Rounds::work() {
  for (;;) {
    std::vector<Waiting> waiting;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      waiting.swap(waiting_);
    }
    for (std::span<const Waiting> left = waiting; !left.empty();) {
      const auto round = left.first(std::min(cases_max_, left.size()));
      left = left.subspan(round.size());
      answer_(round);
      for (const Waiting& one : round) one.ready();
    }
  }
}

}  // namespace winnow
