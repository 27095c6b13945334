#include "rules/checks/auth/request_key.h"

#include <fmt/format.h>

#include "rules/checks/question_text.h"

namespace winnow {

namespace {

constexpr std::string_view kRequest = "request ";

}  // namespace

std::string write_request_key_name(const RequestKeyName& name) {
  return fmt::format("{}{} {} {} {}", kRequest, name.header, name.is_ed25519 ? "ed25519" : "rsa",
                     name.in_any_case ? "always" : "else", name.public_key);
}

std::optional<RequestKeyName> read_request_key_name(std::string_view key) {
  if (!key.starts_with(kRequest)) return std::nullopt;
  key.remove_prefix(kRequest.size());
  RequestKeyName out;
  out.header = cut_word(key);
  out.is_ed25519 = cut_word(key) == "ed25519";
  out.in_any_case = cut_word(key) == "always";
  out.public_key = key;
  return out;
}

std::optional<PrivateKey> RequestKeys::find(std::string_view name) const {
  const std::optional<RequestKeyName> ours = read_request_key_name(name);
  if (!ours) return others_ ? others_->find(name) : std::nullopt;
  for (const auto& [header, value] : headers_) {
    if (header != ours->header) continue;
    if (Result<PrivateKey> key = PrivateKey::read(value)) return *key;
    break;
  }
  return std::nullopt;
}

}  // namespace winnow
