-- A body in many chunks, from a client that is known by no family of addresses.
local conn = mt.connect(socket)
assert(conn, "no connection")
assert(not mt.conninfo(conn, nil, "unspec"))
assert(not mt.mailfrom(conn, "<>"))
assert(not mt.rcptto(conn, "<ben@example.net>"))
assert(not mt.header(conn, "From", "Anna Letter <anna@example.org>"))
assert(not mt.header(conn, "To", "Ben <ben@example.net>"))
assert(not mt.header(conn, "Subject", "many lines"))
assert(not mt.header(conn, "Date", "Tue, 24 Nov 2026 10:00:00 +0000"))
assert(not mt.header(conn, "Message-ID", "<large@example.org>"))
assert(not mt.eoh(conn))
for _ = 1, 50 do
  assert(not mt.bodystring(conn, string.rep("a line of a long letter\r\n", 1000)))
end
assert(not mt.eom(conn))
assert(mt.getreply(conn) == SMFIR_ACCEPT, "reply " .. mt.getreply(conn))
mt.disconnect(conn)
