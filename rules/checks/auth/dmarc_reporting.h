// What dmarc leaves for aggregate reports (dmarc.reporting): one effect a message whose domain
// wants reports, with a row of dmarc_report_row.h. Who serves mail keeps it
// (pipeline/dmarc_reports.h).
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "rules/checks/auth/dmarc_record.h"
#include "rules/checks/check.h"

namespace winnow {

class DmarcReporting {
 public:
  // Null where nothing is to be reported.
  static std::unique_ptr<const DmarcReporting> compile(CompileContext& context);

  struct Outcome {
    std::string_view from, policy_domain;
    const DmarcRecord& record;
    bool dkim = false, spf = false;  // aligned and proved
    std::string_view disposition;    // none, quarantine, reject
    std::string_view reason;         // why it is not what the policy wishes; may be empty
    bool walks = false;              // RFC 9989
  };
  // Once a message, when its outcome stands.
  void report(const Outcome& outcome, const Evidence& evidence, Judgement& judgement) const;

 private:
  static constexpr size_t kSpfSymbols = 8, kDkimSymbols = 4;
  bool is_wanted(std::string_view from, const Evidence& evidence) const;
  // The list of URIs without addresses that never get a report.
  std::string wanted_addresses(std::string_view rua) const;

  // May be null.
  std::shared_ptr<const Map> only_domains_, exclude_domains_, exclude_recipients_, exclude_rua_;
  std::array<SymbolId, kSpfSymbols> spf_;
  std::array<SymbolId, kDkimSymbols> dkim_;
};

}  // namespace winnow
