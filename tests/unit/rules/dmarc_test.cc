#include <gtest/gtest.h>

#include "engine/mime/ip.h"
#include "rules/checks/auth/dmarc_record.h"
#include "rules/checks/auth/dmarc_walk.h"
#include "rules/checks/check.h"
#include "rules/config/ucl_parse.h"
#include "tests/unit/rules/asking.h"

namespace winnow {
namespace {

TEST(DmarcRecord, Reads) {
  const struct {
    const char* text;
    const char* expected;  // policy/sp/adkim/aspf/pct, "no record" or "bad VALUE"
  } rows[] = {
      {"v=DMARC1; p=reject", "reject/reject/r/r/100"},
      {"v=DMARC1;p=Quarantine;sp=none;adkim=s;aspf=S;pct=5;rua=mailto:a@b.example",
       "quarantine/none/s/s/5"},
      {" v = DMARC1 ; p = none ;", "none/none/r/r/100"},
      {"v=DMARC1; p=none; sp=bogus; pct=101", "none/none/r/r/100"},
      {"v=DMARC1; p=none; pct=5x; unknown=1; junk", "none/none/r/r/100"},
      {"v=dmarc1; p=none", "no record"},
      {"p=none; v=DMARC1", "no record"},
      {"v=DMARC12; p=none", "no record"},
      {"v=spf1 -all", "no record"},
      {"", "no record"},
      {"v=DMARC1", "bad "},
      {"v=DMARC1; p=drop", "bad drop"},
  };
  for (const auto& row : rows) {
    DmarcRecord r;
    const DmarcParse parsed = parse_dmarc_record(row.text, r);
    const std::string got =
        parsed == DmarcParse::kNoRecord ? "no record"
        : parsed == DmarcParse::kBadPolicy
            ? fmt::format("bad {}", r.bad_policy)
            : fmt::format("{}/{}/{}/{}/{}", policy_text(r.policy), policy_text(r.subdomain_policy),
                          r.strict_dkim ? 's' : 'r', r.strict_spf ? 's' : 'r', r.percent);
    EXPECT_EQ(got, row.expected) << row.text;
  }
}

constexpr uint32_t kSpfAllow = 100, kSpfDnsFail = 101, kDkimTrace = 102;

struct Step {
  bool waiting;
};

class Dmarc : public ::testing::Test {
 protected:
  Dmarc() {
    for (const Check* const check : all_checks())
      if (check->name == "dmarc") check_ = check;
    make({});
  }

  void make(const std::string& options) {
    auto parsed = parse_ucl(options, "t.conf", {});
    ASSERT_TRUE(parsed);
    CompileContext context{.options = &parsed->document->root(),
                           .headers = names_,
                           .limits = limits_,
                           .map = {},
                           .warn = [](std::string_view, std::string) {},
                           .symbol =
                               [](std::string_view name) {
                                 return static_cast<SymbolId>(name == "R_SPF_ALLOW" ? kSpfAllow
                                                              : name == "R_SPF_DNSFAIL"
                                                                  ? kSpfDnsFail
                                                                  : kDkimTrace);
                               },
                           .action =
                               [](std::string_view name) {
                                 return name == "reject"       ? ActionId{1}
                                        : name == "add header" ? ActionId{2}
                                                               : kNoId<ActionId>;
                               }};
    plan_ = check_->compile(context);
    for (uint32_t i = 0; i < check_->symbols.size(); ++i)
      plan_->symbols.push_back(static_cast<SymbolId>(i));
  }

  // "SYMBOL(options)" of everything inserted.
  std::string judged(Asking& asking, std::vector<std::string> from, const char* sender,
                     const char* ip = "192.0.2.1") {
    std::vector<Address> addresses;
    for (const std::string& one : from) {
      Address address;
      address.address = one;
      address.domain = address.address.substr(address.address.find('@') + 1);
      addresses.push_back(address);
    }
    asking.evidence.addresses = addresses;
    asking.evidence.envelope.from = sender;
    if (ip) asking.evidence.envelope.ip = parse_ip(ip).value();
    asking.evidence.facts.size = 12;  // its chance: 1 + 49 of a hundred
    asking.run(
        [&] { return Step{check_->judge(*plan_, asking.evidence, asking) == Judged::kWaiting}; });
    std::string out, last;
    for (const std::string& one : asking.inserted) {
      const size_t open = one.find('(');
      const std::string name(check_->symbols[std::stoul(one)].name);
      const std::string option = one.substr(open + 1, one.size() - open - 2);
      out += name == last ? ", " + option : (out.empty() ? "" : " | ") + name + " " + option;
      last = name;
    }
    return out;
  }

  HeaderNames names_;
  Limits limits_;
  const Check* check_ = nullptr;
  std::unique_ptr<CheckPlan> plan_;
};

using Present = std::map<uint32_t, std::vector<std::string>>;
struct Row {
  const char* name;
  std::vector<TableRecord> records;
  Present present;
  const char* from;
  const char* sender;
  const char* expected;
};

TEST_F(Dmarc, Judges) {
  const Present spf{{kSpfAllow, {}}};
  const auto dkim = [](const char* trace) { return Present{{kDkimTrace, {"x.example:-", trace}}}; };
  const TableRecord reject{"_dmarc.d.example", "txt", {"v=DMARC1; p=reject"}, ""};
  const Row rows[] = {
      {"spf", {reject}, spf, "a@d.example", "b@d.example", "DMARC_POLICY_ALLOW d.example, reject"},
      {"spf of the organisation",
       {reject},
       spf,
       "a@d.example",
       "b@bounce.d.example",
       "DMARC_POLICY_ALLOW d.example, reject"},
      {"spf strict",
       {{"_dmarc.d.example", "txt", {"v=DMARC1; p=reject; aspf=s"}, ""}},
       spf,
       "a@d.example",
       "b@bounce.d.example",
       "DMARC_POLICY_REJECT d.example : SPF not aligned (strict), No valid DKIM, reject"},
      {"spf of another",
       {reject},
       spf,
       "a@d.example",
       "b@other.example",
       "DMARC_POLICY_REJECT d.example : SPF not aligned (relaxed), No valid DKIM, reject"},
      {"dkim",
       {reject},
       dkim("m.d.example:+"),
       "a@d.example",
       "b@other.example",
       "DMARC_POLICY_ALLOW d.example, reject"},
      {"dkim of another",
       {reject},
       dkim("other.example:+"),
       "a@d.example",
       "b@other.example",
       "DMARC_POLICY_REJECT d.example : No valid SPF, DKIM not aligned (relaxed), reject"},
      {"dkim without a key",
       {reject},
       dkim("m.d.example:~"),
       "a@d.example",
       "b@other.example",
       "DMARC_POLICY_REJECT d.example : No valid SPF, reject"},
      {"dkim temporary",
       {reject},
       dkim("d.example:?"),
       "a@d.example",
       "b@other.example",
       "DMARC_DNSFAIL d.example : SPF/DKIM temp error, reject"},
      {"spf temporary",
       {reject},
       {{kSpfDnsFail, {}}},
       "a@d.example",
       "b@d.example",
       "DMARC_DNSFAIL d.example : SPF/DKIM temp error, reject"},
      {"spf temporary of another",
       {reject},
       {{kSpfDnsFail, {}}},
       "a@d.example",
       "b@o.example",
       "DMARC_POLICY_REJECT d.example : No valid SPF, No valid DKIM, reject"},
      {"a signature that does not verify",
       {reject},
       dkim("other.example:-"),
       "a@d.example",
       "",
       "DMARC_POLICY_REJECT d.example : No valid SPF, reject"},
      {"none",
       {{"_dmarc.d.example", "txt", {"v=DMARC1; p=none"}, ""}},
       {},
       "a@d.example",
       "",
       "DMARC_POLICY_SOFTFAIL d.example : No valid SPF, No valid DKIM, none"},
      {"organisation's record, sp",
       {{"_dmarc.d.example", "txt", {"v=DMARC1; p=reject; sp=quarantine"}, ""}},
       {},
       "a@sub.d.example",
       "",
       "DMARC_POLICY_QUARANTINE d.example : No valid SPF, No valid DKIM, quarantine"},
      {"sampled out",
       {{"_dmarc.d.example", "txt", {"v=DMARC1; p=reject; pct=49"}, ""}},
       {},
       "a@d.example",
       "",
       "DMARC_POLICY_QUARANTINE d.example : No valid SPF, No valid DKIM, reject, sampled_out"},
      {"sampled in",
       {{"_dmarc.d.example", "txt", {"v=DMARC1; p=reject; pct=50"}, ""}},
       {},
       "a@d.example",
       "",
       "DMARC_POLICY_REJECT d.example : No valid SPF, No valid DKIM, reject"},
      {"no record", {}, spf, "a@sub.d.example", "", "DMARC_NA sub.d.example"},
      {"other TXT",
       {{"_dmarc.d.example", "txt", {"hello"}, ""}},
       spf,
       "a@sub.d.example",
       "",
       "DMARC_NA sub.d.example: no valid DMARC record"},
      {"two records are final",
       {{"_dmarc.sub.d.example", "txt", {"v=DMARC1; p=none", "v=DMARC1; p=none"}, ""}, reject},
       spf,
       "a@sub.d.example",
       "",
       "DMARC_BAD_POLICY sub.d.example : Multiple policies defined in DNS"},
      {"bad policy",
       {{"_dmarc.d.example", "txt", {"v=DMARC1; p=drop"}, ""}},
       spf,
       "a@d.example",
       "",
       "DMARC_BAD_POLICY d.example : p tag has invalid value: drop"},
      {"time-out is not none",
       {{"_dmarc.sub.d.example", "txt", {}, "timeout"}, reject},
       spf,
       "a@sub.d.example",
       "",
       "DMARC_DNSFAIL sub.d.example : timed out"},
      {"literal", {}, spf, "a@[192.0.2.1]", "", "DMARC_NA No domain in From header"},
  };
  for (const Row& row : rows) {
    Asking asking(row.records);
    asking.present = row.present;
    EXPECT_EQ(judged(asking, {row.from}, row.sender), row.expected) << row.name;
    EXPECT_LE(asking.rounds, 2) << row.name;
  }
}

TEST_F(Dmarc, NeedsOneFrom) {
  Asking none({}), two({});
  EXPECT_EQ(judged(none, {}, ""), "DMARC_NA No From header");
  EXPECT_EQ(judged(two, {"a@d.example", "b@e.example"}, ""), "DMARC_NA Duplicate From header");
}

TEST_F(Dmarc, NobodyFailsWhereSpfWasNotJudged) {
  const std::vector<TableRecord> records{{"_dmarc.d.example", "txt", {"v=DMARC1; p=reject"}, ""}};
  Asking bare(records);
  EXPECT_EQ(judged(bare, {"a@d.example"}, "a@d.example", nullptr), "");
  EXPECT_EQ(bare.evidence.questions.size(), 0u);
  Asking rejected(records);
  rejected.present = {{kDkimTrace, {"d.example:-"}}};
  EXPECT_EQ(judged(rejected, {"a@d.example"}, "a@d.example", nullptr), "");
  Asking proved(records);
  proved.present = {{kDkimTrace, {"d.example:+"}}};
  EXPECT_EQ(judged(proved, {"a@d.example"}, "a@d.example", nullptr),
            "DMARC_POLICY_ALLOW d.example, reject");
}

TEST_F(Dmarc, ActionsOfTheSite) {
  make("actions { reject = reject; quarantine = \"add header\"; softfail = nothing; }");
  const auto result = [&](const char* record) {
    Asking asking({{"_dmarc.d.example", "txt", {record}, ""}});
    judged(asking, {"a@d.example"}, "");
    std::string out;
    for (const PreResult& one : asking.pre_results)
      out += fmt::format("{} {} {}", index(one.action), one.least, one.message);
    return out;
  };
  EXPECT_EQ(result("v=DMARC1; p=reject"), "1 true Action set by DMARC");
  EXPECT_EQ(result("v=DMARC1; p=quarantine"), "2 true Action set by DMARC");
  EXPECT_EQ(result("v=DMARC1; p=none"), "");
}

TEST(DmarcWalk, Names) {
  const auto names = [](std::string_view domain) {
    std::array<std::string_view, kDmarcWalkMax> out;
    const size_t count = walk_names(domain, out);
    std::string text;
    for (size_t i = 0; i < count; ++i) text += std::string(i ? " " : "") + std::string(out[i]);
    return text;
  };
  EXPECT_EQ(names("example"), "example");
  EXPECT_EQ(names("a.mail.example.com"), "a.mail.example.com mail.example.com example.com com");
  // Seven labels: every name; eight and more: the domain, then its last seven (RFC 9989 4.10.1).
  EXPECT_EQ(names("a.b.c.d.e.f.com"),
            "a.b.c.d.e.f.com b.c.d.e.f.com c.d.e.f.com d.e.f.com e.f.com f.com com");
  EXPECT_EQ(
      names("a.b.c.d.e.f.g.com"),
      "a.b.c.d.e.f.g.com b.c.d.e.f.g.com c.d.e.f.g.com d.e.f.g.com e.f.g.com f.g.com g.com com");
  EXPECT_EQ(names("a.b.c.d.e.f.g.h.i.j.mail.example.com"),
            "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com "
            "i.j.mail.example.com j.mail.example.com mail.example.com example.com com");
}

TEST_F(Dmarc, WalksTheTree) {
  make("discovery_method = treewalk;");
  const Present spf{{kSpfAllow, {}}};
  const auto at = [](const char* name, const char* text) {
    return TableRecord{std::string("_dmarc.") + name, "txt", {text}, ""};
  };
  const Row rows[] = {
      {"own record",
       {at("d.example", "v=DMARC1; p=reject")},
       spf,
       "a@d.example",
       "b@d.example",
       "DMARC_POLICY_ALLOW d.example, reject"},
      {"organisation's record",
       {at("d.example", "v=DMARC1; p=reject; sp=quarantine")},
       {},
       "a@x.y.d.example",
       "",
       "DMARC_POLICY_QUARANTINE d.example : No valid SPF, No valid DKIM, quarantine"},
      {"aligned by the organisation",
       {at("d.example", "v=DMARC1; p=reject")},
       spf,
       "a@x.d.example",
       "b@y.d.example",
       "DMARC_POLICY_ALLOW d.example, reject"},
      {"strict",
       {at("d.example", "v=DMARC1; p=reject; aspf=s")},
       spf,
       "a@x.d.example",
       "b@y.d.example",
       "DMARC_POLICY_REJECT d.example : SPF not aligned (strict), No valid DKIM, reject"},
      // psd=n: a part of a domain that stands by itself.
      {"psd=n",
       {at("x.d.example", "v=DMARC1; p=reject; psd=n"), at("d.example", "v=DMARC1; p=none")},
       spf,
       "a@m.x.d.example",
       "b@y.d.example",
       "DMARC_POLICY_REJECT x.d.example : SPF not aligned (relaxed), No valid DKIM, reject | "
       "DMARC_ORGANISATION_DIFFERS m.x.d.example: x.d.example by the tree, d.example by the list"},
      // psd=y: who is below a public suffix is an organisation.
      {"psd=y",
       {at("d.example", "v=DMARC1; p=reject; psd=y")},
       spf,
       "a@m.x.d.example",
       "b@n.x.d.example",
       "DMARC_POLICY_ALLOW d.example, reject | DMARC_ORGANISATION_DIFFERS m.x.d.example: "
       "x.d.example by the tree, d.example by the list"},
      {"psd=y parts",
       {at("d.example", "v=DMARC1; p=reject; psd=y")},
       spf,
       "a@m.x.d.example",
       "b@y.d.example",
       "DMARC_POLICY_REJECT d.example : SPF not aligned (relaxed), No valid DKIM, reject | "
       "DMARC_ORGANISATION_DIFFERS m.x.d.example: x.d.example by the tree, d.example by the list"},
      {"np",
       {at("d.example", "v=DMARC1; p=none; np=reject")},
       {},
       "a@x.d.example",
       "",
       "DMARC_POLICY_REJECT d.example : No valid SPF, No valid DKIM, reject"},
      {"np, the name is there",
       {at("d.example", "v=DMARC1; p=none; np=reject"), {"x.d.example", "a", {"192.0.2.1"}, ""}},
       {},
       "a@x.d.example",
       "",
       "DMARC_POLICY_SOFTFAIL d.example : No valid SPF, No valid DKIM, none"},
      {"t=y",
       {at("d.example", "v=DMARC1; p=reject; t=y")},
       {},
       "a@d.example",
       "",
       "DMARC_POLICY_QUARANTINE d.example : No valid SPF, No valid DKIM, reject, test_mode"},
      {"no pct any more",
       {at("d.example", "v=DMARC1; p=reject; pct=1")},
       {},
       "a@d.example",
       "",
       "DMARC_POLICY_REJECT d.example : No valid SPF, No valid DKIM, reject"},
      {"two records are none",
       {{"_dmarc.x.d.example", "txt", {"v=DMARC1; p=reject", "v=DMARC1; p=none"}, ""},
        at("d.example", "v=DMARC1; p=none")},
       {},
       "a@x.d.example",
       "",
       "DMARC_POLICY_SOFTFAIL d.example : No valid SPF, No valid DKIM, none"},
      {"bad policy with reports",
       {at("d.example", "v=DMARC1; p=x; rua=mailto:a@d.example")},
       {},
       "a@d.example",
       "",
       "DMARC_POLICY_SOFTFAIL d.example : No valid SPF, No valid DKIM, none"},
      {"bad policy",
       {at("d.example", "v=DMARC1; p=x")},
       {},
       "a@d.example",
       "",
       "DMARC_NA d.example: no valid DMARC record"},
      {"none", {}, spf, "a@d.example", "b@d.example", "DMARC_NA d.example"},
      {"time-out",
       {{"_dmarc.example", "txt", {}, "timeout"}},
       spf,
       "a@d.example",
       "b@d.example",
       "DMARC_DNSFAIL d.example : no answer"},
      {"time-out of the other",
       {at("d.example", "v=DMARC1; p=reject"), {"_dmarc.other.example", "txt", {}, "timeout"}},
       spf,
       "a@d.example",
       "b@other.example",
       "DMARC_DNSFAIL d.example : SPF/DKIM temp error, reject"},
  };
  for (const Row& row : rows) {
    Asking asking(row.records);
    asking.present = row.present;
    EXPECT_EQ(judged(asking, {row.from}, row.sender), row.expected) << row.name;
    EXPECT_LE(asking.rounds, 4) << row.name;
    EXPECT_LE(asking.evidence.questions.size(), 3 * kDmarcWalkMax) << row.name;
  }
}

}  // namespace
}  // namespace winnow
