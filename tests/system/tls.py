#!/usr/bin/env python3
"""TLS of the HTTP and controller ports: tls.py --winnow PATH

Certificates are made by openssl for each run; Python's ssl is the client."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

import service
from service import HAM, SPAM, connect, read_all
from test_program import OPTIONS, require, run_tests


def make_certificate(folder, name):
    """A key and a certificate that signs itself; paths of both."""
    key, certificate = (os.path.join(folder, name + end) for end in (".key", ".pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "3650", "-subj", "/CN=" + name, "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="winnow-tls-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = temporary.name
        cls.certificates = {name: make_certificate(cls.folder, name) for name in ("one", "two")}
        os.mkdir(os.path.join(cls.folder, "local.d"))
        cls.write("rspamd.conf", "# the site\n")
        cls.install("one")
        for worker in ("normal", "controller"):
            cls.write("local.d/worker-%s.inc" % worker,
                      'ssl_cert = "%s/live.pem"; ssl_key = "%s/live.key";\n' %
                      (cls.folder, cls.folder))
        cls.serve = service.Serve(
            OPTIONS.winnow, "--config", os.path.join(cls.folder, "rspamd.conf"), "--threads", "1",
            "--http", "127.0.0.1:0 ssl", "--controller", "127.0.0.1:0 ssl")
        cls.addClassCleanup(cls.stop)
        cls.plain = cls.serve.http
        listens = [line for line in cls.serve.lines if "http listens" in line]
        cls.tls = int(listens[1].rsplit(":", 1)[1])
        cls.controller = cls.serve.port("controller")

    @classmethod
    def stop(cls):
        assert cls.serve.stop() == 0

    @classmethod
    def write(cls, name, text):
        with open(os.path.join(cls.folder, name), "w") as file:
            file.write(text)

    @classmethod
    def install(cls, name):
        for path, end in zip(cls.certificates[name], (".pem", ".key")):
            shutil.copy(path, os.path.join(cls.folder, "live" + end))

    def open(self, port, trusted, **versions):
        context = ssl.create_default_context(cafile=self.certificates[trusted][0])
        for name, value in versions.items():
            setattr(context, name, value)
        return context.wrap_socket(connect(port), server_hostname="127.0.0.1")

    def ask(self, sock, request):
        """One answer on a connection that is closed by the server."""
        sock.sendall(request)
        out = read_all(sock)
        sock.close()
        return out

    GET = b"GET /%b HTTP/1.1\r\nConnection: close\r\n\r\n"

    def post(self, body):
        return (b"POST /checkv2 HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" %
                (len(body), body))

    def test_both_ports_answer(self):
        for port in (self.tls, self.controller):
            self.assertTrue(self.ask(self.open(port, "one"), self.GET % b"ping").endswith(
                b"\r\n\r\npong\r\n"))
        self.assertIn(b'"auth":"ok"', self.ask(self.open(self.controller, "one"),
                                               self.GET % b"auth"))

    def test_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            sock = self.open(self.tls, "one", minimum_version=version, maximum_version=version)
            self.assertIn(b"pong", self.ask(sock, self.GET % b"ping"))

    def test_messages_of_every_size(self):
        # Around a record of 16 KB and the buffer of 64 KB, and far over both.
        for size in (0, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 3_000_000):
            body = HAM % b"tls" + b"x" * 70 + b"\r\n"
            body += (b"y" * 70 + b"\r\n") * (size // 72) + b"z" * (size % 72)
            answer = self.ask(self.open(self.tls, "one"), self.post(body))
            self.assertIn(b'"message-id":"tls@example.org"', answer, size)

    def test_a_byte_at_a_time_and_pipelined(self):
        sock = self.open(self.tls, "one")
        for byte in self.post(SPAM % b"slow").replace(b"Connection: close\r\n", b""):
            sock.sendall(bytes([byte]))
        # Two more behind it, in one record.
        sock.sendall((self.GET % b"ping").replace(b"Connection: close\r\n", b"") +
                     self.GET % b"ping")
        answer = read_all(sock)
        sock.close()
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 3)
        self.assertIn(b'"action":"reject"', answer)

    def test_in_the_clear_is_no_answer(self):
        with connect(self.tls) as sock:
            sock.sendall(self.GET % b"ping")
            try:
                self.assertNotIn(b"pong", read_all(sock))
            except ConnectionError:
                pass  # closed with bytes unread
        self.serve.wait_for("http; refused: TLS handshake: http request, of 127.0.0.1")
        self.assertIn(b'winnow_refused_total{front="http",reason="TLS handshake"}',
                      self.ask(self.open(self.tls, "one"), self.GET % b"metrics"))
        with connect(self.plain) as sock:  # the other port stays as it is
            sock.sendall(self.GET % b"ping")
            self.assertIn(b"pong", read_all(sock))

    def test_rubbish_and_broken_handshakes(self):
        for rubbish in (b"\x16\x03\x01", b"\x16\x03\x01\xff\xff" + b"\0" * 1000, b"\0" * 70_000):
            with connect(self.tls) as sock:
                try:
                    sock.sendall(rubbish)
                    sock.shutdown(socket.SHUT_WR)
                    read_all(sock)
                except OSError:
                    pass  # it need not listen to the end, and may be gone
        self.assertIn(b"pong", self.ask(self.open(self.tls, "one"), self.GET % b"ping"))

    def test_reload_takes_new_keys(self):
        kept = self.open(self.tls, "one")
        self.install("two")
        self.reload("rules reloaded")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.open(self.tls, "one")
        self.assertIn(b"pong", self.ask(self.open(self.tls, "two"), self.GET % b"ping"))
        # Who came before goes on under the old ones.
        self.assertIn(b"pong", self.ask(kept, self.GET % b"ping"))
        # A key that is not the certificate's: the old ones stay, and it is said why.
        shutil.copy(self.certificates["one"][1], os.path.join(self.folder, "live.key"))
        self.reload("rules not reloaded, the old ones stay: the key")
        self.assertIn(b"pong", self.ask(self.open(self.tls, "two"), self.GET % b"ping"))
        self.install("one")
        self.reload("rules reloaded")
        self.assertIn(b"pong", self.ask(self.open(self.tls, "one"), self.GET % b"ping"))

    def reload(self, says):
        before = sum(says in line for line in self.serve.lines)
        self.serve.process.send_signal(signal.SIGHUP)
        self.serve.wait_for(says, before + 1)

    def refused(self, *options):
        done = subprocess.run([OPTIONS.winnow, "serve", "--no-dns", *options], capture_output=True, text=True,
                              timeout=service.WAIT_S)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_what_cannot_work_does_not_start(self):
        rest = ("--milter", "127.0.0.1:0", "--controller", "127.0.0.1:0")
        self.assertIn("needs ssl_cert and ssl_key",
                      self.refused(*rest, "--http", "127.0.0.1:0 ssl"))
        self.assertIn("the milter protocol has no TLS",
                      self.refused("--milter", "127.0.0.1:0 ssl", "--http", "127.0.0.1:0"))

    def test_configtest_says_so_before(self):
        with tempfile.TemporaryDirectory(prefix="winnow-tls-") as folder:
            os.mkdir(os.path.join(folder, "local.d"))
            open(os.path.join(folder, "rspamd.conf"), "w").close()
            for text, says in (
                    ('bind_socket = "127.0.0.1:0 ssl";', "needs ssl_cert and ssl_key"),
                    ('ssl_cert = "%s/none.pem"; ssl_key = "%s/none.key";' % (folder, folder),
                     "none.pem"),
                    ('bind_socket = "127.0.0.1:0 ssl"; ssl_cert = "%s"; ssl_key = "%s";' %
                     self.certificates["one"], "")):
                with open(os.path.join(folder, "local.d", "worker-normal.inc"), "w") as file:
                    file.write(text)
                done = subprocess.run([OPTIONS.winnow, "configtest", "--config", folder],
                                      capture_output=True, text=True, timeout=service.WAIT_S)
                self.assertEqual(done.returncode, 2 if says else 0, done.stderr)
                self.assertIn(says, done.stderr)


if __name__ == "__main__":
    require("openssl")
    run_tests()
