// Redis: the protocol, options, and a client beside servers that work, stall, talk rubbish or die.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "pipeline/lookup/store/redis_client.h"
#include "rules/config/ucl_parse.h"
#include "tests/unit/loopback.h"
#include "tests/unit/store/redis_process.h"

namespace winnow {
namespace {

using Kind = RedisReply::Kind;
using std::chrono::milliseconds;

std::string shown(const RedisReply& reply) {
  switch (reply.kind) {
    case Kind::kNil:
      return "nil";
    case Kind::kInteger:
      return std::to_string(reply.integer);
    case Kind::kText:
      return "'" + reply.text + "'";
    case Kind::kStatus:
      return "+" + reply.text;
    case Kind::kError:
      return "-" + reply.text;
    case Kind::kList:
      break;
  }
  std::string out = "[";
  for (const RedisReply& item : reply.items) out += shown(item) + " ";
  return out + "]";
}

// What is read of bytes that come in pieces of that size.
std::string read_all(std::string_view bytes, size_t piece) {
  RedisReader reader;
  std::string out;
  for (size_t at = 0; at <= bytes.size(); at += piece) {
    reader.feed(bytes.substr(std::min(at, bytes.size()), piece));
    RedisReply reply;
    RedisReader::State state;
    while ((state = reader.next(reply)) == RedisReader::State::kReply) out += shown(reply) + ";";
    if (state == RedisReader::State::kBroken) return out + "broken";
  }
  return out;
}

TEST(RedisReplyTest, every_kind_in_pieces_of_any_size) {
  const std::string full =
      "+OK\r\n:-12\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n-ERR no\r\n*3\r\n:1\r\n*2\r\n$0\r\n\r\n"
      "+x\r\n$1\r\ny\r\n*0\r\n";
  for (size_t piece = 1; piece <= full.size(); ++piece)
    EXPECT_EQ(read_all(full, piece), "+OK;-12;'a\r\nb';nil;nil;-ERR no;[1 ['' +x ] 'y' ];[];")
        << piece;
}

TEST(RedisReplyTest, what_is_no_reply_is_broken) {
  for (const char* bytes : {"HTTP/1.1 400 Bad Request\r\n", "$abc\r\n", "!\r\n", "*x\r\n",
                            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"})
    EXPECT_TRUE(read_all(bytes, 1000).ends_with("broken")) << bytes;
  // One entry at the limit, and one beyond: before there is memory for them.
  EXPECT_EQ(read_all("*" + std::to_string(kRedisItemsMax) + "\r\n", 1000), "");
  EXPECT_EQ(read_all("*" + std::to_string(kRedisItemsMax + 1) + "\r\n", 1000), "broken");
  EXPECT_EQ(read_all("*2\r\n*1\r\n:1\r\n*" + std::to_string(kRedisItemsMax - 2) + "\r\n", 1000),
            "broken");
  RedisReader reader;
  const std::string piece(1 << 20, 'x');
  RedisReply reply;
  reader.feed("$900000000\r\n");
  size_t fed = 0;
  while (reader.next(reply) == RedisReader::State::kMore && fed < 2 * kRedisReplyMax)
    reader.feed(piece), fed += piece.size();
  EXPECT_EQ(reader.next(reply), RedisReader::State::kBroken);
  EXPECT_LE(fed, kRedisReplyMax + piece.size());
}

TEST(RedisSlotTest, slots_are_those_of_the_specification) {
  EXPECT_EQ(redis_slot("123456789"), 0x31C3);
  EXPECT_EQ(redis_slot("{user1000}.following"), redis_slot("user1000"));
  EXPECT_EQ(redis_slot("foo{}{bar}"), redis_slot("foo{}{bar}"));
  EXPECT_NE(redis_slot("foo{}{bar}"), redis_slot("bar"));
  EXPECT_EQ(redis_slot("foo{{bar}}zap"), redis_slot("{bar"));
}

// --- options ---

Result<RedisOptions> options_of(const std::string& text, std::string_view name = "bayes") {
  const auto document = parse_ucl(text, "t.conf");
  if (!document) return fail(document.error());
  const UclObject& root = document->document->root();
  return redis_options(root, root.get("classifier.bayes"), name);
}

TEST(RedisOptionsTest, where_servers_stand) {
  const auto read = [](const std::string& text) {
    const auto options = options_of(text);
    if (!options) return "error: " + options.error().text();
    std::string out;
    for (const RedisServer& one : options->read.list) out += one.text() + " ";
    out += "|";
    for (const RedisServer& one : options->write.list) out += " " + one.text();
    return out;
  };
  EXPECT_EQ(read("redis { servers = \"a, b:6380\"; }"), "a:6379 b:6380 | a:6379 b:6380");
  EXPECT_EQ(read("redis { servers = a; write_servers = \"w:1:10\"; }"), "a:6379 | w:1");
  EXPECT_EQ(read("redis { read_servers = [\"a\", \"[::1]:7\"]; }"),
            "a:6379 [::1]:7 | a:6379 [::1]:7");
  EXPECT_EQ(read("redis { servers = a; } classifier { bayes { servers = /run/r.sock; } }"),
            "/run/r.sock | /run/r.sock");
  EXPECT_EQ(
      read("redis { servers = a; } classifier { bayes { servers = b; redis { servers = c; } } }"),
      "c:6379 | c:6379");
  EXPECT_EQ(read("redis { servers = a; bayes { servers = d; } }"), "d:6379 | d:6379");
  EXPECT_NE(read("redis { servers = a; disabled_modules = [bayes]; }").find("no server is named"),
            std::string::npos);
  EXPECT_EQ(read("redis { servers = \"a:0\"; }"),
            "error: t.conf:1:19: redis: \"a:0\" has no port from 1 to 65535");
  EXPECT_NE(read("redis { servers = \"a:65536\"; }").find("no port"), std::string::npos);
  for (const char* const wrong : {"[/run/r]:1", "[::1]7", "[a]:7"})
    EXPECT_EQ(read(fmt::format("redis {{ servers = \"{}\"; }}", wrong)),
              fmt::format("error: t.conf:1:19: redis: \"{}\" is no [IPv6 address]:port", wrong));
  EXPECT_EQ(read("redis { servers = \"a:b:c:7\"; }"),
            "error: t.conf:1:19: redis: \"a:b:c:7\" is no IPv6 address");
  EXPECT_NE(read("redis { servers = a; db = x; }").find("db is the number"), std::string::npos);
  EXPECT_NE(read("redis { servers = a; timeout = 0; }").find("timeout"), std::string::npos);
}

TEST(RedisOptionsTest, all_else) {
  const auto options = options_of(
      "redis { servers = \"master-slave:a,b\"; username = u; password = p; db = 3; timeout = 250ms;"
      "ssl = true; no_ssl_verify = true; sni = n; sentinels = [s1, \"s2:5\"];"
      "sentinel_masters_pattern = \"^m$\"; sentinel_watch_time = 5s; }");
  ASSERT_TRUE(options.has_value()) << options.error().text();
  EXPECT_EQ(options->read.order, ServerOrder::kMasterSlave);
  EXPECT_EQ(options->username + options->password, "up");
  EXPECT_EQ(options->db, 3u);
  EXPECT_EQ(options->timeout_ms, 250u);
  EXPECT_TRUE(options->tls);
  EXPECT_FALSE(options->tls_verify);
  EXPECT_EQ(options->sentinels.at(0).text() + options->sentinels.at(1).text(), "s1:26379s2:5");
  EXPECT_EQ(options->sentinel_watch_ms, 5'000u);
}

TEST(RedisOptionsTest, a_timeout_of_the_section_that_means_something_else) {
  const auto timeout_ms = [](const std::string& text) {
    const auto parsed = parse_ucl("greylist { timeout = 5min; " + text, "t.conf", {});
    EXPECT_TRUE(parsed) << parsed.error().text();
    const UclObject& root = parsed->document->root();
    const auto options = redis_options(root, root.find("greylist"), "greylist", "redis_timeout");
    EXPECT_TRUE(options) << options.error().text();
    return options ? options->timeout_ms : 0;
  };
  EXPECT_EQ(timeout_ms("} redis { servers = a; }"), 1'000u);
  EXPECT_EQ(timeout_ms("} redis { servers = a; timeout = 2s; }"), 2'000u);
  EXPECT_EQ(timeout_ms("redis_timeout = 3s; } redis { servers = a; timeout = 2s; }"), 3'000u);
  EXPECT_EQ(timeout_ms("redis { timeout = 4s; } servers = a; redis_timeout = 3s; }"), 4'000u);
}

// --- a client ---

std::unique_ptr<RedisClient> client_of(const RedisOptions& options) {
  auto made = RedisClient::make(options);
  EXPECT_TRUE(made.has_value()) << made.error().text();
  return std::move(*made);
}

std::string ask(RedisClient& client, std::vector<std::vector<std::string_view>> commands,
                RedisUse use = RedisUse::kWrite) {
  RedisBatch batch;
  for (const auto& words : commands) batch.add(words.size() > 1 ? words[1] : "", words);
  const auto replies = client.run(batch, use);
  if (!replies) return "error: " + replies.error().text();
  std::string out;
  for (const RedisReply& reply : *replies) out += shown(reply) + ";";
  return out;
}

class RedisServerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!RedisProcess::installed()) GTEST_SKIP() << "redis-server is not installed";
  }
};

TEST_F(RedisServerTest, a_pipeline_is_answered_in_order) {
  RedisProcess server;
  const auto client = client_of(server.options());
  EXPECT_EQ(ask(*client, {{"SET", "a", "1"}, {"INCR", "a"}, {"GET", "a"}, {"GET", "none"}, {"NO"}}),
            "+OK;2;'2';nil;-ERR unknown command 'NO', with args beginning with: ;");
  // Much more than a socket holds, both ways.
  const std::string big(1 << 20, 'x');
  RedisBatch batch;
  for (int i = 0; i < 20; ++i) {
    batch.add("b", {"SET", "b", big});
    batch.add("b", {"GET", "b"});
  }
  const auto replies = client->run(batch, RedisUse::kWrite);
  ASSERT_TRUE(replies.has_value()) << replies.error().text();
  ASSERT_EQ(replies->size(), 40u);
  EXPECT_EQ(replies->back().text, big);
  EXPECT_FALSE(client->is_cluster());
}

TEST_F(RedisServerTest, passwords_users_and_databases) {
  RedisProcess server({"--requirepass", "secret", "--user", "anna", "on", ">word", "~*", "+@all"});
  RedisOptions options = server.options();
  options.timeout_ms = 5'000;
  EXPECT_NE(ask(*client_of(options), {{"SET", "a", "1"}}).find("NOAUTH"), std::string::npos);
  options.password = "wrong";
  EXPECT_NE(ask(*client_of(options), {{"SET", "a", "1"}}).find("WRONGPASS"), std::string::npos);
  options.password = "secret";
  EXPECT_EQ(ask(*client_of(options), {{"SET", "a", "1"}}), "+OK;");
  options.username = "anna";
  options.password = "word";
  options.db = 7;
  EXPECT_EQ(ask(*client_of(options), {{"GET", "a"}, {"SET", "a", "7"}}), "nil;+OK;");
  options.db = 0;
  EXPECT_EQ(ask(*client_of(options), {{"GET", "a"}}), "'1';");
  options.db = 99;
  EXPECT_NE(ask(*client_of(options), {{"GET", "a"}}).find("DB index"), std::string::npos);
}

TEST_F(RedisServerTest, by_hash_each_name_has_one_server) {
  RedisProcess one, two, three;
  RedisOptions options = one.options();
  options.timeout_ms = 5'000;
  options.read.list = {{.host = one.socket()}, {.host = two.socket()}, {.host = three.socket()}};
  options.read.order = ServerOrder::kHash;
  options.write = options.read;
  const auto client = client_of(options);
  RedisBatch set, get;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "user" + std::to_string(i), value = std::to_string(i);
    set.shard(name), get.shard(name);
    set.add(name, {"SET", name, value});
    get.add(name, {"GET", name});
  }
  ASSERT_TRUE(client->run(set, RedisUse::kWrite).has_value());
  for (int again = 0; again < 3; ++again) {
    const auto found = client->run(get, RedisUse::kRead);
    ASSERT_TRUE(found.has_value()) << found.error().text();
    for (size_t i = 0; i < 60; ++i) EXPECT_EQ((*found)[i].text, std::to_string(i));
  }
  int64_t all = 0;
  for (const RedisProcess* server : {&one, &two, &three}) {
    RedisBatch size;
    size.add("", {"DBSIZE"});
    const int64_t n =
        client_of(server->options())->run(size, RedisUse::kRead).value().front().integer;
    EXPECT_GT(n, 5);
    all += n;
  }
  EXPECT_EQ(all, 60);
  // One that is away is replaced by nobody.
  two.kill();
  EXPECT_FALSE(client->run(get, RedisUse::kRead).has_value());
}

TEST_F(RedisServerTest, at_random_all_are_asked) {
  RedisProcess one, two;
  RedisOptions options = one.options();
  options.read.list = {{.host = one.socket()}, {.host = two.socket()}};
  options.read.order = ServerOrder::kRandom;
  ask(*client_of(one.options()), {{"SET", "who", "one"}});
  ask(*client_of(two.options()), {{"SET", "who", "two"}});
  const auto client = client_of(options);
  std::map<std::string, int> seen;
  for (int i = 0; i < 200; ++i) ++seen[ask(*client, {{"GET", "who"}}, RedisUse::kRead)];
  EXPECT_EQ(seen.size(), 2u);
  for (const auto& [who, times] : seen) EXPECT_GT(times, 40) << who;  // of 100: 8 deviations
}

TEST_F(RedisServerTest, connections_are_bounded_and_kept) {
  RedisProcess server;
  RedisOptions options = server.options();
  options.connections_max = 2;
  options.timeout_ms = 20'000;
  const auto client = client_of(options);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) good += ask(*client, {{"INCR", "n"}}).ends_with(";");
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 400);
  EXPECT_EQ(ask(*client, {{"GET", "n"}}), "'400';");
  const std::string info = ask(*client, {{"INFO", "stats"}});
  const size_t at = info.find("total_connections_received:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LE(std::stoi(info.substr(at + 27)), 3);  // ours, and that of who waited for the start
}

TEST_F(RedisServerTest, reads_and_writes_go_to_their_servers_in_turn) {
  RedisProcess one, two, three;
  RedisOptions options = one.options();
  options.read.list = {{.host = one.socket()}, {.host = two.socket()}};
  options.write.list = {{.host = three.socket()}};
  const auto client = client_of(options);
  ask(*client_of(one.options()), {{"SET", "who", "one"}});
  ask(*client_of(two.options()), {{"SET", "who", "two"}});
  EXPECT_EQ(ask(*client, {{"SET", "who", "three"}}), "+OK;");
  const std::string first = ask(*client, {{"GET", "who"}}, RedisUse::kRead);
  const std::string second = ask(*client, {{"GET", "who"}}, RedisUse::kRead);
  EXPECT_NE(first, second);
  EXPECT_EQ(ask(*client, {{"GET", "who"}}, RedisUse::kRead), first);
  // One that dies is passed over, at once.
  one.kill();
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(ask(*client, {{"GET", "who"}}, RedisUse::kRead), "'two';") << i;
  options.read.order = ServerOrder::kMasterSlave;
  options.read.list = {{.host = two.socket()}, {.host = three.socket()}};
  const auto ordered = client_of(options);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(*ordered, {{"GET", "who"}}, RedisUse::kRead), "'two';") << i;
  two.kill();
  EXPECT_EQ(ask(*ordered, {{"GET", "who"}}, RedisUse::kRead), "'three';");
}

TEST_F(RedisServerTest, a_server_that_comes_back_is_used_again) {
  RedisProcess server;
  const auto client = client_of(server.options());
  EXPECT_EQ(ask(*client, {{"SET", "a", "1"}}), "+OK;");
  server.kill();
  EXPECT_NE(ask(*client, {{"GET", "a"}}).find("redis " + server.socket()), std::string::npos);
  EXPECT_NE(ask(*client, {{"GET", "a"}}).find("left out for a while"), std::string::npos);
  server.start();
  std::string said;
  const auto until = RedisClock::now() + std::chrono::seconds(60);
  while ((said = ask(*client, {{"GET", "a"}})) != "nil;" && RedisClock::now() < until)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(said, "nil;");
}

TEST_F(RedisServerTest, one_that_stalls_costs_one_time_out_and_then_nothing) {
  RedisProcess server;
  RedisOptions options = server.options();
  options.timeout_ms = 300;
  const auto client = client_of(options);
  EXPECT_EQ(ask(*client, {{"SET", "a", "1"}}), "+OK;");
  server.stop(true);
  EXPECT_NE(ask(*client, {{"GET", "a"}}).find("does not answer in time"), std::string::npos);
  int asked = 0;
  const auto begin = RedisClock::now();
  for (; asked < 100; ++asked) EXPECT_TRUE(ask(*client, {{"GET", "a"}}).starts_with("error"));
  // A hundred questions, each alone, would be 30 s; at most a few tries were made.
  EXPECT_LT(RedisClock::now() - begin, std::chrono::seconds(10));
  server.stop(false);
}

TEST(RedisClientTest, rubbish_is_an_error_and_never_an_answer) {
  for (const char* answer : {"HTTP/1.0 400 Bad Request\r\n\r\n", "*1\r\n", "$5\r\nabc",
                             "\xff\xfe\r\n", "*99999999999\r\n", "+OK\r\n+OK\r\n+OK\r\n"}) {
    FixedServer server(answer);
    const auto client = client_of(server.options());
    EXPECT_TRUE(ask(*client, {{"GET", "a"}}).starts_with("error: redis ")) << answer;
  }
  FixedServer silent("");
  EXPECT_NE(ask(*client_of(silent.options()), {{"GET", "a"}}).find("does not answer in time"),
            std::string::npos);
}

TEST_F(RedisServerTest, tls_with_and_without_trust) {
  OwnFolder folder;
  const std::string key = folder.path() + "/key.pem", cert = folder.path() + "/cert.pem";
  const std::string make =
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
      "subjectAltName=IP:127.0.0.1 -keyout " +
      key + " -out " + cert + " 2>/dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0);
  const uint16_t port = free_port();
  RedisProcess server({"--tls-port", std::to_string(port), "--bind", "127.0.0.1", "--tls-cert-file",
                       cert, "--tls-key-file", key, "--tls-auth-clients", "no",
                       "--tls-ca-cert-file", cert});
  RedisOptions options;
  options.read.list = options.write.list = {{.host = "127.0.0.1", .port = port}};
  options.tls = true;
  options.timeout_ms = 10'000;
  EXPECT_NE(ask(*client_of(options), {{"GET", "a"}}).find("TLS: "), std::string::npos);
  options.tls_ca = cert;
  const auto client = client_of(options);
  const std::string big(3 << 20, 'x');
  EXPECT_EQ(ask(*client, {{"SET", "a", big}, {"STRLEN", "a"}}), "+OK;3145728;");
  EXPECT_EQ(ask(*client, {{"GET", "a"}}), "'" + big + "';");
  options.tls_name = "other.example";
  EXPECT_NE(ask(*client_of(options), {{"GET", "a"}}).find("TLS: "), std::string::npos);
  options.tls_verify = false;
  EXPECT_EQ(ask(*client_of(options), {{"STRLEN", "a"}}), "3145728;");
  options.tls_ca = folder.path() + "/none.pem";
  EXPECT_FALSE(RedisClient::make(options).has_value());
}

}  // namespace
}  // namespace winnow
