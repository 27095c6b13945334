// winnow_load: puts messages to a running service and says how long each waited.
//
//   winnow_load --http 127.0.0.1:11333 --rate 200 --messages 2000 MAIL...
//   winnow_load --milter 127.0.0.1:11332 --connections 64 --messages 20000 MAIL...
//
// With a rate, message i has its planned time, i / rate after the start, whatever became of those
// before it: where all connections are busy it waits for one, and its latency counts from the
// planned time. So a service that stalls shows the stall on every message that would have come
// meanwhile (no coordinated omission). Without a rate each connection sends its next message as
// soon as the last is answered: that saturates, and the latency is that of a full house.
//
// One thread: a message costs it some 20 us, far below a scan. CPU of the service is read from
// /proc for the process named by --pid and all below it, before the first message and after the
// last; the generator's own is not in it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio.hpp>
#include <charconv>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>

#include "bench/load/exchange.h"
#include "bench/load/process.h"

namespace winnow::load {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Tcp = asio::ip::tcp;

struct Options {
  Protocol protocol = Protocol::kHttp;
  Tcp::endpoint to;
  double rate = 0;  // messages a second; 0 = as fast as they are answered
  size_t messages = 1000, connections = 16, idle = 0;
  pid_t pid = 0;
  bool reconnect = false;  // each message on a connection of its own
  std::string apart;       // messages that hold this are measured apart; empty: none
  struct Request {
    std::string bytes;
    bool apart = false;
  };
  std::vector<Request> requests;
};

double ms(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

class Load;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Load& load, asio::io_context& io);
  void start();
  void send(const Options::Request& request, Clock::time_point planned);

 private:
  void read();
  void again();
  void lost(std::string_view what);
  Load& load_;
  Tcp::socket socket_;
  std::string received_;
  Clock::time_point planned_;
  bool open_ = false, waiting_ = false, apart_ = false;
  char buffer_[65536];
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), timer_(io_) {}
  void run();
  void ready(std::shared_ptr<Connection> connection);
  void done(Clock::time_point planned, bool apart, const Answer& answer);
  void failed(std::string_view what);
  const Options& options() const { return options_; }

 private:
  void plan();
  void begin();
  void report() const;
  Options options_;
  asio::io_context io_;
  asio::steady_timer timer_;
  std::vector<Tcp::socket> idle_;  // connections that say nothing
  std::deque<std::shared_ptr<Connection>> free_;
  std::deque<Clock::time_point> late_;  // planned, and no connection was free
  Clock::time_point begin_, end_;
  size_t opened_ = 0, planned_ = 0, done_ = 0, bad_ = 0, lost_ = 0;
  double cpu_before_ = 0, cpu_after_ = 0, own_before_ = 0, own_after_ = 0;
  std::vector<double> latency_, apart_, scan_, beside_;
};

Connection::Connection(Load& load, asio::io_context& io) : load_(load), socket_(io) {}

void Connection::start() {
  socket_.async_connect(load_.options().to, [self = shared_from_this()](const error_code& error) {
    if (error) return self->load_.failed("cannot connect: " + error.message());
    self->socket_.set_option(Tcp::no_delay(true));
    const std::string hello = opening(self->load_.options().protocol);
    self->open_ = hello.empty();
    if (self->open_)
      self->load_.ready(self);
    else
      asio::write(self->socket_, asio::buffer(hello));
    self->read();
  });
}

void Connection::send(const Options::Request& request, Clock::time_point planned) {
  planned_ = planned;
  apart_ = request.apart;
  waiting_ = true;
  asio::async_write(socket_, asio::buffer(request.bytes),
                    [self = shared_from_this()](const error_code& error, size_t) {
                      if (error) self->lost(error.message());
                    });
}

// The next message waits for another connection.
void Connection::again() {
  error_code ignored;
  socket_.close(ignored);
  received_.clear();
  start();
}

void Connection::lost(std::string_view what) {
  if (!socket_.is_open()) return;
  error_code ignored;
  socket_.close(ignored);
  if (waiting_) load_.failed(what);
}

void Connection::read() {
  socket_.async_read_some(
      asio::buffer(buffer_), [self = shared_from_this()](const error_code& error, size_t bytes) {
        if (error) return self->lost(error.message());
        self->received_.append(self->buffer_, bytes);
        const Answer got = answer(self->load_.options().protocol, self->received_);
        if (got.bytes > 0) {
          self->received_.erase(0, got.bytes);
          self->waiting_ = false;
          if (self->open_) self->load_.done(self->planned_, self->apart_, got);
          if (self->open_ && self->load_.options().reconnect) return self->again();
          self->open_ = true;
          self->load_.ready(self);
        }
        self->read();
      });
}

void Load::run() {
  for (size_t i = 0; i < options_.idle; ++i) {
    idle_.emplace_back(io_);
    idle_.back().connect(options_.to);
  }
  for (size_t i = 0; i < options_.connections; ++i)
    std::make_shared<Connection>(*this, io_)->start();
  io_.run();
  report();
}

void Load::begin() {
  cpu_before_ = cpu_seconds(options_.pid);
  own_before_ = own_cpu_seconds();
  begin_ = Clock::now();
  if (options_.rate > 0) return plan();
  while (!free_.empty() && planned_ < options_.messages) {
    const auto connection = std::move(free_.front());
    free_.pop_front();
    connection->send(options_.requests[planned_++ % options_.requests.size()], Clock::now());
  }
}

// Sends what is due, and wakes up for the next.
void Load::plan() {
  const auto at = [&](size_t i) {
    return begin_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(i) / options_.rate));
  };
  for (; planned_ < options_.messages && at(planned_) <= Clock::now(); ++planned_) {
    if (free_.empty()) {
      late_.push_back(at(planned_));
      continue;
    }
    const auto connection = std::move(free_.front());
    free_.pop_front();
    connection->send(options_.requests[planned_ % options_.requests.size()], at(planned_));
  }
  if (planned_ == options_.messages) return;
  timer_.expires_at(at(planned_));
  timer_.async_wait([this](const error_code& error) {
    if (!error) plan();
  });
}

void Load::ready(std::shared_ptr<Connection> connection) {
  if (opened_ < options_.connections) {
    free_.push_back(std::move(connection));
    if (++opened_ == options_.connections) begin();
    return;
  }
  if (!late_.empty()) {
    const size_t number = planned_ - late_.size();
    connection->send(options_.requests[number % options_.requests.size()], late_.front());
    late_.pop_front();
  } else if (options_.rate == 0 && planned_ < options_.messages) {
    connection->send(options_.requests[planned_++ % options_.requests.size()], Clock::now());
  } else {
    free_.push_back(std::move(connection));
  }
}

void Load::done(Clock::time_point planned, bool apart, const Answer& answer) {
  end_ = Clock::now();
  (apart ? apart_ : latency_).push_back(ms(end_ - planned));
  if (!apart && answer.scan_ms >= 0) {
    scan_.push_back(answer.scan_ms);
    beside_.push_back(latency_.back() - answer.scan_ms);
  }
  bad_ += !answer.good;
  if (++done_ + lost_ < options_.messages) return;
  cpu_after_ = cpu_seconds(options_.pid);
  own_after_ = own_cpu_seconds();
  io_.stop();
}

void Load::failed(std::string_view what) {
  if (lost_++ == 0) fmt::print(stderr, "winnow_load: {}\n", what);
  if (opened_ < options_.connections || done_ + lost_ >= options_.messages) io_.stop();
}

std::string quantiles(std::vector<double> values) {
  if (values.empty()) return "null";
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[std::min(values.size() - 1, static_cast<size_t>(q * double(values.size())))];
  };
  return fmt::format(R"({{"p50":{:.3f},"p99":{:.3f},"max":{:.3f}}})", at(0.5), at(0.99),
                     values.back());
}

void Load::report() const {
  const double seconds = ms(end_ - begin_) / 1000;
  fmt::print(
      "{{\"messages\":{},\"bad\":{},\"lost\":{},\"seconds\":{:.3f},\"rate\":{:.1f},"
      "\"latency_ms\":{},\"apart_ms\":{},\"scan_ms\":{},\"beside_scan_ms\":{},",
      done_, bad_, lost_, seconds, double(done_) / seconds, quantiles(latency_), quantiles(apart_),
      quantiles(scan_), quantiles(beside_));
  if (options_.pid != 0)
    fmt::print("\"cpu_us_per_message\":{:.1f},\"memory_kb\":{},",
               (cpu_after_ - cpu_before_) / double(done_) * 1e6, memory_kb(options_.pid));
  fmt::print("\"own_cpu_us_per_message\":{:.1f}}}\n",
             (own_after_ - own_before_) / double(done_) * 1e6);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>{}};
}

// Files, and folders with all that is below them, in order of their names.
std::vector<std::string> load_mail(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> out;
  for (const fs::path& file : files) out.push_back(read_file(file));
  return out;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app{"Puts messages to a running service and says how long each waited (JSON)."};
  Options options;
  std::string http, milter;
  std::vector<std::string> mail;
  app.add_option("--http", http, "HOST:PORT of its HTTP");
  app.add_option("--milter", milter, "HOST:PORT of its milter");
  app.add_option("--rate", options.rate, "messages a second (0: as many as are answered)");
  app.add_option("--messages", options.messages, "messages in all");
  app.add_option("--connections", options.connections, "connections that send");
  app.add_flag("--reconnect", options.reconnect, "a connection for each message");
  app.add_option("--idle", options.idle, "connections beside them that say nothing");
  app.add_option("--pid", options.pid, "process of the service, for its CPU time and memory");
  app.add_option("--apart", options.apart,
                 "messages that hold this text are measured apart (apart_ms), not with the others");
  app.add_option("mail", mail, "files and folders of messages")->required();
  CLI11_PARSE(app, argc, argv);
  options.protocol = milter.empty() ? Protocol::kHttp : Protocol::kMilter;
  const std::string where = milter.empty() ? http : milter;
  const size_t colon = where.rfind(':');
  uint16_t port = 0;
  error_code bad;
  const auto address = asio::ip::make_address(where.substr(0, colon), bad);
  if (bad || colon == std::string::npos ||
      std::from_chars(where.data() + colon + 1, where.data() + where.size(), port).ec !=
          std::errc()) {
    fmt::print(stderr, "winnow_load: --http or --milter needs IP:PORT\n");
    return 2;
  }
  options.to = {address, port};
  for (const std::string& message : load_mail(mail))
    options.requests.push_back(
        {request(options.protocol, message),
         !options.apart.empty() && message.find(options.apart) != std::string::npos});
  if (options.requests.empty()) {
    fmt::print(stderr, "winnow_load: there is no mail\n");
    return 2;
  }
  Load(std::move(options)).run();
  return 0;
}

}  // namespace winnow::load

int main(int argc, char** argv) { return winnow::load::run(argc, argv); }
