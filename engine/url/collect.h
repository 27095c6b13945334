// What the urls stage has gathered of one message: adding to it merges what is the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/url/urls.h"

namespace winnow {

class UrlCollector {
 public:
  UrlCollector(const UrlPlan& plan, UrlScratch& scratch, Batch& batch, uint32_t row);

  // Every URL and address of `text`; `flags` say where it stands. Views of what is found point
  // into `text`, which lives as long as the batch.
  void add_text(std::string_view text, uint32_t part, uint32_t flags);
  // The same for the row's text number `text_index`, whose places go into url_spans; of HTML with
  // its links, in the order in which a reader meets them, and kHtml instead of `flags`.
  void add_body(uint32_t text_index, uint32_t flags);

 private:
  struct HtmlPlace {
    const Html* html = nullptr;
    Url base;
    bool has_base = false;
    uint32_t part = 0;
  };

  // Index in the row; kNoIndex where a limit was passed.
  uint32_t add(const Url& url, uint32_t flags, uint32_t part);
  void add_email(Email email, uint32_t flags, uint32_t part);
  // Parses what find_urls() found. Index of the URL; kNoIndex for an address or no URL.
  bool add_found(std::string_view text, const FoundUrl& place, uint32_t part, uint32_t flags,
                 uint32_t& url);
  void add_link(const HtmlLink& link, const HtmlPlace& place);
  // What stands behind "mailto:" (RFC 6068): addresses, and those in the fields behind "?". Whether
  // there was any.
  bool add_mailto(std::string_view rest, uint32_t flags, uint32_t part);
  bool add_addresses(std::string_view addresses, uint32_t flags, uint32_t part);
  bool parse_link(std::string_view href, const HtmlPlace& place, Url& out);
  std::string_view resolve(std::string_view href, const Url& base);
  void search_queries();
  void find_in_query(std::string_view query);
  bool is_redirector(const Url& target) const;
  bool query_leads_to(const Url& target, std::string_view domain);
  void compare_shown(const HtmlLink& link, uint32_t target);
  bool count_candidate();

  const UrlPlan& plan_;
  UrlScratch& scratch_;
  Batch& batch_;
  uint32_t row_;
};

}  // namespace winnow
