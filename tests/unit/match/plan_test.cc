#include "engine/match/plan.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "engine/match/blob.h"
#include "engine/match/database.h"
#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

constexpr uint32_t kI = bit(PatternFlag::kIgnoreCase);
constexpr uint32_t kA = bit(PatternFlag::kCountAll);
constexpr uint32_t kU = bit(PatternFlag::kUtf);

PatternSpec part(std::string regex, uint32_t flags = 0) {
  return {.regex = std::move(regex), .flags = flags, .scope = ScopeKind::kPart};
}

PatternSpec header(std::string regex, known::Known name, ScopeKind scope = ScopeKind::kHeader) {
  return {.regex = std::move(regex), .scope = scope, .header = header_id(name)};
}

TEST(MatchPlanBuilder, MergesWhatIsTheSame) {
  MatchPlanBuilder builder;
  const auto add = [&](const PatternSpec& spec, uint32_t fresh) {
    return index(*builder.add(spec, AtomId(fresh)));
  };
  EXPECT_EQ(add(part("a"), 10), 10u);
  EXPECT_EQ(add(part("a"), 11), 10u);
  EXPECT_EQ(add(part("a", kI), 11), 11u);
  EXPECT_EQ(add(part("a", kA), 12), 12u);
  EXPECT_EQ(add(part("a", kU), 13), 13u);
  // Hints do not make another pattern; r wins over u.
  EXPECT_EQ(add(part("a", bit(PatternFlag::kUnoptimised) | bit(PatternFlag::kLeftmost)), 14), 10u);
  EXPECT_EQ(add(part("a", kU | bit(PatternFlag::kRaw)), 14), 10u);
  EXPECT_EQ(add(header("a", known::kFrom), 14), 14u);
  EXPECT_EQ(add(header("a", known::kTo), 15), 15u);
  EXPECT_EQ(add(header("a", known::kFrom, ScopeKind::kRawHeader), 16), 16u);
  PatternSpec strict = header("a", known::kFrom);
  strict.strict_case = true;
  strict.name = "FROM";
  EXPECT_EQ(add(strict, 17), 17u);
  strict.name = "From";
  EXPECT_EQ(add(strict, 18), 18u);
  EXPECT_EQ(add(strict, 19), 18u);
  const auto plan = builder.build({.databases = Databases::kNone});
  EXPECT_EQ(plan->report().patterns, 9u);
  EXPECT_EQ(plan->report().scopes, 6u);
  EXPECT_EQ(plan->report().groups, 7u);
  EXPECT_EQ(plan->pattern(AtomId(11))->flags, kI);
  EXPECT_EQ(plan->pattern(AtomId(19)), nullptr);
  EXPECT_TRUE(plan->reads(ScopeKind::kPart));
  EXPECT_FALSE(plan->reads(ScopeKind::kUrl));
}

TEST(MatchPlanBuilder, RefusesWhatCannotBeAsked) {
  MatchPlanBuilder builder;
  EXPECT_EQ(builder.add(part("(a"), AtomId(0)).error().column, 3u);
  PatternSpec spec = part("a");
  spec.scope = ScopeKind::kNowhere;
  EXPECT_FALSE(builder.add(spec, AtomId(0)));
  spec.scope = ScopeKind::kSelector;
  EXPECT_FALSE(builder.add(spec, AtomId(0)));
  spec.scope = ScopeKind::kHeader;
  EXPECT_FALSE(builder.add(spec, AtomId(0)));
  const auto plan = builder.build({});
  EXPECT_EQ(plan->report().patterns, 0u);
  MatchScratch scratch;
  MailBatch mails;
  mails.add({.texts = {"a"}});
  match(*plan, scratch, mails.batch);
  EXPECT_TRUE(mails.batch.atoms.empty());
}

TEST(Classify, ByWhatTheDatabaseCanAnswer) {
  struct Row {
    std::string_view regex;
    ScopeKind scope;
    PatternClass how;
  };
  const Row rows[] = {
      {"abc", ScopeKind::kPart, PatternClass::kExact},
      {"^a.*b$", ScopeKind::kPart, PatternClass::kExact},
      {"", ScopeKind::kPart, PatternClass::kExact},
      {"(a)\\1", ScopeKind::kPart, PatternClass::kPrefilter},
      {"a(?!b)", ScopeKind::kPart, PatternClass::kPrefilter},
      {"(?R)?a", ScopeKind::kPart, PatternClass::kAlone},
      {std::string_view("a\0b", 3), ScopeKind::kPart, PatternClass::kAlone},
      {"abc", ScopeKind::kWord, PatternClass::kPrefilter},
      {"^abc$", ScopeKind::kStemWord, PatternClass::kPrefilter},
      {"\\Aabc", ScopeKind::kWord, PatternClass::kAlone},
      {"a*", ScopeKind::kWord, PatternClass::kAlone},
      {"(?-i)a", ScopeKind::kWord, PatternClass::kAlone},
  };
  for (const Row& row : rows) {
    PatternSpec spec = part(std::string(row.regex));
    spec.scope = row.scope;
    EXPECT_EQ(classify(spec), row.how) << row.regex;
  }
}

class MapCache : public BlobCache {
 public:
  bool get(std::string_view key, std::string& bytes) override {
    std::lock_guard lock(mutex_);
    const auto at = blobs.find(std::string(key));
    if (at != blobs.end()) bytes = at->second;
    return at != blobs.end();
  }
  void put(std::string_view key, std::string_view bytes) override {
    std::lock_guard lock(mutex_);
    blobs[std::string(key)] = bytes;
    ++puts;
  }
  std::map<std::string, std::string> blobs;
  int puts = 0;

 private:
  std::mutex mutex_;
};

std::shared_ptr<const MatchPlan> sample(const MatchOptions& options, int more = 0) {
  MatchPlanBuilder builder;
  uint32_t atom = 0;
  for (const char* regex : {"cheap", "pills?", "(\\w)\\1"}) {
    (void)builder.add(part(regex), AtomId(atom++));
  }
  for (int i = 0; i < more; ++i) {
    (void)builder.add(part("more" + std::to_string(i)), AtomId(atom++));
  }
  (void)builder.add(part("жж", kU), AtomId(atom++));
  (void)builder.add(header("^free", known::kSubject), AtomId(atom++));
  return builder.build(options);
}

std::vector<uint32_t> hits(const MatchPlan& plan) {
  MailBatch mails;
  mails.add(
      {.headers = {{header_id(known::kSubject), "Subject", "free"}}, .texts = {"cheap жж 11"}});
  MatchScratch scratch;
  match(plan, scratch, mails.batch);
  std::vector<uint32_t> atoms;
  for (const AtomHit& hit : mails.batch.atoms) atoms.push_back(index(hit.atom));
  std::ranges::sort(atoms);
  return atoms;
}

TEST(MatchPlan, CachedDatabasesAreUsedAndWrongOnesRebuilt) {
  MapCache cache;
  const std::vector<uint32_t> expected = hits(*sample({.databases = Databases::kNone}));
  EXPECT_EQ(expected, (std::vector<uint32_t>{0, 2, 3, 4}));
  const auto cold = sample({.databases = Databases::kCached, .cache = &cache});
  EXPECT_EQ(cold->report().missing, 3u);
  EXPECT_EQ(cache.puts, 0);
  EXPECT_EQ(hits(*cold), expected);
  const auto built = cold->with_databases({.cache = &cache});
  EXPECT_EQ(built->report().built, 3u);
  EXPECT_EQ(cache.puts, 3);
  EXPECT_EQ(hits(*built), expected);
  const auto warm = sample({.databases = Databases::kCached, .cache = &cache});
  EXPECT_EQ(warm->report().cached, 3u);
  EXPECT_EQ(hits(*warm), expected);
  EXPECT_EQ(sample({.databases = Databases::kCached, .cache = &cache}, 1)->report().missing, 1u);
  const auto good = cache.blobs;
  const auto damage = [&](const auto& f) {
    cache.blobs = good;
    for (auto& [key, bytes] : cache.blobs) f(bytes);
    const auto plan = sample({.cache = &cache});
    EXPECT_EQ(plan->report().built, 3u);
    EXPECT_EQ(hits(*plan), expected);
    EXPECT_EQ(cache.blobs, good);
  };
  damage([](std::string& bytes) { bytes.clear(); });
  damage([](std::string& bytes) { bytes.resize(bytes.size() / 2); });
  damage([](std::string& bytes) { bytes[bytes.size() / 2] ^= 1; });
  damage([](std::string& bytes) { bytes[0] ^= 1; });
  damage([](std::string& bytes) { bytes[12] ^= 1; });
  damage([](std::string& bytes) { bytes += "x"; });
  damage([](std::string& bytes) { bytes = std::string(1000, '\xff'); });
  // A blob of other patterns under this key.
  cache.blobs = good;
  const std::string first = cache.blobs.begin()->second;
  for (auto& [key, bytes] : cache.blobs) bytes = first;
  EXPECT_EQ(sample({.cache = &cache})->report().built, 2u);
}

// What the library said of each pattern is kept with the database and believed.
TEST(MatchPlan, ClassesComeFromTheCache) {
  MapCache cache;
  const auto built = sample({.cache = &cache});
  EXPECT_EQ(built->report().exact, 4u);
  EXPECT_EQ(built->report().prefilter, 1u);
  for (auto& [key, bytes] : cache.blobs) {
    constexpr size_t kFirstClass = 8 + 32;  // behind magic and key
    if (bytes[kFirstClass] == 0) bytes[kFirstClass] = 1;
    const uint64_t check = XXH3_64bits(bytes.data(), bytes.size() - 8);
    for (size_t i = 0; i < 8; ++i)
      bytes[bytes.size() - 8 + i] = static_cast<char>(check >> (8 * i) & 0xFF);
  }
  const auto warm = sample({.databases = Databases::kCached, .cache = &cache});
  EXPECT_EQ(warm->report().cached, 3u);
  EXPECT_EQ(warm->report().exact, 1u);  // the first of each of three groups is not exact any more
  EXPECT_EQ(hits(*warm), hits(*built));
  // Without databases there are the same classes, asked for anew.
  EXPECT_EQ(sample({.databases = Databases::kNone, .cache = &cache})->report().exact, 4u);
}

TEST(Blob, ChecksWhatItIsTold) {
  const DatabasePattern members[] = {{"(?R)?a", 0, PatternClass::kAlone}};
  const std::string key = blob_key(members, false);
  LoadedGroup group{.classes = {PatternClass::kAlone}, .refused = {}, .database = nullptr};
  const Result<LoadedGroup> read = read_blob(key, write_blob(key, group), 1);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->classes, group.classes);
  EXPECT_EQ(read->database, nullptr);
  EXPECT_FALSE(read_blob(key, write_blob(key, group), 2));
  EXPECT_FALSE(read_blob(blob_key(members, true), write_blob(key, group), 1));
  group.classes = {static_cast<PatternClass>(3)};
  EXPECT_FALSE(read_blob(key, write_blob(key, group), 1));
  group.classes = {PatternClass::kExact};  // listed, but there is no database
  EXPECT_FALSE(read_blob(key, write_blob(key, group), 1));
  group.classes = {PatternClass::kAlone};
  group.refused = {0};
  EXPECT_FALSE(read_blob(key, write_blob(key, group), 1));
}

TEST(MatchPlan, GroupsAreBuiltInParallel) {
  MapCache cache;
  int calls = 0;
  MatchOptions options{.cache = &cache};
  options.parallel = [&calls](size_t count, const std::function<void(size_t)>& task) {
    ++calls;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < count; ++i) threads.emplace_back(task, i);
    for (std::thread& thread : threads) thread.join();
  };
  const auto plan = sample(options);
  EXPECT_GE(calls, 2);
  EXPECT_EQ(plan->report().built, 3u);
  EXPECT_EQ(hits(*plan), hits(*sample({.databases = Databases::kNone})));
}

TEST(Database, WhatItRefusesIsNamedAndTheRestWorks) {
  const DatabasePattern patterns[] = {{"(a", 0, PatternClass::kExact},
                                      {"needle", 0, PatternClass::kExact},
                                      {"(a)\\1", 0, PatternClass::kExact},
                                      {"hay", kI, PatternClass::kExact}};
  std::vector<uint32_t> refused;
  const auto database = Database::compile(patterns, false, refused);
  ASSERT_TRUE(database);
  EXPECT_EQ(refused, (std::vector<uint32_t>{0, 2}));
  DatabaseScratch scratch;
  (*database)->grow(scratch);
  std::vector<uint32_t> found;
  (*database)->scan(
      scratch, "a needle in a HAY stack",
      [](void* to, uint32_t id, size_t) { static_cast<std::vector<uint32_t>*>(to)->push_back(id); },
      &found);
  EXPECT_EQ(found, (std::vector<uint32_t>{1, 3}));
  refused.clear();
  EXPECT_FALSE(Database::compile(std::span(patterns, 1), false, refused));
}

TEST(MatchPlan, OnePatternAloneForMeasuring) {
  const AtomId wanted[] = {AtomId(4)};
  const auto plan = sample({})->only(wanted);
  EXPECT_EQ(plan->report().patterns, 1u);
  EXPECT_EQ(hits(*plan), (std::vector<uint32_t>{4}));
}

TEST(MatchPlan, OneScratchServesPlansInTurn) {
  const auto one = sample({}), two = sample({}, 40);
  MatchScratch scratch;
  for (int i = 0; i < 3; ++i) {
    for (const auto& plan : {one, two}) {
      MailBatch mails;
      mails.add({.texts = {"cheap more39 11"}});
      match(*plan, scratch, mails.batch);
      EXPECT_EQ(mails.batch.atoms.size(), plan == one ? 2u : 4u);
    }
  }
}

TEST(MatchPlan, VersionsAreNamed) {
  EXPECT_TRUE(match_library_versions().starts_with("hyperscan "));
  EXPECT_NE(match_library_versions().find("pcre2 10."), std::string::npos);
}

}  // namespace
}  // namespace winnow
