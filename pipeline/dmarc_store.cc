#include "pipeline/dmarc_store.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>

#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr std::string_view kPiles = "dmarc#", kRows = "dmarc/";
constexpr uint32_t kScanned = 500;  // rows at a time
constexpr size_t kDayBytes = 8;
constexpr int kTries = 3;

std::string row_hash(std::string_view row) {
  const XXH128_hash_t hash = XXH3_128bits(row.data(), row.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string pile_key(std::string_view day, std::string_view domain) {
  return fmt::format("{}{}/{}", kPiles, day, domain);
}
std::string rows_prefix(std::string_view day, std::string_view domain) {
  return fmt::format("{}{}/{}/", kRows, day, domain);
}

}  // namespace

DmarcStoreOptions dmarc_store_options(const UclObject& root) {
  DmarcStoreOptions out;
  const UclObject* const dmarc = root.find("dmarc");
  const UclObject* const section = dmarc ? dmarc->find("reporting") : nullptr;
  if (!section || !section->is_object()) return out;
  out.rows_max = static_cast<uint32_t>(
      std::clamp<int64_t>(section->integer("max_entries", 1'000), 1, 100'000));
  out.counts_all = section->flag("report_local_controller", false);
  if (const UclObject* const expire = section->find("keys_expire"))
    if (const std::optional<double> seconds = expire->last_value().as_seconds();
        seconds && *seconds >= 3'600 && *seconds <= 366 * 86'400.0)
      out.expires_ms = static_cast<int64_t>(*seconds * 1'000);
  return out;
}

std::string dmarc_day(int64_t unix_ms) {
  using namespace std::chrono;
  const year_month_day day{floor<days>(sys_time<milliseconds>(milliseconds(unix_ms)))};
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::optional<int64_t> dmarc_day_begins_ms(std::string_view day) {
  using namespace std::chrono;
  unsigned number = 0;
  const auto read = std::from_chars(day.data(), day.data() + day.size(), number);
  if (day.size() != kDayBytes || read.ec != std::errc() || read.ptr != day.data() + day.size())
    return std::nullopt;
  const year_month_day date{year(static_cast<int>(number / 10'000)), month(number / 100 % 100),
                            std::chrono::day(number % 100)};
  if (!date.ok()) return std::nullopt;
  return duration_cast<milliseconds>(sys_days(date).time_since_epoch()).count();
}

Result<void> DmarcStore::add(std::span<const std::string> rows, int64_t now_ms,
                             const DmarcStoreOptions& options) {
  const std::string day = dmarc_day(now_ms);
  struct New {
    std::string_view row;
    std::string pile;
    int64_t count = 0;
  };
  std::map<std::string, New> by_key;
  for (const std::string& text : rows) {
    DmarcReportRow row;
    if (!read_dmarc_row(text, row) || row.policy_domain.find('/') != std::string::npos) continue;
    New& one = by_key[rows_prefix(day, row.policy_domain) + row_hash(text)];
    one.row = text;
    one.pile = pile_key(day, row.policy_domain);
    ++one.count;
  }
  // Another process may add the same row between the look and the write.
  for (int i = 0; i < kTries; ++i) {
    std::vector<std::string_view> keys, piles;
    for (const auto& [key, one] : by_key) {
      keys.push_back(key);
      piles.push_back(one.pile);
    }
    const auto there = store_->get(keys, now_ms);
    if (!there) return fail(there.error());
    const auto counts = store_->counts(piles, 1);
    if (!counts) return fail(counts.error());
    StoreBatch batch;
    std::map<std::string_view, uint64_t> added;
    size_t at = 0;
    for (const auto& [key, one] : by_key) {
      const size_t k = at++;
      if ((*there)[k]) {
        batch.add(key, 0, one.count);
        continue;
      }
      if ((*counts)[k] + added[one.pile] >= options.rows_max) {
        batch.add(one.pile, 1, one.count);
        continue;
      }
      ++added[one.pile];
      batch.expect_absent(key);
      batch.set(key, one.row, now_ms + options.expires_ms);
      batch.add(key, 0, one.count);
      batch.add(one.pile, 0, 1);
    }
    const Result<bool> done = store_->apply(batch, now_ms);
    if (!done) return fail(done.error());
    if (*done) return {};
  }
  return fail("the store was changed by others each time");
}

Result<std::vector<DmarcStore::Pile>> DmarcStore::piles(int64_t) const {
  std::vector<Pile> out;
  std::string after;
  for (;;) {
    const auto some = store_->scan(kPiles, after, kScanned);
    if (!some) return fail(some.error());
    for (const CounterRow& row : *some) {
      const std::string_view rest = std::string_view(row.key).substr(kPiles.size());
      if (rest.size() <= kDayBytes || rest[kDayBytes] != '/') continue;
      out.push_back(
          {std::string(rest.substr(0, kDayBytes)), std::string(rest.substr(kDayBytes + 1)),
           row.counts.empty() ? 0 : row.counts[0], row.counts.size() < 2 ? 0 : row.counts[1]});
    }
    if (some->size() < kScanned) return out;
    after = some->back().key;
  }
}

Result<DmarcStore::Rows> DmarcStore::rows(const Pile& pile, int64_t now_ms) const {
  Rows out;
  const std::string prefix = rows_prefix(pile.day, pile.domain);
  std::string after;
  for (;;) {
    const auto some = store_->scan_values(prefix, after, kScanned, now_ms);
    if (!some) return fail(some.error());
    std::vector<std::string_view> keys;
    for (const auto& [key, text] : *some) keys.push_back(key);
    const auto counts = store_->counts(keys, 1);
    if (!counts) return fail(counts.error());
    for (size_t i = 0; i < some->size(); ++i) {
      DmarcReportRow row;
      if (read_dmarc_row((*some)[i].second, row) && (*counts)[i] > 0)
        out.emplace_back(std::move(row), (*counts)[i]);
    }
    if (some->size() < kScanned) return out;
    after = some->back().first;
  }
}

Result<void> DmarcStore::erase(const Pile& pile, int64_t now_ms) {
  const std::string prefix = rows_prefix(pile.day, pile.domain);
  std::string after;
  for (;;) {
    const auto some = store_->scan(prefix, after, kScanned);
    if (!some) return fail(some.error());
    StoreBatch batch;
    for (const CounterRow& row : *some) batch.erase(row.key);
    if (some->size() < kScanned) batch.erase(pile_key(pile.day, pile.domain));
    const Result<bool> done = store_->apply(batch, now_ms);
    if (!done) return fail(done.error());
    if (some->size() < kScanned) return {};
    after = some->back().key;
  }
}

Result<void> DmarcStore::sweep(int64_t now_ms, const DmarcStoreOptions& options) {
  const auto all = piles();
  if (!all) return fail(all.error());
  constexpr int64_t kDay_ms = 86'400'000;
  for (const Pile& pile : *all) {
    const std::optional<int64_t> begins = dmarc_day_begins_ms(pile.day);
    if (begins && *begins + kDay_ms + options.expires_ms > now_ms) continue;
    if (Result<void> done = erase(pile, now_ms); !done) return done;
  }
  return {};
}

}  // namespace winnow
