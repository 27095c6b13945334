// Evidence files: any bytes are read to their end or refused. As checksums would stop nearly every
// change, the input is also taken apart into the payloads of blocks, which get right heads; and as
// few payloads fit the schema, it is also taken as the values of a file that does.
#include <array>
#include <cstdlib>

#include "engine/little_endian.h"
#include "ingest/evidence/reader.h"

namespace {

using namespace winnow;

const EvidenceNames& names() {
  static const EvidenceNames kNames = [] {
    EvidenceNames made;
    for (auto& list : made.lists) list = {"a", "b", "c"};
    return made;
  }();
  return kNames;
}

void read_all(std::string_view bytes) {
  auto reader = EvidenceReader::open(bytes, names());
  if (!reader) return;
  Evidence evidence;
  for (;;) {
    auto more = reader->next(evidence);
    if (!more || !*more) break;
    if (evidence.questions.size() != evidence.answers.size()) std::abort();
    for (const AtomCount& atom : evidence.atoms)
      if (index(atom.atom) >= 3) std::abort();
    for (const SymbolFact& symbol : evidence.symbols)
      if (index(symbol.symbol) >= 3) std::abort();
  }
}

// A file up to its first group: our own names and schema.
std::string file_head() {
  std::string file(wev::kMagic);
  append_little(file, wev::kVersion);
  append_little(file, uint32_t{0});
  std::string raw;
  wev::put_varint(raw, wev::kNameKinds);
  for (const auto& list : names().lists) {
    wev::put_varint(raw, list.size());
    for (const std::string_view name : list) wev::put_text(raw, name);
  }
  (void)wev::append_block(wev::kNames, raw, false, file);
  raw.clear();
  wev::put_varint(raw, wev::kTables);
  for (size_t t = 0; t < wev::kTables; ++t) {
    wev::put_varint(raw, t);
    wev::put_text(raw, wev::schema_of(static_cast<wev::Table>(t)));
  }
  (void)wev::append_block(wev::kSchema, raw, false, file);
  return file;
}

// [kind, length low, length high, payload]*
void read_payloads(std::string_view input) {
  std::string file = file_head();
  while (input.size() >= 3) {
    const uint32_t kind = static_cast<uint8_t>(input[0]) % 32;
    const size_t length =
        std::min<size_t>(read_little<uint16_t>(input.data() + 1), input.size() - 3);
    (void)wev::append_block(kind, input.substr(3, length), kind % 2 == 0, file);
    input.remove_prefix(3 + length);
  }
  read_all(file);
}

// The next byte of the input; zero behind its end.
uint8_t take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<uint8_t>(input[0]);
  input.remove_prefix(1);
  return byte;
}

// One value of a field: mostly one that its bounds allow.
void put_value(char type, std::string_view& input, std::string& column) {
  if (type == 'd' || type == 'b') {
    for (int i = type == 'd' ? 8 : 16; i > 0; --i)
      column.push_back(static_cast<char>(take_byte(input)));
    return;
  }
  const uint8_t byte = take_byte(input);
  if (type == 's') {
    wev::put_text(column, input.substr(0, byte % 8));
    input.remove_prefix(std::min<size_t>(byte % 8, input.size()));
  } else {
    wev::put_varint(column, byte < 0xF0 ? byte % 2 : uint64_t{byte} << (byte % 16 * 4));
  }
}

// One message of up to three records a table; its counts are right but for one byte in 64.
void read_made(std::string_view input) {
  std::string file = file_head();
  std::array<size_t, wev::kTables> records{};
  for (size_t& count : records) count = take_byte(input) % 4;
  records[0] = 1;
  constexpr size_t kCountsFrom = 8;  // of the fields of a row, see visit() in format.h
  for (size_t t = 0; t < wev::kTables; ++t) {
    const std::string schema = wev::schema_of(static_cast<wev::Table>(t));
    std::string raw;
    wev::put_varint(raw, records[t]);
    wev::put_varint(raw, schema.size());
    for (size_t f = 0; f < schema.size(); ++f) {
      std::string column;
      const bool count = t == 0 && f >= kCountsFrom && f < kCountsFrom + wev::kTables - 1;
      for (size_t r = 0; r < records[t]; ++r) {
        if (count && take_byte(input) % 64 != 63)
          wev::put_varint(column, records[f - kCountsFrom + 1]);
        else
          put_value(schema[f], input, column);
      }
      wev::put_text(raw, column);
    }
    (void)wev::append_block(wev::kFirstTable + static_cast<uint32_t>(t), raw, t % 2 == 0, file);
  }
  std::string raw;
  wev::put_varint(raw, 1);
  (void)wev::append_block(wev::kGroup, raw, false, file);
  (void)wev::append_block(wev::kEnd, raw, false, file);
  read_all(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read_all(input);
  read_payloads(input);
  read_made(input);
  return 0;
}
