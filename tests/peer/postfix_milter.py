#!/usr/bin/env python3
"""Postfix with Winnow as its milter: postfix_milter.py --winnow PATH [TEST...]

Clean mail is delivered byte for byte, GTUBE is refused, and under load, while the rules are
swapped, every message that was acknowledged arrives exactly once. 200 messages under load and
four reloads; where WINNOW_DEEP is set 2,000 and twenty."""
import argparse
import email
import os
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import service
from mta import SENDER, WAIT_S, Postfix, Sink, Witness, missing
from service import GTUBE, HAM

PARSER = argparse.ArgumentParser()
PARSER.add_argument("--winnow", default="build/dev/winnow")
OPTIONS, REST = PARSER.parse_known_args()
DEEP = bool(os.environ.get("WINNOW_DEEP"))
LOAD, RELOADS = (2000, 20) if DEEP else (200, 4)

# What an MTA or a filter that rebuilds messages would change.
PECULIAR = (b"Received: from a.example.org by b.example.org; Tue, 24 Nov 2026 09:59:00 +0000\r\n"
            b"from:  Anna Letter <anna@example.org>\r\nTO:\tBen <ben@example.net>\r\n"
            b"Subject:no space here\r\nX-Folded: one\r\n  two\r\n\t three \r\nX-Empty:\r\n"
            b"X-Eight: caf\xe9 \xc3\xa9\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
            b"Message-ID: <peculiar@example.org>\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            b"Hello Ben,\r\n\r\n.a line with a dot\r\n..two\r\n. \r\ntrailing blanks  \t\r\n"
            b"gr\xc3\xbc\xc3\x9fe \xff\xfe and a long line: " + b"words of a letter " * 50 +
            b"\r\n\r\n\r\nthe end\r\n\r\n")


def spamd_result(reply):
    """X-Spamd-Result as Rspamd writes it, from the fields of its /checkv2 reply."""
    symbols = sorted(reply["symbols"].values(), key=lambda s: (-abs(s["score"]), s["name"]))
    return "; ".join(["default: %s [%.2f / %.2f]" % (
        reply["action"] == "reject", reply["score"], reply["required_score"])] + [
            "%s(%.2f)[%s]" % (s["name"], s["score"], ",".join(s.get("options", [])))
            for s in symbols])


class PostfixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="winnow-postfix-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.serve = service.Serve(OPTIONS.winnow, "--threads", "2")
        cls.addClassCleanup(cls.stop_serve)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.stop)
        cls.site = cls.start_site()
        cls.addClassCleanup(cls.site.stop)
        cls.postfix = Postfix(cls.folder.name, ["inet:127.0.0.1:%d" % cls.serve.milter,
                                                "unix:" + cls.site.socket], cls.sink.port)
        cls.plain_port, cls.site_port = cls.postfix.ports
        cls.addClassCleanup(cls.postfix.stop)

    @classmethod
    def start_site(cls):
        """A service whose site wants Rspamd's headers."""
        config = os.path.join(cls.folder.name, "site", "rspamd.conf")
        os.makedirs(os.path.join(os.path.dirname(config), "local.d"))
        open(config, "w").close()
        with open(os.path.join(os.path.dirname(config), "local.d", "milter_headers.conf"),
                  "w") as file:
            file.write("extended_spam_headers = true;\n")
        site = service.Serve(OPTIONS.winnow, "--config", config, "--threads", "1")
        os.chmod(site.folder.name, 0o755)  # Postfix has users of its own
        os.chmod(site.socket, 0o666)
        return site

    @classmethod
    def stop_serve(cls):
        assert cls.serve.stop() == 0

    def send(self, message, to, port=None):
        with smtplib.SMTP("127.0.0.1", port or self.plain_port, timeout=WAIT_S) as smtp:
            smtp.docmd("XCLIENT", "NAME=client.example.org ADDR=192.0.2.7")
            smtp.helo("client.example.org")
            smtp.sendmail(SENDER, [to], message)

    def delivered(self, to):
        self.sink.wait_until(lambda: self.sink.for_recipient(to), to)
        return self.sink.for_recipient(to)

    def test_clean_mail_is_delivered_byte_for_byte(self):
        for name, message in (("plain", HAM % b"plain"), ("peculiar", PECULIAR)):
            to = name + "@example.net"
            self.send(message, to)
            got, = self.delivered(to)
            received = re.match(rb"Received: from (.+\r\n\t)+.+\r\n", got)
            self.assertIsNotNone(received, got[:200])
            self.assertEqual(got[received.end():], message)

    def test_result_in_headers(self):
        to = "site@example.net"
        self.send(PECULIAR, to, self.site_port)
        got, = self.delivered(to)
        headers = email.message_from_bytes(got.split(b"\r\n\r\n")[0])
        queue_id = re.search(rb" id ([0-9A-Za-z]+)\r\n", got).group(1).decode()
        self.assertEqual(headers["X-Rspamd-Queue-Id"], queue_id)
        self.assertEqual(headers["X-Rspamd-Action"], "no action")
        self.assertTrue(headers["X-Rspamd-Server"])
        http = service.Http(self.site.http)
        reply = http.check(PECULIAR, headers=(
            "IP: 192.0.2.7\r\nHelo: client.example.org\r\nHostname: client.example.org\r\n"
            "From: <%s>\r\nRcpt: <%s>\r\nQueue-Id: %s\r\n" % (SENDER, to, queue_id)).encode())
        http.close()
        self.assertEqual(re.sub(r"\r?\n\s+", " ", headers["X-Spamd-Result"]), spamd_result(reply))

    def test_gtube_is_refused(self):
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.send((HAM % b"gtube") + GTUBE + b"\r\n", "gtube@example.net")
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertIn(b"5.7.1 Gtube pattern", refused.exception.smtp_error)

    def test_what_is_acknowledged_arrives_once(self):
        witness = Witness(self.plain_port)
        self.addCleanup(witness.stop)
        sources = [subprocess.Popen(
            ["smtp-source", "-A", "-N", *more, "-s", "10", "-m", str(LOAD // 2), "-l", "3000",
             "-f", SENDER, "-t", name + "@example.net", "127.0.0.1:%d" % witness.port],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for name, more in (("kept", ["-d"]), ("fresh", []))]
        for source in sources:
            self.addCleanup(source.stdout.close)
        self.disturb(witness)
        for source in sources:
            self.assertEqual(source.wait(WAIT_S), 0, source.stdout.read())
        acknowledged = self.send_again(witness)
        self.assertEqual(len(acknowledged), LOAD)
        self.sink.wait_until(lambda: len(self.arrived()) >= LOAD, "all mail")
        arrived = self.arrived()
        self.assertEqual(sorted(arrived), sorted(acknowledged))
        self.assertEqual(len(arrived), len(set(arrived)))

    def arrived(self):
        return [name for rcpt, _ in list(self.sink.mail) for name in rcpt
                if re.fullmatch(r"(\d+(kept|fresh)|again\d+)@example\.net", name)]

    def disturb(self, witness):
        """Swaps the rules, paced by the mail that went through."""
        for time in range(1, RELOADS + 1):
            witness.wait_until(lambda: len(witness.replies) >= time * LOAD // (RELOADS + 5),
                               "progress")
            self.serve.process.send_signal(signal.SIGHUP)
            self.serve.wait_for("rules reloaded", time)

    def send_again(self, witness):
        """Sends what was deferred, and what never came to name a recipient, until it is taken."""
        owed = [name for name, codes in witness.replies.items() if "250" not in codes]
        owed += ["again%d@example.net" % i for i in range(LOAD - len(witness.replies))]
        for name in owed:
            for _ in range(100):
                try:
                    self.send(HAM % name.encode(), name, witness.port)
                    break
                except smtplib.SMTPResponseException as refused:
                    self.assertEqual(refused.smtp_code // 100, 4, refused)
        for name, codes in witness.replies.items():
            self.assertEqual(codes.count("250"), 1, name)
            self.assertTrue(all(code[0] in "24" for code in codes), codes)
        return list(witness.replies)


if __name__ == "__main__":
    if absent := missing("postfix", "smtp-source"):
        print("Skipped:", absent, "is not installed")
        sys.exit(77)
    if os.getuid() != 0:
        print("Skipped: Postfix starts as root only")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + REST, verbosity=2)
