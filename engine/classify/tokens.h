// What a classifier looks at: hashes of a message's features, with the kind of each. And the
// layout in which they are asked of a store and answered:
//
//   question   u8 format | u8 tokenizer | u16 user bytes | u32 n | u32 text_tokens |
//              u64 scope | n x u64 hash | n x u8 kind | user | classes
//   classes    format 1: nothing, spam and ham are meant; 2: u8 how many | each: u8 bytes, name
//   answer     for each two classes: u64 learns[first] | u64 learns[second] |
//              n x (u32 first, u32 second)
//
// All little-endian. `scope` is 0 for the statistics that all share, else the hash of a user. The
// user's name is there only where who keeps the counts names users (Redis, as Rspamd does). Of an
// odd number of classes the last has a second beside it that is all 0.
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
constexpr size_t kClassesMax = 32;     // of one question
constexpr size_t kClassNameMax = 32;   // bytes

// Whether a class may be named so: letters, digits, '_', '.' and '-', the first of them a letter.
bool is_class_name(std::string_view name);

struct TokenList {
  Tokenizer tokenizer = Tokenizer::kWinnow;
  uint64_t scope = 0;
  std::vector<uint64_t> hashes;
  std::vector<TokenKind> kinds;  // same length
  uint32_t text_tokens = 0;      // osb: those of text; they stand first
  std::string user = {};
  std::vector<std::string> classes = {};  // whose counts are asked for; empty: spam and ham

  void clear() {
    scope = 0;
    user.clear();
    classes.clear();
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

// How often a token was seen in learnt mail of each class: of spam and ham, or of two others.
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
  std::vector<TokenCounts> more = {};  // of further classes, two and two

  // Of the class with that number in TokenList::classes.
  uint64_t learnt(size_t number) const {
    const TokenCounts& pair = number < 2 ? *this : more[number / 2 - 1];
    return number % 2 == 0 ? pair.learns.spam : pair.learns.ham;
  }
  uint32_t count(size_t number, size_t token) const {
    const TokenCounts& pair = number < 2 ? *this : more[number / 2 - 1];
    return number % 2 == 0 ? pair.counts[token].spam : pair.counts[token].ham;
  }
  void set_learnt(size_t number, uint64_t learnt);
  void set_count(size_t number, size_t token, uint32_t count);
};
// Room for the answer to `tokens`, all 0.
void resize_counts(const TokenList& tokens, TokenCounts& out);
void append_token_answer(const TokenCounts& counts, std::string& out);
// False where `value` is no answer to `tokens`.
bool read_token_answer(std::string_view value, const TokenList& tokens, TokenCounts& out);

}  // namespace winnow
