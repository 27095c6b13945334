#include "engine/mime/content_fields.h"

#include <algorithm>

#include "engine/ascii.h"
#include "engine/mime/comment.h"
#include "engine/mime/header_names.h"
#include "engine/mime/parameters.h"

namespace winnow {

namespace {

struct EncodingName {
  std::string_view name;
  TransferEncoding encoding;
  bool broken = false;  // meant so, but not every client knows
};
constexpr EncodingName kEncodings[] = {
    {"7bit", TransferEncoding::k7bit},
    {"8bit", TransferEncoding::k8bit},
    {"base64", TransferEncoding::kBase64},
    {"quoted-printable", TransferEncoding::kQuotedPrintable},
    {"binary", TransferEncoding::kBinary},
    {"7-bit", TransferEncoding::k7bit},
    {"8-bit", TransferEncoding::k8bit},
    {"base-64", TransferEncoding::kBase64, true},
    {"x-base64", TransferEncoding::kBase64, true},
    {"quoted_printable", TransferEncoding::kQuotedPrintable, true},
    {"x-quoted-printable", TransferEncoding::kQuotedPrintable, true},
    {"x-uuencode", TransferEncoding::kUuencode},
    {"uuencode", TransferEncoding::kUuencode},
    {"x-uue", TransferEncoding::kUuencode},
    {"uue", TransferEncoding::kUuencode},
    {"x-yencode", TransferEncoding::kYenc},
    {"yencode", TransferEncoding::kYenc},
    {"yenc", TransferEncoding::kYenc},
};

// `label` in lower case. Quotes, comments before the name, and what follows a semicolon, a comment
// or a blank, are no part of the name.
TransferEncoding encoding_of(std::string_view label, Faults& faults) {
  std::string_view name = trimmed(label);
  if (name.empty()) return TransferEncoding::kNone;
  while (name.starts_with('(')) {
    const size_t end = past_comment(name, 0);
    if (end >= name.size()) break;
    name = trimmed(name.substr(end));
  }
  if (!name.empty() && (name[0] == '"' || name[0] == '\'')) name.remove_prefix(1);
  name = name.substr(0, name.find_first_of("\"'.; (\t,"));
  for (const EncodingName& known : kEncodings) {
    if (name != known.name) continue;
    if (known.broken) faults.set(Fault::kTransferEncodingBroken);
    return known.encoding;
  }
  faults.set(Fault::kTransferEncodingBroken);
  return TransferEncoding::kUnknown;
}

struct Fields {
  const Header* type = nullptr;
  const Header* encoding = nullptr;
  const Header* disposition = nullptr;
  const Header* other_disposition = nullptr;  // the last, where `disposition` is the first
  const Header* id = nullptr;
};

// Takes the first (or last) of each; tells whether one of those that decide stands twice with
// different values.
bool find_fields(std::span<const Header> headers, bool last, Fields& fields) {
  bool ambiguous = false;
  auto take = [&](const Header*& field, const Header& header, bool decides) {
    if (field != nullptr && decides && field->unfolded != header.unfolded) ambiguous = true;
    if (field == nullptr || last) field = &header;
  };
  for (const Header& header : headers) {
    switch (index(header.id)) {
      case known::kContentType:
        take(fields.type, header, true);
        break;
      case known::kContentTransferEncoding:
        take(fields.encoding, header, true);
        break;
      case known::kContentDisposition:
        if (fields.disposition == nullptr) fields.disposition = &header;
        fields.other_disposition = &header;
        break;
      case known::kContentId:
        take(fields.id, header, false);
        break;
      default:
        break;
    }
  }
  if (last) std::swap(fields.disposition, fields.other_disposition);
  return ambiguous;
}

Disposition disposition_of(std::string_view type) {
  if (type == "inline") return Disposition::kInline;
  if (type == "attachment") return Disposition::kAttachment;
  return type.empty() ? Disposition::kNone : Disposition::kOther;
}

void set_flag(Part& part, PartFlag flag) { part.flags |= static_cast<uint16_t>(flag); }

// The extension as the name is opened: without what Windows drops at its end.
std::string_view extension(std::string_view name) {
  name = name.substr(0, name.find_last_not_of(". ") + 1);
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
}

void add_filenames(const MimeParameter* names, Part& part) {
  if (names == nullptr) return;
  add_filename(names->value, part);
  add_filename(names->other, part);
}

void read_disposition(const Fields& fields, const Limits& limits, HeaderScratch& scratch,
                      Arena& arena, Faults& faults, Part& part) {
  if (fields.disposition == nullptr) return;
  const std::string_view text = fields.disposition->unfolded;
  const MimeValue value = parse_disposition(text, limits, scratch, arena, faults);
  part.disposition = disposition_of(value.type);
  add_filenames(value.find("filename"), part);
  const std::string_view other = fields.other_disposition->unfolded;
  if (other == text) return;
  add_filenames(parse_disposition(other, limits, scratch, arena, faults).find("filename"), part);
}

void set_default_type(const ContentReading& reading, Part& part) {
  part.type = reading.digest ? "message" : "text";
  part.subtype = reading.digest ? "rfc822" : "plain";
}

void read_type(const Header* header, const ContentReading& reading, const Limits& limits,
               HeaderScratch& scratch, Arena& arena, Faults& faults, Part& part,
               ContentFields& fields) {
  if (header == nullptr || trimmed(header->unfolded).empty()) {
    set_flag(part, PartFlag::kTypeMissing);
    set_default_type(reading, part);
    return;
  }
  part.content_type = header->unfolded;
  const MimeValue value = parse_content_type(header->unfolded, limits, scratch, arena, faults);
  part.type = value.type;
  part.subtype = value.subtype;
  if (value.broken) set_flag(part, PartFlag::kTypeBroken);
  // "text" alone is a text; any other type without a subtype is not known (RFC 2045 5.2).
  if (part.type.empty() || part.subtype.empty()) {
    set_flag(part, PartFlag::kTypeBroken);
    if (part.type == "multipart") {
      part.subtype = "mixed";
    } else {
      set_default_type(reading, part);
    }
  }
  part.charset = lowered(trimmed(value.value("charset")), arena);
  if (const MimeParameter* const boundary = value.find("boundary")) {
    fields.two_boundaries = !boundary->other_raw.empty();
    const bool other = fields.two_boundaries && reading.other_boundary;
    part.boundary = other ? boundary->other_raw : boundary->raw;
    if (fields.two_boundaries) faults.set(Fault::kParameterBroken);
  }
  add_filenames(value.find("name"), part);
  fields.smime_type = lowered(value.value("smime-type"), arena);
  fields.partial_number = value.value("number");
  if (lowered(value.value("format"), arena) == "flowed") {
    set_flag(part, PartFlag::kFlowed);
    if (lowered(value.value("delsp"), arena) == "yes") set_flag(part, PartFlag::kDelSp);
  }
}

bool holds_message(std::string_view subtype) {
  return subtype == "rfc822" || subtype == "rfc2822" || subtype == "global" || subtype == "news" ||
         subtype == "external-body" || subtype == "partial";
}

}  // namespace

void add_filename(std::string_view name, Part& part) {
  if (part.filename.empty()) {
    part.filename = name;
  } else if (part.other_filename.empty() && !extension(name).empty() &&
             !equal_caseless(extension(name), extension(part.filename))) {
    part.other_filename = name;
  }
}

PartKind part_kind(std::string_view type, std::string_view subtype) {
  if (type == "text") return subtype == "html" ? PartKind::kHtml : PartKind::kText;
  if (type == "multipart") return PartKind::kMultipart;
  if (type == "message") return holds_message(subtype) ? PartKind::kMessage : PartKind::kText;
  if (type == "application" && subtype == "xhtml+xml") return PartKind::kHtml;
  return PartKind::kOther;
}

ContentFields read_content_fields(std::span<const Header> headers, const ContentReading& reading,
                                  const Limits& limits, HeaderScratch& scratch, Arena& arena,
                                  Faults& faults, Part& part) {
  ContentFields result;
  Fields fields;
  result.ambiguous = find_fields(headers, reading.last_header, fields);
  // Before the type: the disposition's name is the first.
  read_disposition(fields, limits, scratch, arena, faults, part);
  read_type(fields.type, reading, limits, scratch, arena, faults, part, result);
  part.kind = part_kind(part.type, part.subtype);
  // Only the first piece of a cut message begins with its headers (RFC 2046 5.2.2).
  if (part.kind == PartKind::kMessage && part.subtype == "partial" &&
      !result.partial_number.empty() && result.partial_number != "1")
    part.kind = PartKind::kText;
  if (fields.encoding != nullptr) {
    part.encoding_label = lowered(trimmed(fields.encoding->unfolded), arena);
    part.encoding = encoding_of(part.encoding_label, faults);
  }
  if (result.ambiguous) faults.set(Fault::kTransferEncodingBroken);
  if (fields.id != nullptr) {
    std::string_view id = trimmed(fields.id->unfolded);
    if (id.starts_with('<')) id.remove_prefix(1);
    if (id.ends_with('>')) id.remove_suffix(1);
    part.content_id = id;
  }
  const bool text = part.kind == PartKind::kText || part.kind == PartKind::kHtml;
  if (part.disposition == Disposition::kAttachment || (!text && !part.filename.empty()))
    set_flag(part, PartFlag::kAttachment);
  return result;
}

}  // namespace winnow
