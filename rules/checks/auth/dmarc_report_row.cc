#include "rules/checks/auth/dmarc_report_row.h"

#include <algorithm>
#include <array>

namespace winnow {

namespace {

constexpr size_t kFields = 20;

template <class Row>
auto fields_of(Row& row) {
  return std::array{&row.policy_domain, &row.rua,        &row.method,    &row.adkim,
                    &row.aspf,          &row.p,          &row.sp,        &row.np,
                    &row.pct,           &row.testing,    &row.ip,        &row.disposition,
                    &row.dkim,          &row.spf,        &row.reason,    &row.header_from,
                    &row.envelope_from, &row.spf_domain, &row.spf_scope, &row.spf_result};
}

void append_field(std::string_view text, size_t max, std::string& out) {
  for (const char c : text.substr(0, max))
    out += static_cast<uint8_t>(c) < ' ' || c == 0x7f ? '?' : c;
}

std::string_view cut(std::string_view& text, char end) {
  const std::string_view out = text.substr(0, text.find(end));
  text.remove_prefix(std::min(out.size() + 1, text.size()));
  return out;
}

}  // namespace

void write_dmarc_policy(const DmarcRecord& record, DmarcReportRow& row) {
  row.adkim = record.strict_dkim ? "s" : "r";
  row.aspf = record.strict_spf ? "s" : "r";
  row.p = policy_text(record.policy);
  row.sp = policy_text(record.subdomain_policy);
  row.np = policy_text(record.absent_policy);
  row.pct = std::to_string(record.percent);
  row.testing = record.is_test ? "y" : "n";
}

std::string write_dmarc_row(const DmarcReportRow& row) {
  std::string out;
  for (const std::string* const field : fields_of(row)) {
    // Reports go to several addresses.
    append_field(*field, field == &row.rua ? 4 * kDmarcRowFieldMax : kDmarcRowFieldMax, out);
    out += '\t';
  }
  for (size_t i = 0; i < std::min(row.signatures.size(), kDmarcRowSignaturesMax); ++i) {
    const DmarcReportRow::Signature& one = row.signatures[i];
    for (const std::string* const part : {&one.domain, &one.selector, &one.result}) {
      append_field(*part, kDmarcRowFieldMax, out);
      out += '\t';
    }
  }
  return out;
}

bool read_dmarc_row(std::string_view text, DmarcReportRow& row) {
  row = {};
  if (text.size() > kDmarcRowBytesMax || !text.ends_with('\t')) return false;
  const auto tabs = static_cast<size_t>(std::ranges::count(text, '\t'));
  if (tabs < kFields || (tabs - kFields) % 3 != 0 || tabs > kFields + 3 * kDmarcRowSignaturesMax)
    return false;
  for (std::string* const field : fields_of(row)) *field = cut(text, '\t');
  while (!text.empty()) {
    DmarcReportRow::Signature one;
    for (std::string* const part : {&one.domain, &one.selector, &one.result})
      *part = cut(text, '\t');
    row.signatures.push_back(std::move(one));
  }
  return !row.policy_domain.empty();
}

}  // namespace winnow
