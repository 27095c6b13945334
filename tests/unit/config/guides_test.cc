// What guides for operators tell people to write, in other words and with other values: each
// block loads without a warning and has the effect it promises.
#include <gtest/gtest.h>

#include "rules/config/dump.h"
#include "rules/config/layers.h"

namespace winnow {
namespace {

struct Block {
  const char* name;
  std::vector<std::pair<const char*, const char*>> files;
  std::vector<std::pair<const char*, const char*>> expected;  // path, compact JSON
};

TEST(Guides, EveryBlockLoadsAndTakesEffect) {
  const Block blocks[] = {
      {"own resolver",
       {{"local.d/options.inc", "dns {\n  nameserver = [\"192.0.2.53\"];\n}"}},
       {{"options.dns.nameserver", R"(["192.0.2.53"])"}}},
      {"resolvers in order",
       {{"local.d/options.inc", "dns { nameserver = \"master-slave:192.0.2.1,192.0.2.2\"; }"}},
       {{"options.dns.nameserver", R"("master-slave:192.0.2.1,192.0.2.2")"}}},
      {"resolvers by hash",
       {{"local.d/options.inc", "dns { nameserver = \"hash:192.0.2.1,192.0.2.2,192.0.2.3\"; }"}},
       {{"options.dns.nameserver", R"("hash:192.0.2.1,192.0.2.2,192.0.2.3")"}}},
      {"core files",
       {{"local.d/options.inc", "cores_dir = \"/srv/cores/\";\nmax_cores_size = 2G;"}},
       {{"options.cores_dir", R"("/srv/cores/")"}, {"options.max_cores_size", "2000000000"}}},
      {"soft reject when time is over",
       {{"local.d/options.inc", "soft_reject_on_timeout = true;"}},
       {{"options.soft_reject_on_timeout", "true"}}},
      {"debug of a module",
       {{"local.d/logging.inc", "debug_modules = [\"dmarc\"];"}},
       {{"logging.debug_modules", R"(["dmarc"])"}}},
      {"log line with conditions and Lua",
       {{"local.d/logging.inc",
         "log_format =<<EOD\nid: <$mid>, $if_qid{ qid: <$>,} len: $len,\n$lua{\n    return "
         "function(task)\n      return 'x'\n    end}\nEOD\n"}},
       {{"logging.log_format",
         R"("id: <$mid>, $if_qid{ qid: <$>,} len: $len,\n$lua{\n    return function(task)\n      return 'x'\n    end}")"}}},
      {"score of one symbol",
       {{"local.d/groups.conf", "symbols {\n  \"SYM_A\" {\n    weight = 1.5; # mine\n  }\n}"}},
       {{"symbols.SYM_A.weight", "1.5"}}},
      {"own group with a cap",
       {{"local.d/groups.conf",
         "group \"ours\" {\n  max_score = 12.0;\n\n  symbols {\n    \"OUR_SYM\" { weight = 2.0; }\n"
         "  }\n}"}},
       {{"group.ours.max_score", "12.0"}, {"group.ours.symbols.OUR_SYM.weight", "2.0"}}},
      {"own actions",
       {{"local.d/actions.conf",
         "our_action = {\n  score = 8.5;\n},\nby_force = {\n  flags = [\"no_threshold\"],\n}"}},
       {{"actions.our_action.score", "8.5"}, {"actions.by_force.flags", R"(["no_threshold"])"}}},
      {"thresholds",
       {{"local.d/actions.conf", "reject = 11;\nadd_header = 7;\ngreylist = 3;"}},
       {{"actions", R"({"reject":11,"add_header":7,"greylist":3})"}}},
      {"an action off in settings",
       {{"local.d/settings.conf",
         "logged_in {\n  authenticated = true;\n  apply {\n    actions {\n      rewrite_subject = "
         "null;\n    }\n  }\n}"}},
       {{"settings.logged_in.apply.actions", R"({"rewrite_subject":null})"}}},
      {"sign only, in the file of whole sections",
       {{"rspamd.conf.local",
         "settings {\n  sign_nets {\n    ip = [\"192.0.2.0/25\", \"198.51.100.0/24\"];\n    apply "
         "{\n"
         "      symbols_enabled = [\"DKIM_SIGNED\"]; # more to come\n      flags = "
         "[\"skip_process\"];\n    }\n  }\n}"}},
       {{"settings.sign_nets.ip", R"(["192.0.2.0/25","198.51.100.0/24"])"},
        {"settings.sign_nets.apply.flags", R"(["skip_process"])"}}},
      {"outbound profile",
       {{"local.d/settings.conf",
         "out {\n  priority = high;\n  id = \"out\";\n  apply {\n    actions {\n      reject = "
         "120.0;\n"
         "      \"add header\" = 7.0;\n    }\n    BAYES_SPAM = 6.0;\n    groups_disabled = [\n     "
         " "
         "\"hfilter\",\n      \"spf\"\n    ]\n  }\n}"}},
       {{"settings.out.apply.actions", R"({"reject":120.0,"add header":7.0})"},
        {"settings.out.apply.groups_disabled", R"(["hfilter","spf"])"}}},
      {"profile chosen by the proxy",
       {{"local.d/worker-proxy.inc",
         "upstream \"local\" {\n  default = yes;\n  self_scan = yes; # here\n  settings_id = "
         "\"out\";\n}"}},
       {{"worker.rspamd_proxy.upstream.local.self_scan", "true"},
        {"worker.rspamd_proxy.upstream.local.settings_id", R"("out")"}}},
      {"greylisting off",
       {{"local.d/greylist.conf", "enabled = false;"}},
       {{"greylist.enabled", "false"}}},
      {"a module off by override",
       {{"override.d/chartable.conf", "enabled = false"}},
       {{"chartable.enabled", "false"}}},
      {"learning by itself",
       {{"override.d/classifier-bayes.conf", "autolearn = true"}},
       {{"classifier.bayes.autolearn", "true"}, {"classifier.bayes.min_tokens", "11"}}},
      {"store over a socket",
       {{"local.d/redis.conf", "servers = \"/run/store/s.sock\";"},
        {"local.d/classifier-bayes.conf", "backend = \"redis\";\nautolearn = true;"}},
       {{"redis.servers", R"("/run/store/s.sock")"}, {"classifier.bayes.backend", R"("redis")"}}},
      {"fuzzy storage in the store",
       {{"override.d/worker-fuzzy.inc", "backend = \"redis\";"}},
       {{"worker.fuzzy.backend", R"("redis")"}}},
      {"controller on a socket",
       {{"local.d/worker-controller.inc",
         "bind_socket = \"/run/w/c.sock mode=0660 owner=_w group=www\";\npassword = "
         "\"$2$abcdef\";\n"
         "enable_password = \"$2$ghijkl\";"}},
       {{"worker.controller.bind_socket", R"("/run/w/c.sock mode=0660 owner=_w group=www")"},
        {"worker.controller.password", R"("$2$abcdef")"}}},
      {"no password from anywhere",
       {{"override.d/worker-controller.inc", "secure_ip = \"0.0.0.0/0\""}},
       {{"worker.controller.secure_ip", R"("0.0.0.0/0")"}}},
      {"words of the refusal",
       {{"override.d/worker-proxy.inc", "reject_message = \"Refused as junk\""}},
       {{"worker.rspamd_proxy.reject_message", R"("Refused as junk")"}}},
      {"sealing for domains",
       {{"override.d/arc.conf",
         "sign_local = true;\nsign_authenticated = true;\n\ndomain {\n    a.example {\n        "
         "path = "
         "\"/k/a.key\";\n        selector = \"s1\";\n    }\n    b.example { path = /k/b.key; "
         "selector "
         "= s2 }\n}"}},
       {{"arc.domain",
         R"({"a.example":{"path":"/k/a.key","selector":"s1"},"b.example":{"path":"/k/b.key","selector":"s2"}})"}}},
      {"endings of file names",
       {{"local.d/multimap.conf",
         "bad_endings {\n  type = \"filename\";\n  filter = \"extension\";\n  map = "
         "\"${LOCAL_CONFDIR}/local.d/endings.map\";\n  symbol = \"BAD_ENDING\";\n  prefilter = "
         "true;\n  action = \"reject\";\n  message = \"not such files\";\n# skip_archives = "
         "true;\n}"}},
       {{"multimap.bad_endings.map", R"("/e/local.d/endings.map")"}}},
      {"maps of several sources",
       {{"local.d/phishing.conf",
         "openphish_map = [\n  \"https://maps.example/a.zst\",\n  \"${DBDIR}/a.local\",\n  "
         "\"fallback+file://${CONFDIR}/a.inc\"\n];"}},
       {{"phishing.openphish_map",
         R"(["https://maps.example/a.zst","/var/lib/rspamd/a.local","fallback+file:///e/a.inc"])"}}},
      {"keys to trust",
       {{"local.d/options.inc", "trusted_keys = [\"zo4sejrs\"];"}},
       {{"options.trusted_keys", R"(["zo4sejrs"])"}}},
      {"one section through three layers",
       {{"local.d/milter_headers.conf", "extended_spam_headers = false;\nskip_local = true;"},
        {"override.d/milter_headers.conf", "skip_local = false;\nuse = [\"x-spam-status\"];"}},
       {{"milter_headers",
         R"({"extended_spam_headers":false,"skip_local":false,"use":["x-spam-status"]})"}}},
  };
  for (const Block& block : blocks) {
    MemoryFiles files;
    for (const auto& [path, text] : block.files) files.add(std::string("/e/") + path, text);
    LoadOptions options;
    options.config_path = "/e/rspamd.conf";
    auto config = load_config(files, options);
    ASSERT_TRUE(config) << block.name << ": " << config.error().text();
    for (const Warning& warning : config->warnings)
      if (warning.what.find("old name") == std::string::npos)
        ADD_FAILURE() << block.name << ": " << warning.text();
    for (const auto& [path, json] : block.expected) {
      const UclObject* value = config->root().get(path);
      ASSERT_TRUE(value) << block.name << ": " << path;
      EXPECT_EQ(dump(*value, {.format = DumpFormat::kJsonCompact}), json) << block.name;
    }
  }
}

}  // namespace
}  // namespace winnow
