#include "pipeline/lookup/mx_probes.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pipeline/load.h"

namespace winnow {

namespace {

constexpr size_t kGreetingMax = 512;  // RFC 5321 4.5.3.1.5
constexpr std::string_view kKeyStart = "mx:";

uint32_t holds_s(const MxProbe& probe, std::string_view outcome) {
  if (outcome == "tc") return probe.timeout_s;
  return outcome == "rf" || outcome == "inv" ? probe.failed_s : probe.good_s;
}

// The address and how it is called; the rest of a question only says how long an answer holds.
std::string store_key(const MxProbe& probe) {
  MxProbe plain = probe;
  plain.good_s = plain.failed_s = plain.timeout_s = plain.connect_ms = plain.read_ms = 0;
  return std::string(kKeyStart) + write_mx_probe(plain);
}

// A socket on its way to the server; -1 with errno.
int open_socket(const MxProbe& probe) {
  sockaddr_storage to{};
  socklen_t size = 0;
  if (probe.ip.family == 4) {
    auto& in = reinterpret_cast<sockaddr_in&>(to);
    in.sin_family = AF_INET;
    in.sin_port = htons(probe.port);
    std::memcpy(&in.sin_addr, probe.ip.bytes + 12, 4);
    size = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(to);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(probe.port);
    std::memcpy(&in.sin6_addr, probe.ip.bytes, 16);
    size = sizeof in;
  }
  const int fd = ::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), size) == 0 || errno == EINPROGRESS)
    return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

}  // namespace

struct MxProbes::Wait {
  Evidence* evidence;
  Clock::time_point deadline;
  size_t open = 0;
  bool over = false;  // handed back
  Ready ready;
};

struct MxProbes::Call {
  std::string key;
  MxProbe probe;
  enum class State : uint8_t { kQueued, kConnecting, kReading, kOver } state = State::kQueued;
  int fd = -1;
  Clock::time_point due = {};
  std::string heard = {};
  std::vector<Waiter> waiters = {};
};

MxProbes::MxProbes(std::shared_ptr<Store> kept, const MxProbesOptions& options)
    : options_(options),
      kept_(std::move(kept)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      cache_({.bytes_max = options.cache_bytes_max, .ttl_min_s = 1, .ttl_max_s = 30 * 86'400}) {
  thread_ = std::thread([this] { work(); });
}

MxProbes::~MxProbes() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake();
  thread_.join();
  ::close(wake_);
}

void MxProbes::wake() {
  const uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) < 0) return;  // it is awake already
}

uint64_t MxProbes::calls() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

bool MxProbes::has_open(const Evidence& evidence) {
  for (size_t i = 0; i < evidence.questions.size(); ++i)
    if (evidence.questions[i].kind == QuestionKind::kDialog &&
        evidence.answers[i].state == AnswerState::kOpen)
      return true;
  return false;
}

bool MxProbes::ask(Evidence& evidence, Clock::time_point deadline, Ready ready) {
  const Clock::time_point now = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Wait> wait;
    for (size_t i = 0; i < evidence.questions.size(); ++i) {
      const Question& question = evidence.questions[i];
      Answer& answer = evidence.answers[i];
      if (question.kind != QuestionKind::kDialog || answer.state != AnswerState::kOpen) continue;
      answer = {.state = AnswerState::kUnknown, .reason = UnknownReason::kNoTable};
      if (question.type != kMxProbe) continue;
      const std::optional<MxProbe> probe = read_mx_probe(question.key);
      if (!probe) continue;
      if (const AnswerCache::Hit hit = cache_.find(question.key, now); hit.answer) {
        answer = hit.answer->in(evidence.slab, {}, static_cast<uint32_t>(hit.age.count()));
        continue;
      }
      answer = {};
      if (!wait) {
        wait = std::make_shared<Wait>(Wait{&evidence, deadline, 0, false, nullptr});
        if (deadline != Clock::time_point::max()) waits_.push_back(wait);
      }
      const auto [at, fresh] = by_key_.try_emplace(std::string(question.key));
      if (fresh) at->second = calls_.insert(calls_.end(), Call{.key = at->first, .probe = *probe});
      at->second->waiters.push_back({wait, i});
      ++wait->open;
    }
    if (!wait) return true;
    wait->ready = std::move(ready);
  }
  wake();
  return false;
}

// What another process, or this one before its restart, found out. REQUIRED: the mutex is not held.
bool MxProbes::recall(Call& call) {
  if (!kept_) return false;
  const std::string key = store_key(call.probe);
  const std::string_view keys[] = {key};
  const auto found = kept_->get(keys, clock_ms());
  if (!found || !(*found)[0]) return false;
  end(call, *(*found)[0], UnknownReason::kNotUnknown);
  return true;
}

// REQUIRED: the mutex is not held; the call is kQueued.
void MxProbes::begin(Call& call) {
  if (recall(call)) return;
  {
    const std::lock_guard lock(mutex_);
    ++begun_;
  }
  call.fd = open_socket(call.probe);
  if (call.fd < 0)
    return errno == ECONNREFUSED ? end(call, "rf", UnknownReason::kNotUnknown)
                                 : end(call, {}, UnknownReason::kServerFailure);
  call.state = Call::State::kConnecting;
  call.due = Clock::now() + std::chrono::milliseconds(call.probe.connect_ms);
}

void MxProbes::connected(Call& call, Clock::time_point now) {
  int why = 0;
  socklen_t size = sizeof why;
  ::getsockopt(call.fd, SOL_SOCKET, SO_ERROR, &why, &size);
  if (why == ETIMEDOUT) return end(call, "tc", UnknownReason::kNotUnknown);
  if (why == ECONNREFUSED || why == ECONNRESET) return end(call, "rf", UnknownReason::kNotUnknown);
  if (why != 0) return end(call, {}, UnknownReason::kServerFailure);
  if (!call.probe.greeting) return end(call, "gd", UnknownReason::kNotUnknown);
  call.state = Call::State::kReading;
  call.due = now + std::chrono::milliseconds(call.probe.read_ms);
}

void MxProbes::heard(Call& call) {
  char bytes[kGreetingMax];
  const ssize_t got = ::recv(call.fd, bytes, kGreetingMax - call.heard.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) call.heard.append(bytes, static_cast<size_t>(got));
  const bool whole = call.heard.find('\n') != std::string::npos;
  if (!whole && got > 0 && call.heard.size() < kGreetingMax) return;
  const std::string outcome = whole ? mx_greeting_outcome(call.heard) : "inv";
  constexpr std::string_view kQuit = "QUIT\r\n";
  if (call.probe.quit && outcome != "inv")
    static_cast<void>(::send(call.fd, kQuit.data(), kQuit.size(), MSG_NOSIGNAL));
  end(call, outcome, UnknownReason::kNotUnknown);
}

void MxProbes::look_at(Call& call, short events, Clock::time_point now) {
  if (events != 0) {
    if (call.state == Call::State::kConnecting)
      connected(call, now);
    else
      heard(call);
  }
  if (call.state == Call::State::kOver || now < call.due) return;
  end(call, call.state == Call::State::kConnecting ? "tc" : "tr", UnknownReason::kNotUnknown);
}

// Gives what came of it to all that wait for it. An empty outcome is unknown.
void MxProbes::end(Call& call, std::string_view outcome, UnknownReason reason) {
  if (call.fd >= 0) ::close(call.fd);
  call.fd = -1;
  const bool called = call.state != Call::State::kQueued;
  call.state = Call::State::kOver;
  auto kept = std::make_shared<KeptAnswer>();
  kept->reason = reason;
  if (!outcome.empty()) {
    kept->state = AnswerState::kValue;
    kept->ttl_s = holds_s(call.probe, outcome);
    kept->values = {std::string(outcome)};
  }
  if (kept_ && called && !outcome.empty()) {
    StoreBatch batch;
    batch.set(store_key(call.probe), outcome, clock_ms() + int64_t{kept->ttl_s} * 1'000);
    // A store that is away or full costs another call, nothing else.
    if (const Result<bool> done = kept_->apply(batch, clock_ms()); !done) batch.clear();
  }
  const std::lock_guard lock(mutex_);
  for (const Waiter& waiter : call.waiters) {
    Wait& wait = *waiter.wait;
    if (wait.over) continue;
    wait.evidence->answers[waiter.question] = kept->in(wait.evidence->slab, {}, 0);
    if (--wait.open > 0) continue;
    wait.over = true;
    ready_.push_back(std::move(wait.ready));
  }
  by_key_.erase(call.key);
  cache_.put(call.key, kept, Clock::now());
}

// REQUIRED: the mutex is held.
void MxProbes::end_late(Clock::time_point now) {
  for (const std::shared_ptr<Wait>& wait : waits_) {
    if (wait->over || now < wait->deadline) continue;
    wait->over = true;
    ready_.push_back(std::move(wait->ready));
  }
  std::erase_if(waits_, [](const std::shared_ptr<Wait>& wait) { return wait->over; });
}

void MxProbes::work() {
  std::vector<pollfd> polled;
  std::vector<Call*> of;
  for (bool stop = false; !stop;) {
    std::vector<Call*> open;
    {
      const std::lock_guard lock(mutex_);
      stop = stop_;
      for (Call& call : calls_)
        if (open.size() < options_.calls_max) open.push_back(&call);
    }
    // Calls are taken out by this thread alone, so these stay where they are.
    polled.assign(1, {wake_, POLLIN, 0});
    of.assign(1, nullptr);
    Clock::time_point first = Clock::time_point::max();
    bool over = false;
    for (Call* const call : open) {
      if (stop)
        end(*call, {}, UnknownReason::kTimeout);
      else if (call->state == Call::State::kQueued)
        begin(*call);
      over |= call->state == Call::State::kOver;
      if (call->state == Call::State::kOver) continue;
      const bool connecting = call->state == Call::State::kConnecting;
      polled.push_back({call->fd, static_cast<short>(connecting ? POLLOUT : POLLIN), 0});
      of.push_back(call);
      first = std::min(first, call->due);
    }
    std::vector<Ready> ready;
    {
      const std::lock_guard lock(mutex_);
      for (const std::shared_ptr<Wait>& wait : waits_)
        if (!wait->over) first = std::min(first, wait->deadline);
      // Who waits for its turn has it now.
      if (over && !calls_.empty()) first = Clock::now();
    }
    int wait_ms = -1;
    if (first != Clock::time_point::max())
      wait_ms = static_cast<int>(std::clamp<int64_t>(
          std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count(), 0, 60'000));
    if (!stop) ::poll(polled.data(), polled.size(), wait_ms);
    uint64_t times = 0;
    if (polled[0].revents != 0 && ::read(wake_, &times, sizeof times) < 0) times = 0;
    const Clock::time_point now = Clock::now();
    for (size_t i = 1; i < polled.size() && !stop; ++i) look_at(*of[i], polled[i].revents, now);
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(calls_, [](const Call& call) { return call.state == Call::State::kOver; });
      if (stop) stop = calls_.empty();
      end_late(now);
      ready.swap(ready_);
    }
    for (const Ready& one : ready) one();
  }
}

}  // namespace winnow
