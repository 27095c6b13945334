#include "engine/classify/tokens.h"

#include <cstring>

namespace winnow {

namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kHead = 20;

template <class Number>
void put(std::string& out, Number value) {
  char bytes[sizeof value];
  for (size_t i = 0; i < sizeof value; ++i)
    bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
  out.append(bytes, sizeof value);
}

template <class Number>
Number get(std::string_view bytes, size_t at) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Number); ++i)
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  return static_cast<Number>(value);
}

}  // namespace

void append_token_question(const TokenList& tokens, std::string& out) {
  out.reserve(out.size() + kHead + tokens.hashes.size() * 9);
  put(out, kFormat);
  put(out, static_cast<uint8_t>(tokens.tokenizer));
  put<uint16_t>(out, 0);
  put(out, static_cast<uint32_t>(tokens.hashes.size()));
  put(out, tokens.text_tokens);
  put(out, tokens.scope);
  for (const uint64_t hash : tokens.hashes) put(out, hash);
  out.append(reinterpret_cast<const char*>(tokens.kinds.data()), tokens.kinds.size());
}

bool read_token_question(std::string_view key, TokenList& out) {
  out.clear();
  if (key.size() < kHead || key[0] != kFormat) return false;
  const auto tokenizer = static_cast<uint8_t>(key[1]);
  const auto n = get<uint32_t>(key, 4);
  if (tokenizer < 1 || tokenizer > 2 || n > kTokensMax || key.size() != kHead + n * size_t{9})
    return false;
  out.tokenizer = static_cast<Tokenizer>(tokenizer);
  out.text_tokens = get<uint32_t>(key, 8);
  out.scope = get<uint64_t>(key, 12);
  if (out.text_tokens > n) return false;
  out.hashes.resize(n);
  for (uint32_t i = 0; i < n; ++i) out.hashes[i] = get<uint64_t>(key, kHead + i * size_t{8});
  const std::string_view kinds = key.substr(kHead + n * size_t{8});
  out.kinds.assign(kinds.begin(), kinds.end());
  return true;
}

void append_token_answer(const TokenCounts& counts, std::string& out) {
  out.reserve(out.size() + 16 + counts.counts.size() * 8);
  put(out, counts.learns.spam);
  put(out, counts.learns.ham);
  for (const TokenCount& count : counts.counts) {
    put(out, count.spam);
    put(out, count.ham);
  }
}

bool read_token_answer(std::string_view value, size_t n, TokenCounts& out) {
  if (value.size() != 16 + n * 8) return false;
  out.learns = {get<uint64_t>(value, 0), get<uint64_t>(value, 8)};
  out.counts.resize(n);
  for (size_t i = 0; i < n; ++i)
    out.counts[i] = {get<uint32_t>(value, 16 + i * 8), get<uint32_t>(value, 20 + i * 8)};
  return true;
}

}  // namespace winnow
