// DKIM: the input's first line is a key record, the rest a signature header, and the whole a body
// and a header to hash. What is parsed stays in its bounds, packing and unpacking agree, and the
// canonical form of mail does not depend on its line ends.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "engine/crypt/base64_text.h"
#include "engine/crypt/verify.h"
#include "rules/checks/auth/dkim_signature.h"

namespace winnow {
namespace {

void expect(bool good) {
  if (!good) std::abort();
}

bool inside(std::string_view view, std::string_view text) {
  return view.empty() || (view.data() >= text.data() && view.end() <= text.end());
}

void read_header(std::string_view value) {
  Arena arena(256 * 1024);
  DkimHeader header;
  if (!parse_dkim_header(value, arena, header)) return;
  expect(!header.domain.empty() && !header.selector.empty() && !header.signature.empty());
  expect(inside(header.names, value));
  expect(header.signature_begin <= header.signature_end && header.signature_end <= value.size());
  const DkimAlgorithm algorithm = header.key_type == DkimKeyType::kEd25519
                                      ? DkimAlgorithm::kEd25519Sha256
                                  : header.hash == HashKind::kSha1 ? DkimAlgorithm::kRsaSha1
                                                                   : DkimAlgorithm::kRsaSha256;
  // What is sealed is the digest that was made of the headers. The body hash of the mail may have
  // any length: one that no body has differs from every body's.
  const std::string_view digest =
      std::string_view("0123456789abcdef0123456789abcdef").substr(0, hash_bytes(header.hash));
  const DkimSignature signature{.algorithm = algorithm,
                                .domain = header.domain,
                                .selector = header.selector,
                                .digest = digest,
                                .signature = header.signature};
  DkimSignature back;
  expect(unpack_signature(pack_signature(signature, arena), back));
  expect(back.domain == header.domain && back.selector == header.selector &&
         back.digest == digest && back.signature == header.signature);
}

void read_key(std::string_view text) {
  DkimKey key;
  if (!parse_dkim_key(text, key)) return;
  expect(inside(key.p, text) && key.revoked == key.p.empty());
  char bytes[2048];
  const size_t n = decode_base64_text(key.p, bytes, sizeof bytes);
  expect(n == SIZE_MAX || n <= sizeof bytes);
  if (n == SIZE_MAX) return;
  constexpr std::string_view kDigest = "0123456789abcdef0123456789abcdef";
  if (key.type == DkimKeyType::kRsa)
    verify_rsa({bytes, n}, HashKind::kSha256, kDigest, text);
  else
    verify_ed25519({bytes, n}, kDigest, text);
}

std::string digest_of(std::string_view body, Canonical canonical, uint64_t bytes_max) {
  Hash hash(HashKind::kSha256);
  add_canonical_body(body, canonical, bytes_max, hash);
  return std::string(hash.finish());
}

void hash_body(std::string_view body, uint64_t bytes_max) {
  std::string crlf;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\n' && (i == 0 || body[i - 1] != '\r')) crlf += '\r';
    crlf += body[i];
  }
  for (const Canonical canonical : {Canonical::kSimple, Canonical::kRelaxed})
    expect(digest_of(body, canonical, bytes_max) == digest_of(crlf, canonical, bytes_max));
}

}  // namespace
}  // namespace winnow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size > 16384) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  read_key(text.substr(0, line));
  read_header(text.substr(std::min(line + 1, text.size())));
  unpack_signature(text, *std::make_unique<DkimSignature>());
  hash_body(text, kWholeBody);
  hash_body(text, size / 2);
  Hash hash(HashKind::kSha256);
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    add_canonical_header(text, colon, Canonical::kRelaxed, true, hash);
    add_canonical_header(text, colon, Canonical::kSimple, false, hash);
  }
  return 0;
}
