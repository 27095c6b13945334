#include "pipeline/flow.h"

#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "pipeline/worker.h"

namespace winnow {

// Runs Flow::work() on threads, once for each call of put() at least.
struct Flow::Executor {
  virtual ~Executor() = default;  // waits for them
  virtual void put() = 0;
  // As put(), from any thread, and never waits.
  virtual void put_back() = 0;
};

struct Flow::TbbExecutor : Executor {
  TbbExecutor(Flow& flow, unsigned threads)
      : control(tbb::global_control::max_allowed_parallelism, threads + 1),
        arena(static_cast<int>(threads) + 1, 1) {
    arena.execute([&] {
      graph = std::make_unique<tbb::flow::graph>();
      node = std::make_unique<Node>(*graph, threads, [&flow](int) noexcept {
        flow.work(false);
        return tbb::flow::continue_msg();
      });
    });
  }
  ~TbbExecutor() override {
    arena.execute([&] { graph->wait_for_all(); });
  }
  void put() override {
    arena.execute([&] { node->try_put(0); });
  }
  void put_back() override {
    graph->reserve_wait();  // the destructor waits for it
    arena.enqueue([this] {
      node->try_put(0);
      graph->release_wait();
    });
  }

  using Node = tbb::flow::function_node<int, tbb::flow::continue_msg>;
  tbb::global_control control;
  tbb::task_arena arena;
  std::unique_ptr<tbb::flow::graph> graph;
  std::unique_ptr<Node> node;
};

// Its threads wait in Admission::take() until the flow is over.
struct Flow::ThreadExecutor : Executor {
  ThreadExecutor(Flow& flow, unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) workers.emplace_back([&flow] { flow.work(true); });
  }
  ~ThreadExecutor() override {
    for (std::thread& worker : workers) worker.join();
  }
  void put() override {}
  void put_back() override {}

  std::vector<std::thread> workers;
};

Flow::Flow(const Run& run, const FlowOptions& options, Deliver deliver)
    : run_(run),
      options_(options),
      deliver_(std::move(deliver)),
      admission_({.workers = options.threads,
                  .rows_max = options.rows_max,
                  .bytes_max = options.bytes_max,
                  .byte_budget = options.byte_budget,
                  // As many bytes as each worker's next batch may have, and the one after it.
                  .ahead_max = uint64_t{2} * options.threads * options.bytes_max}) {
#ifdef WINNOW_PLAIN_THREADS
  const bool plain = true;  // the thread sanitizer's preset
#else
  const bool plain = options_.plain_threads;
#endif
  if (plain)
    executor_ = std::make_unique<ThreadExecutor>(*this, options_.threads);
  else
    executor_ = std::make_unique<TbbExecutor>(*this, options_.threads);
}

Flow::~Flow() {
  finish();
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return returning_ == 0; });
  }
  admission_.stop();
  executor_.reset();
}

void Flow::submit(Message&& message) {
  std::unique_ptr<Case> one = cases_.take();
  admission_.reserve(message.bytes.size() + kCaseBytes, one->hold);
  one->evidence.sequence = next_sequence_++;
  admission_.put(std::move(message), std::move(one), {});
  executor_->put();
}

void Flow::submit_evidence(std::unique_ptr<Case> one) {
  recorded_ = true;
  admission_.reserve(kCaseBytes, one->hold);
  one->evidence.sequence = next_sequence_++;
  admission_.put({}, std::move(one), {});
  executor_->put();
}

void Flow::finish() { admission_.wait_empty(); }

std::unique_ptr<Worker> Flow::take_worker() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_workers_.empty()) {
      std::unique_ptr<Worker> worker = std::move(idle_workers_.back());
      idle_workers_.pop_back();
      return worker;
    }
  }
  return make_worker(run_);
}

void Flow::give_worker(std::unique_ptr<Worker> worker) {
  const std::lock_guard lock(mutex_);
  idle_workers_.push_back(std::move(worker));
}

// Scans a share; with `wait` one after the other until the flow is over. Another may have taken
// what it was called for.
void Flow::work(bool wait) noexcept {
  Share share;
  while (admission_.take(wait, true, share)) {
    std::unique_ptr<Worker> worker = take_worker();
    compute(*worker, share);
    // Before delivering: times and scratch are read once the last message is delivered.
    give_worker(std::move(worker));
    deliver(share);
    if (!wait) return;
  }
}

void Flow::compute(Worker& worker, Share& share) noexcept {
  if (!recorded_ && !share.answered) {
    run_.compute(worker, share.messages, share.cases);
    for (size_t i = 0; i < share.messages.size(); ++i) {
      Message& message = share.messages[i];
      if (!options_.keep_bytes) message.bytes = {};
      share.cases[i]->message = std::move(message);
    }
  }
  for (std::unique_ptr<Case>& one : share.cases) judge_on(worker, one);
}

// Judges to the end, or leaves null where the case waits.
void Flow::judge_on(Worker& worker, std::unique_ptr<Case>& one) noexcept {
  if (!run_.waits()) return run_.conclude(worker, *one);
  Case* const parked = one.release();  // who calls `ready` owns it
  const bool done =
      run_.advance(worker, *parked, Deadline::max(), [this, parked] { take_back(parked); });
  if (done) one.reset(parked);
}

// On the thread of who answered. The case may be delivered, as the last one, before this ends.
void Flow::take_back(Case* parked) {
  {
    const std::lock_guard lock(mutex_);
    ++returning_;
  }
  admission_.put_back(std::unique_ptr<Case>(parked), {});
  executor_->put_back();
  const std::lock_guard lock(mutex_);
  if (--returning_ == 0) returned_.notify_all();
}

void Flow::deliver(Share& share) noexcept {
  const auto later = [](const std::unique_ptr<Case>& a, const std::unique_ptr<Case>& b) {
    return a->evidence.sequence > b->evidence.sequence;
  };
  const std::lock_guard lock(deliver_mutex_);
  for (std::unique_ptr<Case>& one : share.cases) {
    if (!one) continue;  // waits for answers
    pending_.push_back(std::move(one));
    std::ranges::push_heap(pending_, later);
  }
  share.clear();
  while (!pending_.empty() && pending_.front()->evidence.sequence == next_delivery_) {
    std::ranges::pop_heap(pending_, later);
    std::unique_ptr<Case> one = std::move(pending_.back());
    pending_.pop_back();
    deliver_(*one);
    ++next_delivery_;
    Hold hold = std::exchange(one->hold, {});
    cases_.give(std::move(one));
    admission_.release(hold);
  }
}

StageTimes Flow::times() const {
  StageTimes sum;
  for (const std::unique_ptr<Worker>& worker : idle_workers_) sum.add(worker->times);
  return sum;
}

size_t Flow::worker_bytes() const {
  size_t sum = 0;
  for (const std::unique_ptr<Worker>& worker : idle_workers_) sum += worker->batch.reserved_bytes();
  return sum;
}

}  // namespace winnow
