// Text of a URL or address for row tables: normal form, host parts and flags.
#pragma once

#include <string>

#include "engine/batch.h"
#include "engine/url/parse_url.h"

namespace winnow::url_test {

inline std::string flag_names(uint32_t flags) {
  constexpr const char* kNames[] = {
      "phished",      "html_displayed", "url_displayed", "obscured",     "numeric",
      "no_tld",       "zero_width",     "idn",           "port",         "user",
      "no_slashes",   "schemaless",     "host_encoded",  "path_encoded", "query_encoded",
      "user_encoded", "unnormalised",   "text",          "subject",      "image",
      "special",      "query",          "content",       "redirected",   "redirect_target",
      "invisible",    "truncated",      "html",          "header",       "from_displayed",
      "calendar"};
  std::string out;
  for (unsigned i = 0; i < 31; ++i) {
    if (flags >> i & 1) out += std::string(out.empty() ? "" : " ") + kNames[i];
  }
  return out;
}

// "normal | domain | flags"
inline std::string dump(const Url& url) {
  return std::string(url.normal) + " | " + std::string(url.domain) + " | " + flag_names(url.flags);
}
inline std::string dump(const Email& email) {
  return std::string(email.address) + " | " + std::string(email.domain) + " | " +
         flag_names(email.flags);
}

}  // namespace winnow::url_test
