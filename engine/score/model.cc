#include "engine/score/model.h"

namespace winnow {

namespace {
template <class Id, class Rows>
Id find_named(const Rows& rows, std::string_view name) {
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) return static_cast<Id>(i);
  return kNoId<Id>;
}
}  // namespace

SymbolId ScoreModel::find_symbol(std::string_view name) const {
  return find_named<SymbolId>(symbols, name);
}
ActionId ScoreModel::find_action(std::string_view name) const {
  return find_named<ActionId>(actions, name);
}
GroupId ScoreModel::find_group(std::string_view name) const {
  return find_named<GroupId>(groups, name);
}

}  // namespace winnow
