// The order of a message's stages: the table of contents of the engine.
//
// A Run binds what does not change while messages flow: the rule set, who answers questions, the
// clock. Workers hold what one thread needs while it works; they are kept between batches.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/case.h"
#include "pipeline/message.h"
#include "rules/compile/rule_set.h"

namespace winnow {

class Exporter;  // pipeline/exports/exporter.h
class Lookup;    // pipeline/lookup/lookup.h

enum class Stage : uint8_t {
  kIntake,
  kParse,
  kEnvelope,
  kContent,
  kTexts,
  kUrls,
  kWords,
  kMatch,
  kFunctions,
  kChecks,
  kSeal,
  kJudge,
  kCount
};
constexpr std::array<std::string_view, static_cast<size_t>(Stage::kCount)> kStageNames{
    "intake", "parse", "envelope",  "content", "texts", "urls",
    "words",  "match", "functions", "checks",  "seal",  "judge"};

// Time of the workers spent in each stage: CPU time (shown by --perf), or by the wall clock
// (RunOptions::wall_times, in /metrics).
struct StageTimes {
  std::array<uint64_t, static_cast<size_t>(Stage::kCount)> ns{};
  uint64_t messages = 0;
  uint64_t batches = 0;
  void add(const StageTimes& other) {
    for (size_t i = 0; i < ns.size(); ++i) ns[i] += other.ns[i];
    messages += other.messages;
    batches += other.batches;
  }
};

using Deadline = std::chrono::steady_clock::time_point;

// Who answers questions. Thread-safe.
class Answerer {
 public:
  using Ready = std::function<void()>;
  virtual ~Answerer() = default;
  // Fills evidence.answers[i] for every open question; what cannot be known is kUnknown. Waits for
  // nobody.
  virtual void answer(Evidence& evidence) const = 0;
  // True where ask() may have to wait.
  virtual bool waits() const { return false; }
  // As answer(), but where somebody has to be asked: false, and `ready` is called once, from
  // another thread, perhaps before this returns, when all is answered or `deadline` is over (then
  // some may still be open). Until then nobody else touches the evidence.
  virtual bool ask(Evidence& evidence, Deadline deadline, Ready ready) const {
    static_cast<void>(deadline), static_cast<void>(ready);
    answer(evidence);
    return true;
  }
  // Whether what is open is about the message and its verdict: exports that mail waits for. Then
  // advance() calls ask_about(), which is ask() for a case that has its message, and the verdict
  // that it would have if nobody answered.
  virtual bool wants_verdict(const Evidence&) const { return false; }
  virtual bool ask_about(Case& one, Deadline deadline, Ready ready) const {
    return ask(one.evidence, deadline, std::move(ready));
  }
  // Keys that it was asked for and that evidence only names; null where there are none.
  virtual const SigningKeys* signing_keys() const { return nullptr; }
  // The service behind it, for what it counts; null where nobody is asked.
  virtual const Lookup* lookup() const { return nullptr; }
  // The same of exports.
  virtual const Exporter* exporter() const { return nullptr; }
  // Kinds (1 << QuestionKind) whose answers are always unknown.
  virtual uint32_t silent() const { return 0; }
};

struct RunOptions {
  int64_t now_ms = 0;              // the run's clock, for messages without their own
  uint32_t ip_from_received = 0;   // take the client's IP from the n-th Received; 0 = do not
  bool now_from_received = false;  // corpus work: each message's clock is its topmost Received
  bool locate = false;             // find the bytes of each hit (explain)
  std::string host_name = {};      // for headers that name it; empty: they are not written
  bool digest = false;             // fill Facts::digest: no rule reads it, recordings hold it
  bool wall_times = false;         // stages by the wall clock: no system call for each
  bool seal_all = false;           // also what no answer can ask for here (--record)
};

struct Worker;

class Run {
 public:
  Run(std::shared_ptr<const RuleSet> rules, const Answerer& answerer, const RunOptions& options);

  // From bytes to sealed evidence, one case a message; the worker's batch stays full, for explain.
  // REQUIRED: the worker's batch is empty.
  void look(Worker& worker, std::span<Message> messages,
            std::span<std::unique_ptr<Case>> cases) const noexcept;
  // look(), then the batch is emptied. Never fails: bad mail is data.
  void compute(Worker& worker, std::span<Message> messages,
               std::span<std::unique_ptr<Case>> cases) const noexcept;
  // Judges a case to its end with what can be answered at once. What is still open at `deadline`
  // stays unknown, and the evidence says so (cut_by_deadline).
  void conclude(Worker& worker, Case& one, Deadline deadline = Deadline::max()) const noexcept;
  // Judges a case as far as answers go. True: to its end. False: it waits, as Answerer::ask() says;
  // call again after `ready`, with the same rule set.
  bool advance(Worker& worker, Case& one, Deadline deadline,
               const Answerer::Ready& ready) const noexcept;
  // True where advance() may say false.
  bool waits() const { return answerer_.waits(); }

  // Concludes a message that must not be scanned: fault POISON, the action of winnow.poison_action.
  // Its bytes stay as they are.
  void condemn(Message& message, std::unique_ptr<Case>& one) const;

  const RuleSet& rules() const { return *rules_; }
  // Puts faster databases for the same patterns in place; verdicts do not change.
  void use(std::shared_ptr<const MatchPlan> match);

 private:
  bool judge_on(Worker& worker, Case& one) const noexcept;
  void judge_unanswered(Worker& worker, Case& one) const;
  void decide_edits(Case& one) const;

  std::shared_ptr<const RuleSet> rules_;
  std::shared_ptr<const MatchPlan> match_;  // std::atomic_load / atomic_store
  const Answerer& answerer_;
  const RunOptions options_;
  TextPlan text_plan_;
};

}  // namespace winnow
