// Selectors over a small message, and texts that are none.
#include "rules/lang/selector.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/mime/ip.h"
#include "rules/maps/map.h"
#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

std::shared_ptr<const Map> test_map(std::string_view name) {
  if (name == "patterns") {
    MapBuilder builder(MapKind::kRegexp);
    builder.add_lines("/shop[.]example\\/a/ yes\n/^anna$/i mail\n", 0);
    return builder.finish();
  }
  if (name != "hosts") return nullptr;
  MapBuilder builder(MapKind::kHash);
  builder.add_lines("shop.example yes\nanna mail\n", 0);
  return builder.finish();
}

class Selectors : public testing::Test {
 protected:
  Selectors() {
    Mail mail;
    mail.raw = "x";
    mail.headers = {{header_id(known::kSubject), "Subject", "Free offer"}};
    mails_.add(mail);
    Batch& batch = mails_.batch;
    Envelope& envelope = batch.envelopes[0];
    envelope.from = "Anna@Mail.Example";
    envelope.from_known = true;
    envelope.helo = "helo.example";
    envelope.ip = *parse_ip("192.0.2.77");
    batch.recipients.values = {"b@one.example", "c@two.example"};
    batch.recipients.begin = {0, 2};
    batch.facts[0].root_headers = 1;
    batch.facts[0].message_id_value = "1@mid.example";
    batch.addresses.end_row();
    batch.facts[0].date = 1'792'573'200;
    envelope.now_ms = 1'709'251'199'000;  // 2024-03-01 minus a second, a Thursday's end
    Received hop;
    hop.by_hostname = "mx.example";
    hop.real_ip = *parse_ip("192.0.2.77");
    batch.received.values = {hop};
    batch.received.begin = {0, 1};
    Part part;
    part.flags = static_cast<uint16_t>(PartFlag::kAttachment);
    part.decoded = "MZ nothing";
    batch.parts.values = {part};
    batch.parts.begin = {0, 1};
    Url url;
    url.normal = "http://www.shop.example/a/b?c";
    url.host = "www.shop.example";
    url.domain = "shop.example";
    url.path = "a/b";
    batch.urls.values = {url};
    url.normal = "http://other.example/";
    url.host = url.domain = "other.example";
    url.path = "";
    batch.urls.values.push_back(url);
    batch.urls.begin = {0, 2};
  }

  std::string joined(std::string_view text, std::string_view delimiter) {
    HeaderNames names;
    std::vector<std::string_view> values;
    Arena arena{1024, 4096};
    Selector::parse(text, names, test_map)->joined(mails_.batch, 0, arena, delimiter, values);
    std::string out;
    for (const std::string_view one : values)
      out += fmt::format("{}{}", out.empty() ? "" : " ", one);
    return out;
  }

  std::string made(std::string_view text) {
    HeaderNames names;
    const Result<Selector> selector = Selector::parse(text, names, test_map);
    if (!selector) return fmt::format("{}: {}", selector.error().column, selector.error().what);
    std::vector<std::string_view> values;
    Arena arena{1024, 4096};
    selector->values(mails_.batch, 0, arena, values);
    std::string out;
    for (const std::string_view one : values)
      out += fmt::format("{}{}", out.empty() ? "" : " ", one);
    return out;
  }

  MailBatch mails_;
};

TEST_F(Selectors, JoinedPipelines) {
  EXPECT_EQ(joined("ip", "|"), "192.0.2.77");
  EXPECT_EQ(joined("ip; helo", "|"), "192.0.2.77|helo.example");
  EXPECT_EQ(joined("rcpts", "|"), "b@one.example c@two.example");
  EXPECT_EQ(joined("ip; rcpts:user", ":"), "192.0.2.77:b 192.0.2.77:c");
  EXPECT_EQ(joined("rcpts:user; urls:tld", "@"), "b@shop.example c@other.example");
  EXPECT_EQ(joined("user; helo", "|"), "");  // nobody logged in
  EXPECT_EQ(joined("user; queueid", "|"), "");
  mails_.batch.envelopes[0].from = "";  // a bounce
  EXPECT_EQ(joined("from('smtp'):addr; rcpts:addr", "#"), "#b@one.example #c@two.example");
  EXPECT_EQ(joined("from('smtp'):addr.lower", "#"), "");
  EXPECT_EQ(joined("from('mime'):addr; helo", "#"), "");
}

TEST_F(Selectors, Values) {
  struct Row {
    std::string_view text, expected;
  };
  for (const Row& row : {
           Row{"from", "Anna@mail.example"},
           {"from('smtp'):domain", "mail.example"},
           {"from('smtp'):addr.lower", "anna@mail.example"},
           {"from('mime')", ""},
           {"from.apply_methods('user', 'domain').join_tables('.').lower", "anna.mail.example"},
           {"helo.apply_methods('tld', 'addr').join_tables('|')", "helo.example|helo.example"},
           {"ip", "192.0.2.77"},
           {"ip.ipmask(24)", "192.0.2.0"},
           {"helo.get_tld; helo", "helo.example helo.example"},
           {"rcpts:domain", "one.example two.example"},
           {"rcpts:domain.last", "two.example"},
           {"rcpts.nth(2):user", "c"},
           {"rcpts.nth(3):user", ""},
           {"rcpts.drop_n(1)", "c@two.example"},
           {"rcpts:user.join('-')", "b-c"},
           {"header('Subject').lower", "free offer"},
           {"header(Subject).substring(1, 4)", "Free"},
           {"header('Subject').substring(-5)", "offer"},
           {"messageid.regexp('/@[^@]+$/').substring(2, -1)", "mid.example"},
           {"urls:get_host", "www.shop.example other.example"},
           {"urls:tld.filter_map('hosts')", "shop.example"},
           {"from:user.apply_map('patterns')", "mail"},
           {"helo.filter_map('patterns')", ""},
           {"helo.regexp('[a-z]+')", "helo example"},
           {"helo.regexp('^[a-z]')", "h"},
           {"header('Subject').regexp('/[a-z]e+/')", "ree fe"},
           {"time", "1792573200"},
           {"time('message', '%Y-%m-%d %H:%M:%S %j')", "2026-10-21 09:00:00 294"},
           {"time('connect', '!%w %Y')", "4 2024"},
           {"received:by_hostname", "mx.example"},
           {"received:from_ip", ""},
           {"received", "192.0.2.77"},
           {"request_header('Helo'); request_header('IP')", "helo.example 192.0.2.77"},
           {"request_header('X-Other')", ""},
           {"attachments('base32', 'md5')", "mssgy5jimxy8edsm6x3ohmud4n"},
           {"digest", ""},
           {"rcpts.filter_string_nils", "b@one.example c@two.example"},
           {"specific_urls_filter_map('patterns').get_host", "www.shop.example"},
           {"urls:tld.except_map(hosts)", "other.example"},
           {"urls:tld.apply_map(hosts)", "yes"},
           {"specific_urls_filter_map('hosts', {limit = 2}).apply_methods('host', "
            "'path').join_tables('/')",
            "www.shop.example/a/b"},
           {"id('x').digest('hex', 'md5')", "9dd4e461268c8034f5c8564e155c67a6"},
           {"list(b, a, b).uniq.sort", "a b"},
           {"list(a, b).equal(b)", "b"},
           {"list(a, b).in(b, c)", "b"},
           {"list(a, b).not_in(b, c)", "a"},
           {"list(a).prepend('<', '<').append('>')", "<<a>"},
           {"user", ""},
       })
    EXPECT_EQ(made(row.text), row.expected) << row.text;
}

TEST_F(Selectors, Broken) {
  struct Row {
    std::string_view text, expected;
  };
  for (const Row& row : {
           Row{"", "1: a name is missing"},
           {"nothing", "1: 'nothing' is no part of a message that is known here"},
           {"from.nothing", "6: 'nothing' is no change of values that is known here"},
           {"from('smtp'", "12: ')' is missing"},
           {"from('smtp", "11: an argument does not end"},
           {"header", "7: 'header' takes 1 to 2 arguments"},
           {"ip.nth(x)", "10: 'x' is no whole number"},
           {"ip.filter_map('gone')", "22: there is no map 'gone'"},
           {"ip..lower", "4: '.' begins no name"},
           {"ip lower", "4: 'l' is not expected here"},
       })
    EXPECT_EQ(made(row.text), row.expected) << row.text;
}

TEST_F(Selectors, LimitsOfSteps) {
  std::string text = "ip";
  for (size_t i = 1; i < Selector::kStepsMax; ++i) text += ".lower";
  EXPECT_EQ(made(text), "192.0.2.77");
  EXPECT_NE(made(text + ".lower").find("too many steps"), std::string::npos);
}

// A sender's text that each step makes eight times as long, and one that stands beside a thousand.
TEST_F(Selectors, TextsDoNotGrowWithoutEnd) {
  const std::string helo(1'000, 'h');
  mails_.batch.envelopes[0].helo = helo;
  std::string steps;
  for (int i = 0; i < 20; ++i) steps += ".apply_methods(a, a, a, a, a, a, a, a)";
  const std::vector<std::string_view> many(1'000, "c@two.example");
  mails_.batch.recipients.values = many;
  mails_.batch.recipients.begin = {0, 1'000};
  for (const std::string& text :
       {"helo" + steps, "helo" + steps + ";rcpts", std::string("rcpts;helo;helo;helo;helo;helo")}) {
    HeaderNames names;
    std::vector<std::string_view> values;
    Arena arena{1024, 4096};
    Selector::parse(text, names, test_map)->joined(mails_.batch, 0, arena, ",", values);
    EXPECT_LT(arena.used_bytes(), Selector::kBytesMax * 20) << text;
    EXPECT_LT(values.size(), 1'000u) << text;
    EXPECT_EQ(values.empty(), text.starts_with("helo")) << text;
  }
}

// Rspamd shows them so: what a map or a key reads of an address is no question of how it was
// written.
TEST_F(Selectors, UrlsAreReadWithTheirEscapesDecoded) {
  Url& url = mails_.batch.urls.values[0];
  url.normal = "http://www.shop.example/a%20b/%41?q=%C3%A9%0A";
  url.path = "a%20b/%41";
  url.query = "q=%C3%A9%0A";
  EXPECT_EQ(made("urls"), "http://www.shop.example/a b/A?q=\xC3\xA9%0A http://other.example/");
  EXPECT_EQ(made("urls:path"), "a b/A");
  EXPECT_EQ(made("urls.get_query"), "q=\xC3\xA9%0A");
  EXPECT_EQ(made("specific_urls_filter_map('patterns'):path"), "a b/A");
  // A pattern of a map finds what is read, and what stands there.
  url.normal = "http://www.shop.example/%61";
  EXPECT_EQ(made("specific_urls_filter_map('patterns'):host"), "www.shop.example");
  url.normal = "http://x.example/%73hop.example/b%2Fanna";
  EXPECT_EQ(made("specific_urls_filter_map('patterns'):host"), "");
}

// Fields that are texts made for it, wherever the arena's block ends.
TEST_F(Selectors, FieldsAreMadeBeforeTheirText) {
  constexpr size_t kBlock = 1024, kTextReserve = 256;
  HeaderNames names;
  const Result<Selector> selector =
      Selector::parse("helo.apply_methods('tld', 'addr', 'tld').join_tables('|')", names, test_map);
  ASSERT_TRUE(selector);
  for (size_t before = kBlock - kTextReserve - 64; before <= kBlock; ++before) {
    std::vector<std::string_view> values;
    Arena arena{kBlock, 4 * kBlock};
    arena.alloc_bytes(before);
    for (int i = 0; i < 20; ++i) selector->values(mails_.batch, 0, arena, values);
    ASSERT_LT(arena.used_bytes(), 20 * kBlock) << before;
    for (const std::string_view one : values)
      ASSERT_EQ(one, "helo.example|helo.example|helo.example") << before;
  }
}

}  // namespace
}  // namespace winnow
