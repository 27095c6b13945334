#include "pipeline/lookup/answer_cache.h"

#include <algorithm>

namespace winnow {

namespace {
// Of the list's node, the index's node and the answer, beside their texts.
constexpr size_t kEntryBytes = sizeof(KeptAnswer) + 240;

size_t bytes_of(const std::string& key, const KeptAnswer& answer) {
  size_t sum = kEntryBytes + key.capacity();
  for (const std::string& value : answer.values) sum += sizeof(std::string) + value.capacity();
  return sum;
}
}  // namespace

Answer KeptAnswer::in(Arena& slab, std::string_view server_name, uint32_t age_s) const {
  Answer answer{.state = state,
                .reason = reason,
                .name_exists = name_exists,
                .ttl_s = ttl_s,
                .age_s = age_s,
                .server = slab.copy(server_name)};
  const std::span<std::string_view> copies = slab.alloc<std::string_view>(values.size());
  for (size_t i = 0; i < values.size(); ++i) copies[i] = slab.copy(values[i]);
  answer.values = copies;
  return answer;
}

std::chrono::seconds AnswerCache::holds(const KeptAnswer& answer) const {
  switch (answer.state) {
    case AnswerState::kValue:
      return std::chrono::seconds(std::clamp(answer.ttl_s, bounds_.ttl_min_s, bounds_.ttl_max_s));
    case AnswerState::kNone:
      return std::chrono::seconds(
          std::clamp(answer.ttl_s, bounds_.ttl_min_s, bounds_.negative_ttl_max_s));
    default:
      return std::chrono::seconds(bounds_.failure_ttl_s);
  }
}

void AnswerCache::erase(Place place) {
  bytes_ -= place->bytes;
  index_.erase(place->key);
  entries_.erase(place);
}

AnswerCache::Hit AnswerCache::find(std::string_view key, Clock::time_point now) {
  const auto found = index_.find(key);
  if (found == index_.end()) return {};
  const Place place = found->second;
  if (now >= place->until) {
    erase(place);
    return {};
  }
  entries_.splice(entries_.begin(), entries_, place);
  return {place->answer, std::chrono::duration_cast<std::chrono::seconds>(now - place->since)};
}

void AnswerCache::put(std::string key, std::shared_ptr<const KeptAnswer> answer,
                      Clock::time_point now) {
  if (const auto found = index_.find(key); found != index_.end()) erase(found->second);
  const size_t bytes = bytes_of(key, *answer);
  if (bytes > bounds_.bytes_max) return;
  while (bytes_ + bytes > bounds_.bytes_max) erase(std::prev(entries_.end()));
  const Clock::time_point until = now + holds(*answer);
  entries_.push_front({std::move(key), std::move(answer), now, until, bytes});
  index_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes;
}

}  // namespace winnow
