#!/usr/bin/env python3
"""What multimap finds: the same rules and messages through Debian's rspamd and through ours.

A rule of each type and filter that both know is laid out twice; compared are the symbols that its
maps insert, with their options. What differs must stand in differences.md, "Multimap"."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import paths  # noqa: F401
import differences
import engines
from test_program import OPTIONS, require

MAIL = """Received: from relay.example.net (relay.example.net [192.0.2.77])
\tby mx.example.org with ESMTPS id 1; Wed, 21 Oct 2026 09:00:00 +0000
From: "Ann Orchard" <ann@shop.fruit.co.uk>
To: <bob@here.example>, <eve@there.example>
Reply-To: <reply@other.example>
Subject: Ripe pears today
X-Source: 198.51.100.9
Message-ID: <a@b.example>
Date: Wed, 21 Oct 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=zz

--zz
Content-Type: text/plain; charset=utf-8

fresh
plums at http://www.pear.co.uk/buy?x=1 now, caf\u00e9
--zz
Content-Type: application/octet-stream; name="tool.exe"
Content-Disposition: attachment; filename="tool.exe"

MZ nothing
--zz--
"""
ENVELOPES = {
    "full": {"from": "Bounce@mail.sender.co.uk", "ip": "203.0.113.5", "helo": "mx1.helo.co.uk",
             "hostname": "host.ptr.example", "user": "carol", "rcpt": ["bob@here.example", "eve@there.example"]},
    "bare": {"from": "other@elsewhere.example", "ip": "203.0.113.9", "helo": "helo.example",
             "hostname": "ptr.example", "rcpt": ["bob@here.example"]},
}
RULES = {
    "FROM": "type = from; map = [bounce@mail.sender.co.uk];",
    "FROM_DOMAIN": "type = from; filter = 'email:domain'; map = [mail.sender.co.uk];",
    "FROM_TLD": "type = from; filter = 'email:domain:tld'; map = [sender.co.uk];",
    "FROM_USER": "type = from; filter = 'email:user'; map = [bounce];",
    "RCPT": "type = rcpt; map = [eve@there.example];",
    "RCPT_DOMAIN": "type = rcpt; filter = 'email:domain'; map = [here.example];",
    "HEADER": "type = header; header = Subject; regexp = true; map = ['/^ripe pears/i'];",
    "HEADER_MULTI": "type = header; header = Subject; regexp = true; multi = true; map = ['/pear/ M_PEAR:2', '/ripe/i M_RIPE:1.5'];",
    "HEADER_FIRST": "type = header; header = Subject; regexp = true; map = ['/pear/ M_PEAR1:2', '/ripe/i M_RIPE1:1.5'];",
    "HEADER_ADDR": "type = header; header = From; filter = 'email:addr'; map = [ann@shop.fruit.co.uk];",
    "HEADER_NAME": "type = header; header = From; filter = 'email:name'; regexp = true; map = ['/orchard$/i'];",
    "HEADER_REGEXP": "type = header; header = Subject; filter = 'regexp:/[a-z]+ears/'; map = [pears];",
    "HEADER_IP": "type = header; header = X-Source; filter = ip_addr; map = ['198.51.100.0/24'];",
    "IP": "type = ip; map = ['203.0.113.0/29'];",
    "HELO": "type = helo; map = [mx1.helo.co.uk];",
    "HELO_TLD": "type = helo; filter = tld; map = [helo.co.uk];",
    "HOSTNAME": "type = hostname; map = [host.ptr.example];",
    "HOSTNAME_TOP": "type = hostname; filter = top; map = [example];",
    "USER": "type = user; map = [carol];",
    "URL": "type = url; map = [www.pear.co.uk];",
    "URL_TLD": "type = url; filter = tld; map = [pear.co.uk];",
    "URL_FULL": "type = url; filter = full; regexp = true; map = ['/pear.*buy/'];",
    "URL_TLD_REGEXP": "type = url; filter = 'tld:regexp:/pear/'; map = [pear];",
    "FILENAME": "type = filename; map = [tool.exe];",
    "FILENAME_EXT": "type = filename; filter = extension; map = [exe];",
    "FILENAME_REGEXP": "type = filename; regexp = true; map = ['/[.]EXE$/i'];",
    "CONTENT_TEXT": "type = content; filter = text; regexp = true; map = ['/plums at/'];",
    "CONTENT_ONELINE": "type = content; filter = oneline; regexp = true; map = ['/fresh plums/'];",
    "CONTENT_RAWTEXT": "type = content; filter = rawtext; regexp = true; map = ['/fresh/'];",
    "CONTENT_BODY": "type = content; filter = body; regexp = true; map = ['/MZ nothing/'];",
    "CONTENT_HEADERS": "type = content; filter = headers; regexp = true; map = ['/Subject: Ripe/'];",
    "CONTENT_FULL": "type = content; regexp = true; map = ['/Subject: Ripe/'];",
    "RECEIVED": "type = received; map = ['192.0.2.0/24'];",
    "RECEIVED_BY": "type = received; filter = by_hostname; map = [mx.example.org];",
    "RECEIVED_FROM_TLD": "type = received; filter = 'tld:from_hostname'; map = [example.net];",
    "SELECTOR": "type = selector; selector = \"from('smtp'):domain\"; map = [mail.sender.co.uk];",
    "SELECTOR_TWO": "type = selector; selector = \"from('smtp'):domain;ip\"; delimiter = '|'; map = ['mail.sender.co.uk|203.0.113.5'];",
    "SELECTOR_LIST": "type = selector; selector = 'rcpts:domain'; map = [there.example];",
    "SELECTOR_LISTS": "type = selector; selector = 'ip;rcpts:domain'; delimiter = '|'; map = ['203.0.113.5|there.example'];",
    "SELECTOR_GONE": "type = selector; selector = 'user;helo'; delimiter = '|'; map = ['helo.example'];",
    "SELECTOR_REGEXP": "type = selector; selector = \"header('Subject').lower\"; regexp = true; map = ['/^ripe/'];",
    "OPTIONS": "type = symbol_options; target_symbol = M_USER; map = [carol];",
    "COMBINED": "type = combined; expression = 'net & words'; rules { net { type = radix; selector = ip; map = ['203.0.113.0/29']; } words { type = regexp; selector = \"header('Subject')\"; map = ['/pears/']; } }",
    "REQUIRED": "type = helo; map = [helo.example, mx1.helo.co.uk]; require_symbols = 'M_USER';",
    "REQUIRED_NOT": "type = helo; map = [helo.example, mx1.helo.co.uk]; require_symbols = '!M_USER';",
    "SCORED": "type = ip; map = ['203.0.113.5 2.5', '203.0.113.9 M_NINE:4:one,two'];",
    "ANY_SYMBOL": "type = helo; map = ['helo.example M_OTHER']; symbols = [M_OTHER];",
    "NOT_LISTED": "type = helo; map = ['helo.example M_STRANGE']; symbols = [M_OTHER];",
}


def configuration(folder):
    """The rules with their maps in files: of lists rspamd takes what begins with / for a path."""
    out = ""
    for name, rule in RULES.items():
        for number, listed in enumerate(re.findall(r"map = (\[[^;]*\]);", rule)):
            path = Path(folder) / ("%s.%d.map" % (name, number))
            path.write_text("".join(one.strip(" '") + "\n" for one in listed[1:-1].split(", ")))
            path.chmod(0o644)
            rule = rule.replace(listed, "'%s'" % path)
        out += 'M_%s { %s symbol = "M_%s"; score = 1.0; description = "x"; }\n' % (name, rule, name)
    return out


class Winnow:
    def __init__(self, work):
        self.work = Path(work) / "winnow"
        (self.work / "local.d").mkdir(parents=True)
        (self.work / "local.d/multimap.conf").write_text(configuration(self.work))
        (self.work / "local.d/options.inc").write_text("check_all_filters = true;\n")

    def scan(self, envelope, mail):
        path = self.work / "one.jsonl"
        path.write_text(json.dumps({"raw": mail, **envelope}) + "\n")
        done = subprocess.run([OPTIONS.winnow, "scan", "--config", self.work / "rspamd.conf", "--format",
                               "jsonl", path], capture_output=True, text=True)
        if not done.stdout:
            sys.exit(done.stderr)
        for line in done.stderr.splitlines():
            if "multimap" in line:
                print(line)
        return json.loads(done.stdout)["symbols"]


class Rspamd(engines.Rspamd):
    def configure(self, local):
        (local / "multimap.conf").write_text(configuration(self.work))

    def scan(self, envelope, mail):
        return self.check_from(envelope, mail.encode())


def shown(symbols):
    return {"%s(%g)[%s]" % (name, one["score"], ",".join(sorted(one.get("options", []))))
            for name, one in symbols.items() if name.startswith("M_")}


def main():
    require("rspamd")
    found = {}
    with tempfile.TemporaryDirectory(prefix="winnow-multimap-") as work:
        theirs, ours = Rspamd(work), Winnow(work)
        try:
            for name, envelope in ENVELOPES.items():
                mail = MAIL.replace("\n", "\r\n")
                a, b = shown(theirs.scan(envelope, mail)), shown(ours.scan(envelope, mail))
                print("%s: %d symbols of rspamd, %d of ours" % (name, len(a), len(b)))
                found.update(((one,), "of " + name) for one in
                             ["- " + text for text in a - b] + ["+ " + text for text in b - a])
        finally:
            theirs.stop()
    listed = [(one.strip("` "),) for one, _ in differences.rows("Multimap")]
    return 1 if differences.unexplained(found, listed) else 0


if __name__ == "__main__":
    sys.exit(main())
