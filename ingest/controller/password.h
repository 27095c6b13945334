// Passwords of the controller, as `rspamadm pw` makes them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace winnow {

enum class PasswordKind : uint8_t { kPbkdf2, kCatena };

constexpr size_t kSaltBytes = 20;

// "$2$SALT$KEY" ("$1$…" for PBKDF2), z-base32. Takes some 30 ms.
std::string hash_password(PasswordKind kind, std::string_view password,
                          std::span<const uint8_t, kSaltBytes> salt);

// A stored password is a hash or plain text; one that begins like a hash and is none of ours, and
// an empty one, match nothing. Time depends on `stored` and on the length of `given` only.
bool check_password(std::string_view stored, std::string_view given);

// True where check_password() takes its time: it is a hash, or begins like one.
bool is_hashed_password(std::string_view stored);
// True where it begins like a hash and is none of ours: it lets nobody in.
bool is_broken_password(std::string_view stored);

// z-base32, least significant bits first.
std::string zbase32(std::string_view bytes);
bool from_zbase32(std::string_view text, std::string& bytes);

}  // namespace winnow
