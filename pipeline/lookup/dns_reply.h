// Reads a DNS reply. Ours, because c-ares 1.18 gives no TTL of most types; bytes are hostile.
// RFC 1035 4.1 (format), 2181 8 (TTL), 2308 5 (negative answers), 3597 5 (unknown types).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

enum class DnsOutcome : uint8_t {
  kValue,          // `values` holds at least one
  kAlias,          // the name is an alias of `alias`, which the reply says nothing of
  kNoData,         // the name exists, with no record of this type
  kNoName,         // NXDOMAIN
  kServerFailure,  // SERVFAIL and what is like it
  kRefused,
  kBroken,  // not a reply to this question, or not a DNS message
};

struct DnsReply {
  DnsOutcome outcome = DnsOutcome::kBroken;
  bool authentic = false;  // AD: the server validated it (RFC 4035 3.2.3)
  uint32_t ttl_s = 0;      // least of the records used; of a negative answer what RFC 2308 says
  std::string alias = {};
  // Presentation form, one a record: addresses; names in lower case without the last dot; MX
  // "10 mail.example"; SRV "1 2 25 mail.example"; SOA "mname rname serial refresh retry expire
  // minimum"; TXT its strings joined, as they are; other types as RFC 3597 writes them.
  std::vector<std::string> values = {};
};

constexpr unsigned kDnsAliasesMax = 8;    // CNAMEs that are followed, in one reply or over several
constexpr size_t kDnsRecordsMax = 1'000;  // of one reply that are looked at
constexpr size_t kDnsValueBytesMax = 65'535;  // of all values; what is more makes a reply broken

// What `packet` says of `name` (lower case, no last dot) and `type`. Steps are bounded by the
// packet's bytes times a constant: a name has at most 128 labels and pointers only go backwards.
DnsReply read_dns_reply(std::span<const uint8_t> packet, std::string_view name, uint16_t type);

}  // namespace winnow
