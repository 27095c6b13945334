// spamtrap {}: recipients that nobody has, by a map or by what Redis says.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/mime/ip.h"
#include "rules/checks/policy/trap_question.h"
#include "tests/unit/rules/compiled.h"
#include "tests/unit/rules/judged.h"

namespace winnow {
namespace {

// Redis that knows some names, or nothing where it is away.
class Traps final : public Answerer {
 public:
  using Names = std::set<std::string, std::less<>>;
  Traps() = default;
  explicit Traps(Names known, bool away = false) : known_(std::move(known)), away_(away) {}
  void answer(Evidence& evidence) const override {
    for (size_t i = 0; i < evidence.questions.size(); ++i) {
      if (evidence.answers[i].state != AnswerState::kOpen) continue;
      evidence.answers[i] = {.state = away_ ? AnswerState::kUnknown : AnswerState::kNone};
      const Question& question = evidence.questions[i];
      if (away_ || question.kind != QuestionKind::kStore || question.type != kTrapNames) continue;
      asked = question.key;
      std::string_view rest = question.key;
      next_trap_line(rest);
      while (!rest.empty() && evidence.answers[i].state == AnswerState::kNone) {
        const std::string_view name = next_trap_line(rest);
        if (!known_.contains(name)) continue;
        const auto values = evidence.slab.alloc<std::string_view>(1);
        values[0] = name;
        evidence.answers[i] = {.state = AnswerState::kValue, .values = values};
      }
    }
  }
  mutable std::string asked;

 private:
  const Names known_;
  const bool away_ = false;
};

struct Mail {
  std::vector<std::string> rcpt;
  std::string user = {};
  std::string ip = "203.0.113.9";
};

class Site {
 public:
  explicit Site(const std::string& options, const std::string& map = "",
                const std::string& more = "")
      : rules_(compiled("spamtrap { enabled = true; " + options + " } " + more, files(map))) {}

  std::unique_ptr<Case> judge(const Mail& mail, const Answerer& answers = Traps()) const {
    Message message;
    message.bytes = MessageBytes("Subject: a\n\nb\n");
    message.from = "a@far.example";
    message.recipients = mail.rcpt;
    message.recipients_known = true;
    message.user = mail.user;
    message.ip = *parse_ip(mail.ip);
    return judged(rules_, std::move(message), answers);
  }
  std::string symbol(const Mail& mail, const Answerer& answers = Traps()) const {
    return found(*rules_, *judge(mail, answers), "SPAMTRAP");
  }
  std::string action(const Case& one) const {
    return std::string(rules_->model.actions[index(one.verdict.action)].name);
  }
  std::string warnings() const {
    std::string out;
    for (const ConfigWarning& one : rules_->warnings) out += one.text() + "\n";
    return out;
  }
  const RuleSet& rules() const { return *rules_; }

 private:
  static MemoryFiles files(const std::string& map) {
    MemoryFiles out;
    out.add("/traps", map);
    return out;
  }
  std::shared_ptr<RuleSet> rules_;
};

constexpr std::string_view kRedis = " redis { servers = '127.0.0.1'; }";

TEST(Spamtrap, WhatAMapHolds) {
  struct Row {
    const char* name;
    std::string_view map, rcpt, expected;
  };
  const Row rows[] = {
      {"a pattern", "/^trap@here\\.example$/", "trap@here.example", "[trap@here.example]"},
      {"a text is one, too", "trap@here", "trap@here.example", "[trap@here.example]"},
      {"of the address in lower case", "/^trap@here/", "Trap@HERE.example", "[trap@here.example]"},
      {"a pattern in upper case", "/^Trap@here/", "Trap@here.example", ""},
      {"without its tag", "/^trap@here/", "trap+x@here.example", "[trap@here.example]"},
      {"with its tag", "/^trap\\+x@/", "trap+x@here.example", "[trap+x@here.example]"},
      {"a tag alone is a name", "/^@here/", "+x@here.example", ""},
      {"a domain is no address", "/^@?here\\.example$/", "trap@here.example", ""},
      {"part of an address", "/dom\\.example/", "x@a.dom.example", "[x@a.dom.example]"},
      {"another", "/^trap@here/", "strap@here.example", ""},
      {"no address", "/postmaster/", "postmaster", ""},
  };
  for (const Row& row : rows) {
    const Site site("map = '/traps';", std::string(row.map) + "\n");
    EXPECT_EQ(site.symbol({{std::string(row.rcpt)}}),
              row.expected.empty() ? "" : "SPAMTRAP" + std::string(row.expected))
        << row.name;
  }
}

TEST(Spamtrap, KeysAreAnAddressOrADomain) {
  const Site site("map = 'hash;/traps';", "trap@here.example\n@dom.example\nbare.example\n");
  EXPECT_EQ(site.symbol({{"TRAP+a@here.example"}}), "SPAMTRAP[trap@here.example]");
  EXPECT_EQ(site.symbol({{"x@dom.example"}}), "SPAMTRAP[dom.example]");
  EXPECT_EQ(site.symbol({{"x@a.dom.example"}}), "");
  EXPECT_EQ(site.symbol({{"x@bare.example"}}), "");
  const Site glob("map = 'glob;/traps';", "*@dom.example\n");
  EXPECT_EQ(glob.symbol({{"x@dom.example"}}), "SPAMTRAP[x@dom.example]");
  EXPECT_EQ(glob.symbol({{"x@dom.example.net"}}), "SPAMTRAP[x@dom.example.net]");  // anywhere
  EXPECT_EQ(glob.symbol({{"x@dome.example"}}), "");
  EXPECT_EQ(Site("map = ['trap@here.example'];").symbol({{"trap@here.example"}}),
            "SPAMTRAP[trap@here.example]");
}

TEST(Spamtrap, SeveralRecipients) {
  const std::string traps = "/^trap/\n/^other/\n";
  const Mail both{{"no@no.example", "other@here.example", "trap@here.example"}};
  EXPECT_EQ(Site("map = '/traps';", traps).symbol(both), "");
  EXPECT_EQ(Site("map = '/traps';", traps).symbol({{"trap@a.example", "trap@a.example"}}), "");
  EXPECT_EQ(Site("map = '/traps'; allow_multiple_rcpts = true;", traps).symbol(both),
            "SPAMTRAP[other@here.example]");
  EXPECT_EQ(Site("map = '/traps'; allow_multiple_rcpts = true;", traps).symbol({{}}), "");
}

TEST(Spamtrap, LocalMailAndUsersAreLeftAlone) {
  const std::vector<std::string> trap{"trap@here.example"};
  const Mail local{trap, "", "127.0.0.1"}, user{trap, "ann"};
  for (const std::string source : {"map = '/traps'; ", ""}) {
    const Traps redis({"trap@here.example"});
    const auto symbol = [&](const std::string& options, const Mail& mail) {
      return Site(source + options, "/^trap@/\n", std::string(kRedis)).symbol(mail, redis);
    };
    EXPECT_EQ(symbol("", local), "");
    EXPECT_EQ(symbol("", user), "");
    EXPECT_EQ(symbol("check_local = true;", local), "SPAMTRAP[trap@here.example]");
    EXPECT_EQ(symbol("check_local = true;", user), "");
    EXPECT_EQ(symbol("check_authed = true;", user), "SPAMTRAP[trap@here.example]");
  }
  EXPECT_EQ(Site("map = '/traps'; enabled = false;", "/^trap@/\n").symbol({trap}), "");
}

TEST(Spamtrap, SymbolActionAndLearning) {
  const Mail mail{{"trap@here.example"}};
  const Site plain("map = '/traps'; symbol = 'TRAPPED'; score = 7;", "/^trap@/\n");
  const auto one = plain.judge(mail);
  EXPECT_EQ(found(plain.rules(), *one, "TRAPPED"), "TRAPPED[trap@here.example]");
  const Micro other = plain.judge({{"other@here.example"}})->verdict.score;
  EXPECT_EQ(one->verdict.score, other + 7 * kMicro);
  EXPECT_TRUE(one->verdict.pre_results.empty());
  EXPECT_TRUE(one->verdict.effects.empty());

  // Filters have run, and the score is what it is.
  const Site forced(
      "map = '/traps'; action = 'no action'; smtp_message = 'gone'; learn_spam = true;"
      " score = 50;",
      "/^trap@/\n", "actions { reject = 15; }");
  const auto two = forced.judge(mail);
  EXPECT_EQ(forced.action(*two), "no action");
  EXPECT_EQ(two->verdict.score, other + 50 * kMicro);
  ASSERT_EQ(two->verdict.pre_results.size(), 1u);
  EXPECT_EQ(two->verdict.pre_results[0].message, "gone");
  EXPECT_EQ(two->verdict.pre_results[0].priority, 0);
  EXPECT_EQ(two->verdict.pre_results[0].module, "spamtrap");
  ASSERT_EQ(two->verdict.effects.size(), 1u);
  EXPECT_EQ(two->verdict.effects[0].kind, EffectKind::kLearn);
  EXPECT_EQ(two->verdict.effects[0].key, "spam");
  EXPECT_EQ(two->verdict.effects[0].value, "spamtrap");
  EXPECT_TRUE(forced.judge({{"other@here.example"}})->verdict.effects.empty());
}

TEST(Spamtrap, WhoseActionIsForced) {
  const std::string rule =
      "multimap { RULE { type = rcpt; map = ['trap@here.example']; action = 'no action'; } }";
  const Site site("map = '/traps'; action = reject;", "/^trap@/\n", rule);
  const auto one = site.judge({{"trap@here.example"}});
  EXPECT_EQ(site.action(*one), "no action");
  EXPECT_EQ(found(site.rules(), *one, "SPAMTRAP"), "");
}

TEST(Spamtrap, RedisIsAskedOnce) {
  const Site site("allow_multiple_rcpts = true; key_prefix = 'p_';", "", std::string(kRedis));
  const Traps redis({"trap@here.example", "@dom.example"});
  EXPECT_EQ(site.symbol({{"Trap+x@here.example"}}, redis), "SPAMTRAP[trap@here.example]");
  EXPECT_EQ(redis.asked, "p_\ntrap+x@here.example\ntrap@here.example\n@here.example");
  EXPECT_EQ(site.symbol({{"a@x.example", "b@X.example", "c@dom.example"}}, redis),
            "SPAMTRAP[dom.example]");
  EXPECT_EQ(redis.asked, "p_\na@x.example\n@x.example\nb@x.example\nc@dom.example\n@dom.example");
  EXPECT_EQ(site.symbol({{"trap@here.example.net"}}, redis), "");
  redis.asked = "nothing";
  EXPECT_EQ(site.symbol({{"postmaster"}}, redis), "");
  EXPECT_EQ(redis.asked, "nothing");
}

TEST(Spamtrap, RedisThatIsAwayMakesNoTrap) {
  const Site site("action = reject; learn_spam = true;", "", std::string(kRedis));
  const auto one = site.judge({{"trap@here.example"}}, Traps({}, true));
  EXPECT_EQ(found(site.rules(), *one, "SPAMTRAP"), "");
  EXPECT_EQ(site.action(*one), "no action");
  EXPECT_TRUE(one->verdict.effects.empty());
  EXPECT_TRUE(std::ranges::any_of(one->verdict.unknown, [&](QuestionId id) {
    return one->evidence.questions[index(id)].type == kTrapNames;
  }));
}

TEST(Spamtrap, WhatTheOperatorIsTold) {
  const auto told = [](const std::string& options, const std::string& more = "") {
    return Site(options, "/x/\n", more).warnings();
  };
  const std::string redis(kRedis);
  EXPECT_EQ(told("map = '/traps';"), "");
  EXPECT_EQ(told("", redis), "");
  EXPECT_EQ(told("redis { servers = 'localhost'; }"), "");
  EXPECT_EQ(told("servers = 'localhost';"), "");
  EXPECT_EQ(told("", "redis { spamtrap { servers = 'localhost'; } }"), "");
  for (const std::string& without :
       {told(""), told("", "redis { servers = 'x'; disabled_modules = ['spamtrap']; }")})
    EXPECT_NE(without.find("t.conf:1: spamtrap is off: it has no map"), std::string::npos)
        << without;
  EXPECT_NE(told("map = '/traps'; learn_fuzzy = true;").find("learn_fuzzy does nothing"),
            std::string::npos);
  EXPECT_NE(told("map = '/traps'; action = 'explode';").find("there is no action \"explode\""),
            std::string::npos);
  EXPECT_NE(told("key_prefix = \"a\\nb\";", redis).find("key_prefix"), std::string::npos);
}

TEST(TrapQuestion, NamesOfARecipient) {
  std::string room;
  const auto names = [&](std::string_view recipient) {
    std::string out;
    for (const std::string_view one : trap_names(recipient, room)) (out += one) += '|';
    return out;
  };
  EXPECT_EQ(names("Ann@Here.example"), "ann@here.example||@here.example|");
  EXPECT_EQ(names("ann+b+c@x.example"), "ann+b+c@x.example|ann@x.example|@x.example|");
  EXPECT_EQ(names("a@b@x.example"), "a@b@x.example||@x.example|");
  EXPECT_EQ(names("+b@x.example"), "+b@x.example||@x.example|");
  for (const std::string_view none : {"", "ann", "@x.example", "ann@", "a\nb@x.example"})
    EXPECT_EQ(names(none), "|||") << none;
  const std::string host = "@x.example";
  const std::string longest = std::string(kTrapAddressMax - host.size(), 'a') + host;
  EXPECT_EQ(names(longest), longest + "||" + host + "|");
  EXPECT_EQ(names("a" + longest), "|||");
}

TEST(TrapQuestion, HasSoManyNamesAndNoMore) {
  std::vector<std::string> recipients;
  for (size_t i = 0; i < kTrapNamesMax; ++i)
    recipients.push_back("u" + std::to_string(i) + "@x.example");
  std::string question;
  const auto ask = [&](size_t count) {
    const std::vector<std::string_view> views(recipients.begin(),
                                              recipients.begin() + static_cast<ptrdiff_t>(count));
    write_trap_question("p", views, question);
    return static_cast<size_t>(std::ranges::count(question, '\n'));
  };
  EXPECT_EQ(ask(kTrapNamesMax - 1), kTrapNamesMax);  // and the domain
  EXPECT_EQ(ask(kTrapNamesMax), kTrapNamesMax);
  EXPECT_EQ(question.find(recipients.back()), std::string::npos);
  EXPECT_EQ(ask(0), 0u);
  EXPECT_TRUE(question.empty());
}

}  // namespace
}  // namespace winnow
