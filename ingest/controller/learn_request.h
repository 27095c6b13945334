// What a request to learn asks for, and how it is answered. Pure: who may ask is access.h's, doing
// it pipeline/learn's.
//
//   POST /learnspam, /learnham          the controller
//   POST /learnclass with Class: NAME   the same for any class
//   TELL SPAMC/1.5                      spamd's protocol: Message-class: NAME with Set: local;
//                                       Remove: local forgets
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/http/request.h"
#include "pipeline/learn/site_statistics.h"

namespace winnow {

struct LearnRequest {
  LearnKind kind = LearnKind::kLearn;
  LearnLabel label = LearnLabel::kSpam;
  // Of the request, names in lower case: learn_condition may look at them.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

bool is_learn_command(HttpCommand command);
// Nothing where it cannot be understood: `wrong` then says why. Whether the site has such a class
// is not looked at. REQUIRED: is_learn_command().
std::optional<LearnRequest> read_learn_request(const HttpRequest& request, std::string& wrong);

// As Rspamd answers: {"success":true}; 208 where it is learnt so already; 404 where the message has
// no tokens; 500 where it could not be written down. To spamc what was done.
void render_learnt(const HttpRequest& request, const LearnRequest& learn,
                   std::string_view message_id, const Result<Learnt>& what, std::string& out);
void render_not_learnt(const HttpRequest& request, int code, std::string_view why,
                       std::string& out);

}  // namespace winnow
