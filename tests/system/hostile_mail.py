"""Mail made to be expensive, kind by kind: for bench/hostile (time) and hostile_steps.py (steps)."""

import base64

HEAD = b"From: a@b.example\nTo: c@d.example\nSubject: s\nMIME-Version: 1.0\n"


def text(body, kind=b"text/plain", more=b""):
    return HEAD + more + b"Content-Type: " + kind + b"; charset=utf-8\n\n" + body


def html(body):
    return text(body, b"text/html")


def nested(n):
    out = [HEAD]
    for i in range(n):
        out.append(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i))
    return b"".join(out) + b"Content-Type: text/plain\n\nx\n"


def messages_in_messages(n):
    return HEAD + b"Content-Type: message/rfc822\n\n" * n + b"Subject: in\n\nx\n"


def tnef(n):
    return HEAD + b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n" + \
        base64.encodebytes(b"\x78\x9f\x3e\x22\x01\x00" +
                           b"\x02\x0f\x80\x06\x00\x00\x00\x00\x00\x00\x00" * n)


def zip_members(n):
    local, central = [], []
    for i in range(n):
        name = b"%d.exe" % i
        local.append(b"PK\3\4" + b"\0" * 22 + len(name).to_bytes(2, "little") + b"\0\0" + name)
    offset = 0
    for i in range(n):
        name = b"%d.exe" % i
        central.append(b"PK\1\2" + b"\0" * 24 + len(name).to_bytes(2, "little") + b"\0" * 12 +
                       offset.to_bytes(4, "little") + name)
        offset += len(local[i])
    directory = b"".join(central)
    count = min(n, 65535).to_bytes(2, "little")
    end = b"PK\5\6" + b"\0" * 4 + count + count + len(directory).to_bytes(4, "little") + \
        offset.to_bytes(4, "little") + b"\0\0"
    return HEAD + b"Content-Type: application/zip; name=a.zip\n" \
        b"Content-Transfer-Encoding: base64\n\n" + \
        base64.encodebytes(b"".join(local) + directory + end)


# name, message of n units, n, fault expected at 2n (None: no limit is passed)
KINDS = [
    ("headers", lambda n: HEAD + b"X-A: b\n" * n + b"\nx\n", 100_000, "LIMIT_HEADERS"),
    ("header names", lambda n: HEAD + b"".join(b"X-%d: b\n" % i for i in range(n)) + b"\nx\n",
     100_000, "LIMIT_HEADERS"),
    ("folded lines", lambda n: HEAD + b"X-A: b\n" + b" c\n" * n + b"\nx\n", 100_000, None),
    ("received", lambda n: HEAD + b"Received: from a (b [192.0.2.1]) by c; Tue, 20 Oct 2026 "
     b"10:00:00 +0000\n" * n + b"\nx\n", 100_000, "LIMIT_RECEIVED"),
    ("received comments", lambda n: HEAD + b"Received: from a " + b"(" * n + b"\n\nx\n", 100_000,
     None),
    ("addresses", lambda n: HEAD + b"Cc: " + b"a@b.example,\n " * n + b"a@b\n\nx\n", 100_000,
     "LIMIT_ADDRESSES"),
    ("address brackets", lambda n: HEAD + b"Cc: " + b"<" * n + b"\n\nx\n", 100_000, None),
    ("address quotes", lambda n: HEAD + b"Cc: " + b'"(' * n + b"\n\nx\n", 100_000, None),
    ("encoded words", lambda n: HEAD + b"Subject: " + b"=?utf-8?Q?a?=\n " * n + b"\n\nx\n",
     100_000, "LIMIT_ENCODED_WORDS"),
    ("open encoded words", lambda n: HEAD + b"Subject: " + b"=?utf-8?Q?" * n + b"\n\nx\n", 100_000,
     None),
    ("parameters", lambda n: HEAD + b"Content-Type: text/plain" + b";\n a*0=b" * n + b"\n\nx\n",
     400_000, None),
    ("parts", lambda n: HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" +
     b"--b\n\nx\n" * n + b"--b--\n", 100_000, "LIMIT_PARTS"),
    ("nesting", nested, 5_000, "LIMIT_DEPTH"),
    ("messages in messages", messages_in_messages, 100_000, "LIMIT_DEPTH"),
    ("boundary look-alikes", lambda n: HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" +
     b"--bx\n" * n, 100_000, None),
    ("dash lines", lambda n: text(b"-----BEGIN PGP \n" * n), 100_000, None),
    ("open armour", lambda n: text(b"-----BEGIN PGP MESSAGE-----\n" * n), 100_000, None),
    ("open uuencode", lambda n: text(b"begin 644 a\n" * n), 100_000, None),
    ("open yenc", lambda n: text(b"=ybegin line=128 size=1 name=a\n" * n), 100_000, None),
    ("tnef", tnef, 100_000, None),
    ("zip members", zip_members, 60_000, "LIMIT_ARCHIVE"),
    ("one long line", lambda n: text(b"a" * n), 4_000_000, None),
    ("long line beyond the limit", lambda n: text(b"a " * n), 8_000_000, "LIMIT_TEXT"),
    ("quoted-printable", lambda n: text(b"=E9=\n" * n,
     more=b"Content-Transfer-Encoding: quoted-printable\n"), 200_000, None),
    ("flowed", lambda n: text(b"> > a \n" * n, b"text/plain; format=flowed"), 100_000, None),
    ("words", lambda n: text(b"ab " * n), 200_000, None),
    ("spaced letters", lambda n: text(b"a b " * n), 200_000, None),
    ("marks", lambda n: text("a\u0301".encode() * n), 200_000, None),
    ("zero width", lambda n: text("a\u200b".encode() * n), 200_000, None),
    ("han", lambda n: text("\u4e2d\u6587".encode() * n), 100_000, None),
    ("bytes without a charset", lambda n: HEAD + b"\n" + b"\xe9\xe8 " * n, 200_000, None),
    ("urls", lambda n: text(b"".join(b"http://a%d.example/\n" % i for i in range(n))), 100_000,
     "LIMIT_URLS"),
    ("url starts", lambda n: text(b"http://" * n), 100_000, None),
    ("url brackets", lambda n: text(b"http://a.example/" + b"((" * n), 400_000, None),
    ("dots", lambda n: text(b"a." * n), 800_000, None),
    ("at signs", lambda n: text(b"a@" * n), 200_000, None),
    ("angles", lambda n: text(b"<http://a.example/\n" * n), 100_000, None),
    ("html tags", lambda n: html(b"<p>" * n), 100_000, None),
    ("html nesting", lambda n: html(b"<div>" * n), 100_000, "LIMIT_HTML"),
    ("html tables", lambda n: html(b"<table><tr><td>" * n), 60_000, "LIMIT_HTML"),
    ("html closings", lambda n: html(b"<b>" + b"</i>" * n), 100_000, None),
    ("html attributes", lambda n: html(b"<p " + b"a=b " * n + b">"), 200_000, None),
    ("html open tags", lambda n: html(b"<a " * n), 200_000, None),
    ("html open comments", lambda n: html(b"<!-- " * n), 200_000, None),
    ("html entities", lambda n: html(b"&amp;&notanentity" * n), 100_000, None),
    ("html styles", lambda n: html(b"<p style='" + b"color:red;" * n + b"'>x"), 100_000, None),
    ("html sheet", lambda n: html(b"<style>" + b".a{color:red}" * n + b"</style><p class=a>x"),
     100_000, None),
    ("html links", lambda n: html(b"".join(b"<a href=http://a%d.example/>x</a>" % i
                                           for i in range(n))), 60_000, "LIMIT_HTML"),
    ("html formats", lambda n: html(b"<p><font color=red>x" * n), 60_000, None),
    ("html nested rules", lambda n: html(b"<style>" + b".a{b{c{d{" * n + b"</style>x"), 60_000,
     None),
    ("html links in one", lambda n: html(b"<a href=http://a.example/>" * n + b"x"), 60_000, None),
]


def attachments(n):
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"".join(
        b"--b\nContent-Type: application/octet-stream\n"
        b"Content-Disposition: attachment; filename=\"invoice %d.pdf .exe\"\n\nx\n" % i
        for i in range(n)) + b"--b--\n"


def pdf(body):
    return HEAD + b"Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64" \
        b"\n\n" + base64.encodebytes(b"%PDF-1.4\n" + body + b"trailer <</Root 1 0 R>>\n%%EOF\n")


def long_values(fill):
    """Many headers that rules read, each with a long value."""
    names = (b"Message-ID", b"X-Mailer", b"User-Agent", b"Date", b"Reply-To", b"Return-Path",
             b"Received", b"List-Unsubscribe", b"List-Id", b"References", b"In-Reply-To",
             b"X-Originating-IP", b"Organization", b"Sender", b"Authentication-Results",
             b"Content-Transfer-Encoding", b"X-Priority", b"Delivered-To")
    return lambda n: HEAD.replace(b"Subject: s", b"Subject: " + fill * n) + b"".join(
        name + b": " + fill * n + b"\n" for name in names) + b"\nx\n"


# What checks and patterns of the policy look at, again and again: name, message of n units, fault
# where there is a limit.
RULE_KINDS = [
    ("recipients", lambda n: HEAD + b"Cc: " + b"".join(b"a%d@b%d.example,\n " % (i, i)
     for i in range(n)) + b"a@b\n\nx\n", "LIMIT_ADDRESSES"),
    ("recipients alike", lambda n: HEAD + b"Cc: " + b"".join(b"same%06d@b.example,\n " % (n - i)
     for i in range(n)) + b"a@b\n\nx\n", "LIMIT_ADDRESSES"),
    ("references", lambda n: HEAD + b"References: " + b"<a@b.example>\n " * n + b"\n\nx\n",
     None),
    ("dkim signatures", lambda n: HEAD + b"DKIM-Signature: v=1; a=rsa-sha256; d=b.example; s=s;\n"
     b" h=from:to:subject; bh=AAAA; b=AAAA\n" * n + b"\nx\n", "LIMIT_HEADERS"),
    ("results of others", lambda n: HEAD + b"Authentication-Results: mx.example; " +
     b"spf=pass smtp.mailfrom=a@b.example;\n dkim=pass header.d=b.example;\n " * n + b"\n\nx\n",
     None),
    ("flags of others", lambda n: HEAD + b"X-Spam-Flag: YES\nX-Spam-Status: Yes, score=9\n" * n +
     b"\nx\n", "LIMIT_HEADERS"),
    ("attachments", attachments, "LIMIT_PARTS"),
    ("pdf objects", lambda n: pdf(b"1 0 obj <</S /JavaScript /JS (a) /OpenAction 1 0 R>> endobj\n"
     * n), None),
    ("pdf streams", lambda n: pdf(b"1 0 obj <</Length 1>> stream\nx\nendstream endobj\n" * n),
     None),
    ("links shown as others", lambda n: html(b"".join(
        b"<a href=http://a%d.example/>http://b%d.example/</a> " % (i, i) for i in range(n))),
     "LIMIT_HTML"),
    ("images", lambda n: html(b"".join(
        b"<a href=http://a.example/><img src=http://i%d.example/x.png width=1 height=1></a>" % i
        for i in range(n))), "LIMIT_HTML"),
    ("hidden text", lambda n: html(b"<span style='display:none'>hidden words</span> seen " * n),
     None),
    ("forms", lambda n: html(b"<form action=http://a.example/><input type=password></form>" * n),
     None),
    ("odd hosts", lambda n: text(b"".join(
        b"http://user:word@%d.0x7f.1:8080/%%41?u=http://b.example/\n" % i for i in range(n))),
     "LIMIT_URLS"),
    ("wallets", lambda n: text(b"send 1BoatSLRHtKNngkdXEeobR76b53LETtpyT now " * n), None),
    ("two scripts", lambda n: text("p\u0430yp\u0430l \u0440ay ".encode() * n), None),
    ("urgent wording", lambda n: text(b"dear customer your account is suspended verify now " * n),
     None),
    ("offers", lambda n: text(b"make money fast $1,000,000.00 guaranteed call 1-800-555-0100 " * n),
     None),
    ("subjects", lambda n: HEAD + b"Subject: Re: win $1,000 now!!! \n" * n + b"\nx\n",
     "LIMIT_HEADERS"),
    ("senders", lambda n: HEAD + b'From: "PayPal Service <service@paypal.example>" <a@b.example>\n'
     * n + b"\nx\n", "LIMIT_HEADERS"),
    ("display name", lambda n: HEAD.replace(b"From: ", b'From: "' + b"Bank of a " * n + b'" <') +
     b"\nx\n", None),
]
for label, fill in (("a", b"a"), ("A", b"A"), ("blanks", b" "), ("words", b"a "), ("digits", b"1"),
                    ("numbers", b"1 "), ("dashes", b"-"), ("dots", b"."), ("quotes", b'"'),
                    ("equals", b"="), ("slashes", b"/"), ("exclamations", b"!"), ("angles", b"<>"),
                    ("at signs", b"a@b."), ("underscores", b"_"), ("percent", b"%41"),
                    ("xs and ys", b"xy"), ("line ends", b"\n"), ("letters and line ends", b"a\n"),
                    ("capitals and line ends", b"A B\n"), ("entities", b"&#97;"),
                    ("utf-8", "\u00e9".encode())):
    RULE_KINDS += [(f"text of {label}", lambda n, fill=fill: text(fill * n), None),
                   (f"page of {label}", lambda n, fill=fill: html(fill * n), None)]
    if b"\n" not in fill:
        RULE_KINDS.append((f"headers of {label}", long_values(fill), None))
