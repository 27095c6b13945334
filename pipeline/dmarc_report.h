// Aggregate reports of DMARC: the XML that a domain's owner gets, packed, in a mail (RFC 7489 7.2
// and appendix C; where domains are found by the tree walk RFC 9990 with its name space).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "pipeline/dmarc_store.h"

namespace winnow {

class UclObject;

// Who reports: dmarc.reporting.
struct DmarcReporter {
  std::string org_name, email, domain;  // REQUIRED for a report
  std::string from_name = "Winnow", msgid_from, helo = "localhost", smtp = "127.0.0.1";
  uint16_t smtp_port = 25;
  unsigned retries = 2;
  std::vector<std::string> bcc;
};
// Errors: what is required is missing, a number is out of range.
Result<DmarcReporter> dmarc_reporter(const UclObject& root);

struct DmarcReport {
  std::string id, file_name, xml;
  std::vector<std::string>
      addresses;  // of rua, by mail; those that want less than is there are out
};

// A report over one domain's day. Bytes depend on nothing but what is given.
DmarcReport make_dmarc_report(const DmarcReporter& who, const DmarcStore::Pile& pile,
                              const DmarcStore::Rows& rows);

// gzip (RFC 1952) without time or name. Empty where zlib fails.
std::string gzip(std::string_view bytes);

// The mail that brings it to `to`; lines end in CRLF.
std::string dmarc_report_mail(const DmarcReporter& who, const DmarcStore::Pile& pile,
                              const DmarcReport& report, std::span<const std::string> to,
                              int64_t now_s);

// Addresses of the mailto URIs of a rua list, without those whose size limit (RFC 7489 6.2) is
// below `bytes`.
std::vector<std::string> report_addresses(std::string_view rua, size_t bytes);

}  // namespace winnow
