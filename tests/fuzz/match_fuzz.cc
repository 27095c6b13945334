// A pattern and a text: databases and PCRE2 must say the same, fresh from the library and read back
// from a cache, also from a cache whose bytes were changed. What is found lies in its text.
//   input := flags scope pattern "\0" text      ; flags bit 6: a byte of the cached database flips
#include <cstdlib>
#include <map>
#include <string_view>

#include "engine/match/match.h"
#include "engine/match/scope_texts.h"
#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

constexpr ScopeKind kScopes[] = {
    ScopeKind::kPart,      ScopeKind::kBody,       ScopeKind::kWord,     ScopeKind::kSaBody,
    ScopeKind::kHeader,    ScopeKind::kRawHeader,  ScopeKind::kRawPart,  ScopeKind::kMimeHeader,
    ScopeKind::kUrl,       ScopeKind::kEmail,      ScopeKind::kFolded,   ScopeKind::kFilename,
    ScopeKind::kSaRawBody, ScopeKind::kAllHeaders, ScopeKind::kStemWord, ScopeKind::kRawWord};

class MapCache final : public BlobCache {
 public:
  bool get(std::string_view key, std::string& bytes) override {
    const auto at = blobs.find(key);
    if (at == blobs.end()) return false;
    bytes = at->second;
    return true;
  }
  void put(std::string_view key, std::string_view bytes) override {
    blobs.insert_or_assign(std::string(key), std::string(bytes));
  }
  std::map<std::string, std::string, std::less<>> blobs;
};

// Large repeats take the library seconds to compile; digits beyond two are left out.
bool is_costly(std::string_view regex) {
  size_t digits = 0, repeats = 0;
  for (const char c : regex) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    repeats += c == '{' || c == '*' || c == '+';
    if (digits > 2 || repeats > 4) return true;
  }
  return false;
}

Mail mail_of(const std::string& text) {
  Mail mail;
  mail.raw = text;
  mail.header_block = text;
  mail.texts = {text};
  mail.emails = {text};
  mail.filenames = {text};
  mail.members = {text.substr(text.size() / 2)};
  for (const uint32_t part : {0u, 1u})
    mail.headers.push_back(
        {header_id(known::kSubject), "Subject", text, text.substr(text.size() / 2), part});
  Url url;
  url.normal = mail.raw;
  mail.urls = {url};
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    if (end > at) mail.words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return mail;
}

void expect(bool good) {
  if (!good) std::abort();
}

void expect_same(const MatchPlan& plan, MatchScratch& scratch, Batch& batch,
                 const std::vector<AtomHit>& expected) {
  batch.atoms.clear();
  match(plan, scratch, batch, Locate::kYes);
  expect(expected.size() == batch.atoms.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const AtomHit &a = expected[i], &b = batch.atoms[i];
    expect(a.count == b.count && a.where.item == b.where.item && a.where.begin == b.where.begin &&
           a.where.end == b.where.end);
    TextRoom room;
    const std::string_view text = scope_text(batch, b.row, b.where, room);
    expect(b.where.begin <= b.where.end && b.where.end <= text.size());
  }
}

}  // namespace
}  // namespace winnow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size < 4 || size > 256) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t nul = input.find('\0', 2);
  if (nul == std::string_view::npos || nul > 34) return 0;
  PatternSpec spec;
  spec.flags = data[0] & 0x1F;
  if (data[0] & 0x20) spec.flags |= bit(PatternFlag::kCountAll);
  spec.scope = kScopes[data[1] % std::size(kScopes)];
  if (is_header_scope(spec.scope)) {
    spec.header = header_id(known::kSubject);
    spec.name = "Subject";
    spec.strict_case = data[1] >= 0x80;
  }
  spec.regex = input.substr(2, nul - 2);
  if (is_costly(spec.regex)) return 0;
  Limits limits;
  limits.pcre_steps_max = 20'000;
  MatchPlanBuilder builder;
  if (!builder.add(spec, AtomId(0))) return 0;
  const auto slow = builder.build({.limits = limits, .databases = Databases::kNone});
  const Mail mail = mail_of(std::string(input.substr(nul + 1)));
  MailBatch mails;
  mails.add(mail);
  MatchScratch scratch(limits);
  match(*slow, scratch, mails.batch, Locate::kYes);
  const std::vector<AtomHit> expected = mails.batch.atoms;
  // Where PCRE2 gave up there is no answer to compare with.
  if (mails.batch.facts[0].faults.has(Fault::kLimitMatch)) return 0;
  MapCache cache;
  const auto fast = slow->with_databases({.cache = &cache});
  expect_same(*fast, scratch, mails.batch, expected);
  if (data[0] & 0x40) {
    for (auto& [key, bytes] : cache.blobs) bytes[data[size - 1] * 7u % bytes.size()] ^= 1;
    if (data[0] & 0x80)
      for (auto& [key, bytes] : cache.blobs) bytes.resize(data[size - 1] % bytes.size());
  }
  const auto cached = slow->with_databases({.databases = Databases::kCached, .cache = &cache});
  expect_same(*cached, scratch, mails.batch, expected);
  return 0;
}
