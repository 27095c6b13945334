#include "pipeline/lookup/list_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/mime/ip.h"

namespace winnow {

namespace {

// Whether the list may give the address.
bool is_valid(const DnsList& list, std::string_view address) {
  const std::optional<IpAddress> ip = parse_ip(address);
  if (!ip || ip->family != 4) return false;
  uint32_t number = 0;
  for (int i = 12; i < 16; ++i) number = number << 8 | ip->bytes[i];
  if (number >> 24 == 127) return true;
  return std::ranges::any_of(
      list.also, [&](const auto& one) { return number >= one.first && number <= one.second; });
}

}  // namespace

void ListWatch::use(const std::vector<DnsList>& lists, Clock::time_point now) {
  std::vector<State> states;
  std::unordered_map<std::string, uint32_t> by_zone;
  for (const DnsList& list : lists) {
    const auto [at, fresh] = by_zone.emplace(list.zone, static_cast<uint32_t>(states.size()));
    if (!fresh) {  // several rules of one zone: what one of them allows is allowed
      State& known = states[at->second];
      known.list.also.insert(known.list.also.end(), list.also.begin(), list.also.end());
      known.list.monitored |= list.monitored;
      continue;
    }
    const auto before = by_zone_.find(list.zone);
    State state = before == by_zone_.end() ? State{} : std::move(states_[before->second]);
    state.list = list;
    state.counts.zone = list.zone;
    states.push_back(std::move(state));
  }
  for (State& state : states) {
    if (state.list.monitored && !state.watched && !state.probing) state.due = now + probe_ / 10;
    if (!state.list.monitored) state.due = Clock::time_point::max();
    state.watched = state.list.monitored;
  }
  states_ = std::move(states);
  out_ = static_cast<uint32_t>(
      std::ranges::count_if(states_, [](const State& state) { return !state.counts.in_use; }));
  by_zone_ = std::move(by_zone);
}

uint32_t ListWatch::find(std::string_view name) const {
  if (by_zone_.empty()) return kNoIndex;
  // Zones have few labels; addresses in reverse have many: from the shortest suffix up.
  thread_local std::string key;
  size_t dot = name.size();
  for (int labels = 0; labels < 12 && dot != 0 && dot != std::string_view::npos; ++labels) {
    dot = name.rfind('.', dot - 1);
    if (dot == std::string_view::npos) break;
    key.assign(name.substr(dot + 1));
    if (const auto at = by_zone_.find(key); at != by_zone_.end()) return at->second;
  }
  return kNoIndex;
}

void ListWatch::trip(State& state, std::string why, Clock::time_point now) {
  state.factor = 1;
  if (state.list.monitored && !state.probing) state.due = now + probe_ / 10;
  if (!state.counts.in_use) return;
  ++state.counts.trips;
  state.counts.in_use = false;
  ++out_;
  // Without probes nothing would bring it back.
  if (!state.list.monitored) state.due = now + probe_;
  if (tell_) tell_(fmt::format("list {} is out of use: {}", state.counts.zone, why));
}

void ListWatch::check(uint32_t list, KeptAnswer& answer, Clock::time_point now) {
  State& state = states_[list];
  ++state.counts.answers;
  if (answer.state == AnswerState::kUnknown) {
    ++state.counts.unknown;
    return;
  }
  const bool hit = answer.state == AnswerState::kValue;
  state.counts.hits += hit;
  for (const std::string& value : answer.values) {
    if (is_valid(state.list, value)) continue;
    trip(state, fmt::format("it answered {}, which no list does", value), now);
    answer.state = AnswerState::kUnknown;
    answer.reason = UnknownReason::kBroken;
    answer.values.clear();
    ++state.counts.unknown;
    return;
  }
  ++state.window_answers;
  state.window_hits += hit;
  if (state.window_answers < kWindow) return;
  const double share = static_cast<double>(state.window_hits) / kWindow;
  state.window_answers = state.window_hits = 0;
  if (share > kJumpShare && state.share >= 0 && state.share < kJumpShare / 2)
    trip(state,
         fmt::format("it knows {:.0f} % of the names, before {:.0f} %", share * 100,
                     state.share * 100),
         now);
  else
    state.share = share;
}

std::optional<ListWatch::Probe> ListWatch::next_probe(Clock::time_point now, uint64_t random) {
  for (uint32_t i = 0; i < states_.size(); ++i) {
    State& state = states_[i];
    if (state.probing || state.due > now) continue;
    state.probing = true;
    state.due = Clock::time_point::max();
    ++state.counts.probes;
    std::string label = state.list.probe;
    if (label.empty())
      for (int k = 0; k < 16; ++k, random /= 26) label += static_cast<char>('a' + random % 26);
    return Probe{state.list.zone, label + "." + state.list.zone};
  }
  return std::nullopt;
}

void ListWatch::probed(std::string_view zone, const KeptAnswer& answer, Clock::time_point now) {
  const auto at = by_zone_.find(std::string(zone));
  if (at == by_zone_.end()) return;  // no rule has it any more
  State& state = states_[at->second];
  state.probing = false;
  if (answer.state == AnswerState::kNone) {
    state.errors = 0;
    if (!state.counts.in_use) {
      state.counts.in_use = true;
      --out_;
      state.window_answers = state.window_hits = 0;
      if (tell_) tell_(fmt::format("list {} is in use again", state.counts.zone));
    }
    state.due = state.list.monitored ? now + probe_ * state.factor : Clock::time_point::max();
    state.factor = std::min(state.factor * 2, kProbeFactorMax);
    return;
  }
  state.factor = 1;
  state.due = now + probe_ / 10;
  if (++state.errors < kErrorsMax) return;
  state.due = now + probe_;
  trip(state,
       answer.state == AnswerState::kValue ? "it knows a name that nobody listed"
                                           : "its probes have no answer",
       now);
  state.due = now + probe_;
}

ListWatch::Clock::time_point ListWatch::next_due() const {
  Clock::time_point first = Clock::time_point::max();
  for (const State& state : states_)
    if (!state.probing) first = std::min(first, state.due);
  return first;
}

std::vector<ListWatch::Counts> ListWatch::counts() const {
  std::vector<Counts> out;
  for (const State& state : states_) out.push_back(state.counts);
  return out;
}

}  // namespace winnow
