// X-Priority, as mail programs write it: a number, with or without a word behind.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kZero, kOne, kTwo, kThree, kFive, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"HAS_X_PRIO_ZERO", "headers", 0, "A priority that does not exist."},
    {"HAS_X_PRIO_ONE", "headers", 0, "Highest priority."},
    {"HAS_X_PRIO_TWO", "headers", 0, "High priority."},
    {"HAS_X_PRIO_THREE", "headers", 0, "Normal priority, said aloud."},
    {"HAS_X_PRIO_FIVE", "headers", 0, "Low priority."},
}};

struct Plan : CheckPlan {
  HeaderId priority{};
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->priority = context.headers.add("X-Priority");
  return plan;
}

// The digits at the front, without zeros that add nothing; empty where there are none.
std::string_view number_of(std::string_view value) {
  value = value.substr(0, value.find_first_not_of("0123456789"));
  while (value.size() > 1 && value[0] == '0') value.remove_prefix(1);
  return value;
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Header* const header = find_header(batch, row, plan.priority);
    const std::string_view number = header ? number_of(header->unfolded) : std::string_view();
    if (number.empty()) continue;
    insert(plan, batch, row,
           number.size() > 1 || number[0] >= '5' ? kFive
           : number[0] >= '3'                    ? kThree
                                                 : static_cast<Sym>(kZero + (number[0] - '0')),
           number);
  }
}

}  // namespace

extern constexpr Check kPriority{
    .name = "priority",
    .text = "Reads X-Priority.",
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
