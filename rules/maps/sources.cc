#include "rules/maps/sources.h"

#include <algorithm>

#include "rules/maps/entries.h"

namespace winnow {

namespace {

struct Prefix {
  std::string_view name;
  MapKind kind;
};
constexpr Prefix kPrefixes[] = {
    {"regexp", MapKind::kRegexp},
    {"re", MapKind::kRegexp},
    {"regexp_multi", MapKind::kRegexpMulti},
    {"re_multi", MapKind::kRegexpMulti},
    {"glob", MapKind::kGlob},
    {"glob_multi", MapKind::kGlobMulti},
    {"radix", MapKind::kIp},
    {"ipnet", MapKind::kIp},
    {"set", MapKind::kSet},
    {"plain", MapKind::kSet},
    {"hash", MapKind::kHash},
    {"map", MapKind::kHash},
    {"kv", MapKind::kHash},
    {"cdb", MapKind::kCdb},
};

// Takes "kind;" off the front.
void take_kind(std::string_view& text, MapKind& kind) {
  const size_t semicolon = text.find(';');
  if (semicolon == text.npos) {
    if (text.starts_with("cdb:/")) {
      kind = MapKind::kCdb;
      text.remove_prefix(text.starts_with("cdb://") ? 6 : 4);
    }
    return;
  }
  for (const Prefix& one : kPrefixes) {
    if (text.substr(0, semicolon) != one.name) continue;
    kind = one.kind;
    text.remove_prefix(semicolon + 1);
    while (text.starts_with(' ')) text.remove_prefix(1);
    return;
  }
}

bool is_remote(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

// A location, or kBroken.
MapSource read_location(std::string_view text) {
  MapSource source;
  for (;;) {
    if (text.starts_with("fallback+")) {
      source.fallback = true;
      text.remove_prefix(9);
    } else if (text.starts_with("sign+")) {
      source.is_signed = true;
      text.remove_prefix(5);
    } else if (const size_t plus = text.find('+'); text.starts_with("key=") && plus != text.npos) {
      source.is_signed = true;
      source.key = text.substr(4, plus - 4);
      text.remove_prefix(plus + 1);
    } else {
      break;
    }
  }
  const bool store = text.starts_with("redis:") || text.starts_with("redis+");
  if (text.starts_with("file://")) text.remove_prefix(7);
  // "./" is what a variable with a relative folder gives.
  const bool path = text.starts_with('/') || text.starts_with("./") || text.starts_with("../");
  source.text = text;
  source.kind = is_remote(text) ? MapSourceKind::kRemote
                : store         ? MapSourceKind::kStore
                : path          ? MapSourceKind::kFile
                                : MapSourceKind::kBroken;
  return source;
}

void add_inline(MapSpec& spec, std::string_view line) {
  if (spec.sources.empty() || spec.sources.back().kind != MapSourceKind::kInline)
    spec.sources.push_back({.kind = MapSourceKind::kInline, .text = {}});
  std::string& text = spec.sources.back().text;
  text += line;
  text += '\n';
}

// The parts of "192.0.2.1, 2001:db8::/32"; none where any of them is no network.
std::vector<std::string_view> networks_in(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",; \t"), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty()) continue;
    if (!parse_network(one)) return {};
    out.push_back(one);
  }
  return out;
}

void read_text(MapSpec& spec, std::string_view text, bool in_list,
               const std::function<bool(std::string_view)>& is_file) {
  take_kind(text, spec.kind);
  MapSource source = read_location(text);
  const bool pattern_like = has_patterns(spec.kind) && source.kind == MapSourceKind::kFile &&
                            source.text == text && pattern_end(text) != 0;
  if (pattern_like && !is_file(text)) return add_inline(spec, text);
  if (source.kind == MapSourceKind::kBroken && in_list) return add_inline(spec, text);
  // Rspamd has always taken addresses where a map of networks is asked for.
  if (source.kind == MapSourceKind::kBroken && spec.kind == MapKind::kIp) {
    const std::vector<std::string_view> networks = networks_in(text);
    for (const std::string_view one : networks) add_inline(spec, one);
    if (!networks.empty()) return;
  }
  spec.sources.push_back(std::move(source));
}

void read_value(MapSpec& spec, const UclObject& value, bool in_list,
                const std::function<bool(std::string_view)>& is_file) {
  if (value.is_object()) {
    for (const char* const key : {"url", "urls", "map", "upstreams"})
      for (const std::string_view text : value.strings(key)) read_text(spec, text, false, is_file);
    for (const std::string_view line : value.strings("data")) add_inline(spec, line);
    if (value.flag("external", false))
      spec.sources.push_back({.kind = MapSourceKind::kStore, .text = "external"});
    if (spec.sources.empty())
      spec.sources.push_back({.kind = MapSourceKind::kBroken, .text = "an object"});
    return;
  }
  read_text(spec, value.text(), in_list, is_file);
}

}  // namespace

MapSpec read_map_spec(const UclObject& value, MapKind wanted,
                      const std::function<bool(std::string_view)>& is_file) {
  MapSpec spec;
  spec.kind = wanted;
  const std::vector<const UclObject*> all = value.list();
  const bool in_list = value.is_array() || value.repeated();
  for (const UclObject* const one : all) read_value(spec, *one, in_list, is_file);
  return spec;
}

bool MapSource::is_packed() const {
  std::string_view path(text);
  if (kind == MapSourceKind::kRemote) path = path.substr(0, path.find_first_of("?#"));
  return path.ends_with(".zst");
}

std::string MapSource::name() const {
  if (kind == MapSourceKind::kInline) return "(list)";
  std::string out = fallback ? "fallback+" : "";
  if (is_signed) out += key.empty() ? "sign+" : "key=" + key + "+";
  return out + text;
}

std::string MapSpec::key() const {
  std::string out(map_kind_name(kind));
  for (const MapSource& source : sources) {
    out += '\0';
    out += static_cast<char>('a' + static_cast<int>(source.kind));
    out += source.kind == MapSourceKind::kInline ? source.text : source.name();
  }
  return out;
}

std::string MapSpec::text() const {
  std::string out;
  for (const MapSource& source : sources) {
    if (!out.empty()) out += ", ";
    out += source.name();
  }
  return out;
}

}  // namespace winnow
