// What options {} and maps {} say of fetching and watching maps (facts/options.tsv).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/config/ucl.h"

namespace winnow {

struct MapSettings {
  int64_t check_interval_ms = 300'000;    // options.map_watch_interval
  int64_t file_interval_ms = 300'000;     // times options.map_file_watch_multiplier
  size_t bytes_max = size_t{256} << 20;   // options.max_map_size: packed and unpacked
  size_t remote_bytes_max = bytes_max;    // maps.max_size, at most bytes_max
  int64_t connect_timeout_ms = 5'000;     // maps.connect_timeout and ssl_timeout
  int64_t read_timeout_ms = 10'000;       // maps.read_timeout: between two pieces
  std::string cache_dir;                  // options.maps_cache_dir; empty: the caller's choice
  std::string ca_path;                    // options.ssl_ca_path; empty: the system's
  std::vector<std::string> trusted_keys;  // options.trusted_keys, 32 raw bytes each
  std::vector<std::string> refused_keys;  // those of trusted_keys that are none, as written
};

MapSettings read_map_settings(const UclObject& root);

}  // namespace winnow
