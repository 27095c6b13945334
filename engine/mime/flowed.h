// format=flowed (RFC 3676): lines that end in a blank are continued by the next line.
//
// Each line: quote depth = leading '>'; then one stuffed blank is removed; a line that ends in a
// blank is soft, unless it is the signature separator "-- ". A soft line is joined with the next
// one of the same quote depth; with delsp=yes its last blank goes. A soft line before a line of
// another depth counts as fixed. Quote marks stay at the start of each paragraph, as "> ".
#pragma once

#include <string_view>

#include "engine/arena.h"

namespace winnow {

// The text with its paragraphs on one line each, LF line ends, in the arena; at most twice as
// long as `text` (quote marks that were written without a blank after them).
std::string_view unflow(std::string_view text, bool delete_space, Arena& arena);

}  // namespace winnow
