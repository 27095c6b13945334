"""A Postfix of the test's own on loopback, where its mail goes, and who watches its client.

Postfix    an instance in a temporary folder: configuration, queue and data are there; an SMTP port
           that was free for each milter it is given. It needs root, as Postfix does.
Sink       an SMTP server that keeps every message with its recipients.
Witness    stands between an SMTP client and Postfix and notes which recipient's message got which
           reply to its final dot, so that what was acknowledged is known from outside.
"""
import asyncio
import os
import re
import shutil
import socket
import subprocess
import threading

WAIT_S = 120
SENDER = "anna@example.org"
DOMAIN = "example.net"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Loop:
    """An asyncio server in a thread of its own; `changed` is notified when what it keeps grows."""

    def __init__(self):
        self.changed = threading.Condition()
        self.loop = asyncio.new_event_loop()
        # smtp-source resets its connections: of no interest once the session is over.
        self.loop.set_exception_handler(lambda *_: None)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1000), self.loop)
        self.server = server.result(WAIT_S)
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            await self.session(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def wait_until(self, condition, what):
        with self.changed:
            if not self.changed.wait_for(condition, WAIT_S):
                raise AssertionError("it never came: " + what)

    def stop(self):
        async def end():
            self.server.close()
            mine = asyncio.current_task()
            tasks = [task for task in asyncio.all_tasks() if task is not mine]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(WAIT_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_S)
        self.loop.close()


def address(line):
    return re.search(rb"<([^>]*)>", line).group(1).decode()


class Sink(Loop):
    def __init__(self):
        self.mail = []  # (recipients, bytes as they came, dots undone)
        super().__init__()

    async def session(self, reader, writer):
        writer.write(b"220 sink\r\n")
        rcpt = []
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                rcpt.append(address(line))
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                lines = []
                while (line := await reader.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                with self.changed:
                    self.mail.append((rcpt, b"".join(lines)))
                    self.changed.notify_all()
                rcpt = []
            writer.write({b"QUIT": b"221 bye\r\n", b"EHLO": b"250-sink\r\n250 8BITMIME\r\n"}.get(
                verb, b"250 ok\r\n"))
            await writer.drain()
            if verb == b"QUIT":
                return

    def for_recipient(self, name):
        return [data for rcpt, data in list(self.mail) if name in rcpt]


class Witness(Loop):
    """Replies to the final dot, by recipient. The client may not pipeline."""

    def __init__(self, port):
        self.to = port
        self.replies = {}  # recipient -> codes, one a try
        self.tries = 0     # messages that came to an end, wherever
        super().__init__()

    async def session(self, reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.to)
        try:
            await self.relay(reader, writer, to_reader, to_writer)
        finally:
            to_writer.close()

    async def relay(self, reader, writer, to_reader, to_writer):
        rcpt = []

        async def reply():
            line = await to_reader.readline()
            whole = line
            while line[3:4] == b"-":
                line = await to_reader.readline()
                whole += line
            writer.write(whole)
            return line[:3].decode()

        await reply()
        while line := await reader.readline():
            to_writer.write(line)
            code = await reply()
            if line[:4].upper() == b"MAIL":
                rcpt = []
                if code != "250":
                    self.note([], code)
            elif line[:4].upper() == b"RCPT":
                rcpt.append(address(line))
                if code != "250":
                    self.note(rcpt[-1:], code)
            elif line[:4].upper() == b"DATA" and code == "354":
                while line:
                    line = await reader.readline()
                    to_writer.write(line)
                    if line == b".\r\n":
                        self.note(rcpt, await reply())
                        break
            if not code:
                return

    def note(self, rcpt, code):
        with self.changed:
            for name in rcpt:
                self.replies.setdefault(name, []).append(code)
            self.tries += 1
            self.changed.notify_all()


MAIN_CF = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.net
mydestination =
relay_domains = example.net
relay_transport = smtp:[127.0.0.1]:{sink}
smtpd_relay_restrictions = permit_auth_destination, reject
smtpd_authorized_xclient_hosts = 127.0.0.1
milter_default_action = tempfail
milter_connect_timeout = 10s
local_header_rewrite_clients =
alias_maps =
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
minimal_backoff_time = 1s
smtp_destination_concurrency_limit = 20
initial_destination_concurrency = 20
"""

SMTPD = "127.0.0.1:{port} inet n - n - - smtpd -o smtpd_milters={milter}\n"
MASTER_CF = """pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    def __init__(self, folder, milters, sink):
        self.config = os.path.join(folder, "config")
        self.ports = [free_port() for _ in milters]
        os.chmod(folder, 0o755)
        for name in (self.config, os.path.join(folder, "queue"), os.path.join(folder, "data")):
            os.mkdir(name, 0o755)
        shutil.chown(os.path.join(folder, "data"), "postfix")
        self.write("main.cf", MAIN_CF.format(folder=folder, sink=sink))
        self.write("master.cf", MASTER_CF + "".join(
            SMTPD.format(port=port, milter=milter) for port, milter in zip(self.ports, milters)))
        self.process = subprocess.Popen(["postfix", "-c", self.config, "start-fg"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        errors="replace", cwd=folder)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.wait_for("daemon started")

    def write(self, name, text):
        with open(os.path.join(self.config, name), "w") as file:
            file.write(text)

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def wait_for(self, text):
        with self.changed:
            if not self.changed.wait_for(lambda: any(text in line for line in self.lines), WAIT_S):
                self.process.kill()
                raise AssertionError("Postfix never said %r: %s" % (text, self.lines[-20:]))

    def stop(self):
        subprocess.run(["postfix", "-c", self.config, "stop"], timeout=WAIT_S,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        self.process.stdout.close()
