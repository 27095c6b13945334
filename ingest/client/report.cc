#include "ingest/client/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "rules/config/dump.h"

namespace winnow {

namespace {

using Line = std::back_insert_iterator<std::string>;

const UclObject* filled(const UclObject& reply, std::string_view key) {
  const UclObject* const found = reply.find(key);
  return found && found->is_container() && found->size() > 0 ? found : nullptr;
}

// Symbols of a verdict, by name.
std::vector<const UclObject*> symbols_of(const UclObject& reply) {
  std::vector<const UclObject*> out;
  if (const UclObject* const all = filled(reply, "symbols"))
    for (const UclObject& one : all->children())
      if (one.is_object()) out.push_back(&one);
  std::ranges::sort(out, {}, &UclObject::key);
  return out;
}

bool is_spam(const UclObject& reply) {
  const std::string_view action = reply.string("action", "");
  return action == "reject" || action == "add header" || action == "rewrite subject";
}

// The numbers of a list, without what else is in it.
std::vector<double> numbers_of(const UclObject& reply, std::string_view key) {
  std::vector<double> out;
  if (const UclObject* const list = filled(reply, key))
    for (const UclObject& one : list->children())
      if (const std::optional<double> number = one.as_number()) out.push_back(*number);
  return out;
}

void append_list(std::string_view title, const UclObject& reply, std::string_view key,
                 std::string& out) {
  const UclObject* const list = reply.find(key);
  if (!list || !list->is_array()) return;
  const bool plain = std::ranges::none_of(list->list(), &UclObject::is_container);
  const std::string text =
      dump(*list, {.format = plain ? DumpFormat::kJsonCompact : DumpFormat::kJson});
  fmt::format_to(Line(out), "{}: {}\n", title, text);
}

}  // namespace

Result<CounterOrder> parse_counter_order(std::string_view text) {
  CounterOrder order;
  const std::string_view key = text.substr(0, text.find(':'));
  const std::string_view way = key.size() < text.size() ? text.substr(key.size() + 1) : "asc";
  constexpr std::array<std::string_view, 4> kKeys{"name", "weight", "frequency", "hits"};
  const auto at = std::ranges::find(kKeys, key);
  if (at == kKeys.end() || (way != "asc" && way != "desc"))
    return fail(fmt::format(
        "\"{}\" is no order: name, weight, frequency or hits, perhaps with :asc or :desc", text));
  order.key = static_cast<CounterOrder::Key>(at - kKeys.begin());
  order.descending = way == "desc";
  return order;
}

std::string report_verdict(const UclObject& reply) {
  std::string out = "[Metric: default]\n";
  if (const std::string_view action = reply.string("action", ""); !action.empty())
    fmt::format_to(Line(out), "Action: {}\n", action);
  fmt::format_to(Line(out), "Spam: {}\n", is_spam(reply));
  fmt::format_to(Line(out), "Score: {:.2f} / {:.2f}\n", reply.number("score", 0),
                 reply.number("required_score", 0));
  for (const UclObject* const one : symbols_of(reply)) {
    fmt::format_to(Line(out), "Symbol: {} ({:.2f})", one->key(), one->number("score", 0));
    if (const std::vector<std::string_view> options = one->strings("options"); !options.empty())
      fmt::format_to(Line(out), "[{}]", fmt::join(options, ", "));
    out += '\n';
  }
  if (const UclObject* const messages = filled(reply, "messages"))
    for (const UclObject& one : messages->children())
      fmt::format_to(Line(out), "Message - {}: {}\n", one.key(), one.text());
  if (const std::string_view id = reply.string("message-id", ""); !id.empty())
    fmt::format_to(Line(out), "Message-ID: {}\n", id);
  append_list("Urls", reply, "urls", out);
  append_list("Emails", reply, "emails", out);
  if (const std::string_view error = reply.string("error", ""); !error.empty())
    fmt::format_to(Line(out), "Scan error: {}\n", error);
  return out;
}

std::string report_statistics(const UclObject& reply) {
  struct Row {
    std::string_view key, title;
  };
  constexpr std::array kTraffic{Row{"learned", "Messages learned"},
                                Row{"connections", "Connections count"},
                                Row{"control_connections", "Control connections count"}};
  constexpr std::array kMemory{Row{"pools_allocated", "Pools allocated"},
                               Row{"pools_freed", "Pools freed"},
                               Row{"bytes_allocated", "Bytes allocated"},
                               Row{"chunks_allocated", "Memory chunks allocated"},
                               Row{"shared_chunks_allocated", "Shared chunks allocated"},
                               Row{"chunks_freed", "Chunks freed"},
                               Row{"chunks_oversized", "Oversized chunks"}};
  std::string out;
  const int64_t scanned = reply.integer("scanned", 0);
  fmt::format_to(Line(out), "Messages scanned: {}\n", scanned);
  const auto share = [&](std::string_view title, int64_t count) {
    fmt::format_to(Line(out), "Messages {}: {}, {:.2f}%\n", title, count,
                   100.0 * static_cast<double>(count) / static_cast<double>(scanned));
  };
  if (scanned > 0) {
    if (const UclObject* const actions = filled(reply, "actions"))
      for (const UclObject& one : actions->children())
        share(fmt::format("with action {}", one.key()), one.as_int().value_or(0));
    share("treated as spam", reply.integer("spam_count", 0));
    share("treated as ham", reply.integer("ham_count", 0));
  }
  const auto list = [&](const auto& rows) {
    for (const Row& row : rows)
      if (const UclObject* const value = reply.find(row.key))
        fmt::format_to(Line(out), "{}: {}\n", row.title, value->text());
  };
  list(kTraffic);
  if (const std::vector<double> times = numbers_of(reply, "scan_times"); !times.empty())
    fmt::format_to(
        Line(out), "Average scan time: {:.3f} sec\n",
        std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size()));
  list(kMemory);
  if (const UclObject* const hashes = reply.find("fuzzy_hashes"); hashes && hashes->is_object()) {
    int64_t all = 0;
    for (const UclObject& one : hashes->children()) {
      fmt::format_to(Line(out), "Fuzzy hashes in storage \"{}\": {}\n", one.key(), one.text());
      all += one.as_int().value_or(0);
    }
    fmt::format_to(Line(out), "Fuzzy hashes stored: {}\n", all);
  }
  if (const UclObject* const files = filled(reply, "statfiles"))
    for (const UclObject& one : files->children()) {
      const int64_t size = one.integer("size", 0), blocks = one.integer("total", 0),
                    used = one.integer("used", 0);
      fmt::format_to(
          Line(out),
          "Statfile: {} type: {}; length: {}; free blocks: {}; total blocks: {}; "
          "free: {:.2f}%; learned: {}; users: {}; languages: {}\n",
          one.string("symbol", ""), one.string("type", ""), size, blocks - used, blocks,
          blocks > 0 ? 100.0 * static_cast<double>(blocks - used) / static_cast<double>(blocks) : 0,
          one.integer("revision", 0), one.integer("users", 0), one.integer("languages", 0));
    }
  if (const UclObject* const learns = reply.find("total_learns"))
    fmt::format_to(Line(out), "Total learns: {}\n", learns->text());
  return out;
}

std::string report_counters(const UclObject& reply, const CounterOrder& order) {
  struct Counter {
    std::string_view name;
    double weight, frequency, deviation;
    int64_t hits;
  };
  std::vector<Counter> rows;
  size_t width = 6;
  for (const UclObject& one : reply.children()) {
    rows.push_back({one.string("symbol", ""), one.number("weight", 0), one.number("frequency", 0),
                    one.number("frequency_stddev", 0), one.integer("hits", 0)});
    width = std::max(width, rows.back().name.size());
  }
  const auto by = [&](auto member) {
    if (order.descending)
      std::ranges::stable_sort(rows, std::ranges::greater{}, member);
    else
      std::ranges::stable_sort(rows, std::ranges::less{}, member);
  };
  std::ranges::stable_sort(rows, {}, &Counter::name);
  if (order.key == CounterOrder::Key::kName) by(&Counter::name);
  if (order.key == CounterOrder::Key::kWeight) by(&Counter::weight);
  if (order.key == CounterOrder::Key::kFrequency) by(&Counter::frequency);
  if (order.key == CounterOrder::Key::kHits) by(&Counter::hits);
  const std::string rule = fmt::format(" {} \n", std::string(width + 44, '-'));
  std::string out = "Symbols cache\n" + rule;
  const auto line = [&](std::string_view number, std::string_view name, std::string_view weight,
                        std::string_view frequency, std::string_view hits) {
    fmt::format_to(Line(out), "| {:<4} | {:<{}} | {:^7} | {:^13} | {:^7} |\n", number, name, width,
                   weight, frequency, hits);
    out += rule;
  };
  line("Pri", "Symbol", "Weight", "Frequency", "Hits");
  line("", "", "", "hits/min", "");
  for (size_t i = 0; i < rows.size(); ++i) {
    const Counter& row = rows[i];
    // A counter is of seconds.
    line(fmt::to_string(i), row.name, fmt::format("{:.1f}", row.weight),
         fmt::format("{:.3f}({:.3f})", row.frequency * 60, row.deviation * 60),
         fmt::to_string(row.hits));
  }
  return out;
}

std::string report_uptime(const UclObject& reply) {
  std::string out;
  if (const std::string_view version = reply.string("version", ""); !version.empty())
    fmt::format_to(Line(out), "Version: {}\n", version);
  struct Unit {
    int64_t seconds;
    std::string_view name;
  };
  int64_t left = std::max<int64_t>(reply.integer("uptime", 0), 0);
  std::vector<std::string> parts;
  for (const Unit& unit :
       {Unit{86'400, "day"}, Unit{3'600, "hour"}, Unit{60, "minute"}, Unit{1, "second"}}) {
    const int64_t count = left / unit.seconds;
    left %= unit.seconds;
    if (count > 0 || (unit.seconds == 1 && parts.empty()))
      parts.push_back(fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s"));
  }
  fmt::format_to(Line(out), "Uptime: {}\n", fmt::join(parts, " "));
  return out;
}

std::string mail_with_verdict(std::string_view mail, const UclObject& reply, double seconds) {
  const size_t first = mail.find('\n');
  const std::string_view end =
      first != mail.npos && first > 0 && mail[first - 1] == '\r' ? "\r\n" : "\n";
  std::string fields;
  const auto add = [&](std::string_view name, std::string_view value) {
    fmt::format_to(Line(fields), "{}: {}{}", name, value, end);
  };
  const double score = reply.number("score", 0);
  add("X-Spam-Scanner", "winnow " WINNOW_VERSION);
  add("X-Spam-Scan-Time", fmt::format("{:.3f}", seconds));
  if (is_spam(reply)) add("X-Spam", "yes");
  add("X-Spam-Action", reply.string("action", ""));
  add("X-Spam-Score", fmt::format("{:.2f} / {:.2f}", score, reply.number("required_score", 0)));
  // A point that is begun counts, as with rspamc.
  constexpr double kLevelMax = 32;
  if (score > 0)
    add("X-Spam-Level",
        std::string(static_cast<size_t>(std::ceil(std::min(score, kLevelMax))), '*'));
  std::vector<std::string_view> names;
  for (const UclObject* const one : symbols_of(reply)) names.push_back(one->key());
  if (!names.empty())
    add("X-Spam-Symbols", fmt::format("{}", fmt::join(names, fmt::format(",{}\t", end))));
  // Below the fields that are there; a message without an empty line is all header.
  size_t at = 0;
  while (at < mail.size()) {
    const size_t line = mail.find('\n', at);
    if (mail.substr(at, end.size()) == end) break;
    at = line == mail.npos ? mail.size() : line + 1;
  }
  std::string out(mail.substr(0, at));
  if (at == mail.size() && !out.empty() && out.back() != '\n') out += end;
  out += fields;
  if (at == mail.size()) out += end;
  out += mail.substr(at);
  return out;
}

}  // namespace winnow
