// Requests in all dialects, whole and a byte at a time; what is refused, and how.
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "ingest/http/reply.h"
#include "ingest/http/request.h"

namespace winnow {
namespace {

struct Seen {
  std::string requests;  // one line each
  std::string out;
  SessionWant want = SessionWant::kBytes;
};

std::string describe(const HttpRequest& request, const Message& message) {
  std::string rcpt;
  std::string flags = message.pass_all ? " pass" : "";
  if (message.headerless) flags += " raw";
  for (const auto& [name, set] : {std::pair{" no_log", request.no_log},
                                  {" no_stat", request.no_stat},
                                  {" skip", request.skip},
                                  {" groups", request.groups},
                                  {" zstd", request.zstd_reply},
                                  {" unscanned", request.unscanned}})
    if (set) flags += name;
  for (const std::string& one : message.recipients) rcpt += (rcpt.empty() ? "" : ",") + one;
  return std::to_string(static_cast<int>(request.command)) + " from=" + message.from.value_or("-") +
         " rcpt=" + rcpt + " helo=" + message.helo + " host=" + message.hostname +
         " user=" + message.user + " id=" + message.queue_id + flags +
         " body=" + std::string(message.bytes.view()) + "\n";
}

Seen talk(std::string_view bytes, size_t piece, bool end, const HttpLimits& limits) {
  Seen seen;
  HttpSession session(limits);
  const auto serve = [&] {
    while (seen.want == SessionWant::kVerdict || seen.want == SessionWant::kPage) {
      if (session.request().packed) {
        std::string plain, what;
        if (!unpack(session.take_packed(), plain, what)) {
          session.refuse_packed(what, seen.out);
          seen.want = session.answered(seen.out);
          continue;
        }
        session.unpacked(std::move(plain));
        if (!session.request().unscanned) seen.want = SessionWant::kVerdict;
      }
      const bool page = seen.want == SessionWant::kPage;
      const Message message = page ? Message() : session.take_message();
      seen.requests += describe(session.request(), message);
      seen.want = session.answered(seen.out);
    }
  };
  while (!bytes.empty()) {
    const std::string_view one = bytes.substr(0, piece);
    bytes.remove_prefix(one.size());
    seen.want = session.feed(one, seen.out);
    serve();
  }
  if (end) {
    seen.want = session.end_of_input(seen.out);
    serve();
  }
  return seen;
}

struct Row {
  const char* name;
  std::string input;
  std::string requests;
  std::string out;  // first line of what we say ourselves
  SessionWant want = SessionWant::kBytes;
  bool end = false;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find("\r\n")); }

TEST(Http, Requests) {
  const auto kClose = SessionWant::kClose;
  const std::string none = " from=- rcpt= helo= host= user= id= body=";
  const Row rows[] = {
      {"checkv2",
       "POST /checkv2 HTTP/1.1\r\nContent-Length: 3\r\nFrom: <a@x>\r\nRcpt: <b@x>, c@x\r\nrcpt: "
       "d@x\r\nHelo: h\r\nHostname: n\r\nUser: u\r\nQueue-Id: Q1\r\nPass: all\r\nX-Other: "
       "1\r\n\r\nabc",
       "1 from=a@x rcpt=b@x,c@x,d@x helo=h host=n user=u id=Q1 pass body=abc\n", ""},
      {"paths",
       "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nFrom: <@r.example,@s.example:\"a\"@x> "
       "SIZE=10\r\nRcpt: \"b,c\"@x, <\"d>\"@x>,<e@x>\r\nRcpt: f\"@x, g@x\r\n\r\nx",
       "1 from=a@x rcpt=\"b,c\"@x,\"d>\"@x,e@x,f\"@x,g@x helo= host= user= id= body=x\n", ""},
      {"arguments_are_headers",
       "POST //CheckV2/?queue%2did=a%20b&content-length=9 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
       "1 from=- rcpt= helo= host= user= id=a b body=x\n", ""},
      {"flags",
       "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nFlags: Pass_All, no_log,no_stat,\r\n"
       "Flags: groups,zstd,milter,unheard-of\r\n\r\nx",
       "1 from=- rcpt= helo= host= user= id= pass no_log no_stat groups zstd body=x\n", ""},
      {"accepts_zstd",
       "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nAccept-Encoding: gzip, ZSTD;q=0.5\r\n\r\nx",
       "1 from=- rcpt= helo= host= user= id= zstd body=x\n", ""},
      {"accepts_no_zstd",
       "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nAccept-Encoding: xzstd, zstd; q=0.000\r\n"
       "\r\nx",
       "1 from=- rcpt= helo= host= user= id= body=x\n", ""},
      {"flag_skip", "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nFlags: skip\r\n\r\nx",
       "1 from=- rcpt= helo= host= user= id= skip unscanned body=\n", ""},
      {"nothing_to_scan", "POST /check HTTP/1.1\r\n\r\n",
       "2 from=- rcpt= helo= host= user= id= unscanned body=\n", ""},
      {"raw", "POST /checkv2 HTTP/1.1\r\nContent-Length: 3\r\nRaw: yes\r\n\r\nA:b",
       "1 from=- rcpt= helo= host= user= id= raw body=A:b\n", ""},
      {"not_zstd", "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nCompression: gzip\r\n\r\nx", "",
       "HTTP/1.1 503 Invalid compression method", kClose},
      {"encoding_of_a_proxy",
       "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\nContent-Encoding: identity\r\n\r\nx",
       "1" + none + "x\n", ""},
      {"message_in_a_file", "POST /checkv2 HTTP/1.1\r\nContent-Length: 0\r\nFile: /m\r\n\r\n", "",
       "HTTP/1.1 503 File, Path and Shm are not taken: the message belongs into the body", kClose},
      {"two_at_once",
       "POST /symbols HTTP/1.1\r\nContent-Length: 1\r\n\r\nxPOST /check HTTP/1.1\nContent-Length: "
       "1\nConnection: close\n\ny",
       "3" + none + "x\n2" + none + "y\n", "", kClose},
      {"chunked",
       "POST /checkv2 HTTP/1.1\r\nTransfer-Encoding: "
       "chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n"
       "Trailer: t\r\n\r\n",
       "1" + none + "abcde\n", ""},
      {"expects_continue",
       "POST /check HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx",
       "2" + none + "x\n", "HTTP/1.1 100 Continue"},
      {"expects_too_much",
       "POST /check HTTP/1.1\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n", "",
       "HTTP/1.1 413 Request entity too large", kClose},
      {"expects_with_nothing_to_send", "GET /ping HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", "",
       "HTTP/1.1 200 OK"},
      {"old_http_expects_nothing",
       "POST /check HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
       "2" + none + "x\n", "", kClose},
      {"old_http_closes", "GET /ping HTTP/1.0\r\n\r\n", "", "HTTP/1.1 200 OK", kClose},
      {"ping", "\r\nGET /ping HTTP/1.1\r\n\r\n", "", "HTTP/1.1 200 OK"},
      {"not_known", "GET /nothing HTTP/1.1\r\n\r\n", "", "HTTP/1.1 500 invalid command"},
      {"rspamc", "CHECK RSPAMC/1.3\r\nContent-length: 2\r\nFrom: <>\r\nUser: u\r\n\r\nab",
       "2 from= rcpt= helo= host= user=u id= body=ab\n", "", kClose},
      {"rspamc_to_end", "SYMBOLS RSPAMC/1.0\r\n\r\nab", "3" + none + "ab\n", "", kClose, true},
      {"spamc", "PROCESS SPAMC/1.5\r\nUser: root\r\nContent-length: 2\r\n\r\nab",
       "4" + none + "ab\n", "", kClose},
      {"spamc_headers", "HEADERS SPAMC/1.5\r\n\r\nab", "5" + none + "ab\n", "", kClose, true},
      {"spamc_ping", "PING SPAMC/1.2\r\n\r\n", "", "SPAMD/1.5 0 PONG", kClose},
      {"spamc_other", "LEARN SPAMC/1.5\r\n\r\n", "",
       "SPAMD/1.0 76 Bad header line: Bad header line", kClose},
      {"length_and_chunks",
       "POST /check HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "", "HTTP/1.1 400 both a length and chunks", kClose},
      {"two_lengths", "POST /check HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "",
       "HTTP/1.1 400 bad header", kClose},
      {"length_with_sign", "POST /check HTTP/1.1\r\nContent-Length: +1\r\n\r\n", "",
       "HTTP/1.1 400 bad header", kClose},
      {"blank_before_colon", "POST /check HTTP/1.1\r\nContent-Length : 1\r\n\r\n", "",
       "HTTP/1.1 400 bad header", kClose},
      {"folded", "POST /check HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "", "HTTP/1.1 400 bad header",
       kClose},
      {"chunk_not_hex", "POST /check HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "",
       "HTTP/1.1 400 bad chunk", kClose},
      {"body_at_limit", "POST /check HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789",
       "2" + none + "0123456789\n", ""},
      {"body_over_limit", "POST /check HTTP/1.1\r\nContent-Length: 11\r\n\r\n", "",
       "HTTP/1.1 413 Request entity too large", kClose},
      {"chunks_over_limit",
       "POST /check HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n", "",
       "HTTP/1.1 413 Request entity too large", kClose},
      {"head_over_limit", "POST /check HTTP/1.1\r\nA: " + std::string(500, 'a'), "",
       "HTTP/1.1 400 the head is too long", kClose},
      {"rubbish", "\x01\x02\x03\r\n\r\n", "", "HTTP/1.1 400 bad request line", kClose},
      {"method", "BREW /check HTTP/1.1\r\n\r\n", "", "HTTP/1.1 400 invalid HTTP method", kClose},
      {"half", "POST /check HTTP/1.1\r\nContent-Length: 4\r\n\r\nab", "", "", kClose, true},
  };
  const HttpLimits limits{.head_max = 400, .headers_max = 20, .line_max = 400, .body_max = 10};
  for (const Row& row : rows) {
    for (const size_t piece : {row.input.size(), size_t{1}, size_t{7}}) {
      SCOPED_TRACE(row.name + std::string(" ") + std::to_string(piece));
      const Seen seen = talk(row.input, piece, row.end, limits);
      EXPECT_EQ(seen.requests, row.requests);
      EXPECT_EQ(first_line(seen.out), row.out);
      EXPECT_EQ(seen.want, row.want);
    }
  }
}

// What is known has its place in the envelope, what is not is kept and counted; rules see both.
TEST(Http, HeadersAreKeptForRulesAndTheUnknownAreCounted) {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  const struct {
    std::string fields, mta_name;
    uint32_t unknown;
    Headers kept;
  } rows[] = {
      {"", "", 0, {}},
      {"From: a@x\r\nHelo: h\r\nIP: 192.0.2.1\r\nPassword: secret\r\nAccept-Encoding: br\r\n",
       "",
       0,
       {}},
      {"Deliver-To: <d@x>\r\nUser-Agent: ua\r\nPass: all\r\nFlags: groups\r\nRaw: no\r\n",
       "",
       0,
       {{"deliver-to", "d@x"},
        {"user-agent", "ua"},
        {"pass", "all"},
        {"flags", "groups"},
        {"raw", "no"}}},
      {"TLS-Cipher: AES\r\nTLS-Version: 1.3\r\nX-Own: a\r\nX-Own: b\r\nFlags: unheard-of\r\n",
       "",
       5,
       {{"tls-cipher", "AES"},
        {"tls-version", "1.3"},
        {"x-own", "a"},
        {"x-own", "b"},
        {"flags", "unheard-of"}}},
      {"MTA-Name: name\r\nMTA-Tag: tag\r\n", "name", 0, {{"mta-tag", "tag"}}},
      {"MTA-Tag: tag\r\nMTA-Name: name\r\n", "name", 0, {{"mta-tag", "tag"}}},
      {"MTA-Tag: tag\r\n", "tag", 0, {{"mta-tag", "tag"}}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.fields);
    HttpSession session;
    std::string out;
    ASSERT_EQ(
        session.feed("POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\n" + row.fields + "\r\nx", out),
        SessionWant::kVerdict);
    EXPECT_EQ(session.request().other_headers, row.unknown);
    const Message message = session.take_message();
    EXPECT_EQ(message.mta_name, row.mta_name);
    EXPECT_EQ(message.request_headers, row.kept);
  }
}

TEST(Http, RecipientsDoNotCountAsHeaders) {
  const HttpLimits limits{.headers_max = 3};
  const std::string head = "POST /checkv2 HTTP/1.1\r\nContent-Length: 1\r\n";
  std::string many;
  for (int i = 0; i < 12'000; ++i) many += "Rcpt: user" + std::to_string(i) + "@x.example\r\n";
  HttpSession session(limits);
  std::string out;
  ASSERT_EQ(session.feed(head + many + "A: b\r\nC: d\r\n\r\nx", out), SessionWant::kVerdict) << out;
  EXPECT_EQ(session.take_refusal().why, "");
  EXPECT_EQ(session.take_message().recipients.size(), 10'000);
  HttpSession more(limits);
  ASSERT_EQ(more.feed(head + "A: b\r\nC: d\r\nE: f\r\n\r\nx", out), SessionWant::kClose);
  EXPECT_EQ(more.take_refusal().why, "too many headers");
  EXPECT_EQ(first_line(out), "HTTP/1.1 400 too many headers");
}

// What is parsed is held as well, until it is answered.
TEST(Http, HeldBytesAreThoseOfTheHeadToo) {
  HttpSession session;
  std::string out;
  const std::string head = "POST /checkv2 HTTP/1.1\r\nX-Own: " + std::string(30'000, 'a') +
                           "\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(session.feed(head + "x", out), SessionWant::kBytes);
  EXPECT_EQ(session.held_bytes(), head.size() + 1);
  EXPECT_EQ(session.feed("y", out), SessionWant::kVerdict);
  EXPECT_EQ(session.take_message().bytes.view(), "xy");
  EXPECT_EQ(session.answered(out), SessionWant::kBytes);
  EXPECT_EQ(session.held_bytes(), 0);
  // Of a body that nobody wants, too.
  EXPECT_EQ(session.feed("POST /ping HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", out),
            SessionWant::kBytes);
  EXPECT_EQ(session.held_bytes(), 0);
  // A head is long by its recipients alone.
  const std::string other = "POST /checkv2 HTTP/1.1\r\nX-Own: " + std::string(70'000, 'a');
  EXPECT_EQ(session.feed(other + "\r\n\r\n", out = ""), SessionWant::kClose);
  EXPECT_EQ(first_line(out), "HTTP/1.1 400 the head is too long");
}

TEST(Http, SaysWhyItRefuses) {
  for (const auto& [bytes, why] :
       {std::pair{"FOO / HTTP/1.1\r\n\r\n", "invalid HTTP method"},
        {"GET /nothing HTTP/1.1\r\n\r\n", "invalid command"},
        {"POST /checkv2 HTTP/1.1\r\nContent-Length: x\r\n\r\n", "bad header"},
        {"GET /ping HTTP/1.1\r\n\r\n", ""}}) {
    HttpSession session;
    std::string out;
    session.feed(bytes, out);
    EXPECT_EQ(session.take_refusal().why, why);
  }
  HttpSession session;  // once, and of which message
  std::string out;
  EXPECT_EQ(session.feed("GET /nothing HTTP/1.1\r\nQueue-Id: 4A\r\n\r\n", out),
            SessionWant::kBytes);
  EXPECT_EQ(session.take_refusal().queue_id, "4A");
  EXPECT_EQ(session.feed("GET", out), SessionWant::kBytes);
  EXPECT_EQ(session.take_refusal().why, "");
}

TEST(Http, CompressedBodiesAreBounded) {
  const std::string plain(100'000, 'a');
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  std::string out, what;
  EXPECT_TRUE(unpack_zstd(packed, plain.size(), out, what));
  EXPECT_EQ(out, plain);
  out.clear();
  EXPECT_FALSE(unpack_zstd(packed, plain.size() - 1, out, what));
  EXPECT_EQ(what, "message is too large");
  out.clear(), what.clear();
  EXPECT_FALSE(unpack_zstd(packed.substr(0, packed.size() - 3), plain.size(), out, what));
  out.clear(), what.clear();
  EXPECT_FALSE(unpack_zstd("not packed", plain.size(), out, what));
  EXPECT_EQ(what, "Unknown frame descriptor");

  const std::string head = "POST /checkv2 HTTP/1.1\r\nCompression: zstd\r\nContent-Length: ";
  const Seen good = talk(head + std::to_string(packed.size()) + "\r\n\r\n" + packed, 100, false,
                         {.body_max = plain.size()});
  EXPECT_EQ(good.requests.size(), plain.size() + 43);
  const Seen bad = talk(head + "3\r\n\r\nabc", 100, false, {});
  EXPECT_EQ(first_line(bad.out), "HTTP/1.1 503 Decompression error: Unknown frame descriptor");
  // Of what takes no message nothing is unpacked.
  HttpSession session;
  EXPECT_EQ(session.feed("POST /ping HTTP/1.1\r\nCompression: zstd\r\nContent-Length: 3\r\n\r\nabc",
                         out = ""),
            SessionWant::kBytes);
  EXPECT_NE(out.find("pong"), std::string::npos);
}

// What says in front that it is too much is not unpacked at all; what does not say it, to the
// bound.
TEST(Http, BombsAreRefused) {
  const std::string plain(10'000'000, 'a');
  for (const bool says : {true, false}) {
    std::string packed(ZSTD_compressBound(plain.size()), '\0');
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, says);
    packed.resize(
        ZSTD_compress2(context, packed.data(), packed.size(), plain.data(), plain.size()));
    ZSTD_freeCCtx(context);
    std::string out, what;
    EXPECT_FALSE(unpack_zstd(packed, 100'000, out, what));
    EXPECT_EQ(what, "message is too large");
    EXPECT_LE(out.size(), says ? 0 : 100'001);
  }
}

// `Compress: zlib` of spamd's protocol 1.5.
TEST(Http, BodiesThatZlibPackedAreBounded) {
  const std::string plain(100'000, 'a');
  uLongf size = compressBound(plain.size());
  std::string packed(size, '\0');
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                     reinterpret_cast<const Bytef*>(plain.data()), plain.size()),
            Z_OK);
  packed.resize(size);
  std::string out, what;
  EXPECT_TRUE(unpack_zlib(packed, plain.size(), out, what)) << what;
  EXPECT_EQ(out, plain);
  out.clear();
  EXPECT_FALSE(unpack_zlib(packed, plain.size() - 1, out, what));
  EXPECT_EQ(what, "message is too large");
  EXPECT_LE(out.size(), plain.size());
  for (size_t cut = 0; cut < packed.size(); ++cut) {
    out.clear(), what.clear();
    EXPECT_FALSE(unpack_zlib(packed.substr(0, cut), plain.size(), out, what)) << cut;
    EXPECT_EQ(what, "the data ends early");
  }
  out.clear(), what.clear();
  EXPECT_FALSE(unpack_zlib("not packed", plain.size(), out, what));
  EXPECT_EQ(what, "incorrect header check");

  const auto ask = [&](const std::string& how, const std::string& body) {
    return talk("CHECK SPAMC/1.5\r\nCompress: " + how +
                    "\r\nContent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
                100, false, {.body_max = plain.size()});
  };
  EXPECT_EQ(ask("zlib", packed).requests.size(), plain.size() + 43);
  for (const auto& [how, body, says] :
       {std::tuple{"zlib", "abc", "Decompression error: incorrect header check"},
        {"bzip2", "abc", "Invalid compression method"}}) {
    const Seen bad = ask(how, body);
    EXPECT_EQ(bad.requests, "");
    EXPECT_EQ(bad.out, std::string("SPAMD/1.0 75 EX_TEMPFAIL: ") + says + "\r\n");
  }
}

}  // namespace
}  // namespace winnow
