#include "engine/content/containers.h"

#include <algorithm>
#include <cstdint>

#include "engine/little_endian.h"

namespace winnow {

namespace {

using namespace std::string_view_literals;

struct Named {
  std::string_view name;
  DetectedType type;
};

// By the content of the member "mimetype", which ODF and EPUB put first and unpacked.
constexpr Named kMimetypes[] = {
    {"application/vnd.oasis.opendocument.text", {"application/vnd.oasis.opendocument.text", "odt"}},
    {"application/vnd.oasis.opendocument.spreadsheet",
     {"application/vnd.oasis.opendocument.spreadsheet", "ods"}},
    {"application/vnd.oasis.opendocument.presentation",
     {"application/vnd.oasis.opendocument.presentation", "odp"}},
    {"application/vnd.oasis.opendocument.graphics",
     {"application/vnd.oasis.opendocument.graphics", "odg"}},
    {"application/epub+zip", {"application/epub+zip", "epub"}},
};

constexpr DetectedType kZip{"application/zip", "zip"};
constexpr DetectedType kDocx{
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"};
constexpr DetectedType kXlsx{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                             "xlsx"};
constexpr DetectedType kPptx{
    "application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"};
constexpr DetectedType kDocm{"application/vnd.ms-word.document.macroenabled.12", "docm"};
constexpr DetectedType kXlsm{"application/vnd.ms-excel.sheet.macroenabled.12", "xlsm"};
constexpr DetectedType kXlsb{"application/vnd.ms-excel.sheet.binary.macroenabled.12", "xlsb"};
constexpr DetectedType kPptm{"application/vnd.ms-powerpoint.presentation.macroenabled.12", "pptm"};

// The directory's names tell; it stands at the end, and its entries begin with "PK\1\2".
DetectedType by_members(std::string_view bytes) {
  constexpr int kEntriesMax = 256;
  char office = '\0';
  bool macros = false, binary = false, content_types = false, manifest = false, android = false;
  const size_t directory = [&] {
    const size_t end = bytes.rfind("PK\5\6"sv);
    if (end == std::string_view::npos) return bytes.size();
    const uint64_t size = little(bytes, end + 12, 4);
    return size <= end ? end - static_cast<size_t>(size) : bytes.size();
  }();
  // Where there is no directory (cut, or prepended data) the local headers are good enough.
  const bool central = directory < bytes.size();
  size_t at = central ? directory : 0;
  for (int i = 0; i < kEntriesMax && at + 30 <= bytes.size(); ++i) {
    const size_t name_bytes = little(bytes, at + (central ? 28 : 26), 2);
    const size_t extra_bytes = little(bytes, at + (central ? 30 : 28), 2);
    const std::string_view sign = bytes.substr(at, 4);
    if (sign != (central ? "PK\1\2"sv : "PK\3\4"sv)) break;
    const size_t head = central ? 46 : 30;
    if (at + head > bytes.size()) break;
    const std::string_view name = bytes.substr(at + head, name_bytes);
    if (office == '\0') {
      if (name.starts_with("word/")) office = 'w';
      if (name.starts_with("xl/")) office = 'x';
      if (name.starts_with("ppt/")) office = 'p';
    }
    content_types |= name == "[Content_Types].xml";
    macros |= name.ends_with("vbaProject.bin");
    binary |= name == "xl/workbook.bin";
    manifest |= name == "META-INF/MANIFEST.MF";
    android |= name == "AndroidManifest.xml";
    const uint64_t tail = central ? little(bytes, at + 32, 2) : little(bytes, at + 18, 4);
    at += head + name_bytes + extra_bytes + static_cast<size_t>(tail);
  }
  if (content_types || office != '\0') {
    if (office == 'w') return macros ? kDocm : kDocx;
    if (office == 'x') return binary ? kXlsb : macros ? kXlsm : kXlsx;
    if (office == 'p') return macros ? kPptm : kPptx;
  }
  if (android) return {"application/vnd.android.package-archive", "apk"};
  if (manifest) return {"application/java-archive", "jar"};
  return kZip;
}

// MS-CFB 2.6.1: entries of 128 bytes, 64 of them the name in UTF-16, its bytes counted at 64.
struct OleScan {
  bool word = false, excel = false, powerpoint = false, visio = false, message = false;
  bool installer = false, encrypted = false;

  void look(std::string_view entry) {
    const size_t name_bytes = std::min<size_t>(little(entry, 64, 2), 64);
    char name[32];
    size_t n = 0;
    for (size_t i = 0; i + 2 < name_bytes; i += 2) {
      const uint64_t unit = little(entry, i, 2);
      // Installers pack the names of their tables into 0x3800-0x4840 (MSI).
      if (unit >= 0x3800 && unit <= 0x4840) installer = true;
      name[n++] = unit < 0x80 ? static_cast<char>(unit) : '?';
    }
    const std::string_view text(name, n);
    word |= text == "WordDocument";
    excel |= text == "Workbook" || text == "Book";
    powerpoint |= text == "PowerPoint Document";
    visio |= text == "VisioDocument";
    message |= text == "__properties_version1.0";
    encrypted |= text == "EncryptedPackage";
  }
};

}  // namespace

DetectedType detect_zip(std::string_view bytes) {
  if (bytes.size() >= 38 && bytes.substr(30).starts_with("mimetype")) {
    const size_t extra_bytes = little(bytes, 28, 2);
    const size_t start = std::min(bytes.size(), 38 + extra_bytes);
    const std::string_view content = bytes.substr(start, 100);
    for (const Named& row : kMimetypes) {
      if (content.starts_with(row.name)) return row.type;
    }
  }
  return by_members(bytes);
}

DetectedType detect_ole(std::string_view bytes) {
  const uint64_t shift = little(bytes, 30, 2);
  const size_t sector = size_t{1} << (shift == 12 ? 12 : 9);
  uint64_t number = little(bytes, 48, 4);
  OleScan scan;
  // The chain of directory sectors, by the first FAT sectors (109 of them stand in the header).
  for (int i = 0; i < 64 && number < 0xFFFFFFFA; ++i) {
    const uint64_t at = (number + 1) * sector;
    if (at >= bytes.size()) break;
    const std::string_view entries = bytes.substr(static_cast<size_t>(at), sector);
    for (size_t e = 0; e + 128 <= entries.size(); e += 128) scan.look(entries.substr(e, 128));
    const uint64_t per_sector = sector / 4;
    if (number / per_sector >= 109) break;
    const uint64_t fat = little(bytes, 76 + 4 * static_cast<size_t>(number / per_sector), 4);
    const uint64_t next_at = (fat + 1) * sector + 4 * (number % per_sector);
    if (next_at + 4 > bytes.size()) break;
    number = little(bytes, static_cast<size_t>(next_at), 4);
  }
  if (scan.word) return {"application/msword", "doc"};
  if (scan.excel) return {"application/vnd.ms-excel", "xls"};
  if (scan.powerpoint) return {"application/vnd.ms-powerpoint", "ppt"};
  if (scan.visio) return {"application/vnd.visio", "vsd"};
  if (scan.message) return {"application/vnd.ms-outlook", "msg"};
  if (scan.encrypted) return {"application/encrypted", "ooxml"};
  if (scan.installer) return {"application/x-msi", "msi"};
  return {"application/x-ole-storage", "ole"};
}

}  // namespace winnow
