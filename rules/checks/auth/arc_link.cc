#include "rules/checks/auth/arc_link.h"

#include "rules/checks/text.h"

namespace winnow {

std::string_view pack_arc_link(const ArcLink& link, Arena& arena) {
  const char head[4] = {static_cast<char>(link.role), static_cast<char>(link.instance),
                        static_cast<char>(link.dmarc), static_cast<char>(link.spf)};
  return join_text(arena, std::string_view(head, sizeof head),
                   pack_signature(link.signature, arena));
}

bool unpack_arc_link(std::string_view bytes, ArcLink& out) {
  if (bytes.size() < 4 || static_cast<uint8_t>(bytes[0]) > 1 ||
      static_cast<uint8_t>(bytes[2]) > 2 || static_cast<uint8_t>(bytes[3]) > 2)
    return false;
  out.role = static_cast<ArcRole>(bytes[0]);
  out.instance = static_cast<uint8_t>(bytes[1]);
  out.dmarc = static_cast<Recorded>(bytes[2]);
  out.spf = static_cast<Recorded>(bytes[3]);
  return out.instance > 0 && out.instance <= kArcInstancesMax &&
         unpack_signature(bytes.substr(4), out.signature);
}

}  // namespace winnow
