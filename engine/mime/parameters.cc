#include "engine/mime/parameters.h"

namespace winnow {
std::string_view MimeValue::value(std::string_view) const { return {}; }
std::string_view MimeValue::raw(std::string_view) const { return {}; }
bool MimeValue::has(std::string_view) const { return false; }
MimeValue parse_content_type(std::string_view, const Limits&, HeaderScratch&, Arena&, Faults&) {
  return {};
}
MimeValue parse_disposition(std::string_view, const Limits&, HeaderScratch&, Arena&, Faults&) {
  return {};
}
}  // namespace winnow
