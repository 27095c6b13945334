// Redis or Valkey, one server, several, behind Sentinel, or a Cluster: commands go in as one
// pipeline, replies come out, whoever is asked.
//
// Blocks the thread that asks, at most the time-out for each server that is tried; so who may not
// wait asks from a thread of his own (pipeline/learn/redis_statistics.h does, for all messages that
// wait at once). Sockets are not on the loop of the front ends: `winnow scan` and `learn` have
// none, and the interface of a store waits for its answer anyway.
//
// A server that fails is left out for a time that doubles with each failure; then one caller tries
// it, the others still pass it over. Where all are left out the answer is an error at once: nobody
// waits for a Redis that is known to be away.
//
// Cluster: the first MOVED says that it is one. From then on each command goes to the node of its
// key's slot, in one pipeline a node; MOVED and ASK are followed.
#pragma once

#include <array>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/lookup/store/redis_connection.h"

namespace winnow {

constexpr uint16_t kRedisSlots = 16384;
// What a key's slot is found by: what is between { and }, else all of it.
std::string_view redis_slot_text(std::string_view key);
// CRC16 of that.
uint16_t redis_slot(std::string_view key);

class RedisBatch {
 public:
  // Sent twice it does the same as once: it may be sent again where it is not known whether it
  // came.
  bool repeatable = false;

  // Whose data the commands that follow are about: with servers in the order kHash all of one name
  // go to one server.
  void shard(std::string_view name);
  // `key`: what the command is about; empty: any server will do.
  void add(std::string_view key, std::span<const std::string_view> words) {
    begins_.push_back(bytes_.size());
    slots_.push_back(key.empty() ? kRedisSlots : redis_slot(key));
    shards_.push_back(shard_);
    append_redis_command(words, bytes_);
  }
  void add(std::string_view key, std::initializer_list<std::string_view> words) {
    add(key, std::span(words.begin(), words.size()));
  }
  // Command i of another batch.
  void add_again(const RedisBatch& from, size_t i) {
    begins_.push_back(bytes_.size());
    slots_.push_back(from.slots_[i]);
    shards_.push_back(from.shards_[i]);
    bytes_ += from.command(i);
  }
  size_t size() const { return begins_.size(); }
  std::string_view bytes() const { return bytes_; }
  std::string_view command(size_t i) const {
    const size_t end = i + 1 < begins_.size() ? begins_[i + 1] : bytes_.size();
    return std::string_view(bytes_).substr(begins_[i], end - begins_[i]);
  }
  uint16_t slot(size_t i) const { return slots_[i]; }  // kRedisSlots: none
  uint64_t shard_of(size_t i) const { return shards_[i]; }

 private:
  std::string bytes_;
  std::vector<size_t> begins_;
  std::vector<uint16_t> slots_;
  std::vector<uint64_t> shards_;
  uint64_t shard_ = 0;
};

enum class RedisUse : uint8_t { kRead, kWrite };

class RedisClient {
 public:
  // Errors: certificates or keys that cannot be used. Nobody is connected to yet.
  static Result<std::unique_ptr<RedisClient>> make(const RedisOptions& options);
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // replies[i] is that of command i; it may be an error of that command alone. Errors: nobody
  // answered all of it; a batch that is not repeatable may have been carried out. Thread-safe.
  Result<std::vector<RedisReply>> run(const RedisBatch& batch, RedisUse use);
  // Whether keys belong to slots of different servers, as far as is known. Thread-safe.
  bool is_cluster() const;
  // Of each master of a Cluster a key that it would have, in order of their slots; none where there
  // is no Cluster. For commands that are of a server and not of a key. Thread-safe.
  std::vector<std::string> keys_of_masters() const;
  const RedisOptions& options() const { return options_; }

 private:
  struct Node;
  struct Outcome {
    std::optional<std::vector<RedisReply>> replies;
    Error error;        // where there are none
    bool sent = false;  // some of it may have been carried out
  };

  explicit RedisClient(const RedisOptions& options);
  Node& node(const RedisServer& server);
  std::vector<Node*> nodes_for(RedisUse use);
  Node* choose(const std::vector<Node*>& from, ServerOrder order, std::span<Node* const> tried);
  bool may_ask(Node& one);
  void failed(Node& one, const Error& error);
  Error all_out(const std::vector<Node*>& nodes) const;
  Outcome exchange(Node& one, std::string_view bytes, size_t count);
  Result<std::unique_ptr<RedisConnection>> take(Node& one, RedisDeadline deadline);
  void give_back(Node& one, std::unique_ptr<RedisConnection> connection, bool good);
  Result<std::vector<RedisReply>> run_sharded(const RedisBatch& batch, RedisUse use);
  Result<std::vector<RedisReply>> run_one(const RedisBatch& batch, RedisUse use, bool& moved);
  class ClusterRun;
  Result<std::vector<RedisReply>> run_cluster(const RedisBatch& batch);
  void learn_slots();
  bool ask_slots(Node& one);
  void ask_sentinels();
  bool ask_sentinel(Node& sentinel);

  const RedisOptions options_, sentinel_options_;
  std::shared_ptr<const RedisTls> tls_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable free_;
  std::map<RedisServer, std::unique_ptr<Node>> nodes_, sentinels_;
  std::vector<Node*> read_, write_;
  size_t turn_ = 0;
  uint64_t chance_;
  std::vector<Node*> slots_;  // by slot; empty: no cluster
  RedisDeadline sentinels_due_{};
};

}  // namespace winnow
