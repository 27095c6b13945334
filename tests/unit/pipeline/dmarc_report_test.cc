// From rows of messages to the report that a domain's owner gets.
#include "pipeline/dmarc_report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "pipeline/effects.h"
#include "pipeline/lookup/store/memory_store.h"
#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

constexpr int64_t kNow = 1'792'575'000'000;  // 2026-10-21
constexpr int64_t kDay_ms = 86'400'000;

DmarcReportRow row(const std::string& ip, const std::string& domain = "d.example") {
  DmarcReportRow out;
  out.policy_domain = domain;
  out.rua = "mailto:reports@" + domain;
  out.method = "psl";
  out.adkim = out.aspf = "r";
  out.p = out.sp = out.np = "reject";
  out.pct = "100";
  out.testing = "n";
  out.ip = ip;
  out.disposition = "reject";
  out.dkim = out.spf = "fail";
  out.header_from = "mail." + domain;
  out.envelope_from = out.spf_domain = "bounce." + domain;
  out.spf_scope = "mfrom";
  out.spf_result = "softfail";
  return out;
}

std::string piles_text(const DmarcStore& store) {
  std::string out;
  const auto piles = store.piles();
  EXPECT_TRUE(piles);
  for (const DmarcStore::Pile& one : *piles)
    out += fmt::format("{} {} {} {}\n", one.day, one.domain, one.rows, one.lost);
  return out;
}

TEST(DmarcStore, days) {
  EXPECT_EQ(dmarc_day(kNow), "20261021");
  EXPECT_EQ(dmarc_day(0), "19700101");
  EXPECT_EQ(dmarc_day_begins_ms("20261021"), kNow - kNow % kDay_ms);
  for (const char* const bad : {"", "2026102", "202610211", "20261321", "20260230", "2026102x"})
    EXPECT_FALSE(dmarc_day_begins_ms(bad)) << bad;
}

TEST(DmarcStore, counts_and_forgets) {
  DmarcStore store(memory_store());
  const std::string one = write_dmarc_row(row("192.0.2.1")),
                    two = write_dmarc_row(row("192.0.2.2")),
                    other = write_dmarc_row(row("192.0.2.1", "other.example"));
  ASSERT_TRUE(store.add(std::vector{one, two, one, other, std::string("rubbish")}, kNow, {}));
  ASSERT_TRUE(store.add(std::vector{one}, kNow + 1, {}));
  ASSERT_TRUE(store.add(std::vector{one}, kNow + kDay_ms, {}));
  EXPECT_EQ(piles_text(store),
            "20261021 d.example 2 0\n20261021 other.example 1 0\n20261022 d.example 1 0\n");
  const auto piles = store.piles();
  const auto rows = store.rows((*piles)[0], kNow);
  ASSERT_TRUE(rows);
  std::map<std::string, uint64_t> counts;
  for (const auto& [text, count] : *rows) counts[text.ip] = count;
  EXPECT_EQ(counts, (std::map<std::string, uint64_t>{{"192.0.2.1", 3}, {"192.0.2.2", 1}}));
  ASSERT_TRUE(store.erase((*piles)[0], kNow));
  EXPECT_EQ(piles_text(store), "20261021 other.example 1 0\n20261022 d.example 1 0\n");
  EXPECT_TRUE(store.rows((*piles)[0], kNow)->empty());
  // A day that begins later may take the older ones out.
  ASSERT_TRUE(store.sweep(kNow + 2 * kDay_ms, {.expires_ms = kDay_ms}));
  EXPECT_EQ(piles_text(store), "20261022 d.example 1 0\n");
}

TEST(DmarcStore, no_more_rows_than_may_be) {
  DmarcStore store(memory_store());
  std::vector<std::string> rows;
  for (int i = 0; i < 7; ++i) rows.push_back(write_dmarc_row(row(fmt::format("192.0.2.{}", i))));
  ASSERT_TRUE(store.add(rows, kNow, {.rows_max = 7}));
  EXPECT_EQ(piles_text(store), "20261021 d.example 7 0\n");
  rows.push_back(write_dmarc_row(row("192.0.2.99")));
  rows.push_back(rows.back());
  ASSERT_TRUE(store.add(rows, kNow, {.rows_max = 7}));
  EXPECT_EQ(piles_text(store), "20261021 d.example 7 2\n");
  const auto kept = store.rows((*store.piles())[0], kNow);
  ASSERT_EQ(kept->size(), 7u);
  for (const auto& [one, count] : *kept) EXPECT_EQ(count, 2u);
}

TEST(Effects, keep_rows_of_reports) {
  const std::shared_ptr<Store> store = memory_store();
  Verdict verdict;
  verdict.effects = {{EffectKind::kReport, "dmarc", write_dmarc_row(row("192.0.2.1"))},
                     {EffectKind::kReport, "other", "x"},
                     {EffectKind::kLearn, "dmarc", "x"}};
  {
    Effects effects([](const std::string& what) { ADD_FAILURE() << what; });
    effects.carry_out(verdict);  // nobody keeps them yet
    effects.keep_dmarc(std::make_shared<DmarcStore>(store), {});
    effects.carry_out(verdict);
    effects.carry_out(verdict);
    effects.carry_out(verdict, false);  // somebody only looked at it
  }
  const DmarcStore kept(store);
  ASSERT_EQ(kept.piles()->size(), 1u);
  const auto rows = kept.rows((*kept.piles())[0], 0);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0].second, 2u);
}

DmarcReporter reporter(const std::string& more = {}) {
  const auto parsed = parse_ucl(
      "dmarc { reporting { org_name = \"Us & Co\"; email = "
      "\"d@us.example\"; domain = us.example; " +
          more + " } }",
      "t.conf", {});
  EXPECT_TRUE(parsed);
  const Result<DmarcReporter> out = dmarc_reporter(parsed->document->root());
  EXPECT_TRUE(out) << out.error().text();
  return out ? *out : DmarcReporter();
}

const DmarcStore::Pile kPile{"20261021", "d.example", 2, 0};

TEST(DmarcReport, rfc_7489) {
  DmarcReportRow passed = row("2001:db8::1");
  passed.dkim = "pass";
  passed.disposition = "none";
  passed.reason = "sampled_out";
  passed.envelope_from = "";
  passed.header_from = "a<b>&c.example";
  passed.signatures = {{"d.example", "s1", "pass"}, {"x.example", "s2", "permerror"}};
  const DmarcReport report =
      make_dmarc_report(reporter(), kPile, {{row("192.0.2.1"), 3}, {passed, 1}});
  EXPECT_EQ(report.file_name, "us.example!d.example!1792540800!1792627199.xml.gz");
  EXPECT_EQ(report.addresses, std::vector<std::string>{"reports@d.example"});
  EXPECT_EQ(report.xml, fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>
<feedback>
  <version>1.0</version>
  <report_metadata>
    <org_name>Us &amp; Co</org_name>
    <email>d@us.example</email>
    <report_id>{}</report_id>
    <date_range>
      <begin>1792540800</begin>
      <end>1792627199</end>
    </date_range>
  </report_metadata>
  <policy_published>
    <domain>d.example</domain>
    <adkim>r</adkim>
    <aspf>r</aspf>
    <p>reject</p>
    <sp>reject</sp>
    <pct>100</pct>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip>
      <count>3</count>
      <policy_evaluated>
        <disposition>reject</disposition>
        <dkim>fail</dkim>
        <spf>fail</spf>
      </policy_evaluated>
    </row>
    <identifiers>
      <envelope_from>bounce.d.example</envelope_from>
      <header_from>mail.d.example</header_from>
    </identifiers>
    <auth_results>
      <spf>
        <domain>bounce.d.example</domain>
        <scope>mfrom</scope>
        <result>softfail</result>
      </spf>
    </auth_results>
  </record>
  <record>
    <row>
      <source_ip>2001:db8::1</source_ip>
      <count>1</count>
      <policy_evaluated>
        <disposition>none</disposition>
        <dkim>pass</dkim>
        <spf>fail</spf>
        <reason>
          <type>sampled_out</type>
        </reason>
      </policy_evaluated>
    </row>
    <identifiers>
      <header_from>a&lt;b&gt;&amp;c.example</header_from>
    </identifiers>
    <auth_results>
      <dkim>
        <domain>d.example</domain>
        <selector>s1</selector>
        <result>pass</result>
      </dkim>
      <dkim>
        <domain>x.example</domain>
        <selector>s2</selector>
        <result>permerror</result>
      </dkim>
      <spf>
        <domain>bounce.d.example</domain>
        <scope>mfrom</scope>
        <result>softfail</result>
      </spf>
    </auth_results>
  </record>
</feedback>
)",
                                    report.id));
}

TEST(DmarcReport, rfc_9990) {
  DmarcReportRow one = row("192.0.2.1");
  one.method = "treewalk";
  one.spf = "pass";
  one.disposition = "none";
  const std::string xml =
      make_dmarc_report(reporter(), {"20261021", "d.example", 1, 5}, {{one, 1}}).xml;
  for (const char* const part :
       {"<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">", "</feedback>\n",
        "<generator>Winnow</generator>", "<discovery_method>treewalk</discovery_method>",
        "<np>reject</np>", "<testing>n</testing>", "<disposition>pass</disposition>",
        "<error>5 messages found no room in this report</error>"})
    EXPECT_NE(xml.find(part), std::string::npos) << part;
  EXPECT_EQ(xml.find("<pct>"), std::string::npos);
}

TEST(DmarcReport, the_policy_of_most_messages) {
  DmarcReportRow other = row("192.0.2.2");
  other.p = "none";
  const auto p = [&](uint64_t reject, uint64_t none) {
    const std::string xml =
        make_dmarc_report(reporter(), kPile, {{row("192.0.2.1"), reject}, {other, none}}).xml;
    return xml.substr(xml.find("<p>"), 10);
  };
  EXPECT_EQ(p(2, 1), "<p>reject<");
  EXPECT_EQ(p(1, 2), "<p>none</p");
}

TEST(DmarcReport, addresses) {
  const struct {
    const char* rua;
    std::vector<std::string> expected;  // of a report of 2,000 bytes
  } rows[] = {
      {"mailto:a@b.example", {"a@b.example"}},
      {"MAILTO:a@b.example , mailto:c@d.example", {"a@b.example", "c@d.example"}},
      {"mailto:a@b.example!1k,mailto:b@b.example!2k,mailto:c@b.example!10m",
       {"b@b.example", "c@b.example"}},
      {"mailto:a@b.example!x,mailto:b@b.example!1q", {}},
      {"mailto:a%40b@c.example", {"a@b@c.example"}},
      {"mailto:a%0d%0ab@c.example,mailto:<a@b.example>,mailto:nobody,http://a.example/", {}},
      {"mailto:a@b.example,mailto:a@b.example", {"a@b.example"}},
      {"", {}},
  };
  for (const auto& one : rows) EXPECT_EQ(report_addresses(one.rua, 2'000), one.expected) << one.rua;
  std::string many;
  for (int i = 0; i < 50; ++i) many += fmt::format("mailto:a{}@b.example,", i);
  EXPECT_EQ(report_addresses(many, 1).size(), 10u);
}

TEST(DmarcReport, mail) {
  const DmarcReporter who = reporter("from_name = \"Us, here\";");
  const DmarcReport report = make_dmarc_report(who, kPile, {{row("192.0.2.1"), 3}});
  const std::string mail = dmarc_report_mail(who, kPile, report, report.addresses, kNow / 1'000);
  EXPECT_TRUE(mail.starts_with("From: \"Us, here\" <d@us.example>\r\nTo: reports@d.example\r\n"))
      << mail.substr(0, 200);
  EXPECT_NE(mail.find("\r\nDate: Wed, 21 Oct 2026 09:30:00 +0000\r\n"), std::string::npos) << mail;
  EXPECT_NE(mail.find("filename=\"" + report.file_name + "\"\r\n"), std::string::npos);
  for (size_t begin = 0; begin < mail.size();) {
    const size_t end = mail.find('\n', begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - begin, 1000u);
    EXPECT_EQ(mail[end - 1], '\r');
    begin = end + 1;
  }
}

TEST(DmarcReport, packed) {
  const std::string text = std::string(100'000, 'x') + "end";
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), 1'000u);
  std::string out(text.size() + 1, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(out, text);
}

TEST(DmarcReporter, what_is_missing_is_said) {
  const auto error = [](const char* text) {
    const auto parsed = parse_ucl(text, "t.conf", {});
    EXPECT_TRUE(parsed);
    const Result<DmarcReporter> out = dmarc_reporter(parsed->document->root());
    return out ? std::string("good") : out.error().what;
  };
  EXPECT_EQ(error(""), "dmarc.reporting is not configured");
  EXPECT_EQ(error("dmarc { reporting { email = \"a@b.example\"; domain = b.example } }"),
            "dmarc.reporting.org_name is missing");
  const std::string all = "dmarc { reporting { org_name = x; domain = b.example; email = ";
  EXPECT_EQ(error((all + "nobody } }").c_str()), "dmarc.reporting.email is no address");
  EXPECT_EQ(error((all + "\"a@b.example\"; smtp_port = 70000 } }").c_str()),
            "dmarc.reporting.smtp_port is no port");
  EXPECT_EQ(error((all + "\"a@b.example\" } }").c_str()), "good");
}

}  // namespace
}  // namespace winnow
