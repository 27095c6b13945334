#include "rules/checks/auth/signed_mail.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/crypt/base64_text.h"
#include "rules/checks/auth/arc_chain.h"
#include "rules/checks/auth/dkim_canonical.h"
#include "rules/checks/auth/dkim_signature.h"
#include "rules/checks/auth/tag_list.h"

namespace winnow {

namespace {

constexpr size_t kLineMax = 76;
constexpr size_t kDigestBytes = 32;

void append_le(uint32_t value, size_t bytes, std::string& out) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 255u));
}
void append_text(std::string_view text, size_t bytes, std::string& out) {
  append_le(static_cast<uint32_t>(text.size()), bytes, out);
  out += text;
}

// Takes what pack_signed_mail() wrote apart.
struct Unpacker {
  std::string_view rest;
  bool good = true;

  std::string_view take(size_t bytes) {
    if (bytes > rest.size()) good = false;
    const std::string_view out = rest.substr(0, good ? bytes : 0);
    rest.remove_prefix(out.size());
    return out;
  }
  uint32_t number(size_t bytes) {
    uint32_t value = 0;
    const std::string_view from = take(bytes);
    for (size_t i = from.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(from[i]);
    return value;
  }
  std::string_view text(size_t bytes) { return take(number(bytes)); }
};

bool is_arc(HeaderId id) {
  return id == header_id(known::kArcSeal) || id == header_id(known::kArcMessageSignature) ||
         id == header_id(known::kArcAuthenticationResults);
}

// The number of the field that occurrence `position` of `name` is: 1 = first, -1 = last.
size_t find_field(std::span<const MailField> fields, std::string_view name, int32_t position) {
  int32_t count = 0;
  for (const MailField& field : fields) count += equal_caseless(field.name, name);
  const int32_t wanted = position < 0 ? count + position + 1 : position;
  int32_t number = 0;
  for (size_t i = 0; i < fields.size(); ++i)
    if (equal_caseless(fields[i].name, name) && ++number == wanted) return i;
  return fields.size();
}

void feed(const MailField& field, bool ends, Hash& hash) {
  std::string text(field.name);
  text.append(":").append(field.value);
  add_canonical_header(text, field.name.size(), Canonical::kRelaxed, ends, hash);
}

// A tag list that is folded before it gets too wide.
class TagWriter {
 public:
  explicit TagWriter(size_t name_bytes) : line_(name_bytes + 2) {}
  void add(std::string_view tag) {
    if (!text_.empty()) {
      text_ += ';';
      line_ += 1;
      space(tag.size() + 1);
    }
    put(tag);
  }
  // A part that may stand on a line of its own, behind what is there.
  void add_part(std::string_view part) {
    if (line_ + part.size() > kLineMax) fold();
    put(part);
  }
  // Bytes as base64, broken anywhere.
  void add_base64(std::string_view bytes) {
    const std::string digits = encode_base64_text(bytes);
    for (size_t at = 0; at < digits.size();) {
      if (line_ + 4 > kLineMax) fold();
      const size_t n = std::min(kLineMax - line_, digits.size() - at);
      put(std::string_view(digits).substr(at, n));
      at += n;
    }
  }
  std::string& text() { return text_; }

 private:
  void space(size_t next) {
    if (line_ + 1 + next > kLineMax) return fold();
    text_ += ' ';
    ++line_;
  }
  void fold() {
    text_ += "\n\t";
    line_ = 8;
  }
  void put(std::string_view part) {
    text_ += part;
    line_ += part.size();
  }

  std::string text_;
  size_t line_;
};

constexpr std::string_view kSignature = "DKIM-Signature", kArcSignature = "ARC-Message-Signature",
                           kArcSeal = "ARC-Seal", kArcResults = "ARC-Authentication-Results";

// The signature over what was fed, with the signature's own field last (RFC 6376 3.7).
bool finish(const PrivateKey& key, std::string_view name, TagWriter& tags, Hash& hash) {
  tags.add("b=");
  feed({name, tags.text()}, false, hash);
  const std::string signature = key.sign(hash.finish());
  tags.add_base64(signature);
  return !signature.empty();
}

std::string_view algorithm(const PrivateKey& key) {
  return key.is_ed25519() ? "a=ed25519-sha256" : "a=rsa-sha256";
}

}  // namespace

std::string_view pack_signed_mail(const SignedMail& mail, Arena& arena) {
  std::string out;
  out.push_back(static_cast<char>(mail.signers.size()));
  for (const Signer& signer : mail.signers)
    for (const std::string_view text : {signer.domain, signer.selector, signer.key})
      append_text(text.substr(0, UINT16_MAX), 2, out);
  out += mail.body_digest;
  append_le(static_cast<uint32_t>(mail.fields.size()), 4, out);
  for (const MailField& field : mail.fields) {
    append_text(field.name.substr(0, UINT16_MAX), 2, out);
    append_text(field.value, 4, out);
  }
  return arena.copy(out);
}

bool unpack_signed_mail(std::string_view bytes, SignedMail& out) {
  Unpacker from{bytes};
  out.signers.clear();
  out.fields.clear();
  const uint32_t signers = from.number(1);
  for (uint32_t i = 0; i < signers && from.good; ++i) {
    Signer signer;
    for (std::string_view* const text : {&signer.domain, &signer.selector, &signer.key})
      *text = from.text(2);
    out.signers.push_back(signer);
  }
  out.body_digest = from.take(kDigestBytes);
  const uint32_t fields = from.number(4);
  for (uint32_t i = 0; i < fields && from.good; ++i) {
    MailField field;
    field.name = from.text(2);
    field.value = from.text(4);
    out.fields.push_back(field);
  }
  return from.good && from.rest.empty() && signers <= SigningPolicy::kSignersMax;
}

void gather_fields(std::span<const Header> own, const std::vector<SignedName>& names, bool with_arc,
                   std::vector<MailField>& out) {
  for (const Header& header : own) {
    const bool wanted =
        (with_arc && is_arc(header.id)) ||
        std::ranges::any_of(names, [&](const SignedName& name) { return name.id == header.id; });
    if (wanted) out.push_back({trimmed(header.name), header.raw});
  }
}

void apply_field_edits(std::span<const Edit> edits, std::string_view new_subject,
                       std::vector<MailField>& fields) {
  // Positions are those of the message as it came: nothing that is added moves or is removed.
  std::vector<bool> gone(fields.size(), false);
  for (const Edit& edit : edits) {
    if (edit.kind != EditKind::kRemoveHeader) continue;
    const size_t at = find_field(fields, edit.name, edit.position);
    if (at < fields.size()) gone[at] = true;
    for (size_t i = 0; edit.position == 0 && i < fields.size(); ++i)
      if (equal_caseless(fields[i].name, edit.name)) gone[i] = true;
  }
  std::vector<MailField> top, bottom;  // what is added; the last one on top is the first
  const auto change = [&](std::string_view name, int32_t position, std::string_view value) {
    const size_t at = find_field(fields, name, position);
    if (at < fields.size() && !gone[at])
      fields[at].value = value;
    else
      bottom.push_back({name, value});
  };
  for (const Edit& edit : edits) {
    switch (edit.kind) {
      case EditKind::kAddHeader:
      case EditKind::kSignature:
        (edit.position == 0 || edit.position == -1 ? bottom : top)
            .push_back({edit.name, edit.value});
        break;
      case EditKind::kChangeHeader:
        change(edit.name, std::max(edit.position, 1), edit.value);
        break;
      case EditKind::kRewriteSubject:
        change("Subject", 1, edit.value);
        break;
      default:
        break;
    }
  }
  std::vector<MailField> left(top.rbegin(), top.rend());
  for (size_t i = 0; i < fields.size(); ++i)
    if (!gone[i]) left.push_back(fields[i]);
  left.insert(left.end(), bottom.begin(), bottom.end());
  fields = std::move(left);
  if (new_subject.empty()) return;
  if (const size_t at = find_field(fields, "Subject", 1); at < fields.size())
    fields[at].value = new_subject;
  else
    fields.push_back({"Subject", new_subject});
}

std::string edited_body_digest(std::span<const Edit> edits, std::string_view digest) {
  const Edit* body = nullptr;
  for (const Edit& edit : edits)
    if (edit.kind == EditKind::kReplaceBody) body = &edit;
  if (!body) return std::string(digest);
  Hash hash(HashKind::kSha256);
  add_canonical_body(body->value, Canonical::kRelaxed, kWholeBody, hash);
  return std::string(hash.finish());
}

std::string make_signature(const Signer& signer, const PrivateKey& key, int64_t now_s,
                           uint32_t instance, std::string_view body_digest,
                           const std::vector<SignedName>& names,
                           std::span<const MailField> fields) {
  const std::string_view own = instance > 0 ? kArcSignature : kSignature;
  TagWriter tags(own.size());
  tags.add(instance > 0 ? fmt::format("i={}", instance) : "v=1");
  tags.add(algorithm(key));
  tags.add("c=relaxed/relaxed");
  tags.add(fmt::format("d={}", signer.domain));
  tags.add(fmt::format("s={}", signer.selector));
  tags.add(fmt::format("t={}", now_s));
  tags.add("h=");
  Hash hash(HashKind::kSha256);
  size_t listed = 0;
  for (const SignedName& name : names) {
    size_t there = 0;
    for (size_t i = fields.size(); i-- > 0;) {  // from the bottom: 5.4.2
      if (!equal_caseless(fields[i].name, name.name)) continue;
      feed(fields[i], true, hash);
      ++there;
    }
    const bool over =
        name.oversign == Oversign::kAlways || (name.oversign == Oversign::kIfThere && there > 0);
    for (size_t i = 0; i < there + over; ++i) tags.add_part((listed++ > 0 ? ":" : "") + name.name);
    if (listed > kDkimNamesMax) return {};
  }
  if (listed == 0) return {};
  tags.add("bh=");
  tags.add_base64(body_digest);
  return finish(key, own, tags, hash) ? std::move(tags.text()) : std::string();
}

std::string make_seal(const Signer& signer, const PrivateKey& key, int64_t now_s, uint32_t instance,
                      std::string_view cv, std::span<const MailField> fields,
                      std::string_view results, std::string_view signature) {
  Hash hash(HashKind::kSha256);
  for (uint32_t i = 1; i < instance && cv != "fail"; ++i)
    for (const std::string_view name : {kArcResults, kArcSignature, kArcSeal})
      for (const MailField& field : fields)
        if (equal_caseless(field.name, name) && arc_tag(field.value, "i") == std::to_string(i))
          feed(field, true, hash);
  feed({kArcResults, results}, true, hash);
  feed({kArcSignature, signature}, true, hash);
  TagWriter tags(kArcSeal.size());
  tags.add(fmt::format("i={}", instance));
  tags.add(algorithm(key));
  tags.add(fmt::format("d={}", signer.domain));
  tags.add(fmt::format("s={}", signer.selector));
  tags.add(fmt::format("cv={}", cv));
  tags.add(fmt::format("t={}", now_s));
  return finish(key, kArcSeal, tags, hash) ? std::move(tags.text()) : std::string();
}

}  // namespace winnow
