// RAR 4 and 5: headers only. Both are chains of headers, each with the size of what follows it.
//
//   RAR 5   "Rar!\x1A\7\1\0", then: crc4 size* type* flags* [extra size*] [data size*] ... extra;
//           * = seven bits a byte, low first. Types: 1 main, 2 file, 3 service, 4 encryption, 5 end
//   RAR 4   "Rar!\x1A\7\0", then: crc2 type1 flags2 size2 [data size4] ...;
//           types: 0x73 main, 0x74 file, 0x7A service, 0x7B end
//
// Format: the technical note that RARLAB publishes with UnRAR (RAR 5); its older technote (RAR 4).
#include <algorithm>

#include "engine/archive/listing.h"
#include "engine/little_endian.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

using namespace std::string_view_literals;

class Reader {
 public:
  Reader(std::string_view bytes, size_t at) : bytes_(bytes), at_(std::min(at, bytes.size())) {}
  uint64_t variable() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (!(byte & 0x80)) return value;
    }
    failed_ = true;
    return value;
  }
  uint64_t fixed(size_t width) {
    if (width > bytes_.size() - at_) failed_ = true;
    const uint64_t value = little(bytes_, at_, width);
    at_ = std::min(at_ + width, bytes_.size());
    return value;
  }
  void skip(size_t width) {
    if (width > bytes_.size() - at_) failed_ = true;
    at_ = std::min(at_ + width, bytes_.size());
  }
  std::string_view text(uint64_t length) {
    if (length > bytes_.size() - at_) failed_ = true;
    const std::string_view found = bytes_.substr(at_, static_cast<size_t>(length));
    at_ += found.size();
    return found;
  }
  size_t at() const { return at_; }
  bool failed() const { return failed_; }

 private:
  std::string_view bytes_;
  size_t at_;
  bool failed_ = false;
};

// Whether the extra area of a file header has the record of encryption.
bool has_encryption(std::string_view extra) {
  for (size_t at = 0; at < extra.size();) {
    Reader record(extra, at);
    const uint64_t size = record.variable();
    const size_t body = record.at();
    const uint64_t type = record.variable();
    if (record.failed() || size == 0) return false;
    if (type == 1) return true;
    if (size > extra.size() - body) return false;
    at = body + static_cast<size_t>(size);
  }
  return false;
}

bool read_file5(Reader reader, std::string_view extra, uint64_t packed, Listing& listing) {
  ArchiveMember member;
  const uint64_t flags = reader.variable();
  member.size = reader.variable();
  reader.variable();              // attributes
  if (flags & 2) reader.skip(4);  // modification time
  if (flags & 4) reader.skip(4);  // checksum
  reader.variable();              // compression
  reader.variable();              // system
  const std::string_view name = reader.text(reader.variable());
  if (reader.failed()) {
    listing.broken();
    return false;
  }
  if (flags & 8) member.size = 0;  // not known
  member.directory = flags & 1;
  member.packed = packed;
  member.encrypted = has_encryption(extra);
  return listing.add(name, NameCharset::kUtf8, member);
}

void list_rar5(std::string_view bytes, Listing& listing) {
  for (size_t at = 8; at < bytes.size();) {
    Reader reader(bytes, at + 4);
    const uint64_t size = reader.variable();
    const size_t body = reader.at();
    if (reader.failed() || size == 0 || size > bytes.size() - body) return listing.broken();
    const size_t header_end = body + static_cast<size_t>(size);
    Reader header(bytes.substr(0, header_end), body);
    const uint64_t type = header.variable();
    const uint64_t flags = header.variable();
    const uint64_t extra_bytes = flags & 1 ? header.variable() : 0;
    const uint64_t data_bytes = flags & 2 ? header.variable() : 0;
    if (header.failed() || extra_bytes > size) return listing.broken();
    const std::string_view extra = bytes.substr(header_end - static_cast<size_t>(extra_bytes),
                                                static_cast<size_t>(extra_bytes));
    if (type == 4) {
      listing.archive.encrypted = listing.archive.unreadable = true;
      return;
    }
    if (type == 5) return;
    if (type == 2 && !read_file5(header, extra, data_bytes, listing)) return;
    if (data_bytes > bytes.size() - header_end) return listing.broken();
    at = header_end + static_cast<size_t>(data_bytes);
  }
  listing.broken();  // no end header
}

// RAR 4 writes a name as 8-bit text, a NUL, and instructions that make UTF-16 of it.
std::string_view decode_name4(std::string_view field, Arena& arena, NameCharset& charset) {
  const size_t nul = field.find('\0');
  if (nul == std::string_view::npos) return field;
  const std::string_view plain = field.substr(0, nul);
  const std::string_view code = field.substr(nul + 1);
  charset = NameCharset::kUtf8;
  const auto byte = [](std::string_view text, size_t i) -> uint32_t {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  // A run instruction makes at most 129 characters, none of them over three bytes here.
  const size_t units_max = std::min<size_t>(code.size() * 129 + 1, 2048);
  char* const from = arena.alloc_bytes(units_max * 3);
  char* to = from;
  size_t units = 0;
  const auto put = [&](uint32_t unit) {
    if (units++ >= units_max) return;
    to += put_point(to, unit >= 0xD800 && unit < 0xE000 ? kReplacement : unit);
  };
  const uint32_t high = byte(code, 0) << 8;
  unsigned flags = 0, bits = 0;
  for (size_t at = 1; at < code.size() && units < units_max;) {
    if (bits == 0) {
      flags = byte(code, at++);
      bits = 8;
    }
    bits -= 2;
    switch (flags >> bits & 3) {
      case 0:
        put(byte(code, at++));
        break;
      case 1:
        put(byte(code, at++) | high);
        break;
      case 2:
        put(byte(code, at) | byte(code, at + 1) << 8);
        at += 2;
        break;
      default: {
        const uint32_t run = byte(code, at++);
        const bool shifted = run & 0x80;
        const uint32_t delta = shifted ? byte(code, at++) : 0;
        for (uint32_t i = 0; i < (run & 0x7F) + 2; ++i) {
          const uint32_t low = (byte(plain, units) + delta) & 0xFF;
          put(shifted ? low | high : low);
        }
      }
    }
  }
  arena.shrink_to(to);
  return {from, static_cast<size_t>(to - from)};
}

void list_rar4(std::string_view bytes, Listing& listing) {
  constexpr uint64_t kHasData = 0x8000;
  for (size_t at = 7; at + 7 <= bytes.size();) {
    const uint64_t type = little(bytes, at + 2, 1);
    const uint64_t flags = little(bytes, at + 3, 2);
    const size_t size = little(bytes, at + 5, 2);
    if (size < 7 || size > bytes.size() - at) return listing.broken();
    uint64_t data = flags & kHasData || type == 0x74 ? little(bytes, at + 7, 4) : 0;
    if (type == 0x73 && flags & 0x80) {
      listing.archive.encrypted = listing.archive.unreadable = true;
      return;
    }
    if (type == 0x7B) return;
    if (type == 0x74) {
      ArchiveMember member;
      Reader reader(bytes.substr(0, at + size), at + 7);
      member.packed = reader.fixed(4);
      member.size = reader.fixed(4);
      reader.skip(1 + 4 + 4 + 1 + 1);  // system, checksum, time, version, method
      const size_t name_bytes = reader.fixed(2);
      reader.skip(4);  // attributes
      if (flags & 0x100) {
        data |= reader.fixed(4) << 32;
        member.size |= reader.fixed(4) << 32;
        member.packed = data;
      }
      const std::string_view field = reader.text(name_bytes);
      if (reader.failed()) return listing.broken();
      NameCharset charset = NameCharset::kUnknown;
      const std::string_view name =
          flags & 0x200 ? decode_name4(field, listing.batch().arena, charset) : field;
      member.encrypted = flags & 4;
      member.directory = (flags & 0xE0) == 0xE0;
      if (!listing.add(name, charset, member)) return;
    }
    if (data > bytes.size() - at - size) return listing.broken();
    at += size + static_cast<size_t>(data);
  }
}

}  // namespace

void list_rar(std::string_view bytes, Listing& listing) {
  if (bytes.starts_with("Rar!\x1A\7\1\0"sv)) return list_rar5(bytes, listing);
  if (bytes.starts_with("Rar!\x1A\7\0"sv)) return list_rar4(bytes, listing);
  listing.broken();
}

}  // namespace winnow
