#include "engine/mime/header_block.h"

namespace winnow {
HeaderEnd find_header_end(std::string_view text) {
  HeaderEnd end;
  end.block = end.body = text.size();
  return end;
}
uint32_t parse_header_block(const HeaderNames&, const Limits&, HeaderScratch&, std::string_view,
                            uint32_t, uint32_t, Batch&) {
  return 0;
}
}  // namespace winnow
