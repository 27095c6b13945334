#include "rules/config/file_source.h"

namespace winnow {
namespace {

// Whether `c` is in the class that starts after '[' at `at`; moves `at` behind ']'. A class that
// is not closed matches a plain '['.
bool class_match(std::string_view pattern, size_t& at, char c) {
  size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found |= pattern[i] <= c && c <= pattern[i + 2];
      i += 2;
    } else {
      found |= pattern[i] == c;
    }
  }
  if (i >= pattern.size()) {
    ++at;
    return c == '[';
  }
  at = i + 1;
  return found != negated;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view path) {
  // Two places to go back to: after the last `*` and after the last `**`.
  constexpr size_t kNone = std::string_view::npos;
  size_t star = kNone, star_path = 0, deep = kNone, deep_path = 0;
  size_t p = 0, s = 0;
  while (s < path.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      if (pattern.substr(p, 3) == "**/") {
        p += 3;
        deep = p;
        deep_path = s;
        star = kNone;
      } else {
        star = ++p;
        star_path = s;
      }
      continue;
    }
    size_t next = p;
    bool ok = false;
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        ok = path[s] != '/';
        ++next;
      } else if (pattern[p] == '[') {
        ok = path[s] != '/' && class_match(pattern, next, path[s]);
      } else {
        ok = pattern[p] == path[s];
        ++next;
      }
    }
    if (ok) {
      p = next;
      ++s;
    } else if (star != kNone && path[star_path] != '/') {
      p = star;
      s = ++star_path;
    } else if (deep != kNone) {
      // The folders that `**/` takes grow by one.
      const size_t slash = path.find('/', deep_path);
      if (slash == kNone) return false;
      deep_path = slash + 1;
      p = deep;
      s = deep_path;
      star = kNone;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<std::string> MemoryFiles::read(std::string_view path) {
  const auto found = files_.find(path);
  if (found == files_.end()) return fail("cannot open " + std::string(path) + ": no such file");
  return found->second;
}

std::vector<std::string> MemoryFiles::glob(std::string_view pattern) {
  std::vector<std::string> out;
  for (const auto& [path, bytes] : files_)
    if (glob_match(pattern, path)) out.push_back(path);
  return out;
}

}  // namespace winnow
