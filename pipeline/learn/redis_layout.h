// Names and values in Redis that both who counts and who learns needs (redis_statistics.h has the
// layout).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/lookup/store/redis_client.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

// Of `tokens`, as Rspamd names what was learnt: 103 letters.
std::string redis_learn_id(const TokenList& tokens);
// KEY of a user ("" for those that share); `base` is RS or WN.
std::string redis_statistics_key(const RedisLayout& layout, std::string_view base,
                                 std::string_view user);
// KEY of whom a message's tokens are of.
std::string redis_key_of(const RedisLayout& layout, const TokenList& tokens);
// How a class stands in Redis. One that the site has no more, of which something is to be taken
// away, is as it would be without a label.
RedisLayout::Class redis_class_of(const RedisLayout& layout, std::string_view name);
// Classes whose counts a question asks for.
std::vector<std::string> redis_classes_of(const TokenList& tokens);
uint32_t redis_count(int64_t number);
// Whether Redis says no; then what it said.
bool redis_refuses(const RedisReply& reply, Error& error);

}  // namespace winnow
