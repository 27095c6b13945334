// HTTPCrypt: sealed texts beside another program's, requests of Rspamd's client, what is refused.
#include <gtest/gtest.h>

#include "engine/crypt/base32.h"
#include "ingest/http/reply.h"
#include "ingest/http/request.h"
#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

std::string bytes(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

std::string counted(char first, size_t size) {
  std::string out;
  while (out.size() < size) out.push_back(first++);
  return out;
}

Result<HttpKeys> keys_of(std::string text) {
  const Result<UclResult> parsed = parse_ucl(text, "worker.inc");
  if (!parsed) return fail(parsed.error());
  return read_http_keys(*parsed->document->root().find("keypair"));
}

// A pair that was made for this test.
constexpr const char* kPair = R"(keypair {
  privkey = "eai5q95ubtq3543e6xxpiqbcfdmj187u7gi7pi9aqpndpeaw134y";
  pubkey = "uoif78bdh63ds77x43ifuehrdrhmjat5rorws1g99et53t5f4kky";
})";

// Made by a program of its own, with Python's cryptography package.
TEST(Sealed, as_others_seal) {
  const std::string text =
      "Sealed by another hand, longer than one block of the key stream: 64 bytes and some.";
  const KeyPair mine = make_exchange_keys(counted(1, 32)),
                theirs = make_exchange_keys(counted(33, 32));
  EXPECT_EQ(theirs.public_key,
            bytes("5869aff450549732cbaaed5e5df9b30a6da31cb0e5742bad5ad4a1a768f1a67b"));
  const std::optional<SharedKey> key = shared_key(mine.secret_key, theirs.public_key);
  ASSERT_TRUE(key);
  EXPECT_EQ(std::string(key->begin(), key->end()),
            bytes("477667c7653c9e341690ab1d6c6bbbd9c6178db822a19ef699d3a0239264384d"));
  EXPECT_EQ(shared_key(theirs.secret_key, mine.public_key), key);
  std::string sealed;
  seal(*key, counted(0, kNonceBytes), text, sealed);
  EXPECT_EQ(
      sealed,
      bytes("000102030405060708090a0b0c0d0e0f1011121314151617370dc39067771be6ab0ea1448cdd7a3d2a45f4"
            "e280e15aedfeaaab3fd9ba69bbbdfde9f1f1457ae06f7830dfdeee68fbf46eeef25a2f7339f2e81243a60d"
            "66c4db2169106e464c2071cb5d5704089380f564ed7d2ff55c534194bdfd27af6350ae019d"));
  EXPECT_TRUE(open_sealed(*key, sealed));
  EXPECT_EQ(sealed, text);
}

TEST(Sealed, what_was_changed_is_not_opened) {
  const SharedKey key{7};
  std::string sealed;
  seal(key, counted(0, kNonceBytes), "a text", sealed);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const std::string before = changed;
    EXPECT_FALSE(open_sealed(key, changed)) << i;
    EXPECT_EQ(changed, before);
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    std::string cut = sealed.substr(0, size);
    EXPECT_FALSE(open_sealed(key, cut)) << size;
  }
  std::string empty;
  seal(key, counted(0, kNonceBytes), "", empty);
  EXPECT_TRUE(open_sealed(key, empty));
  EXPECT_EQ(empty, "");
}

TEST(Sealed, keys_that_are_none) {
  const KeyPair pair = make_exchange_keys(counted(1, 32));
  EXPECT_FALSE(shared_key(pair.secret_key, std::string(32, '\0')));  // of low order
  EXPECT_FALSE(shared_key(pair.secret_key, pair.public_key.substr(1)));
  EXPECT_FALSE(shared_key(pair.secret_key, ""));
  EXPECT_FALSE(seal_request(std::string(32, '\0'), "GET / HTTP/1.0\r\n\r\n"));
  EXPECT_FALSE(read_public_key("uoif78"));
  EXPECT_FALSE(read_public_key("0oif78bdh63ds77x43ifuehrdrhmjat5rorws1g99et53t5f4kky"));
}

TEST(HttpKeys, are_read_from_a_worker) {
  const Result<HttpKeys> keys = keys_of(kPair);
  ASSERT_TRUE(keys) << keys.error().text();
  EXPECT_EQ(keys->id, "341igajh");
  // The public key follows from the private one.
  const Result<HttpKeys> half =
      keys_of(R"(keypair { privkey = "eai5q95ubtq3543e6xxpiqbcfdmj187u7gi7pi9aqpndpeaw134y" })");
  ASSERT_TRUE(half);
  EXPECT_EQ(half->pair.public_key, keys->pair.public_key);
  for (
      const char* const wrong :
      {"keypair = nonsense;", "keypair { }", R"(keypair { privkey = "eai5q95ubtq" })",
       R"(keypair { type = "sign"; privkey = "eai5q95ubtq3543e6xxpiqbcfdmj187u7gi7pi9aqpndpeaw134y" })",
       R"(keypair { algorithm = "nistp256"; privkey = "eai5q95ubtq3543e6xxpiqbcfdmj187u7gi7pi9aqpndpeaw134y" })"}) {
    const Result<HttpKeys> none = keys_of(wrong);
    ASSERT_FALSE(none) << wrong;
    EXPECT_EQ(none.error().text().find("worker.inc:1:"), 0) << none.error().text();
  }
  std::string other = kPair;
  other.replace(other.find("uoif"), 4, "ioif");
  const Result<HttpKeys> mixed = keys_of(other);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().text().find("worker.inc:3:"), 0) << mixed.error().text();
}

class HttpCrypt : public testing::Test {
 protected:
  void SetUp() override {
    const Result<HttpKeys> keys = keys_of(kPair);
    ASSERT_TRUE(keys);
    keys_ = std::make_shared<const HttpKeys>(*keys);
    limits_.keys = keys_;
  }

  // `inner`, sealed as a client seals it; `changed`: a byte of the body is another one then.
  std::string request(std::string_view inner, std::string_view head = "POST /post HTTP/1.1\r\n",
                      bool changed = false) {
    sealed_ = *seal_request(keys_->pair.public_key, inner);
    if (changed) sealed_.body[50] = static_cast<char>(sealed_.body[50] ^ 1);
    return std::string(head) + "Key: " + sealed_.key_value +
           "\r\nContent-Length: " + std::to_string(sealed_.body.size()) + "\r\n\r\n" + sealed_.body;
  }

  // What the session wants and said once it has read all, in pieces of `piece`.
  SessionWant read(std::string_view all, size_t piece = std::string::npos) {
    said_.clear();
    session_.emplace(limits_);
    SessionWant want = SessionWant::kBytes;
    while (!all.empty() && want == SessionWant::kBytes) {
      const std::string_view one = all.substr(0, piece);
      all.remove_prefix(one.size());
      want = session_->feed(one, said_);
    }
    return want;
  }

  // The answer that was sealed in what was said. REQUIRED: one is.
  std::string opened() {
    const size_t end = said_.find("\r\n\r\n");
    EXPECT_EQ(said_.find("HTTP/1.1 200 OK\r\nConnection: close\r\n"), 0);
    EXPECT_NE(said_.find("Content-Type: application/octet-stream\r\n"), std::string::npos);
    std::string body = said_.substr(end + 4);
    EXPECT_NE(said_.find("Content-Length: " + std::to_string(body.size()) + "\r\n"),
              std::string::npos);
    EXPECT_TRUE(open_sealed(sealed_.key, body));
    return body;
  }

  std::shared_ptr<const HttpKeys> keys_;
  HttpLimits limits_;
  SealedRequest sealed_;
  std::optional<HttpSession> session_;
  std::string said_;
};

constexpr std::string_view kInner =
    "POST /checkv2 HTTP/1.1\r\nFrom: inner@x.example\r\nContent-Length: 14\r\n\r\nSubject: "
    "a\n\nx\n";

TEST_F(HttpCrypt, a_request_is_what_was_sealed_in_it) {
  for (const size_t piece : {size_t{1}, size_t{7}, std::string::npos}) {
    const std::string all = request(kInner, "POST /ping HTTP/1.1\r\nFrom: outer@x.example\r\n");
    ASSERT_EQ(read(all, piece), SessionWant::kVerdict);
    EXPECT_EQ(session_->request().command, HttpCommand::kCheckV2);
    EXPECT_EQ(session_->request().sealed, sealed_.key);
    const Message message = session_->take_message();
    EXPECT_EQ(message.from.value_or(""), "inner@x.example");
    EXPECT_EQ(message.bytes.view(), "Subject: a\n\nx\n");
    EXPECT_EQ(session_->answered(said_), SessionWant::kClose);
  }
}

// What Rspamd 3.4's rspamc sent to this test's pair: `rspamc --key PUBKEY FILE`.
TEST_F(HttpCrypt, rspamds_client_is_understood) {
  const std::string body = bytes(
      "3d3808130e000476cdbc47aa6a85e9a2024544bfa9db985085cbe17406e661a4aed8fc2e28c460ba444b8a6cc082"
      "3cead15ffef0e8b98e170f02f6fe270473422689e38d19801ba6388e85ad4e4b826c4a61e450d40f7bbdc85be5eb"
      "b7775259bed3a02c0724b4b9d52b1fa6fd1d489569405770e10d1da1c8627f101dd66d650faebf8abfe9d28275fa"
      "c4703fb50d10e0ef71e11b555695c3f88c43409b3fa29319469c79fc1bd6b8172ba79a583e8afcca1a0732d87919"
      "df8655b400");
  ASSERT_EQ(read("POST /post HTTP/1.0\r\nContent-Length: 189\r\nContent-Type: "
                 "application/octet-stream\r\nConnection: close\r\nKey: "
                 "341igajh=z6e1tq77sfa11idmui33sixxonigoe6dbz8epy8id7rfzjrwn1zy\r\n\r\n" +
                 body),
            SessionWant::kVerdict)
      << said_;
  EXPECT_EQ(session_->request().command, HttpCommand::kCheckV2);
  EXPECT_EQ(session_->take_message().bytes.view(), "Subject: a\n\nx\n");
}

TEST_F(HttpCrypt, answers_are_sealed) {
  EXPECT_EQ(read(request("GET /ping HTTP/1.0\r\n\r\n")), SessionWant::kClose);
  EXPECT_NE(opened().find("\r\n\r\npong\r\n"), std::string::npos);
  EXPECT_EQ(read(request("GET /nothing HTTP/1.1\r\n\r\n")), SessionWant::kClose);
  EXPECT_EQ(opened().find("HTTP/1.1 500 invalid command\r\n"), 0);
  ASSERT_EQ(read(request(kInner)), SessionWant::kVerdict);
  render_error(session_->request(), 503, "too busy, try again", said_);
  EXPECT_EQ(opened().find("HTTP/1.1 503 "), 0);
}

TEST_F(HttpCrypt, what_was_sealed_must_be_one_request) {
  const std::string half(kInner.substr(0, kInner.size() - 1)), more = std::string(kInner) + "y";
  for (const std::string& inner :
       {std::string(), std::string("rubbish"), std::string("rubbish\r\n\r\n"), half, more,
        std::string("CHECK RSPAMC/1.3\r\nContent-Length: 1\r\n\r\nx"),
        std::string("POST /checkv2 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"),
        request(kInner)}) {
    EXPECT_EQ(read(request(inner)), SessionWant::kClose) << inner;
    const std::string answer = opened();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 500 "))
        << answer;
  }
}

TEST_F(HttpCrypt, what_cannot_be_opened_is_refused_in_the_clear) {
  EXPECT_EQ(read(request(kInner, "POST /post HTTP/1.1\r\n", true)), SessionWant::kClose);
  EXPECT_EQ(said_.find("HTTP/1.1 400 the request cannot be decrypted\r\n"), 0) << said_;
  std::string other = request(kInner);
  other.replace(other.find("341igajh"), 8, "yyyyyyyy");
  EXPECT_EQ(read(other), SessionWant::kClose);
  EXPECT_EQ(said_.find("HTTP/1.1 400 the request is encrypted for another key pair\r\n"), 0)
      << said_;
  for (const char* const key :
       {"x", "341igajh", "341igajh=", "341igajh=yyy", "", "a=b\r\nKey: a=b"}) {
    EXPECT_EQ(
        read(std::string("POST /post HTTP/1.1\r\nContent-Length: 1\r\nKey: ") + key + "\r\n\r\nx"),
        SessionWant::kClose)
        << key;
    EXPECT_EQ(said_.find("HTTP/1.1 400 "), 0) << key << said_;
  }
  // No argument of a target, and nothing to who has no keys.
  EXPECT_EQ(read("POST /checkv2?key=a%3Db HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"),
            SessionWant::kVerdict);
  limits_.keys = nullptr;
  EXPECT_EQ(read("POST /checkv2 HTTP/1.1\r\nKey: a=b\r\nContent-Length: 1\r\n\r\nx"),
            SessionWant::kVerdict);
}

// A proxy in front of the controller sees no other head: whom it speaks for has his own rights.
TEST_F(HttpCrypt, what_a_proxy_says_of_its_client_counts) {
  limits_.controller = true;
  const char* const proxied =
      "POST /post HTTP/1.1\r\nX-Forwarded-For: 198.51.100.7\r\nX-Real-IP: 198.51.100.8\r\n";
  ASSERT_EQ(read(request("GET /stat HTTP/1.1\r\n\r\n", proxied)), SessionWant::kPage);
  EXPECT_EQ(session_->request().forwarded_for, "198.51.100.7");
  EXPECT_EQ(session_->request().real_ip, "198.51.100.8");
  ASSERT_EQ(read(request("GET /stat HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: "
                         "127.0.0.1\r\n\r\n",
                         proxied)),
            SessionWant::kPage);
  EXPECT_EQ(session_->request().forwarded_for, "127.0.0.1,198.51.100.7");
  EXPECT_EQ(session_->request().real_ip, "198.51.100.8");
}

TEST_F(HttpCrypt, a_message_at_the_limit_is_taken_sealed_too) {
  limits_.body_max = 14;
  EXPECT_EQ(read(request(kInner)), SessionWant::kVerdict) << said_;
  limits_.body_max = 13;
  EXPECT_EQ(read(request(kInner)), SessionWant::kClose);
  EXPECT_EQ(opened().find("HTTP/1.1 413 "), 0);
  limits_.head_max = 40;  // and no more than a head with it
  EXPECT_EQ(read(request(std::string(200, 'x'), "POST / HTTP/1.1\r\n")), SessionWant::kClose);
}

TEST_F(HttpCrypt, in_the_clear_only_health_is_asked_for_where_all_must_be_sealed) {
  limits_.sealed_only = true;
  EXPECT_EQ(read(request(kInner)), SessionWant::kVerdict);
  EXPECT_EQ(read("GET /ping HTTP/1.0\r\n\r\n"), SessionWant::kClose);
  EXPECT_NE(said_.find("pong"), std::string::npos);
  // Before the message is read.
  EXPECT_EQ(read("POST /checkv2 HTTP/1.1\r\nContent-Length: 14\r\n\r\n"), SessionWant::kClose);
  EXPECT_EQ(said_.find("HTTP/1.1 403 only encrypted requests are taken here\r\n"), 0) << said_;
  EXPECT_EQ(read("CHECK SPAMC/1.5\r\nContent-length: 14\r\n\r\n"), SessionWant::kClose);
  EXPECT_EQ(said_.find("SPAMD/1.0 75 "), 0) << said_;
  limits_.controller = true;
  EXPECT_EQ(read("GET /stat HTTP/1.1\r\n\r\n"), SessionWant::kClose);
  EXPECT_EQ(read("GET /ready HTTP/1.1\r\n\r\n"), SessionWant::kPage);
  ASSERT_EQ(read(request("GET /stat HTTP/1.1\r\nPassword: secret\r\n\r\n")), SessionWant::kPage);
  EXPECT_EQ(session_->request().password, "secret");
}

}  // namespace
}  // namespace winnow
