// What a rule set wants to know of replayed evidence that was never found out: named, so that a
// verdict under new rules is not taken for more than it is (exit code 3).
#pragma once

#include <string>
#include <vector>

#include "engine/score/judge.h"
#include "ingest/evidence/reader.h"

namespace winnow {

// What a file of this level cannot say, as one sentence; empty for one that has everything.
std::string left_out_by(EvidenceLevel level);

// One sentence for each rule that reads an atom the file's writer did not look for. Once a file.
std::vector<std::string> rules_without_atoms(const JudgePlan& plan, const EvidenceNames& names,
                                             const EvidenceReader& reader);

// One sentence for each check that reads a column which this message's evidence lacks, or that
// asked a question which was not recorded. After judging.
std::vector<std::string> checks_without_evidence(const JudgePlan& plan, const EvidenceNames& names,
                                                 const Evidence& evidence);

}  // namespace winnow
