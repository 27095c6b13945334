// What a configuration says of names: weights of symbols that nothing inserts, thresholds that no
// score can choose, conditions on symbols that do not exist; and, as notes, what waits for a part
// that is not there yet. Runs last, when every symbol is known.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "rules/compile/compile.h"
#include "rules/compile/parts.h"
#include "rules/config/nearest.h"
#include "rules/config/options.h"
#include "rules/config/symbols.h"

namespace winnow {

namespace {

bool shipped(const UclObject& value) { return value.place().file.starts_with("policy:/"); }

// Something that the site wrote into the value; null where it wrote nothing.
const UclObject* of_site(const UclObject& top) {
  std::vector<const UclObject*> open{&top};
  while (!open.empty()) {
    const UclObject* const value = open.back();
    open.pop_back();
    if (!shipped(*value) && (!value->is_container() || value->size() == 0)) return value;
    const size_t before = open.size();
    for (const UclObject& child : value->children())
      for (const UclObject& one : child.values()) open.push_back(&one);
    std::reverse(open.begin() + static_cast<std::ptrdiff_t>(before), open.end());
  }
  return nullptr;
}

bool from_site(const UclObject& top) { return of_site(top) != nullptr; }

class Names {
 public:
  Names(Compiler& compiler, const UclObject& root) : compiler_(compiler), root_(root) {
    for (const KnownSymbol& symbol : known_symbols()) names_.push_back(symbol.name);
    for (const Symbol& symbol : compiler.set.model.symbols)
      if (inserted(symbol) && !symbol.description.empty()) names_.push_back(symbol.name);
  }

  void run() {
    weights();
    thresholds();
    settings();
    force_actions();
    parts();
    if (!compiler_.waiting.empty())
      note("wait for modules that are not there yet", "symbols", compiler_.waiting);
  }

 private:
  static bool inserted(const Symbol& symbol) {
    return !(symbol.flags & static_cast<uint16_t>(SymbolFlag::kUndefined));
  }

  enum class Known : uint8_t { kHere, kLater, kNever };
  Known known(std::string_view name) const {
    const SymbolId id = compiler_.find_symbol(name);
    if (id != kNoId<SymbolId> && inserted(compiler_.set.model.symbols[index(id)]))
      return Known::kHere;
    return is_known_symbol(name) || compiler_.accepted.contains(name) ? Known::kLater
                                                                      : Known::kNever;
  }

  std::string near(std::string_view name) const {
    const std::string text = did_you_mean(name, names_);
    return text.empty() ? std::string() : " " + text;
  }

  void weights() {
    const auto entries = [&](const UclObject* head) {
      if (!head) return;
      for (const UclObject* const one : head->named()) {
        const UclObject& value = one->last_value();
        if (shipped(value)) continue;
        if (known(one->key()) == Known::kLater)
          compiler_.waiting.emplace(one->key());
        else if (known(one->key()) == Known::kNever)
          compiler_.warn(
              value, fmt::format("The weight of {} does nothing: no rule inserts that symbol.{}",
                                 one->key(), near(one->key())));
      }
    };
    entries(root_.find("symbols"));
    for (const char* const key : {"group", "groups"})
      if (const UclObject* const groups = root_.find(key))
        for (const UclObject* const group : groups->named())
          for (const UclObject& value : group->values())
            for (const char* const inner : {"symbols", "symbol"}) entries(value.find(inner));
  }

  // greylist below add header, all below reject.
  void thresholds() {
    const ScoreModel& model = compiler_.set.model;
    const auto compare = [&](std::string_view low, std::string_view high) {
      const ActionId a = model.find_action(low), b = model.find_action(high);
      if (a == kNoId<ActionId> || b == kNoId<ActionId>) return;
      const Action& first = model.actions[index(a)];
      const Action& second = model.actions[index(b)];
      if (first.threshold >= kNoThreshold || second.threshold >= kNoThreshold) return;
      if (first.threshold < second.threshold) return;
      // The place that the site wrote.
      const Action& at = first.place.file.starts_with("policy:/") ? second : first;
      compiler_.warn(
          at.place,
          fmt::format("\"{}\" ({}) is not below \"{}\" ({}), so no score chooses it. "
                      "Write thresholds in the order greylist, add_header, reject.",
                      first.name, score(first.threshold), second.name, score(second.threshold)));
    };
    compare("greylist", "add header");
    compare("add header", "reject");
    compare("rewrite subject", "reject");
    compare("greylist", "reject");
  }

  static std::string score(Micro micro) {
    return fmt::format("{}", static_cast<double>(micro) / static_cast<double>(kMicro));
  }

  void symbol_list(const UclObject& owner, const char* key) {
    const UclObject* const list = owner.find(key);
    if (!list) return;
    for (const UclObject* const name : list->list())
      if (!name->is_container() && known(name->text()) == Known::kNever)
        compiler_.warn(*name, fmt::format("{} names {}, which no rule inserts.{}", key,
                                          name->text(), near(name->text())));
  }

  void group_list(const UclObject& owner, const char* key) {
    const UclObject* const list = owner.find(key);
    if (!list) return;
    std::vector<std::string_view> groups;
    for (const KnownSymbol& symbol : known_symbols()) groups.push_back(symbol.group);
    for (const Group& group : compiler_.set.model.groups) groups.push_back(group.name);
    for (const UclObject* const name : list->list())
      if (!name->is_container() && std::ranges::find(groups, name->text()) == groups.end()) {
        const std::string near = did_you_mean(name->text(), groups);
        compiler_.warn(*name, fmt::format("{} names {}, and there is no such group.{}{}", key,
                                          name->text(), near.empty() ? "" : " ", near));
      }
  }

  void priority(const UclObject& rule) {
    const UclObject* const given = rule.find("priority");
    if (!given || given->last_value().as_number()) return;
    const std::string_view text = given->last_value().text();
    if (text != "low" && text != "medium" && text != "high")
      compiler_.warn(*given, fmt::format("priority of settings is low, medium, high or a number, "
                                         "not \"{}\"",
                                         text));
  }

  void settings() {
    const UclObject* const rules = root_.find("settings");
    if (!rules) return;
    for (const UclObject* const rule : rules->named()) {
      const UclObject* const apply = rule->is_object() ? rule->find("apply") : nullptr;
      if (!apply || !apply->is_object()) continue;
      priority(*rule);
      group_list(*apply, "groups_enabled");
      group_list(*apply, "groups_disabled");
      symbol_list(*apply, "symbols_enabled");
      symbol_list(*apply, "symbols_disabled");
      for (const UclObject& one : apply->children())
        if (one.is_number() && !find_option("settings.*.apply", one.key()) &&
            known(one.key()) == Known::kNever)
          compiler_.warn(one, fmt::format("settings weigh {}, which no rule inserts.{}", one.key(),
                                          near(one.key())));
    }
  }

  // Words of an expression that can only be symbols.
  void force_actions() {
    const UclObject* const rules = root_.get("force_actions.rules");
    if (!rules) return;
    for (const UclObject* const rule : rules->named()) {
      const UclObject* const expression = rule->is_object() ? rule->find("expression") : nullptr;
      if (!expression) continue;
      const std::string_view text = expression->last_value().text();
      const auto is_word = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_' || c == ':' || c == '.';
      };
      for (size_t at = 0; at < text.size();) {
        size_t end = at;
        while (end < text.size() && is_word(text[end])) ++end;
        const std::string_view word = text.substr(at, end - at);
        at = std::max(end, at + 1);
        if (word.empty() || (word[0] >= '0' && word[0] <= '9') ||
            word.find_first_of(":.") != std::string_view::npos || word == "AND" || word == "OR" ||
            word == "NOT" || word == "and" || word == "or" || word == "not")
          continue;
        if (known(word) == Known::kNever)
          compiler_.warn(*expression, fmt::format("The rule {} reads {}, which no rule inserts.{}",
                                                  rule->key(), word, near(word)));
      }
    }
  }

  // Sections that are accepted and do nothing; options that do, in one line.
  void parts() {
    std::set<std::string, std::less<>> options;
    for (const UclObject& section : root_.children()) {
      if (!from_site(section)) continue;
      const std::string_view name = section.key();
      switch (part_state(root_, name)) {
        case PartState::kAccepted:
          if (section.is_object() && !section.flag("enabled", true)) continue;
          if (!std::ranges::binary_search(option_sections(), name)) continue;
          absent(section, name);
          break;
        case PartState::kBuiltIn:
        case PartState::kOn:
          unread(section, name, options);
          break;
        case PartState::kOff:
          break;
      }
    }
    workers(options);
    if (!options.empty()) note("are accepted and do nothing yet", "options", options);
  }

  // Of the line as a whole: what is wrong with a value in it is said beside this.
  void absent(const UclObject& section, std::string_view name) {
    Place place = compiler_.place(*of_site(section));
    place.column = 0;
    compiler_.warn(place, fmt::format("{} is not there yet: this does nothing.", name));
  }

  void unread(const UclObject& section, std::string_view name,
              std::set<std::string, std::less<>>& out) {
    for (const UclObject& value : section.values())
      for (const UclObject& child : value.children()) {
        if (shipped(child) && !child.is_container()) continue;
        const std::string path = fmt::format("{}.{}", name, child.key());
        const bool listed = find_option(name, child.key()) || is_option_section(path);
        if (listed && !is_read_option(name, child.key()) && from_site(child)) out.insert(path);
        if (path == "options.dns") unread(child, path, out);
        if (name == "classifier" && child.is_object()) unread(child, "classifier.*", out);
      }
  }

  // By kind of worker, whatever its section is called.
  void workers(std::set<std::string, std::less<>>& out) {
    const UclObject* const section = root_.find("worker");
    if (!section) return;
    for (const UclObject* const worker : section->named()) {
      if (!worker->is_object() || !from_site(*worker) || !worker->flag("enabled", true)) continue;
      std::string kind(worker->string("type", worker->key()));
      if (kind == "proxy") kind = "rspamd_proxy";
      if (kind == "fuzzy") {
        if (worker->integer("count", -1) >= 0) absent(*worker, "worker.fuzzy");
        continue;
      }
      const auto list = [&](const UclObject& at, const std::string& path, bool any_worker) {
        for (const UclObject& child : at.children()) {
          const bool known = find_option(path, child.key()) ||
                             (any_worker && find_option("worker.*", child.key()));
          if (known && !is_read_option(path, child.key()) && from_site(child))
            out.insert(fmt::format("{}.{}", path, child.key()));
        }
      };
      list(*worker, "worker." + kind, true);
      for (const char* const key : {"upstream", "mirror"})
        if (const UclObject* const all = worker->find(key); all && all->is_object())
          for (const UclObject* const one : all->named())
            if (one->is_object()) list(*one, fmt::format("worker.{}.{}.*", kind, key), false);
    }
  }

  void note(std::string_view what, std::string_view kind,
            const std::set<std::string, std::less<>>& names) {
    constexpr size_t kShown = 24;
    std::string list;
    size_t count = 0;
    for (const std::string& name : names) {
      if (count++ == kShown) {
        list += fmt::format(" and {} more", names.size() - kShown);
        break;
      }
      list += (list.empty() ? "" : ", ") + name;
    }
    compiler_.set.notes.push_back(fmt::format("{} {}: {}", kind, what, list));
  }

  Compiler& compiler_;
  const UclObject& root_;
  std::vector<std::string_view> names_;
};

}  // namespace

// What rules of parts that are not there yet would insert: what is written after keys that hold
// "symbol", keys and values of tables of symbols, names of rules. Wider than true: a name in here
// is only spared a warning.
void collect_accepted(Compiler& compiler, const UclObject& root) {
  static constexpr std::string_view kTables[] = {
      "returncodes", "returnbits", "patterns", "patterns_fail", "fuzzy_map", "rules", "rbls"};
  auto& out = compiler.accepted;
  std::vector<const UclObject*> open;
  for (const UclObject& section : root.children())
    if (part_state(root, section.key()) == PartState::kAccepted && section.key() != "settings")
      open.push_back(&section);
  while (!open.empty()) {
    const UclObject& at = *open.back();
    open.pop_back();
    const bool table = std::ranges::find(kTables, at.key()) != std::end(kTables);
    const bool symbols = at.key().find("symbol") != std::string_view::npos;
    for (const UclObject* const value : at.list()) {
      if (!value->is_container() && (symbols || table)) out.emplace(value->text());
      for (const UclObject& child : value->children()) {
        if (table || symbols) {
          out.emplace(child.key());
          if (!child.is_container()) out.emplace(child.text());
        }
        open.push_back(&child);
      }
    }
  }
}

void check_names(Compiler& compiler, const UclObject& root) { Names(compiler, root).run(); }

}  // namespace winnow
