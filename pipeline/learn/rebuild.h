// The model made anew from its log.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "pipeline/learn/statistics.h"

namespace winnow {

// Calls `each` for the records of a log in order, until it says false. Errors: damage.
Result<void> walk_log(const LearningLog& log,
                      const std::function<bool(uint64_t offset, const LearnRecord&)>& each);

// Makes the model beside the one in use, in a folder within `folder` that is gone afterwards, and
// mends in one batch what differs. Others may read and learn meanwhile: what they see is either
// before or after. Returns how many rows differed.
Result<uint64_t> rebuild_in_place(TokenStatistics& statistics, const std::string& folder);

// A folder with the log up to `until_ms` and its model. REQUIRED: there is no log in `folder` yet.
// Returns how many records it has.
Result<uint64_t> copy_as_of(const LearningLog& log, int64_t until_ms, const std::string& folder);

}  // namespace winnow
