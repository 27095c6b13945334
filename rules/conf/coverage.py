#!/usr/bin/env python3
"""Rspamd's symbols and Winnow's, as a table: coverage.py --winnow BINARY [--source REPOSITORY]

One row for each name of rspamd_symbols.tsv: what it needs, the weight here, in 3.4 and in 4.1, how
many tests it has, and why it is left out or weighs otherwise. `gaps()` is what may not be: a name
that is neither here nor excused, another weight without a reason, a symbol without a test that
needs no answers of the network.
"""
import argparse
import pathlib
import re
import subprocess

LOCAL = ("none", "map", "envelope", "envelope,map")
BLOCK = re.compile(r"^([A-Z][A-Za-z0-9_]+) \{\n(.*?)^\}", re.M | re.S)
TEST = re.compile(r"^  test \{", re.M)


def names(conf):
    """[(name, needs, weight 3.4, weight 4.1, reason)] of the table; weights as text."""
    out = []
    for line in (conf / "rspamd_symbols.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            out.append(tuple((line.split("\t") + [""] * 5)[:5]))
    return out


def ours(winnow, conf):
    """{symbol: weight} of the policy in `conf`."""
    listed = subprocess.run([winnow, "rules", "--policy", str(conf), "list"],
                            stdout=subprocess.PIPE, check=True, text=True).stdout
    return {line.split()[0]: float(line.split()[1]) for line in listed.splitlines() if line.strip()}


def tests(conf):
    """{symbol: number of tests} of all files of the policy."""
    out = {}
    for file in conf.rglob("*.conf"):
        for name, body in BLOCK.findall(file.read_text()):
            out[name] = out.get(name, 0) + len(TEST.findall(body))
    return out


def rows(winnow, conf):
    """[(name, needs, ours or None, 3.4, 4.1, tests, reason)]"""
    weights, counts = ours(winnow, conf), tests(conf)
    return [(name, needs, weights.get(name), old, new, counts.get(name, 0), reason)
            for name, needs, old, new, reason in names(conf)]


def gaps(table):
    """Sentences about what may not be."""
    out = []
    for name, needs, weight, old, new, count, reason in table:
        if weight is None:
            if not reason:
                out.append(f"{name} is not here, and no reason stands in the table")
            continue
        if abs(weight - float(new or old or 0)) > 0.006 and not reason:
            out.append(f"{name} weighs {weight}, {new or old} in Rspamd, and no reason stands there")
        if count == 0 and needs in LOCAL and not reason:
            out.append(f"{name} has no test")
    return out


def listed(winnow, conf):
    """All symbols of the policy, and "g:NAME" for each of their groups."""
    out = set()
    lines = subprocess.run([winnow, "rules", "--policy", str(conf), "list"],
                           stdout=subprocess.PIPE, check=True, text=True).stdout
    for line in lines.splitlines():
        if line.strip():
            name, _, groups = line.split()[:3]
            out |= {name} | {"g:" + group for group in groups.split(",")}
    return out


def could_hit(expression, here):
    """Whether `expression` may hold where only the symbols and groups of `here` are inserted."""
    text = re.sub(r"[-~^]*(g)?[+-]?(:)?([A-Za-z_][A-Za-z0-9_]*)(\[[^\]]*\])?",
                  lambda m: str((m[1] or "") + (m[2] or "") + m[3] in here), expression)
    text = re.sub(r"!\s*(True|False)", "True", text)  # what is absent does not stand in the way
    return bool(eval(text.replace("&", " and ").replace("|", " or ")))  # only words and operators


def asleep(conf, here):
    """Composites that are switched off although what they read is inserted."""
    out = []
    for file in sorted(conf.glob("composites.d/*.conf")):
        for name, body in BLOCK.findall(file.read_text()):
            if re.search(r"^  enabled = false;", body, re.M):
                expression = re.search(r'^  expression = "(.*)";', body, re.M)[1]
                if could_hit(expression, here):
                    out.append(f"{name} is off, yet all that {expression} needs is inserted")
    return out


HEADERS_ALONE_LEAST = -0.2


def forgeable(conf):
    """Rules of patterns that one line of a header satisfies and that take off more than allowed."""
    out = []
    for file in sorted(conf.glob("regexp.d/**/*.conf")):
        for name, body in BLOCK.findall(file.read_text()):
            score = re.search(r"^  score = (-[\d.]+);", body, re.M)
            expression = re.search(r'^  re = "(.*)";', body, re.M)
            if not score or float(score[1]) >= HEADERS_ALONE_LEAST or not expression:
                continue
            if not re.search(r"\{(?!\d)|/[a-z]*[UMPQCD]\b", expression[1]):
                out.append(f"{name} takes off {score[1]}, and reads headers alone")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--source", default=pathlib.Path(__file__).resolve().parents[2])
    args = parser.parse_args()
    table = rows(args.winnow, pathlib.Path(args.source) / "rules/conf")
    print("| symbol | needs | ours | 3.4 | 4.1 | tests | reason |\n|---|---|---|---|---|---|---|")
    for name, needs, weight, old, new, count, reason in table:
        here = "" if weight is None else f"{weight:g}"
        print(f"| {name} | {needs} | {here} | {old} | {new} | {count} | {reason} |")
    here = sum(row[2] is not None for row in table)
    print(f"\n{len(table)} names, {here} here, {len(table) - here} left out, "
          f"{len(gaps(table))} gaps")


if __name__ == "__main__":
    main()
