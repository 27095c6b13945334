// DMARC records: views lie in the text, values within their bounds. Rows of reports: what is read
// is written the same.
#include <cstdint>
#include <cstdlib>

#include "rules/checks/auth/dmarc_record.h"
#include "rules/checks/auth/dmarc_report_row.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  DmarcRecord record;
  const DmarcParse parsed = parse_dmarc_record(text, record);
  if (record.percent > 100) std::abort();
  if (!record.bad_policy.empty() &&
      (record.bad_policy.data() < text.data() || record.bad_policy.end() > text.end()))
    std::abort();
  if (parsed == DmarcParse::kGood) policy_text(record.subdomain_policy);
  DmarcReportRow row, again;
  if (read_dmarc_row(text, row)) {
    const std::string written = write_dmarc_row(row);
    if (!read_dmarc_row(written, again) || write_dmarc_row(again) != written) std::abort();
  }
  return 0;
}
