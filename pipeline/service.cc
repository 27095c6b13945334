#include "pipeline/service.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "pipeline/worker.h"

namespace winnow {

namespace {
constexpr std::chrono::seconds kLateFor(10);  // not ready, after a client was sent away
constexpr size_t kHandedAtOnce = 16;          // the first of a batch need not wait for the last

RunOptions run_options(std::string host_name) {
  RunOptions options;
  options.host_name = std::move(host_name);
  options.digest = true;      // names a message in the log, and in what is learnt
  options.wall_times = true;  // one message at a time pays a clock's call for itself
  return options;
}

}  // namespace

LiveRules::LiveRules(std::shared_ptr<const RuleSet> set, std::unique_ptr<Answerer> who,
                     std::string host_name)
    : rules(std::move(set)),
      answerer(std::move(who)),
      run(rules, *answerer, run_options(std::move(host_name))),
      render(make_render_plan(rules->model)) {}

Service::Service(std::shared_ptr<LiveRules> live, const ServiceOptions& options)
    : options_(options),
      admission_({.workers = std::max(1u, options.threads),
                  .rows_max = options.rows_max,
                  .bytes_max = options.bytes_max,
                  .byte_budget = options.byte_budget,
                  .messages_max = options.messages_max}),
      live_(std::move(live)),
      suspects_(options.suspects,
                [this](Fate fate, Message&& message, std::unique_ptr<Case> one, Client&& client) {
                  come_back(fate, std::move(message), std::move(one), std::move(client));
                }) {
  const unsigned threads = std::max(1u, options_.threads);
  hands_.resize(threads);
  for (unsigned i = 0; i < threads; ++i)
    threads_.emplace_back([this, i, takes_alone = i > 0 || threads == 1] { work(i, takes_alone); });
}

Service::~Service() {
  finish();
  admission_.stop();
  for (std::thread& thread : threads_) thread.join();
}

bool Service::submit(Message& message, Hold& hold, Done done) {
  return take(message, hold, std::move(done), false) != Taken::kRefused;
}

Service::Taken Service::submit_here(Message& message, Hold& hold, Done done) {
  return take(message, hold, std::move(done), true);
}

Service::Taken Service::take(Message& message, Hold& hold, Done done, bool here) {
  const std::lock_guard lock(mutex_);
  if (finishing_) return Taken::kRefused;
  std::unique_ptr<Case> one = cases_.take();
  one->hold = std::exchange(hold, {});
  admission_.set(one->hold, message.bytes.size() + kCaseBytes, true);
  return admission_.put(std::move(message), std::move(one), {std::move(done), Clock::now()}, here)
             ? Taken::kHere
             : Taken::kByWorkers;
}

bool Service::submit(Message& message, Done done) {
  Hold hold;
  if (!admission_.try_reserve(message.bytes.size() + kCaseBytes, hold)) return false;
  if (submit(message, hold, std::move(done))) return true;
  admission_.release(hold);
  return false;
}

void Service::ask_ahead(Message&& envelope) {
  if (waiting() > 0 || !live()->run.waits()) return;
  envelope.pass_all = true;  // what an empty message scores ends nothing
  submit(envelope, [](const Scanned&) {});
}

bool Service::ready() const {
  {
    const std::lock_guard lock(mutex_);
    if (finishing_) return false;
  }
  if (Clock::now().time_since_epoch().count() < late_until_.load()) return false;
  return admission_.oldest().count() <= options_.queue_wait_max_ms;
}

void Service::note_late() {
  late_until_.store((Clock::now() + kLateFor).time_since_epoch().count());
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
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  admission_.take_over();
  admission_.wait_empty();
}

void Service::work(unsigned number, bool takes_alone) {
  Share share;
  while (admission_.take(true, takes_alone, share)) {
    const std::lock_guard lock(hands_[number].mutex);
    do_share(number, hands_[number], share);
  }
}

void Service::scan_here() {
  // Its worker was idle a moment ago; where it is not any more, it takes this message too.
  const std::unique_lock lock(hands_.front().mutex, std::try_to_lock);
  if (!lock) return admission_.take_over();
  if (admission_.take_here(here_)) do_share(0, hands_.front(), here_);
}

void Service::do_share(unsigned number, Hand& hand, Share& share) {
  std::shared_ptr<LiveRules> now = this->live();
  if (now != hand.live) {
    // Scratch is made for the limits and patterns of one rule set.
    hand.worker.reset();
    hand.live = std::move(now);
    hand.worker = make_worker(hand.live->run);
  }
  if (!share.answered) give_up_late(*hand.live, share);
  if (share.answered) {
    go_on(hand.live, *hand.worker, share);
  } else {
    suspects_.begin(number, share, hand.digests);
    if (!share.messages.empty()) scan(hand.live, *hand.worker, share);
    suspects_.end(number);
  }
  handed_();
  share.clear();
}

void Service::give_up_late(const LiveRules& live, Share& share) {
  const Clock::time_point oldest =
      Clock::now() - std::chrono::milliseconds(options_.queue_wait_max_ms);
  size_t kept = 0;
  for (size_t i = 0; i < share.messages.size(); ++i) {
    if (share.clients[i].since < oldest) {
      note_late();
      share.cases[i]->message = std::move(share.messages[i]);
      deliver(live, std::move(share.cases[i]), share.clients[i], true);
      continue;
    }
    if (kept != i) {
      share.messages[kept] = std::move(share.messages[i]);
      share.cases[kept] = std::move(share.cases[i]);
      share.clients[kept] = std::move(share.clients[i]);
    }
    ++kept;
  }
  share.messages.resize(kept);
  share.cases.resize(kept);
  share.clients.resize(kept);
}

void Service::come_back(Fate fate, Message&& message, std::unique_ptr<Case> one, Client&& client) {
  if (fate == Fate::kLives) {
    admission_.put(std::move(message), std::move(one), std::move(client));
    return;
  }
  const std::shared_ptr<LiveRules> live = this->live();
  if (fate == Fate::kDies) live->run.condemn(message, one);
  one->message = std::move(message);
  deliver(*live, std::move(one), client, fate == Fate::kUnknown);
  handed_();
}

void Service::observe_stages(const StageTimes& before, const StageTimes& now, size_t messages) {
  for (size_t i = 0; i < now.ns.size() && messages > 0; ++i)
    if (i != static_cast<size_t>(Stage::kJudge))
      timings_.stages[i].observe((now.ns[i] - before.ns[i]) / 1000 / messages, messages);
}

// Judges as far as answers are there, and delivers what is judged to its end.
void Service::judge_on(Worker& worker, std::unique_ptr<Case> one, Client&& client) {
  const LiveRules& live = *client.live;
  const Deadline deadline = client.since + std::chrono::milliseconds(options_.task_timeout_ms);
  const auto judge_ns = [&] { return worker.times.ns[static_cast<size_t>(Stage::kJudge)]; };
  const uint64_t before = judge_ns();
  const auto observe = [&] {
    timings_.stages[static_cast<size_t>(Stage::kJudge)].observe((judge_ns() - before) / 1000);
  };
  if (!live.run.waits()) {
    live.run.conclude(worker, *one, deadline);
    observe();
    return deliver(live, std::move(one), client, false);
  }
  // Who calls `ready` owns it: perhaps before advance() is back.
  struct Parked {
    std::unique_ptr<Case> one;
    Client client;
  };
  auto* const parked = new Parked{std::move(one), std::move(client)};
  const bool done = live.run.advance(worker, *parked->one, deadline, [this, parked] {
    const std::unique_ptr<Parked> mine(parked);
    admission_.put_back(std::move(mine->one), std::move(mine->client));
  });
  observe();
  if (!done) return;
  const std::unique_ptr<Parked> mine(parked);
  deliver(live, std::move(mine->one), mine->client, false);
}

void Service::go_on(const std::shared_ptr<const LiveRules>& live, Worker& worker, Share& share) {
  for (size_t i = 0; i < share.cases.size(); ++i) {
    Client& client = share.clients[i];
    if (client.live == live) {
      judge_on(worker, std::move(share.cases[i]), std::move(client));
    } else {  // the rules were swapped while it waited
      const std::shared_ptr<const LiveRules> old = client.live;
      Worker old_worker(old->run);
      judge_on(old_worker, std::move(share.cases[i]), std::move(client));
    }
  }
}

void Service::scan(const std::shared_ptr<const LiveRules>& live, Worker& worker, Share& share) {
  batches_.fetch_add(1, std::memory_order_relaxed);
#ifdef WINNOW_TEST_HOOKS
  for (const Message& one : share.messages)
    if (!options_.abort_on.empty() &&
        one.bytes.view().find(options_.abort_on) != std::string_view::npos)
      std::abort();
#endif
  const StageTimes before = worker.times;
  for (const Client& client : share.clients)
    timings_.queue.observe(static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - client.since)
            .count()));
  live->run.compute(worker, share.messages, share.cases);
  observe_stages(before, worker.times, share.messages.size());
  for (size_t i = 0; i < share.messages.size(); ++i) {
    share.cases[i]->message = std::move(share.messages[i]);
    share.clients[i].live = live;
    judge_on(worker, std::move(share.cases[i]), std::move(share.clients[i]));
    if (i % kHandedAtOnce == kHandedAtOnce - 1) handed_();
  }
}

void Service::deliver(const LiveRules& live, std::unique_ptr<Case> one, const Client& client,
                      bool too_late) {
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - client.since);
  client.done({live, *one, too_late, took.count()});
  Hold hold = std::exchange(one->hold, {});
  cases_.give(std::move(one));
  admission_.release(hold);
}

}  // namespace winnow
