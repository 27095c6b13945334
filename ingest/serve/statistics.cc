#include "ingest/serve/statistics.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/http/reply.h"
#include "pipeline/exports/exporter.h"
#include "pipeline/lookup/lookup.h"

namespace winnow {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// By UnknownReason.
constexpr std::string_view kReasonNames[] = {"",         "timeout", "server_failure",
                                             "refused",  "broken",  "not_allowed",
                                             "no_table", "limit",   "not_replayed"};

void family(std::string_view name, std::string_view type, std::string_view help, std::string& out) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

template <class Value>
void metric(std::string_view name, std::string_view type, std::string_view help, const Value& value,
            std::string& out) {
  family(name, type, help, out);
  fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

void append_histogram(std::string_view name, std::string_view label, const Histogram& histogram,
                      std::string& out) {
  const auto to = std::back_inserter(out);
  const std::string_view comma = label.empty() ? "" : ",";
  uint64_t sum = 0;
  for (size_t i = 0; i < Histogram::kBoundsUs.size(); ++i) {
    sum += histogram.bucket(i);
    fmt::format_to(to, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, label, comma,
                   static_cast<double>(Histogram::kBoundsUs[i]) / 1e6, sum);
  }
  sum += histogram.bucket(Histogram::kBoundsUs.size());
  const std::string braces = label.empty() ? "" : fmt::format("{{{}}}", label);
  fmt::format_to(to, "{0}_bucket{{{1}{2}le=\"+Inf\"}} {3}\n{0}_sum{4} {5:.6f}\n{0}_count{4} {3}\n",
                 name, label, comma, sum, braces, static_cast<double>(histogram.sum_us()) / 1e6);
}

}  // namespace

void Statistics::add(const Scanned& scanned) {
  const Verdict& verdict = scanned.one.verdict;
  const std::string& action = scanned.live.rules->model.actions[index(verdict.action)].name;
  scanned_.fetch_add(1, kRelaxed);
  // As Rspamd counts: what is put off is no ham.
  if (is_spam(scanned.live, verdict) || action == "soft reject") spam_.fetch_add(1, kRelaxed);
  for (size_t i = 0; i < kActions.size(); ++i)
    if (kActions[i] == action) actions_[i].fetch_add(1, kRelaxed);
  answer_.observe(static_cast<uint64_t>(std::max<int64_t>(0, scanned.scan_us)));
  for (const QuestionId id : verdict.unknown)
    if (index(id) < scanned.one.evidence.answers.size())
      unknown_[static_cast<size_t>(scanned.one.evidence.answers[index(id)].reason)].fetch_add(
          1, kRelaxed);
  const std::lock_guard lock(mutex_);
  last_us_[last_++ % kLast] = scanned.scan_us;
}

void Statistics::add_refused(std::string_view front, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++refused_[{front, reason}];
}

uint64_t Statistics::count(std::string_view action) const {
  for (size_t i = 0; i < kActions.size(); ++i)
    if (kActions[i] == action) return actions_[i].load(kRelaxed);
  return 0;
}

void Statistics::append_stat(const LiveRules& live, size_t open, bool read_only,
                             const LearntNow& learnt, std::string& out) const {
  const auto to = std::back_inserter(out);
  const uint64_t scanned = scanned_.load(kRelaxed), spam = spam_.load(kRelaxed);
  fmt::format_to(to,
                 "{{\"version\":\"{}\",\"config_id\":\"{:016x}\",\"uptime\":{},\"read_only\":{},"
                 "\"scanned\":{},\"learned\":{},\"actions\":{{",
                 WINNOW_VERSION, live.rules->identity, (clock_ms() - start_ms_) / 1000, read_only,
                 scanned, learnt.since_start);
  for (size_t i = 0; i < kActions.size(); ++i)
    fmt::format_to(to, "{}\"{}\":{}", i ? "," : "", kActions[i], actions_[i].load(kRelaxed));
  out += "},\"scan_times\":[";
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < kLast; ++i) {
      if (i > 0) out += ',';
      if (i < last_)
        fmt::format_to(to, "{}.{:06}", last_us_[i] / 1'000'000, last_us_[i] % 1'000'000);
      else
        out += "null";
    }
  }
  fmt::format_to(to,
                 "],\"spam_count\":{},\"ham_count\":{},\"connections\":{},"
                 "\"control_connections\":{},\"pools_allocated\":0,\"pools_freed\":0,"
                 "\"bytes_allocated\":0,\"chunks_allocated\":0,\"shared_chunks_allocated\":0,"
                 "\"chunks_freed\":0,\"chunks_oversized\":0,\"fragmented\":0,\"total_learns\":{},"
                 "\"statfiles\":[",
                 spam, scanned - spam, connections.load(kRelaxed),
                 control_connections.load(kRelaxed), learnt.messages());
  for (const LearntNow::Class& one : learnt.classes) {
    if (out.back() == '}') out += ',';
    out += "{\"symbol\":";
    append_json_string(one.symbol, out);
    fmt::format_to(to,
                   ",\"type\":\"embedded\",\"class\":\"{}\",\"revision\":{},\"used\":0,"
                   "\"total\":0,\"size\":{},\"languages\":0,\"users\":1}}",
                   one.name, one.messages, learnt.bytes);
  }
  fmt::format_to(to, "],\"fuzzy_hashes\":{{}},\"open_connections\":{}}}", open);
}

void Statistics::append_auth(const LiveRules& live, bool read_only, const LearntNow& learnt,
                             std::string& out) const {
  fmt::format_to(std::back_inserter(out),
                 "{{\"version\":\"{}\",\"auth\":\"ok\",\"uptime\":{},\"clean\":{},\"probable\":{},"
                 "\"greylist\":{},\"reject\":{},\"soft_reject\":{},\"scanned\":{},\"learned\":{},"
                 "\"read_only\":{},\"config_id\":\"{:016x}\"}}",
                 WINNOW_VERSION, (clock_ms() - start_ms_) / 1000, count("no action"),
                 count("add header") + count("rewrite subject"), count("greylist"), count("reject"),
                 count("soft reject"), scanned_.load(kRelaxed), learnt.since_start, read_only,
                 live.rules->identity);
}

namespace {

// What each class learnt, by the names that /stat has it under.
void append_statfiles(const LearntNow& learnt, std::string& out) {
  const auto each = [&](std::string_view name, std::string_view help, auto value) {
    family(fmt::format("rspamd_statfiles_{}", name), "gauge", help, out);
    for (const LearntNow::Class& one : learnt.classes)
      fmt::format_to(std::back_inserter(out),
                     "rspamd_statfiles_{}{{symbol=\"{}\",type=\"embedded\"}} {}\n", name,
                     one.symbol, value(one));
  };
  using Class = LearntNow::Class;
  each("revision", "Messages learnt.", [](const Class& one) { return one.messages; });
  each("used", "Not counted.", [](const Class&) { return 0; });
  each("totals", "Not counted.", [](const Class&) { return 0; });
  each("size", "Bytes of the store.", [&](const Class&) { return learnt.bytes; });
  each("languages", "Not counted.", [](const Class&) { return 0; });
  each("users", "Not counted.", [](const Class&) { return 1; });
}

void append_lists(const std::vector<ListWatch::Counts>& lists, std::string& out) {
  const auto of_lists = [&](std::string_view name, std::string_view kind, std::string_view text,
                            auto count) {
    family(name, kind, text, out);
    for (const ListWatch::Counts& one : lists)
      fmt::format_to(std::back_inserter(out), "{}{{list=\"{}\"}} {}\n", name, one.zone, count(one));
  };
  using Counts = ListWatch::Counts;
  if (lists.empty()) return;
  of_lists("winnow_list_answers_total", "counter", "Answers of a list, those of the cache aside.",
           [](const Counts& one) { return one.answers; });
  of_lists("winnow_list_hits_total", "counter", "Those that say that a name is listed.",
           [](const Counts& one) { return one.hits; });
  of_lists("winnow_list_unknown_total", "counter", "Those that did not come or cannot be true.",
           [](const Counts& one) { return one.unknown; });
  of_lists("winnow_list_refused_total", "counter", "Questions left unknown: it was out of use.",
           [](const Counts& one) { return one.refused; });
  of_lists("winnow_list_probes_total", "counter", "Questions whether it is well.",
           [](const Counts& one) { return one.probes; });
  of_lists("winnow_list_trips_total", "counter", "How often it went out of use.",
           [](const Counts& one) { return one.trips; });
  of_lists("winnow_list_up", "gauge", "Whether it is in use.",
           [](const Counts& one) { return one.in_use ? 1 : 0; });
}

// A value of a label (OpenMetrics 1.0): a site may name its rules as it likes.
std::string label_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

void append_exports(const Exporter& exporter, std::string& out) {
  const auto to = std::back_inserter(out);
  const std::vector<Exporter::Counts> exports = exporter.counts();
  family("winnow_exports_total", "counter", "What rules exported.", out);
  for (const Exporter::Counts& one : exports)
    for (const auto& [result, count] :
         {std::pair{"sent", one.sent}, std::pair{"failed", one.failed},
          std::pair{"dropped", one.dropped}})
      fmt::format_to(to, "winnow_exports_total{{rule=\"{}\",result=\"{}\"}} {}\n",
                     label_text(one.rule), result, count);
  family("winnow_exports_waiting_bytes", "gauge", "What waits to be sent.", out);
  for (const Exporter::Counts& one : exports)
    fmt::format_to(to, "winnow_exports_waiting_bytes{{rule=\"{}\"}} {}\n", label_text(one.rule),
                   one.waiting_bytes);
}

void append_lookup(const Lookup& lookup, std::string& out) {
  const LookupCounts& counts = lookup.counts();
  metric("winnow_dns_questions_total", "counter", "Questions for names.",
         counts.questions.load(kRelaxed), out);
  metric("winnow_dns_cached_total", "counter", "Those that the cache answered.",
         counts.cached.load(kRelaxed), out);
  metric("winnow_dns_merged_total", "counter", "Those that were being asked already.",
         counts.merged.load(kRelaxed), out);
  metric("winnow_dns_unknown_total", "counter", "Names that no server could answer.",
         counts.unknown.load(kRelaxed), out);
  metric("winnow_dns_late_total", "counter", "Messages that their deadline cut.",
         counts.late.load(kRelaxed), out);
  metric("winnow_dns_cache_bytes", "gauge", "Memory of the cache of answers.", lookup.cache_bytes(),
         out);
  const auto of_servers = [&](std::string_view name, std::string_view text, auto count) {
    family(name, "counter", text, out);
    for (const LookupCounts::Server& one : lookup.servers())
      fmt::format_to(std::back_inserter(out), "{}{{server=\"{}\"}} {}\n", name, one.name,
                     count(one).load(kRelaxed));
  };
  using Server = LookupCounts::Server;
  of_servers(
      "winnow_dns_sent_total", "Packets to name servers.",
      [](const Server& one) -> auto& { return one.sent; });
  of_servers(
      "winnow_dns_resent_total", "Those that were sent again before a try was over.",
      [](const Server& one) -> auto& { return one.resent; });
  of_servers(
      "winnow_dns_replies_total", "Replies of name servers.",
      [](const Server& one) -> auto& { return one.replies; });
  of_servers(
      "winnow_dns_timeouts_total", "Tries that nobody answered.",
      [](const Server& one) -> auto& { return one.timeouts; });
  of_servers(
      "winnow_dns_failures_total", "Tries that did not reach the server.",
      [](const Server& one) -> auto& { return one.failures; });
  family("winnow_dns_up", "gauge", "Whether the server is asked.", out);
  for (size_t i = 0; i < lookup.servers().size(); ++i)
    fmt::format_to(std::back_inserter(out), "winnow_dns_up{{server=\"{}\"}} {}\n",
                   lookup.servers()[i].name, lookup.server_alive(i) ? 1 : 0);
  append_lists(lookup.lists(), out);
  family("winnow_dns_seconds", "histogram", "From a packet to its reply.", out);
  for (const Server& one : lookup.servers())
    append_histogram("winnow_dns_seconds", fmt::format("server=\"{}\"", one.name), one.latency,
                     out);
}

}  // namespace

void Statistics::append_metrics(const Service& service, size_t open, const LearntNow& learnt,
                                std::string& out) const {
  const std::shared_ptr<LiveRules> live = service.live();
  const uint64_t scanned = scanned_.load(kRelaxed), spam = spam_.load(kRelaxed);
  const double seconds = static_cast<double>(answer_.sum_us()) / 1e6;
  family("rspamd_build_info", "gauge", "Always 1; its label is the version.", out);
  fmt::format_to(std::back_inserter(out), "rspamd_build_info{{version=\"{}\"}} 1\n",
                 WINNOW_VERSION);
  family("rspamd_config", "gauge", "Always 1; its label names the configuration.", out);
  fmt::format_to(std::back_inserter(out), "rspamd_config{{id=\"{:016x}\"}} 1\n",
                 live->rules->identity);
  metric("rspamd_scan_time_average", "gauge", "Mean seconds from a message to its verdict.",
         scanned ? seconds / static_cast<double>(scanned) : 0.0, out);
  metric("process_start_time_seconds", "gauge", "When the service started, Unix seconds.",
         start_ms_ / 1000, out);
  metric("rspamd_read_only", "gauge", "Whether nothing can be learnt.", 0, out);
  metric("rspamd_scanned_total", "counter", "Messages scanned.", scanned, out);
  metric("rspamd_learned_total", "counter", "Messages learnt.", learnt.since_start, out);
  metric("rspamd_spam_total", "counter", "Messages that are spam.", spam, out);
  metric("rspamd_ham_total", "counter", "Messages that are not.", scanned - spam, out);
  metric("rspamd_connections", "gauge", "Open connections.", open, out);
  metric("rspamd_control_connections_total", "gauge", "Connections of the controller so far.",
         control_connections.load(kRelaxed), out);
  // There are no memory pools here; the names are there for who draws them.
  for (const std::string_view name :
       {"pools_allocated", "pools_freed", "allocated_bytes", "chunks_allocated",
        "shared_chunks_allocated", "chunks_freed", "chunks_oversized", "fragmented"})
    metric(fmt::format("rspamd_{}", name), "gauge", "Not counted.", 0, out);
  metric("rspamd_learns_total", "counter", "All that was ever learnt.", learnt.messages(), out);
  if (!learnt.classes.empty()) append_statfiles(learnt, out);
  family("rspamd_actions_total", "counter", "Messages by action.", out);
  for (size_t i = 0; i < kActions.size(); ++i)
    fmt::format_to(std::back_inserter(out), "rspamd_actions_total{{type=\"{}\"}} {}\n", kActions[i],
                   actions_[i].load(kRelaxed));

  if (const Lookup* const lookup = live->answerer->lookup()) append_lookup(*lookup, out);
  if (const Exporter* const exporter = live->answerer->exporter()) append_exports(*exporter, out);
  family("winnow_answer_seconds", "histogram", "From a message's last byte to its verdict.", out);
  append_histogram("winnow_answer_seconds", "", answer_, out);
  family("winnow_queue_seconds", "histogram", "A message's wait for a worker.", out);
  append_histogram("winnow_queue_seconds", "", service.timings().queue, out);
  family("winnow_stage_seconds", "histogram", "Time of a message in each stage.", out);
  for (size_t i = 0; i < kStageNames.size(); ++i)
    append_histogram("winnow_stage_seconds", fmt::format("stage=\"{}\"", kStageNames[i]),
                     service.timings().stages[i], out);
  family("winnow_unknown_total", "counter", "Answers that did not come or are not believed.", out);
  for (size_t i = 1; i < kReasons; ++i)
    fmt::format_to(std::back_inserter(out), "winnow_unknown_total{{reason=\"{}\"}} {}\n",
                   kReasonNames[i], unknown_[i].load(kRelaxed));
  metric("winnow_waiting", "gauge", "Messages that wait for a worker.", service.waiting(), out);
  metric("winnow_ready", "gauge", "Whether messages are taken.", service.ready() ? 1 : 0, out);
  metric("winnow_batches_total", "counter", "Batches computed.", service.batches(), out);
  metric("winnow_connections_total", "counter", "Connections so far.", connections.load(kRelaxed),
         out);
  metric("winnow_overloads_total", "counter", "Messages that were told to come again.",
         overloads.load(kRelaxed), out);
  family("winnow_refused_total", "counter", "What was not taken, by front and reason.", out);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [what, times] : refused_)
      fmt::format_to(std::back_inserter(out),
                     "winnow_refused_total{{front=\"{}\",reason=\"{}\"}} {}\n", what.first,
                     what.second, times);
  }
  metric("winnow_proxy_scanned_total", "counter", "Messages that another scanner judged.",
         remote.scanned.load(kRelaxed), out);
  metric("winnow_proxy_failed_total", "counter", "Messages that no scanner judged.",
         remote.failed.load(kRelaxed), out);
  metric("winnow_proxy_retried_total", "counter", "Times that one more scanner was asked.",
         remote.retried.load(kRelaxed), out);
  metric("winnow_mirrored_total", "counter", "Copies that a mirror took.",
         remote.mirrored.load(kRelaxed), out);
  metric("winnow_mirror_dropped_total", "counter", "Copies that there was no room for.",
         remote.mirror_dropped.load(kRelaxed), out);
  metric("winnow_mirror_failed_total", "counter", "Copies that a mirror did not take.",
         remote.mirror_failed.load(kRelaxed), out);
  metric("winnow_refused_passwords_total", "counter", "Requests that the controller refused.",
         refused_passwords.load(kRelaxed), out);
  metric("winnow_unknown_headers_total", "counter", "Headers of requests that mean nothing to us.",
         unknown_headers.load(kRelaxed), out);
  out += "# EOF\n";
}

}  // namespace winnow
