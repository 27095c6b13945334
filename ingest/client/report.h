// Replies of a service as text, with the lines of Rspamd's own client.
#pragma once

#include <string>
#include <string_view>

#include "engine/result.h"
#include "ingest/client/requests.h"
#include "rules/config/ucl.h"

namespace winnow {

// How counters are ordered: "name", "weight", "frequency", "hits", each with ":asc" or ":desc".
struct CounterOrder {
  enum class Key : uint8_t { kName, kWeight, kFrequency, kHits } key = Key::kName;
  bool descending = false;
};
Result<CounterOrder> parse_counter_order(std::string_view text);

// Each takes the root of a reply and returns whole lines. What a reply lacks is left out.
std::string report_verdict(const UclObject& reply);
std::string report_statistics(const UclObject& reply);
std::string report_counters(const UclObject& reply, const CounterOrder& order);
std::string report_uptime(const UclObject& reply);

// `mail` with the verdict in header fields below its own (RFC 5322, 2.2), line ends as it has them.
std::string mail_with_verdict(std::string_view mail, const UclObject& reply, double seconds);

}  // namespace winnow
