// Address lists: From, To, Cc ... (RFC 5322 3.4 with the obsolete forms of 4.4, RFC 6532 for
// UTF-8), and what senders write instead.
//
//   list    = entry *("," entry)            ";" separates too, as Outlook writes it
//   entry   = mailbox | phrase ":" [list] ";"
//   mailbox = [phrase] "<" [route ":"] addr-spec ">" | addr-spec
//
// One pass over the unfolded but undecoded text, without recursion: nested comments are a counter.
// Display names are decoded (RFC 2047) only after the text was split, and the split steps over
// whole encoded words, so that a comma or "<" inside one, escaped or not, cannot make an address.
// An entry that does not parse still gives what can be used of it, with valid = false and
// Fault::kAddressBroken.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/batch.h"
#include "engine/limits.h"
#include "engine/mime/header_scratch.h"

namespace winnow {

// The field whose addresses header `id` holds; AddressField::kCount if it is no address header.
AddressField address_field(HeaderId id);

// Appends the addresses of one header value to the open row of batch.addresses and sets faults on
// batch.facts[row]. `unfolded`: Header::unfolded; `header`: its index in the row. Entries over
// addresses_max (of the row) are dropped with Fault::kLimitAddresses.
void parse_addresses(std::string_view unfolded, AddressField field, uint32_t header,
                     const Limits& limits, HeaderScratch& scratch, uint32_t row, Batch& batch);

// One address without a display name ("user@host", "<user@host>"), as envelopes and clauses give
// it. `valid` says whether it is an addr-spec.
Address parse_one_address(std::string_view text, Arena& arena);

}  // namespace winnow
