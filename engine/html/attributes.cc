#include "engine/html/attributes.h"

#include "engine/html/css_selector.h"
#include "engine/html/packed_name.h"
#include "engine/html/scan.h"

namespace winnow {

namespace {

constexpr PackedNameTable<128> kTable(kHtmlAttributeNames);

// The value in quotes that opens at `at`; moves `at` behind it.
std::string_view quoted_value(const char*& at, const char* end, HtmlQuotes& quotes,
                              HtmlAttributes& attributes) {
  const char quote = *at;
  bool& missing = quote == '"' ? quotes.no_double : quotes.no_single;
  const char* const from = at + 1;
  if (!missing) {
    const char* const close = find_byte(from, end, quote);
    if (close != end) {
      at = close + 1;
      if (at < end && !is_html(*at, kHtmlNameEnd)) attributes.bad = true;
      return {from, static_cast<size_t>(close - from)};
    }
    missing = true;
  }
  attributes.unclosed_quote = true;
  at = from;
  while (at < end && *at != '>') ++at;
  return {from, static_cast<size_t>(at - from)};
}

}  // namespace

const char* read_attributes(const char* at, const char* end, uint32_t count_max, HtmlQuotes& quotes,
                            HtmlAttributes& attributes) {
  while (at < end) {
    while (at < end && is_html(*at, kHtmlBlank)) ++at;
    if (at == end) return nullptr;
    if (*at == '>') return at + 1;
    if (*at == '/') {
      ++at;
      attributes.self_closing = at < end && *at == '>';
      continue;
    }
    const char* const name = at++;  // a leading '=' belongs to the name
    at = find_name_end(at, end, true);
    const std::string_view name_text(name, static_cast<size_t>(at - name));
    if (*name == '"' || *name == '\'' || *name == '<') attributes.bad = true;
    const char* const after_name = at;
    while (at < end && is_html(*at, kHtmlBlank)) ++at;
    std::string_view value;
    if (at < end && *at == '=') {
      ++at;
      while (at < end && is_html(*at, kHtmlBlank)) ++at;
      if (at < end && (*at == '"' || *at == '\'')) {
        value = quoted_value(at, end, quotes, attributes);
      } else {
        const char* const from = at;
        while (at < end && *at != '>' && !is_html(*at, kHtmlBlank)) ++at;
        value = {from, static_cast<size_t>(at - from)};
      }
    } else {
      at = after_name;
    }
    attributes.names |= attribute_bit(pack_name(name_text, end));
    if (attributes.count >= count_max) continue;
    ++attributes.count;
    const int id = kTable.find(kHtmlAttributeNames, name_text, end);
    if (id < 0 || (attributes.seen >> id & 1)) continue;
    attributes.seen |= 1u << id;
    attributes.values[static_cast<size_t>(id)] = value;
  }
  return nullptr;
}

}  // namespace winnow
