#!/usr/bin/env python3
"""Signatures of others and ours: signatures.py --winnow BINARY. What Winnow signs (through HTTP) is
verified by dkimpy, OpenDKIM and rspamd, what these sign is verified here, RSA and Ed25519, simple
and relaxed; and a byte that changes on the way breaks every one of them. The same for ARC, with
dkimpy. OpenDKIM looks keys up as the machine does: it is run in a network of its own, where our name
server is that of the machine."""
import importlib.util
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import paths  # noqa: F401

if importlib.util.find_spec("dkim") is None:
    # Packages of the system belong to its own interpreter.
    own = shutil.which("python3", path="/usr/bin:/bin")
    if not own or "WINNOW_OWN_PYTHON" in os.environ:
        print("python3-dkim is not there")
        sys.exit(77)
    os.execve(own, [own, "-B", *sys.argv], {**os.environ, "WINNOW_OWN_PYTHON": "1"})

import dkim
import engines
import own_network
import service
from name_server import NameServer
from test_program import OPTIONS, require, run_tests

HEAD = (b"Received: from a.example by b.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        b"From: Ann Orchard <ann@%s>\r\nTo: Ben <ben@there.example>,\r\n\tBea <bea@there.example>\r\n"
        b"Subject: the  pears \t are\r\n ripe\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
BODIES = {
    "plain": b"Hello Ben.\r\n",
    "empty": b"",
    "blanks": b" one  two\t three \t\r\n\r\n \r\nend  \r\n\r\n\r\n",
    "no end of line": b"Hello\r\nBen",
    "eight bits": "Grüße, und Birnen: 梨\r\n".encode(),
    "dots and From": b"..\r\n.\r\nFrom here\r\n",
    "long": b"word " * 300 + b"\r\n" + b"x" * 900 + b"\r\n",
}
DOMAINS = {"rsa.example": "rsa", "ed.example": "ed25519"}


def winnow(*arguments):
    return subprocess.run([OPTIONS.winnow, *arguments], capture_output=True, text=True, check=True,
                          timeout=120).stdout


def joined(record):
    """The data of a TXT record in a zone file's form."""
    return "".join(record.split('"')[1::2])


class Ground:
    """Keys, the records that publish them, and a service that signs and verifies."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.path.chmod(0o755)
        self.records = {}
        for domain, kind in DOMAINS.items():
            # dkimpy takes the seed, and so does Winnow.
            made = winnow("dkim-keygen", "-d", domain, "-s", "key", "-b", "2048", "-t",
                          kind if kind == "rsa" else "ed25519-seed", "-k", str(self.key(domain)))
            self.records["key._domainkey." + domain, "TXT"] = [joined(made)]
        (self.path / "rspamd.conf").touch()
        local = self.path / "local.d"
        local.mkdir()
        replies = ", ".join(
            f'{{ name = "{name}"; type = txt; replies = ["{values[0]}"]; }}'
            for (name, _), values in self.records.items())
        (local / "options.inc").write_text(f"dns {{ fake_records = [{replies}]; }}\n")
        (local / "dkim_signing.conf").write_text(
            f'selector = "key"; path = "{self.path}/$domain.$selector.pem";\n')
        (local / "arc.conf").write_text(
            f'selector = "key"; path = "{self.path}/$domain.$selector.pem";\n')
        self.service = service.Serve(OPTIONS.winnow, "--config", str(self.path / "rspamd.conf"))

    def key(self, domain):
        return self.path / f"{domain}.key.pem"

    def close(self):
        self.service.stop()
        self.folder.cleanup()

    def scan(self, mail, port=None, **headers):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port or self.service.http}/checkv2", data=mail, method="POST",
            headers={key.replace("_", "-"): value for key, value in headers.items()})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def signed(self, domain, mail):
        answer = self.scan(mail, IP="127.0.0.1", From="ann@" + domain, Rcpt="ben@there.example")
        assert "DKIM_SIGNED" in answer["symbols"], answer["symbols"]
        return b"DKIM-Signature: " + answer["dkim-signature"].encode() + b"\r\n" + mail

    def verifies(self, mail):
        """What is said of its signatures here."""
        symbols = self.scan(mail, IP="192.0.2.1", From="a@x.example",
                            Rcpt="ben@there.example")["symbols"]
        return {name: symbols[name].get("options", []) for name in symbols
                if name.startswith(("R_DKIM_", "ARC_"))}

    def txt(self, name, timeout=5):
        values = self.records.get((name.decode().rstrip("."), "TXT"))
        return values[0].encode() if values else None


def mails():
    for domain in DOMAINS:
        for name, body in BODIES.items():
            yield domain, name, HEAD % domain.encode() + body


def changed(mail):
    """One byte of the subject is another one."""
    return mail.replace(b"pears", b"peart", 1)


# --- OpenDKIM, in a network where port 53 is ours ---

def opendkim_says(folder, records, mails_):
    """[verified] of each; None where there can be no such network."""
    def verify():
        out = []
        with NameServer(records, port=53):
            for mail in mails_:
                done = subprocess.run(["opendkim-testmsg"], input=mail.replace(b"\r\n", b"\n"),
                                      capture_output=True, timeout=60)
                out.append(done.returncode == 0 and not done.stderr)
        return out
    return own_network.run(folder, verify)


# --- The tests ---

class Signatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ground = Ground()
        cls.addClassCleanup(cls.ground.close)
        cls.ours = [(domain, name, cls.ground.signed(domain, mail)) for domain, name, mail in mails()]

    def test_ours_by_dkimpy(self):
        for domain, name, mail in self.ours:
            with self.subTest(domain=domain, body=name):
                self.assertTrue(dkim.verify(mail, dnsfunc=self.ground.txt))
                self.assertFalse(dkim.verify(changed(mail), dnsfunc=self.ground.txt))

    def test_ours_by_winnow(self):
        for domain, name, mail in self.ours:
            with self.subTest(domain=domain, body=name):
                self.assertEqual(self.ground.verifies(mail)["R_DKIM_ALLOW"], [domain + ":s=key"])
                bare = mail.replace(b"\r\n", b"\n")
                self.assertEqual(self.ground.verifies(bare)["R_DKIM_ALLOW"], [domain + ":s=key"])
                self.assertIn("R_DKIM_REJECT", self.ground.verifies(changed(mail)))

    def test_ours_by_opendkim(self):
        # This OpenDKIM knows no Ed25519.
        rsa = [mail for domain, _, mail in self.ours if domain == "rsa.example"]
        said = opendkim_says(self.ground.folder.name, self.ground.records,
                             rsa + [changed(mail) for mail in rsa])
        if said is None:
            self.skipTest("there can be no network of its own")
        self.assertEqual(said, [True] * len(rsa) + [False] * len(rsa))

    def test_keys_of_requests(self):
        local = self.ground.path / "requests" / "local.d"
        local.mkdir(parents=True)
        (local.parent / "rspamd.conf").touch()
        (local / "dkim_signing.conf").write_text("use_http_headers = true;\n")
        signer = service.Serve(OPTIONS.winnow, "--config", str(local.parent / "rspamd.conf"))
        self.addCleanup(signer.stop)
        for domain in DOMAINS:
            key = "".join(line for line in self.ground.key(domain).read_text().splitlines()
                          if not line.startswith("-----"))
            mail = HEAD % b"elsewhere.example" + BODIES["plain"]
            asks = {"PerformDkimSign": "yes", "DkimDomain": domain, "DkimSelector": "key",
                    "DkimPrivateKey": key, "IP": "192.0.2.1", "From": "a@elsewhere.example"}
            answer = self.ground.scan(mail, port=signer.http, **asks)
            self.assertEqual(answer["symbols"]["DKIM_SIGNED"]["options"], [domain + ":s=key"])
            ours = b"DKIM-Signature: " + answer["dkim-signature"].encode() + b"\r\n" + mail
            self.assertTrue(dkim.verify(ours, dnsfunc=self.ground.txt))
            self.assertEqual(self.ground.verifies(ours)["R_DKIM_ALLOW"], [domain + ":s=key"])
            self.assertNotIn(key[10:60], json.dumps(answer))
            del asks["DkimSelector"]
            self.assertNotIn("dkim-signature", self.ground.scan(mail, port=signer.http, **asks))

    def by_milter(self, mail, offered):
        """Symbols in the log of a message that an MTA of version 6 brings over milter."""
        name = b"%d@example.org" % len(self.ground.service.lines)
        with service.connect(self.ground.service.milter) as sock:
            sock.sendall(service.packet(b"O", struct.pack(">III", 6, 0x1FF, offered)) +
                         service.packet(b"D", b"Mi\0" + name + b"\0") +
                         service.packet(b"M", b"<a@x.example>\0"))
            head, body = mail.split(b"\r\n\r\n", 1)
            for field in re.split(rb"\r\n(?![ \t])", head):
                field, value = field.split(b":", 1)
                if not offered and value.startswith(b" "):
                    value = value[1:]  # an MTA takes one blank off, unless it is asked to keep it
                sock.sendall(service.packet(b"L", field + b"\0" + value.replace(b"\r\n", b"\n") +
                                            b"\0"))
            sock.sendall(service.packet(b"N") + service.packet(b"B", body) + service.packet(b"E") +
                         service.packet(b"Q"))
            service.read_all(sock)
        said = "qid: <%s>" % name.decode()
        self.ground.service.wait_for(said)
        return next(line for line in self.ground.service.lines if said in line)

    def test_blanks_before_values_survive_the_milter(self):
        """Signatures over headers as they are (`simple`) hold where the MTA keeps leading blanks; to
        one that does not, they hold for headers as nearly everybody writes them."""
        odd = (b"From:  Ann <ann@rsa.example>\r\nTO:\tBen <ben@there.example>\r\nSubject:no blank\r\n"
               b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nHello  Ben\r\n")
        usual = re.sub(rb"(?m)^(\w+):[ \t]*", rb"\1: ", odd)
        key = self.ground.key("rsa.example").read_bytes()
        for mail, offered, holds in ((odd, 0x1FFFFF, True), (usual, 0x1FFFFF, True),
                                     (usual, 0, True), (odd, 0, False)):
            signed = dkim.sign(mail, b"key", b"rsa.example", key, canonicalize=(b"simple", b"simple"),
                               include_headers=[b"from", b"subject", b"to"]) + mail
            line = self.by_milter(signed, offered)
            self.assertEqual("R_DKIM_ALLOW(" in line, holds, (mail, offered, line))
            self.assertEqual("R_DKIM_REJECT(" in line, not holds, line)

    def test_dkimpys_by_winnow(self):
        for domain, name, mail in mails():
            for header in (b"simple", b"relaxed"):
                for body in (b"simple", b"relaxed"):
                    with self.subTest(domain=domain, body=name, canonical=header + b"/" + body):
                        kind = DOMAINS[domain]
                        key = self.ground.key(domain).read_bytes()
                        mail = HEAD % domain.encode() + BODIES[name]
                        made = dkim.sign(
                            mail, b"key", domain.encode(), key if kind == "rsa" else key.strip(),
                            canonicalize=(header, body), signature_algorithm=kind.encode() + (
                                b"-sha256"), include_headers=[b"from", b"subject", b"to"])
                        self.assertEqual(self.ground.verifies(made + mail).get("R_DKIM_ALLOW"),
                                         [domain + ":s=key"])
                        self.assertNotIn("R_DKIM_ALLOW",
                                         self.ground.verifies(changed(made + mail)))

    def test_opendkims_by_winnow(self):
        for domain, name, mail in mails():
            if DOMAINS[domain] != "rsa":
                continue
            done = subprocess.run(
                ["opendkim-testmsg", "-C", "-d", domain, "-s", "key", "-k", self.ground.key(domain)],
                input=mail.replace(b"\r\n", b"\n"), capture_output=True, timeout=60)
            with self.subTest(body=name):
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.ground.verifies(done.stdout).get("R_DKIM_ALLOW"),
                                 [domain + ":s=key"])
                self.assertNotIn("R_DKIM_ALLOW", self.ground.verifies(changed(done.stdout)))

    def sealed(self, mail):
        headers = self.ground.scan(mail, IP="192.0.2.1", From="a@x.example", Rcpt="r@rsa.example",
                                   MTA_Name="mx.rsa.example")["milter"]["add_headers"]
        out = b"".join(
            name.encode() + b": " + headers[name]["value"].encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
            for name in ("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"))
        return out + mail

    def test_our_seals_by_dkimpy(self):
        mail = self.sealed(HEAD % b"rsa.example" + BODIES["plain"])
        for _ in range(2):
            self.assertEqual(dkim.arc_verify(mail, dnsfunc=self.ground.txt)[0], b"pass")
            self.assertNotEqual(dkim.arc_verify(changed(mail), dnsfunc=self.ground.txt)[0], b"pass")
            mail = self.sealed(mail)

    def test_dkimpys_seals_by_winnow(self):
        mail = (b"Authentication-Results: mx.rsa.example; spf=pass smtp.mailfrom=a@x.example\r\n"
                + HEAD % b"rsa.example" + BODIES["blanks"])
        made = dkim.arc_sign(mail, b"key", b"rsa.example",
                             self.ground.key("rsa.example").read_bytes(), b"mx.rsa.example")
        mail = b"".join(made) + mail
        self.assertEqual(self.ground.verifies(mail)["ARC_ALLOW"], ["rsa.example:s=key:i=1"])
        self.assertIn("ARC_REJECT", self.ground.verifies(changed(mail)))
        # And ours on top of it.
        self.assertEqual(self.ground.verifies(self.sealed(mail))["ARC_ALLOW"],
                         ["rsa.example:s=key:i=2"])


def make_rspamd(ground, work):
    class Rspamd(engines.Rspamd):
        OFF = [name for name in engines.Rspamd.OFF if name not in ("arc", "dkim", "dkim_signing")]

        def configure(self, local):
            replies = ", ".join(f'{{ name = "{name}"; type = txt; replies = ["{values[0]}"]; }}'
                                for (name, _), values in ground.records.items())
            text = (local / "options.inc").read_text()
            (local / "options.inc").write_text(
                text.replace("dns {", f"dns {{ fake_records = [{replies}];\n") + "task_timeout = 120s;\n")
            for domain in DOMAINS:
                copy = self.work / ground.key(domain).name
                copy.write_bytes(ground.key(domain).read_bytes())
                copy.chmod(0o644)
            (local / "dkim_signing.conf").write_text(
                f'selector = "key"; path = "{self.work}/$domain.$selector.pem";\n')
            (local / "arc.conf").write_text(
                f'selector = "key"; path = "{self.work}/$domain.$selector.pem";\n')

        def verifies(self, mail):
            symbols = self.check_from({"ip": "192.0.2.1", "from": "a@x.example",
                                       "rcpt": ["ben@there.example"]}, mail)
            return {name: one.get("options", []) for name, one in symbols.items()
                    if name.startswith(("R_DKIM_", "ARC_"))}

        def signed(self, domain, mail):
            answer = self.check(mail, ["Pass: all", "IP: 127.0.0.1", "From: ann@" + domain,
                                       "Rcpt: ben@there.example"])
            made = answer["dkim-signature"]
            return b"DKIM-Signature: " + made.encode() + b"\r\n" + mail

    return Rspamd(work)


@unittest.skipUnless(shutil.which("rspamd"), "rspamd is not there")
class ByRspamd(unittest.TestCase):
    """What Debian's rspamd says of ours, and what we say of its."""

    sealed = Signatures.sealed

    @classmethod
    def setUpClass(cls):
        cls.ground = Ground()
        cls.addClassCleanup(cls.ground.close)
        work = tempfile.mkdtemp(prefix="winnow-rspamd-")
        cls.addClassCleanup(shutil.rmtree, work, ignore_errors=True)
        cls.rspamd = make_rspamd(cls.ground, work)
        cls.addClassCleanup(cls.rspamd.stop)

    def test_ours_by_rspamd(self):
        for domain, name, mail in mails():
            with self.subTest(domain=domain, body=name):
                ours = self.ground.signed(domain, mail)
                self.assertEqual(self.rspamd.verifies(ours).get("R_DKIM_ALLOW"), [domain + ":s=key"])
                self.assertNotIn("R_DKIM_ALLOW", self.rspamd.verifies(changed(ours)))

    def test_rspamds_by_winnow(self):
        for domain, name, mail in mails():
            with self.subTest(domain=domain, body=name):
                theirs = self.rspamd.signed(domain, mail)
                self.assertEqual(self.ground.verifies(theirs).get("R_DKIM_ALLOW"), [domain + ":s=key"])
                self.assertIn("R_DKIM_REJECT", self.ground.verifies(changed(theirs)))

    def test_our_seals_by_rspamd(self):
        mail = HEAD % b"rsa.example" + BODIES["plain"]
        for number in (1, 2):
            mail = self.sealed(mail)
            self.assertEqual(self.rspamd.verifies(mail).get("ARC_ALLOW"),
                             [f"rsa.example:s=key:i={number}"])
            self.assertIn("ARC_REJECT", self.rspamd.verifies(changed(mail)))


if __name__ == "__main__":
    require("opendkim-testmsg")
    run_tests()
