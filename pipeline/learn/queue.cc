#include "pipeline/learn/queue.h"

#include <utility>

namespace winnow {

LearnQueue::LearnQueue(std::shared_ptr<SiteStatistics> statistics, Tell tell, Watch watch)
    : statistics_(std::move(statistics)),
      tell_(std::move(tell)),
      watch_(std::move(watch)),
      thread_([this] { work(); }) {}

LearnQueue::~LearnQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool LearnQueue::learn(LearnRecord&& record, Done done, Which which) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || waiting_.size() >= kWaitingMax) return false;
    waiting_.push_back({std::move(record), std::move(done), which});
  }
  wake_.notify_all();
  return true;
}

void LearnQueue::tell(const std::string& problem) const {
  if (tell_ && !problem.empty()) tell_(problem);
}

// Takes out what would not be moved, and says so.
void LearnQueue::answer_others(std::vector<Job>& jobs) const {
  std::erase_if(jobs, [this](const Job& job) {
    if (job.which == Which::kAll) return false;
    const Result<std::vector<Learnt>> found = statistics_->try_learn({&job.record, 1});
    if (found && found->front() == Learnt::kMoved) return false;
    job.done(found ? Result<Learnt>(found->front()) : fail(found.error()));
    return true;
  });
}

void LearnQueue::work() {
  for (;;) {
    std::vector<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kTend, [&] { return stop_ || !waiting_.empty(); });
      if (waiting_.empty() && stop_) return;
      jobs.swap(waiting_);
    }
    if (jobs.empty()) {
      statistics_->tend();
      tell(statistics_->take_problem());
      continue;
    }
    answer_others(jobs);
    if (jobs.empty()) continue;
    std::vector<LearnRecord> records;
    records.reserve(jobs.size());
    for (Job& job : jobs) records.push_back(std::move(job.record));
    const Result<std::vector<Learnt>> done = statistics_->learn(records);
    tell(statistics_->take_problem());
    uint64_t fresh = 0;
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (!done) {
        jobs[i].done(fail(done.error()));
        continue;
      }
      const Learnt what = (*done)[i];
      const bool learnt = what == Learnt::kNew || what == Learnt::kMoved ||
                          what == Learnt::kForgotten || what == Learnt::kLater;
      fresh += learnt;
      if (learnt) learnt_.fetch_add(1, std::memory_order_relaxed);
      jobs[i].done(what);
    }
    if (watch_) tell(watch_(fresh));
  }
}

}  // namespace winnow
