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
import base64
import os
import re
import subprocess
import sys
import tempfile

RATIO, SECONDS = 2.3, 5.0
COPIES = 4  # of the message in one process
NOISE, NOISE_PROCESS = 0.005, 0.5  # seconds below which stages, process are not compared
HEAD = b"From: a@b.example\nTo: c@d.example\nSubject: s\nMIME-Version: 1.0\n"


def text(body, kind=b"text/plain", more=b""):
    return HEAD + more + b"Content-Type: " + kind + b"; charset=utf-8\n\n" + body


def html(body):
    return text(body, b"text/html")


def nested(n):
    out = [HEAD]
    for i in range(n):
        out.append(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i))
    return b"".join(out) + b"Content-Type: text/plain\n\nx\n"


def messages_in_messages(n):
    return HEAD + b"Content-Type: message/rfc822\n\n" * n + b"Subject: in\n\nx\n"


def tnef(n):
    return HEAD + b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n" + \
        base64.encodebytes(b"\x78\x9f\x3e\x22\x01\x00" +
                           b"\x02\x0f\x80\x06\x00\x00\x00\x00\x00\x00\x00" * n)


def zip_members(n):
    local, central = [], []
    for i in range(n):
        name = b"%d.exe" % i
        local.append(b"PK\3\4" + b"\0" * 22 + len(name).to_bytes(2, "little") + b"\0\0" + name)
    offset = 0
    for i in range(n):
        name = b"%d.exe" % i
        central.append(b"PK\1\2" + b"\0" * 24 + len(name).to_bytes(2, "little") + b"\0" * 12 +
                       offset.to_bytes(4, "little") + name)
        offset += len(local[i])
    directory = b"".join(central)
    count = min(n, 65535).to_bytes(2, "little")
    end = b"PK\5\6" + b"\0" * 4 + count + count + len(directory).to_bytes(4, "little") + \
        offset.to_bytes(4, "little") + b"\0\0"
    return HEAD + b"Content-Type: application/zip; name=a.zip\n" \
        b"Content-Transfer-Encoding: base64\n\n" + \
        base64.encodebytes(b"".join(local) + directory + end)


# name, message of n units, n, fault expected at 2n (None: no limit is passed)
KINDS = [
    ("headers", lambda n: HEAD + b"X-A: b\n" * n + b"\nx\n", 100_000, "LIMIT_HEADERS"),
    ("header names", lambda n: HEAD + b"".join(b"X-%d: b\n" % i for i in range(n)) + b"\nx\n",
     100_000, "LIMIT_HEADERS"),
    ("folded lines", lambda n: HEAD + b"X-A: b\n" + b" c\n" * n + b"\nx\n", 100_000, None),
    ("received", lambda n: HEAD + b"Received: from a (b [192.0.2.1]) by c; Tue, 20 Oct 2026 "
     b"10:00:00 +0000\n" * n + b"\nx\n", 100_000, "LIMIT_RECEIVED"),
    ("received comments", lambda n: HEAD + b"Received: from a " + b"(" * n + b"\n\nx\n", 100_000,
     None),
    ("addresses", lambda n: HEAD + b"Cc: " + b"a@b.example,\n " * n + b"a@b\n\nx\n", 100_000,
     "LIMIT_ADDRESSES"),
    ("address brackets", lambda n: HEAD + b"Cc: " + b"<" * n + b"\n\nx\n", 100_000, None),
    ("address quotes", lambda n: HEAD + b"Cc: " + b'"(' * n + b"\n\nx\n", 100_000, None),
    ("encoded words", lambda n: HEAD + b"Subject: " + b"=?utf-8?Q?a?=\n " * n + b"\n\nx\n",
     100_000, "LIMIT_ENCODED_WORDS"),
    ("open encoded words", lambda n: HEAD + b"Subject: " + b"=?utf-8?Q?" * n + b"\n\nx\n", 100_000,
     None),
    ("parameters", lambda n: HEAD + b"Content-Type: text/plain" + b";\n a*0=b" * n + b"\n\nx\n",
     400_000, None),
    ("parts", lambda n: HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" +
     b"--b\n\nx\n" * n + b"--b--\n", 100_000, "LIMIT_PARTS"),
    ("nesting", nested, 5_000, "LIMIT_DEPTH"),
    ("messages in messages", messages_in_messages, 100_000, "LIMIT_DEPTH"),
    ("boundary look-alikes", lambda n: HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" +
     b"--bx\n" * n, 100_000, None),
    ("dash lines", lambda n: text(b"-----BEGIN PGP \n" * n), 100_000, None),
    ("open armour", lambda n: text(b"-----BEGIN PGP MESSAGE-----\n" * n), 100_000, None),
    ("open uuencode", lambda n: text(b"begin 644 a\n" * n), 100_000, None),
    ("open yenc", lambda n: text(b"=ybegin line=128 size=1 name=a\n" * n), 100_000, None),
    ("tnef", tnef, 100_000, None),
    ("zip members", zip_members, 60_000, "LIMIT_ARCHIVE"),
    ("one long line", lambda n: text(b"a" * n), 4_000_000, None),
    ("long line beyond the limit", lambda n: text(b"a " * n), 8_000_000, "LIMIT_TEXT"),
    ("quoted-printable", lambda n: text(b"=E9=\n" * n,
     more=b"Content-Transfer-Encoding: quoted-printable\n"), 200_000, None),
    ("flowed", lambda n: text(b"> > a \n" * n, b"text/plain; format=flowed"), 100_000, None),
    ("words", lambda n: text(b"ab " * n), 200_000, None),
    ("spaced letters", lambda n: text(b"a b " * n), 200_000, None),
    ("marks", lambda n: text("a\u0301".encode() * n), 200_000, None),
    ("zero width", lambda n: text("a\u200b".encode() * n), 200_000, None),
    ("han", lambda n: text("\u4e2d\u6587".encode() * n), 100_000, None),
    ("bytes without a charset", lambda n: HEAD + b"\n" + b"\xe9\xe8 " * n, 200_000, None),
    ("urls", lambda n: text(b"".join(b"http://a%d.example/\n" % i for i in range(n))), 100_000,
     "LIMIT_URLS"),
    ("url starts", lambda n: text(b"http://" * n), 100_000, None),
    ("url brackets", lambda n: text(b"http://a.example/" + b"((" * n), 400_000, None),
    ("dots", lambda n: text(b"a." * n), 800_000, None),
    ("at signs", lambda n: text(b"a@" * n), 200_000, None),
    ("angles", lambda n: text(b"<http://a.example/\n" * n), 100_000, None),
    ("html tags", lambda n: html(b"<p>" * n), 100_000, None),
    ("html nesting", lambda n: html(b"<div>" * n), 100_000, "LIMIT_HTML"),
    ("html tables", lambda n: html(b"<table><tr><td>" * n), 60_000, "LIMIT_HTML"),
    ("html closings", lambda n: html(b"<b>" + b"</i>" * n), 100_000, None),
    ("html attributes", lambda n: html(b"<p " + b"a=b " * n + b">"), 200_000, None),
    ("html open tags", lambda n: html(b"<a " * n), 200_000, None),
    ("html open comments", lambda n: html(b"<!-- " * n), 200_000, None),
    ("html entities", lambda n: html(b"&amp;&notanentity" * n), 100_000, None),
    ("html styles", lambda n: html(b"<p style='" + b"color:red;" * n + b"'>x"), 100_000, None),
    ("html sheet", lambda n: html(b"<style>" + b".a{color:red}" * n + b"</style><p class=a>x"),
     100_000, None),
    ("html links", lambda n: html(b"".join(b"<a href=http://a%d.example/>x</a>" % i
                                           for i in range(n))), 60_000, "LIMIT_HTML"),
    ("html links in one", lambda n: html(b"<a href=http://a.example/>" * n + b"x"), 60_000, None),
]


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

        def least(message):
            with open(file, "wb") as to:
                to.write(message)
            runs = [cpu(args.winnow, file, errors) for _ in range(args.rounds)]
            return (min(r[0] for r in runs), min(r[1] for r in runs), runs[0][2],
                    max(r[3] for r in runs))

        base, process_base, _, _ = least(HEAD + b"\nx\n")
        for name, make, n, fault in KINDS:
            if args.kinds and not any(part in name for part in args.kinds):
                continue
            once, process_once, _, status_n = least(make(n))
            twice, process_twice, out, status = least(make(2 * n))
            once, twice = max(once - base, 1e-4), max(twice - base, 1e-4)
            process_once = max(process_once - process_base, 1e-4)
            process_twice = max(process_twice - process_base, 1e-4)
            notes = []
            if status or status_n or not out:
                notes.append(f"no verdict (status {status or status_n})")
            if twice > NOISE and twice / once > RATIO:
                notes.append("not linear")
            if process_twice > NOISE_PROCESS and process_twice / process_once > RATIO:
                notes.append("process not linear")
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
