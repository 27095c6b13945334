#include <gtest/gtest.h>

#include "engine/crypt/base64_text.h"
#include "engine/crypt/private_key.h"
#include "engine/crypt/verify.h"
#include "engine/mime/parse.h"
#include "rules/checks/auth/dkim_signature.h"
#include "rules/checks/check.h"
#include "tests/unit/rules/asking.h"

namespace winnow {
namespace {

using namespace std::string_literals;

// RFC 8463 appendix A.3 (message) and A.2 (keys). Code components of RFCs: BSD licence of the
// IETF Trust.
const char* const kMessage =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game.  Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";
const TableRecord kEdKey{"brisbane._domainkey.football.example.com",
                         "txt",
                         {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
                         ""};
const TableRecord kRsaKey{
    "test._domainkey.football.example.com",
    "txt",
    {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6"
     "wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvH"
     "O9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
    ""};

struct Step {
  bool waiting;
};

class Dkim : public ::testing::Test {
 protected:
  Dkim() {
    for (const Check* const check : all_checks())
      if (check->name == "dkim") check_ = check;
    CompileContext context{.headers = names_,
                           .limits = limits_,
                           .map = {},
                           .warn = {},
                           .symbol = [](std::string_view) { return SymbolId{5}; }};
    plan_ = check_->compile(context);
    for (uint32_t i = 0; i < check_->symbols.size(); ++i)
      plan_->symbols.push_back(static_cast<SymbolId>(i));
  }

  // "SYMBOL option" of everything inserted, DKIM_TRACE left out.
  std::string judged(std::string message, Asking& asking, int64_t now_s = 1'600'000'000,
                     uint32_t silent = 0) {
    message.append(Batch::kPadding, '\0');
    Batch batch;
    Envelope envelope;
    envelope.now_ms = now_s * 1000;
    batch.add(std::string_view(message).substr(0, message.size() - Batch::kPadding), 0, envelope,
              {});
    batch.silent = silent;
    ParseScratch scratch;
    parse({names_, limits_}, scratch, batch);
    check_->content(*plan_, batch);
    std::string out;
    std::vector<SymbolFact> facts;
    for (const SymbolHit& hit : batch.symbols) {
      facts.push_back({hit.symbol, hit.weight, hit.option});
      if (hit.symbol != SymbolId{5}) out += std::string(check_->symbols[index(hit.symbol)].name);
    }
    asking.evidence.symbols = facts;
    asking.run(
        [&] { return Step{check_->judge(*plan_, asking.evidence, asking) == Judged::kWaiting}; });
    for (const std::string& one : asking.inserted) {
      const size_t open = one.find('(');
      const std::string_view name = check_->symbols[std::stoul(one)].name;
      if (name == "DKIM_TRACE") continue;
      out += fmt::format("{}{} {}", out.empty() ? "" : " | ", name,
                         one.substr(open + 1, one.size() - open - 2));
    }
    return out;
  }

  HeaderNames names_;
  Limits limits_;
  const Check* check_ = nullptr;
  std::unique_ptr<CheckPlan> plan_;
};

const std::string kEd = "football.example.com:s=brisbane", kRsa = "football.example.com:s=test";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST_F(Dkim, VerifiesTheRfcsMessage) {
  const std::string both = "R_DKIM_ALLOW " + kEd + " | R_DKIM_ALLOW " + kRsa;
  for (const std::string& message :
       {std::string(kMessage), replaced(kMessage, "\r\n", "\n"),
        replaced(kMessage, "hungry yet?\r\n", "hungry \t yet?  \n"),
        std::string(kMessage) + "\r\n \n", replaced(kMessage, "To: Suzie", "TO :\r\n\tSuzie")}) {
    Asking asking({kEdKey, kRsaKey});
    EXPECT_EQ(judged(message, asking), both) << message;
    EXPECT_EQ(asking.rounds, 2);
  }
}

// RFC 6376 appendix A.2 (message) and C (key): simple canonical forms, names of h= with blanks
// around, i= of a name under d=.
TEST_F(Dkim, VerifiesTheMessageOfRfc6376) {
  const std::string message =
      "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
      "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
      "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
      "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
      "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
      "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
      "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
      "      4bmp/YzhwvcubU4=;\r\n"
      "Received: from client1.football.example.com  [192.0.2.1]\r\n"
      "      by submitserver.example.com with SUBMISSION;\r\n"
      "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n"
      "From: Joe SixPack <joe@football.example.com>\r\n"
      "To: Suzie Q <suzie@shopping.example.net>\r\n"
      "Subject: Is dinner ready?\r\n"
      "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
      "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
      "\r\nHi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n";
  const TableRecord key{
      "brisbane._domainkey.example.com",
      "txt",
      {"v=DKIM1; "
       "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCj"
       "xOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/"
       "NMqJ0fzfVjH4OuKhitdY9tf6mc"
       "wGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"},
      ""};
  const auto said = [&](const std::string& text, const TableRecord& record) {
    Asking asking({record});
    return judged(text, asking);
  };
  EXPECT_EQ(said(message, key), "R_DKIM_ALLOW example.com:s=brisbane");
  EXPECT_EQ(said(replaced(message, "\r\n", "\n"), key), "R_DKIM_ALLOW example.com:s=brisbane");
  // A byte in any line that is signed, but for the value of b itself; what is simple keeps blanks.
  for (const std::string_view part :
       {"client1", "SixPack", "shopping", "dinner", "21:00:37", "46341", "lost", "Joe.\r\n",
        "brisbane", "Received :", "q=dns"}) {
    std::string changed = message;
    changed[changed.rfind(part)] ^= 1;
    EXPECT_NE(said(changed, key), "R_DKIM_ALLOW example.com:s=brisbane") << part;
  }
  EXPECT_EQ(said(replaced(message, "game. Are", "game.  Are"), key),
            "R_DKIM_REJECT example.com:s=brisbane");
  // A key for the domain alone (t=s) is none for a name under it (3.6.1).
  TableRecord strict = key;
  strict.replies[0] += "; t=s";
  EXPECT_EQ(said(message, strict), "R_DKIM_PERMFAIL example.com:s=brisbane");
}

// Nothing is hashed where no key can come; a key that does come decides nothing then.
TEST_F(Dkim, HashesOnlyWhereAKeyCanCome) {
  const uint32_t dns = 1u << static_cast<uint32_t>(QuestionKind::kDns);
  Asking asking({kEdKey, kRsaKey});
  EXPECT_EQ(judged(kMessage, asking, 1'600'000'000, dns),
            "R_DKIM_TEMPFAIL " + kEd + " | R_DKIM_TEMPFAIL " + kRsa);
  Asking other({kEdKey, kRsaKey});
  EXPECT_EQ(judged(kMessage, other, 1'600'000'000, ~dns),
            "R_DKIM_ALLOW " + kEd + " | R_DKIM_ALLOW " + kRsa);
}

TEST_F(Dkim, OneChangedByteBreaksIt) {
  const std::string both = "R_DKIM_REJECT " + kEd + " | R_DKIM_REJECT " + kRsa;
  for (const std::string& message :
       {replaced(kMessage, "lost", "won"), replaced(kMessage, "dinner", "lunch"),
        replaced(kMessage, "From: Joe", "From: Bob"),
        replaced(kMessage, "Subject: Is", "Subject: Another\r\nSubject: Is"),
        replaced(kMessage, "Date: Fri", "From: Bob <b@example.com>\r\nDate: Fri")}) {
    Asking asking({kEdKey, kRsaKey});
    EXPECT_EQ(judged(message, asking), both) << message;
  }
}

TEST_F(Dkim, KeysDecide) {
  struct Row {
    const char* name;
    TableRecord key;
    const char* expected;
  };
  const std::string name = kEdKey.name, good = kEdKey.replies[0];
  const Row rows[] = {
      {"unknown", {name, "txt", {}, "timeout"}, "R_DKIM_TEMPFAIL"},
      {"servfail", {name, "txt", {}, "servfail"}, "R_DKIM_TEMPFAIL"},
      {"nxdomain", {name, "txt", {}, "nxdomain"}, "R_DKIM_PERMFAIL"},
      {"norec", {name, "txt", {}, "norec"}, "R_DKIM_PERMFAIL"},
      {"revoked", {name, "txt", {"v=DKIM1; k=ed25519; p="}, ""}, "R_DKIM_PERMFAIL"},
      {"other type", {name, "txt", kRsaKey.replies, ""}, "R_DKIM_PERMFAIL"},
      {"no key", {name, "txt", {"hello world"}, ""}, "R_DKIM_PERMFAIL"},
      {"junk key", {name, "txt", {"k=ed25519; p=AAAA"}, ""}, "R_DKIM_PERMFAIL"},
      {"junk base64", {name, "txt", {"k=ed25519; p=!!!!"}, ""}, "R_DKIM_PERMFAIL"},
      {"sha1 only", {name, "txt", {good + "; h=sha1"}, ""}, "R_DKIM_PERMFAIL"},
      {"not for mail", {name, "txt", {good + "; s=tlsrpt"}, ""}, "R_DKIM_PERMFAIL"},
      {"strict", {name, "txt", {good + "; t=y:s"}, ""}, "R_DKIM_ALLOW"},
      {"behind another", {name, "txt", {"v=spf1 -all", good}, ""}, "R_DKIM_ALLOW"},
      {"another's key",
       {name, "txt", {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURp="}, ""},
       "R_DKIM_ALLOW"},  // the last two bits are padding
  };
  for (const Row& row : rows) {
    Asking asking({row.key, kRsaKey});
    EXPECT_EQ(judged(kMessage, asking),
              fmt::format("{} {} | R_DKIM_ALLOW {}", row.expected, kEd, kRsa))
        << row.name;
  }
  Asking nobody({}, Absent::kUnknown);
  EXPECT_EQ(judged(kMessage, nobody), "");  // nobody was asked: nothing failed
}

TEST_F(Dkim, HeadersThatSayNothing) {
  const auto result = [&](const std::string& message, int64_t now = 1'600'000'000) {
    Asking asking({kEdKey, kRsaKey});
    return judged(message, asking, now);
  };
  EXPECT_EQ(result("From: a@b.example\r\n\r\nx\r\n"), "R_DKIM_NA");
  EXPECT_EQ(result(replaced(kMessage, "v=1;", "v=2;")), "");
  EXPECT_EQ(result(replaced(kMessage, "s=brisbane;", "")), "R_DKIM_ALLOW " + kRsa);
  EXPECT_EQ(result(replaced(kMessage, "i=@football", "i=@evil")), "");
  EXPECT_EQ(result(replaced(kMessage, "h=from : to", "h=to")),
            "R_DKIM_REJECT " + kEd + " | R_DKIM_REJECT " + kRsa);
  EXPECT_EQ(result(kMessage, 1'528'000'000), "");  // signed in the future
  EXPECT_EQ(result(replaced(kMessage, "t=1528637909;", "x=1528637909;")), "");
}

// A key's length decides before its signature does: 1023 and 8193 bits are none.
TEST(DkimKeys, LengthsAtTheLimits) {
  // DER RSAPublicKey: SEQUENCE { INTEGER modulus, INTEGER 65537 }; the modulus is all ones.
  const auto key = [](size_t bits) {
    const auto length = [](size_t n) {
      return std::string{'\x82', static_cast<char>(n >> 8), static_cast<char>(n & 255)};
    };
    std::string modulus((bits + 7) / 8, '\xff');
    if (bits % 8) modulus[0] = static_cast<char>((1 << bits % 8) - 1);
    if (bits % 8 == 0) modulus.insert(0, 1, '\0');
    const std::string inner = "\x02" + length(modulus.size()) + modulus + "\x02\x03\x01\x00\x01"s;
    return "\x30" + length(inner.size()) + inner;
  };
  const auto verified = [&](size_t bits) {
    return verify_rsa(key(bits), HashKind::kSha256, std::string(32, 'd'),
                      std::string(bits / 8, 's'));
  };
  EXPECT_EQ(verified(1023), Verified::kBadKey);
  EXPECT_EQ(verified(1024), Verified::kBad);
  EXPECT_EQ(verified(8192), Verified::kBad);
  EXPECT_EQ(verified(8193), Verified::kBadKey);
  EXPECT_EQ(verified(16384), Verified::kBadKey);
}

TEST(DkimKeys, FormsOfRsaKeys) {
  const PrivateKey made = *PrivateKey::make_rsa(1024);
  const std::string digest(32, 'd'), signature = made.sign(digest), info = made.public_key();
  const auto verified = [&](std::string_view key) {
    return verify_rsa(key, HashKind::kSha256, digest, signature);
  };
  const std::string bare = info.substr(info.find("\x03\x81\x8d") + 4);
  for (int again = 0; again < 3; ++again) {  // known keys are used again
    EXPECT_EQ(verified(info), Verified::kGood);
    EXPECT_EQ(verified(bare), Verified::kGood);
    EXPECT_EQ(verified(info + "behind it"), Verified::kGood);
  }
  // Cut anywhere, or with another algorithm, it is no key.
  for (size_t size = 0; size < info.size(); ++size)
    EXPECT_EQ(verified(info.substr(0, size)), Verified::kBadKey) << size;
  for (size_t size = 0; size < bare.size(); ++size)
    EXPECT_EQ(verified(bare.substr(0, size)), Verified::kBadKey) << size;
  std::string pss = info;  // rsassaPss
  pss[pss.find("\x01\x01\x01\x05") + 2] = '\x0a';
  EXPECT_EQ(verified(pss), Verified::kBadKey);
  // More keys than are kept, each in turn: what stands behind makes another of it.
  const std::string other = PrivateKey::make_rsa(1024)->public_key();
  for (int again = 0; again < 2; ++again)
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(verified(info + std::to_string(i)), Verified::kGood);
      EXPECT_EQ(verified(other + std::to_string(i)), Verified::kBad);
      EXPECT_EQ(
          verify_rsa(info + std::to_string(i), HashKind::kSha1, digest.substr(0, 20), signature),
          Verified::kBad);
    }
}

TEST(DkimCanonical, Bodies) {
  const auto digest = [](std::string_view body, Canonical canonical, uint64_t max = kWholeBody) {
    Hash hash(HashKind::kSha256);
    add_canonical_body(body, canonical, max, hash);
    return std::string(hash.finish());
  };
  const auto plain = [](std::string_view text) {
    Hash hash(HashKind::kSha256);
    hash.add(text);
    return std::string(hash.finish());
  };
  const struct {
    const char* body;
    const char* simple;
    const char* relaxed;
  } rows[] = {
      {"", "\r\n", ""},
      {"\r\n\n\r\n", "\r\n", ""},
      {" \r\n", " \r\n", ""},
      {"a", "a\r\n", "a\r\n"},
      {"a\n\nb\n\n\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
      {" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},  // RFC 6376 3.4.5
      {"\t\ta  b\tc\n", "\t\ta  b\tc\r\n", " a b c\r\n"},
      {"a\rb\n", "a\rb\r\n", "a\rb\r\n"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(digest(row.body, Canonical::kSimple), plain(row.simple)) << row.body;
    EXPECT_EQ(digest(row.body, Canonical::kRelaxed), plain(row.relaxed)) << row.body;
  }
  // Every place of a blank within and across blocks of 16, against the plain definition.
  for (size_t size = 1; size < 40; ++size)
    for (size_t at = 0; at < size; ++at)
      for (const std::string_view blank : {" ", "\t", "  ", " \t", "\t "}) {
        const std::string body = std::string(at, 'x') + std::string(blank) + std::string(size, 'y');
        const std::string relaxed = std::string(at, 'x') + " " + std::string(size, 'y') + "\r\n";
        EXPECT_EQ(digest(body, Canonical::kRelaxed), plain(relaxed)) << at << " of " << size;
      }
  EXPECT_EQ(digest("abc\r\ndef\r\n", Canonical::kSimple, 6), plain("abc\r\nd"));
  const std::string large(100'000, 'x');
  EXPECT_EQ(digest(large, Canonical::kRelaxed), plain(large + "\r\n"));
}

// Line by line, as RFC 6376 3.4.3 and 3.4.4 say it.
std::string canonical_by_lines(std::string_view body, bool relaxed) {
  std::string out, empty;
  while (!body.empty()) {
    const size_t end = body.find('\n');
    std::string line(body.substr(0, end));
    body.remove_prefix(end == body.npos ? body.size() : end + 1);
    if (end != body.npos && line.ends_with('\r')) line.pop_back();
    if (relaxed) {
      std::string one;
      for (const char c : line)
        if (c != ' ' && c != '\t')
          one += c;
        else if (!one.ends_with(' '))
          one += ' ';
      if (one.ends_with(' ')) one.pop_back();
      line = one;
    }
    if (line.empty()) {
      empty += "\r\n";
      continue;
    }
    out += empty + line + "\r\n";
    empty.clear();
  }
  return out.empty() && !relaxed ? "\r\n" : out;
}

TEST(DkimCanonical, AsLineByLine) {
  constexpr std::string_view kBytes = "a \t\r\n";
  size_t compared = 0;
  for (size_t size = 0; size <= 6; ++size) {
    std::vector<size_t> digits(size);
    for (bool more = true; more;) {
      std::string body;
      for (const size_t digit : digits) body += kBytes[digit];
      for (const std::string& text : {body, std::string(13, 'x') + body + std::string(13, 'y')})
        for (const Canonical canonical : {Canonical::kSimple, Canonical::kRelaxed}) {
          Hash hash(HashKind::kSha1), expected(HashKind::kSha1);
          const std::string lines = canonical_by_lines(text, canonical == Canonical::kRelaxed);
          expected.add(lines);
          ASSERT_EQ(add_canonical_body(text, canonical, kWholeBody, hash), lines.size());
          ASSERT_EQ(hash.finish(), expected.finish()) << ::testing::PrintToString(text);
          ++compared;
        }
      more = false;
      for (size_t i = 0; i < size && !more; ++i) {
        more = ++digits[i] < kBytes.size();
        if (!more) digits[i] = 0;
      }
    }
  }
  EXPECT_EQ(compared, 4u * (1 + 5 + 25 + 125 + 625 + 3125 + 15625));
}

TEST(DkimCanonical, Headers) {
  const auto digest = [](std::string_view field, size_t name, Canonical canonical) {
    Hash hash(HashKind::kSha1);
    add_canonical_header(field, name, canonical, true, hash);
    return std::string(hash.finish());
  };
  const auto plain = [](std::string_view text) {
    Hash hash(HashKind::kSha1);
    hash.add(text);
    return std::string(hash.finish());
  };
  EXPECT_EQ(digest("A: X", 1, Canonical::kRelaxed), plain("a:X\r\n"));
  EXPECT_EQ(digest("B : Y\t\r\n\tZ  ", 1, Canonical::kRelaxed), plain("b:Y Z\r\n"));
  EXPECT_EQ(digest("B : Y\t\n\tZ  ", 1, Canonical::kSimple), plain("B : Y\t\r\n\tZ  \r\n"));
  EXPECT_EQ(digest("A:", 1, Canonical::kRelaxed), plain("a:\r\n"));
}

// RFC 6376 3.2: blanks of folding may stand anywhere in base64.
TEST(DkimKeys, base64_may_be_folded_anywhere) {
  const std::string text = "TWVyZWx5IGEgbGluZSBvZiB0ZXh0Lg==";
  char bytes[64];
  for (size_t at = 0; at <= text.size(); ++at) {
    const std::string folded = text.substr(0, at) + "\r\n\t" + text.substr(at);
    const size_t size = decode_base64_text(folded, bytes, sizeof bytes);
    EXPECT_EQ(std::string(bytes, size), "Merely a line of text.") << folded;
  }
  EXPECT_EQ(decode_base64_text("TWVy", bytes, 3), 3u);
  EXPECT_EQ(decode_base64_text("TWVy", bytes, 2), SIZE_MAX);
  EXPECT_EQ(decode_base64_text("TWVyZ", bytes, sizeof bytes), SIZE_MAX);
  EXPECT_EQ(decode_base64_text("TWVyZQ", bytes, sizeof bytes), 4u);
  EXPECT_EQ(decode_base64_text("TWV-ZQ==", bytes, sizeof bytes), SIZE_MAX);
  EXPECT_EQ(decode_base64_text("TWVyZQ=A", bytes, sizeof bytes), SIZE_MAX);
}

}  // namespace
}  // namespace winnow
