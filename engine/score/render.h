// A verdict as text: the fields of /checkv2 (facts/network.md 2.3), and X-Spamd-Result
// (facts/received-and-text.md). Pure functions; what does not depend on the message is written
// once a rule set.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/score/model.h"

namespace winnow {

struct RenderPlan {
  const ScoreModel* model = nullptr;
  std::vector<std::string> symbol_heads;  // `"A":{"name":"A","score":`
  std::vector<std::string> symbol_tails;  // `,"metric_score":1.0,"description":"..."`
  std::string thresholds;                 // `{"reject":15.0,...}`
};

RenderPlan make_render_plan(const ScoreModel& model);

// How a reply names URLs: their hosts, each once, or `{"url","tld","host","flags","linked_url"}`.
enum class UrlForm : uint8_t { kHosts, kExtended };

// Appends `,"urls":[...],"emails":[...]`, each where there are some. REQUIRED: they were sealed
// (seal_links), else there are none.
void append_links(const Evidence& evidence, UrlForm form, std::string& out);

// What a symbol gave: nothing where a composite took its weight.
inline Micro shown_score(const VerdictSymbol& one) { return one.weight_removed ? 0 : one.score; }

// True of a verdict that ended everything before any rule was asked (GTUBE): Rspamd's is_skipped.
bool was_skipped(const Verdict& verdict);
// What the SMTP client is to be told; empty: the action's own text.
std::string_view smtp_message(const Verdict& verdict);
// "discard" or "quarantine" where the action is one; else empty.
std::string_view fate_of(const Action& action);
// Appends `,"messages":{…}`.
void append_messages(const Verdict& verdict, std::string& out);

// Appends the fields of one reply without the braces around them: `"is_skipped":false,...`, so
// that the caller can add its own (id, time_real, milter). Symbols that composites removed are left
// out; a weight that was removed is 0. `unknown` lists the questions that ended unknown.
void render_json_fields(const RenderPlan& plan, const Evidence& evidence, const Verdict& verdict,
                        std::string& out, UrlForm form = UrlForm::kHosts);

enum class ResultOrder : uint8_t { kScore, kName };  // by falling absolute score, then by name

// Appends `default: False [6.10 / 15.00]; SYM(3.50)[a,b]; ...`; `fold` follows each semicolon
// (" ", or "\n\t" for a header).
void render_spamd_result(const ScoreModel& model, const Verdict& verdict, std::string_view fold,
                         std::string& out, ResultOrder by = ResultOrder::kScore);

// Appends a JSON string with its quotes; what is not valid UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& out);
// Appends a score as JSON replies write it: 15.0, 6.100000; none as null.
void append_json_score(Micro score, std::string& out);
// Appends a score as "%.2f" of its double.
void append_score(Micro score, std::string& out);

}  // namespace winnow
