#include "rules/checks/auth/dkim_digest.h"

#include <algorithm>

#include "rules/checks/auth/tag_list.h"

namespace winnow {

namespace {

uint32_t name_hash(std::string_view name) {
  uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(lower_ascii(c))) * 16777619u;
  return hash;
}

}  // namespace

std::string_view field_text(const Header& header) {
  const char* const begin = header.name.data();
  return {begin, static_cast<size_t>(header.raw.data() + header.raw.size() - begin)};
}

void add_field(const Header& header, Canonical canonical, bool ends, Hash& hash) {
  add_canonical_header(field_text(header), trimmed(header.name).size(), canonical, ends, hash);
}

void add_unsigned_field(const Header& header, const DkimHeader& signature, Canonical canonical,
                        Arena& arena, Hash& hash) {
  const std::string_view text = field_text(header);
  const size_t value = static_cast<size_t>(header.raw.data() - text.data());
  const std::string_view bare = join_text(arena, text.substr(0, value + signature.signature_begin),
                                          header.raw.substr(signature.signature_end));
  add_canonical_header(bare, trimmed(header.name).size(), canonical, false, hash);
}

SignedFields::SignedFields(std::span<const Header> own, Arena& arena)
    : headers_(own),
      hashes_(arena.alloc<uint32_t>(own.size())),
      used_(arena.alloc<bool>(own.size())) {
  for (size_t i = 0; i < own.size(); ++i) hashes_[i] = name_hash(trimmed(own[i].name));
}

std::string_view SignedFields::digest(const DkimHeader& signature, size_t own, Arena& arena) {
  Hash hash(signature.hash);
  std::fill(used_.begin(), used_.end(), false);
  std::string_view names = signature.names;
  for (uint32_t n = 0; n < kDkimNamesMax; ++n) {
    const size_t colon = names.find(':');
    const std::string_view name = trimmed(names.substr(0, colon));
    const uint32_t wanted = name_hash(name);
    for (size_t i = headers_.size(); i-- > 0;) {
      if (hashes_[i] != wanted || used_[i]) continue;
      if (!equal_caseless(trimmed(headers_[i].name), name)) continue;
      used_[i] = true;
      add_field(headers_[i], signature.header, true, hash);
      break;
    }
    if (colon == std::string_view::npos) break;
    names.remove_prefix(colon + 1);
  }
  add_unsigned_field(headers_[own], signature, signature.header, arena, hash);
  return arena.copy(hash.finish());
}

BodyHashes::Known BodyHashes::make(Canonical canonical, HashKind kind, uint64_t bytes_max) {
  for (size_t i = 0; i < count_; ++i) {
    const Known& one = known_[i];
    if (one.canonical == canonical && one.hash == kind && one.bytes_max == bytes_max) return one;
  }
  Hash hash(kind);
  const uint64_t all = add_canonical_body(body_, canonical, bytes_max, hash);
  Known known{canonical, kind, bytes_max, all, arena_.copy(hash.finish())};
  if (bytes_max != kWholeBody && bytes_max > all) known.digest = {};
  if (count_ < known_.size()) known_[count_++] = known;
  return known;
}

void BodyHashes::match(const DkimHeader& wanted, DkimSignature& out) {
  const Known known = make(wanted.body, wanted.hash, wanted.body_bytes);
  out.body = known.digest == wanted.body_hash ? BodyHash::kSigned : BodyHash::kOther;
  if (out.body != BodyHash::kSigned || wanted.body_bytes >= known.bytes) return;
  out.body = BodyHash::kPart;
  out.covered_percent = static_cast<uint8_t>(static_cast<double>(wanted.body_bytes) * 100 /
                                             static_cast<double>(known.bytes));
}

std::string_view BodyHashes::digest(Canonical canonical, HashKind kind) {
  return make(canonical, kind, kWholeBody).digest;
}

}  // namespace winnow
