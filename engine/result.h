// Operating errors (configuration, files, sockets, compilation): a value or a message that a
// person can act on. Bad mail is never an error; a bug is an assert.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace winnow {

struct Error {
  std::string what;       // one clear sentence: what is wrong, and what to do
  std::string file = {};  // where, if in a file
  unsigned line = 0;      // 1-based; 0 = the whole file
  unsigned column = 0;

  // "file:line:column: what", with what is known.
  std::string text() const {
    std::string out = file;
    if (line) out += ":" + std::to_string(line);
    if (line && column) out += ":" + std::to_string(column);
    if (!out.empty()) out += ": ";
    return out + what;
  }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string what) {
  return tl::unexpected<Error>(Error{.what = std::move(what)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace winnow
