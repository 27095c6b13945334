#include "engine/mime/base64.h"

#include <gtest/gtest.h>

#include <random>

namespace winnow {
namespace {

using namespace std::string_view_literals;

struct Row {
  const char* name;
  std::string_view input;
  std::string_view expected;
  bool broken;
};

const Row kRows[] = {
    // RFC 4648 section 10.
    {"empty", "", "", false},
    {"f", "Zg==", "f", false},
    {"fo", "Zm8=", "fo", false},
    {"foo", "Zm9v", "foo", false},
    {"foob", "Zm9vYg==", "foob", false},
    {"fooba", "Zm9vYmE=", "fooba", false},
    {"foobar", "Zm9vYmFy", "foobar", false},
    {"line ends", "Zm9v\r\nYmFy\n", "foobar", false},
    {"bare cr and blanks", "Zm 9v\r\tYmFy", "foobar", false},
    {"missing padding of one", "Zm9vYmE", "fooba", true},
    {"missing padding of two", "Zm9vYg", "foob", true},
    {"one pad of two", "Zm9vYg=", "foob", true},
    {"one digit left", "Zm9vY", "foo", true},
    {"joined segments", "Zg==Zm8=Zm9v", "ffofoo", true},
    {"segments on lines", "Zg==\nZm8=\n", "ffo", true},
    {"footer below", "Zg==\r\n____________\r\nThis list is for\r\n", "f", true},
    {"footer of one word", "Zg==\nIrish Linux\n", "f", true},
    {"long segment after a pad",
     "Zg==AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
     "f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv,
     true},
    {"pad only", "====", "", true},
    {"pad after three digits", "Zm8==", "fo", true},
    {"digits after one pad", "Zm9vYg=Zm9v", "foobfoo", true},
    {"junk between", "Zm9v*!\x80YmFy", "foobar", true},
    {"nul is junk", "Zm9v\0YmFy"sv, "foobar", true},
    {"all digits", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
     "\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71\xd7"
     "\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3"
     "\xdf\xbf"sv,
     false},
};

TEST(Base64, decodes_what_mail_carries) {
  Arena arena;
  for (const Row& row : kRows) {
    const DecodedBody fast = decode_base64(row.input, arena);
    EXPECT_EQ(fast.bytes, row.expected) << row.name;
    EXPECT_EQ(fast.broken, row.broken) << row.name;
    const DecodedBody slow = decode_base64_scalar(row.input, arena);
    EXPECT_EQ(slow.bytes, row.expected) << row.name;
    EXPECT_EQ(slow.broken, row.broken) << row.name;
  }
}

std::string encode(std::string_view in, size_t line) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  size_t column = 0;
  auto put = [&](char c) {
    out += c;
    if (line != 0 && ++column % line == 0) out += "\r\n";
  };
  for (size_t i = 0; i < in.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < in.size() ? static_cast<uint8_t>(in[i + k]) : 0);
    put(kDigits[bits >> 18]);
    put(kDigits[bits >> 12 & 63]);
    put(i + 1 < in.size() ? kDigits[bits >> 6 & 63] : '=');
    put(i + 2 < in.size() ? kDigits[bits & 63] : '=');
  }
  return out;
}

TEST(Base64, undoes_encoding_at_every_size_and_line_length) {
  std::mt19937 random(1);
  Arena arena;
  for (size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    for (size_t line : {0, 1, 4, 19, 60, 72, 75, 76, 77}) {
      const DecodedBody body = decode_base64(encode(bytes, line), arena);
      ASSERT_EQ(body.bytes, bytes) << size << " at " << line;
      ASSERT_FALSE(body.broken);
    }
    arena.reset();
  }
}

TEST(Base64, twins_agree_on_rubbish) {
  std::mt19937 random(2);
  Arena arena;
  constexpr std::string_view kBytes = "ABCDwxyz0189+/==\r\n \t*-_\x7f\x80\xff";
  for (int round = 0; round < 20000; ++round) {
    std::string in(random() % 120, '\0');
    const unsigned junk = random() % 8;
    for (char& c : in) {
      const bool clean = random() % 32 > junk;
      c = clean ? kBytes[random() % 14] : kBytes[random() % kBytes.size()];
    }
    const DecodedBody fast = decode_base64(in, arena);
    const DecodedBody slow = decode_base64_scalar(in, arena);
    ASSERT_EQ(fast.bytes, slow.bytes) << in;
    ASSERT_EQ(fast.broken, slow.broken) << in;
    ASSERT_LE(fast.bytes.size(), in.size() / 4 * 3 + 2);
    arena.reset();
  }
}

TEST(Base64, single_bytes_classify_alike_in_both_twins) {
  Arena arena;
  for (int c = 0; c < 256; ++c)
    for (size_t at = 0; at < 20; ++at) {
      std::string in(20, 'A');
      in[at] = static_cast<char>(c);
      const DecodedBody fast = decode_base64(in, arena);
      const DecodedBody slow = decode_base64_scalar(in, arena);
      ASSERT_EQ(fast.bytes, slow.bytes) << c << " at " << at;
      ASSERT_EQ(fast.broken, slow.broken) << c << " at " << at;
    }
}

}  // namespace
}  // namespace winnow
