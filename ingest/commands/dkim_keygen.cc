// winnow dkim-keygen: a key that signs, and the record that publishes it, in the forms of rspamadm
// dkim_keygen.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/crypt/base64_text.h"
#include "engine/crypt/private_key.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/write_all.h"

namespace winnow {

namespace {

struct Options {
  std::string domain, selector = "selector", file, type = "rsa";
  int bits = 1024;
};

// As it is kept: PEM, or for Ed25519 in base64 the seed alone or with the public key behind it.
std::string key_text(const Options& options, const PrivateKey& key) {
  if (options.type == "rsa") return key.pem();
  const std::string seed = key.ed25519_seed();
  return encode_base64_text(options.type == "ed25519" ? seed + key.public_key() : seed) + "\n";
}

// One string of a TXT record holds at most 255 bytes (RFC 1035 3.3.14).
std::string record(const Options& options, const PrivateKey& key) {
  constexpr size_t kStringMax = 250;
  const std::string data = "p=" + encode_base64_text(key.public_key());
  std::string out = fmt::format("{}._domainkey IN TXT ( \"v=DKIM1; k={}; \"", options.selector,
                                key.is_ed25519() ? "ed25519" : "rsa");
  for (size_t at = 0; at < data.size(); at += kStringMax)
    out += fmt::format("\n\t\"{}\"", std::string_view(data).substr(at, kStringMax));
  return out + " ) ;\n";
}

// A file that is there is no place for a new key: what it signs would not verify any more.
bool write_new(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool good = write_all(fd, text);
  return ::close(fd) == 0 && good;
}

}  // namespace

int dkim_keygen_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Makes a key for DKIM and ARC, and prints the record that publishes it.",
                        "winnow dkim-keygen");
  Options options;
  parser.add_option("-d,--domain", options.domain,
                    "the domain; the record is printed relative to it");
  parser.add_option("-s,--selector", options.selector, "name of the key").show_default();
  parser.add_option(
      "-k,--privkey", options.file,
      "write the key to this new file, which only its owner may read (default: print it)");
  parser.add_option("-b,--bits", options.bits, "length of an RSA key")
      .within(kSigningBitsMin, kSigningBitsMax)
      .show_default();
  parser.add_option("-t,--type", options.type, "rsa, ed25519, or ed25519-seed: the seed alone")
      .one_of({"rsa", "ed25519", "ed25519-seed"})
      .show_default();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  const Result<PrivateKey> key =
      options.type == "rsa" ? PrivateKey::make_rsa(options.bits) : PrivateKey::make_ed25519();
  if (!key) {
    complain("dkim-keygen", key.error().text());
    return kExitUsage;
  }
  const std::string text = key_text(options, *key);
  if (options.file.empty()) {
    fmt::print("{}", text);
  } else if (!write_new(options.file, text)) {
    complain("dkim-keygen",
             fmt::format("{} cannot be written: {}", options.file, std::strerror(errno)));
    return kExitUsage;
  }
  fmt::print("{}", record(options, *key));
  return kExitGood;
}

}  // namespace winnow
