// Options of the modules of authentication that name symbols, leave mail out, or take what the
// request says; and bimi, through the whole chain.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/crypt/base64_text.h"
#include "engine/crypt/private_key.h"
#include "engine/mime/ip.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/auth/request_key.h"
#include "tests/unit/rules/compiled.h"
#include "tests/unit/rules/judged.h"

namespace winnow {
namespace {

const PrivateKey& rsa_key() {
  static const PrivateKey key = *PrivateKey::make_rsa(1024);
  return key;
}

std::string record(std::string_view name, std::string_view text, std::string_view type = "txt") {
  return fmt::format("{{ name = \"{}\"; type = {}; replies = [\"{}\"]; }}", name, type, text);
}

// What every configuration here knows of DNS.
std::string records(const std::string& inside) {
  std::string out = "options { " + inside + " dns { fake_records = [";
  out += record("d.example", "v=spf1 ip4:192.0.2.1 include:one.example -all") + ",";
  out += record("one.example", "v=spf1 include:two.example a:six.example") + ",";
  out += record("two.example", "v=spf1 ip4:192.0.2.2") + ",";
  out += record("six.example", "2001:db8::6", "aaaa") + ",";
  out += record("_dmarc.d.example", "v=DMARC1; p=reject; pct=0") + ",";
  out += record("default._bimi.d.example",
                "v=BIMI1; l=https://d.example/logo.svg; a=https://d.example/vmc.pem");
  out += "," + record("s._domainkey.d.example",
                      "v=DKIM1; p=" + encode_base64_text(rsa_key().public_key()));
  out += "," + record("default._bimi.plain.example", "v=BIMI1; l=https://plain.example/x.svg; a=");
  out += "," + record("plain.example", "v=spf1 +ip4:192.0.2.1 -all");
  out += "," + record("_dmarc.plain.example", "v=DMARC1; p=quarantine");
  out += "," + record("none.example", "v=spf1 +ip4:192.0.2.1 -all");
  out += "," + record("_dmarc.none.example", "v=DMARC1; p=none");
  return out + "] } }\n";
}

MemoryFiles feeds() {
  MemoryFiles files;
  files.add("/feed", "http://bad.example.com/a?b=c\n# no\nhttp://bad.example.com/page\n");
  files.add("/feed.json", "{\"url\": \"http://bad.example.com/j\", \"brand\": \"B\"}\nno json\n");
  return files;
}

struct Sent {
  std::string ip = "192.0.2.1", domain = "d.example", user = {}, hostname = "mx.d.example";
  std::vector<std::pair<std::string, std::string>> request = {};
  std::string body = "ripe\n", headers = {};
};

class Scan {
 public:
  // `inside`: more of options { }.
  Scan(const std::string& options, const Sent& sent, const std::string& inside = {})
      : rules_(compiled(records(inside) + options, feeds())) {
    Message message;
    message.bytes =
        MessageBytes(fmt::format("From: Ann <ann@{}>\nTo: b@x.example\nSubject: pears\n{}\n{}",
                                 sent.domain, sent.headers, sent.body));
    message.from = "ann@" + sent.domain;
    message.helo = "mx.d.example";
    message.hostname = sent.hostname;
    message.user = sent.user;
    message.ip = parse_ip(sent.ip).value();
    message.request_headers = sent.request;
    one_ = judged(rules_, std::move(message));
  }
  // "NAME[option]…"; empty where it is not there.
  std::string operator[](std::string_view name) const { return found(*rules_, *one_, name); }
  double weight(std::string_view name) const {
    for (const VerdictSymbol& one : one_->verdict.symbols)
      if (rules_->model.symbols[index(one.symbol)].name == name)
        return static_cast<double>(one.score) / static_cast<double>(kMicro);
    return 0;
  }
  std::vector<std::string> signatures() const {
    std::vector<std::string> out;
    for (const Edit& edit : one_->verdict.edits)
      if (edit.kind == EditKind::kSignature) out.push_back(edit.value);
    return out;
  }
  const Evidence& evidence() const { return one_->evidence; }
  std::string told() const {
    std::string out;
    for (const ConfigWarning& warning : rules_->warnings) out += warning.text() + "\n";
    for (const std::string& note : rules_->notes) out += note + "\n";
    return out;
  }

 private:
  std::shared_ptr<RuleSet> rules_;
  std::unique_ptr<Case> one_;
};

TEST(SymbolNames, OptionsRename) {
  const struct {
    const char *options, *old_name, *new_name;
    Sent sent;
  } rows[] = {
      {"spf { symbols { allow = MY_ALLOW; } }", "R_SPF_ALLOW", "MY_ALLOW", {}},
      {"spf { symbols { fail = MY_FAIL; } }", "R_SPF_FAIL", "MY_FAIL", {.ip = "192.0.2.99"}},
      {"spf { symbols { na = MY_NA; } }", "R_SPF_NA", "MY_NA", {.domain = "no.example"}},
      {"dkim { symbol_na = MY_NA; }", "R_DKIM_NA", "MY_NA", {}},
      {"dmarc { symbols { allow = MY_DMARC; } }", "DMARC_POLICY_ALLOW", "MY_DMARC", {}},
      {"dmarc { symbols { na = MY_DMARC; } }", "DMARC_NA", "MY_DMARC", {.domain = "no.example"}},
      {"arc { symbols { na = MY_ARC; } }", "ARC_NA", "MY_ARC", {}},
      {"once_received { symbol = MY_ONCE; }", "ONCE_RECEIVED", "MY_ONCE", {.hostname = "a.b"}},
      {"maillist { symbol = MY_LIST; }",
       "MAILLIST",
       "MY_LIST",
       {.headers = "List-Id: <l.example>\nList-Post: <mailto:l@l.example>\n"
                   "List-Help: <mailto:h@l.example>\n"}},
      {"phishing { symbol = MY_PHISH; }",
       "PHISHING",
       "MY_PHISH",
       {.body = "<a href=\"http://evil.co.uk/\">http://example.co.uk/</a>\n",
        .headers = "Content-Type: text/html\n"}},
  };
  for (const auto& row : rows) {
    EXPECT_NE(Scan("", row.sent)[row.old_name], "") << row.options;
    const Scan scan(row.options, row.sent);
    EXPECT_EQ(scan[row.old_name], "") << row.options;
    EXPECT_NE(scan[row.new_name], "") << row.options;
  }
}

TEST(SymbolNames, WhatReadsTheOldNameMeansTheNew) {
  // Its weight, composites, and DMARC, which looks for the symbol of SPF.
  const Scan scan(
      "spf { symbols { allow = MY_ALLOW; } } symbols { R_SPF_ALLOW { score = -3; } }"
      "composites { SEEN { expression = \"R_SPF_ALLOW\"; score = 1; policy = leave; } }",
      {});
  EXPECT_EQ(scan.weight("MY_ALLOW"), -3);
  EXPECT_EQ(scan["SEEN"], "SEEN");
  EXPECT_EQ(scan["DMARC_POLICY_ALLOW"], "DMARC_POLICY_ALLOW[d.example][reject]");
  // Nothing where the name is empty.
  EXPECT_EQ(Scan("once_received { symbol = \"\"; }", {.hostname = "a.b"})["ONCE_RECEIVED"], "");
}

TEST(SymbolNames, DmarcReadsTheSymbolThatItIsTold) {
  const Scan scan("dmarc { symbols { spf_allow_symbol = NOTHING; } }", {});
  EXPECT_EQ(scan["DMARC_POLICY_ALLOW"], "");
  EXPECT_EQ(
      scan["DMARC_POLICY_QUARANTINE"],
      "DMARC_POLICY_QUARANTINE[d.example : No valid SPF, No valid DKIM][reject][sampled_out]");
}

TEST(TrustedMail, IsLookedAtWhereOptionsSaySo) {
  const Sent local{.ip = "127.0.0.1"}, user{.user = "ann@d.example"};
  for (const auto& [module, symbol] : {std::pair{"spf", "R_SPF_FAIL"},
                                       {"dkim", "R_DKIM_NA"},
                                       {"once_received", "ONCE_RECEIVED"}}) {
    const std::string section(module);
    Sent there = user;
    there.ip = "192.0.2.99";
    there.hostname = "a.b";
    Sent here = local;
    here.hostname = "a.b";
    EXPECT_EQ(Scan("", here)[symbol], "") << section;
    EXPECT_EQ(Scan(section + " { check_authed = true; }", here)[symbol], "") << section;
    EXPECT_NE(Scan(section + " { check_local = true; }", here)[symbol], "") << section;
    EXPECT_EQ(Scan("", there)[symbol], "") << section;
    EXPECT_NE(Scan(section + " { check_authed = true; }", there)[symbol], "") << section;
    EXPECT_NE(Scan("", there, "check_authed = true;")[symbol], "") << section;
    EXPECT_EQ(Scan(section + " { check_authed = false; }", there, "check_authed = true;")[symbol],
              "")
        << section;
  }
}

TEST(SpfOptions, NestingAndIpv6) {
  const Sent two{.ip = "192.0.2.2"}, six{.ip = "2001:db8::6"};
  EXPECT_EQ(Scan("", two)["R_SPF_ALLOW"], "R_SPF_ALLOW[+ip4:192.0.2.2]");
  EXPECT_EQ(Scan("spf { max_dns_nesting = 2; }", two)["R_SPF_ALLOW"],
            "R_SPF_ALLOW[+ip4:192.0.2.2]");
  EXPECT_EQ(Scan("spf { max_dns_nesting = 1; }", two)["R_SPF_PERMFAIL"],
            "R_SPF_PERMFAIL[bad SPF record]");
  EXPECT_EQ(Scan("", six)["R_SPF_ALLOW"], "R_SPF_ALLOW[+a:six.example]");
  const Scan without("spf { disable_ipv6 = true; }", six);
  EXPECT_EQ(without["R_SPF_FAIL"], "R_SPF_FAIL[-all]");
  for (const Question& question : without.evidence().questions)
    EXPECT_FALSE(question.type == rr::kAaaa && question.key == "six.example");
}

TEST(DkimOptions, DomainsAndNetworks) {
  const std::string broken =
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d.example; s=s; h=from;\n"
      "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\n";
  const Sent sent{.headers = broken};
  const std::string key = "symbols { R_DKIM_REJECT { score = 2; } }";
  const auto weight = [&](const std::string& options) {
    const Scan scan(key + "dkim { " + options + " }", sent);
    return scan["R_DKIM_REJECT"].empty() ? -1 : scan.weight("R_DKIM_REJECT");
  };
  EXPECT_EQ(weight(""), 2);
  EXPECT_EQ(weight("whitelist = [\"192.0.2.0/24\"];"), -1);
  EXPECT_EQ(weight("whitelist = [\"192.0.3.0/24\"];"), 2);
  EXPECT_EQ(weight("trusted_only = true;"), -1);
  EXPECT_EQ(weight("trusted_only = true; trusted_domains = [\"d.example\"];"), 2);
  EXPECT_EQ(weight("trusted_only = true; domains = [\"d.example\"];"), 2);
  EXPECT_EQ(weight("domains = [\"d.example\"]; strict_multiplier = 3;"), 6);
  EXPECT_EQ(weight("domains = [\"other.example\"]; strict_multiplier = 3;"), 2);
  EXPECT_EQ(weight("domains = [\"d.example 0.5\"]; strict_multiplier = 3;"), 1);
}

TEST(DmarcOptions, NoSampling) {
  const Sent other{.ip = "192.0.2.99"};
  EXPECT_NE(Scan("", other)["DMARC_POLICY_QUARANTINE"], "");
  EXPECT_EQ(Scan("dmarc { no_sampling_domains = [\"d.example\"]; }", other)["DMARC_POLICY_REJECT"],
            "DMARC_POLICY_REJECT[d.example : No valid SPF, No valid DKIM][reject]");
}

TEST(OnceReceived, Words) {
  const Sent from{.hostname = "pool-7.cable.example"};
  EXPECT_EQ(Scan("", from)["ONCE_RECEIVED_STRICT"], "");
  EXPECT_EQ(Scan("once_received { bad_host = [\"cable\"]; }", from)["ONCE_RECEIVED_STRICT"],
            "ONCE_RECEIVED_STRICT[cable]");
  EXPECT_EQ(Scan("once_received { good_host = cable; }", from)["ONCE_RECEIVED"], "");
  EXPECT_EQ(Scan("once_received { whitelist = [\"192.0.2.1\"]; }", from)["ONCE_RECEIVED"], "");
}

TEST(Phishing, ShownDomains) {
  const Sent link{.body = "<a href=\"http://evil.co.uk/a\">http://shop.example.co.uk/</a>\n",
                  .headers = "Content-Type: text/html\n"};
  const std::string option = "[example.co.uk->evil.co.uk]";
  const struct {
    const char *options, *symbol;
  } rows[] = {
      {"", "PHISHING"},
      {"domains = [\"example.co.uk\"];", "PHISHING"},
      {"exceptions { REDIRECTOR_FALSE = [\"evil.co.uk\"]; }", "REDIRECTOR_FALSE"},
      {"exceptions { REDIRECTOR_FALSE = [\"example.co.uk\"]; }", "PHISHING"},
      {"phishing_exceptions { KNOWN = [\"example.co.uk\"]; }", "KNOWN"},
      {"strict_domains { BANK_PHISHING = [\"example.co.uk\"]; }", "BANK_PHISHING"},
      {"domains = [\"other.example\"]; strict_domains { BANK_PHISHING = [\"example.co.uk\"]; }",
       "BANK_PHISHING"},
  };
  for (const auto& row : rows) {
    const Scan scan(fmt::format("phishing {{ {} }}", row.options), link);
    EXPECT_EQ(scan[row.symbol], row.symbol + option) << row.options << scan.told();
    if (std::string_view(row.symbol) != "PHISHING") {
      EXPECT_EQ(scan["PHISHING"], "") << row.options;
    }
  }
  EXPECT_EQ(Scan("phishing { domains = [\"other.example\"]; }", link)["PHISHING"], "");
}

TEST(Phishing, Feeds) {
  const auto weight = [](const std::string& options, const std::string& body) {
    const Scan scan(
        "symbols { PHISHED_OPENPHISH { score = 1; } } phishing { openphish_enabled = true; " +
            options + " }",
        {.body = body, .headers = "Content-Type: text/html\n"});
    return scan["PHISHED_OPENPHISH"].empty() ? -1 : scan.weight("PHISHED_OPENPHISH");
  };
  const auto link = [](const std::string& url, const std::string& text = "x") {
    return "<a href=\"" + url + "\">" + text + "</a>\n";
  };
  const std::string lines = "openphish_map = \"/feed\";";
  EXPECT_EQ(weight(lines, link("http://bad.example.com/a?b=c")), 1);
  EXPECT_EQ(weight(lines, link("http://BAD.example.com/page")), 1);
  EXPECT_EQ(weight(lines, link("http://bad.example.com/page?q=1")), 0.3);
  EXPECT_EQ(weight(lines, link("http://bad.example.com/other")), -1);
  EXPECT_EQ(weight(lines, link("http://bad.example.com/other", "http://bank.co.uk/")), 0.1);
  const std::string json = "openphish_premium = true; openphish_map = \"/feed.json\";";
  EXPECT_EQ(weight(json, link("http://bad.example.com/j")), 1);
  const Scan told("phishing { openphish_enabled = true; " + json + " }", {});
  EXPECT_NE(told.told().find("1 lines of the feed are no JSON"), std::string::npos) << told.told();
}

// --- What the request says ---

TEST(HttpHeaders, ResultsOfTheMailServer) {
  const struct {
    const char *header, *value, *symbol, *option;
  } rows[] = {
      {"spf", "{\"result\":\"pass\"}", "R_SPF_ALLOW", "[http header]"},
      {"spf", "{\"result\":\"fail\",\"reason\":\"x\"}", "R_SPF_FAIL", "[http header]"},
      {"spf", "{\"result\":\"softfail\"}", "R_SPF_SOFTFAIL", "[http header]"},
      {"spf", "{\"result\":\"neutral\"}", "R_SPF_NEUTRAL", "[http header]"},
      {"spf", "{\"result\":\"na\"}", "R_SPF_NA", "[http header]"},
      {"spf", "{\"result\":\"permfail\"}", "R_SPF_PERMFAIL", "[http header]"},
      {"dkim", "{\"result\":\"pass\"}", "R_DKIM_ALLOW", "[http header]"},
      {"dkim", "{\"result\":\"pass\"}", "DKIM_TRACE", "[unknown:+]"},
      {"dkim", "{\"result\":\"fail\", \"domain\": \"d.example\"}", "DKIM_TRACE", "[d.example:-]"},
      {"dkim", "{\"result\":\"na\"}", "R_DKIM_NA", "[http header]"},
      {"dkim", "{\"result\":\"tempfail\"}", "R_DKIM_TEMPFAIL", "[http header]"},
      {"dmarc", "{\"result\":\"pass\"}", "DMARC_POLICY_ALLOW", "[http header]"},
      {"dmarc", "{\"result\":\"fail\"}", "DMARC_POLICY_REJECT", "[http header]"},
      {"dmarc", "{\"result\":\"quarantine\"}", "DMARC_POLICY_QUARANTINE", "[http header]"},
      {"dmarc", "{\"result\":\"none\"}", "DMARC_POLICY_SOFTFAIL", "[http header]"},
      {"dmarc", "{\"result\":\"na\"}", "DMARC_NA", "[http header]"},
      {"dmarc", "{\"result\":\"permfail\"}", "DMARC_BAD_POLICY", "[http header]"},
      // What cannot be read is as if nobody had said it: the checks themselves judge.
      {"spf", "pass", "R_SPF_ALLOW", "[+ip4:192.0.2.1]"},
      {"spf", "{\"result\":\"perhaps\"}", "R_SPF_ALLOW", "[+ip4:192.0.2.1]"},
      {"dmarc", "{{{{{{", "DMARC_POLICY_ALLOW", "[d.example][reject]"},
  };
  for (const auto& row : rows) {
    const Scan scan("http_headers { enabled = true; }", {.request = {{row.header, row.value}}});
    EXPECT_EQ(scan[row.symbol], std::string(row.symbol) + row.option) << row.value;
  }
  // Where it is off, nobody is believed.
  const Sent claims{.ip = "192.0.2.99", .request = {{"spf", "{\"result\":\"pass\"}"}}};
  EXPECT_EQ(Scan("", claims)["R_SPF_ALLOW"], "");
  EXPECT_EQ(Scan("http_headers { enabled = true; }", claims)["R_SPF_FAIL"], "");
  // DMARC goes on with what the mail server found.
  EXPECT_EQ(Scan("http_headers { enabled = true; }", claims)["DMARC_POLICY_ALLOW"],
            "DMARC_POLICY_ALLOW[d.example][reject]");
}

std::vector<std::pair<std::string, std::string>> asks_for_signature() {
  const std::string pem = rsa_key().pem();
  std::string key;  // a header has one line
  for (size_t at = pem.find('\n') + 1; at < pem.rfind("-----END"); at = pem.find('\n', at) + 1)
    key += pem.substr(at, pem.find('\n', at) - at);
  return {{"performdkimsign", "no"},
          {"dkimdomain", "Sign.example"},
          {"dkimselector", "sel"},
          {"dkimprivatekey", key}};
}

TEST(RequestKeys, Sign) {
  const std::string on = "dkim_signing { use_http_headers = true; }";
  const Scan scan(on, {.request = asks_for_signature()});
  EXPECT_EQ(scan["DKIM_SIGNED"], "DKIM_SIGNED[sign.example:s=sel]");
  ASSERT_EQ(scan.signatures().size(), 1u);
  EXPECT_NE(scan.signatures()[0].find("d=sign.example"), std::string::npos);
  // Evidence holds no key: neither the header nor a part of it.
  const std::string key = asks_for_signature()[3].second;
  for (const SymbolFact& fact : scan.evidence().symbols)
    EXPECT_EQ(std::string_view(fact.option).find(key.substr(100, 40)), std::string_view::npos);
  for (size_t left_out = 0; left_out < 4; ++left_out) {
    auto some = asks_for_signature();
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_EQ(Scan(on, {.request = some})["DKIM_SIGNED"], "") << left_out;
  }
  auto bad = asks_for_signature();
  bad[3].second = "xx";
  EXPECT_EQ(Scan(on, {.request = bad})["DKIM_SIGNED"], "");
  EXPECT_EQ(Scan("", {.request = asks_for_signature()})["DKIM_SIGNED"], "");
  auto named = asks_for_signature();
  named[1].first = "x-domain";
  EXPECT_EQ(Scan("dkim_signing { use_http_headers = true; http_domain_header = \"X-Domain\"; }",
                 {.request = named})["DKIM_SIGNED"],
            "DKIM_SIGNED[sign.example:s=sel]");
}

TEST(RequestKeys, RejectedMailIsSignedWhereTheRequestSaysSo) {
  const std::string on =
      "dkim_signing { use_http_headers = true; } actions { reject = 1; } "
      "symbols { R_SPF_FAIL { score = 5; } }";
  Sent sent{.ip = "192.0.2.99", .request = asks_for_signature()};
  EXPECT_EQ(Scan(on, sent)["DKIM_SIGNED"], "");
  sent.request.emplace_back("signonauthfailed", "");
  const Scan scan(on, sent);
  EXPECT_EQ(scan["DKIM_SIGNED"], "DKIM_SIGNED[sign.example:s=sel]");
  EXPECT_EQ(scan.signatures().size(), 1u);
}

TEST(RequestKeys, Seal) {
  const Scan scan("arc { use_http_headers = true; }", {.request = asks_for_signature()});
  EXPECT_EQ(scan["ARC_SIGNED"], "ARC_SIGNED[sign.example:s=sel:i=1]");
  EXPECT_EQ(Scan("arc { use_http_headers = true; }", {})["ARC_SIGNED"], "");
}

TEST(RequestKeys, NamesOfKeys) {
  const RequestKeyName name{"dkimprivatekey", true, true, "AAAA"};
  const std::string written = write_request_key_name(name);
  const auto read = read_request_key_name(written);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->header, "dkimprivatekey");
  EXPECT_TRUE(read->is_ed25519);
  EXPECT_TRUE(read->in_any_case);
  EXPECT_EQ(read->public_key, "AAAA");
  EXPECT_FALSE(read_request_key_name("/k/example.key"));
  EXPECT_FALSE(RequestKeys({}, nullptr).find(write_request_key_name(name)));
}

// --- Where nobody answers ---

TEST(Offline, NothingFailedWhereNobodyWasAsked) {
  const std::string mail =
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d.example; s=s; h=from;\n"
      "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\n"
      "From: Ann <ann@d.example>\nTo: b@x.example\nSubject: pears\n\nripe\n";
  const std::shared_ptr<RuleSet> rules = compiled("", {});
  Message message;
  message.bytes = MessageBytes(mail);
  message.from = "ann@d.example";
  message.helo = "mx.d.example";
  message.ip = parse_ip("192.0.2.1").value();
  Message nameless;
  nameless.bytes = MessageBytes(mail);
  nameless.ip = message.ip;
  nameless.hostname = "unknown";
  note_nameless(nameless);
  const std::unique_ptr<Case> one = judged(rules, std::move(message));
  for (const VerdictSymbol& symbol : one->verdict.symbols) {
    const std::string& name = rules->model.symbols[index(symbol.symbol)].name;
    EXPECT_EQ(name.find("FAIL"), std::string::npos) << name;
    EXPECT_NE(name, "HFILTER_HOSTNAME_UNKNOWN");
  }
  // What nobody answered is there to be told.
  EXPECT_GT(std::ranges::count(one->evidence.answers, AnswerState::kUnknown, &Answer::state), 0);
  // That the mail server knows no name is something else.
  EXPECT_EQ(found(*rules, *judged(rules, std::move(nameless)), "HFILTER_HOSTNAME_UNKNOWN"),
            "HFILTER_HOSTNAME_UNKNOWN");
}

// --- bimi ---

TEST(Bimi, RecordsOfDomainsThatArePassed) {
  const std::string on = "bimi { enabled = true; }",
                    all = "bimi { enabled = true; vmc_only = no; }";
  EXPECT_EQ(Scan(on, {})["BIMI_RECORD"],
            "BIMI_RECORD[d.example][l=https://d.example/logo.svg][a=https://d.example/vmc.pem]");
  EXPECT_EQ(Scan("", {})["BIMI_RECORD"], "");
  EXPECT_EQ(Scan(on, {.ip = "192.0.2.99"})["BIMI_RECORD"], "");  // DMARC does not pass
  EXPECT_EQ(Scan(on, {.domain = "plain.example"})["BIMI_RECORD"], "");
  EXPECT_EQ(Scan(all, {.domain = "plain.example"})["BIMI_RECORD"],
            "BIMI_RECORD[plain.example][l=https://plain.example/x.svg]");
  EXPECT_EQ(Scan(all, {.domain = "none.example"})["BIMI_RECORD"], "");  // p=none
}

}  // namespace
}  // namespace winnow
