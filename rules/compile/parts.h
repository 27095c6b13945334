// Which sections of a configuration do something in this build, which options of them, and what is
// only accepted. What lands anew takes its names out of "accepted" here: a check does so by being
// in all_checks(), all else by a row in parts.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/config/ucl.h"

namespace winnow {

enum class PartState : uint8_t {
  kBuiltIn,   // always there: actions, groups …
  kOn,        // a check that runs
  kOff,       // a check that the configuration switched off
  kAccepted,  // not there yet: its options are read and checked, and do nothing
};

// Of a section or module that the table of options names.
PartState part_state(const UclObject& root, std::string_view section);
std::string_view part_text(PartState state);  // as `configdump -m` prints it

// Whether an option of a section that is there is read by anything; true where nobody listed them.
bool is_read_option(std::string_view section, std::string_view key);

}  // namespace winnow
