"""What was found out over a network is judged again without one: recorded evidence gives the same
bytes at every number of threads and size of batch, in a network namespace that has no interface up.

Mail is a folder of $WINNOW_MAIL, else the shared corpus, else what was written by us; WINNOW_DEEP=1
takes 2,000 messages instead of 150. A name server of the test answers: records of senders' domains,
list codes, failures, each chosen by a hash of the name."""

import base64
import itertools
import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

from checking import Checking, sample_messages
from corpus_mail import shared_archive, unpack
import name_server

SIZES = [1, 2, 7, 64, 65536]


class Server(name_server.NameServer):
    def look(self, query):
        name = query.name.lower()
        if (name, query.kind()) not in self.records:
            chance = zlib.crc32(name.encode()) % 40
            if chance == 0:
                return self.faults.servfail(query, self)
            if query.kind() == "A" and chance < 6:
                return [query.reply([name_server.record(query.name, "A", "127.0.0.%d" % (chance + 1))])]
        return super().look(query)


def own_messages(source, most):
    """The repository's own, again and again, each time from and to other domains."""
    some = sample_messages(source)
    some += [one.read_bytes() for one in sorted((source / "tests/mail").glob("*/*.eml"))]
    return [re.sub(rb"@(?=[a-z])", b"@n%d." % (i // len(some)), some[i % len(some)])
            for i in range(most)]


def messages(checking, most):
    """[bytes]"""
    folder = os.environ.get("WINNOW_MAIL")
    if not folder and shared_archive(checking.source).exists():
        folder = checking.folder / "mail"
        folder.mkdir()
        unpack(shared_archive(checking.source), folder, every=1 if most > 1000 else 30)
    if not folder:
        return own_messages(checking.source, most)
    files = sorted(one for one in Path(folder).rglob("*") if one.is_file())
    return [one.read_bytes() for one in files[::max(1, len(files) // most)]][:most]


def line(agreement, raw):
    told = agreement.envelope(raw)
    one = dict(told)
    out = {"raw_base64": base64.b64encode(raw).decode(), "from": one["From"].strip("<>"), "ip": one["IP"],
           "helo": one["Helo"], "rcpt": [value for name, value in told if name == "Rcpt"]}
    if "Hostname" in one:
        out["hostname"] = one["Hostname"]
    return json.dumps(out)


def namespace():
    """The command that leads into a namespace without a network; none where that is not allowed."""
    for command in (["unshare", "-n"], ["unshare", "-rn"]):
        try:
            # Nothing but a loopback that is down.
            out = subprocess.run([*command, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True)
            if [one.split(":")[0].strip() for one in out.stdout.splitlines()[2:]] == ["lo"]:
                return command
        except (OSError, subprocess.CalledProcessError):
            pass
    return None


def main():
    checking = Checking(__doc__)
    sys.path.insert(0, str(checking.source / "bench/peers"))
    import agreement
    import authentication
    mails = messages(checking, 2000 if os.environ.get("WINNOW_DEEP") else 150)
    records = {(name, "TXT"): [value] for name, value in authentication.records(mails).items() if value}
    site = checking.folder / "site"
    (site / "local.d").mkdir(parents=True)
    (site / "rspamd.conf").touch()
    lines = checking.folder / "mail.jsonl"
    lines.write_text("\n".join(line(agreement, raw) for raw in mails) + "\n")
    record = checking.folder / "run.wev"
    with Server(records) as server:
        (site / "local.d/options.inc").write_text(
            'dns { nameserver = "%s"; timeout = 20s; }\ndisable_monitoring = true;\n' % server.address)
        first = checking.scan("--dns", "--config", site / "rspamd.conf", "--format", "jsonl", "--record",
                              record, lines)
        asked = server.count()
    checking.check(first.count(b"\n") == len(mails), f"{first.count(10)} verdicts of {len(mails)}")
    checking.check(asked > len(mails) // 4, f"only {asked} questions")
    verdicts = [json.loads(one) for one in first.splitlines()]
    for symbol in ("R_SPF_ALLOW", "R_SPF_FAIL", "DMARC_POLICY_REJECT", "DMARC_NA"):
        checking.check(any(symbol in one["symbols"] for one in verdicts) or len(mails) < 100,
                       f"no message has {symbol}")
    checking.check(any(one.get("unknown") for one in verdicts), "nothing was unknown")
    without = namespace()
    if not without:
        print("without a network namespace: unshare is not allowed here")
    for threads, rows in itertools.product([1, 2], SIZES):
        got = checking.scan("--config", site / "rspamd.conf", "--format", "jsonl", "--threads", threads,
                            "--batch-rows", rows, "--replay", record, within=without)
        checking.equal(f"replay, threads {threads}, batch rows {rows}", first, got)
    print(f"{len(mails)} messages, {asked} questions")
    checking.finish()


if __name__ == "__main__":
    main()
