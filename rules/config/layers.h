// Loading a whole configuration: the shipped policy, over it what the site wrote, in the order of
// rules/conf/rspamd.conf; then the translation of old forms and the checks that say what Rspamd
// would ignore in silence.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/template.h"
#include "rules/config/ucl_parse.h"

namespace winnow {

struct LoadOptions {
  // The site's main file ("/etc/rspamd/rspamd.conf"); only its folder counts: local.d,
  // override.d, modules.local.d, rspamd.conf.local* in it are read. Empty: the shipped policy.
  std::string config_path;
  // A folder to take the shipped policy from; empty: the one in the binary.
  std::string policy_folder;
  // Folders and other variables that replace the defaults of default_variables().
  std::map<std::string, std::string, std::less<>> variables;
  std::map<std::string, std::string, std::less<>> env;   // RSPAMD_X of the process, as X
  std::map<std::string, std::string, std::less<>> vars;  // --var k=v
  std::string hostname = "localhost";
  std::string version = "4.1.0";  // the Rspamd version that templates and variables tell
  bool skip_template = false;     // --skip-template
  bool translate_old = true;      // false shows what is written, for configdump --local
  bool shipped_values = true;     // false: only what the site wrote, in the same layout
  std::function<std::string(std::string_view)> pbkdf;
  std::function<Result<bool>(std::string_view path, std::string_view bytes)> verify;
  UclLimits limits;
};

struct Config {
  std::unique_ptr<UclDocument> document;
  std::vector<Warning> warnings;     // in the order of reading
  std::vector<UclInclude> includes;  // every file asked for, in order
  const UclObject& root() const { return document->root(); }
  // The section of a module or the like; nullptr where nothing is set.
  const UclObject* section(std::string_view name) const { return root().find(name); }
};

// CONFDIR, LOCAL_CONFDIR, DBDIR … with the defaults of a Debian package.
std::map<std::string, std::string, std::less<>> default_variables(std::string_view config_folder);

// Errors: a syntax error, an unreadable file, a limit. All else is a warning.
Result<Config> load_config(FileSource& files, const LoadOptions& options);

// Where a value comes from, winner first: "file:line:column value (priority N)" a line. Values
// of an implicit array all count and come in order. Empty where the path is not set.
struct Origin {
  Place place;
  std::string value;  // as UCL; sections as "{ … }"
  unsigned priority = 0;
  bool effective = false;
};
std::vector<Origin> origins(const UclObject& root, std::string_view path);

// What two configurations mean differently: one line a path, sorted: "- path = old" and
// "+ path = new" (a changed value is both). Order of keys and places do not count.
std::vector<std::string> config_diff(const UclObject& before, const UclObject& after);

// Every definition of a symbol in groups, `symbols` and composites: winner first.
struct SymbolDefinition {
  std::string_view group;           // empty in top level `symbols`
  const UclObject* body = nullptr;  // { score, description … }
};
std::vector<SymbolDefinition> symbol_definitions(const UclObject& root, std::string_view symbol);

// Names of all symbols that groups and `symbols` define, sorted, each once.
std::vector<std::string_view> defined_symbols(const UclObject& root);

}  // namespace winnow
