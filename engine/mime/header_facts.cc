#include "engine/mime/header_facts.h"

#include <algorithm>

#include "engine/mime/addresses.h"
#include "engine/mime/date.h"
#include "engine/mime/header_block.h"
#include "engine/mime/header_names.h"
#include "engine/mime/received.h"

namespace winnow {

namespace {

// Headers that RFC 5322 3.6 and RFC 2045 allow at most once.
constexpr bool stands_once(uint32_t id) {
  switch (id) {
    case known::kFrom:
    case known::kTo:
    case known::kCc:
    case known::kBcc:
    case known::kSubject:
    case known::kDate:
    case known::kMessageId:
    case known::kReplyTo:
    case known::kSender:
    case known::kInReplyTo:
    case known::kReferences:
    case known::kMimeVersion:
    case known::kContentType:
    case known::kContentTransferEncoding:
    case known::kContentDisposition:
    case known::kContentId:
      return true;
    default:
      return false;
  }
}

// Message-Id without <>: what stands between the first "<" and the next ">", else all of it.
std::string_view message_id_value(std::string_view text) {
  const size_t open = text.find('<');
  if (open != std::string_view::npos) {
    text.remove_prefix(open + 1);
    text = text.substr(0, text.find('>'));
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void read_received(const Header& header, uint32_t index, const Limits& limits, Batch& batch,
                   Faults& faults) {
  if (batch.received.open_row().size() >= limits.received_max) {
    faults.set(Fault::kLimitReceived);
    return;
  }
  Received received = parse_received(header.decoded, batch.arena);
  received.header = index;
  batch.received.values.push_back(received);
}

void read_date(const Header& header, Facts& facts) {
  const std::optional<MailDate> date = parse_date(header.unfolded);
  if (!date) {
    facts.faults.set(Fault::kDateBroken);
    return;
  }
  if (!date->exact) facts.faults.set(Fault::kDateBroken);
  facts.has_date = true;
  facts.date = date->time;
  facts.date_zone_min = date->zone_min;
}

}  // namespace

void read_header_facts(const Limits& limits, HeaderScratch& scratch, uint32_t row, uint32_t root,
                       Batch& batch) {
  Facts& facts = batch.facts[row];
  facts.root_headers = root;
  const std::span<Header> headers = batch.headers.open_row().first(root);
  decode_by_text(headers, batch.parts.open_row(), limits, scratch, batch.arena, facts.faults);
  uint64_t once[2] = {};
  for (uint32_t i = 0; i < root; ++i) {
    const Header& header = headers[i];
    const uint32_t id = index(header.id);
    if (id >= kKnownHeaders) continue;
    if (stands_once(id)) {
      const uint64_t bit = uint64_t{1} << (id & 63);
      const bool twice = (once[id >> 6] & bit) != 0;
      if (twice) facts.faults.set(Fault::kHeaderDuplicate);
      once[id >> 6] |= bit;
      if (id == known::kSubject && !twice) facts.subject = i;
      if (id == known::kDate && !twice) read_date(header, facts);
      if (id == known::kMessageId && !twice) {
        facts.message_id = i;
        facts.message_id_value = message_id_value(header.decoded);
      }
    }
    if (id == known::kReceived) {
      read_received(header, i, limits, batch, facts.faults);
      continue;
    }
    const AddressField field = address_field(header.id);
    if (field != AddressField::kCount)
      parse_addresses(header.unfolded, field, i, limits, scratch, row, batch);
  }
}

}  // namespace winnow
