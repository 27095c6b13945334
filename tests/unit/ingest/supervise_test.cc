// What processes of winnow serve leave to each other, and how they listen.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "ingest/serve/listen.h"
#include "ingest/serve/pid_file.h"
#include "ingest/supervise/inheritance.h"
#include "ingest/supervise/trial.h"

namespace winnow {
namespace {

TEST(Listen, WrongPlacesAreNamed) {
  struct Row {
    const char *where, *says;
  };
  for (const Row& row :
       {Row{"nonsense", "is no address"}, Row{"127.0.0.1:", "is no address"},
        Row{"127.0.0.1:x", "is no address"}, Row{"127.0.0.1:70000", "is no address"},
        Row{"127.0.0.256:1", "is no IP address"},
        Row{"systemd:0", "needs FileDescriptorName=milter"},
        Row{"/nowhere/at/all", "cannot listen at"}, Row{"/nowhere/s mode=0999", "is no file mode"},
        Row{"/nowhere/s owner=nobody-at-all", "no user"},
        Row{"/nowhere/s group=nobody-at-all", "no group"},
        Row{"/nowhere/s what", "mode=, owner= or"}}) {
    const Result<Listening> one = open_listening(row.where, Front::kMilter);
    ASSERT_FALSE(one) << row.where;
    EXPECT_NE(one.error().what.find(row.says), std::string::npos) << one.error().what;
  }
  const std::string longest(108, 'x');
  EXPECT_FALSE(open_listening("/" + longest, Front::kHttp));
}

TEST(Listen, NamesAndModes) {
  const Result<Listening> v4 = open_listening("localhost:0", Front::kHttp);
  ASSERT_TRUE(v4) << v4.error().text();
  EXPECT_TRUE(v4->name.starts_with("127.0.0.1:"));
  EXPECT_FALSE(v4->name.ends_with(":0"));
  EXPECT_FALSE(open_listening(v4->name, Front::kHttp));  // taken
  ::close(v4->fd);
  const std::string path = testing::TempDir() + "listen-test.sock";
  const Result<Listening> local = open_listening(path + " mode=0604", Front::kMilter);
  ASSERT_TRUE(local) << local.error().text();
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0604u);
  const Result<Listening> again = adopt_listening(local->fd, Front::kMilter);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->name, path);
  ::close(local->fd);
  ::unlink(path.c_str());
  EXPECT_FALSE(adopt_listening(0, Front::kHttp) && !isatty(0));
}

// A socket that an earlier process left is in nobody's way; one where somebody listens stays his,
// and a file that is none is not removed.
TEST(Listen, WhatStandsAtThePath) {
  const std::string path = testing::TempDir() + "listen-taken-test.sock";
  ::unlink(path.c_str());
  const Result<Listening> first = open_listening(path, Front::kMilter);
  ASSERT_TRUE(first) << first.error().text();
  const Result<Listening> second = open_listening(path, Front::kHttp);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().what, "cannot listen at " + path + ": another process listens there");
  ::close(first->fd);  // its process died
  const Result<Listening> third = open_listening(path, Front::kMilter);
  ASSERT_TRUE(third) << third.error().text();
  ::close(third->fd);
  ::unlink(path.c_str());
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  const Result<Listening> file = open_listening(path, Front::kMilter);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().what.find("there is a file that is no socket"), std::string::npos);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  ::unlink(path.c_str());
}

TEST(Listen, OwnerAndGroupOfASocket) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string path = testing::TempDir() + "listen-owner-test.sock";
  const struct passwd* const nobody = ::getpwnam("nobody");
  const struct group* const daemon = ::getgrnam("daemon");
  ASSERT_TRUE(nobody && daemon);
  const Result<Listening> one =
      open_listening("unix:" + path + " owner=nobody  group=daemon mode=0620", Front::kMilter);
  ASSERT_TRUE(one) << one.error().text();
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, nobody->pw_uid);
  EXPECT_EQ(status.st_gid, daemon->gr_gid);
  EXPECT_EQ(status.st_mode & 0777, 0620u);
  ::close(one->fd);
  ::unlink(path.c_str());
}

TEST(PidFile, IsBelievedWhileItsServiceLives) {
  const std::string path = testing::TempDir() + "pid-file-test.pid";
  ::unlink(path.c_str());
  EXPECT_FALSE(read_pid_file(path));
  const Result<int> held = hold_pid_file(path);
  ASSERT_TRUE(held) << held.error().text();
  EXPECT_EQ(::fcntl(*held, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(*read_pid_file(path), ::getpid());
  EXPECT_FALSE(hold_pid_file(path));  // another service
  ::close(*held);                     // as a process that is killed leaves it
  const Result<pid_t> stale = read_pid_file(path);
  ASSERT_FALSE(stale);
  EXPECT_NE(stale.error().what.find("has ended"), std::string::npos) << stale.error().what;
  const Result<int> next = hold_pid_file(path);
  ASSERT_TRUE(next) << next.error().text();
  EXPECT_EQ(*read_pid_file(path), ::getpid());
  drop_pid_file(*next, path);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  // The folder may not let us take it away.
  const Result<int> kept = hold_pid_file(path);
  ASSERT_TRUE(kept);
  drop_pid_file(*kept, path + "/");
  struct stat left {};
  ASSERT_EQ(::stat(path.c_str(), &left), 0);
  EXPECT_EQ(left.st_size, 0);
  ::unlink(path.c_str());
}

TEST(Inheritance, WhatIsWrittenIsRead) {
  Inheritance left;
  for (const Front front : {Front::kMilter, Front::kHttp}) {
    Result<Listening> one = open_listening("127.0.0.1:0", front);
    ASSERT_TRUE(one) << one.error().text();
    left.sockets.push_back(*one);
  }
  int line[2];
  ASSERT_EQ(::pipe(line), 0);
  left.sockets[1].kept = left.sockets[0].tls = true;
  left.marks = line[0];
  left.side = 2;
  left.link = line[1];
  left.pid_file = line[1];
  left.engine = {1234, line[0], 1};
  left.draining = {{5, -1, 0}, {6, -1, 3}};
  const Result<Inheritance> read = Inheritance::parse(left.text());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->text(), left.text());
  EXPECT_EQ(read->sockets[1].name, left.sockets[1].name);
  EXPECT_EQ(read->sockets[1].front, Front::kHttp);
  EXPECT_TRUE(read->sockets[1].kept && !read->sockets[1].tls);
  EXPECT_TRUE(read->sockets[0].tls && !read->sockets[0].kept);
  EXPECT_EQ(read->descriptors(), left.descriptors());
  EXPECT_EQ(::fcntl(line[0], F_GETFD), FD_CLOEXEC);

  ::setenv("WINNOW_INHERIT", left.text().c_str(), 1);
  EXPECT_EQ(Inheritance::take()->text(), left.text());
  EXPECT_EQ(Inheritance::take()->text(), "");  // once
  for (const int fd : {left.sockets[0].fd, left.sockets[1].fd, line[0], line[1]}) ::close(fd);
}

TEST(Inheritance, WhatMeansNothingIsRefused) {
  for (const char* const text :
       {"socket", "socket x milter", "socket 0", "socket 0 door", "socket 999 http", "marks -1 0",
        "marks 999 0", "pid-file", "engine 1", "engine 1 2", "draining", "draining 7", "other 1"})
    EXPECT_FALSE(Inheritance::parse(text)) << text;
}

TEST(Inheritance, SystemdsSocketsAreForThisProcessOnly) {
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDS", "1", 1);
  const Result<std::vector<Listening>> none = sockets_of_systemd();
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
}

TEST(Trial, MessagesComeThroughWhole) {
  Message message;
  message.bytes = MessageBytes(std::string_view("Subject: a\0b\r\n\r\ntext", 20));
  message.from = "";
  message.recipients = {"a@example.org", ""};
  message.recipients_known = true;
  message.helo = "mail.example.org";
  message.queue_id = "Q1";
  message.now_ms = 1'700'000'000'000;
  std::string bytes;
  append_message(message, bytes);
  Message read;
  ASSERT_TRUE(read_message(bytes, read));
  EXPECT_EQ(read.bytes.view(), message.bytes.view());
  EXPECT_EQ(read.from, message.from);
  EXPECT_EQ(read.recipients, message.recipients);
  EXPECT_EQ(read.helo, message.helo);
  EXPECT_EQ(read.now_ms, message.now_ms);
  std::string again;
  append_message(read, again);
  EXPECT_EQ(again, bytes);
  for (size_t size = 0; size < bytes.size() - message.bytes.size(); ++size) {
    Message part;
    EXPECT_FALSE(read_message(std::string_view(bytes).substr(0, size), part)) << size;
  }
}

}  // namespace
}  // namespace winnow
