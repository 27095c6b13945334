// winnow dns: asks name servers as the service would, and says who answered what, how fast.
#include "ingest/commands/dns.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "engine/ascii.h"
#include "engine/mime/ip.h"
#include "engine/score/questions.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "pipeline/load.h"
#include "pipeline/lookup/settings.h"
#include "pipeline/lookup/table.h"

namespace winnow {

namespace {

constexpr uint16_t kA = 1, kPtr = 12;

// What is asked of an address: the name that its PTR record has (RFC 1035 3.5, 3596 2.5).
std::string reverse_of(const IpAddress& ip) {
  std::string name;
  if (ip.family == 4) {
    for (int i = 15; i >= 12; --i) name += fmt::format("{}.", ip.bytes[static_cast<size_t>(i)]);
    return name + "in-addr.arpa";
  }
  for (int i = 15; i >= 0; --i) {
    const uint8_t byte = ip.bytes[static_cast<size_t>(i)];
    name += fmt::format("{:x}.{:x}.", byte & 0xF, byte >> 4);
  }
  return name + "ip6.arpa";
}

void print(const Question& question, const LookupTrace& trace, const Lookup& lookup) {
  const KeptAnswer& answer = *trace.answer;
  std::string where(lookup.server_name(answer));
  if (trace.cached)
    where = fmt::format("from the cache, {} s old, of {}", trace.age.count(), where);
  else if (answer.took_us > 0 && !where.empty())
    where += fmt::format(", {:.1f} ms", answer.took_us / 1000.0);
  fmt::print("{} {}", dns_type_name(question.type), question.key);
  if (answer.state == AnswerState::kUnknown)
    fmt::print(": unknown, {} ({})\n", unknown_reason_text(answer.reason), where);
  else if (answer.state == AnswerState::kNone)
    fmt::print(": {} ({}, for {} s)\n",
               answer.name_exists ? "no record of this type" : "no such name", where, answer.ttl_s);
  else
    fmt::print(" ({}, for {} s{})\n", where, answer.ttl_s, answer.authentic ? ", authentic" : "");
  for (const std::string& value : answer.values) fmt::print("  {}\n", value);
}

// Asks all at once; true where all could be answered.
bool ask(Lookup& lookup, const std::vector<Question>& questions) {
  Evidence evidence;
  for (const Question& one : questions) append_question(evidence, one, Answer{});
  std::vector<LookupTrace> traces;
  std::promise<void> ready;
  if (!lookup.ask(
          evidence, Lookup::Clock::time_point::max(), [&] { ready.set_value(); }, &traces))
    ready.get_future().wait();
  bool known = true;
  for (size_t i = 0; i < traces.size(); ++i) {
    print(evidence.questions[i], traces[i], lookup);
    known &= evidence.answers[i].state != AnswerState::kUnknown;
  }
  return known;
}

// The first argument that is neither an option nor the value of one; their number if there is none.
size_t first_word(const std::vector<std::string>& arguments) {
  constexpr std::string_view kWithValue[] = {"-c", "--config", "--server", "--times"};
  size_t at = 0;
  while (at < arguments.size() && arguments[at].starts_with('-') && arguments[at].size() > 1)
    at += std::ranges::find(kWithValue, arguments[at]) != std::end(kWithValue) ? 2 : 1;
  return std::min(at, arguments.size());
}

void print_servers(const Lookup& lookup) {
  fmt::print("\n{:<24}{:>6}{:>9}{:>10}{:>10}\n", "server", "sent", "replies", "timeouts",
             "failures");
  for (const LookupCounts::Server& one : lookup.servers())
    fmt::print("{:<24}{:>6}{:>9}{:>10}{:>10}\n", one.name, one.sent.load(), one.replies.load(),
               one.timeouts.load(), one.failures.load());
  const LookupCounts& counts = lookup.counts();
  fmt::print("{} questions, {} from the cache ({} entries, {} bytes), {} asked already\n",
             counts.questions.load(), counts.cached.load(), lookup.cache_entries(),
             lookup.cache_bytes(), counts.merged.load());
}

}  // namespace

Result<LookupOptions> dns_options(const std::string& config,
                                  const std::vector<std::string>& servers) {
  DnsConfig out;
  if (!config.empty()) {
    RulesOptions load;
    load.config = config;
    const Result<Loaded> loaded = load_rules(load);
    if (!loaded) return fail(loaded.error());
    out = loaded->rules->dns;
  }
  if (!servers.empty()) out.nameservers = servers;
  return lookup_options(out);
}

int dns_command(const std::vector<std::string>& arguments) {
  if (const size_t at = first_word(arguments); at < arguments.size()) {
    const std::string& word = arguments[at];
    if (word == "spf" || word == "spf-flatten") {
      std::vector<std::string> rest = arguments;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
      return dns_spf_command(rest, "winnow dns " + word, word == "spf-flatten");
    }
  }
  ArgumentParser parser(
      "Asks name servers as the service would: with its servers, time-outs and cache. TYPE is A "
      "(the default), AAAA, MX, TXT, PTR, NS, SOA, SRV, CNAME ...; for an address the default is "
      "its name. Exit code 3: something stayed unknown. `winnow dns spf DOMAIN` prints an SPF "
      "record "
      "with all that it leads to, `winnow dns spf-flatten DOMAIN` one without look-ups.",
      "winnow dns");
  std::string config;
  std::vector<std::string> names, servers;
  unsigned times = 1;
  bool quiet = false;
  parser.add_option("-c,--config", config, "site configuration (default: none)");
  parser
      .add_option(
          "--server", servers,
          "whom to ask, as options.dns.nameserver is written (default: the configuration's)")
      .one_each_time();
  parser.add_option("--times", times, "ask so many times, one after the other: the cache at work")
      .within(1u, 1'000u);
  parser.add_flag("-q,--quiet", quiet, "only the answers, not what servers and cache did");
  parser.add_option("NAME", names, "[TYPE] NAME...").required();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;

  const Result<LookupOptions> options = dns_options(config, servers);
  if (!options) {
    complain("dns", options.error().text());
    return kExitUsage;
  }

  uint16_t type = names.size() > 1 ? dns_type(names[0]) : uint16_t{0};
  const size_t first = type == 0 ? 0 : 1;
  std::vector<std::string> keys;
  std::vector<Question> questions;
  keys.reserve(names.size());
  for (size_t i = first; i < names.size(); ++i) {
    std::string key = lowered(names[i]);
    if (key.ends_with('.')) key.pop_back();
    uint16_t asked = type == 0 ? kA : type;
    if (const std::optional<IpAddress> ip = parse_ip(key); ip && (type == 0 || type == kPtr)) {
      key = reverse_of(*ip);
      asked = kPtr;
    }
    keys.push_back(std::move(key));
    questions.push_back({.kind = QuestionKind::kDns, .type = asked, .key = keys.back()});
  }
  Lookup lookup(*options);
  bool known = true;
  for (unsigned i = 0; i < times; ++i) known &= ask(lookup, questions);
  if (!quiet) print_servers(lookup);
  return known ? kExitGood : kExitInputs;
}

}  // namespace winnow
