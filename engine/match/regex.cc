#include "engine/match/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <string>

#include "engine/match/pattern.h"
#include "engine/match/regex_steps.h"
#include "engine/match/utf8_valid.h"

namespace winnow {

namespace {

constexpr size_t kJitStackMin = 32 * 1024;
constexpr size_t kJitStackMax = 1024 * 1024;
constexpr size_t kDfaWorkspaceInts = 4096;
constexpr uint32_t kStepsAtLeast = 10'000;
constexpr uint32_t kHeapLimitKib = 20 * 1024;

uint32_t compile_options(uint32_t flags) {
  uint32_t options = PCRE2_NEVER_BACKSLASH_C;
  if (flags & bit(PatternFlag::kIgnoreCase)) options |= PCRE2_CASELESS;
  if (flags & bit(PatternFlag::kMultiLine)) options |= PCRE2_MULTILINE;
  if (flags & bit(PatternFlag::kDotAll)) options |= PCRE2_DOTALL;
  if (flags & bit(PatternFlag::kExtended)) options |= PCRE2_EXTENDED;
  if (flags & bit(PatternFlag::kUtf)) options |= PCRE2_UTF;
  if (flags & kCountSteps) options |= PCRE2_AUTO_CALLOUT;
  // Bytes stay bytes: a pattern cannot switch itself to UTF and read past a broken sequence.
  if (!(flags & bit(PatternFlag::kUtf))) options |= PCRE2_NEVER_UTF;
  return options;
}

// Free spacing skips the byte 85, also where text is bytes, and would read `Å` (C3 85) as C3. As an
// escape it stays a byte.
std::string keep_byte_85(std::string_view pattern) {
  std::string out;
  bool quoted = false;  // between \Q and \E
  for (size_t i = 0; i < pattern.size(); ++i) {
    const bool escape = pattern[i] == '\\' && i + 1 < pattern.size();
    if (quoted) {
      if (escape && pattern[i + 1] == 'E') quoted = false;
    } else if (escape) {
      quoted = pattern[i + 1] == 'Q';
      if (pattern[i + 1] != '\x85') out += pattern[i];
      ++i;
    }
    if (pattern[i] == '\x85' && !quoted)
      out += "\\x85";
    else
      out += pattern[i];
  }
  return out;
}

// Steps from one starting position. PCRE2 counts from each anew, so long texts get fewer: the
// work of a whole run stays bounded.
uint32_t steps_for(size_t bytes, uint32_t steps_max) {
  const uint64_t share = (uint64_t{1} << 32) / (bytes + 1);
  return static_cast<uint32_t>(
      std::min<uint64_t>(steps_max, std::max<uint64_t>(share, kStepsAtLeast)));
}

// regex_steps.h
thread_local uint64_t steps = 0;
thread_local size_t last_step = 0;  // the byte at which it was

// PCRE2 calls it before each item of a pattern that was compiled for it.
int count_step(pcre2_callout_block* block, void*) {
  const size_t at = block->current_position;
  steps += 1 + (at > last_step ? at - last_step : last_step - at);
  last_step = at;
  return 0;
}

size_t next_character(std::string_view text, size_t at, bool utf) {
  ++at;
  while (utf && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

}  // namespace

struct RegexScratch::State {
  pcre2_match_data* data = nullptr;
  pcre2_match_context* context = nullptr;
  pcre2_jit_stack* stack = nullptr;
  std::array<int, kDfaWorkspaceInts> workspace;
  uint32_t steps_max;

  explicit State(const Limits& limits) : steps_max(limits.pcre_steps_max) {
    data = pcre2_match_data_create(1, nullptr);
    context = pcre2_match_context_create(nullptr);
    stack = pcre2_jit_stack_create(kJitStackMin, kJitStackMax, nullptr);
    pcre2_set_depth_limit(context, limits.pcre_steps_max);
    pcre2_set_heap_limit(context, kHeapLimitKib);
    pcre2_jit_stack_assign(context, nullptr, stack);
    pcre2_set_callout(context, count_step, nullptr);
  }
  ~State() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

RegexScratch::RegexScratch(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
RegexScratch::~RegexScratch() = default;
RegexScratch::RegexScratch(RegexScratch&&) noexcept = default;
RegexScratch& RegexScratch::operator=(RegexScratch&&) noexcept = default;

struct Regex::Code {
  pcre2_code* code = nullptr;
  bool counts = false;  // steps
  Code(pcre2_code* owned, bool counting) : code(owned), counts(counting) {}
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
};

Result<Regex> Regex::compile(std::string_view pattern, uint32_t flags) {
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
  std::string kept;
  std::string_view bytes = pattern;
  if (!(flags & bit(PatternFlag::kUtf)) && pattern.find('\x85') != std::string_view::npos)
    bytes = kept = keep_byte_85(pattern);
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(bytes.data()), bytes.size(),
                                   compile_options(flags), &error, &at, context);
  pcre2_compile_context_free(context);
  if (code == nullptr) {
    unsigned char text[256] = {};
    pcre2_get_error_message(error, text, sizeof(text));
    return fail(Error{.what = "bad pattern /" + std::string(pattern) + "/: " +
                              reinterpret_cast<char*>(text) + " at byte " + std::to_string(at + 1),
                      .column = static_cast<unsigned>(at + 1)});
  }
  Regex regex;
  regex.code_ = std::make_shared<const Code>(code, (flags & kCountSteps) != 0);
  regex.utf_ = (flags & bit(PatternFlag::kUtf)) != 0;
  return regex;
}

void Regex::jit() {
  // A failure (no memory, unknown CPU) leaves the interpreter in place: the same results.
  (void)pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE);
}

Find Regex::find(RegexScratch& scratch, std::string_view text, size_t from,
                 RegexMatch* match) const {
  RegexScratch::State& state = *scratch.state_;
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const uint32_t options = utf_ ? PCRE2_NO_UTF_CHECK : 0;
  pcre2_set_match_limit(state.context, steps_for(text.size(), state.steps_max));
  if (code_->counts) last_step = from;
  int rc = pcre2_match(code_->code, subject, text.size(), from, options, state.data, state.context);
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
    rc = pcre2_match(code_->code, subject, text.size(), from, options | PCRE2_NO_JIT, state.data,
                     state.context);
  }
  // Where nothing begins as a match must, the text is passed without a step.
  if (code_->counts && rc < 0) steps += text.size() - from;
  if (rc == PCRE2_ERROR_NOMATCH) return Find::kNone;
  if (rc < 0) return Find::kLimit;
  if (match != nullptr) {
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(state.data);
    // \K inside a look-ahead can put the start behind the end.
    *match = {std::min(ends[0], ends[1]), std::max(ends[0], ends[1])};
  }
  return Find::kFound;
}

Find Regex::find_in_bytes(RegexScratch& scratch, std::string_view text, RegexMatch* match) const {
  if (utf_ && !is_valid_utf8(text)) return Find::kNone;
  return find(scratch, text, 0, match);
}

Find Regex::test_without_backtracking(RegexScratch& scratch, std::string_view text) const {
  RegexScratch::State& state = *scratch.state_;
  int rc = pcre2_dfa_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                           PCRE2_DFA_SHORTEST | (utf_ ? PCRE2_NO_UTF_CHECK : 0), state.data,
                           state.context, state.workspace.data(), state.workspace.size());
  if (rc == PCRE2_ERROR_NOMATCH) return Find::kNone;
  return rc < 0 ? Find::kLimit : Find::kFound;
}

uint32_t Regex::count(RegexScratch& scratch, std::string_view text, uint32_t max,
                      bool& limited) const {
  uint32_t matches = 0;
  size_t from = 0;
  while (matches < max && from <= text.size()) {
    RegexMatch match;
    Find found = find(scratch, text, from, &match);
    if (found == Find::kLimit) limited = true;
    if (found != Find::kFound) break;
    ++matches;
    // A look-behind with \K may end before `from`: always move on.
    const size_t least = next_character(text, from, utf_);
    from = match.end > match.begin && match.end > from
               ? match.end
               : std::max(least, next_character(text, match.end, utf_));
  }
  return matches;
}

uint64_t regex_steps() { return steps; }

size_t Regex::bytes() const {
  size_t code = 0, jit = 0;
  if (code_ == nullptr) return 0;
  pcre2_pattern_info(code_->code, PCRE2_INFO_SIZE, &code);
  pcre2_pattern_info(code_->code, PCRE2_INFO_JITSIZE, &jit);
  return code + jit;
}

std::string_view regex_library_version() {
  static const std::string version = [] {
    char text[64] = {};
    pcre2_config(PCRE2_CONFIG_VERSION, text);
    return std::string(text);
  }();
  return version;
}

}  // namespace winnow
