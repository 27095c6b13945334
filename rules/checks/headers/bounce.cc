// Bounces: reports of delivery that mail servers write (RFC 3464, RFC 8098), and those that do not
// say so.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"BOUNCE", "headers", -0.1, "A report of delivery."},
}};

struct Plan : CheckPlan {
  HeaderId mdaemon;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->mdaemon = context.headers.add("X-MDDSN-Message");
  return plan;
}

bool has_part(const Batch& batch, uint32_t row, std::string_view type, std::string_view subtype) {
  for (const Part& part : batch.parts.row(row))
    if (part.type == type && part.subtype == subtype) return true;
  return false;
}

bool is_bounce_sender(const Batch& batch, uint32_t row) {
  const Address* const from = find_address(batch, row, AddressField::kFrom);
  if (!from) return false;
  for (const std::string_view user : {"mailer-daemon", "postmaster", "mail-daemon"})
    if (equal_caseless(from->local, user)) return true;
  return false;
}

bool is_bounce_subject(std::string_view subject) {
  for (const std::string_view words :
       {"delivery failed", "delivery failure", "delivery report", "delivery status",
        "delivery warning", "delivery notification", "failure notice", "mail failure",
        "mail delivery", "returned mail", "undeliverable", "undelivered", "failure delivery"})
    if (find_caseless(subject, words) != std::string_view::npos) return true;
  return false;
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Envelope& envelope = batch.envelopes[row];
    if (!envelope.from_known || !envelope.from.empty() || batch.parts.row(row).empty()) continue;
    const Part& root = batch.parts.row(row)[0];
    const bool report = root.type == "multipart" && root.subtype == "report";
    if (report && has_part(batch, row, "message", "delivery-status")) {
      insert(plan, batch, row, 0, "DSN");
      continue;
    }
    if (report && has_part(batch, row, "message", "disposition-notification")) {
      insert(plan, batch, row, 0, "MDN");
      continue;
    }
    if (find_header(batch, row, plan.mdaemon)) {
      insert(plan, batch, row, 0, "MDaemon");
      continue;
    }
    const uint32_t at = batch.facts[row].subject;
    const bool subject = at != kNoIndex && is_bounce_subject(batch.headers.row(row)[at].decoded);
    const bool sender = is_bounce_sender(batch, row);
    const bool returned =
        has_part(batch, row, "message", "rfc822") || has_part(batch, row, "text", "rfc822-headers");
    if (sender && (subject || returned))
      insert(plan, batch, row, 0, subject ? "sender and subject" : "sender and message", 0.5);
    else if (subject && returned)
      insert(plan, batch, row, 0, "subject and message", 0.2);
  }
}

}  // namespace

extern constexpr Check kBounce{
    .name = "bounce",
    .text = "Recognises reports of delivery.",
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
