// The keys of a store of statistics.
//
// Classes are numbered as they first come in the log, behind spam (0) and ham (1), and counted two
// and two: a plane. Layout of the store; t is the tokenizer as a digit, numbers are big-endian:
//
//   counters  't' t hash                spam, ham    statistics that all share
//   counters  'u' t scope hash          spam, ham    a user's own
//   counters  'x' t plane scope hash    classes 2 x plane and 2 x plane + 1; plane is a byte, from
//   1 counters  'n' t scope               learnt messages, spam, ham counters  'm' t plane scope
//   the same of a further plane value     'c'                       names of the classes from 2 on,
//   each with a line feed value     'k' t scope digest        u8 number of its class + 1 | u64
//   offset of its record in
//                                       the log (little-endian)
//   value     'p'                       16 bytes name of the log | u64 offset of what comes next
//
// The first three are packed families of the store.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/learn/record.h"
#include "pipeline/lookup/store/table.h"

namespace winnow {

constexpr std::string_view kPositionKey = "p", kClassesKey = "c";

// Numbers as keys have them, and back.
void put_big(std::string& out, uint64_t value);
uint64_t read_big(std::string_view bytes);
// Of a message: 'k' and what follows.
std::string mark_key(const LearnRecord& record);

// Names of the classes of a store by their numbers: at first spam and ham.
using ClassNames = std::vector<LearnLabel>;
constexpr size_t kStoreClassesMax = 254;
Result<ClassNames> read_class_names(const Store& store);

// What a counter row of the layout is of.
struct CounterKey {
  Tokenizer tokenizer = Tokenizer::kWinnow;
  bool learns = false;  // of messages, and not of a token
  uint8_t plane = 0;
  uint64_t scope = 0, hash = 0;

  // Nothing where it is none of these.
  static std::optional<CounterKey> of(std::string_view key);
  std::string text() const;
  // Without the number at the end: the scope of messages, the hash of a token.
  std::string head() const;
};
constexpr std::string_view kCounterKinds = "tuxnm";  // with which they begin

// The counter rows of which a store of statistics has millions.
constexpr std::array<PackedFamily, 3> kTokenFamilies{{{'t', 10}, {'u', 18}, {'x', 19}}};

// Classes by number, with those that a step adds.
class StoreClasses {
 public:
  // Errors: those of the store. REQUIRED: before all others.
  Result<void> read(const Store& store);
  // Nothing where there are too many.
  std::optional<uint8_t> number(LearnLabel label);
  // Of a value 'k'; nothing where it is none.
  std::optional<LearnLabel> of_mark(const std::optional<std::string>& value) const;
  bool has_new() const { return names_.size() > known_; }
  std::string value() const;

 private:
  ClassNames names_;
  size_t known_ = 0;
};

}  // namespace winnow
