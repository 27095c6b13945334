#include <gtest/gtest.h>

#include "engine/mime/parse.h"
#include "rules/checks/auth/arc_link.h"
#include "rules/checks/check.h"
#include "rules/maps/map.h"
#include "tests/unit/rules/asking.h"

namespace winnow {
namespace {

// Signed twice with dkimpy 1.1.4: by a mailing list that saw DMARC pass, then by a forwarder that
// saw it fail.
const char* const kMessage =
    "ARC-Seal: i=2; cv=pass; a=rsa-sha256; d=gmail.example; s=s2;\r\n"
    " t=1795921855;\r\n"
    " b=YUD93zbZH8eW2hv8LR2fSBn42tH6bcJzHnCF9eVnzwI6RL4LAeX0HLwB6zq5bcQ2iPXZf\r\n"
    " EP19bBQOc7V+Gj3y9NFihZQGKIZ1ureP1Fy7Pd8o7j5v63OcERTlP9oEt7ZralNlQsdCN0D\r\n"
    " dNgMCMSRysYoKwNOPRVSDuLgx08V7V0=\r\n"
    "ARC-Message-Signature: i=2; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=gmail.example; s=s2; t=1795921855; h=mime-version : from : to :\r\n"
    " subject : date : message-id : content-type : from;\r\n"
    " bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZYLQ=;\r\n"
    " b=jg+UUtZzXjq+tFGK1NuHE2RMCidGBSvQeyxleulVpN1RBfraCEq1EwxYsMdirRFC4sZ7u\r\n"
    " kprZhBT/+P8XsCHlCi/QuArodPQOc/Znk8U4iW+DEBDncIT0XCoe6SEs7rMTriY6FuvYU9O\r\n"
    " VnhoN4WDfk90Sbr/uAnTeFqTfTNe1So=\r\n"
    "ARC-Authentication-Results: i=2; gmail.example; arc=pass;\r\n"
    "  spf=pass;\r\n"
    "  dmarc=fail\r\n"
    "Authentication-Results: gmail.example; arc=pass; spf=pass; dmarc=fail\r\n"
    "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=d1.example; s=s1; t=1795921855;\r\n"
    " b=Lk+qRguZnauwCnCbdimEzMQoeTnxJjEX5r1C8t6IcVsWD+v1w3KN7Zdhd8zZTJbhl/Bg9\r\n"
    " LW0slGg3BG51GXoV2K6IF0PFrGnzuZBesx0Wkcqj24AU+YDqnZnfFZ5Y46QIYe671ACFI4+\r\n"
    " m857vkV1FGaV9jAijw2CZ1M9bVgb+Ug=\r\n"
    "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=d1.example; s=s1; t=1795921855; h=mime-version : from : to : subject\r\n"
    " : date : message-id : content-type : from;\r\n"
    " bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZYLQ=;\r\n"
    " b=aKldval5qTLcUKSv51em/VHUzBGooSSa/vtwCJNIXGbIptBNbjXKAMGkHxkXMWdsdYGO7\r\n"
    " YXS7qivntRq3MhKToOyHyMH6CeFJLSL72Q7oVPLLNoD3wzB0M8wBH/lf/6A4hmib3C45EGI\r\n"
    " aamcznhZGWYqN/JCevRTsveDdRsCCo8=\r\n"
    "ARC-Authentication-Results: i=1; lists.example.org; spf=pass smtp.mfrom=jqd@d1.example;\r\n"
    "  dkim=pass (1024-bit key) header.i=@d1.example;\r\n"
    "  dmarc=pass\r\n"
    "Authentication-Results: lists.example.org; spf=pass smtp.mfrom=jqd@d1.example;\r\n"
    " dkim=pass (1024-bit key) header.i=@d1.example; dmarc=pass\r\n"
    "Received: from x by y; Thu, 14 Jan 2015 15:00:01 -0800\r\n"
    "MIME-Version: 1.0\r\n"
    "From: John Q Doe <jqd@d1.example>\r\n"
    "To: arc@dmarc.example\r\n"
    "Subject: Example 1\r\n"
    "Date: Thu, 14 Jan 2015 15:00:01 -0800\r\n"
    "Message-ID: <54B84785.1060301@d1.example>\r\n"
    "Content-Type: text/plain\r\n"
    "\r\n"
    "Hey gang,\r\n"
    "This is a  test message.\r\n"
    "--J.\r\n";
const TableRecord kFirst{
    "s1._domainkey.d1.example",
    "txt",
    {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCmrvhrfraMsfTMj4KzbbFC5cBu2X"
     "mb41tUhwxP9DoQ1kKGGfNbkZ/uCyduQYbPYpfrwJsvbRNV5tNjyYdtp/GTdlBqCJWXHMFgu3GjWdMC5ZVEwl"
     "3xiyubcNwpzJ9gFOxckzXkmO5Fj1ADyC01j7pKb6YQkhCTVDGq3eQhn+MeBQIDAQAB"},
    ""};
const TableRecord kSecond{
    "s2._domainkey.gmail.example",
    "txt",
    {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDL7Lpy2hcqORXcth7P+8/DdOe9ff"
     "Do/lbpP2Lyiz+GnlTN9Bzy0ToD96kRGcE1nY8hJMMd7banJs0NZn5lrCQCt8TNlqdHV24jUq+HTkaus3zZWc"
     "EAC3n6CwsNEvlUIynmv+/uHPiw69G37sPuZHzz5l7nGsTw1e2JtdR28U1fwQIDAQAB"},
    ""};

struct Step {
  bool waiting;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class Arc : public ::testing::Test {
 protected:
  Arc() {
    for (const Check* const check : all_checks())
      if (check->name == "arc") check_ = check;
    make({}, {});
  }

  // The check with maps of these domains.
  void make(std::string_view trusted, std::string_view forgiven) {
    const auto map = [&](std::string_view option) -> std::shared_ptr<const Map> {
      MapBuilder builder(MapKind::kSet);
      builder.add_lines(option == "whitelist" ? forgiven : trusted, 0);
      return builder.finish();
    };
    CompileContext context{.headers = names_,
                           .limits = limits_,
                           .map = map,
                           .warn = {},
                           .symbol = [](std::string_view) { return SymbolId{6}; }};
    plan_ = check_->compile(context);
    for (uint32_t i = 0; i < check_->symbols.size(); ++i)
      plan_->symbols.push_back(static_cast<SymbolId>(i));
  }

  // "SYMBOL option" of everything inserted.
  std::string judged(std::string message, Asking& asking, uint32_t silent = 0) {
    message.append(Batch::kPadding, '\0');
    Batch batch;
    batch.add(std::string_view(message).substr(0, message.size() - Batch::kPadding), 0, {}, {});
    batch.silent = silent;
    ParseScratch scratch;
    parse({names_, limits_}, scratch, batch);
    check_->content(*plan_, batch);
    std::string out;
    std::vector<SymbolFact> facts;
    const auto add = [&](std::string_view name, std::string_view option) {
      out += fmt::format("{}{}{}{}", out.empty() ? "" : " | ", name, option.empty() ? "" : " ",
                         option);
    };
    for (const SymbolHit& hit : batch.symbols) {
      facts.push_back({hit.symbol, hit.weight, hit.option});
      if (hit.symbol != SymbolId{6}) add(check_->symbols[index(hit.symbol)].name, hit.option);
    }
    asking.evidence.symbols = facts;
    asking.run(
        [&] { return Step{check_->judge(*plan_, asking.evidence, asking) == Judged::kWaiting}; });
    for (const std::string& one : asking.inserted) {
      const size_t open = one.find('(');
      add(check_->symbols[std::stoul(one)].name, one.substr(open + 1, one.size() - open - 2));
    }
    return out;
  }
  std::string judged(const std::string& message) {
    Asking asking({kFirst, kSecond});
    return judged(message, asking);
  }

  HeaderNames names_;
  Limits limits_;
  const Check* check_ = nullptr;
  std::unique_ptr<CheckPlan> plan_;
};

const std::string kAllowed = "ARC_ALLOW gmail.example:s=s2:i=2";

TEST_F(Arc, VerifiesAChainOfTwo) {
  std::string lf(kMessage);
  std::erase(lf, '\r');
  for (const std::string& message :
       {std::string(kMessage), lf, replaced(kMessage, "a  test", "a \t test"),
        replaced(kMessage, "cv=pass; a=", "cv=pass;\r\n  a="),
        "Received: from c by d; Thu, 14 Jan 2015 16:00:00 -0800\r\n" + std::string(kMessage)}) {
    Asking asking({kFirst, kSecond});
    EXPECT_EQ(judged(message, asking), kAllowed) << message;
    EXPECT_EQ(asking.rounds, 2);
  }
}

TEST_F(Arc, ChangedBytesBreakIt) {
  const std::string message =
      "ARC_REJECT signature check failed: fail, {[1] = sig:gmail.example:reject}";
  EXPECT_EQ(judged(replaced(kMessage, "Hey gang", "Hey band")), message);
  EXPECT_EQ(judged(replaced(kMessage, "Example 1", "Example 2")), message);
  EXPECT_EQ(judged(replaced(kMessage, "ARC-Message-Signature: i=2; a=rsa-sha256; c=relaxed/relaxed",
                            "ARC-Message-Signature: i=2; a=rsa-sha256; c=simple/simple")),
            message);
  // A set's results are covered by its own seal and by all later ones.
  EXPECT_EQ(judged(replaced(kMessage, "dmarc=fail", "dmarc=pass")),
            "ARC_REJECT seal check failed: fail, {[1] = sig:gmail.example:reject}");
  EXPECT_EQ(judged(replaced(kMessage, "(1024-bit key)", "(2048-bit key)")),
            "ARC_REJECT seal check failed: fail, {[1] = sig:gmail.example:reject}");
  EXPECT_EQ(judged(replaced(kMessage, "ARC-Seal: i=1; cv=none; a=rsa-sha256",
                            "ARC-Seal: i=1; cv=none; a=ed25519-sha256")),
            "ARC_REJECT seal check failed: fail, {[1] = sig:gmail.example:reject}");
}

TEST_F(Arc, KeysDecide) {
  const auto with = [&](std::vector<std::string> replies, std::string rcode = "") {
    Asking asking({{kFirst.name, "txt", std::move(replies), std::move(rcode)}, kSecond});
    return judged(kMessage, asking);
  };
  const std::string none = "ARC_REJECT seal check failed: fail, {[1] = sig:d1.example:permerror}";
  EXPECT_EQ(with(kFirst.replies), kAllowed);
  EXPECT_EQ(with({}, "nxdomain"), none);
  EXPECT_EQ(with({"v=DKIM1; p="}), none);
  EXPECT_EQ(with(kSecond.replies),
            "ARC_REJECT seal check failed: fail, {[1] = sig:d1.example:reject}");
  EXPECT_EQ(with({}, "timeout"), "ARC_DNSFAIL d1.example:s=s1:i=1");
  Asking nobody({}, Absent::kUnknown);
  EXPECT_EQ(judged(kMessage, nobody), "");  // nobody was asked: nothing failed
}

// Where nobody can be asked nothing is hashed; the verdict is that of keys that do not come.
TEST_F(Arc, SilentWhereNoKeyCanCome) {
  const uint32_t dns = 1u << static_cast<uint32_t>(QuestionKind::kDns);
  for (const std::string& message : std::vector<std::string>{
           kMessage, replaced(kMessage, "cv=pass", "cv=fail"),
           replaced(kMessage, "ARC-Authentication-Results: i=1", "X-Results: i=1")}) {
    Asking nobody({}, Absent::kUnknown);
    Asking silent({}, Absent::kUnknown);
    const std::string expected = judged(message, nobody);
    EXPECT_EQ(expected.empty(), message == kMessage);  // what form alone says
    EXPECT_EQ(judged(message, silent, dns), expected);
  }
  Asking asking({}, Absent::kUnknown);
  EXPECT_EQ(judged(replaced(kMessage, "ARC-Seal: i=1", "ARC-Seal: i=3"), asking, dns),
            "ARC_INVALID instances have gaps");
  EXPECT_EQ(judged("From: a@b.example\r\n\r\nx\r\n", asking, dns), "ARC_NA");
}

TEST_F(Arc, ChainsThatFailWithoutKeys) {
  Asking asking({});
  const auto result = [&](std::string_view from, std::string_view to) {
    return judged(replaced(kMessage, from, to), asking);
  };
  EXPECT_EQ(result("cv=pass", "cv=fail"), "ARC_REJECT the newest seal says that the chain failed");
  EXPECT_EQ(result("ARC-Authentication-Results: i=1", "ARC-Authentication-Results: i=2"),
            "ARC_REJECT an instance stands twice");
  EXPECT_EQ(result("ARC-Authentication-Results: i=1", "X-Results: i=1"),
            "ARC_REJECT an instance has no authentication results");
  EXPECT_EQ(result("h=mime-version : from", "h=mime-version : arc-seal : from"),
            "ARC_REJECT signature cannot be read");
  EXPECT_EQ(result("cv=pass; a=rsa-sha256", "cv=pass; h=from; a=rsa-sha256"),
            "ARC_REJECT seal cannot be read");
  EXPECT_EQ(result("cv=pass; a=rsa-sha256", "cv=pass; a=rsa-sha1"),
            "ARC_REJECT seal cannot be read");
  EXPECT_TRUE(asking.evidence.questions.empty());
}

TEST_F(Arc, TrustedForwarders) {
  make("d1.example", "");
  EXPECT_EQ(judged(kMessage), kAllowed + " | ARC_ALLOW_TRUSTED d1.example:s=s1:i=1");
  make("D1.example\ngmail.example", "");
  EXPECT_EQ(judged(kMessage), kAllowed + " | ARC_ALLOW_TRUSTED gmail.example:s=s2:i=2");
  make("example", "");
  EXPECT_EQ(judged(kMessage), kAllowed);
  make("d1.example", "");
  EXPECT_EQ(judged(replaced(kMessage, "Hey gang", "Hey")),
            "ARC_REJECT signature check failed: fail, {[1] = sig:gmail.example:reject}");
}

TEST_F(Arc, BrokenSignaturesOfSomeAreForgiven) {
  make("", "gmail.example");
  EXPECT_EQ(judged(replaced(kMessage, "Hey gang", "Hey")), kAllowed);
  EXPECT_EQ(judged(replaced(kMessage, "ARC-Seal: i=1; cv=none; a=rsa-sha256",
                            "ARC-Seal: i=1; cv=none; a=ed25519-sha256")),
            "ARC_REJECT seal check failed: fail, {[1] = sig:d1.example:permerror}");
}

TEST(ArcChain, ResultsThatAreRecorded) {
  const struct {
    const char *text, *method, *result;
  } rows[] = {
      {"i=1; host.example; spf=pass smtp.mailfrom=a@b; dmarc=fail (p=none; dmarc=pass)", "dmarc",
       "fail"},
      {"i=1; host; spf=pass; dmarc=fail", "SPF", "pass"},
      {"i=1; host (dmarc=pass); dkim=fail reason=\"; dmarc=pass\"; dmarc = none", "dmarc", "none"},
      {"i=1; host; (c) dmarc (c) = (c) PASS", "dmarc", "PASS"},
      {"i=1; host; dkim/1=pass header.d=x", "dkim", "pass"},
      {"i=1; host; dkim=fail; dkim=pass; dkim=temperror", "dkim", "pass"},
      {"i=1; host; none", "spf", ""},
      {"i=1; host; xspf=pass", "spf", ""},
      {"i=1; host; spf", "spf", ""},
      {"", "spf", ""},
      // RFC 8601 appendix B, behind the instance that ARC puts before.
      {"i=1; example.org 1; none", "dkim", ""},
      {"i=1; example.com; spf=pass smtp.mailfrom=example.net", "spf", "pass"},
      {"i=1; example.com; auth=pass (cleartext) smtp.auth=sender@example.net; "
       "spf=pass smtp.mailfrom=example.net",
       "spf", "pass"},
      {"i=1; example.com; auth=pass (cleartext) smtp.auth=sender@example.com; "
       "spf=fail smtp.mailfrom=example.com",
       "spf", "fail"},
      {"i=1; example.com; sender-id=fail header.from=example.com; "
       "dkim=pass (good signature) header.d=example.com",
       "dkim", "pass"},
      {"i=1; example.com;\r\n      dkim=pass reason=\"good signature\"\r\n"
       "        header.i=@mail-router.example.net;\r\n      dkim=fail reason=\"bad signature\"\r\n"
       "        header.i=@newyork.example.com",
       "dkim", "pass"},
      {"i=1; foo.example.net (foobar) 1 (baz);\r\n"
       "    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
       "      policy (A dot can go here) . (like that) expired\r\n"
       "      (this surprised me) = (as I wasn't expecting it) 1362471462",
       "dkim", "fail"},
      {"i=1; host; (((", "spf", ""},
      {"i=1; host; \"\\", "spf", ""},
  };
  for (const auto& row : rows)
    EXPECT_EQ(recorded_result(row.text, row.method), row.result) << row.text;
}

std::string header(uint32_t instance) {
  return fmt::format(
      "ARC-Seal: i={0}; a=rsa-sha256; cv={1}; d=a.example; s=s; b=YQ==\r\n"
      "ARC-Message-Signature: i={0}; a=rsa-sha256; d=a.example; s=s; h=from; bh="
      "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=YQ==\r\n"
      "ARC-Authentication-Results: i={0}; a.example; none\r\n",
      instance, instance == 1 ? "none" : "pass");
}

// Fifty sets are a chain, one more is none.
TEST_F(Arc, InstancesUpToTheLimit) {
  std::string message;
  for (uint32_t i = 1; i <= kArcInstancesMax; ++i) message.insert(0, header(i));
  Asking asking({});
  EXPECT_EQ(judged(message + "From: a@b.example\r\n\r\n", asking),
            "ARC_REJECT signature check failed: fail, {[1] = sig:a.example:permerror}");
  EXPECT_EQ(judged(header(kArcInstancesMax + 1) + message + "From: a@b.example\r\n\r\n", asking),
            "ARC_INVALID invalid instance");
}

}  // namespace
}  // namespace winnow
