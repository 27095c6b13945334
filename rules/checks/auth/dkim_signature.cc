#include "rules/checks/auth/dkim_signature.h"

#include "engine/crypt/base64_text.h"
#include "rules/checks/auth/tag_list.h"

namespace winnow {

namespace {

bool read_number(std::string_view text, int64_t& out) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  return read.ec == std::errc() && read.ptr == end && out >= 0;
}

bool read_algorithm(std::string_view text, DkimHeader& out) {
  if (equal_caseless(text, "rsa-sha256")) return true;
  if (equal_caseless(text, "rsa-sha1")) return out.hash = HashKind::kSha1, true;
  if (equal_caseless(text, "ed25519-sha256")) return out.key_type = DkimKeyType::kEd25519, true;
  return false;
}

bool read_canonical(std::string_view text, Canonical& out) {
  out = equal_caseless(text, "relaxed") ? Canonical::kRelaxed : Canonical::kSimple;
  return out == Canonical::kRelaxed || equal_caseless(text, "simple");
}

bool read_canonicals(std::string_view text, DkimHeader& out) {
  const size_t slash = text.find('/');
  if (!read_canonical(trimmed(text.substr(0, slash)), out.header)) return false;
  out.body = Canonical::kSimple;
  return slash == std::string_view::npos ||
         read_canonical(trimmed(text.substr(slash + 1)), out.body);
}

bool decode(std::string_view text, Arena& arena, std::string_view& out) {
  const size_t most = text.size() / 4 * 3 + 3;
  char* const to = arena.alloc_bytes(most);
  const size_t size = decode_base64_text(text, to, most);
  if (size == SIZE_MAX || size == 0) return false;
  out = {to, size};
  return true;
}

bool read_name(std::string_view text, Arena& arena, std::string_view& out) {
  const DnsName name(text);
  out = arena.copy(name.view());
  return !out.empty();
}

// h: whether From is among its names, which it must be (5.4).
bool signs(std::string_view names, std::string_view wanted) {
  for (uint32_t n = 0; n < kDkimNamesMax; ++n) {
    const size_t colon = names.find(':');
    if (equal_caseless(trimmed(names.substr(0, colon)), wanted)) return true;
    if (colon == std::string_view::npos) return false;
    names.remove_prefix(colon + 1);
  }
  return false;
}

// i: an address in d or under it (3.5).
bool read_identity(std::string_view identity, DkimHeader& out) {
  if (identity.empty()) return true;
  const size_t at = identity.rfind('@');
  if (at == std::string_view::npos) return false;
  const DnsName name(identity.substr(at + 1));
  out.identity_is_domain = name.view() == out.domain;
  return out.identity_is_domain ||
         (name.view().size() > out.domain.size() && name.view().ends_with(out.domain) &&
          name.view()[name.view().size() - out.domain.size() - 1] == '.');
}

}  // namespace

bool parse_dkim_header(std::string_view value, Arena& arena, DkimHeader& out, DkimForm form) {
  out = {};
  enum : uint32_t { kV = 1, kA = 2, kB = 4, kBh = 8, kD = 16, kH = 32, kS = 64, kI = 128 };
  const uint32_t needed = form == DkimForm::kDkim         ? kV | kA | kB | kBh | kD | kH | kS
                          : form == DkimForm::kArcMessage ? kI | kA | kB | kBh | kD | kH | kS
                                                          : kI | kA | kB | kD | kS;
  uint32_t seen = 0;
  std::string_view identity;
  TagReader tags(value);
  Tag tag;
  const auto once = [&](uint32_t bit) { return (seen & bit) == 0 && (seen |= bit); };
  while (tags.next(tag)) {
    bool good = true;
    int64_t number = 0;
    if (tag.name == "v") {
      good = once(kV) && tag.value == "1";
    } else if (tag.name == "a") {
      good = once(kA) && read_algorithm(tag.value, out);
    } else if (tag.name == "b") {
      good = once(kB) && decode(tag.value, arena, out.signature);
      // All between "=" and ";" counts as the value (3.5).
      const size_t name = static_cast<size_t>(tag.name.data() - value.data());
      out.signature_begin = value.find('=', name) + 1;
      out.signature_end = std::min(value.find(';', out.signature_begin), value.size());
    } else if (tag.name == "bh") {
      good = once(kBh) && decode(tag.value, arena, out.body_hash);
    } else if (tag.name == "d") {
      good = once(kD) && read_name(tag.value, arena, out.domain);
    } else if (tag.name == "s") {
      good = once(kS) && read_name(tag.value, arena, out.selector);
    } else if (tag.name == "h") {
      // An ARC signature of seals would be broken by the next one (RFC 8617 4.1.2).
      good = once(kH) && signs(tag.value, "from") &&
             (form == DkimForm::kDkim || !signs(tag.value, "arc-seal"));
      out.names = tag.value;
    } else if (tag.name == "c") {
      good = read_canonicals(tag.value, out);
    } else if (tag.name == "i") {
      if (form == DkimForm::kDkim)
        identity = tag.value;
      else
        good = once(kI);
    } else if (tag.name == "l") {
      good = read_number(tag.value, number);
      out.body_bytes = static_cast<uint64_t>(number);
    } else if (tag.name == "t") {
      good = read_number(tag.value, out.time);
    } else if (tag.name == "x") {
      good = read_number(tag.value, out.expires);
    }
    if (!good) return false;
  }
  // No key signs with more; what is longer only costs.
  constexpr size_t kSignatureMax = 1024;
  // Some write v= into ARC headers, too.
  if (form != DkimForm::kDkim) seen &= ~uint32_t{kV};
  return !tags.bad() && seen == needed && out.signature.size() <= kSignatureMax &&
         read_identity(identity, out);
}

DkimAlgorithm algorithm_of(const DkimHeader& header) {
  return header.key_type == DkimKeyType::kEd25519 ? DkimAlgorithm::kEd25519Sha256
         : header.hash == HashKind::kSha1         ? DkimAlgorithm::kRsaSha1
                                                  : DkimAlgorithm::kRsaSha256;
}

std::string_view pack_signature(const DkimSignature& signature, Arena& arena) {
  const std::string_view texts[] = {signature.domain, signature.selector, signature.digest,
                                    signature.signature};
  size_t size = 3;
  for (const std::string_view text : texts) size += 2 + text.size();
  char* const to = arena.alloc_bytes(size);
  char* at = to;
  *at++ = static_cast<char>(signature.algorithm);
  *at++ = static_cast<char>(signature.body == BodyHash::kPart ? 128 + signature.covered_percent
                                                              : static_cast<int>(signature.body));
  *at++ = static_cast<char>(signature.identity_is_domain);
  for (const std::string_view text : texts) {
    *at++ = static_cast<char>(text.size() & 255u);
    *at++ = static_cast<char>(text.size() >> 8u);
    at = std::copy_n(text.data(), text.size(), at);
  }
  return {to, size};
}

bool unpack_signature(std::string_view bytes, DkimSignature& out) {
  if (bytes.size() < 3 || static_cast<uint8_t>(bytes[0]) > 2) return false;
  const auto body = static_cast<uint8_t>(bytes[1]);
  const bool part = body >= 128 && body < 228;
  if (body > 2 && !part) return false;
  out.algorithm = static_cast<DkimAlgorithm>(bytes[0]);
  out.body = part ? BodyHash::kPart : static_cast<BodyHash>(body);
  out.covered_percent = static_cast<uint8_t>(part ? body - 128 : 0);
  out.identity_is_domain = bytes[2] != 0;
  bytes.remove_prefix(3);
  for (std::string_view* const text : {&out.domain, &out.selector, &out.digest, &out.signature}) {
    if (bytes.size() < 2) return false;
    const size_t size = static_cast<uint8_t>(bytes[0]) | static_cast<uint8_t>(bytes[1]) << 8u;
    bytes.remove_prefix(2);
    if (size > bytes.size()) return false;
    *text = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) return false;
  if (out.body == BodyHash::kNotMade) return out.digest.empty();
  const bool sha1 = out.algorithm == DkimAlgorithm::kRsaSha1;
  return out.digest.size() == hash_bytes(sha1 ? HashKind::kSha1 : HashKind::kSha256);
}

bool parse_dkim_key(std::string_view text, DkimKey& out) {
  out = {};
  TagReader tags(text);
  Tag tag;
  bool first = true, has_p = false;
  while (tags.next(tag)) {
    if (tag.name == "v" && (!first || tag.value != "DKIM1")) return false;
    first = false;
    if (tag.name == "p") {
      has_p = true;
      out.p = tag.value;
      out.revoked = tag.value.empty();
    } else if (tag.name == "k") {
      if (equal_caseless(tag.value, "ed25519"))
        out.type = DkimKeyType::kEd25519;
      else if (!equal_caseless(tag.value, "rsa"))
        return false;
    } else if (tag.name == "h") {
      out.allows_sha1 = find_caseless(tag.value, "sha1") != std::string_view::npos;
      out.allows_sha256 = find_caseless(tag.value, "sha256") != std::string_view::npos;
    } else if (tag.name == "s") {
      if (tag.value.find('*') == std::string_view::npos &&
          find_caseless(tag.value, "email") == std::string_view::npos)
        return false;
    } else if (tag.name == "t") {
      for (const char c : tag.value) out.strict |= c == 's' || c == 'S';
    }
  }
  return !tags.bad() && has_p;
}

}  // namespace winnow
