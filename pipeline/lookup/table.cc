#include "pipeline/lookup/table.h"

#include "engine/ascii.h"

namespace winnow {

namespace {

constexpr uint32_t kTtl_s = 60;
constexpr int kCnamesMax = 8;
constexpr uint16_t kCname = 5;

constexpr std::pair<std::string_view, uint16_t> kTypes[] = {
    {"A", 1},     {"NS", 2},   {"CNAME", 5}, {"SOA", 6},   {"PTR", 12}, {"MX", 15},   {"TXT", 16},
    {"AAAA", 28}, {"SRV", 33}, {"DS", 43},   {"TLSA", 52}, {"SPF", 99}, {"ANY", 255}, {"CAA", 257}};

std::string normal_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return lowered(name);
}

}  // namespace

uint16_t dns_type(std::string_view name) {
  for (const auto& [known, type] : kTypes)
    if (equal_caseless(name, known)) return type;
  return 0;
}

std::string_view unknown_reason_text(UnknownReason reason) {
  switch (reason) {
    case UnknownReason::kTimeout:
      return "no server answered in time";
    case UnknownReason::kServerFailure:
      return "the server failed, or cannot be reached";
    case UnknownReason::kRefused:
      return "refused";
    case UnknownReason::kBroken:
      return "the answer is broken";
    default:
      return "unknown";
  }
}

std::string answer_text(const Question& question, const Answer& answer) {
  constexpr size_t kBytesMax = 500;
  std::string text;
  switch (answer.state) {
    case AnswerState::kOpen:
      text = "no answer before the deadline";
      break;
    case AnswerState::kNone:
      text = answer.name_exists ? "none of this type" : "no such name";
      break;
    case AnswerState::kUnknown:
      text = unknown_reason_text(answer.reason);
      break;
    case AnswerState::kValue:
      // Counts of tokens are no text.
      if (question.kind == QuestionKind::kStore) text = "there";
      for (size_t i = 0; i < answer.values.size() && question.kind != QuestionKind::kStore; ++i) {
        if (text.size() > kBytesMax) break;
        if (i > 0) text += ", ";
        text += answer.values[i].substr(0, kBytesMax);
      }
  }
  std::string source(answer.server);
  if (answer.age_s > 0)
    source += (source.empty() ? "" : ", ") + std::to_string(answer.age_s) + " s old";
  if (!source.empty()) text += " (" + source + ")";
  return text;
}

std::string_view dns_type_name(uint16_t type) {
  for (const auto& [known, number] : kTypes)
    if (type == number) return known;
  return {};
}

Result<void> AnswerTable::add(const TableRecord& record) {
  Record made;
  if (!record.type.empty()) {
    made.type = dns_type(record.type);
    if (made.type == 0) return fail("'" + record.type + "' is no DNS record type that is known");
  }
  const auto unknown = [&](UnknownReason reason) {
    made.state = AnswerState::kUnknown;
    made.reason = reason;
  };
  const std::string& rcode = record.rcode;
  if (rcode.empty() || equal_caseless(rcode, "noerror")) {
    made.values = record.replies;
    if (made.values.empty()) made.state = AnswerState::kNone;
  } else if (equal_caseless(rcode, "norec")) {
    made.state = AnswerState::kNone;
  } else if (equal_caseless(rcode, "nxdomain")) {
    made.state = AnswerState::kNone;
    made.name_exists = false;
  } else if (equal_caseless(rcode, "timeout")) {
    unknown(UnknownReason::kTimeout);
  } else if (equal_caseless(rcode, "servfail")) {
    unknown(UnknownReason::kServerFailure);
  } else if (equal_caseless(rcode, "refused")) {
    unknown(UnknownReason::kRefused);
  } else if (equal_caseless(rcode, "formerr") || equal_caseless(rcode, "notimp")) {
    unknown(UnknownReason::kBroken);
  } else {
    return fail("'" + rcode + "' is no rcode: use noerror, norec, nxdomain, timeout, servfail");
  }
  std::vector<Record>& rows = names_[normal_name(record.name)];
  for (Record& row : rows) {
    if (row.type == made.type && row.state == AnswerState::kValue && !made.values.empty()) {
      row.values.insert(row.values.end(), made.values.begin(), made.values.end());
      return {};
    }
  }
  rows.push_back(std::move(made));
  return {};
}

const AnswerTable::Record* AnswerTable::find(std::string_view name, uint16_t type,
                                             bool& exists) const {
  const auto at = names_.find(name);
  exists = at != names_.end();
  if (!exists) return nullptr;
  const Record* fallback = nullptr;
  for (const Record& record : at->second) {
    if (record.type == type) return &record;
    if (record.type == 0 || (record.type == kCname && !fallback)) fallback = &record;
  }
  return fallback;
}

Answer AnswerTable::answer(const Question& question, Arena& slab) const {
  Answer answer{.state = AnswerState::kUnknown, .reason = UnknownReason::kNoTable};
  if (question.kind != QuestionKind::kDns) return answer;
  std::string name = normal_name(question.key);
  for (int hop = 0; hop <= kCnamesMax; ++hop) {
    bool exists = false;
    const Record* record = find(name, question.type, exists);
    if (!record) {
      // A name with other records exists and has none of this type.
      if (!exists && absent_ == Absent::kUnknown) return answer;
      answer.state = AnswerState::kNone;
      answer.reason = UnknownReason::kNotUnknown;
      answer.name_exists = exists;
      return answer;
    }
    if (record->type == kCname && question.type != kCname && record->state == AnswerState::kValue) {
      name = normal_name(record->values.front());
      continue;
    }
    answer.state = record->state;
    answer.reason = record->reason;
    answer.name_exists = record->name_exists;
    answer.server = "fake_records";
    answer.ttl_s = record->state == AnswerState::kValue ? kTtl_s : 0;
    const std::span<std::string_view> values = slab.alloc<std::string_view>(record->values.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = slab.copy(record->values[i]);
    answer.values = values;
    return answer;
  }
  answer.reason = UnknownReason::kBroken;  // the chain of CNAMEs does not end
  return answer;
}

size_t AnswerTable::answer_open(Evidence& evidence) const {
  size_t count = 0;
  for (size_t i = 0; i < evidence.answers.size(); ++i) {
    if (evidence.answers[i].state != AnswerState::kOpen) continue;
    evidence.answers[i] = answer(evidence.questions[i], evidence.slab);
    ++count;
  }
  return count;
}

}  // namespace winnow
