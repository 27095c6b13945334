// Files that Rspamd's package puts beside a site's main file (actions.conf, modules.d/spf.conf …).
// Nothing here reads them, so that what somebody changed in them instead of in local.d is lost
// unless it is said.
#pragma once

#include <string>
#include <vector>

#include "rules/config/ucl.h"

namespace winnow {

// What is to be said of the stock files beside a main file (or in its folder), by file. Where
// dpkg's list of installed packages (`dpkg_status`) knows how they were shipped, all that differ;
// where it does not, or they are of another version, those with values that Winnow's own policy has
// otherwise.
std::vector<Warning> edited_stock_files(const std::string& config,
                                        const std::string& dpkg_status = "/var/lib/dpkg/status");

}  // namespace winnow
