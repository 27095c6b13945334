// http_headers: results of SPF, DKIM and DMARC that the mail server found itself, in headers of its
// request: `SPF: {"result": "pass"}`, and the same for DKIM and DMARC (probed: Debian's rspamd
// 3.4). Their symbols stand in place of those of the checks. A header that cannot be read, or a
// result that is none, counts as none given. Beside Rspamd: `none`, `temperror` and `permerror`
// (RFC 8601) are known, and DKIM may say whose signature it was (`domain`).
#include <array>

#include "rules/checks/auth/dns_name.h"
#include "rules/checks/auth/given_results.h"
#include "rules/checks/check.h"
#include "rules/checks/text.h"
#include "rules/config/ucl_parse.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kSpf, kDkim, kDmarc, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {kGivenSpf, "policies", 0, ""},  // all three: the request says it, for the checks alone
    {kGivenDkim, "policies", 0, ""},
    {kGivenDmarc, "policies", 0, ""},
}};

struct Row {
  Sym method;
  std::string_view result, symbol;
  std::string_view trace = {};  // of DKIM_TRACE
};
constexpr Row kRows[] = {
    {kSpf, "pass", "R_SPF_ALLOW"},
    {kSpf, "fail", "R_SPF_FAIL"},
    {kSpf, "softfail", "R_SPF_SOFTFAIL"},
    {kSpf, "neutral", "R_SPF_NEUTRAL"},
    {kSpf, "tempfail", "R_SPF_DNSFAIL"},
    {kSpf, "temperror", "R_SPF_DNSFAIL"},
    {kSpf, "permfail", "R_SPF_PERMFAIL"},
    {kSpf, "permerror", "R_SPF_PERMFAIL"},
    {kSpf, "na", "R_SPF_NA"},
    {kSpf, "none", "R_SPF_NA"},
    {kDkim, "pass", "R_DKIM_ALLOW", ":+"},
    {kDkim, "fail", "R_DKIM_REJECT", ":-"},
    {kDkim, "permfail", "R_DKIM_PERMFAIL", ":~"},
    {kDkim, "permerror", "R_DKIM_PERMFAIL", ":~"},
    {kDkim, "tempfail", "R_DKIM_TEMPFAIL", ":?"},
    {kDkim, "temperror", "R_DKIM_TEMPFAIL", ":?"},
    {kDkim, "softfail", "R_DKIM_TEMPFAIL", ":?"},
    {kDkim, "na", "R_DKIM_NA"},
    {kDkim, "none", "R_DKIM_NA"},
    {kDmarc, "pass", "DMARC_POLICY_ALLOW"},
    {kDmarc, "fail", "DMARC_POLICY_REJECT"},
    {kDmarc, "reject", "DMARC_POLICY_REJECT"},
    {kDmarc, "quarantine", "DMARC_POLICY_QUARANTINE"},
    {kDmarc, "softfail", "DMARC_POLICY_SOFTFAIL"},
    {kDmarc, "none", "DMARC_POLICY_SOFTFAIL"},
    {kDmarc, "tempfail", "DMARC_DNSFAIL"},
    {kDmarc, "temperror", "DMARC_DNSFAIL"},
    {kDmarc, "permfail", "DMARC_BAD_POLICY"},
    {kDmarc, "permerror", "DMARC_BAD_POLICY"},
    {kDmarc, "na", "DMARC_NA"},
};
constexpr std::array<std::string_view, kCount> kHeaders{"spf", "dkim", "dmarc"};
constexpr size_t kHeaderBytesMax = 4'096;

struct Plan final : CheckPlan {
  std::array<SymbolId, std::size(kRows)> results;
  std::array<SymbolId, kCount> facts;
  SymbolId trace = kNoId<SymbolId>;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  for (size_t i = 0; i < std::size(kRows); ++i) plan->results[i] = context.symbol(kRows[i].symbol);
  for (size_t i = 0; i < kCount; ++i) plan->facts[i] = context.symbol(kSymbols[i].name);
  plan->trace = context.symbol("DKIM_TRACE");
  return plan;
}

void take(const Plan& plan, Batch& batch, uint32_t row, Sym method, std::string_view text) {
  if (text.size() > kHeaderBytesMax) return;
  UclOptions options;
  options.limits = {.text_bytes_max = kHeaderBytesMax, .nodes_max = 100, .depth_max = 4};
  const Result<UclResult> parsed = parse_ucl(text, "request", options);
  if (!parsed || !parsed->document->root().is_object()) return;
  const std::string_view result = parsed->document->root().string("result", "");
  for (size_t i = 0; i < std::size(kRows); ++i) {
    const Row& one = kRows[i];
    if (one.method != method || !equal_caseless(one.result, result)) continue;
    batch.symbols.push_back({row, plan.facts[method], 1, {}, {}});
    if (plan.results[i] != kNoId<SymbolId>)
      batch.symbols.push_back({row, plan.results[i], 1, "http header", {}});
    if (one.trace.empty() || plan.trace == kNoId<SymbolId>) return;
    const DnsName domain(parsed->document->root().string("domain", "unknown"));
    batch.symbols.push_back(
        {row, plan.trace, 1, join_text(batch.arena, domain.view(), one.trace), {}});
    return;
  }
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row)
    for (uint32_t method = 0; method < kCount; ++method)
      for (const RequestHeader& header : batch.request_headers.row(row)) {
        if (header.name != kHeaders[method]) continue;
        take(plan, batch, row, static_cast<Sym>(method), header.value);
        break;
      }
}

}  // namespace

extern constexpr Check kHttpHeaders{
    .name = "http_headers",
    .text = "Takes results of SPF, DKIM and DMARC from headers of the request.",
    .symbols = kSymbols,
    .default_enabled = false,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
