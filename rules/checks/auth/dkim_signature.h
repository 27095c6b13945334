// A DKIM-Signature header (RFC 6376 3.5) and the key record it points to (3.6.1, RFC 8463).
#pragma once

#include <string_view>

#include "engine/arena.h"
#include "engine/crypt/hash.h"
#include "rules/checks/auth/dkim_canonical.h"
#include "rules/checks/auth/dns_name.h"

namespace winnow {

enum class DkimKeyType : uint8_t { kRsa, kEd25519 };

struct DkimHeader {
  DkimKeyType key_type = DkimKeyType::kRsa;
  HashKind hash = HashKind::kSha256;
  Canonical header = Canonical::kSimple;
  Canonical body = Canonical::kSimple;
  uint64_t body_bytes = kWholeBody;  // l
  int64_t time = 0;                  // t, Unix seconds; 0 = not given
  int64_t expires = 0;               // x
  std::string_view domain;           // d, lower case, in the arena
  std::string_view selector;         // s, the same
  bool identity_is_domain = true;    // i's domain is d itself, not one under it
  std::string_view names;            // h: names and colons as written
  std::string_view body_hash;        // bh, decoded, in the arena
  std::string_view signature;        // b, decoded, in the arena
  size_t signature_begin = 0;        // where b's value stands in the header's raw value
  size_t signature_end = 0;
};

// Names of one h= that are looked at.
constexpr uint32_t kDkimNamesMax = 1000;

// Which header it is. ARC-Message-Signature (RFC 8617 4.1.2) has i= for its instance and no v=;
// ARC-Seal (4.1.3) covers neither chosen headers nor a body: it has no h= and no bh=.
enum class DkimForm : uint8_t { kDkim, kArcMessage, kArcSeal };

// Reads the raw value of the header. False where it breaks the grammar, has not all it needs (v, a,
// b, bh, d, h with From, s; as its form says) or an algorithm nobody here knows. Linear in `value`.
bool parse_dkim_header(std::string_view value, Arena& arena, DkimHeader& out,
                       DkimForm form = DkimForm::kDkim);

enum class DkimAlgorithm : uint8_t { kRsaSha256, kRsaSha1, kEd25519Sha256 };

DkimAlgorithm algorithm_of(const DkimHeader& header);

// kPart: as far as l= goes; what stands behind is nobody's.
enum class BodyHash : uint8_t { kOther, kSigned, kNotMade, kPart };

// A signature as far as the message's bytes decide it. What is left is to ask for the key and to
// check `signature` over `digest` with it.
struct DkimSignature {
  DkimAlgorithm algorithm = DkimAlgorithm::kRsaSha256;
  BodyHash body = BodyHash::kOther;
  uint8_t covered_percent = 0;     // of the canonical body, where `body` is kPart; at most 99
  bool identity_is_domain = true;  // i= is of d= itself, not of a name under it
  std::string_view domain;         // d=, lower case
  std::string_view selector;       // s=, lower case
  std::string_view digest;         // of the canonical headers, raw bytes; empty if kNotMade
  std::string_view signature;      // b=, raw bytes
};

// As bytes, for the evidence: algorithm:u8 body:u8 (128 + covered_percent for kPart)
// identity_is_domain:u8, then domain,
// selector, digest and signature, each size:u16le bytes.
std::string_view pack_signature(const DkimSignature& signature, Arena& arena);
// False where the bytes are none of these. Views point into them.
bool unpack_signature(std::string_view bytes, DkimSignature& out);

struct DkimKey {
  DkimKeyType type = DkimKeyType::kRsa;
  bool revoked = false;     // p is empty
  bool allows_sha1 = true;  // h
  bool allows_sha256 = true;
  bool strict = false;  // t=s: i must be of d itself
  std::string_view p;   // base64 as written
};

// Reads a TXT record; false where it is no key record or none for mail.
bool parse_dkim_key(std::string_view text, DkimKey& out);

}  // namespace winnow
