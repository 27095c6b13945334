#include "engine/mime/header_names.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "engine/ascii.h"

namespace winnow {

namespace {

constexpr std::array<std::string_view, kKnownHeaders> kNames{"From",
                                                             "To",
                                                             "Cc",
                                                             "Bcc",
                                                             "Subject",
                                                             "Date",
                                                             "Message-Id",
                                                             "Reply-To",
                                                             "Sender",
                                                             "Return-Path",
                                                             "Received",
                                                             "In-Reply-To",
                                                             "References",
                                                             "Mime-Version",
                                                             "Content-Type",
                                                             "Content-Transfer-Encoding",
                                                             "Content-Disposition",
                                                             "Content-Id",
                                                             "Content-Description",
                                                             "Content-Location",
                                                             "X-Mailer",
                                                             "User-Agent",
                                                             "List-Id",
                                                             "List-Unsubscribe",
                                                             "List-Unsubscribe-Post",
                                                             "List-Post",
                                                             "List-Help",
                                                             "List-Owner",
                                                             "List-Subscribe",
                                                             "List-Archive",
                                                             "Precedence",
                                                             "Auto-Submitted",
                                                             "Errors-To",
                                                             "Delivered-To",
                                                             "X-Original-To",
                                                             "Disposition-Notification-To",
                                                             "Return-Receipt-To",
                                                             "DKIM-Signature",
                                                             "ARC-Seal",
                                                             "ARC-Message-Signature",
                                                             "ARC-Authentication-Results",
                                                             "Authentication-Results",
                                                             "Received-SPF",
                                                             "X-Priority",
                                                             "X-MSMail-Priority",
                                                             "Importance",
                                                             "X-MimeOLE",
                                                             "Thread-Topic",
                                                             "Thread-Index",
                                                             "Resent-From",
                                                             "Resent-To",
                                                             "Resent-Date",
                                                             "Resent-Message-Id",
                                                             "Resent-Sender",
                                                             "X-Spam-Flag",
                                                             "X-Spam",
                                                             "X-Originating-IP",
                                                             "X-PHP-Script",
                                                             "X-PHP-Originating-Script",
                                                             "X-Source",
                                                             "X-Source-Args",
                                                             "X-Source-Dir",
                                                             "X-AntiAbuse",
                                                             "X-Authenticated-Sender",
                                                             "X-Authenticated-User",
                                                             "Organization",
                                                             "Lines",
                                                             "Status"};

// Bytes [0, size) of a name, size <= 8, with bit 5 set: upper case becomes lower case. What else
// it maps together costs a comparison, no more.
uint64_t folded_word(const char* at, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, at, size);
  return word | 0x2020202020202020u;
}

// Of the length, the first and the last eight bytes: two words for any name.
uint32_t hash(std::string_view name) {
  const size_t part = std::min<size_t>(name.size(), 8);
  const uint64_t first = part == 8 ? folded_word(name.data(), 8) : folded_word(name.data(), part);
  const uint64_t last = part == 8 ? folded_word(name.data() + name.size() - 8, 8) : 0;
  uint64_t h = (first ^ name.size()) * 0x9E3779B97F4A7C15u;
  h = (h ^ (h >> 29) ^ last) * 0xBF58476D1CE4E5B9u;
  return static_cast<uint32_t>(h >> 32);
}

bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && lower_ascii(a[i]) != lower_ascii(b[i])) return false;
  return true;
}

}  // namespace

HeaderNames::HeaderNames() {
  names_.assign(kNames.begin(), kNames.end());
  rehash(256);
}

void HeaderNames::place(uint32_t id) {
  const size_t mask = slots_.size() - 1;
  size_t at = hash(names_[id]) & mask;
  while (slots_[at] != kNoIndex) at = (at + 1) & mask;
  slots_[at] = id;
}

void HeaderNames::rehash(size_t slots) {
  slots_.assign(slots, kNoIndex);
  for (uint32_t id = 0; id < names_.size(); ++id) place(id);
}

HeaderId HeaderNames::find(std::string_view name) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash(name) & mask; slots_[at] != kNoIndex; at = (at + 1) & mask)
    if (same(names_[slots_[at]], name)) return static_cast<HeaderId>(slots_[at]);
  return kNoId<HeaderId>;
}

HeaderId HeaderNames::add(std::string_view name) {
  const HeaderId known = find(name);
  if (known != kNoId<HeaderId>) return known;
  names_.emplace_back(name);
  if (names_.size() * 4 > slots_.size())
    rehash(slots_.size() * 2);
  else
    place(static_cast<uint32_t>(names_.size() - 1));
  return static_cast<HeaderId>(names_.size() - 1);
}

}  // namespace winnow
