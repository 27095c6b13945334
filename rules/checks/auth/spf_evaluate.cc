#include "rules/checks/auth/spf_evaluate.h"

#include <algorithm>

#include "rules/checks/auth/spf_macro.h"
#include "rules/checks/auth/spf_record.h"

namespace winnow {

namespace {

enum class Match : uint8_t { kNo, kYes, kDescend, kTempError, kPermError, kWaiting };

// One record that is being judged.
struct Frame {
  DnsName domain;
  SpfReader reader;
  SpfModifiers modifiers;
  bool is_loaded = false;
  bool is_redirected = false;  // a missing record is an error
  uint32_t level = 0;          // includes and redirects that led here
  char qualifier = '+';        // of the include term that led here
};

SpfCode code_of(char qualifier) {
  switch (qualifier) {
    case '-':
      return SpfCode::kFail;
    case '~':
      return SpfCode::kSoftFail;
    case '?':
      return SpfCode::kNeutral;
    default:
      return SpfCode::kPass;
  }
}

// The last field of an MX record in presentation form.
std::string_view mx_host(std::string_view value) {
  const size_t blank = value.find_last_of(" \t");
  return blank == std::string_view::npos ? value : value.substr(blank + 1);
}

bool is_under(std::string_view name, std::string_view domain) {
  return name == domain || (name.size() > domain.size() && name.ends_with(domain) &&
                            name[name.size() - domain.size() - 1] == '.');
}

class Evaluation {
 public:
  Evaluation(const SpfInput& input, const SpfLimits& limits, Judgement& judgement)
      : input_(input), limits_(limits), judgement_(judgement) {
    lookups_max_ = std::min(limits.lookups_max, SpfLimits::kLookupsHard);
  }

  SpfResult run() {
    frames_[0].domain = DnsName(input_.sender_domain);
    if (frames_[0].domain.view().find('.') == std::string_view::npos) return {};
    for (;;) {
      Frame& frame = frames_[depth_];
      SpfCode code = SpfCode::kNone;
      if (!frame.is_loaded) {
        const Match loaded = load(frame, code);
        if (loaded == Match::kWaiting) return waiting();
        if (loaded == Match::kNo) {
          if (pop(code)) return finish(code);
          continue;
        }
      }
      const Match match = terms(frame, code);
      if (match == Match::kWaiting) return waiting();
      if (match == Match::kDescend) continue;
      if (pop(code)) return finish(code);
    }
  }

 private:
  static SpfResult waiting() { return {.waiting = true}; }
  SpfResult finish(SpfCode code) {
    result_.code = code;
    if (code == SpfCode::kNone || code >= SpfCode::kTempError) result_.mechanism = {};
    if (code == SpfCode::kFail && limits_.explain && explain() == Match::kWaiting) return waiting();
    return result_;
  }

  // Whatever is wrong with an explanation, there is none (6.2). That of the domain itself counts,
  // or of the one that it redirects to; never an include's.
  Match explain() {
    const Frame& frame = frames_[0];
    if (frame.modifiers.exp.empty()) return Match::kNo;
    DnsName target;
    const Match named = target_name(frame, frame.modifiers.exp, target);
    if (named != Match::kYes) return named;
    const Answer* const answer = ask(rr::kTxt, target);
    if (!answer) return Match::kWaiting;
    if (answer->state != AnswerState::kValue || answer->values.size() != 1) return Match::kNo;
    DnsName validated;
    SpfMacroValues values;
    if (macro_values(frame, answer->values[0], validated, values) == Match::kWaiting)
      return Match::kWaiting;
    result_.explanation = expand_explanation(answer->values[0], values);
    return Match::kYes;
  }

  // Finds the record of a frame; kNo where there is none to judge, with the reason in `code`.
  Match load(Frame& frame, SpfCode& code) {
    code = SpfCode::kNone;
    if (frame.domain.empty()) return Match::kNo;
    const Answer* const answer = ask(rr::kTxt, frame.domain);
    if (!answer) return Match::kWaiting;
    code = SpfCode::kTempError;
    if (answer->state == AnswerState::kUnknown) return Match::kNo;
    code = SpfCode::kNone;
    std::string_view record;
    for (const std::string_view value : answer->values) {
      if (!is_spf_record(value)) continue;
      code = SpfCode::kPermError;
      if (record.data()) return Match::kNo;
      record = value;
    }
    if (!record.data() || !check_spf_record(record, frame.modifiers)) return Match::kNo;
    frame.reader = SpfReader(record);
    frame.is_loaded = true;
    return Match::kYes;
  }

  // Judges terms until one matches or leads into another record.
  Match terms(Frame& frame, SpfCode& code) {
    SpfTerm term;
    while (frame.reader.next(term) == SpfStep::kTerm) {
      const Match match = mechanism(frame, term);
      if (match == Match::kNo) continue;
      if (match == Match::kYes) {
        code = code_of(term.qualifier);
        result_.qualifier = term.qualifier;
        result_.mechanism = term.text;
        result_.by_all = term.kind == SpfKind::kAll;
      } else if (match == Match::kTempError || match == Match::kPermError) {
        code = match == Match::kTempError ? SpfCode::kTempError : SpfCode::kPermError;
      }
      return match;
    }
    if (!frame.modifiers.redirect.empty()) return redirect(frame, code);
    code = SpfCode::kNeutral;
    result_.qualifier = '?';
    result_.mechanism = {};
    return Match::kYes;
  }

  Match redirect(Frame& frame, SpfCode& code) {
    code = SpfCode::kPermError;
    if (!count_lookup()) return Match::kPermError;
    DnsName target;
    const Match named = target_name(frame, frame.modifiers.redirect, target);
    if (named == Match::kWaiting) return named;
    const char qualifier = frame.qualifier;
    const uint32_t level = frame.level + 1;
    if (level > limits_.nesting_max) return Match::kPermError;
    frame = Frame{};
    frame.level = level;
    frame.domain = target;
    frame.qualifier = qualifier;
    frame.is_redirected = true;
    return Match::kDescend;
  }

  // Leaves frames that have their result; true where the outermost has it.
  bool pop(SpfCode& code) {
    for (;;) {
      const Frame& frame = frames_[depth_];
      if (frame.is_redirected && code == SpfCode::kNone) code = SpfCode::kPermError;
      if (depth_ == 0) return true;
      --depth_;
      switch (code) {
        case SpfCode::kPass:
          code = code_of(frame.qualifier);
          result_.qualifier = frame.qualifier;
          break;
        case SpfCode::kTempError:
          break;
        case SpfCode::kPermError:
        case SpfCode::kNone:
          code = SpfCode::kPermError;
          break;
        default:
          return false;  // fail, softfail, neutral: the include did not match
      }
    }
  }

  Match mechanism(Frame& frame, const SpfTerm& term) {
    switch (term.kind) {
      case SpfKind::kAll:
        return Match::kYes;
      case SpfKind::kIp4:
        return in_net(term.ip, term.bits4);
      case SpfKind::kIp6:
        return in_net(term.ip, term.bits6);
      case SpfKind::kInclude:
        return include(frame, term);
      case SpfKind::kA:
        return a(frame, term);
      case SpfKind::kMx:
        return mx(frame, term);
      case SpfKind::kPtr:
        return ptr(frame, term);
      case SpfKind::kExists:
        return exists(frame, term);
      default:
        return Match::kNo;  // modifiers
    }
  }

  Match include(Frame& frame, const SpfTerm& term) {
    if (!count_lookup()) return Match::kPermError;
    DnsName target;
    if (target_name(frame, term.domain, target) == Match::kWaiting) return Match::kWaiting;
    if (frame.level == limits_.nesting_max) return Match::kPermError;
    Frame& inner = frames_[++depth_];
    inner = Frame{};
    inner.level = frame.level + 1;
    inner.domain = target;
    inner.qualifier = term.qualifier;
    return Match::kDescend;
  }

  Match a(Frame& frame, const SpfTerm& term) {
    if (!count_lookup()) return Match::kPermError;
    DnsName target;
    const Match named = target_name(frame, term.domain, target);
    if (named != Match::kYes) return named;
    const Answer* const answer = ask_address(target);
    const Match good = counted(answer);
    return good == Match::kYes ? has_address(*answer, term) : good;
  }

  Match mx(Frame& frame, const SpfTerm& term) {
    if (!count_lookup()) return Match::kPermError;
    DnsName target;
    const Match named = target_name(frame, term.domain, target);
    if (named != Match::kYes) return named;
    const Answer* const answer = ask(rr::kMx, target);
    const Match good = counted(answer);
    if (good != Match::kYes) return good;
    if (answer->values.size() > SpfLimits::kNamesMax) return Match::kPermError;
    // All addresses are asked for at once.
    bool is_open = false;
    Match found = Match::kNo;
    for (const std::string_view value : answer->values) {
      const DnsName host(mx_host(value));
      if (host.empty()) continue;
      const Answer* const address = ask_address(host);
      is_open |= !address;
      if (!address || found != Match::kNo) continue;
      if (address->state == AnswerState::kUnknown)
        found = Match::kTempError;
      else
        found = has_address(*address, term);
    }
    return is_open ? Match::kWaiting : found;
  }

  Match exists(Frame& frame, const SpfTerm& term) {
    if (!count_lookup()) return Match::kPermError;
    DnsName target;
    const Match named = target_name(frame, term.domain, target);
    if (named != Match::kYes) return named;
    return counted(ask(rr::kA, target));
  }

  Match ptr(Frame& frame, const SpfTerm& term) {
    if (!count_lookup()) return Match::kPermError;
    DnsName target;
    const Match named = target_name(frame, term.domain, target);
    if (named != Match::kYes) return named;
    const Answer* const names = ask(rr::kPtr, reverse_name(input_.ip));
    if (!names) return Match::kWaiting;
    if (names->state == AnswerState::kUnknown) return Match::kNo;
    if (names->state == AnswerState::kNone) return count_void() ? Match::kNo : Match::kPermError;
    bool is_open = false, found = false;
    for (size_t i = 0; i < names->values.size() && i < SpfLimits::kNamesMax; ++i) {
      const DnsName name(names->values[i]);
      if (name.empty() || !is_under(name.view(), target.view())) continue;
      const Answer* const address = ask_address(name);
      is_open |= !address;
      found |= address && leads_back(*address);
    }
    if (found) return Match::kYes;
    return is_open ? Match::kWaiting : Match::kNo;
  }

  // The name for the macro p (7.3): one that is the domain, else one under it, else any.
  Match validated_name(const Frame& frame, DnsName& out) {
    const Answer* const names = ask(rr::kPtr, reverse_name(input_.ip));
    if (!names) return Match::kWaiting;
    bool is_open = false;
    int best = 0;
    for (size_t i = 0; i < names->values.size() && i < SpfLimits::kNamesMax; ++i) {
      const DnsName name(names->values[i]);
      if (name.empty()) continue;
      const Answer* const address = ask_address(name);
      is_open |= !address;
      if (!address || !leads_back(*address)) continue;
      const int rank = name.view() == frame.domain.view()           ? 3
                       : is_under(name.view(), frame.domain.view()) ? 2
                                                                    : 1;
      if (rank > best) best = rank, out = name;
    }
    return is_open ? Match::kWaiting : Match::kYes;
  }

  // The name a term asks about; kNo where its macros make none.
  Match target_name(const Frame& frame, std::string_view spec, DnsName& out) {
    if (spec.empty()) {
      out = frame.domain;
      return Match::kYes;
    }
    DnsName validated;
    SpfMacroValues values;
    if (macro_values(frame, spec, validated, values) == Match::kWaiting) return Match::kWaiting;
    out = expand_domain_spec(spec, values);
    return out.empty() ? Match::kNo : Match::kYes;
  }

  // What the letters of `text` stand for; kWaiting while the client's name is not known.
  // `validated` holds it and must live as long as `values`.
  Match macro_values(const Frame& frame, std::string_view text, DnsName& validated,
                     SpfMacroValues& values) {
    values = {.sender_local = input_.sender_local,
              .sender_domain = input_.sender_domain,
              .domain = frame.domain.view(),
              .helo = input_.helo.empty() ? "unknown" : input_.helo,
              .validated = "unknown",
              .ip = input_.ip,
              .receiver = input_.receiver,
              .now_s = input_.now_s};
    if (!uses_validated_name(text)) return Match::kYes;
    if (validated_name(frame, validated) == Match::kWaiting) return Match::kWaiting;
    if (!validated.empty()) values.validated = validated.view();
    return Match::kYes;
  }

  const Answer* ask(uint16_t type, const DnsName& name) {
    const Answer* const answer = judgement_.ask(QuestionKind::kDns, type, name.view());
    result_.unasked |= answer && is_unasked(*answer);
    return answer;
  }

  const Answer* ask_address(const DnsName& name) {
    static constexpr Answer kNone{.state = AnswerState::kNone};
    return limits_.asks_ipv6 || input_.ip.family == 4 ? ask(address_type(), name) : &kNone;
  }

  // What the first answer of a term means: kYes where it has values.
  Match counted(const Answer* answer) {
    if (!answer) return Match::kWaiting;
    if (answer->state == AnswerState::kUnknown) return Match::kTempError;
    if (answer->state == AnswerState::kValue) return Match::kYes;
    return count_void() ? Match::kNo : Match::kPermError;
  }
  bool count_lookup() { return ++lookups_ <= lookups_max_; }
  bool count_void() { return ++voids_ <= limits_.void_lookups_max; }

  uint16_t address_type() const { return input_.ip.family == 4 ? rr::kA : rr::kAaaa; }
  Match in_net(const IpAddress& net, uint8_t bits) const {
    return ip_in_net(input_.ip, net, bits) ? Match::kYes : Match::kNo;
  }
  Match has_address(const Answer& answer, const SpfTerm& term) const {
    for (const std::string_view value : answer.values) {
      const auto ip = parse_ip(value);
      if (ip && ip_in_net(input_.ip, *ip, input_.ip.family == 4 ? term.bits4 : term.bits6))
        return Match::kYes;
    }
    return Match::kNo;
  }
  bool leads_back(const Answer& answer) const {
    return std::any_of(answer.values.begin(), answer.values.end(), [&](std::string_view value) {
      const auto ip = parse_ip(value);
      return ip && same_ip(*ip, input_.ip);
    });
  }

  const SpfInput& input_;
  const SpfLimits& limits_;
  Judgement& judgement_;
  uint32_t lookups_max_ = 0;
  uint32_t lookups_ = 0;
  uint32_t voids_ = 0;
  SpfResult result_;
  uint32_t depth_ = 0;
  Frame frames_[SpfLimits::kLookupsHard + 1];  // each include counts a look-up
};

}  // namespace

SpfResult evaluate_spf(const SpfInput& input, const SpfLimits& limits, Judgement& judgement) {
  return Evaluation(input, limits, judgement).run();
}

}  // namespace winnow
