#include <gtest/gtest.h>

#include <memory>

#include "ingest/client/report.h"
#include "ingest/client/requests.h"
#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

std::string server(std::string_view text) {
  const Result<HttpServer> one = parse_server(text, 11333);
  if (!one) return "error: " + one.error().what;
  return one->host + "|" + std::to_string(one->port) + "|" + one->unix_path;
}

TEST(Client, servers_are_named_in_many_ways) {
  EXPECT_EQ(server("mx"), "mx|11333|");
  EXPECT_EQ(server("mx:1"), "mx|1|");
  EXPECT_EQ(server("mx:65535"), "mx|65535|");
  EXPECT_EQ(server("::1"), "::1|11333|");
  EXPECT_EQ(server("[::1]"), "::1|11333|");
  EXPECT_EQ(server("[::1]:25"), "::1|25|");
  EXPECT_EQ(server("/run/winnow.sock"), "|11333|/run/winnow.sock");
  for (const char* wrong :
       {"", ":25", "mx:", "mx:0", "mx:65536", "mx:2x", "[::1", "[]:25", "[::1]25"})
    EXPECT_TRUE(server(wrong).starts_with("error: ")) << wrong;
}

std::string headers(std::string_view command, const ClientEnvelope& envelope) {
  std::string out;
  for (const std::string& one : client_headers(*find_client_command(command), envelope, "f.eml"))
    out += one + "\n";
  return out;
}

TEST(Client, headers_say_what_was_asked_for) {
  ClientEnvelope envelope;
  EXPECT_EQ(headers("stat", envelope), "");
  envelope.password = "secret";
  envelope.ip = "192.0.2.1";
  envelope.from = "a@x.example";
  envelope.recipients = {"b@x.example", "c@x.example"};
  envelope.class_name = "news";
  envelope.pass_all = envelope.raw = true;
  envelope.flag = 3;
  envelope.headers = {"Settings-ID=dkim", "Bare", "Odd=a\r\nb"};
  EXPECT_EQ(
      headers("symbols", envelope),
      "Content-Type: text/plain\nPassword: secret\nFrom: a@x.example\n"
      "Rcpt: b@x.example\nRcpt: c@x.example\nIP: 192.0.2.1\nFilename: f.eml\nFlags: pass_all\n"
      "Raw: yes\nFlag: 3\nSettings-ID: dkim\nBare;\nOdd: a  b\n");
  EXPECT_NE(headers("learn_class:news", envelope).find("Class: news\n"), std::string::npos);
  EXPECT_EQ(headers("stat", envelope), "Password: secret\nSettings-ID: dkim\nBare;\nOdd: a  b\n");
  EXPECT_EQ(find_client_command("learn_classes"), nullptr);
}

struct Reply {
  explicit Reply(std::string_view text) {
    Result<UclResult> parsed = parse_ucl(text, "reply");
    EXPECT_TRUE(parsed) << text;
    document = std::move(parsed->document);
  }
  const UclObject& root() const { return document->root(); }
  std::unique_ptr<UclDocument> document;
};

TEST(Client, a_verdict_is_a_line_for_each_fact) {
  const Reply reply(
      R"({"action":"add header","score":7.5,"required_score":15,"symbols":{)"
      R"("B":{"name":"B","score":7.0,"options":["x","y"]},"A":{"name":"A","score":0.5}},)"
      R"("messages":{"smtp_message":"no"},"message-id":"1@x","urls":["x.example"],"emails":[]})");
  EXPECT_EQ(report_verdict(reply.root()),
            "[Metric: default]\nAction: add header\nSpam: true\nScore: 7.50 / 15.00\n"
            "Symbol: A (0.50)\nSymbol: B (7.00)[x, y]\nMessage - smtp_message: no\n"
            "Message-ID: 1@x\nUrls: [\"x.example\"]\nEmails: []\n");
  EXPECT_EQ(report_verdict(Reply("{}").root()),
            "[Metric: default]\nSpam: false\nScore: 0.00 / 0.00\n");
}

TEST(Client, statistics_have_shares_once_there_was_mail) {
  const Reply reply(
      R"({"scanned":8,"learned":2,"scan_times":[0.5,0.25,null],"actions":{"reject":2,"no action":6},"spam_count":2,)"
      R"("ham_count":6,"fuzzy_hashes":{"x.example":7},"statfiles":[{"symbol":"S","type":"redis","revision":5,"used":1,"total":4,)"
      R"("size":9,"users":1,"languages":0}],"total_learns":5})");
  EXPECT_EQ(
      report_statistics(reply.root()),
      "Messages scanned: 8\nMessages with action reject: 2, 25.00%\n"
      "Messages with action no action: 6, 75.00%\nMessages treated as spam: 2, 25.00%\n"
      "Messages treated as ham: 6, 75.00%\nMessages learned: 2\nAverage scan time: 0.375 sec\n"
      "Fuzzy hashes in storage \"x.example\": 7\nFuzzy hashes stored: 7\n"
      "Statfile: S type: redis; length: 9; free blocks: 3; total blocks: 4; free: 75.00%; "
      "learned: 5; users: 1; languages: 0\nTotal learns: 5\n");
  EXPECT_EQ(report_statistics(Reply("{}").root()), "Messages scanned: 0\n");
}

TEST(Client, counters_stand_in_the_order_that_is_asked_for) {
  const Reply reply(
      R"([{"symbol":"B","weight":1,"frequency":0.5,"hits":7},{"symbol":"A","weight":2,"hits":9},)"
      R"({"symbol":"C","weight":-1,"hits":7}])");
  const auto order = [&](std::string_view by) {
    const std::string said = report_counters(reply.root(), *parse_counter_order(by));
    std::string names;
    for (const char c : {'A', 'B', 'C'}) EXPECT_NE(said.find(c + std::string("  ")), said.npos);
    for (size_t at = 0; (at = said.find("\n| ", at)) != said.npos; ++at)
      if (const char c = said[at + 10]; said[at + 3] >= '0' && said[at + 3] <= '9') names += c;
    return names;
  };
  EXPECT_EQ(order("name"), "ABC");
  EXPECT_EQ(order("name:desc"), "CBA");
  EXPECT_EQ(order("weight"), "CBA");
  EXPECT_EQ(order("hits"), "BCA") << "equal ones by name";
  EXPECT_EQ(order("hits:desc"), "ABC");
  EXPECT_EQ(order("frequency:desc"), "BAC");
  for (const char* wrong : {"", "age", "hits:up", "hits:"})
    EXPECT_FALSE(parse_counter_order(wrong));
}

TEST(Client, uptime_has_the_units_that_count) {
  EXPECT_EQ(report_uptime(Reply(R"({"uptime":0})").root()), "Uptime: 0 seconds\n");
  EXPECT_EQ(report_uptime(Reply(R"({"version":"1","uptime":90061})").root()),
            "Version: 1\nUptime: 1 day 1 hour 1 minute 1 second\n");
  EXPECT_EQ(report_uptime(Reply(R"({"uptime":7200})").root()), "Uptime: 2 hours\n");
}

TEST(Client, the_verdict_stands_at_the_end_of_the_header) {
  const Reply reply(
      R"({"action":"reject","score":1.6,"required_score":15,"symbols":{"A":{},"B":{}}})");
  const std::string fields = "X-Spam-Scanner: winnow " WINNOW_VERSION
                             "\nX-Spam-Scan-Time: 0.250\nX-Spam: yes\n"
                             "X-Spam-Action: reject\nX-Spam-Score: 1.60 / 15.00\nX-Spam-Level: "
                             "**\nX-Spam-Symbols: A,\n\tB\n";
  const auto with = [&](std::string_view mail) {
    return mail_with_verdict(mail, reply.root(), 0.25);
  };
  EXPECT_EQ(with("S: a\n\nb\n\nc\n"), "S: a\n" + fields + "\nb\n\nc\n");
  EXPECT_EQ(with("S: a\n"), "S: a\n" + fields + "\n");
  EXPECT_EQ(with("S: a"), "S: a\n" + fields + "\n");
  EXPECT_EQ(with("\nb\n"), fields + "\nb\n");
  EXPECT_EQ(with(""), fields + "\n");
  std::string crlf;
  for (const char c : fields) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(with("S: a\r\n\r\nb\r\n"), "S: a\r\n" + crlf + "\r\nb\r\n");
}

TEST(Client, a_point_that_is_begun_is_a_star) {
  for (const auto& [score, stars] : {std::pair{"-1.2", 0},
                                     {"0", 0},
                                     {"0.3", 1},
                                     {"3", 3},
                                     {"3.3", 4},
                                     {"3.99", 4},
                                     {"60", 32}}) {
    const Reply reply("{\"score\":" + std::string(score) + "}");
    const std::string mail = mail_with_verdict("", reply.root(), 0);
    const std::string line = "X-Spam-Level: " + std::string(stars, '*') + "\n";
    EXPECT_EQ(mail.find(line) != mail.npos, stars > 0) << score;
  }
}

}  // namespace
}  // namespace winnow
