// Reads selectors; the grammar stands at the top of selector.h.
#include <fmt/format.h>

#include <algorithm>

#include "engine/crypt/digest.h"
#include "engine/match/pattern.h"
#include "rules/lang/selector.h"
#include "rules/lang/selector_steps.h"
#include "rules/maps/map.h"

namespace winnow {

using namespace selector_steps;

namespace {

struct Row {
  std::string_view name;
  uint8_t kind;
  uint8_t least, most;           // arguments
  std::string_view before = {};  // an argument that the name stands for
};
constexpr uint8_t row(Take kind) { return static_cast<uint8_t>(kind); }
constexpr uint8_t row(Change kind) { return static_cast<uint8_t>(kind); }

constexpr Row kTakes[] = {
    {"id", row(Take::kConstant), 0, 16},
    {"list", row(Take::kConstant), 1, 16},
    {"ip", row(Take::kIp), 0, 0},
    {"from", row(Take::kFrom), 0, 2},
    {"rcpts", row(Take::kRcpts), 0, 2},
    {"to", row(Take::kTo), 0, 0},
    {"user", row(Take::kUser), 0, 0},
    {"helo", row(Take::kHelo), 0, 0},
    {"hostname", row(Take::kHostname), 0, 0},
    {"header", row(Take::kHeader), 1, 2},
    {"urls", row(Take::kUrls), 0, 1},
    {"specific_urls", row(Take::kUrls), 0, 1},
    {"specific_urls_filter_map", row(Take::kMapUrls), 1, 2},
    {"emails", row(Take::kEmails), 0, 1},
    {"messageid", row(Take::kMessageId), 0, 0},
    {"queueid", row(Take::kQueueId), 0, 0},
    {"files", row(Take::kFiles), 0, 0},
    {"received", row(Take::kReceived), 0, 1},
    {"received_count", row(Take::kReceivedCount), 0, 0},
    {"authenticated", row(Take::kAuthenticated), 0, 0},
    {"languages", row(Take::kLanguages), 0, 0},
    {"attachments", row(Take::kAttachments), 0, 2},
    {"digest", row(Take::kDigest), 0, 0},
    {"time", row(Take::kTime), 0, 2},
    {"words", row(Take::kWords), 0, 1},
    {"request_header", row(Take::kRequestHeader), 1, 1},
};

constexpr Row kChanges[] = {
    {"addr", row(Change::kField), 0, 0, "addr"},
    {"domain", row(Change::kField), 0, 0, "domain"},
    {"get_addr", row(Change::kField), 0, 0, "addr"},
    {"get_host", row(Change::kField), 0, 0, "domain"},
    {"host", row(Change::kField), 0, 0, "domain"},
    {"user", row(Change::kField), 0, 0, "user"},
    {"get_user", row(Change::kField), 0, 0, "user"},
    {"name", row(Change::kField), 0, 0, "name"},
    {"get_path", row(Change::kField), 0, 0, "path"},
    {"path", row(Change::kField), 0, 0, "path"},
    {"get_query", row(Change::kField), 0, 0, "query"},
    {"get_text", row(Change::kField), 0, 0, "addr"},
    {"tld", row(Change::kField), 0, 0, "tld"},
    {"get_tld", row(Change::kOrganisation), 0, 0},
    {"apply_methods", row(Change::kFields), 1, kFieldsMax},
    {"lower", row(Change::kLower), 0, 0},
    {"lower_utf8", row(Change::kLower), 0, 0},
    {"first", row(Change::kFirst), 0, 0},
    {"last", row(Change::kLast), 0, 0},
    {"nth", row(Change::kNth), 1, 1},
    {"take_n", row(Change::kTakeN), 1, 1},
    {"drop_n", row(Change::kDropN), 1, 1},
    {"join", row(Change::kJoin), 0, 1},
    {"join_tables", row(Change::kJoinFields), 0, 1},
    {"sort", row(Change::kSort), 0, 0},
    {"uniq", row(Change::kUniq), 0, 0},
    {"digest", row(Change::kDigest), 0, 2},
    {"substring", row(Change::kSubstring), 1, 2},
    {"prepend", row(Change::kPrepend), 1, 8},
    {"append", row(Change::kAppend), 1, 8},
    {"regexp", row(Change::kRegexp), 1, 1},
    {"match", row(Change::kRegexp), 1, 1},
    {"filter_map", row(Change::kFilterMap), 1, 1},
    {"except_map", row(Change::kExceptMap), 1, 1},
    {"apply_map", row(Change::kApplyMap), 1, 1},
    {"equal", row(Change::kEqual), 1, 1},
    {"in", row(Change::kIn), 1, 16},
    {"not_in", row(Change::kNotIn), 1, 16},
    {"inverse", row(Change::kInverse), 0, 1},
    {"id", row(Change::kId), 0, 8},
    {"ipmask", row(Change::kIpMask), 1, 2},
    {"filter_string_nils", row(Change::kSame), 0, 0},
    {"by_hostname", row(Change::kField), 0, 0, "by_hostname"},
    {"from_hostname", row(Change::kField), 0, 0, "from_hostname"},
    {"real_hostname", row(Change::kField), 0, 0, "real_hostname"},
    {"from_ip", row(Change::kField), 0, 0, "from_ip"},
    {"real_ip", row(Change::kField), 0, 0, "real_ip"},
    {"proto", row(Change::kField), 0, 0, "proto"},
    {"for", row(Change::kField), 0, 0, "for"},
};

const Row* find_row(std::span<const Row> rows, std::string_view name) {
  for (const Row& one : rows)
    if (one.name == name) return &one;
  return nullptr;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

class SelectorParser {
 public:
  SelectorParser(std::string_view text, HeaderNames& headers, const Selector::MapOf& map_of)
      : text_(text), headers_(headers), map_of_(map_of) {}

  Result<Selector> run() {
    Selector out;
    do {
      if (out.pipelines_.size() == Selector::kPipelinesMax) return broken("too many pipelines");
      Result<Selector::Pipeline> one = pipeline();
      if (!one) return fail(one.error());
      out.pipelines_.push_back(std::move(*one));
    } while (take(';') && !end());
    if (!end()) return broken(fmt::format("'{}' is not expected here", text_[at_]));
    return out;
  }

 private:
  bool end() {
    blanks();
    return at_ == text_.size();
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }
  bool take(char c) {
    if (end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  tl::unexpected<Error> broken(std::string what) {
    return fail(Error{.what = std::move(what), .column = static_cast<unsigned>(at_ + 1)});
  }

  Result<Selector::Pipeline> pipeline() {
    Selector::Pipeline out;
    do {
      if (out.size() == Selector::kStepsMax) return broken("too many steps");
      Result<Selector::Step> one = step(out.empty());
      if (!one) return fail(one.error());
      out.push_back(std::move(*one));
    } while (take(':') || take('.'));
    return out;
  }

  Result<Selector::Step> step(bool first) {
    if (end()) return broken("a name is missing");
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name.empty()) return broken(fmt::format("'{}' begins no name", text_[at_]));
    const Row* const found = first ? find_row(kTakes, name) : find_row(kChanges, name);
    Selector::Step out;
    if (take('(')) {
      if (Result<void> read = arguments(out.arguments); !read) return fail(read.error());
    }
    at_ = found ? at_ : begin;
    if (!found)
      return broken(fmt::format("'{}' is no {} that is known here", name,
                                first ? "part of a message" : "change of values"));
    if (out.arguments.size() < found->least || out.arguments.size() > found->most)
      return broken(fmt::format("'{}' takes {} to {} arguments", name, found->least, found->most));
    if (!found->before.empty())
      out.arguments.insert(out.arguments.begin(), std::string(found->before));
    out.kind = found->kind;
    if (Result<void> read = first ? complete_take(out) : complete_change(out); !read)
      return fail(read.error());
    return out;
  }

  Result<void> arguments(std::vector<std::string>& out) {
    constexpr size_t kArgumentsMax = 16;
    if (take(')')) return {};
    do {
      if (end() || out.size() == kArgumentsMax) return broken("an argument does not end");
      const size_t begin = at_;
      const char open = text_[at_];
      const char close = open == '{' ? '}' : open;
      if (open == '\'' || open == '"' || open == '{' || open == '/') {
        for (++at_; at_ < text_.size() && text_[at_] != close; ++at_)
          if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        if (at_ == text_.size()) return broken("an argument does not end");
        ++at_;
        const bool quoted = open == '\'' || open == '"';
        while (open == '/' && at_ < text_.size() && is_word(text_[at_])) ++at_;
        out.emplace_back(quoted ? text_.substr(begin + 1, at_ - begin - 2)
                                : text_.substr(begin, at_ - begin));
      } else {
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ')') ++at_;
        std::string_view bare = text_.substr(begin, at_ - begin);
        while (bare.ends_with(' ')) bare.remove_suffix(1);
        out.emplace_back(bare);
      }
    } while (take(','));
    if (!take(')')) return broken("')' is missing");
    return {};
  }

  Result<void> complete_take(Selector::Step& step) {
    switch (static_cast<Take>(step.kind)) {
      case Take::kHeader:
        step.header = headers_.add(step.arguments[0]);
        return {};
      case Take::kMapUrls:
        return map(step);
      case Take::kAttachments:
        return digest(step);
      case Take::kWords:  // stems are made where patterns ask for them alone
        if (step.arguments.empty() || (step.arguments[0] != "norm" && step.arguments[0] != "raw"))
          return broken("of words 'norm' and 'raw' are known here: words('norm')");
        return {};
      default:
        return {};
    }
  }

  Result<void> digest(const Selector::Step& step) {
    if ((step.arguments.size() > 0 && !digest_form(step.arguments[0])) ||
        (step.arguments.size() > 1 && !digest_kind(step.arguments[1])))
      return broken(
          "its arguments are hex | base32 | base64, md5 | sha1 | sha256 | sha384 | sha512 | "
          "blake2");
    return {};
  }

  Result<void> map(Selector::Step& step) {
    step.map = map_of_ ? map_of_(step.arguments[0]) : nullptr;
    if (!step.map) return broken(fmt::format("there is no map '{}'", step.arguments[0]));
    for (const MapPattern& one : step.map->patterns()) {
      Result<Regex> made = Regex::compile(one.regex, one.flags);
      if (!made)
        return broken(
            fmt::format("line {} of map '{}': {}", one.line, step.arguments[0], made.error().what));
      made->jit();
      step.patterns.push_back(std::move(*made));
    }
    return {};
  }

  Result<void> complete_change(Selector::Step& step) {
    switch (static_cast<Change>(step.kind)) {
      case Change::kFilterMap:
      case Change::kExceptMap:
      case Change::kApplyMap:
        return map(step);
      case Change::kNth:
      case Change::kTakeN:
      case Change::kDropN:
      case Change::kSubstring:
      case Change::kIpMask:
        for (const std::string& one : step.arguments)
          if (!whole(one)) return broken(fmt::format("'{}' is no whole number", one));
        return {};
      case Change::kDigest:
        return digest(step);
      case Change::kRegexp:
        return regex(step);
      default:
        return {};
    }
  }

  Result<void> regex(Selector::Step& step) {
    std::string_view text = step.arguments[0];
    uint32_t flags = 0;
    if (const size_t close = text.rfind('/'); text.starts_with('/') && close > 0) {
      for (const char c : text.substr(close + 1))
        flags |= c == 'i'   ? bit(PatternFlag::kIgnoreCase)
                 : c == 's' ? bit(PatternFlag::kDotAll)
                            : 0;
      text = text.substr(1, close - 1);
    }
    Result<Regex> made = Regex::compile(text, flags);
    if (!made) return broken(made.error().what);
    made->jit();
    step.regex = std::move(*made);
    return {};
  }

  std::string_view text_;
  HeaderNames& headers_;
  const Selector::MapOf& map_of_;
  size_t at_ = 0;
};

Result<Selector> Selector::parse(std::string_view text, HeaderNames& headers, const MapOf& map_of) {
  return SelectorParser(text, headers, map_of).run();
}

bool Selector::reads_languages() const {
  return std::ranges::any_of(pipelines_, [](const Pipeline& steps) {
    return steps.front().kind == static_cast<uint8_t>(Take::kLanguages);
  });
}

}  // namespace winnow
