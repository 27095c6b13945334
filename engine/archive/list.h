// Archives in a message: what is in them, read from memory. Nothing is written or executed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/limits.h"

namespace winnow {

enum class ArchiveFormat : uint8_t {
  kNone,
  kZip,
  kRar,
  k7z,
  kTar,   // plain or compressed
  kGzip,  // of a single file
  kBzip2,
  kXz,
  kZstd,
  kCab,
  kIso,
  kCount
};

// Name as Archive::format has it: "zip", "rar", "7z", "tar", "gzip", ... Static storage.
std::string_view archive_format_name(ArchiveFormat format);

// What the first bytes say; where they say nothing, or the part is promised to be a zip, a zip is
// found from its end, behind a program or whatever else (APPNOTE.TXT 4.3.16). A tar inside a
// compressor is known only by listing it.
ArchiveFormat archive_format(std::string_view bytes, bool zip_promised);

// Whether a part's type ("application", "zip") or file name says that it is a zip.
bool promises_zip(std::string_view type, std::string_view subtype, std::string_view filename);

// Lists the archive `bytes`, the file of part `part`, into the open rows of batch.archives and
// batch.archive_members. `zip_promised`: as promises_zip() says of the part. Archives inside it are
// listed one level deeper (ArchiveMember::depth) where they can be unpacked within the limits.
// Returns the index within the row of the new Archive, or kNoIndex if the bytes are none. Faults on
// `row`: kArchiveBroken where the list ends early, kLimitArchive where a limit was passed. Views
// point into the arena and into `bytes`.
//
// Own readers, bounded by the input: zip, rar 4 and 5, the encryption of 7z. libarchive: 7z, tar,
// cab, iso and the compressors; it allocates from the heap.
uint32_t list_archive(const Limits& limits, std::string_view bytes, std::string_view filename,
                      uint32_t part, uint32_t row, Batch& batch, bool zip_promised = false);

}  // namespace winnow
