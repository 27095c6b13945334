#!/usr/bin/env python3
"""How well what was learnt is told apart: Winnow's two tokenizers, Debian's bogofilter, SpamAssassin's
Bayes and rspamd (with a Redis of the harness) over the same labelled mail (CORPUS/{ham,spam}/FILE, a folder or a tar), in one run.

stream       classify, then learn, in order of time; judged is only the first message of each
             normalised body (copies are learnt, not judged), from 50 learnt of each class on
crossed      five folds by normalised body: four are learnt, one is judged
left out     one corpus is judged by what was learnt of all others

1-ROCA is 100 x the chance that a ham scores higher than a spam; found is the share of spam over the
score that at most 0.1 % (1 %) of the ham reaches. Messages without a time are left out.

Prints tables; writes JSON and, as SVG, spam found against false alarms over the stream.
"""
import argparse
import base64
import bisect
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import labelled_mail
import rspamd_bayes
import sa_bayes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "peer"))
import redis_server  # noqa: E402

MIN_LEARNS = 50
FOLDS = 5
RATES = (0.001, 0.01)
COLOURS = {"winnow": "#4477aa", "winnow osb": "#66ccee", "bogofilter": "#ee6677",
           "spamassassin": "#228833", "rspamd": "#aa3377"}


def roca(scores):
    """100 x (1 - area under ROC) of [(score, spam)]."""
    ham = sorted(s for s, spam in scores if not spam)
    spam = [s for s, is_spam in scores if is_spam]
    if not ham or not spam:
        return None
    wrong = sum(len(ham) - bisect.bisect_right(ham, s) +
                (bisect.bisect_right(ham, s) - bisect.bisect_left(ham, s)) / 2 for s in spam)
    return 100 * wrong / (len(ham) * len(spam))


def found_at(scores, rate):
    """Share of spam over the score that at most `rate` of the ham reaches, in per cent."""
    ham = sorted((s for s, spam in scores if not spam), reverse=True)
    spam = [s for s, is_spam in scores if is_spam]
    if not ham or not spam:
        return None
    allowed = int(rate * len(ham))
    limit = ham[allowed] if allowed < len(ham) else float("-inf")
    return 100 * sum(s > limit for s in spam) / len(spam)


def figures(scores):
    return {"spam": sum(spam for _, spam in scores), "ham": sum(not spam for _, spam in scores),
            "roca": roca(scores), "found": [found_at(scores, rate) for rate in RATES]}


class Winnow:
    def __init__(self, binary, folder, tokenizer):
        self.binary = binary
        self.folder = pathlib.Path(folder)
        site = self.folder / "site"
        (site / "local.d").mkdir(parents=True)
        (site / "rspamd.conf").touch()
        (site / "local.d" / "classifier-bayes.conf").write_text(
            f'min_learns = {MIN_LEARNS};\ntokenizer {{ name = "{tokenizer}"; }}\n')
        # What is spam without it is judged all the same.
        (site / "local.d" / "options.inc").write_text("check_all_filters = true;\n")
        self.config = ["--config", str(site / "rspamd.conf")]
        self.runs = 0

    def lines(self, mails):
        out = []
        for mail in mails:
            line = {"raw_base64": base64.b64encode(mail.raw).decode(), "now": mail.now,
                    "label": "spam" if mail.spam else "ham"}
            if mail.sender:
                line["from"] = mail.sender
            if mail.recipient:
                line["rcpt"] = [mail.recipient]
            out.append(json.dumps(line))
        return "\n".join(out).encode()

    def learn(self, mails):
        """Learns into a new folder; returns it, and for each message whether it was new."""
        self.runs += 1
        statistics = self.folder / f"statistics{self.runs}"
        run = subprocess.run([self.binary, "learn", "labelled", *self.config, "--statistics",
                              statistics, "--read-as", "jsonl", "--verbose", "-"],
                             input=self.lines(mails), stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=True)
        return statistics, [line.split(b"\t")[0] for line in run.stdout.splitlines()]

    def stream(self, mails):
        statistics, outcome = self.learn(mails)
        run = subprocess.run([self.binary, "learn-log", "evaluate", *self.config, "--statistics",
                              statistics], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             check=True)
        rows = iter(run.stdout.decode().splitlines())
        out = []
        for what in outcome:
            row = next(rows).split("\t") if what in (b"learnt", b"moved") else None
            out.append(float(row[3]) if row and row[2] == "known" else None)
        return out

    def judge(self, known, unknown):
        statistics, _ = self.learn(known)
        run = subprocess.run([self.binary, "scan", *self.config, "--statistics", statistics,
                              "--read-as", "jsonl", "--format", "jsonl", "--quiet", "-"],
                             input=self.lines(unknown), stdout=subprocess.PIPE, check=True)
        out = []
        for line in run.stdout.splitlines():
            symbols = json.loads(line)["symbols"]
            out.append(sum(s["score"] for name, s in symbols.items() if name.startswith("BAYES_")))
        return out


class Bogofilter:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.files = {}
        self.runs = 0

    def file(self, mail):
        if mail.name not in self.files:
            self.files[mail.name] = self.folder / f"{len(self.files):06}"
            self.files[mail.name].write_bytes(mail.raw)
        return str(self.files[mail.name])

    def new(self):
        self.runs += 1
        words = self.folder / f"words{self.runs}"
        words.mkdir()
        return str(words)

    @staticmethod
    def run(words, arguments, data=None):
        run = subprocess.run(["bogofilter", "-C", "-d", words, *arguments], input=data,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return run.stdout.decode("latin-1").splitlines()

    def stream(self, mails):
        words, out, learnt = self.new(), [], [0, 0]
        for mail in mails:
            known = min(learnt) >= MIN_LEARNS
            out.append(float(self.run(words, ["-TT", "-I", self.file(mail)])[0].split()[-1])
                       if known else None)
            self.run(words, ["-s" if mail.spam else "-n", "-I", self.file(mail)])
            learnt[mail.spam] += 1
        return out

    def judge(self, known, unknown):
        words = self.new()
        for spam, flag in ((True, "-s"), (False, "-n")):
            names = "\n".join(self.file(m) for m in known if m.spam == spam) + "\n"
            self.run(words, ["-b", flag], names.encode())
        names = "\n".join(self.file(m) for m in unknown) + "\n"
        return [float(line.split()[-1]) for line in self.run(words, ["-b", "-TT"], names.encode())]


class OneByOne:
    """Filters that are services: a message is judged, and learnt, by a request. `make` starts one
    that knows nothing."""

    def __init__(self, make):
        self.make = make

    def stream(self, mails):
        out, learnt = [], [0, 0]
        peer = self.make()
        try:
            for mail in mails:
                known = min(learnt) >= MIN_LEARNS
                out.append(peer.probability(mail.raw) if known else None)
                learnt[mail.spam] += peer.learn(mail.spam, mail.raw) is not False
        finally:
            peer.stop()
        return out

    def judge(self, known, unknown):
        peer = self.make()
        try:
            for mail in known:
                peer.learn(mail.spam, mail.raw)
            # Who says nothing does not know: the middle.
            return [0.5 if p is None else p for p in (peer.probability(m.raw) for m in unknown)]
        finally:
            peer.stop()


class RspamdWithRedis:
    """Debian's rspamd, started once; its Redis is emptied instead."""

    def __init__(self, folder):
        self.redis = redis_server.RedisServer()
        self.rspamd = rspamd_bayes.RspamdBayes(folder, self.redis.socket, MIN_LEARNS)
        self.learn, self.probability = self.rspamd.learn, self.rspamd.probability

    def new(self):
        self.redis.ask("FLUSHALL")
        return self

    def stop(self):
        """Of one run: nothing, the next one goes on with it."""

    def end(self):
        self.rspamd.stop()
        self.redis.stop()


def first_of_group(mails):
    seen, out = set(), []
    for mail in mails:
        out.append(mail.group not in seen)
        seen.add(mail.group)
    return out


def stream(engine, mails):
    first = first_of_group(mails)
    scores = engine.stream(mails)
    assert len(scores) == len(mails), f"{len(scores)} scores for {len(mails)} messages"
    return [(s, m.spam) for s, m, once in zip(scores, mails, first) if once and s is not None]


def judged(engine, known, unknown):
    scores = engine.judge(known, unknown)
    assert len(scores) == len(unknown), f"{len(scores)} scores for {len(unknown)} messages"
    return [(s, m.spam) for s, m in zip(scores, unknown)]


def crossed(engine, mails):
    out = []
    for fold in range(FOLDS):
        parts = ([m for m in mails if labelled_mail.fold(m, FOLDS) != fold],
                 [m for m in mails if labelled_mail.fold(m, FOLDS) == fold])
        out += judged(engine, *parts)
    return out


def curve(scores):
    """[(false alarms, found)] as shares, most careful first."""
    ham = sum(not spam for _, spam in scores)
    spam = len(scores) - ham
    points, false, found = [], 0, 0
    ordered = sorted(scores, reverse=True)
    for i, (score, is_spam) in enumerate(ordered):
        found += is_spam
        false += not is_spam
        if i + 1 == len(ordered) or ordered[i + 1][0] != score:
            points.append((false / ham, found / spam))
    return points


def svg(curves):
    """Found (from 50 %) against false alarms (a logarithm, 0.03 % to 10 %)."""
    import math
    left, top, width, height, least, most = 60, 20, 560, 360, 3e-4, 0.1

    def x(rate):
        return left + width * math.log(max(rate, least) / least) / math.log(most / least)

    def y(found):
        return top + height * (1 - max(0, found - 0.5) * 2)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="660" height="440" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="660" height="440" fill="#ffffff"/>']
    for rate in (0.001, 0.01, 0.1):
        out.append(f'<line x1="{x(rate):.1f}" y1="{top}" x2="{x(rate):.1f}" y2="{top + height}" '
                   f'stroke="#dddddd"/><text x="{x(rate) - 14:.1f}" y="{top + height + 18}">'
                   f'{100 * rate:g} %</text>')
    for found in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        out.append(f'<line x1="{left}" y1="{y(found):.1f}" x2="{left + width}" y2="{y(found):.1f}" '
                   f'stroke="#dddddd"/><text x="{left - 45}" y="{y(found) + 4:.1f}">'
                   f'{100 * found:.0f} %</text>')
    out.append(f'<text x="{left + width / 2 - 60}" y="{top + height + 40}">false alarms</text>')
    for number, (name, points) in enumerate(curves.items()):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points if a <= most)
        out.append(f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-width="2" '
                   f'points="{path}"/><text x="{left + width - 110}" '
                   f'y="{top + height - 20 - 18 * number}" fill="{COLOURS[name]}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])


def row(name, what):
    roca_text = "      -" if what["roca"] is None else f"{what['roca']:7.3f}"
    found = "".join("       -" if f is None else f"{f:8.1f}" for f in what["found"])
    return f"{name:<26}{what['spam']:>7}{what['ham']:>7} {roca_text}{found}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--sample", type=int, default=0, help="about so many messages of each corpus")
    parser.add_argument("--json", default="build/learning.json")
    parser.add_argument("--svg", default="build/learning.svg")
    parser.add_argument("--engines", default="winnow,winnow osb,bogofilter,spamassassin,rspamd",
                        help="which, with commas between")
    parser.add_argument("corpus", nargs="+")
    options = parser.parse_args()
    corpora = {}
    for path in options.corpus:
        for mail in labelled_mail.read(path, options.sample):
            if mail.now:
                corpora.setdefault(mail.corpus or pathlib.Path(path).name, []).append(mail)
    for mails in corpora.values():
        mails.sort(key=lambda m: (m.now, m.name))
    result = {"messages": {name: len(mails) for name, mails in corpora.items()}, "engines": {}}
    curves = {}
    head = f"{'':26}{'spam':>7}{'ham':>7}  1-ROCA  at .1 %   at 1 %"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)  # services change to a user of their own
        for name in ("w", "o", "b", "r"):
            (folder / name).mkdir()
        runs, peers = itertools.count(), []

        def spamassassin():
            own = folder / f"s{next(runs)}"
            own.mkdir()
            return sa_bayes.SpamAssassinBayes(own, MIN_LEARNS)

        def rspamd():
            if not peers:
                peers.append(RspamdWithRedis(folder / "r"))
            return peers[0].new()

        engines = {"winnow": Winnow(options.winnow, folder / "w", "winnow"),
                   "winnow osb": Winnow(options.winnow, folder / "o", "osb"),
                   "bogofilter": Bogofilter(folder / "b"), "spamassassin": OneByOne(spamassassin),
                   "rspamd": OneByOne(rspamd)}
        for name, engine in engines.items():
            if name not in options.engines.split(","):
                continue
            out = result["engines"][name] = {}
            print(f"\n{name}\n{head}")
            for corpus, mails in corpora.items():
                if len({m.spam for m in mails}) < 2:
                    continue
                scores = stream(engine, mails)
                out[f"stream {corpus}"] = figures(scores)
                curves.setdefault(corpus, {})[name] = curve(scores)
                print(row(f"stream {corpus}", out[f"stream {corpus}"]), flush=True)
                out[f"crossed {corpus}"] = figures(crossed(engine, mails))
                print(row(f"crossed {corpus}", out[f"crossed {corpus}"]), flush=True)
                others = [m for other, more in corpora.items() if other != corpus for m in more]
                if len({m.spam for m in others}) == 2:
                    out[f"left out {corpus}"] = figures(judged(engine, others, mails))
                    print(row(f"left out {corpus}", out[f"left out {corpus}"]), flush=True)
        for peer in peers:
            peer.end()
    pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    for corpus, lines in list(curves.items())[:1]:
        pathlib.Path(options.svg).write_text(svg(lines))
    print(f"\nwrote {options.json} and {options.svg}")


if __name__ == "__main__":
    sys.exit(main())
