#!/usr/bin/env python3
"""Who sent it, by Winnow and by Debian's rspamd, given the same answers of name servers.

Each domain of the corpus (envelope, From, signatures) gets records chosen by a hash of its name: SPF
that lets the client through, forbids it, or is missing; DMARC of each policy or none; a key of
another or none for each signature. Both engines are given them as dns { fake_records }, and the same
envelope (agreement.py). Compared are the symbols of SPF, DKIM, DMARC and ARC and, clause by clause
as a set, the Authentication-Results that both write.

authentication.py CORPUS --winnow BINARY [--sample 2000] [--show SYMBOL...]
Prints a line a symbol: how many messages have it in both, only here, only there."""
import argparse
import collections
import pathlib
import re
import tempfile
import zlib

import agreement
import engines

NAMES = re.compile(r"(R_SPF|R_DKIM|DMARC|ARC)_[A-Z_]+")
KEY = ("MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
       "J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLz"
       "BfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB")  # RFC 8463 A.2
SPF = ["v=spf1 +ip4:{ip} -all", "v=spf1 ip4:192.0.2.200 -all", "v=spf1 ip4:192.0.2.200 ~all",
       "v=spf1 ip4:192.0.2.200 ?all", None, "v=spf2.0/pra", "v=spf1 ip4:{ip} ~all"]
DMARC = [None, "v=DMARC1; p=none", "v=DMARC1; p=reject", "v=DMARC1; p=quarantine; adkim=s; aspf=s",
         "v=DMARC1; p=reject; sp=none", "v=DMARC1; p=nonsense", "hello"]


def choose(name, values):
    return values[zlib.crc32(name.encode()) % len(values)]


def parents(domain):
    """The domain and those above it, down to two labels."""
    labels = domain.split(".")
    return [".".join(labels[i:]) for i in range(max(len(labels) - 1, 1))]


def author_of(field):
    """The address of a From field: the one in angle brackets, where there are some."""
    return agreement.ADDRESS.search(field.rpartition(b"<")[2]) or agreement.ADDRESS.search(field)


def records(messages):
    """{(name, TXT): value or None} of all that can be asked."""
    out = {}
    for raw in messages:
        told = dict(agreement.envelope(raw))
        helo = told["Helo"].lower()
        sender = told["From"].rpartition("@")[2].lower() if "@" in told["From"] else helo
        text = choose(sender, SPF)
        out.setdefault(sender, text and text.format(ip=told["IP"]))
        head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
        author = author_of(agreement.field(head, b"From"))
        for domain in parents(author.group().decode("latin-1").rpartition("@")[2].lower()
                              ) if author else []:
            out.setdefault("_dmarc." + domain, choose(domain, DMARC))
        flat = re.sub(rb"\r?\n[ \t]+", b"", head)
        for line in re.findall(rb"(?mi)^(?:DKIM-Signature|ARC-[MS][a-zA-Z-]+):(.*)", flat):
            tags = dict(re.findall(rb"\b([ds])=\s*([^;\s]+)", line))
            if len(tags) == 2:
                name = f"{tags[b's'].decode('latin-1')}._domainkey.{tags[b'd'].decode('latin-1')}"
                out.setdefault(name.lower(), choose(name, ["v=DKIM1; p=" + KEY, None, "v=DKIM1; p="]))
    return {name: value for name, value in out.items() if re.fullmatch(r"[a-z0-9._-]+", name)}


def as_written(messages, table):
    """The same table under the names as the messages write them: rspamd's is one of exact names."""
    out = dict(table)
    for raw in messages:
        head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0].decode("latin-1")
        told = dict(agreement.envelope(raw))
        flat = re.sub(r"\r?\n[ \t]+", "", head)
        names = [told["Helo"], told["From"].rpartition("@")[2]]
        for tags in (dict(re.findall(r"\b([ds])=\s*([^;\s]+)", line)) for line in re.findall(
                r"(?mi)^(?:DKIM-Signature|ARC-[MS][a-zA-Z-]+):(.*)", flat)):
            if len(tags) == 2:
                names.append("%s._domainkey.%s" % (tags["s"], tags["d"]))
        for domain in re.findall(r"@([A-Za-z0-9.-]+)", head):
            names += ["_dmarc." + one for one in parents(domain)]
        out.update((name, table[name.lower()]) for name in names if name.lower() in table)
    return out


def fake(table):
    one = '{{ name = "{}"; type = txt; {} }}'
    return "[" + ",\n".join(one.format(name, f'replies = ["{value}"];' if value
                                       else 'rcode = "nxdomain";')
                            for name, value in sorted(table.items())) + "]"


class Rspamd(engines.Rspamd):
    OFF = [m for m in engines.Rspamd.OFF if m not in ("arc", "dkim", "dmarc", "spf", "milter_headers")]

    def __init__(self, work, table):
        self.table = table
        super().__init__(work)

    def configure(self, local):
        text = (local / "options.inc").read_text()
        (local / "options.inc").write_text(
            text.replace("dns {", f"dns {{ fake_records = {fake(self.table)};\n"))
        (local / "milter_headers.conf").write_text('use = ["authentication-results"];\n')
        (local / "arc.conf").write_text("sign_inbound = false;\n")


def ask(port, raw):
    headers = [("MTA-Name", "mx.here.example"), *agreement.envelope(raw)]
    reply = agreement.reply(port, raw, headers)
    symbols = {name: one.get("options", []) for name, one in reply.get("symbols", {}).items()
               if NAMES.fullmatch(name)}
    added = reply.get("milter", {}).get("add_headers", {}).get("Authentication-Results", "")
    if isinstance(added, dict):
        added = added["value"]
    clauses = {re.sub(r"\s+", " ", one).strip() for one in added.split(";\r\n\t" if ";\r\n\t" in added
                                                                      else ";\n\t")}
    return symbols, clauses


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--show", nargs="*", default=[])
    args = parser.parse_args()
    files = sorted(p for p in pathlib.Path(args.corpus).rglob("*") if p.is_file())
    step = max(1, len(files) // args.sample)
    messages = [p.read_bytes() for p in files[::step]][:args.sample]
    table = records(messages)
    with tempfile.TemporaryDirectory() as work:
        site = pathlib.Path(work) / "site"
        (site / "local.d").mkdir(parents=True)
        (site / "rspamd.conf").touch()
        (site / "local.d/options.inc").write_text(f"dns {{ fake_records = {fake(table)}; }}\n")
        (site / "local.d/milter_headers.conf").write_text('use = ["authentication-results"];\n')
        peer = Rspamd(work, as_written(messages, table))
        try:
            theirs = [ask(peer.port, raw) for raw in messages]
        finally:
            peer.stop()
        serve = engines.WinnowServe(args.winnow, work, "--no-dns", "--config", site / "rspamd.conf")
        try:
            ours = [ask(serve.port, raw) for raw in messages]
        finally:
            serve.stop()
    report(args, files[::step], ours, theirs)


def report(args, files, ours, theirs):
    counts = collections.defaultdict(lambda: [0, 0, 0, 0])
    for file, (here, results), (there, theirs_results) in zip(files, ours, theirs):
        for name in here.keys() | there.keys():
            where = 0 if name in here and name in there else 1 if name in here else 2
            counts[name][where] += 1
            counts[name][3] += where == 0 and sorted(here[name]) != sorted(there[name])
            if name in args.show and (where or sorted(here[name]) != sorted(there[name])):
                print(file, here.get(name), there.get(name))
        counts["Authentication-Results"][0] += 1
        counts["Authentication-Results"][3] += results != theirs_results
        if "Authentication-Results" in args.show and results != theirs_results:
            print(file, "\n  here", sorted(results - theirs_results), "\n  there",
                  sorted(theirs_results - results))
    print(f"{'symbol':<26}{'both':>7}{'here':>7}{'there':>7}{'other options':>15}")
    for name, row in sorted(counts.items()):
        print(f"{name:<26}{row[0]:>7}{row[1]:>7}{row[2]:>7}{row[3]:>15}")


if __name__ == "__main__":
    main()
