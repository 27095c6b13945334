// Test strings by which an operator sees what happens to mail that is refused, marked, rewritten or
// let through.
#include <array>
#include <string_view>

#include "rules/checks/check.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"GTUBE", "gtube", 0, "Holds a test string for spam filters."},
}};

// X refuses, Y marks, Z rewrites, A lets through without a symbol. Split, so that this file is not
// a test mail itself.
constexpr std::string_view kHead = "JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-";
constexpr std::string_view kTail = "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
// As rspamd has it: the string alone, without an end of line or a tag, is no test mail; attached
// texts are texts.
constexpr size_t kSourceMin = 69, kTextMax = 8192;

enum class Patterns : uint8_t { kReject, kAll, kDisabled };

struct Plan : CheckPlan {
  Patterns patterns = Patterns::kReject;
  ActionId reject, add_header, rewrite, none;
};

constexpr std::array<OptionDecl, 1> kOptions{{
    {"patterns", OptionType::kString, "reject",
     "reject (X only), all, or disabled; options.gtube_patterns is the same."},
}};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  const std::string_view patterns =
      context.options ? context.options->string("patterns", "reject") : "reject";
  const bool disabled = patterns == "disabled" || patterns == "disable";
  plan->patterns = patterns == "all" ? Patterns::kAll
                   : disabled        ? Patterns::kDisabled
                                     : Patterns::kReject;
  if (patterns != "all" && !disabled && patterns != "reject")
    context.warn("patterns", "must be reject, all or disabled; reject is taken");
  plan->reject = context.action("reject");
  plan->add_header = context.action("add header");
  plan->rewrite = context.action("rewrite subject");
  plan->none = context.action("no action");
  if (plan->patterns == Patterns::kDisabled) return nullptr;
  return plan;
}

// The letters as weights of the fact, which evidence keeps at every level.
enum class Asked : uint8_t { kReject = 1, kAddHeader, kRewriteSubject, kNoAction };

// 'X', 'Y', 'Z' or 'A'; 0 where there is no test string.
char test_letter(std::string_view source, std::string_view text) {
  if (source.size() < kSourceMin || text.size() > kTextMax) return 0;
  for (size_t at = text.find(kHead); at != std::string_view::npos;
       at = text.find(kHead, at + kHead.size()))
    if (at > 0 && text.substr(at + kHead.size()).starts_with(kTail)) return text[at - 1];
  return 0;
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row)
    for (const Text& text : batch.texts.row(row)) {
      const char letter = test_letter(text.utf8, text.plain);
      const bool taken = letter == 'X' || (plan.patterns == Patterns::kAll &&
                                           (letter == 'Y' || letter == 'Z' || letter == 'A'));
      if (!taken) continue;
      const Asked asked = letter == 'X'   ? Asked::kReject
                          : letter == 'Y' ? Asked::kAddHeader
                          : letter == 'Z' ? Asked::kRewriteSubject
                                          : Asked::kNoAction;
      insert(plan, batch, row, 0, {}, static_cast<double>(asked));
      break;
    }
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  for (const SymbolFact& fact : evidence.symbols) {
    if (fact.symbol != plan.symbols[0] || fact.symbol == kNoId<SymbolId>) continue;
    const auto asked = [&](Asked what) { return fact.weight == static_cast<double>(what); };
    const ActionId action = asked(Asked::kReject)      ? plan.reject
                            : asked(Asked::kAddHeader) ? plan.add_header
                            : asked(Asked::kNoAction)  ? plan.none
                                                       : plan.rewrite;
    if (action == kNoId<ActionId>) break;
    if (action != plan.none)
      judgement.insert(fact.symbol, 1, {});  // before the end: the fact itself comes too late
    PreResult result;
    result.action = action;
    result.priority = 3;
    result.ends = true;
    result.takes_threshold = action != plan.none;
    result.message = "Gtube pattern";
    result.module = "GTUBE";
    judgement.pre_result(result);
    break;
  }
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kGtube{
    .name = "gtube",
    .text = "Acts on the test strings for spam filters.",
    .options = kOptions,
    .symbols = kSymbols,
    .phase = Phase::kPrefilter,
    .compile = compile,
    .content = content,
    .judge = judge,
};

}  // namespace winnow
