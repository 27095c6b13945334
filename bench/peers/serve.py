#!/usr/bin/env python3
"""winnow serve and Debian's rspamd through the same requests over HTTP, in one run.

winnow_load puts the messages to both, a connection for each message, first one at a time, then 16, then 64:
a mail server rarely has one alone, and an engine of batches gains from those that wait together.
Both engines are set up as in compare.py (checks of the message alone) and share one core; where
the machine has two, winnow_load has another. CPU is that of the engine's own processes. They take turns
in rounds; the median counts.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import measured_mail
from engines import Rspamd, WinnowServe, cpu_model, git_commit, package_version

AT_ONCE = (1, 16, 64)
BOUND = 8  # times the CPU a message of winnow serve


def feed(args, engine, corpus, messages, at_once):
    """What winnow_load measured of an engine."""
    done = subprocess.run(
        [args.load, "--http", f"127.0.0.1:{engine.port}", "--pid", str(engine.process.pid),
         "--messages", str(messages), "--connections", str(at_once), "--reconnect", corpus],
        stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, args.load_cores))
    measured = json.loads(done.stdout)
    if measured["lost"] or measured["bad"]:
        sys.exit(f"serve: {engine.name} lost {measured['lost']} messages and failed on {measured['bad']}")
    return measured


def measure(args, messages, work):
    """{at_once: {name: [what winnow_load measured, a round each]}} and {name: seconds to be ready}."""
    corpus = measured_mail.write_messages(messages, pathlib.Path(work) / "mail")
    engines = []
    try:
        engines.append(Rspamd(work))
        engines.append(WinnowServe(args.winnow, work, "--no-dns"))
        out = {at_once: {engine.name: [] for engine in engines} for at_once in AT_ONCE}
        for engine in engines:
            feed(args, engine, corpus, 50, 1)  # warms it up
        for number in range(args.rounds):
            for engine in engines[::-1] if number % 2 else engines:
                for at_once in AT_ONCE:
                    out[at_once][engine.name].append(feed(args, engine, corpus, len(messages), at_once))
            print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
        return out, {engine.name: engine.startup for engine in engines}
    finally:
        for engine in engines:
            engine.stop()


def report(args, messages, measured, startup):
    size = sum(len(raw) for _, raw in messages)
    print(f"{len(messages)} messages, {size / 1e6:.1f} MB, median of {args.rounds} rounds; "
          f"{cpu_model()}, {os.cpu_count()} cores, corpus "
          f"{os.path.basename(args.corpus.rstrip('/'))}, commit {git_commit()}, rspamd "
          f"{package_version('rspamd')}")
    print(f"{'at a time':>9}  {'engine':<14}{'us/message':>11}{'spread':>8}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'MB':>7}{'start s':>9}")
    result = {"machine": cpu_model(), "commit": git_commit(),
              "messages": len(messages), "bytes": size, "at_once": {}}
    for at_once, engines in measured.items():
        cpu = {}
        for name, rounds in engines.items():
            costs = [one["cpu_us_per_message"] for one in rounds]
            cpu[name] = statistics.median(costs)
            last = rounds[-1]
            print(f"{at_once:>9}  {name:<14}{cpu[name]:>11.1f}"
                  f"{(max(costs) - min(costs)) / cpu[name]:>8.0%}{last['latency_ms']['p50']:>9.2f}"
                  f"{last['latency_ms']['p99']:>9.2f}{last['memory_kb'] / 1024:>7.0f}"
                  f"{startup[name]:>9.2f}")
        times = cpu["rspamd"] / cpu["winnow serve"]
        print(f"  {at_once} at a time: rspamd uses {times:.1f} times the CPU of winnow serve (bound: {BOUND} or "
              f"more, {'met' if times >= BOUND else 'MISSED'})")
        result["at_once"][at_once] = {"times": times, "rounds": engines}
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    measured_mail.add_corpus(parser)
    parser.add_argument("--winnow", required=True, help="the binary")
    parser.add_argument("--load", required=True, help="winnow_load")
    parser.add_argument("--sample", type=int, default=1000, help="messages (0 = all)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", default="build/serve.json", help="where the JSON goes")
    args = parser.parse_args()
    measured_mail.require_corpus(args.corpus)
    cores = sorted(os.sched_getaffinity(0))
    args.load_cores = set(cores[1:] or cores)
    os.sched_setaffinity(0, {cores[0]})  # both engines inherit it
    messages = measured_mail.load_messages(args.corpus, args.sample)
    with tempfile.TemporaryDirectory() as work:
        report(args, messages, *measure(args, messages, work))


if __name__ == "__main__":
    main()
