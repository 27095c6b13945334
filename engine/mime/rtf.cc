#include "engine/mime/rtf.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace winnow {

namespace {

constexpr std::string_view kPreset =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    "\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    "\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
static_assert(kPreset.size() == 207);

constexpr uint32_t kCompressed = 0x75465A4C;
constexpr uint32_t kStored = 0x414C454D;
constexpr size_t kRing = 4096;

uint32_t u32(std::string_view in, size_t at) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(in[at + i]);
  return value;
}

// Returns true where the stream ended as it should.
bool inflate(std::string_view in, size_t bytes_max, ArenaText& out) {
  std::array<char, kRing> ring{};
  std::copy(kPreset.begin(), kPreset.end(), ring.begin());
  size_t write = kPreset.size();
  auto put = [&](char c) {
    out.push(c);
    ring[write] = c;
    write = (write + 1) % kRing;
  };
  for (size_t at = 0; at < in.size();) {
    unsigned control = static_cast<uint8_t>(in[at++]);
    for (int bit = 0; bit < 8; ++bit, control >>= 1) {
      if (out.size() >= bytes_max) return false;
      if ((control & 1) == 0) {
        if (at >= in.size()) return false;
        put(in[at++]);
        continue;
      }
      if (at + 2 > in.size()) return false;
      const unsigned token = static_cast<uint8_t>(in[at]) << 8 | static_cast<uint8_t>(in[at + 1]);
      at += 2;
      const size_t offset = token >> 4;
      if (offset == write) return true;
      const size_t length = (token & 15) + 2;
      for (size_t i = 0; i < length; ++i) put(ring[(offset + i) % kRing]);
    }
  }
  return false;
}

}  // namespace

DecodedBody decompress_rtf(std::string_view in, size_t bytes_max, Arena& arena) {
  if (in.size() < 16) return {{}, true};
  const uint32_t raw_size = u32(in, 4);
  const uint32_t magic = u32(in, 8);
  const std::string_view data = in.substr(16);
  if (magic == kStored) {
    const size_t size = std::min<size_t>({raw_size, data.size(), bytes_max});
    return {data.substr(0, size), size != raw_size};
  }
  if (magic != kCompressed) return {{}, true};
  ArenaText out(arena, std::min<size_t>(raw_size, data.size() * 2 + 64) + 32);
  const bool ended = inflate(data, bytes_max, out);
  const std::string_view bytes = out.finish();
  return {bytes, !ended || bytes.size() != raw_size};
}

}  // namespace winnow
