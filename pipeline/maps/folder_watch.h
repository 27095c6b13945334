// Tells that something changed in one of some folders (inotify). A folder that cannot be watched
// is no error: who uses this also looks from time to time.
#pragma once

#include <map>
#include <string>

namespace winnow {

class FolderWatch {
 public:
  FolderWatch();
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // The folder of `path`. Adding it again costs nothing.
  void add_folder_of(const std::string& path);
  int fd() const { return fd_; }  // readable when something happened; -1: there is no inotify
  bool take();                    // whether something happened since the last call

 private:
  int fd_;
  std::map<std::string, int> watched_;
};

}  // namespace winnow
