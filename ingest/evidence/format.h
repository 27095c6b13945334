// The evidence file (.wev): what was found out about messages, enough to judge them again.
//
//   file    = "WINNOWEV" version:u32 level:u8 zero[3] block*
//   block   = kind:u32 flags:u32 raw_bytes:u64 stored_bytes:u64 xxh3_64(stored):u64 stored
//   flags   = bit 0: stored is one zstd frame of raw_bytes bytes; else stored is raw itself
// All fixed numbers are little-endian. Blocks, in this order:
//   1 names    kinds:varint { count:varint { text }* }*        kinds: symbols, atoms, headers,
//   checks
//              Every name that the writing rule set knows, hit or not: a name that stands here and
//              has no hit did not hit; a name that is missing was never looked for. An id in this
//              file is 1 + the index in its list; 0 = none.
//   2 schema   tables:varint { kind:varint types:text }*       one character a field, see below
//   then groups of up to 256 messages:
//     16.. tables  records:varint fields:varint { bytes:varint column }*   see Table
//     3 group      messages:varint                             ends a group
//   4 end      messages:varint                                 a file without it was cut
// A block of a kind that a reader does not know is skipped. A table whose schema begins like the
// reader's is read as far as both go; further columns are skipped, missing ones keep their
// defaults; any other is skipped.
//
// Column types: u varint (LEB128, up to 64 bits); i zigzag varint; d IEEE double, 8 bytes;
// s text = length:varint bytes; b 16 bytes; n id of a name.
//
// Rows of the table kRows say how many records of each other table are theirs, in order.
// The bytes are a function of the messages added and of their order, of nothing else.
//
// Levels. full: everything. hashed: no question and no content column but addresses and
// recipients, whose texts (like the envelope's, Subject, Message-ID and options) are "#" and 16
// hexadecimal digits of XXH3; no IP. hits: symbols, atoms and faults only. What a level leaves out
// is not in the `sealed` bits either.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/evidence.h"

namespace winnow::wev {

constexpr std::string_view kMagic = "WINNOWEV";
constexpr uint32_t kVersion = 1;
constexpr size_t kFileHeadBytes = 16;
constexpr size_t kBlockHeadBytes = 32;
constexpr uint32_t kRowsPerGroup = 256;
constexpr size_t kGroupBytesMax = 4 << 20;        // a writer ends its group over this
constexpr uint64_t kBlockRawBytesMax = 64 << 20;  // a reader refuses more

constexpr uint32_t kRecordsPerMessageMax = 1 << 18;  // of one table; a reader refuses more

enum Block : uint32_t { kNames = 1, kSchema = 2, kGroup = 3, kEnd = 4, kFirstTable = 16 };
enum class Table : uint32_t {
  kRows,
  kRecipients,
  kAtoms,
  kSymbols,
  kHeaders,
  kAddresses,
  kReceived,
  kUrls,
  kEmails,
  kQuestions,
  kValues,
  kCount
};
constexpr size_t kTables = static_cast<size_t>(Table::kCount);
enum class Names : uint8_t { kSymbols, kAtoms, kHeaders, kChecks, kCount };
constexpr size_t kNameKinds = static_cast<size_t>(Names::kCount);

// The record of kRows: the message's own fields live in the Evidence.
struct RowCounts {
  uint32_t counts[kTables] = {};  // [0] unused
};

// --- One description of each record, for writing, reading and the schema -------------------------
// V offers u(value, max), i, d, s, b(16 bytes), n(Names, id).

template <class V>
void visit(V& v, Where& w) {
  v.u(w.scope, static_cast<uint64_t>(ScopeKind::kFilename));
  v.u(w.item), v.u(w.begin), v.u(w.end);
}

template <class V>
void visit(V& v, IpAddress& ip) {
  v.u(ip.family, 6);
  v.b(ip.bytes);
}

template <class V>
void visit(V& v, std::string_view& text) {
  v.s(text);
}

template <class V>
void visit(V& v, Evidence& e, RowCounts& counts) {
  v.u(e.sequence), v.u(e.rules_identity);
  v.s(e.source), v.s(e.label), v.s(e.subject), v.s(e.message_id);
  v.u(e.sealed), v.u(e.cut_by_deadline, 1);
  for (size_t t = 1; t < kTables; ++t) v.u(counts.counts[t]);
  v.s(e.envelope.from), v.u(e.envelope.from_known, 1), v.s(e.envelope.helo);
  v.s(e.envelope.hostname), v.s(e.envelope.user), v.s(e.envelope.queue_id);
  visit(v, e.envelope.ip);
  v.i(e.envelope.now_ms);
  v.u(e.facts.faults.bits), v.u(e.facts.size), v.u(e.facts.body_offset), v.u(e.facts.body_lines);
  v.u(e.facts.newlines, static_cast<uint64_t>(Newlines::kNone));
  v.i(e.facts.date), v.i(e.facts.date_zone_min), v.u(e.facts.has_date, 1);
  v.u(e.facts.subject), v.u(e.facts.message_id), v.u(e.facts.root_headers);
  v.b(e.facts.digest);
  v.s(e.envelope.mta_name), v.u(e.envelope.own_ip, 1);
}

template <class V>
void visit(V& v, AtomCount& a) {
  v.n(Names::kAtoms, a.atom), v.u(a.count);
  visit(v, a.where);
}

template <class V>
void visit(V& v, SymbolFact& s) {
  v.n(Names::kSymbols, s.symbol), v.d(s.weight), v.s(s.option);
  visit(v, s.where);
}

template <class V>
void visit(V& v, Header& h) {
  v.n(Names::kHeaders, h.id), v.u(h.part), v.u(h.order), v.u(h.flags);
  v.s(h.name), v.s(h.raw), v.s(h.unfolded), v.s(h.decoded);
}

template <class V>
void visit(V& v, Address& a) {
  v.u(a.field, static_cast<uint64_t>(AddressField::kCount) - 1);
  v.u(a.valid, 1), v.u(a.group, 1), v.u(a.header);
  v.s(a.name), v.s(a.address), v.s(a.local), v.s(a.domain), v.s(a.raw);
}

template <class V>
void visit(V& v, Received& r) {
  v.u(r.flags), v.u(r.header);
  visit(v, r.from_ip), visit(v, r.real_ip);
  v.i(r.time);
  v.s(r.from_hostname), v.s(r.real_hostname), v.s(r.by_hostname), v.s(r.for_address);
  v.s(r.protocol), v.s(r.id);
}

template <class V>
void visit(V& v, Url& u) {
  v.u(u.scheme, static_cast<uint64_t>(UrlScheme::kOther));
  v.u(u.port), v.u(u.flags), v.u(u.count), v.u(u.part), v.u(u.order), v.u(u.hash);
  v.s(u.found), v.s(u.normal), v.s(u.user), v.s(u.host), v.s(u.domain), v.s(u.tld);
  v.s(u.path), v.s(u.query), v.s(u.fragment), v.s(u.shown), v.s(u.shown_domain);
}

template <class V>
void visit(V& v, Email& e) {
  v.u(e.flags), v.u(e.count), v.u(e.part);
  v.s(e.address), v.s(e.user), v.s(e.host), v.s(e.domain);
}

template <class V>
void visit(V& v, Question& q, Answer& a, uint32_t& values) {
  v.u(q.kind, static_cast<uint64_t>(QuestionKind::kDialog));
  v.u(q.type), v.n(Names::kChecks, q.check), v.s(q.key);
  v.u(a.state, static_cast<uint64_t>(AnswerState::kUnknown));
  v.u(a.reason, static_cast<uint64_t>(UnknownReason::kNotReplayed));
  v.u(a.name_exists, 1), v.u(a.ttl_s), v.u(values);
  v.u(a.age_s), v.s(a.server);
}

// Calls f(table) with a default record visited: for the schema, and for counting fields.
template <class V>
void visit_default(V& v, Table table) {
  const auto plain = [&](auto record) { visit(v, record); };
  switch (table) {
    case Table::kRows: {
      Evidence evidence;
      RowCounts counts;
      return visit(v, evidence, counts);
    }
    case Table::kRecipients:
    case Table::kValues:
      return plain(std::string_view());
    case Table::kAtoms:
      return plain(AtomCount{});
    case Table::kSymbols:
      return plain(SymbolFact{});
    case Table::kHeaders:
      return plain(Header{});
    case Table::kAddresses:
      return plain(Address{});
    case Table::kReceived:
      return plain(Received{});
    case Table::kUrls:
      return plain(Url{});
    case Table::kEmails:
      return plain(Email{});
    case Table::kQuestions: {
      Question question;
      Answer answer;
      uint32_t values = 0;
      return visit(v, question, answer, values);
    }
    case Table::kCount:
      return;
  }
}

// The type characters of a table's fields.
struct SchemaText {
  std::string types;
  template <class T>
  void u(T&, uint64_t = 0) {
    types += 'u';
  }
  template <class T>
  void i(T&) {
    types += 'i';
  }
  void d(double&) { types += 'd'; }
  void s(std::string_view&) { types += 's'; }
  void b(uint8_t (&)[16]) { types += 'b'; }
  template <class T>
  void n(Names, T&) {
    types += 'n';
  }
};

inline std::string schema_of(Table table) {
  SchemaText text;
  visit_default(text, table);
  return text.types;
}

inline void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

}  // namespace winnow::wev
