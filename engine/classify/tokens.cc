#include "engine/classify/tokens.h"

#include <bit>
#include <cstring>
#include <span>

#include "engine/little_endian.h"

namespace winnow {

namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kHead = 20;

// Numbers as they stand in memory are numbers as they stand in questions and answers.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(TokenCount) == 8);

template <class Number>
void append_numbers(std::span<const Number> numbers, std::string& out) {
  out.append(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
}
// REQUIRED: so many bytes stand there.
template <class Number>
void read_numbers(const char* from, std::span<Number> to) {
  if (!to.empty()) std::memcpy(to.data(), from, to.size_bytes());
}

}  // namespace

void append_token_question(const TokenList& tokens, std::string& out) {
  const std::string_view user = std::string_view(tokens.user).substr(0, kTokenUserMax);
  out.reserve(out.size() + kHead + tokens.hashes.size() * 9 + user.size());
  append_little(out, kFormat);
  append_little(out, static_cast<uint8_t>(tokens.tokenizer));
  append_little(out, static_cast<uint16_t>(user.size()));
  append_little(out, static_cast<uint32_t>(tokens.hashes.size()));
  append_little(out, tokens.text_tokens);
  append_little(out, tokens.scope);
  append_numbers(std::span<const uint64_t>(tokens.hashes), out);
  out.append(reinterpret_cast<const char*>(tokens.kinds.data()), tokens.kinds.size());
  out += user;
}

std::optional<size_t> token_question_bytes(std::string_view bytes) {
  if (bytes.size() < kHead) return std::nullopt;
  const size_t out = kHead + read_little<uint32_t>(bytes.data() + 4) * size_t{9} +
                     read_little<uint16_t>(bytes.data() + 2);
  return out <= bytes.size() ? std::optional(out) : std::nullopt;
}

bool read_token_question(std::string_view key, TokenList& out) {
  out.clear();
  if (key.size() < kHead || key[0] != kFormat) return false;
  const auto tokenizer = static_cast<uint8_t>(key[1]);
  const auto user = read_little<uint16_t>(key.data() + 2);
  const auto n = read_little<uint32_t>(key.data() + 4);
  if (tokenizer < 1 || tokenizer > 2 || n > kTokensMax || user > kTokenUserMax ||
      key.size() != kHead + n * size_t{9} + user)
    return false;
  out.tokenizer = static_cast<Tokenizer>(tokenizer);
  out.text_tokens = read_little<uint32_t>(key.data() + 8);
  out.scope = read_little<uint64_t>(key.data() + 12);
  if (out.text_tokens > n) return false;
  out.hashes.resize(n);
  read_numbers(key.data() + kHead, std::span(out.hashes));
  const std::string_view kinds = key.substr(kHead + n * size_t{8}, n);
  out.kinds.assign(kinds.begin(), kinds.end());
  out.user = key.substr(kHead + n * size_t{9});
  return true;
}

void append_token_answer(const TokenCounts& counts, std::string& out) {
  out.reserve(out.size() + 16 + counts.counts.size() * 8);
  append_little(out, counts.learns.spam);
  append_little(out, counts.learns.ham);
  append_numbers(std::span<const TokenCount>(counts.counts), out);
}

bool read_token_answer(std::string_view value, size_t n, TokenCounts& out) {
  if (value.size() != 16 + n * 8) return false;
  out.learns = {read_little<uint64_t>(value.data()), read_little<uint64_t>(value.data() + 8)};
  out.counts.resize(n);
  read_numbers(value.data() + 16, std::span(out.counts));
  return true;
}

}  // namespace winnow
