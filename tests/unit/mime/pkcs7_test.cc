#include "engine/mime/pkcs7.h"

#include <gtest/gtest.h>

#include <string>

namespace winnow {
namespace {

using namespace std::string_literals;

std::string tlv(uint8_t tag, const std::string& body) {
  std::string out(1, static_cast<char>(tag));
  if (body.size() < 128) {
    out += static_cast<char>(body.size());
  } else {
    out += "\x82"s + static_cast<char>(body.size() >> 8) + static_cast<char>(body.size());
  }
  return out + body;
}
std::string open(uint8_t tag, const std::string& body) {
  return std::string(1, static_cast<char>(tag)) + "\x80" + body + "\0\0"s;
}
std::string oid(char last) { return tlv(6, "\x2A\x86\x48\x86\xF7\x0D\x01\x07"s + last); }

TEST(Pkcs7, takes_the_content_out_of_signed_data) {
  const std::string text = "Content-Type: text/plain\r\n\r\n" + std::string(200, 'x');
  const std::string head = tlv(2, "\1") + tlv(0x31, tlv(0x30, oid(1)));
  const std::string der =
      tlv(0x30, oid(2) + tlv(0xA0, tlv(0x30, head + tlv(0x30, oid(1) + tlv(0xA0, tlv(4, text))))));
  Arena arena;
  EXPECT_EQ(read_pkcs7(der, arena).kind, Pkcs7::Kind::kSigned);
  EXPECT_EQ(read_pkcs7(der, arena).content, text);

  const std::string open_head = tlv(2, "\1") + open(0x31, open(0x30, oid(1)));
  const std::string pieces = open(0x24, tlv(4, text.substr(0, 100)) + tlv(4, text.substr(100)));
  const std::string ber = open(
      0x30, oid(2) + open(0xA0, open(0x30, open_head + open(0x30, oid(1) + open(0xA0, pieces)))));
  EXPECT_EQ(read_pkcs7(ber, arena).content, text);

  for (const std::string& whole : {der, ber})
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string cut(whole, 0, size);
      EXPECT_LE(read_pkcs7(cut, arena).content.size(), text.size());
    }
}

TEST(Pkcs7, names_the_other_kinds) {
  Arena arena;
  EXPECT_EQ(read_pkcs7(tlv(0x30, oid(3)), arena).kind, Pkcs7::Kind::kEnveloped);
  EXPECT_EQ(read_pkcs7(tlv(0x30, oid(6)), arena).kind, Pkcs7::Kind::kOther);
  EXPECT_EQ(read_pkcs7("no DER", arena).kind, Pkcs7::Kind::kNone);
  EXPECT_EQ(read_pkcs7("", arena).kind, Pkcs7::Kind::kNone);
}

TEST(Pkcs7, deep_nesting_is_no_recursion) {
  std::string deep;
  for (int i = 0; i < 500'000; ++i) deep += "\x30\x80";
  const std::string der = tlv(6, "x");
  Arena arena;
  EXPECT_EQ(
      read_pkcs7("\x30\x80"s + oid(2) + "\xA0\x80\x30\x80"s + tlv(2, "\1") + "\x31\x80" + deep,
                 arena)
          .content,
      "");
}

}  // namespace
}  // namespace winnow
