// winnow: a mail filter. This file is the table of contents: what the binary can be asked to do.
// The path of one message: ingest/commands/scan.cc reads it, pipeline/flow.h carries it,
// pipeline/run.cc is the order of its stages, engine/batch.h what it becomes, engine/evidence.h
// what is left of it to judge, engine/verdict.h what is said of it.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "ingest/commands/command.h"
#include "ingest/commands/documents.h"
#include "ingest/commands/other_names.h"
#include "ingest/commands/output.h"

namespace winnow {

namespace {

constexpr std::array kCommands{
    Command{"scan", "PATH...", "Scan messages and print a verdict for each.", scan_command},
    Command{"serve", "", "Scan mail for mail servers, over milter and HTTP.", serve_command},
    Command{"learn", "spam|ham|CLASS|forget|labelled PATH...",
            "Learn messages as spam or ham, or forget them.", learn_command},
    Command{"learn-log", "list|export|import|rebuild|forget|relabel|as-of|evaluate|canaries|retry",
            "Look into what was learnt, and change it.", learn_log_command},
    Command{"statistics-dump", "dump|restore",
            "Write what was learnt as Rspamd does, or take it in.", statistics_dump_command},
    Command{"statconvert", "", "Convert Rspamd's statistics of SQLite.", statconvert_command},
    Command{"rspamc", "[COMMAND] [PATH...]", "Ask a running service: scan, learn, show statistics.",
            rspamc_command},
    Command{"reload", "", "Have a running service load its configuration again.", reload_command},
    Command{"explain", "FILE", "Say why a message's verdict is what it is.", explain_command},
    Command{"rules", "list|show|test|cost", "List, show, test and measure the rules.",
            rules_command},
    Command{"configtest", "", "Load the configuration and say what is wrong with it.",
            configtest_command},
    Command{"configdump", "[SECTION...]", "Print the merged configuration.", configdump_command},
    Command{"maps", "", "List the configuration's maps, and what is wrong with them.",
            maps_command},
    Command{"confighelp", "[PATH...]", "Say what options mean.", confighelp_command},
    Command{"configwizard", "[CHECK...]", "Write the first files of a site.", configwizard_command},
    Command{"config", "why|diff", "Say where a value comes from, or how two trees differ.",
            config_command},
    Command{"dns", "[TYPE|spf|spf-flatten] NAME...", "Ask name servers as the service would.",
            dns_command},
    Command{"pw", "", "Make and check the controller's passwords.", pw_command},
    Command{"limits", "", "Print the memory ceiling, itemised.", limits_command},
    Command{"keypair", "[sign|verify]", "Make a key pair; sign and verify files with it.",
            keypair_command},
    Command{"signtool", "FILE...", "Sign maps, verify them, edit them and sign them again.",
            signtool_command},
    Command{"dkim-keygen", "", "Make a key that signs mail, and its DNS record.",
            dkim_keygen_command},
    Command{"dmarc-report", "[DAY...]", "Send aggregate reports of DMARC, or write them to files.",
            dmarc_report_command},
    Command{"completion", "bash", "Print the completion of a shell.", completion_command},
    Command{"help", "[COMMAND]", "Say what a command does and which options it takes.",
            help_command},
};

constexpr size_t kUsageWidth = 27;

}  // namespace

std::span<const Command> all_commands() { return kCommands; }

void complain(std::string_view command, std::string_view sentence) {
  std::string lines;
  for (size_t at = 0; at <= sentence.size();) {
    const size_t end = std::min(sentence.find('\n', at), sentence.size());
    lines += plain_text(sentence.substr(at, end - at)) + '\n';
    at = end + 1;
  }
  print_aside("winnow {}: {}", command, lines);
}

int help_command(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    if (arguments[0] == "--help" || arguments[0] == "-h") return help_command({});
    if (arguments[0] == "--man") {
      print_manual();
      return kExitGood;
    }
    if (arguments[0] == "options") {
      const std::string section = arguments.size() > 1 ? arguments[1] : "";
      if (print_options(section)) return kExitGood;
      complain("help", fmt::format("there is no section or module {}", section));
      return kExitUsage;
    }
    for (const Command& command : kCommands)
      if (command.name == arguments[0]) return command.run({"--help"});
    complain("help", fmt::format("there is no command {}", arguments[0]));
    return kExitUsage;
  }
  fmt::print("winnow {}: finds out what is true of a message and says what to do with it.\n\n",
             WINNOW_VERSION);
  for (const Command& command : kCommands) {
    const std::string usage = fmt::format("{} {}", command.name, command.arguments);
    // What is too long for its column stands on a line of its own.
    fmt::print("  winnow {:<{}}{:<{}} {}\n", usage, kUsageWidth,
               usage.size() > kUsageWidth ? "\n" : "",
               usage.size() > kUsageWidth ? kUsageWidth + 10 : 0, command.text);
  }
  fmt::print(
      "\nEach command takes --help; `winnow help options [SECTION]` says what the options of\n"
      "the configuration mean.\n");
  return kExitGood;
}

}  // namespace winnow

namespace {

using winnow::print_aside;

int run(int argc, char** argv) {
  using namespace winnow;
  const std::string called = argv[0] ? argv[0] : "winnow";
  if (const std::optional<int> code = run_by_name(called.substr(called.rfind('/') + 1),
                                                  {argv + std::min(argc, 1), argv + argc}))
    return *code;
  if (argc < 2) {
    help_command({});
    std::fflush(stdout);
    print_aside("winnow: name a command\n");
    return kExitUsage;
  }
  std::string name = argv[1];
  if (name == "--help" || name == "-h") name = "help";
  if (name == "--version" || name == "-V") {
    fmt::print("winnow {}\n", WINNOW_VERSION);
    return kExitGood;
  }
  const std::vector<std::string> arguments(argv + 2, argv + argc);
  for (const Command& command : all_commands())
    if (command.name == name) return command.run(arguments);
  complain(name, "there is no such command; `winnow help` lists them");
  return kExitUsage;
}

// Whatever a command printed has to have arrived: a full disk is no success.
int arrived(int code, int error) {
  std::cout.flush();
  if (std::fflush(stdout) != 0 && error == 0) error = errno;
  if (!std::ferror(stdout)) return code;
  print_aside("winnow: standard output cannot be written{}{}\n", error ? ": " : "",
              error ? std::strerror(error) : "");
  return winnow::kExitInputs;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `winnow scan … | head` ends quietly
  // Where one of these is closed, the next file that is opened would take what is printed.
  for (int fd = 0; fd <= STDERR_FILENO; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) return winnow::kExitUsage;
  try {
    const int code = run(argc, argv);
    return arrived(code, 0);
  } catch (const std::system_error& error) {
    // fmt::print() throws what stdio says.
    if (std::ferror(stdout)) return arrived(winnow::kExitInputs, error.code().value());
    print_aside("winnow: this is a bug: {}\n", error.what());
    return winnow::kExitBug;
  } catch (const std::exception& bug) {
    print_aside("winnow: this is a bug: {}\n", bug.what());
    return winnow::kExitBug;
  }
}
