// Private keys that do not come from files: who was asked for them keeps them. The evidence of a
// message only names them, so that no recording holds a key.
#pragma once

#include <optional>
#include <string_view>

#include "engine/crypt/private_key.h"

namespace winnow {

class SigningKeys {
 public:
  virtual ~SigningKeys() = default;
  // The key of that name, as the answer to a question for it says it; none where it is not there
  // (any more). Thread-safe.
  virtual std::optional<PrivateKey> find(std::string_view name) const = 0;
};

}  // namespace winnow
