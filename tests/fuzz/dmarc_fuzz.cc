// DMARC records: views lie in the text, values within their bounds.
#include <cstdint>
#include <cstdlib>

#include "rules/checks/auth/dmarc_record.h"

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
  return 0;
}
