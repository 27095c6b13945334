// The client by its names: HELO and reverse name that belong to dial-up lines and rented hosts,
// names that are none, and messages that are a link and nothing else.
#include <algorithm>
#include <array>

#include "engine/mime/ip.h"
#include "rules/checks/check.h"
#include "rules/checks/headers/client_name.h"
#include "rules/checks/organisation.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kHelo1,
  kHelo2,
  kHelo3,
  kHelo4,
  kHelo5,
  kHost1,
  kHost2,
  kHost3,
  kHost4,
  kHost5,
  kHeloBadIp,
  kHeloBareIp,
  kHeloNotFqdn,
  kHostUnknown,
  kFromNotFqdn,
  kFromBounce,
  kRcptBounce,
  kUrlOnly,
  kUrlOneLine,
  kHeloIpA,
  kHeloNoAddress,
  kHeloMx,
  kFromNoAddress,
  kFromMx,
  kMidNoAddress,
  kMidMx,
  kMidNotFqdn,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"HFILTER_HELO_1", "hfilter", 0.5, "HELO looks like a customer's machine."},
    {"HFILTER_HELO_2", "hfilter", 1, "HELO looks like a numbered host."},
    {"HFILTER_HELO_3", "hfilter", 2, "HELO looks like a cable line."},
    {"HFILTER_HELO_4", "hfilter", 2.5, "HELO looks like a DSL line."},
    {"HFILTER_HELO_5", "hfilter", 3, "HELO looks like a dial-up line or a private name."},
    {"HFILTER_HOSTNAME_1", "hfilter", 0.5, "The client's name looks like a customer's machine."},
    {"HFILTER_HOSTNAME_2", "hfilter", 1, "The client's name looks like a numbered host."},
    {"HFILTER_HOSTNAME_3", "hfilter", 2, "The client's name looks like a cable line."},
    {"HFILTER_HOSTNAME_4", "hfilter", 2.5, "The client's name looks like a DSL line."},
    {"HFILTER_HOSTNAME_5", "hfilter", 3, "The client's name looks like a dial-up line."},
    {"HFILTER_HELO_BADIP", "hfilter", 4.5, "HELO is an address that is not public."},
    {"HFILTER_HELO_BAREIP", "hfilter", 3, "HELO is a bare address."},
    {"HFILTER_HELO_NOT_FQDN", "hfilter", 2, "HELO is no full host name."},
    {"HFILTER_HOSTNAME_UNKNOWN", "hfilter", 2.5, "The client's address has no name."},
    {"HFILTER_FROMHOST_NOT_FQDN", "hfilter", 3, "The sender's domain is no full host name."},
    {"HFILTER_FROM_BOUNCE", "hfilter", 0, "No envelope sender."},
    {"HFILTER_RCPT_BOUNCEMOREONE", "hfilter", 1.5, "A bounce to more than one recipient."},
    {"HFILTER_URL_ONLY", "hfilter", 2.2, "The text is links and nearly nothing else."},
    {"HFILTER_URL_ONELINE", "hfilter", 2.5, "The text is links and one end of line."},
    {"HFILTER_HELO_IP_A", "hfilter", 1, "HELO's addresses are not the client's."},
    {"HFILTER_HELO_NORES_A_OR_MX", "hfilter", 0.3, "HELO has neither address nor mail server."},
    {"HFILTER_HELO_NORESOLVE_MX", "hfilter", 0.2, "A mail server of HELO has no address."},
    {"HFILTER_FROMHOST_NORES_A_OR_MX", "hfilter", 1.5,
     "The sender's domain has neither address nor mail server."},
    {"HFILTER_FROMHOST_NORESOLVE_MX", "hfilter", 0.5,
     "A mail server of the sender's domain has no address."},
    {"HFILTER_MID_NORES_A_OR_MX", "hfilter", 0.5,
     "Message-ID's host has neither address nor mail server."},
    {"HFILTER_MID_NORESOLVE_MX", "hfilter", 0.5, "A mail server of Message-ID's host has none."},
    {"HFILTER_MID_NOT_FQDN", "hfilter", 0.5, "Message-ID's host is no full host name."},
}};

struct Plan : CheckPlan {
  bool helo = true, hostname = true, url = true, from = true, rcpt = true, mid = false;
  bool check_local = false, check_authed = false;
};

constexpr std::array<OptionDecl, 8> kOptions{{
    {"helo_enabled", OptionType::kBool, "true", "Looks at HELO."},
    {"hostname_enabled", OptionType::kBool, "true", "Looks at the client's name."},
    {"url_enabled", OptionType::kBool, "true", "Looks for texts that are links."},
    {"from_enabled", OptionType::kBool, "true", "Looks at the sender's domain."},
    {"rcpt_enabled", OptionType::kBool, "true", "Counts recipients of bounces."},
    {"mid_enabled", OptionType::kBool, "false", "Looks at Message-ID's host."},
    {"check_local", OptionType::kBool, "false", "Looks at mail of our own nets as well."},
    {"check_authed", OptionType::kBool, "false", "Looks at mail of authenticated users as well."},
}};

constexpr size_t kNameMax = 253;  // RFC 1035 2.3.4, as text

// What words of a host name say; words are runs of letters.
struct HostWord {
  std::string_view word;
  uint8_t weight;          // 1-5, where it stands by itself; 0 = says nothing then
  uint8_t behind_address;  // 1-5, where four numbers stand before it
  bool counts = false;     // a number follows at once: dsl12
};
constexpr HostWord kHostWords[] = {
    {"dynamic", 5, 5},    {"dyn", 0, 5},        {"dhcp", 5, 5},       {"ppp", 5, 5},
    {"pppoe", 5, 5},      {"nat", 5, 5},        {"broadband", 5, 5},  {"dialup", 5, 5},
    {"dialin", 5, 5},     {"dial", 0, 5},       {"dip", 0, 5},        {"modem", 5, 5},
    {"wifi", 5, 5},       {"wireless", 0, 5},   {"gprs", 5, 5},       {"cdma", 5, 5},
    {"catv", 5, 5},       {"dsl", 4, 4, true},  {"adsl", 4, 4, true}, {"xdsl", 4, 4, true},
    {"sdsl", 4, 4, true}, {"vdsl", 4, 4, true}, {"pool", 4, 4},       {"pools", 4, 4},
    {"fibertel", 4, 4},   {"fbx", 4, 4},        {"cable", 3, 3},      {"kabel", 3, 3},
    {"host", 2, 2},       {"user", 1, 1},       {"users", 0, 1},      {"customer", 1, 1},
    {"customers", 1, 1},  {"cust", 0, 1},       {"client", 1, 1},     {"clients", 1, 5},
    {"peer", 1, 1},       {"vps", 0, 1},
};

bool is_letter(char c) { return lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool ends_private(std::string_view host) {
  for (const std::string_view end :
       {".lan", ".local", ".localdomain", ".home", ".internal", ".intra", ".invalid"})
    if (host.size() > end.size() && equal_caseless(host.substr(host.size() - end.size()), end))
      return true;
  return false;
}

bool is_separator(char c) { return c == '.' || c == '-'; }

// Whether the word [begin, end) of `host` stands by itself: behind a label or a part of one, or
// with a number beside it. The first word of a name is what many a mail server is called.
bool stands_alone(std::string_view host, size_t begin, size_t end, bool counts) {
  if (begin > 0 && is_digit(host[begin - 1])) return true;
  if (end >= host.size()) return false;
  if (counts && is_digit(host[end])) return true;
  if (!is_separator(host[end])) return false;
  return (begin > 0 && is_separator(host[begin - 1])) ||
         (end + 1 < host.size() && is_digit(host[end + 1]));
}

// What stands before the organisation's domain; empty in names that are none.
std::string_view below_organisation(std::string_view host) {
  char lower[kNameMax];
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > sizeof lower) return {};
  std::ranges::transform(host, lower, lower_ascii);
  const size_t domain = organisation({lower, host.size()}).size();
  return domain == 0 ? std::string_view() : host.substr(0, host.size() - domain);
}

// 0 (nothing odd) to 5, by the words of `host` below its organisation.
uint8_t words_weight(std::string_view host) {
  uint8_t weight = 0;
  if (find_caseless(host, "in-addr") != std::string_view::npos) weight = 4;
  if (find_caseless(host, "unused-addr") != std::string_view::npos)
    weight = std::max<uint8_t>(weight, 3);
  const std::string_view own = below_organisation(host);
  uint32_t numbers = 0;
  for (size_t i = 0; i < own.size();) {
    const size_t begin = i;
    if (is_digit(own[i])) {
      while (i < own.size() && is_digit(own[i])) ++i;
      ++numbers;
      continue;
    }
    while (i < own.size() && is_letter(own[i])) ++i;
    if (i == begin) {
      ++i;
      continue;
    }
    const std::string_view word = own.substr(begin, i - begin);
    const auto* const known = std::ranges::find_if(
        kHostWords, [&](const HostWord& one) { return equal_caseless(word, one.word); });
    if (known == std::end(kHostWords)) continue;
    if (numbers >= 4) weight = std::max(weight, known->behind_address);
    if (stands_alone(host, begin, i, known->counts)) weight = std::max(weight, known->weight);
  }
  return weight;
}

// The same for HELO, where a name that is of no use outside is odd as well.
uint8_t helo_weight_of(std::string_view helo) {
  const bool is_private = helo.find('.') == std::string_view::npos || ends_private(helo);
  return is_private ? 5 : words_weight(helo);
}

// A dotted name of letters, digits and hyphens, 4 to 253 bytes (RFC 1123 2.1); the root's dot may
// stand at its end.
bool is_fqdn(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() < 4 || host.size() > kNameMax || host.find('.') == std::string_view::npos)
    return false;
  size_t label = 0;
  char before = '.';
  for (const char c : host) {
    if (c == '.') {
      if (label == 0 || before == '-') return false;
      label = 0;
    } else {
      if (!is_letter(c) && !is_digit(c) && c != '-') return false;
      if (label == 0 && c == '-') return false;
      if (++label > 63) return false;
    }
    before = c;
  }
  return label > 1 && before != '-';
}

struct Net {
  std::string_view address;
  unsigned bits;
};

// Addresses that no client out in the world has: private, loopback, link-local, carrier NAT,
// documentation, benchmarks, multicast and beyond (RFC 6890).
bool is_bad_helo_ip(const IpAddress& ip) {
  if (is_local_ip(ip)) return true;
  if (ip.family != 4) return false;
  constexpr Net kNets[] = {{"0.0.0.0", 8},      {"100.64.0.0", 10}, {"192.0.0.0", 24},
                           {"192.0.2.0", 24},   {"198.18.0.0", 15}, {"198.51.100.0", 24},
                           {"203.0.113.0", 24}, {"224.0.0.0", 3}};
  for (const Net& net : kNets)
    if (ip_in_net(ip, *parse_ip(net.address), net.bits)) return true;
  return false;
}

// Four numbers with dots, x or hyphens between, or the beginning of an IPv6 address.
bool looks_like_ip(std::string_view helo) {
  if (parse_ip(helo)) return true;
  uint32_t numbers = 0;
  bool inside = false;
  for (const char c : helo) {
    if (is_digit(c)) {
      numbers += !inside;
      inside = true;
    } else {
      if (c != '.' && c != 'x' && c != '-') return false;
      inside = false;
    }
  }
  return numbers == 4;
}

// What HELO and the client's name say; insert(symbol, option). Returns HELO where its addresses are
// worth a look.
template <class Insert>
std::string_view helo_and_host(const Plan& plan, const Envelope& envelope, std::string_view host,
                               Insert insert) {
  uint8_t helo_weight = 0;
  // An address literal (RFC 5321 4.1.3) is judged as what stands inside: mail servers have names.
  std::string_view helo = envelope.helo;
  bool helo_done = helo.empty() || !plan.helo || equal_caseless(helo, "rspamc.local");
  if (helo.starts_with('[')) helo.remove_prefix(1);
  if (helo.ends_with(']')) helo.remove_suffix(1);
  if (!helo_done) {
    if (const auto ip = parse_ip(helo); ip && is_bad_helo_ip(*ip)) {
      insert(kHeloBadIp, helo);
      helo_done = true;
    } else if (looks_like_ip(helo)) {
      insert(kHeloBareIp, helo);
      helo_done = true;
    } else if (!helo.empty()) {
      helo_weight = helo_weight_of(helo);
    }
  }
  // A client without an address is a program of this machine.
  const bool has_host = plan.hostname && envelope.ip.valid();
  const uint8_t host_weight = has_host ? words_weight(host) : 0;
  if (host_weight > helo_weight)
    insert(static_cast<Sym>(kHost1 + host_weight - 1), host);
  else if (helo_weight > 0)
    insert(static_cast<Sym>(kHelo1 + helo_weight - 1), helo);
  if (!helo_done && helo_weight == 0 && !is_fqdn(helo)) insert(kHeloNotFqdn, helo);
  if (has_host && host.empty()) insert(kHostUnknown, std::string_view());
  return !helo_done && helo_weight == 0 && is_fqdn(helo) ? helo : std::string_view();
}

void sender(const Plan& plan, Batch& batch, uint32_t row, const Envelope& envelope) {
  if (!envelope.from_known) return;
  const size_t recipients = batch.recipients.row(row).size();
  const bool bounce = envelope.from.empty();
  if (plan.rcpt && recipients > 1 && (bounce || starts_caseless(envelope.from, "postmaster@")))
    insert(plan, batch, row, kRcptBounce, number_text(batch.arena, recipients));
  if (!plan.from) return;
  if (bounce) {
    if (!envelope.helo.empty() && !equal_caseless(envelope.helo, "rspamc.local"))
      insert(plan, batch, row, kFromBounce, envelope.helo);
  } else if (const std::string_view domain = domain_of(envelope.from); !is_fqdn(domain)) {
    insert(plan, batch, row, kFromNotFqdn, domain);
  }
}

// The HTML text, else the first plain one: how much of it are links. Ends of lines are text, in
// plain ones two bytes each, however they are stored. Rspamd counts as lines the ends of lines
// before the last one, so its "one line" are two.
void links_only(const CheckPlan& plan, Batch& batch, uint32_t row) {
  const Text* chosen = nullptr;
  for (const Text& text : batch.texts.row(row)) {
    if (text.flags & static_cast<uint16_t>(TextFlag::kAttached)) continue;
    const bool html = text.html != kNoIndex;
    if (!chosen || (html && chosen->html == kNoIndex)) chosen = &text;
  }
  if (!chosen || chosen->url_bytes == 0) return;
  const bool html = chosen->html != kNoIndex;
  // So much text is more than the links' share leaves; most texts are soon read that far.
  const size_t enough = size_t{chosen->url_bytes} * 5 / 4 + 1;
  size_t length = 0, breaks = 0, breaks_before_end = 0;
  for (const char c : chosen->plain) {
    if (length >= enough) return;
    if (static_cast<uint8_t>(c) > ' ') breaks_before_end = breaks;
    breaks += c == '\n';
    length += c == '\n' && !html ? 2 : c != '\r';
  }
  if (length == 0) return;
  const double share =
      std::min(1.0, static_cast<double>(chosen->url_bytes) / static_cast<double>(length));
  if (share <= 0.8) return;
  const double weight = std::min((share - 0.8) * 5, 1.0);
  const auto hundredths = static_cast<int64_t>(weight * 100 + 0.5);
  const std::string_view shown = hundredths >= 100
                                     ? std::string_view("1")
                                     : join_text(batch.arena, hundredths < 10 ? "0.0" : "0.",
                                                 number_text(batch.arena, hundredths));
  insert(plan, batch, row, kUrlOnly, shown, weight);
  if (breaks_before_end == 1)
    insert(plan, batch, row, kUrlOneLine,
           join_text(batch.arena, html ? "html:" : "plain:", shown, ":1"));
}

// Message-ID's host; empty where it is not looked at.
std::string_view message_id_host(const Plan& plan, std::string_view id) {
  const std::string_view host = domain_of(id);
  return plan.mid && find_caseless(host, "local") == std::string_view::npos ? host
                                                                            : std::string_view();
}

void message_id(const Plan& plan, Batch& batch, uint32_t row) {
  const std::string_view host = message_id_host(plan, batch.facts[row].message_id_value);
  if (!host.empty() && !is_fqdn(host)) insert(plan, batch, row, kMidNotFqdn, host);
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (plan.url) links_only(plan, batch, row);
    const Envelope& envelope = batch.envelopes[row];
    if (!plan.check_authed && !envelope.user.empty()) continue;
    if (!plan.check_local && envelope.own_ip) continue;
    if (!is_name_asked(batch, row))
      helo_and_host(plan, envelope, envelope.hostname, [&](Sym symbol, std::string_view option) {
        if (symbol != kHostUnknown || is_client_nameless(batch, row))
          insert(plan, batch, row, symbol, option);
      });
    message_id(plan, batch, row);
    sender(plan, batch, row, envelope);
  }
}

bool is_skipped(const Plan& plan, const Envelope& envelope) {
  return (!plan.check_authed && !envelope.user.empty()) || (!plan.check_local && envelope.own_ip);
}

// --- Names that have addresses ---

// The names of a message whose addresses are looked at.
struct Hosts {
  std::string_view helo, from, mid;
};

Hosts hosts_of(const Plan& plan, const Envelope& envelope, std::string_view message_id) {
  Hosts hosts;
  if (is_skipped(plan, envelope)) return hosts;
  hosts.helo = helo_and_host(plan, envelope, envelope.hostname, [](Sym, std::string_view) {});
  const std::string_view domain = domain_of(envelope.from);
  if (plan.from && is_fqdn(domain)) hosts.from = domain;
  const std::string_view mid = message_id_host(plan, message_id);
  if (!mid.empty() && is_fqdn(mid)) hosts.mid = mid;
  return hosts;
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const auto& plan = static_cast<const Plan&>(base);
  if (is_unanswered(batch)) return;
  ask_client_names(batch, asker);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Hosts hosts = hosts_of(plan, batch.envelopes[row], batch.facts[row].message_id_value);
    for (const std::string_view host : {hosts.helo, hosts.from, hosts.mid}) {
      const DnsName name(host);
      if (name.empty()) continue;
      asker.ask(row, QuestionKind::kDns, rr::kA, name.view());
      asker.ask(row, QuestionKind::kDns, rr::kAaaa, name.view());
    }
  }
}

class HostJudging {
 public:
  HostJudging(const Plan& plan, const Evidence& evidence, Judgement& judgement)
      : plan_(plan), evidence_(evidence), judgement_(judgement) {}

  // Both kinds of address, then the mail servers. What is not known says nothing.
  void look(std::string_view host, Sym ip_a, Sym no_address, Sym no_mx) {
    const DnsName name(host);
    if (name.empty() ||
        find_question(evidence_.questions, QuestionKind::kDns, rr::kA, name.view()) == kNoIndex)
      return;
    Addresses found = addresses(name);
    if (found.waiting || found.unknown) return;
    if (ip_a != kCount && evidence_.envelope.ip.valid() && !found.has_client) say(ip_a, host);
    if (found.some) return;
    const Answer* const mx = ask(rr::kMx, name);
    if (!mx || mx->state == AnswerState::kUnknown) return;
    if (mx->values.empty()) return say(no_address, host);
    constexpr size_t kServersMax = 10;
    for (size_t i = 0; i < std::min(mx->values.size(), kServersMax); ++i) {
      const std::string_view value = mx->values[i];
      const DnsName server(value.substr(value.find(' ') + 1));
      if (server.empty()) continue;
      found = addresses(server);
      if (!found.waiting && !found.unknown && !found.some) return say(no_mx, server.view());
    }
  }
  bool waiting() const { return waiting_; }

 private:
  struct Addresses {
    bool waiting = false, unknown = false, some = false, has_client = false;
  };

  const Answer* ask(uint16_t type, const DnsName& name) {
    const Answer* const answer = judgement_.ask(QuestionKind::kDns, type, name.view());
    waiting_ |= !answer;
    return answer;
  }
  Addresses addresses(const DnsName& name) {
    Addresses out;
    for (const uint16_t type : {rr::kA, rr::kAaaa}) {
      const Answer* const answer = ask(type, name);
      out.waiting |= !answer;
      if (!answer) continue;
      out.unknown |= answer->state == AnswerState::kUnknown;
      out.some |= !answer->values.empty();
      for (const std::string_view value : answer->values)
        if (const auto ip = parse_ip(value)) out.has_client |= same_ip(*ip, evidence_.envelope.ip);
    }
    return out;
  }
  void say(Sym symbol, std::string_view option) {
    if (plan_.symbols[symbol] != kNoId<SymbolId>)
      judgement_.insert(plan_.symbols[symbol], 1, option);
  }

  const Plan& plan_;
  const Evidence& evidence_;
  Judgement& judgement_;
  bool waiting_ = false;
};

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  if (is_skipped(plan, evidence.envelope)) return Judged::kDone;
  const ClientName client = client_name(evidence, judgement);
  HostJudging names(plan, evidence, judgement);
  const Hosts hosts = hosts_of(plan, evidence.envelope, evidence.message_id);
  names.look(hosts.helo, kHeloIpA, kHeloNoAddress, kHeloMx);
  names.look(hosts.from, kCount, kFromNoAddress, kFromMx);
  names.look(hosts.mid, kCount, kMidNoAddress, kMidMx);
  if (client.waiting || names.waiting()) return Judged::kWaiting;
  if (!client.asked) return Judged::kDone;
  // A name that is not known is not one that is absent.
  helo_and_host(plan, evidence.envelope, client.name, [&](Sym symbol, std::string_view option) {
    if (symbol == kHostUnknown && client.unknown) return;
    if (plan.symbols[symbol] != kNoId<SymbolId>) judgement.insert(plan.symbols[symbol], 1, option);
  });
  return Judged::kDone;
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  const UclObject* const options = context.options;
  if (!options) return plan;
  plan->helo = options->flag("helo_enabled", true);
  plan->hostname = options->flag("hostname_enabled", true);
  plan->url = options->flag("url_enabled", true);
  plan->from = options->flag("from_enabled", true);
  plan->rcpt = options->flag("rcpt_enabled", true);
  plan->mid = options->flag("mid_enabled", false);
  plan->check_local = options->flag("check_local", false);
  plan->check_authed = options->flag("check_authed", false);
  return plan;
}

}  // namespace

extern constexpr Check kHfilter{
    .name = "hfilter",
    .text = "Looks at HELO, at the client's name, and at texts that are only links.",
    .options = kOptions,
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
