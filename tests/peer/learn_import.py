#!/usr/bin/env python3
"""What other filters learnt, taken over: bogofilter's and SpamAssassin's word lists, rspamd's dumps and
its SQLite files, each made by the program itself. learn_import.py --winnow BINARY"""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import paths  # noqa: F401
import bayes_exchange
import engines
import redis_server
from learn_mail import HAM, SPAM, json_lines, message
from test_program import OPTIONS, missing, run_tests

WINNOW = OPTIONS.winnow
COUNT = 60  # messages of each class


def run(*words, stdin=None, code=0):
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, timeout=300)
    if done.returncode != code:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stderr.decode()}")
    return done


class Import(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="winnow-import-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.statistics = self.folder / "statistics"
        for name, words in (("spam", SPAM), ("ham", HAM)):
            (self.folder / name).mkdir()
            for number in range(COUNT):
                (self.folder / name / str(number)).write_bytes(message(words, number))

    def config(self, name, text):
        local = self.folder / name / "local.d"
        local.mkdir(parents=True, exist_ok=True)
        (local.parent / "rspamd.conf").touch()
        (local / "classifier-bayes.conf").write_text(text)
        return local.parent / "rspamd.conf"

    def learn_log(self, *words, code=0):
        return run(WINNOW, "learn-log", *words, code=code).stderr.decode().strip()

    def bayes(self, text="min_learns = 20;\n"):
        """What is said of a new message of each kind."""
        done = run(WINNOW, "scan", "--config", self.config("judge", text), "--read-as", "jsonl",
                   "--format", "jsonl", "--statistics", self.statistics, "-",
                   stdin=json_lines([message(SPAM, 999), message(HAM, 999)]))
        return [b"BAYES_SPAM" in line and "spam" or b"BAYES_HAM" in line and "ham" or "?"
                for line in done.stdout.splitlines()]


@unittest.skipIf(shutil.which("bogoutil") is None, "bogofilter is not installed")
class BogofilterTest(Import):
    def words(self):
        for flag, name in (("-s", "spam"), ("-n", "ham")):
            run("bogofilter", "-d", self.folder, flag, "-B", self.folder / name)
        out = self.folder / "words.txt"
        out.write_bytes(run("bogoutil", "-d", self.folder / "wordlist.db").stdout)
        return out

    def test_its_words_judge(self):
        words = self.words()
        said = self.learn_log("import", "--statistics", self.statistics, words)
        self.assertRegex(said, rf"^\d+ of \d+ words of {COUNT} spam and {COUNT} ham taken over$")
        used, there = (int(one) for one in said.split()[0:3:2])
        self.assertGreater(used, there * 0.8, said)
        self.assertEqual(self.bayes(), ["spam", "ham"])
        # Again it is no harm, and it can be undone.
        self.assertIn("records were there",
                      self.learn_log("import", "--statistics", self.statistics, words))
        listed = run(WINNOW, "learn-log", "list", "--statistics", self.statistics,
                     "--label", "counts").stdout.splitlines()
        self.assertEqual(len(listed), 1)
        self.assertIn(b"import:bogofilter", listed[0])
        self.learn_log("forget", "--statistics", self.statistics, "--by", "import:bogofilter")
        self.assertEqual(self.bayes(), ["?", "?"])
        self.assertEqual(run(WINNOW, "statistics-dump", "--statistics", self.statistics, "dump")
                         .stdout.count(b'"S"'), 0)
        self.assertIn("0 rows differed", self.learn_log("rebuild", "--statistics", self.statistics))

    def test_through_an_export(self):
        self.learn_log("import", "--statistics", self.statistics, self.words())
        exported = run(WINNOW, "learn-log", "export", "--statistics", self.statistics).stdout
        (self.folder / "export").write_bytes(exported)
        self.statistics = self.folder / "other"
        self.assertEqual(self.learn_log("import", "--statistics", self.statistics,
                                        self.folder / "export"), "1 of 1 records were new")
        self.assertEqual(self.bayes(), ["spam", "ham"])

    def test_what_cannot_be(self):
        words = self.words()
        osb = self.config("osb", "tokenizer { name = osb; }\n")
        self.assertIn("pairs of words", self.learn_log(
            "import", "--config", osb, "--statistics", self.statistics, words, code=3))
        broken = self.folder / "broken"
        lines = words.read_bytes().splitlines()
        broken.write_bytes(b"\n".join(lines[:5] + [b"no line"] + lines[5:]))
        self.assertIn("broken:6: this is no line of `bogoutil -d`", self.learn_log(
            "import", "--statistics", self.statistics, broken, code=3))
        broken.write_bytes(b"\n".join(line for line in lines if not line.startswith(b".MSG")))
        self.assertIn(".MSG_COUNT", self.learn_log(
            "import", "--statistics", self.statistics, broken, code=3))


@unittest.skipIf(shutil.which("sa-learn") is None, "spamassassin is not installed")
class SpamAssassinTest(Import):
    def test_its_backup_judges(self):
        prefs = self.folder / "prefs"
        prefs.write_text(f"bayes_path {self.folder}/bayes\nuse_bayes 1\n")
        for name in ("spam", "ham"):
            run("sa-learn", "-L", "-p", prefs, f"--{name}", self.folder / name)
        backup = self.folder / "backup.txt"
        backup.write_bytes(run("sa-learn", "-L", "-p", prefs, "--backup").stdout)
        self.assertIn("--words", self.learn_log("import", "--statistics", self.statistics, backup,
                                                code=3))
        words = self.folder / "dictionary"
        words.write_text("\n".join(SPAM + HAM + ["aardvark", "zebra"]))
        said = self.learn_log("import", "--statistics", self.statistics, "--words", words, backup)
        self.assertRegex(said, rf"^{len(SPAM + HAM)} of \d+ words of {COUNT} spam and {COUNT} ham")
        self.assertEqual(self.bayes("min_learns = 20; min_tokens = 5;\n"), ["spam", "ham"])
        text = backup.read_text().replace("v\t3\tdb_version", "v\t9\tdb_version")
        backup.write_text(text)
        self.assertIn("backup.txt:1: version 9", self.learn_log(
            "import", "--statistics", self.statistics, "--words", words, backup, code=3))


@unittest.skipIf(shutil.which("rspamadm") is None or missing("redis-server"),
                 "rspamd or redis-server is not installed")
class RspamdDumpTest(Import):
    def setUp(self):
        super().setUp()
        self.redis = redis_server.RedisServer()
        self.addCleanup(self.redis.stop)
        # On a machine under load a second, which is what both wait for Redis without it, is too little.
        text = (f'backend = "redis"; servers = "{self.redis.socket}"; timeout = 60s;\n'
                'min_learns = 20;\ntokenizer { name = "osb"; window = 5; }\n')
        self.site = self.config("site", text)
        own = self.folder / "rspamd" / "override.d"
        own.mkdir(parents=True)
        (own / "classifier-bayes.conf").write_text(text)
        for name in ("spam", "ham"):
            run(WINNOW, "learn", name, "--config", self.site, "--statistics", self.statistics,
                self.folder / name)

    def rspamadm(self, what, *words, **more):
        # It breaks off where one step of SCAN finds nothing of its pattern: all is one step.
        words = [what, "-b", "1000000", *words]
        at = self.folder / "rspamd"
        return run("rspamadm", f"--var=LOCAL_CONFDIR={at}", f"--var=DBDIR={at}", "statistics_dump",
                   "-c", "/etc/rspamd/rspamd.conf", *words, **more).stdout

    def winnow(self, *words, **more):
        return run(WINNOW, "statistics-dump", "-c", self.site, *words, **more).stdout

    def all(self):
        found = self.redis.ask.all()
        return {key: value for key, value in found.items()
                if ":winnow:" not in key and key != "learned_ids"}

    @staticmethod
    def keys(dump):
        """A dump as {line's key: what else it says, in no order}."""
        out = {}
        for line in dump.decode().splitlines():
            key, rest = line.split(": ", 1)
            out[key] = sorted(rest.strip("{}[]").replace(", ", ",").split(","))
        return out

    def test_both_write_and_read_the_same(self):
        ours, theirs = self.winnow("dump"), self.rspamadm("dump")
        self.assertGreater(len(ours.splitlines()), 500)
        self.assertEqual(self.keys(ours), self.keys(theirs))
        packed = self.folder / "packed"
        packed.write_bytes(self.rspamadm("dump", "-c"))
        dump = self.folder / "dump"
        before = self.all()
        for read, file, data in ((self.rspamadm, dump, ours), (self.winnow, dump, theirs),
                                 (self.winnow, packed, packed.read_bytes())):
            file.write_bytes(data)
            self.redis.ask("FLUSHALL")
            read("restore", file)
            self.assertEqual(self.all(), before)
        # Modes; of a version nobody counts, which is where we differ.
        def commands(text):
            lines = text.decode().replace("HINCRBYFLOAT", "HINCRBY").splitlines()
            return sorted(line for line in lines if " version " not in line)
        dump.write_bytes(ours)
        for mode in ("append", "subtract"):
            self.assertEqual(commands(self.winnow("restore", "-n", "-m", mode, dump)),
                             commands(self.rspamadm("restore", "-n", "-m", mode, dump)))
        self.winnow("restore", dump)
        self.assertEqual(self.all()["RS"], {"learns_spam": "120", "learns_ham": "120", "version": "2"})
        self.winnow("restore", "-m", "subtract", dump)
        self.assertEqual(self.all(), before)
        self.winnow("restore", "-m", "replace", dump)
        self.assertEqual(self.all(), before)

    def test_into_a_folder_and_back(self):
        dump, other = self.folder / "dump", self.folder / "other"
        for words in (["dump"], ["dump", "-j"]):
            dump.write_bytes(self.rspamadm(*words))
            self.learn_log("import", "--statistics", other, dump)
        # Both forms say the same: the second brought nothing new.
        back = run(WINNOW, "statistics-dump", "--statistics", other, "dump").stdout
        self.assertEqual(self.keys(back), self.keys(self.rspamadm("dump")))
        self.statistics = other
        self.assertEqual(self.bayes('min_learns = 20; tokenizer { name = "osb"; window = 5; }\n'),
                         ["spam", "ham"])
        before = self.all()
        self.redis.ask("FLUSHALL")
        dump.write_bytes(back)
        self.rspamadm("restore", dump)
        self.assertEqual(self.all(), before)
        dump.write_text('"XY_1": {"S":"1"}\n')
        run(WINNOW, "statistics-dump", "--statistics", other, "restore", dump, code=3)
        run(WINNOW, "statistics-dump", "--statistics", other, "restore", "-m", "replace", dump, code=3)
        run(WINNOW, "statistics-dump", "--statistics", other, "dump", "-C", code=2)


class SqliteRspamd(bayes_exchange.Rspamd):
    """With statistics in SQLite."""

    def configure(self, local):
        super().configure(local)
        (self.work / "override.d" / "classifier-bayes.conf").write_text(
            'enabled = true; backend = "sqlite3"; min_learns = 1; autolearn = false;\n'
            f'statfile {{ symbol = "BAYES_HAM"; path = "{self.work}/ham.sqlite"; }}\n'
            f'statfile {{ symbol = "BAYES_SPAM"; path = "{self.work}/spam.sqlite"; spam = true; }}\n'
            f'cache {{ type = "sqlite3"; path = "{self.work}/cache.sqlite"; }}\n')


@unittest.skipIf(shutil.which("rspamd") is None or missing("redis-server"),
                 "rspamd or redis-server is not installed")
class SqliteTest(Import):
    def test_as_rspamadm_converts_it_and_better(self):
        rspamd = SqliteRspamd(self.folder, None)
        try:
            for number in range(25):
                rspamd.learn(True, message(SPAM, number))
                rspamd.learn(False, message(HAM, number))
        finally:
            rspamd.stop()
        files = ["--spam-db", rspamd.work / "spam.sqlite", "--ham-db", rspamd.work / "ham.sqlite",
                 "--cache", rspamd.work / "cache.sqlite"]
        found = []
        for program in (["rspamadm", "statconvert", "--symbol-spam", "BAYES_SPAM",
                         "--symbol-ham", "BAYES_HAM"],
                        [WINNOW, "statconvert", "--statistics", self.folder / "journal"]):
            # rspamadm waits a second for Redis, which is too little on a machine under load.
            for _ in range(5):
                server = redis_server.RedisServer(port=engines.free_port())
                self.addCleanup(server.stop)
                for _ in range(1 if program[0] == "rspamadm" else 2):
                    run(*program, *files, "-h", f"127.0.0.1:{server.port}")
                stored = server.ask.all()
                if program[0] == WINNOW or sum(key.startswith("RS_") for key in stored) > 500:
                    break
            found.append({key: value for key, value in stored.items() if ":winnow:" not in key})
        theirs, ours = found
        tokens = [{key: value for key, value in one.items() if key.startswith("RS_")}
                  for one in found]
        self.assertGreater(len(tokens[0]), 500)
        self.assertEqual(*tokens)
        for key in ("BAYES_SPAM_keys", "BAYES_HAM_keys"):
            self.assertEqual(theirs[key], ours[key])
        # Ids of 3.4; ours has those of 4.1 too.
        self.assertEqual(theirs["learned_ids"],
                         {key: value for key, value in ours["learned_ids"].items() if len(key) == 103})
        self.assertEqual(ours["RS"], {"learns_spam": "25", "learns_ham": "25", "version": "2"})
        # Into a folder: the same counts, and a message is judged by them.
        run(WINNOW, "statconvert", "--statistics", self.statistics, *files)
        self.assertEqual(self.bayes('min_learns = 20; tokenizer { name = "osb"; window = 5; }\n'),
                         ["spam", "ham"])
        run(WINNOW, "statconvert", "--statistics", self.statistics, code=2)
        run(WINNOW, "statconvert", "--statistics", self.statistics, "--spam-db",
            self.folder / "spam" / "1", code=3)


if __name__ == "__main__":
    run_tests()
