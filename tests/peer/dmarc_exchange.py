#!/usr/bin/env python3
"""Rows of DMARC reports in one Redis: what Winnow counts Debian's rspamd counts on and reports
(rspamadm dmarc_report), and the other way round. dmarc_exchange.py --winnow BINARY"""
import datetime
import email
import email.policy
import gzip
import pathlib
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree

import paths  # noqa: F401
import engines
import mta
import own_network
import redis_server
import service
from name_server import NameServer
from test_program import OPTIONS, require, run_tests


RECORDS = {("mail.sender.com", "TXT"): ["v=spf1 ip4:192.0.2.9 -all"],
           ("_dmarc.sender.com", "TXT"): ["v=DMARC1; p=reject; aspf=s; rua=mailto:Dmarc@Sender.com"],
           ("q.com", "TXT"): ["v=spf1 ~all"],
           ("_dmarc.q.com", "TXT"): ["v=DMARC1; p=quarantine; pct=0; rua=mailto:r@q.com"]}
SIGNATURE = (b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=sel; h=from;\r\n"
             b"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n")
MAIL = (b"%sFrom: Anna <anna@%s>\r\nTo: b@x.test\r\nSubject: hello\r\n"
        b"Message-ID: <1@sender.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello.\r\n")
# From's domain, client, sender's domain, domains of signatures whose keys are not there.
MESSAGES = [("mail.sender.com", "192.0.2.9", "mail.sender.com", ()),
            ("mail.sender.com", "192.0.2.9", "mail.sender.com", ()),
            ("mail.sender.com", "192.0.2.77", "mail.sender.com", ("nokey.com",)),
            ("mail.sender.com", "2001:db8::7", "q.com", ("nokey.com", "other.net")),
            ("q.com", "192.0.2.5", "q.com", ()),
            ("sub.q.com", "192.0.2.6", "sub.q.com", ())]


class Rspamd(engines.Rspamd):
    OFF = [name for name in engines.Rspamd.OFF if name not in ("dkim", "dmarc", "spf")]

    def __init__(self, work, dns, redis, smtp):
        self.told = (dns, redis, smtp)
        super().__init__(work)

    def configure(self, local):
        dns, redis, smtp = self.told
        (local / "options.inc").write_text(
            f'dns {{ nameserver = ["{dns}"]; timeout = 5s; }}\ndisable_monitoring = true;\n'
            f'control_socket = "{self.work}/control.sock mode=0600";\npidfile = "{self.work}/pid";\n')
        (local / "redis.conf").write_text(f'servers = "{redis}";\n')
        (local / "dmarc.conf").write_text(
            'reporting { enabled = true; org_name = "Them"; email = "dmarc@them.org"; '
            f'domain = "them.org"; smtp = "127.0.0.1"; smtp_port = {smtp}; }}\n')

    def report(self, smtp, *arguments):
        config = self.work / "local.d/dmarc.conf"
        config.write_text(config.read_text().replace(f"= {self.told[2]};", f"= {smtp};"))
        done = subprocess.run(
            ["rspamadm", f"--var=LOCAL_CONFDIR={self.work}", f"--var=DBDIR={self.work}",
             f"--var=RUNDIR={self.work}", "dmarc_report", *arguments], capture_output=True, text=True,
            timeout=120)
        return done.stdout + done.stderr


class Exchange(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="winnow-dmarc-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.redis = redis_server.RedisServer()
        self.addCleanup(self.redis.stop)
        self.names = NameServer(RECORDS)
        self.addCleanup(self.names.close)
        self.sink = mta.Sink()
        self.addCleanup(self.sink.stop)
        (self.folder / "local.d").mkdir()
        self.config = self.folder / "rspamd.conf"
        self.config.touch()
        (self.folder / "local.d/options.inc").write_text(
            'dns { nameserver = "%s"; timeout = 5s; }\n' % self.names.address)
        (self.folder / "local.d/redis.conf").write_text(f'servers = "{self.redis.socket}";\n')
        (self.folder / "local.d/dmarc.conf").write_text(
            'reporting { enabled = true; org_name = "Us"; email = "dmarc@us.org"; domain = us.org;\n'
            f'  smtp = "127.0.0.1"; smtp_port = {self.sink.port}; }}\n')
        self.rspamd = Rspamd(self.folder / "r", self.names.address, self.redis.socket,
                             self.sink.port)
        self.addCleanup(self.rspamd.stop)
        self.day = self.today()

    def tearDown(self):
        if self.day != self.today():
            self.skipTest("midnight")

    @staticmethod
    def today():
        return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")

    @staticmethod
    def request(author, ip, sender, signers):
        mail = MAIL % (b"".join(SIGNATURE % one.encode() for one in signers), author.encode())
        return mail, ["IP: " + ip, "Helo: mx.sender.com", "From: anna@" + sender, "Rcpt: b@x.test"]

    def by_winnow(self):
        serve = service.Serve(OPTIONS.winnow, "--config", str(self.config), "--var",
                              f"DBDIR={self.folder}", dns=True)
        try:
            http = service.Http(serve.http)
            for one in MESSAGES:
                mail, fields = self.request(*one)
                http.check(mail, headers="".join(field + "\r\n" for field in fields).encode())
            http.close()
        finally:
            self.assertEqual(serve.stop(), 0)

    def by_rspamd(self):
        for one in MESSAGES:
            self.rspamd.check(*self.request(*one))

    def rows(self):
        out = {}
        for key in self.redis.ask("SMEMBERS", f"dmarc_idx;{self.day}"):
            flat = self.redis.ask("ZRANGE", key, "0", "-1", "WITHSCORES")
            out[key.decode()] = {row.decode(): int(count) for row, count in zip(flat[::2], flat[1::2])}
        return out

    def counted(self):
        """Rows once all messages are in: who counts does so after his reply."""
        until = time.monotonic() + mta.WAIT_S
        while True:
            rows = self.rows()
            if sum(sum(one.values()) for one in rows.values()) >= len(MESSAGES):
                return rows
            self.assertLess(time.monotonic(), until, rows)
            time.sleep(0.05)

    def test_the_same_rows(self):
        self.by_rspamd()
        theirs = self.counted()
        self.redis.ask("FLUSHALL")
        self.by_winnow()
        self.assertEqual(self.counted(), theirs)
        self.assertEqual(sum(len(rows) for rows in theirs.values()), 5)

    def test_rspamd_reports_what_we_counted(self):
        self.by_winnow()
        self.counted()

        def report():  # rspamadm asks the name server of the machine
            with NameServer(RECORDS, port=53):
                sink = mta.Sink()
                said = self.rspamd.report(sink.port, self.day)
                mails = [raw.decode() for _, raw in sink.mail]
                sink.stop()
                return said, mails
        done = own_network.run(self.folder, report)
        if done is None:
            self.skipTest("there can be no network of its own")
        said, mails = done
        reports = self.reports(mail.encode() for mail in mails)
        self.assertEqual(set(reports), {"sender.com", "q.com"}, said)
        self.check(reports)

    def test_we_report_what_rspamd_counted(self):
        self.by_rspamd()
        self.counted()
        done = subprocess.run([OPTIONS.winnow, "dmarc-report", "--config", self.config, "--var",
                               f"DBDIR={self.folder}", self.day], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 reports, 0 that nobody wants, 0 failed", done.stdout)
        rows = self.check(self.reports(raw for _, raw in self.sink.mail))
        # rspamadm leaves out signatures that were broken.
        self.assertEqual({dkim.findtext("domain") for dkim in rows["2001:db8::7"].iter("dkim")} - {None},
                         {"nokey.com", "other.net"})
        self.assertEqual(self.redis.ask("KEYS", "dmarc_*"), [])

    @staticmethod
    def reports(mails):
        out = {}
        for raw in mails:
            for part in email.message_from_bytes(raw, policy=email.policy.default).walk():
                if part.get_content_type() == "application/gzip":
                    report = ElementTree.fromstring(gzip.decompress(part.get_content()))
                    out[report.findtext("policy_published/domain")] = report
        return out

    def check(self, reports):
        report = reports["sender.com"]
        self.assertEqual(report.findtext("policy_published/p"), "reject")
        self.assertEqual(report.findtext("policy_published/aspf"), "s")
        rows = {one.findtext("row/source_ip"): one for one in report.iter("record")}
        self.assertEqual({ip: one.findtext("row/count") for ip, one in rows.items()},
                         {"192.0.2.9": "2", "192.0.2.77": "1", "2001:db8::7": "1"})
        self.assertEqual(rows["192.0.2.9"].findtext("row/policy_evaluated/spf"), "pass")
        self.assertEqual(rows["2001:db8::7"].findtext("row/policy_evaluated/disposition"), "reject")
        return rows


if __name__ == "__main__":
    require("rspamd", "redis-server")
    run_tests()
