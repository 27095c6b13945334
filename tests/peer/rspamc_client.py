#!/usr/bin/env python3
"""Two clients, two services: rspamc_client.py --winnow BINARY

`winnow rspamc` and Debian's rspamc put the same to Debian's rspamd and to winnow serve: either service
must get what it needs from either client, and both clients must say the same of an answer, times apart."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import paths  # noqa: F401
import bayes_mail
import redis_server
import service
from rspamd_bayes import RspamdBayes, post
from test_program import OPTIONS, require, run_tests

WINNOW = str(pathlib.Path(OPTIONS.winnow).resolve())
OURS, THEIRS = (WINNOW, "rspamc"), ("rspamc",)


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="winnow-rspamc-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.redis = redis_server.RedisServer()
        cls.addClassCleanup(cls.redis.stop)
        cls.rspamd = RspamdBayes(folder.name, cls.redis.socket)
        cls.addClassCleanup(cls.rspamd.stop)
        site = cls.folder / "site"
        (site / "local.d").mkdir(parents=True)
        (site / "rspamd.conf").touch()
        (site / "local.d" / "worker-controller.inc").write_text('secure_ip = ["127.0.0.1"];\n')
        cls.serve = service.Serve(WINNOW, "--config", str(site / "rspamd.conf"), "--threads", "1",
                                  "--statistics", str(cls.folder / "statistics"))
        cls.addClassCleanup(cls.serve.stop)
        cls.scanners = (cls.rspamd.port, cls.serve.http)
        cls.controllers = (cls.rspamd.controller, cls.serve.port("controller"))
        cls.mail = [cls.write("%d.eml" % i, bayes_mail.message(i)) for i in range(6)]

    @classmethod
    def write(cls, name, content):
        path = cls.folder / name
        path.write_bytes(content)
        return str(path)

    def ask(self, client, port, *arguments, code=0, message=None):
        done = subprocess.run([*client, "-h", "127.0.0.1:%d" % port, *arguments], input=message,
                              stdin=None if message is not None else subprocess.DEVNULL,
                              capture_output=True, timeout=service.WAIT_S)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout.decode(), done.stderr.decode(), done.returncode

    def same(self, port, *arguments, **how):
        """What both clients say, without what differs from run to run."""
        said = [without_times(self.ask(client, port, *arguments, **how)[0])
                for client in (OURS, THEIRS)]
        self.assertEqual(*said, arguments)
        return said[0]

    def test_verdicts(self):
        for port in self.scanners:
            said = self.same(port, self.mail[0])
            self.assertIn("Action: ", said)
            self.assertRegex(said, r"(?m)^Symbol: [A-Z_]+ \(-?\d+\.\d\d\)")
            with open(self.mail[1], "rb") as mail:
                self.assertIn("file: stdin", self.same(port, message=mail.read()))
            self.same(port, "-i", "192.0.2.1", "--helo", "h.example", "-F", "a@b.example", "-r",
                      "c@d.example", "-r", "e@d.example", "-u", "anna", "-d", "e@d.example",
                      "--hostname", "mx.example", self.mail[2])
            self.same(port, "--extended-urls", "-p", self.mail[3])
            self.same(port, "--raw", self.mail[3])
            self.same(port, "-E", "symbols")
            self.same(port, "-z", self.mail[4])
            for form in ("--json", "--compact"):
                ours, theirs = (json.loads(self.ask(client, port, form, self.mail[0])[0])
                                for client in (OURS, THEIRS))
                for one in (ours, theirs):
                    for key in ("time_real", "scan_time", "time"):
                        one.pop(key, None)
                self.assertEqual(ours, theirs)

    def test_a_folder_in_order(self):
        many = self.folder / "many"
        many.mkdir(exist_ok=True)
        for i in range(30):
            shutil.copy(self.mail[i % 6], many / ("%02d.eml" % i))
        for port in self.scanners:
            said = self.ask(OURS, port, "--exclude", "*07*", str(many))[0]
            self.assertEqual(re.findall(r"/(\d\d)\.eml \(", said),
                             ["%02d" % i for i in range(30) if i != 7])

    def test_learning(self):
        """What one client makes a service learn, the other client is told of."""
        for number, port in enumerate(self.controllers):
            spam, ham = self.mail[2 * number], self.mail[2 * number + 1]
            self.assertIn("success = true", self.ask(OURS, port, "learn_spam", spam)[0])
            self.assertIn("already learned as spam", self.same(port, "learn_spam", spam))
            self.assertIn("success = true", self.ask(THEIRS, port, "learn_ham", ham)[0])
            self.assertIn("already learned as ham", self.same(port, "learn_ham", ham))
            said = self.same(port, "stat")
            self.assertIn("Messages learned: 2", said)
            self.assertRegex(said, "Statfile: BAYES_SPAM type: ")

    def test_pages(self):
        rspamd = self.controllers[0]
        for order in ((), ("--sort", "name:desc"), ("--sort", "weight")):
            said = self.ask(OURS, rspamd, "counters", *order)[0]
            rows = re.findall(r"(?m)^\| \d+ +\| (\S+) +\| +(-?[\d.]+) ", said)
            self.assertGreater(len(rows), 100)
            key = (lambda row: float(row[1])) if "weight" in order else (lambda row: row[0])
            values = [key(row) for row in rows]
            self.assertEqual(values, sorted(values, reverse="name:desc" in order))
        theirs = self.ask(THEIRS, rspamd, "counters")[0]
        self.assertEqual(set(re.findall(r"\| ([A-Z]\w+_\w+) ", theirs)),
                         set(re.findall(r"\| ([A-Z]\w+_\w+) ", self.ask(OURS, rspamd, "counters")[0])))
        self.assertRegex(self.ask(OURS, rspamd, "uptime")[0], r"Version: 3\.4\nUptime: .*second")
        self.assertIn("Messages scanned: ", self.ask(OURS, rspamd, "stat_reset")[0])

    def test_what_is_counted_has_the_same_names(self):
        """Families of /metrics with their labels, fields of /stat and /auth: ours has all of theirs."""
        def names(port):
            text = post(port, "/metrics", b"")[1].decode()
            families = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
            labels = set(re.findall(r"(?m)^(rspamd_\w+\{\w+=)", text))
            fields = {(page, key) for page in ("/stat", "/auth") for key in post(port, page, b"")[1]}
            fields |= {("actions", key) for key in post(port, "/stat", b"")[1]["actions"]}
            fields |= {("statfile", key) for one in post(port, "/stat", b"")[1]["statfiles"]
                       for key in one}
            return set(families.items()), labels, fields
        for port in self.controllers:  # so that there are statistics on both sides
            self.ask(OURS, port, "learn_spam", self.mail[4], code=None)
        for theirs, ours in zip(*(names(port) for port in self.controllers)):
            self.assertGreater(len(theirs), 5)
            self.assertEqual(theirs - ours, set())

    def test_what_goes_wrong(self):
        said, problem, _ = self.ask(OURS, 1, self.mail[0], code=3)
        self.assertIn("127.0.0.1:1 cannot be reached: Connection refused", said)
        self.assertEqual(problem, "")
        for form in ("-j", "--compact", "-m"):
            said, problem, _ = self.ask(OURS, 1, form, self.mail[0], code=3)
            self.assertEqual(said, "")
            self.assertIn("Connection refused", problem)
        self.assertIn("/no/such/file", self.ask(OURS, self.scanners[0], "/no/such/file", code=3)[1])
        for port in self.controllers:
            said = self.ask(OURS, port, "learn_spam", code=3, message=b"")[0]
            self.assertIn("HTTP error: 400", said)
            said, problem, _ = self.ask(OURS, port, "-j", "--headers", "learn_spam", code=3, message=b"")
            self.assertIn("Content-Type: ", said)
            self.assertIn("HTTP error: 400", problem)
        self.assertIn("HTTP error: 500, Module disabled",
                      self.ask(OURS, self.controllers[0], "fuzzy_add", self.mail[0], code=3)[0])
        # A command that reads nothing, and one that fails.
        self.assertEqual(self.ask(OURS, self.scanners[0], "-e", "true", *self.mail)[0], "")
        long = self.write("long.eml", b"Subject: long\r\n\r\n" + b"word\r\n" * 100_000)
        self.assertEqual(self.ask(OURS, self.scanners[1], "-m", "-e", "true", long)[0], "")
        self.assertIn("the command \"false\" failed",
                      self.ask(OURS, self.scanners[0], "-e", "false", self.mail[0], code=3)[1])
        for wrong in (("learn_class", self.mail[0]), ("stat", self.mail[0]), ("--sort", "x", "stat"),
                      ("-h", "127.0.0.1:0"), ("--no-such-option",), ("-m", "stat"), ("-n", "0")):
            done = subprocess.run([*OURS, *wrong], capture_output=True, timeout=service.WAIT_S,
                                  stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 2, wrong)

    def test_the_message_with_its_verdict(self):
        for port in self.scanners:
            ours, theirs = (self.ask(client, port, "-m", self.mail[0])[0] for client in (OURS, THEIRS))
            fields = [{line.split(":")[0] for line in said.splitlines() if line.startswith("X-Spam-")}
                      for said in (ours, theirs)]
            self.assertEqual(*fields)
            self.assertEqual(*(re.search("(?m)^X-Spam-Score: .*", said)[0] for said in (ours, theirs)))
            body = (self.folder / "0.eml").read_bytes().decode(errors="replace")
            self.assertTrue(ours.replace("\r", "").endswith(
                body.replace("\r", "").split("\n\n", 1)[1]))
        said = self.ask(OURS, self.scanners[0], "-m", "-e", "grep -c X-Spam-Action", self.mail[0])[0]
        self.assertEqual(said, "1\n")


def without_times(said):
    said = re.sub(r"\((?:\d|\.|e-)+ seconds\)", "(T)", said)
    said = re.sub(r"(?m)^scan_time = .*\n", "", said)
    # Counters of the service that each request moves.
    said = re.sub(r"Message-ID: \S+@localhost\.localdomain", "Message-ID: made", said)
    said = re.sub(r"Average scan time: [\d.]+", "Average scan time: T", said)
    return re.sub(r"(?m)^(Connections count|Control connections count|Pools \w+|Bytes allocated|"
                  r"Memory chunks allocated|Chunks freed|Shared chunks allocated|Oversized chunks): "
                  r"\d+$", r"\1: N", said)


if __name__ == "__main__":
    require("rspamd", "redis-server")
    run_tests()
