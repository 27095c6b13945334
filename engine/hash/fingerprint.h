// A 64-bit hash over a sequence of values, each framed by its length: equal sequences only.
#pragma once

#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace winnow {

class Fingerprint {
 public:
  void add(std::string_view text) {
    value_ = XXH3_64bits_withSeed(text.data(), text.size(), value_ + text.size());
  }
  void add(const char* text) { add(std::string_view(text)); }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void add(Number number) {
    add(std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
};

}  // namespace winnow
