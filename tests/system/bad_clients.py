#!/usr/bin/env python3
"""winnow serve against clients that are broken or mean: bad_clients.py --winnow PATH [TEST...]

Silence, half messages, single bytes, bodies over the limit, lengths that are wrong, requests that
two readers would cut in two ways, milter packets of every length and in any order. Each gets the
protocol's own error or is closed; no verdict is made of what did not come whole; afterwards the
service answers as before. Every count is bounded; WINNOW_DEEP multiplies them by ten."""
import json
import os
import random
import resource
import socket
import struct
import subprocess
import tempfile
import unittest

import service
from service import HAM, SPAM, Http, Milter, connect, packet, read_all
from test_program import OPTIONS, run_tests

TIMES = 10 if os.environ.get("WINNOW_DEEP") else 1
MESSAGE_MAX = 1 << 20
SILENT = 1000 * TIMES
COMMANDS = b"OCHDMRTLNBEAKQU"


def ask(port, text, ends=True):
    """All that comes back for `text`; None where the other side reset the connection."""
    with connect(port) as sock:
        try:
            sock.sendall(text)
            if ends:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)
        except TimeoutError:
            raise
        except OSError:  # reset, or no longer connected when our side was to be ended
            return None


def post(body, headers, path=b"/checkv2", version=b"1.1"):
    return b"POST " + path + b" HTTP/" + version + b"\r\n" + headers + b"\r\n" + body


def chunk(data):
    return b"%x\r\n" % len(data) + data + b"\r\n"


def zstd(data):
    return subprocess.run(["zstd", "-c"], input=data, capture_output=True, check=True).stdout


class BadClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = SILENT + 500
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise unittest.SkipTest("%d open files are allowed, %d needed" % (hard, wanted))
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        cls.serve = service.Serve(OPTIONS.winnow, "--threads", "2", "--message-max",
                                  str(MESSAGE_MAX), "--connections", str(SILENT + 400))
        cls.addClassCleanup(cls.stop)

    @classmethod
    def stop(cls):
        assert cls.serve.stop() == 0

    def tearDown(self):
        """Whatever a test did, the next client is served."""
        http = Http(self.serve.http)
        self.assertEqual(http.check(HAM % b"after")["message-id"], "after@example.org")
        http.close()
        milter = Milter(connect(self.serve.milter))
        self.assertEqual(milter.scan(HAM % b"after"), [(b"a", b"")])
        milter.close()
        self.assertIsNone(self.serve.process.poll())

    def refused(self, text, status, ends=True):
        """One answer, of that status, and the connection is closed."""
        answer = ask(self.serve.http, text, ends)
        self.assertIsNotNone(answer, text[:200])
        self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), (text[:200], answer[:200]))
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)

    def test_silence(self):
        before = self.serve.memory_kb()
        silent = [connect((self.serve.http, self.serve.milter)[i % 2]) for i in range(SILENT)]
        try:
            http = Http(self.serve.http)
            self.assertEqual(http.check(HAM % b"loud")["message-id"], "loud@example.org")
            http.close()
            # Each costs its session: 15 KB at most.
            self.assertLess(self.serve.memory_kb() - before, 15 * SILENT)
            for sock in silent[:50]:
                sock.setblocking(False)
                self.assertRaises(BlockingIOError, sock.recv, 1)  # open still
        finally:
            for sock in silent:
                sock.close()

    def test_half_messages(self):
        body = HAM % b"half-http"
        request = post(body, b"Content-Length: %d\r\n" % len(body))
        for end in range(0, len(request), 3):
            answer = ask(self.serve.http, request[:end])
            self.assertNotIn(b" 200 ", answer or b"", request[:end])
        chunked = post(chunk(body[:100]) + chunk(body[100:]) + b"0\r\n\r\n",
                       b"Transfer-Encoding: chunked\r\n")
        for end in range(0, len(chunked), 3):
            answer = ask(self.serve.http, chunked[:end])
            self.assertNotIn(b" 200 ", answer or b"", chunked[:end])
        spamc = b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(body) + body
        for end in range(0, len(spamc), 3):
            answer = ask(self.serve.http, spamc[:end])
            self.assertNotIn(b"EX_OK", answer or b"", spamc[:end])
        self.assertFalse(any("half-http" in line for line in list(self.serve.lines)))

    def milter_bytes(self, message_id):
        out = packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF))
        out += packet(b"C", b"mail.example.org\x004\x00\x19192.0.2.5\0")
        out += packet(b"M", b"<anna@example.org>\0") + packet(b"R", b"<ben@example.net>\0")
        head, body = (HAM % message_id).split(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            out += packet(b"L", line.replace(b": ", b"\0") + b"\0")
        return out + packet(b"N") + packet(b"B", body) + packet(b"E")

    def test_half_milter_messages(self):
        whole = self.milter_bytes(b"half-milter")
        for end in range(0, len(whole), 3):
            answer = ask(self.serve.milter, whole[:end])
            self.assertIn(len(answer or b""), (0, 17))  # nothing, or the negotiation
        self.assertFalse(any("half-milter" in line for line in list(self.serve.lines)))

    def test_a_byte_at_a_time(self):
        whole = self.milter_bytes(b"bytes-milter")
        with connect(self.serve.milter) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in whole:
                sock.sendall(bytes([byte]))
            sock.sendall(packet(b"Q"))
            self.assertTrue(read_all(sock).endswith(packet(b"a")))
        body = HAM % b"bytes-http"
        with connect(self.serve.http) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in post(b"".join(chunk(bytes([b])) for b in body) + b"0\r\n\r\n",
                             b"Transfer-Encoding: chunked\r\nConnection: close\r\n"):
                sock.sendall(bytes([byte]))
            self.assertIn(b"bytes-http@example.org", read_all(sock))

    def test_packed_bodies_are_answered_in_their_turn(self):
        plain = Http(self.serve.http)
        self.addCleanup(plain.close)
        symbols = [plain.check(message)["symbols"] for message in (HAM % b"one", HAM % b"two")]
        http = Http(self.serve.http)
        self.addCleanup(http.close)
        http.send(zstd(HAM % b"one"), headers=b"Compression: zstd\r\n")
        http.send(HAM % b"two")
        http.send(b"", path=b"/nothing")
        http.send(zstd(HAM % b"one")[:-3], headers=b"Compression: zstd\r\n")
        for expected in symbols:
            status, reply = http.receive()
            self.assertEqual(status, "HTTP/1.1 200 OK")
            self.assertEqual(json.loads(reply)["symbols"], expected)
        self.assertIn("invalid command", http.receive()[0])
        self.assertIn("Decompression error", http.receive()[0])
        self.assertEqual(http.file.read(), b"")
        for reason in ("invalid command", "Decompression error"):
            self.serve.wait_for("http; refused: %s, of 127.0.0.1" % reason)
        # More than may wait at once: each is answered all the same.
        many = [Http(self.serve.http) for _ in range(100)]
        for one in many:
            self.addCleanup(one.close)
            one.send(zstd(HAM % b"one"), headers=b"Compression: zstd\r\n")
        for one in many:
            self.assertIn(one.receive()[0], ("HTTP/1.1 200 OK", "HTTP/1.1 503 too busy, try again"))

    def test_bodies_over_the_limit(self):
        over = b"x" * (MESSAGE_MAX + 1)
        self.refused(post(b"", b"Content-Length: %d\r\n" % len(over)), b"413", ends=False)
        self.refused(post(b"%x\r\n" % len(over), b"Transfer-Encoding: chunked\r\n"), b"413",
                     ends=False)
        many = post(chunk(b"x" * 65536) * 16 + b"1\r\n", b"Transfer-Encoding: chunked\r\n")
        self.refused(many, b"413", ends=False)
        bomb = zstd(b"\0" * (MESSAGE_MAX + 1))
        self.assertLess(len(bomb), 1000)
        self.refused(post(bomb, b"Compression: zstd\r\nConnection: close\r\nContent-Length: %d\r\n"
                          % len(bomb)), b"503")
        answer = ask(self.serve.http, b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(over))
        self.assertNotIn(b"EX_OK", answer or b"")
        # A milter message over it ends its connection: the MTA defers.
        start = self.milter_bytes(b"large").split(packet(b"E"))[0]
        answer = ask(self.serve.milter, start + packet(b"B", b"y" * 65535) * 17 + packet(b"E"))
        self.assertIn(len(answer or b""), (0, 17))
        # At the limit all is well.
        at = HAM % b"at" + b"\r\n" * (MESSAGE_MAX // 2)
        http = Http(self.serve.http)
        self.assertEqual(http.check(at[:MESSAGE_MAX])["message-id"], "at@example.org")
        http.close()

    def test_wrong_lengths(self):
        for value in (b"-1", b"+5", b"0x10", b"1e3", b"five", b"1 2", b"1,2", b"1;2",
                      b"18446744073709551616", b"99999999999999999999999", b"\xff", b"1\0"):
            self.refused(post(HAM, b"Content-Length: " + value + b"\r\n"), b"4", ends=False)
        self.refused(post(HAM, b"Content-Length: 5\r\nContent-Length: 6\r\n"), b"400", ends=False)
        # Shorter than what comes: the rest is no request.
        answer = ask(self.serve.http, post(HAM % b"short", b"Content-Length: 20\r\n"))
        self.assertEqual(answer.count(b" 200 OK\r\n"), 1, answer)
        self.assertEqual(answer.count(b"HTTP/1.1 400 "), 1, answer)

    def test_smuggling(self):
        inner = post(SPAM % b"inner", b"Content-Length: %d\r\n" % len(SPAM % b"inner"))
        hidden = b"0\r\n\r\n" + inner
        for headers in (
                b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(hidden),
                b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(hidden),
                b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n" % len(hidden),
                b"Transfer-Encoding: chunked, identity\r\n",
                b"Transfer-Encoding: identity, chunked\r\n",
                b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                b"Transfer-Encoding : chunked\r\n",
                b"Transfer-Encoding:\r\n chunked\r\n",
                b"X: y\r\n Content-Length: 5\r\n",
                b"Content-Length : 5\r\n",
                b" Content-Length: 5\r\n",
                b"Content-Length: 5\r\n\tContent-Length: 6\r\n",
                b"no colon\r\nContent-Length: 5\r\n",
                b": no name\r\nContent-Length: 5\r\n"):
            answer = ask(self.serve.http, post(hidden, headers))
            self.assertIsNotNone(answer, headers)
            self.assertTrue(answer.startswith(b"HTTP/1.1 4"), (headers, answer[:200]))
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1, (headers, answer))
        for bad in (b"z\r\n", b"-1\r\n", b"1\r\nab\r\n", b"ffffffffffffffffff\r\n", b"\r\n",
                    b"0x1\r\na\r\n", b"5;" + b"x" * 100000 + b"\r\n"):
            self.refused(post(bad, b"Transfer-Encoding: chunked\r\n"), b"4", ends=False)
        self.assertFalse(any("inner" in line for line in list(self.serve.lines)))

    def test_heads_without_end(self):
        for text in (b"GET /" + b"a" * 100000, b"POST /checkv2 HTTP/1.1\r\n" + b"A: b\r\n" * 20000,
                     b"POST /checkv2 HTTP/1.1\r\nA: " + b"b" * 100000,
                     b"CHECK SPAMC/1.5\r\n" + b"A: b\r\n" * 20000):
            answer = ask(self.serve.http, text)  # reset: it did not read all of that
            self.assertNotIn(b" 200 ", answer or b"")

    def milter_garbage(self, text):
        answer = ask(self.serve.milter, packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF)) + text)
        if answer is not None and len(answer) > 17:  # more than the negotiation: a whole answer
            self.assertIn(answer[-1:] if answer[-5:-1] == b"\0\0\0\1" else b"?", b"acdty?")

    def test_milter_lengths(self):
        for length in (0, 1 << 17 | 1, 1 << 20, 1 << 31, (1 << 32) - 1):
            answer = ask(self.serve.milter, struct.pack(">I", length) + b"O" + b"x" * 100)
            self.assertIn(answer, (b"", None))
        for name in range(256):
            for size in (0, 1, 2, 3, 4, 5, 11, 12, 13):
                for filler in (b"\0", b"x"):
                    self.milter_garbage(packet(bytes([name]), filler * size))

    def test_milter_order(self):
        chance = random.Random(6)
        data = {b"C": b"h\x004\x00\x19192.0.2.5\0", b"H": b"h\0", b"D": b"Mi\0Q\0", b"M": b"<a@b>\0",
                b"R": b"<c@d>\0", b"L": b"Subject\0x\0", b"B": b"body\r\n", b"U": b"XYZ\0",
                b"O": struct.pack(">III", 6, 0x1FF, 0x1FFFFF)}
        for _ in range(200 * TIMES):
            names = [bytes([chance.choice(COMMANDS)]) for _ in range(chance.randrange(1, 12))]
            self.milter_garbage(b"".join(packet(name, data.get(name, b"")) for name in names))
        with connect(self.serve.milter) as sock:  # the shortest message that may be judged
            sock.sendall(packet(b"E") + packet(b"Q"))
            self.assertIn(read_all(sock)[4:5], (b"a", b"y", b"t"))

    def test_rubbish(self):
        chance = random.Random(7)
        for _ in range(200 * TIMES):
            text = chance.randbytes(chance.randrange(1, 3000))
            for port in (self.serve.http, self.serve.milter, self.serve.port("controller")):
                answer = ask(port, text)
                self.assertNotIn(b" 200 ", answer or b"")


class FewFilesTest(unittest.TestCase):
    def test_more_clients_than_open_files(self):
        with tempfile.TemporaryDirectory() as folder:
            few = os.path.join(folder, "winnow")
            with open(few, "w") as file:
                file.write('#!/bin/sh\nulimit -n 200\nexec "%s" "$@"\n' %
                           os.path.abspath(OPTIONS.winnow))
            os.chmod(few, 0o700)
            serve = service.Serve(few, "--threads", "1")
        serve.wait_for("only 200 files may be open")
        clients = [connect(serve.http) for _ in range(400)]  # the rest waits in the backlog
        serve.wait_for("cannot accept a connection: Too many open files")
        for client in clients:
            client.close()
        http = Http(serve.http)
        self.assertEqual(http.check(HAM % b"after")["message-id"], "after@example.org")
        http.close()
        self.assertEqual(serve.stop(), 0)


if __name__ == "__main__":
    run_tests()
