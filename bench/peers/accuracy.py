#!/usr/bin/env python3
"""How well scores part spam from ham: Winnow, and its peers side by side, on labelled mail.

The mail lies under ROOT/CORPUS/{ham,spam}/. Winnow's scores come from one `winnow scan`; rspamd
and SpamAssassin get the same messages one by one (their set-up: compare.py, no network, nothing
learnt). For each corpus: the share of spam above the lowest threshold that at most 0.1 % and 1 %
of its ham reach (a corpus without ham takes the ham of all others), with the interval that
halves of the ham give; how many ham and spam are at or above fixed thresholds; and with --rules
which rules hit what. Writes curves as SVG and all numbers as JSON.

A threshold belongs to "at most F of the ham at or above it". With fewer than 1/F ham, that is the
threshold that no ham reaches, and the table says so with a star.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import compare

RATES = (0.001, 0.01)
THRESHOLDS = (4, 5, 6, 10, 15)


class Rspamd(compare.Rspamd):
    """The score of a message instead of its symbols."""

    def scan(self, message):
        with compare.socket.create_connection(("127.0.0.1", self.port), 60) as s:
            s.sendall(b"POST /checkv2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(message))
            s.sendall(message)
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        return json.loads(answer.split(b"\r\n\r\n", 1)[1]).get("score", 0.0)


class SpamAssassin(compare.SpamAssassin):
    def scan(self, message):
        if not message.endswith(b"\n"):
            message += b"\n"
        answer = self.ask(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message) + message)
        for line in answer.split(b"\r\n"):
            if line.lower().startswith(b"spam:"):
                return float(line.split(b";")[1].split(b"/")[0])
        raise ValueError("no Spam line in the answer of spamd")


PEERS = {"rspamd": Rspamd, "spamassassin": SpamAssassin}


def split(path):
    """(corpus, is_spam) of a path that has a folder ham or spam; None where it has none."""
    parts = pathlib.PurePath(path).parts
    for i in range(len(parts) - 2, 0, -1):
        if parts[i] in ("ham", "spam"):
            return parts[i - 1], parts[i] == "spam"
    return None


def labelled(root, sample):
    """[(path, corpus, is_spam)], each folder thinned alike to about `sample` in all."""
    folders = collections.defaultdict(list)
    for path in sorted(p for p in pathlib.Path(root).rglob("*") if p.is_file()):
        if kind := split(path):
            folders[kind].append(str(path))
    total = sum(map(len, folders.values()))
    out = []
    for (corpus, is_spam), paths in sorted(folders.items()):
        keep = max(1, len(paths) * sample // total) if sample and sample < total else len(paths)
        out += [(paths[i * len(paths) // keep], corpus, is_spam) for i in range(keep)]
    return out


def winnow_scores(args, messages):
    """({path: score}, {path: [(symbol, score)]}) of one scan."""
    command = [args.winnow, "scan", "--format", "jsonl", "--quiet"]
    if args.policy:
        command += ["--policy", args.policy]
    scores, symbols = {}, {}
    paths = [path for path, _, _ in messages]
    for begin in range(0, len(paths), 1000):
        done = subprocess.run(command + paths[begin:begin + 1000], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            row = json.loads(line)
            if "source" in row and "score" in row:
                scores[row["source"]] = row["score"]
                symbols[row["source"]] = [(name, s.get("score", 0.0))
                                          for name, s in row.get("symbols", {}).items()]
    missing = [p for p in paths if p not in scores]
    if missing:
        sys.exit(f"accuracy: winnow gave no score for {len(missing)} messages, e.g. {missing[0]}")
    return scores, symbols


def peer_scores(name, messages):
    scores = {}
    with tempfile.TemporaryDirectory() as work:
        peer = PEERS[name](work)
        try:
            for path, _, _ in messages:
                scores[path] = peer.scan(pathlib.Path(path).read_bytes())
        finally:
            peer.stop()
    return scores


def threshold(ham, rate):
    """The lowest score (exclusive) that at most `rate` of `ham` lies above."""
    ordered = sorted(ham, reverse=True)
    return ordered[int(len(ordered) * rate)]


def above(scores, limit):
    return sum(s > limit for s in scores) / len(scores) if scores else 0.0


def interval(ham, spam, rate, rounds=40):
    """The 5th and 95th percentile of the share found when ham and spam are drawn anew."""
    rng = random.Random(1)
    found = sorted(above(rng.choices(spam, k=len(spam)),
                         threshold(rng.choices(ham, k=len(ham)), rate)) for _ in range(rounds))
    return found[rounds // 20], found[-1 - rounds // 20]


def curve(ham, spam):
    """[(false positive rate, true positive rate)] over every threshold, both rising."""
    events = sorted([(-s, 0) for s in ham] + [(-s, 1) for s in spam])
    points, fp, tp = [(0.0, 0.0)], 0, 0
    for i, (score, is_spam) in enumerate(events):
        tp += is_spam
        fp += 1 - is_spam
        if i + 1 == len(events) or events[i + 1][0] != score:
            points.append((fp / len(ham), tp / len(spam)))
    return points


def svg(panels, out):
    """One panel a corpus: true positives over false positives from 0.05 % to 100 %, log scale."""
    import math
    colours = {"winnow": "#0b6e4f", "rspamd": "#c8553d", "spamassassin": "#33658a"}
    width, height, pad = 320, 260, 45
    lowest = 0.0005

    def x(rate):
        return pad + (width - pad - 10) * math.log(max(rate, lowest) / lowest) / math.log(1 / lowest)

    def y(rate):
        return height - pad + (pad + 25 - height) * rate

    text = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * len(panels)}" '
            f'height="{height + 20}" font-family="sans-serif" font-size="11">',
            '<rect width="100%" height="100%" fill="white"/>']
    for number, (title, engines) in enumerate(panels):
        text.append(f'<g transform="translate({number * width},0)">'
                    f'<text x="{pad}" y="16" font-weight="bold">{title}</text>')
        for rate in (0.001, 0.01, 0.1, 1):
            text.append(f'<path d="M{x(rate):.1f} {y(0):.1f}V{y(1):.1f}" stroke="#ddd"/>'
                        f'<text x="{x(rate):.1f}" y="{height - pad + 14}" '
                        f'text-anchor="middle">{rate * 100:g} %</text>')
        for rate in (0, 0.25, 0.5, 0.75, 1):
            text.append(f'<path d="M{pad} {y(rate):.1f}H{width - 10}" stroke="#ddd"/>'
                        f'<text x="{pad - 4}" y="{y(rate) + 4:.1f}" '
                        f'text-anchor="end">{rate * 100:g} %</text>')
        for row, (name, points) in enumerate(engines.items()):
            path = "".join(f"{'L' if i else 'M'}{x(fp):.1f} {y(tp):.1f}"
                           for i, (fp, tp) in enumerate(points))
            text.append(f'<path d="{path}" fill="none" stroke="{colours[name]}" '
                        f'stroke-width="1.6"/><text x="{pad + row * 85}" y="{height}" '
                        f'fill="{colours[name]}">{name}</text>')
        text.append("</g>")
    text.append("</svg>")
    pathlib.Path(out).write_text("\n".join(text) + "\n")


def rank(messages, symbols, count):
    """Rules by what they hit: ham, spam, the share of spam among equal numbers of both."""
    hits = collections.defaultdict(lambda: [0, 0, 0.0])
    for path, _, is_spam in messages:
        for name, score in symbols[path]:
            hits[name][is_spam] += 1
            hits[name][2] = max(hits[name][2], abs(score)) if score else hits[name][2]
    spam = sum(is_spam for _, _, is_spam in messages) or 1
    ham = len(messages) - spam or 1
    rows = [(n, h, s, w, (s / spam) / (s / spam + h / ham)) for n, (h, s, w) in hits.items()]
    rows.sort(key=lambda r: (-r[3] * r[1] if count < 0 else -r[2], r[0]))
    print(f"\n{'rule':<44}{'ham':>6}{'spam':>6}{'S/O':>7}{'weight':>8}")
    for name, h, s, weight, share in rows[:abs(count)]:
        print(f"{name:<44}{h:>6}{s:>6}{share:>7.3f}{weight:>8.2f}")


def report(messages, engines):
    corpora = sorted({corpus for _, corpus, _ in messages})
    out, panels = {}, []
    print(f"{'corpus':<16}{'engine':<14}{'ham':>6}{'spam':>6}" +
          "".join(f"{f'TPR @{r:.1%}':>13}{'interval':>14}" for r in RATES) +
          "".join(f"{f'ham>={t}':>9}{f'spam>={t}':>9}" for t in THRESHOLDS))
    for corpus in corpora + ["all"]:
        panel = {}
        for name, scores in engines.items():
            ham = [scores[p] for p, c, s in messages if not s and corpus in (c, "all")]
            spam = [scores[p] for p, c, s in messages if s and corpus in (c, "all")]
            own = len(ham)
            if not ham:  # measured against the ham of the others
                ham = [scores[p] for p, _, s in messages if not s]
            if not ham or not spam:
                continue
            line = f"{corpus:<16}{name:<14}{own:>6}{len(spam):>6}"
            row = {"ham": own, "spam": len(spam)}
            for rate in RATES:
                found = above(spam, threshold(ham, rate))
                low, high = interval(ham, spam, rate)
                star = "*" if len(ham) * rate < 1 else " "
                line += f"{found:>12.1%}{star}{f'{low:.0%} to {high:.0%}':>14}"
                row[f"tpr_{rate:g}"] = [found, low, high]
            for limit in THRESHOLDS:
                h = sum(s >= limit for s in ham)
                line += f"{h if own else 0:>9}{sum(s >= limit for s in spam):>9}"
                row[f"at_{limit}"] = [h if own else 0, sum(s >= limit for s in spam)]
            print(line)
            out.setdefault(corpus, {})[name] = row
            panel[name] = curve(ham, spam)
        if panel:
            panels.append((corpus, panel))
    return out, panels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="folder of CORPUS/{ham,spam}/ with one message a file")
    parser.add_argument("--winnow", required=True, help="the binary")
    parser.add_argument("--policy", help="folder of rules instead of those built in")
    parser.add_argument("--peers", nargs="*", default=[], choices=sorted(PEERS))
    parser.add_argument("--sample", type=int, default=0, help="messages in all (0 = all)")
    parser.add_argument("--rules", type=int, default=0, metavar="N",
                        help="the N rules that hit most spam; -N: those that cost ham most")
    parser.add_argument("--svg", help="where the curves go")
    parser.add_argument("--json", help="where the numbers go")
    args = parser.parse_args()
    args.winnow = os.path.abspath(args.winnow)
    messages = labelled(args.root, args.sample)
    if not messages:
        sys.exit(f"accuracy: {args.root} holds no CORPUS/ham/ or CORPUS/spam/ with messages")
    scores, symbols = winnow_scores(args, messages)
    engines = {"winnow": scores}
    for name in args.peers:
        engines[name] = peer_scores(name, messages)
    result, panels = report(messages, engines)
    if args.rules:
        rank(messages, symbols, args.rules)
    if args.svg:
        svg(panels, args.svg)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
