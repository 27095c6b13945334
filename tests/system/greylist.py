#!/usr/bin/env python3
"""greylist of a running service, over milter and HTTP: what waits, what passes, what is noted where, and
a store that is away. greylist.py --winnow PATH"""
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
import redis_server
import service
from test_program import OPTIONS, PATTERNS, run_tests

MAIL = (b"From: Anna Letter <anna@example.org>\r\nTo: Ben <ben@example.net>\r\nSubject: notes %b\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        b"Hello Ben, here are the notes of our meeting that you asked me to send, part %b.\r\n")
RULES = """
"T_DOUBT" { re = "Subject=/doubt/H"; score = 5; }
"T_SPAM" { re = "Subject=/spam/H"; score = 30; }
"""
FIELDS = b"IP: 192.0.2.5\r\nFrom: anna@example.org\r\nRcpt: ben@example.net\r\n"


def doubtful(part=b"one"):
    return MAIL % (b"doubt", part)


class Greylist(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="winnow-greylist-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "local.d").mkdir()
        self.config = self.folder / "rspamd.conf"
        self.config.touch()
        self.site("regexp", RULES)
        self.site("actions", "reject = 15; add_header = 9; greylist = 4;")

    def site(self, name, text):
        (self.folder / f"local.d/{name}.conf").write_text(text + "\n")

    def redis(self):
        server = redis_server.RedisServer()
        self.addCleanup(server.stop)
        self.site("redis", f'servers = "{server.socket}";')
        return server

    def serve(self, *more):
        serve = service.Serve(OPTIONS.winnow, "--config", str(self.config), "--cache", PATTERNS, *more)
        self.addCleanup(serve.stop)
        return serve

    def http(self, serve):
        http = service.Http(serve.http)
        self.addCleanup(http.close)
        return lambda mail, fields=FIELDS: http.check(mail, headers=fields)

    def milter(self, serve):
        milter = service.Milter(service.connect(serve.milter))
        self.addCleanup(milter.close)
        return lambda mail, **more: milter.scan(mail, **more)[-1]

    @staticmethod
    def shown(reply):
        return reply["action"], reply["symbols"].get("GREYLIST", {}).get("options")

    @staticmethod
    def age(redis, seconds):
        """As if all that is noted had been noted so long before."""
        for key in redis.ask("KEYS", "rg*"):
            redis.ask("SETEX", key, "80000", str(int(redis.ask("GET", key)) - seconds))

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_waits_and_passes_over_milter(self):
        redis = self.redis()
        serve = self.serve()
        scan = self.milter(serve)
        self.assertEqual(scan(doubtful()), (b"y", b"451 4.7.1 Try again later\0"))
        serve.wait_for("(soft reject): [5.")
        self.assertEqual(scan(doubtful()), (b"y", b"451 4.7.1 Try again later\0"))
        serve.wait_for("too early")
        keys = sorted(key.decode()[:3] for key in redis.ask("KEYS", "*"))
        self.assertEqual(keys, ["rgb", "rgm"])
        self.age(redis, 300)
        self.assertEqual(scan(doubtful()), (b"a", b""))
        serve.wait_for("GREYLIST(0.00){pass;body;}")
        for key in redis.ask("KEYS", "*"):
            self.assertGreater(redis.ask("TTL", key), 80000, "what passes is known for another day")
        self.assertEqual(scan(doubtful(b"two")), (b"a", b""), "its sender has waited")
        self.assertEqual(scan(doubtful(), sender=b"else@example.org"), (b"a", b""), "its body has")
        self.assertEqual(scan(doubtful(b"three"), sender=b"third@example.org")[0], b"y")

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_over_http_and_who_asks_nothing(self):
        redis = self.redis()
        self.site("greylist", "report_time = true;")
        serve = self.serve()
        check = self.http(serve)
        self.assertEqual(self.shown(check(MAIL % (b"clean", b"a"))), ("no action", None))
        self.assertEqual(self.shown(check(MAIL % (b"spam", b"b"))), ("reject", None))
        self.assertEqual(self.shown(check(doubtful(b"c"), FIELDS + b"User: anna\r\n"))[1], None)
        self.assertEqual(self.shown(check(doubtful(b"d"), FIELDS.replace(b"192.0.2.5", b"127.0.0.1")))[1],
                         None)
        self.assertEqual(redis.ask("KEYS", "*"), [])
        with urllib.request.urlopen(urllib.request.Request(
                f"http://127.0.0.1:{serve.port('controller')}/checkv2", data=doubtful())) as reply:
            self.assertNotIn(b"GREYLIST", reply.read(), "who looks at a message delivers none")
        self.assertEqual(redis.ask("KEYS", "*"), [])

        before = int(time.time())
        reply = check(doubtful())
        action, options = self.shown(reply)
        self.assertEqual((action, options[0], options[2]), ("soft reject", "greylisted", "new record"))
        self.assertGreaterEqual(reply["score"], 4, "as it is, whatever is done")
        self.assertEqual(reply["messages"]["smtp_message"], "Try again later: " + options[1])
        until = time.mktime(time.strptime(options[1], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
        for key in redis.ask("KEYS", "*"):
            self.assertEqual(int(redis.ask("GET", key)), until - 300)
        self.assertGreaterEqual(until, before + 300)
        self.age(redis, 300)
        self.assertEqual(self.shown(check(doubtful())), ("greylist", ["pass", "body"]))

    def test_without_redis_it_is_noted_on_disk(self):
        self.site("greylist", "timeout = 1s;")
        scan = self.milter(self.serve("--var", f"DBDIR={self.folder}"))
        self.assertEqual(scan(doubtful())[0], b"y")
        until = time.monotonic() + service.WAIT_S
        while (answer := scan(doubtful()))[0] == b"y":
            self.assertEqual(answer[1], b"451 4.7.1 Try again later\0")
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        self.assertEqual(answer, (b"a", b""))
        scan = self.milter(self.serve("--var", f"DBDIR={self.folder}"))
        self.assertEqual(scan(doubtful()), (b"a", b""), "the next service knows it")

    def test_nobody_waits_where_nothing_says_so(self):
        check = self.http(self.serve())
        self.assertEqual(self.shown(check(doubtful())), ("greylist", None))

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_mail_passes_a_store_that_is_away_or_stalls(self):
        redis = self.redis()
        self.site("greylist", "redis_timeout = 100ms;")
        serve = self.serve()
        check = self.http(serve)
        redis.stall()
        self.assertEqual(self.shown(check(doubtful())), ("greylist", None))
        serve.wait_for("may have had to wait passed")
        redis.go_on()
        redis.kill()
        for _ in range(3):
            self.assertEqual(self.shown(check(doubtful())), ("greylist", None))
        self.assertEqual(sum("may have had to wait" in line for line in serve.lines), 1, serve.lines)
        with urllib.request.urlopen(
                f"http://127.0.0.1:{serve.port('controller')}/metrics") as reply:
            self.assertIn(b'winnow_unknown_total{reason="server_failure"} 4', reply.read())


if __name__ == "__main__":
    run_tests()
