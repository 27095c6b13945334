"""A verdict is a function of its evidence: the same bytes for every number of threads, size of
batch, budget of memory and state of the cache, and again from a recording."""

import itertools

from checking import Checking, sample_messages

SIZES = [1, 2, 7, 64, 65536]


def write_mail(checking):
    """A few hundred messages: the sample again and again with other subjects and sizes, one of
    them large, and every seed of the mail parser."""
    lines = []
    messages = sample_messages(checking.source)
    seeds = sorted((checking.source / "tests/fuzz/seeds/mime").glob("*"))
    messages += [seed.read_bytes() for seed in seeds]
    folder = checking.folder / "mail"
    folder.mkdir()
    for number in range(300):
        message = messages[number % len(messages)].replace(b"Subject: ", b"Subject: %d " % number)
        if number % 37 == 0:
            message += b"more of it, and more\n" * 3000
        if number == 111:
            message += b"large\n" * 400000
        (folder / f"{number:04}").write_bytes(message)
        lines.append(number)
    return folder


def main():
    checking = Checking(__doc__)
    mail = write_mail(checking)
    first = checking.scan("--format", "jsonl", "--threads", 1, "--batch-rows", 1, mail)
    checking.check(first.count(b"\n") == 300, f"{first.count(10)} verdicts of 300")
    for threads, rows in itertools.product([1, 2], SIZES):
        got = checking.scan("--format", "jsonl", "--threads", threads, "--batch-rows", rows, mail)
        checking.equal(f"threads {threads}, batch rows {rows}", first, got)
    got = checking.scan("--format", "jsonl", "--memory", "1mb", mail)
    checking.equal("a budget of 1 MB", first, got)

    record = checking.folder / "run.wev"
    got = checking.scan("--format", "jsonl", "--record", record, mail)
    checking.equal("while recording", first, got)
    for threads in (1, 2):
        got = checking.scan("--format", "jsonl", "--threads", threads, "--replay", record)
        checking.equal(f"replay with {threads} threads", first, got)
    again = checking.folder / "again.wev"
    checking.scan("--format", "jsonl", "--threads", 1, "--batch-rows", 7, "--record", again, mail)
    checking.check(record.read_bytes() == again.read_bytes(),
                   "two recordings of the same mail differ (threads and batch size)")

    cold = checking.folder / "cache"
    sample = checking.source / "tests/mail/sample.mbox"
    for state in ("cold", "warm"):
        got = checking.scan("--format", "jsonl", sample, cache=cold)
        checking.equal(f"{state} cache", checking.scan("--format", "jsonl", sample), got)
    checking.finish()


main()
