#include "rules/checks/auth/dmarc_reporting.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/url/suffix.h"
#include "rules/checks/auth/dmarc_report_row.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/auth/identity.h"
#include "rules/checks/auth/tag_list.h"
#include "rules/checks/option_map.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

struct Result {
  std::string_view symbol, text;
};
constexpr std::array<Result, 8> kSpfResults{{{"R_SPF_ALLOW", "pass"},
                                             {"R_SPF_PLUSALL", "pass"},
                                             {"R_SPF_FAIL", "fail"},
                                             {"R_SPF_SOFTFAIL", "softfail"},
                                             {"R_SPF_NEUTRAL", "neutral"},
                                             {"R_SPF_DNSFAIL", "temperror"},
                                             {"R_SPF_PERMFAIL", "permerror"},
                                             {"R_SPF_NA", "none"}}};
constexpr std::array<Result, 4> kDkimResults{{{"R_DKIM_ALLOW", "pass"},
                                              {"R_DKIM_REJECT", "fail"},
                                              {"R_DKIM_PERMFAIL", "permerror"},
                                              {"R_DKIM_TEMPFAIL", "temperror"}}};

}  // namespace

std::unique_ptr<const DmarcReporting> DmarcReporting::compile(CompileContext& context) {
  const UclObject* const section = context.options ? context.options->find("reporting") : nullptr;
  if (!section) return nullptr;
  if (!section->is_object()) {
    if (section->as_bool() != false)
      context.warn("reporting", "it is a section with enabled = true; nothing is reported");
    return nullptr;
  }
  if (!section->flag("enabled", false)) return nullptr;
  auto out = std::make_unique<DmarcReporting>();
  out->only_domains_ = option_map(context, section, "only_domains", MapKind::kSet);
  out->exclude_domains_ = option_map(context, section, "exclude_domains", MapKind::kSet);
  out->exclude_recipients_ = option_map(context, section, "exclude_recipients", MapKind::kSet);
  out->exclude_rua_ = option_map(context, section, "exclude_rua_addresses", MapKind::kSet);
  for (size_t i = 0; i < out->spf_.size(); ++i)
    out->spf_[i] = context.symbol(kSpfResults[i].symbol);
  for (size_t i = 0; i < out->dkim_.size(); ++i)
    out->dkim_[i] = context.symbol(kDkimResults[i].symbol);
  return out;
}

bool DmarcReporting::is_wanted(std::string_view from, const Evidence& evidence) const {
  const DnsName lower(from);
  const std::string_view organisation = find_suffix(lower.view()).domain;
  const auto holds = [&](const std::shared_ptr<const Map>& map) {
    return map->find(lower.view()) != kNoIndex || map->find(organisation) != kNoIndex;
  };
  if (only_domains_ && !holds(only_domains_)) return false;
  if (exclude_domains_ && holds(exclude_domains_)) return false;
  return !exclude_recipients_ ||
         std::ranges::none_of(evidence.recipients, [&](std::string_view one) {
           std::string address(one);
           std::ranges::transform(address, address.begin(), lower_ascii);
           return exclude_recipients_->find(address) != kNoIndex;
         });
}

std::string DmarcReporting::wanted_addresses(std::string_view rua) const {
  std::string out;
  while (!rua.empty()) {
    const std::string_view one = trimmed(rua.substr(0, rua.find(',')));
    rua.remove_prefix(std::min(rua.find(','), rua.size() - 1) + 1);
    std::string address(one.substr(std::min(one.find(':'), one.size() - 1) + 1));
    address.resize(std::min(address.find('!'), address.size()));
    std::ranges::transform(address, address.begin(), lower_ascii);
    if (one.empty() || exclude_rua_->find(address) != kNoIndex) continue;
    out += (out.empty() ? "" : ",") + std::string(one);
  }
  return out;
}

void DmarcReporting::report(const Outcome& outcome, const Evidence& evidence,
                            Judgement& judgement) const {
  const DmarcRecord& record = outcome.record;
  const Envelope& envelope = evidence.envelope;
  if (record.rua.empty() || !envelope.ip.valid() || !is_wanted(outcome.from, evidence)) return;
  char ip[kIpTextMax];
  DmarcReportRow row;
  row.policy_domain = DnsName(outcome.policy_domain).view();
  row.rua = exclude_rua_ ? wanted_addresses(record.rua) : record.rua;
  if (row.rua.empty()) return;
  row.method = outcome.walks ? "treewalk" : "psl";
  write_dmarc_policy(record, row);
  row.ip.assign(ip, format_ip(envelope.ip, ip));
  row.disposition = outcome.disposition;
  row.dkim = outcome.dkim ? "pass" : "fail";
  row.spf = outcome.spf ? "pass" : "fail";
  row.reason = outcome.reason;
  row.header_from = DnsName(outcome.from).view();
  const SpfIdentity identity = spf_identity(envelope);
  row.envelope_from = envelope.from.empty() ? "" : DnsName(identity.domain).view();
  row.spf_domain = DnsName(identity.domain).view();
  row.spf_scope = envelope.from.empty() ? "helo" : "mfrom";
  row.spf_result = "none";
  for (size_t i = 0; i < spf_.size(); ++i)
    if (spf_[i] != kNoId<SymbolId> && judgement.has_symbol(spf_[i])) {
      row.spf_result = kSpfResults[i].text;
      break;
    }
  // Options "domain:s=selector".
  for (size_t i = 0; i < dkim_.size(); ++i)
    for (uint32_t k = 0; dkim_[i] != kNoId<SymbolId> && k < kDmarcRowSignaturesMax; ++k) {
      const std::string_view option = judgement.option(dkim_[i], k);
      const size_t at = option.find(":s=");
      if (at == std::string_view::npos) break;
      row.signatures.push_back({std::string(option.substr(0, at)),
                                std::string(option.substr(at + 3)),
                                std::string(kDkimResults[i].text)});
    }
  judgement.effect({EffectKind::kReport, "dmarc", write_dmarc_row(row)});
}

}  // namespace winnow
