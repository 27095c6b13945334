// Digests of short texts against the examples of RFC 1321, FIPS 180-4 and RFC 7693.
#include "engine/crypt/digest.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

std::string made(std::string_view kind, std::string_view form, std::string_view text) {
  return write_digest(Digest(*digest_kind(kind), text).view(), *digest_form(form));
}

TEST(Digest, Examples) {
  EXPECT_EQ(made("md5", "hex", "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(made("sha1", "hex", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(made("sha256", "hex", "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      made("sha384", "hex", "abc"),
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca1"
      "34c825a7");
  EXPECT_EQ(
      made("sha512", "hex", "abc"),
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
      "a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(
      made("blake2", "hex", "abc"),
      "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de"
      "4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST(Digest, Forms) {
  EXPECT_EQ(made("md5", "base64", "abc"), "kAFQmDzST7DWlj99KOF/cg==");
  EXPECT_EQ(made("blake2", "base32", "").size(), 103u);
  EXPECT_EQ(write_digest("", DigestForm::kBase64), "");
  EXPECT_FALSE(digest_kind("sha3"));
  EXPECT_FALSE(digest_form("HEX"));
}

}  // namespace
}  // namespace winnow
