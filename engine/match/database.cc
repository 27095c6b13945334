#include "engine/match/database.h"

#include <hs/hs.h>

#include <cstdlib>

#include "engine/match/letters.h"
#include "engine/pages.h"
#include "fmt/format.h"

namespace winnow {

namespace {

// Memory of a database. A scan jumps about in its tables, so those of a large one lie in huge
// pages.
void* allocate(size_t bytes) {
  if (bytes < kHugePage / 2) {
    void* const memory = std::malloc(bytes);
    if (memory != nullptr) give_pages(memory, bytes);
    return memory;
  }
  const size_t size = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = std::aligned_alloc(kHugePage, size);
  if (memory != nullptr) ask_huge_pages(memory, size);
  return memory;
}
void use_huge_pages() {
  static const hs_error_t once = hs_set_database_allocator(allocate, std::free);
  (void)once;
}

// The library takes C strings and has no flag for free spacing.
std::string expression(std::string_view regex, uint32_t flags) {
  std::string text;
  if (flags & bit(PatternFlag::kExtended)) text = "(?x)";
  text += regex;
  return text;
}

unsigned database_flags(uint32_t flags, PatternClass how, bool joined) {
  unsigned out = HS_FLAG_ALLOWEMPTY;
  if (flags & bit(PatternFlag::kIgnoreCase)) out |= HS_FLAG_CASELESS;
  if (flags & bit(PatternFlag::kDotAll)) out |= HS_FLAG_DOTALL;
  if ((flags & bit(PatternFlag::kMultiLine)) || joined) out |= HS_FLAG_MULTILINE;
  if (flags & bit(PatternFlag::kUtf)) out |= HS_FLAG_UTF8;
  if (how == PatternClass::kPrefilter) out |= HS_FLAG_PREFILTER;
  if (!joined) out |= HS_FLAG_SINGLEMATCH;
  return out;
}

// Asks the library whether it takes the pattern. min_width: bytes of the shortest match.
bool accepted(const std::string& text, unsigned flags, unsigned& min_width) {
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  const bool good = hs_expression_info(text.c_str(), flags, &info, &error) == HS_SUCCESS;
  if (good) min_width = info->min_width;
  std::free(info);
  hs_free_compile_error(error);
  return good;
}

// Does the pattern name the ends of the whole text, or change what ^ and $ mean half-way? Then
// its matches in joined items are no superset of those in single ones.
bool names_text_ends(std::string_view regex) {
  for (size_t i = 0; i + 1 < regex.size(); ++i) {
    if (regex[i] == '\\') {
      const char c = regex[++i];
      if (c == 'A' || c == 'z' || c == 'Z' || c == 'G' || c == 'K') return true;
    } else if (regex[i] == '(' && regex[i + 1] == '?') {
      size_t j = i + 2;
      while (j < regex.size() && regex[j] >= 'a' && regex[j] <= 'z') ++j;
      if (j < regex.size() && (regex[j] == '-' || regex[j] == '^')) return true;
    }
  }
  return false;
}

}  // namespace

PatternClass classify(const PatternSpec& spec) {
  if (spec.regex.find('\0') != std::string::npos) return PatternClass::kAlone;
  const bool utf = (spec.flags & bit(PatternFlag::kUtf)) != 0;
  if (utf && differs_by_unicode(spec.regex, spec.flags)) return PatternClass::kAlone;
  const bool joined = is_word_scope(spec.scope);
  if (joined && names_text_ends(spec.regex)) return PatternClass::kAlone;
  const std::string text = expression(spec.regex, spec.flags);
  unsigned min_width = 0;
  for (PatternClass how : {PatternClass::kExact, PatternClass::kPrefilter}) {
    if (!accepted(text, database_flags(spec.flags, how, joined), min_width)) continue;
    if (!joined) return how;
    // An empty match would be a candidate at every byte.
    return min_width == 0 ? PatternClass::kAlone : PatternClass::kPrefilter;
  }
  return PatternClass::kAlone;
}

DatabaseScratch::~DatabaseScratch() { hs_free_scratch(state_); }

DatabaseScratch DatabaseScratch::clone() const {
  DatabaseScratch copy;
  if (state_ != nullptr) hs_clone_scratch(state_, &copy.state_);
  return copy;
}

size_t DatabaseScratch::bytes() const {
  size_t size = 0;
  if (state_ != nullptr) hs_scratch_size(state_, &size);
  return size;
}

Result<std::shared_ptr<const Database>> Database::compile(std::span<const DatabasePattern> patterns,
                                                          bool joined,
                                                          std::vector<uint32_t>& refused) {
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
  std::vector<unsigned> flags, ids;
  for (uint32_t i = 0; i < patterns.size(); ++i) {
    texts.push_back(expression(patterns[i].regex, patterns[i].flags));
    flags.push_back(database_flags(patterns[i].flags, patterns[i].how, joined));
    ids.push_back(i);
  }
  pointers.reserve(texts.size());
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  use_huge_pages();
  std::shared_ptr<Database> made(new Database);
  while (!pointers.empty()) {
    hs_compile_error_t* error = nullptr;
    const hs_error_t rc = hs_compile_multi(pointers.data(), flags.data(), ids.data(),
                                           static_cast<unsigned>(pointers.size()), HS_MODE_BLOCK,
                                           nullptr, &made->state_, &error);
    if (rc == HS_SUCCESS) return made;
    const int at = error != nullptr ? error->expression : -1;
    const std::string what = error != nullptr && error->message != nullptr ? error->message : "";
    hs_free_compile_error(error);
    if (at < 0 || static_cast<size_t>(at) >= pointers.size()) {
      return fail(fmt::format("pattern database of {} patterns cannot be built: {}",
                              pointers.size(), what));
    }
    refused.push_back(ids[at]);
    pointers.erase(pointers.begin() + at);
    flags.erase(flags.begin() + at);
    ids.erase(ids.begin() + at);
  }
  return fail("pattern database: no pattern is left that it could take");
}

Result<std::shared_ptr<const Database>> Database::deserialise(std::string_view bytes) {
  use_huge_pages();
  std::shared_ptr<Database> made(new Database);
  const hs_error_t rc = hs_deserialize_database(bytes.data(), bytes.size(), &made->state_);
  if (rc == HS_SUCCESS) return made;
  return fail(fmt::format("pattern database does not fit this library or CPU (error {})", rc));
}

std::string Database::serialise() const {
  char* bytes = nullptr;
  size_t size = 0;
  if (hs_serialize_database(state_, &bytes, &size) != HS_SUCCESS) return {};
  std::string out(bytes, size);
  std::free(bytes);
  return out;
}

Database::~Database() { hs_free_database(state_); }

void Database::grow(DatabaseScratch& scratch) const { hs_alloc_scratch(state_, &scratch.state_); }

namespace {

struct Call {
  Database::OnMatch on_match;
  void* context;
};

}  // namespace

void Database::scan(DatabaseScratch& scratch, std::string_view text, OnMatch on_match,
                    void* context) const {
  Call call{on_match, context};
  const auto relay = [](unsigned id, unsigned long long, unsigned long long to, unsigned,
                        void* data) -> int {
    const Call& to_call = *static_cast<const Call*>(data);
    to_call.on_match(to_call.context, id, to);
    return 0;
  };
  // The library refuses a null pointer, also for an empty text.
  const char* data = text.data() != nullptr ? text.data() : "";
  hs_scan(state_, data, static_cast<unsigned>(text.size()), 0, scratch.state_, relay, &call);
}

size_t Database::bytes() const {
  size_t size = 0;
  hs_database_size(state_, &size);
  return size;
}

std::string database_platform() {
  hs_platform_info_t info{};
  hs_populate_platform(&info);
  return fmt::format("{} tune {} features {:x}", hs_version(), info.tune, info.cpu_features);
}

std::string_view database_library_version() { return hs_version(); }

}  // namespace winnow
