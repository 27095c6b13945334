#include "pipeline/learn/record.h"

#include <algorithm>
#include <cstring>

#include "engine/little_endian.h"

namespace winnow {

namespace {

constexpr size_t kHead = 52;

}  // namespace

void append_record(const LearnRecord& record, std::string& out) {
  const std::string_view who = std::string_view(record.who).substr(0, kLearnWhoMax);
  const std::string_view symbols = std::string_view(record.symbols).substr(0, 1 << 16);
  out.reserve(out.size() + kHead + who.size() + record.tokens.size() + symbols.size());
  append_little(out, static_cast<uint8_t>(record.kind));
  append_little(out, static_cast<uint8_t>(record.label));
  append_little(out, static_cast<uint16_t>(who.size()));
  append_little(out, static_cast<uint32_t>(record.tokens.size()));
  append_little(out, static_cast<uint32_t>(symbols.size()));
  append_little(out, record.time_ms);
  append_little(out, record.scope);
  append_little(out, static_cast<uint64_t>(record.tokenizer));
  out.append(reinterpret_cast<const char*>(record.digest.data()), record.digest.size());
  out.append(who).append(record.tokens).append(symbols);
}

bool read_record(std::string_view bytes, LearnRecord& out) {
  if (bytes.size() < kHead || bytes.size() > kLearnRecordMax) return false;
  const auto kind = read_little<uint8_t>(bytes.data()),
             label = read_little<uint8_t>(bytes.data() + 1);
  const auto who = read_little<uint16_t>(bytes.data() + 2);
  const auto tokens = read_little<uint32_t>(bytes.data() + 4),
             symbols = read_little<uint32_t>(bytes.data() + 8);
  const auto tokenizer = read_little<uint64_t>(bytes.data() + 28);
  if (kind < 1 || kind > 2 || label < 1 || label > 2 || tokenizer < 1 || tokenizer > 2 ||
      bytes.size() != kHead + uint64_t{who} + tokens + symbols)
    return false;
  out.kind = static_cast<LearnKind>(kind);
  out.label = static_cast<LearnLabel>(label);
  out.time_ms = read_little<int64_t>(bytes.data() + 12);
  out.scope = read_little<uint64_t>(bytes.data() + 20);
  out.tokenizer = static_cast<Tokenizer>(tokenizer);
  std::memcpy(out.digest.data(), bytes.data() + 36, out.digest.size());
  out.who = bytes.substr(kHead, who);
  out.tokens = bytes.substr(kHead + who, tokens);
  out.symbols = bytes.substr(kHead + who + tokens, symbols);
  if (out.kind == LearnKind::kForget && out.tokens.empty()) return true;
  TokenList list;
  return read_token_question(out.tokens, list) && list.tokenizer == out.tokenizer &&
         list.scope == out.scope;
}

}  // namespace winnow
