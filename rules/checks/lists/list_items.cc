#include "rules/checks/lists/list_items.h"

#include <charconv>

#include "engine/mime/ip.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

void append_number(ArenaText& out, uint32_t value, int base = 10) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
  out.append({digits, static_cast<size_t>(end - digits)});
}

void append_ip(ArenaText& out, const IpAddress& ip) {
  char text[kIpTextMax];
  out.append({text, format_ip(ip, text)});
}

// Cuts what stands before the next comma.
std::string_view next_field(std::string_view& rest) {
  const size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view field = rest.substr(0, comma);
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return field;
}

template <class T>
bool read_number(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string_view pack_item(const ListItem& item, Arena& arena) {
  ArenaText out(arena);
  out.push(static_cast<char>(item.kind));
  out.push(',');
  switch (item.kind) {
    case ItemKind::kReceived:
      for (const uint32_t one : {item.position, item.count, uint32_t{item.flags}}) {
        append_number(out, one);
        out.push(',');
      }
      [[fallthrough]];
    case ItemKind::kFrom:
      append_ip(out, item.ip);
      break;
    case ItemKind::kUrl:
      append_number(out, item.urls);
      out.push(',');
      out.append(item.host);
      out.push(',');
      out.append(item.domain);
      break;
    case ItemKind::kEmail:
    case ItemKind::kReplyTo:
      out.append(item.host);
      out.push(',');
      out.append(item.domain);
      out.push(',');
      out.append(item.user);
      break;
    case ItemKind::kSelector:
      append_number(out, item.selector, 16);
      out.push(',');
      [[fallthrough]];
    default:
      out.append(item.host);
  }
  return out.finish();
}

std::optional<ListItem> unpack_item(std::string_view text) {
  if (text.size() < 2 || text[1] != ',') return std::nullopt;
  ListItem item;
  item.kind = static_cast<ItemKind>(text[0]);
  std::string_view rest = text.substr(2);
  switch (item.kind) {
    case ItemKind::kReceived:
      if (!read_number(next_field(rest), item.position) ||
          !read_number(next_field(rest), item.count) || !read_number(next_field(rest), item.flags))
        return std::nullopt;
      [[fallthrough]];
    case ItemKind::kFrom: {
      const std::optional<IpAddress> ip = parse_ip(rest);
      if (!ip) return std::nullopt;
      item.ip = *ip;
      return item;
    }
    case ItemKind::kUrl:
      if (!read_number(next_field(rest), item.urls)) return std::nullopt;
      item.host = next_field(rest);
      item.domain = rest;
      if (item.urls & static_cast<uint8_t>(UrlKind::kNumeric))
        if (const std::optional<IpAddress> ip = parse_ip(item.host)) item.ip = *ip;
      return item;
    case ItemKind::kEmail:
    case ItemKind::kReplyTo:
      item.host = next_field(rest);
      item.domain = next_field(rest);
      item.user = rest;
      return item;
    case ItemKind::kSelector:
      if (!read_number(next_field(rest), item.selector, 16)) return std::nullopt;
      item.host = rest;
      return item;
    case ItemKind::kHelo:
    case ItemKind::kRdns:
      item.host = rest;
      return item;
    case ItemKind::kDkim:
      break;
  }
  return std::nullopt;
}

void remove_aliases(std::string_view& user, std::string_view& host, Arena& arena) {
  char* const to = arena.alloc_bytes(user.size() + host.size());
  size_t size = 0;
  for (const char c : host) to[size++] = lower_ascii(c);
  host = {to, size};
  const bool gmail = host == "gmail.com" || host == "googlemail.com";
  char* const begin = to + size;
  size = 0;
  for (const char c : user) {
    if (c == '+' && size > 0) break;
    if (c == '.' && gmail) continue;
    begin[size++] = lower_ascii(c);
  }
  user = {begin, size};
  if (gmail) host = "gmail.com";
}

}  // namespace winnow
