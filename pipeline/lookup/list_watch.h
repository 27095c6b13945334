// Lists that answer what they must not are not believed (DESIGN section 6; facts/lists.md,
// "Monitored probes").
//
// A list goes out of use when
//   - two of its probes in a row say that a name is listed that cannot be, or have no answer:
//     `1.0.0.127.ZONE`, else a random label;
//   - it gives an address that none of its codes has and that is not in 127/8 (RFC 5782 2.1), as
//     the owner of an expired domain does;
//   - it suddenly knows nearly everything: of the last kWindow names it knew more than
//     kJumpShare, where it knew less than half of that before.
// While it is out of use its questions are unknown at once, and nobody is asked but by probes. A
// probe that is answered as it must be brings it back. Each change is told once.
//
// Probes: first after a tenth of kProbe (or what is given), then each kProbe, doubling to 32 times
// that while all is well, back to the shortest when it is not. Not thread-safe; the clock is handed
// in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/evidence.h"
#include "pipeline/lookup/answer_cache.h"
#include "rules/checks/lists/dns_lists.h"

namespace winnow {

class ListWatch {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kProbe{60'000};
  static constexpr unsigned kProbeFactorMax = 32;  // of kProbe, while all is well
  static constexpr unsigned kErrorsMax = 2;        // probes in a row
  static constexpr uint32_t kWindow = 200;         // answers that a share is made of
  static constexpr double kJumpShare = 0.8;

  // For /metrics.
  struct Counts {
    std::string zone;
    uint64_t answers = 0, hits = 0, unknown = 0, refused = 0, probes = 0, trips = 0;
    bool in_use = true;
  };
  struct Probe {
    std::string zone, name;
  };

  explicit ListWatch(std::chrono::milliseconds probe = kProbe) : probe_(probe) {}

  // The lists of a rule set; what is known of those with the same zone stays.
  void use(const std::vector<DnsList>& lists, Clock::time_point now);
  void tell_to(std::function<void(const std::string&)> tell) { tell_ = std::move(tell); }

  // The list whose zone the name is below; kNoIndex where there is none.
  uint32_t find(std::string_view name) const;
  bool in_use(uint32_t list) const { return states_[list].counts.in_use; }
  bool all_in_use() const { return out_ == 0; }
  // Counts a question that is not asked, for its list is out of use.
  void refused(uint32_t list) { ++states_[list].counts.refused; }
  // Looks at an answer of the list before anybody sees it: one that cannot be becomes unknown.
  void check(uint32_t list, KeptAnswer& answer, Clock::time_point now);

  // The next probe that is due, if any; it is not due again before probed().
  std::optional<Probe> next_probe(Clock::time_point now, uint64_t random);
  void probed(std::string_view zone, const KeptAnswer& answer, Clock::time_point now);
  // When the next one is due; max() where none is.
  Clock::time_point next_due() const;

  std::vector<Counts> counts() const;

 private:
  struct State {
    DnsList list;
    Counts counts;
    unsigned errors = 0, factor = 1;
    bool probing = false, watched = false;
    Clock::time_point due = Clock::time_point::max();
    uint32_t window_answers = 0, window_hits = 0;
    double share = -1;  // of the window before; negative: there was none
  };
  void trip(State& state, std::string why, Clock::time_point now);

  const std::chrono::milliseconds probe_;  // between probes
  std::vector<State> states_;
  uint32_t out_ = 0;  // lists out of use
  std::unordered_map<std::string, uint32_t> by_zone_;
  std::function<void(const std::string&)> tell_;
};

}  // namespace winnow
