#!/usr/bin/env python3
"""Lookups from outside: dns.py --winnow PATH. A name server on loopback with scripted faults is
asked by `winnow dns`, by a scan, and by the service."""
import json
import pathlib
import subprocess
import tempfile
import unittest

import service
from name_server import NameServer
from test_program import OPTIONS, run_tests

WINNOW = OPTIONS.winnow

MESSAGE = (b"From: Anna <anna@sender.example>\r\nTo: b@x.example\r\nSubject: hello\r\n"
           b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s@sender.example>\r\n"
           b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello Ben.\r\n")
RECORDS = {("sender.example", "TXT"): ["v=spf1 ip4:192.0.2.9 -all"],
           ("_dmarc.sender.example", "TXT"): ["v=DMARC1; p=reject"]}


def winnow(*arguments, stdin=None):
    return subprocess.run([WINNOW, *arguments], input=stdin, capture_output=True, timeout=120)


class DnsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def server(self, **options):
        server = NameServer(RECORDS, **options)
        self.addCleanup(server.close)
        return server

    def config(self, *servers, timeout="0.2s", more="", dns=""):
        path = self.folder / "rspamd.conf"
        path.touch()
        (self.folder / "local.d").mkdir(exist_ok=True)
        names = ", ".join(f'"127.0.0.1:{one.port}"' for one in servers)
        (self.folder / "local.d" / "options.inc").write_text(
            f"dns {{ nameserver = [{names}]; timeout = {timeout}; retransmits = 2; {dns} }} {more}\n")
        return str(path)

    def dns(self, server, *names):
        return winnow("dns", "--server", f"127.0.0.1:{server.port}", *names)

    def test_answers(self):
        server = self.server()
        done = self.dns(server, "TXT", "Sender.Example.")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"v=spf1 ip4:192.0.2.9 -all\n", done.stdout)
        again = winnow("dns", "--times", "3", "--server", f"127.0.0.1:{server.port}", "TXT",
                       "_dmarc.sender.example")
        self.assertIn(b"from the cache, 0 s old, of 127.0.0.1:%d" % server.port, again.stdout)
        self.assertEqual(server.count("_dmarc.sender.example"), 1)

    def test_faults(self):
        server = self.server()
        for fault, text in (("servfail", b"failed"), ("refused", b"refused"),
                            ("ring", b"broken"), ("chain", b"broken"), ("loop", b"broken"),
                            ("truncated", b"broken"), ("nxdomain", b"no such name"),
                            ("nodata", b"no record of this type")):
            done = self.dns(server, f"name.{fault}")
            self.assertIn(text, done.stdout, fault)
            self.assertEqual(done.returncode, 0 if fault.startswith("n") else 3, fault)

    def test_a_list_that_answers_what_no_list_does(self):
        """Its answers are unknown, it is told once, and it is not asked again."""
        server = self.server()
        config = self.config(server)
        lists = {(f"{n}.100.51.198.zen.spamhaus.org", "A"): ["192.0.2.1"] for n in range(1, 4)}
        lists[("1.100.51.198.bl.blocklist.de", "A")] = ["127.0.0.2"]
        server.records.update(lists)
        mail = MESSAGE.replace(b"%s", b"1").decode()
        lines = [json.dumps({"raw": mail, "ip": f"198.51.100.{n}", "helo": "mx.sender.example"})
                 for n in range(1, 4)]
        (self.folder / "m.jsonl").write_text("\n".join(lines) + "\n")
        done = winnow("scan", "--dns", "--config", config, "--threads", "1", "--batch-rows", "1",
                      "--format", "jsonl", str(self.folder / "m.jsonl"))
        self.assertEqual(done.stderr.count(b"list zen.spamhaus.org is out of use"), 1, done.stderr)
        verdicts = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(verdicts), 3)
        for one in verdicts:
            self.assertFalse([name for name in one["symbols"] if name.startswith("RBL_SPAMHAUS")])
            self.assertTrue([text for text in one["unknown"] if "zen.spamhaus.org" in str(text)])
        # Of an answer that cannot be; what is not asked any more did not fail.
        self.assertTrue([one for one in verdicts if "SPAMHAUS_FAIL" in one["symbols"]])
        self.assertIn("RBL_BLOCKLISTDE", verdicts[0]["symbols"])

    def test_a_list_that_is_out_of_use_is_no_failure_on_every_mail(self):
        server = self.server()
        server.records[("1.100.51.198.zen.spamhaus.org", "A")] = ["192.0.2.1"]
        serve = service.Serve(WINNOW, "--config", self.config(server), "--threads", "1", dns=True)
        try:
            http = service.Http(serve.http)
            said = [http.check(MESSAGE % b"1", headers=b"IP: 198.51.100.%d\r\nHelo: mx.sender.example\r\n" % n)
                    for n in (1, 2, 3)]
            http.close()
        finally:
            self.assertEqual(serve.stop(), 0)
        self.assertIn("SPAMHAUS_FAIL", said[0]["symbols"])  # its answer cannot be
        for n, one in zip((2, 3), said[1:]):
            self.assertEqual([name for name in one["symbols"] if "SPAMHAUS" in name], [])
            self.assertTrue([text for text in one["unknown"] if f"{n}.100.51.198.zen" in str(text)])
        self.assertEqual(server.count("3.100.51.198.zen.spamhaus.org"), 0)

    def test_hosts(self):
        server = self.server()
        (self.folder / "hosts").write_text("192.0.2.77 named.example other.example\n")
        config = self.config(server, dns=f'hosts = "{self.folder}/hosts";')
        done = winnow("dns", "--config", config, "named.example", "sender.example")
        self.assertIn(b"A named.example (hosts, for 0 s)\n  192.0.2.77\n", done.stdout)
        self.assertEqual((server.count("named.example"), server.count("sender.example")), (0, 1))
        # Of another type it is asked.
        done = winnow("dns", "--config", config, "AAAA", "named.example")
        self.assertEqual(server.count("named.example"), 1)
        config = self.config(server, dns=f'hosts = "{self.folder}/gone";')
        done = winnow("dns", "--config", config, "named.example")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"options.dns.hosts", done.stderr)
        config = self.config(server, dns="hosts = null;")
        self.assertEqual(winnow("dns", "--config", config, "named.example").returncode, 0)
        self.assertEqual(server.count("named.example"), 2)

    def lists_asked(self, more):
        """How many names below a list that asks about links and the client."""
        server = self.server()
        links = " ".join(f"http://www.link-{n}.com/" for n in range(9))
        line = {"raw": (MESSAGE % b"1").decode() + links, "ip": "198.51.100.1", "helo": "mx.sender.com"}
        (self.folder / "m.jsonl").write_text(json.dumps(line) + "\n")
        done = winnow("scan", "--dns", "--config", self.config(server, more=more), "--format", "jsonl",
                      str(self.folder / "m.jsonl"))
        self.assertEqual(done.returncode, 0, done.stderr)
        names = {one[0].lower() for one in server.asked}
        of_links = sum(name.startswith("link-") and name.endswith(".com.multi.uribl.com") for name in names)
        return of_links, "1.100.51.198.zen.spamhaus.org" in names

    def test_dns_max_requests(self):
        self.assertEqual(self.lists_asked(""), (9, True))
        asked, client = self.lists_asked("dns_max_requests = 1;")
        self.assertLessEqual(asked, 1)
        self.assertTrue(client)

    def test_hops_of_own_networks_are_asked_of_no_list(self):
        server = self.server()
        hop = ("Received: from a.example (a.example [%s])\r\n by mx.example (Postfix) with ESMTP id A1;\r\n"
               " Tue, 24 Nov 2026 09:00:03 +0000\r\n")
        mail = hop % "203.0.113.7" + hop % "198.51.100.9" + (MESSAGE % b"1").decode()
        (self.folder / "m.jsonl").write_text(json.dumps({"raw": mail, "ip": "192.0.2.99"}) + "\n")
        config = self.config(server, more='local_addrs = ["203.0.113.0/24"];')
        winnow("scan", "--dns", "--config", config, "--format", "jsonl", str(self.folder / "m.jsonl"))
        self.assertEqual((server.count("7.113.0.203.zen.spamhaus.org"),
                          server.count("9.100.51.198.zen.spamhaus.org")), (0, 1))

    def test_forged_replies_are_not_taken(self):
        server = self.server()
        for fault in ("wrongid", "wrongquestion"):
            done = self.dns(server, f"name.{fault}")
            self.assertIn(b"192.0.2.1", done.stdout, fault)
            self.assertNotIn(b"203.0.113", done.stdout, fault)

    def test_truncated_is_asked_by_tcp(self):
        server = self.server()
        done = self.dns(server, "TXT", "name.big")
        self.assertIn(b"v" * 60_000, done.stdout)
        self.assertEqual([one[2] for one in server.asked], ["udp", "tcp"])

    def test_wrong_command_line(self):
        done = winnow("dns", "--server", "nonsense", "a.example")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"nonsense", done.stderr)

    SPF = {("org.example", "TXT"): ["v=spf1 a mx:mail.example include:_spf.example -ip4:192.0.2.99 "
                                     "exists:%{i}.x.example ~all"],
           ("org.example", "A"): ["192.0.2.1"], ("org.example", "AAAA"): ["2001:db8::1"],
           ("mail.example", "MX"): ["10 mx.mail.example"], ("mx.mail.example", "A"): ["192.0.2.2"],
           ("_spf.example", "TXT"): ["v=spf1 ip4:198.51.100.0/24 ?ip4:192.0.2.77 a:mx.mail.example -all"],
           ("gone.example", "TXT"): ["v=spf1 include:nowhere.example -all"],
           ("loop.example", "TXT"): ["v=spf1 include:loop.example -all"],
           ("two.example", "TXT"): ["v=spf1 -all", "v=spf1 +all"],
           ("moved.example", "TXT"): ["v=spf1 redirect=org.example"],
           ("says.example", "TXT"): ["v=spf1 exp=why.%{d} -all"],
           ("why.says.example", "TXT"): ["%{i} is none of us"]}

    def test_options_before_spf(self):
        server = NameServer(self.SPF)
        self.addCleanup(server.close)
        name = f"127.0.0.1:{server.port}"
        whole = winnow("dns", "spf", "org.example", "--server", name)
        self.assertIn(b"a is ip4:192.0.2.1", whole.stdout)
        for arguments in (["--server", name, "spf", "org.example"],
                          ["-q", f"--server={name}", "spf", "org.example"],
                          ["-c", self.config(server), "spf", "org.example"]):
            self.assertEqual(winnow("dns", *arguments).stdout, whole.stdout, arguments)
        flat = winnow("dns", "--server", name, "spf-flatten", "org.example")
        self.assertIn(b"v=spf1 ip4:192.0.2.1", flat.stdout)

    def spf(self, *arguments):
        server = NameServer(self.SPF)
        self.addCleanup(server.close)
        done = winnow("dns", arguments[0], "--server", f"127.0.0.1:{server.port}", *arguments[1:])
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_spf_records(self):
        code, out, _ = self.spf("spf", "Org.example")
        self.assertEqual(code, 0)
        self.assertEqual(out.splitlines(), [
            "org.example: " + self.SPF["org.example", "TXT"][0],
            "  a is ip4:192.0.2.1", "  a is ip6:2001:db8::1", "  mx:mail.example is ip4:192.0.2.2",
            "  _spf.example: " + self.SPF["_spf.example", "TXT"][0],
            "    a:mx.mail.example is ip4:192.0.2.2"])
        for domain, part, code in (("nowhere.example", "there is no SPF record", 1),
                                   ("gone.example", "nowhere.example: there is no SPF record", 1),
                                   ("two.example", "several SPF records", 1),
                                   ("name.servfail", "nobody answered", 3)):
            done = self.spf("spf", domain)
            self.assertIn(part, done[1], domain)
            self.assertEqual(done[0], code, domain)
        code, out, err = self.spf("spf", "loop.example")
        self.assertIn("leads further than SPF goes", err)
        self.assertLess(len(out.splitlines()), 20)

    def test_spf_of_a_client(self):
        for ip, said in (("192.0.2.2", "pass by +mx:mail.example"), ("192.0.2.99", "fail by -ip4:192.0.2.99"),
                         ("198.51.100.4", "pass by +ip4:198.51.100.0/24"), ("203.0.113.1", "softfail by ~all")):
            self.assertEqual(self.spf("spf", "-f", "ann@org.example", "-i", ip),
                             (0, f"{ip}: {said}\n", ""))

    def test_spf_explanation(self):
        self.assertEqual(self.spf("spf", "-f", "ann@says.example", "-i", "192.0.2.2"),
                         (0, "192.0.2.2: fail by -all\n  it says: 192.0.2.2 is none of us\n", ""))

    def test_spf_flattened(self):
        flat = ("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ip4:192.0.2.2 ip4:198.51.100.0/24 -ip4:192.0.2.99 "
                "exists:%{i}.x.example ~all\n")
        self.assertEqual(self.spf("spf-flatten", "org.example"), (0, flat, ""))
        self.assertEqual(self.spf("spf-flatten", "moved.example"), (0, flat, ""))
        self.assertEqual(self.spf("spf-flatten", "gone.example")[0], 1)

    def jsonl(self, n):
        return b"".join(json.dumps({
            "raw": (MESSAGE % str(i).encode()).decode(), "from": "anna@sender.example",
            "ip": "192.0.2.9" if i % 2 else "192.0.2.10", "helo": "mx.sender.example",
        }).encode() + b"\n" for i in range(n))

    def scan(self, config, *options):
        done = winnow("scan", "--dns", "--config", config, "--format", "jsonl", "--quiet",
                      "--read-as", "jsonl", *options, "-", stdin=self.jsonl(40))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_scan_asks_each_name_once(self):
        server = self.server()
        config = self.config(server)
        out = self.scan(config, "--threads", "2", "--batch-rows", "3")
        verdicts = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(verdicts), 40)
        for i, verdict in enumerate(verdicts):
            want = "R_SPF_ALLOW" if i % 2 else "R_SPF_FAIL"
            self.assertIn(want, verdict["symbols"], verdict)
            policy = "DMARC_POLICY_ALLOW" if i % 2 else "DMARC_POLICY_REJECT"
            self.assertIn(policy, verdict["symbols"], verdict)
        self.assertEqual(server.asked.count(("sender.example", "TXT", "udp")), 1)
        self.assertEqual(out, self.scan(config, "--threads", "1"))

    def test_what_was_recorded_is_replayed_without_a_server(self):
        server = self.server()
        config = self.config(server)
        file = str(self.folder / "run.wev")
        out = self.scan(config, "--record", file)
        server.close()
        done = winnow("scan", "--config", config, "--format", "jsonl", "--quiet", "--replay", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, out)
        explained = winnow("explain", "--config", config, "--replay", file)
        self.assertEqual(explained.returncode, 0, explained.stderr)
        said = f"asked     TXT sender.example: v=spf1 ip4:192.0.2.9 -all (127.0.0.1:{server.port}".encode()
        self.assertEqual(explained.stdout.count(said), 40)
        self.assertEqual(explained.stdout.count(b"R_SPF_ALLOW"), 20)

    def test_explain_asks(self):
        server = self.server()
        (self.folder / "m.jsonl").write_bytes(self.jsonl(1))
        done = winnow("explain", "--dns", "--config", self.config(server), str(self.folder / "m.jsonl"))
        self.assertEqual(done.returncode, 0, done.stderr)
        for said in ("asked     TXT sender.example: v=spf1 ip4:192.0.2.9 -all (127.0.0.1:%d)",
                     "asked     TXT _dmarc.sender.example: v=DMARC1; p=reject (127.0.0.1:%d)"):
            self.assertIn((said % server.port).encode(), done.stdout)
        nobody = winnow("explain")
        self.assertEqual((nobody.returncode, b"--replay" in nobody.stderr), (2, True))

    def test_a_dead_server_leaves_unknown(self):
        server = self.server()
        config = self.config(server)
        server.close()
        for line in self.scan(config).splitlines():
            symbols = json.loads(line)["symbols"]
            self.assertIn("R_SPF_DNSFAIL", symbols)
            self.assertNotIn("R_SPF_NA", symbols)

    def test_service(self):
        server = self.server(delay_s=0.02)
        serve = service.Serve(WINNOW, "--config", self.config(server), "--threads", "1", dns=True)
        try:
            http = service.Http(serve.http)
            for i in range(8):
                reply = http.check(MESSAGE % str(i).encode(), headers=b"IP: 192.0.2.9\r\n"
                                   b"From: anna@sender.example\r\nHelo: mx.sender.example\r\n")
                self.assertIn("R_SPF_ALLOW", reply["symbols"])
            self.assertEqual(server.asked.count(("sender.example", "TXT", "udp")), 1)
            http.close()
        finally:
            self.assertEqual(serve.stop(), 0)

    def test_what_needs_only_the_envelope_is_asked_before_data(self):
        server = self.server()
        serve = service.Serve(WINNOW, "--config", self.config(server), "--threads", "1", dns=True)
        try:
            milter = service.Milter(service.connect(serve.milter))
            milter.envelope(sender=b"anna@sender.example")
            self.assertTrue(server.wait_for("sender.example", service.WAIT_S))
            self.assertEqual(server.count("_dmarc.sender.example"), 0)
            milter.content(MESSAGE % b"1")
            milter.close()
            serve.wait_for("R_SPF_FAIL")  # 192.0.2.5
            texts = [one[0].lower() for one in server.asked if one[1] == "TXT"]
            self.assertEqual(texts.count("sender.example"), 1)  # hfilter asks other types
            self.assertEqual(texts.count("_dmarc.sender.example"), 1)
            # It is no message of its own: one line in the log.
            self.assertEqual(sum("rspamd_task_write_log" in one for one in serve.lines), 1)
        finally:
            self.assertEqual(serve.stop(), 0)

    def late(self, more):
        """What becomes of a message that waits for a name longer than it may."""
        server = self.server()
        config = self.config(server, timeout="20s", more="task_timeout = 0.3s; " + more)
        serve = service.Serve(WINNOW, "--config", config, "--threads", "1", dns=True)
        try:
            http = service.Http(serve.http)
            reply = http.check(MESSAGE % b"late", headers=b"IP: 192.0.2.9\r\n"
                               b"From: anna@name.drop\r\nHelo: mx.sender.example\r\n")
            http.close()
            milter = service.Milter(service.connect(serve.milter))
            answer = milter.scan(MESSAGE % b"later", sender=b"anna@other.drop")
            milter.close()
            return reply, answer[-1]
        finally:
            self.assertEqual(serve.stop(), 0)

    def test_deadline_of_a_message(self):
        reply, (command, _) = self.late("")
        self.assertIn("R_SPF_DNSFAIL", reply["symbols"])
        self.assertNotEqual(reply["action"], "soft reject")
        self.assertEqual(command, b"a")

    def test_soft_reject_on_timeout(self):
        reply, (command, text) = self.late("soft_reject_on_timeout = true;")
        self.assertIn("R_SPF_DNSFAIL", reply["symbols"])
        self.assertEqual(reply["action"], "soft reject")
        self.assertEqual((command, text[:4]), (b"y", b"451 "))


if __name__ == "__main__":
    run_tests()
