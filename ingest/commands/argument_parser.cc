#include "ingest/commands/argument_parser.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "ingest/commands/command.h"

namespace winnow {

namespace {

// CLI11 would read -1 as the greatest number.
std::string no_negative(const std::string& given) {
  return given.starts_with('-') ? given + " is negative" : "";
}

}  // namespace

Argument& Argument::required() {
  option_->required();
  return *this;
}

Argument& Argument::one_of(std::initializer_list<const char*> words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

Argument& Argument::within(uint32_t low, uint32_t high) {
  option_->check(CLI::Range(low, high));
  return *this;
}

Argument& Argument::within(int low, int high) {
  option_->check(CLI::Range(low, high));
  return *this;
}

Argument& Argument::positive() {
  option_->check(CLI::PositiveNumber);
  return *this;
}

Argument& Argument::in_bytes() {
  option_->transform(CLI::AsSizeValue(false));
  return *this;
}

Argument& Argument::not_zero(const char* sentence) {
  option_->check([sentence](const std::string& text) {
    return text.find_first_not_of('0') == text.npos ? sentence : "";
  });
  return *this;
}

Argument& Argument::one_each_time() {
  option_->allow_extra_args(false);
  return *this;
}

Argument& Argument::show_default() {
  option_->capture_default_str();
  return *this;
}

Argument& Argument::hidden() {
  option_->group("");
  return *this;
}

ArgumentParser::ArgumentParser(std::string text, std::string name)
    : app_(std::make_shared<CLI::App>(std::move(text), std::move(name))) {}

Argument ArgumentParser::add_option(std::string names, std::string& value, std::string text) {
  return Argument(app_->add_option(std::move(names), value, std::move(text)));
}

Argument ArgumentParser::add_option(std::string names, uint32_t& value, std::string text) {
  return Argument(app_->add_option(std::move(names), value, std::move(text))->check(no_negative));
}

Argument ArgumentParser::add_option(std::string names, uint64_t& value, std::string text) {
  return Argument(app_->add_option(std::move(names), value, std::move(text))->check(no_negative));
}

Argument ArgumentParser::add_option(std::string names, int64_t& value, std::string text) {
  return Argument(app_->add_option(std::move(names), value, std::move(text)));
}

Argument ArgumentParser::add_option(std::string names, int& value, std::string text) {
  return Argument(app_->add_option(std::move(names), value, std::move(text)));
}

Argument ArgumentParser::add_option(std::string names, double& value, std::string text) {
  return Argument(app_->add_option(std::move(names), value, std::move(text)));
}

Argument ArgumentParser::add_option(std::string names, std::vector<std::string>& list,
                                    std::string text) {
  return Argument(app_->add_option(std::move(names), list, std::move(text)));
}

Argument ArgumentParser::add_option(std::string names,
                                    std::vector<std::pair<std::string, std::string>>& list,
                                    std::string text) {
  const auto take = [&list, names](const std::vector<std::string>& given) {
    for (const std::string& one : given) {
      const size_t equals = one.find('=');
      if (equals == std::string::npos)
        throw CLI::ValidationError(names, "takes NAME=VALUE, not " + one);
      list.emplace_back(one.substr(0, equals), one.substr(equals + 1));
    }
  };
  return Argument(
      app_->add_option_function<std::vector<std::string>>(std::move(names), take, std::move(text))
          ->allow_extra_args(false)
          ->type_name("NAME=VALUE"));
}

Argument ArgumentParser::add_flag(std::string names, bool& value, std::string text) {
  return Argument(app_->add_flag(std::move(names), value, std::move(text)));
}

void ArgumentParser::set_help_flag(std::string names, const std::string& text) {
  app_->set_help_flag(std::move(names), text);
}

void ArgumentParser::require_subcommand() {
  app_->require_subcommand(1);
  app_->fallthrough();
}

void ArgumentParser::allow_subcommand() { app_->require_subcommand(0, 1); }

ArgumentParser ArgumentParser::add_subcommand(std::string name, std::string text,
                                              std::initializer_list<const char*> aliases) {
  CLI::App* const app = app_->add_subcommand(std::move(name), std::move(text));
  for (const char* alias : aliases) app->alias(alias);
  return ArgumentParser(std::shared_ptr<CLI::App>(app_, app));
}

bool ArgumentParser::parsed() const { return app_->parsed(); }

void ArgumentParser::set_footer(std::string text) { app_->footer(std::move(text)); }

std::optional<int> ArgumentParser::parse(const std::vector<std::string>& arguments) {
  // CLI11 takes them from the end.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app_->parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::cout << app_->help();
    return kExitGood;
  } catch (const CLI::ParseError& error) {
    print_aside("{}: {}; {} --help lists the options\n", app_->get_name(), error.what(),
                app_->get_name());
    return kExitUsage;
  }
  return std::nullopt;
}

}  // namespace winnow
