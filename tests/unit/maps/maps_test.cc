// Map syntax, tables and sources.
#include <gtest/gtest.h>
#include <zstd.h>

#include "engine/mime/ip.h"
#include "rules/config/ucl_parse.h"
#include "rules/maps/entries.h"
#include "rules/maps/store.h"

namespace winnow {
namespace {

std::string lines_of(std::string_view text) {
  std::string out;
  MapLines lines(text);
  MapLine entry;
  while (lines.next(entry)) {
    out += std::to_string(entry.line) + "[" + std::string(entry.key) + "]";
    if (!entry.value.empty()) out += "=" + std::string(entry.value);
    if (entry.unclosed) out += "!";
    out += " ";
  }
  return out;
}

struct LineRow {
  const char* name;
  std::string_view text;
  std::string_view lines;
};

class Lines : public ::testing::TestWithParam<LineRow> {};
TEST_P(Lines, AreRead) { EXPECT_EQ(lines_of(GetParam().text), GetParam().lines); }

INSTANTIATE_TEST_SUITE_P(
    Syntax, Lines,
    ::testing::Values(
        LineRow{"Empty", "", ""}, LineRow{"BlankLines", "\n \n\t\r\n", ""},
        LineRow{"KeyAlone", "pear", "1[pear] "},
        LineRow{"KeyAndComment", "pear # green", "1[pear] "},
        LineRow{"Comment", "# pear\nplum", "2[plum] "},
        LineRow{"HashInside", "a#b c#d # e", "1[a#b]=c#d "},
        LineRow{"KeyAndValue", "pear 3\r\nplum  FRUIT:2 ", "1[pear]=3 2[plum]=FRUIT:2 "},
        LineRow{"CrAlone", "a\rb", "1[a] 2[b] "},
        LineRow{"Quoted", "\"ripe pear\" some words", "1[ripe pear]=some words "},
        LineRow{"QuotedEscapes", R"("a \"b\" \\ \d" v)", R"(1[a "b" \ \d]=v )"},
        LineRow{"QuotedUnclosed", "\"pear\nplum", "1[pear]! 2[plum] "},
        LineRow{"QuoteAtTheEnd", "\"", ""}, LineRow{"QuotedEmpty", "\"\" v", ""},
        LineRow{"QuotedBackslashEnd", "\"a\\", "1[a\\]! "},
        LineRow{"Pattern", "/ripe pear/i FRUIT", "1[/ripe pear/i]=FRUIT "},
        LineRow{"PatternEscaped", R"(/a\/ b/ v)", R"(1[/a\/ b/]=v )"},
        LineRow{"PatternBareSlash", "/https://pear y/is v", "1[/https://pear y/is]=v "},
        LineRow{"PatternM", "m{a b}i v", "1[m{a b}i]=v "},
        LineRow{"PathIsNoPattern", "/srv/mail v", "1[/srv/mail]=v "},
        LineRow{"PatternHash", "/a #b/ c", "1[/a #b/]=c "},
        LineRow{"Brackets", "[2001:db8::]/32 DROP", "1[[2001:db8::]/32]=DROP "}),
    [](const auto& one) { return one.param.name; });

struct NetworkRow {
  const char* name;
  std::string_view text;
  int bits;  // -1 = none
  int family = 4;
};
class Networks : public ::testing::TestWithParam<NetworkRow> {};
TEST_P(Networks, AreRead) {
  const std::optional<MapNetwork> network = parse_network(GetParam().text);
  ASSERT_EQ(network.has_value(), GetParam().bits >= 0);
  if (!network) return;
  EXPECT_EQ(network->bits, static_cast<unsigned>(GetParam().bits));
  EXPECT_EQ(network->ip.family, GetParam().family);
}
INSTANTIATE_TEST_SUITE_P(
    Syntax, Networks,
    ::testing::Values(
        NetworkRow{"Address", "192.0.2.9", 32}, NetworkRow{"Net", "192.0.2.0/24", 24},
        NetworkRow{"All", "0.0.0.0/0", 0}, NetworkRow{"TooLong", "192.0.2.0/33", -1},
        NetworkRow{"NoMask", "192.0.2.0/", -1}, NetworkRow{"NotANumber", "192.0.2.0/2x", -1},
        NetworkRow{"Six", "2001:db8::1", 128, 6}, NetworkRow{"SixNet", "2001:db8::/32", 32, 6},
        NetworkRow{"SixBrackets", "[2001:db8::]/32", 32, 6},
        NetworkRow{"SixBracketsAround", "[2001:db8::/32]", 32, 6},
        NetworkRow{"SixTooLong", "[::1]/129", -1}, NetworkRow{"Mapped", "::ffff:192.0.2.0/120", 24},
        NetworkRow{"MappedTooShort", "::ffff:192.0.2.0/90", -1},
        NetworkRow{"Name", "mail.example", -1}),
    [](const auto& one) { return one.param.name; });

// As Rspamd 3.4 reads them: found anywhere, and brackets stand for themselves.
TEST(GlobRegex, IsEscapedAndNotAnchored) {
  EXPECT_EQ(glob_regex("*.example.com"), ".*\\.example\\.com");
  EXPECT_EQ(glob_regex("a?[0-9]**^b$"), "a.\\[0\\-9\\].*\\^b\\$");
}

std::shared_ptr<const Map> map_of(MapKind kind, std::string_view text) {
  MapBuilder builder(kind);
  builder.add_lines(text, 0);
  return builder.finish();
}
std::string value_of(const Map& map, std::string_view key) {
  const uint32_t number = map.find(key);
  return number == kNoIndex ? "absent" : std::string(map.value(number));
}
std::string value_of_ip(const Map& map, std::string_view ip) {
  const uint32_t number = map.find(*parse_ip(ip));
  return number == kNoIndex ? "absent" : std::string(map.value(number));
}

TEST(IpMap, FindsWhatWasReadAndLeavesOutUnclosedQuotes) {
  EXPECT_EQ(value_of_ip(*map_of(MapKind::kIp, "[::1]/64 A"), "::1"), "A");
  EXPECT_EQ(value_of_ip(*map_of(MapKind::kIp, "\"[::1]/64\" A"), "::1"), "A");
  EXPECT_EQ(value_of_ip(*map_of(MapKind::kIp, "\"[::1]/64 A"), "::1"), "absent");
}

TEST(HashMap, FindsInAnyCaseAndTakesTheLastValue) {
  const auto map = map_of(MapKind::kHash, "Pear 1\nlong-key-of-Plums X\npear 2\n");
  EXPECT_EQ(map->size(), 2u);
  EXPECT_EQ(value_of(*map, "PEAR"), "2");
  EXPECT_EQ(value_of(*map, "LONG-KEY-of-plums"), "X");
  EXPECT_EQ(value_of(*map, "long-key-of-plum"), "absent");
  EXPECT_EQ(value_of(*map, ""), "absent");
  EXPECT_EQ(value_of(*map_of(MapKind::kSet, ""), "x"), "absent");
}

TEST(HashMap, CaseFoldingTouchesLettersAlone) {
  HashTable table;
  table.put("@[`{\xC3\x84Zz", 7);
  EXPECT_EQ(table.find("@[`{\xC3\x84zZ"), 7u);
  EXPECT_EQ(table.find("`{@[\xC3\x84zZ"), kNoIndex);
  EXPECT_EQ(table.find("@[`{\xC3\xA4zz"), kNoIndex);
}

TEST(HashMap, KeysAroundTheLengthByte) {
  HashTable table(false);
  for (const size_t length : {1, 7, 8, 9, 254, 255, 256, 70'000})
    table.put(std::string(length, 'k'), static_cast<uint32_t>(length));
  for (const size_t length : {1, 7, 8, 9, 254, 255, 256, 70'000})
    EXPECT_EQ(table.find(std::string(length, 'k')), length);
  EXPECT_EQ(table.find(std::string(253, 'k')), kNoIndex);
  EXPECT_EQ(table.find("K"), kNoIndex);
}

TEST(HashMap, ManyEntriesAreSmall) {
  std::string text;
  constexpr uint32_t kMany = 100'000;
  for (uint32_t i = 0; i < kMany; ++i)
    text += "user" + std::to_string(i) + "@example.org S:" + std::to_string(i % 7) + "\n";
  const auto map = map_of(MapKind::kHash, text);
  ASSERT_EQ(map->size(), kMany);
  EXPECT_EQ(map->values(), 8u);
  for (uint32_t i = 0; i < kMany; ++i)
    ASSERT_EQ(value_of(*map, "user" + std::to_string(i) + "@example.org"),
              "S:" + std::to_string(i % 7));
  EXPECT_LE(map->bytes(), map->data_bytes() + kMany * 40);
}

TEST(IpMap, TheLongestNetworkWins) {
  const auto map = map_of(MapKind::kIp,
                          "10.0.0.0/8 A\n10.1.0.0/16 B\n10.1.2.3 C\n10.1.2.0/24 D\n10.1.2.3 E\n"
                          "[2001:db8::]/32 V\n2001:db8:1::/48 W\n192.0.2.1,192.0.2.7 L\n");
  const std::pair<const char*, const char*> rows[] = {
      {"10.0.0.0", "A"},       {"10.255.255.255", "A"},  {"10.1.0.0", "B"},
      {"10.1.2.2", "D"},       {"10.1.2.3", "E"},        {"10.1.2.4", "D"},
      {"10.1.3.0", "B"},       {"10.2.0.0", "A"},        {"9.255.255.255", "absent"},
      {"11.0.0.0", "absent"},  {"2001:db8::1", "V"},     {"2001:db8:1::5", "W"},
      {"2001:db8:2::", "V"},   {"2001:db9::", "absent"}, {"192.0.2.7", "L"},
      {"192.0.2.2", "absent"}, {"::1", "absent"},
  };
  for (const auto& [ip, value] : rows) EXPECT_EQ(value_of_ip(*map, ip), value) << ip;
}

// Oracle: every network is asked, the longest is taken.
TEST(IpMap, AgreesWithTheSlowWay) {
  PrefixTable table;
  std::vector<std::pair<MapNetwork, uint32_t>> all;
  uint32_t random = 12345;
  const auto next = [&] { return random = random * 1664525 + 1013904223; };
  for (uint32_t i = 0; i < 500; ++i) {
    MapNetwork one;
    one.ip.family = i % 2 ? 4 : 6;
    for (uint8_t& byte : one.ip.bytes) byte = (next() >> 24) & 3;
    if (one.ip.family == 4) {
      std::fill_n(one.ip.bytes, 10, 0);
      one.ip.bytes[10] = one.ip.bytes[11] = 255;
    }
    one.bits = (next() >> 16) % (one.ip.family == 4 ? 33 : 129);
    table.add(one.ip, one.bits, i);
    all.emplace_back(one, i);
  }
  table.finish();
  for (uint32_t i = 0; i < 2000; ++i) {
    IpAddress ip = all[next() % all.size()].first.ip;
    ip.bytes[12 + (next() >> 20) % 4] ^= (next() >> 24) & 3;
    uint32_t best = kNoIndex;
    int bits = -1;
    for (const auto& [network, value] : all)
      if (ip.family == network.ip.family && ip_in_net(ip, network.ip, network.bits) &&
          static_cast<int>(network.bits) >= bits) {
        bits = static_cast<int>(network.bits);
        best = value;
      }
    ASSERT_EQ(table.find(ip), best);
  }
}

std::string le32(uint32_t value) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string make_cdb(std::string_view key, std::string_view value) {
  const std::string record = le32(static_cast<uint32_t>(key.size())) +
                             le32(static_cast<uint32_t>(value.size())) + std::string(key) +
                             std::string(value);
  std::string head;
  for (int i = 0; i < 256; ++i) head += le32(static_cast<uint32_t>(2048 + record.size())) + le32(0);
  return head + record;
}

TEST(CdbMap, ReadsRecordsAndRefusesBrokenOnes) {
  MapBuilder builder(MapKind::kCdb);
  EXPECT_EQ(builder.add_cdb(make_cdb("Pear", "GREEN")), std::nullopt);
  const auto map = builder.finish();
  EXPECT_EQ(value_of(*map, "Pear"), "GREEN");
  EXPECT_EQ(value_of(*map, "pear"), "absent");
  std::string broken = make_cdb("Pear", "GREEN");
  broken[2048] = 100;
  for (const std::string& bytes : {std::string("x"), std::string(2048, '\0'), broken})
    EXPECT_TRUE(MapBuilder(MapKind::kCdb).add_cdb(bytes).has_value());
}

// --- Sources ---

struct Stored {
  std::string told;
  MemoryFiles files;
  FileSupply supply{&files};
  MapStore store{supply, [this](const Place& at, std::string what) {
                   told += std::string(at.file) + ":" + std::to_string(at.line) + " " + what + "\n";
                 }};
  std::vector<std::unique_ptr<UclDocument>> documents;  // places point into them

  std::shared_ptr<const Map> load(const std::string& option, MapKind kind = MapKind::kHash) {
    auto parsed = parse_ucl(option, "t.conf", {});
    EXPECT_TRUE(parsed);
    documents.push_back(std::move(parsed->document));
    return store.load(*documents.back()->root().find("map"), kind);
  }
};

TEST(Sources, FilesListsAndKinds) {
  Stored one;
  one.files.add("/m/a.map", "pear 1\n");
  one.files.add("/m/b.map", "plum 2\n");
  EXPECT_EQ(one.load("map = '/m/a.map'")->size(), 1u);
  EXPECT_EQ(one.load("map = 'file:///m/a.map'")->size(), 1u);
  const auto both = one.load("map = ['/m/a.map', 'file:///m/b.map', 'fig 3']");
  EXPECT_EQ(value_of(*both, "plum"), "2");
  EXPECT_EQ(value_of(*both, "fig"), "3");
  EXPECT_EQ(one.load("map = { urls = ['/m/a.map']; data = ['kiwi'] }")->size(), 2u);
  EXPECT_EQ(one.load("map = ['/ripe pear/i', '/m/a.map']", MapKind::kRegexp)->size(), 2u);
  EXPECT_EQ(one.load("map = 'regexp;/m/a.map'")->kind(), MapKind::kRegexp);
  EXPECT_EQ(one.load("map = ['glob;*.pear']")->kind(), MapKind::kGlob);
  EXPECT_EQ(value_of_ip(*one.load("map = '192.0.2.0/24'", MapKind::kIp), "192.0.2.5"), "");
  EXPECT_EQ(one.told, "");
  // The same sources are one map.
  EXPECT_EQ(one.load("map = '/m/a.map'").get(), one.load("map = '/m/a.map'").get());
}

TEST(Sources, WhatCannotBeReadIsSaidOnce) {
  Stored one;
  one.files.add("/m/fallback", "pear\n");
  one.files.add("/m/empty", "# nothing\n");
  EXPECT_EQ(one.load("map = '/m/absent'")->size(), 0u);
  EXPECT_EQ(one.load("map = '/m/absent'")->size(), 0u);
  EXPECT_EQ(one.load("map = '/m/empty'")->size(), 0u);
  EXPECT_EQ(one.load("map = ['https://a.example/l.zst', 'fallback+file:///m/fallback']")->size(),
            1u);
  EXPECT_EQ(one.load("map = 'http://a.example/m'")->size(), 0u);
  EXPECT_EQ(one.load("map = 'sign+key=abc+http://a.example/m'")->size(), 0u);
  EXPECT_EQ(one.load("map = 'relative/path'")->size(), 0u);
  one.store.finish();
  EXPECT_EQ(
      one.told,
      "t.conf:1 map /m/absent is absent; it counts as empty\n"
      "t.conf:1 map /m/empty is empty\n"
      "t.conf:1 map \"relative/path\" is neither a path nor a URL; entries stand in [a list]\n"
      "t.conf:1 3 map sources on the network give nothing and count as empty; the first: "
      "https://a.example/l.zst is not fetched here\n");
}

TEST(Sources, FallbackIsNotReadWhereAllIsThere) {
  Stored one;
  one.files.add("/m/a", "pear\n");
  one.files.add("/m/b", "plum\n");
  EXPECT_EQ(one.load("map = ['/m/a', 'fallback+file:///m/b']")->size(), 1u);
}

TEST(Sources, BrokenLinesAreNamedWithTheirPlace) {
  Stored one;
  one.files.add("/m/ip", "192.0.2.1\nnot-an-ip\n192.0.2.300\n");
  EXPECT_EQ(one.load("map = '/m/ip'", MapKind::kIp)->size(), 1u);
  EXPECT_EQ(one.told,
            "/m/ip:2 \"not-an-ip\" is no IP address or network; the line is left out\n"
            "/m/ip:3 \"192.0.2.300\" is no IP address or network; the line is left out\n");
}

TEST(Sources, Zstd) {
  const std::string text = "pear 1\nplum 2\n";
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  Stored one;
  one.files.add("/m/a.zst", packed);
  one.files.add("/m/cut.zst", packed.substr(0, packed.size() - 3));
  one.files.add("/m/no.zst", text);
  EXPECT_EQ(one.load("map = '/m/a.zst'")->size(), 2u);
  EXPECT_EQ(one.told, "");
  EXPECT_EQ(one.load("map = '/m/cut.zst'")->size(), 0u);
  EXPECT_EQ(one.load("map = '/m/no.zst'")->size(), 0u);
  EXPECT_NE(one.told.find("cut.zst is cut off"), std::string::npos) << one.told;
  EXPECT_NE(one.told.find("no.zst is broken"), std::string::npos) << one.told;
  EXPECT_FALSE(unpack_zstd(packed, 5));
}

}  // namespace
}  // namespace winnow
