"""Real mail, read from the shared corpus: every message has a verdict, whatever the threads and
the size of a batch, and again from a recording. A sample; WINNOW_DEEP=1 takes the whole."""

import os
import sys

from checking import SKIPPED, Checking
from corpus_mail import shared_archive, unpack

SAMPLE_EVERY = 20  # one message of so many


def main():
    checking = Checking(__doc__)
    archive = shared_archive(checking.source)
    if not archive.exists():
        print(f"skipped: there is no {archive}")
        sys.exit(SKIPPED)
    mail = checking.folder / "mail"
    mail.mkdir()
    count = unpack(archive, mail, every=1 if os.environ.get("WINNOW_DEEP") else SAMPLE_EVERY)
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
