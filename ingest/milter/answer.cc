#include "ingest/milter/answer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "engine/ascii.h"
#include "engine/mime/phrase.h"
#include "engine/score/render.h"

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

struct LessCaseless {
  bool operator()(std::string_view a, std::string_view b) const {
    return std::ranges::lexicographical_compare(a, b, {}, lower_ascii, lower_ascii);
  }
};

// Which of the headers that were seen are taken away. An MTA counts at each packet what is there
// by then: each is named once, for a second time would hit another one, as a header of ours.
class Removals {
 public:
  explicit Removals(const SeenHeaders& seen) : seen_(seen) {}

  // Position as in Rspamd's milter block: 0 all, n that occurrence, -n from the end.
  void add(std::string_view name, int32_t position) {
    const int64_t count = seen_.count(name);
    Occurrences& gone = gone_[name];
    if (std::ssize(gone) == count) return;  // many edits of one name cost no more than its headers
    const int64_t at = position < 0 ? count + position + 1 : position;
    const int64_t first = position == 0 ? 1 : at;
    const int64_t last = position == 0 ? count : at;
    if (first < 1 || last > count) return;
    for (int64_t i = first; i <= last; ++i) gone.insert(static_cast<uint32_t>(i));
  }

  // True of a header that was seen and stays.
  bool leave(std::string_view name, uint32_t at) const {
    const auto found = gone_.find(name);
    return at <= seen_.count(name) && (found == gone_.end() || !found->second.contains(at));
  }

  // Calls `use` with each name and occurrence, the last first: indexes of the others stay right.
  template <class Use>
  void each(Use use) const {
    for (const auto& [name, gone] : gone_)
      for (const uint32_t at : gone) use(name, at);
  }

 private:
  using Occurrences = std::set<uint32_t, std::greater<>>;
  const SeenHeaders& seen_;
  std::map<std::string_view, Occurrences, LessCaseless> gone_;
};

constexpr std::string_view kSubject = "Subject";

std::string folded_subject(std::string_view text) {
  return fold_unstructured(text, kSubject.size() + 2);
}

// A header's change as an edit has it.
bool is_change(const Edit& edit) {
  return edit.kind == EditKind::kChangeHeader || edit.kind == EditKind::kRewriteSubject;
}
std::string_view changed_name(const Edit& edit) {
  return edit.kind == EditKind::kRewriteSubject ? kSubject : edit.name;
}
std::string changed_value(const Edit& edit) {
  return edit.kind == EditKind::kRewriteSubject ? folded_subject(edit.value) : edit.value;
}
uint32_t changed_at(const Edit& edit) { return std::max(edit.position, 1); }

// Writes the packets of one message's edits.
struct EditWriter {
  const SeenHeaders& seen;
  const MilterAgreement& agreement;
  std::string& out;

  bool may(uint32_t action) const { return agreement.actions & action; }

  void header(char command, std::optional<uint32_t> at, std::string_view name,
              std::string_view value) {
    if (!may(command == 'm' ? MilterAgreement::kChangeHeaders : MilterAgreement::kAddHeaders))
      return;
    std::string data;
    if (at) append_be32(*at, data);
    append_field(name, data);
    // An MTA that keeps leading blanks puts none before what it is given.
    if (agreement.leading_space && !value.empty()) data.push_back(' ');
    append_field(value, data);
    packet(command, data, out);
  }

  void change(uint32_t at, std::string_view name, std::string_view value) {
    header('m', at, name, value);
  }

  // Position: 0 or -1 at the end; n is inserted at n; -n counts from the end of those seen.
  void add(const Edit& edit) {
    if (edit.position == 0 || edit.position == -1)
      return header('h', std::nullopt, edit.name, edit.value);
    int64_t at = edit.position;
    if (at < 0) at = std::max<int64_t>(0, int64_t{seen.all()} + at + 2);
    header('i', static_cast<uint32_t>(at), edit.name, edit.value);
  }

  // Changes a header, or adds it where there is none.
  void subject(std::string_view text) { change(1, kSubject, folded_subject(text)); }

  // What is changed where it stands is counted as it came: before anything goes or is added.
  bool in_place(const Edit& edit, const Removals& gone) const {
    return is_change(edit) && gone.leave(changed_name(edit), changed_at(edit));
  }

  void address(char command, uint32_t action, std::string_view text) {
    if (!may(action)) return;
    std::string data;
    const bool bare = text.empty() || text.front() != '<';
    append_field(bare ? "<" + std::string(text) + ">" : std::string(text), data);
    packet(command, data, out);
  }

  // In pieces that every MTA takes.
  void body(std::string_view bytes) {
    constexpr size_t kPiece = 65535;
    if (!may(MilterAgreement::kChangeBody)) return;
    do {
      packet('b', bytes.substr(0, kPiece), out);
      bytes.remove_prefix(std::min(bytes.size(), kPiece));
    } while (!bytes.empty());
  }

  void quarantine(std::string_view text) {
    if (!may(MilterAgreement::kQuarantine)) return;
    std::string data;
    append_field(text, data);
    packet('q', data, out);
  }

  void apply(const Edit& edit) {
    switch (edit.kind) {
      case EditKind::kAddHeader:
      case EditKind::kSignature:
        return add(edit);
      case EditKind::kRemoveHeader:
        return;  // gone already
      case EditKind::kChangeHeader:
      case EditKind::kRewriteSubject:
        return header('h', std::nullopt, changed_name(edit), changed_value(edit));
      case EditKind::kChangeFrom:
        return address('e', MilterAgreement::kChangeFrom, edit.value);
      case EditKind::kAddRecipient:
        return address('+', MilterAgreement::kAddRecipient, edit.value);
      case EditKind::kRemoveRecipient:
        return address('-', MilterAgreement::kDropRecipient, edit.value);
      case EditKind::kReplaceBody:
        return body(edit.value);
      case EditKind::kQuarantine:
        return quarantine(edit.value);
    }
  }

  // Changes in place, then what goes, then what comes.
  void apply_all(std::span<const Edit> edits, const Removals& gone) {
    for (const Edit& edit : edits)
      if (in_place(edit, gone)) change(changed_at(edit), changed_name(edit), changed_value(edit));
    gone.each([&](std::string_view name, uint32_t at) { change(at, name, ""); });
    for (const Edit& edit : edits)
      if (!in_place(edit, gone)) apply(edit);
  }
};

// An SMTP reply is one line here: control characters would end it or hide in logs.
void smtp_reply(std::string_view code, std::string_view text, std::string& out) {
  std::string data(code);
  for (const char c : text) data.push_back(static_cast<uint8_t>(c) < 0x20 || c == 0x7f ? ' ' : c);
  data.push_back('\0');
  packet('y', data, out);
}

}  // namespace

MilterReply milter_reply(const ScoreModel& model, const Verdict& verdict) {
  return {.action = model.actions[index(verdict.action)].name,
          .message = smtp_message(verdict),
          .subject = verdict.subject,
          .flags = model.actions[index(verdict.action)].flags,
          .edits = verdict.edits};
}

void render_milter(const MilterReply& reply, const MilterOptions& options, const SeenHeaders& seen,
                   const MilterAgreement& agreement, std::string& out) {
  EditWriter writer{seen, agreement, out};
  const bool fated = reply.flags & (static_cast<uint8_t>(ActionFlag::kDiscard) |
                                    static_cast<uint8_t>(ActionFlag::kQuarantine));
  const SpamMark usual{{}, "Yes"};
  std::span<const SpamMark> marks;
  if (reply.action == "add header" && !fated) marks = reply.marks.value_or(std::span(&usual, 1));
  const auto name_of = [&](const SpamMark& mark) -> std::string_view {
    return mark.name.empty() ? options.spam_header : mark.name;
  };
  Removals gone(seen);
  for (const Edit& edit : reply.edits)
    if (edit.kind == EditKind::kRemoveHeader) gone.add(edit.name, edit.position);
  for (const SpamMark& mark : marks) gone.add(name_of(mark), 0);
  writer.apply_all(reply.edits, gone);
  const auto text = [&](const std::string& otherwise) {
    return reply.message.empty() ? std::string_view(otherwise) : reply.message;
  };
  const auto quarantine = [&] {
    // Letting it through would be worse than asking again.
    if (!writer.may(MilterAgreement::kQuarantine)) return render_milter_tempfail(out);
    writer.quarantine(text(options.quarantine_message));
    packet('a', {}, out);
  };
  if (reply.action == "reject") {
    if (options.discard_on_reject) return packet('d', {}, out);
    if (options.quarantine_on_reject) return quarantine();
    return smtp_reply("554 5.7.1 ", text(options.reject_message), out);
  }
  if (reply.action == "soft reject")
    return smtp_reply("451 4.7.1 ", text(options.tempfail_message), out);
  if (reply.flags & static_cast<uint8_t>(ActionFlag::kDiscard)) return packet('d', {}, out);
  if (reply.flags & static_cast<uint8_t>(ActionFlag::kQuarantine)) return quarantine();
  if (reply.action == "rewrite subject" && !reply.subject.empty()) writer.subject(reply.subject);
  for (const SpamMark& mark : marks)
    if (!mark.value.empty()) writer.change(1, name_of(mark), mark.value);
  packet('a', {}, out);
}

void render_milter_tempfail(std::string& out) { packet('t', {}, out); }

}  // namespace winnow
