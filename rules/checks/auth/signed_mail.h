// What is kept of a message that will be signed, and the signature made of it once the edits of the
// verdict are known: a signature covers the message as its receiver will see it.
//
// Signatures are relaxed/relaxed (RFC 6376 3.4): that form does not depend on line ends, nor on how
// an MTA folds or where it puts a blank, so that of the headers name and value are enough.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/crypt/private_key.h"
#include "engine/verdict.h"
#include "rules/checks/auth/signing_policy.h"

namespace winnow {

struct MailField {
  std::string_view name;   // as written, without blanks
  std::string_view value;  // behind the colon, folds kept
};

// In the order of the message. As bytes, for the evidence (pack_signed_mail): signers:u8, each
// domain, selector and key as size:u16le bytes; digest of the relaxed body (SHA-256, 32 bytes);
// fields:u32le, each name as size:u16le bytes and value as size:u32le bytes.
struct SignedMail {
  std::vector<Signer> signers;
  std::string_view body_digest;
  std::vector<MailField> fields;  // those that may be signed, and for ARC all older sets
};

std::string_view pack_signed_mail(const SignedMail& mail, Arena& arena);
// False where the bytes are none of these. Views point into them.
bool unpack_signed_mail(std::string_view bytes, SignedMail& out);

// Gathers the fields named by `names` (and the older sets of ARC where `with_arc`).
void gather_fields(std::span<const Header> own, const std::vector<SignedName>& names, bool with_arc,
                   std::vector<MailField>& out);

// The fields as the edits leave them. Views point into fields and edits. Positions as in the milter
// protocol's renderings (ingest/milter/answer.cc).
void apply_field_edits(std::span<const Edit> edits, std::string_view new_subject,
                       std::vector<MailField>& fields);

// The digest of the body as the edits leave it: 32 bytes.
std::string edited_body_digest(std::span<const Edit> edits, std::string_view digest);

// "v=1; a=…; b=…": the value of a DKIM-Signature, or with `instance` > 0 of an
// ARC-Message-Signature. Folded by "\n\t". Empty where it cannot be made (more than kDkimNamesMax
// fields, a key that fails).
std::string make_signature(const Signer& signer, const PrivateKey& key, int64_t now_s,
                           uint32_t instance, std::string_view body_digest,
                           const std::vector<SignedName>& names, std::span<const MailField> fields);

// The value of an ARC-Seal (RFC 8617 4.1.3, 5.1.1) over the older sets among `fields` (none of them
// where cv is "fail", 5.1.2) and the set it ends. Empty where it cannot be made.
std::string make_seal(const Signer& signer, const PrivateKey& key, int64_t now_s, uint32_t instance,
                      std::string_view cv, std::span<const MailField> fields,
                      std::string_view results, std::string_view signature);

}  // namespace winnow
