#include "emqx_store/engine/lock_owner.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

namespace emqx_store {

std::string lock_owner(const std::string& lock_file) {
  const std::string unknown = "another process";
  const int fd = ::open(lock_file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return unknown;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool held = ::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0;
  ::close(fd);
  if (!held) return unknown;
  std::string text = "process " + std::to_string(lock.l_pid);
  std::ifstream comm("/proc/" + std::to_string(lock.l_pid) + "/comm");
  if (std::string name; std::getline(comm, name)) text += " (" + name + ")";
  return text;
}

}  // namespace emqx_store
