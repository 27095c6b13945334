// Reads evidence files (ingest/evidence/format.h). Any bytes are read or refused with the place;
// memory is bounded by the blocks' limit.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/evidence/writer.h"

namespace winnow {

namespace wev {

// A column while it is read; reading beyond its end or a wrong value makes it bad.
struct Cursor {
  std::string_view left;
  uint64_t varint(bool& bad);
  std::string_view bytes(size_t count, bool& bad);
};

// A table of the group at hand.
struct TableReader {
  std::string raw;  // the block, unpacked
  uint64_t records = 0;
  uint64_t taken = 0;
  std::vector<Cursor> fields;
  size_t fields_read = 0;  // fields that both the file and this program know
  bool usable = true;      // the schemas agree
};

}  // namespace wev

// May be moved before the first next() only.
class EvidenceReader {
 public:
  // `bytes` (a mapped file) and `names` must outlive the reader.
  static Result<EvidenceReader> open(std::string_view bytes, const EvidenceNames& names);

  // Reads the next message into `out`, ready to be judged; false at the end of the file. After an
  // error nothing more can be read.
  Result<bool> next(Evidence& out);

  EvidenceLevel level() const { return level_; }
  uint64_t messages() const { return messages_; }  // read so far
  // Whether the file's writer looked for this: by the ids of this program.
  bool knows(wev::Names kind, uint32_t id) const;
  // Hits of symbols and atoms that this program does not have.
  uint64_t dropped() const { return dropped_; }

 private:
  EvidenceReader(std::string_view bytes, const EvidenceNames& names)
      : bytes_(bytes), names_(names) {}
  struct Block {
    uint32_t kind = 0;
    std::string_view raw;
  };
  Error error(std::string what) const;
  // The block at pos_, unpacked into `buffer` where it is packed.
  Result<Block> read_block(std::string& buffer);
  Result<void> read_names(std::string_view raw);
  Result<void> read_schema(std::string_view raw);
  Result<void> read_table(std::string_view raw, size_t table);
  Result<bool> read_group();  // false at the end
  template <class T>
  std::span<T> read_rows(wev::Table table, uint32_t count, Evidence& out, bool& bad);
  void read_questions(uint32_t count, Evidence& out, bool& bad);

  std::string_view bytes_;
  const EvidenceNames& names_;
  size_t pos_ = 0;
  EvidenceLevel level_ = EvidenceLevel::kFull;
  std::array<std::vector<uint32_t>, wev::kNameKinds> local_;  // id here of an id there
  std::array<std::vector<bool>, wev::kNameKinds> known_;      // by id here
  std::array<std::string, wev::kTables> schemas_;
  std::array<wev::TableReader, wev::kTables> tables_;
  std::string buffer_;
  uint64_t left_in_group_ = 0;
  uint64_t messages_ = 0;
  uint64_t dropped_ = 0;
  bool ended_ = false;
  bool broken_ = false;
};

}  // namespace winnow
