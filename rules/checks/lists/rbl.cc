// rbl: what DNS lists say of a message's addresses, names and URLs (RFC 5782; facts/lists.md).
//
// content() packs what rules may ask about into facts (list_items.h), each thing once; where nobody
// answers it does nothing. ask() and judge() make of each rule and each item that the rule wants a
// name to ask: the same name for the same rule is asked once and keeps all its labels. DKIM's
// domains are known to judge() alone. All is asked at once; whitelists are judged first, and what
// they know is then not judged by lists that heed them: their questions cost packets, not time.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "engine/url/suffix.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/check.h"
#include "rules/checks/lists/dns_lists.h"
#include "rules/checks/lists/rbl_rule.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"RBL_ITEM", "rbl", 0, ""},  // a packed ListItem, for ask() and judge() alone
}};

constexpr std::array<std::string_view, 1> kAfter{"dkim"};

struct RblPlan final : CheckPlan {
  SymbolId fact = kNoId<SymbolId>, dkim_trace = kNoId<SymbolId>;
  std::vector<RblRule> rules;                            // whitelists first
  uint16_t checks = 0;                                   // of all rules
  std::vector<std::pair<uint32_t, Selector>> selectors;  // by hash of their text, each once
  OwnNetworks own;
  std::shared_ptr<const Map> local;     // more addresses that count as our own
  uint32_t questions_max = UINT32_MAX;  // of one message, beside the client's
};

const RblPlan& plan_of(const CheckPlan& plan) { return static_cast<const RblPlan&>(plan); }

// --- Compiling ---

void declare(CompileContext& context) {
  for (const RblRule& rule : read_rbl_rules(context)) {
    const std::vector<bool> used = rule.used_prefixes();
    for (size_t s = 0; s < rule.symbols.size(); ++s)
      for (size_t p = 0; p < used.size(); ++p)
        if (used[p])
          context.declare(rule.prefixes[p] + rule.symbols[s].name, s == 0 ? rule.body : nullptr, 0,
                          "rbl", fmt::format("list {}", rule.zone));
    context.declare(rule.fail_symbol, nullptr, 0, "rbl", fmt::format("list {}", rule.zone));
  }
}

void add_selectors(CompileContext& context, RblPlan& plan, const RblRule& rule) {
  for (const RblSelector& one : rule.selectors) {
    if (std::ranges::find(plan.selectors, one.hash, &std::pair<uint32_t, Selector>::first) !=
        plan.selectors.end())
      continue;
    const Selector::MapOf map_of = [&](std::string_view name) -> std::shared_ptr<const Map> {
      const UclObject* const maps = context.options->find("attached_maps");
      if (!maps) return nullptr;
      for (const UclObject* const map : maps->list())
        if (map->is_object() && map->string("selector_alias", "") == name)
          if (const UclObject* const url = map->find("url"))
            return context.map_of(*url, MapKind::kSet);
      return nullptr;
    };
    Result<Selector> made = Selector::parse(one.text, context.headers, map_of);
    if (!made) {
      context.warn_at(*rule.body,
                      fmt::format("rbl {}: selector {} is left out: {} (byte {})", rule.name,
                                  one.label, made.error().what, made.error().column));
    } else {
      if (made->reads_languages() && context.wants_languages) context.wants_languages();
      plan.selectors.emplace_back(one.hash, std::move(*made));
    }
  }
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<RblPlan>();
  plan->rules = read_rbl_rules(context);
  if (plan->rules.empty()) return nullptr;
  if (const std::shared_ptr<const Map> off = context.map("disabled_rbl_suffixes_map"))
    std::erase_if(plan->rules,
                  [&](const RblRule& rule) { return off->find(rule.zone) != kNoIndex; });
  plan->fact = context.symbol(kSymbols[0].name);
  plan->dkim_trace = context.symbol("DKIM_TRACE");
  plan->own = context.own;
  plan->questions_max = context.list_questions_max;
  if (const UclObject* const local = context.options->find("local_exclude_ip_map"))
    plan->local = context.map_of(*local, MapKind::kIp);
  for (RblRule& rule : plan->rules) {
    complete_rbl_rule(context, rule);
    add_selectors(context, *plan, rule);
    plan->checks |= rule.checks;
  }
  std::ranges::stable_sort(plan->rules, {}, [](const RblRule& rule) { return !rule.is_whitelist; });
  return plan;
}

bool is_local(const RblPlan& plan, const IpAddress& ip) {
  return plan.own.hold(ip) || (plan.local && plan.local->find(ip) != kNoIndex);
}

bool applies(const RblPlan& plan, const RblRule& rule, const Envelope& envelope) {
  if (rule.exclude_users && !envelope.user.empty()) return false;
  return !(rule.exclude_local && envelope.ip.valid() && is_local(plan, envelope.ip));
}

// --- Content: items ---

class Finder {
 public:
  Finder(const RblPlan& plan, Batch& batch, uint32_t row) : plan_(plan), batch_(batch), row_(row) {}

  void run() {
    const Envelope& envelope = batch_.envelopes[row_];
    if (std::ranges::none_of(plan_.rules,
                             [&](const RblRule& rule) { return applies(plan_, rule, envelope); }))
      return;
    if (wants(RblCheck::kFrom) && envelope.ip.valid()) {
      ListItem item;
      item.ip = envelope.ip;
      give(item);
    }
    if (wants(RblCheck::kHelo)) name(ItemKind::kHelo, envelope.helo);
    if (wants(RblCheck::kRdns) && envelope.hostname != "unknown")
      name(ItemKind::kRdns, envelope.hostname);
    if (wants(RblCheck::kReceived)) received();
    if (wants(RblCheck::kUrls) || wants(RblCheck::kContentUrls) || wants(RblCheck::kImages) ||
        wants(RblCheck::kNumericUrls))
      urls();
    if (wants(RblCheck::kEmails)) emails();
    if (wants(RblCheck::kReplyTo))
      if (const Address* const to = find_address(batch_, row_, AddressField::kReplyTo))
        address(ItemKind::kReplyTo, to->local, to->domain);
    selectors();
  }

 private:
  static constexpr size_t kItemsMax = 1'000;  // of each kind

  bool wants(RblCheck check) const { return plan_.checks & static_cast<uint16_t>(check); }
  void give(const ListItem& item) {
    batch_.symbols.push_back({row_, plan_.fact, 1, pack_item(item, batch_.arena), {}});
  }
  void name(ItemKind kind, std::string_view text) {
    if (text.empty() || text.find(',') != text.npos || parse_ip(text)) return;
    ListItem item;
    item.kind = kind;
    item.host = text;
    give(item);
  }

  void received() {
    const std::span<const Received> hops = batch_.received.row(row_);
    const size_t count = std::min(hops.size(), kItemsMax);
    for (size_t i = 0; i < count; ++i) {
      ListItem item;
      item.kind = ItemKind::kReceived;
      item.ip = hops[i].real_ip;
      item.position = static_cast<uint32_t>(i + 1);
      item.count = static_cast<uint32_t>(hops.size());
      item.flags = hops[i].flags;
      if (item.ip.valid()) give(item);
    }
  }

  // Each host once, with all that it stands for.
  void urls() {
    thread_local std::unordered_map<std::string_view, size_t> known;
    thread_local std::vector<ListItem> found;
    known.clear();
    found.clear();
    const auto has = [](const Url& url, UrlFlag flag) {
      return (url.flags & static_cast<uint32_t>(flag)) != 0;
    };
    for (const Url& url : batch_.urls.row(row_)) {
      if ((url.scheme != UrlScheme::kHttp && url.scheme != UrlScheme::kHttps &&
           url.scheme != UrlScheme::kFtp) ||
          url.host.empty() || url.host.find(',') != url.host.npos)
        continue;
      const UrlKind kind = has(url, UrlFlag::kImage)     ? UrlKind::kImage
                           : has(url, UrlFlag::kContent) ? UrlKind::kContent
                                                         : UrlKind::kPlain;
      const auto [at, fresh] = known.try_emplace(url.host, found.size());
      if (fresh) {
        if (found.size() == kItemsMax) {
          known.erase(at);
          continue;
        }
        ListItem item;
        item.kind = ItemKind::kUrl;
        item.host = url.host;
        item.domain = url.domain;
        if (parse_ip(url.host)) item.urls |= static_cast<uint8_t>(UrlKind::kNumeric);
        found.push_back(item);
      }
      found[at->second].urls |= static_cast<uint8_t>(kind);
    }
    for (const ListItem& item : found) give(item);
  }

  void address(ItemKind kind, std::string_view user, std::string_view host) {
    if (user.empty() || host.empty() || host.find(',') != host.npos) return;
    remove_aliases(user, host, batch_.arena);
    ListItem item;
    item.kind = kind;
    item.host = host;
    item.domain = parse_ip(host) ? host : find_suffix(host).domain;
    item.user = user;
    give(item);
  }

  void emails() {
    const std::span<const Email> emails = batch_.emails.row(row_);
    for (size_t i = 0; i < std::min(emails.size(), kItemsMax); ++i)
      address(ItemKind::kEmail, emails[i].user, emails[i].host);
  }

  void selectors() {
    thread_local std::vector<std::string_view> values;
    for (const auto& [hash, selector] : plan_.selectors) {
      values.clear();
      selector.values(batch_, row_, batch_.arena, values);
      for (const std::string_view value : values) {
        ListItem item;
        item.kind = ItemKind::kSelector;
        item.selector = hash;
        item.host = value;
        give(item);
      }
    }
  }

  const RblPlan& plan_;
  Batch& batch_;
  uint32_t row_;
};

void content(const CheckPlan& base, Batch& batch) {
  if (is_unanswered(batch)) return;
  for (uint32_t row = 0; row < batch.rows; ++row) Finder(plan_of(base), batch, row).run();
}

// --- Names ---

// What one rule asks about: one name, with the labels of all items that gave it.
struct Datum {
  std::string_view text;  // as options show it
  IpAddress ip;           // asked in reverse, where valid and not hashed
  struct Label {
    ItemKind kind = ItemKind::kFrom;
    std::string_view text;
  };
  std::array<Label, 8> labels;
  uint32_t label_count = 0;

  std::span<const Label> all_labels() const { return std::span(labels).first(label_count); }
};

// Room of one thread for one message's names.
struct Room {
  Arena arena{16 * 1024, 256 * 1024};
  std::vector<ListItem> items;
  std::vector<Datum> data;
  uint32_t unforced = 0;  // data of all rules so far, beside the client's

  void clear() {
    items.clear();
    unforced = 0;
  }
};
Room& room() {
  thread_local Room one;
  return one;
}

// Gathers the data of one rule.
class Data {
 public:
  Data(const RblPlan& plan, const RblRule& rule, const Envelope& envelope, Room& room)
      : plan_(plan), rule_(rule), envelope_(envelope), room_(room) {
    room_.data.clear();
  }

  void add(const ListItem& item) {
    switch (item.kind) {
      case ItemKind::kFrom:
        if (rule_.has(RblCheck::kFrom)) ip(item.ip, item.kind, "from");
        return;
      case ItemKind::kReceived:
        if (rule_.has(RblCheck::kReceived)) hop(item);
        return;
      case ItemKind::kHelo:
        if (rule_.has(RblCheck::kHelo)) text(item.host, item.kind, "helo");
        return;
      case ItemKind::kRdns:
        if (rule_.has(RblCheck::kRdns)) text(item.host, item.kind, "rdns");
        return;
      case ItemKind::kUrl:
        return url(item);
      case ItemKind::kEmail:
        if (rule_.has(RblCheck::kEmails)) address(item, "email");
        return;
      case ItemKind::kReplyTo:
        if (rule_.has(RblCheck::kReplyTo)) address(item, "replyto");
        return;
      case ItemKind::kSelector:
        if (!rule_.has(RblCheck::kSelector)) return;
        for (const RblSelector& one : rule_.selectors)
          if (one.hash == item.selector) text(item.host, item.kind, one.label);
        return;
      case ItemKind::kDkim:
        if (rule_.has(RblCheck::kDkim))
          text(rule_.dkim_domainonly ? item.domain : item.host, item.kind, "dkim");
        return;
    }
  }

 private:
  bool is_asked(const IpAddress& ip) const {
    return (ip.family == 4 ? rule_.ipv4 : rule_.ipv6) &&
           !(rule_.whitelist && rule_.whitelist->kind() == MapKind::kIp &&
             rule_.whitelist->find(ip) != kNoIndex);
  }

  void ip(const IpAddress& ip, ItemKind kind, std::string_view label) {
    if (is_asked(ip)) give(format_ip(ip, room_.arena), ip, kind, label);
  }

  void hop(const ListItem& item) {
    const auto artificial = static_cast<uint8_t>(ReceivedFlag::kArtificial);
    const auto position = [&](int at) {
      return at < 0 ? static_cast<int>(item.count) + at + 1 : at;
    };
    const int at = static_cast<int>(item.position);
    if (at < position(rule_.received_min_pos) || at > position(rule_.received_max_pos)) return;
    if ((item.flags & artificial && !(rule_.received_flags & artificial)) ||
        (item.flags & rule_.received_flags) != rule_.received_flags ||
        item.flags & rule_.received_nflags)
      return;
    if (rule_.has(RblCheck::kFrom) && envelope_.ip.valid() && same_ip(item.ip, envelope_.ip))
      return;
    // Mail of our own networks came from outside by no hop that a list could judge.
    if (rule_.exclude_local && is_local(plan_, item.ip)) return;
    ip(item.ip, item.kind, "received");
  }

  void url(const ListItem& item) {
    const auto is = [&](UrlKind kind) { return (item.urls & static_cast<uint8_t>(kind)) != 0; };
    const bool numeric = is(UrlKind::kNumeric);
    const bool wanted = (rule_.has(RblCheck::kUrls) && is(UrlKind::kPlain)) ||
                        (rule_.has(RblCheck::kContentUrls) && is(UrlKind::kContent)) ||
                        (rule_.has(RblCheck::kImages) && is(UrlKind::kImage)) ||
                        (rule_.has(RblCheck::kNumericUrls) && numeric);
    if (!wanted || (numeric && rule_.no_ip)) return;
    if (numeric) {
      if (is_asked(item.ip)) give(item.host, item.ip, item.kind, "url");
      return;
    }
    if (!is_welcome(item.domain)) return;
    const std::string_view part = rule_.url_full_hostname ? item.host
                                  : rule_.compose ? rule_.compose->part(item.host, item.domain)
                                                  : item.domain;
    give(part, {}, item.kind, "url");
  }

  void address(const ListItem& item, std::string_view label) {
    if (!rule_.emails_domainonly) {
      ArenaText out(room_.arena);
      out.append(item.user);
      out.append(rule_.emails_delimiter);
      out.append(item.host);
      return give(out.finish(), {}, item.kind, label);
    }
    if (!is_welcome(item.domain)) return;
    const bool full = item.kind == ItemKind::kReplyTo || rule_.url_full_hostname;
    give(full ? item.host : item.domain, {}, item.kind, label);
  }

  void text(std::string_view text, ItemKind kind, std::string_view label) {
    if (kind == ItemKind::kDkim && !is_welcome(find_suffix(text).domain)) return;
    give(text, {}, kind, label);
  }

  // Not of a domain whose names are not asked.
  bool is_welcome(std::string_view domain) const {
    return !rule_.url_whitelist || rule_.url_whitelist->find(domain) == kNoIndex;
  }

  void give(std::string_view text, const IpAddress& ip, ItemKind kind, std::string_view label) {
    if (text.empty()) return;
    if (rule_.whitelist && rule_.whitelist->kind() != MapKind::kIp &&
        rule_.whitelist->find(text) != kNoIndex)
      return;
    for (Datum& known : room_.data) {
      if (known.text != text) continue;
      if (known.label_count < known.labels.size() &&
          std::ranges::find(known.all_labels(), label, &Datum::Label::text) ==
              known.all_labels().end())
        known.labels[known.label_count++] = {kind, label};
      return;
    }
    const bool forced =
        kind == ItemKind::kFrom || kind == ItemKind::kHelo || kind == ItemKind::kRdns;
    if (!forced && (unforced_++ >= rule_.requests_limit || room_.unforced++ >= plan_.questions_max))
      return;
    Datum one{.text = text, .ip = ip, .labels = {Datum::Label{kind, label}}, .label_count = 1};
    room_.data.push_back(one);
  }

  const RblPlan& plan_;
  const RblRule& rule_;
  const Envelope& envelope_;
  Room& room_;
  uint32_t unforced_ = 0;
};

// The name that says whether the list knows the datum; empty where DNS cannot hold it.
DnsName name_of(const RblRule& rule, std::string_view text, const IpAddress& ip) {
  DnsName name;
  if (rule.hash) {
    DnsName reversed;  // addresses are hashed as they are asked
    if (ip.valid()) append_reversed(ip, reversed);
    const Digest digest(*rule.hash, ip.valid() ? reversed.view() : text);
    const std::string written = write_digest(digest.view(), rule.hash_form);
    name.append(
        std::string_view(written).substr(0, rule.hash_len ? rule.hash_len : written.size()));
  } else if (ip.valid()) {
    append_reversed(ip, name);
  } else {
    char before = '.';
    for (const char c : text) {
      const bool odd = static_cast<uint8_t>(c) <= ' ' || static_cast<uint8_t>(c) >= 0x7F;
      if (odd || (before == '.' && c == '-') || (before == '-' && c == '.')) return {};
      before = c;
    }
    if (before == '-') return {};
    name.append(text);
    if (text.ends_with('.')) return {};
  }
  name.append(".");
  name.append(rule.zone);
  name.close();
  return name;
}

// --- Asking while the batch is there ---

void ask_data(const RblRule& rule, uint32_t row, Asker& asker) {
  for (const Datum& datum : room().data) {
    if (rule.resolve_ip && !datum.ip.valid()) {
      const DnsName host(datum.text);
      if (host.empty()) continue;
      if (rule.ipv4) asker.ask(row, QuestionKind::kDns, rr::kA, host.view());
      if (rule.ipv6) asker.ask(row, QuestionKind::kDns, rr::kAaaa, host.view());
      continue;
    }
    const DnsName name = name_of(rule, datum.text, datum.ip);
    if (!name.empty()) asker.ask(row, QuestionKind::kDns, rr::kA, name.view());
  }
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const RblPlan& plan = plan_of(base);
  Room& here = room();
  const auto ask_row = [&](uint32_t row) {
    const Envelope& envelope = batch.envelopes[row];
    for (const RblRule& rule : plan.rules) {
      if (!applies(plan, rule, envelope) || !rule.require_symbols.empty()) continue;
      Data data(plan, rule, envelope, here);
      for (const ListItem& item : here.items) data.add(item);
      ask_data(rule, row, asker);
    }
    here.clear();
  };
  here.clear();
  here.arena.reset();
  // Items of one row stand together.
  uint32_t row = 0;
  for (const SymbolHit& hit : batch.symbols) {
    if (hit.symbol != plan.fact) continue;
    if (hit.row != row && !here.items.empty()) ask_row(row);
    row = hit.row;
    if (const std::optional<ListItem> item = unpack_item(hit.option)) here.items.push_back(*item);
  }
  if (!here.items.empty()) ask_row(row);
}

// --- Judging ---

std::string_view reason_text(UnknownReason reason) {
  static constexpr std::string_view kTexts[] = {"no answer", "timed out",      "server failure",
                                                "refused",   "broken answer",  "not allowed",
                                                "no answer", "over the limit", "not recorded"};
  return kTexts[static_cast<size_t>(reason)];
}

class Judging {
 public:
  Judging(const RblPlan& plan, const Evidence& evidence, Judgement& judgement)
      : plan_(plan), evidence_(evidence), judgement_(judgement), room_(room()) {}

  Judged run() {
    find_items();
    if (room_.items.empty()) return Judged::kDone;
    for (const RblRule& rule : plan_.rules) {
      if (!applies(plan_, rule, evidence_.envelope) || !required(rule)) continue;
      Data data(plan_, rule, evidence_.envelope, room_);
      for (const ListItem& item : room_.items) data.add(item);
      for (const Datum& datum : room_.data) ask(rule, datum);
    }
    if (waiting_) return Judged::kWaiting;
    for (const Asked& one : asked_) judge(one);
    return Judged::kDone;
  }

 private:
  struct Asked {
    const RblRule* rule;
    Datum datum;
    const Answer* answer;
  };

  void find_items() {
    room_.clear();
    room_.arena.reset();
    for (const SymbolFact& fact : evidence_.symbols)
      if (fact.symbol == plan_.fact)
        if (const std::optional<ListItem> item = unpack_item(fact.option))
          room_.items.push_back(*item);
    if (!(plan_.checks & static_cast<uint16_t>(RblCheck::kDkim)) ||
        plan_.dkim_trace == kNoId<SymbolId>)
      return;
    for (uint32_t i = 0;; ++i) {
      const std::string_view option = judgement_.option(plan_.dkim_trace, i);
      if (option.empty()) return;
      if (!option.ends_with(":+")) continue;
      ListItem item;
      item.kind = ItemKind::kDkim;
      const DnsName lower(option.substr(0, option.size() - 2));
      item.host = room_.arena.copy(lower.view());
      item.domain = find_suffix(item.host).domain;
      if (!item.host.empty()) room_.items.push_back(item);
    }
  }

  bool required(const RblRule& rule) const {
    return std::ranges::all_of(rule.require_symbols, [&](SymbolId symbol) {
      return symbol != kNoId<SymbolId> && judgement_.has_symbol(symbol);
    });
  }

  bool from_matches(std::string_view domain) const {
    for (const Address& one : evidence_.addresses)
      if (one.field == AddressField::kFrom && !one.domain.empty())
        return find_suffix(DnsName(one.domain).view()).domain == find_suffix(domain).domain;
    return false;
  }

  const Answer* ask_name(uint16_t type, const DnsName& name) {
    if (name.empty()) return nullptr;
    const Answer* const answer = judgement_.ask(QuestionKind::kDns, type, name.view());
    waiting_ |= !answer;
    return answer;
  }

  void ask(const RblRule& rule, const Datum& datum) {
    if (datum.labels[0].kind == ItemKind::kDkim && rule.dkim_match_from &&
        !from_matches(datum.text))
      return;
    if (rule.resolve_ip && !datum.ip.valid()) return resolve(rule, datum);
    if (const Answer* const answer = ask_name(rr::kA, name_of(rule, datum.text, datum.ip)))
      asked_.push_back({&rule, datum, answer});
  }

  // The addresses of a name are asked instead of the name.
  void resolve(const RblRule& rule, const Datum& datum) {
    for (const uint16_t type : {rr::kA, rr::kAaaa}) {
      if (!(type == rr::kA ? rule.ipv4 : rule.ipv6)) continue;
      const Answer* const addresses = ask_name(type, DnsName(datum.text));
      if (!addresses) continue;
      for (const std::string_view value : addresses->values) {
        const std::optional<IpAddress> ip = parse_ip(value);
        if (!ip) continue;
        Datum one = datum;
        one.ip = *ip;
        one.text = format_ip(*ip, room_.arena);
        if (const Answer* const answer = ask_name(rr::kA, name_of(rule, one.text, one.ip)))
          asked_.push_back({&rule, one, answer});
      }
    }
  }

  struct Known {
    std::string_view label, text;
    bool operator==(const Known&) const = default;
  };

  // A datum is let go where a whitelist knows it, under the same label.
  bool is_whitelisted(const Asked& one, const Datum::Label& label) const {
    return !one.rule->is_whitelist && !one.rule->ignore_whitelist &&
           std::ranges::find(known_, Known{label.text, one.datum.text}) != known_.end();
  }

  // Under each of its labels, which may have symbols of their own.
  void insert(const Asked& one, uint32_t symbol, std::string_view code) {
    const Datum& datum = one.datum;
    const RblSymbol& which = one.rule->symbols[symbol];
    for (const Datum::Label& label : datum.all_labels()) {
      if (is_whitelisted(one, label)) continue;
      if (which.whitelists) known_.push_back({label.text, datum.text});
      const SymbolId id = which.ids[one.rule->prefix_of[static_cast<size_t>(label.kind)]];
      if (id == kNoId<SymbolId>) continue;
      ArenaText option(room_.arena);
      option.append(datum.text);
      option.push(':');
      option.append(label.text);
      if (!code.empty()) {
        option.push(':');
        option.append(code);
      }
      judgement_.insert(id, 1, option.finish());
    }
  }

  void judge(const Asked& one) {
    const RblRule& rule = *one.rule;
    if (one.answer->state == AnswerState::kUnknown) {
      // A list that is out of use (list_watch.h) was not asked: no failure either, on every mail.
      if (is_unasked(*one.answer) || one.answer->reason == UnknownReason::kNotAllowed ||
          rule.fail == kNoId<SymbolId>)
        return;
      const std::string option =
          fmt::format("{}:{}", one.datum.text, reason_text(one.answer->reason));
      return judgement_.insert(rule.fail, 1, option);
    }
    for (const std::string_view value : one.answer->values) {
      const bool found = rule.codes.match(value, [&](uint32_t symbol) { insert(one, symbol, {}); });
      // An address outside 127/8 is no list's answer (RFC 5782 2.1): somebody sells typing errors.
      if (found || !value.starts_with("127.")) continue;
      if (rule.codes.empty())
        insert(one, 0, {});
      else if (rule.unknown)
        insert(one, 0, value);
    }
  }

  const RblPlan& plan_;
  const Evidence& evidence_;
  Judgement& judgement_;
  Room& room_;
  std::vector<Asked> asked_;
  std::vector<Known> known_;
  bool waiting_ = false;
};

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  return Judging(plan_of(base), evidence, judgement).run();
}

}  // namespace

std::vector<DnsList> dns_lists_of(const CheckPlan& plan) {
  std::vector<DnsList> out;
  for (const RblRule& rule : plan_of(plan).rules)
    out.push_back({rule.zone, rule.probe, rule.monitored, rule.codes.ranges()});
  return out;
}

extern constexpr Check kRbl{
    .name = "rbl",
    .text = "Asks DNS lists about addresses, names and URLs.",
    .symbols = kSymbols,
    .after = kAfter,
    .declare = declare,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
