// dkim_signing and sealing, through the whole chain: who signs what, and that what is signed
// verifies and nothing else does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/crypt/base64_text.h"
#include "engine/crypt/private_key.h"
#include "engine/mime/ip.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"
#include "rules/checks/auth/dkim_canonical.h"
#include "rules/checks/auth/signed_mail.h"
#include "rules/compile/compile.h"
#include "rules/config/ucl_parse.h"
#include "tests/unit/rules/compiled.h"

namespace winnow {
namespace {

struct Envelopes {
  std::string from = "ann@example.org", ip = {}, user = {};
  std::vector<std::string> rcpt = {"bob@there.example"};
};

// Made once: any test may sign with them.
const PrivateKey& rsa_key() {
  static const PrivateKey key = *PrivateKey::make_rsa(1024);
  return key;
}
const PrivateKey& ed25519_key() {
  static const PrivateKey key = *PrivateKey::make_ed25519();
  return key;
}

std::string record(std::string_view name, const PrivateKey& key) {
  return fmt::format("{{ name = \"{}\"; type = txt; replies = [\"v=DKIM1; k={}; p={}\"]; }}", name,
                     key.is_ed25519() ? "ed25519" : "rsa", encode_base64_text(key.public_key()));
}

MemoryFiles key_files() {
  MemoryFiles files;
  const std::string rsa = rsa_key().pem();
  for (const char* const path :
       {"/k/example.org.dkim.key", "/k/example.org.s2.key", "/k/there.example.arc.key",
        "/k/user.example.dkim.key", "/k/literal.example.dkim.key", "/k/mail.example.org.dkim.key",
        "/own/example.org", "/own/other.example/x1"})
    files.add(path, rsa);
  files.add("/k/ed.example.dkim.key", ed25519_key().pem());
  files.add("/k/seed.example.dkim.key", encode_base64_text(ed25519_key().ed25519_seed()) + "\n");
  files.add("/k/broken.example.dkim.key", "no key");
  return files;
}

class Chain {
 public:
  explicit Chain(const std::string& text, MemoryFiles files = key_files())
      : rules(compiled(text, std::move(files))) {}

  void scan(std::string_view mail, const Envelopes& envelope = {}) {
    TableAnswers answers(*rules);
    Run run(rules, answers, {.now_ms = 1'792'575'000'000, .host_name = "mx.example.net"});
    Worker worker(run);
    Message message;
    message.bytes = MessageBytes(mail);
    message.from = envelope.from;
    message.recipients = envelope.rcpt;
    message.user = envelope.user;
    if (const auto ip = parse_ip(envelope.ip)) message.ip = *ip;
    one = std::make_unique<Case>();
    run.compute(worker, {&message, 1}, {&one, 1});
    run.conclude(worker, *one);
  }

  // Options of a symbol, by commas; "-" where it is not there.
  std::string options(std::string_view symbol) const {
    for (const VerdictSymbol& found : one->verdict.symbols) {
      if (rules->model.symbols[index(found.symbol)].name != symbol) continue;
      std::string out;
      for (const std::string_view option : found.options)
        out += (out.empty() ? "" : ",") + std::string(option);
      return out;
    }
    return "-";
  }
  // The message with the headers that signing adds, each on top of the one before.
  std::string signed_mail(std::string_view mail) const {
    std::string out(mail);
    for (const Edit& edit : one->verdict.edits)
      if (edit.kind == EditKind::kSignature || edit.kind == EditKind::kAddHeader)
        out.insert(0, fmt::format("{}: {}\n", edit.name, edit.value));
    return out;
  }
  std::string told() const {
    std::string out;
    for (const ConfigWarning& warning : rules->warnings) out += warning.text() + "\n";
    return out;
  }

  std::shared_ptr<RuleSet> rules;
  std::unique_ptr<Case> one;
};

std::string mail_from(std::string_view from) {
  return fmt::format(
      "Received: from a by b; Wed, 21 Oct 2026 09:00:00 +0000\n"
      "From: Ann <{}>\nTo: bob@there.example\nSubject: pears and\n\tplums\n"
      "Date: Wed, 21 Oct 2026 09:00:00 +0000\nMessage-ID: <1@example.org>\nMIME-Version: 1.0\n"
      "Content-Type: text/plain\n\nThe pears are  ripe.\n\nAnn\n\n",
      from);
}

// --- Who signs ---

constexpr std::string_view kPath = "path = \"/k/$domain.$selector.key\"; ";

struct Row {
  const char* name;
  std::string options;  // beside kPath
  std::string from;
  Envelopes envelope;
  std::string signs;  // of DKIM_SIGNED
};

TEST(DkimSigning, WhoSigns) {
  const Envelopes user{.user = "ann@example.org"}, local{.ip = "127.0.0.1"},
      there{.ip = "192.0.2.1"};
  const std::string ann = "ann@example.org", yes = "example.org:s=dkim";
  const Row rows[] = {
      {"user", "", ann, user, yes},
      {"own network", "", ann, local, yes},
      {"foreign", "", ann, there, "-"},
      {"users off", "sign_authenticated = false;", ann, user, "-"},
      {"local off", "sign_local = false;", ann, local, "-"},
      {"inbound", "sign_inbound = true;", ann, there, yes},
      {"networks", "sign_networks = [\"192.0.2.0/24\"];", ann, there, yes},
      {"other networks", "sign_networks = [\"192.0.3.0/24\"];", ann, there, "-"},
      {"registered part", "", "ann@mail.example.org", user, yes},
      {"whole domain",
       "use_esld = false;",
       "ann@mail.example.org",
       {.from = "x@mail.example.org", .user = "u@mail.example.org"},
       "mail.example.org:s=dkim"},
      {"no key", "", "ann@nokey.example", {.from = "a@nokey.example", .ip = "127.0.0.1"}, "-"},
      {"upper case", "", "ANN@Example.ORG", local, yes},
      // From and the envelope.
      {"mismatch", "", ann, {.from = "x@other.example", .user = "ann@example.org"}, "-"},
      {"mismatch allowed",
       "allow_hdrfrom_mismatch = true;",
       ann,
       {.from = "x@other.example", .user = "ann@example.org"},
       yes},
      {"mismatch allowed, local",
       "allow_hdrfrom_mismatch_local = true;",
       ann,
       {.from = "x@other.example", .ip = "127.0.0.1"},
       yes},
      {"mismatch not for users",
       "allow_hdrfrom_mismatch_local = true;",
       ann,
       {.from = "x@other.example", .user = "ann@example.org"},
       "-"},
      {"mismatch allowed, networks",
       "sign_networks = [\"192.0.2.0/24\"]; allow_hdrfrom_mismatch_sign_networks = true;",
       ann,
       {.from = "x@other.example", .ip = "192.0.2.1"},
       yes},
      {"bounce", "", ann, {.from = "", .user = "ann@example.org"}, yes},
      {"no bounces",
       "allow_envfrom_empty = false;",
       ann,
       {.from = "", .user = "ann@example.org"},
       "-"},
      {"two authors", "", "ann@example.org>, <bea@example.org", user, "-"},
      {"two authors allowed", "allow_hdrfrom_multiple = true;", "ann@example.org>, <b@x.example",
       user, yes},
      // The user.
      {"user of another domain", "", ann, {.user = "ann@other.example"}, "-"},
      {"user without domain", "", ann, {.user = "ann"}, "-"},
      {"any user", "allow_username_mismatch = true;", ann, {.user = "ann"}, yes},
      // Whose domain.
      {"envelope", "use_domain = envelope; allow_hdrfrom_mismatch = true;", "x@other.example",
       local, yes},
      {"auth",
       "use_domain = auth; allow_hdrfrom_mismatch = true;",
       ann,
       {.from = "a@x.example", .user = "u@user.example"},
       "user.example:s=dkim"},
      {"recipient",
       "use_domain = recipient;",
       ann,
       {.ip = "127.0.0.1", .rcpt = {"x@example.org"}},
       yes},
      {"literal", "use_domain = literal.example;", ann, local, "literal.example:s=dkim"},
      {"local has its own", "use_domain_sign_local = literal.example;", ann, local,
       "literal.example:s=dkim"},
      {"users have not", "use_domain_sign_local = literal.example;", ann, user, yes},
      {"networks have their own",
       "sign_networks = [\"192.0.2.0/24\"]; use_domain_sign_networks = literal.example;", ann,
       there, "literal.example:s=dkim"},
      {"inbound has its own", "sign_inbound = true; use_domain_sign_inbound = literal.example;",
       ann, there, "literal.example:s=dkim"},
      // Which key.
      {"domain", "domain { example.org { selector = x; path = \"/own/$domain\"; } }", ann, local,
       "example.org:s=x"},
      {"domain, path of all", "domain { example.org { selector = s2; } }", ann, local,
       "example.org:s=s2"},
      {"selectors",
       "domain { example.org { selectors [ { selector = dkim; }, { selector = q; path = "
       "\"/own/example.org\"; } ] } }",
       ann, local, "example.org:s=dkim,example.org:s=q"},
      {"selector", "selector = s2;", ann, local, "example.org:s=s2"},
      {"selector_map", "selector_map = [\"example.org s2\"];", ann, local, "example.org:s=s2"},
      {"path_map", "path_map = [\"example.org /own/example.org\"];", ann, local, yes},
      {"path_map with a template",
       "path_map = [\"other.example /own/$domain/$selector\"]; selector = x1;",
       "a@other.example",
       {.from = "a@other.example", .ip = "127.0.0.1"},
       "other.example:s=x1"},
      {"no fallback", "try_fallback = false;", ann, local, "-"},
      {"no fallback, in a map", "try_fallback = false; selector_map = [\"example.org s2\"];", ann,
       local, "example.org:s=s2"},
      {"table",
       "signing_table = [\"*@example.org entry\"]; key_table = [\"entry "
       "example.org:s2:/own/example.org\"];",
       ann, local, "example.org:s=s2"},
      {"table, no selector",
       "signing_table = [\"ann@* entry\"]; key_table = [\"entry "
       "%:/k/%.dkim.key\"];",
       ann, local, yes},
      {"table, other address",
       "signing_table = [\"bea@* entry\"]; key_table = [\"entry "
       "%:/k/%.dkim.key\"];",
       ann, local, "-"},
  };
  for (const Row& row : rows) {
    Chain chain("dkim_signing { " + std::string(kPath) + row.options + " }");
    chain.scan(mail_from(row.from), row.envelope);
    EXPECT_EQ(chain.options("DKIM_SIGNED"), row.signs) << row.name << "\n" << chain.told();
    const auto made =
        std::ranges::count(chain.one->verdict.edits, EditKind::kSignature, &Edit::kind);
    EXPECT_EQ(made, row.signs == "-" ? 0 : 1 + std::ranges::count(row.signs, ',')) << row.name;
  }
}

TEST(DkimSigning, WhatIsNotThereSignsNothing) {
  const struct {
    const char *options, *told;
  } rows[] = {
      {"sign_condition = \"return true\";", "Lua is not run, so nothing is signed"},
      {"use_domain_custom = \"return 1\";", "Lua is not run, so nothing is signed"},
      {"use_redis = true; key_prefix = \"a b\";", "a hash has no blanks; nothing is signed"},
      {"allowed_ids = [\"x\"];", "settings are not applied yet, so nothing is signed"},
      {"domain { a.example { path = \"/none\"; } }", "the key /none"},
      {"signing_table = [\"* x\"];", "one alone signs nothing"},
      {"", "/k/broken.example.dkim.key holds no private key that can be read"},
  };
  for (const auto& row : rows) {
    Chain chain("dkim_signing { " + std::string(kPath) + row.options + " }");
    EXPECT_NE(chain.told().find(row.told), std::string::npos) << row.options << "\n"
                                                              << chain.told();
    chain.scan(mail_from("ann@example.org"), {.ip = "127.0.0.1"});
    const bool told_so = std::string_view(row.told).ends_with("nothing is signed");
    if (told_so) {
      EXPECT_EQ(chain.options("DKIM_SIGNED"), "-") << row.options;
    }
  }
}

TEST(DkimSigning, ActionsAndBrokenSignatures) {
  const auto signs = [](const std::string& options, const std::string& action) {
    Chain chain("actions { reject = 15; add_header = 6; } dkim_signing { " + std::string(kPath) +
                options +
                " } multimap { M { type = from; filter = \"email:domain\"; map = "
                "[\"example.org\"]; " +
                action + " } }");
    chain.scan(mail_from("ann@example.org"), {.ip = "127.0.0.1"});
    return chain.options("DKIM_SIGNED");
  };
  const std::string yes = "example.org:s=dkim";
  EXPECT_EQ(signs("", "score = 1;"), yes);
  EXPECT_EQ(signs("", "score = 7;"), yes);
  EXPECT_EQ(signs("skip_spam_sign = true;", "score = 7;"), "-");
  EXPECT_EQ(signs("skip_spam_sign = true;", "score = 1;"), yes);
  EXPECT_EQ(signs("", "score = 16;"), "-");
  EXPECT_EQ(signs("", "prefilter = true; action = \"soft reject\";"), "-");
  EXPECT_EQ(signs("", "prefilter = true; action = \"no action\";"), yes);
}

TEST(DkimSigning, PublishedKeys) {
  const auto signs = [](const std::string& options, const PrivateKey& published) {
    Chain chain("dkim_signing { " + std::string(kPath) + options +
                " } options { dns { fake_records = [" +
                record("dkim._domainkey.example.org", published) + "]; } }");
    chain.scan(mail_from("ann@example.org"), {.ip = "127.0.0.1"});
    return std::ranges::count(chain.one->verdict.edits, EditKind::kSignature, &Edit::kind);
  };
  const std::string must = "check_pubkey = true; allow_pubkey_mismatch = false;";
  EXPECT_EQ(signs(must, rsa_key()), 1);
  EXPECT_EQ(signs(must, ed25519_key()), 0);
  EXPECT_EQ(signs(must + "selector = s2;", rsa_key()), 0);  // there is none
  EXPECT_EQ(signs("check_pubkey = true;", ed25519_key()), 1);
  EXPECT_EQ(signs("allow_pubkey_mismatch = false;", ed25519_key()), 1);  // nobody asks
}

// --- What is signed ---

Chain verifier() {
  return Chain("options { dns { fake_records = [" +
               record("dkim._domainkey.example.org", rsa_key()) + "," +
               record("dkim._domainkey.ed.example", ed25519_key()) + "," +
               record("dkim._domainkey.seed.example", ed25519_key()) + "," +
               record("arc._domainkey.there.example", rsa_key()) + "]; } }");
}

std::string sign(const std::string& mail, std::string_view domain,
                 const std::string& options = {}) {
  Chain chain("dkim_signing { " + std::string(kPath) + options + " }");
  chain.scan(mail, {.from = fmt::format("ann@{}", domain), .ip = "127.0.0.1"});
  return chain.signed_mail(mail);
}

const Envelopes kForeign{.ip = "192.0.2.1"};

TEST(DkimSigning, WhatIsSignedVerifies) {
  Chain verify = verifier();
  for (const std::string domain : {"example.org", "ed.example", "seed.example"}) {
    std::string mail = sign(mail_from("ann@" + domain), domain);
    verify.scan(mail, kForeign);
    EXPECT_EQ(verify.options("R_DKIM_ALLOW"), domain + ":s=dkim") << mail;
    for (size_t at = 0; (at = mail.find('\n', at)) != std::string::npos; at += 2)
      mail.replace(at, 1, "\r\n");
    verify.scan(mail, kForeign);
    EXPECT_EQ(verify.options("R_DKIM_ALLOW"), domain + ":s=dkim") << mail;
    for (size_t line = 0; line < mail.size(); line = mail.find('\n', line) + 1)
      EXPECT_LE(mail.find('\n', line) - line, 78u) << mail;
  }
}

// No byte of what is signed can be another one.
TEST(DkimSigning, OneChangedByteBreaksIt) {
  Chain verify = verifier();
  for (const std::string domain : {"example.org", "ed.example"}) {
    const std::string mail = sign(mail_from("ann@" + domain), domain);
    const size_t received = mail.find("Received:"), from = mail.find("From:");
    const size_t padding = mail.find('=', mail.find("\tb=") + 3);
    for (size_t i = 0; i < mail.size(); ++i) {
      // Not signed: Received; the last digit of base64 has bits that mean nothing.
      if ((i >= received && i < from) || !std::isalnum(static_cast<unsigned char>(mail[i])) ||
          (i < received && i + 1 >= padding))
        continue;
      std::string changed = mail;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      verify.scan(changed, kForeign);
      EXPECT_EQ(verify.options("R_DKIM_ALLOW"), "-") << i << "\n" << changed;
    }
  }
}

TEST(DkimSigning, AddedHeadersBreakItWhereTheyWouldBeBelieved) {
  Chain verify = verifier();
  const std::string mail = sign(mail_from("ann@example.org"), "example.org");
  const auto allows = [&](const std::string& added) {
    verify.scan(added + mail, kForeign);
    return verify.options("R_DKIM_ALLOW") != "-";
  };
  EXPECT_TRUE(allows("X-Any: thing\n"));
  EXPECT_FALSE(allows("From: b@x.example\n"));
  EXPECT_FALSE(allows("Subject: other\n"));
  EXPECT_FALSE(allows("Reply-To: b@x.example\n"));  // (o): it was not there
  EXPECT_FALSE(allows("Date: Wed, 21 Oct 2026 10:00:00 +0000\n"));
  EXPECT_TRUE(allows("Sender: b@x.example\n"));  // (x): it was not there
}

TEST(DkimSigning, HeadersAsConfigured) {
  const std::string mail = sign(mail_from("ann@example.org"), "example.org",
                                "sign_headers = \"(o)from:(x)to:(x)cc:date\";");
  EXPECT_NE(mail.find(" h=from:from:to:to:date;"), std::string::npos) << mail;
}

// A signature covers the message as the other edits leave it.
TEST(DkimSigning, CoversOtherEdits) {
  std::vector<Edit> edits;
  edits.push_back({EditKind::kRemoveHeader, 0, "X-Gone", ""});
  edits.push_back({EditKind::kRemoveHeader, -1, "X-Last", ""});
  edits.push_back({EditKind::kChangeHeader, 2, "X-Two", " new"});
  edits.push_back({EditKind::kAddHeader, 1, "X-Top", "top"});
  edits.push_back({EditKind::kAddHeader, 0, "X-End", "end"});
  edits.push_back({EditKind::kRewriteSubject, 0, {}, "other"});
  std::vector<MailField> fields{{"X-Gone", "1"}, {"x-two", "1"}, {"X-Last", "1"}, {"X-GONE", "2"},
                                {"X-Last", "2"}, {"X-Two", "2"}, {"Subject", "s"}};
  apply_field_edits(edits, "", fields);
  std::string out;
  for (const MailField& field : fields) out += fmt::format("{}={};", field.name, field.value);
  EXPECT_EQ(out, "X-Top=top;x-two=1;X-Last=1;X-Two= new;Subject=other;X-End=end;");
  apply_field_edits({}, "newest", fields);
  EXPECT_EQ(fields[4].value, "newest");
  // What is added is not what goes, whichever comes first.
  const std::vector<Edit> late{{EditKind::kAddHeader, 0, "X-Two", "ours"},
                               {EditKind::kAddHeader, 1, "X-Two", "top"},
                               {EditKind::kRemoveHeader, 1, "X-Two", ""},
                               {EditKind::kRemoveHeader, 2, "X-Two", ""},
                               {EditKind::kChangeHeader, 3, "X-Two", "changed"}};
  std::vector<MailField> three{{"X-Two", "1"}, {"X-Two", "2"}, {"X-Two", "3"}};
  apply_field_edits(late, "", three);
  out.clear();
  for (const MailField& field : three) out += fmt::format("{};", field.value);
  EXPECT_EQ(out, "top;changed;ours;");
  const std::string digest(32, 'd');
  EXPECT_EQ(edited_body_digest(edits, digest), digest);
  edits.push_back({EditKind::kReplaceBody, 0, {}, "new body"});
  EXPECT_NE(edited_body_digest(edits, digest), digest);
}

TEST(DkimSigning, RewrittenSubjectIsWhatIsSigned) {
  Chain chain(
      "actions { reject = 15; rewrite_subject = 1; subject = \"[spam] %s\"; } dkim_signing { " +
      std::string(kPath) +
      " } multimap { M { type = from; filter = \"email:domain\"; map = [\"example.org\"]; "
      "score = 2; } }");
  const std::string mail = mail_from("ann@example.org");
  chain.scan(mail, {.ip = "127.0.0.1"});
  std::string after = chain.signed_mail(mail);
  Chain verify = verifier();
  verify.scan(after, kForeign);
  EXPECT_EQ(verify.options("R_DKIM_ALLOW"), "-");
  after.replace(after.find("Subject: pears and\n\tplums"), 25,
                "Subject: " + std::string(chain.one->verdict.subject));
  verify.scan(after, kForeign);
  EXPECT_EQ(verify.options("R_DKIM_ALLOW"), "example.org:s=dkim") << after;
}

TEST(SignedMailBytes, PackAndUnpack) {
  SignedMail mail;
  mail.signers = {{"d.example", "s", "/k"}, {"", "", ""}};
  const std::string digest(32, 'x'), large(70'000, 'v');
  mail.body_digest = digest;
  mail.fields = {{"From", " a"}, {"To", large}};
  Arena arena;
  const std::string bytes(pack_signed_mail(mail, arena));
  SignedMail back;
  ASSERT_TRUE(unpack_signed_mail(bytes, back));
  EXPECT_EQ(back.signers[0].selector, "s");
  EXPECT_EQ(back.body_digest, digest);
  EXPECT_EQ(back.fields[1].value, large);
  for (size_t size = 0; size < bytes.size(); size += size < 100 ? 1 : 997)
    EXPECT_FALSE(unpack_signed_mail(std::string_view(bytes).substr(0, size), back)) << size;
  EXPECT_FALSE(unpack_signed_mail(bytes + "x", back));
}

// l= covers a part: what is behind it may be anybody's, and that is said.
TEST(DkimPart, SaysHowMuchIsCovered) {
  const std::string body = "0123456789\n0123456789\n";  // 24 bytes in canonical form
  const auto signed_to = [&](uint64_t bytes, const std::string& more) {
    Hash hash(HashKind::kSha256);
    add_canonical_body(body, Canonical::kRelaxed, bytes, hash);
    const std::string from = "From: ann@example.org";
    std::string value = fmt::format(
        "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=dkim; h=from; l={}; bh={}; b=",
        bytes, encode_base64_text(hash.finish()));
    Hash head(HashKind::kSha256);
    add_canonical_header(from, 4, Canonical::kRelaxed, true, head);
    add_canonical_header("DKIM-Signature: " + value, 14, Canonical::kRelaxed, false, head);
    value += encode_base64_text(rsa_key().sign(head.finish()));
    Chain chain = verifier();
    chain.scan("DKIM-Signature: " + value + "\n" + from + "\n\n" + body + more, kForeign);
    return chain.options("R_DKIM_ALLOW") + " " + chain.options("DKIM_PART_OF_BODY");
  };
  EXPECT_EQ(signed_to(24, ""), "example.org:s=dkim -");
  EXPECT_EQ(signed_to(24, "\n\n"), "example.org:s=dkim -");
  EXPECT_EQ(signed_to(24, "add\n"), "example.org:s=dkim example.org:82%");
  EXPECT_EQ(signed_to(12, ""), "example.org:s=dkim example.org:50%");
  EXPECT_EQ(signed_to(0, ""), "example.org:s=dkim example.org:0%");
  EXPECT_EQ(signed_to(25, ""), "- -");  // there is less than it says
}

// --- Sealing ---

// Seals `mail` as it passes there.example, with these keys known.
std::string seal(const std::string& mail, const std::string& options, std::string* symbol = nullptr,
                 Envelopes envelope = kForeign) {
  Chain chain("arc { " + std::string(kPath) + options + " } options { dns { fake_records = [" +
              record("arc._domainkey.there.example", rsa_key()) + "," +
              record("dkim._domainkey.example.org", rsa_key()) + "]; } }");
  chain.scan(mail, envelope);
  if (symbol) *symbol = chain.options("ARC_SIGNED");
  return chain.signed_mail(mail);
}

TEST(ArcSealing, ChainsGrowAndVerify) {
  Chain verify = verifier();
  std::string mail = sign(mail_from("ann@example.org"), "example.org"), symbol;
  for (int i = 1; i <= 4; ++i) {
    mail = seal(mail, "", &symbol);
    EXPECT_EQ(symbol, fmt::format("there.example:s=arc:i={}", i));
    EXPECT_EQ(mail.find("ARC-Seal: "), 0u);
    EXPECT_NE(mail.find(i == 1 ? "cv=none" : "cv=pass"), std::string::npos);
    verify.scan(mail, kForeign);
    EXPECT_EQ(verify.options("ARC_ALLOW"), symbol) << mail << verify.options("ARC_REJECT");
    mail.insert(0, "Received: from one by another; Wed, 21 Oct 2026 10:00:00 +0000\n");
  }
  EXPECT_NE(mail.find("ARC-Authentication-Results: i=1; mx.example.net;\n\tdkim=pass"),
            std::string::npos)
      << mail;
}

TEST(ArcSealing, OneChangedByteBreaksIt) {
  Chain verify = verifier();
  const std::string mail = seal(seal(mail_from("ann@example.org"), ""), "");
  const size_t received = mail.find("Received:"), from = mail.find("From:");
  for (size_t i = 0; i < mail.size(); i += 3) {
    if ((i >= received && i < from) || !std::isalnum(static_cast<unsigned char>(mail[i])) ||
        mail[i + 1] == '=')
      continue;
    std::string changed = mail;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    verify.scan(changed, kForeign);
    EXPECT_EQ(verify.options("ARC_ALLOW"), "-") << i << "\n" << changed;
  }
}

TEST(ArcSealing, WhatIsNotSealed) {
  std::string symbol;
  const std::string mail = mail_from("ann@example.org");
  const std::string sealed = seal(mail, "");
  const auto sealed_as = [&](const std::string& text, const std::string& options,
                             const Envelopes& envelope = kForeign) {
    seal(text, options, &symbol, envelope);
    return symbol;
  };
  const std::string first = "there.example:s=arc:i=1", second = "there.example:s=arc:i=2";
  EXPECT_EQ(sealed_as(mail, "", {.ip = "127.0.0.1"}), "-");
  EXPECT_EQ(sealed_as(mail, "sign_local = true;", {.ip = "127.0.0.1"}), first);
  EXPECT_EQ(sealed_as(mail, "", {.user = "u@there.example"}), "-");
  EXPECT_EQ(sealed_as(mail, "sign_inbound = false;"), "-");
  EXPECT_EQ(sealed_as(mail, "", {.ip = "192.0.2.1", .rcpt = {"x@nokey.example"}}), "-");
  // A chain that fails gets one seal that says so, and then no more.
  std::string broken = sealed;
  broken.replace(broken.find("ripe"), 4, "rape");
  const std::string failed = seal(broken, "", &symbol);
  EXPECT_EQ(symbol, second);
  EXPECT_NE(failed.find("cv=fail"), std::string::npos);
  EXPECT_EQ(sealed_as(failed, ""), "-");
  broken.replace(broken.find("ARC-Seal: i=1"), 13, "ARC-Seal: i=2");
  EXPECT_EQ(sealed_as(broken, ""), "-");
}

TEST(ArcSealing, ReusesResults) {
  const std::string mail =
      "Authentication-Results: other.example; spf=fail\n"
      "Authentication-Results: mx.there.example 1;\n\tspf=pass\n" +
      mail_from("ann@example.org");
  const auto results = [&](const std::string& options) {
    const std::string sealed = seal(mail, options);
    const size_t at = sealed.find("ARC-Authentication-Results: ") + 28;
    return sealed.substr(at, sealed.find("\nAuth", at) - at);
  };
  EXPECT_EQ(results("reuse_auth_results = true;"), "i=1; other.example; spf=fail");
  EXPECT_EQ(results("reuse_auth_results = true; trusted_authserv_id = \"mx.there.example\";"),
            "i=1; mx.there.example 1;\n\tspf=pass");
  EXPECT_EQ(results("").find("i=1; mx.example.net;"), 0u);
}

// --- SPF behind own relays ---

TEST(SpfRelays, TheClientIsWhoGaveItToThem) {
  const std::string records =
      "options { dns { fake_records = [{ name = \"example.org\"; type = txt; replies = [\"v=spf1 "
      "ip4:198.51.100.7 -all\"]; }]; } } ";
  const std::string hops =
      "Received: from relay.here.example (relay.here.example [192.0.2.8])\n\tby mx.here.example "
      "with "
      "ESMTP id 1; Wed, 21 Oct 2026 09:00:00 +0000\n"
      "Received: from out.example.org (out.example.org [198.51.100.7])\n\tby relay.here.example "
      "with "
      "ESMTP id 2; Wed, 21 Oct 2026 09:00:00 +0000\n"
      "From: ann@example.org\n\nhello\n";
  const auto judged = [&](const std::string& options, const std::string& mail, const char* ip) {
    Chain chain(records + "spf { " + options + " }");
    chain.scan(mail, {.ip = ip});
    std::string out;
    for (const char* const symbol : {"R_SPF_ALLOW", "R_SPF_FAIL"})
      if (const std::string found = chain.options(symbol); found != "-") out += symbol;
    return out;
  };
  const std::string relays = "external_relay = [\"192.0.2.0/24\"];";
  EXPECT_EQ(judged("", hops, "192.0.2.9"), "R_SPF_FAIL");
  EXPECT_EQ(judged(relays, hops, "192.0.2.9"), "R_SPF_ALLOW");
  EXPECT_EQ(judged(relays, hops, "203.0.113.9"), "R_SPF_FAIL");  // none of ours: as it comes
  EXPECT_EQ(judged(relays, hops.substr(hops.find("From:")), "192.0.2.9"), "");  // no hop says
  EXPECT_EQ(judged("whitelist = [\"192.0.2.0/24\"];", hops, "192.0.2.9"), "");
  EXPECT_EQ(judged("whitelist = [\"192.0.3.0/24\"];", hops, "192.0.2.9"), "R_SPF_FAIL");
}

// --- Keys ---

TEST(PrivateKeys, FormsThatAreRead) {
  const PrivateKey& ed = ed25519_key();
  const std::string seed = ed.ed25519_seed(), both = seed + ed.public_key();
  for (const std::string& text :
       {ed.pem(), seed, both, encode_base64_text(seed), encode_base64_text(both) + "\n"}) {
    const Result<PrivateKey> key = PrivateKey::read(text);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(key->public_key(), ed.public_key());
  }
  const std::string pem = rsa_key().pem();
  const size_t begin = pem.find('\n') + 1;
  const Result<PrivateKey> bare = PrivateKey::read(pem.substr(begin, pem.find("-----END") - begin));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->public_key(), rsa_key().public_key());
  for (const std::string text : {"", "x", "-----BEGIN PRIVATE KEY-----\n", "AAAA"})
    EXPECT_FALSE(PrivateKey::read(text)) << text;
  EXPECT_FALSE(PrivateKey::read(std::string(65 * 1024, 'A')));
}

TEST(PrivateKeys, LengthsAtTheLimit) {
  const Result<PrivateKey> weak = PrivateKey::read(PrivateKey::make_rsa(1023)->pem());
  ASSERT_FALSE(weak);
  EXPECT_EQ(weak.error().what,
            "holds an RSA key of less than 1024 bits, which no receiver may believe");
  EXPECT_EQ(PrivateKey::read(PrivateKey::make_rsa(1024)->pem())->bits(), 1024);
}

TEST(Base64Text, BothWays) {
  for (const auto& [bytes, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(encode_base64_text(bytes), text);
    EXPECT_EQ(decode_base64_text(text), bytes);
  }
  EXPECT_EQ(decode_base64_text(" Zm\r\n9v\t"), "foo");
  EXPECT_EQ(decode_base64_text("Zg"), "f");
  for (const char* const bad : {"Z", "Z!==", "Zg===", "Zg=a"})
    EXPECT_EQ(decode_base64_text(bad), "");
}

}  // namespace
}  // namespace winnow
