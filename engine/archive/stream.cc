// What libarchive reads for us, from memory: 7z, tar and its compressors, cab, iso, and the bytes
// of inner archives. The one file that includes archive.h. Bounded: members and claimed sizes by
// the listing, bytes produced on the way (a compressed tar must be unpacked to be listed) by
// kProducedMax. Its heap allocations last for one call.
#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

#include "engine/archive/listing.h"
#include "engine/little_endian.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

using namespace std::string_view_literals;

constexpr uint64_t kProducedMax = 64 << 20;
constexpr size_t kNestedOneMax = 8 << 20;
constexpr uint32_t kEntriesMax = 10'000;

struct Closer {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, Closer>;

// A reader of `bytes`, or null if libarchive knows no such format. `raw`: a compressor around
// something that is no archive gives one member.
Reader open_reader(std::string_view bytes, bool raw) {
  Reader reader(archive_read_new());
  if (!reader) return nullptr;
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_bzip2(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_lzma(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_filter_compress(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_zip_seekable(reader.get());
  archive_read_support_format_7zip(reader.get());
  archive_read_support_format_cab(reader.get());
  archive_read_support_format_iso9660(reader.get());
  if (raw) archive_read_support_format_raw(reader.get());
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return nullptr;
  return reader;
}

std::string_view name_of(archive_entry* entry) {
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

// RFC 1952: the name a gzip header carries, and the size its trailer claims.
std::string_view gzip_name(std::string_view bytes) {
  constexpr unsigned kExtra = 4, kName = 8;
  if (bytes.size() < 18 || !bytes.starts_with("\x1F\x8B")) return {};
  const auto flags = static_cast<uint8_t>(bytes[3]);
  if (!(flags & kName)) return {};
  const size_t at = flags & kExtra ? 12 + little(bytes, 10, 2) : 10;
  if (at >= bytes.size()) return {};
  const size_t end = bytes.find('\0', at);
  return end == std::string_view::npos ? std::string_view() : bytes.substr(at, end - at);
}

std::string_view without_extension(std::string_view name) {
  const size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

void add_single(std::string_view bytes, std::string_view fallback_name, Listing& listing) {
  ArchiveMember member;
  member.packed = bytes.size();
  std::string_view name = gzip_name(bytes);
  if (name.empty()) name = without_extension(fallback_name);
  if (bytes.starts_with("\x1F\x8B") && bytes.size() >= 18) {
    member.size = little(bytes, bytes.size() - 4, 4);
  }
  listing.add(name, NameCharset::kUnknown, member);
}

}  // namespace

bool list_stream(std::string_view bytes, std::string_view fallback_name, Listing& listing) {
  const Reader reader = open_reader(bytes, true);
  if (!reader) {
    listing.broken();
    return false;
  }
  uint64_t produced = 0;
  bool tar = false;
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) return tar;
    if (result < ARCHIVE_WARN) {
      listing.broken();
      return tar;
    }
    const int format = archive_format(reader.get());
    if (format == ARCHIVE_FORMAT_RAW) {
      add_single(bytes, fallback_name, listing);
      return false;
    }
    tar = (format & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
    ArchiveMember member;
    const int64_t size = archive_entry_size(entry);
    member.directory = archive_entry_filetype(entry) == AE_IFDIR;
    member.size = size > 0 && !member.directory ? static_cast<uint64_t>(size) : 0;
    member.encrypted = archive_entry_is_data_encrypted(entry) > 0;
    if (!listing.add(name_of(entry), NameCharset::kUnknown, member)) return tar;
    // To come to the next header of a compressed tar the data must be produced.
    produced += std::min(member.size, kProducedMax);
    if (tar && produced > kProducedMax &&
        archive_filter_code(reader.get(), 0) != ARCHIVE_FILTER_NONE) {
      listing.over_limit();
      return tar;
    }
  }
}

void list_7z(std::string_view bytes, Listing& listing) {
  // 32-byte start header: where the list stands. Kind 0x17: the list itself is packed; its codec
  // ids stand in the clear, and AES (06 F1 07 01) among them means that it needs a password.
  if (bytes.size() < 32) return listing.broken();
  const uint64_t offset = little(bytes, 12, 8);
  const uint64_t size = little(bytes, 20, 8);
  if (size == 0) return;
  if (offset > bytes.size() - 32 || size > bytes.size() - 32 - offset) return listing.broken();
  const std::string_view list =
      bytes.substr(32 + static_cast<size_t>(offset), static_cast<size_t>(size));
  if (list[0] == 0x17 && list.find("\x06\xF1\x07\x01"sv) != std::string_view::npos) {
    listing.archive.encrypted = listing.archive.unreadable = true;
    return;
  }
  list_stream(bytes, {}, listing);
}

void unpack_nested(std::string_view bytes, uint64_t bytes_max, Arena& arena,
                   std::vector<NestedArchive>& nested) {
  const Reader reader = open_reader(bytes, false);
  if (!reader) return;
  uint64_t produced = 0;
  for (uint32_t i = 0; i < kEntriesMax && produced < kProducedMax; ++i) {
    archive_entry* entry = nullptr;
    if (archive_read_next_header(reader.get(), &entry) < ARCHIVE_WARN || entry == nullptr) return;
    const int64_t claimed = archive_entry_size(entry);
    produced += claimed > 0 ? std::min<uint64_t>(static_cast<uint64_t>(claimed), kProducedMax) : 0;
    if (!is_archive_extension(extension_of(name_of(entry))) ||
        archive_entry_is_data_encrypted(entry) > 0 || claimed <= 0) {
      continue;
    }
    const auto size = static_cast<uint64_t>(claimed);
    if (size > kNestedOneMax || size > bytes_max) continue;
    const std::string_view name = arena.copy(name_of(entry));
    char* const to = arena.alloc_bytes(static_cast<size_t>(size));
    size_t have = 0;
    while (have < size) {
      const la_ssize_t got =
          archive_read_data(reader.get(), to + have, static_cast<size_t>(size) - have);
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    bytes_max -= size;
    if (have > 0) nested.push_back({name, {to, have}});
  }
}

}  // namespace winnow
