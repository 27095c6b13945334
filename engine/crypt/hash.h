// SHA-1 and SHA-256 (FIPS 180-4) of bytes that come in pieces. No heap.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace winnow {

enum class HashKind : uint8_t { kSha1, kSha256 };

constexpr size_t hash_bytes(HashKind kind) { return kind == HashKind::kSha1 ? 20 : 32; }

class Hash {
 public:
  explicit Hash(HashKind kind);
  void add(std::string_view bytes);
  // Ends it; hash_bytes(kind) bytes, valid while this lives.
  std::string_view finish();

 private:
  HashKind kind_;
  alignas(8) std::array<uint8_t, 128> state_;
  std::array<char, 32> digest_;
};

}  // namespace winnow
