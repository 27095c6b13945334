// Types and file names of parts and of what archives hold: what is usual in mail, what is not, and
// what pretends to be something else.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/archive/listing.h"
#include "engine/content/detect.h"
#include "engine/mime/content_fields.h"
#include "engine/text/utf8.h"
#include "rules/checks/check.h"
#include "rules/checks/mime/type_table.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kGood,
  kBad,
  kUnknown,
  kTrace,
  kBadAttachment,
  kBadExtension,
  kDoubleExtension,
  kArchiveInArchive,
  kEncryptedArchive,
  kObfuscatedArchive,
  kBadUnicode,
  kExeInSplitRar,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"MIME_GOOD", "mime_types", -0.1, "Has a part of a usual type.", true},
    {"MIME_BAD", "mime_types", 1, "Has a part of a dangerous type.", true},
    {"MIME_UNKNOWN", "mime_types", 0.1, "Has a part of an unknown type or of none.", true},
    {"MIME_TRACE", "mime_types", 0, "What was thought of each part."},
    {"MIME_BAD_ATTACHMENT", "mime_types", 4, "A file's type is not that of its name.", true},
    {"MIME_BAD_EXTENSION", "mime_types", 2, "A file's name ends like a program's.", true},
    {"MIME_DOUBLE_BAD_EXTENSION", "mime_types", 3, "A program is named like a document.", true},
    {"MIME_ARCHIVE_IN_ARCHIVE", "mime_types", 5, "An archive in an archive.", true},
    {"MIME_ENCRYPTED_ARCHIVE", "mime_types", 2, "An archive that cannot be looked into.", true},
    {"MIME_OBFUSCATED_ARCHIVE", "mime_types", 2, "An archive that hides its names.", true},
    {"MIME_BAD_UNICODE", "mime_types", 2, "A file's name has invisible characters.", true},
    {"MIME_EXE_IN_GEN_SPLIT_RAR", "mime_types", 5, "A program in a numbered piece of a RAR.", true},
}};

struct NamedWeight {
  std::string name;  // lower case
  double weight;
};

struct Plan : CheckPlan {
  std::vector<NamedWeight> bad, bad_archived;  // of the site; before the shipped ones
  double other_mult = 0.4;
};

constexpr std::array<OptionDecl, 3> kOptions{{
    {"bad_extensions", OptionType::kObject, "", "Weights of dangerous extensions."},
    {"bad_archive_extensions", OptionType::kObject, "", "The same for files in archives."},
    {"other_extensions_mult", OptionType::kNumber, "0.4",
     "Factor where an extension of the built-in table does not fit its type.", 0, 10},
}};

std::vector<NamedWeight> weights(const UclObject* options, std::string_view key) {
  std::vector<NamedWeight> out;
  const UclObject* const table = options ? options->find(key) : nullptr;
  if (!table) return out;
  for (const UclObject& row : table->last_value().children()) {
    std::string name(row.key());
    std::ranges::transform(name, name.begin(), lower_ascii);
    out.push_back({std::move(name), row.last_value().as_number().value_or(0)});
  }
  return out;
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->bad = weights(context.options, "bad_extensions");
  plan->bad_archived = weights(context.options, "bad_archive_extensions");
  if (context.options) plan->other_mult = context.options->number("other_extensions_mult", 0.4);
  return plan;
}

template <class Rows>
double weight_in(const Rows& rows, std::string_view extension) {
  for (const auto& row : rows)
    if constexpr (requires { row.extension; }) {
      if (equal_caseless(row.extension, extension)) return row.weight;
    } else {
      if (equal_caseless(row.name, extension)) return row.weight;
    }
  return 0;
}

double bad_weight(const Plan& plan, std::string_view extension, bool alone_in_archive) {
  if (extension.empty()) return 0;
  double weight = 0;
  if (alone_in_archive) {
    weight = weight_in(plan.bad_archived, extension);
    if (weight == 0) weight = weight_in(kBadArchived, extension);
  }
  if (weight == 0) weight = weight_in(plan.bad, extension);
  return weight != 0 ? weight : weight_in(kBadExtensions, extension);
}

// Weight of a type in the table; nothing where it is not there.
const TypeWeight* find_type(std::string_view type) {
  for (const TypeWeight& row : kTypeWeights) {
    if (row.type.ends_with('*') ? starts_caseless(type, row.type.substr(0, row.type.size() - 1))
                                : equal_caseless(type, row.type))
      return &row;
  }
  return nullptr;
}

// name "a.pdf.exe" = "exe" and "pdf"; empty where there is none.
struct Extensions {
  std::string_view last, before;
};
Extensions extensions_of(std::string_view name) {
  Extensions out;
  name = name_as_opened(name);
  out.last = extension_of(name);
  if (out.last.empty()) return out;
  out.before = extension_of(name.substr(0, name.size() - out.last.size() - 1));
  return out;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_wrapped_archive(std::string_view extension) {
  return std::ranges::any_of(kWrappedArchives,
                             [&](std::string_view one) { return equal_caseless(one, extension); });
}

// What an archive's name says it holds: report.pdf.zip and report.pdf.tar.gz "pdf".
std::string_view promised_by(std::string_view name) {
  const Extensions extensions = extensions_of(name);
  if (!equal_caseless(extensions.before, "tar")) return extensions.before;
  return extensions_of(name.substr(0, name.size() - extensions.last.size() - 1)).before;
}

void bad_extension(const Plan& plan, Batch& batch, uint32_t row, std::string_view name,
                   bool alone_in_archive) {
  const Extensions extensions = extensions_of(name);
  const double last = bad_weight(plan, extensions.last, alone_in_archive);
  if (last <= 0) return;
  if (name_as_opened(name).size() < name.size()) {  // "evil.exe." does not look like a program
    insert(plan, batch, row, kDoubleExtension, join_text(batch.arena, ".", extensions.last, "."),
           last);
    return;
  }
  if (!extensions.before.empty() && extensions.before.size() <= 4 &&
      !all_digits(extensions.before)) {
    const double before = bad_weight(plan, extensions.before, alone_in_archive);
    insert(plan, batch, row, kDoubleExtension,
           join_text(batch.arena, ".", extensions.before, ".", extensions.last),
           std::max(last, before));
    return;
  }
  insert(plan, batch, row, kBadExtension, extensions.last, last);
}

bool is_hidden(uint32_t point) {
  return point == 0xFEFF || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202F) || (point >= 0x205F && point <= 0x206F);
}

void unicode(const CheckPlan& plan, Batch& batch, uint32_t row, std::string_view name) {
  if (is_ascii(name)) return;
  const char* at = name.data();
  const char* const end = at + name.size();
  while (at < end) {
    const char* const here = at;
    const uint32_t point = next_point(at);
    if (!is_hidden(point)) continue;
    constexpr std::string_view kHex = "0123456789abcdef";
    const char digits[4] = {kHex[point >> 12 & 15], kHex[point >> 8 & 15], kHex[point >> 4 & 15],
                            kHex[point & 15]};
    insert(plan, batch, row, kBadUnicode,
           join_text(batch.arena, "0x", std::string_view(digits, 4), " after ",
                     name.substr(0, static_cast<size_t>(here - name.data()))));
    return;
  }
}

void archive(const Plan& plan, Batch& batch, uint32_t row, const Part& part) {
  const Archive& archive = batch.archives.row(row)[part.archive];
  const auto members =
      batch.archive_members.row(row).subspan(archive.members.begin, archive.members.size());
  if (archive.unreadable) {
    insert(plan, batch, row, kEncryptedArchive, "encrypted header");
    insert(plan, batch, row, kEncryptedArchive, part.filename, 0);
  } else if (archive.encrypted) {
    const auto locked = std::ranges::find(members, true, &ArchiveMember::encrypted);
    insert(plan, batch, row, kEncryptedArchive,
           locked == members.end() ? part.filename : locked->name);
  }
  uint32_t files = 0;
  for (const ArchiveMember& member : members) files += !member.directory && member.depth == 0;
  bool hidden = false;
  const bool split_rar = archive.format == "rar" && all_digits(extension_of(part.filename)) &&
                         extension_of(part.filename).size() == 3;
  for (const ArchiveMember& member : members) {
    if (member.directory) continue;
    hidden |= member.obfuscated;
    unicode(plan, batch, row, member.name);
    const std::string_view extension = extension_of(member.name);
    if (split_rar && equal_caseless(extension, "exe"))
      insert(plan, batch, row, kExeInSplitRar, member.name);
    if (member.depth == 0 && is_wrapped_archive(extension))
      insert(plan, batch, row, kArchiveInArchive, extension);
    bad_extension(plan, batch, row, member.name, files == 1);
    // report.pdf.zip that holds report.exe alone
    const std::string_view promised = promised_by(part.filename);
    if (files == 1 && !promised.empty() && promised.size() <= 4 && !all_digits(promised) &&
        !equal_caseless(promised, extension) && bad_weight(plan, extension, true) > 0)
      insert(plan, batch, row, kDoubleExtension,
             join_text(batch.arena, ".", promised, ".", extension), 2);
  }
  if (hidden && !archive.unreadable && !archive.encrypted) {
    insert(plan, batch, row, kObfuscatedArchive, "obfuscated archive");
    insert(plan, batch, row, kObfuscatedArchive, part.filename, 0);
  }
}

void file_name(const Plan& plan, Batch& batch, uint32_t row, const Part& part,
               std::string_view type) {
  unicode(plan, batch, row, part.filename);
  bad_extension(plan, batch, row, part.filename, false);
  const Extensions extensions = extensions_of(part.filename);
  if (is_wrapped_archive(extensions.before) && is_archive_extension(extensions.last) &&
      !all_digits(extensions.last))
    insert(plan, batch, row, kArchiveInArchive, extensions.before);
  if (!part.other_filename.empty()) {  // a reader may see this one
    unicode(plan, batch, row, part.other_filename);
    bad_extension(plan, batch, row, part.other_filename, false);
  }
  if (extensions.last.empty()) return;
  // What the sender says, or bytes that are beyond doubt.
  const std::string_view detected = part.detected.type;
  if (type == "application/octet-stream" ||
      extension_fit(extensions.last, type) != ExtensionFit::kDiffers) {
    if (detected != "application/x-dosexec" && detected != "application/x-7z-compressed") return;
    if (extension_fit(extensions.last, detected) != ExtensionFit::kDiffers) return;
    type = detected;
  }
  const bool named = type.data() != detected.data() && (equal_caseless(extensions.last, "html") ||
                                                        equal_caseless(extensions.last, "txt") ||
                                                        equal_caseless(extensions.last, "pdf"));
  insert(plan, batch, row, kBadAttachment, join_text(batch.arena, extensions.last, ":", type),
         named ? 1.0 : plan.other_mult);
}

// '+', '-' or '~': what is thought of the part's type.
char judge_type(const CheckPlan& plan, Batch& batch, uint32_t row, const Part& part,
                std::string_view type) {
  if (type.empty()) {
    insert(plan, batch, row, kUnknown, "missing content type");
    return '~';
  }
  const std::string_view detected = part.detected.type;
  const bool differs = !detected.empty() && !equal_caseless(detected, type);
  const TypeWeight* found = find_type(type);
  if (differs && detected != "text/plain")
    if (const TypeWeight* const by_bytes = find_type(detected);
        by_bytes && (!found || by_bytes->weight > found->weight) && by_bytes->weight > 0) {
      insert(plan, batch, row, kBad, join_text(batch.arena, type, ":", detected),
             by_bytes->weight * 1.5);
      return '-';
    }
  if (!found) {
    insert(plan, batch, row, kUnknown, type);
    return '~';
  }
  if (found->weight > 0) {
    insert(plan, batch, row, kBad, type, found->weight);
    return '-';
  }
  if (found->weight == 0) return '~';
  insert(plan, batch, row, kGood, type, -found->weight);
  return '+';
}

// Whether a part of another type is read as HTML for what its bytes are: it is judged as HTML, too.
bool was_read_as_html(const Part& part) {
  return part.kind == PartKind::kHtml && part_kind(part.type, part.subtype) != PartKind::kHtml;
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (batch.raw[row].empty()) continue;
    uint32_t number = 0;
    for (const Part& part : batch.parts.row(row)) {
      if (part.flags & static_cast<uint16_t>(PartFlag::kSecondReading)) continue;
      const std::string_view type = part.type.empty()
                                        ? std::string_view()
                                        : join_text(batch.arena, part.type, "/", part.subtype);
      const char mark =
          judge_type(plan, batch, row, part, was_read_as_html(part) ? part.detected.type : type);
      insert(plan, batch, row, kTrace,
             join_text(batch.arena, number_text(batch.arena, number++), ":",
                       std::string_view(&mark, 1)));
      if (!part.filename.empty() && part.kind != PartKind::kMultipart)
        file_name(plan, batch, row, part, type);
      if (part.archive != kNoIndex) archive(plan, batch, row, part);
    }
  }
}

}  // namespace

extern constexpr Check kMimeTypes{
    .name = "mime_types",
    .text = "Looks at types, file names and archives of attachments.",
    .options = kOptions,
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
