// Layers, old forms, checks: files in memory, the merged section as text and the warnings out.
#include "rules/config/layers.h"

#include <gtest/gtest.h>

#include "rules/config/dump.h"
#include "rules/config/options.h"

namespace winnow {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

Result<Config> load(const Files& files, LoadOptions options = {}) {
  static MemoryFiles site;
  site = MemoryFiles();
  for (const auto& [path, text] : files) site.add("/e/" + path, text);
  options.config_path = "/e/rspamd.conf";
  options.variables["DBDIR"] = "/e/db";
  return load_config(site, options);
}

std::string warnings(const Config& config) {
  std::string out;
  for (const Warning& warning : config.warnings) out += warning.text() + "\n";
  return out;
}

// The section as compact JSON without its key, or the error.
std::string section(const Files& files, std::string_view path, std::string* told = nullptr) {
  auto config = load(files);
  if (!config) return config.error().text();
  if (told) *told = warnings(*config);
  const UclObject* value = config->root().get(path);
  return value ? dump(*value, {.format = DumpFormat::kJsonCompact, .sort = true}) : "absent";
}

TEST(Layers, ShippedPolicyLoads) {
  MemoryFiles none;
  auto config = load_config(none, {});
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(warnings(*config), "");
  EXPECT_EQ(config->root().get("actions")->number("reject", 0), 15);
  EXPECT_EQ(config->root().get("options")->seconds("task_timeout", 0), 8);
  EXPECT_EQ(config->root().get("classifier.bayes")->integer("min_learns", 0), 200);
  EXPECT_EQ(config->section("antivirus"), nullptr);
  EXPECT_EQ(config->root().get("worker.normal"), nullptr);
  EXPECT_NE(config->root().get("worker.controller.secure_ip"), nullptr);
}

TEST(Layers, Order) {
  const struct {
    const char* name;
    Files files;
    const char* path;
    const char* expected;
  } rows[] = {
      {"local.d changes and adds",
       {{"local.d/actions.conf", "reject = 11;\nquarantine = 9;"}},
       "actions",
       R"({"add_header":6,"greylist":4,"quarantine":9,"reject":11})"},
      {"override.d over local.d",
       {{"local.d/actions.conf", "reject = 11; greylist = 3"},
        {"override.d/actions.conf", "reject = 12"}},
       "actions",
       R"({"add_header":6,"greylist":3,"reject":12})"},
      {"null switches off",
       {{"local.d/actions.conf", "greylist = null;"}},
       "actions",
       R"({"add_header":6,"greylist":null,"reject":15})"},
      {"saved over local, under override",
       {{"local.d/dmarc.conf", "a1 = 1; a2 = 1; a3 = 1"},
        {"db/dynamic/dmarc.conf", "a2 = 5; a3 = 5"},
        {"override.d/dmarc.conf", "a3 = 10"}},
       "dmarc",
       R"({"a1":1,"a2":5,"a3":10})"},
      {"sections are joined, not replaced",
       {{"local.d/options.inc", "dns { nameserver = [\"192.0.2.1\"]; timeout = 2s; }"}},
       "options.dns",
       R"({"nameserver":["192.0.2.1"],"retransmits":5,"sockets":16,"timeout":2.0})"},
      {"lists are joined",
       {{"local.d/milter_headers.conf", "use = [a]"},
        {"modules.local.d/x.conf", "milter_headers { use = [b] }"}},
       "milter_headers.use",
       R"(["a","b"])"},
      {"override replaces lists",
       {{"local.d/milter_headers.conf", "use = [a]"},
        {"override.d/milter_headers.conf", "use = [b]"}},
       "milter_headers.use",
       R"(["b"])"},
      {"rules by name",
       {{"local.d/multimap.conf", "one { type = ip; map = x } two { type = from; map = y }"},
        {"override.d/multimap.conf", "two { type = rcpt }"}},
       "multimap",
       R"({"one":{"map":"x","type":"ip"},"two":{"type":"rcpt"}})"},
      {"modules.local.d",
       {{"modules.local.d/own.conf", "greylist { timeout = 10min }"}},
       "greylist",
       R"({"timeout":600.0})"},
      {"rspamd.conf.local",
       {{"rspamd.conf.local", "spf { max_dns_nesting = 5 }"}},
       "spf",
       R"({"max_dns_nesting":5})"},
      {"rspamd.conf.override replaces the whole section",
       {{"local.d/spf.conf", "max_dns_nesting = 5; whitelist = w"},
        {"rspamd.conf.override", "spf { max_dns_nesting = 6 }"}},
       "spf",
       R"({"max_dns_nesting":6})"},
      {"rspamd.conf.local.override",
       {{"rspamd.conf.local.override", "actions { reject = 99 }"}},
       "actions",
       R"({"reject":99})"},
      {"workers",
       {{"local.d/worker-controller.inc", "password = p; secure_ip = a; secure_ip = b"}},
       "worker.controller",
       R"({"password":"p","secure_ip":["a","b"]})"},
      {"list of trusted networks",
       {{"local.d/worker-controller.inc", "secure_ip = [\"192.0.2.77\"]"}},
       "worker.controller",
       R"({"secure_ip":["192.0.2.77"]})"},
      {"no trusted network",
       {{"local.d/worker-controller.inc", "secure_ip = []"}},
       "worker.controller.secure_ip",
       "[]"},
      {"proxy",
       {{"override.d/worker-proxy.inc", "reject_message = \"No, thanks\""}},
       "worker.rspamd_proxy",
       R"({"reject_message":"No, thanks"})"},
      {"bayes",
       {{"local.d/classifier-bayes.conf", "backend = redis; autolearn = true"}},
       "classifier.bayes.backend",
       R"("redis")"},
      {"symbol in its group's file",
       {{"local.d/rbl_group.conf", "symbols { \"X\" { weight = 2.0; } }"}},
       "group.rbl.symbols.X",
       R"({"weight":2.0})"},
      {"loose symbols",
       {{"local.d/groups.conf", "symbols { \"X\" { weight = 0.5; } }"}},
       "symbols",
       R"({"X":{"weight":0.5}})"},
      {"own group",
       {{"local.d/groups.conf", "group \"mine\" { max_score = 3.0; }"}},
       "group.mine",
       R"({"max_score":3.0})"},
      {"variables",
       {{"local.d/multimap.conf", "m { type = ip; map = \"${LOCAL_CONFDIR}/x.map\" }"}},
       "multimap.m.map",
       R"("/e/x.map")"},
      {"braced file",
       {{"local.d/spf.conf", "{ \"max_dns_nesting\": 7 }"}},
       "spf",
       R"({"max_dns_nesting":7})"},
      {"saved scores",
       {{"db/rspamd_dynamic",
         R"([{"metric":"default","symbols":[{"name":"X","value":2.5}],"actions":[{"name":"reject","value":20}]}])"},
        {"local.d/actions.conf", "reject = 11"}},
       "actions",
       R"({"add_header":6,"greylist":4,"reject":20.0})"},
      {"syntax error",
       {{"local.d/spf.conf", "a = 1\nb {"}},
       "spf",
       "/e/local.d/spf.conf:2:3: this { is never closed"},
  };
  for (const auto& row : rows) EXPECT_EQ(section(row.files, row.path), row.expected) << row.name;
}

TEST(Layers, TemplatesSeeTheEnvironment) {
  LoadOptions options;
  options.env["KEY"] = "k";
  options.vars["site"] = "here";
  options.hostname = "mx.example";
  const Files files{{"local.d/rbl.conf",
                     "rbls { A { rbl = \"{= env.KEY =}.zone.example\"; } }\n"
                     "# {= site =} {= hostname =} {= paths.DBDIR =}"},
                    {"local.d/spf.conf", "whitelist = \"$site-$HOSTNAME\""}};
  auto config = load(files, options);
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->root().get("rbl.rbls.A.rbl")->text(), "k.zone.example");
  EXPECT_EQ(config->root().get("spf.whitelist")->text(), "here-mx.example");
  EXPECT_EQ(warnings(*config), "");
  options.skip_template = true;
  config = load(files, options);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->root().get("rbl.rbls.A.rbl")->text(), "{= env.KEY =}.zone.example");
}

// Where the weight of PHISHING comes from; by the tuned set, by a site over it, by neither.
TEST(Layers, WeightsAreChosen) {
  const struct {
    const char* name;
    Files files;
    const char* variable;  // --var WINNOW_WEIGHTS
    const char* winner;    // part of the path
  } rows[] = {
      {"shipped", {}, nullptr, ""},
      {"rspamd by name", {{"local.d/winnow.conf", "weights = rspamd;"}}, nullptr, ""},
      {"tuned", {{"local.d/winnow.conf", "weights = tuned;"}}, nullptr, "tuned/weights.conf"},
      {"tuned by variable", {}, "tuned", "tuned/weights.conf"},
      {"the variable has the last word",
       {{"local.d/winnow.conf", "weights = tuned;"}},
       "rspamd",
       ""},
      {"the site wins",
       {{"local.d/winnow.conf", "weights = tuned;"},
        {"local.d/groups.conf", "symbols { URL_NUMERIC_IP { score = 7; } }"}},
       nullptr,
       "/e/local.d/groups.conf"},
  };
  for (const auto& row : rows) {
    LoadOptions options;
    if (row.variable) options.vars["WINNOW_WEIGHTS"] = row.variable;
    auto config = load(row.files, options);
    ASSERT_TRUE(config) << row.name << ": " << config.error().text();
    EXPECT_EQ(warnings(*config), "") << row.name;
    const auto from = symbol_definitions(config->root(), "URL_NUMERIC_IP");
    const UclObject* score = from.empty() ? nullptr : from[0].body->find("score");
    const std::string file(score ? score->place().file : "");
    if (*row.winner)
      EXPECT_NE(file.find(row.winner), std::string::npos) << row.name << ": " << file;
    else
      EXPECT_EQ(file.find("tuned"), std::string::npos) << row.name;
  }
}

TEST(Layers, WhyAndDefinitions) {
  auto config = load({{"local.d/actions.conf", "\nreject = 11;"},
                      {"override.d/actions.conf", "reject = 12;"},
                      {"local.d/rbl_group.conf", "symbols { X { weight = 2; } }"},
                      {"local.d/groups.conf", "symbols { X { weight = 3; } Y { score = 1 } }"},
                      {"override.d/rbl_group.conf", "symbols { X { weight = 4; } }"}});
  ASSERT_TRUE(config);
  std::string chain;
  for (const Origin& origin : origins(config->root(), "actions.reject"))
    chain += origin.place.text() + " " + origin.value + " " + std::to_string(origin.priority) +
             (origin.effective ? " *\n" : "\n");
  EXPECT_EQ(chain,
            "/e/override.d/actions.conf:1:1 12 10 *\n"
            "/e/local.d/actions.conf:2:1 11 1\n"
            "policy:/actions.conf:4:1 15 0\n");
  EXPECT_TRUE(origins(config->root(), "actions.none").empty());
  const auto definitions = symbol_definitions(config->root(), "X");
  ASSERT_EQ(definitions.size(), 2u);
  EXPECT_EQ(definitions[0].group, "rbl");
  EXPECT_EQ(definitions[0].body->integer("weight", 0), 4);
  EXPECT_EQ(definitions[1].group, "");
  const auto names = defined_symbols(config->root());
  EXPECT_TRUE(std::binary_search(names.begin(), names.end(), "Y"));
}

TEST(Layers, OldForms) {
  const struct {
    const char* name;
    Files files;
    const char* path;
    const char* expected;
    const char* told;
  } rows[] = {
      {"metric",
       {{"rspamd.conf.local",
         "metric \"default\" { symbol \"M\" { score = 10.0; } actions { reject = 30; } }"}},
       "symbols",
       R"({"M":{"score":10.0}})",
       "metric { } is the old form."},
      {"metric's actions win",
       {{"rspamd.conf.local", "metric \"default\" { actions { reject = 30; } }"}},
       "actions",
       R"({"add_header":6,"greylist":4,"reject":30})",
       "/e/rspamd.conf.local:1:1: metric"},
      {"metric's groups",
       {{"rspamd.conf.local",
         "metric { name = default; group \"g\" { symbol \"A\" { score = 1 } } }"}},
       "group.g.symbol.A",
       R"({"score":1})",
       "metric { }"},
      {"surbl",
       {{"local.d/surbl.conf",
         "rules { \"OWN\" { suffix = \"u.example\"; ips { OWN_A = \"127.0.0.2\"; } noip = true; "
         "check_dkim = true; } }"}},
       "rbl.rbls.OWN",
       R"({"checks":["urls","dkim"],"no_ip":true,"rbl":"u.example","returncodes":{"OWN_A":"127.0.0.2"}})",
       "surbl is the old form of rbl."},
      {"emails",
       {{"local.d/emails.conf",
         "rules { E { dnsbl = e.example; hashlen = 32; check_replyto = true; expect_ip = 127.0.0.2 "
         "} }"}},
       "rbl.rbls.E",
       R"({"checks":["emails","replyto"],"hash_len":32,"rbl":"e.example","returncodes":{"E":"127.0.0.2"}})",
       "emails is the old form of rbl."},
      {"rbl booleans",
       {{"local.d/rbl.conf",
         "rbls { A { rbl = z.example; from = true; received = false; helo = yes } }"}},
       "rbl.rbls.A",
       R"({"checks":["from","helo"],"rbl":"z.example"})",
       "Write checks = [\"from\", \"helo\"];"},
      {"rbl rules",
       {{"local.d/rbl.conf", "rules { A { rbl = z.example } }"}},
       "rbl.rbls.A",
       R"({"rbl":"z.example"})",
       "rules is the old name inside rbl."},
      {"ip_score",
       {{"local.d/ip_score.conf", "servers = x"}},
       "ip_score",
       "absent",
       "The module ip_score is gone. Write reputation"},
      {"composite",
       {{"rspamd.conf.local", "composite \"C\" { expression = \"A & B\"; }"}},
       "composites.C",
       R"({"expression":"A & B"})",
       "composite \"NAME\" { } is the old form."},
      {"mx_check",
       {{"local.d/mx_check.conf", "timeout = 5s; wait_for_greeting = true"}},
       "mx_check",
       R"({"connect_timeout":5.0,"verify_greeting":true})",
       "timeout is the old name. Write connect_timeout = 5.0;"},
      {"dkim signing",
       {{"local.d/dkim.conf", "sign_condition = \"return function() end\""}},
       "dkim_signing.sign_condition",
       R"("return function() end")",
       "signing is configured in dkim_signing"},
      {"options of dns",
       {{"local.d/options.inc", "dns_timeout = 3s"}},
       "options.dns.timeout",
       "3.0",
       "Write dns { timeout = 3.0; }"},
      {"test patterns",
       {{"local.d/options.inc", "enable_test_patterns = true"}},
       "options.gtube_patterns",
       R"("all")",
       "Write gtube_patterns = \"all\";"},
      {"arc",
       {{"local.d/arc.conf", "auth_only = false"}},
       "arc",
       R"({"path":"/e/db/arc/$domain.$selector.key","sign_authenticated":false})",
       "Write sign_authenticated = false;"},
      {"rmilter",
       {{"rspamd.conf.local", "rmilter_headers { use = [x] }"}},
       "milter_headers",
       R"({"use":["x"]})",
       "rmilter_headers is the old name."},
  };
  for (const auto& row : rows) {
    std::string told;
    EXPECT_EQ(section(row.files, row.path, &told), row.expected) << row.name;
    EXPECT_NE(told.find(row.told), std::string::npos) << row.name << ":\n" << told;
  }
}

TEST(Layers, WrongConfigurationsAreSaid) {
  const struct {
    Files files;
    const char* expected;
  } rows[] = {
      {{{"local.d/greylist.conf", "timeuot = 5min"}},
       "/e/local.d/greylist.conf:1:1: \"timeuot\" is no option of greylist. Did you mean "
       "\"timeout\"?\n"},
      {{{"local.d/options.inc", "dns { timout = 5s }"}},
       "/e/local.d/options.inc:1:7: \"timout\" is no option of options.dns. Did you mean "
       "\"timeout\"?\n"},
      {{{"local.d/greylist.conf", "timeout = soon"}},
       "/e/local.d/greylist.conf:1:1: greylist.timeout takes a time (30s, 5min, 1h, 2d), not "
       "\"soon\".\n"},
      {{{"local.d/options.inc", "max_shots = many"}},
       "/e/local.d/options.inc:1:1: options.max_shots takes a whole number, not \"many\".\n"},
      {{{"local.d/options.inc", "check_all_filters = maybe"}},
       "/e/local.d/options.inc:1:1: options.check_all_filters takes true or false, not "
       "\"maybe\".\n"},
      {{{"local.d/dkim_signing.conf", "dkim_signing {\n domain { }\n}"}},
       "/e/local.d/dkim_signing.conf:1:1: dkim_signing { } stands inside its own section, where "
       "nothing reads it. Remove the outer \"dkim_signing {\" and its brace: the file is inside "
       "that section already.\n"},
      {{{"local.d/greylst.conf", "enabled = false"}},
       "/e/local.d/greylst.conf: Nothing reads this file. Did you mean \"greylist.conf\"?\n"},
      {{{"override.d/xyzzy-plugh.conf", "a = 1"}},
       "/e/override.d/xyzzy-plugh.conf: Nothing reads this file. Include it from a file that is "
       "read, or put it into modules.local.d.\n"},
      {{{"modules.local.d/a.conf", "greylis { enabled = false }"}},
       "/e/modules.local.d/a.conf:1:1: There is no section or module \"greylis\". Did you mean "
       "\"greylist\"?\n"},
      {{{"local.d/greylist.conf", "timeout = 5min\ntimeout = 6min"}},
       "/e/local.d/greylist.conf:2:1: \"timeout\" stands twice with the same priority; this one "
       "counts. Remove the one at /e/local.d/greylist.conf:1:1.\n"},
      {{{"local.d/antivirus.conf", "clamav { type = clamav; servers = a; symbl = X }"}},
       "/e/local.d/antivirus.conf:1:38: \"symbl\" is no option of antivirus.clamav. Did you mean "
       "\"symbol\"?\n"},
      {{{"local.d/statistic.conf", "classifier \"bayes\" { }"},
        {"local.d/classifier-bayes.conf", "autolearn = true"}},
       "/e/local.d/statistic.conf: statistic.conf and classifier-bayes.conf both define the "
       "classifier. Keep one of them.\n"},
      {{{"rspamd.local.lua", "x = 1"}},
       "/e/rspamd.local.lua: Lua files are not loaded. Patterns and functions go into "
       "local.d/regexp.conf, lists into local.d/multimap.conf.\n"},
      {{{"local.d/worker-controller.inc", "pasword = x"}},
       "/e/local.d/worker-controller.inc:1:1: \"pasword\" is no option of worker.controller. Did "
       "you mean \"password\"?\n"},
      {{{"local.d/groups.conf", "group \"g\" { max_score = lots }"}},
       "/e/local.d/groups.conf:1:13: group.*.max_score takes a number, not \"lots\".\n"},
      {{{"local.d/options.conf", "max_shots = 3"}},
       "/e/local.d/options.conf: Nothing reads this file. Did you mean \"options.inc\"?\n"},
      {{{"local.d/chartable.conf", "enabled = nope"}},
       "/e/local.d/chartable.conf:1:1: chartable.enabled takes true or false, not \"nope\".\n"},
      {{{"local.d/rbl.conf", "own { rbl = z.example; checks = [\"from\"] }"}},
       "/e/local.d/rbl.conf:1:1: \"own\" is no option of rbl. Write rbls { own { … } }.\n"},
      {{{"local.d/rbl_group.conf", "group \"rbl\" { symbols { } }"}},
       "/e/local.d/rbl_group.conf:1:1: group { } stands inside its own section, where nothing "
       "reads it. Remove the outer \"group {\" and its brace: the file is inside that section "
       "already.\n"},
      {{{"local.d/groups.conf", "symbols { X = 1.5 }"}},
       "/e/local.d/groups.conf:1:11: The symbol X takes a section, not 1.5. Write \"X\" { weight "
       "= 1.0; }.\n"},
      {{{"local.d/groups.conf", "X { weight = 1.5 }"}},
       "/e/local.d/groups.conf:1:1: There is no section or module \"X\". Write symbols { \"X\" { "
       "… } }.\n"},
      {{{"rspamd.conf.local", "soft_reject_on_timeout = true"}},
       "/e/rspamd.conf.local:1:1: There is no section or module \"soft_reject_on_timeout\". Write "
       "options { soft_reject_on_timeout = …; }.\n"},
      {{{"local.d/actions.conf", "add_haeder = 7"}},
       "/e/local.d/actions.conf:1:1: \"add_haeder\" is taken for an action of your own. Did you "
       "mean \"add_header\"?\n"},
      {{{"local.d/logging.inc", "debug_modules = [dmrac]"}},
       "/e/local.d/logging.inc:1:18: There is no module \"dmrac\". Did you mean \"dmarc\"?\n"},
      {{{"local.d/redis.conf", "servers = \u201cx\u201d"}},
       "/e/local.d/redis.conf:1:11: Typographic quotes are part of this value. Write straight "
       "quotes: \"…\".\n"},
      // Nothing to say.
      {{{"local.d/redis.conf", "servers = \"127.0.0.1\"; db = 2"}}, ""},
      {{{"local.d/greylist.conf", "enabled = false;"}}, ""},
      {{{"local.d/replies.conf", "servers = \"/run/redis.sock\""}}, ""},
      {{{"local.d/actions.conf",
         "my_action = { score = 9.0; }, phishing = { flags = "
         "[\"no_threshold\"], }"}},
       ""},
      {{{"local.d/settings.conf",
         "out { authenticated = yes; apply { actions { rewrite_subject = "
         "null; } groups_disabled = [a, b] } }"}},
       ""},
      {{{"local.d/logging.inc", "debug_modules = [\"spf\"]; log_format <<EOD\nid: <$mid>\nEOD\n"}},
       ""},
      {{{"local.d/multimap.conf",
         "ext { type = filename; filter = extension; map = \"${LOCAL_CONFDIR}/x.map\"; symbol = X; "
         "prefilter = true; action = reject; message = \"no\" }"}},
       ""},
      {{{"local.d/worker-proxy.inc",
         "upstream \"local\" { default = yes; self_scan = yes; settings_id = \"outbound\"; }"}},
       ""},
      {{{"override.d/arc.conf",
         "sign_local = true; domain { a.example { path = /x; selector = s } }"}},
       ""},
  };
  for (const auto& row : rows) {
    auto config = load(row.files);
    ASSERT_TRUE(config) << config.error().text();
    std::string told = warnings(*config);
    EXPECT_EQ(told, row.expected) << row.files[0].second;
  }
}

TEST(Layers, MistakesInWinnowsOwnSectionStopTheStart) {
  const std::pair<const char*, const char*> rows[] = {
      {"weihgts = tuned",
       "/e/local.d/winnow.conf:1:1: \"weihgts\" is no option of winnow. Did you mean "
       "\"weights\"?"},
      {"weights = heavy",
       "/e/local.d/winnow.conf:1:1: winnow.weights takes one of rspamd|tuned, not \"heavy\"."},
      {"a { b = 1 }", "/e/local.d/winnow.conf:1:1: \"a\" is no option of winnow."},
      {"weights = rspamd", ""}};
  for (const auto& [text, expected] : rows) {
    auto config = load({{"local.d/winnow.conf", text}});
    EXPECT_EQ(config ? "" : config.error().text(), expected) << text;
  }
}

TEST(Layers, TemplatesThatPrintNothingAreNamed) {
  auto config = load({{"local.d/options.inc", "max_shots = {= env.SHOTS =};"}});
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().text().find("Set RSPAMD_SHOTS in the environment"), std::string::npos)
      << config.error().text();
}

TEST(Layers, OnlyTheSite) {
  LoadOptions options;
  options.shipped_values = false;
  auto config = load({{"local.d/actions.conf", "reject = 11"}}, options);
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(dump(config->root()), "actions {\n    reject = 11;\n}\n");
}

TEST(Layers, RelativePathsOfTheMainFile) {
  MemoryFiles site;
  site.add("./etc/local.d/actions.conf", "reject = 11\n.include \"$LOCAL_CONFDIR/more.conf\"");
  site.add("./etc/more.conf", "quarantine = 9");
  site.add("./../up/local.d/actions.conf", "reject = 12");
  site.add("././local.d/actions.conf", "reject = 13");
  const std::pair<const char*, double> rows[] = {{"etc/rspamd.conf", 11},
                                                 {"./etc/rspamd.conf", 11},
                                                 {"./../up/rspamd.conf", 12},
                                                 {"rspamd.conf", 13}};
  for (const auto& [path, reject] : rows) {
    LoadOptions options;
    options.config_path = path;
    auto config = load_config(site, options);
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->root().get("actions")->number("reject", 0), reject) << path;
  }
  LoadOptions options;
  options.config_path = "etc/rspamd.conf";
  EXPECT_EQ(load_config(site, options)->root().get("actions")->number("quarantine", 0), 9);
}

TEST(Layers, Diff) {
  auto one = parse_ucl("a = 1; b { c = 2; d = [1, 2] } e = x; e = y; f {}", "1");
  auto two = parse_ucl("b { d = [1, 3]; c = 2 } a = 1; e = x; g = new; f {}", "2");
  ASSERT_TRUE(one && two);
  const auto& before = one->document->root();
  EXPECT_EQ(config_diff(before, two->document->root()),
            (std::vector<std::string>{"- b.d.1 = 2", "+ b.d.1 = 3", "+ e = \"x\"", "- e[0] = \"x\"",
                                      "- e[1] = \"y\"", "+ g = \"new\""}));
  EXPECT_TRUE(config_diff(before, before).empty());
}

TEST(Layers, TenLoadsAreTheSameBytes) {
  const Files files{
      {"local.d/multimap.conf", "b { type = ip; map = x } a { type = from; map = y }"},
      {"local.d/surbl.conf", "rules { S { suffix = s.example } }"}};
  const std::string first = dump(load(files)->root());
  for (int i = 0; i < 9; ++i) EXPECT_EQ(dump(load(files)->root()), first);
}

TEST(Options, TableAndHelp) {
  EXPECT_GT(option_rows().size(), 2600u);
  for (const OptionRow& row : option_rows()) {
    EXPECT_FALSE(row.section.empty());
    EXPECT_FALSE(row.type.empty()) << row.section << "." << row.key;
    EXPECT_FALSE(row.sentence.empty()) << row.section << "." << row.key;
    EXPECT_EQ(find_option(row.section, row.key), &row);
  }
  EXPECT_EQ(find_option("options", "task_timeout")->type, "time");
  EXPECT_EQ(find_option("options", "none"), nullptr);
  EXPECT_EQ(find_option("zzz", "none"), nullptr);
  EXPECT_NE(option_help("options.dns", false).find("options.dns.timeout (time"), std::string::npos);
  EXPECT_NE(option_help("options.dns.timeout", true).find("\"key\":\"timeout\""),
            std::string::npos);
  EXPECT_NE(option_help("workers.normal.task_timeout", false), "");
  EXPECT_NE(option_search("timeout", false).find("greylist.timeout"), std::string::npos);
  EXPECT_EQ(option_help("no.such", false), "");
  EXPECT_EQ(option_search("", false), "");
}

}  // namespace
}  // namespace winnow
