// winnow keypair, winnow signtool: keys and signatures of maps, as Rspamd's tools of these names
// make and read them.
//
//   keypair file := UCL: keypair { pubkey, privkey, id (base32), encoding, algorithm, type }
//   FILE.sig     := 64 bytes, Ed25519 over the bytes of FILE
#include "engine/crypt/keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>

#include "engine/crypt/base32.h"
#include "engine/crypt/verify.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/whole_file.h"
#include "ingest/random_bytes.h"
#include "ingest/write_all.h"
#include "pipeline/maps/settings.h"
#include "rules/config/ucl_parse.h"

namespace winnow {

namespace {

constexpr size_t kSeedBytes = 32, kSecretBytes = 64;

// Whole or not at all; `mode` where the file is new.
Result<void> write_file(const std::string& path, std::string_view bytes, mode_t mode) {
  const auto failed = [&] {
    return fail(fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
  };
  const std::string fresh = fmt::format("{}.{}.new", path, getpid());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return failed();
  const bool written = write_all(fd, bytes);
  const bool good = ::close(fd) == 0 && written;
  if (good && std::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const auto out = failed();
  ::unlink(fresh.c_str());
  return out;
}

std::string render(const KeyPair& keys, bool signing, bool json) {
  const std::pair<const char*, std::string> rows[] = {
      {"pubkey", base32_encode(keys.public_key)},
      {"privkey", base32_encode(keys.secret_key)},
      {"id", base32_encode(key_id(keys.public_key))},
      {"encoding", "base32"},
      {"algorithm", "curve25519"},
      {"type", signing ? "sign" : "kex"},
  };
  std::string out = json ? "{\n    \"keypair\": {\n" : "keypair {\n";
  bool first = true;
  for (const auto& [name, value] : rows) {
    if (json)
      out += fmt::format("{}        \"{}\": \"{}\"", first ? "" : ",\n", name, value);
    else
      out += fmt::format("    {} = \"{}\";\n", name, value);
    first = false;
  }
  return out + (json ? "\n    }\n}\n" : "}\n");
}

Result<KeyPair> read_keypair(const std::string& path) {
  Result<std::string> text = read_whole_file(path);
  if (!text) return fail(text.error());
  Result<UclResult> parsed = parse_ucl(*text, path, {});
  if (!parsed) return fail(parsed.error());
  const UclObject& root = parsed->document->root();
  const UclObject* const inner = root.find("keypair");
  const UclObject& from = inner ? *inner : root;
  if (from.string("type", "sign") != "sign" ||
      from.string("algorithm", "curve25519") != "curve25519")
    return fail(path + " holds no Ed25519 key to sign with; make one with winnow keypair -s");
  KeyPair keys;
  keys.public_key = base32_decode(from.string("pubkey", "")).value_or("");
  keys.secret_key = base32_decode(from.string("privkey", "")).value_or("");
  if (keys.public_key.size() != 32 || keys.secret_key.size() != kSecretBytes ||
      make_signing_keys(std::string_view(keys.secret_key).substr(0, 32)).public_key !=
          keys.public_key)
    return fail(path + " holds no key pair in base32");
  return keys;
}

// --- Signatures ---

struct SignCommand {
  std::string keypair, public_key, public_file, public_out, editor;
  std::string suffix = ".sig";
  bool verify = false, quiet = false, edit = false;
  std::vector<std::string> files;
};

Result<void> sign_file(const SignCommand& options, const KeyPair& keys, const std::string& path) {
  Result<std::string> bytes = read_whole_file(path);
  if (!bytes) return fail(bytes.error());
  const std::string to = path + options.suffix;
  if (Result<void> done = write_file(to, sign_ed25519(keys.secret_key, *bytes), 0644); !done)
    return done;
  if (!options.quiet) fmt::print("signed {}; stored the signature in {}\n", path, to);
  return {};
}

Result<void> verify_file(const SignCommand& options, const std::string& key,
                         const std::string& path) {
  Result<std::string> bytes = read_whole_file(path);
  if (!bytes) return fail(bytes.error());
  const std::string from = path + options.suffix;
  Result<std::string> signature = read_whole_file(from);
  if (!signature) return fail(signature.error());
  if (verify_ed25519(key, *bytes, *signature) != Verified::kGood)
    return fail(fmt::format("{} is not what {} signs with this key", path, from));
  if (!options.quiet) fmt::print("verified {} using {}\n", path, from);
  return {};
}

Result<void> run_editor(const std::string& editor, const std::string& path) {
  const pid_t child = fork();
  if (child < 0) return fail(fmt::format("no editor starts: {}", std::strerror(errno)));
  if (child == 0) {
    // The shell takes an editor with options apart; the path is no part of what it reads.
    const std::string script = editor + " \"$1\"";
    execl("/bin/sh", "sh", "-c", script.c_str(), "sh", path.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(fmt::format("the editor ended with an error; {} is as it was", path));
}

// The editor gets a copy: what is in use changes only with its signature.
Result<void> edit_and_sign(const SignCommand& options, const KeyPair& keys,
                           const std::string& path) {
  const char* const given = std::getenv("EDITOR");
  const std::string editor = !options.editor.empty() ? options.editor : given ? given : "";
  if (editor.empty()) return fail("no editor: give --editor or set EDITOR");
  std::string bytes;
  mode_t mode = 0644;
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    Result<std::string> read = read_whole_file(path);
    if (!read) return fail(read.error());
    bytes = std::move(*read);
    mode = info.st_mode & 07777;
    // Signing would make what somebody else changed look as ours.
    struct stat signature;
    if (stat((path + options.suffix).c_str(), &signature) == 0) {
      SignCommand quiet = options;
      quiet.quiet = true;
      if (Result<void> good = verify_file(quiet, keys.public_key, path); !good) return good;
    }
  }
  const std::string copy = path + ".edit";
  if (Result<void> done = write_file(copy, bytes, mode); !done) return done;
  Result<void> done = run_editor(editor, copy);
  Result<std::string> edited =
      done ? read_whole_file(copy) : Result<std::string>(fail(done.error()));
  ::unlink(copy.c_str());
  if (!edited) return fail(edited.error());
  if (Result<void> written = write_file(path, *edited, mode); !written) return written;
  ::chmod(path.c_str(), mode);
  return sign_file(options, keys, path);
}

Result<std::string> key_to_verify(const SignCommand& options) {
  std::string text = options.public_key;
  if (text.empty() && !options.public_file.empty()) {
    Result<std::string> read = read_whole_file(options.public_file);
    if (!read) return fail(read.error());
    text = read->substr(0, read->find_first_of(" \t\r\n"));
  }
  if (text.empty() && !options.keypair.empty()) {
    Result<KeyPair> keys = read_keypair(options.keypair);
    if (!keys) return fail(keys.error());
    return keys->public_key;
  }
  if (text.empty()) return fail("no key to verify with: give -p, -P or -k");
  std::optional<std::string> key = read_public_key(text);
  if (!key) return fail(fmt::format("\"{}\" is no public key in base32", text));
  return *key;
}

int over_files(std::string_view command, const SignCommand& options,
               const std::function<Result<void>(const std::string&)>& f) {
  int code = kExitGood;
  for (const std::string& path : options.files) {
    const Result<void> done = f(path);
    if (done) continue;
    complain(command, done.error().text());
    code = kExitFindings;
  }
  return code;
}

int sign_or_verify(std::string_view command, const SignCommand& options) {
  if (options.verify) {
    const Result<std::string> key = key_to_verify(options);
    if (!key) {
      complain(command, key.error().text());
      return kExitUsage;
    }
    return over_files(command, options,
                      [&](const std::string& path) { return verify_file(options, *key, path); });
  }
  if (options.keypair.empty()) {
    complain(command, "no key to sign with: give -k FILE; winnow keypair -s makes one");
    return kExitUsage;
  }
  const Result<KeyPair> keys = read_keypair(options.keypair);
  if (!keys) {
    complain(command, keys.error().text());
    return kExitUsage;
  }
  if (!options.public_out.empty())
    if (Result<void> done =
            write_file(options.public_out, base32_encode(keys->public_key) + "\n", 0644);
        !done) {
      complain(command, done.error().text());
      return kExitUsage;
    }
  return over_files(command, options, [&](const std::string& path) {
    return options.edit ? edit_and_sign(options, *keys, path) : sign_file(options, *keys, path);
  });
}

struct KeypairCommand {
  bool sign = false, json = false, ucl = false;
  std::string output;
};

int generate(const KeypairCommand& options) {
  const std::string seed = random_bytes(kSeedBytes);
  const KeyPair keys = options.sign ? make_signing_keys(seed) : make_exchange_keys(seed);
  const std::string text = render(keys, options.sign, options.json);
  if (options.output.empty()) {
    fmt::print("{}", text);
    return kExitGood;
  }
  const Result<void> done = write_file(options.output, text, 0600);
  if (done) return kExitGood;
  complain("keypair", done.error().text());
  return kExitUsage;
}

void add_generate_options(ArgumentParser& parser, KeypairCommand& options) {
  parser.add_flag("-s,--sign", options.sign, "a pair that signs (Ed25519), not one that encrypts");
  parser.add_flag("-j,--json", options.json, "print JSON instead of UCL");
  parser.add_flag("-u,--ucl", options.ucl, "print UCL (so it does without this as well)");
  parser.add_option("-o,--output", options.output,
                    "write to this file, which only its owner may read");
}

}  // namespace

int keypair_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Makes key pairs; signs and verifies files with them.", "winnow keypair");
  KeypairCommand make;
  SignCommand sign, verify;
  std::string sign_suffix = "sig", verify_suffix = "sig";
  add_generate_options(parser, make);
  ArgumentParser generating =
      parser.add_subcommand("generate", "Makes a pair; so it does alone.", {"gen", "g"});
  add_generate_options(generating, make);
  ArgumentParser signing = parser.add_subcommand("sign", "Signs files.", {"sig", "s"});
  signing.add_option("-k,--keypair", sign.keypair, "file of the pair").required();
  signing.add_option("-s,--suffix", sign_suffix, "of signature files").show_default();
  signing.add_option("FILE", sign.files, "files").required();
  ArgumentParser verifying = parser.add_subcommand("verify", "Verifies files.", {"ver", "v"});
  verifying.add_option("-k,--keypair", verify.keypair, "file of the pair");
  verifying.add_option("-p,--pubkey", verify.public_key, "public key, base32");
  verifying.add_option("-s,--suffix", verify_suffix, "of signature files").show_default();
  verifying.add_option("FILE", verify.files, "files").required();
  parser.allow_subcommand();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (signing.parsed()) {
    sign.suffix = "." + sign_suffix;
    return sign_or_verify("keypair", sign);
  }
  if (verifying.parsed()) {
    verify.verify = true;
    verify.suffix = "." + verify_suffix;
    return sign_or_verify("keypair", verify);
  }
  return generate(make);
}

int signtool_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Signs maps, verifies their signatures, edits and signs them again.",
                        "winnow signtool");
  SignCommand options;
  parser.add_flag("-v,--verify", options.verify, "verify, do not sign");
  parser.add_option("-S,--suffix", options.suffix, "of signature files").show_default();
  parser.add_option("-p,--pubkey", options.public_key, "public key to verify with, base32");
  parser.add_option("-P,--pubfile", options.public_file, "file that holds it");
  parser.add_option("--pubout", options.public_out, "write the public key to this file");
  parser.add_option("-k,--keypair", options.keypair, "file of the key pair");
  parser.add_flag("-q,--quiet", options.quiet, "say nothing of what is good");
  parser.add_flag("-e,--edit", options.edit, "edit each file, then sign it");
  parser.add_option("--editor", options.editor, "with this program (default: EDITOR)");
  parser.add_option("FILE", options.files, "files").required();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  return sign_or_verify("signtool", options);
}

}  // namespace winnow
