#include "rules/config/redis_section.h"

#include <algorithm>

#include "rules/config/ucl.h"

namespace winnow {

bool names_redis_servers(const UclObject& root, const UclObject* section) {
  const UclObject* shared = root.find("redis");
  if (section && shared) {
    const std::vector<std::string_view> off = shared->strings("disabled_modules");
    if (std::ranges::find(off, section->key()) != off.end()) shared = nullptr;
  }
  for (const UclObject* const one :
       {section, section ? section->find("redis") : nullptr,
        section && shared ? shared->find(section->key()) : nullptr, shared})
    for (const char* const key : {"servers", "server", "read_servers", "write_servers"})
      if (one && one->is_object() && one->find(key)) return true;
  return false;
}

bool names_redis_servers(const UclObject& section) {
  const UclObject* root = &section;
  while (root->parent()) root = root->parent();
  return names_redis_servers(*root, &section);
}

}  // namespace winnow
