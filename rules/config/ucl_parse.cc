// UCL as Rspamd's users write it (facts: configuration language, 3.1). Grammar; <> is a byte
// class, white space and comments may stand between any two tokens:
//
//   text     = [BOM] ( entries | "{" entries "}" | "[" elements "]" )
//   entries  = { entry | macro | ";" | "," }
//   entry    = key ( ("=" | ":") value | { name } block | value )
//   block    = "{" entries "}" | "[" elements "]"          ; `section "a" b {}` = section.a.b {}
//   elements = { value | "," | ";" }
//   key,name = <key start> { <key> } | quoted
//   value    = block | quoted | single | heredoc | unquoted
//   quoted   = '"' … '"'      ; \n \t \r \b \f \" \\ \/ \uXXXX \$; ${X} and $X are replaced
//   single   = "'" … "'"      ; \' and \newline only; no variables; may hold newlines
//   heredoc  = "<<" TAG newline … newline TAG   ; variables only; its last newline is not part
//   unquoted = up to newline ; , # or a closing bracket that it did not open; escapes as quoted
//   macro    = "." name [ "(" entries ")" ] value          ; ucl_macro.cc
//   comment  = "#" … newline | "/*" … "*/" , nested
//
// Unquoted text is a number (with suffix), flag or null if it reads as one (scalar.h). A key
// without any value is an error, `key =` at the end of the text is null. A `{` may stand on the
// line after its key.
//
// Priority and duplicates: every value carries the priority of the text it stands in. A key that
// is there already: higher priority wins, equal ones form an implicit array; in a text included
// with duplicate=merge sections and lists are joined whatever their priorities, and a named
// section joins the repetition that has its name.
//
// Brackets are on an explicit stack; only include nests calls, at most include_depth_max deep.
#include "rules/config/ucl_parse.h"

#include "rules/config/ucl_parser.h"

namespace winnow {
namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool plain_word(std::string_view word) {
  for (const char c : word)
    if (c == '/') return false;
  return true;
}

// Begins with a quote as word processors write it: “ ” „ ‘ ’ « ».
bool typographic(std::string_view text) {
  for (std::string_view quote : {"\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u00ab"})
    if (text.starts_with(quote)) return true;
  return false;
}

std::string show(char c) {
  if (c == '\n') return "the end of the line";
  if (static_cast<unsigned char>(c) < 0x20) return "a control character";
  return std::string("'") + c + "'";
}

}  // namespace

bool ucl_key_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '/' || static_cast<unsigned char>(c) >= 0x80;
}

bool ucl_key_char(char c) { return ucl_key_start(c) || c == '-' || c == '.'; }

UclSpot UclParser::spot(const UclChunk& chunk, size_t at) const {
  UclSpot out{chunk.line, static_cast<uint32_t>(at - std::min(at, chunk.line_start) + 1)};
  if (!chunk.lines.empty() && out.line > 0)
    out.line = chunk.lines[std::min<size_t>(out.line, chunk.lines.size()) - 1];
  return out;
}

tl::unexpected<Error> UclParser::error(const UclChunk& chunk, UclSpot where,
                                       std::string what) const {
  return fail(Error{.what = std::move(what),
                    .file = std::string(document.file_name(chunk.file)),
                    .line = where.line,
                    .column = where.column});
}

void UclParser::warn(const UclChunk& chunk, UclSpot where, std::string what, std::string advice) {
  constexpr size_t kWarningsMax = 10'000;
  if (result.warnings.size() >= kWarningsMax) return;
  result.warnings.push_back({.file = std::string(document.file_name(chunk.file)),
                             .line = where.line,
                             .column = where.column,
                             .what = std::move(what),
                             .advice = std::move(advice)});
}

Result<void> UclParser::skip_space(UclChunk& chunk, bool newlines) {
  while (!chunk.end()) {
    const char c = chunk.peek();
    if (blank(c) || c == '\0' || (newlines && c == '\n')) {
      chunk.step();
    } else if (c == '#') {
      while (!chunk.end() && chunk.peek() != '\n') chunk.step();
    } else if (c == '/' && chunk.peek(1) == '*') {
      const UclSpot opened = spot(chunk);
      size_t depth = 0;
      do {
        if (chunk.end())
          return error(chunk, opened,
                       "this comment is never closed; close it with */, or quote "
                       "the text if /* belongs to a value");
        if (chunk.peek() == '/' && chunk.peek(1) == '*') {
          ++depth;
          chunk.step(2);
        } else if (chunk.peek() == '*' && chunk.peek(1) == '/') {
          --depth;
          chunk.step(2);
        } else {
          chunk.step();
        }
      } while (depth > 0);
    } else {
      break;
    }
  }
  return {};
}

namespace {

// What stands before a value: its key and the names of a named section.
struct Head {
  std::string key;
  UclSpot spot;
  std::vector<std::pair<std::string, UclSpot>> names;
};

// One chunk being parsed: the frames and the steps of the grammar over them.
class ChunkParser {
 public:
  ChunkParser(UclParser& parser, UclChunk& chunk) : parser_(parser), chunk_(chunk) {}

  Result<void> run(UclObject& into);

 private:
  Result<void> start(UclObject& into);
  Result<void> entry();
  Result<void> value(const Head& head);
  Result<void> scalar(const Head& head);
  Result<void> open(const Head& head, bool array);
  Result<void> open_one(const std::string& key, UclSpot key_spot, UclType type,
                        const std::string* next_name, UclSpot at);
  Result<void> close(char c);
  Result<void> delimiter();
  Result<std::string> word(UclSpot at);
  Result<bool> names(Head& head);
  UclObject* merge_target(const std::string& key, UclType type, const std::string* next_name);
  tl::unexpected<Error> error(UclSpot at, std::string what) {
    return parser_.error(chunk_, at, std::move(what));
  }
  void place(UclObject& value, const Head& head, UclSpot at);

  UclParser& parser_;
  UclChunk& chunk_;
  std::vector<UclParser::Frame> frames_;
};

#define WINNOW_TRY(expression)                                                          \
  do {                                                                                  \
    if (auto tried = (expression); !tried) return tl::unexpected<Error>(tried.error()); \
  } while (false)

Result<void> ChunkParser::start(UclObject& into) {
  if (chunk_.text.substr(0, 3) == "\xEF\xBB\xBF") {
    chunk_.at = 3;
    chunk_.line_start = 3;
  }
  if (chunk_.text.starts_with("\xFF\xFE") || chunk_.text.starts_with("\xFE\xFF"))
    return error({1, 1}, "this file is UTF-16; save it as UTF-8");
  WINNOW_TRY(parser_.skip_space(chunk_, true));
  UclParser::Frame base{.container = &into, .base = true};
  base.opened = parser_.spot(chunk_);
  if (chunk_.macros && chunk_.peek() == '{') {
    base.braced = true;
    chunk_.step();
  } else if (chunk_.macros && chunk_.peek() == '[') {
    if (&into != &parser_.document.root() || parser_.chunks.size() > 1)
      return error(base.opened, "a list cannot be included into a section; give it a key");
    base.container = parser_.document.make(UclType::kArray);
    parser_.document.set_root(base.container);
    base.braced = true;
    chunk_.step();
  }
  frames_.push_back(base);
  return {};
}

Result<void> ChunkParser::run(UclObject& into) {
  WINNOW_TRY(start(into));
  while (!frames_.empty()) {
    WINNOW_TRY(parser_.skip_space(chunk_, true));
    const UclParser::Frame& frame = frames_.back();
    if (parser_.document.node_count() > parser_.options.limits.nodes_max)
      return error(parser_.spot(chunk_), "more values than the limit of " +
                                             std::to_string(parser_.options.limits.nodes_max));
    if (chunk_.end()) {
      if (frame.base && !frame.braced) return {};
      return error(frame.opened, std::string("this ") + (frame.container->is_array() ? "[" : "{") +
                                     " is never closed");
    }
    const char c = chunk_.peek();
    if (c == ';' || c == ',') {
      chunk_.step();
    } else if (c == '}' || c == ']') {
      WINNOW_TRY(close(c));
    } else if (frame.container->is_array()) {
      WINNOW_TRY(value({.key = {}, .spot = {}, .names = {}}));
    } else if (c == '.' && chunk_.macros && chunk_.peek(1) >= 'a' && chunk_.peek(1) <= 'z') {
      WINNOW_TRY(parser_.macro(chunk_, UclParser::Frame(frame)));
    } else {
      WINNOW_TRY(entry());
    }
  }
  WINNOW_TRY(parser_.skip_space(chunk_, true));
  while (chunk_.peek() == ';' || chunk_.peek() == ',') {
    chunk_.step();
    WINNOW_TRY(parser_.skip_space(chunk_, true));
  }
  if (!chunk_.end())
    parser_.warn(chunk_, parser_.spot(chunk_), "What follows the closing bracket is not read.",
                 "Move it inside, or drop the outer brackets.");
  return {};
}

Result<void> ChunkParser::close(char c) {
  const UclParser::Frame frame = frames_.back();
  const UclSpot at = parser_.spot(chunk_);
  const char wanted = frame.container->is_array() ? ']' : '}';
  if ((frame.base && !frame.braced) || c != wanted) {
    if (frame.base && !frame.braced)
      return error(at, std::string("this ") + c + " closes nothing; remove it");
    return error(at, std::string("expected ") + wanted + " for the bracket opened at line " +
                         std::to_string(frame.opened.line) + ", found " + show(c));
  }
  chunk_.step();
  frames_.resize(frames_.size() - 1 - frame.names);
  return {};
}

// A key or a name of a named section.
Result<std::string> ChunkParser::word(UclSpot at) {
  const char c = chunk_.peek();
  if (c == '"') return parser_.quoted(chunk_, false);
  if (c == '\'') return parser_.single_quoted(chunk_);
  if (!ucl_key_start(c))
    return error(at, "a key cannot start with " + show(c) +
                         "; put quotes around it, or look for a missing value or bracket before");
  const size_t first = chunk_.at;
  while (!chunk_.end() && ucl_key_char(chunk_.peek())) chunk_.step();
  return std::string(chunk_.text.substr(first, chunk_.at - first));
}

// Looks whether names and an opening bracket follow; takes the names if so, else nothing.
Result<bool> ChunkParser::names(Head& head) {
  const UclChunk saved = chunk_;
  const auto back = [&] {
    chunk_.at = saved.at;
    chunk_.line = saved.line;
    chunk_.line_start = saved.line_start;
    head.names.clear();
    return false;
  };
  while (true) {
    while (blank(chunk_.peek()) && !chunk_.end()) chunk_.step();
    const char c = chunk_.peek();
    if (c == '{' || c == '[') return true;
    if (c == '\n' || c == '#') {
      WINNOW_TRY(parser_.skip_space(chunk_, true));
      if (chunk_.peek() == '{') return true;
      return back();
    }
    if (c != '"' && c != '\'' && !ucl_key_char(c)) return back();
    const UclSpot at = parser_.spot(chunk_);
    if (c != '"' && c != '\'' && !ucl_key_start(c)) return back();
    auto name = word(at);
    if (!name || name->empty()) return back();
    const char after = chunk_.peek();
    if (!chunk_.end() && !blank(after) && after != '{' && after != '[' && after != '\n')
      return back();
    if ((after == '{' || after == '[') && c != '"' && c != '\'' && !plain_word(*name))
      return back();
    head.names.emplace_back(std::move(*name), at);
  }
}

Result<void> ChunkParser::entry() {
  Head head;
  head.spot = parser_.spot(chunk_);
  auto key = word(head.spot);
  if (!key) return tl::unexpected<Error>(key.error());
  if (key->empty()) return error(head.spot, "a key cannot be empty");
  head.key = std::move(*key);
  WINNOW_TRY(parser_.skip_space(chunk_, false));
  const char c = chunk_.peek();
  if (c == '=' || c == ':') {
    chunk_.step();
    WINNOW_TRY(parser_.skip_space(chunk_, true));
    if (chunk_.end()) {
      UclObject* none = parser_.document.make(UclType::kNull);
      place(*none, head, head.spot);
      WINNOW_TRY(parser_.attach(chunk_, frames_.back(), none));
      return {};
    }
    if (chunk_.peek() == '=' || (chunk_.peek() == ':' && c == '='))
      return error(parser_.spot(chunk_), "one = or : is enough between key and value");
    return value(head);
  }
  if (c == '{' || c == '[') return value(head);
  if (chunk_.end() || c == '\n') {
    WINNOW_TRY(parser_.skip_space(chunk_, true));
    if (chunk_.peek() == '{' || chunk_.peek() == '[') return value(head);
    return error(head.spot, "\"" + head.key + "\" has no value; write `" + head.key +
                                " = value;`, or = null for none");
  }
  if (c != '"' && c != '\'' && !blank(chunk_.text[chunk_.at - 1]) &&
      chunk_.text[chunk_.at - 1] != '/' && chunk_.text[chunk_.at - 1] != '"' && c != '<')
    return error(parser_.spot(chunk_),
                 "unexpected " + show(c) + " in a key; put quotes around the key");
  auto named = names(head);
  if (!named) return tl::unexpected<Error>(named.error());
  return value(head);
}

void ChunkParser::place(UclObject& value, const Head& head, UclSpot at) {
  parser_.document.set_place(value, chunk_.file, at.line, at.column);
  parser_.document.set_priority(value, chunk_.priority);
  if (head.key.empty()) return;
  parser_.document.set_key(value, head.key);
  parser_.document.set_key_place(value, chunk_.file, head.spot.line, head.spot.column);
}

Result<void> ChunkParser::value(const Head& head) {
  const char c = chunk_.peek();
  if (c == '{' || c == '[') return open(head, c == '[');
  return scalar(head);
}

Result<void> ChunkParser::scalar(const Head& head) {
  const char c = chunk_.peek();
  const UclSpot at = parser_.spot(chunk_);
  UclObject* made = nullptr;
  if (c == '"' || c == '\'' || parser_.heredoc_here(chunk_)) {
    auto text = c == '"'    ? parser_.quoted(chunk_)
                : c == '\'' ? parser_.single_quoted(chunk_)
                            : parser_.heredoc(chunk_);
    if (!text) return tl::unexpected<Error>(text.error());
    made = parser_.document.make_string(*text);
    WINNOW_TRY(delimiter());
  } else {
    auto text = parser_.unquoted(chunk_);
    if (!text) return tl::unexpected<Error>(text.error());
    if (text->empty())
      return error(at, head.key.empty() ? "unexpected " + show(c) + " in a list"
                                        : "\"" + head.key + "\" has no value; write null or \"\"");
    if (chunk_.peek() == '#' && chunk_.at > 0 && !blank(chunk_.text[chunk_.at - 1]))
      parser_.warn(chunk_, at, "The value ends at \"" + *text + "\": # begins a comment.",
                   "Write the value in quotes if # belongs to it.");
    if (typographic(*text))
      parser_.warn(chunk_, at, "Typographic quotes are part of this value.",
                   "Write straight quotes: \"…\".");
    made = parser_.document.make_scalar(*text);
  }
  place(*made, head, at);
  WINNOW_TRY(parser_.attach(chunk_, frames_.back(), made));
  return {};
}

Result<void> ChunkParser::delimiter() {
  WINNOW_TRY(parser_.skip_space(chunk_, false));
  const char c = chunk_.peek();
  if (chunk_.end() || c == '\n' || c == ';' || c == ',' || c == '}' || c == ']') return {};
  return error(parser_.spot(chunk_),
               "expected ; or a new line after the quoted value, found " + show(c));
}

// With duplicate=merge: the value that is there already and takes what follows.
UclObject* ChunkParser::merge_target(const std::string& key, UclType type,
                                     const std::string* next_name) {
  const UclParser::Frame& frame = frames_.back();
  if (chunk_.duplicate != UclDuplicate::kMerge || !frame.container->is_object()) return nullptr;
  const UclObject* head = frame.container->find(key);
  if (!head) return nullptr;
  const UclObject* first = nullptr;
  for (const UclObject& value : head->values()) {
    if (value.type() != type) continue;
    if (!first) first = &value;
    if (next_name && value.find(*next_name)) return &parser_.document.mutable_of(value);
  }
  return first ? &parser_.document.mutable_of(*first) : nullptr;
}

Result<void> ChunkParser::open_one(const std::string& key, UclSpot key_spot, UclType type,
                                   const std::string* next_name, UclSpot at) {
  UclParser::Frame frame{.opened = at};
  frame.container = merge_target(key, type, next_name);
  frame.merged = frame.container != nullptr;
  if (!frame.container) {
    UclObject* made = parser_.document.make(type);
    place(*made, {.key = key, .spot = key_spot, .names = {}}, at);
    auto attached = parser_.attach(chunk_, frames_.back(), made);
    if (!attached) return tl::unexpected<Error>(attached.error());
    frame.container = made;
  }
  frames_.push_back(frame);
  return {};
}

Result<void> ChunkParser::open(const Head& head, bool array) {
  const UclSpot at = parser_.spot(chunk_);
  const size_t depth = frames_.size() + head.names.size() + 1;
  if (depth > parser_.options.limits.depth_max)
    return error(
        at, "brackets are nested deeper than " + std::to_string(parser_.options.limits.depth_max));
  chunk_.step();
  const UclType inner = array ? UclType::kArray : UclType::kObject;
  const size_t count = head.names.size();
  WINNOW_TRY(open_one(head.key, head.spot, count ? UclType::kObject : inner,
                      count ? &head.names[0].first : nullptr, at));
  for (size_t i = 0; i < count; ++i)
    WINNOW_TRY(open_one(head.names[i].first, head.names[i].second,
                        i + 1 < count ? UclType::kObject : inner,
                        i + 1 < count ? &head.names[i + 1].first : nullptr, at));
  frames_.back().names = static_cast<uint32_t>(count);
  return {};
}

}  // namespace

Result<UclObject*> UclParser::attach(UclChunk& chunk, const Frame& frame, UclObject* value) {
  UclObject* into = frame.container;
  if (into->is_array()) {
    document.append(*into, value);
    return value;
  }
  if (frame.merged && into->repeated() && !into->find(value->key()))
    for (const UclObject& other : into->values())
      if (other.is_object() && other.find(value->key())) into = &document.mutable_of(other);
  const UclObject* old = into->find(value->key());
  if (old && chunk.duplicate == UclDuplicate::kError)
    return error(
        chunk, {value->key_place().line, value->key_place().column},
        "\"" + std::string(value->key()) + "\" is set already at " + old->key_place().text());
  return document.insert(*into, value, chunk.duplicate);
}

Result<void> UclParser::parse_chunk(UclChunk& chunk, UclObject& into) {
  return ChunkParser(*this, chunk).run(into);
}

Result<void> UclParser::parse_text(std::string_view text, std::string_view path, unsigned priority,
                                   UclDuplicate duplicate, UclObject& into) {
  UclChunk chunk;
  chunk.file = document.add_file(path);
  chunk.path = path;
  const size_t slash = path.rfind('/');
  chunk.folder = slash == std::string_view::npos ? "." : std::string(path.substr(0, slash));
  chunk.priority = priority;
  chunk.duplicate = duplicate;
  text_bytes += text.size();
  std::string prepared;
  chunk.text = text;
  if (options.prepare) {
    auto made = options.prepare(text, path, chunk.lines);
    if (!made) return tl::unexpected<Error>(made.error());
    prepared = std::move(*made);
    chunk.text = prepared;
    text_bytes += prepared.size();
  }
  if (text_bytes > options.limits.text_bytes_max)
    return error(chunk, {1, 1},
                 "configuration is larger than the limit of " +
                     std::to_string(options.limits.text_bytes_max) + " bytes");
  chunks.push_back(&chunk);
  auto done = parse_chunk(chunk, into);
  chunks.pop_back();
  return done;
}

Result<UclResult> parse_ucl(std::string_view text, std::string_view file,
                            const UclOptions& options) {
  UclResult result;
  result.document = std::make_unique<UclDocument>();
  UclParser parser(options, result);
  auto done = parser.parse_text(text, file, 0, UclDuplicate::kAppend, result.document->root());
  if (!done) return tl::unexpected<Error>(done.error());
  return result;
}

Result<UclResult> parse_ucl_file(std::string_view path, const UclOptions& options) {
  if (!options.files) return fail("no files to read " + std::string(path) + " from");
  auto text = options.files->read(path);
  if (!text) return tl::unexpected<Error>(text.error());
  return parse_ucl(*text, path, options);
}

}  // namespace winnow
