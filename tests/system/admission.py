#!/usr/bin/env python3
"""Who may come in: admission.py --winnow PATH [TEST...]

Limits of winnow serve at and beyond: bytes of mail, connections, sources, waiting, slow clients."""
import os
import socket
import tempfile
import threading
import unittest

from service import HAM, WAIT_S, Http, Milter, Serve, connect, packet, read_all
from test_program import OPTIONS, run_tests

WINNOW = os.path.abspath(OPTIONS.winnow)

MIB = 1 << 20


def memory_peak(pid):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


class Limited(Serve):
    """With a site's configuration."""

    def __init__(self, text, *options):
        self.site = tempfile.TemporaryDirectory()
        for name, content in (("rspamd.conf", ""), ("rspamd.conf.local", text)):
            with open(os.path.join(self.site.name, name), "w") as file:
                file.write(content)
        super().__init__(WINNOW, "--config", os.path.join(self.site.name, "rspamd.conf"), *options)

    def stop(self):
        self.site.cleanup()
        return super().stop()

    def engine(self):
        return self.processes()[1]


def letter(name, size):
    text = HAM % name
    return text + b"x" * 76 + b"\r\n" + b"words of a letter\r\n" * ((size - len(text)) // 19)


def head(message):
    return b"POST /checkv2 HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(message)


class AdmissionTest(unittest.TestCase):
    def test_halves_of_messages_never_wait_for_each_other(self):
        serve = Limited("winnow { memory = 100k; queue_wait_max = 60s; }\n", "--threads", "1")
        messages = [letter(b"half-%d" % i, 60_000) for i in range(12)]
        clients = [Http(serve.http) for _ in messages]
        for client, message in zip(clients, messages):
            client.sock.sendall(head(message) + message[:30_000])  # three times the budget
        for client, message in zip(clients, messages):
            client.sock.sendall(message[30_000:])
        for i, client in enumerate(clients):
            status, reply = client.receive()
            self.assertEqual(status, "HTTP/1.1 200 OK")
            self.assertIn(b"half-%d@example.org" % i, reply)
            client.close()
        self.assertEqual(serve.stop(), 0)

    def test_who_waits_too_long_is_told_to_try_again(self):
        serve = Limited("winnow { memory = 1k; command_wait_max = 1s; queue_wait_max = 1s; }\n",
                        "--threads", "1")
        watcher = Http(serve.port("controller"))

        def page(path):
            watcher.sock.sendall(b"GET " + path + b" HTTP/1.1\r\n\r\n")
            return watcher.receive()
        self.assertEqual(page(b"/ready"), ("HTTP/1.1 200 OK", b'{"success":true}'))
        stuck = [Http(serve.http) for _ in range(2)]
        message = letter(b"stuck", 50_000)
        for client in stuck:  # one spends the budget, one has the overdraft
            client.sock.sendall(head(message) + message[:5_000])
        late = Http(serve.http)
        late.sock.sendall(head(message) + message[:5_000])
        self.assertEqual(late.receive()[0], "HTTP/1.1 503 too busy, try again")
        self.assertEqual(late.sock.recv(1), b"")
        milter = connect(serve.milter)
        milter.sendall(packet(b"O", b"\0\0\0\6\0\0\1\377\0\37\377\377"))
        try:
            self.assertEqual(read_all(milter), b"")  # its mail server defers
        except ConnectionResetError:
            pass
        milter.close()
        # Who watches is told so, though there is no room for mail; a message is held back there, too.
        self.assertEqual(page(b"/ready"), ("HTTP/1.1 500 messages are not taken",
                                           b'{"error":"messages are not taken"}'))
        self.assertIn(b"\nwinnow_ready 0\n", page(b"/metrics")[1])
        self.assertEqual(page(b"/healthy")[0], "HTTP/1.1 200 OK")
        watcher.sock.sendall(b"POST /checkv2 HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(message) +
                             message)
        self.assertEqual(watcher.receive()[0], "HTTP/1.1 503 too busy, try again")
        # Room again: the next is served at once.
        for client in stuck:
            client.close()
        fresh = Http(serve.http)
        self.assertEqual(fresh.check(HAM % b"fresh")["action"], "no action")
        for client in (late, fresh, watcher):
            client.close()
        self.assertEqual(serve.stop(), 0)

    def test_what_waited_too_long_is_not_scanned(self):
        """With no time to wait at all every message has waited too long: nobody is told that it is
        good, and the service says that it is not ready."""
        serve = Limited("winnow { queue_wait_max = 0s; }\n", "--threads", "1")
        milter = Milter(connect(serve.milter))
        for _ in range(2):  # the connection stays
            self.assertEqual(milter.scan(HAM % b"late"), [(b"t", b"")])
        milter.close()
        http = Http(serve.http)
        http.send(HAM % b"late")
        self.assertEqual(http.receive()[0], "HTTP/1.1 503 too busy, try again")
        http.close()
        with connect(serve.http) as sock:
            sock.sendall(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(HAM) + HAM)
            self.assertEqual(read_all(sock), b"SPAMD/1.0 75 EX_TEMPFAIL: too busy, try again\r\n")
        watcher = Http(serve.port("controller"))
        watcher.sock.sendall(b"GET /ready HTTP/1.1\r\n\r\n")
        self.assertEqual(watcher.receive()[0], "HTTP/1.1 500 messages are not taken")
        watcher.close()
        self.assertFalse(any("rspamd_task_write_log" in line for line in serve.lines))
        self.assertEqual(serve.stop(), 0)

    def test_connections_have_limits_in_all_and_per_source(self):
        for text in ("max_connections = 3", "max_connections_per_source = 3"):
            serve = Limited("winnow { %s; }\n" % text)
            clients = [Http(serve.http) for _ in range(3)]
            for client in clients:
                self.assertEqual(client.check(HAM % b"in")["action"], "no action")
            with connect(serve.http) as more:
                self.assertEqual(more.recv(1), b"")
            if "source" in text:  # a unix socket has no source
                with socket.socket(socket.AF_UNIX) as local:
                    local.connect(serve.socket)
                    local.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
                    self.assertTrue(read_all(local).endswith(b"pong\r\n"))
            clients.pop().close()
            while True:  # until the service has seen that it went
                fresh = Http(serve.http)
                try:
                    self.assertEqual(fresh.check(HAM % b"fresh")["action"], "no action")
                    break
                except (AssertionError, OSError):
                    fresh.close()
            for client in clients + [fresh]:
                client.close()
            self.assertEqual(serve.stop(), 0)

    def test_slow_clients_are_cut_off(self):
        serve = Limited("worker \"normal\" { timeout = 1s; }\nwinnow { slow_client_rate = 1000; }\n")
        silent, trickle = Http(serve.http), Http(serve.http)
        message = letter(b"slow", 50_000)
        silent.sock.sendall(head(message) + message[:100])
        trickle.sock.sendall(head(message))
        gone = threading.Event()

        def dribble():
            try:
                for byte in message:
                    trickle.sock.sendall(bytes([byte]))
                    if gone.wait(0.05):  # the pace of a slow client
                        return
            except OSError:
                pass
        thread = threading.Thread(target=dribble)
        thread.start()
        for client in (silent, trickle):
            try:
                self.assertEqual(client.sock.recv(1), b"")
            except ConnectionResetError:
                pass
        gone.set()
        thread.join(WAIT_S)
        for client in (silent, trickle):
            client.close()
        self.assertEqual(serve.stop(), 0)

    def test_overload_keeps_memory_flat_and_answers_flowing(self):
        budget = 4 * MIB
        serve = Limited("winnow { memory = %d; command_wait_max = 1h; queue_wait_max = 1h; }\n"
                        % budget, "--threads", "2")
        warm = Http(serve.http)
        for i in range(20):
            warm.check(letter(b"warm-%d" % i, 500_000))
        warm.close()
        before = memory_peak(serve.engine())
        answers, errors = [], []

        def client(number):
            try:
                http = Http(serve.http)
                for i in range(2):
                    http.check(letter(b"load-%d-%d" % (number, i), 500_000))
                    answers.append(number)
            except (AssertionError, OSError) as error:
                errors.append(repr(error))
            finally:
                http.close()
        threads = [threading.Thread(target=client, args=(i,)) for i in range(80)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * WAIT_S)
        self.assertEqual(errors, [])
        self.assertEqual(len(answers), 160)
        # 40 MB wanted in. The budget twice (a session's text and the message made of it), two
        # batches, and what the allocator keeps.
        self.assertLess(memory_peak(serve.engine()) - before, 2 * budget + 16 * MIB)
        self.assertEqual(serve.stop(), 0)


if __name__ == "__main__":
    run_tests()
