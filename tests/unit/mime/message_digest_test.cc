#include "engine/hash/message_digest.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace winnow {
namespace {

std::string hex(const std::vector<std::string>& parts) {
  MessageDigest digest;
  for (const std::string& part : parts) digest.add(part);
  uint8_t bytes[16];
  digest.finish(bytes);
  std::string out;
  for (uint8_t b : bytes) {
    out += "0123456789abcdef"[b >> 4];
    out += "0123456789abcdef"[b & 15];
  }
  return out;
}

TEST(MessageDigest, depends_on_content_order_and_cuts) {
  const std::set<std::string> all{hex({}),         hex({""}),       hex({"", ""}),
                                  hex({"ab"}),     hex({"a", "b"}), hex({"b", "a"}),
                                  hex({"ab", ""}), hex({"", "ab"})};
  EXPECT_EQ(all.size(), 8u);
  EXPECT_EQ(hex({"ab"}), hex({"ab"}));
}

// Recomputed with Python: hashlib.sha256(b"winnow message digest 2" + ...).hexdigest()[:32].
TEST(MessageDigest, is_what_the_header_says) {
  EXPECT_EQ(hex({"hello", "subject"}), "eed5ea848c4c577eca7202666371da0a");
}

}  // namespace
}  // namespace winnow
