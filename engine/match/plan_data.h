// Inside of a match plan; read by match.cc only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/match/database.h"
#include "engine/match/plan.h"
#include "engine/match/regex.h"

namespace winnow {

struct PlanPattern {
  PatternSpec spec;
  AtomId atom = kNoId<AtomId>;
  Regex regex;
  PatternClass how = PatternClass::kAlone;
  bool is_classified = false;
  bool counts = false;
  bool each_text = false;
  bool folds = false;       // case of code points: see letters.h
  bool translated = false;  // to machine code
};

// Patterns of one scope that read bytes (or code points) alike.
struct PlanGroup {
  std::vector<PatternId> members;            // all, in the order they came
  std::vector<PatternId> listed;             // in the database: index = the id it reports
  std::vector<PatternId> alone;              // PCRE2 only, with or without a database
  std::vector<PatternId> refused;            // listed, but the database would not take them
  std::vector<PatternId> folding;            // listed, and PCRE2's where a text has new letters
  std::shared_ptr<const Database> database;  // null: PCRE2 stands in for `listed`
  std::string key;                           // of the database (blob.h)
  bool empty() const { return members.empty(); }
};

struct PlanScope {
  ScopeKind kind = ScopeKind::kNowhere;
  HeaderId header = kNoId<HeaderId>;
  uint32_t selector = kNoIndex;  // kSelector
  std::string strict_name;       // not empty: the header must be written so
  PlanGroup bytes;
  PlanGroup utf;
};

struct PlanData {
  uint64_t serial = 0;  // different for every plan of the process
  Limits limits;
  bool attached_texts = false;
  std::vector<PlanPattern> patterns;  // by PatternId
  // Header scopes by header id first, then the others by kind.
  std::vector<PlanScope> scopes;
  uint32_t header_scopes = 0;
  std::vector<uint32_t> header_begin;  // [id] first scope of that header; CSR
  std::vector<PatternId> by_atom;      // sorted by atom, for look-up at the edge
  DatabaseScratch scratch;             // to be cloned
  MatchReport report;
};

}  // namespace winnow
