// What a signature of the DKIM kind covers of one message: digests of its header fields and of its
// body, from the bytes as the wire had them (RFC 6376 3.7; RFC 8617 for ARC).
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "engine/batch.h"
#include "rules/checks/auth/dkim_signature.h"

namespace winnow {

// A header field as it stands in the message: name, colon and value are contiguous bytes.
std::string_view field_text(const Header& header);

// Feeds one field in canonical form.
void add_field(const Header& header, Canonical canonical, bool ends, Hash& hash);

// Feeds the field that holds a signature, with an empty b= and without a line end (3.7).
void add_unsigned_field(const Header& header, const DkimHeader& signature, Canonical canonical,
                        Arena& arena, Hash& hash);

// One message's own headers, ready to be looked up by signatures.
class SignedFields {
 public:
  SignedFields(std::span<const Header> own, Arena& arena);
  // Digest of the headers that h= names, each the lowest not yet used (5.4.2), then of header
  // number `own`, the signature itself. In the arena.
  std::string_view digest(const DkimHeader& signature, size_t own, Arena& arena);

 private:
  std::span<const Header> headers_;
  std::span<uint32_t> hashes_;  // of the names
  std::span<bool> used_;        // by the signature at hand
};

// Body hashes of one message; several signatures mostly want the same.
class BodyHashes {
 public:
  BodyHashes(std::string_view body, Arena& arena) : body_(body), arena_(arena) {}
  // Whether the body has the hash that the signature says, into `out.body` and covered_percent.
  void match(const DkimHeader& wanted, DkimSignature& out);
  // Of the whole body.
  std::string_view digest(Canonical canonical, HashKind kind);

 private:
  struct Known {
    Canonical canonical;
    HashKind hash;
    uint64_t bytes_max;
    uint64_t bytes;           // of the whole canonical body
    std::string_view digest;  // empty: the body is shorter than l says
  };
  Known make(Canonical canonical, HashKind kind, uint64_t bytes_max);

  std::string_view body_;
  Arena& arena_;
  std::array<Known, 4> known_;
  size_t count_ = 0;
};

}  // namespace winnow
