// ZIP, read from its end as unpackers do (APPNOTE.TXT 4.3): end record, central directory, and each
// member's local header for the encryption bit. Data before the archive shifts all offsets. Where
// the directory cannot be found the local headers are walked from the start instead.
//
//   local     50 4B 03 04 ver2 flags2 method2 time4 crc4 packed4 size4 name2 extra2 name extra data
//   central   50 4B 01 02 made2 ver2 flags2 method2 time4 crc4 packed4 size4 name2 extra2 comment2
//             disk2 attr2 attr4 offset4 name extra comment
//   end       50 4B 05 06 disk2 disk2 n2 n2 bytes4 offset4 comment2
#include <algorithm>

#include "engine/archive/listing.h"
#include "engine/little_endian.h"

namespace winnow {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLocal = "PK\3\4"sv;
constexpr std::string_view kCentral = "PK\1\2"sv;
constexpr std::string_view kEnd = "PK\5\6"sv;
constexpr std::string_view kEnd64 = "PK\6\6"sv;
constexpr size_t kEndBytes = 22;
constexpr size_t kCentralBytes = 46;
constexpr size_t kLocalBytes = 30;
constexpr uint64_t kIn64 = 0xFFFFFFFF;  // the value is in the zip64 extra field

constexpr unsigned kFlagEncrypted = 1;
constexpr unsigned kFlagStrong = 1 << 6;
constexpr unsigned kFlagUtf8 = 1 << 11;
constexpr unsigned kFlagMasked = 1 << 13;  // central directory encrypted
constexpr uint64_t kMethodAes = 99;

// Extra fields: zip64 sizes (id 1) and the Unicode name (id 0x7075, APPNOTE 4.6.9).
void read_extra(std::string_view extra, ArchiveMember& member, std::string_view& name,
                NameCharset& charset, uint64_t* offset) {
  for (size_t at = 0; at + 4 <= extra.size();) {
    const uint64_t id = little(extra, at, 2);
    const size_t length = little(extra, at + 2, 2);
    const std::string_view field = extra.substr(at + 4, length);
    at += 4 + length;
    if (id == 1) {
      size_t next = 0;
      for (uint64_t* value : {&member.size, &member.packed, offset}) {
        if (value == nullptr || *value != kIn64) continue;
        *value = little(field, next, 8);
        next += 8;
      }
    } else if (id == 0x7075 && field.size() > 5 && field[0] == 1) {
      name = field.substr(5);
      charset = NameCharset::kUtf8;
    }
  }
}

bool encrypted_by(uint64_t flags, uint64_t method) {
  return flags & (kFlagEncrypted | kFlagStrong) || method == kMethodAes;
}

struct Directory {
  size_t begin = 0;
  size_t end = 0;
  uint64_t entries = 0;
  uint64_t shift = 0;  // bytes before the archive
  bool found = false;
};

Directory find_directory(std::string_view bytes) {
  if (bytes.size() < kEndBytes) return {};
  const size_t reach = std::min<size_t>(bytes.size(), kEndBytes + 0xFFFF);
  const std::string_view tail = bytes.substr(bytes.size() - reach);
  for (size_t from = std::string_view::npos;;) {
    const size_t at = tail.rfind(kEnd, from);
    if (at == std::string_view::npos) return {};
    const size_t end = bytes.size() - reach + at;
    if (end + kEndBytes > bytes.size()) {
      if (at == 0) return {};
      from = at - 1;
      continue;
    }
    Directory directory;
    directory.entries = little(bytes, end + 10, 2);
    uint64_t size = little(bytes, end + 12, 4);
    uint64_t offset = little(bytes, end + 16, 4);
    directory.end = end;
    if (offset == kIn64 || size == kIn64 || directory.entries == 0xFFFF) {
      // The zip64 end record stands before its 20-byte locator.
      constexpr size_t kWindow = 4096;
      const size_t from64 = end - std::min(end, kWindow);
      size_t end64 = bytes.substr(from64, end - from64).rfind(kEnd64);
      if (end64 != std::string_view::npos) {
        end64 += from64;
        directory.entries = little(bytes, end64 + 32, 8);
        size = little(bytes, end64 + 40, 8);
        offset = little(bytes, end64 + 48, 8);
        directory.end = end64;
      }
    }
    if (size <= directory.end) {
      directory.begin = directory.end - static_cast<size_t>(size);
      directory.shift = directory.begin >= offset ? directory.begin - offset : 0;
      directory.found =
          directory.entries == 0 || bytes.substr(directory.begin).starts_with(kCentral);
      if (directory.found) return directory;
    }
    if (at == 0) return {};
    from = at - 1;
  }
}

void list_central(std::string_view bytes, const Directory& directory, Listing& listing) {
  size_t at = directory.begin;
  uint64_t seen = 0;
  while (at + kCentralBytes <= directory.end && bytes.substr(at).starts_with(kCentral)) {
    const size_t name_bytes = little(bytes, at + 28, 2);
    const size_t extra_bytes = little(bytes, at + 30, 2);
    const size_t comment_bytes = little(bytes, at + 32, 2);
    if (name_bytes + extra_bytes > directory.end - at - kCentralBytes) break;
    const uint64_t flags = little(bytes, at + 8, 2);
    ArchiveMember member;
    member.packed = little(bytes, at + 20, 4);
    member.size = little(bytes, at + 24, 4);
    uint64_t offset = little(bytes, at + 42, 4);
    std::string_view name = bytes.substr(at + kCentralBytes, name_bytes);
    NameCharset charset = flags & kFlagUtf8 ? NameCharset::kUtf8 : NameCharset::kUnknown;
    read_extra(bytes.substr(at + kCentralBytes + name_bytes, extra_bytes), member, name, charset,
               &offset);
    member.encrypted = encrypted_by(flags, little(bytes, at + 10, 2));
    // Unpackers ask for a password when either header says so.
    const uint64_t local = offset + directory.shift;
    if (local < bytes.size() && bytes.substr(local).starts_with(kLocal)) {
      member.encrypted |= encrypted_by(little(bytes, local + 6, 2), little(bytes, local + 8, 2));
    }
    member.directory = !name.empty() && name.back() == '/';
    if (flags & kFlagMasked) listing.archive.encrypted = listing.archive.unreadable = true;
    ++seen;
    if (!listing.add(name, charset, member)) return;
    at += kCentralBytes + name_bytes + extra_bytes + comment_bytes;
  }
  if (seen < directory.entries) listing.broken();
}

void list_local(std::string_view bytes, Listing& listing) {
  listing.broken();
  size_t at = bytes.find(kLocal);
  while (at != std::string_view::npos && at + kLocalBytes <= bytes.size()) {
    const uint64_t flags = little(bytes, at + 6, 2);
    const size_t name_bytes = little(bytes, at + 26, 2);
    const size_t extra_bytes = little(bytes, at + 28, 2);
    const size_t data = at + kLocalBytes + name_bytes + extra_bytes;
    if (data > bytes.size()) return;
    ArchiveMember member;
    member.packed = little(bytes, at + 18, 4);
    member.size = little(bytes, at + 22, 4);
    std::string_view name = bytes.substr(at + kLocalBytes, name_bytes);
    NameCharset charset = flags & kFlagUtf8 ? NameCharset::kUtf8 : NameCharset::kUnknown;
    read_extra(bytes.substr(at + kLocalBytes + name_bytes, extra_bytes), member, name, charset,
               nullptr);
    member.encrypted = encrypted_by(flags, little(bytes, at + 8, 2));
    member.directory = !name.empty() && name.back() == '/';
    if (!listing.add(name, charset, member)) return;
    // Sizes may stand behind the data instead (flag 8): look for the next header.
    const size_t skip =
        member.packed <= bytes.size() - data ? static_cast<size_t>(member.packed) : 0;
    at = bytes.find(kLocal, data + skip);
  }
}

}  // namespace

bool ends_as_zip(std::string_view bytes) {
  const Directory directory = find_directory(bytes);
  return directory.found && directory.entries > 0;
}

void list_zip(std::string_view bytes, Listing& listing) {
  const Directory directory = find_directory(bytes);
  if (!directory.found) return list_local(bytes, listing);
  list_central(bytes, directory, listing);
}

}  // namespace winnow
