#include "rules/checks/auth/arc_chain.h"

#include <charconv>

#include "rules/checks/auth/tag_list.h"

namespace winnow {

namespace {

uint32_t instance_of(const Header& header) {
  const std::string_view text = arc_tag(header.unfolded, "i");
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Notes header number `at`; false where its instance has one already.
bool note(std::array<uint32_t, kArcInstancesMax + 1>& of, uint32_t instance, uint32_t at) {
  if (of[instance] != kNoIndex) return false;
  of[instance] = at;
  return true;
}

std::string_view seal_fault(const Header& header, uint32_t instance) {
  const std::string_view cv = arc_tag(header.unfolded, "cv");
  if (cv.empty()) return "no cv";
  return instance == 1 && !equal_caseless(cv, "none") ? "first cv is not none" : "";
}

// Leaves out a comment or a quoted string that begins at `at`; returns the place behind it.
size_t skip_enclosed(std::string_view text, size_t at) {
  const char open = text[at++];
  size_t depth = 1;
  for (; at < text.size() && depth > 0; ++at) {
    if (text[at] == '\\')
      ++at;
    else if (open == '(' && text[at] == '(')
      ++depth;
    else if (text[at] == (open == '(' ? ')' : '"'))
      --depth;
  }
  return std::min(at, text.size());
}

void skip_blanks(std::string_view text, size_t& at) {
  while (at < text.size() && (is_blank_ascii(text[at]) || text[at] == '('))
    at = text[at] == '(' ? skip_enclosed(text, at) : at + 1;
}

// The first word of a clause that begins at `at`: letters up to what ends a word.
std::string_view clause_word(std::string_view text, size_t& at) {
  skip_blanks(text, at);
  const size_t begin = at;
  while (at < text.size() && !is_blank_ascii(text[at]) &&
         std::string_view(";=()\"/").find(text[at]) == std::string_view::npos)
    ++at;
  return text.substr(begin, at - begin);
}

}  // namespace

std::string_view arc_tag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const size_t semicolon = std::min(list.find(';'), list.size());
    const std::string_view text = list.substr(0, semicolon);
    list.remove_prefix(std::min(semicolon + 1, list.size()));
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos && equal_caseless(trimmed(text.substr(0, equals)), tag))
      return trimmed(text.substr(equals + 1));
  }
  return {};
}

std::string_view recorded_result(std::string_view results, std::string_view method) {
  std::string_view found;
  for (size_t at = 0; at < results.size();) {
    if (const std::string_view name = clause_word(results, at); equal_caseless(name, method)) {
      skip_blanks(results, at);
      if (at < results.size() && results[at] == '/') clause_word(results, ++at);  // a version
      skip_blanks(results, at);
      if (at < results.size() && results[at] == '=') {
        const std::string_view result = clause_word(results, ++at);
        if (found.empty() || equal_caseless(result, "pass")) found = result;
      }
    }
    while (at < results.size() && results[at] != ';')
      at = results[at] == '(' || results[at] == '"' ? skip_enclosed(results, at) : at + 1;
    ++at;
  }
  return found;
}

ArcChain read_arc_chain(std::span<const Header> headers) {
  ArcChain chain;
  for (auto* const of : {&chain.results, &chain.signatures, &chain.seals}) of->fill(kNoIndex);
  uint32_t seals = 0, signatures = 0;
  for (uint32_t i = 0; i < headers.size(); ++i) {
    const HeaderId id = headers[i].id;
    const bool seal = id == header_id(known::kArcSeal);
    const bool signature = id == header_id(known::kArcMessageSignature);
    if (!seal && !signature && id != header_id(known::kArcAuthenticationResults)) continue;
    seals += seal;
    signatures += signature;
    const uint32_t instance = instance_of(headers[i]);
    if (instance == 0 || instance > kArcInstancesMax) {
      std::string_view& fault = seal || signature ? chain.invalid : chain.broken;
      if (fault.empty()) fault = "invalid instance";
      continue;
    }
    auto& of = seal ? chain.seals : signature ? chain.signatures : chain.results;
    if (!note(of, instance, i) && chain.broken.empty()) chain.broken = "an instance stands twice";
    if (seal && chain.invalid.empty()) chain.invalid = seal_fault(headers[i], instance);
  }
  chain.has_seal = seals > 0;
  chain.has_signature = signatures > 0;
  chain.sets = std::min(seals, kArcInstancesMax);
  if (chain.invalid.empty() && seals != signatures) chain.invalid = "counts differ";
  if (chain.invalid.empty() && seals > kArcInstancesMax) chain.invalid = "instances have gaps";
  for (uint32_t i = 1; i <= chain.sets; ++i) {
    if (chain.invalid.empty() && (chain.seals[i] == kNoIndex || chain.signatures[i] == kNoIndex))
      chain.invalid = "instances have gaps";
    if (chain.broken.empty() && chain.results[i] == kNoIndex)
      chain.broken = "an instance has no authentication results";
  }
  return chain;
}

}  // namespace winnow
