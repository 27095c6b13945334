#!/usr/bin/env python3
"""One Redis, two filters: what Debian's rspamd learnt Winnow judges by, and the other way round.
bayes_exchange.py --winnow BINARY

Messages are made here (bayes_mail.py). Compared are the tokens that either writes into Redis for the
same message, all that is there after both learnt the same, and the probabilities that both give."""
import pathlib
import tempfile
import unittest

import paths  # noqa: F401
import bayes_mail
import redis_server
import service
from rspamd_bayes import RspamdBayes, post
from test_program import OPTIONS, require, run_tests

COUNT = 200
CLOSE = 0.01
WINDOW = 5  # 3.4 knows no other
UNSURE = 0.05 + CLOSE  # so near to the middle nobody gives a symbol


class Rspamd(RspamdBayes):
    def learn(self, spam, mail):
        assert super().learn(spam, mail)


class Winnow:
    def __init__(self, work, redis):
        local = pathlib.Path(work) / "site" / "local.d"
        local.mkdir(parents=True)
        (local.parent / "rspamd.conf").touch()
        (local / "classifier-bayes.conf").write_text(
            f'backend = "redis"; servers = "{redis}"; timeout = 60s; min_learns = 10;\n'
            f'tokenizer {{ name = "osb"; window = {WINDOW}; }}\n')
        (local / "worker-controller.inc").write_text('secure_ip = ["127.0.0.1"];\n')
        self.config = str(local.parent / "rspamd.conf")
        self.serve = service.Serve(OPTIONS.winnow, "--config", self.config, "--threads", "1",
                                   "--statistics", str(pathlib.Path(work) / "statistics"))
        self.controller = self.serve.port("controller")

    def learn(self, spam, mail):
        status, answer = post(self.controller, "/learnspam" if spam else "/learnham", mail)
        assert status == 200, (status, answer)

    def probability(self, mail):
        """Nothing where it gives no symbol: too little is known, or too near to the middle."""
        _, answer = post(self.serve.http, "/checkv2", mail, "Pass: all")
        for name, sign in (("BAYES_SPAM", 1), ("BAYES_HAM", -1)):
            if name in answer["symbols"]:
                sure = float(answer["symbols"][name]["options"][0].rstrip("%")) / 200
                return 0.5 + sign * sure
        return None

    def stop(self):
        self.serve.stop()


def agree(one, other):
    """Of probabilities; None is none, or one so near to the middle that it gives no symbol."""
    if one is None or other is None:
        there = one if other is None else other
        return there is None or abs(there - 0.5) <= UNSURE
    return abs(one - other) <= CLOSE


class Exchange(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="winnow-bayes-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.redis = redis_server.RedisServer()
        cls.addClassCleanup(cls.redis.stop)
        cls.rspamd = Rspamd(cls.folder.name, cls.redis.socket)
        cls.addClassCleanup(cls.rspamd.stop)
        cls.winnow = Winnow(cls.folder.name, cls.redis.socket)
        cls.addClassCleanup(cls.winnow.stop)

    def setUp(self):
        self.redis.ask("FLUSHALL")

    def learnt(self, who, number):
        """All that is in Redis after it learnt that message."""
        self.redis.ask("FLUSHALL")
        who.learn(bayes_mail.is_spam(number), bayes_mail.message(number))
        found = {key: value for key, value in self.redis.ask.all().items() if ":winnow:" not in key}
        found.get("learned_ids", {})  # 4.1's short ids stand beside 3.4's
        if "learned_ids" in found:
            found["learned_ids"] = {k: v for k, v in found["learned_ids"].items() if len(k) > 32}
        return found

    def test_the_mail_is_what_it_is_said_to_be(self):
        numbers = range(COUNT)
        self.assertGreaterEqual(sum(bayes_mail.language(n) != "en" for n in numbers), 50)
        self.assertGreaterEqual(sum(bayes_mail.is_html(n) for n in numbers), 50)
        self.assertEqual(sum(bayes_mail.is_spam(n) for n in numbers), COUNT // 2)

    def test_both_write_the_same(self):
        differ = []
        for number in range(COUNT):
            theirs, ours = self.learnt(self.rspamd, number), self.learnt(self.winnow, number)
            if theirs != ours:
                only = {k: v for k, v in theirs.items() if ours.get(k) != v}
                extra = {k: v for k, v in ours.items() if theirs.get(k) != v}
                differ.append((number, bayes_mail.language(number), len(theirs), len(only), len(extra)))
        for one in differ:
            print("message %d (%s): of %d keys %d only rspamd has so, %d only Winnow" % one)
        self.assertLessEqual(len(differ), COUNT // 100)

    def judge(self, teacher):
        for number in range(COUNT):
            teacher.learn(bayes_mail.is_spam(number), bayes_mail.message(number))
        apart, sure = [], 0
        for number in range(COUNT):
            mail = bayes_mail.message(number, seed="later")
            theirs, ours = self.rspamd.probability(mail), self.winnow.probability(mail)
            sure += ours is not None and abs(ours - 0.5) > 0.4
            if not agree(theirs, ours):
                apart.append((number, bayes_mail.language(number), theirs, ours))
        for one in apart:
            print("message %d (%s): rspamd says %s, Winnow %s" % one)
        self.assertLessEqual(len(apart), COUNT // 100)
        self.assertGreater(sure, COUNT / 2)

    def test_rspamd_learns_and_winnow_judges(self):
        self.judge(self.rspamd)

    def test_winnow_learns_and_rspamd_judges(self):
        self.judge(self.winnow)

    def test_each_knows_what_the_other_learnt(self):
        mail = bayes_mail.message(0)
        self.rspamd.learn(True, mail)
        status, answer = post(self.winnow.controller, "/learnspam", mail)
        self.assertEqual(status, 208, answer)
        # Over to the other class, by the other filter, and back.
        self.winnow.learn(False, mail)
        self.assertEqual(self.redis.ask.hash("RS")["learns_ham"], "1")
        status, answer = post(self.rspamd.controller, "/learnham", mail, "Learn-Type: bulk")
        self.assertEqual(status, 208, answer)
        self.rspamd.learn(True, mail)
        self.assertEqual(self.redis.ask.hash("RS")["learns_spam"], "1")
        self.assertEqual(self.redis.ask.hash("RS").get("learns_ham", "0"), "0")


if __name__ == "__main__":
    require("rspamd", "redis-server")
    run_tests()
