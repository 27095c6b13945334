// The binary under the names `rspamd`, `rspamadm` and `rspamc`, which scripts and packages of its
// users call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

// Runs as that program and returns its exit code; nothing where `name` (argv[0] without folder) is
// none of them.
std::optional<int> run_by_name(std::string_view name, const std::vector<std::string>& arguments);

}  // namespace winnow
