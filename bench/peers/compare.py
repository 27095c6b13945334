#!/usr/bin/env python3
"""Winnow, Debian's rspamd and SpamAssassin on the same messages, in one run, on one core.

Each engine is set to checks that need no network and no learnt state, gets the same messages one
after the other, and is measured by the CPU time of its own processes (user + system, from the
kernel), start-up apart. Engines take turns in rounds and begin by turns, so that a drift of
the machine's speed falls on all; the median counts, the spread is (most - least) / median.
Prints a table and writes JSON with machine, versions, corpus and the number of symbols and pattern bytes each engine had enabled.

rspamd:       one normal worker, HTTP on a loopback port chosen free, no Redis, DNS pointed at a
              closed port, modules that ask the network switched off.
spamassassin: spamd --local with one child, SPAMC protocol on a unix socket, Bayes off.
winnow:       winnow scan --threads 1 over the messages five times, minus once, by four: what starts
              it and warms it is apart, as it is with the peers, which go on from round to round.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import sys
import tempfile

from engines import Rspamd, SpamAssassin, Winnow, cpu_model, cpu_of, git_commit, peak_mb
from measured_mail import add_corpus, load_messages, require_corpus, write_messages

PASSES = 5  # of winnow over the messages


def measure(args, messages, work):
    corpus = write_messages(messages, pathlib.Path(work) / "mail")
    winnow = Winnow(args.winnow, work)
    peers = []
    try:
        if "rspamd" in args.engines:
            peers.append(Rspamd(work))
        if "spamassassin" in args.engines:
            peers.append(SpamAssassin(work))
        rounds = {"winnow": []}
        memory = {"winnow": 0}
        symbols = {}
        for peer in peers:
            rounds[peer.name] = []
            for _, raw in messages:
                peer.scan(raw)  # warms it up
        for number in range(args.rounds):
            order = [winnow] + peers
            for peer in order[number % len(order):] + order[:number % len(order)]:
                if peer is winnow:
                    once, _ = winnow.run([str(corpus)])
                    cpu, mb = winnow.run([str(corpus)] * PASSES)
                    rounds["winnow"].append((cpu - once) / (PASSES - 1))
                    memory["winnow"] = max(memory["winnow"], mb)
                    continue
                before = cpu_of(peer.pids())
                seen = set()
                for _, raw in messages:
                    seen.update(peer.scan(raw))
                rounds[peer.name].append(cpu_of(peer.pids()) - before)
                memory[peer.name] = peak_mb(peer.pids())
                symbols[peer.name] = len(seen)
            print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
        return winnow, peers, rounds, memory
    finally:
        for peer in peers:
            peer.stop()


def report(args, messages, winnow, peers, rounds, memory):
    size = sum(len(raw) for _, raw in messages)
    result = {
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "kernel": platform.release()},
        "commit": git_commit(), "corpus": os.path.basename(args.corpus.rstrip("/")),
        "messages": len(messages), "bytes": size, "rounds": args.rounds, "engines": {}}
    base = statistics.median(rounds["winnow"])
    for engine in [winnow] + peers:
        cpu = statistics.median(rounds[engine.name])
        enabled, pattern_bytes = engine.rules()
        result["engines"][engine.name] = {
            "version": engine.version(), "cpu_us_per_message": cpu / len(messages) * 1e6,
            "messages_per_core_second": len(messages) / cpu if cpu else 0,
            "rounds_s": rounds[engine.name],
            "spread": (max(rounds[engine.name]) - min(rounds[engine.name])) / cpu if cpu else 0,
            "peak_mb": memory[engine.name],
            "startup_s": engine.startup, "times_winnow": cpu / base if base else 0,
            "symbols": enabled, "pattern_bytes": pattern_bytes}
    print(f"{len(messages)} messages, {size / 1e6:.1f} MB, median of {args.rounds} rounds; "
          f"{result['machine']['cpu']}, {result['machine']['cores']} cores, Linux "
          f"{result['machine']['kernel']}, corpus {result['corpus']}, commit {result['commit']}")
    print(f"{'engine':<14}{'us/message':>11}{'spread':>8}{'msg/s core':>12}{'x winnow':>10}"
          f"{'peak MB':>9}{'start s':>9}{'symbols':>9}{'patterns B':>12}  version")
    for name, row in result["engines"].items():
        print(f"{name:<14}{row['cpu_us_per_message']:>11.1f}{row['spread']:>8.0%}"
              f"{row['messages_per_core_second']:>12.0f}{row['times_winnow']:>10.1f}"
              f"{row['peak_mb']:>9.0f}{row['startup_s']:>9.2f}"
              f"{row['symbols'] if row['symbols'] is not None else '?':>9}"
              f"{row['pattern_bytes'] if row['pattern_bytes'] is not None else 'in Lua':>12}"
              f"  {row['version']}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_corpus(parser)
    parser.add_argument("--winnow", required=True, help="the binary")
    parser.add_argument("--sample", type=int, default=1000, help="messages (0 = all)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", nargs="*", default=["rspamd", "spamassassin"])
    parser.add_argument("--json", default="build/compare.json", help="where the JSON goes")
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    args = parser.parse_args()
    require_corpus(args.corpus)
    os.sched_setaffinity(0, {args.core})  # every engine inherits it
    messages = load_messages(args.corpus, args.sample)
    with tempfile.TemporaryDirectory() as work:
        report(args, messages, *measure(args, messages, work))


if __name__ == "__main__":
    main()
