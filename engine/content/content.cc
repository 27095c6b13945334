#include "engine/content/content.h"

#include <span>

#include "engine/archive/list.h"
#include "engine/archive/listing.h"
#include "engine/ascii.h"
#include "engine/content/detect.h"

namespace winnow {

namespace {

// What is listed as an archive. Office documents are ZIPs too, but their members are no files that
// a reader would open.
bool is_archive(const Part& part, bool is_promised_zip) {
  const std::string_view extension = part.detected.extension;
  constexpr std::string_view kArchives[] = {"zip", "jar", "apk", "rar", "7z",  "tar", "gz",
                                            "bz2", "xz",  "zst", "cab", "iso", "exe"};
  for (const std::string_view known : kArchives) {
    if (extension == known) return true;
  }
  // A ZIP behind other bytes is known from its end; what begins as one has said above what it is.
  if (part.decoded.starts_with("PK\3\4") || part.decoded.starts_with("PK\5\6")) return false;
  return is_promised_zip;
}

bool has_extension(const Part& part, std::span<const std::string_view> extensions) {
  for (const std::string_view name : {part.filename, part.other_filename})
    for (const std::string_view extension : extensions)
      if (equal_caseless(extension_of(name), extension)) return true;
  return false;
}

// Whether one of a text's first lines begins with a tag or comment, behind a mark and blanks for
// the first. Source that is quoted, or a patch, has other marks there: it is no page to anyone.
bool has_line_of_tags(std::string_view text) {
  constexpr size_t kLookedAt = 4096;
  text = text.substr(0, kLookedAt);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return false;
  return text[start] == '<' || text.find("\n<") != std::string_view::npos;
}

// Whether a part of another type is a page for who opens it: by its name, which decides what opens
// a file, or for what its bytes are. Readers of other files open the first two by their type alone.
bool is_html(const Part& part) {
  if (part.kind != PartKind::kText && part.kind != PartKind::kOther) return false;
  if (part.type == "application" && part.subtype == "pdf") return false;
  if (part.type == "text" && part.subtype == "calendar") return false;
  const std::string_view type = part.detected.type;
  if (type != "text/plain" && type != "text/html" && type != "text/xml") return false;
  constexpr std::string_view kPages[] = {"html", "htm", "shtml", "shtm", "xhtml", "xht"};
  if (has_extension(part, kPages)) return true;
  if (part.kind == PartKind::kText && !has_line_of_tags(part.decoded)) return false;
  return looks_like_html(part.decoded);
}

// Whether a part that no reader shows as a text is opened as SVG: for what its bytes are, or for
// its type or name where the bytes are a text that may be one (behind a long comment, in UTF-16).
bool is_svg(const Part& part) {
  const bool attached = part.flags & static_cast<uint16_t>(PartFlag::kAttachment);
  if (part.kind != PartKind::kOther && !(part.kind == PartKind::kText && attached)) return false;
  if (part.detected.extension == "svg") return true;
  constexpr std::string_view kSvg[] = {"svg"};
  const bool promised =
      (part.type == "image" && part.subtype.starts_with("svg")) || has_extension(part, kSvg);
  return promised && (part.detected.type == "text/plain" || part.detected.type == "text/xml");
}

void read_as_svg(Part& part) {
  part.kind = PartKind::kOther;
  part.detected = {"image/svg+xml", "svg"};
}

void read_as_html(Part& part) {
  part.kind = PartKind::kHtml;
  part.detected = {"text/html", "html"};
}

}  // namespace

bool is_calendar(const Part& part) {
  if (part.subtype == "calendar") return true;
  return part.type != "text" && part.detected.type == "text/calendar";
}

bool is_card(const Part& part) {
  if (part.subtype == "vcard" || part.subtype == "x-vcard" || part.subtype == "directory")
    return true;
  return part.type != "text" && part.detected.type == "text/vcard";
}

void content(const ContentPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    for (uint32_t i = 0; i < batch.parts.row(row).size(); ++i) {
      Part& part = batch.parts.row(row)[i];
      if (part.kind == PartKind::kMultipart || part.kind == PartKind::kMessage) continue;
      part.detected = detect_type(part.decoded, part.filename);
      if (is_html(part)) {
        read_as_html(part);
      } else if (is_svg(part)) {
        read_as_svg(part);
      } else if (part.kind == PartKind::kOther &&
                 (part.detected.type == "text/calendar" || part.detected.type == "text/vcard")) {
        part.kind = PartKind::kText;
      }
      const bool is_promised_zip = promises_zip(part.type, part.subtype, part.filename) ||
                                   promises_zip(part.type, part.subtype, part.other_filename);
      if (!is_archive(part, is_promised_zip)) continue;
      part.archive =
          list_archive(*plan.limits, part.decoded, part.filename, i, row, batch, is_promised_zip);
    }
    batch.archives.end_row();
    batch.archive_members.end_row();
  }
}

}  // namespace winnow
