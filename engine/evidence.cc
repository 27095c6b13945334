#include "engine/evidence.h"

#include "engine/verdict.h"

namespace winnow {

void Evidence::clear() {
  slab.reset();
  sequence = 0;
  rules_identity = 0;
  source = subject = message_id = label = {};
  envelope = {};
  facts = {};
  recipients = {};
  atoms = {};
  symbols = {};
  cut_by_deadline = false;
  sealed = 0;
  headers = {};
  addresses = {};
  received = {};
  urls = {};
  emails = {};
  questions.clear();
  answers.clear();
}

void Verdict::clear() {
  action = {};
  score = required = 0;
  symbols.clear();
  pre_results.clear();
  forced_by = kNoIndex;
  edits.clear();
  effects.clear();
  unknown.clear();
  cut_by_deadline = false;
  subject = {};
}

}  // namespace winnow
