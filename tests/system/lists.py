#!/usr/bin/env python3
"""Options of DNS lists, each with what it lets through and what it does not: lists.py --winnow PATH.
One site's configuration with a list an option; answers come from its table of records."""
import hashlib
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import unittest

import name_server
from test_program import OPTIONS, run_tests

MAIL = """Received: from a.example (a.example [203.0.113.1])
 by mx.example (Postfix) with ESMTP id A1; Wed, 21 Oct 2026 09:00:03 +0000 (UTC)
Received: from b.example (b.example [203.0.113.2])
 by a.example (Postfix) with ESMTPS id A2; Wed, 21 Oct 2026 09:00:02 +0000 (UTC)
Received: from c.example (c.example [10.0.0.9])
 by b.example (Postfix) with ESMTP id A3; Wed, 21 Oct 2026 09:00:01 +0000 (UTC)
From: Anna <anna@from.example.org>
Reply-To: <Ida.X+y@reply.example.org>
To: <bob@rcpt.example>
Subject: lists
Message-ID: <1@mid.example.org>
MIME-Version: 1.0
Content-Type: text/html

<p>See <a href="http://www.shop.example.com/a">this</a> and <a href="http://1.2.3.4/">that</a>,
<a href="http://white.example.net/">here</a>, write to <a href="mailto:Carl+x@post.example.com">me</a>
<img src="http://img.picture.example.edu/p.png"></p>
"""
ENVELOPE = {"ip": "198.51.100.7", "helo": "helo.example.com", "hostname": "rdns.example.com",
            "from": "anna@env.example.org"}
A, B = "127.0.0.2", "127.0.0.3"

# name: (options of the list, answers {name below its zone: addresses}, symbols of the message).
# Every zone is NAME.test; every symbol begins with T_NAME.
LISTS = {
    "FROM": ('checks = ["from"];', {"7.100.51.198": [A]}, {"": ["198.51.100.7:from"]}),
    "NOCHECK": ("", {"7.100.51.198": [A]}, {"": ["198.51.100.7:from"]}),
    "NOIPV4": ('checks = ["from"]; ipv4 = false;', {"7.100.51.198": [A]}, {}),
    "RCVD": ('checks = ["received"];',
             {"1.113.0.203": [A], "2.113.0.203": [A], "9.0.0.10": [A], "7.100.51.198": [A]},
             {"": ["203.0.113.1:received", "203.0.113.2:received"]}),
    "RCVDLOCAL": ('checks = ["received"]; exclude_local = false;', {"9.0.0.10": [A]},
                  {"": ["10.0.0.9:received"]}),
    "RCVDLAST": ('checks = ["received"]; received_min_pos = -2; received_max_pos = 2;',
                 {"1.113.0.203": [A], "2.113.0.203": [A]}, {"": ["203.0.113.2:received"]}),
    "RCVDFLAG": ('checks = ["received"]; received_flags = ["ssl"];',
                 {"1.113.0.203": [A], "2.113.0.203": [A]}, {"": ["203.0.113.2:received"]}),
    "RCVDNOFLAG": ('checks = ["received"]; received_nflags = ["ssl"];',
                   {"1.113.0.203": [A], "2.113.0.203": [A]}, {"": ["203.0.113.1:received"]}),
    "HELO": ('checks = ["helo"];', {"helo.example.com": [A], "example.com": [A]},
             {"": ["helo.example.com:helo"]}),
    "RDNS": ('checks = ["rdns"]; ignore_whitelist = true;', {"rdns.example.com": [A]}, {"": ["rdns.example.com:rdns"]}),
    "URLS": ('checks = ["urls"];',
             {"example.com": [A], "www.shop.example.com": [A], "4.3.2.1": [A], "example.edu": [A],
              "example.net": [A]},
             {"": ["example.com:url", "1.2.3.4:url", "example.net:url"]}),
    "URLHOST": ('checks = ["urls"]; url_full_hostname = true; no_ip = true;',
                {"example.com": [A], "www.shop.example.com": [A], "4.3.2.1": [A]},
                {"": ["www.shop.example.com:url"]}),
    "URLWHITE": ('checks = ["urls"]; url_whitelist = ["example.com"]; no_ip = true;',
                 {"example.com": [A], "example.net": [A]}, {"": ["example.net:url"]}),
    "NUMERIC": ('checks = ["numeric_urls"];', {"4.3.2.1": [A], "example.com": [A]},
                {"": ["1.2.3.4:url"]}),
    "IMAGES": ('checks = ["images"];', {"example.edu": [A], "example.com": [A]},
               {"": ["example.edu:url"]}),
    "LIMIT": ('checks = ["urls"]; requests_limit = 1;', {"example.com": [A], "example.net": [A]},
              {"": ["example.com:url"]}),
    "EMAILS": ('checks = ["emails"];', {"carl.post.example.com": [A], "carl+x.post.example.com": [A]},
               {"": ["carl.post.example.com:email"]}),
    "EMAILDOM": ('checks = ["emails"]; emails_domainonly = true;',
                 {"example.com": [A], "post.example.com": [A]}, {"": ["example.com:email"]}),
    "EMAILHASH": ('checks = ["emails"]; hash = "sha256"; hash_len = 40;',
                  {hashlib.sha256(b"carl@post.example.com").hexdigest()[:40]: [A]},
                  {"": ["carl@post.example.com:email"]}),
    "MD5": ('checks = ["helo"]; hash = "md5";',
            {hashlib.md5(b"helo.example.com").hexdigest(): [A]}, {"": ["helo.example.com:helo"]}),
    "REPLY": ('checks = ["replyto"]; emails_delimiter = "@";',
              {"ida.x@reply.example.org": [A]}, {"": ["ida.x@reply.example.org:replyto"]}),
    "SELECTOR": ('selector { mine = "from(\'mime\'):domain.get_tld"; own = "helo"; }',
                 {"example.org": [A], "helo.example.com": [A]},
                 {"": ["example.org:mine", "helo.example.com:own"]}),
    "EXCEPT": ('checks = ["helo", "rdns"]; exclude_checks = ["helo"]; ignore_whitelist = true;',
               {"helo.example.com": [A], "rdns.example.com": [A]},
               {"": ["rdns.example.com:rdns"]}),
    "OLD": ("helo = true; from = false;", {"helo.example.com": [A], "7.100.51.198": [A]},
            {"": ["helo.example.com:helo"]}),
    "CODES": ('checks = ["helo", "rdns"]; returncodes { T_CODES_A = "127.0.0.2"; '
              'T_CODES_B = "127.0.0.3-127.0.0.5"; }',
              {"helo.example.com": [A, "127.0.0.4"], "rdns.example.com": ["127.0.0.9"]},
              {"_A": ["helo.example.com:helo"], "_B": ["helo.example.com:helo"]}),
    "UNKNOWN": ('checks = ["helo"]; unknown = true; returncodes { T_UNKNOWN_A = "127.0.0.9"; }',
                {"helo.example.com": [A]}, {"": ["helo.example.com:helo:127.0.0.2"]}),
    "BITS": ('checks = ["helo"]; returnbits { T_BITS_A = 64; T_BITS_B = 8; T_BITS_C = 1; }',
             {"helo.example.com": ["127.0.0.72"]},
             {"_A": ["helo.example.com:helo"], "_B": ["helo.example.com:helo"]}),
    "PARKED": ('checks = ["helo"];', {"helo.example.com": ["192.0.2.1"]}, {}),
    "RESOLVE": ('checks = ["helo"]; resolve_ip = true;', {"8.100.51.198": [A]},
                {"": ["198.51.100.8:helo"]}),
    "WHITEOWN": ('checks = ["from"]; whitelist = ["198.51.100.0/24"];', {"7.100.51.198": [A]}, {}),
    "REQUIRED": ('checks = ["helo"]; require_symbols = ["T_HELO"];', {"helo.example.com": [A]}, {}),
    "NEEDS": ('checks = ["helo"]; require_symbols = ["HAS_REPLYTO"];', {"helo.example.com": [A]},
              {"": ["helo.example.com:helo"]}),
    "DISABLED": ('checks = ["helo"]; enabled = false;', {"helo.example.com": [A]}, {}),
    # Of a whitelist that knows the client's name, and lists that heed it and do not.
    "WL": ('checks = ["rdns"]; is_whitelist = true; whitelist_exception = ["T_WL_NONE"]; '
           'returncodes { T_WL_GOOD = "127.0.0.2"; T_WL_NONE = "127.0.0.3"; }',
           {"rdns.example.com": [A]}, {"_GOOD": ["rdns.example.com:rdns"]}),
    "HEEDS": ('checks = ["rdns", "helo"];', {"rdns.example.com": [A], "helo.example.com": [A]},
              {"": ["helo.example.com:helo"]}),
    "HEEDSNOT": ('checks = ["rdns"]; ignore_whitelist = true;', {"rdns.example.com": [A]},
                 {"": ["rdns.example.com:rdns"]}),
}


def records():
    out = [("helo.example.com", "a", ["198.51.100.8"])]
    for name, (_, answers, _) in LISTS.items():
        for label, values in answers.items():
            out.append((f"{label}.{name.lower()}.test", "a", values))
    return ",\n".join('{ name = "%s"; type = %s; replies = [%s]; }' %
                      (name, kind, ", ".join(f'"{value}"' for value in values))
                      for name, kind, values in out)


class Lists(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.temporary.name)
        (folder / "local.d").mkdir()
        (folder / "rspamd.conf").touch()
        (folder / "local.d/rbl.conf").write_text(
            "default_unknown = false;\nrbls {\n" + "".join(
                f'  {name} {{ symbol = "T_{name}"; rbl = "{name.lower()}.test"; {options} }}\n'
                for name, (options, _, _) in LISTS.items()) +
            '  PREFIXES { symbol = "PRE"; rbl = "prefixes.test"; checks = ["from", "received"];'
            ' symbols_prefixes { from = "T_F"; received = "T_R"; } }\n'
            '  SIX { symbol = "T_SIX"; rbl = "six.test"; checks = ["from"]; ipv4 = false; }\n}\n')
        six = ".".join(reversed("20010db8000000000000000000000005"))
        (folder / "local.d/options.inc").write_text(
            "check_all_filters = true;\ndns { fake_records = [\n" + records() +
            ',\n{ name = "7.100.51.198.prefixes.test"; replies = ["127.0.0.2"]; },\n'
            '{ name = "2.113.0.203.prefixes.test"; replies = ["127.0.0.2"]; },\n'
            '{ name = "2.1.168.192.from.test"; replies = ["127.0.0.2"]; },\n'
            '{ name = "%s.six.test"; replies = ["127.0.0.2"]; }\n] }\n' % six)
        cls.folder = folder

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def scan(self, **envelope):
        """{symbol: options} of lists here."""
        path = self.folder / "m.jsonl"
        path.write_text(json.dumps({"raw": MAIL, **ENVELOPE, **envelope}) + "\n")
        done = subprocess.run([OPTIONS.winnow, "scan", "--config", self.folder / "rspamd.conf",
                               "--format", "jsonl", path], capture_output=True, timeout=120)
        said = [line for line in done.stderr.splitlines() if b"Checks of a list" not in line]
        self.assertEqual(said, [])  # of the old form alone
        symbols = json.loads(done.stdout)["symbols"]
        return {name: sorted(value.get("options", [])) for name, value in symbols.items()
                if name.startswith("T_")}

    def test_options(self):
        expected = {f"T_{name}{part}": sorted(options)
                    for name, (_, _, symbols) in LISTS.items() for part, options in symbols.items()}
        expected["T_F_PRE"] = ["198.51.100.7:from"]
        expected["T_R_PRE"] = ["203.0.113.2:received"]
        self.assertEqual(self.scan(), expected)

    def test_ipv6(self):
        found = self.scan(ip="2001:db8::5")
        self.assertEqual(found["T_SIX"], ["2001:db8::5:from"])
        self.assertNotIn("T_FROM", found)

    def test_our_own_and_authenticated_clients(self):
        # Not a name, a link or a hop of theirs is asked about, unless a list says so.
        self.assertEqual(self.scan(ip="192.168.1.2"), {"T_RCVDLOCAL": ["10.0.0.9:received"]})
        self.assertEqual(self.scan(user="anna"), {})  # default_exclude_users


class MailServers(unittest.TestCase):
    """What mx_check says of a domain by what DNS says of it."""

    # domain of the sender: (records {(name, type): replies or rcode}, symbols)
    DOMAINS = {
        "good.example": ({("good.example", "mx"): ["10 mx.good.example"],
                          ("mx.good.example", "a"): ["9.9.9.9"]}, {}),
        "none.example": ({}, {"MX_NONE": ["none.example"]}),
        "bare.example": ({("bare.example", "a"): ["9.9.9.9"]}, {}),
        "null.example": ({("null.example", "mx"): ["0 ."]}, {"MX_NULL": ["null.example"]}),
        "broken.example": ({("broken.example", "mx"): ["10 gone.example"]},
                           {"MX_BROKEN": ["broken.example"]}),
        "fails.example": ({("fails.example", "mx"): "servfail"},
                          {"MX_DNS_FAIL": ["fails.example"]}),
        "half.example": ({("half.example", "mx"): ["10 slow.example"],
                          ("slow.example", "a"): "timeout"}, {"MX_DNS_FAIL": ["half.example"]}),
        "local.example": ({("local.example", "mx"): ["10 mx.local.example"],
                           ("mx.local.example", "a"): ["127.0.0.1"]},
                          {"MX_LOCAL_ONLY": ["127.0.0.1"]}),
        "mixed.example": ({("mixed.example", "mx"): ["10 mx.mixed.example"],
                           ("mx.mixed.example", "a"): ["10.0.0.1", "9.9.9.9"]},
                          {"MX_LOCAL_MIX": ["10.0.0.1"]}),
        "bogon.example": ({("bogon.example", "mx"): ["10 mx.bogon.example"],
                           ("mx.bogon.example", "aaaa"): ["2001:db8::1"]},
                          {"MX_BOGON_ONLY": ["2001:db8::1"]}),
        "bad.example": ({("bad.example", "mx"): ["20 a.example", "10 parked.example"]},
                        {"MX_BAD": ["parked.example"]}),
        "badip.example": ({("badip.example", "a"): ["8.8.4.4"]}, {"MX_IP_BAD": ["8.8.4.4"]}),
        "trusted.example": ({("trusted.example", "mx"): ["10 mx.friend.example"]},
                            {"MX_WHITE": ["mx.friend.example"]}),
        # A fourth server is not looked at.
        "many.example": ({("many.example", "mx"): ["10 a.many", "11 b.many", "12 c.many", "13 d.many"],
                          ("d.many", "a"): ["9.9.9.9"]}, {"MX_BROKEN": ["many.example"]}),
    }

    def test_domains(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "local.d").mkdir()
            (folder / "rspamd.conf").touch()
            (folder / "local.d/mx_check.conf").write_text(
                'enabled = true; bad_mxs = ["parked.example 2"]; bad_ips = ["8.8.4.0/24"];\n'
                'exclude_mxs = ["mx.friend.example"];\n')
            rows = [(key, replies) for records, _ in self.DOMAINS.values()
                    for key, replies in records.items()]
            rows += [(("from.example.org", "mx"), ["0 ."]), (("reply.example.org", "mx"), ["0 ."])]
            text = ",\n".join('{ name = "%s"; type = %s; %s }' % (
                name, kind, f'rcode = "{replies}";' if isinstance(replies, str) else
                "replies = [%s];" % ", ".join(f'"{one}"' for one in replies))
                for (name, kind), replies in rows)
            (folder / "local.d/options.inc").write_text(
                "check_all_filters = true;\ndns { fake_records = [\n%s\n] }\n" % text)
            lines = [json.dumps({"raw": MAIL, **ENVELOPE, "from": f"a@{domain}"})
                     for domain in self.DOMAINS]
            lines.append(json.dumps({"raw": MAIL, **ENVELOPE, "user": "anna"}))
            (folder / "m.jsonl").write_text("\n".join(lines) + "\n")
            done = subprocess.run([OPTIONS.winnow, "scan", "--config", folder / "rspamd.conf",
                                   "--format", "jsonl", folder / "m.jsonl"],
                                  capture_output=True, timeout=120)
        self.assertEqual(done.stderr, b"")
        verdicts = [json.loads(line)["symbols"] for line in done.stdout.splitlines()]
        mx = [{name: one.get("options", []) for name, one in symbols.items() if "MX_" in name}
              for symbols in verdicts]
        for (domain, (_, expected)), found in zip(self.DOMAINS.items(), mx):
            # From and Reply-To of the message take no mail at all.
            self.assertEqual(found.pop("MIME_FROM_MX_NULL"), ["from.example.org"])
            self.assertEqual(found.pop("REPLYTO_MX_NULL"), ["reply.example.org"])
            self.assertEqual({name: one for name, one in found.items() if "HFILTER" not in name},
                             expected, domain)
        self.assertEqual(mx[-1], {})
        self.assertEqual(len(mx), len(self.DOMAINS) + 1)


class CalledMailServers(unittest.TestCase):
    """What mx_check says of servers that it calls: those of the test, on loopback."""

    def listening(self, greeting):
        """A port where each who connects is greeted; None: nobody listens there."""
        one = socket.create_server(("127.0.0.1", 0))
        port = one.getsockname()[1]
        if greeting is None:
            one.close()
            return port
        self.addCleanup(one.close)
        self.calls = 0

        def answer():
            while True:
                try:
                    connection, _ = one.accept()
                except OSError:
                    return
                self.calls += 1
                connection.sendall(greeting)
                self.addCleanup(connection.close)
        threading.Thread(target=answer, daemon=True).start()
        return port

    def scan(self, greeting, records, times=1, **more):
        port = self.listening(greeting)
        server = name_server.NameServer(records)
        self.addCleanup(server.close)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "local.d").mkdir()
            (folder / "rspamd.conf").touch()
            options = {"enabled": "true", "test_mode": "true", "port": port, "check_mime_from": "false",
                       "check_reply_to": "false", "verify_greeting": "true", "connect_timeout": "20s",
                       **more}
            (folder / "local.d/mx_check.conf").write_text(
                "".join(f"{name} = {value};\n" for name, value in options.items()))
            (folder / "local.d/options.inc").write_text(
                f'check_all_filters = true; dns {{ nameserver = "{server.address}"; timeout = 5s; }}\n')
            (folder / "m.jsonl").write_text((json.dumps({"raw": MAIL, **ENVELOPE}) + "\n") * times)
            done = subprocess.run([OPTIONS.winnow, "scan", "--dns", "--config", folder / "rspamd.conf",
                                   "--threads", "1", "--format", "jsonl", folder / "m.jsonl"],
                                  capture_output=True, timeout=120)
        self.assertEqual(done.stderr, b"")
        out = [{name: one.get("options", []) for name, one in json.loads(line)["symbols"].items()
                if name.startswith("MX_")} for line in done.stdout.splitlines()]
        return out[0] if times == 1 else out

    MX = {("env.example.org", "MX"): ["10 mx.example.org"], ("mx.example.org", "A"): ["127.0.0.1"]}
    BARE = {("env.example.org", "A"): ["127.0.0.1"]}

    def test_outcomes(self):
        good = b"220 mx.example.org ESMTP\r\n"
        self.assertEqual(self.scan(good, self.MX), {"MX_GOOD": ["mx.example.org"]})
        self.assertEqual(self.scan(good, self.BARE), {"MX_A_GOOD": ["env.example.org"]})
        self.assertEqual(self.scan(b"421 later\r\n", self.MX),
                         {"MX_GOOD": ["mx.example.org"], "MX_ERROR": ["mx.example.org", "421"]})
        self.assertEqual(self.scan(b"SSH-2.0-x\r\n", self.MX), {"MX_INVALID": ["mx.example.org"]})
        self.assertEqual(self.scan(None, self.MX), {"MX_REFUSED": ["mx.example.org"]})
        self.assertEqual(self.scan(None, self.BARE), {"MX_A_REFUSED": ["env.example.org"]})
        self.assertEqual(self.scan(b"", self.MX, read_timeout="10ms"),
                         {"MX_TIMEOUT_READ": ["mx.example.org"]})
        self.assertEqual(self.scan(b"", self.MX, verify_greeting="false"),
                         {"MX_GOOD": ["mx.example.org"]})

    def test_the_first_that_answers_counts(self):
        records = {("env.example.org", "MX"): ["10 a.example.org", "20 b.example.org"],
                   ("a.example.org", "A"): ["127.0.0.2"], ("b.example.org", "A"): ["127.0.0.1"]}
        self.assertEqual(self.scan(b"220 x\r\n", records), {"MX_GOOD": ["b.example.org"]})
        self.assertEqual(self.scan(b"220 x\r\n", records, max_mx_a_records=1),
                         {"MX_REFUSED": ["a.example.org"]})

    def test_each_server_is_called_once(self):
        found = self.scan(b"220 x\r\n", self.MX, times=20)
        self.assertEqual(found, [{"MX_GOOD": ["mx.example.org"]}] * 20)
        self.assertEqual(self.calls, 1)

    def test_own_addresses_are_not_called(self):
        self.assertEqual(self.scan(b"220 x\r\n", self.MX, test_mode="false"),
                         {"MX_LOCAL_ONLY": ["127.0.0.1"]})
        self.assertEqual(self.calls, 0)
        self.assertEqual(self.scan(b"220 x\r\n", self.MX, probe_ipv4="false"), {})
        self.assertEqual(self.calls, 0)

    def test_who_takes_no_mail_is_rejected_where_the_site_says_so(self):
        records = {("env.example.org", "MX"): ["0 ."]}
        self.assertEqual(self.scan(b"", records, reject_null_mx="true"),
                         {"MX_NULL": ["env.example.org"]})


if __name__ == "__main__":
    run_tests()
