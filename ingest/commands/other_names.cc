#include "ingest/commands/other_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/dns.h"

namespace winnow {

namespace {

constexpr const char* kSiteConfig = "/etc/rspamd/rspamd.conf";

bool site_has_config() {
  std::error_code error;
  return std::filesystem::exists(kSiteConfig, error);
}

// --- rspamd: `winnow serve` with the flags of its start -------------------------------------

int run_rspamd(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Scans mail for mail servers: winnow serve, by the flags of rspamd.",
                        "rspamd");
  std::string config, user, group, pid_file;
  std::vector<std::string> variables, lua;
  bool no_fork = false, debug = false, insecure = false, version = false, skip_template = false;
  parser.add_flag("-f,--no-fork", no_fork, "stay in the foreground, which winnow always does");
  parser.add_option("-c,--config", config,
                    "the site's main file (default: /etc/rspamd/rspamd.conf)");
  parser.add_option("-u,--user", user, "user to become once the sockets are open");
  parser.add_option("-g,--group", group, "accepted; the user's own group is taken");
  parser.add_option("-p,--pid", pid_file, "file that holds the process id while it runs");
  parser.add_flag("-d,--debug", debug, "accepted; the log has no such level yet");
  parser.add_flag("-i,--insecure", insecure, "accepted; who may run it is not checked");
  parser.add_flag("-v,--version", version, "print the version");
  parser.add_option("--var", variables, "variable of the configuration, NAME=VALUE");
  parser.add_flag("-T,--skip-template", skip_template, "files of the site are no templates");
  parser.add_option("--lua-env", lua, "accepted; Lua is not run");
  parser.set_footer(
      "HUP reads the configuration again, USR1 opens the log again, TERM and INT answer\n"
      "what is open and end.");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (version) {
    fmt::print("winnow {}\n", WINNOW_VERSION);
    return kExitGood;
  }
  std::vector<std::string> serve;
  const auto put = [&](const char* option, const std::string& value) {
    if (value.empty()) return;
    serve.emplace_back(option);
    serve.push_back(value);
  };
  put("--config", config.empty() && site_has_config() ? kSiteConfig : config);
  put("--user", user);
  put("--pid-file", pid_file);
  for (const std::string& variable : variables) put("--var", variable);
  if (skip_template) serve.emplace_back("--skip-template");
  return serve_command(serve);
}

// --- rspamadm: those of our commands that it has, under its default configuration ----------

struct Tool {
  std::string_view name;
  std::string_view text;
};
// What people call that is not there; each says so instead of "no such command".
constexpr std::array kMissing{
    Tool{"clickhouse", "there is no ClickHouse"},
    Tool{"configgraph", "`winnow config why` says where a value comes from"},
    Tool{"control", "send HUP to the process instead of reload; /stat over HTTP has the counters"},
    Tool{"cookie", ""},
    Tool{"corpustest", "`winnow scan --format jsonl` prints a verdict a line"},
    Tool{"fuzzyconvert", "there is no fuzzy storage yet"},
    Tool{"grep", ""},
    Tool{"keypair", ""},
    Tool{"lua", "Lua is not run"},
    Tool{"mime", "`winnow explain` shows what a message is made of"},
    Tool{"neuraltest", "nothing is learnt yet"},
    Tool{"publicsuffix", ""},
    Tool{"pw", ""},
    Tool{"signtool", ""},
    Tool{"template", ""},
    Tool{"vault", ""},
};
constexpr std::array kShared{"configtest",   "configdump",  "confighelp",     "configwizard",
                             "pw",           "keypair",     "signtool",       "dkim_keygen",
                             "dmarc_report", "statconvert", "statistics_dump"};

// Ours are written with "-", theirs with "_".
std::string tool_name(const Command& command) {
  std::string name(command.name);
  std::ranges::replace(name, '-', '_');
  return name;
}

const Command* find_shared(std::string_view name) {
  if (std::ranges::find(kShared, name) == kShared.end()) return nullptr;
  for (const Command& command : all_commands())
    if (tool_name(command) == name) return &command;
  return nullptr;
}

void list_tools() {
  fmt::print("winnow {} as rspamadm\nUsage: rspamadm [--var NAME=VALUE] command [options]\n\n",
             WINNOW_VERSION);
  for (const Command& command : all_commands())
    if (const std::string name = tool_name(command); find_shared(name))
      fmt::print("  {:<18} {}\n", name, command.text);
  fmt::print("  {:<18} {}\n", "help", "Say what a command does and which options it takes.");
}

// dnstool spf -d DOMAIN: winnow dns spf; the configuration's servers are asked.
int run_dnstool(std::vector<std::string> arguments) {
  std::string config;
  if (arguments.size() > 1 && (arguments[0] == "-c" || arguments[0] == "--config")) {
    config = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.empty() || (arguments[0] != "spf" && arguments[0] != "spf-flatten")) {
    print_aside("rspamadm dnstool: its commands are spf and spf-flatten\n");
    return kExitUsage;
  }
  if (config.empty() && site_has_config()) config = kSiteConfig;
  const std::string name = "rspamadm dnstool " + arguments[0];
  std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (!config.empty()) rest.insert(rest.begin(), {"--config", config});
  return dns_spf_command(rest, name, arguments[0] == "spf-flatten");
}

int run_tool(std::string_view name, std::vector<std::string> arguments,
             const std::vector<std::string>& variables) {
  if (name == "dnstool") return run_dnstool(arguments);
  const Command* const command = find_shared(name);
  if (!command) {
    for (const Tool& tool : kMissing)
      if (tool.name == name) {
        print_aside("rspamadm {}: winnow does not have it yet{}{}\n", name,
                    tool.text.empty() ? "" : "; ", tool.text);
        return kExitUsage;
      }
    print_aside("rspamadm: there is no command {}; `rspamadm help` lists them\n", name);
    return kExitUsage;
  }
  // Of confighelp -c is "compact", for the others the configuration.
  const bool reads = name == "configtest" || name == "configdump" || name == "configwizard" ||
                     name == "dmarc_report" || name.starts_with("stat");
  bool given = false;
  for (const std::string& argument : arguments) {
    if (argument == "dump" || argument == "restore") break;  // of "dump" -c is "compress"
    given |= argument.starts_with("-c") || argument.starts_with("--config") ||
             argument == "--help" || argument == "-?";
  }
  if (reads && !given && site_has_config())
    arguments.insert(arguments.begin(), {"--config", kSiteConfig});
  if (reads)
    for (const std::string& variable : variables)
      arguments.insert(arguments.begin(), {"--var", variable});
  return command->run(arguments);
}

int run_rspamadm(const std::vector<std::string>& arguments) {
  std::vector<std::string> variables;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& one = arguments[i];
    if (one == "-h" || one == "--help" || one == "-?" || one == "-l" || one == "--list-commands") {
      list_tools();
      return kExitGood;
    }
    if (one == "-V" || one == "--version") {
      fmt::print("winnow {}\n", WINNOW_VERSION);
      return kExitGood;
    }
    if (one == "-v" || one == "--verbose") continue;
    if ((one == "--var" || one == "--lua-env") && i + 1 < arguments.size()) {
      if (one == "--var") variables.push_back(arguments[i + 1]);
      ++i;
      continue;
    }
    if (one.starts_with("--var=")) {
      variables.push_back(one.substr(6));
      continue;
    }
    if (one.starts_with('-')) {
      print_aside("rspamadm: there is no option {}; `rspamadm help` lists the commands\n", one);
      return kExitUsage;
    }
    std::vector<std::string> rest(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                  arguments.end());
    if (one != "help") return run_tool(one, std::move(rest), variables);
    if (!rest.empty()) return run_tool(rest[0], {"--help"}, {});
    break;
  }
  list_tools();
  return arguments.empty() ? kExitUsage : kExitGood;
}

}  // namespace

std::optional<int> run_by_name(std::string_view name, const std::vector<std::string>& arguments) {
  if (name == "rspamadm") return run_rspamadm(arguments);
  if (name == "rspamc") return rspamc_command(arguments);
  if (name == "rspamd") return run_rspamd(arguments);
  return std::nullopt;
}

}  // namespace winnow
