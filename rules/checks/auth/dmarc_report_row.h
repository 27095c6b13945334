// What one message adds to the aggregate report of a domain (RFC 7489 7.2 and appendix C, RFC
// 9990): messages with the same row are counted together. As text, which is what the store keeps
// and what an effect carries: fields in the order below with tabs between them, so that equal rows
// are equal bytes; bytes that would break a line or a field become "?".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/checks/auth/dmarc_record.h"

namespace winnow {

struct DmarcReportRow {
  struct Signature {
    std::string domain, selector, result;
    bool operator==(const Signature&) const = default;
  };
  std::string policy_domain;                         // whose record was found
  std::string rua;                                   // where reports go, as the record says it
  std::string method;                                // psl or treewalk
  std::string adkim, aspf, p, sp, np, pct, testing;  // what is published
  std::string ip, disposition, dkim, spf, reason;    // what came of it; `reason` may be empty
  std::string header_from, envelope_from;
  std::string spf_domain, spf_scope, spf_result;
  std::vector<Signature> signatures;

  bool operator==(const DmarcReportRow&) const = default;
};

constexpr size_t kDmarcRowSignaturesMax = 10;  // RFC 9990 asks for no more than a few
constexpr size_t kDmarcRowFieldMax = 300;      // bytes of a field; longer ones are cut
constexpr size_t kDmarcRowBytesMax = 16'384;

// What a record publishes.
void write_dmarc_policy(const DmarcRecord& record, DmarcReportRow& row);

std::string write_dmarc_row(const DmarcReportRow& row);
// False where the text is none.
bool read_dmarc_row(std::string_view text, DmarcReportRow& row);

}  // namespace winnow
