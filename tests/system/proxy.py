#!/usr/bin/env python3
"""Upstreams and mirrors of the milter port: proxy.py --winnow PATH

One service in front and two behind it, one scanner that stalls, one that talks rubbish."""
import os
import re
import socket
import subprocess
import tempfile
import threading
import unittest

import service
from service import GTUBE, HAM, SPAM, Milter, Serve, connect, read_all
from test_program import OPTIONS, run_tests


class Behind:
    """A scanner that answers each connection with `answer(request)`; None: it never does."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.held = []
        self.changed = threading.Condition()
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        file = sock.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return
            head += line
        length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
        request = head + file.read(length)
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        answer = self.answer(request)
        if answer is None:
            self.held.append((sock, file))
            return
        sock.sendall(answer)
        file.close()
        sock.close()

    def wait_for(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= number, service.WAIT_S)

    def stop(self):
        self.sock.close()
        for sock, file in self.held:
            file.close()
            sock.close()


def json_reply(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def metrics(serve):
    with connect(serve.http) as sock:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
        text = read_all(sock).decode()
    return {name: int(value) for name, value in
            re.findall(r"^(winnow_(?:proxy|mirror)\w+) (\d+)", text, re.M)}


class ProxyTest(unittest.TestCase):
    def front(self, worker, *options, options_inc="", multimap_conf=""):
        """A service whose proxy worker has this configuration."""
        folder = tempfile.TemporaryDirectory(prefix="winnow-proxy-")
        self.addCleanup(folder.cleanup)
        os.mkdir(os.path.join(folder.name, "local.d"))
        for name, text in (("rspamd.conf", "# the site\n"), ("local.d/worker-proxy.inc", worker),
                           ("local.d/options.inc", options_inc),
                           ("local.d/multimap.conf", multimap_conf)):
            with open(os.path.join(folder.name, name), "w") as file:
                file.write(text)
        serve = Serve(OPTIONS.winnow, "--config", os.path.join(folder.name, "rspamd.conf"),
                      "--threads", "1", *options)
        self.addCleanup(lambda: self.assertEqual(serve.stop(), 0))
        return serve

    def behind(self, answer):
        one = Behind(answer)
        self.addCleanup(one.stop)
        return one

    def winnow(self):
        serve = Serve(OPTIONS.winnow, "--threads", "1")
        self.addCleanup(lambda: self.assertEqual(serve.stop(), 0))
        return serve

    def ask(self, serve, message, **more):
        milter = Milter(connect(serve.milter))
        answer = milter.scan(message, **more)
        milter.close()
        return answer

    def test_two_scanners_take_turns_and_one_dies(self):
        one, two = self.winnow(), self.winnow()
        front = self.front('upstream "scan" { default = yes; settings_id = "abc"; '
                           'hosts = "127.0.0.1:%d,127.0.0.1:%d"; }\n' % (one.http, two.http))
        direct = self.ask(one, SPAM % b"direct")
        for number in range(4):
            self.assertEqual(self.ask(front, SPAM % b"%d" % number), direct)
            self.assertEqual(self.ask(front, HAM % b"p%d" % number)[-1], (b"a", b""))
        gtube = self.ask(front, (HAM % b"g") + GTUBE + b"\r\n")
        self.assertEqual(gtube[-1], (b"y", b"554 5.7.1 Gtube pattern\0"))
        for serve in (one, two):
            serve.wait_for("ip: 192.0.2.5, from: <anna@example.org>", 4)
            self.assertTrue(any("settings_id: abc" in line for line in serve.lines), serve.lines)
        self.assertFalse(any("rspamd_task_write_log" in line for line in front.lines))
        # One is gone: all goes to the other, and it is asked no more once it failed often enough.
        self.assertEqual(two.process.poll(), None)
        two.process.terminate()
        two.process.wait(service.WAIT_S)
        for number in range(12):
            self.assertEqual(self.ask(front, HAM % b"q%d" % number)[-1], (b"a", b""))
        counts = metrics(front)
        self.assertEqual(counts["winnow_proxy_scanned_total"], 21)
        self.assertEqual(counts["winnow_proxy_failed_total"], 0)
        self.assertEqual(counts["winnow_proxy_retried_total"], 4)  # max_errors

    def test_edits_come_through(self):
        scanner = self.behind(lambda request: json_reply(
            b'{"action":"add header","milter":{"remove_headers":{"X-Old":0,"X-Two":[1,2,-3]},'
            b'"add_headers":{"X-A":"one","X-B":{"value":"two","order":1},"X-C":["c","d"]},'
            b'"change_from":"new@example.org","add_rcpt":["add@example.org"],'
            b'"del_rcpt":["ben@example.net"]},"dkim-signature":"v=1; a=x"}'))
        front = self.front('upstream "scan" { hosts = "127.0.0.1:%d"; }\n' % scanner.port)
        message = (HAM % b"e").replace(b"Subject", b"X-Old: 1\r\nX-Old: 2\r\n" + b"X-Two: 3\r\n" * 3 +
                                         b"Subject")
        got = self.ask(front, message)
        self.assertEqual(got, [
            (b"m", b"\0\0\0\2X-Old\0\0"), (b"m", b"\0\0\0\1X-Old\0\0"),
            (b"m", b"\0\0\0\2X-Two\0\0"), (b"m", b"\0\0\0\1X-Two\0\0"),
            (b"h", b"X-A\0one\0"), (b"i", b"\0\0\0\1X-B\0two\0"), (b"h", b"X-C\0c\0"),
            (b"h", b"X-C\0d\0"), (b"e", b"<new@example.org>\0"), (b"+", b"<add@example.org>\0"),
            (b"-", b"<ben@example.net>\0"), (b"i", b"\0\0\0\1DKIM-Signature\0v=1; a=x\0"),
            (b"m", b"\0\0\0\1X-Spam\0Yes\0"), (b"a", b"")])
        request = scanner.requests[0]
        head = request.split(b"\r\n\r\n", 1)[0]
        for line in (b"From: <anna@example.org>", b"Rcpt: <ben@example.net>", b"IP: 192.0.2.5",
                     b"Helo: mail.example.org", b"Queue-Id: Q", b"Flags: milter,body_block"):
            self.assertIn(b"\r\n" + line, head)

    def test_what_becomes_of_a_message_is_the_scanners_word(self):
        words = [b'"action":"reject","reject":"discard"', b'"action":"reject","reject":"quarantine"',
                 b'"action":"reject","messages":{"smtp_message":"no"}', b'"action":"soft reject"',
                 b'"action":"greylist"', b'"action":"no action","milter":{"no_action":true}',
                 b'"action":"no action","milter":{"reject":"discard"}',
                 b'"action":"add header","milter":{"spam_header":{"X-My":"1"}}']
        scanner = self.behind(lambda request: json_reply(b"{" + words[len(scanner.requests) - 1] +
                                                         b"}"))
        front = self.front('upstream "scan" { hosts = "127.0.0.1:%d"; }\n' % scanner.port)
        for want in ([(b"d", b"")], [(b"q", b"Spam message quarantined\0"), (b"a", b"")],
                     [(b"y", b"554 5.7.1 no\0")], [(b"y", b"451 4.7.1 Try again later\0")],
                     [(b"a", b"")], [(b"h", b"X-Rspamd-Action\0no action\0"), (b"a", b"")],
                     [(b"a", b"")], [(b"m", b"\0\0\0\1X-My\0001\0"), (b"a", b"")]):
            self.assertEqual(self.ask(front, HAM % b"w"), want)

    def test_no_answer_is_a_tempfail(self):
        rubbish = [b"", b"rubbish\r\n\r\n", b"HTTP/1.1 503 busy\r\nContent-Length: 0\r\n\r\n",
                   json_reply(b"{"), json_reply(b"{}"), json_reply(b'{"error":"no"}'),
                   json_reply(b'{"action":"foo"}'),
                   b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                   b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"action\":\"no action\"}"]
        for one in rubbish:
            with self.subTest(answer=one):
                scanner = self.behind(lambda request, one=one: one)
                front = self.front('max_retries = 2; upstream "scan" { hosts = "127.0.0.1:%d"; }\n'
                                   % scanner.port)
                self.assertEqual(self.ask(front, HAM % b"t"), [(b"t", b"")])
                self.assertEqual(len(scanner.requests), 2)
                self.assertEqual(metrics(front)["winnow_proxy_failed_total"], 1)

    def test_one_that_stalls_is_left(self):
        stalls, good = self.behind(lambda request: None), self.winnow()
        front = self.front('upstream "scan" { timeout = 0.2s; '
                           'hosts = "master-slave:127.0.0.1:%d,127.0.0.1:%d"; }\n' %
                           (stalls.port, good.http),
                           options_inc="upstream { max_errors = 1; }\n")
        for number in range(5):
            self.assertEqual(self.ask(front, HAM % b"s%d" % number)[-1], (b"a", b""))
        self.assertEqual(len(stalls.requests), 1)

    def test_self_scan_asks_nobody(self):
        front = self.front('upstream "local" { default = yes; self_scan = yes; hosts = "127.0.0.1:1"; }\n')
        self.assertEqual(self.ask(front, SPAM % b"l")[-1][0], b"y")
        front.wait_for("rspamd_task_write_log")

    def test_self_scan_says_what_its_upstream_says(self):
        """Settings and headers of its section: they are in the log, and rules see them."""
        front = self.front('upstream "local" { self_scan = yes; settings_id = "own"; '
                           'extra_headers { "X-From" = "outside"; } }\n',
                           multimap_conf='SEEN { type = "selector"; map = ["outside"]; '
                           'selector = "request_header(\'x-from\')"; score = 1; }\n')
        self.assertEqual(self.ask(front, HAM % b"own")[-1], (b"a", b""))
        front.wait_for("id: <own@example.org>")
        line = next(one for one in front.lines if "<own@example.org>" in one)
        self.assertTrue(line.endswith(", settings_id: own"), line)
        self.assertIn("SEEN(1.00){outside;}", line)

    def test_http_is_scanned_here(self):
        front = self.front('milter = no; bind_socket = "127.0.0.1:0"; '
                           'upstream "u" { hosts = "127.0.0.1:1"; }\n')
        http = service.Http(front.http)
        self.assertEqual(http.check(HAM % b"h")["message-id"], "h@example.org")
        http.close()
        self.assertTrue(any("worker-proxy.inc:1" in line and "scanned here" in line
                            for line in front.lines), front.lines)

    def test_mirror_gets_copies_and_delays_nobody(self):
        mirror = self.winnow()
        stalls = self.behind(lambda request: None)
        front = self.front('mirror "copy" { hosts = "127.0.0.1:%d"; }\n'
                           'mirror "half" { hosts = "127.0.0.1:%d"; probability = 0.5; }\n' %
                           (mirror.http, stalls.port))
        milter = Milter(connect(front.milter))
        for number in range(6):
            self.assertEqual(milter.scan(HAM % b"m%d" % number)[-1], (b"a", b""))
        for number in range(6):
            mirror.wait_for("id: <m%d@example.org>" % number)
        # What the stalled one does not take waits, and what does not fit is dropped.
        big = HAM % b"big" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 1_700  # 122 KB
        for number in range(320):
            self.assertEqual(milter.scan(big)[-1][0], b"a")
        milter.close()
        stalls.wait_for(1)
        self.assertEqual(len(stalls.requests), 1)
        counts = metrics(front)
        self.assertGreaterEqual(counts["winnow_mirror_dropped_total"], 1)
        self.assertLess(front.memory_kb(), 700_000)

    def test_reload_takes_other_hosts(self):
        one, two = self.winnow(), self.winnow()
        front = self.front('upstream "scan" { hosts = "127.0.0.1:%d"; }\n' % one.http)
        self.ask(front, HAM % b"before")
        config = front.process.args[front.process.args.index("--config") + 1]
        with open(os.path.join(os.path.dirname(config), "local.d", "worker-proxy.inc"), "w") as file:
            file.write('upstream "scan" { hosts = "127.0.0.1:%d"; }\n' % two.http)
        front.process.send_signal(1)
        front.wait_for("rules reloaded")
        self.ask(front, HAM % b"after")
        one.wait_for("id: <before@")
        two.wait_for("id: <after@")

    def test_what_cannot_work_does_not_start(self):
        for worker, says in (
                ('upstream "u" { hosts = "127.0.0.1:1"; ssl = yes; }', "no TLS"),
                ('upstream "u" { hosts = "127.0.0.1:1"; key = "abc"; }', "no public key"),
                ('upstream "u" { default = yes; }', "needs hosts"),
                ('upstream "u" { hosts = "127.0.0.1:0"; }', "is no host"),
                ('mirror "m" { hosts = "127.0.0.1:1:0"; }', "is no host"),
                ('mirror "m" { hosts = "127.0.0.1:1"; prob = 2; }', "no probability"),
                ('encrypted_only = true;', "in the clear")):
            with self.subTest(worker=worker), tempfile.TemporaryDirectory() as folder:
                os.mkdir(os.path.join(folder, "local.d"))
                for name, text in (("rspamd.conf", "# the site\n"),
                                   ("local.d/worker-proxy.inc", worker + "\n")):
                    with open(os.path.join(folder, name), "w") as file:
                        file.write(text)
                config = ["--config", os.path.join(folder, "rspamd.conf")]
                for command in (["serve", "--no-dns", *config, "--milter", "127.0.0.1:0", "--http",
                                 "127.0.0.1:0", "--controller", "127.0.0.1:0"],
                                ["configtest", *config]):
                    done = subprocess.run([OPTIONS.winnow, *command], capture_output=True,
                                          text=True, timeout=service.WAIT_S)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertIn(says, done.stderr)
                    self.assertIn("worker-proxy.inc:1", done.stderr)


if __name__ == "__main__":
    run_tests()
