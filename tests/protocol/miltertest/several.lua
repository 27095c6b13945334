-- Several messages on a connection: one given up in its headers, a bad one, a good one; what was
-- said of the one before does not count for the next.
local conn = mt.connect(socket)
assert(conn, "no connection")
assert(not mt.conninfo(conn, "client.example.org", "192.0.2.7"))

assert(not mt.mailfrom(conn, "<anna@example.org>"))
assert(not mt.rcptto(conn, "<ben@example.net>"))
assert(not mt.header(conn, "Subject", "given up"))
assert(not mt.abort(conn))

local function send(body)
  assert(not mt.mailfrom(conn, "<anna@example.org>"))
  assert(not mt.rcptto(conn, "<ben@example.net>"))
  for _, h in ipairs({{"From", "Anna Letter <anna@example.org>"}, {"To", "Ben <ben@example.net>"},
                      {"Subject", "notes"}, {"Date", "Tue, 24 Nov 2026 10:00:00 +0000"},
                      {"Message-ID", "<several@example.org>"}}) do
    assert(not mt.header(conn, h[1], h[2]))
  end
  assert(not mt.eoh(conn))
  assert(not mt.bodystring(conn, body .. "\r\n"))
  assert(not mt.eom(conn))
  return mt.getreply(conn)
end

assert(send(gtube) == SMFIR_REPLYCODE)
assert(send("Hello Ben, here are the notes that you asked me to send.") == SMFIR_ACCEPT)
assert(send(gtube) == SMFIR_REPLYCODE)
mt.disconnect(conn)
