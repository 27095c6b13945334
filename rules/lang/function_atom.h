// Function atoms of regexp rules: header_exists(To), check_smtp_data(from, /re/), ... Parsed when
// rules are compiled, evaluated over the batch after the match stage. The table in
// function_atom.cc has one row a function. Facts: facts/scoring.md "Regexp rules", functions.
//
//   atom     := NAME [ "(" [ argument { "," argument } ] ")" ]
//   argument := regexp | quoted text | text
// Quoted text that reads as a regexp is one: check_smtp_data(helo, "/^x/i").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/match/regex.h"
#include "engine/mime/header_names.h"
#include "engine/mime/header_scratch.h"
#include "engine/result.h"

namespace winnow {

enum class FunctionKind : uint8_t {
  kHeaderExists,
  kHeaderNoSpace,
  kHeaderTab,
  kHasHtmlTag,
  kHasFakeHtml,
  kHasOnlyHtml,
  kIsEmptyBody,
  kAlways,
  kCheckSmtpData,
  kRecipientsDistance,
  kRecipientsSorted,
  kTransferEncoding,
  kPartsDistance,
  kContentType,
  kContentSubtype,
  kContentHasParam,
  kContentCompareParam,
  kContentPart,
  kContentPartLen,
  kHasFlag,
  kHasSymbol,
};

enum class SmtpField : uint8_t { kFrom, kHelo, kUser, kSubject, kRcpt };

struct FunctionArgument {
  std::string text;  // as written, without quotes
  Regex regex;       // valid where it was a regexp
};

struct FunctionSpec {
  FunctionKind kind = FunctionKind::kAlways;
  std::string canonical;  // two atoms with the same canonical text are one
  std::vector<FunctionArgument> arguments;
  HeaderId header = kNoId<HeaderId>;
  SmtpField field = SmtpField::kFrom;
  uint32_t tag = 0;            // HtmlTag
  bool all_parts = false;      // content_type_*: every part, not the top one alone
  double from = 0, below = 0;  // numbers of the argument list
};

// One row of the functions' table, for documentation.
struct FunctionDecl {
  std::string_view name;
  FunctionKind kind;
  uint8_t arguments_min;
  uint8_t arguments_max;
  std::string_view text;
};
std::span<const FunctionDecl> all_functions();

struct FunctionContext {
  HeaderNames& headers;                         // headers it names are added
  uint32_t (*html_tag)(std::string_view name);  // HtmlTag of a name, 0 = no such tag
};

// Is `atom` a call, or the name of a function?
bool is_function_atom(std::string_view atom);
// Errors carry the column in the atom.
Result<FunctionSpec> parse_function_atom(std::string_view atom, const FunctionContext& context);

class FunctionPlan {
 public:
  // As MatchPlanBuilder::add: the atom that has the value, `fresh` or that of an identical one.
  // has_symbol() is an error: it reads what is known only when the message is judged.
  Result<AtomId> add(FunctionSpec spec, AtomId fresh);
  struct Entry {
    FunctionSpec spec;
    AtomId atom;
  };
  std::span<const Entry> entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

// Working memory of one thread.
struct FunctionScratch {
  explicit FunctionScratch(const Limits& given = {}) : limits(given), regex(given) {}
  Limits limits;
  RegexScratch regex;
  HeaderScratch header;
  uint64_t epoch = 0;
  std::vector<uint64_t> seen;      // [header id] epoch in which the row had it
  std::vector<uint64_t> no_space;  // ... without a blank after the colon
  std::vector<uint64_t> tab;       // ... with a tab after the colon
  std::vector<uint32_t> keys;      // beginnings of recipients
};

// Appends a hit of count 1 for each function that is true of a row. Needs parse, text, html,
// words. A regexp that meets its step limit sets Fault::kLimitMatch and is false.
void functions(const FunctionPlan& plan, FunctionScratch& scratch, Batch& batch);

}  // namespace winnow
