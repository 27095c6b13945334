// Addresses of names that no server is asked about: files like /etc/hosts (hosts(5)).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

class HostTable {
 public:
  static constexpr size_t kFileBytesMax = 16 << 20;

  // Adds the lines of one file: an address, then its names; # begins a comment. What is no such
  // line is passed over, as resolvers do.
  void add(std::string_view text);
  // The addresses of a name in lower case, for type A or AAAA; null where there are none of it.
  const std::vector<std::string>* find(std::string_view name, uint16_t type) const;
  bool empty() const { return names_.empty(); }
  bool operator==(const HostTable&) const = default;

 private:
  std::map<std::string, std::array<std::vector<std::string>, 2>, std::less<>> names_;  // v4, v6
};

}  // namespace winnow
