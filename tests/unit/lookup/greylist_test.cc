// greylist {}: what is asked, by whom, and what becomes of the message; with the records in memory,
// in LMDB and in Redis.
#include "pipeline/lookup/greylist.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <semaphore>

#include "engine/mime/ip.h"
#include "engine/score/questions.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/lookup/store/lmdb_store.h"
#include "pipeline/lookup/store/memory_store.h"
#include "pipeline/lookup/store/redis_client.h"
#include "pipeline/worker.h"
#include "rules/checks/state/greylist_take.h"
#include "tests/unit/own_folder.h"
#include "tests/unit/rules/compiled.h"
#include "tests/unit/store/redis_process.h"

namespace winnow {
namespace {

constexpr int64_t kNow = 1'792'575'000;  // Wed, 21 Oct 2026 09:30:00 GMT
constexpr std::string_view kUntil = "Wed, 21 Oct 2026 09:35:00 GMT";

// Records in a map: what was read and written is told, and either may fail.
class Records final : public GreylistRecords {
 public:
  Result<std::vector<std::string>> get(std::span<const std::string> keys, int64_t) override {
    const std::lock_guard lock(mutex);
    ++reads;
    if (broken_reads) return fail("it is away");
    std::vector<std::string> out;
    for (const std::string& key : keys) out.push_back(values.contains(key) ? values[key] : "");
    return out;
  }
  Result<void> set(std::span<const Record> records) override {
    const std::lock_guard lock(mutex);
    ++writes;
    if (broken_writes) return fail("it is full");
    for (const Record& one : records) values[one.key] = one.value;
    written.insert(written.end(), records.begin(), records.end());
    return {};
  }
  std::mutex mutex;
  std::map<std::string, std::string> values;
  std::vector<Record> written;
  int reads = 0, writes = 0;
  bool broken_reads = false, broken_writes = false;
};

struct Envelopes {
  std::string from = "anna@s.test", ip = "203.0.113.9", user = {}, hostname = {};
  bool on_its_way = true, pass_all = false;
};

// Each symbol of a subject weighs what it says.
constexpr std::string_view kRules =
    "regexp { T2 { re = 'Subject=/two/H'; score = 2; } T5 { re = 'Subject=/five/H'; score = 5; } "
    "T8 { re = 'Subject=/eight/H'; score = 8; } T20 { re = 'Subject=/twenty/H'; score = 20; } }\n"
    "actions { reject = 15; add_header = 6; greylist = 4; }\n";

class Site {
 public:
  explicit Site(const std::string& options = "", std::string_view more = kRules)
      : rules(compiled("greylist { " + options + " }\n" + std::string(more), {})) {
    auto records = std::make_unique<Records>();
    store = records.get();
    greylist = std::make_shared<Greylist>(std::move(records), [this](const std::string& what) {
      const std::lock_guard lock(store->mutex);
      told.push_back(what);
    });
  }

  std::string scan(std::string_view subject, int64_t now_s = kNow, const Envelopes& envelope = {},
                   std::string_view body = "hello") {
    const TableAnswers answers(*rules, {}, {.greylist = greylist});
    const Run run(rules, answers, {});
    Worker worker(run);
    Message message;
    message.bytes = MessageBytes(
        "From: Anna Letter <anna@s.test>\nTo: Ben <b@x.test>\nSubject: " + std::string(subject) +
        "\nDate: Wed, 21 Oct 2026 09:29:00 +0000\nMessage-ID: <1@s.test>\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n\n" +
        std::string(body) + "\n");
    message.from = envelope.from;
    message.recipients = {"b@x.test"};
    message.ip = parse_ip(envelope.ip).value_or(IpAddress{});
    message.user = envelope.user;
    message.hostname = envelope.hostname;
    message.on_its_way = envelope.on_its_way;
    message.pass_all = envelope.pass_all;
    message.now_ms = now_s * 1'000;
    one = std::make_unique<Case>();
    run.compute(worker, {&message, 1}, {&one, 1});
    one->message = std::move(message);
    std::binary_semaphore ready(0);
    while (!run.advance(worker, *one, Deadline::max(), [&] { ready.release(); })) ready.acquire();
    return shown();
  }
  // "action; GREYLIST options; text for the sender".
  std::string shown() const {
    const Verdict& verdict = one->verdict;
    std::string out = rules->model.actions[index(verdict.action)].name;
    for (const VerdictSymbol& symbol : verdict.symbols)
      if (rules->model.symbols[index(symbol.symbol)].name.starts_with("GREY")) {
        out += ";";
        for (const std::string_view option : symbol.options) out += " " + std::string(option);
      }
    if (verdict.forced_by != kNoIndex)
      out += "; " + std::string(verdict.pre_results[verdict.forced_by].message);
    return out;
  }
  // What was asked of the message scanned last; null: nothing.
  const Question* take() const {
    const auto& questions = one->evidence.questions;
    const auto at = std::ranges::find(questions, QuestionKind::kTake, &Question::kind);
    return at == questions.end() ? nullptr : &*at;
  }
  std::string warnings() const {
    std::string out;
    for (const ConfigWarning& warning : rules->warnings) out += warning.text() + "\n";
    return out;
  }

  std::shared_ptr<RuleSet> rules;
  Records* store;
  std::shared_ptr<Greylist> greylist;
  std::vector<std::string> told;
  std::unique_ptr<Case> one;
};

std::string put_off(std::string_view until, std::string_view why) {
  return "soft reject; greylisted " + std::string(until) + " " + std::string(why) +
         "; Try again later";
}

TEST(Greylist, a_message_waits_and_then_passes) {
  Site site;
  EXPECT_EQ(site.scan("five"), put_off(kUntil, "new record"));
  EXPECT_GE(site.one->verdict.score, 5 * kMicro) << "the score is told as it is";
  EXPECT_EQ(site.store->values.size(), 2u);
  for (const auto& [key, value] : site.store->values) EXPECT_EQ(value, std::to_string(kNow)) << key;
  EXPECT_EQ(site.scan("five", kNow), put_off(kUntil, "too early"));
  EXPECT_EQ(site.scan("five", kNow + 299), put_off(kUntil, "too early"));
  EXPECT_EQ(site.store->writes, 1) << "who comes too early waits no longer for it";
  EXPECT_EQ(site.scan("five", kNow + 300), "greylist; pass body");
  EXPECT_EQ(site.scan("five", kNow + 301, {}, "another body"), "greylist; pass meta");
  EXPECT_EQ(site.scan("five", kNow + 301, {.from = "z@z.test"}), "greylist; pass body");
  EXPECT_EQ(site.store->written.back().now_ms, (kNow + 301) * 1'000) << "what passes lives on";
  EXPECT_EQ(site.store->written.back().life_s, 86'400u);
  EXPECT_EQ(site.store->written.back().value, std::to_string(kNow));
  EXPECT_TRUE(site.told.empty());
}

TEST(Greylist, nothing_is_asked_of_what_is_decided) {
  struct Row {
    const char* name;
    std::string_view subject, options, expected;
    Envelopes envelope = {};
  };
  const std::string fresh = put_off(kUntil, "new record");
  const Row rows[] = {
      {"clean", "two", "", "no action"},
      {"rejected", "twenty", "", "reject"},
      {"above greylist, below reject", "eight", "", fresh},
      {"own network", "five", "", "greylist", {.ip = "127.0.0.1"}},
      {"own network, wanted", "five", "check_local = true;", fresh, {.ip = "127.0.0.1"}},
      {"a user", "five", "", "greylist", {.user = "ann"}},
      {"a user, wanted", "five", "check_authed = true;", fresh, {.user = "ann"}},
      {"not on its way", "five", "", "greylist", {.on_its_way = false}},
      {"minimum not reached", "five", "greylist_min_score = 5.01;", "greylist"},
      {"minimum reached", "five", "greylist_min_score = 5;", fresh},
      {"minimum below greylist", "two", "greylist_min_score = 2;", "no action"},
      {"symbol", "five", "whitelist_symbols = [T5];", "greylist"},
      {"another symbol", "five", "whitelist_symbols = [T2];", fresh},
      {"network", "five", "whitelisted_ip = ['203.0.113.0/24'];", "greylist"},
      {"another network", "five", "whitelisted_ip = ['203.0.112.0/24'];", fresh},
      {"host",
       "five",
       "whitelist_domains_url = ['mx.s.test'];",
       "greylist",
       {.hostname = "mx.s.test"}},
      {"host below",
       "five",
       "whitelist_domains_url = ['s.test'];",
       "greylist",
       {.hostname = "MX.s.test"}},
      {"host that ends alike",
       "five",
       "whitelist_domains_url = ['s.test'];",
       fresh,
       {.hostname = "mx.bus.test"}},
      {"no host", "five", "whitelist_domains_url = ['s.test'];", fresh},
      {"off", "five", "enabled = false;", "greylist"},
  };
  for (const Row& row : rows) {
    Site site{std::string(row.options)};
    EXPECT_EQ(site.scan(row.subject, kNow, row.envelope), row.expected) << row.name;
    EXPECT_EQ(site.store->reads, row.expected == fresh ? 1 : 0) << row.name;
    EXPECT_EQ(site.warnings(), "") << row.name;
  }
}

TEST(Greylist, thresholds_of_the_site_hold) {
  const std::string regexp(kRules.substr(0, kRules.find('\n') + 1));
  Site off("", regexp + "actions { reject = 15; add_header = 6; greylist = null; }");
  EXPECT_EQ(off.scan("five"), "no action");
  EXPECT_EQ(off.scan("eight"), "add header");
  Site minimum("greylist_min_score = 3;",
               regexp + "actions { reject = 15; add_header = 6; greylist = null; }");
  EXPECT_EQ(minimum.scan("five"), put_off(kUntil, "new record"));
  Site high("", regexp + "actions { reject = 15; add_header = 6; greylist = 9; }");
  EXPECT_EQ(high.scan("eight"), "add header");
}

TEST(Greylist, what_somebody_decided_stays) {
  const std::string gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
  Site site;
  EXPECT_TRUE(site.scan("five", kNow, {}, gtube).starts_with("reject"));
  EXPECT_TRUE(site.scan("five", kNow, {.pass_all = true}, gtube).starts_with("reject"));
  EXPECT_EQ(site.store->reads, 0);
}

TEST(Greylist, options_say_what_is_told_and_done) {
  Site site(
      "timeout = 1min; expire = 1h; message = 'Come again'; report_time = true; symbol = GREYS; "
      "action = 'add header'; key_prefix = zz; max_data_len = 3; ipv4_mask = 32;");
  EXPECT_EQ(site.warnings(), "");
  EXPECT_EQ(site.scan("five", kNow, {}, "abcdef"),
            "add header; greylisted Wed, 21 Oct 2026 09:31:00 GMT new record; "
            "Come again: Wed, 21 Oct 2026 09:31:00 GMT");
  for (const auto& [key, value] : site.store->values) EXPECT_TRUE(key.starts_with("zz")) << key;
  EXPECT_EQ(site.store->written[0].life_s, 3'600u);
  // The line break and two letters of the body count; its address all.
  EXPECT_EQ(site.scan("five", kNow + 60, {.ip = "203.0.113.10"}, "abxyz"), "greylist; pass body");
  EXPECT_TRUE(site.scan("five", kNow + 60, {.ip = "203.0.113.10"}, "acxyz").find("new record") !=
              std::string::npos)
      << "another body from another address";

  Site wrong(
      "timeout = 0; expire = 1y; ipv4_mask = 33; ipv6_mask = 129; max_data_len = 0; "
      "action = bogus; message_func = 'return 1'; whitelist_symbols = [NOT_THERE];");
  for (const char* const said :
       {"greylist.timeout: it must be from 1 ", "greylist.expire: it must be from 1 ",
        "greylist.ipv4_mask: it must be from 0 to 32 bits; it is taken as 19",
        "greylist.ipv6_mask: it must be from 0 to 128 bits", "greylist.max_data_len: it must be",
        "greylist.action: there is no action \"bogus\"", "greylist.message_func: Lua is not run",
        "greylist.whitelist_symbols: there is no symbol NOT_THERE"})
    EXPECT_NE(wrong.warnings().find(said), std::string::npos) << said << "\n" << wrong.warnings();
  EXPECT_EQ(wrong.scan("five"), put_off(kUntil, "new record"));
  EXPECT_NE(Site("expire = 5min;").warnings().find("it must be longer than timeout"),
            std::string::npos);
}

TEST(Greylist, a_store_that_is_away_puts_nobody_off) {
  Site site;
  site.store->broken_reads = true;
  EXPECT_EQ(site.scan("five"), "greylist");
  ASSERT_NE(site.take(), nullptr);
  EXPECT_EQ(site.one->verdict.cut_by_deadline, false);
  EXPECT_EQ(site.scan("five"), "greylist");
  ASSERT_EQ(site.told.size(), 1u) << "once a minute";
  EXPECT_NE(site.told[0].find("it is away"), std::string::npos) << site.told[0];
  site.store->broken_reads = false;
  site.store->broken_writes = true;
  EXPECT_EQ(site.scan("five"), "greylist") << "what is not noted would wait again and again";
  EXPECT_EQ(site.scan("five", kNow + 300), "greylist");
  // What has waited passes, though its life is not prolonged.
  for (const GreylistTake take = read_greylist_take(site.take()->key).value();
       const std::string& key : take.keys())
    site.store->values[key] = std::to_string(kNow);
  EXPECT_EQ(site.scan("five", kNow + 300), "greylist; pass body");
}

TEST(Greylist, nobody_asks_where_nobody_answers) {
  Site site;
  site.greylist = nullptr;
  EXPECT_EQ(site.scan("five"), "greylist");
  EXPECT_EQ(site.take(), nullptr);
}

TEST(Greylist, a_recorded_answer_is_judged_again) {
  Site site;
  EXPECT_EQ(site.scan("five"), put_off(kUntil, "new record"));
  JudgeScratch scratch;
  Evidence& evidence = site.one->evidence;
  site.one->verdict.clear();
  ASSERT_EQ(judge(site.rules->judge, {.unanswerable = UnknownReason::kNotReplayed}, scratch,
                  evidence, site.one->verdict),
            Judged::kDone);
  EXPECT_EQ(site.shown(), put_off(kUntil, "new record"));
  EXPECT_EQ(site.store->reads, 1);
}

// --- The answerer alone ------------------------------------------------------------------------

std::string take_text(int64_t now_s, char body, char meta, uint32_t expire_s = 86'400) {
  GreylistTake take;
  take.now_s = now_s;
  take.expire_s = expire_s;
  take.body = std::string(kGreylistKeyLetters, body);
  take.meta = std::string(kGreylistKeyLetters, meta);
  return write_greylist_take(take);
}

// The two values of each take, all asked before the first is answered; "-" where it is unknown.
std::vector<std::string> ask(Greylist& greylist, const std::vector<std::string>& takes) {
  std::vector<Evidence> evidences(takes.size());
  std::counting_semaphore<> ready(0);
  for (size_t i = 0; i < takes.size(); ++i) {
    append_question(evidences[i],
                    {.kind = QuestionKind::kTake, .type = kGreylistTake, .key = takes[i]}, {});
    EXPECT_FALSE(greylist.ask(evidences[i], [&] { ready.release(); }));
  }
  for (size_t i = 0; i < takes.size(); ++i) ready.acquire();
  std::vector<std::string> out;
  for (const Evidence& one : evidences) {
    const Answer& answer = one.answers[0];
    EXPECT_NE(answer.state, AnswerState::kOpen);
    out.push_back(answer.state == AnswerState::kValue
                      ? std::string(answer.values[0]) + "," + std::string(answer.values[1])
                      : "-");
  }
  return out;
}

void expect_records(const std::function<std::unique_ptr<GreylistRecords>()>& records) {
  Greylist greylist(records(), [](const std::string& what) { ADD_FAILURE() << what; });
  EXPECT_EQ(ask(greylist, {take_text(1'000'000, 'a', 'b', 7'200)})[0], ",");
  EXPECT_EQ(ask(greylist, {take_text(1'000'010, 'a', 'b', 7'200)})[0], "1000000,1000000");
  EXPECT_EQ(ask(greylist, {take_text(1'000'010, 'c', 'b', 7'200)})[0], ",1000000");
  EXPECT_EQ(ask(greylist, {take_text(1'000'010, 'c', 'z', 7'200)})[0], ",")
      << "what came too early was not noted";
  EXPECT_EQ(ask(greylist, {take_text(1'000'300, 'a', 'd', 7'200)})[0], "1000000,");
  EXPECT_EQ(ask(greylist, {take_text(1'000'300, 'e', 'd', 7'200)})[0], ",")
      << "what has waited notes nothing new";
}

TEST(GreylistStore, memory_and_lmdb) {
  expect_records([] { return greylist_records(std::shared_ptr<Store>(memory_store())); });
  OwnFolder folder;
  const auto open = [&] {
    auto opened = open_lmdb_store({.folder = folder.path() + "/store"});
    EXPECT_TRUE(opened);
    return std::shared_ptr<Store>(std::move(*opened));
  };
  expect_records([&] { return greylist_records(open()); });
  Greylist again(greylist_records(open()), [](const std::string&) {});
  EXPECT_EQ(ask(again, {take_text(1'000'301, 'a', 'x')})[0], "1000000,") << "kept on disk";
}

TEST(GreylistStore, what_expires_is_new_again) {
  const std::shared_ptr<Store> store(memory_store());
  Greylist greylist(greylist_records(store), [](const std::string&) {});
  EXPECT_EQ(ask(greylist, {take_text(1'000'000, 'a', 'b', 1'000)})[0], ",");
  EXPECT_EQ(ask(greylist, {take_text(1'000'999, 'a', 'b', 1'000)})[0], "1000000,1000000");
  EXPECT_EQ(ask(greylist, {take_text(1'001'998, 'a', 'b', 1'000)})[0], "1000000,1000000")
      << "what came after its time lives on";
  EXPECT_EQ(ask(greylist, {take_text(1'002'998, 'a', 'b', 1'000)})[0], ",");
  EXPECT_EQ(ask(greylist, {take_text(1'003'998, 'c', 'd', 1'000)})[0], ",");
  EXPECT_EQ(store->expire(1'003'998'000, 10).value(), 0u) << "what expired is gone";
}

TEST(GreylistStore, redis_has_the_keys_and_values_of_rspamd) {
  if (!RedisProcess::installed()) GTEST_SKIP() << "redis-server is not installed";
  RedisProcess redis;
  const auto client = [&] {
    RedisOptions options;
    options.read.list = options.write.list = {{.host = redis.socket()}};
    options.timeout_ms = 60'000;
    return std::move(*RedisClient::make(options));
  };
  expect_records([&] { return greylist_records(client()); });
  const auto said = [&](std::initializer_list<std::string_view> words) {
    RedisBatch batch;
    batch.add("", words);
    return client()->run(batch, RedisUse::kRead).value()[0];
  };
  EXPECT_EQ(said({"GET", "rgbaaaaaaaaaaaaaaaaaaaa"}).text, "1000000");
  EXPECT_EQ(said({"GET", "rgmbbbbbbbbbbbbbbbbbbbb"}).text, "1000000");
  const int64_t life_s = said({"TTL", "rgbaaaaaaaaaaaaaaaaaaaa"}).integer;
  EXPECT_GT(life_s, 7'000);
  EXPECT_LE(life_s, 7'200);
  redis.kill();
  int told = 0;
  Greylist away(greylist_records(client()), [&](const std::string&) { ++told; });
  EXPECT_EQ(ask(away, {take_text(1, 'a', 'b')})[0], "-");
  EXPECT_EQ(told, 1);
}

TEST(GreylistStore, takes_that_wait_together_are_one_round_in_their_order) {
  auto records = std::make_unique<Records>();
  Records* const store = records.get();
  std::vector<std::string> takes;
  for (size_t i = 0; i < Greylist::kRoundMax + 1; ++i)
    takes.push_back(take_text(1'000'000 + static_cast<int64_t>(i % 7), 'a', 'b'));
  takes.push_back("rubbish");
  std::vector<std::string> said;
  {
    // Held until all are there.
    Greylist greylist(std::move(records), [](const std::string&) {});
    store->mutex.lock();
    std::thread asking([&] { said = ask(greylist, takes); });
    store->mutex.unlock();
    asking.join();
    EXPECT_EQ(said[0], ",");
    EXPECT_EQ(std::ranges::count(said, "1000000,1000000"),
              static_cast<ptrdiff_t>(Greylist::kRoundMax));
    EXPECT_EQ(said.back(), "-");
    EXPECT_EQ(store->writes, 1) << "the second of two in a round sees what the first left";
    EXPECT_GE(store->reads, 2) << "no round has more than kRoundMax";
    store->broken_writes = true;
    const auto failed = ask(greylist, {take_text(5, 'x', 'y'), take_text(5, 'x', 'y')});
    EXPECT_EQ(failed, (std::vector<std::string>{"-", "-"}));
  }
  Evidence other;
  append_question(other, {.kind = QuestionKind::kTake, .type = 99, .key = "x"}, {});
  Greylist greylist(std::make_unique<Records>(), [](const std::string&) {});
  EXPECT_TRUE(greylist.ask(other, [] {})) << "takes of others are not its";
}

}  // namespace
}  // namespace winnow
