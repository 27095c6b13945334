// The protocol of Redis (RESP2): commands as bytes, bytes as replies. hiredis parses; what it makes
// of the bytes is ours, so that a list of a thousand million entries is refused before there is
// memory for it. Any bytes may come: what is no reply is kBroken.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace winnow {

struct RedisReply {
  enum class Kind : uint8_t { kNil, kInteger, kText, kStatus, kError, kList };
  Kind kind = Kind::kNil;
  int64_t integer = 0;
  std::string text = {};               // kText, kStatus, kError
  std::vector<RedisReply> items = {};  // kList

  bool is_error() const { return kind == Kind::kError; }
  // A number, or text that is one; 0 for all else.
  int64_t number() const;
};

constexpr size_t kRedisItemsMax = size_t{1} << 20;   // entries of one list
constexpr size_t kRedisReplyMax = size_t{64} << 20;  // bytes of one reply

class RedisReader {
 public:
  enum class State : uint8_t { kReply, kMore, kBroken };

  RedisReader();
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  void feed(std::string_view bytes);
  // The next whole reply. Once broken, always broken.
  State next(RedisReply& out);
  std::string_view problem() const { return problem_; }

 private:
  struct Functions;

  redisReader* reader_;
  RedisReply root_;
  size_t held_ = 0;   // bytes fed since the last whole reply
  size_t items_ = 0;  // entries of lists in it
  bool broken_ = false;
  std::string problem_;
};

// Appends a command: a list of texts.
void append_redis_command(std::span<const std::string_view> words, std::string& out);

}  // namespace winnow
