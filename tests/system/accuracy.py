#!/usr/bin/env python3
"""The accuracy comparison and the fit of weights on a small made corpus: one campaign is never on
both sides, weights stay in their bounds, and the numbers are those that can be counted by hand."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench" / "peers"), str(ROOT / "rules" / "conf" / "tuned")]
import accuracy  # noqa: E402
import fit  # noqa: E402
import labelled_mail  # noqa: E402
from test_program import OPTIONS, run_tests  # noqa: E402

WORDS = ("harbour lantern meadow copper violin basket thunder pepper marble saddle cobweb "
         "walnut ribbon kettle").split()


def message(number, spam):
    text = " ".join(WORDS[(number + i) % len(WORDS)] for i in range(9)) + f" {WORDS[number % 7]}"
    head = (f"Received: from a.example by b.example; Tue, 03 Mar 2026 10:00:{number:02d} +0000\n"
            f"From: A <a@sender.example>\nTo: b@site.example\nDate: Tue, 03 Mar 2026 09:59:00 +0000\n"
            f"Message-ID: <{number}@sender.example>\n")
    if spam:
        return head + f"Subject: {text.upper()}\n\n{text} http://192.0.2.1/{number}\n"
    return head + f"Subject: {text}\n\n{text}\n"


class Accuracy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.corpus = pathlib.Path(self.folder.name) / "mail"
        for number in range(40):
            label = "spam" if number % 2 else "ham"
            file = self.corpus / "made" / label / f"{number:02d}.eml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(message(number, number % 2 == 1))
        self.mails = labelled_mail.read(self.corpus)

    def test_mail_is_read_with_what_an_engine_needs(self):
        self.assertEqual(len(self.mails), 40)
        self.assertEqual(sum(m.spam for m in self.mails), 20)
        self.assertEqual({m.corpus for m in self.mails}, {"made"})
        self.assertEqual(self.mails[0].now[:17], "2026-03-03T10:00:")

    def test_one_campaign_is_in_one_fold(self):
        same = [self.mails[0]._replace(raw=b"x"), self.mails[0]]
        self.assertEqual(len({labelled_mail.fold(m, 5) for m in same}), 1)
        self.assertEqual(labelled_mail.group_of(b"Buy 12 at http://a.example/7"),
                         labelled_mail.group_of(b"buy 99 at  http://b.example/8!"))

    def test_weights_stay_in_their_bounds(self):
        _, (shipped, hits) = fit.gather(OPTIONS.winnow, self.mails)
        weights = fit.fit(self.mails, (shipped, hits))
        self.assertTrue(weights)
        for name, weight in weights.items():
            low, high, _ = fit.bounds(shipped[name])
            self.assertGreaterEqual(weight, round(low, 1) - 1e-9, name)
            self.assertLessEqual(weight, round(high, 1) + 1e-9, name)
        self.assertEqual(weights, fit.fit(self.mails, (shipped, hits)))

    def test_threshold_and_interval(self):
        scores = list(range(100))
        self.assertEqual(accuracy.threshold(scores, 0.01), 98)
        self.assertEqual(accuracy.part_above([97, 98, 99, 100], 98), 0.5)
        low, high = accuracy.interval([([0], [1])] * 50, 0.01)
        self.assertEqual((low, high), (1.0, 1.0))

    def test_table_and_page(self):
        page = pathlib.Path(self.folder.name)
        run = subprocess.run([sys.executable, "-B", str(ROOT / "bench/peers/accuracy.py"),
                              "--winnow", OPTIONS.winnow, "--engines", "--json", str(page / "a.json"),
                              "--html", str(page / "a.html"), "--", str(self.corpus)],
                             stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn("40 messages", run.stdout)
        result = json.loads((page / "a.json").read_text())["results"]["made"]["winnow"]
        self.assertEqual(result["0.01"]["found"], 1.0)
        self.assertIn("<svg", (page / "a.html").read_text())


if __name__ == "__main__":
    run_tests()
