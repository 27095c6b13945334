#!/usr/bin/env python3
"""Mail that is proved, through a real Postfix: authentication.py --winnow BINARY. What users send
leaves signed; what comes in carries Authentication-Results; mail that claims to be of a domain whose
owner wishes a reject is refused where the site says so; a clean message is delivered as it was."""
import pathlib
import re
import smtplib
import subprocess
import tempfile
import unittest

import paths  # noqa: F401
import service
from mta import WAIT_S, Postfix, Sink
from test_program import OPTIONS, require, require_root, run_tests

LETTER = (b"From: Ann <ann@%b>\r\nTo: Ben <ben@example.net>\r\nSubject: pears\r\n"
          b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%b@example.org>\r\n"
          b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello Ben, the pears  are ripe.\r\n"
          b".dot\r\n\r\n")
CLIENT = "192.0.2.7"


class AuthenticationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="winnow-auth-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.serve = service.Serve(OPTIONS.winnow, "--config", cls.site(), "--threads", "1")
        cls.addClassCleanup(cls.serve.stop)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.stop)
        cls.postfix = Postfix(cls.folder.name, ["inet:127.0.0.1:%d" % cls.serve.milter],
                              cls.sink.port)
        cls.port, = cls.postfix.ports
        cls.addClassCleanup(cls.postfix.stop)

    @classmethod
    def site(cls):
        root = pathlib.Path(cls.folder.name) / "site"
        local = root / "local.d"
        local.mkdir(parents=True)
        (root / "rspamd.conf").touch()
        key = root / "own.example.key.pem"
        made = subprocess.run([OPTIONS.winnow, "dkim-keygen", "-s", "key", "-b", "2048", "-k", key],
                              capture_output=True, text=True, check=True).stdout
        records = {"key._domainkey.own.example": "".join(made.split('"')[1::2]),
                   "sender.example": "v=spf1 ip4:%s -all" % CLIENT,
                   "_dmarc.sender.example": "v=DMARC1; p=reject",
                   "strict.example": "v=spf1 -all", "_dmarc.strict.example": "v=DMARC1; p=reject",
                   "mild.example": "v=spf1 -all", "_dmarc.mild.example": "v=DMARC1; p=quarantine"}
        entries = ", ".join('{ name = "%s"; type = txt; replies = ["%s"]; }' % one
                            for one in records.items())
        (local / "options.inc").write_text("dns { fake_records = [%s]; }\n" % entries)
        (local / "dkim_signing.conf").write_text(
            'selector = "key"; path = "%s/$domain.$selector.pem";\n' % root)
        (local / "arc.conf").write_text(
            'selector = "key"; path = "%s/$domain.$selector.pem";\n' % root)
        (local / "dmarc.conf").write_text(
            'actions { reject = "reject"; quarantine = "add header"; }\n')
        (local / "milter_headers.conf").write_text('use = ["authentication-results"];\n')
        return str(root / "rspamd.conf")

    def send(self, domain, to, login=None, ip=CLIENT):
        message = LETTER % (domain.encode(), to.encode())
        with smtplib.SMTP("127.0.0.1", self.port, timeout=WAIT_S) as smtp:
            smtp.docmd("XCLIENT", "NAME=client.example.org ADDR=%s%s" % (
                ip, " LOGIN=" + login if login else ""))
            smtp.ehlo("client.example.org")
            smtp.sendmail("ann@" + domain, [to + "@example.net"], message)
        self.sink.wait_until(lambda: self.sink.for_recipient(to + "@example.net"), to)
        got, = self.sink.for_recipient(to + "@example.net")
        self.assertTrue(got.endswith(message.split(b"\r\n\r\n", 1)[1]))
        return got

    def said(self, mail):
        """Winnow's own word on what arrived, as a stranger brings it."""
        http = service.Http(self.serve.http)
        self.addCleanup(http.close)
        return http.check(mail, headers=b"IP: 203.0.113.1\r\nFrom: <x@y.example>\r\n")["symbols"]

    def test_outbound_leaves_signed(self):
        got = self.send("own.example", "out", login="ann@own.example")
        self.assertEqual(len(re.findall(rb"^DKIM-Signature: v=1; a=rsa-sha256;", got, re.M)), 1)
        self.assertNotIn(b"\nAuthentication-Results:", got)
        self.assertEqual(self.said(got)["R_DKIM_ALLOW"]["options"], ["own.example:s=key"])
        changed = got.replace(b"are ripe", b"are not ripe")
        self.assertIn("R_DKIM_REJECT", self.said(changed))

    def test_others_are_not_signed(self):
        # A user of ours who writes as somebody else, and somebody who is no user.
        got = self.send("other.example", "other", login="ann@own.example")
        self.assertNotIn(b"DKIM-Signature", got)
        got = self.send("own.example", "nobody")
        self.assertNotIn(b"DKIM-Signature", got)

    def test_inbound_carries_results(self):
        got = self.send("sender.example", "in")
        results = re.search(rb"^Authentication-Results: ((?:.+\r\n[ \t])*.+)", got, re.M).group(1)
        results = re.sub(rb"\r\n\s+", b" ", results)
        for part in (rb"dkim=none", rb"spf=pass \(\S+: domain of ann@sender.example designates "
                     rb"192.0.2.7 as permitted sender\) smtp.mailfrom=ann@sender.example",
                     rb"dmarc=pass \(policy=reject\) header.from=sender.example"):
            self.assertRegex(results, part)
        self.assertNotIn(b"DKIM-Signature", got)

    def test_spoofed_mail_is_refused(self):
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.send("strict.example", "spoof")
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertIn(b"Action set by DMARC", refused.exception.smtp_error)

    def test_milder_policies_mark(self):
        got = self.send("mild.example", "mild")
        self.assertRegex(got, rb"(?m)^X-Spam: Yes\r$")
        self.assertIn(b"dmarc=fail", got)


if __name__ == "__main__":
    require("postfix")
    require_root("Postfix")
    run_tests()
