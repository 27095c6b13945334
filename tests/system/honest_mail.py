"""Letters of every kind that people get, written for this test (tests/mail/ham), stay below the
threshold of `add header`, and what imitates them (tests/mail/spam) does not, at shipped and at tuned
weights. Their names are under `.example`, which no list of suffixes
has: URL_NO_TLD, which is of those names alone, weighs nothing here."""

import json

from checking import Checking

ADD_HEADER = 6.0
SITE = "symbols { \"URL_NO_TLD\" { score = 0.0; } }\n"


def main():
    test = Checking(__doc__)
    mail = test.source / "tests" / "mail"
    for weights in ("shipped", "tuned"):
        site = test.folder / weights
        (site / "local.d").mkdir(parents=True)
        (site / "rspamd.conf").touch()
        (site / "local.d" / "groups.conf").write_text(SITE)
        if weights == "tuned":
            (site / "rspamd.conf.local").write_text('winnow { weights = "tuned"; }\n')
        for kind in ("ham", "spam"):
            files = sorted((mail / kind).glob("*.eml"))
            test.check(len(files) >= 6, f"only {len(files)} messages of {kind}")
            out = test.scan("--config", site / "rspamd.conf", "--format", "jsonl",
                            "--ip-from-received", "1", "--quiet", *files,
                            now="2026-10-21T10:00:00Z")
            for line in out.decode().splitlines():
                verdict = json.loads(line)
                score = verdict["score"]
                test.check((score < ADD_HEADER) == (kind == "ham"),
                           f"{verdict['source']} has {score:.2f} at {weights} weights: "
                           + " ".join(f"{name}({one['score']:.1f})"
                                      for name, one in verdict["symbols"].items() if one["score"]))
    test.finish()


main()
