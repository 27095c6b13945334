// DNS replies: the input is what a server sent, after two bytes that choose the question. Whatever
// it is, reading ends, and what is read keeps the bounds that dns_reply.h names.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/lookup/dns_reply.h"

namespace {

constexpr uint16_t kTypes[] = {1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 52, 99, 255, 257};
constexpr std::string_view kNames[] = {"a.example", "", "selector._domainkey.mail.example.org",
                                       "4.3.2.1.in-addr.arpa"};

void insist(bool good) {
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size < 2 || size > 65'537) return 0;
  const uint16_t type = kTypes[data[0] % std::size(kTypes)];
  const std::string_view name = kNames[data[1] % std::size(kNames)];
  const std::vector<uint8_t> packet(data + 2, data + size);  // its end is seen by the sanitizer
  const DnsReply reply = read_dns_reply(packet, name, type);
  insist((reply.outcome == DnsOutcome::kValue) == !reply.values.empty());
  insist((reply.outcome == DnsOutcome::kAlias) == !reply.alias.empty());
  insist(reply.values.size() <= kDnsRecordsMax);
  size_t bytes = 0;
  for (const std::string& value : reply.values) {
    bytes += value.size();
    if (type == 1) insist(value.size() >= 7 && value.size() <= 15);
    if (type != 16 && type != 99)
      for (const char c : value) insist(c >= ' ' && c < 0x7F);
  }
  insist(bytes <= kDnsValueBytesMax);
  // The same packet says the same.
  const DnsReply again = read_dns_reply(packet, name, type);
  insist(again.values == reply.values && again.ttl_s == reply.ttl_s);
  return 0;
}
