#!/usr/bin/env python3
"""How much spam Winnow, Debian's rspamd and SpamAssassin find at few false alarms, on the same
labelled mail (CORPUS/{ham,spam}/FILE, a folder or a tar), rules alone: no network, nothing learnt.

Winnow is measured at its shipped weights and at tuned ones that were fitted without the fold they
score (rules/conf/tuned/fit.py). Every engine is judged at its own threshold: the score that at most
0.1 % or 1 % of the ham reaches. Intervals are 95 % of a bootstrap that draws whole groups of mail
with the same normalised body. A corpus without ham is judged at the threshold of all other ham.

Prints a table, writes JSON and an HTML page with ROC curves. What the peers said can be kept in a
file (--peer-answers) and is asked again only for mail that is new to it.
"""
import argparse
import bisect
import hashlib
import importlib.util
import json
import pathlib
import random
import sys
import tempfile

import engines
import measured_mail
import labelled_mail

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATES = (0.001, 0.01)
COLOURS = {"winnow": "#4477aa", "winnow tuned": "#228833", "rspamd": "#ee6677",
           "spamassassin": "#ccbb44"}


def load_fit():
    spec = importlib.util.spec_from_file_location("fit", ROOT / "rules/conf/tuned/fit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rspamd_score(peer, mail):
    """Score by HTTP, with the same envelope as the other engines have it."""
    fields = [f"{name}: {value}" for name, value in (("From", mail.sender), ("Rcpt", mail.recipient))
              if value]
    return peer.check(mail.raw, fields)["score"]


def spamassassin_score(peer, mail):
    raw = mail.raw if mail.raw.endswith(b"\n") else mail.raw + b"\n"
    answer = peer.ask(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw) + raw)
    for line in answer.split(b"\r\n"):
        if line.startswith(b"Spam:"):
            return float(line.split(b";")[1].split(b"/")[0])
    raise ValueError(f"{mail.name}: {answer[:80]!r}")


def peer_scores(names, mails, answers):
    """{engine: [score]}; `answers`: a JSON file of what was said before, or None."""
    kept = json.loads(answers.read_text()) if answers and answers.exists() else {}
    keys = [hashlib.sha256(m.raw).hexdigest()[:24] for m in mails]
    starts = {"rspamd": (engines.Rspamd, rspamd_score),
              "spamassassin": (engines.SpamAssassin, spamassassin_score)}
    for name in names:
        known = kept.setdefault(name, {})
        missing = [(k, m) for k, m in zip(keys, mails) if k not in known]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as work:
            start, ask = starts[name]
            peer = start(work)
            try:
                for done, (key, mail) in enumerate(missing, 1):
                    known[key] = ask(peer, mail)
                    if done % 100 == 0:
                        print(f"\r{name}: {done} of {len(missing)}", end="", file=sys.stderr)
                        if answers:
                            answers.write_text(json.dumps(kept))
            finally:
                peer.stop()
                print(file=sys.stderr)
    if answers:
        answers.write_text(json.dumps(kept))
    return {name: [kept[name][k] for k in keys] for name in names}


def threshold(ham_scores, rate):
    """The score that must be passed, so that at most `rate` of the ham passes it."""
    ham = sorted(ham_scores, reverse=True)
    return ham[min(int(rate * len(ham)), len(ham) - 1)]


def part_above(scores, limit):
    return sum(s > limit for s in scores) / len(scores)


def interval(groups, rate, draws=200):
    """95 % of what the part found is when groups are drawn again. `groups`: [(ham, spam)], the
    scores of one group."""
    draw = random.Random(1)
    found = []
    for _ in range(draws):
        ham, spam = [], []
        for h, s in draw.choices(groups, k=len(groups)):
            ham += h
            spam += s
        if ham and spam:
            found.append(part_above(spam, threshold(ham, rate)))
    found.sort()
    return found[int(0.025 * len(found))], found[int(0.975 * len(found)) - 1]


def judge(scores, mails, corpus):
    """{rate: (found, low, high)} for one corpus, "" for all."""
    rows = [i for i, m in enumerate(mails) if not corpus or m.corpus == corpus]
    spam = [scores[i] for i in rows if mails[i].spam]
    ham = [scores[i] for i in rows if not mails[i].spam]
    out = {}
    for rate in RATES:
        if not ham:
            limit = threshold([s for s, m in zip(scores, mails) if not m.spam], rate)
            out[rate] = (part_above(spam, limit), None, None)
            continue
        groups = {}
        for i in rows:
            groups.setdefault(mails[i].group, ([], []))[1 if mails[i].spam else 0].append(scores[i])
        out[rate] = (part_above(spam, threshold(ham, rate)),
                     *interval(list(groups.values()), rate))
    return out


def roc(scores, mails, corpus):
    """[(false alarms, found)] from strict to loose, one point a ham message."""
    rows = [(s, m.spam) for s, m in zip(scores, mails) if m.corpus == corpus]
    ham = sorted((s for s, spam in rows if not spam), reverse=True)
    spam = sorted(s for s, is_spam in rows if is_spam)
    points = [(n / len(ham), 1 - bisect.bisect_right(spam, limit) / len(spam))
              for n, limit in enumerate(ham)]
    return points + [(1.0, 1.0)]


def plot(corpus, curves):
    """An SVG of ROC curves; false alarms on a logarithmic axis from 0.0001 to 1."""
    import math
    width, height, left, top = 560, 360, 60, 20
    def x(rate): return left + (math.log10(max(rate, 1e-4)) + 4) / 4 * (width - left - 20)
    def y(found): return top + (1 - found) * (height - top - 50)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'width="{width}" font-family="sans-serif" font-size="12">',
           f'<text x="{left}" y="14">{corpus}: spam found against false alarms</text>']
    for power in range(-4, 1):
        at = x(10 ** power)
        out.append(f'<line x1="{at:.1f}" y1="{y(1)}" x2="{at:.1f}" y2="{y(0)}" stroke="#ddd"/>'
                   f'<text x="{at:.1f}" y="{y(0) + 18}" text-anchor="middle">'
                   f'{100 * 10 ** power:g} %</text>')
    for part in range(0, 11, 2):
        out.append(f'<line x1="{left}" y1="{y(part / 10):.1f}" x2="{width - 20}" '
                   f'y2="{y(part / 10):.1f}" stroke="#ddd"/><text x="{left - 8}" '
                   f'y="{y(part / 10) + 4:.1f}" text-anchor="end">{part * 10} %</text>')
    for number, (name, points) in enumerate(curves.items()):
        path = " ".join(f"{x(rate):.1f},{y(found):.1f}" for rate, found in points)
        colour = COLOURS.get(name, "#000")
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{width - 130}" y="{y(0) - 12 - 16 * number}" fill="{colour}">'
                   f'{name}</text>')
    return "\n".join(out + ["</svg>"])


def write_page(path, table, plots, conditions):
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n"
                   for row in table)
    pathlib.Path(path).write_text(
        "<!doctype html><meta charset=utf-8><title>Accuracy</title><style>body{font-family:"
        "sans-serif;margin:2em}td{padding:.2em .8em;border-bottom:1px solid #ddd}</style>\n"
        f"<h1>Accuracy</h1><p>{conditions}</p>\n<table>{rows}</table>\n" + "\n".join(plots))


def shown(found, low, high):
    return f"{100 * found:.1f} %" + (f" ({100 * low:.0f}-{100 * high:.0f})"
                                     if low is not None else "")


def report(args, mails, scores):
    corpora = sorted({m.corpus for m in mails})
    table = [["corpus", "ham", "spam", "engine"] + [f"found at FPR {100 * r:g} %" for r in RATES]]
    results = {}
    for corpus in corpora + [""]:
        part = [m for m in mails if not corpus or m.corpus == corpus]
        for engine, of in scores.items():
            judged = judge(of, mails, corpus)
            results.setdefault(corpus or "all", {})[engine] = {
                str(rate): {"found": f, "low": lo, "high": hi}
                for rate, (f, lo, hi) in judged.items()}
            table.append([corpus or "all", str(sum(not m.spam for m in part)),
                          str(sum(m.spam for m in part)), engine] +
                         [shown(*judged[rate]) for rate in RATES])
    alarms = {engine: sum(s >= 15 for s, m in zip(of, mails) if not m.spam)
              for engine, of in scores.items() if engine.startswith("winnow")}
    conditions = (f"{len(mails)} messages in {len({m.group for m in mails})} groups, rules alone, "
                  f"commit {engines.git_commit()}; ham at or over the reject threshold: " +
                  ", ".join(f"{name} {count}" for name, count in alarms.items()))
    print(conditions)
    for row in table:
        print(f"{row[0]:<14}{row[1]:>6}{row[2]:>6}  {row[3]:<14}" +
              "".join(f"{cell:>22}" for cell in row[4:]))
    plots = [plot(c, {e: roc(of, mails, c) for e, of in scores.items()}) for c in corpora
             if any(not m.spam for m in mails if m.corpus == c)]
    write_page(args.html, table, plots, conditions)
    pathlib.Path(args.json).write_text(json.dumps(
        {"conditions": conditions, "results": results, "reject_false_alarms": alarms},
        indent=1) + "\n")
    print(f"{args.html} and {args.json} hold the same, with ROC curves.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    measured_mail.add_corpus(parser)
    parser.add_argument("--winnow", required=True, help="the binary")
    parser.add_argument("--sample", type=int, default=0, help="messages (0 = all)")
    parser.add_argument("--engines", nargs="*", default=["rspamd", "spamassassin"],
                        help="the peers to ask")
    parser.add_argument("--folds", type=int, default=5, help="folds of the tuned weights")
    parser.add_argument("--peer-answers", type=pathlib.Path, help="file that keeps what peers said")
    parser.add_argument("--json", default="build/accuracy.json")
    parser.add_argument("--html", default="build/accuracy.html")
    args = parser.parse_args()
    measured_mail.require_corpus(args.corpus)
    mails = labelled_mail.read(args.corpus, args.sample)
    if not any(m.spam for m in mails) or all(m.spam for m in mails):
        sys.exit(f"accuracy: {args.corpus} needs folders ham and spam with messages in both")
    shipped, tuned = load_fit().held_out(args.winnow, mails, args.folds)
    scores = {"winnow": shipped, "winnow tuned": tuned}
    scores.update(peer_scores(args.engines, mails, args.peer_answers))
    report(args, mails, scores)


if __name__ == "__main__":
    main()
