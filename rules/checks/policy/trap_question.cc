#include "rules/checks/policy/trap_question.h"

#include <algorithm>

#include "engine/ascii.h"

namespace winnow {

std::array<std::string_view, 3> trap_names(std::string_view recipient, std::string& room) {
  const size_t at = recipient.rfind('@');
  const auto is_control = [](char c) { return static_cast<uint8_t>(c) < 0x20; };
  if (at == std::string_view::npos || at == 0 || at + 1 == recipient.size() ||
      recipient.size() > kTrapAddressMax || std::ranges::any_of(recipient, is_control))
    return {};
  room.assign(recipient);
  std::ranges::transform(room, room.begin(), lower_ascii);
  const size_t size = room.size(), plus = room.find('+');
  const bool tagged = plus > 0 && plus < at;
  if (tagged) room.append(room, 0, plus).append(room, at, size - at);
  const std::string_view text(room);
  return {text.substr(0, size), text.substr(size), text.substr(at, size - at)};
}

void write_trap_question(std::string_view prefix, std::span<const std::string_view> recipients,
                         std::string& out) {
  thread_local std::string room;
  out.assign(prefix);
  size_t names = 0, domain_at = 0, domain_size = 0;  // the last domain, in `out`
  const auto add = [&](std::string_view name) {
    if (name.empty() || names == kTrapNamesMax) return;
    ++names;
    (out += '\n') += name;
  };
  for (const std::string_view recipient : recipients) {
    const auto [address, untagged, domain] = trap_names(recipient, room);
    add(address);
    add(untagged);
    // Recipients of one message are mostly neighbours.
    if (domain == std::string_view(out).substr(domain_at, domain_size)) continue;
    add(domain);
    domain_at = out.size() - domain.size();
    domain_size = domain.size();
  }
  if (names == 0) out.clear();
}

std::string_view next_trap_line(std::string_view& question) {
  const size_t end = std::min(question.find('\n'), question.size());
  const std::string_view line = question.substr(0, end);
  question.remove_prefix(std::min(end + 1, question.size()));
  return line;
}

}  // namespace winnow
