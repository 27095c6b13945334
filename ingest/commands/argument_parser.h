// What the command line of a command may hold, and its parser. CLI11 does the work; its header
// takes seconds to compile, so argument_parser.cc alone includes it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace winnow {

// An option or a positional that was added, for saying more of it. Words and sentences are
// literals: they are not copied.
class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}

  Argument& required();
  Argument& one_of(std::initializer_list<const char*> words);
  // Both bounds are good values; of the type of the variable.
  Argument& within(uint32_t low, uint32_t high);
  Argument& within(int low, int high);
  Argument& positive();
  // A count of bytes, which may have a unit: 512k, 48M, 1GiB; units are powers of 1024.
  Argument& in_bytes();
  // 0 is refused with this sentence.
  Argument& not_zero(const char* sentence);
  // A list takes one value each time its name is given, not all words up to the next option.
  Argument& one_each_time();
  // --help says what the variable holds now.
  Argument& show_default();
  Argument& hidden();  // from --help

 private:
  CLI::Option* option_;
};

// REQUIRED: variables outlive the parser; those of arguments that are not given stay as they are.
class ArgumentParser {
 public:
  // `text` says what the command does, `name` is how it is called: "winnow scan".
  explicit ArgumentParser(std::string text = "", std::string name = "");

  // Names are separated by commas: "-c,--config". One without dashes is a positional, and its name
  // is that of --help. A list is replaced by what is given.
  Argument add_option(std::string names, std::string& value, std::string text);
  Argument add_option(std::string names, uint32_t& value, std::string text);
  Argument add_option(std::string names, uint64_t& value, std::string text);
  Argument add_option(std::string names, int64_t& value, std::string text);
  Argument add_option(std::string names, int& value, std::string text);
  Argument add_option(std::string names, double& value, std::string text);
  Argument add_option(std::string names, std::vector<std::string>& list, std::string text);
  // NAME=VALUE, one each time; put behind what the list holds.
  Argument add_option(std::string names, std::vector<std::pair<std::string, std::string>>& list,
                      std::string text);
  // Also takes a value: --strict=false.
  Argument add_flag(std::string names, bool& value, std::string text);

  // In place of "-h,--help"; subcommands that are added later have it, too.
  void set_help_flag(std::string names, const std::string& text);
  // One subcommand has to be there; options of the command stand before or after it. REQUIRED: none
  // is added yet.
  void require_subcommand();
  // There may be one.
  void allow_subcommand();
  // Returns what takes the arguments of the subcommand; it does not parse by itself.
  ArgumentParser add_subcommand(std::string name, std::string text,
                                std::initializer_list<const char*> aliases = {});
  // Whether this subcommand was given.
  bool parsed() const;
  // Printed below the options by --help.
  void set_footer(std::string text);

  // Returns an exit code where the command is over: --help or wrong use, each having been printed.
  std::optional<int> parse(const std::vector<std::string>& arguments);

 private:
  explicit ArgumentParser(std::shared_ptr<CLI::App> app) : app_(std::move(app)) {}

  std::shared_ptr<CLI::App> app_;  // a subcommand shares the ownership of the whole
};

}  // namespace winnow
