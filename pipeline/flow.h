// The flow of a run over many messages: admission by a byte budget, three size lanes, batches
// that fill adaptively, a TBB graph, delivery in input order.
//
//   submit() → lane → Work (a batch to be) → [compute] → [judge] → [deliver, serial, in order]
//
// Lanes. Small messages share batches of up to rows_max; large ones (over kSmallBytes) share
// small batches; one over kLargeBytes goes alone, so that 40 MB delay nobody. An open batch is
// sent off when it is full, when a worker would idle, and before submit() waits.
//
// Budget. A message in the flow holds its bytes and kCaseBytes of byte_budget until it is
// delivered; submit() waits while the budget is spent. One message is always admitted, however
// large. Memory is therefore bounded by byte_budget + workers × scratch (winnow limits).
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

constexpr uint32_t kSmallBytes = 64 * 1024;
constexpr uint32_t kLargeBytes = 2 * 1024 * 1024;
constexpr uint64_t kCaseBytes = 16 * 1024;  // counted for the evidence of one message

// Gets every case in input order, one at a time. Must not call into the flow.
using Deliver = std::function<void(const Case&)>;

class Flow {
 public:
  // REQUIRED: `run` outlives the flow.
  Flow(const Run& run, const FlowOptions& options, Deliver deliver);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Takes the next message of the input; waits while the budget is spent.
  // REQUIRED: one thread submits.
  void submit(Message&& message);
  // Takes evidence that was recorded: it is judged only.
  void submit_evidence(std::unique_ptr<Case> one);
  std::unique_ptr<Case> new_case() { return cases_.take(); }
  // Waits until all that was submitted is delivered.
  void finish();

  // Sum of the workers' stage times so far. REQUIRED: after finish().
  StageTimes times() const;
  // Largest sum of bytes that worker scratch and batches held. REQUIRED: after finish().
  size_t worker_bytes() const;

 private:
  struct Work;
  struct Executor;
  struct TbbExecutor;
  struct ThreadExecutor;
  enum Lane { kSmall, kLarge, kAlone, kLanes };

  void send(Lane lane);
  void send_all();
  void admit(uint64_t bytes);
  std::unique_ptr<Work> new_work();
  std::unique_ptr<Worker> take_worker();
  void give_worker(std::unique_ptr<Worker> worker);
  void compute(Work& work) noexcept;
  void judge(Work& work) noexcept;
  void deliver(std::unique_ptr<Work> work) noexcept;

  const Run& run_;
  const FlowOptions options_;
  const Deliver deliver_;
  CasePool cases_;

  std::unique_ptr<Work> open_[kLanes];
  uint64_t next_sequence_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable progress_;
  uint64_t budget_used_ = 0;
  uint32_t works_in_flight_ = 0;
  std::vector<std::unique_ptr<Worker>> idle_workers_;
  std::vector<std::unique_ptr<Work>> idle_works_;

  std::mutex deliver_mutex_;                    // guards the reorder heap
  std::vector<std::unique_ptr<Case>> pending_;  // heap, lowest sequence on top
  uint64_t next_delivery_ = 0;

  std::unique_ptr<Executor> executor_;
};

}  // namespace winnow
