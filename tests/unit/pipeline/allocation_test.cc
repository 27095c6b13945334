// After warm-up the batch path allocates nothing for text and HTML mail, and what libraries
// allocate for the rest stays under listed maxima. Every malloc of the process is counted, by
// definitions that stand before the C library's own.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "pipeline/load.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WINNOW_COUNTS_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WINNOW_COUNTS_MALLOC 0
#endif
#endif
#ifndef WINNOW_COUNTS_MALLOC
#define WINNOW_COUNTS_MALLOC 1
#endif

namespace {
bool counting = false;
uint64_t allocations = 0;
}  // namespace

#if WINNOW_COUNTS_MALLOC
namespace {
// WINNOW_ALLOCATION_TRAP set: stops at the first allocation, for a debugger to say whose it is.
void count_one() {
  if (!counting) return;
  ++allocations;
  if (std::getenv("WINNOW_ALLOCATION_TRAP") != nullptr) __builtin_trap();
}
}  // namespace

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) { return count_one(), __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return count_one(), __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return count_one(), __libc_realloc(old, size); }
void* memalign(size_t to, size_t size) { return count_one(), __libc_memalign(to, size); }
void* aligned_alloc(size_t to, size_t size) { return count_one(), __libc_memalign(to, size); }
int posix_memalign(void** out, size_t to, size_t size) {
  count_one();
  *out = __libc_memalign(to, size);
  return *out == nullptr ? ENOMEM : 0;
}
}
#endif

namespace winnow {
namespace {

constexpr std::string_view kHead =
    "Return-Path: <news@shop.example>\r\n"
    "Received: from mx.shop.example (mx.shop.example [192.0.2.7])\r\n"
    "\tby mail.home.example (Postfix) with ESMTPS id 4ABC for <r@home.example>;\r\n"
    "\tTue, 20 Oct 2026 10:00:00 +0000 (UTC)\r\n"
    "From: =?utf-8?Q?Caf=C3=A9?= <news@shop.example>\r\n"
    "To: Someone <r@home.example>, other@home.example\r\n"
    "Subject: =?iso-8859-1?Q?Pr=E9cis?= and plain\r\n"
    "Date: Tue, 20 Oct 2026 10:00:00 +0000\r\n"
    "Message-Id: <1@shop.example>\r\n"
    "List-Unsubscribe: <https://shop.example/u?x=1>, <mailto:u@shop.example>\r\n"
    "MIME-Version: 1.0\r\n";

constexpr std::string_view kHtml =
    "<html><head><style>p{color:#333}.h{display:none}</style></head><body bgcolor=#fff>"
    "<h1>Offers &amp; more</h1><p style=\"font-size:12px\">Dear friend, <b>the</b> winner is "
    "you</p><div class=h>hidden words</div><table><tr><td>1<td>2</table>"
    "<a href=\"https://www.shop.example/a?b=c\">http://bank.example/</a>"
    "<img src=\"http://img.shop.example/x.gif\" width=1 height=1>"
    "<form action=\"http://shop.example/f\"><input type=password></form></body></html>\r\n";

struct Row {
  const char* name;
  std::string message;
  uint64_t max;  // allocations of one message after warm-up
};

std::string mail(std::string_view fields, std::string_view body) {
  std::string out(kHead);
  out.append(fields).append("\r\n").append(body);
  return out;
}

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::vector<Row> rows() {
  const std::string alternative =
      "--b\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\r\nHello there, see \r\n"
      "https://shop.example/page and write to a@b.example\r\n> quoted\r\n--b\r\n"
      "Content-Type: text/html; charset=windows-1252\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n" +
      std::string("<p>Caf=E9 cr=E8me =80 5</p>") + std::string(kHtml) + "--b--\r\n";
  return {
      {"plain text", mail("", "The invoice is attached, please pay it by Friday.\r\nThanks\r\n"),
       0},
      {"long text", mail("", repeated("Words of a long letter that goes on.\r\n", 3000)), 0},
      {"utf-8",
       mail("Content-Type: text/plain; charset=utf-8\r\n",
            "Größe, naïve, Ελληνικά, Привет мир, d o l l a r\r\n"),
       0},
      {"html", mail("Content-Type: text/html; charset=utf-8\r\n", kHtml), 0},
      {"alternative", mail("Content-Type: multipart/alternative; boundary=b\r\n", alternative), 0},
      {"base64",
       mail("Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n",
            "VGhlIGludm9pY2UgaXMgYXR0YWNoZWQsIHBsZWFzZSBwYXk=\r\n"),
       0},
      {"broken", "no headers at all\n\n\n\0\x80<a href=", 0},
      {"empty", "", 0},
      // The converter of ICU is kept; converting itself allocates nothing.
      {"icu charset",
       mail("Content-Type: text/plain; charset=euc-kr\r\n",
            "\xBE\xC8\xB3\xE7 \xBE\xC8\xB3\xE7\r\n"),
       0},
      // ICU's break iterator with a dictionary.
      {"words by dictionary",
       mail("Content-Type: text/plain; charset=gb18030\r\n",
            "\xC4\xE3\xBA\xC3 \xCA\xC0\xBD\xE7\r\n"),
       16},
      // ICU's detector makes its answers anew at each call.
      {"unlabelled bytes",
       mail("Content-Type: text/plain\r\n", "caf\xE9 cr\xE8me \xE0 la carte, pay\xE9 d'avance\r\n"),
       64},
  };
}

class AllocationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    RulesOptions options;
    options.cache = ::testing::TempDir() + "winnow-allocation-cache";
    Result<Loaded> loaded = load_rules(options);
    ASSERT_TRUE(loaded) << loaded.error().text();
    rules_ = loaded->rules;
    if (loaded->build_databases) databases_ = loaded->build_databases();
  }
  static void TearDownTestSuite() {
    rules_.reset();
    databases_.reset();
  }

  static std::shared_ptr<const RuleSet> rules_;
  static std::shared_ptr<const MatchPlan> databases_;
};

std::shared_ptr<const RuleSet> AllocationTest::rules_;
std::shared_ptr<const MatchPlan> AllocationTest::databases_;

TEST_F(AllocationTest, nothing_is_allocated_after_warm_up) {
  if (!WINNOW_COUNTS_MALLOC) GTEST_SKIP() << "a sanitizer owns malloc";
  const TableAnswers answers(*rules_);
  winnow::Run run(rules_, answers, {.now_ms = 1'792'575'000'000});
  if (databases_) run.use(databases_);
  Worker worker(run);
  CasePool pool;
  // A pass over all rows warms up; the second is the first that may find scratch where it left it.
  for (int pass = 0; pass < 3; ++pass) {
    for (const Row& row : rows()) {
      SCOPED_TRACE(row.name);
      std::vector<Message> messages;
      for (int i = 0; i < 4; ++i) messages.emplace_back().bytes = MessageBytes(row.message);
      std::vector<std::unique_ptr<Case>> cases;
      for (size_t i = 0; i < messages.size(); ++i) cases.push_back(pool.take());
      allocations = 0;
      counting = pass == 2;
      run.compute(worker, messages, cases);
      const uint64_t computing = allocations;
      for (const std::unique_ptr<Case>& one : cases) run.conclude(worker, *one);
      counting = false;
      if (pass == 2) {
        EXPECT_LE(computing, row.max * messages.size()) << "computing";
        EXPECT_EQ(allocations - computing, 0u) << "judging";
      }
      for (std::unique_ptr<Case>& one : cases) pool.give(std::move(one));
    }
  }
}

}  // namespace
}  // namespace winnow
