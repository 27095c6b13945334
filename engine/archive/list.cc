// Archives inside archives: a work list, not recursion. The outer archive's members come first,
// then those of each inner archive, one level deeper; all stand in one range.
#include "engine/archive/list.h"

#include <algorithm>
#include <array>

#include "engine/archive/listing.h"
#include "engine/text/charset.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(ArchiveFormat::kCount)> kNames = {
    "", "zip", "rar", "7z", "tar", "gzip", "bzip2", "xz", "zstd", "cab", "iso"};

struct ExtensionRow {
  std::string_view extension;
  ArchiveFormat format;
};
constexpr ExtensionRow kExtensions[] = {
    {"zip", ArchiveFormat::kZip},    {"jar", ArchiveFormat::kZip},   {"apk", ArchiveFormat::kZip},
    {"rar", ArchiveFormat::kRar},    {"7z", ArchiveFormat::k7z},     {"tar", ArchiveFormat::kTar},
    {"tgz", ArchiveFormat::kGzip},   {"gz", ArchiveFormat::kGzip},   {"bz2", ArchiveFormat::kBzip2},
    {"tbz2", ArchiveFormat::kBzip2}, {"tbz", ArchiveFormat::kBzip2}, {"xz", ArchiveFormat::kXz},
    {"txz", ArchiveFormat::kXz},     {"zst", ArchiveFormat::kZstd},  {"cab", ArchiveFormat::kCab},
    {"iso", ArchiveFormat::kIso},    {"img", ArchiveFormat::kIso},   {"z", ArchiveFormat::kGzip},
    {"r00", ArchiveFormat::kRar},
};

// Bytes of inner archives that one part may make us unpack.
constexpr uint64_t kNestedBytesMax = 16 << 20;
constexpr size_t kNestedMax = 64;

bool hides(uint32_t point) {
  return point < 0x20 || point == 0x7F || point == kReplacement || point == 0xFEFF ||
         (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202F) ||
         (point >= 0x205F && point <= 0x206F);
}

// The name as valid UTF-8.
std::string_view readable_name(std::string_view name, NameCharset charset, Arena& arena) {
  if (is_utf8(name)) return arena.copy(name);
  const uint16_t* const high =
      charset == NameCharset::kUtf8 ? nullptr : find_charset("cp437")->high;
  char* const from = arena.alloc_bytes(name.size() * 3);
  char* to = from;
  for (const char c : name) {
    const auto byte = static_cast<uint8_t>(c);
    const uint32_t point = byte < 0x80 ? byte : high == nullptr ? kReplacement : high[byte - 0x80];
    to += put_point(to, point);
  }
  arena.shrink_to(to);
  return {from, static_cast<size_t>(to - from)};
}

bool same_letters(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x | 0x20) : x) == y;
         });
}

void list_one(ArchiveFormat format, std::string_view bytes, std::string_view filename,
              Listing& listing) {
  switch (format) {
    case ArchiveFormat::kZip:
      return list_zip(bytes, listing);
    case ArchiveFormat::kRar:
      return list_rar(bytes, listing);
    case ArchiveFormat::k7z:
      return list_7z(bytes, listing);
    default: {
      const bool tar = list_stream(bytes, filename, listing);
      if (tar && listing.archive.format.empty()) {
        listing.archive.format = archive_format_name(ArchiveFormat::kTar);
      }
      return;
    }
  }
}

}  // namespace

std::string_view archive_format_name(ArchiveFormat format) {
  return kNames[static_cast<size_t>(format)];
}

ArchiveFormat format_of_extension(std::string_view extension) {
  for (const ExtensionRow& row : kExtensions) {
    if (same_letters(extension, row.extension)) return row.format;
  }
  return ArchiveFormat::kNone;
}

bool is_archive_extension(std::string_view extension) {
  return format_of_extension(extension) != ArchiveFormat::kNone;
}

ArchiveFormat archive_format(std::string_view bytes, bool zip_promised) {
  using namespace std::string_view_literals;
  struct Magic {
    size_t at;
    std::string_view bytes;
    ArchiveFormat format;
  };
  static constexpr Magic kMagic[] = {
      {0, "PK\3\4"sv, ArchiveFormat::kZip},
      {0, "PK\5\6"sv, ArchiveFormat::kZip},
      {0, "PK\7\10PK"sv, ArchiveFormat::kZip},
      {0, "Rar!\x1A\7"sv, ArchiveFormat::kRar},
      {0, "7z\xBC\xAF\x27\x1C"sv, ArchiveFormat::k7z},
      {0, "\x1F\x8B"sv, ArchiveFormat::kGzip},
      {0, "BZh"sv, ArchiveFormat::kBzip2},
      {0,
       "\xFD"
       "7zXZ\0"sv,
       ArchiveFormat::kXz},
      {0, "\x28\xB5\x2F\xFD"sv, ArchiveFormat::kZstd},
      {0, "MSCF\0\0\0\0"sv, ArchiveFormat::kCab},
      {257, "ustar"sv, ArchiveFormat::kTar},
      {32769, "CD001"sv, ArchiveFormat::kIso},
  };
  // Programs that open zips look at the end alone.
  if (zip_promised && ends_as_zip(bytes)) return ArchiveFormat::kZip;
  for (const Magic& magic : kMagic) {
    if (bytes.size() > magic.at && bytes.substr(magic.at).starts_with(magic.bytes)) {
      return magic.format;
    }
  }
  return ends_as_zip(bytes) ? ArchiveFormat::kZip : ArchiveFormat::kNone;
}

bool promises_zip(std::string_view type, std::string_view subtype, std::string_view filename) {
  const bool zip = subtype == "zip" || subtype == "x-zip" || subtype == "x-zip-compressed";
  if (type == "application" && zip) return true;
  return format_of_extension(extension_of(filename)) == ArchiveFormat::kZip;
}

void Listing::begin(uint8_t depth, uint64_t archive_bytes) {
  depth_ = depth;
  own_bytes_ = archive_bytes;
  own_unpacked_ = 0;
  own_members_ = 0;
  full_ = false;
}

bool Listing::add(std::string_view name, NameCharset charset, ArchiveMember member) {
  if (full_) return false;
  if (own_members_ >= limits_.archive_members_max) {
    over_limit();
    return false;
  }
  ++own_members_;
  member.name = readable_name(name, charset, batch_.arena);
  member.depth = depth_;
  const char* at = member.name.data();
  const char* const end = at + member.name.size();
  while (at < end) member.obfuscated |= hides(next_point(at));
  archive.encrypted |= member.encrypted;
  batch_.archive_members.values.push_back(member);
  // Claims saturate: a hostile list may claim any 64-bit size.
  const uint64_t room = limits_.archive_unpacked_max + 1;
  own_unpacked_ = std::min(room, own_unpacked_ + std::min(room, member.size));
  archive.unpacked_bytes += std::min(room, member.size);
  constexpr uint64_t kRatioFromBytes = 1 << 20;  // below it nothing is a bomb
  if (own_unpacked_ > limits_.archive_unpacked_max ||
      (own_unpacked_ > kRatioFromBytes &&
       own_unpacked_ / std::max<uint64_t>(own_bytes_, 1) > limits_.archive_ratio_max)) {
    over_limit();
  }
  return !full_;
}

void Listing::broken() {
  archive.truncated = true;
  batch_.facts[row_].faults.set(Fault::kArchiveBroken);
}

void Listing::over_limit() {
  archive.truncated = true;
  full_ = true;
  batch_.facts[row_].faults.set(Fault::kLimitArchive);
}

uint32_t list_archive(const Limits& limits, std::string_view bytes, std::string_view filename,
                      uint32_t part, uint32_t row, Batch& batch, bool zip_promised) {
  const ArchiveFormat format = archive_format(bytes, zip_promised);
  if (format == ArchiveFormat::kNone) return kNoIndex;
  Listing listing(limits, row, batch);
  const auto first = static_cast<uint32_t>(batch.archive_members.open_row().size());
  listing.archive.part = part;
  listing.archive.packed_bytes = bytes.size();
  const ArchiveFormat promised = format_of_extension(extension_of(filename));
  listing.archive.misnamed = promised != ArchiveFormat::kNone && promised != format;
  listing.begin(0, bytes.size());
  list_one(format, bytes, filename, listing);
  if (listing.archive.format.empty()) listing.archive.format = archive_format_name(format);

  struct Work {
    std::string_view bytes;
    uint32_t depth;
  };
  std::vector<Work> work;
  std::vector<NestedArchive> nested;
  uint64_t budget = kNestedBytesMax;
  if (!listing.archive.unreadable) work.push_back({bytes, 0});
  size_t archives = 0;
  for (size_t i = 0; i < work.size(); ++i) {
    const Work now = work[i];
    bool any = false;
    for (const ArchiveMember& member : batch.archive_members.open_row().subspan(first)) {
      any |= member.depth == now.depth && !member.encrypted &&
             is_archive_extension(extension_of(member.name));
    }
    if (!any) continue;
    if (now.depth + 1 > limits.archive_depth_max) {
      listing.over_limit();
      break;
    }
    nested.clear();
    unpack_nested(now.bytes, budget, batch.arena, nested);
    for (const NestedArchive& inner : nested) {
      budget -= std::min<uint64_t>(budget, inner.bytes.size());
      const ArchiveFormat inner_format =
          archive_format(inner.bytes, promises_zip({}, {}, inner.name));
      if (inner_format == ArchiveFormat::kNone) continue;
      if (++archives > kNestedMax) {
        listing.over_limit();
        break;
      }
      listing.begin(static_cast<uint8_t>(now.depth + 1), inner.bytes.size());
      list_one(inner_format, inner.bytes, inner.name, listing);
      work.push_back({inner.bytes, now.depth + 1});
    }
    if (archives > kNestedMax) break;
  }
  listing.archive.members = {first, static_cast<uint32_t>(batch.archive_members.open_row().size())};
  batch.archives.values.push_back(listing.archive);
  return static_cast<uint32_t>(batch.archives.open_row().size() - 1);
}

}  // namespace winnow
