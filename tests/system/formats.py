"""What scan and explain print for the sample mailbox, byte by byte.

Shipped rules change these texts on purpose: look at the difference, then run this with --update.
"""

import csv
import io
import json
import re

from checking import Checking


def check_agreement(checking, texts):
    """Table, JSON lines and CSV say the same."""
    table = texts["scan.table.txt"].decode().splitlines()[1:]
    rows = [json.loads(line) for line in texts["scan.jsonl"].decode().splitlines()]
    cells = list(csv.DictReader(io.StringIO(texts["scan.csv"].decode())))
    checking.check(len(table) == len(rows) == len(cells) > 0,
                   f"{len(table)} rows of table, {len(rows)} of JSON, {len(cells)} of CSV")
    for line, row, cell in zip(table, rows, cells):
        where = row["source"]
        checking.check(line.startswith(row["action"]), f"{where}: action of the table: {line[:40]}")
        checking.check(cell["action"] == row["action"], f"{where}: action of the CSV")
        checking.check(abs(float(cell["score"]) - row["score"]) < 0.00501, f"{where}: score")
        symbols = sorted(word.split("(")[0] for word in cell["symbols"].split())
        checking.equal(f"{where}: symbols", "\n".join(sorted(row["symbols"])), "\n".join(symbols))
        total = sum(symbol["score"] for symbol in row["symbols"].values())
        checking.check(abs(total - row["score"]) < 0.001 or row.get("passthrough_module")
                       or row["action"] == "reject",
                       f"{where}: symbols add up to {total}, the score is {row['score']}")


def check_readme(checking, table):
    """The verdict that README.md reads aloud is the one that is given."""
    text = (checking.source / "README.md").read_text()
    row = re.search(r"^(\S+) +([\d.]+) +tests/mail/sample\.mbox:(\d) +(.*) …$", text, re.MULTILINE)
    if not checking.check(row, "README.md shows no row of the table"):
        return
    action, score, number, symbols = row.groups()
    words = table.decode().splitlines()[int(number)].split()
    checking.equal("README.md's row", f"{action} {score} {symbols}",
                   " ".join(words[:2] + words[3:3 + len(symbols.split())]))
    checking.check(f"scored {score}." in text, f"README.md says another score than {score}")


def check_taken(checking):
    """A symbol whose weight a composite took gave nothing, in every form."""
    site = checking.folder / "site"
    (site / "local.d").mkdir(parents=True)
    (site / "rspamd.conf").touch()
    (site / "local.d/headers_group.conf").write_text("symbols { SUBJ_YOU { weight = 5; } }\n")
    (site / "local.d/composites.conf").write_text(
        'MYC { expression = "SUBJ_YOU & ARC_NA"; score = 7; policy = "remove_weight"; }\n')
    mail = checking.folder / "taken.eml"
    mail.write_bytes(b"From: a@x.example\nSubject: Hello there\n\nwords\n")
    row = json.loads(checking.scan("--config", site, "--format", "jsonl", mail))
    cell, = csv.DictReader(io.StringIO(checking.scan("--config", site, "--format", "csv", mail).decode()))
    points = dict(re.findall(r"(\S+)\((-?[\d.]+)\)", cell["symbols"]))
    checking.equal("points of what was taken", "7.00 0.00 0.0",
                   f"{points.get('MYC')} {points.get('SUBJ_YOU')} {row['symbols']['SUBJ_YOU']['score']}")
    checking.check(abs(sum(map(float, points.values())) - row["score"]) < 0.1, f"points: {points}")
    table = checking.scan("--config", site, "--color", "never", mail).decode()
    checking.check(" MYC(7.00)" in table and re.search(r" SUBJ_YOU\s", table), f"table: {table}")
    why = checking.run("explain", "--config", site, mail).stdout.decode()
    checking.check(re.search(r"0\.00  SUBJ_YOU \(weight taken by MYC\)", why)
                   and "before it was taken" in why, f"explain: {why}")


def check_quotes(checking):
    """A quoted subject is cut between characters."""
    message = checking.folder / "long_subject.eml"
    message.write_text("From: Ann <a@b.example>\nSubject: x" + "\u044f" * 40 + "\n\nhi\n", "utf-8")
    explained = checking.run("explain", "--now", "2026-10-22T00:00:00Z", message).stdout
    checking.check(('"x' + "\u044f" * 29 + '"\u2026').encode() in explained,
                   f"explain cuts a subject: {explained[:200]}")


def main():
    checking = Checking(__doc__, [("--update", {"action": "store_true"})])
    sample = "tests/mail/sample.mbox"
    texts = {f"scan.{name}": checking.scan("--format", name.split(".")[0], sample)
             for name in ("table.txt", "jsonl", "csv")}
    explained = checking.run("explain", "--now", "2026-10-22T00:00:00Z", sample)
    checking.check(explained.returncode == 0, f"explain: {explained.stderr.decode()[:400]}")
    texts["explain.txt"] = explained.stdout
    golden = checking.source / "tests/system/golden"
    for name, text in texts.items():
        if checking.options.update:
            (golden / name).write_bytes(text)
        else:
            checking.equal(f"tests/system/golden/{name}", (golden / name).read_bytes(), text)
    check_agreement(checking, texts)
    check_quotes(checking)
    check_taken(checking)
    check_readme(checking, checking.scan("--format", "table", sample, now="2030-01-01T00:00:00Z"))
    checking.finish()


main()
