// regexp {}: rules that are expressions over patterns and functions.
#include <fmt/format.h>

#include <array>

#include "engine/score/evaluate.h"
#include "rules/compile/rule_parser.h"
#include "rules/lang/expression_atom.h"

namespace winnow {

namespace {

// Indices from here on stand for a definition instead of an atom, until they are put in place.
constexpr uint32_t kDefinition = 1u << 31;

constexpr std::string_view kSaid = "{said}";
constexpr std::string_view kPhrases = "PHRASES";  // what `phrases` are called in `re`

}  // namespace

// Puts the programs of definitions where they are named, and links the result.
Result<Program> RuleParser::expand(const Program& program) const {
  Program out;
  for (const Instruction& one : program) {
    if (one.op == Op::kAtom && one.atom >= kDefinition) {
      const Program& inner = definitions_[one.atom - kDefinition];
      out.insert(out.end(), inner.begin(), inner.end());
    } else {
      out.push_back(one);
    }
    if (out.size() > kInstructionsMax) return fail("the expression is too large");
  }
  if (!link_program(out)) return fail("the expression is too deep");
  return out;
}

// A definition without a name: one of `operands` is enough. REQUIRED: there is one.
Result<uint32_t> RuleParser::any_of(std::span<const uint32_t> operands) {
  std::string text = "x";
  for (size_t i = 1; i < operands.size(); ++i) text += " | x";
  size_t next = 0;
  Result<Program> any = parse_expression(
      text, ExpressionDialect::kRegexp,
      [&](std::string_view, size_t) -> Result<uint32_t> { return operands[next++]; });
  if (any) any = expand(*any);
  if (!any) return fail(any.error());
  definitions_.push_back(std::move(*any));
  return kDefinition + static_cast<uint32_t>(definitions_.size() - 1);
}

// The atom of the texts is made first: its columns are those of `atom`.
Result<uint32_t> RuleParser::said(std::string_view atom) {
  const std::string pattern(atom.substr(0, atom.size() - kSaid.size()));
  const Result<AtomId> texts = compiler_.atom(pattern + "{folded}");
  if (!texts) return fail(texts.error());
  const Result<AtomId> subject = compiler_.atom("Subject=" + pattern + "{folded}");
  if (!subject) return fail(subject.error());
  atoms.push_back(*subject);
  atoms.push_back(*texts);
  return any_of(std::array{index(*subject), index(*texts)});
}

Result<uint32_t> RuleParser::operand(std::string_view atom) {
  if (const auto known = numbers_.find(std::string(atom)); known != numbers_.end())
    return kDefinition + known->second;
  if (atom.starts_with('/') && atom.ends_with(kSaid)) return said(atom);
  Result<AtomId> id = compiler_.atom(atom);
  if (!id) return fail(id.error());
  atoms.push_back(*id);
  return index(*id);
}

Result<Program> RuleParser::parse(std::string_view text) {
  Result<Program> program =
      parse_expression(text, ExpressionDialect::kRegexp,
                       [&](std::string_view atom, size_t) { return operand(atom); });
  if (!program) return program;
  return expand(*program);
}

Result<void> RuleParser::define(std::string_view name, std::string_view text) {
  Result<Program> program = parse(text);
  if (!program) return fail(program.error());
  if (numbers_.try_emplace(std::string(name), static_cast<uint32_t>(definitions_.size())).second)
    definitions_.push_back(std::move(*program));
  return {};
}

Result<void> RuleParser::define_phrases(std::string_view name,
                                        std::span<const std::string_view> phrases,
                                        std::string_view scope) {
  std::vector<uint32_t> operands;
  for (size_t i = 0; i < phrases.size(); ++i) {
    const std::string atom = fmt::format("/{}/{{{}}}", phrases[i], scope);
    if (const Result<size_t> end = scan_regexp(atom, 0); end && *end != atom.size())
      return fail(fmt::format("phrase {}: a '/' in it must be escaped", i + 1));
    const Result<uint32_t> one = operand(atom);
    if (!one) return fail(fmt::format("phrase {}: {}", i + 1, one.error().what));
    operands.push_back(*one);
  }
  const Result<uint32_t> any = any_of(operands);
  if (!any) return fail(any.error());
  numbers_.try_emplace(std::string(name), *any - kDefinition);
  return {};
}

namespace {

// `phrases` and `scope` of a rule; what `rules show` says of them is added to `shown`.
Result<void> read_phrases(const UclObject& rule, RuleParser& parser, std::string& shown) {
  const std::vector<std::string_view> phrases = rule.strings("phrases");
  if (phrases.empty()) return {};
  const std::string_view scope = rule.string("scope", "said");
  shown = fmt::format("\n  where {} = one of these in {{{}}}", kPhrases, scope);
  for (const std::string_view phrase : phrases) shown += fmt::format("\n    /{}/", phrase);
  return parser.define_phrases(kPhrases, phrases, scope);
}

void compile_rule(Compiler& compiler, const UclObject& object) {
  const std::string_view name = object.key();
  const UclObject* const re = object.find("re");
  const UclObject* const text = re ? re : object.find("expression");
  const UclObject* const phrases = object.find("phrases");
  if (!text && !phrases) {
    compiler.warn(object, fmt::format("rule {} has no re; it is off", name));
    return;
  }
  const auto broken = [&](const UclObject& at, const Error& error) {
    compiler.warn(at, error.column ? fmt::format("rule {} is off: {} (byte {} of its expression)",
                                                 name, error.what, error.column)
                                   : fmt::format("rule {} is off: {}", name, error.what));
  };
  const SymbolId id = compiler.inserted(name);
  Symbol& symbol = compiler.set.model.symbols[index(id)];
  symbol.place = compiler.place(object);
  read_symbol(compiler, object, id, "regexp.*");
  if (compiler.set.model.symbols[index(id)].flags & static_cast<uint16_t>(SymbolFlag::kDisabled))
    return;

  RuleParser parser(compiler);
  std::string shown;
  if (Result<void> good = read_phrases(object, parser, shown); !good)
    return broken(*phrases, good.error());
  if (const UclObject* const definitions = object.find("define"))
    for (const UclObject& one : definitions->children())
      if (Result<void> good = parser.define(one.key(), one.text()); !good)
        return broken(one, good.error());
  const std::string_view expression = text ? text->last_value().text() : kPhrases;
  Result<Program> program = parser.parse(expression);
  if (!program) return broken(text ? *text : *phrases, program.error());

  compiler.set.judge.rules.push_back({.symbol = id, .program = std::move(*program)});
  RuleInfo info;
  info.symbol = id;
  info.expression = expression;
  if (const UclObject* const definitions = object.find("define"))
    for (const UclObject& one : definitions->children())
      info.expression += fmt::format("\n  where {} = {}", one.key(), one.text());
  info.expression += shown;
  info.atoms = std::move(parser.atoms);
  if (compiler.options.keep_tests) read_tests(compiler, object, info);
  compiler.set.rules.push_back(std::move(info));
}

}  // namespace

void compile_regexp_rules(Compiler& compiler, const UclObject& root) {
  const UclObject* const rules = root.find("regexp");
  if (!rules) return;
  for (const UclObject& section : rules->values())
    for (const UclObject& rule : section.children())
      if (rule.last_value().is_object()) compile_rule(compiler, rule.last_value());
}

namespace {

// Reads what stands in `object`; the rest of `to` stays.
void read_envelope(Compiler& compiler, const UclObject& object, TestEnvelope& to) {
  if (object.find("rcpt")) to.recipients.clear();
  for (const std::string_view rcpt : object.strings("rcpt")) to.recipients.emplace_back(rcpt);
  to.from_known |= object.find("from") != nullptr;
  to.from = object.string("from", to.from);
  to.ip = object.string("ip", to.ip);
  to.helo = object.string("helo", to.helo);
  to.hostname = object.string("hostname", to.hostname);
  to.user = object.string("user", to.user);
  to.now = object.string("now", to.now);
  if (const UclObject* const dns = object.find("dns"))
    to.records = read_fake_records(compiler, *dns);
}

}  // namespace

void read_tests(Compiler& compiler, const UclObject& rule, RuleInfo& info) {
  const UclObject* const tests = rule.find("test");
  if (!tests) return;
  for (const UclObject* const value : tests->list()) {
    RuleTest test;
    test.place = compiler.place(*value);
    test.mail = value->string("mail", "");
    for (const std::string_view miss : value->strings("miss")) test.misses.emplace_back(miss);
    for (const std::string_view mail : value->strings("miss_mail"))
      test.miss_mails.emplace_back(mail);
    for (const std::string_view option : value->strings("option"))
      test.options.emplace_back(option);
    for (const std::string_view now : value->strings("clocks")) test.clocks.emplace_back(now);
    read_envelope(compiler, *value, test.envelope);
    if (const UclObject* const withs = value->find("miss_with"))
      for (const UclObject* const with : withs->list()) {
        TestEnvelope envelope = test.envelope;
        read_envelope(compiler, *with, envelope);
        test.miss_withs.push_back(std::move(envelope));
      }
    info.tests.push_back(std::move(test));
  }
}

}  // namespace winnow
