"""Compares how Winnow cuts and decodes messages with two oracles: the values that come with
MimeKit's suite, and Python's email package on the other suites.

As a test (ctest peer_mime): unpacks ../shared/corpus/suites.tar.zst; every difference must stand in
differences.md, and every one that stands there must occur. Exit code 77 where the suites are absent.

By hand: mime_compare.py --dump build/dev/tests/peer/mime_dump --corpus DIRECTORY
prints the differences from Python over any messages, by kind.
"""
import argparse
import collections
import email
import email.header
import email.policy
import email.utils
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import differences

VIRTUAL, SECOND = 2, 16
MULTIPART, MESSAGE = 2, 3
QUOTED_PRINTABLE = 5
FROM, TO = 0, 3
REPORTS = {"message/delivery-status", "message/disposition-notification",
           "message/feedback-report", "message/global-delivery-status",
           "message/global-disposition-notification"}


class Dump:
    def __init__(self, program):
        self.program = program

    def files(self, paths):
        """Yields (path, message) for each path, in order."""
        with tempfile.TemporaryFile() as names:
            names.write("".join(f"{p}\n" for p in paths).encode())
            names.seek(0)
            process = subprocess.Popen(
                [self.program, "-"], stdin=names, stdout=subprocess.PIPE,
                env=dict(os.environ, MIME_DUMP_BODIES="1"))
            for path, line in zip(paths, process.stdout):
                yield path, json.loads(line)
            if process.wait() != 0:
                sys.exit("mime_dump failed")

    def one(self, raw):
        with tempfile.NamedTemporaryFile() as file:
            file.write(raw)
            file.flush()
            return next(iter(self.files([file.name])))[1]


def own_parts(message):
    """The MIME parts: without virtual ones, second readings, and what is below them."""
    left_out = set()
    own = []
    for part in message["parts"]:
        if part["flags"] & (VIRTUAL | SECOND) or part["parent"] in left_out:
            left_out.add(part["index"])
        else:
            own.append(part)
    return own


def latin(text):
    return text.encode("latin-1")


def squeeze(text):
    return b" ".join(text.split())


# --- Python's email ----------------------------------------------------------------------------

def python_parts(raw):
    """Pre-order list of (depth, type, headers, decoded or None, filename)."""
    root = email.message_from_bytes(raw, policy=email.policy.compat32)
    out = []
    stack = [(root, 0)]
    while stack:
        part, depth = stack.pop()
        payload = None
        # Reports are leaves here; Python makes a message of each of their header blocks.
        report = part.get_content_type() in REPORTS
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            if payload is None:
                payload = b""
        headers = [(k.encode("ascii", "surrogateescape"),
                    str(v).encode("utf-8", "surrogateescape") if not isinstance(v, str)
                    else v.encode("ascii", "surrogateescape")) for k, v in part._headers]
        name = None
        try:
            name = decoded_name(part.get_filename() or "")
        except Exception:  # a label that Python does not know
            pass
        out.append((depth, part.get_content_type(), headers, payload, name))
        if part.is_multipart() and not report:
            stack.extend((child, depth + 1) for child in reversed(part.get_payload()))
    return out


def decoded_name(name):
    """A file name as mail clients show it: RFC 2047 words decoded, raw bytes as UTF-8."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if "=?" not in name:
        return name
    return str(email.header.make_header(email.header.decode_header(name)))


def compare_with_python(raw, ours):
    """Yields (kind, detail)."""
    theirs = python_parts(raw)
    parts = own_parts(ours)
    tree = [(p["depth"], f"{p['type']}/{p['subtype']}") for p in parts]
    their_tree = [(d, t) for d, t, _, _, _ in theirs]
    if tree != their_tree:
        yield "structure", f"{show(tree)} | python: {show(their_tree)}"
        return
    for part, (_, kind, headers, payload, name) in zip(parts, theirs):
        mine = [(latin(n).strip(), squeeze(latin(u))) for n, u, _ in part["headers"]]
        his = [(n.strip(), squeeze(v)) for n, v in headers]
        if mine != his:
            odd = [h for h in mine if h not in his] + [h for h in his if h not in mine]
            yield "headers", f"part {part['index']}: {odd[:2]!r}"
        if payload is not None and part["kind"] not in (MULTIPART,):
            decoded = latin(part["decoded"])
            if decoded != payload:
                # RFC 2045 6.7 rule 3: blanks at the end of a line go; Python leaves them.
                if (part["encoding"] != QUOTED_PRINTABLE
                        or blanks_cut(decoded) != blanks_cut(payload)):
                    yield "body", (f"part {part['index']} {kind} encoding {part['encoding']}: "
                                   f"{len(decoded)} and {len(payload)} bytes{first_gap(decoded, payload)}")
        if (name or "") != latin(part["filename"]).decode("utf-8", "replace"):
            yield "filename", f"part {part['index']}: {part['filename']!r} | {name!r}"


def blanks_cut(text):
    return re.sub(rb"[ \t]+(?=[\r\n]|$)", b"", text).rstrip(b" \t")


def first_gap(a, b):
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f", from {at}: {a[at:at + 20]!r} {b[at:at + 20]!r}"


def show(tree):
    return " ".join(f"{d}:{t}" for d, t in tree[:12]) + (" ..." if len(tree) > 12 else "")


# --- MimeKit's values --------------------------------------------------------------------------

def kit_parts(entity, depth, out):
    """Pre-order (depth, type, begin, headers_end, end)."""
    out.append((depth, entity["mimeType"], entity["beginOffset"], entity["headersEndOffset"],
                entity["endOffset"]))
    for child in entity.get("children", []):
        kit_parts(child, depth + 1, out)
    if "message" in entity:
        kit_parts(entity["message"]["body"], depth + 1, out)


def compare_offsets(mbox, offsets, dump):
    for number, message in enumerate(offsets):
        begin = message["beginOffset"]
        raw = mbox[begin:message["endOffset"]]
        ours = dump.one(raw)
        parts = own_parts(ours)
        theirs = []
        kit_parts(message["body"], 0, theirs)
        mine = [(p["depth"], f"{p['type']}/{p['subtype']}") for p in parts]
        if mine != [(d, t.lower()) for d, t, _, _, _ in theirs]:
            yield number, "structure", f"{show(mine)} | {show([t[:2] for t in theirs])}"
            continue
        for part, (_, kind, _, headers_end, end) in zip(parts, theirs):
            at = part["raw_at"] + begin
            if (at, at + part["raw_size"]) != (headers_end, end):
                yield number, "offsets", (f"part {part['index']} {kind}: {at}-{at + part['raw_size']}"
                                          f" | {headers_end}-{end}")


def compare_summary(summary, messages, dump):
    """The tree of types as MimeKit prints it, three blanks a level."""
    blocks = re.split(r"^From .*\n", summary, flags=re.M)[1:]
    if len(blocks) != len(messages):
        yield -1, "count", f"{len(messages)} messages, {len(blocks)} in the summary"
    for number, (block, raw) in enumerate(zip(blocks, messages)):
        theirs = [(len(blank) // 3, kind.lower()) for blank, kind in
                  re.findall(r"^( *)Content-Type: (\S+)", block, flags=re.M)]
        ours = dump.one(raw)
        mine = [(p["depth"], f"{p['type']}/{p['subtype']}") for p in own_parts(ours)]
        if mine != theirs:
            yield number, "structure", f"{show(mine)} | {show(theirs)}"
        yield from ((number, kind, detail) for kind, detail in compare_envelope(block, ours))
        subject = re.search(r"^Subject: (.*)$", block, flags=re.M)
        decoded = [latin(d).decode() for n, _, d in ours["parts"][0]["headers"]
                   if n.lower() == "subject"]
        if subject and decoded and squeeze(decoded[0].encode()) != squeeze(subject[1].encode()):
            yield number, "subject", f"{decoded[0]!r} | {subject[1]!r}"


def compare_envelope(block, ours):
    """Date, From and To of MimeKit's summary."""
    date = re.search(r"^Date: (.*)$", block, flags=re.M)
    if date and not date[1].startswith("Mon, 01 Jan 0001"):
        want = int(email.utils.parsedate_to_datetime(date[1]).timestamp())
        if want != ours["date"]:
            yield "date", f"{ours['date']} | {want} {date[1]}"
    for field, name in ((FROM, "From"), (TO, "To")):
        line = re.search(rf"^{name}: (.*)$", block, flags=re.M)
        if not line:
            continue
        theirs = [a.lower() for _, a in email.utils.getaddresses([line[1]]) if a]
        mine = [(latin(a).decode() or latin(n).decode()).lower()
                for f, n, a in ours["addresses"] if f == field]
        if mine != theirs:
            yield name.lower(), f"{mine} | {theirs}"


def mimekit(folder, dump):
    for name in ("content-length", "issue1189", "jwz"):
        mbox = folder / "mbox" / f"{name}.mbox.txt"
        if not mbox.exists():
            yield f"mimekit/mbox/{name}", "absent", "the mailbox is not in the suite"
            continue
        unix = mbox.read_bytes().replace(b"\r\n", b"\n")
        for style, data in (("unix", unix), ("dos", unix.replace(b"\n", b"\r\n"))):
            offsets = json.loads((folder / "mbox" / f"{name}.{style}-offsets.json").read_text())
            for number, kind, detail in compare_offsets(data, offsets, dump):
                yield f"mimekit/mbox/{name}.{style}#{number}", kind, detail
            if style == "unix":
                messages = [data[m["beginOffset"]:m["endOffset"]] for m in offsets]
                summary = (folder / "mbox" / f"{name}-summary.txt").read_text()
                for number, kind, detail in compare_summary(summary, messages, dump):
                    yield f"mimekit/mbox/{name}.summary#{number}", kind, detail


# --- The test ----------------------------------------------------------------------------------

def known_differences():
    """(message, kind); a row may name several messages, with commas."""
    return {(name.strip(" `"), kind) for names, kind, _ in differences.rows("MIME")
            for name in names.split(",")}


def suites(args):
    shared = pathlib.Path(os.environ.get("WINNOW_SHARED") or args.source / ".." / "shared")
    archive = shared / "corpus" / "suites.tar.zst"
    if not archive.exists():
        print(f"Skipped: {archive} is absent")
        return 77
    dump = Dump(args.dump)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "--zstd", "-xf", archive, "-C", folder], check=True)
        folder = pathlib.Path(folder)
        found.extend(mimekit(folder / "mimekit", dump))
        messages = sorted(p for pattern in
                          ("python_email/*.txt", "ruby_mail/**/*.eml", "mimekit/messages/*")
                          for p in folder.glob(pattern))
        for path, ours in dump.files(messages):
            raw = path.read_bytes()
            crlf = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            name = str(path.relative_to(folder))
            for kind, detail in compare_with_python(raw, ours):
                found.append((name, kind, detail))
            if b"\r" not in raw.replace(b"\r\n", b""):
                other = dump.one(crlf)
                if len(other["parts"]) != len(ours["parts"]):
                    found.append((name, "crlf", "other parts with CRLF than with LF"))
        print(f"{len(messages)} messages compared with Python {sys.version.split()[0]}")
    known = known_differences()
    new = [f for f in found if (f[0], f[1]) not in known]
    gone = known - {(f[0], f[1]) for f in found}
    for name, kind, detail in new:
        print(f"not listed: {name} | {kind} | {detail}")
    for name, kind in sorted(gone):
        print(f"listed, but does not occur: {name} | {kind}")
    print(f"{len(found)} differences, {len(found) - len(new)} of them listed with a reason")
    return 1 if new or gone else 0


def corpus(args):
    dump = Dump(args.dump)
    kinds = collections.defaultdict(list)
    paths = sorted(p for p in args.corpus.rglob("*") if p.is_file())
    faults = collections.Counter()
    for path, ours in dump.files(paths):
        faults.update(ours["faults"])
        for kind, detail in compare_with_python(path.read_bytes(), ours):
            kinds[kind].append((path.relative_to(args.corpus), detail))
    for kind, rows in sorted(kinds.items()):
        print(f"== {kind}: {len(rows)}")
        for name, detail in rows[:args.show]:
            print(f"  {name}: {detail}")
    print(f"{len(paths)} messages; faults: {dict(faults)}")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dump", required=True)
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    parser.add_argument("--corpus", type=pathlib.Path)
    parser.add_argument("--show", type=int, default=10)
    args = parser.parse_args()
    sys.exit(corpus(args) if args.corpus else suites(args))


if __name__ == "__main__":
    main()
