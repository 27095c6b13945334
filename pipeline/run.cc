#include "pipeline/run.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "engine/score/questions.h"
#include "engine/score/seal_links.h"
#include "engine/text/folded_subject.h"
#include "engine/url/suffix.h"
#include "pipeline/worker.h"
#include "rules/checks/auth/request_key.h"
#include "rules/checks/row.h"
#include "rules/checks/url/redirectors.h"

namespace winnow {

namespace {

// CPU time of this thread, on which neighbours do not count: a system call of some 0.3 us. Or the
// wall clock, which is read without one.
uint64_t clock_ns(bool wall) {
  timespec now{};
  clock_gettime(wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// Adds the time since the last call to a stage.
class StageClock {
 public:
  StageClock(StageTimes& times, bool wall) : times_(times), wall_(wall) {}
  void done(Stage stage) {
    const uint64_t now = clock_ns(wall_);
    times_.ns[static_cast<size_t>(stage)] += now - last_;
    last_ = now;
  }

 private:
  StageTimes& times_;
  const bool wall_;
  uint64_t last_ = clock_ns(wall_);
};

constexpr uint32_t kStoreBit = 1u << static_cast<uint32_t>(QuestionKind::kStore);

void intake(const RunOptions& options, Worker& worker, std::span<Message> messages,
            std::span<std::unique_ptr<Case>> cases) {
  for (size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    Envelope envelope;
    envelope.from_known = message.from.has_value();
    if (message.from) envelope.from = *message.from;
    envelope.helo = message.helo;
    envelope.hostname = message.hostname;
    envelope.user = message.user;
    envelope.queue_id = message.queue_id;
    envelope.mta_name = message.mta_name;
    envelope.ip = message.ip;
    envelope.headerless = message.headerless;
    envelope.now_ms = message.now_ms.value_or(options.now_ms);
    worker.recipients.assign(message.recipients.begin(), message.recipients.end());
    worker.request.clear();
    for (const auto& [name, value] : message.request_headers)
      worker.request.push_back({name, value});
    worker.batch.add(message.bytes.view(), cases[i]->evidence.sequence, envelope, worker.recipients,
                     worker.request);
  }
}

// For bare messages Return-Path gives the sender and Delivered-To the recipients; the IP is taken
// from a Received header only where the run was told which one to trust (DESIGN section 9).
void complete_envelopes(const RuleSet& rules, const RunOptions& options, Worker& worker,
                        std::span<const Message> messages) {
  Batch& batch = worker.batch;
  Csr<std::string_view>& recipients = worker.completed_recipients;
  recipients.clear();
  for (uint32_t row = 0; row < batch.rows; ++row) {
    Envelope& envelope = batch.envelopes[row];
    for (const std::string_view rcpt : batch.recipients.row(row)) recipients.values.push_back(rcpt);
    const bool ask_rcpt = !messages[row].recipients_known && messages[row].recipients.empty();
    for (const Address& address : batch.addresses.row(row)) {
      if (address.field == AddressField::kReturnPath && !envelope.from_known) {
        envelope.from = address.address;
        envelope.from_known = true;
      } else if (address.field == AddressField::kDeliveredTo && ask_rcpt &&
                 recipients.open_row().empty() && !address.address.empty()) {
        recipients.values.push_back(address.address);
      }
    }
    recipients.end_row();
    const std::span<const Received> hops = batch.received.row(row);
    const uint32_t n = options.ip_from_received;
    if (n > 0 && !envelope.ip.valid() && hops.size() >= n) {
      envelope.ip = hops[n - 1].real_ip;
      if (envelope.hostname.empty()) envelope.hostname = hops[n - 1].real_hostname;
      if (envelope.helo.empty()) envelope.helo = hops[n - 1].from_hostname;
    }
    if (options.now_from_received && !messages[row].now_ms && !hops.empty() && hops[0].time > 0)
      envelope.now_ms = hops[0].time * 1000;
    envelope.own_ip = rules.own.hold(envelope.ip);
  }
  std::swap(batch.recipients, recipients);
}

// Texts that are made for patterns: the Subject, folded, and what checks want.
void derive(const RuleSet& rules, Worker& worker) {
  Batch& batch = worker.batch;
  const bool subject = rules.match->reads(ScopeKind::kSelector);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (subject) fold_subject(batch, row);
    for (const EnabledCheck& one : rules.checks)
      if (one.check->derive) one.check->derive(*one.plan, batch, row);
    batch.derived.end_row();
  }
}

void run_checks(const RuleSet& rules, Batch& batch) {
  for (const EnabledCheck& one : rules.checks)
    if (one.check->content) one.check->content(*one.plan, batch);
}

// Sealing moves what is known into the cases, and lets checks ask while content is at hand.
void seal_batch(const RuleSet& rules, Worker& worker, std::span<std::unique_ptr<Case>> cases,
                std::span<const Message> messages) {
  worker.evidences.clear();
  for (const std::unique_ptr<Case>& one : cases) worker.evidences.push_back(&one->evidence);
  seal(rules.seal, worker.seal, worker.batch, worker.evidences);
  for (size_t i = 0; i < cases.size(); ++i) {
    Evidence& evidence = cases[i]->evidence;
    evidence.source = evidence.slab.copy(messages[i].source);
    evidence.label = evidence.slab.copy(messages[i].label);
    if (messages[i].wants_links) seal_links(worker.batch, static_cast<uint32_t>(i), evidence);
  }
  EvidenceAsker asker(rules.limits, worker.evidences);
  for (const EnabledCheck& one : rules.checks) {
    if (!one.check->ask) continue;
    asker.begin_check(one.id);
    one.check->ask(*one.plan, worker.batch, asker);
  }
}

bool is_open(const Evidence& evidence) {
  return std::ranges::any_of(
      evidence.answers, [](const Answer& answer) { return answer.state == AnswerState::kOpen; });
}

// What is asked of mail that is not on its way changes nothing that others are told.
void refuse_takes(Evidence& evidence) {
  for (size_t i = 0; i < evidence.questions.size(); ++i)
    if (evidence.questions[i].kind == QuestionKind::kTake &&
        evidence.answers[i].state == AnswerState::kOpen)
      evidence.answers[i] = unknown_answer(UnknownReason::kNotAllowed);
}

// Where the deadline is over, what is open becomes unknown.
bool cut_by_deadline(Evidence& evidence, Deadline deadline) {
  if (deadline == Deadline::max() || std::chrono::steady_clock::now() < deadline) return false;
  evidence.cut_by_deadline = true;
  for (Answer& one : evidence.answers)
    if (one.state == AnswerState::kOpen) one = unknown_answer(UnknownReason::kTimeout);
  return true;
}

}  // namespace

Run::Run(std::shared_ptr<const RuleSet> rules, const Answerer& answerer, const RunOptions& options)
    : rules_(std::move(rules)),
      match_(rules_->match),
      answerer_(answerer),
      options_(options),
      text_plan_(rules_->text_plan) {
  // Tokens are made of stems.
  if (!(answerer_.silent() & kStoreBit)) text_plan_.stems = true;
  shipped_suffixes();  // some 2 ms, which the first message with a URL would wait for
}

void Run::use(std::shared_ptr<const MatchPlan> match) {
  std::atomic_store(&match_, std::move(match));
}

void Run::look(Worker& worker, std::span<Message> messages,
               std::span<std::unique_ptr<Case>> cases) const noexcept {
  const RuleSet& rules = *rules_;
  Batch& batch = worker.batch;
  // Tokens are not recorded where nobody counts them: they are most of a message's evidence.
  // The upper half says it where all is sealed that a recording may want (is_unanswered()).
  const uint32_t silent = answerer_.silent() & 0xFFFF;
  batch.silent = silent << 16 | (options_.seal_all ? silent & kStoreBit : silent);
  StageClock clock(worker.times, options_.wall_times);

  // Bytes, and what the session said of them.
  intake(options_, worker, messages, cases);
  clock.done(Stage::kIntake);

  // Headers, parts, addresses, hops. Beyond this point nothing looks for structure any more.
  parse({rules.headers, rules.limits, options_.digest}, worker.parse, batch);
  clock.done(Stage::kParse);

  // Beyond this point the envelope is as known as it will be.
  complete_envelopes(*rules_, options_, worker, messages);
  clock.done(Stage::kEnvelope);

  // What attachments are, and what is listed in archives.
  content({&rules.limits}, batch);
  clock.done(Stage::kContent);

  // UTF-8, HTML as a reader sees it, folded text.
  texts(text_plan_, worker.texts, batch);
  clock.done(Stage::kTexts);

  urls({rules.limits, kRedirectors}, worker.urls, batch);
  clock.done(Stage::kUrls);

  // Needs URLs: each is one token.
  words(text_plan_, worker.words, batch);
  clock.done(Stage::kWords);

  derive(rules, worker);

  // Every pattern over its scope. Beyond this point no text is read but by checks.
  const std::shared_ptr<const MatchPlan> plan = std::atomic_load(&match_);
  match(*plan, worker.match, batch, options_.locate ? Locate::kYes : Locate::kNo);
  clock.done(Stage::kMatch);

  functions(rules.functions, worker.functions, batch);
  clock.done(Stage::kFunctions);

  run_checks(rules, batch);
  clock.done(Stage::kChecks);

  // Beyond this point there is only evidence.
  seal_batch(rules, worker, cases, messages);
  clock.done(Stage::kSeal);

  worker.times.messages += messages.size();
  ++worker.times.batches;
}

void Run::compute(Worker& worker, std::span<Message> messages,
                  std::span<std::unique_ptr<Case>> cases) const noexcept {
  look(worker, messages, cases);
  worker.batch.clear();
}

void Run::decide_edits(Case& one) const {
  const RequestKeys keys(one.message.request_headers, answerer_.signing_keys());
  const EditInput decided{rules_->model, one.evidence, one.verdict, options_.host_name, &keys};
  for (const EnabledCheck& check : rules_->checks)
    if (check.check->edit) check.check->edit(*check.plan, decided, one.verdict.edits);
  for (const EnabledCheck& check : rules_->checks)
    if (check.check->sign) check.check->sign(*check.plan, decided, one.verdict.edits);
}

// One round of judging. True: the verdict is there.
bool Run::judge_on(Worker& worker, Case& one) const noexcept {
  JudgeInput input;
  input.headerless = one.message.headerless;
  input.pass_all = one.message.pass_all;
  if (judge(rules_->judge, input, worker.judge, one.evidence, one.verdict) == Judged::kWaiting)
    return false;
  decide_edits(one);
  return true;
}

void Run::conclude(Worker& worker, Case& one, Deadline deadline) const noexcept {
  StageClock clock(worker.times, options_.wall_times);
  // Each round answers every open question, and questions_max bounds how many there can be.
  do {
    if (is_open(one.evidence) && !cut_by_deadline(one.evidence, deadline))
      answerer_.answer(one.evidence);
  } while (!judge_on(worker, one));
  clock.done(Stage::kJudge);
}

// The verdict as it is while nobody has answered what is open; the evidence stays as it was.
void Run::judge_unanswered(Worker& worker, Case& one) const {
  Evidence& evidence = one.evidence;
  const std::vector<Answer> answers = evidence.answers;
  for (Answer& answer : evidence.answers)
    if (answer.state == AnswerState::kOpen) answer = unknown_answer(UnknownReason::kNotAllowed);
  JudgeInput input;
  input.headerless = one.message.headerless;
  input.pass_all = one.message.pass_all;
  input.unanswerable = UnknownReason::kNotAllowed;
  judge(rules_->judge, input, worker.judge, evidence, one.verdict);
  evidence.questions.resize(answers.size());
  evidence.answers = answers;
}

bool Run::advance(Worker& worker, Case& one, Deadline deadline,
                  const Answerer::Ready& ready) const noexcept {
  StageClock clock(worker.times, options_.wall_times);
  const auto ask = [&] {
    if (!answerer_.wants_verdict(one.evidence)) return answerer_.ask(one.evidence, deadline, ready);
    judge_unanswered(worker, one);
    return answerer_.ask_about(one, deadline, ready);
  };
  do {
    if (!one.message.on_its_way) refuse_takes(one.evidence);
    if (is_open(one.evidence) && !cut_by_deadline(one.evidence, deadline) && !ask()) {
      clock.done(Stage::kJudge);
      return false;
    }
  } while (!judge_on(worker, one));
  clock.done(Stage::kJudge);
  return true;
}

void Run::condemn(Message& message, std::unique_ptr<Case>& one) const {
  // Evidence of an empty message with this envelope; no rule looks at it.
  Worker worker(*this);
  MessageBytes bytes = std::exchange(message.bytes, MessageBytes(""));
  compute(worker, {&message, 1}, {&one, 1});
  message.bytes = std::move(bytes);
  Evidence& evidence = one->evidence;
  evidence.atoms = {};
  evidence.symbols = {};
  evidence.questions.clear();
  evidence.answers.clear();
  evidence.facts.faults = {};
  evidence.facts.faults.set(Fault::kPoison);
  Verdict& verdict = one->verdict;
  verdict.clear();
  verdict.action = rules_->poison_action;
  verdict.required = highest_threshold(rules_->model);
  const SymbolId symbol = rules_->judge.fault_symbols[static_cast<size_t>(Fault::kPoison)];
  if (symbol != kNoId<SymbolId>) verdict.symbols.push_back({.symbol = symbol, .shots = 1});
  PreResult forced{.action = rules_->poison_action};
  forced.no_smtp_message = true;
  forced.message = "the engine died on this message before";
  forced.module = "poison";
  verdict.pre_results.push_back(forced);
  verdict.forced_by = 0;
}

}  // namespace winnow
