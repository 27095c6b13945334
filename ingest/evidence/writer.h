// Writes evidence files (ingest/evidence/format.h).
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "ingest/evidence/format.h"

namespace winnow {

enum class EvidenceLevel : uint8_t { kFull, kHashed, kHits };

// The names of a rule set's ids, by id, in the order of wev::Names: symbols, atoms (as written,
// scope and flags included), headers, checks. Views must outlive their user.
struct EvidenceNames {
  std::array<std::vector<std::string_view>, wev::kNameKinds> lists;
  std::vector<std::string_view>& of(wev::Names kind) { return lists[static_cast<size_t>(kind)]; }
  const std::vector<std::string_view>& of(wev::Names kind) const {
    return lists[static_cast<size_t>(kind)];
  }
};

namespace wev {

// One block, head and all. `pack`: with zstd, where that is shorter.
Result<void> append_block(uint32_t kind, std::string_view raw, bool pack, std::string& out);

// One table's columns while a group is written.
struct Columns {
  uint64_t records = 0;
  std::vector<std::string> fields;
};

}  // namespace wev

class EvidenceWriter {
 public:
  using Sink = std::function<Result<void>(std::string_view bytes)>;

  EvidenceWriter(Sink sink, const EvidenceNames& names, EvidenceLevel level = EvidenceLevel::kFull);

  // Adds a message. REQUIRED: in the order of the input, so that the bytes depend on nothing else.
  // Errors are the sink's.
  Result<void> add(const Evidence& evidence);
  // Ends the file. REQUIRED: once, last.
  Result<void> finish();

 private:
  Result<void> begin();
  Result<void> flush();
  Result<void> emit();
  size_t group_bytes() const;

  Sink sink_;
  const EvidenceNames& names_;
  EvidenceLevel level_;
  bool begun_ = false;
  uint64_t messages_ = 0;
  uint32_t in_group_ = 0;
  std::array<wev::Columns, wev::kTables> tables_;
  std::string out_;
};

}  // namespace winnow
