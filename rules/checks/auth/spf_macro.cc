#include "rules/checks/auth/spf_macro.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace winnow {

namespace {

// A name has 253 bytes; what is longer with macros is written to cost, not to be asked.
constexpr size_t kDomainSpecBytesMax = 512;
constexpr std::string_view kDelimiters = ".-+,/_=";

struct Macro {
  char letter = 0;  // lower case; '%', '_' and '-' for the escapes
  bool upper = false;
  bool reverse = false;
  uint32_t parts = 0;  // rightmost parts that are kept; 0 = all
  std::string_view delimiters = ".";
};

// Reads the macro at text[at] == '%' and moves behind it.
bool read_macro(std::string_view text, size_t& at, Macro& macro) {
  macro = {};
  if (++at >= text.size()) return false;
  if (text[at] == '%' || text[at] == '_' || text[at] == '-') {
    macro.letter = text[at++];
    return true;
  }
  if (text[at++] != '{' || at >= text.size()) return false;
  macro.letter = lower_ascii(text[at]);
  macro.upper = macro.letter != text[at++];
  if (std::string_view("slodiphvcrt").find(macro.letter) == std::string_view::npos) return false;
  const size_t digits = at;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    macro.parts = std::min(macro.parts * 10 + static_cast<uint32_t>(text[at] - '0'), 10'000u);
  if (at > digits && macro.parts == 0) return false;
  if (at < text.size() && lower_ascii(text[at]) == 'r') macro.reverse = true, ++at;
  const size_t delimiters = at;
  while (at < text.size() && kDelimiters.find(text[at]) != std::string_view::npos) ++at;
  if (at > delimiters) macro.delimiters = text.substr(delimiters, at - delimiters);
  return at < text.size() && text[at++] == '}';
}

// Calls literal(c) and macro(m) in order; false where the text breaks the grammar. `blanks`: they
// may stand in it, too.
template <class L, class M>
bool walk(std::string_view text, L literal, M macro, bool blanks = false) {
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '%') {
      Macro one;
      if (!read_macro(text, at, one) || !macro(one)) return false;
    } else {
      if ((text[at] < '!' || text[at] > '~') && !(blanks && text[at] == ' ')) return false;
      literal(text[at++]);
    }
  }
  return true;
}

// The first bytes of a text.
class Head {
 public:
  void push(char c) {
    if (text.size() < kSpfExplanationMax) text += c;
    printable &= c >= ' ' && c <= '~';
  }
  std::string text;
  bool printable = true;
};

// The last bytes of a text that grows at its end: what is cut away on the left would be cut anyway.
class Tail {
 public:
  void push(char c) {
    if (size_ == sizeof bytes_) {
      std::memmove(bytes_, bytes_ + sizeof bytes_ / 2, sizeof bytes_ / 2);
      size_ = sizeof bytes_ / 2;
      cut_ = true;
    }
    bytes_[size_++] = c;
  }
  // Its last labels that fit into a name.
  std::string_view labels() const {
    std::string_view text(bytes_, size_);
    if (text.ends_with('.')) text.remove_suffix(1);
    bool cut = cut_;
    while (cut || text.size() > DnsName::kBytesMax) {
      const size_t dot = text.find('.');
      if (dot == std::string_view::npos) return {};
      text.remove_prefix(dot + 1);
      cut = false;
    }
    return text;
  }

 private:
  char bytes_[1024];
  size_t size_ = 0;
  bool cut_ = false;
};

template <class Out>
void push_value(Out& out, std::string_view text, bool escape) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved = "-._~";
  for (const char c : text) {
    const bool plain = (lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z') || (c >= '0' && c <= '9') ||
                       kUnreserved.find(c) != std::string_view::npos;
    if (escape && !plain) {
      out.push('%');
      out.push(kHex[static_cast<uint8_t>(c) >> 4u]);
      out.push(kHex[static_cast<uint8_t>(c) & 15u]);
    } else {
      out.push(c);
    }
  }
}

// Splits at the delimiters, reverses, keeps the rightmost parts, joins with dots (7.3).
template <class Out>
void push_transformed(Out& out, std::string_view value, const Macro& macro) {
  const auto is_end = [&](size_t i) {
    return i == value.size() || macro.delimiters.find(value[i]) != std::string_view::npos;
  };
  uint32_t count = 1;
  for (size_t i = 0; i < value.size(); ++i) count += is_end(i);
  const uint32_t keep = macro.parts == 0 ? count : std::min(macro.parts, count);
  if (!macro.reverse) {
    uint32_t part = 0;
    size_t begin = 0;
    for (size_t i = 0; i <= value.size(); ++i) {
      if (!is_end(i)) continue;
      if (part >= count - keep) {
        push_value(out, value.substr(begin, i - begin), macro.upper);
        if (i < value.size()) out.push('.');
      }
      begin = i + 1;
      ++part;
    }
    return;
  }
  // Reversed: the first parts of the value are the rightmost of the result.
  uint32_t part = count;
  size_t end = value.size();
  for (size_t i = value.size() + 1; i-- > 0;) {
    if (i > 0 && !is_end(i - 1)) continue;
    --part;
    if (part < keep) {
      push_value(out, value.substr(i, end - i), macro.upper);
      if (part > 0) out.push('.');
    }
    end = i > 0 ? i - 1 : 0;
  }
}

// IPv4 dotted, IPv6 as 32 nibbles with dots; `to` holds 64 bytes.
std::string_view address_text(const IpAddress& ip, char* to) {
  if (ip.family == 4) return {to, format_ip(ip, to)};
  constexpr std::string_view kHex = "0123456789abcdef";
  size_t n = 0;
  for (int i = 0; i < 16; ++i) {
    to[n++] = kHex[ip.bytes[i] >> 4u];
    to[n++] = '.';
    to[n++] = kHex[ip.bytes[i] & 15u];
    to[n++] = '.';
  }
  return {to, n - 1};
}

template <class Out>
void push_macro(Out& out, const Macro& macro, const SpfMacroValues& values) {
  char address[64];
  switch (macro.letter) {
    case '%':
      return out.push('%');
    case '_':
      return out.push(' ');
    case '-':
      return push_value(out, "%20", false);
    case 'l':
      return push_transformed(out, values.sender_local.substr(0, 255), macro);
    case 'o':
      return push_transformed(out, values.sender_domain.substr(0, 255), macro);
    case 'd':
      return push_transformed(out, values.domain, macro);
    case 'h':
      return push_transformed(out, values.helo.substr(0, 255), macro);
    case 'p':
      return push_transformed(out, values.validated, macro);
    case 'v':
      return push_transformed(out, values.ip.family == 4 ? "in-addr" : "ip6", macro);
    case 'i':
      return push_transformed(out, address_text(values.ip, address), macro);
    case 'c':
      return push_transformed(out, std::string_view(address, format_ip(values.ip, address)), macro);
    case 'r':
      return push_transformed(out, values.receiver.substr(0, 255), macro);
    case 't': {
      char* const end = std::to_chars(address, address + sizeof address, values.now_s).ptr;
      return push_transformed(out, {address, static_cast<size_t>(end - address)}, macro);
    }
    default: {  // s
      // An address is at most 64 + 1 + 253 bytes; what is longer is no sender of anything.
      char sender[512];
      const size_t local = std::min(values.sender_local.size(), size_t{255});
      const size_t domain = std::min(values.sender_domain.size(), size_t{255});
      std::copy_n(values.sender_local.data(), local, sender);
      sender[local] = '@';
      std::copy_n(values.sender_domain.data(), domain, sender + local + 1);
      push_transformed(out, {sender, local + 1 + domain}, macro);
    }
  }
}

}  // namespace

bool is_macro_string(std::string_view text) {
  return walk(
      text, [](char) {}, [](const Macro&) { return true; });
}

bool is_domain_spec(std::string_view text) {
  bool ends_in_macro = false;
  const bool good = walk(
      text, [&](char) { ends_in_macro = false; },
      [&](const Macro& macro) {
        ends_in_macro = true;
        return macro.letter != 'c' && macro.letter != 'r' && macro.letter != 't';
      });
  if (!good || text.empty() || text.size() > kDomainSpecBytesMax) return false;
  if (ends_in_macro) return true;
  if (text.ends_with('.')) text.remove_suffix(1);
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view top = text.substr(dot + 1);
  if (top.empty() || top.front() == '-' || top.back() == '-') return false;
  bool all_digits = true;
  for (const char c : top) {
    const bool digit = c >= '0' && c <= '9';
    const char l = lower_ascii(c);
    if (!digit && c != '-' && (l < 'a' || l > 'z')) return false;
    all_digits &= digit;
  }
  return !all_digits;
}

bool uses_validated_name(std::string_view text) {
  bool uses = false;
  walk(
      text, [](char) {},
      [&](const Macro& macro) {
        uses |= macro.letter == 'p';
        return true;
      },
      true);
  return uses;
}

DnsName expand_domain_spec(std::string_view text, const SpfMacroValues& values) {
  Tail out;
  walk(
      text, [&](char c) { out.push(c); },
      [&](const Macro& macro) {
        push_macro(out, macro, values);
        return true;
      });
  return DnsName(out.labels());
}

std::string expand_explanation(std::string_view text, const SpfMacroValues& values) {
  Head out;
  const bool good = walk(
      text, [&](char c) { out.push(c); },
      [&](const Macro& macro) {
        push_macro(out, macro, values);
        return true;
      },
      true);
  return good && out.printable ? out.text : std::string();
}

}  // namespace winnow
