#!/usr/bin/env python3
"""Greylisting in one Redis: what Winnow notes of a message Debian's rspamd knows, and the other way
round. greylist_exchange.py --winnow BINARY"""
import pathlib
import tempfile
import unittest

import paths  # noqa: F401
import engines
import redis_server
import service
from test_program import OPTIONS, PATTERNS, require, run_tests

RULES = '"T_DOUBT" { re = "Subject=/doubt/H"; score = %s; }\n'
HEAD = (b"From: Anna Letter <anna@s.test>\r\nTo: Ben <b@x.test>\r\nSubject: doubt\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@s.test>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n")
PLAIN = HEAD + b"\r\nHello Ben, here are the notes.\r\n"
LONG = HEAD + b"\r\n" + b"Here are some more notes of it.\r\n" * 1000
MULTIPART = HEAD.replace(b"text/plain; charset=utf-8", b'multipart/mixed; boundary="b"') + (
    b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nNotes.\r\n--b\r\nContent-Type: image/png\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n")
# Message, client, sender (None: not said), recipients.
MAIL = {
    "plain": (PLAIN, "192.0.2.9", "anna@s.test", ["b@x.test"]),
    "line ends of Unix": (PLAIN.replace(b"\r\n", b"\n"), "192.0.2.9", "anna@s.test", ["b@x.test"]),
    "long": (LONG, "198.51.100.200", "anna@s.test", ["b@x.test"]),
    "parts": (MULTIPART, "192.0.2.9", "anna@s.test", ["b@x.test"]),
    "no body": (HEAD + b"\r\n", "192.0.2.9", "anna@s.test", ["b@x.test"]),
    "IPv6": (PLAIN, "2001:db8:1:2:3:4:5:6", "anna@s.test", ["b@x.test"]),
    "IPv6 of zeros": (PLAIN, "2001:db8::", "anna@s.test", ["b@x.test"]),
    "no client": (PLAIN, None, "anna@s.test", ["b@x.test"]),
    "bounce": (PLAIN, "192.0.2.9", "<>", ["b@x.test"]),
    "no sender": (PLAIN, "192.0.2.9", None, ["b@x.test"]),
    "nobody": (PLAIN, "192.0.2.9", "anna@s.test", []),
    "several": (PLAIN, "192.0.2.9", "anna@s.test", ["c@x.test", "B@x.test", "a@x.test", "a@x.test"]),
    "capitals": (PLAIN, "192.0.2.9", "Anna@S.test", ["B@X.test"]),
    "tags": (PLAIN, "192.0.2.9", "anna+x@s.test", ["b+y@x.test", "+z@x.test"]),
    "gmail": (PLAIN, "192.0.2.9", "a.n.n.a+x@gmail.com", ["b.b@googlemail.com"]),
    "gmail in capitals": (PLAIN, "192.0.2.9", "a.N.n.a+x@GMAIL.com", ["B.b@gmail.com"]),
}


class Rspamd(engines.Rspamd):
    OFF = [name for name in engines.Rspamd.OFF if name != "greylist"]

    def __init__(self, work, redis):
        self.redis = redis
        super().__init__(work)

    def configure(self, local):
        (local / "redis.conf").write_text(f'servers = "{self.redis}";\n')
        (local / "regexp.conf").write_text(RULES % 9)
        # Its other symbols may weigh what they like.
        (local / "actions.conf").write_text("reject = 1000; add_header = 999; greylist = -50;\n")


class Exchange(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="winnow-greylist-")
        cls.addClassCleanup(folder.cleanup)
        folder = pathlib.Path(folder.name)
        cls.redis = redis_server.RedisServer()
        cls.addClassCleanup(cls.redis.stop)
        cls.rspamd = Rspamd(folder / "r", cls.redis.socket)
        cls.addClassCleanup(cls.rspamd.stop)
        (folder / "local.d").mkdir()
        (folder / "rspamd.conf").touch()
        (folder / "local.d/redis.conf").write_text(f'servers = "{cls.redis.socket}";\n')
        (folder / "local.d/actions.conf").write_text("reject = 1000; add_header = 999; greylist = -50;\n")
        cls.serve = service.Serve(OPTIONS.winnow, "--config", str(folder / "rspamd.conf"), "--cache",
                                  PATTERNS)
        cls.addClassCleanup(cls.serve.stop)

    def setUp(self):
        self.redis.ask("FLUSHALL")

    @staticmethod
    def fields(ip, sender, recipients):
        return ([f"IP: {ip}"] if ip else []) + ([f"From: {sender}"] if sender else []) + [
            f"Rcpt: {one}" for one in recipients]

    def ask(self, who, mail, *envelope):
        """Action, options of GREYLIST, and the keys that are there afterwards."""
        fields = self.fields(*envelope)
        if who == "rspamd":
            reply = self.rspamd.check(mail, fields)
        else:
            http = service.Http(self.serve.http)
            reply = http.check(mail, headers="".join(one + "\r\n" for one in fields).encode())
            http.close()
        options = reply["symbols"].get("GREYLIST", {}).get("options")
        return reply["action"], options, sorted(self.redis.ask("KEYS", "*"))

    def age(self, seconds):
        for key in self.redis.ask("KEYS", "rg*"):
            self.redis.ask("SETEX", key, "80000", str(int(self.redis.ask("GET", key)) - seconds))

    def test_what_one_notes_the_other_knows(self):
        for first, second in (("rspamd", "winnow"), ("winnow", "rspamd")):
            for name, mail in MAIL.items():
                with self.subTest(first=first, mail=name):
                    self.redis.ask("FLUSHALL")
                    action, options, keys = self.ask(first, *mail)
                    self.assertEqual((action, options[0], options[2], len(keys)),
                                     ("soft reject", "greylisted", "new record", 2))
                    until = options[1]
                    self.assertEqual(self.ask(second, *mail),
                                     ("soft reject", ["greylisted", until, "too early"], keys))
                    self.age(300)
                    action, options, after = self.ask(second, *mail)
                    self.assertEqual((options, after), (["pass", "body"], keys))
                    self.assertNotEqual(action, "soft reject")
                    for key in keys:
                        self.assertGreater(self.redis.ask("TTL", key), 80_000)
                    for gone, known in zip(keys, ("meta", "body")):  # either is enough
                        kept = self.redis.ask("GET", gone)
                        self.redis.ask("DEL", gone)
                        self.assertEqual(self.ask(second, *mail)[1], ["pass", known])
                        self.redis.ask("SET", gone, kept)

    def test_which_of_both_decides(self):
        """Body and sender of one message noted at different times: both say the same."""
        mail = MAIL["plain"]
        _, _, keys = self.ask("rspamd", *mail)
        now = int(self.redis.ask("TIME")[0])
        for body in (None, 10, 100_000, 400, "soon"):
            for meta in (None, 5, 400):
                with self.subTest(body=body, meta=meta):
                    said = []
                    for who in ("rspamd", "winnow"):
                        self.redis.ask("FLUSHALL")
                        for key, age in zip(keys, (body, meta)):
                            if age is not None:
                                self.redis.ask("SET", key, age if age == "soon" else str(now - age))
                        said.append(self.ask(who, *mail)[:2])
                    if said[0][1][-1] == "new record":  # its time is that of the request
                        said = [(action, [options[0], options[2]]) for action, options in said]
                    self.assertEqual(said[0][1], said[1][1])


if __name__ == "__main__":
    require("rspamd", "redis-server")
    run_tests()
