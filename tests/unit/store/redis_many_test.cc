// More than one Redis: a Cluster of three nodes whose slots move, and Sentinel with a master that
// dies. Real servers on loopback, of the test's own.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <thread>

#include "pipeline/learn/count_table.h"
#include "pipeline/learn/redis_statistics.h"
#include "pipeline/lookup/store/redis_client.h"
#include "pipeline/lookup/store/redis_store.h"
#include "tests/unit/loopback.h"
#include "tests/unit/store/redis_process.h"

namespace winnow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RedisServer at(uint16_t port) { return {.host = "127.0.0.1", .port = port}; }

RedisOptions options_of(std::vector<RedisServer> servers) {
  RedisOptions out;
  out.read.list = out.write.list = std::move(servers);
  out.timeout_ms = 10'000;
  return out;
}

std::unique_ptr<RedisClient> client_of(const RedisOptions& options) {
  return RedisClient::make(options).value();
}

// One command on a connection of its own.
RedisReply tell(const RedisServer& server, std::vector<std::string> words) {
  auto connection = RedisConnection::open(server, {}, nullptr, RedisClock::now() + seconds(10));
  if (!connection) return {.kind = RedisReply::Kind::kError, .text = connection.error().what};
  const std::vector<std::string_view> views(words.begin(), words.end());
  std::string bytes;
  append_redis_command(views, bytes);
  auto replies = (*connection)->exchange(bytes, 1, RedisClock::now() + seconds(10));
  if (!replies) return {.kind = RedisReply::Kind::kError, .text = replies.error().what};
  return std::move(replies->front());
}

template <class Condition>
bool wait_until(const Condition& condition) {
  const auto until = RedisClock::now() + seconds(60);
  while (RedisClock::now() < until) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

// Three masters with a third of the slots each.
class Cluster {
 public:
  Cluster() {
    // Another process may take a port that was free: then with the next.
    for (int tries = 0; nodes_.size() < 3 && tries < 50; ++tries) {
      const uint16_t port = free_port();
      auto node = std::make_unique<RedisProcess>(std::vector<std::string>{
          "--port", std::to_string(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes",
          "--cluster-port", std::to_string(free_port()), "--cluster-config-file", "nodes",
          "--cluster-node-timeout", "2000"});
      if (!node->runs()) continue;
      ports_.push_back(port);
      nodes_.push_back(std::move(node));
    }
    if (nodes_.size() < 3) return;
    constexpr std::array<int, 4> kBegin{0, 5461, 10923, 16384};
    for (size_t i = 0; i < 3; ++i) {
      tell(server(i), {"CLUSTER", "ADDSLOTSRANGE", std::to_string(kBegin[i]),
                       std::to_string(kBegin[i + 1] - 1)});
      ids_.push_back(tell(server(i), {"CLUSTER", "MYID"}).text);
    }
    for (size_t i = 1; i < 3; ++i)
      tell(server(0), {"CLUSTER", "MEET", "127.0.0.1", std::to_string(ports_[i]), bus(i)});
    good_ = wait_until([&] {
      for (size_t i = 0; i < 3; ++i) {
        const std::string info = tell(server(i), {"CLUSTER", "INFO"}).text;
        if (info.find("cluster_state:ok") == std::string::npos ||
            info.find("cluster_known_nodes:3") == std::string::npos)
          return false;
      }
      return true;
    });
  }
  bool good() const { return good_; }
  RedisServer server(size_t i) const { return at(ports_[i]); }
  const std::string& id(size_t i) const { return ids_[i]; }
  std::string bus(size_t i) const {
    const std::string text = tell(server(i), {"CONFIG", "GET", "cluster-port"}).items.at(1).text;
    return text;
  }
  // All keys of all nodes.
  size_t keys() const {
    size_t n = 0;
    for (size_t i = 0; i < 3; ++i) n += static_cast<size_t>(tell(server(i), {"DBSIZE"}).integer);
    return n;
  }

 private:
  std::vector<uint16_t> ports_;
  std::vector<std::unique_ptr<RedisProcess>> nodes_;
  std::vector<std::string> ids_;
  bool good_ = false;
};

class RedisManyTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!RedisProcess::installed()) GTEST_SKIP() << "redis-server is not installed";
  }
};

TEST_F(RedisManyTest, a_cluster_is_found_out_and_followed) {
  const Cluster cluster;
  ASSERT_TRUE(cluster.good());
  // One node is enough to find all.
  const auto client = client_of(options_of({cluster.server(1)}));
  RedisBatch writes, reads;
  for (int i = 0; i < 500; ++i) {
    const std::string key = "k" + std::to_string(i), value = std::to_string(i);
    writes.add(key, {"SET", key, value});
    reads.add(key, {"GET", key});
  }
  const auto wrote = client->run(writes, RedisUse::kWrite);
  ASSERT_TRUE(wrote.has_value()) << wrote.error().text();
  for (const RedisReply& reply : *wrote) EXPECT_EQ(reply.text, "OK");
  EXPECT_TRUE(client->is_cluster());
  EXPECT_EQ(cluster.keys(), 500u);
  const auto check = [&] {
    const auto read = client->run(reads, RedisUse::kRead);
    ASSERT_TRUE(read.has_value()) << read.error().text();
    for (int i = 0; i < 500; ++i) ASSERT_EQ((*read)[i].text, std::to_string(i));
  };
  check();

  // A slot on its way: ASK. Half of it is there already.
  const std::string key = "k7";
  const uint16_t slot = redis_slot(key);
  const size_t from = slot < 5461 ? 0 : slot < 10923 ? 1 : 2, to = (from + 1) % 3;
  const std::string number = std::to_string(slot);
  tell(cluster.server(to), {"CLUSTER", "SETSLOT", number, "IMPORTING", cluster.id(from)});
  tell(cluster.server(from), {"CLUSTER", "SETSLOT", number, "MIGRATING", cluster.id(to)});
  EXPECT_EQ(tell(cluster.server(from), {"MIGRATE", "127.0.0.1",
                                        std::to_string(cluster.server(to).port), key, "0", "5000"})
                .text,
            "OK");
  EXPECT_TRUE(tell(cluster.server(from), {"GET", key}).text.starts_with("ASK "));
  check();
  // Moved for good: MOVED, once.
  for (size_t i = 0; i < 3; ++i)
    tell(cluster.server(i), {"CLUSTER", "SETSLOT", number, "NODE", cluster.id(to)});
  EXPECT_TRUE(tell(cluster.server(from), {"GET", key}).text.starts_with("MOVED "));
  check();
  check();
}

TEST_F(RedisManyTest, a_store_in_a_cluster_is_in_one_slot) {
  const Cluster cluster;
  ASSERT_TRUE(cluster.good());
  const auto store = redis_store(client_of(options_of({cluster.server(2)})));
  StoreBatch batch;
  batch.expect_absent("mark");
  batch.set("mark", "x");
  for (int i = 0; i < 50; ++i) batch.add("n" + std::to_string(i), 0, i);
  const auto done = store->apply(batch, 1);
  ASSERT_TRUE(done.has_value()) << done.error().text();
  EXPECT_TRUE(*done);
  EXPECT_FALSE(store->apply(batch, 1).value());
  EXPECT_EQ(store->scan("n", "", 100).value().size(), 49u);  // that of 0 is none
}

TEST_F(RedisManyTest, learning_in_a_cluster_counts_once_whatever_is_repeated) {
  const Cluster cluster;
  ASSERT_TRUE(cluster.good());
  OwnFolder folder;
  RedisLayout layout;
  layout.classes = {
      {"spam", "BAYES_SPAM", "S"}, {"ham", "BAYES_HAM", "H"}, {"news", "BAYES_NEWS", "N"}};
  const auto statistics = RedisStatistics::open(client_of(options_of({cluster.server(0)})),
                                                {.layout = layout, .folder = folder.path()})
                              .value();
  std::vector<LearnRecord> records;
  TokenList all;
  all.tokenizer = Tokenizer::kOsb;
  for (int i = 0; i < 30; ++i) {
    LearnRecord record;
    record.tokenizer = Tokenizer::kOsb;
    record.label = i % 3 ? LearnLabel::kSpam : LearnLabel::kHam;
    TokenList list;
    list.tokenizer = Tokenizer::kOsb;
    for (uint64_t n = 0; n < 20; ++n) list.add(n < 10 ? n : 1'000 * (i + 1) + n, 1);
    append_token_question(list, record.tokens);
    records.push_back(record);
  }
  for (uint64_t n = 0; n < 10; ++n) all.add(n, 1);
  const auto learnt = statistics->learn(records);
  ASSERT_TRUE(learnt.has_value()) << learnt.error().text();
  EXPECT_EQ(*learnt, std::vector<Learnt>(30, Learnt::kNew));
  EXPECT_EQ(statistics->undelivered(), 0u);
  const auto check = [&](LearnCount learns) {
    const TokenCounts found = statistics->counts(all).value();
    EXPECT_EQ(found.learns, learns);
    for (const TokenCount& count : found.counts)
      EXPECT_EQ(count, (TokenCount{static_cast<uint32_t>(learns.spam),
                                   static_cast<uint32_t>(learns.ham)}));
  };
  check({20, 10});
  // All again: every slot finds its mark.
  std::filesystem::remove(folder.path() + "/redis-learn.done");
  statistics->tend();
  check({20, 10});
  EXPECT_EQ(statistics->learn(records).value(), std::vector<Learnt>(30, Learnt::kSame));
  for (LearnRecord& record : records) record.label = LearnLabel::kHam;
  statistics->learn(records).value();
  check({0, 30});
  for (LearnRecord& record : records) record.label = *LearnLabel::of("news");
  EXPECT_EQ(statistics->learn(records).value(), std::vector<Learnt>(30, Learnt::kMoved));
  check({0, 0});
  TokenList three = all;
  three.classes = {"spam", "ham", "news"};
  const TokenCounts of_three = statistics->counts(three).value();
  EXPECT_EQ(of_three.learnt(2), 30u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(of_three.count(2, i), 30u);
  for (LearnRecord& record : records) record.kind = LearnKind::kForget;
  EXPECT_EQ(statistics->learn(records).value(), std::vector<Learnt>(30, Learnt::kForgotten));
  check({0, 0});
  // A token whose key holds no counts is passed over, a KEY that is none is refused; nobody waits.
  const auto client = RedisClient::make(options_of({cluster.server(0)})).value();
  const auto set = [&](const char* key) {
    RedisBatch batch;
    batch.add(key, {"SET", key, "text"});
    EXPECT_EQ(client->run(batch, RedisUse::kWrite).value().front().text, "OK");
  };
  const auto erase = [&](const char* key) {
    RedisBatch batch;
    batch.add(key, {"DEL", key});
    EXPECT_TRUE(client->run(batch, RedisUse::kWrite).has_value());
  };
  for (LearnRecord& record : records) record.kind = LearnKind::kLearn;
  erase("RS_3");
  set("RS_3");
  EXPECT_EQ(statistics->learn(std::span(records).first(1)).value(), std::vector{Learnt::kNew});
  EXPECT_NE(statistics->take_problem().find("1 tokens were not counted"), std::string::npos);
  erase("RS");
  set("RS");
  EXPECT_EQ(statistics->learn(std::span(records).subspan(1, 2)).value(),
            std::vector(2, Learnt::kRefused));
  EXPECT_EQ(statistics->undelivered(), 0u);
  erase("RS");
  EXPECT_EQ(statistics->retry().value(), 2u);
  CountTable table;
  table.tokenizer = Tokenizer::kOsb;
  table.learns = {100, 50};
  for (uint64_t n = 0; n < 10; ++n) table.counts[n] = {n, 50, 0};
  std::vector<LearnRecord> taken;
  append_counts_records(table, taken);
  const TokenCounts had = statistics->counts(all).value();
  EXPECT_EQ(statistics->learn(taken).value(), std::vector{Learnt::kNew});
  EXPECT_EQ(statistics->learn(taken).value(), std::vector{Learnt::kSame});
  const TokenCounts has = statistics->counts(all).value();
  EXPECT_EQ(has.learns, (LearnCount{had.learns.spam + 100, had.learns.ham + 50}));
  for (size_t n = 0; n < 10; ++n) {
    const size_t more = n == 3 ? 0 : n;  // that one is no hash
    EXPECT_EQ(has.counts[n].spam, had.counts[n].spam + more) << n;
  }
  EXPECT_EQ(statistics->learn(std::span(records).subspan(1, 2)).value(),
            std::vector(2, Learnt::kSame));
}

// A process that is no plain server: it has no unix socket that we could wait for.
class Sentinel {
 public:
  Sentinel(uint16_t port, uint16_t master) : port_(port) {
    const std::string path = folder_.path() + "/sentinel.conf";
    std::ofstream(path) << "port " << port << "\nbind 127.0.0.1\ndir " << folder_.path()
                        << "\nlogfile " << folder_.path() << "/log"
                        << "\nsentinel monitor mymaster 127.0.0.1 " << master << " 1"
                        << "\nsentinel down-after-milliseconds mymaster 500"
                        << "\nsentinel failover-timeout mymaster 2000\n";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl("/usr/bin/redis-server", "redis-server", path.c_str(), "--sentinel",
              static_cast<char*>(nullptr));
      ::_exit(127);
    }
  }
  ~Sentinel() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;
  RedisServer server() const { return at(port_); }

 private:
  OwnFolder folder_;
  const uint16_t port_;
  pid_t pid_ = -1;
};

TEST_F(RedisManyTest, expiry_in_a_cluster_comes_to_every_master) {
  const Cluster cluster;
  ASSERT_TRUE(cluster.good());
  const std::shared_ptr<RedisClient> client = client_of(options_of({cluster.server(0)}));
  RedisBatch writes;
  constexpr int kTokens = 90;
  for (int i = 0; i < kTokens; ++i) {
    const std::string key = "RS_" + std::to_string(1'000'000 + i);
    writes.add(key, {"HSET", key, "S", "1"});
  }
  ASSERT_TRUE(client->run(writes, RedisUse::kWrite).has_value());
  EXPECT_EQ(client->keys_of_masters().size(), 3u);
  RedisLayout layout;
  layout.expire_s = 5'000;
  ExpiryStep all;
  for (int step = 0; step < 30 && all.made_to_end < kTokens; ++step) {
    const auto done = expire_step(*client, layout, {.count = 20, .significant_factor = 1});
    ASSERT_TRUE(done.has_value()) << done.error().text();
    ASSERT_TRUE(done->ran);
    all.made_to_end += done->made_to_end;
    for (size_t i = 0; i < 3; ++i)  // the next one need not wait
      for (const RedisReply& key : tell(cluster.server(i), {"KEYS", "*_lock"}).items)
        tell(cluster.server(i), {"DEL", key.text});
  }
  EXPECT_EQ(all.made_to_end, static_cast<uint64_t>(kTokens));
  RedisBatch reads;
  for (int i = 0; i < kTokens; ++i) {
    const std::string key = "RS_" + std::to_string(1'000'000 + i);
    reads.add(key, {"TTL", key});
  }
  const auto left = client->run(reads, RedisUse::kRead);
  ASSERT_TRUE(left.has_value());
  for (const RedisReply& reply : *left) EXPECT_GT(reply.integer, 4'000);
}

TEST_F(RedisManyTest, sentinel_says_who_is_master_and_who_is_it_next) {
  const uint16_t first = free_port(), second = free_port(), watch = free_port();
  RedisProcess master({"--port", std::to_string(first), "--bind", "127.0.0.1"});
  RedisProcess replica({"--port", std::to_string(second), "--bind", "127.0.0.1", "--replicaof",
                        "127.0.0.1", std::to_string(first)});
  const Sentinel sentinel(watch, first);
  ASSERT_TRUE(wait_until([&] {
    const RedisReply known = tell(sentinel.server(), {"SENTINEL", "SLAVES", "mymaster"});
    return known.items.size() == 1 &&
           tell(at(first), {"INFO", "replication"}).text.find("state=online") != std::string::npos;
  }));
  RedisOptions options;
  options.sentinels = {sentinel.server()};
  options.sentinel_master = "^mymaster$";
  options.timeout_ms = 1'000;
  const auto client = client_of(options);
  const auto set = [&](std::string_view value) {
    RedisBatch batch;
    batch.add("a", {"SET", "a", value});
    const auto replies = client->run(batch, RedisUse::kWrite);
    return replies && replies->front().text == "OK";
  };
  EXPECT_TRUE(set("1"));
  EXPECT_EQ(tell(at(first), {"GET", "a"}).text, "1");
  EXPECT_TRUE(wait_until([&] { return tell(at(second), {"GET", "a"}).text == "1"; }));
  RedisBatch read;
  read.add("a", {"GET", "a"});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client->run(read, RedisUse::kRead).value()[0].text, "1");
  master.kill();
  // The replica becomes the master, and is written to without anybody being told.
  EXPECT_TRUE(wait_until([&] { return set("2"); }));
  EXPECT_EQ(tell(at(second), {"GET", "a"}).text, "2");
  // A name that no master has.
  options.sentinel_master = "^other$";
  RedisBatch batch;
  batch.add("a", {"GET", "a"});
  EXPECT_FALSE(client_of(options)->run(batch, RedisUse::kRead).has_value());
}

}  // namespace
}  // namespace winnow
