// The compile step: from the merged configuration to a rule set.
//
// What is wrong with one rule switches that rule off with a warning that names file, line and
// reason; the others load (DESIGN section 9). Nothing here opens a file, starts a thread or reads a
// clock: ParallelFor and BlobCache are handed in.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "engine/match/plan.h"
#include "rules/compile/rule_set.h"
#include "rules/config/file_source.h"
#include "rules/config/ucl.h"
#include "rules/maps/store.h"

namespace winnow {

struct CompileOptions {
  MatchOptions match;           // limits are taken from the configuration
  bool keep_tests = false;      // tests beside rules are read only where asked for
  FileSource* files = nullptr;  // where maps are; null: none is there
  MapSupply* supply = nullptr;  // where maps are, before `files`
  // The rule set that this one follows: maps whose sources have not changed are shared with it.
  const RuleSet* before = nullptr;
};

// `root`: the merged tree of all layers. Errors: only what leaves no rule set at all (the pattern
// plan cannot be built).
Result<std::shared_ptr<RuleSet>> compile_rules(const UclObject& root,
                                               const CompileOptions& options);

// --- The steps, one file each; in the order in which they run ---

struct Compiler {
  Compiler(RuleSet& rules, const CompileOptions& how);

  RuleSet& set;
  CompileOptions options;
  MatchPlanBuilder patterns;
  FileSupply file_supply;
  MapStore maps;
  uint32_t selectors = 0;                   // given out
  bool languages = false;                   // a selector reads them
  uint32_t shots_max = Symbol().shots_max;  // options.max_shots
  // Symbols that only parts would insert which are not there yet, and those of them that something
  // here speaks of.
  std::set<std::string, std::less<>> accepted, waiting;
  std::vector<unsigned> weight_priorities;  // by SymbolId: of the layer that weighed it last
  std::unordered_map<std::string, SymbolId> symbol_ids;
  std::unordered_map<std::string, GroupId> group_ids;
  std::unordered_map<std::string, AtomId> atom_ids;  // by text as written

  Place place(const UclObject& value);
  void warn(const UclObject& at, std::string what);
  void warn(const Place& at, std::string what);
  // Id of a symbol, made where it is new.
  SymbolId symbol(std::string_view name);
  SymbolId find_symbol(std::string_view name) const;  // kNoId where there is none
  // The same, of a symbol that something inserts; symbol() alone only gives a name to speak of.
  SymbolId inserted(std::string_view name);
  GroupId group(std::string_view name);
  void join_group(SymbolId symbol, std::string_view group);
  // An atom of a regexp expression: pattern, function or has_symbol().
  Result<AtomId> atom(std::string_view text);
};

void compile_options(Compiler& compiler, const UclObject& root);
// Errors: winnow.poison_action is no action.
Result<void> compile_actions(Compiler& compiler, const UclObject& root);
void declare_checks(Compiler& compiler, const UclObject& root);  // their symbols
void compile_regexp_rules(Compiler& compiler, const UclObject& root);
void compile_regexp_maps(Compiler& compiler, const UclObject& root);  // rules in maps
void declare_composites(Compiler& compiler, const UclObject& root);
void compile_composites(Compiler& compiler, const UclObject& root);
void compile_groups(Compiler& compiler, const UclObject& root);  // weights win here
void compile_checks(Compiler& compiler, const UclObject& root);
void collect_accepted(Compiler& compiler, const UclObject& root);
void check_names(Compiler& compiler, const UclObject& root);  // what names mean nothing
// Those of dns { fake_records = [ … ] }.
std::vector<FakeRecord> read_fake_records(Compiler& compiler, const UclObject& dns);
void read_tests(Compiler& compiler, const UclObject& rule, RuleInfo& info);

// Common to rules, composites and symbols of groups: score, description, groups, shots; of these
// the keys that the table of options has in `section`. Of others configtest says that they are
// none.
void read_symbol(Compiler& compiler, const UclObject& object, SymbolId id,
                 std::string_view section);

}  // namespace winnow
