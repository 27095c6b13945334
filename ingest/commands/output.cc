#include "ingest/commands/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/text/utf8.h"

namespace winnow {

namespace {

constexpr size_t kFlushBytes = 64 * 1024;

void append_csv(std::string& out, std::string_view text) {
  const std::string plain = plain_text(text);
  if (plain.find_first_of(",\"") == std::string::npos) {
    out += plain;
    return;
  }
  out.push_back('"');
  for (const char c : plain) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

std::string_view color_of(const Action& action) {
  if (action.name == "reject") return "\x1b[31m";
  if (action.name == "no action") return "\x1b[32m";
  return "\x1b[33m";
}

// Symbols that count, the largest contribution first, equal ones by name.
std::vector<const VerdictSymbol*> shown_symbols(const RuleSet& rules, const Verdict& verdict) {
  std::vector<const VerdictSymbol*> shown;
  for (const VerdictSymbol& symbol : verdict.symbols)
    if (!symbol.removed) shown.push_back(&symbol);
  std::ranges::sort(shown, [&](const VerdictSymbol* a, const VerdictSymbol* b) {
    const Micro left = std::abs(shown_score(*a)), right = std::abs(shown_score(*b));
    if (left != right) return left > right;
    return rules.model.symbols[index(a->symbol)].name < rules.model.symbols[index(b->symbol)].name;
  });
  return shown;
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = sequence_length(text.substr(at));
    const auto byte = static_cast<uint8_t>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
      ++at;
    } else {
      out += text.substr(at, length);
      at += length;
    }
  }
  return out;
}

std::string score_text(Micro score) {
  std::string out;
  append_score(score, out);
  return out;
}

Output::Output(std::FILE* to, const RuleSet& rules, const OutputOptions& options)
    : to_(to),
      rules_(rules),
      options_(options),
      render_(make_render_plan(rules.model)),
      actions_(rules.model.actions.size()) {
  if (options_.format == OutputFormat::kTable)
    buffer_ += fmt::format("{:<16} {:>8}  {:<40} {}\n", "ACTION", "SCORE", "MESSAGE", "SYMBOLS");
  if (options_.format == OutputFormat::kCsv)
    buffer_ += "source,label,action,score,required_score,message_id,symbols\n";
}

void Output::add(const Case& one) {
  ++messages_;
  ++actions_[index(one.verdict.action)];
  switch (options_.format) {
    case OutputFormat::kTable:
      add_table(one);
      break;
    case OutputFormat::kCsv:
      add_csv(one);
      break;
    case OutputFormat::kJsonLines:
      buffer_ += "{\"source\":";
      append_json_string(one.evidence.source, buffer_);
      if (!one.evidence.label.empty()) {
        buffer_ += ",\"label\":";
        append_json_string(one.evidence.label, buffer_);
      }
      buffer_ += ',';
      render_json_fields(render_, one.evidence, one.verdict, buffer_);
      buffer_ += "}\n";
      break;
  }
  if (options_.flush_each || buffer_.size() > kFlushBytes) flush();
}

void Output::add_table(const Case& one) {
  const Action& action = rules_.model.actions[index(one.verdict.action)];
  if (options_.color) buffer_ += color_of(action);
  fmt::format_to(std::back_inserter(buffer_), "{:<16}", action.name);
  if (options_.color) buffer_ += "\x1b[0m";
  fmt::format_to(std::back_inserter(buffer_), " {:>8}  ", score_text(one.verdict.score));
  const size_t before = buffer_.size();
  buffer_ += plain_text(one.evidence.source);
  while (buffer_.size() < before + 40) buffer_ += ' ';
  for (const VerdictSymbol* symbol : shown_symbols(rules_, one.verdict)) {
    buffer_ += ' ';
    buffer_ += rules_.model.symbols[index(symbol->symbol)].name;
    if (const Micro score = shown_score(*symbol); score != 0)
      buffer_ += fmt::format("({})", score_text(score));
  }
  buffer_ += '\n';
}

void Output::add_csv(const Case& one) {
  append_csv(buffer_, one.evidence.source);
  buffer_ += ',';
  append_csv(buffer_, one.evidence.label);
  buffer_ += ',';
  append_csv(buffer_, rules_.model.actions[index(one.verdict.action)].name);
  fmt::format_to(std::back_inserter(buffer_), ",{},", score_text(one.verdict.score));
  if (one.verdict.required != kNoThreshold) buffer_ += score_text(one.verdict.required);
  buffer_ += ',';
  append_csv(buffer_, one.evidence.message_id);
  buffer_ += ',';
  bool first = true;
  for (const VerdictSymbol* symbol : shown_symbols(rules_, one.verdict)) {
    if (!first) buffer_ += ' ';
    first = false;
    buffer_ += fmt::format("{}({})", rules_.model.symbols[index(symbol->symbol)].name,
                           score_text(shown_score(*symbol)));
  }
  buffer_ += '\n';
}

void Output::flush() {
  std::fwrite(buffer_.data(), 1, buffer_.size(), to_);
  if (options_.flush_each) std::fflush(to_);
  buffer_.clear();
}

void Output::print_summary(std::FILE* to, uint64_t problems) const {
  std::string line = fmt::format("{} messages", messages_);
  std::string_view separator = ": ";
  for (size_t i = 0; i < actions_.size(); ++i) {
    if (actions_[i] == 0) continue;
    line += fmt::format("{}{} {}", separator, actions_[i], rules_.model.actions[i].name);
    separator = ", ";
  }
  if (problems > 0) line += fmt::format("; {} inputs had problems", problems);
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), to);  // what nobody takes is lost
}

}  // namespace winnow
