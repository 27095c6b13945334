#include "ingest/commands/scan_options.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <fstream>

#include "ingest/commands/argument_parser.h"
#include "ingest/rfc3339.h"

namespace winnow {

std::string data_folder(const RulesOptions& options) {
  for (const auto& [name, value] : options.variables)
    if (name == "DBDIR") return value;
  return default_variables(options.config)["DBDIR"];
}

std::string statistics_folder(const std::string& given, const RulesOptions& options) {
  return given.empty() ? data_folder(options) + "/statistics" : given;
}

unsigned default_threads() {
  cpu_set_t set;
  unsigned count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = static_cast<unsigned>(CPU_COUNT(&set));
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  double limit = 0, period = 0;
  if (quota >> limit >> period && period > 0 && limit > 0)
    count = std::min(count, static_cast<unsigned>(std::max(1.0, limit / period)));
  return std::max(1u, count);
}

void add_variables(ArgumentParser& parser, RulesOptions& options) {
  parser.add_option("--var", options.variables,
                    "variable of the configuration, NAME=VALUE; once for each");
  parser.add_flag("-T,--skip-template", options.skip_template,
                  "files of the site are no templates");
}

void add_place_options(ArgumentParser& parser, RulesOptions& options) {
  parser.add_option("-c,--config", options.config,
                    "the site's main file or its folder, e.g. /etc/rspamd/rspamd.conf");
  parser.add_option("--policy", options.policy, "directory of the shipped policy");
  add_variables(parser, options);
}

void ScanOptions::add_to(ArgumentParser& parser) {
  flow.threads = default_threads();
  parser.add_option("-c,--config", load.config, "site configuration, e.g. /etc/rspamd/rspamd.conf");
  parser.add_option("--policy", load.policy, "directory of the shipped policy (default: built in)");
  parser.add_option("--cache", load.cache, "directory of pattern databases and copies of maps");
  add_variables(parser, load);
  parser.add_flag("--strict", load.strict, "any warning about the configuration is an error");
  parser.add_option("--threads", flow.threads, "worker threads").within(1u, 1024u).show_default();
  parser.add_option("--batch-rows", flow.rows_max, "messages of one batch at most")
      .within(1u, 65536u)
      .show_default();
  parser.add_option("--memory", flow.byte_budget, "bytes of mail in the flow at most")
      .in_bytes()
      .show_default();
  parser.add_option("--now", now, "clock of the run, RFC 3339 (default: now)");
  parser.add_option("--ip-from-received", ip_from_received,
                    "take the client's IP from the N-th Received header, 1 = topmost");
  parser.add_option("--read-as", read_as, "how to take files")
      .one_of({"guess", "message", "mbox", "tar", "jsonl"})
      .show_default();
}

Result<void> ScanOptions::finish() {
  using Format = ReadOptions::Format;
  read.format = read_as == "message" ? Format::kMessage
                : read_as == "mbox"  ? Format::kMbox
                : read_as == "tar"   ? Format::kTar
                : read_as == "jsonl" ? Format::kJsonLines
                                     : Format::kGuess;
  now_ms = clock_ms();
  if (!now.empty()) {
    const std::optional<int64_t> parsed = parse_rfc3339(now);
    if (!parsed)
      return fail(fmt::format(
          "--now takes an RFC 3339 time such as 2026-11-24T15:00:00Z, not \"{}\"", now));
    now_ms = *parsed;
  }
  return {};
}

}  // namespace winnow
