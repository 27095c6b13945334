"""Winnow, Debian's rspamd and SpamAssassin as running engines: each in a folder of its own, on free
ports, with nothing of the machine's configuration, set to checks that need no network and no learnt
state; and what their processes cost."""
import json
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
# local.d/rbl.conf with which Winnow asks lists what rspamd 3.4's own configuration asks them: ours
# are those of 4.1, which asks more.
LISTS_OF_3_4 = "rbls {\n%s}\n" % "".join("  %s { %s }\n" % (name, text) for name, text in (
    ("SURBL_MULTI", 'exclude_checks = ["selector"]; url_full_hostname = false; '
                    'dkim_domainonly = true;'),
    ("SURBL_HASHBL", "enabled = false;"),
    *((name, 'exclude_checks = ["selector"];') for name in (
        "URIBL_MULTI", "RSPAMD_URIBL", "DBL", "SEM_URIBL_UNKNOWN", "SEM_URIBL_FRESH15_UNKNOWN",
        "RSPAMD_EMAILBL", "MSBL_EBL"))))


def cpu_of(pids):
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except FileNotFoundError:
            pass
    return total / TICK


def peak_mb(pids):
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024
        except (FileNotFoundError, AttributeError):
            pass
    return total


def children(pid):
    try:
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], stdout=subprocess.PIPE,
                             text=True).stdout
        return [int(x) for x in out.split()]
    except OSError:
        return []


def free_port():
    """A port for a server that takes seconds to start: below those that the kernel gives away by
    itself, of which another test's connection may have this one by then."""
    first_given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(12000, max(first_given, 13000))
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def check(port, message, fields=(), seconds=300):
    """What /checkv2 at a port replies to a message; `fields` are those of the request, "IP: 192.0.2.1"."""
    head = ["POST /checkv2 HTTP/1.0", *fields, "Content-Length: %d" % len(message)]
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        s.sendall("\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + message)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return json.loads(answer.split(b"\r\n\r\n", 1)[1])


class Server:
    """A running engine: `process`, and `port` where it answers HTTP."""

    def ping(self):
        with socket.create_connection(("127.0.0.1", self.port), 1) as s:
            s.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
            return b"pong" in s.recv(4096)

    def pids(self):
        return [self.process.pid] + children(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


class Rspamd(Server):
    name = "rspamd"
    OFF = ("arc asn dkim dkim_signing dmarc fuzzy_check greylist history_redis hfilter mx_check "
           "neural once_received phishing ratelimit rbl replies reputation spf surbl "
           "url_redirector whitelist dcc antivirus clickhouse elastic bayes_expiry "
           "known_senders bimi p0f milter_headers").split()
    # Modules above that also have content rules stay on where they can do without the network.
    KEEP = ("phishing", "hfilter", "once_received")

    def __init__(self, work):
        self.work = pathlib.Path(work) / "rspamd"
        local = self.work / "local.d"
        local.mkdir(parents=True)
        (self.work / "override.d").mkdir()
        self.port = free_port()
        closed = free_port()
        (local / "options.inc").write_text(
            f'dns {{ nameserver = ["127.0.0.1:{closed}"]; timeout = 0.01s; retransmits = 0; }}\n'
            'disable_monitoring = true;\nmap_watch_interval = 1d;\n'
            f'control_socket = "{self.work}/control.sock mode=0600";\n'
            f'pidfile = "{self.work}/pid";\n')
        for worker, text in {
            "normal": f'bind_socket = "127.0.0.1:{self.port}"; count = 1;',
            "controller": "enabled = false;", "proxy": "enabled = false;",
            "fuzzy": "enabled = false;"}.items():
            (self.work / "override.d" / f"worker-{worker}.inc").write_text(text + "\n")
        for module in self.OFF:
            if module not in self.KEEP:
                (self.work / "override.d" / f"{module}.conf").write_text("enabled = false;\n")
        (self.work / "override.d" / "phishing.conf").write_text(
            "phishtank_enabled = false;\nopenphish_enabled = false;\n")
        (self.work / "override.d" / "logging.inc").write_text(
            f'type = "file"; filename = "{self.work}/log"; level = "error";\n')
        (self.work / "override.d" / "classifier-bayes.conf").write_text("enabled = false;\n")
        self.configure(local)
        start = time.monotonic()
        user = ["-u", "_rspamd", "-g", "_rspamd"] if os.getuid() == 0 else []
        for d in (self.work, pathlib.Path(work)):
            os.chmod(d, 0o777)
        self.process = subprocess.Popen(
            ["rspamd", "-f", "-i"] + user + [
             "--var", f"LOCAL_CONFDIR={self.work}", "--var", f"DBDIR={self.work}",
             "--var", f"RUNDIR={self.work}", "--var", f"LOGDIR={self.work}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.ping, self.process, "rspamd")
        self.startup = time.monotonic() - start

    def configure(self, local):
        """For those who want more in its folder local.d."""

    def check(self, message, fields=()):
        """Its reply to a message with header fields ("IP: 192.0.2.1") of the request."""
        return check(self.port, message, fields)

    def check_from(self, envelope, message):
        """The symbols of a message with all its envelope: ip, from, helo, hostname, user, rcpt."""
        fields = ["Pass: all"]
        for key, field in (("ip", "IP"), ("from", "From"), ("helo", "Helo"),
                           ("hostname", "Hostname"), ("user", "User")):
            if key in envelope:
                fields.append("%s: %s" % (field, envelope[key] or "<>"))
        fields += ["Rcpt: " + one for one in envelope.get("rcpt", [])]
        return self.check(message, fields)["symbols"]

    def scan(self, message):
        return check(self.port, message).get("symbols", {}).keys()

    def rules(self):
        """Symbols that the same configuration registers and does not disable. Most of rspamd's
        patterns are written in Lua, which no tool of it prints: their bytes are not counted."""
        text = subprocess.run(
            ["rspamadm", f"--var=LOCAL_CONFDIR={self.work}", f"--var=DBDIR={self.work}",
             "configdump", "-d", "-j"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        try:
            symbols = json.loads(text[text.index("{"):])["symbols"].values()
        except (ValueError, KeyError):
            return None, None
        return sum(1 for symbol in symbols if not symbol.get("disabled", False)), None

    def version(self):
        return package_version("rspamd")


class SpamAssassin(Server):
    name = "spamassassin"

    def __init__(self, work):
        self.work = pathlib.Path(work) / "sa"
        self.work.mkdir()
        os.chmod(work, 0o755)  # started by root, spamd reads its configuration as somebody else
        self.socket = str(self.work / "spamd.sock")
        self.prefs = self.work / "local.cf"
        self.prefs.write_text(self.preferences())
        start = time.monotonic()
        self.process = subprocess.Popen(
            ["/usr/sbin/spamd", "--local", "--max-children=1", "--min-children=1", "--min-spare=1",
             "--max-spare=1", "--max-conn-per-child=1000000", f"--socketpath={self.socket}",
             "--siteconfigpath=" + str(self.siteconfig()), "--nouser-config", "--syslog=null",
             *self.options()],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: b"PONG" in self.ask(b"PING SPAMC/1.5\r\n\r\n"), self.process, "spamd")
        self.startup = time.monotonic() - start

    def preferences(self):
        return ("use_bayes 0\nuse_auto_whitelist 0\nrequired_score 5\ndns_available no\n"
                "use_razor2 0\nuse_pyzor 0\n")

    def options(self):
        """For those who want more on its command line."""
        return []

    def siteconfig(self):
        """Debian's site directory with our local.cf."""
        to = self.work / "site"
        shutil.copytree("/etc/spamassassin", to, symlinks=False)
        shutil.copy(self.prefs, to / "local.cf")
        return to

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(120)
            s.connect(self.socket)
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        return answer

    def scan(self, message):
        if not message.endswith(b"\n"):
            message += b"\n"
        answer = self.ask(b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message) +
                          message)
        return answer.split(b"\r\n\r\n", 1)[-1].decode("latin-1").strip().split(",")

    def rules(self):
        names, pattern_bytes = set(), 0
        for folder in ("/var/lib/spamassassin", "/usr/share/spamassassin"):
            files = sorted(pathlib.Path(folder).rglob("*.cf")) if os.path.isdir(folder) else []
            if not files:
                continue
            for file in files:
                for line in file.read_text(errors="replace").splitlines():
                    m = re.match(r"\s*(header|body|rawbody|uri|full|mimeheader|meta)\s+(\w+)\s+(.*)",
                                 line)
                    if m:
                        names.add(m.group(2))
                        literal = re.search(r"[=!]~\s*(.*)|^(/.*)", m.group(3))
                        if literal and m.group(1) != "meta":
                            pattern_bytes += len(literal.group(0))
            break
        return len(names), pattern_bytes

    def version(self):
        return package_version("spamassassin")


class Winnow:
    """Scans of its own, no server."""
    name = "winnow"

    def __init__(self, binary, work):
        self.binary = os.path.abspath(binary)
        self.work = pathlib.Path(work) / "winnow"
        self.work.mkdir()
        self.empty = self.work / "empty.eml"
        self.empty.write_text("Subject: x\n\nx\n")
        self.run([str(self.empty)])  # warms the pattern cache
        start = time.monotonic()
        self.run([str(self.empty)])
        self.startup = time.monotonic() - start

    def run(self, paths):
        """CPU seconds and peak MB of one scan on one thread."""
        process = subprocess.Popen([self.binary, "scan", "--threads", "1", "--format", "jsonl",
                                    "--quiet"] + paths, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def rules(self):
        out = subprocess.run([self.binary, "rules", "list", "--format", "json"],
                             stdout=subprocess.PIPE, text=True).stdout
        try:
            listed = json.loads(out)
            return listed["symbols"], listed["pattern_bytes"]
        except (ValueError, KeyError):
            return None, None

    def version(self):
        return subprocess.run([self.binary, "--version"], stdout=subprocess.PIPE,
                              text=True).stdout.strip()


class WinnowServe(Server):
    """winnow serve with one scanning thread, all it writes in a folder of its own."""
    name = "winnow serve"

    def __init__(self, binary, work, *options):
        work = pathlib.Path(work) / "winnow"
        work.mkdir(exist_ok=True)
        self.port = free_port()
        start = time.monotonic()
        self.process = subprocess.Popen(
            [os.path.abspath(binary), "serve", "--threads", "1", "--milter", f"{work}/serve.sock",
             "--http", f"127.0.0.1:{self.port}", "--controller", f"{work}/controller.sock",
             "--log", f"{work}/serve.log", "--var", f"DBDIR={work}", *options],
            stderr=subprocess.DEVNULL)
        wait_for(self.ping, self.process, self.name)
        self.startup = time.monotonic() - start


def package_version(name):
    return subprocess.run(["dpkg-query", "-W", "-f=${Version}", name], stdout=subprocess.PIPE,
                          text=True).stdout


def wait_for(ready, process, what, seconds=300):
    """Waits until `ready`; start-up is some 10 s of work, and the machine may be shared."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    process.kill()
    sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: {what} does not answer after {seconds} s")


def git_commit():
    try:
        return subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout.strip()
    except OSError:
        return ""


def cpu_model():
    m = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return m.group(1) if m else platform.processor()
