// What regexp maps cost a message beside bare Hyperscan: the same patterns, scope by scope, over
// the same texts. Ours is all that multimap's patterns add: the texts that are derived for them,
// the match stage, and what multimap reads out of it. Bound: 2.5 times.
//
// The maps of a real site are read where $WINNOW_CONFIGS is a folder with `martinschaible` (its map
// addresses are looked for below its maps.d); without it some are made up.
//
//   WINNOW_CONFIGS=… WINNOW_MAIL=… build/bench/bench/micro/regexp_maps_bench
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "bench/micro/mail.h"
#include "engine/content/content.h"
#include "engine/match/database.h"
#include "engine/match/match.h"
#include "engine/match/scope_texts.h"
#include "engine/match/utf8_valid.h"
#include "engine/mime/parse.h"
#include "engine/text/texts.h"
#include "engine/text/words.h"
#include "engine/url/urls.h"
#include "rules/checks/policy/multimap_plan.h"
#include "rules/checks/row.h"
#include "rules/compile/compile.h"
#include "rules/config/dump.h"
#include "rules/config/layers.h"
#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

namespace fs = std::filesystem;

constexpr double kBound = 2.5;
constexpr uint32_t kRows = 32;
constexpr std::string_view kWords[] = {
    "account",  "verify",  "urgent",   "invoice", "payment",  "discount", "pharmacy", "winner",
    "lottery",  "claim",   "garden",   "expired", "bitcoin",  "transfer", "million",  "dollars",
    "limited",  "offer",   "refund",   "update",  "delivery", "package",  "customs",  "password",
    "security", "meeting", "shipping", "credit",  "casino",   "kitchen",  "investor", "newsletter"};
constexpr std::string_view word(size_t i) { return kWords[i % std::size(kWords)]; }

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// The site's section multimap, with its maps in `files`; empty where there is no site.
std::string site_rules(MemoryFiles& files) {
  const char* const folder = std::getenv("WINNOW_CONFIGS");
  const fs::path site = folder ? fs::path(folder) / "martinschaible" : fs::path();
  if (!folder || !fs::is_directory(site)) return {};
  const std::regex address("https?://[^\"]*?/maps\\.d/");
  for (const auto& entry : fs::recursive_directory_iterator(site)) {
    if (!entry.is_regular_file()) continue;
    std::string text = read_file(entry.path());
    if (entry.path().extension() == ".conf") text = std::regex_replace(text, address, "/e/maps.d/");
    files.add("/e/" + fs::relative(entry.path(), site).string(), text);
  }
  LoadOptions options;
  options.config_path = "/e/rspamd.conf";
  const auto config = load_config(files, options);
  const UclObject* const section = config ? config->section("multimap") : nullptr;
  if (!section) return {};
  return "multimap " + dump(*section, {.format = DumpFormat::kJsonCompact});
}

// Maps of sentences over texts as one line, subjects and senders' names, as sites write them.
std::string made_up_rules(MemoryFiles& files) {
  constexpr std::string_view kSources[] = {
      "type = content; filter = oneline", "type = header; header = Subject",
      "type = header; header = From; filter = 'email:name'", "type = content; filter = rawtext"};
  std::string rules;
  for (size_t map = 0; map < 120; ++map) {
    std::string text;
    for (size_t line = 0; line < 30; ++line)
      text += line % 3 == 0 ? fmt::format("/\\b{} (?:your )?{}\\b/i\n", word(map + line),
                                          word(map * 7 + line * 3 + 1))
                            : fmt::format("/{}.{{1,20}}{} {}/i\n", word(map + line),
                                          word(map * 7 + line * 3 + 1), line);
    text += fmt::format("/{} {}/i\n", word(map), word(map + 1));
    const std::string path = fmt::format("/m/{}.map", map);
    files.add(path, text);
    rules += fmt::format("R{} {{ {}; regexp = true; map = '{}'; }}\n", map,
                         kSources[map % std::size(kSources)], path);
  }
  return "multimap {\n" + rules + "}\n";
}

std::string made_up_mail(int i) {
  std::string text = fmt::format("Subject: {} {} now\r\nFrom: {} {} <a@b.example>\r\n\r\n",
                                 word(static_cast<size_t>(i)), word(static_cast<size_t>(i) + 1),
                                 word(static_cast<size_t>(i) * 3), word(7));
  for (size_t line = 0; line < 60; ++line)
    text +=
        fmt::format("What the {} said of your {}\r\n{} item {}.\r\n",
                    word(static_cast<size_t>(i) + line), word(line * 5 + 2), word(line + 9), line);
  return text;
}

struct Site {
  std::shared_ptr<const RuleSet> rules;
  const Check* check = nullptr;
  const MultimapPlan* plan = nullptr;
};

const Site& site() {
  static const Site loaded = [] {
    MemoryFiles files;
    std::string text = site_rules(files);
    if (text.empty()) text = made_up_rules(files);
    const auto parsed = parse_ucl(text, "maps.conf", {});
    CompileOptions options;
    options.files = &files;
    const auto rules = parsed ? compile_rules(parsed->document->root(), options)
                              : Result<std::shared_ptr<RuleSet>>(fail("no rules"));
    Site out;
    if (!rules) return out;
    out.rules = *rules;
    for (const EnabledCheck& one : out.rules->checks) {
      if (one.check->name != "multimap") continue;
      out.check = one.check;
      out.plan = static_cast<const MultimapPlan*>(one.plan.get());
    }
    return out;
  }();
  return loaded;
}

const std::vector<std::string>& mail() {
  static const std::vector<std::string> loaded = bench::load_mail(64, made_up_mail);
  return loaded;
}

// Batches of all mail, as they are when derive() begins.
template <class Visit>
void each_batch(Visit visit) {
  const RuleSet& rules = *site().rules;
  ParseScratch parse_scratch;
  TextScratch text_scratch;
  UrlScratch url_scratch;
  WordScratch word_scratch;
  Batch batch;
  for (size_t from = 0; from < mail().size(); from += kRows) {
    batch.clear();
    for (size_t i = from; i < std::min(mail().size(), from + kRows); ++i)
      batch.add(std::string_view(mail()[i]).substr(0, mail()[i].size() - Batch::kPadding), i, {},
                {});
    parse({rules.headers, rules.limits}, parse_scratch, batch);
    content({&rules.limits}, batch);
    texts(rules.text_plan, text_scratch, batch);
    urls({rules.limits}, url_scratch, batch);
    words(rules.text_plan, word_scratch, batch);
    visit(batch);
  }
}

void derive(Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    site().check->derive(*site().plan, batch, row);
    batch.derived.end_row();
  }
}

// --- Bare Hyperscan ---

// The patterns of one scope: bytes, and code points (of valid UTF-8 alone).
struct Group {
  MultimapSource source;
  uint32_t selector = kNoIndex;
  std::set<std::pair<std::string, uint32_t>> known;
  std::vector<DatabasePattern> patterns[2];
  std::shared_ptr<const Database> databases[2];
  uint32_t refused = 0;
};

struct BareText {
  uint32_t group;
  bool is_utf8;
  std::string text;
};

struct Bare {
  std::vector<Group> groups;
  DatabaseScratch scratch;
  std::vector<std::vector<BareText>> texts;  // by message
  size_t patterns = 0, alone = 0;

  std::string compile() {
    std::map<std::string, size_t> by_key;
    for (const MultimapRule& rule : site().plan->rules) {
      if (!rule.map || rule.map->patterns().empty()) continue;
      const auto [at, fresh] = by_key.try_emplace(rule.source.key, groups.size());
      if (fresh) {
        Group group;
        group.source = rule.source;
        for (const MultimapPlan::Derived& one : site().plan->derived)
          if (one.source == rule.source_number) group.selector = one.selector;
        groups.push_back(std::move(group));
      }
      add(groups[at->second], *rule.map);
    }
    for (Group& group : groups)
      for (int utf = 0; utf < 2; ++utf) {
        if (group.patterns[utf].empty()) continue;
        std::vector<uint32_t> refused;
        auto made = Database::compile(group.patterns[utf], false, refused);
        if (!made) return made.error().what;
        group.databases[utf] = *made;
        group.databases[utf]->grow(scratch);
        patterns += group.patterns[utf].size() - refused.size();
      }
    return {};
  }

  void add(Group& group, const Map& map) {
    for (const MapPattern& one : map.patterns()) {
      const uint32_t flags = one.flags & kMeaningFlags & ~bit(PatternFlag::kCountAll);
      if (!group.known.emplace(one.regex, flags).second) continue;
      PatternSpec spec;
      spec.regex = one.regex;
      spec.flags = flags;
      spec.scope = group.source.scope();
      const PatternClass how = classify(spec);
      if (how == PatternClass::kAlone || !Regex::compile(one.regex, flags)) {
        ++alone;
        continue;
      }
      group.patterns[flags & bit(PatternFlag::kUtf) ? 1 : 0].push_back({one.regex, flags, how});
    }
  }

  // Copies what each group looks at out of a batch whose texts are derived.
  void take_texts(const Batch& batch) {
    for (uint32_t row = 0; row < batch.rows; ++row) {
      texts.emplace_back();
      for (uint32_t g = 0; g < groups.size(); ++g) {
        const auto give = [&](std::string_view text) {
          texts.back().push_back({g, is_valid_utf8(text), std::string(text)});
        };
        const ScopeKind scope = groups[g].source.scope();
        TextRoom room;
        if (scope == ScopeKind::kHeader) {
          for (const Header& one : own_headers(batch, row))
            if (one.id == groups[g].source.headers[0]) give(one.decoded);
        } else if (scope == ScopeKind::kSelector) {
          for (const DerivedText& one : batch.derived.row(row))
            if (one.selector == groups[g].selector) give(one.text);
        } else {
          each_text(scope, batch, row, false, room,
                    [&](uint32_t, std::string_view text) { give(text); });
        }
      }
    }
  }

  uint64_t scan() {
    uint64_t hits = 0;
    const auto count = [](void* to, uint32_t, size_t) { ++*static_cast<uint64_t*>(to); };
    for (const std::vector<BareText>& message : texts)
      for (const BareText& one : message)
        for (int utf = 0; utf < 2; ++utf)
          if (groups[one.group].databases[utf] && (utf == 0 || one.is_utf8))
            groups[one.group].databases[utf]->scan(scratch, one.text, count, &hits);
    return hits;
  }
};

void regexp_maps(benchmark::State& state) {
  if (!site().plan) return state.SkipWithError("no rules");
  Bare bare;
  if (const std::string error = bare.compile(); !error.empty())
    return state.SkipWithError(error.c_str());
  each_batch([&](Batch& batch) {
    derive(batch);
    bare.take_texts(batch);
  });
  MatchScratch scratch;
  double ours = 0, least_bare = 0;
  uint64_t hits = 0, candidates = 0;
  for (auto _ : state) {
    double pass = 0;
    uint64_t found = 0;
    each_batch([&](Batch& batch) {
      const double begin = bench::cpu_seconds();
      derive(batch);
      match(*site().rules->match, scratch, batch);
      site().check->content(*site().plan, batch);
      pass += bench::cpu_seconds() - begin;
      found += batch.atoms.size();
    });
    const double begin = bench::cpu_seconds();
    const uint64_t bare_hits = bare.scan();
    const double bare_pass = bench::cpu_seconds() - begin;
    if ((hits != 0 && (found != hits || bare_hits != candidates)) || found == 0)
      state.SkipWithError("another answer");
    hits = found;
    candidates = bare_hits;
    ours = ours == 0 ? pass : std::min(ours, pass);
    least_bare = least_bare == 0 ? bare_pass : std::min(least_bare, bare_pass);
    state.SetIterationTime(pass);
  }
  const auto messages = static_cast<double>(mail().size());
  state.counters["us_per_message"] = ours * 1e6 / messages;
  state.counters["bare_us"] = least_bare * 1e6 / messages;
  state.counters["times_bare"] = ours / least_bare;
  state.counters["bound"] = kBound;
  state.counters["patterns"] = static_cast<double>(bare.patterns);
  state.counters["pcre2_alone"] = static_cast<double>(bare.alone);
  state.counters["hits_per_message"] = static_cast<double>(hits) / messages;
}
BENCHMARK(regexp_maps)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace winnow
