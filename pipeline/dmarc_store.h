// What aggregate reports of DMARC are made of, in a store: how often each row
// (rules/checks/auth/dmarc_report_row.h) came, by day (UTC) and by the domain whose policy it was.
//
//   dmarc#DAY/DOMAIN        counter 0: rows
//   dmarc/DAY/DOMAIN/HASH   counter 0: messages; value: the row
// DAY is YYYYMMDD, HASH 32 digits. No more than rows_max rows are kept of a domain and day; what
// has none is counted in the row "dmarc#": counter 1. What is older than it may get is taken out
// when a new day begins, and by who makes reports.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/result.h"
#include "pipeline/lookup/store/store.h"
#include "rules/checks/auth/dmarc_report_row.h"

namespace winnow {

class UclObject;

struct DmarcStoreOptions {
  uint32_t rows_max = 1'000;         // reporting.max_entries
  int64_t expires_ms = 172'800'000;  // reporting.keys_expire
  bool counts_all = false;           // reporting.report_local_controller
};
DmarcStoreOptions dmarc_store_options(const UclObject& root);

// "YYYYMMDD" of Unix time.
std::string dmarc_day(int64_t unix_ms);
// When that day begins; none where the text is no day.
std::optional<int64_t> dmarc_day_begins_ms(std::string_view day);

// Rows that are counted, wherever they are kept.
class DmarcRows {
 public:
  virtual ~DmarcRows() = default;

  // Counts rows (as text) of one moment. Errors: what the store says.
  virtual Result<void> add(std::span<const std::string> rows, int64_t now_ms,
                           const DmarcStoreOptions& options) = 0;

  // A domain's day.
  struct Pile {
    std::string day, domain;
    uint64_t rows = 0, lost = 0;  // messages whose row had no room
    std::string rua = {};         // where it tells piles apart
  };
  virtual Result<std::vector<Pile>> piles(int64_t now_ms) const = 0;  // by day and domain
  using Rows = std::vector<std::pair<DmarcReportRow, uint64_t>>;
  virtual Result<Rows> rows(const Pile& pile, int64_t now_ms) const = 0;
  virtual Result<void> erase(const Pile& pile, int64_t now_ms) = 0;
  // Takes out days that are too old.
  virtual Result<void> sweep(int64_t now_ms, const DmarcStoreOptions& options) = 0;
};

class DmarcStore final : public DmarcRows {
 public:
  explicit DmarcStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  // Where it fails none of them counts.
  Result<void> add(std::span<const std::string> rows, int64_t now_ms,
                   const DmarcStoreOptions& options) override;
  Result<std::vector<Pile>> piles(int64_t now_ms = 0) const override;
  Result<Rows> rows(const Pile& pile, int64_t now_ms) const override;
  Result<void> erase(const Pile& pile, int64_t now_ms) override;
  Result<void> sweep(int64_t now_ms, const DmarcStoreOptions& options) override;

 private:
  const std::shared_ptr<Store> store_;
};

}  // namespace winnow
