// The nearest known name to one that is unknown: "did you mean".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace winnow {

// Edits (insert, delete, replace, swap of neighbours; case and - for _ are free) between a and b;
// more than `limit` is given as limit + 1.
unsigned edit_distance(std::string_view a, std::string_view b, unsigned limit);

// The nearest of `known` within a third of the length (at least one edit); empty if none.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

// "Did you mean \"x\"?", or empty.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

}  // namespace winnow
