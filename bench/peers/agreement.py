#!/usr/bin/env python3
"""Symbol by symbol: Winnow and Debian's rspamd on the same messages with the same envelope.

Both answer the same HTTP request (/checkv2, `Pass: all`, so that nobody stops early); rspamd is
set up as in compare.py: no network, nothing learnt. Envelope and connection come from the message
where it has them (Return-Path, Delivered-To, its newest Received) and are made up otherwise, by a
hash of its bytes: some mail comes from a host without a name, some from a logged-in user, some
bounces. Compared are the symbols of rules/conf/rspamd_symbols.tsv that need neither network nor
store and that Debian's version has.

A symbol agrees when at most 2 % of the messages that either gives it to have it from one of them
alone. One that does not must stand in tests/peer/differences_symbols.md, and one that stands in its
first table must differ: --check says so by its exit code.

agreement.py CORPUS --winnow BINARY [--sample 2000] [--check] [--show SYMBOL] [--probe FILE...]
"""
import argparse
import collections
import json
import pathlib
import re
import sys
import tempfile
import zlib

import engines
import measured_mail

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SYMBOLS = SOURCE / "rules/conf/rspamd_symbols.tsv"
DIFFERENCES = SOURCE / "tests/peer/differences_symbols.md"
TOLERANCE = 0.02
LOCAL = ("none", "map", "envelope", "envelope,map")

ADDRESS = re.compile(rb"[^\s<>\",;:()\[\]]+@[A-Za-z0-9.-]+[A-Za-z0-9]")
SENDER = re.compile(rb"<?(" + ADDRESS.pattern.replace(b"[^", b"[^@") + rb")>?\s*(?!@)")
HOP = re.compile(rb"from\s+([A-Za-z0-9.-]+)\s+\(\s*(?:HELO\s+)?([A-Za-z0-9.-]+)?\s*"
                 rb"\[(\d+\.\d+\.\d+\.\d+)\]")


def field(head, name):
    """The unfolded value of the first header `name`; empty where there is none."""
    found = re.search(rb"^" + name + rb":[ \t]*((?:[^\r\n]|\r?\n[ \t])*)", head, re.M | re.I)
    return re.sub(rb"\r?\n[ \t]+", b" ", found.group(1)) if found else b""


def envelope(raw):
    """[(HTTP header, value)] that a server would have had with this message."""
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    seed = zlib.crc32(raw)
    out = []
    sender = SENDER.fullmatch(field(head, b"Return-Path")) or SENDER.search(field(head, b"From"))
    out.append(("From", sender.group(1).decode("latin-1") if sender and seed % 16 else "<>"))
    to = [ADDRESS.search(field(head, name)) for name in (b"Delivered-To", b"X-Original-To", b"To")]
    rcpt = next((m.group().decode("latin-1") for m in to if m), "reader@example.org")
    out.append(("Rcpt", rcpt))
    if seed // 16 % 8 == 0:
        out.append(("Rcpt", "second@example.org"))
    hop = HOP.search(field(head, b"Received"))
    if hop and seed // 128 % 4:
        ip, helo = hop.group(3).decode(), hop.group(1).decode()
        host = (hop.group(2) or b"").decode()
    else:
        ip, helo = f"203.0.113.{seed // 512 % 250 + 1}", "mx.sender.example"
        host = helo if seed // 512 % 3 else ""
    out += [("IP", ip), ("Helo", helo)]
    if "." in host:
        out.append(("Hostname", host))
    if seed // 4096 % 16 == 0:
        out.append(("User", "someone"))
    return out


def reply(port, raw, headers):
    """What is answered to one message: the object of /checkv2."""
    return engines.check(port, raw, ["Pass: all", *(f"{name}: {value}" for name, value in headers)])


def ask(port, raw, headers):
    """{symbol: answer} of one message."""
    return {name: (round(one.get("score", 0), 3), one.get("options", []))
            for name, one in reply(port, raw, headers).get("symbols", {}).items()}


class Rspamd(engines.Rspamd):
    """Signatures are looked at, lists that it would download are ours."""

    OFF = [m for m in engines.Rspamd.OFF if m not in ("arc", "dkim")]
    MAPS = {"freemail": ("cc", "envfrom", "envrcpt", "from", "mdn", "replyto", "to"),
            "disposable": ("cc", "envfrom", "envrcpt", "from", "mdn", "replyto", "to")}

    def configure(self, local):
        text = ""
        for name, rules in self.MAPS.items():
            copy = self.work / f"{name}.map"
            copy.write_bytes((SOURCE / "rules/conf/maps.d" / copy.name).read_bytes())
            copy.chmod(0o644)
            for rule in rules:
                text += f'{name}_{rule} {{ map = "file://{copy}"; }}\n'
        (local / "multimap.conf").write_text(text)


def symbol_table():
    """{name: needs} of the symbols that can be compared."""
    out = {}
    for line in SYMBOLS.read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, needs, weight_3_4 = (line.split("\t") + [""])[:3]
        if weight_3_4 and needs in LOCAL:
            out[name] = needs
    return out


def explained():
    """Symbols that the tables of differences name, and those of the first, which must differ."""
    out, first = set(), None
    for line in DIFFERENCES.read_text().splitlines():
        if line.startswith("## "):
            first = set(out)
        if line.startswith("| "):
            out.update(re.findall(r"[A-Z][A-Z0-9_]{3,}\b(?:smtp_yandex_ru|mail_ru)?",
                                  line.split("|")[1]))
    return out, out if first is None else first


def answers(messages, port):
    out = []
    for number, (_, raw) in enumerate(messages):
        out.append(ask(port, raw, envelope(raw)))
        if number % 500 == 499:
            print(f"{number + 1} of {len(messages)}", file=sys.stderr)
    return out


def theirs_of(args, messages):
    """rspamd's answers; from the file --peer-answers where that has them."""
    key = f"{len(messages)} {zlib.crc32(b''.join(raw for _, raw in messages))}"
    file = pathlib.Path(args.peer_answers) if args.peer_answers else None
    if file and file.exists():
        kept = json.loads(file.read_text())
        if kept["key"] == key:
            return kept["answers"]
    with tempfile.TemporaryDirectory() as work:
        peer = Rspamd(work)
        try:
            out = answers(messages, peer.port)
        finally:
            peer.stop()
    if file:
        file.write_text(json.dumps({"key": key, "answers": out}))
    return out


def ours_of(args, messages):
    policy = ["--policy", args.policy] if args.policy else []
    with tempfile.TemporaryDirectory() as work:
        serve = engines.WinnowServe(args.winnow, work, "--no-dns", *policy)
        try:
            return answers(messages, serve.port)
        finally:
            serve.stop()


def count(names, ours, theirs):
    """{symbol: [both, only ours, only theirs, both but another weight]}"""
    out = collections.defaultdict(lambda: [0, 0, 0, 0])
    for mine, other in zip(ours, theirs):
        for name in names:
            a, b = mine.get(name), other.get(name)
            if a is None and b is None:
                continue
            row = out[name]
            row[0 if a is not None and b is not None else 1 if a is not None else 2] += 1
            if a is not None and b is not None and abs(a[0] - b[0]) > 0.011:
                row[3] += 1
    return out


def report(table, known):
    """Prints the table; returns the symbols that differ."""
    differ = []
    rows = []
    for name, (both, mine, other, weight) in table.items():
        share = (mine + other) / (both + mine + other)
        if share > TOLERANCE:
            differ.append(name)
        rows.append((-share, -(mine + other), name, both, mine, other, weight))
    print(f"{'symbol':34} {'both':>6} {'ours':>6} {'theirs':>6} {'score':>6}  differs")
    for share, _, name, both, mine, other, weight in sorted(rows):
        mark = "" if -share <= TOLERANCE else " explained" if name in known else " UNEXPLAINED"
        print(f"{name:34} {both:6} {mine:6} {other:6} {weight:6}  {-share:6.1%}{mark}")
    print(f"{len(rows)} symbols compared, {len(differ)} differ on more than {TOLERANCE:.0%} of "
          f"their hits, {len([n for n in differ if n not in known])} of them unexplained")
    return differ


def show(name, messages, ours, theirs):
    for (path, _), mine, other in zip(messages, ours, theirs):
        if (name in mine) != (name in other):
            side, one = ("ours", mine[name]) if name in mine else ("theirs", other[name])
            print(f"{side:6} {path} {one}")
        elif name in mine and abs(mine[name][0] - other[name][0]) > 0.011:
            print(f"score  {path} ours {mine[name]} theirs {other[name]}")


def probe(args):
    """What each of them alone says of some files, with the envelope of this tool."""
    messages = [(path, pathlib.Path(path).read_bytes()) for path in args.probe]
    names = set(symbol_table())
    for (path, raw), mine, other in zip(messages, ours_of(args, messages),
                                        theirs_of(args, messages)):
        print(path, envelope(raw))
        for name in sorted(set(mine) ^ set(other)):
            if name in names:
                print(f"  {'ours' if name in mine else 'theirs':6} {name} "
                      f"{(mine.get(name) or other.get(name))[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?")
    parser.add_argument("--winnow", default="build/release/winnow")
    parser.add_argument("--policy", help="directory of the shipped policy (default: built in)")
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--peer-answers", help="file that keeps rspamd's answers between runs")
    parser.add_argument("--show", action="append", default=[], help="messages a symbol differs on")
    parser.add_argument("--probe", nargs="+", help="files to ask both of")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if args.probe:
        probe(args)
        return
    corpus = args.corpus or str(SOURCE / "../shared/corpus/mail-train.tar.zst")
    messages = measured_mail.load_messages(corpus, args.sample)
    theirs = theirs_of(args, messages)
    ours = ours_of(args, messages)
    for name in args.show:
        show(name, messages, ours, theirs)
    if args.show:
        return
    known, must_differ = explained()
    table = count(symbol_table(), ours, theirs)
    differ = report(table, known)
    stale = sorted(n for n in must_differ if n in table and n not in differ)
    if stale:
        print("explained, yet they agree:", " ".join(stale))
    if args.check and (set(differ) - known or stale):
        sys.exit(1)


if __name__ == "__main__":
    main()
