"""Labelled mail: CORPUS/{ham,spam}/FILE in a folder or a tar (.zst), with what an engine has to
know beside the bytes, and with folds that never put one campaign on both sides.

A message's time is that of its topmost Received header, so that mail of twenty years ago is judged
as on its day; its envelope is Return-Path and Delivered-To where they are. Its group is the hash of
its normalised body: letters only, lower case, without links, and for long texts without the first
words, where a name may stand.
"""
import base64
import datetime
import email.utils
import hashlib
import io
import json
import pathlib
import re
import subprocess
import tarfile
from typing import NamedTuple


class Mail(NamedTuple):
    name: str
    corpus: str
    spam: bool
    raw: bytes
    now: str      # RFC 3339, empty where no Received tells
    sender: str   # empty where no Return-Path tells
    recipient: str
    group: str


def files(path):
    """(name, bytes) of every file of a folder or tar, in the order of names."""
    path = pathlib.Path(path)
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            yield str(file.relative_to(path)), file.read_bytes()
        return
    raw = path.read_bytes()
    if path.suffix == ".zst":
        raw = subprocess.run(["zstd", "-dc", str(path)], stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for member in sorted((m for m in tar if m.isfile()), key=lambda m: m.name):
            yield member.name, tar.extractfile(member).read()


def received_time(head):
    for field in re.finditer(rb"^Received:[^\n]*;([^;\n]*)$", head, re.M | re.I):
        try:
            date = email.utils.parsedate_to_datetime(field[1].decode("latin-1").strip())
            if date.tzinfo is None:
                date = date.replace(tzinfo=datetime.timezone.utc)
            return date.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return ""


def address_in(head, name):
    field = re.search(rb"^" + name + rb":\s*<?([^>\s]*)>?", head, re.M | re.I)
    return field[1].decode("latin-1") if field else ""


def group_of(body):
    words = re.sub(rb"https?://\S+|[^a-zA-Z]+", b" ", body).lower().split()
    part = words[20:220] if len(words) > 60 else words
    return hashlib.sha256(b" ".join(part)).hexdigest()[:16]


def read(path, sample=0):
    """Every message, or about `sample` of them in equal steps. Folders that are neither ham nor
    spam are left out."""
    out = []
    for name, raw in files(path):
        parts = name.split("/")
        label = next((p for p in parts if p in ("ham", "spam")), None)
        if label is None:
            continue
        halves = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)
        head = re.sub(rb"\r?\n[ \t]+", b" ", halves[0]).replace(b"\r\n", b"\n")
        body = halves[1] if len(halves) > 1 else b""
        place = parts.index(label)
        out.append(Mail(name, parts[place - 1] if place else "", label == "spam", raw,
                        received_time(head), address_in(head, b"Return-Path"),
                        address_in(head, b"Delivered-To"), group_of(body)))
    if sample and sample < len(out):
        out = [out[i * len(out) // sample] for i in range(sample)]
    return out


def fold(mail, folds):
    """Which of `folds` parts a message belongs to: all of one group to the same."""
    return int(hashlib.sha256(b"fold" + mail.group.encode()).hexdigest(), 16) % folds


def winnow_scan(binary, mails, arguments=()):
    """[(score, {symbol: (score, weight)})] of every message, by `winnow scan`."""
    lines = []
    for mail in mails:
        line = {"raw_base64": base64.b64encode(mail.raw).decode()}
        if mail.now:
            line["now"] = mail.now
        if mail.sender:
            line["from"] = mail.sender
        if mail.recipient:
            line["rcpt"] = [mail.recipient]
        lines.append(json.dumps(line))
    run = subprocess.run([binary, "scan", "--format", "jsonl", "--quiet", "--read-as", "jsonl",
                          *arguments, "-"],
                         input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True)
    out = []
    for line in run.stdout.splitlines():
        verdict = json.loads(line)
        out.append((verdict["score"], {name: (s["score"], s["metric_score"])
                                       for name, s in verdict["symbols"].items()}))
    assert len(out) == len(mails), f"{len(out)} verdicts for {len(mails)} messages"
    return out
