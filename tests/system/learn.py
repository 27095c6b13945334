#!/usr/bin/env python3
"""`winnow learn`, and what a scan knows afterwards: learn.py --winnow PATH. Mail is made here: two
vocabularies, so that what is learnt decides and nothing else."""
import io
import json
import pathlib
import re
import tarfile
import tempfile
import unittest

from learn_mail import BILLS, HAM, NEWS, SPAM, json_lines, message, winnow
from test_program import PATTERNS, run_tests


class Learning(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.statistics = self.folder / "statistics"
        for name, words in (("spam", SPAM), ("ham", HAM)):
            (self.folder / name).mkdir()
            for number in range(30):
                (self.folder / name / f"{number:03}.eml").write_bytes(message(words, number))

    def learn(self, what, *paths, code=0, more=()):
        done = winnow("learn", what, "--cache", PATTERNS, "--statistics", self.statistics, *more, *paths)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr.decode().strip()

    def config(self, text="min_learns = 20;"):
        path = self.folder / "rspamd.conf"
        path.touch()
        (self.folder / "local.d").mkdir(exist_ok=True)
        (self.folder / "local.d" / "classifier-bayes.conf").write_text(text + "\n")
        return path

    def bayes(self, *messages, statistics=True, config=None, more=()):
        """The BAYES symbol of each message as (name, score, option), or None."""
        given = ["--statistics", self.statistics] if statistics else []
        done = winnow("scan", "--config", config or self.config(), "--cache", PATTERNS, "--read-as",
                      "jsonl", "--format", "jsonl", *given, *more, "-", stdin=json_lines(messages))
        self.assertEqual(done.returncode, 0, done.stderr)
        out = []
        for line in done.stdout.splitlines():
            symbols = json.loads(line)["symbols"]
            found = [s for name, s in symbols.items() if name.startswith("BAYES_")]
            self.assertLessEqual(len(found), 1)
            out.append((found[0]["name"], found[0]["score"], found[0]["options"][0])
                       if found else None)
        return out

    def learn_both(self):
        self.learn("spam", self.folder / "spam")
        self.learn("ham", self.folder / "ham")


class LearnTest(Learning):
    def test_what_was_learnt_is_found_again(self):
        self.learn_both()
        spam, ham = self.bayes(message(SPAM, 99), message(HAM, 99))
        self.assertEqual(spam[0], "BAYES_SPAM")
        self.assertGreater(spam[1], 4)
        self.assertRegex(spam[2], r"^\d+\.\d\d%$")
        self.assertEqual(ham[0], "BAYES_HAM")
        self.assertLess(ham[1], -2)
        done = winnow("explain", "--config", self.config(), "--cache", PATTERNS, "--read-as", "jsonl",
                      "--statistics", self.statistics, "-", stdin=json_lines([message(SPAM, 99)]))
        self.assertRegex(done.stdout.decode(), rf"(?m)^ +{spam[1]:.2f}  BAYES_SPAM$")

    def test_without_statistics_a_scan_is_as_before(self):
        mail = self.folder / "ham"
        plain = winnow("scan", "--cache", PATTERNS, "--now", "2026-11-25T00:00:00Z", "--format", "jsonl",
                       mail)
        self.learn_both()
        again = winnow("scan", "--cache", PATTERNS, "--now", "2026-11-25T00:00:00Z", "--format", "jsonl",
                       mail)
        self.assertEqual(plain.stdout, again.stdout)
        self.assertNotIn(b"BAYES", plain.stdout)
        missing = winnow("scan", "--cache", PATTERNS, "--statistics", self.folder / "none", mail)
        self.assertEqual(missing.returncode, 2)

        self.assertIn(b"nothing was learnt into this folder", missing.stderr)

    def test_who_names_no_folder_is_told_which_it_was(self):
        done = winnow("learn", "spam", "--cache", PATTERNS, "--var", f"DBDIR={self.folder}",
                      self.folder / "spam")
        self.assertEqual(done.stderr.decode().strip(),
                         f"30 learnt, 0 moved, 0 already in {self.folder}/statistics")

    def test_too_little_learnt_says_nothing(self):
        self.learn_both()
        self.assertEqual(self.bayes(message(SPAM, 99), config=self.config("min_learns = 31;")),
                         [None])
        self.assertIsNotNone(self.bayes(message(SPAM, 99), config=self.config("min_learns = 30;"))[0])
        self.assertEqual(self.bayes(message(SPAM, 99), config=self.config("enabled = false;")),
                         [None])
        self.assertEqual(
            self.bayes(message(SPAM, 99), config=self.config("min_learns = 1; min_tokens = 5000;")),
            [None])

    def test_each_message_once_and_again_after_a_break(self):
        first = sorted((self.folder / "spam").iterdir())[:10]
        self.assertEqual(self.learn("spam", *first), "10 learnt, 0 moved, 0 already")
        self.assertEqual(self.learn("spam", self.folder / "spam"), "20 learnt, 0 moved, 10 already")
        self.assertEqual(self.learn("spam", self.folder / "spam"), "0 learnt, 0 moved, 30 already")

    def test_a_copy_that_came_another_way_is_the_same_message(self):
        self.learn("spam", self.folder / "spam")
        copy = b"Received: from a.example (a.example [192.0.2.1]) by b.example; " \
               b"Tue, 24 Nov 2026 10:00:01 +0000\r\nX-Spam: yes\r\n" + message(SPAM, 3)
        path = self.folder / "copy.eml"
        path.write_bytes(copy)
        self.assertEqual(self.learn("spam", path), "0 learnt, 0 moved, 1 already")
        self.assertEqual(self.learn("ham", path), "0 learnt, 1 moved, 0 already")
        self.assertEqual(self.learn("forget", path), "1 forgotten, 0 unknown")
        self.assertEqual(self.learn("forget", path), "0 forgotten, 1 unknown")

    def test_a_dry_run_changes_nothing(self):
        said = self.learn("spam", self.folder / "spam", self.folder / "spam", more=["--dry-run"])
        self.assertEqual(said, "would be: 30 learnt, 0 moved, 30 already")
        self.assertFalse(self.statistics.exists())
        self.learn("spam", self.folder / "spam" / "000.eml")
        before = (self.statistics / "learn.log").read_bytes()
        self.assertEqual(self.learn("ham", self.folder / "spam", more=["--dry-run"]),
                         "would be: 29 learnt, 1 moved, 0 already")
        self.assertEqual((self.statistics / "learn.log").read_bytes(), before)

    def test_maildir_mbox_and_tar(self):
        maildir = self.folder / "Maildir"
        for name in ("cur", "new", "tmp"):
            (maildir / name).mkdir(parents=True)
        (maildir / "cur" / "1:2,S").write_bytes(message(HAM, 50))
        (maildir / "new" / "2").write_bytes(message(HAM, 51))
        mbox = self.folder / "ham.mbox"
        mbox.write_bytes(b"".join(b"From s@x Tue Nov 24 10:00:00 2026\n" +
                                  message(HAM, n).replace(b"\r\n", b"\n") + b"\n" for n in (52, 53)))
        archive = self.folder / "ham.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            info = tarfile.TarInfo("54.eml")
            info.size = len(message(HAM, 54))
            tar.addfile(info, io.BytesIO(message(HAM, 54)))
        self.assertEqual(self.learn("ham", maildir, mbox, archive), "5 learnt, 0 moved, 0 already")

    def test_an_empty_and_a_huge_message(self):
        (self.folder / "empty.eml").write_bytes(b"")
        huge = message(SPAM, 1) + b" ".join(b"word%d" % n for n in range(400_000))
        (self.folder / "huge.eml").write_bytes(huge)
        said = self.learn("spam", self.folder / "empty.eml", self.folder / "huge.eml")
        self.assertIn("learnt", said)
        self.learn("spam", self.folder / "missing.eml", code=3)

    def test_a_user_of_his_own(self):
        config = self.config("min_learns = 20; per_user = true;")
        for what, words in (("spam", SPAM), ("ham", HAM)):
            self.learn(what, self.folder / what,
                       more=["--config", config, "--user", "Anna@x.example"])
        lines = b"".join(
            json.dumps({"raw": message(SPAM, 99).decode(), "rcpt": [to]}).encode() + b"\n"
            for to in ("anna@X.example", "ben@x.example"))
        done = winnow("scan", "--config", config, "--cache", PATTERNS, "--read-as", "jsonl", "--format",
                      "jsonl", "--statistics", self.statistics, "-", stdin=lines)
        self.assertEqual(["BAYES_SPAM" in json.loads(line)["symbols"]
                          for line in done.stdout.splitlines()], [True, False])

    def test_rspamds_tokens(self):
        config = self.config('min_learns = 20; tokenizer { name = "osb"; }')
        for what in ("spam", "ham"):
            self.learn(what, self.folder / what, more=["--config", config])
        found = self.bayes(message(SPAM, 99), message(HAM, 99), config=config)
        self.assertEqual([one[0] for one in found], ["BAYES_SPAM", "BAYES_HAM"])
        # The other tokenizer has learnt nothing of it.
        self.assertEqual(self.bayes(message(SPAM, 99)), [None])

    def test_recorded_and_judged_again(self):
        self.learn_both()
        record = self.folder / "run.wev"
        there = self.bayes(message(SPAM, 99), more=["--record", record])
        done = winnow("scan", "--config", self.config(), "--cache", PATTERNS, "--replay", record,
                      "--format", "jsonl")
        self.assertEqual(done.returncode, 0, done.stderr)
        symbol = json.loads(done.stdout)["symbols"]["BAYES_SPAM"]
        self.assertEqual(symbol["options"][0], there[0][2])

    def test_batches_and_threads_make_no_difference(self):
        logs = []
        for number, more in enumerate((["--threads", 1, "--batch-rows", 1], ["--threads", 2])):
            self.statistics = self.folder / f"s{number}"
            for what in ("spam", "ham"):
                self.learn(what, self.folder / what, more=[*more, "--now", "2026-11-25T00:00:00Z"])
            log = (self.statistics / "learn.log").read_bytes()
            logs.append(log[:16] + log[32:])  # but for its name
        self.assertEqual(*logs)

    def test_canaries_keep_what_is_wrong_out(self):
        self.learn_both()
        for name, words in (("spam", SPAM), ("ham", HAM)):
            (self.folder / ("certain-" + name)).mkdir()
            for number in range(100, 120):
                (self.folder / ("certain-" + name) / str(number)).write_bytes(message(words, number))
            self.assertEqual(self.learn(name, self.folder / ("certain-" + name),
                                        more=["--canaries", "--config", self.config()]),
                             "20 canaries more")
        def say():
            return winnow("learn-log", "canaries", "--config", self.config(), "--statistics",
                          self.statistics).stdout.decode().strip()
        self.assertEqual(say(), "40 canaries: 0 of 20 spam taken for ham, 0 of 20 ham taken for "
                                "spam, 0 not known, 1-ROCA 0.000 %")
        # A user's whole mailbox as spam.
        (self.folder / "all").mkdir()
        for number in range(200, 400):
            (self.folder / "all" / str(number)).write_bytes(message(HAM, number))
        log = (self.statistics / "learn.log").read_bytes()
        said = self.learn("spam", self.folder / "all", code=3, more=["--config", self.config()])
        self.assertIn("are not learnt: with them the canaries would say", said)
        self.assertRegex(said, r"would say 0 of 20 spam taken for ham, [1-9]\d* of \d+ ham taken")
        self.assertEqual((self.statistics / "learn.log").read_bytes(), log)
        # Right, it is learnt; and a canary never is.
        self.assertEqual(self.learn("ham", self.folder / "all", self.folder / "certain-ham",
                                    more=["--config", self.config()]),
                         "200 learnt, 0 moved, 0 already, 20 held out")
        self.assertIn("learnt", self.learn("spam", self.folder / "ham",
                                           more=["--config", self.config(), "--force"]))

    CLASSES = """min_learns = 20;
        statfile { class = "spam"; symbol = "BAYES_SPAM"; }
        statfile { class = "ham"; symbol = "BAYES_HAM"; }
        statfile { class = "news"; symbol = "BAYES_NEWS"; }
        statfile { class = "bills"; symbol = "BAYES_BILLS"; }
        """

    def four_classes(self, text=""):
        """Mail of four classes, and a configuration that has them."""
        for name, words in (("news", NEWS), ("bills", BILLS)):
            (self.folder / name).mkdir(exist_ok=True)
            for number in range(30):
                (self.folder / name / f"{number:03}.eml").write_bytes(message(words, number))
        return self.config(self.CLASSES + text)

    def test_more_classes_than_two(self):
        mail = {"spam": SPAM, "ham": HAM, "news": NEWS, "bills": BILLS}
        for tokenizer in ("winnow", "osb"):
            with self.subTest(tokenizer):
                self.statistics = self.folder / ("statistics-" + tokenizer)
                config = self.four_classes(f'tokenizer = "{tokenizer}";')
                for name in mail:
                    self.assertEqual(self.learn(name, self.folder / name, more=["--config", config]),
                                     "30 learnt, 0 moved, 0 already")
                self.assertEqual(self.learn("news", self.folder / "news", more=["--config", config]),
                                 "0 learnt, 0 moved, 30 already")
                said = self.bayes(*(message(words, 99) for words in mail.values()), config=config)
                expected = ["BAYES_SPAM", "BAYES_HAM", "BAYES_NEWS", "BAYES_BILLS"]
                if tokenizer == "osb":
                    # Rspamd's formula for more than two classes is often not sure, but not wrong.
                    given = [(one[0], name) for one, name in zip(said, expected) if one]
                    self.assertGreater(len(given), 0)
                    for one, name in given:
                        self.assertEqual(one, name)
                    continue
                self.assertEqual([one and one[0] for one in said], expected)
                # A class of a site's own has the score that the site gives it: here none.
                self.assertEqual([one[1] > 0 for one in said], [True, False, False, False])
                self.assertTrue(said[1][1] < 0 and said[2][1] == said[3][1] == 0)
                self.assertTrue(all(float(one[2].rstrip("%")) > 80 for one in said), said)
                # Into another class, and out again.
                more = ["--config", config]
                self.assertEqual(self.learn("bills", self.folder / "news", more=more),
                                 "0 learnt, 30 moved, 0 already")
                self.assertEqual(self.bayes(message(NEWS, 99), config=config)[0][0], "BAYES_BILLS")
                self.assertEqual(self.learn("forget", self.folder / "news", more=more),
                                 "30 forgotten, 0 unknown")
                self.assertEqual(self.learn("news", self.folder / "news", more=more),
                                 "30 learnt, 0 moved, 0 already")
                self.assertEqual(self.bayes(message(NEWS, 99), config=config)[0][0], "BAYES_NEWS")

    def test_classes_in_the_log(self):
        config = self.four_classes()
        more = ["--config", config]
        for name in ("spam", "ham", "news", "bills"):
            self.learn(name, self.folder / name, more=more)

        def log(action, *given, code=0, stdin=None):
            done = winnow("learn-log", action, "--statistics", self.statistics, *given, stdin=stdin)
            self.assertEqual(done.returncode, code, done.stderr)
            return done.stdout.decode(), done.stderr.decode().strip()

        lines = log("list", "--label", "news")[0].splitlines()
        self.assertEqual([line.split("\t")[1] for line in lines], ["news"] * 30)
        digest = lines[0].split("\t")[2]
        self.assertIn("spam, ham, news, bills",
                      log("relabel", "--digest", digest, "--to", "other", *more, code=2)[1])
        self.assertEqual(log("relabel", "--digest", digest, "--to", "bills", *more)[1],
                         "1 messages relabelled")
        self.assertEqual(log("rebuild")[1], "0 rows differed and are mended")
        # An export has the classes, and taken in elsewhere says the same.
        def dump():
            return winnow("statistics-dump", "dump", "--statistics", self.statistics).stdout

        exported, dumped = log("export")[0], dump()
        self.statistics = self.folder / "another"
        log("import", "-", stdin=exported.encode())
        self.assertEqual(dump(), dumped)
        self.assertIn(b'"WN": {"learns_spam":"30","learns_ham":"30","learns_news":"29",'
                      b'"learns_bills":"31","version":"2"}', dumped)
        self.assertIn(b'"BAYES_BILLS_keys": ["WN"]', dumped)
        self.assertEqual(log("forget", "--label", "bills")[1], "31 messages forgotten")

    def test_names_and_numbers_of_classes(self):
        config = self.four_classes()
        said = self.learn("other", self.folder / "news", code=2, more=["--config", config])
        self.assertIn("there is no class other in this configuration; there are spam, ham, news, "
                      "bills", said)
        config = self.config("".join(f'statfile {{ class = "c{i}"; symbol = "C{i}"; }}\n'
                                     for i in range(32)))
        done = winnow("configtest", "--config", config)
        self.assertNotIn(b"classes", done.stdout + done.stderr)
        config = self.config("".join(f'statfile {{ class = "c{i}"; symbol = "C{i}"; }}\n'
                                     for i in range(33)))
        done = winnow("configtest", "--config", config)
        self.assertIn(b"there are more than 32 classes; c32 is left out", done.stdout + done.stderr)
        config = self.config('statfile { class = "forget"; symbol = "X"; }\n'
                             'statfile { spam = true; symbol = "BAYES_SPAM"; }\n'
                             'statfile { spam = false; symbol = "BAYES_HAM"; }\n'
                             'statfile { class = "1"; symbol = "Y"; }\n'
                             'statfile { class = "spam"; symbol = "MINE"; }\n'
                             'autolearn { multiclass { thresholds { spam = [15, 100]; x = [1, 2]; '
                             'ham = [3, 1]; } } }\n')
        done = winnow("configtest", "--config", config)
        text = (done.stdout + done.stderr).decode()
        for part in ('no class can be named "forget"', 'no class can be named "1"',
                     "class spam has two statfiles; the last one counts",
                     "autolearn names class x, which has no statfile",
                     "autolearn of class ham takes [from, to]"):
            self.assertIn(part, text)

    def test_what_the_configuration_asks_for_and_is_not_here(self):
        config = self.config('store_tokens = true; learn_condition = "return false"; min_learns = -1;'
                             'expire = 100d;')
        done = winnow("configtest", "--config", config)
        text = (done.stdout + done.stderr).decode()
        self.assertIn("min_learns must be a whole number", text)
        self.assertIn("learn_condition is Rspamd's own", text)
        self.assertIn("expire is for Redis", text)
        self.assertIn("store_tokens changes nothing", text)

    def test_each_option_without_effect_is_named_with_its_line(self):
        lines = """backend = "redis"; servers = "127.0.0.1:1";
store_tokens = true;
signatures = yes;
per_language = true;
languages_enabled = true;
cache { type = "sqlite3"; }
classify_condition = "return function(task) return task:get_user() ~= nil end";
learn_condition = "return function(t) if t:get_user() then return true end return false end";
tokenizer { name = "osb";
  key = "abc";
  seed = "1"; }
statfile { class = "spam"; symbol = "BAYES_SPAM";
  path = "/x";
  filename = "/y";
  size = 10M;
  redis { servers = "127.0.0.1:2"; } }
statfile { class = "ham"; symbol = "BAYES_HAM"; }
monitor_timeout = 0;
autolearn { spam_threshold = 6; ham_threshold = -1;
  verdict_source { name = "other"; }
  options { probability_check {
    variable = "x";
    ctype = "int";
    ham_max = 0.1; } } }
"""
        config = self.config(lines)
        done = winnow("configtest", "--config", config)
        text = (done.stdout + done.stderr).decode()
        for number, line in enumerate(lines.splitlines(), 1):
            key = line.split()[0]
            if key in ("backend", "tokenizer", "statfile", "autolearn", "options"):
                continue
            with self.subTest(key):
                where = f"local.d/classifier-bayes.conf:{number}: classifier: "
                said = [one.split(where)[1] for one in text.splitlines() if where in one]
                self.assertTrue(any(one.startswith(key) for one in said), text)
        self.assertNotIn("do nothing yet", text)
        self.assertEqual(winnow("configtest", "--strict", "--config", config).returncode, 1)

    def test_what_changes_nothing_in_rspamd_either_is_no_warning(self):
        config = self.config("""backend = "redis"; servers = "127.0.0.1:1"; cache { type = "redis"; }
            store_tokens = false; signatures = false; monitor_timeout = 10s; cache_elt_len = 20;
            classify_condition = "return function(task) return true; end";
            learn_condition = "return function(task, is_spam, is_unlearn) return true end";
            statfile { class = "spam"; symbol = "BAYES_SPAM"; }
            statfile { class = "ham"; symbol = "BAYES_HAM"; }""")
        (self.folder / "local.d" / "bayes_expiry.conf").write_text("interval = 30;\n")
        done = winnow("configtest", "--strict", "--config", config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_one_of_two_classifiers_is_used_and_it_is_said(self):
        config = self.config()
        (self.folder / "local.d" / "statistic.conf").write_text("""classifier "bayes" {
            statfile { class = "spam"; symbol = "MY_SPAM"; }
            statfile { class = "ham"; symbol = "MY_HAM"; } }
            classifier "bayes" {
            statfile { class = "spam"; symbol = "OTHER_SPAM"; }
            statfile { class = "ham"; symbol = "OTHER_HAM"; } }""")
        done = winnow("configtest", "--config", config)
        self.assertIn("local.d/statistic.conf:1: classifier: there is one classifier here, the last one",
                      (done.stdout + done.stderr).decode())

    def test_too_few_tokens_are_not_learnt(self):
        mail = self.folder / "spam" / "001.eml"
        more = ["--config", self.config("min_tokens = 5000;")]
        self.assertEqual(self.learn("spam", self.folder / "spam", more=more),
                         "0 learnt, 0 moved, 0 already, 30 with less tokens than min_tokens = 5000: "
                         "not learnt")
        done = winnow("learn", "spam", "--cache", PATTERNS, "--statistics", self.statistics, "--verbose",
                      *more, mail)
        found = re.fullmatch(r"too few\t\S*001\.eml\S*\tless tokens than required: (\d+) < 5000\n",
                             done.stdout.decode())
        self.assertTrue(found, done.stdout)
        has = int(found[1])
        for least, said in ((has + 1, f"0 learnt, 0 moved, 0 already, 1 with less tokens than "
                                      f"min_tokens = {has + 1}: not learnt"),
                            (has, "1 learnt, 0 moved, 0 already")):
            more = ["--config", self.config(f"min_tokens = {least};")]
            self.assertEqual(self.learn("spam", mail, more=more), said)
        # Lines stand in the order of the messages, whatever became of each.
        lines = json_lines(b"Subject: a\n\nb\n" if number % 3 else message(HAM, number)
                           for number in range(50, 60))
        done = winnow("learn", "ham", "--cache", PATTERNS, "--statistics", self.statistics, "--verbose",
                      "--config", self.config("min_tokens = 40;"), "--read-as", "jsonl", "-",
                      stdin=lines)
        self.assertEqual([line.split("\t")[0] for line in done.stdout.decode().splitlines()],
                         ["too few" if number % 3 else "learnt" for number in range(50, 60)])
        # What is there is forgotten all the same.
        more = ["--config", self.config("min_tokens = 5000;")]
        self.assertEqual(self.learn("forget", mail, more=more), "1 forgotten, 0 unknown")


class LearnLogTest(Learning):
    def log(self, action, *more, code=0, stdin=None):
        done = winnow("learn-log", action, "--statistics", self.statistics, *more, stdin=stdin)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.decode(), done.stderr.decode().strip()

    def test_list_forget_and_relabel(self):
        self.learn_both()
        lines = self.log("list", "--label", "spam")[0].splitlines()
        self.assertEqual(len(lines), 30)
        time, kind, digest, who, scope, tokens, _ = lines[0].split("\t")
        self.assertEqual((kind, who, scope), ("spam", "learn", "0" * 16))
        self.assertRegex(tokens, r"^\d+ tokens$")
        self.assertEqual(self.log("relabel", "--digest", digest, "--to", "ham")[1],
                         "1 messages relabelled")
        self.assertEqual(self.log("forget", "--digest", digest)[1], "1 messages forgotten")
        self.log("forget", "--digest", digest, code=1)
        self.assertEqual(self.log("forget", "--label", "ham")[1], "30 messages forgotten")
        self.log("forget", code=2)
        self.log("relabel", "--digest", digest, code=2)
        self.log("list", "--digest", "zz", code=2)
        self.assertEqual(self.log("rebuild")[1], "0 rows differed and are mended")
        self.assertEqual(len(self.log("list")[0].splitlines()), 92)

    def test_export_and_import_give_the_same_model(self):
        self.learn_both()
        self.learn("ham", self.folder / "spam" / "003.eml")
        exported = self.log("export")[0]
        first = self.statistics
        self.statistics = self.folder / "other"
        self.assertEqual(self.log("import", "-", stdin=exported.encode())[1],
                         "61 of 61 records were new")
        self.assertEqual(self.log("export")[0], exported)
        self.assertEqual(self.log("import", "-", stdin=exported.encode())[1],
                         "2 of 61 records were new")
        self.log("import", "-", stdin=b"{}\nnonsense\n", code=3)
        self.log("import", code=2)
        found = []
        for self.statistics in (first, self.statistics):
            found.append(self.bayes(message(SPAM, 99), message(HAM, 99)))
        self.assertEqual(*found)

    def test_the_model_of_an_earlier_day(self):
        self.learn("spam", self.folder / "spam", more=["--now", "2026-11-20T00:00:00Z"])
        self.learn("ham", self.folder / "ham", more=["--now", "2026-11-27T00:00:00Z"])
        then = self.folder / "then"
        said = self.log("as-of", "--until", "2026-11-24T00:00:00Z", "--to", then)[1]
        self.assertEqual(said, "30 records")
        self.log("as-of", "--until", "monday", "--to", then, code=2)
        self.statistics = then
        self.assertEqual(len(self.log("list")[0].splitlines()), 30)
        self.assertEqual(self.bayes(message(SPAM, 99)), [None])  # no ham yet

    def test_a_damaged_log_is_exported_up_to_there(self):
        self.learn("spam", self.folder / "spam")
        log = self.statistics / "learn.log"
        raw = bytearray(log.read_bytes())
        raw[len(raw) // 2] ^= 1
        log.write_bytes(raw)
        self.log("export", code=3)
        rest = self.log("export", "--until-damage")[0].splitlines()
        self.assertTrue(5 < len(rest) < 30, len(rest))
        self.log("rebuild", code=3)

    def test_evaluate_says_what_it_would_have_said(self):
        lines = []
        for number in range(60):
            for label, words in (("spam", SPAM), ("ham", HAM)):
                lines.append(json.dumps({"raw": message(words, number).decode(), "label": label,
                                         "now": 1_700_000_000 + number}))
        done = winnow("learn", "labelled", "--cache", PATTERNS, "--statistics", self.statistics,
                      "--read-as", "jsonl", "-", stdin="\n".join(lines).encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        out, summary = self.log("evaluate", "--config", self.config("min_learns = 10;"))
        rows = [line.split("\t") for line in out.splitlines()]
        self.assertEqual([row[2] for row in rows], ["unknown"] * 20 + ["known"] * 100)
        for row in rows[20:]:
            self.assertEqual(float(row[3]) > 0, row[1] == "spam")
            self.assertEqual(float(row[4]) > 0.5, row[1] == "spam")
        self.assertIn("1-ROCA 0.000 %", summary)
        # Folders say it too; what has no label is named.
        self.assertEqual(self.learn("labelled", self.folder / "spam", self.folder / "ham"),
                         "0 learnt, 0 moved, 60 already")
        (self.folder / "other").mkdir()
        (self.folder / "other" / "x.eml").write_bytes(message(HAM, 77))
        self.learn("labelled", self.folder / "other", code=3)


if __name__ == "__main__":
    run_tests()
