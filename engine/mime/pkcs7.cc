#include "engine/mime/pkcs7.h"

namespace winnow {

namespace {

constexpr uint8_t kInteger = 0x02;
constexpr uint8_t kOctets = 0x04;
constexpr uint8_t kOid = 0x06;
constexpr uint8_t kOctetPieces = 0x24;
constexpr uint8_t kSequence = 0x30;
constexpr uint8_t kSet = 0x31;
constexpr uint8_t kContent = 0xA0;
constexpr uint8_t kConstructed = 0x20;

constexpr std::string_view kPkcs7{"\x2A\x86\x48\x86\xF7\x0D\x01\x07", 8};  // 1.2.840.113549.1.7
constexpr std::string_view kCompressedData{"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x09",
                                           11};  // 1.2.840.113549.1.9.16.1.9

struct Element {
  uint8_t tag = 0;
  bool indefinite = false;
  std::string_view body;  // indefinite: all that is left
};

// Takes the element at the front of `in`; an indefinite one leaves `in` at its first member.
bool take(std::string_view& in, Element& element) {
  if (in.size() < 2) return false;
  element.tag = static_cast<uint8_t>(in[0]);
  if ((element.tag & 0x1f) == 0x1f) return false;  // long tags do not occur on this path
  const uint8_t first = static_cast<uint8_t>(in[1]);
  in.remove_prefix(2);
  element.indefinite = first == 0x80;
  uint64_t length = first;
  if (element.indefinite) {
    element.body = in;
    return (element.tag & kConstructed) != 0;
  }
  if (first > 0x80) {
    const size_t count = first & 0x7f;
    if (count > 8 || count > in.size()) return false;
    length = 0;
    for (size_t i = 0; i < count; ++i) length = length << 8 | static_cast<uint8_t>(in[i]);
    in.remove_prefix(count);
  }
  // A cut message still has the front of its content.
  if (length > in.size()) length = in.size();
  element.body = in.substr(0, length);
  in.remove_prefix(length);
  return true;
}

// Takes an element with this tag and goes into it.
bool enter(std::string_view& in, uint8_t tag) {
  Element element;
  if (!take(in, element) || element.tag != tag) return false;
  in = element.body;
  return true;
}

// Takes a whole element with this tag.
bool skip(std::string_view& in, uint8_t tag) {
  Element element;
  if (!take(in, element) || element.tag != tag) return false;
  for (size_t open = element.indefinite; open > 0;) {
    if (!take(in, element)) return false;
    if (element.indefinite)
      ++open;
    else if (element.tag == 0)
      --open;
  }
  return true;
}

// The bytes of an OCTET STRING, in one piece or several.
std::string_view octets(std::string_view in, Arena& arena) {
  Element element;
  if (!take(in, element)) return {};
  if (element.tag == kOctets) return element.body;
  if (element.tag != kOctetPieces) return {};
  in = element.body;
  char* const out = arena.alloc_bytes(in.size());
  char* to = out;
  while (take(in, element)) {
    if (element.tag == kOctets) {
      if (!element.body.empty()) std::memcpy(to, element.body.data(), element.body.size());
      to += element.body.size();
    } else if (element.tag != kOctetPieces || !element.indefinite) {
      break;
    }
  }
  arena.shrink_to(to);
  return {out, static_cast<size_t>(to - out)};
}

}  // namespace

Pkcs7 read_pkcs7(std::string_view der, Arena& arena) {
  Pkcs7 result;
  std::string_view in = der;
  Element oid;
  if (!enter(in, kSequence) || !take(in, oid) || oid.tag != kOid) return result;
  if (oid.body == kCompressedData) {
    result.kind = Pkcs7::Kind::kCompressed;
    return result;
  }
  if (oid.body.size() != kPkcs7.size() + 1 || !oid.body.starts_with(kPkcs7)) {
    result.kind = Pkcs7::Kind::kOther;
    return result;
  }
  switch (oid.body.back()) {
    case 2:
      result.kind = Pkcs7::Kind::kSigned;
      break;
    case 3:
      result.kind = Pkcs7::Kind::kEnveloped;
      break;
    default:
      result.kind = Pkcs7::Kind::kOther;
  }
  if (result.kind != Pkcs7::Kind::kSigned) return result;
  if (enter(in, kContent) && enter(in, kSequence) && skip(in, kInteger) && skip(in, kSet) &&
      enter(in, kSequence) && skip(in, kOid) && enter(in, kContent))
    result.content = octets(in, arena);
  return result;
}

}  // namespace winnow
