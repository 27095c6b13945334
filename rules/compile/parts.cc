#include "rules/compile/parts.h"

#include <algorithm>
#include <array>

#include "rules/checks/check.h"

namespace winnow {

namespace {

struct Row {
  std::string_view section;
  std::string_view read;  // its options that are read, between spaces; empty: all
};

// Beside the checks. Old names that are translated before stand for what they become.
constexpr std::array kParts{
    Row{"actions", ""},
    Row{"bayes_expiry", " common_ttl count enabled epsilon_common interval significant_factor "},
    Row{"classifier", " bayes "},
    Row{"classifier.*",
        " autolearn backend cache cache_elt_len cache_max_elt cache_max_keys cache_prefix "
        "class_labels classify_condition enabled expire expiry languages_enabled learn_condition "
        "max_tokens min_learns min_prob_strength min_token_hits min_tokens monitor_timeout name "
        "new_schema per_language per_user prefix redis servers signatures statfile store_tokens "
        "tokenizer type users_enabled "},
    Row{"composite", ""},
    Row{"composites", ""},
    Row{"group", ""},
    Row{"logging",
        " debug_modules error_elts error_maxlen facility filename level log_format log_systemd "
        "systemd type "},
    Row{"metric", ""},
    Row{"options",
        " check_all_filters check_authed check_local dns dynamic_conf gtube_patterns local_addrs "
        "local_networks "
        "max_message max_mime_parts max_shots max_urls one_shot "
        "soft_reject_on_timeout task_timeout trusted_keys words_decay "},
    Row{"options.dns",
        " connections enable_dnssec fake_records nameserver retransmits server sockets timeout "},
    Row{"redis", ""},
    Row{"regexp", ""},
    Row{"symbols", ""},
    Row{"tests", ""},
    Row{"winnow", ""},
    Row{"worker", ""},
    Row{"worker.controller",
        " auth_failure_window bind bind_socket count enable_password enabled encrypted_only "
        "keypair listen max_auth_failures password secure_ip ssl_cert ssl_key trusted_ips type "},
    Row{"worker.normal",
        " bind bind_socket count enabled encrypted_only keypair listen max_tasks ssl_cert ssl_key "
        "task_timeout timeout type "},
    Row{"worker.rspamd_proxy",
        " bind bind_socket client_ca_name count discard_on_reject enabled encrypted_only keypair "
        "listen max_connections max_connections_per_source max_retries milter mirror "
        "quarantine_message quarantine_on_reject reject_message spam_header tempfail_message "
        "timeout type upstream "},
    Row{"worker.rspamd_proxy.mirror.*",
        " extra_headers hosts key name prob probability settings settings_id ssl timeout "},
    Row{"worker.rspamd_proxy.upstream.*",
        " default extra_headers hosts key name self_scan settings settings_id ssl timeout "},
};

const Check* find_check(std::string_view name) {
  for (const Check* const check : all_checks())
    if (check->name == name) return check;
  return nullptr;
}

}  // namespace

PartState part_state(const UclObject& root, std::string_view section) {
  if (std::ranges::find(kParts, section, &Row::section) != kParts.end()) return PartState::kBuiltIn;
  const Check* const check = find_check(section);
  if (!check) return PartState::kAccepted;
  const UclObject* const given = root.find(section);
  const bool on = given && given->is_object() ? given->flag("enabled", check->default_enabled)
                                              : check->default_enabled;
  return on ? PartState::kOn : PartState::kOff;
}

std::string_view part_text(PartState state) {
  switch (state) {
    case PartState::kBuiltIn:
      return "built in";
    case PartState::kOn:
      return "on";
    case PartState::kOff:
      return "off: enabled = false";
    case PartState::kAccepted:
      break;
  }
  return "not there yet: its options are accepted and do nothing";
}

bool is_read_option(std::string_view section, std::string_view key) {
  if (const auto part = std::ranges::find(kParts, section, &Row::section); part != kParts.end())
    return part->read.empty() ||
           part->read.find(" " + std::string(key) + " ") != std::string_view::npos;
  const Check* const check = find_check(section);
  if (!check || key == "enabled" || check->declare) return true;
  if (check->local_skip && (key == "check_local" || key == "check_authed")) return true;
  const auto names_it = [key](const SymbolName& one) {
    return one.option.substr(0, one.option.find('.')) == key;
  };
  return std::ranges::any_of(check->names, names_it) ||
         std::ranges::find(check->options, key, &OptionDecl::name) != check->options.end();
}

}  // namespace winnow
