#include "pipeline/lookup/lookup.h"

#include <algorithm>
#include <utility>

namespace winnow {

namespace {

std::string key_of(uint16_t type, std::string_view name) {
  std::string key(1, static_cast<char>(type >> 8));
  key += static_cast<char>(type & 0xFF);
  key += name;
  return key;
}

constexpr uint16_t kTypeA = 1;

uint32_t hash_of(std::string_view name) {
  return static_cast<uint32_t>(std::hash<std::string_view>()(name));
}

}  // namespace

// One case that waits.
struct Lookup::Wait {
  Evidence* evidence;
  std::vector<LookupTrace>* traces;
  size_t open;
  bool over = false;  // handed back: the evidence belongs to somebody else
  Ready ready;
};

void ReplyTime::add(Duration took) {
  const int64_t us = took.count();
  if (replies_++ == 0) {
    mean_us_ = us;
    deviation_us_ = us / 2;
    return;
  }
  deviation_us_ += (std::abs(us - mean_us_) - deviation_us_) / 4;
  mean_us_ += (us - mean_us_) / 8;
}

ReplyTime::Duration ReplyTime::patience() const {
  if (replies_ < kRepliesMin) return Duration::max();
  return std::max(kLeast, Duration(mean_us_ + 4 * deviation_us_));
}

// One name that is being asked.
struct Lookup::Flight {
  std::string key;   // of the question
  std::string name;  // that is asked now: the question's, or what it is an alias of
  uint16_t type;
  unsigned tries = 0, aliases = 0, resends = 0;
  uint32_t tried = 0;           // servers, as bits
  size_t server = 0;            // of the last try, then of the reply
  uint32_t ttl_s = UINT32_MAX;  // least of the aliases
  Clock::time_point since = {};
  std::vector<uint64_t> tokens = {};  // of packets that may still be replied to
  std::vector<Waiter> waiters = {};
  std::string probe = {};  // the list that it is a probe of
};

Lookup::Lookup(const LookupOptions& options)
    : options_(options),
      cache_(options.cache),
      health_(options.dns.servers),
      watch_(options.probe),
      client_(options.dns, [this](uint64_t token, Arrival what, std::span<const uint8_t> packet) {
        arrived(token, what, packet);
      }) {
  for (const DnsServer& server : options_.dns.servers.list)
    servers_.emplace_back().name = server.text();
  reply_times_.resize(servers_.size());
  thread_ = std::thread([this] { work(); });
}

Lookup::~Lookup() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  client_.wake();
  thread_.join();
}

void Lookup::watch(const std::vector<DnsList>& lists,
                   std::function<void(const std::string&)> tell) {
  {
    const std::lock_guard lock(mutex_);
    watch_.tell_to(std::move(tell));
    watch_.use(lists, Clock::now());
  }
  client_.wake();
}

std::vector<ListWatch::Counts> Lookup::lists() const {
  const std::lock_guard lock(mutex_);
  return watch_.counts();
}

bool Lookup::server_alive(size_t server) const {
  const std::lock_guard lock(mutex_);
  return health_.alive(server, Clock::now());
}

std::string_view Lookup::server_name(const KeptAnswer& answer) const {
  if (answer.server == KeptAnswer::kHosts) return "hosts";
  return answer.server < servers_.size() ? servers_[answer.server].name : std::string_view();
}

size_t Lookup::cache_bytes() const {
  const std::lock_guard lock(mutex_);
  return cache_.bytes();
}

size_t Lookup::cache_entries() const {
  const std::lock_guard lock(mutex_);
  return cache_.entries();
}

bool Lookup::ask(Evidence& evidence, Clock::time_point deadline, Ready ready,
                 std::vector<LookupTrace>* traces) {
  const Clock::time_point now = Clock::now();
  if (traces) traces->resize(evidence.questions.size());
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Wait> wait;
    for (size_t i = 0; i < evidence.questions.size(); ++i) {
      const Question& question = evidence.questions[i];
      Answer& answer = evidence.answers[i];
      if (answer.state != AnswerState::kOpen) continue;
      if (question.kind != QuestionKind::kDns) {
        answer = {.state = AnswerState::kUnknown, .reason = UnknownReason::kNoTable};
        continue;
      }
      counts_.questions.fetch_add(1, std::memory_order_relaxed);
      if (!watch_.all_in_use() && question.type == kTypeA) {
        const uint32_t list = watch_.find(question.key);
        if (list != kNoIndex && !watch_.in_use(list)) {
          watch_.refused(list);
          answer = {.state = AnswerState::kUnknown, .reason = UnknownReason::kNotAllowed};
          continue;
        }
      }
      if (const auto* const known = options_.hosts.find(question.key, question.type)) {
        const auto kept = std::make_shared<const KeptAnswer>(KeptAnswer{
            .state = AnswerState::kValue, .values = *known, .server = KeptAnswer::kHosts});
        answer = kept->in(evidence.slab, server_name(*kept), 0);
        if (traces) (*traces)[i] = {false, {}, kept};
        continue;
      }
      std::string key = key_of(question.type, question.key);
      if (const AnswerCache::Hit hit = cache_.find(key, now); hit.answer) {
        counts_.cached.fetch_add(1, std::memory_order_relaxed);
        answer = hit.answer->in(evidence.slab, server_name(*hit.answer),
                                static_cast<uint32_t>(hit.age.count()));
        if (traces) (*traces)[i] = {true, hit.age, hit.answer};
        continue;
      }
      std::unique_ptr<Flight>& flight = flights_[key];
      if (flight) {
        counts_.merged.fetch_add(1, std::memory_order_relaxed);
      } else {
        flight = std::make_unique<Flight>(Flight{
            .key = std::move(key), .name = std::string(question.key), .type = question.type});
        flight->since = now;
        queue_.push_back(flight.get());
        wake = true;
      }
      if (!wait) wait = std::make_shared<Wait>(Wait{&evidence, traces, 0, false, nullptr});
      ++wait->open;
      flight->waiters.push_back({wait, i});
    }
    if (!wait) return true;
    wait->ready = std::move(ready);
    if (deadline != Clock::time_point::max()) {
      // The thread sleeps until the first deadline that it knows.
      wake |= deadlines_.empty() || deadline < deadlines_.top().deadline;
      deadlines_.push({deadline, std::move(wait)});
    }
  }
  if (wake) client_.wake();
  return false;
}

// Hands a flight to a server. A name that cannot be one does not exist.
void Lookup::start(Flight& flight) {
  ++flight.tries;
  flight.resends = 0;
  if (send(flight)) return;
  --in_flight_;
  KeptAnswer none;
  none.state = AnswerState::kNone;
  none.name_exists = false;
  none.ttl_s = UINT32_MAX;
  land(flight, std::move(none));
}

bool Lookup::send(Flight& flight) {
  const Clock::time_point now = Clock::now();
  flight.server = health_.choose(hash_of(flight.name), flight.tried, now);
  flight.tried |= 1u << flight.server;
  const uint64_t token = next_token_++;
  if (!client_.send(flight.server, token, flight.name, flight.type)) return false;
  servers_[flight.server].sent.fetch_add(1, std::memory_order_relaxed);
  sent_.emplace(token, Sent{&flight, flight.server, now, flight.resends == 0 ? flight.tries : 0});
  flight.tokens.push_back(token);
  const ReplyTime::Duration patience = reply_times_[flight.server].patience();
  const bool worth_it = flight.tries == 1 && flight.resends < kResendsMax &&
                        patience < std::chrono::milliseconds(options_.dns.timeout_ms);
  if (worth_it) resends_.push({now + patience * (1 << flight.resends), token});
  return true;
}

// Sends again what was probably lost. REQUIRED: the mutex is held.
void Lookup::resend(Clock::time_point now) {
  while (!resends_.empty() && resends_.top().due <= now) {
    const auto found = sent_.find(resends_.top().token);
    resends_.pop();
    if (found == sent_.end()) continue;
    Flight& flight = *found->second.flight;
    if (flight.tries > 1) continue;
    ++flight.resends;
    if (send(flight)) servers_[flight.server].resent.fetch_add(1, std::memory_order_relaxed);
  }
}

// Late replies to packets of the flight are nobody's.
void Lookup::forget_packets(Flight& flight) {
  for (const uint64_t token : flight.tokens) sent_.erase(token);
  flight.tokens.clear();
}

void Lookup::arrived(uint64_t token, Arrival what, std::span<const uint8_t> packet) {
  const auto found = sent_.find(token);
  if (found == sent_.end()) return;
  const Sent sent = found->second;
  Flight& flight = *sent.flight;
  sent_.erase(found);
  std::erase(flight.tokens, token);
  LookupCounts::Server& server = servers_[sent.server];
  DnsReply reply;
  if (what == Arrival::kReply) reply = read_dns_reply(packet, flight.name, flight.type);
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(mutex_);
  if (what == Arrival::kReply) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - sent.at);
    server.replies.fetch_add(1, std::memory_order_relaxed);
    server.latency.observe(static_cast<uint64_t>(took.count()));
    reply_times_[sent.server].add(took);
    health_.answered(sent.server);
    flight.server = sent.server;
    forget_packets(flight);
    settle(flight, reply);
    return;
  }
  const bool timeout = what == Arrival::kTimeout;
  (timeout ? server.timeouts : server.failures).fetch_add(1, std::memory_order_relaxed);
  health_.failed(sent.server, now);
  const UnknownReason reason = timeout ? UnknownReason::kTimeout : UnknownReason::kServerFailure;
  // Packets sent later may still be replied to, beside those of the next try.
  const bool is_over = sent.opens == flight.tries && can_try_again(flight, reason);
  if (!flight.tokens.empty() && !is_over) return;
  again_or_unknown(flight, reason);
}

void Lookup::settle(Flight& flight, const DnsReply& reply) {
  KeptAnswer answer;
  answer.authentic = reply.authentic;
  flight.ttl_s = std::min(flight.ttl_s, reply.ttl_s);
  answer.ttl_s = flight.ttl_s;
  switch (reply.outcome) {
    case DnsOutcome::kValue:
      answer.state = AnswerState::kValue;
      answer.values = reply.values;
      break;
    case DnsOutcome::kAlias:
      if (++flight.aliases > kDnsAliasesMax || reply.alias.find('\\') != std::string::npos)
        return again_or_unknown(flight, UnknownReason::kBroken);
      flight.name = reply.alias;
      flight.tries = 0;
      flight.tried = 0;
      return start(flight);
    case DnsOutcome::kNoData:
    case DnsOutcome::kNoName:
      answer.state = AnswerState::kNone;
      answer.name_exists = reply.outcome == DnsOutcome::kNoData;
      break;
    case DnsOutcome::kServerFailure:
      return again_or_unknown(flight, UnknownReason::kServerFailure);
    case DnsOutcome::kRefused:
      return again_or_unknown(flight, UnknownReason::kRefused);
    case DnsOutcome::kBroken:
      return again_or_unknown(flight, UnknownReason::kBroken);
  }
  --in_flight_;
  land(flight, std::move(answer));
}

// A time-out may be one lost packet; a server that says that it cannot tell says it again.
bool Lookup::can_try_again(const Flight& flight, UnknownReason reason) const {
  const size_t n = options_.dns.servers.list.size();
  const uint32_t all = n >= 32 ? UINT32_MAX : (1u << n) - 1;
  const bool worth_it = reason == UnknownReason::kTimeout || flight.tried != all;
  return flight.tries <= options_.retransmits && worth_it && !stop_;
}

void Lookup::again_or_unknown(Flight& flight, UnknownReason reason) {
  if (can_try_again(flight, reason)) return start(flight);
  --in_flight_;
  KeptAnswer answer;
  answer.reason = reason;
  counts_.unknown.fetch_add(1, std::memory_order_relaxed);
  land(flight, std::move(answer));
}

// Gives the answer to all that wait for it. The flight is gone afterwards.
void Lookup::land(Flight& flight, KeptAnswer&& answer) {
  forget_packets(flight);
  const Clock::time_point now = Clock::now();
  answer.server = static_cast<uint32_t>(flight.server);
  answer.took_us = static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now - flight.since).count());
  if (!flight.probe.empty()) {
    watch_.probed(flight.probe, answer, now);
    flights_.erase(flights_.find(flight.key));
    return;
  }
  if (flight.type == kTypeA)
    if (const uint32_t list = watch_.find(std::string_view(flight.key).substr(2)); list != kNoIndex)
      watch_.check(list, answer, now);
  const auto kept = std::make_shared<const KeptAnswer>(std::move(answer));
  for (const Waiter& waiter : flight.waiters) {
    Wait& wait = *waiter.wait;
    if (wait.over) continue;
    wait.evidence->answers[waiter.question] = kept->in(wait.evidence->slab, server_name(*kept), 0);
    if (wait.traces) (*wait.traces)[waiter.question] = {false, {}, kept};
    if (--wait.open > 0) continue;
    wait.over = true;
    ready_.push_back(std::move(wait.ready));
  }
  auto node = flights_.extract(flight.key);
  cache_.put(std::move(node.mapped()->key), kept, now);
}

// Cases whose deadline is over go on with what there is.
void Lookup::end_late(Clock::time_point now) {
  while (!deadlines_.empty() && (deadlines_.top().wait->over || deadlines_.top().deadline <= now)) {
    Wait& wait = *deadlines_.top().wait;
    if (!wait.over) {
      wait.over = true;
      counts_.late.fetch_add(1, std::memory_order_relaxed);
      ready_.push_back(std::move(wait.ready));
    }
    deadlines_.pop();
  }
}

void Lookup::start_probes(Clock::time_point now) {
  while (std::optional<ListWatch::Probe> probe = watch_.next_probe(now, probe_random_())) {
    std::string key = key_of(kTypeA, probe->name) + '\0';  // nobody else's
    auto flight = std::make_unique<Flight>(
        Flight{.key = key, .name = std::move(probe->name), .type = kTypeA});
    flight->since = now;
    flight->probe = std::move(probe->zone);
    queue_.push_back(flight.get());
    flights_[std::move(key)] = std::move(flight);
  }
}

int Lookup::next_deadline_ms(Clock::time_point now) const {
  Clock::time_point first = watch_.next_due();
  if (!resends_.empty()) first = std::min(first, resends_.top().due);
  if (!deadlines_.empty()) first = std::min(first, deadlines_.top().deadline);
  if (first == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - now).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

void Lookup::work() {
  std::vector<Ready> ready;
  for (bool stop = false; !stop;) {
    int wait_ms = -1;
    {
      const std::lock_guard lock(mutex_);
      stop = stop_;
      if (!stop) start_probes(Clock::now());
      while (!queue_.empty() && in_flight_ < options_.in_flight_max && !stop) {
        Flight& flight = *queue_.front();
        queue_.pop_front();
        ++in_flight_;
        start(flight);
      }
      const Clock::time_point now = Clock::now();
      if (!stop) resend(now);
      if (stop)
        while (!flights_.empty())
          land(*flights_.begin()->second, {.reason = UnknownReason::kTimeout});
      end_late(now);
      wait_ms = next_deadline_ms(now);
      ready.swap(ready_);
    }
    for (const Ready& one : ready) one();
    const bool some = !ready.empty();
    ready.clear();
    if (!stop) client_.run(some ? 0 : wait_ms);
  }
}

}  // namespace winnow
