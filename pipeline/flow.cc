#include "pipeline/flow.h"

#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <deque>
#include <thread>

#include "pipeline/worker.h"

namespace winnow {

struct Flow::Work {
  std::vector<Message> messages;             // empty for recorded evidence
  std::vector<std::unique_ptr<Case>> cases;  // one a message
  uint64_t bytes = 0;
};

struct Flow::Executor {
  virtual ~Executor() = default;
  virtual void put(Work* work) = 0;  // takes ownership
};

// compute and judge run on any number of workers at once; delivering locks for itself.
struct Flow::TbbExecutor : Executor {
  TbbExecutor(Flow& flow, unsigned threads)
      : control(tbb::global_control::max_allowed_parallelism, threads + 1),
        arena(static_cast<int>(threads) + 1, 1) {
    arena.execute([&] {
      graph = std::make_unique<tbb::flow::graph>();
      compute = std::make_unique<Node>(*graph, threads, [&flow](Work* work) noexcept {
        flow.compute(*work);
        return work;
      });
      judge = std::make_unique<Node>(*graph, threads, [&flow](Work* work) noexcept {
        flow.judge(*work);
        return work;
      });
      deliver = std::make_unique<Last>(*graph, 1, [&flow](Work* work) noexcept {
        flow.deliver(std::unique_ptr<Work>(work));
        return tbb::flow::continue_msg();
      });
      tbb::flow::make_edge(*compute, *judge);
      tbb::flow::make_edge(*judge, *deliver);
    });
  }
  ~TbbExecutor() override {
    arena.execute([&] { graph->wait_for_all(); });
  }
  void put(Work* work) override {
    arena.execute([&] { compute->try_put(work); });
  }

  using Node = tbb::flow::function_node<Work*, Work*>;
  using Last = tbb::flow::function_node<Work*, tbb::flow::continue_msg>;
  tbb::global_control control;
  tbb::task_arena arena;
  std::unique_ptr<tbb::flow::graph> graph;
  std::unique_ptr<Node> compute, judge;
  std::unique_ptr<Last> deliver;
};

struct Flow::ThreadExecutor : Executor {
  ThreadExecutor(Flow& flow, unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) {
      workers.emplace_back([this, &flow] {
        while (Work* work = take()) {
          flow.compute(*work);
          flow.judge(*work);
          flow.deliver(std::unique_ptr<Work>(work));
        }
      });
    }
  }
  ~ThreadExecutor() override {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    ready.notify_all();
    for (std::thread& worker : workers) worker.join();
  }
  void put(Work* work) override {
    const std::lock_guard lock(mutex);
    queue.push_back(work);
    ready.notify_one();
  }
  Work* take() {
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return stop || !queue.empty(); });
    if (queue.empty()) return nullptr;
    Work* work = queue.front();
    queue.pop_front();
    return work;
  }

  std::mutex mutex;
  std::condition_variable ready;
  std::deque<Work*> queue;
  bool stop = false;
  std::vector<std::thread> workers;
};

Flow::Flow(const Run& run, const FlowOptions& options, Deliver deliver)
    : run_(run), options_(options), deliver_(std::move(deliver)) {
  if (options_.plain_threads)
    executor_ = std::make_unique<ThreadExecutor>(*this, options_.threads);
  else
    executor_ = std::make_unique<TbbExecutor>(*this, options_.threads);
}

Flow::~Flow() {
  finish();
  executor_.reset();
}

std::unique_ptr<Flow::Work> Flow::new_work() {
  const std::lock_guard lock(mutex_);
  if (idle_works_.empty()) return std::make_unique<Work>();
  std::unique_ptr<Work> work = std::move(idle_works_.back());
  idle_works_.pop_back();
  return work;
}

void Flow::submit(Message&& message) {
  const uint64_t size = message.bytes.size();
  const Lane lane = size <= kSmallBytes ? kSmall : size <= kLargeBytes ? kLarge : kAlone;
  admit(size + kCaseBytes);
  if (!open_[lane]) open_[lane] = new_work();
  Work& work = *open_[lane];
  std::unique_ptr<Case> one = cases_.take();
  one->evidence.sequence = next_sequence_++;
  one->budget_bytes = size + kCaseBytes;
  work.bytes += size;
  work.messages.push_back(std::move(message));
  work.cases.push_back(std::move(one));
  const bool full = work.messages.size() >= options_.rows_max || work.bytes >= options_.bytes_max;
  bool idle;
  {
    const std::lock_guard lock(mutex_);
    idle = works_in_flight_ < options_.threads;
  }
  if (lane == kAlone || full || idle) send(lane);
}

void Flow::submit_evidence(std::unique_ptr<Case> one) {
  admit(kCaseBytes);
  one->budget_bytes = kCaseBytes;
  one->evidence.sequence = next_sequence_++;
  if (!open_[kSmall]) open_[kSmall] = new_work();
  open_[kSmall]->cases.push_back(std::move(one));
  if (open_[kSmall]->cases.size() >= options_.rows_max) send(kSmall);
}

// Waits until `bytes` fit into the budget or nothing is in the flow.
void Flow::admit(uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (budget_used_ == 0 || budget_used_ + bytes <= options_.byte_budget) {
      budget_used_ += bytes;
      return;
    }
  }
  send_all();  // what waits in open lanes holds budget: it must be on its way
  std::unique_lock lock(mutex_);
  progress_.wait(lock,
                 [&] { return budget_used_ == 0 || budget_used_ + bytes <= options_.byte_budget; });
  budget_used_ += bytes;
}

void Flow::send(Lane lane) {
  if (!open_[lane] || open_[lane]->cases.empty()) return;
  {
    // A bounded queue in front of the workers: a batch that cannot start soon goes on filling.
    std::unique_lock lock(mutex_);
    progress_.wait(lock, [&] { return works_in_flight_ < 2 * options_.threads + 1; });
    ++works_in_flight_;
  }
  executor_->put(open_[lane].release());
}

void Flow::send_all() {
  for (int lane = 0; lane < kLanes; ++lane) send(static_cast<Lane>(lane));
}

void Flow::finish() {
  send_all();
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return budget_used_ == 0 && works_in_flight_ == 0; });
}

std::unique_ptr<Worker> Flow::take_worker() {
  const std::lock_guard lock(mutex_);
  if (idle_workers_.empty()) return std::make_unique<Worker>(run_);
  std::unique_ptr<Worker> worker = std::move(idle_workers_.back());
  idle_workers_.pop_back();
  return worker;
}

void Flow::give_worker(std::unique_ptr<Worker> worker) {
  const std::lock_guard lock(mutex_);
  idle_workers_.push_back(std::move(worker));
}

void Flow::compute(Work& work) noexcept {
  if (work.messages.empty()) return;
  std::unique_ptr<Worker> worker = take_worker();
  run_.compute(*worker, work.messages, work.cases);
  for (size_t i = 0; i < work.messages.size(); ++i) {
    Message& message = work.messages[i];
    if (!options_.keep_bytes) message.bytes = {};
    work.cases[i]->message = std::move(message);
  }
  give_worker(std::move(worker));
}

void Flow::judge(Work& work) noexcept {
  std::unique_ptr<Worker> worker = take_worker();
  for (std::unique_ptr<Case>& one : work.cases) run_.conclude(*worker, *one);
  give_worker(std::move(worker));
}

void Flow::deliver(std::unique_ptr<Work> work) noexcept {
  const auto later = [](const std::unique_ptr<Case>& a, const std::unique_ptr<Case>& b) {
    return a->evidence.sequence > b->evidence.sequence;
  };
  uint64_t freed = 0;
  {
    const std::lock_guard lock(deliver_mutex_);
    for (std::unique_ptr<Case>& one : work->cases) {
      pending_.push_back(std::move(one));
      std::ranges::push_heap(pending_, later);
    }
    while (!pending_.empty() && pending_.front()->evidence.sequence == next_delivery_) {
      std::ranges::pop_heap(pending_, later);
      std::unique_ptr<Case> one = std::move(pending_.back());
      pending_.pop_back();
      deliver_(*one);
      freed += one->budget_bytes;
      ++next_delivery_;
      cases_.give(std::move(one));
    }
  }
  work->messages.clear();
  work->cases.clear();
  work->bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    budget_used_ -= freed;
    --works_in_flight_;
    idle_works_.push_back(std::move(work));
    progress_.notify_all();
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
