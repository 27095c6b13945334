// The manual page and the completion of bash, both made from the table of commands and from what
// each command says of itself, so that neither can be out of date. The build writes them beside the
// binary; `cmake --install` puts them in their places.
#include "ingest/commands/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "ingest/commands/command.h"
#include "rules/compile/parts.h"
#include "rules/config/options.h"

namespace winnow {

namespace {

constexpr std::string_view kBash =
    R"bash(# Completion of bash for winnow. Made by `winnow completion bash`.
# Options are asked of the binary itself, so that they are those of the version installed.
_winnow_options() {  # of the command and, where there is one, of its subcommand
  "${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help
  [ "$COMP_CWORD" -le 2 ] || [ "${COMP_WORDS[2]#-}" != "${COMP_WORDS[2]}" ] ||
    "${COMP_WORDS[0]}" "${COMP_WORDS[1]}" "${COMP_WORDS[2]}" --help
} 2>/dev/null
_winnow() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} values
  COMPREPLY=()
  if [ "$COMP_CWORD" -gt 2 ] && [ "${before#-}" != "$before" ]; then
    values=$(_winnow_options | grep -oE -- "$before [^ ]*\{[^}]*" |
      sed 's/.*{//; s/,/ /g' | sort -u)
  fi
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "@COMMANDS@" -- "$word")
  elif [ -n "$values" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [ "${word#-}" != "$word" ]; then
    local options
    options=$(_winnow_options | grep -oE -- '--[a-z][a-z-]+' | sort -u)
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [ "${COMP_WORDS[1]}" = help ]; then
    mapfile -t COMPREPLY < <(compgen -W "@COMMANDS@" -- "$word")
  elif [ "$COMP_CWORD" = 2 ]; then
    case ${COMP_WORDS[1]} in
@WORDS@    esac
    [ "${#COMPREPLY[@]}" != 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _winnow winnow
)bash";

constexpr std::string_view kManHead = R"(.TH WINNOW 1 "" "winnow @VERSION@" "User commands"
.SH NAME
winnow \- mail filter: find out what is true of a message and say what to do with it
.SH SYNOPSIS
.B winnow
.I COMMAND
.RI [ ARGUMENT ...]
.SH DESCRIPTION
Winnow reads messages, finds out what is true of each, adds the findings up to a score and says what
to do: accept, greylist, add a header, reject. It takes the configuration, symbol names and weights
of Rspamd. Its own policy is built in and is the lowest layer; a site's local.d and override.d
directories lie above it.
.PP
A verdict depends on the message, its envelope, the time given, the rules and the answers of
lookups, and on nothing else: not on threads, batch sizes or the machine.
.SH COMMANDS
.BI "winnow help " COMMAND
says which options a command takes,
.BI "winnow help options" " SECTION"
what the options of the configuration mean.
)";

constexpr std::string_view kManTail = R"(.SH EXIT STATUS
.TP
0
good, whatever the verdicts are
.TP
1
findings: a test failed, two trees differ, a check found something
.TP
2
wrong use or wrong configuration
.TP
3
some inputs could not be read (everything else was scanned), or standard output could not be written
.TP
70
a bug in winnow
.SH FILES
.TP
.I PREFIX/share/winnow/policy
the shipped policy as files, to read or to copy; the binary carries the same bytes
.TP
.I $XDG_CACHE_HOME/winnow
compiled pattern databases; may be removed at any time
.SH EXAMPLES
.nf
winnow scan ~/Maildir
winnow explain message.eml
winnow scan --format jsonl --config /etc/rspamd/rspamd.conf archive.mbox
.fi
.SH SEE ALSO
.BR rspamd (8)
)";

std::string command_names() {
  std::string names;
  for (const Command& command : all_commands()) {
    if (!names.empty()) names += ' ';
    names += command.name;
  }
  return names;
}

// Words that may stand first behind a command: those between bars in its usage. A line of `case`
// for each command that has some.
std::string first_words() {
  std::string out;
  for (const Command& command : all_commands()) {
    const std::string_view usage = command.arguments.substr(0, command.arguments.find(' '));
    if (usage.find('|') == std::string_view::npos) continue;
    std::string words;
    for (size_t at = 0; at < usage.size();) {
      size_t end = at;
      while (end < usage.size() && ((usage[end] >= 'a' && usage[end] <= 'z') || usage[end] == '-'))
        ++end;
      if (end > at) words += (words.empty() ? "" : " ") + std::string(usage.substr(at, end - at));
      at = end + 1;
    }
    out += fmt::format("      {}) mapfile -t COMPREPLY < <(compgen -W \"{}\" -- \"$word\") ;;\n",
                       command.name, words);
  }
  return out;
}

// Prints `text` with every `word` replaced.
void print_with(std::string_view text, std::string_view word, std::string_view by) {
  size_t at = 0;
  for (size_t next; (next = text.find(word, at)) != std::string_view::npos;) {
    fmt::print("{}{}", text.substr(at, next - at), by);
    at = next + word.size();
  }
  fmt::print("{}", text.substr(at));
}

}  // namespace

void print_manual() {
  print_with(kManHead, "@VERSION@", WINNOW_VERSION);
  for (const Command& command : all_commands())
    fmt::print(".TP\n.B {} {}\n{}\n", command.name, command.arguments, command.text);
  fmt::print(".SH OPTIONS OF SCAN\n.nf\n");
  std::fflush(stdout);
  for (const Command& command : all_commands())
    if (command.name == "scan") command.run({"--help"});
  std::cout.flush();
  fmt::print(".fi\n");
  print_with(kManTail, "PREFIX", "/usr");
}

int completion_command(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h")) {
    fmt::print("winnow completion bash: prints the completion of bash, to be sourced.\n");
    return kExitGood;
  }
  if (arguments.size() != 1 || arguments[0] != "bash") {
    complain("completion", "takes the name of a shell, and bash is the one it knows");
    return kExitUsage;
  }
  const std::string_view script(kBash);
  const size_t at = script.find("@WORDS@");
  print_with(script.substr(0, at), "@COMMANDS@", command_names());
  fmt::print("{}{}", first_words(), script.substr(at + 7));
  return kExitGood;
}

bool print_options(std::string_view section) {
  const UclDocument nothing;  // states as they are without any configuration
  std::string_view last;
  bool found = false;
  for (const OptionRow& row : option_rows()) {
    const std::string_view top = row.section.substr(0, row.section.find('.'));
    if (!section.empty() && top != section && row.section != section) continue;
    found = true;
    if (row.section != last) {
      fmt::print("{}{}\n", last.empty() ? "" : "\n", row.section);
      if (std::ranges::binary_search(option_sections(), row.section))
        fmt::print("  [{}]\n", part_text(part_state(nothing.root(), row.section)));
    }
    last = row.section;
    fmt::print("  {} ({}{}{}){}{}\n      {}\n", row.key, row.type, row.unit.empty() ? "" : ", ",
               row.unit, row.default_value.empty() ? "" : " = ", row.default_value, row.sentence);
  }
  return found;
}

}  // namespace winnow
