// Every map of a rule set: each is read once, however many rules name it, and what is wrong with
// one is said once, with its place.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rules/config/file_source.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"
#include "rules/maps/sources.h"

namespace winnow {

// One map, for `winnow maps`.
struct MapInfo {
  std::string source;  // its locations
  MapKind kind = MapKind::kSet;
  size_t entries = 0;
  size_t bytes = 0;
  std::string error;  // the last thing that went wrong; empty = all was read
  Place place;        // where it is named first; as long as the configuration lives
  std::shared_ptr<const Map> map;
};

class MapStore {
 public:
  using Warn = std::function<void(const Place& place, std::string sentence)>;

  // `files` may be null (no file is there) and, like what `warn` needs, outlives the store.
  MapStore(FileSource* files, Warn warn) : files_(files), warn_(std::move(warn)) {}

  // The map an option names; never null: what cannot be read is left out, with a warning.
  std::shared_ptr<const Map> load(const UclObject& value, MapKind wanted);
  // One warning for all that is not fetched. Call it when all maps are loaded.
  void finish();

  const std::vector<MapInfo>& maps() const { return maps_; }
  std::vector<MapInfo> take() { return std::move(maps_); }

 private:
  struct Reading;
  void read_source(Reading& reading, uint32_t number);
  bool read_file(Reading& reading, uint32_t number);

  FileSource* files_;
  Warn warn_;
  std::vector<MapInfo> maps_;
  std::map<std::string, size_t, std::less<>> known_;  // by spec
  size_t remote_ = 0, signed_ = 0;
  std::string first_remote_, first_signed_;
  Place remote_place_, signed_place_;
};

// What a .zst file holds. Errors: it is no zstd data, or holds more than `bytes_max`.
Result<std::string> unpack_zstd(std::string_view packed, size_t bytes_max);

}  // namespace winnow
