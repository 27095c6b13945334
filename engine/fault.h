// Bad mail is data: what is wrong with a message is a bit on its row, and on it goes. One table
// maps each fault to the symbol it inserts (weight from the policy) and to one sentence.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace winnow {

enum class Fault : uint8_t {
  // Structure that can be read in two ways; both readings are scanned.
  kBoundaryMissing,         // multipart without a boundary parameter
  kBoundaryUnclosed,        // multipart without its closing delimiter
  kBoundaryDuplicate,       // two nested multiparts share a boundary
  kHeaderDuplicate,         // a header that RFC 5322 3.6 allows once stands twice
  kHeaderMalformed,         // a line in the header block that is no header
  kHeaderUnterminated,      // no empty line after the headers
  kHeaderNul,               // NUL in headers
  kHeader8Bit,              // 8-bit bytes in headers that are not UTF-8
  kEncodedWordBroken,       // RFC 2047 word that does not decode as it says
  kParameterBroken,         // RFC 2231 continuation or charset that does not add up
  kContentTypeBroken,       // Content-Type or its parameters cannot be parsed
  kTransferEncodingBroken,  // unknown or duplicate Content-Transfer-Encoding, or junk inside base64
  kQuotedPrintableBroken,   // bad escape in quoted-printable
  kUuencodeBroken,
  kYencBroken,
  kTnefBroken,
  kNewlinesMixed,   // CR, LF and CRLF in one message
  kBodyNul,         // NUL in a text body
  kMessageEmpty,    // no bytes at all
  kCharsetUnknown,  // label that nobody knows: detection, then raw
  kCharsetWrong,    // label known, bytes do not fit it
  kUnicodeBad,      // zero-width, bidi control or invalid sequences in text
  kAddressBroken,   // From, To, Cc … that does not parse
  kDateBroken,
  kHtmlBroken,     // unclosed tags, comments, attributes
  kArchiveBroken,  // archive that cannot be listed to its end
  // Limits passed: what is over the limit was not looked at.
  kLimitHeaders,  // more headers, or header bytes, than headers_max
  kLimitParts,
  kLimitDepth,
  kLimitAddresses,
  kLimitReceived,
  kLimitUrls,
  kLimitWords,
  kLimitText,  // text bytes
  kLimitHtml,  // tags, attributes, links or nesting
  kLimitEncodedWords,
  kLimitArchive,  // members, size, depth or ratio
  kLimitMatch,    // bytes or step limit of a pattern
  kLimitQuestions,
  kLimitHits,
  kAmbiguous,  // read in two ways; both readings were scanned
  kPoison,     // the engine died on this message before
  kCount
};
static_assert(static_cast<int>(Fault::kCount) <= 64);

struct FaultInfo {
  Fault fault;
  std::string_view symbol;  // inserted with the policy's weight, 0 where the policy has none
  std::string_view text;    // one sentence for logs and explain
};

// One row a fault, in the order of the enum.
const std::array<FaultInfo, static_cast<size_t>(Fault::kCount)>& fault_table();

// A set of faults: one bit each.
struct Faults {
  uint64_t bits = 0;
  constexpr void set(Fault fault) { bits |= uint64_t{1} << static_cast<int>(fault); }
  constexpr bool has(Fault fault) const { return bits >> static_cast<int>(fault) & 1; }
  constexpr bool any() const { return bits != 0; }
};

}  // namespace winnow
