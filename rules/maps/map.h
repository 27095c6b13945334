// A map: an immutable snapshot of keys and their values, read from files and lists when rules are
// loaded, shared by every rule that names the same sources.
//
// Values are texts that repeat a lot (symbols, scores, nothing at all): each distinct one is kept
// once and has a number, so that who reads a map can prepare what a value means once, not once a
// message. The kinds:
//   set, hash  keys in any case                           HashTable
//   cdb        the same with keys as they are             HashTable
//   ip         networks, IPv4 and IPv6                    PrefixTable
//   regexp     patterns, and glob: shell patterns         a list; see README.md, "Patterns"
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/match/regex.h"
#include "engine/place.h"
#include "rules/maps/hash_table.h"
#include "rules/maps/prefix_table.h"

namespace winnow {

enum class MapKind : uint8_t {
  kSet,
  kHash,
  kRegexp,
  kRegexpMulti,  // every pattern that matches counts, not just the first
  kGlob,
  kGlobMulti,
  kIp,
  kCdb,
  kLines,  // lines as they stand, in patterns(): what they mean is said elsewhere
};
// "set", "hash", "regexp", …
std::string_view map_kind_name(MapKind kind);
constexpr bool has_patterns(MapKind kind) {
  return kind == MapKind::kRegexp || kind == MapKind::kRegexpMulti || kind == MapKind::kGlob ||
         kind == MapKind::kGlobMulti;
}

struct MapPattern {
  std::string regex;   // without delimiters
  uint32_t flags = 0;  // PatternFlag bits
  uint32_t value = 0;
  uint32_t source = 0;  // number of the source, in the order of the map's definition
  uint32_t line = 0;    // 1-based
};

class Map {
 public:
  MapKind kind() const { return kind_; }
  size_t size() const;  // entries
  // Bytes held, and those of them that are the entries' own text.
  size_t bytes() const;
  size_t data_bytes() const;
  // Hash of all that decides: kind and entries as they were read.
  uint64_t identity() const { return identity_; }

  // Number of the key's value; kNoIndex where the key is not there. For set, hash and cdb.
  uint32_t find(std::string_view key) const { return keys_.find(key); }
  // Of the longest network around the address. For ip.
  uint32_t find(const IpAddress& ip) const { return networks_.find(ip); }
  // In the order of the map. For regexp and glob.
  std::span<const MapPattern> patterns() const { return patterns_; }

  // Values by number; 0 is the empty one.
  uint32_t values() const { return static_cast<uint32_t>(value_ends_.size()); }
  std::string_view value(uint32_t number) const;

 private:
  friend class MapBuilder;
  explicit Map(MapKind kind) : kind_(kind), keys_(kind != MapKind::kCdb) {}

  MapKind kind_;
  uint64_t identity_ = 0;
  HashTable keys_;
  PrefixTable networks_;
  std::vector<MapPattern> patterns_;
  std::string values_;
  std::vector<uint32_t> value_ends_;
};

// Gathers what the sources of a map hold, one after the other.
class MapBuilder {
 public:
  explicit MapBuilder(MapKind kind);

  // Something wrong with one line: it is left out.
  struct Complaint {
    uint32_t line;
    std::string what;
  };
  // Adds a text of lines. At most kComplaintsMax complaints are kept a source; `left_out` counts
  // all.
  void add_lines(std::string_view text, uint32_t source);
  // Adds the bytes of a cdb file (D. J. Bernstein's constant database). An error leaves out the
  // rest of it.
  std::optional<std::string> add_cdb(std::string_view bytes);

  const std::vector<Complaint>& complaints() const { return complaints_; }
  size_t left_out() const { return left_out_; }
  size_t size() const;
  std::shared_ptr<const Map> finish();  // REQUIRED: called once, last

  static constexpr size_t kComplaintsMax = 5;

 private:
  uint32_t value_number(std::string_view value);
  void complain(uint32_t line, std::string what);
  void add_pattern(std::string_view key, uint32_t value, uint32_t source, uint32_t line);
  void add_bare_lines(std::string_view text, uint32_t source);
  void add_networks(std::string_view keys, uint32_t value, uint32_t line);

  std::shared_ptr<Map> map_;
  HashTable value_numbers_{false};
  std::string last_value_;
  uint32_t last_number_ = 0;
  size_t added_ = 0;
  std::vector<Complaint> complaints_;
  size_t left_out_ = 0;
};

}  // namespace winnow
