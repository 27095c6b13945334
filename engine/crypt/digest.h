// One-shot digests of short texts, as lists and selectors name things by them, and how they are
// written. No heap.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace winnow {

enum class DigestKind : uint8_t { kMd5, kSha1, kSha256, kSha384, kSha512, kBlake2b512 };
enum class DigestForm : uint8_t { kHex, kBase32, kBase64 };

// "md5", "sha1", "sha256", "sha384", "sha512", "blake2" (512 bits); "hex", "base32" (base32.h),
// "base64" (RFC 4648 4, with padding).
std::optional<DigestKind> digest_kind(std::string_view name);
std::optional<DigestForm> digest_form(std::string_view name);

class Digest {
 public:
  Digest(DigestKind kind, std::string_view bytes);
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), size_}; }

 private:
  std::array<uint8_t, 64> bytes_;
  size_t size_;
};

// The bytes as text.
std::string write_digest(std::string_view bytes, DigestForm form);

}  // namespace winnow
