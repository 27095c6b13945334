// The stage between texts and words: the distinct URLs and addresses of each message, with the
// places where they stand and what is odd about them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/limits.h"
#include "engine/url/find.h"
#include "engine/url/parse_url.h"
#include "engine/url/url_table.h"

namespace winnow {

struct UrlPlan {
  Limits limits;
  // Pages that open what their query says: "host/path", "host" (every path), ".host" (all below),
  // "name.*/path" (below the suffix of any country).
  std::span<const std::string_view> redirectors = {};
};

// Room that one worker keeps between batches. Not shared between threads.
struct UrlScratch {
  UrlParser parser;
  UrlFinder finder;        // over texts
  UrlFinder inner_finder;  // over link texts and queries, while the other is being read
  UrlTable urls;
  UrlTable emails;
  std::vector<char> query;  // a query with its escapes undone
  struct Pending {
    uint32_t url;  // index in the row; its query is still to be searched
    uint32_t depth;
  };
  std::vector<Pending> pending;
};

// Fills urls, emails, url_spans and texts[].url_bytes of all rows. Reads headers, facts.subject,
// parts, texts, htmls and html_links. Order of first appearance: Subject, list headers, then text
// by text; inside HTML by place in the rendered text. Where urls_max or url_candidates_max is
// passed the row gets Fault::kLimitUrls. REQUIRED: those columns are filled; urls, emails and
// url_spans are empty.
void urls(const UrlPlan& plan, UrlScratch& scratch, Batch& batch);

}  // namespace winnow
