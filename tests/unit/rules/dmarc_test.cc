#include <gtest/gtest.h>

#include "engine/mime/ip.h"
#include "rules/checks/auth/dmarc_record.h"
#include "rules/checks/check.h"
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
    CompileContext context{.headers = names_,
                           .limits = limits_,
                           .map = {},
                           .warn = {},
                           .symbol = [](std::string_view name) {
                             return static_cast<SymbolId>(name == "R_SPF_ALLOW"     ? kSpfAllow
                                                          : name == "R_SPF_DNSFAIL" ? kSpfDnsFail
                                                                                    : kDkimTrace);
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

TEST_F(Dmarc, Judges) {
  using Present = std::map<uint32_t, std::vector<std::string>>;
  const Present spf{{kSpfAllow, {}}};
  const auto dkim = [](const char* trace) { return Present{{kDkimTrace, {"x.example:-", trace}}}; };
  const TableRecord reject{"_dmarc.d.example", "txt", {"v=DMARC1; p=reject"}, ""};
  struct Row {
    const char* name;
    std::vector<TableRecord> records;
    Present present;
    const char* from;
    const char* sender;
    const char* expected;
  };
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
       "DMARC_POLICY_QUARANTINE sub.d.example : No valid SPF, No valid DKIM, quarantine"},
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

}  // namespace
}  // namespace winnow
