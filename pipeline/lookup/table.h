// Answers from a table: what `dns { fake_records = [...] }` says, for tests, for scanning without a
// network, and for reproducing a verdict. Facts: DESIGN section 9; RFC 1034 3.6.2 (CNAME).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/evidence.h"
#include "engine/result.h"

namespace winnow {

// One entry of fake_records.
struct TableRecord {
  std::string name;                  // any case, trailing dot allowed
  std::string type;                  // "a", "TXT", ... ; empty = every type (for rcodes)
  std::vector<std::string> replies;  // presentation form, one a record
  std::string rcode;  // "", "noerror", "norec", "nxdomain", "timeout", "servfail", ...
};

// What holds for a name that is not in the table.
enum class Absent : uint8_t {
  kNxDomain,  // as Rspamd's tests expect
  kUnknown,   // scanning without a network: nobody asked
};

// DNS RR type (RFC 1035 3.2.2) of its name in any case; 0 where it is not known.
uint16_t dns_type(std::string_view name);
// Its name in upper case; empty where it is not known.
std::string_view dns_type_name(uint16_t type);
// Why an answer is unknown, for people.
std::string_view unknown_reason_text(UnknownReason reason);
// What was answered, by whom, how long ago: "192.0.2.1, 192.0.2.2 (127.0.0.1:53, 12 s old)". Values
// are raw bytes of somebody else's, cut at some hundred bytes.
std::string answer_text(const Question& question, const Answer& answer);

class AnswerTable {
 public:
  explicit AnswerTable(Absent absent = Absent::kUnknown) : absent_(absent) {}

  // Fails on an unknown type or rcode. Records of the same name and type add up.
  Result<void> add(const TableRecord& record);
  bool empty() const { return names_.empty(); }

  // The answer to one question; values are copied into `slab`. Follows up to 8 CNAMEs. Kinds other
  // than DNS are unknown (kNoTable).
  Answer answer(const Question& question, Arena& slab) const;

  // Answers every open question of a case; returns how many there were.
  size_t answer_open(Evidence& evidence) const;

 private:
  struct Record {
    uint16_t type = 0;  // 0 = every type
    AnswerState state = AnswerState::kValue;
    UnknownReason reason = UnknownReason::kNotUnknown;
    bool name_exists = true;
    std::vector<std::string> values;
  };
  const Record* find(std::string_view name, uint16_t type, bool& exists) const;

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  Absent absent_;
  std::unordered_map<std::string, std::vector<Record>, Hash, std::equal_to<>> names_;
};

}  // namespace winnow
