#include "pipeline/lookup/store/redis_reply.h"

#include <fmt/format.h>
#include <hiredis/read.h>

#include <charconv>

namespace winnow {

using Kind = RedisReply::Kind;

int64_t RedisReply::number() const {
  if (kind == Kind::kInteger) return integer;
  int64_t value = 0;
  if (kind == Kind::kText) std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// hiredis calls these for each value of a reply; `task` says where in its list it stands. A null
// pointer stops it: "out of memory".
struct RedisReader::Functions {
  static RedisReader& self(const redisReadTask* task) {
    return *static_cast<RedisReader*>(task->privdata);
  }
  static RedisReply* place(const redisReadTask* task) {
    if (!task->parent) return &self(task).root_;
    return &static_cast<RedisReply*>(task->parent->obj)->items[static_cast<size_t>(task->idx)];
  }
  static void* text(const redisReadTask* task, char* bytes, size_t size) {
    RedisReply* const to = place(task);
    to->kind = task->type == REDIS_REPLY_ERROR    ? Kind::kError
               : task->type == REDIS_REPLY_STATUS ? Kind::kStatus
                                                  : Kind::kText;
    to->text.assign(bytes, size);
    return to;
  }
  static void* list(const redisReadTask* task, int count) {
    RedisReader& reader = self(task);
    if (count < 0 || static_cast<size_t>(count) > kRedisItemsMax - reader.items_) return nullptr;
    reader.items_ += static_cast<size_t>(count);
    RedisReply* const to = place(task);
    to->kind = Kind::kList;
    to->items.resize(static_cast<size_t>(count));
    return to;
  }
  static void* integer(const redisReadTask* task, long long value) {
    RedisReply* const to = place(task);
    to->kind = Kind::kInteger;
    to->integer = value;
    return to;
  }
  static void* nil(const redisReadTask* task) {
    RedisReply* const to = place(task);
    to->kind = Kind::kNil;
    return to;
  }
  static redisReplyObjectFunctions* all() {
    static redisReplyObjectFunctions functions{text, list, integer, nil, nullptr};
    return &functions;
  }
};

RedisReader::RedisReader() : reader_(redisReaderCreateWithFunctions(Functions::all())) {
  reader_->privdata = this;
}

RedisReader::~RedisReader() { redisReaderFree(reader_); }

void RedisReader::feed(std::string_view bytes) {
  if (broken_ || bytes.empty()) return;
  held_ += bytes.size();
  broken_ = redisReaderFeed(reader_, bytes.data(), bytes.size()) != REDIS_OK;
}

RedisReader::State RedisReader::next(RedisReply& out) {
  if (broken_) return State::kBroken;
  void* reply = nullptr;
  if (redisReaderGetReply(reader_, &reply) != REDIS_OK) {
    broken_ = true;
    problem_ = reader_->err == REDIS_ERR_OOM
                   ? fmt::format("a list of more than {} entries", kRedisItemsMax)
                   : std::string(reader_->errstr);
    return State::kBroken;
  }
  if (!reply) {
    if (reader_->len - reader_->pos <= kRedisReplyMax && held_ <= 2 * kRedisReplyMax)
      return State::kMore;
    broken_ = true;
    problem_ = fmt::format("a reply of more than {} bytes", kRedisReplyMax);
    return State::kBroken;
  }
  out = std::move(root_);
  root_ = {};
  items_ = 0;
  held_ = reader_->len - reader_->pos;
  return State::kReply;
}

void append_redis_command(std::span<const std::string_view> words, std::string& out) {
  const auto number = [&](char mark, size_t value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out += mark;
    out.append(text, end).append("\r\n");
  };
  number('*', words.size());
  for (const std::string_view word : words) {
    number('$', word.size());
    out.append(word).append("\r\n");
  }
}

}  // namespace winnow
