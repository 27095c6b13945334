// Any bytes as an address list (the first byte chooses the field), a single address, a Received
// value, a date and an IP address.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/mime/addresses.h"
#include "engine/mime/date.h"
#include "engine/mime/ip.h"
#include "engine/mime/received.h"
#include "engine/text/utf8.h"
#include "tests/fuzz/require.h"

using namespace winnow;

namespace {

void check_ip(std::string_view text) {
  const std::optional<IpAddress> ip = parse_ip(text);
  if (!ip) return;
  char canonical[kIpTextMax];
  const size_t size = format_ip(*ip, canonical);
  require(size > 0 && size <= kIpTextMax);
  const std::optional<IpAddress> again = parse_ip({canonical, size});
  require(again && same_ip(*ip, *again));
  (void)is_local_ip(*ip);
}

void check_date(std::string_view text) {
  const std::optional<MailDate> date = parse_date(text);
  if (!date) return;
  require(date->zone_min > -1500 && date->zone_min < 1500);
  require(date->time > -62'200'000'000 && date->time < 253'500'000'000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static HeaderScratch scratch;
  if (size == 0) return 0;
  const auto field =
      static_cast<AddressField>(data[0] % static_cast<unsigned>(AddressField::kCount));
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const Limits limits;
  Batch batch;
  batch.add(text, 0, {}, {});
  scratch.encoded_words = 0;
  scratch.raw_charset = nullptr;
  parse_addresses(text, field, 7, limits, scratch, 0, batch);
  for (const Address& address : batch.addresses.open_row()) {
    require(address.field == field && address.header == 7);
    require(is_utf8(address.name));
    require(is_utf8(address.address));
    require(address.address.size() >= address.domain.size());
    if (address.valid && field != AddressField::kReturnPath && field != AddressField::kListId)
      require(!address.local.empty() || address.address.starts_with("\"\"@"));
  }
  if (is_utf8(text)) {
    (void)parse_one_address(text, batch.arena);
    (void)parse_received(text, batch.arena);
  }
  check_date(text);
  check_ip(text);
  return 0;
}
