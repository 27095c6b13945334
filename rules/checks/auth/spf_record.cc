#include "rules/checks/auth/spf_record.h"

#include "engine/mime/ip.h"
#include "rules/checks/auth/spf_macro.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

bool is_alpha(char c) { return lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Cuts a decimal number without leading zeros, at most `max`, from the end; -1 where there is none.
int cut_number(std::string_view& text, int max) {
  size_t begin = text.size();
  while (begin > 0 && text.size() - begin < 4 && is_digit(text[begin - 1])) --begin;
  const std::string_view digits = text.substr(begin);
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return -1;
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  if (value > max) return -1;
  text.remove_suffix(digits.size());
  return value;
}

// Cuts `mark` and a number from the end where they stand there; false where the number is wrong.
bool cut_prefix_length(std::string_view& text, std::string_view mark, uint8_t& bits) {
  const size_t at = text.find_last_not_of("0123456789");
  if (at == std::string_view::npos || at + 1 == text.size()) return true;
  const std::string_view before = text.substr(0, at + 1);
  if (!before.ends_with(mark)) return true;
  if (mark == "/" && before.ends_with("//")) return true;
  const int value = cut_number(text, bits);
  if (value < 0) return false;
  bits = static_cast<uint8_t>(value);
  text.remove_suffix(mark.size());
  return true;
}

// "ip4:" and "ip6:" with an optional prefix length.
bool read_network(std::string_view rest, SpfTerm& term) {
  const bool four = term.kind == SpfKind::kIp4;
  if (!rest.starts_with(':')) return false;
  rest.remove_prefix(1);
  const size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    std::string_view cut = rest;
    if (!cut_prefix_length(cut, "/", four ? term.bits4 : term.bits6) || cut.size() != slash)
      return false;
    rest = cut;
  }
  // parse_ip() also reads forms that are none here: brackets, zones, "IPv6:".
  if (rest.find_first_not_of(four ? "0123456789." : "0123456789abcdefABCDEF:.") !=
          std::string_view::npos ||
      (!four && rest.find(':') == std::string_view::npos))
    return false;
  const auto ip = parse_ip(rest);
  if (!ip) return false;
  term.ip = *ip;
  term.ip.family = four ? 4 : 6;
  return true;
}

bool read_mechanism(std::string_view name, std::string_view rest, SpfTerm& term) {
  static constexpr struct {
    std::string_view name;
    SpfKind kind;
  } kMechanisms[] = {{"all", SpfKind::kAll}, {"include", SpfKind::kInclude}, {"a", SpfKind::kA},
                     {"mx", SpfKind::kMx},   {"ptr", SpfKind::kPtr},         {"ip4", SpfKind::kIp4},
                     {"ip6", SpfKind::kIp6}, {"exists", SpfKind::kExists}};
  const auto* const known =
      std::find_if(std::begin(kMechanisms), std::end(kMechanisms),
                   [&](const auto& m) { return equal_caseless(m.name, name); });
  if (known == std::end(kMechanisms)) return false;
  term.kind = known->kind;
  if (term.kind == SpfKind::kIp4 || term.kind == SpfKind::kIp6) return read_network(rest, term);
  if (term.kind == SpfKind::kAll) return rest.empty();
  if (term.kind == SpfKind::kA || term.kind == SpfKind::kMx) {
    if (!cut_prefix_length(rest, "//", term.bits6)) return false;
    if (!cut_prefix_length(rest, "/", term.bits4)) return false;
  }
  if (rest.empty()) return term.kind != SpfKind::kInclude && term.kind != SpfKind::kExists;
  if (rest[0] != ':') return false;
  term.domain = rest.substr(1);
  return is_domain_spec(term.domain);
}

bool read_modifier(std::string_view name, std::string_view value, SpfTerm& term) {
  term.kind = SpfKind::kOtherModifier;
  if (equal_caseless(name, "redirect")) term.kind = SpfKind::kRedirect;
  if (equal_caseless(name, "exp")) term.kind = SpfKind::kExp;
  if (term.kind == SpfKind::kOtherModifier) return is_macro_string(value);
  term.domain = value;
  return is_domain_spec(value);
}

}  // namespace

bool is_spf_record(std::string_view text) {
  return starts_caseless(text, "v=spf1") && (text.size() == 6 || text[6] == ' ');
}

SpfStep SpfReader::next(SpfTerm& term) {
  while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  if (at_ >= text_.size()) return SpfStep::kEnd;
  const size_t end = std::min(text_.find(' ', at_), text_.size());
  std::string_view written = text_.substr(at_, end - at_);
  at_ = end;
  term = {};
  const bool qualified =
      written[0] == '+' || written[0] == '-' || written[0] == '~' || written[0] == '?';
  if (qualified) {
    term.qualifier = written[0];
    written.remove_prefix(1);
  }
  term.text = written;
  if (written.empty() || !is_alpha(written[0])) return SpfStep::kBad;
  size_t name = 1;
  while (name < written.size() &&
         (is_alpha(written[name]) || is_digit(written[name]) || written[name] == '-' ||
          written[name] == '_' || written[name] == '.'))
    ++name;
  const std::string_view rest = written.substr(name);
  const bool good = !rest.empty() && rest[0] == '='
                        ? !qualified && read_modifier(written.substr(0, name), rest.substr(1), term)
                        : read_mechanism(written.substr(0, name), rest, term);
  return good ? SpfStep::kTerm : SpfStep::kBad;
}

bool check_spf_record(std::string_view text, SpfModifiers& modifiers) {
  modifiers = {};
  SpfReader reader(text);
  SpfTerm term;
  bool has_all = false, has_redirect = false, has_exp = false;
  for (SpfStep step = reader.next(term); step != SpfStep::kEnd; step = reader.next(term)) {
    if (step == SpfStep::kBad) return false;
    has_all |= term.kind == SpfKind::kAll;
    if (term.kind == SpfKind::kRedirect) {
      if (has_redirect) return false;
      has_redirect = true;
      modifiers.redirect = term.domain;
    } else if (term.kind == SpfKind::kExp) {
      if (has_exp) return false;
      has_exp = true;
      modifiers.exp = term.domain;
    }
  }
  if (has_all) modifiers.redirect = {};
  return true;
}

}  // namespace winnow
