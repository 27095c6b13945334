// One line of the learning log: that a message was learnt as spam, ham or another class, that it is
// to be forgotten, or that counts were taken over from elsewhere (kCounts: `tokens` is a token
// question and then the answer to it, `digest` that of both). No text of the message: its tokens as
// hashes, in the layout of the question that the classifier asks (engine/classify/tokens.h).
//
//   u8 kind | u8 label | u16 who bytes | u32 tokens bytes | u32 symbols bytes | i64 time_ms |
//   u64 scope | u8 tokenizer | u8 class bytes | 6 x 0 | 16 x digest | who | tokens | symbols |
//   class                                                                       (little-endian)
//
// label is 1 for spam, 2 for ham, 3 for the class that is named at the end; the others name none.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/classify/tokens.h"

namespace winnow {

enum class LearnKind : uint8_t { kLearn = 1, kForget = 2, kCounts = 3 };

// The class of a learnt message: spam, ham or another that the site has.
class LearnLabel {
 public:
  static const LearnLabel kSpam, kHam;

  constexpr LearnLabel() : LearnLabel("spam") {}
  // Nothing where no class may be named so (is_class_name()).
  static std::optional<LearnLabel> of(std::string_view name) {
    if (!is_class_name(name)) return std::nullopt;
    return LearnLabel(name);
  }
  constexpr std::string_view name() const { return {name_.data(), size_}; }
  constexpr auto operator<=>(const LearnLabel&) const = default;

 private:
  constexpr explicit LearnLabel(std::string_view name) : size_(static_cast<uint8_t>(name.size())) {
    for (size_t i = 0; i < name.size(); ++i) name_[i] = name[i];
  }
  std::array<char, kClassNameMax> name_{};
  uint8_t size_ = 0;
};
inline constexpr LearnLabel LearnLabel::kSpam{"spam"};
inline constexpr LearnLabel LearnLabel::kHam{"ham"};

using LearnDigest = std::array<uint8_t, 16>;  // engine/hash/message_digest.h

struct LearnRecord {
  LearnKind kind = LearnKind::kLearn;
  LearnLabel label = LearnLabel::kSpam;  // where kind is kLearn
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
