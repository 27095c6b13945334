"""A running `winnow serve` for tests, and clients that speak its protocols byte by byte.

Conditions are waited for, never slept for."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

WAIT_S = 120  # the machine may be busy

HAM = (b"From: Anna Letter <anna@example.org>\r\nTo: Ben <ben@example.net>\r\nSubject: notes\r\n"
       b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%b@example.org>\r\n"
       b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
       b"Hello Ben, here are the notes of our meeting that you asked me to send.\r\n")
SPAM = b"X-Number: %b\r\n\r\nno header that a letter has\r\n"  # rejected: nothing essential is there
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*" + b"GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


class Serve:
    """One running service; everything it logs is kept."""

    def __init__(self, winnow, *options, environment=None, dns=False):
        self.folder = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.folder.name, "milter.sock")
        self.pid_file = os.path.join(self.folder.name, "pid")
        # Its port is chosen by the kernel, too, whatever the test wants.
        controller = [] if "--controller" in options else ["--controller", "127.0.0.1:0"]
        # What this machine's own service has learnt is not for a test.
        own = any("DBDIR=" in str(one) for one in options)
        data = [] if own else ["--var", "DBDIR=" + self.folder.name]
        self.process = subprocess.Popen(
            [winnow, "serve", "--milter", "127.0.0.1:0", "--milter", self.socket + " mode=0600",
             "--http", "127.0.0.1:0", *([] if dns else ["--no-dns"]), *controller, "--pid-file",
             self.pid_file, *data, *options],
            stderr=subprocess.PIPE, text=True, errors="replace", env=environment)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        try:
            self.wait_for("ready")
            self.milter = self.port("milter")
            self.http = self.port("http")
        except BaseException:
            self.process.kill()
            raise

    def read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def wait_for(self, text, times=1):
        with self.changed:
            if not self.changed.wait_for(
                    lambda: sum(text in line for line in self.lines) >= times, WAIT_S):
                raise AssertionError("the log never said %r: %s" % (text, self.lines[-5:]))

    def port(self, name):
        for line in self.lines:
            if found := re.search(name + r" listens at 127\.0\.0\.1:(\d+)", line):
                return int(found.group(1))
        raise AssertionError("no port of " + name)

    def processes(self):
        """The service's process and all below it."""
        out = [self.process.pid]
        for pid in out:
            try:
                with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
                    out += map(int, file.read().split())
            except FileNotFoundError:  # it ended meanwhile
                pass
        return out

    def memory_kb(self):
        """Resident memory of all of them."""
        total = 0
        for pid in self.processes():
            with open("/proc/%d/smaps_rollup" % pid) as file:
                total += int(re.search(r"^Rss:\s+(\d+)", file.read(), re.M).group(1))
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        self.process.stderr.close()
        self.folder.cleanup()
        return code


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)


def read_all(sock):
    out = b""
    while piece := sock.recv(65536):
        out += piece
    return out


class Http:
    """A connection that is kept."""

    def __init__(self, port):
        self.sock = connect(port)
        self.file = self.sock.makefile("rb")

    def send(self, body, path=b"/checkv2", headers=b""):
        self.sock.sendall(b"POST " + path + b" HTTP/1.1\r\nContent-Length: %d\r\n" % len(body) +
                          headers + b"\r\n" + body)

    def receive(self):
        status = self.file.readline().decode().strip()
        length = 0
        while line := self.file.readline().strip():
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
        return status, self.file.read(length)

    def check(self, body, **options):
        self.send(body, **options)
        status, reply = self.receive()
        if status != "HTTP/1.1 200 OK":
            raise AssertionError(status)
        return json.loads(reply)

    def close(self):
        self.file.close()
        self.sock.close()


def packet(name, data=b""):
    return struct.pack(">I", len(data) + 1) + name + data


class Milter:
    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb")
        self.sock.sendall(packet(b"O", struct.pack(">III", 6, 0x1FF, 0xFFFFF)))
        assert self.receive() == (b"O", struct.pack(">III", 6, 0x1FF, 0xFF080))
        self.sock.sendall(packet(b"C", b"mail.example.org\x004\x00\x19192.0.2.5\0") +
                          packet(b"H", b"mail.example.org\0"))

    def receive(self):
        length, = struct.unpack(">I", self.file.read(4))
        data = self.file.read(length)
        return data[:1], data[1:]

    def envelope(self, queue_id=b"Q", sender=b"anna@example.org", recipients=(b"ben@example.net",)):
        self.sock.sendall(packet(b"D", b"Mi\0" + queue_id + b"\0") +
                          packet(b"M", b"<" + sender + b">\0") +
                          b"".join(packet(b"R", b"<" + one + b">\0") for one in recipients))

    def scan(self, message, queue_id=b"Q", sender=b"anna@example.org"):
        """Packets of the answer, up to the one that ends it."""
        self.envelope(queue_id, sender)
        return self.content(message)

    def content(self, message):
        head, body = message.split(b"\r\n\r\n", 1)
        out = b""
        for line in head.split(b"\r\n"):
            name, value = line.split(b": ", 1)
            out += packet(b"L", name + b"\0" + value + b"\0")
        self.sock.sendall(out + packet(b"N") + packet(b"B", body) + packet(b"E"))
        answer = []
        while not answer or answer[-1][0] not in b"aydtr":
            answer.append(self.receive())
        return answer

    def close(self):
        self.sock.sendall(packet(b"Q"))
        self.file.close()
        self.sock.close()


def wait_until(ready, process):
    """Asks again and again, as nothing tells when a server of others is up; fails where the
    process ended."""
    end = time.monotonic() + WAIT_S
    while True:
        try:
            return ready()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
