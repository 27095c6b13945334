#!/usr/bin/env python3
"""winnow serve from outside: serve.py --winnow PATH [TEST...]

Starts it on free ports and speaks to it as mail servers and their clients do. Conditions are
waited for, never slept for."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import zlib

import service
from service import GTUBE, HAM, SPAM, WAIT_S, Http, Milter, connect, packet, read_all
from test_program import OPTIONS, run_tests

WINNOW = OPTIONS.winnow


def start(*options):
    return service.Serve(WINNOW, *options)


def essence(reply):
    return reply["action"], reply["score"], sorted(reply["symbols"])


class ServeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.serve = start("--threads", "2")

    @classmethod
    def tearDownClass(cls):
        assert cls.serve.stop() == 0

    def http(self):
        connection = Http(self.serve.http)
        self.addCleanup(connection.close)
        return connection

    def test_checkv2(self):
        http = self.http()
        reply = http.check(HAM % b"1", headers=b"From: <anna@example.org>\r\nRcpt: b@x\r\nIP: "
                           b"192.0.2.9\r\nQueue-Id: QCHECK\r\nUser: anna\r\n")
        self.assertEqual(reply["message-id"], "1@example.org")
        self.assertEqual(reply["action"], "no action")
        for field in ("score", "required_score", "thresholds", "time_real", "is_skipped"):
            self.assertIn(field, reply)
        self.assertEqual(http.check(SPAM % b"1")["action"], "reject")
        self.serve.wait_for("id: <1@example.org>, qid: <QCHECK>, ip: 192.0.2.9, user: anna, from: "
                            "<anna@example.org>, (default: F (no action): [")

    def test_text_without_a_header_block(self):
        """"Raw: yes": what looks like a header is text, and no symbol is for mail alone."""
        http = self.http()
        text = b"Subject: lunch\r\n\r\nSee http://site.example.net/ for what there is.\r\n"
        mail = http.check(text)
        raw = http.check(text, headers=b"Raw: yes\r\n")
        for name in ("MISSING_TO", "MISSING_DATE", "MISSING_MID"):
            self.assertIn(name, mail["symbols"])
            self.assertNotIn(name, raw["symbols"])
        self.assertIn("MISSING_FROM", raw["symbols"])
        self.assertEqual(raw["urls"], mail["urls"])
        self.assertEqual(raw["urls"], ["site.example.net"])
        html = http.check(b"<html><body><p>Hello</p></body></html>", headers=b"Raw: yes\r\n")
        self.assertIn("MIME_HTML_ONLY", html["symbols"])
        self.assertNotIn("HEADER_UNTERMINATED", html["symbols"])

    def test_pages_and_errors(self):
        http = self.http()
        for path, status, text in (
                (b"/ping", "200 OK", b"pong\r\n"), (b"/skip", "200 OK", b"is_skipped"),
                (b"/stat", "200 OK", b'"actions":{"reject":'),
                (b"/metrics", "200 OK", b'rspamd_actions_total{type="reject"}'),
                (b"/check", "200 OK", b'{"default":{'),
                (b"/nothing", "500 invalid command", b'"error_domain":"protocol-error"')):
            http.send(b"", path=path)
            got, body = http.receive()
            self.assertEqual(got, "HTTP/1.1 " + status)
            self.assertIn(text, body)

    def test_older_paths(self):
        """/check and its other names: symbols beside the fields of the one metric."""
        http = self.http()
        reply = http.check(SPAM % b"1")
        for path in (b"/check", b"/symbols", b"/scan", b"/process", b"/report", b"/report_ifspam"):
            old = http.check(SPAM % b"1", path=path)
            self.assertEqual(set(old), {"default", "messages", "message-id", "time_real", "rmilter"},
                             path)
            default = old["default"]
            self.assertEqual(default.pop("is_spam"), True)
            for field in ("is_skipped", "score", "required_score", "action"):
                self.assertEqual(default.pop(field), reply[field])
            self.assertEqual(default, reply["symbols"], path)
        self.assertIs(http.check(HAM % b"1", path=b"/symbols")["default"]["is_spam"], False)

    def test_what_is_not_logged_or_counted(self):
        http = self.http()
        for header in (b"Log: no\r\n", b"Flags: no_log\r\n"):
            http.check(HAM % b"unlogged", headers=header)

        def scanned():
            http.send(b"", path=b"/stat")
            return json.loads(http.receive()[1])["scanned"]
        before = scanned()
        http.check(HAM % b"uncounted", headers=b"Flags: no_stat\r\n")
        self.assertEqual(scanned(), before)
        http.check(HAM % b"counted")
        self.assertEqual(scanned(), before + 1)
        self.serve.wait_for("<counted@example.org>")
        self.assertFalse(any("unlogged" in line for line in self.serve.lines))

    def test_pipelined_and_byte_at_a_time(self):
        http = self.http()
        for number in range(20):
            http.send(HAM % b"%d" % number)
        for number in range(20):
            self.assertEqual(json.loads(http.receive()[1])["message-id"],
                             "%d@example.org" % number)
        http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = HAM % b"slow"
        for byte in b"POST /checkv2 HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body:
            http.sock.sendall(bytes([byte]))
        self.assertEqual(json.loads(http.receive()[1])["message-id"], "slow@example.org")

    def test_milter(self):
        for sock in (connect(self.serve.milter), socket.socket(socket.AF_UNIX)):
            if sock.family == socket.AF_UNIX:
                sock.connect(self.serve.socket)
                self.assertEqual(os.stat(self.serve.socket).st_mode & 0o777, 0o600)
            milter = Milter(sock)
            self.assertEqual(milter.scan(HAM % b"m", b"QMILTER"), [(b"a", b"")])
            self.assertEqual(milter.scan(SPAM % b"m")[-1],
                             (b"y", b"554 5.7.1 Spam message rejected\0"))
            milter.sock.sendall(packet(b"L", b"Half\0a\0") + packet(b"A"))
            self.assertEqual(milter.scan(HAM % b"m2"), [(b"a", b"")])
            milter.close()
        self.serve.wait_for("qid: <QMILTER>, ip: 192.0.2.5", 2)
        with connect(self.serve.milter) as sock:
            sock.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
            self.assertTrue(read_all(sock).endswith(b"pong\r\n"))

    def test_gtube(self):
        message = (HAM % b"gtube") + GTUBE + b"\r\n"
        reply = self.http().check(message)
        if "GTUBE" not in reply["symbols"]:
            self.skipTest("the policy has no GTUBE")
        self.assertEqual(reply["action"], "reject")
        self.assertEqual(reply["score"], reply["required_score"])
        milter = Milter(connect(self.serve.milter))
        self.assertEqual(milter.scan(message)[-1], (b"y", b"554 5.7.1 Gtube pattern\0"))
        milter.close()

    def test_text_dialects(self):
        def ask(text, half_close=False):
            with connect(self.serve.http) as sock:
                sock.sendall(text)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
                return read_all(sock)
        exim = ask(b"CHECK RSPAMC/1.3\r\nContent-length: %d\r\nQueue-Id: q\r\nFrom: <a@b>\r\n"
                   b"Recipient-Number: 1\r\nRcpt: <c@d>\r\n\r\n" % len(SPAM) + SPAM)
        self.assertRegex(exim, rb"^RSPAMD/1.3 0 EX_OK\r\nMetric: default; True; [0-9.]+ / 15.00 / "
                         rb"0.0\r\nAction: reject\r\n")
        self.assertEqual(ask(b"PING SPAMC/1.2\r\n\r\n"), b"SPAMD/1.5 0 PONG\r\n")
        whole = ask(b"PROCESS SPAMC/1.5\r\nUser: x\r\n\r\n" + HAM, True)
        self.assertRegex(whole, rb"\r\n\r\nX-Spam-Status: No, ")
        self.assertTrue(whole.endswith(b"\r\n" + HAM), "clean mail comes back below its mark")
        packed = zlib.compress(HAM)
        whole = ask(b"PROCESS SPAMC/1.5\r\nCompress: zlib\r\nContent-length: %d\r\n\r\n" % len(packed) +
                    packed)
        self.assertTrue(whole.endswith(b"\r\n" + HAM), "what came packed goes back unpacked")
        self.assertIn(b"X-Spam-Flag: YES\r\n", ask(b"HEADERS SPAMC/1.5\r\n\r\n" + SPAM, True))
        for word in (b"REPORT", b"REPORT_IFSPAM"):
            said = ask(word + b" SPAMC/1.5\r\n\r\n" + SPAM, True)
            head, report = said.split(b"\r\n\r\n", 1)
            self.assertRegex(head, rb"^SPAMD/1\.1 0 EX_OK\r\nContent-length: %d\r\n"
                             rb"Spam: True ; [0-9.]+ / 15\.00$" % len(report))
            self.assertRegex(report, rb"(?m)^Action: reject\r$")
            self.assertRegex(report, rb"(?m)^  2\.00 MISSING_FROM From is absent or empty\.\r$")
        self.assertIn(b"Action: no action", ask(b"REPORT SPAMC/1.5\r\n\r\n" + HAM, True))
        self.assertTrue(ask(b"REPORT_IFSPAM SPAMC/1.5\r\n\r\n" + HAM, True).endswith(b"\r\n\r\n"))
        tell = ask(b"TELL SPAMC/1.5\r\nMessage-class: spam\r\nSet: local\r\n\r\n" + HAM, True)
        self.assertTrue(tell.startswith(b"SPAMD/1.0 75 EX_TEMPFAIL: nothing is learnt here"), tell)

    def run_client(self, *arguments, message):
        if not shutil.which(arguments[0]):
            self.skipTest(arguments[0] + " is not installed")
        return subprocess.run(arguments, input=message, capture_output=True, timeout=WAIT_S)

    def test_rspamc(self):
        done = self.run_client("rspamc", "-h", "127.0.0.1:%d" % self.serve.http, "-i", "192.0.2.1",
                               message=SPAM % b"r")
        self.assertIn(b"Action: reject", done.stdout)

    def test_spamc(self):
        to = ("-d", "127.0.0.1", "-p", str(self.serve.http))
        self.assertEqual(self.run_client("spamc", "-c", *to, message=SPAM % b"s").returncode, 1)
        self.assertEqual(self.run_client("spamc", "-c", *to, message=HAM % b"s").returncode, 0)
        marked = self.run_client("spamc", *to, message=HAM % b"s").stdout
        self.assertTrue(marked.startswith(b"X-Spam-Status: No, ") and marked.endswith(HAM % b"s"), marked)
        self.assertEqual(self.run_client("spamc", "-K", *to, message=b"").returncode, 0)

    def test_rubbish(self):
        for port in (self.serve.http, self.serve.milter):
            for text in (b"\0" * 100, b"\xff" * 5000, b"GET", b"POST /checkv2 HTTP/9\r\n\r\n",
                         b"POST /check HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: "
                         b"chunked\r\n\r\n0\r\n\r\n", packet(b"E")[:3], packet(b"Z")):
                with connect(port) as sock:
                    try:
                        sock.sendall(text)
                        sock.shutdown(socket.SHUT_WR)
                        read_all(sock)
                    except OSError:
                        pass  # closed before all was sent
        self.assertEqual(self.http().check(HAM % b"after")["action"], "no action")

    def test_two_thousand_at_once_while_rules_are_swapped(self):
        http = self.http()
        expected = {kind: essence(http.check(text % b"x"))
                    for kind, text in (("ham", HAM), ("spam", SPAM))}
        wrong, done = [], []

        def over_http(client):
            connection = Http(self.serve.http)
            for number in range(40):
                kind, text = (("ham", HAM), ("spam", SPAM))[number % 2]
                name = b"load-%d-%d" % (client, number)
                reply = connection.check(text % name)
                right = essence(reply) == expected[kind] and (
                    kind == "spam" or reply["message-id"] == name.decode() + "@example.org")
                (done if right else wrong).append(name)
            connection.close()

        def over_milter(client):
            milter = Milter(connect(self.serve.milter))
            for number in range(40):
                text, end = ((HAM, b"a"), (SPAM, b"y"))[number % 2]
                name = b"load-%d-%d" % (client, number)
                (done if milter.scan(text % name, name)[-1][0] == end else wrong).append(name)
            milter.close()

        threads = [threading.Thread(target=over_http if i % 2 else over_milter, args=(i,))
                   for i in range(50)]
        for thread in threads:
            thread.start()
        for times in range(1, 4):
            self.serve.process.send_signal(signal.SIGHUP)
            self.serve.wait_for("rules reloaded", times)
        for thread in threads:
            thread.join(WAIT_S)
        self.assertEqual(wrong, [])
        self.assertEqual(len(done), 2000)
        self.assertEqual(len(set(done)), 2000)

        def logged():  # the milter's ham: each exactly one line
            return [line for line in list(self.serve.lines) if "qid: <load-" in line]
        with self.serve.changed:
            self.serve.changed.wait_for(lambda: len(logged()) >= 1000, WAIT_S)
        self.assertEqual(len(logged()), 1000)


class StopTest(unittest.TestCase):
    def test_term_drains(self):
        serve = start("--threads", "1")
        idle, half = Http(serve.http), Http(serve.http)
        idle.check(HAM % b"idle")
        body = HAM % b"half"
        half.sock.sendall(b"POST /checkv2 HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
        half.sock.sendall(body[:50])
        idle.check(HAM % b"idle")  # the loop has seen what was sent before
        serve.process.send_signal(signal.SIGTERM)
        serve.wait_for("draining")
        self.assertEqual(idle.sock.recv(1), b"")  # nothing was open there
        half.sock.sendall(body[50:])
        status, reply = half.receive()
        self.assertEqual(json.loads(reply)["message-id"], "half@example.org")
        self.assertEqual(half.sock.recv(1), b"")
        self.assertEqual(serve.process.wait(WAIT_S), 0)
        self.assertFalse(os.path.exists(serve.pid_file))
        self.assertFalse(os.path.exists(serve.socket))
        idle.close()
        half.close()
        serve.reader.join(WAIT_S)
        serve.process.stderr.close()

    def test_a_bad_rule_set_never_replaces_a_good_one(self):
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "rspamd.conf")
            with open(config, "w") as file:
                file.write("# nothing\n")
            serve = start("--config", config)
            os.mkdir(os.path.join(folder, "local.d"))
            with open(os.path.join(folder, "local.d", "options.inc"), "w") as file:
                file.write("broken {\n")
            serve.process.send_signal(signal.SIGHUP)
            serve.wait_for("rules not reloaded")
            http = Http(serve.http)
            self.assertEqual(http.check(HAM % b"still")["action"], "no action")
            http.close()
            self.assertEqual(serve.stop(), 0)

    def test_overload_says_try_again(self):
        serve = start("--threads", "1", "--memory", "1")
        connections = [Http(serve.http) for _ in range(20)]
        for http in connections:
            http.send(HAM % b"x" + b"words of a letter\r\n" * 20000)
        statuses = [http.receive()[0] for http in connections]
        self.assertTrue(set(statuses) <= {"HTTP/1.1 200 OK", "HTTP/1.1 503 too busy, try again"})
        self.assertIn("HTTP/1.1 200 OK", statuses)
        for http in connections:
            http.close()
        self.assertEqual(serve.stop(), 0)

    def test_usage(self):
        done = subprocess.run([WINNOW, "serve", "--http", "nonsense"], capture_output=True,
                              timeout=WAIT_S)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"is no address", done.stderr)


if __name__ == "__main__":
    run_tests()
