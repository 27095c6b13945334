// The commands of the one binary. Each is one file here and one row in the table of main.cc.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace winnow {

// Exit codes (DESIGN section 9).
enum ExitCode : int {
  kExitGood = 0,
  kExitFindings = 1,  // diff, strict, check found something
  kExitUsage = 2,     // usage or configuration
  kExitInputs = 3,    // some inputs failed
  kExitBug = 70,
};

struct Command {
  std::string_view name;
  std::string_view arguments;  // for usage: "PATH..."
  std::string_view text;       // one sentence
  int (*run)(const std::vector<std::string>& arguments);
};

int scan_command(const std::vector<std::string>& arguments);
int explain_command(const std::vector<std::string>& arguments);
int maps_command(const std::vector<std::string>& arguments);
int config_command(const std::vector<std::string>& arguments);
int configwizard_command(const std::vector<std::string>& arguments);
int configdump_command(const std::vector<std::string>& arguments);
int confighelp_command(const std::vector<std::string>& arguments);
int configtest_command(const std::vector<std::string>& arguments);
int keypair_command(const std::vector<std::string>& arguments);
int learn_command(const std::vector<std::string>& arguments);
int learn_log_command(const std::vector<std::string>& arguments);
int limits_command(const std::vector<std::string>& arguments);
int completion_command(const std::vector<std::string>& arguments);
int pw_command(const std::vector<std::string>& arguments);
int rules_command(const std::vector<std::string>& arguments);
int signtool_command(const std::vector<std::string>& arguments);
int statconvert_command(const std::vector<std::string>& arguments);
int statistics_dump_command(const std::vector<std::string>& arguments);
int serve_command(const std::vector<std::string>& arguments);
int dmarc_report_command(const std::vector<std::string>& arguments);
int dkim_keygen_command(const std::vector<std::string>& arguments);
int dns_command(const std::vector<std::string>& arguments);
int rspamc_command(const std::vector<std::string>& arguments);
int reload_command(const std::vector<std::string>& arguments);
int help_command(const std::vector<std::string>& arguments);

std::span<const Command> all_commands();

// Prints to standard error. What cannot be written there (a full disk) is lost: it never ends a
// run, as fmt::print() would, which throws.
template <class... Values>
void print_aside(fmt::format_string<Values...> format, Values&&... values) {
  const std::string text = fmt::format(format, std::forward<Values>(values)...);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

// Prints "winnow NAME: sentence" to standard error; control characters and what is no UTF-8
// escaped.
void complain(std::string_view command, std::string_view sentence);

}  // namespace winnow
