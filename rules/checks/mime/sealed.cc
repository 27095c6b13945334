// Signed and encrypted parts (RFC 1847, RFC 3156, RFC 8551), messages of one short part, messages
// of nothing, and an odd number of links in an alternative.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/mime/reader_text.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kSignedPgp,
  kSignedSmime,
  kEncryptedPgp,
  kEncryptedSmime,
  kBogus,
  kShortPart,
  kEmpty,
  kOddUrls,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"SIGNED_PGP", "mime_types", -2, "Signed with PGP.", true},
    {"SIGNED_SMIME", "mime_types", -2, "Signed with S/MIME.", true},
    {"ENCRYPTED_PGP", "mime_types", -0.5, "Encrypted with PGP.", true},
    {"ENCRYPTED_SMIME", "mime_types", -0.5, "Encrypted with S/MIME.", true},
    {"BOGUS_ENCRYPTED_AND_TEXT", "mime_types", 10, "Readable text beside an encrypted part."},
    {"SINGLE_SHORT_PART", "body", 0, "One text of less than 64 bytes."},
    {"COMPLETELY_EMPTY", "blankspam", 15, "A message of no bytes."},
    {"URI_COUNT_ODD", "url", 1, "An alternative with an odd number of links."},
}};

constexpr size_t kShortBytes = 64;

void sealed(const CheckPlan& plan, Batch& batch, uint32_t row) {
  const std::span<const Part> parts = batch.parts.row(row);
  for (const Part& part : parts) {
    if (part.parent == kNoIndex || part.type != "application") continue;
    if (part.flags & static_cast<uint16_t>(PartFlag::kVirtual)) continue;  // a text says so
    const auto says = [&](std::string_view what) {
      return part.subtype.find(what) != std::string_view::npos;
    };
    const bool smime = says("pkcs7-mime"), pgp = says("pgp-encrypted");
    if (says("pgp-signature")) insert(plan, batch, row, kSignedPgp);
    if (says("pkcs7-signature")) insert(plan, batch, row, kSignedSmime);
    if (pgp) insert(plan, batch, row, kEncryptedPgp);
    if (smime) insert(plan, batch, row, kEncryptedSmime);
    if (!smime && !pgp) continue;
    for (const Part& beside : parts)
      if (beside.parent == part.parent && is_reader_text(beside)) {
        insert(plan, batch, row, kBogus, smime ? "smime part" : "pgp part");
        break;
      }
  }
}

// Occurrences of links in texts: not in the Subject, not as displayed text, not of images.
uint32_t count_urls(const Batch& batch, uint32_t row) {
  constexpr uint32_t kNot =
      static_cast<uint32_t>(UrlFlag::kSubject) | static_cast<uint32_t>(UrlFlag::kHtmlDisplayed) |
      static_cast<uint32_t>(UrlFlag::kSpecial) | static_cast<uint32_t>(UrlFlag::kImage);
  uint32_t count = 0;
  for (const Url& url : batch.urls.row(row))
    if (!(url.flags & kNot)) count += url.count;
  return count;
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (batch.raw[row].empty()) {
      insert(plan, batch, row, kEmpty);
      continue;
    }
    sealed(plan, batch, row);
    const std::span<const Part> parts = batch.parts.row(row);
    if (parts.size() == 1 && is_reader_text(parts[0]) && parts[0].decoded.size() < kShortBytes)
      insert(plan, batch, row, kShortPart);
    if (!parts.empty() && parts[0].type == "multipart" && parts[0].subtype == "alternative")
      if (const uint32_t count = count_urls(batch, row); count % 2 == 1)
        insert(plan, batch, row, kOddUrls, number_text(batch.arena, count));
  }
}

}  // namespace

extern constexpr Check kSealedParts{
    .name = "sealed_parts",
    .text = "Recognises signed and encrypted mail, and mail that is nearly nothing.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
