#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/mime/parameters.h"

namespace winnow {
namespace {

struct Row {
  std::string_view name;
  std::string text;
  std::string_view expected;  // type/subtype;name=value;... , "value|other"
  bool parameter_broken = false;
  bool type_broken = false;
};

const Row kTypes[] = {
    {"plain", "text/plain; charset=us-ascii", "text/plain;charset=us-ascii"},
    {"upper case", "TEXT/HTML; Charset=\"UTF-8\"", "text/html;charset=UTF-8"},
    {"comments", "text/plain (a (b) c); (d) charset=utf-8 (e)", "text/plain;charset=utf-8"},
    {"blanks", " text / plain ; charset = utf-8 ", "text/plain;charset=utf-8"},
    {"many semicolons", "text/plain;;; ;charset=a;", "text/plain;charset=a"},
    // RFC 2231 sections 3 and 4.1
    {"continuation",
     "message/external-body; access-type=URL; URL*0=\"ftp://\"; "
     "URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
     "message/external-body;access-type=URL;"
     "url=ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"},
    {"charset and language",
     "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
     "application/x-stuff;title=This is ***fun***"},
    {"both",
     "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; "
     "title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
     "application/x-stuff;title=This is even more ***fun*** isn't it!"},
    {"any order", "a/b; n*1=y; n*0=x; n*2=z", "a/b;n=xyz"},
    {"character over two sections", "a/b; n*0*=utf-8''%C3; n*1*=%A4", "a/b;n=\xc3\xa4"},
    {"escape over two sections", "a/b; n*0*=utf-8''x%2; n*1*=Ey", "a/b;n=x.y"},
    {"escape over three sections", "a/b; n*0*=utf-8''x%; n*1*=2; n*2*=Ey", "a/b;n=x.y"},
    {"no escape over a plain section", "a/b; n*0*=utf-8''x%2; n*1=Ey", "a/b;n=x%2Ey", true},
    {"cut escapes", "a/b; n*0*=utf-8''%%4%41; n*1*=%4", "a/b;n=%%4A%4", true},
    {"gap", "a/b; n*0=x; n*2=z", "a/b;n=xz", true},
    {"wide gap", "a/b; n*99999999999=z; n*200=y; n*0=x", "a/b;n=xyz", true},
    {"no first section", "a/b; n*2=y; n*1=x", "a/b;n=xy", true},
    {"plain name over sections without the first", "a/b; n*1=x; n=y", "a/b;n=y|x", true},
    {"a number twice", "a/b; n*0=x; n*1=y; n*0=z", "a/b;n=xy", true},
    {"no quotes in the charset", "a/b; n*=x%20y", "a/b;n=x y", true},
    {"unknown charset", "a/b; n*=x-none''%C3%A4", "a/b;n=\xc3\xa4", true},
    {"bad percent", "a/b; n*=utf-8''x%zz", "a/b;n=x%zz", true},
    {"extended wins", "a/b; n=x; n*=utf-8''y", "a/b;n=y|x"},
    {"extended, the same otherwise", "a/b; n=x; n*=utf-8''x", "a/b;n=x"},
    {"sections win", "a/b; n=x; n*0=y; n*1=z", "a/b;n=yz|x"},
    {"extended over sections", "a/b; n*0=y; n*1=z; n*=utf-8''x", "a/b;n=x|yz"},
    {"first of two wins", "a/b; n=x; n=y", "a/b;n=x|y", true},
    {"first of three wins", "a/b; n=x; n=y; n=z", "a/b;n=x|z", true},
    {"the same twice", "a/b; n=x; n=x", "a/b;n=x", true},
    {"empty and not", "a/b; n=; n=x", "a/b;n=|x", true},
    {"of two extended the last", "a/b; n*=utf-8''x; n*=utf-8''y", "a/b;n=x|y", true},
    {"RFC 2047 in a value", "a/b; n=\"=?utf-8?Q?=C3=A4?=\"", "a/b;n=\xc3\xa4"},
    {"RFC 2047 without quotes", "a/b; n==?utf-8?Q?=C3=A4?=", "a/b;n=\xc3\xa4"},
    {"escapes", "a/b; n=\"x\\\"y\\\\z\"", "a/b;n=x\"y\\z"},
    {"Windows path", "a/b; n=\"C:\\dir\\file.txt\"", "a/b;n=C:\\dir\\file.txt"},
    {"blanks without quotes", "a/b; n=my file.txt; m=1", "a/b;n=my file.txt;m=1", true},
    {"brackets in a bare name", "a/b; n=file (1).txt", "a/b;n=file (1).txt", true},
    {"missing semicolon", "text/plain charset=utf-8 format=flowed",
     "text/plain;charset=utf-8;format=flowed", true},
    {"missing semicolon after quotes", "a/b; n=\"x\" m=y", "a/b;n=x;m=y", true},
    {"unclosed quote", "a/b; n=\"x; m=y", "a/b;n=x; m=y", true},
    {"rubbish after quotes", "a/b; n=\"x\"y; m=z", "a/b;n=x;m=z", true},
    {"rubbish after quotes, then quotes", "a/b; n=\"x\"y; m=\"z\"", "a/b;n=x;m=z", true},
    {"rubbish after quotes, no semicolon", "a/b; n=\"x\"y m=\"z\"", "a/b;n=x;m=z", true},
    {"quotes inside", "a/b; n=\"x \"y\" z.e\"; m=z", "a/b;n=x \"y\" z.e|x ;m=z", true},
    {"quotes inside, no semicolon", "a/b; n=\"x \"y\" z.e\" m=z", "a/b;n=x \"y\" z.e|x ;m=z", true},
    {"one quote inside", "a/b; n=\"x\"y.e\"", "a/b;n=x\"y.e|x", true},
    {"quotes inside and a comment", "a/b; n=\"x \"(y)\" z.e\"", "a/b;n=x \"(y)\" z.e|x ", true},
    {"quotes inside and escapes", "a/b; n=\"x \"y\\\"\" z\"", "a/b;n=x \"y\"\" z|x ", true},
    {"a quote too many", "a/b; n=\"x.y\"\"; m=z", "a/b;n=x.y;m=z", true},
    {"equals sign in a value", "a/b; boundary=--=_x=y", "a/b;boundary=--=_x=y"},
    {"doubled equals sign", "a/b; n==\"x;y\"; m=z", "a/b;n=x;y;m=z", true},
    {"doubled quotes", "a/b; n=\"\"x.y\"\"; m=z", "a/b;n=x.y;m=z", true},
    {"both doubled", "a/b; n===\"\"\"x y\"\"\"", "a/b;n=x y", true},
    {"empty quotes", "a/b; n=\"\"; m=\"\" ; o=\"\"", "a/b;n=;m=;o="},
    {"missing semicolon after empty quotes", "a/b; n=\"\"m=z", "a/b;n=;m=z", true},
    {"no value", "a/b; n; m=1", "a/b;m=1", true},
    {"no name", "a/b; =x; m=1", "a/b;m=1", true},
    {"8-bit value", "a/b; n=\"\xe9\"", "a/b;n=\xc3\xa9"},
    {"line end in a percent escape", "a/b; n*=utf-8''x%0D%0Ay%00z", "a/b;n=x  yz"},
    {"no subtype", "text", "text/", false, true},
    {"no subtype but a slash", "text/; charset=a", "text/;charset=a", false, true},
    {"no type", "; charset=a", "/;charset=a", false, true},
    {"only a parameter", "charset=a", "/;charset=a", false, true},
    {"empty", "", "/", false, true},
    {"quoted type", "\"text/html\"; charset=a", "text/html;charset=a", false, true},
    {"type in apostrophes", "'text/html'; charset=a", "text/html;charset=a", false, true},
    {"type in angles", "<text/html>", "text/html", false, true},
    {"colon for the semicolon", "text/html: charset=a", "text/html;charset=a", false, true},
    {"colon without a blank", "multipart/mixed:boundary=\"a\"", "multipart/mixed;boundary=a", false,
     true},
    {"rubbish after the type", "text/html, text/plain; charset=a", "text/html;charset=a", false,
     true},
    {"unclosed comment", "text/html (; charset=a", "text/html", true, false},
};

std::string dump(const MimeValue& value) {
  std::string out = fmt::format("{}/{}", value.type, value.subtype);
  for (const MimeParameter& p : value.parameters) {
    out += fmt::format(";{}={}", p.name, p.value);
    if (!p.other.empty()) out += fmt::format("|{}", p.other);
  }
  return out;
}

TEST(Parameters, content_types) {
  const Limits limits;
  HeaderScratch scratch;
  Arena arena;
  for (const Row& row : kTypes) {
    Faults faults;
    const MimeValue value = parse_content_type(row.text, limits, scratch, arena, faults);
    EXPECT_EQ(dump(value), row.expected) << row.name;
    EXPECT_EQ(faults.has(Fault::kParameterBroken), row.parameter_broken) << row.name;
    EXPECT_EQ(faults.has(Fault::kContentTypeBroken), row.type_broken) << row.name;
    EXPECT_EQ(value.broken, row.type_broken) << row.name;
  }
}

TEST(Parameters, dispositions_and_look_up) {
  const Limits limits;
  HeaderScratch scratch;
  Arena arena;
  Faults faults;
  const MimeValue value = parse_disposition("Attachment; FileName*=iso-8859-1''%E9.txt; size=12",
                                            limits, scratch, arena, faults);
  EXPECT_EQ(value.type, "attachment");
  EXPECT_EQ(value.value("filename"), "\xc3\xa9.txt");
  EXPECT_EQ(value.raw("filename"), "\xe9.txt");
  EXPECT_TRUE(value.has("size"));
  EXPECT_FALSE(value.has("name"));
  EXPECT_EQ(value.value("name"), "");
  EXPECT_FALSE(faults.any());
}

TEST(Parameters, a_boundary_keeps_its_bytes) {
  HeaderScratch scratch;
  Arena arena;
  Faults faults;
  const MimeValue value = parse_content_type("multipart/mixed; boundary=\"\xe9=?utf-8?Q?a?=\"",
                                             Limits{}, scratch, arena, faults);
  EXPECT_EQ(value.raw("boundary"), "\xe9=?utf-8?Q?a?=");
}

TEST(Parameters, limit_of_pieces) {
  HeaderScratch scratch;
  Arena arena;
  std::string text = "a/b";
  for (int i = 0; i < 128; ++i) text += fmt::format("; n{}=x", i);
  Faults faults;
  EXPECT_EQ(parse_content_type(text, Limits{}, scratch, arena, faults).parameters.size(), 128u);
  EXPECT_FALSE(faults.has(Fault::kParameterBroken));
  text += "; more=x";
  EXPECT_EQ(parse_content_type(text, Limits{}, scratch, arena, faults).parameters.size(), 128u);
  EXPECT_TRUE(faults.has(Fault::kParameterBroken));
}

TEST(Parameters, hostile_texts_end) {
  HeaderScratch scratch;
  Arena arena;
  for (std::string_view piece : {"(", " (", "a ", "a=( ", "\"", "\\\"", ";", "=", "a=b ", "a*0=b;",
                                 "a ;", "=\"", "\"\"a", "\"x\"y \"", "\" a=\"b\"c"}) {
    std::string text = "a/b; n=";
    while (text.size() < 1'000'000) text += piece;
    Faults faults;
    (void)parse_content_type(text, Limits{}, scratch, arena, faults);
    arena.reset();
  }
}

}  // namespace
}  // namespace winnow
