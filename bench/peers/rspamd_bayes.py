"""Debian's rspamd with its statistics in a Redis: what it learns, and how probable it takes a message for
spam."""
import json
import socket

import engines

# bayes_prob is what rspamd's classifier found, whether or not it gave a symbol.
LUA = """
rspamd_config:register_symbol{
  name = "TEST_PROBABILITY", type = "postfilter", score = 0, priority = 10,
  callback = function(task)
    local found = task:get_mempool():get_variable("bayes_prob", "double")
    if found then task:insert_result("TEST_PROBABILITY", 1.0, string.format("%.17g", found)) end
  end
}
"""


def post(port, path, mail, *headers):
    """Status and answer of an HTTP request; JSON as what it says."""
    with socket.create_connection(("127.0.0.1", port), 120) as sock:
        head = f"POST {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(mail)}\r\n"
        sock.sendall((head + "".join(one + "\r\n" for one in headers) + "\r\n").encode() + mail)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), json.loads(body) if body[:1] == b"{" else body


class RspamdBayes(engines.Rspamd):
    def __init__(self, work, redis, min_learns=10):
        self.redis, self.min_learns = redis, min_learns
        self.controller = engines.free_port()
        super().__init__(work)

    def configure(self, local):
        own = self.work / "override.d"
        (own / "worker-controller.inc").write_text(
            f'enabled = true; bind_socket = "127.0.0.1:{self.controller}"; count = 1;\n'
            'secure_ip = ["127.0.0.1"];\n')
        (own / "classifier-bayes.conf").write_text(
            f'enabled = true; servers = "{self.redis}"; timeout = 60s; backend = "redis"; '
            f'min_learns = {self.min_learns};\nautolearn = false;\n')
        (self.work / "rspamd.local.lua").write_text(LUA)

    def learn(self, spam, mail):
        """Whether it was learnt: some messages have too little for it."""
        status, _ = post(self.controller, "/learnspam" if spam else "/learnham", mail,
                         "Learn-Type: bulk")
        return status == 200

    def probability(self, mail):
        _, answer = post(self.port, "/checkv2", mail, "Pass: all")
        options = answer["symbols"].get("TEST_PROBABILITY", {}).get("options", [])
        return float(options[0]) if options else None
