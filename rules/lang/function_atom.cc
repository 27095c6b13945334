#include "rules/lang/function_atom.h"

#include <algorithm>
#include <charconv>

#include "engine/ascii.h"
#include "fmt/format.h"
#include "rules/lang/expression_atom.h"
#include "rules/lang/regexp.h"

namespace winnow {

namespace {

using enum FunctionKind;

constexpr FunctionDecl kFunctions[] = {
    {"header_exists", kHeaderExists, 1, 1, "the message has this header"},
    {"raw_header_exists", kHeaderExists, 1, 1, "the message has this header"},
    {"header_no_space", kHeaderNoSpace, 1, 1, "this header's value follows its colon directly"},
    {"header_tab", kHeaderTab, 1, 1, "a tab stands between this header's colon and its value"},
    {"has_html_tag", kHasHtmlTag, 1, 1, "an HTML part has this tag"},
    {"has_fake_html", kHasFakeHtml, 0, 0, "an HTML part has fewer than two tags"},
    {"has_only_html_part", kHasOnlyHtml, 0, 0, "there is HTML text and no plain text"},
    {"is_empty_body", kIsEmptyBody, 0, 0, "no part has any content"},
    {"is_html_balanced", kAlways, 0, 0, "always true, as in Rspamd"},
    {"compare_encoding", kAlways, 0, 1, "always true, as in Rspamd"},
    {"check_smtp_data", kCheckSmtpData, 2, 2, "from, helo, user, subject or any rcpt is this"},
    {"compare_recipients_distance", kRecipientsDistance, 1, 1,
     "of at least 7 recipients, half the pairs that begin alike are at least so many"},
    {"is_recipients_sorted", kRecipientsSorted, 0, 0, "at least 7 recipients, in order"},
    {"compare_transfer_encoding", kTransferEncoding, 1, 1, "a text part is encoded so"},
    {"compare_parts_distance", kPartsDistance, 0, 2,
     "likeness of HTML and its plain twin in per cent is at most A, or from A to below B"},
    {"content_type_is_type", kContentType, 1, 2, "the top part's type is this"},
    {"content_type_is_subtype", kContentSubtype, 1, 2, "the top part's subtype is this"},
    {"content_type_has_param", kContentHasParam, 1, 2, "its Content-Type has this parameter"},
    {"content_type_compare_param", kContentCompareParam, 2, 3, "that parameter's value is this"},
    {"has_content_part", kContentPart, 1, 2, "a part has this type"},
    {"has_content_part_len", kContentPartLen, 3, 4, "a part has this type and length in bytes"},
    {"has_flag", kHasFlag, 1, 1, "the message has this flag"},
    {"has_symbol", kHasSymbol, 1, 1, "this symbol was inserted"},
};

constexpr std::string_view kSmtpFields[] = {"from", "helo", "user", "subject", "rcpt"};
constexpr std::string_view kFlags[] = {
    "pass_all",  "no_log",     "no_stat",        "skip",         "extended_urls", "learn_spam",
    "learn_ham", "greylisted", "broken_headers", "skip_process", "milter",        "bad_unicode"};

tl::unexpected<Error> at(size_t column, std::string what) {
  return fail(Error{.what = std::move(what), .column = static_cast<unsigned>(column + 1)});
}

const FunctionDecl* find_function(std::string_view name) {
  const auto row = std::ranges::find(kFunctions, name, &FunctionDecl::name);
  return row == std::end(kFunctions) ? nullptr : row;
}

std::string_view name_of(std::string_view atom) { return trimmed(atom.substr(0, atom.find('('))); }

// One past the last byte of the argument that begins at `i`; it ends at a comma or at `end`.
Result<size_t> argument_end(std::string_view atom, size_t i, size_t end) {
  if (atom[i] == '"' || atom[i] == '\'') {
    for (size_t j = i + 1; j < end; ++j) {
      if (atom[j] == '\\') {
        ++j;
      } else if (atom[j] == atom[i]) {
        return j + 1;
      }
    }
    return at(i, "a quote is not closed");
  }
  Result<size_t> regexp = scan_regexp(atom.substr(0, end), i);
  if (!regexp || *regexp != i) return regexp;
  return std::min(atom.find(',', i), end);
}

Result<FunctionArgument> read_argument(std::string_view text, size_t column) {
  FunctionArgument argument;
  text = trimmed(text);
  if (text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0]) {
    const char quote = text[0];
    text = text.substr(1, text.size() - 2);
    for (size_t i = 0; i < text.size(); ++i) {
      // Only the quote itself is unescaped: everything else may belong to a regexp.
      if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == quote) ++i;
      argument.text.push_back(text[i]);
    }
  } else {
    argument.text = text;
  }
  if (argument.text.starts_with('/') && argument.text.size() > 1) {
    Result<PatternSpec> spec = parse_plain_regexp(argument.text);
    if (!spec) {
      Error error = spec.error();
      error.column += static_cast<unsigned>(column);
      return fail(std::move(error));
    }
    argument.regex = *Regex::compile(spec->regex, spec->flags);
    argument.regex.jit();
  }
  return argument;
}

// The arguments between the brackets at `open` and the end of the atom.
Result<std::vector<FunctionArgument>> read_arguments(std::string_view atom, size_t open) {
  std::vector<FunctionArgument> arguments;
  if (atom.back() != ')') return at(atom.size() - 1, "')' must end a function");
  const size_t end = atom.size() - 1;
  if (trimmed(atom.substr(open + 1, end - open - 1)).empty()) return arguments;
  for (size_t i = open + 1; i <= end; ++i) {
    while (i < end && (atom[i] == ' ' || atom[i] == '\t')) ++i;
    if (i == end || atom[i] == ',') return at(i, "an argument is missing");
    Result<size_t> last = argument_end(atom, i, end);
    if (!last) return tl::unexpected<Error>(last.error());
    Result<FunctionArgument> argument = read_argument(atom.substr(i, *last - i), i);
    if (!argument) return tl::unexpected<Error>(argument.error());
    arguments.push_back(std::move(*argument));
    i = *last;
    while (i < end && (atom[i] == ' ' || atom[i] == '\t')) ++i;
    if (i < end && atom[i] != ',') return at(i, "',' or ')' must follow an argument");
  }
  return arguments;
}

bool read_number(const std::string& text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number == number;
}

bool is_yes(const std::string& text) {
  return text == "all" || text == "true" || text == "yes" || text == "1";
}

Result<void> read_numbers(FunctionSpec& spec, size_t first) {
  double* const numbers[] = {&spec.from, &spec.below};
  for (size_t i = first; i < spec.arguments.size() && i < first + 2; ++i) {
    if (!read_number(spec.arguments[i].text, *numbers[i - first])) {
      return fail(fmt::format("'{}' is no number", spec.arguments[i].text));
    }
  }
  return {};
}

// What the arguments of each kind mean.
Result<void> check_arguments(FunctionSpec& spec, const FunctionContext& context) {
  std::vector<FunctionArgument>& arguments = spec.arguments;
  switch (spec.kind) {
    case kHeaderExists:
    case kHeaderNoSpace:
    case kHeaderTab:
      spec.header = context.headers.add(arguments[0].text);
      return {};
    case kHasHtmlTag:
      spec.tag = context.html_tag(arguments[0].text);
      if (spec.tag == 0) return fail(fmt::format("HTML has no tag '{}'", arguments[0].text));
      return {};
    case kCheckSmtpData: {
      const auto field = std::ranges::find(kSmtpFields, arguments[0].text);
      if (field == std::end(kSmtpFields)) {
        return fail(
            fmt::format("'{}' is none of from, helo, user, subject, rcpt", arguments[0].text));
      }
      spec.field = static_cast<SmtpField>(field - std::begin(kSmtpFields));
      return {};
    }
    case kHasFlag:
      if (std::ranges::find(kFlags, arguments[0].text) == std::end(kFlags)) {
        return fail(fmt::format("'{}' is no flag of a message", arguments[0].text));
      }
      return {};
    case kRecipientsDistance:
      return read_numbers(spec, 0);
    case kPartsDistance:
      spec.from = 100;
      return read_numbers(spec, 0);
    case kContentPartLen:
      return read_numbers(spec, 2);
    case kContentType:
    case kContentSubtype:
    case kContentHasParam:
      spec.all_parts = arguments.size() > 1 && is_yes(arguments[1].text);
      return {};
    case kContentCompareParam:
      spec.all_parts = arguments.size() > 2 && is_yes(arguments[2].text);
      return {};
    default:
      return {};
  }
}

}  // namespace

std::span<const FunctionDecl> all_functions() { return kFunctions; }

bool is_function_atom(std::string_view atom) {
  const size_t open = atom.find('(');
  const std::string_view name = name_of(atom);
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || !std::ranges::all_of(name, is_name)) return false;
  return open != std::string_view::npos || find_function(name) != nullptr;
}

Result<FunctionSpec> parse_function_atom(std::string_view given, const FunctionContext& context) {
  const std::string_view atom = trimmed(given);
  const std::string_view name = name_of(atom);
  const FunctionDecl* function = find_function(name);
  if (function == nullptr) return at(0, fmt::format("there is no function '{}'", name));
  FunctionSpec spec;
  spec.kind = function->kind;
  const size_t open = atom.find('(');
  if (open != std::string_view::npos) {
    Result<std::vector<FunctionArgument>> arguments = read_arguments(atom, open);
    if (!arguments) return tl::unexpected<Error>(arguments.error());
    spec.arguments = std::move(*arguments);
  }
  if (spec.arguments.size() < function->arguments_min ||
      spec.arguments.size() > function->arguments_max) {
    return at(0, fmt::format("{}() takes {} to {} arguments, not {}", name, function->arguments_min,
                             function->arguments_max, spec.arguments.size()));
  }
  if (Result<void> checked = check_arguments(spec, context); !checked) {
    return at(0, fmt::format("{}(): {}", name, checked.error().what));
  }
  spec.canonical = fmt::format("{}", static_cast<int>(spec.kind));
  if (spec.header != kNoId<HeaderId>) {
    spec.canonical += fmt::format(" {}", index(spec.header));
    return spec;
  }
  for (const FunctionArgument& argument : spec.arguments) {
    spec.canonical += fmt::format(",{}:{}", argument.text.size(), argument.text);
  }
  return spec;
}

Result<AtomId> FunctionPlan::add(FunctionSpec spec, AtomId fresh) {
  if (spec.kind == kHasSymbol) {
    return fail("has_symbol() is known only when a message is judged: write a composite");
  }
  const auto same = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.spec.canonical == spec.canonical; });
  if (same != entries_.end()) return same->atom;
  entries_.push_back({std::move(spec), fresh});
  return fresh;
}

}  // namespace winnow
