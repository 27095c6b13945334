// The tree of a message's parts (RFC 2046), read as mail clients read it, in pre-order and without
// recursion.
//
// A region is the bytes of one entity: headers, empty line, body. A multipart's region is cut at
// its own delimiter lines; so an outer boundary always wins over an inner one, an inner multipart
// cannot reach beyond its part, and each level is one SIMD pass over its bytes. Open regions are
// frames on an explicit stack; what is decoded and holds an entity again (message/rfc822 in
// base64, signed S/MIME) is a frame over its decoded bytes.
//
// Delimiter line: "--" boundary ["--"] blanks, at the start of a line. The line end before it
// belongs to it. A multipart without boundary parameter, or whose boundary never occurs, is cut
// at a boundary guessed from its body. Preamble and epilogue become virtual text parts where they
// hold more than the usual sentence, a preamble also where no part follows.
//
// Ambiguity. Where clients differ, the first reading is the one that most take, and the other is
// made as a whole second pass with one switch turned (enum Switch); of it only leaves that the
// readings before did not have are kept, below the root, flagged kSecondReading.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/limits.h"
#include "engine/mime/header_names.h"
#include "engine/mime/header_scratch.h"
#include "engine/mime/tnef.h"

namespace winnow {

// One switch a second reading turns.
enum class Switch : uint8_t {
  kBareCr = 1,           // CR alone ends a line also before and in delimiter lines
  kLastHeader = 2,       // of two Content-Type or encoding headers the last holds
  kBodyAtMalformed = 4,  // the body begins at the first line that is no header
  kAfterClose = 8,       // a closing delimiter does not end the multipart
  kBase64Through = 32,   // base64 goes on after padding whatever follows
  kBoundaryPrefix = 16,  // a line that only begins with the delimiter is one (RFC 2046 5.1.1)
  kOtherBoundary = 64,   // of two boundary parameters the other one holds
};

struct StructureFrame {
  std::string_view text;      // the body that is cut
  std::string_view boundary;  // empty: holds one entity
  uint32_t part = 0;
  uint16_t depth = 0;   // of its children
  uint8_t decodes = 0;  // times its bytes were decoded from other parts
  bool digest = false;  // children are messages by default
  bool hidden = false;  // its entity is no MIME part of its own: kVirtual
  bool started = false;
  bool closed = false;  // no more children
  size_t at = 0;        // first byte of the next child; closed: of the epilogue
};

// A leaf as the readings compare them.
struct LeafKey {
  uint64_t bytes_hash;
  uint64_t type_hash;
  auto operator<=>(const LeafKey&) const = default;
};

struct StructureScratch {
  std::vector<StructureFrame> frames;
  std::vector<LeafKey> leaves;
  Tnef tnef;
  size_t parts_end = 0;  // parts the row may have in the reading that is made
};

struct StructureJob {
  const HeaderNames& names;
  const Limits& limits;
  HeaderScratch& headers;
  StructureScratch& scratch;
  uint32_t row;
  Batch& batch;
  bool cr_lines;  // the message has no other line ends than CR
};

// Fills the open rows of batch.parts and batch.headers for job.row (not closing them); part 0 is
// the root and always there. Sets faults.
void read_structure(const StructureJob& job);

}  // namespace winnow
