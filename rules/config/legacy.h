// Old forms of configuration that Rspamd's users still have, made into today's. Each translation
// leaves a warning that shows the new form.
#pragma once

#include <vector>

#include "rules/config/ucl.h"

namespace winnow {

// Changes the tree in place: metric, surbl, emails, ip_score, rmilter_headers, composite, old
// checks of rbl, old keys of mx_check, dkim signing inside dkim, and old names of options.
void translate_old(UclDocument& document, std::vector<Warning>& warnings);

}  // namespace winnow
