#include "pipeline/lookup/hosts.h"

#include <algorithm>

#include "engine/ascii.h"
#include "engine/mime/ip.h"

namespace winnow {

namespace {

constexpr uint16_t kA = 1, kAaaa = 28;

std::string_view cut_word(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

void HostTable::add(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::optional<IpAddress> ip = parse_ip(cut_word(line));
    if (!ip) continue;
    char bytes[kIpTextMax];
    const std::string address(bytes, format_ip(*ip, bytes));
    for (std::string_view word = cut_word(line); !word.empty(); word = cut_word(line)) {
      if (word.ends_with('.')) word.remove_suffix(1);
      std::vector<std::string>& addresses = names_[lowered(word)][ip->family == 4 ? 0 : 1];
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
  }
}

const std::vector<std::string>* HostTable::find(std::string_view name, uint16_t type) const {
  if (type != kA && type != kAaaa) return nullptr;
  const auto found = names_.find(name);
  if (found == names_.end()) return nullptr;
  const std::vector<std::string>& addresses = found->second[type == kA ? 0 : 1];
  return addresses.empty() ? nullptr : &addresses;
}

}  // namespace winnow
