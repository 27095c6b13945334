#include "engine/arena.h"

#include <algorithm>

#include "engine/pages.h"

namespace winnow {

namespace {

// Memory of a block. An ordinary one is written from its begin to its end, and has its pages at
// once. A larger one may be no more than a sender's claim and get them as it is written; a very
// large one in huge pages.
std::unique_ptr<char[]> room(size_t size, bool ordinary) {
  auto bytes = std::make_unique_for_overwrite<char[]>(size);
  if (size >= 2 * kHugePage) {
    ask_huge_pages(bytes.get(), size);
  } else if (ordinary) {
    give_pages(bytes.get(), size);
  }
  return bytes;
}

}  // namespace

Arena::Arena(size_t block_bytes, size_t keep_bytes)
    : block_bytes_(block_bytes), keep_bytes_(keep_bytes) {}

char* Arena::alloc_slow(size_t bytes, size_t align) {
  const size_t need = bytes + align;
  if (!blocks_.empty()) {
    used_before_ += static_cast<size_t>(next_ - blocks_[current_].bytes.get());
    ++current_;
  }
  // A kept block that is large enough is taken; smaller ones in between move behind it.
  size_t found = current_;
  while (found < blocks_.size() && blocks_[found].size < need) ++found;
  if (found == blocks_.size()) {
    const size_t size = std::max(block_bytes_, need);
    blocks_.push_back({room(size, size == block_bytes_), size});
    found = blocks_.size() - 1;
  }
  std::swap(blocks_[current_], blocks_[found]);
  next_ = blocks_[current_].bytes.get();
  end_ = next_ + blocks_[current_].size;
  const uintptr_t at = (reinterpret_cast<uintptr_t>(next_) + align - 1) & ~(uintptr_t{align} - 1);
  next_ = reinterpret_cast<char*>(at + bytes);
  return reinterpret_cast<char*>(at);
}

void Arena::reset() {
  size_t kept = 0;
  std::erase_if(blocks_, [&](const Block& block) {
    if (kept + block.size > keep_bytes_ && kept > 0) return true;
    kept += block.size;
    return false;
  });
  if (blocks_.size() == 1 && blocks_[0].size > keep_bytes_) blocks_.clear();
  current_ = 0;
  used_before_ = 0;
  next_ = blocks_.empty() ? nullptr : blocks_[0].bytes.get();
  end_ = blocks_.empty() ? nullptr : next_ + blocks_[0].size;
}

size_t Arena::used_bytes() const {
  if (blocks_.empty()) return 0;
  return used_before_ + static_cast<size_t>(next_ - blocks_[current_].bytes.get());
}

size_t Arena::reserved_bytes() const {
  size_t sum = 0;
  for (const Block& block : blocks_) sum += block.size;
  return sum;
}

}  // namespace winnow
