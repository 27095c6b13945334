#include "ingest/serve/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "ingest/controller/password.h"
#include "rules/config/server_text.h"

namespace winnow {

namespace {

void warn(ServeSettings& settings, const UclObject& at, std::string what) {
  settings.warnings.push_back(warning_at(at.place(), std::move(what)));
}

// "localhost" and "*" without a port have the worker's own; " ssl" stays behind it.
std::string with_port(std::string_view where, uint16_t port) {
  if (std::string plain(where); take_ssl(plain)) return with_port(plain, port) + " ssl";
  const bool is_socket =
      where.starts_with('/') || where.starts_with("unix:") || where.starts_with("systemd:");
  const Result<ServerText> server = split_server(where, 0);
  if (is_socket || !server || server->port) return std::string(where);
  return server_text(server->host, port);
}

void read_binds(const UclObject& worker, uint16_t port, std::vector<std::string>& to) {
  for (const char* const key : {"bind_socket", "bind", "listen"})
    for (const std::string_view where : worker.strings(key)) to.push_back(with_port(where, port));
}

void read_milter(ServeSettings& settings, const UclObject& worker) {
  MilterOptions& to = settings.milter_options;
  const auto text = [&](const char* key, std::string& value) {
    if (const UclObject* const found = worker.find(key)) value = found->last_value().text();
  };
  text("reject_message", to.reject_message);
  text("quarantine_message", to.quarantine_message);
  text("tempfail_message", to.tempfail_message);
  text("client_ca_name", to.client_ca_name);
  to.discard_on_reject = worker.flag("discard_on_reject", to.discard_on_reject);
  to.quarantine_on_reject = worker.flag("quarantine_on_reject", to.quarantine_on_reject);
  const UclObject* const header = worker.find("spam_header");
  if (!header) return;
  const std::string_view name = header->last_value().text();
  const bool good = !name.empty() && name.size() <= 256 && std::ranges::all_of(name, [](char c) {
    return c > 0x20 && c < 0x7f && c != ':';
  });
  if (good)
    to.spam_header = name;
  else
    warn(settings, *header,
         fmt::format("\"{}\" is no header name; {} is used", name, to.spam_header));
}

void read_tls(ServeSettings::Tls& to, const UclObject& worker) {
  to.certificate = worker.string("ssl_cert", "");
  to.key = worker.string("ssl_key", "");
}

// The bytes of a file of networks; the networks of an option, one a line.
std::optional<std::string> networks_of(ServeSettings& settings, const UclObject& option) {
  std::string text(option.text());
  if (text.starts_with("file://")) text.erase(0, 7);
  if (!text.starts_with('/')) {
    std::ranges::replace_if(
        text, [](char c) { return c == ',' || c == ';' || c == ' '; }, '\n');
    return text;
  }
  std::ifstream file{text};
  std::ostringstream lines;
  if (file) lines << file.rdbuf();
  if (file) return lines.str();
  warn(settings, option, fmt::format("{} cannot be read: nobody is trusted for it", text));
  return std::nullopt;
}

// A list of networks, a file of them, or several of both. What cannot be read trusts nobody.
void read_secure_ip(ServeSettings& settings, const UclObject& worker) {
  MapBuilder networks(MapKind::kIp);
  uint32_t source = 0;
  for (const char* const key : {"secure_ip", "trusted_ips"}) {
    const UclObject* const given = worker.find(key);
    if (!given) continue;
    for (const UclObject* const one : given->list()) {
      const std::optional<std::string> text =
          one->is_container() ? std::nullopt : networks_of(settings, *one);
      if (!text) continue;
      networks.add_lines(*text, source++);
      for (const MapBuilder::Complaint& complaint : networks.complaints())
        warn(settings, *one, fmt::format("{}: {}", key, complaint.what));
    }
  }
  settings.access.secure_ip = networks.finish();
}

void read_controller(ServeSettings& settings, const UclObject& worker) {
  ControllerSettings& to = settings.access;
  to.password = worker.string("password", "");
  to.enable_password = worker.string("enable_password", "");
  for (const char* const key : {"password", "enable_password"}) {
    const std::string_view one = worker.string(key, "");
    if (one == "q1" || one == "q2")
      warn(settings, *worker.find(key),
           "a password of the examples lets nobody in; `winnow pw` makes one");
    else if (is_broken_password(one))
      warn(settings, *worker.find(key),
           fmt::format("{} begins like a hash and is none, so it lets nobody in; `winnow pw` makes "
                       "one",
                       key));
  }
  to.failures_max = static_cast<uint32_t>(
      std::clamp<int64_t>(worker.integer("max_auth_failures", 10), 0, 1 << 30));
  to.failure_window_ms = static_cast<int64_t>(
      std::clamp(worker.seconds("auth_failure_window", 60), 1.0, 86'400.0) * 1000);
  read_secure_ip(settings, worker);
}

std::string_view type_of(const UclObject& worker) { return worker.string("type", worker.key()); }

bool is_proxy(const UclObject& worker) {
  return type_of(worker) == "rspamd_proxy" || type_of(worker) == "proxy";
}

// A proxy that speaks no milter is a scanner over HTTP.
bool speaks_milter(const UclObject& proxy) { return proxy.flag("milter", true); }

bool is_off(const UclObject& worker) {
  return !worker.flag("enabled", true) || worker.integer("count", 1) < 0;
}

void read_worker(ServeSettings& settings, const UclObject& worker) {
  const std::string_view type = type_of(worker);
  const bool off = is_off(worker);
  if (type == "normal") {
    settings.http_off = off;
    if (!off) read_binds(worker, 11333, settings.http);
    read_tls(settings.http_tls, worker);
  } else if (type == "controller") {
    settings.controller_off = off;
    if (!off) read_binds(worker, 11334, settings.controller);
    read_tls(settings.controller_tls, worker);
    read_controller(settings, worker);
  } else if (is_proxy(worker)) {
    settings.milter_off = off;
    if (!off) read_binds(worker, 11332, speaks_milter(worker) ? settings.milter : settings.http);
    read_milter(settings, worker);
  }
}

void read_logging(ServeSettings& settings, const UclObject& logging) {
  LogOptions& to = settings.log;
  if (const UclObject* const type = logging.find("type")) {
    settings.logs_here = true;
    const std::string_view name = type->last_value().text();
    if (name == "console" || name == "stderr") {
      to.type = LogType::kConsole;
    } else if (name == "file") {
      to.type = LogType::kFile;
      to.path = logging.string("filename", "");
      if (to.path.empty()) {
        warn(settings, *type, "a log of type \"file\" needs a filename; standard error is used");
        to.type = LogType::kConsole;
      }
    } else if (name == "syslog") {
      to.type = LogType::kSyslog;
    } else if (name == "journal") {
      to.type = LogType::kJournal;
    } else {
      settings.logs_here = false;
      warn(settings, *type,
           fmt::format("there is no log of type \"{}\": console, file, syslog, journal", name));
    }
  }
  if (const UclObject* const facility = logging.find("facility")) {
    const int number = log_facility(facility->last_value().text());
    if (number >= 0)
      to.facility = number;
    else
      warn(settings, *facility, "there is no such facility of syslog; daemon is used");
  }
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {
      {"error", LogLevel::kError},   {"warning", LogLevel::kWarning},
      {"notice", LogLevel::kNotice}, {"message", LogLevel::kNotice},
      {"info", LogLevel::kInfo},     {"debug", LogLevel::kDebug}};
  const std::string_view level = logging.string("level", "info");
  for (const auto& [name, value] : kLevels)
    if (name == level) to.level = value;
  to.stamps = !logging.flag("systemd", logging.flag("log_systemd", false));
  to.errors_max =
      static_cast<size_t>(std::clamp<int64_t>(logging.integer("error_elts", 10), 0, 10'000));
  to.error_bytes_max =
      static_cast<size_t>(std::clamp<int64_t>(logging.integer("error_maxlen", 1000), 16, 100'000));
  for (const std::string_view name : logging.strings("debug_modules"))
    settings.debug_modules.emplace_back(name);
  if (const UclObject* const format = logging.find("log_format")) {
    std::vector<std::string> unknown;
    settings.log_format = LogFormat(format->last_value().text(), 8, unknown);
    for (const std::string& name : unknown)
      warn(settings, *format, fmt::format("log_format: there is no variable ${}", name));
  }
}

// The worker's part of load_sealing(). Mail is not taken in the clear where that was refused.
Result<void> load_worker_sealing(ServeSettings& settings, const UclObject& worker) {
  const std::string_view type = type_of(worker);
  const bool is_http = type == "normal" || (is_proxy(worker) && !speaks_milter(worker));
  ServeSettings::Sealing* const to = is_http                ? &settings.http_sealing
                                     : type == "controller" ? &settings.controller_sealing
                                                            : nullptr;
  if (const UclObject* const pair = worker.find("keypair"); pair && to) {
    Result<HttpKeys> keys = read_http_keys(*pair);
    if (!keys) return fail(std::move(keys.error()));
    if (to->keys && to->keys->id != keys->id)
      return fail_at(pair->place(), "another worker of HTTP has another keypair; one serves both");
    to->keys = std::make_shared<const HttpKeys>(std::move(*keys));
  }
  const UclObject* const only = worker.find("encrypted_only");
  if (!only || !worker.flag("encrypted_only", false)) return {};
  if (!to)
    return fail_at(only->place(),
                   "encrypted_only: there is no encryption in what this worker speaks, and mail "
                   "would come in the clear");
  if (!to->keys)
    return fail_at(only->place(),
                   "encrypted_only needs a keypair in the same worker; `winnow keypair` makes one");
  to->only = true;
  return {};
}

Result<void> load_sealing(ServeSettings& settings, const UclObject& root) {
  const UclObject* const workers = root.find("worker");
  if (!workers) return {};
  for (const UclObject* const worker : workers->named()) {
    if (!worker->is_object() || is_off(*worker)) continue;
    if (Result<void> good = load_worker_sealing(settings, *worker); !good) return good;
  }
  return {};
}

// Reads the certificates and keys that are named.
Result<void> load_keys(ServeSettings& settings, const std::vector<Listening>& sockets) {
  for (const Front front : {Front::kHttp, Front::kController}) {
    ServeSettings::Tls& tls = front == Front::kHttp ? settings.http_tls : settings.controller_tls;
    if (!tls.certificate.empty() || !tls.key.empty()) {
      Result<std::shared_ptr<const TlsKeys>> keys = TlsKeys::load(tls.certificate, tls.key);
      if (!keys) return fail(std::move(keys.error()));
      tls.keys = std::move(*keys);
    }
    for (const Listening& one : sockets)
      if (one.tls && one.front == front && !tls.keys)
        return fail(fmt::format("{} at {} speaks TLS: its worker needs ssl_cert and ssl_key",
                                front_name(front), one.name));
  }
  return {};
}

}  // namespace

ServeSettings read_serve_settings(const UclObject& root) {
  ServeSettings settings;
  if (const UclObject* const workers = root.find("worker"))
    for (const UclObject* const worker : workers->named())
      if (worker->is_object()) read_worker(settings, *worker);
  if (const UclObject* const logging = root.find("logging")) read_logging(settings, *logging);
  return settings;
}

Result<ServeSettings> load_serve_settings(const UclObject& root,
                                          const std::vector<Listening>& sockets) {
  ServeSettings settings = read_serve_settings(root);
  if (Result<void> good = load_sealing(settings, root); !good) return fail(std::move(good.error()));
  if (Result<void> keys = load_keys(settings, sockets); !keys) return fail(std::move(keys.error()));
  Result<ProxySettings> proxy = read_proxy_settings(root, settings.warnings);
  if (!proxy) return fail(std::move(proxy.error()));
  settings.proxy = std::make_shared<const ProxySettings>(std::move(*proxy));
  return settings;
}

}  // namespace winnow
