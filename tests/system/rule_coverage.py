#!/usr/bin/env python3
"""Every symbol of Rspamd that needs no network is here with its weight and a test, or a reason
stands in rules/conf/rspamd_symbols.tsv; no composite is off that could hit; and the tables notice
where that is not so."""
import pathlib
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "rules/conf"))
import coverage  # noqa: E402
from test_program import OPTIONS, run_tests  # noqa: E402


class Coverage(unittest.TestCase):
    def test_nothing_is_missing(self):
        table = coverage.rows(OPTIONS.winnow, SOURCE / "rules/conf")
        self.assertGreater(len(table), 400)
        self.assertEqual(coverage.gaps(table), [])

    def test_gaps_are_seen(self):
        row = ("X", "none", 1.0, "1", "2", 1, "")
        self.assertEqual(coverage.gaps([row[:2] + (2.0,) + row[3:]]), [])
        self.assertIn("weighs", coverage.gaps([row])[0])
        self.assertIn("not here", coverage.gaps([row[:2] + (None,) + row[3:]])[0])
        self.assertIn("no test", coverage.gaps([row[:2] + (2.0, "1", "2", 0, "")])[0])
        self.assertEqual(coverage.gaps([row[:6] + ("because",)]), [])

    def test_one_forged_line_takes_off_little(self):
        self.assertEqual(coverage.forgeable(SOURCE / "rules/conf"), [])
        with tempfile.TemporaryDirectory() as folder:
            conf = pathlib.Path(folder)
            (conf / "regexp.d").mkdir()
            for pattern, bad in (("Subject=/^re{2}:/iH", True), ("header_exists(References)", True),
                                 ("/^> /m{mime}", False), ("/x/iU", False)):
                (conf / "regexp.d/a.conf").write_text(
                    f'A_RULE {{\n  re = "{pattern}";\n  score = -0.3;\n}}\n')
                self.assertEqual(len(coverage.forgeable(conf)), bad, pattern)

    def test_no_composite_sleeps(self):
        conf = SOURCE / "rules/conf"
        self.assertEqual(coverage.asleep(conf, coverage.listed(OPTIONS.winnow, conf)), [])

    def test_sleepers_are_seen(self):
        everything = {"KNOWN_MID", "INVALID_MSGID", "DCC_BULK", "HAS_XOIP"}
        found = " ".join(coverage.asleep(SOURCE / "rules/conf", everything))
        self.assertIn("INVALID_MSGID_ALLOWED is off", found)
        self.assertIn("COMPROMISED_ACCT_BULK is off", found)
        self.assertNotIn("UNDISC_RCPTS_BULK", found)
        for expression, expected in (("A & B", False), ("A & !B", True), ("-A | B", True),
                                     ("~g-:x & A", True), ("g+:y & A", False),
                                     ("A[o, /b/] & ^A", True), ("(B | A) & (g:x)", True)):
            self.assertEqual(coverage.could_hit(expression, {"A", "g:x"}), expected, expression)


if __name__ == "__main__":
    run_tests()
