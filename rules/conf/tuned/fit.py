#!/usr/bin/env python3
"""Fits the weights of `weights.conf` to labelled mail (CORPUS/{ham,spam}/FILE, folder or tar).

    rules/conf/tuned/fit.py --winnow build/release/winnow CORPUS > rules/conf/tuned/weights.conf
    rules/conf/tuned/fit.py --winnow build/release/winnow --own CORPUS     # for the rules themselves

The model is the scorer's own: a sum of weights, under the caps of groups.conf beside this file,
which also says what counts once however often it stands (a list of links is one sign). The loss is
logistic around kMiddle points with a width of kWidth, and a ham message counts kHam spam messages,
since a false alarm costs more than a miss. Each weight is drawn to the shipped one (as by kPrior
messages that say so) and bounded:

  shipped > 0   0 … max(2 x shipped, 2)       a sign of spam never speaks for ham
  shipped < 0   min(3 x shipped, -2.5) … 0    a sign of ham never counts against mail
  shipped = 0   -kFree … kFree                what only describes mail stays a nuance

A symbol that is inserted many times in one message has its upper bound divided by how often (the
95th percentile of its hits), down to the shipped weight: one sign does not make a verdict by
repetition. What tells the age of mail (kAge) keeps its weight: where ham is old and spam is new it
would be fitted first, and mislead elsewhere. So do symbols with fewer than kSeen hits, and those
that only describe and count (MIME_TRACE): a nuance times fifty is none. The descent (Adagrad, a
fixed number of passes in an order drawn from a fixed seed) gives the same bytes for the same mail
and rules. `--held-out` prints what the method gives on halves that it has not seen: one half is
fitted, the other scored by the engine itself, with group caps and composites, and the other way
round; messages with the same normalised body are in the same half.

The constants were chosen by cross-validation in 2, 5 and 10 parts, among bounds of 1.5, 2 and 3
times the shipped weight and priors of a half to four messages. More weight on ham, a second round
with more weight on the worst ham, and averaged weights were tried and left out: none was better.
Weights fitted to one corpus were tried on another too; kAge and a small kFree are from there.

`--own` is how the shipped weights of Winnow's own symbols were found: those that rspamd_symbols.tsv
names keep Rspamd's, and so does what parsing says (group faults). New mail is other mail, so this
fit is shy: a wide logistic in the middle between add_header and reject (kOwn…), each corpus and
class counts alike however many messages it has, ham counts ten times, ten messages' worth of prior,
and bounds of 1.5 times the weight or 0.7 above it, of -1.2 below. The constants were chosen by
fitting one corpus and judging the other, and so that no more than two ham messages are over reject.
What it prints is moved from what stands: it is written into the rules and the declarations of
checks once, after rules were added.
"""
import argparse
import collections
import math
import pathlib
import random
import subprocess
import sys
import tempfile
from typing import Callable, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[3]
CAPS = pathlib.Path(__file__).with_name("groups.conf")
TABLE = pathlib.Path(__file__).parents[1] / "rspamd_symbols.tsv"
sys.path.insert(0, str(ROOT / "bench" / "peers"))
import labelled_mail  # noqa: E402

kMiddle, kWidth, kHam = 5.0, 1.5, 4.0
kPrior, kPriorFree, kFree, kSeen = 0.5, 2.0, 0.4, 8
kPasses, kSeed, kTrace = 15, 7, 0.001
kOwnMiddle, kOwnWidth, kOwnHam, kOwnPrior, kOwnFree = 12.0, 4.0, 10.0, 10.0, 0.2
# What shops, banks and newsletters write as well: the ham of the corpora is of lists and of old
# letters, so `--own` never lets these weigh more.
kHonest = frozenset((
    "BULK_CLICK_HERE", "BULK_HYPE", "BULK_OPTED_IN", "BULK_REMOVE", "FROM_LOCAL_DIGITS",
    "HTML_HIDDEN_BLOCK", "HTML_IMAGE_LINK_ONLY", "LURE_ORDER", "PAGE_PIXEL", "PAGE_PIXELS_ONLY",
    "PAGE_TAGS_DENSE", "PAGE_UNKNOWN_TAGS", "PATH_DATE_DIFFERS", "PATH_MID_OF_NOBODY",
    "PATH_MID_OF_RELAY", "PHISH_DEADLINE", "PHISH_GENERIC_GREETING", "PRIORITY_WITHOUT_PROGRAM",
    "RCVD_FROM_WEB_SERVER", "SUBJ_EMOJI", "SUBJ_GOODS", "SUBJ_HAS_ADDRESS", "SUBJ_URGENT",
    "SUBJ_YOU", "TEXT_CAPITALS_SOME", "TO_NAME_IS_ADDRESS_PLAIN", "URL_HOST_DIGITS"))
# What tells how old mail is, or who received it, rather than who sent it.
kAge = ("ARC_", "AUTH_NA", "DKIM_", "DMARC_", "ENVRCPT", "FORWARDED", "HAS_X_AS", "HAS_X_GMSV",
        "HAS_X_SOURCE", "RCVD_COUNT", "RCVD_NO_TLS", "RCVD_TLS", "R_DKIM", "R_SPF", "TAGGED_",
        "TO_MATCH")


def hits_of(verdict):
    """{symbol: multiplier}: what the weight is multiplied with; removed weights count nothing."""
    return {name: score / weight if weight else 0.0 for name, (score, weight) in verdict[1].items()}


def bounds(shipped, often=1.0):
    if shipped > 0:
        return 0.0, max(shipped, max(2 * shipped, 2.0) / often), kPrior
    if shipped < 0:
        return min(3 * shipped, -2.5), 0.0, kPrior
    return -kFree, kFree, kPriorFree


def own_bounds(shipped, often=1.0):
    if shipped > 0:
        return 0.0, max(shipped, max(1.5 * shipped, shipped + 0.7) / often), kOwnPrior
    if shipped < 0:
        return max(6 * shipped, min(-1.2, shipped)), 0.0, kOwnPrior
    return -kOwnFree, kOwnFree, kOwnPrior


class Method(NamedTuple):
    """Which symbols are fitted, and how."""
    middle: float
    width: float
    ham: float           # what a ham message counts in spam messages
    bounds: Callable     # (shipped weight, how often) -> (low, high, prior)
    keeps: Callable      # may this symbol not be fitted?
    ceiling: frozenset   # symbols that may not weigh more than they do
    balanced: bool       # each corpus and class counts alike


kTuned = Method(kMiddle, kWidth, kHam, bounds, lambda name: name.startswith(kAge),
                frozenset(), False)


def own(binary):
    theirs = {line.split("\t")[0] for line in TABLE.read_text().splitlines()}
    listed = subprocess.run([binary, "rules", "list"], stdout=subprocess.PIPE, check=True, text=True)
    faults = {line.split()[0] for line in listed.stdout.splitlines() if " faults " in line}
    return Method(kOwnMiddle, kOwnWidth, kOwnHam, own_bounds, (theirs | faults).__contains__,
                  kHonest, True)


def importances(mails, method):
    """What each message counts."""
    size = collections.Counter((m.corpus, m.spam) for m in mails)
    out = []
    for mail in mails:
        share = 1.0
        if method.balanced:
            same = [n for (_, spam), n in size.items() if spam == mail.spam]
            share = sum(same) / len(same) / size[mail.corpus, mail.spam]
        out.append(share * (1.0 if mail.spam else method.ham))
    return out


def how_often(hits):
    """{symbol: how many times it counts in one message, at the 95th percentile of its hits}"""
    values = collections.defaultdict(list)
    for h in hits:
        for name, value in h.items():
            values[name].append(value)
    return {name: max(1.0, sorted(v)[int(0.95 * len(v))]) for name, v in values.items()}


def fit(mails, evidence, method=kTuned):
    """{symbol: weight} of the symbols whose weight is to differ from the shipped one."""
    shipped, hits = evidence
    seen = collections.Counter(name for h in hits for name in h)
    counted = {name for h in hits for name, value in h.items() if value > 1 and not shipped[name]}
    names = sorted(name for name, n in seen.items()
                   if n >= kSeen and name not in counted and not method.keeps(name))
    index = {name: i for i, name in enumerate(names)}
    weight = [shipped[name] for name in names]
    often = how_often(hits)
    low, high, prior = zip(*(method.bounds(shipped[name], often[name]) for name in names))
    high = [min(top, shipped[name]) if name in method.ceiling and shipped[name] > 0 else top
            for name, top in zip(names, high)]
    start = list(weight)
    pull = [prior[i] / seen[name] for i, name in enumerate(names)]
    curve = [1.0] * len(names)
    rows = []
    for mail, h, importance in zip(mails, hits, importances(mails, method)):
        fixed = sum(shipped[name] * value for name, value in h.items() if name not in index)
        rows.append(([(index[name], value) for name, value in sorted(h.items()) if name in index],
                     1.0 if mail.spam else 0.0, fixed, importance))
    order = list(range(len(rows)))
    draw = random.Random(kSeed)
    for number in range(kPasses):
        draw.shuffle(order)
        step = 0.5 / (1 + 0.3 * number)
        for at in order:
            features, spam, score, importance = rows[at]
            for i, value in features:
                score += weight[i] * value
            z = max(-30.0, min(30.0, (score - method.middle) / method.width))
            error = (1 / (1 + math.exp(-z)) - spam) * importance / method.width
            for i, value in features:
                gradient = error * value + pull[i] * (weight[i] - start[i])
                curve[i] += gradient * gradient
                moved = weight[i] - step * gradient / math.sqrt(curve[i])
                weight[i] = min(high[i], max(low[i], moved))
    return {name: round(weight[i], 1) for name, i in index.items()
            if round(weight[i], 1) != round(shipped[name], 1)}


def as_ucl(weights):
    return "".join(f'"{name}" {{ score = {score}; }}\n' for name, score in
                   sorted(weights.items()))


def scan_with(binary, mails, weights):
    """Verdicts under these weights, by the engine."""
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder)
        (site / "local.d").mkdir()
        (site / "rspamd.conf").touch()
        (site / "local.d" / "groups.conf").write_text(
            CAPS.read_text() + "symbols {\n" + as_ucl(weights) + "}\n")
        return labelled_mail.winnow_scan(binary, mails, ["--config", str(site / "rspamd.conf")])


def gather(binary, mails):
    """Verdicts under the shipped weights, and ({symbol: weight}, [{symbol: multiplier}]). The
    multipliers are seen in a second scan under the caps of the tuned weights, where a symbol of no
    weight gets a trace of one."""
    verdicts = labelled_mail.winnow_scan(binary, mails)
    weights = {name: weight for _, symbols in verdicts for name, (_, weight) in symbols.items()}
    trace = {name: kTrace for name, weight in weights.items() if not weight}
    hits = [hits_of(v) for v in scan_with(binary, mails, trace)]
    return verdicts, (weights, hits)


def held_out(binary, mails, folds=2):
    """The score of every message under weights that were fitted without its fold."""
    shipped, (weights_of, hits) = gather(binary, mails)
    of = [labelled_mail.fold(mail, folds) for mail in mails]
    scores = [0.0] * len(mails)
    for part in range(folds):
        rest = [i for i, f in enumerate(of) if f != part]
        weights = fit([mails[i] for i in rest], (weights_of, [hits[i] for i in rest]))
        inside = [i for i, f in enumerate(of) if f == part]
        for i, verdict in zip(inside, scan_with(binary, [mails[i] for i in inside], weights)):
            scores[i] = verdict[0]
    return [verdict[0] for verdict in shipped], scores


def found_at(scores, mails, rate):
    """Part of the spam above the score that at most `rate` of the ham reaches."""
    ham = sorted((s for s, m in zip(scores, mails) if not m.spam), reverse=True)
    limit = ham[min(int(rate * len(ham)), len(ham) - 1)]
    spam = [s for s, m in zip(scores, mails) if m.spam]
    return sum(s > limit for s in spam) / max(1, len(spam))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--winnow", required=True, help="the binary")
    parser.add_argument("--held-out", action="store_true", help="print what unseen folds say")
    parser.add_argument("--folds", type=int, default=2, help="for --held-out; 2: halves")
    parser.add_argument("--own", action="store_true",
                        help="print shipped weights for Winnow's own symbols")
    args = parser.parse_args()
    mails = labelled_mail.read(args.corpus)
    if args.held_out:
        before, after = held_out(args.winnow, mails, args.folds)
        of = [labelled_mail.fold(mail, args.folds) for mail in mails]
        for corpus in sorted({m.corpus for m in mails}) + [""]:
            inside = [i for i, m in enumerate(mails) if not corpus or m.corpus == corpus]
            if all(mails[i].spam for i in inside):  # judged by the ham of the others
                inside += [i for i, m in enumerate(mails) if not m.spam]
            for fold in [None, *range(args.folds)]:
                rows = [i for i in inside if fold is None or of[i] == fold]
                part = [mails[i] for i in rows]
                for rate in (0.001, 0.01):
                    print(f"{corpus or 'all':<14} {'all folds' if fold is None else fold:<10}"
                          f" FPR {rate:<6}"
                          f" shipped {found_at([before[i] for i in rows], part, rate):.3f}"
                          f" tuned {found_at([after[i] for i in rows], part, rate):.3f}")
        return
    evidence = gather(args.winnow, mails)[1]
    if args.own:
        print(as_ucl(fit(mails, evidence, own(args.winnow))), end="")
        return
    weights = fit(mails, evidence)
    ham = sum(not m.spam for m in mails)
    print("# Weights fitted to labelled mail, for `winnow { weights = \"tuned\" }`; the rest keep the\n"
          "# shipped ones. Method, bounds and command: fit.py beside this file, which wrote it from\n"
          f"# {ham} ham and {len(mails) - ham} spam messages of "
          f"{len({m.corpus for m in mails})} corpora.")
    print(as_ucl(weights), end="")


if __name__ == "__main__":
    main()
