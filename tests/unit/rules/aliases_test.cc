// aliases {}: which way mail goes, and addresses that are other names.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/mime/ip.h"
#include "tests/unit/rules/compiled.h"
#include "tests/unit/rules/judged.h"

namespace winnow {
namespace {

struct Envelopes {
  std::string from;
  std::vector<std::string> rcpt;
  std::string user = {};
  std::string ip = "203.0.113.9";
};

class Site {
 public:
  explicit Site(const std::string& text, MemoryFiles files = {})
      : rules_(compiled(text, std::move(files))) {}

  std::unique_ptr<Case> judge(const Envelopes& envelope,
                              std::string_view mail = "Subject: a\n\nb\n") {
    Message message;
    message.bytes = MessageBytes(mail);
    message.from = envelope.from;
    message.recipients = envelope.rcpt;
    message.recipients_known = true;
    message.user = envelope.user;
    message.ip = *parse_ip(envelope.ip);
    return judged(rules_, std::move(message));
  }
  // What was found of `names`, in that order.
  std::string symbols(const Case& one, std::initializer_list<std::string_view> names) const {
    std::string out;
    for (const std::string_view name : names) out += found(*rules_, one, name);
    return out;
  }
  const RuleSet& rules() const { return *rules_; }

 private:
  std::shared_ptr<RuleSet> rules_;
};

TEST(Aliases, WhichWayMailGoes) {
  struct Row {
    const char* name;
    Envelopes envelope;
    std::string_view expected;
  };
  const Row rows[] = {
      {"from outside", {"a@far.example", {"b@ours.example"}}, "LOCAL_INBOUND"},
      {"in any case", {"a@far.example", {"b@OURS.example"}}, "LOCAL_INBOUND"},
      {"a bounce", {"", {"b@ours.example"}}, "LOCAL_INBOUND"},
      {"to one of ours at least",
       {"a@far.example", {"c@far.example", "b@too.example"}},
       "LOCAL_INBOUND"},
      {"between ours", {"a@ours.example", {"b@too.example"}}, "INTERNAL_MAIL"},
      {"to outside", {"a@ours.example", {"b@far.example"}}, "LOCAL_OUTBOUND"},
      {"of a user with another address",
       {"a@far.example", {"b@far.example"}, "ann"},
       "LOCAL_OUTBOUND"},
      {"of a host of ours",
       {"a@far.example", {"b@far.example"}, "", "127.0.0.1"},
       "LOCAL_OUTBOUND"},
      {"of nobody to nobody", {"a@far.example", {"b@far.example"}}, ""},
      {"a subdomain is another domain", {"a@far.example", {"b@x.ours.example"}}, ""},
  };
  Site site("aliases { local_domains = ['ours.example', 'too.example']; }");
  for (const Row& row : rows) {
    const auto one = site.judge(row.envelope);
    EXPECT_EQ(site.symbols(*one, {"LOCAL_INBOUND", "LOCAL_OUTBOUND", "INTERNAL_MAIL"}),
              row.expected)
        << row.name;
  }
  Site none("aliases { }");
  EXPECT_EQ(none.symbols(*none.judge({"a@far.example", {"b@ours.example"}}), {"LOCAL_INBOUND"}),
            "");
}

TEST(Aliases, ForwardedMailIsNotInbound) {
  Site site("aliases { local_domains = ['ours.example']; }");
  const auto one =
      site.judge({"a@far.example", {"b@ours.example"}},
                 "Received: from x.example (x.example [192.0.2.1])\n by y.example with "
                 "ESMTP id 1 for <c@old.example>;\n Tue, 20 Oct 2026 10:00:00 +0000\n"
                 "Subject: a\n\nb\n");
  EXPECT_EQ(site.symbols(*one, {"FORWARDED", "LOCAL_INBOUND"}), "FORWARDED[c@old.example]");
}

TEST(Aliases, OtherNamesAreTold) {
  struct Row {
    const char* name;
    std::string_view rcpt, expected;
  };
  const Row rows[] = {
      {"itself", "b@ours.example", ""},
      {"a tag", "b+shop@ours.example", "b+shop@ours.example -> b@ours.example"},
      {"a tag alone is a name", "+b@ours.example", ""},
      {"gmail", "b.o.b+x@gmail.com", "b.o.b+x@gmail.com -> bob@gmail.com"},
      {"dots elsewhere", "b.o.b@ours.example", ""},
      {"written in the configuration", "Sales@ours.example",
       "Sales@ours.example -> ann@ours.example"},
      {"a chain", "info@ours.example", "info@ours.example -> ann@ours.example"},
      {"virtual", "web@ours.example", "web@ours.example -> joe@far.example"},
      {"a whole domain", "any@old.example", "any@old.example -> joe@ours.example"},
      {"of the system", "root@ours.example", "root@ours.example -> joe@ours.example"},
      {"of the system, elsewhere", "root@far.example", ""},
      {"a circle ends", "one@ours.example", ""},
  };
  MemoryFiles files;
  files.add("/virtual",
            "web@ours.example joe@far.example, x@far.example\n@old.example "
            "joe@ours.example\n");
  files.add("/aliases", "root: joe\n");
  Site site(
      "aliases { local_domains = ['ours.example']; virtual_aliases = '/virtual'; system_aliases { "
      "type = file; path = '/aliases' } rspamd_aliases { 'sales@ours.example' = "
      "['ann@ours.example', 'joe@ours.example']; 'info@ours.example' = 'sales@ours.example'; "
      "'one@ours.example' = 'two@ours.example'; 'two@ours.example' = 'one@ours.example' } }",
      std::move(files));
  for (const Row& row : rows) {
    const auto one = site.judge({"a@far.example", {std::string(row.rcpt)}});
    const std::string expected =
        row.expected.empty() ? "" : "ALIAS_RESOLVED[" + std::string(row.expected) + "]";
    EXPECT_EQ(site.symbols(*one, {"ALIAS_RESOLVED"}), expected) << row.name;
  }
}

TEST(Aliases, OptionsTurnPartsOff) {
  const auto told = [](const std::string& options) {
    Site site("aliases { " + options + " }");
    const auto one = site.judge({"a@far.example", {"b+t@ours.example", "b.b@gmail.com"}},
                                "To: c+t@ours.example\n\nb\n");
    return site.symbols(*one, {"ALIAS_RESOLVED"});
  };
  const std::string tag = "[b+t@ours.example -> b@ours.example]";
  const std::string gmail = "[b.b@gmail.com -> bb@gmail.com]";
  const std::string header = "[c+t@ours.example -> c@ours.example]";
  EXPECT_EQ(told(""), "ALIAS_RESOLVED" + tag + gmail + header);
  EXPECT_EQ(told("enable_plus_aliases = false;"), "ALIAS_RESOLVED" + gmail);
  EXPECT_EQ(told("enable_gmail_rules = false;"), "ALIAS_RESOLVED" + tag + header);
  EXPECT_EQ(told("apply_to_mime = false;"), "ALIAS_RESOLVED" + tag + gmail);
  EXPECT_EQ(told("apply_to_smtp = false;"), "ALIAS_RESOLVED" + header);
  EXPECT_EQ(told("enabled = false;"), "");
}

TEST(Aliases, AChainEndsAtItsLimit) {
  std::string table;
  for (int i = 0; i < 5; ++i)
    table +=
        "'u" + std::to_string(i) + "@x.example' = 'u" + std::to_string(i + 1) + "@x.example'; ";
  for (const auto& [depth, last] : {std::pair("3", "u3"), std::pair("10", "u5")}) {
    Site site("aliases { max_recursion_depth = " + std::string(depth) + "; rspamd_aliases { " +
              table + "} }");
    const auto one = site.judge({"", {"u0@x.example"}});
    EXPECT_EQ(site.symbols(*one, {"ALIAS_RESOLVED"}),
              "ALIAS_RESOLVED[u0@x.example -> " + std::string(last) + "@x.example]");
  }
}

TEST(Aliases, OfManyAddressesSomeAreTold) {
  Site site("aliases { }");
  Envelopes envelope{"", {}};
  for (int i = 0; i < 40; ++i) envelope.rcpt.push_back("u" + std::to_string(i) + "+t@x.example");
  const std::string all = site.symbols(*site.judge(envelope), {"ALIAS_RESOLVED"});
  EXPECT_EQ(std::ranges::count(all, '['), 32);
}

}  // namespace
}  // namespace winnow
