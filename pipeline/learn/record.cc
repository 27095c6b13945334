#include "pipeline/learn/record.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/little_endian.h"

namespace winnow {

namespace {

constexpr size_t kHead = 52;
constexpr uint8_t kSpamByte = 1, kHamByte = 2, kNamedByte = 3;

// Named at the end of a record; empty for those that have a byte of their own.
std::string_view named(const LearnRecord& record) {
  const bool own = record.kind != LearnKind::kLearn || record.label == LearnLabel::kSpam ||
                   record.label == LearnLabel::kHam;
  return own ? std::string_view() : record.label.name();
}

bool split_counts(std::string_view bytes, TokenList& tokens, TokenCounts& counts) {
  const std::optional<size_t> question = token_question_bytes(bytes);
  return question && read_token_question(bytes.substr(0, *question), tokens) &&
         read_token_answer(bytes.substr(*question), tokens, counts);
}

}  // namespace

void read_counts(const LearnRecord& record, TokenList& tokens, TokenCounts& counts) {
  if (!split_counts(record.tokens, tokens, counts)) tokens.clear(), counts = {};
}

LearnRecord make_counts_record(const TokenList& tokens, const TokenCounts& counts) {
  LearnRecord out;
  out.kind = LearnKind::kCounts;
  out.tokenizer = tokens.tokenizer;
  out.scope = tokens.scope;
  append_token_question(tokens, out.tokens);
  append_token_answer(counts, out.tokens);
  const XXH128_hash_t digest = XXH3_128bits(out.tokens.data(), out.tokens.size());
  std::memcpy(out.digest.data(), &digest, out.digest.size());
  return out;
}

void append_record(const LearnRecord& record, std::string& out) {
  const std::string_view who = std::string_view(record.who).substr(0, kLearnWhoMax);
  const std::string_view symbols = std::string_view(record.symbols).substr(0, 1 << 16);
  const std::string_view name = named(record);
  out.reserve(out.size() + kHead + who.size() + record.tokens.size() + symbols.size() +
              name.size());
  append_little(out, static_cast<uint8_t>(record.kind));
  append_little(out, !name.empty()                      ? kNamedByte
                     : record.label == LearnLabel::kHam ? kHamByte
                                                        : kSpamByte);
  append_little(out, static_cast<uint16_t>(who.size()));
  append_little(out, static_cast<uint32_t>(record.tokens.size()));
  append_little(out, static_cast<uint32_t>(symbols.size()));
  append_little(out, record.time_ms);
  append_little(out, record.scope);
  append_little(out, static_cast<uint64_t>(record.tokenizer) | uint64_t{name.size()} << 8);
  out.append(reinterpret_cast<const char*>(record.digest.data()), record.digest.size());
  out.append(who).append(record.tokens).append(symbols).append(name);
}

bool read_record(std::string_view bytes, LearnRecord& out) {
  if (bytes.size() < kHead || bytes.size() > kLearnRecordMax) return false;
  const auto kind = read_little<uint8_t>(bytes.data()),
             label = read_little<uint8_t>(bytes.data() + 1);
  const auto who = read_little<uint16_t>(bytes.data() + 2);
  const auto tokens = read_little<uint32_t>(bytes.data() + 4),
             symbols = read_little<uint32_t>(bytes.data() + 8);
  const auto last = read_little<uint64_t>(bytes.data() + 28);
  const auto tokenizer = static_cast<uint8_t>(last);
  const uint64_t name = last >> 8;
  if (kind < 1 || kind > 3 || label < 1 || label > 3 || tokenizer < 1 || tokenizer > 2 ||
      name > kClassNameMax || (label == kNamedByte) != (name > 0) ||
      bytes.size() != kHead + uint64_t{who} + tokens + symbols + name)
    return false;
  out.kind = static_cast<LearnKind>(kind);
  out.label = label == kHamByte ? LearnLabel::kHam : LearnLabel::kSpam;
  if (name > 0) {
    const auto given = LearnLabel::of(bytes.substr(bytes.size() - name));
    if (!given || out.kind != LearnKind::kLearn) return false;
    out.label = *given;
    if (named(out).empty()) return false;
  }
  out.time_ms = read_little<int64_t>(bytes.data() + 12);
  out.scope = read_little<uint64_t>(bytes.data() + 20);
  out.tokenizer = static_cast<Tokenizer>(tokenizer);
  std::memcpy(out.digest.data(), bytes.data() + 36, out.digest.size());
  out.who = bytes.substr(kHead, who);
  out.tokens = bytes.substr(kHead + who, tokens);
  out.symbols = bytes.substr(kHead + who + tokens, symbols);
  if (out.kind == LearnKind::kForget && out.tokens.empty()) return true;
  TokenList list;
  TokenCounts counts;
  if (out.kind == LearnKind::kCounts)
    return split_counts(out.tokens, list, counts) && list.tokenizer == out.tokenizer &&
           list.scope == out.scope;
  return read_token_question(out.tokens, list) && list.tokenizer == out.tokenizer &&
         list.scope == out.scope;
}

}  // namespace winnow
