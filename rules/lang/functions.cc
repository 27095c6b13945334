// Function atoms evaluated over a batch, row by row: the headers a row has are marked once, then
// every function of the plan is asked.
#include <algorithm>

#include "engine/ascii.h"
#include "engine/content/content.h"
#include "engine/mime/parameters.h"
#include "rules/lang/function_atom.h"

namespace winnow {

namespace {

constexpr size_t kRecipientsAtLeast = 7;

class FunctionRow {
 public:
  FunctionRow(FunctionScratch& scratch, Batch& batch, uint32_t row)
      : scratch_(scratch), batch_(batch), row_(row) {}

  void mark_headers();
  bool ask(const FunctionSpec& spec);

 private:
  bool is(const FunctionArgument& argument, std::string_view text);
  bool smtp_data(const FunctionSpec& spec);
  bool recipients_sorted();
  bool recipients_distance(double least);
  bool parts_distance(const FunctionSpec& spec);
  bool content_type(const FunctionSpec& spec);
  bool content_type_of(const FunctionSpec& spec, const Part& part);
  bool content_part(const FunctionSpec& spec);
  bool html_tag(uint32_t tag) const;
  bool only_html() const;
  bool fake_html() const;
  bool flag(std::string_view name) const;
  bool said_flag(std::string_view name) const;

  static bool is_attached(const Text& text) {
    return (text.flags & static_cast<uint16_t>(TextFlag::kAttached)) != 0;
  }
  static bool is_html(const Text& text) {
    return (text.flags & static_cast<uint16_t>(TextFlag::kHtml)) != 0;
  }
  bool marked(const std::vector<uint64_t>& marks, HeaderId id) const {
    return index(id) < marks.size() && marks[index(id)] == scratch_.epoch;
  }
  template <class F>
  void each_recipient(F f);

  FunctionScratch& scratch_;
  Batch& batch_;
  uint32_t row_;
};

void FunctionRow::mark_headers() {
  ++scratch_.epoch;
  for (const Header& header : batch_.headers.row(row_)) {
    if (header.part != 0 || header.id == kNoId<HeaderId>) continue;
    const uint32_t id = index(header.id);
    if (id >= scratch_.seen.size()) {
      for (auto* marks : {&scratch_.seen, &scratch_.no_space, &scratch_.tab}) marks->resize(id + 1);
    }
    scratch_.seen[id] = scratch_.epoch;
    if (header.flags & static_cast<uint8_t>(HeaderFlag::kNoSpace)) {
      scratch_.no_space[id] = scratch_.epoch;
    }
    if (header.flags & static_cast<uint8_t>(HeaderFlag::kTab)) scratch_.tab[id] = scratch_.epoch;
  }
}

// Equal but for case, or matched.
bool FunctionRow::is(const FunctionArgument& argument, std::string_view text) {
  if (!argument.regex.valid()) return equal_caseless(argument.text, text);
  const Find found =
      argument.regex.find_in_bytes(scratch_.regex, text.substr(0, scratch_.limits.pcre_bytes_max));
  if (found == Find::kLimit) batch_.facts[row_].faults.set(Fault::kLimitMatch);
  return found == Find::kFound;
}

bool FunctionRow::smtp_data(const FunctionSpec& spec) {
  const Envelope& envelope = batch_.envelopes[row_];
  const FunctionArgument& wanted = spec.arguments[1];
  switch (spec.field) {
    case SmtpField::kFrom:
      return envelope.from_known && is(wanted, envelope.from);
    case SmtpField::kHelo:
      return !envelope.helo.empty() && is(wanted, envelope.helo);
    case SmtpField::kUser:
      return !envelope.user.empty() && is(wanted, envelope.user);
    case SmtpField::kSubject: {
      const uint32_t subject = batch_.facts[row_].subject;
      return subject != kNoIndex && is(wanted, batch_.headers.row(row_)[subject].decoded);
    }
    case SmtpField::kRcpt:
      return std::ranges::any_of(batch_.recipients.row(row_),
                                 [&](std::string_view rcpt) { return is(wanted, rcpt); });
  }
  return false;
}

// Addresses of To and Cc; where there are none, those of the envelope.
template <class F>
void FunctionRow::each_recipient(F f) {
  bool any = false;
  for (const Address& address : batch_.addresses.row(row_)) {
    if (address.field != AddressField::kTo && address.field != AddressField::kCc) continue;
    if (address.address.empty()) continue;
    any = true;
    f(address.address);
  }
  if (any) return;
  for (std::string_view rcpt : batch_.recipients.row(row_)) f(rcpt);
}

bool FunctionRow::recipients_sorted() {
  std::string_view before;
  size_t count = 0;
  bool sorted = true;
  each_recipient([&](std::string_view address) {
    if (count++ > 0) {
      sorted = sorted &&
               !std::ranges::lexicographical_compare(address, before, {}, lower_ascii, lower_ascii);
    }
    before = address;
  });
  return sorted && count >= kRecipientsAtLeast;
}

// Pairs of recipients whose first three bytes agree, found by sorting those bytes.
bool FunctionRow::recipients_distance(double least) {
  std::vector<uint32_t>& keys = scratch_.keys;
  keys.clear();
  each_recipient([&](std::string_view address) {
    uint32_t key = 0;
    for (size_t i = 0; i < 3; ++i) {
      key = key << 8 |
            (i < address.size() ? static_cast<unsigned char>(lower_ascii(address[i])) : 0u);
    }
    keys.push_back(key);
  });
  if (keys.size() < kRecipientsAtLeast) return false;
  std::ranges::sort(keys);
  uint64_t pairs = 0, run = 0;
  for (size_t i = 1; i < keys.size(); ++i) {
    run = keys[i] == keys[i - 1] ? run + 1 : 0;
    pairs += run;
  }
  return static_cast<double>(pairs) / 2 >= least;
}

// facts/received-and-text.md "Distance": as built there, it follows the numbers of words alone.
bool FunctionRow::parts_distance(const FunctionSpec& spec) {
  const std::span<const Part> parts = batch_.parts.row(row_);
  const std::span<const Text> texts = batch_.texts.row(row_);
  for (const Text& html : texts) {
    if (!is_html(html) || is_attached(html) || html.part >= parts.size()) continue;
    for (const Text& plain : texts) {
      if (is_html(plain) || is_attached(plain) || plain.part >= parts.size()) continue;
      if (parts[plain.part].parent != parts[html.part].parent) continue;
      const double one = html.words.size(), two = plain.words.size();
      if (one + two == 0) return false;
      const double distance =
          one == 0 || two == 0 ? 1 : (one > two ? one - two : two - one) / (one + two);
      const double likeness = (1 - distance) * 100;
      return spec.arguments.size() > 1 ? likeness >= spec.from && likeness < spec.below
                                       : likeness <= spec.from;
    }
    return false;
  }
  return false;
}

bool FunctionRow::content_type_of(const FunctionSpec& spec, const Part& part) {
  if (spec.kind == FunctionKind::kContentType) return is(spec.arguments[0], part.type);
  if (spec.kind == FunctionKind::kContentSubtype) return is(spec.arguments[0], part.subtype);
  // What is broken in it was told when the message was parsed.
  Faults known;
  const MimeValue value =
      parse_content_type(part.content_type, scratch_.limits, scratch_.header, batch_.arena, known);
  for (const MimeParameter& parameter : value.parameters) {
    if (!equal_caseless(parameter.name, spec.arguments[0].text)) continue;
    return spec.kind == FunctionKind::kContentHasParam || is(spec.arguments[1], parameter.value);
  }
  return false;
}

bool FunctionRow::content_type(const FunctionSpec& spec) {
  const std::span<const Part> parts = batch_.parts.row(row_);
  if (parts.empty()) return false;
  const bool all = spec.all_parts || parts[0].kind == PartKind::kMultipart;
  return std::ranges::any_of(parts.first(all ? parts.size() : 1),
                             [&](const Part& part) { return content_type_of(spec, part); });
}

bool FunctionRow::content_part(const FunctionSpec& spec) {
  const bool sized = spec.kind == FunctionKind::kContentPartLen;
  return std::ranges::any_of(batch_.parts.row(row_), [&](const Part& part) {
    if (!is(spec.arguments[0], part.type)) return false;
    if (spec.arguments.size() > 1 && !is(spec.arguments[1], part.subtype)) return false;
    if (!sized) return true;
    const auto bytes = static_cast<double>(part.decoded.size());
    return bytes >= spec.from && (spec.arguments.size() < 4 || bytes <= spec.below);
  });
}

bool FunctionRow::html_tag(uint32_t tag) const {
  return std::ranges::any_of(batch_.htmls.row(row_), [tag](const Html& html) {
    return tag / 64 < std::size(html.tags_seen) && (html.tags_seen[tag / 64] >> tag % 64 & 1);
  });
}

// HTML of one tag or none; a drawing may be no more than that.
bool FunctionRow::fake_html() const {
  const std::span<const Part> parts = batch_.parts.row(row_);
  return std::ranges::any_of(batch_.htmls.row(row_), [&](const Html& html) {
    const uint32_t part = batch_.texts.row(row_)[html.text].part;
    return html.tags < 2 && (part >= parts.size() || !is_svg_page(parts[part]));
  });
}

bool FunctionRow::only_html() const {
  bool html = false;
  for (const Text& text : batch_.texts.row(row_)) {
    if (is_attached(text)) continue;
    if (!is_html(text)) return false;
    html = true;
  }
  return html;
}

// Flags that the request sets.
bool FunctionRow::said_flag(std::string_view name) const {
  for (const RequestHeader& header : batch_.request_headers.row(row_)) {
    if (name == "pass_all" && header.name == "pass" && equal_caseless(header.value, "all"))
      return true;
    if (name == "no_log" && header.name == "log" && equal_caseless(header.value, "no")) return true;
    if (header.name != "flags") continue;
    std::string_view list = header.value;
    while (!list.empty()) {
      const std::string_view one = list.substr(0, list.find(','));
      if (equal_caseless(trimmed(one), name)) return true;
      list.remove_prefix(std::min(list.size(), one.size() + 1));
    }
  }
  return false;
}

// The other flags of facts/scoring.md are never set before judging.
bool FunctionRow::flag(std::string_view name) const {
  const Faults faults = batch_.facts[row_].faults;
  if (name == "bad_unicode") return faults.has(Fault::kUnicodeBad);
  if (name == "broken_headers") {
    return faults.has(Fault::kHeaderMalformed) || faults.has(Fault::kHeaderUnterminated);
  }
  return said_flag(name);
}

bool FunctionRow::ask(const FunctionSpec& spec) {
  switch (spec.kind) {
    case FunctionKind::kHeaderExists:
      return marked(scratch_.seen, spec.header);
    case FunctionKind::kHeaderNoSpace:
      return marked(scratch_.no_space, spec.header);
    case FunctionKind::kHeaderTab:
      return marked(scratch_.tab, spec.header);
    case FunctionKind::kHasHtmlTag:
      return html_tag(spec.tag);
    case FunctionKind::kHasFakeHtml:
      return fake_html();
    case FunctionKind::kHasOnlyHtml:
      return only_html();
    case FunctionKind::kIsEmptyBody:
      return std::ranges::all_of(batch_.parts.row(row_), [](const Part& part) {
        return part.kind == PartKind::kMultipart || part.decoded.empty();
      });
    case FunctionKind::kAlways:
      return true;
    case FunctionKind::kCheckSmtpData:
      return smtp_data(spec);
    case FunctionKind::kRecipientsDistance:
      return recipients_distance(spec.from);
    case FunctionKind::kRecipientsSorted:
      return recipients_sorted();
    case FunctionKind::kTransferEncoding:
      return std::ranges::any_of(batch_.parts.row(row_), [&](const Part& part) {
        // Of a part that says nothing it is 7bit (RFC 2045 6.1).
        const std::string_view label = part.encoding_label;
        return part.text != kNoIndex && !is_svg_page(part) &&
               is(spec.arguments[0], label.empty() ? "7bit" : label);
      });
    case FunctionKind::kPartsDistance:
      return parts_distance(spec);
    case FunctionKind::kContentType:
    case FunctionKind::kContentSubtype:
    case FunctionKind::kContentHasParam:
    case FunctionKind::kContentCompareParam:
      return content_type(spec);
    case FunctionKind::kContentPart:
    case FunctionKind::kContentPartLen:
      return content_part(spec);
    case FunctionKind::kHasFlag:
      return flag(spec.arguments[0].text);
    case FunctionKind::kHasSymbol:
      return false;
  }
  return false;
}

}  // namespace

void functions(const FunctionPlan& plan, FunctionScratch& scratch, Batch& batch) {
  if (plan.entries().empty()) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    FunctionRow of_row(scratch, batch, row);
    of_row.mark_headers();
    for (const FunctionPlan::Entry& entry : plan.entries()) {
      if (of_row.ask(entry.spec)) batch.atoms.push_back({row, entry.atom, 1, {}});
    }
  }
}

}  // namespace winnow
