#include "pipeline/maps/folder_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>

namespace winnow {

FolderWatch::FolderWatch() : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FolderWatch::~FolderWatch() {
  if (fd_ >= 0) ::close(fd_);
}

void FolderWatch::add_folder_of(const std::string& path) {
  if (fd_ < 0) return;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  int& watch = watched_[folder];
  // A folder that was taken away and made again is another one: adding it anew is how that is seen.
  watch = inotify_add_watch(
      fd_, folder.c_str(),
      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR);
}

bool FolderWatch::take() {
  if (fd_ < 0) return false;
  char buffer[16 * 1024];
  bool any = false;
  while (::read(fd_, buffer, sizeof buffer) > 0) any = true;
  return any;
}

}  // namespace winnow
