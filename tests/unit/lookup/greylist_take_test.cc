// Takes of greylisting: what they are asked by, and what an answer means.
#include "rules/checks/state/greylist_take.h"

#include <gtest/gtest.h>

#include "engine/mime/date.h"
#include "engine/mime/ip.h"

namespace winnow {
namespace {

std::string text_of(const GreylistSeen& seen) {
  switch (seen.state) {
    case GreylistState::kNew:
      return "new until " + std::to_string(seen.until_s);
    case GreylistState::kEarly:
      return "early until " + std::to_string(seen.until_s);
    case GreylistState::kPassed:
      break;
  }
  return seen.by_body ? "body" : "meta";
}

TEST(GreylistTake, what_is_known_decides) {
  struct Row {
    const char* name;
    std::string_view body, meta, expected;
  };
  const Row rows[] = {
      {"never seen", "", "", "new until 10300"},
      {"a moment ago", "10000", "10000", "early until 10300"},
      {"one second too early", "9701", "9701", "early until 10001"},
      {"waited", "9700", "9700", "body"},
      {"long ago, still known", "1", "1", "body"},
      {"the body waits, its sender has waited", "9990", "9000", "early until 10290"},
      {"the body has waited, its sender waits", "9000", "9990", "body"},
      {"only the sender, waits", "", "9990", "early until 10290"},
      {"only the sender, waited", "", "9000", "meta"},
      {"both wait", "9980", "9990", "early until 10280"},
      {"both wait, its sender longer", "9990", "9980", "early until 10290"},
      {"noted by a clock that is ahead", "10100", "", "early until 10400"},
      {"no time is not known", "soon", "9000", "meta"},
      {"no time at all", "soon", "99999999999999999999", "new until 10300"},
      {"below zero", "-9223372036854775808", "", "new until 10300"},
      {"a fraction, as Lua may write it", "9700.0", "", "body"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(text_of(judge_greylist(row.body, row.meta, 10'000, 300)), row.expected) << row.name;
}

// What Debian's rspamd 3.4 wrote of the same envelopes.
TEST(GreylistTake, keys_are_those_of_rspamd) {
  const auto meta = [](std::optional<std::string_view> from,
                       std::vector<std::string_view> recipients, std::string_view ip) {
    Envelope envelope;
    envelope.from_known = from.has_value();
    envelope.from = from.value_or("");
    if (const auto parsed = parse_ip(ip)) envelope.ip = *parsed;
    return GreylistDigest(greylist_meta(envelope, recipients, 19, 64)).letters();
  };
  const char* const v4 = "192.0.2.9";
  EXPECT_EQ(meta("anna@s.test", {"b@x.test"}, v4), "yt9pah8uct5tx5n1y56e");
  EXPECT_EQ(meta("anna@s.test", {"b@x.test"}, "192.0.31.1"), "yt9pah8uct5tx5n1y56e");
  EXPECT_EQ(meta("anna@s.test", {"b@x.test"}, "192.0.32.1"), "p7q5cxcbg6tpz166n8ix");
  EXPECT_EQ(meta("anna@s.test", {"b@x.test"}, "2001:db8:1:2:3:4:5:6"), "efwemj9pw3jn1uthk1f8");
  EXPECT_EQ(meta("anna@s.test", {"b@x.test"}, ""), "wf6mpcwbsuws47emwawx");
  EXPECT_EQ(meta("", {"b@x.test"}, v4), "fajcnz46sqo7w6e1sb3z");
  EXPECT_EQ(meta(std::nullopt, {"b@x.test"}, v4), "ukk8zcirefbdkrodezta");
  EXPECT_EQ(meta("anna@s.test", {}, v4), "r8pwjutooo8tw98j1d8p");
  EXPECT_EQ(meta("anna@s.test", {"c@x.test", "b@x.test"}, v4), "rbaeeng6ddgu1i1xii3m");
  EXPECT_EQ(meta("anna@s.test", {"b@x.test", "b@x.test"}, v4), "4949sbi9xnfmbf8gazpu");
  EXPECT_EQ(meta("anna@s.test", {"B@X.test"}, v4), "tgaapkefcqg98j49mpq5");
  EXPECT_EQ(meta("anna@s.test", {"B@x.test", "a@x.test", "_@x.test"}, v4), "tat6xa9p87wbj5g1a7t9");
  EXPECT_EQ(meta("anna+tag@s.test", {"b+tag@x.test"}, v4), "yt9pah8uct5tx5n1y56e");
  EXPECT_EQ(meta("a.b+tag@gmail.com", {"b@x.test"}, v4), "ibhoocyg4jb3ijgw6cwe");
  EXPECT_EQ(meta("a.b+tag@googlemail.com", {"b@x.test"}, v4), "ibhoocyg4jb3ijgw6cwe");
  EXPECT_EQ(meta("a.b+tag@GMAIL.com", {"b@x.test"}, v4), meta("a.b@GMAIL.com", {"b@x.test"}, v4));
  EXPECT_EQ(meta("+tag@s.test", {"b@x.test"}, ""), GreylistDigest("+tag@s.testb@x.test").letters());

  const auto body = [](std::string_view raw, size_t offset) {
    return GreylistDigest(greylist_body(raw, offset, 10'000)).letters();
  };
  EXPECT_EQ(body("A: b\r\n\r\nhello\r\n", 8), "pj3961hbj56krzirp4ga");
  EXPECT_EQ(body("A: b\n\nhello\n", 6), "rrwrgbibq9jmakmjaqfk");
  EXPECT_EQ(body("A: b\r\n\r\n", 8), "z1mzndbdyqbopqcd89o5");
  EXPECT_EQ(body("A: b\r\n\r\nhello", 8), "zr96zddhj5i5crez8efm");
  const std::string head = "A: b\r\n\r\n", x(9'998, 'x');
  EXPECT_EQ(body(head + x, 8), "jzxoqfi9ampou9soibrs") << "at the limit";
  EXPECT_EQ(body(head + x + "yz", 8), "jzxoqfi9ampou9soibrs") << "beyond it";
  EXPECT_NE(body(head + x.substr(1), 8), "jzxoqfi9ampou9soibrs");
}

TEST(GreylistTake, masks_at_their_limits) {
  const auto network = [](std::string_view ip, unsigned v4, unsigned v6) {
    Envelope envelope;
    envelope.from_known = true;
    envelope.ip = *parse_ip(ip);
    return greylist_meta(envelope, {}, v4, v6);
  };
  EXPECT_EQ(network("255.255.255.255", 0, 0), "0.0.0.0");
  EXPECT_EQ(network("255.255.255.255", 1, 0), "128.0.0.0");
  EXPECT_EQ(network("255.255.255.255", 19, 0), "255.255.224.0");
  EXPECT_EQ(network("255.255.255.255", 31, 0), "255.255.255.254");
  EXPECT_EQ(network("255.255.255.255", 32, 0), "255.255.255.255");
  EXPECT_EQ(network("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 32, 0), "::");
  EXPECT_EQ(network("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 127),
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
  EXPECT_EQ(network("2001:db8::1", 0, 128), "2001:db8::1");
}

TEST(GreylistTake, questions_are_read_as_they_are_written) {
  GreylistTake take;
  take.now_s = 1'796'050'609;
  take.timeout_s = 60;
  take.expire_s = 7'200;
  take.body = "pj3961hbj56krzirp4ga";
  take.meta = "yt9pah8uct5tx5n1y56e";
  take.prefix = "my own ";
  const std::string text = write_greylist_take(take);
  EXPECT_EQ(text, "1796050609 60 7200 pj3961hbj56krzirp4ga yt9pah8uct5tx5n1y56e my own ");
  const auto read = read_greylist_take(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(write_greylist_take(*read), text);
  EXPECT_EQ(read->keys()[0], "my own bpj3961hbj56krzirp4ga");
  EXPECT_EQ(read->keys()[1], "my own myt9pah8uct5tx5n1y56e");
  for (const char* const bad : {"", "1 2", "x 60 7200 pj3961hbj56krzirp4ga yt9pah8uct5tx5n1y56e rg",
                                "1 60 0 pj3961hbj56krzirp4ga yt9pah8uct5tx5n1y56e rg",
                                "1 -60 7200 pj3961hbj56krzirp4ga yt9pah8uct5tx5n1y56e rg",
                                "1 60 7200 pj3961hbj56krzirp4g yt9pah8uct5tx5n1y56e rg",
                                "1 60 7200 pj3961hbj56krzirp4ga yt9pah8uct5tx5n1y56ee rg"})
    EXPECT_FALSE(read_greylist_take(bad)) << bad;
}

TEST(GreylistTake, dates_as_replies_have_them) {
  EXPECT_EQ(write_http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(write_http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 5.6.7
  EXPECT_EQ(write_http_date(951'868'799), "Tue, 29 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(write_http_date(951'868'800), "Wed, 01 Mar 2000 00:00:00 GMT");
  EXPECT_EQ(write_http_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  for (int64_t day = -40'000; day < 60'000; day += 97) {
    const auto read = parse_date(write_http_date(day * 86'400 + 3'723));
    if (day < -25'567) continue;  // before 1900 no mail was dated
    ASSERT_TRUE(read) << day;
    EXPECT_EQ(read->time, day * 86'400 + 3'723);
    EXPECT_TRUE(read->exact) << write_http_date(day * 86'400);
  }
}

}  // namespace
}  // namespace winnow
