#include <fmt/format.h>
#include <gtest/gtest.h>
#include <xxhash.h>
#include <zstd.h>

#include <random>

#include "engine/little_endian.h"
#include "engine/mime/header_names.h"
#include "engine/score/evaluate.h"
#include "engine/score/render.h"
#include "ingest/evidence/needs.h"
#include "ingest/evidence/reader.h"
#include "tests/unit/score/model_builder.h"

namespace winnow {

struct CheckPlan {
  SymbolId found, unknown;
};

namespace {

using namespace test;

Instruction atom(uint32_t id) { return {.op = Op::kAtom, .arity = 0, .atom = id}; }

// Asks "N.example", and then for what the answer says.
Judged ask_twice(const CheckPlan& plan, const Evidence& evidence, Judgement& judgement) {
  const std::string key = fmt::format("{}.example", evidence.sequence % 7);
  for (int hop = 0; hop < 2; ++hop) {
    const Answer* answer = judgement.ask(QuestionKind::kDns, 16, hop ? "second" : key);
    if (!answer) return Judged::kWaiting;
    if (answer->state == AnswerState::kUnknown) judgement.insert(plan.unknown, 1, key);
    if (answer->state == AnswerState::kValue) judgement.insert(plan.found, 1, answer->values[0]);
  }
  return Judged::kDone;
}

// A rule set of 40 symbols, 30 atoms and one check, and evidence made by chance.
struct World {
  ScoreModel model = base_model();
  JudgePlan plan;
  CheckPlan check;
  HeaderNames headers;
  std::vector<std::string> atom_names;
  EvidenceNames names;

  explicit World(bool reversed = false) {
    for (uint32_t i = 0; i < 40; ++i) {
      const uint32_t k = reversed ? 39 - i : i;
      add_symbol(model, fmt::format("S{}", k), 0.1 * k - 1);
    }
    for (uint32_t i = 0; i < 30; ++i)
      atom_names.push_back(fmt::format("/a{}/", reversed ? 29 - i : i));
    model.check_all_filters = true;  // the check asks whatever the score
    check = {model.find_symbol("S38"), model.find_symbol("S39")};
    plan.model = &model;
    plan.atoms = 30;
    // By number and not by id, so that both orders have the same rules in the same order.
    for (uint32_t r = 0; r < 30; ++r) {
      const auto id = [&](uint32_t n) { return reversed ? 29 - n % 30 : n % 30; };
      plan.rules.push_back({model.find_symbol(fmt::format("S{}", r)),
                            {atom(id(r)), atom(id(r * 7 + 3)), {.op = Op::kOr, .arity = 2}}});
    }
    plan.checks = {{.check = CheckId{0},
                    .plan = &check,
                    .judge = ask_twice,
                    .seals = static_cast<uint32_t>(Sealed::kUrls)}};
    EXPECT_TRUE(index_judge_plan(plan));
    for (const Symbol& symbol : model.symbols)
      names.of(wev::Names::kSymbols).push_back(symbol.name);
    for (const std::string& name : atom_names) names.of(wev::Names::kAtoms).push_back(name);
    for (uint32_t i = 0; i < headers.size(); ++i)
      names.of(wev::Names::kHeaders).push_back(headers.name(static_cast<HeaderId>(i)));
    names.of(wev::Names::kChecks) = {"asker"};
  }

  void fill(Evidence& e, uint64_t sequence) const {
    std::mt19937 random(static_cast<uint32_t>(sequence) + 1);
    const auto text = [&](std::string_view what) {
      return e.slab.copy(fmt::format("{}{}", what, random() % 1000));
    };
    e.clear();
    e.sequence = sequence;
    e.rules_identity = 0xABCDEF0123456789;
    e.source = text("box:");
    e.subject = text("subject \xC3\xA9 ");
    e.message_id = e.facts.message_id_value = text("id@");
    e.label = sequence % 2 ? "spam" : "ham";
    e.envelope.from = text("from@");
    e.envelope.ip.family = 4;
    e.envelope.ip.bytes[15] = 9;
    e.envelope.now_ms = -5 + static_cast<int64_t>(sequence);
    e.facts.faults.set(Fault::kHeaderNul);
    e.facts.date = 1'700'000'000;
    e.facts.digest[3] = 7;
    e.sealed = static_cast<uint32_t>(Sealed::kUrls) | static_cast<uint32_t>(Sealed::kAddresses);
    const std::span<std::string_view> rcpts = e.slab.alloc<std::string_view>(2);
    rcpts[0] = text("rcpt@");
    rcpts[1] = {};
    e.recipients = rcpts;
    std::vector<AtomCount> atoms;
    for (uint32_t a = 0; a < 30; ++a)
      if (random() % 3 == 0)
        atoms.push_back({AtomId{a},
                         1 + static_cast<uint32_t>(random() % 3),
                         {.scope = ScopeKind::kUrl, .item = a, .begin = 1, .end = 2}});
    e.atoms = e.slab.copy(std::span<const AtomCount>(atoms));
    std::vector<SymbolFact> symbols;
    for (int i = 0; i < 6; ++i)
      symbols.push_back({SymbolId{30 + static_cast<uint32_t>(random() % 8)},
                         static_cast<double>(random() % 100) / 7,
                         text("opt"),
                         {}});
    e.symbols = e.slab.copy(std::span<const SymbolFact>(symbols));
    const std::span<Header> header = e.slab.alloc<Header>(1);
    header[0] = {};
    header[0].id = header_id(known::kXMailer);
    header[0].decoded = text("mailer");
    e.headers = header;
    const std::span<Url> urls = e.slab.alloc<Url>(2);
    for (Url& url : urls) {
      url = {};
      url.host = text("host");
      url.hash = random();
      url.port = 65535;
    }
    e.urls = urls;
    const std::span<Address> addresses = e.slab.alloc<Address>(1);
    addresses[0] = {};
    addresses[0].address = text("a@");
    e.addresses = addresses;
  }

  // Judges to the end; each question gets an answer that follows from its key.
  std::string verdict(Evidence& e, UnknownReason unanswerable = UnknownReason::kNotUnknown) const {
    static JudgeScratch scratch;
    static Verdict verdict;
    const JudgeInput input{.unanswerable = unanswerable};
    while (judge(plan, input, scratch, e, verdict) == Judged::kWaiting) {
      for (size_t i = 0; i < e.questions.size(); ++i) {
        if (e.answers[i].state != AnswerState::kOpen) continue;
        const std::span<std::string_view> values = e.slab.alloc<std::string_view>(1);
        values[0] = e.questions[i].key;
        e.answers[i] = {.state = AnswerState::kValue,
                        .ttl_s = 60,
                        .values = values,
                        .age_s = 7,
                        .server = "192.0.2.53:53"};
        if (e.questions[i].key == "3.example")
          e.answers[i] = {.state = AnswerState::kUnknown, .reason = UnknownReason::kTimeout};
      }
    }
    std::string out;
    render_json_fields(make_render_plan(model), e, verdict, out);
    return out;
  }

  std::string write(uint64_t messages, EvidenceLevel level, std::vector<std::string>* verdicts) {
    std::string file;
    EvidenceWriter writer(
        [&](std::string_view bytes) {
          file += bytes;
          return Result<void>();
        },
        names, level);
    Evidence e;
    for (uint64_t i = 0; i < messages; ++i) {
      fill(e, i);
      const std::string text = verdict(e);
      if (verdicts) verdicts->push_back(text);
      EXPECT_TRUE(writer.add(e));
    }
    EXPECT_TRUE(writer.finish());
    return file;
  }
};

TEST(EvidenceFile, replay_gives_the_same_verdict_bytes) {
  World world;
  std::vector<std::string> verdicts;
  const std::string file = world.write(600, EvidenceLevel::kFull, &verdicts);
  EXPECT_EQ(file, world.write(600, EvidenceLevel::kFull, nullptr)) << "the bytes are determined";
  auto reader = EvidenceReader::open(file, world.names);
  ASSERT_TRUE(reader) << reader.error().text();
  Evidence e, original;
  size_t values = 0;
  for (uint64_t i = 0;; ++i) {
    auto more = reader->next(e);
    ASSERT_TRUE(more) << more.error().text();
    if (!*more) {
      EXPECT_EQ(i, 600u);
      EXPECT_GT(values, 100u);
      break;
    }
    world.fill(original, i);
    EXPECT_EQ(e.sequence, i);
    EXPECT_EQ(e.source, original.source);
    EXPECT_EQ(e.label, original.label);
    EXPECT_EQ(e.envelope.now_ms, original.envelope.now_ms);
    EXPECT_EQ(e.urls.size(), 2u);
    EXPECT_EQ(e.urls[1].hash, original.urls[1].hash);
    EXPECT_EQ(e.urls[1].port, 65535);
    EXPECT_EQ(e.headers[0].decoded, original.headers[0].decoded);
    EXPECT_EQ(e.recipients[0], original.recipients[0]);
    EXPECT_EQ(e.facts.digest[3], 7);
    const size_t questions = e.questions.size();
    for (const Answer& answer : e.answers) {
      if (answer.state != AnswerState::kValue) continue;
      ++values;
      EXPECT_EQ(answer.age_s, 7u);
      EXPECT_EQ(answer.server, "192.0.2.53:53");
    }
    EXPECT_EQ(world.verdict(e, UnknownReason::kNotReplayed), verdicts[i]);
    EXPECT_EQ(e.questions.size(), questions) << "nothing new was asked";
    EXPECT_TRUE(checks_without_evidence(world.plan, world.names, e).empty());
  }
  EXPECT_TRUE(rules_without_atoms(world.plan, world.names, *reader).empty());
  EXPECT_EQ(reader->dropped(), 0u);
}

TEST(EvidenceFile, ids_are_mapped_by_name) {
  World world, reversed(true);
  const std::string file = world.write(50, EvidenceLevel::kFull, nullptr);
  auto reader = EvidenceReader::open(file, reversed.names);
  ASSERT_TRUE(reader);
  Evidence e, original;
  for (uint64_t i = 0; i < 50; ++i) {
    auto more = reader->next(e);
    ASSERT_TRUE(more && *more);
    world.fill(original, i);
    ASSERT_EQ(e.symbols.size(), original.symbols.size());
    for (size_t k = 0; k < e.symbols.size(); ++k)
      EXPECT_EQ(reversed.model.symbols[index(e.symbols[k].symbol)].name,
                world.model.symbols[index(original.symbols[k].symbol)].name);
    // Same rules, so the same symbols with the same scores.
    EXPECT_EQ(reversed.verdict(e), world.verdict(original));
  }
}

TEST(EvidenceFile, what_is_new_or_gone_is_named_or_dropped) {
  World world, changed;
  const std::string file = world.write(20, EvidenceLevel::kFull, nullptr);
  changed.names.of(wev::Names::kAtoms)[4] = "/new/";
  changed.names.of(wev::Names::kSymbols)[33] = "NEW";
  auto reader = EvidenceReader::open(file, changed.names);
  ASSERT_TRUE(reader);
  Evidence e;
  while (*reader->next(e)) {
    for (const AtomCount& a : e.atoms) EXPECT_NE(a.atom, AtomId{4});
    for (const SymbolFact& s : e.symbols) EXPECT_NE(s.symbol, SymbolId{33});
  }
  EXPECT_GT(reader->dropped(), 0u);
  const auto missing = rules_without_atoms(changed.plan, changed.names, *reader);
  ASSERT_EQ(missing.size(), 2u) << "rule 4 and the one that also reads atom 4";
  EXPECT_EQ(missing[0], "S4: the file was written without /new/");

  e.sealed = 0;
  e.questions = {{.check = CheckId{0}, .key = "k.example"}};
  e.answers = {{.state = AnswerState::kUnknown, .reason = UnknownReason::kNotReplayed}};
  const auto checks = checks_without_evidence(changed.plan, changed.names, e);
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0], "asker: not sealed: urls");
  EXPECT_EQ(checks[1], "asker: not recorded: k.example");
}

TEST(EvidenceFile, levels_leave_out_what_they_say) {
  World world;
  for (const EvidenceLevel level : {EvidenceLevel::kHashed, EvidenceLevel::kHits}) {
    const std::string file = world.write(1, level, nullptr);
    auto reader = EvidenceReader::open(file, world.names);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->level(), level);
    Evidence e, original;
    ASSERT_TRUE(*reader->next(e));
    world.fill(original, 0);
    EXPECT_EQ(e.atoms.size(), original.atoms.size());
    EXPECT_EQ(e.symbols.size(), original.symbols.size());
    EXPECT_EQ(e.facts.faults.bits, original.facts.faults.bits);
    EXPECT_TRUE(e.urls.empty() && e.headers.empty() && e.questions.empty());
    EXPECT_FALSE(e.envelope.ip.valid());
    EXPECT_EQ(e.label, "ham");
    if (level == EvidenceLevel::kHashed) {
      const std::string_view from = original.envelope.from;
      EXPECT_EQ(e.envelope.from, fmt::format("#{:016x}", XXH3_64bits(from.data(), from.size())));
      EXPECT_EQ(e.addresses[0].address.substr(0, 1), "#");
      EXPECT_EQ(e.recipients[0].size(), 17u);
      EXPECT_EQ(e.recipients[1], "");
      EXPECT_EQ(e.symbols[0].option[0], '#');
      EXPECT_EQ(e.sealed, static_cast<uint32_t>(Sealed::kAddresses));
    } else {
      EXPECT_EQ(e.envelope.from, "");
      EXPECT_TRUE(e.addresses.empty() && e.recipients.empty());
      EXPECT_EQ(e.symbols[0].option, "");
      EXPECT_EQ(e.sealed, 0u);
    }
  }
}

// Copies the file block by block through `change`, which may alter a block or add others.
template <class F>
std::string rewrite(const std::string& file, F change) {
  std::string out = file.substr(0, wev::kFileHeadBytes);
  for (size_t at = wev::kFileHeadBytes; at < file.size();) {
    const auto kind = read_little<uint32_t>(file.data() + at);
    const size_t size = wev::kBlockHeadBytes + read_little<uint64_t>(file.data() + at + 16);
    change(kind, std::string_view(file).substr(at, size), out);
    at += size;
  }
  return out;
}

TEST(EvidenceFile, unknown_blocks_are_skipped) {
  World world;
  const std::string file = world.write(3, EvidenceLevel::kFull, nullptr);
  const std::string more = rewrite(file, [](uint32_t, std::string_view block, std::string& out) {
    EXPECT_TRUE(wev::append_block(9, "future", true, out));
    EXPECT_TRUE(wev::append_block(wev::kFirstTable + 77, std::string(100, 'x'), true, out));
    out += block;
  });
  // A table block of the future may not stand before the schema: drop the first ones.
  const std::string ok =
      rewrite(file, [n = 0](uint32_t, std::string_view block, std::string& out) mutable {
        if (n++ >= 2) {
          EXPECT_TRUE(wev::append_block(wev::kFirstTable + 77, "x", false, out));
        }
        EXPECT_TRUE(wev::append_block(9, "future", true, out));
        out += block;
      });
  EXPECT_FALSE(EvidenceReader::open(more, world.names));
  auto reader = EvidenceReader::open(ok, world.names);
  ASSERT_TRUE(reader) << reader.error().text();
  Evidence e;
  int count = 0;
  for (;; ++count) {
    auto next = reader->next(e);
    ASSERT_TRUE(next) << next.error().text();
    if (!*next) break;
  }
  EXPECT_EQ(count, 3);
}

TEST(EvidenceFile, other_schemas_are_read_as_far_as_they_agree) {
  World world;
  const std::string file = world.write(1, EvidenceLevel::kFull, nullptr);
  // The recipients get a second column, the URLs a schema of another kind.
  const std::string changed =
      rewrite(file, [](uint32_t kind, std::string_view block, std::string& out) {
        if (kind == wev::kSchema) {
          std::string raw;
          wev::put_varint(raw, wev::kTables);
          for (size_t t = 0; t < wev::kTables; ++t) {
            wev::put_varint(raw, t);
            std::string types = wev::schema_of(static_cast<wev::Table>(t));
            if (t == static_cast<size_t>(wev::Table::kRecipients)) types += 'u';
            if (t == static_cast<size_t>(wev::Table::kUrls)) types[0] = 's';
            wev::put_text(raw, types);
          }
          EXPECT_TRUE(wev::append_block(wev::kSchema, raw, true, out));
        } else if (kind == wev::kFirstTable + static_cast<uint32_t>(wev::Table::kRecipients)) {
          std::string raw, column;
          wev::put_varint(raw, 2);
          wev::put_varint(raw, 2);
          for (const char* name : {"x@y", "z"}) wev::put_text(column, name);
          wev::put_text(raw, column);
          wev::put_text(raw, "\x01\x02");
          EXPECT_TRUE(wev::append_block(kind, raw, true, out));
        } else {
          out += block;
        }
      });
  auto reader = EvidenceReader::open(changed, world.names);
  ASSERT_TRUE(reader) << reader.error().text();
  Evidence e;
  auto more = reader->next(e);
  ASSERT_TRUE(more) << more.error().text();
  EXPECT_EQ(e.recipients[0], "x@y");
  EXPECT_EQ(e.recipients[1], "z");
  EXPECT_TRUE(e.urls.empty());
  EXPECT_EQ(e.headers.size(), 1u);
}

// The bytes of a block, unpacked.
std::string raw_of(std::string_view block) {
  const auto flags = read_little<uint32_t>(block.data() + 4);
  const std::string_view stored = block.substr(wev::kBlockHeadBytes);
  if (flags == 0) return std::string(stored);
  std::string out(read_little<uint64_t>(block.data() + 8), '\0');
  EXPECT_EQ(ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size()), out.size());
  return out;
}

// A table's block without its last `less` columns.
std::string without_columns(std::string_view block, uint64_t less) {
  const std::string raw = raw_of(block);
  wev::Cursor cursor{raw};
  bool bad = false;
  std::string out;
  wev::put_varint(out, cursor.varint(bad));
  const uint64_t fields = cursor.varint(bad) - less;
  wev::put_varint(out, fields);
  for (uint64_t i = 0; i < fields; ++i) wev::put_text(out, cursor.bytes(cursor.varint(bad), bad));
  EXPECT_FALSE(bad);
  return out;
}

TEST(EvidenceFile, answers_of_older_files_have_no_age_and_no_server) {
  World world;
  std::vector<std::string> verdicts;
  const std::string file = world.write(20, EvidenceLevel::kFull, &verdicts);
  // Questions as they were written before answers had the last two columns.
  const std::string old =
      rewrite(file, [](uint32_t kind, std::string_view block, std::string& out) {
        std::string raw;
        if (kind == wev::kSchema) {
          wev::put_varint(raw, wev::kTables);
          for (size_t t = 0; t < wev::kTables; ++t) {
            wev::put_varint(raw, t);
            std::string types = wev::schema_of(static_cast<wev::Table>(t));
            if (t == static_cast<size_t>(wev::Table::kQuestions)) types.resize(types.size() - 2);
            wev::put_text(raw, types);
          }
        } else if (kind == wev::kFirstTable + static_cast<uint32_t>(wev::Table::kQuestions)) {
          raw = without_columns(block, 2);
        } else {
          out += block;
          return;
        }
        EXPECT_TRUE(wev::append_block(kind, raw, true, out));
      });
  auto reader = EvidenceReader::open(old, world.names);
  ASSERT_TRUE(reader) << reader.error().text();
  Evidence e;
  size_t values = 0;
  for (const std::string& verdict : verdicts) {
    auto more = reader->next(e);
    ASSERT_TRUE(more) << more.error().text();
    for (const Answer& answer : e.answers) {
      values += answer.state == AnswerState::kValue && answer.ttl_s == 60;
      EXPECT_EQ(answer.age_s, 0u);
      EXPECT_EQ(answer.server, "");
    }
    EXPECT_EQ(world.verdict(e, UnknownReason::kNotReplayed), verdict);
  }
  EXPECT_GT(values, 4u);
}

TEST(EvidenceFile, broken_files_are_refused_with_the_place) {
  World world;
  const std::string file = world.write(5, EvidenceLevel::kFull, nullptr);
  const auto read_all = [&](const std::string& bytes) -> std::string {
    auto reader = EvidenceReader::open(bytes, world.names);
    if (!reader) return reader.error().what;
    Evidence e;
    for (;;) {
      auto more = reader->next(e);
      if (!more) {
        EXPECT_FALSE(reader->next(e)) << "after an error nothing is read";
        return more.error().what;
      }
      if (!*more) return "whole";
    }
  };
  EXPECT_EQ(read_all(file), "whole");
  EXPECT_EQ(read_all(""), "evidence file, at byte 0: this is no evidence file");
  EXPECT_EQ(read_all(file.substr(0, 16)), "evidence file, at byte 16: the file is cut");
  std::string newer = file;
  newer[8] = 2;
  EXPECT_EQ(read_all(newer), "evidence file, at byte 0: version 2 is newer than this program");
  for (size_t cut = 0; cut < file.size(); cut += 7)
    EXPECT_NE(read_all(file.substr(0, cut)), "whole") << cut;
  std::mt19937 random(3);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = file;
    bytes[wev::kFileHeadBytes + random() % (file.size() - wev::kFileHeadBytes)] ^=
        static_cast<char>(1 + random() % 255);
    // Only the kind of an unknown block and its flags could go unnoticed; both are read.
    EXPECT_NE(read_all(bytes), "") << i;
  }
}

}  // namespace
}  // namespace winnow
