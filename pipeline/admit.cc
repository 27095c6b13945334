#include "pipeline/admit.h"

#include <algorithm>

namespace winnow {

using Clock = std::chrono::steady_clock;

bool Admission::room(uint64_t bytes) const {
  if (messages_ == 0) return true;
  return held_ + bytes <= options_.byte_budget &&
         (options_.messages_max == 0 || messages_ < options_.messages_max);
}

bool Admission::try_reserve(uint64_t bytes, Hold& hold) {
  const std::lock_guard lock(mutex_);
  if (!room(bytes)) return false;
  hold = {bytes, true, false};
  held_ += bytes;
  ++messages_;
  return true;
}

void Admission::reserve(uint64_t bytes, Hold& hold) {
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [&] { return !far_ahead_; });
  room_.wait(lock, [&] { return room(bytes); });
  hold = {bytes, true, false};
  held_ += bytes;
  ++messages_;
}

bool Admission::may_read(Hold& hold) {
  const std::lock_guard lock(mutex_);
  // Messages that are whole always come to an end: nobody needs to pass them.
  const bool full = options_.messages_max > 0 && messages_ >= options_.messages_max;
  if (!full && (hold.overdraft || held_ < options_.byte_budget)) return true;
  if (!full && !overdrawn_) return overdrawn_ = hold.overdraft = true;
  refused_ = true;
  return false;
}

void Admission::set(Hold& hold, uint64_t bytes, bool message) {
  {
    const std::lock_guard lock(mutex_);
    held_ += bytes - hold.bytes;
    messages_ += uint64_t{message} - uint64_t{hold.message};
    hold.bytes = bytes;
    hold.message = message;
    if (hold.overdraft && bytes == 0) overdrawn_ = hold.overdraft = false;
  }
  tell_room();
}

void Admission::release(Hold& hold) {
  {
    const std::lock_guard lock(mutex_);
    held_ -= hold.bytes;
    messages_ -= hold.message;
    if (hold.overdraft) overdrawn_ = false;
    hold = {};
  }
  tell_room();
}

void Admission::tell_room() {
  room_.notify_all();
  {
    const std::lock_guard lock(mutex_);
    if (!refused_ || (held_ >= options_.byte_budget && overdrawn_)) return;
    refused_ = false;
  }
  if (hook_) hook_();
}

void Share::clear() {
  messages.clear();
  cases.clear();
  clients.clear();
  answered = false;
}

bool Admission::put(Message&& message, std::unique_ptr<Case> one, Client&& client, bool here) {
  const uint64_t size = message.bytes.size();
  const Lane lane = size <= kSmallBytes ? kSmall : size <= kLargeBytes ? kLarge : kAlone;
  {
    const std::lock_guard lock(mutex_);
    const bool idle = here && lane == kSmall && idle_ == options_.workers && answered_.empty();
    const bool alone = idle && !promised_ && next_lane(true) < 0;
    const bool joins = idle && promised_ && lanes_[kSmall].size() < here_rows();
    lanes_[lane].push_back({std::move(message), std::move(one), std::move(client)});
    if (lane != kAlone) ahead_ += size;
    far_ahead_ = far_ahead_ || (options_.ahead_max > 0 && ahead_ >= options_.ahead_max);
    if (alone) return promised_ = true;
    if (joins) return false;
  }
  // The worker that is woken may be the one that leaves large messages alone.
  if (lane == kAlone)
    ready_.notify_all();
  else
    ready_.notify_one();
  return false;
}

void Admission::put_back(std::unique_ptr<Case> one, Client&& client) {
  const std::lock_guard lock(mutex_);
  answered_.push_back({{}, std::move(one), std::move(client)});
  ready_.notify_one();  // before another may take it, and with the last one end all this
}

// The lane whose turn it is, of those in which something waits; -1 where nothing does.
int Admission::next_lane(bool takes_alone) const {
  const int lanes = takes_alone ? kLanes : kAlone;
  for (int i = 0; i < lanes; ++i) {
    const int lane = (turn_ + i) % lanes;
    if (!lanes_[lane].empty()) return lane;
  }
  return -1;
}

// As many as make one batch: at most `rows`, and bytes_max.
void Admission::take_rows(Lane from, size_t rows, Share& share) {
  std::deque<Waiting>& lane = lanes_[from];
  uint64_t bytes = 0;
  while (share.cases.size() < rows && !lane.empty()) {
    Waiting& next = lane.front();
    const uint64_t size = next.message.bytes.size();
    if (!share.cases.empty() && bytes + size > options_.bytes_max) break;
    bytes += size;
    share.messages.push_back(std::move(next.message));
    share.cases.push_back(std::move(next.one));
    share.clients.push_back(std::move(next.client));
    lane.pop_front();
  }
  if (from != kAlone) note_taken(bytes);
}

bool Admission::far_ahead() const {
  const std::lock_guard lock(mutex_);
  return far_ahead_;
}

void Admission::note_taken(uint64_t bytes) {
  ahead_ -= bytes;
  if (!far_ahead_ || ahead_ > options_.ahead_max / 2) return;
  far_ahead_ = false;
  taken_.notify_all();
}

uint32_t Admission::here_rows() const {
  return options_.workers == 1 ? std::clamp(options_.rows_max, 1u, kHereRows) : 1;
}

bool Admission::take_here(Share& share) {
  const std::lock_guard lock(mutex_);
  promised_ = false;
  take_rows(kSmall, here_rows(), share);
  if (!lanes_[kSmall].empty()) ready_.notify_one();  // what joined and does not fit
  return !share.cases.empty();
}

void Admission::take_over() {
  {
    const std::lock_guard lock(mutex_);
    promised_ = false;
  }
  ready_.notify_all();
}

bool Admission::take(bool wait, bool takes_alone, Share& share) {
  std::unique_lock lock(mutex_);
  if (wait) {
    ++idle_;
    ready_.wait(lock, [&] { return stop_ || !answered_.empty() || next_lane(takes_alone) >= 0; });
    --idle_;
  }
  if (!answered_.empty()) {
    share.answered = true;
    for (uint32_t i = 0; i < std::max(1u, options_.rows_max) && !answered_.empty(); ++i) {
      share.cases.push_back(std::move(answered_.front().one));
      share.clients.push_back(std::move(answered_.front().client));
      answered_.pop_front();
    }
    return true;
  }
  const int found = next_lane(takes_alone);
  if (found < 0) return false;
  turn_ = (found + 1) % kLanes;
  const size_t workers = std::max(1u, options_.workers);
  const size_t fair = (lanes_[found].size() + workers - 1) / workers;
  const size_t rows =
      found == kAlone ? 1 : std::clamp<size_t>(fair, 1, std::max(1u, options_.rows_max));
  take_rows(static_cast<Lane>(found), rows, share);
  return true;
}

void Admission::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ready_.notify_all();
}

void Admission::wait_empty() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return messages_ == 0; });
}

uint64_t Admission::waiting() const {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const std::deque<Waiting>& lane : lanes_) sum += lane.size();
  return sum;
}

uint64_t Admission::held_bytes() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::chrono::milliseconds Admission::oldest() const {
  const std::lock_guard lock(mutex_);
  Clock::time_point first = Clock::time_point::max();
  for (const std::deque<Waiting>& lane : lanes_)
    if (!lane.empty()) first = std::min(first, lane.front().client.since);
  if (first == Clock::time_point::max()) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - first);
}

}  // namespace winnow
