// Width and height of an image from its first bytes: PNG, GIF, JPEG, BMP.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace winnow {

struct ImageSize {
  uint32_t width = 0;  // pixels
  uint32_t height = 0;
};

// Nothing where the bytes are of no such kind or end too soon. Linear in the number of a JPEG's
// segments, of which the first 256 are looked at.
std::optional<ImageSize> image_size(std::string_view bytes);

}  // namespace winnow
