// The content stage: what each part's bytes are, and what archives hold.
#pragma once

#include "engine/batch.h"
#include "engine/limits.h"

namespace winnow {

struct ContentPlan {
  const Limits* limits = nullptr;
};

// Whether the part is a drawing that browsers open as a page: SVG. It has a text of HTML, but
// stays of kind other, since it is none of the letter's own texts.
inline bool is_svg_page(const Part& part) {
  return part.kind == PartKind::kOther && part.detected.extension == "svg";
}

// Whether the part is a calendar or a card (RFC 5545, RFC 6350, RFC 2425): by its type, or by its
// bytes where that is no type of text. Needs the phase content for the second.
bool is_calendar(const Part& part);
bool is_card(const Part& part);

// Needs phase parse; fills parts[].detected and parts[].archive of every leaf part, the columns
// archives and archive_members, and their faults, for all rows. Parts that are HTML, SVG, a
// calendar or a card for who opens them become of kind HTML, other and text. Allocates from the
// heap only where libarchive reads an archive.
void content(const ContentPlan& plan, Batch& batch);

}  // namespace winnow
