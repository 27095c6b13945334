// Small archives made in memory.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/archive/list.h"

namespace winnow::test {

inline void put(std::string& out, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
}

struct ZipFile {
  std::string name;
  std::string data = {};     // stored
  unsigned flags = 0;        // general purpose bits
  int64_t size = -1;         // claimed; -1 = data.size()
  unsigned local_flags = 0;  // of the local header, added
  std::string extra = {};
};

// With `end` false the central directory and the end record are left out.
inline std::string make_zip(const std::vector<ZipFile>& files, bool end = true) {
  std::string out, central;
  for (const ZipFile& file : files) {
    const uint64_t size = file.size < 0 ? file.data.size() : static_cast<uint64_t>(file.size);
    const size_t offset = out.size();
    put(out, 0x04034B50, 4), put(out, 20, 2), put(out, file.flags | file.local_flags, 2);
    put(out, 0, 2), put(out, 0, 4), put(out, 0, 4), put(out, file.data.size(), 4);
    put(out, size, 4), put(out, file.name.size(), 2), put(out, file.extra.size(), 2);
    out += file.name + file.extra + file.data;
    put(central, 0x02014B50, 4), put(central, 20, 2), put(central, 20, 2);
    put(central, file.flags, 2), put(central, 0, 2), put(central, 0, 4), put(central, 0, 4);
    put(central, file.data.size(), 4), put(central, size, 4), put(central, file.name.size(), 2);
    put(central, file.extra.size(), 2), put(central, 0, 2), put(central, 0, 2);
    put(central, 0, 2), put(central, 0, 4), put(central, offset, 4);
    central += file.name + file.extra;
  }
  if (!end) return out;
  const size_t offset = out.size();
  out += central;
  put(out, 0x06054B50, 4), put(out, 0, 4), put(out, files.size(), 2), put(out, files.size(), 2);
  put(out, central.size(), 4), put(out, offset, 4), put(out, 0, 2);
  return out;
}

// Through libarchive: `format` of archive_write_set_format_by_name, `filter` of ..._add_filter.
inline std::string make_archive(const char* format, const char* filter,
                                const std::vector<ZipFile>& files) {
  std::string out(1 << 20, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_by_name(writer, format);
  if (filter != nullptr) archive_write_add_filter_by_name(writer, filter);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const ZipFile& file : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, file.name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(file.data.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(writer, entry);
    archive_write_data(writer, file.data.data(), file.data.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

inline void put_variable(std::string& out, uint64_t value) {
  for (; value > 0x7F; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

inline std::string rar5_header(const std::string& body) {
  std::string out(4, '\0');
  put_variable(out, body.size());
  return out + body;
}

inline std::string rar5_file(const std::string& name, uint64_t size, const std::string& data,
                             bool encrypted) {
  std::string extra = {};
  if (encrypted) extra = std::string("\4\1\0\0\17", 5);
  std::string body;
  put_variable(body, 2);
  put_variable(body, encrypted ? 3 : 2);
  if (encrypted) put_variable(body, extra.size());
  put_variable(body, data.size());
  put_variable(body, 0), put_variable(body, size), put_variable(body, 0x20);
  put_variable(body, 0), put_variable(body, 1), put_variable(body, name.size());
  return rar5_header(body + name + extra) + data;
}

inline std::string rar5(const std::string& files) {
  return std::string("Rar!\x1A\7\1\0", 8) + rar5_header(std::string("\1\0\0", 3)) + files +
         rar5_header(std::string("\5\0\0", 3));
}

inline std::string rar4_block(int type, unsigned flags, const std::string& body) {
  std::string out(2, '\0');
  put(out, static_cast<unsigned>(type), 1), put(out, flags, 2), put(out, body.size() + 7, 2);
  return out + body;
}

inline std::string rar4_file(const std::string& name, unsigned flags, uint64_t size,
                             const std::string& data) {
  std::string body;
  put(body, data.size(), 4), put(body, size, 4), put(body, 0, 11), put(body, name.size(), 2);
  put(body, 0, 4);
  return rar4_block(0x74, flags | 0x8000, body + name) + data;
}

inline std::string rar4(const std::string& blocks, unsigned main_flags = 0) {
  return std::string("Rar!\x1A\7\0", 7) + rar4_block(0x73, main_flags, std::string(6, '\0')) +
         blocks + rar4_block(0x7B, 0, "");
}

struct ArchiveRun {
  Batch batch;
  uint32_t index;
  explicit ArchiveRun(std::string_view bytes, std::string_view filename = "",
                      const Limits& limits = {}) {
    batch.add("", 0, Envelope(), {});
    index = list_archive(limits, bytes, filename, 0, 0, batch);
  }
  const Archive& archive() { return batch.archives.open_row()[index]; }
  bool fault(Fault fault) { return batch.facts[0].faults.has(fault); }

  // "format[ enc][ unreadable][ misnamed][ truncated]: depth:name size[ enc][ dir][ obf], ..."
  std::string dump() {
    if (index == kNoIndex) return "none";
    const Archive& a = archive();
    std::string out(a.format);
    if (a.encrypted) out += " enc";
    if (a.unreadable) out += " unreadable";
    if (a.misnamed) out += " misnamed";
    if (a.truncated) out += " truncated";
    out += ":";
    for (const ArchiveMember& m : batch.archive_members.open_row()) {
      out +=
          " " + std::to_string(m.depth) + ":" + std::string(m.name) + "=" + std::to_string(m.size);
      if (m.encrypted) out += " enc";
      if (m.directory) out += " dir";
      if (m.obfuscated) out += " obf";
    }
    return out;
  }
};

}  // namespace winnow::test
