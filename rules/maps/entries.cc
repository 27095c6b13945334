#include "rules/maps/entries.h"

#include <charconv>

#include "engine/ascii.h"
#include "engine/mime/ip.h"

namespace winnow {

namespace {

constexpr std::string_view kBlanks = " \t\v\f";
constexpr bool is_blank(char c) { return kBlanks.find(c) != kBlanks.npos; }

std::string_view trim(std::string_view text) { return trimmed(text, kBlanks); }

constexpr bool is_flag(char c) {
  return std::string_view("imsxurOLATSoHXBRMPQCDU").find(c) != std::string_view::npos;
}
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The value: up to a comment.
std::string_view value_of(std::string_view rest) {
  rest = trim(rest);
  if (rest.starts_with('#')) return {};
  for (size_t i = 1; i < rest.size(); ++i)
    if (rest[i] == '#' && is_blank(rest[i - 1])) return trim(rest.substr(0, i));
  return rest;
}

}  // namespace

size_t pattern_end(std::string_view text) {
  size_t at = 1;
  char close = '/';
  if (text.size() > 2 && text[0] == 'm' && std::string_view("!#%@{").find(text[1]) != text.npos) {
    close = text[1] == '{' ? '}' : text[1];
    at = 2;
  } else if (!text.starts_with('/')) {
    return 0;
  }
  // People write slashes in patterns without escaping them: the pattern ends at the first
  // delimiter that only flags follow.
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == close) {
      size_t end = at + 1;
      while (end < text.size() && is_flag(text[end])) ++end;
      if (end == text.size() || is_blank(text[end])) return end;
      at = end - 1;
    }
  }
  return 0;
}

std::string_view MapLines::quoted_key(std::string_view line, size_t& end, bool& unclosed) {
  size_t at = 1;
  bool escaped = false;
  while (at < line.size() && line[at] != '"') {
    if (line[at] == '\\' && at + 1 < line.size()) {
      escaped = true;
      ++at;
    }
    ++at;
  }
  unclosed = at >= line.size();
  const std::string_view inside = line.substr(1, at - 1);
  end = unclosed ? line.size() : at + 1;
  if (!escaped) return inside;
  unescaped_.clear();
  for (size_t i = 0; i < inside.size(); ++i) {
    const bool drops = inside[i] == '\\' && i + 1 < inside.size() &&
                       (inside[i + 1] == '"' || inside[i + 1] == '\\');
    unescaped_ += inside[drops ? ++i : i];
  }
  return unescaped_;
}

bool MapLines::read_line(std::string_view line, MapLine& entry) {
  line = trim(line);
  if (line.empty() || line[0] == '#') return false;
  size_t end = 0;
  entry.unclosed = false;
  if (line[0] == '"') {
    entry.key = quoted_key(line, end, entry.unclosed);
  } else {
    end = pattern_end(line);
    if (end == 0)
      while (end < line.size() && !is_blank(line[end])) ++end;
    entry.key = line.substr(0, end);
  }
  entry.value = value_of(line.substr(end));
  entry.line = line_;
  return !entry.key.empty();
}

bool MapLines::next(MapLine& entry) {
  while (at_ < text_.size()) {
    size_t end = text_.find_first_of("\r\n", at_);
    if (end == std::string_view::npos) end = text_.size();
    const std::string_view line = text_.substr(at_, end - at_);
    at_ = end + 1;
    if (end + 1 < text_.size() && text_[end] == '\r' && text_[end + 1] == '\n') ++at_;
    ++line_;
    if (read_line(line, entry)) return true;
  }
  return false;
}

std::optional<MapNetwork> parse_network(std::string_view text) {
  std::string_view mask;
  if (const size_t slash = text.find('/'); slash != text.npos) {
    mask = text.substr(slash + 1);
    text = text.substr(0, slash);
    if (text.starts_with('[') && mask.ends_with(']')) {
      text.remove_prefix(1);
      mask.remove_suffix(1);
    }
    if (mask.empty()) return std::nullopt;
  }
  const std::optional<IpAddress> ip = parse_ip(text);
  if (!ip) return std::nullopt;
  // ::ffff:192.0.2.0/120 is 192.0.2.0/24.
  const bool mapped = ip->family == 4 && text.find(':') != text.npos;
  const unsigned all = ip->family == 4 ? 32 : 128;
  MapNetwork network{*ip, all};
  if (mask.empty()) return network;
  const auto [end, error] = std::from_chars(mask.data(), mask.data() + mask.size(), network.bits);
  if (error != std::errc() || end != mask.data() + mask.size()) return std::nullopt;
  if (mapped) {
    if (network.bits < 96) return std::nullopt;
    network.bits -= 96;
  }
  if (network.bits > all) return std::nullopt;
  return network;
}

std::string glob_regex(std::string_view glob) {
  std::string out;
  for (const char c : glob) {
    if (c == '*') {
      if (!out.ends_with(".*")) out += ".*";
    } else if (c == '?') {
      out += '.';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      const bool plain = byte > 127 || is_letter(c) || (c >= '0' && c <= '9') || c == '_';
      if (!plain) out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace winnow
