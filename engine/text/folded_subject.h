// The Subject as patterns see texts of scope {folded}: rules that look for what a reader is told
// ({said}) look there as well.
#pragma once

#include "engine/batch.h"

namespace winnow {

// Its DerivedText::selector; other numbers are given out when rules are compiled.
constexpr uint32_t kFoldedSubject = 0;

// Adds the row's Subject, folded, to the open row of batch.derived; nothing where it has none.
void fold_subject(Batch& batch, uint32_t row);

}  // namespace winnow
