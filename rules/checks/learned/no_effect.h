// Options of `classifier { }` that Rspamd has and that change nothing here: who has one is told
// where it stands and what is done instead.
#pragma once

#include <string_view>

namespace winnow {

struct CompileContext;
class UclObject;

// Whether the text of a Lua function is only `return function(…) return true end`.
bool always_says_true(std::string_view lua);

void warn_no_effect(CompileContext& context, const UclObject& section);

}  // namespace winnow
