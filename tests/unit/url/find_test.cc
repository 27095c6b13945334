#include "engine/url/find.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

struct Row {
  std::string_view input, expected;
};

// "www http..." = scheme guessed; "url" = scheme written; "mail" = an address.
std::string dump(std::string_view text, const std::vector<FoundUrl>& found) {
  std::string out;
  for (const FoundUrl& place : found) {
    if (!out.empty()) out += " ; ";
    out += place.kind == FoundKind::kEmail  ? "mail "
           : place.guess == UrlGuess::kHttp ? "www "
           : place.guess == UrlGuess::kFtp  ? "ftp "
                                            : "url ";
    out += text.substr(place.begin, place.end - place.begin);
  }
  return out;
}

TEST(FindUrls, takes_what_a_reader_would_take) {
  const Row rows[] = {
      // with a scheme
      {"http://example.com", "url http://example.com"},
      {"see http://example.com/a for more", "url http://example.com/a"},
      {"see http://example.com. Then", "url http://example.com"},
      {"see http://example.com, then", "url http://example.com"},
      {"(http://example.com/a)", "url http://example.com/a"},
      {"(see http://example.com/a(b)c)", "url http://example.com/a(b)c"},
      {"http://en.example.org/wiki/A_(b)", "url http://en.example.org/wiki/A_(b)"},
      {"[http://example.com/a]", "url http://example.com/a"},
      {"<http://example.com/a>", "url http://example.com/a"},
      {"<URL:http://example.com/a>", "url http://example.com/a"},
      {"\"http://example.com/a\"", "url http://example.com/a"},
      {"'http://example.com/a'", "url http://example.com/a"},
      {"it's http://example.com/it's", "url http://example.com/it's"},
      {"http://example.com/a!!!", "url http://example.com/a"},
      {"http://example.com/a?b=c&d=e.", "url http://example.com/a?b=c&d=e"},
      {"http://example.com/a;", "url http://example.com/a"},
      {"http://example.com;and", "url http://example.com"},
      {"http://example.com;/a", "url http://example.com"},
      {"http://example.com:80;a", "url http://example.com:80"},
      {"http://;example.com/a", "www example.com/a"},
      {"http://example.com;shop.example.org/a", "url http://example.com ; www shop.example.org/a"},
      {"http://u.example.com's page", "url http://u.example.com"},
      {"http://u.example.com|foo", "url http://u.example.com"},
      {"http://u.example.com&amp;x", "url http://u.example.com"},
      {"http://u.example.com&nbsp;x", "url http://u.example.com"},
      {"http://u.example.com&x", "url http://u.example.com"},
      {"http://u.example.com$", "url http://u.example.com"},
      {"http://u.example.com=x", "url http://u.example.com"},
      {"http://u.example.com+x", "url http://u.example.com"},
      {"http://u.example.com~", "url http://u.example.com"},
      {"http://u.example.com^2", "url http://u.example.com"},
      {"http://u.example.com%", "url http://u.example.com"},
      {"http://u.example.com,x", "url http://u.example.com"},
      {"http://u.example.com!x", "url http://u.example.com"},
      {"http://u.example.com*x*", "url http://u.example.com"},
      {"http://u.example.com(1)", "url http://u.example.com"},
      {"http://u.example.com:80's/", "url http://u.example.com:80"},
      {"http://u.example.com:later", "url http://u.example.com"},
      {"_http://u.example.com_", "url http://u.example.com"},
      {"http://u.example.com_.", "url http://u.example.com"},
      {"http://u.example.com_'s", "url http://u.example.com"},
      {"http://my_host.example.com", "url http://my_host.example.com"},
      {"http://u.example.com_/x", "url http://u.example.com_/x"},
      {"http://%65xample.com", "url http://%65xample.com"},
      {"http://u&v=w!@example.com's", "url http://u&v=w!@example.com"},
      {"http://[2001:db8::1]'s", "url http://[2001:db8::1]"},
      {"http://[2001:db8::1]:80|x", "url http://[2001:db8::1]:80"},
      {"<http://exam\nple.com/x>", "url http://exam\nple.com/x"},
      {"http://user;word@example.com/a;b", "url http://user;word@example.com/a;b"},
      {"http://example.com/;a?b;c", "url http://example.com/;a?b;c"},
      {"http://example.com/a...", "url http://example.com/a"},
      {"**http://example.com/a**", "url http://example.com/a"},
      {"http://example.com/a_b_", "url http://example.com/a_b_"},
      {"http://example.com/?", "url http://example.com/"},
      {"texthttp://example.com", "url http://example.com"},
      {"x=http://example.com", "url http://example.com"},
      {"HTTP://EXAMPLE.COM", "url HTTP://EXAMPLE.COM"},
      {"https://a.example http://b.example", "url https://a.example ; url http://b.example"},
      {"http://a.examplehttp://b.example", "url http://a.example ; url http://b.example"},
      {"ftp://example.com/pub", "url ftp://example.com/pub"},
      {"sftp://example.com/pub", "url sftp://example.com/pub"},
      {"git://example.com/x.git", "url git://example.com/x.git"},
      {"ssh+git://example.com/x", "url ssh+git://example.com/x"},
      {"http:\\\\example.com\\x", "url http:\\\\example.com\\x"},
      {"http:\\/example.com", "url http:\\/example.com"},
      {"http:/example.com/x", "url http:/example.com/x"},
      {"http:example.com/x", "url http:example.com/x"},
      {"hxxp://example.com/x", "url hxxp://example.com/x"},
      {"hXXps://example.com/x", "url hXXps://example.com/x"},
      {"://example.com", ""},
      {"http://", ""},
      {"http:// example.com", "www example.com"},
      {"a://b", ""},
      {"ab://b", "url ab://b"},
      {"foo::bar", ""},
      {"std::vector", ""},
      {"c:\\windows\\system.ini", ""},
      {"12:34:56", ""},
      {"http://localhost:8080/x", "url http://localhost:8080/x"},
      {"http://user@example.com/x", "url http://user@example.com/x"},
      {"http://user:pw@example.com/x", "url http://user:pw@example.com/x"},
      {"http://192.0.2.1/x", "url http://192.0.2.1/x"},
      {"http://[2001:db8::1]/x", "url http://[2001:db8::1]/x"},
      {"http://3221225985/", "url http://3221225985/"},
      // wrapped lines
      {"<http://example.com/very\nlong/path>", "url http://example.com/very\x0along/path"},
      {"<http://example.com/very\r\nlong/path>", "url http://example.com/very\x0d\x0along/path"},
      {"<http://example.com/very\nlong path>", "url http://example.com/very"},
      {"http://example.com/very\nlong", "url http://example.com/very"},
      {"<http://example.com/very\n<b>", "url http://example.com/very"},
      // soft hyphens and zero width
      {"ht\xc2\xadtp://example.com", "url ht\xc2\xadtp://example.com"},
      {"http:\xc2\xad//example.com", "url http:\xc2\xad//example.com"},
      {"http://exam\xc2\xadple.com/x", "url http://exam\xc2\xadple.com/x"},
      {"exam\xc2\xadple.com", "www exam\xc2\xadple.com"},
      {"example.co\xc2\xadm", "www example.co\xc2\xadm"},
      {"example.com\xe2\x80\x8b", "www example.com\xe2\x80\x8b"},
      {"\xe2\x80\x8b\x65xample.com", "www example.com"},
      // Unicode around
      {"\xe2\x80\x9chttp://example.com/a\xe2\x80\x9d", "url http://example.com/a"},
      {"\xc2\xabhttp://example.com/a\xc2\xbb", "url http://example.com/a"},
      {"http://example.com/a\xe2\x80\xa6", "url http://example.com/a"},
      {"http://example.com/a\xc2\xa0next", "url http://example.com/a"},
      {"\xe8\xaf\xb7\xe8\xae\xbf\xe9\x97\xaehttp://example.com\xe3\x80\x82\xe8\xb0\xa2\xe8\xb0\xa2",
       "url http://example.com"},
      {"\xe8\xaf\xb7\xe8\xae\xbf\xe9\x97\xaehttp://example.com\xe6\x9f\xa5\xe7\x9c\x8b",
       "url http://example.com"},
      {"\xe8\xaf\xb7\xe8\xae\xbf\xe9\x97\xaewww.example.com\xe6\x9f\xa5\xe7\x9c\x8b",
       "www www.example.com"},
      {"\xe8\xaf\xb7\xe8\xae\xbf\xe9\x97\xae\x65xample.com\xef\xbc\x8c\xe8\xb0\xa2\xe8\xb0\xa2",
       "www example.com"},
      {"\xef\xbc\x88http://example.com/a\xef\xbc\x89", "url http://example.com/a"},
      {"http://example\xe3\x80\x82\x63om/x",
       "url http://example\xe3\x80\x82"
       "com/x"},
      {"http://example.com\xe3\x80\x82", "url http://example.com"},
      {"http://example\xef\xbc\x8e\x63om",
       "url http://example\xef\xbc\x8e"
       "com"},
      {"http://b\xc3\xbc\x63her.de/x",
       "url http://b\xc3\xbc"
       "cher.de/x"},
      {"http://\xe4\xbe\x8b\xe5\xad\x90.\xe4\xb8\xad\xe5\x9b\xbd/",
       "url http://\xe4\xbe\x8b\xe5\xad\x90.\xe4\xb8\xad\xe5\x9b\xbd/"},
      {"http://example.com/\xe8\xb7\xaf\xe5\xbe\x84",
       "url http://example.com/\xe8\xb7\xaf\xe5\xbe\x84"},
      {"example.com\xf0\x9f\x91\x8d", "www example.com"},
      {"http://i❤.ws/", "url http://i❤.ws/"},
      {"http://i❤\xef\xb8\x8f.ws.", "url http://i❤\xef\xb8\x8f.ws"},
      {"http://a☃b.net/☃", "url http://a☃b.net/"},
      {"http://💩.la 💩", "url http://💩.la"},
      {"http://☃.☃.net", "url http://☃.☃.net"},
      {"http://ⓔxample.com", "url http://ⓔxample.com"},
      {"http://💩.la查看", "url http://💩.la"},
      {"http://example.com👍", "url http://example.com"},
      {"http://example.com👍next.example.org", "url http://example.com ; www next.example.org"},
      {"http://localhost👍. Then", "url http://localhost"},
      {"http://localhost→example.com", "url http://localhost ; www example.com"},
      {"http://example.com…and.so on", "url http://example.com"},
      {"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84",
       "www \xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84"},
      {"\xd1\x81\xd0\xbb\xd0\xbe\xd0\xb2\xd0\xbe.\xd0\x94\xd1\x80\xd1\x83\xd0\xb3\xd0\xbe\xd0\xb5",
       ""},
      {"b\xc3\xbc\x63her.de",
       "www b\xc3\xbc"
       "cher.de"},
      {"http://a\xff\xfe\x62.com/",
       "url http://a\xff\xfe"
       "b.com/"},
      {"\xff.com", ""},
      // www. and ftp.
      {"www.example.com", "www www.example.com"},
      {"WWW.Example.COM/x", "www WWW.Example.COM/x"},
      {"www.example.com.", "www www.example.com"},
      {"www.example.com.Please call", "www www.example.com"},
      {"www.example.internal", "www www.example.internal"},
      {"www.example", ""},
      {"www.", ""},
      {"www..com", ""},
      {"ftp.example.com/pub", "ftp ftp.example.com/pub"},
      {"www.com", "www www.com"},
      {"see www.example.com:8080/x.", "www www.example.com:8080/x"},
      {"swww.example.com", "www swww.example.com"},
      {"http.www.example.com", "www http.www.example.com"},
      // bare domains
      {"example.com", "www example.com"},
      {"example.co.uk", "www example.co.uk"},
      {"sub.example.com/path?x=1", "www sub.example.com/path?x=1"},
      {"example.com?x=1", "www example.com?x=1"},
      {"example.com?", "www example.com"},
      {"example.com#top", "www example.com#top"},
      {"example.com:8080", "www example.com:8080"},
      {"example.com:8080/x", "www example.com:8080/x"},
      {"example.com: next", "www example.com"},
      {"(example.com)", "www example.com"},
      {"example.com/", "www example.com/"},
      {"Example.Com", "www Example.Com"},
      {"EXAMPLE.COM", "www EXAMPLE.COM"},
      {"x=example.com", "www example.com"},
      {"a,example.com", "www example.com"},
      {"e-mail.example.com", "www e-mail.example.com"},
      {"-example.com", "www example.com"},
      {"example.com-", "www example.com"},
      {".example.com", "www example.com"},
      {"see..example.com", "www example.com"},
      {"wait...no", ""},
      {"example..com", ""},
      {"t.co/abc", "www t.co/abc"},
      {"t.co", ""},
      {"163.com", "www 163.com"},
      {"3.am", ""},
      {"i.am", ""},
      {"e.g. this", ""},
      {"i.e.", ""},
      {"U.S.A.", ""},
      {"a.m. and p.m.", ""},
      {"Ph.D.", ""},
      {"stop.It was", ""},
      {"done.To", ""},
      {"Node.js", ""},
      {"setup.py", ""},
      {"setup.py/x", "www setup.py/x"},
      {"readme.md", ""},
      {"archive.zip", ""},
      {"file.tar.gz", ""},
      {"report.pdf", ""},
      {"image.jpg", ""},
      {"/usr/lib/example.so", ""},
      {"path/example.com", ""},
      {"\\example.com", ""},
      {"version 1.2.3", ""},
      {"1.2.3.4", ""},
      {"1.2.3.4/x", "www 1.2.3.4/x"},
      {"1.2.3.4:8080/x", "www 1.2.3.4:8080/x"},
      {"10.0.0.0/8", ""},
      {"1,000.00", ""},
      {"$9.99", ""},
      {"12.34.com", "www 12.34.com"},
      {"%2Fexample.com", ""},
      {"foo.bar://x", "url foo.bar://x"},
      {"example.com://x", "url example.com://x"},
      {"example.comfoo", ""},
      {"example.com,example.net;example.org",
       "www example.com ; www example.net ; www example.org"},
      // addresses
      {"user@example.com", "mail user@example.com"},
      {"<user@example.com>", "mail user@example.com"},
      {"mailto:user@example.com", "mail mailto:user@example.com"},
      {"mailto:user@example.com?subject=a%20b", "mail mailto:user@example.com?subject=a%20b"},
      {"MAILTO:user@example.com", "mail MAILTO:user@example.com"},
      {"mailto://user@example.com.", "mail mailto://user@example.com"},
      {"mailto:?to=user@example.com.", "mail mailto:?to=user@example.com"},
      {"(mailto:?cc=a.b@example.com&to=c@example.com)",
       "mail mailto:?cc=a.b@example.com&to=c@example.com"},
      {"mailto:a@example.com,b@example.com?cc=c@example.com",
       "mail mailto:a@example.com ; mail b@example.com?cc=c@example.com"},
      {"b@example.com?cc=c@example.com", "mail b@example.com ; mail cc=c@example.com"},
      {"user@example.com.", "mail user@example.com"},
      {"user@example.com.Please", "mail user@example.com"},
      {"user@localhost", ""},
      {"user@example", ""},
      {"user@", ""},
      {"@example.com", ""},
      {"a@b@example.com", "mail b@example.com"},
      {"user.name+tag@sub.example.co.uk", "mail user.name+tag@sub.example.co.uk"},
      {"'user@example.com'", "mail user@example.com"},
      {"user@example.com,other@example.net", "mail user@example.com ; mail other@example.net"},
      {"user @ example.com", "www example.com"},
      {"u@1.2.3.4", ""},
      {"bounce-user=example.com@list.example.net", "mail bounce-user=example.com@list.example.net"},
      {"first.last@example.com/x", "mail first.last@example.com"},
      {"\xc3\xbc\x73\x65r@example.com", "mail \xc3\xbcser@example.com"},
      {"user@b\xc3\xbc\x63her.de",
       "mail user@b\xc3\xbc"
       "cher.de"},
      {"user@example.invalidtld", ""},
      {"=user@example.com", "mail user@example.com"},
      {"...user@example.com", "mail user@example.com"},
      {"user@-example.com", "mail user@-example.com"},
      {"user@example.com>http://example.com/", "mail user@example.com ; url http://example.com/"},
  };
  UrlFinder finder;
  for (const Row& row : rows) {
    // Alone, and at every alignment of the 16-byte scan.
    for (size_t pad = 0; pad < 40; pad += pad == 0 ? 1 : 3) {
      const std::string text =
          std::string(pad, ' ') + std::string(row.input) + std::string(pad, '\n');
      finder.candidates = 0, finder.candidates_max = 1000;
      ASSERT_TRUE(find_urls(text, finder));
      EXPECT_EQ(dump(text, finder.found), row.expected) << row.input << " behind " << pad;
      ASSERT_TRUE(find_urls_scalar(text, finder));
      EXPECT_EQ(dump(text, finder.found), row.expected) << row.input << " behind " << pad;
    }
  }
}

TEST(FindUrls, separates_the_address_from_mailto_and_query) {
  const std::string_view text = "x mailto:me@example.com?subject=y z";
  UrlFinder finder;
  finder.candidates_max = 10;
  ASSERT_TRUE(find_urls(text, finder));
  ASSERT_EQ(finder.found.size(), 1u);
  const FoundUrl& place = finder.found[0];
  EXPECT_EQ(text.substr(place.address, place.address_end - place.address), "me@example.com");
  EXPECT_EQ(text.substr(place.begin, place.end - place.begin), "mailto:me@example.com?subject=y");
}

TEST(FindUrls, stops_at_the_limit_of_candidates) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "http://example.com/a ";
  UrlFinder finder;
  finder.candidates_max = 10;
  EXPECT_TRUE(find_urls(text, finder));
  EXPECT_EQ(finder.found.size(), 10u);
  finder.candidates = 1;
  EXPECT_FALSE(find_urls(text, finder));
  EXPECT_EQ(finder.found.size(), 9u);
}

// The steps of n and 2n repetitions: linear, with and without the limit of candidates.
TEST(FindUrls, stays_linear_on_hostile_input) {
  const std::string_view units[] = {".",
                                    "@",
                                    "a.",
                                    "a@",
                                    "a.@",
                                    "a.b@",
                                    "://",
                                    "http://",
                                    "h:/",
                                    "www.",
                                    "a.com",
                                    "a.com ",
                                    "a@b.com",
                                    "..",
                                    "x..y.",
                                    "<http://a\n",
                                    "http:/",
                                    "(",
                                    "http://(",
                                    "a.com/(",
                                    "a.b+",
                                    "a.com+",
                                    "a.com+@",
                                    "mailto:",
                                    "%2e",
                                    "\xff",
                                    "\xff.\xff",
                                    "\xe2\x80\x8b.",
                                    "\xe8\xaf\xb7.\xe8",
                                    "a.\xe8\xaf\xb7",
                                    "a\xc2\xad:",
                                    ":\xe2\x80\x8b",
                                    "a.com:1",
                                    "1.",
                                    "1.2.3.4/",
                                    "http://a.",
                                    "http://a@",
                                    "a:/http://b",
                                    "http://a.com\xe3\x80\x82",
                                    "--a.",
                                    "\xc2\xad.",
                                    "a.com?",
                                    "ab.c@d.e",
                                    "http://☃",
                                    "☃.",
                                    "http://☃.",
                                    "mailto:?@",
                                    "mailto:?a@b ",
                                    "mailto://",
                                    "mailto:a@b.com,",
                                    "ab://a$/",
                                    "ab://a$",
                                    "ab://a$?@"};
  UrlFinder finder;
  for (const std::string_view unit : units) {
    for (const uint32_t limit : {200'000u, 1u << 30}) {
      uint64_t steps[2];
      for (int twice = 0; twice < 2; ++twice) {
        std::string text;
        for (int i = 0; i < (50'000 << twice); ++i) text += unit;
        finder.candidates = 0, finder.candidates_max = limit, finder.steps = 0;
        find_urls(text, finder);
        steps[twice] = finder.steps;
        EXPECT_LE(finder.steps, 100 * text.size()) << unit;
      }
      EXPECT_LE(steps[1], 2 * steps[0] + 20'000) << unit;
    }
  }
}

TEST(FindUrls, looks_at_a_million_urls_within_its_limit) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += "http://a.example/ ";
  UrlFinder finder;
  finder.candidates_max = 200'000;
  EXPECT_FALSE(find_urls(text, finder));
  EXPECT_EQ(finder.found.size(), 200'000u);
}

}  // namespace
}  // namespace winnow
