// The ARC sets of one message (RFC 8617 4, 5.2): which headers belong to which instance, and
// whether the sets are whole. What the signatures are worth is for who asks for keys.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "engine/batch.h"
#include "engine/mime/header_names.h"

namespace winnow {

constexpr uint32_t kArcInstancesMax = 50;  // RFC 8617 4.2.1

struct ArcChain {
  // By instance, 1 .. sets: index into the message's own headers; kNoIndex where there is none.
  std::array<uint32_t, kArcInstancesMax + 1> results, signatures, seals;
  uint32_t sets = 0;
  bool has_seal = false, has_signature = false;
  // What Rspamd, too, calls invalid: counts, instances, cv; empty: nothing.
  std::string_view invalid;
  // What is wrong besides by RFC 8617 (5.2 steps 2 and 3): the chain fails. Empty: nothing.
  std::string_view broken;
};

// `headers`: the message's own. Linear, no heap.
ArcChain read_arc_chain(std::span<const Header> headers);

// Value of `tag` in a list of tags "a=1; cv=none"; empty where it is not there.
std::string_view arc_tag(std::string_view list, std::string_view tag);

// What Authentication-Results (RFC 8601) say of a method, in any case: "pass", "fail" …; empty
// where they say nothing. Comments and quoted strings are passed over. Of several results of one
// method a pass wins.
std::string_view recorded_result(std::string_view results, std::string_view method);

}  // namespace winnow
