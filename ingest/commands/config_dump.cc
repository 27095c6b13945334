// configdump: what was merged, as UCL or JSON, with help, comments or places; the states of modules
// and the groups. The same tree gives the same bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/output.h"
#include "ingest/commands/scan_options.h"
#include "pipeline/disk_files.h"
#include "rules/compile/parts.h"
#include "rules/config/dump.h"
#include "rules/config/embedded.h"
#include "rules/config/nearest.h"
#include "rules/config/options.h"

namespace winnow {

namespace {

void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// "name: state" of each module: what a site asks `configdump -m` for.
void print_modules(const Config& config, bool json) {
  std::string out = json ? "{" : "";
  for (const std::string_view module : option_sections()) {
    const std::string_view text = part_text(part_state(config.root(), module));
    if (json)
      out +=
          fmt::format("{}{}:{}", out.size() > 1 ? "," : "", json_quote(module), json_quote(text));
    else
      out += fmt::format("{:<22} {}\n", module, text);
  }
  put(json ? out + "}\n" : out);
}

void print_groups(const RuleSet& rules, bool json) {
  std::string out = json ? "{" : "";
  bool first_group = true;
  for (const Group& group : rules.model.groups) {
    if (group.symbols.empty()) continue;
    if (json)
      out += fmt::format("{}{}:{{\"symbols\":{{", first_group ? "" : ",", json_quote(group.name));
    else
      out += fmt::format("group \"{}\" {{\n", group.name);
    bool first = true;
    for (const SymbolId id : group.symbols) {
      const Symbol& symbol = rules.model.symbols[index(id)];
      if (json)
        out += fmt::format("{}{}:{{\"score\":{},\"description\":{}}}", first ? "" : ",",
                           json_quote(symbol.name), score_text(symbol.score),
                           json_quote(symbol.description));
      else
        out += fmt::format("  {:<34} {:>7}\n", symbol.name, score_text(symbol.score));
      first = false;
    }
    out += json ? "}}" : "}\n";
    first_group = false;
  }
  if (json) out += "}\n";
  put(out);
}

// Every symbol with all that is known of it, sorted by name.
void print_symbols(const RuleSet& rules, bool json) {
  std::vector<const Symbol*> symbols;
  for (const Symbol& symbol : rules.model.symbols)
    if (!symbol.description.empty() || symbol.score != 0) symbols.push_back(&symbol);
  std::ranges::sort(symbols, {}, &Symbol::name);
  std::string out = json ? "{" : "symbols {\n";
  for (const Symbol* const symbol : symbols) {
    std::string groups;
    for (const GroupId group : symbol->groups)
      groups += (groups.empty() ? ""
                 : json         ? ","
                                : ", ") +
                json_quote(rules.model.groups[index(group)].name);
    const bool off = symbol->flags & static_cast<uint16_t>(SymbolFlag::kDisabled);
    const char* const form = json ? "{}{}:{{\"score\":{},\"description\":{},\"groups\":[{}],"
                                    "\"shots\":{},\"disabled\":{}}}"
                                  : "{}    {} {{\n        score = {};\n        description = {};\n "
                                    "       groups = [{}];\n"
                                    "        nshots = {};\n        disabled = {};\n    }}\n";
    out += fmt::format(fmt::runtime(form), json && out.size() > 1 ? "," : "",
                       json ? json_quote(symbol->name) : symbol->name, score_text(symbol->score),
                       json_quote(symbol->description), groups, symbol->shots_max, off);
  }
  put(out + "}\n");
}

// --- Comments before values ------------------------------------------------------------------

std::string help_comment(const UclObject& value, const void*) {
  const OptionRow* const row = option_of(value);
  if (!row) return {};
  std::string out = fmt::format("{} ({}", row->sentence, row->type);
  if (!row->unit.empty()) out += fmt::format(", {}", row->unit);
  out += ")";
  if (!row->default_value.empty()) out += fmt::format("; default {}", row->default_value);
  return out;
}

// Lines of a file that was read, by number from 1; those of the binary as well.
class Sources {
 public:
  std::string_view line(std::string_view file, uint32_t number) {
    auto at = files_.find(file);
    if (at == files_.end()) at = files_.emplace(std::string(file), read(file)).first;
    const std::vector<std::string>& lines = at->second;
    return number >= 1 && number <= lines.size() ? lines[number - 1] : std::string_view{};
  }

 private:
  static std::vector<std::string> read(std::string_view file) {
    std::string bytes;
    if (file.starts_with("policy:/")) {
      bytes = embedded_file(embedded_policy(), file.substr(8)).bytes;
    } else {
      DiskFiles disk;
      if (Result<std::string> text = disk.read(file)) bytes = std::move(*text);
    }
    std::vector<std::string> out;
    for (size_t at = 0; at < bytes.size();) {
      const size_t end = std::min(bytes.find('\n', at), bytes.size());
      out.push_back(bytes.substr(at, end - at));
      at = end + 1;
    }
    return out;
  }
  std::map<std::string, std::vector<std::string>, std::less<>> files_;
};

// The lines of comment right above a value, where it was written.
std::string kept_comment(const UclObject& value, const void* context) {
  Sources& sources = *static_cast<Sources*>(const_cast<void*>(context));
  const Place place = value.key_place();
  std::string out;
  for (uint32_t number = place.line; number-- > 1;) {
    std::string_view line = sources.line(place.file, number);
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || line[first] != '#') break;
    line.remove_prefix(std::min(line.find_first_not_of(" \t#"), line.size()));
    out.insert(0, std::string(line) + (out.empty() ? "" : "\n"));
  }
  return out;
}

}  // namespace

int configdump_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Prints the merged configuration, or the sections named.",
                        "winnow configdump");
  parser.set_help_flag("-?,--help", "Print this help message and exit");
  RulesOptions options;
  std::vector<std::string> sections;
  bool json = false, compact = false, modules = false, groups = false, details = false;
  bool help = false, comments = false, local = false, overriding = false;
  add_place_options(parser, options);
  parser.add_flag("-j,--json", json, "as JSON");
  parser.add_flag("-C,--compact", compact, "JSON on one line");
  parser.add_flag("-m,--modules-state", modules, "the state of each module");
  parser.add_flag("-g,--groups", groups, "groups with their symbols and scores");
  parser.add_flag("-d,--symbol-details", details, "every symbol with all that is known of it");
  parser.add_flag("-h,--show-help", help, "what each option means, as comments (UCL)");
  parser.add_flag("-s,--show-comments", comments, "comments as they stand in the files (UCL)");
  parser.add_flag("--local", local,
                  "what the site wrote, without override.d; old forms as they are");
  parser.add_flag("--override", overriding, "what override.d and rspamd.conf.override say, alone");
  parser.add_option("SECTION", sections, "paths, e.g. actions or options.dns");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (groups || details) {
    Result<Loaded> loaded = load_rules(options);
    if (!loaded) {
      complain("configdump", loaded.error().text());
      return kExitUsage;
    }
    details ? print_symbols(*loaded->rules, json || compact)
            : print_groups(*loaded->rules, json || compact);
    return kExitGood;
  }
  if (local || overriding)
    options.layers = local ? RulesOptions::Layers::kLocal : RulesOptions::Layers::kOverride;
  Result<Config> config = load_configuration(options);
  if (!config) {
    complain("configdump", config.error().text());
    return kExitUsage;
  }
  if (modules) {
    print_modules(*config, json || compact);
    return kExitGood;
  }
  Sources sources;
  DumpOptions how;
  how.format = compact ? DumpFormat::kJsonCompact : json ? DumpFormat::kJson : DumpFormat::kUcl;
  how.comment = help ? help_comment : comments ? kept_comment : nullptr;
  how.context = &sources;
  if (sections.empty()) put(dump(config->root(), how) + "\n");
  int code = kExitGood;
  for (const std::string& path : sections) {
    if (const UclObject* const value = config->root().get(path)) {
      put(dump_entry(*value, how) + "\n");
    } else if (const std::string text = option_help(path, false); !text.empty()) {
      complain("configdump", fmt::format("nothing is set at {}, so its defaults hold: `winnow "
                                         "confighelp {}` tells them",
                                         path, path));
    } else {
      const std::string near = did_you_mean(path, option_sections());
      complain("configdump",
               fmt::format("there is no {}{}{}", path, near.empty() ? "" : ". ", near));
      code = kExitFindings;
    }
  }
  return code;
}

}  // namespace winnow
