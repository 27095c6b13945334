-- Clean mail of an authenticated client: accepted, nothing asked for. `socket` is given by -D.
local conn = mt.connect(socket)
assert(conn, "no connection")
assert(not mt.negotiate(conn, 6, nil, nil))
-- Winnow asks for what its edits may need, and for no answers before the end of the message.
assert(mt.test_action(conn, SMFIF_ADDHDRS) and mt.test_action(conn, SMFIF_CHGHDRS))
assert(mt.test_action(conn, SMFIF_CHGBODY) and mt.test_action(conn, SMFIF_QUARANTINE))
assert(mt.test_option(conn, SMFIP_NR_HDR) and mt.test_option(conn, SMFIP_NR_BODY))
assert(not mt.test_option(conn, SMFIP_NOBODY) and not mt.test_option(conn, SMFIP_SKIP))

assert(not mt.macro(conn, SMFIC_CONNECT, "j", "mx.example.net", "{daemon_name}", "mx"))
assert(not mt.conninfo(conn, "client.example.org", "192.0.2.7"))
assert(not mt.helo(conn, "client.example.org"))
assert(not mt.macro(conn, SMFIC_MAIL, "i", "QLUA", "{auth_authen}", "anna"))
assert(not mt.mailfrom(conn, "<anna@example.org>", "SIZE=300"))
assert(not mt.rcptto(conn, "<ben@example.net>"))
assert(not mt.rcptto(conn, "<carl@example.net>"))
assert(not mt.header(conn, "From", "Anna Letter <anna@example.org>"))
assert(not mt.header(conn, "To", "Ben <ben@example.net>"))
assert(not mt.header(conn, "Subject", "notes"))
assert(not mt.header(conn, "Date", "Tue, 24 Nov 2026 10:00:00 +0000"))
assert(not mt.header(conn, "Message-ID", "<lua@example.org>"))
assert(not mt.eoh(conn))
assert(not mt.bodystring(conn, "Hello Ben, here are the notes of our meeting\r\n"))
assert(not mt.bodystring(conn, "that you asked me to send.\r\n"))
assert(not mt.eom(conn))
assert(mt.getreply(conn) == SMFIR_ACCEPT, "reply " .. mt.getreply(conn))
for _, op in ipairs({MT_HDRADD, MT_HDRINSERT, MT_HDRCHANGE, MT_HDRDELETE, MT_BODYCHANGE,
                     MT_QUARANTINE}) do
  assert(not mt.eom_check(conn, op), "clean mail is left alone, yet " .. op)
end
mt.disconnect(conn)
