#include "engine/mime/tnef.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/mime/rtf.h"

namespace winnow {
namespace {

using namespace std::literals;

std::string le(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}
std::string attribute(int level, uint32_t id, std::string_view data) {
  return le(static_cast<uint64_t>(level), 1) + le(id, 4) + le(data.size(), 4) + std::string(data) +
         le(0, 2);
}
std::string property(uint16_t type, uint16_t id, std::string_view data) {
  std::string out = le(type, 2) + le(id, 2) + le(1, 4) + le(data.size(), 4) + std::string(data);
  while (out.size() % 4 != 0) out += '\0';
  return out;
}
const std::string kHead = le(0x223E9F78, 4) + le(1, 2);

TEST(Tnef, gives_bodies_and_attachments) {
  const std::string props = le(3, 4) + property(0x001F, 0x1000, "h\0i\0\xe4\0\0\0"sv) +
                            property(0x0102, 0x1013, "<p>x") + le(0x0003, 2) + le(0x0E07, 2) +
                            le(1, 4);
  const std::string names = le(2, 4) + property(0x001F, 0x3707, "l\0.\0p\0\0\0"sv) +
                            property(0x001E, 0x370E, "image/png\0"sv);
  const std::string stream =
      kHead + attribute(1, 0x00069007, le(1252, 8)) + attribute(1, 0x00069003, props) +
      attribute(2, 0x00069002, std::string(14, '\0')) + attribute(2, 0x00018010, "A.TXT\0"sv) +
      attribute(2, 0x0006800F, "first") + attribute(2, 0x00069002, std::string(14, '\0')) +
      attribute(2, 0x0006800F, "second") + attribute(2, 0x00069005, names);
  Arena arena;
  Tnef tnef;
  read_tnef(stream, 100, 1 << 20, arena, tnef);
  EXPECT_FALSE(tnef.broken);
  EXPECT_EQ(tnef.code_page, 1252u);
  ASSERT_EQ(tnef.items.size(), 4u);
  EXPECT_EQ(tnef.items[0].kind, TnefItem::Kind::kText);
  EXPECT_EQ(tnef.items[0].bytes, "hi\xc3\xa4");
  EXPECT_TRUE(tnef.items[0].utf8);
  EXPECT_EQ(tnef.items[1].kind, TnefItem::Kind::kHtml);
  EXPECT_EQ(tnef.items[1].bytes, "<p>x");
  EXPECT_EQ(tnef.items[2].filename, "A.TXT");
  EXPECT_EQ(tnef.items[2].bytes, "first");
  EXPECT_EQ(tnef.items[3].filename, "l.p");
  EXPECT_EQ(tnef.items[3].mime, "image/png");
  EXPECT_EQ(tnef.items[3].bytes, "second");

  // Cut anywhere it ends early, says so or ends between attributes, and reads nothing beyond.
  for (size_t size = 0; size < stream.size(); ++size) {
    const std::string cut(stream, 0, size);
    read_tnef(cut, 100, 1 << 20, arena, tnef);
    EXPECT_LE(tnef.items.size(), 4u);
  }
}

TEST(Tnef, named_and_multiple_values_are_stepped_over) {
  const std::string guid(16, '\1');
  const std::string props = le(3, 4) + le(0x101E, 2) + le(0x8001, 2) + guid + le(1, 4) + le(5, 4) +
                            "n\0a\0\0\0\0\0"s + le(2, 4) + le(2, 4) + "ab\0\0"s + le(1, 4) +
                            "c\0\0\0"s + le(0x0014, 2) + le(0x8002, 2) + guid + le(0, 4) +
                            le(7, 4) + le(9, 8) + property(0x001E, 0x1000, "body\0"sv);
  Arena arena;
  Tnef tnef;
  read_tnef(kHead + attribute(1, 0x00069003, props), 10, 1 << 20, arena, tnef);
  EXPECT_FALSE(tnef.broken);
  ASSERT_EQ(tnef.items.size(), 1u);
  EXPECT_EQ(tnef.items[0].bytes, "body");
}

TEST(Tnef, stops_at_its_limit_of_items) {
  std::string stream = kHead;
  for (int i = 0; i < 10; ++i)
    stream += attribute(2, 0x00069002, "") + attribute(2, 0x0006800F, "x");
  Arena arena;
  Tnef tnef;
  read_tnef(stream, 3, 1 << 20, arena, tnef);
  EXPECT_EQ(tnef.items.size(), 3u);
  EXPECT_TRUE(tnef.broken);
}

// The two examples of MS-OXRTFCP section 4.1.1 and 4.1.2.
constexpr std::string_view kSimple =
    "\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70"
    "\x67\x31\x32\x35\x42\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a"
    "\x80\x0f\xa0"sv;
constexpr std::string_view kOverlap =
    "\x1a\x00\x00\x00\x1c\x00\x00\x00\x4c\x5a\x46\x75\xe2\xd4\x4b\x51\x41\x00\x04\x20\x57\x58\x59"
    "\x5a\x0d\x6e\x7d\x01\x0e\xb0"sv;

TEST(Rtf, decompresses_the_examples_of_its_specification) {
  Arena arena;
  const DecodedBody simple = decompress_rtf(kSimple, 1 << 20, arena);
  EXPECT_EQ(simple.bytes, "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
  EXPECT_FALSE(simple.broken);
  const DecodedBody overlap = decompress_rtf(kOverlap, 1 << 20, arena);
  EXPECT_EQ(overlap.bytes, "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
  EXPECT_FALSE(overlap.broken);
}

TEST(Rtf, is_bounded_and_takes_any_cut) {
  Arena arena;
  EXPECT_TRUE(decompress_rtf(kOverlap, 10, arena).broken);
  EXPECT_LE(decompress_rtf(kOverlap, 10, arena).bytes.size(), 10u + 17u);
  for (size_t size = 0; size < kOverlap.size(); ++size)
    EXPECT_TRUE(decompress_rtf(kOverlap.substr(0, size), 1 << 20, arena).broken) << size;
}

}  // namespace
}  // namespace winnow
