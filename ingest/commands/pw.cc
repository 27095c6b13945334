// winnow pw: makes and checks passwords of the controller, as `rspamadm pw` does.
#include <fmt/format.h>
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <optional>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/controller/password.h"

namespace winnow {

namespace {

// Reads a line; what is typed at a terminal is not shown. Nothing at the end of the input.
std::optional<std::string> ask(const char* what, bool shown) {
  const bool terminal = isatty(STDIN_FILENO);
  termios before{};
  if (terminal) {
    print_aside("{}: ", what);
    tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    if (!shown) silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::string line;
  const bool good = static_cast<bool>(std::getline(std::cin, line));
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    if (!shown) print_aside("\n");
  }
  if (!good) return std::nullopt;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

struct Options {
  bool encrypt = false, check = false, quiet = false, list = false;
  std::string password, type = "catena", hash;
};

int encrypt(const Options& options, const std::string& password) {
  std::array<uint8_t, kSaltBytes> salt;
  randombytes_buf(salt.data(), salt.size());
  const PasswordKind kind =
      options.type == "pbkdf2" ? PasswordKind::kPbkdf2 : PasswordKind::kCatena;
  fmt::print("{}\n", hash_password(kind, password, salt));
  return kExitGood;
}

}  // namespace

int pw_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Makes a password's hash for the controller, or checks a password against one.", "winnow pw");
  Options options;
  parser.add_flag("-e,--encrypt", options.encrypt, "make a hash (the default)");
  parser.add_flag("-c,--check", options.check, "check a password against a hash");
  parser.add_flag("-q,--quiet", options.quiet, "say nothing but hashes");
  parser.add_flag("-l,--list", options.list, "list the kinds of hashes");
  parser.add_option("-p,--password", options.password, "the password (default: it is asked for)");
  parser.add_option("-t,--type", options.type, "kind of the hash")
      .one_of({"catena", "pbkdf2"})
      .show_default();
  parser.add_option("hash", options.hash, "with --check: the hash (default: it is asked for)");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (options.list) {
    fmt::print(
        "catena: Catena-Butterfly over BLAKE2b, needs time and memory; $2$\n"
        "pbkdf2: PBKDF2 over BLAKE2b, needs time; $1$\n");
    return kExitGood;
  }
  if (options.check && options.hash.empty()) {
    const std::optional<std::string> hash = ask("Hash", true);
    if (hash) options.hash = *hash;
  }
  std::optional<std::string> password = options.password;
  if (options.password.empty()) password = ask("Password", false);
  if (!password || password->empty()) {
    complain("pw", "an empty password lets nobody in");
    return kExitUsage;
  }
  if (!options.check) return encrypt(options, *password);
  const bool good = is_hashed_password(options.hash) && check_password(options.hash, *password);
  if (!options.quiet) fmt::print("{}\n", good ? "password correct" : "password incorrect");
  return good ? kExitGood : kExitFindings;
}

}  // namespace winnow
