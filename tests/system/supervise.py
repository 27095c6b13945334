#!/usr/bin/env python3
"""The processes of winnow serve from outside: supervise.py --winnow PATH [TEST...]

Engines that are killed, upgraded, reloaded and poisoned under load; systemd's side of it. A client
here does what a mail server does: what it gets no answer for it sends again."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from service import HAM, SPAM, WAIT_S, Http, Milter, Serve, connect, read_all
from test_program import OPTIONS, run_tests

WINNOW = os.path.abspath(OPTIONS.winnow)

KILLS, RELOADS, CLIENTS, EACH = 10, 100, 4, 60


def send_again(port, message, headers=b""):
    """The one answer to a message; sends again where the connection ends or it is told to."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        try:
            http = Http(port)
        except OSError as refused:
            raise AssertionError("a connection was refused") from refused
        try:
            http.send(message, headers=headers)
            status, reply = http.receive()
            if status == "HTTP/1.1 200 OK":
                return json.loads(reply)
            if status and " 503 " not in status:
                raise AssertionError(status)
        except (OSError, ValueError):
            pass  # the engine died, or drained: again
        finally:
            http.close()
    raise AssertionError("no answer in %d s" % WAIT_S)


class Load:
    """Clients that send numbered messages, each until it is answered."""

    def __init__(self, port, expected, each=EACH, special=None):
        self.port, self.expected, self.special = port, expected, special
        self.wrong, self.right = [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i, each)) for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, client, each):
        number = 0
        while number < each or not self.stop.is_set():
            kind, text = (("ham", HAM), ("spam", SPAM))[number % 2]
            name = "load-%d-%d" % (client, number)
            number += 1
            try:
                if essence(send_again(self.port, text % name.encode())) != self.expected[kind]:
                    self.wrong.append(name)
                else:
                    self.right.append(name)
            except AssertionError as error:
                self.wrong.append("%s: %s" % (name, error))
                return

    def finish(self, test):
        self.stop.set()
        for thread in self.threads:
            thread.join(2 * WAIT_S)
            test.assertFalse(thread.is_alive())
        test.assertEqual(self.wrong, [])
        test.assertEqual(len(self.right), len(set(self.right)))
        test.assertGreaterEqual(len(self.right), CLIENTS * EACH)


def essence(reply):
    return reply["action"], reply["score"], sorted(reply["symbols"])


def has_ended(pid):
    """Whether no process, or only a zombie that nobody reaped, has that id."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Supervised(Serve):
    def __init__(self, *options, winnow=WINNOW, environment=None):
        super().__init__(winnow, *options, environment=environment)

    def owners(self, field):
        """Ids of all its processes: real, effective, saved, of the file system."""
        ids = set()
        for pid in self.processes():
            with open("/proc/%d/status" % pid) as file:
                ids |= set(re.search(r"^%s:\s+(.*)" % field, file.read(), re.M).group(1).split())
        return {int(one) for one in ids}

    def engine(self, times=1):
        """Process id of the engine that became ready as the `times`-th."""
        self.wait_for("main; ready", times)
        pids = [re.search(r"#(\d+)\(serve\) main; ready", line) for line in list(self.lines)]
        return [int(found.group(1)) for found in pids if found][times - 1]

    def expected(self):
        return {kind: essence(send_again(self.http, text % b"x"))
                for kind, text in (("ham", HAM), ("spam", SPAM))}


class SupervisorTest(unittest.TestCase):
    def test_an_engine_killed_under_load_loses_nothing(self):
        serve = Supervised("--threads", "2")
        load = Load(serve.http, serve.expected())
        for times in range(1, KILLS + 1):
            os.kill(serve.engine(times), signal.SIGKILL)
            serve.wait_for("died of signal 9", times)
        serve.engine(KILLS + 1)
        load.finish(self)
        self.assertEqual(serve.stop(), 0)

    def test_upgraded_twice_under_load(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "winnow")
            shutil.copy(WINNOW, program)
            serve = Supervised("--threads", "2", winnow=program)
            pid = serve.process.pid
            load = Load(serve.http, serve.expected())
            for times in (1, 2):
                fresh = os.path.join(folder, "fresh")
                shutil.copy(WINNOW, fresh)
                os.rename(fresh, program)  # as a package manager does
                old = serve.engine(times)
                os.kill(pid, signal.SIGUSR2)
                serve.wait_for("upgraded, engine", times)
                serve.wait_for("the old engine %d ended with exit code 0" % old)
            load.finish(self)
            with open(serve.pid_file) as file:
                self.assertEqual(int(file.read()), pid)
            self.assertEqual(os.readlink("/proc/%d/exe" % pid), program)
            self.assertEqual(serve.stop(), 0)

    def test_an_upgrade_that_fails_changes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "winnow")
            shutil.copy(WINNOW, program)
            serve = Supervised(winnow=program)
            os.unlink(program)
            with open(program, "w") as file:
                file.write("#!/bin/sh\nexit 7\n")
            os.chmod(program, 0o755)
            serve.process.send_signal(signal.SIGUSR2)
            serve.wait_for("the new engine ended with exit code 7; the old one goes on")
            self.assertEqual(send_again(serve.http, HAM % b"x")["action"], "no action")
            self.assertEqual(serve.stop(), 0)

    def test_a_hundred_reloads_under_load(self):
        serve = Supervised("--threads", "2")
        engine = serve.engine()
        load = Load(serve.http, serve.expected())
        for times in range(1, RELOADS + 1):
            if times % 10:
                serve.process.send_signal(signal.SIGHUP)
            else:
                subprocess.run([WINNOW, "reload", "--pid-file", serve.pid_file], check=True,
                               timeout=WAIT_S)
            serve.wait_for("rules reloaded", times)
        load.finish(self)
        self.assertEqual(serve.engine(), engine)
        # Nothing changed, so no pattern was compiled again.
        built = [line for line in serve.lines if "rules reloaded" in line]
        self.assertTrue(all("0 pattern databases compiled" in line for line in built), built[:2])
        self.assertEqual(serve.stop(), 0)

    def test_an_engine_ends_with_its_supervisor(self):
        serve = Supervised()
        engine = serve.engine()
        serve.process.kill()
        serve.process.wait(WAIT_S)
        serve.wait_for("draining")
        serve.reader.join(WAIT_S)  # the log's pipe is closed by the last that had it
        self.assertFalse(serve.reader.is_alive())
        until = time.monotonic() + WAIT_S  # it closes its files a little before it has ended
        while not has_ended(engine):
            self.assertLess(time.monotonic(), until, "the engine goes on without its supervisor")
            time.sleep(0.01)
        serve.process.stderr.close()

    def test_a_bad_start_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "rspamd.conf")
            os.mkdir(os.path.join(folder, "local.d"))
            for name, text in (("rspamd.conf", ""), ("local.d/options.inc", "broken {\n")):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            done = subprocess.run([WINNOW, "serve", "--no-dns", "--config", config, "--milter", "127.0.0.1:0",
                                   "--http", "127.0.0.1:0"], capture_output=True, timeout=WAIT_S)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"options.inc", done.stderr)


class PrivilegesTest(unittest.TestCase):
    NOBODY = 65534

    def readable(self, folder, group):
        """A program that nobody may run, wherever the tree was built, and a cache of his."""
        os.chmod(folder, 0o755)
        program, cache = os.path.join(folder, "winnow"), os.path.join(folder, "cache")
        shutil.copy(WINNOW, program)
        os.mkdir(cache)
        os.chown(cache, self.NOBODY, group)
        return program, cache

    def test_dropped_once_sockets_are_bound(self):
        """All processes are the user's alone; the sockets are root's work; a reload, an engine's
        death and an upgrade need nothing that only root has."""
        if os.geteuid() != 0:
            self.skipTest("only root has privileges to drop")
        with tempfile.TemporaryDirectory() as folder:
            program, cache = self.readable(folder, self.NOBODY)
            serve = Supervised("--user", "nobody", winnow=program,
                               environment=dict(os.environ, XDG_CACHE_HOME=cache))
            try:
                self.assertEqual(os.stat(serve.socket).st_uid, 0)
                engine = serve.engine()
                for field in ("Uid", "Gid"):
                    self.assertEqual(serve.owners(field), {self.NOBODY}, field)
                for pid in serve.processes():
                    with open("/proc/%d/status" % pid) as file:
                        status = file.read()
                    groups = re.search(r"^Groups:(.*)", status, re.M).group(1).split()
                    self.assertEqual({int(one) for one in groups} - {self.NOBODY}, set())
                    self.assertIn("CapEff:\t0000000000000000", status)
                serve.process.send_signal(signal.SIGHUP)
                serve.wait_for("rules reloaded")
                os.kill(engine, signal.SIGKILL)
                engine = serve.engine(2)
                serve.process.send_signal(signal.SIGUSR2)
                serve.wait_for("the old engine %d ended with exit code 0" % engine)
                self.assertEqual(send_again(serve.http, HAM % b"x")["action"], "no action")
            finally:
                self.assertEqual(serve.stop(), 0)

    def test_the_user_of_the_configuration(self):
        if os.geteuid() != 0:
            self.skipTest("only root has privileges to drop")
        daemon = 1  # in every /etc/group of Debian
        with tempfile.TemporaryDirectory() as folder:
            program, cache = self.readable(folder, daemon)
            for name, text in (("rspamd.conf", ""), (
                    "rspamd.conf.local", 'winnow { user = "nobody"; group = "daemon"; }\n')):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            serve = Supervised("--config", os.path.join(folder, "rspamd.conf"), winnow=program,
                               environment=dict(os.environ, XDG_CACHE_HOME=cache))
            try:
                self.assertEqual(serve.owners("Uid"), {self.NOBODY})
                self.assertEqual(serve.owners("Gid"), {daemon})
            finally:
                self.assertEqual(serve.stop(), 0)

    def test_a_user_that_is_not_there(self):
        done = subprocess.run([WINNOW, "serve", "--no-dns", "--user", "no-such-user-here",
                               "--milter", "127.0.0.1:0", "--http", "127.0.0.1:0",
                               "--controller", "127.0.0.1:0"], capture_output=True, timeout=WAIT_S)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"there is no user no-such-user-here", done.stderr)


class PoisonTest(unittest.TestCase):
    MARK = b"poison-of-this-test"

    def test_a_poison_message_under_load_ends_alone(self):
        hooks = subprocess.run([WINNOW, "serve", "--help"], capture_output=True, timeout=WAIT_S)
        if b"--test-abort-on" not in hooks.stdout:
            self.skipTest("built without WINNOW_TESTS")
        serve = Supervised("--threads", "2", "--test-abort-on", self.MARK.decode())
        load = Load(serve.http, serve.expected())
        poison = HAM % b"poison" + self.MARK + b"\r\n"
        answer = send_again(serve.http, poison)
        self.assertEqual(answer["action"], "reject")
        self.assertIn("POISON", answer["symbols"])
        self.assertEqual(list(answer["symbols"]), ["POISON"])
        deaths = sum("died of signal 6" in line for line in serve.lines)
        self.assertEqual(deaths, 1)
        # It is known now: no engine dies of it any more, not even its next version.
        for _ in range(5):
            self.assertEqual(send_again(serve.http, poison)["action"], "reject")
        os.kill(serve.engine(2), signal.SIGKILL)
        self.assertIn("POISON", send_again(serve.http, poison)["symbols"])
        load.finish(self)
        self.assertEqual(sum("died of signal 6" in line for line in serve.lines), 1)
        # Each message of the load has one line in the log, or a second one where its answer was
        # lost with the engine; none has POISON.
        self.assertEqual([line for line in serve.lines if "load-" in line and "POISON" in line], [])
        self.assertEqual(serve.stop(), 0)


    def test_the_configured_action_over_milter(self):
        hooks = subprocess.run([WINNOW, "serve", "--help"], capture_output=True, timeout=WAIT_S)
        if b"--test-abort-on" not in hooks.stdout:
            self.skipTest("built without WINNOW_TESTS")
        poison = HAM % b"poison" + self.MARK + b"\r\n"
        for action, answer in (("soft reject", [(b"y", b"451 4.7.1 Come again\0")]),
                               ("discard", [(b"d", b"")]),
                               ("quarantine", [(b"q", b"Spam message quarantined\0"), (b"a", b"")]),
                               ("no action", [(b"a", b"")])):
            with self.subTest(action=action), tempfile.TemporaryDirectory() as folder:
                for name, text in (("rspamd.conf", ""), (
                        "rspamd.conf.local", 'winnow { poison_action = "%s"; }\nworker '
                        '"rspamd_proxy" { tempfail_message = "Come again"; }\n' % action)):
                    with open(os.path.join(folder, name), "w") as file:
                        file.write(text)
                serve = Supervised("--config", os.path.join(folder, "rspamd.conf"), "--threads",
                                   "1", "--test-abort-on", self.MARK.decode())
                first = Milter(connect(serve.milter))
                with self.assertRaises((OSError, struct.error)):  # no answer: the MTA defers …
                    first.scan(poison)
                first.file.close()
                first.sock.close()
                serve.engine(2)
                again = Milter(connect(serve.milter))  # … and comes again
                self.assertEqual(again.scan(poison)[-len(answer):], answer)
                self.assertEqual(again.scan(HAM % b"other"), [(b"a", b"")])
                again.close()
                self.assertEqual(send_again(serve.http, poison)["action"], action)
                self.assertEqual(serve.stop(), 0)

    def test_an_action_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("rspamd.conf", ""), (
                    "rspamd.conf.local", 'winnow { poison_action = "eat it"; }\n')):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            done = subprocess.run([WINNOW, "configtest", "--config", folder], capture_output=True,
                                  text=True, timeout=WAIT_S)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("rspamd.conf.local:1", done.stderr)
            self.assertIn("eat it", done.stderr)


class SystemdTest(unittest.TestCase):
    def test_notify(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "notify")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.bind(path)
                news, came = [], threading.Condition()

                def listen():
                    while (said := notify.recv(4096).decode()) != "over":
                        with came:
                            news.append(said)
                            came.notify_all()
                listener = threading.Thread(target=listen)
                listener.start()
                environment = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="300000")
                serve = Supervised(environment=environment)

                def expect(text):
                    """Waits for news that say so, and forgets what came before them."""
                    def index():
                        return next((i for i, said in enumerate(news)
                                     if text in said.split("\n")), None)
                    with came:
                        self.assertTrue(came.wait_for(lambda: index() is not None, WAIT_S), text)
                        at = index()
                        said = news[at]
                        del news[:at + 1]
                        return said
                try:
                    expect("READY=1")
                    expect("WATCHDOG=1")
                    serve.process.send_signal(signal.SIGHUP)
                    self.assertIn("MONOTONIC_USEC=", expect("RELOADING=1"))
                    expect("READY=1")
                    os.kill(serve.engine(), signal.SIGKILL)
                    expect("READY=1")
                    serve.process.send_signal(signal.SIGUSR2)
                    expect("MAINPID=%d" % serve.process.pid)
                    serve.process.send_signal(signal.SIGTERM)
                    expect("STOPPING=1")
                finally:
                    code = serve.stop()
                    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                        end.sendto(b"over", path)
                    listener.join(WAIT_S)
                self.assertEqual(code, 0)

    def test_socket_activation(self):
        """Descriptors are passed as systemd does, by a process that becomes winnow."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "m.sock")
        with socket.socket(socket.AF_UNIX) as milter, socket.socket() as http:
            for one, where in ((milter, path), (http, ("127.0.0.1", 0))):
                one.bind(where)
                one.listen(10)
            program = (
                "import os, sys\n"
                "fds = [os.dup(int(fd)) for fd in sys.argv[1:3]]\n"
                "for to, fd in enumerate(fds, 3): os.dup2(fd, to)\n"
                "for to in (3, 4): os.set_inheritable(to, True)\n"
                "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2',\n"
                "                  LISTEN_FDNAMES='http:milter')\n"
                "os.execv(sys.argv[3], sys.argv[3:])\n")
            # High numbers, so that 3 and 4 are free to be taken.
            high = [os.dup2(one.fileno(), 100 + i) for i, one in enumerate((http, milter))]
            process = subprocess.Popen(
                [sys.executable, "-c", program, *map(str, high), WINNOW, "serve",
                 "--controller", "127.0.0.1:0"],
                pass_fds=high, stderr=subprocess.PIPE, text=True)
            for fd in high:
                os.close(fd)
            try:
                answer = send_again(http.getsockname()[1], HAM % b"activated")
                self.assertEqual(answer["message-id"], "activated@example.org")
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.connect(path)
                    sock.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
                    self.assertTrue(read_all(sock).endswith(b"pong\r\n"))
            finally:
                process.send_signal(signal.SIGTERM)
                _, log = process.communicate(timeout=WAIT_S)
            self.assertEqual(process.returncode, 0, log)
            self.assertTrue(os.path.exists(path), "systemd goes on to listen there")
            self.assertIn("http listens at 127.0.0.1:%d" % http.getsockname()[1], log)

    def test_systemd_socket_activate(self):
        if not shutil.which("systemd-socket-activate"):
            self.skipTest("systemd-socket-activate is not installed")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            ["systemd-socket-activate", "-l", "127.0.0.1:%d" % port, "--fdname=http", WINNOW,
             "serve", "--no-dns", "--http", "systemd:0", "--milter", "127.0.0.1:0", "--controller", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True)
        try:
            while True:  # until it listens
                try:
                    connect(port).close()
                    break
                except ConnectionRefusedError:
                    self.assertIsNone(process.poll())
            self.assertEqual(send_again(port, HAM % b"a")["message-id"], "a@example.org")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=WAIT_S)
        self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    run_tests()
