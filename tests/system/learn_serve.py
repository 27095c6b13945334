#!/usr/bin/env python3
"""What the running service learns: the controller's pages, spamd's TELL, autolearn.
learn_serve.py --winnow PATH"""
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

import service
from learn_mail import HAM, NEWS, SPAM, message
from service import WAIT_S, connect, read_all
from test_program import OPTIONS, run_tests

WINNOW = OPTIONS.winnow


class Learning(unittest.TestCase):
    BAYES = "min_learns = 5;"
    SECURE = '["203.0.113.0/24"]'

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.statistics = self.folder / "statistics"
        for name in ("local.d", "override.d"):
            (self.folder / name).mkdir()
        (self.folder / "rspamd.conf").touch()
        (self.folder / "local.d" / "classifier-bayes.conf").write_text(self.BAYES + "\n")
        (self.folder / "override.d" / "worker-controller.inc").write_text(
            f'password = "read-it";\nenable_password = "learn-it";\nsecure_ip = {self.SECURE};\n')
        self.start()

    def start(self, *more):
        self.serve = service.Serve(WINNOW, "--config", str(self.folder / "rspamd.conf"),
                                   "--statistics", str(self.statistics), *more)
        self.addCleanup(self.stop)
        self.port = self.serve.port("controller")

    def stop(self):
        if self.serve:
            serve, self.serve = self.serve, None
            self.assertEqual(serve.stop(), 0)

    def ask(self, path, body=b"", password="learn-it", headers=b"", port=None):
        with connect(port or self.port) as sock:
            sock.settimeout(WAIT_S)
            head = b"POST " + path + b" HTTP/1.1\r\nConnection: close\r\n" + headers
            if password:
                head += b"Password: " + password.encode() + b"\r\n"
            sock.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            head, answer = read_all(sock).split(b"\r\n\r\n", 1)
        return int(head.split()[1]), json.loads(answer) if answer[:1] == b"{" else answer

    def stat(self):
        found = self.ask(b"/stat")[1]
        self.assertEqual(self.ask(b"/auth")[1]["learned"], found["learned"])
        return found["learned"], [one["revision"] for one in found["statfiles"]]

    def bayes(self, raw):
        status, answer = self.ask(b"/checkv2", raw, port=self.serve.http, password=None)
        self.assertEqual(status, 200)
        return [name for name in answer["symbols"] if name.startswith("BAYES_")]

    def learn_both(self, count=6):
        for number in range(count):
            for path, words in ((b"/learnspam", SPAM), (b"/learnham", HAM)):
                self.assertEqual(self.ask(path, message(words, number)), (200, {"success": True}))


class ControllerTest(Learning):
    def test_what_is_learnt_counts_at_once(self):
        self.assertEqual(self.bayes(message(SPAM, 99)), [])
        self.learn_both()
        self.assertEqual(self.stat(), (12, [6, 6]))
        self.assertEqual(self.bayes(message(SPAM, 99)), ["BAYES_SPAM"])
        self.assertEqual(self.bayes(message(HAM, 99)), ["BAYES_HAM"])
        metrics = self.ask(b"/metrics")[1].decode()
        self.assertIn("rspamd_learned_total 12\n", metrics)
        self.assertEqual(self.ask(b"/bayes/classifiers")[1], b'["bayes"]')
        # It is there after a restart, too.
        self.stop()
        self.start()
        self.assertEqual(self.stat(), (0, [6, 6]))
        self.assertEqual(self.bayes(message(SPAM, 99)), ["BAYES_SPAM"])

    def test_once_and_as_the_other_class(self):
        self.assertEqual(self.ask(b"/learnspam", message(SPAM, 1))[0], 200)
        status, answer = self.ask(b"/learnspam", message(SPAM, 1))
        self.assertEqual(status, 208)
        self.assertEqual(answer["error"],
                         "<lottery1@s.example> has been already learned as spam, ignore it")
        self.assertEqual(self.stat(), (1, [1, 0]))
        self.assertEqual(self.ask(b"/learnham", message(SPAM, 1))[0], 200)
        self.assertEqual(self.stat(), (2, [0, 1]))

    def test_without_the_right_password_nothing_is_learnt(self):
        for password in (None, "wrong", "read-it", "learn-i", "learn-itt"):
            for path in (b"/learnspam", b"/learnham", b"/learnclass"):
                status, answer = self.ask(path, message(SPAM, 1), password,
                                          headers=b"Class: spam\r\n")
                self.assertIn(status, (401, 429), password)
        self.assertEqual((self.statistics / "learn.log").stat().st_size, 32)

    def test_learnclass(self):
        self.assertEqual(self.ask(b"/learnclass", message(SPAM, 1), headers=b"Class: spam\r\n")[0],
                         200)
        self.assertEqual(self.ask(b"/learnclass", message(HAM, 1), headers=b"Class: ham\r\n")[0], 200)
        self.assertEqual(self.stat(), (2, [1, 1]))
        self.assertEqual(self.ask(b"/learnclass", message(HAM, 2))[0], 400)
        self.assertEqual(self.ask(b"/learnclass", message(HAM, 2), headers=b"Class: x\r\n"),
                         (400, {"error": "there is no class x here; there are spam, ham"}))

    def test_an_empty_body_and_one_without_tokens(self):
        self.assertEqual(self.ask(b"/learnspam", b"")[0], 400)
        self.assertEqual(self.stat(), (0, [0, 0]))

    def test_many_at_once(self):
        """Also the same one from many sides: it counts once."""
        answers = []

        def teach(number):
            for own in range(5):
                answers.append(self.ask(b"/learnspam", message(SPAM, 100 * number + own))[0])
                answers.append(self.ask(b"/learnham", message(HAM, own))[0])

        threads = [threading.Thread(target=teach, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(set(answers)), [200, 208])
        self.assertEqual(answers.count(208), 35)
        self.assertEqual(self.stat(), (45, [40, 5]))

    def test_learnt_beside_it(self):
        """`winnow learn` and the service have the statistics open at once."""
        path = self.folder / "m.eml"
        for number in range(5):
            path.write_bytes(message(SPAM, number))
            subprocess.run([WINNOW, "learn", "spam", "--statistics", self.statistics, path],
                           check=True, stderr=subprocess.DEVNULL, timeout=WAIT_S)
            self.assertEqual(self.ask(b"/learnham", message(HAM, number))[0], 200)
        self.assertEqual(self.stat()[1], [5, 5])
        self.assertEqual(self.bayes(message(SPAM, 99)), ["BAYES_SPAM"])

    def test_rspamc(self):
        """Debian's rspamc against our port."""
        if not shutil.which("rspamc"):
            self.skipTest("there is no rspamc")
        path = self.folder / "m.eml"

        def rspamc(*arguments):
            done = subprocess.run(["rspamc", "-h", f"127.0.0.1:{self.port}", "-P", "learn-it",
                                   *map(str, arguments)], capture_output=True, text=True,
                                  timeout=WAIT_S)
            return done.stdout + done.stderr

        path.write_bytes(message(SPAM, 1))
        self.assertIn("success = true", rspamc("learn_spam", path))
        self.assertIn("already learned as spam", rspamc("learn_spam", path))
        path.write_bytes(message(HAM, 1))
        self.assertIn("success = true", rspamc("learn_ham", path))
        said = rspamc("stat")
        self.assertIn("Total learns: 2", said)
        self.assertIn("BAYES_SPAM", said)
        done = subprocess.run(["rspamc", "-h", f"127.0.0.1:{self.port}", "-P", "wrong", "learn_ham",
                               path], capture_output=True, text=True, timeout=WAIT_S)
        self.assertNotIn("success = true", done.stdout)
        self.assertEqual(self.stat()[1], [1, 1])


class UsersTest(Learning):
    BAYES = "min_learns = 5; per_user = true;"

    def test_whose_statistics(self):
        """Deliver-To says it of learning and of scanning, before recipients do."""
        anna, ben = b"Deliver-To: <Anna@x.example>\r\n", b"Rcpt: <ben@x.example>\r\n"
        for number in range(6):
            for path, words in ((b"/learnspam", SPAM), (b"/learnham", HAM)):
                self.assertEqual(self.ask(path, message(words, number), headers=ben + anna)[0], 200)

        def spam_for(headers):
            answer = self.ask(b"/checkv2", message(SPAM, 99), None, headers, self.serve.http)[1]
            return "BAYES_SPAM" in answer["symbols"]
        for headers, knows in ((anna, True), (ben + anna, True), (ben, False), (b"", False),
                               (b"Rcpt: anna@X.example\r\n", True)):
            self.assertEqual(spam_for(headers), knows, headers)


class ClassesTest(Learning):
    BAYES = """min_learns = 5;
        statfile { class = "news"; symbol = "BAYES_NEWS"; }
        statfile { class = "ham"; symbol = "BAYES_HAM"; }
        statfile { class = "spam"; symbol = "BAYES_SPAM"; }
        autolearn { require_queue_id = false;
                    multiclass { thresholds { news = [40, 60]; spam = [70, 1000]; } } }
        """

    def learn(self, name, words, number):
        return self.ask(b"/learnclass", message(words, number),
                        headers=b"Class: " + name + b"\r\n")

    def test_learnclass(self):
        for number in range(6):
            for name, words in ((b"spam", SPAM), (b"ham", HAM), (b"news", NEWS)):
                self.assertEqual(self.learn(name, words, number), (200, {"success": True}))
        self.assertEqual(self.stat(), (18, [6, 6, 6]))
        self.assertEqual([(one["symbol"], one["class"]) for one in self.ask(b"/stat")[1]["statfiles"]],
                         [("BAYES_SPAM", "spam"), ("BAYES_HAM", "ham"), ("BAYES_NEWS", "news")])
        for words, symbol in ((SPAM, "BAYES_SPAM"), (HAM, "BAYES_HAM"), (NEWS, "BAYES_NEWS")):
            self.assertEqual(self.bayes(message(words, 99)), [symbol])
        status, answer = self.learn(b"news", NEWS, 1)
        self.assertEqual((status, answer["error"]),
                         (208, "<subscribe1@s.example> has been already learned as news, ignore it"))
        self.assertEqual(self.ask(b"/learnspam", message(NEWS, 1))[0], 200)
        self.assertEqual(self.stat()[1], [7, 6, 5])
        self.assertEqual(self.learn(b"news", SPAM, 1)[0], 200)
        self.assertEqual(self.stat()[1], [6, 6, 6])
        self.assertEqual(self.learn(b"x", SPAM, 1)[0], 400)

    def test_autolearn_by_class(self):
        (self.folder / "local.d" / "regexp.conf").write_text(
            'MAIL_OF_NEWS { re = "Subject=/headline|weekly/"; score = 50; }\n'
            'MAIL_OF_SPAM { re = "Subject=/jackpot/"; score = 100; }\n')
        self.stop()
        self.start()

        def scan(words, subject, number):
            raw = message(words, number)
            begin = raw.index(b"Subject: ")
            end = raw.index(b"\r\n", begin)
            self.bayes(raw[:begin] + b"Subject: " + subject + raw[end:])

        for number in range(3):
            scan(NEWS, b"headline", number)
            scan(SPAM, b"jackpot", number)
            scan(HAM, b"nothing", number)
        self.serve.wait_for("autolearned as news", 3)
        self.serve.wait_for("autolearned as spam", 3)
        self.assertEqual(self.stat()[1], [3, 0, 3])


class AutolearnObjectTest(Learning):
    """autolearn { }: the verdict says what a message is, thresholds whether that is enough."""
    BAYES = """min_learns = 5;
        autolearn { spam_threshold = 90; junk_threshold = 12; ham_threshold = -5; check_authed = false; }
        """

    def setUp(self):
        super().setUp()
        (self.folder / "local.d" / "regexp.conf").write_text("".join(
            f'MAIL_{name}_{n} {{ re = "Subject=/{word}/"; score = {score}; }}\n'
            for name, word, score, times in (("REJECT", "jackpot", 50, 2), ("MILD", "casino", 60, 1),
                                             ("JUNK", "bonus", 7, 3), ("HAM", "minutes", -40, 1))
            for n in range(times)))
        (self.folder / "local.d" / "actions.conf").write_text(
            "reject = 40; add_header = 22; greylist = null;\n")
        self.stop()
        self.start()

    def scan(self, subject, number, *headers):
        raw = message(SPAM, number)
        begin = raw.index(b"Subject: ")
        end = raw.index(b"\r\n", begin)
        status, answer = self.ask(b"/checkv2", raw[:begin] + b"Subject: " + subject + raw[end:],
                                  port=self.serve.http, password=None,
                                  headers=b"".join(one + b"\r\n" for one in headers))
        self.assertEqual(status, 200)
        return answer

    def test_verdict_and_thresholds(self):
        queued = b"Queue-Id: 4XYZ"
        self.assertEqual(self.scan(b"jackpot", 1)["action"], "reject")  # not from a queue
        self.scan(b"jackpot", 2, queued, b"User: anna")
        self.assertEqual(self.scan(b"casino", 3, queued)["action"], "reject")  # below 90
        self.assertEqual(self.scan(b"nothing", 4, queued)["action"], "no action")  # over -5
        self.assertEqual(self.scan(b"bonus", 5, queued)["action"], "add header")
        self.serve.wait_for("autolearned as spam")
        self.scan(b"jackpot", 6, queued)
        self.serve.wait_for("autolearned as spam", 2)
        self.scan(b"minutes", 7, queued)
        self.serve.wait_for("autolearned as ham")
        self.assertEqual(self.stat(), (3, [2, 1]))


class AutolearnVerdictTest(AutolearnObjectTest):
    BAYES = """min_learns = 5; learn_condition = 'return require("lua_bayes_learn").can_learn';
        autolearn { learn_verdict = true; require_queue_id = false; check_local = false;
                    balance { enabled = true; min_balance = 1; }
                    options { bypass_header { header = "X-How"; values = ["Never"]; behaviour = "deny";
                                              reason = "not wanted"; }
                              probability_check { require_value = true; missing_reason = "who knows"; } } }
        """

    def test_verdict_and_thresholds(self):
        self.scan(b"jackpot", 1)
        self.serve.wait_for("autolearned as spam")
        self.scan(b"jackpot", 2)
        self.serve.wait_for("autolearned as spam", 2)
        self.scan(b"jackpot", 3)  # two spam and no ham: one more is one too many
        self.scan(b"minutes", 4)
        self.serve.wait_for("autolearned as ham")
        self.scan(b"jackpot", 5, b"IP: 127.0.0.1")
        self.scan(b"minutes", 6)
        self.serve.wait_for("autolearned as ham", 2)
        self.assertEqual(self.stat(), (4, [2, 2]))

    def test_what_a_request_forbids(self):
        for header in (b"X-How: Never", b"X-How: never"):
            status, answer = self.ask(b"/learnspam", message(SPAM, 1), headers=header + b"\r\n")
            self.assertEqual(status, 204, answer)
        self.serve.wait_for("not wanted", 2)
        # Nothing is known yet, which the guard is told to take for a no.
        self.assertEqual(self.ask(b"/learnspam", message(SPAM, 1))[0], 204)
        self.serve.wait_for("who knows")
        self.assertEqual(self.stat()[1], [0, 0])


class FewTokensTest(Learning):
    BAYES = 'min_learns = 5; tokenizer = "osb";'

    def test_what_has_too_little_is_not_learnt(self):
        status, answer = self.ask(b"/learnspam", b"From: a@b.example\r\nMessage-ID: <m1@s.example>\r\n"
                                                 b"Subject: x\r\n\r\nhello you\r\n")
        self.assertEqual(status, 204)
        self.assertRegex(answer["error"], r"^<m1@s\.example> contains less tokens than required for "
                                          r"bayes classifier: \d < 11$")
        self.assertEqual(self.stat()[1], [0, 0])
        # An answer of 204 with a text ends its connection: who reads on by RFC 9110 would take the
        # text for the next answer.
        with connect(self.port) as sock:
            sock.settimeout(WAIT_S)
            sock.sendall(b"POST /learnspam HTTP/1.1\r\nPassword: learn-it\r\nContent-Length: 5\r\n\r\n\r\nabc")
            head = read_all(sock)
        self.assertIn(b" 204 ", head.splitlines()[0])
        self.assertIn(b"\r\nConnection: close\r\n", head)
        self.assertEqual(self.ask(b"/learnspam", message(SPAM, 1))[0], 200)


class TellTest(Learning):
    SECURE = '["127.0.0.1"]'

    def tell(self, raw, *headers):
        with connect(self.serve.http) as sock:
            sock.settimeout(WAIT_S)
            head = "".join(one + "\r\n" for one in ("TELL SPAMC/1.5", *headers))
            sock.sendall(head.encode() + b"Content-length: %d\r\n\r\n" % len(raw) + raw)
            return read_all(sock).decode()

    def test_tell(self):
        raw = message(SPAM, 1)
        answer = self.tell(raw, "Message-class: spam", "Set: local")
        self.assertEqual(answer,
                         "SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\nContent-length: 0\r\n\r\n")
        self.assertNotIn("DidSet", self.tell(raw, "Message-class: spam", "Set: local"))
        self.assertIn("DidSet", self.tell(raw, "Message-class: ham", "Set: local"))
        self.assertEqual(self.stat()[1], [0, 1])
        self.assertIn("DidRemove: local", self.tell(raw, "Remove: local"))
        self.assertNotIn("DidRemove", self.tell(raw, "Remove: local"))
        self.assertEqual(self.stat()[1], [0, 0])
        self.assertIn(" 75 ", self.tell(raw, "Message-class: spam").split(":")[0] + " ")

    def test_spamc(self):
        if not shutil.which("spamc"):
            self.skipTest("there is no spamc")
        for what, said in (("spam", "successfully un/learned"), ("spam", "already un/learned")):
            done = subprocess.run(["spamc", "-d", "127.0.0.1", "-p", str(self.serve.http), "-L", what],
                                  input=message(SPAM, 3), capture_output=True, timeout=WAIT_S)
            self.assertIn(said, done.stdout.decode(), done)


class TellStrangerTest(Learning):
    def test_a_stranger_teaches_nothing(self):
        self.assertIn("TELL is for secure_ip",
                      TellTest.tell(self, message(SPAM, 1), "Message-class: spam", "Set: local"))
        self.assertEqual(self.stat()[1], [0, 0])
        self.serve.wait_for("a request to learn was refused: TELL is for secure_ip")

    def test_spamc_says_that_nothing_was_learnt(self):
        if not shutil.which("spamc"):
            self.skipTest("there is no spamc")
        done = subprocess.run(["spamc", "-d", "127.0.0.1", "-p", str(self.serve.http), "-L", "spam"],
                              input=message(SPAM, 3), capture_output=True, timeout=WAIT_S)
        self.assertEqual((done.returncode, done.stdout), (74, b""))


class AutolearnTest(Learning):
    BAYES = "min_learns = 5; autolearn = [0.0, 12.0];"

    def scan(self, raw):
        status, answer = self.ask(b"/checkv2", raw, port=self.serve.http, password=None)
        self.assertEqual(status, 200)
        return answer

    def test_clear_mail_is_learnt(self):
        self.assertGreater(self.scan(service.SPAM % b"1")["score"], 12)
        self.serve.wait_for("autolearned as spam")
        self.assertEqual(self.stat()[1][0], 1)
        # Neither ham nor spam.
        middle = message(SPAM, 1).replace(b"From:", b"X-From:")
        score = self.scan(middle)["score"]
        self.assertTrue(0 < score < 12, score)
        self.scan(service.SPAM % b"2" + b"another one\r\n")
        self.serve.wait_for("autolearned as spam", 2)
        self.assertEqual(self.stat()[1][0], 2)

    def test_never_its_own_opinion(self):
        """Mail that only the classifier calls spam is not learnt, however sure it is."""
        self.learn_both()
        (self.folder / "local.d" / "groups.conf").write_text(
            'symbols { "BAYES_SPAM" { score = 50.0; } }\n')
        self.serve.process.send_signal(1)
        self.serve.wait_for("rules reloaded")
        before = self.stat()
        answer = self.scan(message(SPAM, 99))
        self.assertGreater(answer["score"], 12)
        self.assertIn("BAYES_SPAM", answer["symbols"])
        self.scan(service.SPAM % b"9")  # what comes later is learnt
        self.serve.wait_for("autolearned as spam")
        self.assertEqual(self.stat()[1][0], before[1][0] + 1)


class ConditionTest(Learning):
    BAYES = ('min_learns = 5; learn_condition = '
             '\'return require("lua_bayes_learn").can_learn\';')

    def test_what_is_known_is_not_learnt_again(self):
        self.learn_both(5)  # so long it knows nothing
        status, answer = self.ask(b"/learnspam", message(SPAM, 99))
        self.assertEqual((status, answer), (204, {
            "error": "all learn conditions denied learning spam in default classifier"}))
        self.serve.wait_for("already in class spam; probability ")
        self.assertEqual(self.ask(b"/learnspam", message(SPAM, 98), headers=b"Learn-Type: bulk\r\n"),
                         (200, {"success": True}))
        self.assertEqual(self.ask(b"/learnham", message(SPAM, 99)), (200, {"success": True}))
        self.assertEqual(self.ask(b"/learnspam", message(SPAM, 99))[0], 200)  # a mistake undone


class UndoneMistakeTest(Learning):
    """A message that is surely spam was learnt as ham; learn_condition is asked when that is undone."""
    SPARED = False

    def setUp(self):
        self.BAYES = (ConditionTest.BAYES + "autolearn { learn_verdict = true; options {"
                      "probability_check { min_prob = 0.51; skip_for_unlearn = %s; } } }"
                      % str(self.SPARED).lower())
        super().setUp()

    def test_undone(self):
        for number in range(15):
            for path, words in ((b"/learnspam", SPAM), (b"/learnham", HAM)):
                self.assertEqual(self.ask(path, message(words, number),
                                          headers=b"Learn-Type: bulk\r\n")[0], 200)
        self.assertEqual(self.ask(b"/learnham", message(SPAM, 99)), (200, {"success": True}))
        counts = [16, 15] if self.SPARED else [15, 16]
        self.assertEqual(self.ask(b"/learnspam", message(SPAM, 99))[0], 200 if self.SPARED else 204)
        self.assertEqual(self.stat()[1], counts)
        # Only that one: what nobody learnt, or learnt as spam already, is as sure as before.
        for number in (98, 3):
            self.assertEqual(self.ask(b"/learnspam", message(SPAM, number))[0], 204)
        self.assertEqual(self.stat()[1], counts)


class SparedMistakeTest(UndoneMistakeTest):
    SPARED = True


if __name__ == "__main__":
    run_tests()
