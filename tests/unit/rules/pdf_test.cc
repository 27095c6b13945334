// The check of PDFs at its limits and one beyond; what a few bytes say stands in tests.d/pdf.conf.
#include <gtest/gtest.h>

#include <string>

#include "rules/checks/check.h"

namespace winnow {
extern const Check kPdf;

namespace {

// Symbols that the check gives to a PDF, by name, with their options.
std::string said(const std::string& pdf) {
  CheckPlan plan;
  for (uint32_t i = 0; i < kPdf.symbols.size(); ++i) plan.symbols.push_back(SymbolId{i});
  Batch batch;
  batch.add("", 0, Envelope(), {});
  Part part;
  part.detected = {"application/pdf", "pdf"};
  part.decoded = pdf;
  part.filename = "a.pdf";
  batch.parts.values.push_back(part);
  batch.parts.end_row();
  kPdf.content(plan, batch);
  std::string out;
  for (const SymbolHit& hit : batch.symbols)
    out += std::string(out.empty() ? "" : " ") + std::string(kPdf.symbols[index(hit.symbol)].name) +
           "[" + std::string(hit.option) + "]";
  return out;
}

std::string times(size_t count, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Pdf, ManyObjects) {
  EXPECT_EQ(said(times(10'000, "1 0 obj\n")), "");
  EXPECT_EQ(said(times(10'001, "1 0 obj\n")), "PDF_MANY_OBJECTS[a.pdf:10001]");
  EXPECT_EQ(said(times(10'001, "1 0 object\n") + times(10'001, "endobj\n")), "");
}

TEST(Pdf, LongTrailer) {
  EXPECT_EQ(said("%PDF\ntrailer" + times(100, "\n")), "");
  EXPECT_EQ(said("%PDF\ntrailer" + times(101, "\n")), "PDF_LONG_TRAILER[a.pdf:5]");
  const size_t far = 10u << 20;
  EXPECT_EQ(said(std::string(far, ' ') + "trailer\n"), "");
  EXPECT_EQ(said(std::string(far + 1, ' ') + "trailer\n"), "PDF_LONG_TRAILER[a.pdf:10485761]");
}

TEST(Pdf, NoMoreThanSixteenMegabytes) {
  const size_t max = 16u << 20;
  EXPECT_EQ(said(std::string(max - 4, ' ') + "/JS "), "PDF_JAVASCRIPT[a.pdf]");
  EXPECT_EQ(said(std::string(max, ' ') + "/JS "), "");
}

TEST(Pdf, NamesEndAndAreCutAnywhere) {
  for (const char* text : {"/", "/#", "/#4", "/#4a", "/J", "o", "ob", "obj", "1 0 obj", "trailer"})
    EXPECT_EQ(said(text), "") << text;
  EXPECT_EQ(said("/#4a#53"), "PDF_JAVASCRIPT[a.pdf]");
  EXPECT_EQ(said("/JSX /EncryptX /XJS"), "");
  EXPECT_EQ(said("/JavaScriptJavaScript"), "");
}

}  // namespace
}  // namespace winnow
