// multimap {}: each type and filter, hit and near miss, through the whole chain.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/mime/ip.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"
#include "rules/compile/compile.h"
#include "rules/config/layers.h"
#include "rules/config/ucl_parse.h"
#include "tests/unit/rules/compiled.h"

namespace winnow {
namespace {

struct Envelopes {
  std::string from = {}, ip = {}, helo = {}, hostname = {}, user = {};
  std::vector<std::string> rcpt = {};
};

class Chain {
 public:
  explicit Chain(const std::string& text, MemoryFiles files = {})
      : rules(compiled(text, std::move(files))) {}

  // "SYM(score)[options]" of what was inserted, sorted, then "=> action".
  std::string scan(std::string_view mail, const Envelopes& envelope = {}) {
    TableAnswers answers(*rules);
    Run run(rules, answers, {.now_ms = 1'792'575'000'000});
    Worker worker(run);
    Message message;
    message.bytes = MessageBytes(mail);
    if (!envelope.from.empty()) message.from = envelope.from;
    message.recipients = envelope.rcpt;
    message.helo = envelope.helo;
    message.hostname = envelope.hostname;
    message.user = envelope.user;
    if (const auto ip = parse_ip(envelope.ip)) message.ip = *ip;
    auto one = std::make_unique<Case>();
    run.compute(worker, {&message, 1}, {&one, 1});
    run.conclude(worker, *one);
    std::vector<std::string> lines;
    for (const VerdictSymbol& symbol : one->verdict.symbols) {
      const Symbol& info = rules->model.symbols[index(symbol.symbol)];
      const bool ours = std::ranges::any_of(info.groups, [&](GroupId group) {
        return rules->model.groups[index(group)].name == "multimap";
      });
      if (!ours && info.kind != SymbolKind::kComposite) continue;
      std::string line = info.name;
      if (symbol.score != 0) line += "(" + std::to_string(symbol.score / (kMicro / 10)) + ")";
      for (const std::string_view option : symbol.options) line += "[" + std::string(option) + "]";
      lines.push_back(line);
    }
    std::ranges::sort(lines);
    std::string out;
    for (const std::string& line : lines) out += line + " ";
    return out + "=> " + rules->model.actions[index(one->verdict.action)].name;
  }
  std::string told() const {
    std::string out;
    for (const ConfigWarning& warning : rules->warnings) out += warning.text() + "\n";
    return out;
  }

  std::shared_ptr<RuleSet> rules;
};

constexpr std::string_view kMail =
    "Received: from relay.example.net (relay.example.net [192.0.2.77])\n"
    "\tby mx.example.org with ESMTPS id 1; Wed, 21 Oct 2026 09:00:00 +0000\n"
    "From: \"Ann Orchard\" <ann@shop.fruit.co.uk>\nTo: <bob@here.example>\n"
    "Reply-To: <reply@other.example>\nSubject: Ripe pears today\nX-Source: 198.51.100.9\n"
    "Message-ID: <a@b.example>\nDate: Wed, 21 Oct 2026 09:00:00 +0000\nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=zz\n\n"
    "--zz\nContent-Type: text/plain\n\nfresh\nplums at http://www.pear.co.uk/buy?x=1 now\n"
    "--zz\nContent-Type: application/octet-stream; name=\"tool.exe\"\n"
    "Content-Disposition: attachment; filename=\"tool.exe\"\n\nMZ nothing\n--zz--\n";

struct Row {
  const char* name;
  std::string rule;  // inside RULE { … }
  std::string hit;   // entry that hits, as a list element
  std::string miss;  // entry that does not
};

class Kinds : public ::testing::TestWithParam<Row> {};

TEST_P(Kinds, HitAndNearMiss) {
  const Envelopes envelope{.from = "Bounce@mail.sender.co.uk",
                           .ip = "203.0.113.5",
                           .helo = "mx1.helo.co.uk",
                           .hostname = "host.ptr.example",
                           .user = "carol",
                           .rcpt = {"bob@here.example"}};
  const auto scan = [&](const std::string& entry) {
    Chain chain("multimap { RULE { " + GetParam().rule + "; score = 1; map = [\"" + entry +
                "\"]; } }");
    EXPECT_EQ(chain.told(), "");
    return chain.scan(kMail, envelope).starts_with("RULE(10)");
  };
  EXPECT_TRUE(scan(GetParam().hit));
  EXPECT_FALSE(scan(GetParam().miss));
}

INSTANTIATE_TEST_SUITE_P(
    Multimap, Kinds,
    ::testing::Values(
        Row{"From", "type = from", "bounce@mail.sender.co.uk", "ounce@mail.sender.co.uk"},
        Row{"FromDomainAlone", "type = from", "mail.sender.co.uk", "sender.co.uk"},
        Row{"FromUserAlone", "type = from", "bounce", "bouncer"},
        Row{"FromTld", "type = from; filter = 'email:domain:tld'", "sender.co.uk", "co.uk"},
        Row{"FromMime", "type = from; extract_from = mime; filter = 'email:addr'",
            "ann@shop.fruit.co.uk", "bounce@mail.sender.co.uk"},
        Row{"FromGlob", "type = from; filter = 'email:domain'; glob = true", "mail.*.co.uk",
            "*.mail.sender.co.uk"},
        Row{"GlobAnywhere", "type = header; header = Subject; glob = true", "pe?rs", "Pe?rs"},
        Row{"GlobOfText", "type = content; filter = text; glob = true", "*plums*", "fresh*plums"},
        Row{"GlobBrackets", "type = content; glob = true", "\\\"[192.*.77]\\\"",
            "\\\"1[89]2.0.2.77\\\""},
        Row{"GlobRegexp", "type = from; glob = true", "/^bounce@mail/i", "/^Mail@/"},
        Row{"FromFilterRegexp", "type = from; filter = 'regexp:/[^.@]+\\.co\\.uk/'", "sender.co.uk",
            "mail.sender.co.uk"},
        Row{"Rcpt", "type = rcpt", "here.example", "sender.example"},
        Row{"Header", "type = header; header = Subject", "\\\"Ripe pears today\\\"", "Ripe"},
        Row{"HeaderRegexp", "type = header; header = subject; regexp = true", "/RIPE pears/i",
            "/RIPE pears/"},
        Row{"HeaderUser", "type = header; header = From; filter = 'email:user'", "ann", "an"},
        Row{"HeaderName", "type = header; header = From; filter = 'email:name'; regexp = true",
            "/^ann orch/i", "/fruit/"},
        Row{"HeaderIp", "type = header; header = X-Source; filter = 'ip_addr'", "198.51.100.0/24",
            "198.51.101.0/24"},
        Row{"Ip", "type = ip", "203.0.113.0/29", "203.0.113.8/29"},
        Row{"Helo", "type = helo", "mx1.helo.co.uk", "helo.co.uk"},
        Row{"HeloTld", "type = helo; filter = tld", "helo.co.uk", "mx1.helo.co.uk"},
        Row{"HostnameTop", "type = hostname; filter = top", "example", "ptr.example"},
        Row{"User", "type = user", "CAROL", "carola"},
        Row{"UrlHost", "type = url", "www.pear.co.uk", "pear.co.uk"},
        Row{"UrlTld", "type = url; filter = tld", "pear.co.uk", "www.pear.co.uk"},
        Row{"UrlFull", "type = url; filter = full; regexp = true", "/pear.*buy/", "/pear.*sell/"},
        Row{"UrlPath", "type = url; filter = path", "buy", "bu"},
        Row{"Filename", "type = filename", "tool.exe", "tool"},
        Row{"FilenameExtension", "type = filename; filter = extension", "exe", "xe"},
        Row{"FilenameRegexp", "type = filename; regexp = true", "/\\\\.EXE$/i", "/\\\\.EXE$/"},
        Row{"ContentText", "type = content; filter = text; regexp = true", "/plums at/",
            "/fresh plums/"},
        Row{"ContentOneLine", "type = content; filter = oneline; regexp = true", "/fresh plums/",
            "/Ripe/"},
        Row{"ContentRawText", "type = content; filter = rawtext; regexp = true", "/fresh/",
            "/tool/"},
        Row{"ContentBody", "type = content; filter = body; regexp = true", "/MZ nothing/",
            "/Subject: Ripe/"},
        Row{"ContentHeaders", "type = content; filter = headers; regexp = true", "/Subject: Ripe/",
            "/plums/"},
        Row{"ContentFull", "type = content; regexp = true", "/Ripe[^~]*plums/", "/plums[^~]*Ripe/"},
        Row{"ReceivedIp", "type = received", "192.0.2.77", "192.0.2.78"},
        Row{"ReceivedBy", "type = received; filter = by_hostname", "mx.example.org", "example.org"},
        Row{"ReceivedByTld", "type = received; filter = 'tld:by_hostname'", "example.org",
            "mx.example.org"},
        Row{"Selector", "type = selector; selector = \"from('smtp'):domain\"", "mail.sender.co.uk",
            "sender.co.uk"},
        Row{"SelectorJoined", "type = selector; selector = 'ip;rcpts:addr'; delimiter = '|'",
            "203.0.113.5|bob@here.example", "203.0.113.5bob@here.example"},
        Row{"SelectorRegexp",
            "type = selector; selector = \"header('Subject').lower\"; regexp = true",
            "/ripe pears/", "/Ripe/"},
        Row{"SelectorFilter", "type = selector; selector = 'helo'; filter = 'regexp:/^mx[0-9]/'",
            "mx1", "mx1.helo.co.uk"},
        Row{"SelectorNetworks", "type = selector; selector = 'ip'", "radix;203.0.113.0/24",
            "radix;203.0.114.0/24"},
        Row{"UrlNamedHost", "type = url; filter = host", "www.pear.co.uk", "pear.co.uk"},
        Row{"UrlTemplate", "type = url; filter = 'template:$host/${path}?$query'",
            "www.pear.co.uk/buy?x=1", "www.pear.co.uk/buy"},
        Row{"KindPrefix", "type = header; header = Subject", "regexp;/ripe/i", "regexp;/rope/i"}),
    [](const auto& one) { return one.param.name; });

TEST(Multimap, ValuesSetSymbolsScoresAndOptions) {
  MemoryFiles files;
  files.add("/m/users.map", "ann 2.5\nbob OTHER\ncarl THIRD:3:why,so\ndora NOT_LISTED\n");
  const std::string from = "From: <";
  const auto rule = [&](std::string more) {
    return "multimap { RULE { type = header; header = From; filter = 'email:user'; score = 2; "
           "map = '/m/users.map'; " +
           more + " } }";
  };
  Chain free(rule(""), files);
  EXPECT_EQ(free.told(), "");
  EXPECT_EQ(free.scan(from + "ann@a.example>\n\nx\n"), "RULE(50)[ann] => no action");
  EXPECT_EQ(free.scan(from + "bob@a.example>\n\nx\n"), "OTHER(10)[bob] => no action");
  EXPECT_EQ(free.scan(from + "carl@a.example>\n\nx\n"), "THIRD(30)[why][so] => no action");
  EXPECT_EQ(free.scan(from + "eve@a.example>\n\nx\n"), "=> no action");
  Chain listed(rule("symbols = [OTHER, THIRD]"), files);
  EXPECT_EQ(listed.scan(from + "dora@a.example>\n\nx\n"), "RULE(20)[dora] => no action");
  Chain plain(rule("disable_multisymbol = true"), files);
  EXPECT_EQ(plain.scan(from + "bob@a.example>\n\nx\n"), "RULE(20)[OTHER] => no action");
}

// A symbol that a rule lists weighs what that rule says, also where the map of one before names it;
// rspamd 3.4 was seen to do so.
TEST(Multimap, ListedSymbolsHaveTheWeightOfTheirRule) {
  const std::string first = "multimap { FIRST { type = user; map = ['carol OTHER:2']; score = 1 } ";
  const std::string second = "SECOND { type = helo; map = ['a.example OTHER']; score = 3";
  const Envelopes envelope{.user = "carol"};
  EXPECT_EQ(Chain(first + second + "; symbols = [OTHER] } }").scan("\n", envelope),
            "OTHER(60)[carol] => no action");
  EXPECT_EQ(Chain(first + second + " } }").scan("\n", envelope), "OTHER(20)[carol] => no action");
}

TEST(Multimap, CompositesAndGroupsKnowWhatMapsSet) {
  Chain chain(
      "multimap { RULE { type = helo; map = ['a.example MAPPED']; } }\n"
      "composites { BOTH { expression = 'MAPPED & !RULE'; score = 4; } }\n"
      "group \"mine\" { symbols { MAPPED { weight = 3; } } }");
  EXPECT_EQ(chain.told(), "");
  EXPECT_NE(chain.scan("Subject: x\n\ny\n", {.helo = "a.example"}).find("BOTH"), std::string::npos);
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.helo = "b.example"}), "=> no action");
}

TEST(Multimap, ActionsAreForced) {
  Chain chain(
      "actions { reject = 100; }\n"
      "multimap { RULE { type = filename; filter = extension; map = [exe]; prefilter = true; "
      "action = reject; message = 'no programs'; } }");
  EXPECT_EQ(chain.scan(kMail), "RULE[exe] => reject");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n"), "=> no action");
  // A part has two names: a reader may see either.
  EXPECT_EQ(chain.scan("Content-Type: image/png; name=\"tool.exe\"\n"
                       "Content-Disposition: attachment; filename=\"a.png\"\n\nMZ\n"),
            "RULE[exe] => reject");
}

TEST(Multimap, AcceptIsNoAction) {
  Chain chain(
      "actions { reject = 15; }\n"
      "multimap { HIGH { type = header; header = Subject; regexp = true; map = ['/pear/']; "
      "score = 40 } WELCOME { type = ip; map = '203.0.113.0/29, 198.51.100.1'; action = accept } "
      "}");
  EXPECT_EQ(chain.told(), "");
  EXPECT_EQ(chain.scan("Subject: pear\n\nx\n", {.ip = "198.51.100.1"}),
            "WELCOME[198.51.100.1] => no action");
  EXPECT_EQ(chain.scan("Subject: pear\n\nx\n", {.ip = "203.0.113.7"}),
            "WELCOME[203.0.113.7] => no action");
  EXPECT_EQ(chain.scan("Subject: pear\n\nx\n", {.ip = "203.0.113.8"}), "HIGH(400)[pear] => reject");
}

TEST(Multimap, RequiredSymbols) {
  Chain chain(
      "multimap { FIRST { type = user; map = [carol]; score = 1 }\n"
      "RULE { type = helo; map = [a.example]; score = 2; require_symbols = 'FIRST'; }\n"
      "NOT { type = helo; map = [a.example]; score = 3; require_symbols = '!FIRST'; } }");
  EXPECT_EQ(chain.told(), "");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.helo = "a.example", .user = "carol"}),
            "FIRST(10)[carol] RULE(20)[a.example] => no action");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.helo = "a.example"}),
            "NOT(30)[a.example] => no action");
}

TEST(Multimap, OptionsOfASymbol) {
  const std::string first = "multimap { FIRST { type = user; map = [carol, dave] }\n";
  const auto rule = [&](const std::string& more) {
    return Chain(first + "RULE { type = symbol_options; target_symbol = FIRST; score = 2; " + more +
                 " } }");
  };
  const auto scan = [](Chain chain, const char* user) {
    EXPECT_EQ(chain.told(), "");
    return chain.scan("Subject: x\n\ny\n", {.user = user});
  };
  EXPECT_EQ(scan(rule("map = [carol]"), "carol"), "FIRST[carol] RULE(20)[carol] => no action");
  EXPECT_EQ(scan(rule("map = [carol]"), "dave"), "FIRST[dave] => no action");
  EXPECT_EQ(scan(rule("map = [carol]"), "erin"), "=> no action");
  EXPECT_EQ(scan(rule("regexp = true; map = ['/^d/ OTHER:3', '/ave/ OTHER:4']"), "dave"),
            "FIRST[dave] OTHER(30)[dave] => no action");
  EXPECT_EQ(scan(rule("regexp = true; multi = true; map = ['/^d/ A:3', '/ave/ B:4']"), "dave"),
            "A(30)[dave] B(40)[dave] FIRST[dave] => no action");
  EXPECT_EQ(scan(rule("filter = 'regexp:/^../'; map = [da]"), "dave"),
            "FIRST[dave] RULE(20)[da] => no action");
  EXPECT_EQ(scan(rule("map = [carol]; action = reject; message = no"), "carol"),
            "FIRST[carol] RULE(20)[carol] => reject");
  EXPECT_EQ(scan(rule("map = [carol]; require_symbols = '!FIRST'"), "carol"),
            "FIRST[carol] => no action");
}

constexpr std::string_view kRecords =
    "options { dns { fake_records = [\n"
    "  { name = '5.113.0.203.asn.rspamd.com', type = txt, replies = ['64500 | 203.0.113.0/24 | NL "
    "| x |'] },\n"
    "  { name = '6.113.0.203.asn.rspamd.com', type = txt, replies = ['64501 | 203.0.113.0/24 | FR "
    "| x |'] },\n"
    "  { name = '5.113.0.203.zone.example', type = a, replies = ['127.0.0.2'] },\n"
    "  { name = '6.113.0.203.zone.example', type = a, replies = ['192.0.2.1'] } ] } }\n"
    "actions { reject = 100; }\n";

TEST(Multimap, NetworksAndCountries) {
  Chain chain(
      std::string(kRecords) +
      "multimap { NUMBER { type = asn; map = ['64500'] } LAND { type = country; map = [nl] }\n"
      "NET { type = mempool; variable = ipnet; map = ['203.0.113.0/24'] } }");
  EXPECT_EQ(chain.told(), "");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.ip = "203.0.113.5"}),
            "LAND[NL] NET[203.0.113.0/24] NUMBER[64500] => no action");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.ip = "203.0.113.6"}),
            "NET[203.0.113.0/24] => no action");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.ip = "203.0.113.7"}), "=> no action");
}

TEST(Multimap, ListsOfNameServers) {
  Chain chain(
      std::string(kRecords) +
      "multimap { LISTED { type = dnsbl; map = 'zone.example'; score = 2 }\n"
      "REFUSED { type = dnsbl; map = 'zone.example'; action = reject; require_symbols = USER }\n"
      "USER { type = user; map = [carol] } }");
  EXPECT_EQ(chain.told(), "");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.ip = "203.0.113.5"}),
            "LISTED(20)[zone.example] => no action");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.ip = "203.0.113.5", .user = "carol"}),
            "LISTED(20)[zone.example] REFUSED[zone.example] USER[carol] => reject");
  // An answer that is no list's, none, and no address.
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.ip = "203.0.113.6"}), "=> no action");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n", {.ip = "203.0.113.7"}), "=> no action");
  EXPECT_EQ(chain.scan("Subject: x\n\ny\n"), "=> no action");
}

TEST(Multimap, ConditionsOverParts) {
  const auto rule = [](const std::string& expression, const std::string& more = "") {
    Chain chain(
        "actions { reject = 100; }\n"
        "multimap { RULE { type = combined; score = 3; expression = '" +
        expression +
        "';\n"
        "rules { net { type = radix; selector = ip; map = ['203.0.113.0/24']; }\n"
        "  sender { selector = \"from('smtp'):addr\"; regexp = true; map = ['/^ann@/i']; } } " +
        more + " } }");
    EXPECT_EQ(chain.told(), "");
    return chain;
  };
  const Envelopes both{.from = "ANN@a.example", .ip = "203.0.113.5"};
  const Envelopes net{.from = "bob@a.example", .ip = "203.0.113.5"};
  const Envelopes none{.from = "bob@a.example", .ip = "198.51.100.5"};
  constexpr std::string_view kEmpty = "Subject: x\n\ny\n";
  Chain all = rule("net & sender");
  EXPECT_EQ(all.scan(kEmpty, both), "RULE(30)[net=203.0.113.5][sender=ANN@a.example] => no action");
  EXPECT_EQ(all.scan(kEmpty, net), "=> no action");
  Chain some = rule("net || sender");
  EXPECT_EQ(some.scan(kEmpty, net), "RULE(30)[net=203.0.113.5] => no action");
  EXPECT_EQ(some.scan(kEmpty, none), "=> no action");
  Chain neither = rule("!net & !sender", "action = reject");
  EXPECT_EQ(neither.scan(kEmpty, none), "RULE(30) => reject");
  EXPECT_EQ(neither.scan(kEmpty, net), "=> no action");
}

TEST(Multimap, RulesInAMap) {
  MemoryFiles files;
  files.add("/m/rules.map",
            "# ours\nheader __PEARS Subject =~ /ripe pears/i\nbody PLUMS /fresh plums/\n"
            "meta BOTH FRUIT && PLUMS\nmeta FRUIT __PEARS\nscore BOTH 2.5\nscore FRUIT 0\n"
            "describe BOTH Pears and plums\nuri SHOP /pear[.]co/\nheader NO_ONE X-None =~ /x/\n");
  Chain chain(
      "multimap { RULES { type = regexp_rules; map = '/m/rules.map'; } }\n"
      "group \"ours\" { symbols { PLUMS { weight = 4; } } }",
      files);
  EXPECT_EQ(chain.told(), "");
  EXPECT_EQ(chain.scan(kMail), "BOTH(25) FRUIT PLUMS(40) SHOP(10) => no action");
  EXPECT_EQ(chain.scan("Subject: ripe plums\n\nfresh plums\n"), "PLUMS(40) => no action");
  EXPECT_EQ(chain.scan("Subject: ripe plums\n\nplums\n"), "=> no action");
}

TEST(Multimap, BrokenLinesOfRulesAreNamed) {
  MemoryFiles files;
  files.add("/m/rules.map",
            "body A /a/\nbody A /b/\nmeta B A && NOT_THERE\nbody C /(/\nnonsense\n"
            "meta D E\nmeta E D\n");
  Chain chain("multimap { RULES { type = regexp_rules; map = '/m/rules.map'; } }", files);
  for (const char* const part : {"line 2 of its map is left out: A: the name stands twice",
                                 "line 3 of its map is left out: B: \"NOT_THERE\" is neither",
                                 "line 4 of its map is left out: C: ", "line 5 of its map",
                                 "line 6 of its map is left out: D: \"E\"", "6 lines of its map"})
    EXPECT_NE(chain.told().find(part), std::string::npos) << part << "\n" << chain.told();
  EXPECT_EQ(chain.scan("Subject: x\n\na\n"), "A(10) => no action");
}

// Expressions that double with each line end at a limit, not at the end of memory.
TEST(Multimap, RulesThatGrowAreBounded) {
  MemoryFiles files;
  std::string text = "body A0 /a/\n";
  for (int i = 1; i < 40; ++i)
    text += "meta A" + std::to_string(i) + " A" + std::to_string(i - 1) + " && A" +
            std::to_string(i - 1) + "\n";
  files.add("/m/rules.map", text);
  Chain chain("multimap { RULES { type = regexp_rules; map = '/m/rules.map'; } }", files);
  EXPECT_NE(chain.told().find("the expression is too large"), std::string::npos) << chain.told();
}

TEST(Multimap, OnePatternOrAllOfThem) {
  const std::string head = "multimap { RULE { type = header; header = Subject; regexp = true; ";
  const std::string map = "map = ['/pear/ P:2', '/ripe/i R']; score = 1; ";
  EXPECT_EQ(Chain(head + map + "} }").scan(kMail), "P(20)[Ripe pears today] => no action");
  EXPECT_EQ(Chain(head + map + "multi = true } }").scan(kMail),
            "P(20)[Ripe pears today] R(10)[Ripe pears today] => no action");
}

TEST(Multimap, EachValueCounts) {
  const Envelopes envelope{.rcpt = {"bob@here.example", "ann@here.example", "eve@other.example"}};
  const auto scan = [&](const std::string& rule) {
    return Chain("multimap { RULE { score = 1; " + rule + " } }").scan(kMail, envelope);
  };
  const std::string selector = "type = selector; selector = 'rcpts:addr'; ";
  const std::string here = "map = ['/@here/', '/ann|eve/']; regexp = true; ";
  const std::string all = "[bob@here.example][ann@here.example][eve@other.example] => no action";
  EXPECT_EQ(scan(selector + here), "RULE(30)" + all);
  EXPECT_EQ(scan(selector + here + "one_shot = true"), "RULE(10)" + all);
  EXPECT_EQ(scan(selector + here + "multi = true"), "RULE(40)" + all);
  EXPECT_EQ(scan(selector + "map = ['bob@here.example', 'eve@other.example']"),
            "RULE(20)[bob@here.example][eve@other.example] => no action");
  EXPECT_EQ(scan("type = rcpt; regexp = true; map = ['/^[^@]*other/', '/^eve@/']"),
            "RULE(20)[eve@other.example][other.example] => no action");
  EXPECT_EQ(scan("type = url; regexp = true; map = ['/pear/']"),
            "RULE(10)[www.pear.co.uk] => no action");
}

// Links are the sender's to write: however many a rule finds, other rules find what they look for.
TEST(Multimap, ManyValuesOfOneRuleDoNotHideOthers) {
  std::string mail = "Subject: pears\n\n";
  for (int i = 0; i < 10'200; ++i) mail += "http://p.com/" + std::to_string(i) + "\n";
  const auto scan = [&](const std::string& map) {
    Chain chain(
        "multimap { MANY { type = url; score = 1; " + map +
        " }\nTEXT { type = content; filter = text; regexp = true; map = ['/p.com/']; "
        "score = 2 }\nLATER { type = header; header = Subject; map = [pears]; score = 3 } }");
    const std::string said = chain.scan(mail);
    for (const char* const part : {"MANY(1000)", "TEXT(20)", "LATER(30)"})
      EXPECT_NE(said.find(part), std::string::npos) << map << "\n" << said;
  };
  scan("filter = full; regexp = true; map = ['/p[.]com/']");
  scan("map = [p.com]");
}

TEST(Multimap, WhatIsNotThereIsNamed) {
  Chain chain(
      "multimap { A { type = regexp_rules } B { type = nonsense; map = [x] }\n"
      "C { type = url; filter = 'tag:x'; map = [x] } D { type = header; map = [x] }\n"
      "E { type = from } F { type = from; map = '/absent' } G { type = ip; map = 'https://a/b' }\n"
      "H { type = from; regexp = true; map = ['/(/', '/a/'] } I { type = ip; map = [name] } }");
  for (const char* const part :
       {"multimap rule A is off: it has no map", "no type nonsense", "filter tag:x", "needs header",
        "it has no map", "/absent is absent", "1 map sources on the network", "no IP address"})
    EXPECT_NE(chain.told().find(part), std::string::npos) << part << "\n" << chain.told();
  EXPECT_EQ(std::ranges::count(chain.told(), '\n'), 9) << chain.told();
}

struct Notice {
  const char* name;
  const char* rule;  // inside RULE { … }
  const char* said;  // after "multimap rule RULE is off: "
};

class Notices : public ::testing::TestWithParam<Notice> {};

TEST_P(Notices, SayWhatIsWrong) {
  Chain chain(std::string("multimap { RULE { ") + GetParam().rule + " } }");
  EXPECT_EQ(chain.told(),
            std::string("t.conf:1: multimap rule RULE is off: ") + GetParam().said + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Multimap, Notices,
    ::testing::Values(
        Notice{"NoSelector", "type = selector; map = [x]", "it needs selector = \"…\""},
        Notice{"UnknownSelector", "type = selector; selector = nothing; map = [x]",
               "its selector is broken: 'nothing' is no part of a message that is known here (byte "
               "1)"},
        Notice{"NoTarget", "type = symbol_options; map = [x]",
               "type symbol_options needs target_symbol = \"SYMBOL\""},
        Notice{"UnknownTarget", "type = symbol_options; target_symbol = NO_ONE; map = [x]",
               "nothing here inserts NO_ONE"},
        Notice{"UnknownVariable", "type = mempool; variable = mine; map = [x]",
               "variable \"mine\" is not there: of variables asn, ipnet and country are known"},
        Notice{"NoZone", "type = dnsbl; map = 'zone..example'", "\"zone..example\" is no zone"},
        Notice{"NoParts", "type = combined; expression = a",
               "type combined needs rules { NAME { selector, map } } and an expression of names"},
        Notice{
            "UnknownPart",
            "type = combined; expression = sendr; rules { sender { selector = helo; map = [x] } }",
            "none of its rules is sendr. Did you mean \"sender\"? (byte 1 of its expression)"}),
    [](const auto& one) { return one.param.name; });

TEST(Multimap, ABrokenPartIsNamedWithItsRule) {
  Chain chain(
      "multimap { RULE { type = combined; expression = a; rules { a { selector = helo } } } }");
  EXPECT_EQ(chain.told(),
            "t.conf:1: multimap rule a is off: it has no map\n"
            "t.conf:1: multimap rule RULE is off: its rule a is broken\n");
}

// --- Real sites ---

namespace fs = std::filesystem;

fs::path shared() {
  const char* set = std::getenv("WINNOW_SHARED");
  return set ? fs::path(set) : fs::path(WINNOW_SOURCE_DIR) / ".." / ".." / "shared";
}

class Sites : public ::testing::TestWithParam<const char*> {};

TEST_P(Sites, MultimapSectionsLoad) {
  const fs::path folder = shared() / "configs" / GetParam();
  if (!fs::is_directory(folder)) GTEST_SKIP() << "not here";
  MemoryFiles files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string end = entry.path().extension();
    if (!entry.is_regular_file() || (end != ".conf" && end != ".inc" && end != ".map")) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files.add("/e/" + fs::relative(entry.path(), folder).string(),
              std::string(std::istreambuf_iterator<char>(in), {}));
  }
  LoadOptions options;
  options.config_path = "/e/rspamd.conf";
  auto config = load_config(files, options);
  ASSERT_TRUE(config) << config.error().text();
  CompileOptions compile;
  compile.files = &files;
  compile.match.databases = Databases::kNone;
  auto rules = compile_rules(config->root(), compile);
  ASSERT_TRUE(rules) << rules.error().text();
  const UclObject* const section = config->section("multimap");
  if (!section) return;
  std::string told;
  for (const ConfigWarning& warning : (*rules)->warnings) told += warning.text() + "\n";
  for (const UclObject& rule : section->children()) {
    if (!rule.last_value().is_object()) continue;
    const std::string name(rule.last_value().string("symbol", rule.key()));
    const bool there = (*rules)->model.find_symbol(name) != kNoId<SymbolId>;
    EXPECT_TRUE(there || told.find(rule.key()) != std::string::npos) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Trees, Sites,
                         ::testing::Values("docker-mailserver/target/rspamd", "grapheneos/rspamd",
                                           "martinschaible"));

}  // namespace
}  // namespace winnow
