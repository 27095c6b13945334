// The question whether recipients are spam traps that Redis knows: QuestionKind::kStore of type
// kTrapNames. What is asked is a text, so that it is recorded like any other question:
//   PREFIX LF NAME LF NAME …
// A name is an address in lower case, or "@" and a domain; a key in Redis is the prefix and a name,
// and whatever its value is, it means a trap. The answer is the first name that is there.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace winnow {

constexpr uint16_t kTrapNames = 24;
constexpr size_t kTrapNamesMax = 2'000;  // of one question; who stands behind them is not asked of
constexpr size_t kTrapAddressMax = 320;  // bytes; longer is no address (RFC 5321 4.5.3.1)

// What a recipient is looked up as: its address in lower case, the same without its +tag (empty
// where it has none), "@" and its domain. All empty where it is no address. Views into `room`.
std::array<std::string_view, 3> trap_names(std::string_view recipient, std::string& room);

// Replaces `out` by the question; leaves it empty where no recipient is an address. REQUIRED: the
// prefix has no line feed.
void write_trap_question(std::string_view prefix, std::span<const std::string_view> recipients,
                         std::string& out);

// Takes the next line off a question: its prefix first, then each name.
std::string_view next_trap_line(std::string_view& question);

}  // namespace winnow
