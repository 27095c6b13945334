// metadata_exporter: what a verdict exports, and each format's text.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/mime/ip.h"
#include "engine/score/questions.h"
#include "rules/checks/exports/export_formats.h"
#include "tests/unit/rules/compiled.h"
#include "tests/unit/rules/judged.h"

namespace winnow {
namespace {

constexpr std::string_view kActions =
    "actions { reject = 15; add_header = 6; rewrite_subject = 5; greylist = 4; }\n";

// Symbols SIX and MORE by words of the message.
std::shared_ptr<RuleSet> rules_with(const std::string& exports) {
  return compiled(
      fmt::format("{}regexp {{ SIX {{ re = \"/six/{{body}}\"; score = 6.5; group = g; }}\n"
                  "MORE {{ re = \"/more/{{body}}\"; score = 10; group = g; }} "
                  "FIVE {{ re = \"/five/{{body}}\"; score = 5; group = g; }} }}\n"
                  "metadata_exporter {{ {} }}",
                  kActions, exports),
      {});
}

Message mail(std::string_view body, std::string_view headers = "Subject: pears\n") {
  Message out;
  out.bytes =
      MessageBytes(fmt::format("From: \"Ann\" <ann@a.example>\nTo: ben@b.example\n{}"
                               "Date: Wed, 21 Oct 2026 09:00:00 +0000\n"
                               "Message-ID: <1@a.example>\n\n{}\n",
                               headers, body));
  out.from = "ann@a.example";
  out.recipients = {"ben@b.example", "carl@b.example"};
  out.ip = parse_ip("192.0.2.1").value();
  out.queue_id = "Q1";
  return out;
}

// Names of the rules that the verdict exports by, with blanks.
std::string exported(const Case& one) {
  std::string out;
  for (const Effect& effect : one.verdict.effects)
    if (effect.kind == EffectKind::kExport)
      out += (out.empty() ? "" : " ") + std::string(effect.key);
  return out;
}

std::string warnings(const RuleSet& rules) {
  std::string out;
  for (const ConfigWarning& one : rules.warnings)
    if (one.what.find("export") != std::string::npos) out += one.text() + "\n";
  return out;
}

// Of its symbols those of the test alone.
std::string written(const RuleSet& rules, Case& one, ExportText* text = nullptr) {
  const ExportPlan* const plan = find_exports(rules);
  std::erase_if(one.verdict.symbols, [&](const VerdictSymbol& symbol) {
    const std::vector<GroupId>& groups = rules.model.symbols[index(symbol.symbol)].groups;
    return groups.empty() || rules.model.groups[index(groups[0])].name != "g";
  });
  one.verdict.score = 0;
  for (const VerdictSymbol& symbol : one.verdict.symbols) one.verdict.score += symbol.score;
  ExportText out = write_export(*plan->rules.at(0), {.plan = *plan,
                                                     .model = rules.model,
                                                     .evidence = one.evidence,
                                                     .verdict = one.verdict,
                                                     .message = one.message.bytes.view(),
                                                     .host_name = "here.example",
                                                     .id = "id1",
                                                     .scan_ms = 12,
                                                     .date = "Wed, 21 Oct 2026 09:30:00 GMT"});
  if (text) *text = out;
  return out.body;
}

TEST(Exports, selectors) {
  std::string options = "rules {";
  for (const char* const name : {"default", "is_spam", "is_spam_authed", "is_reject",
                                 "is_reject_authed", "is_not_soft_reject"})
    options +=
        fmt::format("{0} {{ backend = http; url = \"http://h/\"; selector = {0}; }}\n", name);
  const auto rules = rules_with(options + "}");
  EXPECT_EQ(warnings(*rules), "");
  struct Row {
    std::string_view body, user, expected;
  };
  for (const Row& row : {Row{"none", "", "default is_not_soft_reject"},
                         Row{"five", "", "default is_spam is_not_soft_reject"},
                         Row{"six", "", "default is_spam is_not_soft_reject"},
                         Row{"six", "ann", "default is_spam is_spam_authed is_not_soft_reject"},
                         Row{"six more", "", "default is_spam is_reject is_not_soft_reject"},
                         Row{"six more", "ann",
                             "default is_spam is_spam_authed is_reject is_reject_authed "
                             "is_not_soft_reject"}}) {
    Message message = mail(row.body);
    message.user = row.user;
    EXPECT_EQ(exported(*judged(rules, std::move(message))), row.expected) << row.body;
  }
}

TEST(Exports, json) {
  const auto rules =
      rules_with("rules { R { backend = http; url = \"http://h/\"; formatter = json; } }");
  EXPECT_EQ(
      written(*rules, *judged(rules, mail("six"))),
      "{\"action\":\"add header\",\"from\":\"ann@a.example\",\"fuzzy\":[],"
      "\"header_from\":[\"\\\"Ann\\\" <ann@a.example>\"],\"header_to\":[\"ben@b.example\"],"
      "\"header_subject\":[\"pears\"],\"header_date\":[\"Wed, 21 Oct 2026 09:00:00 +0000\"],"
      "\"ip\":\"192.0.2.1\",\"message_id\":\"1@a.example\",\"qid\":\"Q1\","
      "\"rcpt\":[\"ben@b.example\",\"carl@b.example\"],\"rspamd_server\":\"here.example\","
      "\"scan_time\":12,\"score\":6.500000,\"subject\":\"pears\",\"symbols\":[{\"name\":\"SIX\","
      "\"score\":6.500000,\"group\":\"g\",\"groups\":[\"g\"]}],\"user\":\"unknown\"}");
  // Nothing is known of it.
  Message bare;
  bare.bytes = MessageBytes("X: 1\n\nnone\n");
  EXPECT_EQ(written(*rules, *judged(rules, std::move(bare))),
            "{\"action\":\"reject\",\"from\":\"unknown\",\"fuzzy\":[],\"header_from\":\"unknown\","
            "\"header_to\":\"unknown\",\"header_subject\":\"unknown\",\"header_date\":\"unknown\","
            "\"ip\":\"unknown\",\"message_id\":\"undef\",\"qid\":\"unknown\",\"rcpt\":\"unknown\","
            "\"rspamd_server\":\"here.example\",\"scan_time\":12,\"score\":0.0,"
            "\"subject\":\"unknown\",\"symbols\":[],\"user\":\"unknown\"}");
  // The null sender is known.
  Message bounce = mail("none");
  bounce.from = "";
  EXPECT_NE(written(*rules, *judged(rules, std::move(bounce))).find("\"from\":\"\","),
            std::string::npos);
}

TEST(Exports, json_with_message) {
  const auto rules = rules_with(
      "rules { R { backend = http; url = \"http://h/\"; formatter = json_with_message; } }");
  std::string text = written(*rules, *judged(rules, mail("\"a\\b\"")));
  EXPECT_TRUE(text.ends_with("\\n\\n\\\"a\\\\b\\\"\\n\"}")) << text;
  // Over one piece, where characters would be cut.
  std::string many = "x";
  for (int i = 0; i < 20'000; ++i) many += "\xC3\xA4";
  text = written(*rules, *judged(rules, mail(many)));
  EXPECT_NE(text.find("\\n\\n" + many + "\\n\"}"), std::string::npos);
  text = written(*rules, *judged(rules, mail("\xE4")));
  EXPECT_TRUE(text.ends_with("CgrkCg==\",\"message_encoding\":\"base64\"}") ||
              text.ends_with("\",\"message_encoding\":\"base64\"}"))
      << text;
}

TEST(Exports, multipart) {
  const auto rules =
      rules_with("rules { R { backend = http; url = \"http://h/\"; formatter = multipart; } }");
  ExportText text;
  // The boundary does not stand in the message.
  const auto one = judged(rules, mail("--winnow-id1-0"));
  const std::string body = written(*rules, *one, &text);
  EXPECT_EQ(text.type, "multipart/form-data; boundary=\"winnow-id1-1\"");
  EXPECT_TRUE(
      body.starts_with("--winnow-id1-1\r\nContent-Disposition: form-data; name=\"metadata\"\r\n"
                       "Content-Type: application/json\r\n\r\n{\"action\":"));
  EXPECT_TRUE(
      body.ends_with("}\r\n--winnow-id1-1\r\nContent-Disposition: form-data; name=\"message\"; "
                     "filename=\"message.eml\"\r\nContent-Type: message/rfc822\r\n\r\n" +
                     std::string(one->message.bytes.view()) + "\r\n--winnow-id1-1--\r\n"))
      << body;
}

TEST(Exports, email_alert) {
  const auto rules = rules_with(
      "mail_from = \"w@h.example\"; rules { R { backend = send_mail; smtp = h; formatter = "
      "email_alert; "
      "mail_to = [\"a@h.example\"]; email_alert_recipients = true; email_alert_sender = true; } }");
  ExportText text;
  EXPECT_EQ(written(*rules, *judged(rules, mail("six", "Subject: pears\nSubject: .\n")), &text),
            "From: \"Winnow\" <w@h.example>\r\n"
            "To: <a@h.example>, <ann@a.example>, <ben@b.example>, <carl@b.example>\r\n"
            "Subject: Mail filter: add header\r\nDate: Wed, 21 Oct 2026 09:30:00 GMT\r\n"
            "MIME-Version: 1.0\r\nMessage-ID: <id1@rspamd>\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "A message was given the action \"add header\" with a score of 6.50.\r\n\r\n"
            "Client:     192.0.2.1\r\nUser:       unknown\r\nQueue id:   Q1\r\n"
            "Sender:     ann@a.example\r\nRecipients: ben@b.example, carl@b.example\r\n"
            "From:       \"Ann\" <ann@a.example>\r\nTo:         ben@b.example\r\n"
            "Date:       Wed, 21 Oct 2026 09:00:00 +0000\r\n"
            "Subject:    pears\r\n\t.\r\nMessage-ID: 1@a.example\r\n\r\nSIX(6.50)\r\n");
  EXPECT_EQ(text.mail_to, (std::vector<std::string>{"a@h.example", "ann@a.example", "ben@b.example",
                                                    "carl@b.example"}));
  // What is no address gets no mail.
  Message odd = mail("six");
  odd.from = "a b>\r\nDATA";
  odd.recipients.assign(300, "");
  for (size_t i = 0; i < odd.recipients.size(); ++i) odd.recipients[i] = fmt::format("r{}@b", i);
  written(*rules, *judged(rules, std::move(odd)), &text);
  EXPECT_EQ(text.mail_to.size(), kExportRecipientsMax);
  EXPECT_EQ(text.mail_to[1], "r0@b");
}

TEST(Exports, templates) {
  const auto rules = rules_with(
      "rules { R { backend = http; url = \"http://h/\"; formatter = email_alert; email_template = "
      "\"$action ${score}$ $$ ${ ${nix $nix ${user}s $scan_time ms\"; } }");
  EXPECT_EQ(written(*rules, *judged(rules, mail("six"))),
            "add header 6.50$ $$ ${ ${nix nix unknowns 12 ms");
}

TEST(Exports, headers) {
  const auto rules =
      rules_with("rules { R { backend = http; url = \"http://h/\"; meta_headers = true; } }");
  ExportText text;
  written(*rules, *judged(rules, mail("six", "Subject: =?utf-8?q?a=0D=0AX:=20b?=\n")), &text);
  std::string all;
  for (const auto& [name, value] : text.headers) all += name + ": " + value + "\n";
  EXPECT_EQ(
      all,
      "X-Rspamd-action: add header\nX-Rspamd-from: ann@a.example\nX-Rspamd-fuzzy: []\n"
      "X-Rspamd-ip: 192.0.2.1\nX-Rspamd-qid: Q1\n"
      "X-Rspamd-rcpt: [\"ben@b.example\",\"carl@b.example\"]\n"
      "X-Rspamd-rspamd_server: here.example\nX-Rspamd-scan_time: 12\nX-Rspamd-score: 6.5\n"
      "X-Rspamd-subject: a  X: b\n"
      "X-Rspamd-symbols: [{\"name\":\"SIX\",\"score\":6.500000,\"group\":\"g\",\"groups\":[\"g\"]}]"
      "\nX-Rspamd-user: unknown\n");
}

bool is_export(const Question& question) {
  return question.kind == QuestionKind::kTake && question.type == kExportTake;
}

// The question of a rule that mail waits for, with an answer.
std::string deferred(const Answer& answer) {
  const auto rules = rules_with(
      "rules { MUST { backend = http; url = \"http://h/\"; defer = true; }"
      " ALSO { backend = http; url = \"http://h/\"; selector = is_not_soft_reject; } }");
  struct Answers final : Answerer {
    explicit Answers(const Answer& one) : one_(one) {}
    void answer(Evidence& evidence) const override {
      for (size_t i = 0; i < evidence.questions.size(); ++i) {
        const bool take = is_export(evidence.questions[i]);
        EXPECT_TRUE(!take || evidence.questions[i].key == "export MUST");
        evidence.answers[i] = take ? one_ : unknown_answer(UnknownReason::kNoTable);
      }
    }
    const Answer& one_;
  };
  const Answers answers(answer);
  Message message = mail("six");
  message.on_its_way = true;
  const std::unique_ptr<Case> one = judged(rules, std::move(message), answers);
  const PreResult* const forced = one->verdict.forced_by == kNoIndex
                                      ? nullptr
                                      : &one->verdict.pre_results[one->verdict.forced_by];
  const auto unknown = std::ranges::count_if(one->verdict.unknown, [&](QuestionId id) {
    return is_export(one->evidence.questions[index(id)]);
  });
  return fmt::format("{}{} [{}] {} unknown", rules->model.actions[index(one->verdict.action)].name,
                     forced ? fmt::format(" by {}: {}", forced->module, forced->message) : "",
                     exported(*one), unknown);
}

TEST(Exports, mail_that_waits) {
  const std::string_view sent[] = {kExportSent}, failed[] = {"failed: nobody is there"};
  EXPECT_EQ(deferred({.state = AnswerState::kValue, .values = sent}),
            "add header [ALSO] 0 unknown");
  EXPECT_EQ(deferred({.state = AnswerState::kValue, .values = failed}),
            "soft reject by metadata_exporter: deferred [] 0 unknown");
  EXPECT_EQ(deferred(unknown_answer(UnknownReason::kTimeout)),
            "soft reject by metadata_exporter: deferred [] 1 unknown");
  // Nobody was there to send it: a scan, a replay.
  for (const UnknownReason reason :
       {UnknownReason::kNoTable, UnknownReason::kNotAllowed, UnknownReason::kNotReplayed})
    EXPECT_EQ(deferred(unknown_answer(reason)), "add header [ALSO] 1 unknown");
}

TEST(Exports, options) {
  const auto rules = rules_with(
      "timeout = 2s; defer = true; mime_type = \"a/b\"; rules { R { backend = http; url = "
      "\"https://h/\"; timeout = 100ms; } S { backend = redis_stream; stream_key = k; max_len = "
      "-1; "
      "defer = false; } } servers = \"h\";");
  const ExportPlan* const plan = find_exports(*rules);
  ASSERT_EQ(plan->rules.size(), 2u);
  EXPECT_EQ(plan->rules[0]->timeout_ms, 100u);
  EXPECT_EQ(plan->rules[1]->timeout_ms, 2'000u);
  EXPECT_EQ(plan->rules[0]->mime_type, "a/b");
  EXPECT_TRUE(plan->rules[0]->defer);
  EXPECT_FALSE(plan->rules[1]->defer);
  EXPECT_TRUE(plan->asks_redis());
  EXPECT_NE(warnings(*rules).find("max_len must be a number of entries over 0"), std::string::npos);
  std::string many = "rules {";
  for (size_t i = 0; i <= kExportRulesMax; ++i)
    many += fmt::format("R{} {{ backend = http; url = \"http://h/\"; }}\n", i);
  const auto too_many = rules_with(many + "}");
  EXPECT_EQ(find_exports(*too_many)->rules.size(), kExportRulesMax);
  EXPECT_NE(warnings(*too_many).find("There are 33 exports"), std::string::npos);
  EXPECT_EQ(find_exports(*rules_with("")), nullptr);
  for (const char* const bad :
       {"backend = http; url = \"ftp://h/\"", "backend = http; url = \"http://\"",
        "backend = http; url = \"http://h/\\nX: y\"", "backend = http; url = \"http://h/ x\"",
        "backend = redis_pubsub", "backend = redis_pubsub; channel = c",
        "backend = send_mail; smtp = h; formatter = multipart",
        "backend = http; url = \"http://h/\"; selector = custom"}) {
    const auto off = rules_with(fmt::format("rules {{ R {{ {}; }} }}", bad));
    EXPECT_EQ(find_exports(*off), nullptr) << bad;
    EXPECT_NE(warnings(*off).find("t.conf:4:"), std::string::npos) << bad << warnings(*off);
  }
}

}  // namespace
}  // namespace winnow
