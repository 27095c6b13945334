#include "ingest/supervise/trial.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <latch>
#include <utility>

#include "ingest/supervise/inheritance.h"

namespace winnow {

namespace {

constexpr int kReadyMs = 300'000;
constexpr int kScanMs = 60'000;

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool receive_all(int fd, char* to, size_t size) {
  while (size > 0) {
    const ssize_t n = ::recv(fd, to, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

// Waits for one byte of the other side; 0 where it is gone or does not answer.
char answer(int fd, int wait_ms) {
  pollfd one{fd, POLLIN, 0};
  int ready;
  while ((ready = ::poll(&one, 1, wait_ms)) < 0 && errno == EINTR) continue;
  char byte = 0;
  return ready > 0 && receive_all(fd, &byte, 1) ? byte : '\0';
}

template <class T>
void append_plain(const T& value, std::string& out) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string_view text, std::string& out) {
  append_plain(uint64_t{text.size()}, out);
  out += text;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  bool plain(T& value) {
    if (bytes_.size() < sizeof value) return false;
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return true;
  }
  bool text(std::string& to) {
    uint64_t size = 0;
    if (!plain(size) || size > bytes_.size()) return false;
    to.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return true;
  }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

}  // namespace

void append_message(const Message& message, std::string& out) {
  for (const std::string* one :
       {&message.source, &message.helo, &message.hostname, &message.user, &message.queue_id,
        &message.mta_name, &message.settings_id, &message.file_name})
    append_text(*one, out);
  append_plain(message.from.has_value(), out);
  append_text(message.from.value_or(""), out);
  append_plain(message.recipients_known, out);
  append_plain(uint64_t{message.recipients.size()}, out);
  for (const std::string& one : message.recipients) append_text(one, out);
  append_plain(uint64_t{message.request_headers.size()}, out);
  for (const auto& [name, value] : message.request_headers) {
    append_text(name, out);
    append_text(value, out);
  }
  append_plain(message.ip, out);
  append_plain(message.headerless, out);
  append_plain(message.pass_all, out);
  append_plain(message.now_ms.value_or(0), out);
  out += message.bytes.view();
}

bool read_message(std::string_view bytes, Message& message) {
  Reader read(bytes);
  for (std::string* one :
       {&message.source, &message.helo, &message.hostname, &message.user, &message.queue_id,
        &message.mta_name, &message.settings_id, &message.file_name})
    if (!read.text(*one)) return false;
  bool known = false;
  std::string from;
  uint64_t recipients = 0, headers = 0;
  int64_t now_ms = 0;
  if (!read.plain(known) || !read.text(from) || !read.plain(message.recipients_known) ||
      !read.plain(recipients))
    return false;
  if (known) message.from = std::move(from);
  for (uint64_t i = 0; i < recipients; ++i) {
    message.recipients.emplace_back();
    if (!read.text(message.recipients.back())) return false;
  }
  if (!read.plain(headers)) return false;
  for (uint64_t i = 0; i < headers; ++i) {
    auto& [name, value] = message.request_headers.emplace_back();
    if (!read.text(name) || !read.text(value)) return false;
  }
  if (!read.plain(message.ip) || !read.plain(message.headerless) || !read.plain(message.pass_all) ||
      !read.plain(now_ms))
    return false;
  message.now_ms = now_ms;
  message.bytes = MessageBytes(read.rest());
  return true;
}

bool TrialProcess::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  Inheritance left;
  left.link = ends[1];
  pid_ = start_program(program_, arguments_, left);
  ::close(ends[1]);
  link_ = ends[0];
  outdated_.store(false);
  if (pid_ > 0 && answer(link_, kReadyMs) == 'r') return true;
  end();
  return false;
}

void TrialProcess::end() {
  if (link_ >= 0) ::close(std::exchange(link_, -1));
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

Fate TrialProcess::scan(const Message& message) {
  if (outdated_.load()) end();
  if (link_ < 0 && !start()) return Fate::kUnknown;
  std::string bytes(sizeof(uint64_t), '\0');
  append_message(message, bytes);
  const uint64_t size = bytes.size() - sizeof size;
  std::memcpy(bytes.data(), &size, sizeof size);
  if (send_all(link_, bytes) && answer(link_, kScanMs) == 's') return Fate::kLives;
  end();
  return Fate::kDies;
}

void serve_trial(int link, std::shared_ptr<LiveRules> live, const ServiceOptions& options) {
  ServiceOptions alone = options;
  alone.threads = 1;
  alone.suspects = {};
  Service service(std::move(live), alone);
  if (!send_all(link, "r")) return;
  uint64_t size = 0;
  std::string bytes, rendered;
  while (receive_all(link, reinterpret_cast<char*>(&size), sizeof size)) {
    bytes.resize(size);
    Message message;
    if (!receive_all(link, bytes.data(), size) || !read_message(bytes, message)) return;
    std::latch done(1);
    const bool taken = service.submit(message, [&](const Scanned& scanned) {
      rendered.clear();
      render_json_fields(scanned.live.render, scanned.one.evidence, scanned.one.verdict, rendered);
      done.count_down();
    });
    if (!taken) return;
    done.wait();
    if (!send_all(link, "s")) return;
  }
}

}  // namespace winnow
