// mx_check: whether the domains that a message would be answered at have mail servers that can be
// reached (RFC 5321 5.1, RFC 7505; facts/lists.md "mx_check"). Off by default, as in Rspamd.
//
// Three domains are looked at, each once: the envelope sender's (HELO's name for the null sender),
// Reply-To's, From's; the last two have symbols of their own. First what DNS says is judged; where
// that finds nothing wrong, the servers are called one after the other until one answers
// (mx_probe.h). What did not answer is told of the first, which mail would go to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/score/questions.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/check.h"
#include "rules/checks/lists/mx_probe.h"
#include "rules/checks/option_map.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum What : uint32_t {
  kNone,
  kNull,
  kBroken,
  kDnsFail,
  kLocalOnly,
  kLocalMix,
  kBogonOnly,
  kBogonMix,
  kBad,
  kIpBad,
  kWhite,
  kSkip,
  // Outcomes of a call, and the same of a domain without MX, whose own address was called.
  kGood,
  kRefused,
  kTimeoutConnect,
  kTimeoutRead,
  kError,
  kInvalid,
  kAGood,
  kARefused,
  kATimeoutConnect,
  kATimeoutRead,
  kAError,
  kAInvalid,
  kWhats
};

struct Meaning {
  std::string_view option, symbol;
  double weight;
  std::string_view text;
};
constexpr std::array<Meaning, kWhats> kMeanings{{
    {"symbol_mx_none", "MX_NONE", 4, "has neither mail server nor address"},
    {"symbol_mx_null", "MX_NULL", 6, "says that it takes no mail"},
    {"symbol_mx_broken", "MX_BROKEN", 4, "has mail servers without addresses"},
    {"symbol_mx_dns_fail", "MX_DNS_FAIL", 0, "could not be looked up"},
    {"symbol_mx_local_only", "MX_LOCAL_ONLY", 3, "has mail servers at private addresses"},
    {"symbol_mx_local_mix", "MX_LOCAL_MIX", 3, "has a mail server at a private address"},
    {"symbol_mx_bogon_only", "MX_BOGON_ONLY", 8, "has mail servers at addresses without a route"},
    {"symbol_mx_bogon_mix", "MX_BOGON_MIX", 5, "has a mail server at an address without a route"},
    {"symbol_mx_bad", "MX_BAD", 6, "has a mail server that the site knows as bad"},
    {"symbol_mx_ip_bad", "MX_IP_BAD", 6, "has a mail server at an address that is known as bad"},
    {"symbol_white_mx", "MX_WHITE", -0.1, "has a mail server that the site trusts"},
    {"symbol_mx_skip", "MX_SKIP", 0, "has mail servers that are not to be looked at"},
    {"symbol_good_mx", "MX_GOOD", -0.1, "has a mail server that answers"},
    {"symbol_mx_refused", "MX_REFUSED", 3, "has a mail server that refuses connections"},
    {"symbol_mx_timeout_connect", "MX_TIMEOUT_CONNECT", 2,
     "has a mail server that cannot be reached"},
    {"symbol_mx_timeout_read", "MX_TIMEOUT_READ", 0.1, "has a mail server that says nothing"},
    {"symbol_mx_error", "MX_ERROR", 0, "has a mail server that greets with an error"},
    {"symbol_bad_mx", "MX_INVALID", 3, "has a mail server that speaks no SMTP"},
    {"symbol_mx_a_good", "MX_A_GOOD", 0, "has no MX and answers itself"},
    {"symbol_mx_a_refused", "MX_A_REFUSED", 3, "has no MX and refuses connections"},
    {"symbol_mx_a_timeout_connect", "MX_A_TIMEOUT_CONNECT", 2.5, "has no MX and cannot be reached"},
    {"symbol_mx_a_timeout_read", "MX_A_TIMEOUT_READ", 0.1, "has no MX and says nothing"},
    {"symbol_mx_a_error", "MX_A_ERROR", 0, "has no MX and greets with an error"},
    {"symbol_mx_a_invalid", "MX_A_INVALID", 3, "has no MX and speaks no SMTP"},
}};

struct Source {
  std::string_view option, prefix, check, name;
};
constexpr std::array<Source, 3> kSources{{
    {"symbol_prefix_from", "", "check_from", "The sender's domain"},
    {"symbol_prefix_reply_to", "REPLYTO_", "check_reply_to", "Reply-To's domain"},
    {"symbol_prefix_mime_from", "MIME_FROM_", "check_mime_from", "From's domain"},
}};

struct Plan final : CheckPlan {
  std::array<std::array<SymbolId, kWhats>, kSources.size()> ids;
  std::array<bool, kSources.size()> on{};
  std::shared_ptr<const Map> exclude_domains, exclude_mxs, bad_mxs, exclude_ips, bad_ips;
  uint32_t servers_max = 3;
  bool check_local = false, check_authorized = false;
  bool calls_v4 = true, calls_v6 = false, v6_first = true, test_mode = false;
  MxProbe probe;                      // without its address
  ActionId reject = kNoId<ActionId>;  // of domains that take no mail; kNoId: they only count
  std::string reject_text;
  bool reject_authorized = false, reject_local = false;
};

std::string symbol_name(const UclObject* options, const Source& source, const Meaning& meaning) {
  const auto read = [&](std::string_view key, std::string_view other) {
    return std::string(options ? options->string(key, other) : other);
  };
  return read(source.option, source.prefix) + read(meaning.option, meaning.symbol);
}

void declare(CompileContext& context) {
  for (const Source& source : kSources)
    for (const Meaning& meaning : kMeanings)
      context.declare(symbol_name(context.options, source, meaning), nullptr, meaning.weight, "mx",
                      fmt::format("{} {}", source.name, meaning.text));
}

// How servers are called.
void read_calls(CompileContext& context, Plan& plan) {
  const UclObject& options = *context.options;
  plan.calls_v4 = options.flag("probe_ipv4", true);
  plan.calls_v6 = options.flag("probe_ipv6", false);
  plan.v6_first = options.flag("prefer_ipv6", true);
  plan.test_mode = options.flag("test_mode", false);
  plan.probe.greeting = options.flag("verify_greeting", options.flag("wait_for_greeting", false));
  plan.probe.quit = options.flag("send_quit", false);
  // The value of the first of these options that is there, in units of 1/`scale` s.
  const auto time = [&](std::initializer_list<const char*> names, double scale, double max_s,
                        uint32_t& value) {
    for (const char* const name : names) {
      const UclObject* const given = options.find(name);
      if (!given) continue;
      const std::optional<double> seconds = given->last_value().as_seconds();
      if (!seconds || *seconds < 0.001 || *seconds > max_s) {
        context.warn(name, fmt::format("it must be a time from 1ms to {}s", max_s));
        continue;
      }
      value = static_cast<uint32_t>(*seconds * scale + 0.5);
      return;
    }
  };
  constexpr double kMonth_s = 30 * 86'400;
  time({"connect_timeout", "timeout"}, 1'000, 60, plan.probe.connect_ms);
  time({"read_timeout"}, 1'000, 60, plan.probe.read_ms);
  time({"expire"}, 1, kMonth_s, plan.probe.good_s);
  time({"expire_novalid"}, 1, kMonth_s, plan.probe.failed_s);
  time({"expire_timeout"}, 1, kMonth_s, plan.probe.timeout_s);
  const int64_t port = options.integer("port", 25);
  if (port < 1 || port > 65'535)
    context.warn("port", "it must be a number from 1 to 65535");
  else
    plan.probe.port = static_cast<uint16_t>(port);
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  const UclObject* const options = context.options;
  const auto flag = [&](std::string_view key, bool other) {
    return options ? options->flag(key, other) : other;
  };
  for (size_t s = 0; s < kSources.size(); ++s) {
    plan->on[s] = flag(kSources[s].check, true);
    for (uint32_t w = 0; w < kWhats; ++w)
      plan->ids[s][w] = context.symbol(symbol_name(options, kSources[s], kMeanings[w]));
  }
  plan->check_local = flag("check_local", false);
  plan->check_authorized = flag("check_authorized", false);
  if (!options) return plan;
  plan->servers_max =
      static_cast<uint32_t>(std::clamp<int64_t>(options->integer("max_mx_a_records", 3), 1, 20));
  const auto map = [&](const char* key, MapKind kind) {
    return option_map(context, options, key, kind);
  };
  plan->exclude_domains = map("exclude_domains", MapKind::kSet);
  plan->exclude_mxs = map("exclude_mxs", MapKind::kSet);
  plan->bad_mxs = map("bad_mxs", MapKind::kHash);
  plan->exclude_ips = map("exclude_ips", MapKind::kIp);
  plan->bad_ips = map("bad_ips", MapKind::kIp);
  read_calls(context, *plan);
  if (flag("reject_null_mx", false)) plan->reject = context.action("reject");
  plan->reject_text =
      options->string("reject_null_mx_message", "Domain published RFC 7505 Null MX");
  plan->reject_authorized = flag("reject_authorized", false);
  plan->reject_local = flag("reject_local", false);
  return plan;
}

bool is_skipped(const Plan& plan, const Envelope& envelope) {
  return (!plan.check_authorized && !envelope.user.empty()) ||
         (!plan.check_local && envelope.own_ip);
}

// The domain of each source; empty where there is none or an earlier source has it.
using Domains = std::array<DnsName, kSources.size()>;
Domains domains_of(const Plan& plan, const Envelope& envelope, std::span<const Address> addresses) {
  Domains out;
  if (is_skipped(plan, envelope)) return out;
  const auto first = [&](AddressField field) {
    for (const Address& one : addresses)
      if (one.field == field && !one.domain.empty()) return one.domain;
    return std::string_view();
  };
  std::string_view sender = domain_of(envelope.from);
  if (envelope.from.empty() && envelope.from_known) sender = envelope.helo;
  const std::string_view given[] = {sender, first(AddressField::kReplyTo),
                                    first(AddressField::kFrom)};
  for (size_t s = 0; s < out.size(); ++s) {
    if (!plan.on[s] || given[s].find('.') == given[s].npos || parse_ip(given[s])) continue;
    DnsName name(given[s]);
    for (size_t before = 0; before < s; ++before)
      if (out[before].view() == name.view()) name = {};
    out[s] = name;
  }
  return out;
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const auto& plan = static_cast<const Plan&>(base);
  if (is_unanswered(batch)) return;
  for (uint32_t row = 0; row < batch.rows; ++row)
    for (const DnsName& name : domains_of(plan, batch.envelopes[row], batch.addresses.row(row)))
      if (!name.empty()) asker.ask(row, QuestionKind::kDns, rr::kMx, name.view());
}

// Documentation, benchmarks, multicast, reserved and "this network" (RFC 6890, RFC 5737, RFC 3849).
bool is_bogon(const IpAddress& ip) {
  struct Net {
    std::string_view address;
    unsigned bits;
  };
  static constexpr Net kNets[] = {{"0.0.0.0", 8},     {"192.0.0.0", 24},    {"192.0.2.0", 24},
                                  {"198.18.0.0", 15}, {"198.51.100.0", 24}, {"203.0.113.0", 24},
                                  {"224.0.0.0", 4},   {"240.0.0.0", 4},     {"2001:db8::", 32},
                                  {"ff00::", 8},      {"::", 128}};
  return std::ranges::any_of(kNets, [&](const Net& net) {
    const std::optional<IpAddress> parsed = parse_ip(net.address);
    return parsed && ip_in_net(ip, *parsed, net.bits);
  });
}

bool is_private(const IpAddress& ip) {
  static const IpAddress kShared = *parse_ip("100.64.0.0");  // RFC 6598
  static const IpAddress kUnique = *parse_ip("fc00::");      // RFC 4193
  return is_local_ip(ip) || ip_in_net(ip, kShared, 10) || ip_in_net(ip, kUnique, 7);
}

class Judging {
 public:
  Judging(const Plan& plan, const Evidence& evidence, Judgement& judgement)
      : plan_(plan), evidence_(evidence), judgement_(judgement) {}

  void look(size_t source, const DnsName& domain) {
    if (domain.empty() ||
        find_question(evidence_.questions, QuestionKind::kDns, rr::kMx, domain.view()) == kNoIndex)
      return;
    source_ = source;
    if (plan_.exclude_domains && plan_.exclude_domains->find(domain.view()) != kNoIndex)
      return say(kWhite, domain.view());
    const Answer* const mx = ask(rr::kMx, domain);
    if (!mx) return;
    if (mx->state == AnswerState::kUnknown) return say(kDnsFail, domain.view());
    read_servers(*mx);
    if (mx->values.size() == 1 && servers_.empty()) return takes_no_mail(domain);
    if (mx->values.empty()) servers_ = {{0, domain}};
    const bool has_mx = !mx->values.empty();
    if (!known_servers()) addresses(domain, has_mx);
  }
  bool waiting() const { return waiting_; }

 private:
  struct Server {
    uint32_t preference;
    DnsName name;
  };
  struct Host {
    IpAddress ip;
    std::string_view name;  // of one of servers_
  };

  // The best of them; "." is none (RFC 7505).
  void read_servers(const Answer& mx) {
    servers_.clear();
    for (const std::string_view value : mx.values) {
      Server one{0, DnsName(value.substr(value.find(' ') + 1))};
      std::from_chars(value.data(), value.data() + value.size(), one.preference);
      if (!one.name.empty()) servers_.push_back(one);
    }
    std::ranges::stable_sort(servers_, {}, &Server::preference);
    if (servers_.size() > plan_.servers_max) servers_.resize(plan_.servers_max);
  }

  // Servers that the site knows by name; true where nothing else is to be looked at.
  bool known_servers() {
    for (const Server& one : servers_) {
      if (plan_.bad_mxs)
        if (const uint32_t found = plan_.bad_mxs->find(one.name.view()); found != kNoIndex) {
          say(kBad, one.name.view(), factor(*plan_.bad_mxs, found));
          return true;
        }
      if (plan_.exclude_mxs && plan_.exclude_mxs->find(one.name.view()) != kNoIndex) {
        say(kWhite, one.name.view());
        return true;
      }
    }
    return false;
  }

  void addresses(const DnsName& domain, bool has_mx) {
    std::vector<Host> found;
    bool unknown = false;
    const uint16_t first = plan_.v6_first ? rr::kAaaa : rr::kA;
    for (const Server& one : servers_)
      for (const uint16_t type : {first, first == rr::kA ? rr::kAaaa : rr::kA}) {
        const Answer* const answer = ask(type, one.name);
        if (!answer) continue;
        unknown |= answer->state == AnswerState::kUnknown;
        for (const std::string_view value : answer->values)
          if (const std::optional<IpAddress> ip = parse_ip(value))
            found.push_back({*ip, one.name.view()});
      }
    if (waiting_) return;
    if (found.empty()) return say(unknown ? kDnsFail : has_mx ? kBroken : kNone, domain.view());
    call(judge_addresses(found), has_mx);
  }

  // What the addresses alone say; those that may be called.
  std::vector<Host> judge_addresses(const std::vector<Host>& found) {
    std::vector<Host> callable;
    size_t bogons = 0, locals = 0, excluded = 0;
    for (const Host& one : found) {
      const IpAddress& ip = one.ip;
      if (plan_.test_mode && is_loopback_or_link_local(ip)) {
        callable.push_back(one);
        continue;
      }
      if (is_private(ip))
        ++locals;
      else if (is_bogon(ip))
        ++bogons;
      else if (plan_.bad_ips && plan_.bad_ips->find(ip) != kNoIndex)
        say(kIpBad, text(ip), factor(*plan_.bad_ips, plan_.bad_ips->find(ip)));
      else if (plan_.exclude_ips && plan_.exclude_ips->find(ip) != kNoIndex)
        ++excluded;
      else
        callable.push_back(one);
    }
    const IpAddress& ip = found[0].ip;
    if (locals > 0) say(locals == found.size() ? kLocalOnly : kLocalMix, text(ip));
    if (bogons > 0) say(bogons == found.size() ? kBogonOnly : kBogonMix, text(ip));
    if (excluded > 0 && excluded + locals + bogons == found.size()) say(kSkip, text(ip));
    return callable;
  }

  // Calls one after the other until one answers.
  void call(const std::vector<Host>& hosts, bool has_mx) {
    std::string_view first;  // outcome
    const Host* of = nullptr;
    uint32_t called = 0;
    for (const Host& one : hosts) {
      if (!(one.ip.family == 4 ? plan_.calls_v4 : plan_.calls_v6)) continue;
      if (called++ == plan_.servers_max) break;
      MxProbe probe = plan_.probe;
      probe.ip = one.ip;
      const Answer* const answer =
          judgement_.ask(QuestionKind::kDialog, kMxProbe, write_mx_probe(probe));
      if (!answer) {
        waiting_ = true;
        return;
      }
      // Our own trouble says nothing of them.
      if (answer->state != AnswerState::kValue) continue;
      const std::string_view outcome = answer->values[0];
      if (outcome == "gd") return say(has_mx ? kGood : kAGood, one.name);
      if (outcome.starts_with("err:")) {
        say(has_mx ? kGood : kAGood, one.name);
        say(has_mx ? kError : kAError, one.name);
        return say(has_mx ? kError : kAError, outcome.substr(4), 0);
      }
      if (of) continue;
      first = outcome;
      of = &one;
    }
    if (!of) return;
    static constexpr std::pair<std::string_view, What> kOutcomes[] = {
        {"rf", kRefused}, {"tc", kTimeoutConnect}, {"tr", kTimeoutRead}, {"inv", kInvalid}};
    for (const auto& [outcome, what] : kOutcomes)
      if (outcome == first)
        say(has_mx ? what : static_cast<What>(what + (kAGood - kGood)), of->name);
  }

  void takes_no_mail(const DnsName& domain) {
    say(kNull, domain.view());
    const Envelope& envelope = evidence_.envelope;
    // Of the envelope's sender, who would not get a bounce.
    if (source_ != 0 || plan_.reject == kNoId<ActionId> ||
        (!envelope.user.empty() && !plan_.reject_authorized) ||
        (envelope.own_ip && !plan_.reject_local))
      return;
    PreResult result{.action = plan_.reject};
    result.message = plan_.reject_text;
    result.module = "mx_check";
    judgement_.pre_result(result);
  }

  static double factor(const Map& map, uint32_t value) {
    double out = 1;
    const std::string_view given = map.value(value);
    std::from_chars(given.data(), given.data() + given.size(), out);
    return out;
  }
  static std::string text(const IpAddress& ip) {
    char bytes[kIpTextMax];
    return {bytes, format_ip(ip, bytes)};
  }
  const Answer* ask(uint16_t type, const DnsName& name) {
    const Answer* const answer = judgement_.ask(QuestionKind::kDns, type, name.view());
    waiting_ |= !answer;
    return answer;
  }
  void say(What what, std::string_view option, double weight = 1) {
    if (const SymbolId id = plan_.ids[source_][what]; id != kNoId<SymbolId>)
      judgement_.insert(id, weight, option);
  }

  const Plan& plan_;
  const Evidence& evidence_;
  Judgement& judgement_;
  std::vector<Server> servers_;
  size_t source_ = 0;
  bool waiting_ = false;
};

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  Judging judging(plan, evidence, judgement);
  const Domains domains = domains_of(plan, evidence.envelope, evidence.addresses);
  for (size_t s = 0; s < domains.size(); ++s) judging.look(s, domains[s]);
  return judging.waiting() ? Judged::kWaiting : Judged::kDone;
}

}  // namespace

extern constexpr Check kMxCheck{
    .name = "mx_check",
    .text = "Looks whether senders' domains have mail servers, and calls these.",
    .default_enabled = false,
    .declare = declare,
    .compile = compile,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
