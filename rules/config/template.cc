// Templates over configuration text, the part of Jinja that Rspamd's users write:
//
//   text      = { plain | "{=" expression "=}" | "{%" statement "%}" | "{#" … "#}" }
//   statement = "if" expression … [ "elif" expression … ] [ "else" … ] "endif"
//             | "for" name [ "," name ] "in" expression … [ "else" … ] "endfor"
//             | "set" name "=" expression
//             | "raw" … "endraw"
//
// A minus inside the mark ("{%-", "-%}", also with = and #) takes away white space on its side.
// The text is cut into segments once, blocks are matched by a stack, and the segments are run by
// a program counter: no recursion, and every round of a loop is a counted step.
#include "rules/config/template.h"

#include "engine/ascii.h"
#include "rules/config/template_value.h"

namespace winnow {
namespace {

using Value = TemplateValue;

struct Segment {
  enum class Kind : uint8_t { kText, kPrint, kIf, kElif, kElse, kEndif, kFor, kEndfor, kSet } kind;
  std::string_view text;  // plain text, or what follows the keyword
  uint32_t line = 1;
  size_t next = 0;  // if, elif, else, for: the following part of the same block
  size_t end = 0;   // the end of the block; of an end: its start
};

class Template {
 public:
  Template(std::string_view text, TemplateState& state, std::vector<uint32_t>& lines,
           std::vector<Warning>& warnings)
      : text_(text), state_(state), lines_(lines), warnings_(warnings) {}

  Result<std::string> run();

 private:
  Result<void> cut();
  Result<void> statement(std::string_view inside, uint32_t line);
  Result<void> match_blocks();
  Result<void> step();
  Result<void> branch();
  Result<void> start_loop(const Segment& segment);
  void end_loop(const Segment& segment);
  Result<void> assign(const Segment& segment);
  void set_loop_names();
  Result<Value> value(std::string_view text, uint32_t line);
  void emit(std::string_view text, uint32_t line, bool counts_lines);
  tl::unexpected<Error> error(uint32_t line, std::string what) const {
    return fail(Error{.what = std::move(what), .file = std::string(state_.file), .line = line});
  }

  struct Loop {
    size_t start = 0;
    std::vector<std::pair<Value, Value>> rounds;  // first, second name
    size_t round = 0;
    std::string first, second;
    size_t locals = 0;
  };

  std::string_view text_;
  TemplateState& state_;
  std::vector<uint32_t>& lines_;
  std::vector<Warning>& warnings_;
  std::vector<Segment> segments_;
  std::vector<Loop> loops_;
  size_t pc_ = 0;
  std::string out_;
  bool moved_ = false;
};

std::string_view first_word(std::string_view& text) {
  text = trimmed(text);
  size_t end = 0;
  while (end < text.size() &&
         ((text[end] >= 'a' && text[end] <= 'z') || (text[end] >= 'A' && text[end] <= 'Z') ||
          text[end] == '_' || (text[end] >= '0' && text[end] <= '9')))
    ++end;
  const std::string_view word = text.substr(0, end);
  text = trimmed(text.substr(end));
  return word;
}

// Where the mark of two bytes closes, outside of quotes.
size_t closing(std::string_view text, size_t from, char mark) {
  char quote = '\0';
  for (size_t at = from; at + 1 < text.size(); ++at) {
    const char c = text[at];
    if (quote) {
      if (c == '\\')
        ++at;
      else if (c == quote)
        quote = '\0';
    } else if (mark != '#' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == mark && text[at + 1] == '}') {
      return at;
    }
  }
  return std::string_view::npos;
}

Result<void> Template::cut() {
  size_t at = 0, plain = 0;
  uint32_t line = 1, plain_line = 1;
  bool eat = false;  // white space after a "-%}"
  const auto flush = [&](size_t end, bool trim_end) {
    std::string_view piece = text_.substr(plain, end - plain);
    uint32_t piece_line = plain_line;
    if (eat)
      while (!piece.empty() &&
             (piece[0] == ' ' || piece[0] == '\t' || piece[0] == '\n' || piece[0] == '\r')) {
        piece_line += piece[0] == '\n';
        piece.remove_prefix(1);
      }
    if (trim_end)
      while (!piece.empty() && (piece.back() == ' ' || piece.back() == '\t' ||
                                piece.back() == '\n' || piece.back() == '\r'))
        piece.remove_suffix(1);
    if (!piece.empty())
      segments_.push_back({.kind = Segment::Kind::kText, .text = piece, .line = piece_line});
    eat = false;
  };
  while (at < text_.size()) {
    const char mark = at + 1 < text_.size() ? text_[at + 1] : '\0';
    if (text_[at] != '{' || (mark != '=' && mark != '%' && mark != '#')) {
      line += text_[at] == '\n';
      ++at;
      continue;
    }
    const size_t close = closing(text_, at + 2, mark);
    if (close == std::string_view::npos)
      return error(line, std::string("{") + mark + " is never closed; write " + mark +
                             "} after it, or put a space between the two signs if no template is "
                             "meant");
    std::string_view inside = text_.substr(at + 2, close - at - 2);
    const bool before = !inside.empty() && inside.front() == '-';
    if (before) inside.remove_prefix(1);
    const bool after = !inside.empty() && inside.back() == '-';
    if (after) inside.remove_suffix(1);
    flush(at, before);
    const uint32_t tag_line = line;
    for (const char c : text_.substr(at, close - at)) line += c == '\n';
    at = close + 2;
    if (mark == '=') {
      segments_.push_back({.kind = Segment::Kind::kPrint, .text = inside, .line = tag_line});
    } else if (mark == '%' && trimmed(inside) == "raw") {
      const size_t end = text_.find("{% endraw %}", at);
      if (end == std::string_view::npos) return error(tag_line, "raw has no {% endraw %}");
      segments_.push_back(
          {.kind = Segment::Kind::kText, .text = text_.substr(at, end - at), .line = line});
      for (const char c : text_.substr(at, end - at)) line += c == '\n';
      at = end + 12;
    } else if (mark == '%') {
      auto done = statement(inside, tag_line);
      if (!done) return done;
    }
    plain = at;
    plain_line = line;
    eat = after;
  }
  flush(text_.size(), false);
  return {};
}

Result<void> Template::statement(std::string_view inside, uint32_t line) {
  std::string_view rest = inside;
  const std::string_view word = first_word(rest);
  using Kind = Segment::Kind;
  const std::pair<std::string_view, Kind> known[] = {
      {"if", Kind::kIf},         {"elif", Kind::kElif},   {"elseif", Kind::kElif},
      {"else", Kind::kElse},     {"endif", Kind::kEndif}, {"for", Kind::kFor},
      {"endfor", Kind::kEndfor}, {"set", Kind::kSet}};
  for (const auto& [name, kind] : known)
    if (name == word) {
      segments_.push_back({.kind = kind, .text = rest, .line = line});
      return {};
    }
  return error(line, "unknown statement \"" + std::string(word) +
                         "\" in a template; there is if, elif, else, endif, for, endfor, set, raw");
}

Result<void> Template::match_blocks() {
  using Kind = Segment::Kind;
  struct Open {
    size_t start, part;
  };
  std::vector<Open> open;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const Kind kind = segments_[i].kind;
    if (kind == Kind::kIf || kind == Kind::kFor) {
      open.push_back({i, i});
    } else if (kind == Kind::kElif || kind == Kind::kElse) {
      if (open.empty()) return error(segments_[i].line, "else without an if or for before it");
      segments_[open.back().part].next = i;
      open.back().part = i;
    } else if (kind == Kind::kEndif || kind == Kind::kEndfor) {
      const Kind wanted = kind == Kind::kEndif ? Kind::kIf : Kind::kFor;
      if (open.empty() || segments_[open.back().start].kind != wanted)
        return error(segments_[i].line,
                     kind == Kind::kEndif ? "endif without its if" : "endfor without its for");
      segments_[open.back().part].next = i;
      for (size_t part = open.back().start; part != i; part = segments_[part].next)
        segments_[part].end = i;
      segments_[i].end = open.back().start;
      open.pop_back();
    }
  }
  if (!open.empty())
    return error(segments_[open.back().start].line, segments_[open.back().start].kind == Kind::kIf
                                                        ? "if is never closed by endif"
                                                        : "for is never closed by endfor");
  return {};
}

Result<Value> Template::value(std::string_view text, uint32_t line) {
  state_.undefined.clear();
  auto result = evaluate_template(text, state_);
  if (!result) return error(line, result.error().what);
  return result;
}

void Template::emit(std::string_view text, uint32_t line, bool counts_lines) {
  for (const char c : text) {
    out_ += c;
    if (c != '\n') continue;
    if (counts_lines) ++line;
    lines_.push_back(line);
    moved_ |= line != lines_.size();
  }
}

void Template::set_loop_names() {
  Loop& loop = loops_.back();
  state_.locals.resize(loop.locals);
  state_.locals.emplace_back(loop.first, loop.rounds[loop.round].first);
  if (!loop.second.empty()) state_.locals.emplace_back(loop.second, loop.rounds[loop.round].second);
  Value info;
  info.kind = Value::Kind::kMap;
  info.map = std::make_shared<std::map<std::string, Value, std::less<>>>();
  (*info.map)["index"] = Value::of(static_cast<double>(loop.round + 1));
  (*info.map)["index0"] = Value::of(static_cast<double>(loop.round));
  (*info.map)["first"] = Value::truth(loop.round == 0);
  (*info.map)["last"] = Value::truth(loop.round + 1 == loop.rounds.size());
  (*info.map)["length"] = Value::of(static_cast<double>(loop.rounds.size()));
  state_.locals.emplace_back("loop", std::move(info));
}

Result<void> Template::start_loop(const Segment& segment) {
  std::string_view rest = segment.text;
  Loop loop;
  loop.start = pc_;
  loop.locals = state_.locals.size();
  loop.first = first_word(rest);
  if (!rest.empty() && rest[0] == ',') {
    rest.remove_prefix(1);
    loop.second = first_word(rest);
  }
  if (loop.first.empty() || first_word(rest) != "in")
    return error(segment.line, "a loop is written {% for name in list %}");
  auto over = value(rest, segment.line);
  if (!over) return tl::unexpected<Error>(over.error());
  if (over->kind == Value::Kind::kList) {
    size_t number = 0;
    for (const Value& one : *over->list) {
      if (loop.second.empty())
        loop.rounds.emplace_back(one, Value{});
      else
        loop.rounds.emplace_back(Value::of(static_cast<double>(++number)), one);
    }
  } else if (over->kind == Value::Kind::kMap) {
    for (const auto& [key, one] : *over->map) loop.rounds.emplace_back(Value::of(key), one);
  }
  if (loop.rounds.empty()) {
    // Into the else, or behind the end.
    pc_ = segment.next + 1;
    return {};
  }
  loops_.push_back(std::move(loop));
  set_loop_names();
  ++pc_;
  return {};
}

void Template::end_loop(const Segment& segment) {
  // Reached from an else that ran because the list was empty: no loop is open for this block.
  const size_t start = segment.end;
  if (loops_.empty() || loops_.back().start != start) {
    ++pc_;
    return;
  }
  if (++loops_.back().round < loops_.back().rounds.size()) {
    set_loop_names();
    pc_ = start + 1;
    return;
  }
  state_.locals.resize(loops_.back().locals);
  loops_.pop_back();
  ++pc_;
}

Result<void> Template::assign(const Segment& segment) {
  std::string_view rest = segment.text;
  const std::string name(first_word(rest));
  if (name.empty() || rest.empty() || rest[0] != '=')
    return error(segment.line, "a value is set by {% set name = expression %}");
  auto result = value(rest.substr(1), segment.line);
  if (!result) return tl::unexpected<Error>(result.error());
  state_.globals[name] = std::move(*result);
  return {};
}

// At an if: goes to the first part whose condition holds, to the else, or behind the end.
Result<void> Template::branch() {
  size_t part = pc_;
  while (segments_[part].kind == Segment::Kind::kIf ||
         segments_[part].kind == Segment::Kind::kElif) {
    auto result = value(segments_[part].text, segments_[part].line);
    if (!result) return tl::unexpected<Error>(result.error());
    if (result->true_like()) break;
    part = segments_[part].next;
  }
  pc_ = part + 1;
  return {};
}

Result<void> Template::step() {
  using Kind = Segment::Kind;
  const Segment& segment = segments_[pc_];
  switch (segment.kind) {
    case Kind::kText:
      emit(segment.text, segment.line, true);
      ++pc_;
      return {};
    case Kind::kPrint: {
      auto result = value(segment.text, segment.line);
      if (!result) return tl::unexpected<Error>(result.error());
      if (result->none() && !state_.undefined.empty())
        warnings_.push_back(
            {.file = std::string(state_.file),
             .line = segment.line,
             .what = "\"" + state_.undefined + "\" has no value; nothing is printed.",
             .advice = state_.undefined.substr(0, 4) == "env."
                           ? "Set RSPAMD_" + state_.undefined.substr(4) +
                                 " in the environment, or add | default(\"…\")."
                           : "Set it, or add | default(\"…\")."});
      emit(result->print(), segment.line, false);
      ++pc_;
      return {};
    }
    case Kind::kIf:
      return branch();
    case Kind::kElif:
    case Kind::kElse:
      // Reached by running on: the part before was taken (of a loop: its end decides).
      pc_ = segment.end;
      return {};
    case Kind::kFor:
      return start_loop(segment);
    case Kind::kEndfor:
      end_loop(segment);
      return {};
    case Kind::kEndif:
      ++pc_;
      return {};
    case Kind::kSet: {
      auto done = assign(segment);
      ++pc_;
      return done;
    }
  }
  return {};
}

Result<std::string> Template::run() {
  auto done = cut();
  if (!done) return tl::unexpected<Error>(done.error());
  done = match_blocks();
  if (!done) return tl::unexpected<Error>(done.error());
  lines_.assign(1, 1);
  while (pc_ < segments_.size()) {
    const uint32_t line = segments_[pc_].line;
    if (++state_.steps > state_.options.steps_max)
      return error(line, "the template does not end within " +
                             std::to_string(state_.options.steps_max) + " steps");
    done = step();
    if (!done) return tl::unexpected<Error>(done.error());
    if (out_.size() > state_.options.output_bytes_max)
      return error(line, "the template makes more text than the limit of " +
                             std::to_string(state_.options.output_bytes_max) + " bytes");
  }
  if (!moved_) lines_.clear();
  return std::move(out_);
}

Value map_of(const std::map<std::string, std::string, std::less<>>& from) {
  Value out;
  out.kind = Value::Kind::kMap;
  out.map = std::make_shared<std::map<std::string, Value, std::less<>>>();
  for (const auto& [key, text] : from) (*out.map)[key] = Value::of(text);
  return out;
}

}  // namespace

Result<std::string> run_template(std::string_view text, std::string_view file,
                                 const TemplateOptions& options, std::vector<uint32_t>& lines,
                                 std::vector<Warning>& warnings) {
  lines.clear();
  if (text.find("{=") == std::string_view::npos && text.find("{%") == std::string_view::npos &&
      text.find("{#") == std::string_view::npos)
    return std::string(text);
  TemplateState state{options, file, {}, {}, 0, 0, {}};
  Value env = map_of(options.vars);  // env.hostname, env.version …
  for (const auto& [key, value] : options.env) (*env.map)[key] = Value::of(value);
  for (const auto& [key, value] : options.vars) state.globals[key] = Value::of(value);
  state.globals["env"] = std::move(env);
  state.globals["paths"] = map_of(options.paths);
  return Template(text, state, lines, warnings).run();
}

}  // namespace winnow
