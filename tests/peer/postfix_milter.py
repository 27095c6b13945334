#!/usr/bin/env python3
"""Postfix with Winnow as its milter: postfix_milter.py --winnow PATH [TEST...]

Clean mail is delivered byte for byte, GTUBE is refused, and under load, while the engine is killed,
the rules are swapped and the whole is upgraded, every message that was acknowledged arrives exactly
once. 200 messages, two kills, four reloads and an upgrade; where WINNOW_DEEP is set 2,000, ten,
twenty and two."""
import email
import os
import random
import re
import signal
import smtplib
import subprocess
import tempfile
import threading
import unittest

import paths  # noqa: F401
import service
from mta import SENDER, WAIT_S, Postfix, Sink, Witness
from service import GTUBE, HAM
from test_program import OPTIONS, require, require_root, run_tests

DEEP = bool(os.environ.get("WINNOW_DEEP"))
LOAD, KILLS, RELOADS, UPGRADES = (2000, 10, 20, 2) if DEEP else (200, 2, 4, 1)
RUNS = 20 if DEEP else 5

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
            file.write('extended_spam_headers = true;\n'
                       'use = ["authentication-results", "x-spam-status", "remove-headers"];\n'
                       'routines { remove-headers { headers { "Authentication-Results" = 0;'
                       ' "X-Spam-Status" = 0; } } }\n')
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

    def test_headers_of_ours_arrive_whoever_wrote_them_before(self):
        for name, before in (("clean", b""), ("forged", b"Authentication-Results: evil; spf=pass\r\n"
                                              b"X-Spam-Status: never\r\n")):
            to = name + "@example.net"
            self.send(before + HAM % name.encode(), to, self.site_port)
            got, = self.delivered(to)
            headers = email.message_from_bytes(got.split(b"\r\n\r\n")[0])
            status, = headers.get_all("X-Spam-Status", [])
            results, = headers.get_all("Authentication-Results", [])
            self.assertTrue(status.startswith("No, score="), status)
            self.assertNotIn("evil", results)

    def test_gtube_is_refused(self):
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.send((HAM % b"gtube") + GTUBE + b"\r\n", "gtube@example.net")
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertIn(b"5.7.1 Gtube pattern", refused.exception.smtp_error)

    def test_what_is_acknowledged_arrives_once(self):
        self.failed_sources = []
        witness = Witness(self.plain_port)
        self.addCleanup(witness.stop)
        sources = [threading.Thread(target=self.source, args=(witness.port, *kind))
                   for kind in (("kept", "-d"), ("fresh",))]
        for source in sources:
            source.start()
        self.disturb(witness, sources)
        for source in sources:
            source.join()
        self.assertEqual(self.failed_sources, [])
        acknowledged = self.send_again(witness)
        self.assertEqual(len(acknowledged), LOAD)
        self.sink.wait_until(lambda: len(self.arrived()) >= LOAD, "all mail")
        arrived = self.arrived()
        self.assertEqual(sorted(arrived), sorted(acknowledged))
        self.assertEqual(len(arrived), len(set(arrived)))

    def source(self, port, name, *options):
        """Half of the mail, in runs one after the other: a kept session whose milter went away
        defers all that it still sends."""
        for run in range(RUNS):
            done = subprocess.run(
                ["smtp-source", "-A", "-N", *options, "-s", "5", "-m", str(LOAD // 2 // RUNS), "-l",
                 "3000", "-f", SENDER, "-t", "%s%d@example.net" % (name, run),
                 "127.0.0.1:%d" % port], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                self.failed_sources.append(done.stdout)

    def arrived(self):
        return [name for rcpt, _ in list(self.sink.mail) for name in rcpt
                if re.fullmatch(r"(\d+(kept|fresh)\d+|again\d+)@example\.net", name)]

    def disturb(self, witness, sources):
        """Kills, reloads and upgrades in a mixed order, paced by the mail that went through."""
        steps = [self.kill] * KILLS + [self.reload] * RELOADS + [self.upgrade] * UPGRADES
        random.Random(4).shuffle(steps)
        for number, step in enumerate(steps, 1):
            due = number * LOAD // (len(steps) + 5)
            witness.wait_until(lambda: witness.tries >= due or not any(
                source.is_alive() for source in sources), "progress")
            step()

    def said(self, text):
        return sum(text in line for line in list(self.serve.lines))

    def kill(self):
        engine = [found for line in list(self.serve.lines)
                  if (found := re.search(r"engine (\d+) works", line))][-1].group(1)
        before = self.said("works")
        os.kill(int(engine), signal.SIGKILL)
        self.serve.wait_for("engine %s died" % engine)
        self.serve.wait_for("works", before + 1)

    def reload(self):
        before = self.said("rules reloaded")
        self.serve.process.send_signal(signal.SIGHUP)
        self.serve.wait_for("rules reloaded", before + 1)

    def upgrade(self):
        before = self.said("upgraded, engine")
        self.serve.process.send_signal(signal.SIGUSR2)
        self.serve.wait_for("upgraded, engine", before + 1)

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
    require("postfix", "smtp-source")
    require_root("Postfix")
    run_tests()
