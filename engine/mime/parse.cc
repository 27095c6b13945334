#include "engine/mime/parse.h"

#include "engine/hash/message_digest.h"
#include "engine/mime/header_facts.h"
#include "engine/mime/line_scan.h"

namespace winnow {

namespace {

Newlines newlines_of(const LineCounts& lines) {
  const int kinds = (lines.lf != 0) + (lines.crlf != 0) + (lines.cr != 0);
  if (kinds > 1) return Newlines::kMixed;
  if (lines.lf != 0) return Newlines::kLf;
  if (lines.crlf != 0) return Newlines::kCrLf;
  return lines.cr != 0 ? Newlines::kCr : Newlines::kNone;
}

// Lines of a text: its line ends, and a last line without one.
uint32_t lines_in(std::string_view text, const LineCounts& counts) {
  const bool open = !text.empty() && text.back() != '\n' && text.back() != '\r';
  return static_cast<uint32_t>(counts.lf + counts.crlf + counts.cr + (open ? 1 : 0));
}

void digest_row(Batch& batch, uint32_t row) {
  MessageDigest digest;
  const std::span<const Part> parts = batch.parts.open_row();
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const bool holds_parts =
        part.kind == PartKind::kMultipart ||
        (part.kind == PartKind::kMessage && i + 1 < parts.size() && parts[i + 1].parent == i);
    constexpr auto kOwn =
        static_cast<uint16_t>(PartFlag::kVirtual) | static_cast<uint16_t>(PartFlag::kSecondReading);
    if (!holds_parts && (part.flags & kOwn) == 0) digest.add(part.decoded);
  }
  Facts& facts = batch.facts[row];
  if (facts.subject != kNoIndex) digest.add(batch.headers.open_row()[facts.subject].decoded);
  digest.finish(facts.digest);
}

void parse_row(const ParsePlan& plan, ParseScratch& scratch, uint32_t row, Batch& batch) {
  const std::string_view raw = batch.raw[row];
  Facts& facts = batch.facts[row];
  if (raw.empty()) facts.faults.set(Fault::kMessageEmpty);
  const LineCounts lines = count_lines(raw);
  facts.newlines = newlines_of(lines);
  if (facts.newlines == Newlines::kMixed) facts.faults.set(Fault::kNewlinesMixed);
  read_structure({plan.names, plan.limits, scratch.headers, scratch.structure, row, batch,
                  facts.newlines == Newlines::kCr});
  const Part& top = batch.parts.open_row()[0];
  const uint32_t root = top.headers.end;
  facts.body_offset = static_cast<uint32_t>(top.raw.data() - raw.data());
  facts.body_lines =
      lines_in(raw, lines) - lines_in({}, count_lines(raw.substr(0, facts.body_offset)));
  read_header_facts(plan.limits, scratch.headers, row, root, batch);
  if (plan.digest) digest_row(batch, row);
  batch.headers.end_row();
  batch.parts.end_row();
  batch.addresses.end_row();
  batch.received.end_row();
}

}  // namespace

void parse(const ParsePlan& plan, ParseScratch& scratch, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) parse_row(plan, scratch, row, batch);
}

}  // namespace winnow
