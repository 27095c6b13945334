// Which elements are open: what a tag closes, is ignored in, is put before. Rows agree with what
// browsers build; where a row is "seen", nothing hidden is around the text there.
#include <gtest/gtest.h>

#include "tests/unit/html/run_html.h"

namespace winnow {
namespace {

using test::HtmlRun;

TEST(HtmlTree, Seen) {
  constexpr std::string_view kRows[] = {
      "<h1 hidden><h2>zz",
      "<h1 hidden>x</h2>zz",
      "<button hidden><button>zz",
      "<a hidden><a>zz",
      "<nobr hidden><nobr>zz",
      "<a hidden><div><a>zz",
      "<select hidden><input>zz",
      "<select hidden><select>zz",
      "<select><b hidden>zz",
      "<div><option><p>t<option hidden><dd>zz",
      "<select><option>a<p hidden>zz",
      "<math><td hidden></math>zz",
      "<svg><td hidden></td>zz",
      "<table hidden><table><tr><td>zz",
      "<table hidden><tr hidden>zz",
      "<table hidden><div>zz</div></table>",
      "<table hidden><tr hidden><p>zz",
      "<table><tr><td hidden>a<tr><p>zz",
      "<table><colgroup hidden>zz",
      "<td hidden>zz",
      "<tr hidden>zz",
      "<tbody hidden>zz",
      "<caption hidden>zz",
      "<colgroup hidden>zz",
      "<frameset hidden>zz",
      "<div hidden><td></div>zz",
      "<head hidden><p>zz",
      "<head hidden>zz",
      "<p>x</p><head hidden><p>zz",
      "<body>x<body hidden>zz",
      "<form hidden><form></form>zz",
      "<optgroup hidden><optgroup>zz",
      "<ruby><rp>a<rt>zz",
      "<dl><dt hidden>a<dd>zz",
      "<svg hidden><p>zz",
      "<svg hidden><mi><p>zz",
      "<svg hidden><g><font color=red>zz",
      "<math hidden><table><tr><td>zz",
      "<math hidden><annotation-xml encoding=text/html><p>zz",
      "<p hidden></p><svg><text>zz",
      "<font color=white><svg><text>zz",
      "<svg><![CDATA[<p>zz]]></svg>",
      "<p style='text-indent:-9999px'>a<br>zz",
      "<td bgcolor=black><font color=white>zz",  // no cell without a table
      "<p><font color=white><p style='background:#000'>zz",
      "<p><font color=white></font><p>zz",
      "<p><font color=white><p></font>zz",
      "<table><tr><td><p><font color=white></table>zz",
  };
  for (const std::string_view row : kRows) {
    SCOPED_TRACE(row);
    HtmlRun run(row);
    EXPECT_NE(run.text.plain.find("zz"), std::string_view::npos);
    EXPECT_EQ(run.html().invisible.find("zz"), std::string_view::npos);
  }
}

TEST(HtmlTree, StillHidden) {
  constexpr std::string_view kRows[] = {
      "<div hidden><h1>a</h1><p>zz",
      "<a style=color:transparent><div hidden><a>zz",
      "<table hidden><tr><td>zz",
      "<table><tr hidden><td>zz",
      "<table><tr><td hidden><table><tr>zz",
      "<div hidden><table>zz",
      "<table><tr><td hidden><b>a</b>zz",
      "<svg hidden><text>zz",
      "<svg hidden><foreignObject><p>zz",
      "<svg hidden><foreignObject><svg><p>zz",
      "<math hidden><mtext><p>zz",
      "<svg hidden><font>zz",
      "<p><font color=white><p>zz",
      "<p><font color=white><span>a<p>zz",
      "<div><font style='font-size:0'></div>zz",
      "<b><p><font color=white></b>zz",
  };
  for (const std::string_view row : kRows) {
    SCOPED_TRACE(row);
    HtmlRun run(row);
    EXPECT_EQ(run.text.plain.find("zz"), std::string_view::npos);
    EXPECT_NE(run.html().invisible.find("zz"), std::string_view::npos);
  }
}

// What follows is neither text of a script nor a style.
TEST(HtmlTree, NoRawTextInForeignContent) {
  constexpr std::string_view kRows[] = {
      "<svg><style/></svg>",
      "<svg><style></svg>",
      "<svg><script/></svg>",
      "<svg><script></svg>",
      "<svg><iframe></svg>",
      "<svg><noembed></svg>",
      "<svg><title></svg>",
      "<svg><textarea></svg>",
      "<svg><xmp></svg>",
      "<math><style></math>",
      "<select><iframe></select>",
      "<svg><style>",
      "<svg/><p>",
  };
  for (const std::string_view row : kRows) {
    SCOPED_TRACE(row);
    const std::string html = std::string(row) + "<p>zz <a href=x>y</a>";
    HtmlRun run(html);
    EXPECT_EQ(run.text.plain, "zz y");
    EXPECT_EQ(run.links(), "a x|y\n");
  }
  HtmlRun svg("<svg><title>T</title><style>.x{display:none}</style>zz</svg><p class=x>yy");
  EXPECT_EQ(svg.text.plain, "zz\nyy");
  EXPECT_EQ(svg.html().invisible, "");
  HtmlRun raw(
      "<svg><foreignObject><style>.x{display:none}</style></foreignObject></svg>"
      "<p class=x>a<iframe>b</iframe>");
  EXPECT_EQ(raw.text.plain, "");
}

TEST(HtmlTree, LinksOpenAgain) {
  struct Row {
    std::string_view html, links;
  };
  constexpr Row kRows[] = {
      {"<p><a href=x><p>one", "a x|one\n"},
      {"<div><a href=x></div>one", "a x|one\n"},
      {"<p><a href=x>one<p>two", "a x|one\na x|two\n"},
      {"<p><a href=x>one</a><p>two", "a x|one\n"},
      {"<p><a href=x>one<p></a>two", "a x|one\n"},
      {"<p><a href=x>one<p><a href=y>two", "a x|one\na y|two\n"},
      {"<table><tr><td><p><a href=x></table>one", "a x|\n"},
      {"<p><a href=x><p><table><tr><td>one", "a x|\n"},
      {"<p><b><a href=x><i></p><p><span>one</span>", "a x|one\n"},
      {"<p><a href=x><b style=color:red><b style=color:red><b style=color:red>"
       "<b style=color:red><b style=color:red><b style=color:red><b style=color:red>"
       "<b style=color:red><b style=color:red><p>one",
       "a x|one\n"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.html);
    HtmlRun run(row.html);
    EXPECT_EQ(run.links(), row.links);
  }
  HtmlRun image("<p><a href=x><p><img src=y>");
  EXPECT_TRUE(image.batch.html_images.open_row()[0].linked);
}

}  // namespace
}  // namespace winnow
