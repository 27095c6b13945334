// One arena a batch (and one a case): a bump allocator over blocks that are kept on reset(), so
// that after warm-up no message allocates from the heap. Nothing in it is ever destroyed: only
// trivially destructible data lives here.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace winnow {

class Arena {
 public:
  // block_bytes: size of an ordinary block; larger requests get a block of their own.
  // keep_bytes: how much reset() keeps; what is over goes back to the heap (memory ceiling).
  explicit Arena(size_t block_bytes = 256 * 1024, size_t keep_bytes = 8 * 1024 * 1024);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Returns `bytes` uninitialised bytes aligned to `align` (a power of two, at most 64). Never
  // fails: the limits of the stages bound what is asked for.
  char* alloc_bytes(size_t bytes, size_t align = 1) {
    uintptr_t at = (reinterpret_cast<uintptr_t>(next_) + align - 1) & ~(uintptr_t{align} - 1);
    if (at + bytes > reinterpret_cast<uintptr_t>(end_)) return alloc_slow(bytes, align);
    next_ = reinterpret_cast<char*>(at + bytes);
    return reinterpret_cast<char*>(at);
  }

  template <class T>
  std::span<T> alloc(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* first = reinterpret_cast<T*>(alloc_bytes(count * sizeof(T), alignof(T)));
    return {first, count};
  }

  // Copies `text` into the arena; the view lives until reset().
  std::string_view copy(std::string_view text) {
    char* to = alloc_bytes(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  template <class T>
  std::span<const T> copy(std::span<const T> values) {
    std::span<T> to = alloc<T>(values.size());
    if (!values.empty()) std::memcpy(to.data(), values.data(), values.size_bytes());
    return to;
  }

  // Gives back the tail of the most recent allocation: `end` is one past the last byte used.
  // REQUIRED: `end` lies inside the block of the most recent alloc_bytes().
  void shrink_to(char* end) { next_ = end; }
  // Whether nothing was allocated since the allocation that ends there.
  bool ends_at(const char* end) const { return next_ == end; }

  // Forgets everything; keeps blocks up to keep_bytes.
  void reset();

  size_t used_bytes() const;      // handed out since the last reset, padding included
  size_t reserved_bytes() const;  // held from the heap

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  char* alloc_slow(size_t bytes, size_t align);

  size_t block_bytes_;
  size_t keep_bytes_;
  char* next_ = nullptr;
  char* end_ = nullptr;
  size_t current_ = 0;  // block that next_ points into; blocks_ before it are full
  std::vector<Block> blocks_;
  size_t used_before_ = 0;  // bytes used in the blocks before the current one
};

// Text of unknown length being written at the arena's end. While it is open nothing else may
// allocate from the arena, or it would be written over: asserted where the text grows and where it
// is closed. Growth moves what was written so far to a larger place.
class ArenaText {
 public:
  explicit ArenaText(Arena& arena, size_t reserve = 256) : arena_(arena) { room(reserve); }
  ArenaText(const ArenaText&) = delete;
  ArenaText& operator=(const ArenaText&) = delete;

  void push(char c) {
    if (size_ == capacity_) room(capacity_ * 2);
    data_[size_++] = c;
  }
  void append(std::string_view text) {
    if (text.size() > capacity_ - size_) room((size_ + text.size()) * 2);
    if (!text.empty()) std::memcpy(data_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  // At least `more` writable bytes at the end; commit(n) tells how many were used.
  char* tail(size_t more) {
    if (more > capacity_ - size_) room((size_ + more) * 2);
    return data_ + size_;
  }
  void commit(size_t n) { size_ += n; }
  void truncate(size_t size) { size_ = size; }
  size_t size() const { return size_; }
  std::string_view view() const { return {data_, size_}; }
  // Closes the text and gives the unused tail back.
  std::string_view finish() {
    assert(arena_.ends_at(data_ + capacity_));
    arena_.shrink_to(data_ + size_);
    return {data_, size_};
  }

 private:
  void room(size_t capacity) {
    assert(data_ == nullptr || arena_.ends_at(data_ + capacity_));
    char* to = arena_.alloc_bytes(capacity);
    if (size_ > 0) std::memcpy(to, data_, size_);
    data_ = to;
    capacity_ = capacity;
  }

  Arena& arena_;
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace winnow
