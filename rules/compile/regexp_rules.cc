// regexp {}: rules that are expressions over patterns and functions.
#include <fmt/format.h>

#include "engine/score/evaluate.h"
#include "rules/compile/rule_parser.h"

namespace winnow {

namespace {

// Indices from here on stand for a definition instead of an atom, until they are put in place.
constexpr uint32_t kDefinition = 1u << 31;

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

Result<Program> RuleParser::parse(std::string_view text) {
  Result<Program> program = parse_expression(
      text, Dialect::kRegexp, [&](std::string_view atom, size_t) -> Result<uint32_t> {
        if (const auto known = numbers_.find(std::string(atom)); known != numbers_.end())
          return kDefinition + known->second;
        Result<AtomId> id = compiler_.atom(atom);
        if (!id) return fail(id.error());
        atoms.push_back(*id);
        return index(*id);
      });
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

namespace {

void compile_rule(Compiler& compiler, const UclObject& object) {
  const std::string_view name = object.key();
  const UclObject* const re = object.find("re");
  const UclObject* const text = re ? re : object.find("expression");
  if (!text) {
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
  read_symbol(compiler, object, id);
  if (compiler.set.model.symbols[index(id)].flags & static_cast<uint16_t>(SymbolFlag::kDisabled))
    return;

  RuleParser parser(compiler);
  if (const UclObject* const definitions = object.find("define"))
    for (const UclObject& one : definitions->children())
      if (Result<void> good = parser.define(one.key(), one.text()); !good)
        return broken(one, good.error());
  Result<Program> program = parser.parse(text->last_value().text());
  if (!program) return broken(*text, program.error());

  compiler.set.judge.rules.push_back({.symbol = id, .program = std::move(*program)});
  RuleInfo info;
  info.symbol = id;
  info.expression = text->last_value().text();
  if (const UclObject* const definitions = object.find("define"))
    for (const UclObject& one : definitions->children())
      info.expression += fmt::format("\n  where {} = {}", one.key(), one.text());
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
