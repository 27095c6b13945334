// One selector of a style sheet (Selectors 4): what an element must be for its rule to apply, as
// far as the element alone tells, and the weight of the rule.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/html/packed_name.h"
#include "engine/html/tags.h"

namespace winnow {

// The keys of what rules are found by. Names of classes and ids compare without regard to case in
// quirks mode (`fold`).
uint64_t any_key();
uint64_t tag_key(HtmlTag tag);
uint64_t class_key(std::string_view name, bool fold);
uint64_t id_key(std::string_view name, bool fold);

// The bit of an attribute's name in a set of names that may say yes too often.
constexpr uint64_t attribute_bit(uint64_t packed_name) {
  return uint64_t{1} << (packed_name * 0x9E3779B97F4A7C15u >> 58);
}

struct CssSelector {
  static constexpr uint32_t kAlsoMax = 3;  // classes beside the key

  uint64_t key = 0;                 // of the id, the class, the tag or any element
  HtmlTag tag = HtmlTag::kUnknown;  // that it must have; kUnknown = any, kCount = one without an id
  uint64_t attributes = 0;          // bits of the names that it must have
  uint32_t weight = 0;              // specificity, at least: ids, classes, tags, a byte each
  bool certain = true;              // the element must be nothing else, no matter what is around it
  std::array<uint64_t, kAlsoMax> also{};
  uint32_t also_count = 0;
};

enum class CssSelectorFault : uint8_t {
  kNone,
  kNever,    // valid, but never of the text of an element at rest: ::before, :hover
  kUnknown,  // not known whether it is valid
  kInvalid,  // its whole rule is dropped
};

// Reads one selector of a list. Without comments and escapes.
CssSelectorFault read_css_selector(std::string_view text, bool fold, CssSelector& selector);

}  // namespace winnow
