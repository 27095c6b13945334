// winnow rspamc: the client of a running service, ours or Rspamd's, by the options of Rspamd's own.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "ingest/client/report.h"
#include "ingest/client/requests.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/whole_file.h"
#include "ingest/corpus/source.h"
#include "ingest/http/reply.h"
#include "ingest/http/request.h"
#include "rules/config/dump.h"
#include "rules/config/ucl_parse.h"

namespace winnow {

namespace {

constexpr uint16_t kScannerPort = 11333, kControllerPort = 11334;
constexpr size_t kReplyMax = size_t{64} << 20;
constexpr size_t kAheadMax = 4;  // messages that wait or are answered out of turn, a request each

enum class Form : uint8_t { kText, kJson, kJsonCompact, kUcl };

struct ClientOptions {
  const ClientCommand* command = nullptr;
  HttpServer server;
  ClientEnvelope envelope;
  std::vector<std::string> paths, excluded;
  std::string execute;
  Form form = Form::kText;
  CounterOrder order;
  std::string key;  // public, of 32 bytes: what is sent is sealed for it; empty: it is not
  unsigned at_once = 8;
  bool show_headers = false, mail = false, empty = false;
};

// Titles and what went wrong stand in the output; in the others they would break its form.
bool tells_in_text(const ClientOptions& options) {
  return !options.mail && (options.form == Form::kText || options.form == Form::kUcl);
}

struct Said {
  std::string text;
  std::string problem;  // not empty: the request failed
};

// The body of a reply, unpacked where it is packed.
Result<std::string> body_of(HttpReply&& reply) {
  constexpr std::string_view kMagic("\x28\xB5\x2F\xFD", 4);  // RFC 8878, 3.1.1
  if (!reply.body.starts_with(kMagic)) return std::move(reply.body);
  std::string out, what;
  if (!unpack_zstd(reply.body, kReplyMax, out, what)) return fail("the reply is packed: " + what);
  return out;
}

// The value that the client adds to what the service says.
void add_own(UclDocument& document, UclObject& root, std::string_view file, double seconds) {
  document.set(root, "filename", document.make_string(file));
  document.set(root, "scan_time", document.make_double(seconds));
}

class Client {
 public:
  explicit Client(const ClientOptions& options) : options_(options) {}

  // One request: `mail` is its body, `name` what people call it. Safe for threads.
  Said ask(std::string_view name, std::string_view mail) const {
    const ClientCommand& command = *options_.command;
    const std::string title =
        fmt::format("Results for {}: {}", command.takes_mail ? "file" : "command", name);
    const auto start = std::chrono::steady_clock::now();
    Result<HttpReply> reply = send(name, mail);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    Said said;
    if (tells_in_text(options_)) said.text = fmt::format("{} ({:.3f} seconds)\n", title, seconds);
    if (!reply) return failed(std::move(said), reply.error().what);
    if (options_.show_headers) said.text += reply->headers + "\n";
    const int status = reply->status;
    const std::string phrase = reply->phrase;
    Result<std::string> body = body_of(std::move(*reply));
    if (!body) return failed(std::move(said), body.error().what);
    Result<UclResult> parsed = parse_ucl(*body, "reply");
    const UclObject* const root = parsed ? &parsed->document->root() : nullptr;
    if (status < 200 || status > 299) {
      std::string_view why = root && root->is_object() ? root->string("error", "") : "";
      if (why.empty()) why = phrase;
      return failed(std::move(said), fmt::format("HTTP error: {}, {}", status, why));
    }
    if (!root || !root->is_container()) return failed(std::move(said), "the reply is no JSON");
    if (root->is_object() && command.takes_mail)
      add_own(*parsed->document, parsed->document->mutable_of(*root), name, seconds);
    said.text += report(*root, mail, seconds);
    if (options_.form == Form::kText && !options_.mail) said.text += '\n';
    return said;
  }

 private:
  Result<HttpReply> send(std::string_view name, std::string_view mail) const {
    HttpCall call;
    call.post = options_.command->takes_mail;
    call.path = options_.command->path;
    call.headers = client_headers(*options_.command, options_.envelope, name);
    call.body = mail;
    std::string packed;
    if (call.post && options_.envelope.zstd) call.body = packed = pack_zstd(mail);
    if (options_.key.empty()) return call_http(options_.server, call, kReplyMax);
    SealedRequest sealed;
    const std::optional<HttpCall> outer = sealed_call(call, options_.key, sealed);
    if (!outer) return fail("the key is no public key");
    Result<HttpReply> reply = call_http(options_.server, *outer, kReplyMax);
    // Who cannot open it says so in the clear.
    if (!reply || reply->status != 200) return reply;
    return open_reply(sealed.key, std::move(*reply));
  }

  Said failed(Said&& said, std::string_view why) const {
    said.problem = why;
    if (tells_in_text(options_)) fmt::format_to(std::back_inserter(said.text), "{}\n\n", why);
    return std::move(said);
  }

  std::string report(const UclObject& root, std::string_view mail, double seconds) const {
    if (options_.mail) return mail_with_verdict(mail, root, seconds);
    switch (options_.form) {
      case Form::kJson:
        return dump(root, {.format = DumpFormat::kJson}) + "\n";
      case Form::kJsonCompact:
        return dump(root, {.format = DumpFormat::kJsonCompact}) + "\n";
      case Form::kUcl:
        return dump(root) + "\n";
      case Form::kText:
        break;
    }
    switch (options_.command->reply) {
      case ReplyKind::kVerdict:
        return report_verdict(root);
      case ReplyKind::kStatistics:
        return report_statistics(root);
      case ReplyKind::kCounters:
        return report_counters(root, options_.order);
      case ReplyKind::kUptime:
        return report_uptime(root);
      case ReplyKind::kFields:
        break;
    }
    return dump(root);
  }

  const ClientOptions& options_;
};

// Runs a command of the shell with `text` on its input, all of which it need not read. Whether it
// ended well.
bool hand_to_command(const std::string& command, std::string_view text) {
  std::fflush(stdout);
  FILE* const program = popen(command.c_str(), "w");
  if (!program) return false;
  sigset_t broken_pipe, before;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  std::setvbuf(program, nullptr, _IONBF, 0);  // what could not be written must not come up again
  std::fwrite(text.data(), 1, text.size(), program);
  const bool good = pclose(program) == 0;
  const timespec at_once{};
  while (sigtimedwait(&broken_pipe, nullptr, &at_once) > 0) continue;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return good;
}

// Sends messages, some at once, and prints what is said of them in the order they were put.
class Sender {
 public:
  explicit Sender(const ClientOptions& options) : options_(options), client_(options) {}
  ~Sender() { finish(); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Waits where too many are under way.
  void put(std::string name, std::string mail) {
    if (threads_.size() < options_.at_once) threads_.emplace_back([this] { work(); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return next_ - printed_ < kAheadMax * options_.at_once; });
    waiting_.emplace(next_++, Job{std::move(name), std::move(mail)});
    changed_.notify_all();
  }
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      changed_.notify_all();
    }
    for (std::thread& one : threads_)
      if (one.joinable()) one.join();
  }
  bool failed() const { return failed_; }
  uint64_t sent() const { return next_; }

 private:
  struct Job {
    std::string name, mail;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return over_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      auto node = waiting_.extract(waiting_.begin());
      lock.unlock();
      Said said = client_.ask(node.mapped().name, node.mapped().mail);
      if (!said.problem.empty()) said.problem = node.mapped().name + ": " + said.problem;
      lock.lock();
      answered_.emplace(node.key(), std::move(said));
      while (!answered_.empty() && answered_.begin()->first == printed_) {
        print(answered_.begin()->second);
        answered_.erase(answered_.begin());
        ++printed_;
      }
      changed_.notify_all();
    }
  }

  // REQUIRED: the mutex is held.
  void print(const Said& said) {
    if (!said.problem.empty()) {
      failed_ = true;
      std::fflush(stdout);
      if (!tells_in_text(options_)) complain("rspamc", said.problem);
    }
    if (options_.execute.empty()) {
      std::fwrite(said.text.data(), 1, said.text.size(), stdout);
      return;
    }
    if (hand_to_command(options_.execute, said.text)) return;
    failed_ = true;
    complain("rspamc", fmt::format("the command \"{}\" failed", options_.execute));
  }

  const ClientOptions& options_;
  const Client client_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<uint64_t, Job> waiting_;
  std::map<uint64_t, Said> answered_;
  uint64_t next_ = 0, printed_ = 0;
  bool over_ = false, failed_ = false;
  std::vector<std::thread> threads_;
};

bool is_excluded(const ClientOptions& options, const std::string& source) {
  for (const std::string& glob : options.excluded)
    if (fnmatch(glob.c_str(), source.c_str(), 0) == 0 ||
        fnmatch(glob.c_str(), source.substr(source.rfind('/') + 1).c_str(), 0) == 0)
      return true;
  return false;
}

int run_client(const ClientOptions& options) {
  Sender sender(options);
  bool problems = false;
  if (!options.command->takes_mail) {
    sender.put(std::string(options.command->name), {});
  } else if (options.empty) {
    sender.put("empty", {});
  } else {
    ReadSink sink;
    sink.message = [&](Message&& message) {
      if (is_excluded(options, message.source)) return true;
      sender.put(message.source == "(standard input)" ? "stdin" : message.source,
                 std::string(message.bytes.view()));
      return true;
    };
    sink.problem = [&](const std::string& where, const std::string& what) {
      problems = true;
      complain("rspamc", where + ": " + what);
    };
    sink.progress = [](uint64_t) {};
    ReadOptions read;
    if (options.envelope.raw) read.format = ReadOptions::Format::kMessage;
    read_messages(options.paths.empty() ? std::vector<std::string>{"-"} : options.paths, read,
                  sink);
  }
  sender.finish();
  if (sender.sent() == 0 && !problems) {
    complain("rspamc", "there is no message in what was named");
    problems = true;
  }
  return problems || sender.failed() ? kExitInputs : kExitGood;
}

std::string list_commands() {
  std::string out = "Commands:\n";
  for (const ClientCommand& one : client_commands())
    fmt::format_to(std::back_inserter(out), "  {:<12} {}\n", one.name, one.text);
  return out + fmt::format(
                   "symbols asks a scanner (port {}), all others a controller (port {}), which "
                   "may want a\npassword (-P).\n",
                   kScannerPort, kControllerPort);
}

// The command line as it is written.
struct Written {
  std::string connect = "localhost", sort, files_list, key;
  std::vector<std::string> words;
  bool json = false, compact = false, ucl = false, list = false, verbose = false;
};

void add_envelope_options(ArgumentParser& parser, ClientEnvelope& envelope) {
  parser.add_option("-i,--ip", envelope.ip, "address that the message came from");
  parser.add_option("-u,--user", envelope.user, "authenticated user who sent it");
  parser.add_option("-d,--deliver", envelope.deliver, "user it is delivered to");
  parser.add_option("-F,--from", envelope.from, "sender of the envelope");
  parser.add_option("-r,--rcpt", envelope.recipients, "recipient of the envelope; may be repeated")
      .one_each_time();
  parser.add_option("--helo", envelope.helo, "what the sending host called itself");
  parser.add_option("--hostname", envelope.hostname, "name of the sending host");
  parser.add_option("--queue-id", envelope.queue_id, "id in the mail server's queue");
  parser.add_option("--log-tag", envelope.log_tag, "a word for the service's log");
  parser.add_option("--settings", envelope.settings, "settings of this request, as JSON");
  parser
      .add_option("--header", envelope.headers,
                  "header of the request, NAME=VALUE; may be repeated")
      .one_each_time();
  parser.add_flag("-p,--pass-all", envelope.pass_all, "let all filters run");
  parser.add_flag("--raw", envelope.raw, "the input is text without a header block");
  parser.add_flag("--extended-urls", envelope.extended_urls, "URLs with their parts");
  parser.add_flag("--profile", envelope.profile, "ask for the times of symbols");
  parser.add_flag("-z,--compressed", envelope.zstd, "send packed by zstd");
  parser.add_option("-U,--user-agent", envelope.user_agent, "name of the client").show_default();
  parser.add_option("-c,--classifier", envelope.classifier, "classifier that learns");
  parser.add_option("-w,--weight", envelope.weight, "weight in the fuzzy storage");
  parser.add_option("-f,--flag", envelope.flag, "flag in the fuzzy storage");
  parser.add_option("-S,--fuzzy-symbol", envelope.fuzzy_symbol, "symbol of the fuzzy storage");
}

void add_options(ArgumentParser& parser, Written& written, ClientOptions& options) {
  parser.set_help_flag("-?,--help", "print this help");
  parser.add_option("words", written.words,
                    "a command (default: symbols), then files, folders, Maildirs, mboxes; none: "
                    "standard input");
  parser.add_option("-h,--connect", written.connect, "HOST, HOST:PORT or the path of a socket")
      .show_default();
  parser.add_option("-P,--password", options.envelope.password, "password of the controller");
  parser.add_option("--key", written.key,
                    "public key of the service (`winnow keypair`): encrypts what is sent");
  parser.add_option("-t,--timeout", options.server.timeout_s, "seconds to wait for a reply")
      .positive()
      .show_default();
  parser.add_option("-b,--bind", options.server.local, "address to send from");
  parser.add_option("-n,--max-requests", options.at_once, "requests at once")
      .within(1u, 1000u)
      .show_default();
  add_envelope_options(parser, options.envelope);
  parser.add_option("--files-list", written.files_list, "file with a path a line");
  parser.add_option("--exclude", options.excluded, "glob of files to leave out; may be repeated")
      .one_each_time();
  parser.add_flag("-E,--empty", options.empty, "send an empty message instead of reading one");
  parser.add_flag("-j,--json", written.json, "print the reply as JSON");
  parser.add_flag("--compact", written.compact, "print the reply as JSON in one line");
  parser.add_flag("--ucl", written.ucl, "print the reply as UCL");
  parser.add_flag("--headers", options.show_headers, "print the headers of the reply too");
  parser.add_flag("-m,--mime", options.mail, "print the message, its verdict in its header");
  parser.add_option("-e,--exec", options.execute, "command that gets each output on its input");
  parser.add_option("--sort", written.sort,
                    "order of counters: name, weight, frequency, hits; :desc");
  parser.add_flag("--commands", written.list, "list the commands");
  parser.add_flag("-v,--verbose", written.verbose, "accepted");
  parser.set_footer(
      list_commands() +
      "Exit codes: 0 all was answered, 2 wrong usage, 3 some input or request failed.");
}

// The first word where it is a command; what is left are paths.
Result<void> find_command(std::vector<std::string>& words, ClientOptions& options) {
  options.command = words.empty() ? nullptr : find_client_command(words[0]);
  if (options.command) {
    if (const size_t colon = words[0].find(':'); colon != std::string::npos)
      options.envelope.class_name = words[0].substr(colon + 1);
    words.erase(words.begin());
  } else {
    options.command = find_client_command("symbols");
  }
  if (options.command->name == "learn_class" && options.envelope.class_name.empty())
    return fail("which class? learn_class:NAME");
  if (!options.command->takes_mail && !words.empty())
    return fail(fmt::format("{} takes no files", options.command->name));
  if (options.mail && options.command->reply != ReplyKind::kVerdict)
    return fail("--mime is for symbols alone");
  options.paths = std::move(words);
  return {};
}

Result<void> add_listed_files(const std::string& list, std::vector<std::string>& paths) {
  const Result<std::string> text = read_whole_file(list);
  if (!text) return tl::unexpected(text.error());
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    if (end > at) paths.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  if (paths.empty()) return fail(list + " names no file");
  return {};
}

// Puts what was written together. Errors are sentences about the usage.
Result<void> finish_options(Written& written, ClientOptions& options) {
  if (Result<void> found = find_command(written.words, options); !found) return found;
  if (!written.files_list.empty())
    if (Result<void> read = add_listed_files(written.files_list, options.paths); !read) return read;
  if (!written.sort.empty()) {
    Result<CounterOrder> order = parse_counter_order(written.sort);
    if (!order) return tl::unexpected(order.error());
    options.order = *order;
  }
  Result<HttpServer> server =
      parse_server(written.connect, options.command->controls ? kControllerPort : kScannerPort);
  if (!server) return fail("--connect: " + server.error().what);
  server->timeout_s = options.server.timeout_s;
  server->local = options.server.local;
  options.server = std::move(*server);
  if (!written.key.empty()) {
    options.key = read_public_key(written.key).value_or("");
    if (options.key.empty()) return fail("--key: no public key of a Curve25519 pair in base32");
  }
  options.form = written.compact ? Form::kJsonCompact
                 : written.json  ? Form::kJson
                 : written.ucl   ? Form::kUcl
                                 : Form::kText;
  return {};
}

}  // namespace

int rspamc_command(const std::vector<std::string>& arguments) {
  Written written;
  ClientOptions options;
  options.envelope.user_agent = "rspamc";
  ArgumentParser parser(
      "The client of a running service: scans and learns messages, shows statistics.",
      "winnow rspamc");
  add_options(parser, written, options);
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (written.list) {
    fmt::print("{}", list_commands());
    return kExitGood;
  }
  if (Result<void> good = finish_options(written, options); !good) {
    complain("rspamc", good.error().what);
    return kExitUsage;
  }
  return run_client(options);
}

}  // namespace winnow
