#include "daemon/app/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace keyturn::app {

absl::Status HardenProcess() {
  umask(077);
  for (const char* name : {"GRPC_TRACE", "GRPC_VERBOSITY"}) unsetenv(name);
  const rlimit no_core{0, 0};
  const bool hardened = setrlimit(RLIMIT_CORE, &no_core) == 0 &&
                        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                        std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;
  if (hardened) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "cannot shut the process against others: ", std::strerror(errno)));
}

}  // namespace keyturn::app
