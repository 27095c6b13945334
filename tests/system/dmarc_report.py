#!/usr/bin/env python3
"""Aggregate reports of DMARC from end to end: the service keeps what messages say, the command makes
reports of it, as files and by mail. dmarc_report.py --winnow PATH"""
import datetime
import email
import email.policy
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
import mta
import redis_server
import service
from name_server import NameServer
from test_program import OPTIONS, missing, run_tests

MAIL = (b"From: Anna <anna@mail.%s>\r\nTo: b@x.test\r\nSubject: hello\r\n"
        b"Message-ID: <%d@sender.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello.\r\n")
RECORDS = {("mail.sender.com", "TXT"): ["v=spf1 ip4:192.0.2.9 -all"],
           ("_dmarc.sender.com", "TXT"): ["v=DMARC1; p=reject; rua=mailto:dmarc@sender.com,mailto:r@watch.org"],
           ("_dmarc.silent.com", "TXT"): ["v=DMARC1; p=reject"],
           ("_dmarc.foreign.com", "TXT"): ["v=DMARC1; p=none; rua=mailto:r@watch.org,mailto:r@other.net"],
           ("foreign.com._report._dmarc.watch.org", "TXT"): ["v=DMARC1;"]}


class DmarcReport(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        self.data.mkdir()
        (self.folder / "local.d").mkdir()
        self.config = self.folder / "rspamd.conf"
        self.config.touch()
        self.server = NameServer(RECORDS)
        self.addCleanup(self.server.close)
        self.sink = mta.Sink()
        self.addCleanup(self.sink.stop)
        (self.folder / "local.d/options.inc").write_text(
            'dns { nameserver = "%s"; timeout = 5s; }\n' % self.server.address)
        self.configure()

    def configure(self, more=""):
        (self.folder / "local.d/dmarc.conf").write_text(
            'reporting { enabled = true; org_name = "Us"; email = "dmarc@us.org"; domain = us.org;\n'
            '  smtp = "127.0.0.1"; smtp_port = %d; helo = "mx.us.org"; retries = 0; %s }\n'
            % (self.sink.port, more))

    def command(self, *arguments, code=0):
        done = subprocess.run([OPTIONS.winnow, "dmarc-report", "--config", self.config, "--var",
                               f"DBDIR={self.data}", *arguments], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def serve(self, messages, front="http"):
        """[(domain of From, address of the client)]"""
        serve = service.Serve(OPTIONS.winnow, "--config", str(self.config), "--var",
                              f"DBDIR={self.data}", "--threads", "2", dns=True)
        try:
            http = service.Http(serve.port(front))
            for number, (domain, ip) in enumerate(messages):
                http.check(MAIL % (domain.encode(), number), headers=b"IP: %s\r\nHelo: mx.sender.com\r\n"
                           b"From: anna@mail.%s\r\nRcpt: b@x.test\r\n" % (ip.encode(), domain.encode()))
            http.close()
        finally:
            self.assertEqual(serve.stop(), 0)

    def today(self):
        return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")

    def test_files(self):
        day = self.today()
        self.serve([("sender.com", "192.0.2.9")] * 3 + [("sender.com", "192.0.2.77")] +
                   [("silent.com", "192.0.2.9"), ("none.com", "192.0.2.9")])
        if day != self.today():
            self.skipTest("midnight")
        out = self.folder / "out"
        out.mkdir()
        # A day that is not over is reported only by its name.
        self.assertEqual(self.command("--output", str(out))[0], "0 reports, 0 that nobody wants, 0 failed\n")
        said, _ = self.command("--no-opt", "--output", str(out), day)
        self.assertIn(f"{day} sender.com: 4 messages in 2 rows, to dmarc@sender.com, r@watch.org\n", said)
        self.assertEqual(list(out.iterdir()), [])
        self.command("--output", str(out), day)
        [file] = out.iterdir()
        begin = int(datetime.datetime.strptime(day + "+0000", "%Y%m%d%z").timestamp())
        self.assertEqual(file.name, f"us.org!sender.com!{begin}!{begin + 86399}.xml.gz")
        report = ElementTree.fromstring(gzip.decompress(file.read_bytes()))
        self.assertEqual(report.findtext("policy_published/p"), "reject")
        rows = {one.findtext("row/source_ip"): one for one in report.iter("record")}
        self.assertEqual(set(rows), {"192.0.2.9", "192.0.2.77"})
        for ip, count, disposition, spf, result in (("192.0.2.9", "3", "none", "pass", "pass"),
                                                    ("192.0.2.77", "1", "reject", "fail", "fail")):
            one = rows[ip]
            self.assertEqual(one.findtext("row/count"), count)
            self.assertEqual(one.findtext("row/policy_evaluated/disposition"), disposition)
            self.assertEqual(one.findtext("row/policy_evaluated/spf"), spf)
            self.assertEqual(one.findtext("auth_results/spf/result"), result)
            self.assertEqual(one.findtext("identifiers/header_from"), "mail.sender.com")
        # It is out of the store.
        self.assertEqual(self.command("--output", str(out), day)[0],
                         "0 reports, 0 that nobody wants, 0 failed\n")

    def test_mail(self):
        day = self.today()
        self.serve([("sender.com", "192.0.2.9"), ("foreign.com", "192.0.2.9")])
        if day != self.today():
            self.skipTest("midnight")
        said, _ = self.command(day)
        self.assertIn("2 reports, 0 that nobody wants, 0 failed", said)
        mails = {tuple(rcpt): email.message_from_bytes(raw, policy=email.policy.default)
                 for rcpt, raw in self.sink.mail}
        # Who is not of the domain gets a report only where he says so.
        self.assertEqual(set(mails), {("dmarc@sender.com",), ("r@watch.org",)})
        mail = mails[("dmarc@sender.com",)]
        self.assertEqual(mail["from"], "Winnow <dmarc@us.org>")
        self.assertRegex(mail["subject"], r"^Report Domain: sender\.com Submitter: us\.org Report-ID: <.+>$")
        [attached] = mail.iter_attachments()
        self.assertEqual(attached.get_content_type(), "application/gzip")
        report = ElementTree.fromstring(gzip.decompress(attached.get_content()))
        self.assertEqual(report.findtext("policy_published/domain"), "sender.com")
        self.assertEqual(report.findtext("report_metadata/email"), "dmarc@us.org")

    def test_what_is_only_looked_at_is_no_mail(self):
        (self.folder / "local.d/worker-controller.inc").write_text('secure_ip = "127.0.0.1";\n')
        day = self.today()
        self.serve([("sender.com", "192.0.2.9")] * 2, front="controller")
        if day != self.today():
            self.skipTest("midnight")
        self.assertIn("0 reports", self.command("--no-opt", day)[0])
        self.configure("report_local_controller = true;")
        self.serve([("sender.com", "192.0.2.9")], front="controller")
        self.assertIn("sender.com: 1 messages in 1 rows", self.command("--no-opt", day)[0])

    def test_what_cannot_be_sent_stays(self):
        day = self.today()
        self.serve([("sender.com", "192.0.2.9")])
        if day != self.today():
            self.skipTest("midnight")
        port, self.sink.port = self.sink.port, 1
        self.configure()
        said, errors = self.command(day, code=3)
        self.assertIn("1 failed", said)
        self.assertIn(f"{day} sender.com: 127.0.0.1:1:", errors)
        self.sink.port = port
        self.configure()
        self.assertIn("1 reports", self.command(day)[0])
        self.assertEqual(len(self.sink.mail), 1)

    def test_wrong_use(self):
        self.assertIn("no day", self.command("yesterday", code=2)[1])
        (self.folder / "local.d/dmarc.conf").write_text("reporting { enabled = true; }\n")
        self.assertIn("org_name is missing", self.command(code=2)[1])


@unittest.skipIf(missing("redis-server"), "redis-server is not there")
class DmarcReportInRedis(DmarcReport):
    """The same where Redis keeps the rows, as Rspamd does."""

    def setUp(self):
        super().setUp()
        self.redis = redis_server.RedisServer()
        self.addCleanup(self.redis.stop)
        (self.folder / "local.d/redis.conf").write_text(f'servers = "{self.redis.socket}";\n')

    def rows(self, key):
        flat = self.redis.ask("ZRANGE", key, "0", "-1", "WITHSCORES")
        return {row.decode(): int(count) for row, count in zip(flat[::2], flat[1::2])}

    def test_rows_are_rspamds(self):
        day = self.today()
        self.serve([("sender.com", "192.0.2.9")] * 3 + [("sender.com", "2001:db8::7")])
        if day != self.today():
            self.skipTest("midnight")
        key = f"dmarc_rpt;sender.com;mailto:dmarc@sender.com,mailto:r@watch.org;{day}"
        self.assertEqual(self.redis.ask("SMEMBERS", f"dmarc_idx;{day}"), [key.encode()])
        self.assertEqual(self.rows(key), {
            "192.0.2.9,pass,fail,none,,mail.sender.com,,,,,mail.sender.com,pass": 3,
            "2001:db8::7,fail,fail,reject,,mail.sender.com,,,,,mail.sender.com,fail": 1})
        for one in (key, f"dmarc_idx;{day}"):
            self.assertTrue(172_000 < self.redis.ask("TTL", one) <= 172_800)
        # Rows that Rspamd counts are counted on.
        self.redis.ask("ZINCRBY", key, "5",
                       "192.0.2.9,pass,fail,none,,mail.sender.com,,,,,mail.sender.com,pass")
        said, _ = self.command("--no-opt", day)
        self.assertIn("sender.com: 9 messages in 2 rows", said)
        self.command("--output", str(self.folder), day)
        self.assertEqual(self.redis.ask("KEYS", "dmarc*"), [])

    def test_names_life_and_number(self):
        self.configure('max_entries = 2; keys_expire = 2h; redis_keys { index_prefix = "i"; '
                       'report_prefix = "r"; join_char = "|"; }')
        day = self.today()
        self.serve([("sender.com", f"192.0.2.{n}") for n in range(50, 55)] +
                   [("sender.com", "192.0.2.50")])
        if day != self.today():
            self.skipTest("midnight")
        [key] = self.redis.ask("SMEMBERS", f"i|{day}")
        self.assertEqual(key.decode(), f"r|sender.com|mailto:dmarc@sender.com,mailto:r@watch.org|{day}")
        self.assertEqual(len(self.rows(key)), 2)
        self.assertTrue(7_000 < self.redis.ask("TTL", key) <= 7_200)
        self.assertIn("in 2 rows", self.command("--no-opt", day)[0])

    def test_a_policy_that_cannot_be_looked_up(self):
        day = self.today()
        self.serve([("sender.com", "192.0.2.9")])
        if day != self.today():
            self.skipTest("midnight")
        said, errors = self.command("--no-dns", day, code=3)
        self.assertIn("1 failed", said)
        self.assertIn("cannot be looked up", errors)
        self.assertEqual(len(self.redis.ask("KEYS", "dmarc*")), 2)  # they stay


if __name__ == "__main__":
    run_tests()
