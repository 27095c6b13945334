#include "engine/text/folded_subject.h"

#include "engine/text/fold.h"

namespace winnow {

void fold_subject(Batch& batch, uint32_t row) {
  const std::span<const Header> headers = batch.headers.row(row);
  const uint32_t subject = batch.facts[row].subject;
  if (subject >= headers.size()) return;
  batch.derived.values.push_back(
      {kFoldedSubject, fold_text(headers[subject].decoded, batch.arena)});
}

}  // namespace winnow
