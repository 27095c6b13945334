#!/usr/bin/env python3
"""Mail to spam traps, through the running service: the action over HTTP and milter, what is learnt, and
Redis that knows traps, forgets them, or is away. spamtrap.py --winnow PATH"""
import json
import os
import pathlib
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
import redis_server
import service
from learn_mail import HAM, SPAM, json_lines, message, winnow
from service import WAIT_S, connect, read_all
from test_program import OPTIONS, PATTERNS, missing, run_tests

FROM_OUTSIDE = b"IP: 203.0.113.9\r\nFrom: a@far.example\r\n"


class Spamtrap(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "local.d").mkdir()
        self.config = self.folder / "rspamd.conf"
        self.config.touch()
        self.local("classifier-bayes.conf", "min_learns = 5;\n")
        self.local("worker-controller.inc", 'secure_ip = "127.0.0.1";\n')
        (self.folder / "traps").write_text("/^trap@here\\.example$/\n")
        self.map = f'map = "{self.folder}/traps";'

    def local(self, name, text):
        (self.folder / "local.d" / name).write_text(text)

    def start(self, trap, statistics=True):
        self.local("spamtrap.conf", "enabled = true;\n" + trap + "\n")
        more = ["--statistics", str(self.folder / "statistics")] if statistics else []
        self.serve = service.Serve(OPTIONS.winnow, "--config", str(self.config), *more)
        self.addCleanup(self.serve.stop)

    def ask(self, rcpts, raw, headers=FROM_OUTSIDE, path=b"/checkv2", port=None):
        with connect(port or self.serve.http) as sock:
            sock.settimeout(WAIT_S)
            sock.sendall(b"POST " + path + b" HTTP/1.1\r\nConnection: close\r\n" + headers +
                         b"".join(b"Rcpt: " + one.encode() + b"\r\n" for one in rcpts) +
                         b"Content-Length: %d\r\n\r\n" % len(raw) + raw)
            return json.loads(read_all(sock).split(b"\r\n\r\n", 1)[1])

    def trap(self, *rcpts, raw=None):
        """The action, and the options of SPAMTRAP."""
        answer = self.ask(rcpts, raw or message(HAM, 1))
        return answer["action"], answer["symbols"].get("SPAMTRAP", {}).get("options")

    def learnt(self):
        page = self.ask([], b"", b"", b"/stat", self.serve.port("controller"))
        return [one["revision"] for one in page["statfiles"]]


class MapTest(Spamtrap):
    def test_action_over_http(self):
        self.start(self.map + 'action = "reject"; smtp_message = "Nobody lives here";')
        answer = self.ask(["Trap+a@here.example"], message(HAM, 1))
        self.assertEqual(answer["action"], "reject")
        self.assertLess(answer["score"], answer["required_score"])
        self.assertEqual(answer["messages"], {"smtp_message": "Nobody lives here"})
        self.assertEqual(answer["symbols"]["SPAMTRAP"]["options"], ["trap@here.example"])
        self.assertEqual(answer["symbols"]["SPAMTRAP"]["score"], 0)
        self.assertEqual(self.trap("strap@here.example")[1], None)
        self.assertEqual(self.trap("trap@here.example", "b@here.example")[1], None)
        self.assertEqual(self.ask(["trap@here.example"], message(HAM, 1), b"")["symbols"].keys() &
                         {"SPAMTRAP"}, {"SPAMTRAP"})
        for trusted in (b"IP: 127.0.0.1\r\n", FROM_OUTSIDE + b"User: ann\r\n"):
            answer = self.ask(["trap@here.example"], message(HAM, 1), trusted)
            self.assertNotIn("SPAMTRAP", answer["symbols"])
            self.assertEqual(answer["action"], "no action")
        self.assertEqual(self.learnt(), [0, 0])

    def test_action_over_milter(self):
        self.start(self.map + 'action = "reject"; smtp_message = "Nobody lives here";')
        with connect(self.serve.port("milter")) as sock:
            sock.settimeout(WAIT_S)
            client = service.Milter(sock)
            for rcpts, rejected in ((["trap@here.example"], True), (["b@here.example"], False),
                                    (["trap@here.example", "b@here.example"], False)):
                client.envelope(recipients=[one.encode() for one in rcpts])
                kinds = client.content(message(HAM, 1))
                self.assertEqual(any(kind == b"y" and b"Nobody lives here" in data
                                     for kind, data in kinds), rejected, kinds)

    def test_what_a_trap_gets_is_learnt(self):
        self.start(self.map + 'learn_spam = true; action = "no action"; allow_multiple_rcpts = true;')
        for number in range(6):
            self.assertEqual(self.trap("b@here.example", "trap@here.example", raw=message(SPAM, number)),
                             ("no action", ["trap@here.example"]))
            self.ask([], message(HAM, number), b"", b"/learnham", self.serve.port("controller"))
        self.serve.wait_for("autolearned as spam for spamtrap", 6)
        self.assertEqual(self.learnt(), [6, 6])
        self.assertIn("BAYES_SPAM", self.ask(["b@here.example"], message(SPAM, 99))["symbols"])
        # Once, and only of mail on its way.
        self.trap("trap@here.example", raw=message(SPAM, 1))
        self.serve.wait_for("autolearned as spam for spamtrap", 7)
        self.ask(["trap@here.example"], message(SPAM, 70), FROM_OUTSIDE, b"/checkv2",
                 self.serve.port("controller"))
        self.trap("b@here.example", raw=message(SPAM, 71))
        self.assertEqual(self.learnt(), [6, 6])
        # What was taught as ham is moved.
        self.trap("trap@here.example", raw=message(HAM, 1))
        self.serve.wait_for("autolearned as spam for spamtrap", 8)
        self.assertEqual(self.learnt(), [7, 5])
        listed = winnow("learn-log", "list", "--statistics", self.folder / "statistics").stdout
        self.assertEqual(listed.count(b"spamtrap"), 7, listed)

    def test_nothing_to_learn_with(self):
        self.start(self.map + "learn_spam = true;", statistics=False)
        self.serve.wait_for("spamtrap.learn_spam learns nothing")
        self.assertEqual(self.trap("trap@here.example")[1], ["trap@here.example"])

    def test_learn_condition(self):
        self.local("classifier-bayes.conf", 'min_learns = 5; learn_condition = '
                   "'return require(\"lua_bayes_learn\").can_learn';\n")
        self.start(self.map + "learn_spam = true;")
        for number in range(5):
            for path, words in ((b"/learnspam", SPAM), (b"/learnham", HAM)):
                self.ask([], message(words, number), b"", path, self.serve.port("controller"))
        self.trap("trap@here.example", raw=message(SPAM, 50))
        self.serve.wait_for("for spamtrap: already in class spam")
        self.assertEqual(self.learnt(), [5, 5])

    def test_the_map_changes(self):
        self.start(self.map + "\n")
        self.assertEqual(self.trap("new@here.example")[1], None)
        (self.folder / "traps").write_text("/^new@/\n")
        self.serve.process.send_signal(signal.SIGHUP)
        self.serve.wait_for("reloaded, set 2")
        self.assertEqual(self.trap("new@here.example")[1], ["new@here.example"])
        self.assertEqual(self.trap("trap@here.example")[1], None)

    def test_configtest(self):
        for text, said in (("", "spamtrap is off: it has no map, and no servers of Redis are named"),
                           (self.map + "\nlearn_fuzzy = true;", "spamtrap.conf:3: spamtrap: learn_fuzzy "
                            "does nothing"),
                           (self.map + '\naction = "no such";', 'spamtrap.conf:3: spamtrap: there is no '
                            'action "no such"')):
            self.local("spamtrap.conf", "enabled = true;\n" + text + "\n")
            done = winnow("configtest", "--config", self.config, "--strict")
            self.assertIn(said.encode(), done.stdout + done.stderr)
            self.assertEqual(done.returncode, 1)
        self.local("spamtrap.conf", "enabled = true;\n" + self.map + "learn_spam = true; "
                   "smtp_message = 'x'; action = 'add header'; check_local = true; score = 2.0;\n")
        done = winnow("configtest", "--config", self.config, "--strict")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@unittest.skipIf(missing("redis-server"), "there is no redis-server")
class RedisTest(Spamtrap):
    def setUp(self):
        super().setUp()
        self.server = redis_server.RedisServer()
        self.addCleanup(self.server.stop)
        self.local("redis.conf", f'servers = "{self.server.socket}"; timeout = 1s;\n')

    def test_keys(self):
        redis = self.server.ask
        for name in ("trap@here.example", "@dom.example", "empty@here.example"):
            redis("SET", "sptr_" + name, "" if name.startswith("empty") else "1")
        redis("RPUSH", "sptr_list@here.example", "x")
        self.start("allow_multiple_rcpts = true; action = reject;")
        for rcpts, found in ((["Trap@here.example"], "trap@here.example"),
                             (["trap+a@here.example"], "trap@here.example"),
                             (["empty@here.example"], "empty@here.example"),
                             (["x@dom.example"], "dom.example"), (["x@a.dom.example"], None),
                             (["x@here.example"], None), (["list@here.example"], None),
                             (["list@here.example", "x@dom.example"], "dom.example"),
                             (["b@here.example"] * 3 + ["x@dom.example"], "dom.example"),
                             (["u%d@x.example" % n for n in range(2_500)], None)):
            action, options = self.trap(*rcpts)
            self.assertEqual(options, found and [found], rcpts[:2])
            self.assertEqual(action == "reject", found is not None, rcpts[:2])
        redis("DEL", "sptr_@dom.example")
        self.assertEqual(self.trap("x@dom.example")[1], None)
        redis("SET", "other_x@dom.example", "1")
        self.local("spamtrap.conf", "enabled = true; key_prefix = 'other_';\n")
        self.serve.process.send_signal(signal.SIGHUP)
        self.serve.wait_for("reloaded, set 2")
        self.assertEqual(self.trap("x@dom.example")[1], ["x@dom.example"])

    def test_redis_goes_and_comes(self):
        self.server.ask("SET", "sptr_trap@here.example", "1")
        self.start("action = reject; learn_spam = true;")
        self.assertEqual(self.trap("trap@here.example"), ("reject", ["trap@here.example"]))
        self.server.kill()
        self.assertEqual(self.trap("trap@here.example")[1], None)
        self.serve.wait_for("whether recipients are traps is unknown")
        self.server.start()
        self.server.ask("SET", "sptr_trap@here.example", "1")
        for _ in range(WAIT_S * 10):  # until it is tried again
            if self.trap("trap@here.example")[1]:
                break
        self.assertEqual(self.trap("trap@here.example"), ("reject", ["trap@here.example"]))

    def test_redis_stalls(self):
        self.start("")
        self.server.stall()
        self.addCleanup(self.server.go_on)
        self.assertEqual(self.trap("trap@here.example")[1], None)
        self.serve.wait_for("whether recipients are traps is unknown")

    def test_a_scan_asks_too(self):
        self.server.ask("SET", "sptr_b@x.example", "1")
        self.local("spamtrap.conf", "enabled = true;\n")
        lines = json_lines([message(HAM, 1)]).replace(b"{", b'{"rcpt": ["b@x.example"], "ip": '
                                                      b'"203.0.113.9", ', 1)
        for more, expected in (((), True), (("--offline",), False)):
            done = winnow("scan", "--config", self.config, "--cache", PATTERNS, "--read-as", "jsonl",
                          "--format", "jsonl", *more, "-", stdin=lines)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual("SPAMTRAP" in json.loads(done.stdout)["symbols"], expected)
        (self.folder / "m.eml").write_bytes(b"Delivered-To: b@x.example\r\n" + message(HAM, 1))
        explain = ("explain", "--config", self.config, "--cache", PATTERNS, self.folder / "m.eml")
        self.assertIn(b"  SPAMTRAP\n", winnow(*explain).stdout)
        done = winnow(*explain, "--offline")
        ceiling = winnow("limits", "--serve", "--config", self.config, "--cache", PATTERNS).stdout
        self.assertIn(b"questions for spam traps", ceiling)
        self.assertIn(b"keys sptr_ b@x.example @x.example: no answer", done.stdout)


if __name__ == "__main__":
    run_tests()
