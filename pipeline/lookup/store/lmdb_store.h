// The embedded store: one LMDB environment in a folder of the site. Readers never wait and see one
// moment; one writer at a time, of all processes that have it open. A batch that apply() said true
// to is on disk (LMDB syncs at each commit), so it survives kill -9 and a loss of power.
#pragma once

#include <string>

#include "pipeline/lookup/store/table.h"

namespace winnow {

struct LmdbOptions {
  std::string folder;                         // made where it is not there
  uint64_t limit_bytes = 4ull << 30;          // of the file; it takes what is used, not this
  bool read_only = false;                     // REQUIRED then: the store is there
  bool sync = true;                           // false: for what can be made again (a rebuild)
  std::span<const PackedFamily> packed = {};  // REQUIRED to outlive the store, and to be always the
                                              // same for a folder
};

// The format that this version writes. A store of a newer one is refused, never changed; one of an
// older one is brought up to date when it is opened, in steps of which each is whole or not there.
// 2: packed families of counters.
constexpr uint32_t kLmdbFormat = 2;

// Open a store once in a process, and not before fork. Errors: no rights, no disk, a newer format,
// a file that is no store.
Result<std::unique_ptr<Store>> open_lmdb_store(const LmdbOptions& options);
// Whether there is a store in a folder.
bool lmdb_store_exists(const std::string& folder);

}  // namespace winnow
