#!/usr/bin/env python3
"""How fast mail is learnt, and what statistics in Redis cost its server: Winnow with its own folder, Winnow
and Debian's rspamd with a Redis each (of the harness, on a unix socket), over the same messages, in one run.

Half of the messages are learnt, the other half is judged, twice: the second time what was asked for before
may be in memory. rspamd gets each message over HTTP, some connections at once; Winnow reads files, one
thread, and what its start costs (a run over one message) is taken off. Prints messages a second by the
clock, messages a second of CPU of the filter, CPU milliseconds a message of the filter and of Redis.

On a machine that does other things the clock says little: then compare the CPU.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import engines
import labelled_mail
import rspamd_bayes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "peer"))
import redis_server  # noqa: E402

CONNECTIONS = 4


class Cost:
    """Clock and CPU between begin and end, of a filter and of a Redis, less what a start costs."""

    def __init__(self, what, messages, cpu, redis, start=None):
        self.what, self.messages, self.cpu, self.redis = what, messages, cpu, redis
        self.start = start.spent if start else (0, 0, 0)

    def __enter__(self):
        self.begin = self.now()
        return self

    def __exit__(self, *_):
        self.spent = tuple(b - a for a, b in zip(self.begin, self.now()))
        if self.messages == 0:  # a start alone
            return
        wall, cpu, redis = (max(1e-6, spent - less) for spent, less in zip(self.spent, self.start))
        self.row = {"what": self.what, "messages": self.messages, "per_second": self.messages / wall,
                    "per_cpu_second": self.messages / cpu, "cpu_ms": 1000 * cpu / self.messages,
                    "redis_ms": 1000 * redis / self.messages}
        print(f"{self.what:<34}{self.row['per_second']:>12.0f}{self.row['per_cpu_second']:>16.0f}"
              f"{self.row['cpu_ms']:>14.3f}{self.row['redis_ms']:>14.3f}", flush=True)

    def now(self):
        redis = engines.cpu_of([self.redis.process.pid]) if self.redis else 0
        return time.monotonic(), self.cpu(), redis


def of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def lay_out(mails, folder):
    for i, mail in enumerate(mails):
        path = folder / ("spam" if mail.spam else "ham") / f"{i:06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mail.raw)
    return folder


def winnow(options, work, name, known, unknown, redis):
    site = work / name / "site"
    (site / "local.d").mkdir(parents=True)
    (site / "rspamd.conf").touch()
    backend = f'backend = "redis"; servers = "{redis.socket}";\n' if redis else ""
    tokenizer = "winnow" if name.endswith("winnow") else "osb"
    (site / "local.d" / "classifier-bayes.conf").write_text(
        f'min_learns = 10;\ntokenizer {{ name = "{tokenizer}"; }}\n{backend}')
    statistics = work / name / "statistics"
    common = ["--config", str(site / "rspamd.conf"), "--cache", str(work / "cache"), "--threads", "1",
              "--statistics", str(statistics), "--quiet"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    one = next(path for path in (known / "spam").iterdir())

    def learn(*what):
        subprocess.run([options.winnow, "learn", *common, *what], check=True, **quiet)
    # Until the databases of patterns are in the cache a slower matcher stands in for them.
    before = None
    for _ in range(20):
        subprocess.run([options.winnow, "scan", "--config", str(site / "rspamd.conf"), "--cache",
                        str(work / "cache"), "--format", "jsonl", str(known)], check=True, **quiet)
        now = sorted((path.name, path.stat().st_size) for path in (work / "cache").rglob("*"))
        if now and now == before:
            break
        before = now
    with Cost("", 0, of_children, redis) as start:
        learn("spam", str(one))
    rows = []
    with Cost(f"{name}: learn", options.known - 1, of_children, redis, start) as cost:
        learn("labelled", str(known))
    rows.append(cost.row)
    with Cost("", 0, of_children, redis) as start:
        subprocess.run([options.winnow, "scan", *common, "--format", "jsonl", str(one)], check=True,
                       **quiet)
    with Cost(f"{name}: judge twice", 2 * options.unknown, of_children, redis, start) as cost:
        subprocess.run([options.winnow, "scan", *common, "--format", "jsonl", str(unknown),
                        str(unknown)], check=True, **quiet)
    return rows + [cost.row]


def rspamd(options, work, known, unknown, redis):
    peer = rspamd_bayes.RspamdBayes(work, redis.socket)
    rows = []
    try:
        def cpu():
            return engines.cpu_of(peer.pids())

        def each(what, mails):
            with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
                list(pool.map(what, mails))
        with Cost("rspamd: learn", len(known), cpu, redis) as cost:
            each(lambda mail: peer.learn(mail.spam, mail.raw), known)
        rows.append(cost.row)
        with Cost("rspamd: judge twice", 2 * len(unknown), cpu, redis) as cost:
            each(lambda mail: peer.probability(mail.raw), unknown + unknown)
        rows.append(cost.row)
    finally:
        peer.process.terminate()
        peer.process.wait(60)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--sample", type=int, default=0, help="about so many messages")
    parser.add_argument("--json", default="build/learning_speed.json")
    parser.add_argument("corpus", nargs="+")
    options = parser.parse_args()
    mails = [mail for path in options.corpus for mail in labelled_mail.read(path, options.sample)]
    known, unknown = mails[::2], mails[1::2]
    options.known, options.unknown = len(known), len(unknown)
    print(f"{len(known)} learnt, {len(unknown)} judged; {engines.cpu_model()}; "
          f"commit {engines.git_commit()}\n{'':34}{'messages/s':>12}{'of CPU alone':>16}"
          f"{'CPU ms each':>14}{'Redis ms each':>14}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        os.chmod(work, 0o755)
        paths = lay_out(known, work / "known"), lay_out(unknown, work / "unknown")
        for name in ("folder winnow", "folder osb"):
            rows += winnow(options, work, name, *paths, None)
        for run in ("redis osb", "rspamd"):
            server = redis_server.RedisServer()
            try:
                rows += (rspamd(options, work / "peer", known, unknown, server) if run == "rspamd"
                         else winnow(options, work, run, *paths, server))
            finally:
                server.stop()
    pathlib.Path(options.json).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
