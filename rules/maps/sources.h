// How a map is named in configuration (facts/semantics.md "maps"; seed rows B81-B93).
//
//   option  := text | list of texts | object { url | urls | map, data, … }
//   text    := [ kind ";" ] { "sign+" | "key=K+" | "fallback+" } location [ ".zst" ]
//   kind    := regexp re regexp_multi re_multi glob glob_multi radix ipnet set hash map plain cdb
//   location:= "/path" | "file://path" | "cdb:///path" | "http(s)://…" | "redis…" | "static"
// In a list a text that is no location is an entry of the map itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

enum class MapSourceKind : uint8_t {
  kFile,
  kRemote,  // HTTP or HTTPS
  kInline,  // the entries themselves, one a line
  kStore,   // redis:// and the like: never a snapshot
  kBroken,  // no location at all
};

struct MapSource {
  MapSourceKind kind = MapSourceKind::kFile;
  std::string text;          // path, URL, or entries
  bool fallback = false;     // read only where another source cannot be
  bool is_signed = false;    // location + ".sig" must be its signature
  std::string key = {};      // by this key alone (base32); empty: by any trusted one
  bool is_packed() const;    // its name ends with .zst
  std::string name() const;  // as an operator wrote it; "(list)" for entries
};

struct MapSpec {
  MapKind kind = MapKind::kSet;
  std::vector<MapSource> sources;
  std::string key() const;   // equal for equal specs
  std::string text() const;  // for people: the locations
};

// `wanted`: the kind where the text names none. `is_file`: whether a path is there, for entries
// of inline lists that look like one ("/re/i").
MapSpec read_map_spec(const UclObject& value, MapKind wanted,
                      const std::function<bool(std::string_view)>& is_file);

}  // namespace winnow
