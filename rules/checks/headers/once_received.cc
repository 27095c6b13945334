// Mail straight from its writer's machine: one hop, from a client that does not look like a mail
// server.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/headers/client_name.h"
#include "rules/checks/option_map.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kOnce, kStrict, kDirect, kNoName, kNameFailed, kFact, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"ONCE_RECEIVED", "headers", 0.1, "At most one hop, from no known mail server."},
    {"ONCE_RECEIVED_STRICT", "headers", 4, "At most one hop, from a dial-up or rented host."},
    {"DIRECT_TO_MX", "headers", 0, "A mail program delivered by itself."},
    {"RDNS_NONE", "headers", 2, "The client's address has no name."},
    {"RDNS_DNSFAIL", "headers", 0, "The client's name could not be looked up."},
    {"ONCE_RECEIVED_HOP", "headers", 0, ""},  // one hop; the mail program, for judge() alone
}};

constexpr std::array<SymbolName, 3> kNames{{{"symbol", "ONCE_RECEIVED"},
                                            {"symbol_strict", "ONCE_RECEIVED_STRICT"},
                                            {"symbol_mx", "DIRECT_TO_MX"}}};

constexpr std::array<OptionDecl, 3> kOptions{{
    {"good_host", OptionType::kList, "mail", "Words in names of hosts that are mail servers."},
    {"bad_host", OptionType::kList, "static, dynamic",
     "Words in names of dial-up or rented hosts."},
    {"whitelist", OptionType::kMap, "", "Networks whose mail is not looked at."},
}};

struct Plan final : CheckPlan {
  SymbolId fact = kNoId<SymbolId>;
  std::vector<std::string> good{"mail"}, bad{"static", "dynamic"};
  std::shared_ptr<const Map> whitelist;  // may be null

  bool looks_at(const Envelope& envelope) const {
    return !skips(envelope) && !holds(whitelist, envelope.ip);
  }
};

bool has_word(std::string_view host, std::string_view word) {
  return find_caseless(host, word) != std::string_view::npos;
}

// Says what the client's name means for mail over one hop; insert(symbol, option).
template <class Insert>
void one_hop(const Plan& plan, std::string_view host, std::string_view mailer, Insert insert) {
  if (host.empty()) {
    insert(kOnce, std::string_view());
    if (!mailer.empty()) insert(kDirect, mailer);
    return;
  }
  for (const std::string_view word : plan.good)
    if (has_word(host, word)) return;
  insert(kOnce, std::string_view());
  for (const std::string_view word : plan.bad)
    if (has_word(host, word)) return insert(kStrict, word);
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Envelope& envelope = batch.envelopes[row];
    if (!plan.looks_at(envelope)) continue;
    uint32_t real = 0;
    for (const Received& hop : batch.received.row(row))
      real += !(hop.flags & static_cast<uint8_t>(ReceivedFlag::kArtificial));
    if (real > 1) continue;
    const Header* mailer = find_header(batch, row, known::kUserAgent);
    if (!mailer) mailer = find_header(batch, row, known::kXMailer);
    const std::string_view program = mailer ? mailer->decoded : std::string_view();
    if (is_name_asked(batch, row)) {
      batch.symbols.push_back({row, plan.fact, 1, program, {}});
      continue;
    }
    one_hop(plan, envelope.hostname, program,
            [&](Sym symbol, std::string_view option) { insert(plan, batch, row, symbol, option); });
  }
}

void ask(const CheckPlan&, const Batch& batch, Asker& asker) { ask_client_names(batch, asker); }

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  const ClientName client = client_name(evidence, judgement);
  if (!client.asked || !plan.looks_at(evidence.envelope)) return Judged::kDone;
  if (client.waiting) return Judged::kWaiting;
  const auto say = [&](Sym symbol, std::string_view option) {
    if (plan.symbols[symbol] != kNoId<SymbolId>) judgement.insert(plan.symbols[symbol], 1, option);
  };
  // Not known is not the same as none: nothing else is said of the name then.
  if (client.unknown) {
    say(kNameFailed, {});
    return Judged::kDone;
  }
  if (client.name.empty()) say(kNoName, {});
  for (const SymbolFact& fact : evidence.symbols)
    if (fact.symbol == plan.fact) one_hop(plan, client.name, fact.option, say);
  return Judged::kDone;
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->fact = context.symbol(kSymbols[kFact].name);
  if (!context.options) return plan;
  for (auto& [name, words] : {std::pair{"good_host", &plan->good}, {"bad_host", &plan->bad}}) {
    if (!context.options->find(name)) continue;
    words->clear();
    for (const std::string_view word : context.options->strings(name))
      if (!word.empty()) words->emplace_back(word);
  }
  plan->whitelist = option_map(context, context.options, "whitelist", MapKind::kIp);
  return plan;
}

}  // namespace

extern constexpr Check kOnceReceived{
    .name = "once_received",
    .text = "Looks for mail that came straight from its writer's machine.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .local_skip = true,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
