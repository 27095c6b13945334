// An Archive that is being filled. Inner header of engine/archive.
#pragma once

#include <string_view>

#include "engine/archive/list.h"

namespace winnow {

enum class NameCharset : uint8_t { kUtf8, kUnknown };

class Listing {
 public:
  Listing(const Limits& limits, uint32_t row, Batch& batch)
      : limits_(limits), row_(row), batch_(batch) {}

  // What one archive of the nest holds: how deep it lies and how many bytes it has.
  void begin(uint8_t depth, uint64_t archive_bytes);

  // Adds a member. `name` may be of any charset: what is not UTF-8 is read as IBM 437 (unless it
  // was promised to be UTF-8: then it is obfuscated). Returns false when no more are wanted.
  bool add(std::string_view name, NameCharset charset, ArchiveMember member);

  void broken();
  void over_limit();
  bool full() const { return full_; }

  Archive archive;
  const Limits& limits() const { return limits_; }
  Batch& batch() { return batch_; }

 private:
  const Limits& limits_;
  const uint32_t row_;
  Batch& batch_;
  uint8_t depth_ = 0;
  uint64_t own_bytes_ = 0;  // of the archive that is being listed
  uint64_t own_unpacked_ = 0;
  uint32_t own_members_ = 0;
  bool full_ = false;
};

// The readers. Each lists what it can of `bytes` and says on the listing where it had to stop.
void list_zip(std::string_view bytes, Listing& listing);
// Whether a zip with members ends here, whatever stands before it.
bool ends_as_zip(std::string_view bytes);
void list_rar(std::string_view bytes, Listing& listing);
void list_7z(std::string_view bytes, Listing& listing);
// Any format of libarchive. `fallback_name` is the member's name where a compressor holds a single
// file and does not name it. Returns whether it is a tar.
bool list_stream(std::string_view bytes, std::string_view fallback_name, Listing& listing);

// A member that is an archive itself, unpacked into the arena.
struct NestedArchive {
  std::string_view name;
  std::string_view bytes;
};
// Unpacks members of `bytes` whose names say that they are archives, until `bytes_max` of them.
void unpack_nested(std::string_view bytes, uint64_t bytes_max, Arena& arena,
                   std::vector<NestedArchive>& nested);

// Without the dots and blanks at its end, which Windows drops: "evil.exe. " becomes evil.exe.
inline std::string_view name_as_opened(std::string_view name) {
  while (!name.empty() && (name.back() == '.' || name.back() == ' ')) name.remove_suffix(1);
  return name;
}

// The name's last extension as it is opened, without the dot; empty if there is none.
inline std::string_view extension_of(std::string_view name) {
  name = name_as_opened(name);
  const size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

// Whether an extension is one of archives, in any case.
bool is_archive_extension(std::string_view extension);
// The format that the extension promises; kNone if it is not one of archives.
ArchiveFormat format_of_extension(std::string_view extension);

}  // namespace winnow
