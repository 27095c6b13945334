"""A name server on loopback that is as bad as name servers are.

Names of `records` are answered from it. Every other name says by its last label what becomes of its
question, and its address is 192.0.2.1 where it has one: see Answering below. Everything that was
asked is kept, by transport."""
import random
import socket
import struct
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28,
         "SRV": 33}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
TTL_S = 300
ADDRESS = "192.0.2.1"


def wire_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode("latin-1")
    return out + b"\0"


def wire_text(text):
    """Character-strings of at most 255 bytes."""
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    pieces = [data[i:i + 255] for i in range(0, len(data), 255)] or [b""]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


def wire_data(kind, value):
    if isinstance(value, bytes):
        return value
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind in ("NS", "CNAME", "PTR"):
        return wire_name(value)
    if kind == "TXT":
        return wire_text(value)
    words = value.split()
    if kind == "MX":
        return struct.pack(">H", int(words[0])) + wire_name(words[1])
    if kind == "SRV":
        return struct.pack(">HHH", *map(int, words[:3])) + wire_name(words[3])
    if kind == "SOA":
        return wire_name(words[0]) + wire_name(words[1]) + struct.pack(">5I", *map(int, words[2:]))
    raise ValueError(kind)


def record(name, kind, value, ttl=TTL_S, klass=1):
    data = wire_data(kind, value)
    return wire_name(name) + struct.pack(">HHIH", TYPES[kind], klass, ttl, len(data)) + data


class Query:
    """A question as it came."""

    def __init__(self, packet):
        self.id, self.flags, questions = struct.unpack(">HHH", packet[:6])
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
            at += 1 + packet[at]
        self.question = packet[12:at + 5]
        self.type = struct.unpack(">H", packet[at + 1:at + 3])[0]
        self.name = ".".join(labels)
        self.edns = packet[10:12] == b"\0\1"
        self.wants_ad = bool(self.flags & 0x20)
        if questions != 1:
            raise ValueError("one question at a time")

    def kind(self):
        return next((kind for kind, number in TYPES.items() if number == self.type), "")

    def reply(self, answers=(), rcode=NOERROR, authority=(), flags=0x8180, question=None,
              number=None, counts=None):
        head = struct.pack(">HHHHHH", self.id if number is None else number, flags | rcode, 1,
                           *(counts or (len(answers), len(authority))), 0)
        return head + (question or self.question) + b"".join(answers) + b"".join(authority)


class Answering:
    """One function a fault; `name` is in lower case. Each gives packets to send, or none."""

    def drop(self, query, server):
        return []

    def servfail(self, query, server):
        return [query.reply(rcode=SERVFAIL)]

    def refused(self, query, server):
        return [query.reply(rcode=REFUSED)]

    def notimp(self, query, server):
        return [query.reply(rcode=NOTIMP)]

    def formerr(self, query, server):
        """Of an old server that does not understand EDNS (RFC 6891 7)."""
        if query.edns:
            return [query.reply(rcode=FORMERR)]
        return self.good(query, server)

    def nxdomain(self, query, server):
        return [query.reply(rcode=NXDOMAIN, authority=[soa()])]

    def nodata(self, query, server):
        return [query.reply(authority=[soa()])]

    def good(self, query, server):
        if query.kind() != "A":
            return self.nodata(query, server)
        return [query.reply([record(query.name, "A", ADDRESS)])]

    def once(self, query, server):
        """The first packet is lost."""
        return [] if server.count(query.name) == 1 else self.good(query, server)

    def slow(self, query, server):
        server.released.wait(60)
        return self.good(query, server)

    def wrongid(self, query, server):
        forged = query.reply([record(query.name, "A", "203.0.113.66")], number=query.id ^ 0x5555)
        return [forged, *self.good(query, server)]

    def wrongidonly(self, query, server):
        return [query.reply([record(query.name, "A", "203.0.113.66")], number=query.id ^ 0x5555)]

    def wrongquestion(self, query, server):
        other = wire_name("other.example") + struct.pack(">HH", query.type, 1)
        forged = query.reply([record(query.name, "A", "203.0.113.66")], question=other)
        return [forged, *self.good(query, server)]

    def wrongtype(self, query, server):
        other = wire_name(query.name) + struct.pack(">HH", TYPES["TXT"], 1)
        forged = query.reply([record(query.name, "A", "203.0.113.66")], question=other)
        return [forged, *self.good(query, server)]

    def aside(self, query, server):
        """Records of a name that nobody asked for say nothing."""
        return [query.reply([record("other.example", "A", "203.0.113.66")])]

    def loop(self, query, server):
        """The owner's name is a pointer to itself."""
        at = 12 + len(query.question)
        data = struct.pack(">H", 0xC000 | at) + struct.pack(">HHIH", 1, 1, TTL_S, 4) + b"\1\2\3\4"
        return [query.reply([data])]

    def forward(self, query, server):
        """A pointer to what comes later, which points back."""
        at = 12 + len(query.question)
        data = struct.pack(">HHHIH", 0xC000 | (at + 12), 1, 1, TTL_S, 4)
        return [query.reply([data + struct.pack(">H", 0xC000 | at) + b"\0\0"])]

    def short(self, query, server):
        return [self.good(query, server)[0][:-3]]

    def head(self, query, server):
        return [query.reply()[:11]]

    def lies(self, query, server):
        """Counts of records that are not there."""
        return [query.reply([record(query.name, "A", ADDRESS)], counts=(65535, 65535))]

    def chain(self, query, server):
        """A chain of aliases without an end, one a question."""
        first, _, rest = query.name.partition(".")
        number = int(first[1:] or 0) if first[1:].isdigit() else 0
        return [query.reply([record(query.name, "CNAME", "c%d.%s" % (number + 1, rest))])]

    def ring(self, query, server):
        """Two aliases of each other."""
        other = "b" + query.name
        return [query.reply([record(query.name, "CNAME", other),
                             record(other, "CNAME", query.name)])]

    def aliases(self, query, server):
        """Three aliases and an address, in the worst order."""
        names = ["n%d.%s" % (i, query.name) for i in range(3)]
        chain = [query.name, *names]
        answers = [record(names[-1], "A", ADDRESS, ttl=900)]
        for i in reversed(range(3)):
            answers.append(record(chain[i], "CNAME", chain[i + 1], ttl=60 + i))
        return [query.reply(answers)]

    def big(self, query, server):
        """Fits no datagram: truncated by UDP, 60 kB by TCP."""
        if not server.by_tcp():
            return [query.reply(flags=0x8380)]
        return [query.reply([record(query.name, "TXT", "v" * 60_000)])]

    def many(self, query, server):
        """As many records as 64 kB hold."""
        if not server.by_tcp():
            return [query.reply(flags=0x8380)]
        one = struct.pack(">HHHIH", 0xC00C, 1, 1, TTL_S, 4)
        return [query.reply([one + struct.pack(">I", i) for i in range(4000)])]

    def truncated(self, query, server):
        """Truncated by TCP, too."""
        return [query.reply(flags=0x8380)]

    def hangup(self, query, server):
        """Truncated by UDP; its TCP says nothing."""
        return [] if server.by_tcp() else [query.reply(flags=0x8380)]

    def noise(self, query, server):
        return [query.id.to_bytes(2, "big") + random.Random(query.name).randbytes(200)]


def soa(zone="example", ttl=120, minimum=60):
    return record(zone, "SOA", "ns.%s root.%s 1 2 3 4 %d" % (zone, zone, minimum), ttl=ttl)


class NameServer:
    """Listens on a free port of 127.0.0.1, or on `port`. `records`: {(name, kind): [values]}.
    `delay_s` before each answer; every `lose`-th question by UDP is lost."""

    def __init__(self, records=None, port=0, delay_s=0, lose=0):
        self.records = {(name.lower(), kind): values
                        for (name, kind), values in (records or {}).items()}
        self.ttl = {}
        self.delay_s, self.lose = delay_s, lose
        self.faults = Answering()
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.came = threading.Condition(self.lock)
        self.asked = []  # (name as it came, kind, "udp" or "tcp")
        self.ports = set()  # of those who ask
        self.edns, self.ad = 0, 0
        self.local = threading.local()
        for _ in range(100):
            self.tcp = socket.socket()
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.tcp.bind(("127.0.0.1", port))
            self.port = self.tcp.getsockname()[1]
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind(("127.0.0.1", self.port))
                break
            except OSError:  # the port is free for TCP alone
                self.tcp.close()
                self.udp.close()
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.tcp.listen(64)
        self.address = "127.0.0.1:%d" % self.port
        self.threads = [threading.Thread(target=one, daemon=True)
                        for one in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.released.set()
        for one in (self.udp, self.tcp):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def by_tcp(self):
        return getattr(self.local, "tcp", False)

    def count(self, name=None):
        """How often a name was asked; all questions without one."""
        with self.lock:
            return sum(1 for one in self.asked if name is None or one[0].lower() == name.lower())

    def wait_for(self, name, seconds):
        """Whether it was asked, sooner or later."""
        with self.came:
            return self.came.wait_for(
                lambda: any(one[0].lower() == name.lower() for one in self.asked), seconds)

    def take(self):
        """What was asked since the last take(). All that was sent by UDP before this call is in it,
        copies that came late too: they would otherwise count as asked by the next one."""
        mark = "mark-%d.invalid" % random.getrandbits(48)
        query = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + wire_name(mark) + b"\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            while True:  # a full buffer loses packets
                s.sendto(query, ("127.0.0.1", self.port))
                if self.wait_for(mark, 1):
                    break
        with self.lock:
            asked, self.asked = [one for one in self.asked if one[0] != mark], []
        return asked

    def answer(self, packet, tcp, peer):
        """Packets to send for one."""
        try:
            query = Query(packet)
        except (ValueError, IndexError, struct.error):
            return []
        self.local.tcp = tcp
        with self.lock:
            self.asked.append((query.name, query.kind(), "tcp" if tcp else "udp"))
            self.came.notify_all()
            self.ports.add(peer[1])
            self.edns += query.edns
            self.ad += query.wants_ad
            lost = self.lose and not tcp and len(self.asked) % self.lose == 0
        if lost:
            return []
        return self.look(query)

    def look(self, query):
        name = query.name.lower()
        values = self.records.get((name, query.kind()))
        if values is None:
            values, kind = self.records.get((name, "CNAME")), "CNAME"
        else:
            kind = query.kind()
        if values is not None:
            ttl = self.ttl.get(name, TTL_S)
            flags = 0x81A0 if query.wants_ad else 0x8180
            return [query.reply([record(query.name, kind, value, ttl) for value in values],
                                flags=flags)]
        fault = getattr(self.faults, name.rpartition(".")[2], None)
        if fault:
            return fault(query, self)
        if any(known == name for known, _ in self.records):
            return self.faults.nodata(query, self)
        return self.faults.nxdomain(query, self)

    def later(self, packet, peer):
        for one in self.answer(packet, False, peer):
            try:
                self.udp.sendto(one, peer)
            except OSError:
                return

    def serve_udp(self):
        while not self.released.is_set():
            try:
                packet, peer = self.udp.recvfrom(65536)
            except OSError:
                return
            if self.delay_s:
                timer = threading.Timer(self.delay_s, self.later, (packet, peer))
                timer.daemon = True
                timer.start()
            elif packet.rstrip(b"\0").endswith(b"\4slow") or b"\4slow\0" in packet:
                threading.Thread(target=self.later, args=(packet, peer), daemon=True).start()
            else:
                self.later(packet, peer)

    def serve_tcp(self):
        while not self.released.is_set():
            try:
                connection, peer = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(connection, peer),
                             daemon=True).start()

    def serve_connection(self, connection, peer):
        with connection, connection.makefile("rb") as file:
            try:
                while length := file.read(2):
                    packet = file.read(int.from_bytes(length, "big"))
                    for one in self.answer(packet, True, peer):
                        connection.sendall(len(one).to_bytes(2, "big") + one)
            except OSError:
                pass


def main():
    """By hand: a name server at a port, each question printed."""
    import argparse
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0, help="seconds before each answer")
    parser.add_argument("--lose", type=int, default=0, help="every N-th question is lost")
    options = parser.parse_args()
    with NameServer(port=options.port, delay_s=options.delay, lose=options.lose) as server:
        print(server.address, flush=True)
        shown = 0
        while True:
            time.sleep(0.2)
            with server.lock:
                fresh, shown = server.asked[shown:], len(server.asked)
            for name, kind, transport in fresh:
                print(kind, name, transport, flush=True)


if __name__ == "__main__":
    main()
