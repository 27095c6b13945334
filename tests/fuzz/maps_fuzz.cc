// Map files of every kind: the first byte chooses the kind, the rest is the file. What was read is
// found again, and the tables answer for keys that are not there. With the byte 9 the rest is an
// option that names a map, up to a zero byte, and then the file that it may name: it is loaded
// twice, the second time without the file, and what was read the first time stays.
#include <cstdlib>

#include "engine/mime/ip.h"
#include "rules/config/ucl_parse.h"
#include "rules/maps/entries.h"
#include "rules/maps/map.h"
#include "rules/maps/store.h"

namespace {

using namespace winnow;

void load_option(std::string_view text) {
  const size_t zero = std::min(text.find('\0'), text.size());
  auto parsed = parse_ucl(text.substr(0, zero), "fuzz.conf", {});
  if (!parsed) return;
  const UclObject* const option = parsed->document->root().find("map");
  if (!option) return;
  const auto tell = [](const Place&, std::string what) {
    if (what.empty()) std::abort();
  };
  MemoryFiles files;
  const std::string bytes(text.substr(std::min(zero + 1, text.size())));
  for (const char* const path : {"/m", "/n", "/m.zst"}) files.add(path, bytes);
  FileSupply there(&files);
  MapStore first(there, tell);
  const std::shared_ptr<const Map> map = first.load(*option, MapKind::kHash);
  if (first.load(*option, MapKind::kHash) != map) std::abort();
  first.finish();
  const std::vector<MapInfo> maps = first.take();
  const MapShelf shelf = first.take_shelf();
  bool file = false;
  for (const MapSource& source : maps.at(0).spec.sources) {
    if (source.name().empty() && !source.text.empty()) std::abort();
    file = file || source.kind == MapSourceKind::kFile;
  }
  const KeptMap& kept = shelf.begin()->second;
  bool had = false;
  for (size_t i = 0; i < kept.had.size(); ++i)
    had = had || (kept.had[i] && !maps[0].spec.sources[i].fallback);
  FileSupply gone(nullptr);
  MapStore second(gone, tell, &shelf);
  if (had && file && second.load(*option, MapKind::kHash) != map) std::abort();
  second.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto which = static_cast<uint8_t>(data[0] % 10);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (which == 8) {
    (void)unpack_zstd(text, 1 << 20);
    return 0;
  }
  if (which == 9) {
    load_option(text);
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
    const bool kept = network && !entry.unclosed && kind == MapKind::kIp;
    if (kept && !is_value(map->find(network->ip))) std::abort();
    (void)glob_regex(entry.key);
  }
  return 0;
}
