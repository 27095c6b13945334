// What the encodings of several texts say is said once: rspamd 3.4 asked about the same messages
// gives R_BAD_CTE_7BIT by the first bad text alone, MIME_BASE64_TEXT and its bogus kin once a
// message.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/checks/check.h"

namespace winnow {
extern const Check kMimeStructure;

namespace {

struct TextPart {
  TransferEncoding encoding = TransferEncoding::k7bit;
  std::string_view charset = "iso-8859-1";
  std::string_view bytes = "h\xe9";
};

// "NAME*weight" of each insertion of the symbols that speak of encodings.
std::string said(const std::vector<TextPart>& texts) {
  CheckPlan plan;
  for (uint32_t i = 0; i < kMimeStructure.symbols.size(); ++i) plan.symbols.push_back(SymbolId{i});
  Batch batch;
  batch.add("", 0, Envelope(), {});
  Part root;
  root.kind = PartKind::kMultipart;
  root.type = "multipart";
  root.subtype = "mixed";
  batch.parts.values.push_back(root);
  for (const TextPart& text : texts) {
    Part part;
    part.parent = 0;
    part.depth = 1;
    part.type = "text";
    part.subtype = "plain";
    part.encoding = text.encoding;
    part.charset = text.charset;
    part.raw =
        text.encoding == TransferEncoding::kBase64 ? std::string_view("aGVsbG8=") : text.bytes;
    part.decoded = text.bytes;
    batch.parts.values.push_back(part);
  }
  batch.parts.end_row();
  kMimeStructure.content(plan, batch);
  std::string out;
  for (const SymbolHit& hit : batch.symbols) {
    const std::string_view name = kMimeStructure.symbols[index(hit.symbol)].name;
    if (name != "R_BAD_CTE_7BIT" && !name.starts_with("MIME_BASE64")) continue;
    out += fmt::format("{}{}*{}", out.empty() ? "" : " ", name, hit.weight);
  }
  return out;
}

TEST(Encodings, TheFirstBadTextDecides) {
  const TextPart latin{}, utf8{.charset = "utf-8", .bytes = "h\xc3\xa9"}, plain{.bytes = "he"};
  const TextPart eight{.encoding = TransferEncoding::k8bit};
  EXPECT_EQ(said({latin}), "R_BAD_CTE_7BIT*1");
  EXPECT_EQ(said({latin, latin}), "R_BAD_CTE_7BIT*1");
  EXPECT_EQ(said({utf8}), "R_BAD_CTE_7BIT*0.3 R_BAD_CTE_7BIT*0");
  EXPECT_EQ(said({utf8, latin}), "R_BAD_CTE_7BIT*0.3 R_BAD_CTE_7BIT*0");
  EXPECT_EQ(said({latin, utf8}), "R_BAD_CTE_7BIT*1");
  EXPECT_EQ(said({plain, latin}), "R_BAD_CTE_7BIT*1");
  EXPECT_EQ(said({eight, plain}), "");
}

TEST(Encodings, Base64CountsOnce) {
  const TextPart ascii{.encoding = TransferEncoding::kBase64, .bytes = "hello"};
  const TextPart latin{.encoding = TransferEncoding::kBase64};
  EXPECT_EQ(said({latin, latin}), "MIME_BASE64_TEXT*1");
  EXPECT_EQ(said({ascii, ascii}), "MIME_BASE64_TEXT*1 MIME_BASE64_TEXT_BOGUS*1");
  EXPECT_EQ(said({latin, ascii}), "MIME_BASE64_TEXT*1 MIME_BASE64_TEXT_BOGUS*1");
}

}  // namespace
}  // namespace winnow
