// The urls stage: for each message where URLs stand, in the order in which they are gathered.
#include "engine/url/urls.h"

#include <utility>

#include "engine/content/content.h"
#include "engine/mime/header_names.h"
#include "engine/url/collect.h"

namespace winnow {

namespace {

// Headers whose value is made of URLs (RFC 2369, RFC 8058).
bool holds_urls(HeaderId id) {
  using namespace known;
  switch (index(id)) {
    case kListUnsubscribe:
    case kListPost:
    case kListHelp:
    case kListOwner:
    case kListSubscribe:
    case kListArchive:
      return true;
    default:
      return false;
  }
}

bool of_calendar(const Batch& batch, uint32_t row, uint32_t part) {
  const std::span<const Part> parts = batch.parts.row(row);
  return part < parts.size() && is_calendar(parts[part]);
}

void collect_row(const UrlPlan& plan, UrlScratch& scratch, Batch& batch, uint32_t row) {
  UrlCollector collector(plan, scratch, batch, row);
  const std::span<const Header> headers = batch.headers.row(row);
  const Facts& facts = batch.facts[row];
  if (facts.subject < headers.size()) {
    collector.add_text(headers[facts.subject].decoded, 0,
                       bit(UrlFlag::kSubject) | bit(UrlFlag::kHtmlDisplayed));
  }
  for (const Header& header : headers) {
    if (header.part == 0 && holds_urls(header.id)) {
      collector.add_text(header.decoded, 0, bit(UrlFlag::kHeader));
    }
  }
  const std::span<const Text> texts = std::as_const(batch.texts).row(row);
  for (uint32_t i = 0; i < texts.size(); ++i) {
    const bool calendar = of_calendar(batch, row, texts[i].part);
    collector.add_body(i, bit(calendar ? UrlFlag::kCalendar : UrlFlag::kText));
  }
}

}  // namespace

void urls(const UrlPlan& plan, UrlScratch& scratch, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    collect_row(plan, scratch, batch, row);
    batch.urls.end_row();
    batch.emails.end_row();
    batch.url_spans.end_row();
  }
}

}  // namespace winnow
