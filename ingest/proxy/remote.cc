#include "ingest/proxy/remote.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <utility>

namespace winnow {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

namespace {

int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// One request and its answer on a connection of its own. Alive as long as an operation holds it;
// tells its end once.
class Remote::Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  // `what` says why there is no answer; empty with `body`.
  using Ended = std::function<void(std::string_view body, const std::string& what)>;

  // The body of `request` lives as long as `keep`.
  Exchange(Remote& owner, ScanRequest request, std::shared_ptr<const void> keep, Ended ended)
      : open_(owner.open_),
        socket_(owner.io_),
        timer_(owner.io_),
        request_(std::move(request)),
        keep_(std::move(keep)),
        ended_(std::move(ended)) {
    open_->insert(this);
  }
  ~Exchange() { open_->erase(this); }

  void start(const UpstreamHost& host, int64_t timeout_ms) {
    error_code bad;
    const auto address = asio::ip::make_address(host.address, bad);
    timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    timer_.async_wait([self = shared_from_this()](const error_code& over) {
      if (!over) self->end({}, "no answer in time");
    });
    socket_.async_connect(Tcp::endpoint(address, host.port),
                          [self = shared_from_this()](const error_code& error) {
                            if (error) return self->end({}, error.message());
                            self->write();
                          });
  }

  void end(std::string_view body, const std::string& what) {
    if (!ended_) return;
    const Ended ended = std::exchange(ended_, nullptr);
    ended(body, what);
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void write() {
    error_code ignored;
    socket_.set_option(Tcp::no_delay(true), ignored);
    const std::array<asio::const_buffer, 2> both{
        asio::buffer(request_.head), asio::buffer(request_.body.data(), request_.body.size())};
    asio::async_write(socket_, both, [self = shared_from_this()](const error_code& error, size_t) {
      // Who answers early, and closes, may have said why.
      if (error && error != asio::error::broken_pipe && error != asio::error::connection_reset)
        return self->end({}, error.message());
      self->read();
    });
  }

  void read() {
    if (!ended_) return;
    const size_t before = in_.size();
    in_.resize(before + 16 * 1024);
    socket_.async_read_some(asio::buffer(in_.data() + before, in_.size() - before),
                            [self = shared_from_this(), before](const error_code& error, size_t n) {
                              self->in_.resize(before + n);
                              self->took(error);
                            });
  }

  void took(const error_code& error) {
    if (error && error != asio::error::eof) return end({}, error.message());
    int code = 0;
    std::string_view body;
    switch (look_at_reply(in_, static_cast<bool>(error), code, body)) {
      case RemoteWant::kMore:
        return read();
      case RemoteWant::kBroken:
        return end({}, in_.empty() ? "closed without an answer" : "an answer that is no HTTP");
      case RemoteWant::kWhole:
        break;
    }
    std::string opened;
    if (code == 200 && request_.key) {
      opened = body;
      if (!open_reply(*request_.key, opened, code, body))
        return end({}, "an answer that cannot be decrypted");
    }
    return code == 200 ? end(body, {}) : end({}, fmt::format("status {}", code));
  }

  const std::shared_ptr<std::unordered_set<Exchange*>> open_;
  Tcp::socket socket_;
  asio::steady_timer timer_;
  const ScanRequest request_;
  const std::shared_ptr<const void> keep_;
  Ended ended_;
  std::string in_;
};

// A message on its way, from host to host.
struct Remote::Try {
  std::shared_ptr<const ProxySettings> settings;
  std::shared_ptr<HostChoice> choice;
  std::shared_ptr<const Message> message;
  std::shared_ptr<const ScoreModel> model;
  Done done;
  unsigned tries = 0;
  std::vector<bool> tried;
};

// Copies that wait for one mirror; one is under way at a time.
struct Remote::Mirror {
  struct Copy {
    ScanRequest request;
    std::string body;  // of the message, where the request views it
    size_t size() const { return request.head.size() + body.size(); }
  };
  Mirror(const Upstream& u, const ProxySettings& settings) : upstream(u), choice(u, settings) {}
  const Upstream upstream;
  HostChoice choice;
  std::deque<std::shared_ptr<Copy>> copies;
  size_t bytes = 0;  // of them, and of the one that is under way
  double owed = 0;   // of a copy: what the share of messages so far adds up to
  bool busy = false;
};

Remote::Remote(asio::io_context& io, Log& log, RemoteCounts& counts)
    : io_(io), log_(log), counts_(counts), settings_(std::make_shared<ProxySettings>()) {}

Remote::~Remote() = default;

void Remote::use(std::shared_ptr<const ProxySettings> settings) {
  settings_ = std::move(settings);
  choice_ = settings_->upstream ? std::make_shared<HostChoice>(*settings_->upstream, *settings_)
                                : nullptr;
  for (const std::shared_ptr<Mirror>& one : mirrors_) {
    counts_.mirror_dropped += one->copies.size();
    one->copies.clear();
  }
  mirrors_.clear();
  for (const Upstream& one : settings_->mirrors)
    mirrors_.push_back(std::make_shared<Mirror>(one, *settings_));
}

void Remote::scan(std::shared_ptr<const Message> message, std::shared_ptr<const ScoreModel> model,
                  Done done) {
  auto one = std::make_shared<Try>();
  one->settings = settings_;
  one->choice = choice_;
  one->message = std::move(message);
  one->model = std::move(model);
  one->done = std::move(done);
  one->tried.resize(settings_->upstream->hosts.size());
  ask(one);
}

void Remote::ask(const std::shared_ptr<Try>& one) {
  const Upstream& upstream = *one->settings->upstream;
  const size_t host = one->choice->next(steady_ms(), one->tried);
  one->tried[host] = true;
  if (++one->tries > 1) ++counts_.retried;
  const auto exchange = std::make_shared<Exchange>(
      *this, scan_request(*one->message, upstream), one->message,
      [this, one, host](std::string_view body, const std::string& what) {
        std::string why = what;
        if (why.empty()) {
          Result<RemoteReply> reply = parse_scan_reply(body, *one->model);
          if (reply) {
            one->choice->worked(host);
            ++counts_.scanned;
            return one->done(std::move(*reply));
          }
          why = reply.error().what;
        }
        one->choice->failed(host, steady_ms());
        log_.event(LogLevel::kWarning, "proxy",
                   fmt::format("upstream {}: {}: {}", one->settings->upstream->name,
                               one->settings->upstream->hosts[host].name, why));
        if (!stopped_ && one->tries < one->settings->tries_max) return ask(one);
        ++counts_.failed;
        one->done(std::nullopt);
      });
  exchange->start(upstream.hosts[host], upstream.timeout_ms);
}

void Remote::mirror(const Message& message) {
  for (const std::shared_ptr<Mirror>& mirror : mirrors_) {
    // Every n-th instead of by chance: a share of 0.5 is each second one.
    mirror->owed += mirror->upstream.share;
    if (mirror->owed < 1 - 1e-9) continue;
    mirror->owed -= 1;
    // One always fits an empty queue.
    if (mirror->bytes > 0 && mirror->bytes + message.bytes.size() > kMirrorBytes) {
      ++counts_.mirror_dropped;
      continue;
    }
    auto copy = std::make_shared<Mirror::Copy>();
    copy->request = scan_request(message, mirror->upstream);
    copy->body = copy->request.body;
    copy->request.body = copy->body;
    mirror->bytes += copy->size();
    mirror->copies.push_back(std::move(copy));
    next_copy(mirror);
  }
}

void Remote::next_copy(const std::shared_ptr<Mirror>& mirror) {
  if (mirror->busy || mirror->copies.empty() || stopped_) return;
  mirror->busy = true;
  const std::shared_ptr<Mirror::Copy> copy = mirror->copies.front();
  mirror->copies.pop_front();
  const size_t host = mirror->choice.next(steady_ms(), {});
  const size_t size = copy->size();
  const auto exchange = std::make_shared<Exchange>(
      *this, std::move(copy->request), copy,
      [this, mirror, host, size](std::string_view, const std::string& what) {
        mirror->busy = false;
        mirror->bytes -= size;
        if (what.empty()) {
          ++counts_.mirrored;
          mirror->choice.worked(host);
        } else {
          ++counts_.mirror_failed;
          mirror->choice.failed(host, steady_ms());
          log_.event(LogLevel::kWarning, "proxy",
                     fmt::format("mirror {}: {}: {}", mirror->upstream.name,
                                 mirror->upstream.hosts[host].name, what));
        }
        // Not from here: a mirror that refuses at once would go deeper with each copy.
        asio::post(io_, [this, mirror] { next_copy(mirror); });
      });
  exchange->start(mirror->upstream.hosts[host], mirror->upstream.timeout_ms);
}

void Remote::stop() {
  stopped_ = true;
  const std::vector<Exchange*> open(open_->begin(), open_->end());
  for (Exchange* const one : open)
    if (open_->contains(one)) one->shared_from_this()->end({}, "ending");
}

}  // namespace winnow
