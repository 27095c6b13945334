#include <gtest/gtest.h>

#include "tests/unit/html/run_html.h"

namespace winnow {
namespace {

using test::HtmlRun;

TEST(HtmlLinks, Targets) {
  struct Row {
    const char* name;
    std::string_view input;
    std::string_view links;
  };
  constexpr Row kRows[] = {
      {"plain", "<a href=\"http://a.test/\">t</a>", "a http://a.test/|t\n"},
      {"unquoted, upper case", "<A HREF=http://a.test/x?y>t</A>", "a http://a.test/x?y|t\n"},
      {"entities", "<a href='?a=1&amp;b=2&copy=3&#47;'>t</a>", "a ?a=1&b=2&copy=3/|t\n"},
      {"line ends are cut", "<a href=' ht\ntp://\ta.\r\ntest '>t</a>", "a http://a.test|t\n"},
      {"the first of two counts", "<a href=x href=y>t</a>", "a x|t\n"},
      {"nested", "<a href=x>one<a href=y>two</a>three</a>", "a x|one\na y|two\n"},
      {"unclosed", "<a href=x>one <p>two", "a x|one\ntwo\n"},
      {"ends with the cell", "<table><td><a href=x>one<td>two</table>", "a x|one\n"},
      {"around blocks", "<a href=x> <b>one</b>  two </a> three", "a x|one two\n"},
      {"hidden", "<p hidden><a href=x>one</a></p>two", "a! x|one\n"},
      {"text partly hidden", "<a href=x>o<i style='font-size:0'>xx</i>ne</a>", "a x|one\n"},
      {"blank line before, in pre", "<pre>a\n <a href=x><p>\xC3\xA9</a></pre>", "a x|\xC3\xA9\n"},
      {"empty", "<a href=''>one</a><area href><img src=''><form action=''>", "a |one\narea |\n"},
      {"no href", "<a name=x>one</a>", ""},
      {"image", "<a href=x><img src=y alt=z></a>", "a x|\nimg y|\n"},
      {"others",
       "<area href=1><link href=2><iframe src=3></iframe><embed src=4><object data=5></object>"
       "<form action=6><button formaction=7>b</button></form><td background=8><frame src=9>"
       "<video poster=10 src=11></video>",
       "area 1|\nlink 2|\niframe 3|\nembed 4|\nobject 5|\nform 6|\nbutton 7|\ntd 8|\nframe 9|\n"
       "video 11|\nvideo 10|\n"},
      {"srcset",
       "<img src=1 srcset='2 1x, 3,4 300w,\n5&amp;\n2x, data:a;base64,AA 3x,,'><source srcset=6>"
       "<div srcset=7>",
       "img 1|\nimg 2|\nimg 3,4|\nimg 5&|\nimg data:a;base64,AA|\nimg 6|\n"},
      {"srcset without blanks", "<img srcset=' ,2, 3'>", "img 2|\nimg 3|\n"},
      {"url() of a style",
       "<p style=\"color:rgb(1,2,3);background:URL( 'a.gif' ),url(b.gif)\">t"
       "<td style='background:url(&quot;c&amp;d&quot;)'>",
       "img a.gif|\nimg b.gif|\nimg c&d|\n"},
      {"url() that is none", "<p style='background:url(),url(data:x),curl(x),url( '>t", "img x|\n"},
      {"style sheet",
       "<style>@import 'a.css';@import url(b.css) screen;@import url(\"c.css\");@media (x){p{"
       "background:url(d e)}}@import x</style><style>p{background:url('f)}q{g:url(h)}</style>",
       "style a.css|\nstyle b.css|\nstyle c.css|\nimg d|\nimg f|\nimg h|\n"},
      {"hidden style", "<p style='display:none;background:url(x)'>t", "img! x|\n"},
      {"svg", "<svg><a xlink:href='x'><path/>t</a></svg>", "a x|t\n"},
      {"unknown tag", "<v:rect href=x>t</v:rect>", " x|\n"},
      {"in a conditional comment", "<!--[if mso]><a href='x'>t</a><![endif]-->", "a! x|\n"},
      {"meta refresh", "<meta http-equiv=Refresh content=\"0; URL='http://a.test/'\">",
       "meta http://a.test/|\n"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    HtmlRun run(row.input);
    EXPECT_EQ(run.links(), row.links);
  }
}

TEST(HtmlLinks, TextIsWithinPlain) {
  HtmlRun run("before <a href=x> one </a> after");
  const HtmlLink& link = run.batch.html_links.open_row()[0];
  EXPECT_EQ(run.text.plain, "before one after");
  EXPECT_EQ(run.text.plain.substr(link.plain.begin, link.plain.size()), "one");
  EXPECT_EQ(link.text.data(), run.text.plain.data() + link.plain.begin);
}

TEST(HtmlLinks, Images) {
  HtmlRun run(
      "<img src=cid:a width=100 height='20px' alt='a &amp; b'><a href=x><img src=http://y "
      "style='width:30px;height:40px'></a><img src='data:image/png;base64,AA' width=50%><img>"
      "<input type=image src=z><input type=text src=q>");
  const auto images = run.batch.html_images.open_row();
  ASSERT_EQ(images.size(), 5u);
  EXPECT_TRUE(images[0].embedded);
  EXPECT_EQ(images[0].width, 100);
  EXPECT_EQ(images[0].height, 20);
  EXPECT_EQ(images[0].alt, "a & b");
  EXPECT_FALSE(images[0].linked);
  EXPECT_TRUE(images[1].linked);
  EXPECT_EQ(images[1].width, 30);
  EXPECT_EQ(images[1].height, 40);
  EXPECT_TRUE(images[2].embedded);
  EXPECT_EQ(images[2].width, -1);
  EXPECT_EQ(images[4].src, "z");
  EXPECT_TRUE(run.has(HtmlFlag::kDataUrl));
}

TEST(HtmlLinks, FormsBaseTitle) {
  HtmlRun run(
      "<title> A &lt;b&gt;\n c </title><base href='http://b.test/'><form action=' x ' method=POST>"
      "<input type=text><input type=PassWord><select></select></form><input type=text>");
  const auto forms = run.batch.html_forms.open_row();
  ASSERT_EQ(forms.size(), 1u);
  EXPECT_EQ(forms[0].action, "x");
  EXPECT_EQ(forms[0].method, "POST");
  EXPECT_EQ(forms[0].inputs, 3);
  EXPECT_TRUE(forms[0].password);
  EXPECT_TRUE(run.has(HtmlFlag::kFormPassword));
  EXPECT_EQ(run.html().title, "A <b> c");
  EXPECT_EQ(run.html().base, "http://b.test/");
}

TEST(HtmlLinks, RefreshForms) {
  struct Row {
    std::string_view content, target;
  };
  constexpr Row kRows[] = {
      {"0;url=x", "x"}, {"5", ""}, {"0.5 ; URL = 'x y' z", "x y"}, {"0;x", "x"}, {"0,url='x", "x"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.content);
    const std::string html =
        "<meta http-equiv=refresh content=\"" + std::string(row.content) + "\">";
    HtmlRun run(html);
    EXPECT_EQ(run.html().refresh, row.target);
    EXPECT_TRUE(run.has(HtmlFlag::kMetaRefresh));
  }
}

TEST(HtmlLinks, EntitiesInEveryAttribute) {
  HtmlRun run(
      "<style>.x,#y{display:none}</style><p class='&#120;'>a</p><p id=&#121;>b</p>"
      "<p><font color=&#119;hite>c</font><form method=p&#79;st><input type='&#112;assword'></form>"
      "<img src=z width=&#51;><meta http-equiv='&#114;efresh' content='0;url=x'>d");
  EXPECT_EQ(run.text.plain, "d");
  EXPECT_EQ(run.html().refresh, "x");
  EXPECT_TRUE(run.has(HtmlFlag::kFormPassword));
  EXPECT_EQ(run.batch.html_forms.open_row()[0].method, "pOst");
  EXPECT_EQ(run.batch.html_images.open_row()[0].width, 3);
}

TEST(HtmlLinks, SecondTextOfARow) {
  HtmlRun run("<a href=x>one</a><img src=i>");
  Text second;
  parse_html(Limits(), run.scratch, "two <a href=y>three</a>", 1, 0, run.batch, second);
  ASSERT_EQ(run.batch.htmls.open_row().size(), 2u);
  const Html& html = run.batch.htmls.open_row()[1];
  EXPECT_EQ(html.text, 1u);
  EXPECT_EQ(html.links.begin, 2u);
  EXPECT_EQ(html.links.end, 3u);
  EXPECT_EQ(run.batch.html_links.open_row()[2].text, "three");
  EXPECT_EQ(run.batch.html_links.open_row()[2].html, 1u);
  EXPECT_EQ(run.html().links.end, 2u);
}

}  // namespace
}  // namespace winnow
