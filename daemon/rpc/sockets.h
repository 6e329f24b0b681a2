// Descriptors that somebody else may close at any time.
#ifndef KEYTURN_DAEMON_RPC_SOCKETS_H_
#define KEYTURN_DAEMON_RPC_SOCKETS_H_

#include <sys/types.h>

namespace keyturn::rpc {

// What tells the socket behind `fd` from others that come to have that number;
// 0: there is none.
ino_t InodeOf(int fd);

// Ends the connection behind `fd`, which is gRPC's and may be closed by it at
// any time, unless it stands for something else by now.
void HangUp(int fd, ino_t inode);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_SOCKETS_H_
