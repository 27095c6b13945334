// DNS names while a judge builds them: a fixed place, no heap.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/evidence.h"
#include "engine/mime/ip.h"
#include "rules/checks/text.h"

namespace winnow {

namespace rr {  // RFC 1035 3.2.2, RFC 3596
constexpr uint16_t kA = 1, kPtr = 12, kMx = 15, kTxt = 16, kAaaa = 28;
}

// A name as questions want it: lower case, no trailing dot.
class DnsName {
 public:
  static constexpr size_t kBytesMax = 253;

  DnsName() = default;
  // Empty where `text` is no name that DNS can hold (RFC 1035 2.3.4): labels of 1 to 63 bytes,
  // 253 in all.
  explicit DnsName(std::string_view text) { append(text), close(); }

  void append(std::string_view text) {
    if (text.size() > bytes_.size() - size_) {
      broken_ = true;
      return;
    }
    for (const char c : text) bytes_[size_++] = lower_ascii(c);
  }
  // Checks what was appended; an impossible name becomes empty.
  void close() {
    if (size_ > 0 && bytes_[size_ - 1] == '.') --size_;
    size_t label = 0;
    for (size_t i = 0; i <= size_; ++i) {
      if (i < size_ && bytes_[i] != '.') {
        if (++label > 63) broken_ = true;
      } else {
        if (label == 0) broken_ = true;
        label = 0;
      }
    }
    if (size_ > kBytesMax || broken_) size_ = 0;
    broken_ = false;
  }
  std::string_view view() const { return {bytes_.data(), size_}; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<char, kBytesMax + 2> bytes_;
  size_t size_ = 0;
  bool broken_ = false;
};

// The address in reverse, as PTR records and lists are asked: "1.2.0.192" or 32 nibbles.
inline void append_reversed(const IpAddress& ip, DnsName& name) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int i = 15; i >= (ip.family == 4 ? 12 : 0); --i) {
    if (i < 15) name.append(".");
    if (ip.family == 4) {
      char digits[4];
      const auto end = std::to_chars(digits, digits + sizeof digits, ip.bytes[i]).ptr;
      name.append({digits, static_cast<size_t>(end - digits)});
    } else {
      const char nibbles[3] = {kHex[ip.bytes[i] & 15u], '.', kHex[ip.bytes[i] >> 4u]};
      name.append({nibbles, 3});
    }
  }
}

inline DnsName reversed_under(const IpAddress& ip, std::string_view zone) {
  DnsName name;
  append_reversed(ip, name);
  name.append(".");
  name.append(zone);
  name.close();
  return name;
}

// The name whose PTR record says what `ip` is called (RFC 1035 3.5, RFC 3596 2.5).
inline DnsName reverse_name(const IpAddress& ip) {
  return reversed_under(ip, ip.family == 4 ? "in-addr.arpa" : "ip6.arpa");
}

// Nobody was there to be asked: nothing failed, and no check says that something did. The verdict's
// list of what is unknown says it.
inline bool is_unasked(const Answer& answer) {
  return answer.state == AnswerState::kUnknown && answer.reason == UnknownReason::kNoTable;
}

}  // namespace winnow
