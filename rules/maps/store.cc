#include "rules/maps/store.h"

#include <fmt/format.h>
#include <zstd.h>

namespace winnow {

namespace {
constexpr size_t kUnpackedMax = size_t{1} << 30;
}

Result<std::string> unpack_zstd(std::string_view packed, size_t bytes_max) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        ZSTD_freeDStream);
  std::string out;
  std::string chunk(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  size_t state = 1;
  while (in.pos < in.size) {
    ZSTD_outBuffer to{chunk.data(), chunk.size(), 0};
    state = ZSTD_decompressStream(stream.get(), &to, &in);
    if (ZSTD_isError(state)) return fail(fmt::format("is broken: {}", ZSTD_getErrorName(state)));
    if (out.size() + to.pos > bytes_max) return fail("unpacks to more than 1 GiB");
    out.append(chunk.data(), to.pos);
  }
  // What is still inside the decoder comes out in further calls without input.
  while (state != 0) {
    ZSTD_outBuffer to{chunk.data(), chunk.size(), 0};
    state = ZSTD_decompressStream(stream.get(), &to, &in);
    if (ZSTD_isError(state) || to.pos == 0) return fail("is cut off");
    if (out.size() + to.pos > bytes_max) return fail("unpacks to more than 1 GiB");
    out.append(chunk.data(), to.pos);
  }
  return out;
}

struct MapStore::Reading {
  const MapSpec& spec;
  const Place place;
  MapBuilder builder;
  bool missed = false;  // a source could not be had: the fallback is read
  std::string error = {};

  explicit Reading(const MapSpec& of, const Place& at) : spec(of), place(at), builder(of.kind) {}
};

// False where the file gave nothing.
bool MapStore::read_file(Reading& reading, uint32_t number) {
  const std::string& path = reading.spec.sources[number].text;
  const auto broken = [&](std::string_view why) {
    reading.error = fmt::format("{} {}", path, why);
    warn_(reading.place, fmt::format("map {}", reading.error));
    return false;
  };
  if (path.ends_with(".enc")) return broken("is encrypted, which is not read yet");
  if (!files_ || !files_->exists(path)) return broken("is absent; it counts as empty");
  Result<std::string> bytes = files_->read(path);
  if (!bytes) return broken(bytes.error().what);
  if (path.ends_with(".zst")) {
    bytes = unpack_zstd(*bytes, kUnpackedMax);
    if (!bytes) return broken(bytes.error().what);
  }
  const size_t before = reading.builder.size();
  if (reading.spec.kind == MapKind::kCdb) {
    if (const std::optional<std::string> why = reading.builder.add_cdb(*bytes))
      return broken(fmt::format("is no whole cdb file: {}", *why));
  } else {
    reading.builder.add_lines(*bytes, number);
    for (const MapBuilder::Complaint& one : reading.builder.complaints()) {
      reading.error = fmt::format("{}:{}: {}", path, one.line, one.what);
      warn_({.file = path, .line = one.line}, fmt::format("{}; the line is left out", one.what));
    }
    if (reading.builder.left_out() > MapBuilder::kComplaintsMax)
      warn_({.file = path},
            fmt::format("{} lines in all are left out", reading.builder.left_out()));
  }
  if (reading.builder.size() == before && reading.builder.left_out() == 0)
    warn_(reading.place, fmt::format("map {} is empty", path));
  return true;
}

void MapStore::read_source(Reading& reading, uint32_t number) {
  const MapSource& source = reading.spec.sources[number];
  switch (source.kind) {
    case MapSourceKind::kFile:
      reading.missed |= !read_file(reading, number);
      break;
    case MapSourceKind::kFallback:
      if (reading.missed) read_file(reading, number);
      break;
    case MapSourceKind::kInline:
      reading.builder.add_lines(source.text, number);
      for (const MapBuilder::Complaint& one : reading.builder.complaints()) {
        reading.error = fmt::format("entry {}: {}", one.line, one.what);
        warn_(reading.place, reading.error + "; it is left out");
      }
      break;
    case MapSourceKind::kRemote:
      if (remote_++ == 0) {
        first_remote_ = source.text;
        remote_place_ = reading.place;
      }
      reading.error = "is not fetched yet";
      reading.missed = true;
      break;
    case MapSourceKind::kSigned:
      if (signed_++ == 0) {
        first_signed_ = source.text;
        signed_place_ = reading.place;
      }
      reading.error = "signed maps are not read yet";
      reading.missed = true;
      break;
    case MapSourceKind::kStore:
      reading.error = fmt::format("{} is not asked yet", source.text);
      warn_(reading.place, fmt::format("map {}; it counts as empty", reading.error));
      reading.missed = true;
      break;
    case MapSourceKind::kBroken:
      reading.error =
          fmt::format("\"{}\" is neither a path nor a URL; entries stand in [a list]", source.text);
      warn_(reading.place, fmt::format("map {}", reading.error));
      reading.missed = true;
      break;
  }
}

std::shared_ptr<const Map> MapStore::load(const UclObject& value, MapKind wanted) {
  const MapSpec spec = read_map_spec(
      value, wanted, [this](std::string_view path) { return files_ && files_->exists(path); });
  const std::string key = spec.key();
  if (const auto known = known_.find(key); known != known_.end()) return maps_[known->second].map;
  Reading reading(spec, value.place());
  // Fallbacks count where any other source was missed, wherever they stand.
  for (const bool fallback : {false, true})
    for (uint32_t i = 0; i < spec.sources.size(); ++i)
      if ((spec.sources[i].kind == MapSourceKind::kFallback) == fallback) read_source(reading, i);
  if (spec.sources.empty()) warn_(reading.place, "the map has no source; it counts as empty");
  MapInfo info;
  info.source = spec.text();
  info.kind = spec.kind;
  info.map = reading.builder.finish();
  info.entries = info.map->size();
  info.bytes = info.map->bytes();
  info.error = std::move(reading.error);
  info.place = reading.place;
  known_.emplace(key, maps_.size());
  maps_.push_back(std::move(info));
  return maps_.back().map;
}

void MapStore::finish() {
  if (remote_ > 0)
    warn_(remote_place_,
          fmt::format("{} map sources are HTTP, which is not fetched yet: they count as empty; "
                      "the first is {}",
                      remote_, first_remote_));
  if (signed_ > 0)
    warn_(signed_place_,
          fmt::format("{} map sources are signed, which is not checked yet: they count as empty; "
                      "the first is {}",
                      signed_, first_signed_));
}

}  // namespace winnow
