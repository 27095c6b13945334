#include "engine/classify/tokens.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "engine/little_endian.h"

namespace winnow {

namespace {

constexpr uint8_t kFormat = 1, kFormatWithClasses = 2;
constexpr size_t kHead = 20;

size_t pairs_of(const TokenList& tokens) {
  return std::max<size_t>(1, (tokens.classes.size() + 1) / 2);
}

// What stands at the end of a question; false where it is none.
bool read_classes(std::string_view bytes, std::vector<std::string>& out) {
  if (bytes.empty()) return false;
  const auto n = static_cast<uint8_t>(bytes[0]);
  if (n == 0 || n > kClassesMax) return false;
  bytes.remove_prefix(1);
  for (size_t i = 0; i < n; ++i) {
    if (bytes.empty()) return false;
    const auto size = static_cast<uint8_t>(bytes[0]);
    if (bytes.size() < size_t{1} + size || !is_class_name(bytes.substr(1, size))) return false;
    out.emplace_back(bytes.substr(1, size));
    bytes.remove_prefix(size_t{1} + size);
  }
  return bytes.empty();
}

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

// REQUIRED: no user and no classes in `out`; what else is there is written over.
bool read_question(std::string_view key, TokenList& out) {
  if (key.size() < kHead || (key[0] != kFormat && key[0] != kFormatWithClasses)) return false;
  const auto tokenizer = static_cast<uint8_t>(key[1]);
  const auto user = read_little<uint16_t>(key.data() + 2);
  const auto n = read_little<uint32_t>(key.data() + 4);
  if (tokenizer < 1 || tokenizer > 2 || n > kTokensMax || user > kTokenUserMax ||
      key.size() < kHead + n * size_t{9} + user)
    return false;
  const std::string_view rest = key.substr(kHead + n * size_t{9} + user);
  if (key[0] == kFormat ? !rest.empty() : !read_classes(rest, out.classes)) return false;
  out.tokenizer = static_cast<Tokenizer>(tokenizer);
  out.text_tokens = read_little<uint32_t>(key.data() + 8);
  out.scope = read_little<uint64_t>(key.data() + 12);
  if (out.text_tokens > n) return false;
  out.hashes.resize(n);
  read_numbers(key.data() + kHead, std::span(out.hashes));
  const std::string_view kinds = key.substr(kHead + n * size_t{8}, n);
  out.kinds.resize(n);
  read_numbers(kinds.data(), std::span(out.kinds));
  out.user = key.substr(kHead + n * size_t{9}, user);
  return true;
}

}  // namespace

void append_token_question(const TokenList& tokens, std::string& out) {
  const std::string_view user = std::string_view(tokens.user).substr(0, kTokenUserMax);
  out.reserve(out.size() + kHead + tokens.hashes.size() * 9 + user.size());
  append_little(out, tokens.classes.empty() ? kFormat : kFormatWithClasses);
  append_little(out, static_cast<uint8_t>(tokens.tokenizer));
  append_little(out, static_cast<uint16_t>(user.size()));
  append_little(out, static_cast<uint32_t>(tokens.hashes.size()));
  append_little(out, tokens.text_tokens);
  append_little(out, tokens.scope);
  append_numbers(std::span<const uint64_t>(tokens.hashes), out);
  out.append(reinterpret_cast<const char*>(tokens.kinds.data()), tokens.kinds.size());
  out += user;
  if (tokens.classes.empty()) return;
  append_little(out, static_cast<uint8_t>(tokens.classes.size()));
  for (const std::string& name : tokens.classes) {
    append_little(out, static_cast<uint8_t>(name.size()));
    out += name;
  }
}

std::optional<size_t> token_question_bytes(std::string_view bytes) {
  if (bytes.size() < kHead) return std::nullopt;
  size_t out = kHead + read_little<uint32_t>(bytes.data() + 4) * size_t{9} +
               read_little<uint16_t>(bytes.data() + 2);
  if (bytes[0] == kFormatWithClasses && out < bytes.size()) {
    auto n = static_cast<uint8_t>(bytes[out++]);
    for (; n > 0 && out < bytes.size(); --n) out += size_t{1} + static_cast<uint8_t>(bytes[out]);
    if (n > 0) return std::nullopt;
  }
  return out <= bytes.size() ? std::optional(out) : std::nullopt;
}

bool read_token_question(std::string_view key, TokenList& out) {
  out.user.clear();
  out.classes.clear();
  if (read_question(key, out)) return true;
  out.clear();
  return false;
}

bool is_class_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (name.empty() || name.size() > kClassNameMax || !letter(name[0])) return false;
  return std::ranges::all_of(name, [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

void TokenCounts::set_learnt(size_t number, uint64_t learnt) {
  LearnCount& pair = number < 2 ? learns : more[number / 2 - 1].learns;
  (number % 2 == 0 ? pair.spam : pair.ham) = learnt;
}
void TokenCounts::set_count(size_t number, size_t token, uint32_t count) {
  TokenCount& pair = number < 2 ? counts[token] : more[number / 2 - 1].counts[token];
  (number % 2 == 0 ? pair.spam : pair.ham) = count;
}

void resize_counts(const TokenList& tokens, TokenCounts& out) {
  out.learns = {};
  out.counts.assign(tokens.hashes.size(), {});
  out.more.assign(pairs_of(tokens) - 1, {.learns = {}, .counts = out.counts});
}

void append_token_answer(const TokenCounts& counts, std::string& out) {
  out.reserve(out.size() + 16 + counts.counts.size() * 8);
  append_little(out, counts.learns.spam);
  append_little(out, counts.learns.ham);
  append_numbers(std::span<const TokenCount>(counts.counts), out);
  for (const TokenCounts& pair : counts.more) append_token_answer(pair, out);
}

bool read_token_answer(std::string_view value, const TokenList& tokens, TokenCounts& out) {
  const size_t n = tokens.hashes.size(), bytes = 16 + n * 8, pairs = pairs_of(tokens);
  if (value.size() != pairs * bytes) return false;
  out.more.resize(pairs - 1);
  for (size_t i = 0; i < pairs; ++i, value.remove_prefix(bytes)) {
    TokenCounts& pair = i == 0 ? out : out.more[i - 1];
    pair.learns = {read_little<uint64_t>(value.data()), read_little<uint64_t>(value.data() + 8)};
    pair.counts.resize(n);
    read_numbers(value.data() + 16, std::span(pair.counts));
  }
  return true;
}

}  // namespace winnow
