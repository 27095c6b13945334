#include "ingest/http/edits.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/ascii.h"
#include "engine/score/render.h"

namespace winnow {

namespace {

// One edit's header values of that name, from `at` on: `"NAME":V` or `"NAME":[V,V]`.
template <class Is, class Append>
void append_by_name(std::span<const Edit> edits, std::string_view key, Is is, Append append,
                    bool& first_key, std::string& out) {
  std::vector<const Edit*> left;
  for (const Edit& edit : edits)
    if (is(edit)) left.push_back(&edit);
  if (left.empty()) return;
  fmt::format_to(std::back_inserter(out), "{}\"{}\":{{", first_key ? "" : ",", key);
  first_key = false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (!left[i]) continue;
    size_t same = 0;
    for (size_t k = i; k < left.size(); ++k)
      same += left[k] && equal_caseless(left[k]->name, left[i]->name);
    if (i > 0) out += ',';
    append_json_string(left[i]->name, out);
    out += same > 1 ? ":[" : ":";
    const std::string_view name = left[i]->name;
    bool first = true;
    for (size_t k = i; k < left.size(); ++k) {
      if (!left[k] || !equal_caseless(left[k]->name, name)) continue;
      if (!first) out += ',';
      first = false;
      append(*left[k]);
      left[k] = nullptr;
    }
    if (same > 1) out += ']';
  }
  out += '}';
}

void append_list(std::span<const Edit> edits, EditKind kind, std::string_view key, bool& first_key,
                 std::string& out) {
  bool first = true;
  for (const Edit& edit : edits) {
    if (edit.kind != kind) continue;
    if (first) fmt::format_to(std::back_inserter(out), "{}\"{}\":[", first_key ? "" : ",", key);
    if (!first) out += ',';
    first = first_key = false;
    append_json_string(edit.value, out);
  }
  if (!first) out += ']';
}

// The head of a message as lines of whole headers, each with its line ends.
struct Head {
  struct Field {
    std::string_view name;  // empty: a line that is no header; it stays
    std::string_view text;
    std::string added;  // in place of `text`
    bool gone = false;
    bool is_new = false;
    std::string_view shown() const { return is_new ? std::string_view(added) : text; }
  };
  std::vector<Field> fields;
  std::string_view rest;  // the empty line and what follows
  std::string_view line_end = "\n";

  explicit Head(std::string_view message) {
    const size_t line = message.find('\n');
    if (line != std::string_view::npos && line > 0 && message[line - 1] == '\r') line_end = "\r\n";
    while (!message.empty()) {
      size_t end = 0;
      do {
        end = message.find('\n', end);
        end = end == std::string_view::npos ? message.size() : end + 1;
      } while (end < message.size() && (message[end] == ' ' || message[end] == '\t') && end > 0);
      const std::string_view text = message.substr(0, end);
      if (text == "\n" || text == "\r\n") break;
      const size_t colon = text.substr(0, text.find('\n')).find(':');
      Field field;
      field.text = text;
      if (colon != std::string_view::npos) field.name = text.substr(0, colon);
      while (field.name.ends_with(' ') || field.name.ends_with('\t')) field.name.remove_suffix(1);
      fields.push_back(std::move(field));
      message.remove_prefix(end);
    }
    rest = message;
  }

  void remove(std::string_view name, int32_t position) {
    int32_t count = 0;
    for (const Field& field : fields) count += !field.is_new && equal_caseless(field.name, name);
    const int32_t wanted = position < 0 ? count + position + 1 : position;
    int32_t number = 0;
    for (Field& field : fields)
      if (!field.is_new && equal_caseless(field.name, name) &&
          (++number == wanted || position == 0))
        field.gone = true;
  }

  std::string line(std::string_view name, std::string_view value) const {
    std::string out(name);
    out += ": ";
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\r' || value[i] == '\0') continue;
      if (value[i] != '\n') {
        out += value[i];
        continue;
      }
      // A line of a value that is not folded would be a header of its own.
      out += line_end;
      if (i + 1 == value.size() || (value[i + 1] != ' ' && value[i + 1] != '\t')) out += '\t';
    }
    out += line_end;
    return out;
  }

  void add(std::string_view name, std::string_view value, int32_t position) {
    Field fresh;
    fresh.name = name;
    fresh.added = line(name, value);
    fresh.is_new = true;
    const auto size = static_cast<int64_t>(fields.size());
    int64_t at = position > 0 ? position - 1 : position == 0 ? size : size + position + 1;
    at = std::clamp<int64_t>(at, 0, size);
    if (at == size && size > 0 && !fields.back().shown().ends_with('\n')) return;  // a cut head
    fields.insert(fields.begin() + at, std::move(fresh));
  }
};

}  // namespace

void append_milter_object(std::span<const Edit> edits, std::string_view fate, std::string& out) {
  if (edits.empty() && fate.empty()) return;
  out += '{';
  bool first = true;
  append_by_name(
      edits, "add_headers",
      [](const Edit& e) {
        return e.kind == EditKind::kAddHeader || e.kind == EditKind::kChangeHeader;
      },
      [&](const Edit& e) {
        const bool ordered = e.kind == EditKind::kAddHeader && e.position != 0;
        if (ordered) out += "{\"value\":";
        append_json_string(e.value, out);
        if (ordered) fmt::format_to(std::back_inserter(out), ",\"order\":{}}}", e.position);
      },
      first, out);
  append_by_name(
      edits, "remove_headers",
      [](const Edit& e) {
        return e.kind == EditKind::kRemoveHeader || e.kind == EditKind::kChangeHeader;
      },
      [&](const Edit& e) {
        const bool change = e.kind == EditKind::kChangeHeader;
        fmt::format_to(std::back_inserter(out), "{}",
                       change ? std::max(e.position, 1) : e.position);
      },
      first, out);
  const auto field = [&](std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "{}\"{}\":", first ? "" : ",", key);
    first = false;
    append_json_string(value, out);
  };
  for (const Edit& edit : edits) {
    if (edit.kind == EditKind::kChangeFrom) field("change_from", edit.value);
    if (edit.kind == EditKind::kQuarantine && fate.empty()) fate = "quarantine";
  }
  if (!fate.empty()) field("reject", fate);
  append_list(edits, EditKind::kAddRecipient, "add_rcpt", first, out);
  append_list(edits, EditKind::kRemoveRecipient, "del_rcpt", first, out);
  out += '}';
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    if (c == '\n' && !out.ends_with('\r')) out += '\r';
    out += c;
  }
  return out;
}

void append_signatures(std::span<const Edit> edits, std::string_view key, std::string& out) {
  const auto is = [](const Edit& edit) { return edit.kind == EditKind::kSignature; };
  const auto count = std::ranges::count_if(edits, is);
  if (count == 0) return;
  out += key;
  if (count > 1) out += '[';
  bool first = true;
  for (const Edit& edit : edits) {
    if (!is(edit)) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(with_crlf(edit.value), out);  // clients write it as it is
  }
  if (count > 1) out += ']';
}

std::string apply_edits(std::string_view message, std::span<const Edit> edits) {
  Head head(message);
  std::string_view body = head.rest;
  std::string fresh_body;
  for (const Edit& edit : edits) {
    switch (edit.kind) {
      case EditKind::kRemoveHeader:
        head.remove(edit.name, edit.position);
        break;
      case EditKind::kAddHeader:
      case EditKind::kSignature:
        head.add(edit.name, edit.value, edit.position);
        break;
      case EditKind::kChangeHeader:
      case EditKind::kRewriteSubject: {
        const std::string_view name =
            edit.kind == EditKind::kRewriteSubject ? std::string_view("Subject") : edit.name;
        head.remove(name, std::max(edit.position, 1));
        head.add(name, edit.value, -1);
        break;
      }
      case EditKind::kReplaceBody:
        fresh_body = std::string(head.line_end) + edit.value;
        body = fresh_body;
        break;
      default:
        break;
    }
  }
  std::string out;
  out.reserve(message.size() + 4096);
  for (const Head::Field& field : head.fields)
    if (!field.gone) out += field.shown();
  return out.append(body);
}

}  // namespace winnow
