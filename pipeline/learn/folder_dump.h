// Statistics of a folder as a dump (rspamd_dump.h), written as if they were in Redis: KEYs are RS
// (osb) and WN (winnow), with a user's scope as RS#0123456789abcdef, for a folder does not know his
// name.
#pragma once

#include <functional>

#include "pipeline/learn/rspamd_dump.h"
#include "pipeline/learn/statistics.h"

namespace winnow {

// Calls `take` for each key of a folder's statistics.
Result<void> dump_folder(const TokenStatistics& statistics,
                         const std::function<void(const DumpedKey&)>& take);

}  // namespace winnow
