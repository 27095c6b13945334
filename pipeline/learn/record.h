// One line of the learning log: that a message was learnt as spam or ham, that it is to be
// forgotten, or that counts were taken over from elsewhere (kCounts: `tokens` is a token question
// and then the answer to it, `digest` that of both). No text of the message: its tokens as hashes,
// in the layout of the question that the classifier asks (engine/classify/tokens.h).
//
//   u8 kind | u8 label | u16 who bytes | u32 tokens bytes | u32 symbols bytes | i64 time_ms |
//   u64 scope | u8 tokenizer | 7 x 0 | 16 x digest | who | tokens | symbols     (little-endian)
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/classify/tokens.h"

namespace winnow {

enum class LearnKind : uint8_t { kLearn = 1, kForget = 2, kCounts = 3 };
enum class LearnLabel : uint8_t { kSpam = 1, kHam = 2 };

constexpr std::string_view label_name(LearnLabel label) {
  return label == LearnLabel::kSpam ? "spam" : "ham";
}

using LearnDigest = std::array<uint8_t, 16>;  // engine/hash/message_digest.h

struct LearnRecord {
  LearnKind kind = LearnKind::kLearn;
  LearnLabel label = LearnLabel::kSpam;
  Tokenizer tokenizer = Tokenizer::kWinnow;
  int64_t time_ms = 0;
  uint64_t scope = 0;  // whose statistics; 0: those that all share
  LearnDigest digest{};
  std::string who = {};      // who said so: "learn", "controller", "autolearn" …
  std::string tokens = {};   // a token question; may be empty where kind is kForget
  std::string symbols = {};  // that the message had, with blanks between

  bool operator==(const LearnRecord&) const = default;
};

constexpr size_t kLearnWhoMax = 255;         // bytes; longer is cut
constexpr size_t kLearnRecordMax = 4 << 20;  // bytes of a record

// What a record of counts brings. REQUIRED: read_record() made it, or make_counts_record().
void read_counts(const LearnRecord& record, TokenList& tokens, TokenCounts& counts);
// A record of counts; time and who are the caller's. REQUIRED: a count for each token.
LearnRecord make_counts_record(const TokenList& tokens, const TokenCounts& counts);

void append_record(const LearnRecord& record, std::string& out);
// False where `bytes` is no record.
bool read_record(std::string_view bytes, LearnRecord& out);

}  // namespace winnow
