#include "pipeline/lookup/store/redis_client.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <set>
#include <thread>
#include <utility>

namespace winnow {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBackOffLeast{200}, kBackOffMost{10'000};
constexpr int kClusterRounds = 16;
constexpr milliseconds kClusterPause{50};  // before a slot that moves is asked for again
constexpr size_t kNodesMax = 4'096;

uint16_t crc16(std::string_view bytes) {
  uint16_t crc = 0;  // XMODEM: polynomial 0x1021
  for (const char c : bytes) {
    crc = static_cast<uint16_t>(crc ^ static_cast<uint8_t>(c) << 8);
    for (int bit = 0; bit < 8; ++bit)
      crc = static_cast<uint16_t>(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
  }
  return crc;
}

// What a server says of itself, and not of the command: another one is asked then.
bool is_of_server(const RedisReply& reply) {
  if (!reply.is_error()) return false;
  for (const std::string_view word :
       {"LOADING ", "READONLY ", "MASTERDOWN ", "NOREPLICAS ", "NOAUTH ", "MISCONF "})
    if (reply.text.starts_with(word)) return true;
  return false;
}

// "MOVED 3999 127.0.0.1:6381", "ASK 3999 :6381".
struct Redirection {
  bool ask = false;
  uint16_t slot = 0;
  RedisServer server;
};
std::optional<Redirection> redirection(const RedisReply& reply) {
  Redirection out;
  std::string_view text = reply.text;
  if (!reply.is_error()) return std::nullopt;
  out.ask = text.starts_with("ASK ");
  if (!out.ask && !text.starts_with("MOVED ")) return std::nullopt;
  text.remove_prefix(text.find(' ') + 1);
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out.slot);
  if (wrong != std::errc() || out.slot >= kRedisSlots || end == text.data() + text.size())
    return std::nullopt;
  text = text.substr(static_cast<size_t>(end - text.data()) + 1);
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view port = text.substr(colon + 1);
  if (std::from_chars(port.data(), port.data() + port.size(), out.server.port).ec != std::errc())
    return std::nullopt;
  out.server.host = text.substr(0, colon);
  return out;
}

// The value of a field in a flat list of names and values.
std::string_view field(const RedisReply& list, std::string_view name) {
  for (size_t i = 0; i + 1 < list.items.size(); i += 2)
    if (list.items[i].text == name) return list.items[i + 1].text;
  return {};
}

std::optional<RedisServer> server_of(const RedisReply& list) {
  RedisServer out{.host = std::string(field(list, "ip"))};
  const std::string_view port = field(list, "port");
  if (out.host.empty() ||
      std::from_chars(port.data(), port.data() + port.size(), out.port).ec != std::errc())
    return std::nullopt;
  return out;
}

bool is_down(const RedisReply& list) {
  const std::string_view flags = field(list, "flags");
  return flags.find("s_down") != std::string_view::npos ||
         flags.find("o_down") != std::string_view::npos ||
         flags.find("disconnected") != std::string_view::npos;
}

bool fits(std::string_view name, std::string_view pattern) {
  const bool begins = pattern.starts_with('^'), ends = pattern.ends_with('$');
  if (begins) pattern.remove_prefix(1);
  if (ends) pattern.remove_suffix(1);
  if (begins && ends) return name == pattern;
  if (begins) return name.starts_with(pattern);
  if (ends) return name.ends_with(pattern);
  return name.find(pattern) != std::string_view::npos;
}

RedisOptions for_sentinels(RedisOptions options) {
  options.username = options.sentinel_username;
  options.password = options.sentinel_password;
  options.db = 0;
  return options;
}

}  // namespace

std::string_view redis_slot_text(std::string_view key) {
  if (const size_t open = key.find('{'); open != std::string_view::npos)
    if (const size_t close = key.find('}', open);
        close != std::string_view::npos && close > open + 1)
      return key.substr(open + 1, close - open - 1);
  return key;
}

void RedisBatch::shard(std::string_view name) { shard_ = XXH3_64bits(name.data(), name.size()); }

uint16_t redis_slot(std::string_view key) { return crc16(redis_slot_text(key)) % kRedisSlots; }

struct RedisClient::Node {
  RedisServer server;
  bool sentinel = false;
  std::vector<std::unique_ptr<RedisConnection>> idle = {};
  unsigned open = 0;  // connections, idle ones too
  unsigned failures = 0;
  RedisDeadline out_until = {};
  std::string problem = {};  // of the last failure
};

RedisClient::RedisClient(const RedisOptions& options)
    : options_(options),
      sentinel_options_(for_sentinels(options)),
      chance_(std::random_device()()) {
  for (const RedisServer& server : options_.read.list) read_.push_back(&node(server));
  for (const RedisServer& server : options_.write.list) write_.push_back(&node(server));
  for (const RedisServer& server : options_.sentinels)
    sentinels_.emplace(server, new Node{.server = server, .sentinel = true});
}

RedisClient::~RedisClient() = default;

Result<std::unique_ptr<RedisClient>> RedisClient::make(const RedisOptions& options) {
  std::unique_ptr<RedisClient> out(new RedisClient(options));
  if (options.tls) {
    auto tls = RedisTls::load(options);
    if (!tls) return fail(tls.error());
    out->tls_ = std::move(*tls);
  }
  return out;
}

bool RedisClient::is_cluster() const {
  const std::lock_guard lock(mutex_);
  return !slots_.empty();
}

std::vector<std::string> RedisClient::keys_of_masters() const {
  std::vector<uint16_t> first;
  {
    const std::lock_guard lock(mutex_);
    std::set<const Node*> seen;
    for (size_t slot = 0; slot < slots_.size(); ++slot)
      if (seen.insert(slots_[slot]).second) first.push_back(static_cast<uint16_t>(slot));
  }
  std::vector<std::string> out;
  for (const uint16_t slot : first)
    for (uint64_t number = 0;; ++number)
      if (std::string key = std::to_string(number); redis_slot(key) == slot) {
        out.push_back(std::move(key));
        break;
      }
  return out;
}

// REQUIRED: the mutex, but in the constructor.
RedisClient::Node& RedisClient::node(const RedisServer& server) {
  const auto found = nodes_.find(server);
  if (found != nodes_.end()) return *found->second;
  // A server that tells of ever new ones gets no further.
  if (nodes_.size() >= kNodesMax) return *nodes_.begin()->second;
  return *nodes_.emplace(server, new Node{.server = server}).first->second;
}

// True: the caller asks it now. REQUIRED: the mutex.
bool RedisClient::may_ask(Node& one) {
  const RedisDeadline now = RedisClock::now();
  if (one.failures == 0) return true;
  if (one.out_until > now) return false;
  one.out_until = now + milliseconds(options_.timeout_ms);  // one tries, the others wait
  return true;
}

void RedisClient::failed(Node& one, const Error& error) {
  const std::lock_guard lock(mutex_);
  const unsigned doubled = std::min(one.failures++, 10u);
  one.out_until = RedisClock::now() + std::min(kBackOffMost, kBackOffLeast * (1u << doubled));
  one.problem = error.text();
  // What is idle was opened before whatever happened.
  one.open -= static_cast<unsigned>(one.idle.size());
  one.idle.clear();
  if (one.failures >= options_.sentinel_failures) sentinels_due_ = {};
}

// REQUIRED: the mutex.
RedisClient::Node* RedisClient::choose(const std::vector<Node*>& from, ServerOrder order,
                                       std::span<Node* const> tried) {
  size_t begin = 0;
  if (order == ServerOrder::kRandom) {
    chance_ ^= chance_ << 13, chance_ ^= chance_ >> 7, chance_ ^= chance_ << 17;
    begin = chance_ % from.size();
  } else if (order == ServerOrder::kRoundRobin) {
    begin = turn_++;
  }
  for (size_t i = 0; i < from.size(); ++i) {
    Node* const one = from[(begin + i) % from.size()];
    if (std::ranges::find(tried, one) == tried.end() && may_ask(*one)) return one;
  }
  return nullptr;
}

Error RedisClient::all_out(const std::vector<Node*>& nodes) const {
  for (const Node* const one : nodes)
    if (!one->problem.empty())
      return {.what = fmt::format("{}; it is left out for a while", one->problem)};
  return {.what = "redis: there is no server to ask"};
}

Result<std::unique_ptr<RedisConnection>> RedisClient::take(Node& one, RedisDeadline deadline) {
  {
    std::unique_lock lock(mutex_);
    for (;;) {
      while (!one.idle.empty()) {
        std::unique_ptr<RedisConnection> connection = std::move(one.idle.back());
        one.idle.pop_back();
        if (!connection->is_stale()) return connection;
        --one.open;
      }
      if (one.open < options_.connections_max) break;
      if (free_.wait_until(lock, deadline) == std::cv_status::timeout)
        return fail(fmt::format("redis {}: all {} connections are in use", one.server.text(),
                                options_.connections_max));
    }
    ++one.open;
  }
  auto opened = RedisConnection::open(one.server, one.sentinel ? sentinel_options_ : options_, tls_,
                                      deadline);
  if (!opened) give_back(one, nullptr, false);
  return opened;
}

void RedisClient::give_back(Node& one, std::unique_ptr<RedisConnection> connection, bool good) {
  {
    const std::lock_guard lock(mutex_);
    if (good) {
      one.failures = 0;
      one.problem.clear();
      one.idle.push_back(std::move(connection));
    } else {
      --one.open;
    }
  }
  free_.notify_one();
}

RedisClient::Outcome RedisClient::exchange(Node& one, std::string_view bytes, size_t count) {
  const RedisDeadline deadline = RedisClock::now() + milliseconds(options_.timeout_ms);
  Outcome out;
  auto connection = take(one, deadline);
  if (!connection) {
    out.error = connection.error();
  } else {
    auto replies = (*connection)->exchange(bytes, count, deadline);
    out.sent = !replies;
    if (replies)
      out.replies = std::move(*replies);
    else
      out.error = replies.error();
    give_back(one, std::move(*connection), replies.has_value());
  }
  if (!out.replies) failed(one, out.error);
  return out;
}

std::vector<RedisClient::Node*> RedisClient::nodes_for(RedisUse use) {
  const std::lock_guard lock(mutex_);
  return use == RedisUse::kRead ? read_ : write_;
}

Result<std::vector<RedisReply>> RedisClient::run_one(const RedisBatch& batch, RedisUse use,
                                                     bool& moved) {
  std::vector<Node*> nodes = nodes_for(use);
  const ServerOrder order = (use == RedisUse::kRead ? options_.read : options_.write).order;
  // Another server than the one by its hash would not know, or would begin data of its own.
  if (order == ServerOrder::kHash && !nodes.empty())
    nodes = {nodes[batch.shard_of(0) % nodes.size()]};
  std::vector<Node*> tried;
  std::optional<Error> last;
  while (tried.size() < std::max<size_t>(2, nodes.size())) {
    Node* one = nullptr;
    {
      const std::lock_guard lock(mutex_);
      one = choose(nodes, order, tried);
      if (!one) return fail(last ? *last : all_out(nodes));
    }
    tried.push_back(one);
    Outcome outcome = exchange(*one, batch.bytes(), batch.size());
    if (outcome.replies) {
      const auto bad = std::ranges::find_if(*outcome.replies, is_of_server);
      if (bad == outcome.replies->end()) {
        moved = std::ranges::any_of(*outcome.replies, [](const RedisReply& reply) {
          return redirection(reply).has_value();
        });
        return std::move(*outcome.replies);
      }
      last = Error{.what = fmt::format("redis {}: {}", one->server.text(), bad->text)};
      failed(*one, *last);
      continue;
    }
    last = outcome.error;
    if (outcome.sent && use == RedisUse::kWrite && !batch.repeatable) break;
  }
  return fail(*last);
}

// --- Cluster ---

class RedisClient::ClusterRun {
 public:
  ClusterRun(RedisClient& client, const RedisBatch& batch)
      : client_(client), batch_(batch), replies_(batch.size()), wanted_(batch.size()) {}

  Result<std::vector<RedisReply>> run() {
    std::vector<size_t> open(batch_.size());
    for (size_t i = 0; i < open.size(); ++i) open[i] = i;
    for (int round = 0; round < kClusterRounds && !open.empty(); ++round) {
      if (again_) client_.learn_slots();
      if (pause_) std::this_thread::sleep_for(kClusterPause);
      again_ = pause_ = false;
      std::vector<size_t> left;
      for (auto& [node, which] : by_node(open))
        if (Result<void> good = ask(*node, which, left); !good) return fail(good.error());
      open = std::move(left);
    }
    if (!open.empty()) return fail(last_);
    return std::move(replies_);
  }

 private:
  struct Wanted {
    Node* node = nullptr;  // where ASK sent us
    bool ask = false;
  };

  std::map<Node*, std::vector<size_t>> by_node(std::span<const size_t> open) {
    std::map<Node*, std::vector<size_t>> out;
    const std::lock_guard lock(client_.mutex_);
    for (const size_t i : open) {
      const uint16_t slot = batch_.slot(i);
      Node* const node =
          wanted_[i].node ? wanted_[i].node : client_.slots_[slot == kRedisSlots ? 0 : slot];
      out[node].push_back(i);
    }
    return out;
  }

  // What has to be asked again is added to `left`.
  Result<void> ask(Node& node, std::span<const size_t> which, std::vector<size_t>& left) {
    std::string bytes;
    size_t count = 0;
    for (const size_t i : which) {
      if (wanted_[i].ask) bytes += "*1\r\n$6\r\nASKING\r\n", ++count;
      bytes += batch_.command(i);
      ++count;
    }
    Outcome outcome = client_.exchange(node, bytes, count);
    if (!outcome.replies) {
      last_ = outcome.error;
      if (outcome.sent && !batch_.repeatable) return fail(last_);
      for (const size_t i : which) wanted_[i] = {};
      left.insert(left.end(), which.begin(), which.end());
      again_ = pause_ = true;
      return {};
    }
    size_t at = 0;
    for (const size_t i : which) {
      if (std::exchange(wanted_[i], {}).ask) ++at;
      if (!settle(i, std::move((*outcome.replies)[at++]), node)) left.push_back(i);
    }
    return {};
  }

  // False: it has to be asked again.
  bool settle(size_t i, RedisReply&& reply, const Node& from) {
    if (std::optional<Redirection> to = redirection(reply)) {
      if (to->server.host.empty()) to->server.host = from.server.host;
      const std::lock_guard lock(client_.mutex_);
      Node& node = client_.node(to->server);
      if (to->ask)
        wanted_[i] = {&node, true};
      else
        client_.slots_[to->slot] = &node;
      last_ = {.what = fmt::format("redis {}: {}", from.server.text(), reply.text)};
      return false;
    }
    if (reply.is_error() && (reply.text.starts_with("TRYAGAIN") ||
                             reply.text.starts_with("CLUSTERDOWN") || is_of_server(reply))) {
      last_ = {.what = fmt::format("redis {}: {}", from.server.text(), reply.text)};
      again_ = pause_ = true;
      return false;
    }
    replies_[i] = std::move(reply);
    return true;
  }

  RedisClient& client_;
  const RedisBatch& batch_;
  std::vector<RedisReply> replies_;
  std::vector<Wanted> wanted_;
  Error last_;
  bool again_ = false;  // the slots are to be asked for
  bool pause_ = false;
};

Result<std::vector<RedisReply>> RedisClient::run_cluster(const RedisBatch& batch) {
  return ClusterRun(*this, batch).run();
}

bool RedisClient::ask_slots(Node& one) {
  std::string bytes;
  const std::string_view words[] = {"CLUSTER", "SLOTS"};
  append_redis_command(words, bytes);
  const Outcome outcome = exchange(one, bytes, 1);
  if (!outcome.replies) return false;
  const RedisReply& list = outcome.replies->front();
  if (list.kind != RedisReply::Kind::kList || list.items.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (slots_.empty()) slots_.assign(kRedisSlots, &one);
  for (const RedisReply& range : list.items) {
    if (range.items.size() < 3 || range.items[2].items.size() < 2) continue;
    const int64_t from = range.items[0].integer, to = range.items[1].integer;
    RedisServer server{.host = range.items[2].items[0].text,
                       .port = static_cast<uint16_t>(range.items[2].items[1].integer)};
    if (server.host.empty()) server.host = one.server.host;
    if (from < 0 || to >= kRedisSlots || server.port == 0) continue;
    Node& owner = node(server);
    for (int64_t slot = from; slot <= to; ++slot) slots_[static_cast<size_t>(slot)] = &owner;
  }
  return true;
}

void RedisClient::learn_slots() {
  std::vector<Node*> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [server, one] : nodes_)
      if (may_ask(*one)) all.push_back(one.get());
  }
  for (Node* const one : all)
    if (ask_slots(*one)) return;
}

// --- Sentinel ---

bool RedisClient::ask_sentinel(Node& sentinel) {
  std::string bytes;
  const std::string_view words[] = {"SENTINEL", "MASTERS"};
  append_redis_command(words, bytes);
  const Outcome outcome = exchange(sentinel, bytes, 1);
  if (!outcome.replies || outcome.replies->front().kind != RedisReply::Kind::kList) return false;
  std::vector<RedisServer> masters, others;
  for (const RedisReply& master : outcome.replies->front().items) {
    const std::string_view name = field(master, "name");
    const std::optional<RedisServer> server = server_of(master);
    if (!server || !fits(name, options_.sentinel_master)) continue;
    masters.push_back(*server);
    std::string more;
    const std::string_view replicas[] = {"SENTINEL", "SLAVES", name};
    append_redis_command(replicas, more);
    const Outcome known = exchange(sentinel, more, 1);
    if (!known.replies) continue;
    for (const RedisReply& replica : known.replies->front().items)
      if (const std::optional<RedisServer> at = server_of(replica); at && !is_down(replica))
        others.push_back(*at);
  }
  if (masters.empty()) return false;
  const std::lock_guard lock(mutex_);
  write_.clear();
  read_.clear();
  for (const RedisServer& server : masters) write_.push_back(&node(server));
  for (const RedisServer& server : others)
    if (std::ranges::find(masters, server) == masters.end()) read_.push_back(&node(server));
  read_.insert(read_.end(), write_.begin(), write_.end());
  return true;
}

// Commands of each server go together.
Result<std::vector<RedisReply>> RedisClient::run_sharded(const RedisBatch& batch, RedisUse use) {
  const size_t servers = nodes_for(use).size();
  std::map<size_t, std::vector<size_t>> groups;
  for (size_t i = 0; i < batch.size(); ++i) groups[batch.shard_of(i) % servers].push_back(i);
  std::vector<RedisReply> out(batch.size());
  for (const auto& [server, which] : groups) {
    RedisBatch part;
    part.repeatable = batch.repeatable;
    for (const size_t i : which) part.add_again(batch, i);
    bool moved = false;
    Result<std::vector<RedisReply>> replies = run_one(part, use, moved);
    if (!replies) return replies;
    if (moved) return fail("redis: servers of a Cluster are not chosen by hash:");
    for (size_t i = 0; i < which.size(); ++i) out[which[i]] = std::move((*replies)[i]);
  }
  return out;
}

void RedisClient::ask_sentinels() {
  std::vector<Node*> all;
  {
    const std::lock_guard lock(mutex_);
    const RedisDeadline now = RedisClock::now();
    if (sentinels_.empty() || sentinels_due_ > now) return;
    sentinels_due_ = now + milliseconds(options_.sentinel_watch_ms);
    for (const auto& [server, one] : sentinels_)
      if (may_ask(*one)) all.push_back(one.get());
  }
  for (Node* const one : all)
    if (ask_sentinel(*one)) return;
  const std::lock_guard lock(mutex_);
  sentinels_due_ = RedisClock::now() + kBackOffLeast;
}

Result<std::vector<RedisReply>> RedisClient::run(const RedisBatch& batch, RedisUse use) {
  if (batch.size() == 0) return std::vector<RedisReply>();
  ask_sentinels();
  if (is_cluster()) return run_cluster(batch);
  const RedisServers& servers = use == RedisUse::kRead ? options_.read : options_.write;
  if (servers.order == ServerOrder::kHash && servers.list.size() > 1)
    return run_sharded(batch, use);
  bool moved = false;
  Result<std::vector<RedisReply>> replies = run_one(batch, use, moved);
  if (!moved) return replies;
  // A cluster, as we learn now. What was answered stays; what was sent elsewhere goes there.
  learn_slots();
  if (!is_cluster()) return fail("redis: a cluster that does not tell its slots");
  RedisBatch rest;
  rest.repeatable = batch.repeatable;
  std::vector<size_t> which;
  for (size_t i = 0; i < batch.size(); ++i)
    if (redirection((*replies)[i])) {
      rest.add_again(batch, i);
      which.push_back(i);
    }
  Result<std::vector<RedisReply>> more = run_cluster(rest);
  if (!more) return more;
  for (size_t i = 0; i < which.size(); ++i) (*replies)[which[i]] = std::move((*more)[i]);
  return replies;
}

}  // namespace winnow
