#!/usr/bin/env python3
"""What hostile name servers and senders make of a lookup: hostile_answers.py --winnow PATH.

Each row: a message of a sender whose name server answers so, the symbol that it ends with, and how
many questions it may cost at most. Then a name server that dies amid a run and comes back."""
import base64
import hashlib
import json
import pathlib
import random
import subprocess
import tempfile
import unittest

import service
from name_server import NameServer
from test_program import OPTIONS, run_tests

LETTER = ("%sFrom: Anna <anna@%s>\r\nTo: b@x.example\r\nSubject: hello\r\n"
          "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n"
          "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello Ben.\r\n")
BODY_HASH = base64.b64encode(hashlib.sha256(b"Hello Ben.\r\n").digest()).decode()
SIGNATURE = ("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=key; h=%s; bh=" + BODY_HASH +
             "; b=" + "QUJD" * 40 + "\r\n")
CHAIN = ("ARC-Seal: i=1; a=rsa-sha256; cv=none; d=%(d)s; s=key; b=QUJD\r\n"
         "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=%(d)s; s=key; h=from; "
         "bh=QUJD; b=QUJD\r\n"
         "ARC-Authentication-Results: i=1; mx.example; dkim=none\r\n")


def rsa_key(bits):
    """A record with a key of so many bits, as DNS publishes them."""
    def element(tag, content):
        size = len(content)
        head = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
        return bytes([tag]) + head + content

    modulus = b"\0\xff" + random.Random(bits).randbytes(bits // 8 - 2) + b"\x01"
    numbers = element(0x30, element(2, modulus) + element(2, b"\1\0\1"))
    algorithm = element(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    der = element(0x30, algorithm + element(3, b"\0" + numbers))
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()


class Hostile(NameServer):
    """Answers below wild.example as a wildcard does that includes or redirects to a longer name."""

    def look(self, query):
        name = query.name.lower()
        for zone, term in (("wild.example", "include:x.%{d} -all"),
                           ("further.example", "redirect=x.%{d}")):
            if name.endswith(zone) and query.kind() == "TXT":
                self.records[name, "TXT"] = ["v=spf1 " + term]
        return super().look(query)


class Dying(NameServer):
    """Dies with the question for the twentieth policy of SPF."""

    def look(self, query):
        with self.lock:
            known = {name for name, kind, _ in self.asked if kind == "TXT" and name.startswith("d")}
        if len(known) >= 20:
            self.close()
            return []
        return super().look(query)


RECORDS = {
    ("includes.example", "TXT"): ["v=spf1 include:includes.example -all"],
    ("pair.example", "TXT"): ["v=spf1 include:other.pair.example -all"],
    ("other.pair.example", "TXT"): ["v=spf1 include:pair.example -all"],
    ("many.example", "TXT"): ["v=spf1 " + " ".join("a:a%d.example" % i for i in range(60)) + " -all"],
    **{("a%d.example" % i, "A"): ["198.51.100.1"] for i in range(60)},
    ("macros.example", "TXT"): ["v=spf1 exists:" + "%{d}." * 80 + "x.example -all"],
    ("long.example", "TXT"): ["v=spf1 exists:" + "%{l}." * 2_000 + "x.example -all"],
    ("huge.example", "TXT"): ["v=spf1 " + "ip4:198.51.100.1 " * 3_800 + "-all"],
    ("twice.example", "TXT"): ["v=spf1 -all", "v=spf1 +all"],
    ("void.example", "TXT"): ["v=spf1 " + " ".join("a:no%d.example" % i for i in range(60)) + " -all"],
    ("key._domainkey.large.example", "TXT"): [rsa_key(16_384)],
    ("key._domainkey.sound.example", "TXT"): [rsa_key(2_048)],
    ("_dmarc.huge-policy.example", "TXT"): ["v=DMARC1; p=reject; " + "rua=mailto:a@b.example; " * 2_400],
}

# name: ({"from", "author", "head"}, symbol and option or none, questions at most)
ROWS = {
    "SPF without end by aliases": ({"from": "a@c.chain"}, "R_SPF_DNSFAIL", 40),
    "SPF of two aliases of each other": ({"from": "a@x.ring"}, "R_SPF_DNSFAIL", 30),
    "SPF with a pointer to itself": ({"from": "a@x.loop"}, "R_SPF_DNSFAIL", 30),
    "SPF with a pointer ahead": ({"from": "a@x.forward"}, "R_SPF_DNSFAIL", 30),
    "SPF that is truncated even by TCP": ({"from": "a@x.truncated"}, "R_SPF_DNSFAIL", 60),
    "SPF cut off": ({"from": "a@x.head"}, "R_SPF_DNSFAIL", 60),
    "SPF whose counts lie": ({"from": "a@x.lies"}, "R_SPF_DNSFAIL", 30),
    "SPF under another id": ({"from": "a@x.wrongidonly"}, "R_SPF_DNSFAIL", 60),
    "SPF of noise": ({"from": "a@x.noise"}, "R_SPF_DNSFAIL", 60),
    "TXT of 60 kB that is none": ({"from": "a@x.big"}, "R_SPF_NA", 30),
    "SPF of 60 kB": ({"from": "a@huge.example"}, "R_SPF_FAIL", 30),
    "SPF that includes itself": ({"from": "a@includes.example"}, "R_SPF_PERMFAIL", 20),
    "SPF of two that include each other": ({"from": "a@pair.example"}, "R_SPF_PERMFAIL", 20),
    "SPF of a wildcard that includes": ({"from": "a@wild.example"}, "R_SPF_PERMFAIL", 30),
    "SPF of a wildcard that redirects": ({"from": "a@further.example"}, "R_SPF_PERMFAIL", 30),
    "SPF with more look-ups than ten": ({"from": "a@many.example"}, "R_SPF_PERMFAIL", 30),
    "SPF with more void look-ups than two": ({"from": "a@void.example"}, "R_SPF_PERMFAIL", 20),
    "SPF with macros that explode": ({"from": "a@macros.example"}, "R_SPF_FAIL", 20),
    "SPF with a name of thousands of macros": ({"from": "a@long.example"}, "R_SPF_PERMFAIL", 20),
    "SPF twice": ({"from": "a@twice.example"}, "R_SPF_PERMFAIL", 20),
    "a key of 16,384 bits": ({"head": SIGNATURE % ("large.example", "from")}, "R_DKIM_PERMFAIL", 20),
    "a key behind aliases without end": ({"head": SIGNATURE % ("x.chain", "from")}, "R_DKIM_TEMPFAIL", 40),
    "h= of 10,000 names": ({"head": SIGNATURE % ("sound.example", ":".join(["from"] + ["x"] * 10_000))},
                           "R_DKIM_REJECT", 20),
    "a chain whose key has no end": ({"head": CHAIN % {"d": "x.chain"}}, "ARC_DNSFAIL", 40),
    "a policy without an end": ({"author": "x.chain"}, "DMARC_DNSFAIL", 80),
    "a policy of 60 kB": ({"author": "huge-policy.example"}, "DMARC_POLICY_REJECT", 30),
}


class HostileAnswers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="winnow-hostile-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "local.d").mkdir()
        (self.folder / "rspamd.conf").touch()
        # Lists would ask of each message what has nothing to do with its row.
        (self.folder / "local.d/rbl.conf").write_text("enabled = false;\n")
        (self.folder / "local.d/hfilter.conf").write_text("enabled = false;\n")

    def config(self, server, more=""):
        (self.folder / "local.d/options.inc").write_text(
            f'dns {{ nameserver = ["{server.address}"]; timeout = 0.2s; retransmits = 1; }} {more}\n')
        return str(self.folder / "rspamd.conf")

    def scan(self, config, message, sender):
        line = {"raw": message, "from": sender, "ip": "192.0.2.9", "helo": "mx.sender.example"}
        (self.folder / "m.jsonl").write_text(json.dumps(line) + "\n")
        done = subprocess.run([OPTIONS.winnow, "scan", "--dns", "--config", config, "--format", "jsonl",
                               self.folder / "m.jsonl"], capture_output=True, timeout=service.WAIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["symbols"]

    def test_each_ends_by_a_limit_with_its_symbol(self):
        for name, (what, symbol, most) in ROWS.items():
            with self.subTest(name), Hostile(RECORDS) as server:
                author = what.get("author", "nowhere.example")
                symbols = self.scan(self.config(server), LETTER % (what.get("head", ""), author),
                                    what.get("from", "a@nowhere.example"))
                self.assertIn(symbol, symbols)
                self.assertLessEqual(server.count(), most, server.asked)

    def test_a_server_that_dies_amid_a_run_loses_no_message(self):
        """Most messages are asked about after its death; each has its verdict, and that of a
        known sender is not taken for one without a record."""
        records = {("d%d.example" % i, "TXT"): ["v=spf1 ip4:192.0.2.9 -all"] for i in range(60)}
        lines = [json.dumps({"raw": LETTER % ("", "d%d.example" % i), "from": "a@d%d.example" % i,
                             "ip": "192.0.2.9", "helo": "mx.sender.example"}) for i in range(60)]
        server = Dying(records)
        done = subprocess.run([OPTIONS.winnow, "scan", "--dns", "--config", self.config(server),
                               "--threads", "1", "--batch-rows", "2", "--format", "jsonl", "--read-as",
                               "jsonl", "-"], input="\n".join(lines), capture_output=True, text=True,
                              timeout=4 * service.WAIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        verdicts = [json.loads(line)["symbols"] for line in done.stdout.splitlines()]
        self.assertEqual(len(verdicts), 60)
        for i, symbols in enumerate(verdicts):
            self.assertEqual(len({"R_SPF_ALLOW", "R_SPF_DNSFAIL"} & symbols.keys()), 1, (i, symbols.keys()))
        # Which of them is asked about first is up to the network.
        self.assertTrue(any("R_SPF_ALLOW" in one for one in verdicts))
        self.assertTrue(any("R_SPF_DNSFAIL" in one for one in verdicts))

    def test_a_server_that_comes_back_is_used_again(self):
        """Within kRetry (5 s) and the time that an unknown answer holds (5 s); that it is no more than
        10 s is counted by lookup_test with a clock of its own."""
        records = {("d%d.example" % i, "TXT"): ["v=spf1 ip4:192.0.2.9 -all"] for i in range(1000)}
        server = NameServer(records)
        serve = service.Serve(OPTIONS.winnow, "--config", self.config(server), "--threads", "1", dns=True)
        http = service.Http(serve.http)

        def symbol(i):
            reply = http.check((LETTER % ("", "d%d.example" % i)).encode(), headers=(
                "IP: 192.0.2.9\r\nFrom: a@d%d.example\r\nHelo: mx.sender.example\r\n" % i).encode())
            found = {"R_SPF_ALLOW", "R_SPF_DNSFAIL"} & reply["symbols"].keys()
            self.assertEqual(len(found), 1, reply["symbols"].keys())
            return found.pop()

        try:
            self.assertEqual(symbol(0), "R_SPF_ALLOW")
            server.close()
            self.assertEqual([symbol(i) for i in range(1, 9)], ["R_SPF_DNSFAIL"] * 8)
            server = NameServer(records, port=server.port)
            for i in range(9, 1000):
                if symbol(i) == "R_SPF_ALLOW":
                    break
            else:
                self.fail("it was never used again")
        finally:
            http.close()
            server.close()
            self.assertEqual(serve.stop(), 0)


if __name__ == "__main__":
    run_tests()
