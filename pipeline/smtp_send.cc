#include "pipeline/smtp_send.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "rules/config/server_text.h"

namespace winnow {

namespace {

size_t give_mail(char* to, size_t size, size_t count, void* context) {
  auto& left = *static_cast<std::string_view*>(context);
  const size_t bytes = std::min(size * count, left.size());
  std::memcpy(to, left.data(), bytes);
  left.remove_prefix(bytes);
  return bytes;
}

int goes_on(void* given_up, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(given_up)->load() ? 1 : 0;
}

}  // namespace

Result<void> send_mail(const SmtpServer& server, const std::string& from,
                       std::span<const std::string> to, std::string_view mail) {
  [[maybe_unused]] static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(),
                                                                 curl_easy_cleanup);
  if (!easy) return fail("libcurl cannot be used");
  curl_slist* recipients = nullptr;
  for (const std::string& one : to) recipients = curl_slist_append(recipients, one.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owner(recipients,
                                                                          curl_slist_free_all);
  const std::string url =
      fmt::format("smtp://{}/{}", server_text(server.host, server.port), server.helo);
  char why[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "smtp");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout_ms));
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(easy.get(), CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_NONE));
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, recipients);
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT_ALLLOWFAILS, server.some_suffice ? 1L : 0L);
  curl_easy_setopt(easy.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_READFUNCTION, give_mail);
  curl_easy_setopt(easy.get(), CURLOPT_READDATA, &mail);
  if (server.given_up) {
    curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, goes_on);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA, server.given_up);
  }
  const CURLcode code = curl_easy_perform(easy.get());
  if (code == CURLE_OK) return {};
  return fail(fmt::format("{}:{}: {}", server.host, server.port,
                          why[0] != '\0' ? why : curl_easy_strerror(code)));
}

}  // namespace winnow
