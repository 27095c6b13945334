#!/usr/bin/env python3
"""Mail made to be expensive: every kind at n and 2n units must take at most 2.3 times the time,
at most 5 s at 2n, and show its fault where a limit was passed.

Time is the CPU time of all stages of `winnow scan --threads 1 --perf` on one message, the least of
some rounds, minus that of an empty message: starting up, which takes longer than most kinds and
varies by more, is no part of it. Each process scans the message four times, one a batch, and the
mean counts: the first touch of fresh memory, a page fault for each 4 KB, is no square and would
look like one where buffers double. Reading and writing is no part of it either, so where the
process takes long its whole CPU time is held to the same ratio. Kinds whose 2n takes less than
5 ms are not compared, and what takes little more has so many units that n and 2n both leave the
same cache: the step from one to the next is no square either. A table goes to standard output; the exit code is 1 where a kind is over a
bound.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
from hostile_mail import HEAD, KINDS  # noqa: E402

RATIO, SECONDS = 2.3, 5.0
COPIES = 4  # of the message in one process
NOISE, NOISE_PROCESS = 0.005, 0.5  # seconds below which stages, process are not compared


def cpu(binary, file, errors):
    """Seconds of the stages and of the process for one copy, what it wrote, its status."""
    with open(errors, "wb+") as to:
        process = subprocess.Popen([binary, "scan", "--threads", "1", "--format", "jsonl",
                                    "--batch-rows", "1", "--quiet", "--perf"] + [file] * COPIES,
                                   stdout=subprocess.PIPE, stderr=to)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        to.seek(0)
        table = to.read().decode("utf-8", "replace")
    found = re.search(r"^all +([0-9.]+)\n(\d+) messages", table, re.MULTILINE)
    stages = float(found[1]) * 1e-6 if found else 0.0
    process_time = (usage.ru_utime + usage.ru_stime) / COPIES
    return stages, process_time, out.decode("utf-8", "replace"), status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--winnow", required=True, help="the binary")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("kinds", nargs="*", help="parts of the names of kinds; without: all")
    args = parser.parse_args()
    bad = 0
    print(f"{'kind':<28}{'n':>9}{'ms at n':>9}{'ms at 2n':>9}{'ratio':>7}  fault")
    with tempfile.TemporaryDirectory() as work:
        file = os.path.join(work, "m.eml")
        errors = os.path.join(work, "stderr")

        def least(message, rounds):
            with open(file, "wb") as to:
                to.write(message)
            runs = [cpu(args.winnow, file, errors) for _ in range(rounds)]
            return (min(r[0] for r in runs), min(r[1] for r in runs), runs[0][2],
                    max(r[3] for r in runs))

        base, process_base, _, _ = least(HEAD + b"\nx\n", args.rounds)
        for name, make, n, fault in KINDS:
            if args.kinds and not any(part in name for part in args.kinds):
                continue
            # What is over the bound is measured again, longer: a machine is never still.
            for rounds in (args.rounds, 5 * args.rounds):
                once, process_once, _, status_n = least(make(n), rounds)
                twice, process_twice, out, status = least(make(2 * n), rounds)
                once, twice = max(once - base, 1e-4), max(twice - base, 1e-4)
                process_once = max(process_once - process_base, 1e-4)
                process_twice = max(process_twice - process_base, 1e-4)
                bent = [what for what, ratio, time, noise in
                        (("not linear", twice / once, twice, NOISE),
                         ("process not linear", process_twice / process_once, process_twice,
                          NOISE_PROCESS)) if time > noise and ratio > RATIO]
                if not bent:
                    break
            notes = list(bent)
            if status or status_n or not out:
                notes.insert(0, f"no verdict (status {status or status_n})")
            if max(twice, process_twice) > SECONDS:
                notes.append("too slow")
            if fault and fault not in out:
                notes.append(f"{fault} is missing")
            bad += bool(notes)
            print(f"{name:<28}{n:>9}{once * 1e3:>9.1f}{twice * 1e3:>9.1f}{twice / once:>7.2f}  "
                  f"{fault or '-'}{'  ' + '; '.join(notes).upper() if notes else ''}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
