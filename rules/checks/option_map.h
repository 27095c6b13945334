// Maps that options of checks name.
#pragma once

#include "engine/mime/ip.h"
#include "rules/checks/check.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

// The map that option `name` of `section` (may be null) names; null where it names none. `kind`
// holds where the value does not say one.
inline std::shared_ptr<const Map> option_map(const CompileContext& context,
                                             const UclObject* section, std::string_view name,
                                             MapKind kind) {
  const UclObject* const value = section ? section->find(name) : nullptr;
  return value && context.map_of ? context.map_of(*value, kind) : nullptr;
}

// Whether one of `networks` (may be null) holds the address (may be invalid).
inline bool holds(const std::shared_ptr<const Map>& networks, const IpAddress& ip) {
  return networks && ip.valid() && networks->find(ip) != kNoIndex;
}

}  // namespace winnow
