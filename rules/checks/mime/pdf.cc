// What a PDF says of itself where nothing is packed: names, objects and its trailer (ISO 32000-1).
//
// One pass over at most kBytesMax bytes of each PDF, without reading its structure: thieves break
// that, and readers mend it. A name is "/" and regular characters, of which "#41" is the letter A
// (7.3.5); writers of honest PDFs have no reason to write letters so. Streams that are packed are
// not unpacked, so what is only inside them is not seen.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kEncrypted, kJavaScript, kLongTrailer, kManyObjects, kSuspicious, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"PDF_ENCRYPTED", "content", 0.3, "A PDF that is encrypted.", true},
    {"PDF_JAVASCRIPT", "content", 0.1, "A PDF with a script.", true},
    {"PDF_LONG_TRAILER", "content", 0.2, "A PDF whose trailer is long or far away.", true},
    {"PDF_MANY_OBJECTS", "content", 0, "A PDF of more than 10,000 objects.", true},
    {"PDF_SUSPICIOUS", "content", 4.5, "A PDF made to do more than to be read.", true},
}};

constexpr size_t kBytesMax = 16u << 20, kTrailerFar = 10u << 20;
constexpr uint32_t kTrailerLines = 100, kObjectsMany = 10'000, kEscapedMany = 10;
// Parts of a suspicion; the symbol is inserted with the sum where it is above kSuspicionLeast.
constexpr double kOfEncryption = 0.1, kOfEncryptedAction = 0.5, kOfScript = 0.1, kOfEscapes = 0.5,
                 kOfCommand = 0.5, kSuspicionLeast = 0.5;
constexpr std::array<std::string_view, 4> kCommands{"netsh", "exec(", "powershell", "cmd.exe"};

struct Pdf {
  uint32_t objects = 0, escaped_names = 0;
  size_t trailer = std::string_view::npos;  // of the last one
  uint32_t trailer_lines = 0;
  bool encrypted = false, script = false, open_action = false, command = false;
};

bool is_regular(char c) {
  constexpr std::string_view kNot("\0\t\n\f\r ()<>[]{}/%", 16);
  return kNot.find(c) == std::string_view::npos;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = lower_ascii(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Reads the name behind the "/" at `at` and returns where it ends.
size_t read_name(std::string_view bytes, size_t at, Pdf& pdf) {
  char name[16];
  size_t size = 0;
  bool escaped = false;
  for (++at; at < bytes.size() && is_regular(bytes[at]); ++at) {
    char c = bytes[at];
    if (c == '#' && at + 2 < bytes.size() && hex_digit(bytes[at + 1]) >= 0 &&
        hex_digit(bytes[at + 2]) >= 0) {
      c = static_cast<char>(hex_digit(bytes[at + 1]) * 16 + hex_digit(bytes[at + 2]));
      escaped |= lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z';
      at += 2;
    }
    if (size < sizeof name) name[size++] = c;
  }
  const std::string_view found(name, size);
  pdf.escaped_names += escaped;
  pdf.encrypted |= found == "Encrypt";
  pdf.script |= found == "JavaScript" || found == "JS";
  pdf.open_action |= found == "OpenAction" || found == "AA";
  return at;
}

// "12 0 obj": a digit and a blank before the word, which ends there.
bool is_object(std::string_view bytes, size_t at) {
  return at >= 2 && bytes[at - 1] == ' ' && bytes[at - 2] >= '0' && bytes[at - 2] <= '9' &&
         (at + 3 == bytes.size() || !is_regular(bytes[at + 3]) || bytes[at + 3] == '<');
}

Pdf read_pdf(std::string_view given) {
  const std::string_view bytes = given.substr(0, kBytesMax);
  Pdf pdf;
  for (size_t at = 0; at < bytes.size();) {
    const char c = bytes[at];
    const std::string_view rest = bytes.substr(at);
    if (c == '/') {
      at = read_name(bytes, at, pdf);
      continue;
    }
    if (c == 'o' && rest.starts_with("obj") && is_object(bytes, at)) ++pdf.objects;
    if (c == 't' && rest.starts_with("trailer")) pdf.trailer = at;
    if (c == 'n' || c == 'e' || c == 'p' || c == 'c')
      pdf.command |= std::ranges::any_of(
          kCommands, [&](std::string_view command) { return rest.starts_with(command); });
    ++at;
  }
  if (pdf.trailer != std::string_view::npos)
    pdf.trailer_lines = static_cast<uint32_t>(std::ranges::count(bytes.substr(pdf.trailer), '\n'));
  return pdf;
}

double suspicion(const Pdf& pdf) {
  double sum = 0;
  if (pdf.encrypted) sum += kOfEncryption;
  if (pdf.encrypted && pdf.script && pdf.open_action) sum += kOfEncryptedAction;
  if (pdf.script) sum += kOfScript;
  if (pdf.escaped_names > kEscapedMany) sum += kOfEscapes;
  if (pdf.command) sum += kOfCommand;
  return std::min(sum, 1.0);
}

void judge_pdf(const CheckPlan& plan, Batch& batch, uint32_t row, const Part& part) {
  const Pdf pdf = read_pdf(part.decoded);
  const std::string_view name = part.filename.empty() ? "pdf" : part.filename;
  const auto with = [&](uint64_t number) {
    return join_text(batch.arena, name, ":",
                     number_text(batch.arena, static_cast<int64_t>(number)));
  };
  if (pdf.encrypted) insert(plan, batch, row, kEncrypted, name);
  if (pdf.script) insert(plan, batch, row, kJavaScript, name);
  if (pdf.trailer != std::string_view::npos &&
      (pdf.trailer > kTrailerFar || pdf.trailer_lines > kTrailerLines))
    insert(plan, batch, row, kLongTrailer, with(pdf.trailer));
  if (pdf.objects > kObjectsMany) insert(plan, batch, row, kManyObjects, with(pdf.objects));
  if (const double sum = suspicion(pdf); sum > kSuspicionLeast)
    insert(plan, batch, row, kSuspicious, name, sum);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row)
    for (const Part& part : batch.parts.row(row))
      if (part.detected.extension == "pdf" && !part.decoded.empty())
        judge_pdf(plan, batch, row, part);
}

}  // namespace

extern constexpr Check kPdf{
    .name = "pdf",
    .text = "Looks for what PDFs do beside being read.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
