#include "ingest/evidence/writer.h"

#include <xxhash.h>
#include <zstd.h>

#include <bit>

#include "engine/little_endian.h"

namespace winnow {

namespace wev {

Result<void> append_block(uint32_t kind, std::string_view raw, bool pack, std::string& out) {
  constexpr int kLevel = 3;
  const size_t head = out.size();
  append_little(out, kind);
  uint32_t flags = 0;
  size_t stored = raw.size();
  out.resize(head + kBlockHeadBytes);
  if (pack) {
    out.resize(head + kBlockHeadBytes + ZSTD_compressBound(raw.size()));
    const size_t packed =
        ZSTD_compress(out.data() + head + kBlockHeadBytes, out.size() - head - kBlockHeadBytes,
                      raw.data(), raw.size(), kLevel);
    if (ZSTD_isError(packed))
      return fail(std::string("zstd cannot pack a block: ") + ZSTD_getErrorName(packed));
    if (packed < raw.size()) {
      flags = 1;
      stored = packed;
    }
    out.resize(head + kBlockHeadBytes + (flags ? stored : 0));
  }
  if (!flags) out.append(raw);
  std::string fields;
  append_little(fields, kind);
  append_little(fields, flags);
  append_little(fields, uint64_t{raw.size()});
  append_little(fields, uint64_t{stored});
  append_little(fields, uint64_t{XXH3_64bits(out.data() + head + kBlockHeadBytes, stored)});
  out.replace(head, kBlockHeadBytes, fields);
  return {};
}

namespace {

// "#" and the 16 hexadecimal digits of the text's hash.
struct HashText {
  char text[17];
  explicit HashText(std::string_view of) {
    constexpr char kHex[] = "0123456789abcdef";
    const uint64_t hash = XXH3_64bits(of.data(), of.size());
    text[0] = '#';
    for (int k = 0; k < 16; ++k) text[1 + k] = kHex[hash >> (60 - 4 * k) & 15];
  }
  std::string_view view() const { return {text, sizeof text}; }
};

// Writes one record's fields, each to the end of its column.
class Put {
 public:
  Put(Columns& columns, bool hashes) : columns_(columns), hashes_(hashes) { ++columns.records; }

  template <class T>
  void u(T& value, uint64_t = 0) {
    put_varint(next(), static_cast<uint64_t>(value));
  }
  template <class T>
  void i(T& value) {
    const auto wide = static_cast<int64_t>(value);
    put_varint(next(), static_cast<uint64_t>(wide) << 1 ^ static_cast<uint64_t>(wide >> 63));
  }
  void d(double& value) { append_little(next(), std::bit_cast<uint64_t>(value)); }
  void s(std::string_view& value) {
    if (!hashes_ || value.empty()) return put_text(next(), value);
    put_text(next(), HashText(value).view());
  }
  void b(uint8_t (&value)[16]) { next().append(reinterpret_cast<const char*>(value), 16); }
  template <class T>
  void n(Names, T& value) {
    put_varint(next(), value == kNoId<T> ? 0 : uint64_t{index(value)} + 1);
  }

 private:
  std::string& next() {
    if (field_ == columns_.fields.size()) columns_.fields.emplace_back();
    return columns_.fields[field_++];
  }
  Columns& columns_;
  bool hashes_;
  size_t field_ = 0;
};

}  // namespace
}  // namespace wev

using wev::Table;
using wev::visit;

EvidenceWriter::EvidenceWriter(Sink sink, const EvidenceNames& names, EvidenceLevel level)
    : sink_(std::move(sink)), names_(names), level_(level) {}

Result<void> EvidenceWriter::emit() {
  Result<void> done = sink_(out_);
  out_.clear();
  return done;
}

Result<void> EvidenceWriter::begin() {
  begun_ = true;
  out_.append(wev::kMagic);
  append_little(out_, wev::kVersion);
  append_little(out_, static_cast<uint32_t>(level_));
  std::string raw;
  wev::put_varint(raw, wev::kNameKinds);
  for (const auto& list : names_.lists) {
    wev::put_varint(raw, list.size());
    for (const std::string_view name : list) wev::put_text(raw, name);
  }
  Result<void> names = wev::append_block(wev::kNames, raw, true, out_);
  if (!names) return names;
  raw.clear();
  wev::put_varint(raw, wev::kTables);
  for (size_t t = 0; t < wev::kTables; ++t) {
    wev::put_varint(raw, t);
    wev::put_text(raw, wev::schema_of(static_cast<Table>(t)));
  }
  Result<void> schema = wev::append_block(wev::kSchema, raw, true, out_);
  if (!schema) return schema;
  return emit();
}

size_t EvidenceWriter::group_bytes() const {
  size_t sum = 0;
  for (const wev::Columns& table : tables_)
    for (const std::string& field : table.fields) sum += field.size();
  return sum;
}

Result<void> EvidenceWriter::add(const Evidence& evidence) {
  if (!begun_)
    if (Result<void> done = begin(); !done) return done;
  const bool full = level_ == EvidenceLevel::kFull, hashed = level_ == EvidenceLevel::kHashed;
  wev::RowCounts counts;
  const auto write = [&](Table table, const auto& values) {
    counts.counts[static_cast<size_t>(table)] = static_cast<uint32_t>(values.size());
    for (const auto& value : values) {
      wev::Put put(tables_[static_cast<size_t>(table)], !full);
      auto copy = value;
      if (level_ == EvidenceLevel::kHits)
        if constexpr (requires { copy.option; }) copy.option = {};
      visit(put, copy);
    }
  };
  write(Table::kAtoms, evidence.atoms);
  write(Table::kSymbols, evidence.symbols);
  if (full || hashed) {
    write(Table::kRecipients, evidence.recipients);
    write(Table::kAddresses, evidence.addresses);
  }
  if (full) {
    write(Table::kHeaders, evidence.headers);
    write(Table::kReceived, evidence.received);
    write(Table::kUrls, evidence.urls);
    write(Table::kEmails, evidence.emails);
    counts.counts[static_cast<size_t>(Table::kQuestions)] =
        static_cast<uint32_t>(evidence.questions.size());
    for (size_t q = 0; q < evidence.questions.size(); ++q) {
      Question question = evidence.questions[q];
      Answer answer = evidence.answers[q];
      auto values = static_cast<uint32_t>(answer.values.size());
      wev::Put put(tables_[static_cast<size_t>(Table::kQuestions)], false);
      visit(put, question, answer, values);
      for (std::string_view value : answer.values) {
        wev::Put one(tables_[static_cast<size_t>(Table::kValues)], false);
        visit(one, value);
      }
      counts.counts[static_cast<size_t>(Table::kValues)] += values;
    }
  }
  // The row's own fields, without its columns: those are written, and a copy would be in vain.
  Evidence row;
  row.sequence = evidence.sequence;
  row.rules_identity = evidence.rules_identity;
  row.label = evidence.label;
  row.facts = evidence.facts;
  row.cut_by_deadline = evidence.cut_by_deadline;
  if (level_ != EvidenceLevel::kHits) {
    row.envelope = evidence.envelope;
    row.subject = evidence.subject;
    row.message_id = evidence.message_id;
    row.sealed = evidence.sealed;
  }
  if (!full) row.envelope.ip = {};
  if (hashed) row.sealed &= static_cast<uint32_t>(Sealed::kAddresses);
  wev::Put put(tables_[0], false);
  if (hashed) {
    for (std::string_view* text : {&row.subject, &row.message_id, &row.envelope.from,
                                   &row.envelope.helo, &row.envelope.hostname, &row.envelope.user,
                                   &row.envelope.queue_id, &row.envelope.mta_name}) {
      if (!text->empty()) *text = row.slab.copy(wev::HashText(*text).view());
    }
  }
  row.source = evidence.source;
  visit(put, row, counts);
  ++messages_;
  if (++in_group_ == wev::kRowsPerGroup || group_bytes() > wev::kGroupBytesMax) return flush();
  return {};
}

Result<void> EvidenceWriter::flush() {
  if (in_group_ == 0) return {};
  std::string raw;
  for (size_t t = 0; t < wev::kTables; ++t) {
    wev::Columns& table = tables_[t];
    if (table.records == 0) continue;
    raw.clear();
    wev::put_varint(raw, table.records);
    wev::put_varint(raw, table.fields.size());
    for (std::string& field : table.fields) {
      wev::put_text(raw, field);
      field.clear();
    }
    table.records = 0;
    const auto kind = static_cast<uint32_t>(wev::kFirstTable + t);
    if (Result<void> done = wev::append_block(kind, raw, true, out_); !done) return done;
  }
  raw.clear();
  wev::put_varint(raw, in_group_);
  in_group_ = 0;
  if (Result<void> done = wev::append_block(wev::kGroup, raw, false, out_); !done) return done;
  return emit();
}

Result<void> EvidenceWriter::finish() {
  if (!begun_)
    if (Result<void> done = begin(); !done) return done;
  if (Result<void> done = flush(); !done) return done;
  std::string raw;
  wev::put_varint(raw, messages_);
  if (Result<void> done = wev::append_block(wev::kEnd, raw, false, out_); !done) return done;
  return emit();
}

}  // namespace winnow
