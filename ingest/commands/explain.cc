// winnow explain: why a message's verdict is what it is. Which rules fired, on which bytes of which
// part, where each weight was written, what composites took out, what would have changed the
// action.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <iterator>
#include <optional>

#include "engine/match/scope_texts.h"
#include "engine/text/utf8.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/output.h"
#include "ingest/commands/scan_options.h"
#include "ingest/commands/sources.h"
#include "ingest/evidence/files.h"
#include "pipeline/worker.h"
#include "rules/checks/state/greylist_take.h"

namespace winnow {

namespace {

constexpr size_t kQuoteBytes = 60;  // of matched text that is shown

// The text that `where` points into; empty where it points nowhere in particular, or the mail is
// not there.
std::string_view text_at(const Batch& batch, uint32_t row, const Where& where) {
  if (row >= batch.rows) return {};
  const auto pick = [&](const auto& values, auto member) -> std::string_view {
    return where.item < values.size() ? values[where.item].*member : std::string_view{};
  };
  switch (where.scope) {
    case ScopeKind::kHeader:
    case ScopeKind::kMimeHeader:
      return pick(batch.headers.row(row), &Header::decoded);
    case ScopeKind::kRawHeader:
      return pick(batch.headers.row(row), &Header::unfolded);
    case ScopeKind::kAllHeaders:
      return batch.raw[row].substr(0, batch.facts[row].body_offset);
    case ScopeKind::kBody:
      return batch.raw[row];
    case ScopeKind::kPart:
      return pick(batch.texts.row(row), &Text::plain);
    case ScopeKind::kSaRawBody:
      return pick(batch.texts.row(row), &Text::utf8);
    case ScopeKind::kFolded:
      return pick(batch.texts.row(row), &Text::folded);
    case ScopeKind::kSelector:
      return pick(batch.derived.row(row), &DerivedText::text);
    case ScopeKind::kRawPart:
      return pick(batch.parts.row(row), &Part::raw);
    case ScopeKind::kUrl: {
      thread_local TextRoom room;
      return scope_text(batch, row, where, room);
    }
    case ScopeKind::kEmail:
      return pick(batch.emails.row(row), &Email::address);
    case ScopeKind::kWord:
      return pick(batch.words.row(row), &Word::normal);
    case ScopeKind::kStemWord:
      return pick(batch.words.row(row), &Word::stem);
    case ScopeKind::kFilename:
      return pick(batch.parts.row(row), &Part::filename);
    default:
      return {};
  }
}

std::string_view scope_text(ScopeKind scope) {
  switch (scope) {
    case ScopeKind::kHeader:
      return "header";
    case ScopeKind::kMimeHeader:
      return "header of a part";
    case ScopeKind::kRawHeader:
      return "undecoded header";
    case ScopeKind::kAllHeaders:
      return "header block";
    case ScopeKind::kBody:
      return "whole message";
    case ScopeKind::kPart:
      return "text";
    case ScopeKind::kRawPart:
      return "undecoded part";
    case ScopeKind::kSaBody:
      return "subject and texts";
    case ScopeKind::kSaRawBody:
      return "text with tags";
    case ScopeKind::kUrl:
      return "URL";
    case ScopeKind::kEmail:
      return "address";
    case ScopeKind::kWord:
    case ScopeKind::kRawWord:
    case ScopeKind::kStemWord:
      return "word";
    case ScopeKind::kFolded:
      return "folded text";
    case ScopeKind::kSelector:
      return "derived text";
    case ScopeKind::kFilename:
      return "file name";
    default:
      return "";
  }
}

// Control characters, and bytes that are no UTF-8, as "\xNN".
void append_safe(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto byte = static_cast<uint8_t>(text[0]);
    const size_t length = sequence_length(text.substr(0, 4));
    if (length == 0 || byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
}

void append_quoted(std::string& out, std::string_view text) {
  const std::string_view head = utf8_head(text, kQuoteBytes);
  out += '"';
  append_safe(out, head);
  out += head.size() < text.size() ? "\"…" : "\"";
}

std::string place_text(const Place& place) {
  if (place.file.empty()) return "built in";
  return place.line ? fmt::format("{}:{}", place.file, place.line) : std::string(place.file);
}

class Explainer {
 public:
  Explainer(const RuleSet& rules, const Batch& batch, const Case& one)
      : rules_(rules), batch_(batch), evidence_(one.evidence), verdict_(one.verdict) {}

  std::string text() {
    headline();
    symbols();
    faults();
    answers();
    alternatives();
    return std::move(out_);
  }

 private:
  const Symbol& symbol(SymbolId id) const { return rules_.model.symbols[index(id)]; }

  void headline() {
    out_ += fmt::format("{}\n", evidence_.source);
    if (!evidence_.subject.empty()) {
      out_ += "  subject   ";
      append_quoted(out_, evidence_.subject);
      out_ += '\n';
    }
    out_ +=
        fmt::format("  verdict   {}, score {}", rules_.model.actions[index(verdict_.action)].name,
                    score_text(verdict_.score));
    if (verdict_.required != kNoThreshold)
      out_ += fmt::format(" of {}", score_text(verdict_.required));
    out_ += '\n';
    if (verdict_.forced_by != kNoIndex) {
      const PreResult& forced = verdict_.pre_results[verdict_.forced_by];
      out_ += fmt::format("  forced by {}: {}\n", forced.module, forced.message);
    }
    out_ += fmt::format("  envelope  from <{}>{}, {} recipients, ip {}\n", evidence_.envelope.from,
                        evidence_.envelope.from_known ? "" : " (not known)",
                        evidence_.recipients.size(),
                        evidence_.envelope.ip.valid() ? "known" : "not known");
  }

  void symbols() {
    std::vector<const VerdictSymbol*> order;
    for (const VerdictSymbol& one : verdict_.symbols) order.push_back(&one);
    std::ranges::stable_sort(order, [](const VerdictSymbol* a, const VerdictSymbol* b) {
      if (a->removed != b->removed) return b->removed;
      return std::abs(shown_score(*a)) > std::abs(shown_score(*b));
    });
    for (const VerdictSymbol* one : order) add_symbol(*one);
  }

  void add_symbol(const VerdictSymbol& one) {
    const Symbol& what = symbol(one.symbol);
    out_ += fmt::format("\n  {:>7}  {}", one.removed ? "removed" : score_text(shown_score(one)),
                        what.name);
    if (one.removed_by != kNoId<SymbolId>)
      out_ += fmt::format(" ({} {})", one.removed ? "by" : "weight taken by",
                          symbol(one.removed_by).name);
    out_ += '\n';
    if (!what.description.empty()) out_ += fmt::format("           {}\n", what.description);
    out_ += fmt::format("           weight {}", score_text(what.score));
    if (one.weight != 1) out_ += fmt::format(" x {:.3g}", one.weight);
    if (one.shots > 1) out_ += fmt::format(", {} insertions", one.shots);
    out_ += fmt::format(", from {}", place_text(what.score_place));
    if (one.weight_removed && !one.removed)
      out_ += fmt::format("; {} before it was taken", score_text(one.score));
    if (one.score != one.score_before && !one.removed)
      out_ += fmt::format("; {} before the caps of its groups", score_text(one.score_before));
    out_ += '\n';
    for (const std::string_view option : one.options) {
      out_ += "           option ";
      append_quoted(out_, option);
      out_ += '\n';
    }
    add_atoms(one.symbol);
    add_composite(one.symbol);
  }

  // The atoms of an expression rule that hit, with the bytes that matched.
  void add_atoms(SymbolId id) {
    for (const RuleInfo& rule : rules_.rules) {
      if (rule.symbol != id || rule.atoms.empty()) continue;
      for (const AtomId atom : rule.atoms) {
        const auto hit = std::ranges::find(evidence_.atoms, atom, &AtomCount::atom);
        if (hit == evidence_.atoms.end()) continue;
        out_ += fmt::format("           {} true", rules_.atoms[index(atom)].text);
        add_where(hit->where);
        out_ += '\n';
      }
    }
  }

  void add_where(const Where& where) {
    if (where.scope == ScopeKind::kNowhere) return;
    const std::string_view text = text_at(batch_, 0, where);
    uint32_t item = where.item;  // the two forms of a URL are one
    if (where.scope == ScopeKind::kUrl && item >= evidence_.urls.size())
      item -= static_cast<uint32_t>(evidence_.urls.size());
    out_ += fmt::format(", in {} {}", scope_text(where.scope), item);
    if (where.end <= where.begin || where.end > text.size()) return;
    out_ += fmt::format(" at bytes {}-{}: ", where.begin, where.end);
    append_quoted(out_, text.substr(where.begin, where.end - where.begin));
  }

  void add_composite(SymbolId id) {
    for (const Composite& composite : rules_.model.composites) {
      if (composite.symbol != id) continue;
      out_ += fmt::format("           composite {} at {}\n", composite.expression,
                          place_text(composite.place));
      for (const VerdictSymbol& other : verdict_.symbols)
        if (other.removed_by == id)
          out_ += fmt::format("           took {}{}\n", symbol(other.symbol).name,
                              other.removed ? "" : "'s weight");
    }
  }

  void faults() {
    for (const FaultInfo& info : fault_table())
      if (evidence_.facts.faults.has(info.fault))
        out_ += fmt::format("\n  fault     {}: {}\n", info.symbol, info.text);
  }

  static std::string question_text(const Question& question) {
    if (question.kind == QuestionKind::kStore) {
      // Tokens are asked about by their hashes, else keys stand in lines.
      if (question.type == kTokenCounts) return "counts of its tokens";
      std::string keys("keys ");
      std::ranges::replace_copy(question.key, std::back_inserter(keys), '\n', ' ');
      return keys;
    }
    if (question.kind == QuestionKind::kTake && question.type == kGreylistTake)
      return "when its body and its sender were first seen";
    const std::string_view type =
        question.kind == QuestionKind::kDns ? dns_type_name(question.type) : std::string_view();
    return fmt::format("{}{}{}", type, type.empty() ? "" : " ", question.key);
  }

  // What was asked, and who said what to it.
  void answers() {
    for (size_t i = 0; i < evidence_.questions.size(); ++i) {
      const Question& question = evidence_.questions[i];
      const Answer& answer = evidence_.answers[i];
      const bool unknown = answer.state == AnswerState::kUnknown;
      out_ += fmt::format("\n  {}   ", unknown ? "unknown" : "asked  ");
      append_safe(out_, question_text(question));
      out_ += ": ";
      if (unknown && answer.reason == UnknownReason::kNoTable) {
        out_ += "no answer, so nothing follows from it\n";
        continue;
      }
      append_safe(out_, answer_text(question, answer));
      out_ += '\n';
    }
  }

  // The distance to the neighbouring thresholds, and which single symbols make the difference.
  void alternatives() {
    out_ += '\n';
    if (verdict_.forced_by != kNoIndex) {
      out_ += "  The action was forced: the score does not decide.\n";
      return;
    }
    for (const Action& action : rules_.model.actions) {
      if (action.threshold == kNoThreshold ||
          action.flags & static_cast<uint8_t>(ActionFlag::kDisabled))
        continue;
      if (verdict_.score < action.threshold) {
        out_ += fmt::format("  {} more points: {}\n", score_text(action.threshold - verdict_.score),
                            action.name);
        continue;
      }
      const Micro over = verdict_.score - action.threshold;
      std::string names;
      for (const VerdictSymbol& one : verdict_.symbols)
        if (!one.removed && !one.weight_removed && one.score > over)
          names += (names.empty() ? "" : ", ") + symbol(one.symbol).name;
      if (!names.empty())
        out_ +=
            fmt::format("  not \"{}\" without the points of any one of: {}\n", action.name, names);
    }
  }

  const RuleSet& rules_;
  const Batch& batch_;
  const Evidence& evidence_;
  const Verdict& verdict_;
  std::string out_;
};

// Judges a case to its end, waiting for whom it asks, and prints why.
bool explain(const Run& run, Worker& worker, Case& one) {
  for (;;) {
    std::promise<void> ready;
    if (run.advance(worker, one, Deadline::max(), [&] { ready.set_value(); })) break;
    ready.get_future().wait();
  }
  const std::string text = Explainer(run.rules(), worker.batch, one).text();
  if (one.evidence.sequence > 0) std::fputs("\n", stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::ferror(stdout) == 0;
}

int explain_mail(const ScanOptions& options, const Run& run, Worker& worker) {
  uint64_t sequence = 0;
  int code = kExitGood;
  const ReadSink sink{
      .message =
          [&](Message&& message) {
            std::unique_ptr<Case> one = std::make_unique<Case>();
            one->evidence.sequence = sequence++;
            run.look(worker, {&message, 1}, {&one, 1});
            const bool good = explain(run, worker, *one);
            worker.batch.clear();
            return good;
          },
      .problem =
          [&](const std::string& where, const std::string& what) {
            complain("explain", fmt::format("{}: {}", where, what));
            code = kExitInputs;
          },
      .progress = [](uint64_t) {},
  };
  read_messages(options.paths, options.read, sink);
  return code;
}

// The bytes that patterns matched are not recorded; all else is.
int explain_recorded(const std::string& path, const Run& run, Worker& worker) {
  Result<std::unique_ptr<EvidenceInput>> input = EvidenceInput::open(path, run.rules());
  if (!input) {
    complain("explain", input.error().text());
    return kExitUsage;
  }
  for (uint64_t sequence = 0;; ++sequence) {
    Case one;
    const Result<bool> more = (*input)->reader().next(one.evidence);
    if (!more) {
      complain("explain", fmt::format("{}: {}", path, more.error().text()));
      return kExitInputs;
    }
    one.evidence.sequence = sequence;
    if (!*more || !explain(run, worker, one)) return kExitGood;
  }
}

}  // namespace

int explain_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Says why each message's verdict is what it is.", "winnow explain");
  ScanOptions options;
  std::string recorded;
  SourceOptions sources;
  options.add_to(parser);
  sources.add_to(parser);
  parser.add_option("--replay", recorded,
                    "explain recorded evidence from FILE (winnow scan --record) instead of mail");
  parser.add_option("FILE", options.paths, "messages; everything that scan reads");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (options.paths.empty() == recorded.empty()) {
    complain("explain", "name messages, or recorded evidence with --replay");
    return kExitUsage;
  }
  if (Result<void> good = options.finish(); !good) {
    complain("explain", good.error().text());
    return kExitUsage;
  }
  options.load.fetch_maps = !sources.offline;
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) {
    complain("explain", loaded.error().text());
    return kExitUsage;
  }
  const auto warn = [](const std::string& what) { complain("explain", what); };
  AnswerSources opened;
  if (recorded.empty()) {
    Result<AnswerSources> open = open_sources(*loaded, sources, warn);
    if (!open) {
      complain("explain", open.error().text());
      return kExitUsage;
    }
    opened = std::move(*open);
  }
  const TableAnswers answers(*loaded->rules, warn, std::move(opened));
  RunOptions run_options;
  run_options.now_ms = options.now_ms;
  run_options.ip_from_received = options.ip_from_received;
  run_options.locate = true;
  const Run run(loaded->rules, answers, run_options);
  Worker worker(run);
  return recorded.empty() ? explain_mail(options, run, worker)
                          : explain_recorded(recorded, run, worker);
}

}  // namespace winnow
