#include "engine/mime/received.h"

namespace winnow {
Received parse_received(std::string_view, Arena&) { return {}; }
}  // namespace winnow
