#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/mime/ip.h"
#include "engine/mime/received.h"

namespace winnow {
namespace {

struct Row {
  std::string_view name;
  std::string_view value;
  std::string_view expected;  // helo|rdns|ip|by|for|protocol|id|flags
  int64_t time = 0;
};

// Hosts, addresses and ids are made up; the layouts are those of the servers named.
constexpr Row kRows[] = {
    {"Postfix",
     "from mail.example.com (mx1.example.com [192.0.2.1]) (using TLSv1.2 with cipher "
     "ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)) (No client certificate requested) by "
     "mx.example.org (Postfix) with ESMTPS id 4F1B2C3D4E for <user@example.org>; Mon, 25 Mar 2024 "
     "10:00:00 +0100 (CET)",
     "mail.example.com|mx1.example.com|192.0.2.1|mx.example.org|user@example.org|esmtps|"
     "4F1B2C3D4E|9",
     1711357200},
    {"Postfix, unknown client",
     "from HELO.Example (unknown [IPv6:2001:db8::1]) by mx.example.org (Postfix) with ESMTP id X",
     "helo.example||2001:db8::1|mx.example.org||esmtp|X|0"},
    {"Postfix, authenticated",
     "from [10.0.0.5] (client.example.net [198.51.100.7]) (Authenticated sender: "
     "me@example.org) by mx.example.org (Postfix) with ESMTPSA id X",
     "[10.0.0.5]|client.example.net|198.51.100.7|mx.example.org||esmtpsa|X|11"},
    {"a client without a name, in a comment alone",
     "from ([203.0.113.5]) by mx.example.org with ESMTPS id X; Tue, 01 Dec 2026 01:00:00 +0000 "
     "(envelope; x)",
     "||203.0.113.5|mx.example.org||esmtps|X|9", 1796086800},
    {"a client called by", "from by ([203.0.113.5]) by mx.example.org with ESMTP id X",
     "by||203.0.113.5|mx.example.org||esmtp|X|0"},
    {"a comment that stays open behind the date",
     "by mx.example.org id X; Tue, 01 Dec 2026 01:00:00 +0000 (x", "|||mx.example.org|||X|0",
     1796086800},
    {"Postfix, local",
     "by mx.example.org (Postfix, from userid 1000) id X; 1 Jan 2020 00:00:00 +0000",
     "|||mx.example.org|||X|0", 1577836800},
    {"Exim, HELO in the comment",
     "from host.example.net ([198.51.100.7]:2525 helo=helo.example) by mx.example.org with "
     "esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from <a@b.example>) id "
     "1abc-0001 for user@example.org; Mon, 25 Mar 2024 10:00:00 +0100",
     "helo.example|host.example.net|198.51.100.7|mx.example.org|user@example.org|esmtps|1abc-0001|"
     "9",
     1711357200},
    {"Exim, no reverse name",
     "from [198.51.100.7] (helo=helo.example) by mx.example.org with smtp (Exim 4.96) id 1abc",
     "helo.example||198.51.100.7|mx.example.org||smtp|1abc|0"},
    {"Exim, local", "from user by mx.example.org with local (Exim 4.96) id 1abc",
     "user|||mx.example.org||local|1abc|0"},
    {"Sendmail",
     "from helo.example (IDENT:joe@rdns.example.net. [198.51.100.7] (may be forged)) by "
     "mx.example.org (8.14.4/8.14.4) with ESMTP id u2PA; Mon, 25 Mar 2024 10:00:00 +0100",
     "helo.example|rdns.example.net|198.51.100.7|mx.example.org||esmtp|u2PA|0", 1711357200},
    {"Sendmail, authenticated",
     "from helo.example (rdns.example.net [198.51.100.7]) (authenticated bits=0) by "
     "mx.example.org (8.14.4/8.14.4) with ESMTP id u2PA",
     "helo.example|rdns.example.net|198.51.100.7|mx.example.org||esmtp|u2PA|2"},
    {"Sendmail, submitted", "(from joe@localhost) by mx.example.org (8.14.4) id u2PA",
     "|||mx.example.org|||u2PA|0"},
    {"qmail",
     "from unknown (HELO helo.example) (198.51.100.7) by mx.example.org with SMTP; 25 Mar 2024 "
     "09:00:00 -0000",
     "helo.example||198.51.100.7|mx.example.org||smtp||0", 1711357200},
    {"qmail, user", "from rdns.example.net (HELO ?10.1.1.1?) (joe@198.51.100.7) by 0 with SMTP",
     "10.1.1.1|rdns.example.net|198.51.100.7|0||smtp||0"},
    {"qmail, inside", "(qmail 1234 invoked by uid 99); 25 Mar 2024 09:00:00 -0000", "|||||||0",
     1711357200},
    {"Exchange",
     "from A.example.com (2001:db8::1) by B.example.com (2001:db8::2) with Microsoft SMTP Server "
     "(version=TLS1_2, cipher=TLS_ECDHE) id 15.20.1.1; Mon, 25 Mar 2024 09:00:00 +0000",
     "a.example.com||2001:db8::1|b.example.com||smtp|15.20.1.1|1", 1711357200},
    {"Exchange, MAPI",
     "from A.example.com ([fe80::1]) by A.example.com ([fe80::1%3]) with mapi id 15",
     "a.example.com||fe80::1|a.example.com||mapi|15|0"},
    {"Gmail",
     "from mail-x.google.example (mail-x.google.example. [192.0.2.41]) by mx.google.example with "
     "SMTPS id a1sor1 for <user@example.org> (Google Transport Security); Mon, 25 Mar 2024 "
     "02:00:00 -0700 (PDT)",
     "mail-x.google.example|mail-x.google.example|192.0.2.41|mx.google.example|user@example.org|"
     "smtps|a1sor1|9",
     1711357200},
    {"Gmail, inside", "by 2002:a05:6402:1:: with SMTP id x; Mon, 25 Mar 2024 02:00:00 -0700",
     "|||2002:a05:6402:1::||smtp|x|0", 1711357200},
    {"CommuniGate",
     "from [198.51.100.7] (account joe@example.org HELO helo.example) by mx.example.org "
     "(CommuniGate Pro SMTP 6.1) with ESMTPSA id 1",
     "helo.example||198.51.100.7|mx.example.org||esmtpsa|1|11"},
    {"address beside the name", "from helo.example [198.51.100.7] by mx.example.org with ESMTP",
     "helo.example||198.51.100.7|mx.example.org||esmtp||0"},
    {"address on the name", "from rdns.example.net[198.51.100.7] by mx.example.org with ESMTP",
     "rdns.example.net||198.51.100.7|mx.example.org||esmtp||0"},
    {"web", "from [198.51.100.7] by web1.example.com via HTTP; Mon, 25 Mar 2024 02:00:00 PDT",
     "[198.51.100.7]||198.51.100.7|web1.example.com||http||0", 1711357200},
    {"name is an address", "from 198.51.100.7 by mx.example.org with HTTP",
     "198.51.100.7||198.51.100.7|mx.example.org||http||0"},
    {"semicolon inside a comment",
     "from a.example (x; y [192.0.2.1]) by b.example; 1 Jan 2020 00:00 +0000",
     "a.example||192.0.2.1|b.example||||0", 1577836800},
    {"unclosed comment", "from a.example (x [192.0.2.1] by b.example with SMTP",
     "a.example||192.0.2.1|b.example||smtp||0"},
    {"empty", "", "|||||||0"},
    {"only a date", "; 1 Jan 2020 00:00 +0000", "|||||||0", 1577836800},
    {"bad date", "by x; rubbish", "|||x||||0"},
};

TEST(Received, rows) {
  Arena arena;
  for (const Row& row : kRows) {
    const Received r = parse_received(row.value, arena);
    EXPECT_EQ(fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", r.from_hostname, r.real_hostname,
                          format_ip(r.real_ip, arena), r.by_hostname, r.for_address, r.protocol,
                          r.id, r.flags),
              row.expected)
        << row.name;
    EXPECT_EQ(r.time, row.time) << row.name;
  }
}

TEST(Received, hostile_texts_end) {
  for (std::string_view piece :
       {"(", ")", "((", "()", ";", "from ", "by x ", "[", "a[", "\\(", "(;", "helo "}) {
    Arena arena;
    std::string text = "from x (";
    while (text.size() < 1'000'000) text += piece;
    (void)parse_received(text, arena);
  }
}

}  // namespace
}  // namespace winnow
