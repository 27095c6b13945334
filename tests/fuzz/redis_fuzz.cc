// What a Redis server answers, and how servers are written. The first byte says in what pieces the
// rest comes; however it comes, the same is read of it. Then it is a list of servers: what is read
// is written, and read as the same. Last, a configuration: what it says of Redis is within its
// bounds or an error.
#include <cstdlib>
#include <string>

#include "pipeline/lookup/store/redis_options.h"
#include "pipeline/lookup/store/redis_reply.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/small_ucl.h"

namespace {

using namespace winnow;

void show(const RedisReply& reply, std::string& out) {
  out += static_cast<char>('0' + static_cast<int>(reply.kind));
  out += std::to_string(reply.integer) + "," + std::to_string(reply.number()) + "," + reply.text;
  for (const RedisReply& item : reply.items) show(item, out);
}

std::string read_all(std::string_view bytes, size_t piece) {
  RedisReader reader;
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece));
    RedisReply reply;
    RedisReader::State state;
    while ((state = reader.next(reply)) == RedisReader::State::kReply) show(reply, out);
    if (state == RedisReader::State::kBroken) return out + "broken";
  }
  return out;
}

void configure(std::string_view text) {
  const auto document = small_ucl(text);
  if (!document) return;
  const UclObject& root = document->root();
  const Result<RedisOptions> options = redis_options(root, root.find("bayes"), "bayes");
  if (!options) return;
  require(!options->read.list.empty() || !options->sentinels.empty());
  require(options->timeout_ms >= 1 && options->timeout_ms <= 86'400'000);
  require(options->db <= 1'000'000 && options->sentinel_failures >= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = read_all(bytes, bytes.size() + 1);
  const std::string pieces = read_all(bytes, 1 + data[0] % 32);
  if (whole != pieces) std::abort();

  configure(bytes);
  RedisServers servers;
  if (!add_redis_servers(bytes, servers)) return 0;
  for (const RedisServer& one : servers.list) {
    RedisServers again;
    if (!one.is_unix() && one.host.find_first_of("[],; \t") != std::string::npos) continue;
    if (one.is_unix() && one.host.find_first_of(",; \t") != std::string::npos) continue;
    if (!add_redis_servers("," + one.text(), again) || again.list.size() != 1 ||
        again.list[0] != one)
      std::abort();
  }
  return 0;
}
