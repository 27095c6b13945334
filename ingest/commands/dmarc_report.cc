// winnow dmarc-report: aggregate reports of DMARC over days that are over, by mail or as files,
// from what `winnow serve` kept. A day of a domain is taken out of the store when its report is on
// its way, so that nobody gets one twice.
#include "pipeline/dmarc_report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>

#include "engine/score/questions.h"
#include "engine/url/suffix.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"
#include "ingest/write_all.h"
#include "pipeline/dmarc_redis.h"
#include "pipeline/lookup/settings.h"
#include "pipeline/lookup/store/site_store.h"
#include "pipeline/smtp_send.h"
#include "rules/checks/auth/dmarc_record.h"
#include "rules/checks/auth/dns_name.h"

namespace winnow {

namespace {

struct Options {
  RulesOptions load;
  std::string output;
  std::vector<std::string> days;
  bool dry = false, no_dns = false;
};

// What name servers say of domains.
class Names {
 public:
  explicit Names(std::unique_ptr<Lookup> lookup) : lookup_(std::move(lookup)) {}

  // Whether a domain of somebody else wants reports about `domain` (RFC 7489 7.1).
  bool wants(std::string_view domain, std::string_view address) {
    const DnsName theirs(address.substr(address.rfind('@') + 1));
    if (theirs.empty()) return false;
    if (find_suffix(theirs.view()).domain == find_suffix(domain).domain) return true;
    DnsName name(domain);
    name.append("._report._dmarc.");
    name.append(theirs.view());
    name.close();
    DmarcRecord record;
    return std::ranges::any_of(texts(name), [&](const std::string& value) {
      return parse_dmarc_record(value, record) != DmarcParse::kNoRecord;
    });
  }

  // Writes the policy of a domain into rows that do not say it. False: it has none now, or nobody
  // can be asked.
  bool complete(std::string_view domain, DmarcRows::Rows& rows) {
    if (rows.empty() || !rows[0].first.p.empty()) return true;
    DnsName name;
    name.append("_dmarc.");
    name.append(domain);
    name.close();
    for (const std::string& value : texts(name)) {
      DmarcRecord record;
      if (parse_dmarc_record(value, record) != DmarcParse::kGood) continue;
      for (auto& [row, count] : rows) write_dmarc_policy(record, row);
      return true;
    }
    return false;
  }

 private:
  std::vector<std::string> texts(const DnsName& name) {
    if (!lookup_ || name.empty()) return {};
    Evidence evidence;
    append_question(evidence, {.kind = QuestionKind::kDns, .type = rr::kTxt, .key = name.view()},
                    {});
    std::promise<void> ready;
    if (!lookup_->ask(evidence, Lookup::Clock::time_point::max(), [&] { ready.set_value(); }))
      ready.get_future().wait();
    return {evidence.answers[0].values.begin(), evidence.answers[0].values.end()};
  }

  std::unique_ptr<Lookup> lookup_;
};

Result<void> write_file(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool good = fd >= 0 && write_all(fd, bytes);
  const int why = errno;
  if ((fd >= 0 && ::close(fd) != 0) || !good)
    return fail(fmt::format("{} cannot be written: {}", path, std::strerror(why)));
  return {};
}

class Reporting {
 public:
  Reporting(const Options& options, DmarcReporter who, std::shared_ptr<DmarcRows> store,
            Names names)
      : options_(options),
        who_(std::move(who)),
        store_(std::move(store)),
        names_(std::move(names)) {}

  int run() {
    const Result<std::vector<DmarcRows::Pile>> piles = store_->piles(clock_ms());
    if (!piles) return broken(piles.error());
    const std::string today = dmarc_day(clock_ms());
    for (const DmarcRows::Pile& pile : *piles) {
      const bool wanted = options_.days.empty()
                              ? pile.day < today
                              : std::ranges::find(options_.days, pile.day) != options_.days.end();
      if (!wanted || !dmarc_day_begins_ms(pile.day)) continue;
      if (Result<void> done = report(pile); !done) {
        complain("dmarc-report",
                 fmt::format("{} {}: {}", pile.day, pile.domain, done.error().text()));
        ++failed_;
      }
    }
    fmt::print("{} reports, {} that nobody wants, {} failed\n", made_, unwanted_, failed_);
    return failed_ > 0 ? kExitInputs : kExitGood;
  }

 private:
  static int broken(const Error& error) {
    complain("dmarc-report", error.text());
    return kExitInputs;
  }

  Result<void> report(const DmarcRows::Pile& pile) {
    Result<DmarcRows::Rows> rows = store_->rows(pile, clock_ms());
    if (!rows) return fail(rows.error());
    if (!names_.complete(pile.domain, *rows))
      return fail("its policy, which a report names, cannot be looked up");
    DmarcReport made = make_dmarc_report(who_, pile, *rows);
    uint64_t messages = 0;
    for (const auto& [row, count] : *rows) messages += count;
    std::vector<std::string> to;
    for (const std::string& one : made.addresses)
      if (!options_.output.empty() || names_.wants(pile.domain, one)) to.push_back(one);
    if (rows->empty() || (to.empty() && options_.output.empty())) {
      ++unwanted_;
      return options_.dry ? Result<void>() : store_->erase(pile, clock_ms());
    }
    fmt::print("{} {}: {} messages in {} rows, to {}\n", pile.day, pile.domain, messages,
               rows->size(), fmt::join(to, ", "));
    if (!options_.dry) {
      if (Result<void> done = deliver(pile, made, to); !done) return done;
      if (Result<void> done = store_->erase(pile, clock_ms()); !done) return done;
    }
    ++made_;
    return {};
  }

  Result<void> deliver(const DmarcRows::Pile& pile, const DmarcReport& made,
                       const std::vector<std::string>& to) {
    if (!options_.output.empty())
      return write_file(options_.output + "/" + made.file_name, gzip(made.xml));
    const std::string mail = dmarc_report_mail(who_, pile, made, to, clock_ms() / 1'000);
    std::vector<std::string> everybody = to;
    everybody.insert(everybody.end(), who_.bcc.begin(), who_.bcc.end());
    Result<void> sent;
    for (unsigned i = 0; i <= who_.retries; ++i) {
      sent = send_mail({who_.smtp, who_.smtp_port, who_.helo}, who_.email, everybody, mail);
      if (sent) break;
    }
    return sent;
  }

  const Options& options_;
  const DmarcReporter who_;
  const std::shared_ptr<DmarcRows> store_;
  Names names_;
  size_t made_ = 0, unwanted_ = 0, failed_ = 0;
};

int run(const Options& options) {
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) {
    complain("dmarc-report", loaded.error().text());
    return kExitUsage;
  }
  Result<DmarcReporter> who = dmarc_reporter(loaded->config->root());
  SiteStores stores(data_folder(options.load) + "/store");
  Result<std::shared_ptr<DmarcRows>> store = nullptr;
  if (who) store = open_dmarc_rows(*loaded, stores);
  if (!who || !store) {
    complain("dmarc-report", who ? store.error().text() : who.error().text());
    return kExitUsage;
  }
  std::unique_ptr<Lookup> lookup;
  if (!options.no_dns) {
    Result<LookupOptions> servers = lookup_options(loaded->rules->dns);
    if (!servers) {
      complain("dmarc-report", servers.error().text());
      return kExitUsage;
    }
    lookup = std::make_unique<Lookup>(*servers);
  }
  return Reporting(options, std::move(*who), std::move(*store), Names(std::move(lookup))).run();
}

}  // namespace

int dmarc_report_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Sends aggregate reports of DMARC about days that are over to the domains that want them, "
      "from what winnow serve kept (dmarc.reporting). Exit code 3: some could not be sent; they "
      "stay for the next time.",
      "winnow dmarc-report");
  Options options;
  add_place_options(parser, options.load);
  parser.add_option("-o,--output", options.output,
                    "write DOMAIN!OF!BEGIN!END.xml.gz into this folder instead of sending");
  parser.add_flag("-n,--no-opt", options.dry, "say what would be sent, send and forget nothing");
  parser.add_flag("--no-dns", options.no_dns,
                  "ask no name server: domains of others that get reports are left out");
  parser.add_option("DAY", options.days, "YYYYMMDD... (default: all days before today, UTC)");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  for (const std::string& day : options.days)
    if (!dmarc_day_begins_ms(day)) {
      complain("dmarc-report", fmt::format("{} is no day: write YYYYMMDD", day));
      return kExitUsage;
    }
  return run(options);
}

}  // namespace winnow
