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
#include "engine/result.h"
#include "engine/score/judgement.h"
#include "engine/score/model.h"
#include "engine/verdict.h"

namespace winnow {

class UclObject;  // rules/config/ucl.h
class Map;        // rules/maps/map.h
enum class MapKind : uint8_t;
struct PatternSpec;  // engine/match/pattern.h
class SigningKeys;   // rules/checks/auth/signing_keys.h

// Networks of the site itself (options.local_addrs, local_networks): loopback and link-local
// addresses always; where none are named, private ones too.
class OwnNetworks {
 public:
  void add(std::shared_ptr<const Map> networks) { networks_.push_back(std::move(networks)); }
  bool hold(const IpAddress& ip) const;

 private:
  std::vector<std::shared_ptr<const Map>> networks_;
};

struct SymbolDecl {
  std::string_view name;
  std::string_view group;
  double score;                  // default weight; the policy's files win
  std::string_view description;  // one sentence, ours
  bool one_shot = false;
  bool mime_only = false;  // not on raw data (rspamd's "mime" flag)
};

// An option that gives a symbol of the check another name: "symbol" or "symbols.allow". What the
// policy says of the symbol, and who reads it, then mean the new name; empty: it is not inserted.
struct SymbolName {
  std::string_view option, symbol;
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
  // Of a check with local_skip: mail of own networks, of users (check_local, check_authed).
  bool skips_local = false, skips_users = false;
  bool skips(const Envelope& envelope) const {
    return (skips_local && envelope.own_ip) || (skips_users && !envelope.user.empty());
  }
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

  // --- For checks whose rules, and so symbols, the configuration defines ---

  // The map that a value names; never null. `kind` holds where the value does not say one.
  std::function<std::shared_ptr<const Map>(const UclObject& value, MapKind kind)> map_of = {};
  // Something to tell the operator of one value. Says nothing while declare() runs.
  std::function<void(const UclObject& at, std::string sentence)> warn_at = {};
  // In declare(): a symbol with a weight of its own; `body` (may be null) is read as in groups:
  // score, description, groups, one_shot … `expression` is what `rules show` prints.
  std::function<SymbolId(std::string_view name, const UclObject* body, double score,
                         std::string_view group, std::string expression)>
      declare = {};
  // Id of an action as actions {} names it; kNoId where there is none.
  std::function<ActionId(std::string_view name)> action = {};
  // When facts of this symbol count; kIdempotent: only where a judge of the check inserts it.
  std::function<void(SymbolId symbol, Phase phase)> symbol_phase = {};
  // In compile(): the atom of a pattern, and an atom that content() sets. `text` is its name in
  // evidence files.
  std::function<Result<AtomId>(const PatternSpec& spec, std::string text)> pattern = {};
  std::function<AtomId(std::string text)> fact = {};
  // A whole file, and the paths that a shell pattern matches, sorted. Null: there are none.
  std::function<Result<std::string>(std::string_view path)> read_file = {};
  std::function<std::vector<std::string>(std::string_view pattern)> glob = {};
  // In compile(): a new DerivedText::selector, for patterns of scope kSelector.
  std::function<uint32_t()> selector = {};
  OwnNetworks own = {};
  // Names that DNS lists may be asked about one message, beside the client's (dns_max_requests).
  uint32_t list_questions_max = UINT32_MAX;
  // Said of a selector that reads languages: texts are asked for theirs then.
  std::function<void()> wants_languages = {};
};

// What edits are made from, once the verdict stands.
struct EditInput {
  const ScoreModel& model;
  const Evidence& evidence;
  const Verdict& verdict;             // its edits may be those being appended to: read all else
  std::string_view host_name = {};    // this machine's; empty where outputs may not depend on it
  const SigningKeys* keys = nullptr;  // of answers to questions for keys; null: there are none
};

struct Check {
  std::string_view name;          // module name as Rspamd's users know it
  std::string_view section = {};  // of the configuration, where it is not the name
  std::string_view text;          // one sentence
  std::span<const OptionDecl> options = {};
  std::span<const SymbolDecl> symbols = {};
  std::span<const SymbolName> names = {};  // of symbols that options rename
  Phase phase = Phase::kFilter;
  uint32_t seals = 0;                            // Sealed bits that `judge` reads
  std::span<const std::string_view> after = {};  // checks whose symbols it reads
  bool default_enabled = true;
  // Skipped for local or authenticated mail, but where check_local and check_authed say otherwise.
  bool local_skip = false;

  // Symbols that the configuration defines: called before anything refers to symbols by name.
  void (*declare)(CompileContext&) = nullptr;
  std::unique_ptr<CheckPlan> (*compile)(CompileContext&) = nullptr;  // null: CheckPlan itself
  // Adds what patterns of its selectors are asked of to the open row of batch.derived.
  void (*derive)(const CheckPlan&, Batch&, uint32_t row) = nullptr;
  void (*content)(const CheckPlan&, Batch&) = nullptr;
  void (*ask)(const CheckPlan&, const Batch&, Asker&) = nullptr;
  Judged (*judge)(const CheckPlan&, const Evidence&, Judgement&) = nullptr;
  // Judges again at the end of the filters, where the symbols of other checks are known.
  Judged (*judge_late)(const CheckPlan&, const Evidence&, Judgement&) = nullptr;
  // Judges again when the verdict stands: may ask, and inserts symbols that weigh nothing.
  Judged (*judge_last)(const CheckPlan&, const Evidence&, Judgement&) = nullptr;
  // Appends to the verdict's list of edits, in the order of all.cc. Names must outlive the verdict
  // (the plan's or the evidence's).
  void (*edit)(const CheckPlan&, const EditInput&, std::vector<Edit>&) = nullptr;
  // The same when all edits are there: signatures cover the message as they leave it.
  void (*sign)(const CheckPlan&, const EditInput&, std::vector<Edit>&) = nullptr;
};

// The section of the configuration that a check reads.
constexpr std::string_view section_of(const Check& check) {
  return check.section.empty() ? check.name : check.section;
}

std::span<const Check* const> all_checks();

}  // namespace winnow
