// libsodium chooses its code for this processor when it is first asked to.
#pragma once

#include <sodium/core.h>

namespace winnow {

inline void make_sodium_ready() { [[maybe_unused]] static const int ready = sodium_init(); }

}  // namespace winnow
