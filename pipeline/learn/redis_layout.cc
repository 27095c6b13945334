#include "pipeline/learn/redis_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/crypt/base32.h"
#include "engine/crypt/digest.h"
#include "engine/little_endian.h"

namespace winnow {

std::string redis_learn_id(const TokenList& tokens) {
  std::string bytes = tokens.user;
  for (const uint64_t hash : tokens.hashes) append_little(bytes, hash);
  return base32_encode(Digest(DigestKind::kBlake2b512, bytes).view());
}

std::string redis_statistics_key(const RedisLayout& layout, std::string_view base,
                                 std::string_view user) {
  std::string out;
  const std::string_view form = layout.prefix;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '%' || i + 1 == form.size()) {
      out += form[i];
      continue;
    }
    switch (form[++i]) {
      case 's':
        out += base;
        break;
      case 'l':
        out += layout.label;
        break;
      case 'r':
      case 'u':
        out += user;
        break;
      default:
        (out += '%') += form[i];
    }
  }
  return out;
}

std::string redis_key_of(const RedisLayout& layout, const TokenList& tokens) {
  return redis_statistics_key(layout, tokens.tokenizer == Tokenizer::kOsb ? "RS" : "WN",
                              tokens.user);
}

RedisLayout::Class redis_class_of(const RedisLayout& layout, std::string_view name) {
  const auto found = std::ranges::find(layout.classes, name, &RedisLayout::Class::name);
  if (found != layout.classes.end()) return *found;
  const std::string_view field = name == "spam" ? "S" : name == "ham" ? "H" : name;
  return {std::string(name), fmt::format("BAYES_{}", name), std::string(field)};
}

std::vector<std::string> redis_classes_of(const TokenList& tokens) {
  return tokens.classes.empty() ? std::vector<std::string>{"spam", "ham"} : tokens.classes;
}

uint32_t redis_count(int64_t count) {
  return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, UINT32_MAX));
}

bool redis_refuses(const RedisReply& reply, Error& error) {
  if (!reply.is_error()) return false;
  error = {.what = fmt::format("redis: {}", reply.text)};
  return true;
}

}  // namespace winnow
