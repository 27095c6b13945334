// What many checks look up in a row: headers by name, addresses by field.
#pragma once

#include <span>
#include <string_view>

#include "engine/batch.h"
#include "engine/evidence.h"
#include "engine/mime/header_names.h"
#include "engine/mime/ip.h"

namespace winnow {

// The message's own headers of row `row` (not those of its parts).
inline std::span<const Header> own_headers(const Batch& batch, uint32_t row) {
  return batch.headers.row(row).first(batch.facts[row].root_headers);
}

// First header of that name; null where there is none.
inline const Header* find_header(const Batch& batch, uint32_t row, HeaderId id) {
  for (const Header& header : own_headers(batch, row))
    if (header.id == id) return &header;
  return nullptr;
}
inline const Header* find_header(const Batch& batch, uint32_t row, known::Known name) {
  return find_header(batch, row, header_id(name));
}

// First address of a field that has an address; null where there is none.
inline const Address* find_address(const Batch& batch, uint32_t row, AddressField field) {
  for (const Address& address : batch.addresses.row(row))
    if (address.field == field && !address.address.empty()) return &address;
  return nullptr;
}

// Local or authenticated mail, which checks of the outside world skip (facts, "Local mail").
inline bool is_trusted(const Envelope& envelope) {
  return !envelope.user.empty() || envelope.own_ip;
}

// Whether nobody answers DNS questions about this batch, recorded or not (Batch::silent).
inline bool is_unanswered(const Batch& batch) {
  return batch.silent & 1u << (16 + static_cast<uint32_t>(QuestionKind::kDns));
}

inline bool has_8bit(std::string_view text) {
  for (const char c : text)
    if (static_cast<uint8_t>(c) > 127) return true;
  return false;
}

// What a person wrote for a reader, not data that a program reads (text/calendar, text/csv ...).
inline bool is_prose(const Part& part) {
  return part.kind == PartKind::kHtml || (part.kind == PartKind::kText && part.subtype == "plain");
}

inline bool is_recipient(const Address& address) {
  return (address.field == AddressField::kTo || address.field == AddressField::kCc ||
          address.field == AddressField::kBcc) &&
         !address.address.empty();
}

inline std::string_view domain_of(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view{} : address.substr(at + 1);
}
inline std::string_view local_of(std::string_view address) {
  return address.substr(0, address.rfind('@'));
}

}  // namespace winnow
