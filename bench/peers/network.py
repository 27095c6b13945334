#!/usr/bin/env python3
"""Winnow and Debian's rspamd with their lists on, against one name server on loopback that takes 5 ms
an answer and loses every tenth question: CPU a message, wall time of all, packets to the server,
memory.

Both ask lists the same: ours are set to what rspamd's version asks (engines.LISTS_OF_3_4); a row
of its own says what ours cost, which are of a later version and ask more. Both get the same requests
over HTTP (/checkv2, with the client's address), so many at a time as --in-flight says; each engine is
measured at its best of these. Cold: the first time that it sees the messages; warm: the second time.
The server says of every name that it does not exist. Deadline and tries are the same for both: 8 s a
message, 1 s a try, 5 tries."""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

import engines

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
HOP = re.compile(rb"\[(?:IPv6:)?((?:\d{1,3}\.){3}\d{1,3})\]")
DNS = ('dns { nameserver = ["127.0.0.1:%d"]; timeout = 1s; retransmits = 5; }\n'
       "task_timeout = 8s;\n")


class NameServer:
    """`dead`: top-level domains, at most one, that it does not answer for."""

    def __init__(self, work, delay_ms, lose, *dead):
        binary = pathlib.Path(work) / "name_server"
        subprocess.run(["g++", "-O2", "-std=c++20", "-I", SOURCE, "-o", binary,
                        HERE / "name_server.cc"], check=True)
        self.process = subprocess.Popen([binary, str(delay_ms), str(lose), *dead], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.port = int(self.process.stdout.readline().split()[1])

    def asked(self):
        self.process.stdin.write("\n")
        return int(self.process.stdout.readline().split()[1])

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


class Rspamd(engines.Rspamd):
    OFF = [name for name in engines.Rspamd.OFF
           if name not in ("rbl", "dkim", "spf", "dmarc", "asn", "phishing", "whitelist", "arc")]
    dns_port = 0

    def configure(self, local):
        (local / "options.inc").write_text(
            DNS % self.dns_port + "disable_monitoring = true;\nmap_watch_interval = 1d;\n"
            f'control_socket = "{self.work}/control.sock mode=0600";\npidfile = "{self.work}/pid";\n')
        (self.work / "override.d" / "phishing.conf").write_text("openphish_enabled = false;\n")


def make_winnow(binary, work, dns_port, lists):
    site = pathlib.Path(work) / "site"
    (site / "local.d").mkdir(parents=True)
    (site / "rspamd.conf").touch()
    (site / "local.d/options.inc").write_text(DNS % dns_port + "disable_monitoring = true;\n")
    (site / "local.d/rbl.conf").write_text(lists)
    return engines.WinnowServe(binary, work, "--config", site / "rspamd.conf",
                               "--var", f"DBDIR={work}")  # what this machine learnt is not its own


def scan(port, message):
    hop = HOP.search(message)
    fields = ["Helo: mx.sender.example", "Hostname: mx.sender.example", "From: <anna@sender.example>"]
    if hop:
        fields.append("IP: " + hop.group(1).decode())
    return engines.check(port, message, fields)["action"]


def pass_over(engine, server, messages, in_flight):
    """{cpu_us, wall_s, packets, mb} of one pass."""
    cpu, asked, start = engines.cpu_of(engine.pids()), server.asked(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(lambda one: scan(engine.port, one), messages))
    wall = time.monotonic() - start
    return {"cpu_us": (engines.cpu_of(engine.pids()) - cpu) * 1e6 / len(messages),
            "wall_s": wall, "packets": server.asked() - asked,
            "mb": engines.peak_mb(engine.pids())}


def measure(name, args, messages, numbers, lists=engines.LISTS_OF_3_4):
    """Cold and warm passes of an engine at its best of some numbers in flight."""
    best = None
    for in_flight in numbers:
        with tempfile.TemporaryDirectory(prefix="winnow-network-") as work:
            os.chmod(work, 0o755)
            server = NameServer(work, args.delay_ms, args.lose)
            Rspamd.dns_port = server.port
            engine = (Rspamd(work) if name == "rspamd"
                      else make_winnow(args.winnow, work, server.port, lists))
            try:
                cold = pass_over(engine, server, messages, in_flight)
                warm = pass_over(engine, server, messages, in_flight)
            finally:
                engine.stop()
                server.stop()
        print(f"  {name}, {in_flight} in flight: cold {cold['cpu_us']:.0f} us CPU a message, "
              f"{cold['wall_s']:.1f} s, {cold['packets']} packets; warm {warm['cpu_us']:.0f} us, "
              f"{warm['wall_s']:.1f} s, {warm['packets']} packets; {warm['mb']:.0f} MB",
              file=sys.stderr)
        if not best or cold["wall_s"] < best[1]["wall_s"]:
            best = (in_flight, cold, warm)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default=os.environ.get("WINNOW_MAIL"),
                        help="a folder of messages; without it $WINNOW_MAIL")
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[50, 500, 2000])
    parser.add_argument("--delay-ms", type=int, default=5)
    parser.add_argument("--lose", type=int, default=10)
    args = parser.parse_args()
    if not args.corpus:
        parser.error("no corpus: name a folder of messages, or set WINNOW_MAIL")
    files = sorted(path for path in pathlib.Path(args.corpus).rglob("*") if path.is_file())
    random.Random(1).shuffle(files)
    messages = [path.read_bytes() for path in files[:args.sample]]
    if not messages:
        sys.exit(f"network: no messages in {args.corpus}")
    ours, theirs = [measure(name, args, messages, args.in_flight) for name in ("winnow", "rspamd")]
    shipped = measure("winnow", args, messages, [ours[0]], lists="")
    print(f"\n{len(messages)} messages, {args.delay_ms} ms an answer, {args.lose} % lost; "
          f"{engines.cpu_model()}, commit {engines.git_commit()}, rspamd "
          f"{engines.package_version('rspamd')}\n")
    print("| | in flight | CPU us a message | wall s | packets cold | packets warm | peak MB |\n"
          "|---|---|---|---|---|---|---|")
    for name, (in_flight, cold, warm) in (
            ("Winnow", ours), ("Winnow, lists as it ships them", shipped), ("rspamd", theirs)):
        print(f"| {name} | {in_flight} | {cold['cpu_us']:.0f} | {cold['wall_s']:.1f} | "
              f"{cold['packets']} | {warm['packets']} | {warm['mb']:.0f} |")
    print("\n| rspamd to Winnow | is | wanted |\n|---|---|---|")
    for what, is_, wanted in (
            ("CPU a message", theirs[1]["cpu_us"] / ours[1]["cpu_us"], 8),
            ("wall time", theirs[1]["wall_s"] / ours[1]["wall_s"], 5),
            ("packets, cold", theirs[1]["packets"] / max(1, ours[1]["packets"]), 2),
            ("packets, warm", theirs[2]["packets"] / max(1, ours[2]["packets"]), 10)):
        print(f"| {what} | {is_:.1f} | {wanted} |")


if __name__ == "__main__":
    main()
