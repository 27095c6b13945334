#include "rules/maps/map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/hash/fingerprint.h"
#include "engine/match/pattern.h"
#include "rules/lang/regexp.h"
#include "rules/maps/entries.h"

namespace winnow {

std::string_view map_kind_name(MapKind kind) {
  constexpr std::string_view kNames[] = {"set",        "hash", "regexp", "regexp_multi", "glob",
                                         "glob_multi", "ip",   "cdb",    "lines"};
  return kNames[static_cast<size_t>(kind)];
}

size_t Map::size() const { return keys_.size() + networks_.size() + patterns_.size(); }

std::string_view Map::value(uint32_t number) const {
  const uint32_t begin = number == 0 ? 0 : value_ends_[number - 1];
  return std::string_view(values_).substr(begin, value_ends_[number] - begin);
}

size_t Map::bytes() const {
  size_t sum = keys_.bytes() + networks_.bytes() + values_.capacity() +
               value_ends_.capacity() * sizeof(uint32_t) +
               patterns_.capacity() * sizeof(MapPattern);
  for (const MapPattern& one : patterns_) sum += one.regex.capacity();
  return sum;
}

size_t Map::data_bytes() const {
  size_t sum = keys_.key_bytes() + values_.size();
  for (const MapPattern& one : patterns_) sum += one.regex.size();
  return sum;
}

MapBuilder::MapBuilder(MapKind kind) : map_(new Map(kind)) {
  map_->value_ends_.push_back(0);
  value_numbers_.put("", 0);
}

size_t MapBuilder::size() const { return map_->keys_.size() + added_; }

void MapBuilder::complain(uint32_t line, std::string what) {
  ++left_out_;
  if (complaints_.size() < kComplaintsMax) complaints_.push_back({line, std::move(what)});
}

uint32_t MapBuilder::value_number(std::string_view value) {
  if (value == last_value_) return last_number_;
  uint32_t number = value_numbers_.find(value);
  if (number == kNoIndex) {
    number = map_->values();
    map_->values_.append(value);
    map_->value_ends_.push_back(static_cast<uint32_t>(map_->values_.size()));
    value_numbers_.put(value, number);
  }
  last_value_ = value;
  last_number_ = number;
  return number;
}

void MapBuilder::add_pattern(std::string_view key, uint32_t value, uint32_t source, uint32_t line) {
  MapPattern pattern;
  pattern.value = value;
  pattern.source = source;
  pattern.line = line;
  if (pattern_end(key) == key.size()) {  // among globs, too
    Result<PatternSpec> spec = parse_plain_regexp(key);
    if (!spec) return complain(line, fmt::format("{}: {}", key, spec.error().what));
    pattern.regex = std::move(spec->regex);
    pattern.flags = spec->flags;
  } else if (map_->kind_ == MapKind::kGlob || map_->kind_ == MapKind::kGlobMulti) {
    pattern.regex = glob_regex(key);
  } else {
    pattern.regex = key;
  }
  map_->patterns_.push_back(std::move(pattern));
  ++added_;
}

// Networks with one value; a list of them may stand where there is one.
void MapBuilder::add_networks(std::string_view keys, uint32_t value, uint32_t line) {
  while (!keys.empty()) {
    const size_t comma = std::min(keys.find_first_of(",;"), keys.size());
    const std::string_view one = keys.substr(0, comma);
    keys.remove_prefix(std::min(comma + 1, keys.size()));
    if (one.empty()) continue;
    const std::optional<MapNetwork> network = parse_network(one);
    if (!network) {
      complain(line, fmt::format("\"{}\" is no IP address or network", one));
      continue;
    }
    map_->networks_.add(network->ip, network->bits, value);
    ++added_;
  }
}

void MapBuilder::add_lines(std::string_view text, uint32_t source) {
  complaints_.clear();
  left_out_ = 0;
  Fingerprint print;
  print.add(map_->identity_);
  print.add(text);
  map_->identity_ = print.value();
  if (map_->kind_ == MapKind::kLines) return add_bare_lines(text, source);
  const bool keyed = map_->kind_ != MapKind::kIp && !has_patterns(map_->kind_);
  if (keyed) {
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    map_->keys_.reserve(map_->keys_.size() + lines, map_->keys_.key_bytes() + text.size());
  }
  MapLines lines(text);
  MapLine entry;
  while (lines.next(entry)) {
    if (entry.unclosed) {
      complain(entry.line, "the quoted key has no closing quote");
      continue;
    }
    const uint32_t value = value_number(entry.value);
    if (map_->kind_ == MapKind::kIp) {
      add_networks(entry.key, value, entry.line);
    } else if (has_patterns(map_->kind_)) {
      add_pattern(entry.key, value, source, entry.line);
    } else if (map_->keys_.is_full()) {
      complain(entry.line, "the map holds 4 GB of keys: the rest is left out");
      return;
    } else {
      map_->keys_.put(entry.key, value);
    }
  }
}

void MapBuilder::add_bare_lines(std::string_view text, uint32_t source) {
  for (uint32_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    map_->patterns_.push_back({.regex = std::string(line), .source = source, .line = number});
    ++added_;
  }
}

// Layout: 256 pairs (position, slots) of hash tables, then records {u32 key length, u32 value
// length, key, value} up to the first table, all little-endian. The tables are not needed here.
std::optional<std::string> MapBuilder::add_cdb(std::string_view bytes) {
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
    return value;
  };
  constexpr size_t kHead = 2048;
  if (bytes.size() < kHead) return "it is shorter than the head of a cdb file";
  size_t end = bytes.size();
  for (size_t i = 0; i < 256; ++i) end = std::min<size_t>(end, number(i * 8));
  if (end < kHead) return "its tables begin inside its head";
  Fingerprint print;
  print.add(map_->identity_);
  print.add(bytes);
  map_->identity_ = print.value();
  size_t at = kHead;
  while (at < end) {
    if (end - at < 8) return "its last record is cut off";
    const size_t key = number(at), value = number(at + 4);
    at += 8;
    if (key > end - at || value > end - at - key) return "a record reaches over its end";
    if (map_->keys_.is_full()) return "it holds more than 4 GB of keys";
    // The first record of a key is the one a cdb reader finds.
    const std::string_view name = bytes.substr(at, key);
    if (map_->keys_.find(name) == kNoIndex)
      map_->keys_.put(name, value_number(bytes.substr(at + key, value)));
    at += key + value;
  }
  return std::nullopt;
}

std::shared_ptr<const Map> MapBuilder::finish() {
  Fingerprint print;
  print.add(map_->identity_);
  print.add(static_cast<uint8_t>(map_->kind_));
  map_->identity_ = print.value();
  map_->networks_.finish();
  map_->keys_.shrink();
  map_->values_.shrink_to_fit();
  map_->value_ends_.shrink_to_fit();
  map_->patterns_.shrink_to_fit();
  return map_;
}

}  // namespace winnow
