// Recipients in the order of an address list: sorted, or neighbours that look alike.
#include <algorithm>
#include <array>
#include <vector>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kSorted, kAlike, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"SORTED_RECIPS", "headers", 3.5, "Recipients stand in alphabetical order.", true},
    {"SUSPICIOUS_RECIPS", "headers", 1.5, "Recipients look like picked from a list.", true},
}};

constexpr size_t kLeast = 7;

bool less_caseless(std::string_view a, std::string_view b) {
  return std::ranges::lexicographical_compare(
      a, b, [](char x, char y) { return lower_ascii(x) < lower_ascii(y); });
}

// Addresses of equal length that begin alike.
bool are_alike(const Address& a, const Address& b) {
  return a.address.size() == b.address.size() &&
         equal_caseless(a.address.substr(0, 3), b.address.substr(0, 3));
}

void content(const CheckPlan& plan, Batch& batch) {
  thread_local std::vector<const Address*> seen;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    seen.clear();
    for (const Address& address : batch.addresses.row(row))
      if (is_recipient(address)) seen.push_back(&address);
    if (seen.size() < kLeast) continue;
    const bool sorted = std::ranges::adjacent_find(seen, [](const Address* a, const Address* b) {
                          return !less_caseless(a->address, b->address);
                        }) == seen.end();
    if (sorted) insert(plan, batch, row, kSorted);
    std::ranges::stable_sort(seen, {}, [](const Address* a) { return a->domain; });
    uint32_t pairs = 0;
    for (size_t i = 1; i < seen.size(); ++i) pairs += are_alike(*seen[i - 1], *seen[i]);
    if (pairs >= 2) insert(plan, batch, row, kAlike);
  }
}

}  // namespace

extern constexpr Check kRecipientOrder{
    .name = "recipient_order",
    .text = "Looks for recipients in the order of an address list.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
