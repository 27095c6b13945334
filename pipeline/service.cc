#include "pipeline/service.h"

#include <algorithm>

#include "pipeline/worker.h"

namespace winnow {

LiveRules::LiveRules(std::shared_ptr<const RuleSet> set, std::unique_ptr<Answerer> who,
                     std::string host_name)
    : rules(std::move(set)),
      answerer(std::move(who)),
      run(rules, *answerer, RunOptions{.host_name = std::move(host_name)}),
      render(make_render_plan(rules->model)) {}

Service::Service(std::shared_ptr<LiveRules> live, const ServiceOptions& options)
    : options_(options), live_(std::move(live)) {
  const unsigned threads = std::max(1u, options_.threads);
  for (unsigned i = 0; i < threads; ++i)
    threads_.emplace_back([this, takes_alone = i > 0 || threads == 1] { work(takes_alone); });
}

Service::~Service() {
  finish();
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Service::submit(Message& message, Done done) {
  const uint64_t size = message.bytes.size();
  const Lane lane = size <= kSmallBytes ? kSmall : size <= kLargeBytes ? kLarge : kAlone;
  const uint64_t cost = size + kCaseBytes;
  {
    const std::lock_guard lock(mutex_);
    if (finishing_) return false;
    if (budget_used_ > 0 && budget_used_ + cost > options_.byte_budget) return false;
    budget_used_ += cost;
    lanes_[lane].push_back({std::move(message), std::move(done), Clock::now()});
  }
  // The worker that is woken may be the one that leaves large messages alone.
  if (lane == kAlone)
    ready_.notify_all();
  else
    ready_.notify_one();
  return true;
}

void Service::use(std::shared_ptr<LiveRules> live) {
  const std::lock_guard lock(mutex_);
  live_.swap(live);
}

std::shared_ptr<LiveRules> Service::live() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

void Service::finish() {
  std::unique_lock lock(mutex_);
  finishing_ = true;
  idle_.wait(lock, [&] { return budget_used_ == 0; });
}

uint64_t Service::waiting() const {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const std::deque<Waiting>& lane : lanes_) sum += lane.size();
  return sum;
}

// Waits for messages; false when the service is over.
bool Service::take(bool takes_alone, Taken& taken) {
  std::unique_lock lock(mutex_);
  const int lanes = takes_alone ? kLanes : kAlone;
  int found = -1;
  ready_.wait(lock, [&] {
    // Lanes take turns: none starves.
    for (int i = 0; i < lanes && found < 0; ++i) {
      const int lane = (next_lane_ + i) % lanes;
      if (!lanes_[lane].empty()) found = lane;
    }
    return stop_ || found >= 0;
  });
  if (found < 0) return false;
  std::deque<Waiting>& lane = lanes_[found];
  next_lane_ = static_cast<Lane>((found + 1) % kLanes);
  taken.lane = static_cast<Lane>(found);
  const size_t share = (lane.size() + threads_.size() - 1) / std::max<size_t>(1, threads_.size());
  const size_t rows =
      found == kAlone ? 1 : std::clamp<size_t>(share, 1, std::max(1u, options_.rows_max));
  uint64_t bytes = 0;
  while (taken.messages.size() < rows && !lane.empty()) {
    Waiting& next = lane.front();
    bytes += next.message.bytes.size();
    if (!taken.messages.empty() && bytes > options_.bytes_max) break;
    taken.messages.push_back(std::move(next.message));
    taken.dones.push_back(std::move(next.done));
    taken.since.push_back(next.since);
    lane.pop_front();
  }
  return true;
}

void Service::work(bool takes_alone) {
  std::shared_ptr<LiveRules> live;
  std::unique_ptr<Worker> worker;
  Taken taken;
  while (take(takes_alone, taken)) {
    std::shared_ptr<LiveRules> now = this->live();
    if (now != live) {
      // Scratch is made for the limits and patterns of one rule set.
      worker.reset();
      live = std::move(now);
      worker = std::make_unique<Worker>(live->run);
    }
    give_up_late(*live, taken);
    if (!taken.messages.empty()) scan(*live, *worker, taken);
    taken.messages.clear();
    taken.cases.clear();
    taken.dones.clear();
    taken.since.clear();
  }
}

void Service::give_up_late(const LiveRules& live, Taken& taken) {
  const Clock::time_point oldest =
      Clock::now() - std::chrono::milliseconds(options_.queue_wait_max_ms);
  size_t kept = 0;
  for (size_t i = 0; i < taken.messages.size(); ++i) {
    if (taken.since[i] < oldest) {
      std::unique_ptr<Case> one = cases_.take();
      one->message = std::move(taken.messages[i]);
      deliver(live, std::move(one), taken.dones[i], taken.since[i], true);
      continue;
    }
    if (kept != i) {
      taken.messages[kept] = std::move(taken.messages[i]);
      taken.dones[kept] = std::move(taken.dones[i]);
      taken.since[kept] = taken.since[i];
    }
    ++kept;
  }
  taken.messages.resize(kept);
  taken.dones.resize(kept);
  taken.since.resize(kept);
}

void Service::scan(const LiveRules& live, Worker& worker, Taken& taken) {
  for (size_t i = 0; i < taken.messages.size(); ++i) taken.cases.push_back(cases_.take());
  batches_.fetch_add(1, std::memory_order_relaxed);
  live.run.compute(worker, taken.messages, taken.cases);
  for (size_t i = 0; i < taken.messages.size(); ++i) {
    Case& one = *taken.cases[i];
    one.message = std::move(taken.messages[i]);
    live.run.conclude(worker, one);
    deliver(live, std::move(taken.cases[i]), taken.dones[i], taken.since[i], false);
  }
}

void Service::deliver(const LiveRules& live, std::unique_ptr<Case> one, const Done& done,
                      Clock::time_point since, bool too_late) {
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - since);
  const uint64_t cost = one->message.bytes.size() + kCaseBytes;
  done({live, *one, too_late, took.count()});
  cases_.give(std::move(one));
  const std::lock_guard lock(mutex_);
  budget_used_ -= cost;
  if (budget_used_ == 0) idle_.notify_all();
}

}  // namespace winnow
