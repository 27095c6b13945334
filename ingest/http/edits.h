// A verdict's edits for clients that apply them themselves (the `milter` object of replies), and
// applied to a message (spamd's PROCESS and HEADERS). Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/verdict.h"

namespace winnow {

// Appends `{"add_headers":{…},"remove_headers":{…},"change_from":…,…}` as Rspamd's replies have it
// (facts/network.md 2.3); nothing where there is nothing to say. A header's value is a string or
// {"value","order"}, several of one name a list. `fate`: of the message, "discard" or "quarantine";
// may be empty.
void append_milter_object(std::span<const Edit> edits, std::string_view fate, std::string& out);

// `text` with CRLF at the end of its lines; what ends so already stays.
std::string with_crlf(std::string_view text);

// Appends `key` and the values of DKIM-Signatures, a string or a list of them; nothing where there
// are none.
void append_signatures(std::span<const Edit> edits, std::string_view key, std::string& out);

// The message with header edits applied; senders, recipients and quarantine mean nothing here. New
// lines end as those of the message do. Bounded by edits times headers. Positions are Rspamd's:
// removal 0 all, n-th, -n from the end; adding at n from the top, -1 at the end.
std::string apply_edits(std::string_view message, std::span<const Edit> edits);

}  // namespace winnow
