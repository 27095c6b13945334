#!/usr/bin/env python3
"""The controller of winnow serve: controller.py --winnow PATH [TEST...]"""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import service
from service import HAM, WAIT_S, Http, connect, read_all
from test_program import OPTIONS, run_tests

WINNOW = OPTIONS.winnow


def pw(*arguments, text=""):
    return subprocess.run([WINNOW, "pw", *arguments], input=text, capture_output=True, text=True,
                          timeout=WAIT_S)


class ControllerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.unix = os.path.join(cls.folder.name, "controller.sock")
        for name in ("local.d", "override.d"):
            os.mkdir(os.path.join(cls.folder.name, name))
        cls.config = os.path.join(cls.folder.name, "rspamd.conf")
        open(cls.config, "w").close()
        hashes = [pw("-p", "read", "-q").stdout.strip(),
                  pw("-p", "all", "-q", "-t", "pbkdf2").stdout.strip()]
        # Nobody is trusted for his address: the clients here all come from the same one.
        with open(os.path.join(cls.folder.name, "override.d", "worker-controller.inc"), "w") as f:
            f.write('password = "%s";\nenable_password = "%s";\n' % tuple(hashes) +
                    'secure_ip = ["203.0.113.0/24"];\nmax_auth_failures = 5;\n')
        with open(os.path.join(cls.folder.name, "local.d", "classifier-bayes.conf"), "w") as f:
            f.write("name = 'the \"first\"';\n")
        cls.serve = service.Serve(WINNOW, "--config", cls.config, "--controller", "127.0.0.1:0",
                                  "--controller", cls.unix + " mode=0600")
        cls.port = cls.serve.port("controller")

    @classmethod
    def tearDownClass(cls):
        assert cls.serve.stop() == 0
        cls.folder.cleanup()

    def get(self, path, password=None, method=b"GET", body=b"", headers=b"", unix=False):
        """Status, headers as bytes, body."""
        with (socket.socket(socket.AF_UNIX) if unix else connect(self.port)) as sock:
            if unix:
                sock.connect(self.unix)
            sock.settimeout(WAIT_S)
            text = method + b" " + path + b" HTTP/1.1\r\nConnection: close\r\n" + headers
            if password:
                text += b"Password: " + password + b"\r\n"
            sock.sendall(text + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            head, answer = read_all(sock).split(b"\r\n\r\n", 1)
        return int(head.split()[1]), head, answer

    def test_1_who_may_see_what(self):
        for path in (b"/auth", b"/stat", b"/healthy", b"/ready", b"/metrics", b"/errors",
                     b"/bayes/classifiers"):
            status, head, body = self.get(path)
            self.assertEqual((status, body), (401, b'{"error":"Unauthorized"}'), path)
            self.assertIn(b"401 Unauthorized", head)
            self.assertEqual(self.get(path, b"all")[0], 200, path)
            self.assertEqual(self.get(path, b"read")[0], 401 if path == b"/errors" else 200, path)
        self.assertEqual(json.loads(self.get(b"/auth", b"read")[2])["read_only"], True)
        self.assertEqual(json.loads(self.get(b"/auth?password=all")[2])["read_only"], False)
        self.assertEqual(self.get(b"/ping")[2], b"pong\r\n")
        self.assertEqual(self.get(b"/nothing")[0::2], (404, b"Not found"))
        self.assertEqual(json.loads(self.get(b"/auth", unix=True)[2])["read_only"], False)
        for name in (b"X-Forwarded-For", b"X-Real-IP"):
            for value in (b"192.0.2.1", b"", b"unknown"):
                self.assertEqual(self.get(b"/auth", unix=True, headers=b"%s: %s\r\n" % (name, value))[0],
                                 401, value)
        for other, status in ((b"all", 200), (b"wrong", 400)):
            self.assertEqual(self.get(b"/auth", b"all", headers=b"Password: %s\r\n" % other)[0], status)

    def test_2_pages(self):
        status, head, body = self.get(b"/stat", b"read")
        self.assertIn(b"Cache-Control: no-store", head)
        stat = json.loads(body)
        self.assertEqual(set(stat["actions"]), {"reject", "soft reject", "rewrite subject",
                                                "add header", "greylist", "no action"})
        self.assertEqual(len(stat["scan_times"]), 31)
        status, head, body = self.get(b"/auth", method=b"OPTIONS")
        self.assertEqual((status, body), (200, b""))
        self.assertIn(b"Access-Control-Allow-Methods: POST, GET, OPTIONS", head)
        self.assertEqual(self.get(b"/x", method=b"BREW")[0], 400)
        self.assertEqual(json.loads(self.get(b"/ready", b"read")[2]), {"success": True})
        self.assertEqual(json.loads(self.get(b"/bayes/classifiers", b"read")[2]), ['the "first"'])
        self.assertEqual(self.get(b"/checkv2", method=b"POST", body=HAM % b"c")[0], 401)
        reply = json.loads(self.get(b"/checkv2", b"read", method=b"POST", body=HAM % b"c")[2])
        self.assertEqual(reply["message-id"], "c@example.org")
        self.assertGreaterEqual(json.loads(self.get(b"/stat", b"read")[2])["scanned"], 1)

    def test_3_metrics(self):
        self.get(b"/checkv2", b"read", method=b"POST", body=HAM % b"m", headers=b"X-Odd: 1\r\n")
        text = self.get(b"/metrics", b"read")[2].decode()
        self.assertTrue(text.endswith("# EOF\n"))
        typed = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name = line.split("{")[0].split(" ")[0]
            self.assertTrue(any(name == one or name.startswith(one + "_") for one in typed), line)
            float(line.rsplit(" ", 1)[1])
        for family in ("rspamd_build_info", "rspamd_scan_time_average", "rspamd_actions_total",
                       "rspamd_pools_allocated", "winnow_answer_seconds", "winnow_queue_seconds",
                       "winnow_stage_seconds", "winnow_unknown_total"):
            self.assertIn(family, typed)
        scanned = int(re.search(r"^rspamd_scanned_total (\d+)", text, re.M).group(1))
        stages = ['winnow_stage_seconds_bucket{stage="%s",le="+Inf"}' % stage for stage in (
            "intake", "parse", "envelope", "content", "texts", "urls", "words", "match",
            "functions", "checks", "seal", "judge")]
        for name in ['winnow_answer_seconds_bucket{le="+Inf"}',
                     'winnow_queue_seconds_bucket{le="+Inf"}'] + stages:
            self.assertIn("%s %d\n" % (name, scanned), text)
        self.assertEqual(len(stages), text.count('winnow_stage_seconds_bucket{stage=') //
                         text.count('winnow_stage_seconds_bucket{stage="parse"'))
        for reason in ("timeout", "server_failure", "refused", "broken", "not_allowed", "limit"):
            self.assertRegex(text, r'(?m)^winnow_unknown_total\{reason="%s"\} \d+$' % reason)
        self.assertRegex(text, r"winnow_unknown_headers_total [1-9]")

    def test_4_errors_tell_of_refusals(self):
        self.assertEqual(self.get(b"/auth", b"guess")[0], 401)
        errors = json.loads(self.get(b"/errors", b"all")[2])
        self.assertIn("a password was refused", {one["message"] for one in errors})
        self.assertEqual(set(errors[0]), {"ts", "pid", "type", "id", "module", "message"})

    def test_5_attempts_are_limited(self):
        statuses = [self.get(b"/auth", b"guess%d" % i)[0] for i in range(8)]
        self.assertEqual(statuses[-1], 429)
        self.assertNotIn(200, statuses)
        self.assertEqual(self.get(b"/auth", b"never asked with before")[0], 429)
        self.assertEqual(self.get(b"/auth", unix=True)[0], 200)

    def test_rspamc(self):
        if not shutil.which("rspamc"):
            self.skipTest("rspamc is not installed")
        for command in ("stat", "uptime"):
            done = subprocess.run(["rspamc", "-h", self.unix, command], capture_output=True,
                                  text=True, timeout=WAIT_S)
            if "Messages scanned" not in done.stdout and "Uptime" not in done.stdout:
                self.fail(done.stdout + done.stderr)


class PasswordTest(unittest.TestCase):
    def test_pw(self):
        for kind, mark in (("catena", "$2$"), ("pbkdf2", "$1$")):
            made = pw("-e", "-p", "secret", "-t", kind)
            self.assertTrue(made.stdout.startswith(mark))
            self.assertNotEqual(made.stdout, pw("-e", "-p", "secret", "-t", kind).stdout)
            self.assertEqual(pw("-c", "-p", "secret", made.stdout.strip()).stdout,
                             "password correct\n")
            wrong = pw("-c", "-p", "Secret", made.stdout.strip())
            self.assertEqual((wrong.returncode, wrong.stdout), (1, "password incorrect\n"))
            asked = pw("-c", text=made.stdout.strip() + "\nsecret\n")
            self.assertEqual(asked.stdout, "password correct\n")
        self.assertEqual(pw("-e", text="").returncode, 2)
        self.assertIn("catena", pw("-l").stdout)

    def test_as_rspamadm(self):
        if not shutil.which("rspamadm"):
            self.skipTest("rspamadm is not installed")
        for kind in ("catena", "pbkdf2"):
            theirs = subprocess.run(["rspamadm", "pw", "-q", "-e", "-p", "ß secret", "-t", kind],
                                    capture_output=True, text=True, timeout=WAIT_S).stdout.strip()
            self.assertEqual(pw("-c", "-p", "ß secret", theirs).stdout, "password correct\n")


class ClosedTest(unittest.TestCase):
    def test_without_configuration_this_machine_may_ask(self):
        serve = service.Serve(WINNOW, "--controller", "127.0.0.1:0")
        http = Http(serve.port("controller"))
        http.sock.sendall(b"GET /auth HTTP/1.1\r\n\r\n")
        self.assertEqual(json.loads(http.receive()[1])["read_only"], False)
        # A proxy that asks for somebody else does not lend its address.
        http.sock.sendall(b"GET /auth HTTP/1.1\r\nX-Real-IP: 198.51.100.1\r\n\r\n")
        self.assertEqual(http.receive()[0], "HTTP/1.1 401 Unauthorized")
        http.sock.sendall(b"GET /auth HTTP/1.1\r\nX-Real-IP: ::1\r\n\r\n")
        self.assertEqual(http.receive()[0], "HTTP/1.1 200 OK")
        http.close()
        self.assertEqual(serve.stop(), 0)


if __name__ == "__main__":
    run_tests()
