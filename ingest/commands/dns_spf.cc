// winnow dns spf, winnow dns spf-flatten: what an SPF record says, with all that it leads to; what
// it says of one client; and the same record without look-ups.
//
// Records are followed to the depth and up to the number of look-ups at which SPF itself gives up
// (RFC 7208 4.6.4), so that a record that leads nowhere ends here as well.
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <set>

#include "engine/mime/ip.h"
#include "engine/score/questions.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/dns.h"
#include "rules/checks/auth/spf_evaluate.h"
#include "rules/checks/auth/spf_record.h"

namespace winnow {

namespace {

// Asks one after the other, and keeps the answers.
class Asked final : public QuestionsOnly {
 public:
  explicit Asked(Lookup& lookup) : lookup_(lookup) {}
  const Answer* ask(QuestionKind kind, uint16_t type, std::string_view key) override {
    uint32_t at = find_question(evidence_.questions, kind, type, key);
    if (at == kNoIndex) {
      at = index(append_question(evidence_, {.kind = kind, .type = type, .key = key}, {}));
      std::promise<void> ready;
      if (!lookup_.ask(evidence_, Lookup::Clock::time_point::max(), [&] { ready.set_value(); }))
        ready.get_future().wait();
    }
    unknown_ |= evidence_.answers[at].state == AnswerState::kUnknown;
    return &evidence_.answers[at];
  }
  const Answer& answer(uint16_t type, std::string_view name) {
    return *ask(QuestionKind::kDns, type, DnsName(name).view());
  }
  bool unknown() const { return unknown_; }

 private:
  Lookup& lookup_;
  Evidence evidence_;
  bool unknown_ = false;
};

bool is_record_term(SpfKind kind) {
  return kind == SpfKind::kInclude || kind == SpfKind::kRedirect;
}

// What only a message decides: macros, and names of the client.
bool needs_message(const SpfTerm& term) {
  return term.kind == SpfKind::kExists || term.kind == SpfKind::kPtr ||
         term.domain.find('%') != std::string_view::npos;
}

class Record {
 public:
  explicit Record(Asked& asked) : asked_(asked) {}

  // The record of a domain with what it leads to, indented. False: none, or a broken one.
  bool print(const std::string& domain, size_t depth) {
    const std::string text = find(domain);
    fmt::print("{:{}}{}: {}\n", "", 2 * depth, domain, text.empty() ? problem_ : text);
    bool good = !text.empty();
    each(text, [&](const SpfTerm& term) {
      for (const std::string& address : addresses(domain, term))
        if (term.kind == SpfKind::kA || term.kind == SpfKind::kMx)
          fmt::print("{:{}}{} is {}\n", "", 2 * depth + 2, term.text, address);
      if (is_record_term(term.kind) && !needs_message(term) && descend(depth))
        good &= print(std::string(term.domain), depth + 1);
    });
    return good;
  }

  // Every address of the record and those it includes, as terms of one without look-ups.
  bool flatten(const std::string& domain, char qualifier, size_t depth,
               std::vector<std::string>& terms) {
    const std::string text = find(domain);
    bool good = !text.empty();
    each(text, [&](const SpfTerm& term) {
      // A match inside an include is one of the include itself; others there mean nothing.
      const bool counts = depth == 0 || qualifier == 0 || term.qualifier == '+';
      const char own = depth == 0 || qualifier == 0 ? term.qualifier : qualifier;
      if (is_record_term(term.kind) && !needs_message(term)) {
        if (!descend(depth)) return;
        const bool redirect = term.kind == SpfKind::kRedirect;
        good &= flatten(std::string(term.domain), redirect ? qualifier : own, depth + 1, terms);
      } else if (term.kind == SpfKind::kAll) {
        if (depth == 0 || qualifier == 0) put(term.qualifier, "all", terms);
      } else if (counts && needs_message(term)) {
        put(own, std::string(term.text), terms);
      } else if (counts) {
        for (const std::string& address : addresses(domain, term)) put(own, address, terms);
      }
    });
    return good;
  }

 private:
  template <class F>
  void each(const std::string& text, F f) {
    if (text.empty()) return;
    SpfReader reader(text);
    SpfTerm term;
    while (reader.next(term) == SpfStep::kTerm) f(term);
  }

  bool descend(size_t depth) {
    if (depth < 10 && ++records_ <= SpfLimits::kLookupsHard) return true;
    print_aside("it leads further than SPF goes\n");
    return false;
  }

  static void put(char qualifier, std::string term, std::vector<std::string>& terms) {
    if (qualifier != '+' && qualifier != 0) term.insert(0, 1, qualifier);
    if (std::ranges::find(terms, term) == terms.end()) terms.push_back(std::move(term));
  }

  // The only record of the domain; empty with `problem_` otherwise.
  std::string find(const std::string& domain) {
    const Answer& answer = asked_.answer(rr::kTxt, domain);
    problem_ = answer.state == AnswerState::kUnknown ? "unknown: nobody answered"
                                                     : "there is no SPF record";
    std::string found;
    for (const std::string_view value : answer.values) {
      if (!is_spf_record(value)) continue;
      if (!found.empty()) {
        problem_ = "broken: there are several SPF records";
        return {};
      }
      found = value;
    }
    SpfModifiers modifiers;
    if (!found.empty() && !check_spf_record(found, modifiers)) {
      problem_ = "broken: " + found;
      return {};
    }
    return found;
  }

  // Networks that a term names: "ip4:192.0.2.1/32".
  std::vector<std::string> addresses(const std::string& domain, const SpfTerm& term) {
    std::vector<std::string> out;
    if (term.kind == SpfKind::kIp4 || term.kind == SpfKind::kIp6) {
      out.emplace_back(term.text);
    } else if (!needs_message(term) && (term.kind == SpfKind::kA || term.kind == SpfKind::kMx)) {
      const std::string name = term.domain.empty() ? domain : std::string(term.domain);
      if (term.kind == SpfKind::kA) {
        add_hosts(name, term, out);
      } else {
        size_t hosts = 0;
        for (const std::string_view mx : asked_.answer(rr::kMx, name).values)
          if (hosts++ < SpfLimits::kNamesMax)
            add_hosts(std::string(mx.substr(mx.find_last_of(" \t") + 1)), term, out);
      }
    }
    return out;
  }

  void add_hosts(const std::string& name, const SpfTerm& term, std::vector<std::string>& out) {
    for (const std::string_view ip : asked_.answer(rr::kA, name).values)
      out.push_back(term.bits4 == 32 ? fmt::format("ip4:{}", ip)
                                     : fmt::format("ip4:{}/{}", ip, term.bits4));
    for (const std::string_view ip : asked_.answer(rr::kAaaa, name).values)
      out.push_back(term.bits6 == 128 ? fmt::format("ip6:{}", ip)
                                      : fmt::format("ip6:{}/{}", ip, term.bits6));
  }

  Asked& asked_;
  std::string problem_;
  size_t records_ = 0;
};

std::string_view code_text(SpfCode code) {
  static constexpr std::string_view kTexts[] = {"none",     "neutral",   "pass",     "fail",
                                                "softfail", "temperror", "permerror"};
  return kTexts[static_cast<size_t>(code)];
}

struct Options {
  std::string domain, from, ip, helo, config;
  std::vector<std::string> servers;
  bool all = false;
};

// What the record says of one client.
void judge_client(const Options& options, const IpAddress& ip, Asked& asked) {
  const size_t at = options.from.rfind('@');
  SpfInput input{.ip = ip,
                 .sender_local = at == std::string::npos
                                     ? std::string_view("postmaster")
                                     : std::string_view(options.from).substr(0, at),
                 .sender_domain = options.domain,
                 .helo = options.helo};
  const SpfResult result = evaluate_spf(input, {.explain = true}, asked);
  fmt::print("{}: {}", options.ip, code_text(result.code));
  if (!result.mechanism.empty()) fmt::print(" by {}{}", result.qualifier, result.mechanism);
  fmt::print("\n");
  if (!result.explanation.empty()) fmt::print("  it says: {}\n", result.explanation);
}

int run(const Options& options, bool flatten) {
  Result<LookupOptions> how = dns_options(options.config, options.servers);
  if (!how) {
    complain("dns", how.error().text());
    return kExitUsage;
  }
  const std::optional<IpAddress> ip = parse_ip(options.ip);
  if (!options.ip.empty() && !ip) {
    complain("dns", fmt::format("{} is no address", options.ip));
    return kExitUsage;
  }
  Lookup lookup(*how);
  Asked asked(lookup);
  Record record(asked);
  bool good = true;
  if (flatten) {
    std::vector<std::string> terms;
    good = record.flatten(options.domain, 0, 0, terms);
    std::string text = "v=spf1";
    for (const std::string& term : terms) text += " " + term;
    if (good) fmt::print("{}\n", text);
    if (!good) complain("dns", "the record, or one that it leads to, is not there or broken");
  } else {
    if (ip) judge_client(options, *ip, asked);
    if (!ip || options.all) good = record.print(options.domain, 0);
  }
  return asked.unknown() ? kExitInputs : good ? kExitGood : kExitFindings;
}

}  // namespace

int dns_spf_command(const std::vector<std::string>& arguments, const std::string& name,
                    bool flatten) {
  ArgumentParser parser(
      flatten ? "Prints an SPF record that says the same without look-ups. What only a "
                "message decides (macros, exists, ptr) is kept."
              : "Prints an SPF record with all that it leads to, or what it says of a client. "
                "Exit code 1: there is none, or it is broken; 3: nobody answered.",
      name);
  Options options;
  parser.add_option("-d,--domain,DOMAIN", options.domain, "the domain");
  parser.add_option("-f,--from", options.from, "address of a sender, in place of the domain");
  if (!flatten) {
    parser.add_option("-i,--ip", options.ip, "the client to judge");
    parser.add_option("--helo", options.helo, "its name");
    parser.add_flag("-a,--all", options.all, "the records, too, where a client is judged");
  }
  parser.add_option("-c,--config", options.config, "site configuration (default: none)");
  parser.add_option("--server", options.servers, "whom to ask (default: the configuration's)")
      .one_each_time();
  unsigned times = 1;
  bool quiet = false;
  // Those of `winnow dns` that change nothing here: there is no table of servers.
  parser.add_option("--times", times, "as of winnow dns").hidden();
  parser.add_flag("-q,--quiet", quiet, "as of winnow dns").hidden();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (options.domain.empty() && !options.from.empty())
    options.domain = options.from.substr(options.from.rfind('@') + 1);
  options.domain = std::string(DnsName(options.domain).view());
  if (options.domain.empty()) {
    complain("dns", "give a domain, or the address of a sender with -f");
    return kExitUsage;
  }
  return run(options, flatten);
}

}  // namespace winnow
