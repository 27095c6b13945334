#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/mime/addresses.h"
#include "engine/text/utf8.h"
#include "tests/unit/mime/headers_fixture.h"

namespace winnow {
namespace {

struct Row {
  std::string_view name;
  std::string value;
  std::string_view expected;  // [name]<address> each; "!" = not valid, "g" = in a group
  bool broken = false;
};

const Row kRows[] = {
    // RFC 5322 appendix A
    {"A.1.1", "John Doe <jdoe@machine.example>", "[John Doe]<jdoe@machine.example>"},
    {"A.1.2", "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
     "[Mary Smith]<mary@x.test>[]<jdoe@example.org>[Who?]<one@y.test>"},
    {"A.1.2, quotes", "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
     "[]<boss@nil.test>[Giant; \"Big\" Box]<sysservices@example.net>"},
    {"A.1.3", "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
     "g[Ed Jones]<c@a.test>g[]<joe@where.test>g[John]<jdoe@one.test>"},
    {"A.1.3, empty", "Undisclosed recipients:;", ""},
    {"A.5", "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
     "[Pete]<pete@silly.test>"},
    {"A.5, group",
     "A Group(Some people) :Chris Jones <c@(Chris's host.)public.example>, "
     "joe@example.org, John <jdoe@one.test> (my dear friend); (the end of the group)",
     "g[Chris Jones]<c@public.example>g[]<joe@example.org>g[John]<jdoe@one.test>"},
    {"A.6.1", "Joe Q. Public <john.q.public@example.com>",
     "[Joe Q. Public]<john.q.public@example.com>"},
    {"A.6.1, routes", "Mary Smith <@node.test:mary@example.net>, , jdoe@test . example",
     "[Mary Smith]<mary@example.net>[]<jdoe@test.example>"},
    {"A.6.3", "John Doe <jdoe@machine(comment). example>", "[John Doe]<jdoe@machine.example>"},
    {"A.6.3, comments and dots in a local part",
     "Wilt . (the  Stilt) Chamberlain@NBA.US, Muhammed.(I am  the greatest) Ali @(the)Vegas.WBA",
     "[the  Stilt]<Wilt.Chamberlain@nba.us>[the]<Muhammed.Ali@vegas.wba>"},
    {"A.6.3, dots with blanks", "ann . bee @ x . example", "[]<ann.bee@x.example>"},
    // Names
    {"comment as a name", "user@host.example (Some One)", "[Some One]<user@host.example>"},
    {"encoded name", "=?utf-8?Q?J=C3=B6rg?= <j@host.example>", "[J\xc3\xb6rg]<j@host.example>"},
    {"encoded words", "=?utf-8?Q?a?= =?utf-8?Q?b?= <j@host.example>", "[ab]<j@host.example>"},
    {"encoded word in quotes", "\"=?utf-8?Q?a=2C?= b\" <j@host.example>", "[a, b]<j@host.example>"},
    {"an encoded comma does not split", "=?utf-8?Q?a=2C_x=40y=2Ez?= <j@host.example>",
     "[a, x@y.z]<j@host.example>"},
    {"a comma in an encoded word", "=?utf-8?q?Bee,_Ann?= <a@b.example>, c@d.example",
     "[Bee, Ann]<a@b.example>[]<c@d.example>"},
    {"specials in an encoded word", "=?utf-8?q?A;_\"B:(?,_C?=  =?utf-8?q?_<d>?= <e@f.example>",
     "[A; \"B:(?, C <d>]<e@f.example>"},
    {"base64 with padding before a comma", "=?utf-8?b?QQ==?=, =?utf-8?b?QQ==?= <a@b.example>",
     "[A, A]<a@b.example>", true},
    {"no end of the encoded word", "=?utf-8?q?A,b@c.example, =?utf-8?q?D?= <e@f.example>",
     "![]<=?utf-8?q?A,b@c.example>[D]<e@f.example>", true},
    {"an encoded address is none", "=?utf-8?Q?a_=3Cx=40y=2Ez=3E?=", "![a <x@y.z>]<>", true},
    {"address as a name", "a@b.example <c@d.example>", "[a@b.example]<c@d.example>"},
    {"blanks in quotes stay", "\"a   b\" <c@d.example>", "[a   b]<c@d.example>"},
    // Addresses
    {"upper case", "John.Doe@EXAMPLE.Com", "[]<John.Doe@example.com>"},
    {"quoted local part", "<\"a b@c\"@d.example>", "[]<\"a b@c\"@d.example>"},
    {"needless quotes", "<\"john.doe\"@D.example>", "[]<john.doe@d.example>"},
    {"literal", "a@[192.0.2.1]", "[]<a@[192.0.2.1]>"},
    {"IPv6 literal", "a@[IPv6:2001:db8::1]", "[]<a@[ipv6:2001:db8::1]>"},
    {"EAI", "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe5\xb9\xbf\xe5\x91\x8a",
     "[]<\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe5\xb9\xbf\xe5\x91\x8a>"},
    {"semicolons as Outlook writes them", "a@b.example; c@d.example",
     "[]<a@b.example>[]<c@d.example>"},
    {"blanks inside the brackets", "< a@b.example >", "[]<a@b.example>"},
    // Broken
    {"empty brackets", "x <>", "![x]<>", true},
    {"only a name", "John Doe", "![John Doe]<>", true},
    {"missing brackets", "John Doe a@b.example", "![John Doe]<a@b.example>", true},
    {"missing comma", "a@b.example c@d.example", "![]<a@b.example>![]<c@d.example>", true},
    {"missing comma after brackets", "<a@b.example> <c@d.example>",
     "![]<a@b.example>![]<c@d.example>", true},
    {"unclosed bracket", "John <a@b.example", "![John]<a@b.example>", true},
    {"unclosed bracket before a comma", "John <a@b.example, c@d.example",
     "![John]<a@b.example>[]<c@d.example>", true},
    {"two opening brackets", "x <y <a@b.example>", "![x <y]<a@b.example>", true},
    {"two opening brackets in a row", "Ann <<a@b.example>>", "![Ann]<a@b.example>", true},
    {"name with a dot, missing brackets", "John Q. Public a@b.example",
     "![John Q. Public]<a@b.example>", true},
    {"no opening bracket", "John a@b.example>", "![John]<a@b.example>", true},
    {"no opening bracket and no name", "a@b.example>", "![]<a@b.example>", true},
    {"other brackets", "John [a@b.example]", "![John]<a@b.example>", true},
    {"other brackets and no name", "[a@b.example], <[c@d.example]>",
     "![]<a@b.example>![]<c@d.example>", true},
    {"literal without the opening bracket", "John a@[192.0.2.1]>", "![John]<a@[192.0.2.1]>", true},
    {"commas in the local part", "John <a,b,c@d.example>, e@f.example",
     "![John]<a,b,c@d.example>[]<e@f.example>", true},
    {"comma and blank in brackets", "John <a, c@b.example>", "![John]<a>![]<c@b.example>", true},
    {"two addresses in brackets", "<a,b@c.example,d@e.example>",
     "![]<a>[]<b@c.example>![]<d@e.example>", true},
    {"comma in brackets that do not close", "<a,b@c.example", "![]<a>[]<b@c.example>", true},
    {"only brackets", "[>]@[", "![]<@>", true},
    {"several at signs", "a@b@c.example", "![]<a@b@c.example>", true},
    {"two at signs", "<a@@c.example>", "![]<a@@c.example>", true},
    {"unbalanced quote", "\"John <a@b.example>", "![\"John]<a@b.example>", true},
    {"unbalanced comment", "John (x <a@b.example>", "![John (x]<a@b.example>", true},
    {"blank in the local part", "<a b@c.example>", "![]<ab@c.example>", true},
    {"dots", "<.a@b.example>, <a.@b.example>, <a..b@c.example>",
     "![]<.a@b.example>![]<a.@b.example>![]<a..b@c.example>", true},
    {"dot after the domain", "a@b.example.", "![]<a@b.example>", true},
    {"empty local part", "<@b.example>", "![]<@b.example>", true},
    {"empty domain", "<a@>", "![]<a@>", true},
    {"mailto", "<mailto:a@b.example>", "![]<a@b.example>", true},
    {"brackets around the name", "<John Doe> a@b.example", "![John Doe]<a@b.example>", true},
    {"text after the bracket", "<a@b.example> x", "![]<a@b.example>", true},
    {"group without its end is a name", "Re: John <a@b.example>", "[Re: John]<a@b.example>"},
    {"comma without quotes", "Doe, John <a@b.example>", "[Doe, John]<a@b.example>", true},
    {"comma after a quoted name", "\"John\", <a@b.example>", "[John]<a@b.example>", true},
    {"8-bit name", "J\xf6rg <a@b.example>", "[J\xc3\xb6rg]<a@b.example>"},
    {"8-bit local part", "<j\xf6rg@b.example>", "![]<j\xc3\xb6rg@b.example>", true},
    {"empty", "", ""},
    {"commas", ", ,,", ""},
};

std::string dump(std::span<const Address> addresses) {
  std::string out;
  for (const Address& a : addresses)
    out += fmt::format("{}{}[{}]<{}>", a.valid ? "" : "!", a.group ? "g" : "", a.name, a.address);
  return out;
}

TEST(Addresses, rows) {
  for (const Row& row : kRows) {
    const ParsedHeaders parsed("From: " + row.value + "\n");
    EXPECT_EQ(dump(parsed.addresses()), row.expected) << row.name;
    EXPECT_EQ(parsed.has(Fault::kAddressBroken), row.broken) << row.name;
    for (const Address& a : parsed.addresses()) {
      EXPECT_TRUE(is_utf8(a.name) && is_utf8(a.address)) << row.name;
      EXPECT_TRUE(a.address.ends_with(a.domain)) << row.name;
    }
  }
}

TEST(Addresses, fields_and_indices) {
  const ParsedHeaders parsed(
      "X: y\nTo: a@b.example\nCC: c@d.example\nReturn-Path: <>\n"
      "List-Id: Some List <list.Example.org>\nDelivered-To: e@f.example\n");
  const std::span<const Address> a = parsed.addresses();
  ASSERT_EQ(a.size(), 5u);
  EXPECT_EQ(a[0].field, AddressField::kTo);
  EXPECT_EQ(a[0].header, 1u);
  EXPECT_EQ(a[0].local, "a");
  EXPECT_EQ(a[0].domain, "b.example");
  EXPECT_EQ(a[0].raw, "a@b.example");
  EXPECT_EQ(a[1].field, AddressField::kCc);
  EXPECT_EQ(a[2].field, AddressField::kReturnPath);
  EXPECT_TRUE(a[2].valid);
  EXPECT_EQ(a[2].address, "");
  EXPECT_EQ(a[3].field, AddressField::kListId);
  EXPECT_EQ(a[3].name, "Some List");
  EXPECT_EQ(a[3].domain, "list.example.org");
  EXPECT_TRUE(a[3].valid);
  EXPECT_EQ(a[4].field, AddressField::kDeliveredTo);
  EXPECT_EQ(a[4].header, 5u);
  EXPECT_FALSE(parsed.has(Fault::kAddressBroken));
}

TEST(Addresses, limit) {
  Limits limits;
  limits.addresses_max = 2;
  const ParsedHeaders at("To: a@b.c, d@e.f\n", limits);
  EXPECT_EQ(at.addresses().size(), 2u);
  EXPECT_FALSE(at.has(Fault::kLimitAddresses));
  const ParsedHeaders over("To: a@b.c, d@e.f, g@h.i\nCc: j@k.l\n", limits);
  EXPECT_EQ(over.addresses().size(), 2u);
  EXPECT_TRUE(over.has(Fault::kLimitAddresses));
}

TEST(Addresses, one_address) {
  Arena arena;
  EXPECT_EQ(parse_one_address(" <A@B.Example> ", arena).address, "A@b.example");
  EXPECT_TRUE(parse_one_address("a@b.example", arena).valid);
  EXPECT_FALSE(parse_one_address("root", arena).valid);
}

// A million brackets, quotes, addresses ...: nothing is looked at again and again.
TEST(Addresses, hostile_texts_end) {
  Limits limits;
  limits.header_bytes_max = limits.header_block_bytes_max = 64 << 20;
  limits.addresses_max = 10'000'000;
  for (std::string_view piece :
       {"(",         ")",      "(a)",  "\"",      "\\", "<",      ">",
        "a@b.c,",    "\"\\",   "a@b ", ",",       ";",  "a:",     "@",
        "<a@b",      "a@b (",  "<@a,", ". ",      "()", "a(b)@",  "]",
        "@[",        "[a@b] ", "<a,",  "<a,b@c ", "=?", "=?a?q?", "=?a?q?\"?= b@c,",
        "=?a?q?(?= "}) {
    std::string text = "To: ";
    while (text.size() < 1'000'000) text += piece;
    const ParsedHeaders parsed(text, limits);
    if (piece == "a@b.c,") {
      EXPECT_EQ(parsed.addresses().size(), 166'666u);
    }
  }
}

}  // namespace
}  // namespace winnow
