"""Real mail, read from the shared corpus: every message has a verdict, whatever the threads and
the size of a batch, and again from a recording. A sample; WINNOW_DEEP=1 takes the whole."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from checking import SKIPPED, Checking

SAMPLE_EVERY = 20  # one message of so many


def unpack(archive, folder):
    """Unpacks all of it, or a sample; the number of files."""
    every = 1 if os.environ.get("WINNOW_DEEP") else SAMPLE_EVERY
    count = 0
    with subprocess.Popen(["zstd", "-dcq", str(archive)], stdout=subprocess.PIPE) as source:
        with tarfile.open(fileobj=source.stdout, mode="r|") as tar:
            seen = 0
            for member in tar:
                if not member.isfile():
                    continue
                seen += 1
                if seen % every:
                    continue
                place = folder / f"{seen:06}"
                place.write_bytes(tar.extractfile(member).read())
                count += 1
    return count


def main():
    checking = Checking(__doc__)
    shared = Path(os.environ.get("WINNOW_SHARED", checking.source.parent / "shared"))
    archive = shared / "corpus/mail-train.tar.zst"
    if not archive.exists():
        print(f"skipped: there is no {archive}")
        sys.exit(SKIPPED)
    mail = checking.folder / "mail"
    mail.mkdir()
    count = unpack(archive, mail)
    record = checking.folder / "run.wev"
    first = checking.scan("--format", "jsonl", "--threads", 2, "--record", record, mail)
    checking.check(first.count(b"\n") == count, f"{first.count(10)} verdicts of {count} messages")
    for threads, rows in ((1, 1), (2, 7), (2, 65536)):
        got = checking.scan("--format", "jsonl", "--threads", threads, "--batch-rows", rows, mail)
        checking.equal(f"threads {threads}, batch rows {rows}", first, got)
    got = checking.scan("--format", "jsonl", "--threads", 1, "--replay", record)
    checking.equal("replay", first, got)
    checking.finish()


main()
