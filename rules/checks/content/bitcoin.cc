// Bitcoin addresses whose checksum holds, in texts and in the Subject.
//
// Base58Check (1..., 3...): 25 bytes in base 58, the last four of which are the first four of
// SHA-256(SHA-256(the first 21)). Bech32 (bc1..., BIP 173, BIP 350): characters of five bits whose
// BCH checksum over prefix and data is 1 (version 0) or 0x2bc830a3 (bech32m).
#include <array>
#include <cstring>

#include "engine/bytes16.h"
#include "engine/crypt/hash.h"
#include "rules/checks/check.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"BITCOIN_ADDR", "scams", 0, "Names a bitcoin address.", true},
}};

constexpr size_t kShortest = 26, kLongestBase58 = 35, kLongestBech32 = 90;

constexpr std::array<int8_t, 128> values_of(std::string_view alphabet) {
  std::array<int8_t, 128> values{};
  values.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr auto kBase58 = values_of("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");
constexpr auto kBech32 = values_of("qpzry9x8gf2tvdw0s3jn54khce6mua7l");

int8_t value(const std::array<int8_t, 128>& table, char c) {
  return static_cast<uint8_t>(c) < 128 ? table[static_cast<uint8_t>(c)] : int8_t{-1};
}

bool is_base58check(std::string_view text) {
  if (text.size() > kLongestBase58 ||
      (text[0] != '1' && text[0] != '3' && text[0] != 'L' && text[0] != 'M'))
    return false;
  std::array<uint8_t, 25> bytes{};
  for (const char c : text) {
    const int8_t digit = value(kBase58, c);
    if (digit < 0) return false;
    uint32_t carry = static_cast<uint32_t>(digit);
    for (size_t i = bytes.size(); i-- > 0;) {
      carry += 58u * bytes[i];
      bytes[i] = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
    if (carry != 0) return false;
  }
  Hash once(HashKind::kSha256), twice(HashKind::kSha256);
  once.add({reinterpret_cast<const char*>(bytes.data()), 21});
  twice.add(once.finish());
  const std::string_view check = twice.finish();
  return std::memcmp(check.data(), bytes.data() + 21, 4) == 0;
}

uint32_t bech32_step(uint32_t check, uint32_t digit) {
  constexpr uint32_t kGenerator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  const uint32_t top = check >> 25;
  check = (check & 0x1ffffff) << 5 ^ digit;
  for (uint32_t i = 0; i < 5; ++i)
    if (top >> i & 1) check ^= kGenerator[i];
  return check;
}

bool is_bech32(std::string_view text) {
  if (text.size() > kLongestBech32 || !starts_caseless(text, "bc1")) return false;
  uint32_t check = 1;
  for (const char c : {'b', 'c'}) check = bech32_step(check, static_cast<uint32_t>(c) >> 5);
  check = bech32_step(check, 0);
  for (const char c : {'b', 'c'}) check = bech32_step(check, static_cast<uint32_t>(c) & 31);
  for (const char c : text.substr(3)) {
    const int8_t digit = value(kBech32, lower_ascii(c));
    if (digit < 0) return false;
    check = bech32_step(check, static_cast<uint32_t>(digit));
  }
  return check == 1 || check == 0x2bc830a3;
}

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z');
}

// Whether the eight bytes at `at` are letters and digits, all of them.
bool are_alnum(const char* at) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at));
  const __m128i found = bytes16::any(bytes16::letters(bytes), bytes16::within(bytes, '0', '9'));
  return (bytes16::mask(found) & 0xFF) == 0xFF;
}

// Every run of letters and digits that may be an address. Wherever a run of kShortest bytes begins,
// it holds the first eight of some sixteen: only those are looked at, and the run around them.
void look(const CheckPlan& plan, Batch& batch, uint32_t row, std::string_view text,
          uint32_t& left) {
  constexpr size_t kStep = 16, kSeen = 8;
  static_assert(kShortest >= kStep + kSeen - 1);
  for (size_t at = 0; at + kSeen <= text.size() && left > 0; at += kStep) {
    if (!are_alnum(text.data() + at)) continue;
    size_t begin = at;
    while (begin > 0 && at - begin < kStep && is_alnum(text[begin - 1])) --begin;
    size_t end = at + kSeen;
    while (end < text.size() && is_alnum(text[end])) ++end;
    const std::string_view run = text.substr(begin, end - begin);
    if (run.size() >= kShortest && run.size() <= kLongestBech32 &&
        (is_base58check(run) || is_bech32(run))) {
      insert(plan, batch, row, 0, run);
      --left;
    }
    at = end / kStep * kStep;  // what is left of the step that the run ends in is too short
  }
}

void content(const CheckPlan& plan, Batch& batch) {
  constexpr uint32_t kOptionsMax = 16;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    uint32_t left = kOptionsMax;
    if (const uint32_t subject = batch.facts[row].subject; subject != kNoIndex)
      look(plan, batch, row, batch.headers.row(row)[subject].decoded, left);
    for (const Text& text : batch.texts.row(row)) look(plan, batch, row, text.plain, left);
  }
}

}  // namespace

extern constexpr Check kBitcoin{
    .name = "bitcoin",
    .text = "Finds bitcoin addresses.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
