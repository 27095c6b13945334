// Mailing lists by the headers that their software adds (RFC 2369, RFC 2919).
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"MAILLIST", "headers", -0.2, "Came through a mailing list."},
}};

constexpr std::array<SymbolName, 1> kNames{{{"symbol", "MAILLIST"}}};

struct Plan : CheckPlan {
  HeaderId mailman, ezmlm, google, sympa, majordomo, listserv, been_there;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->mailman = context.headers.add("X-Mailman-Version");
  plan->been_there = context.headers.add("X-BeenThere");
  plan->ezmlm = context.headers.add("Mailing-List");
  plan->google = context.headers.add("X-Google-Group-Id");
  plan->sympa = context.headers.add("X-Loop");
  plan->majordomo = context.headers.add("X-Majordomo-Version");
  plan->listserv = context.headers.add("X-LISTSERV");
  return plan;
}

// Points in eighths: a List-Id weighs six, eight make a list.
uint32_t points(const Batch& batch, uint32_t row) {
  uint32_t eighths = 0;
  if (find_header(batch, row, known::kListId)) eighths += 6;
  for (const known::Known name :
       {known::kListPost, known::kListHelp, known::kListOwner, known::kListArchive,
        known::kListSubscribe, known::kListUnsubscribe})
    if (find_header(batch, row, name)) ++eighths;
  if (find_header(batch, row, known::kListSubscribe) &&
      find_header(batch, row, known::kListUnsubscribe))
    eighths += 2;
  if (const Header* const precedence = find_header(batch, row, known::kPrecedence))
    if (equal_caseless(precedence->decoded, "list") || equal_caseless(precedence->decoded, "bulk"))
      eighths += 2;
  return eighths;
}

bool contains(const Header* header, std::string_view text) {
  return header && find_caseless(header->decoded, text) != std::string_view::npos;
}

// The list software that left its mark; empty where it is not known.
std::string_view software(const Plan& plan, const Batch& batch, uint32_t row) {
  if (find_header(batch, row, plan.mailman)) return "mailman";
  if (contains(find_header(batch, row, plan.ezmlm), "run by ezmlm")) return "ezmlm";
  if (find_header(batch, row, plan.google) && find_header(batch, row, known::kListId))
    return "googlegroups";
  if (contains(find_header(batch, row, known::kListHelp), "sympa@")) return "sympa";
  if (find_header(batch, row, plan.majordomo)) return "majordomo";
  if (find_header(batch, row, plan.listserv)) return "listserv";
  return {};
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const uint32_t eighths = points(batch, row);
    if (eighths < 8) continue;
    if (const std::string_view name = software(plan, batch, row); !name.empty())
      insert(plan, batch, row, 0, name);
    else
      insert(plan, batch, row, 0, "generic", 0.5 * std::min(eighths / 8.0, 2.0));
  }
}

}  // namespace

extern constexpr Check kMailingList{
    .name = "maillist",
    .text = "Recognises mail that came through a mailing list.",
    .symbols = kSymbols,
    .names = kNames,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
