#include "engine/url/parse_url.h"

#include <gtest/gtest.h>

#include "tests/unit/url/dump.h"

namespace winnow {
namespace {

using url_test::dump;

struct Row {
  std::string_view input, expected;
};

std::string parsed(std::string_view input, UrlGuess guess) {
  UrlParser parser;
  Arena arena;
  Url url;
  if (!parse_url(input, guess, parser, arena, url)) return "none";
  Url again;
  EXPECT_TRUE(parse_url(url.normal, UrlGuess::kNone, parser, arena, again)) << url.normal;
  EXPECT_EQ(again.normal, url.normal);
  EXPECT_EQ(url.found, input);
  return dump(url);
}

// normal form | organisational domain | flags
TEST(ParseUrl, normalises_and_flags) {
  const Row rows[] = {
      // plain
      {"http://example.com", "http://example.com | example.com | "},
      {"http://example.com/", "http://example.com/ | example.com | "},
      {"https://www.example.co.uk/a/b.html",
       "https://www.example.co.uk/a/b.html | example.co.uk | "},
      {"HTTP://EXAMPLE.COM/Path", "http://example.com/Path | example.com | "},
      {"ftp://ftp.example.com/pub/file.txt", "ftp://ftp.example.com/pub/file.txt | example.com | "},
      {"  http://example.com/blanks-around  ", "http://example.com/blanks-around | example.com | "},
      {"http://example.com/a?b=c&d=e#frag", "http://example.com/a?b=c&d=e#frag | example.com | "},
      {"http://example.com?b=c", "http://example.com?b=c | example.com | "},
      {"http://example.com#top", "http://example.com#top | example.com | "},
      {"http://example.com/?", "http://example.com/? | example.com | "},
      {"http://localhost/", "http://localhost/ | localhost | no_tld"},
      {"http://example.invalidtld/", "http://example.invalidtld/ | example.invalidtld | no_tld"},
      {"http://com/", "http://com/ | com | "},
      // slashes
      {"http:example.com", "http://example.com | example.com | no_slashes"},
      {"http:/example.com", "http://example.com | example.com | no_slashes"},
      {"http:///example.com", "http://example.com | example.com | unnormalised"},
      {"http:////example.com/x", "http://example.com/x | example.com | unnormalised"},
      {"http:\\\\example.com/x", "http://example.com/x | example.com | obscured"},
      {"http:/\\example.com", "http://example.com | example.com | obscured"},
      {"http:\\/example.com\\a\\b", "http://example.com/a/b | example.com | obscured unnormalised"},
      {"http://example.com\\@evil.example.net/",
       "http://example.com/@evil.example.net/ | example.com | obscured unnormalised"},
      {"//example.com/x", "http://example.com/x | example.com | schemaless"},
      {"\\\\example.com/x", "http://example.com/x | example.com | obscured schemaless"},
      // user information
      {"http://user@example.com/", "http://user@example.com/ | example.com | user"},
      {"http://user:secret@example.com/", "http://user:secret@example.com/ | example.com | user"},
      {"http://@example.com/", "http://example.com/ | example.com | obscured"},
      {"http://a@b@example.com/", "http://a%40b@example.com/ | example.com | obscured user"},
      {"http://paypal.com@example.net/", "http://paypal.com@example.net/ | example.net | user"},
      {"http://paypal.com:80@example.net/",
       "http://paypal.com:80@example.net/ | example.net | user"},
      {"http://us%65r@example.com/", "http://user@example.com/ | example.com | user user_encoded"},
      {"http://us%40er@example.com/",
       "http://us%40er@example.com/ | example.com | user user_encoded"},
      {"http://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@example.com/",
       "http://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@example.com/ | "
       "example.com | user"},
      {"http://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@example.com/",
       "http://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@example.com/ | "
       "example.com | obscured user"},
      {"http://@/", "none"},
      // ports
      {"http://example.com:80/", "http://example.com/ | example.com | port"},
      {"http://example.com:8080/x", "http://example.com:8080/x | example.com | port"},
      {"https://example.com:443/", "https://example.com/ | example.com | port"},
      {"https://example.com:0443/x", "https://example.com/x | example.com | port"},
      {"http://example.com:/x", "http://example.com/x | example.com | "},
      {"http://example.com:99999/", "http://example.com/ | example.com | obscured"},
      {"http://example.com:abc/", "http://example.com/ | example.com | obscured"},
      {"http://example.com:80:90/", "http://example.com/ | example.com | obscured"},
      {"ftp://example.com:21/x", "ftp://example.com/x | example.com | port"},
      // percent escapes
      {"http://ex%61mple.com/", "http://example.com/ | example.com | host_encoded"},
      {"http://example%2Ecom/", "http://example.com/ | example.com | host_encoded"},
      {"http://example%2ecom%2fpath/",
       "http://example.com%2fpath/ | example.com%2fpath | obscured no_tld host_encoded"},
      {"http://exa%mple.com/", "http://exa%25mple.com/ | exa%25mple.com | obscured"},
      {"http://example.com/%7Euser/%41", "http://example.com/~user/A | example.com | path_encoded"},
      {"http://example.com/%2e%2e/x",
       "http://example.com/x | example.com | obscured path_encoded unnormalised"},
      {"http://example.com/a%2fb%2Fc", "http://example.com/a%2Fb%2Fc | example.com | path_encoded"},
      {"http://example.com/100%", "http://example.com/100%25 | example.com | "},
      {"http://example.com/%%34%31", "http://example.com/%2541 | example.com | path_encoded"},
      {"http://example.com/?q=%41%20%26",
       "http://example.com/?q=A%20%26 | example.com | query_encoded"},
      {"http://example.com/?q=a b", "http://example.com/?q=a%20b | example.com | unnormalised"},
      {"http://example.com/?q=\xc3\xa9",
       "http://example.com/?q=%C3%A9 | example.com | unnormalised"},
      {"http://example.com/\xc3\xa9", "http://example.com/%C3%A9 | example.com | unnormalised"},
      {"http://example.com/#%41", "http://example.com/#A | example.com | path_encoded"},
      // dot segments
      {"http://example.com/a/./b", "http://example.com/a/b | example.com | obscured unnormalised"},
      {"http://example.com/a/../b", "http://example.com/b | example.com | obscured unnormalised"},
      {"http://example.com/../../b", "http://example.com/b | example.com | obscured unnormalised"},
      {"http://example.com/a/b/..", "http://example.com/a/ | example.com | obscured unnormalised"},
      {"http://example.com/a/.", "http://example.com/a/ | example.com | obscured unnormalised"},
      {"http://example.com/a//../b",
       "http://example.com/a/b | example.com | obscured unnormalised"},
      {"http://example.com/a/%2E%2e/b",
       "http://example.com/b | example.com | obscured path_encoded unnormalised"},
      {"http://example.com/.../b", "http://example.com/.../b | example.com | "},
      {"http://example.com/.a/b", "http://example.com/.a/b | example.com | "},
      // control characters, tabs, line breaks
      {"http://exam\tple.com/", "http://example.com/ | example.com | obscured unnormalised"},
      {"http://example.com/a\r\nb", "http://example.com/ab | example.com | unnormalised"},
      {"ht\ntp://example.com/", "http://example.com/ | example.com | obscured unnormalised"},
      {"http://example.com/a\x01"
       "b",
       "http://example.com/a%01b | example.com | obscured unnormalised"},
      {"http://exa\x01mple.com/", "http://exa%01mple.com/ | exa%01mple.com | obscured"},
      {"http://exa mple.com/", "http://exa%20mple.com/ | exa%20mple.com | obscured"},
      {"http://example.com/a b", "http://example.com/a%20b | example.com | unnormalised"},
      {"http://example.com/<b>", "http://example.com/%3Cb%3E | example.com | unnormalised"},
      {"http://example.com/\"q\"", "http://example.com/%22q%22 | example.com | unnormalised"},
      // numeric hosts
      {"http://192.0.2.1/", "http://192.0.2.1/ | 192.0.2.1 | numeric"},
      {"http://192.0.2.1:8080/x", "http://192.0.2.1:8080/x | 192.0.2.1 | numeric port"},
      {"http://0xC0000201/", "http://192.0.2.1/ | 192.0.2.1 | obscured numeric"},
      {"http://0xC0.0x00.0x02.0x01/", "http://192.0.2.1/ | 192.0.2.1 | obscured numeric"},
      {"http://0300.0.2.1/", "http://192.0.2.1/ | 192.0.2.1 | obscured numeric"},
      {"http://3221225985/", "http://192.0.2.1/ | 192.0.2.1 | obscured numeric"},
      {"http://192.513/", "http://192.0.2.1/ | 192.0.2.1 | obscured numeric"},
      {"http://192.0.513/", "http://192.0.2.1/ | 192.0.2.1 | obscured numeric"},
      {"http://0x7f.1/", "http://127.0.0.1/ | 127.0.0.1 | obscured numeric"},
      {"http://127.1/", "http://127.0.0.1/ | 127.0.0.1 | obscured numeric"},
      {"http://192.0.2.256/", "http://192.0.2.256/ | 2.256 | no_tld"},
      {"http://192.0.2.1.5/", "http://192.0.2.1.5/ | 1.5 | no_tld"},
      {"http://192.0.2/", "http://192.0.0.2/ | 192.0.0.2 | obscured numeric"},
      {"http://4294967295/", "http://255.255.255.255/ | 255.255.255.255 | obscured numeric"},
      {"http://4294967296/", "http://4294967296/ | 4294967296 | no_tld"},
      {"http://0x/", "http://0.0.0.0/ | 0.0.0.0 | obscured numeric"},
      {"http://08.1.1.1/", "http://08.1.1.1/ | 1.1 | no_tld"},
      {"http://1.2.3.4./", "http://1.2.3.4/ | 1.2.3.4 | numeric unnormalised"},
      {"http://%31%39%32.0.2.1/", "http://192.0.2.1/ | 192.0.2.1 | numeric host_encoded"},
      {"http://1e3.com/", "http://1e3.com/ | 1e3.com | "},
      {"http://[2001:db8::1]/", "http://[2001:db8::1]/ | 2001:db8::1 | numeric"},
      {"http://[2001:DB8:0:0:0:0:0:1]:8080/x",
       "http://[2001:db8::1]:8080/x | 2001:db8::1 | numeric port"},
      {"http://[::ffff:192.0.2.1]/", "http://[::ffff:c000:201]/ | ::ffff:c000:201 | numeric"},
      {"http://[::1", "http://%5b | %5b | obscured no_tld"},
      {"http://[2001:db8::1]x/",
       "http://%5b2001%3adb8%3a%3a1%5dx/ | %5b2001%3adb8%3a%3a1%5dx | obscured no_tld"},
      {"http://[192.0.2.1]/", "http://192.0.2.1/ | 192.0.2.1 | numeric"},
      {"http://[fe80::1%25eth0]/",
       "http://fe80%3a%3a1%25eth0/ | fe80%3a%3a1%25eth0 | obscured no_tld host_encoded"},
      // IDN
      {"http://b\xc3\xbc\x63her.example/",
       "http://xn--bcher-kva.example/ | xn--bcher-kva.example | no_tld idn"},
      {"http://B\xc3\x9c\x43HER.de/", "http://xn--bcher-kva.de/ | xn--bcher-kva.de | idn"},
      {"http://xn--bcher-kva.de/", "http://xn--bcher-kva.de/ | xn--bcher-kva.de | idn"},
      {"http://fa\xc3\x9f.de/", "http://xn--fa-hia.de/ | xn--fa-hia.de | idn"},
      {"http://\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84/",
       "http://xn--e1afmkfd.xn--p1ai/ | xn--e1afmkfd.xn--p1ai | idn"},
      {"http://\xd1\x80\xd0\xb0ypal.com/", "http://xn--ypal-43d9g.com/ | xn--ypal-43d9g.com | idn"},
      {"http://\xe4\xbe\x8b\xe5\xad\x90.\xe4\xb8\xad\xe5\x9b\xbd/",
       "http://xn--fsqu00a.xn--fiqs8s/ | xn--fsqu00a.xn--fiqs8s | idn"},
      {"http://b%C3%BCcher.de/", "http://xn--bcher-kva.de/ | xn--bcher-kva.de | idn host_encoded"},
      {"http://example.\xd1\x81\xd0\xbem/",
       "http://example.xn--m-0tbi/ | example.xn--m-0tbi | no_tld idn"},
      {"http://\xe2\x84\x80.com/", "http://\xe2\x84\x80.com/ | \xe2\x84\x80.com | obscured idn"},
      {"http://a\xff\x62.com/",
       "http://a\xef\xbf\xbd"
       "b.com/ | a\xef\xbf\xbd"
       "b.com | obscured idn"},
      {"http://\xf0\x9f\x92\xa9.la/", "http://xn--ls8h.la/ | xn--ls8h.la | idn"},
      {"http://☃.net/", "http://xn--n3h.net/ | xn--n3h.net | idn"},
      {"http://i❤.ws/", "http://xn--i-7iq.ws/ | xn--i-7iq.ws | idn"},
      {"http://i❤\xef\xb8\x8f.ws/", "http://xn--i-7iq.ws/ | xn--i-7iq.ws | zero_width idn"},
      {"http://É💩.la/", "http://xn--9ca6896w.la/ | xn--9ca6896w.la | idn"},
      // full width
      {"http://\xef\xbd\x85\xef\xbd\x98"
       "ample.com/",
       "http://example.com/ | example.com | unnormalised"},
      {"http://example\xef\xbc\x8e\x63om/", "http://example.com/ | example.com | unnormalised"},
      {"http://example\xe3\x80\x82\x63om/", "http://example.com/ | example.com | unnormalised"},
      {"http://example\xef\xbd\xa1\x63om/", "http://example.com/ | example.com | unnormalised"},
      {"http://\xef\xbc\x91\xef\xbc\x99\xef\xbc\x92.0.2.1/",
       "http://192.0.2.1/ | 192.0.2.1 | numeric unnormalised"},
      {"http://example.com\xef\xbc\x8fpath/",
       "http://example.com\xef\xbc\x8fpath/ | example.com\xef\xbc\x8fpath | obscured no_tld idn"},
      {"http://\xe2\x91\xa0.2.3.4/", "http://1.2.3.4/ | 1.2.3.4 | obscured numeric idn"},
      // zero width
      {"http://exam\xe2\x80\x8bple.com/", "http://example.com/ | example.com | zero_width"},
      {"http://exam\xc2\xadple.com/", "http://example.com/ | example.com | zero_width"},
      {"http://example.com\xe2\x80\x8b/", "http://example.com/ | example.com | zero_width"},
      {"http://\xef\xbb\xbf\x65xample.com/", "http://example.com/ | example.com | zero_width"},
      {"http://e\xe2\x80\xaexample.com/", "http://example.com/ | example.com | zero_width"},
      {"ht\xc2\xadtp://example.com/", "http://example.com/ | example.com | obscured"},
      {"http://example.com/a\xe2\x80\x8b"
       "b",
       "http://example.com/a%E2%80%8Bb | example.com | unnormalised"},
      {"http://\xe2\x80\x8b/", "none"},
      // dots of the host
      {"http://example.com./", "http://example.com/ | example.com | unnormalised"},
      {"http://example.com../x", "http://example.com/x | example.com | unnormalised"},
      {"http://.example.com/", "http://.example.com/ | example.com | obscured"},
      {"http://exa..mple.com/", "http://exa..mple.com/ | mple.com | obscured"},
      {"http://./", "none"},
      {"http://exam_ple.com/", "http://exam_ple.com/ | exam_ple.com | "},
      {"http://-example.com/", "http://-example.com/ | -example.com | "},
      // disguised schemes
      {"hxxp://example.com/x", "http://example.com/x | example.com | obscured"},
      {"hXXps://example.com/x", "https://example.com/x | example.com | obscured"},
      {"hxxp:example.com", "http://example.com | example.com | obscured no_slashes"},
      // other schemes
      {"mailto:user@example.com", "mailto:user@example.com | example.com | "},
      {"mailto:User@EXAMPLE.com?subject=Hi%20there",
       "mailto:User@example.com?subject=Hi%20there | example.com | query_encoded"},
      {"mailto: / /user@example.com", "mailto:user@example.com | example.com | "},
      {"mailto:user%40example.com", "mailto:user@example.com | example.com | user_encoded"},
      {"mailto:%75ser@example.com", "mailto:user@example.com | example.com | user_encoded"},
      {"mailto://user@example.com", "mailto:user@example.com | example.com | "},
      {"mailto:user", "none"},
      {"mailto:@example.com", "none"},
      {"mailto:a@b@example.com", "mailto:a%40b@example.com | example.com | obscured"},
      {"mailto:us er@example.com", "mailto:us%20er@example.com | example.com | unnormalised"},
      {"tel:+1-201-555-0123", "tel:+12015550123 |  | "},
      {"callto:+12015550123", "tel:+12015550123 |  | "},
      {"tel:(201)%20555;ext=4", "tel:201555 |  | "},
      {"tel:", "none"},
      {"file:///C:/a/../b", "file:///C:/b |  | obscured unnormalised"},
      {"file://server/share/x", "file://server/share/x | server | no_tld"},
      {"data:text/html;base64,PGI+", "data:text/html;base64,PGI+ |  | "},
      {"javascript:alert(1)", "javascript:alert(1) |  | "},
      {"JavaScript:alert('x y')", "javascript:alert('x%20y') |  | unnormalised"},
      {"foo://Bar.Example.com/x", "foo://bar.example.com/x | example.com | "},
      {"foo:bar", "foo:bar |  | "},
      {"urn:isbn:123", "urn:isbn:123 |  | "},
      {"https:", "none"},
      {"http://", "none"},
      {"http://?x", "none"},
      {":", "none"},
      {"://example.com", "none"},
      {"", "none"},
      {"/path", "none"},
      {"path", "none"},
      {"www.example.com", "none"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(parsed(row.input, UrlGuess::kNone), row.expected) << row.input;
}

TEST(ParseUrl, guesses_the_scheme_where_it_may) {
  const Row rows[] = {
      // no scheme: a guess says what it may be
      {"www.example.com", "http://www.example.com | example.com | schemaless"},
      {"www.example.com/a?b#c", "http://www.example.com/a?b#c | example.com | schemaless"},
      {"example.com:8080/x", "http://example.com:8080/x | example.com | port schemaless"},
      {"example.com:80", "http://example.com | example.com | port schemaless"},
      {"user@example.com/x", "http://user@example.com/x | example.com | user schemaless"},
      {"192.0.2.1/x", "http://192.0.2.1/x | 192.0.2.1 | numeric schemaless"},
      {"//example.com", "http://example.com | example.com | schemaless"},
      {"/path", "none"},
      {"http://example.com", "http://example.com | example.com | "},
      {"mailto:a@example.com", "mailto:a@example.com | example.com | "},
      {"EXAMPLE.com", "http://example.com | example.com | schemaless"},
      {"exam\xe2\x80\x8bple.com", "http://example.com | example.com | zero_width schemaless"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(parsed(row.input, UrlGuess::kHttp), row.expected) << row.input;
  EXPECT_EQ(parsed("ftp.example.com/x", UrlGuess::kFtp),
            "ftp://ftp.example.com/x | example.com | schemaless");
}

TEST(ParseUrl, parts_are_views_of_the_normal_form) {
  UrlParser parser;
  Arena arena;
  Url url;
  ASSERT_TRUE(parse_url("HTTPS://User:Pass@WWW.Example.co.uk:8443/a/b.html?x=1&y=2#frag",
                        UrlGuess::kNone, parser, arena, url));
  EXPECT_EQ(url.scheme, UrlScheme::kHttps);
  EXPECT_EQ(url.user, "User");
  EXPECT_EQ(url.host, "www.example.co.uk");
  EXPECT_EQ(url.domain, "example.co.uk");
  EXPECT_EQ(url.tld, "co.uk");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.path, "a/b.html");
  EXPECT_EQ(url.query, "x=1&y=2");
  EXPECT_EQ(url.fragment, "frag");
  ASSERT_TRUE(parse_url("http://[2001:db8::1]:80/", UrlGuess::kNone, parser, arena, url));
  EXPECT_EQ(url.host, "2001:db8::1");
  EXPECT_EQ(url.port, 80);
  EXPECT_EQ(url.path, "");
  ASSERT_TRUE(parse_url("mailto:me@example.com?subject=x", UrlGuess::kNone, parser, arena, url));
  EXPECT_EQ(url.scheme, UrlScheme::kMailto);
  EXPECT_EQ(url.user, "me");
  EXPECT_EQ(url.host, "example.com");
  EXPECT_EQ(url.query, "subject=x");
}

TEST(ParseUrl, cuts_at_its_limits_and_says_so) {
  UrlParser parser;
  parser.bytes_max = 40;
  Arena arena;
  Url url;
  std::string text = "http://example.com/" + std::string(21, 'a');
  ASSERT_TRUE(parse_url(text, UrlGuess::kNone, parser, arena, url));
  EXPECT_FALSE(has(url.flags, UrlFlag::kTruncated));
  text += 'b';
  ASSERT_TRUE(parse_url(text, UrlGuess::kNone, parser, arena, url));
  EXPECT_TRUE(has(url.flags, UrlFlag::kTruncated));
  EXPECT_EQ(url.normal, text.substr(0, 40));
  parser.bytes_max = 1 << 20;
  text = "data:," + std::string(5000, 'x');
  ASSERT_TRUE(parse_url(text, UrlGuess::kNone, parser, arena, url));
  EXPECT_TRUE(has(url.flags, UrlFlag::kTruncated));
  EXPECT_EQ(url.normal.size(), 5 + 1024u);
}

// A million of anything makes a host, path or user of that size, once.
TEST(ParseUrl, stays_linear_on_hostile_input) {
  UrlParser parser;
  parser.bytes_max = 1 << 30;
  Arena arena;
  for (const std::string_view unit : {".", "@", "%", "/..", "/a/..", "\\", ":", "[", "a.", "%41",
                                      "0x", "\xe2\x80\x8b", "\xc3\xa9.", "\xff", "\t", "#", "?"}) {
    std::string text = "http://e.com";
    for (int i = 0; i < 200'000; ++i) text += unit;
    Url url;
    arena.reset();
    if (parse_url(text, UrlGuess::kNone, parser, arena, url)) {
      EXPECT_LE(url.normal.size(), 3 * text.size());
    }
    EXPECT_LE(arena.used_bytes(), 32 * text.size()) << unit;
  }
}

TEST(ParseEmail, normalises) {
  const Row rows[] = {
      {"user@example.com", "user@example.com | example.com | "},
      {"User@EXAMPLE.co.uk", "User@example.co.uk | example.co.uk | "},
      {" user@sub.example.com ", "user@sub.example.com | example.com | "},
      {"us%2Ber@example.com", "us+er@example.com | example.com | user_encoded"},
      {"us%25er@example.com", "us%25er@example.com | example.com | user_encoded"},
      {"user%40example.com", "user@example.com | example.com | user_encoded"},
      {"user@[192.0.2.1]", "user@192.0.2.1 | 192.0.2.1 | numeric"},
      {"user@[2001:db8::1]", "user@[2001:db8::1] | 2001:db8::1 | numeric"},
      {"user@b\xc3\xbc\x63her.de", "user@xn--bcher-kva.de | xn--bcher-kva.de | idn"},
      {"\xc3\xbcser@example.com", "\xc3\xbcser@example.com | example.com | "},
      {"user@localhost", "user@localhost | localhost | no_tld"},
      {"user", "none"},
      {"user@", "none"},
      {"@example.com", "none"},
      {"", "none"},
  };
  for (const Row& row : rows) {
    UrlParser parser;
    Arena arena;
    Email email;
    const bool good = parse_email(row.input, parser, arena, email);
    EXPECT_EQ(good ? dump(email) : "none", row.expected) << row.input;
  }
}

}  // namespace
}  // namespace winnow
