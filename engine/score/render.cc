#include "engine/score/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace winnow {

namespace {

// Bytes of the well-formed UTF-8 sequence at `p` (RFC 3629), 0 where there is none.
size_t utf8_length(const unsigned char* p, size_t left) {
  const unsigned char c = p[0];
  size_t n;
  unsigned char low = 0x80, high = 0xBF;
  if (c < 0xC2) return 0;
  if (c < 0xE0) {
    n = 2;
  } else if (c < 0xF0) {
    n = 3;
    if (c == 0xE0) low = 0xA0;
    if (c == 0xED) high = 0x9F;
  } else if (c < 0xF5) {
    n = 4;
    if (c == 0xF0) low = 0x90;
    if (c == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (left < n || p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < n; ++i)
    if ((p[i] & 0xC0) != 0x80) return 0;
  return n;
}

// True where none of the 8 bytes needs an escape: no control, quote, backslash, or byte over 127.
bool plain8(uint64_t v) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const uint64_t quote = v ^ kOnes * '"', slash = v ^ kOnes * '\\';
  const uint64_t bad = v | (v - kOnes * 0x20) | (quote - kOnes) | (slash - kOnes);
  return (bad & kHigh) == 0;
}

// Writes into memory that is known to be large enough.
struct Pen {
  char* at;

  void raw(std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  }

  void escape(unsigned char c) {
    constexpr char kHex[] = "0123456789abcdef";
    *at++ = '\\';
    switch (c) {
      case '"':
      case '\\':
        *at++ = static_cast<char>(c);
        return;
      case '\n':
        *at++ = 'n';
        return;
      case '\r':
        *at++ = 'r';
        return;
      case '\t':
        *at++ = 't';
        return;
      default:
        raw("u00");
        *at++ = kHex[c >> 4];
        *at++ = kHex[c & 15];
    }
  }

  void string(std::string_view text) {
    *at++ = '"';
    const char* p = text.data();
    const char* const end = p + text.size();
    while (p < end) {
      uint64_t eight;
      if (end - p >= 8 && (std::memcpy(&eight, p, 8), plain8(eight))) {
        std::memcpy(at, p, 8);
        at += 8;
        p += 8;
        continue;
      }
      const auto c = static_cast<unsigned char>(*p);
      if (c >= 0x80) {
        const size_t n =
            utf8_length(reinterpret_cast<const unsigned char*>(p), static_cast<size_t>(end - p));
        raw(n ? std::string_view(p, n) : std::string_view("\xEF\xBF\xBD"));
        p += n ? n : 1;
      } else if (c < 0x20 || c == '"' || c == '\\') {
        escape(c);
        ++p;
      } else {
        *at++ = *p++;
      }
    }
    *at++ = '"';
  }

  void number(uint64_t value) {
    char digits[20];
    size_t n = 0;
    do digits[n++] = static_cast<char>('0' + value % 10);
    while (value /= 10);
    while (n > 0) *at++ = digits[--n];
  }

  void score(Micro micro) {
    if (micro == kNoThreshold) return raw("null");
    const bool negative = micro < 0;
    if (negative) *at++ = '-';
    const uint64_t value =
        negative ? 0 - static_cast<uint64_t>(micro) : static_cast<uint64_t>(micro);
    number(value / kMicro);
    *at++ = '.';
    uint64_t rest = value % kMicro;
    if (rest == 0) {
      *at++ = '0';
      return;
    }
    for (int i = 5; i >= 0; --i, rest /= 10) at[i] = static_cast<char>('0' + rest % 10);
    at += 6;
  }
};

constexpr size_t kScoreBytes = 32;
// JSON string of `bytes` bytes at most.
constexpr size_t string_bytes(size_t bytes) { return bytes * 6 + 2; }

template <class Write>
void append(std::string& out, size_t most, Write write) {
  const size_t before = out.size();
  out.resize(before + most);
  Pen pen{out.data() + before};
  write(pen);
  out.resize(static_cast<size_t>(pen.at - out.data()));
}

bool is_shown(const ScoreModel& model, const VerdictSymbol& symbol) {
  return !symbol.removed &&
         !(model.symbols[index(symbol.symbol)].flags & static_cast<uint16_t>(SymbolFlag::kHidden));
}

size_t symbols_bytes(const RenderPlan& plan, const Verdict& verdict) {
  size_t sum = 64;
  for (const VerdictSymbol& symbol : verdict.symbols) {
    const uint32_t id = index(symbol.symbol);
    sum += plan.symbol_heads[id].size() + plan.symbol_tails[id].size() + kScoreBytes + 32;
    for (const std::string_view option : symbol.options) sum += string_bytes(option.size()) + 1;
  }
  return sum;
}

void write_symbols(const RenderPlan& plan, const Verdict& verdict, Pen& pen) {
  pen.raw(",\"symbols\":{");
  bool first = true;
  for (const VerdictSymbol& symbol : verdict.symbols) {
    if (!is_shown(*plan.model, symbol)) continue;
    if (!first) *pen.at++ = ',';
    first = false;
    pen.raw(plan.symbol_heads[index(symbol.symbol)]);
    pen.score(shown_score(symbol));
    pen.raw(plan.symbol_tails[index(symbol.symbol)]);
    if (!symbol.options.empty()) {
      pen.raw(",\"options\":[");
      for (size_t i = 0; i < symbol.options.size(); ++i) {
        if (i > 0) *pen.at++ = ',';
        pen.string(symbol.options[i]);
      }
      *pen.at++ = ']';
    }
    *pen.at++ = '}';
  }
  *pen.at++ = '}';
}

std::string_view reason_name(UnknownReason reason) {
  constexpr std::string_view kNames[] = {"",         "timeout", "server failure",
                                         "refused",  "broken",  "not allowed",
                                         "no table", "limit",   "not replayed"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view kind_name(QuestionKind kind) {
  constexpr std::string_view kNames[] = {"dns", "store", "take", "fuzzy", "http", "dialog"};
  return kNames[static_cast<size_t>(kind)];
}

void append_unknown(const Evidence& evidence, const Verdict& verdict, std::string& out) {
  if (verdict.unknown.empty()) return;
  out += ",\"unknown\":[";
  for (size_t i = 0; i < verdict.unknown.size(); ++i) {
    const Question& question = evidence.questions[index(verdict.unknown[i])];
    if (i > 0) out += ',';
    fmt::format_to(std::back_inserter(out),
                   "{{\"kind\":\"{}\",\"type\":{},\"key\":", kind_name(question.kind),
                   question.type);
    append_json_string(question.key, out);
    fmt::format_to(std::back_inserter(out), ",\"reason\":\"{}\"}}",
                   reason_name(evidence.answers[index(verdict.unknown[i])].reason));
  }
  out += ']';
}

// What Rspamd calls the flags of a URL (facts/received-and-text.md).
constexpr std::pair<UrlFlag, std::string_view> kFlagNames[] = {
    {UrlFlag::kPhished, "phished"},
    {UrlFlag::kNumeric, "numeric"},
    {UrlFlag::kObscured, "obscured"},
    {UrlFlag::kRedirected, "redirected"},
    {UrlFlag::kHtmlDisplayed, "html_displayed"},
    {UrlFlag::kText, "text"},
    {UrlFlag::kSubject, "subject"},
    {UrlFlag::kHostEncoded, "host_encoded"},
    {UrlFlag::kPathEncoded, "path_encoded"},
    {UrlFlag::kQueryEncoded, "query_encoded"},
    {UrlFlag::kMissingSlashes, "missing_slashes"},
    {UrlFlag::kIdn, "idn"},
    {UrlFlag::kHasPort, "has_port"},
    {UrlFlag::kHasUser, "has_user"},
    {UrlFlag::kSchemaless, "schemaless"},
    {UrlFlag::kUnnormalised, "unnormalised"},
    {UrlFlag::kZeroWidth, "zw_spaces"},
    {UrlFlag::kUrlDisplayed, "url_displayed"},
    {UrlFlag::kImage, "image"},
    {UrlFlag::kQuery, "query"},
    {UrlFlag::kContent, "content"},
    {UrlFlag::kNoTld, "no_tld"},
    {UrlFlag::kTruncated, "truncated"},
    {UrlFlag::kRedirectTarget, "redirect_target"},
    {UrlFlag::kInvisible, "invisible"},
    {UrlFlag::kSpecial, "special"},
};

// A list header is no place that a reader sees; replies name nothing that stands there alone.
template <class Link>
bool is_listed(const Link& link) {
  constexpr UrlFlag kPlaces[] = {UrlFlag::kText,  UrlFlag::kHtml,    UrlFlag::kSubject,
                                 UrlFlag::kQuery, UrlFlag::kContent, UrlFlag::kCalendar};
  if (!(link.flags & static_cast<uint32_t>(UrlFlag::kHeader))) return true;
  return std::ranges::any_of(
      kPlaces, [&](UrlFlag flag) { return link.flags & static_cast<uint32_t>(flag); });
}

// Distinct hosts of the URLs in their order.
void append_hosts(std::span<const Url> urls, std::string& out) {
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < urls.size(); ++i)
    if (!urls[i].host.empty() && is_listed(urls[i])) order.push_back(i);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
    return urls[a].host != urls[b].host ? urls[a].host < urls[b].host : a < b;
  });
  const auto same = [&](uint32_t a, uint32_t b) { return urls[a].host == urls[b].host; };
  order.erase(std::unique(order.begin(), order.end(), same), order.end());
  std::ranges::sort(order);
  bool first = true;
  for (const uint32_t i : order) {
    out += first ? ",\"urls\":[" : ",";
    first = false;
    append_json_string(urls[i].host, out);
  }
  if (!first) out += ']';
}

void append_url(std::span<const Url> urls, const Url& url, bool linked, std::string& out) {
  out += "{\"url\":";
  append_json_string(url.normal, out);
  out += ",\"tld\":";
  append_json_string(url.domain, out);
  out += ",\"host\":";
  append_json_string(url.host, out);
  out += ",\"flags\":[";
  bool first = true;
  for (const auto& [flag, name] : kFlagNames) {
    if (!(url.flags & static_cast<uint32_t>(flag))) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(name, out);
  }
  out += ']';
  if (linked && url.flags & static_cast<uint32_t>(UrlFlag::kPhished) && !url.shown.empty()) {
    const auto shown = std::ranges::find(urls, url.shown, &Url::found);
    if (shown != urls.end()) {
      out += ",\"linked_url\":";
      append_url(urls, *shown, false, out);
    }
  }
  out += '}';
}

void append_urls(std::span<const Url> urls, std::string& out) {
  bool first = true;
  for (const Url& url : urls) {
    if (!is_listed(url)) continue;
    out += first ? ",\"urls\":[" : ",";
    first = false;
    append_url(urls, url, true, out);
  }
  if (!first) out += ']';
}

void append_emails(std::span<const Email> emails, std::string& out) {
  bool first = true;
  for (const Email& email : emails) {
    if (!is_listed(email)) continue;
    out += first ? ",\"emails\":[" : ",";
    first = false;
    append_json_string(email.address, out);
  }
  if (!first) out += ']';
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  append(out, string_bytes(text.size()), [&](Pen& pen) { pen.string(text); });
}

void append_json_score(Micro score, std::string& out) {
  append(out, kScoreBytes, [&](Pen& pen) { pen.score(score); });
}

// Only where the third decimal is a 5 with nothing behind it does the double decide.
void append_score(Micro score, std::string& out) {
  const uint64_t value =
      score < 0 ? 0 - static_cast<uint64_t>(score) : static_cast<uint64_t>(score);
  if (value % 10'000 == 5'000) {
    fmt::format_to(std::back_inserter(out), "{:.2f}", static_cast<double>(score) / 1e6);
    return;
  }
  const uint64_t cents = (value + 5'000) / 10'000;
  append(out, kScoreBytes, [&](Pen& pen) {
    if (score < 0) *pen.at++ = '-';
    pen.number(cents / 100);
    *pen.at++ = '.';
    *pen.at++ = static_cast<char>('0' + cents / 10 % 10);
    *pen.at++ = static_cast<char>('0' + cents % 10);
  });
}

RenderPlan make_render_plan(const ScoreModel& model) {
  RenderPlan plan;
  plan.model = &model;
  for (const Symbol& symbol : model.symbols) {
    std::string name;
    append_json_string(symbol.name, name);
    std::string head = name;
    head.append(":{\"name\":").append(name).append(",\"score\":");
    plan.symbol_heads.push_back(std::move(head));
    std::string tail = ",\"metric_score\":";
    append_json_score(symbol.score, tail);
    if (!symbol.description.empty()) {
      tail += ",\"description\":";
      append_json_string(symbol.description, tail);
    }
    plan.symbol_tails.push_back(std::move(tail));
  }
  plan.thresholds = "{";
  for (auto action = model.actions.rbegin(); action != model.actions.rend(); ++action) {
    constexpr auto kNone = static_cast<uint8_t>(ActionFlag::kWithoutThreshold) |
                           static_cast<uint8_t>(ActionFlag::kDisabled);
    if (action->threshold == kNoThreshold || action->flags & kNone) continue;
    if (plan.thresholds.size() > 1) plan.thresholds += ',';
    append_json_string(action->name, plan.thresholds);
    plan.thresholds += ':';
    append_json_score(action->threshold, plan.thresholds);
  }
  plan.thresholds += '}';
  return plan;
}

void append_links(const Evidence& evidence, UrlForm form, std::string& out) {
  if (form == UrlForm::kHosts)
    append_hosts(evidence.urls, out);
  else
    append_urls(evidence.urls, out);
  append_emails(evidence.emails, out);
}

bool was_skipped(const Verdict& verdict) {
  return verdict.forced_by != kNoIndex && verdict.pre_results[verdict.forced_by].ends;
}

std::string_view smtp_message(const Verdict& verdict) {
  if (verdict.forced_by == kNoIndex) return {};
  const PreResult& result = verdict.pre_results[verdict.forced_by];
  return result.no_smtp_message ? std::string_view() : std::string_view(result.message);
}

std::string_view fate_of(const Action& action) {
  if (action.flags & static_cast<uint8_t>(ActionFlag::kDiscard)) return "discard";
  return action.flags & static_cast<uint8_t>(ActionFlag::kQuarantine) ? "quarantine" : "";
}

void append_messages(const Verdict& verdict, std::string& out) {
  out += ",\"messages\":{";
  if (const std::string_view message = smtp_message(verdict); !message.empty()) {
    out += "\"smtp_message\":";
    append_json_string(message, out);
  }
  out += '}';
}

void render_json_fields(const RenderPlan& plan, const Evidence& evidence, const Verdict& verdict,
                        std::string& out, UrlForm form) {
  const Action& action = plan.model->actions[index(verdict.action)];
  out +=
      was_skipped(verdict) ? "\"is_skipped\":true,\"score\":" : "\"is_skipped\":false,\"score\":";
  append_json_score(verdict.score, out);
  out += ",\"required_score\":";
  append_json_score(verdict.required, out);
  out += ",\"action\":";
  append_json_string(action.name, out);
  if (const std::string_view fate = fate_of(action); !fate.empty()) {
    out += ",\"reject\":";
    append_json_string(fate, out);
  }
  if (verdict.forced_by != kNoIndex) {
    out += ",\"passthrough_module\":";
    append_json_string(verdict.pre_results[verdict.forced_by].module, out);
  }
  if (!verdict.subject.empty()) {
    out += ",\"subject\":";
    append_json_string(verdict.subject, out);
  }
  out += ",\"thresholds\":";
  out += plan.thresholds;
  append(out, symbols_bytes(plan, verdict), [&](Pen& pen) { write_symbols(plan, verdict, pen); });
  append_messages(verdict, out);
  append_links(evidence, form, out);
  out += ",\"message-id\":";
  append_json_string(evidence.message_id.empty() ? "undef" : evidence.message_id, out);
  append_unknown(evidence, verdict, out);
}

void render_spamd_result(const ScoreModel& model, const Verdict& verdict, std::string_view fold,
                         std::string& out, ResultOrder by) {
  std::vector<const VerdictSymbol*> order;
  for (const VerdictSymbol& symbol : verdict.symbols)
    if (is_shown(model, symbol)) order.push_back(&symbol);
  std::sort(order.begin(), order.end(), [&](const auto* a, const auto* b) {
    const Micro x = std::abs(shown_score(*a)), y = std::abs(shown_score(*b));
    if (by == ResultOrder::kScore && x != y) return x > y;
    return model.symbols[index(a->symbol)].name < model.symbols[index(b->symbol)].name;
  });
  out += verdict.action == model.reject ? "default: True [" : "default: False [";
  append_score(verdict.score, out);
  out += " / ";
  if (verdict.required == kNoThreshold) {
    out += "nan";
  } else {
    append_score(verdict.required, out);
  }
  out += ']';
  for (const VerdictSymbol* symbol : order) {
    out += ';';
    out += fold;
    out += model.symbols[index(symbol->symbol)].name;
    out += '(';
    append_score(shown_score(*symbol), out);
    out += ")[";
    for (size_t i = 0; i < symbol->options.size(); ++i) {
      if (i > 0) out += ',';
      out += symbol->options[i];
    }
    out += ']';
  }
}

}  // namespace winnow
