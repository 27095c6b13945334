#!/usr/bin/env python3
"""What lists say: Winnow and Debian's rspamd ask the same name server about the same messages.

Messages are made here; the name server knows every name of a list that somebody asks about a listed
thing. Compared are the names asked below each list's zone, and the symbols of lists with their
options. What differs must stand in the tables of differences.md, "Lists"."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import paths  # noqa: F401
import differences
import engines
import name_server
from test_program import OPTIONS, require

ZONES = ("zen.spamhaus.org", "rep.mailspike.net", "bl.spameatingmonkey.net",
         "bl.ipv6.spameatingmonkey.net", "list.dnswl.org", "bip.virusfree.cz", "bl.blocklist.de",
         "dwl.dnswl.org", "email.rspamd.com", "ebl.msbl.org", "multi.surbl.org",
         "hashbl.surbl.org", "multi.uribl.com", "uribl.rspamd.com", "dbl.spamhaus.org",
         "uribl.spameatingmonkey.net", "fresh15.spameatingmonkey.net",
         "phishtank.rspamd.com")
SYMBOLS = re.compile(r"SPAMHAUS|MAILSPIKE|(RBL|URIBL)_SEM|SEM_URIBL|DNSWL|VIRUSFREE|BLOCKLISTDE|"
                     r"EMAILBL|MSBL|SURBL|URIBL_|_URIBL|DBL")
# Codes that lists answer with, in turn.
CODES = {
    "zen.spamhaus.org": ["127.0.0.%d" % n for n in (2, 3, 4, 5, 6, 7, 9, 10, 11, 77)] +
                        ["127.255.255.254", "127.255.255.255"],
    "rep.mailspike.net": ["127.0.0.%d" % n for n in (*range(10, 21), 99)],
    "list.dnswl.org": ["127.0.%d.%d" % (c, t) for c in (2, 5, 14, 20) for t in range(4)] +
                      ["127.0.0.255", "127.0.5.9"],
    "dwl.dnswl.org": ["127.0.%d.%d" % (c, t) for c in (2, 15) for t in range(4)],
    "multi.surbl.org": ["127.0.0.%d" % n for n in (8, 16, 64, 128, 72, 1, 2)],
    "multi.uribl.com": ["127.0.0.%d" % n for n in (2, 4, 8, 1, 6, 16)],
    "dbl.spamhaus.org": ["127.0.1.%d" % n for n in (2, 4, 5, 6, 102, 103, 104, 105, 106, 255, 7)] +
                        ["127.255.255.254", "127.255.255.255"],
    "ebl.msbl.org": ["127.0.0.2", "127.0.0.3", "127.0.1.2", "127.0.1.3", "127.0.0.9"],
    "hashbl.surbl.org": ["127.0.0.8", "127.0.0.16", "127.0.0.64", "127.0.0.128", "127.0.1.5"],
    "bip.virusfree.cz": ["127.0.0.2", "127.0.0.3"],
}


def messages():
    """[(name, envelope, mail)]"""
    out = []

    def add(name, body="text\n", headers="", html=False, **envelope):
        mail = ("%sFrom: Anna <anna@sender.test-from.com>\nTo: <bob@rcpt.example>\n"
                "Subject: %s\nMessage-ID: <1@mid.test-mid.com>\n"
                "Date: Wed, 21 Oct 2026 09:00:00 +0000\n%s\n%s" %
                (headers, name, "Content-Type: text/html\n" if html else "", body))
        envelope.setdefault("ip", "198.51.100.%d" % (len(out) + 1))
        envelope.setdefault("from", "anna@bounce.test-env.com")
        envelope.setdefault("helo", "helo.test-helo.com")
        envelope.setdefault("hostname", "rdns.test-rdns.com")
        out.append((name, envelope, mail))

    hop = ("Received: from %s (%s [%s])\n by mx.example (Postfix) with ESMTP id A%d;\n"
           " Wed, 21 Oct 2026 09:00:0%d +0000 (UTC)\n")
    add("plain")
    add("ipv6", ip="2001:db8::5")
    add("local", ip="192.168.1.5")
    add("local with hops", "See http://www.test-local.com/a\n", ip="192.168.1.6",
        headers="Received: from a.example (a.example [203.0.113.9])\n by mx.example (Postfix)"
                " with ESMTP id A9;\n Wed, 21 Oct 2026 09:00:04 +0000 (UTC)\n")
    add("user", user="anna")
    add("hops", headers=hop % ("a.example", "a.example", "203.0.113.7", 1, 3) +
        hop % ("b.example", "b.example", "10.0.0.3", 2, 2) +
        hop % ("c.example", "c.example", "203.0.113.8", 3, 1))
    add("hop of the client", headers=hop % ("a.example", "a.example", "198.51.100.77", 1, 3),
        ip="198.51.100.77")
    add("hop by ipv6", headers=hop % ("a.example", "a.example", "IPv6:2001:db8::9", 1, 3))
    for i in range(12):
        add("address %d" % i)
    add("link", "See http://www.shop.test-link.com/a and http://other.test-link.co.uk/b\n")
    for i in range(12):
        add("link %d" % i, "See http://www.shop.listed-%d.com/a?b=c\n" % i)
    add("same domain twice", "http://a.test-twice.com/ http://b.test-twice.com/x\n")
    add("pages", '<a href="http://test-page.com/a">x</a><a href="http://test-page.com/b?c=d">x</a>'
        '<a href="http://test-root.com/">x</a><a href="http://test-query.com/?c=d">x</a>\n', html=True)
    add("numeric", "See http://203.0.113.99/x and http://1.2.3.4/\n")
    add("html", '<p><a href="https://deep.test-html.com/x">test-shown.com</a>'
        '<img src="http://img.test-image.com/p.png"></p>\n', html=True)
    add("ip without a name", helo="[198.51.100.9]", hostname="unknown")
    add("odd names", "http://-bad.test-odd.com/ http://a..test-dots.com/ http://xn--bcher-kva.com/\n")
    for i, address in enumerate(["carol.x+news@gmail.com", "c.a.r.o.l@googlemail.com",
                                 "dave+tag@test-mail.com", "Erin.Smith@Test-Upper.COM",
                                 "frank@sub.test-sub.co.uk"]):
        add("mail address %d" % i, "Write to %s today.\n" % address)
    add("mailto", '<a href="mailto:gina@test-mailto.com?subject=x">write</a>\n', html=True)
    add("reply-to", headers="Reply-To: Hal <h.a.l+x@gmail.com>\n")
    add("reply-to elsewhere", headers="Reply-To: <ida@sub.test-reply.com>, <b@test-second.com>\n")
    add("hosted page", "See https://docs.google.com/forms/d/abc?x=y and https://bit.ly/Abc\n")
    add("bounce", **{"from": ""})
    add("upper case", "HTTP://WWW.TEST-LOUD.COM/A\n", helo="HELO.Test-Loud.com")
    add("underscore", helo="my_host.test-under.com")
    add("link in subject http://www.test-subject.com/a")
    add("well known", "http://www.google.com/ http://w3.org/ https://www.microsoft.com/\n")
    return out


class Lists:
    """Answers for the name server: what it was asked in the first run, with codes in turn."""

    def __init__(self):
        self.turn = {}

    def records(self, names):
        out = {}
        for name in sorted(names):
            zone = zone_of(name)
            codes = CODES.get(zone, ["127.0.0.2"])
            n = self.turn[zone] = self.turn.get(zone, -1) + 1
            out[(name, "A")] = [codes[n % len(codes)]]
        return out


def zone_of(name):
    return next((zone for zone in ZONES if name.endswith("." + zone)), "")


class Winnow:
    def __init__(self, server, work):
        self.work = Path(work) / "winnow"
        (self.work / "local.d").mkdir(parents=True)
        (self.work / "local.d/options.inc").write_text(
            'dns { nameserver = "%s"; timeout = 20s; }\ntask_timeout = 240s;\ncheck_all_filters = true;\n'
            "disable_monitoring = true;\n" % server.address)
        (self.work / "local.d/rbl.conf").write_text(engines.LISTS_OF_3_4)

    def scan(self, envelope, mail):
        line = json.dumps({"raw": mail, **envelope}) + "\n"
        path = self.work / "one.jsonl"
        path.write_text(line)
        out = subprocess.run([OPTIONS.winnow, "scan", "--dns", "--config",
                              self.work / "rspamd.conf", "--format", "jsonl", path],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not out.stdout:
            sys.exit(out.stderr)
        return json.loads(out.stdout)["symbols"]

    def stop(self):
        pass


class Rspamd(engines.Rspamd):
    OFF = [name for name in engines.Rspamd.OFF if name not in ("rbl", "dkim", "spf")]

    def __init__(self, server, work):
        self.server = server
        super().__init__(work)

    def configure(self, local):
        # Much time: beside other tests an answer may take seconds, and none may be missing.
        (local / "options.inc").write_text(
            'dns { nameserver = ["%s"]; timeout = 20s; retransmits = 5; }\ntask_timeout = 240s;\n'
            "dns_max_requests = 1000;\ndisable_monitoring = true;\nmap_watch_interval = 1d;\n"
            'control_socket = "%s/control.sock mode=0600";\npidfile = "%s/pid";\n'
            % (self.server.address, self.work, self.work))
        (self.work / "override.d" / "phishing.conf").write_text("openphish_enabled = false;\n")

    def scan(self, envelope, mail):
        return self.check_from(envelope, mail.encode())


def shown(symbols):
    """{"SYMBOL[option]"} of lists."""
    out = set()
    for name, value in symbols.items():
        if SYMBOLS.search(name):
            for option in value.get("options") or [""]:
                out.add("%s[%s]" % (name, option))
    return out


def compare_sides(name, kind, theirs, ours, out):
    for one in sorted(theirs - ours):
        out.append((name, "- %s %s" % (kind, one)))
    for one in sorted(ours - theirs):
        out.append((name, "+ %s %s" % (kind, one)))


def main():
    work = tempfile.mkdtemp(prefix="winnow-lists-")
    os.chmod(work, 0o755)
    found, counts = [], [0, 0]
    try:
        with name_server.NameServer({}) as server:
            sides = [Rspamd(server, work), Winnow(server, work)]
            try:
                asked = []
                for name, envelope, mail in messages():
                    both = []
                    for side in sides:
                        server.take()
                        side.scan(envelope, mail)
                        both.append({one[0].lower() for one in server.take() if zone_of(one[0].lower())})
                    compare_sides(name, "question", both[0], both[1], found)
                    counts[0] += len(both[0] | both[1])
                    asked.append(both[0] & both[1])
                lists = Lists()
                for (name, envelope, mail), names in zip(messages(), asked):
                    server.records = lists.records(names)
                    both = [shown(side.scan(envelope, mail)) for side in sides]
                    compare_sides(name, "symbol", both[0], both[1], found)
                    counts[1] += len(both[0] | both[1])
            finally:
                for side in sides:
                    side.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    listed = [(name, what.replace("`", "")) for name, what, _ in differences.rows("Lists")]
    failed = differences.unexplained(dict.fromkeys(found, ""), listed)
    print("%d messages, %d questions, %d symbols, %d differences, %d not explained"
          % (len(messages()), counts[0], counts[1], len(found), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    require("rspamd")
    sys.exit(main())
