// Passwords and who may ask the controller. The hashes were made by Debian's rspamadm 3.4.
#include <gtest/gtest.h>

#include "engine/mime/ip.h"
#include "ingest/controller/access.h"
#include "ingest/controller/password.h"

namespace winnow {
namespace {

constexpr std::string_view kCatenaOfAbc =
    "$2$z1pag6fm6tob9gjzam5uaknrptaiamzo$fhju9dk19kemxoj6anz6tmii3ikup5sons33mxgtufifyarifswy";
constexpr std::string_view kPbkdf2OfAbc =
    "$1$4krpz48rgqrj8jzabz3kbpd36bigrw73$1uzh5mam7w7gyoquf719cdmebuakua6idkt5deh6ifzjuzpuccsb";

TEST(Password, AsRspamadmMakesThem) {
  for (const std::string_view stored : {kCatenaOfAbc, kPbkdf2OfAbc}) {
    EXPECT_TRUE(check_password(stored, "abc"));
    EXPECT_FALSE(check_password(stored, "abd"));
    EXPECT_FALSE(check_password(stored, ""));
    EXPECT_FALSE(check_password(stored, stored));  // a hash is no password
    std::string salt;
    ASSERT_TRUE(from_zbase32(stored.substr(3, 32), salt));
    ASSERT_EQ(salt.size(), kSaltBytes);
    const PasswordKind kind = stored[1] == '2' ? PasswordKind::kCatena : PasswordKind::kPbkdf2;
    const std::span<const uint8_t, kSaltBytes> bytes(reinterpret_cast<const uint8_t*>(salt.data()),
                                                     kSaltBytes);
    EXPECT_EQ(hash_password(kind, "abc", bytes), stored);
    const std::string long_one(200, 'x');
    EXPECT_TRUE(check_password(hash_password(kind, long_one, bytes), long_one));
    EXPECT_FALSE(check_password(hash_password(kind, long_one, bytes), long_one + "x"));
  }
}

TEST(Password, WhatCannotBeReadMatchesNothing) {
  for (const std::string stored :
       {"", "$", "$2$", "$2$z1pag6fm6tob9gjzam5uaknrptaiamzo", "$3$aaaa$aaaa", "$2$$",
        "$2$UPPER$fhju9dk19kemxoj6anz6tmii3ikup5sons33mxgtufifyarifswy",
        "$2$z1pag6fm6tob9gjzam5uaknrptaiamzo$fhju9dk19kemxoj6anz6tmii3ikup5sons33mxgtufifyarifsw",
        "$1$z1pag6fm6tob9gjzam5uaknrptaiamzo$"}) {
    EXPECT_FALSE(check_password(stored, "")) << stored;
    EXPECT_FALSE(check_password(stored, stored)) << stored;
    EXPECT_EQ(is_broken_password(stored), !stored.empty()) << stored;
  }
  EXPECT_FALSE(is_broken_password(kCatenaOfAbc));
  EXPECT_FALSE(is_broken_password("plain"));
  EXPECT_TRUE(check_password("plain", "plain"));
  EXPECT_FALSE(check_password("plain", "plain "));
  EXPECT_FALSE(check_password("plain", "plai"));
}

TEST(Password, Zbase32) {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd", "abcde", "\xff\x00\x80xyz"}) {
    std::string back;
    EXPECT_TRUE(from_zbase32(zbase32(bytes), back));
    EXPECT_EQ(back, bytes);
  }
}

ControllerSettings settings(std::string_view networks = "192.0.2.0/24") {
  ControllerSettings out;
  out.password = "read";
  out.enable_password = "all";
  MapBuilder map(MapKind::kIp);
  map.add_lines(networks, 0);
  out.secure_ip = map.finish();
  return out;
}

AccessRequest from(std::string_view ip) {
  AccessRequest request;
  request.peer = *parse_ip(ip);
  return request;
}

TEST(Access, TrustedPeers) {
  const ControllerSettings site = settings();
  const auto trusted = [&](AccessRequest request) { return is_trusted_peer(site, request); };
  EXPECT_TRUE(trusted(from("192.0.2.1")));
  EXPECT_FALSE(trusted(from("192.0.3.1")));
  EXPECT_FALSE(trusted({}));
  AccessRequest local;
  local.unix_socket = true;
  EXPECT_TRUE(trusted(local));

  AccessRequest proxied = from("192.0.2.1");
  proxied.forwarded_for = "192.0.2.9, 198.51.100.1";
  EXPECT_FALSE(trusted(proxied));  // the last one asks
  proxied.forwarded_for = "198.51.100.1, 192.0.2.9";
  EXPECT_TRUE(trusted(proxied));
  proxied.forwarded_for = "192.0.2.9,";
  EXPECT_FALSE(trusted(proxied));
  proxied.forwarded_for = "unknown";
  EXPECT_FALSE(trusted(proxied));
  proxied.forwarded_for = "";  // a proxy that does not know for whom it asks
  EXPECT_FALSE(trusted(proxied));
  proxied.real_ip = "192.0.2.7";
  EXPECT_FALSE(trusted(proxied));
  proxied.forwarded_for.reset();
  EXPECT_TRUE(trusted(proxied));
  proxied.real_ip = "198.51.100.1";
  EXPECT_FALSE(trusted(proxied));
  proxied.real_ip = "";
  EXPECT_FALSE(trusted(proxied));
  proxied.real_ip.reset();
  for (const char* const named : {"192.0.2.9:4711", "[192.0.2.9]:4711", "[192.0.2.9]"}) {
    proxied.forwarded_for = named;
    EXPECT_TRUE(trusted(proxied)) << named;
  }
  for (const char* const named : {"198.51.100.1:4711", "[192.0.2.9", "[192.0.2.9]x", "[", ":"}) {
    proxied.forwarded_for = named;
    EXPECT_FALSE(trusted(proxied)) << named;
  }

  // Headers give nobody a place that its address has not.
  AccessRequest outside = from("198.51.100.1");
  outside.forwarded_for = "192.0.2.9";
  EXPECT_FALSE(trusted(outside));
  ControllerSettings nobody;
  EXPECT_FALSE(is_trusted_peer(nobody, from("127.0.0.1")));
}

TEST(Access, Passwords) {
  ControllerSettings site = settings();
  EXPECT_EQ(Gatekeeper::verify(site, "all"), Access::kAll);
  EXPECT_EQ(Gatekeeper::verify(site, "read"), Access::kRead);
  EXPECT_EQ(Gatekeeper::verify(site, "else"), Access::kRefused);
  site.enable_password.clear();
  EXPECT_EQ(Gatekeeper::verify(site, "read"), Access::kAll);
  EXPECT_EQ(Gatekeeper::verify(site, "all"), Access::kRefused);
  site.password = "q1";
  EXPECT_EQ(Gatekeeper::verify(site, "q1"), Access::kRefused);
  site.password = kCatenaOfAbc;
  EXPECT_EQ(Gatekeeper::verify(site, "abc"), Access::kAll);
  // Without any password nobody else is let in.
  site.password.clear();
  Gatekeeper gate;
  AccessRequest request = from("198.51.100.1");
  EXPECT_EQ(gate.look(site, request, 0).access, Access::kRefused);
  request.password = "x";
  EXPECT_TRUE(gate.look(site, request, 0).decided);
  EXPECT_EQ(gate.look(site, request, 0).access, Access::kRefused);
}

TEST(Access, FailuresAreCountedBySource) {
  const ControllerSettings site = settings();
  Gatekeeper gate;
  AccessRequest request = from("198.51.100.1");
  request.password = "wrong";
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(gate.look(site, request, 1000).decided);
    gate.remember(site, request, Access::kRefused, 1000);
  }
  EXPECT_EQ(gate.look(site, request, 2000).access, Access::kTooManyFailures);
  request.password = "all";  // the right one, too late
  EXPECT_EQ(gate.look(site, request, 61'000).access, Access::kTooManyFailures);
  // A name in a header is no way around.
  request.forwarded_for = "198.51.100.77";
  EXPECT_EQ(gate.look(site, request, 2000).access, Access::kTooManyFailures);
  AccessRequest other = from("198.51.100.2");
  other.password = "all";
  EXPECT_FALSE(gate.look(site, other, 2000).decided);
  EXPECT_FALSE(gate.look(site, request, 61'001).decided);  // the window is over

  // One /64 is one source; behind a trusted proxy everyone is his own.
  AccessRequest six = from("2001:db8::1");
  six.password = "wrong";
  for (int i = 0; i < 10; ++i) gate.remember(site, six, Access::kRefused, 1000);
  six.peer = *parse_ip("2001:db8::ffff");
  EXPECT_EQ(gate.look(site, six, 1000).access, Access::kTooManyFailures);
  AccessRequest proxied = from("192.0.2.1");
  proxied.password = "wrong";
  proxied.forwarded_for = "203.0.113.1";
  for (int i = 0; i < 10; ++i) gate.remember(site, proxied, Access::kRefused, 1000);
  EXPECT_EQ(gate.look(site, proxied, 1000).access, Access::kTooManyFailures);
  proxied.forwarded_for = "203.0.113.2";
  EXPECT_FALSE(gate.look(site, proxied, 1000).decided);
}

TEST(Access, GoodPasswordsAreRemembered) {
  ControllerSettings site = settings();
  Gatekeeper gate;
  AccessRequest request = from("198.51.100.1");
  request.password = "read";
  EXPECT_FALSE(gate.look(site, request, 0).decided);
  gate.remember(site, request, Access::kRead, 0);
  EXPECT_TRUE(gate.look(site, request, 0).decided);
  EXPECT_EQ(gate.look(site, request, 0).access, Access::kRead);
  site.password = "other";  // a change of the configuration forgets
  EXPECT_FALSE(gate.look(site, request, 0).decided);
}

TEST(Access, SourcesAreBounded) {
  const ControllerSettings site = settings();
  Gatekeeper gate;
  AccessRequest request = from("10.0.0.0");
  request.password = "wrong";
  for (size_t i = 0; i < Gatekeeper::kSourcesMax; ++i) {
    request.peer.bytes[13] = static_cast<uint8_t>(i >> 16);
    request.peer.bytes[14] = static_cast<uint8_t>(i >> 8);
    request.peer.bytes[15] = static_cast<uint8_t>(i);
    gate.remember(site, request, Access::kRefused, 1000);
  }
  AccessRequest fresh = from("198.51.100.1");
  fresh.password = "wrong";
  EXPECT_EQ(gate.look(site, fresh, 2000).access, Access::kTooManyFailures);
  EXPECT_FALSE(gate.look(site, fresh, 61'001).decided);
}

}  // namespace
}  // namespace winnow
