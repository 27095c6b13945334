"""Every form in which mail is stored gives the same verdicts."""

import base64
import bz2
import gzip
import io
import json
import lzma
import shutil
import subprocess
import tarfile

from checking import Checking, sample_messages


def verdicts(output):
    """JSON lines without the place that a message came from."""
    rows = []
    for line in output.splitlines():
        row = json.loads(line)
        row.pop("source", None)
        row.pop("label", None)
        rows.append(row)
    return rows


def write_tar(messages):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number, message in enumerate(messages):
            member = tarfile.TarInfo(f"mail/{number:03}.eml")
            member.size = len(message)
            tar.addfile(member, io.BytesIO(message))
    return buffer.getvalue()


def write_forms(checking, messages):
    """Name of the form -> arguments of scan."""
    top = checking.folder
    plain = top / "plain"
    (plain / "deeper").mkdir(parents=True)
    files = []
    for number, message in enumerate(messages):
        place = plain if number < 3 else plain / "deeper"
        # "0…" sorts before "deeper": a directory is walked in name order.
        file = place / f"0{number:03}.eml"
        file.write_bytes(message)
        files.append(file)
    maildir = top / "maildir"
    for folder in ("cur", "new", "tmp"):
        (maildir / folder).mkdir(parents=True)
    for number, message in enumerate(messages):
        name = f"cur/17000{number}.host:2,S" if number < 3 else f"new/17000{number}.host"
        (maildir / name).write_bytes(message)
    (maildir / "tmp/170009.host").write_bytes(b"Subject: being delivered\n\nnot yet\n")
    (maildir / "dovecot-uidlist").write_bytes(b"3 V1 N9\n")
    tar = write_tar(messages)
    (top / "mail.tar").write_bytes(tar)
    (top / "mail.tar.gz").write_bytes(gzip.compress(tar))
    (top / "mail.jsonl").write_text("".join(
        json.dumps({"raw": m.decode("utf-8")}) + "\n" if number % 2 and m.isascii()
        else json.dumps({"raw_base64": base64.b64encode(m).decode()}) + "\n"
        for number, m in enumerate(messages)))
    (plain / "deeper/loop").symlink_to(plain)
    (top / "link").symlink_to(plain)
    backup = top / "backup.tar"
    with tarfile.open(backup, "w") as packed:
        packed.add(maildir, "Maildir")
    layout = top / "layout"  # Dovecot's LAYOUT=fs, and mail on another disk
    (layout / "cur").mkdir(parents=True)
    (layout / "new").symlink_to(maildir / "new")
    shutil.copytree(maildir / "cur", layout / "A/cur")
    (layout / "A/tmp").mkdir()
    forms = {"Maildir in a tar": [backup], "Maildir with folders": [layout],
             "files": files, "directory": [plain], "link to a directory": [top / "link"],
             "Maildir": [maildir],
             "mbox": [checking.source / "tests/mail/sample.mbox"], "tar": [top / "mail.tar"],
             "tar.gz": [top / "mail.tar.gz"], "JSON lines": [top / "mail.jsonl"]}
    for kind, pack in (("bz2", bz2.compress), ("xz", lzma.compress)):
        (top / f"mail.mbox.{kind}").write_bytes(
            pack((checking.source / "tests/mail/sample.mbox").read_bytes()))
        forms[f"mbox.{kind}"] = [top / f"mail.mbox.{kind}"]
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-q", str(top / "mail.tar")], check=True)
        forms["tar.zst"] = [top / "mail.tar.zst"]
    return forms


def main():
    checking = Checking(__doc__)
    messages = sample_messages(checking.source)
    forms = write_forms(checking, messages)
    expected = verdicts(checking.scan("--format", "jsonl", *forms.pop("files")))
    checking.equal("number of messages", str(len(messages)), str(len(expected)))
    for form, arguments in forms.items():
        got = verdicts(checking.scan("--format", "jsonl", *arguments))
        checking.equal(f"verdicts of {form}", dump(expected), dump(got))
    mbox = (checking.source / "tests/mail/sample.mbox").read_bytes()
    piped = {"mbox": mbox, "JSON lines": (checking.folder / "mail.jsonl").read_bytes()}
    for form, data in piped.items():
        got = verdicts(checking.scan("--format", "jsonl", "-", stdin=data))
        checking.equal(f"verdicts of {form} on standard input", dump(expected), dump(got))
    for number, message in enumerate(messages):
        got = verdicts(checking.scan("--format", "jsonl", "-", stdin=message))
        checking.equal(f"message {number + 1} on standard input", dump(expected[number:number + 1]),
                       dump(got))
    crlf = [m.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for m in messages]
    for number, message in enumerate(crlf):
        got = verdicts(checking.scan("--format", "jsonl", "-", stdin=message))
        checking.equal(f"message {number + 1} with CRLF", dump(expected[number:number + 1]),
                       dump(got))
    unknown_names(checking, messages[0])
    first_lines(checking)
    sizes(checking)
    checking.finish()


def first_lines(checking):
    """The first line of a mailbox needs no date; what begins so may be a header or in a Maildir."""
    rest = b"To: b@x.example\nSubject: s\n\nhello\n"
    header = b"From: a@x.example\n"
    dated = b"From a@x.example Mon Jan  1 10:00:00 2001\n"
    two = (dated + header + rest + b"\n") * 2
    rows = [("header", b"From : a@x.example\n" + rest, 1),
            *((line.decode(), line + b"\n" + header + rest, 1) for line in
              (b"From nobody", b"From -", b"From a@x.example  Mon Jan  1 2001")),
            ("text", b"From now on\nwe write\n\nFrom : a\n", 1),
            ("mbox", two, 2)]
    symbols = {}
    for name, data, count in rows:
        got = verdicts(checking.scan("--format", "jsonl", "-", stdin=data))
        checking.equal(f"messages of {name}", str(count), str(len(got)))
        symbols[name] = [sorted(row["symbols"]) for row in got]
        missing = any("MISSING_FROM" in row["symbols"] for row in got)
        checking.equal(f"{name}: no From", str(name == "text"), str(missing))
    for name in ("From nobody", "From -"):
        checking.equal(f"symbols below {name}", str(symbols["mbox"][:1]), str(symbols[name]))
    said = verdicts(checking.scan("--format", "jsonl", "-",
                                  stdin=b"From nobody\n" + header + rest + b"\n" + two))
    checking.equal("messages below a first line without a date", "3", str(len(said)))
    maildir = checking.folder / "first-lines"
    for folder in ("cur", "new"):
        (maildir / folder).mkdir(parents=True)
    file = maildir / "cur/1:2,S"
    file.write_bytes(two)
    for place in (maildir, file):
        got = verdicts(checking.scan("--format", "jsonl", place))
        checking.equal(f"messages of {place.name}", "1", str(len(got)))


def sizes(checking):
    """A file that is read at once (256 KiB), and larger ones, are the message that a pipe brings."""
    for size in (256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024 + 1):
        message = b"Subject: s\n\n"
        message += b"x" * (size - len(message) - 1) + b"\n"
        file = checking.folder / "sized.eml"
        file.write_bytes(message)
        piped = verdicts(checking.scan("--format", "jsonl", "-", stdin=message))
        read = verdicts(checking.scan("--format", "jsonl", file))
        checking.equal(f"messages of {size} bytes", "1", str(len(read)))
        checking.equal(f"{size} bytes", dump(piped), dump(read))


def unknown_names(checking, message):
    """"unknown" is what MTAs say for a client without a name; that they say nothing is not the same."""
    lines = "".join(json.dumps({"raw_base64": base64.b64encode(message).decode(), "ip": "203.0.113.9",
                                "helo": "mx.example.org", **more}) + "\n"
                    for more in ({}, {"hostname": "unknown"}))
    first, second = verdicts(checking.scan("--format", "jsonl", "-", stdin=lines.encode()))
    checking.check("HFILTER_HOSTNAME_UNKNOWN" not in first["symbols"], "a name that nobody gave is absent")
    checking.check("HFILTER_HOSTNAME_UNKNOWN" in second["symbols"], "a name that is unknown is not told")


def dump(rows):
    return "\n".join(json.dumps(row, indent=0, sort_keys=True) for row in rows)


main()
