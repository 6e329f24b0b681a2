#include "tests/bench/usage.h"

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <fstream>

namespace keyturn::bench {

int64_t ResidentBytes() {
  std::ifstream pages("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  pages >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t ResidentBytesTrimmed() {
  malloc_trim(0);
  return ResidentBytes();
}

absl::Duration ProcessorTime() {
  timespec used = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return absl::DurationFromTimespec(used);
}

}  // namespace keyturn::bench
