"""Debian's redis-server for tests: in a folder of its own, on a unix socket, keeping nothing."""
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

WAIT_S = 60


class Connection:
    """Commands and replies, byte by byte."""

    def __init__(self, place):
        kind = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
        self.sock = socket.socket(kind)
        self.sock.settimeout(WAIT_S)
        try:
            self.sock.connect(place)
        except OSError:
            self.sock.close()
            raise
        self.file = self.sock.makefile("rb")

    def send(self, *words):
        out = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            out += b"$%d\r\n%s\r\n" % (len(word), word)
        self.sock.sendall(out)

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        raise EOFError(line)

    def __call__(self, *words):
        self.send(*words)
        return self.reply()

    def hash(self, key):
        flat = self("HGETALL", key)
        return {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2])}

    def all(self):
        """Everything there is: {key: value as Python has it}."""
        out = {}
        for key in self("KEYS", "*"):
            kind = self("TYPE", key)
            out[key.decode()] = (self.hash(key) if kind == "hash" else
                                 {one.decode() for one in self("SMEMBERS", key)} if kind == "set"
                                 else self("GET", key).decode())
        return out

    def close(self):
        self.file.close()
        self.sock.close()


class RedisServer:
    """Started when made; `more` are further options of its command line."""

    def __init__(self, *more, socket_only=True, port=0):
        self.folder = tempfile.TemporaryDirectory(prefix="winnow-redis-")
        os.chmod(self.folder.name, 0o755)
        self.socket = str(pathlib.Path(self.folder.name) / "s")
        self.port = port
        self.more = more
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--unixsocket", self.socket, "--unixsocketperm", "777", "--save", "", "--appendonly",
             "no", "--dir", self.folder.name, "--daemonize", "no", "--logfile",
             self.folder.name + "/log", *self.more], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until = time.monotonic() + WAIT_S
        while True:
            try:
                self.ask = Connection(self.socket)
                if self.ask("PING") == "PONG":
                    return
            except RuntimeError:  # it asks for a password first
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait(WAIT_S)
        self.ask.close()

    def stall(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.kill()
        self.folder.cleanup()
