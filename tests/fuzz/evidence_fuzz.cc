// Evidence files: any bytes are read to their end or refused. As checksums would stop nearly every
// change, the input is also taken apart into the payloads of blocks, which get right heads.
#include <array>
#include <cstdlib>

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  read_all(input);
  // [kind, length low, length high, payload]*, after our own names and schema.
  std::string file(wev::kMagic);
  wev::put_fixed(file, wev::kVersion);
  wev::put_fixed(file, uint32_t{0});
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
  while (input.size() >= 3) {
    const uint32_t kind = static_cast<uint8_t>(input[0]) % 32;
    const size_t length =
        std::min<size_t>(wev::get_fixed<uint16_t>(input.data() + 1), input.size() - 3);
    (void)wev::append_block(kind, input.substr(3, length), kind % 2 == 0, file);
    input.remove_prefix(3 + length);
  }
  read_all(file);
  return 0;
}
