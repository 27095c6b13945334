#!/usr/bin/env python3
"""What the front ends of winnow serve do with what the configuration says: fronts.py --winnow PATH"""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import service
from service import GTUBE, HAM, SPAM, Http, Milter, connect, packet, read_all
from test_program import OPTIONS, run_tests

WINNOW = OPTIONS.winnow

DNS = """dns { fake_records = [
  { name = "example.org", type = txt, replies = ["v=spf1 ip4:192.0.2.0/24 -all"] },
  { name = "example.org", type = a, replies = ["192.0.2.5"] },
  { name = "mail.example.org", type = a, replies = ["192.0.2.5"] },
  { name = "_dmarc.example.org", type = txt, replies = ["v=DMARC1; p=reject"] } ] }
"""


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def wait_until(condition):
    """Looks again until it holds; False after the time that nothing here needs."""
    end = time.monotonic() + service.WAIT_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


class Configured:
    """A service with files of local.d."""

    def __init__(self, files, *options):
        self.folder = tempfile.TemporaryDirectory()
        os.mkdir(os.path.join(self.folder.name, "local.d"))
        self.write("../rspamd.conf", "# the site\n")
        for name, text in files.items():
            self.write(name, text)
        self.serve = service.Serve(WINNOW, "--config", os.path.join(self.folder.name, "rspamd.conf"),
                                   *options)

    def write(self, name, text):
        with open(os.path.join(self.folder.name, "local.d", name), "w") as file:
            file.write(text)

    def stop(self):
        code = self.serve.stop()
        self.folder.cleanup()
        return code


class Case(unittest.TestCase):
    FILES = {}
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.site = Configured(cls.FILES, *cls.OPTIONS)

    @classmethod
    def tearDownClass(cls):
        assert cls.site.stop() == 0

    def http(self):
        connection = Http(self.site.serve.http)
        self.addCleanup(connection.close)
        return connection

    def milter(self, message, **options):
        milter = Milter(connect(self.site.serve.milter))
        self.addCleanup(milter.close)
        return milter.scan(message, **options)


class Links(Case):
    MAIL = HAM % b"7" + b"See http://user:secret@www.Shop.example.com:8080/Path and mail@home.example.com\r\n"

    def test_replies_name_urls_and_addresses(self):
        reply = self.http().check(self.MAIL)
        self.assertEqual(reply["urls"], ["www.shop.example.com"])
        self.assertEqual(reply["emails"], ["mail@home.example.com"])
        legacy = self.http().check(self.MAIL, path=b"/check")
        self.assertEqual(legacy["urls"], reply["urls"])
        self.assertEqual(legacy["emails"], reply["emails"])
        self.assertEqual(legacy["messages"], reply["messages"])
        self.assertIn("time_real", legacy)

    def test_extended(self):
        for header in (b"URL-Format: extended\r\n", b"Flags: ext_urls\r\n"):
            url, = self.http().check(self.MAIL, headers=header)["urls"]
            self.assertEqual((url["host"], url["tld"]), ("www.shop.example.com", "example.com"))
            self.assertTrue(url["url"].endswith(":8080/Path"), url)
            self.assertEqual(set(url["flags"]), {"text", "has_port", "has_user"})

    def test_a_scan_names_the_same(self):
        done = subprocess.run([WINNOW, "scan", "--quiet", "--format", "jsonl", "-"], input=self.MAIL,
                              capture_output=True, timeout=service.WAIT_S)
        line = json.loads(done.stdout)
        self.assertEqual((line["urls"], line["emails"]),
                         (["www.shop.example.com"], ["mail@home.example.com"]))


class HeadersOfTheVerdict(Case):
    FILES = {"options.inc": DNS, "milter_headers.conf": """
extended_spam_headers = true;
use = ["x-spamd-bar", "x-spam-level", "x-spam-status", "spam-header", "authentication-results",
       "add-headers", "remove-headers", "x-virus"];
routines {
  x-rspamd-server { hostname = "filter.example.net"; }
  add-headers { headers { "X-Mine" = "yes"; } }
  remove-headers { headers { "X-Foo" = 0; "X-Bar" = 1; "X-Spam" = 0; "X-Spamd-Bar" = 0; } }
  x-virus { symbols = ["R_SPF_ALLOW"]; status_clean = "clean"; }
}
authenticated_headers = ["authentication-results"];
"""}
    ENVELOPE = (b"From: anna@example.org\r\nRcpt: ben@example.net\r\nIP: 192.0.2.5\r\n"
                b"Helo: mail.example.org\r\nHostname: mail.example.org\r\n"
                b"Queue-Id: Q1\r\nMTA-Name: mx.example.net\r\n")

    def test_replies_hold_edits(self):
        reply = self.http().check(HAM % b"1", headers=self.ENVELOPE)
        added = {name: value["value"] for name, value in reply["milter"]["add_headers"].items()}
        score = "%.2f" % reply["score"]
        lines = added.pop("X-Spamd-Result").split(";\r\n\t")
        self.assertEqual(lines[0], "default: False [%s / 15.00]" % score)
        self.assertIn("R_SPF_ALLOW(-0.20)[+ip4:192.0.2.0/24]", lines)
        self.assertIn("DMARC_POLICY_ALLOW(-0.50)[example.org,reject]", lines)
        weights = [abs(float(line.split("(")[1].split(")")[0])) for line in lines[1:]]
        self.assertEqual(weights, sorted(weights, reverse=True))
        self.assertEqual(added, {
            "X-Rspamd-Server": "filter.example.net", "X-Rspamd-Queue-Id": "Q1",
            "X-Rspamd-Action": reply["action"], "X-Spamd-Bar": "/", "X-Mine": "yes",
            "X-Spam-Status": "No, score=" + score, "X-Virus": "+ip4:192.0.2.0/24",
            "Authentication-Results":
                "mx.example.net;\r\n\tdkim=none;\r\n\tspf=pass (mx.example.net: domain of "
                "anna@example.org designates 192.0.2.5 as permitted sender) "
                "smtp.mailfrom=anna@example.org;\r\n\tdmarc=pass (policy=reject) "
                "header.from=example.org"})
        self.assertEqual(reply["milter"]["add_headers"]["Authentication-Results"]["order"], 1)
        removed = reply["milter"]["remove_headers"]
        self.assertEqual((removed["X-Spam"], removed["X-Foo"], removed["X-Bar"]), (0, 0, 1))
        self.assertEqual((removed["X-Spamd-Result"], removed["X-Spamd-Bar"]), (0, 0))

    def test_folds_end_lines_as_the_message_does(self):
        for message, fold in ((HAM % b"1", ";\r\n\t"), ((HAM % b"1").replace(b"\r", b""), ";\n\t")):
            added = self.http().check(message, headers=self.ENVELOPE)["milter"]["add_headers"]
            for name in ("X-Spamd-Result", "Authentication-Results"):
                value = added[name]["value"]
                self.assertIn(fold, value)
                self.assertEqual(value.count("\n"), value.count(fold))

    def test_spam(self):
        reply = self.http().check(SPAM % b"1", headers=self.ENVELOPE)
        added = {name: value["value"] for name, value in reply["milter"]["add_headers"].items()}
        points = int(reply["score"])
        self.assertTrue(added["X-Spamd-Result"].startswith("default: True ["))
        self.assertEqual(added["X-Spamd-Bar"], "+" * points)
        self.assertEqual(added["X-Spam-Level"], "*" * points)
        self.assertTrue(added["X-Spam-Status"].startswith("Yes, score="))
        self.assertEqual(added["Deliver-To"], "Junk")

    def test_failures_are_told(self):
        reply = self.http().check(HAM % b"1", headers=self.ENVELOPE.replace(b"192.0.2.5",
                                                                             b"198.51.100.5"))
        text = reply["milter"]["add_headers"]["Authentication-Results"]["value"]
        self.assertIn("spf=fail (mx.example.net: domain of anna@example.org does not designate "
                      "198.51.100.5 as permitted sender)", text)
        self.assertIn('dmarc=fail reason="No valid SPF, No valid DKIM" header.from=example.org '
                      "(policy=reject)", text)

    def test_policy_of_the_organisation(self):
        mail = (HAM % b"1").replace(b"@example.org", b"@news.example.org")
        reply = self.http().check(mail, headers=self.ENVELOPE)
        self.assertEqual(reply["symbols"]["DMARC_POLICY_ALLOW"]["options"],
                         ["example.org", "reject"])
        text = reply["milter"]["add_headers"]["Authentication-Results"]["value"]
        self.assertIn("dmarc=pass (policy=reject) header.from=news.example.org", text)

    def test_local_and_own_users(self):
        local = self.http().check(HAM % b"1", headers=self.ENVELOPE.replace(b"192.0.2.5",
                                                                             b"127.0.0.1"))
        self.assertEqual(local["milter"], {"remove_headers": {"X-Spam": 0}})
        user = self.http().check(HAM % b"1", headers=self.ENVELOPE + b"User: anna\r\n")
        self.assertEqual(list(user["milter"]["add_headers"]), ["Authentication-Results"])
        self.assertIn("auth=pass smtp.auth=anna smtp.mailfrom=anna@example.org",
                      user["milter"]["add_headers"]["Authentication-Results"]["value"])

    def test_gtube_is_left_alone(self):
        reply = self.http().check(HAM % b"1" + GTUBE + b"\r\n", headers=self.ENVELOPE)
        self.assertEqual(reply["action"], "reject")
        self.assertNotIn("milter", reply)

    def test_milter(self):
        answer = self.milter(b"X-Spam: Yes\r\nX-Spamd-Result: forged\r\n" + HAM % b"m")
        self.assertIn((b"m", b"\0\0\0\x01X-Spam\0\0"), answer)
        self.assertIn((b"m", b"\0\0\0\x01X-Spamd-Result\0\0"), answer)
        self.assertIn((b"h", b"X-Rspamd-Queue-Id\0Q\0"), answer)
        self.assertTrue(any(kind == b"h" and data.startswith(b"X-Spamd-Result\0default: False [")
                            for kind, data in answer))
        self.assertEqual(answer[-1], (b"a", b""))
        kinds = b"".join(kind for kind, _ in answer)
        self.assertNotIn(b"m", kinds.lstrip(b"m"), "what goes precedes what comes")
        self.assertEqual(kinds.count(b"m"), 2)
        answer = self.milter(SPAM % b"m")
        self.assertEqual(answer[-1], (b"y", b"554 5.7.1 Spam message rejected\0"))
        self.assertIn(b"h", {kind for kind, _ in answer}, "edits precede the reply")

    def test_spamc_gets_the_edited_message(self):
        with connect(self.site.serve.http) as sock:
            body = b"X-Spam: Yes\r\n" + HAM % b"s"
            sock.sendall(b"PROCESS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(body) + body)
            answer = read_all(sock)
        self.assertNotIn(b"X-Spam: Yes", answer)
        self.assertIn(b"\r\nX-Mine: yes\r\n", answer)
        self.assertTrue(answer.endswith(b"you asked me to send.\r\n"))


class MilterOptions(Case):
    FILES = {"worker-proxy.inc": """
reject_message = "No thanks";
tempfail_message = "Later";
spam_header = "X-Junk";
client_ca_name = "Our CA";
""", "actions.conf": "add_header = 1; reject = 15;", "logging.inc": """
log_format = "$mid|$if_qid{<$>}|$if_user{user=$}|$action|$symbols_scores|\
$groups|$public_groups|$len|$digest|$nothing";
debug_modules = ["multimap", "regexp", "spf"];
""", "groups.conf": """
group "shown" { public = true; symbols { ZERO_Z { weight = 0; } } }
group "kept" { symbols { ZERO_A { weight = 0; } } }
""", "multimap.conf": """
ZERO_Z { type = "from"; map = ["anna@example.org"]; }
ZERO_A { type = "from"; map = ["anna@example.org"]; }
LATER { type = "from"; map = ["later@example.org"]; prefilter = true; action = "soft reject"; }
DISCARDED { type = "from"; map = ["void@example.org"]; prefilter = true; action = "discard"; }
KEPT { type = "from"; map = ["kept@example.org"]; prefilter = true; action = "quarantine";
  message = "look at it"; }
SUBJECT { type = "from"; map = ["subject@example.org"]; prefilter = true;
  action = "rewrite subject"; }
"""}

    def scan(self, sender, message=HAM % b"1"):
        milter = Milter(connect(self.site.serve.milter))
        self.addCleanup(milter.close)
        return milter.scan(message, sender=sender)

    def test_every_action(self):
        for sender, answer in (
                (b"later@example.org", [(b"y", b"451 4.7.1 Matched map: LATER\0")]),
                (b"void@example.org", [(b"d", b"")]),
                (b"kept@example.org", [(b"q", b"look at it\0"), (b"a", b"")]),
                (b"subject@example.org",
                 [(b"m", b"\0\0\0\x01Subject\0*** SPAM *** notes\0"), (b"a", b"")])):
            self.assertEqual(self.scan(sender)[-len(answer):], answer, sender)
        self.assertEqual(self.scan(b"anna@example.org", SPAM % b"1")[-1],
                         (b"y", b"554 5.7.1 No thanks\0"))
        spam = b"X-Junk: a\r\n" + (HAM % b"1").replace(b"Date: ", b"Not-Date: ")
        spam = spam.replace(b"Message-ID", b"Not-ID")
        self.assertEqual(self.scan(b"anna@example.org", spam)[-3:],
                         [(b"m", b"\0\0\0\x01X-Junk\0\0"), (b"m", b"\0\0\0\x01X-Junk\0Yes\0"),
                          (b"a", b"")])

    def test_pass_all(self):
        """A prefilter's action ends what is left to be looked for, unless the request says else."""
        sender = b"From: later@example.org\r\n"
        for header, all_of_it in ((b"", False), (b"Pass: some\r\n", False), (b"Pass: all\r\n", True),
                                  (b"Flags: pass_all\r\n", True)):
            reply = self.http().check(HAM % b"pass", headers=sender + header)
            self.assertEqual((reply["action"], reply["score"] == 0), ("soft reject", not all_of_it))
            self.assertEqual("R_DKIM_NA" in reply["symbols"], all_of_it, header)

    def test_log_format(self):
        self.scan(b"anna@example.org", HAM % b"format")
        self.site.serve.wait_for("rspamd_task_write_log: format@example.org|<Q>||")
        line = next(one for one in self.site.serve.lines if "format@example.org|" in one)
        self.assertRegex(line, r"\|no action\|[A-Z0-9_,().-]+\|[^|]+\|shown\(0\.00\)\|"
                               r"\d+\|[0-9a-f]{32}\|\$nothing$")
        symbols, groups = line.split("|")[4:6]
        self.assertIn("kept(0.00)", groups.split(","))
        self.assertEqual(groups.split(","), sorted(groups.split(",")))
        none = [one for one in symbols.split(",") if one.endswith("(0.00)")]  # by name
        self.assertEqual(none, sorted(none))
        self.assertIn("ZERO_A(0.00)", none)
        digest = line.split("|")[-2]  # names the content: lines of a message are told apart by it
        self.assertIn("<%s>; " % digest[:6], line)
        self.assertNotEqual(digest, "0" * 32)
        self.assertTrue(any("log_format: there is no variable $nothing" in one
                            for one in self.site.serve.lines))

    def test_debug_modules(self):
        """What modules found in a message, whatever the level of the log is; nothing of others."""
        self.scan(b"kept@example.org", HAM % b"debugged")
        self.site.serve.wait_for("debugged@example.org|<Q>|")
        self.scan(b"anna@example.org", HAM % b"after")  # its line comes when all before are there
        self.site.serve.wait_for("after@example.org|<Q>|")
        # Of that one, for the first was decided before anything is asked; debug lines come last.
        self.site.serve.wait_for("; spf; asked TXT example.org: ")
        line = next(one for one in self.site.serve.lines if "debugged@example.org|" in one)
        tag = line[line.index("<"):line.index(">")]
        debug = [one.split("; ", 2)[1:] for one in self.site.serve.lines
                 if tag + ">" in one and "; task; " not in one]
        self.assertIn(["multimap", "KEPT(0.00)[kept@example.org]"], debug)
        self.assertTrue(any(module == "regexp" and " hit 1 time" in text for module, text in debug))
        self.assertTrue(any(module == "spf" and text.startswith("asked TXT example.org: ")
                            for module, text in debug), debug)
        self.assertEqual({module for module, _ in debug}, {"multimap", "regexp", "spf"})

    def test_user_of_a_certificate(self):
        for issuer, user in ((b"Our CA", "user=ben"), (b"Their CA", "")):
            milter = Milter(connect(self.site.serve.milter))
            self.addCleanup(milter.close)
            milter.sock.sendall(packet(b"D", b"M{cert_issuer}\0" + issuer +
                                       b"\0{cert_subject}\0ben\0"))
            milter.scan(HAM % issuer[:4])
            self.site.serve.wait_for("%s@example.org|<Q>|%s|" % (issuer[:4].decode(), user))

    def test_reload_changes_refusals(self):
        done = sum("rules reloaded" in one for one in self.site.serve.lines)
        for worker, answer in (
                ('reject_message = "Other words"; discard_on_reject = no;',
                 [(b"y", b"554 5.7.1 Other words\0")]),
                ("discard_on_reject = yes;", [(b"d", b"")]),
                ("quarantine_on_reject = yes;",
                 [(b"q", b"Spam message quarantined\0"), (b"a", b"")]),
                ('quarantine_on_reject = yes; quarantine_message = "Kept aside";',
                 [(b"q", b"Kept aside\0"), (b"a", b"")]),
                ("quarantine_on_reject = yes; discard_on_reject = yes;", [(b"d", b"")]),
                (self.FILES["worker-proxy.inc"], [(b"y", b"554 5.7.1 No thanks\0")])):
            self.site.write("worker-proxy.inc", worker)
            self.site.serve.process.send_signal(signal.SIGHUP)
            done += 1
            self.site.serve.wait_for("rules reloaded", done)
            self.assertEqual(self.scan(b"anna@example.org", SPAM % b"1")[-len(answer):], answer,
                             worker)


class LogLines(Case):
    """One line a message, in the order of Rspamd's fields; nothing that mail says makes another."""

    def line(self, text):
        self.site.serve.wait_for(text)
        found, = [one for one in self.site.serve.lines if text in one]
        return found

    def test_all_fields_in_order(self):
        self.http().check(HAM % b"all" + GTUBE + b"\r\n", headers=(
            b"Settings-ID: own\r\nFilename: f.eml\r\nRcpt: ben@example.net, carl@example.net\r\n"
            b"From: anna@example.org\r\nUser: anna\r\nIP: 192.0.2.5\r\nQueue-Id: Q1\r\n"))
        self.assertRegex(self.line("<all@example.org>"), (
            r"> *; task; rspamd_task_write_log: id: <all@example\.org>, qid: <Q1>, ip: 192\.0\.2\.5, "
            r"user: anna, from: <anna@example\.org>, \(default: S \(reject\): \[15\.00/15\.00\] "
            r"\[GTUBE\(0\.00\)\{\}\]\), len: \d+, time: \d+\.\d{3}ms, dns req: \d+, "
            r"digest: <[0-9a-f]{32}>, rcpts: <ben@example\.net,carl@example\.net>, "
            r"mime_rcpts: <ben@example\.net>, file: f\.eml, "
            r'forced: reject "Gtube pattern"; score=15\.00 \(set by GTUBE\), settings_id: own$'))

    def test_what_is_not_known_is_left_out(self):
        self.http().check(SPAM % b"little")
        self.assertRegex(self.line("id: <undef>"), (
            r"id: <undef>, \(default: T \(reject\): \[[\d.]+/15\.00\] \[[A-Z].*\]\), len: \d+, "
            r"time: \d+\.\d{3}ms, dns req: \d+, digest: <[0-9a-f]{32}>$"))

    def test_no_value_begins_a_line(self):
        before = len(self.site.serve.lines)
        milter = Milter(connect(self.site.serve.milter))
        self.addCleanup(milter.close)
        milter.scan(HAM % b"esc\x1b[2J\x7f", b"Q\n2026-11-30 forged\r\xff", b"a\x01b@example.org")
        line = self.line("forged")
        for shown in (r"id: <esc\x1b[2J\x7f@example.org>", r"qid: <Q\x0a2026-11-30 forged\x0d\xff>",
                      r"from: <a\x01b@example.org>"):
            self.assertIn(shown, line)
        self.assertEqual(len(self.site.serve.lines), before + 1)


class LongLogLines(Case):
    FILES = {"logging.inc": 'log_format = "$mid %s";' % ("$smtp_rcpts " * 40)}

    def test_a_line_is_bounded(self):
        rcpts = b"".join(b"Rcpt: %d%b@example.net\r\n" % (i, b"x" * 220) for i in range(20))
        self.http().check(HAM % b"long", headers=rcpts)
        self.site.serve.wait_for("long@example.org 0xxx")
        line = next(one for one in self.site.serve.lines if "long@example.org 0xxx" in one)
        text = line[line.index("rspamd_task_write_log: ") + len("rspamd_task_write_log: "):]
        self.assertEqual(len(text), 16 * 1024)
        self.assertTrue(text.endswith("xxx..."), text[-20:])


class Sockets(unittest.TestCase):
    def test_listens_and_logs_where_the_configuration_says(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "local.d"))
            for name, text in (
                    ("../rspamd.conf", ""),
                    ("worker-proxy.inc", 'bind_socket = "%s/m.sock mode=0666"; milter = yes;'),
                    ("worker-normal.inc", 'bind_socket = "%s/h.sock mode=0600";'),
                    ("worker-controller.inc", "enabled = false;"),
                    ("logging.inc", 'type = "file"; filename = "%s/log";')):
                with open(os.path.join(folder, "local.d", name), "w") as file:
                    file.write(text.replace("%s", folder))
            with subprocess.Popen([WINNOW, "serve", "--no-dns", "--config", folder + "/rspamd.conf"],
                                  stderr=subprocess.DEVNULL) as process:
                try:
                    self.assertTrue(wait_until(lambda: "ready" in read(folder + "/log")))
                    self.assertEqual(os.stat(folder + "/m.sock").st_mode & 0o777, 0o666)
                    self.assertEqual(os.stat(folder + "/h.sock").st_mode & 0o777, 0o600)
                    with socket.socket(socket.AF_UNIX) as sock:
                        sock.connect(folder + "/h.sock")
                        sock.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
                        self.assertTrue(read_all(sock).endswith(b"pong\r\n"))
                finally:
                    process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(service.WAIT_S), 0)
            self.assertIn("stopped", read(folder + "/log"))

    def test_usr1_opens_the_log_again(self):
        """After rotation both processes write to the new file, and only to it."""
        with tempfile.TemporaryDirectory() as folder:
            log = folder + "/log"
            with subprocess.Popen([WINNOW, "serve", "--no-dns", "--milter", "127.0.0.1:0", "--http",
                                   "127.0.0.1:0", "--controller", "127.0.0.1:0", "--log", log],
                                  stderr=subprocess.DEVNULL) as process:
                try:
                    self.assertTrue(wait_until(lambda: "works" in read(log)))
                    port = int(re.search(r"http listens at 127\.0\.0\.1:(\d+)", read(log)).group(1))
                    os.rename(log, log + ".1")
                    process.send_signal(signal.SIGUSR1)
                    http = Http(port)

                    def written():  # by the engine, which may hear of it a little later
                        http.check(HAM % b"rotated")
                        return "id: <rotated@example.org>" in read(log)
                    self.assertTrue(wait_until(written))
                    http.close()
                finally:
                    process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(service.WAIT_S), 0)
            self.assertIn("main; stopped", read(log))  # by the supervisor
            self.assertNotIn("main; stopped", read(log + ".1"))

    def test_a_worker_that_is_off_does_not_listen(self):
        """Scanning inside the proxy needs no worker of its own."""
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "local.d"))
            for name, text in (("../rspamd.conf", ""), ("worker-normal.inc", "enabled = false;"),
                               ("worker-controller.inc", "enabled = false;"),
                               ("worker-proxy.inc", 'bind_socket = "%s/m.sock mode=0600"; upstream '
                                '"here" { default = yes; self_scan = yes; }' % folder)):
                with open(os.path.join(folder, "local.d", name), "w") as file:
                    file.write(text)
            with subprocess.Popen([WINNOW, "serve", "--no-dns", "--config", folder, "--log",
                                   folder + "/log"], stderr=subprocess.DEVNULL) as process:
                try:
                    self.assertTrue(wait_until(lambda: "works" in read(folder + "/log")))
                    with socket.socket(socket.AF_UNIX) as sock:
                        sock.connect(folder + "/m.sock")
                        milter = Milter(sock)
                        self.assertEqual(milter.scan(HAM % b"alone"), [(b"a", b"")])
                        milter.close()
                finally:
                    process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(service.WAIT_S), 0)
            self.assertEqual(read(folder + "/log").count(" listens at "), 1)

    def datagrams(self, kind):
        with tempfile.TemporaryDirectory() as folder, socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.bind(folder + "/log")
            log.settimeout(service.WAIT_S)
            with subprocess.Popen([WINNOW, "serve", "--no-dns", "--milter", "127.0.0.1:0", "--http",
                                   "127.0.0.1:0", "--controller", "127.0.0.1:0",
                                   "--log", kind + ":" + folder + "/log"],
                                  stderr=subprocess.DEVNULL) as process:
                lines = []
                while not lines or "ready" not in lines[-1]:
                    lines.append(log.recv(65536).decode())
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(service.WAIT_S), 0)
        return lines

    def test_syslog(self):
        self.assertRegex(self.datagrams("syslog")[-1],
                         r"^<30>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d winnow\[\d+\]: main; ready$")

    def test_journal(self):
        self.assertEqual(self.datagrams("journal")[-1],
                         "MESSAGE=main; ready\nPRIORITY=6\nSYSLOG_FACILITY=3\n"
                         "SYSLOG_IDENTIFIER=winnow\n")


class Told(Case):
    """What was refused, and what a reload does not bring, is said where somebody may see it."""
    OPTIONS = ("--message-max", "1000")

    def ask(self, port, text):
        with connect(port) as sock:
            sock.sendall(text)
            return read_all(sock)

    def test_refusals(self):
        milter, http = self.site.serve.milter, self.site.serve.http
        self.assertEqual(self.ask(milter, packet(b"Z")), b"")
        queued = packet(b"D", b"Mi\x004ABC\0") + packet(b"B", b"x" * 1001)
        self.assertEqual(self.ask(milter, queued), b"")
        for text in (b"FOO / HTTP/1.0\r\n\r\n", b"GET /nothing HTTP/1.0\r\n\r\n",
                     b"POST /checkv2 HTTP/1.0\r\nContent-Length: 1001\r\n\r\n",
                     b"POST /checkv2 HTTP/1.0\r\nCompression: zstd\r\nContent-Length: 3\r\n\r\nabc"):
            self.assertRegex(self.ask(http, text), rb"^HTTP/1.1 [45]")
        metrics = self.ask(http, b"GET /metrics HTTP/1.0\r\n\r\n").decode()
        for front, reason, more in (("milter", "unknown command", ""),
                                    ("milter", "message is too large", ", qid: <4ABC>"),
                                    ("http", "invalid HTTP method", ""),
                                    ("http", "invalid command", ""),
                                    ("http", "message is too large", ""),
                                    ("http", "Decompression error", "")):
            self.site.serve.wait_for("%s; refused: %s, of 127.0.0.1%s" % (front, reason, more))
            self.assertIn('winnow_refused_total{front="%s",reason="%s"} 1\n' % (front, reason), metrics)

    def test_what_only_a_restart_brings(self):
        # The command line says where, and how much: here nothing changes.
        self.site.write("options.inc", "max_message = 2M;")
        self.site.write("worker-normal.inc", "bind_socket = \"127.0.0.1:1\";")
        self.site.serve.process.send_signal(signal.SIGHUP)
        self.site.serve.wait_for("rules reloaded", 1)
        self.assertFalse(any("restarted" in one for one in self.site.serve.lines))
        self.site.write("../rspamd.conf.local", "winnow { memory = 40M; }\n")
        self.site.write("logging.inc", "type = console; level = warning;")
        self.site.serve.process.send_signal(signal.SIGHUP)
        self.site.serve.wait_for("memory, logging changed: what was there at the start stays until "
                                 "winnow serve is restarted")


if __name__ == "__main__":
    run_tests()
