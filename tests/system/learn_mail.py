"""Mail of two vocabularies, so that what is learnt decides and nothing else, and the program that
learns it."""
import json
import random
import subprocess

from test_program import OPTIONS

SPAM = "lottery casino winner million jackpot bonus prize claim urgent dollars betting".split()
HAM = "meeting report compiler garden minutes review branch lunch thursday patch agenda".split()
NEWS = "subscribe headline edition editor weekly column interview cinema concert gallery".split()
BILLS = "invoice amount payable reference account vat total due iban customer contract".split()


def message(words, number):
    chance = random.Random(f"{words[0]} {number}")
    text = " ".join(chance.choice(words) for _ in range(60))
    return (f"From: Somebody <s{number}@sender.example>\r\nTo: b@x.example\r\n"
            f"Subject: {chance.choice(words)} {chance.choice(words)}\r\n"
            f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{words[0]}{number}@s.example>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n{text}\r\n").encode()


def json_lines(messages):
    """They as `--read-as jsonl` reads them."""
    return b"".join(json.dumps({"raw": one.decode()}).encode() + b"\n" for one in messages)


def winnow(*arguments, stdin=None):
    return subprocess.run([OPTIONS.winnow, *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=240)
