#!/usr/bin/env python3
"""What Winnow and Debian's rspamd export of the same messages: fields of JSON, headers, alerts, whom mail
goes to, and what they do where an export that mail waits for fails. metadata_exporter.py --winnow BINARY"""
import json
import pathlib
import re
import tempfile
import unittest

import paths  # noqa: F401
import engines
import mta
import redis_server
import service
from export_sinks import HttpSink
from test_program import OPTIONS, require, run_tests

MAIL = (b"From: \"Ann B\" <ann@sender.example>, other@x.example\r\nTo: b@x.example\r\n"
        b"Subject: =?utf-8?q?H=C3=A9llo?= \"you\"\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <1@sender.example>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello there\r\n")
TWICE = MAIL.replace(b"Subject:", b"Subject: first\r\nSubject:")
BARE = b"X: 1\r\n\r\nno header that a letter has\r\n"
ENVELOPE = ["IP: 192.0.2.1", "From: ann@sender.example", "Helo: mx.sender.example",
            "Rcpt: b@x.example", "Rcpt: carl@y.example", "Queue-Id: Q1"]
CASES = {"mail": (MAIL, ENVELOPE), "of a user": (MAIL, ENVELOPE + ["User: joe"]),
         "two subjects": (TWICE, ENVELOPE), "nothing known": (MAIL, []), "no headers": (BARE, []),
         "null sender": (MAIL, ["IP: 2001:db8::1", "From: ", "Rcpt: b@x.example"])}
# The words of an alert are each engine's own; what its variables stand for is compared.
TEMPLATE = "".join(line + "\\n" for line in (
    "To: $mail_to", "Date: $date", "Message-ID: <$our_message_id>", "", "User: $user", "IP: $ip", "Queue: $qid",
    "Sender: $from", "Recipients: $rcpt", "From: $header_from", "To: $header_to", "Written: $header_date",
    "Subject: $header_subject", "Id: $message_id", "Action: $action", "Score: $score", "Symbols: $symbols"))
RULES = """
  JSON {{ backend = "http"; url = "http://127.0.0.1:{http}/json"; formatter = "json"; user = "u"; password = "p"; }}
  META {{ backend = "http"; url = "http://127.0.0.1:{http}/meta"; meta_headers = true; mime_type = "a/b"; }}
  TEXT {{ backend = "http"; url = "http://127.0.0.1:{http}/text"; formatter = "email_alert";
         email_template = "{template}"; }}
  MAIL {{ backend = "send_mail"; smtp = "127.0.0.1"; smtp_port = {smtp}; mail_to = ["one@h.example", "two@h.example"];
         mail_from = "from@h.example"; formatter = "email_alert"; email_alert_recipients = true;
         email_alert_user = true; email_template = "Subject: ${{action}}\\n\\n$mail_to; $score of $nix; $header_to"; }}
  SELF {{ backend = "send_mail"; smtp = "127.0.0.1"; smtp_port = {smtp}; mail_to = "self@h.example"; }}
  PUB {{ backend = "redis_pubsub"; channel = "chan"; formatter = "json"; selector = "is_not_soft_reject"; }}
  MUST {{ backend = "http"; url = "http://127.0.0.1:{http}/x/500"; selector = "is_reject_authed"; defer = true; }}
"""
# What each engine finds by itself; the rest is the message's and the session's.
OWN = {"score", "action", "symbols", "scan_time", "rspamd_server"}

class Rspamd(engines.Rspamd):
    def __init__(self, work, files):
        self.files = files
        super().__init__(work)

    def configure(self, local):
        for name, text in self.files.items():
            (local / name).write_text(text)


class Engine:
    """One of the two, with servers of its own to export to."""

    def __init__(self, test, folder, name):
        self.http, self.smtp, self.redis = HttpSink(), mta.Sink(), redis_server.RedisServer()
        for one in (self.http, self.smtp, self.redis):
            test.addClassCleanup(one.stop)
        self.listener = redis_server.Connection(self.redis.socket)
        test.addClassCleanup(self.listener.close)
        self.listener("SUBSCRIBE", "chan")
        files = {"multimap.conf": 'BAD { type = "rcpt"; map = ["bad@x.example"]; score = 100; }\n',
                 "metadata_exporter.conf": 'servers = "%s";\nrules {\n%s}\n' % (
                     self.redis.socket, RULES.format(http=self.http.port, smtp=self.smtp.port, template=TEMPLATE))}
        if name == "rspamd":
            server = Rspamd(folder / name, files)
            self.port = server.port
        else:
            local = folder / name / "local.d"
            local.mkdir(parents=True)
            (local.parent / "rspamd.conf").touch()
            for file, text in files.items():
                (local / file).write_text(text)
            server = service.Serve(OPTIONS.winnow, "--config", str(local.parent / "rspamd.conf"))
            self.port = server.http
        test.addClassCleanup(server.stop)

    def check(self, mail, fields):
        return engines.check(self.port, mail, fields)


class Same(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="winnow-exporter-")
        cls.addClassCleanup(folder.cleanup)
        cls.engines = [Engine(cls, pathlib.Path(folder.name), name) for name in ("winnow", "rspamd")]
        cls.got = {}
        for case, (mail, fields) in CASES.items():
            for one in cls.engines:
                count = len(cls.got) // len(cls.engines) + 1
                one.check(mail, fields)
                requests = {path: one.http.wait("/" + path, count) for path in ("json", "meta", "text")}
                one.smtp.wait_until(lambda: len(one.smtp.mail) == 2 * count, "mail")
                cls.got[case, one] = (requests, {raw[:5] == b"Subje": (rcpt, raw) for rcpt, raw in
                                                 one.smtp.mail[-2:]}, one.listener.reply())

    def both(self, case):
        return [self.got[case, one] for one in self.engines]

    def test_json(self):
        for case in CASES:
            with self.subTest(case=case):
                ours, theirs = (json.loads(got[0]["json"][2]) for got in self.both(case))
                self.assertEqual(set(ours), set(theirs))
                for name in set(theirs) - OWN:
                    self.assertEqual(ours[name], theirs[name], name)
                for name in OWN - {"symbols"}:
                    self.assertIs(isinstance(ours[name], str), isinstance(theirs[name], str), name)
                keys = [{key for symbol in data["symbols"] for key in symbol} for data in (ours, theirs)]
                self.assertEqual(*keys)
                ours, theirs = (dict(got[0]["json"][1]) for got in self.both(case))
                for name in ("Content-Type", "Authorization", "Connection"):
                    self.assertEqual(ours[name].lower(), theirs[name].lower())
                self.assertEqual(*(set(json.loads(got[2][2])) for got in self.both(case)))

    def test_headers(self):
        for case in CASES:
            with self.subTest(case=case):
                ours, theirs = ({name: value for name, value in got[0]["meta"][1].items()
                                 if name.startswith("X-Rspamd-")} for got in self.both(case))
                self.assertEqual(set(ours), set(theirs))
                for name in theirs:
                    if name[len("X-Rspamd-"):] not in OWN:
                        self.assertEqual(ours[name], theirs[name])
                self.assertEqual(*(got[0]["meta"][2] for got in self.both(case)))

    @staticmethod
    def comparable(text):
        text = text.replace("\r\n", "\n").strip()
        text = re.sub(r"Symbols: .*", "", text, flags=re.S)
        # Several values of a header: ours go on in their line.
        text = text.replace("\n\t", "\n")
        return re.sub(r"(?m)^(Date|Score|Action|Message-ID: <)(.*)(?=[@\n]|$)", r"\1", text)

    def test_alert(self):
        for case in CASES:
            with self.subTest(case=case):
                ours, theirs = (self.comparable(got[0]["text"][2].decode()) for got in self.both(case))
                self.assertEqual(ours, theirs)

    def test_mail(self):
        for case in CASES:
            with self.subTest(case=case):
                ours, theirs = (got[1] for got in self.both(case))
                self.assertEqual(set(ours[True][0]), set(theirs[True][0]))
                ours_text, theirs_text = (re.sub(r"[-0-9.]+ of", "of", one[True][1].decode()).split("\n", 1)[1]
                                          .replace("\r", "").replace("\n\t", "\n").strip()
                                          for one in (ours, theirs))
                self.assertEqual(ours_text.split(";")[1:], theirs_text.split(";")[1:])
                self.assertEqual(ours[False][1].strip(), theirs[False][1].strip())

    def test_mail_that_waits(self):
        for fields, action in ((["Rcpt: bad@x.example"], "reject"),
                               (["Rcpt: bad@x.example", "User: joe"], "soft reject")):
            ours, theirs = (one.check(MAIL, fields) for one in self.engines)
            self.assertEqual(ours["action"], action)
            self.assertEqual((ours["action"], ours["messages"]), (theirs["action"], theirs["messages"]))


if __name__ == "__main__":
    require("rspamd", "redis-server")
    run_tests()
