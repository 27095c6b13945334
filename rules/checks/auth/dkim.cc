// DKIM: which domains signed the message as it arrived (RFC 6376, RFC 8463; facts: "DKIM verify").
//
// content() hashes body and headers from the bytes as the wire had them and leaves one
// DkimSignature for each header that can be judged, packed into the option of a fact that never
// shows. Where no key can be had (Batch::silent) nothing is hashed, and a key that comes all the
// same finds the signature undecided. The key is asked for before sealing; judge() has a public-key
// operation left for each. A broken, expired or future header leaves nothing, as with Rspamd.
#include <algorithm>
#include <array>

#include "engine/crypt/verify.h"
#include "rules/checks/auth/dkim_signature.h"
#include "rules/checks/auth/tag_list.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kAllow, kReject, kPermFail, kTempFail, kTrace, kFact, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"R_DKIM_ALLOW", "policies", -0.2, "A DKIM signature verified.", true},
    {"R_DKIM_REJECT", "policies", 1, "A DKIM signature does not verify.", true},
    {"R_DKIM_PERMFAIL", "policies", 0, "A DKIM key is missing, revoked or broken."},
    {"R_DKIM_TEMPFAIL", "policies", 0, "A DKIM key could not be looked up."},
    {"DKIM_TRACE", "policies", 0, "What became of each signing domain: + - ~ ?", true},
    {"DKIM_SIGNATURE", "policies", 0, ""},  // a packed DkimSignature, for judge() alone
}};

constexpr std::array<OptionDecl, 2> kOptions{{
    {"max_sigs", OptionType::kInteger, "5", "Signatures of one message that are looked at.", 1,
     100},
    {"time_jitter", OptionType::kTime, "6h", "How far in the future a signature may stand.", 0,
     31'536'000},
}};

constexpr std::array<std::string_view, 1> kAfter{"spf"};  // so that verifying happens once

struct DkimPlan final : CheckPlan {
  int64_t signatures_max = 5;
  int64_t jitter_s = 6 * 3600;
  SymbolId fact = kNoId<SymbolId>;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<DkimPlan>();
  plan->fact = context.symbol(kSymbols[kFact].name);
  if (!context.options) return plan;
  plan->signatures_max =
      std::clamp<int64_t>(context.options->integer("max_sigs", plan->signatures_max), 1, 100);
  if (const UclObject* const jitter = context.options->find("time_jitter"))
    if (const auto seconds = jitter->as_seconds())
      plan->jitter_s = static_cast<int64_t>(std::clamp(*seconds, 0.0, kOptions[1].max));
  return plan;
}

uint32_t name_hash(std::string_view name) {
  uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(lower_ascii(c))) * 16777619u;
  return hash;
}

// One message's own headers, each as it stands in the message.
struct Fields {
  std::span<const Header> headers;
  std::span<uint32_t> hashes;  // of the names
  std::span<bool> used;        // by the signature at hand

  Fields(std::span<const Header> own, Arena& arena)
      : headers(own),
        hashes(arena.alloc<uint32_t>(own.size())),
        used(arena.alloc<bool>(own.size())) {
    for (size_t i = 0; i < own.size(); ++i) hashes[i] = name_hash(trim_folding(own[i].name));
  }
  // Name, colon and value are contiguous bytes of the message.
  static std::string_view text(const Header& header) {
    const char* const begin = header.name.data();
    return {begin, static_cast<size_t>(header.raw.data() + header.raw.size() - begin)};
  }
};

// Hashes the headers that h= names, each the lowest not yet used (5.4.2), then the signature's own
// with an empty b= (3.7).
std::string_view hash_headers(const DkimHeader& signature, Fields& fields, size_t own,
                              Arena& arena) {
  Hash hash(signature.hash);
  std::fill(fields.used.begin(), fields.used.end(), false);
  std::string_view names = signature.names;
  for (uint32_t n = 0; n < kDkimNamesMax; ++n) {
    const size_t colon = names.find(':');
    const std::string_view name = trim_folding(names.substr(0, colon));
    const uint32_t wanted = name_hash(name);
    for (size_t i = fields.headers.size(); i-- > 0;) {
      if (fields.hashes[i] != wanted || fields.used[i]) continue;
      const Header& header = fields.headers[i];
      if (!equal_caseless(trim_folding(header.name), name)) continue;
      fields.used[i] = true;
      add_canonical_header(Fields::text(header), trim_folding(header.name).size(), signature.header,
                           true, hash);
      break;
    }
    if (colon == std::string_view::npos) break;
    names.remove_prefix(colon + 1);
  }
  const Header& header = fields.headers[own];
  const std::string_view text = Fields::text(header);
  const size_t value = static_cast<size_t>(header.raw.data() - text.data());
  const std::string_view bare = join_text(arena, text.substr(0, value + signature.signature_begin),
                                          header.raw.substr(signature.signature_end));
  add_canonical_header(bare, trim_folding(header.name).size(), signature.header, false, hash);
  return arena.copy(hash.finish());
}

// Body hashes of one message; several signatures mostly want the same.
class BodyHashes {
 public:
  BodyHashes(std::string_view body, Arena& arena) : body_(body), arena_(arena) {}
  bool match(const DkimHeader& wanted) {
    for (size_t i = 0; i < count_; ++i) {
      const Known& one = known_[i];
      if (one.canonical == wanted.body && one.hash == wanted.hash && one.bytes == wanted.body_bytes)
        return one.digest == wanted.body_hash;
    }
    Hash hash(wanted.hash);
    const uint64_t all = add_canonical_body(body_, wanted.body, wanted.body_bytes, hash);
    Known known{wanted.body, wanted.hash, wanted.body_bytes, arena_.copy(hash.finish())};
    if (wanted.body_bytes != kWholeBody && wanted.body_bytes > all) known.digest = {};
    if (count_ < known_.size()) known_[count_++] = known;
    return known.digest == wanted.body_hash;
  }

 private:
  struct Known {
    Canonical canonical;
    HashKind hash;
    uint64_t bytes;
    std::string_view digest;  // empty: the body is shorter than l says
  };
  std::string_view body_;
  Arena& arena_;
  std::array<Known, 4> known_;
  size_t count_ = 0;
};

void signatures_of(const DkimPlan& plan, Batch& batch, uint32_t row) {
  const std::span<const Header> own = own_headers(batch, row);
  const int64_t now = batch.envelopes[row].now_ms / 1000;
  const bool is_silent = batch.silent & 1u << static_cast<uint32_t>(QuestionKind::kDns);
  int64_t looked_at = 0;
  std::optional<Fields> fields;
  BodyHashes bodies(batch.raw[row].substr(batch.facts[row].body_offset), batch.arena);
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i].id != header_id(known::kDkimSignature)) continue;
    if (looked_at++ == plan.signatures_max) break;
    DkimHeader header;
    if (!parse_dkim_header(own[i].raw, batch.arena, header)) continue;
    if (header.time > now + plan.jitter_s || (header.expires > 0 && header.expires < now)) continue;
    DkimSignature signature;
    signature.algorithm = header.key_type == DkimKeyType::kEd25519 ? DkimAlgorithm::kEd25519Sha256
                          : header.hash == HashKind::kSha1         ? DkimAlgorithm::kRsaSha1
                                                                   : DkimAlgorithm::kRsaSha256;
    signature.identity_is_domain = header.identity_is_domain;
    signature.domain = header.domain;
    signature.selector = header.selector;
    signature.signature = header.signature;
    if (is_silent) {
      signature.body = BodyHash::kNotMade;
    } else {
      if (!fields) fields.emplace(own, batch.arena);
      signature.body = bodies.match(header) ? BodyHash::kSigned : BodyHash::kOther;
      signature.digest = hash_headers(header, *fields, i, batch.arena);
    }
    batch.symbols.push_back({row, plan.fact, 1, pack_signature(signature, batch.arena), {}});
  }
}

void content(const CheckPlan& base, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!is_trusted(batch.envelopes[row]))
      signatures_of(static_cast<const DkimPlan&>(base), batch, row);
  }
}

DnsName key_name(const DkimSignature& signature) {
  DnsName name;
  name.append(signature.selector);
  name.append("._domainkey.");
  name.append(signature.domain);
  name.close();
  return name;
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const SymbolId fact = static_cast<const DkimPlan&>(base).fact;
  for (const SymbolHit& hit : batch.symbols) {
    DkimSignature signature;
    if (hit.symbol != fact || !unpack_signature(hit.option, signature)) continue;
    const DnsName name = key_name(signature);
    if (!name.empty()) asker.ask(hit.row, QuestionKind::kDns, rr::kTxt, name.view());
  }
}

// Whether the key may and does verify the signature.
Sym judge_key(const DkimSignature& signature, const DkimKey& key) {
  if (signature.body == BodyHash::kNotMade) return kTempFail;
  constexpr size_t kKeyTextMax = 4096;
  const bool ed25519 = signature.algorithm == DkimAlgorithm::kEd25519Sha256;
  const bool sha1 = signature.algorithm == DkimAlgorithm::kRsaSha1;
  if (key.revoked || (key.type == DkimKeyType::kEd25519) != ed25519 ||
      !(sha1 ? key.allows_sha1 : key.allows_sha256) ||
      (key.strict && !signature.identity_is_domain) || key.p.size() > kKeyTextMax)
    return kPermFail;
  char bytes[kKeyTextMax];
  const size_t size = decode_key_base64(key.p, bytes, sizeof bytes);
  if (size == SIZE_MAX) return kPermFail;
  const std::string_view der(bytes, size);
  if (signature.body == BodyHash::kOther) return kReject;
  const Verified verified = ed25519 ? verify_ed25519(der, signature.digest, signature.signature)
                                    : verify_rsa(der, sha1 ? HashKind::kSha1 : HashKind::kSha256,
                                                 signature.digest, signature.signature);
  return verified == Verified::kGood ? kAllow : verified == Verified::kBad ? kReject : kPermFail;
}

Sym judge_signature(const DkimSignature& signature, const Answer* answer) {
  if (!answer) return kPermFail;  // a name that DNS cannot hold
  if (answer->state == AnswerState::kUnknown) return kTempFail;
  for (const std::string_view value : answer->values) {
    DkimKey key;
    if (parse_dkim_key(value, key)) return judge_key(signature, key);
  }
  return kPermFail;
}

void say(const CheckPlan& plan, Judgement& judgement, Sym which,
         std::initializer_list<std::string_view> parts) {
  if (plan.symbols[which] == kNoId<SymbolId>) return;
  char text[2 * DnsName::kBytesMax + 8];  // two names, each within its bounds, and marks
  size_t size = 0;
  for (const std::string_view part : parts) {
    const size_t n = std::min(part.size(), sizeof text - size);
    std::copy_n(part.data(), n, text + size);
    size += n;
  }
  judgement.insert(plan.symbols[which], 1, {text, size});
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const DkimPlan&>(base);
  const auto each = [&](auto f) {
    for (const SymbolFact& fact : evidence.symbols) {
      DkimSignature signature;
      if (fact.symbol != plan.fact || !unpack_signature(fact.option, signature)) continue;
      const DnsName name = key_name(signature);
      f(signature, name.empty() ? nullptr : &name);
    }
  };
  const auto key_of = [&](const DnsName& name) {
    return judgement.ask(QuestionKind::kDns, rr::kTxt, name.view());
  };
  bool is_open = false;
  each([&](const DkimSignature&, const DnsName* name) { is_open |= name && !key_of(*name); });
  if (is_open) return Judged::kWaiting;
  constexpr std::string_view kMarks[] = {":+", ":-", ":~", ":?"};
  each([&](const DkimSignature& signature, const DnsName* name) {
    const Sym result = judge_signature(signature, name ? key_of(*name) : nullptr);
    say(plan, judgement, result, {signature.domain, ":s=", signature.selector});
    say(plan, judgement, kTrace, {signature.domain, kMarks[result]});
  });
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kDkim{
    .name = "dkim",
    .text = "Verifies DKIM signatures.",
    .options = kOptions,
    .symbols = kSymbols,
    .after = kAfter,
    .local_skip = true,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
