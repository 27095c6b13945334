// What the answers of a DNS list mean: symbols by address or by bit (RFC 5782 2.1; facts/lists.md).
//
//   returncodes { SYMBOL = ["127.0.0.2", "127.0.0.4-127.0.0.7", "127.0.1.0/24", "127%.0%.%d+%.3"] }
//   returnbits  { SYMBOL = [8, 16] }
//
// An address, a range of addresses, a network; with '%' or '[' in it, or where the matcher is
// luapattern, a Lua pattern over the whole dotted address; matchers glob and regexp likewise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/match/regex.h"
#include "engine/result.h"

namespace winnow {

enum class CodeMatcher : uint8_t { kEquality, kLuaPattern, kRadix, kRegexp, kGlob };

class ReturnCodes {
 public:
  // `symbol`: any number, given back by match().
  Result<void> add_code(std::string_view text, CodeMatcher matcher, uint32_t symbol);
  Result<void> add_bits(uint64_t bits, uint32_t symbol);
  bool empty() const { return codes_.empty() && bits_.empty(); }
  bool has_bits() const { return !bits_.empty(); }
  // First and last addresses of codes that are no patterns.
  std::vector<std::pair<uint32_t, uint32_t>> ranges() const;

  // Calls f(symbol) for each symbol that the dotted address means, each once a call; true where
  // there was one. Bits, where there are any, are all that is looked at.
  template <class F>
  bool match(std::string_view address, F f) const {
    uint32_t number = 0;
    if (!read_address(address, number)) return false;
    bool some = false;
    uint32_t last = UINT32_MAX;  // codes of one symbol stand together
    for (const Bits& one : bits_) {
      if ((number & one.bits) != one.bits || one.symbol == last) continue;
      f(last = one.symbol);
      some = true;
    }
    if (has_bits()) return some;
    for (const Code& one : codes_) {
      if (one.symbol == last || !matches(one, address, number)) continue;
      f(last = one.symbol);
      some = true;
    }
    return some;
  }

  // Four decimal numbers of 0 to 255, as DNS answers are written; the first is the highest byte.
  static bool read_address(std::string_view text, uint32_t& number);

 private:
  struct Code {
    uint32_t low = 1, high = 0;  // empty where there is a pattern
    Regex pattern = {};
    uint32_t symbol = 0;
  };
  struct Bits {
    uint32_t bits, symbol;
  };
  static bool matches(const Code& code, std::string_view address, uint32_t number);

  std::vector<Code> codes_;
  std::vector<Bits> bits_;
};

// The Lua pattern as one of PCRE2, anchored at both ends. Errors: %b, %f and captures, which mean
// nothing for addresses.
Result<std::string> regex_of_lua_pattern(std::string_view pattern);

}  // namespace winnow
