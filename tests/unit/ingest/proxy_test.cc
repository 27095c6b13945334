// Hosts of upstreams: how they are read, which is next. Answers of scanners: what is whole, what is
// broken, what becomes of them.
#include <gtest/gtest.h>

#include "ingest/proxy/upstream.h"
#include "ingest/proxy/wire.h"

namespace winnow {
namespace {

Upstream upstream(std::initializer_list<uint32_t> weights, bool in_order = false) {
  Upstream out;
  out.in_order = in_order;
  for (const uint32_t weight : weights)
    out.hosts.push_back({.name = "h", .address = "127.0.0.1", .port = 1, .weight = weight});
  return out;
}

std::string turns(HostChoice& choice, size_t n, int64_t now) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += static_cast<char>('a' + choice.next(now, {}));
  return out;
}

TEST(HostChoice, TakesTurnsByWeight) {
  HostChoice even(upstream({1, 1, 1}), {});
  EXPECT_EQ(turns(even, 7, 0), "abcabca");
  HostChoice uneven(upstream({3, 1}), {});
  EXPECT_EQ(turns(uneven, 8, 0), "abaaabaa");
  HostChoice ordered(upstream({1, 1}, true), {});
  EXPECT_EQ(turns(ordered, 3, 0), "aaa");
}

TEST(HostChoice, LeavesOneThatFailsAndComesBack) {
  ProxySettings settings;
  settings.errors_max = 2;
  settings.error_time_ms = 100;
  settings.revive_ms = 1000;
  HostChoice choice(upstream({1, 1}), settings);
  choice.failed(0, 0);
  EXPECT_TRUE(choice.usable(0, 0));
  choice.failed(0, 101);  // the first is too long ago
  EXPECT_TRUE(choice.usable(0, 101));
  choice.failed(0, 150);
  EXPECT_FALSE(choice.usable(0, 150));
  EXPECT_EQ(turns(choice, 3, 1149), "bbb");
  EXPECT_EQ(turns(choice, 2, 1150), "ab");
  // An answer forgets the errors before it.
  choice.failed(1, 1200);
  choice.worked(1);
  choice.failed(1, 1210);
  EXPECT_TRUE(choice.usable(1, 1210));
}

TEST(HostChoice, AllOutTakesTheOneThatIsBackFirst) {
  ProxySettings settings;
  settings.errors_max = 1;
  HostChoice choice(upstream({1, 1, 1}), settings);
  choice.failed(2, 5);
  choice.failed(0, 10);
  choice.failed(1, 20);
  EXPECT_EQ(choice.next(30, {}), 2u);
  EXPECT_EQ(choice.next(30, {false, false, true}), 0u);
  EXPECT_EQ(choice.next(30, {true, true, true}), 2u);
}

TEST(RemoteReplyBytes, WholeInEveryPiece) {
  const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
  int code = 0;
  std::string_view body;
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_EQ(look_at_reply(std::string_view(good).substr(0, n), false, code, body),
              RemoteWant::kMore)
        << n;
    EXPECT_EQ(look_at_reply(std::string_view(good).substr(0, n), true, code, body),
              RemoteWant::kBroken)
        << n;
  }
  EXPECT_EQ(look_at_reply(good, false, code, body), RemoteWant::kWhole);
  EXPECT_EQ(code, 200);
  EXPECT_EQ(body, "hello");
  // Without a length it ends where the connection does.
  const std::string open = "HTTP/1.0 200 OK\r\n\r\nall";
  EXPECT_EQ(look_at_reply(open, false, code, body), RemoteWant::kMore);
  EXPECT_EQ(look_at_reply(open, true, code, body), RemoteWant::kWhole);
  EXPECT_EQ(body, "all");
}

TEST(RemoteReplyBytes, Broken) {
  int code = 0;
  std::string_view body;
  for (const std::string bad :
       {"SMTP\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"})
    EXPECT_EQ(look_at_reply(bad, true, code, body), RemoteWant::kBroken) << bad;
  // A limit, and one beyond it.
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  std::string big = head + std::string(kRemoteReplyMax - head.size(), 'x');
  EXPECT_EQ(look_at_reply(big, true, code, body), RemoteWant::kWhole);
  big += 'x';
  EXPECT_EQ(look_at_reply(big, true, code, body), RemoteWant::kBroken);
}

Result<RemoteReply> parse(std::string_view json) {
  ScoreModel model;
  const auto flag = [](ActionFlag one) { return static_cast<uint8_t>(one); };
  for (const char* const name :
       {"no action", "add header", "rewrite subject", "soft reject", "reject", "mine"})
    model.actions.push_back({.name = name});
  model.actions.push_back({.name = "discard", .flags = flag(ActionFlag::kDiscard)});
  model.actions.push_back({.name = "quarantine", .flags = flag(ActionFlag::kQuarantine)});
  model.actions.push_back({.name = "held", .flags = flag(ActionFlag::kQuarantine)});
  return parse_scan_reply(json, model);
}

TEST(RemoteReplyJson, NoVerdictIsAnError) {
  for (const char* const bad :
       {"", "{\"action\":\"foo\"}", "{\"action\":\"add_header\"}",
        "{\"action\":\"foo\",\"milter\":{\"no_action\":true}}", "[]", "{", "{}", "{\"action\":1}",
        "{\"action\":\"\"}", "{\"error\":\"busy\",\"action\":\"reject\"}"})
    EXPECT_FALSE(parse(bad).has_value()) << bad;
}

TEST(RemoteReplyJson, EditsOfEveryForm) {
  const Result<RemoteReply> reply = parse(
      R"({"action":"rewrite subject","subject":"new","messages":{"smtp_message":"m"},
          "milter":{"add_headers":{"A":["1",{"value":"2","order":0}]},"remove_headers":{"B":-1},
          "change_from":"f@x","add_rcpt":"a@x","del_rcpt":["d@x",7]},"dkim-signature":["s","t"]})");
  ASSERT_TRUE(reply.has_value());
  std::string all;
  for (const Edit& edit : reply->view().edits)
    all += std::to_string(static_cast<int>(edit.kind)) + ' ' + std::to_string(edit.position) + ' ' +
           std::string(edit.name) + '=' + edit.value + '\n';
  EXPECT_EQ(all,
            "3 -1 B=\n0 -1 A=1\n0 1 A=2\n5 0 =f@x\n6 0 =a@x\n7 0 =d@x\n1 1 DKIM-Signature=s\n"
            "1 2 DKIM-Signature=t\n");
  EXPECT_EQ(reply->view().subject, "new");
  EXPECT_EQ(reply->view().message, "m");
}

// `reject` says what a refusal turns into, and nothing of mail that is not refused.
TEST(RemoteReplyJson, FateIsOfRefusals) {
  const struct {
    const char *json, *action;
  } rows[] = {
      {R"({"action":"reject","milter":{"reject":"discard"}})", "discard d"},
      {R"({"action":"reject","milter":{"reject":"quarantine"}})", "quarantine q"},
      {R"({"action":"reject","milter":{"reject":"go away"}})", "reject "},
      {R"({"action":"reject","reject":"discard"})", "discard d"},
      {R"({"action":"reject","reject":"discard","milter":{"reject":"quarantine"}})",
       "quarantine q"},
      {R"({"action":"no action","milter":{"reject":"discard"}})", "no action "},
      {R"({"action":"no action","reject":"quarantine"})", "no action "},
      {R"({"action":"add header","milter":{"reject":"quarantine"}})", "add header "},
      {R"({"action":"soft reject","milter":{"reject":"discard"}})", "soft reject "},
      {R"({"action":"reject","milter":{"reject":"discard","no_action":true}})", "no action "},
      {R"({"action":"discard"})", "discard d"},
      {R"({"action":"mine","milter":{"reject":"discard"}})", "mine "},
      {R"({"action":"held"})", "held q"},
      {R"({"action":"quarantine","milter":{"reject":"discard"}})", "quarantine q"}};
  for (const auto& row : rows) {
    const Result<RemoteReply> reply = parse(row.json);
    ASSERT_TRUE(reply.has_value()) << row.json;
    const auto has = [&](ActionFlag flag) { return reply->flags & static_cast<uint8_t>(flag); };
    EXPECT_EQ(reply->action + ' ' + (has(ActionFlag::kDiscard) ? "d" : "") +
                  (has(ActionFlag::kQuarantine) ? "q" : ""),
              row.action)
        << row.json;
  }
}

// `spam_header`: a value, or headers of their own; each replaces those of its name.
TEST(RemoteReplyJson, MarksOfSpam) {
  const struct {
    const char *given, *packets;
  } rows[] = {{R"("YES")", "2X-Spam=;1X-Spam=;1X-Spam=YES;"},
              {R"("")", "2X-Spam=;1X-Spam=;"},
              {R"({"X-My":"1"})", "1X-My=1;"},
              {R"({"X-My":"1","x-m":"2"})", "1x-m=;1X-My=1;1x-m=2;"},
              {R"({"X-M":5,"bad name":"x"})", "1X-M=;"},
              {R"({})", ""},
              {R"(["YES"])", "2X-Spam=;1X-Spam=;1X-Spam=Yes;"},
              {R"(5)", "2X-Spam=;1X-Spam=;1X-Spam=Yes;"}};
  SeenHeaders seen;
  for (const char* const name : {"X-Spam", "X-M", "x-spam"}) seen.add(name);
  for (const auto& row : rows) {
    for (const std::string action : {"add header", "no action"}) {
      const Result<RemoteReply> reply =
          parse("{\"action\":\"" + action + "\",\"milter\":{\"spam_header\":" + row.given + "}}");
      ASSERT_TRUE(reply.has_value());
      std::string out, packets;
      render_milter(reply->view(), {}, seen, {}, out);
      // Length, `m`, occurrence, name and value with their NULs.
      size_t at = 0;
      for (; out[at + 4] == 'm'; at += 4 + static_cast<uint8_t>(out[at + 3])) {
        const std::string name = out.c_str() + at + 9;
        packets += std::to_string(out[at + 8]) + name + '=' + (out.c_str() + at + 10 + name.size());
        packets += ';';
      }
      EXPECT_EQ(packets, action == "add header" ? row.packets : "") << row.given;
      EXPECT_EQ(out.substr(at), std::string("\0\0\0\1a", 5)) << row.given;
    }
  }
}

TEST(ScanHead, NoValueEndsItsLine) {
  Message message;
  message.bytes = MessageBytes("x");
  message.from = "a\r\nEvil: 1";
  message.helo = "h\n\n";
  message.request_headers = {{"bad name", "v"}, {"good", "w\r\nX: y"}};
  Upstream to;
  to.name = "u";
  to.settings_id = "s";
  const ScanRequest plain = scan_request(message, to);
  EXPECT_EQ(plain.body, "x");
  EXPECT_FALSE(plain.key);
  EXPECT_EQ(plain.head,
            "POST /checkv2 HTTP/1.1\r\nHost: u\r\nConnection: close\r\nContent-Length: 1\r\n"
            "From: <a  Evil: 1>\r\nHelo: h  \r\nSettings-ID: s\r\nFlags: milter,body_block\r\n"
            "good: w  X: y\r\n\r\n");
  // Nothing of it is in what is sealed.
  const KeyPair theirs = make_exchange_keys("a key of 32 bytes for this test.");
  to.key = theirs.public_key;
  const ScanRequest sealed = scan_request(message, to);
  EXPECT_TRUE(sealed.head.starts_with("POST /post HTTP/1.1\r\nHost: u\r\n"));
  EXPECT_EQ(sealed.head.find("Evil"), std::string::npos);
  EXPECT_EQ(sealed.body, "");
  ASSERT_TRUE(sealed.key);
  std::string inner = sealed.head.substr(sealed.head.find("\r\n\r\n") + 4);
  ASSERT_TRUE(open_sealed(*sealed.key, inner));
  EXPECT_EQ(inner, plain.head + "x");
}

TEST(ScanReply, IsOpened) {
  const SharedKey key{1, 2, 3};
  int code = 0;
  std::string_view body;
  std::string sealed;
  seal_freshly(key, "HTTP/1.1 503 busy\r\nContent-Length: 2\r\n\r\nno", sealed);
  EXPECT_TRUE(open_reply(key, sealed, code, body));
  EXPECT_EQ(code, 503);
  EXPECT_EQ(body, "no");
  for (const std::string_view text :
       {"", "rubbish", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno"}) {
    sealed.clear();
    seal_freshly(key, text, sealed);
    EXPECT_FALSE(open_reply(key, sealed, code, body)) << text;
  }
  sealed = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno";
  EXPECT_FALSE(open_reply(key, sealed, code, body));
}

}  // namespace
}  // namespace winnow
