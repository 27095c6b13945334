// What `classifier { autolearn, learn_condition }` says of learning: which judged mail teaches
// without a user, and what of a user's is not learnt.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/verdict.h"

namespace winnow {

struct CompileContext;
class UclObject;

struct Autolearn {
  bool on = false;
  std::optional<Micro> spam;   // from this score on; nothing: over the highest threshold
  Micro ham = 0;               // up to this score
  bool strict = true;          // below it, and not at it
  bool by_verdict = false;     // an object: the verdict says which class, the scores whether
  std::optional<Micro> junk;   // by_verdict: from it on what is marked is spam as well
  bool any_score = false;      // by_verdict: the verdict alone (learn_verdict)
  bool check_balance = false;  // of spam and ham
  double min_balance = 0.9;
  bool queue_id_needed = false;
  bool local = true, authenticated = true;  // their mail teaches, too
  bool logged = true;
  struct Range {
    std::string name;  // of a class
    Micro from, to;
  };
  std::vector<Range> classes = {};  // where there are any they decide, and not the scores above
};

// learn_condition, Rspamd's own: what is of its class already as surely as this is not learnt.
struct LearnGuard {
  double below = 0;            // 0: no guard
  bool needs_opinion = false;  // without an opinion nothing is learnt
  bool spares_moves = false;   // what was learnt as another class may always be learnt as this one
  std::string no_opinion = "no opinion of it is known";
  // A header of the request that changes it.
  bool by_header = true;
  std::string header = "learn-type";  // in lower case
  std::vector<std::string> values = {"bulk"};
  bool case_sensitive = false;
  enum class Then : uint8_t { kNoGuard, kDeny } then = Then::kNoGuard;
  std::string denied = "the request forbids it";
};

// `classes` are those of the site.
Autolearn read_autolearn(CompileContext& context, const UclObject& section,
                         const std::vector<std::string>& classes);
LearnGuard read_learn_guard(CompileContext& context, const UclObject& section);

}  // namespace winnow
