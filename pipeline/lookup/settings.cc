#include "pipeline/lookup/settings.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace winnow {

namespace {

constexpr const char* kSystemServers = "/etc/resolv.conf";

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(fmt::format("{} cannot be read", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

Result<LookupOptions> lookup_options(const DnsConfig& config) {
  LookupOptions options;
  options.retransmits = config.retransmits;
  options.dns.timeout_ms = config.timeout_ms;
  options.dns.sockets = config.sockets;
  options.dns.dnssec = config.dnssec;
  for (const std::string& path : config.hosts) {
    const Result<std::string> text = read_text(path);
    if (text && text->size() <= HostTable::kFileBytesMax)
      options.hosts.add(*text);
    else if (config.hosts_given)
      return fail(fmt::format("options.dns.hosts: {}",
                              text ? fmt::format("{} is too large", path) : text.error().what));
  }
  DnsServers& servers = options.dns.servers;
  for (const std::string& entry : config.nameservers)
    if (Result<void> added = add_nameservers(entry, servers, read_text); !added)
      return fail(fmt::format("options.dns.nameserver: {}", added.error().what));
  if (servers.list.empty())
    if (Result<void> added = add_nameservers(kSystemServers, servers, read_text); !added)
      return fail(
          fmt::format("no name server to ask: {}; set options.dns.nameserver", added.error().what));
  return options;
}

std::shared_ptr<MxProbes> probes_for(const RuleSet& rules, std::shared_ptr<Store> kept) {
  for (const EnabledCheck& one : rules.checks)
    if (one.check->name == "mx_check") return std::make_shared<MxProbes>(std::move(kept));
  return nullptr;
}

std::vector<DnsList> lists_of(const RuleSet& rules) {
  for (const EnabledCheck& one : rules.checks)
    if (one.check->name == "rbl") return dns_lists_of(*one.plan);
  return {};
}

}  // namespace winnow
