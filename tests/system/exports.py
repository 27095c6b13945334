#!/usr/bin/env python3
"""metadata_exporter from end to end: what each backend gets, mail that waits for an export, servers that
are away or silent. exports.py --winnow PATH"""
import base64
import email
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
import mta
import redis_server
import service
from export_sinks import HttpSink, SilentPort, dead_port
from test_program import OPTIONS, missing, run_tests

ENVELOPE = (b"IP: 192.0.2.5\r\nFrom: anna@example.org\r\nRcpt: ben@example.net\r\nRcpt: carl@example.net\r\n"
            b"Queue-Id: Q7\r\n")
PASSWORD = "s3cret-word"
ALL = {"action", "from", "fuzzy", "header_date", "header_from", "header_subject", "header_to", "ip",
       "message_id", "qid", "rcpt", "rspamd_server", "scan_time", "score", "subject", "symbols", "user"}


class Exports(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="winnow-exports-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "local.d").mkdir()
        self.config = self.folder / "rspamd.conf"
        self.config.touch()
        self.sink = HttpSink()
        self.addCleanup(self.sink.stop)

    def configure(self, rules, module=""):
        (self.folder / "local.d/metadata_exporter.conf").write_text(
            module + "\nrules {\n" + rules.replace("HTTP", f"http://127.0.0.1:{self.sink.port}") + "\n}\n")

    def start(self, *options):
        serve = service.Serve(OPTIONS.winnow, "--config", str(self.config), "--threads", "1", *options)
        self.addCleanup(lambda: serve.process.poll() is not None or serve.stop())
        self.serve = serve
        self.http = service.Http(serve.http)
        self.addCleanup(self.http.close)
        return serve

    def check(self, mail=None, more=b""):
        return self.http.check(service.HAM % b"1" if mail is None else mail, headers=ENVELOPE + more)

    def counts(self):
        with service.connect(self.serve.port("controller")) as sock:
            sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = service.read_all(sock).decode()
        out = {}
        for line in text.splitlines():
            if line.startswith("winnow_exports_total{"):
                labels, value = line[len("winnow_exports_total{"):].split("} ")
                rule, result = (part.split('"')[1] for part in labels.split(","))
                out[rule, result] = int(value)
        return out

    def wait_for_count(self, rule, result, count):
        # What was sent is counted when the server's answer was read, which no event outside tells.
        service.wait_until(lambda: self.raise_unless(self.counts()[rule, result] >= count),
                           self.serve.process)

    @staticmethod
    def raise_unless(good):
        if not good:
            raise OSError

    def test_http(self):
        self.configure("""
  MAIL { backend = http; url = "HTTP/mail"; }
  JSON { backend = http; url = "HTTP/json"; formatter = json; mime_type = "application/json";
         user = "u"; password = "%s"; }
  BOTH { backend = http; url = "HTTP/both"; formatter = json_with_message; }
  PARTS { backend = http; url = "HTTP/parts"; formatter = multipart; }
  ALERT { backend = http; url = "HTTP/alert"; formatter = email_alert; }
  META { backend = http; url = "HTTP/meta"; meta_headers = true; meta_header_prefix = "X-My-"; }
  PACKED { backend = http; url = "HTTP/packed"; gzip = true; formatter = json; }
  SPAM { backend = http; url = "HTTP/spam"; selector = is_spam; }
  USERS { backend = http; url = "HTTP/users"; selector = is_spam_authed; }
""" % PASSWORD)
        serve = self.start()
        reply = self.check()
        self.assertNotIn("EXPORT", json.dumps(reply["symbols"]))
        self.assertEqual(self.sink.wait("/mail")[2], service.HAM % b"1")
        path, headers, body = self.sink.wait("/json")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(headers["Authorization"], "Basic dTpzM2NyZXQtd29yZA==")
        data = json.loads(body)
        self.assertEqual(set(data), ALL)
        self.assertEqual((data["from"], data["rcpt"], data["ip"], data["qid"], data["user"]),
                         ("anna@example.org", ["ben@example.net", "carl@example.net"], "192.0.2.5", "Q7",
                          "unknown"))
        self.assertEqual((data["action"], data["score"]), (reply["action"], reply["score"]))
        self.assertEqual({one["name"] for one in data["symbols"]}, set(reply["symbols"]))
        self.assertEqual(data["header_from"], ["Anna Letter <anna@example.org>"])
        self.assertEqual((data["subject"], data["header_subject"]), ("notes", ["notes"]))
        both = json.loads(self.sink.wait("/both")[2])
        self.assertEqual(set(both), ALL | {"message"})
        self.assertEqual(both["message"].encode(), service.HAM % b"1")
        _, headers, body = self.sink.wait("/parts")
        form = email.message_from_bytes(
            b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        metadata, message = form.get_payload()
        self.assertEqual(form.get_content_type(), "multipart/form-data")
        self.assertEqual(metadata.get_param("name", header="Content-Disposition"), "metadata")
        self.assertEqual(set(json.loads(metadata.get_payload())), ALL)
        self.assertEqual(message.get_content_type(), "message/rfc822")
        self.assertIn(service.HAM % b"1", body)
        self.assertIn(b"\nSubject: Mail filter: ", self.sink.wait("/alert")[2])
        _, headers, body = self.sink.wait("/meta")
        self.assertEqual(body, service.HAM % b"1")
        self.assertEqual(json.loads(headers["X-My-rcpt"]), data["rcpt"])
        self.assertEqual((headers["X-My-action"], headers["X-My-subject"], headers["X-My-user"]),
                         (reply["action"], "notes", "unknown"))
        _, headers, body = self.sink.wait("/packed")
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertEqual(set(json.loads(gzip.decompress(body))), ALL)
        self.assertEqual(self.sink.of("/spam"), [])
        self.assertEqual(self.check(service.SPAM % b"1")["action"], "reject")
        self.sink.wait("/spam")
        self.check(service.SPAM % b"1", b"User: joe\r\n")
        self.assertIn("joe", [json.loads(one[2])["user"] for one in self.sink.wait_all("/json", 3)])
        self.sink.wait("/users")
        self.assertEqual(len(self.sink.of("/users")), 1)
        # Bytes that are no UTF-8 come whole.
        self.check(service.HAM % b"\xff")
        [packed] = [one for one in (json.loads(one[2]) for one in self.sink.wait_all("/both", 4))
                    if "message_encoding" in one]
        self.assertEqual((packed["message_encoding"], base64.b64decode(packed["message"])),
                         ("base64", service.HAM % b"\xff"))
        self.wait_for_count("JSON", "sent", 4)
        self.assertEqual(serve.stop(), 0)
        self.assertNotIn(PASSWORD, "".join(serve.lines))

    def test_redis(self):
        if absent := missing("redis-server"):
            self.skipTest(absent + " is not installed")
        redis = redis_server.RedisServer()
        self.addCleanup(redis.stop)
        listener = redis_server.Connection(redis.socket)
        self.addCleanup(listener.close)
        listener("SUBSCRIBE", "mails")
        self.configure("""
  PUB { backend = redis_pubsub; channel = mails; formatter = json; }
  LOG { backend = redis_stream; stream_key = log; formatter = json; max_len = 1000; }
  EACH { backend = redis_stream; stream_key = each; per_recipient = true; defer = true; }
""", f'servers = "{redis.socket}";')
        self.start()
        self.check()
        kind, channel, body = listener.reply()
        self.assertEqual((kind, channel), (b"message", b"mails"))
        self.assertEqual(set(json.loads(body)), ALL)
        # What mail waits for is there when the answer is.
        for key in ("each:ben@example.net", "each:carl@example.net"):
            [[_, [field, value]]] = redis.ask("XRANGE", key, "-", "+")
            self.assertEqual((field, value), (b"data", service.HAM % b"1"))
        self.wait_for_count("LOG", "sent", 1)
        self.assertEqual(redis.ask("XLEN", "log"), 1)
        redis.kill()
        self.assertEqual(self.check()["action"], "soft reject")

    def test_who_looks_at_a_message_exports_nothing(self):
        self.configure('MAIL { backend = http; url = "HTTP/mail"; }')
        serve = self.start()
        seen = service.HAM % b"9"
        with service.connect(serve.port("controller")) as sock:
            sock.sendall(b"POST /checkv2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(seen), seen))
            self.assertIn(b'"action"', service.read_all(sock))
        self.check()
        self.assertEqual(self.sink.wait("/mail")[2], service.HAM % b"1")
        self.wait_for_count("MAIL", "sent", 1)
        self.assertEqual(self.counts()["MAIL", "sent"], 1)

    def test_mail(self):
        sink = mta.Sink()
        self.addCleanup(sink.stop)
        self.configure("""
  ALERT { backend = send_mail; smtp = "127.0.0.1"; smtp_port = %d; mail_to = ["boss@x.example", "two@x.example"];
          mail_from = "watch@x.example"; formatter = email_alert; email_alert_sender = true;
          email_alert_recipients = true; }
  WHOLE { backend = send_mail; smtp = "127.0.0.1"; smtp_port = %d; mail_to = "archive@x.example"; }
  OWN { backend = send_mail; smtp = "127.0.0.1"; smtp_port = %d; mail_to = "own@x.example";
        formatter = email_alert; email_template = "Subject: ${action}\\n\\n$score of $nothing\\n."; }
""" % (sink.port, sink.port, sink.port))
        self.start()
        # Two subjects: none of them may begin a line of the alert.
        mail = (service.HAM % b"1").replace(b"Subject: notes", b"Subject: notes\r\nSubject: .\r\nTo: x@y.z")
        self.check(mail)
        sink.wait_until(lambda: len(sink.mail) == 3, "three mails")
        got = {tuple(rcpt): raw for rcpt, raw in sink.mail}
        [alert] = [raw for rcpt, raw in got.items() if rcpt[0] == "boss@x.example"]
        self.assertIn(("boss@x.example", "two@x.example", "anna@example.org", "ben@example.net",
                       "carl@example.net"), got)
        self.assertIn(b'From: "Winnow" <watch@x.example>\r\nTo: <boss@x.example>, <two@x.example>, ', alert)
        self.assertIn(b"\r\nTo:         Ben <ben@example.net>\r\n\tx@y.z\r\n", alert)
        self.assertIn(b"\r\nSubject:    notes\r\n\t.\r\n", alert)
        self.assertIn(b"\r\nRecipients: ben@example.net, carl@example.net\r\n", alert)
        self.assertEqual(got[("archive@x.example",)], mail)
        self.assertRegex(got[("own@x.example",)], rb"^Subject: [a-z ]+\r\n\r\n[-0-9.]+ of nothing\r\n\.\r\n$")

    def test_mail_that_waits(self):
        dead, port = dead_port()
        self.addCleanup(dead.close)
        self.configure("""
  MUST { backend = http; url = "http://127.0.0.1:%d/"; formatter = json; defer = true; }
  ALSO { backend = http; url = "HTTP/also"; formatter = json; selector = is_not_soft_reject; }
  TOLD { backend = http; url = "HTTP/told"; formatter = json; }
""" % port)
        self.start()
        reply = self.check()
        self.assertEqual((reply["action"], reply["messages"], reply["passthrough_module"]),
                         ("soft reject", {"smtp_message": "deferred"}, "metadata_exporter"))
        self.assertEqual(json.loads(self.sink.wait("/told")[2])["action"], "soft reject")
        self.assertEqual(self.sink.of("/also"), [])
        self.serve.wait_for("export MUST: 1 failed, 0 dropped: ")
        milter = service.Milter(service.connect(self.serve.milter))
        self.addCleanup(milter.close)
        self.assertEqual(milter.scan(service.HAM % b"2")[-1], (b"y", b"451 4.7.1 deferred\0"))
        # It is as it was once the server is there; what it says of the message is what it would have
        # been without it. A reload takes the new rules.
        self.configure('MUST { backend = http; url = "HTTP/must/204"; formatter = json; defer = true; }\n'
                       'BAD { backend = http; url = "HTTP/bad/500"; defer = true; selector = is_reject; }')
        self.serve.process.send_signal(signal.SIGHUP)
        self.serve.wait_for("rules reloaded")
        reply = self.check()
        self.assertEqual(json.loads(self.sink.wait("/must/204")[2])["action"], reply["action"])
        self.assertNotEqual(reply["action"], "soft reject")
        self.assertEqual(self.check(service.SPAM % b"1")["action"], "soft reject")
        self.assertEqual(json.loads(self.sink.wait("/must/204", 2)[2])["action"], "reject")
        self.assertEqual(len(self.sink.of("/must/204")), 2)
        # In a scan nobody sends, and nothing is deferred.
        (self.folder / "m.eml").write_bytes(service.HAM % b"3")
        seen = len(self.sink.requests)
        done = subprocess.run([OPTIONS.winnow, "scan", "--config", self.config, "--format", "jsonl",
                               self.folder / "m.eml"], capture_output=True, check=True)
        self.assertNotEqual(json.loads(done.stdout)["action"], "soft reject")
        self.assertEqual(len(self.sink.requests), seen)

    def test_a_silent_server(self):
        silent = SilentPort()
        self.addCleanup(silent.stop)
        self.configure("""
  SLOW { backend = http; url = "http://127.0.0.1:%d/"; timeout = 60s; }
  TOLD { backend = http; url = "HTTP/told"; }
""" % silent.port)
        self.start()
        large = (service.HAM % b"1") + b"a word\r\n" * 500_000
        for _ in range(8):  # more than the share of SLOW holds
            self.assertNotEqual(self.check(large)["action"], "soft reject")
        self.sink.wait("/told", 8)
        counts = self.counts()
        self.assertGreaterEqual(counts["SLOW", "dropped"], 1)
        self.assertEqual(counts["SLOW", "sent"], 0)
        # Its end does not wait for the server either: nothing here waits for 60 s.
        self.assertEqual(self.serve.stop(), 0)
        self.serve.wait_for("export SLOW: 0 failed, 1 dropped: no room")

    def test_a_silent_server_that_mail_waits_for(self):
        silent = SilentPort()
        self.addCleanup(silent.stop)
        self.configure('MUST { backend = http; url = "http://127.0.0.1:%d/"; timeout = 200ms; defer = true; }'
                       % silent.port)
        self.start()
        results = []

        def one():
            http = service.Http(self.serve.http)
            results.append(http.check(service.HAM % b"1", headers=ENVELOPE)["action"])
            http.close()
        clients = [threading.Thread(target=one) for _ in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual(results, ["soft reject"] * 20)
        # Its own time is over before the rule's.
        self.configure('MUST { backend = http; url = "http://127.0.0.1:%d/"; timeout = 60s; defer = true; }'
                       % silent.port)
        (self.folder / "local.d/options.inc").write_text("task_timeout = 200ms;\n")
        self.assertEqual(self.serve.stop(), 0)
        self.start()
        self.assertEqual(self.check()["action"], "soft reject")

    def test_what_cannot_be_done(self):
        self.configure("""
  LUA { backend = http; url = "HTTP/x"; selector = only_big; }
  PACK { backend = http; url = "HTTP/x"; formatter = msgpack; }
  RAW { backend = json_raw_tcp; host = "127.0.0.1"; }
  NEAR { backend = htp; url = "HTTP/x"; }
  NONE { url = "HTTP/x"; }
  NOURL { backend = http; }
  JSONMAIL { backend = send_mail; smtp = "x"; formatter = json; }
  GOOD { backend = http; url = "HTTP/good"; keepalive = true; read_timeout = 1s; }
""", 'custom_select { only_big = "return function() end"; }\nselect = "return 1";')
        done = subprocess.run([OPTIONS.winnow, "configtest", "--config", self.config], capture_output=True,
                              text=True)
        said = done.stdout + done.stderr
        for line, text in ((5, "The export LUA has the selector only_big, which is Lua"),
                           (6, "The export PACK has the formatter msgpack, which is not there yet"),
                           (7, "The export RAW has the backend json_raw_tcp, which is not there yet"),
                           (8, "The export NEAR has the backend htp, which nothing here knows"),
                           (9, "The export NONE has no backend"), (10, "The export NOURL has no url"),
                           (11, "The export JSONMAIL sends mail"),
                           (12, "The export GOOD: keepalive does nothing"),
                           (12, "The export GOOD: read_timeout does nothing"),
                           (2, "metadata_exporter.select is Lua")):
            [found] = [one for one in said.splitlines() if text in one]
            self.assertIn("metadata_exporter.conf:%d:" % line, found)
        self.start()
        self.check()
        self.sink.wait("/good")

    def test_old_style(self):
        (self.folder / "local.d/metadata_exporter.conf").write_text(
            'pusher_enabled = ["http"]; pusher_format { http = json; } pusher_select { http = is_spam; }\n'
            f'url = "http://127.0.0.1:{self.sink.port}/old";\n')
        self.start()
        self.check()
        self.check(service.SPAM % b"1")
        self.assertEqual(json.loads(self.sink.wait("/old")[2])["action"], "reject")
        self.assertEqual(len(self.sink.of("/old")), 1)


if __name__ == "__main__":
    run_tests()
