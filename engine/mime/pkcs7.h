// What an S/MIME body (application/pkcs7-mime, RFC 8551) is, and the content inside a signed one.
//
// CMS (RFC 5652) is DER, in practice also BER with indefinite lengths and octet strings in pieces:
//   ContentInfo  SEQUENCE { OID, [0] { content } }
//   SignedData   SEQUENCE { INTEGER, SET, SEQUENCE { OID data, [0] { OCTET STRING } }, ... }
// Only this path is walked, with a counter instead of recursion; signatures are not looked at.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/arena.h"

namespace winnow {

struct Pkcs7 {
  enum class Kind : uint8_t { kNone, kSigned, kEnveloped, kCompressed, kOther };
  Kind kind = Kind::kNone;   // kNone: no CMS
  std::string_view content;  // kSigned: the signed MIME entity; within `der` or in the arena
};

// Linear in `der`; never fails.
Pkcs7 read_pkcs7(std::string_view der, Arena& arena);

}  // namespace winnow
