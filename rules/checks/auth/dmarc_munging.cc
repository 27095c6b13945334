#include "rules/checks/auth/dmarc_munging.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/mime/phrase.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

const Address* find(const Evidence& evidence, AddressField field) {
  for (const Address& one : evidence.addresses)
    if (one.field == field && !one.address.empty()) return &one;
  return nullptr;
}

std::string mailbox(std::string_view name, std::string_view address) {
  return name.empty() ? fmt::format("<{}>", address)
                      : fmt::format("{} <{}>", write_phrase(name), address);
}

// An address that may stand in a header between < and >.
bool is_writable(std::string_view address) {
  return std::ranges::all_of(address, [](char c) { return c > ' ' && c != '<' && c != '>'; });
}

}  // namespace

std::unique_ptr<const DmarcMunging> DmarcMunging::compile(CompileContext& context) {
  const UclObject* const section = context.options ? context.options->find("munging") : nullptr;
  if (!section || !section->is_object()) return nullptr;
  auto out = std::make_unique<DmarcMunging>();
  const UclObject* const lists = section->find("list_map");
  if (!lists) {
    context.warn("munging", "list_map is missing, so nothing is rewritten");
    return nullptr;
  }
  if (const UclObject* const condition = section->find("munge_map_condition")) {
    out->condition_ = MapExpression::compile(*condition, context);
    if (!out->condition_) {
      context.warn("munging", "munge_map_condition cannot be read, so nothing is rewritten");
      return nullptr;
    }
  }
  out->lists_ = context.map_of(*lists, MapKind::kSet);
  out->reply_goes_to_list_ = section->flag("reply_goes_to_list", false);
  out->allow_only_ = section->flag("mitigate_allow_only", true);
  out->strict_only_ = section->flag("mitigate_strict_only", false);
  out->munge_from_ = section->flag("munge_from", true);
  return out;
}

bool DmarcMunging::may_rewrite(const Batch& batch, uint32_t row, Arena& arena,
                               std::optional<RegexScratch>& scratch) const {
  return condition_->holds(batch, row, arena, scratch);
}

std::string_view DmarcMunging::list_of(const Evidence& evidence, bool passed, bool strict) const {
  if ((allow_only_ && !passed) || (strict_only_ && !strict)) return {};
  const Address* const from = find(evidence, AddressField::kFrom);
  if (!from || !is_writable(from->address)) return {};
  for (const std::string_view one : evidence.recipients) {
    if (is_writable(one) && lists_->find(lowered(one)) != kNoIndex) return one;
  }
  return {};
}

void DmarcMunging::edit(const Evidence& evidence, std::string_view list,
                        std::vector<Edit>& edits) const {
  const Address* const from = find(evidence, AddressField::kFrom);
  if (!from) return;
  const std::string original = mailbox(from->name, from->address);
  std::string name(from->name.empty() ? local_of(from->address) : from->name);
  if (munge_from_) name += fmt::format(" via {}", local_of(list));
  edits.push_back({EditKind::kChangeHeader, 1, "From", mailbox(name, list)});
  edits.push_back({EditKind::kAddHeader, 0, "X-Original-From", original});
  if (reply_goes_to_list_)
    edits.push_back({EditKind::kChangeHeader, 1, "Reply-To", mailbox({}, list)});
  else if (!find(evidence, AddressField::kReplyTo))
    edits.push_back({EditKind::kAddHeader, 0, "Reply-To", original});
}

}  // namespace winnow
