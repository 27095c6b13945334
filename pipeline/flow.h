// The flow of a run over many messages: admission (admit.h), workers that pull batches, delivery
// in input order.
//
//   submit() → lane → a worker takes its share → compute → judge → deliver, serial, in order
//
// A case that has to wait for answers leaves its batch behind and no worker waits with it; it is
// judged on when they are there, before anything new, and delivered in its place.
//
// A message holds its part of the budget until it is delivered; submit() waits while the budget is
// spent, and once enough for two batches of each worker is read ahead. Memory is therefore bounded
// by byte_budget + workers × scratch (winnow limits).
//
// Rejected: tbb::parallel_pipeline (its tokens are batches of one size: a large message would
// hold back the small ones behind it), ordering by a TBB sequencer node (it orders works, and
// messages of one work are not neighbours in the input once there are lanes).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "pipeline/admit.h"
#include "pipeline/case.h"
#include "pipeline/run.h"

namespace winnow {

struct FlowOptions {
  unsigned threads = 1;
  uint32_t rows_max = 64;
  uint32_t bytes_max = 1 << 20;        // of one batch's messages
  uint64_t byte_budget = 48ull << 20;  // of all messages in the flow
  bool keep_bytes = false;             // deliver with the message's bytes (explain)
  bool plain_threads = false;          // no TBB (ThreadSanitizer reports it falsely)
};

// Gets every case in input order, one at a time. Must not call into the flow.
using Deliver = std::function<void(const Case&)>;

class Flow {
 public:
  // REQUIRED: `run` outlives the flow.
  Flow(const Run& run, const FlowOptions& options, Deliver deliver);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Takes the next message of the input; waits while the budget is spent or enough is read ahead.
  // REQUIRED: one thread submits.
  void submit(Message&& message);
  // Takes evidence that was recorded: it is judged only. REQUIRED: all of this flow's is so.
  void submit_evidence(std::unique_ptr<Case> one);
  std::unique_ptr<Case> new_case() { return cases_.take(); }
  // Waits until all that was submitted is delivered.
  void finish();

  // Sum of the workers' stage times so far. REQUIRED: after finish().
  StageTimes times() const;
  // Largest sum of bytes that worker scratch and batches held. REQUIRED: after finish().
  size_t worker_bytes() const;

 private:
  struct Executor;
  struct TbbExecutor;
  struct ThreadExecutor;

  std::unique_ptr<Worker> take_worker();
  void give_worker(std::unique_ptr<Worker> worker);
  void work(bool wait) noexcept;
  void compute(Worker& worker, Share& share) noexcept;
  void judge_on(Worker& worker, std::unique_ptr<Case>& one) noexcept;
  void take_back(Case* parked);
  void deliver(Share& share) noexcept;

  const Run& run_;
  const FlowOptions options_;
  const Deliver deliver_;
  CasePool cases_;

  Admission admission_;
  uint64_t next_sequence_ = 0;
  bool recorded_ = false;  // evidence is submitted, not messages

  std::mutex mutex_;  // guards what follows
  std::vector<std::unique_ptr<Worker>> idle_workers_;
  size_t returning_ = 0;  // calls of take_back() that have not ended
  std::condition_variable returned_;

  std::mutex deliver_mutex_;                    // guards the reorder heap
  std::vector<std::unique_ptr<Case>> pending_;  // heap, lowest sequence on top
  uint64_t next_delivery_ = 0;

  std::unique_ptr<Executor> executor_;
};

}  // namespace winnow
