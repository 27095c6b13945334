// A pattern and a text: databases and PCRE2 must say the same.
//   input := flags scope pattern "\0" text
#include <cstdlib>
#include <string_view>

#include "engine/match/match.h"
#include "tests/unit/match/mail.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size < 4 || size > 256) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t nul = input.find('\0', 2);
  if (nul == std::string_view::npos || nul > 34) return 0;
  PatternSpec spec;
  spec.flags = data[0] & 0x1F;
  if (data[0] & 0x20) spec.flags |= bit(PatternFlag::kCountAll);
  constexpr ScopeKind kScopes[] = {ScopeKind::kPart, ScopeKind::kBody, ScopeKind::kWord,
                                   ScopeKind::kSaBody};
  spec.scope = kScopes[data[1] % std::size(kScopes)];
  spec.regex = input.substr(2, nul - 2);
  // Large repeats take the library seconds to compile; digits beyond two are left out.
  size_t digits = 0, repeats = 0;
  for (char c : spec.regex) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    repeats += c == '{' || c == '*' || c == '+';
    if (digits > 2 || repeats > 4) return 0;
  }
  Limits limits;
  limits.pcre_steps_max = 20'000;
  MatchPlanBuilder builder;
  if (!builder.add(spec, AtomId(0))) return 0;
  const auto slow = builder.build({.limits = limits, .databases = Databases::kNone});
  const auto fast = slow->with_databases({});
  MailBatch mails;
  Mail mail;
  mail.raw = input.substr(nul + 1);
  mail.texts = {mail.raw};
  for (size_t at = 0; at < mail.raw.size();) {
    const size_t end = std::min(mail.raw.find_first_of(" \n", at), mail.raw.size());
    if (end > at) mail.words.push_back(mail.raw.substr(at, end - at));
    at = end + 1;
  }
  mails.add(mail);
  MatchScratch scratch(limits);
  match(*slow, scratch, mails.batch, Locate::kYes);
  const std::vector<AtomHit> expected = mails.batch.atoms;
  // Where PCRE2 gave up there is no answer to compare with.
  if (mails.batch.facts[0].faults.has(Fault::kLimitMatch)) return 0;
  mails.batch.atoms.clear();
  match(*fast, scratch, mails.batch, Locate::kYes);
  if (expected.size() != mails.batch.atoms.size()) std::abort();
  for (size_t i = 0; i < expected.size(); ++i) {
    const AtomHit &a = expected[i], &b = mails.batch.atoms[i];
    if (a.count != b.count || a.where.item != b.where.item || a.where.begin != b.where.begin ||
        a.where.end != b.where.end) {
      std::abort();
    }
  }
  return 0;
}
