// Every map of a rule set: each is read once, however many rules name it, and what is wrong with
// one is said once, with its place.
//
// Reloads. A shelf keeps the snapshots of the load before, by definition, with the versions of
// their sources. Where all versions are the same, the snapshot is taken as it is. Where a source
// that had data has none now (absent, cut off, badly signed), the whole snapshot of before stays
// in use and the reason is its error.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rules/config/ucl.h"
#include "rules/maps/map.h"
#include "rules/maps/sources.h"
#include "rules/maps/supply.h"

namespace winnow {

// Something to tell of a map; without a file it is told of the option that names the map.
struct MapComplaint {
  std::string file;
  uint32_t line = 0;
  std::string what;
};

struct KeptMap {
  std::shared_ptr<const Map> map;
  std::vector<uint64_t> versions;  // by source
  std::vector<uint8_t> had;        // by source: it gave data
  std::vector<MapComplaint> complaints;
  std::string error;
};
using MapShelf = std::map<std::string, KeptMap, std::less<>>;

// One map, for `winnow maps`.
struct MapInfo {
  MapSpec spec;
  std::string error;  // the last thing that went wrong; empty = all was read
  Place place;        // where it is named first; as long as the configuration lives
  std::shared_ptr<const Map> map;
};

class MapStore {
 public:
  using Warn = std::function<void(const Place& place, std::string sentence)>;

  // What `supply` and `warn` need outlives the store. `before` may be null.
  MapStore(MapSupply& supply, Warn warn, const MapShelf* before = nullptr)
      : supply_(supply), warn_(std::move(warn)), before_(before) {}

  // The map an option names; never null: what cannot be read is left out, with a warning.
  std::shared_ptr<const Map> load(const UclObject& value, MapKind wanted);
  // One warning for all remote sources without data. Call it when all maps are loaded.
  void finish();

  std::vector<MapInfo> take() { return std::move(maps_); }
  MapShelf take_shelf() { return std::move(shelf_); }

 private:
  struct Reading;
  KeptMap read(const MapSpec& spec, const Place& place, const KeptMap* before);
  void read_source(Reading& reading, uint32_t number);
  void read_bytes(Reading& reading, uint32_t number);
  void tell(const KeptMap& kept, const Place& place);

  MapSupply& supply_;
  Warn warn_;
  const MapShelf* before_;
  MapShelf shelf_;
  std::vector<MapInfo> maps_;
  std::map<std::string, size_t, std::less<>> known_;  // by spec
  size_t remote_ = 0;                                 // sources without data
  std::string first_remote_;
  Place remote_place_;
};

// What a .zst file holds. Errors: it is no zstd data, or holds more than `bytes_max`.
Result<std::string> unpack_zstd(std::string_view packed, size_t bytes_max);

}  // namespace winnow
