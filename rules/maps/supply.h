// Where the bytes of map sources come from. Rules know no sockets, no clock and no directory: who
// loads them hands one of these in (pipeline/maps has the real one, tests one in memory).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/result.h"
#include "rules/config/file_source.h"
#include "rules/maps/sources.h"

namespace winnow {

// One source as it is now.
struct MapBytes {
  std::string bytes;     // as they are stored; their signature is good where one is asked for
  uint64_t version = 0;  // changes whenever the bytes do
};

class MapSupply {
 public:
  static constexpr uint64_t kUnknownVersion = 0;

  virtual ~MapSupply() = default;
  virtual bool exists(std::string_view path) = 0;
  // What read() would say of the version now; kUnknownVersion: read it to know.
  virtual uint64_t version(const MapSource& source) = 0;
  // Errors: a sentence without its subject, which is the source ("is absent"). REQUIRED: kind is
  // kFile or kRemote.
  virtual Result<MapBytes> read(const MapSource& source) = 0;
  // Bytes of a map at most, packed or unpacked.
  virtual size_t bytes_max() const { return size_t{256} << 20; }
};

// Files alone, without versions and signatures.
class FileSupply final : public MapSupply {
 public:
  explicit FileSupply(FileSource* files) : files_(files) {}
  bool exists(std::string_view path) override { return files_ && files_->exists(path); }
  uint64_t version(const MapSource&) override { return kUnknownVersion; }
  Result<MapBytes> read(const MapSource& source) override {
    if (source.kind == MapSourceKind::kRemote) return fail("is not fetched here");
    if (source.is_signed) return fail("is signed, which is not checked here");
    if (!exists(source.text)) return fail("is absent");
    Result<std::string> bytes = files_->read(source.text);
    if (!bytes) return fail(bytes.error().what);
    return MapBytes{std::move(*bytes), kUnknownVersion};
  }

 private:
  FileSource* files_;  // may be null
};

}  // namespace winnow
