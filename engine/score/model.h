// What scoring knows: symbols, groups, actions, composites; compiled from configuration, immutable.
// Facts: facts/scoring.md. Filled by rules/compile, read by engine/score and the front ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/place.h"
#include "engine/verdict.h"

namespace winnow {

enum class SymbolKind : uint8_t {
  kNormal,
  kCallback,
  kVirtual,
  kPrefilter,
  kPostfilter,
  kConnfilter,
  kIdempotent,
  kComposite,
  kClassifier,
  kFault
};
enum class SymbolFlag : uint16_t {
  kOneShot = 1,
  kOneParam = 2,
  kFine = 4,
  kIgnorePassthrough = 8,
  kDisabled = 16,
  kNoStat = 32,
  kGhost = 64,
  kMimeOnly = 128,
  kExplicitDisable = 256,
  kUndefined = 512,
  kHidden = 1024
};

struct Symbol {
  std::string name = {};
  std::string description = {};
  SymbolKind kind = SymbolKind::kNormal;
  uint16_t flags = 0;                // SymbolFlag bits
  uint32_t shots_max = 100;          // repeats that add; 0 = no limit (any_shot)
  Micro score = 0;                   // static weight
  Place score_place = {};            // where the weight that holds was written
  Place place = {};                  // where the symbol was defined
  std::vector<GroupId> groups = {};  // first = primary
};

struct Group {
  std::string name = {};
  std::string description = {};
  Micro max_score = kNoThreshold;   // cap of its positive sum
  Micro min_score = -kNoThreshold;  // cap of its negative sum
  bool disabled = false;
  bool one_shot = false;
  bool is_public = false;  // one of $public_groups in the log
  Place place = {};
  std::vector<SymbolId> symbols = {};
};

enum class ActionFlag : uint8_t {
  kWithoutThreshold = 1,  // flag no_threshold
  kThresholdOnly = 2,
  kHam = 4,
  kDiscard = 8,
  kQuarantine = 16,
  kDisabled = 32
};

struct Action {
  std::string name = {};  // "reject", "add header", "no action", ...
  Micro threshold = kNoThreshold;
  uint8_t flags = 0;  // ActionFlag bits
  Place place = {};
};

// A composite's expression in reverse Polish notation (facts/scoring.md, "Expressions",
// "Composite atoms"). Values are Micro; true = not zero.
enum class Op : uint8_t {
  kAtom,
  kNumber,
  kNot,
  kAnd,
  kOr,
  kPlus,
  kMinus,
  kTimes,
  kDivide,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqual,
  kNotEqual
};

struct Instruction {
  Op op;
  uint32_t arity = 2;        // kAnd, kOr, kPlus, kTimes take n operands
  uint32_t atom = kNoIndex;  // index into the owner's atoms
  double number = 0;
  // Filled by link_program(): where this value is an operand of kAnd or kOr other than its last,
  // the index of that instruction, and how many operands stand before; for short-circuiting.
  uint32_t parent = kNoIndex;
  uint32_t operand = 0;
};
using Program = std::vector<Instruction>;

enum class Removal : uint8_t { kRemove, kRemoveWeight, kRemoveSymbol, kLeave };

struct CompositeAtom {
  SymbolId symbol = kNoId<SymbolId>;      // a symbol, or ...
  GroupId group = kNoId<GroupId>;         // ... a group
  int8_t group_sign = 0;                  // +1 `g+:`, -1 `g-:`, 0 `g:`
  bool keep_symbol = false;               // `~`
  bool keep_all = false;                  // `-`
  bool force_remove = false;              // `^`
  bool under_not = false;                 // inside a negation: never removes
  std::vector<std::string> options = {};  // each must match an option: literal, or "/re/flags"
  std::vector<uint32_t> regexps = {};     // as long as options; kNoIndex where it is a literal
  std::string text = {};                  // as written
};

struct Composite {
  SymbolId symbol;
  Program program = {};
  std::vector<CompositeAtom> atoms = {};
  Removal policy = Removal::kRemove;
  bool second_pass = false;     // uses, also indirectly, symbols of post-filters
  std::string expression = {};  // as written
  Place place = {};
};

struct ScoreModel {
  std::vector<Symbol> symbols = {};
  std::vector<Group> groups = {};
  std::vector<Action> actions = {};        // by rising threshold, then those without one
  std::vector<Composite> composites = {};  // sorted so that what one reads stands before it
  double grow_factor = 1;
  bool check_all_filters = false;
  std::string subject = "*** SPAM *** %s";
  ActionId no_action{};
  ActionId reject = kNoId<ActionId>;
  ActionId soft_reject = kNoId<ActionId>;

  // Linear searches for the edge and for compile time; kNoId where there is none.
  SymbolId find_symbol(std::string_view name) const;
  ActionId find_action(std::string_view name) const;
  GroupId find_group(std::string_view name) const;
};

}  // namespace winnow
