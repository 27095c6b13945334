#include "pipeline/maps/settings.h"

#include <algorithm>
#include <cmath>

#include "engine/crypt/keys.h"

namespace winnow {

namespace {

constexpr size_t kUnlimited = size_t{4} << 30;  // more fits no map (rules/maps/hash_table.h)

// Milliseconds of an option in seconds; at least 10, at most 30 days.
int64_t milliseconds(const UclObject& section, const char* key, int64_t fallback) {
  const double seconds = section.seconds(key, static_cast<double>(fallback) / 1000.0);
  if (!std::isfinite(seconds)) return fallback;
  return static_cast<int64_t>(std::clamp(seconds * 1000.0, 10.0, 30.0 * 86'400'000.0));
}

size_t bytes(const UclObject& section, const char* key, size_t fallback) {
  const int64_t given = section.integer(key, static_cast<int64_t>(fallback));
  return given <= 0 ? kUnlimited : std::min<size_t>(static_cast<size_t>(given), kUnlimited);
}

}  // namespace

MapSettings read_map_settings(const UclObject& root) {
  MapSettings out;
  if (const UclObject* const options = root.find("options")) {
    out.check_interval_ms = milliseconds(*options, "map_watch_interval", out.check_interval_ms);
    const double factor = options->number("map_file_watch_multiplier", 1);
    out.file_interval_ms = out.check_interval_ms;
    if (std::isfinite(factor) && factor > 0)
      out.file_interval_ms =
          std::max<int64_t>(10, static_cast<int64_t>(static_cast<double>(out.check_interval_ms) *
                                                     std::min(factor, 1000.0)));
    out.bytes_max = bytes(*options, "max_map_size", out.bytes_max);
    out.cache_dir = options->string("maps_cache_dir", "");
    out.ca_path = options->string("ssl_ca_path", "");
    for (const std::string_view text : options->strings("trusted_keys")) {
      if (std::optional<std::string> key = read_public_key(text))
        out.trusted_keys.push_back(std::move(*key));
      else
        out.refused_keys.emplace_back(text);
    }
  }
  out.remote_bytes_max = out.bytes_max;
  if (const UclObject* const maps = root.find("maps")) {
    out.connect_timeout_ms = milliseconds(*maps, "connect_timeout", out.connect_timeout_ms);
    out.connect_timeout_ms =
        std::max(out.connect_timeout_ms, milliseconds(*maps, "ssl_timeout", 10));
    out.read_timeout_ms = milliseconds(*maps, "read_timeout", out.read_timeout_ms);
    out.remote_bytes_max = std::min(out.bytes_max, bytes(*maps, "max_size", out.bytes_max));
  }
  return out;
}

}  // namespace winnow
