#include "engine/match/pattern.h"

namespace winnow {

namespace {

struct ScopeName {
  std::string_view name;
  ScopeKind scope;
};

// The first row of a scope is its canonical name.
constexpr ScopeName kScopeNames[] = {
    {"header", ScopeKind::kHeader},
    {"raw_header", ScopeKind::kRawHeader},
    {"mime_header", ScopeKind::kMimeHeader},
    {"all_header", ScopeKind::kAllHeaders},
    {"body", ScopeKind::kBody},
    {"part", ScopeKind::kPart},
    {"raw_mime", ScopeKind::kRawPart},
    {"sa_body", ScopeKind::kSaBody},
    {"sa_raw_body", ScopeKind::kSaRawBody},
    {"url", ScopeKind::kUrl},
    {"email", ScopeKind::kEmail},
    {"words", ScopeKind::kWord},
    {"raw_words", ScopeKind::kRawWord},
    {"stem_words", ScopeKind::kStemWord},
    {"selector", ScopeKind::kSelector},
    {"folded", ScopeKind::kFolded},
    {"filename", ScopeKind::kFilename},
    {"H", ScopeKind::kHeader},
    {"X", ScopeKind::kRawHeader},
    {"B", ScopeKind::kMimeHeader},
    {"R", ScopeKind::kAllHeaders},
    {"M", ScopeKind::kBody},
    {"P", ScopeKind::kPart},
    {"Q", ScopeKind::kRawPart},
    {"C", ScopeKind::kSaBody},
    {"D", ScopeKind::kSaRawBody},
    {"U", ScopeKind::kUrl},
    {"$", ScopeKind::kSelector},
    {"mime", ScopeKind::kPart},
    {"rawheader", ScopeKind::kRawHeader},
    {"mimeheader", ScopeKind::kMimeHeader},
    {"allheader", ScopeKind::kAllHeaders},
    {"all_headers", ScopeKind::kAllHeaders},
    {"rawmime", ScopeKind::kRawPart},
    {"raw_part", ScopeKind::kRawPart},
    {"sabody", ScopeKind::kSaBody},
    {"sarawbody", ScopeKind::kSaRawBody},
    {"rawwords", ScopeKind::kRawWord},
    {"stemwords", ScopeKind::kStemWord},
};

}  // namespace

std::string_view scope_name(ScopeKind scope) {
  for (const ScopeName& row : kScopeNames) {
    if (row.scope == scope) return row.name;
  }
  return "nowhere";
}

ScopeKind scope_from_name(std::string_view name) {
  for (const ScopeName& row : kScopeNames) {
    if (row.name == name) return row.scope;
  }
  return ScopeKind::kNowhere;
}

}  // namespace winnow
