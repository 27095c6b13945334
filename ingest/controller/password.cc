// $1$  PBKDF2 (RFC 8018 5.2) over BLAKE2b-512 keyed with the password (a password over 64 bytes is
//      hashed first), 16,000 rounds, the first 32 bytes.
// $2$  Catena-Butterfly (Forler, Lucks, Wenzel: "Catena: a memory-consuming password-scrambling
//      framework"), BLAKE2b-512 throughout, lambda 4, garlic 10, associated data "rspamd", 32
//      bytes:
//
//   x    = H(H("Butterfly-Full") mode lambda 32 |salt| H(data) password salt)
//   x    = flap(5, x); x = flap(10, x); key = first 32 of H(10 x)
//   flap = a row of 2^g values from x, then a pass that mixes positions chosen by the salt's hash,
//          then lambda times through a butterfly graph of 2g rows: each value is the hash of
//          (the one before XOR the one above) and of the one above at distance 2^k
//
// The graph's upper bound is memory: 2 rows of 2^10 values of 64 bytes. Tested against hashes that
// Debian's rspamadm 3.4 made.
#include "ingest/controller/password.h"

#include <sodium.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace winnow {

namespace {

constexpr size_t kHashBytes = 64, kKeyBytes = 32;
constexpr unsigned kRounds = 16'000;
constexpr uint8_t kLambda = 4, kGarlic = 10;
constexpr std::string_view kDigits = "ybndrfg8ejkmcpqxot1uwisza345h769";

using Hash = std::array<uint8_t, kHashBytes>;

std::string_view view(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

Hash hash_of(std::initializer_list<std::string_view> parts) {
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init(&state, nullptr, 0, kHashBytes);
  for (const std::string_view part : parts)
    crypto_generichash_blake2b_update(&state, bytes_of(part), part.size());
  Hash out;
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
  return out;
}

Hash hash_pair(const Hash& a, const Hash& b) { return hash_of({view(a), view(b)}); }

Hash hash_numbered(uint8_t number, const Hash& value) {
  const char byte = static_cast<char>(number);
  return hash_of({{&byte, 1}, view(value)});
}

Hash operator^(const Hash& a, const Hash& b) {
  Hash out;
  for (size_t i = 0; i < kHashBytes; ++i) out[i] = a[i] ^ b[i];
  return out;
}

std::string pbkdf2(std::string_view password, std::string_view salt) {
  Hash long_key;
  if (password.size() > kHashBytes) {
    long_key = hash_of({password});
    password = view(long_key);
  }
  const auto keyed = [&](std::string_view message, Hash& out) {
    crypto_generichash_blake2b(out.data(), out.size(), bytes_of(message), message.size(),
                               bytes_of(password), password.size());
  };
  Hash round, sum;
  keyed(std::string(salt) + std::string("\0\0\0\1", 4), round);
  sum = round;
  for (unsigned i = 1; i < kRounds; ++i) {
    const Hash before = round;
    keyed(view(before), round);
    sum = sum ^ round;
  }
  return std::string(view(sum).substr(0, kKeyBytes));
}

// xorshift1024* (Vigna), seeded with the salt's hash and the hash of that.
class Positions {
 public:
  explicit Positions(std::string_view salt) {
    const Hash first = hash_of({salt});
    const Hash second = hash_of({view(first)});
    for (size_t i = 0; i < 16; ++i) {
      const uint8_t* const from = (i < 8 ? first : second).data() + i % 8 * 8;
      for (int k = 7; k >= 0; --k) state_[i] = state_[i] << 8 | from[k];
    }
  }
  uint64_t next() {
    const uint64_t last = state_[at_];
    at_ = (at_ + 1) % 16;
    uint64_t one = state_[at_];
    one ^= one << 31;
    state_[at_] = (one ^ one >> 11) ^ (last ^ last >> 30);
    return state_[at_] * 1181783497276652981u;
  }

 private:
  uint64_t state_[16] = {};
  size_t at_ = 0;
};

Hash flap(unsigned garlic, const Hash& x, std::string_view salt) {
  const size_t size = size_t{1} << garlic;
  std::vector<Hash> row(size), next(size);
  const Hash zero = hash_numbered(0, x), one = hash_numbered(1, x);
  row[0] = hash_pair(zero, one);
  row[1] = hash_pair(row[0], zero);
  for (size_t i = 2; i < size; ++i) row[i] = hash_pair(row[i - 1], row[i - 2]);

  Positions positions(salt);
  for (size_t n = size_t{1} << (3 * garlic + 3) / 4; n > 0; --n) {
    const size_t to = positions.next() >> (64 - garlic), with = positions.next() >> (64 - garlic);
    row[to] = hash_pair(row[to], row[with]);
  }

  for (unsigned pass = 0; pass < kLambda; ++pass) {
    for (unsigned level = 0; level + 1 < 2 * garlic; ++level) {
      // Distances fall to 1 and rise again.
      const size_t distance = size_t{1}
                              << (level < garlic ? garlic - 1 - level : level - garlic + 1);
      next[0] = hash_numbered(0, hash_pair(row[size - 1] ^ row[0], row[distance]));
      for (size_t i = 1; i < size; ++i)
        next[i] = hash_pair(next[i - 1] ^ row[i], row[i ^ distance]);
      row.swap(next);
    }
  }
  return row[size - 1];
}

std::string catena(std::string_view password, std::string_view salt) {
  const Hash version = hash_of({"Butterfly-Full"}), data = hash_of({"rspamd"});
  const char tweak[] = {0, kLambda, kKeyBytes, static_cast<char>(salt.size())};
  Hash x = hash_of({view(version), {tweak, sizeof tweak}, view(data), password, salt});
  x = flap((kGarlic + 1) / 2, x, salt);
  x = flap(kGarlic, x, salt);
  return std::string(view(hash_numbered(kGarlic, x)).substr(0, kKeyBytes));
}

}  // namespace

std::string zbase32(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits |= uint32_t{static_cast<uint8_t>(c)} << count;
    for (count += 8; count >= 5; count -= 5, bits >>= 5) out.push_back(kDigits[bits & 31]);
  }
  if (count > 0) out.push_back(kDigits[bits & 31]);
  return out;
}

bool from_zbase32(std::string_view text, std::string& bytes) {
  uint32_t bits = 0;
  unsigned count = 0;
  bytes.clear();
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return false;
    bits |= static_cast<uint32_t>(digit) << count;
    count += 5;
    if (count < 8) continue;
    bytes.push_back(static_cast<char>(bits));
    bits >>= 8;
    count -= 8;
  }
  return bits == 0;
}

bool is_hashed_password(std::string_view stored) { return stored.starts_with('$'); }

std::string hash_password(PasswordKind kind, std::string_view password,
                          std::span<const uint8_t, kSaltBytes> salt) {
  const std::string_view bytes(reinterpret_cast<const char*>(salt.data()), salt.size());
  const bool is_catena = kind == PasswordKind::kCatena;
  std::string out = is_catena ? "$2$" : "$1$";
  out += zbase32(bytes);
  out += '$';
  return out += zbase32(is_catena ? catena(password, bytes) : pbkdf2(password, bytes));
}

namespace {

struct StoredHash {
  bool is_catena = false;
  std::string salt, key;
};

// False where `stored` is no hash of ours.
bool read_hash(std::string_view stored, StoredHash& to) {
  const size_t dollar = stored.find('$', 3);
  to.is_catena = stored.starts_with("$2$");
  return (to.is_catena || stored.starts_with("$1$")) && dollar != std::string_view::npos &&
         from_zbase32(stored.substr(3, dollar - 3), to.salt) &&
         from_zbase32(stored.substr(dollar + 1), to.key) && to.key.size() == kKeyBytes &&
         to.salt.size() >= 8 && to.salt.size() <= 255;
}

}  // namespace

bool is_broken_password(std::string_view stored) {
  StoredHash hash;
  return is_hashed_password(stored) && !read_hash(stored, hash);
}

bool check_password(std::string_view stored, std::string_view given) {
  if (stored.empty()) return false;
  if (!is_hashed_password(stored)) {
    // Equal lengths, so that the comparison tells nothing.
    const Hash a = hash_of({stored}), b = hash_of({given});
    return sodium_memcmp(a.data(), b.data(), kHashBytes) == 0;
  }
  StoredHash hash;
  if (!read_hash(stored, hash)) return false;
  const std::string made = hash.is_catena ? catena(given, hash.salt) : pbkdf2(given, hash.salt);
  return sodium_memcmp(made.data(), hash.key.data(), kKeyBytes) == 0;
}

}  // namespace winnow
