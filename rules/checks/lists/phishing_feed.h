// A feed of phishing pages, as a map: a URL a line, or a JSON object a line whose "url" is one
// (OpenPhish's paid feed). Case does not matter.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/batch.h"
#include "rules/checks/check.h"
#include "rules/maps/map.h"

namespace winnow {

class PhishingFeed {
 public:
  // `where`: what names the map. Lines that are no objects are told once.
  PhishingFeed(CompileContext& context, const UclObject& where, bool is_json);

  // What a link weighs: 1 where it is listed; less where only its page is, without the query, or
  // only its host and the link shows another one; 0.
  double weight(const Url& url, Arena& arena) const;

 private:
  void add(std::string_view url);

  std::shared_ptr<const Map> keys_;  // where the configuration says that it is a set; else null
  std::unordered_set<std::string> urls_, hosts_;
};

}  // namespace winnow
