#include "pipeline/maps/http_fetch.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <list>

#include "engine/ascii.h"

namespace winnow {

namespace {

using Clock = std::chrono::steady_clock;

bool is_header(std::string_view line, std::string_view name, std::string& value) {
  if (line.size() <= name.size() || line[name.size()] != ':') return false;
  if (!starts_caseless(line, name)) return false;
  line.remove_prefix(name.size() + 1);
  constexpr size_t kValueMax = 1024;
  std::string out;
  for (const char c : line)
    if (static_cast<unsigned char>(c) >= ' ' && c != 127 && out.size() < kValueMax) out += c;
  out.erase(0, out.find_first_not_of(' '));
  while (out.ends_with(' ')) out.pop_back();
  value = std::move(out);
  return true;
}

struct Transfer {
  FetchRequest request;
  HttpFetcher::Done done;
  std::string host;  // scheme, name and port
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  FetchReply reply;
  size_t bytes_max = 0;
  uint64_t received = 0;  // body bytes as they came, those beyond Content-Length as well
  bool chunked = false;
  bool too_large = false;
  Clock::time_point moved;
  char why[CURL_ERROR_SIZE] = {};

  ~Transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
};

size_t take_body(char* bytes, size_t, size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.moved = Clock::now();
  if (transfer.reply.body.size() + size > transfer.bytes_max) {
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.reply.body.append(bytes, size);
  return size;
}

size_t take_header(char* bytes, size_t, size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.moved = Clock::now();
  const std::string_view line(bytes, size);
  FetchReply& reply = transfer.reply;
  std::string coding;
  if (line.starts_with("HTTP/")) {  // of each response of a chain of redirects
    reply = {};
    transfer.received = 0;
    transfer.chunked = false;
  } else if (is_header(line, "transfer-encoding", coding)) {
    transfer.chunked = true;
  } else {
    (void)(is_header(line, "etag", reply.etag) ||
           is_header(line, "last-modified", reply.last_modified) ||
           is_header(line, "cache-control", reply.cache_control) ||
           is_header(line, "expires", reply.expires) || is_header(line, "date", reply.date));
  }
  return size;
}

// libcurl drops what a server sends beyond its Content-Length; only here it is seen.
int count_bytes(CURL*, curl_infotype type, char*, size_t size, void* context) {
  if (type == CURLINFO_DATA_IN) static_cast<Transfer*>(context)->received += size;
  return 0;
}

std::string host_of(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(0, std::min(url.find_first_of("/?#", begin), url.size()));
}

}  // namespace

struct HttpFetcher::Impl {
  explicit Impl(const FetchLimits& l) : limits(l) {
    [[maybe_unused]] static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(limits.at_once));
  }
  ~Impl() {
    for (Transfer& one : running) curl_multi_remove_handle(multi, one.easy);
    running.clear();
    curl_multi_cleanup(multi);
  }

  bool prepare(Transfer& transfer);
  void start_waiting();
  void finish(CURL* easy, CURLcode code);
  void end(std::list<Transfer>::iterator at);
  void fail_host(const std::string& host, const std::string& why);
  void stop_stalled();

  const FetchLimits limits;
  CURLM* multi = nullptr;
  std::list<Transfer> running;
  std::list<Transfer> waiting;
};

bool HttpFetcher::Impl::prepare(Transfer& transfer) {
  CURL* const easy = transfer.easy = curl_easy_init();
  if (!easy) return false;
  transfer.bytes_max = limits.bytes_max;
  transfer.moved = Clock::now();
  const bool secure = transfer.request.url.starts_with("https:");
  const char* const schemes = secure ? "https" : "http,https";
  curl_easy_setopt(easy, CURLOPT_URL, transfer.request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes);
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, schemes);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(limits.redirects_max));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_timeout_ms));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.total_timeout_ms));
  curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(limits.bytes_max));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "winnow/" WINNOW_VERSION);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.why);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, count_bytes);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, &transfer);
  if (!limits.ca_path.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, limits.ca_path.c_str());
  const auto header = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    transfer.headers =
        curl_slist_append(transfer.headers, fmt::format("{}: {}", name, value).c_str());
  };
  header("If-None-Match", transfer.request.etag);
  header("If-Modified-Since", transfer.request.last_modified);
  for (const std::string& one : transfer.request.headers)
    transfer.headers = curl_slist_append(transfer.headers, one.c_str());
  if (limits.any_certificate) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
  return curl_multi_add_handle(multi, easy) == CURLM_OK;
}

void HttpFetcher::Impl::start_waiting() {
  while (!waiting.empty() && running.size() < limits.at_once) {
    running.splice(running.end(), waiting, waiting.begin());
    if (prepare(running.back())) continue;
    running.back().reply.error = "cannot be asked for: there is no memory for a transfer";
    end(std::prev(running.end()));
  }
}

void HttpFetcher::Impl::end(std::list<Transfer>::iterator at) {
  if (at->easy) curl_multi_remove_handle(multi, at->easy);
  std::list<Transfer> over;
  over.splice(over.end(), running, at);
  if (over.front().reply.kind != FetchReply::Kind::kBody) over.front().reply.body.clear();
  over.front().done(std::move(over.front().reply));
}

// What waits for a server that cannot be reached need not wait for its time-out as well.
void HttpFetcher::Impl::fail_host(const std::string& host, const std::string& why) {
  std::list<Transfer> failed;
  for (auto at = waiting.begin(); at != waiting.end();) {
    const auto next = std::next(at);
    if (at->host == host) failed.splice(failed.end(), waiting, at);
    at = next;
  }
  for (Transfer& one : failed) one.done({.kind = FetchReply::Kind::kFailed, .error = why});
}

void HttpFetcher::Impl::finish(CURL* easy, CURLcode code) {
  const auto at =
      std::ranges::find_if(running, [easy](const Transfer& one) { return one.easy == easy; });
  if (at == running.end()) return;
  Transfer& transfer = *at;
  FetchReply& reply = transfer.reply;
  long status = 0;
  curl_off_t connect_us = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_us);
  const bool conditional =
      !transfer.request.etag.empty() || !transfer.request.last_modified.empty();
  if (transfer.too_large || code == CURLE_FILESIZE_EXCEEDED) {
    reply.error = fmt::format("is larger than {} bytes", limits.bytes_max);
  } else if (code == CURLE_PARTIAL_FILE) {
    reply.error = "is cut off: fewer bytes came than were promised";
  } else if (code != CURLE_OK) {
    reply.error = fmt::format("cannot be fetched: {}",
                              transfer.why[0] ? transfer.why : curl_easy_strerror(code));
  } else if (status == 304 && conditional) {
    reply.kind = FetchReply::Kind::kSame;
  } else if (status != 200) {
    reply.error = fmt::format("is not to be had: the server answers {}", status);
  } else if (!transfer.chunked && transfer.received > reply.body.size()) {
    reply.error = "is longer than its Content-Length says";
  } else {
    reply.kind = FetchReply::Kind::kBody;
  }
  const bool unreachable = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
                           (code == CURLE_OPERATION_TIMEDOUT && connect_us == 0);
  const std::string host = transfer.host, why = reply.error;
  end(at);
  if (unreachable) fail_host(host, why);
}

void HttpFetcher::Impl::stop_stalled() {
  const Clock::time_point before = Clock::now() - std::chrono::milliseconds(limits.read_timeout_ms);
  const Clock::time_point connecting =
      before - std::chrono::milliseconds(limits.connect_timeout_ms);
  for (auto at = running.begin(); at != running.end();) {
    const auto next = std::next(at);
    curl_off_t connect_us = 0;
    curl_easy_getinfo(at->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
    if (at->moved < (connect_us > 0 ? before : connecting)) {
      at->reply.kind = FetchReply::Kind::kFailed;
      at->reply.error = fmt::format("stalls: no byte came for {} ms", limits.read_timeout_ms);
      end(at);
    }
    at = next;
  }
}

HttpFetcher::HttpFetcher(const FetchLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpFetcher::~HttpFetcher() = default;

void HttpFetcher::start(FetchRequest request, Done done) {
  Transfer& one = impl_->waiting.emplace_back();
  one.host = host_of(request.url);
  one.request = std::move(request);
  one.done = std::move(done);
}

bool HttpFetcher::busy() const { return !impl_->running.empty() || !impl_->waiting.empty(); }

void HttpFetcher::poll(int wait_ms, int fd) {
  impl_->start_waiting();
  int left = 0;
  curl_multi_perform(impl_->multi, &left);
  curl_waitfd extra{.fd = fd, .events = CURL_WAIT_POLLIN, .revents = 0};
  // Stalled transfers are looked for at least that often.
  if (!impl_->running.empty())
    wait_ms = static_cast<int>(
        std::min<int64_t>(wait_ms, std::max<int64_t>(impl_->limits.read_timeout_ms / 4, 1)));
  CURLMsg* message = nullptr;
  int more = 0;
  bool ended = false;
  const auto take_ended = [&] {
    while ((message = curl_multi_info_read(impl_->multi, &more))) {
      if (message->msg != CURLMSG_DONE) continue;
      ended = true;
      impl_->finish(message->easy_handle, message->data.result);
    }
  };
  take_ended();
  if (ended) return;
  curl_multi_poll(impl_->multi, &extra, fd >= 0 ? 1 : 0, wait_ms, nullptr);
  curl_multi_perform(impl_->multi, &left);
  take_ended();
  impl_->stop_stalled();
}

void HttpFetcher::wakeup() { curl_multi_wakeup(impl_->multi); }

}  // namespace winnow
