#include "rules/config/nearest.h"

#include <algorithm>
#include <vector>

#include "engine/ascii.h"

namespace winnow {

unsigned edit_distance(std::string_view a, std::string_view b, unsigned limit) {
  constexpr size_t kNameMax = 128;
  const size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap > limit || a.size() > kNameMax || b.size() > kNameMax) return limit + 1;
  const auto fold = [](char c) { return c == '-' || c == ' ' ? '_' : lower_ascii(c); };
  std::vector<unsigned> two(b.size() + 1), one(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) one[j] = static_cast<unsigned>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<unsigned>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = fold(a[i - 1]) == fold(b[j - 1]);
      row[j] = std::min({one[j] + 1, row[j - 1] + 1, one[j - 1] + (same ? 0u : 1u)});
      if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
        row[j] = std::min(row[j], two[j - 2] + 1);
    }
    two.swap(one);
    one.swap(row);
  }
  return std::min(one[b.size()], limit + 1);
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  constexpr size_t kLongName = 6;  // of short ones anything holds anything
  const auto holds = [&](std::string_view one) {
    return name.size() >= kLongName && one.find(name) != one.npos;
  };
  std::string_view best;
  unsigned least = std::max(1u, static_cast<unsigned>(name.size() / 3)) + 1;
  for (std::string_view candidate : known) {
    if (candidate == name) continue;
    const unsigned distance = edit_distance(name, candidate, least);
    // Of equally near ones that which only adds something: SPF_FAIL is R_SPF_FAIL.
    if (distance < least ||
        (distance == least && !best.empty() && holds(candidate) && !holds(best))) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
  const std::string_view near = nearest_name(name, known);
  if (near.empty()) return {};
  return "Did you mean \"" + std::string(near) + "\"?";
}

}  // namespace winnow
