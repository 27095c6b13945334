// Mail to mailing lists whose From is rewritten, so that what the list adds does not break its
// author's DMARC (dmarc.munging): From becomes "NAME via LIST <list's address>", X-Original-From
// keeps who wrote it, Reply-To leads to him or to the list.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "rules/checks/check.h"
#include "rules/checks/map_expression.h"

namespace winnow {

class UclObject;

class DmarcMunging {
 public:
  // Null where the section is not there, or cannot be done (the operator was told).
  static std::unique_ptr<const DmarcMunging> compile(CompileContext& context);

  // munge_map_condition: whether the message may be rewritten at all. REQUIRED: has_condition().
  bool has_condition() const { return condition_ != nullptr; }
  bool may_rewrite(const Batch& batch, uint32_t row, Arena& arena,
                   std::optional<RegexScratch>& scratch) const;
  // The recipient that is such a list; empty where none is, or the outcome of DMARC keeps From as
  // it is. `strict`: the policy is reject or quarantine.
  std::string_view list_of(const Evidence& evidence, bool passed, bool strict) const;
  // Rewrites a message to `list`.
  void edit(const Evidence& evidence, std::string_view list, std::vector<Edit>& edits) const;

 private:
  std::shared_ptr<const Map> lists_;
  std::unique_ptr<const MapExpression> condition_;  // null: there is none
  bool reply_goes_to_list_ = false, allow_only_ = true, strict_only_ = false, munge_from_ = true;
};

}  // namespace winnow
