#include "pipeline/learn/record.h"

#include <algorithm>
#include <cstring>

namespace winnow {

namespace {

constexpr size_t kHead = 52;

template <class Number>
void put(std::string& out, Number value) {
  for (size_t i = 0; i < sizeof value; ++i)
    out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
}

template <class Number>
Number get(std::string_view bytes, size_t at) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Number); ++i)
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  return static_cast<Number>(value);
}

}  // namespace

void append_record(const LearnRecord& record, std::string& out) {
  const std::string_view who = std::string_view(record.who).substr(0, kLearnWhoMax);
  const std::string_view symbols = std::string_view(record.symbols).substr(0, 1 << 16);
  out.reserve(out.size() + kHead + who.size() + record.tokens.size() + symbols.size());
  put(out, static_cast<uint8_t>(record.kind));
  put(out, static_cast<uint8_t>(record.label));
  put(out, static_cast<uint16_t>(who.size()));
  put(out, static_cast<uint32_t>(record.tokens.size()));
  put(out, static_cast<uint32_t>(symbols.size()));
  put(out, record.time_ms);
  put(out, record.scope);
  put(out, static_cast<uint64_t>(record.tokenizer));
  out.append(reinterpret_cast<const char*>(record.digest.data()), record.digest.size());
  out.append(who).append(record.tokens).append(symbols);
}

bool read_record(std::string_view bytes, LearnRecord& out) {
  if (bytes.size() < kHead || bytes.size() > kLearnRecordMax) return false;
  const auto kind = get<uint8_t>(bytes, 0), label = get<uint8_t>(bytes, 1);
  const auto who = get<uint16_t>(bytes, 2);
  const auto tokens = get<uint32_t>(bytes, 4), symbols = get<uint32_t>(bytes, 8);
  const auto tokenizer = get<uint64_t>(bytes, 28);
  if (kind < 1 || kind > 2 || label < 1 || label > 2 || tokenizer < 1 || tokenizer > 2 ||
      bytes.size() != kHead + uint64_t{who} + tokens + symbols)
    return false;
  out.kind = static_cast<LearnKind>(kind);
  out.label = static_cast<LearnLabel>(label);
  out.time_ms = get<int64_t>(bytes, 12);
  out.scope = get<uint64_t>(bytes, 20);
  out.tokenizer = static_cast<Tokenizer>(tokenizer);
  std::memcpy(out.digest.data(), bytes.data() + 36, out.digest.size());
  out.who = bytes.substr(kHead, who);
  out.tokens = bytes.substr(kHead + who, tokens);
  out.symbols = bytes.substr(kHead + who + tokens, symbols);
  if (out.kind == LearnKind::kForget) return out.tokens.empty();
  TokenList list;
  return read_token_question(out.tokens, list) && list.tokenizer == out.tokenizer &&
         list.scope == out.scope;
}

}  // namespace winnow
