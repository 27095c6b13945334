// metadata_exporter: tells others of messages, as the site's rules say (export_rule.h).
//
// When the verdict stands, judge_last() selects. What mail does not wait for leaves as an effect
// that names its rule; what it waits for (defer) is asked as a take, and where that was not done
// the message is to come again. Who serves mail writes and sends (pipeline/exports); in a scan or
// replay nobody does, and a take that nobody answers changes nothing.
#include <fmt/format.h>

#include "rules/checks/exports/export_rule.h"
#include "rules/checks/row.h"
#include "rules/compile/rule_set.h"

namespace winnow {

namespace {

// Facts for the formats: values of headers, one each.
constexpr std::array<SymbolDecl, 4> kSymbols{{
    {"EXPORT_HEADER_FROM", "policies", 0, ""},
    {"EXPORT_HEADER_TO", "policies", 0, ""},
    {"EXPORT_HEADER_SUBJECT", "policies", 0, ""},
    {"EXPORT_HEADER_DATE", "policies", 0, ""},
}};
constexpr std::array kHeaders{known::kFrom, known::kTo, known::kSubject, known::kDate};
constexpr uint32_t kHeadersMax = 16;  // of one name; more are left out

const ExportPlan& plan_of(const CheckPlan& plan) { return static_cast<const ExportPlan&>(plan); }

void declare(CompileContext& context) {
  for (const std::shared_ptr<const ExportRule>& rule : read_export_rules(context)) {
    const SymbolId id = context.declare(fmt::format("EXPORT_METADATA_{}", rule->name), nullptr, 0,
                                        "policies", fmt::format("by export {}", rule->name));
    context.symbol_phase(id, Phase::kIdempotent);
  }
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<ExportPlan>();
  plan->rules = read_export_rules(context);
  if (plan->rules.empty()) return nullptr;
  for (const std::shared_ptr<const ExportRule>& rule : plan->rules)
    plan->reads_headers |= rule->format != ExportFormat::kMessage || rule->meta_headers;
  for (size_t i = 0; i < kSymbols.size(); ++i)
    plan->header_facts[i] = context.symbol(kSymbols[i].name);
  plan->reject = context.action("reject");
  plan->soft_reject = context.action("soft reject");
  plan->add_header = context.action("add header");
  plan->rewrite_subject = context.action("rewrite subject");
  return plan;
}

void content(const CheckPlan& base, Batch& batch) {
  const ExportPlan& plan = plan_of(base);
  if (!plan.reads_headers) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    std::array<uint32_t, kHeaders.size()> seen{};
    for (const Header& header : own_headers(batch, row))
      for (size_t i = 0; i < kHeaders.size(); ++i)
        if (header.id == header_id(kHeaders[i]) && seen[i]++ < kHeadersMax)
          batch.symbols.push_back({row, plan.header_facts[i], 1, header.decoded, {}});
  }
}

// Whether an answer says that mail must wait. Who was never asked for an answer does not say so.
bool is_failed(const Answer& answer) {
  if (answer.state == AnswerState::kValue)
    return answer.values.empty() || answer.values.front() != kExportSent;
  return answer.reason == UnknownReason::kTimeout;
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const ExportPlan& plan = plan_of(base);
  const bool of_user = !evidence.envelope.user.empty();
  ActionId action = judgement.action();
  bool waiting = false, failed = false;
  for (const std::shared_ptr<const ExportRule>& rule : plan.rules) {
    if (!rule->defer || !plan.is_selected(*rule, action, of_user)) continue;
    const Answer* const answer = judgement.ask(QuestionKind::kTake, kExportTake,
                                               fmt::format("{}{}", kExportQuestion, rule->name));
    waiting |= !answer;
    failed |= answer && is_failed(*answer);
  }
  if (waiting) return Judged::kWaiting;
  if (failed && plan.soft_reject != kNoId<ActionId>) {
    PreResult deferred{.action = plan.soft_reject};
    deferred.message = "deferred";
    deferred.module = "metadata_exporter";
    judgement.pre_result(deferred);
    action = judgement.action();
  }
  for (const std::shared_ptr<const ExportRule>& rule : plan.rules)
    if (!rule->defer && plan.is_selected(*rule, action, of_user))
      judgement.effect({EffectKind::kExport, rule->name, {}});
  return Judged::kDone;
}

constexpr std::string_view kAfter[] = {"dkim_signing", "arc"};

}  // namespace

const ExportPlan* find_exports(const RuleSet& rules) {
  for (const EnabledCheck& one : rules.checks)
    if (one.check->compile == compile) return static_cast<const ExportPlan*>(one.plan.get());
  return nullptr;
}

extern constexpr Check kMetadataExporter{
    .name = "metadata_exporter",
    .text = "Tells others of messages: over HTTP, Redis or mail.",
    .symbols = kSymbols,
    .after = kAfter,
    .declare = declare,
    .compile = compile,
    .content = content,
    .judge_last = judge,
};

}  // namespace winnow
