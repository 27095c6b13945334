// What a multimap rule looks up: which values of a message its type and filter give
// (facts/semantics.md "multimap"). Rules with the same type, filter and fields share one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/ids.h"
#include "engine/match/regex.h"
#include "rules/lang/selector.h"

namespace winnow {

enum class MultimapType : uint8_t {
  kFrom,
  kRcpt,
  kHeader,
  kIp,
  kHelo,
  kHostname,
  kUser,
  kUrl,
  kFilename,
  kContent,
  kReceived,
  kSelector,
  kOptions,   // what a symbol says: symbol_options, asn, country; known when it is judged
  kDnsbl,     // what a DNS list says of the client's address
  kCombined,  // a condition over parts, each a selector and a map
};

// What of a value is looked up. Each type takes some of them.
enum class MultimapFilter : uint8_t {
  kNone,
  kEmailAddress,
  kEmailUser,
  kEmailDomain,
  kEmailDomainTld,
  kEmailName,
  kIpAddress,
  kRegexp,      // what the filter's own pattern finds
  kTld,         // organisational domain
  kTop,         // last label
  kTldRegexp,   // what the pattern finds in the organisational domain
  kFull,        // url: all of it; content: the whole message
  kFullRegexp,  // what the pattern finds in the whole URL
  kPath,
  kQuery,
  kPhished,  // host of URLs that are such
  kRedirected,
  kObscured,
  kTemplate,  // url: a text of its parts
  kExtension,
  kBody,  // content
  kHeaders,
  kText,
  kRawText,
  kOneLine,
  kRealIp,  // received
  kFromIp,
  kFromHostname,
  kRealHostname,
  kByHostname,
  kProto,
  kFor,
  kTimestamp,
};

enum class ExtractFrom : uint8_t { kDefault, kSmtp, kMime, kBoth };

struct MultimapSource {
  MultimapType type = MultimapType::kFrom;
  MultimapFilter filter = MultimapFilter::kNone;
  ExtractFrom extract = ExtractFrom::kDefault;
  bool only_tld = false;  // received: "tld:" before a host's name
  bool artificial = false;
  bool skip_archives = false;
  bool skip_detected = false;
  int min_pos = 1, max_pos = -1;    // received: 1 = topmost; negative from the end
  uint8_t flags = 0, no_flags = 0;  // received: ReceivedFlag bits
  std::vector<HeaderId> headers = {};
  Regex regex = {};                               // of kRegexp, kTldRegexp, kFullRegexp
  std::string text = {};                          // kTemplate: as written; kDnsbl: the zone
  std::shared_ptr<const Selector> selector = {};  // kSelector
  std::string delimiter = {};                     // kSelector: between values of its pipelines
  std::string target = {};                        // kOptions: the symbol …
  std::string prefix = {};                        // … and how its options begin

  std::string key = {};  // equal for equal sources: type, filter and fields as written

  // The scope whose texts are these values, so that patterns need no copy; kSelector where they
  // are derived.
  ScopeKind scope() const;
  bool gives_addresses() const {  // IP addresses, looked up as such
    return type == MultimapType::kIp || filter == MultimapFilter::kRealIp ||
           filter == MultimapFilter::kFromIp || filter == MultimapFilter::kIpAddress;
  }
};

// What the source's pattern finds first in a text; the whole text where it has none.
std::string_view filtered_text(const MultimapSource& source, std::string_view text);

// Calls f(value) for each value of the row; nothing of what only judges know. Views live as long as
// the batch. Empty values are none.
void each_multimap_value(const MultimapSource& source, Batch& batch, uint32_t row,
                         const std::function<void(std::string_view)>& f);

}  // namespace winnow
