// Greylisting as a question: QuestionKind::kTake of type kGreylistTake. What is known of a
// message's body and of who sends what to whom is told, and in the same step noted, by rules that
// asker and answerer share (judge_greylist). What is asked is a text, so that it is recorded like
// any other question:
//   NOW_S TIMEOUT_S EXPIRE_S BODY META PREFIX
// BODY and META are the 20 letters that Rspamd's keys end in; the keys are PREFIX "b" BODY and
// PREFIX "m" META.
// The answer is two values, what was known of the body and of the rest before: the Unix time at
// which it was first seen, or nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/batch.h"

namespace winnow {

constexpr uint16_t kGreylistTake = 1;
constexpr size_t kGreylistKeyLetters = 20;

struct GreylistTake {
  int64_t now_s = 0;  // Unix time, of the message
  uint32_t timeout_s = 300, expire_s = 86'400;
  std::string body, meta;  // letters
  std::string prefix = "rg";

  // Of the body and of the rest, as a store names them.
  std::array<std::string, 2> keys() const { return {prefix + 'b' + body, prefix + 'm' + meta}; }
};

std::string write_greylist_take(const GreylistTake& take);
// None where the text is no such question.
std::optional<GreylistTake> read_greylist_take(std::string_view text);

// What is left of BLAKE2b-512 in 20 letters of Rspamd's base32.
class GreylistDigest {
 public:
  static constexpr size_t kBytes = kGreylistKeyLetters * 5 / 8 + 1;
  explicit GreylistDigest(std::string_view bytes);
  std::string_view view() const { return {bytes_.data(), kBytes}; }
  std::string letters() const { return letters(view()); }
  // Of what view() gave.
  static std::string letters(std::string_view digest);

 private:
  std::array<char, kBytes> bytes_;
};
// What META is made of: the sender ("<>" where none was said), the recipients, sorted by their
// bytes, and the network of the client (nothing where it is not known), without anything between
// them. Addresses lose their +tag, Gmail's their dots too, and are of gmail.com.
std::string greylist_meta(const Envelope& envelope, std::span<const std::string_view> recipients,
                          unsigned ipv4_bits, unsigned ipv6_bits);
// What BODY is made of: what follows the header block, with the line break of the empty line, the
// first `bytes_max` bytes of it.
std::string_view greylist_body(std::string_view raw, size_t body_offset, size_t bytes_max);

enum class GreylistState : uint8_t { kNew, kEarly, kPassed };
struct GreylistSeen {
  GreylistState state = GreylistState::kNew;
  bool by_body = false;  // kPassed: its body had waited; else who sends it had
  int64_t until_s = 0;   // kNew, kEarly: Unix time from which it passes
};
// A body that is known decides; where it is not, who sends it. Values that are no times count as
// not known.
GreylistSeen judge_greylist(std::string_view body, std::string_view meta, int64_t now_s,
                            uint32_t timeout_s);

}  // namespace winnow
