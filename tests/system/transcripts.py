#!/usr/bin/env python3
"""Conversations as text, held with a running service: tests/protocol/http/*.txt.

  > bytes   is sent (escapes as in Python: \\r \\n \\x00)
  < bytes   must come back; … stands for any bytes, as few as fit
  half      the client will send nothing more
  close     the service closes, and has said nothing else; what follows is a new connection
  open      the service has said nothing else and the connection is kept
  # text    why"""
import glob
import os
import re
import socket
import unittest

import service
from test_program import OPTIONS, run_tests


def unescaped(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


class Conversation:
    def __init__(self, port):
        self.port = port
        self.sock = None
        self.got = b""

    def receive(self):
        """False where the other side has closed."""
        piece = self.sock.recv(65536)
        self.got += piece
        return bool(piece)

    def expect(self, text):
        pattern = re.compile(b".*?".join(re.escape(unescaped(t)) for t in text.split("…")), re.S)
        while not (found := pattern.match(self.got)):
            if not self.receive():
                raise AssertionError("expected %r, got %r" % (text, self.got))
        self.got = self.got[found.end():]

    def is_closed(self):
        while self.receive():
            pass
        self.end()

    def is_open(self):
        self.sock.sendall(b"GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n")
        self.expect("HTTP/1.1 200 OK\\r\\n…pong\\r\\n")
        self.is_closed()

    def end(self):
        self.sock.close()
        self.sock = None
        if self.got:
            raise AssertionError("not expected: %r" % self.got)

    def give_up(self):
        if self.sock:
            self.sock.close()

    def run(self, line):
        if self.sock is None:
            self.sock = service.connect(self.port)
        if line.startswith("> "):
            self.sock.sendall(unescaped(line[2:]))
        elif line.startswith("< "):
            self.expect(line[2:])
        else:
            {"half": lambda: self.sock.shutdown(socket.SHUT_WR), "close": self.is_closed,
             "open": self.is_open}[line]()


class Transcripts(unittest.TestCase):
    def test_http(self):
        serve = service.Serve(OPTIONS.winnow, "--threads", "1")
        self.addCleanup(serve.stop)
        files = sorted(glob.glob(os.path.join(OPTIONS.source, "tests/protocol/http/*.txt")))
        self.assertGreater(len(files), 4)
        for path in files:
            with self.subTest(file=os.path.basename(path)), open(path, encoding="utf-8") as file:
                conversation = Conversation(serve.http)
                self.addCleanup(conversation.give_up)
                for line in filter(None, file.read().split("\n")):
                    if not line.startswith("#"):
                        conversation.run(line)
                self.assertIsNone(conversation.sock, "the last line is close or open")


if __name__ == "__main__":
    run_tests()
