#include "ingest/evidence/reader.h"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "engine/little_endian.h"

namespace winnow {

namespace wev {

uint64_t Cursor::varint(bool& bad) {
  uint64_t value = 0;
  for (size_t i = 0; i < left.size() && i < 10; ++i) {
    const auto c = static_cast<unsigned char>(left[i]);
    value |= uint64_t{c & 0x7Fu} << (7 * i);
    if (c & 0x80) continue;
    left.remove_prefix(i + 1);
    return value;
  }
  bad = true;
  left = {};
  return 0;
}

std::string_view Cursor::bytes(size_t count, bool& bad) {
  if (count > left.size()) {
    bad = true;
    return left = {};
  }
  const std::string_view out = left.substr(0, count);
  left.remove_prefix(count);
  return out;
}

namespace {

// Reads one record's fields, each from its column; texts are copied into the slab.
class Take {
 public:
  Take(TableReader& table, Arena& slab, const std::array<std::vector<uint32_t>, kNameKinds>& local,
       bool& bad)
      : table_(table), slab_(slab), local_(local), bad_(bad) {
    if (table.taken++ >= table.records) bad_ = true;
  }

  template <class T>
  void u(T& value, uint64_t max = UINT64_MAX) {
    Cursor* column = next();
    if (!column) return;
    const uint64_t wide = column->varint(bad_);
    uint64_t fits = max;
    if constexpr (!std::is_enum_v<T>) fits = std::min(max, type_max<T>());
    if (wide > fits) {
      bad_ = true;
    } else {
      value = static_cast<T>(wide);
    }
  }
  template <class T>
  void i(T& value) {
    Cursor* column = next();
    if (!column) return;
    const uint64_t wide = column->varint(bad_);
    const auto number = static_cast<int64_t>(wide >> 1 ^ (0 - (wide & 1)));
    if (number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) {
      bad_ = true;
    } else {
      value = static_cast<T>(number);
    }
  }
  void d(double& value) {
    Cursor* column = next();
    if (!column) return;
    const std::string_view raw = column->bytes(8, bad_);
    if (raw.size() == 8) value = std::bit_cast<double>(read_little<uint64_t>(raw.data()));
  }
  void s(std::string_view& value) {
    Cursor* column = next();
    if (!column) return;
    const uint64_t size = column->varint(bad_);
    value = slab_.copy(column->bytes(size, bad_));
  }
  void b(uint8_t (&value)[16]) {
    Cursor* column = next();
    if (!column) return;
    const std::string_view raw = column->bytes(16, bad_);
    if (raw.size() == 16) std::memcpy(value, raw.data(), 16);
  }
  template <class T>
  void n(Names kind, T& value) {
    Cursor* column = next();
    if (!column) return;
    const uint64_t id = column->varint(bad_);
    const std::vector<uint32_t>& local = local_[static_cast<size_t>(kind)];
    value = kNoId<T>;
    if (id > local.size()) {
      bad_ = true;
    } else if (id > 0) {
      value = static_cast<T>(local[id - 1]);
    }
  }

 private:
  template <class T>
  static constexpr uint64_t type_max() {
    return std::numeric_limits<T>::max();
  }
  Cursor* next() {
    if (bad_ || field_ >= table_.fields_read) return nullptr;
    return &table_.fields[field_++];
  }
  TableReader& table_;
  Arena& slab_;
  const std::array<std::vector<uint32_t>, kNameKinds>& local_;
  bool& bad_;
  size_t field_ = 0;
};

}  // namespace
}  // namespace wev

using wev::Table;
using wev::visit;

Error EvidenceReader::error(std::string what) const {
  return {.what = "evidence file, at byte " + std::to_string(pos_) + ": " + std::move(what)};
}

Result<EvidenceReader::Block> EvidenceReader::read_block(std::string& buffer) {
  if (bytes_.size() - pos_ < wev::kBlockHeadBytes) return fail(error("the file is cut"));
  const char* const head = bytes_.data() + pos_;
  Block block;
  block.kind = read_little<uint32_t>(head);
  const auto flags = read_little<uint32_t>(head + 4);
  const auto raw_bytes = read_little<uint64_t>(head + 8);
  const auto stored = read_little<uint64_t>(head + 16);
  if (stored > bytes_.size() - pos_ - wev::kBlockHeadBytes) return fail(error("the file is cut"));
  const std::string_view data(head + wev::kBlockHeadBytes, stored);
  if (XXH3_64bits(data.data(), data.size()) != read_little<uint64_t>(head + 24))
    return fail(error("a checksum is wrong"));
  if (flags > 1 || raw_bytes > wev::kBlockRawBytesMax || (flags == 0 && raw_bytes != stored))
    return fail(error("a block's head is broken or too large"));
  block.raw = data;
  if (flags == 1) {
    // The frame says its size before memory is taken for it.
    if (ZSTD_getFrameContentSize(data.data(), data.size()) != raw_bytes)
      return fail(error("a packed block has another size than its head says"));
    buffer.resize(raw_bytes);
    const size_t got = ZSTD_decompress(buffer.data(), buffer.size(), data.data(), data.size());
    if (ZSTD_isError(got) || got != raw_bytes) return fail(error("a packed block is broken"));
    block.raw = buffer;
  }
  pos_ += wev::kBlockHeadBytes + stored;
  return block;
}

Result<void> EvidenceReader::read_names(std::string_view raw) {
  wev::Cursor cursor{raw};
  bool bad = false;
  const uint64_t kinds = cursor.varint(bad);
  for (uint64_t k = 0; k < kinds && !bad; ++k) {
    std::unordered_map<std::string_view, uint32_t> ids;
    if (k < wev::kNameKinds) {
      const auto& list = names_.lists[k];
      for (uint32_t i = 0; i < list.size(); ++i) ids.emplace(list[i], i);
      known_[k].assign(list.size(), false);
      local_[k].clear();
    }
    const uint64_t count = cursor.varint(bad);
    for (uint64_t i = 0; i < count && !bad; ++i) {
      const uint64_t size = cursor.varint(bad);
      const std::string_view name = cursor.bytes(size, bad);
      if (bad || k >= wev::kNameKinds) continue;
      const auto at = ids.find(name);
      local_[k].push_back(at == ids.end() ? kNoIndex : at->second);
      if (at != ids.end()) known_[k][at->second] = true;
    }
  }
  if (bad) return fail(error("the list of names is broken"));
  return {};
}

Result<void> EvidenceReader::read_schema(std::string_view raw) {
  wev::Cursor cursor{raw};
  bool bad = false;
  const uint64_t count = cursor.varint(bad);
  for (uint64_t t = 0; t < count && !bad; ++t) {
    const uint64_t table = cursor.varint(bad);
    const uint64_t size = cursor.varint(bad);
    const std::string_view types = cursor.bytes(size, bad);
    if (!bad && table < wev::kTables) schemas_[table] = types;
  }
  if (bad) return fail(error("the schema is broken"));
  for (size_t t = 0; t < wev::kTables; ++t) {
    const std::string ours = wev::schema_of(static_cast<Table>(t));
    const size_t common = std::min(ours.size(), schemas_[t].size());
    tables_[t].usable = ours.compare(0, common, schemas_[t], 0, common) == 0;
    tables_[t].fields_read = tables_[t].usable ? common : 0;
  }
  if (!tables_[0].usable || tables_[0].fields_read == 0)
    return fail(error("the schema of messages is not one that this program reads"));
  return {};
}

Result<EvidenceReader> EvidenceReader::open(std::string_view bytes, const EvidenceNames& names) {
  EvidenceReader reader(bytes, names);
  if (!bytes.starts_with(wev::kMagic) || bytes.size() < wev::kFileHeadBytes)
    return fail(reader.error("this is no evidence file"));
  const auto version = read_little<uint32_t>(bytes.data() + wev::kMagic.size());
  if (version == 0 || version > wev::kVersion)
    return fail(reader.error("version " + std::to_string(version) + " is newer than this program"));
  const auto level = static_cast<unsigned char>(bytes[wev::kMagic.size() + 4]);
  if (level > static_cast<unsigned char>(EvidenceLevel::kHits))
    return fail(reader.error("unknown level"));
  reader.level_ = static_cast<EvidenceLevel>(level);
  reader.pos_ = wev::kFileHeadBytes;
  bool has_names = false;
  for (;;) {
    Result<Block> block = reader.read_block(reader.buffer_);
    if (!block) return fail(std::move(block.error()));
    if (block->kind == wev::kNames) {
      has_names = true;
      if (Result<void> done = reader.read_names(block->raw); !done)
        return fail(std::move(done.error()));
    } else if (block->kind == wev::kSchema) {
      if (!has_names) return fail(reader.error("the schema stands before the names"));
      if (Result<void> done = reader.read_schema(block->raw); !done)
        return fail(std::move(done.error()));
      return reader;
    } else if (block->kind >= wev::kFirstTable || block->kind == wev::kGroup ||
               block->kind == wev::kEnd) {
      return fail(reader.error("names and schema are missing"));
    }
  }
}

Result<void> EvidenceReader::read_table(std::string_view raw, size_t which) {
  wev::TableReader& table = tables_[which];
  if (!table.usable) return {};
  if (table.raw.empty()) {
    table.raw = raw;
  } else {
    return fail(error("a group has two blocks of one table"));
  }
  wev::Cursor cursor{table.raw};
  bool bad = false;
  table.records = cursor.varint(bad);
  table.taken = 0;
  const uint64_t fields = cursor.varint(bad);
  const size_t wanted = std::min(schemas_[which].size(), table.fields_read);
  if (fields != schemas_[which].size()) bad = true;
  table.fields.clear();
  for (uint64_t f = 0; f < fields && !bad; ++f) {
    const uint64_t size = cursor.varint(bad);
    const std::string_view column = cursor.bytes(size, bad);
    if (f < wanted) table.fields.push_back({column});
    // Every record takes at least a byte of every column, so records cannot be many for free.
    if (table.records > column.size()) bad = true;
  }
  if (bad) return fail(error("a table is broken"));
  return {};
}

Result<bool> EvidenceReader::read_group() {
  for (wev::TableReader& table : tables_) {
    table.raw.clear();
    table.records = table.taken = 0;
    table.fields.clear();
  }
  for (;;) {
    Result<Block> block = read_block(buffer_);
    if (!block) return fail(std::move(block.error()));
    if (block->kind >= wev::kFirstTable && block->kind - wev::kFirstTable < wev::kTables) {
      Result<void> done = read_table(block->raw, block->kind - wev::kFirstTable);
      if (!done) return fail(std::move(done.error()));
    } else if (block->kind == wev::kGroup || block->kind == wev::kEnd) {
      wev::Cursor cursor{block->raw};
      bool bad = false;
      const uint64_t count = cursor.varint(bad);
      if (block->kind == wev::kEnd) {
        if (bad || count != messages_) return fail(error("the number of messages is wrong"));
        ended_ = true;
        return false;
      }
      if (bad || count != tables_[0].records) return fail(error("a group is broken"));
      left_in_group_ = count;
      if (count > 0) return true;
    }
  }
}

bool EvidenceReader::knows(wev::Names kind, uint32_t id) const {
  const std::vector<bool>& known = known_[static_cast<size_t>(kind)];
  return id < known.size() && known[id];
}

template <class T>
std::span<T> EvidenceReader::read_rows(Table which, uint32_t count, Evidence& out, bool& bad) {
  wev::TableReader& table = tables_[static_cast<size_t>(which)];
  if (!table.usable || bad) return {};
  if (count > table.records - table.taken || count > wev::kRecordsPerMessageMax) {
    bad = true;
    return {};
  }
  const std::span<T> rows = out.slab.alloc<T>(count);
  for (T& row : rows) {
    row = T{};
    wev::Take take(table, out.slab, local_, bad);
    visit(take, row);
  }
  return rows;
}

void EvidenceReader::read_questions(uint32_t count, Evidence& out, bool& bad) {
  wev::TableReader& table = tables_[static_cast<size_t>(Table::kQuestions)];
  if (!table.usable || bad) return;
  if (count > table.records - table.taken || count > wev::kRecordsPerMessageMax) {
    bad = true;
    return;
  }
  for (uint32_t q = 0; q < count && !bad; ++q) {
    Question question;
    Answer answer;
    uint32_t values = 0;
    wev::Take take(table, out.slab, local_, bad);
    visit(take, question, answer, values);
    answer.values = read_rows<std::string_view>(Table::kValues, values, out, bad);
    out.questions.push_back(question);
    out.answers.push_back(answer);
  }
}

Result<bool> EvidenceReader::next(Evidence& out) {
  out.clear();
  if (broken_) return fail(error("the file is broken here"));
  if (ended_) return false;
  if (left_in_group_ == 0) {
    Result<bool> more = read_group();
    if (!more) broken_ = true;
    if (!more || !*more) return more;
  }
  bool bad = false;
  wev::RowCounts counts;
  wev::Take take(tables_[0], out.slab, local_, bad);
  visit(take, out, counts);
  out.facts.message_id_value = out.message_id;
  const auto count = [&](Table table) { return counts.counts[static_cast<size_t>(table)]; };
  out.recipients =
      read_rows<std::string_view>(Table::kRecipients, count(Table::kRecipients), out, bad);
  const auto atoms = read_rows<AtomCount>(Table::kAtoms, count(Table::kAtoms), out, bad);
  const auto symbols = read_rows<SymbolFact>(Table::kSymbols, count(Table::kSymbols), out, bad);
  out.headers = read_rows<Header>(Table::kHeaders, count(Table::kHeaders), out, bad);
  out.addresses = read_rows<Address>(Table::kAddresses, count(Table::kAddresses), out, bad);
  out.received = read_rows<Received>(Table::kReceived, count(Table::kReceived), out, bad);
  out.urls = read_rows<Url>(Table::kUrls, count(Table::kUrls), out, bad);
  out.emails = read_rows<Email>(Table::kEmails, count(Table::kEmails), out, bad);
  read_questions(count(Table::kQuestions), out, bad);
  if (bad) {
    broken_ = true;
    out.clear();
    return fail(error("message " + std::to_string(messages_) + " of the file is broken"));
  }
  // What this program has no name for is dropped; its own ids may be in another order.
  const auto lost_atoms = std::remove_if(
      atoms.begin(), atoms.end(), [](const AtomCount& a) { return a.atom == kNoId<AtomId>; });
  const auto lost_symbols = std::remove_if(symbols.begin(), symbols.end(), [](const SymbolFact& s) {
    return s.symbol == kNoId<SymbolId>;
  });
  dropped_ += static_cast<uint64_t>(atoms.end() - lost_atoms) +
              static_cast<uint64_t>(symbols.end() - lost_symbols);
  std::sort(atoms.begin(), lost_atoms,
            [](const AtomCount& a, const AtomCount& b) { return a.atom < b.atom; });
  out.atoms = atoms.first(static_cast<size_t>(lost_atoms - atoms.begin()));
  out.symbols = symbols.first(static_cast<size_t>(lost_symbols - symbols.begin()));
  --left_in_group_;
  ++messages_;
  return true;
}

}  // namespace winnow
