#!/usr/bin/env python3
"""Would `winnow rules test` notice a slip in the policy? mutations.py --winnow PATH --source PATH

Makes slips in a copy of rules/conf and counts those that the rule's own tests notice: a literal of
a pattern deleted, a condition negated, a weight changed by 20 %. One run of the tests judges one
slip in each rule; rules and composites take turns, as composites read rules. A sample of slips by
default, all of them with WINNOW_DEEP=1; at least 95 % of each kind must be noticed. --list prints
those that are not.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

LEAST = 0.95
BLOCK = re.compile(r"^([A-Z][A-Za-z0-9_]+) \{\n(.*?)^\}", re.M | re.S)
# What a slip may touch: the lines of a rule before its tests.
PATTERN_LINE = re.compile(r'^ *(?:re|expression|[A-Z][A-Z0-9_]*) = "((?:[^"\\]|\\.)*)";', re.M)
PHRASE_LINE = re.compile(r'^    "((?:[^"\\]|\\.)*)",$', re.M)
SCORE = re.compile(r"^  score = (-?[0-9.]+);", re.M)
# A run of letters that is neither an escape, a flag, part of a class, of a count nor of a name.
LITERAL = re.compile(r"(?<![\\A-Za-z0-9_\[?(<:-])[a-z]{3,}(?![A-Za-z0-9_*+?{}\]\[-])")
OPERAND = re.compile(r"(?:(?<=& )|(?<=\| )|(?<=^)|(?<=\())(!?)(?=[A-Z/h(])")
FAILURE = re.compile(r"^\S+: ([A-Z][A-Za-z0-9_]+): ", re.M)


def patterns(text):
    """[(begin, end)] of the regular expressions in an expression."""
    out, at = [], 0
    while found := re.compile(r"(?:^|=|\(| )/").search(text, at):
        begin = found.end()
        end = begin
        while end < len(text) and text[end] != "/":
            end += 2 if text[end] == "\\" and text[end + 1:end + 2] != "\\" else \
                3 if text[end:end + 2] == "\\\\" else 1
        out.append((begin, min(end, len(text))))
        at = end + 1
    return out


def inside_class(text, at):
    open_at = text.rfind("[", 0, at)
    return open_at >= 0 and text.find("]", open_at) > at


def slips(name, body):
    """[(kind, body with one slip)] of one rule."""
    head = body.split("\n  test {", 1)[0]
    if "enabled = false" in head or "\n  test {" not in body:
        return []
    out = []
    def literals(text, base, begin, end):
        for found in LITERAL.finditer(text, begin, end):
            if not inside_class(text, found.start()):
                out.append(("literal", body[:base + found.start()] + body[base + found.end():]))

    for line in PHRASE_LINE.finditer(head):
        literals(line.group(1), line.start(1), 0, len(line.group(1)))
    for line in PATTERN_LINE.finditer(head):
        text, base = line.group(1), line.start(1)
        inside = patterns(text)
        for begin, end in inside:
            literals(text, base, begin, end)
        for found in OPERAND.finditer(text):
            if any(begin <= found.start() < end for begin, end in inside):
                continue
            sign = "" if found.group(1) else "!"
            out.append(("condition",
                        body[:base + found.start()] + sign + body[base + found.end():]))
    if (score := SCORE.search(head)) and float(score.group(1)):
        for factor in (0.8, 1.2):
            weight = f"{float(score.group(1)) * factor:.4g}"
            out.append(("weight", body[:score.start(1)] + weight + body[score.end(1):]))
    return out


def all_slips(conf):
    """{True (composites) | False: {(file, rule): [(kind, slip)]}}"""
    out = {True: {}, False: {}}
    for file in sorted(conf.rglob("*.conf")):
        if {"tests.d", "tuned"} & set(file.parts):
            continue
        for found in BLOCK.finditer(file.read_text()):
            if made := slips(found.group(1), found.group(2)):
                out["composites.d" in file.parts][(file, found.group(1))] = made
    return out


def noticed(winnow, conf, cache, rules=()):
    """Names of those rules whose tests fail; of all where none is named."""
    done = subprocess.run([winnow, "rules", "--policy", str(conf), "--cache", str(cache), "test", *rules],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return set(FAILURE.findall(done.stdout))


def run_round(winnow, source, cache, part, number):
    """[(kind, key, slip, noticed)] with slip `number` made in each rule of `part` that has so many.

    What of `cache` still holds is used; what is built for the slips is gone with them.
    """
    chosen = {key: made[number] for key, made in part.items() if number < len(made)}
    with tempfile.TemporaryDirectory() as work:
        conf = pathlib.Path(work) / "conf"
        shutil.copytree(source, conf)
        for (file, name), (_, body) in chosen.items():
            copy = conf / file.relative_to(source)
            text = copy.read_text()
            found = next(m for m in BLOCK.finditer(text) if m.group(1) == name)
            copy.write_text(text[:found.start(2)] + body + text[found.end(2):])
        shutil.copytree(cache, pathlib.Path(work) / "cache")
        failed = noticed(winnow, conf, pathlib.Path(work) / "cache", sorted({name for _, name in chosen}))
    return [(kind, key, slip, key[1] in failed) for key, (kind, slip) in chosen.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--build")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="runs of the tests side by side")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    source = pathlib.Path(args.source) / "rules/conf"
    parts = list(all_slips(source).values())
    order = random.Random(5)
    for made in (made for part in parts for made in part.values()):
        order.shuffle(made)
    most = [max(map(len, part.values())) for part in parts]
    if not os.environ.get("WINNOW_DEEP"):
        most = [min(of, args.rounds) for of in most]
    runs = sorted(((number, part) for part, of in zip(parts, most) for number in range(of)),
                  key=lambda run: run[0])
    count = {kind: [0, 0] for kind in ("literal", "condition", "weight")}
    with tempfile.TemporaryDirectory() as cache, \
            concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        if noticed(args.winnow, source, cache):
            sys.exit("mutations: the tests fail without a slip")
        rounds = pool.map(lambda run: run_round(args.winnow, source, cache, run[1], run[0]), runs)
        for done, seen in enumerate(rounds, 1):
            for kind, key, slip, caught in seen:
                count[kind][0] += 1
                count[kind][1] += caught
                if args.list and not caught:
                    print(kind, key[1], changed(key, slip))
            print(f"mutations: run {done} of {len(runs)}, {kinds(count)}", file=sys.stderr, flush=True)
    print(kinds(count))
    made, caught = (sum(pair[i] for pair in count.values()) for i in (0, 1))
    print(f"all: {caught} of {made} ({caught / made:.1%})")
    if caught < LEAST * made:
        sys.exit(1)


def kinds(count):
    """What of each kind was noticed, as a line."""
    return ", ".join(f"{kind}: {caught} of {made} noticed ({caught / max(made, 1):.1%})"
                     for kind, (made, caught) in count.items())


def changed(key, slip):
    """The line of the slip."""
    old = next(m for m in BLOCK.finditer(key[0].read_text()) if m.group(1) == key[1]).group(2)
    at = next((i for i in range(min(len(old), len(slip))) if old[i] != slip[i]), 0)
    return f"...{old[max(0, at - 30):at]}[{old[at:at + 25]}]"


if __name__ == "__main__":
    main()
