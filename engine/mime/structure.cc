#include "engine/mime/structure.h"

#include <xxhash.h>

#include <algorithm>

#include "engine/mime/content_fields.h"
#include "engine/mime/delimiter.h"
#include "engine/mime/header_block.h"
#include "engine/mime/header_line.h"
#include "engine/mime/leaf.h"
#include "engine/mime/parameters.h"

namespace winnow {

namespace {

// Bodies decoded from bodies decoded ...: each layer copies, so their number is bounded.
constexpr uint8_t kDecodesMax = 4;
// Preamble and epilogue with fewer bytes than this and no link are the usual sentence.
constexpr size_t kMarginBytes = 200;

constexpr uint8_t bit(Switch s) { return static_cast<uint8_t>(s); }

void set_flag(Part& part, PartFlag flag) { part.flags |= static_cast<uint16_t>(flag); }

bool worth_scanning(std::string_view margin) {
  if (margin.find("://") != std::string_view::npos || margin.find("www.") != std::string_view::npos)
    return true;
  const auto ink = std::count_if(margin.begin(), margin.end(),
                                 [](char c) { return static_cast<unsigned char>(c) > ' '; });
  return static_cast<size_t>(ink) > kMarginBytes;
}

// Where the body begins: without an empty line, at the first line that is no header.
size_t body_of(std::string_view text, const HeaderEnd& end) {
  if (end.terminated) return end.body;
  return end.malformed == HeaderEnd::npos ? text.size() : end.malformed;
}

// One reading of one message.
class Reading {
 public:
  Reading(const StructureJob& job, uint8_t switches)
      : job_(job),
        batch_(job.batch),
        facts_(job.batch.facts[job.row]),
        frames_(job.scratch.frames),
        switches_(switches) {
    rules_.cr_lines = job.cr_lines || has(Switch::kBareCr);
    rules_.prefix = has(Switch::kBoundaryPrefix);
  }

  // Appends the parts of `raw` to the open row. Returns the switches that would make a difference.
  uint8_t read(std::string_view raw) {
    frames_.clear();
    if (!is_headerless()) raw = without_lead(raw);
    entity(raw, kNoIndex, 0, 0, false);
    while (!frames_.empty()) step();
    if (doubts_.bare_cr) doubts_bits_ |= bit(Switch::kBareCr);
    if (doubts_.prefix) doubts_bits_ |= bit(Switch::kBoundaryPrefix);
    return doubts_bits_;
  }

 private:
  static std::string_view without_lead(std::string_view raw) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (raw.starts_with(kByteOrderMark)) raw.remove_prefix(kByteOrderMark.size());
    // Programs that hand mail on put blank lines before it; as they stand there, they would end a
    // header block that nobody wrote.
    raw.remove_prefix(std::min(raw.find_first_not_of(" \t\r\n"), raw.size()));
    return raw;
  }
  bool is_headerless() const { return batch_.envelopes[job_.row].headerless; }
  bool has(Switch s) const { return (switches_ & bit(s)) != 0; }
  void doubt(Switch s) { doubts_bits_ |= bit(s); }
  Part& part(uint32_t index) { return batch_.parts.open_row()[index]; }

  // Reads one entity: its headers, and its body as leaf or as a new frame.
  void entity(std::string_view text, uint32_t parent, uint16_t depth, uint8_t decodes,
              bool digest) {
    Part* added = nullptr;
    if (!append_part(job_, parent, depth, added)) {
      frames_.clear();
      return;
    }
    const auto index = static_cast<uint32_t>(batch_.parts.open_row().size() - 1);
    const size_t body = headers(text, index);
    Part& here = part(index);
    const std::span<const Header> own =
        batch_.headers.open_row().subspan(here.headers.begin, here.headers.size());
    const ContentReading reading{has(Switch::kLastHeader), digest, has(Switch::kOtherBoundary)};
    const ContentFields fields = read_content_fields(own, reading, job_.limits, job_.headers,
                                                     batch_.arena, facts_.faults, here);
    if (fields.ambiguous) doubt(Switch::kLastHeader);
    if (fields.two_boundaries) doubt(Switch::kOtherBoundary);
    here.raw = here.decoded = text.substr(body);
    if (here.kind == PartKind::kMultipart)
      multipart(index, decodes);
    else if (here.kind == PartKind::kMessage)
      message(index, decodes);
    else
      leaf(index, decodes, fields);
  }

  // Appends the headers of one entity, whose text this is; returns where the body begins.
  size_t headers(std::string_view text, uint32_t index) {
    const uint32_t parent = part(index).parent;
    size_t top = 0;
    HeaderEnd end;
    if (parent != kNoIndex || !is_headerless()) {
      top = past_from_lines(text, parent == kNoIndex || part(parent).kind != PartKind::kMultipart);
      end = header_block(text.substr(top), index);
      if (end.body == 0 && top < text.size()) top = 0;  // all of it is text
    }
    Part& here = part(index);
    here.headers.end = static_cast<uint32_t>(batch_.headers.open_row().size());
    here.raw_headers = text.substr(0, top + end.block);
    margin(index, text.substr(0, top), false);
    return top + end.body;
  }

  // Appends the headers at the start of `text`. In what it returns block and body are where those
  // are taken to end and to begin, terminated or not.
  HeaderEnd header_block(std::string_view text, uint32_t index) {
    HeaderEnd end = find_header_end(text);
    if (!end.terminated) end.block = end.body = body_of(text, end);
    if (!end.terminated && end.malformed != HeaderEnd::npos)
      facts_.faults.set(Fault::kHeaderUnterminated);
    const Faults before = facts_.faults;
    bool malformed = false;
    uint32_t count = parse_block(text.substr(0, end.block), index, malformed);
    if (malformed && end.terminated) {
      const size_t line = own_delimiter(text.substr(0, end.block), index);
      if (line != Delimiter::kNone) {
        batch_.headers.values.resize(batch_.headers.begin.back() + part(index).headers.begin);
        facts_.faults = before;
        facts_.faults.set(Fault::kHeaderUnterminated);
        end.block = end.body = line;
        count = parse_block(text.substr(0, line), index, malformed);
      }
    }
    if (malformed && count == 0) {
      end.body = end.block = 0;  // what was taken for a header block is text
    } else if (malformed && end.terminated) {
      const size_t line = find_header_end(text.substr(0, end.block)).malformed;
      if (line != HeaderEnd::npos) {
        doubt(Switch::kBodyAtMalformed);
        if (has(Switch::kBodyAtMalformed)) end.body = line;
      }
    }
    return end;
  }

  // Appends the headers of `block`, returns their number; `malformed`: a line of it is none.
  uint32_t parse_block(std::string_view block, uint32_t index, bool& malformed) {
    const Faults before = facts_.faults;
    facts_.faults.bits &= ~(uint64_t{1} << static_cast<int>(Fault::kHeaderMalformed));
    const uint32_t count =
        parse_header_block(job_.names, job_.limits, job_.headers, block, job_.row, index, batch_);
    malformed = facts_.faults.has(Fault::kHeaderMalformed);
    facts_.faults.bits |= before.bits;
    return count;
  }

  // Where in a header block the first delimiter stands of the multipart that a header above it
  // says this is: there its body begins, without an empty line. Delimiter::kNone = nowhere.
  size_t own_delimiter(std::string_view block, uint32_t index) {
    for (const Header& header : batch_.headers.open_row().subspan(part(index).headers.begin)) {
      if (header.id != header_id(known::kContentType)) continue;
      Faults ignored;  // set where the part's own Content-Type is read
      const MimeValue value =
          parse_content_type(header.unfolded, job_.limits, job_.headers, batch_.arena, ignored);
      const std::string_view boundary = value.raw("boundary");
      if (value.type != "multipart" || boundary.empty()) continue;
      const auto end = static_cast<size_t>(header.raw.data() + header.raw.size() - block.data());
      DelimiterDoubts none;
      return find_delimiter(block, next_header_line(block, end).next, boundary, rules_, none).line;
    }
    return Delimiter::kNone;
  }

  bool too_deep(Part& here) {
    if (here.depth < job_.limits.depth_max) return false;
    facts_.faults.set(Fault::kLimitDepth);
    set_flag(here, PartFlag::kTruncated);
    return true;
  }

  bool encoded(const Part& part) const {
    return part.encoding == TransferEncoding::kBase64 ||
           part.encoding == TransferEncoding::kQuotedPrintable;
  }

  void decode(Part& here) {
    if (decode_body(job_, here, has(Switch::kBase64Through))) doubt(Switch::kBase64Through);
  }

  void push(uint32_t index, std::string_view text, std::string_view boundary, uint8_t decodes) {
    StructureFrame& frame = frames_.emplace_back();
    frame.text = text;
    frame.boundary = boundary;
    frame.part = index;
    frame.depth = static_cast<uint16_t>(part(index).depth + 1);
    frame.decodes = decodes;
    frame.digest = part(index).subtype == "digest";
  }

  void message(uint32_t index, uint8_t decodes) {
    Part& here = part(index);
    if (here.encoding != TransferEncoding::kNone) decode(here);
    decodes = static_cast<uint8_t>(decodes + encoded(here));
    if (too_deep(here)) return;
    if (decodes > kDecodesMax) {
      facts_.faults.set(Fault::kLimitDepth);
      return;
    }
    push(index, here.decoded, {}, decodes);
  }

  // A multipart may not be encoded (RFC 2045 6.4), but some are: decoded only where the boundary
  // does not stand in the body as it is.
  void multipart(uint32_t index, uint8_t decodes) {
    Part& here = part(index);
    if (here.subtype == "signed") set_flag(here, PartFlag::kSigned);
    if (here.subtype == "encrypted") set_flag(here, PartFlag::kEncrypted);
    if (here.boundary.empty()) facts_.faults.set(Fault::kBoundaryMissing);
    if (too_deep(here)) return;
    std::string_view boundary = here.boundary;
    if (!occurs(here.raw, boundary) && encoded(here) && decodes < kDecodesMax) {
      decode(here);
      ++decodes;
    }
    if (!occurs(here.decoded, boundary)) {
      facts_.faults.set(Fault::kAmbiguous);
      if (!here.boundary.empty()) facts_.faults.set(Fault::kBoundaryUnclosed);
      boundary = guess_boundary(here.decoded);
      if (!occurs(here.decoded, boundary)) {
        margin(index, here.decoded, true);
        return;
      }
    }
    for (const StructureFrame& frame : frames_)
      if (!frame.boundary.empty() && frame.boundary == boundary)
        facts_.faults.set(Fault::kBoundaryDuplicate);
    push(index, here.decoded, boundary, decodes);
  }

  bool occurs(std::string_view text, std::string_view boundary) {
    return !boundary.empty() && find_delimiter(text, 0, boundary, rules_, doubts_).found();
  }

  void leaf(uint32_t index, uint8_t decodes, const ContentFields& fields) {
    Part& here = part(index);
    decode(here);
    const std::string_view inside = finish_leaf(job_, index, fields.smime_type);
    if (inside.empty() || decodes >= kDecodesMax || too_deep(part(index))) return;
    push(index, inside, {}, static_cast<uint8_t>(decodes + 1));
    frames_.back().hidden = true;
  }

  // Text outside of a multipart's parts, as a virtual part where it says something.
  void margin(uint32_t parent, std::string_view text, bool always) {
    if (!always && !worth_scanning(text)) return;
    Part* added = nullptr;
    const auto depth = static_cast<uint16_t>(part(parent).depth + 1);
    if (text.empty() || !append_part(job_, parent, depth, added)) return;
    added->type = "text";
    added->subtype = "plain";
    added->kind = PartKind::kText;
    added->raw = added->decoded = text;
    set_flag(*added, PartFlag::kVirtual);
    set_flag(*added, PartFlag::kSecondReading);
    finish_leaf(job_, static_cast<uint32_t>(batch_.parts.open_row().size() - 1), {});
  }

  // Goes one step in the innermost frame: starts it, takes its next child, or leaves it.
  void step() {
    StructureFrame& frame = frames_.back();
    const StructureFrame now = frame;
    frame.started = true;
    if (now.closed || (now.started && now.boundary.empty())) {
      frames_.pop_back();
      if (!now.boundary.empty()) margin(now.part, now.text.substr(now.at), false);
    } else if (now.boundary.empty()) {
      const size_t child = batch_.parts.open_row().size();
      entity(now.text, now.part, now.depth, now.decodes, false);
      if (now.hidden && child < batch_.parts.open_row().size())
        set_flag(part(static_cast<uint32_t>(child)), PartFlag::kVirtual);
    } else if (!now.started) {
      start(frame);
    } else {
      child(frame);
    }
  }

  void start(StructureFrame& frame) {
    const Delimiter first = find_delimiter(frame.text, 0, frame.boundary, rules_, doubts_);
    frame.at = first.after;
    frame.closed = first.closing && closes(frame, first.after);
    // Where no part follows, what stands above the closing delimiter is all that there is.
    margin(frame.part, frame.text.substr(0, before_delimiter(frame.text, 0, first.line)),
           frame.closed);
  }

  void child(StructureFrame& frame) {
    const std::string_view text = frame.text;
    const size_t begin = frame.at;
    const Delimiter next = find_delimiter(text, begin, frame.boundary, rules_, doubts_);
    const size_t end = next.found() ? before_delimiter(text, begin, next.line) : text.size();
    if (next.found()) {
      frame.at = next.after;
      frame.closed = next.closing && closes(frame, next.after);
    } else {
      facts_.faults.set(Fault::kBoundaryUnclosed);
      set_flag(part(frame.part), PartFlag::kTruncated);
      frame.at = text.size();
      frame.closed = true;
    }
    // Delimiter lines one after the other hold no part: each would need a line end of its own.
    if (next.found() && next.line == begin) return;
    const StructureFrame now = frame;  // entity() may move the frames
    entity(text.substr(begin, end - begin), now.part, now.depth, now.decodes, now.digest);
  }

  // Whether a closing delimiter ends the multipart: always, but for the reading that goes on where
  // more delimiters follow.
  bool closes(const StructureFrame& frame, size_t after) {
    DelimiterDoubts none;
    if (!find_delimiter(frame.text, after, frame.boundary, rules_, none).found()) return true;
    doubt(Switch::kAfterClose);
    return !has(Switch::kAfterClose);
  }

  const StructureJob& job_;
  Batch& batch_;
  Facts& facts_;
  std::vector<StructureFrame>& frames_;
  uint8_t switches_;
  uint8_t doubts_bits_ = 0;
  DelimiterRules rules_;
  DelimiterDoubts doubts_;
};

bool is_leaf(std::span<const Part> parts, size_t i) {
  if (parts[i].kind == PartKind::kMultipart) return false;
  return parts[i].kind != PartKind::kMessage || i + 1 == parts.size() || parts[i + 1].parent != i;
}

LeafKey key_of(const Part& part) {
  auto hash = [](std::string_view text) { return XXH3_64bits(text.data(), text.size()); };
  return {hash(part.decoded), hash(part.type) * 3 + hash(part.subtype) * 5 + hash(part.charset)};
}

void remember_leaves(std::span<const Part> parts, std::vector<LeafKey>& leaves) {
  leaves.clear();
  for (size_t i = 0; i < parts.size(); ++i)
    if (is_leaf(parts, i)) leaves.push_back(key_of(parts[i]));
  std::sort(leaves.begin(), leaves.end());
}

// Of the parts from `first_part` on keeps the leaves that are new, as children of the root.
// Returns whether there are any.
bool keep_new_leaves(const StructureJob& job, size_t first_part, size_t first_header) {
  std::vector<LeafKey>& leaves = job.scratch.leaves;
  const std::span<Part> parts = job.batch.parts.open_row();
  const std::span<Header> headers = job.batch.headers.open_row();
  const size_t parts_max = size_t{job.limits.parts_max} * 2;
  size_t part_at = first_part;
  size_t header_at = first_header;
  for (size_t i = first_part; i < parts.size() && part_at < parts_max; ++i) {
    if (parts[i].decoded.empty() || !is_leaf(parts, i)) continue;
    const LeafKey key = key_of(parts[i]);
    const auto place = std::lower_bound(leaves.begin(), leaves.end(), key);
    if (place != leaves.end() && *place == key) continue;
    leaves.insert(place, key);
    Part kept = parts[i];
    const Range from = kept.headers;
    kept.headers.begin = static_cast<uint32_t>(header_at);
    for (uint32_t h = from.begin; h < from.end; ++h) {
      headers[header_at] = headers[h];
      headers[header_at++].part = static_cast<uint32_t>(part_at);
    }
    kept.headers.end = static_cast<uint32_t>(header_at);
    kept.parent = 0;
    kept.depth = 1;
    set_flag(kept, PartFlag::kSecondReading);
    parts[part_at++] = kept;
  }
  const bool any = part_at > first_part;
  job.batch.parts.values.resize(job.batch.parts.begin.back() + part_at);
  job.batch.headers.values.resize(job.batch.headers.begin.back() + header_at);
  return any;
}

}  // namespace

void read_structure(const StructureJob& job) {
  const std::string_view raw = job.batch.raw[job.row];
  job.scratch.parts_end = job.limits.parts_max;
  const uint8_t doubts = Reading(job, 0).read(raw);
  if (doubts == 0) return;
  Faults& faults = job.batch.facts[job.row].faults;
  const Faults first = faults;
  bool ambiguous = false;
  remember_leaves(job.batch.parts.open_row(), job.scratch.leaves);
  for (uint8_t bits = doubts; bits != 0; bits = static_cast<uint8_t>(bits & (bits - 1))) {
    const size_t first_part = job.batch.parts.open_row().size();
    const size_t first_header = job.batch.headers.open_row().size();
    if (first_part >= size_t{job.limits.parts_max} * 2) break;
    job.scratch.parts_end = first_part + job.limits.parts_max;
    job.headers.header_bytes = job.headers.encoded_words = 0;
    Reading(job, static_cast<uint8_t>(bits & -bits)).read(raw);
    ambiguous |= keep_new_leaves(job, first_part, first_header);
  }
  // What is wrong with the message is what the first reading met, and where a later one ended.
  const bool limit = faults.has(Fault::kLimitParts);
  faults = first;
  if (limit) faults.set(Fault::kLimitParts);
  if (ambiguous) faults.set(Fault::kAmbiguous);
}

}  // namespace winnow
