#!/usr/bin/env python3
"""What winnow serve costs, held against its bounds: service.py --winnow PATH --load PATH [MAIL...]

Starts the service on loopback with one scanning thread on one core, the generator on another, and
prints one line a figure: what was measured, the bound, and whether it was met. CPU figures hold on
a shared machine; latencies and rates need a quiet one, and one core for each of the two.

MAIL is files and folders; without it a few messages are made up.
"""
import argparse
import email.message
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

ROWS = []


def made_up(folder):
    """A hundred letters of different length, plain and with HTML."""
    for number in range(100):
        message = email.message.EmailMessage()
        message["From"] = "Anna Letter <anna@example.org>"
        message["To"] = "Ben <ben@example.net>"
        message["Subject"] = "notes %d" % number
        message["Date"] = "Tue, 24 Nov 2026 10:00:00 +0000"
        message["Message-ID"] = "<load-%d@example.org>" % number
        text = "what the meeting decided, and why it may not be so\n" * (1 + number)
        message.set_content(text)
        if number % 2:
            message.add_alternative("<html><body><p>" + text + '<a href="https://www.example.org/'
                                    '%d">all of it</a></body></html>' % number, subtype="html")
        with open(os.path.join(folder, "%03d.eml" % number), "wb") as file:
            file.write(message.as_bytes())
    return [folder]


class Service:
    """Its data is in a folder of its own: with what this machine has learnt, it would classify words
    too, which `winnow scan` does when it is asked to."""

    def __init__(self, winnow, core):
        self.data = tempfile.TemporaryDirectory(prefix="winnow-load-data-")
        reader, writer = os.pipe()
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [winnow, "serve", *self.options(), "--threads", "1", "--milter", "127.0.0.1:0",
             "--http", "127.0.0.1:0", "--controller", "127.0.0.1:0",
             "--var", "DBDIR=" + self.data.name],
            stderr=writer, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        os.close(writer)
        text = ""
        with os.fdopen(reader, errors="replace") as log:
            for line in log:
                text += line
                if re.search(r"\bready\b", line):
                    break
            self.start_s = time.monotonic() - begin
            self.drain = subprocess.Popen(["cat"], stdin=log, stdout=subprocess.DEVNULL)
        self.ports = {name: re.search(name + r" listens at (127\.0\.0\.1:\d+)", text).group(1)
                      for name in ("http", "milter")}

    def options(self):
        return ["--no-dns"]

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.drain.wait(60)
        self.data.cleanup()


class Bench:
    def __init__(self, options):
        self.options = options
        cores = sorted(os.sched_getaffinity(0))
        self.core, self.load_core = cores[0], cores[-1]

    def load(self, service, front="http", **more):
        command = [self.options.load, "--" + front, service.ports[front], "--pid",
                   str(service.process.pid)]
        for name, value in more.items():
            command += ["--" + name, str(value)]
        done = subprocess.run(command + self.options.mail, stdout=subprocess.PIPE, check=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, {self.load_core}))
        out = json.loads(done.stdout)
        if out["bad"] or out["lost"]:
            print("service.py: %(bad)d bad and %(lost)d lost answers" % out, file=sys.stderr)
        return out

    def scan(self, paths):
        """CPU and wall seconds of one `winnow scan` on the core of the service, and messages."""
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run([self.options.winnow, "scan", "--quiet", "--threads", "1",
                               "--format", "jsonl"] + paths, stdout=subprocess.PIPE,
                              preexec_fn=lambda: os.sched_setaffinity(0, {self.core}))
        wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return cpu, wall, done.stdout.count(b"\n")

    def scan_cost(self):
        """Seconds a message, start apart: the mail many times over, less once."""
        best = None
        times = 1 + -(-self.options.messages // self.scan(self.options.mail)[2])
        for _ in range(self.options.rounds):
            once, often = self.scan(self.options.mail), self.scan(self.options.mail * times)
            messages = often[2] - once[2]
            cost = ((often[0] - once[0]) / messages, (often[1] - once[1]) / messages)
            best = cost if best is None else (min(best[0], cost[0]), min(best[1], cost[1]))
        return best


def row(what, value, unit, bound=None, at_least=False):
    met = "" if bound is None else "met" if (value >= bound if at_least else value <= bound) \
        else "MISSED"
    limit = "" if bound is None else ("at least " if at_least else "at most ") + "%g" % bound
    ROWS.append({"what": what, "value": value, "unit": unit, "bound": bound, "met": met == "met"})
    print("%-62s %10.2f %-10s %-16s %s" % (what, value, unit, limit, met), flush=True)


def saturation(bench):
    scan_cpu, scan_wall = bench.scan_cost()
    row("winnow scan: CPU a message", scan_cpu * 1e6, "us")
    row("winnow scan: rate", 1 / scan_wall, "messages/s")
    service = Service(bench.options.winnow, bench.core)
    count = bench.options.messages
    for front in ("http", "milter"):
        bench.load(service, front, messages=count // 4, connections=32)
        runs = [bench.load(service, front, messages=count, connections=32)
                for _ in range(bench.options.rounds)]
        cpu = min(run["cpu_us_per_message"] for run in runs)
        rate = max(run["rate"] for run in runs)
        row(front + ", 32 connections: CPU of the service a message", cpu, "us")
        row(front + ", 32 connections: rate", rate, "messages/s")
        row(front + ": rate of scan by CPU a message", scan_cpu * 1e8 / cpu, "%", 80, True)
        row(front + ": rate of scan by the clock", rate * scan_wall * 100, "%", 80, True)
        row(front + ": CPU of the generator a message",
            min(run["own_cpu_us_per_message"] for run in runs), "us")
    service.stop()


def latency(bench):
    service = Service(bench.options.winnow, bench.core)
    row("start to ready, warm", service.start_s, "s", 0.5)
    bench.load(service, messages=2000)
    for front in ("http", "milter"):
        runs = [bench.load(service, front, rate=200, messages=bench.options.paced)
                for _ in range(bench.options.rounds)]
        best = min(runs, key=lambda run: run["latency_ms"]["p99"])
        for quantile in ("p50", "p99", "max"):
            row("%s at 200/s: latency %s" % (front, quantile), best["latency_ms"][quantile], "ms")
        if best["scan_ms"]:
            row(front + " at 200/s: the scan itself, p99", best["scan_ms"]["p99"], "ms")
            row(front + " at 200/s: beside the scan, p99", best["beside_scan_ms"]["p99"], "ms", 3)
    service.stop()


def memory(bench):
    service = Service(bench.options.winnow, bench.core)
    without = bench.load(service, messages=100, connections=1)["memory_kb"]
    idle = bench.load(service, messages=100, connections=1, idle=2000)["memory_kb"]
    row("2,000 idle connections", (idle - without) / 1024, "MB", 30)
    service.stop()
    service = Service(bench.options.winnow, bench.core)
    few, many = bench.options.few, bench.options.many
    first = bench.load(service, messages=few, connections=32)["memory_kb"]
    row("memory after %d messages" % few, first / 1024, "MB")
    last = bench.load(service, messages=many - few, connections=32)["memory_kb"]
    row("memory after %d messages" % many, last / 1024, "MB")
    row("growth from %d to %d messages" % (few, many), (last - first) / first * 100, "%", 2)
    service.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mail", nargs="*")
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--load", required=True, help="the generator, winnow_load")
    parser.add_argument("--only", choices=("saturation", "latency", "memory"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=10000, help="of a saturating run")
    parser.add_argument("--paced", type=int, default=2000, help="of a run at 200/s")
    parser.add_argument("--few", type=int, default=20000)
    parser.add_argument("--many", type=int, default=200000)
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winnow-load-") as folder:
        options.mail = options.mail or made_up(folder)
        bench = Bench(options)
        for part in (saturation, latency, memory):
            if options.only in (None, part.__name__):
                part(bench)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(ROWS, file, indent=1)


if __name__ == "__main__":
    main()
