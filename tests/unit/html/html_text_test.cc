#include <gtest/gtest.h>

#include "tests/unit/html/run_html.h"

namespace winnow {
namespace {

using test::HtmlRun;

struct Row {
  const char* name;
  std::string_view input;
  std::string_view plain;
  std::string_view invisible = "";
};

void check(std::span<const Row> rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    HtmlRun run(row.input);
    EXPECT_EQ(run.text.plain, row.plain);
    EXPECT_EQ(run.html().invisible, row.invisible);
    EXPECT_EQ(run.html().visible_bytes, row.plain.size());
  }
}

TEST(HtmlText, Rendering) {
  using namespace std::string_view_literals;
  constexpr Row kRows[] = {
      {"empty", "", ""},
      {"text", "hello", "hello"},
      {"blanks", " \n a  b\t\r\n c  ", "a b c"},
      {"long text over one vector", "The quick brown fox jumps over the lazy dog, twice  or more.",
       "The quick brown fox jumps over the lazy dog, twice or more."},
      {"paragraphs", "<p>one</p>\n<p>two<p>three", "one\ntwo\nthree"},
      {"br", "a<br>b <BR/> c</br>d", "a\nb\nc\nd"},
      {"two br leave an empty line", "a<br><br>b", "a\n\nb"},
      {"inline tags join", "v<b>i</b>a<span></span>gra", "viagra"},
      {"comment joins", "vi<!-- x -->agra", "viagra"},
      {"cells", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>d", "a b\nc\nd"},
      {"list", "<ul><li>a<li>b</ul>c", "a\nb\nc"},
      {"hr", "a<hr>b", "a\nb"},
      {"pre", "<pre>\n a  b\r\n c</pre>d  e", " a  b\n c\nd e"},
      {"white-space", "<div style='white-space:pre-wrap'>a  b\nc</div>", "a  b\nc"},
      {"textarea", "<textarea>a <b> c</textarea>", "a <b> c"},
      {"title and head", "<head><title>T</title><style>p{}</style></head><body>x", "x"},
      {"script", "a<script>if (1<2) '</scrip>'</script>b", "ab"},
      {"iframe, noscript", "a<iframe>b</iframe><noscript>c</noscript>", "ac"},
      {"entities", "&lt;&amp;&#65;&#x42;&eacute;&nbsp;x&euro;", "<&AB\xC3\xA9 x\xE2\x82\xAC"},
      {"raw no-break space", "a\xC2\xA0 b \xC2\xA9", "a b \xC2\xA9"},
      {"bare ampersand", "a & b &; &x; &#; AT&T", "a & b &; &x; &#; AT&T"},
      {"lone <", "1 < 2 <3 <", "1 < 2 <3 <"},
      {"bogus closing", "a</ x>b</>c", "abc"},
      {"NUL is not seen", "vi\0agra"sv, "viagra"},
      {"attributes with >", "<a title='a>b' href=\"x>y\">t</a>", "t"},
      {"unclosed tag", "a<b href=", "a"},
      {"unclosed quote", "a<b c=\"d>e", "ae"},
      {"unclosed comment", "a<!-- b", "a"},
      {"abrupt comments", "a<!-->b<!--->c<!-- x --!>d", "abcd"},
      {"unclosed style", "a<style>b", "a"},
      {"unclosed title", "<title>T<b>x", "x"},
      {"declarations", "<!DOCTYPE html><?xml version='1.0'?><![CDATA[x]]>a", "a"},
      {"outlook only", "a<!--[if mso]><p>b</p><![endif]-->c", "ac"},
      {"not outlook", "a<!--[if !mso]><!-->b<!--<![endif]-->c", "abc"},
      {"revealed", "a<![if !mso]>b<![endif]>c", "abc"},
      {"after body", "<body>a</body></html>b", "a\nb"},
      {"expanding entity", "&nLt;&nGt;", "\xE2\x89\xAA\xE2\x83\x92\xE2\x89\xAB\xE2\x83\x92"},
  };
  check(kRows);
}

TEST(HtmlText, Hidden) {
  constexpr Row kRows[] = {
      {"display", "a<div style='display:none'>b</div>c", "a\nc", "b"},
      {"display among others", "a<p style=\"color:red; DISPLAY : None !important\">b</p>c", "a\nc",
       "b"},
      {"is inherited", "<div style=display:none><p>b<p style='display:block'>c</div>d", "d",
       "b\nc"},
      {"visibility", "<i style='visibility:hidden'>a<b style='visibility:visible'>b</b></i>", "b",
       "a"},
      {"hidden attribute", "a<span hidden>b</span>c", "ac", "b"},
      {"font 0", "a<span style='font-size:0'>b</span>c", "ac", "b"},
      {"font 1px", "a<font style='font-size:1px'>b</font>c", "ac", "b"},
      {"font 3px is seen", "a<font style='font-size:3px'>b</font>c", "abc", ""},
      {"font shorthand", "a<i style='font:0/0 a'>b</i><i style='font:700 12px/1 Arial'>c</i>", "ac",
       "b"},
      {"font em of 0", "<i style='font-size:0'>a<b style='font-size:2em'>b</b></i>", "", "ab"},
      {"font set again", "<i style='font-size:0'>a<b style='font-size:12pt'>b</b></i>", "b", "a"},
      {"font percent", "<i style='font-size:.1%'>a</i>", "", "a"},
      {"opacity", "a<i style='opacity:0'>b</i><i style='opacity:0.9'>c</i>", "ac", "b"},
      {"opacity multiplies", "<i style='opacity:.2'><b style='opacity:20%'>x</b></i>", "", "x"},
      {"opacity beyond all bounds",
       "<i style='opacity:2e9'>a</i><i style='opacity:29999%'>b</i><i style='opacity:-2e9'>c</i>",
       "ab", "c"},
      {"box", "<div style='max-height:0px;overflow:hidden'>a</div>b", "b", "a"},
      {"box without overflow", "<div style='max-height:0px'>a</div>b", "a\nb", ""},
      {"off the page", "<div style='position:absolute;left:-9999px'>a</div>b", "b", "a"},
      {"indent", "<p style='text-indent:-9999px'>a</p>b", "b", "a"},
      {"clip", "<i style='position:absolute;clip:rect(0,0,0,0)'>a</i>b", "b", "a"},
      {"clip that leaves a box",
       "<i style='position:absolute;clip:rect(0pt, 468pt, 189pt, 0pt)'>a</i>", "a", ""},
      {"white on white", "<font color=white>a</font>b", "b", "a"},
      {"near white", "<font color='#fefefe'>a</font><font color=#eee>b</font>", "b", "a"},
      {"hex without #", "<font color=ffffff>a</font>b", "b", "a"},
      {"rgb", "<i style='color:rgb(255, 255,255)'>a</i>b", "b", "a"},
      {"rgba, hsl", "<i style='color:rgba(0,0,0,0)'>a</i><i style='color:hsl(0,0%,100%)'>b</i>c",
       "c", "a b"},
      {"transparent", "<i style='color:transparent'>a</i>b", "b", "a"},
      {"white on black is seen", "<td bgcolor=#000000><font color=white>a</font></td>", "a", ""},
      {"black on black", "<table bgcolor=black><tr><td>a<td style='color:#fff'>b</table>", "b",
       "a"},
      {"white on a picture is seen", "<td background=x.png><font color=white>a</font></td>", "a",
       ""},
      {"picture in style", "<td style='background:url(x;y) #000'><font color=white>a</font>", "a",
       ""},
      {"body colours", "<body bgcolor=navy text=navy>a<font color=white>b", "b", "a"},
      {"links are blue", "<font color=white>a<a href=x>b</a></font>", "b", "a"},
      {"sheet class",
       "<style>.x{display:none} .y, #z {color:#fff}</style>a<p class='q X'>b</p>"
       "<p class=y>c</p><p id=z>d</p>e",
       "a\ne", "b\nc\nd"},
      {"sheet tag", "<style>/* . */ p.k { font-size : 0 } b{color:red}</style><p class=k>a<p>b",
       "b", "a"},
      {"sheet in comment", "<style><!-- p{display:none} --></style><p>a</p>b", "b", "a"},
      {"inline wins", "<style>p{display:none}</style><p style='display:block'>a</p>", "a", ""},
      {"important wins", "<style>p{display:none!important}</style><p style='display:block'>a", "",
       "a"},
      {"media is passed over",
       "<style>@media print { p {display:none} } i{opacity:0}</style>"
       "<p>a</p><i>b</i>",
       "a", "b"},
      {"two elements are passed over", "<style>td p{display:none} a:hover{color:#fff}</style><p>a",
       "a", ""},
      {"css comment and escape", "<i style='display/**/:/* ; */n\\6f ne/**/'>a</i>b", "b", "a"},
      {"css comment parts a name", "<i style='dis/**/play:none'>a</i>b", "ab", ""},
      {"css comment parts a value",
       "<i style='display:no/**/ne'>a</i><i style='font-size:0/**/px'>b</i>"
       "<i style='color:rgb/**/(255,255,255)'>c</i>",
       "abc", ""},
      {"css comment in a string",
       "<i style='font-family:\"/*\";background:url(/*);display:none'>a</i>b", "b", "a"},
      {"escaped blank or sign is of a name",
       "<i style='color:#fff\\9'>a</i><i style='display\\3a none'>b</i>", "ab", ""},
      {"sheet comment",
       "<style>.x/* , */{display/**/:none} p{/*}*/opacity:0} .y{dis/**/play:none}</style>"
       "<b class=x>a</b><p>b</p><b class=y>c</b>",
       "c", "a b"},
      {"sheet comment in a string",
       "<style>b{content:'/*'} i{background:url(/*)} .x{display:none} /**/</style>"
       "<b class=x>a</b>b",
       "b", "a"},
      {"entity in style", "<i style='display&#58;none'>a</i>b", "b", "a"},
      {"mso-hide is for Outlook", "<i style='mso-hide:all'>a</i>", "a", ""},
      {"table in quirks mode", "<div style='font-size:0'>a<table><tr><td>b</table></div>", "b",
       "a"},
      {"table in standards mode",
       "<!doctype html><div style='font-size:0'>a<table><tr><td>b</table></div>", "", "a\nb"},
      {"rows of a table in a hidden cell",
       "<table><tr><td style='font-size:0'><table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr>"
       "</table></table>",
       "a b\nc", ""},
      {"template", "a<template>b</template>c", "ac", "b"},
      {"unclosed hidden cell ends with the cell",
       "<table><tr><td><span style='display:none'>a</td><td>b</table>", "b", "a"},
  };
  check(kRows);
}

TEST(HtmlText, StyleMedia) {
  struct MediaRow {
    std::string_view media;
    bool counts;
  };
  constexpr MediaRow kRows[] = {
      {"", true},
      {"media", true},
      {"media=' '", true},
      {"media=all", true},
      {"MEDIA=Screen", true},
      {"media='print, SCREEN '", true},
      {"media='only screen'", true},
      {"media=screen&#44;print", true},
      {"media=print", false},
      {"media=','", false},
      {"media='only screen and (max-width:480px)'", false},
      {"media='screen and (min-width:1px)'", false},
      {"media='(prefers-color-scheme: dark)'", false},
      {"media=screenx", false},
  };
  for (const MediaRow& row : kRows) {
    SCOPED_TRACE(row.media);
    HtmlRun run("<style " + std::string(row.media) + ">.x{display:none}</style><i class=x>a</i>");
    EXPECT_EQ(run.text.plain, row.counts ? "" : "a");
    EXPECT_EQ(run.html().style_bytes, 16u);
  }
}

// What is invalid in CSS changes nothing: the element stays hidden or seen as it was.
TEST(HtmlText, StyleValues) {
  struct ValueRow {
    std::string_view style;
    bool hidden;
  };
  constexpr ValueRow kRows[] = {
      {"display:none;display:bogus", true},
      {"display:none;display:", true},
      {"display:none;display:block none", true},
      {"display:none;display:block block", true},
      {"display:none;display:block", false},
      {"display:none;display:flow-root inline", false},
      {"display:none;display:-webkit-box", false},
      {"display:none;display:INITIAL", false},
      {"display:none;display:var(--x, block)", false},
      {"display:block;display:none x", false},
      {"display:none!importance", false},
      {"display:none!important;display:block", true},
      {"display:block;display:none\\9", false},
      {"visibility:hidden;visibility:bogus", true},
      {"visibility:hidden;visibility:visible", false},
      {"visibility:collapse x", false},
      {"opacity:0;opacity:bogus", true},
      {"opacity:0;opacity:1px", true},
      {"opacity:0;opacity:1 1", true},
      {"opacity:0;opacity:initial", false},
      {"opacity:0;opacity:calc(1 - .5)", false},
      {"opacity:0px", false},
      {"font-size:0;font-size:bogus", true},
      {"font-size:0;font-size:12foo", true},
      {"font-size:0;font-size:-12px", true},
      {"font-size:0;font-size:12 px", true},
      {"font-size:0;font-size:x-large", false},
      {"font-size:0;font-size:inherit", false},
      {"font-size:0;font-size:5dvh", false},
      {"font-size:0;font-size:max(12px,1em)", false},
      {"font-size:0 px", false},
      {"font:0/0", false},
      {"font:bogus 0/0 a", false},
      {"font:italic bold 0 / 0 a", true},
      {"font-size:0;font:12px", true},
      {"font-size:0;font:small/1 a", false},
      {"font-size:0;font:inherit", false},
      {"color:#fff;color:bogus", true},
      {"color:#fff;color:#12345", true},
      {"color:#fff;color:rgb(0,0,0", false},
      {"color:#fff;color:rgb(0,0,x)", true},
      {"color:#fff;color:inherit", false},
      {"color:#fff;color:currentColor", false},
      {"color:#fff;color:oklch(0 0 0)", false},
      {"color:rgb(255,255,255) x", false},
      {"background-color:#000;background-color:bogus", true},
      {"background-color:#fff;background-color:#000 x;color:#fff", true},
      {"color:#fff;background-image:bogus", true},
      {"color:#fff;background-image:url(x)", false},
      {"overflow:hidden;height:0;height:bogus;overflow:bogus", true},
      {"overflow:hidden;height:0;height:-5px", true},
      {"overflow:hidden;height:0;height:auto", false},
      {"overflow:hidden;max-height:0;max-height:none", false},
      {"overflow:hidden;height:0;overflow:visible", false},
      {"position:absolute;left:-9999px;position:bogus", true},
      {"position:absolute;left:-9999px;position:static", false},
      {"position:absolute;left:-9999px x", false},
      {"position:absolute;clip:rect(0,0,0,0);clip:bogus", true},
      {"position:absolute;clip:rect(0,0,0,0);clip:auto", false},
      {"transform:scale(0);transform:bogus", true},
      {"transform:scale(0);transform:rotate(1deg)", false},
  };
  for (const ValueRow& row : kRows) {
    SCOPED_TRACE(row.style);
    HtmlRun run("<div style='" + std::string(row.style) + "'>a</div>");
    EXPECT_EQ(run.text.plain, row.hidden ? "" : "a");
  }
}

TEST(HtmlText, StyleSelectors) {
  struct SelectorRow {
    std::string_view sheet;
    std::string_view attributes;  // of an <i>
    bool hidden;
  };
  constexpr SelectorRow kRows[] = {
      {".a.b{display:none}", "class='a b'", true},
      {".a.b{display:none}", "class='B x A'", true},
      {".a.b{display:none}", "class=a", false},
      {".a.b{display:none}", "class=b", false},
      {".a.b.c.d{display:none}", "class='d c b a'", true},
      {".a.b.c.d{display:none}", "class='d c b'", false},
      {"i.a.b{display:none}", "class='a b'", true},
      {"p.a.b{display:none}", "class='a b'", false},
      {"#n.a{display:none}", "class=a id=n", true},
      {".a#n{display:none}", "class=a id=n", true},
      {"#n.a{display:none}", "id=n", false},
      {"#n.a{display:none}", "class=a", false},
      {"#n#m{display:none}", "id=m", false},
      {".a.{display:none}", "class=a", false},
      {".a.b:hover{display:none}", "class='a b'", false},
      {".a .b{display:none}", "class='a b'", false},
      {".a.b.c.d.e{display:none}", "class='a b c d e'", false},  // more than are looked at
      {".a.b{display:none} .b{display:block}", "class='a b'", true},
      {".a.b{display:block} .b{display:none}", "class='a b'", false},
      {".a.b{display:none} #n{display:block}", "class='a b' id=n", false},
  };
  for (const SelectorRow& row : kRows) {
    SCOPED_TRACE(row.sheet);
    HtmlRun run("<style>" + std::string(row.sheet) + "</style><i " + std::string(row.attributes) +
                ">a</i>");
    EXPECT_EQ(run.text.plain, row.hidden ? "" : "a");
  }
}

TEST(HtmlText, HiddenCounts) {
  HtmlRun run(
      "<p style='font-size:0'>aa<b>bb</b></p><p style='font-size:0'>  </p>"
      "<font color=#ffffff>ccc</font>ddd");
  EXPECT_EQ(run.html().invisible_blocks, 2u);
  EXPECT_EQ(run.html().zero_font_blocks, 1u);
  EXPECT_EQ(run.html().transparent_bytes, 3u);
  EXPECT_EQ(run.html().invisible_bytes, 7u);
  EXPECT_EQ(run.text.plain, "ddd");
}

TEST(HtmlText, InvisibleIsBounded) {
  std::string html = "<p hidden>";
  for (int i = 0; i < 50'000; ++i) html += "\xC3\xA9\xC3\xA9";
  HtmlRun run(html);
  EXPECT_EQ(run.html().invisible_bytes, 200'000u);
  EXPECT_LE(run.html().invisible.size(), 65'536u);
  EXPECT_GE(run.html().invisible.size(), 65'534u);
}

}  // namespace
}  // namespace winnow
