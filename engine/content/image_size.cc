#include "engine/content/image_size.h"

#include <cstddef>

namespace winnow {

namespace {

using namespace std::string_view_literals;

uint32_t byte(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }
uint32_t big16(std::string_view bytes, size_t at) {
  return byte(bytes, at) << 8 | byte(bytes, at + 1);
}
uint32_t big32(std::string_view bytes, size_t at) {
  return big16(bytes, at) << 16 | big16(bytes, at + 2);
}
uint32_t little16(std::string_view bytes, size_t at) {
  return byte(bytes, at + 1) << 8 | byte(bytes, at);
}
uint32_t little32(std::string_view bytes, size_t at) {
  return little16(bytes, at + 2) << 16 | little16(bytes, at);
}

// Segments of "FF marker length"; the frame header is SOF0 to SOF15 but DHT, JPG and DAC (ITU T.81
// B.1).
std::optional<ImageSize> jpeg_size(std::string_view bytes) {
  constexpr int kSegmentsMax = 256;
  size_t at = 2;
  for (int i = 0; i < kSegmentsMax && bytes.size() - at >= 9; ++i) {
    if (byte(bytes, at) != 0xFF) return std::nullopt;
    const uint32_t marker = byte(bytes, at + 1);
    if (marker == 0xFF) {  // fill
      ++at;
      continue;
    }
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC)
      return ImageSize{big16(bytes, at + 7), big16(bytes, at + 5)};
    const uint32_t length = big16(bytes, at + 2);
    if (marker == 0xDA || length < 2 || length + 2 > bytes.size() - at) return std::nullopt;
    at += 2 + length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ImageSize> image_size(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1A\n"sv)) {
    if (bytes.size() < 24 || bytes.substr(12, 4) != "IHDR") return std::nullopt;
    return ImageSize{big32(bytes, 16), big32(bytes, 20)};
  }
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) {
    if (bytes.size() < 10) return std::nullopt;
    return ImageSize{little16(bytes, 6), little16(bytes, 8)};
  }
  if (bytes.starts_with("\xFF\xD8\xFF"sv)) return jpeg_size(bytes);
  if (bytes.starts_with("BM") && bytes.size() >= 26 && little32(bytes, 14) >= 40) {
    const uint32_t height = little32(bytes, 22);  // negative: rows from top to bottom
    return ImageSize{little32(bytes, 18), height >> 31 ? 0u - height : height};
  }
  return std::nullopt;
}

}  // namespace winnow
