#!/usr/bin/env python3
"""Turns the openspf suite (YAML on standard input) into lines of tab-separated fields in hex:
zone, record name type value, test name helo ip sender results
explanation ("DEFAULT": none). Exit 77 where PyYAML is absent."""
import sys

try:
    import yaml
except ImportError:
    sys.exit(77)


class Loader(yaml.SafeLoader):
    """Scalars stay texts: 1.2 is no number here, and null senders are empty."""


Loader.yaml_implicit_resolvers = {}


def field(text):
    if isinstance(text, (list, tuple)):
        text = "".join(text)
    return (text or "").encode("utf-8" if any(ord(c) > 255 for c in text or "") else "latin-1").hex()


def line(kind, *fields):
    print(kind, *(field(f) for f in fields), sep="\t")


def records(entries):
    """RFC 7208 knows TXT alone: what the suite gives as SPF counts as TXT where no TXT is given."""
    kinds = [next(iter(e)) for e in entries if isinstance(e, dict)]
    for entry in entries:
        if isinstance(entry, str):
            yield "*", entry
            continue
        ((kind, value),) = entry.items()
        if kind == "MX":
            value = " ".join(value)
        if kind == "SPF" and "TXT" not in kinds:
            kind = "TXT"
        if value != "NONE":
            yield kind, value


for document in yaml.load_all(sys.stdin.buffer, Loader=Loader):
    line("zone", document["description"])
    for name, entries in document["zonedata"].items():
        line("name", name)
        for kind, value in records(entries):
            line("record", name, kind, value)
    for name, test in document["tests"].items():
        results = test["result"]
        line("test", name, test["helo"], test["host"], test.get("mailfrom"),
             results if isinstance(results, str) else ",".join(results),
             test.get("explanation", "DEFAULT"))
