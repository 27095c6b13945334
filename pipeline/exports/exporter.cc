#include "pipeline/exports/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/mime/date.h"
#include "engine/score/questions.h"
#include "pipeline/load.h"
#include "pipeline/once_a_minute.h"

namespace winnow {

// A case that waits for its exports.
struct Exporter::Wait {
  struct Open {
    size_t question;
    Clock::time_point until;
  };
  Evidence* evidence;
  Clock::time_point deadline;
  Ready ready;
  std::vector<Open> open = {};
  bool over = false;  // handed back
};

struct Exporter::Job {
  std::shared_ptr<const ExportRule> rule;
  ExportText text;
  size_t bytes = 0;
  Clock::time_point until = Clock::time_point::max();
  std::shared_ptr<Wait> wait = nullptr;  // null: nobody waits
  size_t question = 0;
  bool large = false;  // over the share of its rule
};

struct Exporter::Lane {
  std::string name;
  std::deque<Job> queue = {};
  size_t bytes = 0;  // of what waits and what is being sent
  unsigned busy = 0, running = 0;
  bool retired = false;  // no rule of that name is left
  std::condition_variable wake = {};
  std::vector<std::thread> threads = {};
  uint64_t failed = 0, dropped = 0;  // since they were told of
  OnceAMinute complaint;
};

Exporter::Exporter(std::string host_name, Tell tell, Send send)
    : host_name_(std::move(host_name)), tell_(std::move(tell)), send_(std::move(send)) {
  watcher_ = std::thread([this] { watch(); });
}

Exporter::~Exporter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    stop_at_ = Clock::now() + kDrain;
    for (Lane& lane : lanes_) lane.wake.notify_all();
  }
  watch_wake_.notify_all();
  watcher_.join();
  {
    std::unique_lock lock(mutex_);
    idle_.wait_until(lock, stop_at_, [&] {
      return std::ranges::all_of(lanes_, [](const Lane& lane) { return lane.running == 0; });
    });
    given_up_ = true;
  }
  for (Lane& lane : lanes_)
    for (std::thread& thread : lane.threads) thread.join();
}

void Exporter::use(const std::vector<std::shared_ptr<const ExportRule>>& rules,
                   std::shared_ptr<RedisClient> redis) {
  std::list<Lane> gone;
  {
    const std::lock_guard lock(mutex_);
    redis_ = std::move(redis);
    share_ = kWaitingBytesMax / std::max<size_t>(1, rules.size());
    for (auto lane = lanes_.begin(); lane != lanes_.end();) {
      const auto next = std::next(lane);
      lane->retired = std::ranges::none_of(
          rules,
          [&](const std::shared_ptr<const ExportRule>& one) { return one->name == lane->name; });
      lane->wake.notify_all();
      if (lane->retired && lane->running == 0) gone.splice(gone.end(), lanes_, lane);
      lane = next;
    }
    for (const std::shared_ptr<const ExportRule>& one : rules) {
      counts_.try_emplace(one->name, Counts{.rule = one->name});
      if (std::ranges::none_of(lanes_, [&](const Lane& lane) { return lane.name == one->name; }))
        lanes_.emplace_back().name = one->name;
    }
  }
  for (Lane& lane : gone)
    for (std::thread& thread : lane.threads) thread.join();
}

std::vector<Exporter::Counts> Exporter::counts() const {
  const std::lock_guard lock(mutex_);
  std::vector<Counts> out;
  for (const auto& [name, counts] : counts_) out.push_back(counts);
  for (const Lane& lane : lanes_)
    for (Counts& one : out)
      if (one.rule == lane.name) one.waiting_bytes = lane.bytes;
  return out;
}

ExportText Exporter::write(const ExportPlan& plan, const ExportRule& rule, const ScoreModel& model,
                           const Case& one) {
  const int64_t now_ms = clock_ms();
  uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = made_++;
  }
  const std::string id = fmt::format("{:x}{:04x}", now_ms, number & 0xFFFF);
  const std::string date = write_http_date(now_ms / 1'000);
  const int64_t began_ms = one.evidence.envelope.now_ms;
  return write_export(rule, {.plan = plan,
                             .model = model,
                             .evidence = one.evidence,
                             .verdict = one.verdict,
                             .message = one.message.bytes.view(),
                             .host_name = host_name_,
                             .id = id,
                             .scan_ms = std::max<int64_t>(0, now_ms - began_ms),
                             .date = date});
}

void Exporter::carry_out(const ExportPlan& plan, const ScoreModel& model, const Case& one) {
  for (const Effect& effect : one.verdict.effects) {
    const std::shared_ptr<const ExportRule>* const rule =
        effect.kind == EffectKind::kExport ? plan.find(effect.key) : nullptr;
    if (!rule) continue;
    Job job{.rule = *rule, .text = write(plan, **rule, model, one)};
    std::unique_lock lock(mutex_);
    put(std::move(job));
    call_ready(lock);
  }
}

bool Exporter::has_open(const Evidence& evidence) {
  for (size_t i = 0; i < evidence.questions.size(); ++i)
    if (evidence.questions[i].kind == QuestionKind::kTake &&
        evidence.questions[i].type == kExportTake &&
        evidence.answers[i].state == AnswerState::kOpen)
      return true;
  return false;
}

bool Exporter::ask(const ExportPlan& plan, const ScoreModel& model, Case& one,
                   Clock::time_point deadline, Ready ready) {
  Evidence& evidence = one.evidence;
  const auto wait = std::make_shared<Wait>(Wait{&evidence, deadline, std::move(ready)});
  std::vector<Job> jobs;
  const Clock::time_point now = Clock::now();
  for (size_t i = 0; i < evidence.questions.size(); ++i) {
    const Question& question = evidence.questions[i];
    Answer& answer = evidence.answers[i];
    if (question.kind != QuestionKind::kTake || question.type != kExportTake ||
        answer.state != AnswerState::kOpen)
      continue;
    const std::shared_ptr<const ExportRule>* const rule = plan.find_asked(question.key);
    if (!rule) {
      answer = unknown_answer(UnknownReason::kNotAllowed);
      continue;
    }
    jobs.push_back({.rule = *rule,
                    .text = write(plan, **rule, model, one),
                    .until = now + std::chrono::milliseconds((*rule)->timeout_ms),
                    .wait = wait,
                    .question = i});
  }
  std::unique_lock lock(mutex_);
  for (Job& job : jobs) {
    const size_t question = job.question;
    wait->open.push_back({question, job.until});
    if (!put(std::move(job))) answer(*wait, question, "failed: there is no room for it");
  }
  const bool done = wait->open.empty();
  if (done) {
    wait->over = true;
  } else {
    waits_.push_back(wait);
    watch_wake_.notify_one();
  }
  call_ready(lock);
  return done;
}

// Does nothing where that was answered. REQUIRED: the mutex is held; the wait is not over.
void Exporter::answer(Wait& wait, size_t question, std::string_view text) {
  if (std::erase_if(wait.open, [&](const Wait::Open& one) { return one.question == question; }) ==
      0)
    return;
  Evidence& evidence = *wait.evidence;
  const std::span<std::string_view> values = evidence.slab.alloc<std::string_view>(1);
  values[0] = evidence.slab.copy(text);
  evidence.answers[question] = {.state = AnswerState::kValue, .values = values};
}

// REQUIRED: the mutex is held. Its evidence is not touched after this.
void Exporter::over(std::shared_ptr<Wait> wait) {
  if (std::exchange(wait->over, true)) return;
  ready_.push_back(std::move(wait->ready));
  waits_.remove(wait);
}

// REQUIRED: the mutex is held. False: it was dropped, and counted.
bool Exporter::put(Job&& job) {
  const auto lane = std::ranges::find(lanes_, job.rule->name, &Lane::name);
  if (lane == lanes_.end() || stop_) return false;
  job.bytes = job.text.bytes();
  const bool fits = lane->bytes + job.bytes <= share_;
  // Of a large message that several rules send each finds room, or mail that waits never passed.
  const bool large = !fits && lane->bytes == 0 && large_bytes_ + job.bytes <= kLargeBytesMax;
  if (!fits && !large) {
    ++counts_.find(lane->name)->second.dropped;
    ++lane->dropped;
    complain(*lane, "no room", Clock::now());
    return false;
  }
  job.large = large;
  if (large) large_bytes_ += job.bytes;
  lane->bytes += job.bytes;
  lane->queue.push_back(std::move(job));
  if (lane->busy + lane->queue.size() > lane->running && lane->running < kSendersMax) {
    ++lane->running;
    lane->threads.emplace_back([this, &one = *lane] { work(one); });
  } else {
    lane->wake.notify_one();
  }
  return true;
}

void Exporter::work(Lane& lane) {
  std::unique_lock lock(mutex_);
  for (;;) {
    lane.wake.wait(lock, [&] { return stop_ || lane.retired || !lane.queue.empty(); });
    if (lane.queue.empty()) break;
    Job job = std::move(lane.queue.front());
    lane.queue.pop_front();
    ++lane.busy;
    const std::shared_ptr<RedisClient> redis = redis_;
    const Clock::time_point now = Clock::now();
    Result<void> done;
    if (stop_ && now >= stop_at_) {
      done = fail("the service ends");
    } else if (now >= job.until || (job.wait && job.wait->over)) {
      done = fail("no answer in time");
    } else {
      int64_t left_ms = job.rule->timeout_ms;
      if (job.wait)
        left_ms = std::max<int64_t>(
            1, std::chrono::duration_cast<std::chrono::milliseconds>(job.until - now).count());
      lock.unlock();
      done = send_(*job.rule, job.text, {redis.get(), left_ms, &given_up_});
      lock.lock();
    }
    --lane.busy;
    lane.bytes -= job.bytes;
    if (job.large) large_bytes_ -= job.bytes;
    count(lane, job, done);
    call_ready(lock);
  }
  --lane.running;
  idle_.notify_all();
}

// REQUIRED: the mutex is held.
void Exporter::count(Lane& lane, const Job& job, const Result<void>& done) {
  Counts& counts = counts_.find(lane.name)->second;
  ++(done ? counts.sent : counts.failed);
  if (!done) {
    ++lane.failed;
    complain(lane, done.error().text(), Clock::now());
  }
  if (!job.wait || job.wait->over) return;
  answer(*job.wait, job.question,
         done ? std::string(kExportSent) : fmt::format("failed: {}", done.error().text()));
  if (job.wait->open.empty()) over(job.wait);
}

// REQUIRED: the mutex is held.
void Exporter::complain(Lane& lane, std::string_view why, Clock::time_point now) {
  if (!lane.complaint.is_due(now)) return;
  complaints_.push_back(fmt::format("export {}: {} failed, {} dropped: {}", lane.name,
                                    std::exchange(lane.failed, 0), std::exchange(lane.dropped, 0),
                                    why));
}

// Calls what is to be called without the mutex; it is held again afterwards.
void Exporter::call_ready(std::unique_lock<std::mutex>& lock) {
  if (ready_.empty() && complaints_.empty()) return;
  const std::vector<Ready> ready = std::exchange(ready_, {});
  const std::vector<std::string> complaints = std::exchange(complaints_, {});
  lock.unlock();
  for (const std::string& one : complaints) tell_(one);
  for (const Ready& one : ready) one();
  lock.lock();
}

// Answers what was not sent in time, and hands cases back whose own time is over.
void Exporter::watch() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const Clock::time_point now = Clock::now();
    auto next = Clock::time_point::max();
    for (auto at = waits_.begin(); at != waits_.end();) {
      const std::shared_ptr<Wait> wait = *at++;
      const std::vector<Wait::Open> open = wait->open;
      for (const Wait::Open& one : open) {
        if (one.until <= now)
          answer(*wait, one.question, "failed: no answer in time");
        else
          next = std::min(next, one.until);
      }
      if (stop_ || wait->deadline <= now || wait->open.empty())
        over(wait);
      else
        next = std::min(next, wait->deadline);
    }
    if (!ready_.empty()) {
      call_ready(lock);
      continue;
    }
    if (stop_) return;
    if (next == Clock::time_point::max())
      watch_wake_.wait(lock);
    else
      watch_wake_.wait_until(lock, next);
  }
}

}  // namespace winnow
