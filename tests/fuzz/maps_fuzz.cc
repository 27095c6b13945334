// Map files of every kind: the first byte chooses the kind, the rest is the file. What was read is
// found again, and the tables answer for keys that are not there.
#include <cstdlib>

#include "engine/mime/ip.h"
#include "rules/maps/entries.h"
#include "rules/maps/map.h"
#include "rules/maps/store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size == 0) return 0;
  const auto which = static_cast<uint8_t>(data[0] % 9);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (which == 8) {
    (void)unpack_zstd(text, 1 << 20);
    return 0;
  }
  const auto kind = static_cast<MapKind>(which);
  MapBuilder builder(kind);
  if (kind == MapKind::kCdb) {
    (void)builder.add_cdb(text);
  } else {
    builder.add_lines(text, 0);
    builder.add_lines(text, 1);
  }
  const std::shared_ptr<const Map> map = builder.finish();
  const auto is_value = [&](uint32_t number) {
    if (number == kNoIndex) return false;
    if (number >= map->values()) std::abort();
    (void)map->value(number);
    return true;
  };
  for (const MapPattern& pattern : map->patterns())
    if (!is_value(pattern.value)) std::abort();
  MapLines lines(text);
  MapLine entry;
  while (lines.next(entry)) {
    if (entry.key.empty()) std::abort();
    const bool keyed = kind == MapKind::kSet || kind == MapKind::kHash;
    if (keyed && !entry.unclosed && !is_value(map->find(entry.key))) std::abort();
    const std::optional<MapNetwork> network = parse_network(entry.key);
    if (network && kind == MapKind::kIp && !is_value(map->find(network->ip))) std::abort();
    (void)glob_regex(entry.key);
  }
  return 0;
}
