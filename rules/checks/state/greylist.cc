// greylist: mail whose score makes one doubt is put off until its sender has come again some time
// later, as senders of junk seldom do (RFC 6647; facts/modules.md).
//
// Judged when the score stands: what is rejected anyway, what is clean and what somebody has
// decided about asks nothing. The others are one take each (greylist_take.h): nobody answers it
// but a service, for mail on its way. Where there is no answer the message passes.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/mime/date.h"
#include "engine/score/micro.h"
#include "rules/checks/check.h"
#include "rules/checks/option_map.h"
#include "rules/checks/row.h"
#include "rules/checks/state/greylist_take.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kGreylistSymbol, kBodyFact };
constexpr std::array<SymbolDecl, 2> kSymbols{{
    {"GREYLIST", "greylist", 0, "The message is put off, or has waited."},
    {"GREYLIST_BODY", "greylist", 0, ""},  // digest of its body, for judge() alone
}};
constexpr SymbolName kNames[] = {{"symbol", "GREYLIST"}};

constexpr double kMonth_s = 30 * 86'400;
constexpr int64_t kPrefixMax = 64;

constexpr std::array kOptions{
    OptionDecl{"timeout", OptionType::kTime, "300", "What is new waits that long.", 1, kMonth_s},
    OptionDecl{"expire", OptionType::kTime, "86400", "What was seen is known that long.", 1,
               kMonth_s},
    OptionDecl{"message", OptionType::kString, "Try again later", "What the sender is told."},
    OptionDecl{"message_func", OptionType::kString, "", "Lua is not run: message is what is told."},
    OptionDecl{"report_time", OptionType::kBool, "false", "The message says until when."},
    OptionDecl{"action", OptionType::kString, "soft reject", "What is done with what has to wait."},
    OptionDecl{"greylist_min_score", OptionType::kNumber, "",
               "Score from which mail waits, at least that of the action greylist."},
    OptionDecl{"whitelist_symbols", OptionType::kList, "", "Mail with one of these passes."},
    OptionDecl{"whitelisted_ip", OptionType::kMap, "", "Mail from these networks passes."},
    OptionDecl{"whitelist_domains_url", OptionType::kMap, "",
               "Mail from hosts of these names, or below them, passes."},
    OptionDecl{"ipv4_mask", OptionType::kInteger, "19",
               "First bits of the client's address that count.", 0, 32},
    OptionDecl{"ipv6_mask", OptionType::kInteger, "64", "The same of IPv6.", 0, 128},
    OptionDecl{"max_data_len", OptionType::kSize, "10000", "First bytes of a body that count.", 1,
               1e9},
    OptionDecl{"key_prefix", OptionType::kString, "rg", "Keys in the store begin with it."},
    OptionDecl{"redis", OptionType::kObject, "", "Servers, where they are not those of redis { }."},
    OptionDecl{"redis_timeout", OptionType::kTime, "1",
               "Longest wait for Redis (timeout is "
               "something else here).",
               0.001, 60},
};

struct Plan final : CheckPlan {
  uint32_t timeout_s = 300, expire_s = 86'400;
  unsigned ipv4_bits = 19, ipv6_bits = 64;
  size_t body_bytes_max = 10'000;
  std::string prefix = "rg", message = "Try again later";
  bool report_time = false;
  std::optional<Micro> min_score;
  std::vector<SymbolId> passing;
  std::shared_ptr<const Map> networks, hosts;  // null: none
  ActionId action = kNoId<ActionId>;
  ActionId greylist, reject, soft_reject, discard;  // kNoId: there is none
  SymbolId body_fact = kNoId<SymbolId>;
};

const OptionDecl& declared(std::string_view name) {
  return *std::ranges::find(kOptions, name, &OptionDecl::name);
}

// A number within the bounds of its declaration; else `to` stays as it is, which is said.
template <class T>
void read(CompileContext& context, std::string_view name, std::string_view unit, T& to) {
  const UclObject* const given = context.options ? context.options->find(name) : nullptr;
  if (!given) return;
  const OptionDecl& decl = declared(name);
  const UclObject& value = given->last_value();
  const std::optional<double> number =
      decl.type == OptionType::kTime ? value.as_seconds() : value.as_number();
  if (!number) return;  // of another type, which is said of every option
  if (*number >= decl.min && *number <= decl.max)
    to = static_cast<T>(*number);
  else
    context.warn(name, fmt::format("it must be from {} to {}{}; it is taken as {}", decl.min,
                                   decl.max, unit, to));
}

void read_whitelists(CompileContext& context, Plan& plan) {
  plan.networks = option_map(context, context.options, "whitelisted_ip", MapKind::kIp);
  plan.hosts = option_map(context, context.options, "whitelist_domains_url", MapKind::kSet);
  for (const std::string_view name : context.options->strings("whitelist_symbols")) {
    const SymbolId symbol = context.symbol(name);
    if (symbol != kNoId<SymbolId>)
      plan.passing.push_back(symbol);
    else
      context.warn("whitelist_symbols", fmt::format("there is no symbol {}", name));
  }
}

void read_action(CompileContext& context, Plan& plan) {
  const std::string_view name = context.options->string("action", "soft reject");
  const ActionId action = context.action(name);
  if (action != kNoId<ActionId>)
    plan.action = action;
  else
    context.warn("action", fmt::format("there is no action \"{}\"; it is soft reject", name));
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->body_fact = context.symbol("GREYLIST_BODY");
  plan->greylist = context.action("greylist");
  plan->reject = context.action("reject");
  plan->discard = context.action("discard");
  plan->action = plan->soft_reject = context.action("soft reject");
  const UclObject* const options = context.options;
  if (!options) return plan;
  read(context, "timeout", " s", plan->timeout_s);
  read(context, "expire", " s", plan->expire_s);
  read(context, "ipv4_mask", " bits", plan->ipv4_bits);
  read(context, "ipv6_mask", " bits", plan->ipv6_bits);
  read(context, "max_data_len", " bytes", plan->body_bytes_max);
  if (plan->expire_s <= plan->timeout_s)
    context.warn("expire", "it must be longer than timeout, or nothing that waits ever passes");
  plan->prefix = options->string("key_prefix", plan->prefix).substr(0, kPrefixMax);
  plan->message = options->string("message", plan->message);
  plan->report_time = options->flag("report_time", false);
  if (const UclObject* const score = options->find("greylist_min_score"))
    if (const std::optional<double> number = score->last_value().as_number())
      plan->min_score = to_micro(*number);
  if (options->find("message_func"))
    context.warn("message_func", "Lua is not run: senders are told what message says");
  read_whitelists(context, *plan);
  read_action(context, *plan);
  return plan;
}

// The name itself or one that it stands below.
bool holds_host(const Map& hosts, std::string_view name) {
  for (; !name.empty(); name.remove_prefix(std::min(name.find('.'), name.size() - 1) + 1))
    if (hosts.find(name) != kNoIndex) return true;
  return false;
}

bool is_exempt(const Plan& plan, const Envelope& envelope) {
  return plan.skips(envelope) || holds(plan.networks, envelope.ip) ||
         (plan.hosts && holds_host(*plan.hosts, envelope.hostname));
}

// What the key of a body is made of: judge() never sees the body.
void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  // Nobody answers: the upper half says it also where all is sealed (Batch::silent).
  if (batch.silent & 1u << (16 + static_cast<uint32_t>(QuestionKind::kTake))) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (is_exempt(plan, batch.envelopes[row])) continue;
    const std::string_view body =
        greylist_body(batch.raw[row], batch.facts[row].body_offset, plan.body_bytes_max);
    const GreylistDigest digest(body);
    batch.symbols.push_back({row, plan.body_fact, 1, batch.arena.copy(digest.view()), {}});
  }
}

std::string_view body_digest(const Plan& plan, const Evidence& evidence) {
  for (const SymbolFact& fact : evidence.symbols)
    if (fact.symbol == plan.body_fact) return fact.option;
  return {};
}

// Whether the score makes one doubt.
bool is_doubtful(const Plan& plan, const Judgement& judgement) {
  const ActionId action = judgement.action();
  if (action == plan.reject || action == plan.discard || action == plan.soft_reject) return false;
  const Micro from =
      plan.greylist == kNoId<ActionId> ? kNoThreshold : judgement.threshold(plan.greylist);
  if (plan.min_score && judgement.score() < *plan.min_score) return false;
  return from != kNoThreshold ? judgement.score() >= from : plan.min_score.has_value();
}

// Puts the message off.
void put_off(const Plan& plan, const GreylistSeen& seen, Judgement& judgement) {
  const std::string until = write_http_date(seen.until_s);
  if (plan.symbols[kGreylistSymbol] != kNoId<SymbolId>)
    for (const std::string_view option :
         {std::string_view("greylisted"), std::string_view(until),
          std::string_view(seen.state == GreylistState::kNew ? "new record" : "too early")})
      judgement.insert(plan.symbols[kGreylistSymbol], 1, option);
  PreResult result{.action = plan.action};
  const std::string text =
      plan.report_time ? fmt::format("{}: {}", plan.message, until) : plan.message;
  result.message = text;
  result.module = "greylist";
  judgement.pre_result(result);
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  const std::string_view body = body_digest(plan, evidence);
  if (body.empty() || plan.action == kNoId<ActionId> || !is_doubtful(plan, judgement))
    return Judged::kDone;
  if (std::ranges::any_of(plan.passing, [&](SymbolId id) { return judgement.has_symbol(id); }))
    return Judged::kDone;
  const Envelope& envelope = evidence.envelope;
  GreylistTake take{.now_s = envelope.now_ms / 1'000,
                    .timeout_s = plan.timeout_s,
                    .expire_s = plan.expire_s,
                    .body = GreylistDigest::letters(body),
                    .meta = GreylistDigest(greylist_meta(envelope, evidence.recipients,
                                                         plan.ipv4_bits, plan.ipv6_bits))
                                .letters(),
                    .prefix = plan.prefix};
  const Answer* const answer =
      judgement.ask(QuestionKind::kTake, kGreylistTake, write_greylist_take(take));
  if (!answer) return Judged::kWaiting;
  if (answer->state != AnswerState::kValue || answer->values.size() != 2) return Judged::kDone;
  const GreylistSeen seen =
      judge_greylist(answer->values[0], answer->values[1], take.now_s, take.timeout_s);
  if (seen.state != GreylistState::kPassed) {
    put_off(plan, seen, judgement);
  } else if (plan.symbols[kGreylistSymbol] != kNoId<SymbolId>) {
    judgement.insert(plan.symbols[kGreylistSymbol], 1, "pass");
    judgement.insert(plan.symbols[kGreylistSymbol], 1, seen.by_body ? "body" : "meta");
  }
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kGreylist{
    .name = "greylist",
    .text = "Puts doubtful mail off until its sender has come again.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .phase = Phase::kDecision,
    .local_skip = true,
    .compile = compile,
    .content = content,
    .judge = judge,
};

}  // namespace winnow
