#include "pipeline/lookup/store/memory_store.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

namespace winnow {

namespace {

// An ordered map that can go back to where a batch began.
class MemoryTable final : public StoreTable {
 public:
  MemoryTable(uint64_t limit, std::span<const PackedFamily> packed)
      : StoreTable(packed), limit_(limit) {}

  Result<std::optional<std::string_view>> find(std::string_view key) override {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::optional<std::string_view>();
    return std::optional<std::string_view>(found->second);
  }
  Result<std::optional<Entry>> seek(std::string_view from) override {
    const auto found = entries_.lower_bound(from);
    if (found == entries_.end()) return std::optional<Entry>();
    return std::optional<Entry>(Entry{found->first, found->second});
  }
  Result<void> put(std::string_view key, std::string_view value) override {
    const auto found = entries_.find(key);
    const uint64_t before = found == entries_.end() ? 0 : key.size() + found->second.size();
    if (bytes_ - before + key.size() + value.size() > limit_)
      return fail(fmt::format("the store is full: {} of {} bytes are used", bytes_, limit_));
    bytes_ += key.size() + value.size() - before;
    if (found == entries_.end()) {
      undo_.emplace_back(key, std::nullopt);
      entries_.emplace(key, value);
    } else {
      undo_.emplace_back(key, std::exchange(found->second, std::string(value)));
    }
    return {};
  }
  Result<void> erase(std::string_view key) override {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return {};
    bytes_ -= key.size() + found->second.size();
    undo_.emplace_back(key, std::move(found->second));
    entries_.erase(found);
    return {};
  }

  void begin() { undo_.clear(), bytes_before_ = bytes_; }
  void undo() {
    for (; !undo_.empty(); undo_.pop_back()) {
      auto& [key, value] = undo_.back();
      if (value)
        entries_[key] = std::move(*value);
      else
        entries_.erase(key);
    }
    bytes_ = bytes_before_;
  }
  StoreSize size() const { return {bytes_, limit_}; }

 private:
  const uint64_t limit_;
  uint64_t bytes_ = 0, bytes_before_ = 0;
  std::map<std::string, std::string, std::less<>> entries_;
  std::vector<std::pair<std::string, std::optional<std::string>>> undo_;
};

class MemoryStore final : public Store {
 public:
  MemoryStore(uint64_t limit, std::span<const PackedFamily> packed) : table_(limit, packed) {}

  Result<std::vector<std::optional<std::string>>> get(std::span<const std::string_view> keys,
                                                      int64_t now_ms) const override {
    const std::lock_guard lock(mutex_);
    return table_get(table_, keys, now_ms);
  }
  Result<std::vector<uint64_t>> counts(std::span<const std::string_view> keys,
                                       unsigned fields) const override {
    const std::lock_guard lock(mutex_);
    return table_counts(table_, keys, fields);
  }
  Result<std::vector<std::string>> list(std::string_view key, uint32_t skip,
                                        uint32_t count) const override {
    const std::lock_guard lock(mutex_);
    return table_list(table_, key, skip, count);
  }
  Result<std::vector<SortedMember>> window(std::string_view key, double min, double max,
                                           uint32_t count) const override {
    const std::lock_guard lock(mutex_);
    return table_window(table_, key, min, max, count);
  }
  Result<std::vector<CounterRow>> scan(std::string_view prefix, std::string_view after,
                                       uint32_t count) const override {
    const std::lock_guard lock(mutex_);
    return table_scan(table_, prefix, after, count);
  }
  Result<std::vector<std::pair<std::string, std::string>>> scan_values(
      std::string_view prefix, std::string_view after, uint32_t count,
      int64_t now_ms) const override {
    const std::lock_guard lock(mutex_);
    return table_scan_values(table_, prefix, after, count, now_ms);
  }
  Result<bool> apply(const StoreBatch& batch, int64_t now_ms) override {
    const std::lock_guard lock(mutex_);
    table_.begin();
    Result<bool> done = table_apply(table_, batch, now_ms);
    if (!done || !*done)
      table_.undo();
    else
      ++version_;
    return done;
  }
  Result<uint64_t> expire(int64_t now_ms, uint64_t max) override {
    const std::lock_guard lock(mutex_);
    table_.begin();
    Result<uint64_t> gone = table_expire(table_, now_ms, max);
    if (!gone)
      table_.undo();
    else
      ++version_;
    return gone;
  }
  uint64_t version() const override {
    const std::lock_guard lock(mutex_);
    return version_;
  }
  Result<StoreSize> size() const override {
    const std::lock_guard lock(mutex_);
    return table_.size();
  }

 private:
  mutable std::mutex mutex_;
  mutable MemoryTable table_;
  uint64_t version_ = 0;
};

}  // namespace

std::unique_ptr<Store> memory_store(uint64_t limit_bytes, std::span<const PackedFamily> packed) {
  return std::make_unique<MemoryStore>(limit_bytes, packed);
}

}  // namespace winnow
