#include "rules/maps/store.h"

#include <fmt/format.h>
#include <zstd.h>

#include "rules/maps/entries.h"

namespace winnow {

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
    if (out.size() + to.pos > bytes_max)
      return fail(fmt::format("unpacks to more than {} bytes", bytes_max));
    out.append(chunk.data(), to.pos);
  }
  // What is still inside the decoder comes out in further calls without input.
  while (state != 0) {
    ZSTD_outBuffer to{chunk.data(), chunk.size(), 0};
    state = ZSTD_decompressStream(stream.get(), &to, &in);
    if (ZSTD_isError(state) || to.pos == 0) return fail("is cut off");
    if (out.size() + to.pos > bytes_max)
      return fail(fmt::format("unpacks to more than {} bytes", bytes_max));
    out.append(chunk.data(), to.pos);
  }
  return out;
}

struct MapStore::Reading {
  const MapSpec& spec;
  MapBuilder builder;
  KeptMap kept = {};
  bool missed = false;  // a source could not be had: the fallback is read

  explicit Reading(const MapSpec& of) : spec(of), builder(of.kind) {}
};

void MapStore::read_bytes(Reading& reading, uint32_t number) {
  const MapSource& source = reading.spec.sources[number];
  KeptMap& kept = reading.kept;
  const auto broken = [&](std::string_view why) {
    kept.error = fmt::format("{} {}", source.text, why);
    reading.missed = true;
    // Many lists of one server are many sentences that say the same: finish() says one.
    if (source.kind == MapSourceKind::kRemote) return;
    kept.complaints.push_back({.file = {}, .line = 0, .what = fmt::format("map {}", kept.error)});
  };
  if (source.text.ends_with(".enc")) return broken("is encrypted, which is not read yet");
  Result<MapBytes> got = supply_.read(source);
  if (!got) {
    const bool absent = got.error().what == "is absent";
    const bool pattern = absent && !has_patterns(reading.spec.kind) &&
                         pattern_end(source.text) == source.text.size();
    return broken(got.error().what + (absent ? "; it counts as empty" : "") +
                  (pattern ? " (for patterns write regexp = true)" : ""));
  }
  kept.versions[number] = got->version;
  if (source.is_packed()) {
    Result<std::string> bytes = unpack_zstd(got->bytes, supply_.bytes_max());
    if (!bytes) return broken(bytes.error().what);
    got->bytes = std::move(*bytes);
  }
  const size_t before = reading.builder.size();
  if (reading.spec.kind == MapKind::kCdb) {
    if (const std::optional<std::string> why = reading.builder.add_cdb(got->bytes))
      return broken(fmt::format("is no whole cdb file: {}", *why));
  } else {
    reading.builder.add_lines(got->bytes, number);
    for (const MapBuilder::Complaint& one : reading.builder.complaints()) {
      kept.error = fmt::format("{}:{}: {}", source.text, one.line, one.what);
      kept.complaints.push_back(
          {source.text, one.line, fmt::format("{}; the line is left out", one.what)});
    }
    if (reading.builder.left_out() > MapBuilder::kComplaintsMax)
      kept.complaints.push_back(
          {source.text, 0,
           fmt::format("{} lines in all are left out", reading.builder.left_out())});
  }
  if (reading.builder.size() == before && reading.builder.left_out() == 0)
    kept.complaints.push_back(
        {.file = {}, .line = 0, .what = fmt::format("map {} is empty", source.text)});
  kept.had[number] = true;
}

void MapStore::read_source(Reading& reading, uint32_t number) {
  const MapSource& source = reading.spec.sources[number];
  KeptMap& kept = reading.kept;
  const auto say = [&](std::string what) {
    kept.complaints.push_back({.file = {}, .line = 0, .what = std::move(what)});
  };
  switch (source.kind) {
    case MapSourceKind::kFile:
    case MapSourceKind::kRemote:
      if (!source.fallback || reading.missed) read_bytes(reading, number);
      break;
    case MapSourceKind::kInline:
      reading.builder.add_lines(source.text, number);
      for (const MapBuilder::Complaint& one : reading.builder.complaints()) {
        kept.error = fmt::format("entry {}: {}", one.line, one.what);
        say(kept.error + "; it is left out");
      }
      break;
    case MapSourceKind::kStore:
      kept.error = fmt::format("{} is not asked yet", source.text);
      say(fmt::format("map {}; it counts as empty", kept.error));
      reading.missed = true;
      break;
    case MapSourceKind::kBroken:
      kept.error =
          fmt::format("\"{}\" is neither a path nor a URL; entries stand in [a list]", source.text);
      say(fmt::format("map {}", kept.error));
      reading.missed = true;
      break;
  }
}

KeptMap MapStore::read(const MapSpec& spec, const Place& place, const KeptMap* before) {
  std::vector<uint64_t> versions;
  bool same = before != nullptr;
  for (const MapSource& source : spec.sources) {
    const bool bytes = source.kind == MapSourceKind::kFile || source.kind == MapSourceKind::kRemote;
    versions.push_back(bytes ? supply_.version(source) : 1);
    same = same && versions.back() != MapSupply::kUnknownVersion &&
           versions.back() == before->versions[versions.size() - 1];
  }
  if (same) return *before;
  Reading reading(spec);
  KeptMap& kept = reading.kept;
  kept.versions = std::move(versions);
  kept.had.resize(spec.sources.size());
  // Fallbacks count where any other source was missed, wherever they stand.
  for (const bool fallback : {false, true})
    for (uint32_t i = 0; i < spec.sources.size(); ++i)
      if (spec.sources[i].fallback == fallback) read_source(reading, i);
  if (spec.sources.empty()) warn_(place, "the map has no source; it counts as empty");
  bool lost = false;
  for (uint32_t i = 0; before && i < spec.sources.size(); ++i)
    lost = lost || (before->had[i] && !kept.had[i] && !spec.sources[i].fallback);
  if (lost) {
    kept.map = before->map;
    kept.had = before->had;
    kept.complaints = {{.file = {},
                        .line = 0,
                        .what = fmt::format("map {}; what was read before stays", kept.error)}};
  } else {
    kept.map = reading.builder.finish();
  }
  return std::move(reading.kept);
}

void MapStore::tell(const KeptMap& kept, const Place& place) {
  for (const MapComplaint& one : kept.complaints)
    warn_(one.file.empty() ? place : Place{.file = one.file, .line = one.line}, one.what);
}

std::shared_ptr<const Map> MapStore::load(const UclObject& value, MapKind wanted) {
  MapInfo info;
  info.spec =
      read_map_spec(value, wanted, [this](std::string_view path) { return supply_.exists(path); });
  std::string key = info.spec.key();
  if (const auto known = known_.find(key); known != known_.end()) return maps_[known->second].map;
  const KeptMap* before = nullptr;
  if (before_)
    if (const auto at = before_->find(key); at != before_->end()) before = &at->second;
  info.place = value.place();
  KeptMap kept = read(info.spec, info.place, before);
  tell(kept, info.place);
  for (uint32_t i = 0; i < info.spec.sources.size(); ++i) {
    const MapSource& source = info.spec.sources[i];
    if (source.kind != MapSourceKind::kRemote || kept.had[i] || remote_++ > 0) continue;
    first_remote_ = kept.error;
    remote_place_ = info.place;
  }
  info.map = kept.map;
  info.error = kept.error;
  known_.emplace(key, maps_.size());
  maps_.push_back(std::move(info));
  shelf_.emplace(std::move(key), std::move(kept));
  return maps_.back().map;
}

void MapStore::finish() {
  if (remote_ == 0) return;
  warn_(remote_place_, fmt::format("{} map sources on the network give nothing and count as "
                                   "empty; the first: {}",
                                   remote_, first_remote_));
}

}  // namespace winnow
