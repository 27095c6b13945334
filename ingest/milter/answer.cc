#include "ingest/milter/answer.h"

#include <algorithm>

namespace winnow {

namespace {

void append_be32(uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void packet(char command, std::string_view data, std::string& out) {
  append_be32(static_cast<uint32_t>(data.size() + 1), out);
  out.push_back(command);
  out.append(data);
}

// A field ends at its NUL: one inside would end it early, and so would smuggle another.
void append_field(std::string_view text, std::string& out) {
  for (const char c : text)
    if (c != '\0') out.push_back(c);
  out.push_back('\0');
}

void header_packet(char command, bool indexed, uint32_t index, std::string_view name,
                   std::string_view value, std::string& out) {
  std::string data;
  if (indexed) append_be32(index, data);
  append_field(name, data);
  append_field(value, data);
  packet(command, data, out);
}

void change_header(uint32_t index, std::string_view name, std::string_view value,
                   std::string& out) {
  header_packet('m', true, index, name, value, out);
}

// Position as in Rspamd's milter block: 0 all, last to first (indexes of the others stay right);
// n that occurrence; -n from the end. Only headers that were seen.
void remove_header(const Edit& edit, const SeenHeaders& seen, std::string& out) {
  const int64_t count = seen.count(edit.name);
  if (edit.position == 0) {
    for (int64_t i = count; i > 0; --i) change_header(static_cast<uint32_t>(i), edit.name, "", out);
    return;
  }
  const int64_t index = edit.position > 0 ? edit.position : count + edit.position + 1;
  if (index >= 1 && index <= count) change_header(static_cast<uint32_t>(index), edit.name, "", out);
}

// Position: 0 or -1 at the end; n is inserted at n; -n counts from the end of those seen.
void add_header(const Edit& edit, const SeenHeaders& seen, std::string& out) {
  if (edit.position == 0 || edit.position == -1)
    return header_packet('h', false, 0, edit.name, edit.value, out);
  int64_t index = edit.position;
  if (index < 0) index = std::max<int64_t>(0, int64_t{seen.all()} + index + 2);
  header_packet('i', true, static_cast<uint32_t>(index), edit.name, edit.value, out);
}

void address_packet(char command, std::string_view address, std::string& out) {
  std::string data;
  const bool bare = address.empty() || address.front() != '<';
  append_field(bare ? "<" + std::string(address) + ">" : std::string(address), data);
  packet(command, data, out);
}

void apply(const Edit& edit, const SeenHeaders& seen, std::string& out) {
  std::string data;
  switch (edit.kind) {
    case EditKind::kAddHeader:
      return add_header(edit, seen, out);
    case EditKind::kRemoveHeader:
      return remove_header(edit, seen, out);
    case EditKind::kChangeHeader:
      return change_header(edit.position > 0 ? static_cast<uint32_t>(edit.position) : 1, edit.name,
                           edit.value, out);
    case EditKind::kRewriteSubject:
      return change_header(1, "Subject", edit.value, out);
    case EditKind::kChangeFrom:
      return address_packet('e', edit.value, out);
    case EditKind::kAddRecipient:
      return address_packet('+', edit.value, out);
    case EditKind::kRemoveRecipient:
      return address_packet('-', edit.value, out);
    case EditKind::kReplaceBody:
      return packet('b', edit.value, out);
    case EditKind::kQuarantine:
      append_field(edit.value, data);
      return packet('q', data, out);
  }
}

// An SMTP reply is one line here: control characters would end it or hide in logs.
void smtp_reply(std::string_view code, std::string_view text, std::string& out) {
  std::string data(code);
  for (const char c : text) data.push_back(static_cast<uint8_t>(c) < 0x20 || c == 0x7f ? ' ' : c);
  data.push_back('\0');
  packet('y', data, out);
}

void quarantine(std::string_view text, std::string& out) {
  std::string data;
  append_field(text, data);
  packet('q', data, out);
  packet('a', {}, out);
}

}  // namespace

MilterReply milter_reply(const ScoreModel& model, const Verdict& verdict) {
  MilterReply reply{.action = model.actions[index(verdict.action)].name,
                    .message = {},
                    .subject = verdict.subject,
                    .edits = verdict.edits};
  if (verdict.forced_by != kNoIndex && !verdict.pre_results[verdict.forced_by].no_smtp_message)
    reply.message = verdict.pre_results[verdict.forced_by].message;
  return reply;
}

void render_milter(const MilterReply& reply, const MilterOptions& options, const SeenHeaders& seen,
                   std::string& out) {
  for (const Edit& edit : reply.edits) apply(edit, seen, out);
  const auto text = [&](const std::string& otherwise) {
    return reply.message.empty() ? std::string_view(otherwise) : reply.message;
  };
  if (reply.action == "reject") {
    if (options.discard_on_reject) return packet('d', {}, out);
    if (options.quarantine_on_reject) return quarantine(text(options.quarantine_message), out);
    return smtp_reply("554 5.7.1 ", text(options.reject_message), out);
  }
  if (reply.action == "soft reject")
    return smtp_reply("451 4.7.1 ", text(options.tempfail_message), out);
  if (reply.action == "discard") return packet('d', {}, out);
  if (reply.action == "quarantine") return quarantine(text(options.quarantine_message), out);
  if (reply.action == "rewrite subject" && !reply.subject.empty())
    change_header(1, "Subject", reply.subject, out);
  if (reply.action == "add header") {
    remove_header({.kind = EditKind::kRemoveHeader, .name = options.spam_header, .value = {}}, seen,
                  out);
    change_header(1, options.spam_header, "Yes", out);
  }
  packet('a', {}, out);
}

void render_milter_tempfail(std::string& out) { packet('t', {}, out); }

}  // namespace winnow
