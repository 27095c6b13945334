#include "engine/mime/flowed.h"

#include "engine/mime/line_scan.h"

namespace winnow {

std::string_view unflow(std::string_view text, bool delete_space, Arena& arena) {
  ArenaText out(arena, text.size() + text.size() / 8 + 64);
  bool open = false;  // the line before was soft
  size_t open_depth = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = line_end(text, at);
    std::string_view line = text.substr(at, end - at);
    const size_t next = past_line_end(text, end);
    size_t depth = 0;
    while (depth < line.size() && line[depth] == '>') ++depth;
    const std::string_view marks = line.substr(0, depth);
    line.remove_prefix(depth);
    if (!line.empty() && line[0] == ' ') line.remove_prefix(1);
    const bool signature = line == "-- ";
    if (open && (depth != open_depth || signature)) {
      out.push('\n');
      open = false;
    }
    if (!open && depth > 0) {
      out.append(marks);
      out.push(' ');
    }
    open = !signature && !line.empty() && line.back() == ' ' && next > end;
    if (open && delete_space) line.remove_suffix(1);
    out.append(line);
    if (!open && next > end) out.push('\n');
    open_depth = depth;
    at = next;
  }
  return out.finish();
}

}  // namespace winnow
