#include "rules/checks/lists/return_codes.h"

#include <fmt/format.h>

#include <charconv>

namespace winnow {

namespace {

std::string regex_of_glob(std::string_view glob) {
  std::string out = "\\A";
  for (const char c : glob) {
    if (c == '*')
      out += ".*";
    else if (c == '?')
      out += '.';
    else if (std::string_view("\\.+()|{}^$").find(c) != std::string_view::npos)
      out += {'\\', c};
    else
      out += c;
  }
  return out + "\\z";
}

}  // namespace

bool ReturnCodes::read_address(std::string_view text, uint32_t& number) {
  number = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t byte = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), byte);
    const auto size = static_cast<size_t>(end - text.data());
    if (error != std::errc() || byte > 255 || size > 3) return false;
    number = number << 8 | byte;
    text.remove_prefix(size);
    if (i == 3) return text.empty();
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
  }
  return false;
}

std::vector<std::pair<uint32_t, uint32_t>> ReturnCodes::ranges() const {
  std::vector<std::pair<uint32_t, uint32_t>> out;
  for (const Code& one : codes_)
    if (!one.pattern.valid()) out.emplace_back(one.low, one.high);
  return out;
}

bool ReturnCodes::matches(const Code& code, std::string_view address, uint32_t number) {
  if (!code.pattern.valid()) return number >= code.low && number <= code.high;
  thread_local RegexScratch scratch;
  return code.pattern.find(scratch, address) == Find::kFound;
}

Result<void> ReturnCodes::add_bits(uint64_t bits, uint32_t symbol) {
  if (bits == 0 || bits > UINT32_MAX)
    return fail(fmt::format("{} is no set of bits of an address", bits));
  bits_.push_back({static_cast<uint32_t>(bits), symbol});
  return {};
}

Result<void> ReturnCodes::add_code(std::string_view text, CodeMatcher matcher, uint32_t symbol) {
  Code code;
  code.symbol = symbol;
  if (matcher == CodeMatcher::kEquality && text.find_first_of("%[") != std::string_view::npos)
    matcher = CodeMatcher::kLuaPattern;
  if (matcher == CodeMatcher::kEquality || matcher == CodeMatcher::kRadix) {
    const size_t dash = text.find('-'), slash = text.find('/');
    if (!read_address(text.substr(0, std::min(dash, slash)), code.low))
      return fail(fmt::format("\"{}\" is no IPv4 address, range or network", text));
    code.high = code.low;
    if (slash != std::string_view::npos) {
      uint32_t bits = 0;
      const std::string_view given = text.substr(slash + 1);
      const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), bits);
      if (error != std::errc() || end != given.data() + given.size() || bits > 32)
        return fail(fmt::format("\"{}\": a network has 0 to 32 bits", text));
      const uint32_t rest = bits == 0 ? UINT32_MAX : bits == 32 ? 0 : (1u << (32 - bits)) - 1;
      code.low &= ~rest;
      code.high = code.low | rest;
    } else if (dash != std::string_view::npos &&
               (!read_address(text.substr(dash + 1), code.high) || code.high < code.low)) {
      return fail(
          fmt::format("\"{}\": a range ends with an address that is not before its first", text));
    }
    codes_.push_back(std::move(code));
    return {};
  }
  std::string pattern(text);
  if (matcher == CodeMatcher::kLuaPattern) {
    Result<std::string> made = regex_of_lua_pattern(text);
    if (!made) return fail(made.error());
    pattern = std::move(*made);
  } else if (matcher == CodeMatcher::kGlob) {
    pattern = regex_of_glob(text);
  } else if (pattern.size() > 1 && pattern.starts_with('/') && pattern.ends_with('/')) {
    pattern = pattern.substr(1, pattern.size() - 2);
  }
  Result<Regex> regex = Regex::compile(pattern, 0);
  if (!regex) return fail(regex.error().what);
  code.pattern = std::move(*regex);
  codes_.push_back(std::move(code));
  return {};
}

Result<std::string> regex_of_lua_pattern(std::string_view pattern) {
  std::string out = "\\A";
  bool in_set = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '%' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      switch (next) {
        case 'd':
          out += "0-9";
          if (!in_set) out.insert(out.size() - 3, "["), out += ']';
          break;
        case 'a':
          out += in_set ? "A-Za-z" : "[A-Za-z]";
          break;
        case 'w':
          out += in_set ? "A-Za-z0-9" : "[A-Za-z0-9]";
          break;
        case 'x':
          out += in_set ? "A-Fa-f0-9" : "[A-Fa-f0-9]";
          break;
        default:
          if ((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
              (next >= '0' && next <= '9'))
            return fail(fmt::format("%{} of a Lua pattern means nothing in an address", next));
          out += {'\\', next};
      }
    } else if (in_set) {
      in_set = c != ']';
      out += c;
    } else if (c == '[') {
      in_set = true;
      out += c;
    } else if (c == '-') {
      out += "*?";
    } else if (c == '(' || c == ')') {
      return fail("captures of a Lua pattern mean nothing in an address");
    } else if (std::string_view("\\{}|").find(c) != std::string_view::npos) {
      out += {'\\', c};
    } else if ((c == '^' && i == 0) || (c == '$' && i + 1 == pattern.size())) {
      continue;
    } else {
      out += c;  // '.', '*', '+', '?' mean the same
    }
  }
  if (in_set) return fail("a set of a Lua pattern does not end");
  return out + "\\z";
}

}  // namespace winnow
