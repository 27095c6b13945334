// What is written, one clause a method, in this order (forms: facts, "milter_headers"; RFC
// 8601 2.2, 2.7):
//
//   dkim=R ("why") header.d=D header.s=S header.b=8 characters     one for each signature; none
//   spf=R (HOST: sentence) smtp.mailfrom=A | smtp.helo=H
//   dmarc=pass (policy=P) header.from=D
//   dmarc=R reason="why" header.from=D (policy=P)                  none
//   arc=R
//   auth=pass smtp.auth=USER smtp.mailfrom=A                       where the client logged in
//
// A method that said nothing has no clause. Unlike Rspamd 3.4 a missing or broken key is
// `permerror` (RFC 8601 2.7.1), not `none`.
#include "rules/checks/outcome/authentication_results.h"

#include <algorithm>

#include "engine/mime/ip.h"
#include "rules/checks/auth/dkim_signature.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

struct Default {
  std::string_view result, symbol;
};
constexpr Default kSpf[] = {
    {"pass", "R_SPF_ALLOW"},         {"fail", "R_SPF_FAIL"},         {"softfail", "R_SPF_SOFTFAIL"},
    {"neutral", "R_SPF_NEUTRAL"},    {"temperror", "R_SPF_DNSFAIL"}, {"none", "R_SPF_NA"},
    {"permerror", "R_SPF_PERMFAIL"},
};
constexpr Default kDkim[] = {{"none", "R_DKIM_NA"},
                             {"pass", "R_DKIM_ALLOW"},
                             {"fail", "R_DKIM_REJECT"},
                             {"temperror", "R_DKIM_TEMPFAIL"},
                             {"permerror", "R_DKIM_PERMFAIL"}};
constexpr Default kDmarc[] = {
    {"pass", "DMARC_POLICY_ALLOW"},        {"permerror", "DMARC_BAD_POLICY"},
    {"temperror", "DMARC_DNSFAIL"},        {"none", "DMARC_NA"},
    {"reject", "DMARC_POLICY_REJECT"},     {"quarantine", "DMARC_POLICY_QUARANTINE"},
    {"softfail", "DMARC_POLICY_SOFTFAIL"},
};
constexpr Default kArc[] = {{"pass", "ARC_ALLOW"},
                            {"permerror", "ARC_INVALID"},
                            {"temperror", "ARC_DNSFAIL"},
                            {"none", "ARC_NA"},
                            {"reject", "ARC_REJECT"}};

template <size_t N>
std::vector<ResultSymbol> symbols(const CompileContext& context, const UclObject* options,
                                  const char* key, const Default (&defaults)[N]) {
  const UclObject* const given = options ? options->find(key) : nullptr;
  std::vector<ResultSymbol> out;
  for (const Default& one : defaults)
    out.push_back(
        {one.result, context.symbol(given ? given->string(one.result, one.symbol) : one.symbol)});
  return out;
}

// The first that is in the verdict.
const ResultSymbol* which(const std::vector<ResultSymbol>& symbols, const Verdict& verdict,
                          const VerdictSymbol*& found) {
  for (const ResultSymbol& one : symbols)
    if ((found = find_symbol(verdict, one.symbol))) return &one;
  return nullptr;
}

std::string_view option(const VerdictSymbol& symbol, size_t number) {
  return number < symbol.options.size() ? symbol.options[number] : std::string_view();
}

// A value (RFC 8601 2.2): quoted where it holds what no token may (RFC 2045 5.1), but for "@".
void append_value(std::string_view text, std::string& out) {
  const bool quoted = text.find_first_of("()<>,;:\\\"/[]?= \t") != std::string_view::npos;
  if (quoted) out += '"';
  std::string clean;
  append_header_text(text, clean);
  for (const char c : clean) {
    if (quoted && (c == '"' || c == '\\')) out += '\\';
    out += c;
  }
  if (quoted) out += '"';
}

// The first eight characters of a signature (RFC 6008), as base64.
void append_signature_begin(std::string_view bytes, std::string& out) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (bytes.size() < 6) return;
  std::string digits;
  for (size_t i = 0; i < 6; i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | static_cast<uint8_t>(bytes[i + k]);
    for (int shift = 18; shift >= 0; shift -= 6) digits.push_back(kDigits[bits >> shift & 63]);
  }
  out += " header.b=";
  append_value(digits, out);
}

// "example.org:s=sel" is among the options of the symbol.
bool names(const VerdictSymbol& symbol, const DkimSignature& signature) {
  for (const std::string_view text : symbol.options) {
    const size_t colon = text.find(":s=");
    if (colon != std::string_view::npos && text.substr(0, colon) == signature.domain &&
        text.substr(colon + 3) == signature.selector)
      return true;
  }
  return false;
}

void append_dkim(const AuthenticationPlan& plan, const EditInput& input, std::string& out) {
  bool any = false;
  for (const SymbolFact& fact : input.evidence.symbols) {
    DkimSignature signature;
    if (fact.symbol != plan.signature || !unpack_signature(fact.option, signature)) continue;
    // Two signatures of one key with different ends: which is which is not known any more.
    const auto ended = std::ranges::count_if(plan.dkim, [&](const ResultSymbol& one) {
      const VerdictSymbol* const symbol = find_symbol(input.verdict, one.symbol);
      return symbol && names(*symbol, signature);
    });
    for (const ResultSymbol& one : plan.dkim) {
      const VerdictSymbol* const symbol = find_symbol(input.verdict, one.symbol);
      if (!symbol || !names(*symbol, signature)) continue;
      any = true;
      out.append(";\n\tdkim=").append(one.result);
      if (one.result == "fail")
        out += signature.body != BodyHash::kOther ? " (\"headers did not verify\")"
                                                  : " (\"body hash did not verify\")";
      if (one.result == "permerror") out += " (\"invalid DKIM record\")";
      if (one.result == "temperror") out += " (\"DNS error\")";
      out += " header.d=";
      append_value(signature.domain, out);
      out += " header.s=";
      append_value(signature.selector, out);
      if (ended == 1) append_signature_begin(signature.signature, out);
      break;
    }
  }
  const VerdictSymbol* none = find_symbol(input.verdict, plan.dkim[0].symbol);
  if (none && !any) out += ";\n\tdkim=none";
}

void append_spf(const AuthenticationPlan& plan, const EditInput& input, std::string_view host,
                std::string& out) {
  const VerdictSymbol* symbol = nullptr;
  const ResultSymbol* const one = which(plan.spf, input.verdict, symbol);
  if (!one) return;
  const Envelope& envelope = input.evidence.envelope;
  char ip[kIpTextMax];
  const std::string_view address(ip, format_ip(envelope.ip, ip));
  const std::string_view who = envelope.from.empty() ? envelope.helo : envelope.from;
  const auto say = [&](std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) append_header_text(word, out);
  };
  out.append(";\n\tspf=").append(one->result) += " (";
  say({host, ": "});
  if (one->result == "pass")
    say({"domain of ", who, " designates ", address, " as permitted sender"});
  else if (one->result == "fail")
    say({"domain of ", who, " does not designate ", address, " as permitted sender"});
  else if (one->result == "none")
    say({"domain of ", who, " has no SPF policy when checking ", address});
  else if (one->result == "temperror")
    say({"error in processing during lookup of ", who, ": DNS error"});
  else if (one->result == "permerror")
    say({"domain of ", who, " has an SPF policy that cannot be understood"});
  else
    say({address, " is neither permitted nor denied by domain of ", who});
  out += envelope.from.empty() ? ") smtp.helo=" : ") smtp.mailfrom=";
  append_value(who, out);
}

// The symbols name the domain of the policy; header.from is that of From (RFC 7489 11.2).
std::string_view header_from(const Evidence& evidence, std::string_view policy_domain) {
  for (const Address& address : evidence.addresses)
    if (address.field == AddressField::kFrom && !address.domain.empty()) return address.domain;
  return policy_domain;
}

void append_dmarc(const AuthenticationPlan& plan, const EditInput& input, std::string& out) {
  const Verdict& verdict = input.verdict;
  const VerdictSymbol* symbol = nullptr;
  const ResultSymbol* const one = which(plan.dmarc, verdict, symbol);
  if (!one) return;
  if (one->result == "none") {
    out += ";\n\tdmarc=none";
    return;
  }
  const std::string_view first = option(*symbol, 0), policy = option(*symbol, 1);
  if (one->result == "pass") {
    out += ";\n\tdmarc=pass (policy=";
    append_header_text(policy, out);
    out += ") header.from=";
    append_value(header_from(input.evidence, first), out);
    return;
  }
  const size_t colon = first.find(" : ");
  const bool is_error = one->result == "permerror" || one->result == "temperror";
  out += ";\n\tdmarc=";
  out += is_error ? one->result : "fail";
  if (colon != std::string_view::npos) {
    std::string reason;
    append_header_text(first.substr(colon + 3), reason);
    std::erase(reason, '"');
    out += " reason=\"" + reason + '"';
  }
  out += " header.from=";
  append_value(header_from(input.evidence, first.substr(0, colon)), out);
  out += " (policy=";
  append_header_text(is_error ? one->result : policy, out);
  out += ')';
}

}  // namespace

void append_header_text(std::string_view text, std::string& out) {
  for (const char c : text.substr(0, 512))
    out.push_back(static_cast<uint8_t>(c) < 0x20 || c == 0x7f ? ' ' : c);
}

const VerdictSymbol* find_symbol(const Verdict& verdict, SymbolId symbol) {
  if (symbol == kNoId<SymbolId>) return nullptr;
  for (const VerdictSymbol& one : verdict.symbols)
    if (one.symbol == symbol) return &one;
  return nullptr;
}

AuthenticationPlan make_authentication_plan(const CompileContext& context,
                                            const UclObject* options) {
  AuthenticationPlan plan;
  plan.spf = symbols(context, options, "spf_symbols", kSpf);
  plan.dkim = symbols(context, options, "dkim_symbols", kDkim);
  plan.dmarc = symbols(context, options, "dmarc_symbols", kDmarc);
  plan.arc = symbols(context, options, "arc_symbols", kArc);
  plan.signature = context.symbol("DKIM_SIGNATURE");
  if (options) plan.add_smtp_user = options->flag("add_smtp_user", true);
  return plan;
}

bool append_authentication_results(const AuthenticationPlan& plan, const EditInput& input,
                                   std::string& out) {
  const Envelope& envelope = input.evidence.envelope;
  const std::string_view host = envelope.mta_name.empty() ? input.host_name : envelope.mta_name;
  if (host.empty()) return false;
  append_header_text(host, out);
  const size_t before = out.size();
  append_dkim(plan, input, out);
  append_spf(plan, input, host, out);
  append_dmarc(plan, input, out);
  const VerdictSymbol* symbol = nullptr;
  if (const ResultSymbol* const arc = which(plan.arc, input.verdict, symbol);
      arc && arc->result != "none")
    out.append(";\n\tarc=").append(arc->result == "reject" ? "fail" : arc->result);
  if (plan.add_smtp_user && !envelope.user.empty()) {
    out += ";\n\tauth=pass smtp.auth=";
    append_value(envelope.user, out);
    out += " smtp.mailfrom=";
    append_value(envelope.from, out);
  }
  if (out.size() == before) out += ";\n\tnone";
  return true;
}

}  // namespace winnow
