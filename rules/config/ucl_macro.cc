// Macros of UCL: a `.name`, arguments in brackets, a value.
//
//   .include(params) "path"     takes in a file where it stands
//   .try_include, .includes     the same with try=true, with sign=true
//   .include_map(params) "map"  the same; a map's source prefixes are taken off
//   .priority N                 priority of what follows in this text
//   .load(key=…) "path"         the bytes of a file as a string (target=int: a number)
//   .inherit "section"          takes in what a section before it holds
//
// Parameters of include: try (absent file is no error), sign (signature must fit), glob, url
// (addresses are allowed), prefix (contents go under a key: `key`, else the file's name), target
// (object, or array: each file one element), duplicate (append, merge, error, rewrite), path
// (folders to look in), priority (0 to 15, higher wins; 0 if absent, also inside a file that was
// included with another one).
#include <array>
#include <optional>

#include "rules/config/nearest.h"
#include "rules/config/ucl_parser.h"

namespace winnow {
namespace {

constexpr std::array<std::string_view, 8> kMacros{
    "include", "try_include", "includes", "include_map", "priority", "load", "inherit", "lua"};
constexpr std::array<std::string_view, 14> kParameters{
    "try",      "sign", "glob",      "url",    "prefix", "key",       "target",
    "priority", "path", "duplicate", "escape", "trim",   "multiline", "replace"};

struct Call {
  UclParser& parser;
  UclChunk& chunk;
  const UclParser::Frame& frame;
  UclSpot spot;
  std::string name;
  UclObject* params = nullptr;
  std::string value;

  bool flag(std::string_view key) const { return params->flag(key, false); }
  tl::unexpected<Error> error(std::string what) const {
    return parser.error(chunk, spot, std::move(what));
  }
  void warn(std::string what, std::string advice) const {
    parser.warn(chunk, spot, std::move(what), std::move(advice));
  }
};

bool web_address(std::string_view path) {
  return path.substr(0, 7) == "http://" || path.substr(0, 8) == "https://";
}

// Finds the end of "(…)", whose content is not looked into but for quotes.
size_t closing(std::string_view text, size_t open) {
  char quote = '\0';
  for (size_t at = open + 1; at < text.size(); ++at) {
    const char c = text[at];
    if (quote) {
      if (c == '\\')
        ++at;
      else if (c == quote)
        quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ')') {
      return at;
    } else if (c == '\n' && at - open > 4096) {
      break;
    }
  }
  return std::string_view::npos;
}

Result<void> read_params(Call& call) {
  UclChunk& chunk = call.chunk;
  call.params = call.parser.document.make(UclType::kObject);
  if (chunk.peek() != '(') return {};
  const size_t close = closing(chunk.text, chunk.at);
  if (close == std::string_view::npos)
    return call.error("the ( of ." + call.name + " is never closed");
  UclChunk inside;
  inside.text = chunk.text.substr(0, close);
  inside.at = chunk.at + 1;
  inside.file = chunk.file;
  inside.line = chunk.line;
  inside.line_start = chunk.line_start;
  inside.lines = chunk.lines;
  inside.macros = false;
  inside.folder = chunk.folder;
  inside.path = chunk.path;
  auto parsed = call.parser.parse_chunk(inside, *call.params);
  if (!parsed) return parsed;
  while (chunk.at <= close) chunk.step();
  for (const UclObject& param : call.params->children()) {
    bool known = false;
    for (std::string_view name : kParameters) known |= name == param.key();
    if (!known)
      call.warn("." + call.name + " has no parameter \"" + std::string(param.key()) + "\".",
                did_you_mean(param.key(), kParameters));
  }
  return {};
}

Result<void> read_value(Call& call) {
  UclChunk& chunk = call.chunk;
  auto skipped = call.parser.skip_space(chunk, false);
  if (!skipped) return skipped;
  if (chunk.peek() == '=' || chunk.peek() == ':') {
    chunk.step();
    skipped = call.parser.skip_space(chunk, false);
    if (!skipped) return skipped;
  }
  auto value = chunk.peek() == '"'    ? call.parser.quoted(chunk)
               : chunk.peek() == '\'' ? call.parser.single_quoted(chunk)
                                      : call.parser.unquoted(chunk);
  if (!value) return tl::unexpected<Error>(value.error());
  if (value->empty()) return call.error("." + call.name + " needs a value");
  call.value = std::move(*value);
  return {};
}

Result<UclDuplicate> duplicate_of(const Call& call) {
  const std::string_view name = call.params->string("duplicate", "append");
  if (name == "append") return UclDuplicate::kAppend;
  if (name == "merge") return UclDuplicate::kMerge;
  if (name == "error") return UclDuplicate::kError;
  if (name == "rewrite") return UclDuplicate::kRewrite;
  return call.error("duplicate=" + std::string(name) +
                    " is unknown; it is append, merge, error or rewrite");
}

// The section that a file's contents go to, as prefix, key and target say.
Result<UclObject*> target_of(const Call& call, std::string_view path, unsigned priority) {
  UclDocument& document = call.parser.document;
  UclObject& into = *call.frame.container;
  if (!call.flag("prefix")) return &into;
  std::string_view key = call.params->string("key", "");
  if (key.empty()) key = path.substr(path.rfind('/') + 1);
  const bool list = call.params->string("target", "object") == "array";
  const UclType outer = list ? UclType::kArray : UclType::kObject;
  UclObject* holder = document.find(into, key);
  if (!holder || holder->type() != outer) {
    holder = document.make(outer);
    document.set_key(*holder, key);
    document.set_place(*holder, call.chunk.file, call.spot.line, call.spot.column);
    document.set_priority(*holder, priority);
    document.insert(into, holder, UclDuplicate::kAppend);
  }
  if (!list) return holder;
  UclObject* element = document.make(UclType::kObject);
  document.set_place(*element, call.chunk.file, call.spot.line, call.spot.column);
  document.append(*holder, element);
  return element;
}

Result<void> include_one(const Call& call, const std::string& path, bool required) {
  UclParser& parser = call.parser;
  const UclOptions& options = parser.options;
  const int64_t wanted = call.params->integer("priority", 0);
  const unsigned priority = static_cast<unsigned>(wanted < 0 ? 0 : wanted > 15 ? 15 : wanted);
  for (const UclChunk* open : parser.chunks)
    if (open->path == path) return call.error(path + " includes itself; remove one of the two");
  if (parser.result.includes.size() >= options.limits.includes_max)
    return call.error("more than " + std::to_string(options.limits.includes_max) +
                      " files are included");
  if (parser.chunks.size() >= options.limits.include_depth_max)
    return call.error("files include files deeper than " +
                      std::to_string(options.limits.include_depth_max));
  const bool found = options.files && options.files->exists(path);
  parser.result.includes.push_back({.path = path, .found = found, .priority = priority});
  if (!found) {
    if (!required) return {};
    return call.error("cannot include " + path +
                      ": no such file; create it, or write try=true if it may be absent");
  }
  auto bytes = options.files->read(path);
  // Also with try=true: the file is there, and without it another configuration would hold.
  if (!bytes) return call.error("cannot include " + path + ": " + bytes.error().what);
  if (call.flag("sign") || call.name == "includes") {
    const auto good = options.verify ? options.verify(path, *bytes) : Result<bool>(false);
    if (!good || !*good)
      return call.error("the signature of " + path + " does not verify; it is not included");
  }
  auto duplicate = duplicate_of(call);
  if (!duplicate) return tl::unexpected<Error>(duplicate.error());
  if (call.chunk.priority > 0 && !call.params->find("priority") &&
      *duplicate != UclDuplicate::kRewrite)
    call.warn("This include has priority 0, though the file around it has priority " +
                  std::to_string(call.chunk.priority) + ": what it sets loses to shipped values.",
              "Write .include(priority=" + std::to_string(call.chunk.priority) + ",…).");
  auto into = target_of(call, path, priority);
  if (!into) return tl::unexpected<Error>(into.error());
  return parser.parse_text(*bytes, path, priority, *duplicate, **into);
}

// Where a relative path is looked for: the folders of `path`, then the folder of this file.
std::vector<std::string> candidates(const Call& call, const std::string& path) {
  if (!path.empty() && (path[0] == '/' || path.find(':') != std::string::npos)) return {path};
  std::vector<std::string> out;
  for (std::string_view folder : call.params->strings("path"))
    out.push_back(std::string(folder) + "/" + path);
  out.push_back(call.chunk.folder == "." ? path : call.chunk.folder + "/" + path);
  // What a variable with a relative folder gave ("$LOCAL_CONFDIR" of `-c ./rspamd.conf`).
  if (path.substr(0, 2) == "./") out.push_back(path);
  return out;
}

Result<void> include(const Call& call) {
  if (!call.frame.container->is_object()) return call.error("an include cannot stand in a list");
  const bool required = !call.flag("try") && call.name != "try_include";
  std::string path = call.value;
  if (path.substr(0, 7) == "file://") path = path.substr(7);
  if (web_address(path)) {
    if (required && call.name != "include_map")
      return call.error("configuration is not read from the network: " + path +
                        "; fetch it into a file and include that");
    call.warn("Configuration is not read from the network: " + path + " is left out.",
              "Fetch it into a file and include that.");
    return {};
  }
  const std::vector<std::string> places = candidates(call, path);
  if (call.flag("glob") && path.find_first_of("*?[") != std::string::npos) {
    size_t count = 0;
    for (const std::string& place : places)
      for (const std::string& one : call.parser.options.files
                                        ? call.parser.options.files->glob(place)
                                        : std::vector<std::string>{}) {
        ++count;
        auto done = include_one(call, one, required);
        if (!done) return done;
      }
    if (count == 0) {
      call.parser.result.includes.push_back({.path = path, .found = false, .priority = 0});
      if (required) call.warn("No file matches " + path + ".", "Write try=true if that is meant.");
    }
    return {};
  }
  for (const std::string& place : places)
    if (&place == &places.back() ||
        (call.parser.options.files && call.parser.options.files->exists(place)))
      return include_one(call, place, required);
  return {};
}

Result<void> load(const Call& call) {
  UclDocument& document = call.parser.document;
  if (!call.frame.container->is_object()) return call.error(".load cannot stand in a list");
  const std::string_view key = call.params->string("key", "");
  if (key.empty()) return call.error(".load needs the key to load into: .load(key=name) \"path\"");
  const std::string path = candidates(call, call.value).back();
  FileSource* files = call.parser.options.files;
  const bool found = files && files->exists(path);
  call.parser.result.includes.push_back({.path = path, .found = found, .priority = 0});
  if (!found) {
    if (call.flag("try")) return {};
    return call.error("cannot load " + path + ": no such file");
  }
  auto bytes = files->read(path);
  if (!bytes) return call.error("cannot load " + path + ": " + bytes.error().what);
  call.parser.text_bytes += bytes->size();
  if (call.parser.text_bytes > call.parser.options.limits.text_bytes_max)
    return call.error("configuration is larger than its limit");
  std::string_view text = *bytes;
  const bool number = call.params->string("target", "string") == "int";
  if (number || call.flag("trim")) {
    constexpr std::string_view kBlank = " \t\r\n";
    const size_t first = text.find_first_not_of(kBlank);
    text = first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
  }
  UclObject* value = number ? document.make_scalar(text) : document.make_string(text);
  if (number && !value->as_int()) return call.error(path + " holds no whole number");
  document.set_place(*value, document.add_file(path), 1, 1);
  document.set_key(*value, key);
  document.set_key_place(*value, call.chunk.file, call.spot.line, call.spot.column);
  document.set_priority(*value, static_cast<unsigned>(call.params->integer(
                                    "priority", static_cast<int64_t>(call.chunk.priority))));
  auto done = call.parser.attach(call.chunk, call.frame, value);
  if (!done) return tl::unexpected<Error>(done.error());
  return {};
}

Result<void> inherit(const Call& call) {
  UclDocument& document = call.parser.document;
  UclObject& into = *call.frame.container;
  const UclObject* from = nullptr;
  for (const UclObject* at = &into; at && !from; at = at->parent()) from = at->get(call.value);
  if (!from) from = document.root().get(call.value);
  if (!from || !from->is_object())
    return call.error("there is no section \"" + call.value + "\" before this place to inherit");
  for (const UclObject* at = &into; at; at = at->parent())
    if (at == from) return call.error("a section cannot inherit itself or what it stands in");
  const bool replace = call.flag("replace");
  for (const UclObject& child : from->children()) {
    if (!replace && into.find(child.key())) continue;
    UclObject* copy = document.copy_tree(child, call.parser.options.limits.nodes_max);
    if (!copy) return call.error("more values than the limit allows");
    if (!replace) document.set_inherited(*copy);
    document.insert(into, copy, replace ? UclDuplicate::kRewrite : UclDuplicate::kAppend);
  }
  return {};
}

}  // namespace

Result<void> UclParser::macro(UclChunk& chunk, const Frame& frame) {
  Call call{*this, chunk, frame, spot(chunk), {}, nullptr, {}};
  chunk.step();
  while ((chunk.peek() >= 'a' && chunk.peek() <= 'z') || chunk.peek() == '_') {
    call.name += chunk.peek();
    chunk.step();
  }
  bool known = false;
  for (std::string_view name : kMacros) known |= name == call.name;
  if (!known || call.name == "lua")
    return call.error("unknown macro ." + call.name + ". " + did_you_mean(call.name, kMacros) +
                      (call.name == "lua" ? "Lua in configuration files is not run." : ""));
  auto done = skip_space(chunk, false);
  if (!done) return done;
  done = read_params(call);
  if (!done) return done;
  done = read_value(call);
  if (!done) return done;
  if (call.name == "load") return load(call);
  if (call.name == "inherit") return inherit(call);
  if (call.name == "priority") {
    const auto value = document.make_scalar(call.value)->as_int();
    if (!value || *value < 0 || *value > 15)
      return call.error(".priority takes a number from 0 to 15");
    chunk.priority = static_cast<unsigned>(*value);
    return {};
  }
  if (call.name == "include_map") {
    const size_t scheme = call.value.find("file://");
    if (scheme != std::string::npos) call.value = call.value.substr(scheme);
  }
  return include(call);
}

}  // namespace winnow
