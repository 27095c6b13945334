// Dense ids. A name becomes an id once, when the rule set is compiled; id = array index. Names
// come back only at the edge (tables, JSON, logs).
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace winnow {

enum class SymbolId : uint32_t {};  // index into RuleSet's symbols
enum class GroupId : uint32_t {};   // index into RuleSet's groups
enum class ActionId : uint32_t {};  // index into RuleSet's actions
enum class PatternId : uint32_t {
};                                  // index into MatchPlan's patterns (= Hyperscan id in its group)
enum class AtomId : uint32_t {};    // index into RuleSet's atoms: patterns and functions alike
enum class HeaderId : uint32_t {};  // index into HeaderNames
enum class CheckId : uint32_t {};   // index into all_checks()
enum class QuestionId : uint32_t {};  // index into one message's questions

template <class Id>
requires std::is_enum_v<Id>
constexpr uint32_t index(Id id) { return static_cast<uint32_t>(id); }

template <class Id>
constexpr Id kNoId = static_cast<Id>(std::numeric_limits<uint32_t>::max());

// "No such index" for plain 32-bit indices (parent of the root part, text of an attachment).
constexpr uint32_t kNoIndex = std::numeric_limits<uint32_t>::max();

// A half-open range of 32-bit indices.
struct Range {
  uint32_t begin = 0;
  uint32_t end = 0;
  constexpr uint32_t size() const { return end - begin; }
  constexpr bool empty() const { return begin == end; }
};

}  // namespace winnow
