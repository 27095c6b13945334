// Short texts put together for a symbol's option, without heap; what does not fit is cut.
#pragma once

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string_view>

namespace winnow {

class OptionText {
 public:
  OptionText(std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) add(part);
  }
  OptionText& add(std::string_view part) {
    const size_t n = std::min(part.size(), sizeof bytes_ - size_);
    std::copy_n(part.data(), n, bytes_ + size_);
    size_ += n;
    return *this;
  }
  OptionText& add(uint32_t number) {
    char digits[12];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return add({digits, static_cast<size_t>(end - digits)});
  }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  char bytes_[640];  // two names of DNS and words around them
  size_t size_ = 0;
};

}  // namespace winnow
