#include <gtest/gtest.h>

#include "rules/checks/auth/spf_evaluate.h"
#include "rules/checks/auth/spf_macro.h"
#include "rules/checks/auth/spf_record.h"
#include "tests/unit/rules/asking.h"

namespace winnow {
namespace {

const char* const kCodes[] = {"none",     "neutral",   "pass",     "fail",
                              "softfail", "temperror", "permerror"};

// "CODE QUALIFIER MECHANISM [questions]"
std::string judged(Asking& asking, std::string_view ip, std::string_view domain,
                   const SpfLimits& limits = {}) {
  const SpfInput input{parse_ip(ip).value(), "user", domain, "helo.example"};
  const SpfResult result = asking.run([&] { return evaluate_spf(input, limits, asking); });
  if (result.waiting) return "waits for ever";
  std::string out = kCodes[static_cast<size_t>(result.code)];
  if (!result.mechanism.empty()) out += fmt::format(" {}{}", result.qualifier, result.mechanism);
  return out;
}

TEST(Spf, Judges) {
  struct Row {
    const char* name;
    std::vector<TableRecord> records;
    const char* ip;
    const char* expected;
    const char* questions;
  };
  const Row rows[] = {
      {"ip4",
       {{"d.example", "txt", {"v=spf1 ip4:192.0.2.0/24 -all"}, ""}},
       "192.0.2.7",
       "pass +ip4:192.0.2.0/24",
       "TXT d.example"},
      {"all",
       {{"d.example", "txt", {"v=spf1 ip4:192.0.2.0/24 -all"}, ""}},
       "192.0.3.7",
       "fail -all",
       "TXT d.example"},
      {"no match",
       {{"d.example", "txt", {"v=spf1 ip4:192.0.2.0/24"}, ""}},
       "192.0.3.7",
       "neutral",
       "TXT d.example"},
      {"no record", {{"d.example", "txt", {"hello"}, ""}}, "192.0.3.7", "none", "TXT d.example"},
      {"nxdomain", {}, "192.0.3.7", "none", "TXT d.example"},
      {"two records",
       {{"d.example", "txt", {"v=spf1 +all", "v=spf1 -all"}, ""}},
       "192.0.2.7",
       "permerror",
       "TXT d.example"},
      {"servfail",
       {{"d.example", "txt", {}, "servfail"}},
       "192.0.2.7",
       "temperror",
       "TXT d.example"},
      {"timeout within",
       {{"d.example", "txt", {"v=spf1 a -all"}, ""}, {"d.example", "a", {}, "timeout"}},
       "192.0.2.7",
       "temperror",
       "TXT d.example, A d.example"},
      {"one bad term spoils all",
       {{"d.example", "txt", {"v=spf1 +all ip4:300.0.0.1"}, ""}},
       "192.0.2.7",
       "permerror",
       "TXT d.example"},
      {"a asks the family of the client",
       {{"d.example", "txt", {"v=spf1 a:h.example//64 ~all"}, ""},
        {"h.example", "aaaa", {"2001:db8::1"}, ""}},
       "2001:db8::ffff",
       "pass +a:h.example//64",
       "TXT d.example, AAAA h.example"},
      {"mx asks for all its addresses at once",
       {{"d.example", "txt", {"v=spf1 ?mx -all"}, ""},
        {"d.example", "mx", {"10 m1.example.", "20 M2.example"}, ""},
        {"m1.example", "a", {"192.0.2.1"}, ""},
        {"m2.example", "a", {"192.0.2.2"}, ""}},
       "192.0.2.2",
       "neutral ?mx",
       "TXT d.example, MX d.example, A m1.example, A m2.example"},
      {"include gives its own qualifier and the inner mechanism",
       {{"d.example", "txt", {"v=spf1 ~include:i.example -all"}, ""},
        {"i.example", "txt", {"v=spf1 ip4:192.0.2.0/24 -all"}, ""}},
       "192.0.2.2",
       "softfail ~ip4:192.0.2.0/24",
       "TXT d.example, TXT i.example"},
      {"include that fails does not match",
       {{"d.example", "txt", {"v=spf1 include:i.example ?ip4:192.0.2.2 -all"}, ""},
        {"i.example", "txt", {"v=spf1 -all"}, ""}},
       "192.0.2.2",
       "neutral ?ip4:192.0.2.2",
       "TXT d.example, TXT i.example"},
      {"include without record",
       {{"d.example", "txt", {"v=spf1 include:i.example +all"}, ""}},
       "192.0.2.2",
       "permerror",
       "TXT d.example, TXT i.example"},
      {"redirect inside include, then on",
       {{"d.example", "txt", {"v=spf1 include:i.example -all"}, ""},
        {"i.example", "txt", {"v=spf1 redirect=r.example"}, ""},
        {"r.example", "txt", {"v=spf1 ip4:192.0.2.2"}, ""}},
       "192.0.2.2",
       "pass +ip4:192.0.2.2",
       "TXT d.example, TXT i.example, TXT r.example"},
      {"redirect is void beside all",
       {{"d.example", "txt", {"v=spf1 redirect=r.example ?all"}, ""}},
       "192.0.2.2",
       "neutral ?all",
       "TXT d.example"},
      {"exists with macros",
       {{"d.example", "txt", {"v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all"}, ""},
        {"2.2.0.192.in-addr._spf.d.example", "a", {"127.0.0.2"}, ""}},
       "192.0.2.2",
       "pass +exists:%{ir}.%{v}._spf.%{d2}",
       "TXT d.example, A 2.2.0.192.in-addr._spf.d.example"},
      {"ptr must lead back",
       {{"d.example", "txt", {"v=spf1 ptr -all"}, ""},
        {"2.2.0.192.in-addr.arpa", "ptr", {"liar.d.example.", "other.example."}, ""},
        {"liar.d.example", "a", {"192.0.2.9"}, ""}},
       "192.0.2.2",
       "fail -all",
       "TXT d.example, PTR 2.2.0.192.in-addr.arpa, A liar.d.example"},
      {"p is the validated name",
       {{"d.example", "txt", {"v=spf1 exists:%{p}.e.example -all"}, ""},
        {"2.2.0.192.in-addr.arpa", "ptr", {"x.other.example", "h.d.example."}, ""},
        {"x.other.example", "a", {"192.0.2.2"}, ""},
        {"h.d.example", "a", {"192.0.2.2"}, ""},
        {"h.d.example.e.example", "a", {"127.0.0.2"}, ""}},
       "192.0.2.2",
       "pass +exists:%{p}.e.example",
       "TXT d.example, PTR 2.2.0.192.in-addr.arpa, A x.other.example, A h.d.example, "
       "A h.d.example.e.example"},
  };
  for (const Row& row : rows) {
    Asking asking(row.records);
    EXPECT_EQ(judged(asking, row.ip, "d.example"), row.expected) << row.name;
    EXPECT_EQ(asking.questions(), row.questions) << row.name;
  }
}

TEST(Spf, UnknownIsNeverNone) {
  Asking nobody({}, Absent::kUnknown);
  EXPECT_EQ(judged(nobody, "192.0.2.1", "d.example"), "temperror");
  EXPECT_EQ(nobody.rounds, 2);  // asked once, not again
}

TEST(Spf, LookupsAreCounted) {
  std::string record = "v=spf1";
  std::vector<TableRecord> records;
  for (int i = 0; i < 11; ++i) {
    record += fmt::format(" a:h{}.example", i);
    records.push_back({fmt::format("h{}.example", i), "a", {"192.0.2.1"}, ""});
  }
  records.push_back({"d.example", "txt", {record + " -all"}, ""});
  Asking eleven(records);
  EXPECT_EQ(judged(eleven, "198.51.100.1", "d.example"), "permerror");
  EXPECT_EQ(eleven.evidence.questions.size(), 11u);  // the record and ten terms
  Asking enough(records);
  EXPECT_EQ(judged(enough, "198.51.100.1", "d.example", {.lookups_max = 11}), "fail -all");
}

TEST(Spf, VoidLookupsAreCounted) {
  Asking three({{"d.example", "txt", {"v=spf1 a:x.example a:y.example a:z.example -all"}, ""}});
  EXPECT_EQ(judged(three, "192.0.2.1", "d.example"), "permerror");
  Asking two({{"d.example", "txt", {"v=spf1 a:x.example a:y.example -all"}, ""}});
  EXPECT_EQ(judged(two, "192.0.2.1", "d.example"), "fail -all");
}

TEST(Spf, LoopsEnd) {
  Asking includes({{"d.example", "txt", {"v=spf1 include:d.example -all"}, ""}});
  EXPECT_EQ(judged(includes, "192.0.2.1", "d.example"), "permerror");
  EXPECT_EQ(includes.evidence.questions.size(), 1u);
  Asking redirects({{"d.example", "txt", {"v=spf1 redirect=d.example"}, ""}});
  EXPECT_EQ(judged(redirects, "192.0.2.1", "d.example", {.lookups_max = 1000}), "permerror");
  // Every include makes a name of its own: what a wildcard in DNS would do.
  std::vector<TableRecord> chain;
  std::string name = "d.example";
  for (int i = 0; i < 20; ++i) {
    chain.push_back({name, "txt", {"v=spf1 include:x.%{d} -all"}, ""});
    name = "x." + name;
  }
  Asking deep(chain);
  EXPECT_EQ(judged(deep, "192.0.2.1", "d.example"), "permerror");
  EXPECT_EQ(deep.rounds, 12);
}

TEST(Spf, TenNamesOfAnMxAreTheMost) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 11; ++i) hosts.push_back(fmt::format("10 m{}.example", i));
  Asking eleven({{"d.example", "txt", {"v=spf1 mx -all"}, ""}, {"d.example", "mx", hosts, ""}});
  EXPECT_EQ(judged(eleven, "192.0.2.1", "d.example"), "permerror");
  hosts.pop_back();
  Asking ten({{"d.example", "txt", {"v=spf1 mx -all"}, ""}, {"d.example", "mx", hosts, ""}});
  EXPECT_EQ(judged(ten, "192.0.2.1", "d.example"), "fail -all");
  EXPECT_EQ(ten.rounds, 4);
}

TEST(SpfMacro, Expands) {
  // RFC 7208 section 7.4
  const SpfMacroValues four{"strong-bad", "email.example.com", "email.example.com",
                            "h.example",  "unknown",           parse_ip("192.0.2.3").value()};
  SpfMacroValues six = four;
  six.ip = parse_ip("2001:db8::cb01").value();
  const struct {
    const char* text;
    const SpfMacroValues& values;
    const char* expected;
  } rows[] = {
      {"%{s}", four, "strong-bad@email.example.com"},
      {"%{d4}", four, "email.example.com"},
      {"%{d2}", four, "example.com"},
      {"%{d1}", four, "com"},
      {"%{dr}", four, "com.example.email"},
      {"%{d2r}", four, "example.email"},
      {"%{l-}", four, "strong.bad"},
      {"%{lr}", four, "strong-bad"},
      {"%{lr-}", four, "bad.strong"},
      {"%{l1r-}", four, "strong"},
      {"%{ir}.%{v}._spf.%{d2}", four, "3.2.0.192.in-addr._spf.example.com"},
      {"%{lr-}.lp._spf.%{d2}", four, "bad.strong.lp._spf.example.com"},
      {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", four, "3.2.0.192.in-addr.strong.lp._spf.example.com"},
      {"%{d2}.trusted-domains.example.net", four, "example.com.trusted-domains.example.net"},
      {"%{ir}.%{v}._spf.%{d2}", six,
       "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
      {"%{S}.x.example", four, "strong-bad%40email.example.com.x.example"},
      {"a%%b%_c%-d.example", four, "a%b c%20d.example"},
  };
  for (const auto& row : rows) {
    ASSERT_TRUE(is_domain_spec(row.text)) << row.text;
    EXPECT_EQ(expand_domain_spec(row.text, row.values).view(), row.expected) << row.text;
  }
}

TEST(SpfMacro, DropsLabelsFromTheLeft) {
  std::string local;
  for (int i = 0; i < 100; ++i) local += fmt::format("l{}.", i);
  const SpfMacroValues values{local, "d.example", "d.example",
                              "h",   "unknown",   parse_ip("192.0.2.3").value()};
  std::string many;
  for (int i = 0; i < 50; ++i) many += "%{d}.";
  const DnsName name = expand_domain_spec(many + "%{d}", values);
  EXPECT_LE(name.view().size(), 253u);
  EXPECT_TRUE(name.view().starts_with("d.example.d.example.") ||
              name.view().starts_with("example.d.example."));
  EXPECT_FALSE(is_domain_spec(std::string(600, 'a') + ".example"));
}

TEST(Spf, Explains) {
  const auto text = [](const char* says) {
    return std::vector<TableRecord>{{"d.example", "txt", {"v=spf1 exp=e.%{d} -all"}, ""},
                                    {"e.d.example", "txt", {says}, ""}};
  };
  const std::string many(kSpfExplanationMax + 100, 'x');
  const struct {
    const char* name;
    std::vector<TableRecord> records;
    std::string expected;
  } rows[] = {
      {"text", text("See http://%{d}/why.html?s=%{S}&i=%{i}"),
       "See http://d.example/why.html?s=user%40d.example&i=192.0.2.7"},
      {"letters of explanations alone", text("%{c} at %{r}, %{t}%%%_x"),
       "192.0.2.7 at mx.here.example, 1700000000% x"},
      {"name of the client", text("%{p}"), "unknown"},
      {"broken macro", text("%{x}"), ""},
      {"not ASCII", text("caf\xc3\xa9"), ""},
      {"long", text(many.c_str()), many.substr(0, kSpfExplanationMax)},
      {"at the limit", text(many.substr(0, kSpfExplanationMax).c_str()),
       many.substr(0, kSpfExplanationMax)},
      {"nothing there", {{"d.example", "txt", {"v=spf1 exp=e.d.example -all"}, ""}}, ""},
      {"no name",
       {{"d.example", "txt", {"v=spf1 exp=" + std::string(64, 'l') + ".example -all"}, ""}},
       ""},
      {"two texts",
       {{"d.example", "txt", {"v=spf1 exp=e.d.example -all"}, ""},
        {"e.d.example", "txt", {"one", "two"}, ""}},
       ""},
      {"unknown",
       {{"d.example", "txt", {"v=spf1 exp=e.d.example -all"}, ""},
        {"e.d.example", "txt", {}, "timeout"}},
       ""},
      {"of a redirect",
       {{"d.example", "txt", {"v=spf1 exp=e.d.example redirect=r.example"}, ""},
        {"e.d.example", "txt", {"wrong"}, ""},
        {"r.example", "txt", {"v=spf1 exp=e.r.example -all"}, ""},
        {"e.r.example", "txt", {"of %{d}"}, ""}},
       "of r.example"},
      {"not of an include",
       {{"d.example", "txt", {"v=spf1 include:i.example exp=e.d.example -all"}, ""},
        {"i.example", "txt", {"v=spf1 exp=e.i.example -all"}, ""},
        {"e.i.example", "txt", {"wrong"}, ""},
        {"e.d.example", "txt", {"right"}, ""}},
       "right"},
      {"of a failure alone",
       {{"d.example", "txt", {"v=spf1 exp=e.d.example ~all"}, ""},
        {"e.d.example", "txt", {"wrong"}, ""}},
       ""},
  };
  for (const auto& row : rows) {
    const SpfInput input{parse_ip("192.0.2.7").value(),
                         "user",
                         "d.example",
                         "helo.example",
                         "mx.here.example",
                         1'700'000'000};
    Asking asking(row.records);
    const auto judge = [&](bool explain) {
      return asking.run([&] { return evaluate_spf(input, {.explain = explain}, asking); });
    };
    EXPECT_EQ(judge(false).explanation, "") << row.name;
    EXPECT_EQ(judge(true).explanation, row.expected) << row.name;
  }
}

TEST(SpfRecord, Grammar) {
  const struct {
    const char* text;
    bool good;
  } rows[] = {
      {"v=spf1", true},
      {"v=spf1 a/24//64 mx:x.example//64 ptr ptr:x.example ?all", true},
      {"v=spf1 ip6:2001:db8::/32 ip6:::ffff:192.0.2.1 ip4:192.0.2.1", true},
      {"v=spf1 unknown=%{c}x other.mod-1=", true},
      {"v=spf1 exp=e.example redirect=r.example", true},
      {"v=spf1 redirect=r.example redirect=r.example", false},
      {"v=spf1 exp=e.example exp=e.example", false},
      {"v=spf1 -redirect=r.example", false},
      {"v=spf1 unknown", false},
      {"v=spf1 all:x", false},
      {"v=spf1 include", false},
      {"v=spf1 include:x.example/24", false},
      {"v=spf1 a:", false},
      {"v=spf1 a/33", false},
      {"v=spf1 a/024", false},
      {"v=spf1 a//129", false},
      {"v=spf1 a:x.example:25", false},
      {"v=spf1 a:x.123", false},
      {"v=spf1 a:x.-com", false},
      {"v=spf1 a:%{c}.example", false},
      {"v=spf1 a:%{d0}", false},
      {"v=spf1 a:%{d", false},
      {"v=spf1 a:%(d)", false},
      {"v=spf1 ip4:192.0.2", false},
      {"v=spf1 ip4:192.0.2.1/", false},
      {"v=spf1 ip4:192.0.2.1//24", false},
      {"v=spf1 ip6:192.0.2.1", false},
      {"v=spf1 ip6:fe80::1%eth0", false},
      {"v=spf1 ip6:[::1]", false},
      {"v=spf1 \xc3\xa4", false},
      {"v=spf1 a\tb", false},
      {"v=spf1 + all", false},
  };
  for (const auto& row : rows) {
    SpfModifiers modifiers;
    EXPECT_EQ(check_spf_record(row.text, modifiers), row.good) << row.text;
  }
  EXPECT_FALSE(is_spf_record("v=spf10"));
  EXPECT_TRUE(is_spf_record("V=SPF1 -all"));
}

}  // namespace
}  // namespace winnow
