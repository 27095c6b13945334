#include "pipeline/effects.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/load.h"

namespace winnow {

Effects::Effects(Tell tell) : tell_(std::move(tell)) {
  thread_ = std::thread([this] { work(); });
}

Effects::~Effects() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Effects::keep_dmarc(std::shared_ptr<DmarcRows> rows, const DmarcStoreOptions& options) {
  const std::lock_guard lock(mutex_);
  dmarc_ = std::move(rows);
  dmarc_options_ = options;
}

void Effects::carry_out(const Verdict& verdict, bool is_mail) {
  if (verdict.effects.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (!is_mail && !dmarc_options_.counts_all) return;
    for (const Effect& one : verdict.effects) {
      if (one.kind != EffectKind::kReport || one.key != "dmarc" || !dmarc_) continue;
      const size_t bytes = one.value.size() + sizeof(std::string);
      if (waiting_bytes_ + bytes > kWaitingBytesMax) {
        ++dropped_;
        continue;
      }
      waiting_bytes_ += bytes;
      rows_.push_back(one.value);
    }
  }
  wake_.notify_one();
}

void Effects::export_with(std::shared_ptr<Exporter> exporter) {
  const std::lock_guard lock(mutex_);
  exporter_ = std::move(exporter);
}

void Effects::carry_out(const RuleSet& rules, const Case& one, bool is_mail) {
  carry_out(one.verdict, is_mail);
  const bool exports =
      is_mail && std::ranges::any_of(one.verdict.effects, [](const Effect& effect) {
        return effect.kind == EffectKind::kExport;
      });
  const ExportPlan* const plan = exports ? find_exports(rules) : nullptr;
  if (!plan) return;
  std::shared_ptr<Exporter> exporter;
  {
    const std::lock_guard lock(mutex_);
    exporter = exporter_;
  }
  if (exporter) exporter->carry_out(*plan, rules.model, one);
}

void Effects::complain(const std::string& what) {
  if (complaint_.is_due()) tell_(what);
}

void Effects::work() {
  for (;;) {
    std::vector<std::string> rows;
    std::shared_ptr<DmarcRows> store;
    DmarcStoreOptions options;
    uint64_t dropped = 0;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || !rows_.empty(); });
      if (rows_.empty()) return;
      rows.swap(rows_);
      waiting_bytes_ = 0;
      store = dmarc_;
      options = dmarc_options_;
      dropped = std::exchange(dropped_, 0);
    }
    if (dropped > 0) complain(fmt::format("{} rows of DMARC reports found no room", dropped));
    if (!store) continue;
    const int64_t now_ms = clock_ms();
    Result<void> done = store->add(rows, now_ms, options);
    if (const std::string today = dmarc_day(now_ms); done && swept_ != today) {
      swept_ = today;
      done = store->sweep(now_ms, options);
    }
    if (!done) complain(fmt::format("rows of DMARC reports are not kept: {}", done.error().text()));
  }
}

}  // namespace winnow
