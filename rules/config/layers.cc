#include "rules/config/layers.h"

#include <algorithm>
#include <set>

#include "rules/config/dump.h"
#include "rules/config/embedded.h"
#include "rules/config/legacy.h"
#include "rules/config/nearest.h"
#include "rules/config/options.h"

namespace winnow {
namespace {

constexpr std::string_view kPolicy = "policy:/";  // paths of the shipped files
const std::string kWeightsVariable = "WINNOW_WEIGHTS";

// The shipped policy under its own prefix, from the binary or from a folder; all else from the
// site. Without `values` of the policy only its layout is there.
class LayeredFiles final : public FileSource {
 public:
  LayeredFiles(FileSource& site, bool values, std::string policy_folder)
      : site_(site), values_(values), folder_(std::move(policy_folder)) {}
  bool exists(std::string_view path) override {
    if (!shipped(path)) return site_.exists(path);
    if (!values_) return false;
    if (!folder_.empty()) return site_.exists(outside(path));
    return !embedded_file(embedded_policy(), inner(path)).path.empty();
  }
  Result<std::string> read(std::string_view path) override {
    if (!shipped(path)) return site_.read(path);
    if (!folder_.empty()) return site_.read(outside(path));
    return std::string(embedded_file(embedded_policy(), inner(path)).bytes);
  }
  std::vector<std::string> glob(std::string_view pattern) override {
    if (!shipped(pattern)) return site_.glob(pattern);
    std::vector<std::string> out;
    if (!values_) return out;
    if (!folder_.empty()) {
      for (const std::string& path : site_.glob(outside(pattern)))
        out.push_back(std::string(kPolicy) + path.substr(folder_.size() + 1));
      return out;
    }
    for (const PolicyFile& file : embedded_policy())
      if (glob_match(inner(pattern), file.path))
        out.push_back(std::string(kPolicy) + std::string(file.path));
    return out;
  }

 private:
  static bool shipped(std::string_view path) { return path.substr(0, kPolicy.size()) == kPolicy; }
  static std::string_view inner(std::string_view path) { return path.substr(kPolicy.size()); }
  std::string outside(std::string_view path) const {
    return folder_ + "/" + std::string(inner(path));
  }
  FileSource& site_;
  const bool values_;
  const std::string folder_;
};

std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// The folder of the site's main file, absolute or starting with "./"; empty where there is none.
std::string folder_of(const std::string& path) {
  if (path.empty()) return {};
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return "./.";
  if (slash == 0) return "/.";
  const std::string folder = path.substr(0, slash);
  return folder[0] == '/' || folder.substr(0, 2) == "./" ? folder : "./" + folder;
}

// Scores and thresholds that the web page saved: [{metric, symbols: [{name, value}], actions:
// [{name, value}]}], as priority 5.
Result<void> apply_dynamic(FileSource& files, std::string_view path, Config& config) {
  if (!files.exists(path)) return {};
  auto bytes = files.read(path);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  if (bytes->find_first_not_of(" \t\r\n") == std::string::npos) return {};
  auto parsed = parse_ucl(*bytes, path, {});
  config.includes.push_back({.path = std::string(path), .found = true, .priority = 5});
  if (!parsed) {
    config.warnings.push_back({.file = std::string(path),
                               .line = parsed.error().line,
                               .column = parsed.error().column,
                               .what = "Saved scores cannot be read: " + parsed.error().what + ".",
                               .advice = "Remove the file or mend it."});
    return {};
  }
  UclDocument& document = *config.document;
  const uint32_t file = document.add_file(path);
  const auto put = [&](UclObject& into, const UclObject& row, bool symbol) {
    const std::string_view name = row.string("name", "");
    const UclObject* number = row.find("value");
    if (name.empty() || !number || !number->as_number()) return;
    UclObject* value = document.make_double(*number->as_number());
    document.set_place(*value, file, number->place().line, number->place().column);
    document.set_priority(*value, 5);
    UclObject* entry = value;
    if (symbol) {
      entry = document.make(UclType::kObject);
      document.set_place(*entry, file, row.place().line, row.place().column);
      document.set_priority(*entry, 5);
      document.set_key(*value, "score");
      document.insert(*entry, value, UclDuplicate::kAppend);
    }
    document.set_key(*entry, name);
    document.insert(into, entry, UclDuplicate::kAppend);
  };
  for (const UclObject* metric : parsed->document->root().list()) {
    if (!metric->is_object()) continue;
    if (const UclObject* symbols = metric->find("symbols"))
      for (const UclObject* row : symbols->list())
        put(*document.object_at(document.root(), "symbols"), *row, true);
    if (const UclObject* actions = metric->find("actions"))
      for (const UclObject* row : actions->list())
        put(*document.object_at(document.root(), "actions"), *row, false);
  }
  return {};
}

// Sections that no file filled are taken out again.
void remove_empty(UclDocument& document, UclObject& object) {
  std::vector<std::string> empty;
  for (const UclObject& child : object.children())
    if (child.is_object() && child.size() == 0 && !child.repeated() && !child.shadow() &&
        child.place().file.substr(0, kPolicy.size()) == kPolicy)
      empty.emplace_back(child.key());
  for (const std::string& key : empty) document.remove(object, key);
}

// `worker "x" {}` repeated by the layout: each repetition whose only section is empty goes.
void remove_empty_named(UclDocument& document, std::string_view key) {
  UclObject* head = document.find(document.root(), key);
  if (!head) return;
  std::vector<UclObject*> keep;
  for (const UclObject& value : head->values()) {
    UclObject& one = document.mutable_of(value);
    if (one.is_object()) remove_empty(document, one);
    if (!one.is_object() || one.size() > 0) keep.push_back(&one);
  }
  document.remove(document.root(), key);
  for (UclObject* one : keep) {
    document.unchain(*one);
    document.insert(document.root(), one, UclDuplicate::kAppend);
  }
}

// `group "a" {} group "b" {}` becomes `group { a {} b {} }`, as Rspamd dumps it: one section, in
// which a name that stands twice is repeated.
void join_named(UclDocument& document, std::string_view key) {
  UclObject* const head = document.find(document.root(), key);
  if (!head || !head->is_object() || !head->repeated()) return;
  std::vector<UclObject*> rest;
  for (const UclObject& value : head->values())
    if (&value != head) rest.push_back(&document.mutable_of(value));
  for (const UclObject* one : rest)
    if (!one->is_object()) return;
  document.unchain(*head);
  for (UclObject* one : rest) {
    while (one->size() > 0) {
      const std::string name((*one->children().begin()).key());
      std::vector<UclObject*> bodies;
      UclObject* const first = document.remove(*one, name);
      for (const UclObject& body : first->values()) bodies.push_back(&document.mutable_of(body));
      for (UclObject* body : bodies) {
        document.unchain(*body);
        document.insert(*head, body, UclDuplicate::kAppend);
      }
    }
  }
}

// Files of the site that nothing reads, with the nearest name that something would.
void unknown_files(FileSource& files, const std::string& folder, Config& config) {
  std::set<std::string> asked;
  std::vector<std::string> names;
  for (const UclInclude& include : config.includes) {
    asked.insert(include.path);
    if (include.path.find("/local.d/") != std::string::npos)
      names.push_back(base_name(include.path));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::vector<std::string_view> known(names.begin(), names.end());
  // options.conf for options.inc, before names that merely look alike.
  const auto same_stem = [&](const std::string& name) -> std::string {
    const std::string_view stem(name.data(), name.rfind('.') + 1);
    for (std::string_view one : known)
      if (one.starts_with(stem)) return "Did you mean \"" + std::string(one) + "\"?";
    return {};
  };
  for (const char* pattern :
       {"/local.d/*.conf", "/local.d/*.inc", "/override.d/*.conf", "/override.d/*.inc"}) {
    for (const std::string& path : files.glob(folder + pattern)) {
      if (asked.count(path)) continue;
      std::string near = same_stem(base_name(path));
      if (near.empty() && path.ends_with("_group.conf") &&
          edit_distance(base_name(path), nearest_name(base_name(path), known), 2) > 1)
        near =
            "Write its symbols into local.d/groups.conf: symbols { \"NAME\" { weight = 1.0; } }.";
      if (near.empty()) near = did_you_mean(base_name(path), known);
      config.warnings.push_back(
          {.file = path,
           .what = "Nothing reads this file.",
           .advice = near.empty() ? "Include it from a file that is read, or put it into "
                                    "modules.local.d."
                                  : near});
    }
  }
  const char* const kInstead =
      "Patterns and functions go into local.d/regexp.conf, lists into local.d/multimap.conf.";
  for (const std::string& path : files.glob(folder + "/lua/*.lua"))
    config.warnings.push_back(
        {.file = path, .what = "Lua files are not loaded.", .advice = kInstead});
  for (const char* name : {"/rspamd.local.lua", "/local.d/rspamd.lua"})
    if (files.exists(folder + name))
      config.warnings.push_back(
          {.file = folder + name, .what = "Lua files are not loaded.", .advice = kInstead});
}

std::string shown(const UclObject& value) {
  if (value.is_object()) return "{ … }";
  if (value.is_array()) return "[ … ]";
  return dump_scalar(value, DumpFormat::kUcl);
}

void both_statistics(const std::string& folder, Config& config) {
  bool statistic = false, bayes = false;
  for (const UclInclude& include : config.includes) {
    if (!include.found || include.path.find("/local.d/") == std::string::npos) continue;
    statistic |= base_name(include.path) == "statistic.conf";
    bayes |= base_name(include.path) == "classifier-bayes.conf";
  }
  if (statistic && bayes)
    config.warnings.push_back(
        {.file = folder + "/local.d/statistic.conf",
         .what = "statistic.conf and classifier-bayes.conf both define the classifier.",
         .advice = "Keep one of them."});
}

// `winnow { weights = "tuned" }` chooses what the layout includes, yet is known only once all has
// been read: then it is read again with the variable set. --var has the last word.
bool wants_tuned(const Config& config, const LoadOptions& options) {
  const UclObject* value = config.root().get("winnow.weights");
  return value && value->text() == "tuned" && !options.vars.count(kWeightsVariable);
}

UclOptions parse_options(LayeredFiles& files, const LoadOptions& options, const std::string& folder,
                         TemplateOptions& templates, Config& config) {
  UclOptions out;
  out.files = &files;
  out.limits = options.limits;
  out.verify = options.verify;
  out.variables = default_variables(folder);
  out.variables["HOSTNAME"] = options.hostname;
  out.variables["VERSION"] = options.version;
  const size_t dot = options.version.find('.');
  out.variables["VERSION_MAJOR"] = options.version.substr(0, dot);
  out.variables["BRANCH_VERSION"] = options.version.substr(0, options.version.rfind('.'));
  if (dot != std::string::npos) {
    const std::string rest = options.version.substr(dot + 1);
    out.variables["VERSION_MINOR"] = rest.substr(0, rest.find('.'));
  }
  for (const auto& [key, value] : options.variables) out.variables[key] = value;
  for (const auto& [key, value] : options.vars) out.variables[key] = value;
  templates.env = options.env;
  templates.paths = out.variables;
  templates.pbkdf = options.pbkdf;
  templates.vars = options.vars;
  templates.vars["hostname"] = options.hostname;
  templates.vars["version"] = options.version;
  templates.vars["ver_major"] = out.variables["VERSION_MAJOR"];
  templates.vars["ver_minor"] = out.variables["VERSION_MINOR"];
  templates.vars["ver_id"] = "";
  templates.vars["ver_num"] = out.variables["BRANCH_VERSION"];
  out.prepare = [&templates, &config, skip = options.skip_template](
                    std::string_view text, std::string_view file,
                    std::vector<uint32_t>& lines) -> Result<std::string> {
    // Of the shipped files only the layout is a template; `--skip-template` is for the site's.
    const bool shipped = file.substr(0, kPolicy.size()) == kPolicy;
    if (shipped ? file != "policy:/rspamd.conf" : skip) return std::string(text);
    return run_template(text, file, templates, lines, config.warnings);
  };
  return out;
}

}  // namespace

std::map<std::string, std::string, std::less<>> default_variables(std::string_view folder) {
  const std::string conf(folder.empty() ? "/etc/rspamd" : folder);
  return {{"CONFDIR", conf},
          {"LOCAL_CONFDIR", conf},
          {"DBDIR", "/var/lib/rspamd"},
          {"RUNDIR", "/run/rspamd"},
          {"LOGDIR", "/var/log/rspamd"},
          {"SHAREDIR", "/usr/share/rspamd"},
          {"RULESDIR", "/usr/share/rspamd/rules"},
          {"PLUGINSDIR", "/usr/share/rspamd/plugins"},
          {"LUALIBDIR", "/usr/share/rspamd/lualib"},
          {"LIBDIR", "/usr/lib/rspamd"},
          {"WWWDIR", "/usr/share/rspamd/www"},
          {"PREFIX", "/usr"}};
}

namespace {

// Whatever is asked for is there, and empty: for the syntax of one file alone.
class EmptyFiles final : public FileSource {
 public:
  bool exists(std::string_view) override { return true; }
  Result<std::string> read(std::string_view) override { return std::string(); }
  std::vector<std::string> glob(std::string_view) override { return {}; }
};

// The main file's values do not count, yet what is named must be one: else a message, or a file
// that was typed wrong, would pass for the shipped policy.
Result<void> check_main(FileSource& site, const std::string& path, UclOptions options) {
  if (path.empty() || !site.exists(path)) return {};
  const Result<std::string> bytes = site.read(path);
  if (!bytes) return fail(bytes.error());
  EmptyFiles empty;
  options.files = &empty;
  options.verify = [](std::string_view, std::string_view) { return Result<bool>(true); };
  const Result<UclResult> parsed = parse_ucl(*bytes, path, options);
  if (!parsed) return fail(parsed.error());
  const UclObject& root = parsed->document->root();
  if (root.size() == 0 || !parsed->includes.empty()) return {};
  for (const UclObject& value : root.children())
    if (is_option_section(value.key()) || value.key() == "metric") return {};
  return fail(Error{.what = "is no configuration: it includes nothing, and none of its sections "
                            "is known",
                    .file = path});
}

}  // namespace

Result<Config> load_config(FileSource& site, const LoadOptions& options) {
  const std::string folder = folder_of(options.config_path);
  // Without a site its includes must find nothing.
  MemoryFiles nothing;
  const bool alone = options.config_path.empty() && options.policy_folder.empty();
  LayeredFiles files(alone ? nothing : site, options.shipped_values, options.policy_folder);
  Config config;
  TemplateOptions templates;
  const UclOptions parse = parse_options(files, options, folder, templates, config);
  if (Result<void> main = check_main(site, options.config_path, parse); !main)
    return tl::unexpected<Error>(std::move(main.error()));
  // What a template of the main file would say is Rspamd's to hear.
  config.warnings.clear();
  auto parsed = parse_ucl_file("policy:/rspamd.conf", parse);
  if (!parsed) {
    // What a template printed on that line, or did not, may be why.
    Error error = parsed.error();
    for (const Warning& warning : config.warnings)
      if (warning.file == error.file && warning.line == error.line)
        error.what += "; " + warning.what + " " + warning.advice;
    return tl::unexpected<Error>(std::move(error));
  }
  config.document = std::move(parsed->document);
  config.includes = std::move(parsed->includes);
  config.warnings.insert(config.warnings.end(), parsed->warnings.begin(), parsed->warnings.end());

  if (wants_tuned(config, options)) {
    LoadOptions again = options;
    again.vars[kWeightsVariable] = "tuned";
    return load_config(site, again);
  }
  UclDocument& document = *config.document;
  for (std::string_view key : {"worker", "classifier", "group"}) remove_empty_named(document, key);
  remove_empty(document, document.root());
  if (options.translate_old) translate_old(document, config.warnings);
  join_named(document, "group");
  if (!options.config_path.empty()) {
    const std::string dynamic(document.root().get("options.dynamic_conf")
                                  ? document.root().get("options.dynamic_conf")->text()
                                  : std::string_view{});
    if (!dynamic.empty()) {
      auto done = apply_dynamic(site, dynamic, config);
      if (!done) return tl::unexpected<Error>(done.error());
    }
    unknown_files(site, folder, config);
    both_statistics(folder, config);
  }
  if (Result<void> good = check_options(document.root(), config.warnings); !good)
    return tl::unexpected<Error>(good.error());
  return config;
}

std::vector<Origin> origins(const UclObject& root, std::string_view path) {
  std::vector<Origin> out;
  const UclObject* value = root.get(path);
  for (const UclObject* at = value; at; at = at->shadow())
    for (const UclObject& one : at->values())
      out.push_back({.place = one.key_place(),
                     .value = shown(one),
                     .priority = one.priority(),
                     .effective = at == value && (one.is_container() || !one.repeated())});
  return out;
}

namespace {

// Calls `use(symbol, group, body)` for every definition.
template <class Use>
void each_definition(const UclObject& root, const Use& use) {
  const auto in_symbols = [&](const UclObject* head, std::string_view group) {
    if (!head) return;
    for (const UclObject* entry : head->named())
      for (const UclObject& body : entry->values()) use(entry->key(), group, body);
  };
  if (const UclObject* groups = root.find("group"))
    for (const UclObject* group : groups->named())
      for (const UclObject& one : group->values()) {
        in_symbols(one.find("symbols"), group->key());
        in_symbols(one.find("symbol"), group->key());
      }
  in_symbols(root.find("symbols"), {});
}

unsigned weight_priority(const UclObject& body) {
  for (std::string_view key : {"score", "weight"})
    if (const UclObject* value = body.find(key)) return value->priority();
  return body.priority();
}

}  // namespace

std::vector<std::string> config_diff(const UclObject& before, const UclObject& after) {
  // Leaves by path; values of an implicit array by their place in it.
  const auto leaves = [](const UclObject& root) {
    std::map<std::string, std::string> out;
    std::vector<std::pair<const UclObject*, std::string>> open{{&root, ""}};
    while (!open.empty()) {
      const auto [object, path] = std::move(open.back());
      open.pop_back();
      if (object->size() == 0) out[path] = object->is_array() ? "[]" : "{}";
      size_t number = 0;
      for (const UclObject& child : object->children()) {
        const std::string name =
            (path.empty() ? "" : path + ".") +
            (object->is_array() ? std::to_string(number++) : std::string(child.key()));
        size_t repetition = 0;
        for (const UclObject& value : child.values()) {
          const std::string full =
              child.repeated() ? name + "[" + std::to_string(repetition++) + "]" : name;
          if (value.is_container())
            open.emplace_back(&value, full);
          else
            out[full] = dump_scalar(value, DumpFormat::kUcl);
        }
      }
    }
    return out;
  };
  const std::map<std::string, std::string> old = leaves(before), now = leaves(after);
  std::vector<std::string> out;
  auto a = old.begin();
  auto b = now.begin();
  while (a != old.end() || b != now.end()) {
    const bool left = b == now.end() || (a != old.end() && a->first <= b->first);
    const bool right = a == old.end() || (b != now.end() && b->first <= a->first);
    if (!(left && right && a->second == b->second)) {
      if (left) out.push_back("- " + a->first + " = " + a->second);
      if (right) out.push_back("+ " + b->first + " = " + b->second);
    }
    if (left) ++a;
    if (right) ++b;
  }
  return out;
}

std::vector<SymbolDefinition> symbol_definitions(const UclObject& root, std::string_view symbol) {
  std::vector<SymbolDefinition> out;
  each_definition(root, [&](std::string_view name, std::string_view group, const UclObject& body) {
    if (name == symbol) out.push_back({.group = group, .body = &body});
  });
  // Higher priority first, of equal ones the later.
  std::reverse(out.begin(), out.end());
  std::stable_sort(out.begin(), out.end(),
                   [](const SymbolDefinition& a, const SymbolDefinition& b) {
                     return weight_priority(*a.body) > weight_priority(*b.body);
                   });
  return out;
}

std::vector<std::string_view> defined_symbols(const UclObject& root) {
  std::vector<std::string_view> out;
  each_definition(root, [&](std::string_view name, std::string_view, const UclObject&) {
    out.push_back(name);
  });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace winnow
