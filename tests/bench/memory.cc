#include "tests/bench/memory.h"

#include <malloc.h>
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

}  // namespace keyturn::bench
