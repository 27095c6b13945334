// Programs in archives, and archives that pretend.
#include <algorithm>
#include <array>

#include "engine/archive/listing.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kExe,
  kSingleExe,
  kMisnamedRar,
  kExeInMisnamedRar,
  kBaitName,
  kBaitSubject,
  kBlownUp,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"EXE_IN_ARCHIVE", "malware", 1.5, "A program in an archive."},
    {"SINGLE_FILE_ARCHIVE_WITH_EXE", "malware", 5, "An archive of one program."},
    {"MISIDENTIFIED_RAR", "malware", 4, "A RAR under another name."},
    {"EXE_IN_MISIDENTIFIED_RAR", "malware", 5, "A program in a RAR under another name."},
    {"EXE_ARCHIVE_CLICKBAIT_FILENAME", "malware", 9, "A program in an archive named like a bill."},
    {"EXE_ARCHIVE_CLICKBAIT_SUBJECT", "malware", 9, "A program in an archive, sent like a bill."},
    {"UDF_COMPRESSION_500PLUS", "malware", 9, "A disk image blown up with nothing."},
}};

constexpr uint32_t kArchivesMax = 10;
constexpr uint32_t kMembersMax = 10;
constexpr uint64_t kBlownUpFrom = 500;

// Words of business that make people open a file, in the languages that malware uses most.
constexpr std::array<std::string_view, 26> kBait{
    "order",    "payment",  "invoice",  "quotation", "quote",    "receipt",   "remittance",
    "shipment", "shipping", "delivery", "purchase",  "contract", "statement", "swift",
    "transfer", "inquiry",  "enquiry",  "overdue",   "document", "rechnung",  "bestellung",
    "factura",  "fattura",  "facture",  "pedido",    "siparis"};

bool is_bait(std::string_view text) {
  return std::ranges::any_of(kBait, [&](std::string_view word) {
    return find_caseless(text, word) != std::string_view::npos;
  });
}

bool is_program(std::string_view name) {
  const std::string_view extension = extension_of(name);
  return equal_caseless(extension, "exe") || equal_caseless(extension, "com");
}

bool has_rar_name(std::string_view name) {
  const std::string_view extension = extension_of(name);
  if (equal_caseless(extension, "rar")) return true;
  return extension.size() == 3 && lower_ascii(extension[0]) == 'r' &&
         extension.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

void look(const CheckPlan& plan, Batch& batch, uint32_t row, const Archive& archive) {
  const std::string_view name = batch.parts.row(row)[archive.part].filename;
  const bool misnamed = archive.format == "rar" && !name.empty() && !has_rar_name(name);
  if (misnamed) insert(plan, batch, row, kMisnamedRar, name);
  std::string_view program;
  uint32_t files = 0, seen = 0;
  for (const ArchiveMember& member :
       batch.archive_members.row(row).subspan(archive.members.begin, archive.members.size())) {
    if (member.directory || member.depth > 0) continue;
    ++files;
    if (++seen > kMembersMax) continue;
    if (program.empty() && is_program(member.name)) program = member.name;
    if (equal_caseless(extension_of(member.name), "img") && member.packed > 0 &&
        member.size / member.packed >= kBlownUpFrom)
      insert(plan, batch, row, kBlownUp, member.name);
  }
  if (program.empty()) return;
  insert(plan, batch, row, kExe, program);
  if (files == 1) insert(plan, batch, row, kSingleExe, program);
  if (misnamed) insert(plan, batch, row, kExeInMisnamedRar, program);
  const uint32_t subject = batch.facts[row].subject;
  if (is_bait(name))
    insert(plan, batch, row, kBaitName, name);
  else if (subject != kNoIndex && is_bait(batch.headers.row(row)[subject].decoded))
    insert(plan, batch, row, kBaitSubject);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    uint32_t count = 0;
    for (const Archive& archive : batch.archives.row(row)) {
      if (++count > kArchivesMax) break;
      look(plan, batch, row, archive);
    }
  }
}

}  // namespace

extern constexpr Check kArchivesCheck{
    .name = "archives",
    .text = "Looks for programs in archives.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
