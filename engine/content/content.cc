#include "engine/content/content.h"

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

// Whether a part is read as HTML for what its bytes are. Readers of other files open these two by
// their type alone.
bool is_html_by_bytes(const Part& part) {
  if (part.kind != PartKind::kText && part.kind != PartKind::kOther) return false;
  if (part.type == "application" && part.subtype == "pdf") return false;
  if (part.type == "text" && part.subtype == "calendar") return false;
  const std::string_view type = part.detected.type;
  return (type == "text/plain" || type == "text/html" || type == "text/xml") &&
         looks_like_html(part.decoded);
}

// Whether a part that no reader shows as a text is opened as SVG: for what its bytes are, or for
// its type or name where the bytes are a text that may be one (behind a long comment, in UTF-16).
bool is_svg(const Part& part) {
  const bool attached = part.flags & static_cast<uint16_t>(PartFlag::kAttachment);
  if (part.kind != PartKind::kOther && !(part.kind == PartKind::kText && attached)) return false;
  if (part.detected.extension == "svg") return true;
  const bool promised = (part.type == "image" && part.subtype.starts_with("svg")) ||
                        equal_caseless(extension_of(part.filename), "svg") ||
                        equal_caseless(extension_of(part.other_filename), "svg");
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

void content(const ContentPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    for (uint32_t i = 0; i < batch.parts.row(row).size(); ++i) {
      Part& part = batch.parts.row(row)[i];
      if (part.kind == PartKind::kMultipart || part.kind == PartKind::kMessage) continue;
      part.detected = detect_type(part.decoded, part.filename);
      if (is_html_by_bytes(part)) {
        read_as_html(part);
      } else if (is_svg(part)) {
        read_as_svg(part);
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
