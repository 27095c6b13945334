// The parse stage over one message, and its columns as text to compare. `problem()` checks what
// must hold of every message; the fuzz target uses it too.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mime/parse.h"

namespace winnow {

inline std::string with_crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

inline std::string without_cr(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != '\r') out += c;
  return out;
}

struct Parsed {
  HeaderNames names;
  ParseScratch scratch;
  Batch batch;
  Envelope envelope;
  std::unique_ptr<char[]> bytes;  // of exact size: a sanitizer sees what reads beyond
  size_t size = 0;

  void run(std::string_view message) {
    size = message.size();
    bytes = std::make_unique<char[]>(size + Batch::kPadding);
    std::copy(message.begin(), message.end(), bytes.get());
    batch.clear();
    batch.add({bytes.get(), size}, 0, envelope, {});
    parse({names, Limits{}}, scratch, batch);
  }

  // One line a part: depth, type, [decoded] of leaves, flags, file name.
  std::string tree(std::string_view message) {
    run(message);
    std::string out;
    const std::span<const Part> parts = batch.parts.row(0);
    for (size_t i = 0; i < parts.size(); ++i) {
      const Part& part = parts[i];
      const bool inner =
          part.kind == PartKind::kMultipart ||
          (part.kind == PartKind::kMessage && i + 1 < parts.size() && parts[i + 1].parent == i);
      out += fmt::format("{} {}/{}", part.depth, part.type, part.subtype);
      if (!inner) out += fmt::format(" [{}]", part.decoded);
      auto flag = [&](PartFlag f, std::string_view name) {
        if ((part.flags & static_cast<uint16_t>(f)) != 0) out += fmt::format(" {}", name);
      };
      flag(PartFlag::kTypeMissing, "missing");
      flag(PartFlag::kTypeBroken, "broken");
      flag(PartFlag::kVirtual, "virtual");
      flag(PartFlag::kSecondReading, "second");
      flag(PartFlag::kEncrypted, "encrypted");
      flag(PartFlag::kSigned, "signed");
      flag(PartFlag::kFlowed, "flowed");
      flag(PartFlag::kTruncated, "cut");
      if (!part.filename.empty()) out += fmt::format(" {}", part.filename);
      if (!part.other_filename.empty()) out += fmt::format(" or {}", part.other_filename);
      out += '\n';
    }
    return out;
  }

  // Symbols of the faults, sorted by name, one blank between.
  std::string faults() const {
    std::string out;
    std::vector<std::string_view> names_of;
    for (const FaultInfo& info : fault_table())
      if (batch.facts[0].faults.has(info.fault)) names_of.push_back(info.symbol);
    std::sort(names_of.begin(), names_of.end());
    for (std::string_view name : names_of) out += (out.empty() ? "" : " ") + std::string(name);
    return out;
  }

  // What is wrong with the columns; empty = nothing.
  std::string problem() const {
    const std::span<const Part> parts = batch.parts.row(0);
    const std::span<const Header> headers = batch.headers.row(0);
    if (batch.parts.rows() != 1 || batch.headers.rows() != 1 || batch.addresses.rows() != 1 ||
        batch.received.rows() != 1)
      return "a column was not closed once";
    if (parts.empty() || parts[0].parent != kNoIndex) return "no root";
    size_t decoded = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Part& part = parts[i];
      if (i > 0 && (part.parent >= i || part.depth != parts[part.parent].depth + 1))
        return fmt::format("part {}: parent or depth", i);
      if (part.headers.begin > part.headers.end || part.headers.end > headers.size())
        return fmt::format("part {}: headers", i);
      for (uint32_t h = part.headers.begin; h < part.headers.end; ++h)
        if (headers[h].part != i) return fmt::format("header {}: part", h);
      if (part.type.empty() || part.subtype.empty()) return fmt::format("part {}: no type", i);
      if (part.kind != PartKind::kMultipart) decoded += part.decoded.size();
    }
    // Depth and the number of readings multiply what nested messages show of the same bytes.
    if (decoded > (size + 70'000) * 64 * 7) return "decoded is not bounded";
    const Facts& facts = batch.facts[0];
    if (facts.body_offset > size) return "body_offset";
    return {};
  }
};

}  // namespace winnow
