// The slow matcher: every pattern, every text, PCRE2 and nothing else. What the match stage says
// must be what this says.
#pragma once

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "engine/batch.h"
#include "engine/match/pattern.h"
#include "engine/match/regex.h"
#include "engine/match/scope_texts.h"
#include "engine/match/utf8_valid.h"

namespace winnow {

struct OracleHit {
  uint32_t row;
  uint32_t atom;
  uint32_t count;
  uint32_t item;
  auto operator<=>(const OracleHit&) const = default;
};

inline std::vector<OracleHit> oracle(const std::vector<PatternSpec>& specs, const Batch& batch) {
  std::vector<OracleHit> hits;
  RegexScratch scratch;
  TextRoom room;
  for (uint32_t atom = 0; atom < specs.size(); ++atom) {
    const PatternSpec& spec = specs[atom];
    const Regex regex = *Regex::compile(spec.regex, spec.flags);
    const bool counts = (spec.flags & bit(PatternFlag::kCountAll)) != 0;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      OracleHit hit{row, atom, 0, 0};
      const auto ask = [&](uint32_t item, std::string_view text) {
        if ((spec.flags & bit(PatternFlag::kUtf)) && !is_valid_utf8(text)) return;
        bool limited = false;
        uint32_t matches = regex.count(scratch, text, 1000, limited);
        if (limited && matches == 0) {
          matches = regex.test_without_backtracking(scratch, text) == Find::kFound;
        }
        if (hit.count == 0) hit.item = item;
        hit.count += matches;
      };
      if (is_header_scope(spec.scope)) {
        const auto headers = batch.headers.row(row);
        for (uint32_t i = 0; i < headers.size(); ++i) {
          const bool mime = spec.scope == ScopeKind::kMimeHeader;
          if (headers[i].id != spec.header || (headers[i].part != 0) != mime) continue;
          if (spec.strict_case && headers[i].name != spec.name) continue;
          ask(i, header_text(spec.scope, headers[i]));
        }
      } else if (is_word_scope(spec.scope)) {
        each_word(spec.scope, batch, row, ask);
      } else {
        each_text(spec.scope, batch, row, false, room, ask);
      }
      if (hit.count == 0) continue;
      hit.count = counts ? std::min(hit.count, 1000u) : 1;
      hits.push_back(hit);
    }
  }
  std::ranges::sort(hits);
  return hits;
}

inline std::vector<OracleHit> hits_of(const Batch& batch) {
  std::vector<OracleHit> hits;
  for (const AtomHit& hit : batch.atoms) {
    hits.push_back({hit.row, index(hit.atom), hit.count, hit.where.item});
  }
  std::ranges::sort(hits);
  return hits;
}

}  // namespace winnow
