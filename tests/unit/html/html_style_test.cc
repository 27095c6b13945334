// What is seen of "zz" where style sheets, boxes and grounds are not simple. A row that a browser
// shows must be seen; where it depends, the text counts as seen.
#include <gtest/gtest.h>

#include "tests/unit/html/run_html.h"

namespace winnow {
namespace {

using test::HtmlRun;

void check_all(std::span<const std::string_view> rows, bool seen) {
  for (const std::string_view row : rows) {
    SCOPED_TRACE(row);
    HtmlRun run(row);
    EXPECT_EQ(run.text.plain.find("zz") != std::string_view::npos, seen);
  }
}

TEST(HtmlStyle, UnknownGroundsAreSeen) {
  constexpr std::string_view kRows[] = {
      "<p style='background:oklch(0.2 0 0);color:#fff'>zz",
      "<p style='background:rgba(0,0,0,.4);color:#fff'>zz",
      "<p style='background:rgb(0 0 0 / 90%)'><font color=white>zz",
      "<p style='background:var(--x,#000)'><font color=white>zz",
      "<p style='background-color:hwb(0 0% 100%)'><font color=white>zz",
      "<p style='background-color:color(srgb 0 0 0)'><font color=white>zz",
      "<p style='background-color:CanvasText'><font color=white>zz",
      "<p style='background:no-repeat #036 url(x.png) 0 0/cover'><font color=#fff>zz",
      "<p style='background:url(a),#036'><font color=#fff>zz",
      "<p style='background:#fff url(a b) no-repeat;background-color:#fff;color:#fff'>zz",
      "<p style='background-color:000000;color:#fff'>zz",  // a colour in quirks mode
      "<p bgcolor=bogus><font color=white>zz",             // a colour to every browser
      "<style>@media screen{.b{background:#000}}</style><p class=b><font color=white>zz",
      "<style>@media (x){.b{background:#000}}</style><p class=b><font color=white>zz",
      "<style>@supports (x:y){.b{background:#000}}</style><p class=b><font color=white>zz",
      "<style>.b{background:#000}</style><p class=b><font color=white>zz",
      "<style>.o .b{background:#000}</style><p class=b><font color=white>zz",
      "<style>.o > *{background:#000}</style><p><font color=white>zz",
      "<style>[data-x]{background:#000}</style><p data-x><font color=white>zz",
      "<style>[class=b]{background:#000}</style><p class=b><font color=white>zz",
      "<style>p:not(.x){background:#000}</style><p><font color=white>zz",
      "<style>:root{background:#000}</style><p><font color=white>zz",
      "<style>a:link{background:#000;color:#fff}</style><a href=x>zz",
      "<p style='color:white;text-shadow:0 0 3px #000'>zz",
      "<p style='color:white;-webkit-text-stroke:1px black'>zz",
      "<p style='-webkit-text-fill-color:black;color:white'>zz",
      "<p style='background:linear-gradient(red,blue);-webkit-background-clip:text;"
      "-webkit-text-fill-color:transparent'>zz",
      "<p style='color:#fff;color:lab(1 2 3)'>zz",
  };
  check_all(kRows, true);
}

TEST(HtmlStyle, KnownGroundsHide) {
  constexpr std::string_view kRows[] = {
      "<p style='background:rgba(0,0,0,.02);color:#fff'>zz",
      "<p style='background:#fff none;color:#fff'>zz",
      "<p style='background:#000;background:none;color:#fff'>zz",
      "<p style='background:#000 bogus;color:#fff'>zz",
      "<p style='background:url(x);background:#fff;color:#fff'>zz",
      "<style>.o .b{background:#000}</style><p class=b style='background:#fff;color:#fff'>zz",
      "<style>[data-x]{background:#000}</style><p><font color=white>zz",
      "<style>a:hover{background:#000}</style><a style='color:#fff'>zz",
      "<p style='text-shadow:none;color:#fff'>zz",
      "<div style='background:rgba(0,0,0,.5)'><p style='background:#fff;color:#fff'>zz",
  };
  check_all(kRows, false);
}

TEST(HtmlStyle, StringsAndBracketsHoldAll) {
  constexpr std::string_view kRows[] = {
      "<p style=\"font-family:';display:none;'\">zz",
      "<p style='font-family:\"a;font-size:0;b\"'>zz",
      "<p style='a:(;display:none'>zz",
      "<p style='a:[;display:none'>zz",
      "<p style='a:{;display:none'>zz",
      "<p style='a:{b:c} display:none'>zz",
      "<p style='display:none;a:{b} display:block'>zz",
      "<p style='width:calc(1px;display:none)'>zz",
      "<p style='cursor:url(x;display:none;)'>zz",
      "<p style='cursor:url(x\\);display:none;)'>zz",
      "<p style='a(;display:none'>zz",
      "<style>.a{font-family:';display:none;'}</style><p class=a>zz",
      "<style>.q{content:\"} .a{display:none}\"}</style><p class=a>zz",
      "<style>.b{x:{;} .a{display:none}}</style><p class=a>zz",
      "<style>[t=\"{\"],.q{} [u=\"} .a{display:none}\"]{}</style><p class=a>zz",
      "<style>x(} .a{display:none}</style><p class=a>zz",
      "<style>} .a{display:none}</style><p class=a>zz",
      "<style>@x(;) y;.b{(} .a{display:none}</style><p class=a>zz",
      "<style>.a,%%{display:none}</style><p class=a>zz",
      "<style>.a,:bogus{display:none}</style><p class=a>zz",
      "<style>.a,{display:none}</style><p class=a>zz",
      "<style>.1a{display:none}</style><p class=1a>zz",
  };
  check_all(kRows, true);
  constexpr std::string_view kHidden[] = {
      "<p style='xurl(a);display:none'>zz",
      "<p style='a:);display:none'>zz",
      "<p style='a:\"b\nc;display:none'>zz",  // a line end ends the string
      "<p style='a:(];);display:none'>zz",
      "<style>.b{a:)} .a{display:none}</style><p class=a>zz",
      "<style>@import 'x;';@media screen{.a{display:none}}</style><p class=a>zz",
      "<style><!-- .a, a:link:first-child{display:none} --></style><p class=a>zz",
      "<style>.b[x='}']{} .a{display:none}</style><p class=a>zz",
  };
  check_all(kHidden, false);
}

TEST(HtmlStyle, Cascade) {
  constexpr std::string_view kRows[] = {
      "<style>p.x{display:block} .x{display:none}</style><p class=x>zz",
      "<style>.x{display:none} body .x{display:block}</style><p class=x>zz",
      "<style>div .x{display:block} .x{display:none}</style><p class=x>zz",
      "<style>p#a{display:block} #a{display:none}</style><p id=a>zz",
      "<style>.x{display:none} [class]{display:block}</style><p class=x>zz",
      "<style>.x{display:none} .x:not(.q){display:block}</style><p class=x>zz",
      "<style>.x{display:none} @media screen{.x{display:block}}</style><p class=x>zz",
      "<style>.x{display:none} @media (x){.x{display:block}}</style><p class=x>zz",
      "<style>.x{display:none} @layer a{.x{display:block !important}}</style><p class=x>zz",
      "<style>.x{display:none} body{.x{display:block}}</style><p class=x>zz",
      "<style>.x{display:none} .\\78{display:block}</style><p class=x>zz",
      "<style>.a.b{display:none} .a.b.c{display:block}</style><p class='a b c'>zz",
      "<style>.y{display:none} .x{display:block}</style><p class='x y'>zz",
      "<style>[data-x]{display:block!important}</style><p data-x style='display:none'>zz",
      "<style>.x{color:#fff} td .x{color:#000}</style><p class=x>zz",
      "<style>.x{font-size:0} td .x{font-size:12px}</style><p class=x>zz",
      "<style type='text/x'>.x{display:none}</style><p class=x>zz",
      "<template><style>.x{display:none}</style></template><p class=x>zz",
      "<!DOCTYPE html><style>.X{display:none}</style><p class=x>zz",
      "<p style='display:none;all:unset'>zz",
  };
  check_all(kRows, true);
  constexpr std::string_view kHidden[] = {
      "<style>.x{display:none} p{display:block}</style><p class=x>zz",
      "<style>.x{display:none} td p{display:block}</style><p class=x>zz",
      "<style>.x .y{display:block}</style><p class=y style='display:none'>zz",
      "<style>#a{display:none} .x[class].x{display:block}</style><p id=a class=x>zz",
      "<style>.x{display:none!important} body .x{display:block}</style><p class=x>zz",
      "<style>.x{display:none} [data-y]{display:block}</style><p class=x>zz",
      "<style>.x{display:none} .x:hover,.x::before{display:block}</style><p class=x>zz",
      "<style>.x{display:none} @media print{.x{display:block}}</style><p class=x>zz",
      "<style>.x{display:none} .x .x{font-weight:bold}</style><p class=x>zz",
      "<style type='TEXT/css'>.x{display:none}</style><p class=x>zz",
      "<!DOCTYPE html><style>.X{display:none}</style><p class=X>zz",
  };
  check_all(kHidden, false);
  std::string many = "<style>.x{display:none}";
  for (int i = 0; i < 5000; ++i) many += ".y{color:red}";
  HtmlRun run(many + ".x{display:block}</style><p class=x>zz");
  EXPECT_EQ(run.text.plain, "zz");
}

TEST(HtmlStyle, WhatDoesNotApply) {
  constexpr std::string_view kRows[] = {
      "<span style='height:0;overflow:hidden'>zz",
      "<span style='max-width:0;overflow:hidden'>zz",
      "<span style='text-indent:-9999px'>zz",
      "<span style='transform:scale(0)'>zz",
      "<span style='margin-top:-9999px'>zz",
      "<p style='clip:rect(0,0,0,0)'>zz",
      "<p style='position:relative;clip:rect(0,0,0,0)'>zz",
      "<table><tr><td style='height:0;overflow:hidden'>zz",
      "<table><tr><td style='max-height:0;overflow:hidden'>zz",
      "<table style='width:0;overflow:hidden'><tr><td>zz",
      "<p style='height:0;min-height:100px;overflow:hidden'>zz",
      "<p style='height:0%;overflow:hidden'>zz",
      "<body style='height:0;overflow:hidden'>zz",
      "<p style='text-indent:-9999px'><span>a</span><div style='text-indent:-9999px'>b"
      "<div style='text-indent:0'>zz",
      "<div style='height:0;overflow:hidden'><p style='position:absolute'>zz",
      "<div style='position:absolute;left:-9999px'><p style='position:fixed;left:0'>zz",
      "<p style='position:absolute;left:-9999px;left:0'>zz",
      "<p style='margin-left:-9999px;margin:0'>zz",
      "<p style='display:inline;height:0;overflow:hidden'>zz",
  };
  check_all(kRows, true);
  constexpr std::string_view kHidden[] = {
      "<div style='height:0;overflow:hidden'>zz",
      "<div style='height:0em;overflow:hidden'>zz",
      "<div style='height:0;max-height:100px;overflow:hidden'>zz",
      "<span style='display:block;max-height:0;overflow:hidden'>zz",
      "<span style='float:left;width:0;overflow:hidden'>zz",
      "<div style='display:flex'><span style='width:0;overflow:hidden'>zz",
      "<table><td style='display:block;height:0;overflow:hidden'>zz",
      "<div style='text-indent:-9999px'><b>zz",
      "<div style='position:absolute;left:-9999px;top:0'>zz",
      "<div style='clip-path:inset(50%);transform:rotate(1deg)'>zz",
  };
  check_all(kHidden, false);
}

}  // namespace
}  // namespace winnow
