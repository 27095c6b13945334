// What the engine is scanning, in memory that outlives it: after a crash this says which messages
// it may have died of.
//
//   begin(worker, messages) → the engine dies → the supervisor calls suspect_all()
//   a suspect comes again   → it is scanned alone in a throw-away process
//   (ingest/supervise/trial.h) that process dies too   → condemn(): from now on it is never
//   scanned, its verdict is POISON it lives                → clear(): it was only a neighbour
//
// A message is known by a 64-bit XXH3 of its bytes under a seed of this run, so that nobody can
// make two that are taken for each other. Layout: header, two rings, then for each side (engines
// that live at the same time have different ones) and worker: since, digests[kRows]. All words are
// lock-free atomics; a digest of 0 is none. A ring that is full forgets its oldest.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/result.h"

namespace winnow {

class Marks {
 public:
  static constexpr uint32_t kSides = 4;
  static constexpr uint32_t kWorkers = 256;  // those beyond it are not marked
  static constexpr uint32_t kRows = 64;      // messages of one batch that are marked
  static constexpr uint32_t kRing = 1024;

  static Result<Marks> create();
  static Result<Marks> open(int fd);  // what another process created; the descriptor stays its own
  Marks(Marks&& other) noexcept;
  Marks& operator=(Marks&&) = delete;
  ~Marks();
  int fd() const { return fd_; }

  uint64_t digest(std::string_view bytes) const;  // never 0

  // An engine's worker scans these. REQUIRED: one thread a worker and side.
  void begin(uint32_t side, uint32_t worker, std::span<const uint64_t> digests, int64_t now_ms);
  void end(uint32_t side, uint32_t worker);

  // Makes suspects of all that a dead engine was scanning; says how many.
  size_t suspect_all(uint32_t side);
  // When the batch began that an engine has been at for longest; INT64_MAX where it idles.
  int64_t oldest_ms(uint32_t side) const;

  // Thread-safe. `any` is false while nobody is suspect or condemned: nothing need be looked up.
  bool any() const;
  bool suspect(uint64_t digest) const;
  bool condemned(uint64_t digest) const;
  void condemn(uint64_t digest);
  void clear(uint64_t digest);

 private:
  struct Layout;
  Marks(int fd, Layout* layout) : fd_(fd), layout_(layout) {}
  int fd_ = -1;
  Layout* layout_ = nullptr;
};

}  // namespace winnow
