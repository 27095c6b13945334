// Files, copies on disk, freshness, and what reloads share. Servers: tests/system/maps.py.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>

#include "engine/crypt/base32.h"
#include "engine/crypt/keys.h"
#include "pipeline/load.h"
#include "pipeline/maps/http_fetch.h"
#include "pipeline/maps/map_file.h"
#include "pipeline/maps/service.h"
#include "rules/compile/compile.h"
#include "rules/config/ucl_parse.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  std::string path(const std::string& name) const { return fs::path(own_.path()) / name; }
  std::string put(const std::string& name, std::string_view bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

 private:
  const OwnFolder own_;
};

// --- Keys ---

TEST(Keys, Base32IsRspamds) {
  // Little-endian bits: 0x01 is "b" + "y", not zbase32's "yr".
  EXPECT_EQ(base32_encode(std::string("\x01", 1)), "by");
  EXPECT_EQ(base32_encode(""), "");
  for (size_t size : {1u, 4u, 5u, 31u, 32u, 64u}) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 37 + 11);
    EXPECT_EQ(base32_decode(base32_encode(bytes)), bytes);
  }
  EXPECT_EQ(base32_decode("BY"), std::string("\x01", 1));
  EXPECT_FALSE(base32_decode("b2"));  // no letter of the alphabet
  EXPECT_FALSE(base32_decode("b9"));  // bits left over
  EXPECT_FALSE(read_public_key("by"));
}

TEST(Keys, SigningIsRfc8032) {
  // RFC 8032 7.1, test 2.
  const auto hex = [](std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); i += 2)
      out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    return out;
  };
  const KeyPair keys =
      make_signing_keys(hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(keys.public_key,
            hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  EXPECT_EQ(sign_ed25519(keys.secret_key, hex("72")),
            hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"));
}

// --- Files ---

TEST(MapFile, WhatIsNoFileIsNamed) {
  const Folder folder;
  const auto error = [&](const std::string& path, size_t max) {
    Result<StampedFile> file = read_map_file(path, max);
    return file ? "read" : file.error().what;
  };
  EXPECT_EQ(error(folder.path("absent"), 100), "is absent");
  EXPECT_EQ(error(folder.path("."), 100), "is a directory");
  EXPECT_EQ(error(folder.put("five", "12345"), 5), "read");
  EXPECT_EQ(error(folder.put("six", "123456"), 5), "is larger than 0 MiB (options.max_map_size)");
  const std::string sparse = folder.put("sparse", "");
  ASSERT_EQ(truncate(sparse.c_str(), off_t{1} << 30), 0);
  EXPECT_EQ(error(sparse, size_t{256} << 20), "is larger than 256 MiB (options.max_map_size)");
  ASSERT_EQ(mkfifo(folder.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(error(folder.path("fifo"), 100), "is no file");
}

TEST(MapFile, WhatChangesWhileItIsReadIsWholeOrAnError) {
  const Folder folder;
  const std::string path = folder.put("list", "");
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  // Each write makes a whole text of one letter; no reader may see two letters, or a part.
  constexpr size_t kBytes = 600'000;
  std::thread writer([&] {
    for (char letter = 'a'; !stop; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
      std::ofstream out(path, std::ios::binary | std::ios::in);
      out << std::string(kBytes, letter);
      out.close();
      ++written;
    }
  });
  size_t whole = 0, changing = 0;
  while (whole + changing < 60 || written < 3) {
    const Result<StampedFile> file = read_map_file(path, size_t{1} << 20);
    if (!file) {
      EXPECT_EQ(file.error().what, "changes while it is read");
      ++changing;
    } else {
      ++whole;
      EXPECT_EQ(file->bytes.size(), file->stamp.bytes);
    }
  }
  stop = true;
  writer.join();
  const Result<StampedFile> at_rest = read_map_file(path, size_t{1} << 20);
  ASSERT_TRUE(at_rest);
  EXPECT_EQ(at_rest->bytes.size(), kBytes);
}

TEST(MapFile, AVersionFollowsTheFile) {
  const Folder folder;
  const std::string path = folder.put("list", "pear\n");
  const uint64_t first = stamp_file(path).version;
  EXPECT_EQ(stamp_file(path).version, first);
  fs::rename(folder.put("fresh", "plum\n"), path);
  EXPECT_NE(stamp_file(path).version, first);
  EXPECT_EQ(stamp_file(folder.path("absent")).version, kAbsentFile);
}

// --- Freshness ---

struct FreshRow {
  const char* name;
  const char* control;
  const char* expires;
  int64_t seconds;  // from now; 0 = ask again
  bool may_store = true;
};

TEST(Freshness, Rows) {
  const char* const date = "Tue, 24 Nov 2026 10:00:00 GMT";
  for (const FreshRow& row : {
           FreshRow{"nothing", "", "", 0},
           FreshRow{"max-age", "public, max-age=60", "", 60},
           FreshRow{"case and quotes", "Max-Age=\"60\"", "", 60},
           FreshRow{"max-age wins", "max-age=60", "Tue, 24 Nov 2026 11:00:00 GMT", 60},
           FreshRow{"expires", "", "Tue, 24 Nov 2026 11:00:00 GMT", 3600},
           FreshRow{"past", "", "Tue, 24 Nov 2026 09:00:00 GMT", 0},
           FreshRow{"zero", "", "0", 0},
           FreshRow{"no-cache", "no-cache, max-age=60", "", 0},
           FreshRow{"no-store", "no-store", "Tue, 24 Nov 2026 11:00:00 GMT", 0, false},
           FreshRow{"negative", "max-age=-5", "", 0},
           FreshRow{"no number", "max-age=soon", "", 0},
           FreshRow{"a week at most", "max-age=99999999", "", 7 * 86'400},
           FreshRow{"too many digits", "max-age=99999999999999999999999", "", 7 * 86'400},
       }) {
    FetchReply reply;
    reply.cache_control = row.control;
    reply.expires = row.expires;
    reply.date = date;
    const int64_t now = 5'000'000;  // the server's clock counts, not ours
    const int64_t until = fresh_until(reply, now);
    EXPECT_EQ(until == 0 ? 0 : (until - now) / 1000, row.seconds) << row.name;
    EXPECT_EQ(!forbids_storing(reply), row.may_store) << row.name;
  }
}

// --- Copies ---

TEST(Copies, AreWholeOrNone) {
  const Folder folder;
  const MapCache cache(folder.path("copies"));
  MapCopy copy;
  copy.source = "http://a.example/list";
  copy.etag = "\"x\"";
  copy.signature = std::string("\0\x01\xff", 3);
  copy.fetched_ms = 17;
  const std::string body = "pear\nplum\n";
  copy.hash = map_bytes_hash(body);
  EXPECT_FALSE(cache.find(copy.source));
  ASSERT_TRUE(cache.put(copy, body));
  const std::optional<MapCopy> found = cache.find(copy.source);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->etag, copy.etag);
  EXPECT_EQ(found->signature, copy.signature);
  EXPECT_EQ(found->fetched_ms, 17);
  EXPECT_EQ(cache.body(*found, 100), body);
  EXPECT_FALSE(cache.body(*found, body.size() - 1));
  EXPECT_FALSE(cache.find("http://a.example/other"));
  cache.put_check(copy.source, {.checked_ms = 1, .next_ms = 2, .failures = 3, .error = "a\nb"});
  EXPECT_EQ(cache.check(copy.source)->error, "a b");
  EXPECT_EQ(cache.check(copy.source)->failures, 3u);
  // Any byte that is wrong, and any that is missing.
  std::string file;
  for (const auto& entry : fs::directory_iterator(folder.path("copies")))
    if (entry.path().extension() == ".map") file = entry.path();
  std::ifstream in(file, std::ios::binary);
  const std::string good(std::istreambuf_iterator<char>(in), {});
  for (size_t i = 0; i <= good.size(); ++i) {
    std::string bad = good.substr(0, i);
    if (i == good.size()) bad[bad.size() - 3] ^= 1;
    std::ofstream(file, std::ios::binary) << bad;
    const std::optional<MapCopy> head = cache.find(copy.source);
    EXPECT_FALSE(head && cache.body(*head, 100)) << i;
  }
  cache.drop(copy.source);
  EXPECT_FALSE(fs::exists(file));
}

// --- Reloads ---

struct Reloads {
  const Folder folder{};
  MapService service{MapSettings{}, folder.path("copies"), [](std::string_view) {}};

  std::shared_ptr<RuleSet> load(const std::string& text, const RuleSet* before) {
    auto parsed = parse_ucl(text, "t.conf", {});
    EXPECT_TRUE(parsed);
    CompileOptions options;
    options.supply = &service;
    options.before = before;
    options.match.databases = Databases::kAll;
    if (before) options.match.before = before->match.get();
    auto rules = compile_rules(parsed->document->root(), options);
    EXPECT_TRUE(rules);
    return *rules;
  }
  static std::string told(const RuleSet& rules) {
    std::string out;
    for (const ConfigWarning& one : rules.warnings) out += one.text() + "\n";
    return out;
  }
};

TEST(Reload, WhatHasNotChangedIsShared) {
  Reloads one;
  const std::string keys = one.folder.put("keys", "pear\n");
  const std::string patterns = one.folder.put("patterns", "/ripe pear/i\n/plum/\n");
  const std::string text = "multimap { A { type = from; map = '" + keys +
                           "' } B { type = content; filter = full; "
                           "regexp = true; map = '" +
                           patterns + "' } }";
  const auto first = one.load(text, nullptr);
  EXPECT_EQ(first->match->report().built, 1u);
  fs::rename(one.folder.put("fresh", "pear\nfig\n"), keys);
  const auto second = one.load(text, first.get());
  ASSERT_EQ(second->maps.size(), 2u);
  EXPECT_NE(second->maps[0].map.get(), first->maps[0].map.get());
  EXPECT_EQ(second->maps[0].map->size(), 2u);
  EXPECT_EQ(second->maps[1].map.get(), first->maps[1].map.get());
  EXPECT_EQ(second->match->report().built, 0u);
  EXPECT_EQ(second->match->report().shared, 1u);
  EXPECT_EQ(second->match->report().shared_patterns, 2u);
  EXPECT_NE(second->identity, first->identity);
  // One pattern more: one database is built, the patterns that were there are not compiled.
  fs::rename(one.folder.put("fresh", "/ripe pear/i\n/plum/\n/fig/\n"), patterns);
  const auto third = one.load(text, second.get());
  EXPECT_EQ(third->match->report().built, 1u);
  EXPECT_EQ(third->match->report().shared_patterns, 2u);
}

TEST(Reload, ABrokenMapLeavesTheOldOne) {
  Reloads one;
  const std::string path = one.folder.put("keys", "pear\nplum\n");
  const std::string fallback = one.folder.put("fallback", "kiwi\n");
  const std::string text =
      "multimap { A { type = from; map = ['" + path + "', 'fallback+file://" + fallback + "'] } }";
  const auto first = one.load(text, nullptr);
  EXPECT_EQ(first->maps[0].map->size(), 2u);
  fs::remove(path);
  const auto second = one.load(text, first.get());
  EXPECT_EQ(second->maps[0].map.get(), first->maps[0].map.get());
  EXPECT_EQ(second->identity, first->identity);
  EXPECT_NE(
      Reloads::told(*second).find("is absent; it counts as empty; what was read before stays"),
      std::string::npos)
      << Reloads::told(*second);
  // It stays so, and is still told, while nothing changes …
  const auto third = one.load(text, second.get());
  EXPECT_EQ(third->maps[0].map.get(), first->maps[0].map.get());
  EXPECT_EQ(Reloads::told(*third), Reloads::told(*second));
  // … and the file is taken when it is back.
  one.folder.put("keys", "fig\n");
  const auto fourth = one.load(text, third.get());
  EXPECT_EQ(fourth->maps[0].map->size(), 1u);
  EXPECT_EQ(Reloads::told(*fourth), "");
  // Where it was never there, the fallback is what is read.
  fs::remove(path);
  EXPECT_EQ(one.load(text, nullptr)->maps[0].map->size(), 1u);
}

TEST(Reload, AWatchedFileIsTold) {
  Reloads one;
  const std::string path = one.folder.put("keys", "pear\n");
  const std::string text = "multimap { A { type = from; map = '" + path + "' } }";
  const auto first = one.load(text, nullptr);
  std::mutex mutex;
  std::condition_variable woken;
  int times = 0;
  one.service.start([&] {
    const std::lock_guard lock(mutex);
    ++times;
    woken.notify_all();
  });
  fs::rename(one.folder.put("fresh", "pear\nfig\n"), path);
  {
    std::unique_lock lock(mutex);
    woken.wait(lock, [&] { return times == 1; });
  }
  EXPECT_EQ(one.load(text, first.get())->maps[0].map->size(), 2u);
  one.service.stop();
}

TEST(Settings, AreRead) {
  const std::string key = base32_encode(std::string(32, 'k'));
  auto parsed = parse_ucl(
      "options { map_watch_interval = 2min; map_file_watch_multiplier = 0.5; "
      "max_map_size = 3mb; maps_cache_dir = '/c'; trusted_keys = ['" +
          key + "', 'abc'] } maps { read_timeout = 1.5s; max_size = 10mb }",
      "t.conf", {});
  ASSERT_TRUE(parsed);
  const MapSettings got = read_map_settings(parsed->document->root());
  EXPECT_EQ(got.check_interval_ms, 120'000);
  EXPECT_EQ(got.file_interval_ms, 60'000);
  EXPECT_EQ(got.bytes_max, size_t{3} << 20);
  EXPECT_EQ(got.remote_bytes_max, size_t{3} << 20);
  EXPECT_EQ(got.read_timeout_ms, 1500);
  EXPECT_EQ(got.cache_dir, "/c");
  EXPECT_EQ(got.trusted_keys, std::vector<std::string>{std::string(32, 'k')});
  EXPECT_EQ(got.refused_keys, std::vector<std::string>{"abc"});
}

}  // namespace
}  // namespace winnow
