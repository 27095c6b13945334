"""Every rule on every kind of hostile mail: its steps, counted, grow no faster than the mail.

step_counter says for each message what each check, function and pattern did (step_counter.cc). Each
kind of hostile_mail.py is made in five sizes, each twice the one before, the largest with as many
units as pass no limit (beyond one nothing grows): from one to the next no part may take more than
2.3 times the steps (sorting is a little more than linear), and never more than STEPS_A_BYTE for each
byte of the message. A database reads each byte once (Hyperscan goes through its states and never
back): its steps are bytes and reports. Patterns that PCRE2 decides are counted as they run, and once
more alone, without the database that keeps it from most texts. --table prints the parts that come
nearest.
"""

import os
import subprocess

from hostile_mail import KINDS, RULE_KINDS
from checking import Checking

RATIO, SLACK = 2.3, 20_000
# A symbol's options are compared with each other until they are 4 KB: a square, of a thousand.
OPTIONS = {"rules and composites": 1_000_000}
STEPS_A_BYTE = 400
BYTES = 48_000  # of the largest message of a kind
SIZES = 5
# Units that are still within the limit.
UNITS = {"LIMIT_HEADERS": 9_900, "LIMIT_RECEIVED": 990, "LIMIT_ADDRESSES": 9_900,
         "LIMIT_ENCODED_WORDS": 9_900, "LIMIT_PARTS": 990, "LIMIT_DEPTH": 60, "LIMIT_ARCHIVE": 9_900,
         "LIMIT_URLS": 9_900, "LIMIT_HTML": 990}
ALL_KINDS = [(name, make, fault) for name, make, _, fault in KINDS] + RULE_KINDS


def units(make, fault):
    a_unit = max(1, (len(make(100)) - len(make(0))) // 100)
    return max(32, min(BYTES // a_unit, UNITS.get(fault, BYTES)))


def counted(checking, *arguments):
    """(number of the kind, of the size, part, steps) as the counter says."""
    done = subprocess.run([checking.options.counter, *arguments], stdout=subprocess.PIPE,
                          text=True, check=True,
                          env=dict(os.environ, XDG_CACHE_HOME=str(checking.cache)))
    for line in done.stdout.splitlines():
        file, part, count = line.split("\t")
        kind, size, _ = file.rsplit("/", 1)[-1].split(".")
        yield int(kind), int(size), part, int(count)


def judge(checking, how, sizes, counts):
    steps, table = {}, []
    for kind, size, part, count in counts:
        steps.setdefault((kind, part), [None] * SIZES)[size] = count
    for (kind, part), series in steps.items():
        name = f"{ALL_KINDS[kind][0]}{how}: {part}"
        slack = OPTIONS.get(part, SLACK)
        for size in range(1, SIZES):
            once, twice = series[size - 1:size + 1]
            if once is None or twice is None:  # not run, as other rules had decided already
                continue
            ratio = twice / (once + slack / RATIO)
            a_byte = (twice - slack) / sizes[kind, size]
            table.append((ratio, a_byte, name, once, twice))
            checking.check(ratio <= RATIO, f"{name} took {once} steps, of twice the mail {twice}: "
                                           f"more than {RATIO} times")
            checking.check(a_byte <= STEPS_A_BYTE, f"{name} took {twice} steps for "
                                                   f"{sizes[kind, size]} bytes: {a_byte:.0f} a byte")
    parts = {part for _, part in steps}
    for part in parts:
        checking.check(any(any(series) for (_, one), series in steps.items() if one == part),
                       f"{part}{how} was never run: no kind of mail reaches it")
    print(f"{len(steps)} counts of {len(parts)} parts on {len(ALL_KINDS)} kinds{how}")
    if checking.options.table:
        for by in (0, 1):
            for row in sorted(table, key=lambda row: -row[by])[:25]:
                print(f"{row[0]:7.2f} {row[1]:8.1f} a byte  {row[3]:>10} {row[4]:>10}  {row[2]}")
    return parts


def main():
    checking = Checking(__doc__, [("--counter", {"required": True}),
                                  ("--table", {"action": "store_true"})])
    sizes, files = {}, []
    for number, (_, make, fault) in enumerate(ALL_KINDS):
        most = units(make, fault)
        for size in range(SIZES):
            message = make(most >> (SIZES - 1 - size))
            files.append(checking.folder / f"{number}.{size}.eml")
            files[-1].write_bytes(message)
            sizes[number, size] = len(message)
    parts = judge(checking, "", sizes, counted(checking, *files))
    parts |= judge(checking, ", patterns alone", sizes, counted(checking, "--alone", *files))
    for kind, least in ((" content", 35), (" judge", 10), ("function ", 20), ("pattern ", 10)):
        count = sum(kind in part for part in parts)
        checking.check(count >= least, f"only {count} parts with '{kind}' were counted")
    checking.finish()


main()
