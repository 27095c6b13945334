#include "rules/config/legacy.h"

#include <array>
#include <string>

#include "rules/config/dump.h"

namespace winnow {
namespace {

class Translator {
 public:
  Translator(UclDocument& document, std::vector<Warning>& warnings)
      : document_(document), root_(document.root()), warnings_(warnings) {}

  void run() {
    metric();
    loose_symbols();
    loose_composites();
    removed_modules();
    dnsbl_rules("surbl");
    dnsbl_rules("emails");
    merge_rbl_rules();
    rbl_checks();
    renames();
    test_patterns();
  }

 private:
  void warn(const UclObject& at, std::string what, std::string advice) {
    warnings_.push_back(warning_at(written(at).key_place(), std::move(what), std::move(advice)));
  }

  // A section that the layout opens: what the site wrote first in it.
  static const UclObject& written(const UclObject& at) {
    const UclObject* value = &at;
    while (value->key_place().file.starts_with("policy:/") && value->is_container() &&
           value->size() > 0)
      value = &*value->children().begin();
    return *value;
  }

  static std::string shown(const UclObject& value) {
    return value.is_container() ? (value.is_array() ? "[ … ]" : "{ … }")
                                : dump_scalar(value, DumpFormat::kUcl);
  }

  // Every repetition and its own place in the tree: a value by itself, ready to be put elsewhere.
  std::vector<UclObject*> alone(UclObject* head) {
    std::vector<UclObject*> out;
    if (!head) return out;
    for (const UclObject& value : head->values()) out.push_back(&document_.mutable_of(value));
    for (UclObject* one : out) document_.unchain(*one);
    return out;
  }

  // Moves a value under `key` of `into`; of equal priority the later one, which it is, wins.
  void move_scalar(UclObject& into, std::string_view key, UclObject* value) {
    const UclObject* old = into.find(key);
    document_.set_key(*value, key);
    if (old && old->priority() > value->priority())
      document_.insert(into, value, UclDuplicate::kAppend);
    else
      document_.set(into, key, value);
  }

  void move_children(UclObject& from, UclObject& into) {
    while (from.size() > 0) {
      const std::string key((*from.children().begin()).key());
      for (UclObject* value : alone(document_.remove(from, key))) move_scalar(into, key, value);
    }
  }

  // metric "default" { actions {} symbol "X" {} group "g" {} }  ->  the same at top level.
  void metric() {
    const UclObject* head = root_.find("metric");
    if (!head) return;
    warn(
        *head, "metric { } is the old form.",
        "Write actions { reject = 15; }, group \"NAME\" { symbols { … } } and symbols { \"NAME\" { "
        "score = 1.0; } } at top level.");
    for (UclObject* metric : alone(document_.remove(root_, "metric"))) {
      if (!metric->is_object()) continue;
      // metric "default" { … }: one more level, whose keys are names.
      std::vector<UclObject*> bodies;
      if (metric->find("actions") || metric->find("symbol") || metric->find("group") ||
          metric->find("symbols"))
        bodies.push_back(metric);
      else
        for (const UclObject& named : metric->children())
          for (const UclObject& one : named.values())
            if (one.is_object()) bodies.push_back(&document_.mutable_of(one));
      for (UclObject* body : bodies) metric_body(*body);
    }
  }

  void metric_body(UclObject& body) {
    for (UclObject* actions : alone(document_.remove(body, "actions")))
      if (actions->is_object()) move_children(*actions, *document_.object_at(root_, "actions"));
    move_symbols(body);
    for (UclObject* group : alone(document_.remove(body, "group"))) {
      const UclObject* const name = group->is_object() ? group->find("name") : nullptr;
      if (name && !name->is_container()) {  // group { name = "ours"; … }
        name_symbols(*group);
        UclObject* const named = document_.make(UclType::kObject);
        document_.set(*named, name->text(), group);
        group = named;
      }
      document_.set_key(*group, "group");
      document_.insert(root_, group, UclDuplicate::kAppend);
    }
    for (std::string_view key : {"unknown_weight", "grow_factor", "subject"})
      for (UclObject* value : alone(document_.remove(body, key)))
        move_scalar(*document_.object_at(root_, "actions"), key, value);
  }

  void move_symbols(UclObject& body) {
    name_symbols(body);
    for (std::string_view key : {"symbol", "symbols"})
      for (UclObject* symbols : alone(document_.remove(body, key)))
        if (symbols->is_object()) move_children(*symbols, *document_.object_at(root_, "symbols"));
  }

  // symbol { name = "X"; weight = 1; }  ->  symbols { X { weight = 1; } }, in the same section.
  // Merged with it stands what was written as symbol "Y" { … }.
  void name_symbols(UclObject& body) {
    const UclObject* const head = body.find("symbol");
    if (!head) return;
    for (const UclObject& value : head->values()) {
      const UclObject* const name = value.is_object() ? value.find("name") : nullptr;
      if (!name || name->is_container()) continue;
      UclObject& symbol = document_.mutable_of(value);
      const std::string key(name->text());
      UclObject* const named = document_.make(UclType::kObject);
      for (const std::string& one : scalars(symbol)) {
        UclObject* const moved = document_.remove(symbol, one);
        if (one != "name") document_.set(*named, one, moved);
      }
      document_.set_priority(*named, symbol.priority());
      document_.place_as(*named, symbol);
      move_scalar(*document_.object_at(body, "symbols"), key, named);
    }
  }

  static std::vector<std::string> scalars(const UclObject& object) {
    std::vector<std::string> out;
    for (const UclObject& one : object.children())
      if (!one.is_container()) out.emplace_back(one.key());
    return out;
  }

  // symbol { } of a metrics.conf, whose text once stood inside metric { }.
  void loose_symbols() {
    const UclObject* head = root_.find("symbol");
    if (!head) return;
    warn(
        *head, "symbol { } is the old form.",
        "Write symbols { \"NAME\" { score = 1.0; } } in local.d/groups.conf or rspamd.conf.local.");
    move_symbols(root_);
  }

  // composite "X" {}  ->  composites { X {} }
  void loose_composites() {
    const UclObject* head = root_.find("composite");
    if (!head) return;
    warn(*head, "composite \"NAME\" { } is the old form.", "Write composites { NAME { … } }.");
    for (UclObject* one : alone(document_.remove(root_, "composite")))
      if (one->is_object()) move_children(*one, *document_.object_at(root_, "composites"));
  }

  void removed_modules() {
    if (const UclObject* old = root_.find("ip_score")) {
      warn(*old, "The module ip_score is gone.",
           "Write reputation { rules { ip_reputation { selector \"ip\" { } backend \"redis\" { } } "
           "} }.");
      document_.remove(root_, "ip_score");
    }
    if (const UclObject* old = root_.find("rmilter_headers")) {
      warn(*old, "rmilter_headers is the old name.", "Write milter_headers { … }.");
      for (UclObject* one : alone(document_.remove(root_, "rmilter_headers")))
        if (one->is_object()) move_children(*one, *document_.object_at(root_, "milter_headers"));
    }
  }

  void add_check(UclObject& rule, std::string_view check) {
    UclObject* list = document_.find(rule, "checks");
    if (!list || !list->is_array()) {
      UclObject* made = document_.make(UclType::kArray);
      if (list && list->as_string()) document_.append(*made, document_.make_string(list->text()));
      list = document_.set(rule, "checks", made);
    }
    for (const UclObject& one : list->children())
      if (one.text() == check) return;
    document_.append(*list, document_.make_string(check));
  }

  struct Rename {
    std::string_view from, to;
  };

  void rename_keys(UclObject& rule, std::span<const Rename> renames) {
    for (const Rename& row : renames)
      for (UclObject* value : alone(document_.remove(rule, row.from)))
        move_scalar(rule, row.to, value);
  }

  bool take_flag(UclObject& rule, std::string_view key) {
    const bool set = rule.flag(key, false);
    document_.remove(rule, key);
    return set;
  }

  // surbl { rules { X {} } } and emails { rules { X {} } }  ->  rbl { rbls { X {} } }
  void dnsbl_rules(std::string_view section) {
    const UclObject* head = root_.find(section);
    if (!head) return;
    const bool emails = section == "emails";
    warn(*head, std::string(section) + " is the old form of rbl.",
         emails ? "Write rbl { rbls { NAME { rbl = \"zone\"; checks = [\"emails\"]; } } }."
                : "Write rbl { rbls { NAME { rbl = \"zone\"; checks = [\"urls\"]; } } }.");
    UclObject& rbl = *document_.object_at(root_, "rbl");
    for (UclObject* old : alone(document_.remove(root_, section))) {
      if (!old->is_object()) continue;
      if (UclObject* list = document_.remove(*old, "whitelist"); list && !rbl.find("url_whitelist"))
        move_scalar(rbl, "url_whitelist", list);
      for (UclObject* rules : alone(document_.remove(*old, "rules"))) {
        if (!rules->is_object()) continue;
        for (const UclObject& rule : rules->children())
          if (rule.is_object()) {
            if (emails)
              email_rule(document_.mutable_of(rule));
            else
              url_rule(document_.mutable_of(rule));
          }
        move_children(*rules, *document_.object_at(rbl, "rbls"));
      }
    }
  }

  void url_rule(UclObject& rule) {
    static constexpr std::array<Rename, 4> kRenames{
        {{"suffix", "rbl"}, {"ips", "returncodes"}, {"bits", "returnbits"}, {"noip", "no_ip"}}};
    rename_keys(rule, kRenames);
    add_check(rule, "urls");
    if (take_flag(rule, "check_dkim")) add_check(rule, "dkim");
    if (take_flag(rule, "check_emails")) add_check(rule, "emails");
    if (take_flag(rule, "images")) add_check(rule, "images");
    const std::string_view options = rule.string("options", "");
    if (options == "noip" || options == "no_ip") {
      document_.remove(rule, "options");
      document_.set(rule, "no_ip", document_.make_bool(true));
    }
  }

  void email_rule(UclObject& rule) {
    static constexpr std::array<Rename, 5> kRenames{{{"dnsbl", "rbl"},
                                                     {"hashlen", "hash_len"},
                                                     {"encoding", "hash_format"},
                                                     {"domain_only", "emails_domainonly"},
                                                     {"delimiter", "emails_delimiter"}}};
    rename_keys(rule, kRenames);
    if (!take_flag(rule, "skip_body")) add_check(rule, "emails");
    if (take_flag(rule, "check_replyto")) add_check(rule, "replyto");
    if (UclObject* ip = document_.remove(rule, "expect_ip")) {
      const std::string name(rule.string("symbol", rule.key()));
      move_scalar(*document_.object_at(rule, "returncodes"), name, ip);
    }
  }

  // rbl { rules {} }  ->  rbl { rbls {} }
  void merge_rbl_rules() {
    UclObject* rbl = document_.find(root_, "rbl");
    if (!rbl || !rbl->is_object() || !rbl->find("rules")) return;
    warn(*rbl->find("rules"), "rules is the old name inside rbl.", "Write rbls { … }.");
    for (UclObject* rules : alone(document_.remove(*rbl, "rules")))
      if (rules->is_object()) move_children(*rules, *document_.object_at(*rbl, "rbls"));
  }

  // emails = "domain_only";  ->  checks = ["emails"]; emails_domainonly = true;
  void domains_of_emails(UclObject& rule) {
    const UclObject* value = rule.find("emails");
    if (!value || value->type() != UclType::kString || value->text() != "domain_only") return;
    warn(*value, "emails = \"domain_only\" is the old form.",
         "Write checks = [\"emails\"]; emails_domainonly = true;");
    document_.remove(rule, "emails");
    add_check(rule, "emails");
    document_.set(rule, "emails_domainonly", document_.make_bool(true));
  }

  // from = true; received = true;  ->  checks = ["from", "received"];
  void rbl_checks() {
    const UclObject* rbls = root_.get("rbl.rbls");
    if (!rbls) return;
    static constexpr std::array<std::string_view, 11> kChecks{
        "from",   "received", "helo",    "urls", "content_urls", "numeric_urls",
        "emails", "images",   "replyto", "dkim", "rdns"};
    for (const UclObject* entry : rbls->named()) {
      if (!entry->is_object()) continue;
      UclObject& rule = document_.mutable_of(*entry);
      domains_of_emails(rule);
      std::string found;
      const UclObject* first = nullptr;
      for (std::string_view check : kChecks) {
        const UclObject* value = rule.find(check);
        if (!value || value->type() != UclType::kBool) continue;
        if (!first) first = value;
        if (value->as_bool().value_or(false))
          found += (found.empty() ? "\"" : ", \"") + std::string(check) + "\"";
      }
      if (!first) continue;
      warn(*first, "Checks of a list are written as one list today.",
           "Write checks = [" + found + "];");
      for (std::string_view check : kChecks) {
        const UclObject* value = rule.find(check);
        if (!value || value->type() != UclType::kBool) continue;
        if (take_flag(rule, check)) add_check(rule, check);
      }
    }
  }

  // Sections that fit a pattern like "antivirus.*".
  std::vector<UclObject*> sections(std::string_view pattern) {
    std::vector<UclObject*> at{&root_};
    while (!pattern.empty()) {
      const size_t dot = pattern.find('.');
      const std::string_view part = pattern.substr(0, dot);
      pattern = dot == std::string_view::npos ? std::string_view{} : pattern.substr(dot + 1);
      std::vector<UclObject*> next;
      for (UclObject* object : at) {
        if (!object->is_object()) continue;
        for (const UclObject& child : object->children())
          if (part == "*" || child.key() == part)
            for (const UclObject& one : child.values())
              if (one.is_object()) next.push_back(&document_.mutable_of(one));
      }
      at = std::move(next);
    }
    return at;
  }

  void renames() {
    struct Row {
      std::string_view section, from, to;
    };
    static constexpr Row kRows[] = {
        {"options", "dns_nameserver", "dns.nameserver"},
        {"options", "dns_timeout", "dns.timeout"},
        {"options", "dns_retransmits", "dns.retransmits"},
        {"options", "dns_sockets", "dns.sockets"},
        {"options", "check_timeout", "task_timeout"},
        {"options", "upstreams", "upstream"},
        {"options", "tld", "url_tld"},
        {"mx_check", "timeout", "connect_timeout"},
        {"mx_check", "wait_for_greeting", "verify_greeting"},
        {"arc", "auth_only", "sign_authenticated"},
        {"dkim_signing", "auth_only", "sign_authenticated"},
        {"clickhouse", "limit", "limits.max_rows"},
        {"dmarc", "no_reporting_domains", "reporting.exclude_domains"},
        {"fuzzy_check.rule.*", "max_score", "hits_limit"},
        {"fuzzy_check.rule.*.fuzzy_map.*", "max_score", "hits_limit"},
        {"multimap.*", "url", "map"},
        {"neural.train", "max_train", "max_trains"},
        {"neural.rules.*.train", "max_train", "max_trains"},
        {"phishing", "generic_service_url", "generic_service_map"},
        {"phishing", "openphish_url", "openphish_map"},
        {"spf", "symbol_fail", "symbols.fail"},
        {"spf", "symbol_softfail", "symbols.softfail"},
        {"spf", "symbol_neutral", "symbols.neutral"},
        {"spf", "symbol_allow", "symbols.allow"},
        {"spf", "symbol_dnsfail", "symbols.dnsfail"},
        {"spf", "symbol_na", "symbols.na"},
        {"antivirus.*", "attachments_only", "scan_mime_parts"},
        {"external_services.*", "attachments_only", "scan_mime_parts"},
        {"classifier.*.autolearn.options.probability_check", "spam_min", "min_prob"},
    };
    for (const Row& row : kRows)
      for (UclObject* section : sections(row.section)) rename(*section, row.from, row.to);
    if (UclObject* dkim = document_.find(root_, "dkim"); dkim && dkim->is_object())
      for (std::string_view key : {"sign_condition", "sign_headers"}) {
        const UclObject* const value = dkim->find(key);
        const UclObject* const signing = document_.find(root_, "dkim_signing");
        // Headers of dkim hold where dkim_signing names none.
        if (!value ||
            (key == "sign_headers" && signing && signing->is_object() && signing->find(key)))
          continue;
        if (key == "sign_condition")
          warn(*value, "dkim only verifies; signing is configured in dkim_signing.",
               "Write dkim_signing { sign_condition = …; }.");
        for (UclObject* one : alone(document_.remove(*dkim, key)))
          move_scalar(*document_.object_at(root_, "dkim_signing"), key, one);
      }
  }

  void rename(UclObject& section, std::string_view from, std::string_view to) {
    const UclObject* old = section.find(from);
    if (!old) return;
    std::string form;
    const size_t dot = to.find('.');
    if (dot == std::string_view::npos)
      form = std::string(to) + " = " + shown(*old) + ";";
    else
      form = std::string(to.substr(0, dot)) + " { " + std::string(to.substr(dot + 1)) + " = " +
             shown(*old) + "; }";
    warn(*old, std::string(from) + " is the old name.", "Write " + form);
    UclObject* into =
        dot == std::string_view::npos ? &section : document_.object_at(section, to.substr(0, dot));
    const std::string key(dot == std::string_view::npos ? to : to.substr(dot + 1));
    UclObject* head = document_.remove(section, from);
    document_.set_key(*head, key);
    const UclObject* present = into->find(key);
    if (!present)
      document_.insert(*into, head, UclDuplicate::kAppend);
    else if (head->priority() >= present->priority())
      document_.set(*into, key, head);
  }

  void test_patterns() {
    UclObject* options = document_.find(root_, "options");
    if (!options) return;
    old_test_patterns(*options);
    // The check "gtube" has its options in its own section, as every check.
    const UclObject* const patterns = options->find("gtube_patterns");
    if (!patterns) return;
    UclObject* const gtube = document_.object_at(root_, "gtube");
    if (gtube->find("patterns")) return;
    UclObject* const made = document_.make_string(std::string(patterns->text()));
    document_.set_priority(*made, patterns->priority());
    document_.set(*gtube, "patterns", made);
  }

  void old_test_patterns(UclObject& section) {
    UclObject* const options = &section;
    if (!options->find("enable_test_patterns")) return;
    const bool on = options->flag("enable_test_patterns", false);
    warn(*options->find("enable_test_patterns"), "enable_test_patterns is the old name.",
         on ? "Write gtube_patterns = \"all\";" : "Write gtube_patterns = \"reject\";");
    UclObject* old = document_.remove(*options, "enable_test_patterns");
    UclObject* made = document_.make_string(on ? "all" : "reject");
    document_.set_priority(*made, old->priority());
    document_.set(*options, "gtube_patterns", made);
  }

  UclDocument& document_;
  UclObject& root_;
  std::vector<Warning>& warnings_;
};

}  // namespace

void translate_old(UclDocument& document, std::vector<Warning>& warnings) {
  Translator(document, warnings).run();
}

}  // namespace winnow
