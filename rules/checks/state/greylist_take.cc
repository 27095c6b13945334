#include "rules/checks/state/greylist_take.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "engine/crypt/base32.h"
#include "engine/crypt/digest.h"
#include "engine/mime/ip.h"
#include "rules/checks/question_text.h"

namespace winnow {

namespace {

bool cut_letters(std::string_view& text, std::string& value) {
  value = cut_word(text);
  return value.size() == kGreylistKeyLetters;
}

std::optional<int64_t> time_of(std::string_view text) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  constexpr int64_t kMax = 1'000'000'000'000;
  const bool whole = end == text.data() + text.size() || *end == '.';
  return error == std::errc() && whole && out >= 0 && out <= kMax ? std::optional(out)
                                                                  : std::nullopt;
}

// The mailbox that an address names, byte for byte as Rspamd writes it.
std::string mailbox(std::string_view address) {
  const size_t at = address.rfind('@');
  if (at == std::string_view::npos) return std::string(address);
  const std::string_view domain = address.substr(at);
  std::string local(address.substr(0, at));
  if (const size_t plus = local.find('+'); plus != std::string::npos && plus > 0)
    local.resize(plus);
  if (domain != "@gmail.com" && domain != "@googlemail.com") return local.append(domain);
  std::erase(local, '.');
  return local + "@gmail.com";
}

void clear_bits(IpAddress& ip, unsigned from) {
  const unsigned first = ip.family == 4 ? 12 : 0;
  for (unsigned bit = from; bit < (16 - first) * 8; ++bit)
    ip.bytes[first + bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
}

}  // namespace

std::string write_greylist_take(const GreylistTake& take) {
  return fmt::format("{} {} {} {} {} {}", take.now_s, take.timeout_s, take.expire_s, take.body,
                     take.meta, take.prefix);
}

std::optional<GreylistTake> read_greylist_take(std::string_view text) {
  GreylistTake out;
  if (!cut_number(text, out.now_s) || !cut_number(text, out.timeout_s) ||
      !cut_number(text, out.expire_s) || out.expire_s == 0 || !cut_letters(text, out.body) ||
      !cut_letters(text, out.meta))
    return std::nullopt;
  out.prefix = text;
  return out;
}

GreylistDigest::GreylistDigest(std::string_view bytes) {
  const Digest digest(DigestKind::kBlake2b512, bytes);
  digest.view().copy(bytes_.data(), kBytes);
}

std::string GreylistDigest::letters(std::string_view digest) {
  return base32_encode(digest).substr(0, kGreylistKeyLetters);
}

std::string greylist_meta(const Envelope& envelope, std::span<const std::string_view> recipients,
                          unsigned ipv4_bits, unsigned ipv6_bits) {
  std::string out = envelope.from_known ? mailbox(envelope.from) : "<>";
  std::vector<std::string> to;
  to.reserve(recipients.size());
  for (const std::string_view one : recipients) to.push_back(mailbox(one));
  std::ranges::sort(to);
  for (const std::string& one : to) out += one;
  if (!envelope.ip.valid()) return out;
  IpAddress network = envelope.ip;
  clear_bits(network, network.family == 4 ? ipv4_bits : ipv6_bits);
  char text[kIpTextMax];
  return out.append(text, format_ip(network, text));
}

std::string_view greylist_body(std::string_view raw, size_t body_offset, size_t bytes_max) {
  size_t begin = std::min(body_offset, raw.size());
  if (begin > 0 && raw[begin - 1] == '\n') --begin;
  if (begin > 0 && raw[begin - 1] == '\r') --begin;
  return raw.substr(begin, bytes_max);
}

GreylistSeen judge_greylist(std::string_view body, std::string_view meta, int64_t now_s,
                            uint32_t timeout_s) {
  const std::optional<int64_t> body_s = time_of(body), meta_s = time_of(meta);
  const auto waits = [&](const std::optional<int64_t>& seen) {
    return seen && now_s - *seen < int64_t{timeout_s};
  };
  if (!body_s && !meta_s) return {.until_s = now_s + timeout_s};
  if (waits(body_s ? body_s : meta_s)) {
    return {.state = GreylistState::kEarly, .until_s = *(body_s ? body_s : meta_s) + timeout_s};
  }
  return {.state = GreylistState::kPassed, .by_body = body_s.has_value()};
}

}  // namespace winnow
