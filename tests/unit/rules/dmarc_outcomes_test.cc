// What DMARC leaves beside its symbols: From rewritten for mailing lists, and rows of reports.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/mime/ip.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"
#include "rules/checks/auth/dmarc_report_row.h"
#include "tests/unit/rules/compiled.h"

namespace winnow {
namespace {

std::string record(std::string_view name, std::string_view text) {
  return fmt::format("{{ name = \"{}\"; type = txt; replies = [\"{}\"]; }}", name, text);
}

struct Sent {
  std::string from = "Ann <ann@mail.d.example>", more = {}, sender = "b@mail.d.example";
  std::string ip = "192.0.2.1";
  std::vector<std::string> rcpt = {"List@lists.example"};
};

// The verdict of one message under `options` of dmarc.
class Judged {
 public:
  Judged(const std::string& options, const std::string& policy, const Sent& sent) {
    rules_ = compiled(
        fmt::format("dmarc {{ {} }}\nspf {{}}\noptions {{ dns {{ fake_records = [{}, {}, {}] }} }}",
                    options, record("mail.d.example", "v=spf1 ip4:192.0.2.1 -all"),
                    record("_dmarc.d.example", policy),
                    record("_dmarc.mail.d.example", "other text")),
        {});
    TableAnswers answers(*rules_);
    Run run(rules_, answers, {.now_ms = 1'792'575'000'000});
    Worker worker(run);
    Message message;
    message.bytes = MessageBytes(fmt::format(
        "From: {}\nTo: x@there.example\n{}Subject: pears\n\nripe\n", sent.from, sent.more));
    message.from = sent.sender;
    message.recipients = sent.rcpt;
    message.helo = "mx.d.example";
    message.ip = parse_ip(sent.ip).value();
    run.compute(worker, {&message, 1}, {&one_, 1});
    run.conclude(worker, *one_);
  }
  // "NAME: VALUE" of each edit; changes of headers begin with "=".
  std::string edits() const {
    std::string out;
    for (const Edit& edit : one_->verdict.edits)
      if (edit.name != "X-Spam")
        out += fmt::format("{}{}: {}\n", edit.kind == EditKind::kChangeHeader ? "=" : "", edit.name,
                           edit.value);
    return out;
  }
  std::string munged() const {
    for (const VerdictSymbol& one : one_->verdict.symbols)
      if (rules_->model.symbols[index(one.symbol)].name == "DMARC_MUNGED")
        return std::string(one.options[0]);
    return "-";
  }
  const std::vector<Effect>& effects() const { return one_->verdict.effects; }
  std::string told() const {
    std::string out;
    for (const ConfigWarning& warning : rules_->warnings) out += warning.text() + "\n";
    return out;
  }

 private:
  std::shared_ptr<RuleSet> rules_;
  std::unique_ptr<Case> one_ = std::make_unique<Case>();
};

constexpr const char* kReject = "v=DMARC1; p=reject; rua=mailto:r@d.example";

TEST(DmarcMunging, rewrites_from) {
  const auto munged = [](const std::string& more, const Sent& sent = {},
                         const char* policy = kReject) {
    return Judged("munging { list_map = [\"list@lists.example\"]; " + more + " }", policy, sent);
  };
  EXPECT_EQ(munged("").munged(), "List@lists.example");
  EXPECT_EQ(munged("").edits(),
            "=From: Ann via List <List@lists.example>\n"
            "X-Original-From: Ann <ann@mail.d.example>\n"
            "Reply-To: Ann <ann@mail.d.example>\n");
  EXPECT_EQ(munged("reply_goes_to_list = true;").edits(),
            "=From: Ann via List <List@lists.example>\n"
            "X-Original-From: Ann <ann@mail.d.example>\n"
            "=Reply-To: <List@lists.example>\n");
  EXPECT_EQ(munged("munge_from = false;", {.more = "Reply-To: r@d.example\n"}).edits(),
            "=From: Ann <List@lists.example>\n"
            "X-Original-From: Ann <ann@mail.d.example>\n");
  EXPECT_EQ(munged("", {.from = "=?utf-8?Q?J=C3=BCrg?= <ann@mail.d.example>"}).edits(),
            "=From: =?UTF-8?B?SsO8cmcgdmlhIExpc3Q=?= <List@lists.example>\n"
            "X-Original-From: =?UTF-8?B?SsO8cmc=?= <ann@mail.d.example>\n"
            "Reply-To: =?UTF-8?B?SsO8cmc=?= <ann@mail.d.example>\n");
  EXPECT_EQ(munged("", {.from = "ann@mail.d.example"}).edits().substr(0, 42),
            "=From: ann via List <List@lists.example>\nX");
  // Nobody's list; a failure, which is rewritten only where that is asked for; a policy of none.
  EXPECT_EQ(munged("", {.rcpt = {"x@there.example"}}).edits(), "");
  const Sent forged{.ip = "192.0.2.9"};
  EXPECT_EQ(munged("", forged).edits(), "");
  EXPECT_NE(munged("mitigate_allow_only = false;", forged).edits(), "");
  constexpr const char* kNone = "v=DMARC1; p=none";
  EXPECT_NE(munged("", {}, kNone).edits(), "");
  EXPECT_EQ(munged("mitigate_strict_only = true;", {}, kNone).edits(), "");
  EXPECT_NE(munged("mitigate_strict_only = true;").edits(), "");
}

TEST(DmarcMunging, a_condition_of_maps) {
  const auto munged = [](const std::string& rules, const std::string& expression,
                         const Sent& sent = {}) {
    return Judged("munging { list_map = [\"list@lists.example\"]; munge_map_condition { rules { " +
                      rules + " } expression = \"" + expression + "\"; } }",
                  kReject, sent)
        .munged();
  };
  const std::string from =
      "author { selector = \"from('mime'):domain\"; map = [\"mail.d.example\"]; } ";
  const std::string ip = "near { selector = \"ip\"; map = [\"192.0.2.0/24\"]; type = radix; } ";
  const std::string subject =
      "said { selector = \"header('Subject')\"; map = [\"/^PEARS$/i\"]; type = regexp; } ";
  EXPECT_EQ(munged(from, "author"), "List@lists.example");
  EXPECT_EQ(munged(from, "!author"), "-");
  EXPECT_EQ(munged(from + ip, "author & near"), "List@lists.example");
  EXPECT_EQ(munged(from + ip, "author & !near"), "-");
  EXPECT_EQ(munged(ip, "near", {.from = "ann@mail.d.example", .ip = "192.0.2.1"}),
            "List@lists.example");
  EXPECT_EQ(munged(subject, "said"), "List@lists.example");
  EXPECT_EQ(munged("other { selector = \"header('Subject')\"; map = [\"plums\"]; } " + from,
                   "other | author"),
            "List@lists.example");
  // What cannot be meant rewrites nothing.
  EXPECT_EQ(munged(from, "author & nobody"), "-");
  EXPECT_EQ(munged(from, ""), "-");
  EXPECT_EQ(munged("x { selector = \"nothing\"; map = [\"a\"]; }", "x"), "-");
  EXPECT_EQ(munged("x { selector = \"ip\"; map = [\"a\"]; type = heap; }", "x"), "-");
  EXPECT_EQ(munged("x { selector = \"ip\"; }", "x"), "-");
}

TEST(DmarcMunging, what_it_cannot_do_is_told) {
  const Judged without("munging { }", kReject, {});
  EXPECT_EQ(without.edits(), "");
  EXPECT_NE(without.told().find("list_map is missing"), std::string::npos) << without.told();
  const Judged more("munging { list_map = [a@b.example]; munge_map_condition { x = 1 } }", kReject,
                    {});
  EXPECT_NE(more.told().find("munge_map_condition"), std::string::npos) << more.told();
}

DmarcReportRow row_of(const Judged& judged) {
  DmarcReportRow row;
  EXPECT_EQ(judged.effects().size(), 1u);
  if (judged.effects().empty()) return row;
  EXPECT_EQ(judged.effects()[0].kind, EffectKind::kReport);
  EXPECT_EQ(judged.effects()[0].key, "dmarc");
  EXPECT_TRUE(read_dmarc_row(judged.effects()[0].value, row));
  EXPECT_EQ(write_dmarc_row(row), judged.effects()[0].value);
  return row;
}

TEST(DmarcReporting, rows) {
  const std::string on = "reporting { enabled = true; }";
  DmarcReportRow passed;
  passed.policy_domain = "d.example";
  passed.rua = "mailto:r@d.example";
  passed.method = "psl";
  passed.adkim = passed.aspf = "r";
  passed.p = passed.sp = passed.np = "reject";
  passed.pct = "100";
  passed.testing = "n";
  passed.ip = "192.0.2.1";
  passed.disposition = "none";
  passed.dkim = "fail";
  passed.spf = "pass";
  passed.header_from = passed.envelope_from = passed.spf_domain = "mail.d.example";
  passed.spf_scope = "mfrom";
  passed.spf_result = "pass";
  EXPECT_EQ(row_of({on, kReject, {}}), passed);
  DmarcReportRow failed = passed;
  failed.ip = "192.0.2.9";
  failed.disposition = "reject";
  failed.spf = "fail";
  failed.spf_result = "fail";
  EXPECT_EQ(row_of({on, kReject, {.ip = "192.0.2.9"}}), failed);
  // By the tree walk, in test mode: a step lower.
  DmarcReportRow walked = failed;
  walked.method = "treewalk";
  walked.testing = "y";
  walked.rua = "mailto:a@d.example,mailto:b@d.example!1m";
  walked.disposition = "quarantine";
  walked.reason = "policy_test_mode";
  EXPECT_EQ(row_of({on + " discovery_method = treewalk;",
                    "v=DMARC1; p=reject; t=y; rua=mailto:a@d.example,mailto:b@d.example!1m",
                    {.ip = "192.0.2.9"}}),
            walked);
}

TEST(DmarcReporting, addresses_that_never_get_one) {
  const std::string on =
      "reporting { enabled = true; exclude_rua_addresses = [\"b@d.example\", \"c@d.example\"]; }";
  constexpr const char* kSome =
      "v=DMARC1; p=none; rua=mailto:a@d.example!1m , mailto:B@d.example!2m";
  EXPECT_EQ(row_of({on, kSome, {}}).rua, "mailto:a@d.example!1m");
  constexpr const char* kNone = "v=DMARC1; p=none; rua=mailto:b@d.example,,mailto:c@d.example,";
  EXPECT_TRUE(Judged(on, kNone, {}).effects().empty());
}

TEST(DmarcReporting, who_is_left_out) {
  const auto count = [](const std::string& options, const char* policy = kReject,
                        const Sent& sent = {}) {
    return Judged("reporting { " + options + " }", policy, sent).effects().size();
  };
  EXPECT_EQ(count("enabled = true;"), 1u);
  EXPECT_EQ(count("enabled = false;"), 0u);
  EXPECT_EQ(count("enabled = true;", "v=DMARC1; p=reject"), 0u);
  EXPECT_EQ(count("enabled = true;", "v=DMARC1; p=reject; rua=http://d.example/"), 0u);
  EXPECT_EQ(count("enabled = true; only_domains = [\"other.example\"];"), 0u);
  EXPECT_EQ(count("enabled = true; only_domains = [\"d.example\"];"), 1u);
  EXPECT_EQ(count("enabled = true; exclude_domains = [\"mail.d.example\"];"), 0u);
  EXPECT_EQ(count("enabled = true; exclude_recipients = [\"list@lists.example\"];"), 0u);
  EXPECT_EQ(count("enabled = true;", kReject, {.from = "a@mail.d.example, b@mail.d.example"}), 0u);
  EXPECT_EQ(Judged("reporting = true;", kReject, {}).effects().size(), 0u);
  EXPECT_NE(Judged("reporting = true;", kReject, {}).told().find("section"), std::string::npos);
}

TEST(DmarcReportRow, text) {
  DmarcReportRow row;
  row.policy_domain = "d.example";
  row.rua = "a\tb\nc";
  row.header_from = std::string(kDmarcRowFieldMax + 1, 'x');
  for (size_t i = 0; i < kDmarcRowSignaturesMax + 1; ++i)
    row.signatures.push_back({"s.example", "one", "pass"});
  DmarcReportRow read;
  ASSERT_TRUE(read_dmarc_row(write_dmarc_row(row), read));
  EXPECT_EQ(read.rua, "a?b?c");
  EXPECT_EQ(read.header_from.size(), kDmarcRowFieldMax);
  EXPECT_EQ(read.signatures.size(), kDmarcRowSignaturesMax);
  EXPECT_EQ(read.signatures[0], row.signatures[0]);
  const std::string text = write_dmarc_row(read);
  for (const std::string& bad :
       {std::string(), text.substr(0, text.size() - 1), text + "x\t", text + "a\tb\tc\t",
        "\t" + text, std::string(kDmarcRowBytesMax + 1, '\t')})
    EXPECT_FALSE(read_dmarc_row(bad, read)) << bad.substr(0, 100);
}

}  // namespace
}  // namespace winnow
