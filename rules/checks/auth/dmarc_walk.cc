#include "rules/checks/auth/dmarc_walk.h"

namespace winnow {

namespace {

std::string_view above(std::string_view domain) {
  const size_t dot = domain.find('.');
  return dot == std::string_view::npos ? std::string_view() : domain.substr(dot + 1);
}

size_t labels(std::string_view domain) {
  size_t count = 1;
  for (const char c : domain) count += c == '.';
  return count;
}

DnsName policy_name(std::string_view domain) {
  DnsName name;
  name.append("_dmarc.");
  name.append(domain);
  name.close();
  return name;
}

// The only record among the answers; several are none (4.10 step 2).
bool only_record(const Answer& answer, DmarcRecord& record) {
  size_t count = 0;
  for (const std::string_view value : answer.values) {
    DmarcRecord one;
    if (parse_dmarc_record(value, one) == DmarcParse::kNoRecord) continue;
    if (count++ == 0) record = one;
  }
  return count == 1;
}

// The name one label longer than `shorter` on the way down to `domain`.
std::string_view one_below(std::string_view domain, std::string_view shorter) {
  while (labels(domain) > labels(shorter) + 1) domain = above(domain);
  return domain;
}

// 4.10.2: psd=n is the organisation itself, psd=y stands right above it, else the shortest.
void find_organisation(std::string_view domain, DmarcWalk& walk) {
  walk.organisation = domain;
  for (size_t i = 0; i < walk.count; ++i) {
    const DmarcStep& step = walk.steps[i];
    if (!step.has_record) continue;
    if (step.record.psd == DmarcPsd::kYes && i > 0) {
      walk.organisation = one_below(domain, step.domain);
      return;
    }
    walk.organisation = step.domain;
    if (step.record.psd == DmarcPsd::kNo) return;
  }
}

// 4.10.1: the domain's own record, else its organisation's, else that of the public suffix.
void find_policy(DmarcWalk& walk) {
  const auto use = [&](size_t i) {
    if (walk.policy == kDmarcWalkMax && i < walk.count && walk.steps[i].has_record) walk.policy = i;
  };
  use(0);
  for (size_t i = 1; i < walk.count; ++i)
    if (walk.steps[i].domain == walk.organisation) use(i);
  for (size_t i = 1; i < walk.count; ++i)
    if (walk.steps[i].record.psd == DmarcPsd::kYes) use(i);
}

}  // namespace

size_t walk_names(std::string_view domain, std::array<std::string_view, kDmarcWalkMax>& names) {
  size_t count = 0;
  names[count++] = domain;
  std::string_view next = above(domain);
  while (!next.empty() && labels(next) > kDmarcWalkMax - 1) next = above(next);
  for (; !next.empty() && count < kDmarcWalkMax; next = above(next)) names[count++] = next;
  return count;
}

DmarcWalk walk_dmarc(std::string_view domain, Judgement& judgement) {
  DmarcWalk walk;
  std::array<std::string_view, kDmarcWalkMax> names;
  const size_t count = walk_names(domain, names);
  std::array<const Answer*, kDmarcWalkMax> answers{};
  bool waiting = false;
  for (size_t i = 0; i < count; ++i) {
    const DnsName name = policy_name(names[i]);
    if (name.empty()) continue;
    answers[i] = judgement.ask(QuestionKind::kDns, rr::kTxt, name.view());
    waiting |= !answers[i];
  }
  if (waiting) return walk;
  for (size_t i = 0; i < count; ++i) {
    DmarcStep& step = walk.steps[walk.count++];
    step.domain = names[i];
    if (!answers[i]) continue;
    if (answers[i]->state == AnswerState::kUnknown) {
      walk.state = WalkState::kUnknown;
      walk.unasked = is_unasked(*answers[i]);
      return walk;
    }
    step.has_record = only_record(*answers[i], step.record);
    if (step.has_record && step.record.psd != DmarcPsd::kUnsaid) break;  // the walk stops
  }
  walk.state = WalkState::kDone;
  find_organisation(domain, walk);
  find_policy(walk);
  return walk;
}

}  // namespace winnow
