#include "daemon/rpc/sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace keyturn::rpc {

ino_t InodeOf(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

void HangUp(int fd, ino_t inode) {
  // Ours, so that what is looked at is what is shut.
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return;
  if (InodeOf(own) == inode) shutdown(own, SHUT_RDWR);
  close(own);
}

}  // namespace keyturn::rpc
