#include "engine/mime/encoded_word.h"

namespace winnow {
bool needs_decoding(std::string_view) { return false; }
DecodedText decode_header_text(std::string_view unfolded, const Limits&, HeaderScratch&, Arena&,
                               Faults&) {
  return {unfolded, false};
}
}  // namespace winnow
