// Headers that must be there, headers that may stand only once (RFC 5322 3.6), and header blocks
// that programs read in different ways.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/headers/mail_date.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kMultiple,
  kNoEssential,
  kNoFrom,
  kNoTo,
  kNoDate,
  kBadDate,
  kFuture,
  kPast,
  kNoMid,
  kNoSubject,
  kEmptySubject,
  kNoMimeVersion,
  kNoMailer,
  kBroken,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"MULTIPLE_UNIQUE_HEADERS", "headers", 7, "A header that may stand once is repeated.", true},
    {"MISSING_ESSENTIAL_HEADERS", "blankspam", 7, "None of the usual headers is there.", false,
     true},
    {"MISSING_FROM", "headers", 2, "From is absent or empty."},
    {"MISSING_TO", "headers", 2, "To is absent.", true, true},
    {"MISSING_DATE", "headers", 1, "Date is absent or empty.", false, true},
    {"INVALID_DATE", "headers", 1.5, "Date is not a date.", false, true},
    {"DATE_IN_FUTURE", "headers", 4, "Date is more than two hours ahead.", false, true},
    {"DATE_IN_PAST", "headers", 1, "Date is more than a day ago.", false, true},
    {"MISSING_MID", "headers", 2.5, "Message-ID is absent.", true, true},
    {"MISSING_SUBJECT", "headers", 2, "Subject is absent.", true, true},
    {"EMPTY_SUBJECT", "headers", 1, "Subject is empty.", false, true},
    {"MISSING_MIME_VERSION", "headers", 2, "MIME headers without MIME-Version."},
    {"MISSING_XM_UA", "headers", 0, "Neither X-Mailer nor User-Agent.", false, true},
    {"BROKEN_HEADERS", "headers", 10, "Headers that programs read in different ways."},
}};

struct Watched {
  known::Known header;
  double weight;  // of a repeat
};
constexpr std::array<Watched, 13> kWatched{{{known::kContentType, 1},
                                            {known::kContentTransferEncoding, 1},
                                            {known::kFrom, 1},
                                            {known::kSender, 1},
                                            {known::kReplyTo, 1},
                                            {known::kMessageId, 0.7},
                                            {known::kInReplyTo, 0.7},
                                            {known::kSubject, 0.7},
                                            {known::kReferences, 0.3},
                                            {known::kTo, 0.2},
                                            {known::kDate, 0.1},
                                            {known::kCc, 0.1},
                                            {known::kBcc, 0.1}}};

constexpr int64_t kAheadMax = 7200;
constexpr int64_t kBehindMax = 86400;

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

void dates(const CheckPlan& plan, Batch& batch, uint32_t row) {
  const Header* const header = find_header(batch, row, known::kDate);
  if (!header || is_blank(header->unfolded)) {
    insert(plan, batch, row, kNoDate);
    return;
  }
  // What is no date of mail is no day either, whatever others may guess.
  if (!batch.facts[row].has_date || !is_strict_mail_date(header->unfolded)) {
    insert(plan, batch, row, kBadDate);
    return;
  }
  const int64_t ahead = batch.facts[row].date - batch.envelopes[row].now_ms / 1000;
  if (ahead > kAheadMax)
    insert(plan, batch, row, kFuture, number_text(batch.arena, ahead / 3600));
  else if (-ahead > kBehindMax)
    insert(plan, batch, row, kPast, number_text(batch.arena, -ahead / 3600));
}

// Blanks before the colon (obsolete since RFC 2822, and dropped by some readers), headers that no
// empty line ends, and limits passed. A line that is no header is a fault of its own, which inserts
// the same symbol.
bool is_broken(const Batch& batch, uint32_t row) {
  const Faults& faults = batch.facts[row].faults;
  if (faults.has(Fault::kHeaderMalformed)) return false;
  if (faults.has(Fault::kLimitDepth) || faults.has(Fault::kLimitHeaders)) return true;
  const std::string_view raw = batch.raw[row];
  const std::string_view block = batch.parts.row(row)[0].raw_headers;
  if (!block.empty() && block.data() + block.size() == raw.data() + raw.size()) return true;
  return std::ranges::any_of(own_headers(batch, row), [](const Header& header) {
    return (header.flags & static_cast<uint8_t>(HeaderFlag::kMalformedName)) &&
           !has_8bit(header.name);
  });
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (batch.raw[row].empty()) continue;
    std::array<uint16_t, known::kCount> count{};
    for (const Header& header : own_headers(batch, row))
      if (index(header.id) < known::kCount && count[index(header.id)] < 0xffff)
        ++count[index(header.id)];

    double weight = 0;
    bool any = false;
    for (const Watched& one : kWatched) {
      any |= count[one.header] > 0;
      if (count[one.header] > 1) weight = std::max(weight, one.weight);
    }
    bool first = true;
    for (const Watched& one : kWatched) {
      if (count[one.header] < 2) continue;
      const Header* const header = find_header(batch, row, one.header);
      insert(plan, batch, row, kMultiple, header->name, first ? weight : 0);
      first = false;
    }
    if (!any) insert(plan, batch, row, kNoEssential);

    const Header* const from = find_header(batch, row, known::kFrom);
    if (!from || is_blank(from->unfolded)) insert(plan, batch, row, kNoFrom);
    if (!count[known::kTo]) insert(plan, batch, row, kNoTo);
    if (!count[known::kMessageId]) insert(plan, batch, row, kNoMid);
    if (const Header* const subject = find_header(batch, row, known::kSubject); !subject)
      insert(plan, batch, row, kNoSubject);
    else if (subject->decoded.empty())
      insert(plan, batch, row, kEmptySubject);
    if ((count[known::kContentType] || count[known::kContentTransferEncoding]) &&
        !count[known::kMimeVersion])
      insert(plan, batch, row, kNoMimeVersion);
    if (!count[known::kXMailer] && !count[known::kUserAgent]) insert(plan, batch, row, kNoMailer);
    dates(plan, batch, row);
    if (is_broken(batch, row)) insert(plan, batch, row, kBroken);
  }
}

}  // namespace

extern constexpr Check kUniqueHeaders{
    .name = "unique_headers",
    .text = "Looks for headers that are missing, repeated, broken, or impossible in time.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
