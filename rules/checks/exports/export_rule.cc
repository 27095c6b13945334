#include "rules/checks/exports/export_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "rules/config/nearest.h"
#include "rules/config/redis_section.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

template <class Value>
struct Named {
  std::string_view name;
  Value value;
};
constexpr std::array<Named<ExportBackend>, 4> kBackends{{
    {"http", ExportBackend::kHttp},
    {"redis_pubsub", ExportBackend::kRedisPubsub},
    {"redis_stream", ExportBackend::kRedisStream},
    {"send_mail", ExportBackend::kSendMail},
}};
constexpr std::array<Named<ExportSelector>, 6> kSelectors{{
    {"default", ExportSelector::kAll},
    {"is_spam", ExportSelector::kSpam},
    {"is_spam_authed", ExportSelector::kSpamOfUsers},
    {"is_reject", ExportSelector::kReject},
    {"is_reject_authed", ExportSelector::kRejectOfUsers},
    {"is_not_soft_reject", ExportSelector::kNotSoftReject},
}};
constexpr std::array<Named<ExportFormat>, 5> kFormats{{
    {"default", ExportFormat::kMessage},
    {"email_alert", ExportFormat::kEmailAlert},
    {"json", ExportFormat::kJson},
    {"json_with_message", ExportFormat::kJsonWithMessage},
    {"multipart", ExportFormat::kMultipart},
}};
constexpr std::string_view kAbsent[] = {"json_raw_tcp", "msgpack", "structured"};

bool has_controls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

// Options of one rule: its own, else those of the module.
class Reader {
 public:
  Reader(const CompileContext& context, const UclObject& body, std::string_view name)
      : context_(context), body_(body) {
    rule_.name = name;
  }

  // Null where the rule cannot be carried out.
  std::shared_ptr<const ExportRule> read(const UclObject* backend, const UclObject* selector,
                                         const UclObject* format) {
    if (!backend) {
      off(body_, "has no backend: say http, redis_pubsub, redis_stream or send_mail");
      return nullptr;
    }
    choose(*backend, "backend", "custom_push", kBackends, rule_.backend);
    if (selector) choose(*selector, "selector", "custom_select", kSelectors, rule_.selector);
    if (format) choose(*format, "formatter", "custom_format", kFormats, rule_.format);
    if (is_off_) return nullptr;
    rule_.defer = flag("defer");
    rule_.timeout_ms = time("timeout", rule_.timeout_ms);
    read_mail();
    switch (rule_.backend) {
      case ExportBackend::kHttp:
        read_http();
        break;
      case ExportBackend::kRedisPubsub:
        rule_.channel = needed("channel");
        need_redis(*backend);
        break;
      case ExportBackend::kRedisStream:
        read_stream();
        need_redis(*backend);
        break;
      case ExportBackend::kSendMail:
        rule_.smtp = needed("smtp");
        if (rule_.format != ExportFormat::kMessage && rule_.format != ExportFormat::kEmailAlert)
          off(*format,
              "sends mail: its formatter is email_alert, or default for the message itself");
        break;
    }
    return is_off_ ? nullptr : std::make_shared<const ExportRule>(std::move(rule_));
  }

 private:
  const UclObject* find(std::string_view key) const {
    const UclObject* const own = body_.find(key);
    return own || !context_.options ? own : context_.options->find(key);
  }
  bool flag(std::string_view key) const {
    const UclObject* const given = find(key);
    return given && given->last_value().as_bool().value_or(false);
  }
  std::string text(std::string_view key, std::string_view other = {}) {
    const UclObject* const given = find(key);
    const std::optional<std::string_view> value =
        given ? given->last_value().as_string() : std::nullopt;
    // A template is of many lines.
    if (value && key != "email_template" && has_controls(*value))
      off(*given, fmt::format("has a control character in {}", key));
    return std::string(value.value_or(other));
  }
  std::string needed(std::string_view key) {
    std::string value = text(key);
    if (value.empty()) off(body_, fmt::format("has no {}, which its backend needs", key));
    return value;
  }
  uint32_t time(std::string_view key, uint32_t other_ms) {
    const UclObject* const given = find(key);
    if (!given) return other_ms;
    const std::optional<double> seconds = given->last_value().as_seconds();
    if (seconds && *seconds >= 0.001 && *seconds <= 600)
      return static_cast<uint32_t>(*seconds * 1'000 + 0.5);
    say(*given, fmt::format("{} must be a time from 1ms to 10min; it is {} ms", key, other_ms));
    return other_ms;
  }

  template <class Values, class Value>
  void choose(const UclObject& given, std::string_view what, std::string_view own,
              const Values& values, Value& to) {
    const std::string_view name = given.last_value().text();
    for (const auto& one : values)
      if (one.name == name) {
        to = one.value;
        return;
      }
    const UclObject* const lua = context_.options ? context_.options->find(own) : nullptr;
    if (name == "custom" || (lua && lua->find(name)))
      return off(given,
                 fmt::format("has the {} {}, which is Lua, and that is not run here", what, name));
    if (std::ranges::find(kAbsent, name) != std::end(kAbsent))
      return off(given, fmt::format("has the {} {}, which is not there yet", what, name));
    std::vector<std::string_view> names;
    for (const auto& one : values) names.push_back(one.name);
    const std::string near = did_you_mean(name, names);
    off(given, fmt::format("has the {} {}, which nothing here knows{}{}", what, name,
                           near.empty() ? "" : ". ", near));
  }

  // Else mail that waits for it would be told to come again for ever.
  void need_redis(const UclObject& at) {
    if (!context_.options || !names_redis_servers(*context_.options))
      off(at, "needs Redis, and no servers are named (redis { servers = \"…\"; })");
  }

  void read_http() {
    rule_.url = needed("url");
    const size_t host = rule_.url.starts_with("http://")    ? 7
                        : rule_.url.starts_with("https://") ? 8
                                                            : 0;
    if (!is_off_ &&
        (host == 0 || host == rule_.url.size() || rule_.url.find(' ') != rule_.url.npos))
      off(*find("url"), "needs a url that begins with http:// or https://");
    rule_.user = text("user");
    rule_.password = text("password");
    rule_.mime_type = text("mime_type", rule_.mime_type);
    rule_.header_prefix = text("meta_header_prefix", rule_.header_prefix);
    rule_.meta_headers = flag("meta_headers");
    rule_.gzip = flag("gzip");
    rule_.any_certificate = flag("no_ssl_verify");
    rule_.connect_timeout_ms = time("connect_timeout", 0);
    for (const std::string_view key : {"ssl_timeout", "write_timeout", "read_timeout"})
      if (const UclObject* const given = find(key))
        say(*given, fmt::format("{} does nothing: timeout is that of the whole export, "
                                "connect_timeout of the connection with its TLS",
                                key));
    if (flag("keepalive"))
      say(*find("keepalive"), "keepalive does nothing: each export has a connection of its own");
  }

  void read_stream() {
    rule_.channel = needed("stream_key");
    rule_.per_recipient = flag("per_recipient");
    const UclObject* const given = find("max_len");
    if (!given) return;
    const std::optional<int64_t> length = given->last_value().as_int();
    if (length && *length > 0)
      rule_.length_max = static_cast<uint64_t>(*length);
    else
      say(*given, "max_len must be a number of entries over 0; the stream has no limit");
  }

  void read_mail() {
    rule_.smtp_port = 25;
    if (const UclObject* const given = find("smtp_port")) {
      const std::optional<int64_t> port = given->last_value().as_int();
      if (port && *port > 0 && *port <= 65'535)
        rule_.smtp_port = static_cast<uint16_t>(*port);
      else
        say(*given, "smtp_port must be a number from 1 to 65535; it is 25");
    }
    rule_.helo = text("helo", text("hello", rule_.helo));
    rule_.mail_from = text("mail_from");
    rule_.email_template = text("email_template");
    rule_.alert_sender = flag("email_alert_sender");
    rule_.alert_recipients = flag("email_alert_recipients");
    rule_.alert_user = flag("email_alert_user");
    if (const UclObject* const to = find("mail_to"))
      for (const UclObject* const one : to->list()) {
        const std::string address(one->as_string().value_or(""));
        if (address.empty() || has_controls(address))
          say(*one, "mail_to has what is no address");
        else
          rule_.mail_to.push_back(address);
      }
    if (rule_.mail_to.empty()) rule_.mail_to = {"postmaster@localhost"};
  }

  void say(const UclObject& at, const std::string& what) {
    context_.warn_at(at, fmt::format("The export {}: {}.", rule_.name, what));
  }
  void off(const UclObject& at, const std::string& what) {
    if (!is_off_)
      context_.warn_at(at, fmt::format("The export {} {}: it is off.", rule_.name, what));
    is_off_ = true;
  }

  const CompileContext& context_;
  const UclObject& body_;
  ExportRule rule_;
  bool is_off_ = false;
};

// pusher_enabled, pusher_select, pusher_format: one rule a backend, of that name.
void read_old_style(const CompileContext& context,
                    std::vector<std::shared_ptr<const ExportRule>>& out) {
  const UclObject& options = *context.options;
  const UclObject* const enabled = options.find("pusher_enabled");
  if (!enabled) return;
  const auto of = [&](const char* section, std::string_view backend, const char* other) {
    const UclObject* const choices = options.find(section);
    const UclObject* const own = choices ? choices->find(backend) : nullptr;
    return own ? own : options.find(other);
  };
  for (const UclObject* const backend : enabled->list()) {
    const std::string_view name = backend->text();
    if (auto rule = Reader(context, options, name)
                        .read(backend, of("pusher_select", name, "selector"),
                              of("pusher_format", name, "formatter")))
      out.push_back(std::move(rule));
  }
}

}  // namespace

const std::shared_ptr<const ExportRule>* ExportPlan::find(std::string_view name) const {
  for (const std::shared_ptr<const ExportRule>& one : rules)
    if (one->name == name) return &one;
  return nullptr;
}

const std::shared_ptr<const ExportRule>* ExportPlan::find_asked(std::string_view key) const {
  return key.starts_with(kExportQuestion) ? find(key.substr(kExportQuestion.size())) : nullptr;
}

bool ExportPlan::asks_redis() const {
  return std::ranges::any_of(rules, [](const std::shared_ptr<const ExportRule>& one) {
    return one->backend == ExportBackend::kRedisPubsub ||
           one->backend == ExportBackend::kRedisStream;
  });
}

bool ExportPlan::is_selected(const ExportRule& rule, ActionId action, bool of_user) const {
  switch (rule.selector) {
    case ExportSelector::kAll:
      return true;
    case ExportSelector::kSpamOfUsers:
      if (!of_user) return false;
      [[fallthrough]];
    case ExportSelector::kSpam:
      return action == reject || action == add_header || action == rewrite_subject;
    case ExportSelector::kRejectOfUsers:
      if (!of_user) return false;
      [[fallthrough]];
    case ExportSelector::kReject:
      return action == reject;
    case ExportSelector::kNotSoftReject:
      return action != soft_reject;
  }
  return false;
}

std::vector<std::shared_ptr<const ExportRule>> read_export_rules(const CompileContext& context) {
  std::vector<std::shared_ptr<const ExportRule>> out;
  if (!context.options) return out;
  if (const UclObject* const rules = context.options->find("rules"))
    for (const UclObject* const body : rules->named()) {
      if (!body->is_object()) {
        context.warn_at(*body, fmt::format("The export {} is no section: it is off.", body->key()));
        continue;
      }
      if (!body->flag("enabled", true)) continue;
      if (auto rule =
              Reader(context, *body, body->key())
                  .read(body->find("backend"), body->find("selector"), body->find("formatter")))
        out.push_back(std::move(rule));
    }
  for (const char* const lua : {"select", "format", "push"})
    if (const UclObject* const given = context.options->find(lua))
      context.warn_at(*given,
                      fmt::format("metadata_exporter.{} is Lua, which is not run here.", lua));
  read_old_style(context, out);
  if (out.size() > kExportRulesMax) {
    context.warn_at(*context.options,
                    fmt::format("There are {} exports: those after the first {} are off.",
                                out.size(), kExportRulesMax));
    out.resize(kExportRulesMax);
  }
  return out;
}

}  // namespace winnow
