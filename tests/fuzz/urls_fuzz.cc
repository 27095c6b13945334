// URL parsing, the search in text and the urls stage. Invariants: the normal form of a normal form
// is itself; parts are views of it; places are in order, without overlap, the same from the SIMD
// scan and its twin; work is linear.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/html/tags.h"
#include "engine/mime/header_names.h"
#include "engine/url/decoded.h"
#include "engine/url/suffix.h"
#include "engine/url/urls.h"
#include "tests/fuzz/require.h"

namespace {

using namespace winnow;

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_parse(std::string_view text, UrlGuess guess) {
  static UrlParser parser;
  static Arena arena;
  arena.reset();
  parser.bytes_max = 1 << 24;
  Url url, again;
  if (parse_url(text, guess, parser, arena, url)) {
    for (const std::string_view part : {url.user, url.host, url.path, url.query, url.fragment}) {
      require(inside(part, url.normal));
    }
    require(inside(url.domain, url.normal) && inside(url.tld, url.normal));
    require(parse_url(url.normal, UrlGuess::kNone, parser, arena, again));
    static std::vector<char> room;
    require(decoded_url(url.normal, room).size() <= url.normal.size());
    require(again.normal == url.normal && again.host == url.host && again.hash == url.hash);
  }
  Email email, same;
  if (parse_email(text, parser, arena, email)) {
    require(inside(email.user, email.address) && inside(email.host, email.address));
    require(parse_email(email.address, parser, arena, same));
    require(same.address == email.address);
  }
}

void check_find(std::string_view text) {
  static UrlFinder simd, scalar;
  for (UrlFinder* finder : {&simd, &scalar}) {
    finder->candidates = 0, finder->candidates_max = 1 << 30, finder->steps = 0;
  }
  require(find_urls(text, simd) && find_urls_scalar(text, scalar));
  require(simd.found.size() == scalar.found.size() && simd.candidates == scalar.candidates);
  require(simd.steps <= 200 * text.size() + 1000);
  uint32_t last = 0;
  for (size_t i = 0; i < simd.found.size(); ++i) {
    const FoundUrl& a = simd.found[i];
    const FoundUrl& b = scalar.found[i];
    require(a.begin == b.begin && a.end == b.end && a.kind == b.kind && a.guess == b.guess);
    require(a.begin >= last && a.begin < a.end && a.end <= text.size());
    last = a.end;
  }
}

// The input as a message: lines that start with a tab are links "href TAB shown", all of it is
// text, and its first line is the subject.
void check_stage(std::string_view text) {
  static Batch batch;
  static UrlScratch scratch;
  batch.clear();
  UrlPlan plan;
  plan.limits.urls_max = 50;
  plan.limits.url_candidates_max = 500;
  batch.add("", 0, {}, {});
  batch.facts[0].subject = 0;
  auto& added_header = batch.headers.values.emplace_back();
  added_header.id = header_id(known::kListUnsubscribe);
  added_header.decoded = text.substr(0, text.find('\n'));
  batch.headers.end_row();
  auto& added_part = batch.parts.values.emplace_back();
  added_part.type = "text";
  added_part.subtype = "calendar";
  auto& second_part = batch.parts.values.emplace_back();
  second_part.type = "text";
  second_part.subtype = "html";
  batch.parts.end_row();
  auto& added_text = batch.texts.values.emplace_back();
  added_text.part = 0;
  added_text.plain = text;
  auto& second_text = batch.texts.values.emplace_back();
  second_text.part = 1;
  second_text.html = 0;
  second_text.plain = text;
  batch.texts.end_row();
  uint32_t links = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.starts_with('\t')) continue;
    const size_t tab = std::min(line.find('\t', 1), line.size());
    const auto at = static_cast<uint32_t>(line.data() - text.data());
    auto& added_link = batch.html_links.values.emplace_back();
    added_link.tag = static_cast<uint16_t>(links++ % 5 ? HtmlTag::kA : HtmlTag::kImg);
    added_link.href = line.substr(1, tab - 1);
    added_link.text = line.substr(tab);
    added_link.plain = {at, at + static_cast<uint32_t>(line.size())};
  }
  batch.html_links.end_row();
  auto& added_html = batch.htmls.values.emplace_back();
  added_html.text = 1;
  added_html.links = {0, links};
  added_html.base = text.substr(0, text.find(' '));
  batch.htmls.end_row();
  urls(plan, scratch, batch);
  const auto found = batch.urls.row(0);
  require(found.size() <= 50 && batch.emails.row(0).size() <= 50);
  for (size_t i = 0; i < found.size(); ++i) {
    require(found[i].order == i && found[i].count >= 1 && !found[i].normal.empty());
    for (size_t j = 0; j < i; ++j) require(found[i].normal != found[j].normal);
  }
  uint32_t bytes[2] = {};
  for (const UrlSpan& span : batch.url_spans.row(0)) {
    require(span.text < 2 && span.begin < span.end && span.end <= text.size());
    require(span.url == kNoIndex || span.url < found.size());
    bytes[span.text] += span.end - span.begin;
  }
  for (size_t i = 0; i < 2; ++i) require(batch.texts.row(0)[i].url_bytes == bytes[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1 << 16) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_parse(text, UrlGuess::kNone);
  check_parse(text, UrlGuess::kHttp);
  check_find(text);
  check_stage(text);
  const Suffix suffix = find_suffix(text);
  require(inside(suffix.tld, text) && text.ends_with(suffix.domain));
  return 0;
}
