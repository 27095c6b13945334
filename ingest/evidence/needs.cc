#include "ingest/evidence/needs.h"

namespace winnow {

namespace {

std::string name_of(const EvidenceNames& names, wev::Names kind, uint32_t id) {
  const auto& list = names.of(kind);
  return id < list.size() ? std::string(list[id]) : std::to_string(id);
}

std::string columns_of(uint32_t seals) {
  constexpr std::string_view kNames[] = {"headers", "addresses", "received", "urls",
                                         "emails",  "parts",     "words"};
  std::string out;
  for (size_t bit = 0; bit < std::size(kNames); ++bit) {
    if (!(seals >> bit & 1)) continue;
    if (!out.empty()) out += ", ";
    out += kNames[bit];
  }
  return out;
}

}  // namespace

std::string left_out_by(EvidenceLevel level) {
  if (level == EvidenceLevel::kFull) return {};
  return std::string("of level ") + (level == EvidenceLevel::kHits ? "hits" : "hashed") +
         ": questions, answers and headers are not in it, so SPF, DKIM, DMARC, ARC and lists say "
         "nothing";
}

std::vector<std::string> rules_without_atoms(const JudgePlan& plan, const EvidenceNames& names,
                                             const EvidenceReader& reader) {
  std::vector<std::string> out;
  for (const RegexpRule& rule : plan.rules) {
    for (const Instruction& in : rule.program) {
      if (in.op != Op::kAtom || plan.symbol_of_atom[in.atom] != kNoId<SymbolId> ||
          reader.knows(wev::Names::kAtoms, in.atom)) {
        continue;
      }
      out.push_back(name_of(names, wev::Names::kSymbols, index(rule.symbol)) +
                    ": the file was written without " +
                    name_of(names, wev::Names::kAtoms, in.atom));
      break;
    }
  }
  return out;
}

std::vector<std::string> checks_without_evidence(const JudgePlan& plan, const EvidenceNames& names,
                                                 const Evidence& evidence) {
  std::vector<std::string> out;
  for (const CheckJudge& check : plan.checks) {
    const std::string name = name_of(names, wev::Names::kChecks, index(check.check));
    const uint32_t lacks = check.seals & ~evidence.sealed;
    if (lacks != 0) out.push_back(name + ": not sealed: " + columns_of(lacks));
    for (size_t q = 0; q < evidence.questions.size(); ++q) {
      if (evidence.questions[q].check != check.check ||
          evidence.answers[q].reason != UnknownReason::kNotReplayed) {
        continue;
      }
      out.push_back(name + ": not recorded: " + std::string(evidence.questions[q].key));
    }
  }
  return out;
}

}  // namespace winnow
