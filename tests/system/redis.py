#!/usr/bin/env python3
"""Statistics in Redis, by the commands: what one learns the others judge by; and a Redis that is away,
stalls, or talks rubbish. redis.py --winnow PATH"""
import json
import os
import pathlib
import re
import socket
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
import redis_server
import service
from learn_mail import HAM, SPAM, json_lines, message, winnow
from service import WAIT_S, connect, read_all
from test_program import OPTIONS, PATTERNS, require, run_tests


class RedisTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.statistics = self.folder / "statistics"
        (self.folder / "local.d").mkdir()
        self.config = self.folder / "rspamd.conf"
        self.config.touch()
        (self.folder / "local.d" / "worker-controller.inc").write_text('secure_ip = "127.0.0.1";\n')

    def use(self, servers, more=""):
        """The site's configuration, with servers where Rspamd's users write them."""
        (self.folder / "local.d" / "redis.conf").write_text(
            f'servers = "{servers}"; timeout = 1s;\n')
        (self.folder / "local.d" / "classifier-bayes.conf").write_text(
            'backend = "redis"; min_learns = 20;\n' + more)

    def redis(self, *more):
        server = redis_server.RedisServer(*more)
        self.addCleanup(server.stop)
        self.use(server.socket)
        return server

    def learn(self, what, numbers, words, code=0, more=()):
        lines = json_lines(message(words, n) for n in numbers)
        done = winnow("learn", what, "--config", self.config, "--cache", PATTERNS, "--statistics",
                      self.statistics, "--read-as", "jsonl", *more, "-", stdin=lines)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr.decode().strip()

    def bayes(self, *mails, more=()):
        done = winnow("scan", "--config", self.config, "--cache", PATTERNS, "--read-as", "jsonl",
                      "--format", "jsonl", *more, "-", stdin=json_lines(mails))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [[name for name in json.loads(line)["symbols"] if name.startswith("BAYES_")]
                for line in done.stdout.splitlines()]

    def serve(self):
        serve = service.Serve(OPTIONS.winnow, "--config", str(self.config), "--statistics",
                              str(self.statistics), "--threads", "2")
        self.addCleanup(serve.stop)
        return serve

    def ask(self, port, path, body):
        with connect(port) as sock:
            sock.settimeout(WAIT_S)
            sock.sendall(b"POST " + path + b" HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" %
                         len(body) + body)
            head, answer = read_all(sock).split(b"\r\n\r\n", 1)
        return int(head.split()[1]), json.loads(answer)

    def symbols(self, serve, body):
        status, answer = self.ask(serve.http, b"/checkv2", body)
        self.assertEqual(status, 200)
        return [name for name in answer["symbols"] if name.startswith("BAYES_")]

    def test_learn_scan_and_serve_share_one_redis(self):
        server = self.redis()
        self.assertEqual(self.learn("spam", range(25), SPAM), "25 learnt, 0 moved, 0 already")
        self.assertEqual(self.learn("ham", range(25), HAM), "25 learnt, 0 moved, 0 already")
        self.assertEqual(self.learn("ham", range(27), HAM, more=["--dry-run"]),
                         "would be: 2 learnt, 0 moved, 25 already")
        self.assertEqual(server.ask.hash("RS"),
                         {"learns_spam": "25", "learns_ham": "25", "version": "2"})
        self.assertEqual(self.bayes(message(SPAM, 99), message(HAM, 99)),
                         [["BAYES_SPAM"], ["BAYES_HAM"]])
        self.assertEqual(self.bayes(message(SPAM, 99), more=["--offline"]), [[]])
        serve = self.serve()
        self.assertEqual(self.symbols(serve, message(SPAM, 99)), ["BAYES_SPAM"])
        controller = serve.port("controller")
        self.assertEqual(self.ask(controller, b"/learnspam", message(SPAM, 50)),
                         (200, {"success": True}))
        self.assertEqual(self.ask(controller, b"/learnspam", message(SPAM, 50))[0], 208)
        self.assertEqual(server.ask.hash("RS")["learns_spam"], "26")
        self.assertEqual(self.ask(controller, b"/stat", b"")[1]["total_learns"], 51)
        self.assertEqual(self.learn("forget", [50], SPAM), "1 forgotten, 0 unknown")
        self.assertEqual(server.ask.hash("RS")["learns_spam"], "25")
        # All of it is in the log, and an export of the log makes statistics of a folder.
        log = winnow("learn-log", "list", "--statistics", self.statistics).stdout.splitlines()
        kinds = [line.split(b"\t")[1] for line in log]
        self.assertEqual([kinds.count(kind) for kind in (b"spam", b"ham", b"forget")], [26, 25, 1])
        export = winnow("learn-log", "export", "--statistics", self.statistics).stdout
        other = self.folder / "other"
        done = winnow("learn-log", "import", "--statistics", other, "-", stdin=export)
        self.assertEqual((done.returncode, done.stderr), (0, b"52 of 52 records were new\n"))
        self.assertEqual(winnow("learn-log", "forget", "--label", "ham", "--statistics",
                                self.statistics).returncode, 2)

    def test_what_it_refuses_is_kept_aside(self):
        server = self.redis()
        server.ask("SET", "RS", "not of ours")
        said = self.learn("spam", range(3), SPAM, code=3)
        self.assertIn("Redis refuses 3 messages", said)
        self.assertIn("RS is a string and no hash", said)
        self.assertIn("0 learnt, 0 moved, 0 already, 3 refused", said)
        self.assertEqual(len(winnow("learn-log", "list", "--refused", "--statistics",
                                    self.statistics).stdout.splitlines()), 3)
        serve = self.serve()
        controller = serve.port("controller")
        self.assertEqual(self.ask(controller, b"/learnspam", message(SPAM, 50))[0], 500)
        serve.wait_for("could not learn, and keeps aside,")
        retry = ["learn-log", "retry", "--config", self.config, "--statistics", self.statistics]
        self.assertEqual(winnow(*retry).returncode, 3)
        server.ask("DEL", "RS")
        done = winnow(*retry)
        self.assertEqual((done.returncode, done.stderr), (0, b"4 records tried again\n"))
        self.assertEqual(server.ask.hash("RS"), {"learns_spam": "4", "version": "2"})
        self.assertEqual(self.learn("spam", range(3), SPAM), "0 learnt, 0 moved, 3 already")

    def test_while_it_is_away_mail_flows_and_learning_waits(self):
        server = self.redis()
        self.learn("spam", range(25), SPAM)
        self.learn("ham", range(25), HAM)
        serve = self.serve()
        self.assertEqual(self.symbols(serve, message(SPAM, 98)), ["BAYES_SPAM"])
        server.kill()
        self.assertEqual(self.symbols(serve, message(SPAM, 99)), [])
        controller = serve.port("controller")
        for number in range(30, 33):
            self.assertEqual(self.ask(controller, b"/learnspam", message(SPAM, number)),
                             (200, {"success": True}))
        serve.wait_for("will learn once Redis is back", 3)
        self.assertEqual(self.learn("ham", range(30, 34), HAM),
                         "0 learnt, 0 moved, 0 already, 4 later")
        server.start()  # empty, as one without persistence comes back
        until = time.monotonic() + WAIT_S
        while server.ask.hash("RS").get("learns_spam") != "3" and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(server.ask.hash("RS"),
                         {"learns_spam": "3", "learns_ham": "4", "version": "2"})

    def test_one_that_stalls_holds_nobody_up_for_long(self):
        server = self.redis()
        self.learn("spam", range(25), SPAM)
        serve = self.serve()
        server.stall()
        begin = time.monotonic()
        answers = []
        threads = [threading.Thread(
            target=lambda n=n: answers.append(self.symbols(serve, message(SPAM, n))))
            for n in range(60, 80)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [[]] * 20)
        self.assertLess(time.monotonic() - begin, 20)  # one second each would be enough for that
        server.go_on()

    def test_rubbish_is_unknown(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(64)

            def answer():
                while True:
                    try:
                        one, _ = listening.accept()
                    except OSError:
                        return
                    one.recv(4096)
                    one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    one.close()
            threading.Thread(target=answer, daemon=True).start()
            self.use("127.0.0.1:%d" % listening.getsockname()[1])
            self.assertEqual(self.bayes(message(SPAM, 1)), [[]])
            self.assertEqual(self.learn("spam", [1], SPAM), "0 learnt, 0 moved, 0 already, 1 later")
            listening.shutdown(socket.SHUT_RDWR)

    def test_a_wrong_configuration_is_said(self):
        (self.folder / "local.d" / "classifier-bayes.conf").write_text('backend = "redis";\n')
        said = self.learn("spam", [1], SPAM, code=2)
        self.assertIn("no server is named", said)
        self.use("127.0.0.1:99999")
        said = self.learn("spam", [1], SPAM, code=2)
        self.assertIn("redis.conf:1:", said)
        self.assertIn("no port", said)

    def test_users_by_name(self):
        server = self.redis()
        self.use(server.socket, "per_user = true;\n")
        self.learn("spam", [1], SPAM, more=["--user", "Anna@X.example"])
        self.assertEqual(server.ask.hash("RSanna@x.example")["learns_spam"], "1")
        self.assertEqual(server.ask.all()["BAYES_SPAM_keys"], {"RSanna@x.example"})

    SIGNED = (b"From: Ann <ann@%s>\r\nTo: bob@there.example\r\nSubject: pears\r\n"
              b"Date: Wed, 21 Oct 2026 09:00:00 +0000\r\nMessage-ID: <1@a.example>\r\n"
              b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nThe pears are ripe.\r\n")

    def signatures(self, serve, domain, user=b"ann"):
        """Symbols DKIM_SIGNED's options, and what is to be added."""
        with connect(serve.http) as sock:
            body = self.SIGNED % domain
            sock.sendall(b"POST /checkv2 HTTP/1.1\r\nConnection: close\r\nUser: %s@%s\r\nFrom: ann@%s\r\n"
                         b"Content-Length: %d\r\n\r\n" % (user, domain, domain, len(body)) + body)
            reply = json.loads(read_all(sock).split(b"\r\n\r\n", 1)[1])
        return (reply["symbols"].get("DKIM_SIGNED", {}).get("options", []),
                reply.get("dkim-signature", ""))

    def make_key(self, kind="rsa"):
        """The key and its published half."""
        path = self.folder / "one.key"
        path.unlink(missing_ok=True)
        done = winnow("dkim-keygen", "-s", "k", "-d", "x.example", "-b", "1024", "-t", kind, "-k", path)
        return path.read_text(), "".join(re.findall(r'"([^"]*)"', done.stdout.decode()))

    def test_signing_keys_in_redis(self):
        server = redis_server.RedisServer()
        self.addCleanup(server.stop)
        (self.folder / "local.d" / "redis.conf").write_text(f'servers = "{server.socket}"; timeout = 1s;\n')
        sign = self.folder / "local.d" / "dkim_signing.conf"
        sign.write_text("use_redis = true; selector = one; sign_authenticated = true;\n")
        rsa, record = self.make_key()
        ed25519, _ = self.make_key("ed25519")
        server.ask("HSET", "DKIM_KEYS", "one.a.example", rsa)
        server.ask("HSET", "DKIM_KEYS", "one.e.example", ed25519)
        server.ask("HSET", "DKIM_KEYS", "one.broken.example", "no key")
        serve = self.serve()
        options, header = self.signatures(serve, b"a.example")
        self.assertEqual(options, ["a.example:s=one"])
        self.assertIn("a=rsa-sha256", header)
        self.assertIn("a=ed25519-sha256", self.signatures(serve, b"e.example")[1])
        self.assertEqual(self.signatures(serve, b"broken.example"), ([], ""))
        self.assertEqual(self.signatures(serve, b"nobody.example"), ([], ""))
        # What is signed so verifies.
        unfolded = re.sub(r"\r?\n", "\r\n", header)
        mail = b"DKIM-Signature: " + unfolded.encode() + b"\r\n" + self.SIGNED % b"a.example"
        options_inc = self.folder / "local.d" / "options.inc"
        options_inc.write_text('dns { fake_records = [{ name = "one._domainkey.a.example"; type = txt; '
                               'replies = ["%s"]; }] }\n' % record)
        done = winnow("scan", "--config", self.config, "--cache", PATTERNS, "--read-as", "jsonl", "--format",
                      "jsonl", "--now", "2030-01-01T00:00:00Z", "-", stdin=json_lines([mail]))
        symbols = json.loads(done.stdout)["symbols"]
        self.assertEqual(symbols["R_DKIM_ALLOW"]["options"], ["a.example:s=one"], done.stderr)
        # Redis that is away: nothing is signed, the mail is answered.
        server.kill()
        self.assertEqual(self.signatures(serve, b"other.example"), ([], ""))
        self.assertEqual(self.signatures(serve, b"a.example")[0], ["a.example:s=one"], "known for a minute")
        serve.stop()
        # No key is in what is recorded, and a replay signs nothing with it.
        self.assertNotIn("PRIVATE", "".join(serve.lines))

    def test_selectors_in_redis(self):
        server = redis_server.RedisServer()
        self.addCleanup(server.stop)
        (self.folder / "local.d" / "dkim_signing.conf").write_text(
            'use_redis = true; key_prefix = "KEYS"; selector_prefix = "SELECTORS";\n'
            f'redis {{ servers = "{server.socket}"; }}\n')
        rsa, _ = self.make_key()
        server.ask("HSET", "SELECTORS", "a.example", "may")
        server.ask("HSET", "SELECTORS", "b.example", "..")
        server.ask("HSET", "SELECTORS", "c.example", "june")
        server.ask("HSET", "KEYS", "may.a.example", rsa)
        serve = self.serve()
        self.assertEqual(self.signatures(serve, b"a.example")[0], ["a.example:s=may"])
        self.assertIn("s=may;", self.signatures(serve, b"a.example")[1])
        for domain in (b"b.example", b"c.example", b"d.example"):
            self.assertEqual(self.signatures(serve, domain), ([], ""), domain)

    def test_arc_seals_with_keys_in_redis(self):
        server = redis_server.RedisServer()
        self.addCleanup(server.stop)
        (self.folder / "local.d" / "redis.conf").write_text(f'servers = "{server.socket}"; timeout = 1s;\n')
        (self.folder / "local.d" / "arc.conf").write_text(
            "use_redis = true; selector = seal; sign_authenticated = true; use_domain = \"header\";\n")
        rsa, _ = self.make_key()
        server.ask("HSET", "ARC_KEYS", "seal.a.example", rsa)
        server.ask("HSET", "DKIM_KEYS", "seal.b.example", rsa)  # of another module
        serve = self.serve()
        for domain, sealed in ((b"a.example", ["a.example:s=seal:i=1"]), (b"b.example", [])):
            with connect(serve.http) as sock:
                body = self.SIGNED % domain
                sock.sendall(b"POST /checkv2 HTTP/1.1\r\nConnection: close\r\nUser: ann@%s\r\n"
                             b"From: ann@%s\r\nContent-Length: %d\r\n\r\n"
                             % (domain, domain, len(body)) + body)
                reply = json.loads(read_all(sock).split(b"\r\n\r\n", 1)[1])
            self.assertEqual(reply["symbols"].get("ARC_SIGNED", {}).get("options", []), sealed)
            added = reply.get("milter", {}).get("add_headers", {})
            self.assertEqual("ARC-Seal" in added, bool(sealed))
            if sealed:
                self.assertIn("d=a.example; s=seal;", str(added["ARC-Seal"]))

    def test_keys_without_servers_are_told(self):
        (self.folder / "local.d" / "dkim_signing.conf").write_text("use_redis = true;\n")
        serve = self.serve()
        serve.wait_for("nothing is signed with keys in Redis or Vault")
        self.assertEqual(self.signatures(serve, b"a.example"), ([], ""))


if __name__ == "__main__":
    require("redis-server")
    run_tests()
