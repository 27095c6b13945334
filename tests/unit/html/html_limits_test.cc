#include <gtest/gtest.h>

#include "tests/unit/html/run_html.h"

namespace winnow {
namespace {

using test::HtmlRun;

std::string repeat(std::string_view unit, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += unit;
  return out;
}

TEST(HtmlFlags, Each) {
  struct Row {
    const char* name;
    std::string_view input;
    uint32_t flags;
  };
  constexpr auto bit = [](HtmlFlag flag) { return static_cast<uint32_t>(flag); };
  const Row rows[] = {
      {"clean", "<html><head><title>t</title></head><body><p>a<ul><li>b</ul></body></html>", 0},
      {"unclosed b", "<p><b>x</p>", bit(HtmlFlag::kUnbalanced)},
      {"b at the end", "<b>x", bit(HtmlFlag::kUnbalanced)},
      {"closing alone", "x</div>", bit(HtmlFlag::kUnbalanced)},
      {"crossed", "<b><i>x</b></i>", bit(HtmlFlag::kUnbalanced)},
      {"unclosed tag", "x<p", bit(HtmlFlag::kUnclosedTag)},
      {"unclosed comment", "<!-- x", bit(HtmlFlag::kUnclosedComment)},
      {"bad attribute", "<p a='b'c='d'>", bit(HtmlFlag::kBadAttribute)},
      {"unknown", "<p><x-y></x-y>", bit(HtmlFlag::kUnknownTag)},
      {"doctype", "<!DOCTYPE html>", bit(HtmlFlag::kDoctype)},
      {"xml", "<?xml version='1.0'?>", bit(HtmlFlag::kXml)},
      {"two html", "<html><html>", bit(HtmlFlag::kDuplicateHtml)},
      {"two head", "<head></head><head></head>", bit(HtmlFlag::kDuplicateHead)},
      {"two body", "<body></body><body>", bit(HtmlFlag::kDuplicateBody)},
      {"script", "<script></script>", bit(HtmlFlag::kScript)},
      {"data", "<img src='data:x'>", bit(HtmlFlag::kDataUrl)},
      {"NUL", std::string_view("a\0b", 3), bit(HtmlFlag::kNulByte)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(HtmlRun(row.input).html().flags, row.flags);
  }
}

TEST(HtmlFlags, Counts) {
  HtmlRun run("<div><p>a<!--xyz--><foo>b</foo></div><style>p{}</style><script>12</script>");
  EXPECT_EQ(run.html().tags, 5u);
  EXPECT_EQ(run.html().unknown_tags, 1u);
  EXPECT_EQ(run.html().comments, 1u);
  EXPECT_EQ(run.html().comment_bytes, 3u);
  EXPECT_EQ(run.html().style_bytes, 3u);
  EXPECT_EQ(run.html().script_bytes, 2u);
  EXPECT_EQ(run.html().depth_max, 3u);
  EXPECT_TRUE(has_tag(run.html().tags_seen, HtmlTag::kDiv));
  EXPECT_TRUE(has_tag(run.html().tags_seen, HtmlTag::kScript));
  EXPECT_FALSE(has_tag(run.html().tags_seen, HtmlTag::kSpan));
}

TEST(HtmlLimits, AtAndBeyond) {
  Limits limits;
  limits.html_tags_max = 3;
  EXPECT_FALSE(HtmlRun("<b><b><b>x", limits).fault(Fault::kLimitHtml));
  HtmlRun tags("<b><b><b>x<b>y", limits);
  EXPECT_TRUE(tags.fault(Fault::kLimitHtml));
  EXPECT_TRUE(tags.has(HtmlFlag::kTooManyTags));
  EXPECT_EQ(tags.text.plain, "x");

  limits = {};
  limits.html_depth_max = 3;
  EXPECT_FALSE(HtmlRun("<b><b><b>x", limits).fault(Fault::kLimitHtml));
  HtmlRun deep("<b><b><b><b hidden>x</b></b></b></b><p>y", limits);
  EXPECT_TRUE(deep.fault(Fault::kLimitHtml));
  EXPECT_TRUE(deep.has(HtmlFlag::kTooDeep));
  EXPECT_EQ(deep.text.plain, "x\ny");
  // What is not opened makes nothing of what it stands in: no <svg> is there for a <p> to leave.
  EXPECT_EQ(HtmlRun("<b><b><i hidden><svg><p>x", limits).text.plain, "");

  limits = {};
  limits.html_links_max = 2;
  EXPECT_FALSE(HtmlRun("<a href=1></a><a href=2></a>", limits).fault(Fault::kLimitHtml));
  HtmlRun links("<a href=1></a><a href=2></a><a href=3>x</a>", limits);
  EXPECT_TRUE(links.fault(Fault::kLimitHtml));
  EXPECT_EQ(links.batch.html_links.open_row().size(), 2u);
  EXPECT_EQ(links.text.plain, "x");

  HtmlRun candidates("<img srcset='1 1x, 2 2x, 3 3x'>", limits);
  EXPECT_TRUE(candidates.fault(Fault::kLimitHtml));
  EXPECT_EQ(candidates.links(), "img 1|\nimg 2|\n");

  limits = {};
  limits.html_attributes_max = 2;
  HtmlRun attributes("<a b=c href=x>y</a><a href=z>w</a>", limits);
  EXPECT_TRUE(attributes.fault(Fault::kLimitHtml));
  EXPECT_EQ(attributes.links(), "a x|y\n");
}

// Hostile texts of a size where anything quadratic would take minutes.
TEST(HtmlLimits, HostileInputEnds) {
  constexpr size_t kMany = 200'000;
  const std::string inputs[] = {
      repeat("<", kMany),
      repeat("<a ", kMany),
      repeat("<b>", kMany),
      repeat("</b>", kMany),
      repeat("<b>", 1000) + repeat("</i>", kMany),
      repeat("<p>", kMany),
      repeat("<table><tr><td>", kMany),
      repeat("<a href=\"x>", kMany),
      repeat("<a href='x>", kMany),
      repeat("<!--", kMany),
      repeat("<!", kMany),
      repeat("<?", kMany),
      repeat("<title>", kMany),
      repeat("<textarea>", kMany),
      repeat("<xmp>", kMany),
      repeat("<style>", kMany),
      repeat("<script></scrip", kMany),
      repeat("<!--[if mso]>", kMany),
      repeat("<!--[if mso]><a href='x'><![endif]-->", kMany / 4),
      repeat("&", kMany),
      repeat("&#", kMany),
      repeat("&#99999999999999999999", kMany / 8),
      repeat("&nLt;", kMany),
      repeat("&CounterClockwiseContourIntegral", kMany / 16),
      "<a " + repeat("b=c ", kMany) + ">",
      "<a style='" + repeat("background:url(;", kMany) + "'>",
      "<a style=\"" + repeat("url('a", kMany) + "\">",
      "<style>" + repeat("url('a\"@import\"", kMany) + "</style>",
      "<style>" + repeat("@import url( ", kMany) + "</style>",
      "<img srcset='" + repeat("a 1x,", kMany) + "'>",
      "<img srcset='" + repeat(",", kMany) + repeat("a", kMany) + repeat(",", kMany) + "'>",
      "<img srcset='" + repeat("a (", kMany) + "'>",
      "<a style='" + repeat("/*", kMany) + "'>",
      "<a style='" + repeat("color:red;", kMany) + "'>",
      "<style>" + repeat(".a{color:red}", kMany) + "</style>" + repeat("<i class=a>", kMany),
      "<style>" + repeat("/*", kMany) + "</style>",
      "<style>" + repeat("/**/url(", kMany) + "</style>",
      "<style>" + repeat("/**/'", kMany) + "</style>",
      "<style>" + repeat(".a", kMany) + "{color:red}</style><i class=a>",
      "<style>" + repeat(".a.a{color:red}", kMany) + "</style><i class='" + repeat("a ", kMany) +
          "'>",
      "<style>" + repeat(".a.b,", kMany) + "{color:red}</style><i class='a b'>",
      "<style media='" + repeat(",", kMany) + "'></style>",
      "<a style='display:" + repeat("block ", kMany) + "'>",
      "<a style='font:" + repeat("bold ", kMany) + "'>",
      "<style>" + repeat("@x{", kMany) + "</style>",
      "<style>" + repeat("a,", kMany) + "{color:red}</style>",
      "<p class='" + repeat("a ", kMany) + "'>",
      repeat("<p hidden>x</p>", kMany),
      repeat("<p><font color=red>x", kMany),
      repeat("<font color=red>", 100) + repeat("<p>x", kMany),
      repeat("<p><a href=x>x", kMany),
      repeat("<a><div>", kMany),
      repeat("<svg>", kMany),
      repeat("<svg><p>", kMany),
      "<svg>" + repeat("<![CDATA[", kMany),
      "<svg>" + repeat("<style>x", kMany),
      repeat("<table>x", kMany),
      repeat("<table><tr>x<td>", kMany),
      repeat("<head>x", kMany),
      "<a style='" + repeat("a:(", kMany) + "'>",
      "<a style='" + repeat("a{", kMany) + "'>",
      "<a style='" + repeat("a{}", kMany) + "'>",
      "<a style='" + repeat("(;", kMany) + "'>",
      "<style>" + repeat(".a{", kMany) + "</style>",
      "<style>" + repeat(".a{b{c{d{", kMany) + "</style>",
      "<style>" + repeat("a{b{}", kMany) + "</style>",
      "<style>" + repeat("a[", kMany) + "</style>",
      "<style>" + repeat(":not(", kMany) + "{color:red}</style>",
      "<style>" + repeat("[x='", kMany) + "{color:red}</style>",
      "<style>" + repeat("[x]", kMany) + "{color:red}</style>" + repeat("<i x class=a>", kMany),
      "<style>" + repeat("\\61 ", kMany) + "{color:red}</style>",
      repeat("\xC2\xA0", kMany),
  };
  for (const std::string& input : inputs) {
    SCOPED_TRACE(input.substr(0, 30));
    HtmlRun run(input);
    EXPECT_LE(run.text.plain.size(), input.size() + input.size() / 5);
    EXPECT_LE(run.html().tags, Limits().html_tags_max);
  }
}

}  // namespace
}  // namespace winnow
