#!/usr/bin/env python3
"""What headers of a request mean to Winnow and to Debian's rspamd: results of SPF, DKIM and DMARC that
the mail server found (http_headers), keys that sign (use_http_headers), and what rules may ask of them
(selector request_header).
request_headers.py --winnow BINARY"""
import json
import pathlib
import subprocess
import tempfile
import unittest

import paths  # noqa: F401
import engines
import service
from test_program import OPTIONS, require, run_tests


MAIL = (b"From: Ann <ann@sender.example>\r\nTo: b@x.example\r\nSubject: hi\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n\r\nHello\r\n")
ENVELOPE = ["IP: 192.0.2.1", "From: ann@sender.example", "Helo: mx.sender.example", "Rcpt: b@x.example"]
SEEN = ["Deliver-To: d@x.example", "Hostname: mx.sender.example", "User: ann", "Queue-Id: Q1",
        "Subject: another", "Settings-ID: own", "Pass: all", "Raw: no", "Flags: groups", "Log: yes",
        "URL-Format: extended", "User-Agent: tester/1", "MTA-Name: mx.example.net", "MTA-Tag: in",
        "TLS-Cipher: AES", "TLS-Version: TLSv1.3", "TLS-Cert-Issuer: CA", "Mailer: local",
        "Filename: 1.eml", "Log-Tag: tag", "Milter: yes", "X-Own: 1"]
FILES = {"http_headers.conf": "enabled = true;\n",
         "dkim_signing.conf": "enabled = true; use_http_headers = true;\n"}
RESULTS = {"SPF": ("pass", "fail", "softfail", "neutral", "permfail", "na"),
           "DKIM": ("pass", "fail", "permfail", "tempfail", "softfail", "na"),
           "DMARC": ("pass", "fail", "reject", "quarantine", "softfail", "none", "permfail", "tempfail",
                     "na")}
OF = {"SPF": ("R_SPF_",), "DKIM": ("R_DKIM_", "DKIM_TRACE"), "DMARC": ("DMARC_",)}


class Rspamd(engines.Rspamd):
    OFF = [name for name in engines.Rspamd.OFF if name not in ("dkim", "dkim_signing", "dmarc", "spf")]

    def configure(self, local):
        for name, text in FILES.items():
            (local / name).write_text(text)
        (local / "multimap.conf").write_text(selectors(local))


def selectors(folder):
    """A map of anything for each header of a request; its symbol is SEEN_ and the name."""
    (folder / "any.map").write_text("/./\n")
    names = [field.split(":")[0] for field in ENVELOPE + SEEN] + ["Not-Sent"]
    return "".join('SEEN_%s { type = "selector"; selector = "request_header(\'%s\')"; regexp = true; '
                   'map = "%s/any.map"; }\n' % (name.replace("-", "_"), name.lower(), folder)
                   for name in names)


class RequestHeaders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="winnow-request-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        local = cls.folder / "ours" / "local.d"
        local.mkdir(parents=True)
        (local.parent / "rspamd.conf").touch()
        for name, text in FILES.items():
            (local / name).write_text(text)
        (local / "multimap.conf").write_text(selectors(local))
        cls.rspamd = Rspamd(cls.folder / "theirs")
        cls.addClassCleanup(cls.rspamd.stop)
        cls.winnow = service.Serve(OPTIONS.winnow, "--config", str(local.parent / "rspamd.conf"))
        cls.addClassCleanup(cls.winnow.stop)

    def both(self, *fields):
        ours = engines.check(self.winnow.http, MAIL, [*ENVELOPE, *fields])
        return ours, self.rspamd.check(MAIL, [*ENVELOPE, *fields])

    def test_results(self):
        for method, results in RESULTS.items():
            for result in results:
                with self.subTest(method=method, result=result):
                    said = [{name: one.get("options") for name, one in reply["symbols"].items()
                             if name.startswith(OF[method])}
                            for reply in self.both("%s: %s" % (method, json.dumps({"result": result})))]
                    self.assertEqual(*said)
                    self.assertTrue(said[0])

    def test_what_rules_see(self):
        for fields in (SEEN, []):
            ours, theirs = ({name for name in reply["symbols"] if name.startswith("SEEN_")}
                            for reply in self.both(*fields))
            self.assertEqual(ours, theirs)
            self.assertEqual(len(ours), len(ENVELOPE) + len(fields))

    def test_keys(self):
        pem = subprocess.run([OPTIONS.winnow, "dkim-keygen", "-d", "sign.example", "-s", "sel", "-b",
                              "2048", "-k", self.folder / "key.pem"], capture_output=True, check=True)
        self.assertTrue(pem.stdout)
        key = "".join(line for line in (self.folder / "key.pem").read_text().splitlines()
                      if not line.startswith("-----"))
        fields = {"PerformDkimSign": "no", "DkimDomain": "sign.example", "DkimSelector": "sel",
                  "DkimPrivateKey": key}
        for left_out in (None, *fields):
            with self.subTest(without=left_out):
                ours, theirs = self.both(*(f"{name}: {value}" for name, value in fields.items()
                                           if name != left_out))
                said = [reply["symbols"].get("DKIM_SIGNED", {}).get("options") for reply in (ours, theirs)]
                self.assertEqual(said, [None if left_out else ["sign.example:s=sel"]] * 2)
                self.assertEqual(["dkim-signature" in reply for reply in (ours, theirs)],
                                 [not left_out] * 2)


if __name__ == "__main__":
    require("rspamd")
    run_tests()
