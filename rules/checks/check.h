// How a check is declared. Each file in this folder ends in one
//   constexpr Check kXxx{ .name = ..., .options = ..., .symbols = ..., ... };
// and all.cc lists them; documentation, module states, accepted options, order and the
// questions that may be asked come from that list.
//
// A check does no I/O. It finds facts in the batch (`content`), may ask what it knows to be
// needed (`ask`), and judges answers over the evidence (`judge`), where it may ask again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/evidence.h"
#include "engine/limits.h"
#include "engine/mime/header_names.h"
#include "engine/score/judgement.h"
#include "engine/verdict.h"

namespace winnow {

class UclObject;  // rules/config/ucl.h
class Map;        // rules/maps/map.h

struct SymbolDecl {
  std::string_view name;
  std::string_view group;
  double score;                  // default weight; the policy's files win
  std::string_view description;  // one sentence, ours
  bool one_shot = false;
  bool mime_only = false;  // not on raw data (rspamd's "mime" flag)
};

enum class OptionType : uint8_t {
  kBool,
  kInteger,
  kNumber,
  kString,
  kTime,
  kSize,
  kList,
  kMap,
  kObject,
  kAny
};

struct OptionDecl {
  std::string_view name;
  OptionType type;
  std::string_view default_text;
  std::string_view text;    // one sentence with the unit
  double min = 0, max = 0;  // bounds where min < max
};

// A check's compiled options: made once a rule set, immutable, owned by it.
struct CheckPlan {
  virtual ~CheckPlan() = default;  // one virtual call a rule set, none a row
  // symbols[i] is the id of decl symbols[i]; kNoId where the policy disabled it.
  std::vector<SymbolId> symbols;
};

// Inserts symbol number `which` of the check's declaration.
inline void insert(const CheckPlan& plan, Batch& batch, uint32_t row, uint32_t which,
                   std::string_view option = {}, double weight = 1, Where where = {}) {
  const SymbolId symbol = plan.symbols[which];
  if (symbol != kNoId<SymbolId>) batch.symbols.push_back({row, symbol, weight, option, where});
}

// What a check's compile() may use. The base members of the plan (symbols) are set afterwards.
struct CompileContext {
  const UclObject* options = nullptr;  // its merged section; null where the policy has none
  HeaderNames& headers;                // add() the names that content() looks for
  const Limits& limits;
  // Entries of a map option (rules/maps); null where the option is absent.
  std::function<std::shared_ptr<const Map>(std::string_view option)> map = {};
  // Something to tell the operator: option name, sentence.
  std::function<void(std::string_view option, std::string sentence)> warn = {};
  // Id of a symbol of another check or rule; kNoId where there is none.
  std::function<SymbolId(std::string_view name)> symbol = {};
  // Id of an action; kNoId where there is none.
  std::function<ActionId(std::string_view name)> action = {};
};

struct Check {
  std::string_view name;  // module name as Rspamd's users know it
  std::string_view text;  // one sentence
  std::span<const OptionDecl> options = {};
  std::span<const SymbolDecl> symbols = {};
  Phase phase = Phase::kFilter;
  uint32_t seals = 0;                            // Sealed bits that `judge` reads
  std::span<const std::string_view> after = {};  // checks whose symbols it reads
  bool default_enabled = true;
  bool local_skip = false;  // skipped for local or authenticated mail

  std::unique_ptr<CheckPlan> (*compile)(CompileContext&) = nullptr;  // null: CheckPlan itself
  void (*content)(const CheckPlan&, Batch&) = nullptr;
  void (*ask)(const CheckPlan&, const Batch&, Asker&) = nullptr;
  Judged (*judge)(const CheckPlan&, const Evidence&, Judgement&) = nullptr;
};

std::span<const Check* const> all_checks();

}  // namespace winnow
