// What a classifier looks at: hashes of a message's features, with the kind of each. And the
// layout in which they are asked of a store and answered:
//
//   question   u8 format = 1 | u8 tokenizer | u16 user bytes | u32 n | u32 text_tokens |
//              u64 scope | n x u64 hash | n x u8 kind | user
//   answer     u64 learns[spam] | u64 learns[ham] | n x (u32 spam, u32 ham)
//
// All little-endian. `scope` is 0 for the statistics that all share, else the hash of a user. The
// user's name is there only where who keeps the counts names users (Redis, as Rspamd does).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

enum class Tokenizer : uint8_t { kOsb = 1, kWinnow = 2 };

// osb: distance of the pair in the window (0: a single word).
// winnow: which part of the message it is of (FeatureKind).
using TokenKind = uint8_t;

// Question::type of token counts, of kind kStore.
constexpr uint16_t kTokenCounts = 1;
// Over it a message's further tokens are left out.
constexpr uint32_t kTokensMax = 1 << 16;
constexpr size_t kTokenUserMax = 320;  // bytes of a user's name; longer is cut

struct TokenList {
  Tokenizer tokenizer = Tokenizer::kWinnow;
  uint64_t scope = 0;
  std::vector<uint64_t> hashes;
  std::vector<TokenKind> kinds;  // same length
  uint32_t text_tokens = 0;      // osb: those of text; they stand first
  std::string user = {};

  void clear() {
    scope = 0;
    user.clear();
    hashes.clear();
    kinds.clear();
    text_tokens = 0;
  }
  bool full() const { return hashes.size() >= kTokensMax; }
  void add(uint64_t hash, TokenKind kind) {
    if (full()) return;
    hashes.push_back(hash);
    kinds.push_back(kind);
  }
};

// How often a token was seen in learnt mail of each class.
struct TokenCount {
  uint32_t spam = 0;
  uint32_t ham = 0;
  bool operator==(const TokenCount&) const = default;
};

struct LearnCount {  // learnt messages
  uint64_t spam = 0;
  uint64_t ham = 0;
  bool operator==(const LearnCount&) const = default;
};

void append_token_question(const TokenList& tokens, std::string& out);
// False where `key` is no such question.
bool read_token_question(std::string_view key, TokenList& out);

// How long the question is that `bytes` begin with, by what its head says.
std::optional<size_t> token_question_bytes(std::string_view bytes);

struct TokenCounts {
  LearnCount learns;
  std::vector<TokenCount> counts;
};
void append_token_answer(const TokenCounts& counts, std::string& out);
// False where `value` is no answer to `n` tokens.
bool read_token_answer(std::string_view value, size_t n, TokenCounts& out);

}  // namespace winnow
