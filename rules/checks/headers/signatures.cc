// Whether a message is signed at all, and whether its ARC sets are whole (RFC 8617 5.2); what the
// signatures are worth is for the checks that ask for keys.
#include <array>
#include <bitset>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kArcNone, kArcInvalid, kDkimNone, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"ARC_NA", "arc", 0, "Has no ARC set."},
    {"ARC_INVALID", "arc", 0.5, "Its ARC sets are not whole."},
    {"R_DKIM_NA", "dkim", 0, "Has no DKIM signature.", true},
}};

constexpr uint32_t kInstancesMax = 50;  // RFC 8617 4.2.1

// Value of `tag` in a list of tags "a=1; cv=none"; empty where it is not there.
std::string_view tag_value(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const size_t semicolon = list.find(';');
    std::string_view one = list.substr(0, semicolon);
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos) {
      std::string_view name = one.substr(0, equals), value = one.substr(equals + 1);
      while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
      while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
      while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
        value.remove_suffix(1);
      if (equal_caseless(name, tag)) return value;
    }
    if (semicolon == std::string_view::npos) return {};
    list.remove_prefix(semicolon + 1);
  }
  return {};
}

uint32_t instance_of(const Header& header) {
  const std::string_view text = tag_value(header.unfolded, "i");
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// What is wrong with the sets; empty where they are whole.
std::string_view arc_fault(const Batch& batch, uint32_t row) {
  uint32_t seals = 0, signatures = 0;
  std::bitset<kInstancesMax + 1> sealed, signed_;
  for (const Header& header : own_headers(batch, row)) {
    const bool seal = header.id == header_id(known::kArcSeal);
    if (!seal && header.id != header_id(known::kArcMessageSignature)) continue;
    ++(seal ? seals : signatures);
    const uint32_t instance = instance_of(header);
    if (instance == 0 || instance > kInstancesMax) return "invalid instance";
    (seal ? sealed : signed_).set(instance);
    if (!seal) continue;
    const std::string_view cv = tag_value(header.unfolded, "cv");
    if (cv.empty()) return "no cv";
    if (instance == 1 && !equal_caseless(cv, "none")) return "first cv is not none";
  }
  if (seals != signatures) return "counts differ";
  for (uint32_t i = 1; i <= seals; ++i)
    if (i > kInstancesMax || !sealed[i] || !signed_[i]) return "instances have gaps";
  return {};
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!find_header(batch, row, known::kDkimSignature) && !is_trusted(batch.envelopes[row]))
      insert(plan, batch, row, kDkimNone);
    if (!find_header(batch, row, known::kArcSeal) ||
        !find_header(batch, row, known::kArcMessageSignature)) {
      insert(plan, batch, row, kArcNone);
      continue;
    }
    if (const std::string_view fault = arc_fault(batch, row); !fault.empty())
      insert(plan, batch, row, kArcInvalid, fault);
  }
}

}  // namespace

extern constexpr Check kSignaturesThere{
    .name = "signatures",
    .text = "Looks whether a message is signed, and whether its ARC sets are whole.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
