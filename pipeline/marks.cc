#include "pipeline/marks.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace winnow {

namespace {

using Word = std::atomic<uint64_t>;
static_assert(Word::is_always_lock_free);
constexpr uint64_t kMagic = 0x314b52414d574e57;  // "WNWMARK1"
constexpr auto kRelaxed = std::memory_order_relaxed;

struct Ring {
  Word next{0};
  Word digests[Marks::kRing];

  bool has(uint64_t digest) const {
    return std::ranges::any_of(digests, [&](const Word& one) { return one.load() == digest; });
  }
  void add(uint64_t digest) {
    if (!has(digest)) digests[next.fetch_add(1) % Marks::kRing].store(digest);
  }
  void remove(uint64_t digest) {
    for (Word& one : digests) {
      uint64_t expected = digest;
      one.compare_exchange_strong(expected, 0);
    }
  }
};

}  // namespace

struct Marks::Layout {
  uint64_t magic = kMagic;
  uint64_t seed = 0;
  Word known{0};  // digests that were ever put into a ring
  Ring suspects, condemned;
  struct Worker {
    std::atomic<int64_t> since_ms{0};  // 0: idle
    Word digests[kRows];
  };
  Worker workers[kSides][kWorkers];
};

Result<Marks> Marks::create() {
  const int fd = ::memfd_create("winnow-marks", MFD_CLOEXEC);
  if (fd < 0 || ::ftruncate(fd, sizeof(Layout)) != 0)
    return fail(fmt::format("no shared memory: {}", std::strerror(errno)));
  void* const at = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return fail(fmt::format("no shared memory: {}", std::strerror(errno)));
  // All but two words are zero already, and are not touched: pages that nobody uses cost nothing.
  Layout* const layout = static_cast<Layout*>(at);
  layout->magic = kMagic;
  if (::getrandom(&layout->seed, sizeof layout->seed, 0) != sizeof layout->seed)
    return fail("no random numbers");
  return Marks(fd, layout);
}

Result<Marks> Marks::open(int fd) {
  void* const at = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED)
    return fail(fmt::format("descriptor {} is no shared memory: {}", fd, std::strerror(errno)));
  if (static_cast<Layout*>(at)->magic != kMagic) {
    ::munmap(at, sizeof(Layout));
    return fail(fmt::format("the shared memory of descriptor {} is another version's", fd));
  }
  return Marks(fd, static_cast<Layout*>(at));
}

Marks::Marks(Marks&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), layout_(std::exchange(other.layout_, nullptr)) {}

Marks::~Marks() {
  if (layout_) ::munmap(layout_, sizeof(Layout));
  if (fd_ >= 0) ::close(fd_);
}

uint64_t Marks::digest(std::string_view bytes) const {
  return std::max<uint64_t>(1, XXH3_64bits_withSeed(bytes.data(), bytes.size(), layout_->seed));
}

void Marks::begin(uint32_t side, uint32_t worker, std::span<const uint64_t> digests,
                  int64_t now_ms) {
  if (worker >= kWorkers) return;
  Layout::Worker& to = layout_->workers[side % kSides][worker];
  for (size_t i = 0; i < std::min<size_t>(digests.size(), kRows); ++i)
    to.digests[i].store(digests[i], kRelaxed);
  to.since_ms.store(now_ms, std::memory_order_release);
}

void Marks::end(uint32_t side, uint32_t worker) {
  if (worker >= kWorkers) return;
  Layout::Worker& to = layout_->workers[side % kSides][worker];
  to.since_ms.store(0, kRelaxed);
  for (Word& one : to.digests) {
    if (one.load(kRelaxed) == 0) break;  // begin() fills from the front
    one.store(0, kRelaxed);
  }
}

size_t Marks::suspect_all(uint32_t side) {
  size_t count = 0;
  for (Layout::Worker& worker : layout_->workers[side % kSides]) {
    worker.since_ms.store(0);
    for (Word& one : worker.digests) {
      const uint64_t digest = one.exchange(0);
      if (digest == 0) continue;
      ++count;
      layout_->suspects.add(digest);
      layout_->known.fetch_add(1);
    }
  }
  return count;
}

int64_t Marks::oldest_ms(uint32_t side) const {
  int64_t oldest = INT64_MAX;
  for (const Layout::Worker& worker : layout_->workers[side % kSides])
    if (const int64_t since = worker.since_ms.load(); since != 0) oldest = std::min(oldest, since);
  return oldest;
}

bool Marks::any() const { return layout_->known.load(kRelaxed) != 0; }
bool Marks::suspect(uint64_t digest) const { return layout_->suspects.has(digest); }
bool Marks::condemned(uint64_t digest) const { return layout_->condemned.has(digest); }

void Marks::condemn(uint64_t digest) {
  layout_->condemned.add(digest);
  layout_->known.fetch_add(1);
  layout_->suspects.remove(digest);
}

void Marks::clear(uint64_t digest) { layout_->suspects.remove(digest); }

}  // namespace winnow
