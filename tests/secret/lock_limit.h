// Lets this process lock only so much memory, root included.
#ifndef KEYTURN_TESTS_SECRET_LOCK_LIMIT_H_
#define KEYTURN_TESTS_SECRET_LOCK_LIMIT_H_

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace keyturn::secret {

// Until its end. Concerns what is locked from now on, in this thread.
class LockLimit {
 public:
  explicit LockLimit(size_t bytes) {
    Require(getrlimit(RLIMIT_MEMLOCK, &limit_) == 0);
    Require(syscall(SYS_capget, &header_, rights_) == 0);
    rlimit lower = limit_;
    lower.rlim_cur = bytes;
    Require(setrlimit(RLIMIT_MEMLOCK, &lower) == 0);
    // Who has this right is not asked for the limit.
    __user_cap_data_struct fewer[2] = {rights_[0], rights_[1]};
    fewer[0].effective &= ~(1u << CAP_IPC_LOCK);
    Require(syscall(SYS_capset, &header_, fewer) == 0);
  }
  ~LockLimit() {
    Require(syscall(SYS_capset, &header_, rights_) == 0);
    Require(setrlimit(RLIMIT_MEMLOCK, &limit_) == 0);
  }
  LockLimit(const LockLimit&) = delete;
  LockLimit& operator=(const LockLimit&) = delete;

 private:
  static void Require(bool done) {
    if (!done) std::abort();
  }

  rlimit limit_{};
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct rights_[2]{};
};

}  // namespace keyturn::secret

#endif  // KEYTURN_TESTS_SECRET_LOCK_LIMIT_H_
