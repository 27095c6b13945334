#!/usr/bin/env python3
"""Programs of others as clients of winnow serve: clients.py --winnow PATH [TEST...]

miltertest (scripts in tests/protocol/miltertest), curl, rspamc, and nginx in between. What is not
installed is named and skipped."""
import glob
import json
import os
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
import paths  # noqa: F401
import service
from mta import WAIT_S, free_port
from service import GTUBE, HAM, SPAM
from test_program import OPTIONS, missing, run_tests


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="winnow-clients-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = temporary.name
        cls.serve = service.Serve(OPTIONS.winnow, "--threads", "1")
        cls.addClassCleanup(cls.stop)

    @classmethod
    def stop(cls):
        assert cls.serve.stop() == 0

    def run_client(self, *arguments, message=b"", code=0):
        if missing(arguments[0]):
            self.skipTest(arguments[0] + " is not installed")
        done = subprocess.run(arguments, input=message, capture_output=True, timeout=WAIT_S)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_miltertest(self):
        scripts = sorted(glob.glob(os.path.join(HERE, "..", "protocol", "miltertest", "*.lua")))
        self.assertGreaterEqual(len(scripts), 4)
        for where in ("inet:%d@127.0.0.1" % self.serve.milter, "unix:" + self.serve.socket):
            for script in scripts:
                with self.subTest(script=os.path.basename(script), where=where):
                    self.run_client("miltertest", "-D", "socket=" + where, "-D",
                                    "gtube=" + GTUBE.decode(), "-s", script)
        self.serve.wait_for("qid: <QLUA>, ip: 192.0.2.7, user: anna, from: <anna@example.org>", 2)

    def curl(self, path, *more, port=None):
        out = self.run_client("curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", *more,
                              "http://127.0.0.1:%d%s" % (port or self.serve.http, path))
        body, code = out.rsplit(b"\n", 1)
        return int(code), body

    def test_curl(self):
        self.assertEqual(self.curl("/ping"), (200, b"pong\r\n"))
        ham = self.file("ham.eml", HAM % b"curl")
        for more in ((), ("-H", "Transfer-Encoding: chunked"), ("--http1.0",),
                     ("-H", "Expect: 100-continue")):
            code, body = self.curl("/checkv2", "--data-binary", "@" + ham, "-H", "IP: 192.0.2.9",
                                   *more)
            self.assertEqual(code, 200)
            self.assertEqual(json.loads(body)["message-id"], "curl@example.org")
        code, body = self.curl("/no-such-page")
        self.assertEqual((code, json.loads(body)["error"]), (500, "invalid command"))
        big = self.file("big.eml", HAM % b"big" + b"a line of a long letter\r\n" * 100000)
        code, body = self.curl("/checkv2", "--data-binary", "@" + big)  # with Expect: of its own
        self.assertEqual((code, json.loads(body)["message-id"]), (200, "big@example.org"))

    def test_curl_zstd(self):
        packed = self.file("ham.zst", self.run_client("zstd", "-c", message=HAM % b"packed"))
        code, body = self.curl("/checkv2", "--data-binary", "@" + packed, "-H", "Compression: zstd")
        self.assertEqual((code, json.loads(body)["message-id"]), (200, "packed@example.org"))
        plain = self.file("plain.eml", HAM % b"plain")
        code, body = self.curl("/checkv2", "--data-binary", "@" + plain, "-H", "Compression: zstd")
        self.assertEqual(code, 503)
        self.assertIn(b"Decompression error", body)
        # Answers, where the client says that it reads them so.
        ask = ("--data-binary", "@" + plain, "-H", "Accept-Encoding: gzip, zstd")
        code, body = self.curl("/checkv2", *ask)
        self.assertEqual((code, body[:4]), (200, b"\x28\xb5\x2f\xfd"))
        unpacked = self.run_client("zstd", "-dc", message=body)
        self.assertEqual(json.loads(unpacked)["message-id"], "plain@example.org")
        head = self.run_client("curl", "-sS", "--noproxy", "*", "-o", os.path.join(
            self.folder, "body"), "-D", "-", *ask, "http://127.0.0.1:%d/checkv2" % self.serve.http)
        self.assertIn(b"\r\nCompression: zstd\r\nContent-Encoding: zstd\r\n", head)
        # What is short is not worth it.
        self.assertEqual(self.curl("/ping", "-H", "Accept-Encoding: zstd"), (200, b"pong\r\n"))

    def test_rspamc(self):
        port = ("-h", "127.0.0.1:%d" % self.serve.http)
        out = self.run_client("rspamc", *port, "-i", "192.0.2.1", message=SPAM % b"r")
        self.assertIn(b"Action: reject", out)
        out = self.run_client("rspamc", *port, message=(HAM % b"r") + GTUBE + b"\r\n")
        self.assertIn(b"Action: reject", out)
        self.assertIn(b"Symbol: GTUBE", out)
        out = self.run_client("rspamc", *port, "--json", message=HAM % b"r")
        self.assertIn(b"r@example.org", out)

    def test_spamc(self):
        to = ("-d", "127.0.0.1", "-p", str(self.serve.http))
        for message, code in ((SPAM % b"s", 1), (HAM % b"s", 0)):
            self.run_client("spamc", "-E", *to, message=message, code=code)
            self.run_client("spamc", "-c", *to, message=message, code=code)
        marked = self.run_client("spamc", *to, message=b"X-Spam-Level: *\r\nX-Spam-Status: other\r\n" +
                                 HAM % b"s")
        self.assertRegex(marked, rb"\AX-Spam-Status: No, score=[^X]*tests=(\s*\w+,?)*\r\n")
        self.assertTrue(marked.endswith(HAM % b"s"), marked)
        self.assertNotIn(b"X-Spam-Level", marked)
        self.assertNotIn(b"other", marked)
        self.assertIn(b"GTUBE", self.run_client("spamc", "-y", *to,
                                                message=(HAM % b"s") + GTUBE + b"\r\n"))
        self.assertTrue(self.run_client("spamc", "-R", *to, message=SPAM % b"s"))
        self.assertIn(b"X-Spam-", self.run_client("spamc", "--headers", *to, message=SPAM % b"s"))
        self.run_client("spamc", "-K", *to)

    def test_nginx(self):
        if missing("nginx"):
            self.skipTest("nginx is not installed")
        port, controller = free_port(), self.serve.port("controller")
        os.mkdir(os.path.join(self.folder, "temporary"))
        paths = "".join("  %s_temp_path %s/temporary;\n" % (name, self.folder) for name in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.file("nginx.conf", (
            "daemon off;\nmaster_process off;\npid %s/nginx.pid;\nerror_log stderr;\nevents {}\n"
            "http {\n  access_log off;\n%s  client_max_body_size 64m;\n"
            "  server {\n    listen 127.0.0.1:%d;\n    location /filter/ {\n"
            "      proxy_pass http://127.0.0.1:%d/;\n"
            "      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
            "    }\n"
            "    location /rspamd/ {\n      proxy_pass http://127.0.0.1:%d/;\n"
            "      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    }\n"
            "    location /outside/ {\n      proxy_pass http://127.0.0.1:%d/;\n"
            "      proxy_set_header X-Forwarded-For 192.0.2.1;\n    }\n  }\n}\n" %
            (self.folder, paths, port, self.serve.http, controller, controller)).encode())
        nginx = subprocess.Popen(["nginx", "-c", config, "-p", self.folder, "-e", "stderr"],
                                 stderr=subprocess.DEVNULL)
        try:
            service.wait_until(lambda: service.connect(port).close(), nginx)
            self.assertEqual(self.curl("/filter/ping", port=port), (200, b"pong\r\n"))
            self.assertIn(b'"actions"', self.curl("/filter/stat", port=port)[1])
            code, body = self.curl("/filter/checkv2", "--data-binary",
                                   "@" + self.file("proxied.eml", HAM % b"proxied"), port=port)
            self.assertEqual((code, json.loads(body)["message-id"]), (200, "proxied@example.org"))
            # The controller under a sub-path: whom the proxy speaks for decides who may look.
            self.assertEqual(self.curl("/rspamd/ping", port=port), (200, b"pong\r\n"))
            code, body = self.curl("/rspamd/auth", port=port)
            self.assertEqual((code, json.loads(body)["auth"]), (200, "ok"))
            self.assertIn(b'"actions"', self.curl("/rspamd/stat", port=port)[1])
            code, body = self.curl("/rspamd/checkv2", "--data-binary", "@" + self.file(
                "sub.eml", HAM % b"sub"), port=port)
            self.assertEqual((code, json.loads(body)["message-id"]), (200, "sub@example.org"))
            self.assertEqual(self.curl("/rspamd/nothing", port=port)[0], 404)
            for page in ("auth", "stat", "errors"):
                self.assertEqual(self.curl("/outside/" + page, port=port)[0], 401)
            self.assertEqual(self.curl("/outside/ping", port=port)[0], 200)
        finally:
            nginx.terminate()
            nginx.wait(WAIT_S)


if __name__ == "__main__":
    run_tests()
