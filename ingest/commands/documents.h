// The manual page, printed by `winnow help --man`.
#pragma once

namespace winnow {

void print_manual();

}  // namespace winnow
