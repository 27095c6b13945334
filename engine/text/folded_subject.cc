#include "engine/text/folded_subject.h"

namespace winnow {

void fold_subject(FoldScratch& scratch, Batch& batch, uint32_t row) {
  const std::span<const Header> headers = batch.headers.row(row);
  const uint32_t subject = batch.facts[row].subject;
  if (subject >= headers.size()) return;
  ArenaText out(batch.arena, headers[subject].decoded.size() + 16);
  fold_text(headers[subject].decoded, scratch, out);
  batch.derived.values.push_back({kFoldedSubject, out.finish()});
}

}  // namespace winnow
