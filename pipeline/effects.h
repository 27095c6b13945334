// What verdicts want done outside (Verdict::effects), done by who serves mail and by nobody else: a
// thread of its own takes effects in, many at a time, so that a verdict waits for no disk. What
// cannot be kept is dropped and told, once a minute at most.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/verdict.h"
#include "pipeline/case.h"
#include "pipeline/dmarc_store.h"
#include "pipeline/exports/exporter.h"
#include "pipeline/once_a_minute.h"
#include "rules/compile/rule_set.h"

namespace winnow {

class Effects {
 public:
  using Tell = std::function<void(const std::string&)>;
  static constexpr size_t kWaitingBytesMax = 8 << 20;

  // `tell`: something to warn of; called from the effects' thread.
  explicit Effects(Tell tell);
  ~Effects();  // what was taken is done
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;

  // Where rows of DMARC reports are kept from now on; null: nowhere. Thread-safe.
  void keep_dmarc(std::shared_ptr<DmarcRows> rows, const DmarcStoreOptions& options);
  // Who sends what is exported from now on; null: nobody. Thread-safe.
  void export_with(std::shared_ptr<Exporter> exporter);
  // Takes the effects of a verdict that is delivered; `is_mail`: of mail on its way. Thread-safe,
  // does not wait.
  void carry_out(const Verdict& verdict, bool is_mail = true);
  // The same, and what is exported of the message.
  void carry_out(const RuleSet& rules, const Case& one, bool is_mail);

 private:
  void work();
  void complain(const std::string& what);

  const Tell tell_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::shared_ptr<DmarcRows> dmarc_;
  std::shared_ptr<Exporter> exporter_;
  DmarcStoreOptions dmarc_options_;
  std::vector<std::string> rows_;
  size_t waiting_bytes_ = 0;
  uint64_t dropped_ = 0;
  bool stop_ = false;

  std::string swept_;  // day on which old ones were taken out; the thread's own
  OnceAMinute complaint_;
  std::thread thread_;
};

}  // namespace winnow
