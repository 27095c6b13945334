// options {} and actions {}.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/mime/ip.h"
#include "engine/score/micro.h"
#include "rules/compile/compile.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

void limit(Compiler& compiler, const UclObject& options, const char* key, uint32_t& value,
           uint32_t max) {
  const UclObject* const found = options.find(key);
  if (!found) return;
  const std::optional<int64_t> number = found->last_value().as_int();
  if (!number || *number < 1 || *number > max) {
    compiler.warn(*found, fmt::format("{} must be a whole number from 1 to {}", key, max));
    return;
  }
  value = static_cast<uint32_t>(*number);
}

void read_dns(Compiler& compiler, const UclObject& dns) {
  DnsConfig& to = compiler.set.dns;
  for (const char* const key : {"nameserver", "server"})
    for (const std::string_view one : dns.strings(key)) to.nameservers.emplace_back(one);
  constexpr uint32_t kTriesMax = 32, kSocketsMax = 256;
  limit(compiler, dns, "retransmits", to.retransmits, kTriesMax);
  for (const char* const key : {"sockets", "connections"})
    limit(compiler, dns, key, to.sockets, kSocketsMax);
  to.dnssec = dns.flag("enable_dnssec", false);
  if (const UclObject* const hosts = dns.find("hosts")) {
    to.hosts_given = true;
    to.hosts.clear();
    if (!hosts->last_value().is_null())
      for (const std::string_view one : dns.strings("hosts")) to.hosts.emplace_back(one);
  }
  if (const UclObject* const timeout = dns.find("timeout")) {
    const std::optional<double> seconds = timeout->last_value().as_seconds();
    if (seconds && *seconds >= 0.001 && *seconds <= 60)
      to.timeout_ms = static_cast<uint32_t>(std::lround(*seconds * 1000));
    else
      compiler.warn(*timeout, "options.dns.timeout must be a time from 1ms to 60s");
  }
}

struct DefaultAction {
  const char* key;   // in actions {}
  const char* name;  // in results
  double threshold;  // NaN = none
  uint8_t flags;
};
constexpr uint8_t kFlagless = 0;
constexpr auto kUnscored = static_cast<uint8_t>(ActionFlag::kWithoutThreshold);
constexpr double kNoScore = 1e300;
constexpr DefaultAction kDefaults[] = {
    {"no_action", "no action", kNoScore, static_cast<uint8_t>(ActionFlag::kHam)},
    {"greylist", "greylist", kNoScore, kFlagless},
    {"add_header", "add header", kNoScore, kFlagless},
    {"rewrite_subject", "rewrite subject", kNoScore, kFlagless},
    {"soft_reject", "soft reject", kNoScore, kUnscored},
    {"reject", "reject", kNoScore, kFlagless},
    {"discard", "discard", kNoScore,
     static_cast<uint8_t>(kUnscored | static_cast<uint8_t>(ActionFlag::kDiscard))},
    {"quarantine", "quarantine", kNoScore,
     static_cast<uint8_t>(kUnscored | static_cast<uint8_t>(ActionFlag::kQuarantine))},
};

std::string underscored(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, ' ', '_');
  return out;
}

void read_flags(const UclObject& value, Action& action) {
  for (const std::string_view flag : value.strings("flags")) {
    if (flag == "no_threshold") action.flags |= static_cast<uint8_t>(ActionFlag::kWithoutThreshold);
    if (flag == "threshold_only") action.flags |= static_cast<uint8_t>(ActionFlag::kThresholdOnly);
    if (flag == "ham") action.flags |= static_cast<uint8_t>(ActionFlag::kHam);
  }
  const std::string_view milter = value.string("milter", "");
  if (milter == "discard") action.flags |= static_cast<uint8_t>(ActionFlag::kDiscard);
  if (milter == "quarantine") action.flags |= static_cast<uint8_t>(ActionFlag::kQuarantine);
}

void read_action(Compiler& compiler, const UclObject& given, Action& action) {
  const UclObject& value = given.last_value();
  action.place = compiler.place(value);
  if (value.is_null()) {
    action.flags |= static_cast<uint8_t>(ActionFlag::kDisabled);
    action.threshold = kNoThreshold;
    return;
  }
  std::optional<double> number = value.as_number();
  if (value.is_object()) {
    read_flags(value, action);
    for (const char* const key : {"score", "threshold"})
      if (const UclObject* const inner = value.find(key)) number = inner->last_value().as_number();
    if (!number) return;
  }
  if (!number) {
    // `add header = 6` is the key "add" with the value "header = 6".
    const bool two_words = value.text().find('=') != std::string_view::npos;
    compiler.warn(
        value, fmt::format("threshold of action \"{}\" is neither a number nor null{}", action.name,
                           two_words ? "; names of two words are written add_header" : ""));
    return;
  }
  action.threshold = to_micro(*number);
  // soft_reject, discard and quarantine are chosen by rules alone until they have a threshold.
  const std::vector<std::string_view> flags = value.strings("flags");
  if (std::ranges::find(flags, "no_threshold") == flags.end())
    action.flags &= static_cast<uint8_t>(~kUnscored);
}

}  // namespace

std::vector<FakeRecord> read_fake_records(Compiler& compiler, const UclObject& dns) {
  std::vector<FakeRecord> out;
  const UclObject* const records = dns.find("fake_records");
  if (!records) return out;
  for (const UclObject* const record : records->list()) {
    FakeRecord one;
    one.name = record->string("name", "");
    one.type = record->string("type", "a");
    one.rcode = record->string("rcode", "");
    for (const std::string_view reply : record->strings("replies")) one.replies.emplace_back(reply);
    if (one.name.empty())
      compiler.warn(*record, "a fake record needs a name");
    else
      out.push_back(std::move(one));
  }
  return out;
}

bool OwnNetworks::hold(const IpAddress& ip) const {
  if (!ip.valid()) return false;
  if (networks_.empty()) return is_local_ip(ip);
  return is_loopback_or_link_local(ip) ||
         std::ranges::any_of(networks_, [&](const auto& map) { return map->find(ip) != kNoIndex; });
}

void compile_options(Compiler& compiler, const UclObject& root) {
  const UclObject* const options = root.find("options");
  if (!options) return;
  for (const char* const name : {"local_addrs", "local_networks"})
    if (const UclObject* const nets = options->find(name))
      compiler.set.own.add(compiler.maps.load(*nets, MapKind::kIp));
  limit(compiler, *options, "dns_max_requests", compiler.set.list_questions_max, 1'000'000);
  Limits& limits = compiler.set.limits;
  limit(compiler, *options, "max_urls", limits.urls_max, 1'000'000);
  limit(compiler, *options, "max_mime_parts", limits.parts_max, 1'000'000);
  limit(compiler, *options, "words_decay", limits.words_decay, 1'000'000);
  limit(compiler, *options, "max_shots", compiler.shots_max, 1'000'000);
  if (options->flag("one_shot", false)) compiler.shots_max = 1;
  compiler.set.soft_reject_on_timeout = options->flag("soft_reject_on_timeout", false);
  compiler.set.judge.soft_reject_on_timeout = compiler.set.soft_reject_on_timeout;
  compiler.set.model.check_all_filters = options->flag("check_all_filters", false);
  if (const UclObject* const dns = options->find("dns")) {
    compiler.set.fake_records = read_fake_records(compiler, *dns);
    read_dns(compiler, *dns);
  }
}

Result<void> compile_actions(Compiler& compiler, const UclObject& root) {
  ScoreModel& model = compiler.set.model;
  for (const DefaultAction& one : kDefaults) {
    Action action;
    action.name = one.name;
    action.flags = one.flags;
    model.actions.push_back(std::move(action));
  }
  if (const UclObject* const actions = root.find("actions")) {
    for (const UclObject& value : actions->children()) {
      const std::string_view key = value.key();
      if (key == "subject") {
        model.subject = value.last_value().text();
      } else if (key == "grow_factor") {
        model.grow_factor = value.last_value().as_number().value_or(1);
      } else if (key == "unknown_weight" || key == "flags") {
        continue;  // read by others
      } else {
        auto at = std::ranges::find_if(model.actions, [&](const Action& action) {
          return underscored(action.name) == underscored(key);
        });
        if (at == model.actions.end()) {
          model.actions.push_back({});
          at = model.actions.end() - 1;
          at->name = key;
        }
        read_action(compiler, value, *at);
      }
    }
  }
  std::ranges::stable_sort(model.actions, {},
                           [](const Action& action) { return action.threshold; });
  model.no_action = model.find_action("no action");
  model.reject = model.find_action("reject");
  model.soft_reject = model.find_action("soft reject");
  compiler.set.poison_action = model.reject;
  if (const UclObject* const value = root.get("winnow.poison_action")) {
    const auto same = [&](const Action& action) {
      return underscored(action.name) == underscored(value->text());
    };
    const auto found = std::ranges::find_if(model.actions, same);
    if (found == model.actions.end()) {
      const Place at = compiler.place(*value);
      return fail(Error{.what = fmt::format("poison_action: \"{}\" is no action; write one of "
                                            "section actions, as reject",
                                            value->text()),
                        .file = std::string(at.file),
                        .line = at.line,
                        .column = at.column});
    }
    compiler.set.poison_action = ActionId(found - model.actions.begin());
  }
  return {};
}

}  // namespace winnow
