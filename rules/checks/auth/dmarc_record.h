// DMARC policy records (RFC 7489 6.3; np, psd and t of RFC 9989 4.7). "v=DMARC1" comes first and in
// this case; of the rest case does not matter. Tags that are not known or broken are passed over,
// but for the policy.
#pragma once

#include <cstdint>
#include <string_view>

namespace winnow {

enum class DmarcPolicy : uint8_t { kNone, kQuarantine, kReject };

enum class DmarcPsd : uint8_t { kUnsaid, kNo, kYes };  // RFC 9989: psd=u, n, y

struct DmarcRecord {
  DmarcPolicy policy = DmarcPolicy::kNone;
  DmarcPolicy subdomain_policy = DmarcPolicy::kNone;  // == policy where sp is not given
  // RFC 9989: of domains that do not exist; == subdomain_policy where np is not given.
  DmarcPolicy absent_policy = DmarcPolicy::kNone;
  DmarcPsd psd = DmarcPsd::kUnsaid;
  bool is_test = false;      // t=y
  bool has_reports = false;  // rua names an address
  bool strict_dkim = false;
  bool strict_spf = false;
  uint8_t percent = 100;
  std::string_view rua;         // where aggregate reports go; a list of URIs
  std::string_view bad_policy;  // the value of p that is none; valid where parse says kBadPolicy
};

enum class DmarcParse : uint8_t { kNoRecord, kBadPolicy, kGood };

// Reads one TXT record; views point into it. Linear in its size, no heap.
DmarcParse parse_dmarc_record(std::string_view text, DmarcRecord& record);

std::string_view policy_text(DmarcPolicy policy);

}  // namespace winnow
