#include "pipeline/http_call.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <system_error>

#include "rules/config/server_text.h"

namespace winnow {

namespace {

struct Receiving {
  HttpReply reply;
  size_t max;
};

size_t take_body(char* from, size_t size, size_t count, void* context) {
  auto& to = *static_cast<Receiving*>(context);
  if (to.reply.body.size() + size * count > to.max) return 0;
  to.reply.body.append(from, size * count);
  return size * count;
}

size_t take_header(char* from, size_t size, size_t count, void* context) {
  auto& to = *static_cast<Receiving*>(context);
  const std::string_view line(from, size * count);
  if (line.starts_with("HTTP/")) {  // that of "100 Continue" is followed by another
    const size_t code = line.find(' ');
    const size_t phrase = code == line.npos ? line.npos : line.find(' ', code + 1);
    to.reply.headers.clear();
    to.reply.phrase = phrase == line.npos ? "" : line.substr(phrase + 1);
    while (!to.reply.phrase.empty() && to.reply.phrase.back() < ' ') to.reply.phrase.pop_back();
  } else if (to.reply.headers.size() + line.size() <= to.max && line != "\r\n") {
    to.reply.headers += line;
  }
  return line.size();
}

int goes_on(void* given_up, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(given_up)->load() ? 1 : 0;
}

std::string name_of(const HttpServer& server) {
  if (!server.url.empty()) return "the server";
  return server.unix_path.empty() ? server_text(server.host, server.port) : server.unix_path;
}

std::string url_of(const HttpServer& server, const HttpCall& call) {
  if (!server.url.empty()) return server.url;
  return "http://" + (server.unix_path.empty() ? name_of(server) : "localhost") + call.path;
}

}  // namespace

Result<HttpReply> call_http(const HttpServer& server, const HttpCall& call, size_t reply_max) {
  [[maybe_unused]] static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(),
                                                                 curl_easy_cleanup);
  if (!easy) return fail("libcurl cannot be used");
  curl_slist* list = curl_slist_append(nullptr, "Expect:");  // no waiting for "100 Continue"
  for (const std::string& one : call.headers) list = curl_slist_append(list, one.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owner(list,
                                                                          curl_slist_free_all);
  const auto set = [&](CURLoption option, auto value) {
    curl_easy_setopt(easy.get(), option, value);
  };
  Receiving receiving{.reply = {}, .max = reply_max};
  char why[CURL_ERROR_SIZE] = {};
  const std::string url = url_of(server, call);
  const std::string local = "host!" + server.local;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, server.url.empty() ? "http" : "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout_s * 1000));
  set(CURLOPT_ERRORBUFFER, why);
  set(CURLOPT_HTTPHEADER, list);
  set(CURLOPT_HEADERFUNCTION, take_header);
  set(CURLOPT_HEADERDATA, &receiving);
  set(CURLOPT_WRITEFUNCTION, take_body);
  set(CURLOPT_WRITEDATA, &receiving);
  if (!server.unix_path.empty()) set(CURLOPT_UNIX_SOCKET_PATH, server.unix_path.c_str());
  if (!server.local.empty()) set(CURLOPT_INTERFACE, local.c_str());
  if (!server.user.empty() || !server.password.empty()) {
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_USERNAME, server.user.c_str());
    set(CURLOPT_PASSWORD, server.password.c_str());
  }
  if (server.connect_timeout_s > 0)
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(server.connect_timeout_s * 1000));
  if (server.any_certificate) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (call.given_up) {
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, goes_on);
    set(CURLOPT_XFERINFODATA, call.given_up);
  }
  if (call.post) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    set(CURLOPT_POSTFIELDS, call.body.data());
  }
  if (const CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK) {
    long error = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &error);
    std::string what = why[0] != '\0' ? why : curl_easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT && error != 0)
      what = fmt::format("{} cannot be reached: {}", name_of(server),
                         std::system_category().message(static_cast<int>(error)));
    return fail(std::move(what));
  }
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  receiving.reply.status = static_cast<int>(status);
  return std::move(receiving.reply);
}

}  // namespace winnow
